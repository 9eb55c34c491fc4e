//! Cash and what is held. Every symbol has its place, so that nothing is searched for, moved or sorted; a set says which
//! are held. What a bar does costs by what is held.

use super::bars::{Prices, Ranges};
use super::costs::Rates;
use super::exits::Measures;
use super::outcome::{Fate, Order, Reason, Side, Trade};
use super::record::{Carry, Recorder};
use super::settings::Delisting;
use super::symbols::{SymbolList, SymbolSet};

/// A position, from its first fill to its last, as exits and trades need it.
#[derive(Debug, Clone, Copy)]
pub(super) struct History {
    /// Row of the first fill.
    pub(super) entry_row: u32,
    /// Average price of what is held.
    pub(super) entry_price: f64,
    /// Best of the first fill's price and what is looked at since: the highest, for a short the lowest.
    pub(super) best: f64,
    /// Lowest and highest price that was certainly seen.
    lowest: f64,
    highest: f64,
    /// What its stops are scaled by, as known when the order was given that opened it.
    pub(super) measures: Measures,
    /// All shares ever opened, negative for a short.
    opened_shares: f64,
    opened_value: f64,
    closed_value: f64,
    costs: f64,
}

impl History {
    fn open(row: usize, shares: f64, price: f64, costs: f64, measures: Measures) -> Self {
        Self {
            entry_row: row as u32,
            entry_price: price,
            best: price,
            lowest: price,
            highest: price,
            measures,
            opened_shares: shares,
            opened_value: shares.abs() * price,
            closed_value: 0.0,
            costs,
        }
    }

    /// Shares are added to a position that holds `held`, on its own side.
    fn increase(&mut self, held: f64, shares: f64, price: f64, costs: f64) {
        let (before, added) = (held.abs(), (shares - held).abs());
        self.entry_price = (before * self.entry_price + added * price) / (before + added);
        self.opened_shares += shares - held;
        self.opened_value += added * price;
        self.costs += costs;
        self.see(price, price);
    }

    fn decrease(&mut self, held: f64, shares: f64, price: f64, costs: f64) {
        self.closed_value += (shares - held).abs() * price;
        self.costs += costs;
        self.see(price, price);
    }

    fn see(&mut self, low: f64, high: f64) {
        self.lowest = self.lowest.min(low);
        self.highest = self.highest.max(high);
    }

    fn follow(&mut self, price: f64) {
        let better = if self.side() > 0.0 { price > self.best } else { price < self.best };
        self.best = if better { price } else { self.best };
    }

    /// Best and worst price seen, as gains from an entry price.
    fn excursions(&self, entry: f64) -> (f64, f64) {
        let (low, high) = (self.lowest / entry - 1.0, self.highest / entry - 1.0);
        let (favourable, adverse) = if self.side() > 0.0 { (high, low) } else { (-low, -high) };
        (favourable.max(0.0), adverse.min(0.0))
    }

    /// 1 for a long position, -1 for a short one.
    pub(super) fn side(&self) -> f64 {
        self.opened_shares.signum()
    }
}

/// Symbols that are summed at once.
const LANES: usize = 8;

/// What is looked at of positions.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Watch {
    /// The best price is looked for among highs and lows, not closes.
    pub(super) touched: bool,
    /// How far prices went for and against a position.
    pub(super) excursions: bool,
    /// Fills are made at the close, after the bar's highs and lows.
    pub(super) enters_at_close: bool,
}

impl Watch {
    /// Follows the best price of one position, and how far prices went, over one bar.
    #[inline]
    fn follow(self, history: &mut History, symbol: usize, row: usize, ranges: Ranges<'_>) {
        let close = ranges.close[symbol];
        let entered_now = self.enters_at_close && history.entry_row as usize == row;
        let looks_within = (self.touched || self.excursions) && !entered_now;
        let (low, high) = if looks_within { ranges.prices(symbol).extent() } else { (close, close) };
        if self.excursions {
            history.see(low, high);
        }
        let extreme = if history.side() > 0.0 { high } else { low };
        let price = if self.touched { extreme } else { close };
        if price > 0.0 {
            history.follow(price);
        }
    }
}

/// Cash and holdings.
#[derive(Debug)]
pub(super) struct Book {
    pub(super) cash: f64,
    /// Shares of every symbol, negative for a short; 0 where nothing is held.
    shares: Vec<f64>,
    /// Last closes of what is held or ordered, or the fill price before the first one.
    marks: Vec<f64>,
    /// Bars that a holding has had no close for, in a row, up to now.
    missing: Vec<u32>,
    /// One a symbol where somebody asks for them, else none.
    histories: Vec<History>,
    watch: Watch,
    /// What was settled last.
    settled: Vec<usize>,
    held: SymbolSet,
    /// The same, as a list.
    list: SymbolList,
    /// Held, but an order that closes it is out: no other decision concerns it.
    pub(super) leaving: SymbolSet,
}

