//! Metrics of closed trades.

use serde::{Deserialize, Serialize};

use super::text::{Kind, Row};
use super::{finite, ratio};

/// What metrics need to know of a closed trade.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ClosedTrade {
    /// Profit or loss after all costs, in money.
    pub net_pnl: f64,
    /// Money that was put in, additions included; not negative.
    pub notional: f64,
    /// Bars from entry fill to exit fill.
    pub holding_bars: usize,
}

/// What closed trades say about a strategy. Undefined figures are `None`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct TradeMetrics {
    /// Closed trades.
    pub trades: usize,
    /// Share of trades with a net profit.
    pub win_rate_trade: Option<f64>,
    /// Sum of net profits over the absolute sum of net losses.
    pub profit_factor_trade: Option<f64>,
    /// Mean net profit of winners over the absolute mean net loss of losers.
    pub payoff: Option<f64>,
    /// Mean net profit or loss of a trade, in money.
    pub expectancy_money: Option<f64>,
    /// Net profit or loss of all trades over their notional, in basis points.
    pub expectancy_bps: Option<f64>,
    /// Mean bars held.
    pub mean_holding_bars: Option<f64>,
}

impl TradeMetrics {
    /// Metrics of closed trades, in any order.
    pub fn from_trades(closed: impl IntoIterator<Item = ClosedTrade>) -> Self {
        let (mut trades, mut winners, mut losers, mut bars) = (0_usize, 0_usize, 0_usize, 0.0);
        let (mut net, mut won, mut lost, mut notional) = (0.0, 0.0, 0.0, 0.0);
        for trade in closed {
            trades += 1;
            winners += usize::from(trade.net_pnl > 0.0);
            losers += usize::from(trade.net_pnl < 0.0);
            net += trade.net_pnl;
            won += trade.net_pnl.max(0.0);
            lost += (-trade.net_pnl).max(0.0);
            notional += trade.notional;
            bars += trade.holding_bars as f64;
        }
        let mean = |sum: f64, count: usize| if count == 0 { None } else { finite(sum / count as f64) };
        Self {
            trades,
            win_rate_trade: mean(winners as f64, trades),
            profit_factor_trade: ratio(won, lost),
            payoff: mean(won, winners).zip(mean(lost, losers)).and_then(|(win, loss)| ratio(win, loss)),
            expectancy_money: mean(net, trades),
            expectancy_bps: ratio(net, notional).and_then(|fraction| finite(fraction * 10_000.0)),
            mean_holding_bars: mean(bars, trades),
        }
    }

    /// Names, values and kinds of the figures, in the order of a report.
    pub fn rows(&self) -> Vec<Row> {
        vec![
            Row::new("trades", Some(self.trades as f64), Kind::Count),
            Row::new("win_rate_trade", self.win_rate_trade, Kind::Percent),
            Row::new("profit_factor_trade", self.profit_factor_trade, Kind::Ratio),
            Row::new("payoff", self.payoff, Kind::Ratio),
            Row::new("expectancy_money", self.expectancy_money, Kind::Money),
            Row::new("expectancy_bps", self.expectancy_bps, Kind::BasisPoints),
            Row::new("mean_holding_bars", self.mean_holding_bars, Kind::Ratio),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trade(net_pnl: f64, notional: f64, holding_bars: usize) -> ClosedTrade {
        ClosedTrade { net_pnl, notional, holding_bars }
    }

    fn check(trades: &[ClosedTrade], expected: [Option<f64>; 6]) {
        let got = TradeMetrics::from_trades(trades.iter().copied());
        let got = [
            got.win_rate_trade,
            got.profit_factor_trade,
            got.payoff,
            got.expectancy_money,
            got.expectancy_bps,
            got.mean_holding_bars,
        ];
        assert_eq!(got, expected, "{trades:?}");
    }

    #[test]
    fn figures_by_hand() {
        check(&[], [None; 6]);
        // Two winners of 60 in all, one loser of 20, one trade that came to nothing; 1,000 of notional.
        check(
            &[trade(40.0, 400.0, 5), trade(20.0, 200.0, 3), trade(-20.0, 300.0, 1), trade(0.0, 100.0, 7)],
            [Some(0.5), Some(3.0), Some(1.5), Some(10.0), Some(400.0), Some(4.0)],
        );
        check(&[trade(5.0, 100.0, 2)], [Some(1.0), None, None, Some(5.0), Some(500.0), Some(2.0)]);
        check(&[trade(-5.0, 100.0, 2)], [Some(0.0), Some(0.0), None, Some(-5.0), Some(-500.0), Some(2.0)]);
        check(&[trade(f64::NAN, 100.0, 0)], [Some(0.0), None, None, None, None, Some(0.0)]);
    }
}
