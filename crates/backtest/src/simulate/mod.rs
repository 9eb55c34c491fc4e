//! Fills, cash and holdings, row by row.
//!
//! A decision at bar `t` reads rows up to `t`; its orders are filled on the next bar (see [`Fill`]). Shares are
//! wanted weight times equity over close, both of bar `t`. Sales come before purchases, and where cash is short one
//! factor scales all purchases. Exits are judged on every close. Holdings are a sparse list, so that cost goes with
//! the count held.

mod market;
mod record;
mod targets;

pub use market::{Costs, Delisting, Fill, Market, Periods, Rows, Settings};
pub use record::{Detail, Outcome, Position, Reason, Trade};

use factor::{Exits, Positions, Rule};

use targets::{Chooser, Target, View};

/// A holding.
#[derive(Debug, Clone, Copy)]
struct Holding {
    symbol: u32,
    shares: f64,
    entry_price: f64,
    entry_row: usize,
    /// Best close since entry, in the holding's direction; starts at the entry price.
    best: f64,
    last_close: f64,
    missing: u32,
    /// Money received less money paid since the first fill, costs included.
    flow: f64,
    costs: f64,
    first_shares: f64,
    notional: f64,
    /// Known when the entry was ordered, for stops; NaN where it was not.
    volatility: f64,
    average_true_range: f64,
}

impl Holding {
    fn value(&self) -> f64 {
        self.shares * self.last_close
    }

    /// Gain of a price over another in the holding's direction, a fraction.
    fn gain(&self, from: f64, to: f64) -> f64 {
        self.shares.signum() * (to / from - 1.0)
    }
}

/// An order waiting for its fill.
#[derive(Debug, Clone, Copy)]
struct Order {
    symbol: u32,
    /// Shares to add (positive) or give (negative); `None` closes whatever is held.
    change: Option<f64>,
    reason: Reason,
    /// Known when the order was given, for stops.
    volatility: f64,
    average_true_range: f64,
}

/// Walks a strategy's results down the rows of a market.
#[derive(Debug)]
pub struct Simulator<'a> {
    market: &'a Market<'a>,
    positions: Positions,
    exits: Exits,
    settings: Settings,
    detail: Detail,
    cash: f64,
    equity: f64,
    holdings: Vec<Holding>,
    pending: Vec<Order>,
    chooser: Chooser,
    targets: Vec<Target>,
    kept: Vec<u32>,
    barred: Vec<u32>,
    built: bool,
    outcome: Outcome,
}

/// Shares this small, relative to what was held, are what rounding left of nothing.
const DUST: f64 = 1e-12;

impl<'a> Simulator<'a> {
    /// A simulator at row 0 with all its capital in cash.
    pub fn new(
        market: &'a Market<'a>,
        positions: Positions,
        exits: Exits,
        settings: &Settings,
        detail: Detail,
    ) -> Self {
        let series = || Vec::with_capacity(market.bars);
        let outcome = Outcome {
            returns: series(),
            equity: series(),
            cash: series(),
            turnover: series(),
            exposure_gross: series(),
            exposure_net: series(),
            costs: series(),
            ..Outcome::default()
        };
        Self {
            market,
            positions,
            exits,
            settings: *settings,
            detail,
            cash: settings.capital,
            equity: settings.capital,
            holdings: Vec::new(),
            pending: Vec::new(),
            chooser: Chooser::default(),
            targets: Vec::new(),
            kept: Vec::new(),
            barred: Vec::new(),
            built: false,
            outcome,
        }
    }

