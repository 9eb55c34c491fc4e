//! Imported panels kept on disk, so that a market is parsed once.
//!
//! A kept panel is found by what was asked for: the file's or folder's full path and the import options. It is used only
//! while its sources have the size and time of change that they had (and the content, where the time is too fresh to prove
//! anything), and each field is checked against its hashes when it is first read: what is stale or damaged is imported
//! again, never used. Opening one takes milliseconds, as its cells stay on disk until they are read.
//!
//! Counts of hits are kept for people; two processes at a time may lose one. Clocks decide what is old and goes
//! first, never what a panel holds.

mod kept;
mod mapped;
mod outsized;
mod stamp;
mod usage;

use std::hash::Hasher;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

pub(crate) use self::kept::KeptCells;
use self::kept::{FORMAT, KeptFile, Origin};
pub(crate) use self::mapped::map;
use self::stamp::{Stamp, nanoseconds};
use self::usage::Usage;
use crate::error::Error;
use crate::import::{Import, ImportOptions, is_outsized, read_panel, sources};

const EXTENSION: &str = "panel";

/// A folder of imported panels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PanelCache {
    /// Where the panels are; made when the first one is kept.
    pub folder: PathBuf,
    /// Most bytes of all panels together; the longest unused go first.
    pub max_bytes: u64,
    /// Panels that nobody used for so long go.
    pub max_age: Duration,
    /// Sources smaller than this are imported anew every time, which is as quick.
    pub smallest_source: u64,
}

/// Where a panel came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// From the cache.
    Kept,
    /// From its source: it was not in the cache.
    New,
    /// From its source: that has changed since it was kept.
    Stale,
    /// From its source: what was kept is damaged or of another version.
    Damaged,
    /// From its source, and not kept: it is small, or larger than the cache may be.
    NotKept,
}

/// A panel in the cache.
#[derive(Debug, Clone, PartialEq)]
pub struct KeptPanel {
    /// The file in the cache.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// What it came from; `None` where the file cannot be read.
    pub source: Option<PathBuf>,
    /// Bars and symbols.
    pub shape: (usize, usize),
    /// How often it was used since it was kept.
    pub hits: u64,
    /// How long ago it was last used, or kept.
    pub unused: Duration,
    /// Whether the sources are as they were.
    pub is_fresh: bool,
}

/// How often the cache helped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CacheStatistics {
    /// Panels taken from the cache.
    pub hits: u64,
    /// Panels imported because they were not there.
    pub misses: u64,
    /// Panels imported because their source had changed.
    pub stale: u64,
    /// Panels imported because what was kept was damaged.
    pub damaged: u64,
    /// Panels removed to make room, or for their age.
    pub evicted: u64,
}

