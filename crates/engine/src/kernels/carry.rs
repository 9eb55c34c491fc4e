//! Operators that carry a few numbers from row to row: recursive averages, totals, ages, outputs held until something
//! happens.

use super::Block;
use super::cell::{and, clean, flag};
use super::view::{Groups, Rows, RowsMut, in_groups, load, store};
use crate::compiled_for;

/// Symbols that are walked together.
const LANES: usize = 8;

/// What is carried, and what a row makes of it. A trait and not closures: closures would stay functions of their own,
/// compiled without wide vectors.
pub(super) trait Carry<const INPUTS: usize, const KEPT: usize> {
    /// What is carried into the first row.
    const START: [f64; KEPT];

    /// The value of a row; changes what is carried.
    fn next(&self, kept: &mut [f64; KEPT], inputs: [f64; INPUTS]) -> f64;
}

/// Walks down the rows at hand. `state` holds, for each number carried, a row of the symbols.
pub(super) fn carry<const INPUTS: usize, const KEPT: usize, C: Carry<INPUTS, KEPT>>(
    block: &Block<'_>,
    state: &mut [f64],
    out: &mut RowsMut<'_>,
    operator: &C,
) {
    compiled_for!(block.vectors, carry_kernel[const INPUTS: usize, const KEPT: usize, C: Carry<INPUTS, KEPT>](
        block: &Block<'_>,
        state: &mut [f64],
        out: &mut RowsMut<'_>,
        operator: &C,
    ));
}

#[inline(always)]
fn carry_kernel<const INPUTS: usize, const KEPT: usize, C: Carry<INPUTS, KEPT>>(
    block: &Block<'_>,
    state: &mut [f64],
    out: &mut RowsMut<'_>,
    operator: &C,
) {
    let width = block.span.width;
    if block.span.first_row == 0 {
        for (row, start) in state.chunks_exact_mut(width).zip(C::START) {
            row.fill(start);
        }
    }
    let inputs: [Rows<'_>; INPUTS] = std::array::from_fn(|slot| block.input(slot));
    in_groups::<LANES>(width, &mut Walk { width, inputs, state, out, operator });
}

/// The rows at hand, to be walked group by group.
struct Walk<'a, 'b, 'o, C, const INPUTS: usize, const KEPT: usize> {
    width: usize,
    inputs: [Rows<'a>; INPUTS],
    state: &'b mut [f64],
    out: &'b mut RowsMut<'o>,
    operator: &'b C,
}

impl<C: Carry<INPUTS, KEPT>, const INPUTS: usize, const KEPT: usize> Groups for Walk<'_, '_, '_, C, INPUTS, KEPT> {
    #[inline(always)]
    fn group<const LANES: usize>(&mut self, symbol: usize) {
        let Self { width, inputs, .. } = *self;
        carry_group::<LANES, INPUTS, KEPT, C>(symbol, width, inputs, self.state, self.out, self.operator);
    }
}

