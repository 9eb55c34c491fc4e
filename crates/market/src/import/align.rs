//! Rows onto the grid of bars and symbols, and columns into dense fields.

use indexmap::IndexMap;
use ndarray::Array2;

use super::ImportOptions;
use super::cells::{NO_SYMBOL, Symbols, ValueColumn};
use super::columns::Roles;
use super::dates::{Times, label};
use super::ledger::{Ledger, Rule};
use super::raw::{MISSING, RawTable};
use crate::calendar::Calendar;
use crate::error::{Error, excerpt};
use crate::panel::{Group, Panel, PanelError};

const NO_ROW: u32 = u32::MAX;

/// Which row fills which cell.
pub(super) struct Grid<'a> {
    times: &'a Times,
    symbols: &'a Symbols,
    /// Distinct times, rising.
    bars: Vec<i64>,
    /// `[bars x symbols]`, row after row: the row of the table, or [`NO_ROW`].
    rows: Vec<u32>,
    /// The rows that fill a cell, rising.
    kept: Vec<u32>,
}

impl<'a> Grid<'a> {
    /// Drops rows without date or symbol, sorts, and lets the last of several rows of one cell stand.
    pub(super) fn new(
        table: &RawTable<'_>,
        roles: &Roles,
        times: &'a Times,
        symbols: &'a Symbols,
        values: &[ValueColumn],
        options: &ImportOptions,
        ledger: &mut Ledger,
    ) -> Result<Self, Error> {
        let mut grid = Self { times, symbols, bars: distinct(times, symbols), rows: Vec::new(), kept: Vec::new() };
        if grid.bars.is_empty() {
            return Err(table.unusable("has no row with both a date and a symbol"));
        }
        grid.check_size(table, values.len(), options)?;
        grid.rows = vec![NO_ROW; grid.bars.len() * symbols.names.len()];
        grid.note_missing_keys(table, roles, ledger);
        grid.place_rows(table, ledger);
        ledger.rows_kept = grid.kept.len();
        ledger.rows_dropped = ledger.rows_read - ledger.rows_kept;
        Ok(grid)
    }

    /// The rows that fill a cell, rising.
    pub(super) fn kept(&self) -> impl Iterator<Item = usize> {
        self.kept.iter().map(|&row| row as usize)
    }

    /// A row as messages name it: `row 12 (AOS 2014-05-19)`.
    pub(super) fn name_row(&self, table: &RawTable<'_>, row: usize) -> String {
        let symbol = excerpt(&self.symbols.names[self.symbols.of_row[row] as usize]);
        format!("row {} ({symbol} {})", table.row_number(row), label(self.times.micros[row]))
    }

    /// Spreads the columns over the grid.
    pub(super) fn into_panel(self, table: &RawTable<'_>, values: Vec<ValueColumn>) -> Result<Panel, Error> {
        let refuse = |source: PanelError| Error::Panel { origin: table.origin.clone(), source };
        let shape = (self.bars.len(), self.symbols.names.len());
        let mut fields = IndexMap::new();
        let mut groups = IndexMap::new();
        for column in values {
            let cell = |&row: &u32| if row == NO_ROW { f64::NAN } else { column.values[row as usize] };
            let dense: Vec<f64> = self.rows.iter().map(cell).collect();
            let dense = Array2::from_shape_vec(shape, dense).expect("the grid has bars x symbols cells");
            match column.labels {
                Some(labels) => {
                    groups.insert(column.name, Group { labels, codes: dense });
                }
                None => {
                    fields.insert(column.name, dense);
                }
            }
        }
        let calendar = Calendar::new(self.bars, self.times.zone.as_deref()).map_err(|error| refuse(error.into()))?;
        Panel::new(calendar, self.symbols.names.clone(), fields, groups).map_err(refuse)
    }

