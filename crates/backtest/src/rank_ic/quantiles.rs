//! Returns by quantile of a factor.

use super::{RankScratch, spearman};

/// Mean label of each quantile bin of a factor's row, lowest values first, into `means`, one bin an entry, equal
/// weights; NaN for an empty bin. Returns the number of pairs.
///
/// Symbols that have both values are ranked, ties by average, and rank `r` of `n` falls into bin
/// `floor((r - 1/2) bins / n)`: bins are of equal size up to rounding, and ties stay together.
pub fn quantile_returns(factor: &[f64], labels: &[f64], means: &mut [f64], scratch: &mut RankScratch) -> usize {
    let symbols = factor.len().min(labels.len());
    let RankScratch { order, right: counts, .. } = scratch;
    let n_pairs = order.fill(&factor[..symbols], |symbol| !labels[symbol].is_nan());
    counts.clear();
    counts.resize(means.len(), 0);
    means.fill(0.0);
    if means.is_empty() {
        return n_pairs;
    }
    let bins = means.len();
    order.for_each_tie(factor, |doubled, members| {
        let bin = (doubled as usize - 1) * bins / (2 * n_pairs);
        for symbol in members {
            means[bin] += labels[symbol];
            counts[bin] += 1;
        }
    });
    for (mean, count) in means.iter_mut().zip(counts) {
        *mean /= f64::from(*count);
    }
    n_pairs
}

/// Mean return of the highest bin less that of the lowest, of the bins that are filled (not NaN). `None` below two.
pub fn quantile_spread(means: &[f64]) -> Option<f64> {
    let mut filled = means.iter().filter(|mean| !mean.is_nan());
    let bottom = filled.next()?;
    filled.next_back().map(|top| top - bottom).filter(|spread| spread.is_finite())
}

/// Whether returns rise from bin to bin: Spearman of bin number and mean return, over filled bins. `None` below three,
/// or where all returns are equal.
pub fn monotonicity(means: &[f64], scratch: &mut RankScratch) -> Option<f64> {
    let numbers: Vec<f64> = (0..means.len()).map(|bin| bin as f64).collect();
    spearman(&numbers, means, scratch).value
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::{any_row, slow_ranks};
    use super::*;

    fn check(factor: &[f64], labels: &[f64], expected: &[f64]) {
        let mut means = vec![9.0; expected.len()];
        quantile_returns(factor, labels, &mut means, &mut RankScratch::default());
        let same = means.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12 || (a.is_nan() && b.is_nan()));
        assert!(same, "{means:?} against {expected:?}");
    }

    #[test]
    fn bins_by_hand() {
        check(&[4.0, 1.0, 3.0, 2.0], &[0.4, 0.1, 0.3, 0.2], &[0.15, 0.35]);
        check(&[4.0, 1.0, f64::NAN, 2.0], &[0.4, f64::NAN, 0.3, 0.2], &[0.2, 0.4]);
        // All tied: one bin, in the middle.
        check(&[7.0; 5], &[0.1; 5], &[f64::NAN, 0.1, f64::NAN]);
        check(&[], &[], &[f64::NAN; 3]);
        check(&[1.0], &[1.0], &[]);
    }

    #[test]
    fn spread_and_monotonicity_by_hand() {
        let mut scratch = RankScratch::default();
        let cases: [(&[f64], Option<f64>, Option<f64>); 6] = [
            (&[], None, None),
            (&[0.1], None, None),
            (&[f64::NAN, 0.1, f64::NAN], None, None),
            (&[0.25, f64::NAN, 0.75], Some(0.5), None),
            (&[0.0, 0.5, 0.75], Some(0.75), Some(1.0)),
            (&[0.75, f64::NAN, 0.5, 0.0], Some(-0.75), Some(-1.0)),
        ];
        for (means, spread, trend) in cases {
            assert_eq!(quantile_spread(means), spread, "{means:?}");
            assert_eq!(monotonicity(means, &mut scratch), trend, "{means:?}");
        }
    }

    proptest! {
        #[test]
        fn bins_follow_the_ranks(factor in any_row(25), bins in 1..8_usize) {
            // Labels tell the symbols apart, so that a bin's mean says who is in it.
            let labels: Vec<f64> = (0..25).map(f64::from).collect();
            let mut means = vec![0.0; bins];
            let n = quantile_returns(&factor, &labels, &mut means, &mut RankScratch::default());
            let present: Vec<usize> = (0..25).filter(|symbol| !factor[*symbol].is_nan()).collect();
            let ranks = slow_ranks(&present.iter().map(|symbol| factor[*symbol]).collect::<Vec<_>>());
            for (bin, mean) in means.iter().enumerate() {
                let inside = |rank: f64| ((rank - 0.5) * bins as f64 / n as f64).floor() == bin as f64;
                let members: Vec<f64> =
                    present.iter().zip(&ranks).filter(|(_, rank)| inside(**rank)).map(|(s, _)| *s as f64).collect();
                let expected = members.iter().sum::<f64>() / members.len() as f64;
                prop_assert!((mean - expected).abs() < 1e-9 || (mean.is_nan() && members.is_empty()));
            }
        }
    }
}
