//! The generation loop: vary, compile, dedupe, evaluate as one query, select, archive, report.

use std::collections::BTreeMap;
use std::time::Instant;

use engine::CacheCounts;
use factor::{Genome, Mutation, Palette, Program, Schema, Strategy, VariationSettings, crossover, random_strategy};
use market::Panel;
use rustc_hash::FxHashSet;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::config::{Algorithm, RunConfig};
use crate::counts::{NodeCounts, RowCounts, ShelfCounts, Work};
use crate::evaluate::{Evaluated, Evaluation, Evaluator, Rejection, Rejections};
use crate::race::{Bars, Finisher};
use crate::random::{Purpose, below, stream, unit};

/// A distinct strategy that was evaluated: one line of the trial list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// Identity: canonical factors, positions and exits.
    pub hash: u128,
    /// Identities of those it was made from.
    pub parents: Vec<u128>,
    /// What made it: `random`, `crossover`, or a mutation's name.
    pub operation: String,
    /// Generation in which it was first evaluated, from 1.
    pub generation: usize,
    /// Number of factors.
    pub size: usize,
    /// What became of it.
    pub evaluation: Evaluation,
    /// With a race, its fitness so far at each [decision](crate::DECISIONS) that it came to; `None` where that is
    /// undefined.
    pub partial_fitness: Vec<Option<f64>>,
}

/// One generation in numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GenerationRecord {
    /// Generation, from 1.
    pub generation: usize,
    /// Best fitness so far.
    pub best: Option<f64>,
    /// Mean fitness of the population's scored strategies.
    pub mean: Option<f64>,
    /// Distinct strategies evaluated in this generation.
    pub evaluated: usize,
    /// Distinct strategies evaluated so far.
    pub distinct: usize,
    /// Children that had been evaluated before and were not again.
    pub duplicates: usize,
    /// Strategies evaluated in this generation whose positions or exits differ from their first parent's.
    pub changed_positions: usize,
    /// What became of their operator nodes.
    pub nodes: NodeCounts,
    /// Strategies of this generation that were raced out.
    pub raced_out: usize,
    /// What a race spared; all zero without one.
    pub rows: RowCounts,
}

/// A strategy with its evaluation.
#[derive(Debug, Clone)]
pub struct Individual {
    /// The strategy.
    pub strategy: Strategy,
    /// Its identity.
    pub hash: u128,
    /// Its evaluation.
    pub evaluation: Evaluation,
}

/// Why a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    /// All generations were run.
    Completed,
    /// No better best for as many generations as the specification allows.
    Stagnation,
    /// The observer asked for it.
    Interrupted,
}

/// What a run remembers between generations; a checkpoint is this and nothing else.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SearchState {
    /// Generations done.
    pub generation: usize,
    /// The population.
    pub population: Vec<Remembered>,
    /// The best strategies by fitness on train, best first.
    pub archive: Vec<Remembered>,
    /// Identities of every strategy evaluated, in order.
    pub seen: Vec<u128>,
    /// Reasons of rejection.
    pub rejections: Rejections,
    /// Generation in which the best fitness last rose.
    pub improved: usize,
    /// With a race, the strategies that were evaluated to the end and have a fitness, in order: what its bars are learnt
    /// from.
    pub finishers: Vec<Finisher>,
}

/// An individual as plain data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Remembered {
    /// The strategy.
    pub genome: Genome,
    /// Its evaluation.
    pub evaluation: Evaluation,
}

/// Watches a run, and may stop it.
pub trait Observer {
    /// Takes the distinct strategies that a generation evaluated, in order, and the state after it.
    ///
    /// # Errors
    /// Whatever keeps the observer from going on; the run stops with it.
    fn generation(&mut self, record: &GenerationRecord, trials: &[Trial], search: &Search<'_>) -> Result<Next, Error>;
}

/// Whether to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// With the next generation.
    Continue,
    /// Not.
    Stop,
}

/// Strategies kept for the choice of champions.
const ARCHIVE: usize = 50;
/// Attempts at a child that was not evaluated before.
const ATTEMPTS: usize = 12;

