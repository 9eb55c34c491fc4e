//! Cash and what is held. Every symbol has its place, so that nothing is searched for, moved or sorted; a set says which
//! are held. Valuing runs over all places, several at once; what else a bar does costs by what is held.

use super::exits::Measures;
use super::record::{Fate, Order, Reason, Recorder, Side, Trade};
use super::settings::Delisting;
use super::symbols::SymbolSet;

/// A position, from its first fill to its last, as exits and trades need it.
#[derive(Debug, Clone, Copy)]
pub(super) struct History {
    /// Row of the first fill.
    pub(super) entry_row: u32,
    /// Average price of what is held.
    pub(super) entry_price: f64,
    /// Best of the first fill's price and all closes since: the highest, for a short the lowest.
    pub(super) best: f64,
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
    }

    fn decrease(&mut self, held: f64, shares: f64, price: f64, costs: f64) {
        self.closed_value += (shares - held).abs() * price;
        self.costs += costs;
    }

    fn see(&mut self, close: f64) {
        let better = if self.side() > 0.0 { close > self.best } else { close < self.best };
        self.best = if better { close } else { self.best };
    }

    /// 1 for a long position, -1 for a short one.
    pub(super) fn side(&self) -> f64 {
        self.opened_shares.signum()
    }
}

/// Cash and holdings.
#[derive(Debug)]
pub(super) struct Book {
    pub(super) cash: f64,
    /// Shares of every symbol, negative for a short; 0 where nothing is held.
    shares: Vec<f64>,
    /// Last closes, or the fill price before the first one; they count where a symbol is held, as what follows does.
    marks: Vec<f64>,
    /// Bars without a close, in a row, up to now.
    missing: Vec<u32>,
    /// One a symbol where somebody asks for them, else none.
    histories: Vec<History>,
    held: SymbolSet,
    /// Held, but an order that closes it is out: no other decision concerns it.
    pub(super) leaving: SymbolSet,
}

impl Book {
    /// Nothing but cash. Exits and trades ask for [`History`], which costs time to keep.
    pub(super) fn new(cash: f64, symbols: usize, with_histories: bool) -> Self {
        let histories = if with_histories { symbols } else { 0 };
        Self {
            cash,
            shares: vec![0.0; symbols],
            marks: vec![0.0; symbols],
            missing: vec![0; symbols],
            histories: vec![History::open(0, 0.0, 0.0, 0.0, Measures::UNKNOWN); histories],
            held: SymbolSet::new(symbols),
            leaving: SymbolSet::new(symbols),
        }
    }

    /// Cash and holdings at their marks. Sums run over every eighth symbol, so that none waits for the one before, and
    /// over all of them, as what is not held is worth 0.
    pub(super) fn equity(&self) -> f64 {
        const LANES: usize = 8;
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
        Some(Trade {
            symbol,
            entry_row: history.entry_row as usize,
            exit_row: end.map(|(row, _)| row),
            entry_price: history.opened_value / history.opened_shares.abs(),
            exit_price: closed_value / history.opened_shares.abs(),
            shares: history.opened_shares,
            notional: history.opened_value,
            net_pnl: history.side() * (closed_value - history.opened_value) - history.costs,
            costs: history.costs,
            reason: end.map(|(_, reason)| reason),
        })
    }

    /// Values holdings at a bar's closes, and settles those that have had none for too long. Gives the equity, and
    /// whether any was settled.
    pub(super) fn value_at(
        &mut self,
        row: usize,
        close: &[f64],
        delisting: Delisting,
        recorder: &mut Recorder,
    ) -> (f64, bool) {
        let limit = delisting.after_missing_bars.max(1);
        // Of all symbols and not of those that are held, as several are seen to at once; what is not held counts for
        // nothing.
        let mut gone = 0;
        for (((&price, &shares), mark), missing) in
            close.iter().zip(&self.shares).zip(&mut self.marks).zip(&mut self.missing)
        {
            let known = price > 0.0;
            *mark = if known { price } else { *mark };
            *missing = if known { 0 } else { missing.saturating_add(1) };
            gone |= u32::from(shares != 0.0) & u32::from(*missing >= limit);
        }
        if !self.histories.is_empty() {
            for symbol in self.held.iter().filter(|&symbol| close[symbol] > 0.0) {
                self.histories[symbol].see(close[symbol]);
            }
        }
        let settled = gone != 0;
        let mut equity = self.equity();
        if settled {
            let gone = |book: &Self, symbol: usize| book.missing[symbol] >= limit;
            self.settle(row, 1.0 + delisting.return_fraction, Reason::Delisted, recorder, gone);
            equity = self.equity();
        }
        (equity, settled)
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
        let settled: Vec<usize> = self.held.iter().filter(|&symbol| which(self, symbol)).collect();
        for symbol in settled {
            let (shares, price) = (self.shares[symbol], self.marks[symbol] * factor);
            self.cash += shares * price;
            recorder.counts().delisted += usize::from(reason == Reason::Delisted);
            if self.decrease_to(symbol, 0.0, price, 0.0) {
                recorder.closed(self, symbol, row, reason);
            }
            recorder.order(symbol, |_| Order {
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
