//! Fills one by one, whatever is in their way: sales before buys.

use super::columns::{CHUNK, Chunk};
use super::desk::{Buy, Desk, Scale};
use super::exits::MeasureColumns;
use super::holdings::Book;
use super::outcome::Fate;
use super::pending::{DUST, LONG, Pending, SHORT, Stage, reduced, side};
use super::settings::{CashShort, Settings, SizeAt};

/// Orders that are filled, and those that wait.
#[derive(Debug, Default)]
pub(super) struct Fills {
    /// In symbol order. Between bars, what waits since earlier decisions.
    pub(super) list: Vec<Pending>,
    /// Places in the list, during a bar's fills: of what reduces or closes positions,
    reductions: Vec<u32>,
    /// of what opens or increases them, by side,
    openings: [Vec<u32>; 2],
    /// and of what has no price.
    unpriced: Vec<u32>,
}

impl Fills {
    /// Fills what can be filled of the list at one bar's prices, `[symbols]`. What waits keeps its slot, of `slots` a side,
    /// and its part of the book: see [`make_room`].
    pub(super) fn fill(&mut self, prices: &[f64], measures: &MeasureColumns, book: &mut Book, desk: &mut Desk<'_>) {
        for order in &mut self.list {
            order.price = prices[order.symbol()];
        }
        if desk.settings.size_at == SizeAt::Fill {
            self.size(prices, book, desk.settings);
        }
        let mut wanted = self.sort_out(book, desk);
        if desk.settings.cash_short == CashShort::RejectEarly {
            wanted[LONG] -= self.reject_early(book, desk);
        }
        let mut waiting = [0.0; 2];
        for &place in &self.reductions {
            let order = &mut self.list[place as usize];
            if order.stage == Stage::Done {
                continue;
            }
            let (side, value) = desk.reduce(order, book);
            waiting[side] += value;
        }
        desk.settle(book);
        for &place in &self.unpriced {
            let order = &mut self.list[place as usize];
            if book.held().contains(order.symbol()) {
                let (side, value) = desk.delay(order, book);
                waiting[side] += value;
            } else {
                desk.drop_untradable(order);
            }
        }
        if wanted != [0.0; 2] {
            let room = if waiting == [0.0; 2] {
                [1.0; 2]
            } else {
                let openings = [LONG, SHORT].map(|which| self.to_open(which));
                make_room(&mut wanted, waiting, openings, prices, book, desk, |_, at, desk| {
                    desk.drop_blocked(&mut self.list[at]);
                })
            };
            if wanted[SHORT] > 0.0 {
                self.open(SHORT, measures, book, desk, |_, _, _| Scale { room: room[SHORT], cash: 1.0 });
            }
            let room = room[LONG];
            if wanted[LONG] > 0.0 && desk.settings.cash_short == CashShort::InTurn {
                self.sort_buys_by_size(desk);
                self.open(LONG, measures, book, desk, |order, book, desk| Scale {
                    room,
                    cash: desk.covered(&[desk.buy(order, room)], book),
                });
            } else if wanted[LONG] > 0.0 {
                let cash = self.affordable(wanted[LONG] * room, room, book, desk);
                self.open(LONG, measures, book, desk, |_, _, _| Scale { room, cash });
            }
        }
        if self.list.iter().all(|order| order.stage != Stage::Delayed) {
            self.list.clear();
        } else {
            self.list.retain(|order| order.stage == Stage::Delayed);
        }
    }

    /// The factor of all buys at which their costs are covered, too; 1 where there is cash enough. `wanted` is their
    /// value, `room` what they are scaled by already.
    fn affordable(&self, wanted: f64, room: f64, book: &Book, desk: &Desk<'_>) -> f64 {
        if desk.settings.cash_short != CashShort::Scale {
            return 1.0;
        }
        if desk.settings.costs.is_proportional() {
            return desk.affordable(wanted, book);
        }
        let buys: Vec<Buy> = self.openings[LONG]
            .iter()
            .map(|&place| &self.list[place as usize])
            .filter(|order| order.stage != Stage::Done)
            .map(|order| desk.buy(order, room))
            .collect();
        desk.covered(&buys, book)
    }

    /// Puts the smallest buys first; ties in symbol order.
    fn sort_buys_by_size(&mut self, desk: &Desk<'_>) {
        let Self { list, openings, .. } = self;
        // Differences of less than dust are rounding, and no reason to go first.
        let rank = |place: u32| {
            let order = &list[place as usize];
            ((order.reach - order.reduced) * order.price / (DUST * desk.equity)).round()
        };
        openings[LONG].sort_by(|&a, &b| rank(a).total_cmp(&rank(b)));
    }

