//! One request at a time: what went wrong with it, and whether asking again may help.

use std::io::Read;
use std::time::{Duration, Instant};

use reqwest::blocking::{Client, Response};
use reqwest::header::{
    ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, ETAG, HeaderName, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE,
    LAST_MODIFIED, LOCATION, RANGE, RETRY_AFTER,
};
use reqwest::{StatusCode, Url};

use super::FetchOptions;
use super::address::host;
use super::hosts::{Backoff, Hosts};
use crate::error::{Error, excerpt};

/// Redirections that are followed.
const MOST_REDIRECTIONS: usize = 10;
/// What is read of an answer that refuses, for its reason.
const LONGEST_REFUSAL: u64 = 64 << 10;

/// Why one try failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// Trying again may help; the server may have said when.
    Passing {
        /// What went wrong.
        problem: String,
        /// Whether the server has too much to do: then all of us slow down.
        busy: bool,
        /// How long it asks to be left alone.
        retry_after: Option<Duration>,
    },
    /// No connection came about; trying again may help.
    Unreachable(String),
    /// Trying again is of no use.
    Final(String),
    /// The server is to be asked nothing more, by nobody.
    Closed(String),
    /// There is nothing of what was asked for, which may be as it should.
    Nothing,
    /// The trouble is on our own disk.
    Local(Error),
}

impl Failure {
    pub(super) fn passing(problem: impl Into<String>) -> Self {
        Failure::Passing { problem: problem.into(), busy: false, retry_after: None }
    }

    /// Too many requests, in words that the status does not have.
    pub(super) fn busy(problem: impl Into<String>) -> Self {
        Failure::Passing { problem: problem.into(), busy: true, retry_after: None }
    }
}

/// What makes a request conditional.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub(super) struct Validators {
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) etag: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) last_modified: Option<String>,
}

impl Validators {
    fn of(response: &Response) -> Self {
        Self { etag: header(response, ETAG), last_modified: header(response, LAST_MODIFIED) }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.etag.is_none() && self.last_modified.is_none()
    }

    /// What proves that a rest belongs to the beginning that is there: a weak tag does not.
    fn strong(&self) -> Option<&str> {
        self.etag.as_deref().filter(|etag| !etag.starts_with("W/")).or(self.last_modified.as_deref())
    }
}

/// Where a body that was cut off goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rest {
    pub(super) from: u64,
    pub(super) total: u64,
    pub(super) validator: String,
}

/// What is asked.
#[derive(Debug, Clone)]
pub(super) struct Request<'a> {
    pub(super) url: &'a Url,
    /// Answer only if it changed.
    pub(super) known: Option<&'a Validators>,
    /// Answer only what is missing.
    pub(super) rest: Option<&'a Rest>,
}

/// An answer whose body is still to come.
#[derive(Debug)]
pub(super) struct Answer {
    response: Response,
    started: Instant,
    pub(super) validators: Validators,
    /// Size of the body, where the server tells it.
    pub(super) total: Option<u64>,
    /// The rest that was asked for comes, not the whole.
    pub(super) continues: bool,
}

impl Answer {
    /// The address that answered, behind all redirections.
    pub(super) fn url(&self) -> String {
        self.response.url().to_string()
    }

    /// The server says that nothing changed.
    pub(super) fn is_unchanged(&self) -> bool {
        self.response.status() == StatusCode::NOT_MODIFIED
    }

    /// How to ask for what is missing once `from` bytes are here, where the server offers that.
    pub(super) fn rest(&self, from: u64, total: Option<u64>) -> Option<Rest> {
        // A body that is unpacked on the way has no length, and its bytes are not those that a range counts.
        let total = total.filter(|&total| from > 0 && from < total)?;
        let offers = self.continues || header(&self.response, ACCEPT_RANGES).is_some_and(|units| units == "bytes");
        let validator = self.validators.strong().filter(|_| offers)?;
        Some(Rest { from, total, validator: validator.to_owned() })
    }
}

/// A client with its limits.
#[derive(Debug)]
pub(super) struct Http<'o> {
    client: Client,
    pub(super) options: &'o FetchOptions,
    pub(super) hosts: Hosts,
}

