//! Which kind of file it is, by name and content, and frames from the binary kinds.

use std::io::{Cursor, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use polars::io::SerReader;
use polars::prelude::{DataFrame, IpcReader, ParallelStrategy, ParquetReader, PolarsResult};

use super::ImportOptions;
use crate::error::{Error, excerpt};

/// What a file's name says that it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Parquet,
    Ipc,
}

const KINDS: &str = ".csv, .tsv, .txt (also with .gz or .zst), .parquet, .pq, .ipc, .arrow, .feather";

/// The kind by extension, once the first bytes agree with it.
pub(super) fn kind(path: &Path, options: &ImportOptions) -> Result<Kind, Error> {
    let origin = || path.display().to_string();
    let unreadable = |source| Error::Read { path: path.to_owned(), source };
    let metadata = std::fs::metadata(path).map_err(unreadable)?;
    if metadata.is_dir() {
        return Err(Error::unusable(origin(), format!("is a folder; name one file of the kinds {KINDS}")));
    }
    if !metadata.is_file() {
        return Err(Error::unusable(origin(), "is no regular file; save the data to a file first"));
    }
    let kind = kind_by_name(path)
        .ok_or_else(|| Error::unusable(origin(), format!("has no extension that tells its kind; known are {KINDS}")))?;
    if metadata.len() == 0 {
        return Err(Error::unusable(origin(), "is empty; it needs a header row and rows of bars"));
    }
    if metadata.len() > options.max_bytes {
        let problem =
            format!("has {} bytes, above the limit of {}; split it or raise the limit", metadata.len(), options.max_bytes);
        return Err(Error::unusable(origin(), problem));
    }
    let mut start = Vec::new();
    std::fs::File::open(path).and_then(|file| file.take(8).read_to_end(&mut start)).map_err(unreadable)?;
    let found = kind_by_content(&start).map_err(|problem| Error::unusable(origin(), problem))?;
    if found == kind {
        return Ok(kind);
    }
    let problem = match (kind, found) {
        (Kind::Parquet, Kind::Text) => "is no Parquet file: it does not begin with PAR1",
        (Kind::Ipc, Kind::Text) => "is no Arrow IPC file: it does not begin with ARROW1",
        (_, Kind::Parquet) => "is a Parquet file under another name; rename it to .parquet",
        (_, _) => "is an Arrow IPC file under another name; rename it to .arrow",
    };
    Err(Error::unusable(origin(), problem))
}

/// The file's name without folder and extensions: the symbol of a file that names none.
pub(super) fn stem(path: &Path) -> String {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let name = name.strip_suffix(".gz").or_else(|| name.strip_suffix(".zst")).unwrap_or(&name);
    name.rsplit_once('.').map_or(name, |(stem, _)| stem).to_owned()
}

/// Reads a Parquet or Arrow IPC file.
pub(super) fn read_frame(path: &Path, kind: Kind, options: &ImportOptions) -> Result<DataFrame, Error> {
    let origin = path.display().to_string();
    let bytes = std::fs::read(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
    check_end(&bytes, kind).map_err(|problem| Error::unusable(&origin, problem))?;
    let read = || match kind {
        Kind::Ipc => read_ipc(bytes),
        Kind::Parquet | Kind::Text => read_parquet(bytes, options.max_bytes),
    };
    // Metadata that passes polars' checks and still contradicts itself reaches its assertions. Nothing of a failed
    // read is used afterwards, so no broken invariant can be seen.
    let damaged = |what: &str| {
        Error::unusable(&origin, format!("cannot be read, it seems to be damaged: {}", excerpt(what.trim())))
    };
    match catch_unwind(AssertUnwindSafe(read)) {
        Ok(Ok(frame)) => Ok(frame),
        Ok(Err(error)) => Err(damaged(&error.to_string())),
        Err(_) => Err(damaged("its parts contradict each other")),
    }
}

fn read_parquet(bytes: Vec<u8>, max_bytes: u64) -> PolarsResult<DataFrame> {
    // On this thread only: the caller's pool decides what runs at the same time, and files are read once.
    let mut reader = ParquetReader::new(Cursor::new(bytes)).read_parallel(ParallelStrategy::None);
    let metadata = reader.get_metadata()?;
    let columns = metadata.schema_descr.columns().len();
    refuse_long(metadata.num_rows, columns, max_bytes)?;
    reader.finish()
}

fn read_ipc(bytes: Vec<u8>) -> PolarsResult<DataFrame> {
    IpcReader::new(Cursor::new(bytes)).finish()
}

/// A few bytes can stand for billions of equal rows, so the count is judged before anything is unpacked.
fn refuse_long(rows: usize, columns: usize, max_bytes: u64) -> PolarsResult<()> {
    if (rows as u128) * (columns.max(1) as u128) * 8 > u128::from(max_bytes) {
        let problem = format!("{rows} rows x {columns} columns are above the limit of {max_bytes} bytes");
        return Err(polars::prelude::PolarsError::ComputeError(problem.into()));
    }
    Ok(())
}

fn kind_by_name(path: &Path) -> Option<Kind> {
    let name = path.file_name()?.to_string_lossy().to_ascii_lowercase();
    let packed = [".gz", ".zst"].iter().find_map(|end| name.strip_suffix(end));
    let extension = packed.unwrap_or(&name).rsplit_once('.')?.1.to_owned();
    match extension.as_str() {
        "csv" | "tsv" | "txt" => Some(Kind::Text),
        "parquet" | "pq" if packed.is_none() => Some(Kind::Parquet),
        "ipc" | "arrow" | "feather" if packed.is_none() => Some(Kind::Ipc),
        _ => None,
    }
}

fn kind_by_content(start: &[u8]) -> Result<Kind, &'static str> {
    match start {
        [b'P', b'A', b'R', b'1', ..] => Ok(Kind::Parquet),
        [b'A', b'R', b'R', b'O', b'W', b'1', ..] => Ok(Kind::Ipc),
        [b'P', b'A', b'R', b'E', ..] => Err("is an encrypted Parquet file; decrypt it first"),
        [b'F', b'E', b'A', b'1', ..] => Err("is a Feather file of version 1; save it as version 2 (Arrow IPC)"),
        [0xff, 0xff, 0xff, 0xff, ..] => {
            Err("is an Arrow stream, not an Arrow file; write it in the IPC file format")
        }
        [b'P', b'K', 3, 4, ..] => Err("is a zip archive or a spreadsheet; unpack it, or save the sheet as CSV"),
        _ => Ok(Kind::Text),
    }
}

/// Both binary kinds end as they begin, so that a file cut short is told from a damaged one.
fn check_end(bytes: &[u8], kind: Kind) -> Result<(), &'static str> {
    let (magic, least): (&[u8], usize) = match kind {
        Kind::Ipc => (b"ARROW1", 20),
        Kind::Parquet | Kind::Text => (b"PAR1", 12),
    };
    let footer = bytes.len().checked_sub(magic.len() + 4).filter(|_| bytes.len() >= least);
    match footer {
        Some(at) if bytes.ends_with(magic) => {
            let length = u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]) as usize;
            if length + least > bytes.len() { Err("is damaged: its footer is longer than the file") } else { Ok(()) }
        }
        _ => Err("is cut short: it does not end as it begins; copy or download it again"),
    }
}
