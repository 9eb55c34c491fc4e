//! What the best of many trials is worth.

use serde::{Deserialize, Serialize};

use super::SharpeEstimate;
use crate::metrics::{finite, ratio};
use factor::normal;

/// Euler's constant.
const EULER: f64 = 0.577_215_664_901_532_9;

/// Expected maximum of `n` independent standard normal variables, by the formula of Bailey & Lopez de Prado (2014):
/// 0 for one, `(1 - g) Z(1 - 1/n) + g Z(1 - 1/(n e))` beyond, `g` Euler's constant and `Z` the normal quantile.
///
/// The formula is 1 to 3 % above the exact value. `n` may be a fraction, as effective numbers of trials are; `None`
/// below 1.
pub fn expected_maximum(n: f64) -> Option<f64> {
    if n.is_nan() || n < 1.0 {
        return None;
    }
    // -Z(p) for Z(1 - p): the subtraction would lose the tail.
    let maximum =
        -(1.0 - EULER) * normal::inverse_cdf(1.0 / n) - EULER * normal::inverse_cdf(1.0 / (n * std::f64::consts::E));
    // The formula falls below the expectation of a single variable as n falls to 1.
    if n == 1.0 { Some(0.0) } else { finite(maximum.max(0.0)) }
}

/// The annual Sharpe ratio that luck alone would give the best of `n_trials` strategies without skill, each measured
/// on `n_obs` returns: [`expected_maximum`] of Sharpe ratios with variance `1 / (n_obs - 1)`. `None` below two returns
/// or one trial.
pub fn luck_bar(n_trials: f64, n_obs: usize, periods_per_year: f64) -> Option<f64> {
    if n_obs < 2 {
        return None;
    }
    finite(expected_maximum(n_trials)? * (periods_per_year / (n_obs as f64 - 1.0)).sqrt())
}

/// Variance (ddof 1) of trials' Sharpe ratios, NaN = undefined and left out. `None` below two.
///
/// Over *all* trials: survivors resemble each other, and their variance flatters the best of them.
pub fn sharpe_variance(sharpes: &[f64]) -> Option<f64> {
    let defined = || sharpes.iter().copied().filter(|sharpe| !sharpe.is_nan());
    let n = defined().count();
    if n < 2 {
        return None;
    }
    let mean = defined().sum::<f64>() / n as f64;
    finite(defined().map(|sharpe| (sharpe - mean) * (sharpe - mean)).sum::<f64>() / (n - 1) as f64)
}

/// A Sharpe ratio judged against the best that luck would give.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct DeflatedSharpe {
    /// Sharpe ratio per period that the best trial reaches by luck.
    pub sr0_per_period: f64,
    /// Probability that the true Sharpe ratio exceeds that.
    pub dsr: f64,
}

/// The deflated Sharpe ratio (Bailey & Lopez de Prado 2014) of the best of `n_trials`, whose Sharpe ratios per period
/// have the given variance (see [`sharpe_variance`]). `None` where the estimate's own statistics are, for a negative
/// variance, and below one trial.
pub fn deflated_sharpe(best: &SharpeEstimate, variance: f64, n_trials: f64) -> Option<DeflatedSharpe> {
    let sr0_per_period = finite(variance.sqrt() * expected_maximum(n_trials)?)?;
    best.probability_above(sr0_per_period).map(|dsr| DeflatedSharpe { sr0_per_period, dsr })
}

/// Years of data below which a Sharpe ratio is expected from luck alone.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct MinBacktestLength {
    /// The minimum backtest length in years.
    pub years: f64,
    /// Its simpler upper bound, `2 ln n / sharpe^2`.
    pub upper_bound_years: f64,
}

