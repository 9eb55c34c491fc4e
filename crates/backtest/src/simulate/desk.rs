//! Where orders are executed: at a price, for a cost, as far as cash and the bar allow.

use super::columns::{CHUNK, Chunk};
use super::costs::Costs;
use super::exits::Measures;
use super::holdings::Book;
use super::outcome::{Execution, Fate};
use super::pending::{DUST, Pending, Stage, reduced, side};
use super::record::Recorder;
use super::screen::Screen;
use super::settings::{CashShort, Settings};

/// A buy, as cash sees it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Buy {
    pub(super) shares: f64,
    pub(super) price: f64,
    pub(super) impact_rate: f64,
}

impl Buy {
    /// Money that a part of it takes, costs included.
    fn needs(&self, factor: f64, costs: &Costs) -> f64 {
        let shares = factor * self.shares;
        let value = shares * self.price;
        value + costs.of(shares, value, false, self.impact_rate).total()
    }
}

/// Money that changes hands in one phase of a bar's fills, summed by lanes of chunks: a sum does not tell whether symbols
/// were taken one by one or a chunk at a time.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Till {
    /// What comes in, costs taken off.
    pub(super) cash: Chunk,
    /// Value of what is traded.
    pub(super) traded: Chunk,
}

/// What openings are scaled by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale {
    pub(super) room: f64,
    pub(super) cash: f64,
}

/// Where one bar's orders are executed.
pub(super) struct Desk<'a> {
    pub(super) row: usize,
    pub(super) settings: &'a Settings,
    /// What may be traded on the bar.
    pub(super) screen: &'a mut Screen<'a>,
    /// What orders were sized by.
    pub(super) equity: f64,
    /// How much of equity may be borrowed for buys.
    pub(super) leverage: f64,
    /// Most positions on a side.
    pub(super) slots: usize,
    pub(super) recorder: &'a mut Recorder,
    /// Money that has changed hands since cash was last [settled](Self::settle).
    pub(super) till: Till,
    /// Whether what has a price is traded as far as it should, for costs in proportion, and nobody asks for more than what
    /// comes of it.
    pub(super) is_plain: bool,
}

