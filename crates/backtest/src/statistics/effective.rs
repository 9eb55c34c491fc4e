//! How many independent trials a set of trials amounts to.
//!
//! Evolved strategies resemble their parents, so their count overstates how often luck was tried. There is no single
//! right answer: report the raw count beside these, and let a verdict use the harshest that can be defended.

use serde::{Deserialize, Serialize};

use super::rows;
use crate::error::Error;
use crate::metrics::{NEGLIGIBLE, finite};

/// Effective trials by the mean of their pairwise correlations: `rho + (1 - rho) n` (Bailey & Lopez de Prado 2014).
/// A negative mean counts as 0. `None` without a trial or for a correlation that is none.
pub fn from_mean_correlation(n_trials: usize, mean_correlation: f64) -> Option<f64> {
    if n_trials == 0 || mean_correlation.is_nan() {
        return None;
    }
    let rho = mean_correlation.clamp(0.0, 1.0);
    Some(rho + (1.0 - rho) * n_trials as f64)
}

/// Effective trials by the participation ratio of the eigenvalues of their correlation matrix, flat and square:
/// `n^2 / sum of squared correlations`. `None` for an empty matrix.
///
/// # Errors
/// When the matrix is not square.
pub fn participation_ratio(correlations: &[f64], n_trials: usize) -> Result<Option<f64>, Error> {
    if n_trials.checked_mul(n_trials) != Some(correlations.len()) {
        return Err(Error::Matrix { values: correlations.len(), columns: n_trials });
    }
    let squares: f64 = correlations.iter().map(|rho| rho * rho).sum();
    let n = n_trials as f64;
    Ok(if squares > 0.0 { finite(n * n / squares) } else { None })
}

/// Pairwise correlations of the columns of returns `[periods x trials]`, flat and square. A constant column has
/// correlation 0 with the others and 1 with itself.
///
/// # Errors
/// When the matrix does not divide into rows, or a return is not a number.
pub fn correlations(returns: &[f64], trials: usize) -> Result<Vec<f64>, Error> {
    let periods = rows(returns, trials)?;
    if let Some(index) = returns.iter().position(|r| !r.is_finite()) {
        return Err(Error::NotANumber { row: index / trials, column: index % trials });
    }
    let unit: Vec<Vec<f64>> = (0..trials).map(|trial| unit_deviations(returns, trials, trial, periods)).collect();
    let mut matrix = vec![0.0; trials * trials];
    for a in 0..trials {
        matrix[a * trials + a] = 1.0;
        for b in 0..a {
            let rho: f64 = unit[a].iter().zip(&unit[b]).map(|(x, y)| x * y).sum();
            matrix[a * trials + b] = rho.clamp(-1.0, 1.0);
            matrix[b * trials + a] = rho.clamp(-1.0, 1.0);
        }
    }
    Ok(matrix)
}

/// Mean of the correlations of different trials, from a flat, square matrix. `None` below two trials.
///
/// # Errors
/// When the matrix is not square.
pub fn mean_correlation(correlations: &[f64], n_trials: usize) -> Result<Option<f64>, Error> {
    if n_trials.checked_mul(n_trials) != Some(correlations.len()) {
        return Err(Error::Matrix { values: correlations.len(), columns: n_trials });
    }
    if n_trials < 2 {
        return Ok(None);
    }
    let all: f64 = correlations.iter().sum();
    let own: f64 = correlations.iter().step_by(n_trials + 1).sum();
    Ok(finite((all - own) / (n_trials * (n_trials - 1)) as f64))
}

/// Effective trials of a sequence of trials.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct AutocorrelatedTrials {
    /// How many trials tell as much as one independent trial.
    pub tau: f64,
    /// Effective number of trials.
    pub n_eff: f64,
    /// The same, rounded.
    pub n_eff_rounded: usize,
}

