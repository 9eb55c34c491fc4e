//! The one table of operators. Parser, printer, documentation, random generator, mutation, kernels and coverage
//! tests all derive from it.
//!
//! Definitions follow common practice: windows include the current row and must be full, ties share the average
//! rank, standard deviations use ddof 1, and whatever cannot be computed is NaN. A window or row whose standard
//! deviation is at most 1e-12 of its absolute mean is flat: its deviation is exactly 0.

mod absent;
mod arithmetic;
mod cross_section;
mod custom;
mod group;
mod logic;
mod stateful;
mod time_series;
mod windows;

pub use absent::{ABSENT, why_absent};
pub use custom::{
    CarryFunction, CellFunction, CustomId, CustomOperator, Kernel, RowFunction, WindowFunction, register,
};

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::operator::{Definition, MAX_WINDOW, MIN_PERIODS, Parameter, ParameterKind};

macro_rules! operators {
    ($($(#[$doc:meta])* $variant:ident = $definition:path),* $(,)?) => {
        /// An operator of the vocabulary; [`Operator::definition`] says everything about it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[expect(missing_docs, reason = "each operator is documented by its definition")]
        #[repr(u16)]
        pub enum Operator {
            $($variant,)*
            /// One that this program [registered](register).
            Custom(CustomId),
        }

        impl Operator {
            /// Every operator of ours, in the order of the documentation.
            pub const ALL: &'static [Operator] = &[$(Operator::$variant),*];

            /// Its place in [`Operator::ALL`]; one behind the last for those that are not there.
            #[inline(always)]
            const fn place(self) -> usize {
                enum Place { $($variant,)* Custom }
                match self {
                    $(Operator::$variant => Place::$variant as usize,)*
                    Operator::Custom(_) => Place::Custom as usize,
                }
            }
        }

        static DEFINITIONS: &[Definition] = &[$($definition),*];
    };
}

operators! {
    Add = arithmetic::ADD,
    Sub = arithmetic::SUB,
    Mul = arithmetic::MUL,
    Div = arithmetic::DIV,
    Neg = arithmetic::NEG,
    Inverse = arithmetic::INVERSE,
    Abs = arithmetic::ABS,
    Sign = arithmetic::SIGN,
    Log = arithmetic::LOG,
    Exp = arithmetic::EXP,
    Sqrt = arithmetic::SQRT,
    Square = arithmetic::SQUARE,
    Pow = arithmetic::POW,
    SignedPow = arithmetic::SIGNED_POW,
    Tanh = arithmetic::TANH,
    Sigmoid = arithmetic::SIGMOID,
    Clip = arithmetic::CLIP,
    Log1p = arithmetic::LOG1P,
    SignedLog1p = arithmetic::SIGNED_LOG1P,
    Cbrt = arithmetic::CBRT,
    Arcsin = arithmetic::ARCSIN,
    Arctan = arithmetic::ARCTAN,
    Fraction = arithmetic::FRACTION,
    Round = arithmetic::ROUND,
    Floor = arithmetic::FLOOR,
    Ceil = arithmetic::CEIL,
    Min = arithmetic::MIN,
    Max = arithmetic::MAX,
    Less = logic::LESS,
    LessEqual = logic::LESS_EQUAL,
    Greater = logic::GREATER,
    GreaterEqual = logic::GREATER_EQUAL,
    Equal = logic::EQUAL,
    NotEqual = logic::NOT_EQUAL,
    And = logic::AND,
    Or = logic::OR,
    Xor = logic::XOR,
    Not = logic::NOT,
    IfElse = logic::IF_ELSE,
    IsNan = logic::IS_NAN,
    Fill = logic::FILL,
    NanWhere = logic::NAN_WHERE,
    ToNan = logic::TO_NAN,
    LeftTail = logic::LEFT_TAIL,
    RightTail = logic::RIGHT_TAIL,
    Tail = logic::TAIL,
    Num = logic::NUM,
    TsDelay = time_series::DELAY,
    TsDelta = time_series::DELTA,
    Returns = time_series::RETURNS,
    LogReturns = time_series::LOG_RETURNS,
    TsSum = time_series::SUM,
    TsMean = time_series::MEAN,
    TsWmean = time_series::WMEAN,
    TsProduct = time_series::PRODUCT,
    TsStd = time_series::STD,
    TsVar = time_series::VAR,
    TsZscore = time_series::ZSCORE,
    TsIr = time_series::IR,
    TsMin = time_series::MIN,
    TsMax = time_series::MAX,
    TsArgmin = time_series::ARGMIN,
    TsArgmax = time_series::ARGMAX,
    TsRank = time_series::RANK,
    TsMedian = time_series::MEDIAN,
    TsCorr = time_series::CORR,
    TsCov = time_series::COV,
    TsDecayLinear = time_series::DECAY_LINEAR,
    TsSlope = time_series::SLOPE,
    TsRsquare = time_series::RSQUARE,
    TsTrendResid = time_series::TREND_RESID,
    TsBeta = time_series::BETA,
    TsAlpha = time_series::ALPHA,
    TsResid = time_series::RESID,
    TsR2 = time_series::R2,
    TsVectorProj = time_series::VECTOR_PROJ,
    TsVectorNeut = time_series::VECTOR_NEUT,
    TsFit = windows::FIT,
    TsSse = windows::SSE,
    TsSst = windows::SST,
    TsMse = windows::MSE,
    TsSeBeta = windows::SE_BETA,
    TsSeAlpha = windows::SE_ALPHA,
    TsSkew = windows::SKEW,
    TsKurt = windows::KURT,
    TsMoment = windows::MOMENT,
    TsMad = windows::MAD,
    TsMedad = windows::MEDAD,
    TsPercentile = windows::PERCENTILE,
    TsQuantile = windows::QUANTILE,
    TsScale = windows::SCALE,
    TsPartialCorr = windows::PARTIAL_CORR,
    TsTripleCorr = windows::TRIPLE_CORR,
    TsCoSkew = windows::CO_SKEW,
    TsCoKurt = windows::CO_KURT,
    TsEntropy = windows::ENTROPY,
    TsMaxDrawdown = windows::MAX_DRAWDOWN,
    TsDecayExp = windows::DECAY_EXP,
    TsBackfill = time_series::BACKFILL,
    TsKthElement = windows::KTH,
    TsLastDiffValue = windows::LAST_DIFF,
    TsCountNans = windows::COUNT_NANS,
    TsCount = time_series::COUNT,
    TsAny = windows::ANY,
    TsAll = windows::ALL,
    CrossAbove = windows::CROSS_ABOVE,
    CrossBelow = windows::CROSS_BELOW,
    TsEma = stateful::EMA,
    TsRma = stateful::RMA,
    TsSmaCn = stateful::SMA_CN,
    TsKama = stateful::KAMA,
    TsCumsum = stateful::CUMSUM,
    RowsSince = stateful::ROWS_SINCE,
    RowsSinceChange = stateful::ROWS_SINCE_CHANGE,
    TradeWhen = stateful::TRADE_WHEN,
    HumpDecay = stateful::HUMP_DECAY,
    TsDeltaLimit = stateful::DELTA_LIMIT,
    CsRank = cross_section::RANK,
    CsZscore = cross_section::ZSCORE,
    CsDemean = cross_section::DEMEAN,
    CsScale = cross_section::SCALE,
    CsWinsorize = cross_section::WINSORIZE,
    CsMean = cross_section::MEAN,
    CsSum = cross_section::SUM,
    CsStd = cross_section::STD,
    CsMedian = cross_section::MEDIAN,
    CsMin = cross_section::MIN,
    CsMax = cross_section::MAX,
    CsCount = cross_section::COUNT,
    CsMinmax = cross_section::MINMAX,
    CsTruncate = cross_section::TRUNCATE,
    CsTopBottom = cross_section::TOP_BOTTOM,
    CsClipQuantile = cross_section::CLIP_QUANTILE,
    CsClipMad = cross_section::CLIP_MAD,
    CsOneSide = cross_section::ONE_SIDE,
    CsRegResid = cross_section::REG_RESID,
    CsRegFit = cross_section::REG_FIT,
    CsVectorNeut = cross_section::VECTOR_NEUT,
    CsVectorProj = cross_section::VECTOR_PROJ,
    CsNormalize = cross_section::NORMALIZE,
    CsQuantile = cross_section::QUANTILE,
    CsResid = cross_section::RESID,
    CsQcut = cross_section::QCUT,
    CsBucket = cross_section::BUCKET,
    Hump = stateful::HUMP,
    GroupNeutralize = group::NEUTRALIZE,
    GroupRank = group::RANK,
    GroupZscore = group::ZSCORE,
    GroupMean = group::MEAN,
    GroupSum = group::SUM,
    GroupStd = group::STD,
    GroupMedian = group::MEDIAN,
    GroupMin = group::MIN,
    GroupMax = group::MAX,
    GroupCount = group::COUNT,
    GroupMinmax = group::MINMAX,
    GroupNormalize = group::NORMALIZE,
    GroupPercentile = group::PERCENTILE,
    GroupWmean = group::WMEAN,
    GroupFill = group::FILL,
    GroupBackfill = group::BACKFILL,
    GroupVectorNeut = group::VECTOR_NEUT,
    GroupVectorProj = group::VECTOR_PROJ,
    GroupResid = group::RESID,
    GroupCross = group::CROSS,
}

impl Operator {
    /// Every operator: ours, then those that this program [registered](register), by name.
    pub fn all() -> impl Iterator<Item = Operator> {
        Operator::ALL.iter().copied().chain(custom::in_order())
    }

    /// What the operator declares.
    pub fn definition(self) -> &'static Definition {
        match self {
            Operator::Custom(id) => id.definition(),
            _ => &DEFINITIONS[self.place()],
        }
    }

    /// The operator with this name or alias.
    pub fn by_name(name: &str) -> Option<Operator> {
        static BY_NAME: LazyLock<HashMap<&'static str, Operator>> = LazyLock::new(|| {
            let mut map = HashMap::new();
            for &operator in Operator::ALL {
                let definition = operator.definition();
                map.insert(definition.name, operator);
                for alias in definition.aliases {
                    map.insert(alias, operator);
                }
            }
            map
        });
        BY_NAME.get(name).copied().or_else(|| custom::by_name(name))
    }

    /// A number that stands for the operator in structural hashes: FNV-1a of its name, so that adding operators
    /// changes no hash.
    pub fn code(self) -> u64 {
        static CODES: [u64; DEFINITIONS.len()] = {
            let mut codes = [0; DEFINITIONS.len()];
            let mut index = 0;
            while index < codes.len() {
                codes[index] = fnv(DEFINITIONS[index].name.as_bytes());
                index += 1;
            }
            codes
        };
        match self {
            Operator::Custom(id) => id.code(),
            _ => CODES[self.place()],
        }
    }
}

