//! Files and frames of bars into a [`Panel`], with an account of everything that was mended on the way.
//!
//! Accepted: long tables, one row per date and symbol, as CSV (`.csv`, `.tsv`, `.txt`, plain or `.gz`, `.zst`; comma,
//! semicolon, tab or bar), Parquet (`.parquet`, `.pq`) and Arrow IPC (`.ipc`, `.arrow`, `.feather`). Headers are read
//! without regard to case, spaces and underscores. Columns: a date (`date`, `datetime`, `timestamp`, `time`), a symbol
//! (`symbol`, `ticker`, `instrument`, `code`, `Name`, ...; a file without one is one symbol named after the file),
//! `close`, and where present `open`, `high`, `low`, `volume`, `adj_close` (`Adj Close`, `adjusted`). Every further
//! column of numbers is a field under its own name, every further column of text a group.
//!
//! Empty cells, `null`, `NA`, `N/A`, `NaN` and `-` are missing values (`NA` is a ticker where a symbol stands).
//! Prices are taken as they are: nothing is adjusted for splits or dividends here.
//!
//! # Repairs
//! In this order; each is counted in the [`Ledger`], and each is an error under [`ImportOptions::strict`].
//! - A row without date or symbol is dropped.
//! - Of several rows with one date and symbol, the last is kept.
//! - Rows that stand out of order of dates within their symbol are sorted.
//! - An infinite value becomes missing.
//! - Where open, high, low or close is zero or negative, the whole bar (these four, `adj_close` and `volume`) becomes
//!   missing: such a row is a placeholder or an error, and the rest of it cannot be trusted.
//! - Where high is below low, or open or close lies outside of both by more than a millionth, the whole bar becomes
//!   missing: there is no telling which of the prices is wrong.
//! - A negative volume becomes missing, and so does an `adj_close` of zero or less.
//! - A row without a close is kept, but its symbol is not traded on that bar.

mod assemble;
mod blocks;
mod columns;
mod csv;
mod dates;
mod frame;
mod ledger;
mod pages;
mod raw;
mod values;

use std::path::{Path, PathBuf};

use polars::prelude::DataFrame;

pub use self::ledger::{Ledger, LedgerEntry};
use crate::error::Error;
use crate::panel::Panel;

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
}

impl Default for ImportOptions {
    fn default() -> Self {
        Self { strict: false, symbol: None, day_first: None, max_bytes: 4 << 30 }
    }
}

/// A panel and how it came about.
#[derive(Debug, Clone)]
pub struct Import {
    /// The market.
    pub panel: Panel,
    /// What was read, kept, dropped and repaired.
    pub ledger: Ledger,
}

/// Reads a file of bars. The extension says what the file is, and its content has to agree.
///
/// # Errors
/// When the file cannot be read or is not what its extension says; when a date or close column is missing; when a
/// cell cannot be read (with its row); when the panel would exceed [`ImportOptions::max_bytes`]; and under
/// [`ImportOptions::strict`] for anything that would have to be repaired.
pub fn read_panel(path: &Path, options: &ImportOptions) -> Result<Import, Error> {
    let origin = path.display().to_string();
    let bytes = read(path)?;
    let format = format(path, &bytes)?;
    tracing::debug!(file = %origin, ?format, "importing");
    let symbol = options.symbol.clone().unwrap_or_else(|| stem(path));
    let loaded = match format {
        Format::Text => {
            let mut text = csv::unpack(path, bytes, options.max_bytes)?;
            let split = csv::split(&mut text, &origin, options.max_bytes)?;
            return assemble::assemble(&split.into_table(&text, &origin), options, &symbol);
        }
        Format::Parquet => frame::read_parquet(path, &bytes, options.max_bytes)?,
        Format::Ipc => frame::read_ipc(path, &bytes, options.max_bytes)?,
    };
    drop(bytes);
    let table = frame::from_frame(&loaded.frame, loaded.ignored, &origin)?;
    assemble::assemble(&table, options, &symbol)
}

