//! What each operator costs a cell, over noise.

use engine::Plan;
use engine::conformance::{Shape, application, panel};
use factor::{Definition, Operator, ParameterKind, Parameters, compile};
use market::Panel;

use super::{Error, Query};

/// Windows that operators are measured with, in rows.
pub(super) const WINDOWS: [f64; 2] = [20.0, 250.0];

/// Independent numbers, flags and groups of so many bars and symbols, the same ones every time.
pub(super) fn noise(bars: usize, symbols: usize) -> Panel {
    panel(Shape::Noise, bars, symbols, 1)
}

/// An operator with a window or without, ready to run over a panel of [`noise`], and its name.
pub(super) fn queries(operator: Operator, panel: &Panel) -> Result<Vec<(String, Query<'_>)>, Error> {
    let definition = operator.definition();
    parameters(definition)
        .into_iter()
        .map(|(window, parameters)| {
            let (graph, _) = application(operator, parameters);
            let name = match window {
                Some(window) => format!("operator/{}({window})", definition.name),
                None => format!("operator/{}", definition.name),
            };
            let query = Query::of(Plan::new([&compile(&graph, &[])?]), panel)?;
            Ok((name, query))
        })
        .collect()
}

/// Usual parameters, with each of the [`WINDOWS`] where there is one.
fn parameters(definition: &Definition) -> Vec<(Option<f64>, Parameters)> {
    let first_window =
        definition.parameters.iter().position(|parameter| matches!(parameter.kind, ParameterKind::Rows { .. }));
    let with = |window: Option<f64>| {
        let value = |(index, parameter): (usize, &factor::Parameter)| match window {
            Some(window) if first_window == Some(index) => window,
            _ => parameter.default.unwrap_or(parameter.usual.0),
        };
        let values: Vec<f64> = definition.parameters.iter().enumerate().map(value).collect();
        (window, Parameters::new(&values))
    };
    match first_window {
        Some(_) => WINDOWS.into_iter().map(|window| with(Some(window))).collect(),
        None => vec![with(None)],
    }
}
