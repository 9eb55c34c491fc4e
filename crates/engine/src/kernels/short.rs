//! Sums over windows of a few rows, made anew for every row from the rows before it.
//!
//! Distances are taken from the current row, as in the last row of a block of [`super::window`]. Between calls the
//! state keeps the rows before, newest first.

use super::Block;
use super::cell::clean;
use super::view::{Groups, Rows, RowsMut, in_groups, load, store};
use super::window::{End, Sums};
use crate::compiled_for;
use crate::layout::Span;

/// Symbols that are taken together.
const LANES: usize = 8;

/// So many rows before the current one.
#[derive(Clone, Copy)]
pub(super) struct Before<const ROWS: usize>;

/// Rows of state for windows of `d` rows of so many inputs.
pub(super) const fn state_rows(d: usize, inputs: usize) -> usize {
    (d - 1) * inputs
}

/// Sums over a row and some before it.
pub(super) fn sums<const BEFORE: usize, const INPUTS: usize, const SUMS: usize, O>(
    before: Before<BEFORE>,
    block: &Block<'_>,
    state: &mut [f64],
    out: &mut RowsMut<'_>,
    operator: &O,
) where
    O: Sums<INPUTS, SUMS>,
{
    compiled_for!(block.vectors, kernel
        [const BEFORE: usize, const INPUTS: usize, const SUMS: usize, O: Sums<INPUTS, SUMS>](
        before: Before<BEFORE>,
        block: &Block<'_>,
        state: &mut [f64],
        out: &mut RowsMut<'_>,
        operator: &O,
    ));
}

#[inline(always)]
fn kernel<const BEFORE: usize, const INPUTS: usize, const SUMS: usize, O: Sums<INPUTS, SUMS>>(
    _: Before<BEFORE>,
    block: &Block<'_>,
    state: &mut [f64],
    out: &mut RowsMut<'_>,
    operator: &O,
) {
    let Span { first_row, width, .. } = block.span;
    if first_row == 0 {
        state.fill(f64::NAN);
    }
    let inputs: [Rows<'_>; INPUTS] = std::array::from_fn(|slot| block.input(slot));
    let kept = |back: usize, slot: usize| (back * INPUTS + slot) * width..(back * INPUTS + slot + 1) * width;
    for offset in 0..out.count() {
        let now: [&[f64]; INPUTS] = std::array::from_fn(|slot| inputs[slot].row(offset));
        let before: [[&[f64]; INPUTS]; BEFORE] = std::array::from_fn(|back| {
            std::array::from_fn(|slot| match offset.checked_sub(back + 1) {
                Some(row) => inputs[slot].row(row),
                None => &state[kept(back - offset, slot)],
            })
        });
        let out = out.row(offset);
        in_groups::<LANES>(width, &mut Row { now, before, out, operator });
    }
    // The oldest first: what moves back comes from a row that is written later.
    for back in (0..BEFORE).rev() {
        for slot in 0..INPUTS {
            match out.count().checked_sub(back + 1) {
                Some(row) => state[kept(back, slot)].copy_from_slice(inputs[slot].row(row)),
                None => state.copy_within(kept(back - out.count(), slot), kept(back, slot).start),
            }
        }
    }
}

/// One row, with those before it.
struct Row<'a, 'o, O, const BEFORE: usize, const INPUTS: usize, const SUMS: usize> {
    now: [&'a [f64]; INPUTS],
    before: [[&'a [f64]; INPUTS]; BEFORE],
    out: &'o mut [f64],
    operator: &'o O,
}

impl<O: Sums<INPUTS, SUMS>, const BEFORE: usize, const INPUTS: usize, const SUMS: usize> Groups
    for Row<'_, '_, O, BEFORE, INPUTS, SUMS>
{
    #[inline(always)]
    fn group<const LANES: usize>(&mut self, symbol: usize) {
        let now = self.now.map(|row| load::<LANES>(row, symbol));
        let before = self.before.map(|rows| rows.map(|row| load::<LANES>(row, symbol)));
        let mut results = [0.0; LANES];
        for lane in 0..LANES {
            let anchor: [f64; INPUTS] = std::array::from_fn(|slot| now[slot][lane]);
            let mut sums = self.operator.terms(std::array::from_fn(|slot| now[slot][lane] - anchor[slot]), 0.0);
            for (back, then) in before.iter().enumerate() {
                let distance = std::array::from_fn(|slot| then[slot][lane] - anchor[slot]);
                let terms = self.operator.terms(distance, -((back + 1) as f64));
                for k in 0..SUMS {
                    sums[k] += terms[k];
                }
            }
            results[lane] = clean(self.operator.result(sums, End { anchor, now: anchor, rows_past_anchor: 0.0 }));
        }
        store(self.out, symbol, &results);
    }
}
