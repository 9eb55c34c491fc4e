//! Names for the factors of a graph, so that text says what is shared once and nests no deeper than a reader likes.

use std::collections::{BTreeMap, BTreeSet};

use super::print;
use crate::error::GraphError;
use crate::graph::{FactorGraph, Kind, NodeIndex, Role};

/// Levels that an expression of a strategy file, or a line of mathematics, nests at most.
pub(crate) const READABLE_LEVELS: usize = 60;

/// Names that people gave, made unique, and names for factors that are used more than once or lie so deep that the
/// text around them would nest more than `most_levels`.
pub(crate) fn factor_names(graph: &FactorGraph, most_levels: usize) -> BTreeMap<NodeIndex, String> {
    let mut taken: BTreeSet<String> = BTreeSet::new();
    let mut names = BTreeMap::new();
    let deep = deep_factors(graph, most_levels);
    for index in graph.nodes().filter(|&index| index != graph.root()) {
        let base = match &graph.node(index).name {
            Some(name) => name.to_string(),
            None if is_shared(graph, index) => "shared".to_owned(),
            None if deep.contains(&index) => "part".to_owned(),
            None => continue,
        };
        let mut name = base.clone();
        let mut number = 2;
        while !taken.insert(name.clone()) {
            name = format!("{base}_{number}");
            number += 1;
        }
        names.insert(index, name);
    }
    names
}

fn is_shared(graph: &FactorGraph, index: NodeIndex) -> bool {
    matches!(graph.kind(index), Kind::Operator(..) | Kind::Library(..)) && graph.consumers(index).len() > 1
}

/// Factors that need a name so that no expression nests deeper than a reader, or the parser, likes.
fn deep_factors(graph: &FactorGraph, most_levels: usize) -> BTreeSet<NodeIndex> {
    let mut deep = BTreeSet::new();
    let mut levels = vec![0; graph.index_bound()];
    // A graph with a cycle cannot be written as text at all; whoever made it hears of it when it is compiled.
    for index in graph.topological_order().unwrap_or_default() {
        let (inputs, count) = graph.inputs(index);
        let inner = inputs.iter().filter_map(|input| levels.get(input.index())).max().copied().unwrap_or(0);
        let named = graph.node(index).name.is_some() || is_shared(graph, index);
        levels[index.index()] = match (count, inner) {
            _ if named => 0,
            (0, _) => 0,
            _ if inner >= most_levels => {
                deep.insert(index);
                0
            }
            _ => inner + 1,
        };
    }
    deep
}

/// Named factors, each after those it uses.
pub(crate) fn written_order(graph: &FactorGraph, names: &BTreeMap<NodeIndex, String>) -> Vec<NodeIndex> {
    let mut done: BTreeSet<NodeIndex> = BTreeSet::new();
    let mut order = Vec::new();
    for &start in names.keys() {
        let mut open = vec![(start, false)];
        while let Some((index, inputs_done)) = open.pop() {
            if inputs_done {
                if done.insert(index) && names.contains_key(&index) {
                    order.push(index);
                }
            } else if !done.contains(&index) {
                open.push((index, true));
                let (inputs, count) = graph.inputs(index);
                open.extend(inputs[..count].iter().rev().map(|&input| (input, false)));
            }
        }
    }
    order
}

/// Names of factors as [`factor_names`], without those of columns and literals, which are names already.
pub(super) fn formula_names(graph: &FactorGraph, most_levels: usize) -> BTreeMap<NodeIndex, String> {
    let mut names = factor_names(graph, most_levels);
    names.retain(|&index, _| !matches!(graph.kind(index), Kind::Field(..) | Kind::Constant(_)));
    names
}

/// Prints what a graph gives: one expression where nothing is shared or named, which [`parse`](super::parse) reads back;
/// else a line `name = expression` for each factor, inputs before consumers, and what the graph gives last.
///
/// # Errors
/// When the graph has a cycle.
pub fn print_factors(graph: &FactorGraph) -> Result<String, GraphError> {
    /// What the parser reads, less brackets around the outermost.
    const PARSED_LEVELS: usize = 190;
    graph.walk()?;
    let names = formula_names(graph, PARSED_LEVELS);
    let name = |index: NodeIndex| names.get(&index).cloned();
    let mut lines: Vec<String> = written_order(graph, &names)
        .into_iter()
        .map(|index| format!("{} = {}\n", names[&index], print(graph, index, &name)))
        .collect();
    if *graph.kind(graph.root()) == Kind::Positions {
        for role in Role::ALL {
            if let Some(index) = graph.role(role) {
                let text = name(index).unwrap_or_else(|| print(graph, index, &name));
                lines.push(format!("{} = {text}\n", role.name()));
            }
        }
    } else {
        let text = print(graph, graph.root(), &name);
        lines.push(if lines.is_empty() { format!("{text}\n") } else { format!("value = {text}\n") });
    }
    Ok(lines.concat())
}
