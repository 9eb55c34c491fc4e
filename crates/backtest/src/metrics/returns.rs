//! Metrics of a series of returns.

use serde::{Deserialize, Serialize};

use super::path::{Path, Underwater};
use super::text::{Kind, Row};
use super::{ReturnSettings, finite, quantile, ratio};
use crate::statistics::SharpeEstimate;

/// What a series of simple returns says about a strategy. Undefined figures are `None`.
///
/// `A` is the number of periods per year, `n` the number of returns observed, `E_t` the equity after `t` returns with
/// `E_0 = 1`, and `D_t = E_t / max(E_0..E_t) - 1` the drawdown.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Metrics {
    /// Returns observed, up to and including a ruinous one.
    pub n_obs: usize,
    /// Returns missing among them.
    pub n_missing: usize,
    /// Whether some return was -1 or less; nothing after it counts.
    pub ruin: bool,
    /// Whether `n < A / 4`: annual figures from less than a quarter are extrapolations.
    pub short_sample: bool,
    /// `E_n - 1`.
    pub total_return: Option<f64>,
    /// Compound annual growth: `E_n^(A/n) - 1`.
    pub cagr: Option<f64>,
    /// Compound growth per calendar year, only where dates were given to [`Metrics::with_calendar_days`].
    pub cagr_calendar: Option<f64>,
    /// Standard deviation (ddof 1) per year.
    pub volatility: Option<f64>,
    /// Mean excess return over standard deviation (ddof 1), per year.
    pub sharpe: Option<f64>,
    /// Standard error of `sharpe`, per year, from skewness and kurtosis.
    pub sharpe_se: Option<f64>,
    /// Probability that the true Sharpe ratio is above 0 (Bailey & Lopez de Prado 2012).
    pub psr_0: Option<f64>,
    /// Mean excess over the minimum acceptable return, over the downside deviation of all `n` returns, per year.
    pub sortino: Option<f64>,
    /// The lowest `D_t`, at most 0.
    pub max_drawdown: Option<f64>,
    /// Most consecutive observed periods below the equity's high.
    pub underwater_max: Option<usize>,
    /// `cagr / |max_drawdown|`.
    pub calmar: Option<f64>,
    /// Root mean square of `D_t`.
    pub ulcer_index: Option<f64>,
    /// Sum of excess gains over sum of excess losses.
    pub omega: Option<f64>,
    /// The 5 % quantile of returns, per period.
    pub var_5: Option<f64>,
    /// Mean of the lowest `floor((n - 1) / 20) + 1` returns, per period.
    pub cvar_5: Option<f64>,
    /// 95 % quantile over 5 % quantile, both absolute.
    pub tail_ratio: Option<f64>,
    /// Skewness from population moments, 0 for the normal distribution.
    pub skew: Option<f64>,
    /// Raw kurtosis from population moments, 3 for the normal distribution.
    pub kurtosis_raw: Option<f64>,
    /// Share of positive returns among those that are not 0.
    pub win_rate_period: Option<f64>,
    /// Sum of positive returns over the absolute sum of negative ones.
    pub profit_factor_period: Option<f64>,
}

impl Metrics {
    /// Metrics of a series of simple net returns, NaN = missing.
    pub fn from_returns(returns: &[f64], settings: &ReturnSettings) -> Self {
        let mut underwater = Underwater::default();
        let path = Path::walk(returns, |drawdown| underwater.push(drawdown));
        let headline = Headline::of(&path, returns, settings);
        let n = path.n_obs as f64;
        let mut metrics = Self {
            n_obs: path.n_obs,
            n_missing: path.n_missing,
            ruin: path.ruin,
            short_sample: n < settings.periods_per_year / 4.0,
            total_return: headline.total_return,
            sharpe: headline.sharpe,
            max_drawdown: headline.max_drawdown,
            ..Self::default()
        };
        if path.n_obs == 0 {
            return metrics;
        }
        metrics.cagr = if path.ruin { Some(-1.0) } else { compound(path.equity, settings.periods_per_year / n) };
        metrics.calmar = metrics.cagr.zip(metrics.max_drawdown).and_then(|(cagr, worst)| ratio(cagr, worst.abs()));
        metrics.underwater_max = Some(underwater.longest);
        metrics.ulcer_index = finite((underwater.sum_of_squares / n).sqrt());
        metrics.volatility = path.deviation(returns).and_then(|sd| finite(sd * settings.root()));
        metrics.add_shape(&path, returns, settings);
        metrics.add_sums(path.observed(returns), settings);
        metrics.add_tails(path.observed(returns));
        metrics
    }

