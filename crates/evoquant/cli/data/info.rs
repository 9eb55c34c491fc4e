//! `evoquant data info`: what a market holds, and what was mended on the way in.

use std::path::PathBuf;
use std::process::ExitCode;

use ::market::describe;
use anyhow::Result;
use clap::Args;

use crate::cli::{print, read_market};

#[derive(Debug, Args)]
pub(in crate::cli) struct InfoArguments {
    /// Long CSV, Parquet or Arrow IPC.
    file: PathBuf,
    /// Refuse data that would have to be mended, instead of mending it.
    #[arg(long)]
    strict: bool,
}

pub(super) fn run(arguments: &InfoArguments) -> Result<ExitCode> {
    let InfoArguments { file, strict } = arguments;
    let import = read_market(file, *strict)?;
    print(&format!("{}\n{}\n\n{}\n", file.display(), describe(&import.panel), import.ledger))?;
    Ok(ExitCode::SUCCESS)
}
