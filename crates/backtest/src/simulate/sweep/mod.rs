//! What a bar does to all that is held or ordered, a chunk of symbols at a time.
//!
//! The same arithmetic as for one symbol elsewhere in this folder, bit for bit, in loops without branches that the
//! compiler turns into vector instructions. Lanes that are not concerned are computed with and left as they were. Columns
//! are arguments of their own: so the compiler knows that they do not overlap. Where lanes stay as they were, they are
//! read from a copy: otherwise the compiler would store the others alone, which some processors take long to do.

mod close;
mod fill;
mod flags;
mod order;

pub(super) use close::{due, value};
pub(super) use fill::{average, open, reduce};
pub(super) use flags::{Endings, finite, greater, told};
pub(super) use order::{Decision, Limits, order};
