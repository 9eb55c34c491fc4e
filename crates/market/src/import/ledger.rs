//! The account of an import: what was read, kept, dropped and repaired, and why.

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::dates;
use crate::table::{Column, Table};

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

    /// Adds the account of rows that follow in the same file.
    pub(crate) fn add(&mut self, later: Ledger) {
        self.rows_read += later.rows_read;
        self.rows_kept += later.rows_kept;
        self.rows_dropped += later.rows_dropped;
        for entry in later.repaired {
            match self.repaired.iter_mut().find(|known| known.rule == entry.rule) {
                Some(known) => known.rows += entry.rows,
                None => self.repaired.push(entry),
            }
        }
        self.repaired.sort_by_key(|entry| Rule::ALL.iter().position(|rule| rule.text().0 == entry.rule));
        for name in later.ignored_columns {
            if !self.ignored_columns.contains(&name) {
                self.ignored_columns.push(name);
            }
        }
    }
}

/// One row or cell that an import dropped or mended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mended {
    /// The file, where the import read several.
    pub file: Option<String>,
    /// Row as a text editor or spreadsheet counts it: the header is row 1. For a whole file, 0.
    pub row: usize,
    /// Its time in microseconds since 1970, where it has one.
    pub time: Option<i64>,
    /// Its date, or date and time in the zone of the bars; empty where it has none.
    pub date: String,
    /// Its symbol, where it has one; rows of wide files have none.
    pub symbol: Option<String>,
    /// What a sound row never does, as in [`LedgerEntry::rule`].
    pub rule: &'static str,
    /// What was done, as in [`LedgerEntry::action`].
    pub action: &'static str,
    /// The offending value, where there is one.
    pub detail: String,
    /// Whether all prices of the bar were made missing.
    pub bar_masked: bool,
}

impl Mended {
    /// Whether it says nothing against the data: rows in another order, and what was asked for.
    pub(crate) fn is_harmless(&self) -> bool {
        [Rule::Unsorted, Rule::OutsideSession].iter().any(|rule| rule.text().0 == self.rule)
    }
}

/// Every row of an import that was dropped or mended, as a table with columns `file`, `row`, `date`, `symbol`, `rule`,
/// `action` and `detail`.
pub fn mended_table(rows: &[Mended]) -> Table {
    let text = |of: &dyn Fn(&Mended) -> String| Column::Text(rows.iter().map(of).collect());
    Table::new()
        .with("file", text(&|row| row.file.clone().unwrap_or_default()))
        .with("row", Column::Integer(rows.iter().map(|row| row.row as i64).collect()))
        .with("date", text(&|row| row.date.clone()))
        .with("symbol", text(&|row| row.symbol.clone().unwrap_or_default()))
        .with("rule", text(&|row| row.rule.to_owned()))
        .with("action", text(&|row| row.action.to_owned()))
        .with("detail", text(&|row| row.detail.clone()))
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
    EmptyFile,
    NoKey,
    OutsideSession,
    Duplicate,
    Unsorted,
    Infinite,
    NonPositive,
    NonPositiveAdjusted,
    OutsideRange,
    NegativeVolume,
    NoClose,
    NoAdjusted,
}

impl Rule {
    const ALL: [Self; 12] = [
        Rule::EmptyFile,
        Rule::NoKey,
        Rule::OutsideSession,
        Rule::Duplicate,
        Rule::Unsorted,
        Rule::Infinite,
        Rule::NonPositive,
        Rule::NonPositiveAdjusted,
        Rule::OutsideRange,
        Rule::NegativeVolume,
        Rule::NoClose,
        Rule::NoAdjusted,
    ];

    fn text(self) -> (&'static str, &'static str) {
        const BAR: &str = "the bar's open, high, low, close, adj_close and volume become missing";
        match self {
            Rule::EmptyFile => ("a file without rows", "the file is left out"),
            Rule::NoKey => ("no date or no symbol", "the row is dropped"),
            Rule::OutsideSession => ("a time outside the session", "the row is dropped, as asked"),
            Rule::Duplicate => ("same date and symbol as a later row", "the last such row is kept"),
            Rule::Unsorted => ("dated before the row above it of the same symbol", "rows are sorted by date"),
            Rule::Infinite => ("an infinite value", "the value becomes missing"),
            Rule::NonPositive => ("a price that is not positive", BAR),
            Rule::NonPositiveAdjusted => ("an adj_close that is not positive", "adj_close becomes missing"),
            Rule::OutsideRange => ("high below low, or open or close outside of them", BAR),
            Rule::NegativeVolume => ("a negative volume", "the volume becomes missing"),
            Rule::NoClose => ("no close", "the row is kept, its symbol does not trade on that bar"),
            Rule::NoAdjusted => ("a close without an adj_close to adjust it by", BAR),
        }
    }

