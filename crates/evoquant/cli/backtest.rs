//! `evoquant backtest`: saved strategies over a market.

mod benchmark;
mod outputs;
mod settings;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ::backtest::metrics::ReturnSettings;
use ::backtest::{Backtester, Fate, Market, Outcome, Periods, Report};
use ::evolve::RunSpec;
use ::factor::Strategy;
use ::market::Import;
use anyhow::{Context, Result};
use clap::Args;

use super::{MarketArguments, describe, leaderboard, print, report, strategy};
use outputs::OutputArguments;
pub(super) use settings::SettingsArguments;

const AFTER: &str = "\
Examples:
  evoquant backtest strategies/*.toml
  evoquant backtest mine.toml --data bars.parquet --set costs.commission_bps=10 --set liquidity.volume_share=0.1
  evoquant backtest mine.toml --from 2018 --to 2020-06 --benchmark SPY --trades trades.csv --orders orders.csv
  evoquant backtest mine.toml --out results --format parquet

Every assumption is printed above the figures. Orders that were not filled as wanted are counted below them, and
listed with --rejections.";

#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(super) struct BacktestArguments {
    #[command(flatten)]
    subject: SubjectArguments,
    /// First date on which money is held, for instance 2018 or 2018-03-01; factors know what came before.
    #[arg(long, value_name = "DATE")]
    from: Option<String>,
    /// Last date, for instance 2020 or 2020-06.
    #[arg(long, value_name = "DATE")]
    to: Option<String>,
    /// Compare with this instead of buy-and-hold: a symbol of the market, a file with one symbol, or `FILE:SYMBOL`.
    #[arg(long, value_name = "BENCHMARK")]
    benchmark: Option<String>,
    /// Print JSON: every figure by its name, null where undefined.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    outputs: OutputArguments,
    /// Write a page with figures, charts and tables of all strategies: one HTML file that needs no network.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

/// Strategies, the market that they trade, and what is assumed.
#[derive(Debug, Args)]
pub(super) struct SubjectArguments {
    /// Strategy files.
    #[arg(required = true)]
    pub(super) strategies: Vec<PathBuf>,
    #[command(flatten)]
    market: MarketArguments,
    #[command(flatten)]
    settings: SettingsArguments,
}

/// What these arguments name.
pub(super) struct Subject {
    pub(super) spec: RunSpec,
    pub(super) import: Import,
    /// One for each file.
    pub(super) strategies: Vec<Strategy>,
    pub(super) returns: ReturnSettings,
}

impl SubjectArguments {
    pub(super) fn read(&self) -> Result<Subject> {
        let spec = self.settings.spec()?;
        let import = self.market.read()?;
        let schema = crate::schema(&import.panel);
        let strategies = self.strategies.iter().map(|path| strategy::read(path, &schema)).collect::<Result<_>>()?;
        let returns = self.settings.returns(import.panel.calendar());
        Ok(Subject { spec, import, strategies, returns })
    }
}

pub(super) fn run(arguments: &BacktestArguments) -> Result<ExitCode> {
    let SubjectArguments { strategies: files, market: source, settings } = &arguments.subject;
    arguments.outputs.check(files.len())?;
    let Subject { spec, import: Import { panel, ledger }, strategies, returns } = arguments.subject.read()?;
    let market = Market::new(&panel);
    let (from, to) = (arguments.from.as_deref(), arguments.to.as_deref());
    let mut backtester = if from.is_some() || to.is_some() {
        let bars = panel.calendar().between(from, to)?;
        Backtester::between(&panel, &market, &spec.backtest, bars, &returns)?
    } else {
        let periods = Periods::split(panel.bars(), spec.train, spec.validation);
        Backtester::new(&panel, &market, &spec.backtest, &periods, &returns)?
    };
    if let Some(benchmark) = &arguments.benchmark {
        let (name, closes) = benchmark::read(benchmark, &panel)?;
        backtester = backtester.with_benchmark(&name, &closes)?;
    }
    let reports: Vec<Report> = strategies
        .iter()
        .zip(files)
        .map(|(strategy, path)| backtester.run(strategy).with_context(|| path.display().to_string()))
        .collect::<Result<_>>()?;
    let held = backtester.benchmark();
    arguments.outputs.write(&reports, &names(files), held, &panel, &ledger)?;
    if let Some(file) = &arguments.report {
        let origin = report::Origin { path: &source.path()?, ledger: &ledger, returns };
        report::write(file, &panel, &origin, &strategies, &reports, &backtester)?;
    }
    if arguments.json {
        print(&(serde_json::to_string_pretty(&reports)? + "\n"))?;
        return Ok(ExitCode::SUCCESS);
    }
    let heading = settings.heading().unwrap_or_default();
    let mut text = format!("{}\n{heading}{}\n", describe(&source.path()?, &panel), spec.backtest);
    if ledger.rows_dropped > 0 || !ledger.repaired.is_empty() {
        text.push_str("the data were mended on import: `evoquant data info` shows how\n");
    }
    if let [report] = &reports[..] {
        text.push('\n');
        text.push_str(&leaderboard::full(report));
        text.push_str(&refused(&report.outcome));
    }
    text.push('\n');
    let rows = reports.iter().chain(std::iter::once(held)).map(|report| (report.strategy.clone(), report));
    text.push_str(&leaderboard::table(rows));
    print(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// Names of the strategies' files, made different where two are the same.
pub(super) fn names(paths: &[PathBuf]) -> Vec<String> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let name = |path: &Path| path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    paths
        .iter()
        .map(|path| {
            let times = seen.entry(name(path)).or_default();
            *times += 1;
            if *times == 1 { name(path) } else { format!("{}-{times}", name(path)) }
        })
        .collect()
}

/// How many orders were not filled as wanted, by what became of them; nothing where all were.
fn refused(outcome: &Outcome) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for order in outcome.orders.iter().filter(|order| order.fate != Fate::Filled) {
        *counts.entry(order.fate.name()).or_default() += 1;
    }
    let mut text = String::new();
    if !counts.is_empty() {
        let list: Vec<String> = counts.iter().map(|(fate, count)| format!("{count} {fate}")).collect();
        let _ = writeln!(text, "\nof {} orders, not filled as wanted: {}", outcome.orders.len(), list.join(", "));
    }
    text
}
