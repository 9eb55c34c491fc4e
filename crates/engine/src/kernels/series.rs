//! Operators of one symbol's history that keep no sums: values some rows ago, order in a window, and
//! recursive averages.

use super::Block;
use super::cell::{clean, pairs_row, unary};
use super::view::{Past, Rows, RowsMut, load, store};
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

/// Rank of today's value in its window, from 0 to 1, ties averaged.
pub(super) fn time_rank(d: usize, block: &Block<'_>, out: &mut RowsMut<'_>) {
    compiled_for!(block.vectors, time_rank_kernel[](d: usize, block: &Block<'_>, out: &mut RowsMut<'_>));
}

#[inline(always)]
fn time_rank_kernel(d: usize, block: &Block<'_>, out: &mut RowsMut<'_>) {
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
            out.put(offset, first, &places::<LANES>(d, row, first, past));
        }
        for first in whole..width {
            out.put(offset, first, &places::<1>(d, row, first, past));
        }
    }
}

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
    let others = d as f64 - 1.0;
    count.map(|count| if d == 1 && !count.is_nan() { 0.5 } else { count / others })
}

/// Rows of state for [`median`].
pub(super) const fn median_state_rows(d: usize) -> usize {
    2 * d + 1
}

/// Median of each symbol's window. `state` holds for each symbol the window's last `d` values, each in the place of
/// its row modulo `d`, then those of them that are known in order, then their number.
///
/// The order is total, with -0.0 before 0.0: what leaves is then the very value that came, and the result depends on
/// nothing older than the window.
pub(super) fn median(d: usize, block: &Block<'_>, state: &mut [f64], out: &mut RowsMut<'_>) {
    let Span { first_row, width, .. } = block.span;
    let x = block.input(0);
    for (symbol, state) in state.chunks_exact_mut(median_state_rows(d)).take(width).enumerate() {
        let (latest, rest) = state.split_at_mut(d);
        let (sorted, known) = rest.split_at_mut(d);
        let mut count = if first_row == 0 { 0 } else { known[0] as usize };
        for (offset, [now]) in x.down::<1>(0, symbol).enumerate() {
            let row = first_row + offset;
            let then = std::mem::replace(&mut latest[row % d], now);
            let leaves = row >= d && !then.is_nan();
            count = exchange(sorted, count, leaves.then_some(then), (!now.is_nan()).then_some(now));
            let half = d / 2;
            let middle = if d % 2 == 1 { sorted[half] } else { f64::midpoint(sorted[half - 1], sorted[half]) };
            out.put(offset, symbol, &[if count == d { middle } else { f64::NAN }]);
        }
        known[0] = count as f64;
    }
}

/// Takes a value out of the first `count` sorted ones and puts another in; returns how many there are now.
#[inline(always)]
fn exchange(sorted: &mut [f64], count: usize, leaves: Option<f64>, enters: Option<f64>) -> usize {
    let place = |sorted: &[f64], value: f64| sorted[..count].partition_point(|known| known.total_cmp(&value).is_lt());
    match (leaves, enters) {
        (None, None) => count,
        (Some(leaves), None) => {
            sorted.copy_within(place(sorted, leaves) + 1..count, place(sorted, leaves));
            count - 1
        }
        (None, Some(enters)) => {
            let to = place(sorted, enters);
            sorted.copy_within(to..count, to + 1);
            sorted[to] = enters;
            count + 1
        }
        (Some(leaves), Some(enters)) => {
            let (from, to) = (place(sorted, leaves), place(sorted, enters));
            if from < to {
                sorted.copy_within(from + 1..to, from);
                sorted[to - 1] = enters;
            } else {
                sorted.copy_within(to..from, to + 1);
                sorted[to] = enters;
            }
            count
        }
    }
}

/// A recursive average: the next value from the one before, the new input and how many inputs came before. A missing
/// value changes nothing and gives NaN, and so do the first `d - 1` values.
///
/// `state` holds the average of each symbol, then the number of its inputs.
pub(super) fn average<F: Fn(f64, f64, f64) -> f64>(
    d: usize,
    block: &Block<'_>,
    state: &mut [f64],
    out: &mut RowsMut<'_>,
    next: F,
) {
    compiled_for!(block.vectors, average_kernel[F: Fn(f64, f64, f64) -> f64](
        d: usize,
        block: &Block<'_>,
        state: &mut [f64],
        out: &mut RowsMut<'_>,
        next: F,
    ));
}

