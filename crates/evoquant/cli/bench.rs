//! `evoquant bench`: how cost grows with factors, on this machine.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand, ValueEnum};
use serde::Serialize;

use super::{expressions, print, read_market, remark};
use crate::bench::{BenchOptions, Comparison, Record, Suite, run as measure};

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
    /// Write the records as JSON, to be compared with later.
    #[arg(long, value_name = "FILE", visible_alias = "save-baseline")]
    json: Option<PathBuf>,
    /// Hold the shortest times beside those of a file that --json wrote; exit code 1 where one is too much slower.
    #[arg(long, value_name = "FILE")]
    compare: Option<PathBuf>,
    /// Share by which a time may rise, for --compare.
    #[arg(long, value_name = "SHARE", default_value_t = 0.1)]
    tolerance: f64,
}

/// Suites with arguments of their own.
#[derive(Debug, Subcommand)]
enum OtherSuite {
    /// Time the expressions of a file over a market: each alone, and all of them merged.
    Expressions(expressions::ExpressionArguments),
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
    /// Strategies scored as a run scores them, by shape of market.
    Evolution,
    /// Every operator by itself, with windows of 20 and 250 bars, over 2,000 bars x 500 symbols of noise.
    Operators,
}

pub(super) fn run(arguments: &BenchArguments) -> Result<ExitCode> {
    if let Some(OtherSuite::Expressions(arguments)) = &arguments.other {
        return expressions::run(arguments);
    }
    let what = arguments.what.map(|what| match what {
        SuiteArgument::Compile => Suite::Compile,
        SuiteArgument::Mutate => Suite::Mutate,
        SuiteArgument::Factors => Suite::Factors,
        SuiteArgument::Generation => Suite::Generation,
        SuiteArgument::Evolution => Suite::Evolution,
        SuiteArgument::Operators => Suite::Operators,
    });
    if arguments.tolerance.is_nan() || arguments.tolerance < 0.0 {
        bail!("--tolerance must be a share of at least 0, such as 0.1");
    }
    // Read first: what cannot be compared is not worth measuring.
    let saved: Option<Vec<Record>> = arguments.compare.as_deref().map(read_records).transpose()?;
    let [bars, symbols] = BenchOptions::USUAL;
    let options = match (&arguments.data, arguments.bars, arguments.symbols) {
        (Some(path), ..) => BenchOptions::new(what, read_market(path, false)?.panel),
        (None, None, None) => BenchOptions::usual(what)?,
        (None, some_bars, some_symbols) => {
            BenchOptions::generated(what, some_bars.unwrap_or(bars), some_symbols.unwrap_or(symbols))?
        }
    };
    let report = measure(&options, &mut |record| remark(&format!("measured {}", record.name)))?;
    write_json(arguments.json.as_deref(), &report.records)?;
    print(&format!("{report}\n"))?;
    let Some(saved) = saved else { return Ok(ExitCode::SUCCESS) };
    let comparison = Comparison::new(&report, &saved, arguments.tolerance);
    print(&format!("\n{comparison}\n"))?;
    Ok(if comparison.slower().next().is_some() { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

fn read_records(path: &Path) -> Result<Vec<Record>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_str(&text)
        .with_context(|| format!("{} holds no records that `evoquant bench --json` wrote", path.display()))
}

/// Writes what was measured, where that is asked for.
pub(super) fn write_json(path: Option<&Path>, measured: &impl Serialize) -> Result<()> {
    let Some(path) = path else { return Ok(()) };
    let text = serde_json::to_string_pretty(measured)? + "\n";
    ::market::write_atomically(path, |out| std::io::Write::write_all(out, text.as_bytes()))
        .with_context(|| format!("cannot write {}", path.display()))
}
