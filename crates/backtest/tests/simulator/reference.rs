//! A slow simulator: one cell a symbol, everything in plain loops, sorting where the fast one selects. Written from the
//! rules, not from the other's code.

use backtest::{Detail, Fill, Outcome, Reason, Settings};
use factor::{Count, Exits, Positions, Rebalance, Rule, Weighting};
use ndarray::Array2;

use crate::world::{Signals, World, panel, world};

const ROUNDING: f64 = 1e-9;

/// One symbol, held or not.
#[derive(Debug, Clone, Copy, Default)]
struct Cell {
    shares: f64,
    mark: f64,
    entry: f64,
    entry_row: usize,
    best: f64,
    volatility: f64,
    range: f64,
    missing: u32,
    /// The order that closes it did not find a price, or an exit has just given it.
    leaving: bool,
    order: Option<Ordered>,
}

#[derive(Debug, Clone, Copy)]
struct Ordered {
    target: f64,
    rank: f64,
    volatility: f64,
    range: f64,
}

#[derive(Debug, Default)]
struct Result {
    equity: Vec<f64>,
    cash: Vec<f64>,
    costs: Vec<f64>,
    closed: usize,
    shares: Vec<f64>,
    ruin: Option<usize>,
}

fn simulate(world: &World) -> Result {
    let World { open, close, settings, .. } = world;
    let mut cells = vec![Cell::default(); close.ncols()];
    let (mut cash, mut result, mut equity) = (settings.capital, Result::default(), settings.capital);
    let prices = if settings.fill == Fill::NextOpen { open } else { close };
    let gone = ROUNDING * settings.capital;
    let mut slots = usize::MAX;
    for row in 0..close.nrows() {
        let mut paid = 0.0;
        if result.ruin.is_none() {
            if settings.fill != Fill::SameClose {
                paid += fill(&mut cells, &mut cash, row, prices, equity, slots, world, &mut result.closed);
            }
            for (symbol, cell) in cells.iter_mut().enumerate().filter(|(_, cell)| cell.shares != 0.0) {
                let price = close[[row, symbol]];
                if price.is_nan() {
                    cell.missing += 1;
                    if cell.missing >= settings.delisting.after_missing_bars {
                        cash += cell.shares * cell.mark * (1.0 + settings.delisting.return_fraction);
                        *cell = Cell::default();
                        result.closed += 1;
                    }
                } else {
                    cell.missing = 0;
                    cell.mark = price;
                    cell.best = if cell.shares > 0.0 { cell.best.max(price) } else { cell.best.min(price) };
                }
            }
            equity = cash + cells.iter().map(|cell| cell.shares * cell.mark).sum::<f64>();
            if equity > gone {
                slots = decide(&mut cells, row, equity, world).unwrap_or(slots);
            }
            if equity > gone && settings.fill == Fill::SameClose {
                paid += fill(&mut cells, &mut cash, row, prices, equity, slots, world, &mut result.closed);
                equity = cash + cells.iter().map(|cell| cell.shares * cell.mark).sum::<f64>();
            }
            if equity <= gone {
                result.ruin = Some(row);
                cash = equity;
                result.closed += cells.iter().filter(|cell| cell.shares != 0.0).count();
                cells.fill(Cell::default());
            }
        }
        result.equity.push(equity);
        result.cash.push(cash);
        result.costs.push(paid);
    }
    result.shares = cells.iter().map(|cell| cell.shares).collect();
    result
}

