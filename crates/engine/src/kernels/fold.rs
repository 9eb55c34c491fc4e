//! Sliding windows over which something associative is folded, such as a minimum: blocks, suffixes and prefixes as in
//! [`super::window`], without an anchor.
//!
//! A group's state: for each part, `d + 1` rows of the group, then one row of prefix. Of the current block, row `p` is
//! kept in place `p`, unless it stands in a column, where it is found again; of the block before, the suffix from `p` on
//! is kept in place `p + 1`, a row behind where its own value was. A loop that chooses between what it reads and
//! something else, and writes the choice back to the same place, is compiled to masked stores, which take some processors
//! ten times as long as plain ones.

use super::Block;
use super::cell::{clean, greater, lesser, one_nan};
use super::view::{Groups, Past, Rows, RowsMut, in_groups, load, store};
use super::window::{Stretch, histories, stretches};
use crate::compiled_for;
use crate::layout::Span;

/// What is folded. A trait and not closures: closures would stay functions of their own, compiled without wide
/// vectors.
pub(super) trait Fold<const PARTS: usize> {
    /// What changes nothing.
    const NEUTRAL: [f64; PARTS];

    /// What a row brings: its value, and its place relative to the end of the block before.
    fn part(&self, value: f64, place: f64) -> [f64; PARTS];

    /// Two neighbours as one.
    fn join(&self, older: [f64; PARTS], newer: [f64; PARTS]) -> [f64; PARTS];

    /// The same with places counted from an end so many rows later.
    fn later(&self, part: [f64; PARTS], rows: f64) -> [f64; PARTS];

    /// The result of a whole window that ends in a place.
    fn result(&self, whole: [f64; PARTS], place: f64) -> f64;
}

/// The product.
pub(super) struct Product;

impl Fold<1> for Product {
    const NEUTRAL: [f64; 1] = [1.0];

    #[inline(always)]
    fn part(&self, value: f64, _: f64) -> [f64; 1] {
        [value]
    }

    #[inline(always)]
    fn join(&self, [older]: [f64; 1], [newer]: [f64; 1]) -> [f64; 1] {
        [older * newer]
    }

    #[inline(always)]
    fn later(&self, part: [f64; 1], _: f64) -> [f64; 1] {
        part
    }

    #[inline(always)]
    fn result(&self, [whole]: [f64; 1], _: f64) -> f64 {
        clean(one_nan(whole))
    }
}

/// The most extreme value: the highest, or the lowest.
pub(super) struct Extreme<const HIGHEST: bool>;

impl<const HIGHEST: bool> Extreme<HIGHEST> {
    /// More extreme than every value.
    const MISSING: f64 = if HIGHEST { f64::INFINITY } else { f64::NEG_INFINITY };

    /// Whether a value is strictly more extreme than another.
    #[inline(always)]
    fn beats(x: f64, y: f64) -> bool {
        if HIGHEST { x > y } else { x < y }
    }

    /// The value, or something that beats all values and is no result.
    #[inline(always)]
    fn known(value: f64) -> f64 {
        if value.is_nan() { Self::MISSING } else { value }
    }
}

impl<const HIGHEST: bool> Fold<1> for Extreme<HIGHEST> {
    const NEUTRAL: [f64; 1] = [-Self::MISSING];

    #[inline(always)]
    fn part(&self, value: f64, _: f64) -> [f64; 1] {
        [Self::known(value)]
    }

    #[inline(always)]
    fn join(&self, [older]: [f64; 1], [newer]: [f64; 1]) -> [f64; 1] {
        [if HIGHEST { greater(older, newer) } else { lesser(older, newer) }]
    }

    #[inline(always)]
    fn later(&self, part: [f64; 1], _: f64) -> [f64; 1] {
        part
    }

    #[inline(always)]
    fn result(&self, [whole]: [f64; 1], _: f64) -> f64 {
        clean(whole)
    }
}

/// The place of the newest value between the lowest and the highest.
pub(super) struct Range;

impl Fold<3> for Range {
    const NEUTRAL: [f64; 3] = [f64::INFINITY, f64::NEG_INFINITY, f64::NAN];

    #[inline(always)]
    fn part(&self, value: f64, _: f64) -> [f64; 3] {
        [Extreme::<false>::known(value), Extreme::<true>::known(value), value]
    }

    #[inline(always)]
    fn join(&self, older: [f64; 3], newer: [f64; 3]) -> [f64; 3] {
        [lesser(older[0], newer[0]), greater(older[1], newer[1]), newer[2]]
    }

