//! Expressions of microsoft/qlib: one symbol's past, windows that count from their first value on.

use super::alpha101::{LITERAL_EXPONENT, POWER};
use super::rule::{Row, absent, differs, reads, refused, same};
use super::table::Source;
use crate::registry::Operator;
use crate::text::grammar::{Grammar, Infix, Prefix};

pub(super) const REMARKS: &[&str] = &[
    "Windows count from their first value on and over gaps, which is our min_periods=1; deviations have ddof 1.",
    "A comparison with a missing value is false there and unknown here: conditions are read and printed with a guard.",
    "Infinities (x/0, the logarithm of 0) count as missing here, and data are 32 bits wide there.",
    "Its windows are those of pandas, whose running sums may differ from ours in the last digits.",
    "There are no operators across symbols or groups: qlib leaves them to its processors.",
];

pub(super) fn source() -> Source {
    Source {
        grammar: grammar(),
        rows: vec![REFUSED, EXPANDING_WINDOWS, ROWS, comparisons::ROWS, FORMS],
        needs_series: true,
        floors_windows: false,
    }
}

/// The operators of Python, as qlib evaluates them.
pub(super) fn python_infix() -> Vec<Infix> {
    let infix = |symbol, operator, precedence| Infix { symbol, operator, precedence, from_right: false };
    vec![
        infix("==", Operator::Equal, 3),
        infix("!=", Operator::NotEqual, 3),
        infix("<=", Operator::LessEqual, 3),
        infix(">=", Operator::GreaterEqual, 3),
        infix("<", Operator::Less, 3),
        infix(">", Operator::Greater, 3),
        infix("|", Operator::Or, 4),
        infix("&", Operator::And, 5),
        infix("+", Operator::Add, 6),
        infix("-", Operator::Sub, 6),
        infix("*", Operator::Mul, 7),
        infix("/", Operator::Div, 7),
        Infix { symbol: "**", operator: Operator::Pow, precedence: 9, from_right: true },
    ]
}

fn grammar() -> Grammar {
    Grammar {
        infix: python_infix(),
        prefix: vec![Prefix { symbol: "-", operator: Operator::Neg, precedence: 8 }],
        dollar: true,
        python: true,
        ..Grammar::plain()
    }
}

const AHEAD: &str = "a negative lag reads values that are not known yet";
const FIRST: &str =
    "Ref(x, 0) is the first value of the loaded sample, whatever its date: that depends on what was loaded";
const FIRST_CHANGE: &str =
    "Delta(x, 0) is the change since the first row of the loaded sample: that depends on what was loaded";
const EXPANDING: &str = "a window of 0 is all rows of the loaded sample so far: that depends on what was loaded";
const OTHER_SYMBOL: &str = "reads one named symbol in place of each: a panel has no such column; import it as one";
const PERIODS: &str = "turns point-in-time periods into days: import the column by the dates on which it was known";
const FLAT: &str = "a deviation below 2e-5 makes it missing there, whatever the level; ours compares it with the mean";
const TIES: &str = "of equal values it takes the oldest, ours the most recent";

/// Refuses a window of 0 rows.
macro_rules! expanding {
    ($($theirs:literal),* $(,)?) => { &[$(refused($theirs, EXPANDING).when("d == 0")),*] };
}

#[rustfmt::skip]
const REFUSED: &[Row] = &[
    refused("Ref(x, d)", AHEAD).when("d < 0"),
    refused("Ref(x, d)", FIRST).when("d == 0"),
    refused("Delta(x, d)", AHEAD).when("d < 0"),
    refused("Delta(x, d)", FIRST_CHANGE).when("d == 0"),
    refused("Mask(x, y)", OTHER_SYMBOL),
    refused("ChangeInstrument(y, x)", OTHER_SYMBOL),
    refused("TResample(x, y, z)", "resamples to another frequency, whose last period is not over yet"),
    refused("P(x)", PERIODS),
    refused("PRef(x, y)", PERIODS),
    refused("EMA(x, c)", "a number below 1 is the weight alpha itself: no span of ours is exactly that").when("c > 0 and c < 1"),
];

