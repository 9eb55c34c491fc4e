//! What a bar does to all that is held or ordered, a chunk of symbols at a time.
//!
//! The same arithmetic as for one symbol elsewhere in this folder, bit for bit, in loops without branches that the
//! compiler turns into vector instructions. Lanes that are not concerned are computed with and left as they were. Columns
//! are arguments of their own: so the compiler knows that they do not overlap. Where lanes stay as they were, they are
//! read from a copy: otherwise the compiler would store the others alone, which some processors take long to do.

use engine::compiled_for;
use engine::vectors::Vectors;
use factor::Exits;

use super::columns::{CHUNK, Chunk, Lanes, bit, is_member};
use super::costs::Proportional;
use super::desk::{Desk, Scale};
use super::holdings::{Book, Columns, Executed, average_entry};
use super::orders::Fresh;
use super::pending::{DUST, SHORT, reduced};
use super::symbols::SymbolSet;
use super::targets::Targets;

/// Who is held, and by flags told to leave; where an entry must last, those as well whose entry does not. A bit each of a
/// chunk.
pub(super) fn told(vectors: Vectors, exit: Option<&[f64]>, lasting: Option<Option<&[f64]>>, at: usize) -> u64 {
    let mut bits = 0;
    let found = &mut bits;
    compiled_for!(vectors, told_sweep[](
        exit: Option<&[f64]>, lasting: Option<Option<&[f64]>>, at: usize, found: &mut u64));
    bits
}

#[inline(always)]
fn told_sweep(exit: Option<&[f64]>, lasting: Option<Option<&[f64]>>, at: usize, found: &mut u64) {
    let told = if let Some(flags) = exit { greater(flags, at, 0.0) } else { 0 };
    let ended = match lasting {
        Some(Some(flags)) => !greater(flags, at, 0.0),
        Some(None) => u64::MAX,
        None => 0,
    };
    *found = told | ended;
}

/// Which values of a chunk of a row are greater than one, a bit each. Compiled with who calls it.
#[inline(always)]
pub(super) fn greater(row: &[f64], at: usize, than: f64) -> u64 {
    let mut room = Chunk::default();
    let row = room.of(row, at);
    let mut greater = 0;
    for lane in 0..CHUNK {
        greater |= bit(row[lane] > than, lane);
    }
    greater
}

/// Which values of a chunk of a row are finite, likewise.
#[inline(always)]
pub(super) fn finite(row: &[f64], at: usize) -> u64 {
    let mut room = Chunk::default();
    let row = room.of(row, at);
    let mut finite = 0;
    for lane in 0..CHUNK {
        // Nothing times what is not finite is NaN.
        finite |= bit(0.0 * row[lane] == 0.0, lane);
    }
    finite
}

/// Values what is held at a bar's closes, which all of it has; where asked to, follows the best close since entry. Gives
/// what it is worth.
pub(super) fn value(vectors: Vectors, columns: &mut Columns, held: &SymbolSet, close: &[f64], follows: bool) -> f64 {
    let mut total = 0.0;
    let found = &mut total;
    compiled_for!(vectors, value_sweep[](
        columns: &mut Columns, held: &SymbolSet, close: &[f64], follows: bool, found: &mut f64));
    total
}

#[inline(always)]
fn value_sweep(columns: &mut Columns, held: &SymbolSet, close: &[f64], follows: bool, found: &mut f64) {
    let (mut room, mut worth) = (Chunk::default(), Chunk::default());
    for (at, _) in held.chunks() {
        let (close, shares) = (room.of(close, at), columns.shares.chunk(at));
        value_kernel(shares, close, &mut worth.0);
        *columns.marks.chunk_mut(at) = *close;
        if follows {
            follow_kernel(shares, close, columns.entries.best.chunk_mut(at));
        }
    }
    *found = worth.sum();
}

#[inline(always)]
fn value_kernel(shares: &Lanes, close: &Lanes, worth: &mut Lanes) {
    for lane in 0..CHUNK {
        worth[lane] += if shares[lane] == 0.0 { 0.0 } else { shares[lane] * close[lane] };
    }
}

