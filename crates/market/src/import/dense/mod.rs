//! Parts laid out over one grid of bars and symbols, and where each cell came from.

mod long;
mod wide;

use super::ImportOptions;
use super::ledger::{Mention, Repairs, Rule};
use super::part::{Bars, NONE, Part, Rows};
use super::raw::MISSING;
use super::session::Clock;
use super::values::Column;
use crate::error::Error;

/// Every column over the grid, before the rules.
pub(super) struct Dense {
    /// The file, or the folder of files.
    pub(super) origin: String,
    pub(super) bars: Vec<i64>,
    pub(super) zone: Option<String>,
    /// Sorted names of the symbols that have a row.
    pub(super) symbols: Vec<String>,
    /// `[bars x symbols]` each, in the order in which the files bring them.
    pub(super) columns: Vec<Column>,
    pub(super) rows_read: usize,
    pub(super) rows_kept: usize,
    pub(super) ignored: Vec<String>,
    places: Places,
}

/// Where the cells came from.
enum Places {
    /// `[bars x symbols]` row that fills the cell, counted over all files, or [`NONE`].
    Long { winners: Vec<u32>, files: Vec<Rows>, starts: Vec<usize> },
    /// Per file the row of every bar, or [`NONE`]; the file of closes first.
    Wide { files: Vec<(Rows, Vec<u32>)> },
}

impl Dense {
    /// Whether some file has a row for the cell.
    pub(super) fn has_row(&self, cell: usize) -> bool {
        match &self.places {
            Places::Long { winners, .. } => winners[cell] != NONE,
            Places::Wide { .. } => self.columns.iter().any(|column| !column.values[cell].is_nan()),
        }
    }

    /// How the cell is called in the ledger.
    pub(super) fn mention(&self, cell: usize, detail: String) -> Mention {
        let (bar, symbol) = (cell / self.symbols.len(), cell % self.symbols.len());
        let place = match &self.places {
            Places::Long { winners, files, starts } => Some(winners[cell]).filter(|&row| row != NONE).map(|row| {
                let file = starts.partition_point(|&start| start <= row as usize) - 1;
                (&files[file], row as usize - starts[file])
            }),
            Places::Wide { files } => {
                files.iter().find(|(_, rows)| rows[bar] != NONE).map(|(file, rows)| (file, rows[bar] as usize))
            }
        };
        let several = match &self.places {
            Places::Long { files, .. } => files.len() > 1,
            Places::Wide { files } => files.len() > 1,
        };
        Mention {
            file: place.filter(|_| several).map(|(file, _)| file.origin.clone()),
            row: place.map_or(0, |(file, row)| file.number(row)),
            time: Some(self.bars[bar]),
            symbol: Some(self.symbols[symbol].clone()),
            detail,
        }
    }
}

/// Lays the parts out, in their order.
pub(super) fn place(
    origin: &str,
    parts: Vec<Part>,
    options: &ImportOptions,
    repairs: &mut Repairs,
) -> Result<Dense, Error> {
    let zone = common_zone(&parts)?;
    let clock = Clock::new(origin, options.session.as_ref(), zone.as_deref(), &parts)?;
    repairs.zone = Some(clock.zone().clone());
    let bars = common_bars(&parts, &clock);
    let rows_read = parts.iter().map(|part| part.rows.count).sum();
    if rows_read >= NONE as usize {
        return Err(Error::unusable(origin, "has more than 4,294,967,294 rows; split it"));
    }
    let mut ignored: Vec<String> = Vec::new();
    for name in parts.iter().flat_map(|part| &part.ignored) {
        if !ignored.contains(name) {
            ignored.push(name.clone());
        }
    }
    let frame = Dense {
        origin: origin.to_owned(),
        bars,
        zone,
        symbols: Vec::new(),
        columns: Vec::new(),
        rows_read,
        rows_kept: 0,
        ignored,
        places: Places::Wide { files: Vec::new() },
    };
    let is_long = |part: &&Part| matches!(part.bars, Bars::Long { .. });
    match (parts.iter().find(is_long), parts.iter().find(|part| !is_long(part))) {
        (Some(long), Some(wide)) => {
            let (long, wide) = (&long.rows.origin, &wide.rows.origin);
            let problem = format!(
                "has one row a date and symbol, but {wide} has symbols across; import the two kinds one by one"
            );
            Err(Error::unusable(long, problem))
        }
        (Some(_), None) => long::place(frame, parts, &clock, options, repairs),
        _ => wide::place(frame, parts, &clock, options, repairs),
    }
}

