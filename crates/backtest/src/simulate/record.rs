//! What a simulation leaves behind.

use serde::Serialize;

use super::holdings::Book;
use super::settings::Charge;

/// How much a simulation writes down. The numbers are the same either way, bit for bit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detail {
    /// Returns, turnover and counts: what selection needs. All other series stay empty.
    Scores,
    /// Figures per bar and counts.
    Returns,
    /// Trades and orders as well.
    Trades,
    /// Positions of every bar as well.
    Full,
}

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
    /// Waited for a price, and a later decision took its place.
    Replaced,
    /// Waited for a price, and the holding was settled or closed in ruin.
    Settled,
    /// The bars ended first.
    Waiting,
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
    /// Price of the fill; none where nothing was filled.
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
    /// Costs so far, in money.
    pub costs: f64,
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
    /// Tax on sales.
    pub sell_tax: Vec<f64>,
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
    /// What trading cost, in money.
    pub costs: Vec<f64>,
    /// The same by type.
    pub costs_by_type: CostSeries,
    /// How often things happened.
    pub counts: Counts,
    /// First row at whose close something was held.
    pub first_held_row: Option<usize>,
    /// Row at which equity was gone, with a return of -1 or less; nothing is done or earned from there on.
    pub ruin_row: Option<usize>,
    /// With [`Detail::Trades`]: trades by the row of their end and symbol, then the open ones.
    pub trades: Vec<Trade>,
    /// With [`Detail::Trades`]: orders by the row of their end and symbol, settlements among them; then those waiting.
    pub orders: Vec<Order>,
    /// With [`Detail::Full`]: holdings bar by bar, by symbol.
    pub positions: Vec<Position>,
}

/// What was executed of an order.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Executed {
    pub(super) shares: f64,
    pub(super) charge: Charge,
}

/// Writes an [`Outcome`], bar by bar.
#[derive(Debug)]
pub(super) struct Recorder {
    detail: Detail,
    outcome: Outcome,
    /// Of the order that is out for each symbol; of none where orders are not written down.
    executed: Vec<Executed>,
    charged: Charge,
    traded: f64,
    built: bool,
}

impl Recorder {
    pub(super) fn new(bars: usize, symbols: usize, detail: Detail) -> Self {
        let always = || Vec::with_capacity(bars);
        let series = || if detail == Detail::Scores { Vec::new() } else { always() };
        let outcome = Outcome {
            returns: always(),
            equity: series(),
            cash: series(),
            turnover: always(),
            exposure_gross: series(),
            exposure_net: series(),
            costs: series(),
            costs_by_type: CostSeries { commission: series(), half_spread: series(), sell_tax: series() },
            ..Outcome::default()
        };
        let executed = vec![Executed::default(); if detail >= Detail::Trades { symbols } else { 0 }];
        Self { detail, outcome, executed, charged: Charge::default(), traded: 0.0, built: false }
    }

    pub(super) fn outcome(&self) -> &Outcome {
        &self.outcome
    }

    pub(super) fn counts(&mut self) -> &mut Counts {
        &mut self.outcome.counts
    }

    /// Shares and money changed hands.
    #[inline]
    pub(super) fn traded(&mut self, symbol: usize, shares: f64, value: f64, charge: Charge) {
        self.traded += value;
        if self.detail > Detail::Scores {
            self.charged.add(charge);
        }
        if let Some(executed) = self.executed.get_mut(symbol) {
            executed.shares += shares;
            executed.charge.add(charge);
        }
    }

    /// The order that was out for a symbol ended.
    #[inline]
    pub(super) fn order(&mut self, symbol: usize, order: impl FnOnce(Executed) -> Order) {
        if let Some(executed) = self.executed.get_mut(symbol) {
            self.outcome.orders.push(order(std::mem::take(executed)));
        }
    }

    /// A position ended.
    #[inline]
    pub(super) fn closed(&mut self, book: &Book, symbol: usize, row: usize, reason: Reason) {
        self.outcome.counts.closed_trades += 1;
        if self.detail >= Detail::Trades {
            self.outcome.trades.extend(book.trade(symbol, Some((row, reason))));
        }
    }

    /// Ends a bar with an equity. `before` is that at the close before, `sizing` that by which this bar's fills were
    /// sized. A bar of ruin ends it all: its return is -1 or less.
    pub(super) fn bar(&mut self, row: usize, book: &Book, [before, sizing, equity]: [f64; 3], ruined: bool) {
        if self.outcome.first_held_row.is_none() && !book.held().is_empty() {
            self.outcome.first_held_row = Some(row);
        }
        let turnover = if self.traded > 0.0 && self.built { 0.5 * self.traded / sizing } else { f64::NAN };
        self.built |= self.traded > 0.0;
        let mut earned = equity / before - 1.0;
        if ruined {
            earned = earned.min(-1.0);
            self.outcome.ruin_row = Some(row);
        }
        self.push(earned, turnover);
        if self.detail == Detail::Scores {
            return;
        }
        let (mut gross, mut net) = (0.0, 0.0);
        for symbol in book.held().iter() {
            let weight = book.value(symbol) / equity;
            gross += weight.abs();
            net += weight;
            if self.detail == Detail::Full {
                let (shares, price, stale) = (book.shares(symbol), book.mark(symbol), book.is_stale(symbol));
                self.outcome.positions.push(Position { row, symbol, shares, price, weight, stale });
            }
        }
        self.push_figures([equity, book.cash, gross, net]);
    }

    /// Ends a bar after ruin.
    pub(super) fn nothing(&mut self, equity: f64) {
        self.push(f64::NAN, f64::NAN);
        if self.detail > Detail::Scores {
            self.push_figures([equity, equity, 0.0, 0.0]);
        }
    }

    pub(super) fn finish(mut self, book: &Book) -> Outcome {
        // Sells come before buys within a bar, and settlements after both: reports want rows and symbols in order.
        self.outcome.trades.sort_by_key(|trade| (trade.exit_row, trade.symbol));
        self.outcome.orders.sort_by_key(|order| (order.ended.unwrap_or(usize::MAX), order.symbol));
        if self.detail >= Detail::Trades {
            self.outcome.trades.extend(book.held().iter().filter_map(|symbol| book.trade(symbol, None)));
        }
        self.outcome
    }

    fn push(&mut self, earned: f64, turnover: f64) {
        self.traded = 0.0;
        self.outcome.returns.push(earned);
        self.outcome.turnover.push(turnover);
    }

    fn push_figures(&mut self, [equity, cash, gross, net]: [f64; 4]) {
        let (charged, outcome) = (std::mem::take(&mut self.charged), &mut self.outcome);
        outcome.equity.push(equity);
        outcome.cash.push(cash);
        outcome.exposure_gross.push(gross);
        outcome.exposure_net.push(net);
        outcome.costs.push(charged.total());
        outcome.costs_by_type.commission.push(charged.commission);
        outcome.costs_by_type.half_spread.push(charged.half_spread);
        outcome.costs_by_type.sell_tax.push(charged.sell_tax);
    }
}
