//! What a bar does to all that is held or ordered, a chunk of symbols at a time.
//!
//! The same arithmetic as for one symbol elsewhere in this folder, bit for bit, in loops without branches that the
//! compiler turns into vector instructions. Lanes that are not concerned are computed with and left as they were. Columns
//! are arguments of their own: so the compiler knows that they do not overlap.

use engine::compiled_for;
use engine::vectors::Vectors;
use factor::Exits;

use super::columns::{CHUNK, Chunk, Lanes, bit, is_member};
use super::costs::Proportional;
use super::desk::{Desk, Till};
use super::holdings::{Book, Columns, average_entry};
use super::orders::Fresh;
use super::pending::{DUST, reduced};
use super::symbols::SymbolSet;
use super::targets::Targets;

/// What holdings come to at a bar's closes.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Valuation {
    /// Money.
    pub(super) worth: f64,
    /// Most bars, in a row up to now, that any has had no close for.
    pub(super) longest: f64,
}

/// Values what is held at a bar's closes; where asked to, follows the best close since entry.
pub(super) fn value(
    vectors: Vectors,
    columns: &mut Columns,
    held: &SymbolSet,
    close: &[f64],
    follows_closes: bool,
) -> Valuation {
    let (mut room, mut total, mut without) = (Chunk::default(), Chunk::default(), Chunk::default());
    let (worth, longest) = (&mut total.0, &mut without.0);
    for (at, _) in held.chunks() {
        let close = room.of(close, at);
        let shares = columns.shares.chunk(at);
        let (marks, missing) = (columns.marks.chunk_mut(at), columns.missing.chunk_mut(at));
        compiled_for!(vectors, value_kernel[](
            shares: &Lanes, close: &Lanes, marks: &mut Lanes, missing: &mut Lanes, worth: &mut Lanes, longest: &mut Lanes));
        if follows_closes {
            let best = columns.entries.best.chunk_mut(at);
            compiled_for!(vectors, follow_kernel[](shares: &Lanes, close: &Lanes, best: &mut Lanes));
        }
    }
    Valuation { worth: total.sum(), longest: without.0.into_iter().fold(0.0, f64::max) }
}

#[inline(always)]
fn value_kernel(
    shares: &Lanes,
    close: &Lanes,
    marks: &mut Lanes,
    missing: &mut Lanes,
    worth: &mut Lanes,
    longest: &mut Lanes,
) {
    for lane in 0..CHUNK {
        let known = close[lane] > 0.0;
        marks[lane] = if known { close[lane] } else { marks[lane] };
        let counted = if shares[lane] == 0.0 { 0.0 } else { missing[lane] + 1.0 };
        missing[lane] = if known { 0.0 } else { counted };
        worth[lane] += shares[lane] * marks[lane];
        longest[lane] = if missing[lane] > longest[lane] { missing[lane] } else { longest[lane] };
    }
}

#[inline(always)]
fn follow_kernel(shares: &Lanes, close: &Lanes, best: &mut Lanes) {
    for lane in 0..CHUNK {
        // Where less is better, signs turn it round.
        let (now, then) = (close[lane].copysign(shares[lane]), best[lane].copysign(shares[lane]));
        let is_better = (close[lane] > 0.0) & (now > then);
        best[lane] = if is_better { close[lane] } else { best[lane] };
    }
}

/// Levels of exits; NaN where there is none, since no comparison with it is true.
#[derive(Debug, Clone, Copy)]
struct Levels {
    stop_loss: f64,
    activation: f64,
    trail: f64,
    take_profit: f64,
    max_holding: f64,
    volatility: f64,
    average_true_range: f64,
    row: f64,
}

/// Which positions [`exits::due`](super::exits::due) closes on a bar's close, those that leave already left out.
pub(super) fn due(
    vectors: Vectors,
    columns: &Columns,
    held: &SymbolSet,
    leaving: &SymbolSet,
    exits: &Exits,
    row: usize,
    due: &mut SymbolSet,
) {
    let or_none = |level: Option<f64>| level.unwrap_or(f64::NAN);
    let levels = &Levels {
        stop_loss: or_none(exits.stop_loss),
        activation: or_none(exits.trailing_stop.map(|stop| stop.activation)),
        trail: or_none(exits.trailing_stop.map(|stop| stop.trail)),
        take_profit: or_none(exits.take_profit),
        max_holding: or_none(exits.max_holding.map(f64::from)),
        volatility: or_none(exits.volatility_stop.map(|stop| stop.multiplier)),
        average_true_range: or_none(exits.atr_stop.map(|stop| stop.multiplier)),
        row: row as f64,
    };
    due.clear();
    for (at, held) in held.chunks() {
        let mut bits = 0;
        let (shares, marks) = (columns.shares.chunk(at), columns.marks.chunk(at));
        let entries = &columns.entries;
        let (entry, best, since) = (entries.price.chunk(at), entries.best.chunk(at), entries.row.chunk(at));
        let volatility = entries.measures.volatility.chunk(at);
        let range = entries.measures.average_true_range.chunk(at);
        let found = &mut bits;
        compiled_for!(vectors, due_kernel[](
            levels: &Levels,
            shares: &Lanes,
            marks: &Lanes,
            entry: &Lanes,
            best: &Lanes,
            since: &Lanes,
            volatility: &Lanes,
            range: &Lanes,
            found: &mut u64,
        ));
        due.put_chunk(at, bits & held & !leaving.chunk(at));
    }
}

