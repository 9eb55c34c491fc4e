//! What may be traded on one bar: locks, volume, lots; and how much trading moves a price.

use super::bars::Market;
use super::outcome::Fate;
use super::settings::Settings;

/// Prices this near to a limit, as a fraction, are at it.
const ROUNDING: f64 = 1e-6;

/// Shares traded on a bar, by symbol, where volume is limited.
#[derive(Debug, Default)]
pub(super) struct Traded {
    /// Row of the last trade and shares traded on it.
    by_symbol: Vec<(usize, f64)>,
}

/// How far an order comes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reach {
    /// Shares held afterwards.
    pub(super) shares: f64,
    /// Whether more volume would let it come further.
    pub(super) lacks_volume: bool,
}

/// What may be traded on one bar.
pub(super) struct Screen<'a> {
    market: &'a Market<'a>,
    settings: &'a Settings,
    row: usize,
    traded: &'a mut Traded,
    is_open: bool,
    has_impact: bool,
}

impl<'a> Screen<'a> {
    pub(super) fn new(market: &'a Market<'a>, settings: &'a Settings, row: usize, traded: &'a mut Traded) -> Self {
        let unlimited = settings.liquidity.volume_share.is_none() && settings.price_limit.is_none();
        let is_open = unlimited && settings.shares.lot == 0.0 && !market.has_limits();
        Self { market, settings, row, traded, is_open, has_impact: settings.costs.impact > 0.0 }
    }

    /// Whether whatever has a price can be traded in any number.
    #[inline]
    pub(super) fn is_open(&self) -> bool {
        self.is_open
    }

    /// How far an order from `held` to a target comes.
    ///
    /// # Errors
    /// What keeps it from being traded at all.
    pub(super) fn reach(&self, symbol: usize, held: f64, target: f64, price: f64) -> Result<Reach, Fate> {
        let buys = target > held;
        if self.is_locked(symbol, buys, price) {
            return Err(Fate::Locked);
        }
        let (mut reach, mut lacks_volume) = (target, false);
        if let Some(share) = self.settings.liquidity.volume_share {
            let most = share * self.market.volume(self.row, symbol) - self.traded_today(symbol);
            if most <= 0.0 {
                return Err(Fate::NoVolume);
            }
            if (target - held).abs() > most {
                reach = held + if buys { most } else { -most };
                lacks_volume = true;
            }
        }
        let shares = self.whole_lots(held, reach);
        if shares == held && target != held {
            return Err(if lacks_volume { Fate::NoVolume } else { Fate::BelowLot });
        }
        Ok(Reach { shares, lacks_volume })
    }

    /// The nearest number of shares, on the way from `held` to a target, that whole lots come to.
    #[inline]
    pub(super) fn whole_lots(&self, held: f64, target: f64) -> f64 {
        self.settings.shares.whole_lots(held, target)
    }

    /// Fraction of value lost to impact by one share, for a coefficient of 1.
    #[inline]
    pub(super) fn impact_rate(&self, symbol: usize) -> f64 {
        if self.has_impact { self.market.depth(self.row, symbol).rate() } else { 0.0 }
    }

    /// Shares changed hands.
    #[inline]
    pub(super) fn traded(&mut self, symbol: usize, shares: f64) {
        if self.settings.liquidity.volume_share.is_some() {
            let today = self.traded_today(symbol);
            self.traded.by_symbol.resize(self.market.symbols(), (usize::MAX, 0.0));
            self.traded.by_symbol[symbol] = (self.row, today + shares);
        }
    }

    fn traded_today(&self, symbol: usize) -> f64 {
        match self.traded.by_symbol.get(symbol) {
            Some(&(row, shares)) if row == self.row => shares,
            _ => 0.0,
        }
    }

    fn is_locked(&self, symbol: usize, buys: bool, price: f64) -> bool {
        let side = if buys { 1.0 } else { -1.0 };
        let beyond = |limit: f64| {
            let before = self.row.checked_sub(1).map_or(f64::NAN, |row| self.market.close(row)[symbol]);
            // A comparison with NaN is false: without a close before there is no limit.
            before > 0.0 && side * (price / before - 1.0) >= limit * (1.0 - ROUNDING)
        };
        self.settings.price_limit.is_some_and(beyond) || self.market.is_locked(self.row, symbol, buys)
    }
}
