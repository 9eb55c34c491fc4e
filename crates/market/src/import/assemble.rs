//! From a raw table to a panel: keys, values, repairs, and the dense grid.

use std::collections::HashMap;

use indexmap::IndexMap;
use ndarray::Array2;

use super::columns::{Layout, layout};
use super::dates::{self, Times, read_times};
use super::ledger::{Ledger, Repairs, Rule};
use super::raw::{Cells, MISSING, RawTable, TextCells, is_missing_symbol};
use super::values::{Column, read_columns};
use super::{Import, ImportOptions};
use crate::calendar::Calendar;
use crate::error::Error;
use crate::panel::{Group, Panel, PanelError};

/// No row, and no symbol.
const NONE: u32 = u32::MAX;
/// Vendors round prices, so that a close may stand a hair above its high; a millionth of the price is no defect.
const ROUNDING: f64 = 1e-6;

/// Makes the panel and the account of what it took.
pub(super) fn assemble(table: &RawTable<'_>, options: &ImportOptions, symbol: &str) -> Result<Import, Error> {
    if table.rows == 0 {
        return Err(table.unusable("has no rows"));
    }
    let layout = layout(table)?;
    let times = read_times(table, layout.date, layout.time_of_day, options)?;
    let symbols = read_symbols(table, layout.symbol, symbol)?;
    let mut columns = read_columns(table, &layout.others)?;
    let mut repairs = Repairs::default();
    let grid = place(table, &times, &symbols, columns.len(), options, &mut repairs)?;
    let describe = |row: usize| {
        let name = &symbols.names[symbols.codes[row] as usize];
        format!("row {}: {} {name}", table.row_number(row), dates::label(times.micros[row]))
    };
    repair(&mut columns, &grid.kept, &describe, &mut repairs);
    let rows_kept = grid.kept.iter().filter(|&&kept| kept).count();
    let ledger = Ledger {
        source: table.origin.clone(),
        rows_read: table.rows,
        rows_kept,
        rows_dropped: table.rows - rows_kept,
        repaired: repairs.into_entries(),
        ignored_columns: ignored_columns(table, &layout),
    };
    if let Some(entry) = ledger.repaired.first().filter(|_| options.strict) {
        return Err(Error::Strict {
            origin: ledger.source,
            example: entry.first_example.clone(),
            rule: entry.rule.clone(),
            rows: entry.rows,
            action: entry.action.clone(),
        });
    }
    let panel = fill(grid, columns, times.zone.as_deref())
        .map_err(|cause| Error::Panel { origin: table.origin.clone(), cause })?;
    Ok(Import { panel, ledger })
}

/// The symbol of every row as an index into `names`, [`NONE`] where it has none.
struct Symbols {
    codes: Vec<u32>,
    names: Vec<String>,
}

fn read_symbols(table: &RawTable<'_>, column: Option<usize>, default: &str) -> Result<Symbols, Error> {
    let Some(column) = column.map(|index| &table.columns[index]) else {
        return Ok(Symbols { codes: vec![0; table.rows], names: vec![default.to_owned()] });
    };
    let spelt_out;
    let cells = match &column.cells {
        Cells::Text(cells) => cells,
        Cells::Integer(cells) => {
            let spell = |cell: &i64| if *cell == MISSING { String::new() } else { cell.to_string() };
            spelt_out = TextCells::Owned(cells.iter().map(spell).collect());
            &spelt_out
        }
        Cells::Number(_) | Cells::Time(_) => {
            let problem = format!("column `{}` holds no text; symbols are names", column.name);
            return Err(table.unusable(problem));
        }
    };
    let mut known: HashMap<&[u8], u32> = HashMap::new();
    let mut symbols = Symbols { codes: Vec::with_capacity(table.rows), names: Vec::new() };
    for row in 0..table.rows {
        let cell = cells.get(row);
        let code = if is_missing_symbol(cell) {
            NONE
        } else {
            *known.entry(cell).or_insert_with(|| {
                symbols.names.push(String::from_utf8_lossy(cell).into_owned());
                symbols.names.len() as u32 - 1
            })
        };
        symbols.codes.push(code);
    }
    Ok(symbols)
}

