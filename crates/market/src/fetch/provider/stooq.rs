//! Stooq: `/q/d/l/?s=SYMBOL&i=d`, CSV, or one line of text that says why not.

use reqwest::Url;

use super::{Bar, Failure, Query, Source, Window, join};
use crate::error::excerpt;
use crate::fetch::bars::number;
use crate::fetch::http::is_web_page;
use crate::fetch::span::read_label;

pub(super) struct Stooq;

impl Source for Stooq {
    fn base(&self) -> &'static str {
        "https://stooq.com"
    }

    fn intervals(&self) -> &'static [(&'static str, &'static str)] {
        &[("1d", "d")]
    }

    fn takes_key(&self) -> bool {
        true
    }

    fn url(&self, query: &Query<'_>, page: Window) -> Url {
        let mut url = join(query.base, &["q", "d", "l", ""]);
        let (from, to) = page.days();
        url.query_pairs_mut()
            .append_pair("s", query.symbol)
            .append_pair("d1", &from.replace('-', ""))
            .append_pair("d2", &to.replace('-', ""))
            .append_pair("i", "d");
        if let Some(key) = query.key {
            url.query_pairs_mut().append_pair("apikey", key);
        }
        url
    }

    fn read(&self, body: &[u8], _query: &Query<'_>, _page: Window) -> Result<Vec<Bar>, Failure> {
        if is_web_page(body) {
            let problem = "a web page came instead of data; stooq may ask for a key (see --key-from)";
            return Err(Failure::passing(problem));
        }
        let Ok(text) = std::str::from_utf8(body) else {
            return Err(Failure::passing("the answer is no text"));
        };
        let text = text.trim_start_matches('\u{feff}');
        let lower = text.trim().to_ascii_lowercase();
        if lower == "no data" || lower == "brak danych" {
            return Err(Failure::Final("stooq has no data of it; check the symbol, such as aapl.us".to_owned()));
        }
        if lower.starts_with("exceeded the daily hits limit") || lower.starts_with("przekroczony dzienny limit") {
            return Err(Failure::Closed("stooq's limit of requests a day is reached; run again tomorrow".to_owned()));
        }
        if !lower.starts_with("date,") && lower.contains("apikey") {
            let problem =
                "stooq asks for a key: get one on its page, put it into a variable and name that by --key-from";
            return Err(Failure::Closed(problem.to_owned()));
        }
        read_table(text).map_err(Failure::passing)
    }
}

/// Reads `Date,Open,High,Low,Close,Volume`; indices and currencies have no volume.
fn read_table(text: &str) -> Result<Vec<Bar>, String> {
    let mut lines = text.lines();
    let header = lines.next().unwrap_or_default().trim().to_ascii_lowercase();
    let has_volume = match header.as_str() {
        "date,open,high,low,close,volume" => true,
        "date,open,high,low,close" => false,
        _ => return Err(format!("`{}` came instead of a table", excerpt(text.trim()))),
    };
    // Nothing else tells a table that ends from one that was cut off between two digits.
    if !text.ends_with('\n') {
        return Err("the answer ends in the middle of a row".to_owned());
    }
    let read = |line: &str| {
        let cells: Vec<&str> = line.split(',').map(str::trim).collect();
        let [date, prices @ ..] = cells.as_slice() else { return None };
        if prices.len() != 4 + usize::from(has_volume) {
            return None;
        }
        let mut values = [f64::NAN; 6];
        for (value, cell) in values.iter_mut().zip(prices) {
            *value = number(cell)?;
        }
        // Prices are adjusted as they come.
        let close = values[3];
        values[5] = if has_volume { values[4] } else { f64::NAN };
        values[4] = close;
        Some(Bar { time: read_label(date).filter(|_| date.len() == 10)?, values })
    };
    lines
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(row, line)| read(line).ok_or_else(|| format!("row {} of the answer is `{}`", row + 2, excerpt(line))))
        .collect()
}
