//! `evoquant data info`: what a market holds, and what was mended on the way in.

use std::path::PathBuf;
use std::process::ExitCode;

use ::market::describe;
use anyhow::Result;
use clap::Args;

use super::import::ReadingArguments;
use crate::cli::print;

#[derive(Debug, Args)]
pub(in crate::cli) struct InfoArguments {
    /// A file of bars, or a folder of them, as `data import` reads it.
    file: PathBuf,
    #[command(flatten)]
    reading: ReadingArguments,
}

pub(super) fn run(arguments: &InfoArguments) -> Result<ExitCode> {
    let InfoArguments { file, reading } = arguments;
    let import = reading.read(file)?.import;
    print(&format!("{}\n{}\n\n{}\n", file.display(), describe(&import.panel), import.ledger))?;
    Ok(ExitCode::SUCCESS)
}
