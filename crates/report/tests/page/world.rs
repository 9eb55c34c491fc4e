//! A small market, backtests over it, and their page.

use std::ops::Range;

use backtest::{Backtester, FactorAnalysis, Market, Periods, Report, ReturnSettings, Settings};
use factor::{Schema, Strategy};
use indexmap::IndexMap;
use market::{Calendar, Ledger, Panel};
use ndarray::Array2;
use report::{Entry, PageInput, page};

const DAY: i64 = 86_400_000_000;

/// Trades weekly, with stops, on rising and falling symbols.
pub(crate) const TREND: &str = r#"
name = "trend"
[factors]
strength = "returns(close, 5)"
[positions]
rule = "top"
score = "strength"
entry = "close > ts_mean(close, 10)"
count = 2
rebalance = "weekly"
[exits]
stop_loss = 0.02
"#;

/// Long and short.
pub(crate) const SPREAD: &str = r#"
name = "spread"
[positions]
rule = "long_short"
score = "-returns(close, 3)"
count = 1
rebalance = "daily"
"#;

/// Everything that a page is made of.
pub(crate) struct World {
    pub(crate) panel: Panel,
    pub(crate) ledger: Ledger,
    pub(crate) returns: ReturnSettings,
    pub(crate) strategies: Vec<Strategy>,
    pub(crate) reports: Vec<Report>,
    pub(crate) benchmark: Report,
    pub(crate) scores: Option<FactorAnalysis>,
    pub(crate) source: String,
    pub(crate) bars: Range<usize>,
}

/// Closes that wander, by symbol and bar; another market for every name.
pub(crate) fn panel(bars: usize, symbols: &[&str], close: impl Fn(usize, usize) -> f64) -> Panel {
    // Every day from 2020-01-01 on.
    let times = (0..bars as i64).map(|bar| (18_262 + bar) * DAY).collect();
    let calendar = Calendar::new(times, None).expect("times rise");
    let closes = Array2::from_shape_fn((bars, symbols.len()), |(row, symbol)| close(row, symbol));
    let opens = closes.mapv(|close| close * 0.999);
    let fields = IndexMap::from([("open".to_owned(), opens), ("close".to_owned(), closes)]);
    Panel::new(calendar, symbols.iter().map(ToString::to_string).collect(), fields, IndexMap::new()).expect("a market")
}

/// A wave with a trend and some noise of its own for each symbol.
pub(crate) fn wave(row: usize, symbol: usize) -> f64 {
    let (t, s) = (row as f64, symbol as f64 + 1.0);
    let noise = ((row * 7919 + symbol * 104_729) % 1009) as f64 / 1009.0 - 0.5;
    50.0 * s * (1.0 + 0.3 * (t / (9.0 + 2.0 * s)).sin() + 0.001 * t + 0.04 * noise)
}

impl World {
    pub(crate) fn new(panel: Panel, strategies: &[&str]) -> Self {
        let bars = 0..panel.bars();
        Self::between(panel, strategies, bars)
    }

    /// Money is held over some bars only.
    pub(crate) fn between(panel: Panel, strategies: &[&str], bars: Range<usize>) -> Self {
        let schema = Schema::new(panel.field_names(), panel.group_names());
        let read = |text: &&str| Strategy::from_toml(text, &schema).expect("a strategy");
        let strategies: Vec<Strategy> = strategies.iter().map(read).collect();
        let returns = ReturnSettings::new(panel.calendar().frequency().periods_per_year());
        let (market, periods) = (Market::new(&panel), Periods::split(panel.bars(), 0.6, 0.2));
        let (reports, benchmark) = {
            let settings = Settings::default();
            let backtester = if bars == (0..panel.bars()) {
                Backtester::new(&panel, &market, &settings, &periods, &returns)
            } else {
                Backtester::between(&panel, &market, &settings, bars.clone(), &returns)
            };
            let backtester = backtester.expect("sound settings");
            let reports = strategies.iter().map(|strategy| backtester.run(strategy).expect("it runs"));
            (reports.collect(), backtester.benchmark().clone())
        };
        let ledger = Ledger {
            source: "bars.csv".to_owned(),
            rows_read: panel.bars(),
            rows_kept: panel.bars(),
            rows_dropped: 0,
            repaired: Vec::new(),
            ignored_columns: Vec::new(),
        };
        Self {
            panel,
            ledger,
            returns,
            strategies,
            reports,
            benchmark,
            scores: None,
            source: "bars.csv".to_owned(),
            bars,
        }
    }

