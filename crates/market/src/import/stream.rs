//! Files larger than memory: batches of whole bars, or of whole symbols, each imported by the rules of all files.
//!
//! A file in order of dates comes in batches of bars, one in order of symbols in batches of symbols. So no bar and no
//! duplicate is ever torn, and what is mended, and the account of it, is what one import of the whole file gives.

use std::collections::HashSet;
use std::path::Path;

use super::chunks::Chunks;
use super::ledger::Repairs;
use super::part::{Bars, NONE, Part};
use super::raw::MISSING;
use super::{Import, ImportOptions, finish};
use crate::error::Error;

/// How the rows of a file follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowOrder {
    /// Bar by bar: a batch holds whole bars, and batches follow each other in time.
    Dates,
    /// Symbol by symbol: a batch holds all bars of some symbols.
    Symbols,
}

/// The batches of a file; see [`stream_panel`].
pub struct PanelStream {
    chunks: Chunks,
    options: ImportOptions,
    origin: String,
    order: RowOrder,
    /// Rows that the next batch begins with.
    held: Option<Part>,
    /// Symbols of earlier batches, in order of symbols.
    closed: HashSet<String>,
    /// Time of the last row of earlier batches, in order of dates.
    latest: i64,
    at_end: bool,
}

impl std::fmt::Debug for PanelStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PanelStream").field("origin", &self.origin).field("order", &self.order).finish_non_exhaustive()
    }
}

/// Imports a long CSV or Parquet file of any size in batches, each a panel of its own with its ledger, within
/// [`ImportOptions::max_bytes`]. The file has to be sorted as `order` says.
///
/// # Errors
/// When the file cannot be read piece by piece: it is missing, wide, an Arrow file, a folder, or has no header. The
/// batches have the errors of [`read_panel`](super::read_panel), and one for a row out of order.
pub fn stream_panel(path: &Path, options: &ImportOptions, order: RowOrder) -> Result<PanelStream, Error> {
    Ok(PanelStream {
        chunks: Chunks::open(path, options)?,
        options: options.clone(),
        origin: path.display().to_string(),
        order,
        held: None,
        closed: HashSet::new(),
        latest: MISSING,
        at_end: false,
    })
}

/// Rows of data in a CSV or Parquet file of any size, counted piece by piece.
///
/// # Errors
/// As [`stream_panel`]; and when a row of a CSV file has more or fewer cells than its header.
pub fn count_rows(path: &Path, options: &ImportOptions) -> Result<u64, Error> {
    Chunks::open(path, options)?.count()
}

impl Iterator for PanelStream {
    type Item = Result<Import, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.batch();
        if batch.is_err() {
            self.at_end = true;
            self.held = None;
        }
        let part = batch.transpose()?;
        Some(part.and_then(|part| Ok(finish(&self.origin, vec![part], &self.options, Repairs::default())?.import)))
    }
}

impl PanelStream {
    /// The next rows that make whole bars or whole symbols.
    fn batch(&mut self) -> Result<Option<Part>, Error> {
        loop {
            if self.at_end {
                return Ok(self.held.take());
            }
            let Some(next) = self.chunks.next()? else {
                self.at_end = true;
                continue;
            };
            let mut rows = match self.held.take() {
                None => next,
                Some(mut held) => {
                    held.append(next)?;
                    held
                }
            };
            let complete = match self.order {
                RowOrder::Dates => self.whole_bars(&rows)?,
                RowOrder::Symbols => self.whole_symbols(&rows)?,
            };
            if complete > 0 {
                self.held = Some(rows.split_off(complete));
                self.close(&rows);
                return Ok(Some(rows));
            }
            if rows.bytes() > self.options.max_bytes {
                let whole = if self.order == RowOrder::Dates { "date" } else { "symbol" };
                let problem = format!(
                    "has a {whole} whose rows take more than {} bytes; raise the limit, or sort the file the other way",
                    self.options.max_bytes
                );
                return Err(Error::unusable(&self.origin, problem));
            }
            self.held = Some(rows);
        }
    }

    /// How many rows lie before the last date.
    fn whole_bars(&self, part: &Part) -> Result<usize, Error> {
        let times = &part.rows.times.micros;
        let (mut before, mut start) = (self.latest, 0);
        for (row, &time) in times.iter().enumerate().filter(|(_, time)| **time != MISSING) {
            if time < before || (time == self.latest && before == self.latest) {
                return Err(self.out_of_order(part, row, "is dated before a row above it"));
            }
            if time != before {
                (before, start) = (time, row);
            }
        }
        Ok(start)
    }

    /// How many rows lie before the last symbol.
    fn whole_symbols(&self, part: &Part) -> Result<usize, Error> {
        let Bars::Long { symbols, .. } = &part.bars else { return Ok(0) };
        let mut closed: HashSet<u32> = HashSet::new();
        let (mut current, mut start) = (NONE, 0);
        for (row, &code) in symbols.codes.iter().enumerate().filter(|(_, code)| **code != NONE) {
            if code == current {
                continue;
            }
            if !closed.insert(code) || self.closed.contains(&symbols.names[code as usize]) {
                return Err(self.out_of_order(
                    part,
                    row,
                    "is of a symbol that other rows parted from its earlier ones",
                ));
            }
            (current, start) = (code, row);
        }
        Ok(start)
    }

    fn close(&mut self, part: &Part) {
        let Bars::Long { symbols, .. } = &part.bars else { return };
        match self.order {
            RowOrder::Dates => self.latest = part.rows.times.micros.iter().copied().max().unwrap_or(MISSING),
            RowOrder::Symbols => {
                self.closed.extend(symbols.codes.iter().filter_map(|&code| symbols.names.get(code as usize)).cloned());
            }
        }
    }

    fn out_of_order(&self, part: &Part, row: usize, problem: &str) -> Error {
        Error::OutOfOrder { origin: self.origin.clone(), row: part.rows.number(row), problem: problem.to_owned() }
    }
}
