//! Bars: import, check and align them into a [`Panel`]; download them; make them.
//!
//! What this crate does:
//! - [`read_panel`] and [`import_frame`] turn long tables (CSV, Parquet, Arrow IPC, data frames) into a [`Panel`] and
//!   account for every row in a [`Ledger`]: what was read, kept, dropped and repaired, by which rule. What cannot be
//!   mended is an [`Error`] that names file, row, column and value.
//! - [`Panel`] holds the market: dense fields `[bars x symbols]`, row after row, over one [`Calendar`]; NaN where a symbol
//!   does not trade, never infinite. Annualisation follows from the calendar's [`Frequency`].
//! - [`describe`] sums a panel up; [`table`] writes results as CSV, Parquet or Arrow IPC, whole or not at all.
//! - [`fetch`](mod@fetch) downloads one file, or the bars of many symbols, patiently; [`synthetic`] makes random walks without an edge.
//!
//! What it does not do: adjust prices for splits or dividends, look for look-ahead in the data, or know anything of factors
//! and strategies. It is the only crate of evoquant that knows polars (re-exported as [`polars`] for those who bring
//! frames) and reqwest.
//!
//! # Examples
//! ```
//! use market::polars::prelude::df;
//! use market::{ImportOptions, import_frame};
//!
//! let frame = df!(
//!     "Date" => ["2020-01-02", "2020-01-03", "2020-01-03"],
//!     "Ticker" => ["KO", "KO", "PEP"],
//!     "Close" => [54.99, 54.69, -1.0],
//! )?;
//! let import = import_frame(&frame, &ImportOptions::default())?;
//! assert_eq!(import.panel.symbols(), ["KO", "PEP"]);
//! assert!(import.panel.values("close").unwrap()[3].is_nan());
//! assert_eq!(import.ledger.repaired[0].rule, "a price that is not positive");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod calendar;
mod error;
pub mod fetch;
mod import;
mod panel;
mod staged;
mod summary;
pub mod synthetic;
pub mod table;

pub use polars;
pub use polars::prelude::DataFrame;

pub use calendar::{Calendar, CalendarError, Frequency};
pub use error::Error;
pub use fetch::{FetchOptions, FetchReport, fetch};
pub use import::{Import, ImportOptions, Ledger, LedgerEntry, import_frame, read_panel};
pub use panel::{Group, Panel, PanelError};
pub use staged::write_atomically;
pub use summary::{FieldSummary, GroupSummary, PanelSummary, describe};
pub use synthetic::{RandomWalk, random_walk};