impl<'o> Http<'o> {
    /// `unpack` says whether bodies that were packed for the way are unpacked.
    pub(super) fn new(options: &'o FetchOptions, hosts: Hosts, unpack: bool) -> Result<Self, String> {
        let agent = options.user_agent.as_deref().unwrap_or(concat!("evoquant/", env!("CARGO_PKG_VERSION")));
        let mut builder = Client::builder()
            .user_agent(agent)
            .gzip(unpack)
            .redirect(reqwest::redirect::Policy::custom(redirect))
            .connect_timeout(options.timeout)
            .timeout(options.timeout);
        if !options.system_proxy {
            builder = builder.no_proxy();
        }
        let client = builder.build().map_err(|error| chain(&error))?;
        Ok(Self { client, options, hosts })
    }

    /// Sends a request. `explain` may know better than the status why a server refuses.
    pub(super) fn open(
        &self,
        request: &Request<'_>,
        explain: &dyn Fn(StatusCode, &[u8]) -> Option<Failure>,
    ) -> Result<Answer, Failure> {
        #[expect(
            clippy::disallowed_methods,
            reason = "a deadline for the network; nothing of the clock reaches a file"
        )]
        let started = Instant::now();
        let host = host(request.url);
        let response = self.conditional(request).send().map_err(|error| {
            // A wrong name of a host may be a passing failure of the resolver; too many redirections are not.
            let (last, connect) = (error.is_builder() || error.is_redirect(), error.is_connect());
            let problem = chain(&error.without_url());
            match (last, connect) {
                (true, _) => Failure::Final(problem),
                (false, true) => Failure::Unreachable(problem),
                (false, false) => Failure::passing(problem),
            }
        })?;
        self.hosts.answered(&host);
        let status = response.status();
        let expected = match status {
            StatusCode::NOT_MODIFIED => request.known.is_some(),
            StatusCode::PARTIAL_CONTENT => request.rest.is_some(),
            _ => status.is_success(),
        };
        if !expected {
            return Err(refusal(response, explain));
        }
        let continues = status == StatusCode::PARTIAL_CONTENT;
        if let Some(rest) = request.rest.filter(|_| continues) {
            let expected = format!("bytes {}-{}/{}", rest.from, rest.total - 1, rest.total);
            let range = header(&response, CONTENT_RANGE).unwrap_or_default();
            if range != expected {
                let problem = format!("`{expected}` was asked for, but `{}` came", excerpt(&range));
                return Err(Failure::passing(problem));
            }
        }
        let total = header(&response, CONTENT_LENGTH).and_then(|length| length.parse().ok());
        Ok(Answer { validators: Validators::of(&response), response, started, total, continues })
    }

    /// Hands the body on in pieces, up to `most` bytes; returns how many came in all, and why it broke off if it did.
    pub(super) fn body(
        &self,
        answer: &mut Answer,
        most: u64,
        each: &mut dyn FnMut(&[u8]) -> Result<(), Failure>,
    ) -> (u64, Result<(), Failure>) {
        let mut bytes = 0;
        let outcome = self.read_body(answer, most, &mut bytes, each);
        (bytes, outcome)
    }

    fn read_body(
        &self,
        answer: &mut Answer,
        most: u64,
        bytes: &mut u64,
        each: &mut dyn FnMut(&[u8]) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let too_large = |bytes: u64| Failure::Final(format!("it has {bytes} bytes, above the limit of {most}"));
        if let Some(total) = answer.total.filter(|&total| total > most) {
            return Err(too_large(total));
        }
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let piece = match answer.response.read(&mut buffer) {
                Ok(0) => break,
                Ok(length) => &buffer[..length],
                Err(error) => {
                    return Err(Failure::passing(format!("the body broke off after {bytes} bytes: {}", chain(&error))));
                }
            };
            *bytes += piece.len() as u64;
            if *bytes > most {
                return Err(too_large(*bytes));
            }
            each(piece)?;
            if answer.started.elapsed() > self.options.deadline {
                let seconds = self.options.deadline.as_secs();
                return Err(Failure::passing(format!("only {bytes} bytes came within {seconds} s")));
            }
        }
        match answer.total {
            Some(total) if *bytes != total => Err(Failure::passing(format!("{bytes} of {total} bytes came"))),
            _ if *bytes == 0 => Err(Failure::passing("the answer is empty")),
            _ => Ok(()),
        }
    }

    /// Tries until it succeeds, patience ends, or there is no point in trying again; returns how many tries it took, too.
    pub(super) fn patiently<T>(
        &self,
        host: &str,
        name: &str,
        mut once: impl FnMut() -> Result<T, Failure>,
    ) -> Result<(T, u32), Failure> {
        let options = self.options;
        let mut backoff = Backoff::new(options.first_wait, options.longest_wait, name);
        let mut attempt = 1;
        loop {
            self.hosts.wait(host).map_err(Failure::Closed)?;
            let failure = match once() {
                Ok(value) => return Ok((value, attempt)),
                Err(failure) => failure,
            };
            let (problem, busy, retry_after) = match failure {
                Failure::Passing { problem, busy, retry_after } => (problem, busy, retry_after),
                Failure::Unreachable(problem) => {
                    self.hosts.unreachable(host, &problem).map_err(Failure::Closed)?;
                    (problem, false, None)
                }
                Failure::Closed(problem) => return Err(Failure::Closed(self.hosts.close(host, problem))),
                other => return Err(other),
            };
            let wait = backoff.wait();
            // Whoever waits for the server waits at its turn, as all others do.
            let for_all = busy || retry_after.is_some();
            if for_all {
                self.hosts.pause(host, retry_after.unwrap_or(wait)).map_err(Failure::Closed)?;
            }
            if attempt >= options.attempts {
                return Err(Failure::passing(format!("{problem} (tried {attempt} times)")));
            }
            tracing::info!(name, attempt, problem, ?retry_after, ?wait, "download failed, trying again");
            let pause = if for_all { Duration::ZERO } else { wait };
            std::thread::sleep(pause);
            attempt += 1;
        }
    }

    fn conditional(&self, request: &Request<'_>) -> reqwest::blocking::RequestBuilder {
        let mut builder = self.client.get(request.url.clone());
        if let Some(known) = request.known {
            if let Some(etag) = &known.etag {
                builder = builder.header(IF_NONE_MATCH, etag);
            }
            if let Some(date) = &known.last_modified {
                builder = builder.header(IF_MODIFIED_SINCE, date);
            }
        }
        if let Some(rest) = request.rest {
            builder = builder.header(RANGE, format!("bytes={}-", rest.from)).header(IF_RANGE, &rest.validator);
        }
        builder
    }
}

