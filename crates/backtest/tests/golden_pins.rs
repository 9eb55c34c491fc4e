//! Published and recomputed figures that every metric and statistic must reproduce.
//!
//! `golden/golden_pins.json` holds inputs, expected values, tolerances and sources. A value passes within
//! `abs + rel |expected|`; null is undefined, "inf" infinite, and null inside a series a missing value.

use backtest::metrics::{drift_weights, turnover};
use backtest::rank_ic::{IcSummary, LabelRanks, RankScratch, pearson, spearman};
use backtest::statistics::folds::{cpcv_counts, purged_kfold};
use backtest::statistics::multiple::SharpeHaircut;
use backtest::statistics::{
    Pbo, SharpeEstimate, annualisation_factor, deflated_sharpe, effective, expected_maximum, min_backtest_length,
    multiple, rademacher, sharpe_variance,
};
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
            "benchmark" => benchmark(&inputs),
            "cpcv" => cpcv(&inputs),
            "dsr" => dsr(name, &inputs),
            "effective_n" => effective_n(name, &inputs),
            "expected_max_sharpe" => json!(expected_maximum(inputs.number("n_trials"))),
            "ic" => ic(name, &inputs),
            "metrics" => metrics(&inputs),
            "minbtl" => json!(min_backtest_length(inputs.number("n_trials"), inputs.number("target_sr_annual"))),
            "mintrl" => mintrl(&inputs),
            "multiple_testing" => multiple_testing(name, &inputs),
            "pbo" => pbo(name, &inputs),
            "psr" => psr(&inputs),
            "purged_kfold" => kfold(&inputs),
            "ras" => ras(name, &inputs),
            "sharpe" => lo_scaling(&inputs),
            "turnover" => drifted_turnover(&inputs),
            _ => panic!("no code under test for {name}"),
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

fn cpcv(inputs: &Inputs<'_>) -> Value {
    json!(cpcv_counts(inputs.count("groups") as u64, inputs.count("test_groups") as u64))
}

fn dsr(name: &str, inputs: &Inputs<'_>) -> Value {
    let estimate = |sharpe| SharpeEstimate {
        sharpe,
        n_obs: inputs.count("n_obs"),
        skew: inputs.number("skew"),
        kurtosis_raw: inputs.number("kurtosis_raw"),
    };
    let n_trials = inputs.number("n_trials");
    if name == "dsr/from_trial_list_8" {
        let variance = sharpe_variance(&inputs.series("trial_sr_per_period")).unwrap();
        let best = estimate(inputs.number("selected_sr_per_period"));
        let mut got = json!(deflated_sharpe(&best, variance, n_trials));
        got["sr_variance_ddof1"] = json!(variance);
        return got;
    }
    let periods = inputs.number("periods_per_year");
    let best = estimate(inputs.number("sr_annual") / periods.sqrt());
    json!(deflated_sharpe(&best, inputs.number("sr_variance_annual") / periods, n_trials))
}

fn effective_n(name: &str, inputs: &Inputs<'_>) -> Value {
    match name {
        "effective_n/mean_correlation" => {
            json!(effective::from_mean_correlation(inputs.count("n_trials"), inputs.number("mean_correlation")))
        }
        "effective_n/participation_ratio_3" => {
            let matrix = matrix(&inputs.0["correlation"]);
            json!(effective::participation_ratio(&matrix, 3).unwrap())
        }
        "effective_n/autocorrelation_10" => {
            json!(effective::from_autocorrelation(&inputs.series("trial_scores_in_order")))
        }
        _ => panic!("no code under test for {name}"),
    }
}

fn mintrl(inputs: &Inputs<'_>) -> Value {
    let periods = inputs.number("periods_per_year");
    let estimate = SharpeEstimate {
        sharpe: inputs.number("sr_annual") / periods.sqrt(),
        n_obs: 0,
        skew: inputs.number("skew"),
        kurtosis_raw: inputs.number("kurtosis_raw"),
    };
    let benchmark = inputs.number("sr_benchmark_annual") / periods.sqrt();
    match estimate.min_track_record(benchmark, inputs.number("confidence")) {
        Some(n_obs) => json!({ "n_obs": n_obs, "years": n_obs / periods }),
        None => json!({ "n_obs": "inf", "years": "inf" }),
    }
}

