//! What every operator does to a block of rows. One match over the registry: an operator without a kernel does not
//! compile.

mod cell;
mod fold;
mod row;
mod series;
mod short;
mod sums;
mod view;
mod window;

use factor::{Operator, Parameters};

use crate::layout::Span;
use crate::vectors::{Vectors, compiled_for};

pub(crate) use cell::{greater, lesser};
pub(crate) use row::RowScratch;
pub(crate) use view::{Past, Rows, RowsMut};

use cell::{and, binary, choose, clean, flag, least, most, or, unary};
use fold::{Extreme, Product, RowsSince, fold};
use series::{average, exponential, lagged, latest, median, time_rank, wilder};
use sums::{
    Correlation, Covariance, Decay, Mean, Projection, Ratio, Regression, Score, Spread, Sum, Trend, Weighted, WithMean,
};
use window::{Lanes, long, sums};

/// An input of a kernel.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Operand<'a> {
    /// The rows at hand.
    Rows(Rows<'a>),
    /// One number.
    Scalar(f64),
}

/// Anchors and sums of operators that sum over a window.
fn window_shape(operator: Operator) -> Option<(usize, usize)> {
    use Operator as O;
    Some(match operator {
        O::TsSum | O::TsMean | O::TsCount => (1, 1),
        O::TsStd | O::TsVar | O::TsZscore | O::TsDecayLinear => (1, 2),
        O::TsIr => (1, 2),
        O::TsSlope | O::TsRsquare | O::TsTrendResid => (1, 3),
        O::TsWmean | O::TsCov => (2, 3),
        O::TsVectorProj | O::TsVectorNeut => (2, 4),
        O::TsCorr | O::TsBeta | O::TsAlpha | O::TsResid | O::TsR2 => (2, 5),
        _ => return None,
    })
}

/// Rows of state that a node keeps for itself. Of a column, all rows are there already.
pub(crate) fn state_rows(operator: Operator, parameters: &Parameters, of_column: bool) -> usize {
    use Operator as O;
    if let Some((anchors, sums)) = window_shape(operator) {
        return window::state_rows(parameters.rows(0), anchors, sums);
    }
    match operator {
        O::TsProduct | O::TsMin | O::TsMax => fold::state_rows(parameters.rows(0), 1),
        O::TsArgmin | O::TsArgmax => fold::state_rows(parameters.rows(0), 2),
        O::TsDelay | O::TsDelta | O::Returns | O::LogReturns if !of_column => parameters.rows(0),
        O::TsEma | O::TsRma | O::TsBackfill => 2,
        O::TsMedian => series::median_state_rows(parameters.rows(0)),
        _ => 0,
    }
}

/// Rows of the past that an operator keeps or reads: what a call costs besides its cells.
pub(crate) fn rows_of_past(operator: Operator, parameters: &Parameters, of_column: bool) -> usize {
    state_rows(operator, parameters, of_column).max(rows_read_back(operator, parameters) as usize)
}

/// Whether an operator can give the mean over its window besides its own value.
pub(crate) fn gives_mean(operator: Operator, parameters: &Parameters) -> bool {
    use Operator as O;
    matches!(operator, O::TsStd | O::TsVar | O::TsZscore) && window::is_long(parameters.rows(0))
}

/// Whether an operator reads earlier rows of its first input in the column itself, where that is one.
pub(crate) fn reads_column(operator: Operator) -> bool {
    use Operator as O;
    matches!(operator, O::TsDelay | O::TsDelta | O::Returns | O::LogReturns | O::TsRank)
}

/// Earlier rows that an operator reads from its input's ring.
pub(crate) fn rows_read_back(operator: Operator, parameters: &Parameters) -> u32 {
    match operator {
        Operator::TsRank => parameters.rows(0) as u32 - 1,
        _ => 0,
    }
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
    /// Past of the first input, where the operator reads it.
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

    #[inline(always)]
    fn past(&self) -> Past<'a> {
        self.past.expect("the plan keeps the past of inputs that are looked back on")
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
        return with_mean(operator, p, block, state, out, mean);
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
        O::Log => unary(v, block.input(0), out, |x| if x > 0.0 { libm::log(x) } else { f64::NAN }),
        O::Exp => unary(v, block.input(0), out, |x| clean(libm::exp(x))),
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
        O::Tanh => unary(v, block.input(0), out, libm::tanh),
        O::Sigmoid => unary(v, block.input(0), out, |x| 1.0 / (1.0 + libm::exp(-x))),
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
        O::Log1p => unary(v, block.input(0), out, |x| clean(libm::log1p(x))),
        O::SignedLog1p => unary(v, block.input(0), out, |x| clean(libm::log1p(x.abs()).copysign(x))),
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
        _ => history(operator, p, block, state, scratch, out),
    }
}

