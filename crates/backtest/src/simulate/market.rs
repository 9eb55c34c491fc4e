//! What every simulation over one panel shares.

use std::fmt;
use std::ops::Range;

use engine::Outputs;
use factor::{Purpose, Rebalance};
use market::Panel;
use serde::{Deserialize, Serialize};

use crate::Error;

/// A panel as the simulator sees it.
#[derive(Debug)]
pub struct Market<'a> {
    pub(crate) symbols: usize,
    pub(crate) bars: usize,
    /// Opens, or closes where the panel has no opens, `[bars x symbols]`.
    pub(crate) open: &'a [f64],
    pub(crate) close: &'a [f64],
    /// Members of the universe, `[bars x symbols]`.
    pub(crate) members: Vec<bool>,
    starts_week: Vec<bool>,
    starts_month: Vec<bool>,
}

impl<'a> Market<'a> {
    /// Reads off a panel what simulations need.
    pub fn new(panel: &'a Panel) -> Self {
        let close = panel.values("close").expect("every panel has a close");
        let calendar = panel.calendar();
        Self {
            symbols: panel.symbols().len(),
            bars: panel.bars(),
            open: panel.values("open").unwrap_or(close),
            close,
            members: panel.members(),
            starts_week: (0..panel.bars()).map(|row| calendar.starts_week(row)).collect(),
            starts_month: (0..panel.bars()).map(|row| calendar.starts_month(row)).collect(),
        }
    }

    /// Number of bars.
    pub fn bars(&self) -> usize {
        self.bars
    }

    /// Whether targets are set on a row: known from the row and the one before it.
    pub(crate) fn rebalances(&self, rebalance: Rebalance, row: usize) -> bool {
        match rebalance {
            Rebalance::Daily => true,
            Rebalance::Weekly => self.starts_week[row],
            Rebalance::Monthly => self.starts_month[row],
        }
    }

    pub(crate) fn row<T>(&self, values: &'a [T], row: usize) -> &'a [T] {
        &values[row * self.symbols..(row + 1) * self.symbols]
    }
}

/// When orders are filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fill {
    /// At the open of the next bar: what a person could have done.
    NextOpen,
    /// At the close of the next bar.
    NextClose,
    /// At the close that the decision was made on: only to match tools that do so.
    SameClose,
}

/// Costs of a trade, in basis points of its value.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Costs {
    /// Commission, on both sides.
    pub commission_bps: f64,
    /// Half the spread between bid and ask, on both sides.
    pub half_spread_bps: f64,
    /// Tax on sales.
    pub sell_tax_bps: f64,
}

impl Default for Costs {
    fn default() -> Self {
        Self { commission_bps: 5.0, half_spread_bps: 2.0, sell_tax_bps: 0.0 }
    }
}

/// What happens to a holding whose symbol stops trading.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Delisting {
    /// Missing bars in a row after which a holding is closed; never because the file ends.
    pub after_missing_bars: u32,
    /// Return on the last known close at which it is closed, a fraction.
    pub return_fraction: f64,
}

impl Default for Delisting {
    fn default() -> Self {
        Self { after_missing_bars: 10, return_fraction: 0.0 }
    }
}

/// Assumptions of a backtest, printed with every result.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Money at the start.
    pub capital: f64,
    /// When orders are filled.
    pub fill: Fill,
    /// Costs of a trade.
    pub costs: Costs,
    /// What happens to a holding whose symbol stops trading.
    pub delisting: Delisting,
}

impl Default for Settings {
    fn default() -> Self {
        Self { capital: 1e6, fill: Fill::NextOpen, costs: Costs::default(), delisting: Delisting::default() }
    }
}

impl Settings {
    /// Whether all values make sense.
    ///
    /// # Errors
    /// The first that does not, and what may stand there.
    pub fn check(&self) -> Result<(), Error> {
        let fail = |key: &str, value: f64, rule: &str| {
            Err(Error::Setting(format!("`backtest.{key}` must be {rule}, not {value}")))
        };
        if !(self.capital.is_finite() && self.capital > 0.0) {
            return fail("capital", self.capital, "above 0");
        }
        let Costs { commission_bps, half_spread_bps, sell_tax_bps } = self.costs;
        for (key, value) in [
            ("costs.commission_bps", commission_bps),
            ("costs.half_spread_bps", half_spread_bps),
            ("costs.sell_tax_bps", sell_tax_bps),
        ] {
            if !(0.0..=5_000.0).contains(&value) {
                return fail(key, value, "from 0 to 5000 basis points");
            }
        }
        if !(-1.0..=10.0).contains(&self.delisting.return_fraction) {
            return fail("delisting.return_fraction", self.delisting.return_fraction, "from -1 to 10");
        }
        if self.delisting.after_missing_bars == 0 {
            return fail("delisting.after_missing_bars", 0.0, "at least 1");
        }
        Ok(())
    }
}

impl fmt::Display for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fill = match self.fill {
            Fill::NextOpen => "next open",
            Fill::NextClose => "next close",
            Fill::SameClose => "same close (a decision filled at the price it was made on)",
        };
        let Costs { commission_bps, half_spread_bps, sell_tax_bps } = self.costs;
        write!(
            f,
            "fills at the {fill}; costs {commission_bps} bps commission, {half_spread_bps} bps half-spread, \
             {sell_tax_bps} bps sell tax; a symbol missing {} bars is closed at its last price x {}; \
             no borrow or financing charge",
            self.delisting.after_missing_bars,
            1.0 + self.delisting.return_fraction
        )
    }
}

/// Train, validation and exam: rows of one continuous simulation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Periods {
    /// Selection reads these.
    pub train: Range<usize>,
    /// Champions are picked on these.
    pub validation: Range<usize>,
    /// Sealed until the end.
    pub exam: Range<usize>,
}

impl Periods {
    /// Cuts bars by shares of train and validation; the exam takes the rest.
    pub fn split(bars: usize, train: f64, validation: f64) -> Self {
        let cut = |share: f64| ((bars as f64 * share).round() as usize).min(bars);
        let (first, second) = (cut(train), cut(train + validation));
        Self { train: 0..first, validation: first..second, exam: second..bars }
    }

    /// Names and rows, in order.
    pub fn named(&self) -> [(&'static str, Range<usize>); 3] {
        [("train", self.train.clone()), ("validation", self.validation.clone()), ("exam", self.exam.clone())]
    }
}

/// One row of a strategy's results, `[symbols]` each; `None` where the strategy has none.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rows<'a> {
    /// Which symbols to prefer.
    pub score: Option<&'a [f64]>,
    /// Which may be bought.
    pub entry: Option<&'a [f64]>,
    /// Which must be sold.
    pub exit: Option<&'a [f64]>,
    /// Deviation of one-bar returns, for weights.
    pub weight_volatility: Option<&'a [f64]>,
    /// Deviation of one-bar returns, for the volatility stop.
    pub stop_volatility: Option<&'a [f64]>,
    /// Average true range, for the ATR stop.
    pub average_true_range: Option<&'a [f64]>,
}

impl<'a> Rows<'a> {
    /// The results of one row of a block.
    pub fn of(outputs: &Outputs<'a>, row: usize) -> Self {
        let result = |purpose| outputs.row(purpose, row);
        Self {
            score: result(Purpose::Score),
            entry: result(Purpose::Entry),
            exit: result(Purpose::Exit),
            weight_volatility: result(Purpose::WeightVolatility),
            stop_volatility: result(Purpose::StopVolatility),
            average_true_range: result(Purpose::AverageTrueRange),
        }
    }
}
