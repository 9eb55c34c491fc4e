//! `evoquant data`: look at market data, check it, bring it in, download it, make it, keep it at hand.

mod cache;
mod check;
mod count;
mod fetch;
mod import;
mod info;
mod synth;

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(super) enum DataCommand {
    /// Imported panels that are kept on disk: list, warm, verify and clear them.
    Cache(cache::CacheArguments),
    /// Look for what is wrong in a market: copied bars, spikes, splits, gaps; and mask it.
    Check(check::CheckArguments),
    /// Count the rows of files of any size, piece by piece.
    Count(count::CountArguments),
    /// Download bars of many symbols from a provider, or one file; nothing appears under its name before it is whole.
    Fetch(Box<fetch::FetchArguments>),
    /// Bring a file or folder of bars in as one panel, with an account of every row dropped or mended.
    Import(import::ImportArguments),
    /// Import a file and show its span, symbols, coverage, frequency, and what was mended.
    Info(info::InfoArguments),
    /// Make a synthetic market: factors, GARCH, fat tails, regimes, scenarios, a planted truth, or nothing but noise.
    Synth(Box<synth::SynthArguments>),
}

pub(super) fn run(command: &DataCommand) -> Result<ExitCode> {
    match command {
        DataCommand::Cache(arguments) => cache::run(arguments),
        DataCommand::Check(arguments) => check::run(arguments),
        DataCommand::Count(arguments) => count::run(arguments),
        DataCommand::Fetch(arguments) => fetch::run(arguments),
        DataCommand::Import(arguments) => import::run(arguments),
        DataCommand::Info(arguments) => info::run(arguments),
        DataCommand::Synth(arguments) => synth::run(arguments),
    }
}
