//! Metrics of weights, turnover and costs.

use serde::{Deserialize, Serialize};

use super::text::{Kind, Row};
use super::{NEGLIGIBLE, ReturnSettings, finite, quantile, ratio};

/// What [`ActivityMetrics`] are computed from. All slices cover the same span of bars.
#[derive(Debug, Clone, Copy, Default)]
pub struct ActivityInput<'a> {
    /// Sum of absolute weights after each bar, as a fraction of equity.
    pub gross: &'a [f64],
    /// Sum of weights after each bar, as a fraction of equity.
    pub net: &'a [f64],
    /// One-way turnover of each rebalance (see [`turnover`]), the first build left out.
    pub turnover: &'a [f64],
    /// Costs paid on each bar, in money.
    pub costs: &'a [f64],
    /// Equity after each bar, in money.
    pub equity: &'a [f64],
}

/// How much a strategy holds, trades and pays.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct ActivityMetrics {
    /// Mean over bars of the sum of absolute weights.
    pub exposure_gross: f64,
    /// Mean over bars of the sum of weights.
    pub exposure_net: f64,
    /// Share of bars with any position.
    pub exposure_time: f64,
    /// Mean one-way turnover of a rebalance.
    pub turnover_one_way: f64,
    /// One-way turnover per year.
    pub turnover_annual: f64,
    /// Costs over mean equity, per year.
    pub cost_drag: f64,
}

impl ActivityMetrics {
    /// Metrics of a span of bars. NaN values are left out; where nothing is left, a figure is 0.
    pub fn from_input(input: &ActivityInput<'_>, settings: &ReturnSettings) -> Self {
        let held = input.gross.iter().filter(|gross| **gross > 0.0).count();
        let years = input.gross.len() as f64 / settings.periods_per_year;
        let rebalances = input.turnover.iter().filter(|turnover| !turnover.is_nan()).count();
        let turnover_one_way = mean(input.turnover);
        let total_cost: f64 = input.costs.iter().filter(|cost| !cost.is_nan()).sum();
        Self {
            exposure_gross: mean(input.gross),
            exposure_net: mean(input.net),
            exposure_time: ratio(held as f64, input.gross.len() as f64).unwrap_or(0.0),
            turnover_one_way,
            turnover_annual: ratio(turnover_one_way * rebalances as f64, years).unwrap_or(0.0),
            cost_drag: cost_drag(total_cost, input.equity, settings).unwrap_or(0.0),
        }
    }

    /// Names, values and kinds of the figures, in the order of a report.
    pub fn rows(&self) -> Vec<Row> {
        vec![
            Row::new("exposure_gross", Some(self.exposure_gross), Kind::Percent),
            Row::new("exposure_net", Some(self.exposure_net), Kind::Percent),
            Row::new("exposure_time", Some(self.exposure_time), Kind::Percent),
            Row::new("turnover_one_way", Some(self.turnover_one_way), Kind::Percent),
            Row::new("turnover_annual", Some(self.turnover_annual), Kind::Percent),
            Row::new("cost_drag", Some(self.cost_drag), Kind::Percent),
        ]
    }
}

/// Costs of a span of bars over its mean equity, per year; for all costs or for one type of them. `None` without
/// equity, or with debts in its place.
pub fn cost_drag(total_cost: f64, equity: &[f64], settings: &ReturnSettings) -> Option<f64> {
    let mean = Some(mean(equity)).filter(|&mean| mean > 0.0)?;
    ratio(total_cost, mean * equity.len() as f64 / settings.periods_per_year)
}

/// Moves weights by one period of returns, in place: `w (1 + r)`, over the portfolio's growth. A missing return leaves
/// a position's value as it was. `None`, with the weights untouched, where the portfolio is ruined.
pub fn drift_weights(weights: &mut [f64], returns: &[f64]) -> Option<()> {
    let moved = |weight: f64, r: f64| if r.is_nan() { weight } else { weight * (1.0 + r) };
    let gain: f64 = weights.iter().zip(returns).map(|(&weight, &r)| moved(weight, r) - weight).sum();
    let growth = 1.0 + gain;
    if !growth.is_finite() || growth <= NEGLIGIBLE {
        return None;
    }
    for (weight, &r) in weights.iter_mut().zip(returns) {
        *weight = moved(*weight, r) / growth;
    }
    Some(())
}

/// One-way turnover from drifted weights to target weights: half the sum of absolute changes, cash left out.
pub fn turnover(drifted: &[f64], target: &[f64]) -> f64 {
    0.5 * drifted.iter().zip(target).map(|(drifted, target)| (target - drifted).abs()).sum::<f64>()
}

