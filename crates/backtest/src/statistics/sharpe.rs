//! Statistics of one Sharpe ratio: its standard error and its probability of being real.

use serde::{Deserialize, Serialize};

use super::normal;
use crate::metrics::finite;

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

    /// Standard error of the Sharpe ratio, per period (Mertens; Bailey & Lopez de Prado 2012). `None` below two
    /// returns, or where the moments contradict each other.
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

    /// Variance of the Sharpe ratio times `n_obs - 1`.
    fn spread_squared(&self) -> f64 {
        1.0 - self.skew * self.sharpe + 0.25 * (self.kurtosis_raw - 1.0) * self.sharpe * self.sharpe
    }
}
