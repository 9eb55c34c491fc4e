//! `evoquant data`: look at market data, check it, bring it in, download it, make it, keep it at hand.

mod fetch;
mod info;

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(super) enum DataCommand {
    /// Download bars of many symbols from a provider, or one file; nothing appears under its name before it is whole.
    Fetch(Box<fetch::FetchArguments>),
    /// Import a file and show its span, symbols, coverage, frequency, and what was mended.
    Info(info::InfoArguments),
}

pub(super) fn run(command: &DataCommand) -> Result<ExitCode> {
    match command {
        DataCommand::Fetch(arguments) => fetch::run(arguments),
        DataCommand::Info(arguments) => info::run(arguments),
    }
}
