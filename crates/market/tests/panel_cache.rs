//! Panels kept on disk: the same as fresh ones, or not used at all.

use std::path::{Path, PathBuf};
use std::time::Duration;

use indexmap::IndexMap;
use market::table::{Column, Table};
use market::{Found, ImportOptions, PanelCache, RandomWalk, read_panel};

/// A long table of a random market with a group, as Parquet or CSV.
fn write_market(path: &Path, bars: usize, seed: u64) {
    let panel = RandomWalk { bars, symbols: 9, seed, gap_rate: 0.2, late_listing_rate: 0.3 }.panel();
    let mut columns: IndexMap<&str, Vec<f64>> = IndexMap::new();
    let (mut times, mut symbols, mut sectors) = (Vec::new(), Vec::new(), Vec::new());
    for (bar, &time) in panel.calendar().times().iter().enumerate() {
        for (place, symbol) in panel.symbols().iter().enumerate() {
            times.push(time);
            symbols.push(symbol.clone());
            sectors.push(["energy", "banks", ""][place % 3].to_owned());
            for name in ["open", "high", "low", "close", "volume"] {
                columns.entry(name).or_default().push(panel.values(name).unwrap()[bar * 9 + place]);
            }
        }
    }
    let mut table = Table::new()
        .with("date", Column::Time(times))
        .with("symbol", Column::Text(symbols))
        .with("sector", Column::Text(sectors));
    for (name, values) in columns {
        table = table.with(name, Column::Number(values));
    }
    table.write(path).unwrap();
}

struct World {
    folder: tempfile::TempDir,
    cache: PanelCache,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let cache = PanelCache { smallest_source: 0, ..PanelCache::new(folder.path().join("panels")) };
        Self { folder, cache }
    }

    fn market(&self, name: &str, bars: usize, seed: u64) -> PathBuf {
        let path = self.folder.path().join(name);
        write_market(&path, bars, seed);
        path
    }

    /// Reads through the cache, and holds the panel against a fresh import.
    fn check(&self, path: &Path, expected: Found) {
        let options = ImportOptions::default();
        let (kept, found) = self.cache.read(path, &options).unwrap();
        assert_eq!(found, expected, "{}", path.display());
        let fresh = read_panel(path, &options).unwrap();
        assert_eq!(kept.ledger, fresh.ledger);
        assert_eq!(kept.panel.fingerprint(), fresh.panel.fingerprint());
        // The fingerprint is kept too; a prefix has to compute it.
        let bars = fresh.panel.bars();
        assert_eq!(kept.panel.prefix(bars).fingerprint(), fresh.panel.fingerprint());
        assert_eq!(kept.panel.calendar(), fresh.panel.calendar());
        assert_eq!(kept.panel.members(), fresh.panel.members());
        let group = kept.panel.group("sector").unwrap();
        assert_eq!(group.labels, fresh.panel.group("sector").unwrap().labels);
    }

    fn only_file(&self) -> PathBuf {
        let panels = self.cache.panels().unwrap();
        assert_eq!(panels.len(), 1);
        panels[0].path.clone()
    }
}

#[test]
fn a_kept_panel_is_the_imported_one() {
    let world = World::new();
    for name in ["a.parquet", "b.csv", "c.arrow"] {
        let path = world.market(name, 60, 1);
        world.check(&path, Found::New);
        world.check(&path, Found::Kept);
    }
    // Another way to import is another panel.
    let path = world.folder.path().join("b.csv");
    let european = ImportOptions { day_first: Some(true), ..ImportOptions::default() };
    assert_eq!(world.cache.read(&path, &european).unwrap().1, Found::New);
    let statistics = world.cache.statistics();
    assert_eq!((statistics.hits, statistics.misses, statistics.damaged), (3, 4, 0));
}

