//! How well a set of strategies fits random signs, and the bound that follows for each of them.
//!
//! The Rademacher complexity of returns `[periods x trials]` is the expectation, over random signs, of the largest
//! correlation of a column with them: near 0 for one strategy or many alike, near the bound of Massart for many that
//! differ. Columns must have standard deviation 1 ([`unit_columns`]), and every quantity is per period: annual Sharpe
//! ratios or raw returns make the bounds meaningless. The bounds are those of Paleologo (2024), section 8.3.

use serde::{Deserialize, Serialize};

use super::rows;
use crate::error::Error;
use crate::metrics::{NEGLIGIBLE, finite};
use crate::random::SplitMix64;

/// Most periods whose sign vectors are all tried.
const MOST_EXACT_PERIODS: usize = 20;

/// Returns divided by their column's standard deviation (ddof 1), so that a column's mean is its Sharpe ratio per
/// period. Constant columns become 0.
///
/// # Errors
/// When the matrix does not divide into rows, or a return is not a number.
pub fn unit_columns(returns: &[f64], trials: usize) -> Result<Vec<f64>, Error> {
    let periods = checked_rows(returns, trials)?;
    let mut scaled = vec![0.0; returns.len()];
    for trial in 0..trials {
        let column = || returns.iter().copied().skip(trial).step_by(trials);
        let highest = column().fold(f64::NEG_INFINITY, f64::max);
        let lowest = column().fold(f64::INFINITY, f64::min);
        if periods < 2 || highest - lowest <= NEGLIGIBLE {
            continue;
        }
        let mean = column().sum::<f64>() / periods as f64;
        let deviation = (column().map(|r| (r - mean) * (r - mean)).sum::<f64>() / (periods - 1) as f64).sqrt();
        for (scaled, r) in scaled.iter_mut().skip(trial).step_by(trials).zip(column()) {
            *scaled = r / deviation;
        }
    }
    Ok(scaled)
}

/// Rademacher complexity over all sign vectors.
///
/// # Errors
/// When the matrix does not divide into rows, has no row or more than 20, or holds a value that is not a number.
pub fn complexity_exact(unit_columns: &[f64], trials: usize) -> Result<f64, Error> {
    let periods = checked_rows(unit_columns, trials)?;
    if !(1..=MOST_EXACT_PERIODS).contains(&periods) {
        return Err(Error::Periods { periods, most: MOST_EXACT_PERIODS });
    }
    let best = |signs: u64| best_fit(unit_columns, trials, |period| signs >> period & 1 == 1);
    let vectors = 1_u64 << periods;
    Ok((0..vectors).map(best).sum::<f64>() / vectors as f64 / periods as f64)
}

/// An estimate from random draws.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct MonteCarlo {
    /// Mean over the draws.
    pub estimate: f64,
    /// Standard error of that mean; `None` below two draws.
    pub standard_error: Option<f64>,
}

/// Rademacher complexity by random sign vectors. The same seed gives the same bytes. `None` without a draw or a row.
///
/// # Errors
/// When the matrix does not divide into rows, or holds a value that is not a number.
pub fn complexity(unit_columns: &[f64], trials: usize, draws: usize, seed: u64) -> Result<Option<MonteCarlo>, Error> {
    let periods = checked_rows(unit_columns, trials)?;
    if draws == 0 || periods == 0 {
        return Ok(None);
    }
    let mut random = SplitMix64(seed);
    let mut signs = vec![0_u64; periods.div_ceil(64)];
    let (mut sum, mut squares) = (0.0, 0.0);
    for _ in 0..draws {
        signs.fill_with(|| random.next_u64());
        let best = best_fit(unit_columns, trials, |period| signs[period / 64] >> (period % 64) & 1 == 1);
        let best = best / periods as f64;
        sum += best;
        squares += best * best;
    }
    let n = draws as f64;
    let variance = ((squares - sum * sum / n) / (n - 1.0)).max(0.0);
    let standard_error = if draws < 2 { None } else { finite((variance / n).sqrt()) };
    Ok(Some(MonteCarlo { estimate: sum / n, standard_error }))
}

/// Largest complexity that `n_trials` columns of `n_obs` periods can have: `sqrt(2 ln n_trials / n_obs)` (Massart
/// 2000). `None` without a trial or a period.
pub fn massart_bound(n_trials: usize, n_obs: usize) -> Option<f64> {
    if n_trials == 0 { None } else { finite((2.0 * libm::log(n_trials as f64) / n_obs as f64).sqrt()) }
}

