//! Operators that are sums over a window. With `d` the rows of the window, distances `x - anchor` and places counted
//! from the anchor.

use super::cell::{one_nan, within_one};
use super::window::{End, Sums};

/// The sum.
pub(super) struct Sum {
    pub(super) rows: f64,
}

impl Sums<1, 1> for Sum {
    #[inline(always)]
    fn terms(&self, distance: [f64; 1], _: f64) -> [f64; 1] {
        distance
    }

    #[inline(always)]
    fn result(&self, [sum]: [f64; 1], end: End<1>) -> f64 {
        one_nan(end.anchor[0] * self.rows + sum)
    }
}

/// The mean.
pub(super) struct Mean {
    share: f64,
}

impl Mean {
    #[inline(always)]
    pub(super) fn new(rows: f64) -> Self {
        Self { share: 1.0 / rows }
    }
}

impl Sums<1, 1> for Mean {
    #[inline(always)]
    fn terms(&self, distance: [f64; 1], _: f64) -> [f64; 1] {
        distance
    }

    #[inline(always)]
    fn result(&self, [sum]: [f64; 1], end: End<1>) -> f64 {
        one_nan(end.anchor[0] + sum * self.share)
    }
}

/// The mean with weights `d` for the current row down to 1 for the oldest.
pub(super) struct Decay {
    rows: f64,
    share: f64,
}

impl Decay {
    #[inline(always)]
    pub(super) fn new(rows: f64) -> Self {
        Self { rows, share: 2.0 / (rows * (rows + 1.0)) }
    }
}

impl Sums<1, 2> for Decay {
    #[inline(always)]
    fn terms(&self, [dx]: [f64; 1], place: f64) -> [f64; 2] {
        [dx, dx * place]
    }

    #[inline(always)]
    fn result(&self, [sum, by_place]: [f64; 2], end: End<1>) -> f64 {
        // The weight of a row is its place less that of the row just before the window.
        end.anchor[0] + (by_place + (self.rows - end.rows_past_anchor) * sum) * self.share
    }
}

/// Variance, of which flat windows have none, and covariance.
#[derive(Clone, Copy)]
pub(super) struct Moments {
    /// 1 / d.
    pub(super) share: f64,
    /// 1 / (d - ddof); for one row and ddof 1 infinite, so that the variance is NaN.
    free_share: f64,
}

impl Moments {
    #[inline(always)]
    pub(super) fn new(rows: f64, ddof: f64) -> Self {
        Self { share: 1.0 / rows, free_share: 1.0 / (rows - ddof) }
    }

    #[inline(always)]
    pub(super) fn variance(self, sum: f64, squares: f64, anchor: f64) -> f64 {
        let mean = sum * self.share;
        let variance = (squares - sum * mean) * self.free_share;
        let level = (anchor + mean).abs() * factor::reference::FLAT;
        // NaN fails the comparison and stays.
        if variance <= level * level { 0.0 } else { variance }
    }

    #[inline(always)]
    pub(super) fn covariance(self, sx: f64, sy: f64, sxy: f64) -> f64 {
        (sxy - sx * sy * self.share) * self.free_share
    }
}

/// The variance, or its root.
pub(super) struct Spread<const ROOT: bool>(Moments);

impl<const ROOT: bool> Spread<ROOT> {
    #[inline(always)]
    pub(super) fn new(rows: f64, ddof: f64) -> Self {
        Self(Moments::new(rows, ddof))
    }
}

impl<const ROOT: bool> Sums<1, 2> for Spread<ROOT> {
    #[inline(always)]
    fn terms(&self, [dx]: [f64; 1], _: f64) -> [f64; 2] {
        [dx, dx * dx]
    }

    #[inline(always)]
    fn result(&self, [sum, squares]: [f64; 2], end: End<1>) -> f64 {
        let variance = self.0.variance(sum, squares, end.anchor[0]);
        if ROOT { variance.sqrt() } else { variance }
    }
}

/// Another operator, and the mean of the same window.
pub(super) struct WithMean<O> {
    operator: O,
    mean: Mean,
}

impl<O> WithMean<O> {
    #[inline(always)]
    pub(super) fn new(rows: f64, operator: O) -> Self {
        Self { operator, mean: Mean::new(rows) }
    }
}

/// The first sum is that of the distances.
impl<O: Sums<1, 2>> Sums<1, 2> for WithMean<O> {
    #[inline(always)]
    fn terms(&self, distance: [f64; 1], place: f64) -> [f64; 2] {
        self.operator.terms(distance, place)
    }

