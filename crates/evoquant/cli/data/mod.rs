//! `evoquant data`: look at market data, check it, bring it in, download it, make it, keep it at hand.

mod fetch;
mod info;
mod synth;

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(super) enum DataCommand {
    /// Import a file and show its span, symbols, coverage, frequency, and what was mended.
    Info(info::InfoArguments),
    /// Download one file, with retries; nothing appears under its name before it is whole.
    Fetch(fetch::FetchArguments),
    /// Make a synthetic market: factors, GARCH, fat tails, regimes, scenarios, a planted truth, or nothing but noise.
    Synth(Box<synth::SynthArguments>),
}

pub(super) fn run(command: &DataCommand) -> Result<ExitCode> {
    match command {
        DataCommand::Info(arguments) => info::run(arguments),
        DataCommand::Fetch(arguments) => fetch::run(arguments),
        DataCommand::Synth(arguments) => synth::run(arguments),
    }
}