    /// Adds growth per calendar year, from the days between the first bar and the last.
    #[must_use]
    pub fn with_calendar_days(mut self, days: f64) -> Self {
        self.cagr_calendar = self.total_return.and_then(|total| cagr_calendar(total, days));
        self
    }

    /// Names, values and kinds of the figures, in the order of a report.
    pub fn rows(&self) -> Vec<Row> {
        vec![
            Row::new("n_obs", Some(self.n_obs as f64), Kind::Count),
            Row::new("n_missing", Some(self.n_missing as f64), Kind::Count),
            Row::new("total_return", self.total_return, Kind::Percent),
            Row::new("cagr", self.cagr, Kind::Percent),
            Row::new("cagr_calendar", self.cagr_calendar, Kind::Percent),
            Row::new("volatility", self.volatility, Kind::Percent),
            Row::new("sharpe", self.sharpe, Kind::Ratio),
            Row::new("sharpe_se", self.sharpe_se, Kind::Ratio),
            Row::new("psr_0", self.psr_0, Kind::Percent),
            Row::new("sortino", self.sortino, Kind::Ratio),
            Row::new("max_drawdown", self.max_drawdown, Kind::Percent),
            Row::new("underwater_max", self.underwater_max.map(|periods| periods as f64), Kind::Count),
            Row::new("calmar", self.calmar, Kind::Ratio),
            Row::new("ulcer_index", self.ulcer_index, Kind::Percent),
            Row::new("omega", self.omega, Kind::Ratio),
            Row::new("var_5", self.var_5, Kind::Percent),
            Row::new("cvar_5", self.cvar_5, Kind::Percent),
            Row::new("tail_ratio", self.tail_ratio, Kind::Ratio),
            Row::new("skew", self.skew, Kind::Ratio),
            Row::new("kurtosis_raw", self.kurtosis_raw, Kind::Ratio),
            Row::new("win_rate_period", self.win_rate_period, Kind::Percent),
            Row::new("profit_factor_period", self.profit_factor_period, Kind::Ratio),
        ]
    }

    /// Skewness, kurtosis and what follows from them for the Sharpe ratio.
    fn add_shape(&mut self, path: &Path, returns: &[f64], settings: &ReturnSettings) {
        if path.is_constant() || path.n_obs < 3 {
            return;
        }
        let n = path.n_obs as f64;
        let mean = path.mean();
        let (mut second, mut third, mut fourth) = (0.0, 0.0, 0.0);
        for r in path.observed(returns) {
            let deviation = r - mean;
            let square = deviation * deviation;
            second += square;
            third += square * deviation;
            fourth += square * square;
        }
        let variance = second / n;
        self.skew = finite(third / n / (variance * variance.sqrt()));
        if path.n_obs < 4 {
            return;
        }
        self.kurtosis_raw = finite(fourth / n / (variance * variance));
        let (Some(sharpe), Some(skew), Some(kurtosis_raw)) = (self.sharpe, self.skew, self.kurtosis_raw) else {
            return;
        };
        let estimate = SharpeEstimate { sharpe: sharpe / settings.root(), n_obs: path.n_obs, skew, kurtosis_raw };
        self.sharpe_se = estimate.standard_error().and_then(|error| finite(error * settings.root()));
        self.psr_0 = estimate.probability_above(0.0);
    }