#[inline(always)]
#[expect(clippy::too_many_arguments, reason = "columns that do not overlap")]
fn due_kernel(
    levels: &Levels,
    shares: &Lanes,
    marks: &Lanes,
    entry: &Lanes,
    best: &Lanes,
    since: &Lanes,
    volatility: &Lanes,
    range: &Lanes,
    found: &mut u64,
) {
    let levels = *levels;
    let mut due = 0;
    for lane in 0..CHUNK {
        let side = if shares[lane] < 0.0 { -1.0 } else { 1.0 };
        let gain = side * (marks[lane] - entry[lane]);
        let armed = side * (best[lane] - entry[lane]) >= levels.activation * entry[lane];
        let fallen = side * (marks[lane] - best[lane]) <= -levels.trail * best[lane];
        let is_due = (gain <= -(levels.stop_loss * entry[lane]))
            | (armed & fallen)
            | (gain >= levels.take_profit * entry[lane])
            | (levels.row - since[lane] >= levels.max_holding)
            | (gain <= -(levels.volatility * (volatility[lane] * entry[lane])))
            | (gain <= -(levels.average_true_range * range[lane]));
        due |= bit(is_due, lane);
    }
    *found = due;
}

/// A close at which targets become orders.
#[derive(Debug, Clone, Copy)]
pub(super) struct Decision<'a> {
    pub(super) close: &'a [f64],
    /// `None` where there are no scores: all are alike then.
    pub(super) score: Option<&'a [f64]>,
    pub(super) stop_volatility: Option<&'a [f64]>,
    pub(super) average_true_range: Option<&'a [f64]>,
    pub(super) limits: Limits,
}

/// What decides whether a change is traded, in money.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) equity: f64,
    /// What is held may be so far away from its target.
    pub(super) band: f64,
    /// Least that is traded.
    pub(super) least: f64,
}

/// Orders from what is held to the weights of those chosen.
pub(super) fn order(decision: &Decision<'_>, targets: &Targets, book: &mut Book, orders: &mut Fresh) {
    let (mut room, mut more_room) = (Chunk::default(), Chunk::default());
    let limits = &decision.limits;
    for (at, chosen) in targets.chosen.chunks() {
        let (mut bits, alike) = (0, Chunk::default());
        let close = room.of(decision.close, at);
        let score = decision.score.map_or(&alike.0, |score| more_room.of(score, at));
        let (weight, held) = (targets.weights.chunk(at), book.columns.shares.chunk(at));
        let (target, rank, part) =
            (orders.target.chunk_mut(at), orders.rank.chunk_mut(at), orders.weight.chunk_mut(at));
        let found = &mut bits;
        compiled_for!(book.vectors, order_kernel[](
            limits: &Limits,
            chosen: u64,
            close: &Lanes,
            score: &Lanes,
            weight: &Lanes,
            held: &Lanes,
            target: &mut Lanes,
            rank: &mut Lanes,
            part: &mut Lanes,
            found: &mut u64,
        ));
        orders.waiting.join_chunk(at, bits);
        let opened = bits & !book.held().chunk(at);
        book.columns.note(at, opened, close);
        if orders.measures.is_kept() {
            if let Some(volatility) = decision.stop_volatility {
                *orders.measures.volatility.chunk_mut(at) = *more_room.of(volatility, at);
            }
            if let Some(range) = decision.average_true_range {
                *orders.measures.average_true_range.chunk_mut(at) = *more_room.of(range, at);
            }
        }
    }
}

