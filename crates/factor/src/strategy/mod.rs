//! A strategy: a factor graph, and what is done with its score and flags.

mod file;

use serde::{Deserialize, Serialize};

use crate::compile::{Extra, compile, mix_words};
use crate::error::{GraphError, StrategyError};
use crate::graph::{FactorGraph, Role};
use crate::program::{Program, Purpose};
use crate::schema::Schema;

/// How scores and flags become holdings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// Hold the highest scores; reset to target weights at each rebalance.
    Top,
    /// Long the highest scores, short as many of the lowest, half the book each; reset at each rebalance.
    LongShort,
    /// Each symbol by itself: bought on its entry flag, sold on its exit flag (or when the entry ends, where there
    /// is no exit); sized once, at entry, to one part in `count`.
    Signal,
    /// The score is the target weight, signed; scaled down when absolute weights sum to more than 1.
    Weights,
}

/// A number of symbols, or a fraction of the members of the universe.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Count {
    /// This many.
    Number(u32),
    /// This share of the members, rounded, at least one. In (0, 1].
    Fraction(f64),
}

impl Count {
    /// The number of symbols among so many members; at least 1.
    pub fn of(self, members: usize) -> usize {
        match self {
            Count::Number(number) => (number as usize).max(1),
            Count::Fraction(fraction) => ((fraction * members as f64).round() as usize).max(1),
        }
    }
}

/// How a book is divided among its holdings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Weighting {
    /// All the same.
    Equal,
    /// In proportion to the score's distance from the worst score held.
    Score,
    /// In inverse proportion to the deviation of one-bar returns over [`Positions::VOLATILITY_WINDOW`] bars.
    InverseVolatility,
}

/// When targets are set: decided on the first bar of each new day, week or month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rebalance {
    /// Every bar.
    Daily,
    /// The first bar of a new ISO week.
    Weekly,
    /// The first bar of a new month.
    Monthly,
}

/// What is done with the factors.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Positions {
    /// How scores and flags become holdings.
    pub rule: Rule,
    /// How many holdings: a side, for `long_short`; slots, for `signal`; ignored by `weights`.
    pub count: Count,
    /// How the book is divided.
    pub weight: Weighting,
    /// When targets are set.
    pub rebalance: Rebalance,
}

impl Positions {
    /// Bars behind inverse-volatility weights.
    pub const VOLATILITY_WINDOW: u32 = 60;
}

/// A stop that follows the best close since entry.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrailingStop {
    /// Fall from the best close that sells, a fraction.
    pub trail: f64,
    /// Gain from entry that arms the stop, a fraction; 0 arms it at once.
    #[serde(default)]
    pub activation: f64,
}

/// A stop whose distance is a multiple of a measure taken over a window.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScaledStop {
    /// Multiple of the measure.
    pub multiplier: f64,
    /// Bars behind the measure.
    pub window: u32,
}

/// Exits that need an entry; whichever fires first sells. Judged on the close, filled with the next fill.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Exits {
    /// Loss from entry that sells, a fraction.
    pub stop_loss: Option<f64>,
    /// Fall from the best close that sells.
    pub trailing_stop: Option<TrailingStop>,
    /// Gain from entry that sells, a fraction.
    pub take_profit: Option<f64>,
    /// Bars held that sell.
    pub max_holding: Option<u32>,
    /// Loss from entry of a multiple of the volatility (deviation of one-bar returns) known when the order was given.
    pub volatility_stop: Option<ScaledStop>,
    /// Loss from entry of a multiple of the average true range known when the order was given.
    pub atr_stop: Option<ScaledStop>,
}

/// A whole strategy.
#[derive(Debug, Clone)]
pub struct Strategy {
    /// Its name; no part of its identity.
    pub name: String,
    /// A sentence about it; no part of its identity.
    pub description: Option<String>,
    /// Factors; the root is the terminal node.
    pub graph: FactorGraph,
    /// What is done with them.
    pub positions: Positions,
    /// Exits that need an entry.
    pub exits: Exits,
}

impl Strategy {
    /// Reads a strategy file.
    ///
    /// # Errors
    /// A message that names the key or factor and what to do.
    pub fn from_toml(text: &str, schema: &Schema) -> Result<Self, StrategyError> {
        file::read(text, schema)
    }

    /// Writes the strategy as a file that reads back to the same strategy. `comment` goes on top, a `#` before each
    /// line.
    pub fn to_toml(&self, comment: &str) -> String {
        file::write(self, comment)
    }

    /// Compiles the graph, with what weights and stops need besides.
    ///
    /// # Errors
    /// When the graph is not valid.
    pub fn compile(&self) -> Result<Program, GraphError> {
        let mut extras = Vec::new();
        if self.positions.weight == Weighting::InverseVolatility {
            extras.push(Extra { purpose: Purpose::WeightVolatility, window: Positions::VOLATILITY_WINDOW });
        }
        if let Some(stop) = self.exits.volatility_stop {
            extras.push(Extra { purpose: Purpose::StopVolatility, window: stop.window });
        }
        if let Some(stop) = self.exits.atr_stop {
            extras.push(Extra { purpose: Purpose::AverageTrueRange, window: stop.window });
        }
        compile(&self.graph, &extras)
    }

