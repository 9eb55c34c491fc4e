//! Sums over windows of a few rows, made anew for every row from the rows before it.
//!
//! Distances are taken from the current row, as in the last row of a block of [`super::window`]. A group of symbols
//! carries its rows in registers; between calls its state keeps them, newest first.

use super::Block;
use super::cell::clean;
use super::view::{Rows, RowsMut, load, store};
use super::window::{End, Lanes, Sums};
use crate::vectors::compiled_for;

/// So many rows before the current one.
#[derive(Clone, Copy)]
pub(super) struct Before<const ROWS: usize>;

/// Rows of state for windows of `d` rows of so many inputs.
pub(super) const fn state_rows(d: usize, inputs: usize) -> usize {
    (d - 1) * inputs
}

/// Sums over a row and some before it.
pub(super) fn sums<const BEFORE: usize, const LANES: usize, const INPUTS: usize, const SUMS: usize, O>(
    before: Before<BEFORE>,
    block: &Block<'_>,
    state: &mut [f64],
    out: &mut RowsMut<'_>,
    lanes: Lanes<LANES>,
    operator: &O,
) where
    O: Sums<INPUTS, SUMS>,
{
    compiled_for!(block.vectors, kernel
        [const BEFORE: usize, const LANES: usize, const INPUTS: usize, const SUMS: usize, O: Sums<INPUTS, SUMS>](
        before: Before<BEFORE>,
        block: &Block<'_>,
        state: &mut [f64],
        out: &mut RowsMut<'_>,
        lanes: Lanes<LANES>,
        operator: &O,
    ));
}

#[inline(always)]
fn kernel<const BEFORE: usize, const LANES: usize, const INPUTS: usize, const SUMS: usize, O: Sums<INPUTS, SUMS>>(
    _: Before<BEFORE>,
    block: &Block<'_>,
    state: &mut [f64],
    out: &mut RowsMut<'_>,
    _: Lanes<LANES>,
    operator: &O,
) {
    if block.span.first_row == 0 {
        state.fill(f64::NAN);
    }
    let inputs = std::array::from_fn(|slot| block.input(slot));
    let cells = state_rows(BEFORE + 1, INPUTS);
    let whole = block.span.width - block.span.width % LANES;
    for symbol in (0..whole).step_by(LANES) {
        let state = &mut state[cells * symbol..][..cells * LANES];
        group::<BEFORE, LANES, INPUTS, SUMS>(symbol, inputs, state, out, operator);
    }
    for symbol in whole..block.span.width {
        let state = &mut state[cells * symbol..][..cells];
        group::<BEFORE, 1, INPUTS, SUMS>(symbol, inputs, state, out, operator);
    }
}

/// Walks some symbols down the rows at hand.
#[inline(always)]
fn group<const BEFORE: usize, const LANES: usize, const INPUTS: usize, const SUMS: usize>(
    symbol: usize,
    inputs: [Rows<'_>; INPUTS],
    state: &mut [f64],
    out: &mut RowsMut<'_>,
    operator: &impl Sums<INPUTS, SUMS>,
) {
    let mut before: [[[f64; LANES]; INPUTS]; BEFORE] =
        std::array::from_fn(|row| std::array::from_fn(|i| load(state, (row * INPUTS + i) * LANES)));
    let mut inputs = inputs.map(|rows| rows.down::<LANES>(0, symbol));
    for out in out.down::<LANES>(0, symbol) {
        let now: [[f64; LANES]; INPUTS] =
            std::array::from_fn(|i| inputs[i].next().expect("as many rows of input as of output"));
        for lane in 0..LANES {
            let anchor: [f64; INPUTS] = std::array::from_fn(|i| now[i][lane]);
            let mut sums = operator.terms(std::array::from_fn(|i| now[i][lane] - anchor[i]), 0.0);
            for (row, then) in before.iter().enumerate() {
                let distance = std::array::from_fn(|i| then[i][lane] - anchor[i]);
                let terms = operator.terms(distance, -((row + 1) as f64));
                for k in 0..SUMS {
                    sums[k] += terms[k];
                }
            }
            out[lane] = clean(operator.result(sums, End { anchor, now: anchor, rows_past_anchor: 0.0 }));
        }
        for row in (1..BEFORE).rev() {
            before[row] = before[row - 1];
        }
        if let Some(newest) = before.first_mut() {
            *newest = now;
        }
    }
    for (row, before) in before.iter().enumerate() {
        for (i, before) in before.iter().enumerate() {
            store(state, (row * INPUTS + i) * LANES, before);
        }
    }
}