/// FNV-1a, 64 bits.
const fn fnv(bytes: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut index = 0;
    while index < bytes.len() {
        hash = (hash ^ bytes[index] as u64).wrapping_mul(0x0100_0000_01b3);
        index += 1;
    }
    hash
}

/// A window parameter `d` of at least `least` rows.
const fn window(least: u32) -> Parameter {
    Parameter {
        name: "d",
        kind: ParameterKind::Rows { least },
        default: None,
        option: false,
        usual: (if least > 2 { least as f64 } else { 2.0 }, 250.0),
    }
}

/// A real parameter that must be given.
const fn real(name: &'static str, least: f64, most: f64, usual: (f64, f64)) -> Parameter {
    Parameter { name, kind: ParameterKind::Real { least, most }, default: None, option: false, usual }
}

/// A real parameter with a default.
const fn real_or(name: &'static str, least: f64, most: f64, default: f64) -> Parameter {
    Parameter {
        name,
        kind: ParameterKind::Real { least, most },
        default: Some(default),
        option: false,
        usual: (default, default),
    }
}

/// A whole parameter with a default.
const fn whole_or(name: &'static str, least: i32, most: i32, default: i32) -> Parameter {
    Parameter {
        name,
        kind: ParameterKind::Whole { least, most },
        default: Some(default as f64),
        option: false,
        usual: (default as f64, default as f64),
    }
}

