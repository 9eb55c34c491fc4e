//! Sums, products and functions of one cell.

use super::{BASE, real};
use crate::elementary;
use crate::operator::{Definition, Output, Port, Reference::Cell, Syntax};

const RATIO_IN: &[Port] = &[Port::Ratio];

pub(super) const ADD: Definition = Definition {
    name: "add",
    syntax: Syntax::Infix("+", 5),
    inputs: &[Port::U, Port::U],
    commutative: true,
    summary: "Sum of two numbers of equal unit.",
    formula: "x + y",
    example: "high + low",
    reference: Cell(|x, _| x[0] + x[1]),
    ..BASE
};

pub(super) const SUB: Definition = Definition {
    name: "sub",
    aliases: &["subtract"],
    syntax: Syntax::Infix("-", 5),
    inputs: &[Port::U, Port::U],
    summary: "Difference of two numbers of equal unit.",
    formula: "x - y",
    example: "high - low",
    reference: Cell(|x, _| x[0] - x[1]),
    ..BASE
};

pub(super) const MUL: Definition = Definition {
    name: "mul",
    aliases: &["multiply"],
    syntax: Syntax::Infix("*", 6),
    inputs: &[Port::U, Port::V],
    output: Output::Number { u: 2, v: 2 },
    commutative: true,
    summary: "Product; units multiply.",
    formula: "x * y",
    missing: "NaN in, NaN out; overflow is NaN.",
    example: "close * volume",
    reference: Cell(|x, _| x[0] * x[1]),
    ..BASE
};

pub(super) const DIV: Definition = Definition {
    name: "div",
    aliases: &["divide"],
    syntax: Syntax::Infix("/", 6),
    inputs: &[Port::U, Port::V],
    output: Output::Number { u: 2, v: -2 },
    summary: "Quotient; units divide. There is no protected division.",
    formula: "x / y",
    missing: "NaN in, NaN out; division by 0 and overflow are NaN.",
    example: "close / open",
    reference: Cell(|x, _| x[0] / x[1]),
    cost: 6,
    ..BASE
};

pub(super) const NEG: Definition = Definition {
    name: "neg",
    aliases: &["reverse"],
    syntax: Syntax::Prefix("-", 7),
    summary: "The number with its sign turned.",
    formula: "-x",
    example: "-returns(close, 5)",
    reference: Cell(|x, _| -x[0]),
    ..BASE
};

pub(super) const INVERSE: Definition = Definition {
    name: "inverse",
    output: Output::Number { u: -2, v: 0 },
    summary: "One divided by the number.",
    formula: "1 / x",
    missing: "NaN in, NaN out; 0 gives NaN.",
    example: "inverse(close)",
    reference: Cell(|x, _| 1.0 / x[0]),
    cost: 6,
    ..BASE
};

pub(super) const ABS: Definition = Definition {
    name: "abs",
    summary: "Absolute value.",
    formula: "|x|",
    example: "abs(returns(close, 1))",
    reference: Cell(|x, _| x[0].abs()),
    ..BASE
};

pub(super) const SIGN: Definition = Definition {
    name: "sign",
    output: Output::RATIO,
    summary: "Which side of zero: -1, 0 or 1.",
    formula: "1 if x > 0, -1 if x < 0, 0 if x = 0",
    example: "sign(ts_delta(close, 1))",
    reference: Cell(|x, _| if x[0].is_nan() || x[0] == 0.0 { x[0] + 0.0 } else { x[0].signum() }),
    ..BASE
};

pub(super) const LOG: Definition = Definition {
    name: "log",
    output: Output::RATIO,
    summary: "Natural logarithm.",
    formula: "ln(x)",
    missing: "NaN in, NaN out; x <= 0 gives NaN.",
    example: "log(close)",
    reference: Cell(|x, _| elementary::log(x[0])),
    cost: 60,
    ..BASE
};

pub(super) const EXP: Definition = Definition {
    name: "exp",
    inputs: RATIO_IN,
    output: Output::RATIO,
    summary: "Exponential.",
    formula: "e^x",
    missing: "NaN in, NaN out; overflow is NaN.",
    example: "exp(returns(close, 1))",
    reference: Cell(|x, _| elementary::exp(x[0])),
    generated: false,
    cost: 60,
    ..BASE
};

