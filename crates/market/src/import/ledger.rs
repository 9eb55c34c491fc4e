//! The account of an import.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::ImportOptions;
use super::columns::Roles;
use super::raw::RawTable;
use crate::error::Error;

/// What an import read, kept, dropped and mended. `rows_read` is `rows_kept` plus `rows_dropped`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    /// The file, or `frame`.
    pub source: String,
    /// Rows below the header.
    pub rows_read: usize,
    /// Rows that fill a cell of the panel.
    pub rows_kept: usize,
    /// Rows without a date, without a symbol, or replaced by a later row of the same date and symbol.
    pub rows_dropped: usize,
    /// What was mended, one entry a rule that some row broke, in the order in which the rules are applied.
    pub repaired: Vec<LedgerEntry>,
    /// Columns that no panel can hold (lists, further dates, columns without a name), left out.
    pub ignored_columns: Vec<String>,
}

/// One rule that rows broke.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerEntry {
    /// What a row must be like.
    pub rule: String,
    /// Rows that were not.
    pub rows: usize,
    /// The first of them: file row, column and value.
    pub first_example: String,
    /// What was done with them.
    pub action: String,
}

/// The rules, in the order in which they are applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    HasDate,
    HasSymbol,
    Rising,
    Unique,
    Finite,
    PositivePrices,
    VolumeNotNegative,
    HighNotBelowLow,
    InsideRange,
    HasClose,
}

impl Rule {
    fn text(self) -> &'static str {
        match self {
            Rule::HasDate => "every row has a date",
            Rule::HasSymbol => "every row has a symbol",
            Rule::Rising => "the dates of a symbol rise from row to row",
            Rule::Unique => "a date and symbol stand in one row only",
            Rule::Finite => "numbers are finite",
            Rule::PositivePrices => "prices are positive",
            Rule::VolumeNotNegative => "volume is not negative",
            Rule::HighNotBelowLow => "high is not below low",
            Rule::InsideRange => "open and close lie between low and high",
            Rule::HasClose => "every row has a close",
        }
    }

    fn action(self) -> &'static str {
        match self {
            Rule::HasDate | Rule::HasSymbol => "row dropped",
            Rule::Rising => "rows sorted",
            Rule::Unique => "last row kept, earlier rows dropped",
            Rule::Finite => "value set to missing",
            Rule::VolumeNotNegative => "volume set to missing",
            Rule::PositivePrices | Rule::HighNotBelowLow | Rule::InsideRange => {
                "open, high, low, close and volume of the bar set to missing"
            }
            Rule::HasClose => "row kept, close missing",
        }
    }
}

impl Ledger {
    pub(super) fn new(table: &RawTable<'_>, roles: &Roles) -> Self {
        Self {
            source: table.origin.clone(),
            rows_read: table.rows,
            rows_kept: 0,
            rows_dropped: 0,
            repaired: Vec::new(),
            ignored_columns: table.ignored.iter().chain(&roles.ignored).cloned().collect(),
        }
    }

    /// Enters the `rows` rows that break `rule`, when there are any.
    pub(super) fn enter(&mut self, rule: Rule, rows: usize, first_example: impl FnOnce() -> String) {
        if rows > 0 {
            self.repaired.push(LedgerEntry {
                rule: rule.text().to_owned(),
                rows,
                first_example: first_example(),
                action: rule.action().to_owned(),
            });
        }
    }

    /// # Errors
    /// Names the first rule broken, when the options are strict and one is.
    pub(super) fn refuse_if_strict(&self, options: &ImportOptions) -> Result<(), Error> {
        match self.repaired.first() {
            Some(entry) if options.strict => Err(Error::Strict {
                origin: self.source.clone(),
                example: entry.first_example.clone(),
                rule: entry.rule.clone(),
                rows: entry.rows,
                action: entry.action.clone(),
            }),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rows: {} read, {} kept, {} dropped", self.rows_read, self.rows_kept, self.rows_dropped)?;
        if self.repaired.is_empty() {
            write!(f, "; nothing to mend")?;
        } else {
            let rule = self.repaired.iter().map(|entry| entry.rule.len()).max().unwrap_or(0);
            let action = self.repaired.iter().map(|entry| entry.action.len()).max().unwrap_or(0);
            write!(f, "\n{:>8}  {:rule$}  {:action$}  first", "rows", "rule broken", "done")?;
            for entry in &self.repaired {
                write!(
                    f,
                    "\n{:>8}  {:rule$}  {:action$}  {}",
                    entry.rows, entry.rule, entry.action, entry.first_example
                )?;
            }
        }
        if !self.ignored_columns.is_empty() {
            write!(f, "\ncolumns left out: {}", self.ignored_columns.join(", "))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_as_a_table() {
        let entry = |rule: Rule, rows, example: &str| LedgerEntry {
            rule: rule.text().to_owned(),
            rows,
            first_example: example.to_owned(),
            action: rule.action().to_owned(),
        };
        let mut ledger = Ledger {
            source: "a.csv".to_owned(),
            rows_read: 12,
            rows_kept: 12,
            rows_dropped: 0,
            repaired: Vec::new(),
            ignored_columns: Vec::new(),
        };
        assert_eq!(ledger.to_string(), "rows: 12 read, 12 kept, 0 dropped; nothing to mend");
        ledger.repaired = vec![entry(Rule::HasSymbol, 3, "row 4"), entry(Rule::Finite, 11, "row 2")];
        ledger.ignored_columns = vec!["`tags` (list[str])".to_owned()];
        let expected = "rows: 12 read, 12 kept, 0 dropped\n    \
                        rows  rule broken             done                  first\n       \
                        3  every row has a symbol  row dropped           row 4\n      \
                        11  numbers are finite      value set to missing  row 2\n\
                        columns left out: `tags` (list[str])";
        assert_eq!(ledger.to_string(), expected);
    }
}