    /// Judged before anything of that size is allocated.
    fn check_size(&self, table: &RawTable<'_>, columns: usize, options: &ImportOptions) -> Result<(), Error> {
        let (bars, symbols) = (self.bars.len(), self.symbols.names.len());
        let bytes = bars as u128 * symbols as u128 * columns as u128 * 8;
        if bytes > u128::from(options.max_bytes) {
            let (origin, limit) = (table.origin.clone(), options.max_bytes);
            return Err(Error::TooLarge { origin, bars, symbols, columns, bytes, limit });
        }
        if table.rows >= NO_ROW as usize {
            return Err(table.unusable(format!("has {} rows, more than {NO_ROW}; split it by date", table.rows)));
        }
        Ok(())
    }

    fn has_keys(&self, row: usize) -> bool {
        self.times.micros[row] != MISSING && self.symbols.of_row[row] != NO_SYMBOL
    }

    fn note_missing_keys(&self, table: &RawTable<'_>, roles: &Roles, ledger: &mut Ledger) {
        let no_date = |row: &usize| self.times.micros[*row] == MISSING;
        let no_symbol = |row: &usize| !no_date(row) && self.symbols.of_row[*row] == NO_SYMBOL;
        let rows = || 0..table.rows;
        let name = |row: Option<usize>, column: usize| {
            let header = excerpt(&table.columns[column].name);
            format!("row {}, column `{header}`, value ``", table.row_number(row.unwrap_or(0)))
        };
        ledger.enter(Rule::HasDate, rows().filter(no_date).count(), || name(rows().find(no_date), roles.date));
        // Without a symbol column, no row is without a symbol.
        let symbol = roles.symbol.unwrap_or(roles.date);
        ledger.enter(Rule::HasSymbol, rows().filter(no_symbol).count(), || name(rows().find(no_symbol), symbol));
    }

    fn place_rows(&mut self, table: &RawTable<'_>, ledger: &mut Ledger) {
        let width = self.symbols.names.len();
        let mut latest = vec![MISSING; width];
        let (mut falling, mut first_falling) = (0, (0, MISSING));
        let (mut replaced, mut first_replaced) = (0, (0, 0));
        let mut bar = 0;
        for row in 0..table.rows {
            if !self.has_keys(row) {
                continue;
            }
            let (time, symbol) = (self.times.micros[row], self.symbols.of_row[row] as usize);
            if time < latest[symbol] {
                falling += 1;
                first_falling = if falling == 1 { (row, latest[symbol]) } else { first_falling };
            } else {
                latest[symbol] = time;
            }
            bar = self.find_bar(time, bar);
            let cell = &mut self.rows[bar * width + symbol];
            if *cell != NO_ROW {
                replaced += 1;
                // The pair whose earlier row comes first, whatever the order in which pairs are completed.
                let pair = (*cell as usize, row);
                first_replaced = if replaced == 1 { pair } else { first_replaced.min(pair) };
            }
            *cell = row as u32;
        }
        self.kept = self.rows.iter().copied().filter(|&row| row != NO_ROW).collect();
        self.kept.sort_unstable();
        ledger.enter(Rule::Rising, falling, || {
            let (row, before) = first_falling;
            format!("{}, below a row of {}", self.name_row(table, row), label(before))
        });
        ledger.enter(Rule::Unique, replaced, || {
            let (row, again) = first_replaced;
            format!("{}, again in row {}", self.name_row(table, row), table.row_number(again))
        });
    }

    /// Files are sorted by date or by symbol: the bar wanted is mostly the last one found, or the next.
    fn find_bar(&self, time: i64, near: usize) -> usize {
        [near, near + 1]
            .into_iter()
            .find(|&bar| self.bars.get(bar) == Some(&time))
            .unwrap_or_else(|| self.bars.partition_point(|&other| other < time))
    }
}

/// The distinct times of all rows that have a symbol, rising.
fn distinct(times: &Times, symbols: &Symbols) -> Vec<i64> {
    let mut found = Vec::new();
    for (&time, &symbol) in times.micros.iter().zip(&symbols.of_row) {
        if time != MISSING && symbol != NO_SYMBOL && found.last() != Some(&time) {
            found.push(time);
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}
