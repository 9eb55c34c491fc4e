//! What making, writing, importing and opening markets costs.

use std::fmt;
use std::path::{Path, PathBuf};

use market::synthetic::WriteOptions;
use market::{ImportOptions, PanelCache, RowOrder, SynthSpec, Synthetic, read_panel, stream_panel};
use serde::{Deserialize, Serialize};

use super::report::{memory, time};
use super::resident::Watch;
use super::{Error, Record, clock};

/// Which markets, and with how much of the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarketOptions {
    /// Bars of the daily market that is made in memory, imported and kept.
    pub bars: usize,
    /// Its symbols.
    pub symbols: usize,
    /// Rows of the market of 5-minute bars that is streamed to a file, of 1,000 symbols.
    pub rows: usize,
    /// Threads that make bars.
    pub threads: usize,
    /// Where files are written, and removed at the end.
    pub folder: PathBuf,
}

impl MarketOptions {
    /// Bars, symbols and streamed rows of the usual measurement.
    pub const USUAL: [usize; 3] = [2_500, 2_656, 10_000_000];
    /// Symbols of the streamed market.
    const STREAMED_SYMBOLS: usize = 1_000;
    /// Runs of what is short enough to be repeated.
    const RUNS: usize = 5;
}

/// Files of a measurement, gone when it ends.
struct Workspace(PathBuf);

impl Workspace {
    fn new(folder: &Path) -> Result<Self, market::Error> {
        let path = folder.join(format!("evoquant-bench-{}", std::process::id()));
        std::fs::create_dir_all(&path).map_err(|cause| market::Error::Write { path: path.clone(), cause })?;
        Ok(Self(path))
    }
}

