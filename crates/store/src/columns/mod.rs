//! A folder of columns: values of nodes that outlive the run that computed them.
//!
//! A column is found by a hash of its head, which says all that its values follow from: this program, to the byte, and
//! the node's [`Recipe`]. Heads are compared whole, so that a hash that two share gives a miss and never a wrong value.
//!
//! Files are written under a temporary name and renamed, so that processes can share a folder. They are not synced:
//! what a crash leaves half written fails its checksum and is computed again. Times of change say what was used last.
//! Clocks decide what goes first, never what a column holds.

mod file;
#[cfg(test)]
mod tests;

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use engine::{Recipe, Shelf};
use rustc_hash::FxHashSet;
use twox_hash::XxHash3_128;

use crate::folder::{Error, at};

/// Raised with every change of the format of a file.
const FORMAT: u32 = 1;
const EXTENSION: &str = "column";
const UNFINISHED: &str = "part";
/// Of the limit, the share that is freed beyond what is needed, so that not every column looks through the folder.
const SLACK: u64 = 16;
/// Files that somebody began to write so long ago will not be finished.
const ABANDONED: Duration = Duration::from_hours(1);

/// A folder of columns.
#[derive(Debug)]
pub struct ColumnFolder {
    path: PathBuf,
    limit: u64,
    /// Stands at the front of every head.
    made_by: String,
    state: Mutex<State>,
}

/// What is known of the folder; other processes may have changed it since it was last looked through.
#[derive(Debug, Default)]
struct State {
    /// Bytes of all columns.
    bytes: u64,
    /// Bytes of columns that are being written.
    unfinished: u64,
    /// Columns that this run found or kept: it does not remove them.
    used: FxHashSet<u128>,
    /// Nothing more is kept: the disk refused, or the limit is reached by what this run uses itself.
    is_closed: bool,
}

/// A column as the folder lists it.
struct Listed {
    last_used: SystemTime,
    key: u128,
    bytes: u64,
}

impl ColumnFolder {
    /// Opens a folder, or makes it, for at most `limit` bytes of columns; the longest unused go first.
    ///
    /// # Errors
    /// When there is no such folder and it cannot be made, or it cannot be read, or this program's own file cannot.
    pub fn open(path: &Path, limit: u64) -> Result<Self, Error> {
        if path.exists() && !path.is_dir() {
            return Err(Error::NotAFolder(path.to_owned()));
        }
        fs::create_dir_all(path).map_err(at(path))?;
        let made_by = format!(
            "evoquant column {FORMAT}\nevoquant {}, program {:032x}\n",
            env!("CARGO_PKG_VERSION"),
            hash_of_this_program()?
        );
        let folder = Self { path: path.to_owned(), limit, made_by, state: Mutex::default() };
        let mut state = folder.state();
        state.bytes = folder.columns()?.iter().map(|column| column.bytes).sum();
        if state.bytes > limit {
            folder.make_room(&mut state, 0);
        }
        drop(state);
        folder.remove_abandoned();
        Ok(folder)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn head(&self, recipe: &Recipe) -> String {
        format!("{}{}values\n", self.made_by, recipe.text())
    }

    fn file(&self, key: u128) -> PathBuf {
        self.path.join(format!("{key:032x}.{EXTENSION}"))
    }

    /// Sets bytes aside for a column that is to be written, and makes room for them; says whether there is room.
    fn reserve(&self, key: u128, bytes: u64) -> bool {
        let mut state = self.state();
        if state.is_closed || bytes > self.limit {
            return false;
        }
        if state.bytes + state.unfinished + bytes > self.limit && !self.make_room(&mut state, bytes) {
            tracing::info!(folder = %self.path.display(), "all that fits is used by this run; no more columns are kept");
            state.is_closed = true;
            return false;
        }
        state.unfinished += bytes;
        state.used.insert(key);
        true
    }

    /// Looks through the folder and removes columns, the longest unused first and none that this run uses, until so many
    /// bytes fit; says whether they do.
    fn make_room(&self, state: &mut State, bytes: u64) -> bool {
        let Ok(mut columns) = self.columns() else { return false };
        state.bytes = columns.iter().map(|column| column.bytes).sum();
        columns.sort_unstable_by_key(|column| (column.last_used, column.key));
        let fits = |state: &State, limit: u64| state.bytes + state.unfinished + bytes <= limit;
        for column in columns {
            if fits(state, self.limit - self.limit / SLACK) {
                break;
            }
            // One that is gone already went to another process.
            if !state.used.contains(&column.key) && fs::remove_file(self.file(column.key)).is_ok() {
                state.bytes -= column.bytes;
            }
        }
        fits(state, self.limit)
    }

    fn columns(&self) -> Result<Vec<Listed>, Error> {
        let entries = fs::read_dir(&self.path).map_err(at(&self.path))?;
        Ok(entries.flatten().filter_map(|entry| listed(&entry.path())).collect())
    }

    /// Removes what processes that were killed left unfinished.
    fn remove_abandoned(&self) {
        #[expect(clippy::disallowed_methods, reason = "says what nobody will finish; no value depends on it")]
        let now = SystemTime::now();
        for path in fs::read_dir(&self.path).into_iter().flatten().flatten().map(|entry| entry.path()) {
            let modified = path.metadata().and_then(|metadata| metadata.modified());
            let age = modified.ok().and_then(|modified| now.duration_since(modified).ok());
            if is_unfinished(&path) && age.is_some_and(|age| age > ABANDONED) {
                let _ = fs::remove_file(path);
            }
        }
    }
}

impl Shelf for ColumnFolder {
    fn find(&self, recipe: &Recipe) -> Option<Vec<f64>> {
        let head = self.head(recipe);
        let key = XxHash3_128::oneshot(head.as_bytes());
        let path = self.file(key);
        let values = file::read(&path, head.as_bytes(), recipe.cells())?;
        self.state().used.insert(key);
        Some(values)
    }

