//! What every operator must hold to, ours or [custom](factor::CustomOperator): values by its slow definition, the same
//! bits bar by bar and on every processor, no look-ahead, no look-back beyond what it declares. For tests; the tests of
//! our own operators are these.
//!
//! ```
//! use engine::conformance;
//! use factor::Operator;
//!
//! let operator = Operator::by_name("ts_mean").expect("one of ours");
//! conformance::check(operator).expect("ts_mean keeps its promises");
//! ```

mod application;
mod panels;
mod slow;

use std::ops::Range;

use factor::{FactorGraph, Operator, Parameters, Purpose, compile};
use market::Panel;

pub use self::application::application;
use self::application::choices;
pub use self::panels::{Shape, panel};
pub use self::slow::slow;
use crate::vectors::Vectors;
use crate::{Columns, Executor, Outputs, Plan, evaluate};

/// A promise that an operator broke.
#[derive(Debug, Clone, PartialEq)]
pub struct Violation {
    /// The operator.
    pub operator: &'static str,
    /// Its parameters.
    pub parameters: Vec<f64>,
    /// The data and the place.
    pub place: String,
    /// What is wrong there.
    pub fault: String,
}

impl Violation {
    /// A fault at a cell of a [`panel`] of so many bars and symbols.
    fn new(
        operator: Operator,
        parameters: &Parameters,
        shape: Shape,
        [bars, symbols]: [usize; 2],
        cell: usize,
        fault: String,
    ) -> Self {
        Self {
            operator: operator.definition().name,
            parameters: parameters.as_slice().to_vec(),
            place: format!("{shape:?} {bars}x{symbols}, row {}, symbol {}", cell / symbols, cell % symbols),
            fault,
        }
    }
}

impl std::fmt::Display for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}({:?}) on {}: {}", self.operator, self.parameters, self.place, self.fault)
    }
}

/// Promises that an operator broke, at least one.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{} promises broken, the first: {}", .0.len(), .0[0])]
pub struct Violations(pub Vec<Violation>);

/// Checks everything about an operator: a fraction of a second for a usual one.
///
/// # Errors
/// All promises that it broke.
pub fn check(operator: Operator) -> Result<(), Violations> {
    let mut found = values(operator, |_| 1e-12);
    found.extend(bar_by_bar(operator));
    found.extend(causality(operator));
    found.extend(vectors(operator));
    if found.is_empty() { Ok(()) } else { Err(Violations(found)) }
}

/// Compares the kernel with the slow definition over every shape of data, to 1e-9 relative or the `rounding` that is
/// allowed for a shape, with windows up to beyond history. Flags must be 0, 1 or NaN.
pub fn values(operator: Operator, rounding: impl Fn(Shape) -> f64) -> Vec<Violation> {
    let definition = operator.definition();
    let mut found = Vec::new();
    for (seed, shape) in (0..).zip(Shape::ALL) {
        // One tile of few symbols, one symbol, one row, and tiles and blocks that are not whole.
        for (bars, symbols) in [(150, 7), (90, 1), (1, 5), (70, 150)] {
            let panel = panel(shape, bars, symbols, seed);
            for parameters in choices(definition) {
                let (graph, names) = application(operator, parameters);
                let program = compile(&graph, &[]).expect("a typed application");
                let fast = evaluate(&program, &panel).expect("all columns exist");
                let columns: Vec<&[f64]> = names.iter().map(|name| panel.values(name).expect("a column")).collect();
                let slow = slow(operator, &parameters, &columns, &panel);
                let bound = rounding(shape);
                let wrong = (0..fast.len()).find(|&cell| {
                    let (fast, slow) = (fast[cell], slow[cell]);
                    let no_flag = definition.output == factor::Output::Flag && fast != 0.0 && fast != 1.0;
                    fast.is_nan() != slow.is_nan()
                        || (fast - slow).abs() > bound + 1e-9 * slow.abs()
                        || no_flag && !fast.is_nan()
                });
                found.extend(wrong.map(|cell| {
                    let fault = format!("the kernel gives {}, the reference {}", fast[cell], slow[cell]);
                    Violation::new(operator, &parameters, shape, [bars, symbols], cell, fault)
                }));
            }
        }
    }
    found
}

/// Checks that rows fed one by one, or in odd steps, give the bits of the whole panel.
pub fn bar_by_bar(operator: Operator) -> Vec<Violation> {
    let mut found = Vec::new();
    // The others are wide enough for blocks of few rows, so that they take several, and the last for several tiles.
    for (bars, symbols) in [(150, 9), (200, 150), (45, 530)] {
        let panel = panel(Shape::Gaps, bars, symbols, 11);
        for parameters in choices(operator.definition()) {
            let (graph, _) = application(operator, parameters);
            let whole = streamed(&graph, &panel, &[bars]);
            for steps in [&[1][..], &[7, 1, 64, 3]] {
                let parts = streamed(&graph, &panel, steps);
                found.extend(first_difference(&whole, &parts, 0..whole.len()).map(|cell| {
                    let fault = format!("fed in steps of {steps:?} rows it gives other bits than fed at once");
                    Violation::new(operator, &parameters, Shape::Gaps, [bars, symbols], cell, fault)
                }));
            }
        }
    }
    found
}

