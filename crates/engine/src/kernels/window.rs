//! Sliding windows at a cost that does not grow with the window: block suffixes plus a running prefix.
//!
//! Rows are cut into blocks of `d`, aligned to panel row 0. A window that ends at position `p` of a block is the
//! suffix of the block before, from position `p + 1` on, and the prefix of this one. Suffixes are computed when a
//! block is complete, one pass back over its rows; the prefix runs along. Nothing is ever subtracted, so NaN needs
//! no counters, rows older than the window change nothing, bit for bit, and no digits are lost to values long gone.
//!
//! Sums are taken of distances from an anchor, the last row of the block before, which every window across the
//! border contains: if it is NaN, so is every such window.
//!
//! Symbols are taken in groups of as many as fit the registers, each group through all rows at hand. A group's state
//! stands together, so that memory is walked in order: for each sum, `d` rows of the group, raw inputs of the current
//! block up to the current position (unless they stand in a column, where they are found again) and suffixes of the
//! block before from there on; for each sum, the prefix; for each input, the anchor. Nothing needs to be set before the
//! first row: there is no block before the first, so no window in it is full before its last row, and that row is made
//! from raw inputs alone.

use super::Block;
use super::cell::clean;
use super::short::{self, Before};
use super::view::{Groups, Past, Rows, RowsMut, in_groups, load, prefetch_behind, store};
use crate::compiled_for;
use crate::layout::Span;

/// Windows of at most so many rows are summed anew for every row: that takes fewer steps, and no suffixes.
const SHORT: usize = 4;

/// Rows of state for so many sums over windows of `d` rows of so many inputs.
pub(super) const fn state_rows(d: usize, inputs: usize, sums: usize) -> usize {
    if d <= SHORT { short::state_rows(d, inputs) } else { sums * (d + 1) + inputs }
}

/// A stretch of rows of one block of `d`, by offset into the rows at hand.
#[derive(Clone, Copy)]
pub(super) enum Stretch {
    /// Rows of the very first block, before its last: no window is full.
    Filling { offset: usize, position: usize, rows: usize },
    /// Rows before the last of their block.
    Running { offset: usize, position: usize, rows: usize },
    /// The last row of a block.
    Last { offset: usize },
}

/// Cuts rows at the borders of blocks.
#[inline(always)]
pub(super) fn stretches(d: usize, first_row: usize, rows: usize) -> impl Iterator<Item = Stretch> {
    let mut offset = 0;
    std::iter::from_fn(move || {
        if offset == rows {
            return None;
        }
        let row = first_row + offset;
        let position = row % d;
        let start = offset;
        let count = (d - 1 - position).min(rows - offset);
        offset += count.max(1);
        Some(match count {
            0 => Stretch::Last { offset: start },
            _ if row < d => Stretch::Filling { offset: start, position, rows: count },
            _ => Stretch::Running { offset: start, position, rows: count },
        })
    })
}

/// What an operator sums over its window, and what it makes of the sums. A trait and not closures: closures would
/// stay functions of their own, compiled without wide vectors.
pub(super) trait Sums<const INPUTS: usize, const SUMS: usize> {
    /// Summands of a row, from its distances to the anchor and its place relative to the anchor.
    fn terms(&self, distance: [f64; INPUTS], place: f64) -> [f64; SUMS];

    /// The value, from the sums over the window.
    fn result(&self, sums: [f64; SUMS], end: End<INPUTS>) -> f64;

    /// Whether [`Sums::mean`] is wanted too.
    const WITH_MEAN: bool = false;

    /// The mean of the window, to the bit as [`super::sums::Mean`] has it.
    #[inline(always)]
    fn mean(&self, _: [f64; SUMS], _: End<INPUTS>) -> f64 {
        f64::NAN
    }
}

/// What is known when a window's result is made.
#[derive(Clone, Copy)]
pub(super) struct End<const INPUTS: usize> {
    /// The values that sums were taken from.
    pub(super) anchor: [f64; INPUTS],
    /// The current row.
    pub(super) now: [f64; INPUTS],
    /// Rows from the anchor to the current row.
    pub(super) rows_past_anchor: f64,
}

/// Symbols that a kernel takes together: as many as its sums leave registers for. With 512 bits there are twice as many
/// registers of twice the width.
#[derive(Clone, Copy)]
pub(super) struct Lanes<const COUNT: usize, const WIDE: usize>;

