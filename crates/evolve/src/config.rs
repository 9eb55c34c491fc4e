//! What a run is asked to do: the specification as written, and the configuration after checking.

use backtest::{Periods, Settings};
use factor::Rule;
use market::Panel;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::race::Racing;

/// How strategies are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Algorithm {
    /// Genetic programming: tournament, elitism, mutation and crossover.
    Genetic,
    /// Every strategy drawn afresh: the control that any search has to beat.
    Random,
}

/// Weights of the objectives in the fitness, which is their weighted sum on train.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Objectives {
    /// Weight of the annual Sharpe ratio, net of costs.
    pub sharpe: f64,
    /// Weight of the mean rank IC of the score; 0 without a cross-section.
    pub rank_ic: f64,
    /// Weight of the maximum drawdown, which is negative: a fraction.
    pub max_drawdown: f64,
    /// Weight of yearly one-way turnover, as a multiple of equity; negative to discourage it.
    pub turnover: f64,
    /// Weight of the number of factors; negative to discourage growth.
    pub size: f64,
}

impl Default for Objectives {
    fn default() -> Self {
        Self { sharpe: 1.0, rank_ic: 5.0, max_drawdown: 1.0, turnover: 0.0, size: -0.005 }
    }
}

/// A run as a person specifies it: every key may be left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RunSpec {
    /// How strategies are found.
    pub algorithm: Algorithm,
    /// Strategies a generation.
    pub population: usize,
    /// Generations.
    pub generations: usize,
    /// Seed of every random stream.
    pub seed: u64,
    /// Strategies that compete for each parent's place.
    pub tournament: usize,
    /// Best strategies carried over unchanged.
    pub elites: usize,
    /// Share of children made by crossover; the rest by mutation.
    pub crossover: f64,
    /// Share of children drawn afresh.
    pub immigrants: f64,
    /// Most nodes of a strategy's graph.
    pub max_nodes: usize,
    /// Longest window the search may use, in bars; by default a fifth of train, at most 250.
    pub max_window: Option<u32>,
    /// Stop after so many generations without a better best; 0 never stops early.
    pub patience: usize,
    /// Champions to keep.
    pub champions: usize,
    /// Rules the search may use; by default `top` and `long_short`, or `signal` on fewer than 20 symbols.
    pub rules: Option<Vec<Rule>>,
    /// Whether to compare with random search at as many distinct trials.
    pub control: bool,
    /// Share of the bars to select on.
    pub train: f64,
    /// Share of the bars, after train, to pick champions on. The rest is the sealed exam.
    pub validation: f64,
    /// Bars over which the rank IC looks ahead, from fill to fill; one date in as many is scored.
    pub horizon: usize,
    /// Weights of the objectives.
    pub objectives: Objectives,
    /// Drops strategies that lag behind before they were evaluated to the end; by default none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub racing: Option<Racing>,
    /// Fills, costs, capital.
    pub backtest: Settings,
}

impl Default for RunSpec {
    fn default() -> Self {
        Self {
            algorithm: Algorithm::Genetic,
            population: 200,
            generations: 10,
            seed: 1,
            tournament: 4,
            elites: 5,
            crossover: 0.3,
            immigrants: 0.05,
            max_nodes: 40,
            max_window: None,
            patience: 0,
            champions: 5,
            rules: None,
            control: true,
            train: 0.6,
            validation: 0.2,
            horizon: 5,
            objectives: Objectives::default(),
            racing: None,
            backtest: Settings::default(),
        }
    }
}

/// Fewer symbols than this make no cross-section: ranks among a handful say little.
pub const CROSS_SECTION: usize = 20;

/// A checked specification, resolved for one market. Nothing is optional any more.
#[derive(Debug, Clone)]
pub struct RunConfig {
    /// The specification it came from.
    pub spec: RunSpec,
    /// Train, validation and exam, as rows.
    pub periods: Periods,
    /// Longest window the search may use.
    pub max_window: u32,
    /// Rules the search may use.
    pub rules: Vec<Rule>,
    /// Whether the market is wide enough for ranks across symbols.
    pub cross_section: bool,
    /// Weights of the objectives, without rank IC where there is no cross-section.
    pub objectives: Objectives,
    /// Bars a year.
    pub periods_per_year: f64,
    /// What was decided by default and a person should know.
    pub notes: Vec<String>,
}