    /// Rejects buys, in symbol order, that the cash would not have covered at the last close; gives what they are worth
    /// at the prices of the fill.
    fn reject_early(&mut self, book: &Book, desk: &mut Desk<'_>) -> f64 {
        let mut cash = desk.purse(book);
        let cost = |order: &Pending, from: f64, to: f64, desk: &Desk<'_>| {
            let (symbol, shares) = (order.symbol(), (to - from).abs());
            let value = shares * book.mark(symbol);
            let charge = desk.settings.costs.of(shares, value, to < from, desk.screen.impact_rate(symbol));
            (to - from) * book.mark(symbol) + charge.total()
        };
        for &place in &self.reductions {
            let order = &self.list[place as usize];
            cash -= cost(order, book.shares(order.symbol()), order.reduced, desk);
        }
        for &place in &self.openings[SHORT] {
            let order = &self.list[place as usize];
            cash -= cost(order, order.reduced, order.reach, desk);
        }
        let mut rejected = 0.0;
        for &place in &self.openings[LONG] {
            let order = &mut self.list[place as usize];
            let needed = cost(order, order.reduced, order.reach, desk);
            if needed <= cash {
                cash -= needed;
            } else {
                rejected += (order.reach - order.reduced) * order.price;
                desk.recorder.counts().no_cash += 1;
                desk.finish(order, Fate::NoCash);
            }
        }
        rejected
    }

    /// Sets targets anew, by weights of the equity at a bar's prices.
    fn size(&mut self, prices: &[f64], book: &Book, settings: &Settings) {
        let price = |symbol: usize| book.price_among(prices, symbol);
        let held: f64 = book.held().iter().map(|symbol| book.shares(symbol) * price(symbol)).sum();
        let equity = book.cash + held;
        for order in self.list.iter_mut().filter(|order| order.weight != 0.0) {
            let (held, price) = (book.shares(order.symbol()).max(0.0), price(order.symbol()));
            let target = order.weight * equity / price;
            let bought = (target - held).max(0.0);
            order.target = target - bought * settings.bought_costs();
        }
    }

    /// Says of each order what it will do, and gives the money that openings want, by side. Which orders do what comes
    /// in no pattern that a branch could learn: places are written first and kept after.
    fn sort_out(&mut self, book: &Book, desk: &Desk<'_>) -> [f64; 2] {
        let Self { list, reductions, openings: [long, short], unpriced, .. } = self;
        unpriced.clear();
        for places in [&mut *reductions, &mut *long, &mut *short] {
            places.resize(list.len(), 0);
        }
        let (mut wanted, mut counts) = ([Chunk::default(); 2], [0; 3]);
        for (place, order) in list.iter_mut().enumerate() {
            let price = order.price;
            let is_priced = price > 0.0;
            if !is_priced {
                order.obstacle = Fate::Untradable;
                unpriced.push(place as u32);
                continue;
            }
            let held = book.shares(order.symbol());
            order.reach = order.target;
            if !desk.screen.is_open() {
                match desk.screen.reach(order.symbol(), held, order.target, price) {
                    // What is rounded off to whole lots was never asked for.
                    Ok(reach) if !reach.lacks_volume => (order.reach, order.target) = (reach.shares, reach.shares),
                    Ok(reach) => order.reach = reach.shares,
                    Err(obstacle) => {
                        order.obstacle = obstacle;
                        unpriced.push(place as u32);
                        continue;
                    }
                }
            }
            order.reduced = reduced(held, order.reach);
            let (reduces, opens) = (usize::from(order.reduced != held), usize::from(order.reach != order.reduced));
            let is_short = order.reach < 0.0;
            reductions[counts[0]] = place as u32;
            counts[0] += reduces;
            long[counts[1]] = place as u32;
            counts[1] += opens & usize::from(!is_short);
            short[counts[2]] = place as u32;
            counts[2] += opens & usize::from(is_short);
            let value = (order.reach - order.reduced).abs() * price;
            let lane = order.symbol() % CHUNK;
            wanted[LONG].0[lane] += if is_short { 0.0 } else { value };
            wanted[SHORT].0[lane] += if is_short { value } else { 0.0 };
            order.stage = if order.reduced == 0.0 { Stage::Opening } else { Stage::Increasing };
        }
        for (places, count) in [reductions, long, short].into_iter().zip(counts) {
            places.truncate(count);
        }
        wanted.map(|lanes| lanes.sum())
    }

    /// Executes what opens or increases positions on a side.
    fn open(
        &mut self,
        which: usize,
        measures: &MeasureColumns,
        book: &mut Book,
        desk: &mut Desk<'_>,
        scale: impl Fn(&Pending, &Book, &Desk<'_>) -> Scale,
    ) {
        let Self { list, openings, .. } = self;
        let in_turn =
            matches!(desk.settings.cash_short, CashShort::InTurn | CashShort::Reject | CashShort::RejectEarly);
        for &place in &openings[which] {
            let order = &mut list[place as usize];
            // What had to make room is done already.
            if order.stage != Stage::Done {
                let symbol = order.symbol();
                let scale = scale(order, book, desk);
                desk.open(order, scale, || measures.of(symbol), book);
                if in_turn {
                    desk.settle(book);
                }
            }
        }
        desk.settle(book);
    }

    /// The orders that would open a position on a side.
    fn to_open(&self, which: usize) -> Vec<Opening> {
        let orders = self.list.iter().enumerate();
        orders
            .filter(|(_, order)| order.stage == Stage::Opening && side(order.reach) == which)
            .map(|(at, order)| Opening { at, rank: order.rank, value: order.reach.abs() * order.price })
            .collect()
    }
}