impl Book {
    /// Nothing but cash. Exits and trades ask for [`History`], which costs time to keep.
    pub(super) fn new(cash: f64, symbols: usize, with_histories: bool, watch: Watch) -> Self {
        let histories = if with_histories { symbols } else { 0 };
        Self {
            cash,
            shares: vec![0.0; symbols],
            marks: vec![0.0; symbols],
            missing: vec![0; symbols],
            histories: vec![History::open(0, 0.0, 0.0, 0.0, Measures::UNKNOWN); histories],
            watch,
            settled: Vec::new(),
            held: SymbolSet::new(symbols),
            list: SymbolList::default(),
            leaving: SymbolSet::new(symbols),
        }
    }

    /// Cash and holdings at their marks. Sums run over every eighth symbol, so that none waits for the one before, and
    /// over all of them, as what is not held is worth 0.
    pub(super) fn equity(&self) -> f64 {
        let (shares, marks) = (self.shares.as_chunks::<LANES>(), self.marks.as_chunks::<LANES>());
        let mut sums = [0.0; LANES];
        for (shares, marks) in shares.0.iter().zip(marks.0) {
            for lane in 0..LANES {
                sums[lane] += shares[lane] * marks[lane];
            }
        }
        let rest = shares.1.iter().zip(marks.1).map(|(shares, mark)| shares * mark);
        self.cash + sums.into_iter().chain(rest).sum::<f64>()
    }

    /// Symbols that are held.
    pub(super) fn held(&self) -> &SymbolSet {
        &self.held
    }

    /// Prices of what is held, in symbol order. They lie far apart in memory: asked for all in a row, before anything is
    /// done with one, they come at the same time.
    pub(super) fn look(&mut self, ranges: Ranges<'_>, prices: &mut Vec<(usize, Prices)>) {
        let symbols = self.list.of(&self.held).iter().map(|&symbol| symbol as usize);
        prices.clear();
        prices.extend(symbols.map(|symbol| (symbol, ranges.prices(symbol))));
    }

    /// Symbols whose holdings were settled last.
    pub(super) fn settled(&self) -> &[usize] {
        &self.settled
    }

    /// Shares of a symbol; 0 where it is not held.
    #[inline]
    pub(super) fn shares(&self, symbol: usize) -> f64 {
        self.shares[symbol]
    }

    /// What a holding was last valued at.
    #[inline]
    pub(super) fn mark(&self, symbol: usize) -> f64 {
        self.marks[symbol]
    }

    /// A symbol's price among those of a bar, or what it was last valued at where it has none.
    pub(super) fn price_among(&self, prices: &[f64], symbol: usize) -> f64 {
        if prices[symbol] > 0.0 { prices[symbol] } else { self.marks[symbol] }
    }

    /// Money at the mark, negative for a short.
    #[inline]
    pub(super) fn value(&self, symbol: usize) -> f64 {
        self.shares[symbol] * self.marks[symbol]
    }

    /// Whether a holding had no close at the last bar.
    pub(super) fn is_stale(&self, symbol: usize) -> bool {
        self.missing[symbol] > 0
    }

    /// What became of a holding since it was opened, where that is kept.
    pub(super) fn history(&self, symbol: usize) -> Option<&History> {
        self.histories.get(symbol)
    }

    /// Opens a position.
    pub(super) fn open(
        &mut self,
        symbol: usize,
        row: usize,
        shares: f64,
        price: f64,
        costs: f64,
        measures: impl FnOnce() -> Measures,
    ) {
        self.shares[symbol] = shares;
        self.marks[symbol] = price;
        self.missing[symbol] = 0;
        self.held.insert(symbol);
        if let Some(history) = self.histories.get_mut(symbol) {
            *history = History::open(row, shares, price, costs, measures());
        }
    }

    /// Adds to a position on its own side, so that it holds `shares`.
    pub(super) fn increase_to(&mut self, symbol: usize, shares: f64, price: f64, costs: f64) {
        let held = std::mem::replace(&mut self.shares[symbol], shares);
        if let Some(history) = self.histories.get_mut(symbol) {
            history.increase(held, shares, price, costs);
        }
    }

    /// Takes from a position, so that it holds `shares`; says whether nothing is left.
    pub(super) fn decrease_to(&mut self, symbol: usize, shares: f64, price: f64, costs: f64) -> bool {
        let held = std::mem::replace(&mut self.shares[symbol], shares);
        if let Some(history) = self.histories.get_mut(symbol) {
            history.decrease(held, shares, price, costs);
        }
        let closed = shares == 0.0;
        if closed {
            self.held.remove(symbol);
            self.leaving.remove(symbol);
        }
        closed
    }

