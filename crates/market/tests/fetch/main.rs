//! Downloads from a server of our own that misbehaves on purpose.

mod law;
mod many;
mod misbehaviour;
mod providers;
mod server;
mod single;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use market::fetch::{BarOptions, BarReport, BarRequest, FetchOptions, Interval, Provider, Span, fetch_bars};

/// Options that lose no time, and go to the server on this machine.
fn options(base: &str) -> BarOptions {
    let fetch = FetchOptions {
        attempts: 3,
        first_wait: Duration::from_millis(2),
        longest_wait: Duration::from_millis(20),
        timeout: Duration::from_secs(2),
        deadline: Duration::from_secs(20),
        max_bytes: 400_000,
        system_proxy: false,
        user_agent: None,
    };
    BarOptions { fetch, parallel: 3, rate: Some(1000.0), base_url: Some(base.to_owned()), key: None }
}

/// Daily bars from one day to another; both included.
fn request(provider: Provider, symbols: &[&str], from: &str, to: &str, out: &Path) -> BarRequest {
    BarRequest {
        provider,
        symbols: symbols.iter().map(|&symbol| symbol.to_owned()).collect(),
        span: Span::parse(from, to).unwrap(),
        interval: Interval::DAILY,
        out: out.to_owned(),
        refresh: false,
    }
}

/// Fetches, and checks that no half file lies about.
fn run(request: &BarRequest, options: &BarOptions) -> BarReport {
    let report = fetch_bars(request, options, &|progress| assert!(progress.done <= progress.symbols)).unwrap();
    if request.out.join(".fetch/new").is_dir() {
        assert_eq!(std::fs::read_dir(request.out.join(".fetch/new")).unwrap().count(), 0);
    }
    report
}

/// Files that a person sees, by name.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let Ok(entries) = std::fs::read_dir(folder) else { return BTreeMap::new() };
    let entries = entries.map(|entry| entry.unwrap()).filter(|entry| entry.file_name() != ".fetch");
    entries.map(|entry| (entry.file_name().into_string().unwrap(), std::fs::read(entry.path()).unwrap())).collect()
}