#[inline(always)]
#[expect(clippy::too_many_arguments, reason = "columns that do not overlap")]
fn order_kernel(
    limits: &Limits,
    chosen: u64,
    close: &Lanes,
    score: &Lanes,
    weight: &Lanes,
    held: &Lanes,
    target: &mut Lanes,
    rank: &mut Lanes,
    part: &mut Lanes,
    found: &mut u64,
) {
    let Limits { equity, band, least } = *limits;
    let dust = DUST * equity;
    let mut given = 0;
    for lane in 0..CHUNK {
        let worth = weight[lane] * equity / close[lane];
        let shares = if weight[lane] == 0.0 { 0.0 } else { worth };
        let closes = (shares == 0.0) & (held[lane] != 0.0);
        let change = ((shares - held[lane]) * close[lane]).abs();
        let stays = (shares * held[lane] > 0.0) & (change < band);
        let is_traded = (change > dust) & (change >= least) & !stays;
        let is_given = is_member(chosen, lane) & (closes | is_traded);
        target[lane] = if is_given { shares } else { target[lane] };
        // Adding 0 makes one zero of two.
        let signed = score[lane] * 1.0_f64.copysign(weight[lane]) + 0.0;
        rank[lane] = if is_given { signed } else { rank[lane] };
        part[lane] = if is_given { weight[lane] } else { part[lane] };
        given |= bit(is_given, lane);
    }
    *found = given;
}

/// What orders of a chunk do, a bit each.
#[derive(Debug, Clone, Copy, Default)]
struct Doing {
    /// They reduce or close a position,
    reduce: u64,
    /// and these leave nothing of it.
    close: u64,
    /// They open or increase a short position, or would if it were not for a crumb.
    sell: u64,
    sell_crumb: u64,
    /// They would open or increase a long one.
    buy: u64,
    /// What is held after all that is reduced.
    held: u64,
}

/// Fills all orders: none of them waits for a price, and none is in the way of another.
pub(super) fn fill(orders: &mut Fresh, prices: &[f64], priced: &[u64], book: &mut Book, desk: &mut Desk<'_>) {
    for (waiting, priced) in orders.waiting.words_mut().iter_mut().zip(priced) {
        desk.recorder.counts().untradable += (*waiting & !priced).count_ones() as usize;
        *waiting &= priced;
    }
    let costs = &desk.settings.costs.proportional();
    let dust = DUST * desk.equity;
    let (mut room, mut total) = (Chunk::default(), Chunk::default());
    let (mut reductions, mut shorts, mut longs) = (Till::default(), Till::default(), Till::default());
    orders.buying.clear();
    for (at, ordered) in orders.waiting.chunks() {
        let mut doing = Doing::default();
        let (price, target) = (room.of(prices, at), orders.target.chunk(at));
        let shares = book.columns.shares.chunk_mut(at);
        let (cash, traded) = (&mut reductions.cash.0, &mut reductions.traded.0);
        let (wanted, found) = (&mut total.0, &mut doing);
        compiled_for!(book.vectors, reduce_kernel[](
            costs: &Proportional,
            dust: f64,
            ordered: u64,
            price: &Lanes,
            target: &Lanes,
            shares: &mut Lanes,
            cash: &mut Lanes,
            traded: &mut Lanes,
            wanted: &mut Lanes,
            found: &mut Doing,
        ));
        if doing.sell != 0 {
            let before = *shares;
            let (cash, traded) = (&mut shorts.cash.0, &mut shorts.traded.0);
            let bits = doing.sell;
            compiled_for!(book.vectors, sell_kernel[](
                costs: &Proportional,
                bits: u64,
                price: &Lanes,
                target: &Lanes,
                shares: &mut Lanes,
                cash: &mut Lanes,
                traded: &mut Lanes,
            ));
            book.columns.note_opened(book.vectors, at, doing.sell, desk.row, price, &before, &orders.measures);
        }
        book.hold(at, doing.held | doing.sell);
        orders.buying.put_chunk(at, doing.buy);
        orders.reduced.put_chunk(at, doing.reduce);
        let counts = desk.recorder.counts();
        counts.closed_trades += doing.close.count_ones() as usize;
        counts.no_cash += doing.sell_crumb.count_ones() as usize;
        counts.fills += ((doing.reduce | doing.sell) & !doing.buy).count_ones() as usize;
    }
    for till in [reductions, shorts] {
        desk.till = till;
        desk.settle(book);
    }
    let wanted = total.sum();
    if wanted <= 0.0 {
        return;
    }
    let needed = wanted * (1.0 + desk.settings.costs.buy_rate());
    let available = desk.available(book);
    let factor = if needed > available { available / needed } else { 1.0 };
    let is_cut = factor < 1.0 - DUST;
    for (at, buying) in orders.buying.chunks() {
        let mut bought = 0;
        let (price, target) = (room.of(prices, at), orders.target.chunk(at));
        let shares = book.columns.shares.chunk_mut(at);
        let before = *shares;
        let (cash, traded) = (&mut longs.cash.0, &mut longs.traded.0);
        let found = &mut bought;
        compiled_for!(book.vectors, buy_kernel[](
            costs: &Proportional,
            dust: f64,
            factor: f64,
            buying: u64,
            price: &Lanes,
            target: &Lanes,
            shares: &mut Lanes,
            cash: &mut Lanes,
            traded: &mut Lanes,
            found: &mut u64,
        ));
        book.columns.note_opened(book.vectors, at, bought, desk.row, price, &before, &orders.measures);
        book.hold(at, bought | book.held().chunk(at));
        let counts = desk.recorder.counts();
        counts.no_cash += (buying & !bought).count_ones() as usize;
        counts.fills += (bought | (buying & orders.reduced.chunk(at))).count_ones() as usize;
        counts.cut += if is_cut { bought.count_ones() as usize } else { 0 };
    }
    desk.till = longs;
    desk.settle(book);
}

