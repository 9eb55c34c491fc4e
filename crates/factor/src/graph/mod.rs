//! The factor graph: a petgraph DAG of typed nodes, shared copy-on-write between parents and children.

mod edit;
mod walk;

use std::sync::{Arc, OnceLock};

use petgraph::Direction;
use petgraph::stable_graph::StableDiGraph;
use petgraph::visit::EdgeRef;

pub(crate) use self::edit::Edit;
pub(crate) use self::walk::Step;
use crate::error::GraphError;
use crate::library::LibraryFactor;
use crate::operator::{MAX_INPUTS, Parameters};
use crate::registry::Operator;
use crate::types::Type;

/// Index of a node in its graph; stays valid while other nodes come and go.
pub type NodeIndex = petgraph::stable_graph::NodeIndex<u16>;

/// Most nodes a graph may hold: node indices are 16 bits wide, and no person reads a larger strategy.
pub const MAX_NODES: usize = 4096;

/// Which operand of its consumer an edge feeds, counted from 0. For the terminal node see [`Role`].
pub type Slot = u8;

/// What the terminal node does with an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Role {
    /// A number of any unit: which symbols to prefer.
    Score = 0,
    /// A flag: which symbols may be bought. Unknown means no.
    Entry = 1,
    /// A flag: which holdings must be sold. Unknown means no.
    Exit = 2,
    /// A group: what the book may hold only so much of, for instance a sector.
    Group = 3,
}

impl Role {
    /// All roles, in slot order.
    pub const ALL: [Role; 4] = [Role::Score, Role::Entry, Role::Exit, Role::Group];

    /// The roles that variation fills, empties and exchanges. Limits are a person's, and stay as they are.
    pub(crate) const VARIED: [Role; 3] = [Role::Score, Role::Entry, Role::Exit];

    /// The key in strategy files.
    pub fn name(self) -> &'static str {
        match self {
            Role::Score => "score",
            Role::Entry => "entry",
            Role::Exit => "exit",
            Role::Group => "group",
        }
    }
}

/// What a node computes.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// A column of the panel.
    Field(Arc<str>, Type),
    /// A literal number.
    Constant(f64),
    /// An operator with its literal parameters.
    Operator(Operator, Parameters),
    /// A library factor with its parameters; it expands into operators when compiled.
    Library(LibraryFactor, Parameters),
    /// The terminal node: inputs by [`Role`].
    Positions,
}

/// A node: what it computes, and the name a person gave it. Names are no part of a graph's identity.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// What it computes.
    pub kind: Kind,
    /// Name in the strategy file, if it has one.
    pub name: Option<Arc<str>>,
}

impl Node {
    /// A node without a name.
    pub fn new(kind: Kind) -> Self {
        Self { kind, name: None }
    }
}

/// Inputs of one node, in slot order.
pub type Inputs = ([NodeIndex; MAX_INPUTS], usize);

/// A directed acyclic graph of factors with one root: the terminal [`Kind::Positions`] of a strategy, or the value
/// of a bare expression.
///
/// Cloning copies one pointer. The first change to a clone copies the skeleton (indices and edges), while the
/// nodes themselves stay shared: a parent is never touched.
#[derive(Debug, Clone)]
pub struct FactorGraph {
    skeleton: Arc<Skeleton>,
}

type Nodes = StableDiGraph<Arc<Node>, Slot, u16>;

#[derive(Debug)]
struct Skeleton {
    nodes: Nodes,
    root: NodeIndex,
    /// The graph in order, once somebody asked.
    walk: OnceLock<Vec<Step>>,
}

impl Skeleton {
    fn new(nodes: Nodes, root: NodeIndex) -> Self {
        Self { nodes, root, walk: OnceLock::new() }
    }
}

impl Clone for Skeleton {
    /// A copy that is about to be changed: what is remembered of the original would not be true of it.
    fn clone(&self) -> Self {
        Self::new(self.nodes.clone(), self.root)
    }
}

impl FactorGraph {
    /// A graph of one node, its root.
    pub fn new(root: Kind) -> Self {
        let mut nodes = Nodes::default();
        let root = nodes.add_node(Arc::new(Node::new(root)));
        Self::from_nodes(nodes, root)
    }

    fn from_nodes(nodes: Nodes, root: NodeIndex) -> Self {
        Self { skeleton: Arc::new(Skeleton::new(nodes, root)) }
    }

