//! Mistakes that other libraries made with these statistics, each with the number that it gives.
//!
//! Some are small enough that only a published figure tells them apart, so the wrong figure stands beside the right
//! one. Further ones are tested beside the code: a risk-free rate taken per period (`metrics::returns`), a flat
//! strategy that wins a block, ties broken by position and `<` for `<=` at a logit of 0 (`statistics::pbo`), raw
//! returns fed to Rademacher bounds (`statistics::rademacher`), overlapping labels (`rank_ic::series`).

use backtest::statistics::{SharpeEstimate, deflated_sharpe, expected_maximum, sharpe_variance};

/// The published example: 100 trials with variance .5, Sharpe ratio 2.5 a year, five years of 250 days.
fn published(sharpe: f64, variance: f64, n_trials: f64, kurtosis_raw: f64) -> f64 {
    let best = SharpeEstimate { sharpe, n_obs: 1250, skew: -3.0, kurtosis_raw };
    deflated_sharpe(&best, variance, n_trials).unwrap().dsr
}

fn check(got: f64, expected: f64, digits: f64) {
    assert!((got - expected).abs() <= 0.5 * digits, "{got} against {expected}");
}

#[test]
fn excess_kurtosis_taken_for_raw() {
    let daily = 2.5 / 250.0_f64.sqrt();
    check(published(daily, 0.5 / 250.0, 100.0, 10.0), 0.9004, 1e-4);
    check(published(daily, 0.5 / 250.0, 100.0, 10.0 - 3.0), 0.9018, 1e-4);
    let monthly = |kurtosis_raw| SharpeEstimate { sharpe: 0.458, n_obs: 24, skew: -2.448, kurtosis_raw };
    check(monthly(10.164).probability_above(0.0).unwrap(), 0.9134, 1e-4);
    check(monthly(7.164).probability_above(0.0).unwrap(), 0.9200, 1e-4);
}

#[test]
fn annual_figures_taken_for_daily() {
    check(published(2.5, 0.5, 100.0, 10.0), 0.999_999_94, 1e-8);
    check(published(2.5 / 250.0_f64.sqrt(), 0.5, 100.0, 10.0), 0.0, 1e-8);
}

#[test]
fn a_single_trial_needs_no_deflation() {
    assert_eq!(expected_maximum(1.0), Some(0.0));
    let best = SharpeEstimate::normal(0.1, 500);
    let deflated = deflated_sharpe(&best, 0.002, 1.0).unwrap();
    assert_eq!(deflated.sr0_per_period, 0.0);
    assert_eq!(Some(deflated.dsr), best.probability_above(0.0));
}

#[test]
fn variance_of_survivors_alone() {
    let trials: Vec<f64> = (-50..=50).map(|trial| f64::from(trial) * 0.002).collect();
    let survivors = &trials[91..];
    let best = SharpeEstimate::normal(0.1, 1000);
    let judged = |sharpes: &[f64]| deflated_sharpe(&best, sharpe_variance(sharpes).unwrap(), 101.0).unwrap().dsr;
    assert!(judged(&trials) < 0.1, "{}", judged(&trials));
    assert!(judged(survivors) > 0.95, "{}", judged(survivors));
}