#[rustfmt::skip]
const EXPANDING_WINDOWS: &[Row] = expanding![
    "Mean(x, d)", "Sum(x, d)", "Std(x, d)", "Var(x, d)", "Skew(x, d)", "Kurt(x, d)", "Max(x, d)", "Min(x, d)",
    "Med(x, d)", "Mad(x, d)", "Rank(x, d)", "Count(x, d)", "Slope(x, d)", "Rsquare(x, d)", "Resi(x, d)", "WMA(x, d)",
    "EMA(x, d)", "IdxMax(x, d)", "IdxMin(x, d)",
];

#[rustfmt::skip]
const ROWS: &[Row] = &[
    // Arithmetic.
    same("x + y", "x + y"),
    same("x - y", "x - y"),
    same("x * y", "x * y"),
    same("x / y", "x / y"),
    same("Mul(x, -1)", "-x").note("an expression of qlib has no minus sign before it"),
    same("Div(1, x)", "inverse(x)"),
    same("Mul(x, x)", "square(x)"),
    same("x ** 0.5", "sqrt(x)"),
    same("Power(x, c)", "x^c").when("c != 0").note("whatever to the power of 0 is 1 there, missing values too"),
    reads("x ** c", "x^c").when("c != 0"),
    refused("Power(x, c)", "whatever to the power of 0 is 1 there, missing values too").when("c == 0"),
    refused("x ** c", "whatever to the power of 0 is 1 there, missing values too").when("c == 0"),
    differs("Power(x, y)", POWER, LITERAL_EXPONENT),
    same("Abs(x)", "abs(x)"),
    same("Sign(x)", "sign(x)"),
    same("Log(x)", "log(x)").note("the logarithm of 0 is an infinity there, missing here"),
    same("Greater(x, y)", "max(x, y)").note("Max is the window's"),
    same("Less(x, y)", "min(x, y)").note("Min is the window's"),
    same("If(x > b, b, If(x < a, a, x))", "clip(x, a, b)").when("a <= b"),
    same("If(x == x, x, c)", "fill(x, c)"),
    same("x + 0 * Log(1 - t)", "nan_where(x, t)").note("the logarithm of 0 blanks a value"),
    // One symbol's past.
    same("Ref(x, d)", "ts_delay(x, d)").when("d > 0"),
    same("Delta(x, d)", "ts_delta(x, d)"),
    same("x / Ref(x, d) - 1 + 0 * Log(Ref(x, d))", "returns(x, d)").note("a base that is not positive gives a missing value here, a number there"),
    same("Log(x / Ref(x, d)) + 0 * Log(x)", "log_returns(x, d)"),
    same("Sum(t, d)", "ts_count(t, d)").partial(),
    same("Sum(x, d)", "ts_sum(x, d)").partial(),
    same("Mean(x, d)", "ts_mean(x, d)").partial(),
    same("Std(x, d)", "ts_std(x, d)").partial(),
    same("Std(x, d) * sqrt((d - 1) / d)", "ts_std(x, d, ddof=0)").when_full(),
    same("Var(x, d)", "ts_var(x, d)").partial(),
    same("Var(x, d) * ((d - 1) / d)", "ts_var(x, d, ddof=0)").when_full(),
    same("Skew(x, d)", "ts_skew(x, d)").partial(),
    same("Kurt(x, d)", "ts_kurt(x, d)").partial(),
    same("Max(x, d)", "ts_max(x, d)").partial(),
    same("Min(x, d)", "ts_min(x, d)").partial(),
    same("Med(x, d)", "ts_median(x, d)").partial(),
    same("Mad(x, d)", "ts_mad(x, d)").partial(),
    same("Quantile(x, d, c)", "ts_percentile(x, d, c)").partial(),
    same("Rank(x, d)", "ts_rank(x, d, scale=pct)").partial(),
    same("Rank(x, d) * d", "ts_rank(x, d, scale=raw)").when_full(),
    same("(Rank(x, d) * d - 1) / (d - 1)", "ts_rank(x, d)").when("d > 1").when_full(),
    same("2 * ((Rank(x, d) * d - 1) / (d - 1)) - 1", "ts_rank(x, d, scale=signed)").when("d > 1").when_full(),
    same("Sub(d, Count(x, d))", "ts_count_nans(x, d)").when_full(),
    reads("Count(x, d)", "d - ts_count_nans(x, d)").when_full(),
    differs("d - IdxMax(x, d)", "ts_argmax(x, d)", TIES),
    differs("d - IdxMin(x, d)", "ts_argmin(x, d)", TIES),
    differs("IdxMax(x, d)", "d - ts_argmax(x, d)", "it counts from the oldest, from 1, and of equal values takes the oldest"),
    differs("IdxMin(x, d)", "d - ts_argmin(x, d)", "it counts from the oldest, from 1, and of equal values takes the oldest"),
    same("WMA(x, d) * d", "ts_decay_linear(x, d)").when_full().note("its weighted mean is divided by d once more (issue 1993)"),
    reads("WMA(x, d)", "ts_decay_linear(x, d) / d").when_full().note("its weighted mean is divided by d once more (issue 1993)"),
    same("EMA(x, d)", "ts_ema(x, d, seed=adjusted)").when_full().note("weights adjusted, from the first value on; a gap makes older values weigh less there"),
    same("Slope(x, d)", "ts_slope(x, d)").partial(),
    same("Resi(x, d)", "ts_trend_resid(x, d)").partial(),
    differs("Rsquare(x, d)", "ts_rsquare(x, d)", FLAT).partial(),
    differs("Corr(x, y, d)", "ts_corr(x, y, d)", FLAT).partial(),
    same("Cov(x, y, d)", "ts_cov(x, y, d)").partial(),
    // Made of several.
    same("Div(Sub(x, Mean(x, d)), Std(x, d))", "ts_zscore(x, d)").partial(),
    same("Div(Mean(x, d), Std(x, d))", "ts_ir(x, d)").partial(),
    same("Div(Sum(Mul(x, y), d), Sum(y, d))", "ts_wmean(x, y, d)").when_full(),
    same("Div(Sub(x, Min(x, d)), Sub(Max(x, d), Min(x, d)))", "ts_scale(x, d)").partial(),
    same("Div(Cov(x, y, d), Var(y, d))", "ts_beta(x, y, d)").when_full(),
    same("Sub(Mean(x, d), Mul(Div(Cov(x, y, d), Var(y, d)), Mean(y, d)))", "ts_alpha(x, y, d)").when_full(),
    same("Sub(Sub(x, Mean(x, d)), Mul(Div(Cov(x, y, d), Var(y, d)), Sub(y, Mean(y, d))))", "ts_resid(x, y, d)").when_full(),
    // Flags: 1, 0, or missing for unknown.
    same("If(f, 1, 0)", "f").coded(),
    same("If((t == 0) | (u == 0), 0, t * u)", "t and u").coded(),
    same("If((t == 1) | (u == 1), 1, t + u)", "t or u").coded(),
    same("If(t == u, 0, 1) + 0 * t + 0 * u", "xor(t, u)").coded(),
    same("1 - t", "not t").coded(),
    same("f & h", "f and h"),
    same("f | h", "f or h"),
    same("Not(f)", "not f"),
    same("x != x", "is_nan(x)"),
    same("t + 0", "num(t)"),
    same("If(f, x, y)", "if_else(f, x, y)").note("a comparison with a missing value takes the second branch there"),
    same("If(t == 1, x, y) + 0 * t", "if_else(t, x, y)"),
    absent("cs_* group_*", "there are no operators across symbols in qlib: its processors work on rows"),
    absent("trade_when hump hump_decay ts_delta_limit rows_since rows_since_change ts_cumsum", "qlib has no operator that carries state from row to row"),
    absent("ts_ema ts_rma ts_sma_cn ts_kama", "the one recursive average of qlib is EMA, with adjusted weights: ts_ema(x, d, seed=adjusted)"),
    absent("exp tanh sigmoid log1p s_log_1p cbrt arcsin arctan frac round floor ceil signed_pow", "of functions of one number qlib has Abs, Sign, Log and Power"),
    absent("*", "no exact form in qlib is known"),
];

