//! A graph as Graphviz DOT.

use std::fmt::Write;

use super::{print_number, said};
use crate::error::GraphError;
use crate::graph::{FactorGraph, Kind, Node, Role, Step};
use crate::operator::{Parameter, Parameters, Syntax};

/// Prints a graph in the language of Graphviz: columns as boxes, values flowing upwards. Inputs whose order matters are
/// numbered, and those of a strategy's positions carry their roles.
///
/// # Errors
/// When the graph has a cycle.
pub fn print_dot(graph: &FactorGraph) -> Result<String, GraphError> {
    let mut out = "digraph factor {\n  rankdir = BT;\n  node [fontname = \"sans-serif\"];\n".to_owned();
    let steps = graph.walk()?;
    for (place, step) in steps.iter().enumerate() {
        let node = graph.node(step.index);
        let shape = match node.kind {
            Kind::Field(..) => "box",
            Kind::Constant(_) => "plaintext",
            Kind::Operator(..) | Kind::Library(..) => "ellipse",
            Kind::Positions => "doubleoctagon",
        };
        let _ = writeln!(out, "  n{place} [label = \"{}\", shape = {shape}];", escaped(&label(node)));
        for (slot, &input) in step.inputs.iter().enumerate().filter(|&(_, &input)| input != Step::EMPTY) {
            let _ = match edge_label(node, step, slot) {
                Some(label) => writeln!(out, "  n{input} -> n{place} [label = \"{label}\"];"),
                None => writeln!(out, "  n{input} -> n{place};"),
            };
        }
    }
    out.push_str("}\n");
    Ok(out)
}

/// What a node computes, below the name that a person gave it.
fn label(node: &Node) -> String {
    let computes = match &node.kind {
        Kind::Field(name, _) => name.to_string(),
        Kind::Constant(value) => print_number(*value),
        Kind::Positions => "positions".to_owned(),
        Kind::Library(factor, parameters) => {
            let definition = factor.definition();
            format!("{}{}", definition.name, listed(definition.parameters, parameters))
        }
        Kind::Operator(operator, parameters) => {
            let definition = operator.definition();
            match definition.syntax {
                Syntax::Infix(symbol, _) if parameters.as_slice().is_empty() => symbol.to_owned(),
                Syntax::Infix(symbol, _) => format!("{symbol} {}", print_number(parameters.real(0))),
                Syntax::Prefix(symbol, _) => symbol.to_owned(),
                Syntax::Function => format!("{}{}", definition.name, listed(definition.parameters, parameters)),
            }
        }
    };
    match &node.name {
        Some(name) => format!("{name}\n{computes}"),
        None => computes,
    }
}

fn listed(definitions: &'static [Parameter], parameters: &Parameters) -> String {
    let words = said(definitions, parameters)
        .map(|(parameter, value)| [parameter.name, " = ", &parameter.text_of(value)].concat());
    words.fold(String::new(), |text, word| text + "\n" + &word)
}

fn edge_label(node: &Node, step: &Step, slot: usize) -> Option<String> {
    match &node.kind {
        Kind::Positions => Role::ALL.get(slot).map(|role| role.name().to_owned()),
        Kind::Operator(operator, _) if step.edges > 1 && !operator.definition().commutative => {
            Some((slot + 1).to_string())
        }
        _ => None,
    }
}

fn escaped(label: &str) -> String {
    label.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
