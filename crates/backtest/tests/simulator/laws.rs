//! What holds for every simulation.

use backtest::{Costs, Detail, Fate, Market, Outcome, Side, buy_and_hold};
use factor::{Count, Rule};
use ndarray::{Array2, Axis, Slice};

use crate::world::{Dice, World, panel, world};

const SEEDS: u64 = 1500;

/// The first rows, or everything: NaN equals NaN.
fn same(a: &[f64], b: &[f64]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan()))
}

/// All series of an outcome, up to a row.
fn series(outcome: &Outcome, rows: usize) -> [&[f64]; 10] {
    let costs = &outcome.costs_by_type;
    [
        &outcome.returns,
        &outcome.equity,
        &outcome.cash,
        &outcome.turnover,
        &outcome.exposure_gross,
        &outcome.exposure_net,
        &outcome.costs,
        &costs.commission,
        &costs.half_spread,
        &costs.sell_tax,
    ]
    .map(|series| &series[..rows])
}

fn assert_same(a: &Outcome, b: &Outcome, rows: usize, label: &str) {
    for (number, (a, b)) in series(a, rows).iter().zip(series(b, rows)).enumerate() {
        assert!(same(a, b), "series {number}: {a:?} and {b:?}; {label}");
    }
}

fn cut(values: &Array2<f64>, rows: usize) -> Array2<f64> {
    values.slice_axis(Axis(0), Slice::from(..rows)).to_owned()
}

/// The world with every array changed.
fn change(world: &World, change: impl Fn(&Array2<f64>) -> Array2<f64>) -> World {
    World {
        open: change(&world.open),
        close: change(&world.close),
        signals: world.signals.map(&change),
        ..world.clone()
    }
}

#[test]
fn cash_and_holdings_are_equity_and_every_cent_is_in_the_orders() {
    for seed in 0..SEEDS {
        let world = world(seed);
        let outcome = world.run(Detail::Full);
        let (mut cash, mut costs) = (world.settings.capital, 0.0);
        let mut held = vec![0.0; world.close.ncols()];
        let mut orders = outcome.orders.iter().filter(|order| order.filled > 0.0).peekable();
        for row in 0..world.close.nrows() {
            while let Some(order) = orders.next_if(|order| order.ended.is_some_and(|ended| ended <= row)) {
                let sign = if order.side == Side::Buy { 1.0 } else { -1.0 };
                let price = order.price.expect("a filled order has a price");
                held[order.symbol] += sign * order.filled;
                cash -= sign * order.filled * price + order.costs;
                costs += order.costs;
            }
            let scale = 1e-9 * world.settings.capital.max(outcome.equity[row].abs());
            assert!((cash - outcome.cash[row]).abs() < scale, "seed {seed}, row {row}: cash {cash}; {}", world.label());
            let positions = outcome.positions.iter().filter(|position| position.row == row);
            let value: f64 = positions.clone().map(|position| position.shares * position.price).sum();
            assert!((cash + value - outcome.equity[row]).abs() < scale, "seed {seed}, row {row}: {}", world.label());
            let gross: f64 = positions.clone().map(|position| position.weight.abs()).sum();
            assert!((gross - outcome.exposure_gross[row]).abs() < 1e-9, "seed {seed}, row {row}: gross {gross}");
            let mut shares = vec![0.0; held.len()];
            for position in positions {
                shares[position.symbol] = position.shares;
            }
            for (symbol, (held, shares)) in held.iter().zip(&shares).enumerate() {
                let fits = (held - shares).abs() < 1e-9 * shares.abs().max(1.0);
                assert!(fits, "seed {seed}, row {row}: {held} of {symbol}, not {shares}; {}", world.label());
            }
        }
        assert!(orders.next().is_none());
        let total: f64 = outcome.costs.iter().sum();
        assert!((total - costs).abs() < 1e-9 * world.settings.capital, "seed {seed}: costs {total}, orders {costs}");
        // What trades earned is what equity gained.
        let earned: f64 = outcome.trades.iter().map(|trade| trade.net_pnl).sum();
        let gained = outcome.equity.last().expect("bars") - world.settings.capital;
        let size: f64 = outcome.trades.iter().map(|trade| trade.notional).sum();
        assert!((earned - gained).abs() < 1e-9 * size.max(1.0), "seed {seed}: {earned} earned, {gained} gained");
        assert_eq!(outcome.trades.iter().filter(|trade| trade.reason.is_some()).count(), outcome.counts.closed_trades);
    }
}

