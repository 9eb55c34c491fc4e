//! Operators of one symbol's past: which kernel each is, and what it keeps.

use factor::{Operator, Parameters, elementary};

use super::carry::{
    Adjusted, Crossing, DeltaLimit, Exponential, FromMean, HumpDecay, Kleene, Latest, SinceChange, SinceTrue, Total,
    TradeWhen, carry, exponential, wilder,
};
use super::cell::clean;
use super::column::{self, Folded, Summed};
use super::fold::{Extreme, Fold, Product, Range, RowsSince, fold};
use super::moments::{CoMoment, Kurtosis, MeanPower, Powers, Skewness, SquaresAboutMean, Triple};
use super::order::sorted;
use super::partial::partial;
use super::row::values;
use super::series::{lagged, time_rank};
use super::sums::{
    Correlation, Covariance, Decay, Mean, Projection, Ratio, Regression, Score, Spread, Sum, Trend, Weighted, WithMean,
};
use super::view::RowsMut;
use super::window::{Lanes, Sums, long, sums};
use super::windowed::{Rows, windowed};
use super::{Block, RankScale, carry, custom, fold, order, partial, row, series, window, windowed};

/// Anchors and sums of operators that sum over a window.
fn window_shape(operator: Operator) -> Option<(usize, usize)> {
    use Operator as O;
    Some(match operator {
        O::TsSum | O::TsMean | O::TsCount => (1, 1),
        O::TsStd | O::TsVar | O::TsZscore | O::TsDecayLinear => (1, 2),
        O::TsIr | O::TsSst => (1, 2),
        O::TsSkew | O::TsKurt | O::TsMoment => (1, 4),
        O::TsSlope | O::TsRsquare | O::TsTrendResid => (1, 3),
        O::TsWmean | O::TsCov => (2, 3),
        O::TsVectorProj | O::TsVectorNeut => (2, 4),
        O::TsCorr | O::TsBeta | O::TsAlpha | O::TsResid | O::TsR2 | O::TsFit => (2, 5),
        O::TsCoSkew | O::TsCoKurt => (2, 8),
        O::TsTripleCorr => (3, 10),
        _ => return None,
    })
}

/// Parts of operators that fold over a window.
fn folded_parts(operator: Operator) -> Option<usize> {
    use Operator as O;
    Some(match operator {
        O::TsProduct | O::TsMin | O::TsMax => 1,
        O::TsArgmin | O::TsArgmax => 2,
        O::TsScale => 3,
        _ => return None,
    })
}

/// Inputs of operators that go through a whole full window for every row.
fn windowed_inputs(operator: Operator) -> Option<usize> {
    use Operator as O;
    Some(match operator {
        O::TsMad | O::TsDecayExp | O::TsKthElement | O::TsLastDiffValue => 1,
        O::TsCountNans | O::TsEntropy | O::TsMaxDrawdown => 1,
        O::TsSse | O::TsMse | O::TsSeBeta | O::TsSeAlpha => 2,
        O::TsPartialCorr => 3,
        _ => return None,
    })
}

/// Whether a node's windows need not be full.
fn is_partial(operator: Operator, parameters: &Parameters) -> bool {
    operator.definition().min_periods(parameters) > 0
}

/// Whether a node keeps its window in order, full or not.
fn is_ordered(operator: Operator) -> bool {
    use Operator as O;
    matches!(operator, O::TsMedian | O::TsMedad | O::TsPercentile | O::TsQuantile)
}

/// Rows of state that a node keeps for itself. Of a column, all rows are there already.
pub(crate) fn state_rows(operator: Operator, parameters: &Parameters, of_column: bool) -> usize {
    use Operator as O;
    if is_partial(operator, parameters) && !is_ordered(operator) {
        return partial::state_rows(parameters.rows(0), operator.definition().inputs.len());
    }
    if let Some((anchors, sums)) = window_shape(operator) {
        return window::state_rows(parameters.rows(0), anchors, sums);
    }
    if let Some(parts) = folded_parts(operator) {
        return fold::state_rows(parameters.rows(0), parts);
    }
    if let Some(inputs) = windowed_inputs(operator) {
        return inputs * windowed::state_rows(parameters.rows(0));
    }
    match operator {
        O::TsDelay | O::TsDelta | O::Returns | O::LogReturns if !of_column => parameters.rows(0),
        O::TsEma if parameters.rows(1) == 2 => 3,
        O::TsAny | O::TsAll => 3,
        O::TsEma | O::TsRma | O::TsSmaCn | O::TsBackfill | O::RowsSinceChange | O::CrossAbove | O::CrossBelow => 2,
        O::TsCumsum | O::RowsSince | O::TradeWhen | O::HumpDecay | O::TsDeltaLimit | O::Hump => 1,
        O::TsRank => series::time_rank_state_rows(parameters.rows(0)),
        O::TsKama => carry::kaufman_state_rows(parameters.rows(0)),
        _ if is_ordered(operator) => order::state_rows(parameters.rows(0)),
        O::GroupBackfill => parameters.rows(0),
        O::Custom(id) => custom::state_rows(id, parameters),
        _ => 0,
    }
}

