//! A long file piece by piece, as many rows at a time as memory allows.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use memmap2::Mmap;

use super::part::{Bars, Part, make_part};
use super::source::{self, Format};
use super::{ImportOptions, csv, frame};
use crate::cache::map;
use crate::error::Error;

/// Bytes of text, or of cells, in one piece.
const LARGEST: u64 = 64 << 20;
const SMALLEST: u64 = 16 << 10;
/// A piece becomes spans, numbers and a dense grid on its way; together they stay within the limit.
const SHARE: u64 = 32;

/// The pieces of a file, in its order.
pub(super) struct Chunks {
    path: PathBuf,
    options: ImportOptions,
    bytes: usize,
    kind: Kind,
}

enum Kind {
    Text(Text),
    Parquet { map: Mmap, rows: usize, columns: usize, next: usize },
}

impl Chunks {
    /// Opens a file.
    ///
    /// # Errors
    /// When it cannot be read, or is of a kind that has no pieces.
    pub(super) fn open(path: &Path, options: &ImportOptions) -> Result<Self, Error> {
        let unreadable = |cause| Error::Read { path: path.to_owned(), cause };
        let mut file = File::open(path).map_err(unreadable)?;
        let bytes = (options.max_bytes / SHARE).clamp(SMALLEST, LARGEST) as usize;
        let kind = match format(path, &mut file)? {
            Format::Text => Kind::Text(Text::new(csv::unpacking(BufReader::new(file), path)?)),
            Format::Parquet => {
                let map = map(&file, path)?;
                let (rows, columns) = frame::parquet_shape(path, &map)?;
                Kind::Parquet { map, rows, columns, next: 0 }
            }
            Format::Ipc => {
                let problem = "is an Arrow file, which is read whole; convert it to Parquet to read it piece by piece";
                return Err(Error::unusable(path.display().to_string(), problem));
            }
        };
        Ok(Self { path: path.to_owned(), options: options.clone(), bytes, kind })
    }

    /// Counts the rows that are left, without reading what is in their cells.
    ///
    /// # Errors
    /// When the file breaks off, or a row has other columns than the header.
    pub(super) fn count(mut self) -> Result<u64, Error> {
        let origin = self.path.display().to_string();
        match &mut self.kind {
            Kind::Parquet { rows, next, .. } => Ok((*rows - *next) as u64),
            Kind::Text(text) => {
                let mut rows = 0;
                while let Some((mut piece, lines_before)) = text.next(self.bytes, &origin)? {
                    let mut split = csv::split(&mut piece, &origin, u64::MAX)?;
                    split.shift_lines(lines_before);
                    rows += split.rows() as u64;
                }
                Ok(rows)
            }
        }
    }

    /// The next rows, or `None` behind the last.
    ///
    /// # Errors
    /// As an import of the file, and when its symbols stand across.
    pub(super) fn next(&mut self) -> Result<Option<Part>, Error> {
        let origin = self.path.display().to_string();
        let make = |table| {
            let part = make_part(table, &self.options, self.options.symbol.clone(), &source::stem(&self.path), true)?;
            match part.bars {
                Bars::Long { .. } => Ok(Some(part)),
                Bars::Wide(_) => {
                    let problem = "has symbols across, which is read whole; write it with one row a date and symbol";
                    Err(Error::unusable(&origin, problem))
                }
            }
        };
        match &mut self.kind {
            Kind::Text(text) => {
                let Some((mut piece, lines_before)) = text.next(self.bytes, &origin)? else { return Ok(None) };
                let mut table = csv::split(&mut piece, &origin, u64::MAX)?;
                table.shift_lines(lines_before);
                make(table.into_table(&piece, &origin))
            }
            Kind::Parquet { map, rows, columns, next } => {
                if *next >= *rows {
                    return Ok(None);
                }
                let count = (self.bytes / (8 * *columns).max(1)).clamp(1, *rows - *next);
                let loaded = frame::read_parquet_rows(&self.path, map, *next..*next + count)?;
                let mut table = frame::from_frame(&loaded.frame, loaded.ignored, &origin)?;
                let number = |row: usize| u32::try_from(row + 2).unwrap_or(u32::MAX);
                table.lines = Some((*next..*next + count).map(number).collect());
                *next += count;
                make(table)
            }
        }
    }
}

/// About how many bytes an import of the whole file takes on its way.
///
/// # Errors
/// When the file cannot be opened.
pub(super) fn bytes_of(path: &Path) -> Result<u64, Error> {
    /// Text and numbers shrink to about a sixth.
    const PACKED: u64 = 6;
    let unreadable = |cause| Error::Read { path: path.to_owned(), cause };
    let mut file = File::open(path).map_err(unreadable)?;
    let length = file.metadata().map_err(unreadable)?.len();
    if length == 0 {
        return Ok(0);
    }
    // What is of no known kind, or damaged, the import itself says better.
    Ok(match format(path, &mut file) {
        Ok(Format::Parquet) => {
            let map = map(&file, path)?;
            frame::parquet_shape(path, &map).map_or(0, |(rows, columns)| 8 * rows as u64 * columns as u64)
        }
        Ok(Format::Text) if csv::is_packed(&file) => length * PACKED,
        Ok(_) => length,
        Err(_) => 0,
    })
}