    #[inline(always)]
    fn later(&self, part: [f64; 3], _: f64) -> [f64; 3] {
        part
    }

    #[inline(always)]
    fn result(&self, [low, high, newest]: [f64; 3], _: f64) -> f64 {
        let place = clean((newest - low) / (high - low));
        if high > low { place } else { f64::NAN }
    }
}

/// Rows since the most extreme value, of equals the most recent.
pub(super) struct RowsSince<const HIGHEST: bool>;

impl<const HIGHEST: bool> Fold<2> for RowsSince<HIGHEST> {
    const NEUTRAL: [f64; 2] = [-Extreme::<HIGHEST>::MISSING, 0.0];

    #[inline(always)]
    fn part(&self, value: f64, place: f64) -> [f64; 2] {
        [Extreme::<HIGHEST>::known(value), place]
    }

    #[inline(always)]
    fn join(&self, older: [f64; 2], newer: [f64; 2]) -> [f64; 2] {
        let keep = Extreme::<HIGHEST>::beats(older[0], newer[0]);
        [if keep { older[0] } else { newer[0] }, if keep { older[1] } else { newer[1] }]
    }

    #[inline(always)]
    fn later(&self, [value, place]: [f64; 2], rows: f64) -> [f64; 2] {
        [value, place - rows]
    }

    #[inline(always)]
    fn result(&self, [value, at]: [f64; 2], place: f64) -> f64 {
        if value.is_finite() { place - at } else { f64::NAN }
    }
}

/// Rows of state for windows of `d` rows.
pub(super) const fn state_rows(d: usize, parts: usize) -> usize {
    parts * (d + 2)
}

/// Folds over windows of `d` rows.
pub(super) fn fold<const PARTS: usize, F: Fold<PARTS>>(
    d: usize,
    block: &Block<'_>,
    state: &mut [f64],
    out: &mut RowsMut<'_>,
    operator: &F,
) {
    compiled_for!(block.vectors, fold_kernel[const PARTS: usize, F: Fold<PARTS>](
        d: usize,
        block: &Block<'_>,
        state: &mut [f64],
        out: &mut RowsMut<'_>,
        operator: &F,
    ));
}

#[inline(always)]
fn fold_kernel<const PARTS: usize, F: Fold<PARTS>>(
    d: usize,
    block: &Block<'_>,
    state: &mut [f64],
    out: &mut RowsMut<'_>,
    operator: &F,
) {
    const LANES: usize = 16;
    let Span { first_row, width, .. } = block.span;
    let (x, past) = (block.input(0), block.past);
    for stretch in stretches(d, first_row, out.count()) {
        in_groups::<LANES>(width, &mut Walk { d, x, past, state, out, stretch, operator });
    }
}

/// A stretch of rows, to be walked group by group.
struct Walk<'a, 'b, 'o, F, const PARTS: usize> {
    d: usize,
    x: Rows<'a>,
    past: Option<Past<'a>>,
    state: &'b mut [f64],
    out: &'b mut RowsMut<'o>,
    stretch: Stretch,
    operator: &'b F,
}

impl<F: Fold<PARTS>, const PARTS: usize> Groups for Walk<'_, '_, '_, F, PARTS> {
    #[inline(always)]
    fn group<const LANES: usize>(&mut self, symbol: usize) {
        let cells = state_rows(self.d, PARTS);
        let state = &mut self.state[cells * symbol..][..cells * LANES];
        let (history, prefix) = state.split_at_mut(PARTS * (self.d + 1) * LANES);
        let history = histories::<LANES, PARTS>(history, self.d + 1);
        let Self { d, x, past, .. } = *self;
        let mut group = Group { d, symbol, x, past, history, prefix, out: &mut *self.out };
        match self.stretch {
            Stretch::Filling { offset, position, rows } => group.fill(offset, position, rows, self.operator),
            Stretch::Running { offset, position, rows } => group.run(offset, position, rows, self.operator),
            Stretch::Last { offset } => group.complete(offset, self.operator),
        }
    }
}

