//! Bars: import, check and align them into a [`Panel`]; download them; make them.
//!
//! This is the only room that knows polars and reqwest, and all reading and writing of tables happens here
//! ([`table`]). It knows nothing of factors or strategies.

mod calendar;
mod error;
mod import;
mod panel;
mod summary;
mod synthetic;
pub mod table;

pub use calendar::{Calendar, CalendarError, Frequency};
pub use error::Error;
pub use import::{Import, ImportOptions, Ledger, LedgerEntry, import_frame, read_panel};
pub use panel::{Group, Panel, PanelError};
pub use polars;
pub use polars::frame::DataFrame;
pub use summary::{FieldSummary, GroupSummary, PanelSummary, describe};
pub use synthetic::{RandomWalk, random_walk};
pub use table::{Column, Table, long_values, write_atomically};