impl Desk<'_> {
    /// Adds up the money of a phase.
    pub(super) fn settle(&mut self, book: &mut Book) {
        book.cash += self.till.cash.sum();
        self.recorder.add_traded(self.till.traded.sum());
        self.till = Till::default();
    }

    /// Executes what an order reduces or closes; gives its side, and the money that what the bar leaves of it holds.
    #[inline]
    pub(super) fn reduce(&mut self, order: &mut Pending, book: &mut Book) -> (usize, f64) {
        let (symbol, price) = (order.symbol(), order.price);
        let held = book.shares(symbol);
        let side = side(held);
        let costs = self.execute(order, held, order.reduced);
        if book.decrease_to(symbol, order.reduced, price, costs) {
            self.recorder.closed(book, symbol, self.row, order.reason);
        }
        if order.reach != order.reduced {
            return (side, 0.0);
        }
        if order.is_whole() {
            self.finish(order, Fate::Filled);
            return (side, 0.0);
        }
        let rest = order.reduced - reduced(order.reduced, order.target);
        self.leave_rest(order, book);
        (side, rest.abs() * price)
    }

    /// Executes what an order opens or increases, as far as there is room and, for a buy, cash.
    #[inline]
    pub(super) fn open(
        &mut self,
        order: &mut Pending,
        scale: Scale,
        measures: impl FnOnce() -> Measures,
        book: &mut Book,
    ) {
        let (symbol, price) = (order.symbol(), order.price);
        let held = book.shares(symbol);
        let factor = scale.room * scale.cash;
        // Rounding may leave the cash a hair short of what a whole book of targets needs: that is no cut.
        let cut = factor < 1.0 - DUST;
        let scaled = if factor < 1.0 { held + (order.reach - held) * factor } else { order.reach };
        let shares = self.screen.whole_lots(held, scaled);
        if (shares - held).abs() * price <= DUST * self.equity {
            if scale.room < scale.cash {
                self.drop_blocked(order);
            } else {
                self.recorder.counts().no_cash += 1;
                self.finish(order, Fate::NoCash);
            }
            return;
        }
        let rejects = matches!(self.settings.cash_short, CashShort::Reject | CashShort::RejectEarly);
        let may_be_rejected = rejects && shares > held;
        if may_be_rejected && !self.affords(symbol, shares - held, price, book) {
            self.recorder.counts().no_cash += 1;
            self.finish(order, Fate::NoCash);
            return;
        }
        let costs = self.execute(order, held, shares);
        if held == 0.0 {
            book.open(symbol, self.row, shares, price, costs, measures);
        } else {
            book.increase_to(symbol, shares, price, costs);
        }
        self.recorder.counts().cut += usize::from(cut);
        if order.is_whole() {
            self.finish(order, if cut { Fate::Cut } else { Fate::Filled });
        } else {
            self.leave_rest(order, book);
        }
    }

    /// Cash, and what may be borrowed; below zero where too much is owed.
    pub(super) fn purse(&self, book: &Book) -> f64 {
        book.cash + self.leverage * self.equity
    }

    /// Cash for buys.
    pub(super) fn available(&self, book: &Book) -> f64 {
        self.purse(book).max(0.0)
    }

    /// The factor at which buys of so much money, and costs in proportion to it, are covered; 1 where there is enough.
    pub(super) fn affordable(&self, wanted: f64, book: &Book) -> f64 {
        let needed = wanted * (1.0 + self.settings.costs.buy_rate());
        let available = self.available(book);
        if needed > available { available / needed } else { 1.0 }
    }

    pub(super) fn buy(&self, order: &Pending, room: f64) -> Buy {
        let shares = (order.reach - order.reduced) * room;
        Buy { shares, price: order.price, impact_rate: self.screen.impact_rate(order.symbol()) }
    }

    /// The factor of buys at which the cash covers them and their costs; 1 where there is enough.
    pub(super) fn covered(&self, buys: &[Buy], book: &Book) -> f64 {
        let (costs, available) = (&self.settings.costs, self.available(book));
        let needed = |factor: f64| -> f64 { buys.iter().map(|buy| buy.needs(factor, costs)).sum() };
        let all = needed(1.0);
        if all <= available {
            return 1.0;
        }
        if costs.is_proportional() {
            return available / all;
        }
        // Costs grow with the factor: halving finds where they meet the cash, from below.
        let (mut low, mut high) = (0.0, 1.0);
        for _ in 0..50 {
            let middle = 0.5 * (low + high);
            if needed(middle) <= available { low = middle } else { high = middle }
        }
        low
    }

    /// Whether there is cash for a buy and its costs.
    fn affords(&self, symbol: usize, shares: f64, price: f64, book: &Book) -> bool {
        let buy = Buy { shares, price, impact_rate: self.screen.impact_rate(symbol) };
        buy.needs(1.0, &self.settings.costs) <= self.purse(book) * (1.0 + DUST)
    }

    /// Takes the cash of a change from `held` to `shares`; gives its costs.
    #[inline]
    fn execute(&mut self, order: &mut Pending, held: f64, shares: f64) -> f64 {
        let (symbol, price) = (order.symbol(), order.price);
        let (traded, value) = ((shares - held).abs(), (shares - held).abs() * price);
        // What was left of an amount once its costs were taken from it is charged for the whole of it.
        let taken = self.settings.bought_costs();
        let amount = if taken > 0.0 && shares > held && shares > 0.0 { value / (1.0 - taken) } else { value };
        let charge = self.settings.costs.of(traded, amount, shares < held, self.screen.impact_rate(symbol));
        let lane = symbol % CHUNK;
        self.till.cash.0[lane] += (held - shares) * price - charge.total();
        self.till.traded.0[lane] += value;
        self.screen.traded(symbol, traded);
        let Self { row, recorder, .. } = self;
        recorder.traded(Execution { row: *row, symbol, shares: shares - held, price, charge, reason: order.reason });
        order.is_executed = true;
        charge.total()
    }

    /// What the bar's volume did not fill waits, where it reduces or closes a position, or as the settings say.
    fn leave_rest(&mut self, order: &mut Pending, book: &mut Book) {
        self.recorder.counts().no_volume += 1;
        let held = book.shares(order.symbol());
        let reduced = reduced(held, order.target);
        if !self.settings.carries() {
            if reduced == held {
                self.finish(order, Fate::NoVolume);
                return;
            }
            (order.target, order.weight) = (reduced, 0.0);
        }
        if order.target == 0.0 && held != 0.0 {
            book.leaving.insert(order.symbol());
        }
        order.stage = Stage::Delayed;
    }

    /// What reduces or closes a position waits; gives its side, and what it would have brought at the last close.
    pub(super) fn delay(&mut self, order: &mut Pending, book: &mut Book) -> (usize, f64) {
        let symbol = order.symbol();
        let held = book.shares(symbol);
        let reduced = reduced(held, order.target);
        if order.obstacle == Fate::BelowLot {
            self.finish(order, Fate::BelowLot);
            return (side(held), 0.0);
        }
        if order.target != reduced {
            self.count(order.obstacle);
        }
        if reduced == held {
            self.finish(order, order.obstacle);
            return (side(held), 0.0);
        }
        self.recorder.counts().delayed += 1;
        // An order that would have gone through zero to the other side now only closes.
        (order.target, order.weight) = (reduced, 0.0);
        if reduced == 0.0 {
            book.leaving.insert(symbol);
        }
        order.stage = Stage::Delayed;
        (side(held), (held - reduced).abs() * book.mark(symbol))
    }

    pub(super) fn drop_untradable(&mut self, order: &mut Pending) {
        self.count(order.obstacle);
        self.finish(order, order.obstacle);
    }

    fn count(&mut self, obstacle: Fate) {
        let counts = self.recorder.counts();
        match obstacle {
            Fate::Locked => counts.locked += 1,
            Fate::NoVolume => counts.no_volume += 1,
            Fate::BelowLot => {}
            _ => counts.untradable += 1,
        }
    }

    pub(super) fn drop_blocked(&mut self, order: &mut Pending) {
        self.recorder.counts().blocked += 1;
        self.finish(order, Fate::Blocked);
    }

    pub(super) fn finish(&mut self, order: &mut Pending, fate: Fate) {
        order.stage = Stage::Done;
        order.end(self.row, fate, self.recorder);
    }
}
