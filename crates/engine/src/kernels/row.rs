//! Operators of one row: members of the universe, or of each group.

use super::cell::{clean, greater, lesser};
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
    /// Values of a second input.
    seconds: Vec<f64>,
}

/// Ranks of the members that have a value, from 0 to 1; everyone else gets NaN.
#[inline(always)]
pub(super) fn rank_members(x: &[f64], members: &[bool], out: &mut [f64], scratch: &mut RowScratch) {
    if members.iter().fold(true, |all, &member| all & member) {
        return scratch.ranker.rank(x, out);
    }
    scratch.values.clear();
    scratch.values.extend(x.iter().zip(members).map(|(&x, &member)| if member { x } else { f64::NAN }));
    scratch.ranker.rank(&scratch.values, out);
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
    for (&place, &result) in scratch.places[..count].iter().zip(&scratch.results) {
        out[place as usize] = result;
    }
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
    for (values, row) in [(&mut scratch.values, x), (&mut scratch.seconds, y)] {
        values.clear();
        values.extend(scratch.places.iter().map(|&place| row[place as usize]));
    }
    scratch.results.resize(scratch.places.len(), 0.0);
    f(&scratch.values, &scratch.seconds, &mut scratch.results);
    for (&place, &result) in scratch.places.iter().zip(&scratch.results) {
        out[place as usize] = result;
    }
}

/// As [`on_members`], for the members of each group in turn. Codes count from 0.
#[inline(always)]
pub(super) fn by_group(
    x: &[f64],
    codes: &[f64],
    members: &[bool],
    out: &mut [f64],
    scratch: &mut RowScratch,
    f: impl Fn(&[f64], &mut [f64], &mut Ranker),
) {
    let counts = |place: usize| members[place] && !x[place].is_nan() && codes[place] >= 0.0;
    let groups = codes.iter().fold(0, |most, &code| if code >= 0.0 { most.max(code as usize + 1) } else { most });
    // A counting sort by group keeps symbols in order within each, so that sums have a fixed order.
    scratch.starts.clear();
    scratch.starts.resize(groups + 1, 0);
    for place in 0..x.len() {
        if counts(place) {
            scratch.starts[codes[place] as usize + 1] += 1;
        }
    }
    for group in 0..groups {
        scratch.starts[group + 1] += scratch.starts[group];
    }
    scratch.order.clear();
    scratch.order.resize(scratch.starts[groups] as usize, 0);
    let mut next = std::mem::take(&mut scratch.places);
    next.clear();
    next.extend_from_slice(&scratch.starts[..groups]);
    for place in 0..x.len() {
        if counts(place) {
            let slot = &mut next[codes[place] as usize];
            scratch.order[*slot as usize] = place as u32;
            *slot += 1;
        }
    }
    scratch.places = next;
    out.fill(f64::NAN);
    for group in 0..groups {
        let places = &scratch.order[scratch.starts[group] as usize..scratch.starts[group + 1] as usize];
        if places.is_empty() {
            continue;
        }
        scratch.values.clear();
        scratch.values.extend(places.iter().map(|&place| x[place as usize]));
        scratch.results.resize(places.len(), 0.0);
        f(&scratch.values, &mut scratch.results, &mut scratch.ranker);
        for (&place, &result) in places.iter().zip(&scratch.results) {
            out[place as usize] = result;
        }
    }
}

/// Distances from the mean in standard deviations; NaN for a flat row or a single value.
#[inline(always)]
pub(super) fn zscores(values: &[f64], out: &mut [f64]) {
    let Moments { anchor, shift, deviation } = Moments::of(values);
    for (out, &x) in out.iter_mut().zip(values) {
        *out = if deviation > 0.0 { ((x - anchor) - shift) / deviation } else { f64::NAN };
    }
}

/// Distances from the mean.
#[inline(always)]
pub(super) fn demeaned(values: &[f64], out: &mut [f64]) {
    let (anchor, shift) = center(values);
    for (out, &x) in out.iter_mut().zip(values) {
        *out = (x - anchor) - shift;
    }
}

/// The mean, for everyone.
#[inline(always)]
pub(super) fn means(values: &[f64], out: &mut [f64]) {
    let (anchor, shift) = center(values);
    out.fill(anchor + shift);
}

/// The sum, for everyone.
#[inline(always)]
pub(super) fn totals(values: &[f64], out: &mut [f64]) {
    let (anchor, shift) = center(values);
    out.fill(clean((anchor + shift) * values.len() as f64));
}

/// The standard deviation, for everyone.
#[inline(always)]
pub(super) fn deviations(values: &[f64], out: &mut [f64]) {
    out.fill(clean(Moments::of(values).deviation));
}

/// The number of values, for everyone.
#[inline(always)]
pub(super) fn counts(values: &[f64], out: &mut [f64]) {
    out.fill(values.len() as f64);
}

