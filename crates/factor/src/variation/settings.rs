//! What a run lets variation use.

use crate::schema::Schema;
use crate::strategy::Rule;

/// What a run lets variation use: columns, windows, size, rules.
#[derive(Debug, Clone)]
pub struct VariationSettings {
    /// Columns that factors may read.
    pub schema: Schema,
    /// Longest window that is drawn, in rows: a run knows how much history it has. At least
    /// [`VariationSettings::LEAST_WINDOW`].
    pub max_window: u32,
    /// Most nodes of a graph, columns, constants and the terminal node included. From [`VariationSettings::LEAST_NODES`] to
    /// [`VariationSettings::MOST_NODES`].
    pub max_nodes: usize,
    /// Whether operators that compare symbols may be used; few symbols make their ranks coarse.
    pub cross_section: bool,
    /// Whether every operator may be drawn: also those that other operators can stand in for, and those whose values
    /// depend on where the panel starts.
    pub whole_vocabulary: bool,
    /// Rules that strategies may follow. None means the usual one: `top` with a cross-section, else `signal`.
    pub rules: Vec<Rule>,
}

impl VariationSettings {
    /// Shortest limit on windows: below it most factors could not be drawn.
    pub const LEAST_WINDOW: u32 = 5;
    /// Smallest limit on nodes: a terminal node and the smallest factor for each of its roles.
    pub const LEAST_NODES: usize = 10;
    /// Largest limit on nodes: whatever so many nodes are, they expand to a program that can be compiled.
    pub const MOST_NODES: usize = 256;

    /// Settings for a panel with these columns.
    pub fn new(schema: Schema) -> Self {
        Self { schema, max_window: 250, max_nodes: 40, cross_section: true, whole_vocabulary: false, rules: Vec::new() }
    }

    /// The same with every value in its range.
    pub(super) fn in_range(mut self) -> Self {
        self.max_window = self.max_window.clamp(Self::LEAST_WINDOW, crate::operator::MAX_WINDOW);
        self.max_nodes = self.max_nodes.clamp(Self::LEAST_NODES, Self::MOST_NODES);
        if self.rules.is_empty() {
            self.rules.push(if self.cross_section { Rule::Top } else { Rule::Signal });
        }
        self
    }
}
