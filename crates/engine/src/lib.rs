//! The streaming executor: a market is a stream, a generation is one query.
//!
//! A [`Plan`] merges compiled programs, every distinct node once. An [`Executor`] walks down the rows of a panel in
//! small blocks and runs the plan over each; nothing the size of the panel is ever kept. A kernel is only handed
//! rows up to the current one, so look-ahead cannot be written, and feeding one more bar to the same executor gives
//! today's values with the same code.
//!
//! This room does not know files, what a strategy means, or money.

mod cache;
pub mod conformance;
mod executor;
mod gathering;
mod kernels;
mod layout;
mod live;
mod memory;
mod plan;
mod rank;
mod shelf;
pub mod vectors;

pub use cache::{CacheCounts, NodeCache, Wanted};
pub use executor::{Columns, Error, Executor, NodeRows, Outputs, Sink};
pub use gathering::{Gathering, evaluate};
pub use memory::Memory;
pub use plan::{Plan, PlanCounts};
pub use rank::{Ranker, rising_bits};
pub use shelf::{Contents, Recipe, Shelf};
