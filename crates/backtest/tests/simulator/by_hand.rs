//! Rules, weights and exits, computed by hand.

use backtest::{Detail, Reason};
use factor::{Count, Exits, Rebalance, Rule, ScaledStop, TrailingStop, Weighting};

use crate::world::{World, plain, table};

const NAN: f64 = f64::NAN;

/// Weights at the close of a row, symbol by symbol, to nine digits.
fn check_weights<const SYMBOLS: usize>(world: &World, row: usize, expected: [f64; SYMBOLS]) {
    let outcome = world.run(Detail::Full);
    let mut weights = [0.0; SYMBOLS];
    for position in outcome.positions.iter().filter(|position| position.row == row) {
        weights[position.symbol] = position.weight;
    }
    let near = weights.iter().zip(expected).all(|(weight, expected)| (weight - expected).abs() < 1e-9);
    assert!(near, "{weights:?}, not {expected:?}");
}

/// Flat prices, one score a symbol: what is held after the first fills.
fn check_choice<const SYMBOLS: usize>(
    rule: Rule,
    count: u32,
    weight: Weighting,
    score: [f64; SYMBOLS],
    expected: [f64; SYMBOLS],
) {
    let mut world = plain(&[[10.0; SYMBOLS]; 2], &[score; 2]);
    world.positions.rule = rule;
    world.positions.count = Count::Number(count);
    world.positions.weight = weight;
    let volatility: [f64; SYMBOLS] = std::array::from_fn(|symbol| [0.01, 0.02, 0.04, 0.0, NAN][symbol % 5]);
    world.signals.weight_volatility = Some(table(&[volatility; 2]));
    world.signals.entry = (rule == Rule::Signal).then(|| table(&[[1.0; SYMBOLS]; 2]));
    check_weights(&world, 1, expected);
}

#[test]
fn top_holds_the_highest_known_scores() {
    use Weighting::{Equal, InverseVolatility, Score};
    check_choice(Rule::Top, 2, Equal, [3.0, 1.0, NAN, 2.0], [0.5, 0.0, 0.0, 0.5]);
    check_choice(Rule::Top, 2, Equal, [1.0, 1.0, 1.0], [0.5, 0.5, 0.0]);
    check_choice(Rule::Top, 9, Equal, [1.0, NAN, -1.0], [0.5, 0.0, 0.5]);
    check_choice(Rule::Top, 2, Equal, [NAN, NAN], [0.0, 0.0]);
    check_choice(Rule::Top, 1, Equal, [f64::INFINITY, 1.0], [0.0, 1.0]);
    // One zero is as good as the other.
    check_choice(Rule::Top, 1, Equal, [-0.0, 0.0], [1.0, 0.0]);
    check_choice(Rule::LongShort, 1, Equal, [0.0, -0.0, 0.0], [0.5, -0.5, 0.0]);
    // The worst score held weighs nothing; where all are the same, all weigh the same.
    check_choice(Rule::Top, 3, Score, [5.0, 3.0, 0.0, 2.0], [0.75, 0.25, 0.0, 0.0]);
    check_choice(Rule::Top, 3, Score, [5.0, 5.0], [0.5, 0.5]);
    check_choice(Rule::Top, 3, Score, [f64::MAX, 0.0, -f64::MAX], [2.0 / 3.0, 1.0 / 3.0, 0.0]);
    // A volatility of 0 or none at all cannot be inverted: those two may not be held.
    check_choice(
        Rule::Top,
        5,
        InverseVolatility,
        [1.0, 1.0, 1.0, 9.0, 9.0],
        [4.0 / 7.0, 2.0 / 7.0, 1.0 / 7.0, 0.0, 0.0],
    );
}

