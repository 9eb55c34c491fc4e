//! `evoquant bench`: how cost grows with factors, on this machine.

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ::backtest::Periods;
use ::market::Import;
use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand, ValueEnum};
use serde::Serialize;

use super::market::threads;
use super::{backtest, expressions, memory, print, read_market, remark};
use crate::bench::{
    BacktestOptions, BenchOptions, Comparison, Figures, MarketOptions, MemoryOptions, Record, ScalingOptions, Suite,
    generated_panel, measure_backtests, measure_markets, measure_memory, run as measure, time_scaling,
};

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct BenchArguments {
    #[command(subcommand)]
    other: Option<OtherSuite>,
    /// What to measure; everything by default.
    what: Option<SuiteArgument>,
    /// Bars to run over, in place of a generated market.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["bars", "symbols"])]
    data: Option<PathBuf>,
    /// Bars of the generated market; 100 by default, and several shapes for `evolution`.
    #[arg(long)]
    bars: Option<usize>,
    /// Symbols of the generated market; 2,656 by default, and several shapes for `evolution`.
    #[arg(long)]
    symbols: Option<usize>,
    #[command(flatten)]
    kept: Kept,
}

/// Figures to keep, and kept figures to compare with.
#[derive(Debug, Args)]
pub(super) struct Kept {
    /// Write what was measured as JSON, to be compared with later.
    #[arg(long, value_name = "FILE", visible_alias = "save-baseline")]
    json: Option<PathBuf>,
    /// Hold shortest times, memory and slopes beside those of a file that --json wrote; exit code 1 where one rose by
    /// too much.
    #[arg(long, value_name = "FILE")]
    compare: Option<PathBuf>,
    /// Share by which a figure may rise, for --compare.
    #[arg(long, value_name = "SHARE", default_value_t = 0.1)]
    tolerance: f64,
}

impl Kept {
    /// What there is to compare with. To be read first: what cannot be compared is not worth measuring.
    fn read(&self) -> Result<Option<Figures>> {
        if self.tolerance.is_nan() || self.tolerance < 0.0 {
            bail!("--tolerance must be a share of at least 0, such as 0.1");
        }
        let read = |path: &PathBuf| {
            let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
            serde_json::from_str(&text)
                .with_context(|| format!("{} holds no figures that `evoquant bench --json` wrote", path.display()))
        };
        self.compare.as_ref().map(read).transpose()
    }

    /// Writes, prints and compares. Exit code 1 where a figure rose by too much.
    fn report(&self, report: &(impl Serialize + Display), now: &Figures, saved: Option<&Figures>) -> Result<ExitCode> {
        write_json(self.json.as_deref(), report)?;
        print(&format!("{report}\n"))?;
        let Some(saved) = saved else { return Ok(ExitCode::SUCCESS) };
        let comparison = Comparison::new(now, saved, self.tolerance);
        print(&format!("\n{comparison}\n"))?;
        Ok(if comparison.worse().next().is_some() { ExitCode::from(1) } else { ExitCode::SUCCESS })
    }
}

/// Suites with arguments of their own.
#[derive(Debug, Subcommand)]
enum OtherSuite {
    /// Time the expressions of a file over a market: each alone, and all of them merged.
    Expressions(expressions::ExpressionArguments),
    /// How time grows with factors, symbols, bars and population, each varied alone on one thread; exit code 1 where it
    /// grows faster than in proportion.
    Scaling(ScalingArguments),
    /// What making markets in memory and on disk, importing them, and opening kept panels costs in time and memory.
    Markets(MarketsArguments),
    /// What evaluating a generation adds to memory, beside the market.
    Memory(MemoryArguments),
    /// Time whole backtests of saved strategies, from graph to figures, the market being in memory.
    Backtest(BacktestArguments),
}

#[derive(Debug, Args)]
struct BacktestArguments {
    #[command(flatten)]
    subject: backtest::SubjectArguments,
    /// Seconds to repeat each strategy for; the slowest are repeated a few times all the same.
    #[arg(long, default_value_t = 0.5)]
    seconds: f64,
    #[command(flatten)]
    kept: Kept,
}