impl Drop for Workspace {
    fn drop(&mut self) {
        // A leftover in a folder for temporary files is no reason to fail.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Measures each step once or a few times, and tells `progress` of each. Memory is what a step adds at most to what the
/// process held before it.
///
/// # Errors
/// When a market of this size cannot be made, or files cannot be written.
pub fn measure_markets(options: &MarketOptions, progress: &mut dyn FnMut(&Record)) -> Result<MarketReport, Error> {
    let workspace = Workspace::new(&options.folder)?;
    let at = |name: &str| workspace.0.join(name);
    let import = ImportOptions::default();
    let mut report = MarketReport { threads: options.threads, records: Vec::new() };
    let mut take = |name: &str, cells: usize, runs: usize, work: &mut dyn FnMut() -> Result<(), Error>| {
        let watch = Watch::new();
        let mut seconds = Vec::with_capacity(runs);
        for _ in 0..runs {
            let (taken, outcome) = clock::seconds(&mut *work);
            outcome?;
            seconds.push(1e9 * taken);
        }
        seconds.sort_unstable_by(f64::total_cmp);
        let record = Record::timed(format!("market/{name}"), clock::median(&seconds), seconds[0], runs);
        let record = Record { memory_bytes: watch.and_then(Watch::added), cells: Some(cells), ..record };
        progress(&record);
        report.records.push(record);
        Ok::<(), Error>(())
    };

    let streamed_bars = options.rows.div_ceil(MarketOptions::STREAMED_SYMBOLS);
    let streamed = Synthetic::new(SynthSpec::named(&format!(
        "bars={streamed_bars},symbols={},frequency=5min,seed=1",
        MarketOptions::STREAMED_SYMBOLS
    ))?)?;
    let rows = streamed_bars * MarketOptions::STREAMED_SYMBOLS;
    let large = at("streamed.parquet");
    let writing = WriteOptions { threads: options.threads, ..WriteOptions::default() };
    take("synthetic/parquet", rows, 1, &mut || Ok(streamed.write(None, &large, &writing, &mut |_| {}).map(drop)?))?;
    take("stream/parquet", rows, 1, &mut || {
        let mut seen = 0;
        for batch in stream_panel(&large, &import, RowOrder::Dates)? {
            seen += batch?.ledger.rows_kept;
        }
        if seen == rows { Ok(()) } else { Err(Error::Rows { wanted: rows, found: seen }) }
    })?;

    let daily =
        Synthetic::new(SynthSpec::named(&format!("bars={},symbols={},seed=1", options.bars, options.symbols))?)?;
    let cells = options.bars * options.symbols;
    let file = at("daily.parquet");
    daily.write(None, &file, &writing, &mut |_| {})?;
    let cache = PanelCache { smallest_source: 0, ..PanelCache::new(at("panels")) };
    take("import/parquet", cells, MarketOptions::RUNS, &mut || Ok(read_panel(&file, &import).map(drop)?))?;
    take("import/and-keep", cells, 1, &mut || Ok(cache.read(&file, &import).map(drop)?))?;
    take("cache/open", cells, MarketOptions::RUNS, &mut || Ok(cache.read(&file, &import).map(drop)?))?;
    take("cache/read-all", cells, MarketOptions::RUNS, &mut || {
        let panel = cache.read(&file, &import)?.0.panel;
        let seen = panel.field_names().filter_map(|name| panel.values(name)).map(<[f64]>::len).sum::<usize>();
        if seen == 5 * cells { Ok(()) } else { Err(Error::Rows { wanted: 5 * cells, found: seen }) }
    })?;
    take("synthetic/memory", cells, MarketOptions::RUNS, &mut || {
        Ok(daily.panel(None, options.threads, u64::MAX).map(drop)?)
    })?;
    Ok(report)
}

/// What markets cost, with a table as its text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MarketReport {
    /// Threads that made bars.
    pub threads: usize,
    /// The measurements, in the order in which they were made.
    pub records: Vec<Record>,
}

impl MarketReport {
    /// How many times as long one step takes as another, by shortest times.
    pub fn ratio(&self, slow: &str, fast: &str) -> Option<f64> {
        let shortest =
            |name: &str| self.records.iter().find(|record| record.name == name).map(|record| record.minimum_ns);
        Some(shortest(slow)? / shortest(fast)?)
    }
}

impl fmt::Display for MarketReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.records.iter().map(|record| record.name.len()).max().unwrap_or(0);
        writeln!(
            f,
            "{:width$}  {:>11}  {:>11}  {:>11}  {:>14}  {:>12}",
            "step", "bars", "median", "shortest", "bars/s", "memory added"
        )?;
        for record in &self.records {
            let bars = record.cells.unwrap_or_default();
            let rate = format!("{:.2} million", bars as f64 / record.median_ns * 1e3);
            let (median, shortest) = (time(record.median_ns), time(record.minimum_ns));
            let added = memory(record.memory_bytes);
            writeln!(f, "{:width$}  {bars:>11}  {median:>11}  {shortest:>11}  {rate:>14}  {added:>12}", record.name)?;
        }
        let ratio = |fast: &str| self.ratio("market/import/parquet", fast).unwrap_or(f64::NAN);
        write!(
            f,
            "\nbars are made on {} threads; memory counts pages of mapped files, which the system takes back when it needs \
             them;\na kept panel opens {:.0} times, and is read whole {:.0} times as fast as its Parquet file is parsed",
            self.threads,
            ratio("market/cache/open"),
            ratio("market/cache/read-all")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_is_measured_and_nothing_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let options = MarketOptions { bars: 30, symbols: 7, rows: 3_000, threads: 2, folder: folder.path().to_owned() };
        let mut heard = 0;
        let report = measure_markets(&options, &mut |_| heard += 1).unwrap();
        assert_eq!((heard, report.records.len()), (7, 7));
        assert!(report.records.iter().all(|record| record.median_ns > 0.0), "{report}");
        assert!(report.to_string().contains("market/cache/read-all"), "{report}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        let text = serde_json::to_string(&report).unwrap();
        assert_eq!(serde_json::from_str::<MarketReport>(&text).unwrap(), report);
    }
}
