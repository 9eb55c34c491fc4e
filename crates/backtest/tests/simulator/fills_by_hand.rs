//! Fills, costs, cash, gaps, delisting and ruin, computed by hand.

use backtest::{Costs, Delisting, Detail, Fate, Fill, Market, Order, Outcome, Reason, Side, buy_and_hold};
use factor::{Count, Rebalance, Rule};

use crate::world::{plain, table};

const NAN: f64 = f64::NAN;

/// Numbers to nine digits; NaN equals NaN.
fn check(name: &str, found: &[f64], expected: &[f64]) {
    let near = |(a, b): (&f64, &f64)| (a - b).abs() <= 1e-9 * b.abs().max(1.0) || (a.is_nan() && b.is_nan());
    assert!(
        found.len() == expected.len() && found.iter().zip(expected).all(near),
        "{name}: {found:?}, not {expected:?}"
    );
}

/// Orders as (decided, ended, symbol, fate).
fn fates(outcome: &Outcome) -> Vec<(usize, Option<usize>, usize, Fate)> {
    outcome.orders.iter().map(|order| (order.decided, order.ended, order.symbol, order.fate)).collect()
}

#[test]
fn one_symbol_bought_and_sold_with_costs() {
    let mut world = plain(&[[100.0], [110.0], [120.0], [90.0]], &[[0.5], [0.5], [0.0], [0.0]]);
    world.open = table(&[[100.0], [104.0], [118.0], [100.0]]);
    world.positions.rule = Rule::Weights;
    world.signals.score = Some(table(&[[0.5], [0.5], [NAN], [NAN]]));
    world.positions.rebalance = Rebalance::Weekly;
    world.signals.exit = Some(table(&[[0.0], [0.0], [1.0], [0.0]]));
    world.settings.costs = Costs { commission_bps: 10.0, half_spread_bps: 5.0, sell_tax_bps: 30.0, ..Costs::FREE };
    let outcome = world.run(Detail::Full);

    // 0.5 x 1000 / 100 = 5 shares at 104: 520, and 0.52 + 0.26 for it. Sold at 100: 500, less 0.5 + 0.25 + 1.5.
    let (bought, sold) = (1000.0 - 520.78, 1000.0 - 520.78 + 497.75);
    let (second, third) = (bought + 550.0, bought + 600.0);
    check("equity", &outcome.equity, &[1000.0, second, third, sold]);
    check("cash", &outcome.cash, &[1000.0, bought, bought, sold]);
    check("returns", &outcome.returns, &[0.0, second / 1000.0 - 1.0, third / second - 1.0, sold / third - 1.0]);
    check("commission", &outcome.costs_by_type.commission, &[0.0, 0.52, 0.0, 0.5]);
    check("half-spread", &outcome.costs_by_type.half_spread, &[0.0, 0.26, 0.0, 0.25]);
    check("sell tax", &outcome.costs_by_type.sell_tax, &[0.0, 0.0, 0.0, 1.5]);
    check("turnover", &outcome.turnover, &[NAN, NAN, NAN, 0.5 * 500.0 / third]);
    check("gross", &outcome.exposure_gross, &[0.0, 550.0 / second, 600.0 / third, 0.0]);

    let [trade] = outcome.trades[..] else { panic!("{:?}", outcome.trades) };
    assert_eq!((trade.entry_row, trade.exit_row, trade.reason), (1, Some(3), Some(Reason::Exit)));
    check(
        "trade",
        &[trade.entry_price, trade.exit_price, trade.shares, trade.notional, trade.costs, trade.net_pnl],
        &[104.0, 100.0, 5.0, 520.0, 0.78 + 2.25, -20.0 - 3.03],
    );
    let sale = outcome.orders[1];
    let expected = Order {
        decided: 2,
        ended: Some(3),
        symbol: 0,
        side: Side::Sell,
        wanted: 5.0,
        filled: 5.0,
        price: Some(100.0),
        costs: sale.costs,
        reason: Reason::Exit,
        fate: Fate::Filled,
    };
    assert_eq!(sale, expected);
}

