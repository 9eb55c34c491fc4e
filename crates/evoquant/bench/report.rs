//! What was measured: records, the straight line through them, and a table.

use std::fmt;

use evolve::NodeCounts;
use serde::{Deserialize, Serialize};

use super::line::Line;

/// One measurement.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// What was measured, such as `execute/panel/15`.
    pub name: String,
    /// Median time of one run, in nanoseconds.
    pub median_ns: f64,
    /// Shortest time of one run, in nanoseconds.
    pub minimum_ns: f64,
    /// Runs that were timed.
    pub runs: usize,
    /// Cells of a run, where time is counted by them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cells: Option<usize>,
    /// The most memory that the runs added to what the process held before, in bytes; `None` where it was not measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    /// What became of operator nodes, where those are counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nodes: Option<NodeCounts>,
}

impl Record {
    /// Times of so many runs, and nothing else.
    pub(super) fn timed(name: String, median_ns: f64, minimum_ns: f64, runs: usize) -> Self {
        Self { name, median_ns, minimum_ns, runs, cells: None, memory_bytes: None, nodes: None }
    }

    /// The number behind the last slash: factors, or strategies of a generation.
    pub fn count(&self) -> Option<usize> {
        self.name.rsplit_once('/')?.1.parse().ok()
    }

    /// The name without the number.
    pub fn series(&self) -> &str {
        self.name.rsplit_once('/').map_or(&self.name, |(series, _)| series)
    }

    /// Median time for each cell where those are counted, else for each factor or strategy, in nanoseconds.
    pub fn ns_each(&self) -> Option<f64> {
        self.cells.or_else(|| self.count()).filter(|&count| count > 0).map(|count| self.median_ns / count as f64)
    }
}

/// The least-squares line through a series: median time over number of factors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fit {
    /// The series, such as `execute/panel`.
    pub name: String,
    /// What one more factor costs, in nanoseconds.
    pub ns_per_factor: f64,
    /// What none would cost, in nanoseconds.
    pub intercept_ns: f64,
    /// Share of the variance that the line explains, up to 1.
    pub r_squared: f64,
}

impl Fit {
    /// The line through one series; `None` for fewer than three numbers of factors, or equal times.
    fn new(name: &str, points: &[(f64, f64)]) -> Option<Self> {
        let line = Line::through(points)?;
        (line.yy > 0.0).then(|| Self {
            name: name.to_owned(),
            ns_per_factor: line.slope,
            intercept_ns: line.intercept,
            r_squared: line.slope * line.xy / line.yy,
        })
    }
}

/// All that was measured, with a table as its text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BenchReport {
    /// Bars of the market.
    pub bars: usize,
    /// Symbols of the market.
    pub symbols: usize,
    /// The measurements, in the order in which they were made.
    pub records: Vec<Record>,
    /// A line through every series of three numbers of factors or more.
    pub fits: Vec<Fit>,
    /// The most memory the process ever held, in bytes; `None` where the system does not say.
    pub peak_memory_bytes: Option<u64>,
}

impl BenchReport {
    pub(super) fn new(bars: usize, symbols: usize, records: Vec<Record>, peak_memory_bytes: Option<u64>) -> Self {
        let mut series: Vec<&str> = Vec::new();
        for record in &records {
            if !series.contains(&record.series()) {
                series.push(record.series());
            }
        }
        let points = |name: &str| -> Vec<(f64, f64)> {
            let members = records.iter().filter(|record| record.series() == name);
            members.filter_map(|record| Some((record.count()? as f64, record.median_ns))).collect()
        };
        let fits = series.into_iter().filter_map(|name| Fit::new(name, &points(name))).collect();
        Self { bars, symbols, records, fits, peak_memory_bytes }
    }
}

impl fmt::Display for BenchReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.records.iter().map(|record| record.name.len());
        let width = names.chain(self.fits.iter().map(|fit| fit.name.len())).max().unwrap_or(0).max("measurement".len());
        writeln!(f, "{} bars x {} symbols, one thread", self.bars, self.symbols)?;
        writeln!(
            f,
            "{:width$}  {:>10}  {:>10}  {:>10}  {:>9}  {:>12}",
            "measurement", "median", "minimum", "each", "runs", "memory added"
        )?;
        for record in &self.records {
            writeln!(
                f,
                "{:width$}  {:>10}  {:>10}  {:>10}  {:>9}  {:>12}",
                record.name,
                time(record.median_ns),
                time(record.minimum_ns),
                record.ns_each().map_or_else(|| "--".to_owned(), time),
                record.runs,
                memory(record.memory_bytes)
            )?;
        }
        self.write_nodes(f, width)?;
        if !self.fits.is_empty() {
            writeln!(f, "\n{:width$}  {:>10}  {:>10}  {:>10}", "linear fit", "per factor", "intercept", "R-squared")?;
        }
        for Fit { name, ns_per_factor, intercept_ns, r_squared } in &self.fits {
            writeln!(f, "{name:width$}  {:>10}  {:>10}  {r_squared:>10.5}", time(*ns_per_factor), time(*intercept_ns))?;
        }
        match self.peak_memory_bytes {
            Some(bytes) => write!(f, "\npeak memory {}", mebibytes(bytes)),
            None => write!(f, "\npeak memory not measured"),
        }
    }
}

