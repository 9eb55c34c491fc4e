//! Tests: strategies in a race against the same strategies without one.

use backtest::Market;
use factor::{Palette, Program, Schema, Strategy, VariationSettings, random_strategy};
use market::{Panel, RandomWalk};
use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;

use crate::config::{RunConfig, RunSpec};
use crate::counts::RowCounts;
use crate::evaluate::{Evaluated, Evaluation, Evaluator, Rejection};
use crate::race::{Bars, DECISIONS, Finisher, Racing, decision_rows};

/// Bars at the given heights, as a strategy that stood there would set them.
fn bars(heights: [f64; DECISIONS]) -> Bars {
    Racing::default().bars(2, &[Finisher { fitness: 0.0, partial: heights.map(Some) }])
}

const NOBODY: f64 = f64::INFINITY;
const ANYBODY: f64 = f64::NEG_INFINITY;

struct World {
    panel: Panel,
    config: RunConfig,
    strategies: Vec<(Strategy, Program)>,
}

impl World {
    /// Random strategies on a market whose blocks of rows end elsewhere than its quarters of train.
    fn new(symbols: usize, count: usize) -> Self {
        let panel = RandomWalk { bars: 400, symbols, seed: 5, gap_rate: 0.01, late_listing_rate: 0.1 }.panel();
        let config = RunConfig::new(RunSpec::default(), &panel).expect("enough bars");
        let schema = Schema::new(panel.field_names(), panel.group_names());
        let palette = Palette::new(VariationSettings {
            max_window: 20,
            cross_section: config.cross_section,
            rules: config.rules.clone(),
            ..VariationSettings::new(schema)
        })
        .expect("bars are enough for any factor");
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(9);
        let strategies = std::iter::repeat_with(|| random_strategy(&palette, &mut rng))
            .map(|strategy| (strategy.compile().expect("random strategies compile"), strategy))
            // Short of history on a quarter of train they would be rejected there, without a race.
            .filter(|(program, _)| program.lookback() < 25)
            .map(|(program, strategy)| (strategy, program))
            .take(count)
            .collect();
        Self { panel, config, strategies }
    }

    fn evaluate(&self, config: &RunConfig, bars: Option<Bars>, cache_bytes: usize) -> (Vec<Evaluated>, RowCounts) {
        let market = Market::new(&self.panel);
        let strategies: Vec<(&Strategy, &Program)> = self.strategies.iter().map(|(one, two)| (one, two)).collect();
        let (evaluated, work) = Evaluator::new(&self.panel, &market, config, cache_bytes).evaluate(&strategies, bars);
        (evaluated, work.rows)
    }

    fn plain(&self) -> Vec<Evaluated> {
        self.evaluate(&self.config, None, 0).0
    }
}

fn fitness(evaluated: &Evaluated) -> Option<f64> {
    match evaluated.evaluation {
        Evaluation::Scored { fitness, .. } => Some(fitness),
        Evaluation::Rejected(_) => None,
    }
}

#[test]
fn fitness_so_far_is_the_fitness_where_train_ends_there() {
    for symbols in [3, 40] {
        let world = World::new(symbols, 30);
        let (evaluated, _) = world.evaluate(&world.config, Some(bars([ANYBODY; DECISIONS])), 0);
        let mut compared = 0;
        for (decision, row) in decision_rows(&world.config.periods.train).into_iter().enumerate() {
            let mut config = world.config.clone();
            config.periods.validation.start = row;
            config.periods.train.end = row;
            for (raced, alone) in evaluated.iter().zip(world.evaluate(&config, None, 0).0) {
                let partial = raced.partial.get(decision).copied().flatten();
                // What never traded by then has no fitness but may have a defined one later.
                let expected = fitness(&alone);
                assert_eq!(partial.map(f64::to_bits), expected.map(f64::to_bits), "before row {row}: {raced:?}");
                compared += usize::from(expected.is_some());
            }
        }
        assert!(compared > 40, "{compared} on {symbols} symbols");
    }
}

#[test]
fn who_comes_to_the_end_is_scored_as_without_a_race() {
    let world = World::new(40, 30);
    let plain = world.plain();
    assert!(plain.iter().all(|one| one.partial.is_empty()));
    let (rows_of_decisions, end) = (decision_rows(&world.config.periods.train), world.config.periods.exam.start);
    let middle = |decision: usize| {
        let (evaluated, _) = world.evaluate(&world.config, Some(bars([ANYBODY; DECISIONS])), 0);
        let mut partial: Vec<f64> = evaluated.iter().filter_map(|one| one.partial[decision]).collect();
        partial.sort_by(f64::total_cmp);
        partial[partial.len() / 2]
    };
    let cases = [
        [ANYBODY; DECISIONS],
        [NOBODY, ANYBODY, ANYBODY],
        [ANYBODY, middle(1), ANYBODY],
        [middle(0), middle(1), middle(2)],
    ];
    for heights in cases {
        let held = bars(heights);
        let (evaluated, rows) = world.evaluate(&world.config, Some(held), 0);
        // Neither what is kept nor what stands in one plan with a strategy can be seen.
        assert_eq!(world.evaluate(&world.config, Some(held), 1 << 24).0, evaluated);
        let mut spared = 0;
        for (raced, plain) in evaluated.iter().zip(&plain) {
            let passed = |decision: usize| held.pass(decision, raced.partial[decision]);
            let out = raced.partial.len().checked_sub(1).filter(|&last| !passed(last));
            assert!((0..raced.partial.len().saturating_sub(1)).all(passed), "{raced:?}");
            let gone = match (out, raced.evaluation) {
                (Some(last), evaluation) => {
                    assert_eq!(evaluation, Evaluation::Rejected(Rejection::RacedOut));
                    Some(last)
                }
                (None, evaluation) => {
                    assert_eq!(evaluation, plain.evaluation);
                    // Whoever is ruined does not need the rest.
                    Some(raced.partial.len()).filter(|_| evaluation == Evaluation::Rejected(Rejection::Ruin))
                }
            };
            let row = gone.and_then(|decision| rows_of_decisions.get(decision)).unwrap_or(&end);
            spared += (end - row) as u64;
        }
        let whole = (end * evaluated.len()) as u64;
        assert_eq!((rows.spared, rows.run + rows.spared), (spared, whole), "{heights:?}");
        assert!(rows.nodes_spared > 0 || heights == [ANYBODY; DECISIONS]);
    }
}

#[test]
fn when_all_are_out_nothing_runs_any_more() {
    let mut world = World::new(40, 30);
    let (evaluated, _) = world.evaluate(&world.config, Some(bars([ANYBODY; DECISIONS])), 0);
    // Against those that did not trade by then nothing can be held.
    let mut trade = evaluated.iter().map(|one| one.partial.first().copied().flatten().is_some());
    world.strategies.retain(|_| trade.next().expect("one each"));
    assert!(world.strategies.len() > 10);
    let (evaluated, rows) = world.evaluate(&world.config, Some(bars([NOBODY; DECISIONS])), 0);
    assert!(evaluated.iter().all(|one| one.evaluation == Evaluation::Rejected(Rejection::RacedOut)));
    let run = decision_rows(&world.config.periods.train)[0] as u64;
    let rest = world.config.periods.exam.start as u64 - run;
    assert_eq!(rows.run * rest, rows.spared * run);
    assert_eq!(rows.nodes_run * rest, rows.nodes_spared * run);
}
