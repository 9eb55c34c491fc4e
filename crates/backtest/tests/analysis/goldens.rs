//! What alphalens-reloaded 0.5.1 says of the same panels; `alphalens_goldens.py` wrote it down.

use backtest::{AnalysisSettings, FactorAnalysis, analyze_values};
use ndarray::Array2;
use serde_json::Value;

use crate::panel;

fn array(rows: &Value) -> Array2<f64> {
    let rows: Vec<Vec<f64>> = rows.as_array().expect("rows").iter().map(numbers).collect();
    let shape = (rows.len(), rows[0].len());
    Array2::from_shape_vec(shape, rows.concat()).expect("rows of equal length")
}

/// Numbers, NaN where null.
fn numbers(list: &Value) -> Vec<f64> {
    list.as_array().expect("a list").iter().map(|value| value.as_f64().unwrap_or(f64::NAN)).collect()
}

fn check(name: &str, got: Option<f64>, expected: &Value) {
    let (got, expected) = (got.unwrap_or(f64::NAN), expected.as_f64().expect(name));
    assert!((got - expected).abs() <= 1e-9 * expected.abs().max(1.0), "{name}: {got}, alphalens {expected}");
}

fn analyse(golden: &Value) -> FactorAnalysis {
    let (open, close) = (array(&golden["open"]), array(&golden["close"]));
    let list = |name: &str, key: &str| -> Vec<usize> {
        golden[name].as_array().expect(name).iter().map(|of| of[key].as_u64().expect(key) as usize).collect()
    };
    let settings = AnalysisSettings {
        horizons: list("horizons", "horizon"),
        lags: list("lags", "lag"),
        quantiles: golden["quantiles"].as_u64().expect("a number") as usize,
        fill: serde_json::from_value(golden["fill"].clone()).expect("a fill"),
        min_names: Some(3),
        by: None,
    };
    let factor = array(&golden["factor"]);
    let values: Vec<f64> = factor.iter().copied().collect();
    analyze_values(&values, &panel(&[("open", &open), ("close", &close)], &[]), &settings).expect("a panel that fits")
}

#[test]
fn alphalens_agrees() {
    let goldens: Vec<Value> = serde_json::from_str(include_str!("alphalens.json")).expect("goldens");
    assert_eq!(goldens.len(), 3);
    for golden in &goldens {
        let analysis = analyse(golden);
        for (of, expected) in analysis.horizons.iter().zip(golden["horizons"].as_array().expect("horizons")) {
            let name = |what: &str| format!("{} {} {what}", golden["fill"], of.horizon);
            for (kind, got) in [("ic", &of.ic), ("rank_ic", &of.rank_ic)] {
                let expected = &expected[kind];
                assert_eq!(got.n_dates as u64, expected["n_dates"].as_u64().expect("a count"), "{}", name(kind));
                check(&name("mean"), got.mean, &expected["mean"]);
                check(&name("std"), got.std, &expected["std"]);
                check(&name("icir"), got.icir, &expected["icir"]);
                check(&name("share"), got.share_positive, &expected["share_positive"]);
                check(&name("t"), got.t_plain, &expected["t_plain"]);
                check(&name("robust t"), got.t_newey_west, &expected["t_newey_west"]);
            }
            let by_bar = numbers(&expected["rank_ic_by_bar"]);
            assert_eq!(of.series.rank_ic.len(), by_bar.len());
            for (row, (got, expected)) in of.series.rank_ic.iter().zip(&by_bar).enumerate() {
                let same = (got - expected).abs() < 1e-9 || (got.is_nan() && expected.is_nan());
                assert!(same, "{}: {got}, alphalens {expected}", name(&format!("bar {row}")));
            }
            for (place, quantile) in of.quantiles.iter().enumerate() {
                check(&name("quantile"), quantile.mean, &expected["means"][place]);
                check(&name("excess"), quantile.excess, &expected["excess"][place]);
            }
            check(&name("spread"), of.spread.mean, &expected["spread"]["mean"]);
            check(&name("spread std"), of.spread.std, &expected["spread"]["std"]);
            check(&name("spread t"), of.spread.t_plain, &expected["spread"]["t_plain"]);
            check(&name("spread robust t"), of.spread.t_newey_west, &expected["spread"]["t_newey_west"]);
            check(&name("monotonicity"), of.monotonicity, &expected["monotonicity"]);
        }
        for (of, expected) in analysis.stability.iter().zip(golden["lags"].as_array().expect("lags")) {
            let name = format!("{} lag {}", golden["fill"], of.lag);
            for (place, &turnover) in of.turnover.iter().enumerate() {
                check(&name, turnover, &expected["turnover"][place]);
            }
            if !expected["rank_autocorrelation"].is_null() {
                check(&name, of.rank_autocorrelation, &expected["rank_autocorrelation"]);
            }
        }
    }
}
