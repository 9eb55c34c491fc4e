//! What looks wrong in a panel: bars copied from another day, spikes, splits, gaps, stale prices, and who is missing.
//!
//! An import mends what no bar can be (a high below its low); this looks for what a bar can be and should not. Every
//! finding names rule, date and symbol. Problems are rows or prices that would deceive a backtest; warnings and notes
//! are for the person who knows the market. Thresholds stand in [`CheckOptions`], each with what it means.
//!
//! # Examples
//! ```
//! use market::{CheckOptions, check_panel, random_walk};
//!
//! let report = check_panel(&random_walk(300, 5, 1), &CheckOptions::default());
//! assert_eq!(report.problems(), 0);
//! ```

mod copies;
mod coverage;
mod moves;
mod report;
mod volume;

use std::collections::BTreeMap;
use std::str::FromStr;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

pub use self::report::{CheckReport, Finding, RuleSummary};
use crate::import::{ListedImport, Mended};
use crate::panel::Panel;

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Would deceive a backtest: the check fails.
    Problem,
    /// May well be wrong, or right and worth knowing.
    Warning,
    /// Good to know.
    Note,
}

macro_rules! rules {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal, $severity:ident, $masks:literal;)+) => {
        /// What is looked for. The documentation of each is what `evoquant data check --help` prints.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum CheckRule {
            $($(#[doc = $doc])+ #[serde(rename = $name)] $variant,)+
        }

        impl CheckRule {
            /// All of them, in the order of reports.
            pub const ALL: &'static [CheckRule] = &[$(CheckRule::$variant),+];

            /// The name in reports and options.
            pub fn name(self) -> &'static str {
                match self { $(CheckRule::$variant => $name,)+ }
            }

            /// What it looks for.
            pub fn describe(self) -> &'static str {
                match self { $(CheckRule::$variant => concat!($($doc),+).trim_ascii(),)+ }
            }

            /// How much its findings matter.
            pub fn severity(self) -> Severity {
                match self { $(CheckRule::$variant => Severity::$severity,)+ }
            }

            /// Whether the bars that it finds are to be masked.
            pub fn masks(self) -> bool {
                match self { $(CheckRule::$variant => $masks,)+ }
            }
        }
    };
}

rules! {
    /// A bar that cannot be: a price of zero or less, or outside of high and low. The import has masked it already.
    BrokenBar = "broken_bar", Problem, true;
    /// Open, high and low are those of a later day, more alike than chance makes them: the bar knows the future.
    CopiedBar = "copied_bar", Problem, true;
    /// A return far beyond the usual that the next bar takes back.
    Spike = "spike", Problem, true;
    /// An overnight ratio of n:m that stays, with volume moving the other way: a split, or a distribution of shares.
    UnadjustedSplit = "unadjusted_split", Problem, false;
    /// A return far beyond the usual that stays: news, or a spin-off that was not adjusted for.
    LargeMove = "large_move", Warning, false;
    /// A high or low far beyond the bar's open and close.
    LongWick = "long_wick", Warning, false;
    /// A row that the import dropped or changed for another reason.
    MendedRow = "mended_row", Warning, false;
    /// The same close on bar after bar, although there was volume.
    StalePrice = "stale_price", Warning, false;
    /// The open is the close of the bar before on many bars: nobody could trade at it.
    CopiedOpen = "copied_open", Warning, false;
    /// A price without volume.
    ZeroVolume = "zero_volume", Warning, false;
    /// No close on some bars between the symbol's first and last.
    Gap = "gap", Warning, false;
    /// No bar of any symbol for longer than weekends and holidays explain.
    CalendarHole = "calendar_hole", Warning, false;
    /// A bar on a Saturday or Sunday of a market that is closed then.
    WeekendBar = "weekend_bar", Warning, false;
    /// A bar on which less than half of the symbols trade that do on the bars beside it.
    ThinBar = "thin_bar", Warning, false;
    /// No symbol ends before the last bars: the list was made at the end, and those that failed are missing.
    Survivorship = "survivorship", Warning, false;
    /// A close without open, high or low.
    MissingPrice = "missing_price", Note, false;
}

impl FromStr for CheckRule {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::ALL.iter().copied().find(|rule| rule.name() == name).ok_or_else(|| {
            let names: Vec<&str> = Self::ALL.iter().map(|rule| rule.name()).collect();
            format!("`{name}` is no rule; there are {}", names.join(", "))
        })
    }
}

/// Thresholds. Returns are natural logarithms of ratios of closes; a symbol's usual return is 1.4826 times the median
/// distance of its returns from their median, which outliers do not move.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckOptions {
    /// Most pairs of bars as alike as the pair at hand that chance would make within one symbol's whole history, for
    /// the pair to count as a copy. 0.0005 makes a quarter of a false alarm among 500 symbols.
    pub copy_chance: f64,
    /// A spike, and the return that takes it back, are more than this many usual returns.
    pub spike_deviations: f64,
    /// ... and more than this in size: 0.1 is about 10 %.
    pub spike_return: f64,
    /// A move that stays is large beyond this many usual returns.
    pub move_deviations: f64,
    /// ... and beyond this in size.
    pub move_return: f64,
    /// Bars with one and the same close before it counts as stale. By default 5, and a day's bars within days.
    pub stale_bars: Option<usize>,
    /// Shortest run of missing bars that is a gap.
    pub gap_bars: usize,
    /// Rules left out.
    pub skip: Vec<CheckRule>,
}

