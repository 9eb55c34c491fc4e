//! What a strategy wants today: target weights at the last close, and the orders that lead to them.

use engine::{Columns, Executor, Outputs, Plan};
use factor::Strategy;
use market::Panel;
use serde::Serialize;

use crate::Error;
use crate::report::check_strategy;
use crate::simulate::{Account, Detail, Market, Measures, Reason, Rows, Settings, Simulator};

/// What a strategy wants at the close of the last bar.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Signal {
    /// Name of the strategy.
    pub strategy: String,
    /// Date of the last bar.
    pub date: String,
    /// Whether targets are set on this bar; else only exits and what waits give orders.
    pub rebalances: bool,
    /// Cash and holdings at their last closes, in money.
    pub equity: f64,
    /// Cash, in money.
    pub cash: f64,
    /// What is held or wanted, in symbol order.
    pub lines: Vec<SignalLine>,
}

/// One symbol that is held or wanted.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SignalLine {
    /// The symbol.
    pub symbol: String,
    /// Last price; `None` where there has been none.
    pub price: Option<f64>,
    /// Shares held; negative for a short.
    pub held_shares: f64,
    /// Their value, as a fraction of equity.
    pub held_weight: f64,
    /// Shares wanted.
    pub target_shares: f64,
    /// Their value, as a fraction of equity.
    pub target_weight: f64,
    /// Shares to buy; negative for a sale, 0 for none.
    pub order_shares: f64,
    /// Why there is an order.
    pub reason: Option<Reason>,
}

/// What a strategy wants at the close of the last bar: for an account, or for the paper account that followed it from the
/// first bar. With `now`, targets are set whether or not a rebalance is due.
///
/// # Errors
/// When the panel has no bar, a setting is out of range or needs a column that is not there, the strategy does not
/// compile, or an account holds what is no symbol, twice, or at no price.
pub fn signal(
    strategy: &Strategy,
    panel: &Panel,
    market: &Market<'_>,
    settings: &Settings,
    account: Option<&Account>,
    now: bool,
) -> Result<Signal, Error> {
    settings.check()?;
    settings.check_market(market)?;
    let Strategy { positions, exits, .. } = *strategy;
    check_strategy(strategy, market)?;
    let Some(last) = panel.bars().checked_sub(1) else {
        return Err(Error::Setting("there is no bar to decide on".to_owned()));
    };
    let program = strategy.compile()?;
    let plan = Plan::new([&program]);
    let columns = Columns::new(&plan, panel, market.members())?;
    let executor = Executor::new(&plan, panel.symbols().len());
    let simulator = match account {
        None => {
            let mut simulator = Simulator::new(market, positions, exits, settings, Detail::Trades);
            executor.finish(&columns, panel.bars(), &mut |outputs: &Outputs<'_>| {
                for offset in 0..outputs.rows {
                    let row = outputs.first_row + offset;
                    if row == last && now {
                        simulator.rebalance_on_next();
                    }
                    simulator.step(row, &Rows::of(outputs, offset));
                }
            });
            simulator
        }
        Some(account) => {
            check_account(account, panel, last)?;
            let mut measures = vec![Measures::UNKNOWN; account.holdings.len()];
            let mut decided = None;
            executor.finish(&columns, panel.bars(), &mut |outputs: &Outputs<'_>| {
                for offset in 0..outputs.rows {
                    let (row, rows) = (outputs.first_row + offset, Rows::of(outputs, offset));
                    for (holding, measures) in account.holdings.iter().zip(&mut measures) {
                        if holding.decided_row(settings.fill) == Some(row) {
                            *measures = Measures::of(&rows, holding.symbol);
                        }
                    }
                    if row == last {
                        let mut simulator =
                            Simulator::at_close(market, positions, exits, settings, account, &measures, row);
                        simulator.decide_at(row, &rows, now);
                        decided = Some(simulator);
                    }
                }
            });
            decided.expect("the last row was fed")
        }
    };
    let rebalances = now || market.rebalances(last, positions.rebalance);
    Ok(signal_of(&strategy.name, panel, settings, &simulator, rebalances))
}

fn signal_of(name: &str, panel: &Panel, settings: &Settings, simulator: &Simulator<'_>, rebalances: bool) -> Signal {
    let equity = simulator.equity();
    let intentions = simulator.intentions();
    let lines = panel.symbols().iter().enumerate().filter_map(|(symbol, name)| {
        let (held, price) = simulator.holding(symbol);
        let intention = intentions.binary_search_by_key(&symbol, |intention| intention.symbol);
        let intention = intention.ok().map(|at| &intentions[at]);
        let target = intention.map_or(held, |intention| settings.shares.whole_lots(held, intention.target));
        (held != 0.0 || target != 0.0).then(|| SignalLine {
            symbol: name.clone(),
            price: Some(price).filter(|&price| price > 0.0),
            held_shares: held,
            held_weight: held * price / equity,
            target_shares: target,
            target_weight: target * price / equity,
            order_shares: target - held,
            reason: intention.filter(|_| target != held).map(|intention| intention.reason),
        })
    });
    Signal {
        strategy: name.to_owned(),
        date: panel.calendar().label(panel.bars() - 1),
        rebalances,
        equity,
        cash: simulator.cash(),
        lines: lines.collect(),
    }
}

fn check_account(account: &Account, panel: &Panel, last: usize) -> Result<(), Error> {
    let fail = |message: String| Err(Error::Setting(message));
    if !account.cash.is_finite() {
        return fail("the account's cash is no number".to_owned());
    }
    let symbols = panel.symbols();
    let close = panel.values("close").unwrap_or_default();
    let mut seen = vec![false; symbols.len()];
    for holding in &account.holdings {
        let Some(name) = symbols.get(holding.symbol) else {
            return fail(format!("the account holds symbol number {}, which the market does not have", holding.symbol));
        };
        if std::mem::replace(&mut seen[holding.symbol], true) {
            return fail(format!("the account holds `{name}` twice"));
        }
        if !(holding.shares.is_finite() && holding.shares != 0.0) {
            return fail(format!("the account holds {} shares of `{name}`", holding.shares));
        }
        if holding.entry_price.is_some_and(|price| !(price > 0.0 && price.is_finite())) {
            return fail(format!("the entry price of `{name}` must be above 0"));
        }
        if holding.entry_row.is_some_and(|row| row > last) {
            return fail(format!("`{name}` was entered after the last bar"));
        }
        if !(0..=last).any(|row| close[row * symbols.len() + holding.symbol] > 0.0) {
            return fail(format!("the account holds `{name}`, which has no price in the market"));
        }
    }
    Ok(())
}