impl BenchReport {
    /// What became of operator nodes, where they were counted.
    fn write_nodes(&self, f: &mut fmt::Formatter<'_>, width: usize) -> fmt::Result {
        let counted: Vec<(&str, NodeCounts)> =
            self.records.iter().filter_map(|record| Some((record.name.as_str(), record.nodes?))).collect();
        if !counted.is_empty() {
            writeln!(
                f,
                "\n{:width$}  {:>10}  {:>10}  {:>10}  {:>9}  {:>12}",
                "operator nodes", "asked", "shared", "cached", "run", "saved"
            )?;
        }
        for (name, nodes) in counted {
            let NodeCounts { asked, shared, cached, run } = nodes;
            let saved = format!("{:.1} %", 100.0 * nodes.saved());
            writeln!(f, "{name:width$}  {asked:>10}  {shared:>10}  {cached:>10}  {run:>9}  {saved:>12}")?;
        }
        Ok(())
    }
}

/// Bytes in the unit that people read them in, or that nobody could say.
pub(super) fn memory(bytes: Option<u64>) -> String {
    bytes.map_or_else(|| "not measured".to_owned(), mebibytes)
}

/// Bytes in MiB.
pub(super) fn mebibytes(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}

/// Nanoseconds in the unit that people read them in.
pub(super) fn time(ns: f64) -> String {
    match ns.abs() {
        size if size >= 1e9 => format!("{:.3} s", ns / 1e9),
        size if size >= 1e6 => format!("{:.3} ms", ns / 1e6),
        size if size >= 1e3 => format!("{:.3} us", ns / 1e3),
        _ => format!("{ns:.1} ns"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(name: &str, median_ns: f64) -> Record {
        Record::timed(name.to_owned(), median_ns, median_ns, 7)
    }

    #[test]
    fn lines_are_drawn_through_series_of_three_numbers_of_factors() {
        let mut records: Vec<Record> =
            [2.0, 5.0, 10.0].iter().map(|n| record(&format!("execute/panel/{n}"), 100.0 + 7.0 * n)).collect();
        records.extend([1.0, 2.0, 3.0].map(|n| record(&format!("compile/{n}"), if n == 2.0 { 3.0 } else { 1.0 })));
        records.extend([record("generation/20", 1.0), record("generation/100", 2.0)]);
        records.extend([1.0, 2.0, 3.0].map(|time| record("mutate/hoist/15", time)));
        let report = BenchReport::new(10, 3, records, None);
        let names: Vec<&str> = report.fits.iter().map(|fit| fit.name.as_str()).collect();
        assert_eq!(names, ["execute/panel", "compile"], "two points, or three at one place, make no line");
        let line = &report.fits[0];
        let close = |found: f64, expected: f64| (found - expected).abs() < 1e-9;
        assert!(close(line.ns_per_factor, 7.0) && close(line.intercept_ns, 100.0) && close(line.r_squared, 1.0));
        let none = &report.fits[1];
        assert!(close(none.ns_per_factor, 0.0) && close(none.r_squared, 0.0), "{none:?}");
    }

    #[test]
    fn the_table_reads_as_people_expect() {
        let nodes = NodeCounts { asked: 1_000, shared: 250, cached: 500, run: 250 };
        let records = vec![
            record("compile/2", 950.0),
            record("compile/4", 1_950.0),
            record("compile/8", 3_950.0),
            Record { memory_bytes: Some(5 << 19), ..record("generation/20", 2.5e9) },
            Record { nodes: Some(nodes), ..record("plan/generation-3", 1e6) },
        ];
        let table = BenchReport::new(100, 2_656, records, Some(3 << 20)).to_string();
        let expected = "\
100 bars x 2656 symbols, one thread
measurement            median     minimum        each       runs  memory added
compile/2            950.0 ns    950.0 ns    475.0 ns          7  not measured
compile/4            1.950 us    1.950 us    487.5 ns          7  not measured
compile/8            3.950 us    3.950 us    493.8 ns          7  not measured
generation/20         2.500 s     2.500 s  125.000 ms          7       2.5 MiB
plan/generation-3    1.000 ms    1.000 ms          --          7  not measured

operator nodes          asked      shared      cached        run         saved
plan/generation-3        1000         250         500        250        75.0 %

linear fit         per factor   intercept   R-squared
compile              500.0 ns    -50.0 ns     1.00000

peak memory 3.0 MiB";
        assert_eq!(table, expected);
    }
}
