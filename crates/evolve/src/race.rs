//! Strategies that lag behind, at fixed rows of train, those that earlier generations brought to the end.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::Error;

/// Decisions of a race: after a quarter, a half and three quarters of train's rows.
pub const DECISIONS: usize = 3;

/// A race, as a person specifies it: every key may be left out. At each decision the fitness that a strategy has on the
/// rows of train so far is held against a bar, and one that lies below is evaluated no further.
///
/// The bar is learnt from the strategies of earlier generations that were evaluated to the end: of those, the `best` by
/// their fitness on the whole of train, as many as would still have been dropped by a bar at that height are the share
/// `lose`. So a race that cannot tell early who will be good drops hardly anybody.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Racing {
    /// Share of the strategies evaluated to the end whose like is wanted.
    pub best: f64,
    /// Share of those that one decision may have cost.
    pub lose: f64,
    /// Generations that nobody is dropped from: the first bars are learnt from them.
    pub after: usize,
}

impl Default for Racing {
    fn default() -> Self {
        Self { best: 0.2, lose: 0.02, after: 1 }
    }
}

impl Racing {
    pub(crate) fn check(&self) -> Result<(), Error> {
        let fail = |key: &str, must: &str, value: f64| {
            Err(Error::Specification(format!("`racing.{key}` must be {must}, not {value}")))
        };
        if !(self.best > 0.0 && self.best <= 1.0) {
            return fail("best", "a share above 0 and at most 1", self.best);
        }
        if !(0.0..1.0).contains(&self.lose) {
            return fail("lose", "a share from 0 to below 1", self.lose);
        }
        if self.after == 0 {
            return fail("after", "at least 1: bars are learnt from an earlier generation", 0.0);
        }
        Ok(())
    }

    /// The bars that a generation is held to, given what came to the end in earlier ones.
    pub(crate) fn bars(&self, generation: usize, finishers: &[Finisher]) -> Bars {
        if generation <= self.after || finishers.is_empty() {
            return Bars::NONE;
        }
        let mut order: Vec<&Finisher> = finishers.iter().collect();
        // Of equals, the earlier.
        order.sort_by(|left, right| right.fitness.total_cmp(&left.fitness));
        order.truncate(((self.best * order.len() as f64).ceil() as usize).max(1));
        Bars(std::array::from_fn(|decision| {
            let mut partial: Vec<f64> = order.iter().filter_map(|one| one.partial[decision]).collect();
            partial.sort_by(f64::total_cmp);
            // Rounded down: few strategies must not cost any.
            partial.get((self.lose * partial.len() as f64) as usize).copied().unwrap_or(f64::NEG_INFINITY)
        }))
    }
}

/// What a strategy's fitness so far must reach at each decision.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Bars([f64; DECISIONS]);

impl Bars {
    /// Bars that anybody reaches.
    pub(crate) const NONE: Bars = Bars([f64::NEG_INFINITY; DECISIONS]);

    /// Whether a strategy goes on. One without a fitness so far has not begun, and cannot be judged.
    pub(crate) fn pass(&self, decision: usize, partial: Option<f64>) -> bool {
        partial.is_none_or(|partial| partial >= self.0[decision])
    }
}

/// A strategy that was evaluated to the end and has a fitness.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Finisher {
    /// Fitness on train.
    pub fitness: f64,
    /// Fitness on the rows of train up to each decision; `None` where it was undefined.
    pub partial: [Option<f64>; DECISIONS],
}

/// The row before which each decision falls.
pub(crate) fn decision_rows(train: &Range<usize>) -> [usize; DECISIONS] {
    std::array::from_fn(|decision| train.start + train.len() * (decision + 1) / (DECISIONS + 1))
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
