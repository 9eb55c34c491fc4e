//! Orders: decided at one close, filled at a later price, sells before buys.

use super::exits::Measures;
use super::holdings::Book;
use super::record::{Executed, Fate, Order, Reason, Recorder, Side};
use super::settings::Costs;

/// Changes worth less than this fraction of equity are rounding, and are not traded.
pub(super) const DUST: f64 = 1e-9;

/// An order that is not filled yet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pending {
    pub(super) symbol: u32,
    /// Shares to be held afterwards; 0 closes the position.
    pub(super) target: f64,
    pub(super) decided: u32,
    pub(super) reason: Reason,
    /// Shares held when the order was decided, from which follow its side and what it wanted.
    pub(super) held: f64,
    /// How good the choice was, on its own side: what counts least gives way first.
    pub(super) rank: f64,
    stage: Stage,
    /// What it leaves of what is held before anything is opened, once a bar's fills have begun.
    reduced: f64,
    is_executed: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Nothing has been tried.
    New,
    /// Opens a position, once this bar's sales and covers are made.
    Opening,
    /// Increases a position, likewise.
    Increasing,
    /// Closes a position, in part or whole, and waits for the symbol's next price.
    Delayed,
    Done,
}

impl Pending {
    /// An order from the shares that are held to a target.
    #[inline]
    pub(super) fn to(target: f64, symbol: usize, held: f64, row: usize, reason: Reason) -> Self {
        Self {
            symbol: symbol as u32,
            target,
            decided: row as u32,
            reason,
            held,
            rank: 0.0,
            stage: Stage::New,
            reduced: 0.0,
            is_executed: false,
        }
    }

    fn symbol(&self) -> usize {
        self.symbol as usize
    }

    fn order(&self, executed: Executed, ended: Option<usize>, price: Option<f64>, fate: Fate) -> Order {
        let change = self.target - self.held;
        Order {
            decided: self.decided as usize,
            ended,
            symbol: self.symbol(),
            side: if change > 0.0 { Side::Buy } else { Side::Sell },
            wanted: change.abs(),
            filled: executed.shares,
            price: price.filter(|_| self.is_executed),
            costs: executed.charge.total(),
            reason: self.reason,
            fate,
        }
    }
}

/// Orders that wait to be filled, in symbol order, at most one a symbol.
#[derive(Debug, Default)]
pub(super) struct Orders {
    list: Vec<Pending>,
    /// By symbol, what stops will be scaled by should its order open a position; none where nobody measures.
    measures: Vec<Measures>,
    /// Whether the last one given stands before one that was given earlier.
    unsorted: bool,
    /// Places in the list, during a bar's fills: of what reduces or closes positions,
    reductions: Vec<u32>,
    /// of what opens or increases them, by side,
    openings: [Vec<u32>; 2],
    /// and of what has no price.
    unpriced: Vec<u32>,
}

impl Orders {
    #[inline]
    pub(super) fn give(&mut self, order: Pending) {
        self.unsorted |= self.list.last().is_some_and(|last| last.symbol > order.symbol);
        self.list.push(order);
    }

    /// What stops will be scaled by, should the order for one of so many symbols open a position.
    pub(super) fn measure(&mut self, symbol: usize, symbols: usize, measures: Measures) {
        self.measures.resize(symbols, Measures::UNKNOWN);
        self.measures[symbol] = measures;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Ends a round of decisions.
    pub(super) fn sort(&mut self) {
        if std::mem::take(&mut self.unsorted) {
            // A few rising runs one behind the other, which a stable sort merges.
            self.list.sort_by_key(|order| order.symbol);
        }
    }

    /// Takes back waiting orders that a decision at this row replaces.
    pub(super) fn replace(&mut self, row: usize, recorder: &mut Recorder, which: impl Fn(&Pending) -> bool) {
        self.withdraw(row, Fate::Replaced, recorder, which);
    }

    /// Takes back orders whose holding no longer exists.
    pub(super) fn forget_settled(&mut self, row: usize, book: &Book, recorder: &mut Recorder) {
        self.withdraw(row, Fate::Settled, recorder, |order| !book.held().contains(order.symbol()));
    }

    fn withdraw(&mut self, row: usize, fate: Fate, recorder: &mut Recorder, which: impl Fn(&Pending) -> bool) {
        self.list.retain(|order| {
            let goes = which(order);
            if goes {
                recorder.order(order.symbol(), |executed| order.order(executed, Some(row), None, fate));
            }
            !goes
        });
    }

    /// Fills what can be filled at one bar's prices, `[symbols]`.
    ///
    /// First everything that reduces or closes a position, in full; then short sales; then buys, scaled by one factor
    /// where they and their costs exceed the cash there is. A symbol without a price trades nothing: what would reduce
    /// or close its position waits for the next price, and the rest is dropped. What waits keeps its slot, of `slots` a
    /// side, and its part of the book: see [`make_room`](Self::make_room).
    pub(super) fn fill(&mut self, prices: &[f64], book: &mut Book, desk: &mut Desk<'_>) {
        if self.list.is_empty() {
            return;
        }
        let mut wanted = self.sort_out(prices, book);
        for &place in &self.reductions {
            let order = &mut self.list[place as usize];
            desk.reduce(order, prices[order.symbol()], book);
        }
        let mut waiting = [0.0; 2];
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
            let room =
                if waiting == [0.0; 2] { [1.0; 2] } else { self.make_room(&mut wanted, waiting, prices, book, desk) };
            if wanted[SHORT] > 0.0 {
                self.open(SHORT, Scale { room: room[SHORT], cash: 1.0 }, prices, book, desk);
            }
            if wanted[LONG] > 0.0 {
                let needed = wanted[LONG] * room[LONG] * (1.0 + desk.costs.buy_rate());
                let available = book.cash.max(0.0);
                let cash = if needed > available { available / needed } else { 1.0 };
                self.open(LONG, Scale { room: room[LONG], cash }, prices, book, desk);
            }
        }
        if self.unpriced.is_empty() {
            self.list.clear();
        } else {
            self.list.retain(|order| order.stage == Stage::Delayed);
        }
    }

