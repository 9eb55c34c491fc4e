//! One file from the web, whole or not at all.

use std::io::{Read, Seek, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use reqwest::StatusCode;
use reqwest::blocking::{Client, Response};
use reqwest::header::{CONTENT_LENGTH, RETRY_AFTER};

use crate::error::{Error, excerpt};
use crate::staged::Staged;

/// How patient a download is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchOptions {
    /// Tries in all, at least 1.
    pub attempts: u32,
    /// Wait before the second try; doubles from try to try.
    pub first_wait: Duration,
    /// Longest wait between tries, also when the server's `Retry-After` asks for more.
    pub longest_wait: Duration,
    /// Longest silence while connecting, waiting for the answer, or between two pieces of the body.
    pub timeout: Duration,
    /// Longest time for one try as a whole.
    pub deadline: Duration,
    /// Largest file that is accepted.
    pub max_bytes: u64,
    /// Use the proxy that the system or the environment names.
    pub system_proxy: bool,
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
        }
    }
}

/// What a download took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchReport {
    /// Size of the file.
    pub bytes: u64,
    /// Tries it took.
    pub attempts: u32,
    /// The address that answered, behind all redirections.
    pub url: String,
}

/// Downloads `url` to `out`, and tries again when the connection fails, the server is busy (408, 429, 5xx) or the body is
/// cut off. `progress` hears the bytes so far and the size where the server tells it; it starts again from 0 on every
/// try. `out` appears only when the file is whole.
///
/// # Errors
/// When the address is not http or https, the server refuses (any other status), every try failed, the file is
/// larger than [`FetchOptions::max_bytes`], a web page came where `out` names a table, or `out` cannot be written.
pub fn fetch(
    url: &str,
    out: &Path,
    options: &FetchOptions,
    progress: &mut dyn FnMut(u64, Option<u64>),
) -> Result<FetchReport, Error> {
    let fail = |problem: String| Error::Fetch { url: shown(url), problem };
    let address =
        reqwest::Url::parse(url).map_err(|error| fail(format!("{error}; give a full http or https address")))?;
    if !matches!(address.scheme(), "http" | "https") {
        return Err(fail(format!("`{}` is not supported; use http or https", address.scheme())));
    }
    let client = client(out, options).map_err(|error| fail(chain(&error)))?;
    let mut staged = Staged::create(out)?;
    let mut wait = options.first_wait;
    let mut attempt = 1;
    loop {
        let failure = match attempt_once(&client, address.clone(), out, &mut staged, options, progress) {
            Ok((bytes, url)) => {
                staged.commit()?;
                return Ok(FetchReport { bytes, attempts: attempt, url });
            }
            Err(failure) => failure,
        };
        match failure {
            Failure::Local(error) => return Err(error),
            Failure::Final(problem) => return Err(fail(problem)),
            Failure::Passing { problem, .. } if attempt >= options.attempts => {
                return Err(fail(format!("{problem} (tried {attempt} times); try again later")));
            }
            Failure::Passing { problem, retry_after } => {
                let pause = retry_after.unwrap_or(wait).min(options.longest_wait);
                tracing::warn!(url = shown(url), attempt, problem, ?pause, "download failed, trying again");
                std::thread::sleep(pause);
                wait = wait.saturating_mul(2);
                attempt += 1;
            }
        }
    }
}

/// Why one try failed.
enum Failure {
    /// Trying again may help.
    Passing { problem: String, retry_after: Option<Duration> },
    /// Trying again is of no use.
    Final(String),
    /// The trouble is on our own disk.
    Local(Error),
}

fn client(out: &Path, options: &FetchOptions) -> reqwest::Result<Client> {
    // A file that is to be kept packed must not be unpacked on the way.
    let packed = out.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gz"));
    let mut builder = Client::builder()
        .user_agent(concat!("evoquant/", env!("CARGO_PKG_VERSION")))
        .gzip(!packed)
        .connect_timeout(options.timeout)
        .timeout(options.timeout);
    if !options.system_proxy {
        builder = builder.no_proxy();
    }
    builder.build()
}