/// Whether an operator can give the mean over its window besides its own value.
pub(crate) fn gives_mean(operator: Operator, parameters: &Parameters) -> bool {
    use Operator as O;
    matches!(operator, O::TsStd | O::TsVar | O::TsZscore)
        && window::is_long(parameters.rows(0))
        && !is_partial(operator, parameters)
}

/// Whether an operator is the mean that another may [give](gives_mean).
pub(crate) fn takes_mean(operator: Operator, parameters: &Parameters) -> bool {
    operator == Operator::TsMean && !is_partial(operator, parameters)
}

/// Whether an operator reads earlier rows of its first input in the column itself, where that is one.
pub(crate) fn reads_column(operator: Operator) -> bool {
    use Operator as O;
    matches!(operator, O::TsDelay | O::TsDelta | O::Returns | O::LogReturns)
}

/// Whether a node whose only input is a column finds in it the rows of its window, and needs no copy of them: where it
/// keeps one number, in the order of memory; where it keeps several, few enough rows to be still close to the processor.
pub(crate) fn streams_column(operator: Operator, parameters: &Parameters) -> bool {
    // Measured: longer windows of which several numbers are kept take as long with a copy, or less.
    const ROWS_OF_SEVERAL: usize = 64;
    let of_one_input = |(inputs, sums)| (inputs == 1).then_some(sums);
    let Some(sums) = folded_parts(operator).or_else(|| window_shape(operator).and_then(of_one_input)) else {
        return false;
    };
    !is_partial(operator, parameters) && (sums == 1 || parameters.rows(0) <= ROWS_OF_SEVERAL)
}

/// Whether a node goes through its whole window for every row.
pub(crate) fn walks_window(operator: Operator, parameters: &Parameters) -> bool {
    operator == Operator::TsRank
        || windowed_inputs(operator).is_some()
        || is_ordered(operator)
        || is_partial(operator, parameters)
}

/// Operators that [give a mean](gives_mean), and the mean.
pub(super) fn with_mean(
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
    let (mean, lanes) = (Some(mean), Lanes::<8, 16>);
    match operator {
        O::TsStd => long(d, block, state, out, mean, lanes, &WithMean::new(rows, Spread::<true>::new(rows, ddof))),
        O::TsVar => long(d, block, state, out, mean, lanes, &WithMean::new(rows, Spread::<false>::new(rows, ddof))),
        O::TsZscore => long(d, block, state, out, mean, lanes, &WithMean::new(rows, Score::new(rows, ddof))),
        _ => unreachable!("the plan asks no other operator for a mean"),
    }
}

/// One sum over a window.
fn one_sum(d: usize, block: &Block<'_>, state: &mut [f64], out: &mut RowsMut<'_>, operator: impl Sums<1, 1>) {
    match block.past.filter(|_| window::is_long(d)) {
        Some(column) => column::walk(d, column, block, state, out, &Summed(operator)),
        None => sums(d, block, state, out, Lanes::<16, 16>, &operator),
    }
}

/// A fold over a window of which one number is kept.
fn one_fold(d: usize, block: &Block<'_>, state: &mut [f64], out: &mut RowsMut<'_>, operator: impl Fold<1>) {
    match block.past {
        Some(column) => column::walk(d, column, block, state, out, &Folded(operator)),
        None => fold(d, block, state, out, &operator),
    }
}