/// Other spellings.
#[rustfmt::skip]
const FORMS: &[Row] = &[
    reads("Add(x, y)", "x + y"),
    reads("Sub(x, y)", "x - y"),
    reads("Mul(x, y)", "x * y"),
    reads("Div(x, y)", "x / y"),
    reads("-x", "-x"),
    reads("f * x", "num(f) * x"),
    reads("x * f", "x * num(f)"),
    reads("Sum(f, d)", "ts_count(f, d)").partial(),
    reads("Mean(f, d)", "ts_mean(num(f), d)").partial(),
    reads("And(f, h)", "f and h"),
    reads("Or(f, h)", "f or h"),
];

/// Comparisons: false where a side is missing, so that ours need a guard; and ours, unknown there, as numbers.
mod comparisons {
    use super::{Row, reads, same};

    macro_rules! rows {
        ($($word:literal $symbol:literal),*) => { &[$(
            same(concat!("x ", $symbol, " c"), concat!("x ", $symbol, " c and not is_nan(x)")),
            same(concat!("c ", $symbol, " x"), concat!("c ", $symbol, " x and not is_nan(x)")),
            same(concat!("x ", $symbol, " y"), concat!("x ", $symbol, " y and not (is_nan(x) or is_nan(y))")),
            reads(concat!($word, "(x, c)"), concat!("x ", $symbol, " c and not is_nan(x)")),
            reads(concat!($word, "(c, x)"), concat!("c ", $symbol, " x and not is_nan(x)")),
            reads(concat!($word, "(x, y)"), concat!("x ", $symbol, " y and not (is_nan(x) or is_nan(y))")),
            same(concat!("If(x ", $symbol, " c, z, w) + 0 * x"), concat!("if_else(x ", $symbol, " c, z, w)")),
            same(concat!("If(c ", $symbol, " x, z, w) + 0 * x"), concat!("if_else(c ", $symbol, " x, z, w)")),
            same(concat!("If(x ", $symbol, " y, z, w) + 0 * x + 0 * y"), concat!("if_else(x ", $symbol, " y, z, w)")),
            same(concat!("If(x ", $symbol, " c, 1, 0) + 0 * x"), concat!("x ", $symbol, " c")).coded(),
            same(concat!("If(c ", $symbol, " x, 1, 0) + 0 * x"), concat!("c ", $symbol, " x")).coded(),
            same(concat!("If(x ", $symbol, " y, 1, 0) + 0 * x + 0 * y"), concat!("x ", $symbol, " y")).coded(),
        )*
            same("x != c", "x != c or is_nan(x)"),
            same("x != y", "x != y or (is_nan(x) or is_nan(y))"),
            reads("Ne(x, c)", "x != c or is_nan(x)"),
            reads("Ne(x, y)", "x != y or (is_nan(x) or is_nan(y))"),
            same("If(x != c, 1, 0) + 0 * x", "x != c").coded(),
            same("If(x != y, 1, 0) + 0 * x + 0 * y", "x != y").coded(),
        ] };
    }

    pub(super) const ROWS: &[Row] = rows!("Gt" ">", "Ge" ">=", "Lt" "<", "Le" "<=", "Eq" "==");
}
