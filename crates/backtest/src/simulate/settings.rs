//! What a simulation assumes: capital, costs, fills, delisting; and how bars are cut into periods.

use std::fmt;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::Error;

const BASIS_POINT: f64 = 1e-4;

/// What trading costs, in basis points of traded value.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Costs {
    /// Commission, on both sides.
    pub commission_bps: f64,
    /// Half of the spread between bid and ask, on both sides.
    pub half_spread_bps: f64,
    /// Tax on sales, short sales included.
    pub sell_tax_bps: f64,
}

impl Default for Costs {
    fn default() -> Self {
        Self { commission_bps: 5.0, half_spread_bps: 2.0, sell_tax_bps: 0.0 }
    }
}

impl Costs {
    /// Trading for nothing.
    pub const FREE: Self = Self { commission_bps: 0.0, half_spread_bps: 0.0, sell_tax_bps: 0.0 };

    /// Cost of buying, as a fraction of traded value.
    pub fn buy_rate(&self) -> f64 {
        (self.commission_bps + self.half_spread_bps) * BASIS_POINT
    }

    /// Cost of trading this much money, by type.
    pub(super) fn of(&self, value: f64, sell: bool) -> Charge {
        Charge {
            commission: value * (self.commission_bps * BASIS_POINT),
            half_spread: value * (self.half_spread_bps * BASIS_POINT),
            sell_tax: if sell { value * (self.sell_tax_bps * BASIS_POINT) } else { 0.0 },
        }
    }
}

impl fmt::Display for Costs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { commission_bps, half_spread_bps, sell_tax_bps } = self;
        write!(f, "{commission_bps} bps commission, {half_spread_bps} bps half-spread, {sell_tax_bps} bps sell tax")
    }
}

/// Money paid for trading, by type.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Charge {
    pub(super) commission: f64,
    pub(super) half_spread: f64,
    pub(super) sell_tax: f64,
}

impl Charge {
    pub(super) fn total(&self) -> f64 {
        self.commission + self.half_spread + self.sell_tax
    }

    pub(super) fn add(&mut self, other: Charge) {
        self.commission += other.commission;
        self.half_spread += other.half_spread;
        self.sell_tax += other.sell_tax;
    }
}

/// At which price an order decided at the close of bar `t` is filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fill {
    /// Bar `t + 1`'s open; its close, in a market without an `open` field.
    #[default]
    NextOpen,
    /// Bar `t + 1`'s close.
    NextClose,
    /// Bar `t`'s own close. Nobody can trade at a price that the decision already used: this is for matching another
    /// tool's figures.
    SameClose,
}

impl fmt::Display for Fill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Fill::NextOpen => "next open",
            Fill::NextClose => "next close",
            Fill::SameClose => "same close (a decision filled at the price it was made on)",
        })
    }
}

/// What becomes of a holding whose symbol no longer trades. It is never closed because the file ends.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Delisting {
    /// Bars without a close, in a row, after which the holding is settled; at least 1.
    pub after_missing_bars: u32,
    /// Settled at the last close times one plus this; -1 makes the shares worthless. A settlement is no trade and
    /// pays no costs.
    pub return_fraction: f64,
}

impl Default for Delisting {
    fn default() -> Self {
        Self { after_missing_bars: 10, return_fraction: 0.0 }
    }
}

/// What a simulation assumes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Money at the start.
    pub capital: f64,
    /// What trading costs.
    pub costs: Costs,
    /// At which price orders are filled.
    pub fill: Fill,
    /// What becomes of symbols that no longer trade.
    pub delisting: Delisting,
}

impl Default for Settings {
    fn default() -> Self {
        Self { capital: 1e6, costs: Costs::default(), fill: Fill::default(), delisting: Delisting::default() }
    }
}

impl Settings {
    /// Whether every number makes sense; a simulation with other numbers runs, but means nothing.
    ///
    /// # Errors
    /// The first number outside its range.
    pub fn check(&self) -> Result<(), Error> {
        let within = |key: &str, range: &str, value: f64, fits: bool| {
            let message = || Error::Setting(format!("`backtest.{key}` must be {range}, not {value}"));
            if fits { Ok(()) } else { Err(message()) }
        };
        let (capital, loss) = (self.capital, self.delisting.return_fraction);
        within("capital", "above 0", capital, capital > 0.0 && capital.is_finite())?;
        for (key, value) in [
            ("costs.commission_bps", self.costs.commission_bps),
            ("costs.half_spread_bps", self.costs.half_spread_bps),
            ("costs.sell_tax_bps", self.costs.sell_tax_bps),
        ] {
            within(key, "from 0 to 5000 basis points", value, (0.0..=5000.0).contains(&value))?;
        }
        within("delisting.return_fraction", "from -1 to 10", loss, (-1.0..=10.0).contains(&loss))?;
        let missing = self.delisting.after_missing_bars;
        within("delisting.after_missing_bars", "at least 1", f64::from(missing), missing > 0)
    }
}

