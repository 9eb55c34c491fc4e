//! Columns that know the future, columns that only look as if they did, and noise.

use std::path::Path;

use backtest::Fill;
use backtest::analysis::leak::check_columns;
use indexmap::IndexMap;
use market::{ImportOptions, Panel, random_walk, read_panel};
use ndarray::Array2;
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

const NAN: f64 = f64::NAN;

/// Six symbols, 2013 to 2023.
fn bundled() -> Panel {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/us_large_caps_daily_2013_2023.parquet");
    read_panel(&path, &ImportOptions::default()).expect("the bundled market").panel
}

fn with_columns(panel: &Panel, columns: Vec<(String, Array2<f64>)>) -> Panel {
    let own = panel.field_names().map(|name| (name.to_owned(), panel.field(name).expect("a field").to_owned()));
    let fields: IndexMap<String, Array2<f64>> = own.chain(columns).collect();
    let (calendar, symbols) = (panel.calendar().clone(), panel.symbols().to_vec());
    Panel::new(calendar, symbols, fields, IndexMap::new()).expect("columns of the panel's shape")
}

/// A bell curve, near enough.
fn normal(random: &mut Xoshiro256PlusPlus) -> f64 {
    (0..12).map(|_| (random.next_u64() >> 11) as f64 / (1_u64 << 53) as f64).sum::<f64>() - 6.0
}

fn noise(panel: &Panel, seed: u64) -> Array2<f64> {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    Array2::from_shape_simple_fn((panel.bars(), panel.symbols().len()), || normal(&mut random))
}

/// Columns by a formula of bar and symbol over the panel's fields, and whether they know the future.
fn columns(panel: &Panel) -> Vec<(&'static str, Array2<f64>, bool)> {
    let field = |name: &'static str| {
        move |t: i64, i: usize| {
            let array = panel.field(name).expect("a field");
            usize::try_from(t).ok().and_then(|t| array.get([t, i]).copied()).unwrap_or(NAN)
        }
    };
    let (open, close, volume) = (field("open"), field("close"), field("volume"));
    let (high, low) = (field("high"), field("low"));
    let make = |formula: &dyn Fn(i64, usize) -> f64| {
        Array2::from_shape_fn((panel.bars(), panel.symbols().len()), |(t, i)| formula(t as i64, i))
    };
    let mean = |from: i64, to: i64, i: usize, t: i64| {
        (from..=to).map(|k| close(t + k, i)).sum::<f64>() / (to - from + 1) as f64
    };
    let some = noise(panel, 77);
    let shares = |i: usize| 1e6 * (1 + i * 7919 % 97) as f64;
    vec![
        ("return_of_tomorrow", make(&|t, i| close(t + 1, i) / close(t, i) - 1.0), true),
        ("minus_that", make(&|t, i| 1.0 - close(t + 1, i) / close(t, i)), true),
        ("tomorrow_with_noise", make(&|t, i| close(t + 1, i) / close(t, i) - 1.0 + 0.03 * some[[t as usize, i]]), true),
        ("close_of_tomorrow", make(&|t, i| close(t + 1, i)), true),
        ("log_close_of_tomorrow", make(&|t, i| close(t + 1, i).ln()), true),
        ("open_of_tomorrow", make(&|t, i| open(t + 1, i)), true),
        ("typical_price_of_tomorrow", make(&|t, i| (high(t + 1, i) + low(t + 1, i) + close(t + 1, i)) / 3.0), true),
        ("market_value_of_tomorrow", make(&|t, i| close(t + 1, i) * shares(i)), true),
        ("volume_of_tomorrow", make(&|t, i| volume(t + 1, i)), true),
        ("return_between_fills", make(&|t, i| open(t + 2, i) / open(t + 1, i) - 1.0), true),
        ("return_of_next_week", make(&|t, i| close(t + 5, i) / close(t, i) - 1.0), true),
        ("return_of_the_week_from_tomorrow", make(&|t, i| close(t + 6, i) / close(t + 1, i) - 1.0), true),
        ("return_of_next_month", make(&|t, i| close(t + 21, i) / close(t, i) - 1.0), true),
        ("centred_mean", make(&|t, i| mean(-5, 5, i, t)), true),
        ("up_tomorrow", make(&|t, i| f64::from(u8::from(close(t + 1, i) > close(t, i)))), true),
        ("return_of_today", make(&|t, i| close(t, i) / close(t - 1, i) - 1.0), false),
        ("reversal", make(&|t, i| 1.0 - close(t, i) / close(t - 5, i)), false),
        ("momentum", make(&|t, i| close(t - 20, i) / close(t - 120, i) - 1.0), false),
        ("close_of_yesterday", make(&|t, i| close(t - 1, i)), false),
        ("mean_of_a_week", make(&|t, i| mean(-4, 0, i, t)), false),
        ("typical_price", make(&|t, i| (high(t, i) + low(t, i) + close(t, i)) / 3.0), false),
        ("market_value", make(&|t, i| close(t, i) * shares(i)), false),
        ("range", make(&|t, i| (high(t, i) - low(t, i)) / close(t, i)), false),
        ("volume_of_yesterday", make(&|t, i| volume(t - 1, i)), false),
        ("shares", make(&|_, i| shares(i)), false),
        ("constant", make(&|_, _| 1.0), false),
        ("missing", make(&|_, _| NAN), false),
        ("noise", some.clone(), false),
    ]
}