/// The smallest value, for everyone.
#[inline(always)]
pub(super) fn minima(values: &[f64], out: &mut [f64]) {
    out.fill(clean(least(values)));
}

/// The largest value, for everyone.
#[inline(always)]
pub(super) fn maxima(values: &[f64], out: &mut [f64]) {
    out.fill(clean(most(values)));
}

#[inline(always)]
fn least(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::INFINITY, lesser)
}

#[inline(always)]
fn most(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::NEG_INFINITY, greater)
}

/// The median, for everyone.
#[inline(always)]
pub(super) fn medians(values: &[f64], out: &mut [f64]) {
    out.copy_from_slice(values);
    let median = sorted_median(out);
    out.fill(clean(median));
}

/// Sorts some values and takes their median.
#[inline(always)]
fn sorted_median(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len().is_multiple_of(2) { f64::midpoint(values[middle - 1], values[middle]) } else { values[middle] }
}

/// A quantile, for everyone.
#[inline(always)]
pub(super) fn quantiles(values: &[f64], out: &mut [f64], share: f64) {
    out.copy_from_slice(values);
    out.sort_unstable_by(f64::total_cmp);
    let quantile = sorted_quantile(out, share);
    out.fill(clean(quantile));
}

/// A quantile of sorted values, interpolated linearly.
#[inline(always)]
fn sorted_quantile(sorted: &[f64], share: f64) -> f64 {
    let place = share * (sorted.len() - 1) as f64;
    let below = place as usize;
    let above = (below + 1).min(sorted.len() - 1);
    // Not across equal values: of two infinities there is no difference.
    if sorted[below] == sorted[above] {
        return sorted[below];
    }
    sorted[below] + (place - below as f64) * (sorted[above] - sorted[below])
}

/// A value between two others; as it is where either is unknown.
#[inline(always)]
fn clipped(x: f64, low: f64, high: f64) -> f64 {
    let raised = if x < low { low } else { x };
    clean(if raised > high { high } else { raised })
}

/// Clipped to two quantiles.
#[inline(always)]
pub(super) fn within_quantiles(values: &[f64], out: &mut [f64], low: f64, high: f64) {
    out.copy_from_slice(values);
    out.sort_unstable_by(f64::total_cmp);
    let (low, high) = (sorted_quantile(out, low), sorted_quantile(out, high));
    for (out, &x) in out.iter_mut().zip(values) {
        *out = if low > high { f64::NAN } else { clipped(x, low, high) };
    }
}

/// Clipped to the median plus and minus so many median absolute deviations.
#[inline(always)]
pub(super) fn within_median_deviations(values: &[f64], out: &mut [f64], deviations: f64) {
    out.copy_from_slice(values);
    let center = sorted_median(out);
    for (out, &x) in out.iter_mut().zip(values) {
        *out = (x - center).abs();
    }
    let most = deviations * sorted_median(out);
    for (out, &x) in out.iter_mut().zip(values) {
        *out = clipped(x, center - most, center + most);
    }
}

/// Clipped to a share of the sum of absolute values.
#[inline(always)]
pub(super) fn truncated(values: &[f64], out: &mut [f64], share: f64) {
    let most = share * lanes(values, f64::abs);
    for (out, &x) in out.iter_mut().zip(values) {
        *out = clipped(x, -most, most);
    }
}

/// Places between the smallest value and the largest, less a shift; NaN where those are equal.
#[inline(always)]
pub(super) fn places(values: &[f64], out: &mut [f64], shift: f64) {
    let (low, high) = (least(values), most(values));
    for (out, &x) in out.iter_mut().zip(values) {
        *out = if high > low { clean((x - low) / (high - low) - shift) } else { f64::NAN };
    }
}

