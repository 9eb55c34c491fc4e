//! The working form of a graph under variation: a flat, typed list whose inputs are positions.
//!
//! Reading a graph walks it from the root, slot by slot, so positions depend on its structure alone and not on the
//! order in which its nodes came to be. Every random choice is made by position: a graph read back from a file or a
//! checkpoint varies exactly as the one in memory. Nodes are borrowed from the parents and shared with the child, which
//! is a copy of the parent's graph with the changes made to its sketch.

use std::borrow::Cow;
use std::sync::Arc;

use crate::graph::{Edit, FactorGraph, Kind, Node, NodeIndex, Role, Slot, Step};
use crate::operator::{Inferred, MAX_INPUTS, Parameters};
use crate::types::Type;

/// A position in a [`Sketch`].
pub(super) type Place = u16;

/// An empty slot; only the terminal node has some.
pub(super) const EMPTY: Place = Step::EMPTY;

/// Entries that are usually added: a new factor, and what was tried before.
const NEW_ENTRIES: usize = 12;

#[derive(Debug, Clone)]
pub(super) struct Entry<'a> {
    /// Borrowed where it is a parent's: counting a reference up and down again costs more than all else that reading
    /// a node does.
    pub(super) node: Cow<'a, Arc<Node>>,
    inputs: [Place; MAX_INPUTS],
    /// Number of slots.
    count: u8,
    /// Type of the values, inferred from the inputs.
    pub(super) output: Type,
    /// The node in the graph that was read; `NodeIndex::end()` where it is new.
    index: NodeIndex,
    /// Whether the graph must change for it: another node than was read, with other inputs, or new and needed.
    changed: bool,
}

impl Entry<'_> {
    /// Inputs by slot; for the terminal node by role, [`EMPTY`] where a role is not played.
    pub(super) fn inputs(&self) -> &[Place] {
        &self.inputs[..self.count as usize]
    }

    pub(super) fn kind(&self) -> &Kind {
        &self.node.kind
    }

    /// Whether this is an operator or a library factor: all of them have inputs.
    pub(super) fn is_factor(&self) -> bool {
        !self.is_leaf() && self.output != Type::Positions
    }

    /// Whether this is a column or a constant.
    fn is_leaf(&self) -> bool {
        self.count == 0
    }

    pub(super) fn is_constant(&self) -> bool {
        self.is_leaf() && matches!(self.node.kind, Kind::Constant(_))
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
    /// What was read.
    graph: &'a FactorGraph,
    /// Its live nodes, inputs before consumers, the root last; after them what is new.
    entries: Vec<Entry<'a>>,
    root: Place,
    /// Whether a factor mixes units: a person's may.
    pub(super) mixes_units: bool,
}

impl<'a> Sketch<'a> {
    /// The live part of a graph; `None` where it would not compile.
    pub(super) fn read(graph: &'a FactorGraph) -> Option<Self> {
        let steps = graph.walk().ok()?;
        let mut types: Vec<Type> = Vec::with_capacity(steps.len());
        let mut mixes_units = false;
        for step in steps {
            let inferred =
                infer(graph.kind(step.index), step.inputs, step.edges as usize, |place| types[place as usize])?;
            mixes_units |= inferred.mixes_units;
            types.push(inferred.output);
        }
        let mut entries = Vec::with_capacity(steps.len() + NEW_ENTRIES);
        entries.extend(steps.iter().zip(types).map(|(step, output)| Entry {
            node: Cow::Borrowed(graph.node(step.index)),
            inputs: step.inputs,
            count: if output == Type::Positions { Role::ALL.len() as u8 } else { step.edges as u8 },
            output,
            index: step.index,
            changed: false,
        }));
        Some(Self { graph, root: (entries.len() - 1) as Place, entries, mixes_units })
    }

    /// The graph with the changes made to it. What is new and feeds nothing stays out.
    pub(super) fn build(self) -> FactorGraph {
        let root = self.root;
        self.build_at(root)
    }

