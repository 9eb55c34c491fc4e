//! Bars: import, check and align them into a [`Panel`]; download them; make them.
//!
//! ```
//! use market::polars::df;
//!
//! let frame = df!(
//!     "date" => ["2020-01-02", "2020-01-02", "2020-01-03"],
//!     "symbol" => ["B", "A", "A"],
//!     "close" => [20.0, 10.0, 11.0],
//! )?;
//! let panel = market::Panel::from_frame(&frame)?;
//! assert_eq!(panel.symbols(), ["A", "B"]);
//! assert_eq!(panel.values("close").map(|close| close[..3].to_vec()), Some(vec![10.0, 20.0, 11.0]));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! - [`read_panel`] and [`import_frame`] make panels of long tables and give account of what they mended; [`describe`]
//!   says what a panel holds.
//! - [`table`] writes what others compute: CSV, Parquet, Arrow IPC, whole or not at all.
//! - [`RandomWalk`] makes panels where there is no market, for tests and benchmarks.
//!
//! This is the only room that knows polars and reqwest. It does not adjust prices, fill gaps or resample, and it
//! knows nothing of factors or strategies.

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
