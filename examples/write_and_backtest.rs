//! Writes a strategy as text, and backtests it on the bundled market.
//!
//! Run it with `cargo run --release --example write_and_backtest`.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::path::Path;

use evoquant::backtest::metrics::ReturnSettings;
use evoquant::backtest::{Backtester, Kind, Market, PeriodReport, Periods, Settings, display};
use evoquant::factor::Strategy;
use evoquant::market::{ImportOptions, read_panel};

/// A strategy is a file that a person can read. Factors say what the data shows, and may use the ones above them;
/// `[positions]` says what is done with them; `[exits]` holds what needs to know when a holding was bought.
const STRATEGY: &str = r#"
name = "steady-climbers"
description = "The two that rose most steadily over a quarter, while they stand above their average of half a year."

[factors]
daily    = "returns(close, 1)"
strength = "ts_mean(daily, 60) / ts_std(daily, 60)"
trend    = "close > ts_mean(close, 120)"

[positions]
rule = "top"            # hold the highest scores ...
score = "strength"
entry = "trend"         # ... among those that may be bought
exit = "not trend"
count = 2
weight = "inverse_volatility"
rebalance = "weekly"

[exits]
trailing_stop = 0.20
"#;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // The market: a long table, one row per symbol and day, read into a panel. The ledger says what had to be mended.
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/us_large_caps_daily_2013_2023.parquet");
    let panel = read_panel(&file, &ImportOptions::default())?.panel;

    // The strategy is read against the columns of this panel: a name that nothing has is an error here, not a surprise
    // in the middle of a run.
    let strategy = Strategy::from_toml(STRATEGY, &evoquant::schema(&panel))?;

    // Everything that a figure rests on is stated: fills at the next bar's open, costs in basis points.
    let assumptions = Settings::default();
    println!("{}\n{assumptions}\n", strategy.name);

    // One continuous simulation; the periods only cut the figures. Selection would read train, a choice between a few
    // candidates validation, and the exam would be opened once. How many bars make a year follows from the calendar.
    let periods = Periods::split(panel.bars(), 0.6, 0.2);
    let returns = ReturnSettings::new(panel.calendar().frequency().periods_per_year());
    let market = Market::new(&panel);
    let backtester = Backtester::new(&panel, &market, &assumptions, &periods, &returns)?;
    let report = backtester.run(&strategy)?;

    // These six companies were picked with hindsight. Nothing on this market means anything but beside the six held.
    let held = backtester.benchmark();
    println!("{:10}  {:24} {:>12} {:>12}", "", "", "strategy", "buy-and-hold");
    for (period, beside) in report.periods.iter().zip(&held.periods) {
        println!("{:10}  {} to {}", period.name, period.from, period.to);
        for (label, figure, kind) in FIGURES {
            // An undefined figure is `--`: never a zero, which would be a claim.
            println!("{:12}{label:24} {:>12} {:>12}", "", display(figure(period), kind), display(figure(beside), kind));
        }
    }

    // The account balances: what every closed and open trade made is what the equity gained.
    let outcome = &report.outcome;
    let made: f64 = outcome.trades.iter().map(|trade| trade.net_pnl).sum();
    let gained = outcome.equity[panel.bars() - 1] - assumptions.capital;
    assert!((made - gained).abs() < 1e-6 * assumptions.capital, "trades made {made}, the equity gained {gained}");
    println!("\n{} trades made {made:.0} on a capital of {:.0}", outcome.trades.len(), assumptions.capital);
    Ok(())
}

/// What a figure is called, where it stands, and how it is written.
type Figure = (&'static str, fn(&PeriodReport) -> Option<f64>, Kind);

const FIGURES: [Figure; 4] = [
    ("growth a year", |period| period.metrics.cagr, Kind::Percent),
    ("volatility a year", |period| period.metrics.volatility, Kind::Percent),
    ("Sharpe ratio", |period| period.metrics.sharpe, Kind::Ratio),
    ("deepest fall", |period| period.metrics.max_drawdown, Kind::Percent),
];
