//! One order on its way to its fill.

use super::outcome::{Fate, Order, Reason, Side};
use super::record::{Executed, Recorder};

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
    /// The part of equity that its target is; 0 where it is so many shares.
    pub(super) weight: f64,
    pub(super) stage: Stage,
    /// The bar's price, once its fills have begun; not above 0 where it has none.
    pub(super) price: f64,
    /// What the bar lets it come to, once its fills have begun: the target, or as far towards it as there is volume.
    pub(super) reach: f64,
    /// What it leaves of what is held before anything is opened, likewise.
    pub(super) reduced: f64,
    /// Why the bar lets it come no further.
    pub(super) obstacle: Fate,
    pub(super) is_executed: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Nothing has been tried.
    New,
    /// Opens a position, once this bar's sales and covers are made.
    Opening,
    /// Increases a position, likewise.
    Increasing,
    /// Waits for the symbol's next price or volume.
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
            weight: 0.0,
            stage: Stage::New,
            price: f64::NAN,
            reach: target,
            reduced: 0.0,
            obstacle: Fate::Untradable,
            is_executed: false,
        }
    }

    pub(super) fn symbol(&self) -> usize {
        self.symbol as usize
    }

    /// Whether it waits for the next price or volume.
    pub(super) fn is_delayed(&self) -> bool {
        self.stage == Stage::Delayed
    }

    /// Whether the bar lets it come as far as it wants.
    pub(super) fn is_whole(&self) -> bool {
        self.reach == self.target
    }

    /// Writes down what became of it.
    pub(super) fn end(&self, row: usize, fate: Fate, recorder: &mut Recorder) {
        recorder.counts().fills += usize::from(self.is_executed);
        recorder.order(self.symbol(), |executed| self.order(executed, Some(row), fate));
    }

    pub(super) fn order(&self, executed: Executed, ended: Option<usize>, fate: Fate) -> Order {
        let change = self.target - self.held;
        Order {
            decided: self.decided as usize,
            ended,
            symbol: self.symbol(),
            side: if change > 0.0 { Side::Buy } else { Side::Sell },
            wanted: change.abs(),
            filled: executed.shares,
            price: executed.price(),
            costs: executed.charge.total(),
            reason: self.reason,
            fate,
        }
    }
}

pub(super) const LONG: usize = 0;
pub(super) const SHORT: usize = 1;

pub(super) fn side(shares: f64) -> usize {
    if shares < 0.0 { SHORT } else { LONG }
}

/// What is left of a position once an order has reduced it: nothing, where its target lies on the other side.
#[inline(always)]
pub(super) fn reduced(held: f64, target: f64) -> f64 {
    let nearer = if target.abs() < held.abs() { target } else { held };
    if held * target <= 0.0 { 0.0 } else { nearer }
}
