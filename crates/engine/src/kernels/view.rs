//! Rows of values as kernels see them.

use crate::layout::{Lines, Span};
#[cfg(target_arch = "x86_64")]
use crate::memory::LINE_BYTES;

/// Rows of a tile or block to read: whole rows, of which so many values from a first one on count.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rows<'a> {
    values: &'a [f64],
    stride: usize,
    first: usize,
    width: usize,
}

impl<'a> Rows<'a> {
    #[inline(always)]
    pub(crate) fn new(values: &'a [f64], lines: &Lines, width: usize) -> Self {
        Self { values, stride: lines.stride, first: lines.first, width }
    }

    /// One row.
    #[inline(always)]
    pub(crate) fn row(&self, row: usize) -> &'a [f64] {
        &self.values[row * self.stride + self.first..][..self.width]
    }

    /// Some values of one row.
    #[inline(always)]
    pub(super) fn lanes<const LANES: usize>(&self, row: usize, symbol: usize) -> [f64; LANES] {
        load(self.values, row * self.stride + self.first + symbol)
    }

    /// The same values of every row from one on. That they lie within a row is the same question for all rows, which
    /// the compiler asks once.
    #[inline(always)]
    pub(super) fn down<const LANES: usize>(
        &self,
        row: usize,
        symbol: usize,
    ) -> impl Iterator<Item = [f64; LANES]> + use<'a, LANES> {
        let at = self.first + symbol;
        self.values[row * self.stride..].chunks_exact(self.stride).map(move |row| load(row, at))
    }

    /// Prefetches some values of one row, or of what lies beyond it.
    #[inline(always)]
    pub(super) fn prefetch<const LANES: usize>(&self, row: usize, symbol: usize) {
        prefetch::<LANES, false>(self.values.as_ptr().wrapping_add(row * self.stride + self.first + symbol));
    }

    /// All values, where every row counts whole.
    #[inline(always)]
    pub(crate) fn dense(&self) -> Option<&'a [f64]> {
        (self.stride == self.width).then_some(self.values)
    }
}

/// Rows of a tile or block to write.
#[derive(Debug)]
pub(crate) struct RowsMut<'a> {
    values: &'a mut [f64],
    count: usize,
    stride: usize,
    first: usize,
    width: usize,
    is_far: bool,
}

impl<'a> RowsMut<'a> {
    #[inline(always)]
    pub(crate) fn new(values: &'a mut [f64], lines: &Lines, span: Span) -> Self {
        let Lines { stride, first, is_far, .. } = *lines;
        Self { values, count: span.rows, stride, first, width: span.width, is_far }
    }

    /// One row.
    #[inline(always)]
    pub(super) fn row(&mut self, row: usize) -> &mut [f64] {
        &mut self.values[row * self.stride + self.first..][..self.width]
    }

    /// Writes some values of one row.
    #[inline(always)]
    pub(super) fn put<const LANES: usize>(&mut self, row: usize, symbol: usize, lanes: &[f64; LANES]) {
        store(self.values, row * self.stride + self.first + symbol, lanes);
    }

    /// The same values of every row from one on, to write.
    #[inline(always)]
    pub(super) fn down<const LANES: usize>(
        &mut self,
        row: usize,
        symbol: usize,
    ) -> impl Iterator<Item = &mut [f64; LANES]> {
        let at = self.first + symbol;
        self.values[row * self.stride..]
            .chunks_exact_mut(self.stride)
            .map(move |row| (&mut row[at..at + LANES]).try_into().expect("a slice of as many values"))
    }

    /// Writes one number everywhere.
    #[inline(always)]
    pub(crate) fn fill(&mut self, value: f64) {
        for row in self.values.chunks_exact_mut(self.stride) {
            row[self.first..self.first + self.width].fill(value);
        }
    }

    /// All values, where every row counts whole.
    #[inline(always)]
    pub(super) fn dense(&mut self) -> Option<&mut [f64]> {
        (self.stride == self.width).then_some(&mut *self.values)
    }

    /// Values from a row to the next.
    #[inline(always)]
    pub(super) fn stride(&self) -> usize {
        self.stride
    }

    /// Whether it takes long to write them unless they are [asked for](prefetch_behind) before. Where it does not, to ask
    /// takes longer.
    #[inline(always)]
    pub(super) fn is_far(&self) -> bool {
        self.is_far
    }

    /// Number of rows.
    #[inline(always)]
    pub(super) fn count(&self) -> usize {
        self.count
    }
}

/// A column with its past: some symbols of all rows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Past<'a> {
    rows: Rows<'a>,
    /// Panel row of the first row at hand.
    first_row: usize,
}

impl<'a> Past<'a> {
    /// A span's symbols in a whole column.
    #[inline(always)]
    pub(crate) fn new(values: &'a [f64], span: Span, symbols: usize) -> Self {
        let rows = Rows { values, stride: symbols, first: span.first_symbol, width: span.width };
        Self { rows, first_row: span.first_row }
    }

