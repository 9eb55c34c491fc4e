//! Sets of symbols, a bit each: sixty-four are asked for, joined or left out at once, and come in symbol order by
//! themselves.

use super::columns::CHUNK;

/// Symbols of one word.
pub(super) const WORD: usize = 64;

/// Chunks of one word.
const CHUNKS: usize = WORD / CHUNK;

/// The bits of a word's first chunk.
const LOW: u64 = (1 << CHUNK) - 1;

const _: () = assert!(CHUNKS == 2, "a word is two chunks");

/// Words that a set of so many symbols takes.
pub(super) fn words(symbols: usize) -> usize {
    symbols.div_ceil(WORD)
}

/// The values of one word of a row that `holds` is true of.
#[inline(always)]
pub(super) fn mask<T: Copy>(values: &[T], word: usize, holds: impl Fn(T) -> bool) -> u64 {
    let start = word * WORD;
    let (eights, rest) = values[start..values.len().min(start + WORD)].as_chunks::<8>();
    let mut bits = 0;
    for (place, eight) in eights.iter().enumerate() {
        // Eight bytes of 0 or 1; the product moves them into one byte, the first to its lowest bit.
        let bytes = u64::from_le_bytes(eight.map(|value| u8::from(holds(value))));
        bits |= (bytes.wrapping_mul(0x0102_0408_1020_4080) >> 56) << (8 * place);
    }
    let last = rest.iter().enumerate().fold(0, |bits, (at, &value)| bits | u64::from(holds(value)) << at);
    if rest.is_empty() { bits } else { bits | last << (8 * eights.len()) }
}

/// The symbols of one word, in order.
#[inline(always)]
pub(super) fn symbols_of(word: usize, bits: u64) -> impl Iterator<Item = usize> {
    let mut left = bits;
    std::iter::from_fn(move || {
        let at = left.trailing_zeros() as usize;
        if left == 0 {
            return None;
        }
        left &= left - 1;
        Some(word * WORD + at)
    })
}

/// Whether a symbol is one of a set that its words give.
#[inline]
pub(super) fn is_in(words: &[u64], symbol: usize) -> bool {
    words[symbol / WORD] >> (symbol % WORD) & 1 == 1
}

/// Those of one chunk of a set that its words give, a bit each.
#[inline(always)]
pub(super) fn chunk_of(words: &[u64], at: usize) -> u64 {
    words[at / CHUNKS] >> (at % CHUNKS * CHUNK) & LOW
}

/// A set of symbols.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct SymbolSet {
    words: Vec<u64>,
}

impl SymbolSet {
    /// No symbol out of so many.
    pub(super) fn new(symbols: usize) -> Self {
        Self { words: vec![0; words(symbols)] }
    }

    pub(super) fn words(&self) -> &[u64] {
        &self.words
    }

    pub(super) fn words_mut(&mut self) -> &mut [u64] {
        &mut self.words
    }

    #[inline]
    pub(super) fn insert(&mut self, symbol: usize) {
        self.words[symbol / WORD] |= 1 << (symbol % WORD);
    }

    /// Inserts a symbol where something holds, without a branch.
    #[inline(always)]
    pub(super) fn insert_if(&mut self, holds: bool, symbol: usize) {
        self.words[symbol / WORD] |= u64::from(holds) << (symbol % WORD);
    }

    #[inline]
    pub(super) fn remove(&mut self, symbol: usize) {
        self.words[symbol / WORD] &= !(1 << (symbol % WORD));
    }

    #[inline]
    pub(super) fn contains(&self, symbol: usize) -> bool {
        is_in(&self.words, symbol)
    }

    /// The chunks that hold any of its symbols, in order, each with those, a bit each.
    #[inline(always)]
    pub(super) fn chunks(&self) -> impl Iterator<Item = (usize, u64)> {
        let halves = self.words.iter().flat_map(|word| [word & LOW, word >> CHUNK]);
        halves.enumerate().filter(|&(_, bits)| bits != 0)
    }

    /// How many chunks whole words have.
    #[inline(always)]
    pub(super) fn chunk_count(&self) -> usize {
        CHUNKS * self.words.len()
    }

    /// Those of one chunk, a bit each.
    #[inline(always)]
    pub(super) fn chunk(&self, at: usize) -> u64 {
        chunk_of(&self.words, at)
    }

    /// Says which symbols of a chunk are in it, a bit each.
    #[inline(always)]
    pub(super) fn put_chunk(&mut self, at: usize, bits: u64) {
        let shift = at % CHUNKS * CHUNK;
        let word = &mut self.words[at / CHUNKS];
        *word = *word & !(LOW << shift) | bits << shift;
    }

    /// Adds some symbols of a chunk, a bit each.
    #[inline(always)]
    pub(super) fn join_chunk(&mut self, at: usize, bits: u64) {
        self.words[at / CHUNKS] |= bits << (at % CHUNKS * CHUNK);
    }

    /// Adds those of another set.
    pub(super) fn join(&mut self, other: &SymbolSet) {
        self.words.iter_mut().zip(&other.words).for_each(|(word, other)| *word |= other);
    }

    /// Takes those of another set out.
    pub(super) fn leave_out(&mut self, other: &SymbolSet) {
        self.words.iter_mut().zip(&other.words).for_each(|(word, other)| *word &= !other);
    }

    #[inline(always)]
    pub(super) fn clear(&mut self) {
        match &mut *self.words {
            // In a small market, to call somebody for one word takes longer than to write it.
            [word] => *word = 0,
            words => words.fill(0),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.words.iter().all(|&word| word == 0)
    }

    pub(super) fn len(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// The symbols in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = usize> {
        self.words.iter().enumerate().flat_map(|(word, &bits)| symbols_of(word, bits))
    }
}

/// A set as a list, made anew where the set is another than it was.
#[derive(Debug, Default)]
pub(super) struct SymbolList {
    set: SymbolSet,
    symbols: Vec<u32>,
}

impl SymbolList {
    /// The symbols of a set in order.
    pub(super) fn of(&mut self, set: &SymbolSet) -> &[u32] {
        if self.set != *set {
            self.set.clone_from(set);
            self.symbols.clear();
            self.symbols.extend(set.iter().map(|symbol| symbol as u32));
        }
        &self.symbols
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_come_in_order_once_each() {
        let mut set = SymbolSet::new(130);
        assert_eq!(set.len(), 0);
        for symbol in [129, 0, 64, 63, 64, 7] {
            set.insert(symbol);
        }
        set.remove(7);
        set.remove(8);
        assert_eq!(set.iter().collect::<Vec<_>>(), [0, 63, 64, 129]);
        assert_eq!((set.len(), set.contains(63), set.contains(7)), (4, true, false));
        set.clear();
        assert_eq!(set, SymbolSet::new(130));
    }

    #[test]
    fn a_list_follows_its_set() {
        let (mut set, mut list) = (SymbolSet::new(70), SymbolList::default());
        assert!(list.of(&set).is_empty());
        set.insert(66);
        set.insert(3);
        assert_eq!(list.of(&set), [3, 66]);
        assert_eq!(list.of(&set), [3, 66]);
        set.remove(3);
        assert_eq!(list.of(&set), [66]);
    }

    #[test]
    fn a_mask_has_a_bit_for_each_value_that_fits() {
        let values: Vec<f64> = (0..70).map(|at| if at % 3 == 0 { f64::NAN } else { f64::from(at) }).collect();
        let found: Vec<usize> =
            (0..words(70)).flat_map(|word| symbols_of(word, mask(&values, word, |x| x > 60.0))).collect();
        assert_eq!(found, [61, 62, 64, 65, 67, 68]);
    }
}
