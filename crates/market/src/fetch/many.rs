//! Many symbols at once: a queue, workers, a second round for what failed, and an account of all.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::FetchOptions;
use super::address::address;
use super::folder::{Contents, Folder};
use super::hosts::{Hosts, Patience};
use super::http::{Failure, Http};
use super::names::distinct;
use super::provider::{Provider, extension, has, spelling};
use super::span::{Interval, SECOND, Span};
use super::symbol::{Fetched, How, Job};
use crate::error::Error;

/// Bars of one symbol that are held in memory while its file is made: nineteen years of minutes, half a gigabyte.
const MOST_BARS: i64 = 10_000_000;
/// A server sees them all; more would only wait for their turn.
const MOST_PARALLEL: usize = 64;
/// Connections in a row that may fail, as a multiple of the tries that each request has, before a server counts as gone.
const SILENT_REQUESTS: u32 = 3;

/// Which bars are wanted, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BarRequest {
    /// Who has them.
    pub provider: Provider,
    /// As the provider spells them; each is asked for once.
    pub symbols: Vec<String>,
    /// From when to when.
    pub span: Span,
    /// How long a bar is.
    pub interval: Interval,
    /// The folder that gets one file a symbol; made where there is none.
    pub out: PathBuf,
    /// Fetch all of it anew, also what is there.
    pub refresh: bool,
}

/// How bars are fetched.
#[derive(Debug, Clone, PartialEq)]
pub struct BarOptions {
    /// Patience with one request.
    pub fetch: FetchOptions,
    /// Symbols at a time, 1 to 64.
    pub parallel: usize,
    /// Requests a second to one server; above 0. By default [`Provider::default_rate`].
    pub rate: Option<f64>,
    /// Address of a mirror or a stand-in of the provider.
    pub base_url: Option<String>,
    /// The user's key, for providers and templates that ask for one. It stands in no file and no message.
    pub key: Option<String>,
}

impl Default for BarOptions {
    /// Ten minutes is the longest wait that a server may ask for and the longest that one answer may take, and 256 MiB
    /// the largest answer.
    fn default() -> Self {
        let fetch = FetchOptions {
            longest_wait: Duration::from_mins(10),
            deadline: Duration::from_mins(10),
            max_bytes: 256 << 20,
            ..FetchOptions::default()
        };
        Self { fetch, parallel: 4, rate: None, base_url: None, key: None }
    }
}

/// How far a download of many symbols is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FetchProgress {
    /// Symbols in all.
    pub symbols: usize,
    /// Symbols whose file is as asked.
    pub done: usize,
    /// Symbols that failed; those of the first round are tried again after all others.
    pub failed: usize,
    /// Bytes that came, those of answers that broke off too.
    pub bytes: u64,
}

/// What became of one symbol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The symbol.
    pub symbol: String,
    /// Where its bars are, if they are.
    pub file: PathBuf,
    /// How it came about, or on one line why not.
    pub result: Result<Fetched, String>,
}

/// What became of all symbols.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BarReport {
    /// One for each distinct symbol, in the order in which they were asked for.
    pub outcomes: Vec<Outcome>,
    /// Whether no server answered anything.
    pub unreachable: bool,
    /// A list of the symbols that failed, as [`read_symbols`](super::read_symbols) reads it.
    pub failed_list: Option<PathBuf>,
}

impl BarReport {
    /// Those that failed, with the reason.
    pub fn failed(&self) -> impl Iterator<Item = (&str, &str)> {
        self.outcomes
            .iter()
            .filter_map(|outcome| Some((outcome.symbol.as_str(), outcome.result.as_ref().err()?.as_str())))
    }

    /// How many came about in this way.
    pub fn count(&self, how: How) -> usize {
        self.outcomes.iter().filter(|outcome| outcome.result.as_ref().is_ok_and(|fetched| fetched.how == how)).count()
    }
}

