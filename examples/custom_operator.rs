//! An operator of your own: declared, checked, used in an expression, and known to the whole command line.
//!
//! Run it with `cargo run --release --example custom_operator`. With arguments it is evoquant with one operator more:
//! `cargo run --release --example custom_operator -- ops ts_efficiency`, or `-- evolve --generations 5`.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::process::ExitCode;

use evoquant::engine::conformance;
use evoquant::factor::{
    CustomOperator, Definition, Family, Kernel, Lookback, Output, Parameter, ParameterKind, Parameters, Reference,
    register,
};

/// Kaufman's efficiency ratio: how far a series came in `d` bars, over the length of the path it took. 1 is a straight
/// line, 0 a walk that led nowhere.
struct Efficiency;

impl CustomOperator for Efficiency {
    fn definition(&self) -> Definition {
        Definition {
            // How it is written: ts_efficiency(close, 20).
            name: "ts_efficiency",
            // One symbol's past. The other families see one cell, or compare the symbols of a bar.
            family: Family::TimeSeries,
            parameters: &[Parameter {
                name: "d",
                kind: ParameterKind::Rows { least: 2 },
                default: None,
                option: false,
                // Evolution draws windows from here.
                usual: (5.0, 120.0),
            }],
            // Of a price or a volume, it is a plain ratio.
            output: Output::RATIO,
            // It compares today with d bars ago: so many earlier rows it needs, and the check below proves that it
            // uses no more.
            lookback: Lookback::Lag(0),
            // Tenths of a nanosecond a cell, roughly; for balancing work.
            cost: 200,
            summary: "How far a series came, over the length of its path.",
            formula: "|x[t] - x[t-d]| / sum of |x[s] - x[s-1]| over the last d rows",
            missing: "NaN unless all d + 1 values are known; NaN where the path has no length.",
            example: "cs_rank(ts_efficiency(close, 20))",
            reference: Reference::Series(efficiency_from_the_start),
            ..Definition::BASE
        }
    }

    fn kernel(&self, _: &Parameters) -> Kernel {
        // The engine hands over the last d + 1 values of a symbol, oldest first. What is NaN in them makes the sum
        // NaN, which is what `missing` promises; 0 / 0 becomes NaN as well.
        Kernel::Window(Box::new(|inputs| {
            let x = inputs[0];
            let path: f64 = x.windows(2).map(|pair| (pair[1] - pair[0]).abs()).sum();
            (x[x.len() - 1] - x[0]).abs() / path
        }))
    }
}

/// The same in the plainest words, over the whole history of one symbol up to today: slow, and beyond doubt.
fn efficiency_from_the_start(inputs: &[&[f64]], parameters: &Parameters) -> f64 {
    let (x, d) = (inputs[0], parameters.rows(0));
    let Some(first) = x.len().checked_sub(d + 1) else { return f64::NAN };
    let mut path = 0.0;
    for row in first + 1..x.len() {
        path += (x[row] - x[row - 1]).abs();
    }
    (x[x.len() - 1] - x[first]).abs() / path
}

fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    // First of all: from here on expressions, strategy files and evolution know the operator.
    let operator = register(Efficiency)?;
    if std::env::args().len() > 1 {
        return Ok(evoquant::cli::main());
    }

    // The checks that our own operators pass: kernel against reference on data made to hurt, bar by bar against all
    // at once, no look-ahead, no look-back beyond the declared. In your project this line is a test.
    conformance::check(operator)?;
    println!("{}: every promise kept", operator.definition().signature());

    let panel = evoquant::market::random_walk(250, 20, 1);
    let values = evoquant::evaluate(&panel, "cs_rank(ts_efficiency(close, 20))")?;
    let last = &values[values.len() - panel.symbols().len()..];
    for (symbol, value) in panel.symbols().iter().zip(last).take(5) {
        println!("{symbol}  {value:.3}");
    }
    Ok(ExitCode::SUCCESS)
}