#[expect(clippy::too_many_arguments, reason = "plain loops over plain values")]
fn fill(
    cells: &mut [Cell],
    cash: &mut f64,
    row: usize,
    prices: &Array2<f64>,
    equity: f64,
    slots: usize,
    world: &World,
    closed: &mut usize,
) -> f64 {
    let costs = world.settings.costs;
    let both = (costs.commission_bps + costs.half_spread_bps) / 10_000.0;
    let tax = costs.sell_tax_bps / 10_000.0;
    let mut paid = 0.0;
    let price = |symbol: usize| Some(prices[[row, symbol]]).filter(|price| !price.is_nan());

    // No price: closing waits, opening is forgotten.
    let mut waiting = vec![0.0; cells.len()];
    for (symbol, cell) in cells.iter_mut().enumerate().filter(|(symbol, _)| price(*symbol).is_none()) {
        let Some(order) = cell.order else { continue };
        let same_side = order.target * cell.shares > 0.0;
        let target = if same_side { order.target } else { 0.0 };
        let closes = cell.shares != 0.0 && target.abs() < cell.shares.abs();
        cell.order = closes.then_some(Ordered { target, ..order });
        cell.leaving |= closes && target == 0.0;
        waiting[symbol] = if closes { (cell.shares - target) * cell.mark } else { 0.0 };
    }
    // Closing.
    for (symbol, cell) in cells.iter_mut().enumerate() {
        let (Some(order), Some(price)) = (cell.order, price(symbol)) else { continue };
        let keep = if order.target * cell.shares <= 0.0 {
            0.0
        } else if cell.shares > 0.0 {
            cell.shares.min(order.target)
        } else {
            cell.shares.max(order.target)
        };
        let change = keep - cell.shares;
        let cost = change.abs() * price * if change < 0.0 { both + tax } else { both };
        *cash -= change * price + cost;
        paid += cost;
        *closed += usize::from(keep == 0.0 && cell.shares != 0.0);
        cell.shares = keep;
    }
    let factors = room(cells, &waiting, &price, slots, equity);
    // What is left of orders opens or increases: first shorts, then longs.
    for long in [false, true] {
        let opening = |cell: &Cell| cell.order.filter(|order| (order.target > cell.shares) == long);
        let mut wanted = vec![0.0; cells.len()];
        for (symbol, cell) in cells.iter().enumerate() {
            if let (Some(order), Some(_)) = (opening(cell), price(symbol)) {
                wanted[symbol] = (order.target - cell.shares) * factors[usize::from(long)];
            }
        }
        let needed: f64 =
            (0..cells.len()).filter_map(|symbol| Some(wanted[symbol] * price(symbol)? * (1.0 + both))).sum();
        let scale = if long && needed > *cash { cash.max(0.0) / needed } else { 1.0 };
        for (symbol, cell) in cells.iter_mut().enumerate() {
            let (Some(order), Some(price)) = (opening(cell), price(symbol)) else { continue };
            let change = wanted[symbol] * scale;
            if change.abs() * price > ROUNDING * equity {
                let cost = change.abs() * price * if long { both } else { both + tax };
                *cash -= change * price + cost;
                paid += cost;
                add(cell, cell.shares + change, price, row, order);
            }
        }
    }
    for (symbol, cell) in cells.iter_mut().enumerate() {
        if price(symbol).is_some() {
            cell.order = None;
        }
        if cell.shares == 0.0 {
            *cell = Cell::default();
        }
    }
    paid
}

/// What waits keeps its slot and its money: the least chosen are forgotten, and the rest is scaled. Factors of shorts
/// and of longs.
fn room(
    cells: &mut [Cell],
    waiting: &[f64],
    price: &impl Fn(usize) -> Option<f64>,
    slots: usize,
    equity: f64,
) -> [f64; 2] {
    let on = |value: f64, long: bool| if long { value.max(0.0) } else { (-value).max(0.0) };
    let (mut blocked, mut wanted) = ([0.0; 2], [0.0; 2]);
    for long in [false, true] {
        let at = usize::from(long);
        blocked[at] = waiting.iter().map(|&value| on(value, long)).sum();
        if blocked[at] > 0.0 {
            let held = cells.iter().filter(|cell| on(cell.shares, long) > 0.0).count();
            let mut new: Vec<usize> = (0..cells.len())
                .filter(|&symbol| {
                    let target = cells[symbol].order.map_or(0.0, |order| order.target);
                    cells[symbol].shares == 0.0 && on(target, long) > 0.0 && price(symbol).is_some()
                })
                .collect();
            let rank = |symbol: usize| cells[symbol].order.expect("new").rank;
            new.sort_by(|&a, &b| rank(b).total_cmp(&rank(a)));
            let forgotten = new.split_off(slots.saturating_sub(held).min(new.len()));
            for symbol in forgotten {
                let target = cells[symbol].order.expect("new").target;
                blocked[at] = (blocked[at] - target.abs() * price(symbol).expect("priced")).max(0.0);
                cells[symbol].order = None;
            }
        }
    }
    let mut gross = 0.0;
    for (symbol, cell) in cells.iter().enumerate() {
        gross += cell.shares.abs() * price(symbol).unwrap_or(cell.mark);
        if let (Some(order), Some(price)) = (cell.order, price(symbol)) {
            wanted[usize::from(order.target > cell.shares)] += (order.target - cell.shares).abs() * price;
        }
    }
    let total = blocked[0] + blocked[1];
    let over = (gross + wanted[0] + wanted[1] - equity).min(total);
    if over <= 0.0 {
        return [1.0; 2];
    }
    // Each side pays for what waits on it; what it cannot pay, the other does.
    let own = [0, 1].map(|at| over * blocked[at] / total);
    [0, 1].map(|at| {
        let others_debt = (own[1 - at] - wanted[1 - at]).max(0.0);
        let paid = (own[at] + others_debt).min(wanted[at]);
        if wanted[at] > 0.0 { 1.0 - paid / wanted[at] } else { 1.0 }
    })
}

