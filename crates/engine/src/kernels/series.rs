//! Operators of one symbol's history that read single earlier rows: values some rows ago, and ranks in time.

use super::cell::{pairs_row, unary};
use super::view::{Past, RowsMut};
use super::{Block, RankScale};
use crate::layout::Span;
use crate::vectors::compiled_for;

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

/// Rank of today's value in its window, ties averaged, on a scale.
pub(super) fn time_rank(d: usize, scale: RankScale, block: &Block<'_>, out: &mut RowsMut<'_>) {
    compiled_for!(block.vectors, time_rank_kernel[](
        d: usize,
        scale: RankScale,
        block: &Block<'_>,
        out: &mut RowsMut<'_>,
    ));
}

#[inline(always)]
fn time_rank_kernel(d: usize, scale: RankScale, block: &Block<'_>, out: &mut RowsMut<'_>) {
    let Span { first_row, width, .. } = block.span;
    let past = block.past();
    for offset in 0..out.count() {
        let row = first_row + offset;
        if row + 1 < d {
            out.row(offset).fill(f64::NAN);
            continue;
        }
        let whole = width - width % LANES;
        for first in (0..whole).step_by(LANES) {
            out.put(offset, first, &places::<LANES>(d, row, first, past).map(|below| scale.of(below, d)));
        }
        for first in whole..width {
            out.put(offset, first, &places::<1>(d, row, first, past).map(|below| scale.of(below, d)));
        }
    }
}

/// For each symbol, how many values of its window lie below today's; of equals half.
#[inline(always)]
fn places<const LANES: usize>(d: usize, row: usize, first: usize, past: Past<'_>) -> [f64; LANES] {
    let mut window = past.back::<LANES>(row, d, first);
    let now = window.next().expect("a window has a row");
    // Values below count 1, equal ones a half, today's own among them; NaN on either side spreads.
    let mut count = now.map(|now| if now.is_nan() { now } else { 0.0 });
    for then in window {
        for lane in 0..LANES {
            let below = if then[lane] < now[lane] { 1.0 } else { 0.0 };
            let counted = if then[lane] == now[lane] { 0.5 } else { below };
            let known = !(then[lane] + now[lane]).is_nan();
            count[lane] += if known { counted } else { f64::NAN };
        }
    }
    count
}
