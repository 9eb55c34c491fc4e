//! Exits that need an entry: judged on the close, or touched within the bar.

use factor::{Exits, ScaledStop};

use super::Rows;
use super::bars::Prices;
use super::columns::Column;
use super::entries::Entry;
use super::outcome::Reason;

/// What stops are scaled by, as known at the close when an order is decided; NaN where it is not known, and then the
/// stop does not exist.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Measures {
    /// Deviation of one-bar returns.
    pub(super) volatility: f64,
    /// Average true range, in price.
    pub(super) average_true_range: f64,
}

impl Measures {
    pub(crate) const UNKNOWN: Self = Self { volatility: f64::NAN, average_true_range: f64::NAN };

    /// As known of a symbol on a row.
    pub(crate) fn of(rows: &Rows<'_>, symbol: usize) -> Self {
        let known = |row: Option<&[f64]>| row.map_or(f64::NAN, |row| row[symbol]);
        Self { volatility: known(rows.stop_volatility), average_true_range: known(rows.average_true_range) }
    }
}

/// The same by symbol; unknown everywhere where nobody measures.
#[derive(Debug, Default)]
pub(super) struct MeasureColumns {
    pub(super) volatility: Column,
    pub(super) average_true_range: Column,
}

impl MeasureColumns {
    pub(super) fn new(symbols: usize) -> Self {
        let column = || Column::new(f64::NAN, symbols);
        Self { volatility: column(), average_true_range: column() }
    }

    pub(super) fn is_kept(&self) -> bool {
        !self.volatility.is_empty()
    }

    /// Those of a symbol.
    pub(super) fn of(&self, symbol: usize) -> Measures {
        if !self.is_kept() {
            return Measures::UNKNOWN;
        }
        Measures { volatility: self.volatility[symbol], average_true_range: self.average_true_range[symbol] }
    }

    pub(super) fn set(&mut self, symbol: usize, measures: Measures) {
        self.volatility[symbol] = measures.volatility;
        self.average_true_range[symbol] = measures.average_true_range;
    }
}

/// The first exit that fires at this bar's close, in the order of the fields of [`Exits`]. On a bar without a close the
/// last one stands in for it. Shorts mirror longs: a gain is a fall.
pub(super) fn due(exits: &Exits, entry: &Entry, mark: f64, row: usize) -> Option<Reason> {
    let Entry { side, row: entry_row, price: entry, best, measures } = *entry;
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
    if exits.max_holding.is_some_and(|bars| row as f64 - entry_row >= f64::from(bars)) {
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

/// The exit that a bar's prices touch, and the price it is made at. A stop comes before a target; of several stops the
/// nearest comes first, of equals that which stands first in [`Exits`]. Where the bar opens beyond a stop, that is the
/// price; a target never brings more than its level. Shorts mirror longs.
pub(super) fn touched(exits: &Exits, entry: &Entry, prices: &Prices) -> Option<(Reason, f64)> {
    let Entry { side, price: entry, best, measures, .. } = *entry;
    let (low, high) = prices.extent();
    // The prices that hurt a position and those that help it, so that less is always worse.
    let worst = if side > 0.0 { low } else { -high };
    let most = if side > 0.0 { high } else { -low };
    let open = side * prices.open;
    let armed = exits.trailing_stop.filter(|stop| side * (best - entry) >= stop.activation * entry);
    let away = |distance: Option<f64>| distance.map_or(f64::NAN, |distance| entry - side * distance);
    let scaled = |stop: Option<ScaledStop>, measure: f64| away(stop.map(|stop| stop.multiplier * measure));
    let stops = [
        (Reason::StopLoss, away(exits.stop_loss.map(|fraction| fraction * entry))),
        (Reason::TrailingStop, armed.map_or(f64::NAN, |stop| best - side * stop.trail * best)),
        (Reason::VolatilityStop, scaled(exits.volatility_stop, measures.volatility * entry)),
        (Reason::AtrStop, scaled(exits.atr_stop, measures.average_true_range)),
    ];
    // A price cannot fall to nothing, and a comparison with NaN is false: such stops do not exist.
    let mut nearest: Option<(Reason, f64)> = None;
    for (reason, level) in stops {
        let closer = nearest.is_none_or(|(_, found)| side * level > found);
        if level > 0.0 && worst <= side * level && closer {
            nearest = Some((reason, side * level));
        }
    }
    if let Some((reason, level)) = nearest {
        return Some((reason, side * if open < level { open } else { level }));
    }
    let target = away(exits.take_profit.map(|fraction| -fraction * entry));
    (target > 0.0 && most >= side * target).then_some((Reason::TakeProfit, target))
}
