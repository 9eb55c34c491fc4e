//! The bars of one symbol: what is there, what is missing, and how it becomes one file.

use std::sync::atomic::{AtomicU64, Ordering};

use reqwest::Url;

use super::address::{address, host};
use super::bars::{Bar, Mended, from_csv, put_in_order, to_csv};
use super::folder::{Folder, New, Pages, PagesKey, Sidecar, Stored};
use super::http::{Failure, Http, Request, Validators};
use super::many::BarRequest;
use super::provider::{Provider, Query, Source, check_content, extension, fill, url_encode};
use super::single::{Came, Download};
use super::span::{Span, Window};
use crate::staged::Staged;

/// The largest answer that is read as bars: ten times what sixty years of days take.
const LONGEST_PAGE: u64 = 32 << 20;

/// How a file came to be as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// It was fetched whole.
    New,
    /// What was missing before or behind was fetched, and the seam fits.
    Extended,
    /// It was there for all that was asked; nobody was asked.
    Kept,
    /// The provider says that it did not change.
    Unchanged,
}

/// One file, as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// How it came about.
    pub how: How,
    /// Bars in it, where they were read.
    pub rows: Option<usize>,
    /// Its size.
    pub bytes: u64,
    /// Answers that were needed, tries that failed not counted.
    pub requests: u32,
    /// What the answers had to be cleared of.
    pub mended: Mended,
}

/// What all symbols share.
pub(super) struct Job<'a> {
    pub(super) request: &'a BarRequest,
    pub(super) http: &'a Http<'a>,
    pub(super) folder: &'a Folder,
    /// Where the provider is; `None` for a template.
    pub(super) base: Option<&'a Url>,
    pub(super) key: Option<&'a str>,
    /// Bytes that came, for whoever watches.
    pub(super) bytes: &'a AtomicU64,
}

impl Job<'_> {
    /// Brings the file of a symbol to what was asked.
    pub(super) fn run(&self, symbol: &str) -> Result<Fetched, Failure> {
        let outcome = match (&self.request.provider, self.request.provider.source(), self.base) {
            (Provider::Url(template), ..) => self.download(symbol, template),
            (_, Some(source), Some(base)) => {
                History { job: self, source, base, symbol, requests: 0, done: Vec::new() }.run()
            }
            _ => unreachable!("every provider but a template has a source, and that has a base"),
        };
        outcome.map_err(|failure| self.without_key(failure))
    }

    /// What stands in the folder, if it is ours to replace.
    fn stored(&self, symbol: &str) -> Result<Option<Sidecar>, Failure> {
        let stored = self.folder.stored(symbol).map_err(Failure::Local)?;
        let name = self.folder.file(symbol);
        let name = name.display();
        match stored {
            Stored::Foreign => Err(Failure::Final(format!(
                "{name} is there and was not fetched; move it away, or name another folder"
            ))),
            _ if self.request.refresh => Ok(None),
            Stored::Changed => {
                Err(Failure::Final(format!("{name} was changed since it was fetched; move it away, or use --refresh")))
            }
            Stored::Nothing => Ok(None),
            Stored::Whole(sidecar) => Ok(Some(*sidecar)),
        }
    }

    /// Gets a file of the user's own address, and keeps it as it comes.
    fn download(&self, symbol: &str, template: &str) -> Result<Fetched, Failure> {
        let BarRequest { span, interval, .. } = *self.request;
        let stored = self.stored(symbol)?;
        let (url, dated) = fill(template, symbol, span, interval, self.key);
        let (shown, _) = fill(template, symbol, span, interval, Some("KEY"));
        let same = stored.as_ref().filter(|sidecar| sidecar.url == shown);
        let kept = |how, requests| {
            let bytes = same.map_or(0, |sidecar| sidecar.bytes);
            Ok(Fetched { how, rows: None, bytes, requests, mended: Mended::default() })
        };
        if same.is_some() && dated {
            return kept(How::Kept, 0);
        }
        let known = same.map(|sidecar| &sidecar.validators).filter(|validators| !validators.is_empty());
        let url = address(&url).map_err(Failure::Final)?;
        let path = self.folder.new_file(symbol);
        let extension = extension(template);
        let mut staged = Staged::create(&path).map_err(Failure::Local)?;
        let mut download = Download { http: self.http, url: &url, out: &path, known, rest: None, wants_table: false };
        let mut seen = 0;
        let (came, _) = self.http.patiently(&host(&url), symbol, || {
            let came = download.once(&mut staged, &mut |bytes, _| {
                self.bytes.fetch_add(bytes.saturating_sub(seen), Ordering::Relaxed);
                seen = bytes;
            })?;
            if matches!(came, Came::New { .. }) {
                check_content(staged.file(), extension).map_err(Failure::passing)?;
            }
            Ok(came)
        })?;
        let Came::New { validators, .. } = came else { return kept(How::Unchanged, 1) };
        staged.commit().map_err(Failure::Local)?;
        let new = New { symbol, span, rows: None, url: shown, validators };
        let bytes = self.folder.publish(new).map_err(Failure::Local)?;
        Ok(Fetched { how: How::New, rows: None, bytes, requests: 1, mended: Mended::default() })
    }

    /// A message must not give away what the user keeps to himself.
    fn without_key(&self, failure: Failure) -> Failure {
        let Some(key) = self.key.filter(|key| !key.is_empty()) else { return failure };
        let clean = |problem: String| problem.replace(key, "KEY").replace(&url_encode(key), "KEY");
        match failure {
            Failure::Passing { problem, busy, retry_after } => {
                Failure::Passing { problem: clean(problem), busy, retry_after }
            }
            Failure::Unreachable(problem) => Failure::Unreachable(clean(problem)),
            Failure::Final(problem) => Failure::Final(clean(problem)),
            Failure::Closed(problem) => Failure::Closed(clean(problem)),
            Failure::Nothing => Failure::Nothing,
            Failure::Local(error) => Failure::Local(error),
        }
    }
}

