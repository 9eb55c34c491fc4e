//! How well a factor orders the returns that follow it.
//!
//! The information coefficient (IC) of a bar is the correlation, over the symbols that have both, of a factor's
//! values and the returns that follow: of average ranks (Spearman) for `ic` and rank autocorrelation, of values where
//! Pearson is named. Below three pairs, or where either side is constant, it is undefined. Panels are flat and
//! time-major, `[bars x symbols]`, NaN = missing; infinite values rank like any other.
//!
//! Ranks are kept doubled, so that averages of ties stay whole numbers, and all sums over them are exact: an IC does
//! not depend on the order of the symbols, and precomputed label ranks change nothing but the time.

mod labels;
mod order;
mod quantiles;
mod series;

use serde::{Deserialize, Serialize};

use crate::metrics::{NEGLIGIBLE, finite};

pub use labels::{LabelRanks, RankScratch};
pub use quantiles::{monotonicity, quantile_returns, quantile_spread};
pub(crate) use series::standard_error;
pub use series::{IcSeries, IcSummary, rank_autocorr};

/// Fewest pairs that have a correlation.
const FEWEST_PAIRS: usize = 3;

/// Most symbols a row may have: the sum of squared doubled ranks, about a third of its cube, must fit 64 bits.
const MOST_SYMBOLS: usize = 1 << 20;

/// A correlation over the pairs where both values exist.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Correlation {
    /// Pairs where both values exist.
    pub n_pairs: usize,
    /// The correlation; `None` below three pairs, or where either side is constant.
    pub value: Option<f64>,
}

/// Spearman correlation: Pearson's, of average ranks, over the pairs where neither value is NaN. A row longer than the
/// other is cut; beyond 1,048,576 pairs there is no value.
pub fn spearman(left: &[f64], right: &[f64], scratch: &mut RankScratch) -> Correlation {
    let n = left.len().min(right.len());
    let (left, right) = (&left[..n], &right[..n]);
    let RankScratch { order, left: left_ranks, right: right_ranks, .. } = scratch;
    let n_pairs = order.fill(left, |symbol| !right[symbol].is_nan());
    if !(FEWEST_PAIRS..=MOST_SYMBOLS).contains(&n_pairs) {
        return Correlation { n_pairs, value: None };
    }
    left_ranks.clear();
    left_ranks.resize(n, 0);
    right_ranks.clear();
    right_ranks.resize(n, 0);
    let left_squares = order.rank(left, left_ranks);
    order.fill(right, |symbol| left_ranks[symbol] != 0);
    let right_squares = order.rank(right, right_ranks);
    let centre = n_pairs as i64 + 1;
    let products = order
        .members()
        .map(|symbol| (i64::from(left_ranks[symbol]) - centre) * (i64::from(right_ranks[symbol]) - centre));
    Correlation { n_pairs, value: coefficient(products.sum(), left_squares, right_squares) }
}

/// Pearson correlation over the pairs where neither value is NaN. A side is constant when its range is at most 1e-12 of
/// its largest absolute value.
pub fn pearson(left: &[f64], right: &[f64]) -> Correlation {
    let pairs = || left.iter().copied().zip(right.iter().copied()).filter(|(a, b)| !a.is_nan() && !b.is_nan());
    let n_pairs = pairs().count();
    if n_pairs < FEWEST_PAIRS {
        return Correlation { n_pairs, value: None };
    }
    let means = pairs().fold((0.0, 0.0), |sums, (a, b)| (sums.0 + a, sums.1 + b));
    let means = (means.0 / n_pairs as f64, means.1 / n_pairs as f64);
    let (mut left_squares, mut right_squares, mut products) = (0.0, 0.0, 0.0);
    for (a, b) in pairs() {
        left_squares += (a - means.0) * (a - means.0);
        right_squares += (b - means.1) * (b - means.1);
        products += (a - means.0) * (b - means.1);
    }
    let constant = is_constant(pairs().map(|(a, _)| a)) || is_constant(pairs().map(|(_, b)| b));
    let value = if constant { None } else { finite(products / (left_squares.sqrt() * right_squares.sqrt())) };
    Correlation { n_pairs, value: value.map(|r| r.clamp(-1.0, 1.0)) }
}

