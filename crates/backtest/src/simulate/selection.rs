//! The highest scores of a row, or the lowest, without sorting them.
//!
//! Scores fall into buckets of equal width. Whole buckets are in or out, and only the one through which the line goes is
//! looked at value by value.

use super::symbols::{SymbolSet, WORD, mask, symbols_of};

/// Most buckets; the first is for symbols that are not asked for.
const BUCKETS: usize = 256;

/// Selects symbols by score; keeps its lists from one time to the next.
#[derive(Debug, Default)]
pub(super) struct Selection {
    /// Scores of those asked for, in the direction asked for; NaN for the others. `[symbols]`.
    ranks: Vec<f64>,
    buckets: Vec<u32>,
    /// Those in the bucket through which the line goes, in symbol order.
    contested: Vec<u32>,
    values: Vec<f64>,
}

impl Selection {
    /// Puts the `count` highest (`side` 1) or lowest (`side` -1) of the finite scores of `among` into `chosen`, ties in
    /// symbol order.
    pub(super) fn take(&mut self, scores: &[f64], side: f64, among: &SymbolSet, count: usize, chosen: &mut SymbolSet) {
        let known = among.len();
        if count >= known {
            chosen.words_mut().copy_from_slice(among.words());
            return;
        }
        chosen.clear();
        if count == 0 {
            return;
        }
        self.fill_ranks(scores, side, among);
        let buckets = self.fill_buckets(known);
        let (line, above) = self.line(count, buckets);
        self.contested.clear();
        for (word, chosen) in chosen.words_mut().iter_mut().enumerate() {
            *chosen = mask(&self.buckets, word, |bucket| bucket > line);
            let on = mask(&self.buckets, word, |bucket| bucket == line);
            self.contested.extend(symbols_of(word, on).map(|symbol| symbol as u32));
        }
        self.settle(count - above, chosen);
    }

    fn fill_ranks(&mut self, scores: &[f64], side: f64, among: &SymbolSet) {
        self.ranks.clear();
        // Adding 0 makes one zero of two.
        self.ranks.extend(scores.iter().map(|score| side * score + 0.0));
        for (word, &bits) in among.words().iter().enumerate() {
            let whole = u64::MAX >> (WORD - (scores.len() - word * WORD).min(WORD));
            symbols_of(word, !bits & whole).for_each(|symbol| self.ranks[symbol] = f64::NAN);
        }
    }

    /// Writes the bucket of every symbol, 0 for those that are not asked for; gives how many buckets there are.
    fn fill_buckets(&mut self, known: usize) -> usize {
        /// Adding it leaves the nearest whole number in the low bits.
        const WHOLE: f64 = (1_u64 << 52) as f64;
        let least = extreme(&self.ranks, f64::INFINITY, |rank, least| rank < least);
        let most = extreme(&self.ranks, f64::NEG_INFINITY, |rank, most| rank > most);
        let last = (known / 2).clamp(1, BUCKETS - 1);
        let scale = (last - 1) as f64 / (most - least);
        // Without a width that can be divided, all are in one bucket.
        let (scale, last) = if scale.is_normal() { (scale, last) } else { (0.0, 1) };
        let base = if scale == 0.0 { 0.0 } else { least };
        self.buckets.clear();
        self.buckets.extend(self.ranks.iter().map(|&rank| {
            let place = (rank - base) * scale + 1.0;
            let known = if rank.is_nan() { 0.0 } else { place };
            (known + WHOLE).to_bits() as u32
        }));
        last
    }

    /// The bucket through which the line goes, and how many lie above it.
    fn line(&self, count: usize, buckets: usize) -> (u32, usize) {
        // Neighbours often share a bucket: two sets of counts keep additions from waiting for each other.
        let mut counts = [[0_u32; BUCKETS]; 2];
        let (pairs, rest) = self.buckets.as_chunks::<2>();
        for &[left, right] in pairs {
            counts[0][left as usize & (BUCKETS - 1)] += 1;
            counts[1][right as usize & (BUCKETS - 1)] += 1;
        }
        for &bucket in rest {
            counts[0][bucket as usize & (BUCKETS - 1)] += 1;
        }
        let mut above = 0;
        for bucket in (1..=buckets).rev() {
            let inside = (counts[0][bucket] + counts[1][bucket]) as usize;
            if above + inside >= count {
                return (bucket as u32, above);
            }
            above += inside;
        }
        unreachable!("fewer are wanted than there are")
    }

    /// Chooses the best `count` of the contested.
    fn settle(&mut self, count: usize, chosen: &mut SymbolSet) {
        if count == self.contested.len() {
            self.contested.iter().for_each(|&symbol| chosen.insert(symbol as usize));
            return;
        }
        self.values.clear();
        self.values.extend(self.contested.iter().map(|&symbol| self.ranks[symbol as usize]));
        let at = self.values.len() - count;
        let (_, &mut last, above) = self.values.select_nth_unstable_by(at, f64::total_cmp);
        let mut ties = count - above.iter().filter(|&&rank| rank > last).count();
        for &symbol in &self.contested {
            let rank = self.ranks[symbol as usize];
            if rank > last || (rank == last && ties > 0) {
                ties -= usize::from(rank == last);
                chosen.insert(symbol as usize);
            }
        }
    }
}

/// The value that `is_better` than all others; NaN is better than none.
#[inline(always)]
fn extreme(values: &[f64], none: f64, is_better: impl Fn(f64, f64) -> bool) -> f64 {
    const LANES: usize = 8;
    let choose = |value: f64, found: f64| if is_better(value, found) { value } else { found };
    let mut found = [none; LANES];
    let (chunks, rest) = values.as_chunks::<LANES>();
    for chunk in chunks {
        for lane in 0..LANES {
            found[lane] = choose(chunk[lane], found[lane]);
        }
    }
    rest.iter().chain(&found).fold(none, |found, &value| choose(value, found))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_best_are_those_that_sorting_puts_first(
            scores in prop::collection::vec(prop_oneof![
                6 => -1.0..1.0_f64,
                4 => (0..4_u8).prop_map(f64::from),
                2 => Just(f64::NAN),
                2 => prop_oneof![Just(0.0), Just(-0.0), Just(f64::MAX), Just(f64::MIN), Just(5e-324)],
                1 => (0..3_u64).prop_map(|ulps| f64::from_bits(1.5_f64.to_bits() + ulps)),
            ], 1..200),
            asked in any::<u64>(),
            count in 0..120_usize,
            low in any::<bool>(),
        ) {
            let side = if low { -1.0 } else { 1.0 };
            let mut among = SymbolSet::new(scores.len());
            let asked = |symbol: &usize| scores[*symbol].is_finite() && asked >> (symbol % 61) & 3 != 0;
            (0..scores.len()).filter(asked).for_each(|symbol| among.insert(symbol));
            let mut chosen = SymbolSet::new(scores.len());
            Selection::default().take(&scores, side, &among, count, &mut chosen);
            let mut sorted: Vec<usize> = among.iter().collect();
            sorted.sort_by(|&a, &b| (side * scores[b]).partial_cmp(&(side * scores[a])).unwrap());
            sorted.truncate(count);
            sorted.sort_unstable();
            prop_assert_eq!(chosen.iter().collect::<Vec<_>>(), sorted);
        }
    }
}
