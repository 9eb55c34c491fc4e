//! Text files into columns of spans. Our own splitter, because every error must name the row, no input may panic,
//! and what a decompressor puts out must be bounded.

use std::fs::File;
use std::io::{BufRead, Read};
use std::path::Path;

use polars::io::utils::compression::SupportedCompression;

use super::raw::{Cells, RawColumn, RawTable, TextCells};
use crate::error::{Error, excerpt};

/// Spans are 32 bits wide; a longer text belongs in Parquet.
pub(super) const LONGEST_TEXT: u64 = u32::MAX as u64;
/// What the span of a cell takes, and later its number.
const CELL_BYTES: u64 = 8;

/// A text file after splitting: header names, and per column the byte range of every cell.
#[derive(Debug)]
pub(super) struct Split {
    names: Vec<String>,
    columns: Vec<Vec<(u32, u32)>>,
    /// 1-based line on which each record starts.
    lines: Vec<u32>,
}

impl Split {
    /// For a piece of a file: how many more lines stand before its rows.
    pub(super) fn shift_lines(&mut self, lines: usize) {
        let lines = u32::try_from(lines).unwrap_or(u32::MAX);
        self.lines.iter_mut().for_each(|line| *line = line.saturating_add(lines));
    }

    pub(super) fn rows(&self) -> usize {
        self.lines.len()
    }

    pub(super) fn into_table<'a>(self, buffer: &'a [u8], origin: &str) -> RawTable<'a> {
        let columns = self
            .names
            .into_iter()
            .zip(self.columns)
            .map(|(name, spans)| RawColumn { name, cells: Cells::Text(TextCells::Spans { buffer, spans }) });
        RawTable {
            origin: origin.to_owned(),
            rows: self.lines.len(),
            columns: columns.collect(),
            lines: Some(self.lines),
            ignored: Vec::new(),
        }
    }
}

/// Whether a file begins as gzip or zstd.
pub(super) fn is_packed(mut file: &File) -> bool {
    let mut start = [0; 8];
    let read = file.read(&mut start).unwrap_or(0);
    packing(&start[..read]).is_some()
}

/// How a text that begins so is packed.
fn packing(start: &[u8]) -> Option<SupportedCompression> {
    use SupportedCompression::{GZIP, ZSTD};
    SupportedCompression::check(start).filter(|kind| matches!(kind, GZIP | ZSTD))
}

/// The text of a file as it is read, unpacked when it is gzip or zstd.
pub(super) fn unpacking<'a>(
    mut file: impl BufRead + Send + 'a,
    path: &Path,
) -> Result<Box<dyn Read + Send + 'a>, Error> {
    let unreadable = |cause| Error::Read { path: path.to_owned(), cause };
    Ok(match packing(file.fill_buf().map_err(unreadable)?) {
        Some(SupportedCompression::GZIP) => Box::new(flate2::bufread::MultiGzDecoder::new(file)),
        Some(_) => Box::new(zstd::Decoder::with_buffer(file).map_err(unreadable)?),
        None => Box::new(file),
    })
}

/// The text of a file, unpacked when it is gzip or zstd.
pub(super) fn unpack(path: &Path, packed: Vec<u8>, max_bytes: u64) -> Result<Vec<u8>, Error> {
    let longest = max_bytes.min(LONGEST_TEXT);
    let mut text = packed;
    if packing(&text).is_some() {
        let mut unpacked = Vec::new();
        let read = unpacking(text.as_slice(), path)?.take(longest + 1).read_to_end(&mut unpacked);
        read.map_err(|cause| Error::Read { path: path.to_owned(), cause })?;
        text = unpacked;
    }
    if text.len() as u64 > longest {
        let problem = format!("holds more than {longest} bytes of text; split it, or convert it to Parquet");
        return Err(Error::unusable(path.display().to_string(), problem));
    }
    if text.starts_with(b"\xef\xbb\xbf") {
        text.drain(..3);
    }
    Ok(text)
}

/// Splits a text into columns. Quoted cells with doubled quotes are shortened in place.
pub(super) fn split(text: &mut [u8], origin: &str, max_bytes: u64) -> Result<Split, Error> {
    check_encoding(text, origin)?;
    let mut scanner = Scanner::new(text, origin);
    let mut record = Vec::new();
    let Some(_) = scanner.record(&mut record)? else {
        return Err(Error::empty(origin, "is empty; it needs a header row and rows of bars"));
    };
    let mut names: Vec<String> = record.iter().map(|&span| scanner.cell(span)).collect();
    refuse_web_page(&names, origin)?;
    if is_kline(&names) {
        names = KLINE.map(str::to_owned).to_vec();
        (scanner.position, scanner.line) = (0, 1);
    }
    let mut columns: Vec<Vec<(u32, u32)>> = vec![Vec::new(); names.len()];
    let mut lines = Vec::new();
    while let Some(line) = scanner.record(&mut record)? {
        if record.len() != names.len() {
            let problem = format!(
                "row {line} has {} cells, but the header has {} columns; quote cells that contain the separator `{}`",
                record.len(),
                names.len(),
                scanner.separator.escape_ascii(),
            );
            return Err(Error::unusable(origin, problem));
        }
        if (lines.len() as u64 + 1) * names.len() as u64 * CELL_BYTES > max_bytes {
            let problem = format!("has more cells than {max_bytes} bytes hold; split it, or raise the limit");
            return Err(Error::unusable(origin, problem));
        }
        for (column, &span) in columns.iter_mut().zip(&record) {
            column.push(span);
        }
        lines.push(line);
    }
    if lines.is_empty() {
        let problem = format!("has a header ({}) but no rows", excerpt(&names.join(", ")));
        return Err(Error::empty(origin, problem));
    }
    Ok(Split { names, columns, lines })
}

