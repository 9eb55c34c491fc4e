//! The ranks of labels, made once, and the rank IC of factors with them.

use std::ops::{AddAssign, Mul};

use engine::vectors::Vectors;
use engine::{Ranker, compiled_for};

use super::order::Order;
use super::{Correlation, FEWEST_PAIRS, MOST_SYMBOLS, coefficient};
use crate::error::Error;

/// Working memory of rank computations, reused from row to row so that none of them allocates.
#[derive(Debug, Default)]
pub struct RankScratch {
    pub(super) order: Order,
    pub(super) left: Vec<u32>,
    pub(super) right: Vec<u32>,
    ranker: Ranker,
    /// A factor's values where the label exists.
    labelled: Vec<f64>,
    /// Twice the ranks of a factor's values, whole lanes; 0 where there is none.
    ranks: Vec<u32>,
    /// The same of labels, where a factor's values are missing for some.
    closed: Vec<u32>,
    /// How many labels of each rank stay.
    counts: Vec<u32>,
    /// Whether `ranks` are those of all known values.
    are_all_ranked: bool,
}

impl RankScratch {
    /// Twice the average rank of each known value of the factor's row that [`LabelRanks::ic`] took last, counted from 1,
    /// where it made them of all known values: 0 for a missing one, and for what follows the row.
    pub fn doubled_ranks(&self) -> Option<&[u32]> {
        self.are_all_ranked.then_some(&self.ranks)
    }
}

/// The ranks of a panel of labels, computed once and correlated with many factors.
///
/// A label is what a factor is to predict, for instance [`forward_returns`](super::forward_returns).
#[derive(Debug, Clone)]
pub struct LabelRanks {
    symbols: usize,
    /// Twice the average rank among the bar's labels, counted from 1; 0 where the label is missing, and up to whole lanes.
    /// Bars without any label have no row.
    doubled: Vec<u32>,
    bars: Vec<LabelledBar>,
}

/// Labels of one bar.
#[derive(Debug, Clone, Copy)]
struct LabelledBar {
    /// How many there are.
    present: usize,
    /// Where their ranks start.
    start: usize,
}

impl LabelRanks {
    /// Ranks a flat panel of labels, `[bars x symbols]`, NaN = missing. Bars without a label take no room.
    ///
    /// # Errors
    /// When the panel does not divide into rows, or a row has more than 1,048,576 symbols.
    pub fn new(labels: &[f64], symbols: usize) -> Result<Self, Error> {
        if symbols > MOST_SYMBOLS {
            return Err(Error::TooManySymbols(symbols));
        }
        if !labels.is_empty() && labels.len().checked_rem(symbols) != Some(0) {
            return Err(Error::Shape { values: labels.len(), symbols });
        }
        let rows = || labels.chunks_exact(symbols.max(1));
        let has_labels = |row: &&[f64]| row.iter().any(|label| !label.is_nan());
        let width = whole_lanes(symbols);
        let mut doubled = vec![0; rows().filter(has_labels).count() * width];
        let mut order = Order::default();
        let mut next = 0;
        let mut rank = |row: &[f64]| {
            let start = next;
            if !has_labels(&row) {
                return LabelledBar { present: 0, start };
            }
            next += width;
            let present = order.fill(row, |_| true);
            order.rank(row, &mut doubled[start..][..symbols]);
            LabelledBar { present, start }
        };
        let bars = rows().map(&mut rank).collect();
        Ok(Self { symbols, doubled, bars })
    }

    /// Number of bars.
    pub fn bars(&self) -> usize {
        self.bars.len()
    }

    /// Number of symbols.
    pub fn symbols(&self) -> usize {
        self.symbols
    }

    /// Symbols whose label exists on a bar.
    pub fn present(&self, bar: usize) -> usize {
        self.bars.get(bar).map_or(0, |bar| bar.present)
    }

