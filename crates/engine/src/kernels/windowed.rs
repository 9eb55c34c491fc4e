//! Operators that go through the whole window for every row: for what neither a sum nor an order can say.

use factor::elementary;

use super::Block;
use super::cell::{clean, within_one};
use super::view::RowsMut;
use crate::layout::Span;

/// The rows of a window, oldest first, in two stretches.
#[derive(Clone, Copy)]
pub(super) struct Window<'a>([&'a [f64]; 2]);

impl<'a> Window<'a> {
    /// A window whose rows stand in order.
    #[inline(always)]
    pub(super) fn of(values: &'a [f64]) -> Self {
        Self([&[], values])
    }

    #[inline(always)]
    pub(super) fn values(self) -> impl DoubleEndedIterator<Item = f64> + Clone + use<'a> {
        self.0[0].iter().chain(self.0[1]).copied()
    }

    #[inline(always)]
    fn rows(self) -> f64 {
        (self.0[0].len() + self.0[1].len()) as f64
    }

    /// The smallest and the largest value; NaN where one is missing.
    #[inline(always)]
    fn range(self) -> (f64, f64) {
        let (mut low, mut high, mut known) = (f64::INFINITY, f64::NEG_INFINITY, true);
        for x in self.values() {
            low = if x < low { x } else { low };
            high = if x > high { x } else { high };
            known &= !x.is_nan();
        }
        if known { (low, high) } else { (f64::NAN, f64::NAN) }
    }

    /// The mean, as the newest value and the mean distance from it.
    #[inline(always)]
    fn center(self) -> (f64, f64) {
        let anchor = self.values().next_back().unwrap_or(f64::NAN);
        (anchor, self.values().map(|x| x - anchor).sum::<f64>() / self.rows())
    }
}

/// Rows of state for [`windowed`], for each input.
pub(super) const fn state_rows(d: usize) -> usize {
    d
}

/// Which windows an operator takes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Rows {
    /// Those of `d` rows; the others give NaN.
    All,
    /// Those at the beginning too, which are shorter.
    Some,
}

