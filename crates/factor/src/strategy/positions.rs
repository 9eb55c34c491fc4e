//! How scores and flags become holdings, and the bounds within which they are held.

use serde::{Deserialize, Serialize};

use crate::error::StrategyError;

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
    /// The score is the target weight, signed; scaled down when absolute weights sum to more than the book's gross.
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

    /// Kind and size, for identities.
    pub(super) fn words(self) -> [u64; 2] {
        match self {
            Count::Number(number) => [0, f64::from(number).to_bits()],
            Count::Fraction(fraction) => [1, fraction.to_bits()],
        }
    }

    fn check(self, key: &str) -> Result<(), StrategyError> {
        match self {
            Count::Number(0) => Err(StrategyError::Value(format!("positions.{key} must be at least 1"))),
            Count::Fraction(x) if !(x > 0.0 && x <= 1.0) => Err(StrategyError::Value(format!(
                "positions.{key} as a fraction must lie above 0 and up to 1.0, not {x}"
            ))),
            _ => Ok(()),
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
    /// In proportion to the score's rank among those held on its side, the worst counting 1; ties share their mean.
    Rank,
}

/// When targets are set: decided on the first bar of each new day, week or month, or every so many bars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rebalance {
    /// Every bar.
    Daily,
    /// The first bar of a new ISO week.
    Weekly,
    /// The first bar of a new month.
    Monthly,
    /// Every so many bars, counted from the first bar of the market; at least 1.
    Every(u32),
}

/// How large a book is, and what bounds it keeps to. Weights are fractions of equity.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Sizing {
    /// Sum of absolute weights of a whole book; above 1, the difference is borrowed where sales do not bring it.
    pub gross: f64,
    /// Volatility per year that the book is scaled to, never above `gross`: that of the last
    /// [`Positions::VOLATILITY_WINDOW`] bars, had the new weights been held.
    pub risk_target: Option<f64>,
    /// Most weight of one position; what is above stays in cash.
    pub max_position: Option<f64>,
    /// Most gross weight of one group ([`Role::Group`](crate::Role::Group)); its members are scaled down alike.
    pub max_group: Option<f64>,
    /// Most net weight, long or short; the larger side is scaled down.
    pub max_net: Option<f64>,
    /// No trade where the weight held is nearer than this to its target; openings and closings are always traded.
    pub band: f64,
}

impl Default for Sizing {
    fn default() -> Self {
        Self { gross: 1.0, risk_target: None, max_position: None, max_group: None, max_net: None, band: 0.0 }
    }
}

/// What is done with the factors.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Positions {
    /// How scores and flags become holdings.
    pub rule: Rule,
    /// How many holdings: a side, for `long_short`; slots, for `signal`; ignored by `weights`.
    pub count: Count,
    /// What is held stays while its score is among so many best of its side, though more than `count`; for rules `top`
    /// and `long_short`.
    pub keep: Option<Count>,
    /// How the book is divided.
    pub weight: Weighting,
    /// When targets are set.
    pub rebalance: Rebalance,
    /// How large the book is, and its bounds.
    pub sizing: Sizing,
}

impl Default for Positions {
    /// The best tenth in equal parts, reset every week.
    fn default() -> Self {
        Self {
            rule: Rule::Top,
            count: Count::Fraction(0.1),
            keep: None,
            weight: Weighting::Equal,
            rebalance: Rebalance::Weekly,
            sizing: Sizing::default(),
        }
    }
}

impl Positions {
    /// Bars behind inverse-volatility weights and risk targets.
    pub const VOLATILITY_WINDOW: u32 = 60;

    /// Most bars between rebalances.
    const MOST_BARS: u32 = 100_000;

    /// Whether values and their combination make sense.
    pub(super) fn check(&self) -> Result<(), StrategyError> {
        let fail = |message: String| Err(StrategyError::Value(message));
        self.count.check("count")?;
        if let Some(keep) = self.keep {
            keep.check("keep")?;
            if !matches!(self.rule, Rule::Top | Rule::LongShort) {
                return fail(
                    "positions.keep is for rules `top` and `long_short`: the others keep what they hold by \
                             themselves"
                        .to_owned(),
                );
            }
            let fewer = match (keep, self.count) {
                (Count::Number(keep), Count::Number(count)) => keep < count,
                (Count::Fraction(keep), Count::Fraction(count)) => keep < count,
                _ => false,
            };
            if fewer {
                return fail(
                    "positions.keep must not be below positions.count: it says how far what is held may \
                             fall behind before it is sold"
                        .to_owned(),
                );
            }
        }
        if let Rebalance::Every(bars) = self.rebalance
            && !(1..=Self::MOST_BARS).contains(&bars)
        {
            return fail(format!("positions.rebalance.every must be from 1 to {} bars, not {bars}", Self::MOST_BARS));
        }
        let Sizing { gross, risk_target, max_position, max_group, max_net, band } = self.sizing;
        if !(gross > 0.0 && gross <= 10.0) {
            return fail(format!("positions.gross must lie above 0 and up to 10, not {gross}"));
        }
        for (key, value) in [
            ("risk_target", risk_target),
            ("max_position", max_position),
            ("max_group", max_group),
            ("max_net", max_net),
        ] {
            if let Some(value) = value
                && !(value > 0.0 && value <= 10.0)
            {
                return fail(format!("positions.{key} must lie above 0 and up to 10, not {value}"));
            }
        }
        if !(0.0..1.0).contains(&band) {
            return fail(format!("positions.band must be from 0 to below 1 (a fraction of equity), not {band}"));
        }
        let of_whole_books = [
            ("band", band > 0.0),
            ("risk_target", risk_target.is_some()),
            ("max_group", max_group.is_some()),
            ("max_net", max_net.is_some()),
        ];
        match of_whole_books.into_iter().find(|(_, is_used)| *is_used) {
            Some((key, _)) if self.rule == Rule::Signal => fail(format!(
                "positions.{key} is for rules that reset the whole book: rule `signal` sizes each position once, at entry"
            )),
            _ => Ok(()),
        }
    }

    /// What tells positions apart beyond rule, count, weighting and rebalance; nothing where all is at its default.
    pub(super) fn further_words(&self) -> Vec<u64> {
        let Self { keep, sizing, .. } = *self;
        if keep.is_none() && sizing == Sizing::default() {
            return Vec::new();
        }
        let Sizing { gross, risk_target, max_position, max_group, max_net, band } = sizing;
        // NaN stands for what is not used: no value that can be set has its bits.
        let real = |value: Option<f64>| value.unwrap_or(f64::NAN).to_bits();
        let mut words = keep.map_or([2, 0], Count::words).to_vec();
        words.extend([gross.to_bits(), band.to_bits()]);
        words.extend([risk_target, max_position, max_group, max_net].map(real));
        words
    }
}
