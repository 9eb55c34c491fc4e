//! `evoquant backtest`: saved strategies over a market.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ::backtest::metrics::ReturnSettings;
use ::backtest::{Backtester, Market, Periods, Report};
use ::evolve::RunSpec;
use ::market::table::{Column, Table};
use ::market::{Import, Panel};
use anyhow::{Context, Result, bail};
use clap::Args;

use super::{MarketArguments, describe, leaderboard, print, strategy};

#[derive(Debug, Args)]
pub(super) struct BacktestArguments {
    /// Strategy files.
    #[arg(required = true)]
    strategies: Vec<PathBuf>,
    #[command(flatten)]
    market: MarketArguments,
    /// A run specification whose periods, fills and costs to use; TOML.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print JSON: every figure by its name, null where undefined.
    #[arg(long)]
    json: bool,
    /// Write equity, cash, return and the benchmark's equity by bar: .csv, .parquet, .ipc.
    #[arg(long, value_name = "FILE")]
    equity: Option<PathBuf>,
    /// Write holdings by bar: .csv, .parquet, .ipc.
    #[arg(long, value_name = "FILE")]
    positions: Option<PathBuf>,
    /// Write trades: .csv, .parquet, .ipc.
    #[arg(long, value_name = "FILE")]
    trades: Option<PathBuf>,
}

pub(super) fn run(arguments: &BacktestArguments) -> Result<ExitCode> {
    let outputs = [&arguments.equity, &arguments.positions, &arguments.trades];
    if arguments.strategies.len() > 1 && outputs.iter().any(|output| output.is_some()) {
        bail!("--equity, --positions and --trades write one strategy's series: name one strategy");
    }
    let spec = match &arguments.config {
        None => RunSpec::default(),
        Some(path) => super::evolve::read_spec(path)?,
    };
    let Import { panel, ledger } = arguments.market.read()?;
    let schema = crate::schema(&panel);
    let strategies: Vec<_> =
        arguments.strategies.iter().map(|path| strategy::read(path, &schema)).collect::<Result<_>>()?;
    let market = Market::new(&panel);
    let periods = Periods::split(panel.bars(), spec.train, spec.validation);
    let returns = ReturnSettings::new(panel.calendar().frequency().periods_per_year());
    let backtester = Backtester::new(&panel, &market, &spec.backtest, &periods, &returns)?;
    let reports: Vec<Report> = strategies
        .iter()
        .zip(&arguments.strategies)
        .map(|(strategy, path)| backtester.run(strategy).with_context(|| path.display().to_string()))
        .collect::<Result<_>>()?;
    let held = backtester.benchmark();
    write_series(arguments, &panel, &reports[0], held)?;
    if arguments.json {
        print(&(serde_json::to_string_pretty(&reports)? + "\n"))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut text = format!("{}\n{}\n", describe(&arguments.market.path()?, &panel), spec.backtest);
    if ledger.rows_dropped > 0 || !ledger.repaired.is_empty() {
        text.push_str("the data were mended on import: `evoquant data info` shows how\n");
    }
    if let [report] = &reports[..] {
        text.push('\n');
        text.push_str(&leaderboard::full(report));
    }
    text.push('\n');
    let rows = reports.iter().chain(std::iter::once(held)).map(|report| (report.strategy.clone(), report));
    text.push_str(&leaderboard::table(rows));
    print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn write_series(arguments: &BacktestArguments, panel: &Panel, report: &Report, held: &Report) -> Result<()> {
    let time = |row: usize| panel.calendar().times()[row];
    let symbol = |column: usize| panel.symbols()[column].clone();
    let outcome = &report.outcome;
    if let Some(path) = &arguments.equity {
        let columns = [
            ("date", Column::Time((0..panel.bars()).map(time).collect())),
            ("equity", Column::Number(outcome.equity.clone())),
            ("cash", Column::Number(outcome.cash.clone())),
            ("return", Column::Number(outcome.returns.clone())),
            ("turnover", Column::Number(outcome.turnover.clone())),
            ("costs", Column::Number(outcome.costs.clone())),
            ("exposure_gross", Column::Number(outcome.exposure_gross.clone())),
            ("exposure_net", Column::Number(outcome.exposure_net.clone())),
            ("buy_and_hold", Column::Number(held.outcome.equity.clone())),
        ];
        write(path, columns)?;
    }
    if let Some(path) = &arguments.positions {
        let positions = &outcome.positions;
        let columns = [
            ("date", Column::Time(positions.iter().map(|position| time(position.row)).collect())),
            ("symbol", Column::Text(positions.iter().map(|position| symbol(position.symbol)).collect())),
            ("shares", Column::Number(positions.iter().map(|position| position.shares).collect())),
            ("weight", Column::Number(positions.iter().map(|position| position.weight).collect())),
            ("stale", Column::Integer(positions.iter().map(|position| i64::from(position.stale)).collect())),
        ];
        write(path, columns)?;
    }
    if let Some(path) = &arguments.trades {
        let trades = &outcome.trades;
        let label = |row: usize| panel.calendar().label(row);
        let columns = [
            ("symbol", Column::Text(trades.iter().map(|trade| symbol(trade.symbol)).collect())),
            ("entry", Column::Text(trades.iter().map(|trade| label(trade.entry_row)).collect())),
            (
                "exit",
                Column::Text(trades.iter().map(|trade| trade.exit_row.map_or("open".to_owned(), label)).collect()),
            ),
            ("shares", Column::Number(trades.iter().map(|trade| trade.shares).collect())),
            ("entry_price", Column::Number(trades.iter().map(|trade| trade.entry_price).collect())),
            ("exit_price", Column::Number(trades.iter().map(|trade| trade.exit_price).collect())),
            ("net_pnl", Column::Number(trades.iter().map(|trade| trade.net_pnl).collect())),
            ("costs", Column::Number(trades.iter().map(|trade| trade.costs).collect())),
            (
                "reason",
                Column::Text(
                    trades.iter().map(|trade| trade.reason.map_or("open", |reason| reason.name()).to_owned()).collect(),
                ),
            ),
        ];
        write(path, columns)?;
    }
    Ok(())
}

fn write<const N: usize>(path: &Path, columns: [(&str, Column); N]) -> Result<()> {
    let table = columns.into_iter().fold(Table::new(), |table, (name, column)| table.with(name, column));
    table.write(path).with_context(|| format!("cannot write {}", path.display()))
}
