//! What tells whether the files that a panel came from are still the same.

use std::fs::File;
use std::hash::Hasher;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// Clocks of file systems tick coarsely: a file changed within this time of being read may change again unseen.
const TICK_NANOSECONDS: i64 = 2_000_000_000;

/// One file as it was when it was imported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stamp {
    pub(super) path: PathBuf,
    bytes: u64,
    /// Nanoseconds since 1970.
    modified: i64,
    /// xxh3 of the content.
    hash: u64,
}

impl Stamp {
    /// Reads the file once, in pieces.
    pub(super) fn take(path: &Path) -> Result<Self, Error> {
        let unreadable = |cause| Error::Read { path: path.to_owned(), cause };
        let (bytes, modified) = size_and_time(path).map_err(unreadable)?;
        let hash = content_hash(path).map_err(unreadable)?;
        Ok(Self { path: path.to_owned(), bytes, modified, hash })
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Whether the file still has its size and time of change; and, where it was changed so shortly before `taken` that
    /// its time proves nothing, its content.
    pub(super) fn holds(&self, taken: i64) -> bool {
        size_and_time(&self.path).is_ok_and(|found| found == (self.bytes, self.modified))
            && (self.modified + TICK_NANOSECONDS < taken || self.holds_by_content())
    }

    /// Whether the file still has the same content.
    pub(super) fn holds_by_content(&self) -> bool {
        content_hash(&self.path).is_ok_and(|hash| hash == self.hash)
    }
}

/// Nanoseconds since 1970.
pub(super) fn nanoseconds(time: SystemTime) -> i64 {
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => since.as_nanos() as i64,
        Err(before) => -(before.duration().as_nanos() as i64),
    }
}

fn size_and_time(path: &Path) -> std::io::Result<(u64, i64)> {
    let metadata = std::fs::metadata(path)?;
    Ok((metadata.len(), nanoseconds(metadata.modified()?)))
}

fn content_hash(path: &Path) -> std::io::Result<u64> {
    let mut file = File::open(path)?;
    let mut hasher = twox_hash::XxHash3_64::with_seed(0);
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hasher.finish()),
            length => hasher.write(&buffer[..length]),
        }
    }
}