fn attempt_once(
    client: &Client,
    address: reqwest::Url,
    out: &Path,
    staged: &mut Staged,
    options: &FetchOptions,
    progress: &mut dyn FnMut(u64, Option<u64>),
) -> Result<(u64, String), Failure> {
    let passing = |problem: String| Failure::Passing { problem, retry_after: None };
    let unwritable = |cause| Failure::Local(Error::Write { path: out.to_owned(), cause });
    #[expect(clippy::disallowed_methods, reason = "a deadline for the network; nothing of the clock reaches a result")]
    let started = Instant::now();
    let mut response = client.get(address).send().map_err(|error| {
        // A wrong name of a host may be a passing failure of the resolver; too many redirections are not.
        let last = error.is_builder() || error.is_redirect();
        let problem = chain(&error.without_url());
        if last { Failure::Final(problem) } else { passing(problem) }
    })?;
    check_status(&response)?;
    let total = content_length(&response);
    let too_large =
        |bytes: u64| Failure::Final(format!("it has {bytes} bytes, above the limit of {}", options.max_bytes));
    if let Some(total) = total.filter(|&total| total > options.max_bytes) {
        return Err(too_large(total));
    }
    let url = response.url().to_string();
    let file = staged.file();
    file.set_len(0).and_then(|()| file.rewind()).map_err(unwritable)?;
    let mut buffer = vec![0; 64 * 1024];
    let mut bytes = 0;
    progress(0, total);
    loop {
        let piece = match response.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => &buffer[..length],
            Err(error) => return Err(passing(format!("the body broke off after {bytes} bytes: {}", chain(&error)))),
        };
        if bytes == 0 && expects_table(out) && is_web_page(piece) {
            let problem =
                format!("the answer is a web page, not {}; give the address of the file itself", out.display());
            return Err(Failure::Final(problem));
        }
        file.write_all(piece).map_err(unwritable)?;
        bytes += piece.len() as u64;
        progress(bytes, total);
        if bytes > options.max_bytes {
            return Err(too_large(bytes));
        }
        if started.elapsed() > options.deadline {
            return Err(passing(format!("only {bytes} bytes came within {} s", options.deadline.as_secs())));
        }
    }
    match total {
        Some(total) if bytes != total => Err(passing(format!("{bytes} of {total} bytes came"))),
        _ if bytes == 0 => Err(passing("the answer is empty".to_owned())),
        _ => Ok((bytes, url)),
    }
}

fn check_status(response: &Response) -> Result<(), Failure> {
    let status = response.status();
    if status.is_success() && status != StatusCode::PARTIAL_CONTENT {
        return Ok(());
    }
    let problem = format!("the server answered {status}");
    let busy = matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS);
    if busy || status.is_server_error() {
        return Err(Failure::Passing { problem, retry_after: retry_after(response) });
    }
    let hint = match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => "; the file needs a login or is closed to programs",
        StatusCode::NOT_FOUND | StatusCode::GONE => "; check the address",
        _ => "",
    };
    Err(Failure::Final(format!("{problem}{hint}")))
}

/// Seconds or a date, as RFC 9110, section 10.2.3, has it.
fn retry_after(response: &Response) -> Option<Duration> {
    let text = response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::parse(text).ok()?;
    Some(Duration::try_from(date.timestamp().duration_since(jiff::Timestamp::now())).unwrap_or_default())
}

fn content_length(response: &Response) -> Option<u64> {
    response.headers().get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn expects_table(out: &Path) -> bool {
    let extension = out.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    ["csv", "tsv", "txt", "gz", "zst", "parquet", "pq", "ipc", "arrow", "feather"].contains(&extension.as_str())
}

fn is_web_page(start: &[u8]) -> bool {
    let start = String::from_utf8_lossy(&start[..start.len().min(256)]).trim_start().to_ascii_lowercase();
    ["<!doctype", "<html", "<head", "<body", "<?xml", "<script"].iter().any(|tag| start.starts_with(tag))
}

/// An error with its causes, on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.contains(&next) {
            text = format!("{text}: {next}");
        }
        cause = error.source();
    }
    text
}

/// The address without a password, short enough for a line.
fn shown(url: &str) -> String {
    let mut parsed = match reqwest::Url::parse(url) {
        Ok(parsed) if parsed.password().is_some() => parsed,
        _ if url.len() > 200 => return excerpt(url),
        _ => return url.to_owned(),
    };
    match parsed.set_password(None) {
        Ok(()) => parsed.to_string(),
        Err(()) => "the address".to_owned(),
    }
}
