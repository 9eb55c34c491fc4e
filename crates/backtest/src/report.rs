//! A whole backtest: one continuous simulation, and its figures by period.

use std::ops::Range;

use engine::{Columns, Executor, Outputs, Plan};
use factor::{Count, Rule, Strategy, Trigger};
use market::Panel;
use serde::Serialize;

use crate::Error;
use crate::metrics::{
    ActivityInput, ActivityMetrics, BenchmarkMetrics, ClosedTrade, Metrics, ReturnSettings, Row, TradeMetrics,
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

impl PeriodReport {
    /// Every figure: name, value and kind, in the order of a report.
    pub fn rows(&self) -> Vec<Row> {
        let mut rows = self.metrics.rows();
        rows.extend(self.activity.rows());
        rows.extend(self.trades.rows());
        rows.extend(self.benchmark.iter().flat_map(BenchmarkMetrics::rows));
        rows
    }
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
    returns: ReturnSettings,
    /// The whole span, then the periods.
    spans: Vec<(&'static str, Range<usize>)>,
    benchmark: Report,
}

impl<'a> Backtester<'a> {
    /// Simulates the benchmark; `market` is that of the panel. Reports give the whole span, and the periods.
    ///
    /// # Errors
    /// When a setting is out of range, or needs a column that the market does not have.
    pub fn new(
        panel: &'a Panel,
        market: &'a Market<'a>,
        settings: &Settings,
        periods: &Periods,
        returns: &ReturnSettings,
    ) -> Result<Self, Error> {
        let spans = std::iter::once(("whole", 0..panel.bars())).chain(periods.named());
        Self::over(panel, market, settings, spans.filter(|(_, rows)| !rows.is_empty()).collect(), returns)
    }

    /// Likewise over some of the bars: factors know all that came before, but money is only held from the first of them
    /// to the last. Reports give that span alone.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    ///
    /// # Panics
    /// When the panel does not have the bars.
    pub fn between(
        panel: &'a Panel,
        market: &'a Market<'a>,
        settings: &Settings,
        bars: Range<usize>,
        returns: &ReturnSettings,
    ) -> Result<Self, Error> {
        assert!(bars.end <= panel.bars(), "bars of the panel");
        Self::over(panel, market, settings, vec![("whole", bars)], returns)
    }

    fn over(
        panel: &'a Panel,
        market: &'a Market<'a>,
        settings: &Settings,
        spans: Vec<(&'static str, Range<usize>)>,
        returns: &ReturnSettings,
    ) -> Result<Self, Error> {
        settings.check()?;
        settings.check_market(market)?;
        let bars = spans.first().map_or(0..0, |(_, bars)| bars.clone());
        let held = buy_and_hold(market, settings, Detail::Trades, bars);
        let benchmark = report("buy-and-hold", held, None, panel, settings, &spans, returns);
        Ok(Self { panel, market, settings: *settings, spans, returns: *returns, benchmark })
    }

    /// Measures strategies against something else: its closes, one a bar of the panel.
    ///
    /// # Errors
    /// When a close is missing within the span, or there is not one a bar; the message names the bar.
    pub fn with_benchmark(mut self, name: &str, closes: &[f64]) -> Result<Self, Error> {
        let bars = self.bars();
        let calendar = self.panel.calendar();
        // The first return is measured from the close before, where there is one.
        let known = |row: &usize| closes.get(*row).is_some_and(|close| *close > 0.0 && close.is_finite());
        let missing = bars.clone().filter(|row| !known(row)).count();
        if let Some(row) = bars.clone().find(|row| !known(row)) {
            return Err(Error::Setting(format!(
                "the benchmark `{name}` has no price on {} ({missing} of the {} bars lack one): give one with the dates of \
                 the market, or the span they share with --from and --to",
                calendar.label(row),
                bars.len()
            )));
        }
        let mut outcome = Outcome::default();
        let capital = self.settings.capital;
        for row in 0..bars.end {
            let before = row.checked_sub(1).filter(|before| row > bars.start && known(before)).unwrap_or(row);
            let earned = if row < bars.start { 0.0 } else { closes[row] / closes[before] - 1.0 };
            outcome.returns.push(earned);
            outcome.equity.push(if row < bars.start { capital } else { capital * (closes[row] / closes[bars.start]) });
            outcome.cash.push(0.0);
            outcome.turnover.push(f64::NAN);
            outcome.exposure_gross.push(1.0);
            outcome.exposure_net.push(1.0);
            outcome.costs.push(0.0);
        }
        self.benchmark = report(name, outcome, None, self.panel, &self.settings, &self.spans, &self.returns);
        Ok(self)
    }

    /// The bars over which money is held.
    pub fn bars(&self) -> Range<usize> {
        self.spans.first().map_or(0..0, |(_, bars)| bars.clone())
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
        check_strategy(strategy, self.market)?;
        let mut simulator = Simulator::new(self.market, positions, exits, &self.settings, Detail::Full);
        let executor = Executor::new(&plan, self.panel.symbols().len());
        let bars = self.bars();
        executor.finish(&columns, bars.end, &mut |outputs: &Outputs<'_>| {
            for offset in 0..outputs.rows {
                let row = outputs.first_row + offset;
                if row < bars.start {
                    simulator.wait(row);
                } else {
                    simulator.step(row, &Rows::of(outputs, offset));
                }
            }
        });
        let (name, outcome, held) = (&strategy.name, simulator.finish(), Some(&self.benchmark.outcome));
        Ok(report(name, outcome, held, self.panel, &self.settings, &self.spans, &self.returns))
    }

    /// Equal-weight buy-and-hold of the first members, at the same costs: what doing nothing clever would have given; or
    /// what was given instead of it. Its positions are not recorded.
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

/// Whether a market has what a strategy asks of it.
///
/// # Errors
/// When a book is to hold more symbols than there are, or exits are touched within the bar and the market has no highs and
/// lows.
pub(crate) fn check_strategy(strategy: &Strategy, market: &Market<'_>) -> Result<(), Error> {
    let Strategy { positions, exits, .. } = strategy;
    if exits.trigger == Trigger::Touched && !market.has_ranges() {
        return Err(Error::Setting(
            "exits.trigger = \"touched\" needs columns `high` and `low`, which the market does not have: leave it out, \
             and exits are judged on the close"
                .to_owned(),
        ));
    }
    // More slots than symbols make sense for `signal`: each is so much smaller.
    let sides = match positions.rule {
        Rule::Top => 1,
        Rule::LongShort => 2,
        Rule::Signal | Rule::Weights => return Ok(()),
    };
    match positions.count {
        Count::Number(count) if (count as usize).saturating_mul(sides) > market.symbols() => {
            let each = if sides == 2 { " a side" } else { "" };
            Err(Error::Setting(format!(
                "positions.count asks for {count} symbols{each}, but the market has {}: give a smaller number, or a \
                 fraction such as 0.1",
                market.symbols()
            )))
        }
        _ => Ok(()),
    }
}

fn report(
    name: &str,
    outcome: Outcome,
    benchmark: Option<&Outcome>,
    panel: &Panel,
    settings: &Settings,
    spans: &[(&'static str, Range<usize>)],
    returns: &ReturnSettings,
) -> Report {
    let periods =
        spans.iter().map(|(name, rows)| period(name, rows.clone(), &outcome, benchmark, panel, returns)).collect();
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
