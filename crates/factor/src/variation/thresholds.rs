//! Where a threshold on a ratio separates anything: the range that its values usually keep to.

use super::sketch::{Place, Sketch};
use crate::graph::Kind;
use crate::operator::Parameters;
use crate::registry::Operator;

/// Usual range of the values at `place`, a number without a unit.
pub(super) fn usual_range(sketch: &Sketch, place: Place) -> (f64, f64) {
    let entry = sketch.entry(place);
    match entry.kind() {
        Kind::Library(factor, parameters) => of_library(factor.definition().name, parameters),
        Kind::Operator(operator, parameters) => {
            let inner = || entry.inputs().iter().find(|&&input| sketch.entry(input).output.is_number()).copied();
            of_operator(*operator, parameters, &|| inner().map_or((-1.0, 1.0), |input| usual_range(sketch, input)))
        }
        Kind::Field(..) | Kind::Constant(_) | Kind::Positions => (-1.0, 1.0),
    }
}

fn of_operator(operator: Operator, parameters: &Parameters, inner: &dyn Fn() -> (f64, f64)) -> (f64, f64) {
    match operator {
        Operator::CsRank | Operator::GroupRank | Operator::TsRank | Operator::Sigmoid => (0.05, 0.95),
        Operator::CsZscore | Operator::GroupZscore | Operator::TsZscore => (-2.0, 2.0),
        Operator::TsCorr => (-0.8, 0.8),
        Operator::Tanh => (-0.9, 0.9),
        Operator::Num => (0.1, 0.9),
        Operator::CsScale => (-0.05, 0.05),
        // Returns spread with the square root of time; 0.02 is a usual day.
        Operator::Returns | Operator::LogReturns => {
            let spread = 0.02 * parameters.real(0).sqrt();
            (-spread, spread)
        }
        Operator::TsArgmin | Operator::TsArgmax | Operator::TsCount => (0.0, parameters.real(0)),
        Operator::Div => (0.8, 1.25),
        Operator::Neg => {
            let (least, most) = inner();
            (-most, -least)
        }
        Operator::Abs => (0.0, inner().1.abs()),
        Operator::TsStd => {
            let (least, most) = inner();
            (0.0, (most - least) / 2.0)
        }
        Operator::TsDelta | Operator::TsCov | Operator::CsDemean | Operator::GroupNeutralize => {
            let (least, most) = inner();
            ((least - most) / 2.0, (most - least) / 2.0)
        }
        Operator::TsMean
        | Operator::TsWmean
        | Operator::TsEma
        | Operator::TsRma
        | Operator::TsDecayLinear
        | Operator::TsMedian
        | Operator::TsMin
        | Operator::TsMax
        | Operator::TsDelay
        | Operator::CsWinsorize
        | Operator::GroupMean
        | Operator::Min
        | Operator::Max
        | Operator::IfElse
        | Operator::Clip => inner(),
        _ => (-1.0, 1.0),
    }
}

fn of_library(name: &str, parameters: &Parameters) -> (f64, f64) {
    match name {
        "rsi" | "stochastic_k" => (15.0, 85.0),
        "williams_r" => (-85.0, -15.0),
        "roc" => (-10.0, 10.0),
        "natr" => (0.5, 5.0),
        "donchian" | "bollinger_b" | "efficiency_ratio" => (0.1, 0.9),
        "breakout" => (-0.5, 0.5),
        "close_location" => (-0.8, 0.8),
        "relative_volume" => (0.5, 2.0),
        "near_high" => (0.7, 1.0),
        "drawdown" => (-0.3, 0.0),
        "volatility" | "range_pct" => (0.005, 0.04),
        "momentum" => (-0.003, 0.003),
        "trend_strength" => (-0.2, 0.2),
        "bollinger_width" => (0.02, 0.3),
        "overnight" | "intraday" => (-0.02, 0.02),
        "momentum_skip" | "reversal" => {
            let spread = 0.02 * parameters.as_slice().last().map_or(1.0, |period| period.sqrt());
            (-spread, spread)
        }
        "ma_gap" | "vwap_gap" => (-0.05, 0.05),
        _ => (-1.0, 1.0),
    }
}
