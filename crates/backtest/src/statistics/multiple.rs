//! p-values of many tests, and what they leave of a Sharpe ratio (Harvey & Liu 2015).
//!
//! A p-value that is NaN counts as 1: a test without a result is no evidence. Results keep the order of the input.

use serde::{Deserialize, Serialize};

use crate::metrics::{finite, ratio};
use factor::normal;

/// Bonferroni: each p-value times the number of tests.
pub fn bonferroni(p_values: &[f64]) -> Vec<f64> {
    p_values.iter().map(|p| at_most_1(evidence(*p) * p_values.len() as f64)).collect()
}

/// Holm's step-down: the `i`-th lowest of `m` times `m - i + 1`, never below the adjusted p-value before it.
pub fn holm(p_values: &[f64]) -> Vec<f64> {
    let m = p_values.len();
    let mut adjusted = vec![0.0; m];
    let mut floor = 0.0_f64;
    for (below, index) in rising(p_values).into_iter().enumerate() {
        floor = floor.max(at_most_1(evidence(p_values[index]) * (m - below) as f64));
        adjusted[index] = floor;
    }
    adjusted
}

/// Benjamini, Hochberg & Yekutieli's step-up, valid under any dependence: the `i`-th lowest of `m` times
/// `m (1 + 1/2 + ... + 1/m) / i`, never above the adjusted p-value after it.
pub fn bhy(p_values: &[f64]) -> Vec<f64> {
    let m = p_values.len();
    let harmonic: f64 = (1..=m).map(|j| 1.0 / j as f64).sum();
    let mut adjusted = vec![0.0; m];
    let mut ceiling = 1.0_f64;
    for (below, index) in rising(p_values).into_iter().enumerate().rev() {
        ceiling = ceiling.min(evidence(p_values[index]) * m as f64 * harmonic / (below + 1) as f64);
        adjusted[index] = ceiling;
    }
    adjusted
}

/// A Sharpe ratio after its p-value was adjusted for the number of tests.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SharpeHaircut {
    /// Sharpe ratio times the root of the years.
    pub t_stat: f64,
    /// Two-sided p-value of one test.
    pub p_single: f64,
    /// The p-value after adjustment.
    pub p_adjusted: f64,
    /// The annual Sharpe ratio that would have the adjusted p-value in a single test. `None` where the p-value is too
    /// small to be a number.
    pub sharpe_haircut: Option<f64>,
    /// Share of the Sharpe ratio that is lost. `None` for a Sharpe ratio of 0.
    pub haircut: Option<f64>,
}

impl SharpeHaircut {
    /// Adjusts by Bonferroni for `n_tests`. `None` where the Sharpe ratio or the years are no numbers, or the years
    /// are not above 0.
    pub fn bonferroni(sharpe_annual: f64, years: f64, n_tests: usize) -> Option<Self> {
        Self::adjusted(sharpe_annual, years, |p| p * n_tests as f64)
    }

    /// Adjusts the single test's p-value by any rule. `None` as for [`SharpeHaircut::bonferroni`].
    pub fn adjusted(sharpe_annual: f64, years: f64, adjust: impl Fn(f64) -> f64) -> Option<Self> {
        if years.is_nan() || years <= 0.0 {
            return None;
        }
        let t_stat = finite(sharpe_annual * years.sqrt())?;
        let p_single = normal::two_sided_p(t_stat);
        let p_adjusted = at_most_1(adjust(p_single));
        let size = finite(-normal::inverse_cdf(p_adjusted / 2.0) / years.sqrt());
        let sharpe_haircut = size.map(|size| size.copysign(sharpe_annual));
        let kept = sharpe_haircut.and_then(|sharpe| ratio(sharpe, sharpe_annual));
        Some(Self { t_stat, p_single, p_adjusted, sharpe_haircut, haircut: kept.map(|kept| 1.0 - kept) })
    }
}

fn evidence(p: f64) -> f64 {
    if p.is_nan() { 1.0 } else { p.clamp(0.0, 1.0) }
}

fn at_most_1(p: f64) -> f64 {
    p.min(1.0)
}

/// Indices of p-values from the lowest to the highest.
fn rising(p_values: &[f64]) -> Vec<usize> {
    let mut indices: Vec<usize> = (0..p_values.len()).collect();
    indices.sort_by(|a, b| evidence(p_values[*a]).total_cmp(&evidence(p_values[*b])));
    indices
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_missing_p_value_is_no_evidence() {
        for adjust in [bonferroni, holm, bhy] {
            assert_eq!(adjust(&[f64::NAN, 0.0])[0], 1.0);
            assert!(adjust(&[]).is_empty());
        }
    }

    #[test]
    fn haircuts_at_the_edges() {
        let nothing = SharpeHaircut::bonferroni(0.0, 10.0, 5).unwrap();
        assert_eq!((nothing.p_adjusted, nothing.haircut), (1.0, None));
        let lost = SharpeHaircut::bonferroni(0.2, 10.0, 1_000).unwrap();
        assert_eq!((lost.sharpe_haircut, lost.haircut), (Some(0.0), Some(1.0)));
        let alone = SharpeHaircut::bonferroni(-1.0, 10.0, 1).unwrap();
        assert!((alone.sharpe_haircut.unwrap() + 1.0).abs() < 1e-12 && alone.haircut.unwrap().abs() < 1e-12);
        let absurd = SharpeHaircut::bonferroni(50.0, 10.0, 1).unwrap();
        assert_eq!((absurd.p_single, absurd.sharpe_haircut, absurd.haircut), (0.0, None, None));
        assert_eq!(SharpeHaircut::bonferroni(1.0, 0.0, 1), None);
        assert_eq!(SharpeHaircut::bonferroni(f64::NAN, 1.0, 1), None);
    }

    proptest! {
        #[test]
        fn adjusted_p_values_keep_their_order_and_only_grow(p in prop::collection::vec(0.0..1.0_f64, 1..20)) {
            let (all, stepped) = (bonferroni(&p), holm(&p));
            for adjusted in [&all, &stepped, &bhy(&p)] {
                for i in 0..p.len() {
                    prop_assert!(adjusted[i] >= p[i] && adjusted[i] <= 1.0);
                    for j in 0..p.len() {
                        prop_assert!(p[i] > p[j] || adjusted[i] <= adjusted[j]);
                    }
                }
            }
            prop_assert!(stepped.iter().zip(&all).all(|(holm, bonferroni)| holm <= bonferroni));
        }
    }
}