/// Labels for a factor: the return over `horizon` bars from the fill bar, `delay` bars after the factor's.
///
/// Row `t` holds `price[t + delay + horizon] / price[t + delay] - 1`, NaN where either is missing, not above 0, or
/// after the last bar. With opening prices and a delay of 1 this is what an order decided on bar `t` and filled at the
/// next open earns. Prices and result are flat, `[bars x symbols]`.
pub fn forward_returns(prices: &[f64], symbols: usize, delay: usize, horizon: usize) -> Vec<f64> {
    let shift = |bars: usize| bars.saturating_mul(symbols);
    let entry = prices.get(shift(delay)..).unwrap_or_default();
    let exit = prices.get(shift(delay.saturating_add(horizon))..).unwrap_or_default();
    let mut labels: Vec<f64> = entry
        .iter()
        .zip(exit)
        .map(|(&entry, &exit)| if entry > 0.0 && exit > 0.0 { exit / entry - 1.0 } else { f64::NAN })
        .collect();
    labels.resize(prices.len(), f64::NAN);
    labels
}

/// The correlation that exact sums of products and squares give.
fn coefficient(products: i64, left_squares: i64, right_squares: i64) -> Option<f64> {
    if left_squares == 0 || right_squares == 0 {
        return None;
    }
    // One root of the product, not a product of roots: equal sides then give exactly 1.
    finite(products as f64 / (left_squares as f64 * right_squares as f64).sqrt()).map(|r| r.clamp(-1.0, 1.0))
}