    /// Takes the next row's results; rows come in order, from 0.
    pub fn step(&mut self, row: usize, rows: &Rows<'_>) {
        debug_assert_eq!(row, self.outcome.returns.len(), "rows come in order");
        let before = self.equity;
        let (mut traded, mut costs) = (0.0, 0.0);
        if self.outcome.ruin_row.is_none() {
            if self.settings.fill != Fill::SameClose {
                self.fill(row, &mut traded, &mut costs);
            }
            self.mark(row);
            if self.outcome.ruin_row.is_none() {
                self.decide(row, rows);
            }
            if self.settings.fill == Fill::SameClose && self.outcome.ruin_row.is_none() {
                self.fill(row, &mut traded, &mut costs);
                self.equity = self.cash + self.holdings.iter().map(Holding::value).sum::<f64>();
            }
        }
        let (gross, net) = self
            .holdings
            .iter()
            .fold((0.0, 0.0), |(gross, net), holding| (gross + holding.value().abs(), net + holding.value()));
        let turnover = if traded > 0.0 && before > 0.0 { 0.5 * traded / before } else { 0.0 };
        // The first build is paid for, but says nothing about how much a strategy trades.
        let first_build = traded > 0.0 && !self.built;
        self.built |= traded > 0.0;
        let outcome = &mut self.outcome;
        outcome.turnover.push(if first_build { 0.0 } else { turnover });
        outcome.returns.push(if before > 0.0 { self.equity / before - 1.0 } else { 0.0 });
        outcome.equity.push(self.equity);
        outcome.cash.push(self.cash);
        outcome.costs.push(costs);
        let share = |value: f64| if self.equity > 0.0 { value / self.equity } else { 0.0 };
        outcome.exposure_gross.push(share(gross));
        outcome.exposure_net.push(share(net));
        if self.detail == Detail::Full {
            let equity = self.equity;
            outcome.positions.extend(self.holdings.iter().map(|holding| Position {
                row,
                symbol: holding.symbol as usize,
                shares: holding.shares,
                weight: holding.value() / equity,
                stale: holding.missing > 0,
            }));
        }
    }

    /// Ends the simulation. Holdings stay open: a file that ends is no reason to sell.
    pub fn finish(mut self) -> Outcome {
        for holding in &self.holdings {
            let net_pnl = holding.flow + holding.value();
            self.outcome.trades.push(Trade {
                exit_row: None,
                reason: None,
                ..trade(holding, holding.last_close, net_pnl)
            });
        }
        self.outcome
    }

    /// Fills pending orders at this row's price: sales, then purchases.
    fn fill(&mut self, row: usize, traded: &mut f64, costs: &mut f64) {
        if self.pending.is_empty() {
            return;
        }
        let prices = match self.settings.fill {
            Fill::NextOpen => self.market.row(self.market.open, row),
            Fill::NextClose | Fill::SameClose => self.market.row(self.market.close, row),
        };
        let mut pending = std::mem::take(&mut self.pending);
        let mut waiting = Vec::new();
        for order in &mut pending {
            let held = self.held(order.symbol).map_or(0.0, |place| self.holdings[place].shares);
            let change = order.change.unwrap_or(-held);
            order.change = Some(change);
            let reduces = change * held < 0.0;
            if change == 0.0 || prices[order.symbol as usize] > 0.0 {
                continue;
            }
            if reduces {
                self.outcome.delayed_sales += 1;
                waiting.push(Order { change: (change + held != 0.0).then_some(change), ..*order });
            } else {
                self.outcome.dropped_buys += 1;
            }
            order.change = Some(0.0);
        }
        let rate = (self.settings.costs.commission_bps + self.settings.costs.half_spread_bps) / 1e4;
        let tax = self.settings.costs.sell_tax_bps / 1e4;
        let size = |order: &Order| order.change.unwrap_or(0.0);
        for order in pending.iter().filter(|order| size(order) < 0.0) {
            let (change, price) = (size(order), prices[order.symbol as usize]);
            let value = -change * price;
            self.trade(row, order, change, price, value * (rate + tax));
            *traded += value;
            *costs += value * (rate + tax);
        }
        let wanted: f64 = pending
            .iter()
            .filter(|order| size(order) > 0.0)
            .map(|order| size(order) * prices[order.symbol as usize] * (1.0 + rate))
            .sum();
        // Covering a short is never scaled down with the rest, but counts against the cash.
        let scale = if wanted > self.cash { (self.cash / wanted).max(0.0) } else { 1.0 };
        for order in pending.iter().filter(|order| size(order) > 0.0) {
            let price = prices[order.symbol as usize];
            let covers = self.held(order.symbol).is_some_and(|place| self.holdings[place].shares < 0.0);
            let change = size(order) * if covers { 1.0 } else { scale };
            if change > 0.0 {
                let value = change * price;
                self.trade(row, order, change, price, value * rate);
                *traded += value;
                *costs += value * rate;
            }
        }
        self.pending = waiting;
    }

    fn held(&self, symbol: u32) -> Option<usize> {
        self.holdings.binary_search_by_key(&symbol, |holding| holding.symbol).ok()
    }