#[test]
fn long_books_never_borrow() {
    for seed in 0..SEEDS {
        let world = world(seed);
        let outcome = world.run(Detail::Full);
        if outcome.positions.iter().all(|position| position.shares > 0.0) {
            let least = outcome.cash.iter().copied().fold(f64::INFINITY, f64::min);
            assert!(least >= -1e-9 * world.settings.capital, "seed {seed}: cash {least}; {}", world.label());
            assert!(outcome.exposure_gross.iter().all(|&gross| gross <= 1.0 + 1e-9), "seed {seed}");
        }
    }
}

/// Where prices never move and trading is free, only the simulator itself could lever the book.
#[test]
fn no_sale_that_waits_makes_the_book_larger() {
    let mut blocked = 0;
    for seed in 0..SEEDS {
        let mut world = world(seed);
        let flat = |prices: &Array2<f64>| prices.mapv(|price| if price.is_nan() { price } else { 10.0 });
        (world.open, world.close) = (flat(&world.open), flat(&world.close));
        world.settings.costs = Costs::FREE;
        world.settings.delisting.return_fraction = 0.0;
        let outcome = world.run(Detail::Returns);
        let most = outcome.exposure_gross.iter().copied().fold(0.0, f64::max);
        assert!(most <= 1.0 + 1e-9, "seed {seed}: gross {most}; {}", world.label());
        assert!(outcome.cash.iter().all(|&cash| cash >= -1e-6), "seed {seed}: {}", world.label());
        blocked += outcome.counts.blocked;
    }
    assert!(blocked > 100, "{blocked}");
}

#[test]
fn holdings_never_exceed_the_count() {
    for seed in 0..SEEDS {
        let mut world = world(seed);
        let Count::Number(most) = world.positions.count else { continue };
        if world.positions.rule == Rule::Weights {
            continue;
        }
        world.settings.costs = Costs::FREE;
        let outcome = world.run(Detail::Full);
        for row in 0..outcome.returns.len() {
            let held = outcome.positions.iter().filter(|position| position.row == row);
            let (long, short): (Vec<f64>, Vec<f64>) =
                held.map(|position| position.shares).partition(|&held| held > 0.0);
            let fits = long.len().max(short.len()) <= most as usize;
            assert!(fits, "seed {seed}, row {row}: {long:?} and {short:?}; {}", world.label());
        }
    }
}

#[test]
fn nothing_is_traded_for_a_crumb() {
    for seed in 0..SEEDS {
        let outcome = world(seed).run(Detail::Full);
        for trade in &outcome.trades {
            let equity = outcome.equity[trade.entry_row].min(outcome.equity[trade.entry_row.saturating_sub(1)]);
            assert!(trade.notional > 1e-10 * equity, "seed {seed}: {trade:?}");
        }
    }
}

