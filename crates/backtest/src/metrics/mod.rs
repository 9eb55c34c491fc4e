//! What a strategy earned and risked.
//!
//! Every figure has one definition and one answer to bad input:
//! - returns are simple, net and per period; NaN is a missing return, dropped and counted;
//! - annual figures use the periods per year of [`ReturnSettings`], never a guess from dates;
//! - a series is *constant* when its range is at most 1e-12, and a denominator is *zero* when its size is at most
//!   1e-12: comparing a standard deviation with 0 makes twenty returns of 0.001 a Sharpe ratio of 3.6e16;
//! - what is undefined is `None`, null in JSON and `--` in text, and ranks worst in any comparison;
//! - a return of -1 or less is *ruin*: nothing after it counts, and total return, CAGR and drawdown are -1;
//! - losses, drawdowns, value at risk and shortfall are negative; rates are fractions, percent only on display.

mod activity;
mod benchmark;
mod calendar;
mod drawdowns;
mod extremes;
mod path;
mod returns;
mod rolling;
mod text;
mod trades;

use serde::{Deserialize, Serialize};

pub use activity::{ActivityInput, ActivityMetrics, capacity, cost_drag, drift_weights, factor_weights, turnover};
pub use benchmark::BenchmarkMetrics;
pub use calendar::{CalendarReturn, monthly_returns, yearly_returns};
pub use drawdowns::{Drawdown, drawdown_series, drawdowns, worst_drawdowns};
pub use extremes::{ReasonSummary, best_trades, exit_reasons, trade_return, worst_trades};
pub use returns::{Headline, Metrics, cagr_calendar};
pub use rolling::{RollingFigures, rolling_figures, rolling_window};
pub use text::{Kind, Row, display};
pub use trades::{ClosedTrade, TradeMetrics};

/// Largest range of values that count as constant, and largest size of a denominator that counts as zero.
pub const NEGLIGIBLE: f64 = 1e-12;

/// What turns figures per period into figures per year, and what returns are compared with.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReturnSettings {
    /// Periods per year: 252 daily, 52 weekly, 12 monthly bars.
    pub periods_per_year: f64,
    /// Risk-free rate per year, a fraction.
    #[serde(default)]
    pub risk_free_annual: f64,
    /// Minimum acceptable return per year above the risk-free rate, a fraction; used by Sortino and omega.
    #[serde(default)]
    pub minimum_acceptable_annual: f64,
}

impl ReturnSettings {
    /// Settings without a risk-free rate or a minimum acceptable return.
    pub fn new(periods_per_year: f64) -> Self {
        Self { periods_per_year, risk_free_annual: 0.0, minimum_acceptable_annual: 0.0 }
    }

    /// The risk-free rate per period.
    pub fn risk_free(&self) -> f64 {
        self.per_period(self.risk_free_annual)
    }

    /// The minimum acceptable return per period.
    pub fn minimum_acceptable(&self) -> f64 {
        self.per_period(self.minimum_acceptable_annual)
    }

    /// The rate that compounds to `annual` over a year.
    fn per_period(&self, annual: f64) -> f64 {
        if annual == 0.0 { 0.0 } else { libm::pow(1.0 + annual, 1.0 / self.periods_per_year) - 1.0 }
    }

    /// What a standard deviation, or a ratio to one, is multiplied with.
    fn root(&self) -> f64 {
        self.periods_per_year.sqrt()
    }
}

/// The value, where it is a number: what overflowed or was never defined must not reach a report.
pub(crate) fn finite(value: f64) -> Option<f64> {
    // Adding 0 turns a negative zero, which would print as "-0", into zero.
    value.is_finite().then_some(value + 0.0)
}

/// A ratio, undefined where the denominator counts as zero.
pub(crate) fn ratio(numerator: f64, denominator: f64) -> Option<f64> {
    if denominator.abs() <= NEGLIGIBLE { None } else { finite(numerator / denominator) }
}

/// The `numerator / denominator` quantile by linear interpolation between order statistics (type 7). Reorders
/// `values`, which must hold no NaN; `None` when empty.
pub(crate) fn quantile(values: &mut [f64], numerator: usize, denominator: usize) -> Option<f64> {
    let steps = values.len().checked_sub(1)? * numerator;
    // Integers keep the position exact: (n - 1) * 0.95 rounds to the wrong side for some n.
    let weight = (steps % denominator) as f64 / denominator as f64;
    let (_, lower, above) = values.select_nth_unstable_by(steps / denominator, f64::total_cmp);
    let lower = *lower;
    let upper = above.iter().copied().reduce(f64::min).unwrap_or(lower);
    finite(if weight == 0.0 { lower } else { lower + weight * (upper - lower) })
}
