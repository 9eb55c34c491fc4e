//! Operators of the order of a window: its values are kept sorted, and each row takes one out and puts one in.

use super::Block;
use super::cell::{clean, greater, lesser};
use super::view::RowsMut;
use crate::compiled_for;
use crate::layout::Span;

/// Most values that are all rewritten when one leaves and another enters; of more, only those between the two move.
const FEW: usize = 64;

/// Rows of state for [`sorted`].
pub(super) const fn state_rows(d: usize) -> usize {
    2 * d + 1
}

/// Applies `f` to the known values of each symbol's window in order, where there are at least `least` of the `d`, and to
/// the current value. `state` holds for each symbol the window's last `d` values, each in the place of its row modulo
/// `d`, then those of them that are known in order, then their number.
pub(super) fn sorted<F: Fn(&[f64], f64) -> f64>(
    d: usize,
    least: usize,
    block: &Block<'_>,
    state: &mut [f64],
    out: &mut RowsMut<'_>,
    f: F,
) {
    compiled_for!(block.vectors, sorted_kernel[F: Fn(&[f64], f64) -> f64](
        d: usize,
        least: usize,
        block: &Block<'_>,
        state: &mut [f64],
        out: &mut RowsMut<'_>,
        f: F,
    ));
}

#[inline(always)]
fn sorted_kernel(
    d: usize,
    least: usize,
    block: &Block<'_>,
    state: &mut [f64],
    out: &mut RowsMut<'_>,
    f: impl Fn(&[f64], f64) -> f64,
) {
    let Span { first_row, width, .. } = block.span;
    let x = block.input(0);
    for (symbol, state) in state.chunks_exact_mut(state_rows(d)).take(width).enumerate() {
        let (latest, rest) = state.split_at_mut(d);
        let (sorted, known) = rest.split_at_mut(d);
        let mut count = if first_row == 0 { 0 } else { known[0] as usize };
        let mut place = first_row % d;
        for (offset, [now]) in x.down::<1>(0, symbol).enumerate() {
            // Adding 0 makes one zero of two: what leaves is then equal to nothing but values like it.
            let now = now + 0.0;
            let then = std::mem::replace(&mut latest[place], now);
            place = if place + 1 == d { 0 } else { place + 1 };
            let leaves = first_row + offset >= d && !then.is_nan();
            count = exchange(sorted, count, leaves.then_some(then), (!now.is_nan()).then_some(now));
            out.put(offset, symbol, &[if count >= least { clean(f(&sorted[..count], now)) } else { f64::NAN }]);
        }
        known[0] = count as f64;
    }
}

/// The middle of sorted values.
#[inline(always)]
pub(super) fn median(sorted: &[f64]) -> f64 {
    let half = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[half] } else { f64::midpoint(sorted[half - 1], sorted[half]) }
}

/// The median distance of sorted values from their median.
#[inline(always)]
pub(super) fn median_deviation(sorted: &[f64]) -> f64 {
    let center = median(sorted);
    // Distances rise on either side of the center: merge both sides up to the middle one.
    let mut above = sorted.partition_point(|&x| x < center);
    let mut below = above;
    let (mut last, mut before) = (0.0, 0.0);
    for _ in 0..=sorted.len() / 2 {
        let up = sorted.get(above).map(|x| (x - center).abs());
        let down = below.checked_sub(1).map(|place| (sorted[place] - center).abs());
        before = last;
        last = match (down, up) {
            (Some(down), Some(up)) if down <= up => {
                below -= 1;
                down
            }
            (_, Some(up)) => {
                above += 1;
                up
            }
            (Some(down), None) => {
                below -= 1;
                down
            }
            (None, None) => f64::NAN,
        };
    }
    if sorted.len() % 2 == 1 { last } else { f64::midpoint(before, last) }
}

/// The average rank of one of sorted values, from 1.
#[inline(always)]
pub(super) fn rank(sorted: &[f64], value: f64) -> f64 {
    let below = sorted.partition_point(|&x| x < value);
    let equal = sorted[below..].partition_point(|&x| x <= value);
    below as f64 + f64::midpoint(equal as f64, 1.0)
}

/// Takes a value out of the first `count` sorted ones and puts another in; returns how many there are now.
#[inline(always)]
fn exchange(sorted: &mut [f64], count: usize, leaves: Option<f64>, enters: Option<f64>) -> usize {
    // The same order as that of `<`, as there are no two zeros, compared as integers: no branch to be guessed.
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
        (Some(leaves), Some(enters)) if count <= FEW => {
            exchange_among_few(&mut sorted[..count], leaves, enters);
            count
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

/// [`exchange`] without searching or moving: each place is filled by itself, so that several are at once. Without what
/// leaves, a place holds its value or the next one; with what enters, the larger of what stood before it and of the
/// smaller of what enters and what stands in it.
#[inline(always)]
fn exchange_among_few(sorted: &mut [f64], leaves: f64, enters: f64) {
    let mut old = [f64::INFINITY; FEW + 2];
    old[0] = f64::NEG_INFINITY;
    old[1..=sorted.len()].copy_from_slice(sorted);
    for (value, near) in sorted.iter_mut().zip(old.array_windows::<3>()) {
        let &[before, here, after] = near;
        let left_before = if before < leaves { before } else { here };
        let left_here = if here < leaves { here } else { after };
        *value = greater(left_before, lesser(enters, left_here));
    }
}