/// A run in progress.
#[derive(Debug)]
pub struct Search<'a> {
    config: &'a RunConfig,
    evaluator: &'a Evaluator<'a>,
    palette: Palette,
    purpose: Purpose,
    generation: usize,
    population: Vec<Individual>,
    archive: Vec<Individual>,
    seen: Vec<u128>,
    known: FxHashSet<u128>,
    rejections: Rejections,
    improved: usize,
    finishers: Vec<Finisher>,
    work: Work,
    seconds: f64,
}

/// A child before evaluation.
struct Child {
    strategy: Strategy,
    program: Program,
    hash: u128,
    parents: Vec<u128>,
    operation: String,
    changed_positions: bool,
}

impl<'a> Search<'a> {
    pub(crate) fn new(
        config: &'a RunConfig,
        evaluator: &'a Evaluator<'a>,
        panel: &Panel,
        purpose: Purpose,
    ) -> Result<Self, Error> {
        Ok(Self {
            config,
            evaluator,
            palette: palette(config, panel)?,
            purpose,
            generation: 0,
            population: Vec::new(),
            archive: Vec::new(),
            seen: Vec::new(),
            known: FxHashSet::default(),
            rejections: BTreeMap::new(),
            improved: 0,
            finishers: Vec::new(),
            work: Work::default(),
            seconds: 0.0,
        })
    }

    /// Continues from a remembered state.
    pub(crate) fn restore(&mut self, state: &SearchState) -> Result<(), Error> {
        let revive = |remembered: &[Remembered]| -> Result<Vec<Individual>, Error> {
            remembered
                .iter()
                .map(|one| {
                    let strategy = one.genome.strategy().map_err(|error| Error::Checkpoint(error.to_string()))?;
                    let program = strategy.compile().map_err(|error| Error::Checkpoint(error.to_string()))?;
                    let hash = strategy.identity(&program);
                    Ok(Individual { strategy, hash, evaluation: one.evaluation })
                })
                .collect()
        };
        self.population = revive(&state.population)?;
        self.archive = revive(&state.archive)?;
        self.generation = state.generation;
        self.seen.clone_from(&state.seen);
        self.known = state.seen.iter().copied().collect();
        self.rejections.clone_from(&state.rejections);
        self.improved = state.improved;
        self.finishers.clone_from(&state.finishers);
        Ok(())
    }

    /// What a checkpoint keeps.
    pub fn state(&self) -> SearchState {
        let remember = |individuals: &[Individual]| {
            individuals
                .iter()
                .map(|one| Remembered { genome: Genome::from(&one.strategy), evaluation: one.evaluation })
                .collect()
        };
        SearchState {
            generation: self.generation,
            population: remember(&self.population),
            archive: remember(&self.archive),
            seen: self.seen.clone(),
            rejections: self.rejections.clone(),
            improved: self.improved,
            finishers: self.finishers.clone(),
        }
    }

    /// The best strategies by fitness on train, best first.
    pub fn archive(&self) -> &[Individual] {
        &self.archive
    }

    /// Generations done.
    pub fn generations(&self) -> usize {
        self.generation
    }

    /// Distinct strategies evaluated.
    pub fn distinct(&self) -> usize {
        self.seen.len()
    }

    /// Reasons of rejection.
    pub fn rejections(&self) -> &Rejections {
        &self.rejections
    }

    /// What became of the operator nodes of all strategies since the run was started or resumed: no result depends on it.
    pub fn nodes(&self) -> NodeCounts {
        self.work.nodes
    }

    /// What a race spared since then: no result depends on it.
    pub fn rows(&self) -> RowCounts {
        self.work.rows
    }

    /// What the cache of nodes did since then.
    pub fn cache(&self) -> CacheCounts {
        self.evaluator.cache()
    }

    /// What the shelf did since then; `None` without one.
    pub fn shelf(&self) -> Option<ShelfCounts> {
        self.evaluator.shelf()
    }

    /// Seconds spent evaluating since the run was started or resumed: for display and `run.json` alone.
    pub fn seconds(&self) -> f64 {
        self.seconds
    }