fn add(cell: &mut Cell, shares: f64, price: f64, row: usize, order: Ordered) {
    if cell.shares == 0.0 {
        *cell = Cell {
            shares,
            mark: price,
            entry: price,
            entry_row: row,
            best: price,
            volatility: order.volatility,
            range: order.range,
            ..Cell::default()
        };
    } else {
        cell.entry = (cell.entry * cell.shares + price * (shares - cell.shares)) / shares;
        cell.shares = shares;
    }
}

/// Gives orders; where targets were set, also how many slots a side has.
fn decide(cells: &mut [Cell], row: usize, equity: f64, world: &World) -> Option<usize> {
    let World { close, signals, positions, .. } = world;
    let truth = |flags: &Option<Array2<f64>>, symbol: usize| flags.as_ref().is_some_and(|f| f[[row, symbol]] == 1.0);
    let value = |values: &Option<Array2<f64>>, symbol: usize| values.as_ref().map_or(f64::NAN, |v| v[[row, symbol]]);
    let stuck = cells.iter().filter(|cell| cell.leaving).count();
    for (symbol, cell) in cells.iter_mut().enumerate().filter(|(_, cell)| cell.shares != 0.0 && !cell.leaving) {
        let ended = positions.rule == Rule::Signal && signals.exit.is_none() && !truth(&signals.entry, symbol);
        if truth(&signals.exit, symbol) || ended || stopped(&world.exits, cell, row) {
            cell.leaving = true;
            cell.order = Some(Ordered { target: 0.0, rank: 0.0, volatility: f64::NAN, range: f64::NAN });
        }
    }
    let calendar = panel(close, close).calendar().clone();
    let now = match positions.rebalance {
        Rebalance::Daily => true,
        Rebalance::Weekly => calendar.starts_week(row),
        Rebalance::Monthly => calendar.starts_month(row),
    };
    if !now {
        return None;
    }
    let weights = target_weights(cells, row, stuck, world);
    for (symbol, cell) in cells.iter_mut().enumerate().filter(|(_, cell)| !cell.leaving) {
        if positions.rule == Rule::Signal && (cell.shares != 0.0 || weights[symbol] == 0.0) {
            continue;
        }
        cell.order = None;
        let price = close[[row, symbol]];
        let target = if weights[symbol] == 0.0 { 0.0 } else { weights[symbol] * equity / price };
        let sold_out = target == 0.0 && cell.shares != 0.0;
        if sold_out || (target - cell.shares).abs() * price > ROUNDING * equity {
            let (volatility, range) =
                (value(&signals.stop_volatility, symbol), value(&signals.average_true_range, symbol));
            let score = signals.score.as_ref().map_or(0.0, |score| score[[row, symbol]]);
            let rank = if target < 0.0 { -score } else { score };
            cell.order = Some(Ordered { target, rank, volatility, range });
        }
    }
    Some(if positions.rule == Rule::Weights { usize::MAX } else { count_of(positions.count, close, row) })
}

fn count_of(count: Count, close: &Array2<f64>, row: usize) -> usize {
    let members = close.row(row).iter().filter(|price| !price.is_nan()).count();
    match count {
        Count::Number(number) => number as usize,
        Count::Fraction(fraction) => ((fraction * members as f64).round() as usize).max(1),
    }
}

