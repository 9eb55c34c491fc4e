//! Who used the cache how often, for people and for eviction.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{CacheStatistics, Found, now};
use crate::staged::write_atomically;

/// What stands in `usage.json`.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Usage {
    hits: u64,
    misses: u64,
    stale: u64,
    damaged: u64,
    evicted: u64,
    panels: BTreeMap<String, PanelUsage>,
}

#[derive(Debug, Default, Clone, Copy, Serialize, Deserialize)]
struct PanelUsage {
    hits: u64,
    /// Nanoseconds since 1970.
    last: i64,
}

impl Usage {
    /// The counts; none where the file is missing or cannot be read, as nothing depends on them.
    pub(super) fn read(folder: &Path) -> Self {
        let text = std::fs::read(file(folder)).unwrap_or_default();
        serde_json::from_slice(&text).unwrap_or_default()
    }

    /// Hits of a panel, and when it was last used.
    pub(super) fn of(&self, key: &str) -> (u64, i64) {
        self.panels.get(key).map_or((0, 0), |usage| (usage.hits, usage.last))
    }

    pub(super) fn statistics(&self) -> CacheStatistics {
        let Self { hits, misses, stale, damaged, evicted, .. } = *self;
        CacheStatistics { hits, misses, stale, damaged, evicted }
    }

    fn write(&self, folder: &Path) {
        let text = serde_json::to_vec_pretty(self).unwrap_or_default();
        // A folder that may only be read serves all the same.
        let _ = write_atomically(&file(folder), |out| out.write_all(&text));
    }
}

/// Counts one use of the cache.
pub(super) fn record(folder: &Path, key: &str, found: Found) {
    let mut usage = Usage::read(folder);
    match found {
        Found::Kept => usage.hits += 1,
        Found::New => usage.misses += 1,
        Found::Stale => usage.stale += 1,
        Found::Damaged => usage.damaged += 1,
        Found::NotKept => return,
    }
    let panel = usage.panels.entry(key.to_owned()).or_default();
    match found {
        Found::Kept => panel.hits += 1,
        _ => panel.hits = 0,
    }
    panel.last = now();
    usage.write(folder);
}

/// Counts panels that went.
pub(super) fn record_evicted(folder: &Path, panels: u64) {
    if panels > 0 {
        let mut usage = Usage::read(folder);
        usage.evicted += panels;
        usage.panels.retain(|key, _| folder.join(format!("{key}.{}", super::EXTENSION)).exists());
        usage.write(folder);
    }
}

fn file(folder: &Path) -> PathBuf {
    folder.join("usage.json")
}
