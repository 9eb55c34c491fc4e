//! The command line with the operators that evoquant brings.

use std::process::ExitCode;

fn main() -> ExitCode {
    evoquant::cli::main()
}
