//! Rows of values as kernels see them.

use crate::layout::Span;

/// Rows of a tile or block to read: so many values each, a stride apart.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rows<'a> {
    values: &'a [f64],
    stride: usize,
    width: usize,
}

impl<'a> Rows<'a> {
    #[inline(always)]
    pub(crate) fn new(values: &'a [f64], stride: usize, width: usize) -> Self {
        Self { values, stride, width }
    }

    /// One row.
    #[inline(always)]
    pub(crate) fn row(&self, row: usize) -> &'a [f64] {
        &self.values[row * self.stride..][..self.width]
    }

    /// Some values of one row.
    #[inline(always)]
    pub(crate) fn lanes<const LANES: usize>(&self, row: usize, first: usize) -> [f64; LANES] {
        load(self.values, row * self.stride + first)
    }

    /// All values, from the first row's first to the last row's last.
    #[inline(always)]
    pub(crate) fn values(&self) -> &'a [f64] {
        self.values
    }

    #[inline(always)]
    pub(super) fn is_dense(&self) -> bool {
        self.stride == self.width
    }
}

/// Rows of a tile or block to write.
#[derive(Debug)]
pub(crate) struct RowsMut<'a> {
    values: &'a mut [f64],
    stride: usize,
    width: usize,
}

impl<'a> RowsMut<'a> {
    #[inline(always)]
    pub(crate) fn new(values: &'a mut [f64], stride: usize, width: usize) -> Self {
        Self { values, stride, width }
    }

    /// One row.
    #[inline(always)]
    pub(super) fn row(&mut self, row: usize) -> &mut [f64] {
        &mut self.values[row * self.stride..][..self.width]
    }

    /// Writes some values of one row.
    #[inline(always)]
    pub(super) fn put<const LANES: usize>(&mut self, row: usize, first: usize, lanes: &[f64; LANES]) {
        store(self.values, row * self.stride + first, lanes);
    }

    /// Writes one number everywhere.
    #[inline(always)]
    pub(crate) fn fill(&mut self, value: f64) {
        for row in self.values.chunks_mut(self.stride) {
            row[..self.width].fill(value);
        }
    }

    /// All values, where nothing lies between the rows.
    #[inline(always)]
    pub(super) fn dense(&mut self) -> Option<&mut [f64]> {
        (self.stride == self.width).then_some(&mut *self.values)
    }

    /// Number of rows.
    #[inline(always)]
    pub(super) fn count(&self) -> usize {
        self.values.len().div_ceil(self.stride)
    }
}

/// An input with its past.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Past<'a> {
    rows: Rows<'a>,
    /// Rows of the ring, or `usize::MAX` where all rows are there.
    capacity: usize,
}

impl<'a> Past<'a> {
    /// A whole column.
    #[inline(always)]
    pub(crate) fn whole(values: &'a [f64], span: Span, symbols: usize) -> Self {
        Self { rows: Rows::new(&values[span.first_symbol..], symbols, span.width), capacity: usize::MAX }
    }

    /// A ring of so many rows.
    #[inline(always)]
    pub(crate) fn ring(values: &'a [f64], capacity: usize, span: Span, symbols: usize) -> Self {
        Self { rows: Rows::new(&values[span.first_symbol..], symbols, span.width), capacity }
    }

    /// A row of the panel; it must still be in the ring.
    #[inline(always)]
    pub(super) fn row(&self, row: usize) -> &'a [f64] {
        self.rows.row(self.place(row))
    }

    /// Some values of `count` rows, from a row of the panel back.
    #[inline(always)]
    pub(super) fn back<const LANES: usize>(
        &self,
        row: usize,
        count: usize,
        first: usize,
    ) -> impl Iterator<Item = [f64; LANES]> + use<'a, LANES> {
        let (rows, capacity) = (self.rows, self.capacity);
        let mut at = self.place(row);
        (0..count).map(move |_| {
            let lanes = rows.lanes(at, first);
            at = at.checked_sub(1).unwrap_or(capacity - 1);
            lanes
        })
    }

    #[inline(always)]
    fn place(&self, row: usize) -> usize {
        if self.capacity == usize::MAX { row } else { row % self.capacity }
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
