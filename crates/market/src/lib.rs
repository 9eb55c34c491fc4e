//! Bars: import, check and align them into a [`Panel`]; download them; make them.
//!
//! What this crate does:
//! - [`read_panel`] and [`import_frame`] turn long and wide tables (CSV, Parquet, Arrow IPC, folders of them, data
//!   frames) into a [`Panel`] and account for every row in a [`Ledger`]: what was read, kept, dropped and repaired, by
//!   which rule. What cannot be mended is an [`Error`] that names file, row, column and value.
//! - [`check()`] looks for what a bar can be and should not: copies of other days, spikes, splits, gaps; [`mask`] takes
//!   them out, and [`write_panel`] writes a panel that reads back as the same.
//! - [`Panel`] holds the market: dense fields `[bars x symbols]`, row after row, over one [`Calendar`]; NaN where a symbol
//!   does not trade, never infinite. Annualisation follows from the calendar's [`Frequency`].
//! - [`describe`] sums a panel up; [`table`] writes results as CSV, Parquet or Arrow IPC, whole or not at all.
//! - [`fetch`](mod@fetch) downloads one file, or the bars of many symbols, patiently; [`synthetic`] makes markets to order,
//!   with or without an edge.
//!
//! What it does not do: adjust prices for splits or dividends by anything but the file's own `adj_close`, or know anything
//! of factors and strategies. It is the only crate of evoquant that knows polars (re-exported as [`polars`] for those who bring
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

mod cache;
mod calendar;
mod cells;
mod check;
mod error;
mod export;
pub mod fetch;
mod import;
mod panel;
mod staged;
mod summary;
pub mod synthetic;
pub mod table;

pub use polars;
pub use polars::prelude::DataFrame;

pub use cache::{CacheStatistics, Found, KeptPanel, PanelCache};
pub use calendar::{Calendar, CalendarError, Frequency};
pub use check::{CheckOptions, CheckReport, CheckRule, Finding, RuleSummary, Severity, check, check_panel, mask};
pub use error::Error;
pub use export::{check_panel_extension, write_panel};
pub use fetch::{FetchOptions, FetchReport, fetch};
pub use import::{
    Adjustment, Import, ImportOptions, Ledger, LedgerEntry, ListedImport, Mended, PanelStream, RowOrder, Session,
    count_rows, import_frame, mended_table, read_panel, read_panel_listed, stream_panel,
};
pub use panel::{Group, GroupView, Panel, PanelError};
pub use staged::write_atomically;
pub use summary::{FieldSummary, GroupSummary, PanelSummary, describe};
pub use synthetic::{RandomWalk, SynthSpec, Synthetic, random_walk};
