//! What stands in an unfinished file: a list of its segments that is only ever added to.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::error::Error;

const MAGIC: &[u8; 8] = b"evoqseg1";
/// Magic and identity.
const HEAD: usize = 16;
/// Rows, bytes and hash of a segment, before its footer.
const FIXED: usize = 24;
/// Footers are a few kilobytes; what claims to be larger is damage.
const LONGEST: usize = 1 << 24;

/// A segment of an unfinished file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) rows: u64,
    pub(super) bytes: u64,
    /// xxh3 of its bytes.
    pub(super) hash: u64,
    /// What the end of the file has to say of it.
    pub(super) footer: Vec<u8>,
}

/// The list on disk, locked as long as it is open.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    file: File,
    identity: u64,
}

impl Journal {
    /// Opens the journal of a file, with what it lists if that is to be gone on with.
    pub(super) fn open(path: &Path, of: &Path, identity: u64, resume: bool) -> Result<(Self, Vec<Entry>), Error> {
        let fail = |cause| Error::Write { path: of.to_owned(), cause };
        let mut options = OpenOptions::new();
        let mut file = options.read(true).write(true).create(true).truncate(false).open(path).map_err(fail)?;
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => {
                return Err(fail(std::io::Error::other(
                    "another process is writing this file; wait for it, or end it",
                )));
            }
            // A file system without locks: nobody else can be seen.
            Err(TryLockError::Error(_)) | Ok(()) => {}
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(fail)?;
        let begun = bytes.len() >= HEAD && bytes.starts_with(MAGIC);
        if resume && begun && bytes[8..HEAD] != identity.to_le_bytes() {
            let problem =
                "the unfinished file was begun with another specification or format; leave out --resume to begin anew";
            return Err(fail(std::io::Error::other(problem)));
        }
        let entries = if resume && begun { entries(&bytes[HEAD..]) } else { Vec::new() };
        Ok((Self { path: path.to_owned(), file, identity }, entries))
    }

    /// Lists these and no others.
    pub(super) fn keep(&mut self, entries: &[Entry]) -> std::io::Result<()> {
        self.file.set_len(0)?;
        self.file.seek(SeekFrom::Start(0))?;
        let mut bytes = [MAGIC.as_slice(), &self.identity.to_le_bytes()].concat();
        for entry in entries {
            bytes.extend(record(entry));
        }
        self.file.write_all(&bytes)
    }

    /// Adds a segment that is in the file.
    pub(super) fn add(&mut self, entry: &Entry) -> std::io::Result<()> {
        self.file.write_all(&record(entry))
    }

    /// The file is whole.
    pub(super) fn remove(&mut self) -> std::io::Result<()> {
        std::fs::remove_file(&self.path)
    }
}

/// Length, entry, and a hash of the entry.
fn record(entry: &Entry) -> Vec<u8> {
    let mut body = Vec::with_capacity(FIXED + entry.footer.len());
    for number in [entry.rows, entry.bytes, entry.hash] {
        body.extend_from_slice(&number.to_le_bytes());
    }
    body.extend_from_slice(&entry.footer);
    let hash = twox_hash::XxHash3_64::oneshot(&body);
    [(body.len() as u32).to_le_bytes().as_slice(), &body, &hash.to_le_bytes()].concat()
}

/// All entries up to the first that is torn or damaged.
fn entries(mut bytes: &[u8]) -> Vec<Entry> {
    let mut entries = Vec::new();
    while let Some((entry, rest)) = first(bytes) {
        entries.push(entry);
        bytes = rest;
    }
    entries
}

fn first(bytes: &[u8]) -> Option<(Entry, &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let length = u32::from_le_bytes(*length) as usize;
    if !(FIXED..LONGEST).contains(&length) || rest.len() < length + 8 {
        return None;
    }
    let (body, rest) = rest.split_at(length);
    let (hash, rest) = rest.split_first_chunk::<8>()?;
    if twox_hash::XxHash3_64::oneshot(body) != u64::from_le_bytes(*hash) {
        return None;
    }
    let number = |place: usize| {
        let bytes = body[place * 8..][..8].try_into().expect("eight bytes");
        u64::from_le_bytes(bytes)
    };
    let entry = Entry { rows: number(0), bytes: number(1), hash: number(2), footer: body[FIXED..].to_vec() };
    Some((entry, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn torn_and_damaged_ends_are_left_out() {
        let entry = |rows: u64| Entry { rows, bytes: rows * 3, hash: !rows, footer: vec![7; rows as usize] };
        let list: Vec<Entry> = (0..4).map(entry).collect();
        let bytes: Vec<u8> = list.iter().flat_map(record).collect();
        assert_eq!(entries(&bytes), list);
        let last = record(&list[3]).len();
        for cut in 1..=last {
            assert_eq!(entries(&bytes[..bytes.len() - cut]), list[..3]);
        }
        for place in bytes.len() - last..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[place] ^= 1;
            assert_eq!(entries(&damaged), list[..3], "byte {place}");
        }
    }
}
