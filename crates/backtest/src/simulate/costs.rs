//! What trading and holding cost.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Error;

const BASIS_POINT: f64 = 1e-4;

/// What trading costs. Basis points are of traded value.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Costs {
    /// Commission in basis points, on both sides.
    pub commission_bps: f64,
    /// Commission in money per share, on both sides, besides.
    pub per_share: f64,
    /// Least commission of a fill, in money.
    pub minimum_fee: f64,
    /// Half of the spread between bid and ask in basis points, on both sides.
    pub half_spread_bps: f64,
    /// Slippage in basis points, on both sides: what fills are worse than the price they are decided to be made at.
    pub slippage_bps: f64,
    /// Whether commission is paid on the price that spread and slippage leave, and not on the one they start from.
    pub commission_on_moved_price: bool,
    /// Tax on sales in basis points, short sales included.
    pub sell_tax_bps: f64,
    /// Impact of one's own trading: the fraction of traded value lost is this times volatility times the square root of
    /// shares over volume, both as of the [`Costs::IMPACT_WINDOW`] bars before the fill (Almgren and others 2005,
    /// with the square root for the exponent 0.6). Usual values are about 1. Nothing where either is unknown.
    pub impact: f64,
}

impl Default for Costs {
    fn default() -> Self {
        Self { commission_bps: 5.0, half_spread_bps: 2.0, ..Self::FREE }
    }
}

impl Costs {
    /// Trading for nothing.
    pub const FREE: Self = Self {
        commission_bps: 0.0,
        per_share: 0.0,
        minimum_fee: 0.0,
        half_spread_bps: 0.0,
        slippage_bps: 0.0,
        commission_on_moved_price: false,
        sell_tax_bps: 0.0,
        impact: 0.0,
    };

    /// Bars whose mean volume and deviation of returns impact is measured by.
    pub const IMPACT_WINDOW: usize = 20;

    /// Whether costs are a fraction of traded value, whatever that is.
    pub(super) fn is_proportional(&self) -> bool {
        self.per_share == 0.0 && self.minimum_fee == 0.0 && self.impact == 0.0
    }

    /// Cost of buying as a fraction of traded value, where that is all there is.
    pub(super) fn buy_rate(&self) -> f64 {
        let moved = self.half_spread_bps + self.slippage_bps;
        let on_moved = if self.commission_on_moved_price { self.commission_bps * (moved * BASIS_POINT) } else { 0.0 };
        (self.commission_bps + self.half_spread_bps + self.slippage_bps + on_moved) * BASIS_POINT
    }

    /// Commission as a fraction of traded value before spread and slippage.
    #[inline]
    fn commission_rate(&self, sell: bool) -> f64 {
        let moved = (self.half_spread_bps + self.slippage_bps) * BASIS_POINT * if sell { -1.0 } else { 1.0 };
        let factor = if self.commission_on_moved_price { 1.0 + moved } else { 1.0 };
        self.commission_bps * BASIS_POINT * factor
    }

    /// Cost of trading so many shares, worth this much money. `impact_rate` is [`Depth::rate`] of the symbol.
    #[inline]
    pub(super) fn of(&self, shares: f64, value: f64, sell: bool, impact_rate: f64) -> Charge {
        let commission = value * self.commission_rate(sell) + shares * self.per_share;
        Charge {
            commission: if value > 0.0 { commission.max(self.minimum_fee) } else { 0.0 },
            half_spread: value * (self.half_spread_bps * BASIS_POINT),
            slippage: value * (self.slippage_bps * BASIS_POINT),
            impact: if impact_rate > 0.0 { value * (self.impact * impact_rate * shares.sqrt()) } else { 0.0 },
            sell_tax: if sell { value * (self.sell_tax_bps * BASIS_POINT) } else { 0.0 },
        }
    }

    /// The same where costs are [in proportion](Self::is_proportional).
    pub(super) fn proportional(&self) -> Proportional {
        Proportional {
            buy_commission: self.commission_rate(false),
            sell_commission: self.commission_rate(true),
            half_spread: self.half_spread_bps * BASIS_POINT,
            slippage: self.slippage_bps * BASIS_POINT,
            sell_tax: self.sell_tax_bps * BASIS_POINT,
        }
    }