/// An order that would open a position.
#[derive(Debug, Clone, Copy)]
pub(super) struct Opening {
    /// Where its owner finds it.
    pub(super) at: usize,
    /// How good the choice was, on its own side.
    pub(super) rank: f64,
    /// Money.
    pub(super) value: f64,
}

/// Makes openings give way to positions that ought to be closed and have no price, `waiting` in money a side. Openings
/// beyond the slots of a side are dropped, least rank first, and what they `wanted` with them. What then exceeds the
/// equity, as far as what waits is to blame, is taken from its own side first and then from the other: gives the factor of
/// each side. Where cash is borrowed without limit, nothing is taken. `openings` are in symbol order.
pub(super) fn make_room(
    wanted: &mut [f64; 2],
    mut waiting: [f64; 2],
    mut openings: [Vec<Opening>; 2],
    prices: &[f64],
    book: &Book,
    desk: &mut Desk<'_>,
    mut drop: impl FnMut(usize, usize, &mut Desk<'_>),
) -> [f64; 2] {
    for which in [LONG, SHORT] {
        if waiting[which] == 0.0 {
            continue;
        }
        let held = book.held().iter().filter(|&symbol| side(book.shares(symbol)) == which).count();
        let openings = &mut openings[which];
        for _ in 0..(held + openings.len()).saturating_sub(desk.slots).min(openings.len()) {
            // The last of equals, as the first was the better choice.
            let ranked = openings.iter().enumerate();
            let Some((least, _)) = ranked.max_by(|(_, a), (_, b)| b.rank.total_cmp(&a.rank)) else { break };
            let Opening { at, value, .. } = openings.remove(least);
            wanted[which] -= value;
            waiting[which] -= value.min(waiting[which]);
            drop(which, at, desk);
        }
    }
    if desk.settings.cash_short == CashShort::Borrow {
        return [1.0; 2];
    }
    share_room(*wanted, waiting, book.gross(prices), desk)
}

/// What openings are scaled by, by side, so that what waits levers no book: what is `wanted` beyond the equity, beside the
/// gross exposure there is, is taken away as far as what is `waiting` is to blame.
fn share_room(wanted: [f64; 2], waiting: [f64; 2], gross: f64, desk: &Desk<'_>) -> [f64; 2] {
    let blame = waiting[LONG] + waiting[SHORT];
    let most = desk.equity * (1.0 + desk.leverage);
    let mut excess = (gross + wanted[LONG] + wanted[SHORT] - most).min(blame).max(0.0);
    if excess == 0.0 {
        return [1.0; 2];
    }
    let mut taken = waiting.map(|waiting| excess * (waiting / blame));
    for which in [LONG, SHORT] {
        taken[which] = taken[which].min(wanted[which]).max(0.0);
        excess -= taken[which];
    }
    for which in [LONG, SHORT] {
        let more = excess.min(wanted[which] - taken[which]).max(0.0);
        taken[which] += more;
        excess -= more;
    }
    [LONG, SHORT].map(|which| (1.0 - taken[which] / wanted[which]).max(0.0))
}