/// Operators that [give a mean](gives_mean), and the mean.
fn with_mean(
    operator: Operator,
    p: &Parameters,
    block: &Block<'_>,
    state: &mut [f64],
    out: &mut RowsMut<'_>,
    mean: &mut RowsMut<'_>,
) {
    use Operator as O;
    let (d, ddof) = (p.rows(0), p.real(1));
    let rows = d as f64;
    let (mean, lanes) = (Some(mean), Lanes::<8>);
    match operator {
        O::TsStd => long(d, block, state, out, mean, lanes, &WithMean::new(rows, Spread::<true>::new(rows, ddof))),
        O::TsVar => long(d, block, state, out, mean, lanes, &WithMean::new(rows, Spread::<false>::new(rows, ddof))),
        O::TsZscore => long(d, block, state, out, mean, lanes, &WithMean::new(rows, Score::new(rows, ddof))),
        _ => unreachable!("the plan asks no other operator for a mean"),
    }
}

/// Operators of a symbol's history; the rest compare symbols.
fn history(
    operator: Operator,
    p: &Parameters,
    block: &Block<'_>,
    state: &mut [f64],
    scratch: &mut RowScratch,
    out: &mut RowsMut<'_>,
) {
    use Operator as O;
    let d = p.rows(0);
    let rows = d as f64;
    match operator {
        O::TsDelay => lagged(d, block, state, out, |_, base| base),
        O::TsDelta => lagged(d, block, state, out, |x, base| clean(x - base)),
        O::Returns => lagged(d, block, state, out, |x, base| {
            let change = clean(x / base - 1.0);
            if base > 0.0 { change } else { f64::NAN }
        }),
        O::LogReturns => lagged(d, block, state, out, |x, base| {
            let change = if x > 0.0 && base > 0.0 { libm::log(x / base) } else { f64::NAN };
            clean(change)
        }),
        O::TsSum | O::TsCount => sums(d, block, state, out, Lanes::<16>, &Sum { rows }),
        O::TsMean => sums(d, block, state, out, Lanes::<16>, &Mean::new(rows)),
        O::TsDecayLinear => sums(d, block, state, out, Lanes::<8>, &Decay::new(rows)),
        O::TsStd => sums(d, block, state, out, Lanes::<8>, &Spread::<true>::new(rows, p.real(1))),
        O::TsVar => sums(d, block, state, out, Lanes::<8>, &Spread::<false>::new(rows, p.real(1))),
        O::TsZscore => sums(d, block, state, out, Lanes::<8>, &Score::new(rows, p.real(1))),
        O::TsIr => sums(d, block, state, out, Lanes::<8>, &Ratio::new(rows, p.real(1))),
        O::TsSlope => sums(d, block, state, out, Lanes::<8>, &Trend::new(rows, |line| line.slope)),
        O::TsRsquare => sums(d, block, state, out, Lanes::<8>, &Trend::new(rows, |line| line.explained)),
        O::TsTrendResid => sums(d, block, state, out, Lanes::<8>, &Trend::new(rows, |line| line.residual)),
        O::TsBeta => sums(d, block, state, out, Lanes::<4>, &Regression::new(rows, |line| line.slope)),
        O::TsAlpha => sums(d, block, state, out, Lanes::<4>, &Regression::new(rows, |line| line.level)),
        O::TsResid => sums(d, block, state, out, Lanes::<4>, &Regression::new(rows, |line| line.residual)),
        O::TsR2 => sums(d, block, state, out, Lanes::<4>, &Regression::new(rows, |line| line.explained)),
        O::TsVectorProj => sums(d, block, state, out, Lanes::<4>, &Projection::<true> { rows }),
        O::TsVectorNeut => sums(d, block, state, out, Lanes::<4>, &Projection::<false> { rows }),
        O::TsWmean => sums(d, block, state, out, Lanes::<4>, &Weighted { rows }),
        O::TsCov => sums(d, block, state, out, Lanes::<4>, &Covariance::new(rows)),
        O::TsCorr => sums(d, block, state, out, Lanes::<4>, &Correlation::new(rows)),
        O::TsProduct => fold(d, block, state, out, &Product),
        O::TsMin => fold(d, block, state, out, &Extreme::<false>),
        O::TsMax => fold(d, block, state, out, &Extreme::<true>),
        O::TsArgmin => fold(d, block, state, out, &RowsSince::<false>),
        O::TsArgmax => fold(d, block, state, out, &RowsSince::<true>),
        O::TsEma => average(d, block, state, out, exponential(d)),
        O::TsRma => average(d, block, state, out, wilder(d)),
        O::TsBackfill => latest(d, block, state, out),
        O::TsRank => time_rank(d, block, out),
        O::TsMedian => median(d, block, state, out),
        _ => across(operator, p, block, scratch, out),
    }
}

