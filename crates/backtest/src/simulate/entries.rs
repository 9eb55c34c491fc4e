//! Positions as their exits see them.

use super::columns::Column;
use super::exits::{MeasureColumns, Measures};

/// A position as its exits see it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    /// 1 for a long position, -1 for a short one.
    pub(super) side: f64,
    /// Row of the first fill.
    pub(super) row: f64,
    /// Average price of what is held.
    pub(super) price: f64,
    /// Best of the first fill's price and what is looked at since: the highest, for a short the lowest.
    pub(super) best: f64,
    /// What its stops are scaled by, as known when the order was given that opened it.
    pub(super) measures: Measures,
}

/// The same of all positions, by symbol; empty where nobody asks.
#[derive(Debug, Default)]
pub(super) struct Entries {
    pub(super) row: Column,
    pub(super) price: Column,
    pub(super) best: Column,
    pub(super) measures: MeasureColumns,
}

impl Entries {
    pub(super) fn new(symbols: usize) -> Self {
        let column = || Column::new(0.0, symbols);
        Self { row: column(), price: column(), best: column(), measures: MeasureColumns::new(symbols) }
    }

    pub(super) fn is_kept(&self) -> bool {
        !self.row.is_empty()
    }
}

/// The price at which a position's shares were bought on average, once more are added to it.
#[inline(always)]
pub(super) fn average_entry(entry: f64, held: f64, shares: f64, price: f64) -> f64 {
    let (before, added) = (held.abs(), (shares - held).abs());
    (before * entry + added * price) / (before + added)
}
