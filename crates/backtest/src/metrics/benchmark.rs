//! Metrics of a series of returns against a benchmark.

use serde::{Deserialize, Serialize};

use super::text::{Kind, Row};
use super::{NEGLIGIBLE, ReturnSettings, finite};

/// How a strategy moves with a benchmark. Undefined figures are `None`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct BenchmarkMetrics {
    /// Periods in which both returns exist, up to and including a ruinous one.
    pub n_pairs: usize,
    /// Covariance with the benchmark over the benchmark's variance.
    pub beta: Option<f64>,
    /// Periods per year times the intercept of excess returns on the benchmark's excess returns (arithmetic).
    pub alpha_annual: Option<f64>,
    /// Pearson correlation.
    pub correlation: Option<f64>,
    /// Standard deviation (ddof 1) of the difference of returns, per year.
    pub tracking_error: Option<f64>,
    /// Mean difference of returns over its standard deviation, per year.
    pub information_ratio: Option<f64>,
}

impl BenchmarkMetrics {
    /// Metrics of `returns` against `benchmark`, row by row. A row where either is NaN is left out; rows beyond the
    /// shorter series are too.
    pub fn from_returns(returns: &[f64], benchmark: &[f64], settings: &ReturnSettings) -> Self {
        let rows = returns.iter().position(|r| *r <= -1.0).map_or(returns.len(), |row| row + 1);
        let pairs = || {
            returns[..rows].iter().copied().zip(benchmark.iter().copied()).filter(|(r, b)| !r.is_nan() && !b.is_nan())
        };
        let own = Moments::of(pairs().map(|(r, _)| r));
        let other = Moments::of(pairs().map(|(_, b)| b));
        let difference = Moments::of(pairs().map(|(r, b)| r - b));
        let mut metrics = Self { n_pairs: own.n, ..Self::default() };
        if own.n < 2 {
            return metrics;
        }
        metrics.tracking_error = finite(difference.deviation() * settings.root());
        if !difference.constant {
            metrics.information_ratio = finite(difference.mean / difference.deviation() * settings.root());
        }
        if other.constant {
            return metrics;
        }
        let products: f64 = pairs().map(|(r, b)| (r - own.mean) * (b - other.mean)).sum();
        metrics.beta = finite(products / other.squares);
        metrics.alpha_annual = metrics.beta.and_then(|beta| {
            let risk_free = settings.risk_free();
            finite(settings.periods_per_year * ((own.mean - risk_free) - beta * (other.mean - risk_free)))
        });
        if !own.constant {
            metrics.correlation =
                finite(products / (own.squares.sqrt() * other.squares.sqrt())).map(|r| r.clamp(-1.0, 1.0));
        }
        metrics
    }

    /// Names, values and kinds of the figures, in the order of a report.
    pub fn rows(&self) -> Vec<Row> {
        vec![
            Row::new("n_pairs", Some(self.n_pairs as f64), Kind::Count),
            Row::new("beta", self.beta, Kind::Ratio),
            Row::new("alpha_annual", self.alpha_annual, Kind::Percent),
            Row::new("correlation", self.correlation, Kind::Ratio),
            Row::new("tracking_error", self.tracking_error, Kind::Percent),
            Row::new("information_ratio", self.information_ratio, Kind::Ratio),
        ]
    }
}

/// Count, mean and sum of squared deviations of a series.
struct Moments {
    n: usize,
    mean: f64,
    squares: f64,
    constant: bool,
}

impl Moments {
    fn of(values: impl Iterator<Item = f64> + Clone) -> Self {
        let (mut n, mut sum, mut lowest, mut highest) = (0_usize, 0.0, f64::INFINITY, f64::NEG_INFINITY);
        for value in values.clone() {
            n += 1;
            sum += value;
            lowest = lowest.min(value);
            highest = highest.max(value);
        }
        let mean = sum / n as f64;
        let constant = highest - lowest <= NEGLIGIBLE;
        let squares = if constant { 0.0 } else { values.map(|value| (value - mean) * (value - mean)).sum() };
        Self { n, mean, squares, constant }
    }

    fn deviation(&self) -> f64 {
        (self.squares / (self.n - 1) as f64).sqrt()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn settings() -> ReturnSettings {
        ReturnSettings { risk_free_annual: 0.02, ..ReturnSettings::new(252.0) }
    }

    #[test]
    fn few_pairs_are_undefined() {
        let none = BenchmarkMetrics::from_returns(&[0.01, f64::NAN], &[f64::NAN, 0.01], &settings());
        assert_eq!(none, BenchmarkMetrics::default());
        let one = BenchmarkMetrics::from_returns(&[0.01, 0.02], &[0.01], &settings());
        assert_eq!(one, BenchmarkMetrics { n_pairs: 1, ..BenchmarkMetrics::default() });
    }

    proptest! {
        #[test]
        fn a_line_is_recovered(
            benchmark in prop::collection::vec(-0.05..0.05_f64, 3..60),
            beta in -3.0..3.0_f64,
            alpha in -0.001..0.001_f64,
        ) {
            let risk_free = settings().risk_free();
            let returns: Vec<f64> = benchmark.iter().map(|b| risk_free + alpha + beta * (b - risk_free)).collect();
            let metrics = BenchmarkMetrics::from_returns(&returns, &benchmark, &settings());
            prop_assert!((metrics.beta.unwrap() - beta).abs() < 1e-9);
            prop_assert!((metrics.alpha_annual.unwrap() - 252.0 * alpha).abs() < 1e-9);
        }

        #[test]
        fn against_itself_nothing_is_left(returns in prop::collection::vec(-0.05..0.05_f64, 3..60)) {
            let metrics = BenchmarkMetrics::from_returns(&returns, &returns, &settings());
            prop_assert_eq!(metrics.tracking_error, Some(0.0));
            prop_assert_eq!(metrics.information_ratio, None);
            prop_assert!((metrics.beta.unwrap() - 1.0).abs() < 1e-12);
        }
    }
}