#[inline(always)]
fn follow_kernel(shares: &Lanes, close: &Lanes, best: &mut Lanes) {
    let before = *best;
    for lane in 0..CHUNK {
        // Where less is better, signs turn it round.
        let (now, then) = (close[lane].copysign(shares[lane]), before[lane].copysign(shares[lane]));
        let is_better = (close[lane] > 0.0) & (now > then);
        best[lane] = if is_better { close[lane] } else { before[lane] };
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
    compiled_for!(vectors, due_sweep[](
        levels: &Levels, columns: &Columns, held: &SymbolSet, leaving: &SymbolSet, due: &mut SymbolSet));
}

#[inline(always)]
fn due_sweep(levels: &Levels, columns: &Columns, held: &SymbolSet, leaving: &SymbolSet, due: &mut SymbolSet) {
    due.clear();
    let Columns { shares, marks, entries, .. } = columns;
    for (at, held) in held.chunks() {
        let bits = due_kernel(
            levels,
            shares.chunk(at),
            marks.chunk(at),
            entries.price.chunk(at),
            entries.best.chunk(at),
            entries.row.chunk(at),
            entries.measures.volatility.chunk(at),
            entries.measures.average_true_range.chunk(at),
        );
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
) -> u64 {
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
    due
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
    compiled_for!(book.vectors, order_sweep[](
        decision: &Decision<'_>, targets: &Targets, book: &mut Book, orders: &mut Fresh));
}

#[inline(always)]
fn order_sweep(decision: &Decision<'_>, targets: &Targets, book: &mut Book, orders: &mut Fresh) {
    let (mut room, mut more_room, alike) = (Chunk::default(), Chunk::default(), Chunk::default());
    for (at, chosen) in targets.chosen.chunks() {
        let close = room.of(decision.close, at);
        let given = order_kernel(
            &decision.limits,
            chosen,
            close,
            decision.score.map_or(&alike.0, |score| more_room.of(score, at)),
            targets.weights.chunk(at),
            book.columns.shares.chunk(at),
            orders.target.chunk_mut(at),
            orders.rank.chunk_mut(at),
            orders.weight.chunk_mut(at),
        );
        orders.waiting.join_chunk(at, given);
        book.columns.note(at, given & !book.held().chunk(at), close);
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
) -> u64 {
    let Limits { equity, band, least } = *limits;
    let dust = DUST * equity;
    let mut given = 0;
    let (old_target, old_rank, old_part) = (*target, *rank, *part);
    for lane in 0..CHUNK {
        let worth = weight[lane] * equity / close[lane];
        let shares = if weight[lane] == 0.0 { 0.0 } else { worth };
        let closes = (shares == 0.0) & (held[lane] != 0.0);
        let change = ((shares - held[lane]) * close[lane]).abs();
        let stays = (shares * held[lane] > 0.0) & (change < band);
        let is_traded = (change > dust) & (change >= least) & !stays;
        let is_given = is_member(chosen, lane) & (closes | is_traded);
        target[lane] = if is_given { shares } else { old_target[lane] };
        // Adding 0 makes one zero of two.
        let signed = score[lane] * 1.0_f64.copysign(weight[lane]) + 0.0;
        rank[lane] = if is_given { signed } else { old_rank[lane] };
        part[lane] = if is_given { weight[lane] } else { old_part[lane] };
        given |= bit(is_given, lane);
    }
    given
}

/// What orders of a chunk do, a bit each.
#[derive(Debug, Clone, Copy, Default)]
struct Doing {
    /// They reduce or close a position,
    reduce: u64,
    /// and these leave nothing of it.
    close: u64,
    /// They open or increase a position, short or long.
    sell: u64,
    buy: u64,
    /// What is held after all that is reduced.
    held: u64,
}

/// Executes what orders reduce or close, as far as they have a price, and says of the others what they will do then;
/// gives the money that openings want, by side.
pub(super) fn reduce(orders: &mut Fresh, prices: &[f64], book: &mut Book, desk: &mut Desk<'_>) -> [f64; 2] {
    let mut wanted = [0.0; 2];
    let found = &mut wanted;
    compiled_for!(book.vectors, reduce_sweep[](
        orders: &mut Fresh, prices: &[f64], book: &mut Book, desk: &mut Desk<'_>, found: &mut [f64; 2]));
    wanted
}

#[inline(always)]
fn reduce_sweep(orders: &mut Fresh, prices: &[f64], book: &mut Book, desk: &mut Desk<'_>, found: &mut [f64; 2]) {
    let costs = desk.settings.costs.proportional();
    let (mut room, mut longs, mut shorts) = (Chunk::default(), Chunk::default(), Chunk::default());
    let Fresh { waiting, target, reduced, opening: [buying, selling], .. } = orders;
    for set in [&mut *reduced, &mut *buying, &mut *selling] {
        set.clear();
    }
    for (at, ordered) in waiting.chunks() {
        let doing = reduce_kernel(
            &costs,
            ordered,
            room.of(prices, at),
            target.chunk(at),
            book.columns.shares.chunk_mut(at),
            &mut desk.till.cash.0,
            &mut desk.till.traded.0,
            &mut longs.0,
            &mut shorts.0,
        );
        book.hold(at, doing.held);
        reduced.put_chunk(at, doing.reduce);
        buying.put_chunk(at, doing.buy);
        selling.put_chunk(at, doing.sell);
        let counts = desk.recorder.counts();
        counts.closed_trades += doing.close.count_ones() as usize;
        counts.fills += (doing.reduce & !doing.buy & !doing.sell).count_ones() as usize;
    }
    *found = [longs.sum(), shorts.sum()];
}

/// Executes what orders open or increase on a side, all of it scaled.
pub(super) fn open(side: usize, scale: Scale, orders: &Fresh, prices: &[f64], book: &mut Book, desk: &mut Desk<'_>) {
    compiled_for!(book.vectors, open_sweep[](
        side: usize, scale: Scale, orders: &Fresh, prices: &[f64], book: &mut Book, desk: &mut Desk<'_>));
}

#[inline(always)]
fn open_sweep(side: usize, scale: Scale, orders: &Fresh, prices: &[f64], book: &mut Book, desk: &mut Desk<'_>) {
    let costs = desk.settings.costs.proportional();
    let dust = DUST * desk.equity;
    let factor = scale.room * scale.cash;
    let mut room = Chunk::default();
    for (at, wanting) in orders.opening[side].chunks() {
        let (price, target) = (room.of(prices, at), orders.target.chunk(at));
        let shares = book.columns.shares.chunk_mut(at);
        let before = *shares;
        let (cash, traded) = (&mut desk.till.cash.0, &mut desk.till.traded.0);
        let opened = open_kernel(&costs, side == SHORT, dust, factor, wanting, price, target, shares, cash, traded);
        let held = book.held().chunk(at);
        let executed = Executed { opened: opened & !held, increased: opened & held };
        book.columns.note_executed(at, executed, desk.row, price, &before, &orders.measures);
        book.hold(at, opened | held);
        let counts = desk.recorder.counts();
        let crumbs = (wanting & !opened).count_ones() as usize;
        if scale.room < scale.cash {
            counts.blocked += crumbs
        } else {
            counts.no_cash += crumbs
        }
        counts.fills += (opened | (wanting & orders.reduced.chunk(at))).count_ones() as usize;
        counts.cut += if factor < 1.0 - DUST { opened.count_ones() as usize } else { 0 };
    }
}

#[inline(always)]
#[expect(clippy::too_many_arguments, reason = "columns that do not overlap")]
fn reduce_kernel(
    costs: &Proportional,
    ordered: u64,
    price: &Lanes,
    target: &Lanes,
    shares: &mut Lanes,
    cash: &mut Lanes,
    traded: &mut Lanes,
    longs: &mut Lanes,
    shorts: &mut Lanes,
) -> Doing {
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
        longs[lane] += if is_short { 0.0 } else { more };
        shorts[lane] += if is_short { more } else { 0.0 };
        doing.reduce |= bit(left != held, lane);
        doing.close |= bit((left != held) & (left == 0.0), lane);
        doing.held |= bit(left != 0.0, lane);
        doing.buy |= bit(opens & !is_short, lane);
        doing.sell |= bit(opens & is_short, lane);
    }
    doing
}

/// Opens or increases what is no crumb; says which.
#[inline(always)]
#[expect(clippy::too_many_arguments, reason = "columns that do not overlap")]
fn open_kernel(
    costs: &Proportional,
    is_short: bool,
    dust: f64,
    factor: f64,
    wanting: u64,
    price: &Lanes,
    target: &Lanes,
    shares: &mut Lanes,
    cash: &mut Lanes,
    traded: &mut Lanes,
) -> u64 {
    let (costs, is_scaled) = (*costs, factor < 1.0);
    let mut opened = 0;
    for lane in 0..CHUNK {
        let wants = is_member(wanting, lane);
        let held = shares[lane];
        let price = if wants { price[lane] } else { 0.0 };
        let scaled = held + (target[lane] - held) * factor;
        let reach = if is_scaled { scaled } else { target[lane] };
        let opens = wants & ((reach - held).abs() * price > dust);
        let reach = if opens { reach } else { held };
        let value = (reach - held).abs() * price;
        cash[lane] += (held - reach) * price - costs.of(value, is_short);
        traded[lane] += value;
        shares[lane] = reach;
        opened |= bit(opens, lane);
    }
    opened
}

/// Follows the average entry price of positions that were increased.
#[inline(always)]
pub(super) fn average(price: &Lanes, before: &Lanes, shares: &Lanes, increased: u64, entry: &mut Lanes) {
    let old = *entry;
    for lane in 0..CHUNK {
        let average = average_entry(old[lane], before[lane], shares[lane], price[lane]);
        entry[lane] = if is_member(increased, lane) { average } else { old[lane] };
    }
}