    /// Runs generations until the specification, or the observer, says to stop.
    pub(crate) fn run(&mut self, observer: &mut dyn Observer) -> Result<StopReason, Error> {
        while self.generation < self.config.spec.generations {
            let (record, trials) = self.step(self.config.spec.population);
            if observer.generation(&record, &trials, self)? == Next::Stop {
                return Ok(StopReason::Interrupted);
            }
            let patience = self.config.spec.patience;
            if patience > 0 && self.generation - self.improved >= patience {
                return Ok(StopReason::Stagnation);
            }
        }
        Ok(StopReason::Completed)
    }

    /// Draws at random, in batches, until as many distinct strategies were evaluated.
    pub(crate) fn run_random(&mut self, distinct: usize) {
        while self.distinct() < distinct {
            let wanted = (distinct - self.distinct()).min(self.config.spec.population);
            let before = self.distinct();
            self.step(wanted);
            if self.distinct() == before {
                return;
            }
        }
    }

    /// One generation of so many strategies.
    fn step(&mut self, size: usize) -> (GenerationRecord, Vec<Trial>) {
        #[expect(clippy::disallowed_methods, reason = "a clock figure for display; no result depends on it")]
        let start = Instant::now();
        self.generation += 1;
        let random = self.purpose == Purpose::Control || self.config.spec.algorithm == Algorithm::Random;
        let elites = if random || self.population.is_empty() { 0 } else { self.config.spec.elites };
        let mut duplicates = 0;
        let mut children = Vec::with_capacity(size);
        for individual in elites..size {
            let mut rng = stream(self.config.spec.seed, self.purpose, 0, self.generation as u64, individual as u64);
            // Duplicates cost nothing but an attempt; a search space that is used up ends in fewer children.
            for attempt in 0..ATTEMPTS {
                let fresh = random || self.population.is_empty() || attempt + 2 >= ATTEMPTS;
                let Some(child) = (if fresh { self.random(&mut rng) } else { self.breed(&mut rng) }) else { continue };
                if self.known.insert(child.hash) {
                    children.push(child);
                    break;
                }
                duplicates += 1;
            }
        }
        let strategies: Vec<(&Strategy, &Program)> =
            children.iter().map(|child| (&child.strategy, &child.program)).collect();
        let (evaluated, work) = self.evaluator.evaluate(&strategies, self.bars());
        self.work.nodes += work.nodes;
        self.work.rows += work.rows;
        let changed_positions = children.iter().filter(|child| child.changed_positions).count();
        let mut trials = Vec::with_capacity(children.len());
        let mut next: Vec<Individual> = self.population.iter().take(elites).cloned().collect();
        let mut raced_out = 0;
        for (child, Evaluated { evaluation, partial }) in children.into_iter().zip(evaluated) {
            if let Evaluation::Rejected(reason) = evaluation {
                *self.rejections.entry(reason).or_default() += 1;
                raced_out += usize::from(reason == Rejection::RacedOut);
            }
            if let (Evaluation::Scored { fitness, .. }, Ok(partial)) = (evaluation, partial.as_slice().try_into()) {
                self.finishers.push(Finisher { fitness, partial });
            }
            self.seen.push(child.hash);
            trials.push(Trial {
                hash: child.hash,
                parents: child.parents,
                operation: child.operation,
                generation: self.generation,
                size: child.strategy.factors(),
                evaluation,
                partial_fitness: partial,
            });
            next.push(Individual { strategy: child.strategy, hash: child.hash, evaluation });
        }
        rank(&mut next);
        self.population = next;
        self.remember_best();
        self.seconds += start.elapsed().as_secs_f64();
        let scored: Vec<f64> =
            self.population.iter().map(|one| one.evaluation.fitness()).filter(|fitness| fitness.is_finite()).collect();
        let record = GenerationRecord {
            generation: self.generation,
            best: self.archive.first().map(|one| one.evaluation.fitness()),
            mean: (!scored.is_empty()).then(|| scored.iter().sum::<f64>() / scored.len() as f64),
            evaluated: trials.len(),
            distinct: self.distinct(),
            duplicates,
            changed_positions,
            nodes: work.nodes,
            raced_out,
            rows: work.rows,
        };
        (record, trials)
    }