/// Some symbols' input, state and output.
struct Group<'a, 'o, const LANES: usize, const PARTS: usize> {
    d: usize,
    symbol: usize,
    x: Rows<'a>,
    past: Option<Past<'a>>,
    history: [&'a mut [[f64; LANES]]; PARTS],
    prefix: &'a mut [f64],
    out: &'a mut RowsMut<'o>,
}

impl<const LANES: usize, const PARTS: usize> Group<'_, '_, LANES, PARTS> {
    /// Remembers rows of the first block.
    #[inline(always)]
    fn fill(&mut self, offset: usize, position: usize, rows: usize, operator: &impl Fold<PARTS>) {
        for row in 0..rows {
            if self.past.is_none() {
                let now = parts(operator, self.x.lanes(offset + row, self.symbol), (position + row + 1) as f64);
                for (history, now) in self.history.iter_mut().zip(now) {
                    history[position + row] = now;
                }
            }
            self.out.put(offset + row, self.symbol, &[f64::NAN; LANES]);
        }
    }

    /// Rows before the last of their block.
    #[inline(always)]
    fn run<F: Fold<PARTS>>(&mut self, offset: usize, position: usize, rows: usize, operator: &F) {
        let mut prefix = F::NEUTRAL.map(|part| [part; LANES]);
        if position > 0 {
            prefix = std::array::from_fn(|k| load(self.prefix, k * LANES));
        }
        // The suffix from the next row on is kept a row behind it.
        let mut history = self.history.each_mut().map(|history| &mut history[position..position + rows + 2]);
        let x = self.x.down::<LANES>(offset, self.symbol);
        let out = self.out.down::<LANES>(offset, self.symbol);
        for ((row, out), x) in (0..rows).zip(out).zip(x) {
            let place = (position + row + 1) as f64;
            let now = parts(operator, x, place);
            prefix = joined(operator, &prefix, &now);
            let suffix = history.each_ref().map(|history| history[row + 2]);
            let whole = joined(operator, &suffix, &prefix);
            if self.past.is_none() {
                for (history, now) in history.iter_mut().zip(now) {
                    history[row] = now;
                }
            }
            *out = results(operator, &whole, place);
        }
        for (k, prefix) in prefix.iter().enumerate() {
            store(self.prefix, k * LANES, prefix);
        }
    }

    /// The last row of a block: suffixes replace its rows.
    #[inline(always)]
    fn complete(&mut self, offset: usize, operator: &impl Fold<PARTS>) {
        let d = self.d;
        let mut folded = parts(operator, self.x.lanes(offset, self.symbol), 0.0);
        let mut column = self.past.map(|past| past.back::<LANES>(offset, d - 1, self.symbol));
        for row in (1..d).rev() {
            for (history, folded) in self.history.iter_mut().zip(folded) {
                history[row + 1] = folded;
            }
            let before = if let Some(rows) = &mut column {
                let now = rows.next().expect("as many rows of a column as of a window");
                parts(operator, now, row as f64 - d as f64)
            } else {
                let mut before = self.history.each_ref().map(|history| history[row - 1]);
                for lane in 0..LANES {
                    let later = operator.later(before.each_ref().map(|part| part[lane]), d as f64);
                    for k in 0..PARTS {
                        before[k][lane] = later[k];
                    }
                }
                before
            };
            folded = joined(operator, &before, &folded);
        }
        self.out.put(offset, self.symbol, &results(operator, &folded, 0.0));
    }
}

/// What a row of a group brings.
#[inline(always)]
fn parts<const LANES: usize, const PARTS: usize>(
    operator: &impl Fold<PARTS>,
    values: [f64; LANES],
    place: f64,
) -> [[f64; LANES]; PARTS] {
    let mut parts = [[0.0; LANES]; PARTS];
    for lane in 0..LANES {
        let part = operator.part(values[lane], place);
        for k in 0..PARTS {
            parts[k][lane] = part[k];
        }
    }
    parts
}

/// Neighbours as one.
#[inline(always)]
fn joined<const LANES: usize, const PARTS: usize>(
    operator: &impl Fold<PARTS>,
    older: &[[f64; LANES]; PARTS],
    newer: &[[f64; LANES]; PARTS],
) -> [[f64; LANES]; PARTS] {
    let mut both = [[0.0; LANES]; PARTS];
    for lane in 0..LANES {
        let joined = operator.join(older.each_ref().map(|part| part[lane]), newer.each_ref().map(|part| part[lane]));
        for k in 0..PARTS {
            both[k][lane] = joined[k];
        }
    }
    both
}

#[inline(always)]
fn results<const LANES: usize, const PARTS: usize>(
    operator: &impl Fold<PARTS>,
    whole: &[[f64; LANES]; PARTS],
    place: f64,
) -> [f64; LANES] {
    std::array::from_fn(|lane| operator.result(whole.each_ref().map(|part| part[lane]), place))
}