/// What the first and last bytes say, without reading what lies between.
fn format(path: &Path, file: &mut File) -> Result<Format, Error> {
    let unreadable = |cause| Error::Read { path: path.to_owned(), cause };
    let map = map(file, path)?;
    if map.is_empty() {
        return Err(Error::empty(path.display().to_string(), "is empty; it needs a header row and rows of bars"));
    }
    let format = source::format(path, &map)?;
    drop(map);
    std::io::Seek::rewind(file).map_err(unreadable)?;
    Ok(format)
}

/// A text, cut at the ends of records.
struct Text {
    reader: Box<dyn Read + Send>,
    /// What was read and not handed on, behind the header.
    pending: Vec<u8>,
    /// The header with its line end; empty before the first piece.
    header: Vec<u8>,
    line_end: u8,
    /// Lines that were handed on.
    lines: usize,
    at_end: bool,
}

impl Text {
    fn new(reader: Box<dyn Read + Send>) -> Self {
        Self { reader, pending: Vec::new(), header: Vec::new(), line_end: b'\n', lines: 0, at_end: false }
    }

    /// The header and the next whole records, and how many lines of the file stand before them less those of the header.
    fn next(&mut self, bytes: usize, origin: &str) -> Result<Option<(Vec<u8>, usize)>, Error> {
        let first = self.header.is_empty();
        self.fill(bytes, origin)?;
        if first {
            self.take_header(bytes, origin)?;
        }
        loop {
            if self.pending.trim_ascii().is_empty() && self.at_end {
                // A header without rows is an error that the splitter words.
                return Ok((first && self.lines == 0).then(|| (std::mem::take(&mut self.header), 0)));
            }
            let end =
                if self.at_end { Some(self.pending.len()) } else { record_end(&self.pending, self.line_end, true) };
            let Some(end) = end else {
                // One record is longer than a piece.
                self.fill(self.pending.len().saturating_add(bytes), origin)?;
                continue;
            };
            let mut piece = self.header.clone();
            piece.extend(self.pending.drain(..end));
            let before = self.lines;
            self.lines += piece[self.header.len()..].iter().filter(|&&byte| byte == self.line_end).count();
            if piece[self.header.len()..].trim_ascii().is_empty() {
                self.fill(bytes, origin)?;
                continue;
            }
            return Ok(Some((piece, before)));
        }
    }

    fn take_header(&mut self, bytes: usize, origin: &str) -> Result<(), Error> {
        if self.pending.starts_with(b"\xef\xbb\xbf") {
            self.pending.drain(..3);
        }
        self.line_end = if self.pending.contains(&b'\n') { b'\n' } else { b'\r' };
        let blank = self.pending.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        let end = loop {
            if let Some(end) = record_end(&self.pending[blank..], self.line_end, false) {
                break blank + end;
            }
            if self.at_end {
                break self.pending.len();
            }
            self.fill(self.pending.len().saturating_add(bytes), origin)?;
        };
        self.header = self.pending.drain(..end).collect();
        let first = self.header.trim_ascii().first();
        if first.is_some_and(u8::is_ascii_digit) {
            return Err(Error::unusable(
                origin,
                "has no header row, which it needs to be read piece by piece; add one",
            ));
        }
        Ok(())
    }

    /// Reads until so many bytes are pending, or the end.
    fn fill(&mut self, bytes: usize, origin: &str) -> Result<(), Error> {
        let wanted = bytes.saturating_sub(self.pending.len()) as u64;
        let read = self.reader.by_ref().take(wanted).read_to_end(&mut self.pending);
        let read = read.map_err(|cause| Error::Read { path: PathBuf::from(origin), cause })?;
        self.at_end = (read as u64) < wanted;
        if self.pending.len() as u64 > csv::LONGEST_TEXT {
            return Err(Error::unusable(
                origin,
                "has a row of more than 4 GiB; a quote may be open that is never closed",
            ));
        }
        Ok(())
    }
}

/// Behind the first or last line end that lies outside of quotes.
fn record_end(text: &[u8], line_end: u8, last: bool) -> Option<usize> {
    let mut quoted = false;
    let mut found = None;
    for (place, &byte) in text.iter().enumerate() {
        if byte == b'"' {
            quoted = !quoted;
        } else if byte == line_end && !quoted {
            found = Some(place + 1);
            if !last {
                break;
            }
        }
    }
    found
}
