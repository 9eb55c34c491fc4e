//! The same analysis once more, dense and slow, from the definitions.

use backtest::rank_ic::pearson;
use backtest::{AnalysisSettings, Fill, IcSummary, analyze, analyze_values};
use factor::{Schema, compile, parse};
use market::{Group, Panel};
use ndarray::Array2;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::panel;

const BARS: usize = 90;
const SYMBOLS: usize = 14;
const NAN: f64 = f64::NAN;

/// Who has which value, one a symbol.
type Row = Vec<f64>;

/// Average ranks from 1 among the values that are there.
fn ranks(values: &[f64]) -> Row {
    let rank = |&value: &f64| {
        let below = values.iter().filter(|&&other| other < value).count() as f64;
        let equal = values.iter().filter(|&&other| other == value).count() as f64;
        if value.is_nan() { NAN } else { below + f64::midpoint(equal, 1.0) }
    };
    values.iter().map(rank).collect()
}

/// Names with both, and the rank correlation of those.
fn spearman(left: &[f64], right: &[f64]) -> (usize, f64) {
    let pairs = left.iter().zip(right).filter(|(a, b)| !a.is_nan() && !b.is_nan());
    let (left, right): (Row, Row) = pairs.map(|(&a, &b)| (a, b)).unzip();
    let found = pearson(&ranks(&left), &ranks(&right));
    (found.n_pairs, found.value.unwrap_or(NAN))
}

fn mean(values: impl IntoIterator<Item = f64>) -> f64 {
    let known: Row = values.into_iter().filter(|value| !value.is_nan()).collect();
    known.iter().sum::<f64>() / known.len() as f64
}

/// A number as JSON, null for NaN.
fn number(value: f64) -> Value {
    if value.is_finite() { json!(value) } else { Value::Null }
}