/// Fetches the bars of many symbols into a folder; see the [module](super) for what it holds. Symbols whose file covers
/// the span are not asked for again, and a file whose span is too short is extended. `progress` is called by several
/// threads. Days that are not over yet ([`Span::last_whole_day`]) are best left out: what counts as fetched is not asked
/// for again.
///
/// # Errors
/// When there is no symbol, or one that can be none; the provider has no such interval, base or key; the span has more
/// bars than fit; `out` cannot be used; or a file cannot be written. A symbol that cannot be fetched is no error: the
/// report says why.
pub fn fetch_bars(
    request: &BarRequest,
    options: &BarOptions,
    progress: &(dyn Fn(FetchProgress) + Sync),
) -> Result<BarReport, Error> {
    let symbols = check(request, options)?;
    let provider = &request.provider;
    let refuse = |problem: String| Error::unusable(provider.name(), problem);
    let base = match (provider.source(), &options.base_url) {
        (None, _) => None,
        (Some(source), base) => Some(address(base.as_deref().unwrap_or(source.base())).map_err(refuse)?),
    };
    let extension = if let Provider::Url(template) = provider { extension(template) } else { "csv" };
    let contents = Contents {
        provider: provider.name().to_owned(),
        interval: request.interval.to_string(),
        extension: extension.to_owned(),
    };
    let silent = options.fetch.attempts.saturating_mul(SILENT_REQUESTS);
    let rate = options.rate.unwrap_or_else(|| provider.default_rate());
    let hosts = Hosts::new(Some(rate), options.fetch.longest_wait, Patience::Polite, silent);
    let unpack = !extension.ends_with("gz");
    let http = Http::new(&options.fetch, hosts, unpack).map_err(refuse)?;
    let folder = Folder::open(&request.out, &contents)?;
    let bytes = AtomicU64::new(0);
    let job =
        Job { request, http: &http, folder: &folder, base: base.as_ref(), key: options.key.as_deref(), bytes: &bytes };
    let queue =
        Queue { symbols: &symbols, job: &job, progress, done: AtomicUsize::new(0), failed: AtomicUsize::new(0) };
    let mut outcomes = BTreeMap::new();
    queue.work(&(0..symbols.len()).collect::<Vec<_>>(), options.parallel, &mut outcomes)?;
    // What passes has had the time of all others to pass.
    let again: Vec<usize> = outcomes
        .iter()
        .filter(|(_, outcome)| matches!(outcome, Err(Failure::Passing { .. } | Failure::Unreachable(_))))
        .map(|(&index, _)| index)
        .collect();
    queue.failed.fetch_sub(again.len(), Ordering::Relaxed);
    queue.work(&again, options.parallel, &mut outcomes)?;
    let no_way = |outcome: &Result<Fetched, Failure>| {
        matches!(outcome, Err(Failure::Passing { .. } | Failure::Unreachable(_) | Failure::Closed(_)))
    };
    let unreachable = !http.hosts.any_answer() && outcomes.values().any(no_way);
    let failed = outcomes.iter().filter(|(_, outcome)| outcome.is_err());
    let failed_list = folder.list_failed(&failed.map(|(&index, _)| symbols[index].as_str()).collect::<Vec<_>>())?;
    let outcomes = symbols.iter().zip(outcomes.into_values()).map(|(symbol, result)| Outcome {
        symbol: symbol.clone(),
        file: folder.file(symbol),
        result: result.map_err(problem),
    });
    Ok(BarReport { outcomes: outcomes.collect(), unreachable, failed_list })
}

