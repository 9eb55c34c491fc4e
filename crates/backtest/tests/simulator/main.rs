//! The simulator: cases by hand, laws that every simulation keeps, and agreement with a slow one without cleverness.

mod by_hand;
mod choices;
mod fills_by_hand;
mod laws;
mod reference;
mod world;
