//! Positions, fills, costs, equity, metrics and validation statistics.
//!
//! - [`metrics`]: what a strategy earned and risked, from its simple returns, its closed trades, its weights, costs
//!   and a benchmark.
//! - [`analysis`]: what a factor says of returns by horizon and quantile, how steady it is, and which inputs know the
//!   future.
//! - [`rank_ic`]: how well a factor orders the returns that follow it.
//! - [`statistics`]: how much of that luck explains, given how many strategies were tried.
//!
//! Two rules hold everywhere. A figure that the data cannot support is `None` (null in JSON, `--` in text), never an
//! infinity, a NaN or a convenient zero: a strategy that does not trade must never win. And `log`, `exp`, `pow` and
//! `erf` come from one bundled library, so that a figure does not depend on the platform.

pub mod analysis;
mod error;
pub mod metrics;
mod random;
pub mod rank_ic;
mod report;
mod signal;
mod simulate;
pub mod statistics;

pub use analysis::{AnalysisSettings, FactorAnalysis, analyze, analyze_values};
pub use error::Error;
pub use metrics::{
    ActivityInput, ActivityMetrics, BenchmarkMetrics, ClosedTrade, Headline, Kind, Metrics, ReturnSettings, Row,
    TradeMetrics, display,
};
pub use rank_ic::forward_returns;
pub use rank_ic::{Correlation, IcSeries, IcSummary, LabelRanks, RankScratch};
pub use report::{Assumptions, Backtester, PeriodReport, Report, backtest};
pub use signal::{Signal, SignalLine, signal};
pub use simulate::{
    Account, CashShort, Charge, CostSeries, Costs, Counts, Delisting, Detail, Execution, Fate, Fill, Holding,
    Intention, Liquidity, Market, Order, Outcome, Periods, Position, Profile, Rates, Reason, Rows, Settings, Shares,
    Side, Simulator, SizeAt, Trade, Unfilled, buy_and_hold,
};
