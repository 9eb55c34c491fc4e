//! An operator over columns, with parameters worth trying.

use std::sync::Arc;

use factor::{Definition, FactorGraph, Kind, NodeIndex, Operator, Parameter, ParameterKind, Parameters, Port, Type};

use super::panels::{FLAGS, GROUPS, NUMBERS};

/// The operator over columns of a [`panel`](super::panel), and the columns' names.
///
/// # Panics
/// When the parameters are not the operator's.
pub fn application(operator: Operator, parameters: Parameters) -> (FactorGraph, Vec<&'static str>) {
    let mut graph = FactorGraph::new(Kind::Positions);
    let mut names = Vec::new();
    let inputs: Vec<NodeIndex> = operator
        .definition()
        .inputs
        .iter()
        .enumerate()
        .map(|(slot, port)| {
            let (name, kind) = match port {
                Port::Flag => (FLAGS[slot], Type::Flag),
                Port::Group => (GROUPS[slot], Type::Group),
                Port::U | Port::V | Port::Ratio => (NUMBERS[slot], Type::Plain),
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
pub(super) fn choices(definition: &Definition) -> Vec<Parameters> {
    let is_window = |parameter: &Parameter| matches!(parameter.kind, ParameterKind::Rows { .. });
    let windowed = definition.parameters.iter().any(is_window);
    let windows: &[f64] = if windowed { &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 20.0, 64.0, 300.0] } else { &[0.0] };
    // Full, content with a single row, with most of them, and full by another way.
    let least = |window: f64, fullness: usize| [0.0, 1.0, (0.7 * window).ceil(), window][fullness];
    let variants: &[(i32, usize)] = if definition.parameters.iter().any(|parameter| parameter.name == "min_periods") {
        &[(0, 0), (1, 0), (2, 0), (3, 0), (0, 1), (1, 2), (2, 3), (3, 1)]
    } else {
        &[(0, 0), (1, 0), (2, 0), (3, 0)]
    };
    let mut all: Vec<Parameters> = Vec::new();
    for &window in windows {
        for &(variant, fullness) in variants {
            let value = |(index, parameter): (usize, &Parameter)| match parameter.kind {
                ParameterKind::Rows { .. } => window,
                _ if parameter.name == "min_periods" => least(window, fullness),
                ParameterKind::Whole { least, most } => f64::from((least + variant).min(most)),
                ParameterKind::Choice { words } => f64::from(variant % words.len() as i32),
                ParameterKind::Real { .. } if index == 0 => [parameter.usual.0, 0.7, 2.0, 0.05][variant as usize],
                ParameterKind::Real { .. } => [parameter.usual.1, 2.0, 0.3, 0.0][variant as usize],
            };
            let values: Vec<f64> = definition.parameters.iter().enumerate().map(value).collect();
            let parameters = Parameters::new(&values);
            if definition.check(&parameters).is_ok() && !all.contains(&parameters) {
                all.push(parameters);
            }
        }
    }
    assert!(!all.is_empty(), "{} has no parameters to try", definition.name);
    all
}