/// Weights that follow a factor's values on one bar, into `weights`: the values less their mean, over the sum of
/// absolute ones, so that gross is 1 and net 0. A missing value weighs 0; where all are equal, all do.
pub fn factor_weights(values: &[f64], weights: &mut [f64]) {
    let centre = mean(values);
    for (weight, value) in weights.iter_mut().zip(values) {
        *weight = if value.is_nan() { 0.0 } else { value - centre };
    }
    let gross: f64 = weights.iter().map(|weight| weight.abs()).sum();
    // Rounding of the mean leaves crumbs in proportion to the values' own size.
    let size = values.iter().filter(|value| !value.is_nan()).fold(0.0, |size: f64, value| size.max(value.abs()));
    if !gross.is_finite() || gross <= NEGLIGIBLE * size * values.len() as f64 {
        weights.fill(0.0);
        return;
    }
    for weight in weights {
        *weight /= gross;
    }
}

/// Largest equity at which the 95th percentile order stays under `volume_cap`, the share of a bar's traded money that
/// one order may take. Orders come as fractions of equity, beside the money traded on their bars. `None` without an
/// order on a bar with volume.
pub fn capacity(order_fractions: &[f64], traded_money: &[f64], volume_cap: f64) -> Option<f64> {
    let mut shares: Vec<f64> = order_fractions
        .iter()
        .zip(traded_money)
        .filter(|(fraction, money)| fraction.abs() > 0.0 && **money > 0.0)
        .map(|(fraction, money)| fraction.abs() / money)
        .filter(|share| share.is_finite())
        .collect();
    // Shares per unit of equity are tiny by nature: the rule for zero denominators would reject any liquid market.
    quantile(&mut shares, 19, 20).and_then(|share| finite(volume_cap / share))
}

/// Mean of what is not NaN, 0 for nothing.
fn mean(values: &[f64]) -> f64 {
    let (mut n, mut sum) = (0_usize, 0.0);
    for value in values.iter().filter(|value| !value.is_nan()) {
        n += 1;
        sum += value;
    }
    if n == 0 { 0.0 } else { finite(sum / n as f64).unwrap_or(0.0) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn activity_by_hand() {
        let input = ActivityInput {
            gross: &[0.0, 1.0, 1.0, 2.0],
            net: &[0.0, 1.0, -1.0, 0.0],
            turnover: &[0.5, 0.25],
            costs: &[0.0, 5.0, f64::NAN, 3.0],
            equity: &[100.0, 100.0, 90.0, 110.0],
        };
        let settings = ReturnSettings::new(8.0);
        let expected = ActivityMetrics {
            exposure_gross: 1.0,
            exposure_net: 0.0,
            exposure_time: 0.75,
            turnover_one_way: 0.375,
            turnover_annual: 1.5,
            cost_drag: 0.16,
        };
        assert_eq!(ActivityMetrics::from_input(&input, &settings), expected);
        assert_eq!(ActivityMetrics::from_input(&ActivityInput::default(), &settings), ActivityMetrics::default());
    }

    #[test]
    fn capacity_is_set_by_the_large_orders() {
        // Twenty-one orders of 1 % to 21 % of equity on bars of 1,000,000: the 95th percentile order is 20 %.
        let orders: Vec<f64> = (1..=21).map(|size| f64::from(size) / 100.0).collect();
        let got = capacity(&orders, &[1e6; 21], 0.1).unwrap();
        assert!((got - 500_000.0).abs() < 1e-6, "{got}");
        assert_eq!(capacity(&orders, &[0.0; 21], 0.1), None);
        assert_eq!(capacity(&[], &[], 0.1), None);
    }

    #[test]
    fn a_ruined_portfolio_has_no_drifted_weights() {
        let mut weights = [1.0, -0.5];
        assert_eq!(drift_weights(&mut weights, &[-0.9, 0.4]), None);
        assert_eq!(weights, [1.0, -0.5]);
    }

    #[test]
    fn equal_factor_values_weigh_nothing() {
        let mut weights = [9.0; 3];
        factor_weights(&[0.1, 0.1, 0.1], &mut weights);
        assert_eq!(weights, [0.0; 3]);
        factor_weights(&[1.0, f64::NAN, 3.0], &mut weights);
        assert_eq!(weights, [-0.5, 0.0, 0.5]);
    }

    proptest! {
        #[test]
        fn factor_weights_have_gross_1_and_net_0(values in prop::collection::vec(-5.0..5.0_f64, 2..50)) {
            let mut weights = vec![0.0; values.len()];
            factor_weights(&values, &mut weights);
            prop_assert!((weights.iter().map(|w| w.abs()).sum::<f64>() - 1.0).abs() < 1e-9);
            prop_assert!(weights.iter().sum::<f64>().abs() < 1e-9);
        }

        #[test]
        fn cash_and_drifted_weights_still_make_the_whole(
            book in prop::collection::vec((-0.3..0.3_f64, -0.1..0.1_f64), 1..10),
        ) {
            let (mut weights, returns): (Vec<f64>, Vec<f64>) = book.into_iter().unzip();
            let cash = 1.0 - weights.iter().sum::<f64>();
            let growth = 1.0 + weights.iter().zip(&returns).map(|(w, r)| w * r).sum::<f64>();
            drift_weights(&mut weights, &returns).unwrap();
            prop_assert!((weights.iter().sum::<f64>() + cash / growth - 1.0).abs() < 1e-12);
        }
    }
}
