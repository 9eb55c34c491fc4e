//! Windows over a column of which one number is kept: a sum, a product or an extremum.
//!
//! Blocks of `d` rows, suffixes and prefixes as in [`super::window`]; but rows are walked by passes of a few, each through
//! all symbols, rather than groups of symbols each through all rows. What is read and written lies nearly in the order of
//! memory, and what the next pass wants is prefetched: it matters little how far away a column is, nor how long a window.
//! The price is a prefix that is loaded and stored once a pass; with several numbers that costs more than it gains.
//! Those, and windows over what is no column, are walked by [`super::window`] and [`super::fold`], to the same bits.
//!
//! State, in rows as wide as the symbols at hand: for each position of a block the suffix from there on, then the prefix,
//! which is the suffix so far while suffixes are made, then the anchor. Rows themselves are found again in the column.

use super::Block;
use super::cell::clean;
use super::fold::Fold;
use super::view::{Groups, Past, RowsMut, in_groups, load, prefetch_behind, store};
use super::window::{End, Stretch, Sums, stretches};
use crate::compiled_for;
use crate::layout::Span;

/// Cells of a pass: what it reads and writes stays close to the processor until the next one is through with it.
const PASS_CELLS: usize = 2_048;
/// Fewest rows of a pass.
const PASS_ROWS: usize = 4;
/// Symbols that are taken together.
const LANES: usize = 16;

/// The one number. A trait and not closures: closures would stay functions of their own, compiled without wide vectors.
pub(super) trait Whole {
    /// What changes nothing.
    const NEUTRAL: f64;

    /// What a row brings; its place is counted from the anchor, the last row of the block before.
    fn part(&self, value: f64, anchor: f64, place: f64) -> f64;

    /// Two neighbours as one.
    fn join(&self, older: f64, newer: f64) -> f64;

    /// The result of a whole window.
    fn result(&self, whole: f64, end: End<1>) -> f64;
}

/// A sum.
pub(super) struct Summed<O>(pub(super) O);

impl<O: Sums<1, 1>> Whole for Summed<O> {
    const NEUTRAL: f64 = 0.0;

    #[inline(always)]
    fn part(&self, value: f64, anchor: f64, place: f64) -> f64 {
        self.0.terms([value - anchor], place)[0]
    }

    #[inline(always)]
    fn join(&self, older: f64, newer: f64) -> f64 {
        older + newer
    }

    #[inline(always)]
    fn result(&self, whole: f64, end: End<1>) -> f64 {
        clean(self.0.result([whole], end))
    }
}

/// Something associative, which needs no anchor.
pub(super) struct Folded<F>(pub(super) F);

impl<F: Fold<1>> Whole for Folded<F> {
    const NEUTRAL: f64 = F::NEUTRAL[0];

    #[inline(always)]
    fn part(&self, value: f64, _: f64, place: f64) -> f64 {
        self.0.part(value, place)[0]
    }

    #[inline(always)]
    fn join(&self, older: f64, newer: f64) -> f64 {
        self.0.join([older], [newer])[0]
    }

    #[inline(always)]
    fn result(&self, whole: f64, end: End<1>) -> f64 {
        self.0.result([whole], end.rows_past_anchor)
    }
}

/// Walks over windows of `d` rows of a column.
pub(super) fn walk<W: Whole>(
    d: usize,
    column: Past<'_>,
    block: &Block<'_>,
    state: &mut [f64],
    out: &mut RowsMut<'_>,
    whole: &W,
) {
    compiled_for!(block.vectors, walk_kernel[W: Whole](
        d: usize,
        column: Past<'_>,
        block: &Block<'_>,
        state: &mut [f64],
        out: &mut RowsMut<'_>,
        whole: &W,
    ));
}

#[inline(always)]
fn walk_kernel<W: Whole>(
    d: usize,
    column: Past<'_>,
    block: &Block<'_>,
    state: &mut [f64],
    out: &mut RowsMut<'_>,
    whole: &W,
) {
    let Span { first_row, width, .. } = block.span;
    let most = (PASS_CELLS / width).max(PASS_ROWS);
    let (suffixes, rest) = state.split_at_mut(d * width);
    let (prefix, anchor) = rest.split_at_mut(width);
    for stretch in stretches(d, first_row, out.count()) {
        match stretch {
            Stretch::Filling { offset, rows, .. } => {
                for row in offset..offset + rows {
                    out.row(row).fill(f64::NAN);
                }
            }
            Stretch::Running { offset, position, rows } => {
                for done in (0..rows).step_by(most) {
                    let rows = most.min(rows - done);
                    let (offset, position) = (offset + done, position + done);
                    // The suffix of a window begins a row after its prefix ends.
                    let suffixes = &suffixes[(position + 1) * width..][..rows * width];
                    let (prefix, anchor, out) = (&mut *prefix, &*anchor, &mut *out);
                    let row = first_row + offset;
                    let mut running =
                        Running { column, row, offset, position, rows, width, suffixes, prefix, anchor, out, whole };
                    in_groups::<LANES>(width, &mut running);
                }
            }
            Stretch::Last { offset } => {
                let row = first_row + offset;
                anchor.copy_from_slice(column.row(row));
                prefix.fill(W::NEUTRAL);
                let mut begin = d;
                while begin > 0 {
                    let rows = most.min(begin);
                    begin -= rows;
                    let suffixes = &mut suffixes[begin * width..][..rows * width];
                    let (suffix, anchor) = (&mut *prefix, &*anchor);
                    let first_place = begin as f64 - (d as f64 - 1.0);
                    let row = row + 1 + begin - d;
                    let mut completing =
                        Completing { column, row, rows, width, first_place, suffixes, suffix, anchor, whole };
                    in_groups::<LANES>(width, &mut completing);
                }
                in_groups::<LANES>(width, &mut Last { wholes: prefix, anchor, out: out.row(offset), whole });
                prefix.fill(W::NEUTRAL);
            }
        }
    }
}

