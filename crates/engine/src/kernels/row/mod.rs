//! Operators of one row: who counts, ranks, and what is carried over from rows before.

pub(super) mod group;
pub(super) mod values;

use self::values::{Moments, residuals};
use super::cell::clean;
use crate::rank::Ranker;

/// Scratch space for one row, reused by every cross-sectional node of an executor.
#[derive(Debug, Default)]
pub(crate) struct RowScratch {
    /// A row that is written over.
    pub(super) input: Vec<f64>,
    /// Places of the symbols that count.
    places: Vec<u32>,
    values: Vec<f64>,
    results: Vec<f64>,
    ranker: Ranker,
    /// For each group code, where its members start in `order`.
    starts: Vec<u32>,
    pub(super) order: Vec<u32>,
    /// Values of a second input, and of a third.
    seconds: Vec<f64>,
    thirds: Vec<f64>,
    /// Pairs of labels.
    pairs: Vec<u64>,
}

/// Where a single value has its place, and where ranks begin and end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RankScale {
    /// 0 to 1; a single value has 0.5.
    Unit,
    /// Rank over count.
    Share,
    /// From 1.
    Place,
    /// -1 to 1.
    Signed,
}

impl RankScale {
    /// The scale of an operator's option.
    pub(crate) fn new(option: f64) -> Self {
        match option as usize {
            0 => Self::Unit,
            1 => Self::Share,
            2 => Self::Place,
            _ => Self::Signed,
        }
    }

    /// A rank among `count`, from how many values lie below it; of equals half.
    #[inline(always)]
    pub(super) fn of(self, below: f64, count: usize) -> f64 {
        self.among(count).of(below)
    }

    /// Ranks among `count`.
    #[inline(always)]
    pub(super) fn among(self, count: usize) -> RankLine {
        let most = count as f64 - 1.0;
        let (shift, divisor) = if count == 1 { (0.5, 1.0) } else { (0.0, most) };
        match self {
            Self::Unit => RankLine { shift, divisor, factor: 1.0, start: 0.0 },
            Self::Share => RankLine { shift: 1.0, divisor: count as f64, factor: 1.0, start: 0.0 },
            Self::Place => RankLine { shift: 1.0, divisor: 1.0, factor: 1.0, start: 0.0 },
            Self::Signed => RankLine { shift, divisor, factor: 2.0, start: -1.0 },
        }
    }
}

/// A scale for one count: the same steps on every scale, of which those that are not needed change nothing, so that many
/// ranks can be made at once.
#[derive(Debug, Clone, Copy)]
pub(super) struct RankLine {
    shift: f64,
    divisor: f64,
    factor: f64,
    start: f64,
}

impl RankLine {
    /// A rank, from how many values lie below it; of equals half.
    #[inline(always)]
    pub(super) fn of(self, below: f64) -> f64 {
        (below + self.shift) / self.divisor * self.factor + self.start
    }
}

/// Ranks of the members that have a value, on a scale; everyone else gets NaN.
#[inline(always)]
pub(super) fn ranks(x: &[f64], members: &[bool], out: &mut [f64], scratch: &mut RowScratch, scale: RankScale) {
    rank_members(x, members, out, scratch);
    if scale == RankScale::Unit {
        return;
    }
    let count = out.iter().filter(|rank| !rank.is_nan()).count();
    let line = scale.among(count);
    for rank in out {
        *rank = line.of(below(*rank, count));
    }
}

/// How many of `count` values lie below one with a rank from 0 to 1: a whole number or a half.
#[inline(always)]
fn below(unit: f64, count: usize) -> f64 {
    if count == 1 { unit - 0.5 } else { (unit * (2.0 * (count as f64 - 1.0))).round() / 2.0 }
}

/// Ranks turned into quantiles of a distribution.
#[inline(always)]
pub(super) fn rank_quantiles(
    x: &[f64],
    members: &[bool],
    out: &mut [f64],
    scratch: &mut RowScratch,
    quantile: impl Fn(f64) -> f64,
) {
    rank_members(x, members, out, scratch);
    let count = out.iter().filter(|rank| !rank.is_nan()).count();
    for rank in out {
        let share = (below(*rank, count) + 0.5) / count as f64;
        *rank = if rank.is_nan() { f64::NAN } else { clean(quantile(share)) };
    }
}

/// Ranks of the members that have a value, from 0 to 1; everyone else gets NaN.
#[inline(always)]
pub(super) fn rank_members(x: &[f64], members: &[bool], out: &mut [f64], scratch: &mut RowScratch) {
    if members.iter().fold(true, |all, &member| all & member) {
        scratch.ranker.rank(x, out);
        return;
    }
    scratch.values.clear();
    scratch.values.extend(x.iter().zip(members).map(|(&x, &member)| if member { x } else { f64::NAN }));
    scratch.ranker.rank(&scratch.values, out);
}

/// Takes what stands in some places of a row.
#[inline(always)]
fn gather(row: &[f64], places: &[u32], values: &mut Vec<f64>) {
    values.clear();
    values.extend(places.iter().map(|&place| row[place as usize]));
}

/// Puts results back in their places.
#[inline(always)]
fn scatter(results: &[f64], places: &[u32], out: &mut [f64]) {
    for (&place, &result) in places.iter().zip(results) {
        out[place as usize] = result;
    }
}

