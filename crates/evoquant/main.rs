//! The command line: arguments, progress, messages. Exit codes: 0 done, 1 nothing found, 2 an error.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
