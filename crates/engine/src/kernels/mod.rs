//! What every operator does to a block of rows. One match over the registry: an operator without a kernel does not
//! compile.

mod cell;
mod row;
mod window;

use factor::{Operator, Parameters};

pub(crate) use row::RowScratch;
pub(crate) use window::Window;

use cell::{and, binary, clean, flag, least, most, or, ternary, unary};
use window::{End, sums};

/// An input of a cell-wise kernel.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Operand<'a> {
    /// The rows of the current block.
    Block(&'a [f64]),
    /// One number.
    Scalar(f64),
}

/// An input with its past.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Past<'a> {
    /// Rows, in a ring of `capacity`, or all of them where the capacity is `usize::MAX`.
    pub(crate) rows: &'a [f64],
    pub(crate) capacity: usize,
    pub(crate) symbols: usize,
}

impl<'a> Past<'a> {
    /// A row of the panel; it must still be in the ring.
    #[inline(always)]
    fn row(&self, row: usize) -> &'a [f64] {
        let at = if self.capacity == usize::MAX { row } else { row % self.capacity };
        &self.rows[at * self.symbols..(at + 1) * self.symbols]
    }
}

/// State that a node keeps from row to row.
#[derive(Debug)]
pub(crate) enum State {
    /// None.
    Stateless,
    /// A sliding window.
    Window(Window),
    /// A recursive average: the value, and how many values were seen.
    Average { value: Vec<f64>, seen: Vec<f64> },
    /// The last value that was not missing, and its age in rows.
    Latest { value: Vec<f64>, age: Vec<f64> },
}

impl State {
    pub(crate) fn new(operator: Operator, parameters: &Parameters, symbols: usize) -> Self {
        if let Some((inputs, sums)) = window_shape(operator) {
            return State::Window(Window::new(parameters.rows(0), symbols, inputs, sums));
        }
        match operator {
            Operator::TsEma | Operator::TsRma => State::Average { value: vec![0.0; symbols], seen: vec![0.0; symbols] },
            Operator::TsBackfill => State::Latest { value: vec![f64::NAN; symbols], age: vec![0.0; symbols] },
            _ => State::Stateless,
        }
    }
}

/// Inputs and accumulators of windowed operators.
fn window_shape(operator: Operator) -> Option<(usize, usize)> {
    use Operator as O;
    Some(match operator {
        O::TsSum | O::TsMean | O::TsCount | O::TsProduct | O::TsMin | O::TsMax => (1, 1),
        O::TsStd | O::TsVar | O::TsZscore | O::TsArgmin | O::TsArgmax | O::TsDecayLinear => (1, 2),
        O::TsWmean => (2, 3),
        O::TsCorr => (2, 5),
        O::TsCov => (2, 3),
        _ => return None,
    })
}

/// Rows of state that a node keeps for itself.
pub(crate) fn state_rows(operator: Operator, parameters: &Parameters) -> usize {
    match window_shape(operator) {
        Some((inputs, sums)) => sums * (parameters.rows(0) + 1) + inputs,
        None => 2 * usize::from(matches!(operator, Operator::TsEma | Operator::TsRma | Operator::TsBackfill)),
    }
}

/// Earlier rows that an operator reads from its inputs' past.
pub(crate) fn rows_read_back(operator: Operator, parameters: &Parameters) -> u32 {
    use Operator as O;
    match operator {
        O::TsDelay | O::TsDelta | O::Returns | O::LogReturns => parameters.rows(0) as u32,
        O::TsRank | O::TsMedian => parameters.rows(0) as u32 - 1,
        _ => 0,
    }
}

/// Whether an operator takes one number for a block of equal ones.
pub(crate) fn takes_scalar(operator: Operator) -> bool {
    use Operator as O;
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

/// One block of rows on its way through a node.
pub(crate) struct Block<'a> {
    /// Panel row of the first row.
    pub(crate) first_row: usize,
    pub(crate) symbols: usize,
    /// Current rows of the inputs.
    pub(crate) inputs: [Operand<'a>; factor::MAX_INPUTS],
    /// Past of the first input, where the operator reads it.
    pub(crate) past: Option<Past<'a>>,
    /// Members of the universe, row after row.
    pub(crate) members: &'a [bool],
}

impl<'a> Block<'a> {
    #[inline(always)]
    fn input(&self, slot: usize) -> &'a [f64] {
        match self.inputs[slot] {
            Operand::Block(block) => block,
            Operand::Scalar(_) => unreachable!("the plan writes constants out where a block is needed"),
        }
    }
}