    #[inline(always)]
    fn result(&self, sums: [f64; 2], end: End<1>) -> f64 {
        self.operator.result(sums, end)
    }

    const WITH_MEAN: bool = true;

    #[inline(always)]
    fn mean(&self, [sum, _]: [f64; 2], end: End<1>) -> f64 {
        self.mean.result([sum], end)
    }
}

/// Distance of the current row from the mean, in standard deviations.
pub(super) struct Score(Moments);

impl Score {
    #[inline(always)]
    pub(super) fn new(rows: f64, ddof: f64) -> Self {
        Self(Moments::new(rows, ddof))
    }
}

impl Sums<1, 2> for Score {
    #[inline(always)]
    fn terms(&self, [dx]: [f64; 1], _: f64) -> [f64; 2] {
        [dx, dx * dx]
    }

    #[inline(always)]
    fn result(&self, [sum, squares]: [f64; 2], end: End<1>) -> f64 {
        let distance = (end.now[0] - end.anchor[0]) - sum * self.0.share;
        distance / self.0.variance(sum, squares, end.anchor[0]).sqrt()
    }
}

/// The mean of the first input, weighted by the second. The weights' anchor is only a reference point: from
/// `w = anchor + dw` follow the sums of `w` and of `w dx`.
pub(super) struct Weighted {
    pub(super) rows: f64,
}

impl Sums<2, 3> for Weighted {
    #[inline(always)]
    fn terms(&self, [dx, dw]: [f64; 2], _: f64) -> [f64; 3] {
        [dx, dw, dx * dw]
    }

    #[inline(always)]
    fn result(&self, [sx, sw, sxw]: [f64; 3], end: End<2>) -> f64 {
        let weights = end.anchor[1] * self.rows + sw;
        end.anchor[0] + (end.anchor[1] * sx + sxw) / weights
    }
}

/// The covariance, ddof 1.
pub(super) struct Covariance(Moments);

impl Covariance {
    #[inline(always)]
    pub(super) fn new(rows: f64) -> Self {
        Self(Moments::new(rows, 1.0))
    }
}

impl Sums<2, 3> for Covariance {
    #[inline(always)]
    fn terms(&self, [dx, dy]: [f64; 2], _: f64) -> [f64; 3] {
        [dx, dy, dx * dy]
    }

    #[inline(always)]
    fn result(&self, [sx, sy, sxy]: [f64; 3], _: End<2>) -> f64 {
        self.0.covariance(sx, sy, sxy)
    }
}

/// Pearson's correlation; NaN where a side is flat.
pub(super) struct Correlation(Moments);

impl Correlation {
    #[inline(always)]
    pub(super) fn new(rows: f64) -> Self {
        Self(Moments::new(rows, 1.0))
    }
}

impl Sums<2, 5> for Correlation {
    #[inline(always)]
    fn terms(&self, [dx, dy]: [f64; 2], _: f64) -> [f64; 5] {
        [dx, dy, dx * dx, dy * dy, dx * dy]
    }

    #[inline(always)]
    fn result(&self, [sx, sy, sxx, syy, sxy]: [f64; 5], end: End<2>) -> f64 {
        let spread = |variance: f64| if variance > 0.0 { variance } else { f64::NAN };
        let x = spread(self.0.variance(sx, sxx, end.anchor[0]));
        let y = spread(self.0.variance(sy, syy, end.anchor[1]));
        within_one(self.0.covariance(sx, sy, sxy) / (x * y).sqrt())
    }
}

/// The mean over the standard deviation.
pub(super) struct Ratio(Moments);

impl Ratio {
    #[inline(always)]
    pub(super) fn new(rows: f64, ddof: f64) -> Self {
        Self(Moments::new(rows, ddof))
    }
}

impl Sums<1, 2> for Ratio {
    #[inline(always)]
    fn terms(&self, [dx]: [f64; 1], _: f64) -> [f64; 2] {
        [dx, dx * dx]
    }

    #[inline(always)]
    fn result(&self, [sum, squares]: [f64; 2], end: End<1>) -> f64 {
        (end.anchor[0] + sum * self.0.share) / self.0.variance(sum, squares, end.anchor[0]).sqrt()
    }
}

/// A least-squares line over a window, of which an operator takes one part.
pub(super) struct Line {
    pub(super) slope: f64,
    /// Value where the other side is 0.
    pub(super) level: f64,
    /// Of the current row.
    pub(super) residual: f64,
    /// Share of the variance.
    pub(super) explained: f64,
    /// The line itself at the current row.
    pub(super) fit: f64,
}