/// Sums over windows of `d` rows.
pub(super) fn sums<
    const LANES: usize,
    const WIDE: usize,
    const INPUTS: usize,
    const SUMS: usize,
    O: Sums<INPUTS, SUMS>,
>(
    d: usize,
    block: &Block<'_>,
    state: &mut [f64],
    out: &mut RowsMut<'_>,
    lanes: Lanes<LANES, WIDE>,
    operator: &O,
) {
    match d {
        1 => short::sums(Before::<0>, block, state, out, operator),
        2 => short::sums(Before::<1>, block, state, out, operator),
        3 => short::sums(Before::<2>, block, state, out, operator),
        SHORT => short::sums(Before::<3>, block, state, out, operator),
        _ => long(d, block, state, out, None, lanes, operator),
    }
}

/// Windows whose mean can be had with [`long`] sums.
pub(super) const fn is_long(d: usize) -> bool {
    d > SHORT
}

/// Sums over windows of `d` rows, more than a few. Operators [with a mean](Sums::WITH_MEAN) write it to `mean`.
pub(super) fn long<
    const LANES: usize,
    const WIDE: usize,
    const INPUTS: usize,
    const SUMS: usize,
    O: Sums<INPUTS, SUMS>,
>(
    d: usize,
    block: &Block<'_>,
    state: &mut [f64],
    out: &mut RowsMut<'_>,
    mean: Option<&mut RowsMut<'_>>,
    lanes: Lanes<LANES, WIDE>,
    operator: &O,
) {
    compiled_for!(block.vectors, narrow_kernel | wide_kernel
        [const LANES: usize, const WIDE: usize, const INPUTS: usize, const SUMS: usize, O: Sums<INPUTS, SUMS>](
        d: usize,
        block: &Block<'_>,
        state: &mut [f64],
        out: &mut RowsMut<'_>,
        mean: Option<&mut RowsMut<'_>>,
        lanes: Lanes<LANES, WIDE>,
        operator: &O,
    ));
}

#[inline(always)]
fn narrow_kernel<
    const LANES: usize,
    const WIDE: usize,
    const INPUTS: usize,
    const SUMS: usize,
    O: Sums<INPUTS, SUMS>,
>(
    d: usize,
    block: &Block<'_>,
    state: &mut [f64],
    out: &mut RowsMut<'_>,
    mean: Option<&mut RowsMut<'_>>,
    _: Lanes<LANES, WIDE>,
    operator: &O,
) {
    kernel::<LANES, INPUTS, SUMS, O>(d, block, state, out, mean, operator);
}

#[inline(always)]
fn wide_kernel<const LANES: usize, const WIDE: usize, const INPUTS: usize, const SUMS: usize, O: Sums<INPUTS, SUMS>>(
    d: usize,
    block: &Block<'_>,
    state: &mut [f64],
    out: &mut RowsMut<'_>,
    mean: Option<&mut RowsMut<'_>>,
    _: Lanes<LANES, WIDE>,
    operator: &O,
) {
    kernel::<WIDE, INPUTS, SUMS, O>(d, block, state, out, mean, operator);
}

#[inline(always)]
fn kernel<const LANES: usize, const INPUTS: usize, const SUMS: usize, O: Sums<INPUTS, SUMS>>(
    d: usize,
    block: &Block<'_>,
    state: &mut [f64],
    out: &mut RowsMut<'_>,
    mut mean: Option<&mut RowsMut<'_>>,
    operator: &O,
) {
    let Span { first_row, width, .. } = block.span;
    let inputs = std::array::from_fn(|slot| block.input(slot));
    for stretch in stretches(d, first_row, out.count()) {
        let mean = mean.as_deref_mut();
        match block.past.filter(|_| INPUTS == 1) {
            Some(raw) => in_groups::<LANES>(width, &mut Walk { d, raw, inputs, state, out, mean, stretch, operator }),
            None => {
                in_groups::<LANES>(width, &mut Walk { d, raw: InState, inputs, state, out, mean, stretch, operator });
            }
        }
    }
}

/// Where the raw rows of a block are found again once it is complete.
trait Raw: Copy {
    /// Whether they were kept in the state, in the places of the suffixes that come of them.
    const KEPT: bool;

    /// So many rows before one of those at hand, the latest first; none where they were kept.
    fn back<const LANES: usize>(self, offset: usize, rows: usize, symbol: usize) -> impl Iterator<Item = [f64; LANES]>;
}

