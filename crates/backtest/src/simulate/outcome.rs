//! What a simulation leaves behind.

use serde::Serialize;

use super::costs::Charge;

/// Why an order was given or a trade ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// A rebalance set another target.
    Rebalance,
    /// The entry flag of rule `signal`.
    Entry,
    /// The exit flag; for rule `signal` without one, the end of the entry flag.
    Exit,
    /// Loss from entry.
    StopLoss,
    /// Fall from the best close.
    TrailingStop,
    /// Gain from entry.
    TakeProfit,
    /// Bars held.
    MaxHolding,
    /// Loss from entry, in volatilities.
    VolatilityStop,
    /// Loss from entry, in average true ranges.
    AtrStop,
    /// The symbol no longer trades; the holding was settled.
    Delisted,
    /// Equity was gone; everything was closed at its last close.
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

/// Which way an order goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// Shares come, money goes.
    Buy,
    /// Money comes, shares go.
    Sell,
}

/// What became of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// Filled as wanted.
    Filled,
    /// Cut, with all others of its bar and side, to the cash or the room there was.
    Cut,
    /// A buy dropped for want of cash.
    NoCash,
    /// Dropped for want of room: positions that ought to be closed had no price and kept their place.
    Blocked,
    /// Dropped because the symbol had no price at the fill. Only what opens a position is dropped; what closes one
    /// waits for the next price.
    Untradable,
    /// Dropped, likewise, because the market was locked at its limit.
    Locked,
    /// Dropped, in part or whole, because the bar's volume did not fill it.
    NoVolume,
    /// Dropped because the rest is less than a lot.
    BelowLot,
    /// Waited for a price, and a later decision took its place.
    Replaced,
    /// Waited for a price, and the holding was settled or closed in ruin.
    Settled,
    /// The bars ended first.
    Waiting,
}

impl Fate {
    /// The word in tables.
    pub fn name(self) -> &'static str {
        match self {
            Fate::Filled => "filled",
            Fate::Cut => "cut",
            Fate::NoCash => "no_cash",
            Fate::Blocked => "blocked",
            Fate::Untradable => "untradable",
            Fate::Locked => "locked",
            Fate::NoVolume => "no_volume",
            Fate::BelowLot => "below_lot",
            Fate::Replaced => "replaced",
            Fate::Settled => "settled",
            Fate::Waiting => "waiting",
        }
    }
}

impl Side {
    /// The word in tables.
    pub fn name(self) -> &'static str {
        match self {
            Side::Buy => "buy",
            Side::Sell => "sell",
        }
    }
}

/// Shares that changed hands at one price: what an order is filled by, in one piece or in several.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Execution {
    /// Row of the bar.
    pub row: usize,
    /// Index of the symbol.
    pub symbol: usize,
    /// Shares bought; negative for a sale.
    pub shares: f64,
    /// Price, before what spread, slippage and impact take.
    pub price: f64,
    /// What it cost, by type.
    pub charge: Charge,
    /// Why the order was given.
    pub reason: Reason,
}

/// An order, with what became of it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Order {
    /// Row at whose close it was decided.
    pub decided: usize,
    /// Row at which it was filled, dropped or replaced; none while it waits.
    pub ended: Option<usize>,
    /// Index of the symbol.
    pub symbol: usize,
    /// Which way it goes.
    pub side: Side,
    /// Shares asked for, not negative.
    pub wanted: f64,
    /// Shares filled.
    pub filled: f64,
    /// Price of the fill, the average of several; none where nothing was filled.
    pub price: Option<f64>,
    /// Costs in money.
    pub costs: f64,
    /// Why it was given.
    pub reason: Reason,
    /// What became of it.
    pub fate: Fate,
}

/// A position from its opening to its end, additions and trims included.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Trade {
    /// Index of the symbol.
    pub symbol: usize,
    /// Row of the first fill.
    pub entry_row: usize,
    /// Row of the last fill; none for a trade that is still open where the bars end. Its figures are as of then, and it
    /// is no closed trade.
    pub exit_row: Option<usize>,
    /// Average price of all that was opened.
    pub entry_price: f64,
    /// Average price of all that was closed; of what is open, the last close.
    pub exit_price: f64,
    /// All shares that were opened; negative for a short.
    pub shares: f64,
    /// Money that was put in, all additions together, not negative.
    pub notional: f64,
    /// Profit after costs, in money.
    pub net_pnl: f64,
    /// Costs so far, in money; what borrowing shares cost is among them.
    pub costs: f64,
    /// Best price for the position while it was held, as a gain from the average entry price; 0 or more. By highs and
    /// lows where the market has them, else by closes; of the bars of entry and exit only what was certainly seen.
    pub favourable: f64,
    /// Worst price, likewise; 0 or less.
    pub adverse: f64,
    /// Why it ended; none while it is open.
    pub reason: Option<Reason>,
}

