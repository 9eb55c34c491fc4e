//! Operators of one symbol's history that read single earlier rows: values some rows ago, and ranks in time.

use std::ops::Add;

use super::cell::{pairs_row, unary};
use super::view::{Groups, Rows, RowsMut, in_groups, load, store};
use super::{Block, RankScale};
use crate::compiled_for;
use crate::layout::Span;

/// Symbols whose windows are walked together.
const LANES: usize = 16;
/// Rows for which ranks are counted exactly once rounding has made two values of a window equal.
const IN_DOUBT: usize = 8;

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
    let mut rough = vec![0.0; LANES * d];
    let x = block.input(0);
    in_groups::<LANES>(width, &mut RankWalk { d, scale, first_row, x, complete, windows, rough: &mut rough, out });
}

/// The rows at hand, to be walked group by group.
struct RankWalk<'a, 'b, 'o> {
    d: usize,
    scale: RankScale,
    first_row: usize,
    x: Rows<'a>,
    complete: &'b mut [f64],
    windows: &'b mut [f64],
    /// A group's window in short.
    rough: &'b mut [f32],
    out: &'b mut RowsMut<'o>,
}

impl Groups for RankWalk<'_, '_, '_> {
    #[inline(always)]
    fn group<const LANES: usize>(&mut self, symbol: usize) {
        let (window, _) = self.windows[symbol * self.d..][..LANES * self.d].as_chunks_mut::<LANES>();
        let (rough, _) = self.rough[..LANES * self.d].as_chunks_mut::<LANES>();
        for (rough, window) in rough.iter_mut().zip(&*window) {
            *rough = window.map(|value| value as f32);
        }
        let mut since: [f64; LANES] = load(self.complete, symbol);
        let line = self.scale.among(self.d);
        let (mut place, mut in_doubt) = (self.first_row % self.d, 0);
        let rows = self.x.down::<LANES>(0, symbol).zip(self.out.down::<LANES>(0, symbol));
        for (row, (now, out)) in (self.first_row..).zip(rows) {
            window[place] = now;
            rough[place] = now.map(|value| value as f32);
            // Rounding never puts two values the wrong way round, so that only what it makes equal is in doubt: where
            // it did, it will do so again soon.
            let mut count = [0.0; LANES];
            if in_doubt == 0 {
                let (below, equal) = counts(rough, &rough[place]);
                in_doubt = if equal.map(|equal| equal > 1.0).contains(&true) { IN_DOUBT } else { 0 };
                count = below.map(f64::from);
            }
            if in_doubt > 0 {
                let (below, equal) = counts(window, &now);
                for lane in 0..LANES {
                    count[lane] = below[lane] + (equal[lane] - 1.0) / 2.0;
                }
                in_doubt -= 1;
            }
            for lane in 0..LANES {
                let until = (row + self.d) as f64;
                since[lane] = if now[lane].is_nan() { until } else { since[lane] };
                out[lane] = if row as f64 >= since[lane] { line.of(count[lane]) } else { f64::NAN };
            }
            place = if place + 1 == self.d { 0 } else { place + 1 };
        }
        store(self.complete, symbol, &since);
    }
}

/// How many values of a window lie below today's, and how many equal it, itself among them. Counted as numbers, whose
/// sums the compiler may not reorder, so that it takes symbols together and not rows; `value + 1` or the value is one
/// instruction where vectors have masks. Short numbers count any window.
#[inline(always)]
fn counts<T: Copy + PartialOrd + Add<Output = T> + From<u8>, const LANES: usize>(
    window: &[[T; LANES]],
    now: &[T; LANES],
) -> ([T; LANES], [T; LANES]) {
    let (mut below, mut equal) = ([T::from(0); LANES], [T::from(0); LANES]);
    for then in window {
        for lane in 0..LANES {
            below[lane] = if then[lane] < now[lane] { below[lane] + T::from(1) } else { below[lane] };
            equal[lane] = if then[lane] == now[lane] { equal[lane] + T::from(1) } else { equal[lane] };
        }
    }
    (below, equal)
}