fn slow(values: &Array2<f64>, panel: &Panel, settings: &AnalysisSettings) -> Value {
    let members = Array2::from_shape_vec(values.dim(), panel.members()).expect("one a cell");
    let field = |name: &str| panel.field(name).expect("a field").to_owned();
    let (prices, delay) = match settings.fill {
        Fill::NextOpen => (field("open"), 1),
        Fill::NextClose => (field("close"), 1),
        Fill::SameClose => (field("close"), 0),
    };
    let rows: Vec<Row> =
        (0..BARS).map(|t| (0..SYMBOLS).map(|i| if members[[t, i]] { values[[t, i]] } else { NAN }).collect()).collect();
    let quantiles: Vec<Vec<Option<usize>>> = rows.iter().map(|row| bins(row, settings.quantiles)).collect();
    let returns = |t: usize, horizon: usize| -> Row {
        let price = |t: usize, i: usize| prices.get([t, i]).copied().filter(|&price| price > 0.0).unwrap_or(NAN);
        (0..SYMBOLS).map(|i| price(t + delay + horizon, i) / price(t + delay, i) - 1.0).collect()
    };
    let least = settings.min_names.expect("given");
    let enough = |(names, value): (usize, f64)| if names < least { NAN } else { value };
    let horizons: Vec<Value> = settings
        .horizons
        .iter()
        .map(|&horizon| {
            let pairs =
                |t: usize| rows[t].iter().zip(returns(t, horizon)).filter(|(v, r)| !v.is_nan() && !r.is_nan()).count();
            let of_bins = |t: usize, wanted: &dyn Fn(usize) -> bool| {
                if pairs(t) < least {
                    return NAN;
                }
                let inside = quantiles[t].iter().zip(returns(t, horizon));
                mean(inside.filter(|(bin, _)| bin.is_some_and(wanted)).map(|(_, earned)| earned))
            };
            let of = |t: usize, quantile: usize| of_bins(t, &|bin| bin == quantile);
            let means: Row = (0..settings.quantiles).map(|q| mean((0..BARS).map(|t| of(t, q)))).collect();
            let spreads: Row = (0..BARS)
                .map(|t| {
                    let filled: Row = (0..settings.quantiles).map(|q| of(t, q)).filter(|mean| !mean.is_nan()).collect();
                    if filled.len() < 2 { NAN } else { filled[filled.len() - 1] - filled[0] }
                })
                .collect();
            let rank_ics: Row = (0..BARS).map(|t| enough(spearman(&rows[t], &returns(t, horizon)))).collect();
            let numbers: Row = (0..settings.quantiles).map(|q| q as f64).collect();
            json!({
                "rank_ic": mean(rank_ics.clone()),
                "rank_t": IcSummary::from_values(&rank_ics, horizon, 252.0).t_newey_west,
                "quantiles": means.iter().copied().map(number).collect::<Vec<_>>(),
                "excess": (0..settings.quantiles)
                    .map(|q| number(mean((0..BARS).map(|t| of(t, q) - of_bins(t, &|_| true)))))
                    .collect::<Vec<_>>(),
                "spread": number(mean(spreads)),
                "monotonicity": number(spearman(&numbers, &means).1),
            })
        })
        .collect();
    let lags: Vec<Value> = settings
        .lags
        .iter()
        .map(|&lag| {
            let steady = (lag..BARS).map(|t| enough(spearman(&rows[t], &rows[t - lag])));
            let new = |t: usize, quantile: usize| {
                let inside = |t: usize, i: usize| quantiles[t][i] == Some(quantile);
                let now: Vec<usize> = (0..SYMBOLS).filter(|&i| inside(t, i)).collect();
                let new = now.iter().filter(|&&i| !inside(t - lag, i)).count();
                let is_any = quantiles[t - lag].iter().any(Option::is_some);
                if is_any { new as f64 / now.len() as f64 } else { NAN }
            };
            let turnover = |quantile: usize| number(mean((lag..BARS).map(|t| new(t, quantile))));
            json!({
                "rank_autocorrelation": number(mean(steady)),
                "turnover": (0..settings.quantiles).map(turnover).collect::<Vec<_>>(),
            })
        })
        .collect();
    let group = panel.group("sector").expect("a group");
    let groups: Vec<Value> = (0..group.labels.len())
        .map(|code| {
            let inside = |t: usize, row: &[f64]| -> Row {
                let keep = |i: usize| if group.codes[[t, i]] == code as f64 { row[i] } else { NAN };
                (0..SYMBOLS).map(keep).collect()
            };
            let of_bar = |t: usize| spearman(&inside(t, &rows[t]), &returns(t, settings.horizons[0]));
            number(mean((0..BARS).map(of_bar).map(|(names, value)| if names < 3 { NAN } else { value })))
        })
        .collect();
    let names = |t: usize| rows[t].iter().filter(|value| !value.is_nan()).count();
    let first = (0..BARS).find(|&t| names(t) > 0).unwrap_or(BARS);
    let of_members =
        (first..BARS).map(|t| members.row(t).iter().filter(|&&is_member| is_member).count()).sum::<usize>();
    json!({
        "before": first,
        "share": number((first..BARS).map(names).sum::<usize>() as f64 / of_members as f64),
        "least": (first..BARS).map(names).min(),
        "horizons": horizons,
        "lags": lags,
        "groups": groups,
    })
}

/// Each symbol's bin, by counting.
fn bins(row: &[f64], quantiles: usize) -> Vec<Option<usize>> {
    let names = row.iter().filter(|value| !value.is_nan()).count() as f64;
    let bin = |rank: f64| ((rank - 0.5) * quantiles as f64 / names).floor() as usize;
    ranks(row).into_iter().map(|rank| (!rank.is_nan()).then(|| bin(rank))).collect()
}

