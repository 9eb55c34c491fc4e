//! Flags and scores as bits.

use engine::compiled_for;
use engine::vectors::Vectors;

use crate::simulate::columns::{Chunk, bits};

/// Flags that end positions, `[symbols]`.
#[derive(Debug, Clone, Copy)]
pub(in crate::simulate) struct Endings<'a> {
    pub(in crate::simulate) exit: Option<&'a [f64]>,
    pub(in crate::simulate) entry: Option<&'a [f64]>,
    /// Whether a position ends with its entry.
    pub(in crate::simulate) entry_must_last: bool,
}

/// Whom flags tell to leave, held or not: a bit each of a chunk.
pub(in crate::simulate) fn told(vectors: Vectors, endings: Endings<'_>, at: usize) -> u64 {
    let mut bits = 0;
    let found = &mut bits;
    compiled_for!(vectors, told_sweep[](endings: Endings<'_>, at: usize, found: &mut u64));
    bits
}

#[inline(always)]
fn told_sweep(endings: Endings<'_>, at: usize, found: &mut u64) {
    let Endings { exit, entry, entry_must_last } = endings;
    let told = if let Some(flags) = exit { greater(flags, at, 0.0) } else { 0 };
    let ended = match entry {
        _ if !entry_must_last => 0,
        Some(flags) => !greater(flags, at, 0.0),
        None => u64::MAX,
    };
    *found = told | ended;
}

/// Which values of a chunk of a row are greater than one, a bit each. Compiled with who calls it.
#[inline(always)]
pub(in crate::simulate) fn greater(row: &[f64], at: usize, than: f64) -> u64 {
    let mut room = Chunk::default();
    let row = room.of(row, at);
    bits(|lane| row[lane] > than)
}

/// Which values of a chunk of a row are finite, likewise.
#[inline(always)]
pub(in crate::simulate) fn finite(row: &[f64], at: usize) -> u64 {
    let mut room = Chunk::default();
    let row = room.of(row, at);
    // Nothing times what is not finite is NaN.
    bits(|lane| 0.0 * row[lane] == 0.0)
}
