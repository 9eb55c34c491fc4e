//! A graph in the one order that follows from its structure.

use petgraph::visit::{EdgeRef, IntoEdgeReferences};

use super::{FactorGraph, NodeIndex};
use crate::error::GraphError;
use crate::operator::MAX_INPUTS;

/// One node of a [`FactorGraph::walk`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Step {
    /// The node.
    pub(crate) index: NodeIndex,
    /// Places of its inputs in the walk, by slot; [`Step::EMPTY`] where there is none.
    pub(crate) inputs: [u16; MAX_INPUTS],
    /// Edges into it. More than it has slots are possible, and a fault that compiling names.
    pub(crate) edges: u16,
}

impl Step {
    /// The place of no input.
    pub(crate) const EMPTY: u16 = u16::MAX;
}

/// What a walk knows of a node.
#[derive(Clone, Copy)]
struct Visit {
    /// Inputs by slot; `NodeIndex::end()` where there is none.
    inputs: [NodeIndex; MAX_INPUTS],
    /// One more than the last slot in use.
    slots: u16,
    edges: u16,
    /// Place in the walk; [`UNSEEN`] and [`ENTERED`] before it has one.
    place: u16,
}

const UNSEEN: u16 = u16::MAX;
const ENTERED: u16 = u16::MAX - 1;

impl FactorGraph {
    /// The part that feeds the root: inputs before consumers, the root last. The order is that in which a walk from the
    /// root, slot by slot, leaves the nodes, whatever their numbers. It is worked out once: a strategy is compiled, and
    /// then varied again and again.
    ///
    /// # Errors
    /// When that part has a cycle.
    pub(crate) fn walk(&self) -> Result<&[Step], GraphError> {
        let known = &self.skeleton.walk;
        if let Some(steps) = known.get() {
            return Ok(steps);
        }
        let steps = self.steps()?;
        Ok(known.get_or_init(|| steps))
    }

    fn steps(&self) -> Result<Vec<Step>, GraphError> {
        let mut visits = self.visits();
        let mut steps = Vec::with_capacity(self.len());
        // Nodes on the way from the root to this one, each with the slot to look at next.
        let mut outer: Vec<(NodeIndex, u16)> = Vec::with_capacity(self.len());
        let (mut index, mut slot) = (self.root(), 0);
        visits[index.index()].place = ENTERED;
        loop {
            let visit = &visits[index.index()];
            if slot < visit.slots {
                let input = visit.inputs[slot as usize];
                slot += 1;
                // Empty slots lie outside the table.
                match visits.get(input.index()).map(|visit| visit.place) {
                    Some(UNSEEN) => {
                        outer.push((index, slot));
                        (index, slot) = (input, 0);
                        visits[index.index()].place = ENTERED;
                    }
                    Some(ENTERED) => return Err(GraphError::Cycle { node: self.describe(input) }),
                    _ => {}
                }
            } else {
                let place_of = |input: NodeIndex| visits.get(input.index()).map_or(Step::EMPTY, |visit| visit.place);
                steps.push(Step { index, inputs: visit.inputs.map(place_of), edges: visit.edges });
                visits[index.index()].place = (steps.len() - 1) as u16;
                match outer.pop() {
                    Some(consumer) => (index, slot) = consumer,
                    None => return Ok(steps),
                }
            }
        }
    }

    /// Every node before the walk, by index. One pass over all edges costs less than a look at each node's.
    fn visits(&self) -> Vec<Visit> {
        let blank = Visit { inputs: [NodeIndex::end(); MAX_INPUTS], slots: 0, edges: 0, place: UNSEEN };
        let mut visits = vec![blank; self.index_bound()];
        for edge in self.skeleton.nodes.edge_references() {
            let (visit, slot) = (&mut visits[edge.target().index()], *edge.weight());
            if let Some(input) = visit.inputs.get_mut(slot as usize) {
                *input = edge.source();
                visit.slots = visit.slots.max(u16::from(slot) + 1);
            }
            visit.edges += 1;
        }
        visits
    }
}

/// Equal where everything that feeds the root is the same, node by node, in kind, name and sharing, however the nodes are
/// numbered. A graph with a cycle equals none.
impl PartialEq for FactorGraph {
    fn eq(&self, other: &Self) -> bool {
        let (Ok(own), Ok(others)) = (self.walk(), other.walk()) else { return false };
        let equal = |own: &Step, other_step: &Step| {
            (own.inputs, own.edges) == (other_step.inputs, other_step.edges)
                && self.node(own.index) == other.node(other_step.index)
        };
        own.len() == others.len() && own.iter().zip(others).all(|(own, other)| equal(own, other))
    }
}
