//! Files, folders and frames of bars into a [`Panel`], with an account of everything that was mended on the way.
//!
//! # Files
//! CSV (`.csv`, `.tsv`, `.txt`, plain or `.gz`, `.zst`; comma, semicolon, tab or bar), Parquet (`.parquet`, `.pq`) and
//! Arrow IPC (`.ipc`, `.arrow`, `.feather`). Headers are read without regard to case, spaces and underscores.
//!
//! - **Long**: one row a date and symbol. Columns: a date (`date`, `datetime`, `timestamp`, `time`, `open_time`), a symbol
//!   (`symbol`, `ticker`, `instrument`, `code`, `Name`, ...; a file without one is one symbol named after the file),
//!   `close`, and where present `open`, `high`, `low`, `volume`, `adj_close` (`Adj Close`, `adjusted`). Every further
//!   column of numbers is a field under its own name, every further column of text a group. Binance's klines need no
//!   header; their end times are left out.
//! - **Wide**: one row a date, one column a symbol, all of one field. The field is what the file's name ends with
//!   (`close`, `sp500_adj_close`); a file of another name is one of closes where it stands alone, and a field of its
//!   name in a folder. What yfinance writes, with fields over tickers, is one file of all fields.
//! - **Folders** of either kind, and the folders in them: all files of a known kind, in the order of their paths. Files
//!   without rows are left out; any other that cannot be read is an error that names it.
//!
//! Empty cells, `null`, `NA`, `N/A`, `NaN` and `-` are missing values (`NA` is a ticker where a symbol stands).
//! Prices are taken as they are, unless [`ImportOptions::adjust`] asks for `adj_close`.
//!
//! # Times
//! Dates, and times without an offset, are read as they stand. Times with an offset, with a zone, or counted since 1970
//! are instants. [`ImportOptions::time_zone`] says where clocks without an offset are, and where days begin.
//!
//! # Repairs
//! In this order; each is counted in the [`Ledger`], and each is an error under [`ImportOptions::strict`].
//! - A file of a folder without a row is left out.
//! - A row without date or symbol is dropped, and so is one outside of [`ImportOptions::session`] (which strict allows).
//! - Of several rows with one date and symbol, the last is kept.
//! - Rows that stand out of order of dates within their symbol are sorted.
//! - An infinite value becomes missing.
//! - Where open, high, low or close is zero or negative, the whole bar (these four, `adj_close` and `volume`) becomes
//!   missing: such a row is a placeholder or an error, and the rest of it cannot be trusted.
//! - Where high is below low, or open or close lies outside of both by more than a millionth, the whole bar becomes
//!   missing: there is no telling which of the prices is wrong.
//! - A negative volume becomes missing, and so does an `adj_close` of zero or less.
//! - A row without a close is kept, but its symbol is not traded on that bar.
//! - Under [`ImportOptions::adjust`], a bar with a close and no `adj_close` becomes missing.

mod blocks;
mod chunks;
mod columns;
mod csv;
mod dates;
mod dense;
mod frame;
mod ledger;
mod lookups;
mod pages;
mod part;
mod raw;
mod repair;
mod session;
mod source;
mod stream;
mod values;

use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use ndarray::Array2;
use polars::prelude::DataFrame;

use self::dense::Dense;
pub use self::ledger::{Ledger, LedgerEntry, Mended, mended_table};
use self::ledger::{Mention, Repairs, Rule};
use self::part::{Part, make_part, read_part};
pub use self::session::Session;
pub(crate) use self::source::EXTENSIONS;
pub use self::stream::{PanelStream, RowOrder, count_rows, stream_panel};
use self::values::Column;
use crate::calendar::Calendar;
use crate::error::Error;
use crate::panel::{Group, Panel, PanelError};

