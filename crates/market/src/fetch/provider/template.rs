//! Addresses of the user's own, with places for the symbol and the span, and files that stay as they came.

use std::fmt::Write;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use crate::error::{Error, excerpt};
use crate::fetch::address::address;
use crate::fetch::http::is_web_page;
use crate::fetch::span::{Interval, SECOND, Span};

/// What stands in braces.
const PLACES: [&str; 9] =
    ["symbol", "from", "to", "from:compact", "to:compact", "from:seconds", "to:seconds", "interval", "key"];

/// Whether a template can be filled.
pub(super) fn check(template: &str) -> Result<(), Error> {
    let refuse = |problem: String| Err(Error::unusable(format!("`{}`", excerpt(template)), problem));
    let names: Vec<&str> = pieces(template).filter_map(Result::ok).collect();
    if let Some(unknown) = names.iter().find(|name| !PLACES.contains(name)) {
        return refuse(format!("has an unknown {{{}}}; there are {{{}}}", excerpt(unknown), PLACES.join("}, {")));
    }
    if !names.contains(&"symbol") {
        return refuse("has no {symbol} in it; write it where the symbol goes: https://host/{symbol}.csv".to_owned());
    }
    let filled: String = pieces(template).map(|piece| piece.unwrap_or_else(|text| text)).collect();
    address(&filled).map(drop).or_else(refuse)
}

/// The address of one symbol, and whether it says from when to when.
pub(in crate::fetch) fn fill(
    template: &str,
    symbol: &str,
    span: Span,
    interval: Interval,
    key: Option<&str>,
) -> (String, bool) {
    let window = span.window();
    let (mut from, mut to) = (false, false);
    let mut url = String::new();
    for piece in pieces(template) {
        let name = match piece {
            Err(text) => {
                url.push_str(text);
                continue;
            }
            Ok(name) => name,
        };
        from |= name.starts_with("from");
        to |= name.starts_with("to");
        match name {
            "from" => url.push_str(&span.from()),
            "to" => url.push_str(&span.to()),
            "from:compact" => url.push_str(&span.from().replace('-', "")),
            "to:compact" => url.push_str(&span.to().replace('-', "")),
            "from:seconds" => url.push_str(&(window.start / SECOND).to_string()),
            "to:seconds" => url.push_str(&(window.end / SECOND - 1).to_string()),
            "interval" => url.push_str(&interval.to_string()),
            "key" => url.push_str(&url_encode(key.unwrap_or_default())),
            _ => url.push_str(&url_encode(symbol)),
        }
    }
    (url, from && to)
}

/// Whether a template has a place of this name.
pub(in crate::fetch) fn has(template: &str, name: &str) -> bool {
    pieces(template).any(|piece| piece == Ok(name))
}

/// Text as `Err`, what stands in braces as `Ok`.
fn pieces(template: &str) -> impl Iterator<Item = Result<&str, &str>> {
    let mut rest = template;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        if let Some(inner) = rest.strip_prefix('{')
            && let Some(end) = inner.find('}')
        {
            rest = &inner[end + 1..];
            return Some(Ok(&inner[..end]));
        }
        let end = rest[1..].find('{').map_or(rest.len(), |at| at + 1);
        let (text, behind) = rest.split_at(end);
        rest = behind;
        Some(Err(text))
    })
}

/// Everything but letters, digits and `- . _ ~` by its bytes.
pub(in crate::fetch) fn url_encode(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(byte as char);
        } else {
            write!(encoded, "%{byte:02X}").expect("a string takes all text");
        }
    }
    encoded
}

/// The extension that files of a template bear.
pub(in crate::fetch) fn extension(template: &str) -> &'static str {
    let path = template.split(['?', '#']).next().unwrap_or_default().to_ascii_lowercase();
    let known = ["csv.gz", "csv.zst", "csv", "tsv", "txt", "parquet", "pq", "ipc", "arrow", "feather"];
    known.into_iter().find(|extension| path.ends_with(&format!(".{extension}"))).unwrap_or("csv")
}