/// Which row stands in which cell.
struct Grid {
    bars: Vec<i64>,
    /// Sorted names of the symbols that have a row.
    symbols: Vec<String>,
    /// `[bars x symbols]` row that fills the cell, or [`NONE`].
    winners: Vec<u32>,
    /// Per row, whether it fills a cell.
    kept: Vec<bool>,
}

fn place(
    table: &RawTable<'_>,
    times: &Times,
    symbols: &Symbols,
    columns: usize,
    options: &ImportOptions,
    repairs: &mut Repairs,
) -> Result<Grid, Error> {
    let keyed = |row: usize| times.micros[row] != MISSING && symbols.codes[row] != NONE;
    let mut bars: Vec<i64> = Vec::new();
    let mut used = vec![false; symbols.names.len()];
    for row in 0..table.rows {
        if keyed(row) {
            used[symbols.codes[row] as usize] = true;
            if bars.last() != Some(&times.micros[row]) {
                bars.push(times.micros[row]);
            }
        } else {
            repairs.count(Rule::NoKey, || format!("row {}", table.row_number(row)));
        }
    }
    bars.sort_unstable();
    bars.dedup();
    if bars.is_empty() {
        return Err(table.unusable("has no row with both a date and a symbol"));
    }
    let (names, ranks) = ranked(&symbols.names, &used);
    let width = names.len();
    check_size(table, bars.len(), width, columns, options)?;

    let mut winners = vec![NONE; bars.len() * width];
    let mut kept = vec![false; table.rows];
    let mut latest = vec![MISSING; width];
    let (mut time_before, mut bar) = (MISSING, 0);
    for row in (0..table.rows).filter(|&row| keyed(row)) {
        let (time, symbol) = (times.micros[row], ranks[symbols.codes[row] as usize]);
        if time != time_before {
            bar = bars.binary_search(&time).expect("every keyed row's time was collected above");
            time_before = time;
        }
        let key = || format!("row {}: {} {}", table.row_number(row), dates::label(time), names[symbol]);
        if time < latest[symbol] {
            let before = dates::label(latest[symbol]);
            repairs.count(Rule::Unsorted, || format!("{} comes after {before}", key()));
        }
        latest[symbol] = time;
        let winner = &mut winners[bar * width + symbol];
        if *winner != NONE {
            let first = *winner as usize;
            repairs.count(Rule::Duplicate, || format!("{} stands in row {} already", key(), table.row_number(first)));
            kept[first] = false;
        }
        *winner = row as u32;
        kept[row] = true;
    }
    Ok(Grid { bars, symbols: names, winners, kept })
}

/// The used names in order, and for every name its place among them.
fn ranked(names: &[String], used: &[bool]) -> (Vec<String>, Vec<usize>) {
    let mut order: Vec<usize> = (0..names.len()).filter(|&code| used[code]).collect();
    order.sort_unstable_by_key(|&code| &names[code]);
    let mut ranks = vec![0; names.len()];
    for (rank, &code) in order.iter().enumerate() {
        ranks[code] = rank;
    }
    (order.iter().map(|&code| names[code].clone()).collect(), ranks)
}

fn check_size(
    table: &RawTable<'_>,
    bars: usize,
    symbols: usize,
    columns: usize,
    options: &ImportOptions,
) -> Result<(), Error> {
    // The grid of winners takes 4 bytes a cell beside 8 for every column.
    let bytes = bars as u128 * symbols as u128 * (columns as u128 * 8 + 4);
    if bytes <= u128::from(options.max_bytes) {
        return Ok(());
    }
    let (origin, limit) = (table.origin.clone(), options.max_bytes);
    Err(Error::TooLarge { origin, bars, symbols, columns, bytes, limit })
}

