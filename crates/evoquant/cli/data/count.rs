//! `evoquant data count`: rows of a file of any size.

use std::path::PathBuf;
use std::process::ExitCode;

use ::market::count_rows;
use anyhow::Result;
use clap::Args;

use crate::cli::market::import_options;
use crate::cli::print;

#[derive(Debug, Args)]
pub(in crate::cli) struct CountArguments {
    /// CSV, plain or packed, or Parquet.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

pub(super) fn run(arguments: &CountArguments) -> Result<ExitCode> {
    let options = import_options(false)?;
    for file in &arguments.files {
        print(&format!("{}: {} rows\n", file.display(), count_rows(file, &options)?))?;
    }
    Ok(ExitCode::SUCCESS)
}
