//! What a simulation leaves behind.

use serde::Serialize;

/// Why an order was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Targets were set.
    Rebalance,
    /// The entry flag, under rule `signal`.
    Entry,
    /// The exit flag, or the end of the entry flag where there is no exit.
    Exit,
    /// `stop_loss`.
    StopLoss,
    /// `trailing_stop`.
    TrailingStop,
    /// `take_profit`.
    TakeProfit,
    /// `max_holding`.
    MaxHolding,
    /// `volatility_stop`.
    VolatilityStop,
    /// `atr_stop`.
    AtrStop,
    /// The symbol stopped trading.
    Delisted,
    /// Equity was used up.
    Ruin,
}

impl Reason {
    /// The word in tables.
    pub fn name(self) -> &'static str {
        match self {
            Reason::Rebalance => "rebalance",
            Reason::Entry => "entry",
            Reason::Exit => "exit",
            Reason::StopLoss => "stop_loss",
            Reason::TrailingStop => "trailing_stop",
            Reason::TakeProfit => "take_profit",
            Reason::MaxHolding => "max_holding",
            Reason::VolatilityStop => "volatility_stop",
            Reason::AtrStop => "atr_stop",
            Reason::Delisted => "delisted",
            Reason::Ruin => "ruin",
        }
    }
}

/// A holding from its first fill to its last.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Trade {
    /// Column of the symbol.
    pub symbol: usize,
    /// Row of the first fill.
    pub entry_row: usize,
    /// Row of the last fill; `None` while it is open.
    pub exit_row: Option<usize>,
    /// Average price of what was added.
    pub entry_price: f64,
    /// Price of the last fill, or the last mark while it is open.
    pub exit_price: f64,
    /// Shares at the first fill; negative for a short.
    pub shares: f64,
    /// Absolute value at the first fill, in money.
    pub notional: f64,
    /// Profit or loss after all costs, in money.
    pub net_pnl: f64,
    /// All costs, in money.
    pub costs: f64,
    /// Why it ended; `None` while it is open.
    pub reason: Option<Reason>,
}

/// A holding at the close of one bar.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Position {
    /// The bar.
    pub row: usize,
    /// Column of the symbol.
    pub symbol: usize,
    /// Shares; negative for a short.
    pub shares: f64,
    /// Value at the close over equity.
    pub weight: f64,
    /// Whether the symbol had no close on this bar and is valued at an earlier one.
    pub stale: bool,
}

/// How much a simulation records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// Series over the bars.
    Returns,
    /// Trades and daily positions as well.
    Full,
}

/// What a simulation leaves behind; every series has one value a bar.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Outcome {
    /// Simple net return of each bar; 0 on the first.
    pub returns: Vec<f64>,
    /// Cash and holdings at the close, in money.
    pub equity: Vec<f64>,
    /// Cash at the close, in money.
    pub cash: Vec<f64>,
    /// One-way turnover, as a fraction of equity; the bar of the first build counts 0.
    pub turnover: Vec<f64>,
    /// Sum of absolute weights at the close.
    pub exposure_gross: Vec<f64>,
    /// Sum of weights at the close.
    pub exposure_net: Vec<f64>,
    /// Costs paid, in money.
    pub costs: Vec<f64>,
    /// Trades that ended, in the order of their last fills, then those still open, by symbol.
    pub trades: Vec<Trade>,
    /// Holdings at every close; with [`Detail::Full`] alone.
    pub positions: Vec<Position>,
    /// Buys dropped because the symbol did not trade on the bar of the fill.
    pub dropped_buys: usize,
    /// Bars on which a sale had to wait because the symbol did not trade.
    pub delayed_sales: usize,
    /// Row on which equity was used up.
    pub ruin_row: Option<usize>,
}
