//! ICs from bar to bar.

use serde::{Deserialize, Serialize};

use super::{Correlation, NEGLIGIBLE, RankScratch, spearman};
use crate::error::Error;
use crate::metrics::{finite, ratio};

/// Dates below which a t-statistic of ICs says little.
const FEW_DATES: usize = 20;

/// One IC a bar, in the order of time.
#[derive(Debug, Clone, PartialEq)]
pub struct IcSeries {
    min_names: usize,
    values: Vec<f64>,
    few_names: usize,
    undefined: usize,
}

impl IcSeries {
    /// The usual least number of pairs on a bar.
    pub const MIN_NAMES: usize = 10;

    /// An empty series that leaves out bars with fewer than `min_names` pairs.
    pub fn new(min_names: usize) -> Self {
        Self { min_names, values: Vec::new(), few_names: 0, undefined: 0 }
    }

    /// Adds the next bar.
    pub fn push(&mut self, correlation: Correlation) {
        let few = correlation.n_pairs < self.min_names;
        self.few_names += usize::from(few);
        self.undefined += usize::from(!few && correlation.value.is_none());
        self.values.push(correlation.value.filter(|_| !few).unwrap_or(f64::NAN));
    }

    /// One value a bar, NaN where the bar was left out or has no IC.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// What the series says of a factor whose labels span `horizon` bars.
    pub fn summary(&self, horizon: usize, periods_per_year: f64) -> IcSummary {
        let summary = IcSummary::from_values(&self.values, horizon, periods_per_year);
        IcSummary { few_names: self.few_names, undefined: self.undefined, ..summary }
    }
}

/// What a series of ICs says of a factor. Undefined figures are `None`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct IcSummary {
    /// Bars with an IC.
    pub n_dates: usize,
    /// Bars left out for too few pairs.
    pub few_names: usize,
    /// Bars with enough pairs but a constant side.
    pub undefined: usize,
    /// Whether the t-statistics rest on fewer than 20 bars.
    pub few_dates: bool,
    /// Mean IC.
    pub mean: Option<f64>,
    /// Standard deviation of the ICs (ddof 1).
    pub std: Option<f64>,
    /// Mean over standard deviation, per bar.
    pub icir: Option<f64>,
    /// `icir` times the root of the number of horizons a year.
    pub icir_annual: Option<f64>,
    /// t-statistic of the mean as if ICs were independent; overlapping labels overstate it.
    pub t_plain: Option<f64>,
    /// t-statistic of the mean after Newey & West (1987): Bartlett weights, lag `horizon - 1`, no small-sample factor.
    pub t_newey_west: Option<f64>,
    /// Share of bars with an IC above 0.
    pub share_positive: Option<f64>,
}

impl IcSummary {
    /// Summary of one IC a bar, NaN = none. Lags count the bars that have an IC, as if there were no gaps.
    pub fn from_values(values: &[f64], horizon: usize, periods_per_year: f64) -> Self {
        let values: Vec<f64> = values.iter().copied().filter(|value| !value.is_nan()).collect();
        let n = values.len() as f64;
        let mut summary = Self { n_dates: values.len(), few_dates: values.len() < FEW_DATES, ..Self::default() };
        if values.is_empty() {
            return summary;
        }
        let mean = values.iter().sum::<f64>() / n;
        summary.mean = finite(mean);
        summary.share_positive = Some(values.iter().filter(|value| **value > 0.0).count() as f64 / n);
        if values.len() < 2 {
            return summary;
        }
        let deviations: Vec<f64> = values.iter().map(|value| value - mean).collect();
        let deviation = (deviations.iter().map(|d| d * d).sum::<f64>() / (n - 1.0)).sqrt();
        summary.std = finite(if deviation <= NEGLIGIBLE { 0.0 } else { deviation });
        summary.icir = ratio(mean, deviation);
        let horizons_a_year = periods_per_year / horizon.max(1) as f64;
        summary.icir_annual = summary.icir.and_then(|icir| finite(icir * horizons_a_year.sqrt()));
        summary.t_plain = summary.icir.and_then(|icir| finite(icir * n.sqrt()));
        if summary.icir.is_some() {
            let variance = long_run_variance(&deviations, horizon.saturating_sub(1));
            summary.t_newey_west = ratio(mean, (variance / n).sqrt());
        }
        summary
    }
}