    /// Says of each order what it will do, and gives the money that openings want, by side. Which orders do what comes
    /// in no pattern that a branch could learn: places are written first and kept after.
    fn sort_out(&mut self, prices: &[f64], book: &Book) -> [f64; 2] {
        let Self { list, reductions, openings: [long, short], unpriced, .. } = self;
        unpriced.clear();
        for places in [&mut *reductions, &mut *long, &mut *short] {
            places.resize(list.len(), 0);
        }
        let (mut wanted, mut counts) = ([0.0; 2], [0; 3]);
        for (place, order) in list.iter_mut().enumerate() {
            let price = prices[order.symbol()];
            let is_priced = price > 0.0;
            if !is_priced {
                unpriced.push(place as u32);
                continue;
            }
            let held = book.shares(order.symbol());
            order.reduced = reduced(held, order.target);
            let (reduces, opens) = (usize::from(order.reduced != held), usize::from(order.target != order.reduced));
            let is_short = order.target < 0.0;
            reductions[counts[0]] = place as u32;
            counts[0] += reduces;
            long[counts[1]] = place as u32;
            counts[1] += opens & usize::from(!is_short);
            short[counts[2]] = place as u32;
            counts[2] += opens & usize::from(is_short);
            let value = (order.target - order.reduced).abs() * price;
            wanted[LONG] += if is_short { 0.0 } else { value };
            wanted[SHORT] += if is_short { value } else { 0.0 };
            order.stage = if order.reduced == 0.0 { Stage::Opening } else { Stage::Increasing };
        }
        for (places, count) in [reductions, long, short].into_iter().zip(counts) {
            places.truncate(count);
        }
        wanted
    }

    /// Executes what opens or increases positions on a side.
    fn open(&mut self, which: usize, scale: Scale, prices: &[f64], book: &mut Book, desk: &mut Desk<'_>) {
        let Self { list, openings, measures, .. } = self;
        for &place in &openings[which] {
            let order = &mut list[place as usize];
            // What had to make room is done already.
            if order.stage != Stage::Done {
                let symbol = order.symbol();
                let measures = || measures.get(symbol).copied().unwrap_or(Measures::UNKNOWN);
                desk.open(order, prices[symbol], scale, measures, book);
            }
        }
    }

    /// Makes openings give way to positions that ought to be closed and have no price, `waiting` in money a side.
    /// Openings beyond the slots of a side are dropped, least rank first. What then exceeds the equity, as far as what
    /// waits is to blame, is taken from its own side first and then from the other: gives the factor of each side.
    fn make_room(
        &mut self,
        wanted: &mut [f64; 2],
        mut waiting: [f64; 2],
        prices: &[f64],
        book: &Book,
        desk: &mut Desk<'_>,
    ) -> [f64; 2] {
        for which in [LONG, SHORT] {
            if waiting[which] == 0.0 {
                continue;
            }
            let opens = |order: &Pending| order.stage == Stage::Opening && side(order.target) == which;
            let held = book.held().iter().filter(|&symbol| side(book.shares(symbol)) == which).count();
            let opened = self.list.iter().filter(|order| opens(order)).count();
            for _ in 0..(held + opened).saturating_sub(desk.slots).min(opened) {
                let candidates = self.list.iter_mut().filter(|order| opens(order));
                // The last of equals, as the first was the better choice.
                let Some(least) = candidates.max_by(|a, b| b.rank.total_cmp(&a.rank)) else { break };
                let value = least.target.abs() * prices[least.symbol()];
                wanted[which] -= value;
                waiting[which] -= value.min(waiting[which]);
                desk.drop_blocked(least, prices[least.symbol()]);
            }
        }
        let price = |symbol: usize| if prices[symbol] > 0.0 { prices[symbol] } else { book.mark(symbol) };
        let gross: f64 = book.held().iter().map(|symbol| book.shares(symbol).abs() * price(symbol)).sum();
        let blame = waiting[LONG] + waiting[SHORT];
        let mut excess = (gross + wanted[LONG] + wanted[SHORT] - desk.equity).min(blame).max(0.0);
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

    /// Writes down what still waits.
    pub(super) fn finish(&self, recorder: &mut Recorder) {
        for order in &self.list {
            recorder.order(order.symbol(), |executed| order.order(executed, None, None, Fate::Waiting));
        }
    }
}

const LONG: usize = 0;
const SHORT: usize = 1;

fn side(shares: f64) -> usize {
    if shares < 0.0 { SHORT } else { LONG }
}

/// What openings are scaled by.
#[derive(Debug, Clone, Copy)]
struct Scale {
    room: f64,
    cash: f64,
}

/// Where one bar's orders are executed.
pub(super) struct Desk<'a> {
    pub(super) row: usize,
    pub(super) costs: &'a Costs,
    /// What orders were sized by.
    pub(super) equity: f64,
    /// Most positions on a side.
    pub(super) slots: usize,
    pub(super) recorder: &'a mut Recorder,
}