    /// Twice the average rank of each symbol's label on a bar, counted from 1; 0 where the label is missing. Empty for a
    /// bar without any.
    pub(crate) fn doubled(&self, bar: usize) -> &[u32] {
        match self.bars.get(bar) {
            Some(&LabelledBar { present: 1.., start }) => &self.doubled[start..][..self.symbols],
            _ => &[],
        }
    }

    /// The rank IC of a bar: [`spearman`](super::spearman) of a factor's row `[symbols]` and the bar's labels, to the last
    /// bit. No pairs on a bar that the labels do not have.
    pub fn ic(&self, bar: usize, factor: &[f64], scratch: &mut RankScratch) -> Correlation {
        let RankScratch { ranker, labelled, ranks, closed, counts, are_all_ranked, .. } = scratch;
        *are_all_ranked = false;
        let Some(&LabelledBar { present: present @ 1.., start }) = self.bars.get(bar) else {
            return Correlation::default();
        };
        let doubled = &self.doubled[start..][..whole_lanes(self.symbols)];
        let factor = &factor[..factor.len().min(self.symbols)];
        ranks.resize(doubled.len(), 0);
        let (of_factor, beyond) = ranks.split_at_mut(factor.len());
        beyond.fill(0);
        let n_pairs = if present == self.symbols {
            *are_all_ranked = true;
            ranker.rank_twice(factor, of_factor)
        } else {
            let mut known = 0;
            let found = &mut known;
            labelled.resize(factor.len(), 0.0);
            compiled_for!(Vectors::detect(), label_kernel[](
                factor: &[f64], doubled: &[u32], labelled: &mut [f64], found: &mut usize));
            let n_pairs = ranker.rank_twice(labelled, of_factor);
            *are_all_ranked = n_pairs == known;
            n_pairs
        };
        if n_pairs < FEWEST_PAIRS {
            return Correlation { n_pairs, value: None };
        }
        let labels = if n_pairs == present {
            doubled
        } else {
            let gaps = present - n_pairs;
            compiled_for!(Vectors::detect(), close_gaps[](
                ranks: &[u32], doubled: &[u32], gaps: usize, closed: &mut Vec<u32>, counts: &mut Vec<u32>));
            closed
        };
        correlate(ranks, labels, n_pairs)
    }
}

/// Ranks that are taken together.
const LANES: usize = 32;
type Lanes = [u32; LANES];

/// So many symbols, and as many more as make lanes whole.
const fn whole_lanes(symbols: usize) -> usize {
    symbols.next_multiple_of(LANES)
}

/// Keeps the values of a factor where there is a label; counts those known, with one or without.
#[inline(always)]
fn label_kernel(factor: &[f64], doubled: &[u32], labelled: &mut [f64], found: &mut usize) {
    let mut known = 0_u64;
    for ((&value, &label), labelled) in factor.iter().zip(doubled).zip(labelled) {
        *labelled = if label == 0 { f64::NAN } else { value };
        known += u64::from(!value.is_nan());
    }
    *found = known as usize;
}

/// Ranks labels among those whose symbol has a rank for its factor, where `gaps` have none: ranks come down by one for each
/// label left out that lies below, and by half for each that equals it.
#[inline(always)]
fn close_gaps(ranks: &[u32], doubled: &[u32], gaps: usize, closed: &mut Vec<u32>, counts: &mut Vec<u32>) {
    /// So many are taken away one by one; where there are more, those that stay are counted by rank.
    const FEW: usize = 32;
    if gaps > FEW {
        recount(ranks, doubled, closed, counts);
        return;
    }
    closed.clear();
    closed.extend_from_slice(doubled);
    for (ranks, labels) in ranks.as_chunks::<LANES>().0.iter().zip(doubled.as_chunks::<LANES>().0) {
        let mut any = 0;
        for lane in 0..LANES {
            any |= if ranks[lane] == 0 { labels[lane] } else { 0 };
        }
        if any == 0 {
            continue;
        }
        for (_, &gap) in ranks.iter().zip(labels).filter(|&(&rank, &label)| rank == 0 && label != 0) {
            for (closed, labels) in closed.as_chunks_mut::<LANES>().0.iter_mut().zip(doubled.as_chunks::<LANES>().0) {
                for lane in 0..LANES {
                    closed[lane] -= u32::from(gap < labels[lane]) + u32::from(gap <= labels[lane]);
                }
            }
        }
    }
}