/// Applies `f` to the values of the members that have one, and puts its results back in their places; everyone
/// else gets NaN. `f` reads the values and writes as many results.
#[inline(always)]
pub(super) fn on_members(
    x: &[f64],
    members: &[bool],
    out: &mut [f64],
    scratch: &mut RowScratch,
    f: impl Fn(&[f64], &mut [f64]),
) {
    let known = x.iter().zip(members).filter(|&(x, &member)| member && !x.is_nan()).count();
    if known == x.len() {
        return f(x, out);
    }
    scratch.places.resize(x.len(), 0);
    scratch.values.resize(x.len(), 0.0);
    let mut count = 0;
    for (place, (&value, &member)) in x.iter().zip(members).enumerate() {
        // Written always and kept where it counts: no branch to guess.
        scratch.places[count] = place as u32;
        scratch.values[count] = value;
        count += usize::from(member && !value.is_nan());
    }
    out.fill(f64::NAN);
    if count == 0 {
        return;
    }
    scratch.results.resize(x.len(), 0.0);
    f(&scratch.values[..count], &mut scratch.results[..count]);
    scatter(&scratch.results, &scratch.places[..count], out);
}

/// As [`on_members`], for members that have both of two values.
#[inline(always)]
pub(super) fn on_pairs(
    [x, y]: [&[f64]; 2],
    members: &[bool],
    out: &mut [f64],
    scratch: &mut RowScratch,
    f: impl Fn(&[f64], &[f64], &mut [f64]),
) {
    let known = |place: usize| members[place] && !x[place].is_nan() && !y[place].is_nan();
    scratch.places.clear();
    scratch.places.extend((0..x.len()).filter(|&place| known(place)).map(|place| place as u32));
    out.fill(f64::NAN);
    if scratch.places.is_empty() {
        return;
    }
    gather(x, &scratch.places, &mut scratch.values);
    gather(y, &scratch.places, &mut scratch.seconds);
    scratch.results.resize(scratch.places.len(), 0.0);
    f(&scratch.values, &scratch.seconds, &mut scratch.results);
    scatter(&scratch.results, &scratch.places, out);
}

/// The previous outputs, and steps towards the values where those are further away than a share of the row's size.
#[inline(always)]
pub(super) fn humped(x: &[f64], members: &[bool], held: &mut [f64], share: f64, out: &mut [f64]) {
    let counts = |place: usize| members[place] && !x[place].is_nan();
    let size = (0..x.len()).filter(|&place| counts(place)).map(|place| x[place].abs()).sum::<f64>();
    let most = share * size;
    for place in 0..x.len() {
        out[place] = f64::NAN;
        if counts(place) {
            let (value, before) = (x[place], held[place]);
            let step = value - before;
            let moved = if step.abs() <= most { before } else { before + most * step.signum() };
            held[place] = if before.is_nan() { value } else { moved };
            out[place] = clean(held[place]);
        }
    }
}

/// What a plane of x on y and z leaves of x; NaN for fewer than four values.
#[inline(always)]
pub(super) fn plane_residuals(rows: [&[f64]; 3], members: &[bool], out: &mut [f64], scratch: &mut RowScratch) {
    let known = |place: usize| members[place] && rows.iter().all(|row| !row[place].is_nan());
    let RowScratch { places, values, seconds, thirds, results, .. } = scratch;
    places.clear();
    places.extend((0..out.len()).filter(|&place| known(place)).map(|place| place as u32));
    out.fill(f64::NAN);
    if places.len() < 4 {
        return;
    }
    for (values, row) in [&mut *values, &mut *seconds, &mut *thirds].into_iter().zip(rows) {
        gather(row, places, values);
    }
    // By Frisch and Waugh: y is taken out of x and of z, then what is left of z out of what is left of x.
    let before = Moments::of(thirds, 1.0).deviation;
    for side in [&mut *values, &mut *thirds] {
        results.clear();
        results.resize(places.len(), 0.0);
        residuals(side, seconds, results);
        side.copy_from_slice(results);
    }
    if Moments::of(thirds, 1.0).deviation > 1e-9 * before {
        residuals(values, thirds, results);
    } else {
        results.copy_from_slice(values);
    }
    scatter(results, places, out);
}

/// The quantile function of an operator's option `driver`.
pub(super) fn driver(option: f64) -> fn(f64) -> f64 {
    match option as usize {
        0 => factor::normal::inverse_cdf,
        1 => |share| share,
        _ => |share| libm::tan(std::f64::consts::PI * (share - 0.5)),
    }
}

/// 1 for the highest values, -1 for the lowest, as many on either side, and 0 between; equals stand in their order.
#[inline(always)]
pub(super) fn sided(
    x: &[f64],
    members: &[bool],
    out: &mut [f64],
    scratch: &mut RowScratch,
    order: &mut Vec<u32>,
    count: usize,
) {
    out.fill(f64::NAN);
    order.clear();
    order.extend((0..x.len()).filter(|&place| members[place] && !x[place].is_nan()).map(|place| place as u32));
    scratch.values.clear();
    // -0.0 equals 0.0.
    scratch.values.extend(x.iter().map(|x| x + 0.0));
    let values = &scratch.values;
    order.sort_unstable_by(|&left, &right| {
        values[left as usize].total_cmp(&values[right as usize]).then(left.cmp(&right))
    });
    let most = count.min(order.len() / 2);
    for (at, &place) in order.iter().enumerate() {
        let high = f64::from(u8::from(at >= order.len() - most));
        out[place as usize] = high - f64::from(u8::from(at < most));
    }
}
