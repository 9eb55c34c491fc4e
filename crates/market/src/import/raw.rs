//! A table as it came, before anything is made of it: columns of text, numbers or times, and row numbers.

use crate::error::{Error, excerpt};

/// Integer and time cells use this for "missing"; no date within reach has this value.
pub(super) const MISSING: i64 = i64::MIN;

/// Columns as they came.
pub(super) struct RawTable<'a> {
    /// File or frame name, for messages.
    pub(super) origin: String,
    pub(super) rows: usize,
    /// Row numbers where they are not simply "2, 3, 4, ..." (a text file with blank lines).
    pub(super) lines: Option<Vec<u32>>,
    pub(super) columns: Vec<RawColumn<'a>>,
    /// Columns of types that no panel can hold.
    pub(super) ignored: Vec<String>,
}

pub(super) struct RawColumn<'a> {
    pub(super) name: String,
    pub(super) cells: Cells<'a>,
}

pub(super) enum Cells<'a> {
    Text(TextCells<'a>),
    Number(Vec<f64>),
    Integer(Vec<i64>),
    Time(TimeCells),
}

impl Cells<'_> {
    pub(super) fn len(&self) -> usize {
        match self {
            Cells::Text(TextCells::Spans { spans, .. }) => spans.len(),
            Cells::Text(TextCells::Borrowed(cells)) => cells.len(),
            Cells::Text(TextCells::Owned(cells)) => cells.len(),
            Cells::Number(cells) => cells.len(),
            Cells::Integer(cells) => cells.len(),
            Cells::Time(cells) => cells.micros.len(),
        }
    }
}

/// Times that were times already: microseconds since 1970, and the zone they were labelled with.
pub(super) struct TimeCells {
    pub(super) micros: Vec<i64>,
    pub(super) zone: Option<String>,
}

/// Text cells without a copy: spans of one buffer, or borrowed strings.
pub(super) enum TextCells<'a> {
    Spans { buffer: &'a [u8], spans: Vec<(u32, u32)> },
    Borrowed(Vec<&'a str>),
    Owned(Vec<String>),
}

impl RawTable<'_> {
    /// The number a person would give the row: the header is row 1.
    pub(super) fn row_number(&self, row: usize) -> usize {
        self.lines.as_ref().map_or(row + 2, |lines| lines[row] as usize)
    }

    pub(super) fn cell_error(&self, row: usize, column: &str, value: &str, problem: &str) -> Error {
        Error::Cell {
            origin: self.origin.clone(),
            row: self.row_number(row),
            column: excerpt(column),
            value: excerpt(value),
            problem: problem.to_owned(),
        }
    }

    pub(super) fn unusable(&self, problem: impl Into<String>) -> Error {
        Error::unusable(self.origin.clone(), problem)
    }
}

impl TextCells<'_> {
    /// The cell without the white space around it.
    pub(super) fn get(&self, row: usize) -> &[u8] {
        let bytes = match self {
            TextCells::Spans { buffer, spans } => {
                let (start, end) = spans[row];
                &buffer[start as usize..end as usize]
            }
            TextCells::Borrowed(cells) => cells[row].as_bytes(),
            TextCells::Owned(cells) => cells[row].as_bytes(),
        };
        bytes.trim_ascii()
    }

    pub(super) fn text(&self, row: usize) -> String {
        String::from_utf8_lossy(self.get(row)).into_owned()
    }
}

/// The texts that stand for "no value" in a cell.
pub(super) fn is_missing(cell: &[u8]) -> bool {
    matches!(cell, b"" | b"null" | b"NULL" | b"NA" | b"N/A" | b"NaN" | b"nan" | b"-")
}

/// The texts that stand for "no symbol": as above, except that NA is a ticker.
pub(super) fn is_missing_symbol(cell: &[u8]) -> bool {
    is_missing(cell) && cell != b"NA"
}
