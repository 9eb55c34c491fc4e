//! The simulation alone: scores that are there already become positions, fills, costs and equity.

use backtest::{Detail, Market, Outcome, Rows, Settings, Simulator};
use factor::{Count, Exits, Positions, Rebalance, Rule, TrailingStop, Trigger};
use market::Panel;

/// How a book is held in a simulation that is timed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holding {
    /// Targets are set every day.
    Daily,
    /// Targets are set every week.
    Weekly,
    /// Every week, with exits that are touched within the bar.
    Touched,
}

impl Holding {
    pub(super) const ALL: [Holding; 3] = [Holding::Daily, Holding::Weekly, Holding::Touched];

    pub(super) fn name(self) -> &'static str {
        match self {
            Holding::Daily => "daily",
            Holding::Weekly => "weekly",
            Holding::Touched => "touched",
        }
    }
}

/// Twenty symbols of the highest momentum, with a stop loss, a trailing stop, a target, and the usual costs.
pub(super) struct Simulation<'a> {
    market: Market<'a>,
    /// Gain over the last twenty bars, `[bars x symbols]`.
    scores: Vec<f64>,
}

impl<'a> Simulation<'a> {
    pub(super) fn new(panel: &'a Panel) -> Self {
        const LOOKBACK: usize = 20;
        let (close, symbols) = (panel.values("close").unwrap_or_default(), panel.symbols().len());
        let gain =
            |cell: usize| cell.checked_sub(LOOKBACK * symbols).map_or(f64::NAN, |old| close[cell] / close[old] - 1.0);
        Self { market: Market::new(panel), scores: (0..close.len()).map(gain).collect() }
    }

    /// Simulates every bar.
    pub(super) fn run(&self, holding: Holding) -> Outcome {
        let rebalance = if holding == Holding::Daily { Rebalance::Daily } else { Rebalance::Weekly };
        let positions = Positions { rule: Rule::Top, count: Count::Number(20), rebalance, ..Positions::default() };
        let exits = Exits {
            trigger: if holding == Holding::Touched { Trigger::Touched } else { Trigger::Close },
            stop_loss: Some(0.08),
            trailing_stop: Some(TrailingStop { trail: 0.12, activation: 0.05 }),
            take_profit: Some(0.4),
            ..Exits::default()
        };
        let mut simulator = Simulator::new(&self.market, positions, exits, &Settings::default(), Detail::Returns);
        for (row, score) in self.scores.chunks_exact(self.market.symbols().max(1)).enumerate() {
            simulator.step(row, &Rows { score: Some(score), ..Rows::default() });
        }
        simulator.finish()
    }
}

#[cfg(test)]
mod tests {
    use market::random_walk;

    use super::*;

    #[test]
    fn every_way_of_holding_trades_and_is_stopped() {
        let panel = random_walk(400, 60, 3);
        let simulation = Simulation::new(&panel);
        for holding in Holding::ALL {
            let outcome = simulation.run(holding);
            assert_eq!(outcome.equity.len(), 400);
            assert!(outcome.counts.closed_trades > 100, "{}: {:?}", holding.name(), outcome.counts);
        }
    }
}