/// Rows before the last of their block.
struct Running<'a, 'b, 'o, W> {
    column: Past<'a>,
    /// The first of them.
    row: usize,
    offset: usize,
    position: usize,
    rows: usize,
    width: usize,
    /// One for each of them.
    suffixes: &'b [f64],
    prefix: &'b mut [f64],
    anchor: &'b [f64],
    out: &'b mut RowsMut<'o>,
    whole: &'b W,
}

impl<W: Whole> Groups for Running<'_, '_, '_, W> {
    #[inline(always)]
    fn group<const LANES: usize>(&mut self, symbol: usize) {
        let Self { column, row, offset, position, rows, width, suffixes, whole, .. } = *self;
        let anchor = load::<LANES>(self.anchor, symbol);
        let mut prefix = load::<LANES>(self.prefix, symbol);
        let values = column.rows_prefetched::<LANES>(row, rows, symbol);
        let later = self.out.is_far().then_some(rows * self.out.stride());
        let out = self.out.down::<LANES>(offset, symbol);
        for (((step, now), suffixes), out) in (1..).zip(values).zip(suffixes.chunks_exact(width)).zip(out) {
            if let Some(later) = later {
                prefetch_behind(out, later);
            }
            let suffix = load::<LANES>(suffixes, symbol);
            let place = (position + step) as f64;
            for lane in 0..LANES {
                prefix[lane] = whole.join(prefix[lane], whole.part(now[lane], anchor[lane], place));
                let end = End { anchor: [anchor[lane]], now: [now[lane]], rows_past_anchor: place };
                out[lane] = whole.result(whole.join(suffix[lane], prefix[lane]), end);
            }
        }
        store(self.prefix, symbol, &prefix);
    }
}

/// Rows of a block that is complete, to become suffixes, the last first.
struct Completing<'a, 'b, W> {
    column: Past<'a>,
    /// The first of them.
    row: usize,
    rows: usize,
    width: usize,
    /// Its place, which is negative.
    first_place: f64,
    suffixes: &'b mut [f64],
    /// What follows them, and then begins with them.
    suffix: &'b mut [f64],
    anchor: &'b [f64],
    whole: &'b W,
}

impl<W: Whole> Groups for Completing<'_, '_, W> {
    #[inline(always)]
    fn group<const LANES: usize>(&mut self, symbol: usize) {
        let Self { column, row, rows, width, first_place, whole, .. } = *self;
        let anchor = load::<LANES>(self.anchor, symbol);
        let mut suffix = load::<LANES>(self.suffix, symbol);
        let values = column.rows::<LANES>(row, rows, symbol).rev();
        for ((step, now), suffixes) in (0..rows).rev().zip(values).zip(self.suffixes.chunks_exact_mut(width).rev()) {
            let place = first_place + step as f64;
            for lane in 0..LANES {
                suffix[lane] = whole.join(whole.part(now[lane], anchor[lane], place), suffix[lane]);
            }
            store(suffixes, symbol, &suffix);
        }
        store(self.suffix, symbol, &suffix);
    }
}

/// The last row of a block, whose windows are whole blocks.
struct Last<'b, W> {
    wholes: &'b [f64],
    anchor: &'b [f64],
    out: &'b mut [f64],
    whole: &'b W,
}

impl<W: Whole> Groups for Last<'_, W> {
    #[inline(always)]
    fn group<const LANES: usize>(&mut self, symbol: usize) {
        let (wholes, anchor) = (load::<LANES>(self.wholes, symbol), load::<LANES>(self.anchor, symbol));
        let mut results = [0.0; LANES];
        for lane in 0..LANES {
            let end = End { anchor: [anchor[lane]], now: [anchor[lane]], rows_past_anchor: 0.0 };
            results[lane] = self.whole.result(wholes[lane], end);
        }
        store(self.out, symbol, &results);
    }
}
