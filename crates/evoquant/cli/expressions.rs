//! `evoquant bench expressions`: what the expressions of a file cost.

use std::fs;
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, anyhow};
use clap::Args;

use crate::bench::{ExpressionOptions, read_expressions, time_expressions, write_values};

use super::bench::write_json;
use super::{MarketArguments, print};

#[derive(Debug, Args)]
pub(super) struct ExpressionArguments {
    /// A file with one expression a line; # starts a comment.
    file: PathBuf,
    #[command(flatten)]
    market: MarketArguments,
    /// Threads that share the merged plans; an expression alone runs on one.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1_024))]
    threads: u16,
    /// Runs that are timed of each, after one that is not.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    repeat: u32,
    /// Expressions to a merged plan. Default: all, or an equal share for each thread.
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    group: Option<u32>,
    /// Write every value to memory on the clock, as a tool does that hands whole arrays back.
    #[arg(long)]
    keep: bool,
    /// Measure the merged plans alone, not each expression by itself.
    #[arg(long)]
    merged_only: bool,
    /// Write what was measured as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write all values, and measure nothing: expression after expression, row after row, 64-bit floats, least
    /// significant byte first.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["json", "keep", "repeat", "threads", "merged_only"])]
    values: Option<PathBuf>,
}

pub(super) fn run(arguments: &ExpressionArguments) -> Result<ExitCode> {
    let path = &arguments.file;
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let expressions = read_expressions(&text);
    let import = arguments.market.read()?;
    let options = ExpressionOptions {
        panel: &import.panel,
        expressions: &expressions,
        threads: usize::from(arguments.threads),
        repeat: arguments.repeat as usize,
        group: arguments.group.map(|group| group as usize),
        keep: arguments.keep,
        merged_only: arguments.merged_only,
    };
    let named = |error| anyhow!("{}: {error}", path.display());
    if let Some(out) = &arguments.values {
        ::market::write_atomically(out, |file| {
            let mut buffered = BufWriter::new(file);
            write_values(&options, &mut buffered).map_err(|error| std::io::Error::other(named(error)))?;
            buffered.flush()
        })?;
        return Ok(ExitCode::SUCCESS);
    }
    let report = time_expressions(&options).map_err(named)?;
    write_json(arguments.json.as_deref(), &report)?;
    print(&report.to_string())?;
    Ok(ExitCode::SUCCESS)
}