    /// Three symbols over so many days.
    pub(crate) fn waves(bars: usize, strategies: &[&str]) -> Self {
        Self::new(panel(bars, &["AAA", "BBB", "CCC", "DDD"], wave), strategies)
    }

    pub(crate) fn page(&self) -> String {
        let scores = self.scores.as_ref().ok_or("this strategy has no score.");
        let entry = |(strategy, report)| Entry { strategy, report, scores };
        let entries: Vec<Entry<'_>> = self.strategies.iter().zip(&self.reports).map(entry).collect();
        page(&PageInput {
            version: "0.0.0-test",
            source: &self.source,
            panel: &self.panel,
            bars: self.bars.clone(),
            ledger: &self.ledger,
            returns: self.returns,
            benchmark: &self.benchmark,
            entries: &entries,
        })
        .expect("a page")
    }
}

/// What stands between two marks, the first time they come.
pub(crate) fn between<'p>(page: &'p str, before: &str, after: &str) -> &'p str {
    let start = page.find(before).unwrap_or_else(|| panic!("no `{before}`")) + before.len();
    let end = page[start..].find(after).unwrap_or_else(|| panic!("no `{after}` after `{before}`"));
    &page[start..start + end]
}

/// The numbers that the page's script reads.
pub(crate) fn data(page: &str) -> serde_json::Value {
    serde_json::from_str(between(page, "<script type=\"application/json\" id=\"data\">", "</script>")).expect("JSON")
}

/// A chart of those, by its id.
pub(crate) fn chart<'d>(data: &'d serde_json::Value, id: &str) -> Option<&'d serde_json::Value> {
    data["charts"].as_array().expect("charts").iter().find(|chart| chart["id"] == id)
}

/// Values of a line of a chart; NaN for null.
pub(crate) fn values(data: &serde_json::Value, id: &str, series: usize) -> Vec<f64> {
    let chart = chart(data, id).unwrap_or_else(|| panic!("no chart {id}"));
    let values = chart["series"][series]["values"].as_array().expect("values");
    values.iter().map(|value| value.as_f64().unwrap_or(f64::NAN)).collect()
}

/// The page without what stands in scripts and styles.
pub(crate) fn markup(page: &str) -> String {
    let mut text = String::new();
    let mut rest = page;
    while let Some(start) = ["<script", "<style"].iter().filter_map(|tag| rest.find(tag)).min() {
        text.push_str(&rest[..start]);
        let end = if rest[start..].starts_with("<script") { "</script>" } else { "</style>" };
        rest = &rest[start + rest[start..].find(end).expect("elements end") + end.len()..];
    }
    text + rest
}

/// Cells of the rows below a caption that begins with these words, headings first.
pub(crate) fn table(page: &str, caption: &str) -> Vec<Vec<String>> {
    let body = between(page, &format!("<caption><span>{caption}"), "</table>");
    let body = between(body, "<tbody>", "</tbody>");
    let cells = |row: &str| -> Vec<String> {
        row.split("</t").filter_map(|cell| Some(cell.split("<t").nth(1)?.split_once('>')?.1.to_owned())).collect()
    };
    body.split("<tr>").skip(1).map(|row| cells(row.split("</tr>").next().unwrap_or_default())).collect()
}
