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

/// Lanes that begin with a cache line.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
pub(super) struct Chunk(pub(super) Lanes);

impl Chunk {
    /// The same number for each symbol.
    pub(super) const fn all(value: f64) -> Self {
        Self([value; CHUNK])
    }

    /// A chunk of a row, NaN beyond its end; copied only where the row ends within it.
    #[inline(always)]
    pub(super) fn of<'a>(&'a mut self, row: &'a [f64], chunk: usize) -> &'a Lanes {
        let rest = &row[chunk * CHUNK..];
        if let Some(lanes) = rest.first_chunk() {
            return lanes;
        }
        // Lane by lane, which becomes vectors again: what a copy of so many bytes writes is long not ready to be read.
        for lane in 0..CHUNK {
            self.0[lane] = if let Some(&value) = rest.get(lane) { value } else { f64::NAN };
        }
        &self.0
    }

    /// The sum, always in the same order: halves of lanes are added until one is left.
    pub(super) fn sum(&self) -> f64 {
        let mut lanes = self.0;
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

/// The bit of a symbol of a chunk, where something is true of it.
#[inline(always)]
pub(super) fn bit(holds: bool, lane: usize) -> u64 {
    u64::from(holds) << lane
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
        let last = *room.of(&row, 1);
        assert!(last[0] == 32.0 && last[1..].iter().all(|value| value.is_nan()));
    }

    #[test]
    fn sums_take_every_lane_once() {
        let chunk = Chunk(std::array::from_fn(|lane| (1_u64 << lane) as f64));
        assert_eq!(chunk.sum(), f64::from(u32::MAX));
    }
}
