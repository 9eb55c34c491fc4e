//! A strategy: a factor graph, and what is done with its score and flags.

mod exits;
mod file;
mod positions;

use crate::compile::{Extra, compile, mix_words};
use crate::error::{GraphError, StrategyError};
use crate::graph::{FactorGraph, Role};
use crate::program::{Program, Purpose};
use crate::schema::Schema;

pub use exits::{Exits, ScaledStop, TrailingStop, Trigger};
pub use positions::{Count, Positions, Rebalance, Rule, Sizing, Weighting};

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
        let Positions { rule, count, weight, rebalance, .. } = self.positions;
        let [kind, size] = count.words();
        let (rhythm, every) = match rebalance {
            Rebalance::Daily => (0, None),
            Rebalance::Weekly => (1, None),
            Rebalance::Monthly => (2, None),
            Rebalance::Every(bars) => (3, Some(bars)),
        };
        let choices = (rule as u64) << 24 | (weight as u64) << 16 | rhythm << 8 | kind;
        // NaN stands for an exit that is not used: no value that can be set has its bits.
        let real = |value: Option<f64>| value.unwrap_or(f64::NAN).to_bits();
        let scaled =
            |stop: Option<ScaledStop>| (real(stop.map(|s| s.multiplier)), stop.map_or(0, |s| u64::from(s.window)));
        let Exits { trigger, stop_loss, trailing_stop, take_profit, max_holding, volatility_stop, atr_stop } =
            self.exits;
        let (volatility, atr) = (scaled(volatility_stop), scaled(atr_stop));
        let mut words = vec![
            program.hash as u64,
            (program.hash >> 64) as u64,
            choices,
            size,
            real(stop_loss),
            real(trailing_stop.map(|stop| stop.trail)),
            real(trailing_stop.map(|stop| stop.activation)),
            real(take_profit),
            max_holding.map_or(0, u64::from),
            volatility.0,
            volatility.1,
            atr.0,
            atr.1,
        ];
        // What came later has words only where it is used, so that identities of before stay as they were.
        words.extend(every.map(|bars| u64::from(bars) << 8 | 1));
        words.extend((trigger != Trigger::Close).then_some(2));
        words.extend(self.positions.further_words());
        mix_words(STRATEGY, &words)
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
        self.positions.check()?;
        self.exits.check()?;
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
        if self.positions.weight == Weighting::Rank && score.is_none() {
            return fail("weight `rank` needs positions.score".to_owned());
        }
        match (self.graph.role(Role::Group), self.positions.sizing.max_group) {
            (None, Some(_)) => fail(
                "positions.max_group needs positions.group, which says what the groups are: group = \"sector\""
                    .to_owned(),
            ),
            (Some(_), None) => fail(
                "positions.group does nothing without positions.max_group, the most gross weight of one group"
                    .to_owned(),
            ),
            _ => Ok(()),
        }
    }
}

const STRATEGY: u64 = 5;
