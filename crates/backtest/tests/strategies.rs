//! The classics in `strategies/`: every file is read, printed and read again as the same strategy, and trades.

use std::path::{Path, PathBuf};

use backtest::metrics::ReturnSettings;
use backtest::{Market, Periods, Reason, Report, Settings, backtest};
use factor::{Schema, Strategy};
use market::{ImportOptions, Panel, RandomWalk, read_panel};

/// A file or folder at the top of the repository.
fn top(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(name)
}

fn files() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(top("strategies")).expect("strategies/ stands at the top of the repository");
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = paths.filter(|path| path.is_file()).collect();
    files.sort();
    files
}

fn read(path: &Path) -> (String, Strategy) {
    let text = std::fs::read_to_string(path).unwrap();
    let strategy = Strategy::from_toml(&text, &Schema::bars());
    let strategy = strategy.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    (text, strategy)
}

/// As wide as the bundled market, or wide enough for a cross-section, with gaps.
fn panel(symbols: usize) -> Panel {
    RandomWalk { bars: 700, symbols, seed: 20, gap_rate: 0.002, late_listing_rate: 0.1 }.panel()
}

fn run(strategy: &Strategy, panel: &Panel) -> Report {
    let (settings, periods) = (Settings::default(), Periods::split(panel.bars(), 0.6, 0.2));
    let returns = ReturnSettings::new(panel.calendar().frequency().periods_per_year());
    backtest(strategy, panel, &Market::new(panel), &settings, &periods, &returns).unwrap()
}

#[test]
fn there_is_a_dozen_and_each_says_what_it_is() {
    assert!(files().len() >= 12);
    for path in files() {
        let (text, strategy) = read(&path);
        let comment = text.lines().next().unwrap();
        assert!(comment.starts_with("# ") && comment.ends_with('.'), "{}: `{comment}`", path.display());
        assert_eq!(Some(strategy.name.as_str()), path.file_stem().unwrap().to_str());
        let program = strategy.compile().unwrap();
        assert!(program.mixed_units.is_empty(), "{}: mixes units in {:?}", path.display(), program.mixed_units);
    }
}

#[test]
fn each_prints_and_reads_back_as_itself() {
    let identity = |strategy: &Strategy| strategy.identity(&strategy.compile().unwrap());
    let mut seen = std::collections::BTreeMap::new();
    for path in files() {
        let (_, strategy) = read(&path);
        let printed = strategy.to_toml("Printed.");
        let again = Strategy::from_toml(&printed, &Schema::bars())
            .unwrap_or_else(|error| panic!("{}: {error}\n{printed}", path.display()));
        assert_eq!(identity(&again), identity(&strategy), "{}:\n{printed}", path.display());
        assert_eq!(again.to_toml("Printed."), printed);
        let other = seen.insert(identity(&strategy), path.clone());
        assert_eq!(other, None, "{} is the same strategy", path.display());
    }
}

#[test]
fn each_trades_on_a_narrow_and_on_a_wide_market() {
    for panel in [panel(6), panel(60)] {
        for path in files() {
            let (_, strategy) = read(&path);
            let report = run(&strategy, &panel);
            let outcome = &report.outcome;
            let (name, symbols) = (&strategy.name, panel.symbols().len());
            assert!(outcome.trades.iter().any(|trade| trade.exit_row.is_some()), "{name} on {symbols}: no trade");
            assert_eq!(outcome.ruin_row, None, "{name} on {symbols}");
            let most = outcome.exposure_gross.iter().copied().fold(0.0, f64::max);
            // Above 1 by what shorts rise between rebalances, and by costs, never by a sale that waits.
            assert!(most > 0.1 && most < 1.5, "{name} on {symbols}: gross exposure up to {most}");
            assert!(report.periods[0].metrics.sharpe.is_some(), "{name} on {symbols}");
        }
    }
}

#[test]
fn each_trades_on_the_bundled_market() {
    let panel =
        read_panel(&top("data/us_large_caps_daily_2013_2023.parquet"), &ImportOptions::default()).unwrap().panel;
    for path in files() {
        let (_, strategy) = read(&path);
        let report = run(&strategy, &panel);
        assert_eq!(report.periods.len(), 4);
        for period in &report.periods {
            let (name, period) = (&strategy.name, &period.name);
            let rows = match period.as_str() {
                "whole" => 0..panel.bars(),
                _ => {
                    Periods::split(panel.bars(), 0.6, 0.2)
                        .named()
                        .into_iter()
                        .find(|(name, _)| name == period)
                        .unwrap()
                        .1
                }
            };
            let ends = |row: usize| rows.contains(&row);
            let traded = report.outcome.trades.iter().any(|trade| trade.exit_row.is_some_and(ends));
            assert!(traded, "{name}: no trade ends in {period}");
        }
    }
}

#[test]
fn the_strategy_of_the_readme_reads() {
    let readme = std::fs::read_to_string(top("README.md")).unwrap();
    let block = readme.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let strategy = Strategy::from_toml(block, &Schema::bars()).unwrap_or_else(|error| panic!("{error}"));
    assert!(strategy.exits.atr_stop.is_some());
}

#[test]
fn each_exit_that_is_set_fires() {
    let panel = panel(60);
    for path in files() {
        let (_, strategy) = read(&path);
        let outcome = run(&strategy, &panel).outcome;
        let exits = strategy.exits;
        for (set, reason) in [
            (exits.stop_loss.is_some(), Reason::StopLoss),
            (exits.trailing_stop.is_some(), Reason::TrailingStop),
            (exits.take_profit.is_some(), Reason::TakeProfit),
            (exits.max_holding.is_some(), Reason::MaxHolding),
            (exits.volatility_stop.is_some(), Reason::VolatilityStop),
            (exits.atr_stop.is_some(), Reason::AtrStop),
        ] {
            let fired = outcome.trades.iter().any(|trade| trade.reason == Some(reason));
            assert_eq!(fired, set, "{}: {}", strategy.name, reason.name());
        }
    }
}