impl Desk<'_> {
    /// Executes what an order reduces or closes.
    #[inline]
    fn reduce(&mut self, order: &mut Pending, price: f64, book: &mut Book) {
        let symbol = order.symbol();
        let costs = self.execute(order, book.shares(symbol), order.reduced, price, book);
        if book.decrease_to(symbol, order.reduced, price, costs) {
            self.recorder.closed(book, symbol, self.row, order.reason);
        }
        if order.target == order.reduced {
            self.finish(order, price, Fate::Filled);
        }
    }

    /// Executes what an order opens or increases, as far as there is room and, for a buy, cash.
    #[inline]
    fn open(
        &mut self,
        order: &mut Pending,
        price: f64,
        scale: Scale,
        measures: impl FnOnce() -> Measures,
        book: &mut Book,
    ) {
        let symbol = order.symbol();
        let held = book.shares(symbol);
        let factor = scale.room * scale.cash;
        // Rounding may leave the cash a hair short of what a whole book of targets needs: that is no cut.
        let cut = factor < 1.0 - DUST;
        let shares = if factor < 1.0 { held + (order.target - held) * factor } else { order.target };
        if (shares - held).abs() * price <= DUST * self.equity {
            if scale.room < scale.cash {
                self.drop_blocked(order, price);
            } else {
                self.recorder.counts().no_cash += 1;
                self.finish(order, price, Fate::NoCash);
            }
            return;
        }
        let costs = self.execute(order, held, shares, price, book);
        if held == 0.0 {
            book.open(symbol, self.row, shares, price, costs, measures);
        } else {
            book.increase_to(symbol, shares, price, costs);
        }
        self.recorder.counts().cut += usize::from(cut);
        self.finish(order, price, if cut { Fate::Cut } else { Fate::Filled });
    }

    /// Moves the cash of a change from `held` to `shares`; gives its costs.
    fn execute(&mut self, order: &mut Pending, held: f64, shares: f64, price: f64, book: &mut Book) -> f64 {
        let value = (shares - held).abs() * price;
        let charge = self.costs.of(value, shares < held);
        book.cash += (held - shares) * price;
        book.cash -= charge.total();
        self.recorder.traded(order.symbol(), (shares - held).abs(), value, charge);
        order.is_executed = true;
        charge.total()
    }

    /// What reduces or closes a position waits; gives its side, and what it would have brought at the last close.
    fn delay(&mut self, order: &mut Pending, book: &mut Book) -> (usize, f64) {
        let symbol = order.symbol();
        let held = book.shares(symbol);
        let reduced = reduced(held, order.target);
        if order.target != reduced {
            self.recorder.counts().untradable += 1;
        }
        if reduced == held {
            self.finish(order, f64::NAN, Fate::Untradable);
            return (side(held), 0.0);
        }
        self.recorder.counts().delayed += 1;
        // An order that would have gone through zero to the other side now only closes.
        order.target = reduced;
        if reduced == 0.0 {
            book.leaving.insert(symbol);
        }
        order.stage = Stage::Delayed;
        (side(held), (held - reduced).abs() * book.mark(symbol))
    }

    fn drop_untradable(&mut self, order: &mut Pending) {
        self.recorder.counts().untradable += 1;
        self.finish(order, f64::NAN, Fate::Untradable);
    }

    fn drop_blocked(&mut self, order: &mut Pending, price: f64) {
        self.recorder.counts().blocked += 1;
        self.finish(order, price, Fate::Blocked);
    }

    fn finish(&mut self, order: &mut Pending, price: f64, fate: Fate) {
        order.stage = Stage::Done;
        self.recorder.counts().fills += usize::from(order.is_executed);
        self.recorder.order(order.symbol(), |executed| order.order(executed, Some(self.row), Some(price), fate));
    }
}

/// What is left of a position once an order has reduced it: nothing, where its target lies on the other side.
#[inline]
fn reduced(held: f64, target: f64) -> f64 {
    let nearer = if target.abs() < held.abs() { target } else { held };
    if held * target <= 0.0 { 0.0 } else { nearer }
}
