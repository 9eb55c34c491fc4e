//! What an analysis finds. Undefined figures are `None`.

use serde::Serialize;

use super::leak::InputCheck;
use crate::metrics::finite;
use crate::rank_ic::IcSummary;
use crate::simulate::Fill;

/// What a factor says of the returns that follow it, and how steadily.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FactorAnalysis {
    /// Where returns begin.
    pub fill: Fill,
    /// The field that returns are of: `open` or `close`.
    pub price: &'static str,
    /// Fewest names with both a value and a return that a bar must have to count.
    pub min_names: usize,
    /// How much of the market the factor speaks of.
    pub coverage: Coverage,
    /// IC and quantile returns by horizon, in the order asked for: the IC's decay.
    pub horizons: Vec<HorizonAnalysis>,
    /// How steady the factor is, by lag, in the order asked for.
    pub stability: Vec<Stability>,
    /// Rank IC over the first horizon by year, or by month where there are fewer than three years.
    pub periods: Vec<PeriodIc>,
    /// Rank IC over the first horizon within each group, where groups were asked for; in the order of the panel's labels.
    pub groups: Vec<GroupIc>,
    /// Whether the factor knows the future: only data that do can be why.
    pub leak: InputCheck,
}

/// How many members of the universe have a value.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Coverage {
    /// Bars before the first value: what a look-back costs.
    pub bars_before: usize,
    /// Bars from the first value on.
    pub bars: usize,
    /// Members with a value among all members, over those bars; a fraction.
    pub share: Option<f64>,
    /// Least names with a value on one of those bars.
    pub least: Option<usize>,
    /// Mean names with a value on those bars.
    pub mean: Option<f64>,
}

/// What a factor says of returns over one horizon.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HorizonAnalysis {
    /// Bars that a return spans.
    pub horizon: usize,
    /// Pearson correlation of values and returns, bar by bar.
    pub ic: IcSummary,
    /// Spearman correlation of values and returns, bar by bar.
    pub rank_ic: IcSummary,
    /// Returns by quantile, lowest values of the factor first.
    pub quantiles: Vec<Quantile>,
    /// Return of the highest quantile less that of the lowest, bar by bar; per horizon, not halved.
    pub spread: Spread,
    /// Spearman correlation of quantile numbers and mean returns; `None` below three quantiles.
    pub monotonicity: Option<f64>,
    /// The bars behind the figures; not part of the JSON.
    #[serde(skip)]
    pub series: HorizonSeries,
}

/// Figures bar by bar. A bar's figures are about the return that a decision on that bar earns.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct HorizonSeries {
    /// Pearson IC, `[bars]`; NaN where there is none.
    pub ic: Vec<f64>,
    /// Rank IC, `[bars]`; NaN where there is none.
    pub rank_ic: Vec<f64>,
    /// Mean return of each quantile, `[bars x quantiles]`, per horizon; NaN where a quantile is empty.
    pub quantile_returns: Vec<f64>,
    /// Mean return of all names with a value, `[bars]`, per horizon; NaN where there is none.
    pub mean_returns: Vec<f64>,
}

/// One quantile's returns.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Quantile {
    /// 1 for the lowest values of the factor.
    pub quantile: usize,
    /// Bars on which it has names with a return.
    pub bars: usize,
    /// Mean over bars of its mean return, equal weights; a fraction per horizon.
    pub mean: Option<f64>,
    /// The same less the mean return of all names with a value on the bar: what alphalens calls demeaned.
    pub excess: Option<f64>,
}

/// A series of differences of returns.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spread {
    /// Bars with a difference.
    pub n_dates: usize,
    /// Mean, a fraction per horizon.
    pub mean: Option<f64>,
    /// Standard deviation (ddof 1).
    pub std: Option<f64>,
    /// t-statistic of the mean as if bars were independent; overlapping returns overstate it.
    pub t_plain: Option<f64>,
    /// t-statistic of the mean after Newey & West (1987): Bartlett weights, lag `horizon - 1`.
    pub t_newey_west: Option<f64>,
    /// Share of bars above 0.
    pub share_positive: Option<f64>,
}

impl From<IcSummary> for Spread {
    fn from(summary: IcSummary) -> Self {
        let IcSummary { n_dates, mean, std, t_plain, t_newey_west, share_positive, .. } = summary;
        Self { n_dates, mean, std, t_plain, t_newey_west, share_positive }
    }
}

/// How much of a factor's order is left after some bars.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Stability {
    /// Bars between the two rows compared.
    pub lag: usize,
    /// Mean Spearman correlation of the factor with itself `lag` bars before, on common names.
    pub rank_autocorrelation: Option<f64>,
    /// Bars with such a correlation.
    pub n_dates: usize,
    /// Share of a quantile's names that were not in it `lag` bars before, mean over bars, lowest values first.
    pub turnover: Vec<Option<f64>>,
}

/// Rank IC over a stretch of time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PeriodIc {
    /// A year, `2015`, or a month, `2015-03`.
    pub period: String,
    /// The figures.
    #[serde(flatten)]
    pub rank_ic: IcSummary,
}

/// Rank IC within a group.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GroupIc {
    /// The group's label.
    pub group: String,
    /// Mean names with a value and a return, over bars that have any.
    pub names: Option<f64>,
    /// The figures, over bars with at least three such names.
    #[serde(flatten)]
    pub rank_ic: IcSummary,
}

impl HorizonAnalysis {
    /// What 1 in each quantile has become after each bar's return, `[bars x quantiles]`.
    ///
    /// Longer horizons count with the rate per bar that compounds to their return, as if money were spread over as many
    /// portfolios as a horizon has bars. A bar on which a quantile is empty changes nothing.
    pub fn cumulative_quantile_returns(&self) -> Vec<f64> {
        let mut levels = vec![1.0; self.quantiles.len()];
        let mut grown = Vec::with_capacity(self.series.quantile_returns.len());
        for row in self.series.quantile_returns.chunks_exact(levels.len().max(1)) {
            for (level, earned) in levels.iter_mut().zip(row).filter(|(_, earned)| !earned.is_nan()) {
                let growth = 1.0 + earned;
                *level *= if self.horizon == 1 { growth } else { libm::pow(growth, 1.0 / self.horizon as f64) };
            }
            grown.extend_from_slice(&levels);
        }
        grown
    }
}

/// The mean of what is not NaN, and of how many.
pub(super) fn mean(values: impl Iterator<Item = f64>) -> (usize, Option<f64>) {
    let known = values.filter(|value| !value.is_nan());
    let (count, sum) = known.fold((0, 0.0), |(count, sum), value| (count + 1, sum + value));
    (count, if count == 0 { None } else { finite(sum / count as f64) })
}
