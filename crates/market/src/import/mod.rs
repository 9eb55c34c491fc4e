//! Long tables into panels: read, check, mend by stated rules, count what was mended, align.
//!
//! One row is one symbol at one time. Reading goes in five steps, each in a module of its own: a file becomes raw
//! columns ([`files`], [`csv`], [`binary`], [`frame`]); headers get their roles ([`columns`]); dates, symbols and numbers are
//! read ([`dates`], [`cells`]); rows are checked and mended ([`repair`]); what remains is aligned into a
//! [`Panel`] ([`align`]).

mod align;
mod binary;
mod blocks;
mod cells;
mod columns;
mod csv;
mod dates;
mod files;
mod frame;
mod ledger;
mod pages;
mod raw;
mod repair;

use std::path::Path;

use polars::prelude::DataFrame;

pub use ledger::{Ledger, LedgerEntry};

use crate::error::Error;
use crate::panel::Panel;
use raw::RawTable;

/// How a table is imported. The default mends what it can and says so in the [`Ledger`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportOptions {
    /// Refuse whatever would have to be mended, instead of mending it.
    pub strict: bool,
    /// Name of the one symbol of a table without a symbol column. `None`: the file's name without its extension, or
    /// `ASSET` for a frame.
    pub symbol: Option<String>,
    /// Whether 02/08/2013 is 2 August. `None`: as some row of the file proves by a part above 12, else refused.
    pub day_first: Option<bool>,
    /// Most bytes that the dense panel, or the table read on the way to it, may take. Four GiB by default.
    pub max_bytes: u64,
}

impl Default for ImportOptions {
    fn default() -> Self {
        Self { strict: false, symbol: None, day_first: None, max_bytes: 4 << 30 }
    }
}

/// A panel and the account of how it came about.
#[derive(Debug, Clone)]
pub struct Import {
    /// The aligned market: symbols sorted by name, bars the union of all dates.
    pub panel: Panel,
    /// Rows read, kept, dropped and mended, and why.
    pub ledger: Ledger,
}

/// Imports a long table: one row a symbol and time.
///
/// Files are CSV (`.csv`, `.tsv`, `.txt`, also with `.gz` or `.zst` behind; comma, semicolon, tab or bar), Parquet
/// (`.parquet`, `.pq`) or Arrow IPC (`.ipc`, `.arrow`, `.feather`); what the name says, the content has to confirm.
///
/// # Columns
/// Headers are read without regard to case, spaces, underscores and brackets.
/// - Needed: a date or time (`date`, `datetime`, `timestamp`, `time`) and `close`. A column `time` beside `date` is
///   the time of day. Text dates are ISO (2013-02-08), 20130208, or 02/08/2013 where some row settles which part is
///   the day; numbers are seconds, milli-, micro- or nanoseconds since 1970 where all are of one unit.
/// - The symbol is `symbol`, `ticker`, `instrument`, `code`, `tic`, `name` or `asset`, the first of these. A table
///   without one is one symbol, named after the file.
/// - `open`, `high`, `low`, `volume` (`vol`) and `adj_close` (`Adj Close`, `adjusted`) must be numbers. Prices are
///   taken as they are: nothing is adjusted here.
/// - Other columns of numbers become fields under their own names in snake case, other columns of text become groups.
///
/// Empty cells, `null`, `NA`, `N/A`, `NaN` and `-` are missing values; `NA` is a ticker where a symbol stands.
///
/// # Repairs
/// In this order; each is counted in the [`Ledger`] and refused under [`ImportOptions::strict`].
/// 1. A row without date or symbol is dropped.
/// 2. Rows of a symbol that do not rise in time are sorted.
/// 3. Of several rows of one date and symbol, the last is kept.
/// 4. An infinite value becomes missing.
/// 5. Where a price is zero or below, the bar's open, high, low, close and volume become missing: such a row is a
///    placeholder or a mistake, and the rest of it cannot be trusted.
/// 6. A volume below zero becomes missing.
/// 7. Where high is below low, or open or close outside of them, by more than a millionth, the same five become
///    missing: which of them is wrong cannot be known.
/// 8. A row without a close is kept; its symbol is no member of the universe on that bar.
///
/// # Errors
/// When the file cannot be read, holds something that cannot be mended, or would make a panel above
/// [`ImportOptions::max_bytes`]. The message names file, row (the header is row 1), column and value, and the way out.
///
/// # Examples
/// ```
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("prices.csv");
/// std::fs::write(&path, "Date,Ticker,Close,Sector\n2020-01-02,A,10,Energy\n2020-01-03,A,-1,Energy\n")?;
/// let import = market::read_panel(&path, &market::ImportOptions::default())?;
/// assert_eq!(import.panel.values("close").map(<[f64]>::len), Some(2));
/// assert_eq!(import.panel.group("sector").map(|group| group.labels.len()), Some(1));
/// assert_eq!(import.ledger.repaired[0].first_example, "row 3 (A 2020-01-03), column `Close`, value `-1`");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn read_panel(path: &Path, options: &ImportOptions) -> Result<Import, Error> {
    let origin = path.display().to_string();
    let symbol = files::stem(path);
    let frame = match files::kind(path, options)? {
        files::Kind::Text => {
            let mut text = csv::read_text(path, options.max_bytes)?;
            let split = csv::split(&mut text, &origin, options.max_bytes)?;
            return import(&split.into_table(&text, &origin), &symbol, options);
        }
        files::Kind::Parquet => binary::read_parquet(path, options)?,
        files::Kind::Ipc => binary::read_ipc(path, options)?,
    };
    import(&frame::raw_table(&frame, &origin)?, &symbol, options)
}

/// Imports a frame that is already in memory, by the rules of [`read_panel`]. Its first row counts as row 2 in
/// messages, as if a header stood above it.
///
/// # Errors
/// As [`read_panel`].
pub fn import_frame(frame: &DataFrame, options: &ImportOptions) -> Result<Import, Error> {
    import(&frame::raw_table(frame, "frame")?, "ASSET", options)
}

impl Panel {
    /// Makes a panel of a long frame (one row per symbol and time) by the rules of [`read_panel`], mending silently;
    /// [`import_frame`] also gives the ledger.
    ///
    /// # Errors
    /// When the frame holds something that cannot be mended.
    pub fn from_frame(frame: &DataFrame) -> Result<Self, Error> {
        Ok(import_frame(frame, &ImportOptions::default())?.panel)
    }
}

fn import(table: &RawTable<'_>, default_symbol: &str, options: &ImportOptions) -> Result<Import, Error> {
    if table.rows == 0 {
        return Err(table.unusable("has no rows; it needs a header and rows of bars"));
    }
    let roles = columns::roles(table)?;
    let times = dates::read_times(table, roles.date, roles.time_of_day, options)?;
    let symbols = match roles.symbol {
        Some(index) => cells::read_symbols(table, index)?,
        None => cells::Symbols::one(options.symbol.as_deref().unwrap_or(default_symbol), table.rows),
    };
    let mut values = cells::read_values(table, &roles)?;
    let mut ledger = Ledger::new(table, &roles);
    let grid = align::Grid::new(table, &roles, &times, &symbols, &values, options, &mut ledger)?;
    repair::mend(table, &grid, &mut values, &mut ledger);
    ledger.refuse_if_strict(options)?;
    let panel = grid.into_panel(table, values)?;
    Ok(Import { panel, ledger })
}
