//! What every operator does to a block of rows: cells here, the past of one symbol in [`history`], the symbols of a row
//! in [`across`].

mod across;
mod carry;
mod cell;
mod column;
mod custom;
mod fold;
mod history;
mod moments;
mod order;
mod partial;
mod row;
mod series;
mod short;
mod sums;
mod view;
mod window;
mod windowed;

use factor::{Operator, Parameters, elementary};

use crate::layout::Span;
use crate::vectors::Vectors;

pub(crate) use cell::{greater, lesser};
pub(crate) use custom::run as run_custom;
pub(crate) use history::{gives_mean, reads_column, state_rows, streams_column, takes_mean, walks_window};
pub(crate) use row::{RankScale, RowScratch};
pub(crate) use view::{Past, Rows, RowsMut};

use cell::{and, binary, choose, clean, flag, least, most, or, unary};
/// An input of a kernel.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Operand<'a> {
    /// The rows at hand.
    Rows(Rows<'a>),
    /// One number.
    Scalar(f64),
}

/// Whether an operator takes one number for rows of equal ones.
pub(crate) fn takes_scalar(operator: Operator, input: usize) -> bool {
    use Operator as O;
    if operator == O::IfElse {
        return input > 0;
    }
    matches!(
        operator,
        O::Add
            | O::Sub
            | O::Mul
            | O::Div
            | O::Min
            | O::Max
            | O::Less
            | O::LessEqual
            | O::Greater
            | O::GreaterEqual
            | O::Equal
            | O::NotEqual
            | O::And
            | O::Or
            | O::Xor
            | O::NanWhere
    )
}

/// Some rows on their way through a node: of a tile, or of all symbols. Operators that compare symbols need the latter.
pub(crate) struct Block<'a> {
    pub(crate) vectors: Vectors,
    pub(crate) span: Span,
    /// Current rows of the inputs.
    pub(crate) inputs: [Operand<'a>; factor::MAX_INPUTS],
    /// Whether the rows to write hold the first input. Only nodes that compare symbols are placed so.
    pub(crate) writes_over: bool,
    /// All rows of the first input, where that is a column.
    pub(crate) past: Option<Past<'a>>,
    /// Members of the universe, all rows of the panel.
    pub(crate) members: &'a [bool],
}

impl<'a> Block<'a> {
    #[inline(always)]
    fn input(&self, slot: usize) -> Rows<'a> {
        match self.inputs[slot] {
            Operand::Rows(rows) => rows,
            Operand::Scalar(_) => unreachable!("the plan writes constants out where rows are needed"),
        }
    }
}