#[test]
fn fills_at_other_prices() {
    let mut world = plain(&[[100.0], [110.0], [121.0]], &[[1.0]; 3]);
    world.open = table(&[[99.0], [100.0], [115.0]]);
    let equity = |world: &crate::world::World| world.run(Detail::Returns).equity;
    check("next open", &equity(&world), &[1000.0, 1100.0, 1210.0]);
    // At 110 the ten shares that 1000 / 100 asks for are too dear: 1000 buys 100 / 11.
    world.settings.fill = Fill::NextClose;
    check("next close", &equity(&world), &[1000.0, 1000.0, 1100.0]);
    world.settings.fill = Fill::SameClose;
    check("same close", &equity(&world), &[1000.0, 1100.0, 1210.0]);
    // With the same close, the first bar already pays.
    world.settings.costs.commission_bps = 100.0;
    check("costs at once", &equity(&world)[..1], &[1000.0 - 1000.0 / 1.01 * 0.01]);
}

#[test]
fn one_factor_scales_all_buys() {
    // Half of 1000 each, at opens of 20 and 30 instead of 10: 1000 + 1500 needed, 40 % of it there.
    let mut world = plain(&[[10.0, 10.0], [10.0, 10.0]], &[[1.0, 1.0]; 2]);
    world.open = table(&[[10.0, 10.0], [20.0, 30.0]]);
    world.positions.count = Count::Number(2);
    let outcome = world.run(Detail::Full);
    let filled: Vec<f64> = outcome.orders.iter().map(|order| order.filled).collect();
    check("filled", &filled, &[20.0, 20.0]);
    assert!(outcome.orders.iter().all(|order| order.fate == Fate::Cut && order.wanted == 50.0));
    assert_eq!(outcome.counts.cut, 2);
    check("cash", &outcome.cash, &[1000.0, 0.0]);

    // Sales come first: what they bring buys on the same bar.
    let mut world = plain(&[[10.0, 10.0]; 4], &[[1.0, 2.0], [2.0, 1.0], [2.0, 1.0], [2.0, 1.0]]);
    world.settings.costs = Costs { commission_bps: 100.0, half_spread_bps: 0.0, sell_tax_bps: 0.0, ..Costs::FREE };
    let outcome = world.run(Detail::Returns);
    let first = 1000.0 / 1.01;
    check("equity", &outcome.equity, &[1000.0, first, first * 0.99 / 1.01, first * 0.99 / 1.01]);
}

#[test]
fn shorts_bring_cash_and_mirror_longs() {
    let mut world = plain(&[[100.0], [100.0], [80.0], [80.0]], &[[-1.0], [-1.0], [NAN], [NAN]]);
    world.positions.rule = Rule::Weights;
    world.positions.rebalance = Rebalance::Daily;
    world.signals.score = Some(table(&[[-1.0], [NAN], [NAN], [NAN]]));
    world.settings.costs = Costs { commission_bps: 10.0, half_spread_bps: 0.0, sell_tax_bps: 20.0, ..Costs::FREE };
    let outcome = world.run(Detail::Full);
    // Sold at 100 for 1000 less 3, covered at 80 for 800 and 0.8.
    check("cash", &outcome.cash, &[1000.0, 1997.0, 1196.2, 1196.2]);
    check("equity", &outcome.equity, &[1000.0, 997.0, 1196.2, 1196.2]);
    check("net", &outcome.exposure_net, &[0.0, -1000.0 / 997.0, 0.0, 0.0]);
    let trade = outcome.trades[0];
    check("trade", &[trade.shares, trade.entry_price, trade.exit_price, trade.net_pnl], &[-10.0, 100.0, 80.0, 196.2]);

    // Through zero in one order: two trades, one order.
    world.signals.score = Some(table(&[[-1.0], [0.5], [0.5], [0.5]]));
    let outcome = world.run(Detail::Full);
    assert_eq!(outcome.trades.len(), 2);
    assert_eq!((outcome.trades[0].exit_row, outcome.trades[1].entry_row), (Some(2), 2));
    // 10 to cover, and half of 997 over a close of 100 to hold; each trade bears the costs of its own part.
    check("crossing", &[outcome.orders[1].filled, outcome.trades[0].net_pnl], &[14.985, 196.2]);
}