fn fail<T>(message: String) -> Result<T, Error> {
    Err(Error::Specification(message))
}

impl RunConfig {
    /// Checks a specification against a market.
    ///
    /// # Errors
    /// The first key that cannot be used, and what may stand there.
    pub fn new(spec: RunSpec, panel: &Panel) -> Result<Self, Error> {
        let within = |key: &str, value: usize, least: usize, most: usize| {
            if (least..=most).contains(&value) {
                Ok(())
            } else {
                fail(format!("`{key}` must be from {least} to {most}, not {value}"))
            }
        };
        within("population", spec.population, 2, 1_000_000)?;
        within("generations", spec.generations, 1, 1_000_000)?;
        within("tournament", spec.tournament, 1, spec.population)?;
        within("elites", spec.elites, 0, spec.population - 1)?;
        within("max_nodes", spec.max_nodes, 4, 1_000)?;
        within("champions", spec.champions, 1, 1_000)?;
        within("horizon", spec.horizon, 1, 250)?;
        for (key, value) in [("crossover", spec.crossover), ("immigrants", spec.immigrants)] {
            if !(0.0..=1.0).contains(&value) {
                return fail(format!("`{key}` must be a share from 0 to 1, not {value}"));
            }
        }
        if spec.crossover + spec.immigrants > 1.0 {
            return fail("`crossover` and `immigrants` together must not exceed 1".to_owned());
        }
        let weights = spec.objectives;
        for (key, value) in [
            ("sharpe", weights.sharpe),
            ("rank_ic", weights.rank_ic),
            ("max_drawdown", weights.max_drawdown),
            ("turnover", weights.turnover),
            ("size", weights.size),
        ] {
            if !value.is_finite() {
                return fail(format!("`objectives.{key}` must be a finite number, not {value}"));
            }
        }
        let exam = 1.0 - spec.train - spec.validation;
        if !(spec.train > 0.0 && spec.validation > 0.0 && exam > 1e-9) {
            return fail(format!(
                "`train` and `validation` must be above 0 and leave a part for the exam, not {} and {}",
                spec.train, spec.validation
            ));
        }
        if let Some(racing) = &spec.racing {
            racing.check()?;
        }
        spec.backtest.check().map_err(|error| Error::Specification(error.to_string()))?;
        let periods = Periods::split(panel.bars(), spec.train, spec.validation);
        let least = 20;
        if periods.train.len() < 3 * least || periods.validation.len() < least || periods.exam.len() < least {
            return fail(format!(
                "the market has {} bars; at least {} are needed for train, validation and exam",
                panel.bars(),
                5 * least
            ));
        }
        let max_window = match spec.max_window {
            Some(window) if !(2..=factor::MAX_WINDOW).contains(&window) => {
                return fail(format!("`max_window` must be from 2 to {} bars, not {window}", factor::MAX_WINDOW));
            }
            Some(window) => window,
            None => (periods.train.len() as u32 / 5).clamp(5, 250),
        };
        let symbols = panel.symbols().len();
        let cross_section = symbols >= CROSS_SECTION;
        let mut notes = Vec::new();
        let mut objectives = spec.objectives;
        if !cross_section {
            objectives.rank_ic = 0.0;
            if spec.rules.is_none() {
                notes.push(format!(
                    "{symbols} symbols are too few for a cross-section (under {CROSS_SECTION}): rule `signal`, and objectives without rank IC"
                ));
            } else {
                notes.push(format!("{symbols} symbols are too few for a cross-section: objectives without rank IC"));
            }
        }
        let rules = match &spec.rules {
            Some(rules) if rules.is_empty() => return fail("`rules` must name at least one rule".to_owned()),
            Some(rules) => rules.clone(),
            None if cross_section => vec![Rule::Top, Rule::LongShort],
            None => vec![Rule::Signal],
        };
        if spec.racing.is_some() {
            notes.push(
                "racing: strategies that are raced out count as tried but have no figures; statistics over the returns of all trials need a run without a race"
                    .to_owned(),
            );
        }
        let periods_per_year = panel.calendar().frequency().periods_per_year();
        Ok(Self { spec, periods, max_window, rules, cross_section, objectives, periods_per_year, notes })
    }
}