/// Columns of Binance's klines, whose files have no header.
const KLINE: [&str; 12] = [
    "open_time",
    "open",
    "high",
    "low",
    "close",
    "volume",
    "close_time",
    "quote_volume",
    "count",
    "taker_buy_volume",
    "taker_buy_quote_volume",
    "ignore",
];

/// Whether the first row is one of numbers that begins with two times since 1970, in milli- or microseconds.
fn is_kline(cells: &[String]) -> bool {
    let time = |cell: &str| matches!(cell.len(), 13 | 16) && cell.bytes().all(|b| b.is_ascii_digit());
    cells.len() == KLINE.len()
        && time(&cells[0])
        && time(&cells[6])
        && cells.iter().all(|cell| cell.parse::<f64>().is_ok())
}

fn check_encoding(text: &[u8], origin: &str) -> Result<(), Error> {
    if text.starts_with(b"\xff\xfe") || text.starts_with(b"\xfe\xff") {
        return Err(Error::unusable(origin, "is UTF-16 text; save it as UTF-8"));
    }
    let bad = match std::str::from_utf8(text) {
        Err(error) => Some(error.valid_up_to()),
        Ok(_) => text.iter().position(|&byte| byte == 0),
    };
    let Some(bad) = bad else { return Ok(()) };
    let row = text[..bad].split(|&byte| byte == b'\n').count();
    let problem = format!("row {row} is no UTF-8 text (byte {:#04x}); save the file as UTF-8 CSV", text[bad]);
    Err(Error::unusable(origin, problem))
}

fn refuse_web_page(names: &[String], origin: &str) -> Result<(), Error> {
    let first = names.first().map(|name| name.to_ascii_lowercase()).unwrap_or_default();
    if ["<!doctype", "<html", "<?xml", "<head"].iter().any(|start| first.starts_with(start)) {
        return Err(Error::unusable(origin, "is a web page, not a table; download the data file itself"));
    }
    Ok(())
}

/// Walks over records, one after the other.
struct Scanner<'t> {
    text: &'t mut [u8],
    origin: &'t str,
    separator: u8,
    line_end: u8,
    position: usize,
    line: u32,
}

impl<'t> Scanner<'t> {
    fn new(text: &'t mut [u8], origin: &'t str) -> Self {
        let line_end = if text.contains(&b'\n') { b'\n' } else { b'\r' };
        let separator = separator(text, line_end);
        Self { text, origin, separator, line_end, position: 0, line: 1 }
    }

    fn cell(&self, (start, end): (u32, u32)) -> String {
        String::from_utf8_lossy(self.text[start as usize..end as usize].trim_ascii()).into_owned()
    }

    /// Reads the next record that is not blank into `record`; its line number, or `None` at the end.
    fn record(&mut self, record: &mut Vec<(u32, u32)>) -> Result<Option<u32>, Error> {
        loop {
            if self.position >= self.text.len() {
                return Ok(None);
            }
            record.clear();
            let line = self.line;
            while !self.field(record)? {}
            let blank = record.len() == 1 && self.text[record[0].0 as usize..record[0].1 as usize].trim_ascii() == b"";
            if !blank {
                return Ok(Some(line));
            }
        }
    }

    /// Reads one cell; true when it was the last of its record.
    fn field(&mut self, record: &mut Vec<(u32, u32)>) -> Result<bool, Error> {
        let start = self.position;
        let (from, to) = if self.text.get(start) == Some(&b'"') {
            self.quoted(start)?
        } else {
            let rest = &self.text[start..];
            let length = rest.iter().position(|&b| b == self.separator || b == self.line_end).unwrap_or(rest.len());
            (start, start + length)
        };
        if from == start {
            self.position = to;
        }
        record.push((from as u32, to as u32));
        let last = self.text.get(self.position) != Some(&self.separator);
        if last && self.position < self.text.len() {
            self.line += 1;
        }
        self.position += 1;
        Ok(last)
    }

