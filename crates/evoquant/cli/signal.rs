//! `evoquant signal`: what a strategy wants today.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ::backtest::{Account, Holding, Market, Signal, signal};
use ::market::table::{Column, Table, check_extension};
use ::market::{Import, Panel};
use anyhow::{Context, Result, anyhow, bail};
use clap::Args;
use serde::Deserialize;

use super::backtest::SettingsArguments;
use super::{MarketArguments, describe, print, strategy};

const AFTER: &str = "\
Examples:
  evoquant signal strategies/momentum-12-1.toml                     follow the paper account
  evoquant signal mine.toml --data bars.parquet --holdings mine-account.toml --set shares.lot=1
  evoquant signal mine.toml --holdings mine-account.toml --now --out orders.csv

Holdings are a TOML file; entry price and date are asked for by stops and holding limits:
  cash = 25000
  [holdings]
  AAPL = 120
  NFLX = { shares = 50, entry_price = 205.05, entry_date = \"2018-01-03\" }

Orders are for the next fill, as the settings say. Feeding the file bar by bar gives what a backtest of the whole
history ordered on each day.";

#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(super) struct SignalArguments {
    /// The strategy file.
    strategy: PathBuf,
    #[command(flatten)]
    market: MarketArguments,
    #[command(flatten)]
    settings: SettingsArguments,
    /// What is held: a TOML file with cash and shares. Without it, the paper account that followed the strategy from the
    /// first bar.
    #[arg(long, value_name = "FILE")]
    holdings: Option<PathBuf>,
    /// Set targets now, even where no rebalance is due.
    #[arg(long)]
    now: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// Write what is held and wanted as a table: .csv, .parquet, .json, .ndjson, .ipc.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// A file of holdings.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileAccount {
    cash: f64,
    #[serde(default)]
    holdings: BTreeMap<String, FileHolding>,
}

#[derive(Debug, Deserialize)]
#[serde(
    untagged,
    expecting = "a holding is a number of shares, or { shares = 50, entry_price = 85.2, entry_date = \"2018-01-03\" }"
)]
enum FileHolding {
    Shares(f64),
    Known(KnownHolding),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct KnownHolding {
    shares: f64,
    entry_price: Option<f64>,
    entry_date: Option<String>,
}

pub(super) fn run(arguments: &SignalArguments) -> Result<ExitCode> {
    if let Some(out) = &arguments.out {
        check_extension(out)?;
    }
    let spec = arguments.settings.spec()?;
    let Import { panel, .. } = arguments.market.read()?;
    let strategy = strategy::read(&arguments.strategy, &crate::schema(&panel))?;
    let account = arguments.holdings.as_ref().map(|path| read_account(path, &panel)).transpose()?;
    let market = Market::new(&panel);
    let today = signal(&strategy, &panel, &market, &spec.backtest, account.as_ref(), arguments.now)
        .with_context(|| arguments.strategy.display().to_string())?;
    if let Some(out) = &arguments.out {
        table(&today).write(out).with_context(|| format!("cannot write {}", out.display()))?;
    }
    if arguments.json {
        print(&(serde_json::to_string_pretty(&today)? + "\n"))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut text = format!("{}\n{}\n\n", describe(&arguments.market.path()?, &panel), spec.backtest);
    text.push_str(&show(&today));
    let unknown = |holding: &&Holding| holding.entry_price.is_none() || holding.entry_row.is_none();
    if !strategy.exits.is_empty()
        && let Some(account) = &account
        && account.holdings.iter().any(|holding| unknown(&holding))
    {
        text.push_str("\nentries that the file does not give are taken to be today's: exits count from now on\n");
    }
    print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn read_account(path: &Path, panel: &Panel) -> Result<Account> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let file: FileAccount =
        toml::from_str(&text).map_err(|error| anyhow!("{}: {}", path.display(), error.to_string().trim_end()))?;
    let mut account = Account { cash: file.cash, holdings: Vec::new() };
    for (name, holding) in file.holdings {
        let Some(symbol) = panel.symbols().iter().position(|symbol| *symbol == name) else {
            bail!(
                "{}: the market has no symbol `{name}`, only {}: take it out, or give its market with --data",
                path.display(),
                some(panel.symbols())
            );
        };
        let KnownHolding { shares, entry_price, entry_date } = match holding {
            FileHolding::Shares(shares) => KnownHolding { shares, entry_price: None, entry_date: None },
            FileHolding::Known(known) => known,
        };
        let entry_row = match &entry_date {
            None => None,
            Some(date) => {
                let rows = panel.calendar().between(Some(date), None);
                Some(rows.with_context(|| format!("{}: entry_date of `{name}`", path.display()))?.start)
            }
        };
        account.holdings.push(Holding { symbol, shares, entry_price, entry_row });
    }
    Ok(account)
}

/// All symbols where they are few, else the first of them.
fn some(symbols: &[String]) -> String {
    const FEW: usize = 8;
    let named = symbols.iter().take(FEW).map(String::as_str).collect::<Vec<_>>().join(", ");
    let others = symbols.len().saturating_sub(FEW);
    if others == 0 { named } else { format!("{named} and {others} others") }
}

fn show(today: &Signal) -> String {
    let Signal { strategy, date, rebalances, equity, cash, lines } = today;
    let mut text = format!("{strategy} at the close of {date}: equity {equity:.2}, cash {cash:.2}; ");
    text.push_str(if *rebalances { "targets are set\n" } else { "no rebalance is due (--now sets targets)\n" });
    if lines.is_empty() {
        text.push_str("nothing is held, and nothing wanted\n");
        return text;
    }
    let _ = writeln!(
        text,
        "\n{:<12} {:>10} {:>12} {:>8} {:>12} {:>8}  order",
        "symbol", "price", "held", "weight", "target", "weight"
    );
    for line in lines {
        let price = line.price.map_or_else(|| "--".to_owned(), |price| format!("{price:.4}"));
        let order = match line.reason {
            Some(reason) if line.order_shares > 0.0 => format!("buy {:.4} ({})", line.order_shares, reason.name()),
            Some(reason) => format!("sell {:.4} ({})", -line.order_shares, reason.name()),
            None => "--".to_owned(),
        };
        let _ = writeln!(
            text,
            "{:<12} {price:>10} {:>12.4} {:>7.2}% {:>12.4} {:>7.2}%  {order}",
            line.symbol,
            line.held_shares,
            100.0 * line.held_weight,
            line.target_shares,
            100.0 * line.target_weight
        );
    }
    text
}

fn table(today: &Signal) -> Table {
    let lines = &today.lines;
    let number = |of: fn(&::backtest::SignalLine) -> f64| Column::Number(lines.iter().map(of).collect());
    let reason = |line: &::backtest::SignalLine| line.reason.map_or("", |reason| reason.name()).to_owned();
    Table::new()
        .with("symbol", Column::Text(lines.iter().map(|line| line.symbol.clone()).collect()))
        .with("price", number(|line| line.price.unwrap_or(f64::NAN)))
        .with("held_shares", number(|line| line.held_shares))
        .with("held_weight", number(|line| line.held_weight))
        .with("target_shares", number(|line| line.target_shares))
        .with("target_weight", number(|line| line.target_weight))
        .with("order_shares", number(|line| line.order_shares))
        .with("reason", Column::Text(lines.iter().map(reason).collect()))
}
