//! Every kernel against the slow reference of its operator, on panels made to hurt: gaps, ties, constants,
//! infinities, a high level with little noise, storms before calm, one symbol, one bar, windows beyond history.

mod common;

use std::sync::Arc;

use common::{panel, slow};
use engine::{Columns, Executor, Outputs, Plan, evaluate};
use factor::{
    Definition, FactorGraph, Kind, NodeIndex, Operator, ParameterKind, Parameters, Port, Purpose, Type, compile,
};
use market::Panel;

/// The shapes of data that break kernels.
const SHAPES: [&str; 8] = ["noise", "gaps", "ties", "constant", "infinities", "level", "storm", "walk"];

/// The operator over columns of the right types, and the columns' names.
fn application(operator: Operator, parameters: Parameters) -> (FactorGraph, Vec<&'static str>) {
    let mut graph = FactorGraph::new(Kind::Positions);
    let mut names = Vec::new();
    let inputs: Vec<NodeIndex> = operator
        .definition()
        .inputs
        .iter()
        .enumerate()
        .map(|(slot, port)| {
            let (name, kind) = match port {
                Port::Flag => (["f", "g", "h"][slot], Type::Flag),
                Port::Group => (["sector", "industry", "sector"][slot], Type::Group),
                _ => (["x", "y", "z"][slot], Type::Plain),
            };
            names.push(name);
            graph.add_with_inputs(Kind::Field(Arc::from(name), kind), &[])
        })
        .collect();
    let root = graph.add_with_inputs(Kind::Operator(operator, parameters), &inputs);
    graph.set_root(root);
    graph.prune();
    (graph, names)
}

/// Parameters worth trying: windows short, usual and longer than any history here, every word of an option.
fn choices(definition: &Definition) -> Vec<Parameters> {
    let is_window = |parameter: &factor::Parameter| matches!(parameter.kind, ParameterKind::Rows { .. });
    let windowed = definition.parameters.iter().any(is_window);
    let windows: &[f64] = if windowed { &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 20.0, 64.0, 300.0] } else { &[0.0] };
    let mut all: Vec<Parameters> = Vec::new();
    for &window in windows {
        for variant in 0..4 {
            let value = |(index, parameter): (usize, &factor::Parameter)| match parameter.kind {
                ParameterKind::Rows { .. } => window,
                ParameterKind::Whole { least, most } => f64::from((least + variant).min(most)),
                ParameterKind::Choice { words } => f64::from(variant % words.len() as i32),
                ParameterKind::Real { .. } if index == 0 => [parameter.usual.0, 0.7, 2.0, 0.05][variant as usize],
                ParameterKind::Real { .. } => [parameter.usual.1, 2.0, 0.3, 0.0][variant as usize],
            };
            let values: Vec<f64> = definition.parameters.iter().enumerate().map(value).collect();
            let valid =
                definition.parameters.iter().zip(&values).all(|(parameter, &value)| parameter.check(value).is_ok());
            let parameters = Parameters::new(&values);
            if valid && !all.contains(&parameters) {
                all.push(parameters);
            }
        }
    }
    assert!(!all.is_empty(), "{} has no parameters to try", definition.name);
    all
}

/// Largest difference allowed beside 1e-9 relative.
///
/// Near zero, a correlation, covariance or distance from a mean is a difference of larger numbers and known only in
/// parts of those: of 1 for correlations, of the inputs' spread for the others.
fn rounding(shape: &str, operator: Operator) -> f64 {
    use Operator as O;
    match operator {
        // A third moment, and a covariance, near 0: what is left of cubes of 1e3, and of squares.
        O::TsMoment | O::TsCov if shape == "storm" => 1e-6,
        // The level of a line at 0, seen from values around 5e6.
        O::TsSeAlpha if shape == "storm" => 1e-8,
        // What is left of values around 5e6, known to a few parts in 1e16 of those.
        O::TsVectorNeut | O::CsVectorNeut | O::GroupVectorNeut if shape == "level" || shape == "storm" => 1e-8,
        O::TsPartialCorr
        | O::TsCorr
        | O::TsCov
        | O::TsZscore
        | O::CsDemean
        | O::GroupNeutralize
        | O::CsZscore
        | O::GroupZscore => 1e-9,
        _ => 1e-12,
    }
}

