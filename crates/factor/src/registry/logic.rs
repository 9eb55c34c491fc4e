//! Comparisons and three-valued logic: flags are 1, 0 or NaN for unknown.

use super::{BASE, real};
use crate::operator::{Definition, Family, Output, Port, Reference::Cell, Syntax};

const LOGIC: Definition = Definition { family: Family::Logic, output: Output::Flag, ..BASE };
const COMPARISON: Definition =
    Definition { inputs: &[Port::U, Port::U], missing: "Unknown (NaN) where either side is NaN.", ..LOGIC };
const FLAGS: &[Port] = &[Port::Flag, Port::Flag];
const KLEENE: &str = "Kleene: an unknown side leaves the result unknown unless the other side settles it.";

fn flag(x: &[f64], truth: bool) -> f64 {
    if x.iter().any(|value| value.is_nan()) { f64::NAN } else { f64::from(u8::from(truth)) }
}

pub(super) const LESS: Definition = Definition {
    name: "lt",
    syntax: Syntax::Infix("<", 4),
    summary: "Whether x lies below y.",
    formula: "x < y",
    example: "close < ts_mean(close, 20)",
    reference: Cell(|x, _| flag(x, x[0] < x[1])),
    ..COMPARISON
};

pub(super) const LESS_EQUAL: Definition = Definition {
    name: "le",
    syntax: Syntax::Infix("<=", 4),
    summary: "Whether x lies below y or equals it.",
    formula: "x <= y",
    example: "close <= open",
    reference: Cell(|x, _| flag(x, x[0] <= x[1])),
    ..COMPARISON
};

pub(super) const GREATER: Definition = Definition {
    name: "gt",
    syntax: Syntax::Infix(">", 4),
    summary: "Whether x lies above y.",
    formula: "x > y",
    example: "close > ts_mean(close, 120)",
    reference: Cell(|x, _| flag(x, x[0] > x[1])),
    ..COMPARISON
};

pub(super) const GREATER_EQUAL: Definition = Definition {
    name: "ge",
    syntax: Syntax::Infix(">=", 4),
    summary: "Whether x lies above y or equals it.",
    formula: "x >= y",
    example: "close >= ts_max(high, 20)",
    reference: Cell(|x, _| flag(x, x[0] >= x[1])),
    ..COMPARISON
};

pub(super) const EQUAL: Definition = Definition {
    name: "eq",
    syntax: Syntax::Infix("==", 4),
    commutative: true,
    generated: false,
    summary: "Whether two numbers are exactly equal.",
    formula: "x == y",
    example: "close == ts_max(close, 20)",
    reference: Cell(|x, _| flag(x, x[0] == x[1])),
    ..COMPARISON
};

pub(super) const NOT_EQUAL: Definition = Definition {
    name: "ne",
    syntax: Syntax::Infix("!=", 4),
    commutative: true,
    generated: false,
    summary: "Whether two numbers differ.",
    formula: "x != y",
    example: "close != open",
    reference: Cell(|x, _| flag(x, x[0] != x[1])),
    ..COMPARISON
};

pub(super) const AND: Definition = Definition {
    name: "and",
    syntax: Syntax::Infix("and", 2),
    inputs: FLAGS,
    commutative: true,
    summary: "Whether both flags are true.",
    formula: "f and g; 0 if either is 0, else unknown if either is, else 1",
    missing: KLEENE,
    example: "close > open and volume > ts_mean(volume, 20)",
    reference: Cell(|x, _| if x[0] == 0.0 || x[1] == 0.0 { 0.0 } else { flag(x, true) }),
    ..LOGIC
};

pub(super) const OR: Definition = Definition {
    name: "or",
    syntax: Syntax::Infix("or", 1),
    inputs: FLAGS,
    commutative: true,
    summary: "Whether at least one flag is true.",
    formula: "f or g; 1 if either is 1, else unknown if either is, else 0",
    missing: KLEENE,
    example: "close > ts_delay(close, 5) or close < ts_min(low, 60)",
    reference: Cell(|x, _| if x[0] == 1.0 || x[1] == 1.0 { 1.0 } else { flag(x, false) }),
    ..LOGIC
};

pub(super) const XOR: Definition = Definition {
    name: "xor",
    inputs: FLAGS,
    commutative: true,
    generated: false,
    summary: "Whether exactly one flag is true.",
    formula: "f != g",
    missing: "Unknown where either is.",
    example: "xor(close > open, volume > ts_mean(volume, 20))",
    reference: Cell(|x, _| flag(x, x[0] != x[1])),
    ..LOGIC
};

pub(super) const NOT: Definition = Definition {
    name: "not",
    syntax: Syntax::Prefix("not", 3),
    inputs: &[Port::Flag],
    summary: "The flag turned round.",
    formula: "1 - f",
    missing: "Unknown stays unknown.",
    example: "not close > ts_mean(close, 120)",
    reference: Cell(|x, _| 1.0 - x[0]),
    ..LOGIC
};

