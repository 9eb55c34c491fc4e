//! `evoquant data fetch`: bars from the web.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

use ::market::{FetchOptions, fetch};
use anyhow::Result;
use clap::Args;

use crate::cli::print;

#[derive(Debug, Args)]
pub(in crate::cli) struct FetchArguments {
    /// An http or https address.
    url: String,
    /// Where to write it.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

pub(super) fn run(arguments: &FetchArguments) -> Result<ExitCode> {
    let FetchArguments { url, out } = arguments;
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
    Ok(ExitCode::SUCCESS)
}