impl fmt::Display for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Delisting { after_missing_bars, return_fraction } = self.delisting;
        write!(f, "fills at the {}; costs {}; ", self.fill, self.costs)?;
        write!(
            f,
            "a symbol missing {after_missing_bars} bars is closed at its last price x {}; ",
            1.0 + return_fraction
        )?;
        f.write_str("no borrow or financing charge")
    }
}

/// Bars of training, validation and exam, in this order and without gaps.
///
/// A simulation runs once over all bars; a period's returns are `outcome.returns[period]`. Its first return is that
/// from the close before the period to its first close, earned with what was held by then: nothing is restarted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Periods {
    /// What selection reads.
    pub train: Range<usize>,
    /// What champions are picked on.
    pub validation: Range<usize>,
    /// What nobody reads before the end.
    pub exam: Range<usize>,
}

impl Periods {
    /// Cuts so many bars by shares of training and validation, each cut rounded to the nearest bar; the exam takes the
    /// rest.
    pub fn split(bars: usize, train: f64, validation: f64) -> Self {
        // Shares outside 0 to 1, and NaN, saturate: no cut lies outside the bars, or before the one before it.
        let cut = |share: f64| ((share * bars as f64).round() as usize).min(bars);
        let first = cut(train);
        let second = cut(train + validation).max(first);
        Self { train: 0..first, validation: first..second, exam: second..bars }
    }

    /// Names and rows, in order.
    pub fn named(&self) -> [(&'static str, Range<usize>); 3] {
        [("train", self.train.clone()), ("validation", self.validation.clone()), ("exam", self.exam.clone())]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_cover_every_bar_once() {
        let check = |bars, train, validation, expected: [Range<usize>; 3]| {
            let found = Periods::split(bars, train, validation).named().map(|(_, rows)| rows);
            assert_eq!(found, expected, "{bars} {train} {validation}");
        };
        check(1253, 0.6, 0.2, [0..752, 752..1002, 1002..1253]);
        check(10, 0.6, 0.2, [0..6, 6..8, 8..10]);
        check(1, 0.6, 0.2, [0..1, 1..1, 1..1]);
        check(0, 0.6, 0.2, [0..0, 0..0, 0..0]);
        check(7, 1.0, 0.0, [0..7, 7..7, 7..7]);
        check(7, 2.0, -1.5, [0..7, 7..7, 7..7]);
        check(7, f64::NAN, 0.5, [0..0, 0..0, 0..7]);
    }

    #[test]
    fn settings_are_read_strictly_and_checked() {
        let settings: Settings = toml::from_str("capital = 5e4\n[costs]\nsell_tax_bps = 30").expect("known keys");
        assert_eq!(settings.costs, Costs { sell_tax_bps: 30.0, ..Costs::default() });
        assert_eq!((settings.capital, settings.fill), (5e4, Fill::NextOpen));
        assert!(toml::from_str::<Settings>("comission = 1").is_err());
        Settings::default().check().expect("defaults make sense");

        let check = |text: &str, expected: &str| {
            let settings: Settings = toml::from_str(text).expect("known keys");
            assert_eq!(settings.check().expect_err(text).to_string(), expected);
        };
        check("capital = 0.0", "`backtest.capital` must be above 0, not 0");
        check(
            "costs.commission_bps = -1.0",
            "`backtest.costs.commission_bps` must be from 0 to 5000 basis points, not -1",
        );
        check(
            "costs.half_spread_bps = nan",
            "`backtest.costs.half_spread_bps` must be from 0 to 5000 basis points, not NaN",
        );
        check("delisting.after_missing_bars = 0", "`backtest.delisting.after_missing_bars` must be at least 1, not 0");
        check(
            "delisting.return_fraction = -1.5",
            "`backtest.delisting.return_fraction` must be from -1 to 10, not -1.5",
        );
    }
}
