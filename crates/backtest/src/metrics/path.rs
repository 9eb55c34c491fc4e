//! Walking down a series of returns.

use super::{NEGLIGIBLE, ReturnSettings, finite};

/// Time under the equity's high.
#[derive(Default)]
pub(super) struct Underwater {
    run: usize,
    /// Most consecutive drawdowns.
    pub(super) longest: usize,
    /// Sum of squared drawdowns.
    pub(super) sum_of_squares: f64,
}

impl Underwater {
    /// Adds the next drawdown.
    #[inline]
    pub(super) fn push(&mut self, drawdown: f64) {
        self.run = if drawdown < 0.0 { self.run + 1 } else { 0 };
        self.longest = self.longest.max(self.run);
        self.sum_of_squares += drawdown * drawdown;
    }
}

/// One walk down the returns: what both the full metrics and the headline need.
pub(super) struct Path {
    /// Returns observed.
    pub(super) n_obs: usize,
    /// Returns missing among them.
    pub(super) n_missing: usize,
    /// Whether the last one was ruinous.
    pub(super) ruin: bool,
    /// Rows that count: up to and including a ruinous one.
    rows: usize,
    /// Equity at the end, of 1 at the start.
    pub(super) equity: f64,
    /// The lowest drawdown.
    pub(super) worst: f64,
    sum: f64,
    lowest: f64,
    highest: f64,
}

impl Path {
    /// Walks down the returns and shows each drawdown to `visit`.
    #[inline]
    pub(super) fn walk(returns: &[f64], mut visit: impl FnMut(f64)) -> Self {
        let mut path = Self {
            n_obs: 0,
            n_missing: 0,
            ruin: false,
            rows: returns.len(),
            equity: 1.0,
            worst: 0.0,
            sum: 0.0,
            lowest: f64::INFINITY,
            highest: f64::NEG_INFINITY,
        };
        let mut high = 1.0_f64;
        for (row, &r) in returns.iter().enumerate() {
            if r.is_nan() {
                path.n_missing += 1;
                continue;
            }
            path.n_obs += 1;
            path.sum += r;
            path.lowest = path.lowest.min(r);
            path.highest = path.highest.max(r);
            path.ruin = r <= -1.0;
            // Below -1 the strategy would owe money; whoever lent it bears that.
            path.equity = if path.ruin { 0.0 } else { path.equity * (1.0 + r) };
            high = high.max(path.equity);
            let drawdown = path.equity / high - 1.0;
            path.worst = path.worst.min(drawdown);
            visit(drawdown);
            if path.ruin {
                path.rows = row + 1;
                break;
            }
        }
        path
    }

    /// The returns that count.
    pub(super) fn observed<'a>(&self, returns: &'a [f64]) -> impl Iterator<Item = f64> + use<'a> {
        returns[..self.rows].iter().copied().filter(|r| !r.is_nan())
    }

    /// Mean return.
    pub(super) fn mean(&self) -> f64 {
        self.sum / self.n_obs as f64
    }

    /// Whether the range of returns counts as none.
    pub(super) fn is_constant(&self) -> bool {
        self.highest - self.lowest <= NEGLIGIBLE
    }

    /// Standard deviation with ddof 1: `None` below two returns, 0 for constant ones.
    pub(super) fn deviation(&self, returns: &[f64]) -> Option<f64> {
        if self.n_obs < 2 {
            return None;
        }
        if self.is_constant() {
            return Some(0.0);
        }
        let mean = self.mean();
        let squares: f64 = self.observed(returns).map(|r| (r - mean) * (r - mean)).sum();
        Some((squares / (self.n_obs - 1) as f64).sqrt())
    }

    /// Mean excess return over standard deviation, per year: `None` for constant returns.
    pub(super) fn sharpe(&self, returns: &[f64], settings: &ReturnSettings) -> Option<f64> {
        let deviation = self.deviation(returns).filter(|_| !self.is_constant())?;
        finite((self.mean() - settings.risk_free()) / deviation * settings.root())
    }
}