#[inline(always)]
fn average_kernel(
    d: usize,
    block: &Block<'_>,
    state: &mut [f64],
    out: &mut RowsMut<'_>,
    next: impl Fn(f64, f64, f64) -> f64,
) {
    let x = block.input(0);
    if block.span.first_row == 0 {
        state.fill(0.0);
    }
    let width = block.span.width;
    let (value, seen) = state.split_at_mut(width);
    let whole = width - width % LANES;
    for symbol in (0..whole).step_by(LANES) {
        average_group::<LANES>(d, symbol, x, value, seen, out, &next);
    }
    for symbol in whole..width {
        average_group::<1>(d, symbol, x, value, seen, out, &next);
    }
}

/// Walks some symbols down the rows at hand, their averages in registers.
#[inline(always)]
fn average_group<const LANES: usize>(
    d: usize,
    symbol: usize,
    x: Rows<'_>,
    value: &mut [f64],
    seen: &mut [f64],
    out: &mut RowsMut<'_>,
    next: impl Fn(f64, f64, f64) -> f64,
) {
    let mut average: [f64; LANES] = load(value, symbol);
    let mut count: [f64; LANES] = load(seen, symbol);
    for (out, x) in out.down::<LANES>(0, symbol).zip(x.down::<LANES>(0, symbol)) {
        for lane in 0..LANES {
            let known = !x[lane].is_nan();
            let after = next(average[lane], x[lane], count[lane]);
            average[lane] = if known { after } else { average[lane] };
            count[lane] += if known { 1.0 } else { 0.0 };
            out[lane] = if known && count[lane] >= d as f64 { clean(after) } else { f64::NAN };
        }
    }
    store(value, symbol, &average);
    store(seen, symbol, &count);
}

/// The next value of an exponential average over `d` rows, alpha 2 / (d + 1), from its first input.
#[inline(always)]
pub(super) fn exponential(d: usize) -> impl Fn(f64, f64, f64) -> f64 {
    let alpha = 2.0 / (d as f64 + 1.0);
    move |before, x, seen| if seen == 0.0 { x } else { alpha * x + (1.0 - alpha) * before }
}

/// The next value of Wilder's average over `d` rows, alpha 1 / d, from the mean of the first `d` inputs.
#[inline(always)]
pub(super) fn wilder(d: usize) -> impl Fn(f64, f64, f64) -> f64 {
    let rows = d as f64;
    let share = 1.0 / rows;
    move |before, x, seen| {
        // The first d values are summed; the d-th turns the sum into their mean.
        let total = before + x;
        let starting = if seen + 1.0 == rows { total * share } else { total };
        let running = (before * (rows - 1.0) + x) * share;
        if seen < rows { starting } else { running }
    }
}

/// The most recent value that is not missing, at most `d - 1` rows old. `state` holds each symbol's value, then its
/// age in rows.
pub(super) fn latest(d: usize, block: &Block<'_>, state: &mut [f64], out: &mut RowsMut<'_>) {
    compiled_for!(block.vectors, latest_kernel[](
        d: usize,
        block: &Block<'_>,
        state: &mut [f64],
        out: &mut RowsMut<'_>,
    ));
}

#[inline(always)]
fn latest_kernel(d: usize, block: &Block<'_>, state: &mut [f64], out: &mut RowsMut<'_>) {
    let x = block.input(0);
    let width = block.span.width;
    let (value, age) = state.split_at_mut(width);
    if block.span.first_row == 0 {
        value.fill(f64::NAN);
        age.fill(0.0);
    }
    let whole = width - width % LANES;
    for symbol in (0..whole).step_by(LANES) {
        latest_group::<LANES>(d, symbol, x, value, age, out);
    }
    for symbol in whole..width {
        latest_group::<1>(d, symbol, x, value, age, out);
    }
}

/// Walks some symbols down the rows at hand, their values in registers.
#[inline(always)]
fn latest_group<const LANES: usize>(
    d: usize,
    symbol: usize,
    x: Rows<'_>,
    value: &mut [f64],
    age: &mut [f64],
    out: &mut RowsMut<'_>,
) {
    let mut latest: [f64; LANES] = load(value, symbol);
    let mut rows: [f64; LANES] = load(age, symbol);
    for (out, x) in out.down::<LANES>(0, symbol).zip(x.down::<LANES>(0, symbol)) {
        for lane in 0..LANES {
            let fresh = !x[lane].is_nan();
            rows[lane] = if fresh { 0.0 } else { rows[lane] + 1.0 };
            latest[lane] = if fresh { x[lane] } else { latest[lane] };
            out[lane] = if rows[lane] < d as f64 { latest[lane] } else { f64::NAN };
        }
    }
    store(value, symbol, &latest);
    store(age, symbol, &rows);
}
