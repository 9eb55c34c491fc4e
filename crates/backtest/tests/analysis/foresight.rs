//! A strategy that is fed with tomorrow's return earns what can be earned at most, and its column is called suspect.

use backtest::analysis::leak::check_columns;
use backtest::metrics::ReturnSettings;
use backtest::{AnalysisSettings, Costs, Fill, Market, Periods, Settings, analyze, backtest};
use factor::{Schema, Strategy};
use indexmap::IndexMap;
use market::{Panel, random_walk};
use ndarray::Array2;

const STRATEGY: &str = r#"
name = "foresight"
[factors]
best = "tomorrow"
[positions]
rule = "top"
score = "best"
count = 1
rebalance = "daily"
"#;

/// A market with the return from the fill of a bar's decision to that of the next in the column `tomorrow`.
fn with_tomorrow(walk: &Panel, prices: &str, delay: usize) -> Panel {
    let price = walk.field(prices).expect("a field");
    let tomorrow = Array2::from_shape_fn(price.dim(), |(t, i)| {
        let [entry, exit] = [t + delay, t + delay + 1].map(|t| price.get([t, i]));
        entry.zip(exit).map_or(f64::NAN, |(entry, exit)| exit / entry - 1.0)
    });
    changed(walk, "tomorrow", tomorrow)
}

/// A panel with one more field, or another under its name.
fn changed(panel: &Panel, name: &str, values: Array2<f64>) -> Panel {
    let own = panel.field_names().map(|name| (name.to_owned(), panel.field(name).expect("a field").to_owned()));
    let fields: IndexMap<String, Array2<f64>> = own.chain([(name.to_owned(), values)]).collect();
    let (calendar, symbols) = (panel.calendar().clone(), panel.symbols().to_vec());
    Panel::new(calendar, symbols, fields, IndexMap::new()).expect("one shape")
}

/// Who does best tomorrow, and how; nobody where nobody knows.
fn best(panel: &Panel, t: usize) -> Option<(usize, f64)> {
    let row = panel.field("tomorrow").expect("a field").row(t).to_vec();
    row.into_iter().enumerate().filter(|(_, earned)| !earned.is_nan()).max_by(|a, b| a.1.total_cmp(&b.1))
}

/// What can be earned at most: the best returns, compounded.
fn most(panel: &Panel) -> f64 {
    (0..panel.bars()).filter_map(|t| best(panel, t)).map(|(_, earned)| 1.0 + earned).product()
}

/// What one account comes to that decides at each close on as many shares as its equity buys there, and gets them at
/// the next bar's price, as far as cash goes.
fn account(panel: &Panel, prices: &str) -> f64 {
    let (price, close) = (panel.field(prices).expect("a field"), panel.field("close").expect("a field"));
    let (mut cash, mut held) = (1.0, vec![0.0_f64; panel.symbols().len()]);
    let mut wanted = held.clone();
    let mut equity = 1.0;
    for t in 0..panel.bars() {
        for i in 0..held.len() {
            let sold = (held[i] - wanted[i]).max(0.0);
            cash += sold * price[[t, i]];
            held[i] -= sold;
        }
        for i in 0..held.len() {
            let bought = (wanted[i] - held[i]).min(cash / price[[t, i]]).max(0.0);
            cash -= bought * price[[t, i]];
            held[i] += bought;
        }
        equity = cash + held.iter().enumerate().map(|(i, shares)| shares * close[[t, i]]).sum::<f64>();
        wanted.fill(0.0);
        if let Some((i, _)) = best(panel, t) {
            wanted[i] = equity / close[[t, i]];
        }
    }
    equity
}

/// What the strategy earns on 1, and that its column, and no other, is suspect.
fn earned(panel: &Panel, fill: Fill) -> f64 {
    let schema = Schema::new(panel.field_names(), panel.group_names());
    let strategy = Strategy::from_toml(STRATEGY, &schema).expect("a strategy");
    let settings = Settings { fill, costs: Costs::FREE, capital: 1.0, ..Settings::default() };
    let (periods, returns) = (Periods::split(panel.bars(), 1.0, 0.0), ReturnSettings::new(252.0));
    let report = backtest(&strategy, panel, &Market::new(panel), &settings, &periods, &returns).expect("a backtest");

    let found = check_columns(panel, &["tomorrow", "open", "high", "low", "close", "volume"], fill).expect("columns");
    let suspects: Vec<&str> = found.iter().filter(|check| check.suspect).map(|check| &*check.input).collect();
    assert_eq!(suspects, ["tomorrow"], "{fill}");
    let program = strategy.compile().expect("a program");
    let asked = AnalysisSettings { fill, ..AnalysisSettings::default() };
    let analysis = analyze([&program], panel, &asked).expect("an analysis").remove(0);
    assert!(analysis.leak.suspect, "{fill}");
    assert_eq!(analysis.horizons[0].rank_ic.mean, Some(1.0), "{fill}");
    *report.outcome.equity.last().expect("a bar")
}

fn check(name: &str, earned: f64, expected: f64) {
    assert!((earned / expected - 1.0).abs() < 1e-9, "{name}: earned {earned}, expected {expected}");
    assert!(expected > 100.0, "{name}: the best of fifteen, compounded, is a lot: {expected}");
}

#[test]
fn tomorrow_at_todays_close_earns_all_there_is() {
    let panel = with_tomorrow(&random_walk(260, 15, 31), "close", 0);
    check("same close", earned(&panel, Fill::SameClose), most(&panel));
}

#[test]
fn tomorrow_at_the_next_open_earns_all_there_is_where_opens_are_the_closes_before() {
    let walk = random_walk(260, 15, 31);
    let close = walk.field("close").expect("a field").to_owned();
    let open = Array2::from_shape_fn(close.dim(), |(t, i)| close[[t.saturating_sub(1), i]]);
    let panel = with_tomorrow(&changed(&walk, "open", open), "open", 1);
    check("next open", earned(&panel, Fill::NextOpen), most(&panel));
}

/// Shares are counted at the close, so that a price that moves until the fill leaves cash over, or runs short of it.
#[test]
fn where_prices_move_until_the_fill_it_earns_what_the_account_says() {
    for (fill, prices) in [(Fill::NextOpen, "open"), (Fill::NextClose, "close")] {
        let panel = with_tomorrow(&random_walk(260, 15, 31), prices, 1);
        let expected = account(&panel, prices);
        check(prices, earned(&panel, fill), expected);
        assert!(expected < most(&panel), "{fill}: no more than all there is");
    }
}