/// In the state.
#[derive(Clone, Copy)]
struct InState;

impl Raw for InState {
    const KEPT: bool = true;

    #[inline(always)]
    fn back<const LANES: usize>(self, _: usize, _: usize, _: usize) -> impl Iterator<Item = [f64; LANES]> {
        std::iter::empty()
    }
}

/// In the column that is the only input.
impl Raw for Past<'_> {
    const KEPT: bool = false;

    #[inline(always)]
    fn back<const LANES: usize>(self, offset: usize, rows: usize, symbol: usize) -> impl Iterator<Item = [f64; LANES]> {
        Past::back(&self, offset, rows, symbol)
    }
}

/// A stretch of rows, to be walked group by group.
struct Walk<'a, 'b, 'o, 'm, O, R, const INPUTS: usize, const SUMS: usize> {
    d: usize,
    raw: R,
    inputs: [Rows<'a>; INPUTS],
    state: &'b mut [f64],
    out: &'b mut RowsMut<'o>,
    mean: Option<&'b mut RowsMut<'m>>,
    stretch: Stretch,
    operator: &'b O,
}

impl<O: Sums<INPUTS, SUMS>, R: Raw, const INPUTS: usize, const SUMS: usize> Groups
    for Walk<'_, '_, '_, '_, O, R, INPUTS, SUMS>
{
    #[inline(always)]
    fn group<const LANES: usize>(&mut self, symbol: usize) {
        let cells = state_rows(self.d, INPUTS, SUMS);
        let state = &mut self.state[cells * symbol..][..cells * LANES];
        let (history, rest) = state.split_at_mut(SUMS * self.d * LANES);
        let (prefix, anchor) = rest.split_at_mut(SUMS * LANES);
        let Self { d, raw, inputs, .. } = *self;
        let (out, mean) = (&mut *self.out, self.mean.as_deref_mut());
        let mut group = Group::<R, LANES, INPUTS, SUMS> { d, raw, symbol, inputs, history, prefix, anchor, out, mean };
        match self.stretch {
            Stretch::Filling { offset, position, rows } => group.fill(offset, position, rows),
            Stretch::Running { offset, position, rows } => group.run(offset, position, rows, self.operator),
            Stretch::Last { offset } => group.complete(offset, self.operator),
        }
    }
}

/// Some symbols' inputs, state and output.
struct Group<'a, 'o, 'm, R, const LANES: usize, const INPUTS: usize, const SUMS: usize> {
    d: usize,
    raw: R,
    symbol: usize,
    inputs: [Rows<'a>; INPUTS],
    history: &'a mut [f64],
    prefix: &'a mut [f64],
    anchor: &'a mut [f64],
    out: &'a mut RowsMut<'o>,
    mean: Option<&'a mut RowsMut<'m>>,
}

impl<R: Raw, const LANES: usize, const INPUTS: usize, const SUMS: usize> Group<'_, '_, '_, R, LANES, INPUTS, SUMS> {
    /// Remembers rows of the first block.
    #[inline(always)]
    fn fill(&mut self, offset: usize, position: usize, rows: usize) {
        for row in 0..rows {
            for (input, values) in self.inputs.iter().enumerate().filter(|_| R::KEPT) {
                let now: [f64; LANES] = values.lanes(offset + row, self.symbol);
                store(self.history, (input * self.d + position + row) * LANES, &now);
            }
            self.out.put(offset + row, self.symbol, &[f64::NAN; LANES]);
            if let Some(mean) = &mut self.mean {
                mean.put(offset + row, self.symbol, &[f64::NAN; LANES]);
            }
        }
    }

