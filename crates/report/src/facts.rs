//! What every figure of a page rests on, spelt out.

use std::ops::Range;

use backtest::Report;
use factor::Strategy;
use market::Panel;
use serde_json::Value;

use crate::{Entry, Error, PageInput};

/// One line of the assumptions.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fact {
    pub(crate) name: String,
    pub(crate) value: String,
}

/// Assumptions that belong together.
#[derive(Debug, Clone)]
pub(crate) struct FactGroup {
    pub(crate) title: &'static str,
    pub(crate) facts: Vec<Fact>,
}

fn fact(name: &str, value: impl Into<String>) -> Fact {
    Fact { name: name.to_owned(), value: value.into() }
}

/// What holds for all strategies of a page.
pub(crate) fn shared(input: &PageInput<'_>) -> Result<Vec<FactGroup>, Error> {
    let settings = &input.benchmark.assumptions.settings;
    let mut backtest = vec![fact("in words", settings.to_string())];
    flatten("", &serde_json::to_value(settings)?, &mut backtest);
    backtest.push(fact("benchmark", benchmark(input.benchmark)));
    Ok(vec![
        FactGroup { title: "Market", facts: market(input) },
        FactGroup { title: "Fills, costs and settlement", facts: backtest },
        FactGroup { title: "Statistics", facts: statistics(input)? },
    ])
}

/// What strategies stand beside, in words.
pub(crate) fn benchmark(report: &Report) -> String {
    // The one benchmark that is simulated; any other is a series of prices.
    if report.strategy == "buy-and-hold" {
        "buy-and-hold, equal weights of the first members, at the same costs".to_owned()
    } else {
        format!("{}, its prices alone, without costs", report.strategy)
    }
}

fn market(input: &PageInput<'_>) -> Vec<Fact> {
    let PageInput { panel, ledger, .. } = *input;
    let calendar = panel.calendar();
    let span = |bars: &Range<usize>| match bars.clone().next_back() {
        None => "no bar".to_owned(),
        Some(last) => format!("{} to {}", calendar.label(bars.start), calendar.label(last)),
    };
    let universe = if panel.values("universe").is_some() {
        "point in time: the cells in which the column `universe` is above 0"
    } else {
        "every symbol of the file on every bar with a close"
    };
    let adjusted = if panel.values("adj_close").is_some() { "; the file has a column adj_close besides" } else { "" };
    let mut facts = vec![
        fact("data", input.source),
        fact("span of the file", span(&(0..panel.bars()))),
        fact("money is held", span(&input.bars)),
        fact("bars", format!("{}, {}", panel.bars(), calendar.frequency())),
        fact("time zone", calendar.time_zone().unwrap_or("UTC")),
        fact("symbols", panel.symbols().len().to_string()),
        fact("universe", universe),
        fact("survivorship", survivorship(panel)),
        fact(
            "prices",
            format!("as they stand in the file, neither adjusted nor checked for splits and dividends{adjusted}"),
        ),
        fact("fingerprint", format!("{:016x}", panel.fingerprint())),
        fact(
            "import",
            format!("{} rows read, {} kept, {} dropped", ledger.rows_read, ledger.rows_kept, ledger.rows_dropped),
        ),
    ];
    facts.extend(
        ledger
            .repaired
            .iter()
            .map(|entry| fact("mended", format!("{}: {} rows; {}", entry.rule, entry.rows, entry.action))),
    );
    if !ledger.ignored_columns.is_empty() {
        facts.push(fact("columns left out", ledger.ignored_columns.join(", ")));
    }
    facts
}