/// Applies the rules for values to the rows that were kept.
fn repair(columns: &mut [Column], kept: &[bool], describe: &dyn Fn(usize) -> String, repairs: &mut Repairs) {
    const BAR: [&str; 6] = ["open", "high", "low", "close", "adj_close", "volume"];
    let places = BAR.map(|name| columns.iter().position(|column| column.name == name));
    let [open, high, low, close, adjusted, volume] = places;
    for row in (0..kept.len()).filter(|&row| kept[row]) {
        for Column { name, values, .. } in columns.iter_mut().filter(|column| column.values[row].is_infinite()) {
            repairs.count(Rule::Infinite, || format!("{}, {name} {}", describe(row), values[row]));
            values[row] = f64::NAN;
        }
        let at = |columns: &[Column], place: Option<usize>| place.map_or(f64::NAN, |index| columns[index].values[row]);
        let [o, h, l, c] = [open, high, low, close].map(|place| at(columns, place));
        let defect = bar_defect(o, h, l, c);
        if let Some((rule, text)) = defect {
            repairs.count(rule, || format!("{}, {text}", describe(row)));
            for index in places.into_iter().flatten() {
                columns[index].values[row] = f64::NAN;
            }
        }
        if let Some(index) = adjusted.filter(|&index| columns[index].values[row] <= 0.0) {
            let value = columns[index].values[row];
            repairs.count(Rule::NonPositiveAdjusted, || format!("{}, adj_close {value}", describe(row)));
            columns[index].values[row] = f64::NAN;
        }
        if let Some(index) = volume.filter(|&index| columns[index].values[row] < 0.0) {
            let value = columns[index].values[row];
            repairs.count(Rule::NegativeVolume, || format!("{}, volume {value}", describe(row)));
            columns[index].values[row] = f64::NAN;
        }
        if defect.is_none() && at(columns, close).is_nan() {
            repairs.count(Rule::NoClose, || describe(row));
        }
    }
}

/// What is wrong with a bar's prices; missing ones break no rule.
fn bar_defect(open: f64, high: f64, low: f64, close: f64) -> Option<(Rule, Defect)> {
    let prices = [("open", open), ("high", high), ("low", low), ("close", close)];
    if let Some(&price) = prices.iter().find(|(_, price)| *price <= 0.0) {
        return Some((Rule::NonPositive, Defect { price, limit: None }));
    }
    let above = |upper: f64, lower: f64| lower > upper * (1.0 + ROUNDING);
    let pairs = [(1, 2), (1, 0), (1, 3), (0, 2), (3, 2)];
    let (upper, lower) = pairs.into_iter().find(|&(upper, lower)| above(prices[upper].1, prices[lower].1))?;
    Some((Rule::OutsideRange, Defect { price: prices[upper], limit: Some(prices[lower]) }))
}

/// A price, and the price that it must not lie below.
#[derive(Clone, Copy)]
struct Defect {
    price: (&'static str, f64),
    limit: Option<(&'static str, f64)>,
}

impl std::fmt::Display for Defect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.price.0, self.price.1)?;
        match self.limit {
            Some((name, limit)) => write!(f, " below {name} {limit}"),
            None => Ok(()),
        }
    }
}

fn ignored_columns(table: &RawTable<'_>, layout: &Layout) -> Vec<String> {
    let unnamed = layout.ignored.iter().map(|&index| {
        let name = &table.columns[index].name;
        if name.is_empty() { format!("column {} (without a name)", index + 1) } else { name.clone() }
    });
    unnamed.chain(table.ignored.iter().cloned()).collect()
}

/// Lays every column out densely.
fn fill(grid: Grid, columns: Vec<Column>, zone: Option<&str>) -> Result<Panel, PanelError> {
    let shape = (grid.bars.len(), grid.symbols.len());
    let mut fields = IndexMap::new();
    let mut groups = IndexMap::new();
    for column in columns {
        let value = |&row: &u32| if row == NONE { f64::NAN } else { column.values[row as usize] };
        let dense = grid.winners.iter().map(value).collect();
        let array = Array2::from_shape_vec(shape, dense).expect("the grid has one winner a cell");
        match column.labels {
            None => drop(fields.insert(column.name, array)),
            Some(labels) => drop(groups.insert(column.name, Group { labels, codes: array })),
        }
    }
    Panel::new(Calendar::new(grid.bars, zone)?, grid.symbols, fields, groups)
}
