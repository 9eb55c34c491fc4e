//! Which files there are, what kind each one is, and its bytes.

use std::path::{Path, PathBuf};

use crate::error::Error;

/// What a file holds, by its extension and its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Text,
    Parquet,
    Ipc,
}

/// What the name of a file that is imported may end with, packed or not.
pub(crate) const EXTENSIONS: [&str; 10] =
    ["csv", "tsv", "txt", "gz", "zst", "parquet", "pq", "ipc", "arrow", "feather"];
/// Folders in folders, as archives of exchanges and letters have them; deeper ones are taken for a mistake.
const DEEPEST: usize = 6;

/// The files of bars in a folder and the folders in it, sorted by path, so that their order is the same everywhere.
/// Hidden files and those of other kinds are left alone, and links to folders are not followed.
///
/// # Errors
/// When a folder cannot be read, lies too deep, or none of them holds a file of a known kind.
pub(super) fn files_in(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut files = Vec::new();
    collect(folder, 0, &mut files)?;
    if files.is_empty() {
        let problem = "is a folder without a file of bars; it needs .csv (also .gz, .zst), .parquet, .ipc, .arrow or \
                       .feather";
        return Err(Error::unusable(folder.display().to_string(), problem));
    }
    files.sort_unstable();
    Ok(files)
}

fn collect(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<(), Error> {
    let unreadable = |cause| Error::Read { path: folder.to_owned(), cause };
    if depth > DEEPEST {
        let problem = format!("lies more than {DEEPEST} folders deep; name a folder nearer to the files");
        return Err(Error::unusable(folder.display().to_string(), problem));
    }
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let path = entry.path();
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        if entry.file_type().map_err(unreadable)?.is_dir() {
            collect(&path, depth + 1, files)?;
        } else if path.is_file() && is_known(&path) {
            files.push(path);
        } else {
            tracing::info!(file = %path.display(), "left alone: not of a kind that holds bars");
        }
    }
    Ok(())
}

/// `.gz` and `.zst` count only around a text file: `bars.tar.gz` holds no bars that can be read.
fn is_known(path: &Path) -> bool {
    let last = extension(path);
    EXTENSIONS.contains(&last.as_str()) && !matches!(last.as_str(), "gz" | "zst")
}

/// The bytes of a file. Nothing is mapped: a file that someone shortens while it is read must not end the process.
///
/// # Errors
/// When it cannot be read, is no regular file, or is empty.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, Error> {
    let unreadable = |cause| Error::Read { path: path.to_owned(), cause };
    let refuse = |problem: &str| Err(Error::unusable(path.display().to_string(), problem));
    let kind = std::fs::metadata(path).map_err(unreadable)?;
    if kind.is_dir() {
        return refuse("is a folder; name one file in it");
    }
    if !kind.is_file() {
        return refuse("is no regular file");
    }
    if kind.len() == 0 {
        return Err(Error::empty(path.display().to_string(), "is empty; it needs a header row and rows of bars"));
    }
    std::fs::read(path).map_err(unreadable)
}

/// What the extension promises, checked against the content; files without a known extension go by content.
///
/// # Errors
/// When the content is of another kind, of none that is known, or cut off.
pub(super) fn format(path: &Path, bytes: &[u8]) -> Result<Format, Error> {
    let found = if bytes.starts_with(b"PAR1") {
        Some(Format::Parquet)
    } else if bytes.starts_with(b"ARROW1") {
        Some(Format::Ipc)
    } else {
        None
    };
    let refuse = |problem: String| Err(Error::unusable(path.display().to_string(), problem));
    let promised = match extension(path).as_str() {
        "csv" | "tsv" | "txt" => Some(Format::Text),
        "parquet" | "pq" => Some(Format::Parquet),
        "ipc" | "arrow" | "feather" => Some(Format::Ipc),
        _ => None,
    };
    if bytes.starts_with(b"FEA1") {
        return refuse("is Feather version 1; write it again as version 2, or as Parquet".to_owned());
    }
    match (promised, found) {
        (Some(Format::Text), None) => Ok(Format::Text),
        (_, Some(Format::Parquet)) if bytes.len() < 12 || !bytes.ends_with(b"PAR1") => {
            refuse("is a Parquet file that was cut off; write or download it again".to_owned())
        }
        (Some(promised), Some(found)) if promised == found => Ok(found),
        (None, Some(found)) => Ok(found),
        (None, None) => {
            refuse("is of no known kind; use .csv (also .gz, .zst), .parquet, or .ipc, .arrow, .feather".to_owned())
        }
        (Some(promised), found) => {
            let name = |format| match format {
                Format::Text => "CSV",
                Format::Parquet => "Parquet",
                Format::Ipc => "Arrow IPC",
            };
            let content = found.map_or("something else", name);
            refuse(format!("is named as {}, but holds {content}; rename it, or download it again", name(promised)))
        }
    }
}

/// The last extension but compression, in lower case.
fn extension(path: &Path) -> String {
    let extension = |path: &Path| path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    match extension(path).as_str() {
        "gz" | "zst" => extension(Path::new(path.file_stem().unwrap_or_default())),
        last => last.to_owned(),
    }
}

/// The name without its extensions: `AAPL` of `AAPL.csv.gz`, but `BRK.B` of `BRK.B.csv`.
pub(super) fn stem(path: &Path) -> String {
    let mut name = Path::new(path.file_name().unwrap_or_default());
    for _ in 0..2 {
        let extension = name.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        if EXTENSIONS.contains(&extension.as_str()) {
            name = Path::new(name.file_stem().unwrap_or_default());
        }
    }
    name.to_string_lossy().into_owned()
}
