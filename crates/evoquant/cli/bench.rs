//! `evoquant bench`: how cost grows with factors, on this machine.

use std::path::PathBuf;
use std::process::ExitCode;

use crate::bench::{BenchOptions, Suite, run as measure};
use anyhow::{Context, Result};
use clap::{Args, ValueEnum};

use super::{print, read_market, remark};

#[derive(Debug, Args)]
pub(super) struct BenchArguments {
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
    /// Write the records as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
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
}

pub(super) fn run(arguments: &BenchArguments) -> Result<ExitCode> {
    let what = arguments.what.map(|what| match what {
        SuiteArgument::Compile => Suite::Compile,
        SuiteArgument::Mutate => Suite::Mutate,
        SuiteArgument::Factors => Suite::Factors,
        SuiteArgument::Generation => Suite::Generation,
        SuiteArgument::Evolution => Suite::Evolution,
    });
    let [bars, symbols] = BenchOptions::USUAL;
    let options = match (&arguments.data, arguments.bars, arguments.symbols) {
        (Some(path), ..) => BenchOptions::new(what, read_market(path, false)?.panel),
        (None, None, None) => BenchOptions::usual(what)?,
        (None, some_bars, some_symbols) => {
            BenchOptions::generated(what, some_bars.unwrap_or(bars), some_symbols.unwrap_or(symbols))?
        }
    };
    let report = measure(&options, &mut |record| remark(&format!("measured {}", record.name)))?;
    if let Some(path) = &arguments.json {
        let text = serde_json::to_string_pretty(&report.records)? + "\n";
        ::market::write_atomically(path, |out| std::io::Write::write_all(out, text.as_bytes()))
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    print(&format!("{report}\n"))?;
    Ok(ExitCode::SUCCESS)
}