/// Walks some symbols down the rows at hand, what they carry in registers.
#[inline(always)]
fn carry_group<const LANES: usize, const INPUTS: usize, const KEPT: usize, C: Carry<INPUTS, KEPT>>(
    symbol: usize,
    width: usize,
    inputs: [Rows<'_>; INPUTS],
    state: &mut [f64],
    out: &mut RowsMut<'_>,
    operator: &C,
) {
    let mut kept: [[f64; LANES]; KEPT] = std::array::from_fn(|k| load(state, k * width + symbol));
    let mut inputs = inputs.map(|rows| rows.down::<LANES>(0, symbol));
    for out in out.down::<LANES>(0, symbol) {
        let now: [[f64; LANES]; INPUTS] =
            std::array::from_fn(|i| inputs[i].next().expect("as many rows of input as of output"));
        for lane in 0..LANES {
            let mut own = kept.each_ref().map(|kept| kept[lane]);
            out[lane] = clean(operator.next(&mut own, now.each_ref().map(|now| now[lane])));
            for (kept, own) in kept.iter_mut().zip(own) {
                kept[lane] = own;
            }
        }
    }
    for (k, kept) in kept.iter().enumerate() {
        store(state, k * width + symbol, kept);
    }
}

/// A choice without a branch.
#[inline(always)]
fn pick(truth: bool, x: f64, y: f64) -> f64 {
    if truth { x } else { y }
}

/// An exponential average from its first value on, shown from the `shown`-th. Carries the average and the number of
/// values seen.
pub(super) struct Exponential {
    pub(super) alpha: f64,
    pub(super) shown: f64,
}

impl Carry<1, 2> for Exponential {
    const START: [f64; 2] = [0.0; 2];

    #[inline(always)]
    fn next(&self, [average, seen]: &mut [f64; 2], [x]: [f64; 1]) -> f64 {
        let known = !x.is_nan();
        let after = pick(*seen == 0.0, x, self.alpha * x + (1.0 - self.alpha) * *average);
        *average = pick(known, after, *average);
        *seen += pick(known, 1.0, 0.0);
        pick(known && *seen >= self.shown, after, f64::NAN)
    }
}

/// An exponential average from the mean of the first values on. Carries the average, at first the sum, and the number
/// of values seen.
pub(super) struct FromMean<F> {
    pub(super) rows: f64,
    /// The average after this one and another value.
    pub(super) next: F,
}

impl<F: Fn(f64, f64) -> f64> Carry<1, 2> for FromMean<F> {
    const START: [f64; 2] = [0.0; 2];

    #[inline(always)]
    fn next(&self, [average, seen]: &mut [f64; 2], [x]: [f64; 1]) -> f64 {
        let known = !x.is_nan();
        let total = *average + x;
        let starting = pick(*seen + 1.0 == self.rows, total * (1.0 / self.rows), total);
        let after = pick(*seen < self.rows, starting, (self.next)(*average, x));
        *average = pick(known, after, *average);
        *seen += pick(known, 1.0, 0.0);
        pick(known && *seen >= self.rows, after, f64::NAN)
    }
}

/// An exponential average with weights that sum to 1 from the first value on. Carries the weighted sum, the sum of
/// weights and the number of values seen.
pub(super) struct Adjusted {
    pub(super) alpha: f64,
    pub(super) shown: f64,
}

impl Carry<1, 3> for Adjusted {
    const START: [f64; 3] = [0.0; 3];

    #[inline(always)]
    fn next(&self, [sum, weights, seen]: &mut [f64; 3], [x]: [f64; 1]) -> f64 {
        let known = !x.is_nan();
        let after = x + (1.0 - self.alpha) * *sum;
        let total = 1.0 + (1.0 - self.alpha) * *weights;
        *sum = pick(known, after, *sum);
        *weights = pick(known, total, *weights);
        *seen += pick(known, 1.0, 0.0);
        pick(known && *seen >= self.shown, after / total, f64::NAN)
    }
}

/// The next value of an exponential average.
#[inline(always)]
pub(super) fn exponential(alpha: f64) -> impl Fn(f64, f64) -> f64 {
    move |before, x| alpha * x + (1.0 - alpha) * before
}

/// The next value of Wilder's average over so many rows.
#[inline(always)]
pub(super) fn wilder(rows: f64) -> impl Fn(f64, f64) -> f64 {
    move |before, x| (before * (rows - 1.0) + x) * (1.0 / rows)
}

/// The most recent value that is not missing, so many rows old at most. Carries the value and its age.
pub(super) struct Latest {
    pub(super) rows: f64,
}

impl Carry<1, 2> for Latest {
    const START: [f64; 2] = [f64::NAN, 0.0];

    #[inline(always)]
    fn next(&self, [value, age]: &mut [f64; 2], [x]: [f64; 1]) -> f64 {
        let fresh = !x.is_nan();
        *age = pick(fresh, 0.0, *age + 1.0);
        *value = pick(fresh, x, *value);
        pick(*age < self.rows, *value, f64::NAN)
    }
}

/// The running total.
pub(super) struct Total;

impl Carry<1, 1> for Total {
    const START: [f64; 1] = [0.0];

    #[inline(always)]
    fn next(&self, [total]: &mut [f64; 1], [x]: [f64; 1]) -> f64 {
        let after = *total + x;
        *total = pick(x.is_nan(), *total, after);
        after
    }
}

/// Rows since the flag was true.
pub(super) struct SinceTrue;

impl Carry<1, 1> for SinceTrue {
    const START: [f64; 1] = [f64::NAN];

    #[inline(always)]
    fn next(&self, [age]: &mut [f64; 1], [f]: [f64; 1]) -> f64 {
        *age = pick(f == 1.0, 0.0, *age + 1.0);
        *age
    }
}

/// Rows since the value changed. Carries the value and the rows.
pub(super) struct SinceChange;

impl Carry<1, 2> for SinceChange {
    const START: [f64; 2] = [f64::NAN; 2];

    #[inline(always)]
    fn next(&self, [value, age]: &mut [f64; 2], [x]: [f64; 1]) -> f64 {
        let known = !x.is_nan();
        let changed = known && !value.is_nan() && x != *value;
        *age = pick(changed, 0.0, *age + 1.0);
        *value = pick(known, x, *value);
        pick(known, *age, f64::NAN)
    }
}

/// Whether a row of the window is `SETTLED`: 1 for any, 0 for not all. Carries the rows since that, since an unknown
/// flag, and since the start.
pub(super) struct Kleene<const ANY: bool> {
    pub(super) rows: f64,
}

impl<const ANY: bool> Carry<1, 3> for Kleene<ANY> {
    const START: [f64; 3] = [f64::INFINITY, f64::INFINITY, 0.0];

    #[inline(always)]
    fn next(&self, [settled, unknown, rows]: &mut [f64; 3], [f]: [f64; 1]) -> f64 {
        let settles = if ANY { 1.0 } else { 0.0 };
        *settled = pick(f == settles, 0.0, *settled + 1.0);
        *unknown = pick(f.is_nan(), 0.0, *unknown + 1.0);
        *rows += 1.0;
        let open = pick(*unknown < self.rows, f64::NAN, 1.0 - settles);
        let value = pick(*settled < self.rows, settles, open);
        pick(*rows < self.rows, f64::NAN, value)
    }
}

/// Whether x lies on one side of y and did not in the row before. Carries that row.
pub(super) struct Crossing<const ABOVE: bool>;

impl<const ABOVE: bool> Carry<2, 2> for Crossing<ABOVE> {
    const START: [f64; 2] = [f64::NAN; 2];

    #[inline(always)]
    fn next(&self, before: &mut [f64; 2], now: [f64; 2]) -> f64 {
        let beyond = |[x, y]: [f64; 2]| flag(if ABOVE { x > y } else { x < y }, x, y);
        let crossed = and(beyond(now), 1.0 - beyond(*before));
        *before = now;
        crossed
    }
}

/// A value taken when a flag is true and held until another is.
pub(super) struct TradeWhen;

impl Carry<3, 1> for TradeWhen {
    const START: [f64; 1] = [f64::NAN];

    #[inline(always)]
    fn next(&self, [held]: &mut [f64; 1], [enter, value, leave]: [f64; 3]) -> f64 {
        let known = !enter.is_nan() && !leave.is_nan() && (enter == 0.0 || !value.is_nan());
        let taken = pick(known && enter == 1.0, value, *held);
        *held = pick(leave == 1.0, f64::NAN, taken);
        pick(known, *held, f64::NAN)
    }
}

/// The previous output until the value is further away than a share of itself.
pub(super) struct HumpDecay {
    pub(super) share: f64,
}

impl Carry<1, 1> for HumpDecay {
    const START: [f64; 1] = [f64::NAN];

    #[inline(always)]
    fn next(&self, [held]: &mut [f64; 1], [x]: [f64; 1]) -> f64 {
        let moves = held.is_nan() || (x - *held).abs() > self.share * x.abs();
        *held = pick(moves && !x.is_nan(), x, *held);
        pick(x.is_nan(), x, *held)
    }
}

/// The previous output, and a step of limited size towards the value.
pub(super) struct DeltaLimit {
    pub(super) share: f64,
}

impl Carry<2, 1> for DeltaLimit {
    const START: [f64; 1] = [f64::NAN];

    #[inline(always)]
    fn next(&self, [held]: &mut [f64; 1], [x, y]: [f64; 2]) -> f64 {
        let known = !x.is_nan() && !y.is_nan();
        let most = self.share * y.abs();
        let step = x - *held;
        let down = pick(step < -most, -most, step);
        let limited = *held + pick(down > most, most, down);
        let after = pick(held.is_nan(), x, limited);
        *held = pick(known, after, *held);
        pick(known, after, f64::NAN)
    }
}

/// Rows of state for [`kaufman`].
pub(super) const fn kaufman_state_rows(d: usize) -> usize {
    d + 2
}

/// Kaufman's adaptive average over `d` rows, between a fast and a slow share. `state` holds for each symbol its last `d`
/// known values, each in the place of its number modulo `d`, then the average, then the number of values.
pub(super) fn kaufman(d: usize, [fast, slow]: [f64; 2], block: &Block<'_>, state: &mut [f64], out: &mut RowsMut<'_>) {
    let x = block.input(0);
    for (symbol, state) in state.chunks_exact_mut(kaufman_state_rows(d)).take(block.span.width).enumerate() {
        let (values, carried) = state.split_at_mut(d);
        let [average, seen] = carried else { unreachable!("two numbers stand behind the values") };
        if block.span.first_row == 0 {
            (*average, *seen) = (f64::NAN, 0.0);
        }
        for (offset, [now]) in x.down::<1>(0, symbol).enumerate() {
            if now.is_nan() {
                out.put(offset, symbol, &[f64::NAN]);
                continue;
            }
            let count = *seen as usize;
            if count + 1 == d {
                *average = now;
            } else if count >= d {
                let (newer, older) = values.split_at(count % d);
                let mut path = 0.0;
                let mut before = f64::NAN;
                for &value in older.iter().chain(newer).chain([&now]) {
                    path += if before.is_nan() { 0.0 } else { (value - before).abs() };
                    before = value;
                }
                let efficiency = if path == 0.0 { 1.0 } else { (now - values[count % d]).abs() / path };
                let share = efficiency * (fast - slow) + slow;
                *average += share * share * (now - *average);
            }
            values[count % d] = now;
            *seen += 1.0;
            out.put(offset, symbol, &[if count >= d { clean(*average) } else { f64::NAN }]);
        }
    }
}
