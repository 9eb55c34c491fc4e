//! The command line: what a person types, and what is printed. Exit codes: 0 done, 1 nothing found, 2 an error.
//!
//! A program with operators of its own [registers](factor::register) them and then calls [`main`]: every command
//! knows them.

mod analyze;
mod backtest;
mod bench;
mod chart;
mod data;
mod eval;
mod evolve;
mod expressions;
mod factor_tables;
mod leaderboard;
mod market;
mod memory;
mod node_cache;
mod ops;
mod print;
mod report;
mod signal;
mod strategy;

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::{Parser, Subcommand};
use engine::vectors::Vectors;
use tracing_subscriber::prelude::*;

use self::market::{MarketArguments, describe, read_market};

/// Evolves trading strategies on real bars, backtests them with costs, and counts every strategy tried.
#[derive(Debug, Parser)]
#[command(name = "evoquant", version, after_help = AFTER)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// Say more on standard error: -v what happens, -vv details.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
    /// Write the log to a file, one JSON object a line.
    #[arg(long, global = true, value_name = "FILE")]
    log: Option<PathBuf>,
}

const AFTER: &str = "\
Examples:
  evoquant evolve                                     evolve on the bundled market
  evoquant evolve --data bars.parquet --seed 7        evolve on your own bars
  evoquant backtest strategies/*.toml                 backtest saved strategies
  evoquant signal strategies/momentum-12-1.toml       today's weights and orders
  evoquant eval 'cs_rank(returns(close, 20))' --data bars.csv --out values.parquet
  evoquant analyze '-returns(close, 5)'               IC, quantile returns, turnover
  evoquant eval --file strategies/alpha101/alpha012.expr
  evoquant ops ts_decay_linear                        explain an operator

Exit codes: 0 done, 1 nothing found, 2 an error.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Evolve strategies on a market and judge the best.
    Evolve(evolve::EvolveArguments),
    /// Backtest saved strategies.
    Backtest(backtest::BacktestArguments),
    /// Say what a strategy wants today: target weights, and the orders from what is held.
    Signal(signal::SignalArguments),
    /// Evaluate an expression over a market and write its values.
    Eval(eval::EvalArguments),
    /// What a factor says of the returns that follow, and whether an input knows the future.
    Analyze(analyze::AnalyzeArguments),
    /// Measure compile, mutations, execution and a generation on this machine.
    Bench(bench::BenchArguments),
    /// List operators and library factors, or explain one.
    Ops(ops::OpsArguments),
    /// Print an expression or a strategy as text, JSON, Graphviz, LaTeX or a polars program.
    Print(print::PrintArguments),
    /// Show or reformat a strategy file.
    #[command(subcommand)]
    Strategy(strategy::StrategyCommand),
    /// Look at market data, or download it.
    #[command(subcommand)]
    Data(data::DataCommand),
}

/// Prints to standard output; a reader that went away is no error.
fn print(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}

/// Prints to standard error: progress and remarks, never results.
fn remark(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Parses the arguments of the process, runs the command, and turns its outcome into an exit code.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // A damaged file can make the table library panic inside; the importer catches it and says what is wrong in one
    // message, which a trace on the screen would only bury.
    let trace = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if panic.location().is_some_and(|place| place.file().contains("polars")) {
            tracing::debug!("{panic}");
        } else {
            trace(panic);
        }
    }));
    let outcome = start_log(&arguments).and_then(|()| choose_vectors()).and_then(|()| match arguments.command {
        Command::Evolve(arguments) => evolve::run(&arguments),
        Command::Backtest(arguments) => backtest::run(&arguments),
        Command::Signal(arguments) => signal::run(&arguments),
        Command::Eval(arguments) => eval::run(&arguments),
        Command::Analyze(arguments) => analyze::run(&arguments),
        Command::Bench(arguments) => bench::run(&arguments),
        Command::Ops(arguments) => ops::run(&arguments),
        Command::Print(arguments) => print::run(&arguments),
        Command::Strategy(command) => strategy::run(&command),
        Command::Data(command) => data::run(&command),
    });
    outcome.unwrap_or_else(|error| {
        remark(&format!("error: {error:#}"));
        ExitCode::from(2)
    })
}

/// Vectors that `EVOQUANT_VECTORS` names, for who measures what width is worth, or suspects a processor.
fn choose_vectors() -> Result<()> {
    let Some(wanted) = market::variable("EVOQUANT_VECTORS") else { return Ok(()) };
    let Some(vectors) = Vectors::all().find(|vectors| *vectors.name() == *wanted) else {
        let names: Vec<_> = Vectors::all().map(Vectors::name).collect();
        bail!("EVOQUANT_VECTORS is `{}`; this processor has {}", wanted.display(), names.join(", "));
    };
    if !vectors.choose() {
        bail!("EVOQUANT_VECTORS comes too late: kernels have run already");
    }
    Ok(())
}

fn start_log(arguments: &Arguments) -> Result<()> {
    let level = match arguments.verbose {
        0 => tracing::Level::WARN,
        1 => tracing::Level::INFO,
        _ => tracing::Level::DEBUG,
    };
    let screen = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_target(false)
        .with_filter(tracing_subscriber::filter::LevelFilter::from_level(level));
    let file = match &arguments.log {
        None => None,
        Some(path) => {
            let file = File::create(path).with_context(|| format!("cannot write the log to {}", path.display()))?;
            Some(
                tracing_subscriber::fmt::layer()
                    .json()
                    .with_writer(file)
                    .with_filter(tracing_subscriber::filter::LevelFilter::from_level(level.max(tracing::Level::INFO))),
            )
        }
    };
    tracing_subscriber::registry().with(screen).with(file).init();
    Ok(())
}
