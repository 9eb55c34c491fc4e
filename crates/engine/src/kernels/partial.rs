//! Windows that need not be full: those of operators with the option `min_periods`. Windows in order are in
//! [`super::order`], full or not.
//!
//! The known rows of each symbol's window are gathered anew for every row, and the operator's formula for a full window
//! is applied to them. That costs as much as the window is long, but needs no second set of formulas, and depends on
//! nothing older than the window.

use std::cmp::Ordering;

use factor::{Operator, Parameters};

use super::cell::clean;
use super::fold::{Extreme, Fold, Product, Range, RowsSince};
use super::moments::{CoMoment, Kurtosis, MeanPower, Powers, Skewness, SquaresAboutMean, Triple};
use super::sums::{Correlation, Covariance, Line, Mean, Projection, Ratio, Regression, Score, Spread, Sum, Weighted};
use super::view::RowsMut;
use super::window::{End, Sums};
use super::windowed::{self, Errors, Window};
use super::{Block, RankScale};
use crate::layout::Span;

/// Rows of state for windows of `d` rows of so many inputs: their last values, each in the place of its row modulo `d`.
pub(super) const fn state_rows(d: usize, inputs: usize) -> usize {
    d * inputs
}

/// The known rows of a window, at least one.
struct Known<'a, const INPUTS: usize> {
    /// Values of each input, oldest first.
    values: [&'a [f64]; INPUTS],
    /// Their places in the window, 1 for its oldest row and `d` for the current one.
    places: &'a [f64],
    d: usize,
}

impl<const INPUTS: usize> Known<'_, INPUTS> {
    fn rows(&self) -> f64 {
        self.places.len() as f64
    }

    fn holds_now(&self) -> bool {
        self.places.last() == Some(&(self.d as f64))
    }

    fn windows(&self) -> [Window<'_>; INPUTS] {
        self.values.map(Window::of)
    }

    /// An operator that sums over its window. Where places count, they are an input.
    fn sums<const SUMS: usize>(&self, operator: &impl Sums<INPUTS, SUMS>) -> f64 {
        sums(self.values, operator)
    }
}

impl Known<'_, 1> {
    /// What is folded over a window.
    fn fold<const PARTS: usize, F: Fold<PARTS>>(&self, operator: &F) -> f64 {
        let rows = self.values[0].iter().zip(self.places);
        let join = |whole, (&value, &place): (&f64, &f64)| operator.join(whole, operator.part(value, place));
        operator.result(rows.fold(F::NEUTRAL, join), self.d as f64)
    }

    /// How many values lie below the newest; of equals half.
    fn below_newest(&self) -> f64 {
        let (newest, others) = self.values[0].split_last().expect("at least one value");
        let share = |then: &f64| match then.partial_cmp(newest) {
            Some(Ordering::Less) => 1.0,
            Some(Ordering::Equal) => 0.5,
            _ => 0.0,
        };
        others.iter().map(share).sum()
    }

    /// The mean with weights that shrink by a factor each row back, those of rows left out too.
    fn decayed(&self, factor: f64) -> f64 {
        let newest = self.places.len() - 1;
        let anchor = self.values[0][newest];
        // By Horner's rule, from the oldest row on.
        let (mut sum, mut weights, mut last) = (0.0, 0.0, self.places[0]);
        for (&x, &place) in self.values[0].iter().zip(self.places) {
            while last < place {
                sum *= factor;
                weights *= factor;
                last += 1.0;
            }
            sum += x - anchor;
            weights += 1.0;
        }
        anchor + sum / weights
    }

    /// The line over the places of the values.
    fn trend(&self, part: impl Fn(Line) -> f64) -> f64 {
        sums([self.values[0], self.places], &Regression::new(self.rows(), part))
    }
}

impl Known<'_, 2> {
    /// What the line of the first input on the second leaves.
    fn errors(&self) -> Errors {
        let [y, x] = self.windows();
        windowed::errors(y, x)
    }
}

/// Sums over all rows, of distances from their mean: as there is time for two passes, no digits are lost to an outlier.
fn sums<const INPUTS: usize, const SUMS: usize>(values: [&[f64]; INPUTS], operator: &impl Sums<INPUTS, SUMS>) -> f64 {
    let newest = values[0].len() - 1;
    let now = values.map(|values| values[newest]);
    let anchor = std::array::from_fn(|slot| {
        let distances = values[slot].iter().map(|x| x - now[slot]);
        now[slot] + distances.sum::<f64>() / values[slot].len() as f64
    });
    let mut sums = [0.0; SUMS];
    for row in 0..=newest {
        let terms = operator.terms(std::array::from_fn(|slot| values[slot][row] - anchor[slot]), 0.0);
        for (sum, term) in sums.iter_mut().zip(terms) {
            *sum += term;
        }
    }
    operator.result(sums, End { anchor, now, rows_past_anchor: 0.0 })
}