fn check(panel: &Panel) {
    let cases = columns(panel);
    let wide =
        with_columns(panel, cases.iter().map(|(name, values, _)| ((*name).to_owned(), values.clone())).collect());
    let names: Vec<&str> = cases.iter().map(|(name, _, _)| *name).collect();
    for fill in [Fill::NextOpen, Fill::SameClose] {
        let found = check_columns(&wide, &names, fill).expect("columns that are there");
        for (check, (name, _, knows)) in found.iter().zip(&cases) {
            assert_eq!(check.suspect, *knows, "{name}, {fill}: {check:?}");
        }
    }
}

#[test]
fn what_knows_the_future_is_found_and_nothing_else() {
    check(&random_walk(500, 60, 5));
    check(&random_walk(700, 12, 6));
    check(&bundled());
}

/// That no column of a panel is suspect.
fn check_honest(panel: &Panel, columns: &[&str]) {
    for fill in [Fill::NextOpen, Fill::NextClose, Fill::SameClose] {
        for check in check_columns(panel, columns, fill).expect("columns that are there") {
            assert!(!check.suspect, "{fill}: {check:?}");
        }
    }
}

#[test]
fn prices_and_volumes_know_no_future() {
    let bundled = bundled();
    let names: Vec<&str> = bundled.field_names().collect();
    assert!(names.len() >= 5);
    check_honest(&bundled, &names);
    check_honest(&bundled.prefix(60), &names);
    check_honest(&random_walk(300, 30, 9), &["open", "high", "low", "close", "volume"]);
}

#[test]
fn noise_knows_no_future() {
    for panel in [bundled(), bundled().prefix(40), random_walk(300, 30, 10), random_walk(25, 200, 11)] {
        let columns: Vec<(String, Array2<f64>)> =
            (0..50).map(|seed| (format!("noise_{seed}"), noise(&panel, seed))).collect();
        let names: Vec<String> = columns.iter().map(|(name, _)| name.clone()).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        check_honest(&with_columns(&panel, columns), &names);
    }
}

/// Prices around a level `walk` that is not traded, to which `bounce` is added and forgotten: reversals are honest there.
fn bouncing(walk: f64, bounce: f64, persistence: f64) -> Panel {
    let base = random_walk(400, 40, 12);
    let shape = (base.bars(), base.symbols().len());
    let mut random = Xoshiro256PlusPlus::seed_from_u64(13);
    let (mut level, mut close, mut fair) = (vec![0.0; shape.1], Array2::zeros(shape), Array2::zeros(shape));
    let mut off = vec![0.0; shape.1];
    for t in 0..shape.0 {
        for i in 0..shape.1 {
            level[i] += walk * normal(&mut random);
            off[i] = persistence * off[i] + bounce * normal(&mut random);
            close[[t, i]] = 30.0 * f64::exp(level[i] + off[i]);
            fair[[t, i]] = 30.0 * f64::exp(level[i]);
        }
    }
    let reversal = Array2::from_shape_fn(shape, |(t, i)| if t == 0 { NAN } else { -close[[t, i]] / close[[t - 1, i]] });
    let columns = [("close", close.clone()), ("typical", close), ("fair", fair), ("reversal", reversal)];
    let fields: IndexMap<String, Array2<f64>> =
        columns.into_iter().map(|(name, values)| (name.to_owned(), values)).collect();
    Panel::new(base.calendar().clone(), base.symbols().to_vec(), fields, IndexMap::new()).expect("one shape")
}

#[test]
fn prices_that_revert_are_honest() {
    // Between bid and ask, a quarter of the variance; nothing but noise around a price; and slow reversion.
    for (walk, bounce, persistence) in [(0.02, 0.01, 0.0), (0.0, 0.02, 0.0), (0.002, 0.02, 0.7)] {
        let panel = bouncing(walk, bounce, persistence);
        check_honest(&panel, &["typical", "fair", "reversal"]);
    }
}

#[test]
fn what_cannot_be_judged_is_not() {
    let tiny = random_walk(10, 3, 14);
    let found = check_columns(&tiny, &["open", "volume"], Fill::NextOpen).expect("columns that are there");
    assert!(found.iter().all(|check| !check.suspect && check.evidence.is_none()), "{found:?}");
    let missing = check_columns(&tiny, &["vwap"], Fill::NextOpen).expect_err("no such column").to_string();
    assert!(missing.contains("`vwap`") && missing.contains("volume"), "{missing}");
}
