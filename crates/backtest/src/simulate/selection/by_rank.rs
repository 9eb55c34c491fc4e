//! The same where somebody has ranked all scores already: how many lie beyond a line follows nearly from where it is.

use crate::simulate::columns::{CHUNK, bits, chunk_of_row};
use crate::simulate::symbols::{SymbolSet, symbols_of};

/// Chooses by ranks: looks for a line with `count` of those that may be chosen beyond it, from where it is if these are
/// spread evenly among all that are ranked. Says whether they are all that are ranked there.
#[inline(always)]
pub(super) fn take(sides: Sides<'_>, among: &SymbolSet, count: usize, chosen: &mut SymbolSet) -> bool {
    let (all, known) = (sides.all, among.len());
    // Lines follow doubled ranks, which begin with 2, counted from the other side: too many lie beyond one, too few beyond
    // the other.
    let (mut low, mut low_count) = (1, known);
    let (mut high, mut high_count) = (2 * all, 0);
    let mut line = 2 * (all - (count * all / known).min(all)) + 1;
    for tried in 1_usize.. {
        line = line.clamp(low + 1, high - 1);
        let beyond = sides.take_beyond(line, among, chosen);
        if beyond.taken == count {
            return beyond.ranked == count;
        }
        if beyond.taken > count {
            (low, low_count) = (line, beyond.taken);
        } else {
            (high, high_count) = (line, beyond.taken);
        }
        if high - low == 1 {
            break;
        }
        line = if tried.is_multiple_of(3) {
            low.midpoint(high)
        } else {
            low + (high - low) * (low_count - count) / (low_count - high_count)
        };
    }
    // One rank is between the lines, that of many.
    sides.take_beyond(high, among, chosen);
    sides.take_first(high, count - high_count, among, chosen);
    false
}

/// Doubled ranks as one side sees them: the best are its highest.
#[derive(Clone, Copy)]
pub(super) struct Sides<'a> {
    pub(super) ranks: &'a [u32],
    pub(super) side: f64,
    /// How many are ranked.
    pub(super) all: usize,
}

/// How many lie beyond a line.
struct Beyond {
    /// Of all that are ranked,
    ranked: usize,
    /// and of those that may be chosen.
    taken: usize,
}

impl Sides<'_> {
    /// Chooses all beyond a line.
    #[inline(always)]
    fn take_beyond(self, line: usize, among: &SymbolSet, chosen: &mut SymbolSet) -> Beyond {
        let line = line as f64 + 0.5;
        let (low, high) =
            if self.side > 0.0 { (line, f64::INFINITY) } else { (0.5, 2.0 * (self.all as f64 + 1.0) - line) };
        let mut beyond = Beyond { ranked: 0, taken: 0 };
        self.each_chunk(low, high, chosen.chunk_count(), |at, ranked| {
            let taken = ranked & among.chunk(at);
            chosen.put_chunk(at, taken);
            beyond.ranked += ranked.count_ones() as usize;
            beyond.taken += taken.count_ones() as usize;
        });
        beyond
    }

    /// Chooses the first `count` that have a rank.
    #[inline(always)]
    fn take_first(self, rank: usize, count: usize, among: &SymbolSet, chosen: &mut SymbolSet) {
        let rank = if self.side > 0.0 { rank } else { 2 * (self.all + 1) - rank } as f64;
        let mut left = count;
        self.each_chunk(rank - 0.5, rank + 0.5, chosen.chunk_count(), |at, ranked| {
            for lane in symbols_of(0, ranked & among.chunk(at)).take(left) {
                chosen.insert(at * CHUNK + lane);
                left -= 1;
            }
        });
    }

    /// Goes through the chunks of who has a rank between two bounds, a bit each.
    #[inline(always)]
    fn each_chunk(self, low: f64, high: f64, chunks: usize, mut visit: impl FnMut(usize, u64)) {
        let mut room = [0; CHUNK];
        for at in 0..chunks.min(self.ranks.len().div_ceil(CHUNK)) {
            let ranks = chunk_of_row(self.ranks, at, &mut room);
            let rank = |lane: usize| f64::from(ranks[lane] as i32);
            visit(at, bits(|lane| (rank(lane) > low) & (rank(lane) < high)));
        }
    }
}

/// How many have a rank.
#[inline(always)]
pub(in crate::simulate) fn ranked(doubled_ranks: &[u32]) -> usize {
    doubled_ranks.iter().map(|&rank| u32::from(rank != 0)).sum::<u32>() as usize
}