/// The minimum backtest length (Bailey, Borwein, Lopez de Prado & Zhu 2014): years after which the best of `n_trials`
/// strategies without skill is no longer expected to show `sharpe_annual`. `None` below one trial or for a Sharpe ratio
/// not above 0.
pub fn min_backtest_length(n_trials: f64, sharpe_annual: f64) -> Option<MinBacktestLength> {
    if sharpe_annual <= 0.0 {
        return None;
    }
    let years = ratio(expected_maximum(n_trials)?, sharpe_annual)?;
    let square = ratio(2.0 * libm::log(n_trials), sharpe_annual * sharpe_annual)?;
    Some(MinBacktestLength { years: finite(years * years)?, upper_bound_years: square })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::random::SplitMix64;

    /// Expected maximum of n standard normal variables: the integral of `z` over the density of the maximum.
    fn exact_maximum(n: i32) -> f64 {
        let step = 1e-3;
        let tail = |z: f64| 1.0 - normal::cdf(z).powi(n);
        let head = |z: f64| normal::cdf(z).powi(n);
        (0..10_000).map(|i| (f64::from(i) + 0.5) * step).map(|z| (tail(z) - head(-z)) * step).sum()
    }

    #[test]
    fn the_formula_stays_close_to_the_exact_expectation() {
        for (n, exact) in [(10, 1.538_753), (100, 2.507_594), (1_000, 3.241_436), (100_000, 4.384_319)] {
            assert!((exact_maximum(n) - exact).abs() < 2e-6);
            let formula = expected_maximum(f64::from(n)).unwrap();
            assert!(formula > exact && formula < 1.025 * exact, "{n}: {formula}");
        }
    }

    #[test]
    fn luck_reaches_its_bar() {
        // The best of 100 strategies without skill over 253 days, on average over 400 worlds. Monte Carlo must be held
        // against the exact expectation, as the formula is 1 % above it.
        let mut random = SplitMix64(1);
        let mut best_of_world = || {
            let sharpe = |random: &mut SplitMix64| {
                let returns: Vec<f64> = (0..253).map(|_| random.normal()).collect();
                let mean = returns.iter().sum::<f64>() / 253.0;
                let variance = returns.iter().map(|r| (r - mean).powi(2)).sum::<f64>() / 252.0;
                mean / variance.sqrt()
            };
            (0..100).map(|_| sharpe(&mut random)).fold(f64::NEG_INFINITY, f64::max)
        };
        let mean = (0..400).map(|_| best_of_world()).sum::<f64>() / 400.0 * 252.0_f64.sqrt();
        // 252 periods a year and 252 degrees of freedom: the bar is the expected maximum itself.
        assert!((mean - 2.507_594).abs() < 0.08, "{mean}");
        let bar = luck_bar(100.0, 253, 252.0).unwrap();
        assert!((bar - 2.530_603).abs() < 1e-6, "{bar}");
    }

    #[test]
    fn too_little_is_undefined() {
        assert_eq!(expected_maximum(0.0), None);
        assert_eq!(expected_maximum(f64::NAN), None);
        assert_eq!(expected_maximum(f64::INFINITY), None);
        assert_eq!(luck_bar(10.0, 1, 252.0), None);
        assert_eq!(luck_bar(0.5, 100, 252.0), None);
        assert_eq!(min_backtest_length(10.0, 0.0), None);
        assert_eq!(deflated_sharpe(&SharpeEstimate::normal(0.1, 100), -1.0, 10.0), None);
        assert_eq!(sharpe_variance(&[0.1, f64::NAN]), None);
        assert_eq!(sharpe_variance(&[1.0, f64::NAN, 3.0]), Some(2.0));
    }

    proptest! {
        #[test]
        fn more_trials_raise_the_bar(n in 1.0..1e9_f64, factor in 1.0..100.0_f64) {
            prop_assert!(expected_maximum(n * factor) >= expected_maximum(n));
            prop_assert!(expected_maximum(n).unwrap() >= 0.0);
            let best = SharpeEstimate::normal(0.1, 1_000);
            let dsr = |n| deflated_sharpe(&best, 0.001, n).unwrap().dsr;
            prop_assert!(dsr(n * factor) <= dsr(n));
        }
    }
}
