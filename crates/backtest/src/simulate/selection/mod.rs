//! The highest scores of a row, or the lowest, without sorting them.
//!
//! A line is looked for that as many scores lie on or above as are wanted: begun where it was before, moved by counting
//! how many lie above, which takes the time of a glance at the row. What lies between the nearest lines, a few scores
//! where they are spread, many where they are equal, is settled value by value. Wherever one begins, the same are chosen, and
//! so they are where ranks of all scores are there already ([`by_rank`]).

use engine::compiled_for;
use engine::vectors::Vectors;

use super::columns::{CHUNK, Chunk, Column, bits, is_member};
use super::symbols::{SymbolSet, symbols_of};

mod by_rank;

use by_rank::Sides;
pub(super) use by_rank::ranked;

/// So few are settled by comparing each with each.
const FEW: usize = 16;

/// A look at one part in so many of all takes no longer than another line does.
const PART: usize = 32;

/// Ranks that are counted at once.
const LANES: usize = 8;

/// Lines that are tried before what is left is settled value by value, however many.
const MOST_LINES: usize = 24;

/// Selects symbols by score; keeps its lists from one time to the next.
#[derive(Debug)]
pub(super) struct Selection {
    vectors: Vectors,
    /// Scores of those asked for, in the direction asked for; NaN for the others.
    ranks: Column,
    /// By direction, where one begins and how far one steps.
    begins: [Option<(f64, f64)>; 2],
    /// Those of which some are chosen, in symbol order.
    contested: Vec<u32>,
    /// Their ranks.
    values: Vec<f64>,
}

/// What symbols are chosen by, `[symbols]`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scores<'a> {
    pub(super) values: &'a [f64],
    /// Twice the ranks of all that are known, counted from 1, where somebody has made them: their line need not be looked
    /// for.
    pub(super) doubled_ranks: Option<&'a [u32]>,
}

/// Two lines, with how many lie on or above each: not fewer than are wanted, and not more.
#[derive(Debug, Clone, Copy)]
struct Between {
    low: f64,
    low_count: usize,
    high: f64,
    high_count: usize,
}

impl Selection {
    /// For so many symbols.
    pub(super) fn new(symbols: usize) -> Self {
        Self {
            vectors: Vectors::detect(),
            ranks: Column::new(f64::NAN, symbols),
            begins: [None; 2],
            contested: Vec::new(),
            values: Vec::new(),
        }
    }

    /// Puts the `count` highest (`side` 1) or lowest (`side` -1) of the finite scores of `among` into `chosen`, ties in
    /// symbol order. Says whether they are known to be all that have ranks, made beforehand, on their side of some line.
    pub(super) fn take(
        &mut self,
        scores: Scores<'_>,
        side: f64,
        among: &SymbolSet,
        count: usize,
        chosen: &mut SymbolSet,
    ) -> bool {
        let known = among.len();
        if count >= known {
            chosen.words_mut().copy_from_slice(among.words());
            return false;
        }
        chosen.clear();
        if count == 0 {
            return false;
        }
        let (selection, mut found) = (self, false);
        let is_unbroken = &mut found;
        compiled_for!(selection.vectors, take_sweep[](
            selection: &mut Selection,
            scores: Scores<'_>,
            side: f64,
            among: &SymbolSet,
            count: usize,
            chosen: &mut SymbolSet,
            is_unbroken: &mut bool,
        ));
        found
    }

    #[inline(always)]
    fn fill_ranks(&mut self, scores: &[f64], side: f64, among: &SymbolSet) {
        let mut room = Chunk::default();
        for at in 0..self.ranks.chunks().len() {
            let (bits, scores, ranks) = (among.chunk(at), room.of(scores, at), self.ranks.chunk_mut(at));
            for lane in 0..CHUNK {
                // Adding 0 makes one zero of two.
                let rank = side * scores[lane] + 0.0;
                ranks[lane] = if is_member(bits, lane) { rank } else { f64::NAN };
            }
        }
    }

    /// Finds lines with few scores between them, from one line on by steps of a length; gives where to begin the next time
    /// as well.
    #[inline(always)]
    fn narrow(&self, (begin, first_step): (f64, f64), count: usize, known: usize) -> (Between, Option<(f64, f64)>) {
        let mut between = Between { low: f64::NEG_INFINITY, low_count: known, high: f64::INFINITY, high_count: 0 };
        let (mut line, mut step) = (begin, first_step);
        for tried in 1..=MOST_LINES {
            let above = self.count(line);
            if above >= count {
                (between.low, between.low_count) = (line, above);
            }
            if above <= count {
                (between.high, between.high_count) = (line, above);
            }
            let Between { low, low_count, high, high_count } = between;
            if high_count == count || low_count - high_count <= FEW.max(known / PART) {
                break;
            }
            line = if high == f64::INFINITY {
                line + step
            } else if low == f64::NEG_INFINITY {
                line - step
            } else if tried % 3 == 0 {
                f64::midpoint(low, high)
            } else {
                // Where the line would be if scores were spread evenly.
                let part = (low_count as f64 - count as f64 - 0.5) / (low_count - high_count) as f64;
                low + (high - low) * part.max(0.0)
            };
            step *= 4.0;
        }
        // A line that hardly moves is looked for nearby. What is not a number any more is found anew.
        let is_low = between.high_count != count && between.low.is_finite();
        let found = if is_low { between.low } else { between.high };
        let moved = (found - begin).abs() + 0.5 * first_step;
        let next = (found, moved.max(found.abs() * 1e-9).max(f64::MIN_POSITIVE));
        (between, (next.0.is_finite() && next.1.is_finite()).then_some(next))
    }