/// Runs a node; its mean, if the plan wants that, goes where `mean` says.
pub(crate) fn run(
    operator: Operator,
    p: &Parameters,
    block: &Block<'_>,
    state: &mut [f64],
    scratch: &mut RowScratch,
    out: &mut RowsMut<'_>,
    mean: Option<&mut RowsMut<'_>>,
) {
    use Operator as O;
    let v = block.vectors;
    let [a, b, ..] = block.inputs;
    if let Some(mean) = mean {
        return history::with_mean(operator, p, block, state, out, mean);
    }
    match operator {
        O::Add => binary(v, a, b, out, |x, y| clean(x + y)),
        O::Sub => binary(v, a, b, out, |x, y| clean(x - y)),
        O::Mul => binary(v, a, b, out, |x, y| clean(x * y)),
        O::Div => binary(v, a, b, out, |x, y| clean(x / y)),
        O::Min => binary(v, a, b, out, least),
        O::Max => binary(v, a, b, out, most),
        O::Less => binary(v, a, b, out, |x, y| flag(x < y, x, y)),
        O::LessEqual => binary(v, a, b, out, |x, y| flag(x <= y, x, y)),
        O::Greater => binary(v, a, b, out, |x, y| flag(x > y, x, y)),
        O::GreaterEqual => binary(v, a, b, out, |x, y| flag(x >= y, x, y)),
        O::Equal => binary(v, a, b, out, |x, y| flag(x == y, x, y)),
        O::NotEqual => binary(v, a, b, out, |x, y| flag(x != y, x, y)),
        O::And => binary(v, a, b, out, and),
        O::Or => binary(v, a, b, out, or),
        O::Xor => binary(v, a, b, out, |x, y| flag(x != y, x, y)),
        O::Neg => unary(v, block.input(0), out, |x| -x),
        O::Inverse => unary(v, block.input(0), out, |x| clean(1.0 / x)),
        O::Abs => unary(v, block.input(0), out, f64::abs),
        O::Sign => unary(v, block.input(0), out, |x| {
            let side = if x > 0.0 { 1.0 } else { -1.0 };
            if x == 0.0 || x.is_nan() { x + 0.0 } else { side }
        }),
        O::Log => unary(v, block.input(0), out, elementary::log),
        O::Exp => unary(v, block.input(0), out, |x| clean(elementary::exp(x))),
        O::Sqrt => unary(v, block.input(0), out, f64::sqrt),
        O::Square => unary(v, block.input(0), out, |x| clean(x * x)),
        O::Pow => {
            let c = p.real(0);
            unary(v, block.input(0), out, |x| if x.is_nan() { x } else { clean(libm::pow(x, c)) });
        }
        O::SignedPow => {
            let c = p.real(0);
            unary(v, block.input(0), out, |x| {
                let magnitude = if x.is_nan() { x } else { clean(libm::pow(x.abs(), c)) };
                if x < 0.0 { -magnitude } else { magnitude }
            });
        }
        O::Tanh => unary(v, block.input(0), out, elementary::tanh),
        O::Sigmoid => unary(v, block.input(0), out, elementary::sigmoid),
        O::Clip => {
            let (low, high) = (p.real(0), p.real(1));
            if low > high {
                out.fill(f64::NAN);
            } else {
                unary(v, block.input(0), out, |x| {
                    let raised = if x < low { low } else { x };
                    if raised > high { high } else { raised }
                });
            }
        }
        O::Log1p => unary(v, block.input(0), out, elementary::log1p),
        O::SignedLog1p => unary(v, block.input(0), out, |x| elementary::log1p(x.abs()).copysign(x)),
        O::Cbrt => unary(v, block.input(0), out, |x| clean(libm::cbrt(x))),
        O::Arcsin => unary(v, block.input(0), out, libm::asin),
        O::Arctan => unary(v, block.input(0), out, libm::atan),
        O::Fraction => unary(v, block.input(0), out, |x| x - x.trunc()),
        O::Round => unary(v, block.input(0), out, |x| clean(x.round_ties_even() + 0.0)),
        O::Floor => unary(v, block.input(0), out, |x| clean(x.floor() + 0.0)),
        O::Ceil => unary(v, block.input(0), out, |x| clean(x.ceil() + 0.0)),
        O::Not => unary(v, block.input(0), out, |x| 1.0 - x),
        O::IfElse => choose(v, block.input(0), b, block.inputs[2], out, |f, x, y| {
            let taken = if f == 0.0 { y } else { x };
            if f.is_nan() { f } else { taken }
        }),
        O::IsNan => unary(v, block.input(0), out, |x| if x.is_nan() { 1.0 } else { 0.0 }),
        O::Fill => {
            let c = p.real(0);
            unary(v, block.input(0), out, |x| if x.is_nan() { c } else { x });
        }
        O::ToNan => {
            let c = p.real(0);
            unary(v, block.input(0), out, |x| if x == c { f64::NAN } else { clean(x) });
        }
        O::LeftTail => {
            let c = p.real(0);
            unary(v, block.input(0), out, |x| if x <= c { clean(x) } else { f64::NAN });
        }
        O::RightTail => {
            let c = p.real(0);
            unary(v, block.input(0), out, |x| if x >= c { clean(x) } else { f64::NAN });
        }
        O::Tail => {
            let (low, high, c) = (p.real(0), p.real(1), p.real(2));
            unary(v, block.input(0), out, |x| if x >= low && x <= high { c } else { clean(x) });
        }
        O::NanWhere => binary(v, a, b, out, |x, f| if f == 0.0 { x } else { f64::NAN }),
        O::Num => unary(v, block.input(0), out, |x| x),
        _ if operator.definition().reference.compares_symbols() => {
            across::across(operator, p, block, state, scratch, out);
        }
        _ => history::history(operator, p, block, state, out),
    }
}
