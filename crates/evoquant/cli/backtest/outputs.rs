//! The series and ledgers of a backtest as tables.

use std::path::{Path, PathBuf};

use ::backtest::{Fate, Order, Report};
use ::market::table::{Column, Table, check_extension};
use ::market::{Ledger, Panel};
use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};

/// Where to write what.
#[derive(Debug, Args)]
pub(super) struct OutputArguments {
    /// Write equity, cash, return, turnover, exposure and the benchmark's equity by bar: .csv, .parquet, .json, .ndjson,
    /// .ipc, as the others.
    #[arg(long, value_name = "FILE")]
    equity: Option<PathBuf>,
    /// Write holdings by bar.
    #[arg(long, value_name = "FILE")]
    positions: Option<PathBuf>,
    /// Write orders, with what became of each.
    #[arg(long, value_name = "FILE")]
    orders: Option<PathBuf>,
    /// Write executions: what changed hands, at which price and cost.
    #[arg(long, value_name = "FILE")]
    executions: Option<PathBuf>,
    /// Write trades, with their best and worst moments.
    #[arg(long, value_name = "FILE")]
    trades: Option<PathBuf>,
    /// Write costs by bar and type, and what cash earned.
    #[arg(long, value_name = "FILE")]
    costs: Option<PathBuf>,
    /// Write orders that were not filled as wanted, and why.
    #[arg(long, value_name = "FILE")]
    rejections: Option<PathBuf>,
    /// Write what the import of the market mended or left out.
    #[arg(long, value_name = "FILE")]
    import_ledger: Option<PathBuf>,
    /// Write all of these, and report.json with every figure, into a folder of each strategy's own.
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Format of the tables in --out.
    #[arg(long, value_enum, default_value_t = Format::Csv, requires = "out")]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Csv,
    Parquet,
    Json,
    Ipc,
}

impl Format {
    fn extension(self) -> &'static str {
        match self {
            Format::Csv => "csv",
            Format::Parquet => "parquet",
            Format::Json => "json",
            Format::Ipc => "ipc",
        }
    }
}

/// A table that can be asked for.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Equity,
    Positions,
    Orders,
    Executions,
    Trades,
    Costs,
    Rejections,
    ImportLedger,
}

impl OutputArguments {
    fn asked(&self) -> [(Kind, &'static str, &Option<PathBuf>); 8] {
        [
            (Kind::Equity, "equity", &self.equity),
            (Kind::Positions, "positions", &self.positions),
            (Kind::Orders, "orders", &self.orders),
            (Kind::Executions, "executions", &self.executions),
            (Kind::Trades, "trades", &self.trades),
            (Kind::Costs, "costs", &self.costs),
            (Kind::Rejections, "rejections", &self.rejections),
            (Kind::ImportLedger, "import", &self.import_ledger),
        ]
    }

    /// Whether what is asked for can be written, to be asked before long work.
    pub(super) fn check(&self, strategies: usize) -> Result<()> {
        let asked = self.asked();
        let paths: Vec<&PathBuf> = asked.iter().filter_map(|(_, _, path)| path.as_ref()).collect();
        if strategies > 1 && !paths.is_empty() {
            bail!("tables are of one strategy: name one strategy, or a folder for all of them with --out");
        }
        paths.iter().try_for_each(|path| Ok(check_extension(path)?))
    }

    /// Writes what is asked for of all reports; `names` are those of the strategies' files.
    pub(super) fn write(
        &self,
        reports: &[Report],
        names: &[String],
        held: &Report,
        panel: &Panel,
        ledger: &Ledger,
    ) -> Result<()> {
        let Some(first) = reports.first() else { return Ok(()) };
        for (kind, _, path) in self.asked() {
            if let Some(path) = path {
                write(path, &Source { report: first, held, panel, ledger }.table(kind))?;
            }
        }
        let Some(out) = &self.out else { return Ok(()) };
        for (report, name) in reports.iter().zip(names) {
            let folder = out.join(name);
            std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
            let source = Source { report, held, panel, ledger };
            for (kind, name, _) in self.asked() {
                write(&folder.join(name).with_extension(self.format.extension()), &source.table(kind))?;
            }
            let path = folder.join("report.json");
            let text = serde_json::to_string_pretty(report)? + "\n";
            ::market::write_atomically(&path, |file| std::io::Write::write_all(file, text.as_bytes()))
                .with_context(|| format!("cannot write {}", path.display()))?;
        }
        Ok(())
    }
}

fn write(path: &Path, table: &Table) -> Result<()> {
    table.write(path).with_context(|| format!("cannot write {}", path.display()))
}

/// What tables are made of.
struct Source<'a> {
    report: &'a Report,
    held: &'a Report,
    panel: &'a Panel,
    ledger: &'a Ledger,
}