    /// A position as a trade: ended, or as it stands; where histories are kept.
    pub(super) fn trade(&self, symbol: usize, end: Option<(usize, Reason)>) -> Option<Trade> {
        let history = self.history(symbol)?;
        let closed_value = history.closed_value + self.value(symbol).abs();
        let entry_price = history.opened_value / history.opened_shares.abs();
        let (favourable, adverse) = history.excursions(entry_price);
        Some(Trade {
            symbol,
            entry_row: history.entry_row as usize,
            exit_row: end.map(|(row, _)| row),
            entry_price,
            exit_price: closed_value / history.opened_shares.abs(),
            shares: history.opened_shares,
            notional: history.opened_value,
            net_pnl: history.side() * (closed_value - history.opened_value) - history.costs,
            costs: history.costs,
            favourable,
            adverse,
            reason: end.map(|(_, reason)| reason),
        })
    }

    /// Values holdings at a bar's closes, and settles those that have had none for too long. Gives the equity, and
    /// whether any was settled.
    pub(super) fn value_at(
        &mut self,
        row: usize,
        ranges: Ranges<'_>,
        delisting: Delisting,
        recorder: &mut Recorder,
    ) -> (f64, bool) {
        let limit = delisting.after_missing_bars.max(1);
        let Self { marks, missing, histories, watch, list, held, .. } = self;
        let mut longest = 0;
        for &symbol in list.of(held) {
            let symbol = symbol as usize;
            let close = ranges.close[symbol];
            let known = close > 0.0;
            marks[symbol] = if known { close } else { marks[symbol] };
            missing[symbol] = if known { 0 } else { missing[symbol] + 1 };
            longest = longest.max(missing[symbol]);
        }
        if !histories.is_empty() {
            for &symbol in list.of(held) {
                watch.follow(&mut histories[symbol as usize], symbol as usize, row, ranges);
            }
        }
        let settled = longest >= limit;
        if settled {
            let gone = |book: &Self, symbol: usize| book.missing[symbol] >= limit;
            self.settle(row, 1.0 + delisting.return_fraction, Reason::Delisted, recorder, gone);
        }
        (self.equity(), settled)
    }

    /// Notes the last close of a symbol, and for how many bars it has had none since: what is not held, but ordered, is
    /// not seen to otherwise.
    pub(super) fn note(&mut self, symbol: usize, close: f64, missing: u32) {
        self.marks[symbol] = close;
        self.missing[symbol] = missing;
    }

    /// Follows one position over one bar.
    pub(super) fn watch(&mut self, symbol: usize, row: usize, ranges: Ranges<'_>) {
        if let Some(history) = self.histories.get_mut(symbol) {
            self.watch.follow(history, symbol, row, ranges);
        }
    }

    /// Pays for a bar's holding by what was held and owed at the close before.
    pub(super) fn carry(&mut self, rates: Rates, recorder: &mut Recorder) {
        let Self { shares, marks, histories, held, .. } = self;
        let mut carry = Carry::default();
        if rates.borrow > 0.0 {
            for symbol in held.iter().filter(|&symbol| shares[symbol] < 0.0) {
                let cost = -shares[symbol] * marks[symbol] * rates.borrow;
                carry.borrow += cost;
                if let Some(history) = histories.get_mut(symbol) {
                    history.costs += cost;
                }
            }
        }
        carry.interest = self.cash.max(0.0) * rates.cash;
        carry.financing = (-self.cash).max(0.0) * rates.financing;
        self.cash += carry.interest - carry.financing - carry.borrow;
        recorder.carried(carry);
    }

    /// Closes everything at its mark, without costs: there is no equity left.
    pub(super) fn ruin(&mut self, row: usize, recorder: &mut Recorder) {
        self.settle(row, 1.0, Reason::Ruin, recorder, |_, _| true);
    }

    fn settle(
        &mut self,
        row: usize,
        factor: f64,
        reason: Reason,
        recorder: &mut Recorder,
        which: impl Fn(&Self, usize) -> bool,
    ) {
        self.settled = self.held.iter().filter(|&symbol| which(self, symbol)).collect();
        for at in 0..self.settled.len() {
            let symbol = self.settled[at];
            let (shares, price) = (self.shares[symbol], self.marks[symbol] * factor);
            self.cash += shares * price;
            recorder.counts().delisted += usize::from(reason == Reason::Delisted);
            if self.decrease_to(symbol, 0.0, price, 0.0) {
                recorder.closed(self, symbol, row, reason);
            }
            recorder.settled(Order {
                decided: row,
                ended: Some(row),
                symbol,
                side: if shares > 0.0 { Side::Sell } else { Side::Buy },
                wanted: shares.abs(),
                filled: shares.abs(),
                price: Some(price),
                costs: 0.0,
                reason,
                fate: Fate::Filled,
            });
        }
    }
}
