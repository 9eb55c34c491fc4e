//! One number a symbol, a chunk of symbols at a time.
//!
//! What a bar does to a book is done to whole chunks of a column, as far as a set says that any symbol of a chunk is
//! concerned: where much of a market is held, loops over chunks become vector instructions; where few symbols are, most
//! chunks are passed over.

use std::ops::{Index, IndexMut};

/// Symbols of one chunk: enough for the compiler to see a loop in them, and few enough for the few that a strategy
/// holds of a large market.
pub(super) const CHUNK: usize = 32;

/// One number for each symbol of a chunk.
pub(super) type Lanes = [f64; CHUNK];

/// Lanes of all chunks of so many symbols.
pub(super) const fn lanes_of(symbols: usize) -> usize {
    symbols.next_multiple_of(CHUNK)
}

/// One of the rows of so many symbols, and what follows it in memory, the next row mostly, until chunks are whole: lanes that
/// no set names.
#[inline]
pub(super) fn row_in_lanes(rows: &[f64], symbols: usize, row: usize) -> &[f64] {
    let from = row * symbols;
    &rows[from..rows.len().min(from + lanes_of(symbols))]
}

/// A chunk of a row. Where the row ends within it, a copy, and something else beyond; rows that go on up to whole chunks,
/// with whatever lies behind them, need none. Either way nobody looks beyond the symbols.
#[inline(always)]
pub(super) fn chunk_of_row<'a, T: Copy>(row: &'a [T], chunk: usize, room: &'a mut [T; CHUNK]) -> &'a [T; CHUNK] {
    let rest = &row[chunk * CHUNK..];
    if let Some(lanes) = rest.first_chunk() {
        return lanes;
    }
    room[..rest.len()].copy_from_slice(rest);
    room
}

/// Lanes that begin with a cache line.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
pub(super) struct Chunk(pub(super) Lanes);

impl Chunk {
    /// The same number for each symbol.
    pub(super) const fn all(value: f64) -> Self {
        Self([value; CHUNK])
    }

    /// A chunk of a row, by [`chunk_of_row`].
    #[inline(always)]
    pub(super) fn of<'a>(&'a mut self, row: &'a [f64], chunk: usize) -> &'a Lanes {
        chunk_of_row(row, chunk, &mut self.0)
    }

    /// The sum, always in the same order: halves of lanes are added until one is left.
    #[inline(always)]
    pub(super) fn sum(&self) -> f64 {
        sum(self.0)
    }
}

impl Default for Chunk {
    fn default() -> Self {
        Self::all(0.0)
    }
}

/// One number a symbol, and room for a whole last chunk.
#[derive(Debug, Default)]
pub(super) struct Column {
    chunks: Vec<Chunk>,
}

impl Column {
    /// The same value for all of so many symbols.
    pub(super) fn new(value: f64, symbols: usize) -> Self {
        Self { chunks: vec![Chunk::all(value); symbols.div_ceil(CHUNK)] }
    }

    /// Whether it has no place for any symbol.
    pub(super) fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// All chunks.
    pub(super) fn chunks(&self) -> &[Chunk] {
        &self.chunks
    }

    /// One chunk.
    #[inline(always)]
    pub(super) fn chunk(&self, at: usize) -> &Lanes {
        &self.chunks[at].0
    }

    /// One chunk.
    #[inline(always)]
    pub(super) fn chunk_mut(&mut self, at: usize) -> &mut Lanes {
        &mut self.chunks[at].0
    }
}

impl Index<usize> for Column {
    type Output = f64;

    #[inline(always)]
    fn index(&self, symbol: usize) -> &f64 {
        &self.chunks[symbol / CHUNK].0[symbol % CHUNK]
    }
}

impl IndexMut<usize> for Column {
    #[inline(always)]
    fn index_mut(&mut self, symbol: usize) -> &mut f64 {
        &mut self.chunks[symbol / CHUNK].0[symbol % CHUNK]
    }
}

/// Whether a symbol of a chunk is one of a set of bits.
#[inline(always)]
pub(super) fn is_member(bits: u64, lane: usize) -> bool {
    bits >> lane & 1 == 1
}

/// The bit of a symbol of a chunk, where something is true of it: for long loops, which become vectors as they are.
#[inline(always)]
pub(super) fn bit(holds: bool, lane: usize) -> u32 {
    u32::from(holds) << lane
}

/// The symbols of a chunk that something holds of, a bit each: for what is no part of a long loop.
///
/// Added up as powers of two, which is exact: numbers, whose sums the compiler may not reorder, stay vectors more often
/// than integers, which it likes to take apart bit by bit.
#[inline(always)]
pub(super) fn bits(holds: impl Fn(usize) -> bool) -> u64 {
    /// Adding it leaves a whole number in the low bits.
    const WHOLE: f64 = (1_u64 << 52) as f64;
    let mut powers = [0.0; CHUNK];
    for lane in 0..CHUNK {
        powers[lane] = if holds(lane) { POWERS[lane] } else { 0.0 };
    }
    (sum(powers) + WHOLE).to_bits() & ((1 << CHUNK) - 1)
}

/// One bit each.
const POWERS: Lanes = {
    let mut powers = [0.0; CHUNK];
    let mut lane = 0;
    while lane < CHUNK {
        powers[lane] = (1_u64 << lane) as f64;
        lane += 1;
    }
    powers
};

/// The sum, always in the same order: halves of lanes are added until one is left.
#[inline(always)]
fn sum(mut lanes: Lanes) -> f64 {
    let mut half = CHUNK / 2;
    while half > 0 {
        let (left, right) = lanes.split_at_mut(half);
        for (left, right) in left.iter_mut().zip(right) {
            *left += *right;
        }
        half /= 2;
    }
    lanes[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_has_a_place_for_each_symbol_and_whole_chunks() {
        let mut column = Column::new(1.5, 33);
        column[32] = 3.0;
        assert_eq!((column[0], column[32], column.chunks().len()), (1.5, 3.0, 2));
        let row: Vec<f64> = (0..33).map(f64::from).collect();
        let mut room = Chunk::default();
        assert_eq!(room.of(&row, 0)[..], row[..32]);
        assert_eq!(room.of(&row, 1)[0], 32.0);
        let beyond: Vec<f64> = (0..64).map(f64::from).collect();
        assert_eq!(room.of(&beyond, 1)[..], beyond[32..]);
    }

    #[test]
    fn there_is_a_bit_for_each_lane() {
        for wanted in [0, 1, 0x8000_0001, 0xdead_beef, u64::from(u32::MAX)] {
            assert_eq!(bits(|lane| is_member(wanted, lane)), wanted);
            let together = (0..CHUNK).fold(0, |bits, lane| bits | bit(is_member(wanted, lane), lane));
            assert_eq!(u64::from(together), wanted);
        }
    }

    #[test]
    fn sums_take_every_lane_once() {
        let chunk = Chunk(std::array::from_fn(|lane| (1_u64 << lane) as f64));
        assert_eq!(chunk.sum(), f64::from(u32::MAX));
    }
}