/// Shifted so that the smallest value is 0 where any is negative.
#[inline(always)]
pub(super) fn one_sided(values: &[f64], out: &mut [f64]) {
    let below = lesser(least(values), 0.0);
    for (out, &x) in out.iter_mut().zip(values) {
        *out = clean(x - below);
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

/// The slope of the least-squares line of y on x, 0 where x is flat, and the centers of both.
#[inline(always)]
fn line(y: &[f64], x: &[f64]) -> (f64, (f64, f64), (f64, f64)) {
    let Moments { anchor, shift, deviation } = Moments::of(x);
    let (of_y, of_x) = (center(y), (anchor, shift));
    let products = lanes_of_pairs(x, y, |x, y| ((x - of_x.0) - of_x.1) * ((y - of_y.0) - of_y.1));
    let squares = deviation * deviation * (x.len() as f64 - 1.0);
    (if deviation > 0.0 { products / squares } else { 0.0 }, of_y, of_x)
}

/// What the least-squares line of y on x leaves of y.
#[inline(always)]
pub(super) fn residuals(y: &[f64], x: &[f64], out: &mut [f64]) {
    let (slope, of_y, of_x) = line(y, x);
    for ((out, &y), &x) in out.iter_mut().zip(y).zip(x) {
        *out = clean(((y - of_y.0) - of_y.1) - slope * ((x - of_x.0) - of_x.1));
    }
}

/// The least-squares line of y on x.
#[inline(always)]
pub(super) fn fits(y: &[f64], x: &[f64], out: &mut [f64]) {
    let (slope, of_y, of_x) = line(y, x);
    for (out, &x) in out.iter_mut().zip(x) {
        *out = clean((of_y.0 + of_y.1) + slope * ((x - of_x.0) - of_x.1));
    }
}

/// The part of x that lies along y.
#[inline(always)]
pub(super) fn projections(x: &[f64], y: &[f64], out: &mut [f64]) {
    let share = share_along(x, y);
    for (out, &y) in out.iter_mut().zip(y) {
        *out = clean(y * share);
    }
}

/// The part of x that is orthogonal to y.
#[inline(always)]
pub(super) fn orthogonal(x: &[f64], y: &[f64], out: &mut [f64]) {
    let share = share_along(x, y);
    for ((out, &x), &y) in out.iter_mut().zip(x).zip(y) {
        *out = clean(x - y * share);
    }
}

#[inline(always)]
fn share_along(x: &[f64], y: &[f64]) -> f64 {
    let length = lanes(y, |y| y * y);
    if length == 0.0 { 0.0 } else { lanes_of_pairs(x, y, |x, y| x * y) / length }
}

/// Scaled so that absolute values sum to `total`; zeros stay.
#[inline(always)]
pub(super) fn scaled(values: &[f64], out: &mut [f64], total: f64) {
    let sum = lanes(values, f64::abs);
    for (out, &x) in out.iter_mut().zip(values) {
        *out = if sum == 0.0 { 0.0 } else { clean(total * x / sum) };
    }
}

/// Clipped to the mean plus and minus so many standard deviations; a single value stays.
#[inline(always)]
pub(super) fn winsorized(values: &[f64], out: &mut [f64], deviations: f64) {
    if values.len() == 1 {
        out.copy_from_slice(values);
        return;
    }
    let Moments { anchor, shift, deviation } = Moments::of(values);
    let (low, high) = (anchor + (shift - deviations * deviation), anchor + (shift + deviations * deviation));
    for (out, &x) in out.iter_mut().zip(values) {
        let raised = if x < low { low } else { x };
        *out = if raised > high { high } else { raised };
    }
}

/// Mean and deviation of a row.
struct Moments {
    anchor: f64,
    /// Mean less anchor.
    shift: f64,
    /// Standard deviation with ddof 1: 0 where flat, NaN for a single value.
    deviation: f64,
}

impl Moments {
    #[inline(always)]
    fn of(values: &[f64]) -> Self {
        let (anchor, shift) = center(values);
        let squares = lanes(values, |x| {
            let distance = (x - anchor) - shift;
            distance * distance
        });
        let deviation = (squares / (values.len() as f64 - 1.0)).sqrt();
        let flat = deviation <= factor::reference::FLAT * (anchor + shift).abs();
        Self { anchor, shift, deviation: if flat { 0.0 } else { deviation } }
    }
}

/// The mean as the first value and the mean distance from it: digits stay where the level is large beside the
/// spread.
#[inline(always)]
fn center(values: &[f64]) -> (f64, f64) {
    let anchor = values[0];
    (anchor, lanes(values, |x| x - anchor) / values.len() as f64)
}

/// A sum in eight lanes and a fixed tree: the same order, so the same bits, on every machine.
#[inline(always)]
fn lanes(values: &[f64], f: impl Fn(f64) -> f64) -> f64 {
    let mut sums = [0.0; 8];
    let chunks = values.chunks_exact(8);
    let rest = chunks.remainder();
    for chunk in chunks {
        for (sum, &x) in sums.iter_mut().zip(chunk) {
            *sum += f(x);
        }
    }
    for (sum, &x) in sums.iter_mut().zip(rest) {
        *sum += f(x);
    }
    ((sums[0] + sums[4]) + (sums[1] + sums[5])) + ((sums[2] + sums[6]) + (sums[3] + sums[7]))
}

/// As [`lanes`], over two slices.
#[inline(always)]
fn lanes_of_pairs(x: &[f64], y: &[f64], f: impl Fn(f64, f64) -> f64) -> f64 {
    let mut sums = [0.0; 8];
    for (x, y) in x.chunks(8).zip(y.chunks(8)) {
        for ((sum, &x), &y) in sums.iter_mut().zip(x).zip(y) {
            *sum += f(x, y);
        }
    }
    ((sums[0] + sums[4]) + (sums[1] + sums[5])) + ((sums[2] + sums[6]) + (sums[3] + sums[7]))
}