/// An option that is one of some words, the first unless the text says otherwise.
const fn choice(name: &'static str, words: &'static [&'static str]) -> Parameter {
    Parameter { name, kind: ParameterKind::Choice { words }, default: Some(0.0), option: true, usual: (0.0, 0.0) }
}

/// A real option with a default.
const fn option_or(name: &'static str, least: f64, most: f64, default: f64) -> Parameter {
    Parameter { option: true, ..real_or(name, least, most, default) }
}

/// What ranks count from and to: 0 to 1, shares of the count (lowest 1/n), places from 1, or -1 to 1.
const SCALE_OF_RANK: Parameter = choice("scale", &["unit", "pct", "raw", "signed"]);

/// Divisor n - ddof of variances: 1 unless the text says otherwise.
const DDOF: Parameter = Parameter {
    name: "ddof",
    kind: ParameterKind::Whole { least: 0, most: 1 },
    default: Some(1.0),
    option: true,
    usual: (1.0, 1.0),
};

/// Known rows with which a window is content, the others being left out; 0 asks for all `d`. The last parameter wherever
/// it stands.
const PARTIAL: Parameter = Parameter {
    name: MIN_PERIODS,
    kind: ParameterKind::Whole { least: 0, most: MAX_WINDOW as i32 },
    default: Some(0.0),
    option: true,
    usual: (0.0, 0.0),
};

/// What most operators share; each definition names what differs.
const BASE: Definition = Definition::BASE;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_definition_is_complete_and_names_are_unique() {
        let mut names = std::collections::BTreeSet::new();
        for &operator in Operator::ALL {
            let definition = operator.definition();
            for name in std::iter::once(&definition.name).chain(definition.aliases) {
                assert!(names.insert(*name), "`{name}` stands twice");
                assert_eq!(Operator::by_name(name), Some(operator));
            }
            for text in [definition.summary, definition.formula, definition.missing, definition.example] {
                assert!(!text.is_empty(), "{} lacks documentation", definition.name);
            }
            let probe = Parameters::new(&definition.parameters.iter().map(|p| p.usual.0).collect::<Vec<_>>());
            for (parameter, &value) in definition.parameters.iter().zip(probe.as_slice()) {
                assert!(parameter.check(value).is_ok(), "{}: {}", definition.name, parameter.name);
                assert!(parameter.check(parameter.usual.1).is_ok());
                assert!(parameter.default.is_none_or(|default| parameter.check(default).is_ok()));
            }
            assert!(definition.inputs.len() <= crate::operator::MAX_INPUTS);
            assert!(definition.parameters.len() <= crate::operator::MAX_PARAMETERS);
            // The window it belongs to comes first, and it comes last: references and kernels look for them there.
            if let Some(place) = definition.parameters.iter().position(|parameter| parameter.name == MIN_PERIODS) {
                assert_eq!(place + 1, definition.parameters.len(), "{}", definition.name);
                assert_eq!(definition.lookback, Lookback::Window(0), "{}", definition.name);
            }
        }
        assert!(Operator::ALL.len() >= 45);
    }

    use crate::operator::{Lookback, Parameters};
}