/// Runs a node over a block.
#[inline(always)]
pub(crate) fn run(
    operator: Operator,
    p: &Parameters,
    block: &Block<'_>,
    state: &mut State,
    scratch: &mut RowScratch,
    out: &mut [f64],
) {
    use Operator as O;
    let [a, b, ..] = block.inputs;
    match operator {
        O::Add => binary(a, b, out, |x, y| clean(x + y)),
        O::Sub => binary(a, b, out, |x, y| clean(x - y)),
        O::Mul => binary(a, b, out, |x, y| clean(x * y)),
        O::Div => binary(a, b, out, |x, y| clean(x / y)),
        O::Min => binary(a, b, out, least),
        O::Max => binary(a, b, out, most),
        O::Less => binary(a, b, out, |x, y| flag(x < y, x + y)),
        O::LessEqual => binary(a, b, out, |x, y| flag(x <= y, x + y)),
        O::Greater => binary(a, b, out, |x, y| flag(x > y, x + y)),
        O::GreaterEqual => binary(a, b, out, |x, y| flag(x >= y, x + y)),
        O::Equal => binary(a, b, out, |x, y| flag(x == y, x + y)),
        O::NotEqual => binary(a, b, out, |x, y| flag(x != y, x + y)),
        O::And => binary(a, b, out, and),
        O::Or => binary(a, b, out, or),
        O::Xor => binary(a, b, out, |x, y| flag(x != y, x + y)),
        O::Neg => unary(block.input(0), out, |x| -x),
        O::Inverse => unary(block.input(0), out, |x| clean(1.0 / x)),
        O::Abs => unary(block.input(0), out, f64::abs),
        O::Sign => unary(block.input(0), out, |x| {
            let side = if x > 0.0 { 1.0 } else { -1.0 };
            if x == 0.0 || x.is_nan() { x + 0.0 } else { side }
        }),
        O::Log => unary(block.input(0), out, |x| if x > 0.0 { libm::log(x) } else { f64::NAN }),
        O::Exp => unary(block.input(0), out, |x| clean(libm::exp(x))),
        O::Sqrt => unary(block.input(0), out, f64::sqrt),
        O::Square => unary(block.input(0), out, |x| clean(x * x)),
        O::Pow => {
            let c = p.real(0);
            unary(block.input(0), out, |x| if x.is_nan() { x } else { clean(libm::pow(x, c)) });
        }
        O::SignedPow => {
            let c = p.real(0);
            unary(block.input(0), out, |x| {
                let magnitude = if x.is_nan() { x } else { clean(libm::pow(x.abs(), c)) };
                if x < 0.0 { -magnitude } else { magnitude }
            });
        }
        O::Tanh => unary(block.input(0), out, libm::tanh),
        O::Sigmoid => unary(block.input(0), out, |x| 1.0 / (1.0 + libm::exp(-x))),
        O::Clip => {
            let (low, high) = (p.real(0), p.real(1));
            if low > high {
                out.fill(f64::NAN);
            } else {
                unary(block.input(0), out, |x| {
                    let raised = if x < low { low } else { x };
                    if raised > high { high } else { raised }
                });
            }
        }
        O::Not => unary(block.input(0), out, |x| 1.0 - x),
        O::IfElse => ternary(block.input(0), block.input(1), block.input(2), out, |f, x, y| {
            let taken = if f == 0.0 { y } else { x };
            if f.is_nan() { f } else { taken }
        }),
        O::IsNan => unary(block.input(0), out, |x| if x.is_nan() { 1.0 } else { 0.0 }),
        O::Fill => {
            let c = p.real(0);
            unary(block.input(0), out, |x| if x.is_nan() { c } else { x });
        }
        O::NanWhere => binary(a, b, out, |x, f| if f == 0.0 { x } else { f64::NAN }),
        O::Num => out.copy_from_slice(block.input(0)),
        _ => rows(operator, p, block, state, scratch, out),
    }
}

