//! Statistics of one Sharpe ratio.

use serde::{Deserialize, Serialize};

use crate::metrics::finite;
use factor::normal;

/// A Sharpe ratio with the sample that it was measured on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SharpeEstimate {
    /// Sharpe ratio per period, not annualised.
    pub sharpe: f64,
    /// Number of returns.
    pub n_obs: usize,
    /// Skewness of the returns, 0 for the normal distribution.
    pub skew: f64,
    /// Raw kurtosis of the returns, 3 for the normal distribution.
    pub kurtosis_raw: f64,
}

impl SharpeEstimate {
    /// An estimate from returns assumed normal: skewness 0, kurtosis 3.
    pub fn normal(sharpe: f64, n_obs: usize) -> Self {
        Self { sharpe, n_obs, skew: 0.0, kurtosis_raw: 3.0 }
    }

    /// Standard error of the Sharpe ratio, per period (Bailey & Lopez de Prado 2012). `None` below two returns, or
    /// where the moments contradict each other.
    pub fn standard_error(&self) -> Option<f64> {
        if self.n_obs < 2 {
            return None;
        }
        finite((self.spread_squared() / (self.n_obs as f64 - 1.0)).sqrt())
    }

    /// Probability that the true Sharpe ratio exceeds `benchmark` (per period): the probabilistic Sharpe ratio of
    /// Bailey & Lopez de Prado (2012). `None` below two returns, or where the moments contradict each other.
    pub fn probability_above(&self, benchmark: f64) -> Option<f64> {
        let error = self.standard_error()?;
        // A standard error of 0 needs moments at the edge of the possible; the ratio is then infinite or undefined.
        finite(normal::cdf((self.sharpe - benchmark) / error))
    }

    /// Returns needed before the Sharpe ratio exceeds `benchmark` (per period) at a confidence between .5 and 1: the
    /// minimum track record length of Bailey & Lopez de Prado (2012). `None` where no length is enough.
    pub fn min_track_record(&self, benchmark: f64, confidence: f64) -> Option<f64> {
        if self.sharpe <= benchmark || !(0.5..1.0).contains(&confidence) {
            return None;
        }
        let distance = normal::inverse_cdf(confidence) / (self.sharpe - benchmark);
        finite(1.0 + self.spread_squared().max(0.0) * distance * distance)
    }

    /// Variance of the Sharpe ratio times `n_obs - 1`.
    fn spread_squared(&self) -> f64 {
        1.0 - self.skew * self.sharpe + 0.25 * (self.kurtosis_raw - 1.0) * self.sharpe * self.sharpe
    }
}

/// What a Sharpe ratio per period is multiplied with to span `periods`, given the returns' autocorrelations from lag 1
/// on; lags that are not given count as 0. The root of `periods` where all are 0 (Lo 2002). `None` where the
/// autocorrelations contradict each other.
pub fn annualisation_factor(periods: usize, autocorrelations: &[f64]) -> Option<f64> {
    let q = periods as f64;
    let lags = autocorrelations.iter().take(periods.saturating_sub(1)).enumerate();
    let weighted: f64 = lags.map(|(index, rho)| (q - (index + 1) as f64) * rho).sum();
    let variance = q + 2.0 * weighted;
    if variance > 0.0 { finite(q / variance.sqrt()) } else { None }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn impossible_samples_are_undefined() {
        let impossible = SharpeEstimate { sharpe: 1.0, n_obs: 100, skew: 5.0, kurtosis_raw: 1.0 };
        for estimate in [SharpeEstimate::normal(0.1, 0), SharpeEstimate::normal(0.1, 1), impossible] {
            assert_eq!(estimate.standard_error(), None);
            assert_eq!(estimate.probability_above(0.0), None);
        }
        assert_eq!(SharpeEstimate::normal(f64::NAN, 100).probability_above(0.0), None);
        assert_eq!(SharpeEstimate::normal(0.1, 100).min_track_record(0.1, 0.95), None);
        assert_eq!(SharpeEstimate::normal(0.1, 100).min_track_record(0.0, 1.0), None);
    }

    #[test]
    fn trending_returns_annualise_to_less() {
        assert!((annualisation_factor(12, &[]).unwrap() - 12.0_f64.sqrt()).abs() < 1e-12);
        assert!(annualisation_factor(12, &[0.3]) < annualisation_factor(12, &[]));
        assert!(annualisation_factor(12, &[-0.3]) > annualisation_factor(12, &[]));
        assert_eq!(annualisation_factor(12, &[-1.0]), None);
        assert_eq!(annualisation_factor(0, &[0.5]), None);
    }

    proptest! {
        #[test]
        fn the_minimum_track_record_is_just_long_enough(
            sharpe in 0.02..0.5_f64,
            skew in -2.0..2.0_f64,
            confidence in 0.6..0.999_f64,
        ) {
            let estimate = |n_obs| SharpeEstimate { sharpe, n_obs, skew, kurtosis_raw: 6.0 };
            let length = estimate(0).min_track_record(0.01, confidence).unwrap();
            prop_assert!(estimate(length.ceil() as usize).probability_above(0.01).unwrap() >= confidence - 1e-12);
            prop_assume!(length.floor() >= 2.0);
            prop_assert!(estimate(length.floor() as usize).probability_above(0.01).unwrap() <= confidence + 1e-12);
        }
    }
}
