//! The highest scores of a row, or the lowest, without sorting them.
//!
//! A line is looked for that as many scores lie on or above as are wanted: begun where it was before, moved by counting
//! how many lie above, which takes the time of a glance at the row. What lies between the nearest lines, a few scores
//! where they are spread, many where they are equal, is settled value by value. Wherever one begins, the same are chosen.

use engine::compiled_for;
use engine::vectors::Vectors;

use super::columns::{CHUNK, Chunk, Column, Lanes, bit, is_member};
use super::symbols::{SymbolSet, symbols_of};

/// So few are settled value by value.
const FEW: usize = 12;

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
        let Between { low, high, high_count, .. } = self.narrow(usize::from(side < 0.0), count, known);
        self.contested.clear();
        for at in 0..self.ranks.chunks().len() {
            let bits = self.on_or_above(at, high);
            chosen.put_chunk(at, bits);
            if high_count < count {
                let contested = self.on_or_above(at, low) & !bits;
                self.contested.extend(symbols_of(0, contested).map(|lane| (at * CHUNK + lane) as u32));
            }
        }
        if high_count < count {
            self.settle(count - high_count, chosen);
        }
    }

    fn fill_ranks(&mut self, scores: &[f64], side: f64, among: &SymbolSet) {
        let mut room = Chunk::default();
        for at in 0..self.ranks.chunks().len() {
            let (bits, scores, ranks) = (among.chunk(at), room.of(scores, at), self.ranks.chunk_mut(at));
            compiled_for!(self.vectors, rank_kernel[](bits: u64, side: f64, scores: &Lanes, ranks: &mut Lanes));
        }
    }

    /// Finds lines with few scores between them, from where one begins in a direction on.
    fn narrow(&mut self, direction: usize, count: usize, known: usize) -> Between {
        let everything = Between { low: f64::NEG_INFINITY, low_count: known, high: f64::INFINITY, high_count: 0 };
        let (begin, first_step) = self.begins[direction].unwrap_or_else(|| self.guess());
        let mut between = everything;
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
            if high_count == count || low_count - high_count <= FEW {
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
        let found = if between.high_count == count { between.high } else { between.low };
        let moved = (found - begin).abs() + 0.5 * first_step;
        let next = (found, moved.max(found.abs() * 1e-9).max(f64::MIN_POSITIVE));
        self.begins[direction] = (next.0.is_finite() && next.1.is_finite()).then_some(next);
        between
    }

    /// The middle of all ranks, and a part of their range.
    fn guess(&self) -> (f64, f64) {
        let ranks = || self.ranks.chunks().iter().flat_map(|chunk| chunk.0);
        let (least, most) = (ranks().fold(f64::INFINITY, f64::min), ranks().fold(f64::NEG_INFINITY, f64::max));
        (f64::midpoint(least, most), 0.25 * most - 0.25 * least)
    }

    /// How many lie on a line or above.
    fn count(&self, line: f64) -> usize {
        let (mut count, ranks) = (0, self.ranks.chunks());
        let found = &mut count;
        compiled_for!(self.vectors, count_kernel[](ranks: &[Chunk], line: f64, found: &mut u64));
        count as usize
    }

    /// Which of a chunk lie on a line or above, a bit each.
    fn on_or_above(&self, at: usize, line: f64) -> u64 {
        let (mut bits, ranks) = (0, self.ranks.chunk(at));
        let found = &mut bits;
        compiled_for!(self.vectors, above_kernel[](ranks: &Lanes, line: f64, found: &mut u64));
        bits
    }

    /// Chooses the best `count` of the contested.
    fn settle(&mut self, count: usize, chosen: &mut SymbolSet) {
        let rank = |symbol: u32| self.ranks[symbol as usize];
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
    }
}

#[inline(always)]
fn rank_kernel(bits: u64, side: f64, scores: &Lanes, ranks: &mut Lanes) {
    for lane in 0..CHUNK {
        // Adding 0 makes one zero of two.
        let rank = side * scores[lane] + 0.0;
        ranks[lane] = if is_member(bits, lane) { rank } else { f64::NAN };
    }
}

#[inline(always)]
fn count_kernel(ranks: &[Chunk], line: f64, found: &mut u64) {
    let mut count = 0;
    for chunk in ranks {
        for lane in 0..CHUNK {
            count += u64::from(chunk.0[lane] >= line);
        }
    }
    *found = count;
}

#[inline(always)]
fn above_kernel(ranks: &Lanes, line: f64, found: &mut u64) {
    let mut above = 0;
    for lane in 0..CHUNK {
        above |= bit(ranks[lane] >= line, lane);
    }
    *found = above;
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
            let mut selection = Selection::new(scores.len());
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
