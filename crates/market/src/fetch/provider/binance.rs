//! Binance: `/api/v3/klines`, JSON with one array a bar, a thousand a page.

use std::borrow::Cow;
use std::fmt;

use reqwest::{StatusCode, Url};
use serde::de::{Error, IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::{Bar, Failure, Interval, Query, Source, Window, join, spelling};
use crate::error::excerpt;
use crate::fetch::bars::number;
use crate::fetch::http::is_web_page;
use crate::fetch::span::day_label;

/// The most that it gives at once.
const PAGE: i64 = 1000;
const MILLISECOND: i64 = 1000;
/// The year 2255, in microseconds.
const LATEST: i64 = 1 << 53;

pub(super) struct Binance;

#[derive(Deserialize)]
struct Refusal {
    code: i64,
    msg: String,
}

impl Source for Binance {
    fn base(&self) -> &'static str {
        "https://api.binance.com"
    }

    fn intervals(&self) -> &'static [(&'static str, &'static str)] {
        &[
            ("1s", "1s"),
            ("1m", "1m"),
            ("3m", "3m"),
            ("5m", "5m"),
            ("15m", "15m"),
            ("30m", "30m"),
            ("1h", "1h"),
            ("2h", "2h"),
            ("4h", "4h"),
            ("6h", "6h"),
            ("8h", "8h"),
            ("12h", "12h"),
            ("1d", "1d"),
            ("3d", "3d"),
            ("1w", "1w"),
            ("1mo", "1M"),
        ]
    }

    fn refuse_symbol(&self, symbol: &str) -> Option<String> {
        let plain = symbol.chars().all(char::is_alphanumeric);
        (!plain).then(|| format!("`{}` is no pair of binance, which has no signs between: BTCUSDT", excerpt(symbol)))
    }

    fn is_settled(&self) -> bool {
        true
    }

    fn url(&self, query: &Query<'_>, page: Window) -> Url {
        let mut url = join(query.base, &["api", "v3", "klines"]);
        url.query_pairs_mut()
            .append_pair("symbol", query.symbol)
            .append_pair("interval", spelling(self, query.interval).unwrap_or_default())
            .append_pair("startTime", &(page.start / MILLISECOND).to_string())
            .append_pair("endTime", &(page.end / MILLISECOND - 1).to_string())
            .append_pair("limit", &PAGE.to_string());
        url
    }

    fn read(&self, body: &[u8], _query: &Query<'_>, page: Window) -> Result<Vec<Bar>, Failure> {
        if is_web_page(body) {
            return Err(Failure::passing("a web page came instead of data"));
        }
        if let Some(failure) = refusal(body) {
            return Err(failure);
        }
        let rows: Vec<Row> = serde_json::from_slice(body)
            .map_err(|error| Failure::passing(format!("the answer cannot be read: {}", excerpt(&error.to_string()))))?;
        let bars: Vec<Bar> = rows.into_iter().map(|row| row.0).collect();
        // Taken for the end, such a page would lose all that follows.
        if let Some(last) = bars.iter().map(|bar| bar.time).max().filter(|&last| last < page.start) {
            return Err(Failure::passing(format!("bars up to {} came instead of later ones", day_label(last))));
        }
        Ok(bars)
    }

    fn explain(&self, status: StatusCode, body: &[u8]) -> Option<Failure> {
        match status.as_u16() {
            418 => Some(Failure::busy("binance has shut this address out for a while (418)")),
            429 => None,
            451 => {
                let problem =
                    "binance does not serve this country (451); try --base-url https://data-api.binance.vision";
                Some(Failure::Closed(problem.to_owned()))
            }
            _ => refusal(body),
        }
    }

    /// A page may be shorter than asked, and still not the last.
    fn next(&self, page: Window, last: Option<i64>, interval: Interval) -> Option<i64> {
        last.map(|time| interval.end(time)).filter(|&next| next < page.end)
    }
}

/// A bar as it comes: time in thousandths of a second, prices and volume as text, and more that is not looked at. Read
/// piece by piece, so that a large answer that holds something else takes no memory.
struct Row(Bar);

impl<'de> Deserialize<'de> for Row {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Cells)
    }
}

struct Cells;

impl<'de> Visitor<'de> for Cells {
    type Value = Row;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a bar: a time and five numbers as text")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut cells: A) -> Result<Row, A::Error> {
        let wrong = || Error::custom("a bar that is none");
        let time: i64 = cells.next_element()?.ok_or_else(wrong)?;
        let time = time.checked_mul(MILLISECOND).filter(|time| time.abs() < LATEST).ok_or_else(wrong)?;
        let mut values = [f64::NAN; 6];
        for value in [0, 1, 2, 3, 5] {
            let text: Cow<'de, str> = cells.next_element()?.ok_or_else(wrong)?;
            values[value] = number(&text).filter(|number| !number.is_nan()).ok_or_else(wrong)?;
        }
        while cells.next_element::<IgnoredAny>()?.is_some() {}
        // There is nothing that the price of a coin would be adjusted for.
        values[4] = values[3];
        Ok(Row(Bar { time, values }))
    }
}

fn refusal(body: &[u8]) -> Option<Failure> {
    let Refusal { code, msg } = serde_json::from_slice(body).ok()?;
    let problem = format!("binance says: {} ({code})", excerpt(&msg));
    // -1000 to -1099 are troubles of the server and limits, those from -1100 on are mistakes of whoever asks.
    Some(match code {
        ..=-1100 => Failure::Final(problem),
        -1003 => Failure::busy(problem),
        _ => Failure::passing(problem),
    })
}