    /// What was asked for is no repair, and no reason for a strict import to refuse.
    fn was_asked_for(self) -> bool {
        self == Rule::OutsideSession
    }
}

/// How a row is called.
pub(super) struct Mention {
    /// The file, where there are several.
    pub(super) file: Option<String>,
    /// 0 for none.
    pub(super) row: usize,
    pub(super) time: Option<i64>,
    pub(super) symbol: Option<String>,
    /// Begins with its separator, as it follows the symbol: `, close 0`, ` comes after 2020-01-03`.
    pub(super) detail: String,
}

impl Mention {
    fn spell(&self, date: &str) -> String {
        let place = match (&self.file, self.row) {
            (Some(file), 0) => file.clone(),
            (Some(file), row) => format!("{file}, row {row}"),
            (None, row) => format!("row {row}"),
        };
        let key = [date, self.symbol.as_deref().unwrap_or_default()];
        let key: Vec<&str> = key.into_iter().filter(|text| !text.is_empty()).collect();
        let separator = if key.is_empty() { "" } else { ": " };
        format!("{place}{separator}{}{}", key.join(" "), self.detail)
    }
}

/// Counts the rows that break each rule.
#[derive(Debug, Default)]
pub(super) struct Repairs {
    entries: Vec<(Rule, usize, String)>,
    /// Every row, where someone asked for them.
    pub(super) rows: Option<Vec<Mended>>,
    /// In which dates are spelt, UTC where nothing is said.
    pub(super) zone: Option<TimeZone>,
}

impl Repairs {
    /// Rows listed at most; beyond, they are only counted.
    const MOST_ROWS: usize = 1_000_000;

    /// An account that lists every row.
    pub(super) fn listing() -> Self {
        Self { rows: Some(Vec::new()), ..Self::default() }
    }

    /// Counts a row; it is spelt out only for the first row of a rule, or where all are listed.
    pub(super) fn count(&mut self, rule: Rule, mention: impl FnOnce() -> Mention) {
        let known = self.entries.iter_mut().find(|entry| entry.0 == rule);
        let listing = self.rows.as_mut().filter(|rows| rows.len() < Self::MOST_ROWS);
        match (known, listing) {
            (Some(entry), None) => entry.1 += 1,
            (known, listing) => {
                let mention = mention();
                let date = mention.time.map(|time| dates::label(time, self.zone.as_ref())).unwrap_or_default();
                match known {
                    Some(entry) => entry.1 += 1,
                    None => self.entries.push((rule, 1, mention.spell(&date))),
                }
                if let Some(rows) = listing {
                    let (text, action) = rule.text();
                    let Mention { file, row, time, symbol, detail } = mention;
                    let detail = detail.trim_start_matches([',', ' ']).to_owned();
                    let bar_masked = matches!(rule, Rule::NonPositive | Rule::OutsideRange | Rule::NoAdjusted);
                    rows.push(Mended { file, row, time, date, symbol, rule: text, action, detail, bar_masked });
                }
            }
        }
    }

    /// The first rule that a strict import refuses.
    pub(super) fn first_refused(&self) -> Option<LedgerEntry> {
        let refused = self.entries.iter().filter(|entry| !entry.0.was_asked_for());
        refused.min_by_key(|entry| entry.0).map(entry)
    }

    pub(super) fn entries(&mut self) -> Vec<LedgerEntry> {
        self.entries.sort_by_key(|entry| entry.0);
        self.entries.iter().map(entry).collect()
    }
}

fn entry((rule, rows, first_example): &(Rule, usize, String)) -> LedgerEntry {
    let (rule, action) = rule.text();
    LedgerEntry { rule: rule.to_owned(), rows: *rows, first_example: first_example.clone(), action: action.to_owned() }
}
