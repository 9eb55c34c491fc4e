//! `evoquant data`: look at market data, or download it.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;

use super::{describe, print, read_market};

#[derive(Debug, Subcommand)]
pub(super) enum DataCommand {
    /// Import a file and show its span, symbols, coverage, frequency, and what was mended.
    Info {
        /// Long CSV, Parquet or Arrow IPC.
        file: PathBuf,
        /// Refuse data that would have to be mended, instead of mending it.
        #[arg(long)]
        strict: bool,
    },
}

pub(super) fn run(command: &DataCommand) -> Result<ExitCode> {
    match command {
        DataCommand::Info { file, strict } => {
            let import = read_market(file, *strict)?;
            print(&format!("{}\n\n{}\n", describe(file, &import.panel), import.ledger))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