pub(super) const SQRT: Definition = Definition {
    name: "sqrt",
    output: Output::Number { u: 1, v: 0 },
    summary: "Square root.",
    formula: "x^0.5",
    missing: "NaN in, NaN out; x < 0 gives NaN.",
    example: "sqrt(abs(returns(close, 1)))",
    reference: Cell(|x, _| x[0].sqrt()),
    cost: 8,
    ..BASE
};

pub(super) const SQUARE: Definition = Definition {
    name: "square",
    output: Output::Number { u: 4, v: 0 },
    summary: "The number times itself.",
    formula: "x * x",
    missing: "NaN in, NaN out; overflow is NaN.",
    example: "square(returns(close, 1))",
    reference: Cell(|x, _| x[0] * x[0]),
    ..BASE
};

pub(super) const POW: Definition = Definition {
    name: "pow",
    syntax: Syntax::Infix("^", 8),
    inputs: RATIO_IN,
    parameters: &[real("c", -10.0, 10.0, (0.5, 3.0))],
    output: Output::RATIO,
    summary: "Power with a literal exponent.",
    formula: "x^c",
    missing: "NaN in, NaN out; a negative base with a fractional exponent, 0 with a negative one, overflow: NaN.",
    example: "(close / open)^2",
    reference: Cell(|x, p| if x[0].is_nan() { f64::NAN } else { libm::pow(x[0], p.real(0)) }),
    generated: false,
    cost: 150,
    ..BASE
};

pub(super) const SIGNED_POW: Definition = Definition {
    name: "signed_pow",
    inputs: RATIO_IN,
    parameters: &[real("c", -10.0, 10.0, (0.5, 3.0))],
    output: Output::RATIO,
    summary: "Power of the absolute value, with the sign kept.",
    formula: "sign(x) * |x|^c",
    missing: "NaN in, NaN out; 0 with a negative exponent and overflow are NaN.",
    example: "signed_pow(returns(close, 5), 0.5)",
    reference: Cell(|x, p| {
        if x[0].is_nan() { f64::NAN } else { libm::pow(x[0].abs(), p.real(0)) * if x[0] < 0.0 { -1.0 } else { 1.0 } }
    }),
    cost: 150,
    ..BASE
};

pub(super) const TANH: Definition = Definition {
    name: "tanh",
    inputs: RATIO_IN,
    output: Output::RATIO,
    summary: "Hyperbolic tangent: squeezes into -1..1.",
    formula: "tanh(x)",
    example: "tanh(ts_zscore(close, 20))",
    reference: Cell(|x, _| elementary::tanh(x[0])),
    cost: 100,
    ..BASE
};

pub(super) const SIGMOID: Definition = Definition {
    name: "sigmoid",
    inputs: RATIO_IN,
    output: Output::RATIO,
    summary: "Logistic function: squeezes into 0..1.",
    formula: "1 / (1 + e^-x)",
    example: "sigmoid(ts_zscore(close, 20))",
    reference: Cell(|x, _| elementary::sigmoid(x[0])),
    cost: 70,
    ..BASE
};

pub(super) const CLIP: Definition = Definition {
    name: "clip",
    inputs: RATIO_IN,
    parameters: &[real("low", -1e12, 1e12, (-3.0, 0.0)), real("high", -1e12, 1e12, (0.0, 3.0))],
    output: Output::RATIO,
    summary: "The number, kept between two literals.",
    formula: "min(max(x, low), high)",
    missing: "NaN in, NaN out; low above high gives NaN.",
    example: "clip(ts_zscore(close, 20), -3, 3)",
    reference: Cell(|x, p| {
        let (low, high) = (p.real(0), p.real(1));
        if x[0].is_nan() || low > high { f64::NAN } else { x[0].clamp(low, high) }
    }),
    ..BASE
};

pub(super) const MIN: Definition = Definition {
    name: "min",
    inputs: &[Port::U, Port::U],
    commutative: true,
    summary: "The smaller of two numbers; further arguments nest.",
    formula: "min(x, y)",
    example: "min(open, close)",
    reference: Cell(|x, _| if x[0].is_nan() || x[1].is_nan() { f64::NAN } else { x[0].min(x[1]) }),
    ..BASE
};

