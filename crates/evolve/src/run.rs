//! A whole run: search, control, champions, exam, verdict.

use backtest::metrics::ReturnSettings;
use backtest::{Backtester, Market, Report};
use engine::{CacheCounts, Shelf};
use factor::{Genome, Program, Strategy};
use market::Panel;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::config::{Algorithm, RunConfig};
use crate::counts::{NodeCounts, RowCounts, ShelfCounts};
use crate::evaluate::{Evaluation, Evaluator, Rejections, Scores};
use crate::random::Purpose;
use crate::search::{Individual, Observer, Search, SearchState, StopReason};

/// A strategy that was picked on validation.
#[derive(Debug, Clone)]
pub struct Champion {
    /// The strategy, named `champion-1` and so on.
    pub strategy: Strategy,
    /// Its identity.
    pub hash: u128,
    /// Fitness on train.
    pub fitness: f64,
    /// Objectives on train, as selection saw them.
    pub train: Scores,
    /// Objectives on validation, as selection saw them.
    pub validation: Scores,
    /// A full backtest, the exam included.
    pub report: Report,
    /// Whether its Sharpe ratio on validation lies above the luck bar.
    pub above_luck: bool,
}

/// How random search did with as many distinct trials.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Control {
    /// Distinct strategies evaluated.
    pub distinct: usize,
    /// Best fitness on train.
    pub best_fitness: Option<f64>,
    /// Sharpe ratio on validation of the champion it would have picked.
    pub champion_validation_sharpe: Option<f64>,
    /// Mean fitness on train of its ten best.
    pub mean_fitness_of_best_ten: Option<f64>,
}

/// What a run found.
#[derive(Debug)]
pub struct RunResult {
    /// Champions, best on validation first.
    pub champions: Vec<Champion>,
    /// Equal-weight buy-and-hold over the same periods.
    pub benchmark: Report,
    /// Distinct strategies evaluated.
    pub distinct: usize,
    /// Generations run.
    pub generations: usize,
    /// Best annual Sharpe ratio that luck alone would give on validation in as many distinct trials.
    pub luck_bar: Option<f64>,
    /// Random search with as many distinct trials.
    pub control: Option<Control>,
    /// Mean fitness of the ten best, to hold beside the control's.
    pub mean_fitness_of_best_ten: Option<f64>,
    /// Best fitness on train.
    pub best_fitness: Option<f64>,
    /// Rejected strategies by reason.
    pub rejections: Rejections,
    /// Why the search ended.
    pub stop: StopReason,
    /// What became of the operator nodes since start or resume, the control's not counted.
    pub nodes: NodeCounts,
    /// What a race spared in that time; all zero without one.
    pub rows: RowCounts,
    /// What the cache did in that time.
    pub cache: CacheCounts,
    /// What the shelf did in that time; `None` without one.
    pub shelf: Option<ShelfCounts>,
    /// Seconds spent on generations since start or resume.
    pub seconds: f64,
}

impl RunResult {
    /// Whether a champion lies above the luck bar on validation.
    pub fn found(&self) -> bool {
        self.champions.iter().any(|champion| champion.above_luck)
    }
}

/// What a run may use of the machine. Its result is the same, to the last bit, whatever it is given.
#[derive(Debug, Clone, Copy)]
pub struct Resources<'a> {
    /// Worker threads.
    pub threads: usize,
    /// Bytes for values of factors that are kept from one generation to the next; 0 keeps none.
    pub cache_bytes: usize,
    /// Where such values outlive the run, and are looked for before they are computed.
    pub shelf: Option<&'a dyn Shelf>,
}

/// Runs a configuration over a market, from the start or from a remembered state.
///
/// # Errors
/// When the pool cannot be started, the state does not fit, or the observer fails.
pub fn run(
    config: &RunConfig,
    panel: &Panel,
    resources: Resources<'_>,
    state: Option<&SearchState>,
    observer: &mut (dyn Observer + Send),
) -> Result<RunResult, Error> {
    pool(resources.threads)?.install(|| run_here(config, panel, resources, state, observer))
}

/// What became of strategies that were evaluated together.
#[derive(Debug, Clone)]
pub struct EvaluatedGeneration {
    /// One for each, in their order.
    pub evaluations: Vec<Evaluation>,
    /// What became of their operator nodes.
    pub nodes: NodeCounts,
    /// What the cache did, and what it held at the end.
    pub cache: CacheCounts,
}

/// Scores strategies, compiled, over train and validation as a generation of a run does, the preparation of the market
/// included.
///
/// # Errors
/// When the pool cannot be started.
pub fn evaluate(
    config: &RunConfig,
    panel: &Panel,
    resources: Resources<'_>,
    strategies: &[(&Strategy, &Program)],
) -> Result<EvaluatedGeneration, Error> {
    let market = Market::new(panel);
    Ok(pool(resources.threads)?.install(|| {
        let evaluator = Evaluator::new(panel, &market, config, resources.cache_bytes).with_shelf(resources.shelf);
        let (evaluated, work) = evaluator.evaluate(strategies, None);
        let evaluations = evaluated.into_iter().map(|one| one.evaluation).collect();
        EvaluatedGeneration { evaluations, nodes: work.nodes, cache: evaluator.cache() }
    }))
}