    /// A row of the panel.
    #[inline(always)]
    pub(super) fn row(&self, row: usize) -> &'a [f64] {
        self.rows.row(row)
    }

    /// Some values of each of so many rows of the panel, from one on.
    #[inline(always)]
    pub(super) fn rows<const LANES: usize>(
        &self,
        first: usize,
        count: usize,
        symbol: usize,
    ) -> impl DoubleEndedIterator<Item = [f64; LANES]> + use<'a, LANES> {
        let at = self.rows.first + symbol;
        self.whole_rows(first, count).map(move |row| load(row, at))
    }

    /// The same. Prefetches as many rows behind them.
    #[inline(always)]
    pub(super) fn rows_prefetched<const LANES: usize>(
        &self,
        first: usize,
        count: usize,
        symbol: usize,
    ) -> impl Iterator<Item = [f64; LANES]> + use<'a, LANES> {
        let (at, later) = (self.rows.first + symbol, count * self.rows.stride);
        self.whole_rows(first, count).map(move |row| {
            prefetch::<LANES, false>(row.as_ptr().wrapping_add(at + later));
            load(row, at)
        })
    }

    /// The same of the `count` rows before one of those at hand, the latest first. Prefetches as many values behind them.
    #[inline(always)]
    pub(super) fn back<const LANES: usize>(
        &self,
        offset: usize,
        count: usize,
        symbol: usize,
    ) -> impl Iterator<Item = [f64; LANES]> + use<'a, LANES> {
        let at = self.rows.first + symbol;
        self.whole_rows(self.first_row + offset - count, count).rev().map(move |row| {
            prefetch::<LANES, false>(row.as_ptr().wrapping_add(at + LANES));
            load(row, at)
        })
    }

    /// So many rows from one on, as wide as the column.
    #[inline(always)]
    fn whole_rows(&self, first: usize, count: usize) -> std::slice::ChunksExact<'a, f64> {
        let Rows { values, stride, .. } = self.rows;
        values[first * stride..(first + count) * stride].chunks_exact(stride)
    }
}

/// Prefetches as many values so far behind some lanes, to be written.
#[inline(always)]
pub(super) fn prefetch_behind<const LANES: usize>(lanes: &[f64; LANES], by: usize) {
    prefetch::<LANES, true>(lanes.as_ptr().wrapping_add(by));
}

/// Asks the processor for values that are soon read, or written. What is wanted row after row lies in one page after the
/// other, and no processor looks ahead into the next by itself.
#[inline(always)]
#[cfg_attr(not(target_arch = "x86_64"), expect(unused_variables, reason = "there is no way to ask"))]
fn prefetch<const LANES: usize, const WRITE: bool>(first: *const f64) {
    #[cfg(target_arch = "x86_64")]
    for value in (0..LANES).step_by(LINE_BYTES / size_of::<f64>()) {
        use std::arch::x86_64::{_MM_HINT_ET0, _MM_HINT_T0, _mm_prefetch};
        let line = first.wrapping_add(value).cast();
        #[expect(unsafe_code, reason = "there is no safe way to ask")]
        // SAFETY: any address may be asked for: nothing is read, and no fault is raised.
        unsafe {
            if WRITE { _mm_prefetch::<_MM_HINT_ET0>(line) } else { _mm_prefetch::<_MM_HINT_T0>(line) }
        }
    }
}

/// So many values from a place on.
#[inline(always)]
pub(super) fn load<const LANES: usize>(values: &[f64], first: usize) -> [f64; LANES] {
    values[first..first + LANES].try_into().expect("a slice of as many values")
}

/// Writes so many values from a place on.
#[inline(always)]
pub(super) fn store<const LANES: usize>(values: &mut [f64], first: usize, lanes: &[f64; LANES]) {
    values[first..first + LANES].copy_from_slice(lanes);
}

/// Something that is done to some symbols at a time.
pub(super) trait Groups {
    /// Does it to so many symbols from one on.
    fn group<const LANES: usize>(&mut self, symbol: usize);
}

/// Goes through the symbols in groups of `LANES`, and through those that are left in smaller ones: of 60 symbols a
/// fifth, each of which would take as long alone as a group.
#[inline(always)]
pub(super) fn in_groups<const LANES: usize>(width: usize, groups: &mut impl Groups) {
    const FEW: usize = 4;
    let mut symbol = 0;
    while symbol + LANES <= width {
        groups.group::<LANES>(symbol);
        symbol += LANES;
    }
    while LANES > FEW && symbol + FEW <= width {
        groups.group::<FEW>(symbol);
        symbol += FEW;
    }
    for symbol in symbol..width {
        groups.group::<1>(symbol);
    }
}
