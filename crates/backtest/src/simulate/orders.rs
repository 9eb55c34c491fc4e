//! Orders: decided at one close, filled at a later price.
//!
//! Those of the last decision stand by symbol, so that a bar without obstacles fills a chunk at a time (`sweep`). Where
//! something is in the way, or every execution is to be written down, they are filled one by one (`fills`); what a bar
//! leaves of them waits in a list.

use super::account::Intention;
use super::columns::Column;
use super::desk::{Desk, Scale};
use super::exits::MeasureColumns;
use super::fills::{Fills, Opening, make_room};
use super::holdings::Book;
use super::outcome::{Fate, Reason};
use super::pending::{LONG, Pending, SHORT};
use super::record::Recorder;
use super::sweep;
use super::symbols::{SymbolSet, is_in, symbols_of};

/// Orders that wait to be filled, at most one a symbol.
#[derive(Debug)]
pub(super) struct Orders {
    pub(super) fresh: Fresh,
    fills: Fills,
}

/// Orders of the last decision, by symbol.
#[derive(Debug)]
pub(super) struct Fresh {
    pub(super) waiting: SymbolSet,
    /// Shares to be held.
    pub(super) target: Column,
    /// How good the choice was, on its own side.
    pub(super) rank: Column,
    /// The part of equity that the target is; 0 where it is so many shares.
    pub(super) weight: Column,
    /// What stops will be scaled by should an order open a position.
    pub(super) measures: MeasureColumns,
    /// Those that this bar's fills have reduced a position for, and those that open or increase one, by side.
    pub(super) reduced: SymbolSet,
    pub(super) opening: [SymbolSet; 2],
    decided: usize,
    /// Those that an exit gave, and which.
    exits: SymbolSet,
    exit_reasons: Vec<Reason>,
    /// Why the others were given.
    reason: Reason,
}

impl Fresh {
    fn new(symbols: usize, measures: bool) -> Self {
        let column = || Column::new(0.0, symbols);
        Self {
            waiting: SymbolSet::new(symbols),
            target: column(),
            rank: column(),
            weight: column(),
            measures: if measures { MeasureColumns::new(symbols) } else { MeasureColumns::default() },
            reduced: SymbolSet::new(symbols),
            opening: [SymbolSet::new(symbols), SymbolSet::new(symbols)],
            decided: 0,
            exits: SymbolSet::new(symbols),
            exit_reasons: vec![Reason::Exit; symbols],
            reason: Reason::Rebalance,
        }
    }

    /// The order of a symbol by itself.
    fn order(&self, symbol: usize, book: &Book) -> Pending {
        let reason = if self.exits.contains(symbol) { self.exit_reasons[symbol] } else { self.reason };
        let mut order = Pending::to(self.target[symbol], symbol, book.shares(symbol), self.decided, reason);
        (order.rank, order.weight) = (self.rank[symbol], self.weight[symbol]);
        order
    }

    /// Takes an order over that waits since an earlier decision.
    fn put(&mut self, order: &Pending) {
        let symbol = order.symbol();
        self.waiting.insert(symbol);
        (self.target[symbol], self.rank[symbol], self.weight[symbol]) = (order.target, order.rank, order.weight);
    }

    /// Leaves out what has no price: what may wait goes to a list, in symbol order, the rest is dropped.
    fn take_unpriced(&mut self, priced: &[u64], list: &mut Vec<Pending>, book: &Book, desk: &mut Desk<'_>) {
        let before = list.len();
        for (word, &priced) in priced.iter().enumerate() {
            let unpriced = self.waiting.words()[word] & !priced;
            if unpriced == 0 {
                continue;
            }
            let held = unpriced & book.held().words()[word];
            list.extend(symbols_of(word, held).map(|symbol| self.order(symbol, book)));
            desk.recorder.counts().untradable += (unpriced & !held).count_ones() as usize;
            self.waiting.words_mut()[word] &= priced;
        }
        if list.len() > before {
            list.sort_by_key(|order| order.symbol);
        }
    }

