//! Changes to the graph of one parent, made on its sketch.
//!
//! An entry's place is taken only by entries of equal type, so nothing downstream changes its type or unit. Two
//! places are freer: a score may be any number, and a constant, which has no unit of its own, may give way to a ratio
//! if the child's units still agree.

use std::sync::Arc;

use super::draw::{Draw, below, between, log_uniform, one_among, one_of, percent, rounded, uniform};
use super::generate::{Grower, Reuse};
use super::palette::{Palette, Recipe};
use super::positions::step_factor;
use super::sketch::{Edge, Entry, Place, Sketch};
use crate::graph::{FactorGraph, Kind, Node, Role};
use crate::operator::{Parameter, Parameters};
use crate::registry::Operator;
use crate::strategy::{Positions, Rule, Weighting};
use crate::types::Type;

/// How often a choice is drawn again before a mutation gives up.
const ATTEMPTS: usize = 6;
/// Most nodes of a new factor, as far as there is room.
const NEW_FACTOR: usize = 7;

pub(super) struct Editor<'a> {
    sketch: Sketch<'a>,
    /// Entries of the parent; those after them are new.
    old: usize,
    positions: &'a Positions,
    palette: &'a Palette,
    rng: Draw<'a>,
    /// Whether a constant gave way to something with a unit, so that units must be checked.
    retyped: bool,
}

impl<'a> Editor<'a> {
    pub(super) fn new(sketch: Sketch<'a>, positions: &'a Positions, palette: &'a Palette, rng: Draw<'a>) -> Self {
        let old = sketch.len();
        Self { sketch, old, positions, palette, rng, retyped: false }
    }

    /// The child's graph; `None` where its units do not agree though its parent's did.
    pub(super) fn finish(self) -> Option<FactorGraph> {
        let mixed_before = self.sketch.mixes_units;
        let graph = self.sketch.build();
        if self.retyped {
            let mixes_now = Sketch::read(&graph)?.mixes_units;
            if mixes_now && !mixed_before {
                return None;
            }
        }
        Some(graph)
    }

    pub(super) fn add_root(&mut self) -> Option<()> {
        let role = one_among(self.rng, Role::VARIED.into_iter().filter(|&role| self.sketch.role(role).is_some()))?;
        let budget = self.budget()?;
        let current = self.sketch.role(role)?;
        let combined = if role == Role::Score {
            self.extend_score(current, budget)?
        } else {
            // Entries become stricter more often than looser; exits the other way round.
            let usual = if role == Role::Entry { Operator::And } else { Operator::Or };
            let other = if role == Role::Entry { Operator::Or } else { Operator::And };
            let operator = if percent(self.rng, 70) { usual } else { other };
            self.combine(operator, current, Type::Flag, budget)?
        };
        self.sketch.set_role(role, Some(combined));
        Some(())
    }

    pub(super) fn add_leaf(&mut self) -> Option<()> {
        let edge = self.draw_edge(|entry| !entry.is_factor() && entry.output.is_number())?;
        let source = self.sketch.entry(edge.source);
        let (constant, kind) = (source.is_constant(), source.output);
        self.retyped |= constant;
        let factor = self.grower().small(if constant { Type::RATIO } else { kind })?;
        self.sketch.connect(edge.consumer, edge.slot, factor);
        Some(())
    }

    pub(super) fn add_after(&mut self) -> Option<()> {
        let edge = self.draw_edge(|entry| !entry.is_constant() && entry.output != Type::Group)?;
        let kind = self.sketch.entry(edge.source).output;
        // A score may be any number, so it can be made a ratio: ranked, or measured in deviations.
        let free = self.is_score(edge) && percent(self.rng, 60);
        let output = if free { Type::RATIO } else { kind };
        let palette = self.palette;
        let recipes = if output == Type::Flag { &palette.flag } else { palette.number_recipes(output) };
        let inputs = [edge.source];
        let budget = self.room().min(4);
        let factor = (0..ATTEMPTS).find_map(|_| {
            let recipe = recipes.after.draw(self.rng)?;
            let place = self.grower().apply(recipe, output, Reuse { inputs: &inputs, rows: None }, budget)?;
            self.sketch.entry(place).inputs().contains(&edge.source).then_some(place)
        })?;
        self.sketch.connect(edge.consumer, edge.slot, factor);
        Some(())
    }