    pub(super) fn check(&self) -> Result<(), Error> {
        let within = |key: &str, range: &str, value: f64, most: f64| {
            if (0.0..=most).contains(&value) {
                return Ok(());
            }
            let sign = if value < 0.0 { "; a cost is not negative" } else { "" };
            Err(Error::Setting(format!("`backtest.costs.{key}` must be {range}, not {value}{sign}")))
        };
        for (key, value) in [
            ("commission_bps", self.commission_bps),
            ("half_spread_bps", self.half_spread_bps),
            ("slippage_bps", self.slippage_bps),
            ("sell_tax_bps", self.sell_tax_bps),
        ] {
            within(key, "from 0 to 5000 basis points", value, 5000.0)?;
        }
        within("per_share", "from 0 to 1000000 in money", self.per_share, 1e6)?;
        within("minimum_fee", "from 0 to 1000000 in money", self.minimum_fee, 1e6)?;
        within("impact", "from 0 to 100", self.impact, 100.0)
    }
}

impl fmt::Display for Costs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { commission_bps, half_spread_bps, sell_tax_bps, .. } = self;
        write!(f, "{commission_bps} bps commission, {half_spread_bps} bps half-spread, {sell_tax_bps} bps sell tax")?;
        let mut more = |value: f64, text: fmt::Arguments<'_>| if value > 0.0 { write!(f, ", {text}") } else { Ok(()) };
        more(self.per_share, format_args!("{} a share", self.per_share))?;
        more(self.minimum_fee, format_args!("at least {} a fill", self.minimum_fee))?;
        more(self.slippage_bps, format_args!("{} bps slippage", self.slippage_bps))?;
        more(f64::from(u8::from(self.commission_on_moved_price)), format_args!("commission on the price they leave"))?;
        more(self.impact, format_args!("impact {} x volatility x sqrt(shares / volume)", self.impact))
    }
}

/// Costs as fractions of traded value.
#[derive(Debug, Clone, Copy)]
pub(super) struct Proportional {
    buy_commission: f64,
    sell_commission: f64,
    half_spread: f64,
    slippage: f64,
    sell_tax: f64,
}

impl Proportional {
    /// [`Charge::total`] of what trading so much money costs, to the last bit.
    #[inline(always)]
    pub(super) fn of(&self, value: f64, sell: bool) -> f64 {
        let commission = if sell { self.sell_commission } else { self.buy_commission };
        let tax = if sell { self.sell_tax } else { 0.0 };
        value * commission + value * self.half_spread + value * self.slippage + value * tax
    }
}

/// What holding costs or earns, as fractions per year, compounded bar by bar.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rates {
    /// What cash above zero earns; proceeds of short sales are cash.
    pub cash: f64,
    /// What cash below zero costs.
    pub financing: f64,
    /// What shares sold short cost, of their value.
    pub borrow: f64,
}

impl Rates {
    /// Whether holding neither costs nor earns anything.
    pub(super) fn is_zero(&self) -> bool {
        *self == Self::default()
    }

    /// The same for one bar.
    pub(super) fn a_bar(&self, periods_per_year: f64) -> Self {
        let rate = |annual: f64| if annual == 0.0 { 0.0 } else { libm::expm1(libm::log1p(annual) / periods_per_year) };
        Self { cash: rate(self.cash), financing: rate(self.financing), borrow: rate(self.borrow) }
    }

    pub(super) fn check(&self) -> Result<(), Error> {
        for (key, value, least) in
            [("cash", self.cash, -0.5), ("financing", self.financing, 0.0), ("borrow", self.borrow, 0.0)]
        {
            if !(least..=10.0).contains(&value) {
                let message = format!("`backtest.rates.{key}` must be from {least} to 10 a year, not {value}");
                return Err(Error::Setting(message));
            }
        }
        Ok(())
    }
}

/// What impact is measured by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Depth {
    /// Deviation of one-bar returns.
    pub(super) volatility: f64,
    /// Mean shares traded a bar.
    pub(super) volume: f64,
}

impl Depth {
    /// Fraction of traded value lost to impact, for one share and a coefficient of 1; 0 where it is not known.
    pub(super) fn rate(self) -> f64 {
        let rate = self.volatility / self.volume.sqrt();
        if rate.is_finite() && rate > 0.0 { rate } else { 0.0 }
    }
}

/// Money paid for trading, by type.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Charge {
    /// Commission.
    pub commission: f64,
    /// Half-spread.
    pub half_spread: f64,
    /// Slippage.
    pub slippage: f64,
    /// Impact.
    pub impact: f64,
    /// Tax on sales.
    pub sell_tax: f64,
}

impl Charge {
    /// All of it.
    pub fn total(&self) -> f64 {
        self.commission + self.half_spread + self.slippage + self.impact + self.sell_tax
    }

    /// What makes the price of a fill worse than the market's.
    pub fn in_price(&self) -> f64 {
        self.half_spread + self.slippage + self.impact
    }

    pub(super) fn add(&mut self, other: Charge) {
        self.commission += other.commission;
        self.half_spread += other.half_spread;
        self.slippage += other.slippage;
        self.impact += other.impact;
        self.sell_tax += other.sell_tax;
    }
}