#[test]
fn long_short_holds_both_ends() {
    use Weighting::{Equal, InverseVolatility, Score};
    check_choice(Rule::LongShort, 1, Equal, [3.0, 1.0, 2.0], [0.5, -0.5, 0.0]);
    check_choice(Rule::LongShort, 2, Equal, [4.0, 3.0, 2.0, 1.0, 2.5], [0.25, 0.25, -0.25, -0.25, 0.0]);
    // Too few for both sides: half each, the middle one left out.
    check_choice(Rule::LongShort, 5, Equal, [3.0, NAN, 1.0, 2.0], [0.5, 0.0, -0.5, 0.0]);
    check_choice(Rule::LongShort, 5, Equal, [3.0, NAN], [0.0, 0.0]);
    check_choice(Rule::LongShort, 1, Equal, [1.0, 1.0, 1.0], [0.5, -0.5, 0.0]);
    check_choice(Rule::LongShort, 2, Score, [6.0, 5.0, 1.0, -3.0], [0.5, 0.0, 0.0, -0.5]);
    check_choice(Rule::LongShort, 1, InverseVolatility, [1.0, 2.0, 3.0, 4.0, 5.0], [-0.5, 0.0, 0.5, 0.0, 0.0]);
}

#[test]
fn scores_are_weights() {
    use Weighting::Equal;
    check_choice(Rule::Weights, 1, Equal, [0.5, -0.25, NAN], [0.5, -0.25, 0.0]);
    check_choice(Rule::Weights, 1, Equal, [3.0, -1.0, 0.0], [0.75, -0.25, 0.0]);
    check_choice(Rule::Weights, 1, Equal, [f64::MAX, -f64::MAX], [0.5, -0.5]);
    // An infinite score is no weight, and takes nothing from those that are.
    check_choice(Rule::Weights, 1, Equal, [f64::INFINITY, 0.5, f64::NEG_INFINITY], [0.0, 0.5, 0.0]);
}

#[test]
fn signal_fills_its_slots_once() {
    use Weighting::{Equal, InverseVolatility, Score};
    check_choice(Rule::Signal, 4, Equal, [1.0, 2.0], [0.25, 0.25]);
    check_choice(Rule::Signal, 2, Equal, [1.0, 3.0, 2.0, NAN], [0.0, 0.5, 0.5, 0.0]);
    // What two slots of four come to, half of equity, is divided by weights.
    check_choice(Rule::Signal, 4, InverseVolatility, [1.0, 2.0], [1.0 / 3.0, 1.0 / 6.0]);
    check_choice(Rule::Signal, 4, Score, [1.0, 2.0, 4.0], [0.0, 0.1875, 0.5625]);

    // Bought on row 0, worth twice as much from row 2 on, and left alone; the second entry gets a half of 1500 then.
    let mut world = plain(&[[10.0, 10.0], [10.0, 10.0], [20.0, 10.0], [20.0, 10.0]], &[[1.0, 1.0]; 4]);
    world.signals.score = None;
    world.positions.rule = Rule::Signal;
    world.positions.count = Count::Number(2);
    world.signals.entry = Some(table(&[[1.0, 0.0], [NAN, 0.0], [0.0, 1.0], [0.0, 0.0]]));
    world.signals.exit = Some(table(&[[0.0, 0.0]; 4]));
    check_weights(&world, 2, [1000.0 / 1500.0, 0.0]);
    // There is cash for 500 only, of 750.
    check_weights(&world, 3, [1000.0 / 1500.0, 500.0 / 1500.0]);
    // Without an exit flag, the end of the entry sells, and so does an unknown one.
    world.signals.exit = None;
    check_weights(&world, 2, [0.0, 0.0]);
    check_weights(&world, 3, [0.0, 0.5]);
}

