//! What a strategy wants today is what the whole history says it ordered on that day.

use backtest::metrics::ReturnSettings;
use backtest::{
    Account, Fate, Holding, Market, Order, Outcome, Periods, Settings, Shares, Side, SignalLine, backtest, signal,
};
use factor::{Palette, Rebalance, Rule, Schema, Strategy, VariationSettings, random_strategy};
use market::{Panel, RandomWalk};
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::SeedableRng;

fn panel() -> Panel {
    RandomWalk { bars: 160, symbols: 14, seed: 5, gap_rate: 0.02, late_listing_rate: 0.2 }.panel()
}

fn strategies(count: usize) -> Vec<Strategy> {
    let rules = vec![Rule::Top, Rule::LongShort, Rule::Signal, Rule::Weights];
    let settings = VariationSettings { rules, max_window: 30, ..VariationSettings::new(Schema::bars()) };
    let palette = Palette::new(settings).expect("bars are enough for any strategy");
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(31);
    (0..count).map(|_| random_strategy(&palette, &mut rng)).collect()
}

fn simulate(strategy: &Strategy, panel: &Panel) -> Outcome {
    let (market, periods) = (Market::new(panel), Periods::split(panel.bars(), 0.6, 0.2));
    let report = backtest(strategy, panel, &market, &Settings::default(), &periods, &ReturnSettings::new(252.0));
    report.expect("a valid strategy").outcome
}

/// Symbol, shares to buy.
fn orders(lines: &[SignalLine]) -> Vec<(String, f64)> {
    lines.iter().filter(|line| line.order_shares != 0.0).map(|line| (line.symbol.clone(), line.order_shares)).collect()
}

fn assert_near(found: &[(String, f64)], expected: &[(String, f64)], label: &str) {
    let near = |a: f64, b: f64| (a - b).abs() <= 1e-9 * a.abs().max(1.0);
    let same = found.len() == expected.len()
        && found.iter().zip(expected).all(|(found, expected)| found.0 == expected.0 && near(found.1, expected.1));
    assert!(same, "{found:?}, not {expected:?}; {label}");
}

#[test]
fn fed_bar_by_bar_it_orders_what_the_whole_history_ordered() {
    let panel = panel();
    let mut ordered = 0;
    for (number, strategy) in strategies(40).iter().enumerate() {
        let whole = simulate(strategy, &panel);
        for row in (60 + number % 5..panel.bars()).step_by(9) {
            let part = panel.prefix(row + 1);
            let today = signal(strategy, &part, &Market::new(&part), &Settings::default(), None, false).expect("today");
            let waits = |order: &&Order| order.decided <= row && order.ended.is_none_or(|ended| ended > row);
            let bought = |order: &Order| {
                let sign = if order.side == Side::Buy { 1.0 } else { -1.0 };
                (panel.symbols()[order.symbol].clone(), sign * order.wanted)
            };
            let mut expected: Vec<&Order> = whole.orders.iter().filter(waits).collect();
            expected.sort_by_key(|order| order.symbol);
            let label = format!("row {row} of {}", strategy.to_toml(""));
            // An order that finds no price on the next bar may shrink: it only closes from then on.
            let found = orders(&today.lines);
            let all: Vec<&str> = expected.iter().map(|order| panel.symbols()[order.symbol].as_str()).collect();
            assert_eq!(found.iter().map(|(symbol, _)| symbol.as_str()).collect::<Vec<_>>(), all, "{label}");
            let at_once: Vec<&&Order> = expected.iter().filter(|order| order.ended == Some(row + 1)).collect();
            let found =
                found.into_iter().filter(|(name, _)| at_once.iter().any(|o| panel.symbols()[o.symbol] == *name));
            let bought: Vec<(String, f64)> = at_once.iter().map(|order| bought(order)).collect();
            assert_near(&found.collect::<Vec<_>>(), &bought, &label);
            assert_eq!(today.equity.to_bits(), whole.equity[row].to_bits(), "{label}");
            ordered += expected.len();
        }
    }
    assert!(ordered > 300, "{ordered}");
}

