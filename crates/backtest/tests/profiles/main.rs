//! Profiles against the tools they are named after: every trade and every equity of scenarios that those tools ran.
//!
//! `README.md` says what the goldens hold, how they are made and what cannot agree.

mod golden;

use backtest::metrics::{Metrics, ReturnSettings};
use backtest::{Execution, Fate, Outcome, Profile, Settings, Side};
use golden::{Golden, Place, Trade};
use serde_json::Value;

/// Goldens hold every digit, and none of the tools rounds what it reports: what is left is the order of sums.
const TOLERANCE: f64 = 1e-9;

fn near(found: f64, expected: f64) -> bool {
    (found - expected).abs() <= TOLERANCE * expected.abs().max(1e-3)
}

/// `over` laid over `under`, key by key.
fn lay_over(under: &mut Value, over: &Value) {
    match (under, over) {
        (Value::Object(under), Value::Object(over)) => {
            for (key, value) in over {
                lay_over(under.entry(key).or_insert(Value::Null), value);
            }
        }
        (under, over) => *under = over.clone(),
    }
}

/// The profile's settings and what the scenario sets besides.
fn settings(golden: &Golden) -> Result<Settings, String> {
    let mut settings = serde_json::to_value(golden.profile.settings()).expect("settings are plain data");
    lay_over(&mut settings, &golden.settings);
    serde_json::from_value(settings).map_err(|error| error.to_string())
}

/// What was executed, as tools report it: slippage is in the price there, and apart from it here.
fn fills(outcome: &Outcome) -> Vec<Trade> {
    let fill = |execution: &Execution| {
        let &Execution { row, symbol, shares, price, charge, .. } = execution;
        let side = if shares > 0.0 { Side::Buy } else { Side::Sell };
        let price = price + charge.in_price() / shares;
        Trade { row, symbol, side, shares: shares.abs(), price, costs: charge.total() - charge.in_price() }
    };
    let mut fills: Vec<Trade> = Vec::new();
    for execution in &outcome.executions {
        let fill = fill(execution);
        // An order that goes through zero is executed in two parts.
        match fills
            .iter_mut()
            .find(|before| (before.row, before.symbol, before.side) == (fill.row, fill.symbol, fill.side))
        {
            Some(before) => {
                before.shares += fill.shares;
                before.costs += fill.costs;
            }
            None => fills.push(fill),
        }
    }
    fills.sort_by_key(|fill| (fill.row, fill.symbol));
    fills
}

fn rejected(outcome: &Outcome) -> Vec<Place> {
    let refused = outcome.orders.iter().filter(|order| order.fate == Fate::NoCash);
    let mut places: Vec<Place> =
        refused.filter_map(|order| Some(Place { row: order.ended?, symbol: order.symbol })).collect();
    places.sort();
    places
}

fn same(found: &Trade, expected: &Trade) -> bool {
    (found.row, found.symbol, found.side) == (expected.row, expected.symbol, expected.side)
        && near(found.shares, expected.shares)
        && near(found.price, expected.price)
        && near(found.costs, expected.costs)
}

/// The first thing that differs, in words.
fn compare(golden: &Golden) -> Result<(), String> {
    let expected = &golden.expected;
    let outcome = golden.run(&settings(golden)?);
    let found = fills(&outcome);
    for (found, expected) in found.iter().zip(&expected.fills) {
        if !same(found, expected) {
            return Err(format!("{found:?}, not {expected:?}"));
        }
    }
    let both = found.len().min(expected.fills.len());
    if found.len() != expected.fills.len() {
        return Err(format!("fill {:?}, not {:?}", found.get(both), expected.fills.get(both)));
    }
    if let Some(refused) = &expected.rejected
        && rejected(&outcome) != *refused
    {
        return Err(format!("rejected {:?}, not {refused:?}", rejected(&outcome)));
    }
    for (row, (&found, &expected)) in outcome.equity.iter().zip(&expected.equity).enumerate() {
        if !near(found, expected) {
            return Err(format!("equity {found} at row {row}, not {expected}"));
        }
    }
    let last = *outcome.equity.last().ok_or("no equity")?;
    if outcome.equity.len() != expected.equity.len() || !near(last, expected.final_equity) {
        return Err(format!("final equity {last}, not {}", expected.final_equity));
    }
    // Tools that print figures go by a year of their own.
    let year = golden.profile.periods_per_year().unwrap_or(252.0);
    let metrics = Metrics::from_returns(&outcome.returns, &ReturnSettings::new(year));
    for (found, expected) in [(metrics.sharpe, expected.sharpe), (metrics.volatility, expected.volatility)] {
        if let Some(expected) = expected
            && !found.is_some_and(|found| near(found, expected))
        {
            return Err(format!("figure {found:?}, not {expected}"));
        }
    }
    Ok(())
}

#[test]
fn every_trade_and_equity_agrees() {
    let differ: Vec<String> = Golden::all()
        .iter()
        .filter_map(|golden| compare(golden).err().map(|words| format!("{}: {words}", golden.name)))
        .collect();
    assert!(differ.is_empty(), "{}", differ.join("\n"));
}

#[test]
fn every_tool_has_scenarios() {
    let goldens = Golden::all();
    for profile in Profile::ALL {
        let count = goldens.iter().filter(|golden| golden.profile == profile).count();
        assert!(count >= 3, "{count} of {profile}");
    }
}
