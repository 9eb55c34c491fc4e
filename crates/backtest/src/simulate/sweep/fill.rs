//! Fills: sales before buys.

#![expect(clippy::needless_bitwise_bool, reason = "what need not be computed still costs less than a branch")]

use engine::compiled_for;

use crate::simulate::columns::{CHUNK, Chunk, Lanes, bit, is_member};
use crate::simulate::costs::Proportional;
use crate::simulate::desk::{Desk, Scale};
use crate::simulate::entries::average_entry;
use crate::simulate::holdings::{Book, Executed};
use crate::simulate::orders::Fresh;
use crate::simulate::pending::{DUST, SHORT, reduced};

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
pub(in crate::simulate) fn reduce(
    orders: &mut Fresh,
    prices: &[f64],
    book: &mut Book,
    desk: &mut Desk<'_>,
) -> [f64; 2] {
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
pub(in crate::simulate) fn open(
    side: usize,
    scale: Scale,
    orders: &Fresh,
    prices: &[f64],
    book: &mut Book,
    desk: &mut Desk<'_>,
) {
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
            counts.blocked += crumbs;
        } else {
            counts.no_cash += crumbs;
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
    let (mut reduce, mut left_over, mut buy, mut sell) = (0, 0, 0, 0);
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
        reduce |= bit(left != held, lane);
        left_over |= bit(left != 0.0, lane);
        buy |= bit(opens & !is_short, lane);
        sell |= bit(opens & is_short, lane);
    }
    let [reduce, held, buy, sell] = [reduce, left_over, buy, sell].map(u64::from);
    Doing { reduce, close: reduce & !held, sell, buy, held }
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
    u64::from(opened)
}

/// Follows the average entry price of positions that were increased.
#[inline(always)]
pub(in crate::simulate) fn average(price: &Lanes, before: &Lanes, shares: &Lanes, increased: u64, entry: &mut Lanes) {
    let old = *entry;
    for lane in 0..CHUNK {
        let average = average_entry(old[lane], before[lane], shares[lane], price[lane]);
        entry[lane] = if is_member(increased, lane) { average } else { old[lane] };
    }
}
