//! Tables too large for memory, written in segments: each encoded by itself, on any thread, and put one behind another.
//!
//! The bytes of a file follow from its rows, its format and where segments end; nothing else has a say. What stands in
//! an unfinished file is listed in a journal beside it, from which writing goes on after a kill.

use std::fs::{File, OpenOptions};
use std::hash::Hasher;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::encode::{Encoded, Encoder};
use super::journal::{Entry, Journal};
use crate::error::Error;

/// What a column of a segmented table holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// Microseconds since 1970-01-01T00:00 UTC, all midnights: written as dates.
    Date,
    /// Microseconds since 1970-01-01T00:00 UTC: written as dates with times.
    Time,
    /// One of these texts.
    Label(std::sync::Arc<[String]>),
    /// Numbers; NaN is written as null.
    Number,
}

/// The rows of a segment in one column.
#[derive(Debug, Clone, PartialEq)]
pub enum Cells {
    /// Of [`Kind::Date`] and [`Kind::Time`].
    Times(Vec<i64>),
    /// Of [`Kind::Label`]: indices into its texts.
    Labels(Vec<u32>),
    /// Of [`Kind::Number`].
    Numbers(Vec<f64>),
}

/// How the bytes of a file are made smaller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// LZ4, the fastest; Parquet and Arrow IPC.
    Lz4,
    /// Zstandard; all formats.
    Zstd,
    /// gzip; text.
    Gzip,
}

/// The kind of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `.csv`, and `.csv.gz`, `.csv.zst`.
    Csv,
    /// `.ndjson`, and `.ndjson.gz`, `.ndjson.zst`: an object a line.
    Ndjson,
    /// `.parquet`: a row group a segment.
    Parquet,
    /// `.ipc`, `.arrow`, `.feather`: a record batch a segment.
    Ipc,
}

impl Format {
    /// The format and compression that a file's name asks for, where `wanted` does not say otherwise: LZ4 in Parquet
    /// and Arrow IPC.
    ///
    /// # Errors
    /// When the extension is none of those, or the format does not go with the compression.
    pub fn of(path: &Path, wanted: Option<Compression>) -> Result<(Self, Compression), Error> {
        let refuse = |problem: &str| Err(Error::unusable(path.display().to_string(), problem));
        let last = super::extension(path);
        let packed = match last.as_str() {
            "gz" => Some(Compression::Gzip),
            "zst" => Some(Compression::Zstd),
            _ => None,
        };
        let named =
            if packed.is_some() { super::extension(Path::new(path.file_stem().unwrap_or_default())) } else { last };
        let format = match named.as_str() {
            "csv" => Self::Csv,
            "ndjson" => Self::Ndjson,
            "parquet" => Self::Parquet,
            "ipc" | "arrow" | "feather" => Self::Ipc,
            _ => {
                return refuse(
                    "has no extension that tells the format; use .csv, .ndjson (also .gz, .zst), .parquet, .ipc, .arrow or .feather",
                );
            }
        };
        let is_text = matches!(format, Self::Csv | Self::Ndjson);
        let compression = match (is_text, packed, wanted) {
            (true, packed, None) => packed.unwrap_or(Compression::None),
            (true, packed, Some(wanted)) if packed.unwrap_or(Compression::None) == wanted => wanted,
            (true, ..) => {
                return refuse(
                    "text is compressed as its name says: .csv, .csv.gz or .csv.zst; leave out the compression",
                );
            }
            (false, Some(_), _) => return refuse("is compressed within; leave out .gz or .zst"),
            (false, None, Some(Compression::Gzip)) => {
                return refuse("is compressed by lz4 or zstd, or not at all (none)");
            }
            (false, None, wanted) => wanted.unwrap_or(Compression::Lz4),
        };
        Ok((format, compression))
    }
}

/// A file that is written segment by segment, and stands under its name when it is whole.
pub struct SegmentWriter {
    path: PathBuf,
    unfinished: PathBuf,
    file: File,
    journal: Journal,
    encoder: Encoder,
    entries: Vec<Entry>,
    bytes: u64,
    rows: u64,
    hasher: twox_hash::XxHash3_64,
}

impl std::fmt::Debug for SegmentWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SegmentWriter").field("path", &self.path).field("rows", &self.rows).finish_non_exhaustive()
    }
}

/// A file that is whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// Its rows.
    pub rows: u64,
    /// Its bytes.
    pub bytes: u64,
    /// xxh3 of all of them, 64 bits.
    pub xxh3: u64,
}