    pub(super) fn add_smart(&mut self) -> Option<()> {
        let missing: Vec<Role> = Role::VARIED.into_iter().filter(|&role| self.sketch.role(role).is_none()).collect();
        let budget = self.budget()?;
        if missing.is_empty() {
            let role = if percent(self.rng, 70) { Role::Entry } else { Role::Exit };
            let current = self.sketch.role(role)?;
            let operator = if role == Role::Entry { Operator::And } else { Operator::Or };
            let combined = self.combine(operator, current, Type::Flag, budget)?;
            self.sketch.set_role(role, Some(combined));
            return Some(());
        }
        // What the rule acts on comes first: a signal without an exit can only wait for its entry to end.
        let wanted = match self.positions.rule {
            Rule::Signal if missing.contains(&Role::Exit) => Role::Exit,
            Rule::Signal => missing[0],
            _ if missing.contains(&Role::Score) => Role::Score,
            _ => one_of(self.rng, &missing)?,
        };
        self.give_role(wanted, self.positions.rule, budget)
    }

    pub(super) fn remove(&mut self) -> Option<()> {
        #[derive(Clone, Copy)]
        enum Removal {
            Factor(Place, Place),
            Score(Place),
            Role(Role),
        }
        let mut removals = Vec::new();
        for place in self.sketch.places() {
            let entry = self.sketch.entry(place);
            if !entry.is_factor() {
                continue;
            }
            let usable = entry.inputs().iter().copied().filter(|&input| !self.sketch.entry(input).is_constant());
            let score = self.sketch.role(Role::Score) == Some(place);
            removals.extend(usable.filter_map(|input| {
                let inner = self.sketch.entry(input);
                if inner.output == entry.output {
                    Some(Removal::Factor(place, input))
                } else {
                    (score && inner.is_factor() && inner.output.is_number()).then_some(Removal::Score(input))
                }
            }));
        }
        let signal = self.positions.rule == Rule::Signal;
        let optional = [
            (Role::Score, signal && self.positions.weight != Weighting::Score),
            (Role::Entry, !signal),
            (Role::Exit, true),
        ];
        let optional = optional.into_iter().filter(|&(role, optional)| optional && self.sketch.role(role).is_some());
        removals.extend(optional.map(|(role, _)| Removal::Role(role)));
        match one_of(self.rng, &removals)? {
            Removal::Factor(factor, input) => self.sketch.substitute(factor, input, self.old),
            Removal::Score(input) => self.sketch.set_role(Role::Score, Some(input)),
            Removal::Role(role) => self.sketch.set_role(role, None),
        }
        Some(())
    }

    pub(super) fn replace(&mut self) -> Option<()> {
        let place = self.draw_factor(|_| true)?;
        let Entry { node, output, .. } = self.sketch.entry(place).clone();
        let inputs = self.sketch.entry(place).inputs().to_vec();
        let palette = self.palette;
        let recipes = if output == Type::Flag { &palette.flag } else { palette.number_recipes(output) };
        let rows = self.sketch.entry(place).parameters().as_slice().first().copied();
        let reuse = Reuse { inputs: &inputs, rows };
        let budget = self.room().min(NEW_FACTOR);
        let factor = (0..ATTEMPTS).find_map(|attempt| {
            let recipe = recipes.all.draw(self.rng)?;
            // The same signature first, then any.
            let fits = attempt >= ATTEMPTS / 2 || recipe.takes(inputs.len());
            if is_same_factor(recipe, &node.kind) || !fits {
                return None;
            }
            self.grower().apply(recipe, output, reuse, budget)
        })?;
        self.sketch.substitute(place, factor, self.old);
        Some(())
    }

    pub(super) fn replace_subgraph(&mut self) -> Option<()> {
        let place = self.draw_factor(|_| true)?;
        let score = self.sketch.role(Role::Score) == Some(place);
        let budget = self.budget_after(place)?;
        if score && percent(self.rng, 50) {
            let factor = self.grower().grow(Type::RATIO, budget)?;
            self.sketch.set_role(Role::Score, Some(factor));
            return Some(());
        }
        let output = self.sketch.entry(place).output;
        let factor = self.grower().grow(output, budget).filter(|&factor| factor != place)?;
        self.sketch.substitute(place, factor, self.old);
        Some(())
    }

    pub(super) fn rewire(&mut self) -> Option<()> {
        let edges: Vec<Edge> = self.sketch.edges().collect();
        let start = below(self.rng, edges.len());
        // From a random edge on, the first that can be fed from elsewhere: few can be in a small graph.
        (0..edges.len()).find_map(|step| {
            let edge = edges[(start + step) % edges.len()];
            let consumer = self.sketch.entry(edge.consumer);
            let kind = self.sketch.entry(edge.source).output;
            let any_number = self.is_score(edge);
            let fits = |&place: &Place| {
                let entry = self.sketch.entry(place);
                (entry.output == kind || (any_number && entry.is_factor() && entry.output.is_number()))
                    && !entry.is_constant()
                    && !consumer.inputs().contains(&place)
            };
            let mut sources: Vec<Place> = self.sketch.places().filter(fits).collect();
            if sources.is_empty() {
                return None;
            }
            let downstream = self.sketch.downstream(edge.consumer);
            sources.retain(|&place| !downstream[place as usize]);
            let source = one_of(self.rng, &sources)?;
            self.sketch.connect(edge.consumer, edge.slot, source);
            Some(())
        })
    }

