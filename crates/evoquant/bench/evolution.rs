//! Evolution end to end: strategies that nobody has evaluated before, scored as a run scores them.

use std::hint::black_box;

use evolve::{
    EvaluatedGeneration, GenerationRecord, Next, Observer, Resources, RunConfig, RunResult, RunSpec, Search, Trial,
};
use factor::{Palette, Rebalance, Schema, Strategy, VariationSettings};
use market::Panel;

use super::Error;
use super::work::draw_strategies;

/// How often strategies trade, and how often their scores are held against what follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// Targets on the first bar of a week, rank IC on one bar in five.
    Weekly,
    /// Targets and rank IC on every bar.
    Daily,
}

impl Pace {
    /// Both.
    pub const ALL: [Pace; 2] = [Pace::Weekly, Pace::Daily];

    /// The word in names of measurements.
    pub fn name(self) -> &'static str {
        match self {
            Pace::Weekly => "weekly",
            Pace::Daily => "daily",
        }
    }
}

/// Distinct random strategies of one pace, to be scored on train and validation: portfolio net of costs, Sharpe ratio,
/// drawdown, turnover, rank IC.
#[derive(Debug)]
pub struct Scoring<'a> {
    strategies: Vec<Strategy>,
    panel: &'a Panel,
    config: RunConfig,
}

impl<'a> Scoring<'a> {
    /// Draws so many strategies over the panel's columns, the same ones every time.
    ///
    /// # Errors
    /// When there are none or too many, or the panel has no numeric column or too few bars.
    pub fn new(count: usize, pace: Pace, panel: &'a Panel) -> Result<Self, Error> {
        let (rebalance, horizon) = match pace {
            Pace::Weekly => (Rebalance::Weekly, 5),
            Pace::Daily => (Rebalance::Daily, 1),
        };
        let config = RunConfig::new(RunSpec { horizon, ..RunSpec::default() }, panel)?;
        let schema = Schema::new(panel.field_names().filter(|name| *name != "universe"), panel.group_names());
        let palette = Palette::new(VariationSettings {
            max_window: config.max_window,
            cross_section: config.cross_section,
            rules: config.rules.clone(),
            ..VariationSettings::new(schema)
        })?;
        let set_pace = |strategy: &mut Strategy| strategy.positions.rebalance = rebalance;
        let drawn = draw_strategies(count, &palette, set_pace)?;
        Ok(Self { strategies: drawn.into_iter().map(|(strategy, _)| strategy).collect(), panel, config })
    }

    /// No strategies: to run this prepares the market, and no more.
    pub(super) fn none(panel: &'a Panel) -> Result<Self, Error> {
        Ok(Self { strategies: Vec::new(), panel, config: RunConfig::new(RunSpec::default(), panel)? })
    }

    /// Compiles, merges, streams, simulates and scores all of them on one thread, the preparation of the market
    /// included.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn run(&self) -> Result<(), Error> {
        self.run_with(Resources { threads: 1, cache_bytes: 0, shelf: None })?;
        Ok(())
    }

    /// As [`Scoring::run`], with more of the machine.
    ///
    /// # Errors
    /// When the threads cannot be started.
    pub fn run_with(&self, resources: Resources<'_>) -> Result<EvaluatedGeneration, Error> {
        let programs: Vec<_> = self.strategies.iter().map(Strategy::compile).collect::<Result<_, _>>()?;
        let pairs: Vec<_> = self.strategies.iter().zip(&programs).collect();
        Ok(black_box(evolve::evaluate(&self.config, self.panel, resources, &pairs)?))
    }
}

/// A whole run on two threads, champions and exam included, without the control.
///
/// # Errors
/// When the market has too few bars, or the threads cannot be started.
pub fn run_search(population: usize, generations: usize, panel: &Panel) -> Result<(), Error> {
    let spec = RunSpec { population, generations, ..RunSpec::default() };
    black_box(search(spec, Resources { threads: 2, cache_bytes: 0, shelf: None }, panel, &mut Nobody)?);
    Ok(())
}

/// A whole run, champions and exam included, without the control.
pub(super) fn search(
    spec: RunSpec,
    resources: Resources<'_>,
    panel: &Panel,
    observer: &mut (dyn Observer + Send),
) -> Result<RunResult, Error> {
    let config = RunConfig::new(RunSpec { control: false, ..spec }, panel)?;
    Ok(evolve::run(&config, panel, resources, None, observer)?)
}

/// Watches nothing.
pub(super) struct Nobody;

impl Observer for Nobody {
    fn generation(&mut self, _: &GenerationRecord, _: &[Trial], _: &Search<'_>) -> Result<Next, evolve::Error> {
        Ok(Next::Continue)
    }
}

#[cfg(test)]
mod tests {
    use market::RandomWalk;

    use super::*;

    #[test]
    fn strategies_keep_the_pace_and_are_scored() {
        let panel = RandomWalk { bars: 160, symbols: 24, seed: 2, gap_rate: 0.01, late_listing_rate: 0.0 }.panel();
        for (pace, rebalance, horizon) in [(Pace::Weekly, Rebalance::Weekly, 5), (Pace::Daily, Rebalance::Daily, 1)] {
            let scoring = Scoring::new(9, pace, &panel).unwrap();
            assert!(scoring.strategies.iter().all(|strategy| strategy.positions.rebalance == rebalance));
            assert_eq!((scoring.strategies.len(), scoring.config.spec.horizon), (9, horizon));
            scoring.run().unwrap();
        }
        assert!(matches!(Scoring::new(0, Pace::Daily, &panel), Err(Error::Count { count: 0, .. })));
        run_search(8, 2, &panel).unwrap();
    }
}
