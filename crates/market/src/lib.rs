//! Bars: import, check and align them into a [`Panel`]; download them; make them.
//!
//! This is the only room that knows polars and reqwest, and all reading and writing of tables happens here
//! ([`table`]). It knows nothing of factors or strategies.

mod calendar;
mod panel;
mod synthetic;

pub use calendar::{Calendar, CalendarError, Frequency};
pub use panel::{Group, Panel, PanelError};
pub use synthetic::{RandomWalk, random_walk};
