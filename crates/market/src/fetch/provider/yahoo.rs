//! Yahoo Finance: `/v8/finance/chart/SYMBOL`, JSON with one array a column.

use reqwest::{StatusCode, Url};
use serde::Deserialize;

use super::{Bar, Failure, Interval, Query, Source, Window, join, spelling};
use crate::error::excerpt;
use crate::fetch::http::is_web_page;
use crate::fetch::span::{DAY, SECOND};

pub(super) struct Yahoo;

#[derive(Deserialize)]
struct Answer {
    chart: Option<Chart>,
    /// Refusals come under this name, too.
    finance: Option<Chart>,
}

#[derive(Deserialize)]
struct Chart {
    result: Option<Vec<Series>>,
    error: Option<Refusal>,
}

#[derive(Deserialize)]
struct Refusal {
    #[serde(default)]
    code: String,
    #[serde(default)]
    description: String,
}

#[derive(Deserialize)]
struct Series {
    meta: Meta,
    #[serde(default)]
    timestamp: Vec<i64>,
    #[serde(default)]
    indicators: Indicators,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Meta {
    symbol: String,
    #[serde(default)]
    gmtoffset: i64,
    data_granularity: Option<String>,
}

#[derive(Deserialize, Default)]
struct Indicators {
    #[serde(default)]
    quote: Vec<Quote>,
    #[serde(default)]
    adjclose: Vec<Adjusted>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Quote {
    open: Vec<Option<f64>>,
    high: Vec<Option<f64>>,
    low: Vec<Option<f64>>,
    close: Vec<Option<f64>>,
    volume: Vec<Option<f64>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Adjusted {
    adjclose: Vec<Option<f64>>,
}

impl Source for Yahoo {
    fn base(&self) -> &'static str {
        "https://query2.finance.yahoo.com"
    }

    fn intervals(&self) -> &'static [(&'static str, &'static str)] {
        &[
            ("1m", "1m"),
            ("2m", "2m"),
            ("5m", "5m"),
            ("15m", "15m"),
            ("30m", "30m"),
            ("90m", "90m"),
            ("1h", "1h"),
            ("1d", "1d"),
            ("1w", "1wk"),
            ("1mo", "1mo"),
            ("3mo", "3mo"),
        ]
    }

    /// Bars of minutes are given out for so many days at once.
    fn page(&self, window: Window, interval: Interval) -> Window {
        let days = match interval.shortest() / SECOND {
            60 => 7,
            3600 => 700,
            seconds if seconds < 6 * 3600 => 59,
            _ => return window,
        };
        Window { end: window.end.min(window.start + days * DAY), ..window }
    }

    fn url(&self, query: &Query<'_>, page: Window) -> Url {
        // Bars of days are found by the instant at which they open, in the time of their exchange; what a margin brings
        // beyond the page is left out later. Bars of weeks are cut where the asked time starts, so ask for whole ones.
        let margin = if query.interval.is_intraday() { 0 } else { (query.interval.shortest() / DAY).max(1) + 2 };
        let mut url = join(query.base, &["v8", "finance", "chart", query.symbol]);
        url.query_pairs_mut()
            .append_pair("period1", &(page.start / SECOND - margin * 86_400).to_string())
            .append_pair("period2", &(page.end / SECOND + margin * 86_400).to_string())
            .append_pair("interval", spelling(self, query.interval).unwrap_or_default())
            .append_pair("includePrePost", "false")
            .append_pair("events", "div,splits");
        url
    }