/// Everything that can be told before anyone is asked; returns the distinct symbols.
fn check(request: &BarRequest, options: &BarOptions) -> Result<Vec<String>, Error> {
    let BarRequest { provider, interval, span, .. } = request;
    let refuse = |problem: String| Err(Error::unusable(provider.name(), problem));
    let symbols = distinct(&request.symbols)?;
    if symbols.is_empty() {
        return refuse("no symbol to fetch; name some, or a list of them, one a line".to_owned());
    }
    if options.fetch.attempts == 0 {
        return refuse("at least one try is needed".to_owned());
    }
    if !(1..=MOST_PARALLEL).contains(&options.parallel) {
        return refuse(format!("{} symbols at a time cannot be; give 1 to {MOST_PARALLEL}", options.parallel));
    }
    if let Some(rate) = options.rate
        && !(rate > 0.001 && rate <= 1000.0)
    {
        return refuse(format!("a rate of {rate} requests a second cannot be kept; give one above 0.001, up to 1000"));
    }
    if let Provider::Url(template) = provider {
        return match (has(template, "key"), &options.key, &options.base_url) {
            (true, None, _) => refuse("the address has a {key}, but no key is given".to_owned()),
            (false, Some(_), _) => refuse("a key is given, but the address has no {key} for it".to_owned()),
            (_, _, Some(_)) => refuse("the address says where the files are; a base goes with the others".to_owned()),
            _ => Ok(symbols),
        };
    }
    let source = provider.source().expect("every provider but a template has a source");
    if spelling(source, *interval).is_none() {
        let names: Vec<&str> = source.intervals().iter().map(|(ours, _)| *ours).collect();
        return refuse(format!("has no bars of {interval}; there are {}", names.join(", ")));
    }
    if options.key.is_some() && !source.takes_key() {
        return refuse("takes no key".to_owned());
    }
    if let Some(problem) = symbols.iter().find_map(|symbol| source.refuse_symbol(symbol)) {
        return refuse(problem);
    }
    let window = span.window();
    let bars = (window.end - window.start) / interval.shortest();
    if bars > MOST_BARS {
        return refuse(format!(
            "{span} may hold {bars} bars of {} s, above the {MOST_BARS} that are held at once; ask for a shorter span",
            interval.shortest() / SECOND
        ));
    }
    Ok(symbols)
}

/// Why a symbol failed, on one line.
fn problem(failure: Failure) -> String {
    match failure {
        Failure::Passing { problem, .. } | Failure::Unreachable(problem) => problem,
        Failure::Final(problem) | Failure::Closed(problem) => problem,
        Failure::Nothing => "there is nothing of it".to_owned(),
        Failure::Local(error) => error.to_string(),
    }
}

/// Symbols that workers take one after the other.
struct Queue<'a> {
    symbols: &'a [String],
    job: &'a Job<'a>,
    progress: &'a (dyn Fn(FetchProgress) + Sync),
    done: AtomicUsize,
    failed: AtomicUsize,
}

impl Queue<'_> {
    /// Works off symbols by their index. Trouble with our own disk ends it: the next file would meet it too.
    fn work(
        &self,
        indices: &[usize],
        parallel: usize,
        outcomes: &mut BTreeMap<usize, Result<Fetched, Failure>>,
    ) -> Result<(), Error> {
        let taken = AtomicUsize::new(0);
        let found = Mutex::new(Vec::new());
        let stopped = AtomicUsize::new(0);
        let worker = || {
            while stopped.load(Ordering::Relaxed) == 0 {
                let Some(&index) = indices.get(taken.fetch_add(1, Ordering::Relaxed)) else { return };
                let outcome = self.job.run(&self.symbols[index]);
                match &outcome {
                    Ok(_) => &self.done,
                    Err(Failure::Local(_)) => &stopped,
                    Err(_) => &self.failed,
                }
                .fetch_add(1, Ordering::Relaxed);
                found.lock().unwrap_or_else(PoisonError::into_inner).push((index, outcome));
                self.tell();
            }
        };
        self.tell();
        std::thread::scope(|scope| {
            for _ in 0..parallel.min(indices.len()) {
                scope.spawn(worker);
            }
        });
        for (index, outcome) in found.into_inner().unwrap_or_else(PoisonError::into_inner) {
            match outcome {
                Err(Failure::Local(error)) => return Err(error),
                outcome => outcomes.insert(index, outcome),
            };
        }
        Ok(())
    }

    fn tell(&self) {
        (self.progress)(FetchProgress {
            symbols: self.symbols.len(),
            done: self.done.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
            bytes: self.job.bytes.load(Ordering::Relaxed),
        });
    }
}