/// The figures of ours that the slow version has.
fn ours(values: &Array2<f64>, panel: &Panel, settings: &AnalysisSettings) -> Value {
    let flat: Vec<f64> = values.iter().copied().collect();
    let found = analyze_values(&flat, panel, settings).expect("settings that fit");
    let horizons: Vec<Value> = found
        .horizons
        .iter()
        .map(|of| {
            json!({
                "rank_ic": of.rank_ic.mean,
                "rank_t": of.rank_ic.t_newey_west,
                "quantiles": of.quantiles.iter().map(|quantile| quantile.mean).collect::<Vec<_>>(),
                "excess": of.quantiles.iter().map(|quantile| quantile.excess).collect::<Vec<_>>(),
                "spread": of.spread.mean,
                "monotonicity": of.monotonicity,
            })
        })
        .collect();
    let lag = |of: &backtest::analysis::Stability| json!({ "rank_autocorrelation": of.rank_autocorrelation, "turnover": of.turnover });
    json!({
        "before": found.coverage.bars_before,
        "share": found.coverage.share,
        "least": found.coverage.least,
        "horizons": horizons,
        "lags": found.stability.iter().map(lag).collect::<Vec<_>>(),
        "groups": found.groups.iter().map(|of| of.rank_ic.mean).collect::<Vec<_>>(),
    })
}

/// Whether two documents agree, numbers to 1e-9.
fn agree(got: &Value, expected: &Value) -> bool {
    match (got, expected) {
        (Value::Number(a), Value::Number(b)) => {
            let (a, b) = (a.as_f64().expect("a float"), b.as_f64().expect("a float"));
            (a - b).abs() <= 1e-9 * b.abs().max(1.0)
        }
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| agree(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| agree(a, b)))
        }
        _ => got == expected,
    }
}

/// Values with gaps and ties.
fn cells() -> impl Strategy<Value = Array2<f64>> {
    let cell = prop_oneof![5 => -1.0..1.0_f64, 3 => (0..4_u8).prop_map(f64::from), 2 => Just(NAN)];
    prop::collection::vec(cell, BARS * SYMBOLS)
        .prop_map(|cells| Array2::from_shape_vec((BARS, SYMBOLS), cells).expect("as many cells"))
}