pub(super) const IF_ELSE: Definition = Definition {
    name: "if_else",
    inputs: &[Port::Flag, Port::U, Port::U],
    output: Output::SAME,
    summary: "x where the flag is true, y where it is false.",
    formula: "f ? x : y",
    missing: "An unknown flag gives NaN; the branch not taken may be NaN.",
    example: "if_else(close > open, volume, -volume)",
    reference: Cell(|x, _| match x[0] {
        f if f.is_nan() => f64::NAN,
        0.0 => x[2],
        _ => x[1],
    }),
    ..LOGIC
};

pub(super) const IS_NAN: Definition = Definition {
    name: "is_nan",
    generated: false,
    summary: "Whether the number is missing.",
    formula: "x is NaN",
    missing: "Never unknown itself.",
    example: "is_nan(volume)",
    reference: Cell(|x, _| f64::from(u8::from(x[0].is_nan()))),
    ..LOGIC
};

pub(super) const FILL: Definition = Definition {
    name: "fill",
    inputs: &[Port::U],
    parameters: &[real("c", -1e12, 1e12, (0.0, 0.0))],
    output: Output::SAME,
    generated: false,
    summary: "The number, or a literal where it is missing.",
    formula: "x if x is not NaN, else c",
    missing: "NaN becomes c.",
    example: "fill(returns(close, 1), 0)",
    reference: Cell(|x, p| if x[0].is_nan() { p.real(0) } else { x[0] }),
    ..LOGIC
};

pub(super) const NAN_WHERE: Definition = Definition {
    name: "nan_where",
    inputs: &[Port::U, Port::Flag],
    output: Output::SAME,
    generated: false,
    summary: "The number, blanked where the flag is true.",
    formula: "NaN if f, else x",
    missing: "NaN in, NaN out; an unknown flag gives NaN.",
    example: "nan_where(returns(close, 1), volume == 0)",
    reference: Cell(|x, _| if x[1] == 0.0 { x[0] } else { f64::NAN }),
    ..LOGIC
};

pub(super) const NUM: Definition = Definition {
    name: "num",
    inputs: &[Port::Flag],
    output: Output::RATIO,
    summary: "The flag as a number.",
    formula: "1 if f, 0 if not f",
    missing: "Unknown gives NaN.",
    example: "ts_mean(num(close > open), 20)",
    reference: Cell(|x, _| x[0]),
    ..LOGIC
};

pub(super) const TO_NAN: Definition = Definition {
    name: "to_nan",
    inputs: &[Port::U],
    parameters: &[real("c", -1e12, 1e12, (0.0, 0.0))],
    output: Output::SAME,
    generated: false,
    summary: "The number, blanked where it equals a literal.",
    formula: "NaN if x = c, else x",
    missing: "NaN in, NaN out; c becomes NaN.",
    example: "to_nan(volume, 0)",
    reference: Cell(|x, p| if x[0] == p.real(0) { f64::NAN } else { x[0] }),
    ..LOGIC
};

pub(super) const LEFT_TAIL: Definition = Definition {
    name: "left_tail",
    inputs: &[Port::U],
    parameters: &[real("c", -1e12, 1e12, (0.0, 0.0))],
    output: Output::SAME,
    generated: false,
    summary: "The number, blanked above a literal.",
    formula: "x if x <= c, else NaN",
    missing: "NaN in, NaN out; above c NaN.",
    example: "left_tail(cs_zscore(volume), 0)",
    reference: Cell(|x, p| if x[0] <= p.real(0) { x[0] } else { f64::NAN }),
    ..LOGIC
};

pub(super) const RIGHT_TAIL: Definition = Definition {
    name: "right_tail",
    inputs: &[Port::U],
    parameters: &[real("c", -1e12, 1e12, (0.0, 0.0))],
    output: Output::SAME,
    generated: false,
    summary: "The number, blanked below a literal.",
    formula: "x if x >= c, else NaN",
    missing: "NaN in, NaN out; below c NaN.",
    example: "right_tail(cs_zscore(volume), 0)",
    reference: Cell(|x, p| if x[0] >= p.real(0) { x[0] } else { f64::NAN }),
    ..LOGIC
};

pub(super) const TAIL: Definition = Definition {
    name: "tail",
    inputs: &[Port::U],
    parameters: &[
        real("low", -1e12, 1e12, (-1.0, 0.0)),
        real("high", -1e12, 1e12, (0.0, 1.0)),
        real("c", -1e12, 1e12, (0.0, 0.0)),
    ],
    output: Output::SAME,
    generated: false,
    summary: "The number, replaced by a literal between two others.",
    formula: "c if low <= x <= high, else x",
    missing: "NaN in, NaN out.",
    example: "tail(cs_zscore(volume), -1, 1, 0)",
    reference: Cell(|x, p| if x[0] >= p.real(0) && x[0] <= p.real(1) { p.real(2) } else { x[0] }),
    ..LOGIC
};
