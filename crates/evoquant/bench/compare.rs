//! What became faster or slower since records were saved.

use std::fmt;

use super::report::time;
use super::{BenchReport, Record};

/// Records of one name, saved and new.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// What was measured.
    pub name: String,
    /// Shortest time of one run then, in nanoseconds.
    pub before_ns: f64,
    /// Shortest time of one run now, in nanoseconds.
    pub now_ns: f64,
}

impl Change {
    /// Time now over time then.
    pub fn ratio(&self) -> f64 {
        self.now_ns / self.before_ns
    }
}

/// Measurements beside saved ones of the same names. Shortest times are compared: what else ran on the machine makes
/// runs longer, never shorter.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// What was measured both times, in the order of the new records.
    pub changes: Vec<Change>,
    /// Names that were saved and not measured now, or the other way round.
    pub alone: Vec<String>,
    /// Share by which a time may rise.
    pub tolerance: f64,
}

impl Comparison {
    /// Holds a report beside saved records.
    pub fn new(report: &BenchReport, saved: &[Record], tolerance: f64) -> Self {
        let (mut changes, mut alone) = (Vec::new(), Vec::new());
        for record in &report.records {
            match saved.iter().find(|saved| saved.name == record.name) {
                Some(saved) => changes.push(Change {
                    name: record.name.clone(),
                    before_ns: saved.minimum_ns,
                    now_ns: record.minimum_ns,
                }),
                None => alone.push(record.name.clone()),
            }
        }
        let missing = saved.iter().filter(|saved| report.records.iter().all(|record| record.name != saved.name));
        alone.extend(missing.map(|saved| saved.name.clone()));
        Self { changes, alone, tolerance }
    }

    /// What became slower than is tolerated.
    pub fn slower(&self) -> impl Iterator<Item = &Change> {
        self.changes.iter().filter(|change| change.ratio() > 1.0 + self.tolerance)
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.changes.iter().map(|change| change.name.len()).max().unwrap_or(0).max("measurement".len());
        writeln!(f, "{:width$}  {:>10}  {:>10}  {:>7}", "measurement", "before", "now", "change")?;
        for change in &self.changes {
            let percent = 100.0 * (change.ratio() - 1.0);
            let slower = if change.ratio() > 1.0 + self.tolerance { "  slower" } else { "" };
            let (before, now) = (time(change.before_ns), time(change.now_ns));
            writeln!(f, "{:width$}  {before:>10}  {now:>10}  {percent:>+6.1}%{slower}", change.name)?;
        }
        if !self.alone.is_empty() {
            writeln!(f, "measured once only: {}", self.alone.join(", "))?;
        }
        let count = self.slower().count();
        let tolerance = 100.0 * self.tolerance;
        if count == 0 {
            write!(f, "nothing is more than {tolerance} % slower")
        } else {
            write!(f, "{count} of {} are more than {tolerance} % slower", self.changes.len())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(name: &str, minimum_ns: f64) -> Record {
        Record { name: name.to_owned(), median_ns: 2.0 * minimum_ns, minimum_ns, runs: 7, cells: None }
    }

    #[test]
    fn what_became_slower_is_named() {
        let saved = [record("compile/2", 1_000.0), record("compile/5", 2_000.0), record("gone/1", 1.0)];
        let now = vec![record("compile/2", 1_090.0), record("compile/5", 2_300.0), record("new/1", 1.0)];
        let comparison = Comparison::new(&BenchReport::new(1, 1, now, None), &saved, 0.1);
        let slower: Vec<&str> = comparison.slower().map(|change| change.name.as_str()).collect();
        assert_eq!(slower, ["compile/5"]);
        let expected = "\
measurement      before         now   change
compile/2      1.000 us    1.090 us    +9.0%
compile/5      2.000 us    2.300 us   +15.0%  slower
measured once only: new/1, gone/1
1 of 2 are more than 10 % slower";
        assert_eq!(comparison.to_string(), expected);
    }
}
