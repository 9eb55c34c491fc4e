//! An account that somebody else keeps: what a strategy would order for it.

use factor::{Exits, Positions};

use super::bars::Market;
use super::exits::Measures;
use super::settings::{Fill, Settings};
use super::{Detail, Reason, Rows, Simulator};

/// A holding, as a broker's statement has it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Holding {
    /// Index of the symbol.
    pub symbol: usize,
    /// Shares; negative for a short.
    pub shares: f64,
    /// Average price it was opened at; unknown, exits count from the last close.
    pub entry_price: Option<f64>,
    /// Row of the bar it was opened on; unknown, exits count from the last bar.
    pub entry_row: Option<usize>,
}

/// Cash and holdings.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Account {
    /// Money, negative where it is owed.
    pub cash: f64,
    /// At most one a symbol.
    pub holdings: Vec<Holding>,
}

/// An order that waits for its fill.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Intention {
    /// Index of the symbol.
    pub symbol: usize,
    /// Shares held now.
    pub held: f64,
    /// Shares to be held.
    pub target: f64,
    /// Row at whose close it was decided.
    pub decided: usize,
    /// Why.
    pub reason: Reason,
}

impl Holding {
    /// The row at whose close it was decided, if it was filled by the rules of the settings.
    pub(crate) fn decided_row(&self, fill: Fill) -> Option<usize> {
        self.entry_row.map(|row| if fill == Fill::SameClose { row } else { row.saturating_sub(1) })
    }
}

impl<'a> Simulator<'a> {
    /// A simulator that stands at the close of a bar with somebody's account, before anything is decided there.
    pub(crate) fn at_close(
        market: &'a Market<'a>,
        positions: Positions,
        exits: Exits,
        settings: &Settings,
        account: &Account,
        measures: &[Measures],
        row: usize,
    ) -> Self {
        let mut simulator = Self::new(market, positions, exits, settings, Detail::Trades);
        simulator.book.cash = account.cash;
        for (holding, measures) in account.holdings.iter().zip(measures) {
            let Holding { symbol, shares, entry_price, entry_row } = *holding;
            let (mark, missing) = market.last_close(row, symbol);
            let entry_row = entry_row.unwrap_or(row).min(row);
            let entry_price = entry_price.unwrap_or(mark);
            simulator.book.open(symbol, entry_row, shares, entry_price, 0.0, || *measures);
            simulator.book.note(symbol, mark, missing);
            for bar in entry_row..=row {
                simulator.book.watch(symbol, bar, market.ranges(bar));
            }
        }
        simulator.equity = simulator.book.equity();
        simulator
    }

    /// Decides at the close of a bar, on a rebalance `now` or when it is due.
    pub(crate) fn decide_at(&mut self, row: usize, rows: &Rows<'_>, now: bool) {
        if now {
            self.rebalance_on_next();
        }
        if self.solvent() {
            self.decide(row, rows);
        }
    }

    /// Cash and holdings at their last closes.
    pub(crate) fn equity(&self) -> f64 {
        self.equity
    }

    /// Cash.
    pub(crate) fn cash(&self) -> f64 {
        self.book.cash
    }

    /// Shares held of a symbol and the price they are valued at.
    pub(crate) fn holding(&self, symbol: usize) -> (f64, f64) {
        (self.book.shares(symbol), self.book.mark(symbol))
    }

    /// Orders that wait for their fill, in symbol order.
    pub fn intentions(&self) -> Vec<Intention> {
        self.orders.intentions(&self.book)
    }
}
