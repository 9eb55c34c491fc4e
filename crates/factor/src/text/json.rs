//! A graph as JSON: a list of nodes, inputs before consumers, each with an identifier that later nodes use.
//!
//! ```json
//! {
//!   "format": "evoquant graph",
//!   "version": 1,
//!   "nodes": [
//!     {"id": "close", "column": "close", "type": "price"},
//!     {"id": "n1", "operator": "returns", "inputs": ["close"], "parameters": {"d": 1}},
//!     {"id": "n2", "constant": 0},
//!     {"id": "n3", "operator": "max", "inputs": ["n1", "n2"]}
//!   ],
//!   "value": "n3"
//! }
//! ```
//!
//! A node is one of `column` (with its `type`: `price`, `volume`, `money`, `ratio`, another unit such as `money^-1`,
//! `number` without a known unit, `flag` or `group`), `constant`, `operator` or `library`, the last two with `inputs` in
//! order of arguments and `parameters` by name; options that stand at their default are left out. A node that a person
//! named has a `name`. In place of `value` the graph of a strategy has `positions`, an object that says which nodes are
//! `score`, `entry` and `exit`. What several nodes use stands once: the list is the graph, sharing included.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write;
use std::sync::Arc;

use indexmap::IndexMap;
use serde::Deserialize;

use super::{print_number, said};
use crate::compile::compile;
use crate::error::{GraphError, JsonError};
use crate::graph::{FactorGraph, Kind, MAX_NODES, Node, Role, Slot, Step};
use crate::library::LibraryFactor;
use crate::operator::{MAX_INPUTS, Parameter, ParameterKind, Parameters};
use crate::registry::Operator;
use crate::types::Type;

const FORMAT: &str = "evoquant graph";
const VERSION: u32 = 1;

/// Prints a graph as JSON, one node a line; `evoquant print --help` describes the shape. A constant that is not finite
/// becomes null, which does not read back.
///
/// # Errors
/// When the graph has a cycle.
pub fn print_json(graph: &FactorGraph) -> Result<String, GraphError> {
    let steps = graph.walk()?;
    let ids = identifiers(graph, steps);
    let mut out = format!("{{\n  \"format\": {},\n  \"version\": {VERSION},\n  \"nodes\": [", quoted(FORMAT));
    let positions = steps.len() - usize::from(*graph.kind(graph.root()) == Kind::Positions);
    for (place, step) in steps[..positions].iter().enumerate() {
        out.push_str(if place == 0 { "\n    " } else { ",\n    " });
        write_node(graph.node(step.index), step, &ids, place, &mut out);
    }
    out.push_str("\n  ],\n");
    match steps.get(positions) {
        None => {
            let _ = write!(out, "  \"value\": {}\n}}\n", quoted(&ids[positions - 1]));
        }
        Some(terminal) => {
            let filled = Role::ALL.iter().zip(terminal.inputs).filter(|&(_, input)| input != Step::EMPTY);
            let roles: Vec<String> =
                filled.map(|(role, input)| format!("\"{}\": {}", role.name(), quoted(&ids[input as usize]))).collect();
            let _ = write!(out, "  \"positions\": {{{}}}\n}}\n", roles.join(", "));
        }
    }
    Ok(out)
}

/// An identifier for each step: the name of a column or of a person's factor where it is free, else a number.
fn identifiers(graph: &FactorGraph, steps: &[Step]) -> Vec<String> {
    let mut taken = BTreeSet::new();
    let mut ids = Vec::with_capacity(steps.len());
    for (place, step) in steps.iter().enumerate() {
        let node = graph.node(step.index);
        let wanted = match (&node.name, &node.kind) {
            (Some(name), _) | (None, Kind::Field(name, _)) => name.to_string(),
            _ => format!("n{place}"),
        };
        let mut id = wanted.clone();
        let mut number = 2;
        while !taken.insert(id.clone()) {
            id = format!("{wanted}_{number}");
            number += 1;
        }
        ids.push(id);
    }
    ids
}

