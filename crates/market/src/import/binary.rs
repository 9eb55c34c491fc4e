//! Parquet and Arrow IPC files into frames.
//!
//! The readers of polars allocate what a file announces, and a failed allocation ends the process instead of
//! unwinding. So what is announced is held against the file and the limit before they see it ([`pages`], [`blocks`]);
//! what they still stumble over becomes an error.
//!
//! [`pages`]: super::pages
//! [`blocks`]: super::blocks

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use polars::io::SerReader;
use polars::prelude::{DataFrame, FileMetadataRef, IpcReader, ParallelStrategy, ParquetReader, PolarsResult};

use super::ImportOptions;
use super::blocks::announced_bytes;
use super::pages::pages_are_sound;
use crate::error::{Error, excerpt};

const DAMAGED: &str = "contradicts itself about its own size; it is damaged, write or download it again";
const CUT: &str = "is cut short: it does not end as it begins; write or download it again";

/// Reads a Parquet file.
pub(super) fn read_parquet(path: &Path, options: &ImportOptions) -> Result<DataFrame, Error> {
    let (bytes, refuse) = (read(path)?, refusal(path));
    if bytes.len() < 12 || !bytes.ends_with(b"PAR1") {
        return refuse(CUT.to_owned());
    }
    // On this thread only: a file is read once, and the caller's own pool has the say over the processors.
    let reader = || ParquetReader::new(Cursor::new(&bytes)).read_parallel(ParallelStrategy::None);
    let metadata = guarded(path, || Ok(reader().get_metadata()?.clone()))?;
    let Some(announced) = parquet_bytes(&bytes, &metadata) else { return refuse(DAMAGED.to_owned()) };
    refuse_large(path, announced, options)?;
    guarded(path, || reader().finish())
}

/// Reads an Arrow IPC file, also known as Feather version 2.
pub(super) fn read_ipc(path: &Path, options: &ImportOptions) -> Result<DataFrame, Error> {
    let (bytes, refuse) = (read(path)?, refusal(path));
    if bytes.len() < 20 || !bytes.ends_with(b"ARROW1") {
        return refuse(CUT.to_owned());
    }
    let Some(announced) = announced_bytes(&bytes) else { return refuse(DAMAGED.to_owned()) };
    refuse_large(path, announced, options)?;
    guarded(path, || IpcReader::new(Cursor::new(&bytes)).finish())
}

/// The whole file. It is not mapped: a file that someone shortens meanwhile must not end the process.
fn read(path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|source| Error::Read { path: path.to_owned(), source })
}

fn refusal<T>(path: &Path) -> impl Fn(String) -> Result<T, Error> {
    let origin = path.display().to_string();
    move |problem| Err(Error::unusable(&origin, problem))
}

/// What the columns take once unpacked; `None` when the metadata cannot be true. A few bytes can stand for billions
/// of equal rows, so rows count with eight bytes each whatever is stored.
fn parquet_bytes(bytes: &[u8], metadata: &FileMetadataRef) -> Option<u128> {
    let chunks = || metadata.row_groups.iter().flat_map(|group| group.parquet_columns().iter());
    let rows = metadata.row_groups.iter().try_fold(0_usize, |sum, group| sum.checked_add(group.num_rows()))?;
    let sizes = chunks().all(|chunk| chunk.num_values() >= 0 && chunk.uncompressed_size() >= 0);
    if rows != metadata.num_rows || !sizes || !pages_are_sound(bytes, metadata) {
        return None;
    }
    let values: u128 = chunks().map(|chunk| chunk.num_values() as u128).sum();
    let stored: u128 = chunks().map(|chunk| chunk.uncompressed_size() as u128).sum();
    Some(stored.max(8 * values).max(8 * rows as u128 * metadata.schema_descr.columns().len() as u128))
}

fn refuse_large(path: &Path, announced: u128, options: &ImportOptions) -> Result<(), Error> {
    if announced <= u128::from(options.max_bytes) {
        return Ok(());
    }
    refusal(path)(format!(
        "takes {announced} bytes unpacked, above the limit of {}; split it, leave out columns, or raise the limit",
        options.max_bytes
    ))
}

/// Runs a reader of polars on a file that may be damaged in ways that only its decoders notice, some of them by
/// panicking. The closure only borrows the bytes of the file, so nothing half-made outlives the panic.
fn guarded<T>(path: &Path, read: impl FnOnce() -> PolarsResult<T>) -> Result<T, Error> {
    let reason = match catch_unwind(AssertUnwindSafe(read)) {
        Ok(Ok(value)) => return Ok(value),
        Ok(Err(error)) => error.to_string(),
        Err(_) => "its parts contradict each other".to_owned(),
    };
    let reason = excerpt(reason.lines().next().unwrap_or_default());
    refusal(path)(format!("cannot be read ({reason}); it is damaged, write or download it again"))
}