    fn read(&self, body: &[u8], query: &Query<'_>, _page: Window) -> Result<Vec<Bar>, Failure> {
        let series = series(body)?;
        let meta = &series.meta;
        if !meta.symbol.eq_ignore_ascii_case(query.symbol) {
            let problem = format!("the answer is about `{}`, not `{}`", excerpt(&meta.symbol), query.symbol);
            return Err(Failure::passing(problem));
        }
        let asked = spelling(self, query.interval).unwrap_or_default();
        if let Some(granularity) = meta.data_granularity.as_deref().filter(|&granularity| granularity != asked) {
            let problem = format!("bars of {} came instead of {asked}; ask for a shorter span", excerpt(granularity));
            return Err(Failure::Final(problem));
        }
        let rows = series.timestamp.len();
        if rows == 0 {
            return Ok(Vec::new());
        }
        let Some(quote) = series.indicators.quote.first() else {
            return Err(Failure::passing("the answer has times but no prices"));
        };
        // There is none for bars of minutes.
        let adjusted = series.indicators.adjclose.first().map(|adjusted| &adjusted.adjclose);
        let missing = vec![None; rows];
        let columns = [
            &quote.open,
            &quote.high,
            &quote.low,
            &quote.close,
            adjusted.filter(|column| !column.is_empty()).unwrap_or(&missing),
            if quote.volume.is_empty() { &missing } else { &quote.volume },
        ];
        if let Some(column) = columns.iter().find(|column| column.len() != rows) {
            let problem = format!("the answer has {rows} times but {} values of a column", column.len());
            return Err(Failure::passing(problem));
        }
        let bar = |row: usize| {
            let seconds = series.timestamp[row];
            let time = if query.interval.is_intraday() {
                seconds.checked_mul(SECOND)
            } else {
                local_day(seconds, meta.gmtoffset)
            };
            let values = columns.map(|column| column[row].unwrap_or(f64::NAN));
            Some(Bar { time: time.filter(|time| time.abs() < 1 << 53)?, values })
        };
        let bars: Option<Vec<Bar>> = (0..rows).map(bar).collect();
        bars.ok_or_else(|| Failure::passing("the answer has a time that is none"))
    }

    fn explain(&self, status: StatusCode, body: &[u8]) -> Option<Failure> {
        let failure = series(body).err()?;
        match failure {
            Failure::Final(_) | Failure::Nothing => Some(failure),
            _ if status == StatusCode::UNAUTHORIZED || status == StatusCode::FORBIDDEN => Some(Failure::passing(
                format!("yahoo answered {status}; it may be shutting programs out: try later, or at a lower rate"),
            )),
            _ => None,
        }
    }
}

/// Midnight of the day on which a bar opens. The offset is that of today: half of the year it is an hour off, which
/// would move bars that open at midnight to the day before. No exchange opens within the last hour of a day.
fn local_day(seconds: i64, offset: i64) -> Option<i64> {
    let local = seconds.checked_add(offset)?.checked_add(3600)?;
    local.div_euclid(86_400).checked_mul(DAY)
}

fn series(body: &[u8]) -> Result<Series, Failure> {
    if is_web_page(body) {
        return Err(Failure::passing("a web page came instead of data"));
    }
    let answer: Answer = serde_json::from_slice(body)
        .map_err(|error| Failure::passing(format!("the answer cannot be read: {}", excerpt(&error.to_string()))))?;
    let Some(chart) = answer.chart.or(answer.finance) else {
        return Err(Failure::passing("the answer is no chart"));
    };
    if let Some(Refusal { code, description }) = chart.error {
        // A weekend, or days before the listing.
        if description.starts_with("Data doesn't exist for startDate") {
            return Err(Failure::Nothing);
        }
        let problem =
            format!("yahoo says: {}", excerpt_long(if description.is_empty() { &code } else { &description }));
        let last = ["Not Found", "Bad Request", "Unprocessable Entity"].contains(&code.as_str());
        return Err(if last { Failure::Final(problem) } else { Failure::passing(problem) });
    }
    let mut result = chart.result.unwrap_or_default();
    if result.len() != 1 {
        return Err(Failure::passing(format!("the answer holds {} charts", result.len())));
    }
    Ok(result.remove(0))
}

/// What a provider says stands on one line, though it may be longer than a cell.
fn excerpt_long(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fetch::span::day_label;

    #[test]
    fn a_bar_belongs_to_the_day_of_its_exchange() {
        let check = |seconds: i64, offset: i64, expected: &str| {
            assert_eq!(day_label(local_day(seconds, offset).unwrap()), expected, "{seconds} {offset}");
        };
        // New York opens at 14:30 UTC in winter and 13:30 in summer; the offset is winter's.
        check(1_577_975_400, -18_000, "2020-01-02");
        check(1_593_610_200, -18_000, "2020-07-01");
        // London's currencies open at midnight, which is 23:00 UTC of the day before in summer; the offset is winter's.
        check(1_593_558_000, 0, "2020-07-01");
        check(1_577_923_200, 3600, "2020-01-02");
        // Sydney opens at 23:00 UTC of the day before in summer.
        check(1_577_919_600, 39_600, "2020-01-02");
        assert_eq!(local_day(i64::MAX, 1), None);
    }
}
