//! Evolution: from a run specification to champions and a verdict.
//!
//! [`RunSpec`] is what a person writes, [`RunConfig`] the same checked and resolved for one market, [`run`] the
//! whole of it. Selection reads train, champions are picked on validation, and the exam's rows are fed once, after
//! the last generation. Every distinct strategy evaluated is reported to the [`Observer`] as a [`Trial`].
//!
//! The same specification, market and seed give the same trials, to the bit, at any number of threads: random
//! streams belong to (seed, island, generation, individual), and groups of strategies follow from the population
//! alone.
//!
//! This room does not know file formats or the screen.

mod config;
mod counts;
mod evaluate;
mod filling;
mod race;
#[cfg(test)]
mod race_tests;
mod random;
mod run;
mod search;

pub use config::{Algorithm, CROSS_SECTION, Objectives, RunConfig, RunSpec};
pub use counts::{NodeCounts, RowCounts, ShelfCounts};
pub use evaluate::{Evaluation, GROUP, Rejection, Rejections, Scores};
pub use race::{DECISIONS, Finisher, Racing};
pub use run::{Champion, Control, EvaluatedGeneration, Resources, RunResult, evaluate, run};
pub use search::{GenerationRecord, Individual, Next, Observer, Remembered, Search, SearchState, StopReason, Trial};

/// Why a run cannot start or go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The specification asks for something that cannot be.
    #[error("{0}")]
    Specification(String),
    /// A checkpoint does not hold what it should.
    #[error("the checkpoint cannot be used: {0}")]
    Checkpoint(String),
    /// Threads could not be started.
    #[error("cannot start the worker threads: {0}")]
    Threads(String),
    /// The observer failed.
    #[error(transparent)]
    Observer(Box<dyn std::error::Error + Send + Sync>),
}
