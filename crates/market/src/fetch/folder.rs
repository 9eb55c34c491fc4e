//! The folder that bars are fetched into: whole files, and beside them what is known of each.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::bars::Bar;
use super::http::Validators;
use super::names::file_stem;
use super::span::{Interval, Span, Window};
use crate::error::Error;
use crate::staged::write_atomically;

/// The hidden folder beside the files.
const HIDDEN: &str = ".fetch";
const VERSION: u32 = 1;
/// The year 2255, in microseconds: no bar is later.
const LATEST: i64 = 1 << 53;

/// A folder of bars that is ours alone as long as this lives.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    extension: String,
    /// The lock goes with the process, however it ends.
    _lock: File,
}

/// What a folder holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Contents {
    pub(super) provider: String,
    pub(super) interval: String,
    pub(super) extension: String,
}

/// What is known of one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sidecar {
    version: u32,
    pub(super) symbol: String,
    /// First and last day that were asked for.
    pub(super) from: String,
    pub(super) to: String,
    /// Bars in the file, where we read it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) rows: Option<usize>,
    pub(super) bytes: u64,
    hash: String,
    /// Hash of the file that this one takes the place of: what stands there if the program ended in between.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    replaces: Option<String>,
    /// Where it came from, without the user's key.
    pub(super) url: String,
    #[serde(flatten)]
    pub(super) validators: Validators,
}

impl Sidecar {
    pub(super) fn span(&self) -> Option<Span> {
        Span::parse(&self.from, &self.to).ok()
    }
}

/// What stands under the name of a symbol's file.
#[derive(Debug)]
pub(super) enum Stored {
    /// Nothing, or what an interruption left; both are to be fetched.
    Nothing,
    /// The file that its sidecar speaks of.
    Whole(Box<Sidecar>),
    /// A file that somebody changed since it was fetched.
    Changed,
    /// A file that was never fetched.
    Foreign,
}

/// What a new file is, as far as the fetcher knows.
#[derive(Debug)]
pub(super) struct New<'a> {
    pub(super) symbol: &'a str,
    pub(super) span: Span,
    pub(super) rows: Option<usize>,
    pub(super) url: String,
    pub(super) validators: Validators,
}

impl Folder {
    /// Opens or makes the folder.
    pub(super) fn open(path: &Path, contents: &Contents) -> Result<Self, Error> {
        let unwritable = |cause| Error::Write { path: path.to_owned(), cause };
        let refuse = |problem: String| Err(Error::unusable(path.display().to_string(), problem));
        if path.exists() && !path.is_dir() {
            return refuse("is a file; name a folder for the bars, one file a symbol".to_owned());
        }
        let hidden = path.join(HIDDEN);
        for folder in ["new", "pages", "symbols"] {
            std::fs::create_dir_all(hidden.join(folder)).map_err(unwritable)?;
        }
        let lock = File::create(hidden.join("lock")).map_err(unwritable)?;
        if lock.try_lock().is_err() {
            return refuse("another download is at work in it; wait for it, or name another folder".to_owned());
        }
        // Only what a killed download left: the lock is ours.
        for entry in std::fs::read_dir(hidden.join("new")).map_err(unwritable)? {
            std::fs::remove_file(entry.map_err(unwritable)?.path()).map_err(unwritable)?;
        }
        let record = hidden.join("folder.json");
        match read_json::<Contents>(&record)? {
            None => write_json(&record, contents)?,
            Some(there) if there == *contents => {}
            Some(Contents { provider, interval, extension }) => {
                let problem = format!(
                    "holds {interval} bars of {provider} (.{extension}), not {} bars of {} (.{}); name another folder",
                    contents.interval, contents.provider, contents.extension
                );
                return refuse(problem);
            }
        }
        Ok(Self { path: path.to_owned(), extension: contents.extension.clone(), _lock: lock })
    }

    /// Where a symbol's bars are.
    pub(super) fn file(&self, symbol: &str) -> PathBuf {
        self.path.join(self.file_name(symbol))
    }

    /// Where a new file may be written before it is [published](Folder::publish).
    pub(super) fn new_file(&self, symbol: &str) -> PathBuf {
        self.path.join(HIDDEN).join("new").join(self.file_name(symbol))
    }

