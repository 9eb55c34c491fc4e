//! Higher moments over a window, of one series and of several, from sums of products of distances to the anchor.

use std::marker::PhantomData;

use super::sums::Moments;
use super::window::{End, Sums};

/// What is made of central moments. Types, so that a kernel asks once which it is.
pub(super) trait Central {
    /// Degrees of freedom that the variance is short of.
    const DDOF: f64;

    /// From the sums of second to fourth powers of distances from the mean, the second as variance, over `n` rows.
    fn of(n: f64, variance: f64, third: f64, fourth: f64) -> f64;
}

/// Corrected skewness.
pub(super) struct Skewness;

impl Central for Skewness {
    const DDOF: f64 = 1.0;

    #[inline(always)]
    fn of(n: f64, variance: f64, third: f64, _: f64) -> f64 {
        let skewness = n / ((n - 1.0) * (n - 2.0)) * third / (variance * variance.sqrt());
        if variance == 0.0 { f64::NAN } else { skewness }
    }
}

/// Corrected excess kurtosis.
pub(super) struct Kurtosis;

impl Central for Kurtosis {
    const DDOF: f64 = 1.0;

    #[inline(always)]
    fn of(n: f64, variance: f64, _: f64, fourth: f64) -> f64 {
        let factor = n * (n + 1.0) / ((n - 1.0) * (n - 2.0) * (n - 3.0));
        let normal = 3.0 * (n - 1.0) * (n - 1.0) / ((n - 2.0) * (n - 3.0));
        let kurtosis = factor * fourth / (variance * variance) - normal;
        if variance == 0.0 { f64::NAN } else { kurtosis }
    }
}

/// The mean power `K` of distances from the mean, from the second to the fourth.
pub(super) struct MeanPower<const K: usize>;

impl<const K: usize> Central for MeanPower<K> {
    const DDOF: f64 = 0.0;

    #[inline(always)]
    fn of(n: f64, variance: f64, third: f64, fourth: f64) -> f64 {
        if K == 2 {
            return variance;
        }
        let moment = if K == 3 { third } else { fourth } * (1.0 / n);
        if variance == 0.0 { 0.0 } else { moment }
    }
}

/// Moments up to the fourth.
pub(super) struct Powers<C> {
    rows: f64,
    moments: Moments,
    wanted: PhantomData<C>,
}

impl<C: Central> Powers<C> {
    #[inline(always)]
    pub(super) fn new(rows: f64, _: C) -> Self {
        Self { rows, moments: Moments::new(rows, C::DDOF), wanted: PhantomData }
    }
}

impl<C: Central> Sums<1, 4> for Powers<C> {
    #[inline(always)]
    fn terms(&self, [dx]: [f64; 1], _: f64) -> [f64; 4] {
        [dx, dx * dx, dx * dx * dx, (dx * dx) * (dx * dx)]
    }

    #[inline(always)]
    fn result(&self, [s1, s2, s3, s4]: [f64; 4], end: End<1>) -> f64 {
        let n = self.rows;
        let m = s1 * self.moments.share;
        let variance = self.moments.variance(s1, s2, end.anchor[0]);
        let third = s3 - 3.0 * m * s2 + 2.0 * n * m * m * m;
        let fourth = s4 - 4.0 * m * s3 + 6.0 * m * m * s2 - 3.0 * n * m * m * m * m;
        C::of(n, variance, third, fourth)
    }
}

/// The sum of squared distances from the mean.
pub(super) struct SquaresAboutMean {
    rows: f64,
    moments: Moments,
}

impl SquaresAboutMean {
    #[inline(always)]
    pub(super) fn new(rows: f64) -> Self {
        Self { rows, moments: Moments::new(rows, 0.0) }
    }
}

impl Sums<1, 2> for SquaresAboutMean {
    #[inline(always)]
    fn terms(&self, [dx]: [f64; 1], _: f64) -> [f64; 2] {
        [dx, dx * dx]
    }

    #[inline(always)]
    fn result(&self, [sum, squares]: [f64; 2], end: End<1>) -> f64 {
        self.moments.variance(sum, squares, end.anchor[0]) * self.rows
    }
}

/// A variance of population moments, NaN where there is none.
#[inline(always)]
fn spread(moments: &Moments, sum: f64, squares: f64, anchor: f64) -> f64 {
    let variance = moments.variance(sum, squares, anchor);
    if variance > 0.0 { variance } else { f64::NAN }
}

/// Co-skewness of the first input with the square of the second, or co-kurtosis with its cube.
pub(super) struct CoMoment<const CUBE: bool> {
    rows: f64,
    moments: Moments,
}

impl<const CUBE: bool> CoMoment<CUBE> {
    #[inline(always)]
    pub(super) fn new(rows: f64) -> Self {
        Self { rows, moments: Moments::new(rows, 0.0) }
    }
}

impl<const CUBE: bool> Sums<2, 8> for CoMoment<CUBE> {
    #[inline(always)]
    fn terms(&self, [dx, dy]: [f64; 2], _: f64) -> [f64; 8] {
        let yy = dy * dy;
        let (yyy, xyyy) = if CUBE { (yy * dy, dx * yy * dy) } else { (0.0, 0.0) };
        [dx, dy, dx * dx, yy, dx * dy, dx * yy, yyy, xyyy]
    }

    #[inline(always)]
    fn result(&self, [x, y, xx, yy, xy, xyy, yyy, xyyy]: [f64; 8], end: End<2>) -> f64 {
        let n = self.rows;
        let (mx, my) = (x * self.moments.share, y * self.moments.share);
        let of_x = spread(&self.moments, x, xx, end.anchor[0]);
        let of_y = spread(&self.moments, y, yy, end.anchor[1]);
        if CUBE {
            let cube = yyy - 3.0 * my * yy + 2.0 * n * my * my * my;
            let product = xyyy - 3.0 * my * xyy + 3.0 * my * my * xy - my * my * my * n * mx - mx * cube;
            product * self.moments.share / (of_x.sqrt() * of_y * of_y.sqrt())
        } else {
            let product = xyy - 2.0 * my * xy - mx * yy + 2.0 * n * mx * my * my;
            product * self.moments.share / (of_x.sqrt() * of_y)
        }
    }
}

/// The mean product of three series' distances from their means, in standard deviations.
pub(super) struct Triple {
    rows: f64,
    moments: Moments,
}

impl Triple {
    #[inline(always)]
    pub(super) fn new(rows: f64) -> Self {
        Self { rows, moments: Moments::new(rows, 0.0) }
    }
}

impl Sums<3, 10> for Triple {
    #[inline(always)]
    fn terms(&self, [dx, dy, dz]: [f64; 3], _: f64) -> [f64; 10] {
        [dx, dy, dz, dx * dx, dy * dy, dz * dz, dx * dy, dx * dz, dy * dz, dx * dy * dz]
    }

    #[inline(always)]
    fn result(&self, [x, y, z, xx, yy, zz, xy, xz, yz, xyz]: [f64; 10], end: End<3>) -> f64 {
        let share = self.moments.share;
        let of_x = spread(&self.moments, x, xx, end.anchor[0]);
        let of_y = spread(&self.moments, y, yy, end.anchor[1]);
        let of_z = spread(&self.moments, z, zz, end.anchor[2]);
        let (mx, my, mz) = (x * share, y * share, z * share);
        let product = xyz - mx * yz - my * xz - mz * xy + 2.0 * self.rows * mx * my * mz;
        product * share / (of_x * of_y * of_z).sqrt()
    }
}