/// Applies `f` to each symbol's windows. `state` holds for each symbol and input its last `d` values, each in the place
/// of its row modulo `d`.
pub(super) fn windowed<const INPUTS: usize>(
    d: usize,
    rows: Rows,
    block: &Block<'_>,
    state: &mut [f64],
    out: &mut RowsMut<'_>,
    f: impl Fn([Window<'_>; INPUTS]) -> f64,
) {
    let Span { first_row, width, .. } = block.span;
    for (symbol, latest) in state.chunks_exact_mut(INPUTS * state_rows(d)).take(width).enumerate() {
        let mut inputs: [_; INPUTS] = std::array::from_fn(|slot| block.input(slot).down::<1>(0, symbol));
        for offset in 0..out.count() {
            let row = first_row + offset;
            for (input, latest) in inputs.iter_mut().zip(latest.chunks_exact_mut(d)) {
                [latest[row % d]] = input.next().expect("as many rows of input as of output");
            }
            let windows = std::array::from_fn(|slot: usize| {
                let (newer, older) = latest[slot * d..][..d].split_at(row % d + 1);
                Window([if row + 1 < d { &[] } else { older }, newer])
            });
            let value = if row + 1 < d && rows == Rows::All { f64::NAN } else { clean(f(windows)) };
            out.put(offset, symbol, &[value]);
        }
    }
}

/// The mean absolute distance from the mean.
#[inline(always)]
pub(super) fn mean_deviation(window: Window<'_>) -> f64 {
    let (anchor, shift) = window.center();
    window.values().map(|x| ((x - anchor) - shift).abs()).sum::<f64>() / window.rows()
}

/// The mean with weights that shrink by a factor each row back.
#[inline(always)]
pub(super) fn decayed(window: Window<'_>, factor: f64) -> f64 {
    let anchor = window.values().next_back().unwrap_or(f64::NAN);
    // By Horner's rule, from the oldest row on.
    let (mut sum, mut weights) = (0.0, 0.0);
    for x in window.values() {
        sum = sum * factor + (x - anchor);
        weights = weights * factor + 1.0;
    }
    anchor + sum / weights
}

/// The `k`-th most recent known value.
#[inline(always)]
pub(super) fn kth_known(window: Window<'_>, k: usize) -> f64 {
    window.values().rev().filter(|x| !x.is_nan()).nth(k - 1).unwrap_or(f64::NAN)
}

/// The most recent known value that differs from the newest.
#[inline(always)]
pub(super) fn last_different(window: Window<'_>) -> f64 {
    let now = window.values().next_back().unwrap_or(f64::NAN);
    let differs = |then: &f64| !then.is_nan() && !now.is_nan() && *then != now;
    window.values().rev().find(differs).unwrap_or(f64::NAN)
}

/// How many values are missing.
#[inline(always)]
pub(super) fn missing(window: Window<'_>) -> f64 {
    window.values().filter(|x| x.is_nan()).count() as f64
}

/// Shannon entropy over equal bins, in nats.
#[inline(always)]
pub(super) fn entropy(window: Window<'_>, bins: usize) -> f64 {
    const MOST: usize = 100;
    let (low, high) = window.range();
    if low == high {
        return 0.0;
    }
    let mut counts = [0_u32; MOST];
    for x in window.values() {
        let place = (x - low) / (high - low) * bins as f64;
        if !place.is_finite() {
            return f64::NAN;
        }
        counts[(place as usize).min(bins - 1)] += 1;
    }
    let mut entropy = 0.0;
    for &count in counts[..bins].iter().filter(|&&count| count > 0) {
        let share = f64::from(count) / window.rows();
        entropy -= share * elementary::log(share);
    }
    entropy
}

/// The deepest fall from a running high; NaN where a value is not positive.
#[inline(always)]
pub(super) fn deepest_fall(window: Window<'_>) -> f64 {
    let (mut high, mut deepest) = (0.0, 0.0);
    for x in window.values() {
        high = if x > high { x } else { high };
        let fall = x / high - 1.0;
        // NaN, which an infinite high leaves too, stays.
        if x <= 0.0 || fall.is_nan() {
            return f64::NAN;
        }
        deepest = if fall < deepest { fall } else { deepest };
    }
    deepest
}

/// Whether squares of distances from a center are none.
#[inline(always)]
fn is_flat(squares: f64, rows: f64, (anchor, shift): (f64, f64)) -> bool {
    (squares / (rows - 1.0)).sqrt() <= factor::reference::FLAT * (anchor + shift).abs()
}

/// What the least-squares line of y on x leaves unexplained.
pub(super) struct Errors {
    rows: f64,
    /// Sum of squared residuals.
    pub(super) squares: f64,
    /// Sum of squared distances of x from its mean, and that mean.
    spread: f64,
    mean: f64,
}

impl Errors {
    /// What falls to each row that the line leaves free.
    #[inline(always)]
    pub(super) fn variance(&self) -> f64 {
        self.squares / (self.rows - 2.0)
    }

    /// Standard error of the slope.
    #[inline(always)]
    pub(super) fn of_slope(&self) -> f64 {
        (self.variance() / self.spread).sqrt()
    }

    /// Standard error of the level.
    #[inline(always)]
    pub(super) fn of_level(&self) -> f64 {
        (self.variance() * (1.0 / self.rows + self.mean * self.mean / self.spread)).sqrt()
    }
}

/// Fits the line and adds up its residuals, one pass after the other: from sums alone, little would be left of a small
/// rest of large squares.
#[inline(always)]
pub(super) fn errors(y: Window<'_>, x: Window<'_>) -> Errors {
    let rows = y.rows();
    let (of_y, of_x) = (y.center(), x.center());
    let distances = || x.values().zip(y.values()).map(|(x, y)| ((x - of_x.0) - of_x.1, (y - of_y.0) - of_y.1));
    let (mut spread, mut product) = (0.0, 0.0);
    for (x, y) in distances() {
        spread += x * x;
        product += x * y;
    }
    let slope = if is_flat(spread, rows, of_x) { f64::NAN } else { product / spread };
    let squares = distances().map(|(x, y)| y - slope * x).map(|residual| residual * residual).sum();
    Errors { rows, squares, spread, mean: of_x.0 + of_x.1 }
}

/// The correlation of x and y with the influence of z taken out, one pass after the other: what is left of two series
/// that follow a third closely cannot be told from sums.
#[inline(always)]
pub(super) fn partial_correlation([x, y, z]: [Window<'_>; 3]) -> f64 {
    let rows = x.rows();
    let centers = [x, y, z].map(Window::center);
    let distances = || {
        x.values().zip(y.values()).zip(z.values()).map(|((x, y), z)| {
            let values = [x, y, z];
            std::array::from_fn(|side| (values[side] - centers[side].0) - centers[side].1)
        })
    };
    let (mut squares, mut along) = ([0.0; 3], [0.0; 2]);
    for [x, y, z] in distances() {
        squares = [squares[0] + x * x, squares[1] + y * y, squares[2] + z * z];
        along = [along[0] + x * z, along[1] + y * z];
    }
    if (0..3).any(|side| is_flat(squares[side], rows, centers[side])) {
        return f64::NAN;
    }
    let slopes = along.map(|product| product / squares[2]);
    let (mut left, mut product) = ([0.0; 2], 0.0);
    for [x, y, z] in distances() {
        let (x, y) = (x - slopes[0] * z, y - slopes[1] * z);
        left = [left[0] + x * x, left[1] + y * y];
        product += x * y;
    }
    if left[0] <= 1e-12 * squares[0] || left[1] <= 1e-12 * squares[1] {
        return f64::NAN;
    }
    within_one(product / (left[0] * left[1]).sqrt())
}