/// Lower bound, at confidence `1 - delta`, of the true Sharpe ratio per period of one of `n_trials` strategies:
/// `sharpe - 2 R - 3 sqrt(2 ln(2/delta) / T) - sqrt(2 ln(2 N / delta) / T)`. `None` without a trial or a period.
pub fn sharpe_bound(sharpe: f64, complexity: f64, n_obs: usize, n_trials: usize, delta: f64) -> Option<f64> {
    if n_trials == 0 {
        return None;
    }
    let n = n_obs as f64;
    let estimation = 3.0 * (2.0 * libm::log(2.0 / delta) / n).sqrt();
    let selection = (2.0 * libm::log(2.0 * n_trials as f64 / delta) / n).sqrt();
    finite(sharpe - 2.0 * complexity - estimation - selection)
}

/// Lower bound, at confidence `1 - delta`, of the true IC of one of many factors whose ICs lie within `-kappa..kappa`:
/// `ic - 2 R - 2 kappa sqrt(ln(2/delta) / T)`. `None` without a period.
pub fn ic_bound(ic: f64, complexity: f64, n_obs: usize, kappa: f64, delta: f64) -> Option<f64> {
    finite(ic - 2.0 * complexity - 2.0 * kappa * (libm::log(2.0 / delta) / n_obs as f64).sqrt())
}

fn checked_rows(matrix: &[f64], columns: usize) -> Result<usize, Error> {
    let rows = rows(matrix, columns)?;
    match matrix.iter().position(|value| !value.is_finite()) {
        Some(index) => Err(Error::NotANumber { row: index / columns, column: index % columns }),
        None => Ok(rows),
    }
}

/// The largest column sum after signs were given to the rows.
fn best_fit(matrix: &[f64], columns: usize, positive: impl Fn(usize) -> bool) -> f64 {
    let mut sums = vec![0.0; columns];
    for (period, row) in matrix.chunks_exact(columns).enumerate() {
        let sign = if positive(period) { 1.0 } else { -1.0 };
        for (sum, value) in sums.iter_mut().zip(row) {
            *sum += sign * value;
        }
    }
    sums.into_iter().fold(f64::NEG_INFINITY, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(periods: usize, trials: usize, seed: u64) -> Vec<f64> {
        let mut random = SplitMix64(seed);
        unit_columns(&(0..periods * trials).map(|_| random.normal()).collect::<Vec<_>>(), trials).unwrap()
    }

    #[test]
    fn random_draws_approach_all_draws() {
        let matrix = noise(12, 6, 1);
        let exact = complexity_exact(&matrix, 6).unwrap();
        let drawn = complexity(&matrix, 6, 20_000, 9).unwrap().unwrap();
        let error = drawn.standard_error.unwrap();
        assert!((drawn.estimate - exact).abs() < 4.0 * error, "{drawn:?} against {exact}");
        assert!(error < 0.01);
        assert_eq!(complexity(&matrix, 6, 20_000, 9).unwrap(), Some(drawn));
    }

    #[test]
    fn strategies_alike_have_little_complexity() {
        let alone = complexity(&noise(500, 1, 2), 1, 4_000, 1).unwrap().unwrap();
        assert!(alone.estimate.abs() < 4.0 * alone.standard_error.unwrap());
        let many = complexity(&noise(500, 50, 2), 50, 2_000, 1).unwrap().unwrap().estimate;
        let bound = massart_bound(50, 500).unwrap();
        assert!(many > 0.7 * bound && many < bound, "{many} {bound}");
    }

    #[test]
    fn the_scale_of_returns_does_not_matter() {
        let matrix = noise(15, 3, 5);
        let hundredfold: Vec<f64> = matrix.iter().map(|r| r * 100.0).collect();
        let again = unit_columns(&hundredfold, 3).unwrap();
        let (a, b) = (complexity_exact(&matrix, 3).unwrap(), complexity_exact(&again, 3).unwrap());
        assert!((a - b).abs() < 1e-12);
        // Fed raw, they would raise the complexity a hundredfold and the bound would reject anything.
        assert!(complexity_exact(&hundredfold, 3).unwrap() > 50.0 * a);
    }

    #[test]
    fn edges() {
        assert_eq!(unit_columns(&[0.1, 1.0, 0.1, 2.0], 2).unwrap()[0..3], [0.0, 1.0 / 0.5_f64.sqrt(), 0.0]);
        assert_eq!(complexity_exact(&[], 3), Err(Error::Periods { periods: 0, most: 20 }));
        assert_eq!(complexity_exact(&[0.0; 21], 1), Err(Error::Periods { periods: 21, most: 20 }));
        assert_eq!(complexity(&[1.0, 2.0, f64::NAN, 1.0], 2, 5, 1), Err(Error::NotANumber { row: 1, column: 0 }));
        assert_eq!(complexity(&[1.0; 4], 2, 0, 1), Ok(None));
        assert_eq!(massart_bound(0, 5), None);
        assert_eq!(massart_bound(5, 0), None);
        assert_eq!(sharpe_bound(0.1, 0.0, 0, 5, 0.05), None);
        assert_eq!(ic_bound(0.1, 0.0, 0, 0.02, 0.05), None);
    }
}
