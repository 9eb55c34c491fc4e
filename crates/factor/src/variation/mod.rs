//! Variation: random strategies, mutation, crossover. Children are valid by construction, parents are never touched.
//!
//! A [`Palette`] holds what a run may draw from. [`random_strategy`] makes strategies, [`Mutation::mutate`] changes
//! one, [`crossover`] breeds two. Every child passes [`Strategy::check`](crate::Strategy::check), compiles, keeps to
//! the palette's size and mixes no units unless a parent did. All of it is a pure function of the parents' structure
//! and of the words drawn from the generator.

mod crossover;
mod draw;
mod edits;
mod generate;
mod mutate;
mod palette;
mod positions;
mod settings;
mod sketch;
mod thresholds;

pub use crossover::crossover;
pub use generate::{random_expression, random_strategy};
pub use mutate::Mutation;
pub use palette::Palette;
pub use settings::VariationSettings;
