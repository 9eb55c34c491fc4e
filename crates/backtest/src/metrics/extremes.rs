//! Which trades made and lost most, and what ended them.

use super::ratio;
use super::trades::{ClosedTrade, TradeMetrics};
use crate::simulate::{Reason, Trade};

/// A trade's profit after costs over the money that was put in; `None` where that is nothing.
pub fn trade_return(trade: &Trade) -> Option<f64> {
    ratio(trade.net_pnl, trade.notional)
}

/// Closed trades with the highest returns above 0, highest first. Equal ones keep their order.
pub fn best_trades(trades: &[Trade], count: usize) -> Vec<&Trade> {
    ordered(trades, count, 1.0)
}

/// Closed trades with the lowest returns below 0, lowest first. Equal ones keep their order.
pub fn worst_trades(trades: &[Trade], count: usize) -> Vec<&Trade> {
    ordered(trades, count, -1.0)
}

fn ordered(trades: &[Trade], count: usize, sign: f64) -> Vec<&Trade> {
    let size = |trade: &Trade| trade_return(trade).map(|fraction| fraction * sign).filter(|&size| size > 0.0);
    let closed = trades.iter().filter(|trade| trade.exit_row.is_some());
    let mut sized: Vec<(f64, &Trade)> = closed.filter_map(|trade| Some((size(trade)?, trade))).collect();
    sized.sort_by(|a, b| b.0.total_cmp(&a.0));
    sized.into_iter().take(count).map(|(_, trade)| trade).collect()
}

/// The trades that ended for one reason.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ReasonSummary {
    /// Why they ended.
    pub reason: Reason,
    /// Their figures.
    pub trades: TradeMetrics,
    /// Profit after costs of all of them, in money.
    pub net_pnl: f64,
}

/// Closed trades by what ended them, the most frequent reason first, equally frequent ones by name.
pub fn exit_reasons(trades: &[Trade]) -> Vec<ReasonSummary> {
    let closed = |trade: &Trade| {
        let (exit, reason) = (trade.exit_row?, trade.reason?);
        let holding_bars = exit - trade.entry_row;
        Some((reason, ClosedTrade { net_pnl: trade.net_pnl, notional: trade.notional, holding_bars }))
    };
    let closed: Vec<(Reason, ClosedTrade)> = trades.iter().filter_map(closed).collect();
    let mut reasons: Vec<Reason> = Vec::new();
    for &(reason, _) in &closed {
        if !reasons.contains(&reason) {
            reasons.push(reason);
        }
    }
    let summary = |reason: Reason| {
        let ended = || closed.iter().filter(move |(other, _)| *other == reason).map(|(_, trade)| *trade);
        let net_pnl = ended().map(|trade| trade.net_pnl).sum();
        ReasonSummary { reason, trades: TradeMetrics::from_trades(ended()), net_pnl }
    };
    let mut summaries: Vec<ReasonSummary> = reasons.into_iter().map(summary).collect();
    summaries.sort_by_key(|summary| (std::cmp::Reverse(summary.trades.trades), summary.reason.name()));
    summaries
}