#[test]
fn detail_changes_no_number() {
    for seed in 0..SEEDS {
        let world = world(seed);
        let (full, returns) = (world.run(Detail::Full), world.run(Detail::Returns));
        assert_same(&full, &returns, full.returns.len(), &world.label());
        assert_eq!((full.counts, full.ruin_row), (returns.counts, returns.ruin_row), "seed {seed}");
        assert!(returns.trades.is_empty() && returns.orders.is_empty() && returns.positions.is_empty());
        let scores = world.run(Detail::Scores);
        assert!(same(&scores.returns, &full.returns) && same(&scores.turnover, &full.turnover), "{}", world.label());
        let held = full.exposure_gross.iter().position(|&gross| gross != 0.0);
        assert_eq!((scores.first_held_row, scores.ruin_row, scores.counts), (held, full.ruin_row, full.counts));
        assert!(scores.equity.is_empty() && scores.costs.is_empty());
        let trades = world.run(Detail::Trades);
        assert_same(&full, &trades, full.returns.len(), &world.label());
        assert_eq!((full.trades, full.orders), (trades.trades, trades.orders), "seed {seed}");
        assert!(trades.positions.is_empty());
    }
}

#[test]
fn a_truncated_history_gives_the_same_past() {
    for seed in 0..SEEDS {
        let world = world(seed);
        let rows = 1 + Dice::new(seed).below(world.close.nrows());
        let (whole, past) = (world.run(Detail::Full), change(&world, |values| cut(values, rows)).run(Detail::Full));
        assert_eq!(past.returns.len(), rows);
        assert_same(&whole, &past, rows, &format!("seed {seed}: {}", world.label()));
        let ended = |outcome: &Outcome| {
            let ended = outcome.orders.iter().filter(|order| order.ended.is_some_and(|ended| ended < rows));
            ended.copied().collect::<Vec<_>>()
        };
        assert_eq!(ended(&whole), ended(&past), "seed {seed}");
        // What waits at the end of the shorter history is what happens next in the longer one.
        for waiting in past.orders.iter().filter(|order| order.fate == Fate::Waiting) {
            let known = |order: &&backtest::Order| {
                (order.decided, order.symbol, order.reason) == (waiting.decided, waiting.symbol, waiting.reason)
            };
            assert!(whole.orders.iter().any(|order| known(&order)), "seed {seed}: {waiting:?}");
        }
    }
}

#[test]
fn the_future_changes_nothing_before_it() {
    for seed in 0..SEEDS {
        let world = world(seed);
        let mut dice = Dice::new(seed);
        let rows = 1 + dice.below(world.close.nrows());
        let poison = [f64::NAN, 1e9, 1.0, 0.0][dice.below(4)];
        let poisoned = change(&world, |values| {
            let mut values = values.clone();
            values.slice_axis_mut(Axis(0), Slice::from(rows..)).fill(poison);
            values
        });
        let label = format!("seed {seed}: {poison} from row {rows}; {}", world.label());
        assert_same(&world.run(Detail::Returns), &poisoned.run(Detail::Returns), rows, &label);
    }
}

#[test]
fn the_order_of_symbols_decides_nothing_but_ties() {
    let mut tried = 0;
    for seed in 0..SEEDS {
        let world = world(seed);
        let Some(score) = &world.signals.score else { continue };
        let mut values: Vec<f64> = score.iter().copied().filter(|value| !value.is_nan()).collect();
        values.sort_by(f64::total_cmp);
        if values.windows(2).any(|pair| pair[0] == pair[1]) {
            continue;
        }
        tried += 1;
        let symbols = world.close.ncols();
        let mut order: Vec<usize> = (0..symbols).collect();
        let mut dice = Dice::new(seed);
        for last in (1..symbols).rev() {
            order.swap(last, dice.below(last + 1));
        }
        let (a, b) = (
            world.run(Detail::Full),
            change(&world, |values| values.select(Axis(1), &order).as_standard_layout().into_owned()).run(Detail::Full),
        );
        for (row, (x, y)) in a.equity.iter().zip(&b.equity).enumerate() {
            let scale = world.settings.capital.max(x.abs());
            assert!((x - y).abs() < 1e-9 * scale, "seed {seed}, row {row}: {x} and {y}; {}", world.label());
        }
        let trades = |outcome: &Outcome, name: &dyn Fn(usize) -> usize| {
            let key = |trade: &backtest::Trade| {
                (name(trade.symbol), trade.entry_row, trade.exit_row, trade.reason.map(|r| r as u8))
            };
            let mut keys: Vec<_> = outcome.trades.iter().map(key).collect();
            keys.sort_unstable();
            keys
        };
        assert_eq!(trades(&a, &|symbol| symbol), trades(&b, &|symbol| order[symbol]), "seed {seed}");
    }
    assert!(tried > 300, "{tried}");
}

