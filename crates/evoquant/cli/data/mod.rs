//! `evoquant data`: look at market data, check it, bring it in, download it, make it, keep it at hand.

mod cache;
mod count;
mod fetch;
mod info;

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(super) enum DataCommand {
    /// Imported panels that are kept on disk: list, warm, verify and clear them.
    Cache(cache::CacheArguments),
    /// Count the rows of files of any size, piece by piece.
    Count(count::CountArguments),
    /// Import a file and show its span, symbols, coverage, frequency, and what was mended.
    Info(info::InfoArguments),
    /// Download one file, with retries; nothing appears under its name before it is whole.
    Fetch(fetch::FetchArguments),
}

pub(super) fn run(command: &DataCommand) -> Result<ExitCode> {
    match command {
        DataCommand::Cache(arguments) => cache::run(arguments),
        DataCommand::Count(arguments) => count::run(arguments),
        DataCommand::Info(arguments) => info::run(arguments),
        DataCommand::Fetch(arguments) => fetch::run(arguments),
    }
}
