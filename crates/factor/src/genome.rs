//! A strategy as plain data, for checkpoints and exchange: names instead of indices, nodes in one fixed order.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::error::{GraphError, StrategyError};
use crate::graph::{FactorGraph, Kind, Node, Step};
use crate::library::LibraryFactor;
use crate::operator::{MAX_INPUTS, MAX_PARAMETERS, Parameters};
use crate::registry::Operator;
use crate::strategy::{Exits, Positions, Strategy};
use crate::types::Type;

/// What a node of a genome computes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Gene {
    /// A column, with its type.
    Field(String, Type),
    /// A literal number.
    Constant(f64),
    /// An operator and its parameters.
    Operator(String, Vec<f64>),
    /// A library factor and its parameters.
    Library(String, Vec<f64>),
    /// The terminal node; always the last.
    Positions,
}

/// A node of a genome.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GenomeNode {
    /// What it computes.
    pub gene: Gene,
    /// Name in the strategy file.
    pub name: Option<String>,
    /// Slot and earlier node of each input.
    pub inputs: Vec<(u8, u16)>,
}

/// A strategy as plain data. Nodes stand inputs first, in the order in which a walk from the terminal node, slot by
/// slot, completes them: equal strategies have equal genomes whatever their history of changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Genome {
    /// Name of the strategy.
    pub name: String,
    /// Its description.
    pub description: Option<String>,
    /// The graph.
    pub nodes: Vec<GenomeNode>,
    /// What is done with the factors.
    pub positions: Positions,
    /// Exits that need an entry.
    pub exits: Exits,
}

impl From<&Strategy> for Genome {
    fn from(strategy: &Strategy) -> Self {
        let graph = &strategy.graph;
        // A graph with a cycle has no genome that could be read back; whoever made it hears of it when it is compiled.
        let nodes = graph.walk().unwrap_or_default().iter().map(|step| node(graph, step)).collect();
        Self {
            name: strategy.name.clone(),
            description: strategy.description.clone(),
            nodes,
            positions: strategy.positions,
            exits: strategy.exits,
        }
    }
}

fn node(graph: &FactorGraph, step: &Step) -> GenomeNode {
    let inputs = (0..).zip(step.inputs).filter(|&(_, input)| input != Step::EMPTY).collect();
    let gene = match graph.kind(step.index) {
        Kind::Field(name, kind) => Gene::Field(name.to_string(), *kind),
        Kind::Constant(value) => Gene::Constant(*value),
        Kind::Operator(operator, p) => Gene::Operator(operator.definition().name.to_owned(), p.as_slice().to_vec()),
        Kind::Library(factor, p) => Gene::Library(factor.definition().name.to_owned(), p.as_slice().to_vec()),
        Kind::Positions => Gene::Positions,
    };
    GenomeNode { gene, name: graph.node(step.index).name.as_deref().map(str::to_owned), inputs }
}

impl Genome {
    /// Rebuilds the strategy, its nodes numbered as in the genome, and checks it.
    ///
    /// # Errors
    /// When the data describe no valid strategy: it may come from a damaged file.
    pub fn strategy(&self) -> Result<Strategy, StrategyError> {
        let bad = |message: String| StrategyError::Value(format!("not a genome: {message}"));
        if self.nodes.last().is_none_or(|node| node.gene != Gene::Positions) || self.nodes.len() > crate::MAX_NODES {
            return Err(bad("the last node must be the positions".to_owned()));
        }
        let mut nodes = Vec::with_capacity(self.nodes.len());
        let mut edges = Vec::with_capacity(2 * self.nodes.len());
        for (place, node) in self.nodes.iter().enumerate() {
            let kind = kind(&node.gene).map_err(bad)?;
            if kind == Kind::Positions && place + 1 != self.nodes.len() {
                return Err(bad("positions must stand last".to_owned()));
            }
            let mut taken = [false; MAX_INPUTS];
            for &(slot, input) in &node.inputs {
                let free = taken.get_mut(slot as usize).is_some_and(|taken| !std::mem::replace(taken, true));
                if !free || input as usize >= place {
                    return Err(bad(format!(
                        "an input of node {place} has no slot of its own or does not stand before it"
                    )));
                }
                edges.push((input, place as u16, slot));
            }
            nodes.push(Arc::new(Node { kind, name: node.name.as_deref().map(Arc::from) }));
        }
        let graph = FactorGraph::assemble(nodes.into_iter(), edges.into_iter());
        let strategy = Strategy {
            name: self.name.clone(),
            description: self.description.clone(),
            graph,
            positions: self.positions,
            exits: self.exits,
        };
        strategy.check()?;
        strategy.compile().map_err(|error: GraphError| StrategyError::Graph(error))?;
        Ok(strategy)
    }
}

fn kind(gene: &Gene) -> Result<Kind, String> {
    let parameters = |values: &[f64]| {
        if values.len() > MAX_PARAMETERS { Err("too many parameters".to_owned()) } else { Ok(Parameters::new(values)) }
    };
    Ok(match gene {
        Gene::Field(name, kind) => Kind::Field(Arc::from(name.as_str()), *kind),
        Gene::Constant(value) => Kind::Constant(*value),
        Gene::Operator(name, values) => {
            let operator = Operator::by_name(name).ok_or_else(|| format!("no operator `{name}`"))?;
            let mut parameters = parameters(values)?;
            // What was written before an option was there has it at its default.
            for parameter in operator.definition().parameters.iter().skip(values.len()).filter(|p| p.option) {
                parameters.push(parameter.default.unwrap_or(parameter.usual.0));
            }
            Kind::Operator(operator, parameters)
        }
        Gene::Library(name, values) => {
            let factor = LibraryFactor::by_name(name).ok_or_else(|| format!("no library factor `{name}`"))?;
            let parameters = parameters(values)?;
            if parameters.as_slice().len() != factor.definition().parameters.len() {
                return Err(format!("`{name}` has the wrong number of parameters"));
            }
            Kind::Library(factor, parameters)
        }
        Gene::Positions => Kind::Positions,
    })
}
