//! The program as a person meets it: runs, interruptions, mistakes.

mod analyze;
mod backtest;
mod bench;
mod data_cache;
mod data_import;
mod dialects;
mod eval;
mod evolve;
mod fetch;
mod mistakes;
mod node_cache;
mod polars_programs;
mod printing;
mod racing;
mod report;
mod synth;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The program.
fn evoquant() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_evoquant"));
    command.current_dir(env!("CARGO_MANIFEST_DIR"));
    // A test must not find, or leave, panels in the user's folder.
    command.env("EVOQUANT_CACHE", "off");
    command
}

/// Runs the program to its end.
fn run(arguments: &[&str]) -> Output {
    evoquant().args(arguments).output().expect("the program starts")
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The folder of larger markets, if it is there.
#[expect(clippy::print_stderr, reason = "a test that skips says so")]
fn markets() -> Option<PathBuf> {
    let folder = std::env::var_os("EVOQUANT_MARKETS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"), PathBuf::from);
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("skipped: no market in {} (set EVOQUANT_MARKETS)", folder.display());
    None
}
