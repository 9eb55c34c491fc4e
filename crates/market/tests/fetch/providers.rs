//! What providers answer, in the shapes that were recorded of them, for a market that we make up.

use std::fmt::Write;

use super::server::{Answer, Asked};

const DAY: i64 = 86_400;

/// The answer of whichever provider is asked, behaving well.
pub(crate) fn behave(asked: &Asked) -> Answer {
    let path = asked.path();
    if path == "/api/v3/klines" {
        return Answer::full("200 OK", "Content-Type: application/json\r\n", klines(asked).as_bytes());
    }
    if let Some(symbol) = path.strip_prefix("/v8/finance/chart/") {
        let number = |name: &str| asked.parameter(name).parse().unwrap();
        let chart = chart(symbol, number("period1"), number("period2"), 1.0);
        return Answer::full("200 OK", "Content-Type: application/json\r\n", chart.as_bytes());
    }
    if path == "/q/d/l/" {
        let day = |name: &str| day_of(&asked.parameter(name));
        return Answer::ok(table(&asked.parameter("s"), day("d1"), day("d2")).as_bytes());
    }
    match path.strip_prefix("/files/").and_then(|name| name.strip_suffix(".csv")) {
        Some(symbol) => file(asked, symbol),
        None => Answer::full("404 Not Found", "", b"nothing here"),
    }
}

/// Days since 1970 of `20200131`.
fn day_of(text: &str) -> i64 {
    let number: i64 = text.parse().unwrap();
    let (year, month, day) = (number / 10_000, number / 100 % 100, number % 100);
    // Days of the civil calendar, counted in years that begin in March.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day - 1 - 719_468
}

/// The other way round: `2020-01-31`.
pub(crate) fn date_of(day: i64) -> String {
    let (mut year, mut rest) = (1970, day);
    loop {
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let days = if leap { 366 } else { 365 };
        if rest < days {
            let february = if leap { 29 } else { 28 };
            let mut month = 1;
            for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
                if rest < length {
                    break;
                }
                (rest, month) = (rest - length, month + 1);
            }
            return format!("{year}-{month:02}-{:02}", rest + 1);
        }
        (rest, year) = (rest - days, year + 1);
    }
}

/// Open, high, low, close, volume of a symbol in a bar that opens at so many seconds.
fn bar(symbol: &str, seconds: i64) -> [f64; 5] {
    let base = 10.0 + symbol.bytes().map(f64::from).sum::<f64>() / 10.0;
    let open = base + (seconds / 3600 % 97) as f64 / 8.0;
    [open, open + 2.5, open - 1.25, open + 0.5, (seconds / 3600 % 1013) as f64]
}

/// Days on which there is trade; the first is listed on 2019-11-04.
fn trades(day: i64) -> bool {
    day >= 18_204 && (day + 3) % 7 < 5
}

/// Coins trade every day, in bars of an hour, a day, or a week that begins on a Thursday.
fn klines(asked: &Asked) -> String {
    let number = |name: &str| asked.parameter(name).parse::<i64>().unwrap();
    let step = match asked.parameter("interval").as_str() {
        "1d" => DAY,
        "1w" => 7 * DAY,
        _ => 3600,
    };
    let (start, end) = (number("startTime") / 1000, number("endTime") / 1000);
    let first = (start.max(18_204 * DAY) + step - 1) / step * step;
    let rows = (0..number("limit")).map(|row| first + row * step).take_while(|&open| open <= end);
    let rows: Vec<String> = rows.map(|open| kline(&asked.parameter("symbol"), open, step)).collect();
    format!("[{}]", rows.join(","))
}

pub(crate) fn kline(symbol: &str, open: i64, step: i64) -> String {
    let [o, h, l, c, v] = bar(symbol, open);
    format!(
        "[{open}000,\"{o:.8}\",\"{h:.8}\",\"{l:.8}\",\"{c:.8}\",\"{v:.8}\",{},\"1.0\",308,\"1.0\",\"1.0\",\"0\"]",
        (open + step) * 1000 - 1
    )
}

/// A chart of a New York stock, which opens at 14:30 UTC; `adjusted` is the factor of dividends.
pub(crate) fn chart(symbol: &str, start: i64, end: i64, adjusted: f64) -> String {
    let opens = (start.div_euclid(DAY)..=end.div_euclid(DAY)).filter(|&day| trades(day)).map(|day| day * DAY + 52_200);
    let opens: Vec<i64> = opens.filter(|open| (start..end).contains(open)).collect();
    let meta = format!(
        "{{\"currency\":\"USD\",\"symbol\":\"{symbol}\",\"exchangeName\":\"NMS\",\"instrumentType\":\"EQUITY\",\
         \"gmtoffset\":-18000,\"timezone\":\"EST\",\"exchangeTimezoneName\":\"America/New_York\",\
         \"dataGranularity\":\"1d\",\"range\":\"\"}}"
    );
    if opens.is_empty() {
        return format!(
            "{{\"chart\":{{\"result\":[{{\"meta\":{meta},\"indicators\":{{\"quote\":[{{}}]}}}}],\"error\":null}}}}"
        );
    }
    let join = |value: &dyn Fn(i64) -> String| opens.iter().map(|&open| value(open)).collect::<Vec<_>>().join(",");
    let column = |index: usize| join(&|open| bar(symbol, open)[index].to_string());
    format!(
        "{{\"chart\":{{\"result\":[{{\"meta\":{meta},\"timestamp\":[{}],\"indicators\":{{\"quote\":[{{\"close\":[{}],\
         \"volume\":[{}],\"open\":[{}],\"low\":[{}],\"high\":[{}]}}],\"adjclose\":[{{\"adjclose\":[{}]}}]}}}}],\
         \"error\":null}}}}",
        join(&|open| open.to_string()),
        column(3),
        column(4),
        column(0),
        column(2),
        column(1),
        join(&|open| (bar(symbol, open)[3] * adjusted).to_string()),
    )
}

fn table(symbol: &str, first: i64, last: i64) -> String {
    let mut text = "Date,Open,High,Low,Close,Volume\r\n".to_owned();
    for day in (first..=last).filter(|&day| trades(day)) {
        let [o, h, l, c, v] = bar(symbol, day * DAY);
        write!(text, "{},{o},{h},{l},{c},{v}\r\n", date_of(day)).unwrap();
    }
    text
}

/// A file with a tag, in parts where they are asked for.
fn file(asked: &Asked, symbol: &str) -> Answer {
    let body = table(symbol, 18_204, 18_300).into_bytes();
    let tag = format!("\"{symbol}-1\"");
    let header = |name: &str| asked.headers.get(name).map(String::as_str);
    if header("if-none-match") == Some(&tag) {
        return Answer::full("304 Not Modified", &format!("ETag: {tag}\r\n"), b"");
    }
    let headers = format!("ETag: {tag}\r\nAccept-Ranges: bytes\r\n");
    let range = header("range").filter(|_| header("if-range") == Some(&tag));
    let from = range.and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse::<usize>().ok());
    match from {
        Some(from) => {
            let range = format!("Content-Range: bytes {from}-{}/{}\r\n", body.len() - 1, body.len());
            Answer::full("206 Partial Content", &(headers + &range), &body[from..])
        }
        None => Answer::full("200 OK", &headers, &body),
    }
}