/// Operators that go row by row.
#[inline(always)]
fn rows(
    operator: Operator,
    p: &Parameters,
    block: &Block<'_>,
    state: &mut State,
    scratch: &mut RowScratch,
    out: &mut [f64],
) {
    let n = block.symbols;
    for (offset, out) in out.chunks_exact_mut(n).enumerate() {
        let row = block.first_row + offset;
        let at = offset * n..(offset + 1) * n;
        let x = &block.input(0)[at.clone()];
        match state {
            State::Window(window) => windowed(operator, p, window, row, x, block, at, out),
            State::Average { value, seen } => average(operator, p.rows(0), x, value, seen, out),
            State::Latest { value, age } => latest(p.rows(0), x, value, age, out),
            State::Stateless => stateless(operator, p, row, x, block, at, scratch, out),
        }
    }
}

#[expect(clippy::too_many_arguments, reason = "one call site; a struct would only rename them")]
#[inline(always)]
fn windowed(
    operator: Operator,
    p: &Parameters,
    window: &mut Window,
    row: usize,
    x: &[f64],
    block: &Block<'_>,
    at: std::ops::Range<usize>,
    out: &mut [f64],
) {
    use Operator as O;
    let d = p.rows(0) as f64;
    let sum = |[dx]: [f64; 1], _: f64| [dx];
    let squares = |[dx]: [f64; 1], _: f64| [dx, dx * dx];
    // Variance of the window; flat windows have none.
    let variance = |[s, q]: [f64; 2], end: End<1>, ddof: f64| {
        let mean = s / d;
        let variance = ((q - s * mean) / (d - ddof)).max(0.0);
        let variance = if q.is_nan() { q } else { variance };
        let level = (end.anchor[0] + mean).abs() * factor::reference::FLAT;
        if variance <= level * level { 0.0 } else { variance }
    };
    match operator {
        O::TsSum | O::TsCount => sums(window, row, [x], out, sum, |[s], end| end.anchor[0] * d + s),
        O::TsMean => sums(window, row, [x], out, sum, |[s], end| end.anchor[0] + s / d),
        O::TsStd => {
            let ddof = p.real(1);
            sums(window, row, [x], out, squares, |sums, end| variance(sums, end, ddof).sqrt());
        }
        O::TsVar => {
            let ddof = p.real(1);
            sums(window, row, [x], out, squares, |sums, end| variance(sums, end, ddof));
        }
        O::TsZscore => {
            let ddof = p.real(1);
            sums(window, row, [x], out, squares, |sums, end| {
                let distance = (end.now[0] - end.anchor[0]) - sums[0] / d;
                distance / variance(sums, end, ddof).sqrt()
            });
        }
        O::TsDecayLinear => sums(
            window,
            row,
            [x],
            out,
            |[dx], place| [dx, dx * place],
            // Weights d, d-1, ..., 1: the place of a row less the place just before the window.
            |[s, w], end| end.anchor[0] + (w + (d - end.rows_past_anchor) * s) / (d * (d + 1.0) / 2.0),
        ),
        O::TsProduct => window::fold(window, row, x, out, |x, y| x * y),
        O::TsMin => window::minimum(window, row, x, out),
        O::TsMax => window::maximum(window, row, x, out),
        O::TsArgmin => window::rows_since_extremum(window, row, x, out, |x, y| x < y),
        O::TsArgmax => window::rows_since_extremum(window, row, x, out, |x, y| x > y),
        O::TsWmean => {
            let w = &block.input(1)[at];
            weighted(window, row, x, w, out);
        }
        O::TsCov => {
            let y = &block.input(1)[at];
            let terms = |[dx, dy]: [f64; 2], _: f64| [dx, dy, dx * dy];
            sums(window, row, [x, y], out, terms, |[sx, sy, sxy], _| (sxy - sx * sy / d) / (d - 1.0));
        }
        O::TsCorr => {
            let y = &block.input(1)[at];
            let terms = |[dx, dy]: [f64; 2], _: f64| [dx, dy, dx * dx, dy * dy, dx * dy];
            sums(window, row, [x, y], out, terms, |[sx, sy, sxx, syy, sxy], end| {
                let spread = |s: f64, q: f64, anchor: f64| {
                    let variance = (q - s * s / d) / (d - 1.0);
                    let level = (anchor + s / d).abs() * factor::reference::FLAT;
                    // A flat side makes the quotient NaN.
                    if variance > level * level { variance } else { f64::NAN }
                };
                let covariance = (sxy - sx * sy / d) / (d - 1.0);
                let product = spread(sx, sxx, end.anchor[0]) * spread(sy, syy, end.anchor[1]);
                (covariance / product.sqrt()).clamp(-1.0, 1.0)
            });
        }
        _ => unreachable!("only windowed operators have a window"),
    }
}