    /// Books one fill.
    fn trade(&mut self, row: usize, order: &Order, change: f64, price: f64, cost: f64) {
        self.cash -= change * price + cost;
        let place = self.holdings.binary_search_by_key(&order.symbol, |holding| holding.symbol);
        let place = match place {
            Ok(place) if self.holdings[place].shares * (self.holdings[place].shares + change) < 0.0 => {
                // Through zero: the old holding ends at this price, and the rest is a new one.
                let holding = self.holdings.remove(place);
                let share = (holding.shares / change).abs();
                let flow = holding.flow + holding.shares * price - cost * share;
                let costs = holding.costs + cost * share;
                let closed = trade(&Holding { costs, ..holding }, price, flow);
                self.outcome.trades.push(Trade { exit_row: Some(row), reason: Some(order.reason), ..closed });
                self.holdings.insert(place, opened(row, order, holding.shares + change, price, cost * (1.0 - share)));
                return;
            }
            Ok(place) => place,
            Err(place) => {
                self.holdings.insert(place, opened(row, order, change, price, cost));
                return;
            }
        };
        let holding = &mut self.holdings[place];
        let shares = holding.shares + change;
        holding.flow -= change * price + cost;
        holding.costs += cost;
        if shares.abs() <= DUST * holding.shares.abs() {
            let closed = trade(holding, price, holding.flow);
            self.outcome.trades.push(Trade { exit_row: Some(row), reason: Some(order.reason), ..closed });
            self.holdings.remove(place);
            return;
        }
        if change * holding.shares > 0.0 {
            holding.entry_price = (holding.entry_price * holding.shares + price * change) / shares;
        }
        holding.shares = shares;
    }

    /// Values holdings at this row's close, and closes those whose symbol stopped trading.
    fn mark(&mut self, row: usize) {
        let closes = self.market.row(self.market.close, row);
        for holding in &mut self.holdings {
            let close = closes[holding.symbol as usize];
            if close > 0.0 {
                holding.last_close = close;
                holding.missing = 0;
                holding.best = if holding.shares > 0.0 { holding.best.max(close) } else { holding.best.min(close) };
            } else {
                holding.missing += 1;
            }
        }
        let Delisting { after_missing_bars, return_fraction } = self.settings.delisting;
        while let Some(place) = self.holdings.iter().position(|holding| holding.missing >= after_missing_bars) {
            let price = self.holdings[place].last_close * (1.0 + return_fraction);
            self.close_out(place, row, price, Reason::Delisted);
        }
        self.equity = self.cash + self.holdings.iter().map(Holding::value).sum::<f64>();
        if self.equity <= 0.0 {
            self.outcome.ruin_row = Some(row);
            while let Some(holding) = self.holdings.last() {
                let price = holding.last_close;
                self.close_out(self.holdings.len() - 1, row, price, Reason::Ruin);
            }
            self.pending.clear();
            self.cash = 0.0;
            self.equity = 0.0;
        }
    }

    /// Ends a holding at a price, without costs: there is nobody to trade with.
    fn close_out(&mut self, place: usize, row: usize, price: f64, reason: Reason) {
        let holding = self.holdings.remove(place);
        self.cash += holding.shares * price;
        let closed = trade(&holding, price, holding.flow + holding.shares * price);
        self.outcome.trades.push(Trade { exit_row: Some(row), reason: Some(reason), ..closed });
        self.pending.retain(|order| order.symbol != holding.symbol);
    }