/// Operators of a symbol's history.
pub(super) fn history(operator: Operator, p: &Parameters, block: &Block<'_>, state: &mut [f64], out: &mut RowsMut<'_>) {
    use Operator as O;
    let d = p.rows(0);
    let least = match operator.definition().min_periods(p) {
        0 => d,
        least if is_ordered(operator) => least,
        least => return partial(operator, p, least, block, state, out),
    };
    let rows = d as f64;
    match operator {
        O::TsDelay => lagged(d, block, state, out, |_, base| base),
        O::TsDelta => lagged(d, block, state, out, |x, base| clean(x - base)),
        O::Returns => lagged(d, block, state, out, |x, base| {
            let change = clean(x / base - 1.0);
            if base > 0.0 { change } else { f64::NAN }
        }),
        O::LogReturns => lagged(d, block, state, out, |x, base| {
            let change = elementary::log(x / base);
            if x > 0.0 && base > 0.0 { change } else { f64::NAN }
        }),
        O::TsSum | O::TsCount => one_sum(d, block, state, out, Sum { rows }),
        O::TsMean => one_sum(d, block, state, out, Mean::new(rows)),
        O::TsDecayLinear => sums(d, block, state, out, Lanes::<8, 16>, &Decay::new(rows)),
        O::TsStd => sums(d, block, state, out, Lanes::<8, 16>, &Spread::<true>::new(rows, p.real(1))),
        O::TsVar => sums(d, block, state, out, Lanes::<8, 16>, &Spread::<false>::new(rows, p.real(1))),
        O::TsZscore => sums(d, block, state, out, Lanes::<8, 16>, &Score::new(rows, p.real(1))),
        O::TsIr => sums(d, block, state, out, Lanes::<8, 16>, &Ratio::new(rows, p.real(1))),
        O::TsSlope => sums(d, block, state, out, Lanes::<8, 8>, &Trend::new(rows, |line| line.slope)),
        O::TsRsquare => sums(d, block, state, out, Lanes::<8, 8>, &Trend::new(rows, |line| line.explained)),
        O::TsTrendResid => sums(d, block, state, out, Lanes::<8, 8>, &Trend::new(rows, |line| line.residual)),
        O::TsBeta => sums(d, block, state, out, Lanes::<4, 8>, &Regression::new(rows, |line| line.slope)),
        O::TsAlpha => sums(d, block, state, out, Lanes::<4, 8>, &Regression::new(rows, |line| line.level)),
        O::TsResid => sums(d, block, state, out, Lanes::<4, 8>, &Regression::new(rows, |line| line.residual)),
        O::TsR2 => sums(d, block, state, out, Lanes::<4, 8>, &Regression::new(rows, |line| line.explained)),
        O::TsVectorProj => sums(d, block, state, out, Lanes::<4, 8>, &Projection::<true> { rows }),
        O::TsVectorNeut => sums(d, block, state, out, Lanes::<4, 8>, &Projection::<false> { rows }),
        O::TsWmean => sums(d, block, state, out, Lanes::<4, 8>, &Weighted { rows }),
        O::TsCov => sums(d, block, state, out, Lanes::<8, 16>, &Covariance::new(rows)),
        O::TsCorr => sums(d, block, state, out, Lanes::<8, 16>, &Correlation::new(rows)),
        O::TsProduct => one_fold(d, block, state, out, Product),
        O::TsMin => one_fold(d, block, state, out, Extreme::<false>),
        O::TsMax => one_fold(d, block, state, out, Extreme::<true>),
        O::TsArgmin => fold(d, block, state, out, &RowsSince::<false>),
        O::TsArgmax => fold(d, block, state, out, &RowsSince::<true>),
        O::TsSst => sums(d, block, state, out, Lanes::<8, 16>, &SquaresAboutMean::new(rows)),
        O::TsFit => sums(d, block, state, out, Lanes::<4, 8>, &Regression::new(rows, |line| line.fit)),
        O::TsSkew => sums(d, block, state, out, Lanes::<4, 8>, &Powers::new(rows, Skewness)),
        O::TsKurt => sums(d, block, state, out, Lanes::<4, 8>, &Powers::new(rows, Kurtosis)),
        O::TsMoment => match p.rows(1) {
            2 => sums(d, block, state, out, Lanes::<4, 8>, &Powers::new(rows, MeanPower::<2>)),
            3 => sums(d, block, state, out, Lanes::<4, 8>, &Powers::new(rows, MeanPower::<3>)),
            _ => sums(d, block, state, out, Lanes::<4, 8>, &Powers::new(rows, MeanPower::<4>)),
        },
        O::TsCoSkew => sums(d, block, state, out, Lanes::<4, 8>, &CoMoment::<false>::new(rows)),
        O::TsCoKurt => sums(d, block, state, out, Lanes::<4, 8>, &CoMoment::<true>::new(rows)),
        O::TsPartialCorr => windowed(d, Rows::All, block, state, out, windowed::partial_correlation),
        O::TsTripleCorr => sums(d, block, state, out, Lanes::<4, 8>, &Triple::new(rows)),
        O::TsScale => fold(d, block, state, out, &Range),
        O::TsRank => time_rank(d, RankScale::new(p.real(1)), block, state, out),
        O::TsMedian => sorted(d, least, block, state, out, |window, _| order::median(window)),
        O::TsMedad => sorted(d, least, block, state, out, |window, _| order::median_deviation(window)),
        O::TsPercentile => {
            let share = p.real(1);
            sorted(d, least, block, state, out, |window, _| values::sorted_quantile(window, share));
        }
        O::TsQuantile => {
            let quantile = row::driver(p.real(1));
            sorted(d, least, block, state, out, |window, now| {
                let share = (order::rank(window, now) - 0.5) / window.len() as f64;
                if now.is_nan() { f64::NAN } else { quantile(share) }
            });
        }
        O::TsMad => windowed(d, Rows::All, block, state, out, |[window]| windowed::mean_deviation(window)),
        O::TsDecayExp => {
            let factor = p.real(1);
            windowed(d, Rows::All, block, state, out, |[window]| windowed::decayed(window, factor));
        }
        O::TsEntropy => {
            let bins = p.rows(1);
            windowed(d, Rows::All, block, state, out, |[window]| windowed::entropy(window, bins));
        }
        O::TsMaxDrawdown => windowed(d, Rows::All, block, state, out, |[window]| windowed::deepest_fall(window)),
        O::TsCountNans => windowed(d, Rows::All, block, state, out, |[window]| windowed::missing(window)),
        O::TsSse => windowed(d, Rows::All, block, state, out, |[y, x]| windowed::errors(y, x).squares),
        O::TsMse => windowed(d, Rows::All, block, state, out, |[y, x]| windowed::errors(y, x).variance()),
        O::TsSeBeta => windowed(d, Rows::All, block, state, out, |[y, x]| windowed::errors(y, x).of_slope()),
        O::TsSeAlpha => windowed(d, Rows::All, block, state, out, |[y, x]| windowed::errors(y, x).of_level()),
        O::TsKthElement => {
            let k = p.rows(1);
            windowed(d, Rows::Some, block, state, out, |[window]| windowed::kth_known(window, k));
        }
        O::TsLastDiffValue => windowed(d, Rows::Some, block, state, out, |[window]| windowed::last_different(window)),
        _ => carried(operator, p, block, state, out),
    }
}

