//! Where bars come from: addresses and answers of the providers that are known.

mod binance;
mod stooq;
mod template;
mod yahoo;

use std::fmt;

use reqwest::{StatusCode, Url};

pub(super) use self::template::{check_content, extension, fill, has, url_encode};
use super::bars::Bar;
use super::http::Failure;
use super::span::{Interval, Window};
use crate::error::{Error, excerpt};

/// Where bars come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Provider {
    /// Yahoo Finance, the chart interface: `AAPL`, `^GSPC`, `EURUSD=X`, `BTC-USD`; prices adjusted for splits, and
    /// `adj_close` for dividends too. Bars of less than an hour reach back 60 days, of a minute 30.
    Yahoo,
    /// Stooq, daily bars adjusted for splits and dividends: `aapl.us`, `^spx`, `eurusd`. It asks for a key.
    Stooq,
    /// Binance, spot pairs: `BTCUSDT`.
    Binance,
    /// Any address with `{symbol}` in it; also `{from}` and `{to}` (2020-01-31), `{from:compact}` and `{to:compact}`
    /// (20200131), `{from:seconds}` and `{to:seconds}` (since 1970, the end of the last day), `{interval}` and `{key}`.
    Url(String),
}

impl Provider {
    /// Names of all, as a person writes them.
    pub const NAMES: [&'static str; 4] = ["yahoo", "stooq", "binance", "url"];

    /// The provider of a name; `template` is the address for `url`.
    ///
    /// # Errors
    /// When the name is unknown, with the nearest one; or the template is none.
    pub fn parse(name: &str, template: Option<&str>) -> Result<Self, Error> {
        match name {
            "yahoo" => Ok(Provider::Yahoo),
            "stooq" => Ok(Provider::Stooq),
            "binance" => Ok(Provider::Binance),
            "url" => {
                let template = template.unwrap_or_default();
                template::check(template)?;
                Ok(Provider::Url(template.to_owned()))
            }
            _ => {
                let near = Self::NAMES.into_iter().min_by_key(|known| distance(&name.to_lowercase(), known));
                let near = near.filter(|known| distance(&name.to_lowercase(), known) <= 2);
                let hint = near.map_or_else(
                    || format!("there are {}", Self::NAMES.join(", ")),
                    |near| format!("did you mean `{near}`?"),
                );
                Err(Error::unusable(format!("`{}`", excerpt(name)), format!("is no provider; {hint}")))
            }
        }
    }

    /// Its name, as a person writes it.
    pub fn name(&self) -> &'static str {
        match self {
            Provider::Yahoo => "yahoo",
            Provider::Stooq => "stooq",
            Provider::Binance => "binance",
            Provider::Url(_) => "url",
        }
    }

    /// Requests a second that it takes without complaint.
    pub fn default_rate(&self) -> f64 {
        match self {
            // 5 requests of weight 2 leave half of the 1,200 a minute that were the limit for years.
            Provider::Binance => 5.0,
            Provider::Stooq => 1.0,
            Provider::Yahoo | Provider::Url(_) => 2.0,
        }
    }

    /// The day from which it may have bars.
    pub fn first_day(&self) -> &'static str {
        match self {
            Provider::Binance => "2017-07-01",
            _ => "1970-01-01",
        }
    }

    pub(super) fn source(&self) -> Option<&'static dyn Source> {
        match self {
            Provider::Yahoo => Some(&yahoo::Yahoo),
            Provider::Stooq => Some(&stooq::Stooq),
            Provider::Binance => Some(&binance::Binance),
            Provider::Url(_) => None,
        }
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What is asked of a provider.
#[derive(Debug, Clone, Copy)]
pub(super) struct Query<'a> {
    /// Address of the provider, or of what stands in for it.
    pub(super) base: &'a Url,
    pub(super) symbol: &'a str,
    pub(super) interval: Interval,
    /// Password of the user with the provider.
    pub(super) key: Option<&'a str>,
}

/// A provider of bars that are read and written anew.
pub(super) trait Source: Sync {
    /// Its usual address.
    fn base(&self) -> &'static str;

    /// Its intervals, as we and as it spell them.
    fn intervals(&self) -> &'static [(&'static str, &'static str)];

    /// Why a symbol cannot be one of its own.
    fn refuse_symbol(&self, _symbol: &str) -> Option<String> {
        None
    }

    /// Whether it asks for a key.
    fn takes_key(&self) -> bool {
        false
    }

    /// Whether a bar that is over keeps its values for ever, so that pages of different days fit together.
    fn is_settled(&self) -> bool {
        false
    }

    /// The part of the window that one request may ask for.
    fn page(&self, window: Window, _interval: Interval) -> Window {
        window
    }

    /// The address of one page.
    fn url(&self, query: &Query<'_>, page: Window) -> Url;

    /// Bars of an answer; those outside of the page are left out by the caller.
    fn read(&self, body: &[u8], query: &Query<'_>, page: Window) -> Result<Vec<Bar>, Failure>;

    /// Why it refuses, where it says more than the status does.
    fn explain(&self, _status: StatusCode, _body: &[u8]) -> Option<Failure> {
        None
    }

    /// Where the next page starts, given the last time of this one; `None` when there is nothing more.
    fn next(&self, page: Window, _last: Option<i64>, _interval: Interval) -> Option<i64> {
        Some(page.end)
    }
}

/// Checks that a provider has bars of this length, and its spelling of it.
pub(super) fn spelling(source: &dyn Source, interval: Interval) -> Option<&'static str> {
    let ours = interval.to_string();
    source.intervals().iter().find(|(name, _)| *name == ours).map(|(_, theirs)| *theirs)
}

/// The base with a path behind it, and nothing else.
fn join(base: &Url, segments: &[&str]) -> Url {
    let mut url = base.clone();
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(segments);
    }
    url
}

/// Letters to insert, leave out or exchange to make one word the other.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate().take(32) {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let exchanged = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = exchanged.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_in_a_name_finds_its_provider() {
        let check = |name: &str, expected: &str| {
            let found = Provider::parse(name, None).map_or_else(|error| error.to_string(), |found| found.to_string());
            assert!(found.contains(expected), "{name}: {found}");
        };
        for name in &Provider::NAMES[..3] {
            check(name, name);
        }
        check("yaho", "did you mean `yahoo`?");
        check("Binance", "did you mean `binance`?");
        check("bloomberg", "there are yahoo, stooq, binance, url");
        check("", "is no provider");
        check("url", "{symbol}");
    }

    #[test]
    fn a_base_may_have_a_path_of_its_own() {
        let check = |base: &str, expected: &str| {
            let url = join(&Url::parse(base).unwrap(), &["v8", "a/b^c"]);
            assert_eq!(url.as_str(), expected);
        };
        check("https://query1.example", "https://query1.example/v8/a%2Fb^c");
        check("http://127.0.0.1:9/mirror/", "http://127.0.0.1:9/mirror/v8/a%2Fb^c");
    }
}