fn stopped(exits: &Exits, cell: &Cell, row: usize) -> bool {
    let long = cell.shares > 0.0;
    let (up, down) = (if long { 1.0 } else { -1.0 }, if long { -1.0 } else { 1.0 });
    let beyond = |level: f64| if long { cell.mark <= level } else { cell.mark >= level };
    let reached = |level: f64, price: f64| if long { price >= level } else { price <= level };
    let mut out = false;
    if let Some(loss) = exits.stop_loss {
        out |= beyond(cell.entry * (1.0 + down * loss));
    }
    if let Some(stop) = exits.trailing_stop {
        out |= reached(cell.entry * (1.0 + up * stop.activation), cell.best)
            && beyond(cell.best * (1.0 + down * stop.trail));
    }
    if let Some(gain) = exits.take_profit {
        out |= reached(cell.entry * (1.0 + up * gain), cell.mark);
    }
    if let Some(bars) = exits.max_holding {
        out |= row >= cell.entry_row + bars as usize;
    }
    if let Some(stop) = exits.volatility_stop {
        out |= beyond(cell.entry * (1.0 + down * stop.multiplier * cell.volatility));
    }
    if let Some(stop) = exits.atr_stop {
        out |= beyond(cell.entry + down * stop.multiplier * cell.range);
    }
    out
}

fn target_weights(cells: &[Cell], row: usize, stuck: usize, world: &World) -> Vec<f64> {
    let World { close, signals, positions, .. } = world;
    let Signals { score, entry, exit, weight_volatility, .. } = signals;
    let Positions { rule, count, weight, .. } = *positions;
    let count = count_of(count, close, row);
    let score_of = |symbol: usize| score.as_ref().map_or(0.0, |score| score[[row, symbol]]);
    let mut able: Vec<usize> = (0..cells.len())
        .filter(|&symbol| {
            let held = cells[symbol].shares != 0.0;
            let enters = entry.as_ref().is_none_or(|entry| entry[[row, symbol]] == 1.0);
            let exits = exit.as_ref().is_some_and(|exit| exit[[row, symbol]] == 1.0);
            let sized = weight != Weighting::InverseVolatility
                || weight_volatility.as_ref().is_some_and(|volatility| volatility[[row, symbol]] > 0.0);
            let may = if rule == Rule::Signal {
                !held && enters
            } else {
                (held && !cells[symbol].leaving) || (!held && enters)
            };
            may && !exits && sized && !close[[row, symbol]].is_nan() && !score_of(symbol).is_nan()
        })
        .collect();
    // A stable sort keeps ties in symbol order.
    able.sort_by(|&a, &b| score_of(b).total_cmp(&score_of(a)));

    let mut weights = vec![0.0; cells.len()];
    let mut share = |chosen: &[usize], part: f64| {
        let sign = part.signum();
        let worst = chosen.iter().map(|&symbol| sign * score_of(symbol)).fold(f64::INFINITY, f64::min);
        let mut raw: Vec<f64> = chosen
            .iter()
            .map(|&symbol| match weight {
                Weighting::Equal => 1.0,
                Weighting::Score => sign * score_of(symbol) - worst,
                Weighting::InverseVolatility => 1.0 / weight_volatility.as_ref().expect("sized")[[row, symbol]],
            })
            .collect();
        if raw.iter().all(|&raw| raw == 0.0) {
            raw.fill(1.0);
        }
        let total: f64 = raw.iter().sum();
        for (&symbol, raw) in chosen.iter().zip(raw) {
            weights[symbol] = part * raw / total;
        }
    };
    match rule {
        Rule::Top => share(&able[..count.min(able.len())], 1.0),
        Rule::LongShort => {
            let side = count.min(able.len() / 2);
            share(&able[..side], 0.5);
            let mut rest = able[side..].to_vec();
            rest.sort_by(|&a, &b| score_of(a).total_cmp(&score_of(b)).then(a.cmp(&b)));
            share(&rest[..side], -0.5);
        }
        Rule::Signal => {
            let staying = cells.iter().filter(|cell| cell.shares != 0.0 && !cell.leaving).count();
            let free = count.saturating_sub(staying + stuck);
            let chosen = &able[..free.min(able.len())];
            share(chosen, chosen.len() as f64 / count as f64);
        }
        Rule::Weights => {
            let gross: f64 = able.iter().map(|&symbol| score_of(symbol).abs()).sum();
            for &symbol in &able {
                weights[symbol] = score_of(symbol) / gross.max(1.0);
            }
        }
    }
    weights
}

