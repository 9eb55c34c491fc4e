//! Operators of one symbol's history that read single earlier rows: values some rows ago, and ranks in time.

use super::cell::{pairs_row, unary};
use super::view::{Rows, RowsMut, load, store};
use super::{Block, RankScale};
use crate::compiled_for;
use crate::layout::Span;

/// Symbols whose windows are walked together.
const LANES: usize = 8;

/// Today's value and the one `d` rows ago: from the past of a column, else from `state`, which holds the last `d`
/// rows, each in the place of its number modulo `d`.
pub(super) fn lagged<F: Fn(f64, f64) -> f64 + Copy>(
    d: usize,
    block: &Block<'_>,
    state: &mut [f64],
    out: &mut RowsMut<'_>,
    f: F,
) {
    if d == 0 {
        return unary(block.vectors, block.input(0), out, |x| f(x, x));
    }
    compiled_for!(block.vectors, lagged_kernel[F: Fn(f64, f64) -> f64](
        d: usize,
        block: &Block<'_>,
        state: &mut [f64],
        out: &mut RowsMut<'_>,
        f: F,
    ));
}

#[inline(always)]
fn lagged_kernel(d: usize, block: &Block<'_>, state: &mut [f64], out: &mut RowsMut<'_>, f: impl Fn(f64, f64) -> f64) {
    let Span { first_row, width, .. } = block.span;
    let x = block.input(0);
    for offset in 0..out.count() {
        let row = first_row + offset;
        let (x, out) = (x.row(offset), out.row(offset));
        let known = row >= d;
        if !known {
            out.fill(f64::NAN);
        }
        if let Some(past) = block.past {
            if known {
                pairs_row(x, past.row(row - d), out, &f);
            }
            continue;
        }
        let kept = &mut state[row % d * width..][..width];
        if known {
            pairs_row(x, kept, out, &f);
        }
        kept.copy_from_slice(x);
    }
}

/// Rows of state for [`time_rank`]: the window, and from which row on nothing is missing in it.
pub(super) const fn time_rank_state_rows(d: usize) -> usize {
    d + 1
}

/// Rank of today's value in its window, ties averaged, on a scale. `state` holds, for each symbol, the row from which on
/// its window is complete, then for every few symbols their last `d` rows, each in the place of its number modulo `d`.
pub(super) fn time_rank(d: usize, scale: RankScale, block: &Block<'_>, state: &mut [f64], out: &mut RowsMut<'_>) {
    compiled_for!(block.vectors, time_rank_kernel[](
        d: usize,
        scale: RankScale,
        block: &Block<'_>,
        state: &mut [f64],
        out: &mut RowsMut<'_>,
    ));
}

#[inline(always)]
fn time_rank_kernel(d: usize, scale: RankScale, block: &Block<'_>, state: &mut [f64], out: &mut RowsMut<'_>) {
    let Span { first_row, width, .. } = block.span;
    let (complete, windows) = state.split_at_mut(width);
    if first_row == 0 {
        complete.fill(d as f64 - 1.0);
    }
    let (x, whole) = (block.input(0), width - width % LANES);
    for first in (0..whole).step_by(LANES) {
        let window = &mut windows[first * d..][..LANES * d];
        time_ranks::<LANES>(first, first_row, scale, x, &mut complete[first..], window, out);
    }
    for symbol in whole..width {
        let window = &mut windows[symbol * d..][..d];
        time_ranks::<1>(symbol, first_row, scale, x, &mut complete[symbol..], window, out);
    }
}

/// Walks some symbols down the rows at hand.
#[inline(always)]
fn time_ranks<const LANES: usize>(
    first: usize,
    first_row: usize,
    scale: RankScale,
    x: Rows<'_>,
    complete: &mut [f64],
    window: &mut [f64],
    out: &mut RowsMut<'_>,
) {
    let (window, _) = window.as_chunks_mut::<LANES>();
    let d = window.len();
    let mut since: [f64; LANES] = load(complete, 0);
    for ((row, now), out) in (first_row..).zip(x.down::<LANES>(0, first)).zip(out.down::<LANES>(0, first)) {
        window[row % d] = now;
        // Values below count 1, equal ones a half, today's own among them: no order of rows is needed. Counted as
        // numbers, whose sums the compiler may not reorder, so that it takes symbols together and not rows.
        let mut count = [0.0; LANES];
        for then in &*window {
            for lane in 0..LANES {
                let not_above = if then[lane] <= now[lane] { 0.5 } else { 0.0 };
                count[lane] += if then[lane] < now[lane] { 1.0 } else { not_above };
            }
        }
        for lane in 0..LANES {
            let until = (row + d) as f64;
            since[lane] = if now[lane].is_nan() { until } else { since[lane] };
            out[lane] = if row as f64 >= since[lane] { scale.of(count[lane] - 0.5, d) } else { f64::NAN };
        }
    }
    store(complete, 0, &since);
}