    /// As [`Sketch::build`], with another root.
    pub(super) fn build_at(mut self, root: Place) -> FactorGraph {
        let old = self.root as usize + 1;
        let mut edit = Edit::new(self.graph, self.entries.len() - old);
        self.mark_needed(root, old);
        for place in old..self.entries.len() {
            let entry = &self.entries[place];
            if entry.changed {
                self.entries[place].index = edit.add(Arc::clone(&entry.node), self.sources(entry));
            }
        }
        for entry in self.entries[..old].iter().filter(|entry| entry.changed) {
            if let Cow::Owned(node) = &entry.node {
                edit.replace(entry.index, Arc::clone(node));
            }
            self.sources(entry).for_each(|(slot, source)| edit.feed(entry.index, slot, source));
        }
        if root != self.root {
            edit.set_root(self.entries[root as usize].index);
        }
        let mut child = edit.finish();
        if self.graph.len() > old {
            // What was dead in the parent was not read.
            child.prune();
        }
        child
    }

    /// Marks the new entries that the root or a changed entry needs as changed too.
    fn mark_needed(&mut self, root: Place, old: usize) {
        let (known, new) = self.entries.split_at_mut(old);
        let mark = |new: &mut [Entry], inputs: &[Place]| {
            for &input in inputs.iter().filter(|&&input| input != EMPTY && input as usize >= old) {
                new[input as usize - old].changed = true;
            }
        };
        mark(new, &[root]);
        known.iter().filter(|entry| entry.changed).for_each(|entry| mark(new, entry.inputs()));
        // They stand after those that they need themselves, so that looking at them from the end misses none.
        for place in (0..new.len()).rev() {
            let (earlier, entry) = new.split_at_mut(place);
            if entry[0].changed {
                mark(earlier, entry[0].inputs());
            }
        }
    }

    /// Slots of an entry, each with the node that feeds it.
    fn sources(&self, entry: &Entry) -> impl Iterator<Item = (Slot, Option<NodeIndex>)> {
        let index = |&input: &Place| self.entries.get(input as usize).map(|entry| entry.index);
        (0..).zip(entry.inputs().iter().map(index))
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
    pub(super) fn places(&self) -> std::ops::Range<Place> {
        0..self.entries.len() as Place
    }

    /// All edges, by consumer and slot.
    pub(super) fn edges(&self) -> impl Iterator<Item = Edge> + Clone + '_ {
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
        self.connect(self.root, role as usize, input.unwrap_or(EMPTY));
    }

    /// Feeds a slot from elsewhere. Types downstream are not inferred again: for sources of equal type nothing
    /// changes, and whoever feeds another type must check the child.
    pub(super) fn connect(&mut self, consumer: Place, slot: usize, source: Place) {
        let consumer = &mut self.entries[consumer as usize];
        consumer.inputs[slot] = source;
        consumer.changed = true;
    }

    /// Feeds the consumers of one entry from another, those among the first `among` entries alone: what was added
    /// since may stand on the entry that it replaces.
    pub(super) fn substitute(&mut self, old: Place, new: Place, among: usize) {
        for entry in &mut self.entries[..among] {
            for input in &mut entry.inputs[..entry.count as usize] {
                if *input == old {
                    *input = new;
                    entry.changed = true;
                }
            }
        }
    }

    /// Adds a node whose output is inferred; nothing is added, and `None` returned, where the inputs do not fit or
    /// would mix units.
    pub(super) fn push(&mut self, kind: Kind, inputs: &[Place]) -> Option<Place> {
        let inferred = self.infer(&kind, inputs).filter(|inferred| !inferred.mixes_units)?;
        self.append(Cow::Owned(Arc::new(Node::new(kind))), inputs, inferred)
    }

    /// As [`Sketch::push`], for a node that is shared with another graph, where units may mix.
    pub(super) fn push_node(&mut self, node: Cow<'a, Arc<Node>>, inputs: &[Place]) -> Option<Place> {
        let inferred = self.infer(&node.kind, inputs)?;
        self.append(node, inputs, inferred)
    }