    /// The middle of all ranks, and a part of their range.
    #[cold]
    fn guess(&self) -> (f64, f64) {
        let ranks = || self.ranks.chunks().iter().flat_map(|chunk| chunk.0);
        let (least, most) = (ranks().fold(f64::INFINITY, f64::min), ranks().fold(f64::NEG_INFINITY, f64::max));
        (f64::midpoint(least, most), 0.25 * most - 0.25 * least)
    }

    /// How many lie on a line or above.
    #[inline(always)]
    fn count(&self, line: f64) -> usize {
        // Numbers as wide as ranks: counts then take as many lanes as comparisons.
        let mut counts = [0.0; LANES];
        for chunk in self.ranks.chunks() {
            for ranks in chunk.0.as_chunks::<LANES>().0 {
                for lane in 0..LANES {
                    counts[lane] += if ranks[lane] >= line { 1.0 } else { 0.0 };
                }
            }
        }
        let [a, b, c, d, e, f, g, h] = counts;
        (((a + b) + (c + d)) + ((e + f) + (g + h))) as usize
    }

    /// Chooses the best `count` of the contested.
    fn settle_many(&mut self, count: usize, chosen: &mut SymbolSet) {
        let rank = |symbol: u32| self.ranks[symbol as usize];
        let mut values = std::mem::take(&mut self.values);
        values.clear();
        values.extend(self.contested.iter().map(|&symbol| rank(symbol)));
        let at = values.len() - count;
        let (_, &mut last, above) = values.select_nth_unstable_by(at, f64::total_cmp);
        let mut ties = count - above.iter().filter(|&&rank| rank > last).count();
        for &symbol in &self.contested {
            let rank = rank(symbol);
            if rank > last || (rank == last && ties > 0) {
                ties -= usize::from(rank == last);
                chosen.insert(symbol as usize);
            }
        }
        self.values = values;
    }

    /// The same for few: each is compared with each, which takes no branch that a processor could guess wrong.
    #[inline(always)]
    fn settle_few(&self, count: usize, chosen: &mut SymbolSet) {
        let mut values = [f64::NEG_INFINITY; FEW];
        for (value, &symbol) in values.iter_mut().zip(&self.contested) {
            *value = self.ranks[symbol as usize];
        }
        let mut better = [0_u64; FEW];
        for (at, &value) in values.iter().enumerate() {
            for other in 0..FEW {
                // Of equals the first comes first.
                let is_better = if at < other { value >= values[other] } else { value > values[other] };
                better[other] += u64::from(is_better);
            }
        }
        for (&symbol, better) in self.contested.iter().zip(better) {
            chosen.insert_if(better < count as u64, symbol as usize);
        }
    }
}

#[inline(always)]
fn take_sweep(
    selection: &mut Selection,
    scores: Scores<'_>,
    side: f64,
    among: &SymbolSet,
    count: usize,
    chosen: &mut SymbolSet,
    is_unbroken: &mut bool,
) {
    let known = among.len();
    if let Some(ranks) = scores.doubled_ranks {
        let sides = Sides { ranks, side, all: ranked(ranks) };
        if sides.all >= known {
            *is_unbroken = by_rank::take(sides, among, count, chosen);
            return;
        }
    }
    selection.fill_ranks(scores.values, side, among);
    let direction = usize::from(side < 0.0);
    let begin = selection.begins[direction].unwrap_or_else(|| selection.guess());
    let (Between { low, high, high_count, .. }, next) = selection.narrow(begin, count, known);
    selection.begins[direction] = next;
    selection.contested.clear();
    for at in 0..selection.ranks.chunks().len() {
        let ranks = selection.ranks.chunk(at);
        let above_high = bits(|lane| ranks[lane] >= high);
        chosen.put_chunk(at, above_high);
        if high_count < count {
            let contested = symbols_of(0, bits(|lane| ranks[lane] >= low) & !above_high);
            selection.contested.extend(contested.map(|lane| (at * CHUNK + lane) as u32));
        }
    }
    match selection.contested.len() {
        _ if high_count == count => {}
        0..=FEW => selection.settle_few(count - high_count, chosen),
        _ => selection.settle_many(count - high_count, chosen),
    }
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
            // What was selected before must not matter, wherever the line went, nor who makes ranks.
            let mut selection = Selection::new(scores.len());
            let before: Vec<f64> = scores.iter().map(|score| score + shift).collect();
            selection.take(Scores { values: &before, doubled_ranks: None }, side, &among, count, &mut chosen);
            let mut by_rank = SymbolSet::new(scores.len());
            let mut ranks = vec![0; scores.len()];
            engine::Ranker::default().rank_twice(&scores, &mut ranks);
            selection.take(Scores { values: &scores, doubled_ranks: Some(&ranks) }, side, &among, count, &mut by_rank);
            selection.take(Scores { values: &scores, doubled_ranks: None }, side, &among, count, &mut chosen);
            prop_assert_eq!(&chosen, &by_rank);
            let mut sorted: Vec<usize> = among.iter().collect();
            sorted.sort_by(|&a, &b| (side * scores[b]).partial_cmp(&(side * scores[a])).unwrap());
            sorted.truncate(count);
            sorted.sort_unstable();
            prop_assert_eq!(chosen.iter().collect::<Vec<_>>(), sorted);
        }
    }
}
