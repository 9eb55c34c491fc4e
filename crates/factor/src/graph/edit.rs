//! Changing a copy of a graph.

use std::sync::Arc;

use petgraph::Direction;
use petgraph::visit::EdgeRef;

use super::{FactorGraph, Node, NodeIndex, Nodes, Slot};

/// A copy of a graph that is about to become a child. Nodes are shared with the parent, which stays as it is.
#[derive(Debug)]
pub(crate) struct Edit {
    graph: Nodes,
    root: NodeIndex,
    /// Nodes that lost a consumer, and may have lost their last.
    loose: Vec<NodeIndex>,
}

impl Edit {
    /// A copy of `parent` with room for some more nodes.
    pub(crate) fn new(parent: &FactorGraph, more: usize) -> Self {
        let known = &parent.skeleton.nodes;
        let mut graph = Nodes::with_capacity(known.node_count() + more, known.edge_count() + 2 * more);
        graph.clone_from(known);
        Self { graph, root: parent.root(), loose: Vec::new() }
    }

    /// Adds a node fed by these inputs.
    pub(crate) fn add(
        &mut self,
        node: Arc<Node>,
        inputs: impl Iterator<Item = (Slot, Option<NodeIndex>)>,
    ) -> NodeIndex {
        let index = self.graph.add_node(node);
        for (slot, input) in inputs {
            if let Some(input) = input {
                self.graph.add_edge(input, index, slot);
            }
        }
        index
    }

    /// Makes another node the root.
    pub(crate) fn set_root(&mut self, root: NodeIndex) {
        self.loose.push(std::mem::replace(&mut self.root, root));
    }

    /// Replaces what a node is, keeping its edges.
    pub(crate) fn replace(&mut self, index: NodeIndex, node: Arc<Node>) {
        self.graph[index] = node;
    }

    /// Feeds a slot from `input`, or from nothing.
    pub(crate) fn feed(&mut self, consumer: NodeIndex, slot: Slot, input: Option<NodeIndex>) {
        let edge = self.graph.edges_directed(consumer, Direction::Incoming).find(|edge| *edge.weight() == slot);
        if let Some((edge, source)) = edge.map(|edge| (edge.id(), edge.source())) {
            if Some(source) == input {
                return;
            }
            self.graph.remove_edge(edge);
            self.loose.push(source);
        }
        if let Some(input) = input {
            self.graph.add_edge(input, consumer, slot);
        }
    }

    /// The changed graph, without the nodes that the changes left unused.
    pub(crate) fn finish(mut self) -> FactorGraph {
        while let Some(index) = self.loose.pop() {
            let unused = self.graph.neighbors_directed(index, Direction::Outgoing).next().is_none();
            if unused && index != self.root {
                self.loose.extend(self.graph.neighbors_directed(index, Direction::Incoming));
                self.graph.remove_node(index);
            }
        }
        FactorGraph::from_nodes(self.graph, self.root)
    }
}