    pub(super) fn stored(&self, symbol: &str) -> Result<Stored, Error> {
        let sidecar = read_json::<Sidecar>(&self.sidecar(symbol))?;
        let hash = hash(&self.file(symbol))?;
        Ok(match (sidecar, hash) {
            (_, None) => Stored::Nothing,
            (None, Some(_)) => Stored::Foreign,
            (Some(sidecar), Some(hash)) if sidecar.hash == hash && sidecar.version == VERSION => {
                Stored::Whole(Box::new(sidecar))
            }
            (Some(sidecar), Some(hash)) if sidecar.hash == hash || sidecar.replaces.as_ref() == Some(&hash) => {
                Stored::Nothing
            }
            (Some(_), Some(_)) => Stored::Changed,
        })
    }

    pub(super) fn read(&self, symbol: &str) -> Result<Vec<u8>, Error> {
        let path = self.file(symbol);
        std::fs::read(&path).map_err(|cause| Error::Read { path, cause })
    }

    /// Writes a file and [publishes](Folder::publish) it.
    pub(super) fn write(&self, contents: &[u8], new: New<'_>) -> Result<u64, Error> {
        write_atomically(&self.new_file(new.symbol), |file| file.write_all(contents))?;
        self.publish(new)
    }

    /// Puts what stands under [`Folder::new_file`] in place and returns its size. The sidecar goes first: a program that
    /// ends in between leaves a sidecar whose file is not there yet, and never a file that nobody knows.
    pub(super) fn publish(&self, new: New<'_>) -> Result<u64, Error> {
        let (path, file) = (self.new_file(new.symbol), self.file(new.symbol));
        let unwritable = |cause| Error::Write { path: file.clone(), cause };
        let bytes = std::fs::metadata(&path).map_err(unwritable)?.len();
        let there = |path: &Path| Ok::<String, Error>(hash(path)?.expect("the new file was written just now"));
        let sidecar = Sidecar {
            version: VERSION,
            symbol: new.symbol.to_owned(),
            from: new.span.from(),
            to: new.span.to(),
            rows: new.rows,
            bytes,
            hash: there(&path)?,
            replaces: hash(&file)?,
            url: new.url,
            validators: new.validators,
        };
        write_json(&self.sidecar(new.symbol), &sidecar)?;
        std::fs::rename(&path, &file).map_err(unwritable)?;
        Ok(bytes)
    }

    /// Leaves a list of what failed, for another try with these alone; removes it where nothing did.
    pub(super) fn list_failed(&self, symbols: &[&str]) -> Result<Option<PathBuf>, Error> {
        let path = self.path.join(HIDDEN).join("failed.txt");
        if symbols.is_empty() {
            return match std::fs::remove_file(&path) {
                Err(cause) if cause.kind() != ErrorKind::NotFound => Err(Error::Write { path, cause }),
                _ => Ok(None),
            };
        }
        write_atomically(&path, |file| file.write_all((symbols.join("\n") + "\n").as_bytes()))?;
        Ok(Some(path))
    }

    /// Pages of a symbol that were fetched before an interruption.
    pub(super) fn pages(
        &self,
        symbol: &str,
        part: &str,
        key: &PagesKey,
        window: Window,
        interval: Interval,
    ) -> Result<Pages, Error> {
        let path = self.path.join(HIDDEN).join("pages").join(format!("{}.{part}", file_stem(symbol)));
        Pages::open(path, key, window, interval)
    }

    fn file_name(&self, symbol: &str) -> String {
        format!("{}.{}", file_stem(symbol), self.extension)
    }

    fn sidecar(&self, symbol: &str) -> PathBuf {
        self.path.join(HIDDEN).join("symbols").join(format!("{}.json", file_stem(symbol)))
    }
}

/// What pages belong to; others are thrown away. Bars that are settled do not depend on the end of what was asked for,
/// which moves on from day to day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PagesKey {
    pub(super) base: String,
    pub(super) start: i64,
}

/// One page of a history.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Page {
    /// The end of what was asked for.
    until: i64,
    /// Where the next one starts, if there was one.
    next: Option<i64>,
    times: Vec<i64>,
    /// Bits, since JSON has no NaN.
    values: Vec<[u64; 6]>,
}

