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

impl Column {
    /// Leaves the rows before `row`, and gives those from there on.
    pub(super) fn split_off(&mut self, row: usize) -> Self {
        Self { name: self.name.clone(), values: self.values.split_off(row), labels: self.labels.clone() }
    }

    /// Puts later rows of the same column behind these; the name is the error where one has numbers and the other labels.
    pub(super) fn append(&mut self, mut later: Self) -> Result<(), String> {
        let is_empty = |values: &[f64]| values.iter().all(|value| value.is_nan());
        match (&mut self.labels, &mut later.labels) {
            (None, None) => {}
            (Some(known), Some(more)) => {
                let mut all = known.clone();
                all.extend(more.iter().cloned());
                all.sort_unstable();
                all.dedup();
                let code = |label: &String| all.binary_search(label).expect("every label is among them all") as f64;
                let (here, there): (Vec<f64>, Vec<f64>) =
                    (known.iter().map(code).collect(), more.iter().map(code).collect());
                let rename = |values: &mut [f64], codes: &[f64]| {
                    values.iter_mut().filter(|value| !value.is_nan()).for_each(|value| *value = codes[*value as usize]);
                };
                rename(&mut self.values, &here);
                rename(&mut later.values, &there);
                *known = all;
            }
            (_, more) if is_empty(&self.values) => self.labels = more.take(),
            _ if is_empty(&later.values) => {}
            _ => return Err(self.name.clone()),
        }
        self.values.extend(later.values);
        Ok(())
    }
}

/// Reads columns given by index and panel name.
pub(super) fn read_columns(table: &RawTable<'_>, wanted: &[(usize, String)]) -> Result<Vec<Column>, Error> {
    wanted.iter().map(|(index, name)| read_column(table, *index, name)).collect()
}

/// Prices and volume are numbers. Any other text column is numeric when at least half of its cells are numbers, so
/// that one slip in it is an error and not a group of a million labels.
fn read_column(table: &RawTable<'_>, index: usize, name: &str) -> Result<Column, Error> {
    const NUMERIC: [&str; 6] = ["open", "high", "low", "close", "volume", "adj_close"];
    let (values, labels) = read_cells(table, index, NUMERIC.contains(&name))?;
    Ok(Column { name: name.to_owned(), values, labels })
}

/// A column that must hold numbers; NaN where missing.
pub(super) fn read_numbers(table: &RawTable<'_>, index: usize) -> Result<Vec<f64>, Error> {
    Ok(read_cells(table, index, true)?.0)
}

/// A column of texts as codes, NaN where missing, and sorted labels, even where they look like numbers.
pub(super) fn read_labels(table: &RawTable<'_>, index: usize) -> (Vec<f64>, Vec<String>) {
    let spelt: Vec<String> = match &table.columns[index].cells {
        Cells::Text(cells) => return labels(cells, table.rows),
        Cells::Number(values) => values.iter().map(f64::to_string).collect(),
        Cells::Integer(cells) => cells.iter().map(|&cell| spell(cell, |cell| cell.to_string())).collect(),
        Cells::Time(cells) => cells.micros.iter().map(|&time| spell(time, |time| dates::label(time, None))).collect(),
    };
    labels(&TextCells::Owned(spelt), table.rows)
}

fn spell(cell: i64, known: impl Fn(i64) -> String) -> String {
    if cell == MISSING { String::new() } else { known(cell) }
}

/// Values, and labels where they are codes.
fn read_cells(
    table: &RawTable<'_>,
    index: usize,
    must_be_numeric: bool,
) -> Result<(Vec<f64>, Option<Vec<String>>), Error> {
    let source = &table.columns[index];
    let label = |(values, labels)| Ok((values, Some(labels)));
    match &source.cells {
        Cells::Number(values) => Ok((values.clone(), None)),
        Cells::Integer(cells) => {
            let value = |&cell: &i64| if cell == MISSING { f64::NAN } else { cell as f64 };
            Ok((cells.iter().map(value).collect(), None))
        }
        Cells::Time(_) if must_be_numeric => {
            Err(table.unusable(format!("column `{}` holds times where numbers belong", source.name)))
        }
        Cells::Time(_) => label(read_labels(table, index)),
        Cells::Text(cells) => {
            let parsed = numbers(cells, table.rows);
            match parsed.first_text {
                None => Ok((parsed.values, None)),
                Some(_) if !must_be_numeric && parsed.texts > parsed.numbers => label(labels(cells, table.rows)),
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

/// The number that a cell holds; `inf` is one, to be mended later.
pub(super) fn number(cell: &[u8]) -> Option<f64> {
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