#[test]
fn a_panel_from_the_cache_grows_like_any_other() {
    let world = World::new();
    let path = world.market("a.parquet", 40, 2);
    world.check(&path, Found::New);
    let whole = world.cache.read(&path, &ImportOptions::default()).unwrap().0.panel;
    let mut grown = whole.prefix(30);
    let names: Vec<String> = whole.field_names().chain(whole.group_names()).map(str::to_owned).collect();
    for bar in 30..40 {
        let rows: Vec<&[f64]> = names.iter().map(|name| &whole.values(name).unwrap()[bar * 9..][..9]).collect();
        grown.push_bar(whole.calendar().times()[bar], &rows).unwrap();
    }
    assert_eq!(grown.fingerprint(), whole.fingerprint());
    let mut longer = whole.clone();
    let rows = vec![[1.0; 9]; names.len()];
    let rows: Vec<&[f64]> = rows.iter().map(|row| &row[..]).collect();
    longer.push_bar(whole.calendar().times()[39] + 86_400_000_000, &rows).unwrap();
    assert_ne!(longer.fingerprint(), whole.fingerprint());
}

#[test]
fn a_source_that_changed_is_imported_again() {
    let world = World::new();
    let path = world.market("a.csv", 50, 3);
    let text = std::fs::read(&path).unwrap();
    world.check(&path, Found::New);
    // Same size, same time of change, another digit: too fresh for the time to prove anything.
    let modified = std::fs::metadata(&path).unwrap().modified().unwrap();
    let mut changed = text.clone();
    let digit = changed.iter().rposition(u8::is_ascii_digit).unwrap();
    changed[digit] = if changed[digit] == b'1' { b'2' } else { b'1' };
    std::fs::write(&path, &changed).unwrap();
    std::fs::File::options().write(true).open(&path).unwrap().set_modified(modified).unwrap();
    world.check(&path, Found::Stale);
    world.check(&path, Found::Kept);
    // Longer, and with an old time.
    write_market(&path, 51, 3);
    std::fs::File::options().write(true).open(&path).unwrap().set_modified(modified - Duration::from_secs(99)).unwrap();
    world.check(&path, Found::Stale);
    std::fs::remove_file(&path).unwrap();
    assert!(world.cache.read(&path, &ImportOptions::default()).is_err(), "a kept panel outlived its source");
}

/// Wherever a bit of the kept file is wrong, or its end is missing, the values are those of the source.
#[test]
fn damage_is_never_used() {
    let world = World::new();
    let path = world.market("a.parquet", 30, 4);
    world.check(&path, Found::New);
    let kept = world.only_file();
    let sound = std::fs::read(&kept).unwrap();
    let mut found = std::collections::BTreeMap::new();
    for place in (0..sound.len()).step_by(sound.len() / 150 + 1) {
        let mut bytes = sound.clone();
        bytes[place] ^= 1 << (place % 8);
        std::fs::write(&kept, &bytes).unwrap();
        let (import, outcome) = world.cache.read(&path, &ImportOptions::default()).unwrap();
        let fresh = read_panel(&path, &ImportOptions::default()).unwrap();
        assert_eq!(import.panel.prefix(30).fingerprint(), fresh.panel.fingerprint(), "byte {place}, {outcome:?}");
        *found.entry(format!("{outcome:?}")).or_insert(0) += 1;
    }
    // Head and trailer are checked when the file is opened, values when they are read.
    assert!(found["Damaged"] > 5 && found["Kept"] > 5, "{found:?}");
    for length in [0, 1, 63, 64, 4096, sound.len() / 2, sound.len() - 1] {
        std::fs::write(&kept, &sound[..length]).unwrap();
        world.check(&path, Found::Damaged);
    }
}

#[test]
fn the_longest_unused_go_first() {
    let mut world = World::new();
    let paths: Vec<PathBuf> = (0..4).map(|seed| world.market(&format!("{seed}.parquet"), 60, seed)).collect();
    for path in &paths[..3] {
        world.check(path, Found::New);
    }
    let size = world.cache.panels().unwrap()[0].bytes;
    world.check(&paths[0], Found::Kept);
    world.cache.max_bytes = 3 * size + size / 2;
    world.check(&paths[3], Found::New);
    assert!(!world.cache.has(&paths[1], &ImportOptions::default()), "the second was unused for longest");
    for path in [&paths[0], &paths[2], &paths[3]] {
        world.check(path, Found::Kept);
    }
    assert_eq!(world.cache.statistics().evicted, 1);
    world.cache.max_age = Duration::ZERO;
    assert_eq!(world.cache.tidy(None), 3);
    // One that would be larger than all of the cache is not kept.
    world.cache.max_bytes = 100;
    world.check(&paths[0], Found::NotKept);
}