/// Shares at the close of a row, symbol by symbol.
fn shares<const SYMBOLS: usize>(outcome: &Outcome, row: usize) -> [f64; SYMBOLS] {
    let mut shares = [0.0; SYMBOLS];
    for position in outcome.positions.iter().filter(|position| position.row == row) {
        shares[position.symbol] = position.shares;
    }
    shares
}

#[test]
fn a_buy_through_zero_has_no_more_cash_than_others() {
    // 50 short and 50 long at 10: 1000 in cash. At 12 the cover takes 600, and 400 are left for the 50 to be held.
    let mut world = plain(&[[10.0, 10.0]; 3], &[[-0.5, 0.5], [0.5, 0.5], [0.5, 0.5]]);
    world.open = table(&[[10.0, 10.0], [10.0, 10.0], [12.0, 10.0]]);
    world.positions.rule = Rule::Weights;
    let outcome = world.run(Detail::Full);
    check("cash", &outcome.cash, &[1000.0, 1000.0, 0.0]);
    check("shares", &shares::<2>(&outcome, 2), &[400.0 / 12.0, 50.0]);
    assert_eq!(fates(&outcome)[2], (1, Some(2), 0, Fate::Cut));
}

#[test]
fn without_a_price_an_order_through_zero_only_closes() {
    // Short 100 from row 1. On row 5, a Monday, 50 are to be held instead; row 6 has no open, and row 7 covers.
    let mut world = plain(&[[10.0]; 9], &[[-1.0]; 9]);
    world.positions.rule = Rule::Weights;
    world.positions.rebalance = Rebalance::Weekly;
    world.signals.score = Some(table(&[[-1.0], [0.5], [0.5], [0.5], [0.5], [0.5], [0.5], [0.5], [0.5]]));
    world.open[[6, 0]] = NAN;
    let outcome = world.run(Detail::Full);
    assert_eq!(fates(&outcome), [(0, Some(1), 0, Fate::Filled), (5, Some(7), 0, Fate::Filled)]);
    check("shares", &[5, 6, 7, 8].map(|row| shares::<1>(&outcome, row)[0]), &[-100.0, -100.0, 0.0, 0.0]);
    assert_eq!((outcome.orders[1].filled, outcome.counts.untradable), (100.0, 1));
}

#[test]
fn a_rebalance_does_not_call_back_an_exit_that_waits() {
    let mut world = plain(&[[10.0]; 5], &[[1.0]; 5]);
    world.signals.exit = Some(table(&[[0.0], [1.0], [0.0], [0.0], [0.0]]));
    world.open[[2, 0]] = NAN;
    let outcome = world.run(Detail::Full);
    check("shares", &[1, 2, 3, 4].map(|row| shares::<1>(&outcome, row)[0]), &[100.0, 100.0, 0.0, 100.0]);
    assert_eq!(outcome.trades[0].reason, Some(Reason::Exit));
}

#[test]
fn what_leaves_gives_its_slot_up_but_what_waits_keeps_it() {
    // One slot: the first symbol's entry ends on the bar of the second's.
    let mut world = plain(&[[10.0, 10.0]; 5], &[[1.0, 1.0]; 5]);
    world.positions.rule = Rule::Signal;
    world.signals.entry = Some(table(&[[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0], [0.0, 1.0]]));
    check("shares", &shares::<2>(&world.run(Detail::Full), 3), &[0.0, 100.0]);
    // Without a price for the sale there is no slot, whatever the cash.
    world.open[[3, 0]] = NAN;
    let outcome = world.run(Detail::Full);
    check("waiting", &shares::<2>(&outcome, 3), &[100.0, 0.0]);
    assert_eq!((outcome.counts.blocked, outcome.orders[1].fate), (1, Fate::Blocked));
    // With a second slot and money for it, there is no reason to wait.
    world.positions.count = Count::Number(2);
    check("two slots", &shares::<2>(&world.run(Detail::Full), 3), &[50.0, 50.0]);
}