#[test]
fn flags_are_needed_where_they_are_given() {
    let mut world = plain(&[[10.0; 4]; 4], &[[4.0, 3.0, 2.0, 1.0]; 4]);
    world.positions.count = Count::Number(2);
    // Held stays eligible without an entry; an unknown entry is none; a true exit sells.
    world.signals.entry = Some(table(&[[0.0, 1.0, NAN, 1.0], [0.0; 4], [1.0; 4], [1.0; 4]]));
    check_weights(&world, 1, [0.0, 0.5, 0.0, 0.5]);
    check_weights(&world, 2, [0.0, 0.5, 0.0, 0.5]);
    check_weights(&world, 3, [0.5, 0.5, 0.0, 0.0]);
    world.signals.exit = Some(table(&[[NAN; 4], [0.0, 1.0, 0.0, 0.0], [0.0; 4], [0.0; 4]]));
    check_weights(&world, 2, [0.0, 0.0, 0.0, 1.0]);
}

#[test]
fn rebalances_come_with_the_first_bar_of_a_week_and_month() {
    // Row 0 is a Monday, 1 January: scores change every bar, the book only on the bar after rows 0, 5, 10, 15, 20.
    let score: Vec<[f64; 2]> = (0..32).map(|row| if row % 2 == 0 { [1.0, 0.0] } else { [0.0, 1.0] }).collect();
    let mut world = plain(&[[10.0, 10.0]; 32], &score);
    let changes = |world: &World| {
        let mut rows: Vec<usize> = world.run(Detail::Full).orders.iter().filter_map(|order| order.ended).collect();
        rows.dedup();
        rows
    };
    world.positions.rebalance = Rebalance::Weekly;
    assert_eq!(changes(&world), [1, 6, 11, 16, 21, 26, 31]);
    // 1 February is a Thursday, row 23.
    world.positions.rebalance = Rebalance::Monthly;
    assert_eq!(changes(&world), [1, 24]);
    world.positions.rebalance = Rebalance::Daily;
    assert_eq!(changes(&world), (1..32).collect::<Vec<_>>());
}

/// One symbol held from row 1 on, at 100, long or short: the row of the fill that ends it, and why.
fn check_exit(exits: Exits, long: bool, close: &[f64], expected: Option<(usize, Reason)>) {
    let rows: Vec<[f64; 1]> = [100.0, 100.0].iter().chain(close).map(|&price| [price]).collect();
    let sign = if long { 1.0 } else { -1.0 };
    let mut world = plain(&rows, &vec![[sign]; rows.len()]);
    world.positions.rule = Rule::Weights;
    world.positions.rebalance = Rebalance::Monthly;
    world.exits = exits;
    world.signals.stop_volatility = Some(table(&vec![[0.02]; rows.len()]));
    world.signals.average_true_range = Some(table(&vec![[3.0]; rows.len()]));
    let trade = world.run(Detail::Full).trades[0];
    assert_eq!(trade.exit_row.zip(trade.reason), expected, "{exits:?}, long {long}: {close:?}");
    assert_eq!((trade.entry_row, trade.shares), (1, sign * 10.0));
}