    /// The skeleton, unshared and with nothing remembered, so that it can be changed.
    fn change(&mut self) -> &mut Skeleton {
        let skeleton = Arc::make_mut(&mut self.skeleton);
        skeleton.walk.take();
        skeleton
    }

    /// A graph of nodes that are listed inputs first, the root last, and of edges as (source, consumer, slot) by place
    /// in that list. Node indices count the list.
    pub(crate) fn assemble(
        nodes: impl ExactSizeIterator<Item = Arc<Node>>,
        edges: impl Iterator<Item = (u16, u16, Slot)>,
    ) -> Self {
        // Two inputs a node are usual; what has more pays for one more allocation.
        let mut graph = Nodes::with_capacity(nodes.len(), 2 * nodes.len());
        let mut root = NodeIndex::end();
        for node in nodes {
            root = graph.add_node(node);
        }
        for (source, consumer, slot) in edges {
            graph.add_edge(NodeIndex::from(source), NodeIndex::from(consumer), slot);
        }
        Self::from_nodes(graph, root)
    }

    /// The node everything else feeds.
    pub fn root(&self) -> NodeIndex {
        self.skeleton.root
    }

    /// Makes another node the root.
    pub fn set_root(&mut self, root: NodeIndex) {
        self.change().root = root;
    }

    /// A node.
    pub fn node(&self, index: NodeIndex) -> &Arc<Node> {
        &self.skeleton.nodes[index]
    }

    /// What a node computes.
    pub fn kind(&self, index: NodeIndex) -> &Kind {
        &self.skeleton.nodes[index].kind
    }

    /// Number of nodes, the terminal included.
    pub fn len(&self) -> usize {
        self.skeleton.nodes.node_count()
    }

    /// Whether there is no node; never so for a graph that was built.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// One more than the largest node index ever used: the length of tables indexed by node.
    pub fn index_bound(&self) -> usize {
        use petgraph::visit::NodeIndexable;
        self.skeleton.nodes.node_bound()
    }

