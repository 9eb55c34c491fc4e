//! `evoquant bench`: how cost grows with factors, on this machine.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Args, Subcommand, ValueEnum};
use serde::Serialize;

use crate::bench::{BenchOptions, Suite, run as measure};

use super::{expressions, print, read_market, remark};

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
    /// Bars of the generated market.
    #[arg(long, default_value_t = 100)]
    bars: usize,
    /// Symbols of the generated market.
    #[arg(long, default_value_t = 2_656)]
    symbols: usize,
    /// Write the records as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
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
    });
    let options = match &arguments.data {
        Some(path) => BenchOptions::new(what, read_market(path, false)?.panel),
        None => BenchOptions::generated(what, arguments.bars, arguments.symbols)?,
    };
    let report = measure(&options, &mut |record| remark(&format!("measured {}", record.name)))?;
    write_json(arguments.json.as_deref(), &report.records)?;
    print(&format!("{report}\n"))?;
    Ok(ExitCode::SUCCESS)
}

/// Writes what was measured, where that is asked for.
pub(super) fn write_json(path: Option<&Path>, measured: &impl Serialize) -> Result<()> {
    let Some(path) = path else { return Ok(()) };
    let text = serde_json::to_string_pretty(measured)? + "\n";
    ::market::write_atomically(path, |out| std::io::Write::write_all(out, text.as_bytes()))
        .with_context(|| format!("cannot write {}", path.display()))
}