    pub(super) fn step_parameter(&mut self) -> Option<()> {
        let mut steps: Vec<(Place, usize)> = Vec::new();
        for place in self.sketch.places() {
            let definitions = parameters_of(self.sketch.entry(place).kind());
            let steppable = |parameter: &Parameter| {
                let (least, most) = self.palette.range(parameter);
                !parameter.option && least < most
            };
            steps.extend((0..definitions.len()).filter(|&i| steppable(&definitions[i])).map(|i| (place, i)));
        }
        (0..ATTEMPTS).find_map(|_| {
            let (place, index) = one_of(self.rng, &steps)?;
            let node = Arc::clone(&*self.sketch.entry(place).node);
            let kind = self.stepped(&node.kind, index)?;
            self.sketch.replace_node(place, Node { kind, name: node.name.clone() });
            Some(())
        })
    }

    pub(super) fn step_constant(&mut self) -> Option<()> {
        let place = one_among(self.rng, self.sketch.places().filter(|&place| self.sketch.entry(place).is_constant()))?;
        let node = Arc::clone(&*self.sketch.entry(place).node);
        let Kind::Constant(value) = node.kind else { return None };
        let magnitude = if value == 0.0 { log_uniform(self.rng, 0.001, 0.5) } else { value * step_factor(self.rng) };
        let turned = percent(self.rng, if value == 0.0 { 50 } else { 5 });
        let stepped = rounded(if turned { -magnitude } else { magnitude });
        if stepped == value || !stepped.is_finite() {
            return None;
        }
        self.sketch.replace_node(place, Node { kind: Kind::Constant(stepped), name: node.name.clone() });
        Some(())
    }

    pub(super) fn hoist(&mut self) -> Option<()> {
        let factors: Vec<Place> = self.sketch.places().filter(|&place| self.sketch.entry(place).is_factor()).collect();
        let start = below(self.rng, factors.len());
        (0..factors.len()).find_map(|step| {
            let ancestor = factors[(start + step) % factors.len()];
            let output = self.sketch.entry(ancestor).output;
            let score = self.sketch.role(Role::Score) == Some(ancestor);
            let below_it = self.sketch.upstream(ancestor);
            let fits = |&&place: &&Place| {
                let entry = self.sketch.entry(place);
                place != ancestor
                    && below_it[place as usize]
                    && (entry.output == output || (score && entry.output.is_number()))
            };
            let candidates: Vec<Place> = factors.iter().filter(fits).copied().collect();
            let lifted = one_of(self.rng, &candidates)?;
            if self.sketch.entry(lifted).output == output {
                self.sketch.substitute(ancestor, lifted, self.old);
            } else {
                self.sketch.set_role(Role::Score, Some(lifted));
            }
            Some(())
        })
    }

    /// Grows the role that a rule cannot do without.
    pub(super) fn give_what_rule_needs(&mut self, rule: Rule) -> Option<()> {
        let needed = if rule == Rule::Signal { Role::Entry } else { Role::Score };
        if self.sketch.role(needed).is_some() {
            return Some(());
        }
        let budget = self.budget()?;
        self.give_role(needed, rule, budget)
    }

    fn give_role(&mut self, role: Role, rule: Rule, budget: usize) -> Option<()> {
        let factor = self.grower().role(role, rule, budget)?;
        self.sketch.set_role(role, Some(factor));
        Some(())
    }

    /// The score combined with a new factor: a sum, a product, the smaller or larger, or one of two by a new flag.
    fn extend_score(&mut self, score: Place, budget: usize) -> Option<Place> {
        let output = self.sketch.entry(score).output;
        match below(self.rng, 10) {
            0..=3 => self.combine(Operator::Add, score, output, budget),
            4 => self.combine(Operator::Sub, score, output, budget),
            5..=6 => self.combine(Operator::Mul, score, Type::RATIO, budget),
            7 => {
                let operator = if percent(self.rng, 50) { Operator::Min } else { Operator::Max };
                self.combine(operator, score, output, budget)
            }
            _ => {
                let flag = self.grower().grow(Type::Flag, budget.div_ceil(2))?;
                let other = self.grower().grow(output, budget / 2)?;
                self.sketch.push(Kind::Operator(Operator::IfElse, Parameters::NONE), &[flag, score, other])
            }
        }
    }

