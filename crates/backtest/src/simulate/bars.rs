//! What simulations need of a panel, prepared once.

use factor::Rebalance;
use market::Panel;

use super::settings::Fill;
use super::symbols::{mask, words};

/// What every simulation of a run needs of a panel, prepared once and shared by all of them.
///
/// A price that is missing or not above zero does not exist: the symbol cannot be traded at it. Who may be chosen at a
/// bar is a member of the universe ([`Panel::members`]) with a close.
#[derive(Debug, Clone)]
pub struct Market<'a> {
    symbols: usize,
    bars: usize,
    open: Option<&'a [f64]>,
    close: &'a [f64],
    members: Vec<bool>,
    /// Who may be chosen: for each bar the words of a set of symbols.
    choosable: Vec<u64>,
    /// How many those are, bar by bar.
    counts: Vec<u32>,
    starts: Vec<Start>,
}

/// What begins with a bar.
#[derive(Debug, Clone, Copy)]
struct Start {
    week: bool,
    month: bool,
}

impl<'a> Market<'a> {
    /// Looks up prices and counts members, bar by bar.
    ///
    /// # Panics
    /// Never: a panel without `close` cannot be built.
    pub fn new(panel: &'a Panel) -> Self {
        let close = panel.values("close").expect("a panel without `close` cannot be built");
        let calendar = panel.calendar();
        let (bars, symbols) = (panel.bars(), panel.symbols().len());
        let mut market = Self {
            symbols,
            bars,
            open: panel.values("open"),
            close,
            members: panel.members(),
            choosable: Vec::new(),
            counts: Vec::new(),
            starts: (0..bars)
                .map(|row| Start { week: calendar.starts_week(row), month: calendar.starts_month(row) })
                .collect(),
        };
        market.choosable = (0..bars).flat_map(|row| market.find_choosable(row)).collect();
        let of_bar = |row| market.choosable_words(row).iter().map(|word| word.count_ones()).sum();
        market.counts = (0..bars).map(of_bar).collect();
        market
    }

    /// Number of bars.
    pub fn bars(&self) -> usize {
        self.bars
    }

    /// Number of symbols.
    pub fn symbols(&self) -> usize {
        self.symbols
    }

    /// Members of the universe, `[bars x symbols]`, as [`Panel::members`] gives them.
    pub fn members(&self) -> &[bool] {
        &self.members
    }

    /// Whether there are opens; without them, fills at the next open are made at the next close.
    pub fn has_open(&self) -> bool {
        self.open.is_some()
    }

    /// Number of symbols that may be chosen at a bar: what a count that is a fraction is a fraction of.
    pub fn choosable(&self, row: usize) -> usize {
        self.counts[row] as usize
    }

    /// Whether targets are set at a bar.
    pub fn rebalances(&self, row: usize, rebalance: Rebalance) -> bool {
        match rebalance {
            Rebalance::Daily => true,
            Rebalance::Weekly => self.starts[row].week,
            Rebalance::Monthly => self.starts[row].month,
        }
    }

    /// Closes of one bar, `[symbols]`.
    pub(super) fn close(&self, row: usize) -> &'a [f64] {
        &self.close[row * self.symbols..][..self.symbols]
    }

    /// Prices at which orders are filled on one bar, `[symbols]`.
    pub(super) fn fill_prices(&self, row: usize, fill: Fill) -> &'a [f64] {
        match (fill, self.open) {
            (Fill::NextOpen, Some(open)) => &open[row * self.symbols..][..self.symbols],
            _ => self.close(row),
        }
    }

    /// Who may be chosen at one bar: the words of a set of symbols.
    pub(super) fn choosable_words(&self, row: usize) -> &[u64] {
        let words = words(self.symbols);
        &self.choosable[row * words..][..words]
    }

    fn find_choosable(&self, row: usize) -> impl Iterator<Item = u64> {
        let (close, members) = (self.close(row), &self.members[row * self.symbols..][..self.symbols]);
        (0..words(self.symbols))
            .map(|word| mask(close, word, |price| price > 0.0) & mask(members, word, |is_member| is_member))
    }
}