/// The same by counting those that stay.
fn recount(ranks: &[u32], doubled: &[u32], closed: &mut Vec<u32>, counts: &mut Vec<u32>) {
    // Ranks that differ are a whole apart, so that half a doubled one tells them apart.
    counts.clear();
    counts.resize(doubled.len() + 1, 0);
    for (&label, &rank) in doubled.iter().zip(ranks) {
        counts[label as usize / 2] += u32::from(rank != 0);
    }
    let mut below = 0;
    for count in counts.iter_mut() {
        let ties = *count;
        *count = 2 * below + ties + 1;
        below += ties;
    }
    closed.clear();
    closed.extend(doubled.iter().map(|&label| counts[label as usize / 2]));
}

/// The correlation of a factor's doubled ranks, 0 where there is no pair, with those of labels; whole lanes of both.
fn correlate(ranks: &[u32], labels: &[u32], n_pairs: usize) -> Correlation {
    /// The longest rows of which a lane's sum of products fits 32 bits: a doubled rank is less than so far from the mean.
    const NARROW: usize = 4_000;
    const { assert!(NARROW.pow(2) * (NARROW / LANES) < i32::MAX as usize) };
    let (ranks, labels) = (ranks.as_chunks::<LANES>().0, labels.as_chunks::<LANES>().0);
    let centre = n_pairs as i32 + 1;
    let mut totals = [0; 3];
    let found = &mut totals;
    if ranks.as_flattened().len() <= NARROW {
        compiled_for!(Vectors::detect(), narrow_sums[](
            ranks: &[Lanes], labels: &[Lanes], centre: i32, found: &mut [i64; 3]));
    } else {
        compiled_for!(Vectors::detect(), wide_sums[](
            ranks: &[Lanes], labels: &[Lanes], centre: i32, found: &mut [i64; 3]));
    }
    let [products, squares, label_squares] = totals;
    Correlation { n_pairs, value: coefficient(products, squares, label_squares) }
}

#[inline(always)]
fn narrow_sums(ranks: &[Lanes], labels: &[Lanes], centre: i32, found: &mut [i64; 3]) {
    sums::<i32>(ranks, labels, centre, found);
}

#[inline(always)]
fn wide_sums(ranks: &[Lanes], labels: &[Lanes], centre: i32, found: &mut [i64; 3]) {
    sums::<i64>(ranks, labels, centre, found);
}

/// Sums of products, of squares and of labels' squares, each of doubled ranks around their mean.
#[inline(always)]
fn sums<T: Copy + Default + From<i32> + Into<i64> + Mul<Output = T> + AddAssign>(
    ranks: &[Lanes],
    labels: &[Lanes],
    centre: i32,
    found: &mut [i64; 3],
) {
    let mut sums = [[T::default(); LANES]; 3];
    for (ranks, labels) in ranks.iter().zip(labels) {
        for lane in 0..LANES {
            let is_pair = ranks[lane] != 0;
            let rank = T::from(if is_pair { ranks[lane] as i32 - centre } else { 0 });
            let label = T::from(if is_pair { labels[lane] as i32 - centre } else { 0 });
            sums[0][lane] += rank * label;
            sums[1][lane] += rank * rank;
            sums[2][lane] += label * label;
        }
    }
    for (total, lanes) in found.iter_mut().zip(sums) {
        for lane in lanes {
            *total += lane.into();
        }
    }
}