/// Mean of x weighted by w.
#[inline(always)]
fn weighted(window: &mut Window, row: usize, x: &[f64], w: &[f64], out: &mut [f64]) {
    // The anchor of the weights is only a reference point: w = anchor + dw, so that sum(dx * w) and sum(w) follow
    // from sums over dx, dw and dx * dw.
    let terms = |[dx, dw]: [f64; 2], _: f64| [dx, dw, dx * dw];
    let d = window.rows_per_block() as f64;
    sums(window, row, [x, w], out, terms, |[sx, sw, sxw], end| {
        let weights = end.anchor[1] * d + sw;
        end.anchor[0] + (end.anchor[1] * sx + sxw) / weights
    });
}

/// Exponential and Wilder's averages. A missing value changes nothing and gives NaN.
#[inline(always)]
fn average(operator: Operator, d: usize, x: &[f64], value: &mut [f64], seen: &mut [f64], out: &mut [f64]) {
    let rows = d as f64;
    let ema = operator == Operator::TsEma;
    let alpha = 2.0 / (rows + 1.0);
    for (((out, &x), value), seen) in out.iter_mut().zip(x).zip(value).zip(seen) {
        let before = *value;
        let next = if ema {
            if *seen == 0.0 { x } else { alpha * x + (1.0 - alpha) * before }
        } else if *seen < rows {
            // The first d values are summed; the d-th turns the sum into their mean.
            let total = before + x;
            if *seen + 1.0 == rows { total / rows } else { total }
        } else {
            (before * (rows - 1.0) + x) / rows
        };
        let known = !x.is_nan();
        *value = if known { next } else { before };
        *seen += if known { 1.0 } else { 0.0 };
        *out = if known && *seen >= rows { clean(next) } else { f64::NAN };
    }
}

/// The most recent value that is not missing, at most d - 1 rows old.
#[inline(always)]
fn latest(d: usize, x: &[f64], value: &mut [f64], age: &mut [f64], out: &mut [f64]) {
    let rows = d as f64;
    for (((out, &x), value), age) in out.iter_mut().zip(x).zip(value).zip(age) {
        let fresh = !x.is_nan();
        *age = if fresh { 0.0 } else { *age + 1.0 };
        *value = if fresh { x } else { *value };
        *out = if *age < rows { *value } else { f64::NAN };
    }
}

