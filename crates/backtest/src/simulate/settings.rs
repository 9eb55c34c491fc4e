//! What a simulation assumes: capital, costs, fills, liquidity, rates, delisting.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::bars::Market;
use super::costs::{Costs, Rates};
use crate::Error;

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

/// How much of a bar one may trade.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Liquidity {
    /// Most shares traded on a bar, as a fraction of its volume; unset, there is no limit. A bar without volume then
    /// trades nothing.
    pub volume_share: Option<f64>,
    /// What becomes of the rest of an order that opens or increases a position. What reduces or closes one waits.
    pub unfilled: Unfilled,
}

/// What becomes of what a bar's volume does not fill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unfilled {
    /// It is filled on the bars that follow, until a rebalance decides anew.
    #[default]
    Carry,
    /// It is dropped.
    Drop,
}

/// In which steps one trades.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Shares {
    /// Shares are traded in multiples of this, rounded towards nothing; 1 for whole shares, 0 for fractions of shares.
    /// What closes a position closes all of it.
    pub lot: f64,
    /// Changes worth less than this, in money, are not traded, unless they close a position.
    pub minimum_trade: f64,
}

/// Lots this near to a whole number are one.
const WHOLE: f64 = 1e-6;

impl Shares {
    /// The nearest number of shares, on the way from `held` to a target, that whole lots come to; a target of nothing
    /// is kept.
    #[inline]
    pub(crate) fn whole_lots(&self, held: f64, target: f64) -> f64 {
        if self.lot == 0.0 || target == 0.0 {
            return target;
        }
        let lots = (target - held) / self.lot;
        let nearest = lots.round();
        let whole = if (lots - nearest).abs() <= WHOLE { nearest } else { lots.trunc() };
        held + whole * self.lot
    }
}

/// What happens to buys that cost more than the cash there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CashShort {
    /// All buys of the bar are scaled by one factor, whatever the order of symbols.
    #[default]
    Scale,
    /// Buys are made from the smallest to the largest, each as far as the cash goes: the largest are cut, or get nothing.
    /// This is for matching another tool's figures.
    InTurn,
    /// Buys are made in symbol order, and one that costs more than what is left is rejected whole. The result depends on
    /// the order of symbols: this is for matching another tool's figures.
    Reject,
    /// The same, and judged twice: at the last close, by what sales and buys would have come to there, and at the fill.
    RejectEarly,
    /// Cash goes below zero, also for what sales that wait for a price or volume do not bring yet.
    Borrow,
}

/// By which prices weights become shares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SizeAt {
    /// Those of the close that decides: one knows what one orders.
    #[default]
    Close,
    /// Those of the fill: weights are parts of the equity at its prices, and a purchase's costs, where they are a fraction
    /// of traded value, come out of its amount. Nobody can order so: this is for matching another tool's figures.
    Fill,
}