/// Servers may move what they serve, but within the web, and not to where others could read along.
fn redirect(attempt: reqwest::redirect::Attempt<'_>) -> reqwest::redirect::Action {
    let previous = attempt.previous();
    let secure = previous.last().is_some_and(|url| url.scheme() == "https");
    let follows = match attempt.url().scheme() {
        "https" => true,
        scheme => scheme == "http" && !secure,
    };
    if !follows {
        attempt.stop()
    } else if previous.len() > MOST_REDIRECTIONS {
        attempt.error("too many redirects")
    } else {
        attempt.follow()
    }
}

fn refusal(response: Response, explain: &dyn Fn(StatusCode, &[u8]) -> Option<Failure>) -> Failure {
    let status = response.status();
    if status.is_redirection()
        && let Some(location) = header(&response, LOCATION)
    {
        let problem = format!("the server sends us to `{}`, which is not followed", excerpt(&location));
        return Failure::Final(problem);
    }
    let retry_after = retry_after(&response);
    let mut body = Vec::new();
    // What can be read of the reason is enough; the status alone is one too.
    let _ = response.take(LONGEST_REFUSAL).read_to_end(&mut body);
    if let Some(failure) = explain(status, &body) {
        return match failure {
            Failure::Passing { problem, busy, .. } => Failure::Passing { problem, busy, retry_after },
            other => other,
        };
    }
    let problem = format!("the server answered {status}");
    let busy = matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
    if busy || status == StatusCode::REQUEST_TIMEOUT || status.is_server_error() {
        return Failure::Passing { problem, busy, retry_after };
    }
    let hint = match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => "; the file needs a login or is closed to programs",
        StatusCode::NOT_FOUND | StatusCode::GONE => "; check the address",
        // The file changed while it came: the next try takes it from its beginning.
        StatusCode::RANGE_NOT_SATISFIABLE => return Failure::passing(problem),
        _ => "",
    };
    Failure::Final(format!("{problem}{hint}"))
}

/// Seconds or a date, as RFC 9110, section 10.2.3, has it.
fn retry_after(response: &Response) -> Option<Duration> {
    let text = header(response, RETRY_AFTER)?;
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::parse(&text).ok()?;
    Some(Duration::try_from(date.timestamp().duration_since(jiff::Timestamp::now())).unwrap_or_default())
}

fn header(response: &Response, name: HeaderName) -> Option<String> {
    let text = response.headers().get(name)?.to_str().ok()?.trim();
    Some(text.to_owned()).filter(|text| !text.is_empty())
}

/// The first bytes of a web page.
pub(super) fn is_web_page(start: &[u8]) -> bool {
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
