//! `evoquant data fetch`: bars from the web.

use std::fmt::Write;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use ::market::FetchOptions;
use ::market::fetch::{
    BarOptions, BarReport, BarRequest, FetchProgress, How, Interval, Mended, Provider, Span, fetch, fetch_bars,
    read_symbols,
};
use anyhow::{Context, Result, bail};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use crate::cli::{print, remark};

#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(in crate::cli) struct FetchArguments {
    /// A provider (yahoo, stooq, binance, or url and a template), or the http or https address of one file.
    #[arg(value_name = "PROVIDER")]
    source: String,
    /// Symbols, as the provider spells them; behind `url`, the template comes first.
    #[arg(value_name = "SYMBOL")]
    symbols: Vec<String>,
    /// More symbols, one a line; what stands behind # is a comment.
    #[arg(long = "symbols", value_name = "FILE")]
    list: Option<PathBuf>,
    /// The first day: 2016, 2016-03 or 2016-03-04 [default: the provider's first].
    #[arg(long, value_name = "DATE")]
    from: Option<String>,
    /// The last day, included [default: yesterday in UTC, the last day that is over everywhere].
    #[arg(long, value_name = "DATE")]
    to: Option<String>,
    /// Length of a bar: 1m, 15m, 1h, 1d, 1w, 1mo; which of them there are depends on the provider.
    #[arg(long, default_value = "1d")]
    interval: String,
    /// The folder that gets one file a symbol; of a single address, the file.
    #[arg(long, value_name = "PATH")]
    out: PathBuf,
    /// Symbols at a time.
    #[arg(long, value_name = "N", default_value_t = 4)]
    parallel: usize,
    /// Requests a second to one server [default: 2; stooq 1, binance 5].
    #[arg(long)]
    rate: Option<f64>,
    /// Tries for each request, before and once more after all other symbols.
    #[arg(long, value_name = "N", default_value_t = 5)]
    attempts: u32,
    /// Longest silence of a server, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    timeout: u64,
    /// A mirror of the provider, or what stands in for it.
    #[arg(long, value_name = "URL")]
    base_url: Option<String>,
    /// The environment variable that holds your key, for stooq and for {key} in a template.
    #[arg(long, value_name = "VARIABLE")]
    key_from: Option<String>,
    /// How the program names itself to servers [default: evoquant and its version].
    #[arg(long, value_name = "TEXT")]
    user_agent: Option<String>,
    /// Fetch all of it anew, also what is there.
    #[arg(long)]
    refresh: bool,
}

const AFTER: &str = "\
Examples:
  evoquant data fetch yahoo AAPL MSFT ^GSPC --from 2015 --out bars
  evoquant data fetch yahoo --symbols sp500.txt --from 2015 --to 2024 --out bars
  evoquant data fetch binance BTCUSDT ETHUSDT --from 2024-01 --interval 1h --out hours
  STOOQ=... evoquant data fetch stooq aapl.us spy.us --key-from STOOQ --out bars
  evoquant data fetch url 'https://host/{symbol}.csv?from={from}&to={to}' AAPL KO --out bars
  evoquant data fetch https://host/bars.parquet --out bars.parquet

You must hold the right to the data: providers say in their terms who may fetch what, and for which use.

Files. PATH gets AAPL.csv with date,open,high,low,close,adj_close,volume; bars shorter than a day bear times in UTC.
  A sign that a file name cannot bear is spelt as in addresses: BTC/USDT is BTC%2FUSDT.csv. The hidden folder
  .fetch beside the files remembers what was asked for. Bars that are not over on the last day are left out.
Again. The same command, at any time, also after a kill: files that cover the span are kept and nobody is asked, a
  span that grew fetches what is missing, and what failed is tried again. yahoo and stooq change past prices with each
  split or dividend: where the bar at the seam differs, all of that symbol is fetched anew.
Template. {symbol} {from} {to} (2020-01-31) {from:compact} {to:compact} (20200131) {from:seconds} {to:seconds}
  {interval} {key}. Files stay as they come; one without {from} and {to} is asked for again if it changed.
Limits. yahoo has bars of less than an hour for 60 days, of a minute for 30, and may refuse programs (429): a lower
  --rate, or patience, helps. stooq asks for a key. A server that asks for more than 10 minutes is left alone.

