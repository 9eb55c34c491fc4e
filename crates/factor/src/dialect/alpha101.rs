//! The paper "101 Formulaic Alphas" (arXiv 1601.00991), appendix A. Where it is silent, our meaning is taken.

use super::rule::{Row, absent, differs, reads, refused, same};
use super::table::Source;
use crate::registry::Operator;
use crate::text::grammar::{Grammar, Infix, Point, Prefix, Statements};

pub(super) const REMARKS: &[&str] = &[
    "Names are the same in capitals. A window that is no whole number is rounded down, as the paper says.",
    "The paper is silent on the scale of ranks, the divisor of deviations, ties, gaps and what a comparison with a \
     missing value gives: there, our meaning is taken (ranks from 0 to 1, ddof 1, full windows, unknown).",
    "A comparison used as a number is 1 or 0.",
];

pub(super) fn source() -> Source {
    Source { grammar: grammar(), rows: vec![ROWS], needs_series: false, floors_windows: true }
}

/// The operators that alpha101 and brain share, as C writes them.
pub(super) fn infix() -> Vec<Infix> {
    let infix = |symbol, operator, precedence| Infix { symbol, operator, precedence, from_right: false };
    vec![
        infix("||", Operator::Or, 2),
        infix("&&", Operator::And, 3),
        infix("==", Operator::Equal, 4),
        infix("!=", Operator::NotEqual, 4),
        infix("<=", Operator::LessEqual, 5),
        infix(">=", Operator::GreaterEqual, 5),
        infix("<", Operator::Less, 5),
        infix(">", Operator::Greater, 5),
        infix("+", Operator::Add, 6),
        infix("-", Operator::Sub, 6),
        infix("*", Operator::Mul, 7),
        infix("/", Operator::Div, 7),
        infix("^", Operator::Pow, 9),
    ]
}

fn grammar() -> Grammar {
    Grammar {
        infix: infix(),
        prefix: vec![Prefix { symbol: "-", operator: Operator::Neg, precedence: 8 }],
        conditional: true,
        point: Point::InNames,
        numbered: &["adv"],
        statements: Statements::One,
        case_blind: true,
        ..Grammar::plain()
    }
}

/// A power whose exponent is a series, for bases that are not negative.
pub(super) const POWER: &str = "if_else(x > 0, exp(y * log(x)), nan_where(num(y == 0), x < 0 or y < 0))";
pub(super) const LITERAL_EXPONENT: &str =
    "our powers have a literal exponent, and without one there is no value for a negative base";
const AHEAD: &str = "a negative number of days reads values that are not known yet";

#[rustfmt::skip]
const ROWS: &[Row] = &[
    // Columns.
    same("returns", "returns(close, 1)").note("daily close-to-close returns"),
    same("adv(d)", "ts_mean(close * volume, d)").note("written adv20: the paper's average is of dollar volume; many programs take shares"),
    same("IndClass.sector", "sector"),
    same("IndClass.industry", "industry"),
    same("IndClass.subindustry", "subindustry"),
    // Arithmetic and logic.
    same("x + y", "x + y"),
    same("x - y", "x - y"),
    same("x * y", "x * y"),
    same("x / y", "x / y"),
    same("-x", "-x"),
    same("x ^ c", "x^c"),
    reads("SignedPower(x, c)", "x^c").note("the paper defines it as x^c, whatever its name says; signed_pow keeps the sign"),
    differs("x ^ y", POWER, LITERAL_EXPONENT),
    differs("SignedPower(x, y)", POWER, LITERAL_EXPONENT),
    same("abs(x)", "abs(x)"),
    same("sign(x)", "sign(x)"),
    same("log(x)", "log(x)").note("natural"),
    same("x < y", "x < y"),
    same("x > y", "x > y"),
    same("x <= y", "x <= y"),
    same("x >= y", "x >= y"),
    same("x == y", "x == y"),
    same("x != y", "x != y"),
    same("f || h", "f or h"),
    same("f && h", "f and h"),
    same("f ? x : y", "if_else(f, x, y)"),
    same("f * 1", "num(f)"),
    // One symbol's past.
    refused("delay(x, d)", AHEAD).when("d < 0"),
    refused("delta(x, d)", AHEAD).when("d < 0"),
    same("delay(x, d)", "ts_delay(x, d)"),
    same("delta(x, d)", "ts_delta(x, d)"),
    same("sum(x, d)", "ts_sum(x, d)"),
    same("sum(x, d) / d", "ts_mean(x, d)").note("the paper has no mean"),
    same("product(x, d)", "ts_product(x, d)"),
    same("stddev(x, d)", "ts_std(x, d)"),
    same("correlation(x, y, d)", "ts_corr(x, y, d)").note("where either side is flat our result is missing; many programs write 0"),
    same("covariance(x, y, d)", "ts_cov(x, y, d)"),
    same("decay_linear(x, d)", "ts_decay_linear(x, d)").note("newest heaviest; some programs turn the weights round"),
    same("Ts_Min(x, d)", "ts_min(x, d)"),
    same("Ts_Max(x, d)", "ts_max(x, d)"),
    reads("min(x, d)", "ts_min(x, d)").note("a literal is a number of days"),
    reads("max(x, d)", "ts_max(x, d)").note("a literal is a number of days"),
    same("x < c ? x : c", "min(x, c)").note("`min` and `max` with a literal would be windows"),
    same("x > c ? x : c", "max(x, c)"),
    same("min(x, y)", "min(x, y)"),
    same("max(x, y)", "max(x, y)"),
    same("Ts_ArgMin(x, d)", "ts_argmin(x, d)").note("rows ago, today 0; some programs count from the oldest, or from 1"),
    same("Ts_ArgMax(x, d)", "ts_argmax(x, d)"),
    same("Ts_Rank(x, d)", "ts_rank(x, d)").note("0 to 1; some programs give r/d"),
    // One row.
    same("rank(x)", "cs_rank(x)").note("0 to 1; some programs give r/n"),
    same("scale(x)", "cs_scale(x)"),
    same("scale(x, c)", "cs_scale(x, c)"),
    same("IndNeutralize(x, g)", "group_neutralize(x, g)"),
    absent("sqrt square inverse", "the paper writes powers and quotients: x^0.5, x*x, 1/x"),
    absent("returns log_returns", "the paper has the daily returns of close alone; x / delay(x, d) - 1 has values where the base is not positive"),
    absent("signed_pow", "SignedPower of the paper is the plain power, despite its name"),
    absent("not xor", "the paper has no negation"),
    absent("*", "the paper defines no such function"),
];
