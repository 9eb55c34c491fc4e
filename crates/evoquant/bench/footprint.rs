//! What evaluating a generation adds to memory, beside the market that it is evaluated on.

use std::fmt;

use evolve::{EvaluatedGeneration, Resources};
use market::Panel;
use serde::{Deserialize, Serialize};

use super::evolution::Scoring;
use super::report::{mebibytes, memory};
use super::resident::Watch;
use super::{Error, Pace, Record, clock};

/// What is evaluated, and with how much of the machine.
#[derive(Debug, Clone)]
pub struct MemoryOptions {
    /// The market, in memory before anything is measured.
    pub panel: Panel,
    /// Strategies of the generation.
    pub strategies: usize,
    /// Threads of what is measured after one thread alone.
    pub threads: usize,
    /// Bytes of the cache in the last measurement.
    pub cache_bytes: usize,
}

impl MemoryOptions {
    /// Bars and symbols of the usual market.
    pub const USUAL: [usize; 2] = [2_500, 2_656];
    /// Strategies of the usual generation.
    pub const STRATEGIES: usize = 200;
    /// The share of the panel's size that a generation may add without a cache.
    pub const GOAL: f64 = 0.5;
}

/// Evaluates a generation with one thread, with more, and with a cache, and tells `progress` of each.
///
/// Memory that one evaluation lets go and the allocator keeps counts for the next as well, so they stand in the order of
/// what they need. Measured by itself, in a process that did nothing but load a market, this is what a run adds.
///
/// # Errors
/// When there are no strategies, or the market has too few bars for a run.
pub fn measure_memory(options: &MemoryOptions, progress: &mut dyn FnMut(&Record)) -> Result<MemoryReport, Error> {
    let MemoryOptions { panel, strategies, threads, cache_bytes } = options;
    let generation = Scoring::new(*strategies, Pace::Weekly, panel)?;
    let nothing = Scoring::none(panel)?;
    let mut report = MemoryReport {
        bars: panel.bars(),
        symbols: panel.symbols().len(),
        panel_bytes: panel_bytes(panel),
        records: Vec::new(),
        cache_bytes: 0,
    };
    let loaded = Watch::new();
    let steps = [
        ("preparation".to_owned(), &nothing, 1, 0),
        ("threads-1".to_owned(), &generation, 1, 0),
        (format!("threads-{threads}"), &generation, *threads, 0),
        (format!("threads-{threads}-cache"), &generation, *threads, *cache_bytes),
    ];
    for (name, scoring, threads, cache_bytes) in steps {
        let watch = loaded.and_then(Watch::again);
        let (seconds, evaluated) = clock::seconds(|| scoring.run_with(Resources { threads, cache_bytes, shelf: None }));
        let EvaluatedGeneration { cache, .. } = evaluated?;
        report.cache_bytes = report.cache_bytes.max(cache.bytes as u64);
        let record = Record::timed(format!("memory/{name}"), 1e9 * seconds, 1e9 * seconds, 1);
        let record = Record { memory_bytes: watch.and_then(Watch::added), ..record };
        progress(&record);
        report.records.push(record);
    }
    Ok(report)
}

/// Bytes of a panel's values and codes of groups.
fn panel_bytes(panel: &Panel) -> u64 {
    let columns = panel.field_names().count() + panel.group_names().count();
    (columns * panel.bars() * panel.symbols().len() * size_of::<f64>()) as u64
}

/// What a generation added to memory, with a table as its text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MemoryReport {
    /// Bars of the market.
    pub bars: usize,
    /// Symbols of the market.
    pub symbols: usize,
    /// What the market takes.
    pub panel_bytes: u64,
    /// The measurements, in the order in which they were made.
    pub records: Vec<Record>,
    /// What the cache held at the end of the last.
    pub cache_bytes: u64,
}

impl MemoryReport {
    /// What a measurement added, over the panel's size; `None` where it was not measured.
    pub fn share(&self, record: &Record) -> Option<f64> {
        record.memory_bytes.map(|bytes| bytes as f64 / self.panel_bytes as f64)
    }
}

impl fmt::Display for MemoryReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let panel = mebibytes(self.panel_bytes);
        writeln!(f, "{} bars x {} symbols: the panel takes {panel}\n", self.bars, self.symbols)?;
        let width = self.records.iter().map(|record| record.name.len()).max().unwrap_or(0);
        writeln!(f, "{:width$}  {:>12}  {:>14}  {:>10}", "evaluated", "added", "of the panel", "time")?;
        for record in &self.records {
            let share = self.share(record).map_or_else(|| "--".to_owned(), |share| format!("{:.1} %", 100.0 * share));
            let (added, time) = (memory(record.memory_bytes), super::report::time(record.median_ns));
            writeln!(f, "{:width$}  {added:>12}  {share:>14}  {time:>10}", record.name)?;
        }
        write!(
            f,
            "\nthe cache held {}; goal without it: at most {} %",
            mebibytes(self.cache_bytes),
            100.0 * MemoryOptions::GOAL
        )
    }
}

#[cfg(test)]
mod tests {
    use market::random_walk;

    use super::*;

    #[test]
    fn each_way_of_evaluating_is_measured_where_the_system_says() {
        let panel = random_walk(120, 30, 1);
        let options = MemoryOptions { panel, strategies: 9, threads: 2, cache_bytes: 1 << 24 };
        let report = measure_memory(&options, &mut |_| {}).unwrap();
        let names: Vec<&str> = report.records.iter().map(|record| record.name.as_str()).collect();
        assert_eq!(names, ["memory/preparation", "memory/threads-1", "memory/threads-2", "memory/threads-2-cache"]);
        assert_eq!(report.panel_bytes, 5 * 120 * 30 * 8);
        let text = serde_json::to_string(&report).unwrap();
        assert_eq!(serde_json::from_str::<MemoryReport>(&text).unwrap(), report);
        let none = MemoryOptions { strategies: 0, ..options };
        assert!(matches!(measure_memory(&none, &mut |_| {}), Err(Error::Count { count: 0, .. })));
    }

    #[test]
    fn the_table_says_what_was_not_measured() {
        let record = |name: &str, memory_bytes| Record { memory_bytes, ..Record::timed(name.to_owned(), 2e9, 2e9, 1) };
        let records = vec![record("memory/threads-1", Some(10 << 20)), record("memory/threads-2", None)];
        let report = MemoryReport { bars: 2, symbols: 3, panel_bytes: 40 << 20, records, cache_bytes: 1 << 19 };
        let expected = "\
2 bars x 3 symbols: the panel takes 40.0 MiB

evaluated                added    of the panel        time
memory/threads-1      10.0 MiB          25.0 %     2.000 s
memory/threads-2  not measured              --     2.000 s

the cache held 0.5 MiB; goal without it: at most 50 %";
        assert_eq!(report.to_string(), expected);
    }
}