    /// `operator(current, new)`, where the new factor is of this type.
    fn combine(&mut self, operator: Operator, current: Place, output: Type, budget: usize) -> Option<Place> {
        let factor = self.grower().grow(output, budget).filter(|&factor| factor != current)?;
        self.sketch.push(Kind::Operator(operator, Parameters::NONE), &[current, factor])
    }

    /// The same kind with one parameter moved by a step; `None` where it cannot move.
    fn stepped(&mut self, kind: &Kind, index: usize) -> Option<Kind> {
        let mut kind = kind.clone();
        let (definitions, valid): (_, &dyn Fn(&Parameters) -> bool) = match &kind {
            Kind::Library(factor, _) => {
                let definition = factor.definition();
                (definition.parameters, &|parameters| definition.check(parameters).is_ok())
            }
            Kind::Operator(operator, _) => {
                let definition = operator.definition();
                (definition.parameters, &|parameters| definition.check(parameters).is_ok())
            }
            Kind::Field(..) | Kind::Constant(_) | Kind::Positions => return None,
        };
        let definition = definitions.get(index)?;
        let (Kind::Operator(_, parameters) | Kind::Library(_, parameters)) = &mut kind else { return None };
        let value = parameters.real(index);
        let (least, most) = self.palette.range(definition);
        let factor = step_factor(self.rng);
        let shift = (most - least) * uniform(self.rng, 0.02, 0.25) * (factor - 1.0).signum();
        // Where one direction is barred by the range or by a longer window, the other is tried.
        for up in [true, false] {
            let (factor, shift) = if up { (factor, shift) } else { (1.0 / factor, -shift) };
            let moved = if definition.is_whole() {
                let moved = (value * factor).round();
                if moved == value { value + (factor - 1.0).signum() } else { moved }
            } else if least > 0.0 {
                rounded(value * factor)
            } else {
                rounded(value + shift)
            };
            let moved = moved.clamp(least, most);
            let mut candidate = *parameters;
            candidate.as_mut_slice()[index] = moved;
            if moved != value && definition.check(moved).is_ok() && valid(&candidate) {
                *parameters = candidate;
                return Some(kind);
            }
        }
        None
    }

    fn grower(&mut self) -> Grower<'_, 'a> {
        Grower { palette: self.palette, sketch: &mut self.sketch, rng: &mut *self.rng }
    }

    /// Nodes that may still be added.
    fn room(&self) -> usize {
        self.palette.settings().max_nodes.saturating_sub(self.old)
    }

    /// Nodes for a new factor that is joined by one more node.
    fn budget(&mut self) -> Option<usize> {
        let most = self.room().saturating_sub(1).min(NEW_FACTOR);
        (most >= 2).then(|| between(self.rng, 2, most))
    }

    /// Nodes for a factor that takes the place of another.
    fn budget_after(&mut self, place: Place) -> Option<usize> {
        let freed = self.sketch.upstream(place).iter().filter(|&&feeds| feeds).count();
        // What others use as well is not freed; a child that grew too large is dropped in the end.
        let most = (self.room() + freed).min(NEW_FACTOR + 1);
        (most >= 2).then(|| between(self.rng, 2, most))
    }

    fn draw_edge(&mut self, wanted: impl Fn(&Entry) -> bool) -> Option<Edge> {
        one_among(self.rng, self.sketch.edges().filter(|edge| wanted(self.sketch.entry(edge.source))))
    }

    fn draw_factor(&mut self, wanted: impl Fn(&Entry) -> bool) -> Option<Place> {
        let is_wanted = |&place: &Place| self.sketch.entry(place).is_factor() && wanted(self.sketch.entry(place));
        one_among(self.rng, self.sketch.places().filter(is_wanted))
    }

    fn is_score(&self, edge: Edge) -> bool {
        edge.consumer == self.sketch.root() && edge.slot == Role::Score as usize
    }
}

/// The literal parameters that a node takes.
fn parameters_of(kind: &Kind) -> &'static [Parameter] {
    match kind {
        Kind::Operator(operator, _) => operator.definition().parameters,
        Kind::Library(factor, _) => factor.definition().parameters,
        Kind::Field(..) | Kind::Constant(_) | Kind::Positions => &[],
    }
}

fn is_same_factor(recipe: Recipe, kind: &Kind) -> bool {
    match (recipe, kind) {
        (Recipe::Operator(recipe), Kind::Operator(operator, _)) => recipe == *operator,
        (Recipe::Library(recipe) | Recipe::LibraryOver(recipe), Kind::Library(factor, _)) => recipe == *factor,
        _ => false,
    }
}