#[derive(Debug, Args)]
struct MarketsArguments {
    /// Bars of the daily market that is made in memory, imported and kept.
    #[arg(long, default_value_t = MarketOptions::USUAL[0])]
    bars: usize,
    /// Symbols of that market.
    #[arg(long, default_value_t = MarketOptions::USUAL[1])]
    symbols: usize,
    /// Rows of the market that is streamed to Parquet and back.
    #[arg(long, default_value_t = MarketOptions::USUAL[2])]
    rows: usize,
    /// Threads. Default: one for each processor.
    #[arg(long)]
    threads: Option<usize>,
    /// Where files are written, and removed at the end. Default: the system's folder for temporary files.
    #[arg(long)]
    folder: Option<PathBuf>,
    #[command(flatten)]
    kept: Kept,
}

#[derive(Debug, Args)]
struct ScalingArguments {
    /// Most factors of a strategy; the fewest are 2.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(2..=200))]
    factors: u32,
    /// Most symbols; the fewest are 50.
    #[arg(long, default_value_t = 2_656, value_parser = clap::value_parser!(u32).range(50..=100_000))]
    symbols: u32,
    /// Most bars; the fewest are 100.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(100..=300_000))]
    bars: u32,
    /// Most strategies of a generation; the fewest are 10.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(10..=10_000))]
    population: u32,
    /// Sizes in each dimension, at equal ratios.
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(3..=100))]
    points: u32,
    /// Times that each size is measured, in turn with the others.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    rounds: u32,
    #[command(flatten)]
    kept: Kept,
}

