//! The working form of a graph under variation: a flat, typed list whose inputs are positions.
//!
//! Reading a graph walks it from the root, slot by slot, so positions depend on its structure alone and not on the
//! order in which its nodes came to be. Every random choice is made by position: a graph read back from a file or a
//! checkpoint varies exactly as the one in memory. Nodes are shared with the parent throughout.

use std::sync::Arc;

use crate::graph::{FactorGraph, Inputs, Kind, Node, NodeIndex, Role};
use crate::operator::{Inferred, MAX_INPUTS, Parameters};
use crate::types::Type;

/// A position in a [`Sketch`].
pub(super) type Place = u16;

/// An empty slot; only the terminal node has some.
pub(super) const EMPTY: Place = Place::MAX;

#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) node: Arc<Node>,
    inputs: [Place; MAX_INPUTS],
    count: u8,
    /// Type of the values, inferred from the inputs.
    pub(super) output: Type,
}

impl Entry {
    /// Inputs by slot; for the terminal node by role, [`EMPTY`] where a role is not played.
    pub(super) fn inputs(&self) -> &[Place] {
        &self.inputs[..self.count as usize]
    }

    pub(super) fn kind(&self) -> &Kind {
        &self.node.kind
    }

    /// Whether this is an operator or a library factor.
    pub(super) fn is_factor(&self) -> bool {
        matches!(self.node.kind, Kind::Operator(..) | Kind::Library(..))
    }

    pub(super) fn is_constant(&self) -> bool {
        matches!(self.node.kind, Kind::Constant(_))
    }

    /// The literal parameters.
    pub(super) fn parameters(&self) -> Parameters {
        match self.node.kind {
            Kind::Operator(_, parameters) | Kind::Library(_, parameters) => parameters,
            _ => Parameters::NONE,
        }
    }
}

/// Which input of which entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Edge {
    pub(super) consumer: Place,
    pub(super) slot: usize,
    pub(super) source: Place,
}

#[derive(Debug)]
pub(super) struct Sketch {
    entries: Vec<Entry>,
    root: Place,
    /// Whether a factor mixes units: a person's may.
    pub(super) mixes_units: bool,
}

impl Sketch {
    /// A sketch of a terminal node without inputs.
    pub(super) fn terminal() -> Self {
        let node = Arc::new(Node::new(Kind::Positions));
        let mut entries = Vec::with_capacity(32);
        entries.push(Entry {
            node,
            inputs: [EMPTY; MAX_INPUTS],
            count: Role::ALL.len() as u8,
            output: Type::Positions,
        });
        Self { entries, root: 0, mixes_units: false }
    }

    /// The live part of a graph, inputs before consumers, the root last; `None` where it would not compile.
    pub(super) fn read(graph: &FactorGraph) -> Option<Self> {
        const UNSEEN: Place = Place::MAX;
        const OPEN: Place = Place::MAX - 1;
        let mut places = vec![UNSEEN; graph.index_bound()];
        let mut sketch = Self { entries: Vec::with_capacity(graph.len() + 12), root: EMPTY, mixes_units: false };
        let mut open: Vec<(NodeIndex, Option<Inputs>)> = Vec::with_capacity(graph.len());
        open.push((graph.root(), None));
        while let Some((index, inputs)) = open.pop() {
            let place = &mut places[index.index()];
            if let Some((inputs, count)) = inputs {
                *place = sketch.entries.len() as Place;
                let mut own = [EMPTY; MAX_INPUTS];
                for (own, input) in own.iter_mut().zip(inputs) {
                    if input != NodeIndex::end() {
                        *own = places[input.index()];
                    }
                }
                sketch.push_checked(Arc::clone(graph.node(index)), own, count)?;
            } else if *place == UNSEEN {
                *place = OPEN;
                let (inputs, count) = graph.inputs(index);
                open.push((index, Some((inputs, count))));
                let present = inputs.iter().rev().filter(|&&input| input != NodeIndex::end());
                open.extend(present.map(|&input| (input, None)));
            } else if *place == OPEN {
                return None;
            }
        }
        sketch.root = (sketch.entries.len() - 1) as Place;
        Some(sketch)
    }

