//! The rules for values, applied to every cell that some file has a row for, and adjustment by `adj_close`.

use super::Adjustment;
use super::dense::Dense;
use super::ledger::{Repairs, Rule};
use super::values::Column;
use crate::error::Error;

/// Vendors round prices, so that a close may stand a hair above its high; a millionth of the price is no defect.
const ROUNDING: f64 = 1e-6;
const BAR: [&str; 6] = ["open", "high", "low", "close", "adj_close", "volume"];

/// Applies the rules for values, bar by bar.
pub(super) fn repair(dense: &mut Dense, repairs: &mut Repairs) {
    let places = BAR.map(|name| dense.columns.iter().position(|column| column.name == name));
    let [open, high, low, close, adjusted, volume] = places;
    let cells = dense.bars.len() * dense.symbols.len();
    for cell in 0..cells {
        if !dense.has_row(cell) {
            continue;
        }
        for index in 0..dense.columns.len() {
            let Column { name, values, .. } = &dense.columns[index];
            if values[cell].is_infinite() {
                repairs.count(Rule::Infinite, || dense.mention(cell, format!(", {name} {}", values[cell])));
                dense.columns[index].values[cell] = f64::NAN;
            }
        }
        let at =
            |dense: &Dense, place: Option<usize>| place.map_or(f64::NAN, |index| dense.columns[index].values[cell]);
        let [o, h, l, c] = [open, high, low, close].map(|place| at(dense, place));
        let defect = bar_defect(o, h, l, c);
        if let Some((rule, text)) = defect {
            repairs.count(rule, || dense.mention(cell, format!(", {text}")));
            for index in places.into_iter().flatten() {
                dense.columns[index].values[cell] = f64::NAN;
            }
        }
        if let Some(index) = adjusted.filter(|&index| dense.columns[index].values[cell] <= 0.0) {
            let value = dense.columns[index].values[cell];
            repairs.count(Rule::NonPositiveAdjusted, || dense.mention(cell, format!(", adj_close {value}")));
            dense.columns[index].values[cell] = f64::NAN;
        }
        if let Some(index) = volume.filter(|&index| dense.columns[index].values[cell] < 0.0) {
            let value = dense.columns[index].values[cell];
            repairs.count(Rule::NegativeVolume, || dense.mention(cell, format!(", volume {value}")));
            dense.columns[index].values[cell] = f64::NAN;
        }
        if defect.is_none() && at(dense, close).is_nan() {
            repairs.count(Rule::NoClose, || dense.mention(cell, String::new()));
        }
    }
}

/// What is wrong with a bar's prices; missing ones break no rule.
fn bar_defect(open: f64, high: f64, low: f64, close: f64) -> Option<(Rule, Defect)> {
    let prices = [("open", open), ("high", high), ("low", low), ("close", close)];
    if let Some(&price) = prices.iter().find(|(_, price)| *price <= 0.0) {
        return Some((Rule::NonPositive, Defect { price, limit: None }));
    }
    let above = |upper: f64, lower: f64| lower > upper * (1.0 + ROUNDING);
    let pairs = [(1, 2), (1, 0), (1, 3), (0, 2), (3, 2)];
    let (upper, lower) = pairs.into_iter().find(|&(upper, lower)| above(prices[upper].1, prices[lower].1))?;
    Some((Rule::OutsideRange, Defect { price: prices[upper], limit: Some(prices[lower]) }))
}

/// A price, and the price that it must not lie below.
#[derive(Clone, Copy)]
struct Defect {
    price: (&'static str, f64),
    limit: Option<(&'static str, f64)>,
}

impl std::fmt::Display for Defect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.price.0, self.price.1)?;
        match self.limit {
            Some((name, limit)) => write!(f, " below {name} {limit}"),
            None => Ok(()),
        }
    }
}

/// Puts `adj_close` in the place of `close` and scales the other prices of the bar alike. A close without one cannot be
/// compared with the others, so its bar becomes missing.
pub(super) fn adjust(dense: &mut Dense, adjustment: Adjustment, repairs: &mut Repairs) -> Result<(), Error> {
    if adjustment == Adjustment::None {
        return Ok(());
    }
    let position = |dense: &Dense, name: &str| dense.columns.iter().position(|column| column.name == name);
    let Some(adjusted) = position(dense, "adj_close") else {
        let problem = "has no column adj_close to adjust by; leave the adjustment out, or take it from another source";
        return Err(Error::unusable(&dense.origin, problem));
    };
    let adjusted = dense.columns.remove(adjusted);
    let [open, high, low, close, _, volume] = BAR.map(|name| position(dense, name));
    let close = close.expect("no table without a close comes this far");
    for (cell, &target) in adjusted.values.iter().enumerate() {
        let price = dense.columns[close].values[cell];
        if price.is_nan() {
            continue;
        }
        let factor = target / price;
        if factor.is_nan() {
            repairs.count(Rule::NoAdjusted, || dense.mention(cell, format!(", close {price}")));
        }
        for index in [open, high, low].into_iter().flatten() {
            dense.columns[index].values[cell] *= factor;
        }
        dense.columns[close].values[cell] = target;
        if let Some(index) = volume.filter(|_| adjustment == Adjustment::PricesAndVolume || factor.is_nan()) {
            dense.columns[index].values[cell] /= factor;
        }
    }
    Ok(())
}