fn is_constant(values: impl Iterator<Item = f64>) -> bool {
    let (mut lowest, mut highest) = (f64::INFINITY, f64::NEG_INFINITY);
    for value in values {
        lowest = lowest.min(value);
        highest = highest.max(value);
    }
    highest - lowest <= NEGLIGIBLE * lowest.abs().max(highest.abs())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::error::Error;

    /// Values with gaps, ties, infinities and neighbours that differ in the last bit alone.
    pub(super) fn any_row(length: usize) -> impl Strategy<Value = Vec<f64>> {
        let cell = prop_oneof![
            8 => -1.0..1.0_f64,
            4 => (0..5_u8).prop_map(f64::from),
            3 => Just(f64::NAN),
            3 => (0..4_u64).prop_map(|ulps| f64::from_bits(1.5_f64.to_bits() + ulps)),
            1 => prop_oneof![Just(f64::INFINITY), Just(f64::NEG_INFINITY), Just(0.0), Just(-0.0)],
        ];
        prop::collection::vec(cell, length)
    }

    /// Average ranks by counting, counted from 1.
    pub(super) fn slow_ranks(values: &[f64]) -> Vec<f64> {
        let rank = |value: f64| {
            let below = values.iter().filter(|other| **other < value).count();
            let equal = values.iter().filter(|other| **other == value).count();
            below as f64 + f64::midpoint(equal as f64, 1.0)
        };
        values.iter().map(|value| rank(*value)).collect()
    }

    fn slow_spearman(left: &[f64], right: &[f64]) -> Correlation {
        let pairs = left.iter().zip(right).filter(|(a, b)| !a.is_nan() && !b.is_nan());
        let (left, right): (Vec<f64>, Vec<f64>) = pairs.map(|(a, b)| (*a, *b)).unzip();
        pearson(&slow_ranks(&left), &slow_ranks(&right))
    }

    fn assert_same(got: Correlation, expected: Correlation) -> Result<(), TestCaseError> {
        prop_assert_eq!(got.n_pairs, expected.n_pairs);
        let difference = got.value.zip(expected.value).map(|(a, b)| (a - b).abs());
        prop_assert_eq!(got.value.is_some(), expected.value.is_some(), "{:?} {:?}", got, expected);
        prop_assert!(difference.is_none_or(|difference| difference <= 1e-12), "{:?} {:?}", got, expected);
        Ok(())
    }

    #[test]
    fn few_pairs_and_constant_sides_are_undefined() {
        let mut scratch = RankScratch::default();
        let cases: [(&[f64], &[f64], usize); 5] = [
            (&[], &[], 0),
            (&[1.0, 2.0], &[1.0, 2.0], 2),
            (&[1.0, 2.0, f64::NAN, 3.0], &[1.0, f64::NAN, 2.0, 3.0], 2),
            (&[2.0, 2.0, 2.0], &[1.0, 2.0, 3.0], 3),
            (&[0.1, 0.2, 0.3], &[-0.0, 0.0, 0.0], 3),
        ];
        for (left, right, n_pairs) in cases {
            let undefined = Correlation { n_pairs, value: None };
            assert_eq!(spearman(left, right, &mut scratch), undefined, "{left:?} {right:?}");
            assert_eq!(pearson(left, right), undefined, "{left:?} {right:?}");
            let labels = LabelRanks::new(right, right.len()).unwrap();
            assert_eq!(labels.ic(0, left, &mut scratch), undefined, "{left:?} {right:?}");
        }
    }

    #[test]
    fn misshapen_panels_are_refused() {
        assert_eq!(LabelRanks::new(&[1.0; 7], 3).unwrap_err(), Error::Shape { values: 7, symbols: 3 });
        assert_eq!(LabelRanks::new(&[1.0; 7], 0).unwrap_err(), Error::Shape { values: 7, symbols: 0 });
        assert_eq!(LabelRanks::new(&[], 1 << 21).unwrap_err(), Error::TooManySymbols(1 << 21));
        let labels = LabelRanks::new(&[1.0, 2.0, 3.0], 3).unwrap();
        assert_eq!(labels.ic(1, &[1.0, 2.0, 3.0], &mut RankScratch::default()), Correlation::default());
    }

    #[test]
    fn forward_returns_start_at_the_fill_bar() {
        let prices = [10.0, 1.0, 20.0, 2.0, 30.0, f64::NAN, 60.0, 4.0];
        let labels = forward_returns(&prices, 2, 1, 1);
        let expected = [0.5, f64::NAN, 1.0, f64::NAN, f64::NAN, f64::NAN, f64::NAN, f64::NAN];
        assert!(labels.iter().zip(expected).all(|(a, b)| *a == b || (a.is_nan() && b.is_nan())), "{labels:?}");
        assert!(forward_returns(&prices, 2, 9, usize::MAX).iter().all(|label| label.is_nan()));
    }

    #[test]
    fn wide_rows_stay_exact() {
        // More symbols than the 12 index bits of a narrow row, in a scrambled order, with label ties and a gap.
        let n = 5_000_u32;
        let mut factor: Vec<f64> = (0..n).map(|i| f64::from(i.wrapping_mul(2_654_435_761) >> 8)).collect();
        let mut labels: Vec<f64> = (0..n).map(|i| f64::from(i.wrapping_mul(40_503) % 997)).collect();
        let mut scratch = RankScratch::default();
        for gap in [None, Some(17), Some(4_321), Some(4_999)] {
            if let Some(symbol) = gap {
                labels[symbol] = f64::NAN;
                factor[symbol / 2] = f64::NAN;
            }
            let expected = slow_spearman(&factor, &labels);
            let fast = LabelRanks::new(&labels, labels.len()).unwrap().ic(0, &factor, &mut scratch);
            assert_eq!(fast, spearman(&factor, &labels, &mut scratch));
            assert!((fast.value.unwrap() - expected.value.unwrap()).abs() < 1e-12);
        }
    }

    proptest! {
        #[test]
        fn spearman_is_pearson_of_ranks(left in any_row(30), right in any_row(30)) {
            assert_same(spearman(&left, &right, &mut RankScratch::default()), slow_spearman(&left, &right))?;
        }

        #[test]
        fn precomputed_ranks_change_nothing(
            labels in any_row(60),
            factors in any_row(60),
            unlabelled in prop::collection::vec(prop::bool::weighted(0.4), 5),
        ) {
            let mut labels = labels;
            for (row, _) in labels.chunks_exact_mut(12).zip(unlabelled).filter(|(_, unlabelled)| *unlabelled) {
                row.fill(f64::NAN);
            }
            let ranks = LabelRanks::new(&labels, 12).unwrap();
            let mut scratch = RankScratch::default();
            prop_assert_eq!((ranks.bars(), ranks.symbols()), (5, 12));
            for bar in 0..5 {
                let (label, factor) = (&labels[bar * 12..][..12], &factors[bar * 12..][..12]);
                let fast = ranks.ic(bar, factor, &mut scratch);
                prop_assert_eq!(fast, spearman(factor, label, &mut scratch));
                prop_assert_eq!(ranks.present(bar), label.iter().filter(|label| !label.is_nan()).count());
            }
        }

        /// Few and many labels without a value of the factor, which are taken out of the ranks in two ways.
        #[test]
        fn gaps_of_any_number_are_closed(
            label in any_row(150),
            factor in any_row(150),
            labelled in prop::bool::ANY,
            missing in prop_oneof![Just(0.0), Just(0.05), Just(0.6)],
            seed in any::<u64>(),
        ) {
            let (mut label, mut factor) = (label, factor);
            let mut next = seed | 1;
            for (label, factor) in label.iter_mut().zip(&mut factor) {
                next = next.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let is_missing = ((next >> 33) as f64) < missing * (1_u64 << 31) as f64;
                *factor = if is_missing { f64::NAN } else { *factor };
                *label = if labelled && label.is_nan() { 0.0 } else { *label };
            }
            let mut scratch = RankScratch::default();
            let fast = LabelRanks::new(&label, 150).unwrap().ic(0, &factor, &mut scratch);
            prop_assert_eq!(fast, spearman(&factor, &label, &mut RankScratch::default()));
            let mut doubled = vec![0; 150];
            engine::Ranker::default().rank_twice(&factor, &mut doubled);
            match scratch.doubled_ranks() {
                Some(ranks) => prop_assert!(ranks[..150] == doubled && ranks[150..].iter().all(|&rank| rank == 0)),
                None => prop_assert!(label.iter().zip(&factor).any(|(label, factor)| label.is_nan() && !factor.is_nan())),
            }
        }

        #[test]
        fn rising_transforms_and_symbol_order_change_nothing(left in any_row(20), right in any_row(20)) {
            let mut scratch = RankScratch::default();
            let expected = spearman(&left, &right, &mut scratch);
            let doubled: Vec<f64> = left.iter().map(|value| value * 4.0).collect();
            prop_assert_eq!(spearman(&doubled, &right, &mut scratch), expected);
            let reversed = |row: &[f64]| row.iter().rev().copied().collect::<Vec<f64>>();
            prop_assert_eq!(spearman(&reversed(&left), &reversed(&right), &mut scratch), expected);
            prop_assert_eq!(spearman(&right, &left, &mut scratch), expected);
            let negated: Vec<f64> = left.iter().map(|value| -value).collect();
            let opposite = spearman(&negated, &right, &mut scratch).value;
            prop_assert_eq!(opposite.map(|r| -r), expected.value);
        }

        #[test]
        fn a_row_orders_itself_perfectly(row in any_row(20)) {
            let itself = spearman(&row, &row, &mut RankScratch::default());
            prop_assert!(itself.value.is_none_or(|r| r == 1.0));
        }
    }
}