/// The files that [`read_panel`] reads for a market, in order.
///
/// # Errors
/// When a folder cannot be listed.
pub(crate) fn sources(path: &Path, _options: &ImportOptions) -> Result<Vec<PathBuf>, Error> {
    Ok(vec![path.canonicalize().map_err(|cause| Error::Read { path: path.to_owned(), cause })?])
}

/// Imports a data frame by the same rules as a file; the first row of the frame is row 2 in messages.
///
/// # Errors
/// As [`read_panel`], less what concerns files.
pub fn import_frame(frame: &DataFrame, options: &ImportOptions) -> Result<Import, Error> {
    let origin = "data frame";
    let symbol = options.symbol.as_deref().unwrap_or("asset");
    assemble::assemble(&frame::from_frame(frame, Vec::new(), origin)?, options, symbol)
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

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Text,
    Parquet,
    Ipc,
}

/// The bytes of a file. Nothing is mapped: a file that someone shortens while it is read must not end the process.
fn read(path: &Path) -> Result<Vec<u8>, Error> {
    let unreadable = |cause| Error::Read { path: path.to_owned(), cause };
    let refuse = |problem: &str| Err(Error::unusable(path.display().to_string(), problem));
    let kind = std::fs::metadata(path).map_err(unreadable)?;
    if kind.is_dir() {
        return refuse("is a folder; name one file in it");
    }
    if !kind.is_file() {
        return refuse("is no regular file");
    }
    if kind.len() == 0 {
        return refuse("is empty; it needs a header row and rows of bars");
    }
    std::fs::read(path).map_err(unreadable)
}

/// What the extension promises, checked against the content; files without a known extension go by content.
fn format(path: &Path, bytes: &[u8]) -> Result<Format, Error> {
    let found = if bytes.starts_with(b"PAR1") {
        Some(Format::Parquet)
    } else if bytes.starts_with(b"ARROW1") {
        Some(Format::Ipc)
    } else {
        None
    };
    let refuse = |problem: String| Err(Error::unusable(path.display().to_string(), problem));
    let promised = match extension(path).as_str() {
        "csv" | "tsv" | "txt" => Some(Format::Text),
        "parquet" | "pq" => Some(Format::Parquet),
        "ipc" | "arrow" | "feather" => Some(Format::Ipc),
        _ => None,
    };
    if bytes.starts_with(b"FEA1") {
        return refuse("is Feather version 1; write it again as version 2, or as Parquet".to_owned());
    }
    match (promised, found) {
        (Some(Format::Text), None) => Ok(Format::Text),
        (_, Some(Format::Parquet)) if bytes.len() < 12 || !bytes.ends_with(b"PAR1") => {
            refuse("is a Parquet file that was cut off; write or download it again".to_owned())
        }
        (Some(promised), Some(found)) if promised == found => Ok(found),
        (None, Some(found)) => Ok(found),
        (None, None) => {
            refuse("is of no known kind; use .csv (also .gz, .zst), .parquet, or .ipc, .arrow, .feather".to_owned())
        }
        (Some(promised), found) => {
            let name = |format| match format {
                Format::Text => "CSV",
                Format::Parquet => "Parquet",
                Format::Ipc => "Arrow IPC",
            };
            let content = found.map_or("something else", name);
            refuse(format!("is named as {}, but holds {content}; rename it, or download it again", name(promised)))
        }
    }
}

/// The last extension but compression, in lower case.
fn extension(path: &Path) -> String {
    let extension = |path: &Path| path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    match extension(path).as_str() {
        "gz" | "zst" => extension(Path::new(path.file_stem().unwrap_or_default())),
        last => last.to_owned(),
    }
}

/// The name without its extensions: `AAPL` of `AAPL.csv.gz`, but `BRK.B` of `BRK.B.csv`.
fn stem(path: &Path) -> String {
    let mut name = Path::new(path.file_name().unwrap_or_default());
    for _ in 0..2 {
        let known = ["csv", "tsv", "txt", "gz", "zst", "parquet", "pq", "ipc", "arrow", "feather"];
        let extension = name.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        if known.contains(&extension.as_str()) {
            name = Path::new(name.file_stem().unwrap_or_default());
        }
    }
    name.to_string_lossy().into_owned()
}