#[test]
fn an_account_that_followed_every_order_gets_the_same_ones() {
    let panel = panel();
    let mut ordered = 0;
    for (number, strategy) in strategies(80).iter().enumerate() {
        // An average price after additions and trims is not on a statement: exits count from what it says.
        if !strategy.exits.is_empty() && strategy.positions.rule != Rule::Signal {
            continue;
        }
        for row in (60 + number % 7..panel.bars()).step_by(11) {
            let part = panel.prefix(row + 1);
            let past = simulate(strategy, &part);
            let older = |order: &Order| order.fate == Fate::Waiting && order.decided < row;
            if past.orders.iter().any(older) || past.ruin_row.is_some() {
                continue;
            }
            let held = past.positions.iter().filter(|position| position.row == row);
            let holdings = held.map(|position| {
                let trade =
                    past.trades.iter().find(|trade| trade.exit_row.is_none() && trade.symbol == position.symbol);
                let trade = trade.expect("what is held is an open trade");
                Holding {
                    symbol: position.symbol,
                    shares: position.shares,
                    entry_price: Some(trade.entry_price),
                    entry_row: Some(trade.entry_row),
                }
            });
            let account = Account { cash: past.cash[row], holdings: holdings.collect() };
            let (market, settings) = (Market::new(&part), Settings::default());
            let own = signal(strategy, &part, &market, &settings, Some(&account), false).expect("today");
            let paper = signal(strategy, &part, &market, &settings, None, false).expect("today");
            let label = format!("row {row} of {}", strategy.to_toml(""));
            assert_near(&orders(&own.lines), &orders(&paper.lines), &label);
            assert!((own.equity - paper.equity).abs() <= 1e-9 * paper.equity.abs(), "{label}");
            ordered += paper.lines.len();
        }
    }
    assert!(ordered > 300, "{ordered}");
}

#[test]
fn targets_are_set_when_due_or_when_asked() {
    let panel = panel();
    let text = "name = \"t\"\n[positions]\nrule = \"top\"\nscore = \"close\"\ncount = 3\nrebalance = { every = 50 }";
    let strategy = Strategy::from_toml(text, &Schema::bars()).expect("a strategy");
    assert_eq!(strategy.positions.rebalance, Rebalance::Every(50));
    let market = Market::new(&panel);
    let account = Account { cash: 9000.0, holdings: Vec::new() };
    let settings = Settings { shares: Shares { lot: 1.0, minimum_trade: 0.0 }, ..Settings::default() };
    let today = |now| signal(&strategy, &panel, &market, &settings, Some(&account), now).expect("today");
    assert_eq!((today(false).rebalances, today(false).lines.len()), (false, 0));
    let now = today(true);
    assert!(now.rebalances && now.lines.len() == 3);
    for line in &now.lines {
        assert_eq!(line.order_shares.fract(), 0.0, "whole shares");
        let whole = (3000.0 / line.price.expect("a price")).floor();
        assert_eq!((line.order_shares, line.target_shares), (whole, whole));
    }
}

#[test]
fn accounts_that_make_no_sense_are_refused() {
    let panel = panel();
    let strategy = strategies(1).remove(0);
    let holding = Holding { symbol: 0, shares: 1.0, entry_price: None, entry_row: None };
    let check = |holdings: Vec<Holding>, cash: f64, expected: &str| {
        let account = Account { cash, holdings };
        let told = signal(&strategy, &panel, &Market::new(&panel), &Settings::default(), Some(&account), false);
        assert_eq!(told.expect_err("refused").to_string(), expected);
    };
    let name = &panel.symbols()[0];
    check(vec![holding, holding], 0.0, &format!("the account holds `{name}` twice"));
    check(vec![], f64::NAN, "the account's cash is no number");
    check(vec![Holding { shares: 0.0, ..holding }], 0.0, &format!("the account holds 0 shares of `{name}`"));
    check(
        vec![Holding { symbol: 99, ..holding }],
        0.0,
        "the account holds symbol number 99, which the market does not have",
    );
    check(
        vec![Holding { entry_price: Some(-1.0), ..holding }],
        0.0,
        &format!("the entry price of `{name}` must be above 0"),
    );
    check(vec![Holding { entry_row: Some(500), ..holding }], 0.0, &format!("`{name}` was entered after the last bar"));
}