/// Checks that no value depends on a later row, nor, where the operator forgets, on one beyond its look-back.
pub fn causality(operator: Operator) -> Vec<Violation> {
    let (bars, symbols, at) = (140, 6, 90);
    let mut found = Vec::new();
    for (seed, shape) in (50..).zip([Shape::Noise, Shape::Gaps, Shape::Storm]) {
        let panel = panel(shape, bars, symbols, seed);
        let future = perturbed(&panel, at + 1..bars);
        for parameters in choices(operator.definition()) {
            let (graph, _) = application(operator, parameters);
            let program = compile(&graph, &[]).expect("a typed application");
            let values = streamed(&graph, &panel, &[bars]);
            let mut fault = |cell: Option<usize>, fault: String| {
                let found_at = |cell| Violation::new(operator, &parameters, shape, [bars, symbols], cell, fault);
                found.extend(cell.map(found_at));
            };
            let other = streamed(&graph, &future, &[bars]);
            fault(
                first_difference(&values, &other, 0..(at + 1) * symbols),
                format!("it changes with rows after {at}: it looks ahead"),
            );
            let lookback = program.lookback() as usize;
            if program.warm_up() as usize == lookback && lookback < at {
                let other = streamed(&graph, &perturbed(&panel, 0..at - lookback), &[bars]);
                fault(
                    first_difference(&values, &other, at * symbols..(at + 1) * symbols),
                    format!("it changes with rows before {}: it remembers more than {lookback} rows", at - lookback),
                );
            }
        }
    }
    found
}

/// Checks that vectors of every width that this processor has give the bits of the narrowest.
pub fn vectors(operator: Operator) -> Vec<Violation> {
    let mut found = Vec::new();
    for (seed, shape) in (90..).zip(Shape::ALL) {
        // Groups of symbols of every width; rows too short for wide vectors, and long enough for every way to rank.
        for (bars, symbols) in [(150, 23), (40, 60), (9, 505), (3, 1_100)] {
            let panel = panel(shape, bars, symbols, seed);
            for parameters in choices(operator.definition()) {
                let (graph, _) = application(operator, parameters);
                let bits = |vectors| streamed_with(vectors, &graph, &panel, &[bars]);
                let narrow = bits(Vectors::Baseline);
                for wide in Vectors::all().skip(1) {
                    found.extend(first_difference(&narrow, &bits(wide), 0..narrow.len()).map(|cell| {
                        let fault = format!("compiled for {wide:?} it gives other bits than for the baseline");
                        Violation::new(operator, &parameters, shape, [bars, symbols], cell, fault)
                    }));
                }
            }
        }
    }
    found
}

/// The first of some cells whose bits differ.
fn first_difference(left: &[u64], right: &[u64], mut cells: Range<usize>) -> Option<usize> {
    cells.find(|&cell| left[cell] != right[cell])
}

/// Bits of every row, fed in steps of the given sizes.
fn streamed(graph: &FactorGraph, panel: &Panel, steps: &[usize]) -> Vec<u64> {
    streamed_with(Vectors::detect(), graph, panel, steps)
}

/// The same with kernels as they were compiled for some vectors.
fn streamed_with(vectors: Vectors, graph: &FactorGraph, panel: &Panel, steps: &[usize]) -> Vec<u64> {
    let program = compile(graph, &[]).expect("a typed application");
    let plan = Plan::new([&program]);
    let members = panel.members();
    let columns = Columns::new(&plan, panel, &members).expect("all columns exist");
    let mut executor = Executor::new(&plan, panel.symbols().len()).compiled_for(vectors);
    let mut bits = Vec::new();
    for step in steps.iter().cycle() {
        let end = executor.next_row() + step;
        executor.advance(&columns, end, &mut |outputs: &Outputs<'_>| {
            bits.extend(outputs.block(Purpose::Score).expect("a score").iter().map(|value| value.to_bits()));
        });
        if end >= panel.bars() {
            break;
        }
    }
    bits
}

/// The panel with every number changed in some rows.
fn perturbed(panel: &Panel, rows: Range<usize>) -> Panel {
    let fields = panel
        .field_names()
        .map(|name| {
            let mut field = panel.field(name).expect("a field").to_owned();
            for row in rows.clone() {
                // Flags stay flags; numbers become something else entirely.
                let flag = panels::FLAGS.contains(&name);
                field.row_mut(row).mapv_inplace(|value| if flag { 1.0 - value } else { 17.0 - 3.0 * value });
            }
            (name.to_owned(), field)
        })
        .collect();
    let groups =
        panel.group_names().map(|name| (name.to_owned(), panel.group(name).expect("a group").to_owned())).collect();
    Panel::new(panel.calendar().clone(), panel.symbols().to_vec(), fields, groups).expect("the same shape")
}
