//! Cash and what is held: a sparse list, so that a bar costs by what is held, not by what there is.

use super::exits::Measures;
use super::record::{Fate, Order, Reason, Recorder, Side, Trade};
use super::settings::Delisting;

/// A position, from its first fill to its last.
#[derive(Debug, Clone, Copy)]
pub(super) struct Holding {
    pub(super) symbol: u32,
    /// Row of the first fill.
    pub(super) entry_row: u32,
    /// Bars without a close, in a row, up to now.
    pub(super) missing: u32,
    /// An order that closes it is out: no other decision concerns it.
    pub(super) leaving: bool,
    /// Negative for a short; 0 only between a fill that closes it and the end of that bar's fills.
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
            leaving: false,
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
    pub(super) fn decrease_to(&mut self, shares: f64, price: f64, costs: f64) {
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

/// Cash and holdings. Between bars, the holdings stand in symbol order and none has 0 shares.
#[derive(Debug)]
pub(super) struct Book {
    pub(super) cash: f64,
    pub(super) holdings: Vec<Holding>,
    /// Opened during this bar's fills, not yet among the others.
    fresh: Vec<Holding>,
}

impl Book {
    pub(super) fn new(cash: f64) -> Self {
        Self { cash, holdings: Vec::new(), fresh: Vec::new() }
    }

    /// Cash and holdings at their marks, summed in symbol order.
    pub(super) fn equity(&self) -> f64 {
        self.holdings.iter().fold(self.cash, |sum, holding| sum + holding.value())
    }

    pub(super) fn holds(&self, symbol: u32) -> bool {
        self.holdings.binary_search_by_key(&symbol, |holding| holding.symbol).is_ok()
    }

    /// Keeps a new holding until [`Book::tidy`] puts it among the others.
    pub(super) fn add(&mut self, holding: Holding) {
        self.fresh.push(holding);
    }

    /// Ends a bar's fills: drops what was closed, and puts what was opened in its place.
    pub(super) fn tidy(&mut self) {
        self.holdings.retain(|holding| holding.shares != 0.0);
        if self.fresh.is_empty() {
            return;
        }
        self.fresh.sort_unstable_by_key(|holding| holding.symbol);
        // Two sorted lists become one, from the back, in the longer one's place.
        let (mut old, mut new) = (self.holdings.len(), self.fresh.len());
        self.holdings.extend_from_slice(&self.fresh);
        while new > 0 {
            let place = old + new - 1;
            let after = old > 0 && self.holdings[old - 1].symbol > self.fresh[new - 1].symbol;
            self.holdings[place] = if after {
                old -= 1;
                self.holdings[old]
            } else {
                new -= 1;
                self.fresh[new]
            };
        }
        self.fresh.clear();
    }

    /// Values holdings at a bar's closes, and settles those that have had none for too long. Says whether any was.
    pub(super) fn mark(&mut self, row: usize, close: &[f64], delisting: Delisting, recorder: &mut Recorder) -> bool {
        let limit = delisting.after_missing_bars.max(1);
        let mut settled = false;
        for holding in &mut self.holdings {
            let price = close[holding.symbol as usize];
            if price > 0.0 {
                holding.mark = price;
                holding.missing = 0;
                holding.best = if holding.side() > 0.0 { holding.best.max(price) } else { holding.best.min(price) };
            } else {
                holding.missing += 1;
                settled |= holding.missing >= limit;
            }
        }
        if settled {
            let factor = 1.0 + delisting.return_fraction;
            self.settle(row, factor, Reason::Delisted, recorder, |holding| holding.missing >= limit);
        }
        settled
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
        for holding in self.holdings.iter_mut().filter(|holding| which(holding)) {
            let (shares, price) = (holding.shares, holding.mark * factor);
            let side = if shares > 0.0 { Side::Sell } else { Side::Buy };
            self.cash += shares * price;
            holding.decrease_to(0.0, price, 0.0);
            recorder.counts().delisted += usize::from(reason == Reason::Delisted);
            recorder.closed(holding, row, reason);
            recorder.order(|| Order {
                decided: row,
                ended: Some(row),
                symbol: holding.symbol as usize,
                side,
                wanted: shares.abs(),
                filled: shares.abs(),
                price: Some(price),
                costs: 0.0,
                reason,
                fate: Fate::Filled,
            });
        }
        self.holdings.retain(|holding| holding.shares != 0.0);
    }
}
