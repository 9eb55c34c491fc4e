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
//! block up to the current position and suffixes of the block before from there on; for each sum, the prefix; for
//! each input, the anchor. Nothing needs to be set before the first row: there is no block before the first, so no
//! window in it is full before its last row, and that row is made from raw inputs alone.

use super::Block;
use super::cell::clean;
use super::view::{Rows, RowsMut, load, store};
use crate::layout::Span;
use crate::vectors::compiled_for;

/// Rows of state for so many sums, or folds, over windows of `d` rows, and the anchors of so many inputs.
pub(super) const fn state_rows(d: usize, anchors: usize, sums: usize) -> usize {
    sums * (d + 1) + anchors
}

/// A stretch of rows of one block of `d`, by offset into the rows at hand.
enum Stretch {
    /// Rows of the very first block, before its last: no window is full.
    Filling { offset: usize, position: usize, rows: usize },
    /// Rows before the last of their block.
    Running { offset: usize, position: usize, rows: usize },
    /// The last row of a block.
    Last { offset: usize },
}

/// Cuts rows at the borders of blocks.
#[inline(always)]
fn stretches(d: usize, first_row: usize, rows: usize) -> impl Iterator<Item = Stretch> {
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

/// Symbols that a kernel takes together: as many as its sums leave registers for.
#[derive(Clone, Copy)]
pub(super) struct Lanes<const COUNT: usize>;

/// Sums over windows of `d` rows.
pub(super) fn sums<const LANES: usize, const INPUTS: usize, const SUMS: usize, O: Sums<INPUTS, SUMS>>(
    d: usize,
    block: &Block<'_>,
    state: &mut [f64],
    out: &mut RowsMut<'_>,
    lanes: Lanes<LANES>,
    operator: &O,
) {
    compiled_for!(block.vectors, sums_kernel
        [const LANES: usize, const INPUTS: usize, const SUMS: usize, O: Sums<INPUTS, SUMS>](
        d: usize,
        block: &Block<'_>,
        state: &mut [f64],
        out: &mut RowsMut<'_>,
        lanes: Lanes<LANES>,
        operator: &O,
    ));
}

#[inline(always)]
fn sums_kernel<const LANES: usize, const INPUTS: usize, const SUMS: usize, O: Sums<INPUTS, SUMS>>(
    d: usize,
    block: &Block<'_>,
    state: &mut [f64],
    out: &mut RowsMut<'_>,
    _: Lanes<LANES>,
    operator: &O,
) {
    let inputs = std::array::from_fn(|slot| block.input(slot));
    let cells = state_rows(d, INPUTS, SUMS);
    let whole = block.span.width - block.span.width % LANES;
    for symbol in (0..whole).step_by(LANES) {
        let state = &mut state[cells * symbol..][..cells * LANES];
        Group::<LANES, INPUTS, SUMS>::new(d, symbol, inputs, state, out).walk(block.span.first_row, operator);
    }
    for symbol in whole..block.span.width {
        let state = &mut state[cells * symbol..][..cells];
        Group::<1, INPUTS, SUMS>::new(d, symbol, inputs, state, out).walk(block.span.first_row, operator);
    }
}

/// Some symbols' inputs, state and output.
struct Group<'a, 'o, const LANES: usize, const INPUTS: usize, const SUMS: usize> {
    d: usize,
    symbol: usize,
    inputs: [Rows<'a>; INPUTS],
    history: &'a mut [f64],
    prefix: &'a mut [f64],
    anchor: &'a mut [f64],
    out: &'a mut RowsMut<'o>,
}

impl<'a, 'o, const LANES: usize, const INPUTS: usize, const SUMS: usize> Group<'a, 'o, LANES, INPUTS, SUMS> {
    #[inline(always)]
    fn new(
        d: usize,
        symbol: usize,
        inputs: [Rows<'a>; INPUTS],
        state: &'a mut [f64],
        out: &'a mut RowsMut<'o>,
    ) -> Self {
        let (history, rest) = state.split_at_mut(SUMS * d * LANES);
        let (prefix, anchor) = rest.split_at_mut(SUMS * LANES);
        Self { d, symbol, inputs, history, prefix, anchor, out }
    }

    #[inline(always)]
    fn walk(&mut self, first_row: usize, operator: &impl Sums<INPUTS, SUMS>) {
        for stretch in stretches(self.d, first_row, self.out.count()) {
            match stretch {
                Stretch::Filling { offset, position, rows } => self.fill(offset, position, rows),
                Stretch::Running { offset, position, rows } => self.run(offset, position, rows, operator),
                Stretch::Last { offset } => self.complete(offset, operator),
            }
        }
    }

    /// Remembers rows of the first block.
    #[inline(always)]
    fn fill(&mut self, offset: usize, position: usize, rows: usize) {
        for row in 0..rows {
            for (input, values) in self.inputs.iter().enumerate() {
                let now: [f64; LANES] = values.lanes(offset + row, self.symbol);
                store(self.history, (input * self.d + position + row) * LANES, &now);
            }
            self.out.put(offset + row, self.symbol, &[f64::NAN; LANES]);
        }
    }

    /// Rows before the last of their block.
    #[inline(always)]
    fn run(&mut self, offset: usize, position: usize, rows: usize, operator: &impl Sums<INPUTS, SUMS>) {
        let anchor: [[f64; LANES]; INPUTS] = std::array::from_fn(|i| load(self.anchor, i * LANES));
        let mut sums = [[0.0; LANES]; SUMS];
        if position > 0 {
            sums = std::array::from_fn(|k| load(self.prefix, k * LANES));
        }
        let mut inputs: [_; INPUTS] = std::array::from_fn(|i| self.inputs[i].down::<LANES>(offset, self.symbol));
        // Of each sum, these rows and the one after: what is read is a row ahead of what is written.
        let mut history =
            histories::<LANES, SUMS>(self.history, self.d).map(|history| &mut history[position..=position + rows]);
        let out = self.out.down::<LANES>(offset, self.symbol);
        for (row, out) in (0..rows).zip(out) {
            let place = (position + row + 1) as f64;
            let now: [[f64; LANES]; INPUTS] =
                std::array::from_fn(|i| inputs[i].next().expect("as many rows of input as of output"));
            let suffix: [[f64; LANES]; SUMS] = std::array::from_fn(|k| history[k][row + 1]);
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
                out[lane] = clean(operator.result(std::array::from_fn(|k| sums[k][lane] + suffix[k][lane]), end));
            }
            for (history, now) in history.iter_mut().zip(now) {
                history[row] = now;
            }
        }
        for (k, sums) in sums.iter().enumerate() {
            store(self.prefix, k * LANES, sums);
        }
    }

    /// The last row of a block, which becomes the anchor: suffixes replace the block's raw rows.
    #[inline(always)]
    fn complete(&mut self, offset: usize, operator: &impl Sums<INPUTS, SUMS>) {
        let d = self.d;
        let anchor: [[f64; LANES]; INPUTS] = std::array::from_fn(|i| self.inputs[i].lanes(offset, self.symbol));
        for (input, anchor) in anchor.iter().enumerate() {
            store(self.anchor, input * LANES, anchor);
            store(self.history, ((input + 1) * d - 1) * LANES, anchor);
        }
        let mut sums = [[0.0; LANES]; SUMS];
        let mut history = histories::<LANES, SUMS>(self.history, d);
        for row in (0..d).rev() {
            let place = row as f64 - (d as f64 - 1.0);
            let now: [[f64; LANES]; INPUTS] = std::array::from_fn(|i| history[i][row]);
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
        let mut out = [0.0; LANES];
        for lane in 0..LANES {
            let now = std::array::from_fn(|i| anchor[i][lane]);
            let end = End { anchor: now, now, rows_past_anchor: 0.0 };
            out[lane] = clean(operator.result(std::array::from_fn(|k| sums[k][lane]), end));
        }
        self.out.put(offset, self.symbol, &out);
    }
}

/// The `d` rows of each sum.
#[inline(always)]
fn histories<const LANES: usize, const SUMS: usize>(rows: &mut [f64], d: usize) -> [&mut [[f64; LANES]]; SUMS] {
    let mut rest = rows.as_chunks_mut().0;
    std::array::from_fn(|_| {
        let (history, others) = std::mem::take(&mut rest).split_at_mut(d);
        rest = others;
        history
    })
}

/// An associative fold over windows of `d` rows, such as a minimum, without an anchor. Of `ends`, the first changes
/// nothing; the second stands for NaN and, once in a window, makes its result infinite or NaN, which is NaN either way.
pub(super) fn fold<F: Fn(f64, f64) -> f64>(
    d: usize,
    block: &Block<'_>,
    state: &mut [f64],
    out: &mut RowsMut<'_>,
    ends: [f64; 2],
    combine: F,
) {
    compiled_for!(block.vectors, fold_kernel[F: Fn(f64, f64) -> f64](
        d: usize,
        block: &Block<'_>,
        state: &mut [f64],
        out: &mut RowsMut<'_>,
        ends: [f64; 2],
        combine: F,
    ));
}

#[inline(always)]
fn fold_kernel(
    d: usize,
    block: &Block<'_>,
    state: &mut [f64],
    out: &mut RowsMut<'_>,
    [neutral, missing]: [f64; 2],
    combine: impl Fn(f64, f64) -> f64,
) {
    const LANES: usize = 8;
    let x = block.input(0);
    let cells = state_rows(d, 0, 1);
    let whole = block.span.width - block.span.width % LANES;
    for symbol in (0..whole).step_by(LANES) {
        let state = &mut state[cells * symbol..][..cells * LANES];
        let mut group = Fold::<LANES, _> { d, symbol, x, state, out, neutral, missing, combine: &combine };
        group.walk(block.span.first_row);
    }
    for symbol in whole..block.span.width {
        let state = &mut state[cells * symbol..][..cells];
        let mut group = Fold::<1, _> { d, symbol, x, state, out, neutral, missing, combine: &combine };
        group.walk(block.span.first_row);
    }
}

/// Some symbols' input, state and output of a fold.
struct Fold<'a, 'o, const LANES: usize, F> {
    d: usize,
    symbol: usize,
    x: Rows<'a>,
    /// As for sums, without an anchor.
    state: &'a mut [f64],
    out: &'a mut RowsMut<'o>,
    neutral: f64,
    missing: f64,
    combine: F,
}

impl<const LANES: usize, F: Fn(f64, f64) -> f64> Fold<'_, '_, LANES, F> {
    #[inline(always)]
    fn walk(&mut self, first_row: usize) {
        for stretch in stretches(self.d, first_row, self.out.count()) {
            match stretch {
                Stretch::Filling { offset, position, rows } => {
                    for row in 0..rows {
                        let now = known::<LANES>(self.x.lanes(offset + row, self.symbol), self.missing);
                        store(self.state, (position + row) * LANES, &now);
                        self.out.put(offset + row, self.symbol, &[f64::NAN; LANES]);
                    }
                }
                Stretch::Running { offset, position, rows } => self.run(offset, position, rows),
                Stretch::Last { offset } => self.complete(offset),
            }
        }
    }

    #[inline(always)]
    fn run(&mut self, offset: usize, position: usize, rows: usize) {
        let (history, prefix) = self.state.split_at_mut(self.d * LANES);
        let mut folded = [self.neutral; LANES];
        if position > 0 {
            folded = load(prefix, 0);
        }
        // These rows and the one after: what is read is a row ahead of what is written.
        let history: &mut [[f64; LANES]] = &mut history.as_chunks_mut().0[position..=position + rows];
        let x = self.x.down::<LANES>(offset, self.symbol);
        for (row, (out, x)) in (0..rows).zip(self.out.down::<LANES>(offset, self.symbol).zip(x)) {
            let now = known(x, self.missing);
            let suffix = history[row + 1];
            let mut whole = [0.0; LANES];
            for lane in 0..LANES {
                folded[lane] = (self.combine)(folded[lane], now[lane]);
                whole[lane] = clean((self.combine)(suffix[lane], folded[lane]));
            }
            history[row] = now;
            *out = whole;
        }
        store(prefix, 0, &folded);
    }

    #[inline(always)]
    fn complete(&mut self, offset: usize) {
        let history: &mut [[f64; LANES]] = &mut self.state.as_chunks_mut().0[..self.d];
        let mut folded = known(self.x.lanes(offset, self.symbol), self.missing);
        history[self.d - 1] = folded;
        for now in history[..self.d - 1].iter_mut().rev() {
            for lane in 0..LANES {
                folded[lane] = (self.combine)(now[lane], folded[lane]);
            }
            *now = folded;
        }
        self.out.put(offset, self.symbol, &folded.map(clean));
    }
}

/// The values, with something else for NaN.
#[inline(always)]
fn known<const LANES: usize>(mut values: [f64; LANES], missing: f64) -> [f64; LANES] {
    for value in &mut values {
        *value = if value.is_nan() { missing } else { *value };
    }
    values
}

/// Rows since the extremum of the window, of equals the most recent. `beats(x, y)` says that x is strictly more
/// extreme than y. The first rows of state hold values, the second their places relative to the end of the block
/// before.
pub(super) fn rows_since_extremum<F: Fn(f64, f64) -> bool>(
    d: usize,
    block: &Block<'_>,
    state: &mut [f64],
    out: &mut RowsMut<'_>,
    beats: F,
) {
    compiled_for!(block.vectors, extremum_kernel[F: Fn(f64, f64) -> bool](
        d: usize,
        block: &Block<'_>,
        state: &mut [f64],
        out: &mut RowsMut<'_>,
        beats: F,
    ));
}

#[inline(always)]
fn extremum_kernel(
    d: usize,
    block: &Block<'_>,
    state: &mut [f64],
    out: &mut RowsMut<'_>,
    beats: impl Fn(f64, f64) -> bool,
) {
    let Span { first_row, width, .. } = block.span;
    let x = block.input(0);
    let (values, rest) = state.split_at_mut(d * width);
    let (places, rest) = rest.split_at_mut(d * width);
    let (best, best_place) = rest.split_at_mut(width);
    for stretch in stretches(d, first_row, out.count()) {
        match stretch {
            Stretch::Filling { offset, position, rows } => {
                for row in 0..rows {
                    let at = (position + row) * width;
                    values[at..at + width].copy_from_slice(x.row(offset + row));
                    out.row(offset + row).fill(f64::NAN);
                }
            }
            Stretch::Running { offset, position, rows } => {
                for row in 0..rows {
                    let (x, out, here) = (x.row(offset + row), out.row(offset + row), position + row);
                    let place = (here + 1) as f64;
                    let (raw, suffix) = values[here * width..(here + 2) * width].split_at_mut(width);
                    let suffix_place = &places[(here + 1) * width..(here + 2) * width];
                    for s in 0..width {
                        let now = x[s];
                        // The newer of equals wins; NaN wins over everything and stays.
                        let keep = here > 0 && (beats(best[s], now) || best[s].is_nan());
                        best[s] = if keep { best[s] } else { now };
                        best_place[s] = if keep { best_place[s] } else { place };
                        let unknown = best[s].is_nan() || suffix[s].is_nan();
                        let extremum = if beats(suffix[s], best[s]) { suffix_place[s] } else { best_place[s] };
                        out[s] = if unknown { f64::NAN } else { place - extremum };
                        raw[s] = now;
                    }
                }
            }
            Stretch::Last { offset } => {
                values[(d - 1) * width..].copy_from_slice(x.row(offset));
                places[(d - 1) * width..].fill(0.0);
                for row in (0..d - 1).rev() {
                    let place = row as f64 - (d as f64 - 1.0);
                    let (earlier, later) = values[row * width..(row + 2) * width].split_at_mut(width);
                    let (earlier_place, later_place) = places[row * width..(row + 2) * width].split_at_mut(width);
                    for s in 0..width {
                        let wins = earlier[s].is_nan() || beats(earlier[s], later[s]);
                        let takes = wins && !later[s].is_nan();
                        earlier_place[s] = if takes { place } else { later_place[s] };
                        earlier[s] = if takes { earlier[s] } else { later[s] };
                    }
                }
                for ((out, value), place) in out.row(offset).iter_mut().zip(&*values).zip(&*places) {
                    *out = if value.is_nan() { f64::NAN } else { -place };
                }
            }
        }
    }
}