/// How many symbols stop trading before the file does: a market in which none ever does was picked with hindsight.
fn survivorship(panel: &Panel) -> String {
    let symbols = panel.symbols().len();
    let Some(closes) = panel.values("close") else { return "unknown: there is no close".to_owned() };
    let mut last = vec![0; symbols];
    for (row, closes) in closes.chunks_exact(symbols.max(1)).enumerate() {
        for (last, close) in last.iter_mut().zip(closes) {
            if !close.is_nan() {
                *last = row + 1;
            }
        }
    }
    // A gap of a few bars at the end is no delisting.
    let recent = panel.bars().saturating_sub(10);
    match last.iter().filter(|&&last| last < recent).count() {
        0 => {
            "every symbol trades until the end of the file, which suggests that it was picked with hindsight: symbols \
              that failed are missing, and figures are too good"
                .to_owned()
        }
        ended => format!(
            "{ended} of {symbols} symbols stop trading before the end of the file; symbols that it never had are missing"
        ),
    }
}

fn statistics(input: &PageInput<'_>) -> Result<Vec<Fact>, Error> {
    let mut facts = Vec::new();
    flatten("", &serde_json::to_value(input.returns)?, &mut facts);
    facts.push(fact("deviations", "sample standard deviations (ddof 1); undefined figures show --"));
    facts.push(fact("periods", "cut from one continuous simulation; holdings are carried over"));
    facts.push(fact("definitions", format!("those of evoquant {}", input.version)));
    Ok(facts)
}

/// What holds for one strategy.
pub(crate) fn own(entry: &Entry<'_>) -> Result<Vec<Fact>, Error> {
    let Strategy { positions, exits, .. } = entry.strategy;
    let program = entry.strategy.compile()?;
    let mut facts = Vec::new();
    flatten("", &serde_json::to_value(positions)?, &mut facts);
    let mut stops = Vec::new();
    flatten("", &serde_json::to_value(exits)?, &mut stops);
    stops.retain(|stop| stop.value != NONE);
    if stops.is_empty() {
        stops.push(fact("exits", "none besides the rule's own"));
    }
    facts.extend(stops);
    let fields: Vec<&str> = program.fields().collect();
    facts.push(fact("reads", fields.join(", ")));
    facts.push(fact("look-back", format!("{} bars", program.lookback())));
    facts.push(fact("factors", entry.strategy.factors().to_string()));
    facts.push(fact("identity", format!("{:032x}", entry.strategy.identity(&program))));
    facts.extend(counts(entry.report)?);
    Ok(facts)
}

/// How often things happened that a backtest could have hidden.
fn counts(report: &Report) -> Result<Vec<Fact>, Error> {
    let mut facts = Vec::new();
    flatten("", &serde_json::to_value(report.outcome.counts)?, &mut facts);
    let listed: Vec<String> = facts.iter().map(|fact| format!("{} {}", fact.value, fact.name)).collect();
    Ok(vec![fact("orders", listed.join(", "))])
}

const NONE: &str = "none";

/// Every number and word of a settings tree by the way to it: what is added to the settings shows without a change here.
fn flatten(path: &str, value: &Value, facts: &mut Vec<Fact>) {
    let text = match value {
        Value::Object(members) => {
            for (key, member) in members {
                let key = key.replace('_', " ").to_lowercase();
                flatten(&if path.is_empty() { key } else { format!("{path} {key}") }, member, facts);
            }
            return;
        }
        Value::Null => NONE.to_owned(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::String(word) => word.replace('_', " "),
        Value::Number(number) => number_text(number),
        Value::Array(values) => {
            let words = values.iter().map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
            words.collect::<Vec<String>>().join(", ")
        }
    };
    facts.push(Fact { name: path.to_owned(), value: text });
}

fn number_text(number: &serde_json::Number) -> String {
    let text = number.to_string();
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_spelt_out_whatever_they_are() {
        let value = serde_json::json!({
            "capital": 1_000_000.0, "fill": "next_open", "costs": { "sell_tax_bps": 0.5 }, "cap": null, "cash": [1, "b"],
        });
        let mut facts = Vec::new();
        flatten("", &value, &mut facts);
        let lines: Vec<String> = facts.iter().map(|fact| format!("{}={}", fact.name, fact.value)).collect();
        assert_eq!(lines, ["cap=none", "capital=1000000", "cash=1, b", "costs sell tax bps=0.5", "fill=next open"]);
    }
}