#[test]
fn what_waits_keeps_its_part_of_the_book() {
    // Long the first, short the last; the second is to take the first's place, which has no price on row 2.
    let mut world =
        plain(&[[10.0; 4]; 4], &[[4.0, 3.0, 2.0, 1.0], [3.0, 4.0, 2.0, 1.0], [3.0, 4.0, 2.0, 1.0], [0.0; 4]]);
    world.positions.rule = Rule::LongShort;
    world.open[[2, 0]] = NAN;
    let outcome = world.run(Detail::Full);
    check("waiting", &shares::<4>(&outcome, 2), &[50.0, 0.0, 0.0, -50.0]);
    check("sold", &shares::<4>(&outcome, 3), &[0.0, 50.0, 0.0, -50.0]);
    check("gross", &outcome.exposure_gross, &[0.0, 1.0, 1.0, 1.0]);

    // Half of equity waits to be sold: there is room for half of the short that is to replace it.
    let mut world = plain(&[[10.0, 10.0]; 3], &[[0.5, 0.0], [0.0, -1.0], [0.0, -1.0]]);
    world.positions.rule = Rule::Weights;
    world.open[[2, 0]] = NAN;
    let outcome = world.run(Detail::Full);
    check("half", &shares::<2>(&outcome, 2), &[50.0, -50.0]);
    assert_eq!(outcome.orders.last().map(|order| (order.symbol, order.fate)), Some((1, Fate::Waiting)));
    assert!(outcome.orders.iter().any(|order| order.fate == Fate::Cut && order.symbol == 1));
}

#[test]
fn equity_that_is_gone_ends_it() {
    let mut world = plain(&[[100.0, 10.0], [100.0, 10.0], [250.0, 10.0], [100.0, 10.0]], &[[-1.0, 0.0]; 4]);
    world.positions.rule = Rule::Weights;
    let outcome = world.run(Detail::Full);
    assert_eq!(outcome.ruin_row, Some(2));
    check("equity", &outcome.equity, &[1000.0, 1000.0, -500.0, -500.0]);
    check("returns", &outcome.returns, &[0.0, 0.0, -1.5, NAN]);
    check("gross", &outcome.exposure_gross, &[0.0, 1.0, 0.0, 0.0]);
    assert_eq!(outcome.trades[0].reason, Some(Reason::Ruin));
    assert!(outcome.positions.iter().all(|position| position.row == 1));
}

#[test]
fn without_a_price_buys_are_dropped_and_sales_wait() {
    // Symbol 0 is to be bought at row 1, which it does not have: dropped, and decided anew.
    let mut world =
        plain(&[[10.0, 10.0]; 6], &[[2.0, 1.0], [2.0, 1.0], [1.0, 2.0], [1.0, 2.0], [1.0, 2.0], [1.0, 2.0]]);
    world.open = table(&[[10.0, 10.0], [NAN, 10.0], [10.0, 10.0], [NAN, 10.0], [NAN, 10.0], [12.0, 10.0]]);
    let outcome = world.run(Detail::Full);
    let expected = [
        (0, Some(1), 0, Fate::Untradable),
        (1, Some(2), 0, Fate::Filled),
        // No sale, no slot: the other one cannot be bought until row 5, when the sale is made.
        (2, Some(3), 1, Fate::Blocked),
        (3, Some(4), 1, Fate::Blocked),
        (2, Some(5), 0, Fate::Filled),
        (4, Some(5), 1, Fate::Filled),
        // The sale brought more than the buy was sized by.
        (5, None, 1, Fate::Waiting),
    ];
    assert_eq!(fates(&outcome), expected);
    check("equity", &outcome.equity, &[1000.0, 1000.0, 1000.0, 1000.0, 1000.0, 1200.0]);
    let counts = outcome.counts;
    assert_eq!((counts.untradable, counts.delayed, counts.blocked, counts.fills), (1, 2, 2, 3));
}

