//! Best and worst trades, and what ended trades, of simulated ones.

use backtest::metrics::{ReturnSettings, best_trades, exit_reasons, trade_return, worst_trades};
use backtest::{Market, Outcome, Periods, Settings, Trade, backtest};
use factor::{Schema, Strategy};
use market::RandomWalk;

fn outcome() -> Outcome {
    let panel = RandomWalk { bars: 400, symbols: 12, seed: 5, gap_rate: 0.01, late_listing_rate: 0.0 }.panel();
    let text = "name = \"a\"\n[positions]\nrule = \"top\"\nscore = \"returns(close, 5)\"\ncount = 3\nrebalance = \"weekly\"\n[exits]\nstop_loss = 0.03\ntake_profit = 0.05\n";
    let strategy = Strategy::from_toml(text, &Schema::bars()).expect("a strategy");
    let (settings, periods) = (Settings::default(), Periods::split(400, 0.6, 0.2));
    let report = backtest(&strategy, &panel, &Market::new(&panel), &settings, &periods, &ReturnSettings::new(252.0));
    report.expect("it runs").outcome
}

#[test]
fn the_best_and_the_worst_are_the_ends_of_all() {
    let trades = outcome().trades;
    let mut returns: Vec<f64> =
        trades.iter().filter(|trade| trade.exit_row.is_some()).filter_map(trade_return).collect();
    returns.sort_by(f64::total_cmp);
    assert!(returns.len() > 50);
    let of = |trades: Vec<&Trade>| trades.into_iter().filter_map(trade_return).collect::<Vec<f64>>();
    assert_eq!(of(worst_trades(&trades, 7)), returns[..7]);
    assert_eq!(of(best_trades(&trades, 7)), returns.iter().rev().take(7).copied().collect::<Vec<_>>());
    let (up, down) = (of(best_trades(&trades, usize::MAX)), of(worst_trades(&trades, usize::MAX)));
    assert_eq!(up.len() + down.len() + returns.iter().filter(|r| **r == 0.0).count(), returns.len());
    assert!(up.iter().all(|r| *r > 0.0) && down.iter().all(|r| *r < 0.0));
    assert_eq!(best_trades(&[], 5).len(), 0);
}

#[test]
fn reasons_account_for_every_closed_trade() {
    let outcome = outcome();
    let reasons = exit_reasons(&outcome.trades);
    let closed: Vec<&Trade> = outcome.trades.iter().filter(|trade| trade.exit_row.is_some()).collect();
    assert_eq!(reasons.iter().map(|reason| reason.trades.trades).sum::<usize>(), outcome.counts.closed_trades);
    assert!(reasons.len() >= 3 && reasons.is_sorted_by(|a, b| a.trades.trades >= b.trades.trades));
    for summary in &reasons {
        let own = || closed.iter().filter(|trade| trade.reason == Some(summary.reason));
        let net: f64 = own().map(|trade| trade.net_pnl).sum();
        assert_eq!((summary.trades.trades, summary.net_pnl), (own().count(), net));
        let won = own().filter(|trade| trade.net_pnl > 0.0).count() as f64 / own().count() as f64;
        assert_eq!(summary.trades.win_rate_trade, Some(won));
    }
    assert_eq!(exit_reasons(&[]), []);
}