/// The line over the rows' numbers.
pub(super) struct Trend<F> {
    rows: f64,
    moments: Moments,
    part: F,
}

impl<F: Fn(Line) -> f64> Trend<F> {
    #[inline(always)]
    pub(super) fn new(rows: f64, part: F) -> Self {
        Self { rows, moments: Moments::new(rows, 1.0), part }
    }
}

impl<F: Fn(Line) -> f64> Sums<1, 3> for Trend<F> {
    #[inline(always)]
    fn terms(&self, [dx]: [f64; 1], place: f64) -> [f64; 3] {
        [dx, dx * place, dx * dx]
    }

    #[inline(always)]
    fn result(&self, [sum, by_place, squares]: [f64; 3], end: End<1>) -> f64 {
        let half = (self.rows - 1.0) / 2.0;
        // Places about their middle, whose squares sum to d (d^2 - 1) / 12.
        let product = by_place - (end.rows_past_anchor - half) * sum;
        let places = self.rows * (self.rows * self.rows - 1.0) / 12.0;
        let spread = self.moments.variance(sum, squares, end.anchor[0]) * (self.rows - 1.0);
        let slope = product / places;
        let mean = sum * self.moments.share;
        (self.part)(Line {
            slope,
            level: (end.anchor[0] + mean) - slope * half,
            residual: ((end.now[0] - end.anchor[0]) - mean) - slope * half,
            explained: at_most_one(product * product / (places * spread)),
            fit: (end.anchor[0] + mean) + slope * half,
        })
    }
}

/// The line of the first input on the second.
pub(super) struct Regression<F> {
    moments: Moments,
    part: F,
}

impl<F: Fn(Line) -> f64> Regression<F> {
    #[inline(always)]
    pub(super) fn new(rows: f64, part: F) -> Self {
        Self { moments: Moments::new(rows, 1.0), part }
    }
}

impl<F: Fn(Line) -> f64> Sums<2, 5> for Regression<F> {
    #[inline(always)]
    fn terms(&self, [dy, dx]: [f64; 2], _: f64) -> [f64; 5] {
        [dy, dx, dy * dy, dx * dx, dy * dx]
    }

    #[inline(always)]
    fn result(&self, [sy, sx, syy, sxx, sxy]: [f64; 5], end: End<2>) -> f64 {
        let known = |variance: f64| if variance > 0.0 { variance } else { f64::NAN };
        let y = self.moments.variance(sy, syy, end.anchor[0]);
        let x = known(self.moments.variance(sx, sxx, end.anchor[1]));
        let covariance = self.moments.covariance(sy, sx, sxy);
        let slope = covariance / x;
        let (mean_y, mean_x) = (sy * self.moments.share, sx * self.moments.share);
        let distance_y = (end.now[0] - end.anchor[0]) - mean_y;
        let distance_x = (end.now[1] - end.anchor[1]) - mean_x;
        (self.part)(Line {
            slope,
            level: (end.anchor[0] + mean_y) - slope * (end.anchor[1] + mean_x),
            residual: distance_y - slope * distance_x,
            explained: at_most_one(covariance * covariance / (x * known(y))),
            fit: (end.anchor[0] + mean_y) + slope * distance_x,
        })
    }
}

#[inline(always)]
fn at_most_one(share: f64) -> f64 {
    if share > 1.0 { 1.0 } else { share }
}

/// The part of today's first input that lies along the second over the window, or the rest.
pub(super) struct Projection<const ALONG: bool> {
    pub(super) rows: f64,
}

impl<const ALONG: bool> Sums<2, 4> for Projection<ALONG> {
    #[inline(always)]
    fn terms(&self, [dx, dy]: [f64; 2], _: f64) -> [f64; 4] {
        [dx, dy, dx * dy, dy * dy]
    }

    #[inline(always)]
    fn result(&self, [sx, sy, sxy, syy]: [f64; 4], end: End<2>) -> f64 {
        let [x, y] = end.anchor;
        let product = self.rows * x * y + x * sy + y * sx + sxy;
        let length = self.rows * y * y + 2.0 * y * sy + syy;
        // A product with zeros is 0, unless a value is missing.
        let share = if length == 0.0 { product } else { product / length };
        let along = end.now[1] * share;
        if ALONG { along } else { end.now[0] - along }
    }
}
