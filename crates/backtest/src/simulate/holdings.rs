//! Cash and what is held. A set says which symbols are, so that a bar costs by what is held, not by what there is; each
//! has its place, so that nothing is searched for, moved or sorted.

use super::exits::Measures;
use super::record::{Fate, Order, Reason, Recorder, Side, Trade};
use super::settings::Delisting;
use super::symbols::SymbolSet;

/// A position, from its first fill to its last.
#[derive(Debug, Clone, Copy)]
pub(super) struct Holding {
    pub(super) symbol: u32,
    /// Row of the first fill.
    pub(super) entry_row: u32,
    /// Bars without a close, in a row, up to now.
    pub(super) missing: u32,
    /// Negative for a short; 0 where nothing is held.
    pub(super) shares: f64,
    /// The last close, or the fill price before the first one.
    pub(super) mark: f64,
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

impl Holding {
    pub(super) fn open(symbol: u32, row: usize, shares: f64, price: f64, costs: f64, measures: Measures) -> Self {
        Self {
            symbol,
            entry_row: row as u32,
            missing: 0,
            shares,
            mark: price,
            entry_price: price,
            best: price,
            measures,
            opened_shares: shares,
            opened_value: shares.abs() * price,
            closed_value: 0.0,
            costs,
        }
    }

    /// Adds to the position on its own side, so that it holds `shares`.
    pub(super) fn increase_to(&mut self, shares: f64, price: f64, costs: f64) {
        let (held, added) = (self.shares.abs(), (shares - self.shares).abs());
        self.entry_price = (held * self.entry_price + added * price) / (held + added);
        self.opened_shares += shares - self.shares;
        self.opened_value += added * price;
        self.costs += costs;
        self.shares = shares;
    }

    /// Takes from the position, so that it holds `shares`.
    fn decrease_to(&mut self, shares: f64, price: f64, costs: f64) {
        self.closed_value += (shares - self.shares).abs() * price;
        self.costs += costs;
        self.shares = shares;
    }

    /// 1 for a long position, -1 for a short one.
    pub(super) fn side(&self) -> f64 {
        self.opened_shares.signum()
    }

    /// Money at the mark, negative for a short.
    pub(super) fn value(&self) -> f64 {
        self.shares * self.mark
    }

    /// The position as a trade: ended, or as it stands.
    pub(super) fn trade(&self, end: Option<(usize, Reason)>) -> Trade {
        let closed_value = self.closed_value + self.value().abs();
        Trade {
            symbol: self.symbol as usize,
            entry_row: self.entry_row as usize,
            exit_row: end.map(|(row, _)| row),
            entry_price: self.opened_value / self.opened_shares.abs(),
            exit_price: closed_value / self.opened_shares.abs(),
            shares: self.opened_shares,
            notional: self.opened_value,
            net_pnl: self.side() * (closed_value - self.opened_value) - self.costs,
            costs: self.costs,
            reason: end.map(|(_, reason)| reason),
        }
    }
}

/// Cash and holdings.
#[derive(Debug)]
pub(super) struct Book {
    pub(super) cash: f64,
    /// One place a symbol; what stands there counts where the symbol is held.
    holdings: Vec<Holding>,
    held: SymbolSet,
    /// Held, but an order that closes it is out: no other decision concerns it.
    pub(super) leaving: SymbolSet,
}

impl Book {
    pub(super) fn new(cash: f64, symbols: usize) -> Self {
        let nothing = |symbol| Holding::open(symbol as u32, 0, 0.0, 0.0, 0.0, Measures::UNKNOWN);
        let holdings = (0..symbols).map(nothing).collect();
        Self { cash, holdings, held: SymbolSet::new(symbols), leaving: SymbolSet::new(symbols) }
    }

    /// Cash and holdings at their marks, summed in symbol order.
    pub(super) fn equity(&self) -> f64 {
        self.iter().fold(self.cash, |sum, holding| sum + holding.value())
    }

    /// Symbols that are held.
    pub(super) fn held(&self) -> &SymbolSet {
        &self.held
    }

    /// What is held, in symbol order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Holding> {
        self.held.iter().map(|symbol| &self.holdings[symbol])
    }

    pub(super) fn get(&self, symbol: usize) -> Option<&Holding> {
        self.held.contains(symbol).then(|| &self.holdings[symbol])
    }

    pub(super) fn get_mut(&mut self, symbol: usize) -> Option<&mut Holding> {
        self.held.contains(symbol).then(|| &mut self.holdings[symbol])
    }

    /// Shares of a symbol; 0 where it is not held.
    #[inline]
    pub(super) fn shares(&self, symbol: usize) -> f64 {
        self.holdings[symbol].shares
    }

    pub(super) fn add(&mut self, holding: Holding) {
        let symbol = holding.symbol as usize;
        self.holdings[symbol] = holding;
        self.held.insert(symbol);
    }

    /// Takes from a position, so that it holds `shares`; gives what it was where nothing is left.
    pub(super) fn decrease_to(&mut self, symbol: usize, shares: f64, price: f64, costs: f64) -> Option<Holding> {
        let holding = &mut self.holdings[symbol];
        holding.decrease_to(shares, price, costs);
        if shares != 0.0 {
            return None;
        }
        let closed = *holding;
        self.held.remove(symbol);
        self.leaving.remove(symbol);
        Some(closed)
    }

    /// Values holdings at a bar's closes, and settles those that have had none for too long. Gives the equity, and
    /// whether any was settled.
    pub(super) fn mark(
        &mut self,
        row: usize,
        close: &[f64],
        delisting: Delisting,
        recorder: &mut Recorder,
    ) -> (f64, bool) {
        let limit = delisting.after_missing_bars.max(1);
        let mut settled = false;
        let mut equity = self.cash;
        for symbol in self.held.iter() {
            let (holding, price) = (&mut self.holdings[symbol], close[symbol]);
            if price > 0.0 {
                let Holding { best, .. } = *holding;
                let (high, low) = (if price > best { price } else { best }, if price < best { price } else { best });
                holding.mark = price;
                holding.missing = 0;
                holding.best = if holding.side() > 0.0 { high } else { low };
            } else {
                holding.missing += 1;
                settled |= holding.missing >= limit;
            }
            equity += holding.value();
        }
        if settled {
            let factor = 1.0 + delisting.return_fraction;
            self.settle(row, factor, Reason::Delisted, recorder, |holding| holding.missing >= limit);
            equity = self.equity();
        }
        (equity, settled)
    }

    /// Closes everything at its mark, without costs: there is no equity left.
    pub(super) fn ruin(&mut self, row: usize, recorder: &mut Recorder) {
        self.settle(row, 1.0, Reason::Ruin, recorder, |_| true);
    }

    fn settle(
        &mut self,
        row: usize,
        factor: f64,
        reason: Reason,
        recorder: &mut Recorder,
        which: impl Fn(&Holding) -> bool,
    ) {
        let settled: Vec<Holding> = self.iter().filter(|holding| which(holding)).copied().collect();
        for Holding { symbol, shares, mark, .. } in settled {
            let price = mark * factor;
            let side = if shares > 0.0 { Side::Sell } else { Side::Buy };
            self.cash += shares * price;
            recorder.counts().delisted += usize::from(reason == Reason::Delisted);
            if let Some(closed) = self.decrease_to(symbol as usize, 0.0, price, 0.0) {
                recorder.closed(&closed, row, reason);
            }
            recorder.order(|| Order {
                decided: row,
                ended: Some(row),
                symbol: symbol as usize,
                side,
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