    /// Figures made of sums of gains and losses.
    fn add_sums(&mut self, observed: impl Iterator<Item = f64>, settings: &ReturnSettings) {
        let hurdle = settings.risk_free() + settings.minimum_acceptable();
        let (mut gains, mut losses, mut ups, mut downs) = (0.0, 0.0, 0_usize, 0_usize);
        let (mut excess_gains, mut excess_losses, mut downside, mut sum) = (0.0, 0.0, 0.0, 0.0);
        for r in observed {
            gains += r.max(0.0);
            losses += (-r).max(0.0);
            ups += usize::from(r > 0.0);
            downs += usize::from(r < 0.0);
            let excess = r - hurdle;
            let shortfall = (-excess).max(0.0);
            excess_gains += excess.max(0.0);
            excess_losses += shortfall;
            downside += shortfall * shortfall;
            sum += excess;
        }
        let n = self.n_obs as f64;
        if self.n_obs >= 2 {
            self.sortino = ratio(sum / n, (downside / n).sqrt()).and_then(|sortino| finite(sortino * settings.root()));
        }
        self.omega = ratio(excess_gains, excess_losses);
        self.profit_factor_period = ratio(gains, losses);
        self.win_rate_period = (ups + downs > 0).then(|| ups as f64 / (ups + downs) as f64);
    }

    /// Quantiles and the mean beyond them.
    fn add_tails(&mut self, observed: impl Iterator<Item = f64>) {
        let mut values: Vec<f64> = observed.collect();
        self.var_5 = quantile(&mut values, 1, 20);
        let worst = &mut values[..=(self.n_obs - 1) / 20];
        // Selection leaves the lowest returns in front, but in an order that depends on the rest of the series.
        worst.sort_unstable_by(f64::total_cmp);
        self.cvar_5 = finite(worst.iter().sum::<f64>() / worst.len() as f64);
        let high = quantile(&mut values, 19, 20);
        self.tail_ratio = high.zip(self.var_5).and_then(|(high, low)| ratio(high.abs(), low.abs()));
    }
}

/// The figures that selection reads, at a fraction of the cost of [`Metrics`] and equal to it bit for bit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Headline {
    /// As [`Metrics::n_obs`].
    pub n_obs: usize,
    /// As [`Metrics::ruin`].
    pub ruin: bool,
    /// As [`Metrics::total_return`].
    pub total_return: Option<f64>,
    /// As [`Metrics::sharpe`].
    pub sharpe: Option<f64>,
    /// As [`Metrics::max_drawdown`].
    pub max_drawdown: Option<f64>,
}

impl Headline {
    /// Headline figures of a series of simple net returns, NaN = missing. Allocates nothing.
    pub fn from_returns(returns: &[f64], settings: &ReturnSettings) -> Self {
        Self::of(&Path::walk(returns, |_| ()), returns, settings)
    }

    /// The figures that a walk down these returns gives.
    fn of(path: &Path, returns: &[f64], settings: &ReturnSettings) -> Self {
        let sharpe = path.sharpe(returns, settings);
        // An equity beyond the largest number makes every figure about it meaningless.
        let measured = path.n_obs > 0 && path.equity.is_finite();
        Self {
            n_obs: path.n_obs,
            ruin: path.ruin,
            total_return: measured.then_some(path.equity - 1.0),
            sharpe,
            max_drawdown: measured.then_some(path.worst),
        }
    }
}

/// Growth per calendar year, `(1 + total_return)^(365.25 / days) - 1`; `None` without days.
pub fn cagr_calendar(total_return: f64, days: f64) -> Option<f64> {
    if days > 0.0 { compound(1.0 + total_return, 365.25 / days) } else { None }
}