/// The bars of one symbol from a provider that is asked in pages.
struct History<'a> {
    job: &'a Job<'a>,
    source: &'static dyn Source,
    base: &'a Url,
    symbol: &'a str,
    requests: u32,
    /// Pages that have become part of what is written.
    done: Vec<Pages>,
}

impl History<'_> {
    fn run(mut self) -> Result<Fetched, Failure> {
        let asked = self.job.request.span;
        let stored = self.job.stored(self.symbol)?;
        let there = stored.as_ref().and_then(|sidecar| Some((sidecar, sidecar.span()?)));
        if let Some((sidecar, span)) = there {
            if span.covers(asked) {
                let Sidecar { rows, bytes, .. } = *sidecar;
                return Ok(Fetched { how: How::Kept, rows, bytes, requests: 0, mended: Mended::default() });
            }
            let text = self.job.folder.read(self.symbol).map_err(Failure::Local)?;
            if let Some(bars) = from_csv(&text).filter(|bars| !bars.is_empty())
                && let Some((bars, mended)) = self.extend(bars, span)?
            {
                return self.write(&bars, span.hull(asked), How::Extended, mended);
            }
        }
        let span = there.map_or(asked, |(_, span)| span.hull(asked));
        let (bars, mended) = self.collect(span.window(), span, "whole")?;
        if bars.is_empty() {
            let provider = self.job.request.provider.name();
            return Err(Failure::Final(format!("{provider} has no bars of it from {span}; check symbol and days")));
        }
        self.write(&bars, span, How::New, mended)
    }

    /// Fetches what is missing before and behind; `None` where a bar at a seam came again with other values, or not at
    /// all: prices of the past were rewritten, and what is there does not fit what would be added.
    fn extend(&mut self, mut bars: Vec<Bar>, span: Span) -> Result<Option<(Vec<Bar>, Mended)>, Failure> {
        let (asked, had) = (self.job.request.span.window(), span.window());
        let hull = span.hull(self.job.request.span);
        let mut mended = Mended::default();
        if asked.end > had.end {
            let last = bars[bars.len() - 1];
            let (tail, found) = self.collect(Window { start: last.time, end: asked.end }, hull, "tail")?;
            if tail.first() != Some(&last) {
                return Ok(None);
            }
            bars.extend_from_slice(&tail[1..]);
            mended.add(found);
        }
        if asked.start < had.start {
            let first = bars[0];
            let (mut head, found) = self.collect(Window { start: asked.start, end: first.time + 1 }, hull, "head")?;
            if head.pop() != Some(first) {
                return Ok(None);
            }
            head.append(&mut bars);
            bars = head;
            mended.add(found);
        }
        Ok(Some((bars, mended)))
    }

    /// All bars of a window that are over by the end of the span, page by page.
    fn collect(&mut self, window: Window, span: Span, part: &str) -> Result<(Vec<Bar>, Mended), Failure> {
        let interval = self.job.request.interval;
        let key = PagesKey { base: self.base.to_string(), start: window.start };
        let mut kept = None;
        if self.source.is_settled() && !self.job.request.refresh {
            let folder = self.job.folder;
            kept = Some(folder.pages(self.symbol, part, &key, window, interval).map_err(Failure::Local)?);
        }
        let mut bars = kept.as_mut().map(|pages| std::mem::take(&mut pages.bars)).unwrap_or_default();
        let mut next = kept.as_ref().map_or(Some(window.start), |pages| pages.next);
        let end = span.window().end;
        while let Some(start) = next {
            let page = self.source.page(Window { start, ..window }, interval);
            let mut came = self.page(page)?;
            came.retain(|bar| page.contains(bar.time) && interval.end(bar.time) <= end);
            let last = came.iter().map(|bar| bar.time).max();
            next = self.source.next(page, last, interval);
            next = next.filter(|&next| next < window.end && interval.end(next) <= end);
            if let Some(pages) = &mut kept {
                pages.push(&came, next).map_err(Failure::Local)?;
            }
            bars.append(&mut came);
            // Pages may reach into each other, but what comes twice throughout comes without an end.
            if bars.len() as i64 > 2 * (window.end - window.start) / interval.shortest() + 10_000 {
                return Err(Failure::Final(format!("{} bars came, more than the days have", bars.len())));
            }
        }
        // Pages may be of a time when more was asked for.
        bars.retain(|bar| window.contains(bar.time) && interval.end(bar.time) <= end);
        if let Some(pages) = kept {
            self.done.push(pages);
        }
        Ok(put_in_order(bars))
    }

    fn page(&mut self, page: Window) -> Result<Vec<Bar>, Failure> {
        let Job { http, request, key, bytes, .. } = self.job;
        let query = Query { base: self.base, symbol: self.symbol, interval: request.interval, key: *key };
        let url = self.source.url(&query, page);
        let (bars, _) = http.patiently(&host(&url), self.symbol, || {
            let ask = Request { url: &url, known: None, rest: None };
            let mut answer = match http.open(&ask, &|status, body| self.source.explain(status, body)) {
                Err(Failure::Nothing) => return Ok(Vec::new()),
                answer => answer?,
            };
            let mut body = Vec::new();
            let (_, outcome) = http.body(&mut answer, http.options.max_bytes.min(LONGEST_PAGE), &mut |piece| {
                bytes.fetch_add(piece.len() as u64, Ordering::Relaxed);
                body.extend_from_slice(piece);
                Ok(())
            });
            outcome?;
            match self.source.read(&body, &query, page) {
                Err(Failure::Nothing) => Ok(Vec::new()),
                bars => bars,
            }
        })?;
        self.requests += 1;
        Ok(bars)
    }

    fn write(self, bars: &[Bar], span: Span, how: How, mended: Mended) -> Result<Fetched, Failure> {
        let query = Query { base: self.base, symbol: self.symbol, interval: self.job.request.interval, key: None };
        let new = New {
            symbol: self.symbol,
            span,
            rows: Some(bars.len()),
            url: self.source.url(&query, span.window()).to_string(),
            validators: Validators::default(),
        };
        let bytes = self.job.folder.write(&to_csv(bars, query.interval), new).map_err(Failure::Local)?;
        for pages in self.done {
            pages.clear().map_err(Failure::Local)?;
        }
        Ok(Fetched { how, rows: Some(bars.len()), bytes, requests: self.requests, mended })
    }
}