/// Prices with gaps, and a few that are no price.
fn prices() -> impl Strategy<Value = Array2<f64>> {
    let cell = prop_oneof![20 => 10.0..11.0_f64, 1 => Just(NAN), 1 => Just(0.0)];
    prop::collection::vec(cell, BARS * SYMBOLS)
        .prop_map(|cells| Array2::from_shape_vec((BARS, SYMBOLS), cells).expect("as many cells"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn the_slow_version_agrees(
        values in cells(),
        open in prices(),
        close in prices(),
        universe in prop::collection::vec(prop::bool::weighted(0.9), BARS * SYMBOLS),
        quantiles in 2..8_usize,
        fill in prop_oneof![Just(Fill::NextOpen), Just(Fill::NextClose), Just(Fill::SameClose)],
        late in 0..20_usize,
    ) {
        let mut values = values;
        values.slice_mut(ndarray::s![..late, ..]).fill(NAN);
        let universe = Array2::from_shape_vec((BARS, SYMBOLS), universe).expect("as many cells").mapv(f64::from);
        let codes = Array2::from_shape_fn((BARS, SYMBOLS), |(t, i)| if (t + i) % 11 == 0 { NAN } else { (i % 3) as f64 });
        let sector = Group { labels: ["A", "B", "C"].map(str::to_owned).to_vec(), codes };
        let panel = panel(&[("open", &open), ("close", &close), ("universe", &universe)], &[("sector", sector)]);
        let settings = AnalysisSettings {
            horizons: vec![3, 1, 40],
            lags: vec![1, 7],
            quantiles,
            fill,
            min_names: Some(5),
            by: Some("sector".to_owned()),
        };
        let (got, expected) = (ours(&values, &panel, &settings), slow(&values, &panel, &settings));
        prop_assert!(agree(&got, &expected), "{got:#}\n{expected:#}");
    }
}

#[test]
fn programs_together_are_programs_alone() {
    let panel = market::random_walk(300, 20, 3);
    let schema = Schema::bars();
    let compiled = |text: &str| compile(&parse(text, &schema).expect(text), &[]).expect(text);
    let texts = ["returns(close, 5)", "-ts_std(close, 20) / close", "cs_rank(volume)"];
    let programs = texts.map(compiled);
    let settings = AnalysisSettings::default();
    let together = analyze(&programs, &panel, &settings).expect("a panel with these columns");
    for (program, found) in programs.iter().zip(&together) {
        let values = engine::evaluate(program, &panel).expect("a panel with these columns");
        let alone = analyze_values(&values, &panel, &settings).expect("values of the panel's shape");
        // As text, in which a missing value equals another.
        assert!(format!("{found:?}") == format!("{alone:?}"), "{:?}\n{:?}", found.coverage, alone.coverage);
    }
}

#[test]
fn quantiles_compound_bar_by_bar() {
    let panel = market::random_walk(40, 6, 8);
    let values: Vec<f64> = (0..40 * 6).map(|cell| if cell < 60 { NAN } else { f64::from(cell * 7919 % 101) }).collect();
    let settings =
        AnalysisSettings { horizons: vec![1, 2], lags: Vec::new(), quantiles: 3, ..AnalysisSettings::default() };
    let found = analyze_values(&values, &panel, &settings).expect("a panel that fits");
    assert!(found.stability.is_empty());
    for of in &found.horizons {
        let grown = of.cumulative_quantile_returns();
        assert_eq!(grown.len(), 40 * 3);
        assert_eq!(grown[..30], [1.0; 30], "nothing grows before the first value");
        for quantile in 0..3 {
            let earned = of.series.quantile_returns.iter().skip(quantile).step_by(3).filter(|earned| !earned.is_nan());
            let growth: f64 = earned.map(|earned| 1.0 + earned).product();
            let last = grown[39 * 3 + quantile].powf(of.horizon as f64);
            assert!((last / growth - 1.0).abs() < 1e-12 && growth != 1.0, "{last} {growth}");
        }
    }
}

#[test]
fn long_histories_come_by_year_and_short_ones_by_month() {
    let periods = |bars: usize| {
        let panel = market::random_walk(bars, 12, 8);
        let values = panel.values("volume").expect("a field");
        let found = analyze_values(values, &panel, &AnalysisSettings::default()).expect("a panel that fits");
        let bars: usize = found.periods.iter().map(|period| period.rank_ic.n_dates).sum();
        assert_eq!(bars, found.horizons[0].rank_ic.n_dates, "every bar is in one period");
        let names: Vec<String> = found.periods.into_iter().map(|period| period.period).collect();
        names
    };
    assert_eq!(periods(60), ["2015-01", "2015-02", "2015-03"]);
    assert_eq!(periods(900), ["2015", "2016", "2017", "2018"]);
}

/// What moves no rank and no return moves no figure, but for rounding.
#[test]
fn scale_and_order_of_symbols_change_nothing() {
    let panel = market::random_walk(200, 20, 9);
    let values = panel.field("volume").expect("a field").to_owned();
    let settings = AnalysisSettings { by: None, ..AnalysisSettings::default() };
    let analyse = |values: &Array2<f64>, panel: &Panel| {
        let flat: Vec<f64> = values.iter().copied().collect();
        serde_json::to_value(analyze_values(&flat, panel, &settings).expect("a panel that fits")).expect("JSON")
    };
    let reversed = |array: &Array2<f64>| array.slice(ndarray::s![.., ..;-1]).to_owned();
    let (open, close) = (panel.field("open").expect("a field"), panel.field("close").expect("a field"));
    let (open, close) = (open.to_owned(), close.to_owned());
    let expected = analyse(&values, &crate::panel(&[("open", &open), ("close", &close)], &[]));
    let doubled = crate::panel(&[("open", &(&open * 2.0)), ("close", &(&close * 2.0))], &[]);
    assert!(agree(&analyse(&(&values * 4.0), &doubled), &expected));
    let turned = crate::panel(&[("open", &reversed(&open)), ("close", &reversed(&close))], &[]);
    assert!(agree(&analyse(&reversed(&values), &turned), &expected));
}
