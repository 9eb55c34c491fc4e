//! Positions as trades.

/// A position as a trade, from its first fill on.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Course {
    pub(super) entry_row: u32,
    /// Lowest and highest price that was certainly seen.
    pub(super) lowest: f64,
    pub(super) highest: f64,
    /// All shares ever opened, negative for a short.
    pub(super) opened_shares: f64,
    pub(super) opened_value: f64,
    pub(super) closed_value: f64,
    pub(super) costs: f64,
}

impl Course {
    pub(super) fn open(row: usize, shares: f64, price: f64, costs: f64) -> Self {
        Self {
            entry_row: row as u32,
            lowest: price,
            highest: price,
            opened_shares: shares,
            opened_value: shares.abs() * price,
            closed_value: 0.0,
            costs,
        }
    }

    /// Shares are added to a position that holds `held`, on its own side.
    pub(super) fn increase(&mut self, held: f64, shares: f64, price: f64, costs: f64) {
        self.opened_shares += shares - held;
        self.opened_value += (shares - held).abs() * price;
        self.costs += costs;
        self.see(price, price);
    }

    pub(super) fn decrease(&mut self, held: f64, shares: f64, price: f64, costs: f64) {
        self.closed_value += (shares - held).abs() * price;
        self.costs += costs;
        self.see(price, price);
    }

    pub(super) fn see(&mut self, low: f64, high: f64) {
        self.lowest = self.lowest.min(low);
        self.highest = self.highest.max(high);
    }

    /// Best and worst price seen, as gains from an entry price.
    pub(super) fn excursions(&self, entry: f64) -> (f64, f64) {
        let (low, high) = (self.lowest / entry - 1.0, self.highest / entry - 1.0);
        let (favourable, adverse) = if self.side() > 0.0 { (high, low) } else { (-low, -high) };
        (favourable.max(0.0), adverse.min(0.0))
    }

    pub(super) fn side(&self) -> f64 {
        self.opened_shares.signum()
    }
}