/// One holding at one close.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Position {
    /// Row of the bar.
    pub row: usize,
    /// Index of the symbol.
    pub symbol: usize,
    /// Shares; negative for a short.
    pub shares: f64,
    /// Price it is valued at: the close, or the last one known.
    pub price: f64,
    /// Value as a fraction of equity, signed.
    pub weight: f64,
    /// Whether the bar had no close.
    pub stale: bool,
}

/// Costs in money by type, one number a bar.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct CostSeries {
    /// Commission.
    pub commission: Vec<f64>,
    /// Half-spread.
    pub half_spread: Vec<f64>,
    /// Slippage.
    pub slippage: Vec<f64>,
    /// Impact.
    pub impact: Vec<f64>,
    /// Tax on sales.
    pub sell_tax: Vec<f64>,
    /// Borrowing of shares sold short.
    pub borrow: Vec<f64>,
    /// Interest on cash below zero.
    pub financing: Vec<f64>,
}

impl CostSeries {
    /// Names and series.
    pub fn named(&self) -> [(&'static str, &[f64]); 7] {
        [
            ("commission", &self.commission),
            ("half_spread", &self.half_spread),
            ("slippage", &self.slippage),
            ("impact", &self.impact),
            ("sell_tax", &self.sell_tax),
            ("borrow", &self.borrow),
            ("financing", &self.financing),
        ]
    }
}

/// How often things happened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Orders filled, at least in part.
    pub fills: usize,
    /// Trades that ended.
    pub closed_trades: usize,
    /// Orders dropped because the symbol had no price; they would have opened or increased a position.
    pub untradable: usize,
    /// Orders dropped because the market was locked at its limit, likewise.
    pub locked: usize,
    /// Orders that a bar's volume did not fill; once for each bar.
    pub no_volume: usize,
    /// Bars that orders closing a position waited for a price.
    pub delayed: usize,
    /// Orders cut to the cash or the room there was.
    pub cut: usize,
    /// Buys dropped for want of cash.
    pub no_cash: usize,
    /// Orders dropped for want of room, while positions that ought to be closed had no price.
    pub blocked: usize,
    /// Holdings settled because their symbol no longer traded.
    pub delisted: usize,
}

/// What a simulation did. Series have one number a bar, `[bars]`, for all bars that were fed.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Outcome {
    /// Simple net returns from close to close; row 0 is measured from the capital, and is 0 unless fills are made at
    /// the same close. NaN after ruin.
    pub returns: Vec<f64>,
    /// Cash and holdings at the close, in money.
    pub equity: Vec<f64>,
    /// Cash at the close, in money; negative where covering shorts cost more than there was.
    pub cash: Vec<f64>,
    /// One-way turnover: half the traded value over the equity that orders were sized by. NaN where nothing was traded,
    /// and on the bar of the first fills, which build the book.
    pub turnover: Vec<f64>,
    /// Sum of absolute weights at the close.
    pub exposure_gross: Vec<f64>,
    /// Sum of weights at the close.
    pub exposure_net: Vec<f64>,
    /// What trading and holding cost, in money.
    pub costs: Vec<f64>,
    /// The same by type.
    pub costs_by_type: CostSeries,
    /// What cash earned, in money.
    pub interest: Vec<f64>,
    /// How often things happened.
    pub counts: Counts,
    /// First row at whose close something was held.
    pub first_held_row: Option<usize>,
    /// Row at which equity was gone, with a return of -1 or less; nothing is done or earned from there on.
    pub ruin_row: Option<usize>,
    /// With [`Detail::Trades`](crate::Detail::Trades): trades by the row of their end and symbol, then the open ones.
    pub trades: Vec<Trade>,
    /// With [`Detail::Trades`](crate::Detail::Trades): orders by the row of their end and symbol, settlements among them; then those waiting.
    pub orders: Vec<Order>,
    /// With [`Detail::Trades`](crate::Detail::Trades): what changed hands, in the order in which it did; settlements are not among it.
    pub executions: Vec<Execution>,
    /// With [`Detail::Full`](crate::Detail::Full): holdings bar by bar, by symbol.
    pub positions: Vec<Position>,
}