fn pool(threads: usize) -> Result<rayon::ThreadPool, Error> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .thread_name(|index| format!("evoquant-{index}"))
        .build()
        .map_err(|error| Error::Threads(error.to_string()))
}

fn run_here(
    config: &RunConfig,
    panel: &Panel,
    resources: Resources<'_>,
    state: Option<&SearchState>,
    observer: &mut dyn Observer,
) -> Result<RunResult, Error> {
    let market = Market::new(panel);
    config.spec.backtest.check_market(&market).map_err(|error| Error::Specification(error.to_string()))?;
    let evaluator = Evaluator::new(panel, &market, config, resources.cache_bytes).with_shelf(resources.shelf);
    let mut search = Search::new(config, &evaluator, panel, Purpose::Breeding)?;
    if let Some(state) = state {
        search.restore(state)?;
    }
    let stop = search.run(observer)?;
    let (cache, shelf) = (search.cache(), search.shelf());
    let wants_control = config.spec.control && config.spec.algorithm == Algorithm::Genetic;
    let control = if wants_control && stop != StopReason::Interrupted {
        tracing::info!(distinct = search.distinct(), "random search at as many distinct trials");
        let mut random = Search::new(config, &evaluator, panel, Purpose::Control)?;
        random.run_random(search.distinct());
        Some(Control {
            distinct: random.distinct(),
            best_fitness: best(&random),
            champion_validation_sharpe: pick(random.archive(), 1).first().and_then(|one| validation_sharpe(one)),
            mean_fitness_of_best_ten: mean_of_best_ten(&random),
        })
    } else {
        None
    };
    let validation_bars = config.periods.validation.len();
    let luck_bar = backtest::statistics::luck_bar(search.distinct() as f64, validation_bars, config.periods_per_year);
    let settings = &config.spec.backtest;
    let returns = ReturnSettings::new(config.periods_per_year);
    let backtester = Backtester::new(panel, &market, settings, &config.periods, &returns)
        .map_err(|error| Error::Specification(error.to_string()))?;
    let mut champions = Vec::new();
    for (place, individual) in pick(search.archive(), config.spec.champions).into_iter().enumerate() {
        let Evaluation::Scored { fitness, train, validation } = individual.evaluation else { continue };
        // A genome has one order of nodes, and so has what is written: whether the run was resumed cannot be seen.
        let mut strategy =
            Genome::from(&individual.strategy).strategy().map_err(|error| Error::Specification(error.to_string()))?;
        strategy.name = format!("champion-{}", place + 1);
        // The exam is opened here, once, after the last generation, for the leaderboard alone.
        let report = backtester.run(&strategy).map_err(|error| Error::Specification(error.to_string()))?;
        let above_luck = validation.sharpe.zip(luck_bar).is_some_and(|(sharpe, bar)| sharpe > bar);
        champions.push(Champion { strategy, hash: individual.hash, fitness, train, validation, report, above_luck });
    }
    Ok(RunResult {
        champions,
        benchmark: backtester.benchmark().clone(),
        distinct: search.distinct(),
        generations: search.generations(),
        luck_bar,
        control,
        mean_fitness_of_best_ten: mean_of_best_ten(&search),
        best_fitness: best(&search),
        rejections: search.rejections().clone(),
        stop,
        nodes: search.nodes(),
        rows: search.rows(),
        cache,
        shelf,
        seconds: search.seconds(),
    })
}

/// The best on validation among the best on train. Undefined ranks last; of equals, the better on train.
fn pick(archive: &[Individual], count: usize) -> Vec<&Individual> {
    let mut candidates: Vec<&Individual> = archive.iter().collect();
    let sharpe = |one: &Individual| validation_sharpe(one).unwrap_or(f64::NEG_INFINITY);
    candidates.sort_by(|left, right| sharpe(right).total_cmp(&sharpe(left)));
    // Strategies that differ in form but never in what they hold would fill the leaderboard with one find.
    let mut distinct: Vec<&Individual> = Vec::new();
    for candidate in candidates {
        if !distinct.iter().any(|chosen| same_scores(chosen, candidate)) {
            distinct.push(candidate);
        }
    }
    distinct.truncate(count);
    distinct
}

fn same_scores(left: &Individual, right: &Individual) -> bool {
    match (&left.evaluation, &right.evaluation) {
        (
            Evaluation::Scored { train, validation, .. },
            Evaluation::Scored { train: other_train, validation: other_validation, .. },
        ) => {
            let returns = |scores: &Scores| (scores.total_return, scores.sharpe, scores.max_drawdown);
            returns(train) == returns(other_train) && returns(validation) == returns(other_validation)
        }
        _ => false,
    }
}

fn validation_sharpe(individual: &Individual) -> Option<f64> {
    match &individual.evaluation {
        Evaluation::Scored { validation, .. } => validation.sharpe,
        Evaluation::Rejected(_) => None,
    }
}

fn best(search: &Search<'_>) -> Option<f64> {
    search.archive().first().map(|one| one.evaluation.fitness())
}

fn mean_of_best_ten(search: &Search<'_>) -> Option<f64> {
    let best: Vec<f64> = search.archive().iter().take(10).map(|one| one.evaluation.fitness()).collect();
    (!best.is_empty()).then(|| best.iter().sum::<f64>() / best.len() as f64)
}