#[test]
fn kernels_agree_with_their_references() {
    let mut failures = Vec::new();
    for &operator in Operator::ALL {
        for (seed, shape) in SHAPES.iter().enumerate() {
            // One tile of few symbols, one symbol, one row, and tiles and blocks that are not whole.
            for (bars, symbols) in [(150, 7), (90, 1), (1, 5), (70, 150)] {
                let panel = panel(shape, bars, symbols, seed as u64);
                for parameters in choices(operator.definition()) {
                    let (graph, names) = application(operator, parameters);
                    let program = compile(&graph, &[]).expect("a typed application");
                    let fast = evaluate(&program, &panel).expect("all columns exist");
                    let columns: Vec<&[f64]> = names.iter().map(|name| panel.values(name).expect("a column")).collect();
                    let slow = slow(operator, &parameters, &columns, &panel);
                    let bound = rounding(shape, operator);
                    let wrong = (0..fast.len()).find(|&cell| {
                        let (fast, slow) = (fast[cell], slow[cell]);
                        fast.is_nan() != slow.is_nan() || (fast - slow).abs() > bound + 1e-9 * slow.abs()
                    });
                    if let Some(cell) = wrong {
                        failures.push(format!(
                            "{}({:?}) on {shape} {bars}x{symbols}, row {} symbol {}: kernel {}, reference {}",
                            operator.definition().name,
                            parameters.as_slice(),
                            cell / symbols,
                            cell % symbols,
                            fast[cell],
                            slow[cell]
                        ));
                    }
                }
            }
        }
    }
    assert!(
        failures.is_empty(),
        "{} disagreements:\n{}",
        failures.len(),
        failures[..failures.len().min(25)].join("\n")
    );
}

/// Bits of every row, fed in steps of the given sizes.
fn streamed(graph: &FactorGraph, panel: &Panel, steps: &[usize]) -> Vec<u64> {
    let program = compile(graph, &[]).expect("a typed application");
    let plan = Plan::new([&program]);
    let members = panel.members();
    let columns = Columns::new(&plan, panel, &members).expect("all columns exist");
    let mut executor = Executor::new(&plan, panel.symbols().len());
    let mut bits = Vec::new();
    for step in steps.iter().cycle() {
        let end = executor.next_row() + step;
        executor.advance(&columns, end, &mut |outputs: &Outputs<'_>| {
            bits.extend(outputs.block(Purpose::Score).expect("a score").iter().map(|value| value.to_bits()));
        });
        if end >= panel.bars() {
            return bits;
        }
    }
    unreachable!("the steps repeat until the panel ends")
}

#[test]
fn one_more_bar_gives_the_same_bits_as_the_whole_panel() {
    // The second is wide enough for blocks of few rows, so that rings wrap.
    for (bars, symbols) in [(150, 9), (200, 150)] {
        let panel = panel("gaps", bars, symbols, 11);
        for &operator in Operator::ALL {
            for parameters in choices(operator.definition()) {
                let (graph, _) = application(operator, parameters);
                let whole = streamed(&graph, &panel, &[bars]);
                for steps in [&[1][..], &[7, 1, 64, 3]] {
                    let name = operator.definition().name;
                    assert!(streamed(&graph, &panel, steps) == whole, "{name} in steps {steps:?}");
                }
            }
        }
    }
}

/// The panel with every number changed in some rows.
fn perturbed(panel: &Panel, rows: std::ops::Range<usize>) -> Panel {
    let fields = panel
        .field_names()
        .map(|name| {
            let mut field = panel.field(name).expect("a field").to_owned();
            for row in rows.clone() {
                // Flags stay flags; numbers become something else entirely.
                let flag = matches!(name, "f" | "g" | "h");
                field.row_mut(row).mapv_inplace(|value| if flag { 1.0 - value } else { 17.0 - 3.0 * value });
            }
            (name.to_owned(), field)
        })
        .collect();
    let groups =
        panel.group_names().map(|name| (name.to_owned(), panel.group(name).expect("a group").clone())).collect();
    Panel::new(panel.calendar().clone(), panel.symbols().to_vec(), fields, groups).expect("the same shape")
}

#[test]
fn no_value_depends_on_a_later_row_nor_on_one_beyond_the_look_back() {
    let (bars, symbols, at) = (140, 6, 90);
    for &operator in Operator::ALL {
        for (seed, shape) in ["noise", "gaps", "storm"].iter().enumerate() {
            let panel = panel(shape, bars, symbols, 50 + seed as u64);
            for parameters in choices(operator.definition()) {
                let (graph, _) = application(operator, parameters);
                let program = compile(&graph, &[]).expect("a typed application");
                let name = operator.definition().name;
                let values = streamed(&graph, &panel, &[bars]);
                let future = streamed(&graph, &perturbed(&panel, at + 1..bars), &[bars]);
                assert!(values[..(at + 1) * symbols] == future[..(at + 1) * symbols], "{name} looks ahead");
                let lookback = program.lookback() as usize;
                if program.warm_up() as usize == lookback && lookback < at {
                    let past = streamed(&graph, &perturbed(&panel, 0..at - lookback), &[bars]);
                    let row = at * symbols..(at + 1) * symbols;
                    assert!(values[row.clone()] == past[row], "{name} remembers more than {lookback} rows on {shape}");
                }
            }
        }
    }
}
