//! Published and recomputed figures that every metric and statistic must reproduce.
//!
//! `golden/golden_pins.json` holds inputs, expected values, tolerances and sources. A value passes within
//! `abs + rel |expected|`; null is undefined, "inf" infinite, and null inside a series a missing value.

use backtest::metrics::{drift_weights, turnover};
use backtest::rank_ic::{IcSummary, LabelRanks, RankScratch, pearson, spearman};
use backtest::statistics::SharpeEstimate;
use backtest::{BenchmarkMetrics, Metrics, ReturnSettings};
use serde_json::{Value, json};

#[test]
fn every_pin_holds() {
    let pins: Vec<Value> = serde_json::from_str(include_str!("golden/golden_pins.json")).unwrap();
    assert_eq!(pins.len(), 68);
    for pin in &pins {
        let name = pin["name"].as_str().unwrap();
        let group = name.split('/').next().unwrap();
        let inputs = Inputs(&pin["inputs"]);
        let got = match group {
            "metrics" => metrics(&inputs),
            "benchmark" => benchmark(&inputs),
            "psr" => psr(&inputs),
            "ic" => ic(name, &inputs),
            "turnover" => drifted_turnover(&inputs),
            _ => continue,
        };
        let tolerance = Inputs(&pin["tolerance"]);
        compare(name, &got, &pin["expected"], tolerance.number("abs"), tolerance.number("rel"));
    }
}

fn compare(name: &str, got: &Value, expected: &Value, abs: f64, rel: f64) {
    match expected {
        // Figures that a pin does not name are free.
        Value::Object(fields) => {
            for (key, value) in fields {
                assert!(got.get(key).is_some(), "{name}: no figure named {key} in {got}");
                compare(&format!("{name} {key}"), &got[key], value, abs, rel);
            }
        }
        Value::Array(values) => {
            assert_eq!(got.as_array().map(Vec::len), Some(values.len()), "{name}: {got}");
            for (i, value) in values.iter().enumerate() {
                compare(&format!("{name} [{i}]"), &got[i], value, abs, rel);
            }
        }
        Value::Number(number) => {
            let expected = number.as_f64().unwrap();
            let got = got.as_f64().unwrap_or_else(|| panic!("{name}: {got} against {expected}"));
            assert!((got - expected).abs() <= abs + rel * expected.abs(), "{name}: {got} against {expected}");
        }
        _ => assert_eq!(got, expected, "{name}"),
    }
}

/// The inputs of a pin, read by name.
struct Inputs<'a>(&'a Value);

impl Inputs<'_> {
    fn number(&self, key: &str) -> f64 {
        self.0[key].as_f64().unwrap_or_else(|| panic!("no number {key} in {}", self.0))
    }

    fn count(&self, key: &str) -> usize {
        usize::try_from(self.0[key].as_u64().unwrap_or_else(|| panic!("no count {key} in {}", self.0))).unwrap()
    }

    fn series(&self, key: &str) -> Vec<f64> {
        series(&self.0[key])
    }

    fn settings(&self) -> ReturnSettings {
        ReturnSettings {
            periods_per_year: self.number("periods_per_year"),
            risk_free_annual: self.number("rf_annual"),
            minimum_acceptable_annual: self.0["mar_annual"].as_f64().unwrap_or(0.0),
        }
    }
}

fn series(values: &Value) -> Vec<f64> {
    values.as_array().unwrap().iter().map(|value| value.as_f64().unwrap_or(f64::NAN)).collect()
}

fn metrics(inputs: &Inputs<'_>) -> Value {
    json!(Metrics::from_returns(&inputs.series("returns"), &inputs.settings()))
}

fn benchmark(inputs: &Inputs<'_>) -> Value {
    json!(BenchmarkMetrics::from_returns(&inputs.series("returns"), &inputs.series("benchmark"), &inputs.settings()))
}

fn ic(name: &str, inputs: &Inputs<'_>) -> Value {
    if name == "ic/summary_16" {
        // A horizon of 5 makes the pin's 4 lags.
        let horizon = inputs.count("horizon_periods");
        assert_eq!(horizon, inputs.count("newey_west_lags") + 1);
        return json!(IcSummary::from_values(&inputs.series("ic"), horizon, inputs.number("periods_per_year")));
    }
    let (factor, label) = (inputs.series("factor"), inputs.series("forward_return"));
    let mut scratch = RankScratch::default();
    let rank = spearman(&factor, &label, &mut scratch);
    let precomputed = LabelRanks::new(&label, label.len()).unwrap();
    assert_eq!(precomputed.ic(0, &factor, &mut scratch), rank, "{name}");
    json!({ "n_pairs": rank.n_pairs, "spearman": rank.value, "pearson": pearson(&factor, &label).value })
}

fn psr(inputs: &Inputs<'_>) -> Value {
    let estimate = SharpeEstimate {
        sharpe: inputs.number("sr_per_period"),
        n_obs: inputs.count("n_obs"),
        skew: inputs.number("skew"),
        kurtosis_raw: inputs.number("kurtosis_raw"),
    };
    json!(estimate.probability_above(inputs.number("sr_benchmark")))
}

fn drifted_turnover(inputs: &Inputs<'_>) -> Value {
    let mut weights = inputs.series("weights_before");
    let target = inputs.series("weights_after");
    drift_weights(&mut weights, &inputs.series("period_returns")).unwrap();
    let changes = || target.iter().zip(&weights).map(|(target, drifted)| target - drifted);
    json!({
        "drifted_weights": weights,
        "buys": changes().map(|change| change.max(0.0)).sum::<f64>(),
        "sells": changes().map(|change| (-change).max(0.0)).sum::<f64>(),
        "turnover_one_way": turnover(&weights, &target),
    })
}