impl SegmentWriter {
    /// Begins a file, or goes on with one. `identity` stands for all that its rows follow from: an unfinished file of
    /// another identity is none to go on with. Where `resume` is false, what an earlier attempt left is overwritten.
    ///
    /// # Errors
    /// When the folder cannot be written, another process is writing the file, or, under `resume`, what is unfinished was
    /// begun otherwise.
    pub fn open(path: &Path, encoder: Encoder, identity: u64, resume: bool) -> Result<Self, Error> {
        let fail = |cause| Error::Write { path: path.to_owned(), cause };
        let Some(name) = path.file_name().filter(|_| !path.is_dir()) else {
            return Err(fail(std::io::Error::other("this is a folder; name a file in it")));
        };
        // Found again after a kill, so without a process number in it.
        let beside = |suffix: &str| {
            let mut hidden = std::ffi::OsString::from(".");
            hidden.push(name);
            hidden.push(suffix);
            path.with_file_name(hidden)
        };
        let unfinished = beside(".unfinished");
        let (journal, entries) = Journal::open(&beside(".journal"), path, identity, resume)?;
        let mut options = OpenOptions::new();
        let file =
            options.read(true).write(true).create(true).truncate(entries.is_empty()).open(&unfinished).map_err(fail)?;
        let hasher = twox_hash::XxHash3_64::with_seed(0);
        let mut writer = Self {
            path: path.to_owned(),
            unfinished,
            file,
            journal,
            encoder,
            entries: Vec::new(),
            bytes: 0,
            rows: 0,
            hasher,
        };
        let sound = writer.verify(entries).map_err(fail)?;
        writer.journal.keep(&writer.entries).map_err(fail)?;
        if !sound {
            tracing::warn!(file = %path.display(), rows = writer.rows, "the end of the unfinished file is damaged and made anew");
        }
        Ok(writer)
    }

    /// Rows that are in the file already.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// What encodes segments.
    pub fn encoder(&self) -> &Encoder {
        &self.encoder
    }

    /// Puts a segment behind the others.
    ///
    /// # Errors
    /// When it cannot be written; what is there stays, to go on with.
    pub fn append(&mut self, segment: Encoded) -> Result<(), Error> {
        let hash = twox_hash::XxHash3_64::oneshot(&segment.body);
        let Encoded { rows, body, footer } = segment;
        let entry = Entry { rows, bytes: body.len() as u64, hash, footer };
        self.put(&body)
            .and_then(|()| self.journal.add(&entry))
            .map_err(|cause| Error::Write { path: self.path.clone(), cause })?;
        self.rows += rows;
        self.entries.push(entry);
        Ok(())
    }

    /// Ends the file and puts it under its name.
    ///
    /// # Errors
    /// As [`SegmentWriter::append`].
    pub fn finish(mut self) -> Result<Written, Error> {
        let end = self.encoder.end(&self.entries)?;
        let finished = self
            .put(&end)
            .and_then(|()| self.file.sync_all())
            .and_then(|()| std::fs::rename(&self.unfinished, &self.path))
            .and_then(|()| self.journal.remove());
        finished.map_err(|cause| Error::Write { path: self.path.clone(), cause })?;
        Ok(Written { rows: self.rows, bytes: self.bytes, xxh3: self.hasher.finish() })
    }

    fn put(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.file.write_all(bytes)?;
        self.hasher.write(bytes);
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    /// Reads what is there, keeps the segments that are what the journal says, and cuts off the rest. Says whether all
    /// were.
    fn verify(&mut self, entries: Vec<Entry>) -> std::io::Result<bool> {
        let head = self.encoder.head().to_vec();
        let mut buffer = vec![0; head.len()];
        if entries.is_empty() || self.file.read_exact(&mut buffer).is_err() || buffer != head {
            self.file.set_len(0)?;
            self.file.seek(SeekFrom::Start(0))?;
            self.put(&head)?;
            return Ok(entries.is_empty());
        }
        self.hasher.write(&head);
        self.bytes = head.len() as u64;
        let length = self.file.metadata()?.len();
        let mut sound = true;
        for entry in entries {
            // A damaged journal cannot ask for more memory than there is file.
            if self.bytes + entry.bytes > length {
                sound = false;
                break;
            }
            buffer.resize(entry.bytes as usize, 0);
            self.file.read_exact(&mut buffer)?;
            if twox_hash::XxHash3_64::oneshot(&buffer) != entry.hash {
                sound = false;
                break;
            }
            self.hasher.write(&buffer);
            self.bytes += entry.bytes;
            self.rows += entry.rows;
            self.entries.push(entry);
        }
        self.file.set_len(self.bytes)?;
        self.file.seek(SeekFrom::Start(self.bytes))?;
        Ok(sound)
    }
}