    /// What makes two strategies the same: the program's canonical hash, positions and exits; not names.
    pub fn identity(&self, program: &Program) -> u128 {
        let Positions { rule, count, weight, rebalance } = self.positions;
        let (kind, size) = match count {
            Count::Number(number) => (0_u64, f64::from(number)),
            Count::Fraction(fraction) => (1, fraction),
        };
        let choices = (rule as u64) << 24 | (weight as u64) << 16 | (rebalance as u64) << 8 | kind;
        // NaN stands for an exit that is not used: no value that can be set has its bits.
        let real = |value: Option<f64>| value.unwrap_or(f64::NAN).to_bits();
        let scaled =
            |stop: Option<ScaledStop>| (real(stop.map(|s| s.multiplier)), stop.map_or(0, |s| u64::from(s.window)));
        let Exits { stop_loss, trailing_stop, take_profit, max_holding, volatility_stop, atr_stop } = self.exits;
        let (volatility, atr) = (scaled(volatility_stop), scaled(atr_stop));
        mix_words(
            STRATEGY,
            &[
                program.hash as u64,
                (program.hash >> 64) as u64,
                choices,
                size.to_bits(),
                real(stop_loss),
                real(trailing_stop.map(|stop| stop.trail)),
                real(trailing_stop.map(|stop| stop.activation)),
                real(take_profit),
                max_holding.map_or(0, u64::from),
                volatility.0,
                volatility.1,
                atr.0,
                atr.1,
            ],
        )
    }

    /// Number of factors: nodes of the graph without its terminal node, columns and constants.
    pub fn factors(&self) -> usize {
        use crate::graph::Kind;
        let is_factor = |kind: &Kind| matches!(kind, Kind::Operator(..) | Kind::Library(..));
        self.graph.nodes().filter(|&index| is_factor(self.graph.kind(index))).count()
    }

    /// Whether values and their combination make sense; reading a file and variation both keep to it.
    ///
    /// # Errors
    /// The first rule that is broken, with the key that breaks it.
    pub fn check(&self) -> Result<(), StrategyError> {
        let fail = |message: String| Err(StrategyError::Value(message));
        match self.positions.count {
            Count::Number(0) => return fail("positions.count must be at least 1".to_owned()),
            Count::Fraction(x) if !(x > 0.0 && x <= 1.0) => {
                return fail(format!("positions.count as a fraction must lie above 0 and up to 1.0, not {x}"));
            }
            _ => {}
        }
        let (score, entry) = (self.graph.role(Role::Score), self.graph.role(Role::Entry));
        if self.positions.rule == Rule::Signal && entry.is_none() {
            return fail("rule `signal` needs positions.entry, a flag that buys".to_owned());
        }
        if self.positions.rule != Rule::Signal && score.is_none() {
            return fail(
                "positions.score is missing: the rule needs a number that says which symbols to prefer".to_owned(),
            );
        }
        if self.positions.weight == Weighting::Score && score.is_none() {
            return fail("weight `score` needs positions.score".to_owned());
        }
        let fraction = |key: &str, value: Option<f64>, most: f64| match value {
            Some(x) if !(x > 0.0 && x < most) => {
                fail(format!("exits.{key} must lie above 0 and below {most}, not {x}"))
            }
            _ => Ok(()),
        };
        fraction("stop_loss", self.exits.stop_loss, 1.0)?;
        fraction("take_profit", self.exits.take_profit, 1e6)?;
        fraction("trailing_stop", self.exits.trailing_stop.map(|stop| stop.trail), 1.0)?;
        if let Some(stop) = self.exits.trailing_stop
            && !(stop.activation >= 0.0 && stop.activation < 1e6)
        {
            return fail(format!("exits.trailing_stop.activation must be 0 or more, not {}", stop.activation));
        }
        if self.exits.max_holding == Some(0) {
            return fail("exits.max_holding must be at least 1 bar".to_owned());
        }
        for (key, stop) in [("volatility_stop", self.exits.volatility_stop), ("atr_stop", self.exits.atr_stop)] {
            let Some(stop) = stop else { continue };
            if !(stop.multiplier > 0.0 && stop.multiplier < 1e3) {
                return fail(format!(
                    "exits.{key}.multiplier must lie above 0 and below 1000, not {}",
                    stop.multiplier
                ));
            }
            if !(2..=crate::operator::MAX_WINDOW).contains(&stop.window) {
                return fail(format!(
                    "exits.{key}.window must be from 2 to {} bars, not {}",
                    crate::operator::MAX_WINDOW,
                    stop.window
                ));
            }
        }
        Ok(())
    }
}

const STRATEGY: u64 = 5;
