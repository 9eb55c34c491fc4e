//! Strategies that lag behind, at fixed rows of train, those that earlier generations brought to the end.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::Error;

/// Decisions of a race: after a quarter, a half and three quarters of train's rows.
pub const DECISIONS: usize = 3;

/// A race, as a person specifies it: every key may be left out. At each decision the fitness that a strategy has on the
/// rows of train so far is held against a bar, and one that lies below is evaluated no further.
///
/// The bar is the lowest fitness so far of any strategy of earlier generations that was evaluated to the end and turned
/// out to be among the best of those: nobody is dropped who stands no worse than somebody who made it. How many count as
/// the best depends on how much can be known: where half of train is seen, the share is twice [`best`](Self::best).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Racing {
    /// Share of strategies, by fitness on train, whose like is not to be lost: above 0, at most 1. The smaller, the more
    /// is dropped.
    pub best: f64,
    /// Generations that nobody is dropped from, at least 1: the first bars are learnt from them.
    pub after: usize,
}

impl Default for Racing {
    fn default() -> Self {
        Self { best: 0.15, after: 1 }
    }
}

impl Racing {
    pub(crate) fn check(&self) -> Result<(), Error> {
        if !(self.best > 0.0 && self.best <= 1.0) {
            let message = format!("`racing.best` must be a share above 0 and at most 1, not {}", self.best);
            return Err(Error::Specification(message));
        }
        if self.after == 0 {
            let message = "`racing.after` must be at least 1: bars are learnt from earlier generations".to_owned();
            return Err(Error::Specification(message));
        }
        Ok(())
    }

    /// The bars that a generation is held to, given who came to the end in earlier ones.
    pub(crate) fn bars(&self, generation: usize, finishers: &[Finisher]) -> Bars {
        if generation <= self.after {
            return Bars::NONE;
        }
        let mut ranking: Vec<&Finisher> = finishers.iter().collect();
        // Of equals the earlier, so that the ranking is one.
        ranking.sort_by(|left, right| right.fitness.total_cmp(&left.fitness));
        Bars(std::array::from_fn(|decision| {
            let share = (self.best / part_of_train(decision)).min(1.0);
            let best = &ranking[..(share * ranking.len() as f64).ceil() as usize];
            // Without anybody to learn from there is no bar.
            best.iter().filter_map(|one| one.partial[decision]).min_by(f64::total_cmp).unwrap_or(f64::NEG_INFINITY)
        }))
    }
}

/// The part of train that is seen when a decision falls.
fn part_of_train(decision: usize) -> f64 {
    (decision + 1) as f64 / (DECISIONS + 1) as f64
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

#[cfg(test)]
mod tests {
    use super::*;

    const LOW: f64 = f64::NEG_INFINITY;

    fn finisher(fitness: f64, partial: [Option<f64>; DECISIONS]) -> Finisher {
        Finisher { fitness, partial }
    }

    #[test]
    fn bars_are_the_lowest_that_the_best_had() {
        // By fitness: 4, 3, 2, 1.
        let finishers = [
            finisher(1.0, [Some(-9.0), Some(-9.0), Some(-9.0)]),
            finisher(4.0, [Some(0.5), Some(2.0), Some(3.5)]),
            finisher(2.0, [Some(-1.0), None, Some(1.0)]),
            finisher(3.0, [None, Some(1.5), Some(4.0)]),
        ];
        let check = |best: f64, after: usize, generation: usize, expected: [f64; DECISIONS]| {
            let bars = Racing { best, after }.bars(generation, &finishers);
            assert_eq!(bars, Bars(expected), "best {best} after {after} in generation {generation}");
        };
        // Of four, the best 4, 2 and 2 (4/3, rounded up).
        check(0.25, 1, 2, [-9.0, 1.5, 3.5]);
        // The best 1 each; of the best 2 after a quarter, one had not begun.
        check(0.1, 1, 2, [0.5, 2.0, 3.5]);
        // 3, 2 and 1 of four.
        check(0.1875, 1, 5, [-1.0, 1.5, 3.5]);
        // All.
        check(1.0, 1, 2, [-9.0; DECISIONS]);
        // Too early.
        check(0.1, 1, 1, [LOW; DECISIONS]);
        check(0.1, 3, 3, [LOW; DECISIONS]);
        check(0.1, 3, 4, [0.5, 2.0, 3.5]);
        assert_eq!(Racing::default().bars(7, &[]), Bars::NONE);
    }

    #[test]
    fn who_reaches_the_bar_or_has_not_begun_goes_on() {
        let bars = Bars([1.0, LOW, 1.0]);
        let cases = [(0, Some(1.0), true), (0, Some(0.999), false), (0, None, true), (1, Some(-1e300), true)];
        for (decision, partial, passes) in cases {
            assert_eq!(bars.pass(decision, partial), passes, "{partial:?} at {decision}");
        }
    }

    #[test]
    fn decisions_fall_after_quarters_of_train() {
        assert_eq!(decision_rows(&(0..100)), [25, 50, 75]);
        assert_eq!(decision_rows(&(10..21)), [12, 15, 18]);
    }
}