/// Reduces and closes positions, and says what orders will do then.
#[inline(always)]
#[expect(clippy::too_many_arguments, reason = "columns that do not overlap")]
fn reduce_kernel(
    costs: &Proportional,
    dust: f64,
    ordered: u64,
    price: &Lanes,
    target: &Lanes,
    shares: &mut Lanes,
    cash: &mut Lanes,
    traded: &mut Lanes,
    wanted: &mut Lanes,
    found: &mut Doing,
) {
    let costs = *costs;
    let mut doing = Doing::default();
    for lane in 0..CHUNK {
        let is_ordered = is_member(ordered, lane);
        let held = shares[lane];
        let price = if is_ordered { price[lane] } else { 0.0 };
        let reach = if is_ordered { target[lane] } else { held };
        let left = reduced(held, reach);
        let value = (left - held).abs() * price;
        cash[lane] += (held - left) * price - costs.of(value, left < held);
        traded[lane] += value;
        shares[lane] = left;
        let more = (reach - left).abs() * price;
        let (opens, is_short) = (reach != left, reach < 0.0);
        wanted[lane] += if is_short { 0.0 } else { more };
        doing.reduce |= bit(left != held, lane);
        doing.close |= bit((left != held) & (left == 0.0), lane);
        doing.held |= bit(left != 0.0, lane);
        doing.buy |= bit(opens & !is_short, lane);
        doing.sell |= bit(opens & is_short & (more > dust), lane);
        doing.sell_crumb |= bit(opens & is_short, lane);
    }
    doing.sell_crumb &= !doing.sell;
    *found = doing;
}

/// Sells short.
#[inline(always)]
fn sell_kernel(
    costs: &Proportional,
    bits: u64,
    price: &Lanes,
    target: &Lanes,
    shares: &mut Lanes,
    cash: &mut Lanes,
    traded: &mut Lanes,
) {
    let costs = *costs;
    for lane in 0..CHUNK {
        let sells = is_member(bits, lane);
        let held = shares[lane];
        let price = if sells { price[lane] } else { 0.0 };
        let reach = if sells { target[lane] } else { held };
        let value = (reach - held).abs() * price;
        cash[lane] += (held - reach) * price - costs.of(value, true);
        traded[lane] += value;
        shares[lane] = reach;
    }
}

/// Buys what is no crumb, all of it scaled by one factor; says what was bought.
#[inline(always)]
#[expect(clippy::too_many_arguments, reason = "columns that do not overlap")]
fn buy_kernel(
    costs: &Proportional,
    dust: f64,
    factor: f64,
    buying: u64,
    price: &Lanes,
    target: &Lanes,
    shares: &mut Lanes,
    cash: &mut Lanes,
    traded: &mut Lanes,
    found: &mut u64,
) {
    let (costs, is_scaled) = (*costs, factor < 1.0);
    let mut bought = 0;
    for lane in 0..CHUNK {
        let wants = is_member(buying, lane);
        let held = shares[lane];
        let price = if wants { price[lane] } else { 0.0 };
        let scaled = held + (target[lane] - held) * factor;
        let reach = if is_scaled { scaled } else { target[lane] };
        let buys = wants & ((reach - held).abs() * price > dust);
        let reach = if buys { reach } else { held };
        let value = (reach - held).abs() * price;
        cash[lane] += (held - reach) * price - costs.of(value, false);
        traded[lane] += value;
        shares[lane] = reach;
        bought |= bit(buys, lane);
    }
    *found = bought;
}

/// Follows the average entry price of positions that were increased.
pub(super) fn average(
    vectors: Vectors,
    price: &Lanes,
    before: &Lanes,
    shares: &Lanes,
    increased: u64,
    entry: &mut Lanes,
) {
    compiled_for!(vectors, average_kernel[](
        price: &Lanes, before: &Lanes, shares: &Lanes, increased: u64, entry: &mut Lanes));
}

#[inline(always)]
fn average_kernel(price: &Lanes, before: &Lanes, shares: &Lanes, increased: u64, entry: &mut Lanes) {
    for lane in 0..CHUNK {
        let average = average_entry(entry[lane], before[lane], shares[lane], price[lane]);
        entry[lane] = if is_member(increased, lane) { average } else { entry[lane] };
    }
}