fn write_node(node: &Node, step: &Step, ids: &[String], place: usize, out: &mut String) {
    let _ = write!(out, "{{\"id\": {}", quoted(&ids[place]));
    if let Some(name) = &node.name {
        let _ = write!(out, ", \"name\": {}", quoted(name));
    }
    match &node.kind {
        Kind::Field(name, kind) => {
            let _ = write!(out, ", \"column\": {}, \"type\": \"{}\"", quoted(name), kind.word());
        }
        Kind::Constant(value) => {
            let _ = write!(out, ", \"constant\": {}", number(*value));
        }
        Kind::Operator(operator, parameters) => {
            let definition = operator.definition();
            let _ = write!(out, ", \"operator\": {}", quoted(definition.name));
            write_inputs(step, ids, out);
            write_parameters(definition.parameters, parameters, out);
        }
        Kind::Library(factor, parameters) => {
            let definition = factor.definition();
            let _ = write!(out, ", \"library\": {}", quoted(definition.name));
            write_inputs(step, ids, out);
            write_parameters(definition.parameters, parameters, out);
        }
        Kind::Positions => {}
    }
    out.push('}');
}

fn write_inputs(step: &Step, ids: &[String], out: &mut String) {
    let inputs = step.inputs.iter().filter(|&&input| input != Step::EMPTY);
    let inputs: Vec<String> = inputs.map(|&input| quoted(&ids[input as usize])).collect();
    let _ = write!(out, ", \"inputs\": [{}]", inputs.join(", "));
}

fn write_parameters(definitions: &'static [Parameter], parameters: &Parameters, out: &mut String) {
    let words = said(definitions, parameters);
    let text = |parameter: &Parameter, value: f64| parameter.word_of(value).map_or_else(|| number(value), quoted);
    let words: Vec<String> =
        words.map(|(parameter, value)| format!("{}: {}", quoted(parameter.name), text(parameter, value))).collect();
    if !words.is_empty() {
        let _ = write!(out, ", \"parameters\": {{{}}}", words.join(", "));
    }
}

/// A number as JSON writes it, which has no word for what is not finite.
fn number(value: f64) -> String {
    if value.is_finite() { print_number(value) } else { "null".to_owned() }
}

pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    format: String,
    version: u32,
    nodes: Vec<JsonNode>,
    value: Option<String>,
    positions: Option<JsonPositions>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct JsonPositions {
    score: Option<String>,
    entry: Option<String>,
    exit: Option<String>,
    group: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct JsonNode {
    id: String,
    name: Option<String>,
    column: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    constant: Option<f64>,
    operator: Option<String>,
    library: Option<String>,
    #[serde(default)]
    inputs: Vec<String>,
    #[serde(default)]
    parameters: IndexMap<String, serde_json::Value>,
}

/// Reads a graph from JSON as [`print_json`] writes it, and checks it.
///
/// # Errors
/// One message that says which node is wrong and how, or where the text is no JSON.
pub fn parse_json(text: &str) -> Result<FactorGraph, JsonError> {
    let document: Document = serde_json::from_str(text).map_err(|error| JsonError::Text(error.to_string()))?;
    let refuse = |message: String| Err(JsonError::Text(message));
    if document.format != FORMAT || document.version != VERSION {
        let (format, version) = (document.format, document.version);
        return refuse(format!(
            "`format` must be \"{FORMAT}\" and `version` {VERSION}, not \"{format}\" and {version}"
        ));
    }
    if document.nodes.len() >= MAX_NODES {
        return refuse(format!("there are {} nodes; a graph holds fewer than {MAX_NODES}", document.nodes.len()));
    }
    let mut places: HashMap<&str, u16> = HashMap::new();
    let mut nodes = Vec::with_capacity(document.nodes.len() + 1);
    let mut edges: Vec<(u16, u16, Slot)> = Vec::new();
    for (place, node) in document.nodes.iter().enumerate() {
        let wrong = |message: String| JsonError::Node { id: node.id.clone(), message };
        for (slot, input) in node.inputs.iter().enumerate() {
            let Some(&source) = places.get(input.as_str()) else {
                return Err(wrong(format!("its input `{input}` is the id of no node above it")));
            };
            if slot >= MAX_INPUTS {
                return Err(wrong(format!("it has {} inputs; no node has more than {MAX_INPUTS}", node.inputs.len())));
            }
            edges.push((source, place as u16, slot as Slot));
        }
        let kind = node.kind().map_err(wrong)?;
        nodes.push(Arc::new(Node { kind, name: node.name.as_deref().map(Arc::from) }));
        if places.insert(&node.id, place as u16).is_some() {
            return Err(wrong("another node has the same id".to_owned()));
        }
    }
    let find = |id: &String| match places.get(id.as_str()) {
        Some(&place) => Ok(place),
        None => Err(JsonError::Text(format!("`{id}` is the id of no node"))),
    };
    let graph = match (&document.value, &document.positions) {
        (Some(value), None) => {
            let root = find(value)?;
            let mut graph = FactorGraph::assemble(nodes.into_iter(), edges.into_iter());
            graph.set_root(root.into());
            graph
        }
        (None, Some(JsonPositions { score, entry, exit, group })) => {
            let terminal = nodes.len() as u16;
            for (role, id) in Role::ALL.into_iter().zip([score, entry, exit, group]) {
                if let Some(id) = id {
                    edges.push((find(id)?, terminal, role as Slot));
                }
            }
            nodes.push(Arc::new(Node::new(Kind::Positions)));
            FactorGraph::assemble(nodes.into_iter(), edges.into_iter())
        }
        _ => return refuse("either `value` or `positions` says what the graph gives".to_owned()),
    };
    compile(&graph, &[])?;
    let mut graph = graph;
    graph.prune();
    Ok(graph)
}

impl JsonNode {
    fn kind(&self) -> Result<Kind, String> {
        let leaf = self.inputs.is_empty() && self.parameters.is_empty();
        match (&self.column, self.constant, &self.operator, &self.library) {
            (Some(name), None, None, None) if leaf => {
                let word = self.kind.as_deref().ok_or("a column needs a `type`, such as \"price\" or \"number\"")?;
                let kind = Type::from_word(word)
                    .ok_or_else(|| format!("`{word}` is no type of a column; use number, price, volume, money, ratio, flag, group, or a unit such as money^-1"))?;
                Ok(Kind::Field(Arc::from(name.as_str()), kind))
            }
            (None, Some(value), None, None) if leaf => Ok(Kind::Constant(value + 0.0)),
            (None, None, Some(name), None) => {
                let operator = Operator::by_name(name).ok_or_else(|| format!("no operator is called `{name}`"))?;
                Ok(Kind::Operator(operator, self.parameters(operator.definition().parameters)?))
            }
            (None, None, None, Some(name)) => {
                let factor =
                    LibraryFactor::by_name(name).ok_or_else(|| format!("no library factor is called `{name}`"))?;
                Ok(Kind::Library(factor, self.parameters(factor.definition().parameters)?))
            }
            (Some(_), None, None, None) | (None, Some(_), None, None) => {
                Err("columns and constants have no inputs and no parameters".to_owned())
            }
            _ => Err("it must be exactly one of `column`, `constant`, `operator` and `library`".to_owned()),
        }
    }

    fn parameters(&self, definitions: &[Parameter]) -> Result<Parameters, String> {
        if let Some(unknown) = self.parameters.keys().find(|name| !definitions.iter().any(|p| p.name == **name)) {
            let known: Vec<&str> = definitions.iter().map(|parameter| parameter.name).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            return Err(format!("it has no parameter `{unknown}`; it has {known}"));
        }
        let mut parameters = Parameters::NONE;
        for parameter in definitions {
            let value = match (self.parameters.get(parameter.name), parameter.default) {
                (Some(value), _) => read_value(parameter, value)?,
                (None, Some(default)) => default,
                (None, None) => return Err(format!("it needs the parameter `{}`", parameter.name)),
            };
            parameter.check(value)?;
            parameters.push(value);
        }
        Ok(parameters)
    }
}

fn read_value(parameter: &Parameter, value: &serde_json::Value) -> Result<f64, String> {
    let name = parameter.name;
    match parameter.kind {
        ParameterKind::Choice { words } => value
            .as_str()
            .and_then(|word| parameter.value_of(word))
            .ok_or_else(|| format!("`{name}` must be one of {}, not {value}", words.join(", "))),
        _ => value.as_f64().ok_or_else(|| format!("`{name}` must be a number, not {value}")),
    }
}