/// Why a file that came cannot be what its name says, as far as its first and last bytes tell.
pub(in crate::fetch) fn check_content(file: &mut File, extension: &str) -> Result<(), String> {
    let mut read = || -> std::io::Result<(Vec<u8>, Vec<u8>)> {
        file.rewind()?;
        let mut start = Vec::new();
        file.by_ref().take(4096).read_to_end(&mut start)?;
        let length = file.seek(SeekFrom::End(0))?;
        file.seek(SeekFrom::Start(length.saturating_sub(8)))?;
        let mut end = Vec::new();
        file.read_to_end(&mut end)?;
        Ok((start, end))
    };
    let (start, end) = read().map_err(|error| error.to_string())?;
    let starts = |magic: &[u8]| start.starts_with(magic);
    let says = match extension {
        "csv.gz" => starts(&[0x1f, 0x8b]),
        "csv.zst" => starts(&[0x28, 0xb5, 0x2f, 0xfd]),
        "parquet" | "pq" => starts(b"PAR1") && end.ends_with(b"PAR1") && end.len() == 8,
        "ipc" | "arrow" | "feather" => starts(b"ARROW1") && end.ends_with(b"ARROW1"),
        _ => {
            let text = start.trim_ascii_start();
            !is_web_page(&start) && !text.starts_with(b"{") && !text.starts_with(b"[") && has_rows(text)
        }
    };
    if says {
        return Ok(());
    }
    if is_web_page(&start) {
        return Err(format!("the answer is a web page, no .{extension} file; check the address"));
    }
    let shown = excerpt(String::from_utf8_lossy(&start).trim());
    Err(format!("the answer is no .{extension} file: `{shown}`"))
}

/// A header of at least two columns, and something below it.
fn has_rows(text: &[u8]) -> bool {
    let mut lines = text.split(|&byte| byte == b'\n' || byte == b'\r').filter(|line| !line.trim_ascii().is_empty());
    let header = lines.next().unwrap_or_default();
    header.iter().any(|byte| b",;\t|".contains(byte)) && lines.next().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_filled_and_encoded() {
        let span = Span::parse("2020-01-01", "2020-01-31").unwrap();
        let check = |template: &str, expected: (&str, bool)| {
            let (url, dated) = fill(template, "A/B^", span, Interval::DAILY, Some("k&y"));
            assert_eq!((url.as_str(), dated), expected);
        };
        check("https://h/{symbol}.csv", ("https://h/A%2FB%5E.csv", false));
        check("https://h/?s={symbol}&a={from}&b={to}", ("https://h/?s=A%2FB%5E&a=2020-01-01&b=2020-01-31", true));
        check("https://h/{from:seconds}-{to:seconds}", ("https://h/1577836800-1580515199", true));
        check("https://h/{to:compact}/{interval}?k={key}", ("https://h/20200131/1d?k=k%26y", false));
        check("https://h/{", ("https://h/{", false));
    }

    #[test]
    fn templates_are_checked() {
        let check = |template: &str, expected: &str| {
            let found = super::check(template).map_or_else(|error| error.to_string(), |()| "good".to_owned());
            assert!(found.contains(expected), "{template}: {found}");
        };
        check("https://h/{symbol}.csv?k={key}", "good");
        check("https://h/AAPL.csv", "has no {symbol}");
        check("", "has no {symbol}");
        check("https://h/{symbol}/{ticker}", "unknown {ticker}; there are {symbol}, {from}");
        check("ftp://h/{symbol}", "`ftp` is not supported");
        check("{symbol}.csv", "give a full http or https address");
    }

    #[test]
    fn extensions_are_those_of_the_path() {
        for (template, expected) in [
            ("https://h/{symbol}.csv.gz", "csv.gz"),
            ("https://h/{symbol}.parquet?x=a.csv", "parquet"),
            ("https://h/get?s={symbol}", "csv"),
        ] {
            assert_eq!(extension(template), expected);
        }
    }

    #[test]
    fn content_has_to_agree_with_the_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        for (extension, content, good) in [
            ("csv", &b"date,close\n2020-01-02,1\n"[..], true),
            ("csv", b"date;close\r\n2020-01-02;1", true),
            ("csv", b"date,close\n", false),
            ("csv", b"Not found\nat all\n", false),
            ("csv", b"{\"error\":\"a,b\"}\n\nx", false),
            ("csv", b"<!DOCTYPE html>\n<p>a,b\n", false),
            ("csv.gz", b"date,close\n2020-01-02,1\n", false),
            ("parquet", b"PAR1....PAR1", true),
            ("parquet", b"PAR1.......", false),
            ("parquet", b"PAR1", false),
        ] {
            std::fs::write(&path, content).unwrap();
            assert_eq!(
                check_content(&mut File::open(&path).unwrap(), extension).is_ok(),
                good,
                "{extension} {content:?}"
            );
        }
    }
}
