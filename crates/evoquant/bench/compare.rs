//! What became faster or slower, larger or smaller since figures were saved.

use std::fmt;

use serde::Deserialize;

use super::report::{mebibytes, time};
use super::{Record, Slope};

/// Figures as reports keep them: of any report, as JSON, the records and slopes.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Figures {
    /// Times, and what memory was added.
    pub records: Vec<Record>,
    /// How times grow.
    #[serde(default)]
    pub slopes: Vec<Slope>,
}

impl Figures {
    /// Measurements without slopes.
    pub fn of(records: &[Record]) -> Self {
        Self { records: records.to_vec(), slopes: Vec::new() }
    }

    /// All of them by name.
    fn named(&self) -> impl Iterator<Item = Figure> {
        let times = self.records.iter().map(|record| Figure {
            name: record.name.clone(),
            value: record.minimum_ns,
            unit: Unit::Nanoseconds,
        });
        let memory = self.records.iter().filter_map(|record| {
            let name = format!("{}, memory", record.name);
            Some(Figure { name, value: record.memory_bytes? as f64, unit: Unit::Bytes })
        });
        let slopes = self.slopes.iter().map(|slope| Figure {
            name: format!("{}, slope", slope.name),
            value: slope.slope,
            unit: Unit::Slope,
        });
        times.chain(memory).chain(slopes)
    }
}

/// What a figure counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Shortest time of one run.
    Nanoseconds,
    /// Memory that was added.
    Bytes,
    /// A slope of log time over log size.
    Slope,
}

impl Unit {
    fn show(self, value: f64) -> String {
        match self {
            Unit::Nanoseconds => time(value),
            Unit::Bytes => mebibytes(value as u64),
            Unit::Slope => format!("{value:.3}"),
        }
    }
}

/// One number under its name.
struct Figure {
    name: String,
    value: f64,
    unit: Unit,
}

/// Figures of one name, saved and new.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// What was measured.
    pub name: String,
    /// What it counts.
    pub unit: Unit,
    /// The figure then.
    pub before: f64,
    /// The figure now.
    pub now: f64,
}

impl Change {
    /// The figure now over the figure then.
    pub fn ratio(&self) -> f64 {
        self.now / self.before
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
    /// Share by which a figure may rise.
    pub tolerance: f64,
}

/// Less memory than this is not compared: the allocator hands it back, or does not, by what happened before.
const LEAST_BYTES: f64 = (16 << 20) as f64;

impl Comparison {
    /// Holds new figures beside saved ones.
    pub fn new(now: &Figures, saved: &Figures, tolerance: f64) -> Self {
        let now: Vec<Figure> = now.named().collect();
        let mut saved: Vec<Figure> = saved.named().collect();
        let (mut changes, mut alone) = (Vec::new(), Vec::new());
        for Figure { name, value, unit } in now {
            let before = saved.iter().position(|saved| saved.name == name).map(|place| saved.remove(place).value);
            match before {
                Some(before) if unit == Unit::Bytes && before.max(value) < LEAST_BYTES => {}
                Some(before) => changes.push(Change { name, unit, before, now: value }),
                // Not every system says what memory was added.
                None if unit == Unit::Bytes => {}
                None => alone.push(name),
            }
        }
        alone.extend(saved.into_iter().filter(|figure| figure.unit != Unit::Bytes).map(|figure| figure.name));
        Self { changes, alone, tolerance }
    }

    /// What rose by more than is tolerated.
    pub fn worse(&self) -> impl Iterator<Item = &Change> {
        self.changes.iter().filter(|change| change.ratio() > 1.0 + self.tolerance)
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.changes.iter().map(|change| change.name.len()).max().unwrap_or(0).max("measurement".len());
        writeln!(f, "{:width$}  {:>10}  {:>10}  {:>7}", "measurement", "before", "now", "change")?;
        for change in &self.changes {
            let percent = 100.0 * (change.ratio() - 1.0);
            let worse = if change.ratio() <= 1.0 + self.tolerance {
                ""
            } else if change.unit == Unit::Bytes {
                "  larger"
            } else if change.unit == Unit::Slope {
                "  steeper"
            } else {
                "  slower"
            };
            let (before, now) = (change.unit.show(change.before), change.unit.show(change.now));
            writeln!(f, "{:width$}  {before:>10}  {now:>10}  {percent:>+6.1}%{worse}", change.name)?;
        }
        if !self.alone.is_empty() {
            writeln!(f, "measured once only: {}", self.alone.join(", "))?;
        }
        let count = self.worse().count();
        let tolerance = 100.0 * self.tolerance;
        if count == 0 {
            write!(f, "nothing rose by more than {tolerance} %")
        } else {
            write!(f, "{count} of {} rose by more than {tolerance} %", self.changes.len())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(name: &str, minimum_ns: f64, memory_bytes: Option<u64>) -> Record {
        Record { memory_bytes, ..Record::timed(name.to_owned(), 2.0 * minimum_ns, minimum_ns, 7) }
    }

    fn slope(exponent: i32) -> Slope {
        let points = [1.0_f64, 2.0, 4.0].map(|size| (size, size.powi(exponent)));
        Slope::new("scaling/bars", &points).unwrap()
    }

    #[test]
    fn what_rose_is_named() {
        let mebibytes = |count: u64| Some(count << 20);
        let saved = Figures {
            records: vec![
                record("compile/2", 1_000.0, mebibytes(1)),
                record("compile/5", 2_000.0, mebibytes(20)),
                record("gone/1", 1.0, mebibytes(90)),
            ],
            slopes: vec![slope(1)],
        };
        let now = Figures {
            records: vec![
                record("compile/2", 1_090.0, mebibytes(9)),
                record("compile/5", 2_300.0, mebibytes(30)),
                record("new/1", 1.0, None),
            ],
            slopes: vec![slope(2)],
        };
        let comparison = Comparison::new(&now, &saved, 0.1);
        let worse: Vec<&str> = comparison.worse().map(|change| change.name.as_str()).collect();
        assert_eq!(worse, ["compile/5", "compile/5, memory", "scaling/bars, slope"]);
        let expected = "\
measurement              before         now   change
compile/2              1.000 us    1.090 us    +9.0%
compile/5              2.000 us    2.300 us   +15.0%  slower
compile/5, memory      20.0 MiB    30.0 MiB   +50.0%  larger
scaling/bars, slope       1.000       2.000  +100.0%  steeper
measured once only: new/1, gone/1
3 of 4 rose by more than 10 %";
        assert_eq!(comparison.to_string(), expected);
    }

    #[test]
    fn figures_are_read_from_any_report() {
        let report = crate::bench::BenchReport::new(1, 1, vec![record("compile/2", 1.0, None)], None);
        let text = serde_json::to_string(&report).unwrap();
        let figures: Figures = serde_json::from_str(&text).unwrap();
        assert_eq!((figures.records, figures.slopes), (report.records, Vec::new()));
    }
}
