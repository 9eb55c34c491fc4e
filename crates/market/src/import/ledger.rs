//! The account of an import: what was read, kept, dropped and repaired, and why.

use serde::{Deserialize, Serialize};

/// What an import did with the rows it read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    /// The file, or the name given to a frame.
    pub source: String,
    /// Rows of data, without the header.
    pub rows_read: usize,
    /// Rows that are cells of the panel now, repaired ones included.
    pub rows_kept: usize,
    /// Rows left out: read = kept + dropped.
    pub rows_dropped: usize,
    /// One entry for every rule that some row broke, in the order in which the rules apply. A row may stand in
    /// several.
    pub repaired: Vec<LedgerEntry>,
    /// Columns left out: those without a name, and those of types that a panel cannot hold.
    pub ignored_columns: Vec<String>,
}

/// One rule, and the rows that broke it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerEntry {
    /// What a sound row never does.
    pub rule: String,
    /// How many rows did.
    pub rows: usize,
    /// The first of them, with its row in the file, date, symbol and value.
    pub first_example: String,
    /// What was done with them.
    pub action: String,
}

impl Ledger {
    /// Whether every row was kept as it came.
    pub fn is_clean(&self) -> bool {
        self.repaired.is_empty()
    }
}

impl std::fmt::Display for Ledger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "import of {}", self.source)?;
        writeln!(f, "  rows read     {:>10}", self.rows_read)?;
        writeln!(f, "  rows kept     {:>10}", self.rows_kept)?;
        write!(f, "  rows dropped  {:>10}", self.rows_dropped)?;
        if self.is_clean() {
            write!(f, "\n  nothing had to be repaired")?;
        }
        for entry in &self.repaired {
            write!(f, "\n  {}: {} rows; {}\n    first: {}", entry.rule, entry.rows, entry.action, entry.first_example)?;
        }
        if !self.ignored_columns.is_empty() {
            write!(f, "\n  columns left out: {}", self.ignored_columns.join(", "))?;
        }
        Ok(())
    }
}

/// The rules, in the order in which they apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rule {
    NoKey,
    Duplicate,
    Unsorted,
    Infinite,
    NonPositive,
    NonPositiveAdjusted,
    OutsideRange,
    NegativeVolume,
    NoClose,
}

impl Rule {
    fn text(self) -> (&'static str, &'static str) {
        const BAR: &str = "the bar's open, high, low, close, adj_close and volume become missing";
        match self {
            Rule::NoKey => ("no date or no symbol", "the row is dropped"),
            Rule::Duplicate => ("same date and symbol as a later row", "the last such row is kept"),
            Rule::Unsorted => ("dated before the row above it of the same symbol", "rows are sorted by date"),
            Rule::Infinite => ("an infinite value", "the value becomes missing"),
            Rule::NonPositive => ("a price that is not positive", BAR),
            Rule::NonPositiveAdjusted => ("an adj_close that is not positive", "adj_close becomes missing"),
            Rule::OutsideRange => ("high below low, or open or close outside of them", BAR),
            Rule::NegativeVolume => ("a negative volume", "the volume becomes missing"),
            Rule::NoClose => ("no close", "the row is kept, its symbol does not trade on that bar"),
        }
    }
}

/// Counts the rows that break each rule.
#[derive(Debug, Default)]
pub(super) struct Repairs {
    entries: Vec<(Rule, usize, String)>,
}

impl Repairs {
    /// Counts a row; the example is spelt out only for the first row of a rule.
    pub(super) fn count(&mut self, rule: Rule, example: impl FnOnce() -> String) {
        match self.entries.iter_mut().find(|entry| entry.0 == rule) {
            Some(entry) => entry.1 += 1,
            None => self.entries.push((rule, 1, example())),
        }
    }

    pub(super) fn into_entries(mut self) -> Vec<LedgerEntry> {
        self.entries.sort_by_key(|entry| entry.0);
        let spell = |(rule, rows, first_example): (Rule, usize, String)| {
            let (rule, action) = rule.text();
            LedgerEntry { rule: rule.to_owned(), rows, first_example, action: action.to_owned() }
        };
        self.entries.into_iter().map(spell).collect()
    }
}