/// Operators that compare the symbols of a row.
fn across(operator: Operator, p: &Parameters, block: &Block<'_>, scratch: &mut RowScratch, out: &mut RowsMut<'_>) {
    let width = block.span.width;
    let mut input = std::mem::take(&mut scratch.input);
    for offset in 0..out.count() {
        let at = (block.span.first_row + offset) * width;
        let members = &block.members[at..at + width];
        let out = out.row(offset);
        let x = if block.writes_over {
            input.clear();
            input.extend_from_slice(out);
            &input[..]
        } else {
            block.input(0).row(offset)
        };
        let second = match block.inputs[1] {
            Operand::Rows(second) => second.row(offset),
            Operand::Scalar(_) => &[],
        };
        compiled_for!(block.vectors, across_row[](
            operator: Operator,
            p: &Parameters,
            x: &[f64],
            second: &[f64],
            members: &[bool],
            scratch: &mut RowScratch,
            out: &mut [f64],
        ));
    }
    scratch.input = input;
}

#[inline(always)]
fn across_row(
    operator: Operator,
    p: &Parameters,
    x: &[f64],
    second: &[f64],
    members: &[bool],
    scratch: &mut RowScratch,
    out: &mut [f64],
) {
    use Operator as O;
    use row::{by_group, on_members, on_pairs};
    match operator {
        O::CsRank => row::rank_members(x, members, out, scratch),
        O::CsZscore => on_members(x, members, out, scratch, row::zscores),
        O::CsDemean => on_members(x, members, out, scratch, row::demeaned),
        O::CsScale => {
            let total = p.real(0);
            on_members(x, members, out, scratch, |x, out| row::scaled(x, out, total));
        }
        O::GroupNormalize => {
            let total = p.real(0);
            by_group(x, second, members, out, scratch, |x, out, _| row::scaled(x, out, total));
        }
        O::CsTruncate => {
            let share = p.real(0);
            on_members(x, members, out, scratch, |x, out| row::truncated(x, out, share));
        }
        O::CsWinsorize => {
            let deviations = p.real(0);
            on_members(x, members, out, scratch, |x, out| row::winsorized(x, out, deviations));
        }
        O::CsMinmax => {
            let shift = p.real(0);
            on_members(x, members, out, scratch, |x, out| row::places(x, out, shift));
        }
        O::CsMean => on_members(x, members, out, scratch, row::means),
        O::CsSum => on_members(x, members, out, scratch, row::totals),
        O::CsStd => on_members(x, members, out, scratch, row::deviations),
        O::CsMedian => on_members(x, members, out, scratch, row::medians),
        O::CsMin => on_members(x, members, out, scratch, row::minima),
        O::CsMax => on_members(x, members, out, scratch, row::maxima),
        O::CsCount => on_members(x, members, out, scratch, row::counts),
        O::CsOneSide => on_members(x, members, out, scratch, row::one_sided),
        O::CsClipQuantile => {
            let (low, high) = (p.real(0), p.real(1));
            on_members(x, members, out, scratch, |x, out| row::within_quantiles(x, out, low, high));
        }
        O::CsClipMad => {
            let deviations = p.real(0);
            on_members(x, members, out, scratch, |x, out| row::within_median_deviations(x, out, deviations));
        }
        O::CsTopBottom => {
            let (count, mut order) = (p.rows(0), std::mem::take(&mut scratch.order));
            row::sided(x, members, out, scratch, &mut order, count);
            scratch.order = order;
        }
        O::CsRegResid => on_pairs([x, second], members, out, scratch, row::residuals),
        O::CsRegFit => on_pairs([x, second], members, out, scratch, row::fits),
        O::CsVectorNeut => on_pairs([x, second], members, out, scratch, row::orthogonal),
        O::CsVectorProj => on_pairs([x, second], members, out, scratch, row::projections),
        O::GroupRank => by_group(x, second, members, out, scratch, |x, out, ranker| ranker.rank(x, out)),
        O::GroupZscore => by_group(x, second, members, out, scratch, |x, out, _| row::zscores(x, out)),
        O::GroupNeutralize => by_group(x, second, members, out, scratch, |x, out, _| row::demeaned(x, out)),
        O::GroupMean => by_group(x, second, members, out, scratch, |x, out, _| row::means(x, out)),
        O::GroupSum => by_group(x, second, members, out, scratch, |x, out, _| row::totals(x, out)),
        O::GroupStd => by_group(x, second, members, out, scratch, |x, out, _| row::deviations(x, out)),
        O::GroupMedian => by_group(x, second, members, out, scratch, |x, out, _| row::medians(x, out)),
        O::GroupMin => by_group(x, second, members, out, scratch, |x, out, _| row::minima(x, out)),
        O::GroupMax => by_group(x, second, members, out, scratch, |x, out, _| row::maxima(x, out)),
        O::GroupCount => by_group(x, second, members, out, scratch, |x, out, _| row::counts(x, out)),
        O::GroupMinmax => by_group(x, second, members, out, scratch, |x, out, _| row::places(x, out, 0.0)),
        O::GroupPercentile => {
            let share = p.real(0);
            by_group(x, second, members, out, scratch, |x, out, _| row::quantiles(x, out, share));
        }
        _ => unreachable!("`run` and `history` take every other operator"),
    }
}
