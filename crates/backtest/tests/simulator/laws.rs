//! What holds for every simulation.

use backtest::{
    CashShort, Costs, Detail, Execution, Fate, Market, Order, Outcome, Rates, Reason, Settings, Shares, Side,
    buy_and_hold,
};
use factor::{Count, Rule};
use ndarray::{Array2, Axis, Slice};

use crate::world::{Dice, World, wide_world, world};

const SEEDS: u64 = 1500;

/// The first rows, or everything: NaN equals NaN.
fn same(a: &[f64], b: &[f64]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan()))
}

/// All series of an outcome, up to a row.
fn series(outcome: &Outcome, rows: usize) -> Vec<&[f64]> {
    let mut all: Vec<&[f64]> = vec![
        &outcome.returns,
        &outcome.equity,
        &outcome.cash,
        &outcome.turnover,
        &outcome.exposure_gross,
        &outcome.exposure_net,
        &outcome.costs,
        &outcome.interest,
    ];
    all.extend(outcome.costs_by_type.named().map(|(_, series)| series));
    all.into_iter().map(|series| &series[..rows]).collect()
}

fn assert_same(a: &Outcome, b: &Outcome, rows: usize, label: &str) {
    for (number, (a, b)) in series(a, rows).iter().zip(series(b, rows)).enumerate() {
        assert!(same(a, b), "series {number}: {a:?} and {b:?}; {label}");
    }
}

fn cut(values: &Array2<f64>, rows: usize) -> Array2<f64> {
    values.slice_axis(Axis(0), Slice::from(..rows)).to_owned()
}

#[test]
fn cash_and_holdings_are_equity_and_every_cent_is_in_the_executions() {
    for seed in 0..SEEDS {
        let world = world(seed);
        let outcome = world.run(Detail::Full);
        let (mut cash, mut costs) = (world.settings.capital, 0.0);
        let mut held = vec![0.0; world.close.ncols()];
        let mut executions = outcome.executions.iter().peekable();
        let settled = |order: &&Order| matches!(order.reason, Reason::Delisted | Reason::Ruin);
        let mut settlements = outcome.orders.iter().filter(settled).peekable();
        for row in 0..world.close.nrows() {
            while let Some(Execution { symbol, shares, price, charge, .. }) =
                executions.next_if(|execution| execution.row <= row)
            {
                held[*symbol] += shares;
                cash -= shares * price + charge.total();
                costs += charge.total();
            }
            while let Some(order) = settlements.next_if(|order| order.ended.is_some_and(|ended| ended <= row)) {
                let sign = if order.side == Side::Buy { 1.0 } else { -1.0 };
                held[order.symbol] += sign * order.filled;
                cash -= sign * order.filled * order.price.expect("a settlement has a price");
            }
            let by_type = &outcome.costs_by_type;
            let holding = by_type.borrow[row] + by_type.financing[row];
            cash += outcome.interest[row] - holding;
            costs += holding;
            let scale = 1e-9 * world.settings.capital.max(outcome.equity[row].abs());
            assert!((cash - outcome.cash[row]).abs() < scale, "seed {seed}, row {row}: cash {cash}; {}", world.label());
            let positions = outcome.positions.iter().filter(|position| position.row == row);
            let value: f64 = positions.clone().map(|position| position.shares * position.price).sum();
            assert!((cash + value - outcome.equity[row]).abs() < scale, "seed {seed}, row {row}: {}", world.label());
            let gross: f64 = positions.clone().map(|position| position.weight.abs()).sum();
            let near = (gross - outcome.exposure_gross[row]).abs() < 1e-9 * gross.max(1.0);
            assert!(near, "seed {seed}, row {row}: gross {gross}");
            let mut shares = vec![0.0; held.len()];
            for position in positions {
                shares[position.symbol] = position.shares;
            }
            for (symbol, (held, shares)) in held.iter().zip(&shares).enumerate() {
                let fits = (held - shares).abs() < 1e-9 * shares.abs().max(1.0);
                assert!(fits, "seed {seed}, row {row}: {held} of {symbol}, not {shares}; {}", world.label());
            }
        }
        assert!(executions.next().is_none() && settlements.next().is_none());
        let total: f64 = outcome.costs.iter().sum();
        assert!((total - costs).abs() < 1e-9 * world.settings.capital, "seed {seed}: costs {total}, {costs} executed");
        // What orders say was filled is what was executed.
        let filled: f64 = outcome.orders.iter().filter(|order| !settled(order)).map(|order| order.filled).sum();
        let executed: f64 = outcome.executions.iter().map(|execution| execution.shares.abs()).sum();
        assert!(
            (filled - executed).abs() < 1e-9 * executed.max(1.0),
            "seed {seed}: {filled} filled, {executed} executed"
        );
        // What trades earned and cash earned is what equity gained.
        let earned: f64 = outcome.trades.iter().map(|trade| trade.net_pnl).sum();
        let on_cash: f64 = outcome.interest.iter().sum::<f64>() - outcome.costs_by_type.financing.iter().sum::<f64>();
        let gained = outcome.equity.last().expect("bars") - world.settings.capital;
        let size: f64 = outcome.trades.iter().map(|trade| trade.notional).sum();
        let near = (earned + on_cash - gained).abs() < 1e-9 * size.max(1.0);
        assert!(near, "seed {seed}: {earned} and {on_cash} earned, {gained} gained; {}", world.label());
        assert_eq!(outcome.trades.iter().filter(|trade| trade.reason.is_some()).count(), outcome.counts.closed_trades);
    }
}

