//! Downloads: one file, or the bars of many symbols from a provider into a folder.
//!
//! [`fetch`] gets one file, whole or not at all. [`fetch_bars`] asks a [`Provider`] for a [`Span`] of bars of many
//! symbols, in parallel, and leaves one CSV file a symbol. It is polite (a rate a server, `Retry-After` for all workers at
//! once), it tries again what may pass and lists what did not, and it may be killed at any moment: what stands under a
//! file's name is whole, and asking again gets what is missing.
//!
//! # Files
//! `AAPL.csv` in the folder has the header `date,open,high,low,close,adj_close,volume`, times that rise, and an empty
//! cell where a value is missing. Bars of days bear dates; shorter ones bear times in UTC, `2020-01-02T14:30:00Z`.
//! [`Provider::Url`] keeps what came as it is. [`file_stem`] says how a symbol becomes a name.
//!
//! The hidden folder `.fetch` beside them holds, for each symbol, what was asked, where it came from and a hash of the
//! file; pages of a long history that were fetched before an interruption; and the lock that keeps a second download out.
//!
//! # Prices that change afterwards
//! Providers that adjust prices for splits and dividends rewrite the past with every one of them. A span is therefore
//! extended only when the bar at the seam comes again with the same values; otherwise all of it is fetched anew.

mod address;
mod bars;
mod folder;
mod hosts;
mod http;
mod many;
mod names;
mod provider;
mod single;
mod span;
mod symbol;

use std::time::Duration;

pub use self::bars::Mended;
pub use self::many::{BarOptions, BarReport, BarRequest, FetchProgress, Outcome, fetch_bars};
pub use self::names::{file_stem, read_symbols, symbol_of_stem};
pub use self::provider::Provider;
pub use self::single::fetch;
pub use self::span::{Interval, Span};
pub use self::symbol::{Fetched, How};

/// How patient a download is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchOptions {
    /// Tries in all, at least 1.
    pub attempts: u32,
    /// Wait before the second try; doubles from try to try, less a random part of up to a half.
    pub first_wait: Duration,
    /// Longest wait between tries. Where the server's `Retry-After` asks for more, [`fetch`] waits this long, and
    /// [`fetch_bars`] asks that server nothing more.
    pub longest_wait: Duration,
    /// Longest silence while connecting, waiting for the answer, or between two pieces of the body.
    pub timeout: Duration,
    /// Longest time for one try as a whole.
    pub deadline: Duration,
    /// Largest answer that is accepted.
    pub max_bytes: u64,
    /// Use the proxy that the system or the environment names.
    pub system_proxy: bool,
    /// How the program names itself; `evoquant` and its version by default.
    pub user_agent: Option<String>,
}

impl Default for FetchOptions {
    fn default() -> Self {
        Self {
            attempts: 5,
            first_wait: Duration::from_secs(1),
            longest_wait: Duration::from_mins(1),
            timeout: Duration::from_secs(30),
            deadline: Duration::from_hours(1),
            max_bytes: 4 << 30,
            system_proxy: true,
            user_agent: None,
        }
    }
}

/// What the download of one file took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchReport {
    /// Size of the file.
    pub bytes: u64,
    /// Tries it took.
    pub attempts: u32,
    /// The address that answered, behind all redirections.
    pub url: String,
}
