//! `evoquant data`: look at market data, or download it.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

use ::market::{FetchOptions, describe, fetch};
use anyhow::Result;
use clap::Subcommand;

use super::{print, read_market};

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
    /// Download one file, with retries; nothing appears under its name before it is whole.
    Fetch {
        /// An http or https address.
        url: String,
        /// Where to write it.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
}

pub(super) fn run(command: &DataCommand) -> Result<ExitCode> {
    match command {
        DataCommand::Info { file, strict } => {
            let import = read_market(file, *strict)?;
            print(&format!("{}\n{}\n\n{}\n", file.display(), describe(&import.panel), import.ledger))?;
        }
        DataCommand::Fetch { url, out } => {
            let bar = if std::io::stderr().is_terminal() {
                indicatif::ProgressBar::new_spinner()
            } else {
                indicatif::ProgressBar::hidden()
            };
            let report = fetch(url, out, &FetchOptions::default(), &mut |bytes, total| {
                if let Some(total) = total {
                    bar.set_length(total);
                }
                bar.set_position(bytes);
            })?;
            bar.finish_and_clear();
            print(&format!("{}: {} bytes in {} attempts\n", out.display(), report.bytes, report.attempts))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
