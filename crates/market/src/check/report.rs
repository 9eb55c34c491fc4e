//! What a check found, as text, table and JSON.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{CheckRule, Found, Severity};
use crate::panel::Panel;
use crate::table::{Column, Table};

/// All that a check found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckReport {
    /// Bars of the panel.
    pub bars: usize,
    /// Symbols of the panel.
    pub symbols: usize,
    /// Cells with a close.
    pub closes: usize,
    /// One entry for every rule that found something, problems first.
    pub rules: Vec<RuleSummary>,
    /// Rules that could not be applied, and why.
    pub not_checked: Vec<(CheckRule, String)>,
    /// Everything found, rule by rule and date by date. Of warnings and notes at most a hundred thousand a rule.
    pub findings: Vec<Finding>,
    #[serde(skip)]
    masked: Vec<(usize, usize)>,
}

/// What one rule found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleSummary {
    /// The rule.
    pub rule: CheckRule,
    /// How much it matters.
    pub severity: Severity,
    /// How often.
    pub count: usize,
    /// In how many symbols; 0 where it concerns all of them together.
    pub symbols: usize,
}

/// One thing found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// By which rule.
    pub rule: CheckRule,
    /// How much it matters.
    pub severity: Severity,
    /// The bar, or the first of several; empty where the row has none.
    pub date: String,
    /// The symbol; empty where all are meant.
    pub symbol: String,
    /// What the rule measures: a return, a ratio, a number of bars; for copies, how many such pairs chance would make.
    pub value: Option<f64>,
    /// In words.
    pub detail: String,
}

const EXAMPLES: usize = 3;

impl CheckReport {
    /// `found` is sorted by rule.
    pub(super) fn new(
        panel: &Panel,
        found: &[Found],
        counts: &BTreeMap<CheckRule, usize>,
        skipped: Vec<(CheckRule, &'static str)>,
    ) -> Self {
        let mut rules: Vec<RuleSummary> = Vec::new();
        let mut masked = Vec::new();
        let mut findings = Vec::new();
        for same in found.chunk_by(|a, b| a.rule == b.rule) {
            let rule = same[0].rule;
            let mut symbols: Vec<usize> = same.iter().filter_map(|found| found.symbol).collect();
            symbols.sort_unstable();
            symbols.dedup();
            rules.push(RuleSummary { rule, severity: rule.severity(), count: counts[&rule], symbols: symbols.len() });
            let cell = |found: &Found| found.bar.zip(found.symbol);
            masked.extend(same.iter().filter(|_| rule.masks()).filter_map(cell));
            findings.extend(same.iter().map(|found| finding(panel, found)));
        }
        rules.sort_by_key(|summary| (summary.severity, summary.rule));
        masked.sort_unstable();
        masked.dedup();
        let closes = panel.values("close").unwrap_or_default().iter().filter(|value| value.is_finite()).count();
        let not_checked = skipped.into_iter().map(|(rule, why)| (rule, why.to_owned())).collect();
        Self { bars: panel.bars(), symbols: panel.symbols().len(), closes, rules, not_checked, findings, masked }
    }

    /// How often a rule that matters found something: a check passes without any.
    pub fn problems(&self) -> usize {
        self.count(Severity::Problem)
    }

    /// How often something was found that may be right.
    pub fn warnings(&self) -> usize {
        self.count(Severity::Warning)
    }

    /// The cells `(bar, symbol)` that are to be masked, in order.
    pub fn masked(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        self.masked.iter().copied()
    }

    /// Everything found, with columns `rule`, `severity`, `date`, `symbol`, `value` and `detail`.
    pub fn table(&self) -> Table {
        table(&self.findings.iter().collect::<Vec<_>>())
    }

    /// What is to be masked, and why, as [`CheckReport::table`]; a bar may stand in it more than once.
    pub fn masked_table(&self) -> Table {
        table(&self.findings.iter().filter(|finding| finding.rule.masks()).collect::<Vec<_>>())
    }

    fn count(&self, severity: Severity) -> usize {
        self.rules.iter().filter(|summary| summary.severity == severity).map(|summary| summary.count).sum()
    }
}

fn finding(panel: &Panel, found: &Found) -> Finding {
    let (date, symbol) = found.called.clone().unwrap_or_else(|| {
        let date = found.bar.map(|bar| panel.calendar().label(bar)).unwrap_or_default();
        (date, found.symbol.map(|symbol| panel.symbols()[symbol].clone()).unwrap_or_default())
    });
    let value = Some(found.value).filter(|value| value.is_finite());
    Finding { rule: found.rule, severity: found.rule.severity(), date, symbol, value, detail: found.detail.clone() }
}

fn table(findings: &[&Finding]) -> Table {
    let text = |of: &dyn Fn(&Finding) -> String| Column::Text(findings.iter().map(|finding| of(finding)).collect());
    Table::new()
        .with("rule", text(&|finding| finding.rule.name().to_owned()))
        .with("severity", text(&|finding| finding.severity.to_string()))
        .with("date", text(&|finding| finding.date.clone()))
        .with("symbol", text(&|finding| finding.symbol.clone()))
        .with("value", Column::Number(findings.iter().map(|finding| finding.value.unwrap_or(f64::NAN)).collect()))
        .with("detail", text(&|finding| finding.detail.clone()))
}

impl std::fmt::Display for Severity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Severity::Problem => "problem",
            Severity::Warning => "warning",
            Severity::Note => "note",
        })
    }
}

impl std::fmt::Display for CheckReport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (problems, warnings) = (self.problems(), self.warnings());
        let verdict = if problems == 0 { "passed" } else { "problems found" };
        write!(f, "{verdict}: {problems} problems, {warnings} warnings in {} closes", self.closes)?;
        for RuleSummary { rule, severity, count, symbols } in &self.rules {
            let spread = if *symbols > 0 { format!(" in {symbols} symbols") } else { String::new() };
            write!(f, "\n{severity:<8} {:<17} {count}{spread}: {}", rule.name(), rule.describe())?;
            let same = || self.findings.iter().filter(|finding| finding.rule == *rule);
            for Finding { date, symbol, detail, .. } in same().take(EXAMPLES) {
                let key: Vec<&str> = [date, symbol].into_iter().map(String::as_str).filter(|s| !s.is_empty()).collect();
                let colon = if key.is_empty() { "" } else { ": " };
                write!(f, "\n         {}{colon}{detail}", key.join(" "))?;
            }
            if *count > EXAMPLES {
                write!(f, "\n         ... and {} more", count - EXAMPLES)?;
            }
        }
        for (rule, why) in &self.not_checked {
            write!(f, "\nnot checked: {}, as {why}", rule.name())?;
        }
        Ok(())
    }
}
