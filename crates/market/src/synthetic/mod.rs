//! Markets out of a generator: [`Synthetic`] markets to order, and [random walks](RandomWalk) without an edge.

mod clock;
mod generator;
mod keys;
mod model;
mod panel;
mod pilot;
mod plant;
mod random;
mod random_walk;
mod reading;
mod shared;
mod spec;
mod symbol;
mod write;

pub use generator::{Chunk, Generator};
pub use model::Synthetic;
pub use plant::{Bar, Truth};
pub use random_walk::{RandomWalk, random_walk};
pub use spec::{Decay, Noise, PlantReturn, Regime, Scenario, ScenarioKind, Session, Spacing, SynthSpec};
pub use write::{GENERATOR, Progress, SEGMENT_ROWS, WriteOptions};
