//! Downloads: one file from one address, whole or not at all.
//!
//! Knows nothing of providers and their formats; what came is only looked at far enough to tell a table from an
//! error page.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::net::IpAddr;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use reqwest::blocking::{Client, Response};
use reqwest::header::{HeaderValue, RETRY_AFTER};
use reqwest::{StatusCode, Url};
use serde::Serialize;

use crate::error::{Error, excerpt};
use crate::table::write_atomically;

mod content;
#[cfg(test)]
mod tests;

/// How patient a download is, and how large it may become.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FetchOptions {
    /// How often the file is asked for before giving up; at least once.
    pub attempts: u32,
    /// The pause after the first failed attempt; it doubles with each further one.
    pub backoff: Duration,
    /// The longest pause. A server that asks for a longer one by `Retry-After` ends the download with a message.
    pub longest_pause: Duration,
    /// How long to wait for a connection.
    pub connect_timeout: Duration,
    /// How long a server may stay silent before the attempt counts as cut off.
    pub silence_timeout: Duration,
    /// How long everything together may take, whatever the server still sends.
    pub total_timeout: Duration,
    /// The largest file, in bytes after decompression.
    pub max_bytes: u64,
}

impl Default for FetchOptions {
    /// Five attempts with pauses of 0.5, 1, 2 and 4 seconds, half an hour, 1 GiB.
    fn default() -> Self {
        Self {
            attempts: 5,
            backoff: Duration::from_millis(500),
            longest_pause: Duration::from_secs(120),
            connect_timeout: Duration::from_secs(15),
            silence_timeout: Duration::from_secs(60),
            total_timeout: Duration::from_secs(1800),
            max_bytes: 1 << 30,
        }
    }
}

/// What a download brought.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FetchReport {
    /// The address the file came from in the end, after redirects; without password and query, which may hold keys.
    pub url: String,
    /// Size of the file.
    pub bytes: u64,
    /// How often it was asked for.
    pub attempts: u32,
}

/// Downloads the file at an `http` or `https` address and puts it under the name `out`, replacing a file of that name.
///
/// Refused and dropped connections, silence, bodies that end early and the answers 408, 429 and 5xx are tried again
/// after a pause, or after what `Retry-After` asks for. An `out` named as CSV, Parquet, Arrow IPC, gzip or Zstandard
/// must turn out to be that: an error page sent with a cheerful 200 is refused. `out` is written under a temporary
/// name in its folder and renamed once whole, so that a failure leaves what stood there before.
///
/// `progress` hears the bytes so far and, where the server tells, of how many; each new attempt starts from 0.
///
/// # Errors
/// [`Error::Fetch`] with the address and what happened, [`Error::Write`] when `out` cannot be written.
pub fn fetch(
    url: &str,
    out: &Path,
    options: &FetchOptions,
    progress: &mut dyn FnMut(u64, Option<u64>),
) -> Result<FetchReport, Error> {
    let address = parse(url)?;
    let failed = |problem| Error::Fetch { url: shown(&address), problem };
    let mut download = Download::new(&address, out, options).map_err(failed)?;
    let mut outcome = Err(String::new());
    let written = write_atomically(out, |file| match download.run(file, progress) {
        Ok(report) => {
            outcome = Ok(report);
            Ok(())
        }
        Err(Stop::Write(error)) => Err(error),
        Err(Stop::Fetch(problem)) => {
            outcome = Err(problem);
            Err(io::Error::other("the download failed"))
        }
    });
    match (outcome, written) {
        (Ok(report), Ok(())) => Ok(report),
        (Err(problem), Err(_)) if !problem.is_empty() => Err(failed(problem)),
        (_, Err(error)) => Err(error),
        (Err(_), Ok(())) => unreachable!("a file is kept only when its download succeeded"),
    }
}

/// Why a download ends without a file.
enum Stop {
    Fetch(String),
    Write(io::Error),
}