impl PanelCache {
    /// A cache in a folder: 16 GiB, 90 days, and no source below 1 MiB.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            max_bytes: 16 << 30,
            max_age: Duration::from_hours(24 * 90),
            smallest_source: 1 << 20,
        }
    }

    /// The market in a file or folder: from the cache where that has it, and else imported, and kept for the next time.
    /// A cache that cannot be written is no error; it is logged.
    ///
    /// # Errors
    /// As [`read_panel`].
    pub fn read(&self, source: &Path, options: &ImportOptions) -> Result<(Import, Found), Error> {
        let key = key(source, options);
        let found = match self.open(&key, source, options) {
            Ok(import) => {
                usage::record(&self.folder, &key, Found::Kept);
                return Ok((import, Found::Kept));
            }
            Err(found) => found,
        };
        let taken = now();
        // Taken before the import, so that a change in between shows later.
        let stamps: Option<Vec<Stamp>> = sources(source, options)?.iter().map(|path| Stamp::take(path).ok()).collect();
        if is_outsized(source, options)? {
            let sources = sources(source, options)?.iter().map(|path| Stamp::take(path)).collect::<Result<_, _>>()?;
            let import = self.lay_out(&key, Origin { source: &absolute(source), sources, options, taken })?;
            usage::record(&self.folder, &key, found);
            self.tidy(Some(&key));
            return Ok((import, found));
        }
        let import = read_panel(source, options)?;
        let Some(stamps) = stamps.filter(|stamps| self.is_worth_it(stamps, &import)) else {
            return Ok((import, Found::NotKept));
        };
        let origin = Origin { source: &absolute(source), sources: stamps, options, taken };
        if let Err(error) = self.keep(&key, &import, origin) {
            tracing::warn!(%error, "the imported panel is not kept");
            return Ok((import, Found::NotKept));
        }
        usage::record(&self.folder, &key, found);
        self.tidy(Some(&key));
        Ok((import, found))
    }

    /// Whether the cache has the market as its source is now.
    pub fn has(&self, source: &Path, options: &ImportOptions) -> bool {
        self.open(&key(source, options), source, options).is_ok()
    }

    /// Everything kept, by name of the source. What cannot be read is listed too.
    ///
    /// # Errors
    /// When the folder cannot be read; one that does not exist is empty.
    pub fn panels(&self) -> Result<Vec<KeptPanel>, Error> {
        let usage = Usage::read(&self.folder);
        let mut panels = Vec::new();
        for path in self.files()? {
            let Ok(metadata) = std::fs::metadata(&path) else { continue };
            let file = KeptFile::open(&path, &ImportOptions::default()).ok().flatten();
            let key = path.file_stem().unwrap_or_default().to_string_lossy();
            let (hits, last) = usage.of(&key);
            let written = metadata.modified().map(nanoseconds).unwrap_or_default();
            panels.push(KeptPanel {
                bytes: metadata.len(),
                source: file.as_ref().map(|file| file.trailer().source.clone()),
                shape: file.as_ref().map_or((0, 0), |file| (file.trailer().bars(), file.trailer().symbols.len())),
                hits,
                unused: Duration::from_nanos(now().saturating_sub(last.max(written)).max(0) as u64),
                is_fresh: file.is_some_and(|file| is_fresh(&file)),
                path,
            });
        }
        panels.sort_by(|a, b| (&a.source, &a.path).cmp(&(&b.source, &b.path)));
        Ok(panels)
    }

    /// Reads a kept panel whole, and its sources, and says what is wrong with it: `None` where nothing is.
    pub fn verify(&self, panel: &KeptPanel) -> Option<String> {
        let file = match KeptFile::open(&panel.path, &ImportOptions::default()) {
            Err(error) => return Some(error.to_string()),
            Ok(None) => return Some("its head is damaged, or it is of another version of evoquant".to_owned()),
            Ok(Some(file)) => file,
        };
        if !file.is_sound() {
            return Some("its values are damaged".to_owned());
        }
        let changed = file.trailer().sources.iter().find(|stamp| !stamp.holds_by_content());
        changed.map(|stamp| format!("{} has changed or gone", stamp.path.display()))
    }

    /// Removes a kept panel.
    ///
    /// # Errors
    /// When the file cannot be removed.
    pub fn remove(&self, panel: &KeptPanel) -> Result<(), Error> {
        std::fs::remove_file(&panel.path).map_err(|cause| Error::Write { path: panel.path.clone(), cause })
    }

    /// How often the cache helped since it was made.
    pub fn statistics(&self) -> CacheStatistics {
        Usage::read(&self.folder).statistics()
    }

    /// Removes what is too old, and then the longest unused until the rest fits; returns how many panels went.
    pub fn tidy(&self, newest: Option<&str>) -> usize {
        let Ok(mut panels) = self.panels() else { return 0 };
        panels.sort_by_key(|panel| panel.unused);
        let mut total = 0;
        let mut evicted = 0;
        for panel in panels {
            let is_newest = newest.is_some_and(|key| panel.path.file_stem().is_some_and(|stem| stem == key));
            let fits = total + panel.bytes <= self.max_bytes && panel.unused <= self.max_age;
            if fits || is_newest {
                total += panel.bytes;
            } else if self.remove(&panel).is_ok() {
                evicted += 1;
            }
        }
        usage::record_evicted(&self.folder, evicted as u64);
        evicted
    }

    fn path(&self, key: &str) -> PathBuf {
        self.folder.join(format!("{key}.{EXTENSION}"))
    }

    /// The kept panel, or why it is not to be had.
    fn open(&self, key: &str, source: &Path, options: &ImportOptions) -> Result<Import, Found> {
        let path = self.path(key);
        if !path.is_file() {
            return Err(Found::New);
        }
        let file = KeptFile::open(&path, options).ok().flatten().ok_or(Found::Damaged)?;
        let trailer = file.trailer();
        if trailer.source != absolute(source) || trailer.options != spelt(options) {
            return Err(Found::Damaged);
        }
        // Files that came into a folder make it stale as well.
        let same_files =
            sources(source, options).is_ok_and(|now| now.iter().eq(trailer.sources.iter().map(|s| &s.path)));
        if !same_files || !is_fresh(&file) {
            return Err(Found::Stale);
        }
        file.into_import().ok_or(Found::Damaged)
    }

    fn is_worth_it(&self, stamps: &[Stamp], import: &Import) -> bool {
        let panel = &import.panel;
        let columns = panel.field_names().chain(panel.group_names()).count();
        let bytes = (panel.bars() * panel.symbols().len() * columns * 8) as u64;
        cfg!(target_endian = "little")
            && stamps.iter().map(Stamp::bytes).sum::<u64>() >= self.smallest_source
            && bytes < self.max_bytes
    }

    fn keep(&self, key: &str, import: &Import, origin: Origin<'_>) -> Result<(), Error> {
        std::fs::create_dir_all(&self.folder).map_err(|cause| Error::Write { path: self.folder.clone(), cause })?;
        kept::write(&self.path(key), import, origin)
    }

    /// Imports what does not fit in memory straight into the cache.
    fn lay_out(&self, key: &str, origin: Origin<'_>) -> Result<Import, Error> {
        let (path, options) = (self.path(key), origin.options);
        std::fs::create_dir_all(&self.folder).map_err(|cause| Error::Write { path: self.folder.clone(), cause })?;
        outsized::write(&path, origin, self.max_bytes)?;
        let kept = KeptFile::open(&path, options)?.and_then(KeptFile::into_import);
        kept.ok_or_else(|| Error::unusable(path.display().to_string(), "was damaged as soon as it was written"))
    }

    fn files(&self) -> Result<Vec<PathBuf>, Error> {
        let entries = match std::fs::read_dir(&self.folder) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(cause) => return Err(Error::Read { path: self.folder.clone(), cause }),
            Ok(entries) => entries,
        };
        let paths = entries.flatten().map(|entry| entry.path());
        Ok(paths.filter(|path| path.extension().is_some_and(|extension| extension == EXTENSION)).collect())
    }
}

/// Name of the kept panel without its extension: readable, and different for every path and way to import it.
fn key(source: &Path, options: &ImportOptions) -> String {
    let mut hasher = twox_hash::XxHash3_64::with_seed(u64::from(FORMAT));
    hasher.write(absolute(source).as_os_str().as_encoded_bytes());
    hasher.write(spelt(options).as_bytes());
    let name = source.file_name().unwrap_or_default().to_string_lossy();
    let plain = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' };
    let name: String = name.chars().map(plain).take(60).collect();
    format!("{name}-{:016x}", hasher.finish())
}

fn is_fresh(file: &KeptFile) -> bool {
    file.trailer().sources.iter().all(|stamp| stamp.holds(file.trailer().taken))
}

/// Import options as text; how much memory an import may take changes nothing in it.
fn spelt(options: &ImportOptions) -> String {
    format!("{:?}", ImportOptions { max_bytes: 0, ..options.clone() })
}

/// The path from the root, with links followed where the file exists.
fn absolute(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

/// Nanoseconds since 1970.
fn now() -> i64 {
    #[expect(clippy::disallowed_methods, reason = "says what is old and goes first; no value of a panel depends on it")]
    nanoseconds(SystemTime::now())
}
