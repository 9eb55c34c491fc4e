//! One file from the web, whole or not at all.

use std::io::{Seek, Write};
use std::path::Path;

use reqwest::Url;

use super::address::{address, host, shown};
use super::hosts::{Hosts, Patience};
use super::http::{Failure, Http, Request, Rest, Validators, is_web_page};
use super::{FetchOptions, FetchReport};
use crate::error::Error;
use crate::import::EXTENSIONS;
use crate::staged::Staged;

/// Downloads `url` to `out`, and tries again when the connection fails, the server is busy (408, 429, 5xx) or the body is
/// cut off; where the server offers it, a body that was cut off goes on where it ended. `progress` hears the bytes so far
/// and the size where the server tells it; it starts again with every try. `out` appears only when the file is whole.
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
    let address = address(url).map_err(fail)?;
    // A file that is to be kept packed must not be unpacked on the way.
    let packed = out.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gz"));
    let hosts = Hosts::new(None, options.longest_wait, Patience::Capped, options.attempts);
    let http = Http::new(options, hosts, !packed).map_err(fail)?;
    let mut staged = Staged::create(out)?;
    let wants_table = expects_table(out);
    let mut download = Download { http: &http, url: &address, out, known: None, rest: None, wants_table };
    let outcome = http.patiently(&host(&address), url, || download.once(&mut staged, progress));
    match outcome {
        Ok((Came::New { bytes, url, .. }, attempts)) => {
            staged.commit()?;
            Ok(FetchReport { bytes, attempts, url })
        }
        Ok((Came::Unchanged, _)) => Err(fail("the server answered 304 to a request without a condition".to_owned())),
        Err(Failure::Local(error)) => Err(error),
        Err(Failure::Nothing) => Err(fail("the server has nothing".to_owned())),
        Err(Failure::Final(problem) | Failure::Closed(problem)) => Err(fail(problem)),
        Err(Failure::Passing { problem, .. } | Failure::Unreachable(problem)) => {
            Err(fail(format!("{problem}; try again later")))
        }
    }
}

/// One file on its way, over as many tries as it takes.
pub(super) struct Download<'a> {
    pub(super) http: &'a Http<'a>,
    pub(super) url: &'a Url,
    /// What the file is to be called in the end.
    pub(super) out: &'a Path,
    /// What is there already.
    pub(super) known: Option<&'a Validators>,
    /// Whether a web page is refused as soon as it starts to come.
    pub(super) wants_table: bool,
    /// What the last try left to be asked for.
    pub(super) rest: Option<Rest>,
}

/// What a try brought.
pub(super) enum Came {
    New { bytes: u64, url: String, validators: Validators },
    Unchanged,
}

impl Download<'_> {
    pub(super) fn once(
        &mut self,
        staged: &mut Staged,
        progress: &mut dyn FnMut(u64, Option<u64>),
    ) -> Result<Came, Failure> {
        let unwritable = |cause| Failure::Local(Error::Write { path: self.out.to_owned(), cause });
        let rest = self.rest.take();
        let request = Request { url: self.url, known: self.known, rest: rest.as_ref() };
        let mut answer = self.http.open(&request, &|_, _| None)?;
        if answer.is_unchanged() {
            return Ok(Came::Unchanged);
        }
        let before = rest.filter(|_| answer.continues).map_or(0, |rest| rest.from);
        let total = answer.total.map(|total| before + total);
        let mut bytes = before;
        let file = staged.file();
        file.set_len(before).and_then(|()| file.seek(std::io::SeekFrom::Start(before))).map_err(unwritable)?;
        progress(bytes, total);
        let (came, outcome) = self.http.body(&mut answer, self.http.options.max_bytes, &mut |piece| {
            if bytes == 0 && self.wants_table && is_web_page(piece) {
                let out = self.out.display();
                let problem = format!("the answer is a web page, not {out}; give the address of the file itself");
                return Err(Failure::Final(problem));
            }
            file.write_all(piece).map_err(unwritable)?;
            bytes += piece.len() as u64;
            progress(bytes, total);
            Ok(())
        });
        if let Err(failure) = outcome {
            self.rest = answer.rest(before + came, total);
            return Err(failure);
        }
        Ok(Came::New { bytes, url: answer.url(), validators: answer.validators })
    }
}

fn expects_table(out: &Path) -> bool {
    let extension = out.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    EXTENSIONS.contains(&extension.as_str())
}