/// How steady a factor's order is: for each bar from `lag` on, the rank correlation of the factor's rows at the bar and
/// `lag` bars before, on symbols that have both. `values` is flat, `[bars x symbols]`, NaN = missing.
///
/// # Errors
/// When the panel does not divide into rows.
pub fn rank_autocorr(values: &[f64], symbols: usize, lag: usize, min_names: usize) -> Result<IcSeries, Error> {
    let mut series = IcSeries::new(min_names);
    if values.is_empty() {
        return Ok(series);
    }
    if values.len().checked_rem(symbols) != Some(0) {
        return Err(Error::Shape { values: values.len(), symbols });
    }
    let mut scratch = RankScratch::default();
    let later = values.get(lag.saturating_mul(symbols)..).unwrap_or_default();
    for (now, before) in later.chunks_exact(symbols).zip(values.chunks_exact(symbols)) {
        series.push(spearman(now, before, &mut scratch));
    }
    Ok(series)
}

/// Standard error of a series' mean with the autocovariances up to `lags` in mind (Newey & West 1987); 0 for an empty
/// one.
pub(crate) fn standard_error(values: &[f64], lags: usize) -> f64 {
    if values.is_empty() {
        return 0.0;
    }
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let deviations: Vec<f64> = values.iter().map(|value| value - mean).collect();
    (long_run_variance(&deviations, lags) / n).sqrt()
}

/// Variance of a series around its mean with the autocovariances up to `lags` added, Bartlett weights.
fn long_run_variance(deviations: &[f64], lags: usize) -> f64 {
    let autocovariance = |lag: usize| {
        let products = deviations[lag..].iter().zip(deviations).map(|(now, before)| now * before);
        products.sum::<f64>() / deviations.len() as f64
    };
    let weighted = (1..=lags.min(deviations.len() - 1))
        .map(|lag| 2.0 * (1.0 - lag as f64 / (lags as f64 + 1.0)) * autocovariance(lag));
    autocovariance(0) + weighted.sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SplitMix64;

    fn of(n_pairs: usize, value: Option<f64>) -> Correlation {
        Correlation { n_pairs, value }
    }

    #[test]
    fn bars_without_an_ic_are_counted_by_reason() {
        let mut series = IcSeries::new(10);
        for correlation in [of(9, Some(0.5)), of(10, Some(0.1)), of(10, None), of(2, None), of(50, Some(0.3))] {
            series.push(correlation);
        }
        let summary = series.summary(1, 252.0);
        assert_eq!((summary.n_dates, summary.few_names, summary.undefined), (2, 2, 1));
        assert_eq!(summary.mean, Some(0.2));
        assert!(summary.few_dates);
        let present: Vec<bool> = series.values().iter().map(|value| !value.is_nan()).collect();
        assert_eq!(present, [false, true, false, false, true]);
    }

    #[test]
    fn a_constant_ic_has_no_ratio() {
        let summary = IcSummary::from_values(&[0.03; 50], 5, 252.0);
        assert_eq!((summary.std, summary.icir, summary.t_plain, summary.t_newey_west), (Some(0.0), None, None, None));
        assert_eq!(summary.share_positive, Some(1.0));
        let one = IcSummary::from_values(&[f64::NAN, 0.03], 5, 252.0);
        assert_eq!((one.n_dates, one.mean, one.std), (1, Some(0.03), None));
        assert_eq!(IcSummary::from_values(&[], 5, 252.0).mean, None);
    }

    #[test]
    fn overlapping_labels_lower_the_t_statistic() {
        // Each IC shares four fifths of its label with the one before, as five-bar labels do.
        let mut random = SplitMix64(7);
        let shocks: Vec<f64> = (0..204).map(|_| random.unit()).collect();
        let values: Vec<f64> = shocks.windows(5).map(|five| five.iter().sum::<f64>() / 5.0 - 0.45).collect();
        let summary = IcSummary::from_values(&values, 5, 252.0);
        let (plain, robust) = (summary.t_plain.unwrap(), summary.t_newey_west.unwrap());
        assert!(robust < plain / 1.5, "{robust} {plain}");
        assert_eq!(IcSummary::from_values(&values, usize::MAX, 252.0).t_plain, Some(plain));
    }

    #[test]
    fn a_factor_that_never_moves_is_perfectly_steady() {
        let rows = [1.0, 5.0, 3.0, f64::NAN].repeat(6);
        let series = rank_autocorr(&rows, 4, 2, 3).unwrap();
        assert_eq!(series.values(), [1.0; 4]);
        assert_eq!(rank_autocorr(&rows, 5, 2, 3), Err(Error::Shape { values: 24, symbols: 5 }));
        assert_eq!(rank_autocorr(&rows, 4, 99, 3).unwrap().values(), [0.0; 0]);
    }
}