    /// The bars of this generation's race. The control runs none: a race that drops a good strategy by mistake must not
    /// make it easier to beat.
    fn bars(&self) -> Option<Bars> {
        let racing = self.config.spec.racing.filter(|_| self.purpose == Purpose::Breeding)?;
        Some(racing.bars(self.generation, &self.finishers))
    }

    fn random(&self, rng: &mut impl rand::Rng) -> Option<Child> {
        child(random_strategy(&self.palette, rng), None, "random".to_owned(), &[])
    }

    /// A child by crossover or mutation of parents that won a tournament, or an immigrant.
    fn breed(&self, rng: &mut impl rand::Rng) -> Option<Child> {
        let draw = unit(rng);
        let spec = &self.config.spec;
        if draw < spec.immigrants {
            return self.random(rng);
        }
        let mother = self.tournament(rng)?;
        if draw < spec.immigrants + spec.crossover {
            let father = self.tournament(rng)?;
            let strategy = crossover(&mother.strategy, &father.strategy, &self.palette, rng)?;
            return child(strategy, Some(mother), "crossover".to_owned(), &[mother.hash, father.hash]);
        }
        let mutation = Mutation::ALL[below(rng, Mutation::ALL.len())];
        let strategy = mutation.mutate(&mother.strategy, &self.palette, rng)?;
        child(strategy, Some(mother), mutation.name().to_owned(), &[mother.hash])
    }

    /// The best of a few drawn at random; of equals, the one that stands first. Whoever was raced out takes part, so that
    /// it is as hard to win as without a race, and never wins.
    fn tournament(&self, rng: &mut impl rand::Rng) -> Option<&Individual> {
        // The population is in order of fitness, so the smallest index wins.
        let best = (0..self.config.spec.tournament).map(|_| below(rng, self.population.len())).min().unwrap_or(0);
        Some(&self.population[best]).filter(|best| best.evaluation != Evaluation::Rejected(Rejection::RacedOut))
    }

    fn remember_best(&mut self) {
        let before = self.archive.first().map_or(f64::NEG_INFINITY, |one| one.evaluation.fitness());
        let held: FxHashSet<u128> = self.archive.iter().map(|one| one.hash).collect();
        let fresh =
            self.population.iter().filter(|one| one.evaluation.fitness().is_finite() && !held.contains(&one.hash));
        self.archive.extend(fresh.cloned().collect::<Vec<_>>());
        rank(&mut self.archive);
        self.archive.truncate(ARCHIVE);
        if self.archive.first().is_some_and(|one| one.evaluation.fitness() > before) {
            self.improved = self.generation;
        }
    }
}

/// A child under a name that its identity gives it.
fn child(mut strategy: Strategy, parent: Option<&Individual>, operation: String, parents: &[u128]) -> Option<Child> {
    let program = strategy.compile().ok()?;
    let hash = strategy.identity(&program);
    strategy.name = format!("s{:016x}", (hash >> 64) as u64);
    strategy.description = None;
    let changed_positions = parent.is_some_and(|parent| {
        parent.strategy.positions != strategy.positions || parent.strategy.exits != strategy.exits
    });
    Some(Child { strategy, program, hash, parents: parents.to_vec(), operation, changed_positions })
}

/// Best first; of equal fitness the smaller identity, so that the order is total.
fn rank(individuals: &mut [Individual]) {
    individuals.sort_by(|left, right| {
        right.evaluation.fitness().total_cmp(&left.evaluation.fitness()).then(left.hash.cmp(&right.hash))
    });
}

/// What strategies may be made of, in this run and on this market.
fn palette(config: &RunConfig, panel: &Panel) -> Result<Palette, Error> {
    let fields = panel.field_names().filter(|name| *name != "universe");
    let schema = Schema::new(fields, panel.group_names());
    Palette::new(VariationSettings {
        whole_vocabulary: false,
        schema,
        max_window: config.max_window,
        max_nodes: config.spec.max_nodes,
        cross_section: config.cross_section,
        rules: config.rules.clone(),
    })
    .map_err(|error| Error::Specification(error.to_string()))
}