    fn infer(&self, kind: &Kind, inputs: &[Place]) -> Option<Inferred> {
        infer(kind, slots(inputs), inputs.len(), |place| self.entries[place as usize].output)
    }

    fn append(&mut self, node: Cow<'a, Arc<Node>>, inputs: &[Place], inferred: Inferred) -> Option<Place> {
        let place = Place::try_from(self.entries.len()).ok().filter(|&place| place < EMPTY)?;
        self.mixes_units |= inferred.mixes_units;
        self.entries.push(Entry {
            node,
            inputs: slots(inputs),
            count: inputs.len() as u8,
            output: inferred.output,
            index: NodeIndex::end(),
            changed: false,
        });
        Some(place)
    }

    /// The place of a column: the one that is there already, or a new one.
    pub(super) fn column(&mut self, node: Cow<'a, Arc<Node>>) -> Option<Place> {
        let same = |entry: &Entry| match (&entry.node.kind, &node.kind) {
            (Kind::Field(known, _), Kind::Field(name, _)) => known == name,
            _ => false,
        };
        let known = self.entries.iter().position(|entry| entry.is_leaf() && same(entry));
        match known {
            Some(place) => Some(place as Place),
            None => self.push_node(node, &[]),
        }
    }

    /// The entry that computes the same from the same inputs.
    pub(super) fn find(&self, kind: &Kind, inputs: &[Place]) -> Option<Place> {
        let same = |entry: &Entry| entry.inputs() == inputs && entry.node.kind == *kind;
        self.entries.iter().position(same).map(|place| place as Place)
    }

    /// Replaces what a node is, keeping its inputs; the type of its output must stay the same.
    pub(super) fn replace_node(&mut self, place: Place, node: Node) {
        let entry = &mut self.entries[place as usize];
        entry.node = Cow::Owned(Arc::new(node));
        entry.changed = true;
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
}

/// Inputs by slot.
fn slots(inputs: &[Place]) -> [Place; MAX_INPUTS] {
    let mut slots = [EMPTY; MAX_INPUTS];
    slots[..inputs.len()].copy_from_slice(inputs);
    slots
}

/// The type of a node's values, from its inputs by slot and the number of edges into it; `None` where these are not
/// what it needs.
fn infer(
    kind: &Kind,
    inputs: [Place; MAX_INPUTS],
    edges: usize,
    output_of: impl Fn(Place) -> Type,
) -> Option<Inferred> {
    let plain = |output: Type| Inferred { output, mixes_units: false };
    match kind {
        Kind::Field(_, output) => (edges == 0).then(|| plain(*output)),
        Kind::Constant(_) => (edges == 0).then(|| plain(Type::Plain)),
        Kind::Operator(operator, _) => {
            let definition = operator.definition();
            let arity = definition.inputs.len();
            let inputs = &inputs[..arity];
            if edges != arity || inputs.contains(&EMPTY) {
                return None;
            }
            let mut types = [Type::Plain; MAX_INPUTS];
            for (kind, &input) in types.iter_mut().zip(inputs) {
                *kind = output_of(input);
            }
            definition.infer(&types[..arity]).ok()
        }
        Kind::Library(factor, _) if edges == 1 && inputs[0] != EMPTY => factor.infer(output_of(inputs[0])).ok(),
        Kind::Library(..) => None,
        Kind::Positions => {
            let fits = |role: Role, input: Place| match role {
                Role::Score => output_of(input).is_number(),
                Role::Entry | Role::Exit => output_of(input) == Type::Flag,
                Role::Group => output_of(input) == Type::Group,
            };
            let played = Role::ALL.into_iter().zip(inputs).filter(|&(_, input)| input != EMPTY);
            let complete = played.clone().count() == edges;
            (complete && played.clone().all(|(role, input)| fits(role, input))).then(|| plain(Type::Positions))
        }
    }
}
