//! A whole backtest: one continuous simulation, and its figures by period.

use std::ops::Range;

use engine::{Columns, Executor, Outputs, Plan};
use factor::Strategy;
use market::Panel;
use serde::Serialize;

use crate::Error;
use crate::metrics::{
    ActivityInput, ActivityMetrics, BenchmarkMetrics, ClosedTrade, Metrics, ReturnSettings, TradeMetrics,
};
use crate::simulate::{Detail, Market, Outcome, Periods, Rows, Settings, Simulator, buy_and_hold};

/// What every figure of a report rests on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Assumptions {
    /// Fills, costs, capital.
    pub settings: Settings,
    /// Bars a year.
    pub periods_per_year: f64,
    /// Risk-free rate per year, a fraction.
    pub risk_free_annual: f64,
}

/// The figures of one period.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PeriodReport {
    /// `whole`, `train`, `validation` or `exam`.
    pub name: String,
    /// First bar, as a date.
    pub from: String,
    /// Last bar, as a date.
    pub to: String,
    /// From the returns.
    #[serde(flatten)]
    pub metrics: Metrics,
    /// From weights, trades and costs.
    #[serde(flatten)]
    pub activity: ActivityMetrics,
    /// From trades that ended in the period.
    #[serde(flatten)]
    pub trades: TradeMetrics,
    /// Against equal-weight buy-and-hold; `None` for that itself.
    #[serde(flatten)]
    pub benchmark: Option<BenchmarkMetrics>,
}

/// A backtest.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Name of the strategy.
    pub strategy: String,
    /// What every figure rests on.
    pub assumptions: Assumptions,
    /// The whole span first, then train, validation and exam.
    pub periods: Vec<PeriodReport>,
    /// The simulation behind the figures.
    #[serde(skip)]
    pub outcome: Outcome,
}

/// Backtests over one market under one set of assumptions, beside one simulation of equal-weight buy-and-hold.
#[derive(Debug)]
pub struct Backtester<'a> {
    panel: &'a Panel,
    market: &'a Market<'a>,
    settings: Settings,
    periods: Periods,
    returns: ReturnSettings,
    benchmark: Report,
}

impl<'a> Backtester<'a> {
    /// Simulates the benchmark; `market` is that of the panel.
    ///
    /// # Errors
    /// When a setting is out of range.
    pub fn new(
        panel: &'a Panel,
        market: &'a Market<'a>,
        settings: &Settings,
        periods: &Periods,
        returns: &ReturnSettings,
    ) -> Result<Self, Error> {
        settings.check()?;
        let held = buy_and_hold(market, settings, Detail::Trades);
        let benchmark = report("buy-and-hold", held, None, panel, settings, periods, returns);
        Ok(Self { panel, market, settings: *settings, periods: periods.clone(), returns: *returns, benchmark })
    }

    /// Simulates a strategy over the whole panel. Periods are cut from one continuous simulation.
    ///
    /// # Errors
    /// When the strategy does not compile or the panel lacks a column it reads.
    pub fn run(&self, strategy: &Strategy) -> Result<Report, Error> {
        let program = strategy.compile()?;
        let plan = Plan::new([&program]);
        let columns = Columns::new(&plan, self.panel, self.market.members())?;
        let Strategy { positions, exits, .. } = *strategy;
        let mut simulator = Simulator::new(self.market, positions, exits, &self.settings, Detail::Full);
        let executor = Executor::new(&plan, self.panel.symbols().len());
        executor.finish(&columns, self.panel.bars(), &mut |outputs: &Outputs<'_>| {
            for row in 0..outputs.rows {
                simulator.step(outputs.first_row + row, &Rows::of(outputs, row));
            }
        });
        let (name, outcome, held) = (&strategy.name, simulator.finish(), Some(&self.benchmark.outcome));
        Ok(report(name, outcome, held, self.panel, &self.settings, &self.periods, &self.returns))
    }

    /// Equal-weight buy-and-hold of the first members, at the same costs: what doing nothing clever would have given.
    /// Its positions are not recorded.
    pub fn benchmark(&self) -> &Report {
        &self.benchmark
    }
}

/// One strategy over a whole panel; for several, or for the benchmark itself, see [`Backtester`].
///
/// # Errors
/// When a setting is out of range, the strategy does not compile, or the panel lacks a column it reads.
pub fn backtest(
    strategy: &Strategy,
    panel: &Panel,
    market: &Market<'_>,
    settings: &Settings,
    periods: &Periods,
    returns: &ReturnSettings,
) -> Result<Report, Error> {
    Backtester::new(panel, market, settings, periods, returns)?.run(strategy)
}

fn report(
    name: &str,
    outcome: Outcome,
    benchmark: Option<&Outcome>,
    panel: &Panel,
    settings: &Settings,
    periods: &Periods,
    returns: &ReturnSettings,
) -> Report {
    let spans = std::iter::once(("whole", 0..panel.bars())).chain(periods.named());
    let periods = spans
        .filter(|(_, rows)| !rows.is_empty())
        .map(|(name, rows)| period(name, rows, &outcome, benchmark, panel, returns))
        .collect();
    let assumptions = Assumptions {
        settings: *settings,
        periods_per_year: returns.periods_per_year,
        risk_free_annual: returns.risk_free_annual,
    };
    Report { strategy: name.to_owned(), assumptions, periods, outcome }
}

fn period(
    name: &str,
    rows: Range<usize>,
    outcome: &Outcome,
    benchmark: Option<&Outcome>,
    panel: &Panel,
    settings: &ReturnSettings,
) -> PeriodReport {
    let calendar = panel.calendar();
    let returns = &outcome.returns[rows.clone()];
    let input = ActivityInput {
        gross: &outcome.exposure_gross[rows.clone()],
        net: &outcome.exposure_net[rows.clone()],
        turnover: &outcome.turnover[rows.clone()],
        costs: &outcome.costs[rows.clone()],
        equity: &outcome.equity[rows.clone()],
    };
    let closed = outcome.trades.iter().filter_map(|trade| {
        let exit_row = trade.exit_row.filter(|row| rows.contains(row))?;
        let holding_bars = exit_row - trade.entry_row;
        Some(ClosedTrade { net_pnl: trade.net_pnl, notional: trade.notional, holding_bars })
    });
    let times = calendar.times();
    let days = (times[rows.end - 1] - times[rows.start.saturating_sub(1)]) as f64 / 86_400e6;
    PeriodReport {
        name: name.to_owned(),
        from: calendar.label(rows.start),
        to: calendar.label(rows.end - 1),
        metrics: Metrics::from_returns(returns, settings).with_calendar_days(days),
        activity: ActivityMetrics::from_input(&input, settings),
        trades: TradeMetrics::from_trades(closed),
        benchmark: benchmark.map(|held| BenchmarkMetrics::from_returns(returns, &held.returns[rows.clone()], settings)),
    }
}