#[test]
fn the_unit_of_prices_and_the_capital_do_not_matter() {
    for seed in 0..SEEDS {
        let world = world(seed);
        let mut scaled = world.clone();
        // Powers of two, so that not even rounding differs.
        scaled.open.mapv_inplace(|price| price * 2.0);
        scaled.close.mapv_inplace(|price| price * 2.0);
        if let Some(range) = &mut scaled.signals.average_true_range {
            range.mapv_inplace(|range| range * 2.0);
        }
        scaled.settings.capital *= 1024.0;
        let (a, b) = (world.run(Detail::Returns), scaled.run(Detail::Returns));
        assert!(same(&a.returns, &b.returns), "seed {seed}: {}", world.label());
        assert!(same(&a.turnover, &b.turnover) && same(&a.exposure_net, &b.exposure_net), "seed {seed}");
        assert_eq!((a.counts, a.ruin_row), (b.counts, b.ruin_row), "seed {seed}");
    }
}

#[test]
fn higher_costs_never_earn_more_from_the_same_trades() {
    for seed in 0..SEEDS {
        let world = world(seed);
        let panel = panel(&world.open, &world.close);
        let market = Market::new(&panel);
        // Held and never traded again: costs can change no later decision.
        let mut last = f64::INFINITY;
        for bps in [0.0, 5.0, 50.0, 500.0] {
            let mut settings = world.settings;
            settings.costs.commission_bps = bps;
            let held = buy_and_hold(&market, &settings, Detail::Returns);
            let end = *held.equity.last().expect("bars");
            assert!(end <= last + 1e-12 * settings.capital, "seed {seed}: {end} at {bps} bps, {last} at less");
            last = end;
        }
    }
}

#[test]
fn shares_add_up() {
    for seed in 0..SEEDS {
        let world = world(seed);
        let outcome = world.run(Detail::Full);
        let costs = &outcome.costs_by_type;
        for row in 0..outcome.returns.len() {
            let parts = costs.commission[row] + costs.half_spread[row] + costs.sell_tax[row];
            assert!((parts - outcome.costs[row]).abs() <= 1e-12 * parts.max(1.0));
            assert!(outcome.exposure_net[row].abs() <= outcome.exposure_gross[row] + 1e-12);
        }
        for order in &outcome.orders {
            let full = order.filled == order.wanted || (order.filled - order.wanted).abs() <= 1e-9 * order.wanted;
            let fits = match order.fate {
                Fate::Filled => full && order.price.is_some(),
                Fate::Cut => !full && order.filled < order.wanted && order.filled > 0.0,
                // A short may have been covered before cash ran out.
                Fate::NoCash => order.filled < order.wanted,
                Fate::Blocked => order.filled < order.wanted,
                Fate::Untradable | Fate::Replaced | Fate::Settled | Fate::Waiting => order.filled == 0.0,
            };
            assert!(fits, "seed {seed}: {order:?}");
            assert!(order.ended.is_none_or(|ended| ended >= order.decided), "seed {seed}: {order:?}");
        }
        for trade in &outcome.trades {
            let gross = trade.shares * (trade.exit_price - trade.entry_price);
            let fits = (trade.net_pnl + trade.costs - gross).abs() <= 1e-9 * trade.notional.max(1.0);
            assert!(fits && trade.exit_row.is_none_or(|row| row >= trade.entry_row), "seed {seed}: {trade:?}");
        }
    }
}
