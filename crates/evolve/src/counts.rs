//! What evaluating strategies took, and what was spared.

use engine::PlanCounts;
use serde::{Deserialize, Serialize};

/// What became of the operator nodes that strategies hold together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct NodeCounts {
    /// Nodes that the strategies hold.
    pub asked: usize,
    /// Of those, the ones that ran for another strategy of the same group.
    pub shared: usize,
    /// Of those, the ones that the cache spared, less those that were computed to be kept.
    pub cached: usize,
    /// Nodes that ran.
    pub run: usize,
}

impl NodeCounts {
    pub(crate) fn new(groups: PlanCounts, kept: PlanCounts) -> Self {
        let run = groups.run + kept.run;
        let shared = groups.asked - groups.distinct;
        Self { asked: groups.asked, shared, cached: groups.distinct.saturating_sub(run), run }
    }

    /// The share of nodes that did not have to run, 0 to 1.
    pub fn saved(&self) -> f64 {
        1.0 - self.run as f64 / self.asked.max(1) as f64
    }
}

impl std::ops::AddAssign for NodeCounts {
    fn add_assign(&mut self, other: Self) {
        self.asked += other.asked;
        self.shared += other.shared;
        self.cached += other.cached;
        self.run += other.run;
    }
}

/// How much of the work a race spared: rows of strategies, and rows of the nodes that their programs merge into. Of what
/// is computed once for many groups nothing is spared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RowCounts {
    /// Rows that strategies were simulated on.
    pub run: u64,
    /// Rows that raced-out strategies were not.
    pub spared: u64,
    /// Rows that nodes ran over.
    pub nodes_run: u64,
    /// Rows that nodes did not, because only raced-out strategies would have needed them.
    pub nodes_spared: u64,
}

impl RowCounts {
    /// The share of strategies' rows that was spared, 0 to 1.
    pub fn saved(&self) -> f64 {
        self.spared as f64 / (self.run + self.spared).max(1) as f64
    }
}

impl std::ops::AddAssign for RowCounts {
    fn add_assign(&mut self, other: Self) {
        self.run += other.run;
        self.spared += other.spared;
        self.nodes_run += other.nodes_run;
        self.nodes_spared += other.nodes_spared;
    }
}

/// What a [shelf](engine::Shelf) did for the nodes that the cache wanted. Unlike all other counts, these follow from what
/// earlier runs left there; no result does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ShelfCounts {
    /// Nodes whose values were found, and not computed.
    pub found: usize,
    /// Bytes of those values.
    pub found_bytes: u64,
    /// Nodes that were looked for and not found.
    pub missed: usize,
    /// Of those, the ones that were put there.
    pub kept: usize,
    /// Bytes of their values.
    pub kept_bytes: u64,
    /// Nanoseconds of one processor that finding saved, by the costs that operators state: an estimate.
    pub saved_nanoseconds: u64,
}

/// What evaluating strategies took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Work {
    pub(crate) nodes: NodeCounts,
    /// All zero without a race.
    pub(crate) rows: RowCounts,
}