/// How to import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportOptions {
    /// Refuse what would have to be repaired.
    pub strict: bool,
    /// Name of the one symbol of a table without a symbol column; by default the file's name without its
    /// extensions, or `asset` for a frame.
    pub symbol: Option<String>,
    /// How to read 02/08/2013: `Some(true)` is 2 August. By default the column itself has to settle it with a part
    /// above 12, and is refused where it does not.
    pub day_first: Option<bool>,
    /// Most bytes that the dense panel, or the table read on the way to it, may take; 4 GiB by default. Bars x symbols
    /// grows fast where symbols do not share their dates.
    pub max_bytes: u64,
    /// Whether prices give way to those that `adj_close` stands for.
    pub adjust: Adjustment,
    /// IANA name of the zone in which times without an offset are read, and in which days begin; by default UTC, or the
    /// zone that the file names. Dates without a time of day have none.
    pub time_zone: Option<String>,
    /// Hours of trading in that zone; bars outside of them are dropped.
    pub session: Option<Session>,
    /// A table with a column of symbols and others of labels, such as `symbol, sector`: each becomes a group.
    pub sectors: Option<PathBuf>,
    /// A table `symbol, from, to` of the days on which symbols entered and left the universe, both included, an empty
    /// cell for an open end: it becomes the field `universe`, 1 for members and 0 for others.
    pub universe: Option<PathBuf>,
}

impl Default for ImportOptions {
    fn default() -> Self {
        Self {
            strict: false,
            symbol: None,
            day_first: None,
            max_bytes: 4 << 30,
            adjust: Adjustment::None,
            time_zone: None,
            session: None,
            sectors: None,
            universe: None,
        }
    }
}

/// What becomes of a column `adj_close`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Adjustment {
    /// It stays a field of its own.
    #[default]
    None,
    /// It takes the place of `close`; open, high and low are scaled by `adj_close / close`. Volume stays as it is, as
    /// vendors that publish such a column state it in today's shares.
    Prices,
    /// As above, and volume is divided by `adj_close / close`, so that price times volume stays what was paid: for sources
    /// whose volume is that of the day, and whose `close` is not adjusted for splits either.
    PricesAndVolume,
}

/// A panel and how it came about.
#[derive(Debug, Clone)]
pub struct Import {
    /// The market.
    pub panel: Panel,
    /// What was read, kept, dropped and repaired.
    pub ledger: Ledger,
}

/// An import and all it did.
#[derive(Debug, Clone)]
pub struct ListedImport {
    /// The panel and its ledger.
    pub import: Import,
    /// Every row that was dropped or mended, in the order in which it was come upon; the first million of them.
    pub mended: Vec<Mended>,
}

/// Reads a file of bars, or a folder of such files. The extension says what a file is, and its content has to agree.
///
/// # Errors
/// When a file cannot be read or is not what its extension says; when a date or close column is missing; when a
/// cell cannot be read (with its row); when the panel would exceed [`ImportOptions::max_bytes`]; and under
/// [`ImportOptions::strict`] for anything that would have to be repaired.
pub fn read_panel(path: &Path, options: &ImportOptions) -> Result<Import, Error> {
    import_path(path, options, Repairs::default(), &mut |_, _| {}).map(|listed| listed.import)
}

