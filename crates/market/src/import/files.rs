//! Which kind of file it is, by name and content.

use std::io::Read;
use std::path::Path;

use super::ImportOptions;
use crate::error::Error;

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
        let problem = format!(
            "has {} bytes, above the limit of {}; split it or raise the limit",
            metadata.len(),
            options.max_bytes
        );
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
        [0xff, 0xff, 0xff, 0xff, ..] => Err("is an Arrow stream, not an Arrow file; write it in the IPC file format"),
        [b'P', b'K', 3, 4, ..] => Err("is a zip archive or a spreadsheet; unpack it, or save the sheet as CSV"),
        _ => Ok(Kind::Text),
    }
}