#[expect(clippy::too_many_arguments, reason = "one call site; a struct would only rename them")]
#[inline(always)]
fn stateless(
    operator: Operator,
    p: &Parameters,
    row: usize,
    x: &[f64],
    block: &Block<'_>,
    at: std::ops::Range<usize>,
    scratch: &mut RowScratch,
    out: &mut [f64],
) {
    use Operator as O;
    let members = &block.members[at.clone()];
    match operator {
        O::TsDelay => lagged(p.rows(0), row, x, block, out, |_, base| base),
        O::TsDelta => lagged(p.rows(0), row, x, block, out, |x, base| clean(x - base)),
        O::Returns => lagged(p.rows(0), row, x, block, out, |x, base| {
            let change = clean(x / base - 1.0);
            if base > 0.0 { change } else { f64::NAN }
        }),
        O::LogReturns => lagged(p.rows(0), row, x, block, out, |x, base| {
            if x > 0.0 && base > 0.0 { clean(libm::log(x / base)) } else { f64::NAN }
        }),
        O::TsRank => time_rank(p.rows(0), row, x, block, out),
        O::TsMedian => median(p.rows(0), row, block, out),
        O::CsRank => row::on_members(x, members, out, scratch, row::ranks),
        O::CsZscore => row::on_members(x, members, out, scratch, |x, out, _| row::zscores(x, out)),
        O::CsDemean => row::on_members(x, members, out, scratch, |x, out, _| row::demeaned(x, out)),
        O::CsScale => {
            let total = p.real(0);
            row::on_members(x, members, out, scratch, |x, out, _| row::scaled(x, out, total));
        }
        O::CsWinsorize => {
            let deviations = p.real(0);
            row::on_members(x, members, out, scratch, |x, out, _| row::winsorized(x, out, deviations));
        }
        O::GroupRank => row::by_group(x, &block.input(1)[at], members, out, scratch, row::ranks),
        O::GroupZscore => {
            row::by_group(x, &block.input(1)[at], members, out, scratch, |x, out, _| row::zscores(x, out));
        }
        O::GroupNeutralize => {
            row::by_group(x, &block.input(1)[at], members, out, scratch, |x, out, _| row::demeaned(x, out));
        }
        O::GroupMean => {
            row::by_group(x, &block.input(1)[at], members, out, scratch, |x, out, _| row::means(x, out));
        }
        _ => unreachable!("`run` and `windowed` take every other operator"),
    }
}

/// Today's row and the one `d` rows ago.
#[inline(always)]
fn lagged(d: usize, row: usize, x: &[f64], block: &Block<'_>, out: &mut [f64], f: impl Fn(f64, f64) -> f64) {
    let past = block.past.expect("the plan keeps the past of inputs that are looked back on");
    if row < d {
        out.fill(f64::NAN);
        return;
    }
    for ((out, &x), &base) in out.iter_mut().zip(x).zip(past.row(row - d)) {
        *out = f(x, base);
    }
}

/// Rank of today's value in its window: one pass over the window's rows, all symbols at once.
#[inline(always)]
fn time_rank(d: usize, row: usize, x: &[f64], block: &Block<'_>, out: &mut [f64]) {
    let past = block.past.expect("the plan keeps the past of inputs that are looked back on");
    if row + 1 < d {
        out.fill(f64::NAN);
        return;
    }
    out.fill(0.0);
    for age in 0..d {
        for ((out, &x), &then) in out.iter_mut().zip(x).zip(past.row(row - age)) {
            // Values below count 1, equal ones a half; NaN on either side spreads.
            let below = if then < x { 1.0 } else { 0.0 };
            let counted = if then == x { 0.5 } else { below };
            *out += if (then + x).is_nan() { f64::NAN } else { counted };
        }
    }
    let rows = d as f64;
    for out in out.iter_mut() {
        *out = if d == 1 && !out.is_nan() { 0.5 } else { (*out - 0.5) / (rows - 1.0) };
    }
}

/// Median of each symbol's window.
#[inline(always)]
fn median(d: usize, row: usize, block: &Block<'_>, out: &mut [f64]) {
    let past = block.past.expect("the plan keeps the past of inputs that are looked back on");
    if row + 1 < d {
        out.fill(f64::NAN);
        return;
    }
    let mut window = vec![0.0; d];
    for (symbol, out) in out.iter_mut().enumerate() {
        let mut missing = false;
        for (age, value) in window.iter_mut().enumerate() {
            *value = past.row(row - age)[symbol];
            missing |= value.is_nan();
        }
        *out = if missing { f64::NAN } else { middle(&mut window) };
    }
}

fn middle(values: &mut [f64]) -> f64 {
    let half = values.len() / 2;
    let (below, upper, _) = values.select_nth_unstable_by(half, f64::total_cmp);
    let upper = *upper;
    let lower = below.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if values.len() % 2 == 1 { upper } else { f64::midpoint(lower, upper) }
}