/// Pages on disk, one a line, behind a line that says what they belong to.
#[derive(Debug)]
pub(super) struct Pages {
    path: PathBuf,
    file: File,
    until: i64,
    pub(super) bars: Vec<Bar>,
    /// Where the next page starts; `None` when there is none left.
    pub(super) next: Option<i64>,
}

impl Pages {
    fn open(path: PathBuf, key: &PagesKey, window: Window, interval: Interval) -> Result<Self, Error> {
        let text = match std::fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
            Err(cause) => return Err(Error::Read { path, cause }),
        };
        let mut pages: Vec<Page> = Vec::new();
        let mut whole = 0;
        let mut lines = text.split_inclusive(|&byte| byte == b'\n').filter(|line| line.ends_with(b"\n"));
        if let Some(first) = lines.next()
            && serde_json::from_slice::<PagesKey>(first).is_ok_and(|found| found == *key)
        {
            whole = first.len();
            // A line that was cut off, or that the disk lost, ends what can be used.
            for line in lines {
                let Ok(page) = serde_json::from_slice::<Page>(line) else { break };
                let fits = page.times.len() == page.values.len()
                    && page.times.iter().chain(&page.next).all(|&time| (key.start..page.until).contains(&time))
                    && page.until < LATEST;
                if !fits {
                    break;
                }
                whole += line.len();
                pages.push(page);
            }
        }
        let unwritable = |cause| Error::Write { path: path.clone(), cause };
        let mut file = File::options().append(true).create(true).open(&path).map_err(unwritable)?;
        file.set_len(whole as u64).map_err(unwritable)?;
        if whole == 0 {
            append(&mut file, key).map_err(unwritable)?;
        }
        let last = pages.iter().flat_map(|page| &page.times).max().map(|&time| interval.end(time));
        let next = match pages.last() {
            Some(Page { next: None, until, .. }) if *until >= window.end => None,
            Some(page) => page.next.or(last).or(Some(key.start)),
            None => Some(key.start),
        };
        let next = next.filter(|&next| next < window.end);
        let bars = pages
            .iter()
            .flat_map(|page| page.times.iter().zip(&page.values))
            .map(|(&time, values)| Bar { time, values: values.map(f64::from_bits) })
            .collect();
        Ok(Self { path, file, until: window.end, bars, next })
    }

    pub(super) fn push(&mut self, bars: &[Bar], next: Option<i64>) -> Result<(), Error> {
        let page = Page {
            until: self.until,
            next,
            times: bars.iter().map(|bar| bar.time).collect(),
            values: bars.iter().map(|bar| bar.values.map(f64::to_bits)).collect(),
        };
        append(&mut self.file, &page).map_err(|cause| Error::Write { path: self.path.clone(), cause })?;
        self.bars.extend_from_slice(bars);
        self.next = next;
        Ok(())
    }

    /// Removes the pages: their bars are in the file now.
    pub(super) fn clear(self) -> Result<(), Error> {
        let Self { path, file, .. } = self;
        drop(file);
        std::fs::remove_file(&path).map_err(|cause| Error::Write { path, cause })
    }
}

fn append(file: &mut File, value: &impl Serialize) -> std::io::Result<()> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    file.write_all(&line)
}

fn write_json(path: &Path, value: &impl Serialize) -> Result<(), Error> {
    write_atomically(path, |file| {
        serde_json::to_writer_pretty(&mut *file, value)?;
        file.write_all(b"\n")
    })
}

/// `None` when there is no file, or one that is not ours to read; both mean that nothing is known.
fn read_json<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<Option<T>, Error> {
    match std::fs::read(path) {
        Ok(text) => Ok(serde_json::from_slice(&text).ok()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(Error::Read { path: path.to_owned(), cause }),
    }
}

/// Hash of a file; `None` when there is none.
fn hash(path: &Path) -> Result<Option<String>, Error> {
    let unreadable = |cause| Error::Read { path: path.to_owned(), cause };
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(cause) => return Err(unreadable(cause)),
    };
    let mut hasher = twox_hash::XxHash3_128::new();
    let mut buffer = vec![0; 256 * 1024];
    loop {
        match file.read(&mut buffer).map_err(unreadable)? {
            0 => return Ok(Some(format!("{:032x}", hasher.finish_128()))),
            length => hasher.write(&buffer[..length]),
        }
    }
}
