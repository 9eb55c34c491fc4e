//! Exits that need an entry.

use serde::{Deserialize, Serialize};

use crate::error::StrategyError;

/// A stop that follows the best price since entry.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrailingStop {
    /// Fall from the best price that sells, a fraction.
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

/// What sets an exit off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// The close; sold with the next fill.
    #[default]
    Close,
    /// Any price of the bar, by its high and low; sold at the level within the bar, or at the open where that lies
    /// beyond a stop. Where a bar touches a stop and a target, the stop counts; a target never brings more than its
    /// level.
    Touched,
}

/// Exits that need an entry; whichever fires first sells.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Exits {
    /// What sets them off; `max_holding` is always counted at the close.
    pub trigger: Trigger,
    /// Loss from entry that sells, a fraction.
    pub stop_loss: Option<f64>,
    /// Fall from the best price that sells: the best close, or the best high or low of earlier bars when `touched`.
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

impl Exits {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        !self.has_levels() && self.max_holding.is_none()
    }

    /// Whether there are exits that a price sets off.
    pub fn has_levels(&self) -> bool {
        let Self { stop_loss, trailing_stop, take_profit, volatility_stop, atr_stop, .. } = self;
        let scaled = volatility_stop.is_some() || atr_stop.is_some();
        scaled || stop_loss.is_some() || trailing_stop.is_some() || take_profit.is_some()
    }

    /// Whether values and their combination make sense.
    pub(super) fn check(&self) -> Result<(), StrategyError> {
        let fail = |message: String| Err(StrategyError::Value(message));
        let fraction = |key: &str, value: Option<f64>, most: f64| match value {
            Some(x) if !(x > 0.0 && x < most) => {
                fail(format!("exits.{key} must lie above 0 and below {most}, not {x}"))
            }
            _ => Ok(()),
        };
        fraction("stop_loss", self.stop_loss, 1.0)?;
        fraction("take_profit", self.take_profit, 1e6)?;
        fraction("trailing_stop", self.trailing_stop.map(|stop| stop.trail), 1.0)?;
        if let Some(stop) = self.trailing_stop {
            if !(stop.activation >= 0.0 && stop.activation < 1e6) {
                return fail(format!("exits.trailing_stop.activation must be 0 or more, not {}", stop.activation));
            }
            if let Some(target) = self.take_profit.filter(|&target| target <= stop.activation) {
                return fail(format!(
                    "exits contradict each other: the trailing stop is armed by a gain of {}, but take_profit sells at \
                     {target} already; lower the activation or raise take_profit",
                    stop.activation
                ));
            }
        }
        if self.max_holding == Some(0) {
            return fail("exits.max_holding must be at least 1 bar".to_owned());
        }
        for (key, stop) in [("volatility_stop", self.volatility_stop), ("atr_stop", self.atr_stop)] {
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
        if self.trigger == Trigger::Touched && !self.has_levels() {
            return fail(
                "exits.trigger = \"touched\" needs an exit that a price can touch: stop_loss, trailing_stop, \
                 take_profit, volatility_stop or atr_stop"
                    .to_owned(),
            );
        }
        Ok(())
    }
}
