//! Backtests of saved strategies: from graph to figures, one strategy after the other.

use backtest::metrics::ReturnSettings;
use backtest::{Backtester, Market, Periods, Settings};
use factor::Strategy;
use market::Panel;

use super::{BenchReport, Error, Record, clock, resident};

/// What is backtested, and under which assumptions.
#[derive(Debug, Clone, Copy)]
pub struct BacktestOptions<'a> {
    /// The market, in memory before anything is measured.
    pub panel: &'a Panel,
    /// Strategies, each with the name of its measurement.
    pub strategies: &'a [(String, Strategy)],
    /// Fills, costs and capital.
    pub settings: &'a Settings,
    /// The periods that figures are given for.
    pub periods: &'a Periods,
    /// How returns are measured.
    pub returns: &'a ReturnSettings,
    /// Seconds to repeat each measurement for; the slowest are repeated a few times all the same.
    pub seconds: f64,
}

/// Measures what is done once for a market, its benchmark included (`backtest/market`), then each strategy
/// (`backtest/NAME/strategy`): compiled, streamed and simulated with every ledger, to the figures of every period. Tells
/// `progress` of each. All on one thread, as `evoquant backtest` runs them.
///
/// # Errors
/// When a setting is out of range, a strategy does not compile, or the market lacks what it asks for: before anything is
/// measured.
pub fn measure_backtests(
    options: &BacktestOptions<'_>,
    progress: &mut dyn FnMut(&Record),
) -> Result<BenchReport, Error> {
    let BacktestOptions { panel, strategies, settings, periods, returns, seconds } = *options;
    let market = Market::new(panel);
    let backtester = Backtester::new(panel, &market, settings, periods, returns)?;
    for (name, strategy) in strategies {
        backtester.run(strategy).map_err(|error| Error::Backtest { name: name.clone(), error: Box::new(error) })?;
    }
    let mut records = Vec::with_capacity(strategies.len() + 1);
    let mut keep = |record: Record| {
        progress(&record);
        records.push(record);
    };
    keep(clock::measure("backtest/market".to_owned(), seconds, || {
        let market = Market::new(panel);
        Backtester::new(panel, &market, settings, periods, returns).map(|backtester| backtester.bars())
    }));
    for (name, strategy) in strategies {
        // The word at the end keeps a name that is a number from being read as a count.
        keep(clock::measure(format!("backtest/{name}/strategy"), seconds, || backtester.run(strategy)));
    }
    Ok(BenchReport::new(panel.bars(), panel.symbols().len(), records, resident::peak_bytes()))
}

#[cfg(test)]
mod tests {
    use market::random_walk;

    use super::*;

    fn measured(strategies: &[(String, Strategy)], settings: &Settings) -> Result<BenchReport, Error> {
        let panel = random_walk(150, 30, 5);
        let (periods, returns) = (Periods::split(150, 0.6, 0.2), ReturnSettings::new(252.0));
        let (periods, returns) = (&periods, &returns);
        let options = BacktestOptions { panel: &panel, strategies, settings, periods, returns, seconds: 0.0 };
        measure_backtests(&options, &mut |_| {})
    }

    fn strategy(score: &str) -> (String, Strategy) {
        let text = format!(
            "name = \"a\"\n[factors]\nvalue = \"{score}\"\n[positions]\nrule = \"top\"\nscore = \"value\"\ncount = 5\n"
        );
        ("7".to_owned(), Strategy::from_toml(&text, &factor::Schema::open()).unwrap())
    }

    #[test]
    fn the_market_and_each_strategy_are_measured() {
        let report = measured(&[strategy("ts_mean(close, 5) / close")], &Settings::default()).unwrap();
        let found: Vec<_> = report.records.iter().map(|record| (record.name.as_str(), record.count())).collect();
        assert_eq!(found, [("backtest/market", None), ("backtest/7/strategy", None)]);
        assert!(report.records.iter().all(|record| record.minimum_ns > 0.0));
    }

    #[test]
    fn what_cannot_be_backtested_is_not_measured() {
        let error = measured(&[strategy("close"), strategy("earnings / close")], &Settings::default()).unwrap_err();
        assert!(error.to_string().starts_with("7: ") && error.to_string().contains("earnings"), "{error}");
        let settings = Settings { capital: -1.0, ..Settings::default() };
        assert!(matches!(measured(&[strategy("close")], &settings), Err(Error::Settings(_))));
    }
}
