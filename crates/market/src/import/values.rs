//! Numbers and labels of the columns that are neither date nor symbol.

use std::collections::BTreeMap;

use super::dates;
use super::raw::{Cells, MISSING, RawTable, TextCells, is_missing};
use crate::error::Error;

/// One field or group before alignment.
pub(super) struct Column {
    /// Name in the panel.
    pub(super) name: String,
    /// One value a row, NaN where missing; codes into `labels` for a group.
    pub(super) values: Vec<f64>,
    /// Sorted labels of a group.
    pub(super) labels: Option<Vec<String>>,
}

/// Reads columns given by index and panel name.
pub(super) fn read_columns(table: &RawTable<'_>, wanted: &[(usize, String)]) -> Result<Vec<Column>, Error> {
    wanted.iter().map(|(index, name)| read_column(table, *index, name)).collect()
}

/// Prices and volume are numbers. Any other text column is numeric when at least half of its cells are numbers, so
/// that one slip in it is an error and not a group of a million labels.
fn read_column(table: &RawTable<'_>, index: usize, name: &str) -> Result<Column, Error> {
    const NUMERIC: [&str; 6] = ["open", "high", "low", "close", "volume", "adj_close"];
    let must_be_numeric = NUMERIC.contains(&name);
    let source = &table.columns[index];
    let number = |values| Ok(Column { name: name.to_owned(), values, labels: None });
    let label = |cells: &TextCells<'_>| {
        let (values, labels) = labels(cells, table.rows);
        Column { name: name.to_owned(), values, labels: Some(labels) }
    };
    match &source.cells {
        Cells::Number(values) => number(values.clone()),
        Cells::Integer(cells) => {
            number(cells.iter().map(|&cell| if cell == MISSING { f64::NAN } else { cell as f64 }).collect())
        }
        Cells::Time(_) if must_be_numeric => {
            Err(table.unusable(format!("column `{}` holds times where numbers belong", source.name)))
        }
        Cells::Time(cells) => {
            let spell = |&time: &i64| if time == MISSING { String::new() } else { dates::label(time) };
            Ok(label(&TextCells::Owned(cells.micros.iter().map(spell).collect())))
        }
        Cells::Text(cells) => {
            let parsed = numbers(cells, table.rows);
            match parsed.first_text {
                None => number(parsed.values),
                Some(_) if !must_be_numeric && parsed.texts > parsed.numbers => Ok(label(cells)),
                Some(row) => Err(not_a_number(table, row, &source.name, &cells.text(row))),
            }
        }
    }
}

fn not_a_number(table: &RawTable<'_>, row: usize, column: &str, value: &str) -> Error {
    let only = |marks: &str| value.chars().all(|c| c.is_ascii_digit() || marks.contains(c));
    let hint = if only(",.-") && value.contains(',') {
        "write it with a decimal point and without separators of thousands"
    } else if only("$€£%,.-+ ") {
        "write it without currency or percent sign"
    } else {
        "correct it, or leave the cell empty if the value is missing"
    };
    table.cell_error(row, column, value, &format!("is no number; {hint}"))
}

struct Parsed {
    values: Vec<f64>,
    numbers: usize,
    texts: usize,
    first_text: Option<usize>,
}

fn numbers(cells: &TextCells<'_>, rows: usize) -> Parsed {
    let mut parsed = Parsed { values: Vec::with_capacity(rows), numbers: 0, texts: 0, first_text: None };
    for row in 0..rows {
        let cell = cells.get(row);
        let value = if is_missing(cell) {
            f64::NAN
        } else if let Some(value) = number(cell) {
            parsed.numbers += 1;
            value
        } else {
            parsed.texts += 1;
            parsed.first_text = parsed.first_text.or(Some(row));
            f64::NAN
        };
        parsed.values.push(value);
    }
    parsed
}

fn number(cell: &[u8]) -> Option<f64> {
    std::str::from_utf8(cell).ok()?.parse().ok()
}

/// Codes and sorted labels.
fn labels(cells: &TextCells<'_>, rows: usize) -> (Vec<f64>, Vec<String>) {
    let mut codes: BTreeMap<&[u8], f64> = BTreeMap::new();
    let named = || (0..rows).map(|row| cells.get(row)).filter(|cell| !is_missing(cell));
    codes.extend(named().map(|cell| (cell, 0.0)));
    for (place, code) in codes.values_mut().enumerate() {
        *code = place as f64;
    }
    let values = (0..rows).map(|row| codes.get(cells.get(row)).copied().unwrap_or(f64::NAN)).collect();
    let labels = codes.keys().map(|cell| String::from_utf8_lossy(cell).into_owned()).collect();
    (values, labels)
}
