//! The highest scores of a row, or the lowest, without sorting them.
//!
//! Where the line went before, it often goes again, give or take: those clearly below it are left out, and the few others
//! are looked at value by value. Where too few or too many are left, scores fall into buckets of equal width: whole
//! buckets are in or out, and only the one through which the line goes is looked at value by value. Either way the same
//! are chosen.

use super::symbols::{SymbolSet, WORD, mask, symbols_of};

/// Most buckets; the first is for symbols that are not asked for.
const BUCKETS: usize = 256;

/// Most that are looked at value by value, as a multiple of those that are chosen.
const MOST_NEAR: usize = 4;

/// How far below the line one begins to look, as a part of the distance from the line to the best.
const MARGIN: f64 = 0.15;

/// Selects symbols by score; keeps its lists from one time to the next.
#[derive(Debug, Default)]
pub(super) struct Selection {
    /// Scores of those asked for, in the direction asked for; NaN for the others. `[symbols]`.
    ranks: Vec<f64>,
    buckets: Vec<u32>,
    /// Where those begin that are looked at first, by direction.
    begins: [f64; 2],
    /// Those of which some are chosen, in symbol order.
    contested: Vec<u32>,
    /// Their ranks.
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
        if MOST_NEAR * count >= known {
            self.take_by_buckets(scores, side, among, count, chosen);
            return;
        }
        let direction = usize::from(side < 0.0);
        let begin = self.begins[direction];
        let (line, best) = self
            .take_near_line(scores, side, among, count, begin, chosen)
            .unwrap_or_else(|| self.take_by_buckets(scores, side, among, count, chosen));
        self.begins[direction] = line - MARGIN * (best - line);
    }

    /// Chooses among those of at least a rank, if there are neither too few nor too many; gives the least rank that was
    /// chosen and the best.
    fn take_near_line(
        &mut self,
        scores: &[f64],
        side: f64,
        among: &SymbolSet,
        count: usize,
        begin: f64,
        chosen: &mut SymbolSet,
    ) -> Option<(f64, f64)> {
        let mut near = 0;
        for (word, (chosen, among)) in chosen.words_mut().iter_mut().zip(among.words()).enumerate() {
            *chosen = mask(scores, word, |score| side * score >= begin) & among;
            near += chosen.count_ones() as usize;
        }
        if near < count || near > MOST_NEAR * count {
            return None;
        }
        self.contested.clear();
        for (word, &bits) in chosen.words().iter().enumerate() {
            self.contested.extend(symbols_of(word, bits).map(|symbol| symbol as u32));
        }
        chosen.clear();
        let line = self.settle(scores, side, count, chosen);
        Some((line, extreme(&self.values, line, |rank, best| rank > best)))
    }

    /// Chooses among all; gives the least rank that was chosen and the best.
    fn take_by_buckets(
        &mut self,
        scores: &[f64],
        side: f64,
        among: &SymbolSet,
        count: usize,
        chosen: &mut SymbolSet,
    ) -> (f64, f64) {
        self.fill_ranks(scores, side, among);
        let (buckets, best) = self.fill_buckets(among.len());
        let (line, above) = self.line(count, buckets);
        self.contested.clear();
        for (word, chosen) in chosen.words_mut().iter_mut().enumerate() {
            *chosen = mask(&self.buckets, word, |bucket| bucket > line);
            let on = mask(&self.buckets, word, |bucket| bucket == line);
            self.contested.extend(symbols_of(word, on).map(|symbol| symbol as u32));
        }
        (self.settle(scores, side, count - above, chosen), best)
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

    /// Writes the bucket of every symbol, 0 for those that are not asked for; gives how many buckets there are, and the
    /// best rank.
    fn fill_buckets(&mut self, known: usize) -> (usize, f64) {
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
        (last, most)
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

    /// Chooses the best `count` of the contested; gives the least rank of them.
    fn settle(&mut self, scores: &[f64], side: f64, count: usize, chosen: &mut SymbolSet) -> f64 {
        // Adding 0 makes one zero of two.
        let rank = |symbol: u32| side * scores[symbol as usize] + 0.0;
        self.values.clear();
        self.values.extend(self.contested.iter().map(|&symbol| rank(symbol)));
        let at = self.values.len() - count;
        let (_, &mut last, above) = self.values.select_nth_unstable_by(at, f64::total_cmp);
        let mut ties = count - above.iter().filter(|&&rank| rank > last).count();
        for &symbol in &self.contested {
            let rank = rank(symbol);
            if rank > last || (rank == last && ties > 0) {
                ties -= usize::from(rank == last);
                chosen.insert(symbol as usize);
            }
        }
        last
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
            shift in prop_oneof![Just(0.0), -0.2..0.2_f64, -9.0..9.0_f64],
        ) {
            let side = if low { -1.0 } else { 1.0 };
            let mut among = SymbolSet::new(scores.len());
            let asked = |symbol: &usize| scores[*symbol].is_finite() && asked >> (symbol % 61) & 3 != 0;
            (0..scores.len()).filter(asked).for_each(|symbol| among.insert(symbol));
            let mut chosen = SymbolSet::new(scores.len());
            // What was selected before must not matter, wherever the line went.
            let mut selection = Selection::default();
            let before: Vec<f64> = scores.iter().map(|score| score + shift).collect();
            selection.take(&before, side, &among, count, &mut chosen);
            selection.take(&scores, side, &among, count, &mut chosen);
            let mut sorted: Vec<usize> = among.iter().collect();
            sorted.sort_by(|&a, &b| (side * scores[b]).partial_cmp(&(side * scores[a])).unwrap());
            sorted.truncate(count);
            sorted.sort_unstable();
            prop_assert_eq!(chosen.iter().collect::<Vec<_>>(), sorted);
        }
    }
}