/// [`read_panel`] that lists every row it mends, and says after each file how many are read, of how many.
///
/// # Errors
/// As [`read_panel`].
pub fn read_panel_listed(
    path: &Path,
    options: &ImportOptions,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<ListedImport, Error> {
    import_path(path, options, Repairs::listing(), progress)
}

/// The files that [`read_panel`] reads for a market, in order, by their paths from the root.
///
/// # Errors
/// When one does not exist, or a folder cannot be listed.
pub(crate) fn sources(path: &Path, options: &ImportOptions) -> Result<Vec<PathBuf>, Error> {
    let mut paths = if path.is_dir() { source::files_in(path)? } else { vec![path.to_owned()] };
    paths.extend(options.sectors.iter().chain(&options.universe).cloned());
    let absolute = |path: PathBuf| path.canonicalize().map_err(|cause| Error::Read { path, cause });
    paths.into_iter().map(absolute).collect()
}

/// Whether a file is so large that it can only be read piece by piece within [`ImportOptions::max_bytes`].
///
/// # Errors
/// When it cannot be opened.
pub(crate) fn is_outsized(path: &Path, options: &ImportOptions) -> Result<bool, Error> {
    Ok(path.is_file() && chunks::bytes_of(path)? > options.max_bytes)
}

/// Imports a data frame by the same rules as a file; the first row of the frame is row 2 in messages.
///
/// # Errors
/// As [`read_panel`], less what concerns files.
pub fn import_frame(frame: &DataFrame, options: &ImportOptions) -> Result<Import, Error> {
    let origin = "data frame";
    let symbol = Some(options.symbol.clone().unwrap_or_else(|| "asset".to_owned()));
    let part = make_part(frame::from_frame(frame, Vec::new(), origin)?, options, symbol, "close", true)?;
    finish(origin, vec![part], options, Repairs::default()).map(|listed| listed.import)
}

fn import_path(
    path: &Path,
    options: &ImportOptions,
    mut repairs: Repairs,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<ListedImport, Error> {
    let origin = path.display().to_string();
    if !path.is_dir() {
        let part = read_part(path, options, true)?;
        progress(1, 1);
        return finish(&origin, vec![part], options, repairs);
    }
    if options.symbol.is_some() {
        return Err(Error::unusable(origin, "is a folder; one symbol can name one file only"));
    }
    let files = source::files_in(path)?;
    let mut parts: Vec<Part> = Vec::with_capacity(files.len());
    let mut bytes = 0;
    for (index, file) in files.iter().enumerate() {
        match read_part(file, options, files.len() == 1) {
            Ok(part) => {
                bytes += part.bytes();
                parts.push(part);
            }
            Err(Error::Empty { .. }) => repairs.count(Rule::EmptyFile, || Mention {
                file: Some(file.display().to_string()),
                row: 0,
                time: None,
                symbol: None,
                detail: String::new(),
            }),
            Err(error) => return Err(error),
        }
        if bytes > options.max_bytes {
            let (read, limit) = (index + 1, options.max_bytes);
            let problem = format!(
                "takes more than {limit} bytes after {read} of {} files; split the folder, or raise the limit",
                files.len()
            );
            return Err(Error::unusable(origin, problem));
        }
        progress(index + 1, files.len());
    }
    if parts.is_empty() {
        return Err(Error::unusable(origin, "holds no file with a row of bars"));
    }
    finish(&origin, parts, options, repairs)
}

/// Lays parts out, applies the rules, and makes the panel.
fn finish(
    origin: &str,
    parts: Vec<Part>,
    options: &ImportOptions,
    mut repairs: Repairs,
) -> Result<ListedImport, Error> {
    let mut dense = dense::place(origin, parts, options, &mut repairs)?;
    repair::repair(&mut dense, &mut repairs);
    repair::adjust(&mut dense, options.adjust, &mut repairs)?;
    if let Some(entry) = repairs.first_refused().filter(|_| options.strict) {
        return Err(Error::Strict {
            origin: origin.to_owned(),
            example: entry.first_example,
            rule: entry.rule,
            rows: entry.rows,
            action: entry.action,
        });
    }
    if let Some(path) = &options.sectors {
        lookups::add_sectors(&mut dense, path, options)?;
    }
    if let Some(path) = &options.universe {
        lookups::add_universe(&mut dense, path, options)?;
    }
    let ledger = Ledger {
        source: origin.to_owned(),
        rows_read: dense.rows_read,
        rows_kept: dense.rows_kept,
        rows_dropped: dense.rows_read - dense.rows_kept,
        repaired: repairs.entries(),
        ignored_columns: std::mem::take(&mut dense.ignored),
    };
    let panel = panel(dense).map_err(|cause| Error::Panel { origin: origin.to_owned(), cause })?;
    Ok(ListedImport { import: Import { panel, ledger }, mended: repairs.rows.unwrap_or_default() })
}

fn panel(dense: Dense) -> Result<Panel, PanelError> {
    let shape = (dense.bars.len(), dense.symbols.len());
    let mut fields = IndexMap::new();
    let mut groups = IndexMap::new();
    for Column { name, values, labels } in dense.columns {
        let array = Array2::from_shape_vec(shape, values).expect("every column was laid out over the grid");
        match labels {
            None => drop(fields.insert(name, array)),
            Some(labels) => drop(groups.insert(name, Group { labels, codes: array })),
        }
    }
    Panel::new(Calendar::new(dense.bars, dense.zone.as_deref())?, dense.symbols, fields, groups)
}

/// Whether a symbol of this name would be taken for a missing one.
pub(crate) fn reads_as_missing_symbol(symbol: &str) -> bool {
    raw::is_missing_symbol(symbol.trim_ascii().as_bytes()) || symbol.trim_ascii() != symbol
}

impl Panel {
    /// Imports a data frame with default options; see [`import_frame`] for the ledger.
    ///
    /// # Errors
    /// As [`import_frame`].
    pub fn from_frame(frame: &DataFrame) -> Result<Self, Error> {
        Ok(import_frame(frame, &ImportOptions::default())?.panel)
    }
}