    /// The part that reaches the root, as a graph with its nodes in canonical order.
    pub(super) fn build(&self) -> FactorGraph {
        self.build_at(self.root)
    }

    /// The part that reaches `root`.
    pub(super) fn build_at(&self, root: Place) -> FactorGraph {
        const UNSEEN: u16 = u16::MAX;
        let mut indices = vec![UNSEEN; self.entries.len()];
        let mut order: Vec<Place> = Vec::with_capacity(self.entries.len());
        let mut open: Vec<(Place, bool)> = Vec::with_capacity(self.entries.len());
        open.push((root, false));
        let mut edges = 0;
        while let Some((place, inputs_done)) = open.pop() {
            if indices[place as usize] != UNSEEN {
                continue;
            }
            let inputs = self.entries[place as usize].inputs();
            if inputs_done {
                indices[place as usize] = order.len() as u16;
                order.push(place);
                edges += inputs.len();
            } else {
                open.push((place, true));
                open.extend(inputs.iter().rev().filter(|&&input| input != EMPTY).map(|&input| (input, false)));
            }
        }
        let nodes = order.iter().map(|&place| {
            let entry = &self.entries[place as usize];
            let index =
                |input: Place| if input == EMPTY { NodeIndex::end() } else { NodeIndex::from(indices[input as usize]) };
            (Arc::clone(&entry.node), entry.inputs.map(index))
        });
        FactorGraph::assemble(nodes, edges)
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn entry(&self, place: Place) -> &Entry {
        &self.entries[place as usize]
    }

    /// Position of the terminal node.
    pub(super) fn root(&self) -> Place {
        self.root
    }

    /// All positions.
    pub(super) fn places(&self) -> impl Iterator<Item = Place> + use<> {
        0..self.entries.len() as Place
    }

    /// All edges, by consumer and slot.
    pub(super) fn edges(&self) -> impl Iterator<Item = Edge> + '_ {
        self.entries.iter().enumerate().flat_map(|(consumer, entry)| {
            let edge = move |(slot, &source)| Edge { consumer: consumer as Place, slot, source };
            entry.inputs().iter().enumerate().map(edge).filter(|edge| edge.source != EMPTY)
        })
    }

    /// The input that plays a role.
    pub(super) fn role(&self, role: Role) -> Option<Place> {
        let input = self.entry(self.root).inputs[role as usize];
        (input != EMPTY).then_some(input)
    }

    /// Gives a role to an entry, or to none.
    pub(super) fn set_role(&mut self, role: Role, input: Option<Place>) {
        self.entries[self.root as usize].inputs[role as usize] = input.unwrap_or(EMPTY);
    }

    /// Feeds a slot from elsewhere. Types downstream are not inferred again: for sources of equal type nothing
    /// changes, and whoever feeds another type must check the child.
    pub(super) fn connect(&mut self, consumer: Place, slot: usize, source: Place) {
        self.entries[consumer as usize].inputs[slot] = source;
    }

    /// Feeds the consumers of one entry from another, those among the first `among` entries alone: what was added
    /// since may stand on the entry that it replaces.
    pub(super) fn substitute(&mut self, old: Place, new: Place, among: usize) {
        for entry in &mut self.entries[..among] {
            for input in &mut entry.inputs[..entry.count as usize] {
                if *input == old {
                    *input = new;
                }
            }
        }
    }

    /// Adds a node whose output is inferred; nothing is added, and `None` returned, where the inputs do not fit or
    /// would mix units.
    pub(super) fn push(&mut self, kind: Kind, inputs: &[Place]) -> Option<Place> {
        let mixed_before = std::mem::take(&mut self.mixes_units);
        let place = self.push_node(Arc::new(Node::new(kind)), inputs);
        let mixes = std::mem::replace(&mut self.mixes_units, mixed_before);
        if place.is_some() && mixes {
            self.entries.pop();
            return None;
        }
        place
    }

