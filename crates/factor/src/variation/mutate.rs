//! Mutation: one change at a time, each with a name that benches and trial lists use.

use rand::Rng;

use super::draw::{Draw, percent};
use super::edits::Editor;
use super::palette::Palette;
use super::positions::{
    Change, change_exits, change_weighting, draw_change, is_weighting_usable, redraw_count, step_count, step_rebalance,
};
use super::sketch::Sketch;
use crate::graph::{FactorGraph, Role};
use crate::strategy::{Positions, Rule, Strategy, Weighting};

/// A change that makes a child of one parent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mutation {
    /// Combines a role's factor with a new one: a score is added to, multiplied or made conditional, a flag gets a
    /// second condition.
    AddFactorRoot,
    /// Puts a new small factor in the place of a column or constant.
    AddFactorLeaf,
    /// Puts a unary or windowed factor on an edge.
    AddFactorAfter,
    /// Adds a factor where one is missing: an entry, an exit, a score; a further condition where all are there.
    AddFactorSmart,
    /// Puts one of a factor's inputs in its place, or drops a role that is optional.
    RemoveFactor,
    /// Puts another operator or library factor in a factor's place, on the same inputs where they fit.
    ReplaceFactor,
    /// Puts a new sub-graph in the place of a factor and of all that it alone used.
    ReplaceSubgraph,
    /// Feeds an input from another factor of the graph.
    Rewire,
    /// Moves a window or another literal parameter by a step.
    StepParameter,
    /// Moves a constant by a step.
    StepConstant,
    /// Lifts a sub-graph into the place of one of its ancestors.
    Hoist,
    /// Changes the rule, the number of holdings or the rebalancing.
    ChangePositions,
    /// Changes how the book is divided.
    ChangeWeights,
    /// Adds, drops or steps one exit.
    ChangeExits,
}

impl Mutation {
    /// Every mutation.
    pub const ALL: [Mutation; 14] = [
        Mutation::AddFactorRoot,
        Mutation::AddFactorLeaf,
        Mutation::AddFactorAfter,
        Mutation::AddFactorSmart,
        Mutation::RemoveFactor,
        Mutation::ReplaceFactor,
        Mutation::ReplaceSubgraph,
        Mutation::Rewire,
        Mutation::StepParameter,
        Mutation::StepConstant,
        Mutation::Hoist,
        Mutation::ChangePositions,
        Mutation::ChangeWeights,
        Mutation::ChangeExits,
    ];

    /// The name in benches and trial lists; it never changes.
    pub fn name(self) -> &'static str {
        match self {
            Mutation::AddFactorRoot => "add_factor_root",
            Mutation::AddFactorLeaf => "add_factor_leaf",
            Mutation::AddFactorAfter => "add_factor_after",
            Mutation::AddFactorSmart => "add_factor_smart",
            Mutation::RemoveFactor => "remove_factor",
            Mutation::ReplaceFactor => "replace_factor",
            Mutation::ReplaceSubgraph => "replace_subgraph",
            Mutation::Rewire => "rewire",
            Mutation::StepParameter => "step_parameter",
            Mutation::StepConstant => "step_constant",
            Mutation::Hoist => "hoist",
            Mutation::ChangePositions => "change_positions",
            Mutation::ChangeWeights => "change_weights",
            Mutation::ChangeExits => "change_exits",
        }
    }

    /// The mutation with this name.
    pub fn by_name(name: &str) -> Option<Mutation> {
        Self::ALL.into_iter().find(|mutation| mutation.name() == name)
    }

    /// A child of `parent`, which stays as it is. The child keeps its parent's name and drops its description.
    ///
    /// `None` where the mutation does not apply: nothing to remove, no room under the palette's size, a choice that
    /// led nowhere. A second call may succeed. A child can be equal in meaning to its parent; identities tell.
    pub fn mutate(self, parent: &Strategy, palette: &Palette, rng: &mut impl Rng) -> Option<Strategy> {
        self.apply(parent, palette, rng)
    }

    fn apply(self, parent: &Strategy, palette: &Palette, rng: Draw) -> Option<Strategy> {
        let scored = parent.graph.role(Role::Score).is_some();
        let mut child = Draft { graph: None, positions: parent.positions, exits: parent.exits };
        match self {
            Mutation::ChangeExits => change_exits(&mut child.exits, palette, rng)?,
            Mutation::ChangeWeights => change_weighting(&mut child.positions, scored, palette, rng)?,
            Mutation::ChangePositions => match draw_change(&parent.positions, palette, rng) {
                Change::Count => step_count(&mut child.positions, rng),
                Change::Rebalance => step_rebalance(&mut child.positions, rng),
                Change::Rule(rule) => {
                    let mut editor = Editor::new(Sketch::read(&parent.graph)?, &parent.positions, palette, rng);
                    editor.give_what_rule_needs(rule)?;
                    child.graph = Some(editor.finish()?);
                    change_rule(&mut child, rule, palette, rng);
                }
            },
            _ => {
                let mut editor = Editor::new(Sketch::read(&parent.graph)?, &parent.positions, palette, rng);
                match self {
                    Mutation::AddFactorRoot => editor.add_root(),
                    Mutation::AddFactorLeaf => editor.add_leaf(),
                    Mutation::AddFactorAfter => editor.add_after(),
                    Mutation::AddFactorSmart => editor.add_smart(),
                    Mutation::RemoveFactor => editor.remove(),
                    Mutation::ReplaceFactor => editor.replace(),
                    Mutation::ReplaceSubgraph => editor.replace_subgraph(),
                    Mutation::Rewire => editor.rewire(),
                    Mutation::StepParameter => editor.step_parameter(),
                    Mutation::StepConstant => editor.step_constant(),
                    Mutation::Hoist => editor.hoist(),
                    Mutation::ChangePositions | Mutation::ChangeWeights | Mutation::ChangeExits => None,
                }?;
                child.graph = Some(editor.finish()?);
            }
        }
        child.finish(parent, palette)
    }
}

impl std::fmt::Display for Mutation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// What a child has besides its name.
#[derive(Debug)]
pub(super) struct Draft {
    /// Its graph, where that is not its parent's.
    pub(super) graph: Option<FactorGraph>,
    pub(super) positions: Positions,
    pub(super) exits: crate::strategy::Exits,
}

impl Draft {
    /// The child, if it is within the size and its values make sense together.
    pub(super) fn finish(self, parent: &Strategy, palette: &Palette) -> Option<Strategy> {
        let graph = self.graph.unwrap_or_else(|| parent.graph.clone());
        let child = Strategy {
            name: parent.name.clone(),
            description: None,
            graph,
            positions: self.positions,
            exits: self.exits,
        };
        (child.graph.len() <= palette.settings().max_nodes && child.check().is_ok()).then_some(child)
    }
}

/// Another rule, and positions that make sense under it.
fn change_rule(child: &mut Draft, rule: Rule, palette: &Palette, rng: Draw) {
    child.positions.rule = rule;
    redraw_count(&mut child.positions, rng);
    let scored = child.graph.as_ref().is_some_and(|graph| graph.role(Role::Score).is_some());
    if !is_weighting_usable(&child.positions, scored, palette) {
        child.positions.weight = Weighting::Equal;
    }
    // A rule seldom comes alone: what suits one suits the other's rhythm less.
    if percent(rng, 25) {
        step_rebalance(&mut child.positions, rng);
    }
}
