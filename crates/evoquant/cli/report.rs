//! `--report`: backtests as one page.

use std::io::Write;
use std::path::Path;

use ::backtest::analysis::check_score;
use ::backtest::{AnalysisSettings, Backtester, FactorAnalysis, Fill, Report, ReturnSettings, analyze};
use ::factor::{Program, Strategy};
use ::market::{Ledger, Panel};
use ::report::{Entry, PageInput};
use anyhow::{Context, Result};

/// What a page says of the bars besides what the panel holds.
pub(super) struct Origin<'a> {
    pub(super) path: &'a Path,
    pub(super) ledger: &'a Ledger,
    pub(super) returns: ReturnSettings,
}

/// Writes the page of some strategies and their backtests, whole or not at all.
pub(super) fn write(
    file: &Path,
    panel: &Panel,
    origin: &Origin<'_>,
    strategies: &[Strategy],
    reports: &[Report],
    backtester: &Backtester<'_>,
) -> Result<()> {
    let scores = scores(strategies, panel, backtester.benchmark().assumptions.settings.fill)?;
    let entries: Vec<Entry<'_>> = strategies
        .iter()
        .zip(reports)
        .zip(&scores)
        .map(|((strategy, report), scores)| Entry { strategy, report, scores: scores.as_ref().map_err(String::as_str) })
        .collect();
    let page = ::report::page(&PageInput {
        version: env!("CARGO_PKG_VERSION"),
        source: &origin.path.display().to_string(),
        panel,
        bars: backtester.bars(),
        ledger: origin.ledger,
        returns: origin.returns,
        benchmark: backtester.benchmark(),
        entries: &entries,
    })?;
    ::market::write_atomically(file, |out| out.write_all(page.as_bytes()))
        .with_context(|| format!("cannot write {}", file.display()))
}

/// What each strategy's score says of the returns that follow, all in one pass; or why that is left out.
fn scores(strategies: &[Strategy], panel: &Panel, fill: Fill) -> Result<Vec<Result<FactorAnalysis, String>>> {
    let programs: Vec<Program> = strategies.iter().map(Strategy::compile).collect::<Result<_, _>>()?;
    let usual = AnalysisSettings::default();
    // A short or narrow market still has an answer to the shorter questions.
    let fits = |bars: Vec<usize>| bars.into_iter().filter(|bars| bars + 2 <= panel.bars()).collect::<Vec<usize>>();
    let settings = AnalysisSettings {
        horizons: fits(vec![1, 5, 20]),
        lags: fits(vec![1, 20]),
        quantiles: usual.quantiles.min(panel.symbols().len()),
        fill,
        ..AnalysisSettings::default()
    };
    let checked: Vec<_> = programs.iter().map(check_score).collect();
    let scored = programs.iter().zip(&checked).filter_map(|(program, checked)| checked.is_ok().then_some(program));
    let mut found = match analyze(scored, panel, &settings) {
        Ok(found) => found.into_iter(),
        Err(reason) => return Ok(vec![Err(format!("{reason}.")); strategies.len()]),
    };
    let result = |checked: Result<(), ::backtest::Error>| match checked {
        Ok(()) => Ok(found.next().expect("every program with a score has an analysis")),
        Err(reason) => Err(format!("{reason}.")),
    };
    Ok(checked.into_iter().map(result).collect())
}