fn compound(growth: f64, power: f64) -> Option<f64> {
    finite(libm::pow(growth, power) - 1.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DAILY: ReturnSettings =
        ReturnSettings { periods_per_year: 252.0, risk_free_annual: 0.0, minimum_acceptable_annual: 0.0 };

    /// Returns as bad input brings them: gaps, infinities, ruin, constants, few or many.
    fn any_returns() -> impl Strategy<Value = Vec<f64>> {
        let cell = prop_oneof![
            20 => -0.1..0.1_f64,
            3 => Just(f64::NAN),
            3 => Just(0.0),
            1 => Just(0.001),
            1 => prop_oneof![Just(-1.0), Just(-3.0), Just(1e300), Just(f64::INFINITY), Just(f64::NEG_INFINITY)],
        ];
        prop::collection::vec(cell, 0..80)
    }

    fn any_settings() -> impl Strategy<Value = ReturnSettings> {
        (prop_oneof![Just(252.0), Just(12.0), Just(0.0), Just(98_280.0)], -1.5..0.5_f64, -0.1..0.1_f64).prop_map(
            |(periods_per_year, risk_free_annual, minimum_acceptable_annual)| ReturnSettings {
                periods_per_year,
                risk_free_annual,
                minimum_acceptable_annual,
            },
        )
    }

    fn close(a: Option<f64>, b: Option<f64>, tolerance: f64) -> bool {
        match (a, b) {
            (Some(a), Some(b)) => (a - b).abs() <= tolerance * (1.0 + b.abs()),
            (a, b) => a == b,
        }
    }

    #[test]
    fn a_strategy_that_never_trades_has_no_ratio_to_win_with() {
        let metrics = Metrics::from_returns(&[0.0; 500], &DAILY);
        for undefined in [metrics.sharpe, metrics.sortino, metrics.calmar, metrics.omega, metrics.psr_0] {
            assert_eq!(undefined, None);
        }
        assert_eq!(metrics.volatility, Some(0.0));
    }

    #[test]
    fn the_risk_free_rate_is_annual() {
        let returns: Vec<f64> = (0..252).map(|t| if t % 2 == 0 { 0.011 } else { -0.010 }).collect();
        let with_rate = |rate| {
            let settings = ReturnSettings { risk_free_annual: rate, ..DAILY };
            Metrics::from_returns(&returns, &settings).sharpe.unwrap()
        };
        // 3 % a year is 0.012 % a day: it must move a Sharpe ratio of .75 a little, not to minus 45 (3 % a day).
        let drop = with_rate(0.0) - with_rate(0.03);
        let expected = (libm::pow(1.03, 1.0 / 252.0) - 1.0) / 0.010_520_9 * 252.0_f64.sqrt();
        assert!((drop - expected).abs() < 1e-4, "{drop} against {expected}");
    }

    #[test]
    fn a_loss_on_the_first_bar_is_a_drawdown() {
        let metrics = Metrics::from_returns(&[-0.5, 0.1, 0.1], &DAILY);
        assert_eq!(metrics.max_drawdown, Some(-0.5));
        assert_eq!(metrics.underwater_max, Some(3));
    }

    #[test]
    fn nothing_after_ruin_counts() {
        let before = [0.01, f64::NAN, -0.02, -1.5];
        let mut after = before.to_vec();
        after.extend([5.0, f64::NAN, 0.3]);
        let metrics = Metrics::from_returns(&after, &DAILY);
        assert_eq!(metrics, Metrics::from_returns(&before, &DAILY));
        assert!(metrics.ruin);
        assert_eq!((metrics.n_obs, metrics.n_missing), (3, 1));
        assert_eq!((metrics.total_return, metrics.cagr, metrics.max_drawdown), (Some(-1.0), Some(-1.0), Some(-1.0)));
    }

    #[test]
    fn calendar_growth_uses_days() {
        let metrics = Metrics::from_returns(&[0.21], &DAILY).with_calendar_days(730.5);
        assert!((metrics.cagr_calendar.unwrap() - 0.1).abs() < 1e-12);
        assert_eq!(cagr_calendar(0.1, 0.0), None);
        assert_eq!(cagr_calendar(0.1, f64::NAN), None);
    }

    #[test]
    fn a_report_row_exists_for_every_figure() {
        let json = serde_json::to_value(Metrics::default()).unwrap();
        let names: Vec<&str> = Metrics::default().rows().iter().map(|row| row.name).collect();
        let expected: Vec<&str> = json
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .filter(|k| *k != "ruin" && *k != "short_sample")
            .collect();
        let sorted = |mut names: Vec<&'static str>| {
            names.sort_unstable();
            names
        };
        let mut expected = expected;
        expected.sort_unstable();
        assert_eq!(sorted(names), expected);
    }

    proptest! {
        #[test]
        fn no_input_gives_an_infinity_or_a_nan(returns in any_returns(), settings in any_settings()) {
            for row in Metrics::from_returns(&returns, &settings).rows() {
                prop_assert!(row.value.is_none_or(f64::is_finite), "{} = {:?}", row.name, row.value);
            }
        }

        #[test]
        fn the_headline_equals_the_metrics_bit_for_bit(returns in any_returns(), settings in any_settings()) {
            let metrics = Metrics::from_returns(&returns, &settings);
            let bits = |value: Option<f64>| value.map(f64::to_bits);
            let headline = Headline::from_returns(&returns, &settings);
            prop_assert_eq!(headline.n_obs, metrics.n_obs);
            prop_assert_eq!(headline.ruin, metrics.ruin);
            prop_assert_eq!(bits(headline.total_return), bits(metrics.total_return));
            prop_assert_eq!(bits(headline.sharpe), bits(metrics.sharpe));
            prop_assert_eq!(bits(headline.max_drawdown), bits(metrics.max_drawdown));
        }

        #[test]
        fn gaps_change_the_count_and_nothing_else(
            returns in prop::collection::vec(-0.1..0.1_f64, 0..40),
            gaps in prop::collection::vec(0..40_usize, 0..10),
        ) {
            let mut gappy = returns.clone();
            for gap in gaps {
                gappy.insert(gap.min(gappy.len()), f64::NAN);
            }
            let metrics = Metrics { n_missing: 0, ..Metrics::from_returns(&gappy, &DAILY) };
            prop_assert_eq!(metrics, Metrics::from_returns(&returns, &DAILY));
        }

        #[test]
        fn order_free_figures_ignore_the_order(returns in prop::collection::vec(-0.1..0.1_f64, 0..60)) {
            let mut reversed = returns.clone();
            reversed.reverse();
            let (a, b) = (Metrics::from_returns(&returns, &DAILY), Metrics::from_returns(&reversed, &DAILY));
            prop_assert_eq!(a.var_5, b.var_5);
            prop_assert_eq!(a.cvar_5, b.cvar_5);
            prop_assert_eq!(a.tail_ratio, b.tail_ratio);
            for (a, b) in [(a.sharpe, b.sharpe), (a.sortino, b.sortino), (a.omega, b.omega), (a.skew, b.skew)] {
                prop_assert!(close(a, b, 1e-6), "{:?} {:?}", a, b);
            }
        }

        #[test]
        fn scaling_returns_scales_risk_but_not_ratios(
            returns in prop::collection::vec(-0.1..0.1_f64, 5..60),
            factor in 0.1..5.0_f64,
        ) {
            let scaled: Vec<f64> = returns.iter().map(|r| r * factor).collect();
            let (a, b) = (Metrics::from_returns(&returns, &DAILY), Metrics::from_returns(&scaled, &DAILY));
            prop_assert!(close(a.volatility.map(|v| v * factor), b.volatility, 1e-9));
            prop_assert!(close(a.var_5.map(|v| v * factor), b.var_5, 1e-9));
            for (a, b) in [(a.sharpe, b.sharpe), (a.sortino, b.sortino), (a.omega, b.omega), (a.skew, b.skew)] {
                prop_assert!(close(a, b, 1e-6), "{:?} {:?}", a, b);
            }
        }

        #[test]
        fn shortfall_is_beyond_the_quantile(returns in prop::collection::vec(-0.1..0.1_f64, 1..60)) {
            let metrics = Metrics::from_returns(&returns, &DAILY);
            prop_assert!(metrics.cvar_5 <= metrics.var_5.map(|var| var + 1e-15));
        }
    }
}
