//! A graph for printing: library factors written out, equal nodes merged, constants folded, inputs before consumers.

use std::collections::HashMap;
use std::sync::Arc;

use crate::error::GraphError;
use crate::graph::{FactorGraph, Kind};
use crate::operator::{MAX_INPUTS, MAX_PARAMETERS, Output, Parameters, Reference};
use crate::registry::Operator;
use crate::text::LoweredKind;

/// Most nodes that are printed.
const MAX_NODES: usize = 8192;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum FlatKind {
    Field(Arc<str>),
    Constant(f64),
    Operator(Operator, Parameters),
}

#[derive(Debug, Clone)]
pub(super) struct FlatNode {
    pub(super) kind: FlatKind,
    pub(super) inputs: Vec<u16>,
    pub(super) is_flag: bool,
    pub(super) name: Option<Arc<str>>,
}

/// What makes two nodes one.
#[derive(PartialEq, Eq, Hash)]
enum Key {
    Field(Arc<str>),
    Constant(u64),
    Operator(Operator, [u64; MAX_PARAMETERS], [u16; MAX_INPUTS]),
}

/// The nodes of a graph, inputs before consumers, the value last.
#[derive(Default)]
pub(super) struct Flat {
    pub(super) nodes: Vec<FlatNode>,
    known: HashMap<Key, u16>,
}

impl Flat {
    /// The nodes that feed the root of a graph that compiles.
    ///
    /// # Errors
    /// When the graph has a cycle, or is too large when written out.
    pub(super) fn of(graph: &FactorGraph) -> Result<(Flat, u16), GraphError> {
        let mut flat = Flat::default();
        let mut places: Vec<u16> = Vec::new();
        for step in graph.walk()? {
            let inputs: Vec<u16> =
                step.inputs.iter().take(step.edges as usize).map(|&input| places[input as usize]).collect();
            let place = match graph.kind(step.index) {
                Kind::Field(name, _) => flat.field(name),
                Kind::Constant(value) => flat.constant(*value),
                Kind::Operator(operator, parameters) => flat.operator(*operator, *parameters, inputs),
                Kind::Library(factor, parameters) => {
                    let mut expansion: Vec<u16> = Vec::new();
                    for node in factor.template() {
                        let inner = node.inputs().iter().map(|&input| expansion[input as usize]).collect();
                        expansion.push(match &node.kind {
                            LoweredKind::Input => inputs[0],
                            LoweredKind::Parameter(index) => flat.constant(parameters.real(*index as usize)),
                            LoweredKind::Field(name, _) => flat.field(name),
                            LoweredKind::Constant(value) => flat.constant(*value),
                            LoweredKind::Operator(operator, literals, bound) => {
                                let mut own = *literals;
                                for (value, source) in own.as_mut_slice().iter_mut().zip(bound) {
                                    if let Some(source) = source {
                                        *value = parameters.real(*source as usize);
                                    }
                                }
                                flat.operator(*operator, own, inner)
                            }
                            LoweredKind::Named(_) | LoweredKind::Library(..) => {
                                unreachable!("templates hold operators alone")
                            }
                        });
                    }
                    expansion[expansion.len() - 1]
                }
                // The caller prints what feeds the terminal node, never the node itself.
                Kind::Positions => u16::MAX,
            };
            if let (Some(name), Some(node)) = (&graph.node(step.index).name, flat.nodes.get_mut(place as usize)) {
                node.name.get_or_insert_with(|| Arc::clone(name));
            }
            if flat.nodes.len() > MAX_NODES {
                return Err(GraphError::TooLarge { found: flat.nodes.len(), most: MAX_NODES });
            }
            places.push(place);
        }
        let root = places[places.len() - 1];
        Ok((flat, root))
    }

    fn field(&mut self, name: &Arc<str>) -> u16 {
        self.add(Key::Field(Arc::clone(name)), FlatKind::Field(Arc::clone(name)), Vec::new(), false)
    }

    fn constant(&mut self, value: f64) -> u16 {
        let value = if value.is_nan() { f64::NAN } else { value + 0.0 };
        self.add(Key::Constant(value.to_bits()), FlatKind::Constant(value), Vec::new(), false)
    }

    fn operator(&mut self, operator: Operator, parameters: Parameters, inputs: Vec<u16>) -> u16 {
        let is_flag = operator.definition().output == Output::Flag;
        if let (Reference::Cell(value), false) = (operator.definition().reference, is_flag) {
            let literal = |&place: &u16| match self.nodes[place as usize].kind {
                FlatKind::Constant(value) => Some(value),
                _ => None,
            };
            if let Some(literals) = inputs.iter().map(literal).collect::<Option<Vec<f64>>>() {
                let folded = value(&literals, &parameters);
                return self.constant(if folded.is_finite() { folded } else { f64::NAN });
            }
        }
        let mut slots = [u16::MAX; MAX_INPUTS];
        slots[..inputs.len()].copy_from_slice(&inputs);
        let mut literals = [0; MAX_PARAMETERS];
        for (bits, value) in literals.iter_mut().zip(parameters.as_slice()) {
            *bits = value.to_bits();
        }
        let key = Key::Operator(operator, literals, slots);
        self.add(key, FlatKind::Operator(operator, parameters), inputs, is_flag)
    }

    fn add(&mut self, key: Key, kind: FlatKind, inputs: Vec<u16>, is_flag: bool) -> u16 {
        let next = self.nodes.len() as u16;
        let place = *self.known.entry(key).or_insert(next);
        if place == next {
            self.nodes.push(FlatNode { kind, inputs, is_flag, name: None });
        }
        place
    }
}