#[test]
fn long_books_never_borrow() {
    let mut tried = 0;
    for seed in 0..SEEDS {
        let world = world(seed);
        let outcome = world.run(Detail::Full);
        let may_borrow = world.settings.cash_short == CashShort::Borrow || world.positions.sizing.gross > 1.0;
        // A fee that does not shrink with what is sold may exceed it.
        let Costs { per_share, minimum_fee, impact, .. } = world.settings.costs;
        let may_borrow = may_borrow || per_share + minimum_fee + impact > 0.0;
        if !may_borrow && outcome.positions.iter().all(|position| position.shares > 0.0) {
            tried += 1;
            let least = outcome.cash.iter().copied().fold(f64::INFINITY, f64::min);
            assert!(least >= -1e-9 * world.settings.capital, "seed {seed}: cash {least}; {}", world.label());
            assert!(outcome.exposure_gross.iter().all(|&gross| gross <= 1.0 + 1e-9), "seed {seed}");
        }
    }
    assert!(tried > 300, "{tried}");
}

/// Where prices never move and trading is free, only the simulator itself could lever the book.
#[test]
fn no_sale_that_waits_makes_the_book_larger() {
    let mut blocked = 0;
    for seed in 0..SEEDS {
        let mut world = world(seed);
        if world.settings.cash_short == CashShort::Borrow {
            // Borrowing without limit is what lets a buy not wait for a sale.
            continue;
        }
        let flat = |prices: &Array2<f64>| prices.mapv(|price| if price.is_nan() { price } else { 10.0 });
        world = World {
            open: flat(&world.open),
            high: flat(&world.high),
            low: flat(&world.low),
            close: flat(&world.close),
            ..world
        };
        world.settings.costs = Costs::FREE;
        world.settings.rates = Rates::default();
        // What is left alone on purpose may add up.
        world.settings.shares = Shares::default();
        world.positions.sizing.band = 0.0;
        world.settings.delisting.return_fraction = 0.0;
        let outcome = world.run(Detail::Returns);
        let most = outcome.exposure_gross.iter().copied().fold(0.0, f64::max);
        let gross = world.positions.sizing.gross.max(1.0);
        assert!(most <= gross + 1e-9, "seed {seed}: gross {most}; {}", world.label());
        let owed = (gross - 1.0) * world.settings.capital;
        assert!(outcome.cash.iter().all(|&cash| cash >= -owed - 1e-6), "seed {seed}: {}", world.label());
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
    (0..SEEDS).for_each(|seed| compare_details(&world(seed)));
}

#[test]
fn detail_changes_no_number_in_wide_markets() {
    (0..SEEDS / 4).for_each(|seed| compare_details(&wide_world(seed)));
}

fn compare_details(world: &World) {
    let label = world.label();
    let (full, returns) = (world.run(Detail::Full), world.run(Detail::Returns));
    assert_same(&full, &returns, full.returns.len(), &label);
    assert_eq!((full.counts, full.ruin_row), (returns.counts, returns.ruin_row), "{label}");
    assert!(returns.trades.is_empty() && returns.orders.is_empty() && returns.positions.is_empty());
    let held = full.exposure_gross.iter().position(|&gross| gross != 0.0);
    // Whoever has made ranks of the scores already changes nothing either.
    for scores in [world.run(Detail::Scores), world.run_ranked(Detail::Scores)] {
        assert!(same(&scores.returns, &full.returns) && same(&scores.turnover, &full.turnover), "{label}");
        let counts = (scores.first_held_row, scores.ruin_row, scores.counts);
        assert_eq!(counts, (held, full.ruin_row, full.counts), "{label}");
        assert!(scores.equity.is_empty() && scores.costs.is_empty());
    }
    // Nor does what follows a row.
    for behind in [f64::NAN, f64::INFINITY, -1e300, 1.0] {
        for detail in [Detail::Scores, Detail::Returns] {
            let followed = world.run_followed_by(behind, detail);
            assert!(same(&followed.returns, &full.returns) && same(&followed.turnover, &full.turnover), "{label}");
            assert_eq!(followed.counts, full.counts, "{label}");
        }
    }
    let trades = world.run(Detail::Trades);
    assert_same(&full, &trades, full.returns.len(), &label);
    assert_eq!((full.trades, full.orders), (trades.trades, trades.orders), "{label}");
    assert_eq!(full.executions, trades.executions, "{label}");
    assert!(trades.positions.is_empty());
}

#[test]
fn a_truncated_history_gives_the_same_past() {
    for seed in 0..SEEDS {
        let world = world(seed);
        let rows = 1 + Dice::new(seed).below(world.close.nrows());
        let (whole, past) = (world.run(Detail::Full), world.map(|values| cut(values, rows)).run(Detail::Full));
        assert_eq!(past.returns.len(), rows);
        assert_same(&whole, &past, rows, &format!("seed {seed}: {}", world.label()));
        for world in [&world, &wide_world(seed)] {
            let rows = rows.min(world.close.nrows());
            let (whole, past) = (world.run(Detail::Scores), world.map(|values| cut(values, rows)).run(Detail::Scores));
            assert!(same(&whole.returns[..rows], &past.returns), "seed {seed}: {}", world.label());
            assert!(same(&whole.turnover[..rows], &past.turnover), "seed {seed}: {}", world.label());
        }
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
        let poisoned = world.map(|values| {
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
        // Buys in turn: of equal ones, that of the first symbol.
        if values.windows(2).any(|pair| pair[0] == pair[1]) || world.settings.cash_short == CashShort::InTurn {
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
            world.map(|values| values.select(Axis(1), &order).as_standard_layout().into_owned()).run(Detail::Full),
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
        for prices in [&mut scaled.open, &mut scaled.high, &mut scaled.low, &mut scaled.close] {
            prices.mapv_inplace(|price| price * 2.0);
        }
        if let Some(range) = &mut scaled.signals.average_true_range {
            range.mapv_inplace(|range| range * 2.0);
        }
        // Money 2048 times, shares 1024 times: their root is a power of two as well, which impact asks for.
        scaled.volume.mapv_inplace(|volume| volume * 1024.0);
        scaled.settings.capital *= 2048.0;
        scaled.settings.costs.per_share *= 2.0;
        scaled.settings.costs.minimum_fee *= 2048.0;
        scaled.settings.shares.minimum_trade *= 2048.0;
        scaled.settings.shares.lot *= 1024.0;
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
        let panel = world.panel();
        let market = Market::new(&panel);
        // Held and never traded again: costs can change no later decision.
        let mut last = f64::INFINITY;
        for bps in [0.0, 5.0, 50.0, 500.0] {
            let mut settings =
                Settings { fill: world.settings.fill, delisting: world.settings.delisting, ..Settings::default() };
            settings.costs.commission_bps = bps;
            let held = buy_and_hold(&market, &settings, Detail::Returns, 0..market.bars());
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
            let parts: f64 = costs.named().iter().map(|(_, series)| series[row]).sum();
            assert!((parts - outcome.costs[row]).abs() <= 1e-12 * parts.max(1.0));
            assert!(outcome.exposure_net[row].abs() <= outcome.exposure_gross[row] + 1e-12);
        }
        for order in &outcome.orders {
            let full = order.filled == order.wanted || (order.filled - order.wanted).abs() <= 1e-9 * order.wanted;
            let fits = match order.fate {
                Fate::Filled => full && order.price.is_some(),
                Fate::Cut => !full && order.filled < order.wanted && order.filled > 0.0,
                // A short may have been covered before cash ran out, a part filled before the volume did.
                _ => order.filled < order.wanted,
            };
            assert!(fits && order.price.is_some() == (order.filled > 0.0), "seed {seed}: {order:?}; {}", world.label());
            assert!(order.ended.is_none_or(|ended| ended >= order.decided), "seed {seed}: {order:?}");
        }
        for trade in &outcome.trades {
            let gross = trade.shares * (trade.exit_price - trade.entry_price);
            let fits = (trade.net_pnl + trade.costs - gross).abs() <= 1e-9 * trade.notional.max(1.0);
            assert!(fits && trade.exit_row.is_none_or(|row| row >= trade.entry_row), "seed {seed}: {trade:?}");
            let gain = trade.shares.signum() * (trade.exit_price / trade.entry_price - 1.0);
            let seen = trade.adverse - 1e-12 <= gain && gain <= trade.favourable + 1e-12;
            let open = trade.exit_row.is_none();
            assert!(trade.adverse <= 0.0 && trade.favourable >= 0.0 && (seen || open), "seed {seed}: {trade:?}");
        }
    }
}