    /// As [`Sketch::push`], for a node that is shared with another graph, where units may mix.
    pub(super) fn push_node(&mut self, node: Arc<Node>, inputs: &[Place]) -> Option<Place> {
        let mut own = [EMPTY; MAX_INPUTS];
        own[..inputs.len()].copy_from_slice(inputs);
        let place = self.entries.len() as Place;
        self.push_checked(node, own, inputs.len())?;
        Some(place)
    }

    /// The place of a column or constant: the one that is there already, or a new one.
    pub(super) fn leaf(&mut self, node: &Arc<Node>) -> Option<Place> {
        let known = self.entries.iter().position(|entry| {
            Arc::ptr_eq(&entry.node, node)
                || matches!((&entry.node.kind, &node.kind), (Kind::Field(a, _), Kind::Field(b, _)) if a == b)
        });
        match known {
            Some(place) => Some(place as Place),
            None => self.push_node(Arc::clone(node), &[]),
        }
    }

    /// The entry that is this very node over these very inputs.
    pub(super) fn find(&self, node: &Arc<Node>, inputs: &[Place]) -> Option<Place> {
        let same = |entry: &Entry| Arc::ptr_eq(&entry.node, node) && entry.inputs() == inputs;
        self.entries.iter().position(same).map(|place| place as Place)
    }

    /// Replaces what a node is, keeping its inputs; the type of its output must stay the same.
    pub(super) fn replace_node(&mut self, place: Place, node: Node) {
        self.entries[place as usize].node = Arc::new(node);
    }

    /// Which entries `place` feeds, itself included. Nothing may have been fed from a later entry since the sketch
    /// was read.
    pub(super) fn downstream(&self, place: Place) -> Vec<bool> {
        let mut fed = vec![false; self.entries.len()];
        fed[place as usize] = true;
        for consumer in place as usize + 1..self.entries.len() {
            fed[consumer] = self.entries[consumer].inputs().iter().any(|&input| input != EMPTY && fed[input as usize]);
        }
        fed
    }

    /// Which entries feed `place`, itself included.
    pub(super) fn upstream(&self, place: Place) -> Vec<bool> {
        let mut feeds = vec![false; self.entries.len()];
        let mut open = vec![place];
        feeds[place as usize] = true;
        while let Some(place) = open.pop() {
            for &input in self.entry(place).inputs() {
                if input != EMPTY && !std::mem::replace(&mut feeds[input as usize], true) {
                    open.push(input);
                }
            }
        }
        feeds
    }

    /// Infers the type of a node and appends it.
    fn push_checked(&mut self, node: Arc<Node>, inputs: [Place; MAX_INPUTS], count: usize) -> Option<()> {
        let types = inputs.map(|input| self.entries.get(input as usize).map_or(Type::Plain, |entry| entry.output));
        let filled = inputs.iter().take_while(|&&input| input != EMPTY).count();
        let plain = |output: Type| Inferred { output, mixes_units: false };
        let (arity, inferred) = match &node.kind {
            Kind::Field(_, output) => (0, plain(*output)),
            Kind::Constant(_) => (0, plain(Type::Plain)),
            Kind::Operator(operator, _) => {
                let definition = operator.definition();
                (definition.inputs.len(), definition.infer(&types[..count.min(MAX_INPUTS)]).ok()?)
            }
            Kind::Library(factor, _) => (1, factor.infer(types[0]).ok()?),
            Kind::Positions => {
                let fits = Role::ALL.iter().all(|&role| {
                    inputs[role as usize] == EMPTY
                        || if role == Role::Score {
                            types[role as usize].is_number()
                        } else {
                            types[role as usize] == Type::Flag
                        }
                });
                (fits.then_some(count)?, plain(Type::Positions))
            }
        };
        let terminal = matches!(node.kind, Kind::Positions);
        if count != arity || (!terminal && filled != arity) || self.entries.len() >= usize::from(EMPTY) - 1 {
            return None;
        }
        self.mixes_units |= inferred.mixes_units;
        let count = if terminal { Role::ALL.len() } else { count } as u8;
        self.entries.push(Entry { node, inputs, count, output: inferred.output });
        Some(())
    }
}
