//! What operators make of the values of a row, or of a group, once it is known who counts.

use crate::kernels::cell::{clean, greater, lesser};
use crate::kernels::order;

/// Distances from the mean in standard deviations; NaN for a flat row.
#[inline(always)]
pub(in crate::kernels) fn zscores(values: &[f64], out: &mut [f64], ddof: f64) {
    let Moments { anchor, shift, deviation } = Moments::of(values, ddof);
    for (out, &x) in out.iter_mut().zip(values) {
        *out = if deviation > 0.0 { ((x - anchor) - shift) / deviation } else { f64::NAN };
    }
}

/// The same, kept within a limit where that is not 0.
#[inline(always)]
pub(in crate::kernels) fn normalized(values: &[f64], out: &mut [f64], limit: f64, ddof: f64) {
    zscores(values, out, ddof);
    if limit > 0.0 {
        for score in out {
            *score = clipped(*score, -limit, limit);
        }
    }
}

/// Distances from the mean.
#[inline(always)]
pub(in crate::kernels) fn demeaned(values: &[f64], out: &mut [f64]) {
    let (anchor, shift) = center(values);
    for (out, &x) in out.iter_mut().zip(values) {
        *out = (x - anchor) - shift;
    }
}

/// The mean, for everyone.
#[inline(always)]
pub(in crate::kernels) fn means(values: &[f64], out: &mut [f64]) {
    let (anchor, shift) = center(values);
    out.fill(anchor + shift);
}

/// The sum, for everyone.
#[inline(always)]
pub(in crate::kernels) fn totals(values: &[f64], out: &mut [f64]) {
    let (anchor, shift) = center(values);
    out.fill(clean((anchor + shift) * values.len() as f64));
}

/// The standard deviation, for everyone.
#[inline(always)]
pub(in crate::kernels) fn deviations(values: &[f64], out: &mut [f64], ddof: f64) {
    out.fill(clean(Moments::of(values, ddof).deviation));
}

/// The number of values, for everyone.
#[inline(always)]
pub(in crate::kernels) fn counts(values: &[f64], out: &mut [f64]) {
    out.fill(values.len() as f64);
}

/// The smallest value, for everyone.
#[inline(always)]
pub(in crate::kernels) fn minima(values: &[f64], out: &mut [f64]) {
    out.fill(clean(least(values)));
}

