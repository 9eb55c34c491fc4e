//! Symbols, numbers and labels out of raw cells.

use indexmap::{IndexMap, IndexSet};

use super::columns::{PRICES, Roles};
use super::raw::{Cells, MISSING, RawTable, TextCells, is_missing, is_missing_symbol};
use crate::error::Error;

/// Row without a symbol.
pub(super) const NO_SYMBOL: u32 = u32::MAX;

/// The symbol of every row.
#[derive(Debug)]
pub(super) struct Symbols {
    /// Sorted by name.
    pub(super) names: Vec<String>,
    /// Index into `names`, or [`NO_SYMBOL`].
    pub(super) of_row: Vec<u32>,
}

impl Symbols {
    /// A table of one symbol that it does not name itself.
    pub(super) fn one(name: &str, rows: usize) -> Self {
        Self { names: vec![name.to_owned()], of_row: vec![0; rows] }
    }
}

/// One column of values, by row of the table.
#[derive(Debug)]
pub(super) struct ValueColumn {
    /// Name of the field or group.
    pub(super) name: String,
    /// Index into [`RawTable::columns`].
    pub(super) index: usize,
    /// Numbers, or codes of `labels`; NaN where missing.
    pub(super) values: Vec<f64>,
    /// Sorted labels, when the column is a group.
    pub(super) labels: Option<Vec<String>>,
}

/// Reads the symbol column. Numbers are names too, as on Asian exchanges.
pub(super) fn read_symbols(table: &RawTable<'_>, index: usize) -> Result<Symbols, Error> {
    let column = &table.columns[index];
    let (names, of_row) = match &column.cells {
        Cells::Text(cells) => intern(table.rows, |row| Some(cells.get(row)).filter(|cell| !is_missing_symbol(cell))),
        Cells::Integer(cells) => {
            let text = TextCells::Owned(
                cells.iter().map(|cell| if *cell == MISSING { String::new() } else { cell.to_string() }).collect(),
            );
            intern(table.rows, |row| Some(text.get(row)).filter(|cell| !cell.is_empty()))
        }
        Cells::Number(_) | Cells::Time(_) => {
            return Err(table.unusable(format!("column `{}` holds no names of symbols; make it text", column.name)));
        }
    };
    Ok(Symbols { names, of_row })
}

/// Reads every column that is neither date nor symbol.
///
/// Prices and volume must be numbers. Of the other text columns those in which every value reads as a number are
/// fields, those in which none does are groups; a mixture is refused, as it is a mistake in one of its cells.
pub(super) fn read_values(table: &RawTable<'_>, roles: &Roles) -> Result<Vec<ValueColumn>, Error> {
    roles.values.iter().map(|(index, name)| read_column(table, *index, name)).collect()
}

fn read_column(table: &RawTable<'_>, index: usize, name: &str) -> Result<ValueColumn, Error> {
    let number = |values: Vec<f64>| ValueColumn { name: name.to_owned(), index, values, labels: None };
    let column = &table.columns[index];
    let cells = match &column.cells {
        Cells::Number(values) => return Ok(number(values.clone())),
        Cells::Integer(cells) => {
            return Ok(number(cells.iter().map(|&v| if v == MISSING { f64::NAN } else { v as f64 }).collect()));
        }
        Cells::Time(_) => return Err(table.unusable(format!("column `{}` holds times, no numbers", column.name))),
        Cells::Text(cells) => cells,
    };
    let must_be_number = PRICES.contains(&name) || matches!(name, "volume" | "adj_close");
    let refuse = |row: usize, problem: &str| Err(table.cell_error(row, &column.name, &cells.text(row), problem));
    let mut values = Vec::with_capacity(table.rows);
    let (mut numbers, mut texts) = ((0_usize, 0), (0_usize, 0));
    for row in 0..table.rows {
        let cell = cells.get(row);
        let value = parse_number(cell);
        if value.is_some() {
            numbers = (numbers.0 + 1, if numbers.0 == 0 { row } else { numbers.1 });
        } else if !is_missing(cell) {
            if must_be_number {
                return refuse(row, "is no number; write numbers as 1234.5 and leave missing ones empty");
            }
            texts = (texts.0 + 1, if texts.0 == 0 { row } else { texts.1 });
        }
        values.push(value.unwrap_or(f64::NAN));
    }
    match (numbers, texts) {
        (_, (0, _)) => Ok(number(values)),
        ((0, _), _) => {
            let (labels, codes) = intern(table.rows, |row| Some(cells.get(row)).filter(|cell| !is_missing(cell)));
            let code = |&code: &u32| if code == NO_SYMBOL { f64::NAN } else { f64::from(code) };
            Ok(ValueColumn {
                name: name.to_owned(),
                index,
                values: codes.iter().map(code).collect(),
                labels: Some(labels),
            })
        }
        ((numbers, _), (texts, row)) if texts <= numbers => {
            refuse(row, &format!("is no number, but {numbers} other values of the column are; correct or empty it"))
        }
        ((_, row), (texts, _)) => refuse(
            row,
            &format!("is a number, but {texts} values of the column are labels; make it a label too, as in `g1`"),
        ),
    }
}

/// `None` for what is missing or no number.
fn parse_number(cell: &[u8]) -> Option<f64> {
    if !matches!(cell.first()?, b'0'..=b'9' | b'-' | b'+' | b'.' | b'i' | b'I') {
        return None;
    }
    std::str::from_utf8(cell).ok()?.parse().ok()
}

/// Distinct names, sorted, and the index of each row's name; [`NO_SYMBOL`] where `cell` gives none.
fn intern<'a>(rows: usize, cell: impl Fn(usize) -> Option<&'a [u8]>) -> (Vec<String>, Vec<u32>) {
    let mut found: IndexSet<&[u8]> = IndexSet::new();
    let mut of_row = Vec::with_capacity(rows);
    let mut previous: (&[u8], u32) = (b"", NO_SYMBOL);
    for row in 0..rows {
        let Some(name) = cell(row) else {
            of_row.push(NO_SYMBOL);
            continue;
        };
        if name != previous.0 || previous.1 == NO_SYMBOL {
            previous = (name, found.insert_full(name).0 as u32);
        }
        of_row.push(previous.1);
    }
    let mut order: Vec<usize> = (0..found.len()).collect();
    order.sort_unstable_by_key(|&index| found[index]);
    let mut rank = vec![0_u32; order.len()];
    for (place, &index) in order.iter().enumerate() {
        rank[index] = place as u32;
    }
    for code in of_row.iter_mut().filter(|code| **code != NO_SYMBOL) {
        *code = rank[*code as usize];
    }
    let names = order.iter().map(|&index| String::from_utf8_lossy(found[index]).into_owned()).collect();
    (names, of_row)
}

/// The columns that hold the parts of a bar.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct BarColumns {
    pub(super) open: Option<usize>,
    pub(super) high: Option<usize>,
    pub(super) low: Option<usize>,
    pub(super) close: Option<usize>,
    pub(super) volume: Option<usize>,
}

impl BarColumns {
    pub(super) fn of(values: &[ValueColumn]) -> Self {
        let places: IndexMap<&str, usize> =
            values.iter().enumerate().map(|(place, column)| (column.name.as_str(), place)).collect();
        let find = |name: &str| places.get(name).copied();
        Self {
            open: find("open"),
            high: find("high"),
            low: find("low"),
            close: find("close"),
            volume: find("volume"),
        }
    }
}