    /// Rows before the last of their block.
    #[inline(always)]
    fn run<O: Sums<INPUTS, SUMS>>(&mut self, offset: usize, position: usize, rows: usize, operator: &O) {
        let anchor: [[f64; LANES]; INPUTS] = std::array::from_fn(|i| load(self.anchor, i * LANES));
        let mut sums: [[f64; LANES]; SUMS] = std::array::from_fn(|k| load(self.prefix, k * LANES));
        let mut inputs: [_; INPUTS] = std::array::from_fn(|i| self.inputs[i].down::<LANES>(offset, self.symbol));
        // Of each sum, these rows and the one after: what is read is a row ahead of what is written.
        let mut history =
            histories::<LANES, SUMS>(self.history, self.d).map(|history| &mut history[position..=position + rows]);
        let mut means = self.mean.as_mut().map(|mean| mean.down::<LANES>(offset, self.symbol));
        let out = self.out.down::<LANES>(offset, self.symbol);
        for (row, out) in (0..rows).zip(out) {
            let place = (position + row + 1) as f64;
            if !R::KEPT {
                // The next group wants them.
                self.inputs[0].prefetch::<LANES>(offset + row, self.symbol + LANES);
                prefetch_behind(out, LANES);
            }
            let now: [[f64; LANES]; INPUTS] =
                std::array::from_fn(|i| inputs[i].next().expect("as many rows of input as of output"));
            let suffix: [[f64; LANES]; SUMS] = std::array::from_fn(|k| history[k][row + 1]);
            let mut mean = [0.0; LANES];
            for lane in 0..LANES {
                let term = operator.terms(std::array::from_fn(|i| now[i][lane] - anchor[i][lane]), place);
                for k in 0..SUMS {
                    sums[k][lane] += term[k];
                }
                let end = End {
                    anchor: std::array::from_fn(|i| anchor[i][lane]),
                    now: std::array::from_fn(|i| now[i][lane]),
                    rows_past_anchor: place,
                };
                let whole = std::array::from_fn(|k| sums[k][lane] + suffix[k][lane]);
                out[lane] = clean(operator.result(whole, end));
                mean[lane] = clean(operator.mean(whole, end));
            }
            if O::WITH_MEAN
                && let Some(means) = &mut means
            {
                *means.next().expect("as many means as values") = mean;
            }
            if R::KEPT {
                for (history, now) in history.iter_mut().zip(now) {
                    history[row] = now;
                }
            }
        }
        for (k, sums) in sums.iter().enumerate() {
            store(self.prefix, k * LANES, sums);
        }
    }

    /// The last row of a block, which becomes the anchor: suffixes replace the block's raw rows.
    #[inline(always)]
    fn complete<O: Sums<INPUTS, SUMS>>(&mut self, offset: usize, operator: &O) {
        let d = self.d;
        // Every block begins so: to ask where one begins costs the loop over its rows half of its vectors.
        self.prefix.fill(0.0);
        let anchor: [[f64; LANES]; INPUTS] = std::array::from_fn(|i| self.inputs[i].lanes(offset, self.symbol));
        for (input, anchor) in anchor.iter().enumerate() {
            store(self.anchor, input * LANES, anchor);
            store(self.history, ((input + 1) * d - 1) * LANES, anchor);
        }
        let mut sums = [[0.0; LANES]; SUMS];
        let mut history = histories::<LANES, SUMS>(self.history, d);
        let mut raw = self.raw.back::<LANES>(offset + 1, d, self.symbol);
        for row in (0..d).rev() {
            let place = row as f64 - (d as f64 - 1.0);
            let now: [[f64; LANES]; INPUTS] = std::array::from_fn(|i| {
                if R::KEPT { history[i][row] } else { raw.next().expect("as many rows of a column as of a window") }
            });
            for lane in 0..LANES {
                let term = operator.terms(std::array::from_fn(|i| now[i][lane] - anchor[i][lane]), place);
                for k in 0..SUMS {
                    sums[k][lane] += term[k];
                }
            }
            for (history, sums) in history.iter_mut().zip(sums) {
                history[row] = sums;
            }
        }
        let (mut out, mut mean) = ([0.0; LANES], [0.0; LANES]);
        for lane in 0..LANES {
            let now = std::array::from_fn(|i| anchor[i][lane]);
            let end = End { anchor: now, now, rows_past_anchor: 0.0 };
            let whole = std::array::from_fn(|k| sums[k][lane]);
            out[lane] = clean(operator.result(whole, end));
            mean[lane] = clean(operator.mean(whole, end));
        }
        self.out.put(offset, self.symbol, &out);
        if O::WITH_MEAN
            && let Some(means) = &mut self.mean
        {
            means.put(offset, self.symbol, &mean);
        }
    }
}

/// The `d` rows of each sum.
#[inline(always)]
pub(super) fn histories<const LANES: usize, const SUMS: usize>(
    rows: &mut [f64],
    d: usize,
) -> [&mut [[f64; LANES]]; SUMS] {
    let mut rest = rows.as_chunks_mut().0;
    std::array::from_fn(|_| {
        let (history, others) = std::mem::take(&mut rest).split_at_mut(d);
        rest = others;
        history
    })
}