/// The largest value, for everyone.
#[inline(always)]
pub(in crate::kernels) fn maxima(values: &[f64], out: &mut [f64]) {
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
pub(in crate::kernels) fn medians(values: &[f64], out: &mut [f64]) {
    out.copy_from_slice(values);
    let median = sorted_median(out);
    out.fill(clean(median));
}

/// Sorts some values and takes their median.
#[inline(always)]
fn sorted_median(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    order::median(values)
}

/// A quantile, for everyone.
#[inline(always)]
pub(in crate::kernels) fn quantiles(values: &[f64], out: &mut [f64], share: f64) {
    out.copy_from_slice(values);
    out.sort_unstable_by(f64::total_cmp);
    let quantile = sorted_quantile(out, share);
    out.fill(clean(quantile));
}

/// A quantile of sorted values, interpolated linearly.
#[inline(always)]
pub(in crate::kernels) fn sorted_quantile(sorted: &[f64], share: f64) -> f64 {
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
pub(in crate::kernels) fn clipped(x: f64, low: f64, high: f64) -> f64 {
    let raised = if x < low { low } else { x };
    clean(if raised > high { high } else { raised })
}

/// Clipped to two quantiles.
#[inline(always)]
pub(in crate::kernels) fn within_quantiles(values: &[f64], out: &mut [f64], low: f64, high: f64) {
    out.copy_from_slice(values);
    out.sort_unstable_by(f64::total_cmp);
    let (low, high) = (sorted_quantile(out, low), sorted_quantile(out, high));
    for (out, &x) in out.iter_mut().zip(values) {
        *out = if low > high { f64::NAN } else { clipped(x, low, high) };
    }
}

/// Clipped to the median plus and minus so many median absolute deviations.
#[inline(always)]
pub(in crate::kernels) fn within_median_deviations(values: &[f64], out: &mut [f64], deviations: f64) {
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
pub(in crate::kernels) fn truncated(values: &[f64], out: &mut [f64], share: f64) {
    let most = share * lanes(values, f64::abs);
    for (out, &x) in out.iter_mut().zip(values) {
        *out = clipped(x, -most, most);
    }
}

/// Places between the smallest value and the largest, less a shift; NaN where those are equal.
#[inline(always)]
pub(in crate::kernels) fn places(values: &[f64], out: &mut [f64], shift: f64) {
    let (low, high) = (least(values), most(values));
    for (out, &x) in out.iter_mut().zip(values) {
        *out = if high > low { clean((x - low) / (high - low) - shift) } else { f64::NAN };
    }
}

/// Shifted so that the smallest value is 0 where any is negative.
#[inline(always)]
pub(in crate::kernels) fn one_sided(values: &[f64], out: &mut [f64]) {
    let below = lesser(least(values), 0.0);
    for (out, &x) in out.iter_mut().zip(values) {
        *out = clean(x - below);
    }
}

/// The slope of the least-squares line of y on x, 0 where x is flat, and the centers of both.
#[inline(always)]
fn line(y: &[f64], x: &[f64]) -> (f64, (f64, f64), (f64, f64)) {
    let Moments { anchor, shift, deviation } = Moments::of(x, 1.0);
    let (of_y, of_x) = (center(y), (anchor, shift));
    let products = lanes_of_pairs(x, y, |x, y| ((x - of_x.0) - of_x.1) * ((y - of_y.0) - of_y.1));
    let squares = deviation * deviation * (x.len() as f64 - 1.0);
    (if deviation > 0.0 { products / squares } else { 0.0 }, of_y, of_x)
}

/// What the least-squares line of y on x leaves of y.
#[inline(always)]
pub(in crate::kernels) fn residuals(y: &[f64], x: &[f64], out: &mut [f64]) {
    let (slope, of_y, of_x) = line(y, x);
    for ((out, &y), &x) in out.iter_mut().zip(y).zip(x) {
        *out = clean(((y - of_y.0) - of_y.1) - slope * ((x - of_x.0) - of_x.1));
    }
}

/// The least-squares line of y on x.
#[inline(always)]
pub(in crate::kernels) fn fits(y: &[f64], x: &[f64], out: &mut [f64]) {
    let (slope, of_y, of_x) = line(y, x);
    for (out, &x) in out.iter_mut().zip(x) {
        *out = clean((of_y.0 + of_y.1) + slope * ((x - of_x.0) - of_x.1));
    }
}

/// The part of x that lies along y.
#[inline(always)]
pub(in crate::kernels) fn projections(x: &[f64], y: &[f64], out: &mut [f64]) {
    let share = share_along(x, y);
    for (out, &y) in out.iter_mut().zip(y) {
        *out = clean(y * share);
    }
}

/// The part of x that is orthogonal to y.
#[inline(always)]
pub(in crate::kernels) fn orthogonal(x: &[f64], y: &[f64], out: &mut [f64]) {
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
pub(in crate::kernels) fn scaled(values: &[f64], out: &mut [f64], total: f64) {
    let sum = lanes(values, f64::abs);
    for (out, &x) in out.iter_mut().zip(values) {
        *out = if sum == 0.0 { 0.0 } else { clean(total * x / sum) };
    }
}

/// Each side scaled so that it sums to its own total; zeros stay.
#[inline(always)]
pub(in crate::kernels) fn scaled_sides(values: &[f64], out: &mut [f64], [long, short]: [f64; 2]) {
    let (above, below) = (lanes(values, |x| greater(x, 0.0)), lanes(values, |x| greater(-x, 0.0)));
    for (out, &x) in out.iter_mut().zip(values) {
        let (total, sum) = if x > 0.0 { (long, above) } else { (short, below) };
        *out = if x == 0.0 { 0.0 } else { clean(total * x / sum) };
    }
}

/// The mean with positive weights, for everyone with one.
#[inline(always)]
pub(in crate::kernels) fn weighted_means(values: &[f64], weights: &[f64], out: &mut [f64]) {
    let anchor = values[0];
    let total = lanes(weights, |w| w);
    out.fill(clean(anchor + lanes_of_pairs(values, weights, |x, w| (x - anchor) * w) / total));
}

/// Clipped to the mean plus and minus so many standard deviations; a single value stays.
#[inline(always)]
pub(in crate::kernels) fn winsorized(values: &[f64], out: &mut [f64], deviations: f64, ddof: f64) {
    if values.len() == 1 {
        out.copy_from_slice(values);
        return;
    }
    let Moments { anchor, shift, deviation } = Moments::of(values, ddof);
    let (low, high) = (anchor + (shift - deviations * deviation), anchor + (shift + deviations * deviation));
    for (out, &x) in out.iter_mut().zip(values) {
        let raised = if x < low { low } else { x };
        *out = if raised > high { high } else { raised };
    }
}

/// Mean and deviation of a row.
pub(super) struct Moments {
    pub(super) anchor: f64,
    /// Mean less anchor.
    pub(super) shift: f64,
    /// Standard deviation: 0 where flat, NaN for a single value with ddof 1.
    pub(super) deviation: f64,
}

impl Moments {
    #[inline(always)]
    pub(super) fn of(values: &[f64], ddof: f64) -> Self {
        let (anchor, shift) = center(values);
        let squares = lanes(values, |x| {
            let distance = (x - anchor) - shift;
            distance * distance
        });
        let deviation = (squares / (values.len() as f64 - ddof)).sqrt();
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

/// The mean.
#[inline(always)]
pub(super) fn mean(values: &[f64]) -> f64 {
    let (anchor, shift) = center(values);
    anchor + shift
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

/// Right-closed bins between two numbers, and one on either side.
#[inline(always)]
pub(in crate::kernels) fn binned(values: &[f64], out: &mut [f64], [low, high]: [f64; 2], bins: usize) {
    let edge = |i: usize| low + (high - low) * (i as f64 / bins as f64);
    for (out, &x) in out.iter_mut().zip(values) {
        // Edges rise: those below x are the first ones.
        let (mut least, mut most) = (0, bins + 1);
        while least < most {
            let middle = usize::midpoint(least, most);
            if edge(middle) < x { least = middle + 1 } else { most = middle }
        }
        *out = if low < high { least as f64 } else { f64::NAN };
    }
}