/// Operators that carry something from row to row.
fn carried(operator: Operator, p: &Parameters, block: &Block<'_>, state: &mut [f64], out: &mut RowsMut<'_>) {
    use Operator as O;
    let rows = p.rows(0) as f64;
    let alpha = 2.0 / (rows + 1.0);
    match operator {
        O::TsEma => match p.rows(1) {
            0 => carry(block, state, out, &Exponential { alpha, shown: rows }),
            1 => carry(block, state, out, &FromMean { rows, next: exponential(alpha) }),
            _ => carry(block, state, out, &Adjusted { alpha, shown: rows }),
        },
        O::TsRma => carry(block, state, out, &FromMean { rows, next: wilder(rows) }),
        O::TsSmaCn => carry(block, state, out, &Exponential { alpha: (p.real(1) / rows).min(1.0), shown: 1.0 }),
        O::TsKama => {
            let shares = [1, 2].map(|index| 2.0 / (p.real(index) + 1.0));
            carry::kaufman(p.rows(0), shares, block, state, out);
        }
        O::TsBackfill => carry(block, state, out, &Latest { rows }),
        O::TsCumsum => carry(block, state, out, &Total),
        O::RowsSince => carry(block, state, out, &SinceTrue),
        O::RowsSinceChange => carry(block, state, out, &SinceChange),
        O::TsAny => carry(block, state, out, &Kleene::<true> { rows }),
        O::TsAll => carry(block, state, out, &Kleene::<false> { rows }),
        O::CrossAbove => carry(block, state, out, &Crossing::<true>),
        O::CrossBelow => carry(block, state, out, &Crossing::<false>),
        O::TradeWhen => carry(block, state, out, &TradeWhen),
        O::HumpDecay => carry(block, state, out, &HumpDecay { share: p.real(0) }),
        O::TsDeltaLimit => carry(block, state, out, &DeltaLimit { share: p.real(0) }),
        _ => unreachable!("`run` and `history` take every other operator"),
    }
}