    /// The orders that would open a position on a side.
    fn to_open(&self, which: usize, prices: &[f64], book: &Book) -> Vec<Opening> {
        let opens = self.opening[which].iter().filter(|&symbol| !book.held().contains(symbol));
        opens.map(|at| Opening { at, rank: self.rank[at], value: self.target[at].abs() * prices[at] }).collect()
    }

    /// Drops an order that would open a position, for want of room.
    fn block(&mut self, which: usize, symbol: usize, desk: &mut Desk<'_>) {
        self.opening[which].remove(symbol);
        let counts = desk.recorder.counts();
        counts.blocked += 1;
        counts.fills += usize::from(self.reduced.contains(symbol));
    }

    fn clear(&mut self) {
        self.waiting.clear();
        self.exits.clear();
    }
}

impl Orders {
    /// None yet; whether positions will ask for [`Measures`](super::exits::Measures).
    pub(super) fn new(symbols: usize, measures: bool) -> Self {
        Self { fresh: Fresh::new(symbols, measures), fills: Fills::default() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.fresh.waiting.is_empty() && self.fills.list.is_empty()
    }

    /// A decision begins, which gives a reason to all orders but those of exits.
    pub(super) fn begin(&mut self, row: usize, reason: Reason) {
        (self.fresh.decided, self.fresh.reason) = (row, reason);
    }

    /// Closes a position, which nothing else does that waits.
    pub(super) fn close(&mut self, symbol: usize, row: usize, reason: Reason, recorder: &mut Recorder) {
        self.withdraw(row, Fate::Replaced, recorder, |order| order.symbol() == symbol);
        let fresh = &mut self.fresh;
        (fresh.target[symbol], fresh.rank[symbol], fresh.weight[symbol]) = (0.0, 0.0, 0.0);
        fresh.waiting.insert(symbol);
        fresh.exits.insert(symbol);
        fresh.exit_reasons[symbol] = reason;
    }

    /// Takes back what waits for a symbol.
    pub(super) fn replace(&mut self, symbol: usize, row: usize, book: &Book, recorder: &mut Recorder) {
        if self.fresh.waiting.contains(symbol) {
            self.fresh.order(symbol, book).end(row, Fate::Replaced, recorder);
            self.fresh.waiting.remove(symbol);
        }
        self.withdraw(row, Fate::Replaced, recorder, |order| order.symbol() == symbol);
    }

    /// Takes back what waits since earlier decisions, but for what closes a position.
    pub(super) fn replace_targets(&mut self, row: usize, recorder: &mut Recorder) {
        self.withdraw(row, Fate::Replaced, recorder, |order| order.target != 0.0);
    }

    /// Takes back orders whose holding was settled at this bar.
    pub(super) fn forget_settled(&mut self, row: usize, book: &Book, recorder: &mut Recorder) {
        self.withdraw(row, Fate::Settled, recorder, |order| book.settled().contains(&order.symbol()));
    }

    /// Notes the closes of what waits to be opened.
    pub(super) fn note_closes(&self, close: &[f64], book: &mut Book) {
        for symbol in self.fills.list.iter().map(Pending::symbol) {
            if close[symbol] > 0.0 && !book.held().contains(symbol) {
                book.note(symbol, close[symbol], 0);
            }
        }
    }

    /// Takes back everything.
    pub(super) fn forget_all(&mut self, row: usize, recorder: &mut Recorder) {
        self.withdraw(row, Fate::Settled, recorder, |_| true);
    }

    /// Fills what can be filled at one bar's prices, `[symbols]`; `priced` are the words of the set of symbols that have
    /// one.
    ///
    /// First everything that reduces or closes a position; then short sales; then buys, scaled by one factor where they
    /// and their costs exceed the cash there is. A symbol that cannot be traded trades nothing: what would reduce or
    /// close its position waits, and the rest is dropped. What waits keeps its slot and its part of the book. Where
    /// there is too little volume, an order comes as far as there is.
    pub(super) fn fill(&mut self, prices: &[f64], priced: &[u64], book: &mut Book, desk: &mut Desk<'_>) {
        if desk.is_plain {
            self.fill_plainly(prices, priced, book, desk);
        } else {
            let Self { fresh, fills } = self;
            fills.list.extend(fresh.waiting.iter().map(|symbol| fresh.order(symbol, book)));
            fills.list.sort_by_key(|order| order.symbol);
            fills.fill(prices, &fresh.measures, book, desk);
        }
        self.fresh.clear();
    }

    /// The same where only a missing price can be in the way: what has one is filled a chunk at a time.
    fn fill_plainly(&mut self, prices: &[f64], priced: &[u64], book: &mut Book, desk: &mut Desk<'_>) {
        let Self { fresh, fills: Fills { list, .. } } = self;
        list.retain(|order| {
            let is_priced = is_in(priced, order.symbol());
            if is_priced {
                fresh.put(order);
            }
            !is_priced
        });
        fresh.take_unpriced(priced, list, book, desk);
        let mut wanted = sweep::reduce(fresh, prices, book, desk);
        desk.settle(book);
        let mut waiting = [0.0; 2];
        for order in &mut *list {
            let (side, value) = desk.delay(order, book);
            waiting[side] += value;
        }
        list.retain(Pending::is_delayed);
        let room = if waiting == [0.0; 2] || wanted == [0.0; 2] {
            [1.0; 2]
        } else {
            let openings = [LONG, SHORT].map(|which| fresh.to_open(which, prices, book));
            make_room(&mut wanted, waiting, openings, prices, book, desk, |which, at, desk| {
                fresh.block(which, at, desk);
            })
        };
        if wanted[SHORT] > 0.0 {
            sweep::open(SHORT, Scale { room: room[SHORT], cash: 1.0 }, fresh, prices, book, desk);
            desk.settle(book);
        }
        if wanted[LONG] > 0.0 {
            let cash = desk.affordable(wanted[LONG] * room[LONG], book);
            sweep::open(LONG, Scale { room: room[LONG], cash }, fresh, prices, book, desk);
            desk.settle(book);
        }
    }

    /// Closes a position within a bar at a price of its own, as far as there is volume; the rest waits for the next.
    pub(super) fn close_within(&mut self, mut order: Pending, price: f64, book: &mut Book, desk: &mut Desk<'_>) {
        order.price = price;
        let held = book.shares(order.symbol());
        match desk.screen.reach(order.symbol(), held, 0.0, price) {
            Ok(reach) => {
                (order.reach, order.reduced) = (reach.shares, reach.shares);
                desk.reduce(&mut order, book);
                desk.settle(book);
            }
            Err(obstacle) => {
                order.obstacle = obstacle;
                desk.delay(&mut order, book);
            }
        }
        if order.is_delayed() {
            let place = self.fills.list.partition_point(|other| other.symbol < order.symbol);
            self.fills.list.insert(place, order);
        }
    }

    /// What waits, in symbol order.
    pub(super) fn intentions(&self, book: &Book) -> Vec<Intention> {
        let of = |order: &Pending| Intention {
            symbol: order.symbol(),
            held: book.shares(order.symbol()),
            target: order.target,
            decided: order.decided as usize,
            reason: order.reason,
        };
        self.all(book).iter().map(of).collect()
    }

    /// Writes down what still waits.
    pub(super) fn finish(&self, book: &Book, recorder: &mut Recorder) {
        for order in self.all(book) {
            recorder.order(order.symbol(), |executed| order.order(executed, None, Fate::Waiting));
        }
    }

    fn all(&self, book: &Book) -> Vec<Pending> {
        let fresh = self.fresh.waiting.iter().map(|symbol| self.fresh.order(symbol, book));
        let mut all: Vec<Pending> = self.fills.list.iter().copied().chain(fresh).collect();
        all.sort_by_key(|order| order.symbol);
        all
    }

    fn withdraw(&mut self, row: usize, fate: Fate, recorder: &mut Recorder, which: impl Fn(&Pending) -> bool) {
        self.fills.list.retain(|order| {
            let goes = which(order);
            if goes {
                order.end(row, fate, recorder);
            }
            !goes
        });
    }
}