    /// Judges exits, and sets targets where the rebalance says so.
    fn decide(&mut self, row: usize, rows: &Rows<'_>) {
        self.kept.clear();
        self.barred.clear();
        for place in 0..self.holdings.len() {
            let holding = self.holdings[place];
            match self.exit(&holding, row, rows) {
                Some(reason) => {
                    self.barred.push(holding.symbol);
                    self.pending.retain(|order| order.symbol != holding.symbol);
                    self.pending.push(order(holding.symbol, None, reason, rows));
                }
                None => self.kept.push(holding.symbol),
            }
        }
        if !self.market.rebalances(self.positions.rebalance, row) {
            return;
        }
        let market = self.market;
        let view = View {
            rows: *rows,
            members: &market.members[row * market.symbols..(row + 1) * market.symbols],
            close: market.row(market.close, row),
            kept: &self.kept,
            barred: &self.barred,
        };
        let equity = self.equity;
        if self.positions.rule == Rule::Signal {
            self.chooser.signals(&self.positions, &view, &mut self.targets);
            for &(symbol, weight) in &self.targets {
                let shares = weight * equity / view.close[symbol as usize];
                self.pending.retain(|order| order.symbol != symbol);
                self.pending.push(order(symbol, Some(shares), Reason::Entry, rows));
            }
            return;
        }
        self.chooser.book(&self.positions, &view, &mut self.targets);
        let barred = &self.barred;
        self.pending.retain(|order| barred.binary_search(&order.symbol).is_ok());
        let mut kept = self.holdings.iter().filter(|holding| barred.binary_search(&holding.symbol).is_err()).peekable();
        for &(symbol, weight) in &self.targets {
            while let Some(gone) = kept.next_if(|holding| holding.symbol < symbol) {
                self.pending.push(order(gone.symbol, None, Reason::Rebalance, rows));
            }
            let held = kept.next_if(|holding| holding.symbol == symbol).map_or(0.0, |holding| holding.shares);
            let change = weight * equity / view.close[symbol as usize] - held;
            self.pending.push(order(symbol, Some(change), Reason::Rebalance, rows));
        }
        for gone in kept {
            self.pending.push(order(gone.symbol, None, Reason::Rebalance, rows));
        }
    }

    /// Why a holding must be sold now, if it must.
    fn exit(&self, holding: &Holding, row: usize, rows: &Rows<'_>) -> Option<Reason> {
        let at = holding.symbol as usize;
        let flagged = match (rows.exit, rows.entry) {
            (Some(exit), _) => exit[at] == 1.0,
            (None, Some(entry)) => self.positions.rule == Rule::Signal && entry[at] != 1.0,
            (None, None) => false,
        };
        if flagged {
            return Some(Reason::Exit);
        }
        // A symbol without a close today has nothing to be judged on.
        if holding.missing > 0 {
            return None;
        }
        let close = holding.last_close;
        let gain = holding.gain(holding.entry_price, close);
        let side = holding.shares.signum();
        let Exits { stop_loss, trailing_stop, take_profit, max_holding, volatility_stop, atr_stop } = self.exits;
        if stop_loss.is_some_and(|loss| gain <= -loss) {
            return Some(Reason::StopLoss);
        }
        if let Some(stop) = trailing_stop
            && holding.gain(holding.entry_price, holding.best) >= stop.activation
            && holding.gain(holding.best, close) <= -stop.trail
        {
            return Some(Reason::TrailingStop);
        }
        if take_profit.is_some_and(|profit| gain >= profit) {
            return Some(Reason::TakeProfit);
        }
        if max_holding.is_some_and(|bars| row - holding.entry_row >= bars as usize) {
            return Some(Reason::MaxHolding);
        }
        // An unknown measure never fires: every comparison with NaN is false.
        if volatility_stop.is_some_and(|stop| gain <= -stop.multiplier * holding.volatility) {
            return Some(Reason::VolatilityStop);
        }
        let moved = side * (close - holding.entry_price);
        atr_stop.is_some_and(|stop| moved <= -stop.multiplier * holding.average_true_range).then_some(Reason::AtrStop)
    }
}

fn order(symbol: u32, change: Option<f64>, reason: Reason, rows: &Rows<'_>) -> Order {
    let known = |row: Option<&[f64]>| row.map_or(f64::NAN, |row| row[symbol as usize]);
    let (volatility, average_true_range) = (known(rows.stop_volatility), known(rows.average_true_range));
    Order { symbol, change, reason, volatility, average_true_range }
}

/// A new holding.
fn opened(row: usize, order: &Order, shares: f64, price: f64, cost: f64) -> Holding {
    Holding {
        symbol: order.symbol,
        shares,
        entry_price: price,
        entry_row: row,
        best: price,
        last_close: price,
        missing: 0,
        flow: -(shares * price + cost),
        costs: cost,
        first_shares: shares,
        notional: (shares * price).abs(),
        volatility: order.volatility,
        average_true_range: order.average_true_range,
    }
}

fn trade(holding: &Holding, price: f64, net_pnl: f64) -> Trade {
    Trade {
        symbol: holding.symbol as usize,
        entry_row: holding.entry_row,
        exit_row: None,
        entry_price: holding.entry_price,
        exit_price: price,
        shares: holding.first_shares,
        notional: holding.notional,
        net_pnl,
        costs: holding.costs,
        reason: None,
    }
}