pub(super) const MAX: Definition = Definition {
    name: "max",
    inputs: &[Port::U, Port::U],
    commutative: true,
    summary: "The larger of two numbers; further arguments nest.",
    formula: "max(x, y)",
    example: "max(high - low, abs(high - ts_delay(close, 1)))",
    reference: Cell(|x, _| if x[0].is_nan() || x[1].is_nan() { f64::NAN } else { x[0].max(x[1]) }),
    ..BASE
};

pub(super) const LOG1P: Definition = Definition {
    name: "log1p",
    inputs: RATIO_IN,
    output: Output::RATIO,
    summary: "Natural logarithm of one plus the number, exact for small numbers.",
    formula: "ln(1 + x)",
    missing: "NaN in, NaN out; x <= -1 gives NaN.",
    example: "log1p(returns(close, 1))",
    reference: Cell(|x, _| elementary::log1p(x[0])),
    generated: false,
    cost: 60,
    ..BASE
};

pub(super) const SIGNED_LOG1P: Definition = Definition {
    name: "s_log_1p",
    inputs: RATIO_IN,
    output: Output::RATIO,
    summary: "Logarithm that keeps the sign: squeezes both tails.",
    formula: "sign(x) * ln(1 + |x|)",
    example: "s_log_1p(ts_zscore(volume, 20))",
    reference: Cell(|x, _| elementary::log1p(x[0].abs()).copysign(x[0])),
    generated: false,
    cost: 60,
    ..BASE
};

pub(super) const CBRT: Definition = Definition {
    name: "cbrt",
    inputs: RATIO_IN,
    output: Output::RATIO,
    summary: "Cube root; the sign stays.",
    formula: "x^(1/3)",
    example: "cbrt(returns(close, 5))",
    reference: Cell(|x, _| libm::cbrt(x[0])),
    generated: false,
    cost: 60,
    ..BASE
};

pub(super) const ARCSIN: Definition = Definition {
    name: "arcsin",
    inputs: RATIO_IN,
    output: Output::RATIO,
    summary: "Inverse sine, in radians.",
    formula: "arcsin(x)",
    missing: "NaN in, NaN out; outside -1..1 NaN.",
    example: "arcsin(ts_corr(close, volume, 20))",
    reference: Cell(|x, _| libm::asin(x[0])),
    generated: false,
    cost: 60,
    ..BASE
};

pub(super) const ARCTAN: Definition = Definition {
    name: "arctan",
    inputs: RATIO_IN,
    output: Output::RATIO,
    summary: "Inverse tangent, in radians: squeezes into -pi/2..pi/2.",
    formula: "arctan(x)",
    example: "arctan(ts_zscore(close, 20))",
    reference: Cell(|x, _| libm::atan(x[0])),
    generated: false,
    cost: 60,
    ..BASE
};

pub(super) const FRACTION: Definition = Definition {
    name: "frac",
    inputs: RATIO_IN,
    output: Output::RATIO,
    summary: "What follows the decimal point, with the sign kept.",
    formula: "x - trunc(x)",
    example: "frac(ts_zscore(close, 20))",
    reference: Cell(|x, _| x[0] - x[0].trunc()),
    generated: false,
    cost: 3,
    ..BASE
};

pub(super) const ROUND: Definition = Definition {
    name: "round",
    inputs: RATIO_IN,
    output: Output::RATIO,
    summary: "Nearest whole number; halves go to the even one, as in numpy.",
    formula: "round(x)",
    example: "round(10 * cs_rank(volume))",
    reference: Cell(|x, _| x[0].round_ties_even() + 0.0),
    generated: false,
    cost: 3,
    ..BASE
};

pub(super) const FLOOR: Definition = Definition {
    name: "floor",
    inputs: RATIO_IN,
    output: Output::RATIO,
    summary: "Largest whole number that is not above.",
    formula: "floor(x)",
    example: "floor(10 * cs_rank(volume))",
    reference: Cell(|x, _| x[0].floor() + 0.0),
    generated: false,
    cost: 3,
    ..BASE
};

pub(super) const CEIL: Definition = Definition {
    name: "ceil",
    inputs: RATIO_IN,
    output: Output::RATIO,
    summary: "Smallest whole number that is not below.",
    formula: "ceil(x)",
    example: "ceil(10 * cs_rank(volume))",
    reference: Cell(|x, _| x[0].ceil() + 0.0),
    generated: false,
    cost: 3,
    ..BASE
};