/// Effective trials by the autocorrelation of their scores in the order of trying: `n / (1 + 2 sum rho_k)`, summed up to
/// the first lag whose autocorrelation is not positive (Geyer 1992). Depends on the order, which a parallel search must
/// fix. `None` below two scores, for constant ones, and where one is not a number.
pub fn from_autocorrelation(scores: &[f64]) -> Option<AutocorrelatedTrials> {
    let n = scores.len();
    let range = scores.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), s| (low.min(*s), high.max(*s)));
    if n < 2 || range.1 - range.0 <= NEGLIGIBLE || scores.iter().any(|score| !score.is_finite()) {
        return None;
    }
    let mean = scores.iter().sum::<f64>() / n as f64;
    let deviations: Vec<f64> = scores.iter().map(|score| score - mean).collect();
    let product = |lag: usize| deviations[lag..].iter().zip(&deviations).map(|(a, b)| a * b).sum::<f64>();
    let variance = product(0);
    let positive = (1..n).map(|lag| product(lag) / variance).take_while(|rho| *rho > 0.0);
    let tau = finite(1.0 + 2.0 * positive.sum::<f64>())?;
    let n_eff = n as f64 / tau;
    Some(AutocorrelatedTrials { tau, n_eff, n_eff_rounded: (n_eff.round() as usize).max(1) })
}

/// Deviations of one column from its mean, scaled to length 1; zeros for a constant column.
fn unit_deviations(returns: &[f64], trials: usize, trial: usize, periods: usize) -> Vec<f64> {
    let column = || returns.iter().copied().skip(trial).step_by(trials);
    let mean = column().sum::<f64>() / periods as f64;
    let mut deviations: Vec<f64> = column().map(|r| r - mean).collect();
    let highest = column().fold(f64::NEG_INFINITY, f64::max);
    let lowest = column().fold(f64::INFINITY, f64::min);
    let length = deviations.iter().map(|d| d * d).sum::<f64>().sqrt();
    let constant = highest - lowest <= NEGLIGIBLE;
    for deviation in &mut deviations {
        *deviation = if constant { 0.0 } else { *deviation / length };
    }
    deviations
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SplitMix64;

    #[test]
    fn copies_count_once_and_strangers_each() {
        let mut random = SplitMix64(3);
        let noise: Vec<f64> = (0..4_000).map(|_| random.normal()).collect();
        let copies: Vec<f64> = noise.iter().flat_map(|r| [*r; 5]).collect();
        let count = |matrix: &[f64], trials: usize| {
            let correlations = correlations(matrix, trials).unwrap();
            let mean = mean_correlation(&correlations, trials).unwrap().unwrap();
            (from_mean_correlation(trials, mean).unwrap(), participation_ratio(&correlations, trials).unwrap().unwrap())
        };
        let (by_mean, by_participation) = count(&copies, 5);
        assert!((by_mean - 1.0).abs() < 1e-9 && (by_participation - 1.0).abs() < 1e-9);
        let (by_mean, by_participation) = count(&noise, 5);
        assert!(by_mean > 4.8 && by_participation > 4.8, "{by_mean} {by_participation}");
    }

    #[test]
    fn a_flat_column_correlates_with_nothing() {
        let matrix = correlations(&[0.1, 0.0, 0.2, 0.0, 0.1, 0.0], 2).unwrap();
        assert_eq!(matrix, [1.0, 0.0, 0.0, 1.0]);
    }

    #[test]
    fn misshapen_input_is_refused() {
        assert_eq!(correlations(&[1.0; 5], 2), Err(Error::Matrix { values: 5, columns: 2 }));
        assert_eq!(correlations(&[], 0), Err(Error::Matrix { values: 0, columns: 0 }));
        assert_eq!(correlations(&[1.0, f64::NAN], 2), Err(Error::NotANumber { row: 0, column: 1 }));
        assert_eq!(participation_ratio(&[1.0; 5], 2), Err(Error::Matrix { values: 5, columns: 2 }));
        assert_eq!(participation_ratio(&[], 0), Ok(None));
        assert_eq!(mean_correlation(&[1.0], 1), Ok(None));
        assert_eq!(from_mean_correlation(0, 0.5), None);
        assert_eq!(from_autocorrelation(&[0.1]), None);
        assert_eq!(from_autocorrelation(&[0.1; 9]), None);
        assert_eq!(from_autocorrelation(&[0.1, f64::NAN, 0.2]), None);
    }

    #[test]
    fn alternating_scores_are_all_trials() {
        let trials = from_autocorrelation(&[0.1, 0.2, 0.1, 0.2]).unwrap();
        assert_eq!((trials.tau, trials.n_eff_rounded), (1.0, 4));
    }
}