#[test]
fn what_no_longer_trades_is_stale_and_then_settled() {
    let close = [[10.0, 10.0], [10.0, 10.0], [12.0, 10.0], [NAN, 10.0], [NAN, 10.0], [NAN, 10.0], [NAN, 10.0]];
    let mut world = plain(&close, &[[2.0, 1.0]; 7]);
    world.positions.rebalance = Rebalance::Monthly;
    world.settings.delisting = Delisting { after_missing_bars: 3, return_fraction: -0.5 };
    world.settings.costs = Costs { commission_bps: 0.0, half_spread_bps: 0.0, sell_tax_bps: 100.0, ..Costs::FREE };
    let outcome = world.run(Detail::Full);
    check("equity", &outcome.equity, &[1000.0, 1000.0, 1200.0, 1200.0, 1200.0, 600.0, 600.0]);
    check("cash", &outcome.cash[4..], &[0.0, 600.0, 600.0]);
    let stale: Vec<bool> = outcome.positions.iter().map(|position| position.stale).collect();
    assert_eq!(stale, [false, false, true, true]);
    let trade = outcome.trades[0];
    assert_eq!((trade.exit_row, trade.reason, outcome.counts.delisted), (Some(5), Some(Reason::Delisted), 1));
    check("trade", &[trade.exit_price, trade.net_pnl, trade.costs], &[6.0, -400.0, 0.0]);

    // A gap that ends in time settles nothing.
    world.close[[5, 0]] = 11.0;
    world.open[[5, 0]] = 11.0;
    check("gap", &world.run(Detail::Full).equity[2..], &[1200.0, 1200.0, 1200.0, 1100.0, 1100.0]);
    // Nor does the end of the bars: two missing ones are not three.
    let (open, close) = (world.open.clone(), world.close.clone());
    world.open = open.slice_move(ndarray::s![..5, ..]);
    world.close = close.slice_move(ndarray::s![..5, ..]);
    (world.high, world.low) = (world.close.clone(), world.close.clone());
    world.volume = world.close.clone();
    let outcome = world.run(Detail::Full);
    assert_eq!((outcome.trades[0].exit_row, outcome.trades[0].reason, outcome.counts.closed_trades), (None, None, 0));
    check("open trade", &[outcome.trades[0].exit_price, outcome.trades[0].net_pnl], &[12.0, 200.0]);
}

#[test]
fn buy_and_hold_buys_the_first_members_once() {
    // Nobody is there on row 0; symbol 2 lists later and is never bought; symbol 1 goes to nothing.
    let close = [[NAN, NAN, NAN], [10.0, 10.0, NAN], [10.0, 10.0, 10.0], [20.0, 5.0, 90.0], [20.0, NAN, 90.0]];
    let world = plain(&close, &[[0.0; 3]; 5]);
    let panel = world.panel();
    let mut settings = world.settings;
    settings.delisting = Delisting { after_missing_bars: 1, return_fraction: -1.0 };
    let outcome = buy_and_hold(&Market::new(&panel), &settings, Detail::Returns, 0..panel.bars());
    check("equity", &outcome.equity, &[1000.0, 1000.0, 1000.0, 1250.0, 1000.0]);
    check("turnover", &outcome.turnover, &[NAN; 5]);
    assert_eq!(outcome.counts.fills, 2);
}

#[test]
fn empty_markets_and_odd_values_do_not_panic() {
    for close in [vec![], vec![[NAN, NAN]], vec![[0.0, -1.0], [0.0, -1.0]], vec![[1e-320, 1e308], [1e308, 1e-320]]] {
        let score = vec![[1.0, -1.0]; close.len()];
        for rule in [Rule::Top, Rule::LongShort, Rule::Signal, Rule::Weights] {
            let mut world = plain(&close, &score);
            world.positions.rule = rule;
            world.positions.count = Count::Fraction(1.0);
            let outcome = world.run(Detail::Full);
            assert_eq!(outcome.equity.len(), close.len());
        }
    }
}
