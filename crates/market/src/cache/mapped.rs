//! A file in memory without reading it: the one place of this crate that is not checked by the compiler.

use std::fs::File;
use std::path::Path;

use memmap2::{Mmap, MmapMut};

use crate::error::Error;

/// Maps a file for reading.
///
/// # Errors
/// When the operating system refuses.
#[expect(unsafe_code, reason = "memory-mapping a file cannot be checked; the safety comment argues the case")]
pub(crate) fn map(file: &File, path: &Path) -> Result<Mmap, Error> {
    // SAFETY: a map is unsound when somebody else changes the bytes or shortens the file while it is mapped. Panels in
    // the cache are written under a temporary name, renamed, and never written again; replacing or evicting one unlinks
    // the name, which leaves the mapped file as it was. Sources are mapped only where they do not fit in memory; their
    // bytes are only ever parsed as untrusted bytes, so a change can garble values, which the size and time taken before and
    // after then show, but never break a type.
    unsafe { Mmap::map(file) }.map_err(|cause| Error::Read { path: path.to_owned(), cause })
}

/// Maps a file of ours for writing.
///
/// # Errors
/// When the operating system refuses.
#[expect(unsafe_code, reason = "memory-mapping a file cannot be checked; the safety comment argues the case")]
pub(crate) fn map_to_write(file: &File, path: &Path) -> Result<MmapMut, Error> {
    // SAFETY: the file was created by this process under a temporary name that nobody else opens, and all of its bytes
    // were written before, so that no page can fail for want of space.
    unsafe { MmapMut::map_mut(file) }.map_err(|cause| Error::Write { path: path.to_owned(), cause })
}