impl Default for CheckOptions {
    fn default() -> Self {
        Self {
            copy_chance: 5e-4,
            spike_deviations: 12.0,
            spike_return: 0.1,
            move_deviations: 15.0,
            move_return: 0.2,
            stale_bars: None,
            gap_bars: 1,
            skip: Vec::new(),
        }
    }
}

/// Checks a panel together with what its import had to mend.
pub fn check(listed: &ListedImport, options: &CheckOptions) -> CheckReport {
    run(&listed.import.panel, &listed.mended, options)
}

/// Checks a panel of which nothing else is known.
pub fn check_panel(panel: &Panel, options: &CheckOptions) -> CheckReport {
    run(panel, &[], options)
}

fn run(panel: &Panel, mended: &[Mended], options: &CheckOptions) -> CheckReport {
    let mut findings = Findings { panel, options, found: Vec::new(), counts: BTreeMap::new(), skipped: Vec::new() };
    import_findings(mended, &mut findings);
    copies::check(&mut findings);
    moves::check(&mut findings);
    volume::check(&mut findings);
    coverage::check(&mut findings);
    let Findings { mut found, counts, skipped, .. } = findings;
    found.sort_by_key(|found| (found.rule, found.bar, found.symbol));
    CheckReport::new(panel, &found, &counts, skipped)
}

/// Makes the five fields of every bar that is to be masked, and its `adj_close`, missing.
pub fn mask(panel: &Panel, report: &CheckReport) -> Panel {
    const BAR: [&str; 6] = ["open", "high", "low", "close", "volume", "adj_close"];
    let cells: Vec<(usize, usize)> = report.masked().collect();
    let field = |name: &str| {
        let mut array = panel.field(name).map(|view| view.to_owned()).unwrap_or_default();
        for &cell in cells.iter().filter(|_| BAR.contains(&name)) {
            array[cell] = f64::NAN;
        }
        (name.to_owned(), array)
    };
    let fields: IndexMap<_, _> = panel.field_names().map(field).collect();
    let group = |name: &str| panel.group(name).map(|group| (name.to_owned(), group.to_owned()));
    let groups = panel.group_names().filter_map(group).collect();
    Panel::new(panel.calendar().clone(), panel.symbols().to_vec(), fields, groups)
        .expect("the parts are those of a panel, in their shapes")
}

/// One thing found.
#[derive(Debug, Clone)]
struct Found {
    rule: CheckRule,
    /// A row of the panel; `None` where the row is no bar of it.
    bar: Option<usize>,
    /// `None` where all symbols are meant.
    symbol: Option<usize>,
    value: f64,
    detail: String,
    /// As the import called date and symbol, where the panel has them no more.
    called: Option<(String, String)>,
}

/// Where rules put what they find.
struct Findings<'a> {
    panel: &'a Panel,
    options: &'a CheckOptions,
    found: Vec<Found>,
    /// How often each rule found something, kept or not.
    counts: BTreeMap<CheckRule, usize>,
    /// Rules that could not be applied, and why.
    skipped: Vec<(CheckRule, &'static str)>,
}

impl Findings<'_> {
    fn wants(&self, rule: CheckRule) -> bool {
        !self.options.skip.contains(&rule)
    }

    fn add(&mut self, rule: CheckRule, bar: usize, symbol: Option<usize>, value: f64, detail: String) {
        self.push(Found { rule, bar: Some(bar), symbol, value, detail, called: None });
    }

    /// Of warnings and notes, of which a large market may have millions, only the first are kept.
    fn push(&mut self, found: Found) {
        const MOST_FINDINGS: usize = 100_000;
        if !self.wants(found.rule) {
            return;
        }
        let count = self.counts.entry(found.rule).or_default();
        *count += 1;
        if *count <= MOST_FINDINGS || found.rule.severity() == Severity::Problem {
            self.found.push(found);
        }
    }

    /// Whether a rule has found this bar among what it found last.
    fn has(&self, rule: CheckRule, bar: usize, symbol: usize) -> bool {
        let latest = self.found.iter().rev().take_while(|found| found.symbol == Some(symbol));
        latest.into_iter().any(|found| found.rule == rule && found.bar == Some(bar))
    }

    /// A field of one symbol over time, NaN throughout where there is no such field.
    fn series(&self, name: &str, symbol: usize) -> Vec<f64> {
        match self.panel.field(name) {
            Some(field) => field.column(symbol).to_vec(),
            None => vec![f64::NAN; self.panel.bars()],
        }
    }
}

/// What the import found by itself. Rows in another order are no defect of the data.
fn import_findings(mended: &[Mended], findings: &mut Findings<'_>) {
    for row in mended.iter().filter(|row| !row.is_harmless()) {
        let rule = if row.bar_masked { CheckRule::BrokenBar } else { CheckRule::MendedRow };
        let panel = findings.panel;
        let bar = row.time.and_then(|time| panel.calendar().times().binary_search(&time).ok());
        let symbol = row.symbol.as_ref().and_then(|name| panel.symbols().binary_search(name).ok());
        let place = row.file.as_ref().map(|file| format!("{file}, ")).unwrap_or_default();
        let colon = if row.detail.is_empty() { "" } else { ": " };
        let detail = format!("{place}row {}, {}{colon}{}", row.row, row.rule, row.detail);
        let called = Some((row.date.clone(), row.symbol.clone().unwrap_or_default()));
        findings.push(Found { rule, bar, symbol, value: f64::NAN, detail, called });
    }
}
