//! Operators of the user's own program: their kernels, called for cells, windows, what is carried, or rows.

use factor::{CustomId, Definition, Kernel, MAX_INPUTS, Operator, Parameters};

use super::cell::clean;
use super::view::{Rows, RowsMut};
use super::{Block, Operand, RowScratch};
use crate::layout::Span;

/// Rows of state that a node keeps.
pub(super) fn state_rows(id: CustomId, parameters: &Parameters) -> usize {
    let definition = Operator::Custom(id).definition();
    match id.kernel(parameters) {
        Kernel::Cell(_) | Kernel::Row(_) => 0,
        Kernel::Window(_) => definition.inputs.len() * room(rows_seen(definition, parameters)),
        Kernel::Carry { start, .. } => start.len(),
    }
}

/// Rows of a window, the current one included.
fn rows_seen(definition: &Definition, parameters: &Parameters) -> usize {
    definition.lookback.rows(parameters) as usize + 1
}

/// Cells for a symbol's last `rows` values of an input: each is kept twice, as many places apart, so that the values of
/// a window always lie one after the other.
const fn room(rows: usize) -> usize {
    2 * rows
}

/// Runs a node.
pub(crate) fn run(
    operator: Operator,
    kernel: &Kernel,
    parameters: &Parameters,
    block: &Block<'_>,
    state: &mut [f64],
    scratch: &mut RowScratch,
    out: &mut RowsMut<'_>,
) {
    let definition = operator.definition();
    let inputs = definition.inputs.len();
    match kernel {
        Kernel::Cell(value) => {
            let rows = rows_of(block, inputs);
            for offset in 0..out.count() {
                for (symbol, out) in out.row(offset).iter_mut().enumerate() {
                    let values = rows.map(|rows| rows.map_or(f64::NAN, |rows| rows.row(offset)[symbol]));
                    *out = clean(value(&values[..inputs]));
                }
            }
        }
        Kernel::Window(value) => {
            let d = rows_seen(definition, parameters);
            windows(d, rows_of(block, inputs), inputs, block.span, state, out, value);
        }
        Kernel::Carry { start, next } => {
            let rows = rows_of(block, inputs);
            let Span { first_row, width, .. } = block.span;
            for symbol in 0..width {
                let kept = &mut state[symbol * start.len()..][..start.len()];
                if first_row == 0 {
                    kept.copy_from_slice(start);
                }
                for offset in 0..out.count() {
                    let values = rows.map(|rows| rows.map_or(f64::NAN, |rows| rows.row(offset)[symbol]));
                    out.put(offset, symbol, &[clean(next(kept, &values[..inputs]))]);
                }
            }
        }
        Kernel::Row(fill) => whole_rows(inputs, block, scratch, out, fill),
    }
}

/// The rows at hand of each input that there is.
fn rows_of<'a>(block: &Block<'a>, inputs: usize) -> [Option<Rows<'a>>; MAX_INPUTS] {
    std::array::from_fn(|slot| (slot < inputs).then(|| block.input(slot)))
}

fn windows(
    d: usize,
    rows: [Option<Rows<'_>>; MAX_INPUTS],
    inputs: usize,
    span: Span,
    state: &mut [f64],
    out: &mut RowsMut<'_>,
    value: &factor::WindowFunction,
) {
    for (symbol, latest) in state.chunks_exact_mut(inputs * room(d)).take(span.width).enumerate() {
        for offset in 0..out.count() {
            let row = span.first_row + offset;
            for (latest, rows) in latest.chunks_exact_mut(room(d)).zip(rows.iter().flatten()) {
                let x = rows.row(offset)[symbol];
                latest[row % d] = x;
                latest[row % d + d] = x;
            }
            let mut windows: [&[f64]; MAX_INPUTS] = [&[]; MAX_INPUTS];
            for (window, latest) in windows.iter_mut().zip(latest.chunks_exact(room(d))) {
                *window = &latest[row % d + 1..][..d];
            }
            let found = if row + 1 < d { f64::NAN } else { clean(value(&windows[..inputs])) };
            out.put(offset, symbol, &[found]);
        }
    }
}

fn whole_rows(
    inputs: usize,
    block: &Block<'_>,
    scratch: &mut RowScratch,
    out: &mut RowsMut<'_>,
    fill: &factor::RowFunction,
) {
    let width = block.span.width;
    let mut masked = std::mem::take(&mut scratch.input);
    for offset in 0..out.count() {
        let members = &block.members[(block.span.first_row + offset) * width..][..width];
        let out = out.row(offset);
        masked.clear();
        for slot in 0..inputs {
            // The first input may stand where the result will.
            let row = match block.inputs[slot] {
                Operand::Rows(rows) => rows.row(offset),
                Operand::Scalar(_) => &*out,
            };
            masked.extend(row.iter().zip(members).map(|(&x, &member)| if member { x } else { f64::NAN }));
        }
        let mut rows: [&[f64]; MAX_INPUTS] = [&[]; MAX_INPUTS];
        for (row, masked) in rows.iter_mut().zip(masked.chunks_exact(width)) {
            *row = masked;
        }
        out.fill(f64::NAN);
        fill(&rows[..inputs], out);
        for (out, &member) in out.iter_mut().zip(members) {
            *out = if member { clean(*out) } else { f64::NAN };
        }
    }
    scratch.input = masked;
}