/// The zone that all parts agree on.
fn common_zone(parts: &[Part]) -> Result<Option<String>, Error> {
    let Some((first, rest)) = parts.split_first() else { return Ok(None) };
    let zone = &first.rows.times.zone;
    let name = |zone: &Option<String>| zone.clone().unwrap_or_else(|| "UTC".to_owned());
    match rest.iter().find(|part| part.rows.times.zone != *zone) {
        None => Ok(zone.clone()),
        Some(other) => {
            let (here, there) = (name(&other.rows.times.zone), name(zone));
            let problem = format!("has times in {here}, but {} in {there}; name one zone for all", first.rows.origin);
            Err(Error::unusable(&other.rows.origin, problem))
        }
    }
}

/// All times within the session, rising.
fn common_bars(parts: &[Part], clock: &Clock) -> Vec<i64> {
    let mut bars: Vec<i64> = Vec::new();
    let mut distinct = 0;
    for part in parts {
        for row in 0..part.rows.count {
            let time = part.rows.times.micros[row];
            if time != MISSING && has_symbol(part, row) && bars.last() != Some(&time) && clock.is_open(time) {
                bars.push(time);
            }
        }
        // Files of one market share their times: without this, thousands of files would pile them up.
        if bars.len() > 2 * distinct + (1 << 16) {
            bars.sort_unstable();
            bars.dedup();
            distinct = bars.len();
        }
    }
    bars.sort_unstable();
    bars.dedup();
    bars
}

fn has_symbol(part: &Part, row: usize) -> bool {
    match &part.bars {
        Bars::Long { symbols, .. } => symbols.codes[row] != NONE,
        Bars::Wide(_) => true,
    }
}

/// Finds bars by their times; times that follow each other are found at once.
struct Finder<'a> {
    bars: &'a [i64],
    last: usize,
}

impl Finder<'_> {
    fn find(&mut self, time: i64) -> usize {
        let near = [self.last, self.last + 1].into_iter().find(|&bar| self.bars.get(bar) == Some(&time));
        self.last = near.unwrap_or_else(|| {
            self.bars.binary_search(&time).expect("the times of all rows that count were collected before")
        });
        self.last
    }
}

/// Why a row is no bar; `None` for one that is.
fn refused(part: &Part, row: usize, clock: &Clock) -> Option<Rule> {
    let time = part.rows.times.micros[row];
    if time == MISSING || !has_symbol(part, row) {
        Some(Rule::NoKey)
    } else {
        (!clock.is_open(time)).then_some(Rule::OutsideSession)
    }
}

fn nothing_left(origin: &str, clock: &Clock) -> Error {
    let session = if clock.is_limited() { " within the session" } else { "" };
    Error::unusable(origin, format!("has no row with both a date and a symbol{session}"))
}

fn check_size(dense: &Dense, columns: usize, options: &ImportOptions) -> Result<(), Error> {
    let (bars, symbols) = (dense.bars.len(), dense.symbols.len());
    // The grid of winners takes 4 bytes a cell beside 8 for every column.
    let bytes = bars as u128 * symbols as u128 * (columns as u128 * 8 + 4);
    if bytes <= u128::from(options.max_bytes) {
        return Ok(());
    }
    let (origin, limit) = (dense.origin.clone(), options.max_bytes);
    Err(Error::TooLarge { origin, bars, symbols, columns, bytes, limit })
}