    fn keep(&self, recipe: &Recipe, values: &[f64]) -> bool {
        let head = self.head(recipe);
        let key = XxHash3_128::oneshot(head.as_bytes());
        let bytes = file::bytes(head.as_bytes(), values.len());
        if !self.reserve(key, bytes) {
            return false;
        }
        let written = file::write(&self.file(key), head.as_bytes(), values);
        let mut state = self.state();
        state.unfinished -= bytes;
        if let Err(error) = &written {
            if !state.is_closed {
                tracing::warn!(folder = %self.path.display(), %error, "values of factors are no longer kept on disk; the run goes on");
            }
            // Once is enough: a disk that is full stays full, and whoever reads this has a run to watch.
            state.is_closed = true;
        } else {
            state.bytes += bytes;
        }
        written.is_ok()
    }
}

/// The column behind a path; `None` for what is none of ours.
fn listed(path: &Path) -> Option<Listed> {
    let name = path.file_name()?.to_str()?;
    let key = key(name.strip_suffix(EXTENSION)?.strip_suffix('.')?)?;
    let metadata = path.metadata().ok().filter(fs::Metadata::is_file)?;
    Some(Listed { last_used: metadata.modified().ok()?, key, bytes: metadata.len() })
}

/// Whether a file is a column that somebody began to write.
fn is_unfinished(path: &Path) -> bool {
    let parts: Vec<&str> = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().split('.').collect();
    matches!(parts[..], ["", name, EXTENSION, _, UNFINISHED] if key(name).is_some())
}

fn key(text: &str) -> Option<u128> {
    let is_plain = text.len() == 32 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    u128::from_str_radix(text, 16).ok().filter(|_| is_plain)
}

/// xxh3, 128 bits, of this program's own file. Versions are raised too rarely to tell what computed a column: whoever
/// builds evoquant anew may have changed an operator.
fn hash_of_this_program() -> Result<u128, Error> {
    let path = std::env::current_exe().map_err(at(Path::new("this program's own file")))?;
    // Where there is such a link, it leads to what is running even after somebody put another file in its place.
    let mut file = File::open("/proc/self/exe").or_else(|_| File::open(&path)).map_err(at(&path))?;
    let mut hasher = XxHash3_128::new();
    let mut piece = vec![0; 1 << 18];
    loop {
        match file.read(&mut piece).map_err(at(&path))? {
            0 => return Ok(hasher.finish_128()),
            read => hasher.write(&piece[..read]),
        }
    }
}
