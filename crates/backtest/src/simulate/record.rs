//! Writes down what a simulation does, as it does it.

use super::costs::Charge;
use super::holdings::Book;
use super::outcome::{CostSeries, Counts, Execution, Order, Outcome, Position, Reason};

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

/// What was executed of an order.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Executed {
    pub(super) shares: f64,
    pub(super) charge: Charge,
    value: f64,
    last_price: f64,
    prices: u32,
}

impl Executed {
    fn add(&mut self, shares: f64, price: f64, charge: Charge) {
        self.prices += u32::from(self.prices == 0 || price != self.last_price);
        self.shares += shares;
        self.value += shares * price;
        self.last_price = price;
        self.charge.add(charge);
    }

    /// Average price; none where nothing was executed.
    pub(super) fn price(&self) -> Option<f64> {
        match self.prices {
            0 => None,
            1 => Some(self.last_price),
            _ => Some(self.value / self.shares),
        }
    }
}

/// What one bar's holding cost and earned, in money.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Carry {
    pub(super) borrow: f64,
    pub(super) financing: f64,
    pub(super) interest: f64,
}

/// Writes an [`Outcome`], bar by bar.
#[derive(Debug)]
pub(super) struct Recorder {
    detail: Detail,
    outcome: Outcome,
    /// Of the order that is out for each symbol; of none where orders are not written down.
    executed: Vec<Executed>,
    charged: Charge,
    carry: Carry,
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
            costs_by_type: CostSeries {
                commission: series(),
                half_spread: series(),
                slippage: series(),
                impact: series(),
                sell_tax: series(),
                borrow: series(),
                financing: series(),
            },
            interest: series(),
            ..Outcome::default()
        };
        let executed = vec![Executed::default(); if detail >= Detail::Trades { symbols } else { 0 }];
        let (charged, carry) = (Charge::default(), Carry::default());
        Self { detail, outcome, executed, charged, carry, traded: 0.0, built: false }
    }

    pub(super) fn outcome(&self) -> &Outcome {
        &self.outcome
    }

    pub(super) fn counts(&mut self) -> &mut Counts {
        &mut self.outcome.counts
    }

    /// Shares changed hands.
    #[inline]
    pub(super) fn traded(&mut self, execution: Execution) {
        let Execution { symbol, shares, price, charge, .. } = execution;
        if self.detail > Detail::Scores {
            self.charged.add(charge);
        }
        if let Some(executed) = self.executed.get_mut(symbol) {
            executed.add(shares.abs(), price, charge);
            self.outcome.executions.push(execution);
        }
    }

    /// So much was traded in all.
    pub(super) fn add_traded(&mut self, value: f64) {
        self.traded += value;
    }

    /// A bar's holding was paid for.
    pub(super) fn carried(&mut self, carry: Carry) {
        self.carry = carry;
    }

    /// The order that was out for a symbol ended.
    #[inline]
    pub(super) fn order(&mut self, symbol: usize, order: impl FnOnce(Executed) -> Order) {
        if let Some(executed) = self.executed.get_mut(symbol) {
            self.outcome.orders.push(order(std::mem::take(executed)));
        }
    }

    /// A holding was settled: an order of its own, beside what else was out for the symbol.
    pub(super) fn settled(&mut self, order: Order) {
        if self.detail >= Detail::Trades {
            self.outcome.orders.push(order);
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
        let (charged, carry) = (std::mem::take(&mut self.charged), std::mem::take(&mut self.carry));
        let outcome = &mut self.outcome;
        outcome.equity.push(equity);
        outcome.cash.push(cash);
        outcome.exposure_gross.push(gross);
        outcome.exposure_net.push(net);
        outcome.costs.push(charged.total() + carry.borrow + carry.financing);
        outcome.interest.push(carry.interest);
        outcome.costs_by_type.borrow.push(carry.borrow);
        outcome.costs_by_type.financing.push(carry.financing);
        outcome.costs_by_type.slippage.push(charged.slippage);
        outcome.costs_by_type.impact.push(charged.impact);
        outcome.costs_by_type.commission.push(charged.commission);
        outcome.costs_by_type.half_spread.push(charged.half_spread);
        outcome.costs_by_type.sell_tax.push(charged.sell_tax);
    }
}
