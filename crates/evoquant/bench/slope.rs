//! How fast time grows with a size: the slope of a line through the logarithms of both, and how sure it is.

use std::f64::consts::FRAC_PI_2;

use serde::{Deserialize, Serialize};

use super::line::Line;

/// The probability with which the interval holds the slope.
const CONFIDENCE: f64 = 0.95;

/// Time grows with a size to the power of this: 1 is proportional, below it less, above it more.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Slope {
    /// What was measured: the name of its records, without the size.
    pub name: String,
    /// Smallest size.
    pub least: f64,
    /// Largest size.
    pub most: f64,
    /// Seconds at the smallest size.
    pub seconds_at_least: f64,
    /// Seconds at the largest size.
    pub seconds_at_most: f64,
    /// Least squares on the logarithms.
    pub slope: f64,
    /// The slope's 95 % interval, from Student's distribution with two degrees of freedom fewer than there are sizes.
    pub interval: (f64, f64),
    /// Slope between the two largest sizes alone, where fixed costs weigh least.
    pub last_step: f64,
}

impl Slope {
    /// The most that is held to be proportional.
    pub const LIMIT: f64 = 1.15;

    /// The line through sizes, in rising order, and seconds; `None` for fewer than three different sizes, or where a
    /// size or time is not above 0.
    pub(super) fn new(name: &str, points: &[(f64, f64)]) -> Option<Self> {
        let rising = points.windows(2).all(|pair| pair[0].0 < pair[1].0);
        if !rising || points.iter().any(|&(size, seconds)| size <= 0.0 || seconds <= 0.0) {
            return None;
        }
        let logs: Vec<(f64, f64)> = points.iter().map(|&(size, seconds)| (size.ln(), seconds.ln())).collect();
        let Line { slope, intercept, xx, .. } = Line::through(&logs)?;
        let left_over = |&(x, y): &(f64, f64)| y - intercept - slope * x;
        let squares: f64 = logs.iter().map(left_over).map(|rest| rest * rest).sum();
        let freedom = logs.len() - 2;
        let half = student_quantile(CONFIDENCE, freedom) * (squares / freedom as f64 / xx).sqrt();
        let (first, last, before) = (points[0], points[points.len() - 1], logs[logs.len() - 2]);
        let top = logs[logs.len() - 1];
        Some(Self {
            name: name.to_owned(),
            least: first.0,
            most: last.0,
            seconds_at_least: first.1,
            seconds_at_most: last.1,
            slope,
            interval: (slope - half, slope + half),
            last_step: (top.1 - before.1) / (top.0 - before.0),
        })
    }

    /// Whether it is at most [`Slope::LIMIT`].
    pub fn within_limit(&self) -> bool {
        self.slope <= Self::LIMIT
    }
}

/// The value that a variable of Student's distribution stays below in size with some probability, by halving: it is
/// needed once a slope.
fn student_quantile(probability: f64, freedom: usize) -> f64 {
    let (mut low, mut high) = (0.0, FRAC_PI_2);
    for _ in 0..100 {
        let middle = f64::midpoint(low, high);
        if student_within(middle, freedom) < probability { low = middle } else { high = middle }
    }
    low.tan() * (freedom as f64).sqrt()
}

/// The probability that a variable of Student's distribution with `freedom` degrees of freedom, at least 1, is at most
/// `tan(angle) * sqrt(freedom)` in size (Abramowitz and Stegun, 26.7.3 and 26.7.4).
fn student_within(angle: f64, freedom: usize) -> f64 {
    let (sine, cosine) = angle.sin_cos();
    let odd = !freedom.is_multiple_of(2);
    let (mut term, mut sum) = if odd { (cosine, 0.0) } else { (1.0, 0.0) };
    // Powers of the cosine up to the one of freedom - 2, each by a fraction of the one before.
    let mut power = usize::from(odd);
    while power + 2 <= freedom {
        sum += term;
        term *= cosine * cosine * (power + 1) as f64 / (power + 2) as f64;
        power += 2;
    }
    if odd { (angle + sine * sum) / FRAC_PI_2 } else { sine * sum }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two-sided 95 % points as tables print them.
    #[test]
    fn quantiles_are_those_of_the_tables() {
        for (freedom, expected) in [
            (1, 12.706_205),
            (2, 4.302_653),
            (3, 3.182_446),
            (4, 2.776_445),
            (5, 2.570_582),
            (6, 2.446_912),
            (10, 2.228_139),
            (29, 2.045_230),
            (30, 2.042_272),
            (100, 1.983_972),
        ] {
            let found = student_quantile(0.95, freedom);
            assert!((found - expected).abs() < 1e-6, "{freedom} degrees of freedom: {found}, not {expected}");
        }
    }

    /// Logarithms to the base 10 are (0, 0), (1, 1), (2, 3): slope 3/2, residuals 1/6, -1/3, 1/6, sum of squares 1/6 on
    /// one degree of freedom, standard error sqrt(1/6 / 2), interval 12.706205 times that around.
    #[test]
    fn a_slope_worked_out_by_hand() {
        let slope = Slope::new("by hand", &[(1.0, 1.0), (10.0, 10.0), (100.0, 1_000.0)]).expect("three points");
        let half = 12.706_204_736 / 12_f64.sqrt();
        for (found, expected) in [
            (slope.slope, 1.5),
            (slope.interval.0, 1.5 - half),
            (slope.interval.1, 1.5 + half),
            (slope.last_step, 2.0),
            (slope.seconds_at_least, 1.0),
            (slope.seconds_at_most, 1_000.0),
            (slope.least, 1.0),
            (slope.most, 100.0),
        ] {
            assert!((found - expected).abs() < 1e-6, "{found}, not {expected}: {slope:?}");
        }
        assert!(!slope.within_limit());
    }

    #[test]
    fn a_power_has_its_exponent_as_slope_and_no_doubt_about_it() {
        for exponent in [0.0, 0.5, 1.0, 1.15 - 1e-9, 2.0] {
            let points: Vec<(f64, f64)> = (1..=7).map(|i| 2_f64.powi(i)).map(|x| (x, 3.0 * x.powf(exponent))).collect();
            let slope = Slope::new("power", &points).expect("seven points");
            let close = |found: f64| (found - exponent).abs() < 1e-9;
            assert!(close(slope.slope) && close(slope.interval.0) && close(slope.interval.1), "{slope:?}");
            assert!(close(slope.last_step) && slope.within_limit() == (exponent < 1.2), "{slope:?}");
        }
    }

    #[test]
    fn what_makes_no_line() {
        let check = |points: &[(f64, f64)]| assert_eq!(Slope::new("none", points), None, "{points:?}");
        check(&[]);
        check(&[(1.0, 1.0), (2.0, 2.0)]);
        check(&[(1.0, 1.0), (2.0, 2.0), (2.0, 3.0)]);
        check(&[(1.0, 1.0), (2.0, 0.0), (3.0, 3.0)]);
        check(&[(0.0, 1.0), (2.0, 1.0), (3.0, 3.0)]);
    }
}