    /// All nodes, by rising index.
    pub fn nodes(&self) -> impl Iterator<Item = NodeIndex> + '_ {
        self.skeleton.nodes.node_indices()
    }

    /// The inputs of a node in slot order. petgraph lists edges newest first; the slot settles the order.
    pub fn inputs(&self, index: NodeIndex) -> Inputs {
        let mut inputs = [NodeIndex::end(); MAX_INPUTS];
        let mut count = 0;
        for edge in self.skeleton.nodes.edges_directed(index, Direction::Incoming) {
            // A slot beyond the last is counted, so that compiling says how many inputs are too many.
            if let Some(input) = inputs.get_mut(*edge.weight() as usize) {
                *input = edge.source();
            }
            count += 1;
        }
        (inputs, count)
    }

    /// The input in one slot.
    pub fn input(&self, index: NodeIndex, slot: Slot) -> Option<NodeIndex> {
        self.skeleton
            .nodes
            .edges_directed(index, Direction::Incoming)
            .find(|edge| *edge.weight() == slot)
            .map(|e| e.source())
    }

    /// The input that plays a role at the terminal node.
    pub fn role(&self, role: Role) -> Option<NodeIndex> {
        self.input(self.root(), role as Slot)
    }

    /// Whether a node feeds no other.
    pub fn is_unused(&self, index: NodeIndex) -> bool {
        self.skeleton.nodes.neighbors_directed(index, Direction::Outgoing).next().is_none()
    }

    /// Consumers of a node with the slot they use it in, one entry an edge, by rising consumer and slot.
    pub fn consumers(&self, index: NodeIndex) -> Vec<(NodeIndex, Slot)> {
        let mut consumers: Vec<_> = self
            .skeleton
            .nodes
            .edges_directed(index, Direction::Outgoing)
            .map(|edge| (edge.target(), *edge.weight()))
            .collect();
        consumers.sort_unstable();
        consumers
    }

    /// Adds a node without edges.
    pub fn add(&mut self, node: Arc<Node>) -> NodeIndex {
        self.change().nodes.add_node(node)
    }

    /// Adds a node fed by `inputs`, in slot order.
    pub fn add_with_inputs(&mut self, kind: Kind, inputs: &[NodeIndex]) -> NodeIndex {
        let graph = &mut self.change().nodes;
        let index = graph.add_node(Arc::new(Node::new(kind)));
        for (slot, &input) in inputs.iter().enumerate() {
            graph.add_edge(input, index, slot as Slot);
        }
        index
    }

    /// Replaces what a node is, keeping its edges.
    pub fn replace(&mut self, index: NodeIndex, node: Node) {
        self.change().nodes[index] = Arc::new(node);
    }

    /// Gives a node a name.
    pub fn set_name(&mut self, index: NodeIndex, name: &str) {
        let kind = self.kind(index).clone();
        self.replace(index, Node { kind, name: Some(name.into()) });
    }

    /// Feeds `input` into a slot, in place of whatever was there.
    pub fn connect(&mut self, input: NodeIndex, consumer: NodeIndex, slot: Slot) {
        self.disconnect(consumer, slot);
        self.change().nodes.add_edge(input, consumer, slot);
    }

    /// Empties a slot.
    pub fn disconnect(&mut self, consumer: NodeIndex, slot: Slot) {
        let edge = self
            .skeleton
            .nodes
            .edges_directed(consumer, Direction::Incoming)
            .find(|e| *e.weight() == slot)
            .map(|e| e.id());
        if let Some(edge) = edge {
            self.change().nodes.remove_edge(edge);
        }
    }

    /// Removes every node that no longer reaches the root.
    pub fn prune(&mut self) {
        let mut live = vec![false; self.index_bound()];
        let mut open = vec![self.root()];
        live[self.root().index()] = true;
        while let Some(index) = open.pop() {
            for input in self.skeleton.nodes.neighbors_directed(index, Direction::Incoming) {
                if !std::mem::replace(&mut live[input.index()], true) {
                    open.push(input);
                }
            }
        }
        if self.skeleton.nodes.node_indices().any(|index| !live[index.index()]) {
            self.change().nodes.retain_nodes(|_, index| live[index.index()]);
        }
    }

    /// Whether `from` feeds `to`, directly or through others; every node reaches itself.
    pub fn reaches(&self, from: NodeIndex, to: NodeIndex) -> bool {
        petgraph::algo::has_path_connecting(&self.skeleton.nodes, from, to, None)
    }

    /// All nodes, inputs before consumers.
    ///
    /// # Errors
    /// When the graph has a cycle.
    pub fn topological_order(&self) -> Result<Vec<NodeIndex>, GraphError> {
        petgraph::algo::toposort(&self.skeleton.nodes, None)
            .map_err(|cycle| GraphError::Cycle { node: self.describe(cycle.node_id()) })
    }

    /// A few words that name a node in messages.
    pub fn describe(&self, index: NodeIndex) -> String {
        match (&self.node(index).name, self.kind(index)) {
            (Some(name), _) | (None, Kind::Field(name, _)) => name.to_string(),
            (None, Kind::Constant(value)) => value.to_string(),
            (None, Kind::Operator(operator, _)) => operator.definition().name.to_owned(),
            (None, Kind::Library(factor, _)) => factor.definition().name.to_owned(),
            (None, Kind::Positions) => "positions".to_owned(),
        }
    }

    /// Copies the part of `other` that feeds `index` into this graph and returns the copy's index. Nodes are
    /// shared, not duplicated.
    pub fn graft(&mut self, other: &FactorGraph, index: NodeIndex) -> NodeIndex {
        let mut copies = vec![None; other.index_bound()];
        self.graft_into(other, index, &mut copies)
    }

    fn graft_into(&mut self, other: &FactorGraph, index: NodeIndex, copies: &mut [Option<NodeIndex>]) -> NodeIndex {
        // An explicit stack: expressions may be nested deeper than a thread's stack allows.
        let mut open = vec![(index, false)];
        while let Some((index, inputs_done)) = open.pop() {
            if copies[index.index()].is_some() {
                continue;
            }
            let inputs = other.inputs(index).0.into_iter().enumerate().filter(|&(_, input)| input != NodeIndex::end());
            if inputs_done {
                let copy = self.add(Arc::clone(other.node(index)));
                let graph = &mut self.change().nodes;
                for (slot, input) in inputs {
                    let source = copies[input.index()].expect("inputs were copied before their consumer");
                    graph.add_edge(source, copy, slot as Slot);
                }
                copies[index.index()] = Some(copy);
            } else {
                open.push((index, true));
                open.extend(inputs.map(|(_, input)| (input, false)));
            }
        }
        copies[index.index()].expect("the loop ends with the starting node copied")
    }
}