    /// Reads a cell in quotes that starts at `start`, and stops at the separator or line end behind it.
    fn quoted(&mut self, start: usize) -> Result<(usize, usize), Error> {
        let first_line = self.line;
        let (mut read, mut write) = (start + 1, start + 1);
        loop {
            let Some(&byte) = self.text.get(read) else {
                let problem = format!("row {first_line} opens a quote that is never closed");
                return Err(Error::unusable(self.origin, problem));
            };
            if byte == b'"' {
                if self.text.get(read + 1) != Some(&b'"') {
                    break;
                }
                read += 1;
            }
            if byte == self.line_end {
                self.line += 1;
            }
            self.text[write] = byte;
            write += 1;
            read += 1;
        }
        read += 1;
        while self.text.get(read).is_some_and(|&b| matches!(b, b' ' | b'\r') && b != self.line_end) {
            read += 1;
        }
        if self.text.get(read).is_some_and(|&b| b != self.separator && b != self.line_end) {
            let problem = format!("row {} has text behind a closing quote; double the quotes inside a cell", self.line);
            return Err(Error::unusable(self.origin, problem));
        }
        self.position = read;
        Ok((start + 1, write))
    }
}

/// The separator that the header line holds most of; a comma where it holds none.
fn separator(text: &[u8], line_end: u8) -> u8 {
    let header = text.trim_ascii_start().split(|&b| b == line_end).next().unwrap_or_default();
    let count = |separator: u8| header.split(|&b| b == separator).count();
    b",;\t|".iter().copied().rev().max_by_key(|&separator| count(separator)).unwrap_or(b',')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(input: &str, expected: Result<(&str, &[u32]), &str>) {
        let mut text = input.as_bytes().to_vec();
        let found = split(&mut text, "f", 1 << 20).map(|split| {
            let table: Vec<String> = (0..split.lines.len())
                .map(|row| {
                    let cells = split.columns.iter().map(|column| {
                        let (start, end) = column[row];
                        String::from_utf8(text[start as usize..end as usize].to_vec()).unwrap()
                    });
                    cells.collect::<Vec<_>>().join("|")
                })
                .collect();
            (format!("{} / {}", split.names.join("|"), table.join(" / ")), split.lines)
        });
        match (found, expected) {
            (Ok((table, lines)), Ok((text, rows))) => {
                assert_eq!((table.as_str(), &lines[..]), (text, rows), "{input:?}");
            }
            (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{input:?}: {error}"),
            (found, expected) => panic!("{input:?}: {found:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn splits_what_spreadsheets_and_vendors_write() {
        check("a,b\n1,2\n", Ok(("a|b / 1|2", &[2])));
        check("a,b\n1,2", Ok(("a|b / 1|2", &[2])));
        check("a,b\r\n1,\r\n,2\r\n", Ok(("a|b / 1|\r / |2\r", &[2, 3])));
        check("a;b;c\n1,5;2;3\n", Ok(("a|b|c / 1,5|2|3", &[2])));
        check("a\tb\n1\t2\n", Ok(("a|b / 1|2", &[2])));
        check("\n\na,b\n\n1,2\n  \n3,4\n\n", Ok(("a|b / 1|2 / 3|4", &[5, 7])));
        check("a,b\n\"x,\"\"y\"\"\",2\n3,\"\"\n", Ok(("a|b / x,\"y\"|2 / 3|", &[2, 3])));
        check("a,b\n\"x\ny\",2\n3,4\n", Ok(("a|b / x\ny|2 / 3|4", &[2, 4])));
        check("a,b\r1,2\r3,4\r", Ok(("a|b / 1|2 / 3|4", &[2, 3])));
        check("\"a\" ,b\n1,\"é\"\"é\"\n", Ok(("a|b / 1|é\"é", &[2])));
    }

    #[test]
    fn klines_need_no_header() {
        let row = "1609459200000,1,3,1,2,9,1609462799999,18,4,5,10,0";
        let names = KLINE.join("|");
        let cells = row.replace(',', "|");
        check(&format!("{row}\n{row}\n"), Ok((&format!("{names} / {cells} / {cells}"), &[1, 2])));
        check(&format!("{}\n{row}\n", KLINE.join(",")), Ok((&format!("{names} / {cells}"), &[2])));
        let eleven = &row[..row.len() - 2];
        check(&format!("{eleven}\n{eleven}\n"), Ok((&format!("{0} / {0}", eleven.replace(',', "|")), &[2])));
    }

    #[test]
    fn refuses_what_is_no_table() {
        check("", Err("is empty"));
        check(" \n\n", Err("is empty"));
        check("a,b\n", Err("no rows"));
        check("a,b\n1,2\n3\n", Err("row 3 has 1 cells, but the header has 2"));
        check("a,b\n1,2,3\n", Err("row 2 has 3 cells"));
        check("a,b\n1,\"2\n3,4\n", Err("row 2 opens a quote"));
        check("a,b\n\"1\"x,2\n", Err("row 2 has text behind"));
        check("a,b\n1,\0\n", Err("row 2 is no UTF-8"));
        check("<!DOCTYPE html>\n<p>\n", Err("web page"));
    }
}