impl Source<'_> {
    fn table(&self, kind: Kind) -> Table {
        let outcome = &self.report.outcome;
        match kind {
            Kind::Equity => self.equity(),
            Kind::Positions => self.positions(),
            Kind::Orders => self.orders(&outcome.orders.iter().collect::<Vec<_>>()),
            Kind::Executions => self.executions(),
            Kind::Trades => self.trades(),
            Kind::Costs => self.costs(),
            Kind::Rejections => {
                let refused: Vec<&Order> = outcome.orders.iter().filter(|order| order.fate != Fate::Filled).collect();
                self.orders(&refused)
            }
            Kind::ImportLedger => import(self.ledger),
        }
    }

    fn label(&self, row: usize) -> String {
        self.panel.calendar().label(row)
    }

    /// Dates of bars; an empty text for none.
    fn labels(&self, rows: impl Iterator<Item = Option<usize>>) -> Column {
        Column::Text(rows.map(|row| row.map_or_else(String::new, |row| self.label(row))).collect())
    }

    fn symbols(&self, columns: impl Iterator<Item = usize>) -> Column {
        Column::Text(columns.map(|column| self.panel.symbols()[column].clone()).collect())
    }

    fn times(&self, rows: impl Iterator<Item = usize>) -> Column {
        let times = self.panel.calendar().times();
        Column::Time(rows.map(|row| times[row]).collect())
    }

    fn equity(&self) -> Table {
        let outcome = &self.report.outcome;
        let numbers = |values: &[f64]| Column::Number(values.to_vec());
        let benchmark = if self.held.strategy == "buy-and-hold" { "buy_and_hold" } else { "benchmark" };
        Table::new()
            .with("date", self.times(0..outcome.equity.len()))
            .with("equity", numbers(&outcome.equity))
            .with("cash", numbers(&outcome.cash))
            .with("return", numbers(&outcome.returns))
            .with("turnover", numbers(&outcome.turnover))
            .with("costs", numbers(&outcome.costs))
            .with("exposure_gross", numbers(&outcome.exposure_gross))
            .with("exposure_net", numbers(&outcome.exposure_net))
            .with(benchmark, numbers(&self.held.outcome.equity))
    }

    fn costs(&self) -> Table {
        let outcome = &self.report.outcome;
        let mut table = Table::new().with("date", self.times(0..outcome.costs.len()));
        for (name, values) in outcome.costs_by_type.named() {
            table = table.with(name, Column::Number(values.to_vec()));
        }
        table
            .with("total", Column::Number(outcome.costs.clone()))
            .with("interest_earned", Column::Number(outcome.interest.clone()))
    }

    fn positions(&self) -> Table {
        let positions = &self.report.outcome.positions;
        Table::new()
            .with("date", self.times(positions.iter().map(|position| position.row)))
            .with("symbol", self.symbols(positions.iter().map(|position| position.symbol)))
            .with("shares", Column::Number(positions.iter().map(|position| position.shares).collect()))
            .with("price", Column::Number(positions.iter().map(|position| position.price).collect()))
            .with("weight", Column::Number(positions.iter().map(|position| position.weight).collect()))
            .with("stale", Column::Integer(positions.iter().map(|position| i64::from(position.stale)).collect()))
    }

    fn orders(&self, orders: &[&Order]) -> Table {
        let number = |of: fn(&Order) -> f64| Column::Number(orders.iter().map(|order| of(order)).collect());
        let word =
            |of: fn(&Order) -> &'static str| Column::Text(orders.iter().map(|order| of(order).to_owned()).collect());
        Table::new()
            .with("decided", self.labels(orders.iter().map(|order| Some(order.decided))))
            .with("ended", self.labels(orders.iter().map(|order| order.ended)))
            .with("symbol", self.symbols(orders.iter().map(|order| order.symbol)))
            .with("side", word(|order| order.side.name()))
            .with("wanted", number(|order| order.wanted))
            .with("filled", number(|order| order.filled))
            .with("price", number(|order| order.price.unwrap_or(f64::NAN)))
            .with("costs", number(|order| order.costs))
            .with("reason", word(|order| order.reason.name()))
            .with("fate", word(|order| order.fate.name()))
    }

    fn executions(&self) -> Table {
        let executions = &self.report.outcome.executions;
        let number = |of: fn(&::backtest::Execution) -> f64| Column::Number(executions.iter().map(of).collect());
        Table::new()
            .with("date", self.times(executions.iter().map(|execution| execution.row)))
            .with("symbol", self.symbols(executions.iter().map(|execution| execution.symbol)))
            .with("shares", number(|execution| execution.shares))
            .with("price", number(|execution| execution.price))
            .with("commission", number(|execution| execution.charge.commission))
            .with("half_spread", number(|execution| execution.charge.half_spread))
            .with("slippage", number(|execution| execution.charge.slippage))
            .with("impact", number(|execution| execution.charge.impact))
            .with("sell_tax", number(|execution| execution.charge.sell_tax))
            .with(
                "reason",
                Column::Text(executions.iter().map(|execution| execution.reason.name().to_owned()).collect()),
            )
    }

    fn trades(&self) -> Table {
        let trades = &self.report.outcome.trades;
        let number = |of: fn(&::backtest::Trade) -> f64| Column::Number(trades.iter().map(of).collect());
        let reason = |trade: &::backtest::Trade| trade.reason.map_or("open", |reason| reason.name()).to_owned();
        let exit = |trade: &::backtest::Trade| trade.exit_row.map_or_else(|| "open".to_owned(), |row| self.label(row));
        Table::new()
            .with("symbol", self.symbols(trades.iter().map(|trade| trade.symbol)))
            .with("entry", self.labels(trades.iter().map(|trade| Some(trade.entry_row))))
            .with("exit", Column::Text(trades.iter().map(exit).collect()))
            .with("shares", number(|trade| trade.shares))
            .with("entry_price", number(|trade| trade.entry_price))
            .with("exit_price", number(|trade| trade.exit_price))
            .with("net_pnl", number(|trade| trade.net_pnl))
            .with("costs", number(|trade| trade.costs))
            .with("favourable", number(|trade| trade.favourable))
            .with("adverse", number(|trade| trade.adverse))
            .with("reason", Column::Text(trades.iter().map(reason).collect()))
    }
}

fn import(ledger: &Ledger) -> Table {
    let texts = |of: fn(&::market::LedgerEntry) -> &String| {
        Column::Text(ledger.repaired.iter().map(|entry| of(entry).clone()).collect())
    };
    Table::new()
        .with("rule", texts(|entry| &entry.rule))
        .with("rows", Column::Integer(ledger.repaired.iter().map(|entry| entry.rows as i64).collect()))
        .with("action", texts(|entry| &entry.action))
        .with("first_example", texts(|entry| &entry.first_example))
}
