//! One column as a file: its head as text, then its values as little-endian f64, then their xxh3-64.
//!
//! Whoever reads one knows what its head must be and how many values follow, so that nothing in it is believed: the file
//! has the one length that is right, the head is equal to the byte, and the values have their hash.

use std::fs::{self, File, OpenOptions};
use std::hash::Hasher;
use std::io::{Error, Read, Result, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use twox_hash::XxHash3_64;

use super::UNFINISHED;

const HASH: usize = size_of::<u64>();
/// Values that are read and hashed while they are at hand.
const PIECE: usize = 1 << 14;

/// Bytes of a file.
pub(super) fn bytes(head: &[u8], cells: usize) -> u64 {
    (head.len() + cells * size_of::<f64>() + HASH) as u64
}

/// The values, if the file is whole and has this head; it counts as used now.
pub(super) fn read(path: &Path, head: &[u8], cells: usize) -> Option<Vec<f64>> {
    let metadata = fs::metadata(path).ok()?;
    if !metadata.is_file() || metadata.len() != bytes(head, cells) || cfg!(target_endian = "big") {
        return None;
    }
    let mut file = File::open(path).ok()?;
    let mut found = vec![0; head.len()];
    file.read_exact(&mut found).ok()?;
    if found != head {
        return None;
    }
    let mut hasher = XxHash3_64::new();
    let mut values = vec![0.0; cells];
    for piece in values.chunks_mut(PIECE) {
        let piece: &mut [u8] = bytemuck::cast_slice_mut(piece);
        file.read_exact(piece).ok()?;
        hasher.write(piece);
    }
    let mut hash = [0; HASH];
    file.read_exact(&mut hash).ok()?;
    if u64::from_le_bytes(hash) != hasher.finish() {
        tracing::info!(file = %path.display(), "a column is damaged; it is computed again");
        return None;
    }
    #[expect(clippy::disallowed_methods, reason = "says what is old and goes first; no value depends on it")]
    let now = SystemTime::now();
    // A folder that may only be read serves all the same.
    let _ = file.set_modified(now);
    Some(values)
}

/// Writes a file, whole or not at all.
///
/// # Errors
/// When the disk refuses.
pub(super) fn write(path: &Path, head: &[u8], values: &[f64]) -> Result<()> {
    /// Tells apart what one process writes at a time.
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    if cfg!(target_endian = "big") {
        return Err(Error::other("columns are little-endian, and this machine is not"));
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let part = path.with_file_name(format!(".{name}.{}-{number}.{UNFINISHED}", std::process::id()));
    let written = write_part(&part, head, values).and_then(|()| fs::rename(&part, path));
    if written.is_err() {
        // Nothing can be done about a leftover that cannot be removed.
        let _ = fs::remove_file(&part);
    }
    written
}

fn write_part(part: &Path, head: &[u8], values: &[f64]) -> Result<()> {
    let values: &[u8] = bytemuck::cast_slice(values);
    // What a process of the same number left behind is overwritten.
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(part)?;
    file.write_all(head)?;
    file.write_all(values)?;
    file.write_all(&XxHash3_64::oneshot(values).to_le_bytes())
}