/// What a simulation assumes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Money at the start.
    pub capital: f64,
    /// What trading costs.
    pub costs: Costs,
    /// What holding costs and earns.
    pub rates: Rates,
    /// At which price orders are filled.
    pub fill: Fill,
    /// By which prices weights become shares.
    pub size_at: SizeAt,
    /// How much of a bar one may trade.
    pub liquidity: Liquidity,
    /// In which steps one trades.
    pub shares: Shares,
    /// What happens to buys that cost more than the cash there is.
    pub cash_short: CashShort,
    /// Largest move from the close before at which one can trade, a fraction: nothing is bought at a price that is up so
    /// much or more, nothing sold at one that is down so much. Columns `limit_up` and `limit_down`, where the market
    /// has them, say the same bar by bar: not 0 where locked.
    pub price_limit: Option<f64>,
    /// What becomes of symbols that no longer trade.
    pub delisting: Delisting,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            capital: 1e6,
            costs: Costs::default(),
            rates: Rates::default(),
            fill: Fill::default(),
            size_at: SizeAt::default(),
            liquidity: Liquidity::default(),
            shares: Shares::default(),
            cash_short: CashShort::default(),
            price_limit: None,
            delisting: Delisting::default(),
        }
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
        self.costs.check()?;
        self.rates.check()?;
        let taken = self.bought_costs();
        within("costs", "below 100 % of a purchase where they come out of its amount", taken, taken < 1.0)?;
        if let Some(share) = self.liquidity.volume_share {
            within("liquidity.volume_share", "above 0 and up to 1", share, share > 0.0 && share <= 1.0)?;
        }
        let Shares { lot, minimum_trade } = self.shares;
        within("shares.lot", "from 0 to 1000000 shares", lot, (0.0..=1e6).contains(&lot))?;
        let fits = minimum_trade >= 0.0 && minimum_trade.is_finite();
        within("shares.minimum_trade", "0 or more, in money", minimum_trade, fits)?;
        if let Some(limit) = self.price_limit {
            within("price_limit", "above 0 and below 1", limit, limit > 0.0 && limit < 1.0)?;
        }
        within("delisting.return_fraction", "from -1 to 10", loss, (-1.0..=10.0).contains(&loss))?;
        let missing = self.delisting.after_missing_bars;
        within("delisting.after_missing_bars", "at least 1", f64::from(missing), missing > 0)
    }

    /// What a purchase's costs take of its amount, where they come out of it.
    #[inline]
    pub(super) fn bought_costs(&self) -> f64 {
        match self.size_at {
            SizeAt::Fill if self.costs.is_proportional() => self.costs.buy_rate(),
            _ => 0.0,
        }
    }

    /// Whether whatever has a price is traded in any number, for costs in proportion, and buys beyond the cash are scaled
    /// alike.
    pub(super) fn is_plain(&self) -> bool {
        let unlimited = self.liquidity.volume_share.is_none() && self.price_limit.is_none();
        unlimited
            && self.shares.lot == 0.0
            && self.costs.is_proportional()
            && (self.size_at, self.cash_short) == (SizeAt::Close, CashShort::Scale)
    }

    /// Whether what a bar's volume does not fill of an order is filled later.
    pub(super) fn carries(&self) -> bool {
        self.liquidity.unfilled == Unfilled::Carry
    }

    /// Whether a market has what the settings ask of it.
    ///
    /// # Errors
    /// The first setting that needs a column that is not there.
    pub fn check_market(&self, market: &Market<'_>) -> Result<(), Error> {
        let needs_volume = [
            ("liquidity.volume_share", self.liquidity.volume_share.is_some()),
            ("costs.impact", self.costs.impact > 0.0),
        ];
        match needs_volume.into_iter().find(|(_, is_used)| *is_used) {
            Some((key, _)) if !market.has_volume() => Err(Error::Setting(format!(
                "`backtest.{key}` needs a column `volume`, which the market does not have: leave it out, or add the column"
            ))),
            _ => Ok(()),
        }
    }

    /// The assumptions, one a line.
    pub fn lines(&self) -> Vec<String> {
        let Delisting { after_missing_bars, return_fraction } = self.delisting;
        let Rates { cash, financing, borrow } = self.rates;
        let sized = match self.size_at {
            SizeAt::Close => "",
            SizeAt::Fill => ", sized at its prices",
        };
        let mut lines = vec![
            format!("capital {}", self.capital),
            format!("fills at the {}{sized}", self.fill),
            format!("costs {}", self.costs),
            if self.rates.is_zero() {
                "no borrow or financing charge, cash earns nothing".to_owned()
            } else {
                let percent = |rate: f64| format!("{} %", 100.0 * rate);
                let (cash, financing, borrow) = (percent(cash), percent(financing), percent(borrow));
                format!("a year, cash earns {cash}, debt costs {financing}, shares sold short cost {borrow}")
            },
        ];
        if let Some(share) = self.liquidity.volume_share {
            let rest = match self.liquidity.unfilled {
                Unfilled::Carry => "carried to the next bars",
                Unfilled::Drop => "dropped, unless it reduces a position",
            };
            lines.push(format!("at most {} % of a bar's volume, the rest is {rest}", 100.0 * share));
        }
        let Shares { lot, minimum_trade } = self.shares;
        if lot > 0.0 {
            lines.push(format!("shares in multiples of {lot}"));
        }
        if minimum_trade > 0.0 {
            lines.push(format!("no trade below {minimum_trade}"));
        }
        lines.push(match self.cash_short {
            CashShort::Scale => "buys beyond the cash are scaled alike".to_owned(),
            CashShort::InTurn => "buys beyond the cash are cut, the largest first".to_owned(),
            CashShort::Reject => "buys beyond the cash are rejected, in symbol order".to_owned(),
            CashShort::RejectEarly => {
                "buys beyond the cash at the last close or the fill are rejected, in symbol order".to_owned()
            }
            CashShort::Borrow => "cash may go below zero".to_owned(),
        });
        if let Some(limit) = self.price_limit {
            lines.push(format!("no buys {} % up, no sales as far down", 100.0 * limit));
        }
        lines.push(format!(
            "a symbol missing {after_missing_bars} bars is closed at its last price x {}",
            1.0 + return_fraction
        ));
        lines
    }
}

impl fmt::Display for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.lines()[1..].join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            "`backtest.costs.commission_bps` must be from 0 to 5000 basis points, not -1; a cost is not negative",
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
