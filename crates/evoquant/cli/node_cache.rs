//! Where `evolve` keeps values of factors: in memory, and on disk between runs.

use std::fmt::Write;
use std::path::PathBuf;

use ::engine::CacheCounts;
use ::evolve::ShelfCounts;
use ::store::ColumnFolder;
use anyhow::{Result, bail};
use clap::Args;

use super::memory;

#[derive(Debug, Args)]
pub(super) struct NodeCacheArguments {
    /// Memory for values of factors that are kept from one generation to the next, such as 2GB; 0 keeps none. Results
    /// do not depend on it [default: a quarter of what is free].
    #[arg(long = "cache-memory", value_name = "SIZE", value_parser = memory::bytes)]
    memory: Option<usize>,
    /// Keep such values in a folder too, as far as they are dear to compute, and find them there in later runs of the same
    /// program over the same bars. It spares computing, not simulating: at best a tenth of a run that is repeated, less of
    /// one that differs. Results do not depend on it; runs may share the folder, and it may be deleted at any time. Values of
    /// operators of your own program are never kept there.
    #[arg(long = "cache-folder", value_name = "FOLDER")]
    folder: Option<PathBuf>,
    /// How much that folder may hold; the longest unused goes first.
    #[arg(
        long = "cache-disk",
        value_name = "SIZE",
        value_parser = memory::bytes,
        default_value = "4GiB",
        requires = "folder"
    )]
    disk: usize,
}

impl NodeCacheArguments {
    /// Bytes of memory.
    pub(super) fn memory(&self) -> usize {
        self.memory.unwrap_or_else(memory::share_of_free)
    }

    /// The folder, if one is asked for.
    pub(super) fn folder(&self) -> Result<Option<ColumnFolder>> {
        let Some(path) = &self.folder else { return Ok(None) };
        if self.memory == Some(0) {
            bail!(
                "--cache-folder keeps what --cache-memory has room for, and 0 is room for nothing; leave one of them out"
            );
        }
        Ok(Some(ColumnFolder::open(path, self.disk as u64)?))
    }
}

/// What the cache holds, and what the folder gave, for a line of progress.
pub(super) fn display(cache: CacheCounts, folder: Option<ShelfCounts>) -> String {
    let mut text = format!("{} kept", memory::display(cache.bytes));
    if let Some(folder) = folder {
        let _ = write!(
            text,
            ", {} of {} columns from disk ({})",
            folder.found,
            folder.found + folder.missed,
            memory::display(folder.found_bytes as usize)
        );
    }
    text
}

/// The same for `run.json`.
pub(super) fn record(memory: usize, cache: CacheCounts, folder: Option<ShelfCounts>) -> serde_json::Value {
    let mut record = serde_json::json!({
        "memory": memory,
        "bytes": cache.bytes,
        "kept": cache.kept,
        "hits": cache.hits,
        "misses": cache.misses,
        "evicted": cache.evicted,
        "saved_seconds_about": cache.saved_nanoseconds as f64 / 1e9,
    });
    if let Some(folder) = folder {
        record["disk"] = serde_json::json!({
            "hits": folder.found,
            "read_bytes": folder.found_bytes,
            "misses": folder.missed,
            "written": folder.kept,
            "written_bytes": folder.kept_bytes,
            "saved_seconds_about": folder.saved_nanoseconds as f64 / 1e9,
        });
    }
    record
}