#[derive(Debug, Args)]
struct MemoryArguments {
    /// Bars to evaluate over, in place of a generated market.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["bars", "symbols"])]
    data: Option<PathBuf>,
    /// Bars of the generated market.
    #[arg(long, default_value_t = MemoryOptions::USUAL[0])]
    bars: usize,
    /// Symbols of the generated market.
    #[arg(long, default_value_t = MemoryOptions::USUAL[1])]
    symbols: usize,
    /// Strategies of the generation.
    #[arg(long, default_value_t = MemoryOptions::STRATEGIES)]
    strategies: usize,
    /// Threads.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u16).range(2..=1_024))]
    threads: u16,
    /// Memory of the cache, where there is one, such as 2GB. Default: a quarter of what is free, as `evolve` has it.
    #[arg(long, value_name = "SIZE", value_parser = memory::bytes)]
    cache_memory: Option<usize>,
    #[command(flatten)]
    kept: Kept,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum SuiteArgument {
    /// Graph to typed program.
    Compile,
    /// Every mutation.
    Mutate,
    /// Execution against the number of factors.
    Factors,
    /// A generation of strategies.
    Generation,
    /// The simulation alone, scores being there: twenty positions with stops and costs.
    Simulation,
    /// Strategies scored as a run scores them, by shape of market.
    Evolution,
    /// What merging and the cache save generations of a run, and what building their plans costs.
    Plan,
    /// Every operator by itself, with windows of 20 and 250 bars, over 2,000 bars x 500 symbols of noise.
    Operators,
}

pub(super) fn run(arguments: &BenchArguments) -> Result<ExitCode> {
    match &arguments.other {
        Some(OtherSuite::Expressions(arguments)) => return expressions::run(arguments),
        Some(OtherSuite::Scaling(arguments)) => return scaling(arguments),
        Some(OtherSuite::Markets(arguments)) => return markets(arguments),
        Some(OtherSuite::Memory(arguments)) => return memory_of_a_generation(arguments),
        Some(OtherSuite::Backtest(arguments)) => return backtests(arguments),
        None => {}
    }
    let what = arguments.what.map(|what| match what {
        SuiteArgument::Compile => Suite::Compile,
        SuiteArgument::Mutate => Suite::Mutate,
        SuiteArgument::Factors => Suite::Factors,
        SuiteArgument::Generation => Suite::Generation,
        SuiteArgument::Simulation => Suite::Simulation,
        SuiteArgument::Evolution => Suite::Evolution,
        SuiteArgument::Plan => Suite::Plan,
        SuiteArgument::Operators => Suite::Operators,
    });
    let saved = arguments.kept.read()?;
    let [bars, symbols] = BenchOptions::USUAL;
    let options = match (&arguments.data, arguments.bars, arguments.symbols) {
        (Some(path), ..) => BenchOptions::new(what, read_market(path, false)?.panel),
        (None, None, None) => BenchOptions::usual(what)?,
        (None, some_bars, some_symbols) => {
            BenchOptions::generated(what, some_bars.unwrap_or(bars), some_symbols.unwrap_or(symbols))?
        }
    };
    let report = measure(&options, &mut measured)?;
    arguments.kept.report(&report, &Figures::of(&report.records), saved.as_ref())
}

fn scaling(arguments: &ScalingArguments) -> Result<ExitCode> {
    let saved = arguments.kept.read()?;
    let options = ScalingOptions {
        factors: arguments.factors as usize,
        symbols: arguments.symbols as usize,
        bars: arguments.bars as usize,
        population: arguments.population as usize,
        points: arguments.points as usize,
        rounds: arguments.rounds as usize,
    };
    let report = time_scaling(&options, &mut measured)?;
    let now = Figures { records: report.records.clone(), slopes: report.slopes.clone() };
    let code = arguments.kept.report(&report, &now, saved.as_ref())?;
    Ok(if report.beyond_limit().next().is_some() { ExitCode::from(1) } else { code })
}

fn markets(arguments: &MarketsArguments) -> Result<ExitCode> {
    let saved = arguments.kept.read()?;
    let options = MarketOptions {
        bars: arguments.bars,
        symbols: arguments.symbols,
        rows: arguments.rows,
        threads: threads(arguments.threads)?,
        folder: arguments.folder.clone().unwrap_or_else(std::env::temp_dir),
    };
    let report = measure_markets(&options, &mut measured)?;
    arguments.kept.report(&report, &Figures::of(&report.records), saved.as_ref())
}

fn memory_of_a_generation(arguments: &MemoryArguments) -> Result<ExitCode> {
    let saved = arguments.kept.read()?;
    let panel = match &arguments.data {
        Some(path) => read_market(path, false)?.panel,
        None => generated_panel(arguments.bars, arguments.symbols)?,
    };
    let options = MemoryOptions {
        panel,
        strategies: arguments.strategies,
        threads: usize::from(arguments.threads),
        cache_bytes: arguments.cache_memory.unwrap_or_else(memory::share_of_free),
    };
    let report = measure_memory(&options, &mut measured)?;
    arguments.kept.report(&report, &Figures::of(&report.records), saved.as_ref())
}

fn backtests(arguments: &BacktestArguments) -> Result<ExitCode> {
    if !(0.0..=3_600.0).contains(&arguments.seconds) {
        bail!("--seconds must be a number from 0 to 3600");
    }
    let saved = arguments.kept.read()?;
    let backtest::Subject { spec, import: Import { panel, .. }, strategies, returns } = arguments.subject.read()?;
    let names = backtest::names(&arguments.subject.strategies);
    let strategies: Vec<_> = names.into_iter().zip(strategies).collect();
    let options = BacktestOptions {
        panel: &panel,
        strategies: &strategies,
        settings: &spec.backtest,
        periods: &Periods::split(panel.bars(), spec.train, spec.validation),
        returns: &returns,
        seconds: arguments.seconds,
    };
    let report = measure_backtests(&options, &mut measured)?;
    arguments.kept.report(&report, &Figures::of(&report.records), saved.as_ref())
}

fn measured(record: &Record) {
    remark(&format!("measured {}", record.name));
}

/// Writes what was measured, where that is asked for.
pub(super) fn write_json(path: Option<&Path>, measured: &impl Serialize) -> Result<()> {
    let Some(path) = path else { return Ok(()) };
    let text = serde_json::to_string_pretty(measured)? + "\n";
    ::market::write_atomically(path, |out| std::io::Write::write_all(out, text.as_bytes()))
        .with_context(|| format!("cannot write {}", path.display()))
}
