//! Expression text both ways: `cs_rank(ts_mean(returns(close, 1), 20))` parses to a graph and prints back.

mod dot;
pub(crate) mod grammar;
mod json;
mod latex;
mod lexer;
mod lower;
mod names;
pub(crate) mod parser;
mod polars;
mod printer;

pub use dot::print_dot;
pub use json::{parse_json, print_json};
pub use latex::print_latex;
pub(crate) use lower::{Lowered, LoweredKind, lower_template};
pub use names::print_factors;
pub(crate) use names::{READABLE_LEVELS, factor_names, written_order};
pub(crate) use polars::polars_refusal;
pub use polars::print_polars;
pub use printer::{print, print_number};

use std::collections::HashMap;

use crate::error::ParseError;
use crate::graph::{FactorGraph, Kind, MAX_NODES, NodeIndex};
use crate::operator::{Parameter, Parameters};
use crate::schema::Schema;
use crate::types::Type;

/// Factors that an expression may name besides columns: those defined above it in a strategy file.
pub type NamedFactors = HashMap<String, (NodeIndex, Type)>;

/// The parameters that a printed node says, with their values: all but options that stand at their default.
fn said<'a>(
    definitions: &'static [Parameter],
    parameters: &'a Parameters,
) -> impl Iterator<Item = (&'static Parameter, f64)> + 'a {
    let all = definitions.iter().zip(parameters.as_slice().iter().copied());
    all.filter(|(parameter, value)| !parameter.option || parameter.default != Some(*value))
}

/// Reads an expression as a graph whose root is its value.
///
/// # Errors
/// A message with the column, a caret, and the nearest name where one is unknown.
pub fn parse(text: &str, schema: &Schema) -> Result<FactorGraph, ParseError> {
    let mut graph = FactorGraph::new(Kind::Positions);
    let terminal = graph.root();
    let (root, _) = parse_into(&mut graph, text, schema, &NamedFactors::new())?;
    graph.set_root(root);
    debug_assert_ne!(root, terminal);
    graph.prune();
    Ok(graph)
}

/// Reads an expression into an existing graph and returns the node of its value and its type.
///
/// # Errors
/// As [`parse`].
pub fn parse_into(
    graph: &mut FactorGraph,
    text: &str,
    schema: &Schema,
    named: &NamedFactors,
) -> Result<(NodeIndex, Type), ParseError> {
    let tree = parser::parse(text, grammar::Grammar::own())?;
    tree_into(graph, &tree, text, schema, named)
}

/// Adds what a syntax tree of our own vocabulary says to a graph. `text` is what it was read from: errors show it.
pub(crate) fn tree_into(
    graph: &mut FactorGraph,
    tree: &parser::Ast,
    text: &str,
    schema: &Schema,
    named: &NamedFactors,
) -> Result<(NodeIndex, Type), ParseError> {
    let lowered = lower::lower(tree, text, schema, named)?;
    if graph.len() + lowered.len() > MAX_NODES {
        let message = format!("with this expression there would be more than {MAX_NODES} nodes");
        return Err(ParseError { message, offset: 0, text: text.to_owned() });
    }
    let mut indices: Vec<NodeIndex> = Vec::with_capacity(lowered.len());
    for node in &lowered {
        let inputs: Vec<NodeIndex> = node.inputs().iter().map(|&i| indices[i as usize]).collect();
        let kind = match &node.kind {
            LoweredKind::Named(index) => {
                indices.push(*index);
                continue;
            }
            LoweredKind::Field(name, kind) => Kind::Field(name.clone(), *kind),
            LoweredKind::Constant(value) => Kind::Constant(*value),
            LoweredKind::Operator(operator, parameters, _) => Kind::Operator(*operator, *parameters),
            LoweredKind::Library(factor, parameters) => Kind::Library(*factor, *parameters),
            LoweredKind::Input | LoweredKind::Parameter(_) => {
                unreachable!("inputs and parameters stand in templates alone")
            }
        };
        indices.push(graph.add_with_inputs(kind, &inputs));
    }
    match (indices.last(), lowered.last()) {
        (Some(&index), Some(last)) => Ok((index, last.output)),
        _ => Err(ParseError { message: "the expression is empty".to_owned(), offset: 0, text: text.to_owned() }),
    }
}
