//! What each operator is in polars.

use crate::registry::Operator;

/// How a node is written in Python, over columns that hold null where a value is missing and true or false for flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// A call of the helper of the operator's own name.
    Own,
    /// A call of a helper of another name: Python has its own meaning for the operator's.
    Helper(&'static str),
    /// A Python operator between two inputs, or before one, whose result is always finite or null.
    Symbol(&'static str),
    /// A Python operator between two inputs, or before one, whose result may have to become null.
    Arithmetic(&'static str),
    /// Python over one or two columns, written for `x`, `y` and parameters `0`, `1` in braces.
    Template(&'static str),
    /// As [`Form::Template`], for an expression over [`X`] that may have to become null.
    Cell(&'static str),
    /// Not said in polars, for this reason.
    Refused(&'static str),
}

/// The form of an operator. The match names each, so that a new one does not compile without an answer.
pub(super) fn form(operator: Operator) -> Form {
    use Form::{Arithmetic, Cell, Helper, Own, Refused, Symbol, Template};
    use Operator as O;
    match operator {
        O::Add => Arithmetic("+"),
        O::Sub => Arithmetic("-"),
        O::Mul => Arithmetic("*"),
        O::Div => Arithmetic("/"),
        O::Neg => Symbol("-"),
        O::Inverse => Cell("1 / X"),
        O::Abs => Template("{x}.abs()"),
        O::Sign => Template("{x}.sign()"),
        O::Log => Cell("X.log()"),
        O::Exp => Cell("X.exp()"),
        O::Sqrt => Cell("X.sqrt()"),
        O::Square => Cell("X * X"),
        O::Pow => Cell("X ** {0}"),
        O::Tanh => Template("{x}.tanh()"),
        O::Sigmoid => Cell("1 / (1 + (-X).exp())"),
        O::Log1p => Cell("X.log1p()"),
        O::Cbrt => Template("{x}.cbrt()"),
        O::Arcsin => Cell("X.arcsin()"),
        O::Arctan => Template("{x}.arctan()"),
        O::Fraction => Cell("X - X.sign() * X.abs().floor()"),
        O::Round => Template("{x}.round(0, mode=\"half_to_even\")"),
        O::Floor => Template("{x}.floor()"),
        O::Ceil => Template("{x}.ceil()"),
        O::Min => Helper("minimum"),
        O::Max => Helper("maximum"),
        O::Less => Symbol("<"),
        O::LessEqual => Symbol("<="),
        O::Greater => Symbol(">"),
        O::GreaterEqual => Symbol(">="),
        O::Equal => Symbol("=="),
        O::NotEqual => Symbol("!="),
        O::And => Symbol("&"),
        O::Or => Symbol("|"),
        O::Xor => Symbol("^"),
        O::Not => Symbol("~"),
        O::IfElse => Helper("where"),
        O::IsNan => Template("{x}.is_null()"),
        O::Fill => Template("{x}.fill_null({0})"),
        O::Num => Template("{x}.cast(pl.Float64)"),
        O::SignedPow
        | O::Clip
        | O::SignedLog1p
        | O::NanWhere
        | O::ToNan
        | O::LeftTail
        | O::RightTail
        | O::Tail
        | O::TsDelay
        | O::TsDelta
        | O::Returns
        | O::LogReturns
        | O::TsSum
        | O::TsMean
        | O::TsWmean
        | O::TsProduct
        | O::TsStd
        | O::TsVar
        | O::TsZscore
        | O::TsIr
        | O::TsMin
        | O::TsMax
        | O::TsArgmin
        | O::TsArgmax
        | O::TsRank
        | O::TsMedian
        | O::TsCorr
        | O::TsCov
        | O::TsDecayLinear
        | O::TsSlope
        | O::TsRsquare
        | O::TsTrendResid
        | O::TsBeta
        | O::TsAlpha
        | O::TsResid
        | O::TsR2
        | O::TsVectorProj
        | O::TsVectorNeut
        | O::TsBackfill
        | O::TsCount
        | O::TsEma
        | O::TsRma
        | O::CsRank
        | O::CsZscore
        | O::CsDemean
        | O::CsScale
        | O::CsWinsorize
        | O::CsMean
        | O::CsSum
        | O::CsStd
        | O::CsMedian
        | O::CsMin
        | O::CsMax
        | O::CsCount
        | O::CsMinmax
        | O::CsTruncate
        | O::CsTopBottom
        | O::CsClipQuantile
        | O::CsClipMad
        | O::CsOneSide
        | O::CsRegResid
        | O::CsRegFit
        | O::CsVectorNeut
        | O::CsVectorProj
        | O::GroupNeutralize
        | O::GroupRank
        | O::GroupZscore
        | O::GroupMean
        | O::GroupSum
        | O::GroupStd
        | O::GroupMedian
        | O::GroupMin
        | O::GroupMax
        | O::GroupCount
        | O::GroupMinmax
        | O::GroupNormalize
        | O::GroupPercentile
        | O::TsFit
        | O::TsSse
        | O::TsSst
        | O::TsMse
        | O::TsSeBeta
        | O::TsSeAlpha
        | O::TsSkew
        | O::TsKurt
        | O::TsMoment
        | O::TsMad
        | O::TsMedad
        | O::TsPercentile
        | O::TsQuantile
        | O::TsScale
        | O::TsPartialCorr
        | O::TsTripleCorr
        | O::TsCoSkew
        | O::TsCoKurt
        | O::TsEntropy
        | O::TsMaxDrawdown
        | O::TsDecayExp
        | O::TsKthElement
        | O::TsLastDiffValue
        | O::TsCountNans
        | O::TsAny
        | O::TsAll
        | O::CrossAbove
        | O::CrossBelow
        | O::TsSmaCn
        | O::TsKama
        | O::TsCumsum
        | O::RowsSince
        | O::RowsSinceChange
        | O::TradeWhen
        | O::HumpDecay
        | O::TsDeltaLimit
        | O::CsNormalize
        | O::CsQuantile
        | O::CsResid
        | O::CsQcut
        | O::CsBucket
        | O::Hump
        | O::GroupWmean
        | O::GroupFill
        | O::GroupBackfill
        | O::GroupVectorNeut
        | O::GroupVectorProj
        | O::GroupResid
        | O::GroupCross => Own,
        O::Custom(_) => Refused("it is an operator of your own program"),
    }
}
