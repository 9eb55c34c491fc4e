//! Graph to expression text, with no more brackets than the parser needs.

use std::fmt::Write;

use crate::graph::{FactorGraph, Kind, NodeIndex};
use crate::operator::{Parameter, Parameters, Syntax};

/// Precedence of a prefix minus; negative literals read like one.
const NEGATIVE: u8 = 7;
/// Binds tighter than anything.
const ATOM: u8 = u8::MAX;

/// Prints the factor at `index`. Nodes for which `name` gives a word are printed as that word, so that shared or
/// named factors can be referred to.
pub fn print(graph: &FactorGraph, index: NodeIndex, name: &dyn Fn(NodeIndex) -> Option<String>) -> String {
    let mut out = String::new();
    write_node(graph, index, name, 0, &mut out);
    out
}

/// A literal as expression text: the shortest that reads back as the same number.
pub fn print_number(value: f64) -> String {
    let magnitude = value.abs();
    if magnitude != 0.0 && !(1e-5..1e16).contains(&magnitude) { format!("{value:e}") } else { format!("{value}") }
}

fn write_node(
    graph: &FactorGraph,
    index: NodeIndex,
    name: &dyn Fn(NodeIndex) -> Option<String>,
    floor: u8,
    out: &mut String,
) {
    let (inputs, count) = graph.inputs(index);
    let inputs = &inputs[..count];
    // The root of a printed factor is written out even if it has a name; its inputs may be named.
    let write_input = |input: NodeIndex, floor: u8, out: &mut String| match name(input) {
        Some(word) => out.push_str(&word),
        None => write_node(graph, input, name, floor, out),
    };
    let precedence = precedence(graph, index, inputs);
    let bracketed = precedence <= floor;
    if bracketed {
        out.push('(');
    }
    match graph.kind(index) {
        Kind::Field(field, _) => out.push_str(field),
        Kind::Constant(value) => out.push_str(&print_number(*value)),
        Kind::Positions => out.push_str("positions"),
        Kind::Operator(operator, parameters) => {
            let definition = operator.definition();
            match (definition.syntax, inputs) {
                (Syntax::Infix(symbol, tight), &[left, right]) => {
                    write_input(left, tight - 1, out);
                    let _ = write!(out, " {symbol} ");
                    write_input(right, tight, out);
                }
                (Syntax::Infix(symbol, tight), &[base]) => {
                    // A power of a power takes brackets: `x^-2^2` would read as `x` to the power `-(2^2)`.
                    write_input(base, tight, out);
                    let _ = write!(out, "{symbol}{}", print_number(parameters.real(0)));
                }
                (Syntax::Prefix(symbol, tight), &[operand]) if precedence != ATOM => {
                    out.push_str(symbol);
                    if symbol == "not" {
                        out.push(' ');
                    }
                    write_input(operand, tight - 1, out);
                }
                _ => {
                    out.push_str(definition.name);
                    out.push('(');
                    for (position, &input) in inputs.iter().enumerate() {
                        separate(position, out);
                        write_input(input, 0, out);
                    }
                    write_parameters(definition.parameters, parameters, inputs.len(), out);
                    out.push(')');
                }
            }
        }
        Kind::Library(factor, parameters) => {
            let definition = factor.definition();
            out.push_str(definition.name);
            out.push('(');
            let input = inputs[0];
            let implied = matches!(graph.kind(input), Kind::Field(field, _) if **field == *definition.input);
            match graph.kind(input) {
                // A bare number in the first place would read as a parameter, so it is written as an operation.
                Kind::Constant(value) if name(input).is_none() => {
                    let _ = write!(out, "neg({})", print_number(-value));
                }
                _ if implied => {}
                _ => write_input(input, 0, out),
            }
            for (position, &value) in parameters.as_slice().iter().enumerate() {
                separate(position + usize::from(!implied), out);
                out.push_str(&print_number(value));
            }
            out.push(')');
        }
    }
    if bracketed {
        out.push(')');
    }
}

fn separate(position: usize, out: &mut String) {
    if position > 0 {
        out.push_str(", ");
    }
}

/// How tight the printed form of a node binds.
fn precedence(graph: &FactorGraph, index: NodeIndex, inputs: &[NodeIndex]) -> u8 {
    match graph.kind(index) {
        Kind::Constant(value) if value.is_sign_negative() => NEGATIVE,
        Kind::Operator(operator, _) => match operator.definition().syntax {
            // `-3` would read back as the literal, not as the operator on a literal.
            Syntax::Prefix("-", _) if matches!(graph.kind(inputs[0]), Kind::Constant(_)) => ATOM,
            Syntax::Infix(_, tight) | Syntax::Prefix(_, tight) => tight,
            Syntax::Function => ATOM,
        },
        _ => ATOM,
    }
}

/// Parameters after the inputs: positional ones up to the last that differs from its default, then options.
fn write_parameters(definitions: &[Parameter], parameters: &Parameters, mut position: usize, out: &mut String) {
    let values = parameters.as_slice();
    let differs = |i: usize| definitions[i].default != Some(values[i]);
    let positional: Vec<usize> = (0..definitions.len()).filter(|&i| !definitions[i].option).collect();
    let shown = positional.iter().rposition(|&i| differs(i)).map_or(0, |last| last + 1);
    for &i in &positional[..shown] {
        separate(position, out);
        out.push_str(&print_number(values[i]));
        position += 1;
    }
    for i in (0..definitions.len()).filter(|&i| definitions[i].option && differs(i)) {
        separate(position, out);
        let _ = write!(out, "{}={}", definitions[i].name, definitions[i].text_of(values[i]));
        position += 1;
    }
}