Exit codes: 0 all there, 1 some symbols failed (they are listed, with the command that tries only those), 2 wrong
use, no connection, or a disk that cannot be written.";

pub(super) fn run(arguments: &FetchArguments) -> Result<ExitCode> {
    if arguments.timeout == 0 {
        bail!("--timeout must be at least 1");
    }
    if arguments.attempts == 0 {
        bail!("--attempts must be at least 1");
    }
    if arguments.source.contains("://") { one_file(arguments) } else { bars(arguments) }
}

/// What the user says of patience, and the usual for the rest.
fn patience(arguments: &FetchArguments, usual: &FetchOptions) -> FetchOptions {
    FetchOptions {
        attempts: arguments.attempts,
        timeout: Duration::from_secs(arguments.timeout),
        user_agent: arguments.user_agent.clone(),
        ..usual.clone()
    }
}

fn one_file(arguments: &FetchArguments) -> Result<ExitCode> {
    let FetchArguments { source, out, .. } = arguments;
    if source.contains("{symbol}") {
        bail!(
            "an address with {{symbol}} in it goes behind the word url: data fetch url '{source}' SYMBOL --out FOLDER"
        );
    }
    let misplaced = [
        ("a symbol", !arguments.symbols.is_empty()),
        ("--symbols", arguments.list.is_some()),
        ("--from", arguments.from.is_some()),
        ("--to", arguments.to.is_some()),
        ("--rate", arguments.rate.is_some()),
        ("--base-url", arguments.base_url.is_some()),
        ("--key-from", arguments.key_from.is_some()),
        ("--refresh", arguments.refresh),
    ];
    if let Some((what, _)) = misplaced.iter().find(|(_, given)| *given) {
        bail!("{what} goes with a provider, not with the address of one file");
    }
    let bar = if std::io::stderr().is_terminal() { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
    let report = fetch(source, out, &patience(arguments, &FetchOptions::default()), &mut |bytes, total| {
        if let Some(total) = total {
            bar.set_length(total);
        }
        bar.set_position(bytes);
    })?;
    bar.finish_and_clear();
    print(&format!("{}: {} bytes in {} attempts\n", out.display(), report.bytes, report.attempts))?;
    Ok(ExitCode::SUCCESS)
}

fn bars(arguments: &FetchArguments) -> Result<ExitCode> {
    let request = request(arguments)?;
    let usual = BarOptions::default();
    let key = arguments.key_from.as_ref().map(|name| {
        std::env::var(name).with_context(|| format!("--key-from {name}: there is no such environment variable"))
    });
    let options = BarOptions {
        fetch: patience(arguments, &usual.fetch),
        parallel: arguments.parallel,
        rate: arguments.rate,
        base_url: arguments.base_url.clone(),
        key: key.transpose()?,
    };
    let bar = if std::io::stderr().is_terminal() { ProgressBar::new(0) } else { ProgressBar::hidden() };
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} symbols, {msg} {elapsed}");
    bar.set_style(style.expect("the template is one"));
    let report = fetch_bars(&request, &options, &|progress: FetchProgress| {
        bar.set_length(progress.symbols as u64);
        bar.set_position(progress.done as u64);
        bar.set_message(format!("{} failed, {}", progress.failed, size(progress.bytes)));
    })?;
    bar.finish_and_clear();
    if report.unreachable
        && let Some((_, problem)) = report.failed().next()
    {
        bail!("{}: {problem}", request.provider);
    }
    print(&account(arguments, &request, &report))?;
    Ok(if report.failed().next().is_some() { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

fn request(arguments: &FetchArguments) -> Result<BarRequest> {
    let (template, symbols) = match arguments.symbols.split_first() {
        Some((template, symbols)) if arguments.source == "url" => (Some(template.as_str()), symbols),
        _ => (None, arguments.symbols.as_slice()),
    };
    let provider = Provider::parse(&arguments.source, template)?;
    let mut symbols = symbols.to_vec();
    if let Some(list) = &arguments.list {
        symbols.extend(read_symbols(list)?);
    }
    let last = Span::last_whole_day();
    let from = arguments.from.as_deref().unwrap_or(provider.first_day());
    let mut span = Span::parse(from, arguments.to.as_deref().unwrap_or(&last))?;
    if span.to() > last {
        span = Span::parse(from, &last)?;
        remark(&format!("note: bars are fetched up to {last}, the last day that is over everywhere"));
    }
    let interval: Interval = arguments.interval.parse()?;
    Ok(BarRequest { provider, symbols, span, interval, out: arguments.out.clone(), refresh: arguments.refresh })
}

/// What came of it, for a person.
fn account(arguments: &FetchArguments, request: &BarRequest, report: &BarReport) -> String {
    let there = || report.outcomes.iter().filter_map(|outcome| outcome.result.as_ref().ok());
    let mut text = format!("{}: {} symbols", request.out.display(), report.outcomes.len());
    for (how, word) in
        [(How::New, "new"), (How::Extended, "extended"), (How::Unchanged, "unchanged"), (How::Kept, "kept")]
    {
        if report.count(how) > 0 {
            let _ = write!(text, ", {} {word}", report.count(how));
        }
    }
    let failed: Vec<(&str, &str)> = report.failed().collect();
    if !failed.is_empty() {
        let _ = write!(text, ", {} failed", failed.len());
    }
    let bytes: u64 = there().map(|fetched| fetched.bytes).sum();
    let requests: u32 = there().map(|fetched| fetched.requests).sum();
    let rows: usize = there().filter_map(|fetched| fetched.rows).sum();
    let bars = if rows > 0 { format!("{rows} bars, ") } else { String::new() };
    let _ = writeln!(text, "; {bars}{}, {requests} answers", size(bytes));
    for (count, what) in mended(there().map(|fetched| fetched.mended)) {
        let _ = writeln!(text, "  {count} {what}");
    }
    if failed.is_empty() {
        return text;
    }
    let width = failed.iter().map(|(symbol, _)| symbol.chars().count()).max().unwrap_or_default();
    let _ = writeln!(text, "failed:");
    for (symbol, problem) in &failed {
        let _ = writeln!(text, "  {symbol:<width$}  {problem}");
    }
    let _ = writeln!(text, "try only these again:\n  {}", again(arguments, request, report, &failed));
    text
}

/// What answers were cleared of, where they were.
fn mended(all: impl Iterator<Item = Mended>) -> Vec<(usize, &'static str)> {
    let mut counts = [
        (0, "bars came twice"),
        (0, "bars came again with other values, of which the later were kept"),
        (0, "bars came out of order"),
        (0, "bars without a close were left out"),
    ];
    for Mended { unordered, repeated, replaced, empty } in all {
        for (count, more) in counts.iter_mut().zip([repeated, replaced, unordered, empty]) {
            count.0 += more;
        }
    }
    counts.into_iter().filter(|(count, _)| *count > 0).collect()
}

/// The command that asks for the same of these symbols.
fn again(arguments: &FetchArguments, request: &BarRequest, report: &BarReport, failed: &[(&str, &str)]) -> String {
    const MOST_ON_A_LINE: usize = 10;
    let mut words = vec!["evoquant".to_owned(), "data".to_owned(), "fetch".to_owned(), arguments.source.clone()];
    if let Provider::Url(template) = &request.provider {
        words.push(template.clone());
    }
    match &report.failed_list {
        Some(list) if failed.len() > MOST_ON_A_LINE => {
            words.extend(["--symbols".to_owned(), list.display().to_string()]);
        }
        _ => words.extend(failed.iter().map(|(symbol, _)| (*symbol).to_owned())),
    }
    let out = Path::display(&request.out).to_string();
    let flags = [
        ("--from", Some(request.span.from())),
        ("--to", Some(request.span.to())),
        ("--interval", Some(request.interval.to_string())),
        ("--rate", arguments.rate.map(|rate| rate.to_string())),
        ("--base-url", arguments.base_url.clone()),
        ("--key-from", arguments.key_from.clone()),
        ("--user-agent", arguments.user_agent.clone()),
        ("--out", Some(out)),
    ];
    for (flag, value) in flags {
        if let Some(value) = value {
            words.extend([flag.to_owned(), value]);
        }
    }
    words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=+@%^,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

fn size(bytes: u64) -> String {
    match bytes {
        0..10_000 => format!("{bytes} bytes"),
        10_000..10_000_000 => format!("{} kB", bytes / 1000),
        _ => format!("{} MB", bytes / 1_000_000),
    }
}