/// Why an attempt failed, and whether another may do better.
enum Trouble {
    Passing { problem: String, pause: Option<Duration> },
    Lasting(Stop),
}

impl Trouble {
    fn passing(problem: String) -> Self {
        Self::Passing { problem, pause: None }
    }

    fn lasting(problem: String) -> Self {
        Self::Lasting(Stop::Fetch(problem))
    }
}

struct Download<'a> {
    address: &'a Url,
    out: &'a Path,
    options: &'a FetchOptions,
    client: Client,
    started: Instant,
}

impl<'a> Download<'a> {
    fn new(address: &'a Url, out: &'a Path, options: &'a FetchOptions) -> Result<Self, String> {
        let mut client = Client::builder()
            .user_agent(concat!("evoquant/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(options.connect_timeout)
            // The blocking client applies this to each read, not to the whole body.
            .timeout(options.silence_timeout)
            // A .csv.gz is to arrive as it is, not unpacked on the way.
            .gzip(content::Kind::named(out) != Some(content::Kind::Gzip));
        if is_this_machine(address) {
            client = client.no_proxy();
        }
        let client = client.build().map_err(|error| chain(&error.without_url()))?;
        Ok(Self { address, out, options, client, started: Instant::now() })
    }

    /// Attempts until one succeeds or trying again makes no sense.
    fn run(&mut self, file: &mut File, progress: &mut dyn FnMut(u64, Option<u64>)) -> Result<FetchReport, Stop> {
        let mut attempt = 1;
        loop {
            let (problem, asked) = match self.attempt(file, progress) {
                Ok((url, bytes)) => return Ok(FetchReport { url, bytes, attempts: attempt }),
                Err(Trouble::Lasting(stop)) => return Err(stop),
                Err(Trouble::Passing { problem, pause }) => (problem, pause),
            };
            let pause = self.pause(attempt, &problem, asked).map_err(Stop::Fetch)?;
            tracing::warn!(attempt, pause_ms = pause.as_millis() as u64, problem, "download failed, trying again");
            thread::sleep(pause);
            attempt += 1;
        }
    }

    /// How long to wait after a failed attempt, or why not to try again.
    fn pause(&self, attempt: u32, problem: &str, asked: Option<Duration>) -> Result<Duration, String> {
        let options = self.options;
        if attempt >= options.attempts {
            let plural = if attempt == 1 { "" } else { "s" };
            return Err(format!("{problem}; gave up after {attempt} attempt{plural}"));
        }
        if let Some(asked) = asked.filter(|asked| *asked > options.longest_pause) {
            let seconds = asked.as_secs();
            return Err(format!("{problem}; the server asks to wait {seconds} s before the next attempt"));
        }
        let doubled = options.backoff.saturating_mul(1 << (attempt - 1).min(20)).min(options.longest_pause);
        let pause = asked.unwrap_or(doubled);
        if self.started.elapsed().saturating_add(pause) >= options.total_timeout {
            return Err(format!("{problem}; {}", self.out_of_time()));
        }
        Ok(pause)
    }

    /// Asks once; gives the final address and the size.
    fn attempt(
        &self,
        file: &mut File,
        progress: &mut dyn FnMut(u64, Option<u64>),
    ) -> Result<(String, u64), Trouble> {
        file.set_len(0).and_then(|()| file.rewind()).map_err(|error| Trouble::Lasting(Stop::Write(error)))?;
        let mut response = self.client.get(self.address.clone()).send().map_err(|error| {
            let lasting = error.is_redirect() || error.is_builder();
            let problem = chain(&error.without_url());
            if lasting { Trouble::lasting(problem) } else { Trouble::passing(problem) }
        })?;
        check_status(&response)?;
        let total = response.content_length();
        if total.is_some_and(|total| total > self.options.max_bytes) {
            return Err(self.too_large());
        }
        let (bytes, head) = self.copy(&mut response, file, total, progress)?;
        if total.is_some_and(|total| total != bytes) {
            return Err(Trouble::passing(format!("{bytes} bytes came of {}", total.unwrap_or_default())));
        }
        content::check(&head, self.out).map_err(Trouble::lasting)?;
        Ok((shown(response.url()), bytes))
    }

    /// Copies the body; gives its size and first bytes.
    fn copy(
        &self,
        response: &mut Response,
        file: &mut File,
        total: Option<u64>,
        progress: &mut dyn FnMut(u64, Option<u64>),
    ) -> Result<(u64, Vec<u8>), Trouble> {
        let mut buffer = vec![0; 1 << 16];
        let mut head = Vec::new();
        let mut bytes = 0_u64;
        progress(0, total);
        loop {
            if self.started.elapsed() >= self.options.total_timeout {
                return Err(Trouble::lasting(format!("{bytes} bytes came; {}", self.out_of_time())));
            }
            let count = response.read(&mut buffer).map_err(|error| {
                Trouble::passing(format!("the connection broke off after {bytes} bytes: {}", chain(&error)))
            })?;
            if count == 0 {
                return Ok((bytes, head));
            }
            bytes += count as u64;
            if bytes > self.options.max_bytes {
                return Err(self.too_large());
            }
            let wanted = content::HEAD.saturating_sub(head.len()).min(count);
            head.extend_from_slice(&buffer[..wanted]);
            file.write_all(&buffer[..count]).map_err(|error| Trouble::Lasting(Stop::Write(error)))?;
            progress(bytes, total);
        }
    }

    fn too_large(&self) -> Trouble {
        let limit = self.options.max_bytes;
        Trouble::lasting(format!("the file is larger than the limit of {limit} bytes"))
    }

    fn out_of_time(&self) -> String {
        format!("the time limit of {} s is reached", self.options.total_timeout.as_secs_f64())
    }
}

fn parse(url: &str) -> Result<Url, Error> {
    let failed = |problem: String| Error::Fetch { url: format!("`{}`", excerpt(url)), problem };
    let hint = "give an address such as https://example.org/bars.csv";
    let address = Url::parse(url.trim()).map_err(|error| failed(format!("{error}; {hint}")))?;
    match address.scheme() {
        "http" | "https" => Ok(address),
        // The text as typed may hold a password, which only a parsed address can be rid of.
        other => Err(Error::Fetch { url: shown(&address), problem: format!("`{other}` is not http or https; {hint}") }),
    }
}

/// The address without what may be secret: user, password, and the query, where many providers want their key.
fn shown(address: &Url) -> String {
    let mut address = address.clone();
    // These fail only where there can be no user, and then there is none to hide.
    let _ = address.set_username("");
    let _ = address.set_password(None);
    if address.query().is_some() {
        address.set_query(Some("..."));
    }
    address.into()
}

fn is_this_machine(address: &Url) -> bool {
    address.host_str().is_some_and(|host| {
        let host = host.trim_matches(['[', ']']);
        host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    })
}

fn check_status(response: &Response) -> Result<(), Trouble> {
    let status = response.status();
    if status.is_success() {
        return Ok(());
    }
    let hint = match status.as_u16() {
        401 | 403 => "; the address may need a key, or a browser",
        404 | 410 => "; check the spelling of the address",
        _ => "",
    };
    let problem = format!("the server answered {status}{hint}");
    let passing = status.is_server_error()
        || matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS);
    if !passing {
        return Err(Trouble::lasting(problem));
    }
    let pause = response.headers().get(RETRY_AFTER).and_then(|value| retry_after(value, Timestamp::now()));
    Err(Trouble::Passing { problem, pause })
}

/// `Retry-After` in either of its forms, seconds or a date (RFC 9110, 10.2.3).
fn retry_after(value: &HeaderValue, now: Timestamp) -> Option<Duration> {
    let text = value.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    Some(Duration::try_from(date.duration_since(now)).unwrap_or(Duration::ZERO))
}

/// An error and its causes on one line; reqwest tells the cause only there.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}