fn multiple_testing(name: &str, inputs: &Inputs<'_>) -> Value {
    if name == "multiple_testing/adjusted_p_6" {
        let p = inputs.series("p_values");
        return json!({
            "bonferroni": multiple::bonferroni(&p),
            "holm": multiple::holm(&p),
            "bhy": multiple::bhy(&p),
        });
    }
    let (sharpe, years, tests) = (inputs.number("sr_annual"), inputs.number("years"), inputs.count("n_tests"));
    json!(SharpeHaircut::bonferroni(sharpe, years, tests))
}

fn pbo(name: &str, inputs: &Inputs<'_>) -> Value {
    let (rows, columns) = (inputs.count("rows"), inputs.count("columns"));
    let entry = |t: usize, n: usize| match name {
        "pbo/noise_32x4" | "pbo/noise_32x5_odd" => noise(t, n),
        "pbo/dominant_32x4" => noise(t, n) + if n == 2 { 0.02 } else { 0.0 },
        "pbo/lucky_blocks_32x4" => noise(t, n) / 10.0 + if t / 8 == n { 0.004 } else { -0.001 },
        _ => panic!("no code under test for {name}"),
    };
    let returns: Vec<f64> =
        (0..rows).flat_map(|t| (0..columns).map(move |n| (t, n))).map(|(t, n)| entry(t, n)).collect();
    let got = json!({
        "first_row": returns[..columns],
        "last_row": returns[(rows - 1) * columns..],
        "sum": returns.iter().sum::<f64>(),
    });
    compare(&format!("{name} input"), &got, &inputs.0["check"], 1e-15, 1e-12);
    json!(Pbo::from_returns(&returns, columns, inputs.count("blocks")).unwrap())
}

/// The pins' own noise: the finaliser of `MurmurHash3` over row and column.
fn noise(t: usize, n: usize) -> f64 {
    let mut x = (t * 1000 + n + 1 + 3_000_000) as u32;
    x ^= x >> 16;
    x = x.wrapping_mul(0x85EB_CA6B);
    x ^= x >> 13;
    x = x.wrapping_mul(0xC2B2_AE35);
    x ^= x >> 16;
    (f64::from(x % 2001) - 1000.0) / 100_000.0
}

fn kfold(inputs: &Inputs<'_>) -> Value {
    let (rows, folds) = (inputs.count("n_rows"), inputs.count("folds"));
    let folds = purged_kfold(rows, folds, inputs.count("label_horizon"), inputs.count("embargo_rows")).unwrap();
    let rows = |rows: &mut dyn Iterator<Item = usize>| rows.collect::<Vec<_>>();
    folds.iter().map(|fold| json!({ "test": rows(&mut fold.test.clone()), "train": rows(&mut fold.train()) })).collect()
}

fn ras(name: &str, inputs: &Inputs<'_>) -> Value {
    if name == "ras/rademacher_exact_8x3" {
        let matrix = matrix(&inputs.0["matrix_rows_are_periods"]);
        return json!({
            "complexity": rademacher::complexity_exact(&matrix, 3).unwrap(),
            "massart_bound": rademacher::massart_bound(3, 8),
        });
    }
    let (complexity, n_obs, delta) = (inputs.number("complexity"), inputs.count("n_obs"), inputs.number("delta"));
    match name {
        "ras/sharpe_bound" => {
            let (sharpe, n_trials) = (inputs.number("sr_per_period"), inputs.count("n_trials"));
            json!(rademacher::sharpe_bound(sharpe, complexity, n_obs, n_trials, delta))
        }
        "ras/ic_bound" => {
            json!(rademacher::ic_bound(inputs.number("ic"), complexity, n_obs, inputs.number("kappa"), delta))
        }
        _ => panic!("no code under test for {name}"),
    }
}

fn lo_scaling(inputs: &Inputs<'_>) -> Value {
    let autocorrelations: Vec<f64> = (1..=11).map(|lag| 0.2_f64.powi(lag)).collect();
    json!(annualisation_factor(inputs.count("q"), &autocorrelations))
}

fn matrix(rows: &Value) -> Vec<f64> {
    rows.as_array().unwrap().iter().flat_map(series).collect()
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