#[test]
fn exits_fire_at_the_close_and_fill_at_the_next_open() {
    let none = Exits::default();
    let stop = Exits { stop_loss: Some(0.08), ..none };
    check_exit(stop, true, &[95.0, 92.01, 92.0, 99.0, 99.0], Some((5, Reason::StopLoss)));
    check_exit(stop, true, &[95.0, 92.01, 120.0, 99.0], None);
    check_exit(stop, false, &[105.0, 107.99, 108.0, 99.0], Some((5, Reason::StopLoss)));
    // The last bar gives an order that no bar is left to fill.
    check_exit(stop, true, &[95.0, 50.0], None);

    let target = Exits { take_profit: Some(0.25), ..none };
    check_exit(target, true, &[124.9, 125.0, 90.0], Some((4, Reason::TakeProfit)));
    check_exit(target, false, &[75.1, 75.0, 90.0], Some((4, Reason::TakeProfit)));

    // Without activation the stop follows from the entry on; with it, only once the gain was there.
    let trail = |activation| Exits { trailing_stop: Some(TrailingStop { trail: 0.1, activation }), ..none };
    check_exit(trail(0.0), true, &[90.0, 95.0], Some((3, Reason::TrailingStop)));
    check_exit(trail(0.0), true, &[110.0, 99.0, 95.0], Some((4, Reason::TrailingStop)));
    check_exit(trail(0.0), false, &[80.0, 87.9, 88.0, 95.0], Some((5, Reason::TrailingStop)));
    check_exit(trail(0.25), true, &[50.0, 124.0, 110.0, 95.0], None);
    check_exit(trail(0.25), true, &[50.0, 125.0, 113.0, 112.5, 110.0], Some((6, Reason::TrailingStop)));
    check_exit(trail(0.25), false, &[76.0, 99.0, 75.0, 82.4, 82.5, 80.0], Some((7, Reason::TrailingStop)));

    let holding = Exits { max_holding: Some(2), ..none };
    check_exit(holding, true, &[100.0, 100.0, 100.0, 100.0], Some((4, Reason::MaxHolding)));

    // 2.5 x 2 % and 2 x 3 below or above 100.
    let volatility = Exits { volatility_stop: Some(ScaledStop { multiplier: 2.5, window: 20 }), ..none };
    check_exit(volatility, true, &[95.1, 94.9, 99.0], Some((4, Reason::VolatilityStop)));
    check_exit(volatility, false, &[104.9, 105.1, 99.0], Some((4, Reason::VolatilityStop)));
    let range = Exits { atr_stop: Some(ScaledStop { multiplier: 2.0, window: 14 }), ..none };
    check_exit(range, true, &[94.1, 94.0, 99.0], Some((4, Reason::AtrStop)));
    check_exit(range, false, &[105.9, 106.0, 99.0], Some((4, Reason::AtrStop)));

    // Several at once: the first of the list is the reason.
    let all = Exits { max_holding: Some(1), take_profit: Some(0.1), ..range };
    check_exit(all, true, &[94.0, 99.0], Some((3, Reason::MaxHolding)));
    check_exit(Exits { stop_loss: Some(0.05), ..all }, true, &[94.0, 99.0], Some((3, Reason::StopLoss)));
}

#[test]
fn what_is_stopped_out_is_not_bought_back_at_the_same_close() {
    let mut world = plain(&[[100.0, 10.0], [100.0, 10.0], [80.0, 10.0], [80.0, 10.0], [80.0, 10.0]], &[[2.0, 1.0]; 5]);
    world.exits.stop_loss = Some(0.1);
    check_weights(&world, 2, [1.0, 0.0]);
    check_weights(&world, 3, [0.0, 1.0]);
    // A day later it may be.
    check_weights(&world, 4, [1.0, 0.0]);
}

#[test]
fn stops_measure_from_the_average_entry() {
    // 2.5 shares at 100 and, a week later, 2.5 more at 140: 120 on average, so that a stop of 10 % lies at 108.
    let close = [100.0, 100.0, 100.0, 100.0, 100.0, 140.0, 140.0, 108.1, 107.9, 100.0];
    let mut world = plain(&close.map(|price| [price]), &[[0.25]; 10]);
    world.positions.rule = Rule::Weights;
    world.positions.rebalance = Rebalance::Weekly;
    world.signals.score = Some(table(&close.map(|price| [if price < 140.0 { 0.25 } else { 700.0 / 1100.0 }])));
    world.exits.stop_loss = Some(0.1);
    let trade = world.run(Detail::Full).trades[0];
    assert_eq!((trade.exit_row, trade.reason), (Some(9), Some(Reason::StopLoss)));
    for (found, expected) in
        [(trade.entry_price, 120.0), (trade.shares, 5.0), (trade.notional, 600.0), (trade.net_pnl, -100.0)]
    {
        assert!((found - expected).abs() < 1e-9, "{found}, not {expected}");
    }
}