/// A node whose windows need not be full.
struct Partial<'a, 'b, 'o> {
    d: usize,
    /// Known rows with which a window is content.
    least: usize,
    block: &'a Block<'b>,
    state: &'a mut [f64],
    out: &'a mut RowsMut<'o>,
}

impl Partial<'_, '_, '_> {
    /// Applies `f` to the known rows of each symbol's windows.
    fn over<const INPUTS: usize>(self, f: impl Fn(Known<'_, INPUTS>) -> f64) {
        let Span { first_row, width, .. } = self.block.span;
        let d = self.d;
        let mut gathered: [Vec<f64>; INPUTS] = std::array::from_fn(|_| vec![0.0; d]);
        let mut places = vec![0.0; d];
        for (symbol, latest) in self.state.chunks_exact_mut(state_rows(d, INPUTS)).take(width).enumerate() {
            let mut inputs: [_; INPUTS] = std::array::from_fn(|slot| self.block.input(slot).down::<1>(0, symbol));
            for offset in 0..self.out.count() {
                let row = first_row + offset;
                for (input, latest) in inputs.iter_mut().zip(latest.chunks_exact_mut(d)) {
                    [latest[row % d]] = input.next().expect("as many rows of input as of output");
                }
                // Of a window that begins before the first row, the part that there is.
                let first = (row + 1).saturating_sub(d);
                let (mut at, mut count) = (first % d, 0);
                for place in first + d - row..=d {
                    let mut known = true;
                    for (slot, gathered) in gathered.iter_mut().enumerate() {
                        let value = latest[slot * d + at];
                        gathered[count] = value;
                        known &= !value.is_nan();
                    }
                    places[count] = place as f64;
                    count += usize::from(known);
                    at = if at + 1 == d { 0 } else { at + 1 };
                }
                let value = if count < self.least {
                    f64::NAN
                } else {
                    let values = gathered.each_ref().map(|values| &values[..count]);
                    clean(f(Known { values, places: &places[..count], d }))
                };
                self.out.put(offset, symbol, &[value]);
            }
        }
    }

    /// The same for what is said of today's row, which must then be known.
    fn over_today<const INPUTS: usize>(self, f: impl Fn(Known<'_, INPUTS>) -> f64) {
        self.over(|known: Known<'_, INPUTS>| if known.holds_now() { f(known) } else { f64::NAN });
    }
}

/// Operators of windows that are content with `least` known rows.
pub(super) fn partial(
    operator: Operator,
    p: &Parameters,
    least: usize,
    block: &Block<'_>,
    state: &mut [f64],
    out: &mut RowsMut<'_>,
) {
    use Operator as O;
    let d = p.rows(0);
    let at = Partial { d, least, block, state, out };
    match operator {
        O::TsSum | O::TsCount => at.over(|w: Known<'_, 1>| w.sums(&Sum { rows: w.rows() })),
        O::TsMean => at.over(|w: Known<'_, 1>| w.sums(&Mean::new(w.rows()))),
        O::TsStd => at.over(|w: Known<'_, 1>| w.sums(&Spread::<true>::new(w.rows(), p.real(1)))),
        O::TsVar => at.over(|w: Known<'_, 1>| w.sums(&Spread::<false>::new(w.rows(), p.real(1)))),
        O::TsZscore => at.over_today(|w: Known<'_, 1>| w.sums(&Score::new(w.rows(), p.real(1)))),
        O::TsIr => at.over(|w: Known<'_, 1>| w.sums(&Ratio::new(w.rows(), p.real(1)))),
        O::TsSst => at.over(|w: Known<'_, 1>| w.sums(&SquaresAboutMean::new(w.rows()))),
        O::TsSkew => at.over(|w: Known<'_, 1>| w.sums(&Powers::new(w.rows(), Skewness))),
        O::TsKurt => at.over(|w: Known<'_, 1>| w.sums(&Powers::new(w.rows(), Kurtosis))),
        O::TsMoment => match p.rows(1) {
            2 => at.over(|w: Known<'_, 1>| w.sums(&Powers::new(w.rows(), MeanPower::<2>))),
            3 => at.over(|w: Known<'_, 1>| w.sums(&Powers::new(w.rows(), MeanPower::<3>))),
            _ => at.over(|w: Known<'_, 1>| w.sums(&Powers::new(w.rows(), MeanPower::<4>))),
        },
        O::TsDecayLinear => at.over(|w: Known<'_, 1>| sums([w.values[0], w.places], &Weighted { rows: w.rows() })),
        O::TsSlope => at.over(|w: Known<'_, 1>| w.trend(|line| line.slope)),
        O::TsRsquare => at.over(|w: Known<'_, 1>| w.trend(|line| line.explained)),
        O::TsTrendResid => at.over_today(|w: Known<'_, 1>| w.trend(|line| line.residual)),
        O::TsProduct => at.over(|w: Known<'_, 1>| w.fold(&Product)),
        O::TsMin => at.over(|w: Known<'_, 1>| w.fold(&Extreme::<false>)),
        O::TsMax => at.over(|w: Known<'_, 1>| w.fold(&Extreme::<true>)),
        O::TsArgmin => at.over(|w: Known<'_, 1>| w.fold(&RowsSince::<false>)),
        O::TsArgmax => at.over(|w: Known<'_, 1>| w.fold(&RowsSince::<true>)),
        O::TsScale => at.over_today(|w: Known<'_, 1>| w.fold(&Range)),
        O::TsRank => {
            let scale = RankScale::new(p.real(1));
            at.over_today(|w: Known<'_, 1>| scale.of(w.below_newest(), w.places.len()));
        }
        O::TsMad => at.over(|w: Known<'_, 1>| windowed::mean_deviation(w.windows()[0])),
        O::TsDecayExp => at.over(|w: Known<'_, 1>| w.decayed(p.real(1))),
        O::TsEntropy => at.over(|w: Known<'_, 1>| windowed::entropy(w.windows()[0], p.rows(1))),
        O::TsMaxDrawdown => at.over(|w: Known<'_, 1>| windowed::deepest_fall(w.windows()[0])),
        _ => partial_of_several(operator, at),
    }
}

/// Operators of several series, whose rows are known where all have a value.
fn partial_of_several(operator: Operator, at: Partial<'_, '_, '_>) {
    use Operator as O;
    match operator {
        O::TsWmean => at.over(|w: Known<'_, 2>| w.sums(&Weighted { rows: w.rows() })),
        O::TsCov => at.over(|w: Known<'_, 2>| w.sums(&Covariance::new(w.rows()))),
        O::TsCorr => at.over(|w: Known<'_, 2>| w.sums(&Correlation::new(w.rows()))),
        O::TsBeta => at.over(|w: Known<'_, 2>| w.sums(&Regression::new(w.rows(), |line| line.slope))),
        O::TsAlpha => at.over(|w: Known<'_, 2>| w.sums(&Regression::new(w.rows(), |line| line.level))),
        O::TsResid => at.over_today(|w: Known<'_, 2>| w.sums(&Regression::new(w.rows(), |line| line.residual))),
        O::TsR2 => at.over(|w: Known<'_, 2>| w.sums(&Regression::new(w.rows(), |line| line.explained))),
        O::TsFit => at.over_today(|w: Known<'_, 2>| w.sums(&Regression::new(w.rows(), |line| line.fit))),
        O::TsVectorProj => at.over_today(|w: Known<'_, 2>| w.sums(&Projection::<true> { rows: w.rows() })),
        O::TsVectorNeut => at.over_today(|w: Known<'_, 2>| w.sums(&Projection::<false> { rows: w.rows() })),
        O::TsCoSkew => at.over(|w: Known<'_, 2>| w.sums(&CoMoment::<false>::new(w.rows()))),
        O::TsCoKurt => at.over(|w: Known<'_, 2>| w.sums(&CoMoment::<true>::new(w.rows()))),
        O::TsSse => at.over(|w: Known<'_, 2>| w.errors().squares),
        O::TsMse => at.over(|w: Known<'_, 2>| w.errors().variance()),
        O::TsSeBeta => at.over(|w: Known<'_, 2>| w.errors().of_slope()),
        O::TsSeAlpha => at.over(|w: Known<'_, 2>| w.errors().of_level()),
        O::TsTripleCorr => at.over(|w: Known<'_, 3>| w.sums(&Triple::new(w.rows()))),
        O::TsPartialCorr => at.over(|w: Known<'_, 3>| windowed::partial_correlation(w.windows())),
        _ => unreachable!("no other operator has the option"),
    }
}
