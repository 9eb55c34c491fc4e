//! The working form of a graph under variation: a flat, typed list whose inputs are positions.
//!
//! Reading a graph walks it from the root, slot by slot, so positions depend on its structure alone and not on the
//! order in which its nodes came to be. Every random choice is made by position: a graph read back from a file or a
//! checkpoint varies exactly as the one in memory. Nodes are borrowed from the parents and shared with the child.

use std::borrow::Cow;
use std::sync::Arc;

use crate::graph::{FactorGraph, Kind, Node, Role, Slot, Step};
use crate::operator::{Inferred, MAX_INPUTS, Parameters};
use crate::types::Type;

/// A position in a [`Sketch`].
pub(super) type Place = u16;

/// An empty slot; only the terminal node has some.
pub(super) const EMPTY: Place = Step::EMPTY;

#[derive(Debug, Clone)]
pub(super) struct Entry<'a> {
    /// Borrowed where it is a parent's: counting a reference up and down again costs more than all else that reading
    /// a node does.
    pub(super) node: Cow<'a, Arc<Node>>,
    inputs: [Place; MAX_INPUTS],
    count: u8,
    /// Type of the values, inferred from the inputs.
    pub(super) output: Type,
}

impl Entry<'_> {
    /// Inputs by slot; for the terminal node by role, [`EMPTY`] where a role is not played.
    pub(super) fn inputs(&self) -> &[Place] {
        &self.inputs[..self.count as usize]
    }

    /// Inputs that it needs.
    fn arity(&self) -> usize {
        match &self.node.kind {
            Kind::Field(..) | Kind::Constant(_) | Kind::Positions => 0,
            Kind::Operator(operator, _) => operator.definition().inputs.len(),
            Kind::Library(..) => 1,
        }
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
pub(super) struct Sketch<'a> {
    entries: Vec<Entry<'a>>,
    root: Place,
    /// Whether a factor mixes units: a person's may.
    pub(super) mixes_units: bool,
}

impl<'a> Sketch<'a> {
    /// A sketch of a terminal node without inputs.
    pub(super) fn terminal() -> Self {
        let node = Cow::Owned(Arc::new(Node::new(Kind::Positions)));
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
    pub(super) fn read(graph: &'a FactorGraph) -> Option<Self> {
        let steps = graph.walk().ok()?;
        let mut sketch = Self { entries: Vec::with_capacity(steps.len() + 12), root: EMPTY, mixes_units: false };
        for step in &steps {
            sketch.push_checked(Cow::Borrowed(graph.node(step.index)), step.inputs.iter().copied(), step.edges)?;
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
        while let Some((place, inputs_done)) = open.pop() {
            if indices[place as usize] != UNSEEN {
                continue;
            }
            if inputs_done {
                indices[place as usize] = order.len() as u16;
                order.push(place);
            } else {
                open.push((place, true));
                let inputs = self.entries[place as usize].inputs().iter().rev();
                open.extend(inputs.filter(|&&input| input != EMPTY).map(|&input| (input, false)));
            }
        }
        let nodes = order.iter().map(|&place| Arc::clone(&*self.entries[place as usize].node));
        let edges = order.iter().enumerate().flat_map(|(consumer, &place)| {
            let inputs = self.entries[place as usize].inputs().iter().enumerate();
            let present = inputs.filter(|&(_, &input)| input != EMPTY);
            let indices = &indices;
            present.map(move |(slot, &input)| (indices[input as usize], consumer as u16, slot as Slot))
        });
        FactorGraph::assemble(nodes, edges)
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn entry(&self, place: Place) -> &Entry<'a> {
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
        let place = self.push_node(Cow::Owned(Arc::new(Node::new(kind))), inputs);
        let mixes = std::mem::replace(&mut self.mixes_units, mixed_before);
        if place.is_some() && mixes {
            self.entries.pop();
            return None;
        }
        place
    }

    /// As [`Sketch::push`], for a node that is shared with another graph, where units may mix.
    pub(super) fn push_node(&mut self, node: Cow<'a, Arc<Node>>, inputs: &[Place]) -> Option<Place> {
        let place = self.entries.len() as Place;
        self.push_checked(node, inputs.iter().copied(), inputs.len())?;
        Some(place)
    }

    /// The place of a column: the one that is there already, or a new one.
    pub(super) fn column(&mut self, node: Cow<'a, Arc<Node>>) -> Option<Place> {
        let same = |entry: &Entry| match (&entry.node.kind, &node.kind) {
            (Kind::Field(known, _), Kind::Field(name, _)) => known == name,
            _ => false,
        };
        let known = self.entries.iter().position(same);
        match known {
            Some(place) => Some(place as Place),
            None => self.push_node(node, &[]),
        }
    }

    /// The entry that is this very node over these very inputs.
    pub(super) fn find(&self, node: &Arc<Node>, inputs: &[Place]) -> Option<Place> {
        let same = |entry: &Entry| Arc::ptr_eq(&*entry.node, node) && entry.inputs() == inputs;
        self.entries.iter().position(same).map(|place| place as Place)
    }

    /// Replaces what a node is, keeping its inputs; the type of its output must stay the same.
    pub(super) fn replace_node(&mut self, place: Place, node: Node) {
        self.entries[place as usize].node = Cow::Owned(Arc::new(node));
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

    /// Appends a node and infers its type; takes it back where the inputs are not what it needs.
    #[inline]
    fn push_checked(
        &mut self,
        node: Cow<'a, Arc<Node>>,
        inputs: impl Iterator<Item = Place>,
        count: usize,
    ) -> Option<()> {
        let terminal = matches!(node.kind, Kind::Positions);
        let own = if terminal { Role::ALL.len() } else { count.min(MAX_INPUTS) } as u8;
        let place = self.entries.len();
        self.entries.push(Entry { node, inputs: [EMPTY; MAX_INPUTS], count: own, output: Type::Positions });
        let (earlier, last) = self.entries.split_at_mut(place);
        let entry = &mut last[0];
        let mut types = [Type::Plain; MAX_INPUTS];
        let mut filled = 0;
        for ((slot, kind), input) in entry.inputs.iter_mut().zip(&mut types).zip(inputs) {
            *slot = input;
            if let Some(source) = earlier.get(input as usize) {
                *kind = source.output;
                filled += 1;
            }
        }
        let arity = if terminal { filled } else { entry.arity() };
        let complete = count == arity && filled == arity && place < usize::from(EMPTY) - 1;
        if let Some(inferred) = infer(entry, &types).filter(|_| complete) {
            entry.output = inferred.output;
            self.mixes_units |= inferred.mixes_units;
            Some(())
        } else {
            self.entries.pop();
            None
        }
    }
}

/// The type of an entry's values, from the types of its inputs; `None` where these do not fit.
fn infer(entry: &Entry<'_>, types: &[Type; MAX_INPUTS]) -> Option<Inferred> {
    let plain = |output: Type| Some(Inferred { output, mixes_units: false });
    match &entry.node.kind {
        Kind::Field(_, output) => plain(*output),
        Kind::Constant(_) => plain(Type::Plain),
        Kind::Operator(operator, _) => operator.definition().infer(&types[..entry.count as usize]).ok(),
        Kind::Library(factor, _) => factor.infer(types[0]).ok(),
        Kind::Positions => {
            let fits = |role: Role| match (entry.inputs[role as usize], types[role as usize]) {
                (EMPTY, _) => true,
                (_, found) if role == Role::Score => found.is_number(),
                (_, found) => found == Type::Flag,
            };
            if Role::ALL.into_iter().all(fits) { plain(Type::Positions) } else { None }
        }
    }
}
