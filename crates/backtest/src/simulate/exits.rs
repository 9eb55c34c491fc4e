//! Exits that need an entry, judged on the close.

use factor::{Exits, ScaledStop};

use super::holdings::History;
use super::record::Reason;

/// What stops are scaled by, as known at the close when an order is decided; NaN where it is not known, and then the
/// stop does not exist.
#[derive(Debug, Clone, Copy)]
pub(super) struct Measures {
    /// Deviation of one-bar returns.
    pub(super) volatility: f64,
    /// Average true range, in price.
    pub(super) average_true_range: f64,
}

impl Measures {
    pub(super) const UNKNOWN: Self = Self { volatility: f64::NAN, average_true_range: f64::NAN };
}

/// The first exit that fires at this bar's close, in the order of the fields of [`Exits`]. On a bar without a close the
/// last one stands in for it. Shorts mirror longs: a gain is a fall.
pub(super) fn due(exits: &Exits, history: &History, mark: f64, row: usize) -> Option<Reason> {
    let History { entry_price: entry, best, measures, .. } = *history;
    let side = history.side();
    let gain = side * (mark - entry);
    // A comparison with NaN is false, and so a stop of unknown distance never fires.
    let lost = |distance: f64| gain <= -distance;
    let scaled = |stop: Option<ScaledStop>, measure: f64| stop.is_some_and(|stop| lost(stop.multiplier * measure));

    if exits.stop_loss.is_some_and(|fraction| lost(fraction * entry)) {
        return Some(Reason::StopLoss);
    }
    if let Some(stop) = exits.trailing_stop
        && side * (best - entry) >= stop.activation * entry
        && side * (mark - best) <= -stop.trail * best
    {
        return Some(Reason::TrailingStop);
    }
    if exits.take_profit.is_some_and(|fraction| gain >= fraction * entry) {
        return Some(Reason::TakeProfit);
    }
    if exits.max_holding.is_some_and(|bars| row - history.entry_row as usize >= bars as usize) {
        return Some(Reason::MaxHolding);
    }
    if scaled(exits.volatility_stop, measures.volatility * entry) {
        return Some(Reason::VolatilityStop);
    }
    if scaled(exits.atr_stop, measures.average_true_range) {
        return Some(Reason::AtrStop);
    }
    None
}