fn near(a: f64, b: f64, scale: f64) -> bool {
    (a - b).abs() <= 1e-9 * scale
}

fn check(seed: u64, world: &World) -> Outcome {
    let (slow, fast) = (simulate(world), world.run(Detail::Full));
    let label = world.label();
    let Settings { capital, .. } = world.settings;
    assert_eq!(fast.ruin_row, slow.ruin, "seed {seed}: {label}");
    for row in 0..slow.equity.len() {
        let scale = capital.max(slow.equity[row].abs());
        for (name, fast, slow) in [
            ("equity", fast.equity[row], slow.equity[row]),
            ("cash", fast.cash[row], slow.cash[row]),
            ("costs", fast.costs[row], slow.costs[row]),
        ] {
            assert!(near(fast, slow, scale), "seed {seed}, row {row}: {name} {fast}, slowly {slow}; {label}");
        }
    }
    assert_eq!(fast.counts.closed_trades, slow.closed, "seed {seed}: {label}");
    let mut shares = vec![0.0; slow.shares.len()];
    for held in fast.positions.iter().filter(|held| held.row + 1 == slow.equity.len()) {
        shares[held.symbol] = held.shares;
    }
    for (symbol, (fast, slow)) in shares.iter().zip(&slow.shares).enumerate() {
        assert!(near(*fast, *slow, slow.abs().max(1.0)), "seed {seed}: {fast} shares of {symbol}, slowly {slow}");
    }
    fast
}

#[test]
fn fast_and_slow_agree_on_random_worlds() {
    let (mut seen, mut ruins, mut delayed, mut cut, mut no_cash) = (Vec::new(), 0, 0, 0, 0);
    for seed in 0..6000 {
        let outcome = check(seed, &world(seed));
        seen.extend(outcome.trades.iter().filter_map(|trade| trade.reason));
        ruins += usize::from(outcome.ruin_row.is_some());
        delayed += outcome.counts.delayed;
        cut += outcome.counts.cut;
        no_cash += outcome.counts.no_cash;
    }
    // The worlds are wild enough for everything to happen.
    for reason in [
        Reason::Rebalance,
        Reason::Exit,
        Reason::StopLoss,
        Reason::TrailingStop,
        Reason::TakeProfit,
        Reason::MaxHolding,
        Reason::VolatilityStop,
        Reason::AtrStop,
        Reason::Delisted,
        Reason::Ruin,
    ] {
        assert!(seen.iter().filter(|&&found| found == reason).count() > 10, "{reason:?}");
    }
    assert!(ruins > 10 && delayed > 100 && cut > 100 && no_cash > 10, "{ruins} {delayed} {cut} {no_cash}");
}

#[test]
fn fast_and_slow_agree_on_every_rule_weighting_and_rebalance() {
    for (number, rule) in [Rule::Top, Rule::LongShort, Rule::Signal, Rule::Weights].into_iter().enumerate() {
        for weight in [Weighting::Equal, Weighting::Score, Weighting::InverseVolatility] {
            for rebalance in [Rebalance::Daily, Rebalance::Weekly, Rebalance::Monthly] {
                for fill in [Fill::NextOpen, Fill::NextClose, Fill::SameClose] {
                    // Worlds that have a score and an entry flag serve every rule.
                    let fit = |world: &World| world.signals.score.is_some() && world.signals.entry.is_some();
                    let worlds = (0..).map(|seed| (seed + 100_000 * number as u64, world(seed))).filter(|w| fit(&w.1));
                    for (seed, mut world) in worlds.take(10) {
                        world.positions = Positions { rule, weight, rebalance, ..world.positions };
                        world.settings.fill = fill;
                        check(seed, &world);
                    }
                }
            }
        }
    }
}
