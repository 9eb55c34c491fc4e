//! Method chains of pandas on frames, a row a date and a column a symbol, with functions of numpy.

use super::qlib::python_infix;
use super::rule::{Row, absent, differs, reads, refused, same, with_min_periods};
use super::table::Source;
use crate::registry::Operator;
use crate::text::grammar::{Grammar, Point, Prefix, Statements};

pub(super) const REMARKS: &[&str] = &[
    "Columns are frames of that name: a row a date, a column a symbol. All symbols of a row are its universe.",
    "A comparison with a missing value is false there and unknown here: conditions are read and printed with a guard.",
    "Infinities count as missing here: `finite` in printed programs sees to that, and in what is read it is taken for \
     granted.",
    "Windows must be full, as in pandas, unless min_periods is given. Running sums of pandas may differ in the last digits.",
];

pub(super) fn source() -> Source {
    Source {
        grammar: grammar(),
        rows: vec![REFUSED, WHOLE_COLUMNS, ROWS, any_windows(), PARTIAL_WINDOWS, comparisons::ROWS, FORMS],
        needs_series: true,
        floors_windows: false,
    }
}

/// The rows whose windows need not be full, once more for `min_periods=k`. Made once, for a table that stays.
fn any_windows() -> &'static [Row] {
    let known = |row: &Row| Row {
        theirs: row
            .theirs
            .replace("rolling(d)", "rolling(d, min_periods=k)")
            .replace("(window=d)", "(window=d, min_periods=k)")
            .leak(),
        ours: with_min_periods(row.ours, "k").leak(),
        when: "k > 0",
        ..*row
    };
    ROWS.iter().chain(FORMS).filter(|row| row.any_window).map(known).collect::<Vec<_>>().leak()
}

fn grammar() -> Grammar {
    Grammar {
        infix: python_infix(),
        prefix: vec![
            Prefix { symbol: "-", operator: Operator::Neg, precedence: 8 },
            Prefix { symbol: "~", operator: Operator::Not, precedence: 8 },
        ],
        point: Point::Methods,
        python: true,
        statements: Statements::Lines,
        ..Grammar::plain()
    }
}

const FINITE: &str = "lambda x: x.where(np.isfinite(x))";

/// Whether a statement is one that printed programs start with.
pub(super) fn is_prelude(name: &str, definition: &str) -> bool {
    name == "finite" && definition == FINITE
}

/// A program that leaves the frame `value`; the last line of `text` is what that is.
pub(super) fn program(text: &str) -> String {
    let (parts, value) = text.rsplit_once('\n').map_or(("", text), |(parts, value)| (parts, value));
    let mut lines: Vec<String> = Vec::new();
    let finite = text.contains("finite(");
    if finite || text.contains("np.") {
        lines.push("import numpy as np".to_owned());
    }
    if finite {
        lines.push(format!("finite = {FINITE}"));
    }
    lines.extend(parts.lines().map(str::to_owned));
    lines.push(format!("value = {value}"));
    lines.join("\n")
}

const AHEAD: &str = "a negative lag reads values that are not known yet";
const FILLS_BACK: &str = "fills from later rows, which are not known yet";
const CENTERED: &str = "a centred window reads rows that are not known yet";
const WHOLE: &str = "works on all rows, those that are not known yet too";
const FLAT: &str = "of a window of equal values pandas makes what rounding leaves of it, so it is blanked";
const NEARLY_FLAT: &str = "a variance below 1e-14 makes it missing there, whatever the level";
const EWM: &str = "shown from the first value on, and carried over gaps; ours is `x.ewm(span=d, adjust=False, ignore_na=True, min_periods=d).mean().where(x.notna())`";

/// Refuses what looks at all rows.
macro_rules! whole {
    ($($theirs:literal),* $(,)?) => { &[$(refused($theirs, WHOLE)),*] };
}

#[rustfmt::skip]
const REFUSED: &[Row] = &[
    refused("x.shift(d)", AHEAD).when("d < 0"),
    refused("x.diff(d)", AHEAD).when("d < 0"),
    refused("x.pct_change(d)", AHEAD).when("d < 0"),
    refused("x.pct_change(periods=d)", AHEAD).when("d < 0"),
    refused("x.shift(periods=d)", AHEAD).when("d < 0"),
    refused("x.bfill()", FILLS_BACK),
    refused("x.bfill(limit=d)", FILLS_BACK),
    refused("x.backfill()", FILLS_BACK),
    refused("x.fillna(method='bfill')", FILLS_BACK),
    refused("x.fillna(method='backfill')", FILLS_BACK),
    refused("x.interpolate()", FILLS_BACK),
    refused("x.rolling(d, center=True)", CENTERED),
    refused("x.rolling(window=d, center=True)", CENTERED),
    refused("x.rank()", "ranks each symbol's past and future together: write axis=1 for ranks of a row"),
    refused("x.rank(pct=True)", "ranks each symbol's past and future together: write axis=1 for ranks of a row"),
];

const WHOLE_COLUMNS: &[Row] =
    whole!["x.mean()", "x.std()", "x.sum()", "x.max()", "x.min()", "x.median()", "x.quantile(c)"];

#[rustfmt::skip]
const ROWS: &[Row] = &[
    // Arithmetic.
    same("x + y", "x + y"),
    same("x - y", "x - y"),
    same("x * y", "x * y"),
    same("finite(x / y)", "x / y"),
    reads("x / y", "x / y"),
    same("-x", "-x"),
    same("finite(x.rdiv(1))", "inverse(x)"),
    same("x.abs()", "abs(x)"),
    same("np.sign(x)", "sign(x)"),
    same("finite(np.log(x))", "log(x)"),
    same("finite(np.exp(x))", "exp(x)"),
    same("np.sqrt(x)", "sqrt(x)"),
    same("finite(np.square(x))", "square(x)"),
    same("finite(x ** c)", "x^c").when("c != 0").note("whatever to the power of 0 is 1 there, missing values too"),
    same("finite(np.sign(x) * x.abs() ** c)", "signed_pow(x, c)").when("c != 0"),
    same("np.tanh(x)", "tanh(x)"),
    same("1 / (1 + np.exp(-x))", "sigmoid(x)"),
    same("x.clip(a, b)", "clip(x, a, b)").when("a <= b"),
    same("finite(np.log1p(x))", "log1p(x)"),
    same("np.sign(x) * np.log1p(x.abs())", "s_log_1p(x)"),
    same("np.cbrt(x)", "cbrt(x)"),
    same("np.arcsin(x)", "arcsin(x)"),
    same("np.arctan(x)", "arctan(x)"),
    same("x - np.trunc(x)", "frac(x)"),
    same("x.round()", "round(x)"),
    same("np.floor(x)", "floor(x)"),
    same("np.ceil(x)", "ceil(x)"),
    same("np.minimum(x, y)", "min(x, y)").note("min over axis=1 of several frames skips missing values"),
    same("np.maximum(x, y)", "max(x, y)"),
    same("x.fillna(c)", "fill(x, c)"),
    same("x.where(t == 0)", "nan_where(x, t)"),
    same("x.where(x != c)", "to_nan(x, c)"),
    same("x.where(x <= c)", "left_tail(x, c)"),
    same("x.where(x >= c)", "right_tail(x, c)"),
    same("x.mask((x >= a) & (x <= b), c)", "tail(x, a, b, c)"),
    // One symbol's past.
    same("x.shift(d)", "ts_delay(x, d)"),
    same("x.diff(d)", "ts_delta(x, d)"),
    same("x.pct_change(d, fill_method=None).where(x.shift(d) > 0)", "returns(x, d)").note("a base that is not positive gives a number or an infinity there, a missing value here"),
    same("np.log((x / x.shift(d)).where((x > 0) & (x.shift(d) > 0)))", "log_returns(x, d)"),
    same("t.rolling(d).sum()", "ts_count(t, d)").any_window(),
    same("x.rolling(d).sum()", "ts_sum(x, d)").any_window(),
    same("x.rolling(d).mean()", "ts_mean(x, d)").any_window(),
    same("finite((x * y).rolling(d).sum().div(y.rolling(d).sum()))", "ts_wmean(x, y, d)"),
    same("x.rolling(d).apply(np.prod, raw=True)", "ts_product(x, d)"),
    same("x.rolling(d).std()", "ts_std(x, d)").any_window(),
    same("x.rolling(d).std(ddof=0)", "ts_std(x, d, ddof=0)").any_window(),
    same("x.rolling(d).var()", "ts_var(x, d)").any_window(),
    same("x.rolling(d).var(ddof=0)", "ts_var(x, d, ddof=0)").any_window(),
    same("(x - x.rolling(d).mean()).div(x.rolling(d).std()).where(x.rolling(d).max() > x.rolling(d).min())", "ts_zscore(x, d)").note(FLAT).any_window(),
    same("(x - x.rolling(d).mean()).div(x.rolling(d).std(ddof=0)).where(x.rolling(d).max() > x.rolling(d).min())", "ts_zscore(x, d, ddof=0)").note(FLAT),
    same("x.rolling(d).mean().div(x.rolling(d).std()).where(x.rolling(d).max() > x.rolling(d).min())", "ts_ir(x, d)").note(FLAT).any_window(),
    same("x.rolling(d).mean().div(x.rolling(d).std(ddof=0)).where(x.rolling(d).max() > x.rolling(d).min())", "ts_ir(x, d, ddof=0)").note(FLAT),
    same("x.rolling(d).min()", "ts_min(x, d)").any_window(),
    same("x.rolling(d).max()", "ts_max(x, d)").any_window(),
    same("x.rolling(d).apply(lambda w: w[::-1].argmin(), raw=True)", "ts_argmin(x, d)").note("rows ago, the most recent of equals"),
    same("x.rolling(d).apply(lambda w: w[::-1].argmax(), raw=True)", "ts_argmax(x, d)").note("rows ago, the most recent of equals"),
    same("x.rolling(d).rank(pct=True)", "ts_rank(x, d, scale=pct)").any_window(),
    same("x.rolling(d).rank()", "ts_rank(x, d, scale=raw)").any_window(),
    same("(x.rolling(d).rank() - 1) / (d - 1)", "ts_rank(x, d)").when("d > 1"),
    same("2 * ((x.rolling(d).rank() - 1) / (d - 1)) - 1", "ts_rank(x, d, scale=signed)").when("d > 1"),
    same("x.rolling(d).median()", "ts_median(x, d)").any_window(),
    same("x.rolling(d).quantile(c)", "ts_percentile(x, d, c)").any_window(),
    same("x.rolling(d).skew()", "ts_skew(x, d)").note(NEARLY_FLAT).any_window(),
    same("x.rolling(d).kurt()", "ts_kurt(x, d)").note(NEARLY_FLAT).any_window(),
    same("x.rolling(d).apply(lambda w: abs(w - w.mean()).mean(), raw=True)", "ts_mad(x, d)"),
    same("x.rolling(d).apply(lambda w: np.median(abs(w - np.median(w))), raw=True)", "ts_medad(x, d)"),
    same("x.rolling(d).apply(lambda w: ((w - w.mean()) ** 2).mean(), raw=True)", "ts_moment(x, d, 2)"),
    same("x.rolling(d).apply(lambda w: ((w - w.mean()) ** 3).mean(), raw=True)", "ts_moment(x, d, 3)"),
    same("x.rolling(d).apply(lambda w: ((w - w.mean()) ** 4).mean(), raw=True)", "ts_moment(x, d, 4)"),
    same("finite((x - x.rolling(d).min()).div(x.rolling(d).max() - x.rolling(d).min()))", "ts_scale(x, d)").any_window(),
    same("x.rolling(d).corr(y).where((x.rolling(d).max() > x.rolling(d).min()) & (y.rolling(d).max() > y.rolling(d).min()))", "ts_corr(x, y, d)").note(FLAT),
    same("x.rolling(d).cov(y)", "ts_cov(x, y, d)").any_window(),
    same("x.rolling(d).cov(y).div(y.rolling(d).var()).where(y.rolling(d).max() > y.rolling(d).min())", "ts_beta(x, y, d)").note(FLAT),
    same("(x.rolling(d).mean() - x.rolling(d).cov(y).div(y.rolling(d).var()) * y.rolling(d).mean()).where(y.rolling(d).max() > y.rolling(d).min())", "ts_alpha(x, y, d)").note(FLAT),
    same("(x - x.rolling(d).mean() - x.rolling(d).cov(y).div(y.rolling(d).var()) * (y - y.rolling(d).mean())).where(y.rolling(d).max() > y.rolling(d).min())", "ts_resid(x, y, d)").note(FLAT),
    same("np.square(x.rolling(d).corr(y)).where((x.rolling(d).max() > x.rolling(d).min()) & (y.rolling(d).max() > y.rolling(d).min()))", "ts_r2(x, y, d)").note(FLAT),
    same("x.rolling(d).apply(lambda w: np.average(w, weights=np.arange(1, len(w) + 1)), raw=True)", "ts_decay_linear(x, d)"),
    same("x.rolling(d).apply(lambda w: np.polyfit(np.arange(len(w)), w, 1)[0], raw=True)", "ts_slope(x, d)"),
    same("x.rolling(d).apply(lambda w: w[-1] - np.polyval(np.polyfit(np.arange(len(w)), w, 1), len(w) - 1), raw=True)", "ts_trend_resid(x, d)"),
    same("np.square(x.rolling(d).apply(lambda w: np.corrcoef(w, np.arange(len(w)))[0, 1], raw=True)).where(x.rolling(d).max() > x.rolling(d).min())", "ts_rsquare(x, d)").note(FLAT),
    same("x.ffill(limit=d - 1)", "ts_backfill(x, d)").when("d > 1"),
    same("x.isna().rolling(d).sum()", "ts_count_nans(x, d)"),
    same("x.cumsum()", "ts_cumsum(x)"),
    same("x.ewm(span=d, adjust=False, ignore_na=True, min_periods=d).mean().where(x.notna())", "ts_ema(x, d)"),
    same("x.ewm(span=d, adjust=True, ignore_na=True, min_periods=d).mean().where(x.notna())", "ts_ema(x, d, seed=adjusted)"),
    differs("x.ewm(span=d, adjust=False).mean()", "ts_ema(x, d)", EWM),
    differs("x.ewm(span=d).mean()", "ts_ema(x, d, seed=adjusted)", EWM),
    // One row.
    same("x.rank(axis=1, pct=True)", "cs_rank(x, scale=pct)"),
    same("x.rank(axis=1)", "cs_rank(x, scale=raw)"),
    same("x.rank(axis=1).sub(1).div(x.count(axis=1) - 1, axis=0).fillna(0.5).where(x.notna())", "cs_rank(x)"),
    same("finite(x.sub(x.mean(axis=1), axis=0).div(x.std(axis=1), axis=0))", "cs_zscore(x)"),
    same("finite(x.sub(x.mean(axis=1), axis=0).div(x.std(axis=1, ddof=0), axis=0))", "cs_zscore(x, ddof=0)"),
    same("finite(x.sub(x.mean(axis=1), axis=0).div(x.std(axis=1), axis=0)).clip(-c, c)", "cs_normalize(x, c)").when("c > 0"),
    same("x.sub(x.mean(axis=1), axis=0)", "cs_demean(x)"),
    same("x.div(x.abs().sum(axis=1), axis=0).fillna(0).where(x.notna())", "cs_scale(x)"),
    same("x.div(x.abs().sum(axis=1), axis=0).fillna(0).where(x.notna()) * c", "cs_scale(x, c)"),
    same("x.clip(x.mean(axis=1) - c * x.std(axis=1), x.mean(axis=1) + c * x.std(axis=1), axis=0)", "cs_winsorize(x, c)"),
    same("x.clip(x.mean(axis=1) - c * x.std(axis=1, ddof=0), x.mean(axis=1) + c * x.std(axis=1, ddof=0), axis=0)", "cs_winsorize(x, c, ddof=0)"),
    same("x.mul(0).add(x.mean(axis=1), axis=0)", "cs_mean(x)").note("one number a row, for every symbol with a value"),
    same("x.mul(0).add(x.sum(axis=1), axis=0)", "cs_sum(x)"),
    same("x.mul(0).add(x.std(axis=1), axis=0)", "cs_std(x)"),
    same("x.mul(0).add(x.std(axis=1, ddof=0), axis=0)", "cs_std(x, ddof=0)"),
    same("x.mul(0).add(x.median(axis=1), axis=0)", "cs_median(x)"),
    same("x.mul(0).add(x.min(axis=1), axis=0)", "cs_min(x)"),
    same("x.mul(0).add(x.max(axis=1), axis=0)", "cs_max(x)"),
    same("x.mul(0).add(x.count(axis=1), axis=0)", "cs_count(x)"),
    same("finite(x.sub(x.min(axis=1), axis=0).div(x.max(axis=1) - x.min(axis=1), axis=0))", "cs_minmax(x)"),
    same("finite(x.sub(x.min(axis=1), axis=0).div(x.max(axis=1) - x.min(axis=1), axis=0)).sub(c)", "cs_minmax(x, c)").when("c != 0"),
    same("x.clip(x.abs().sum(axis=1) * -c, x.abs().sum(axis=1) * c, axis=0)", "cs_truncate(x, c)"),
    same("x.clip(x.quantile(a, axis=1), x.quantile(b, axis=1), axis=0)", "cs_clip_quantile(x, a, b)").when("a <= b"),
    same("x.sub(x.min(axis=1).clip(upper=0), axis=0)", "cs_one_side(x)"),
    // Flags: 1, 0, or missing for unknown.
    same("f.astype(float)", "f").coded(),
    same("(t * u).mask((t == 0) | (u == 0), 0)", "t and u").coded(),
    same("(t + u).mask((t == 1) | (u == 1), 1)", "t or u").coded(),
    same("(t - u).abs()", "xor(t, u)").coded(),
    same("1 - t", "not t").coded(),
    same("f & h", "f and h"),
    same("f | h", "f or h"),
    same("~f", "not f"),
    same("x.isna()", "is_nan(x)"),
    reads("x.notna()", "not is_nan(x)"),
    same("t + 0", "num(t)"),
    same("t * a + (1 - t) * b", "if_else(t, a, b)"),
    same("y.mask(t == 1, c).where(t.notna())", "if_else(t, c, y)"),
    same("x.where(t == 1, c).where(t.notna())", "if_else(t, x, c)"),
    same("x.where(t == 1, y).where(t.notna())", "if_else(t, x, y)"),
    absent("group_*", "frames have no method for groups within a row; stack them and group by date and label"),
    absent("cs_reg_resid cs_reg_fit cs_vector_neut cs_vector_proj cs_resid", "frames have no regression of a row on another"),
    absent("cs_top_bottom cs_clip_mad cs_bucket cs_qcut cs_quantile", "frames have no method for this"),
    absent("ts_rma ts_sma_cn ts_kama", "no ewm of pandas starts this way: it takes a loop"),
    absent("trade_when hump hump_decay ts_delta_limit rows_since rows_since_change", "pandas carries no state from row to row: it takes a loop"),
    absent("*", "no exact form in methods of frames is known"),
];

/// Windows that need not be full, in other words than full ones.
#[rustfmt::skip]
const PARTIAL_WINDOWS: &[Row] = &[
    same("x.rolling(d, min_periods=k).apply(np.nanprod, raw=True)", "ts_product(x, d, min_periods=k)").when("k > 0"),
    same("x.rolling(d, min_periods=k).apply(lambda w: np.nanargmin(w[::-1]), raw=True)", "ts_argmin(x, d, min_periods=k)").when("k > 0"),
    same("x.rolling(d, min_periods=k).apply(lambda w: np.nanargmax(w[::-1]), raw=True)", "ts_argmax(x, d, min_periods=k)").when("k > 0"),
    same("x.rolling(d, min_periods=k).apply(lambda w: np.nanmean(abs(w - np.nanmean(w))), raw=True)", "ts_mad(x, d, min_periods=k)").when("k > 0"),
    same("x.rolling(d, min_periods=k).apply(lambda w: np.nanmedian(abs(w - np.nanmedian(w))), raw=True)", "ts_medad(x, d, min_periods=k)").when("k > 0"),
    same("x.rolling(d, min_periods=k).corr(y).where((x.where(y.notna()).rolling(d, min_periods=k).max() > x.where(y.notna()).rolling(d, min_periods=k).min()) & (y.where(x.notna()).rolling(d, min_periods=k).max() > y.where(x.notna()).rolling(d, min_periods=k).min()))", "ts_corr(x, y, d, min_periods=k)").when("k > 0").note(FLAT),
    refused("x.rolling(d, min_periods=k).sum()", "of a window without any value the sum is 0 there, missing here: write min_periods=1").when("k == 0"),
];

/// Other spellings.
#[rustfmt::skip]
const FORMS: &[Row] = &[
    reads("x.shift()", "ts_delay(x, 1)"),
    reads("x.shift(periods=d)", "ts_delay(x, d)"),
    reads("x.diff()", "ts_delta(x, 1)"),
    reads("x.pct_change()", "x / ts_delay(x, 1) - 1").note("as a quotient: `returns` is missing where the base is not positive"),
    reads("x.pct_change(d)", "x / ts_delay(x, d) - 1").note("as a quotient: `returns` is missing where the base is not positive"),
    reads("x.pct_change(periods=d)", "x / ts_delay(x, d) - 1"),
    reads("x.pct_change(d, fill_method=None)", "x / ts_delay(x, d) - 1"),
    reads("x.pct_change(fill_method=None)", "x / ts_delay(x, 1) - 1"),
    reads("finite(x)", "x"),
    reads("x.add(y)", "x + y"),
    reads("x.sub(y)", "x - y"),
    reads("x.mul(y)", "x * y"),
    reads("x.div(y)", "x / y"),
    reads("x.rdiv(y)", "y / x"),
    reads("x.pow(c)", "x^c").when("c != 0"),
    reads("x ** c", "x^c").when("c != 0"),
    refused("x ** c", "whatever to the power of 0 is 1 there, missing values too").when("c == 0"),
    reads("np.power(x, c)", "x^c").when("c != 0"),
    reads("np.abs(x)", "abs(x)"),
    reads("np.log(x)", "log(x)"),
    reads("np.log1p(x)", "log1p(x)"),
    reads("np.exp(x)", "exp(x)"),
    reads("np.square(x)", "square(x)"),
    reads("np.round(x)", "round(x)"),
    reads("np.clip(x, a, b)", "clip(x, a, b)").when("a <= b"),
    reads("x.clip(lower=a, upper=b)", "clip(x, a, b)").when("a <= b"),
    reads("x.clip(lower=c)", "max(x, c)"),
    reads("x.clip(upper=c)", "min(x, c)"),
    reads("np.isnan(x)", "is_nan(x)"),
    reads("x.isnull()", "is_nan(x)"),
    reads("x.notnull()", "not is_nan(x)"),
    reads("np.where(f, x, y)", "if_else(f, x, y)"),
    reads("x.where(f, y)", "if_else(f, x, y)"),
    reads("x.mask(f, y)", "if_else(f, y, x)"),
    reads("x.where(f)", "nan_where(x, not f)"),
    reads("x.mask(f)", "nan_where(x, f)"),
    reads("f.astype(int)", "num(f)"),
    reads("f * x", "num(f) * x"),
    reads("x * f", "x * num(f)"),
    reads("f.rolling(d).mean()", "ts_mean(num(f), d)").any_window(),
    reads("f.rolling(d).sum()", "ts_count(f, d)").any_window(),
    reads("x.rolling(window=d).mean()", "ts_mean(x, d)").any_window(),
    reads("x.rolling(window=d).sum()", "ts_sum(x, d)").any_window(),
    reads("x.rolling(window=d).std()", "ts_std(x, d)").any_window(),
    reads("x.rolling(d).std(ddof=1)", "ts_std(x, d)"),
    reads("x.rolling(d).corr(y)", "ts_corr(x, y, d)").any_window(),
];

/// Comparisons: false where a side is missing, so that ours need a guard; and ours, unknown there, as numbers.
mod comparisons {
    use super::{Row, reads, same};

    macro_rules! rows {
        ($($word:literal $symbol:literal),*) => { &[$(
            same(concat!("x ", $symbol, " c"), concat!("x ", $symbol, " c and not is_nan(x)")),
            same(concat!("c ", $symbol, " x"), concat!("c ", $symbol, " x and not is_nan(x)")),
            same(concat!("x ", $symbol, " y"), concat!("x ", $symbol, " y and not (is_nan(x) or is_nan(y))")),
            reads(concat!("x.", $word, "(c)"), concat!("x ", $symbol, " c and not is_nan(x)")),
            reads(concat!("x.", $word, "(y)"), concat!("x ", $symbol, " y and not (is_nan(x) or is_nan(y))")),
            same(concat!("(x ", $symbol, " c).astype(float).where(x.notna())"), concat!("x ", $symbol, " c")).coded(),
            same(concat!("(c ", $symbol, " x).astype(float).where(x.notna())"), concat!("c ", $symbol, " x")).coded(),
            same(concat!("(x ", $symbol, " y).astype(float).where(x.notna() & y.notna())"), concat!("x ", $symbol, " y")).coded(),
        )*
            same("x != c", "x != c or is_nan(x)"),
            same("x != y", "x != y or (is_nan(x) or is_nan(y))"),
            same("(x != c).astype(float).where(x.notna())", "x != c").coded(),
            same("(x != y).astype(float).where(x.notna() & y.notna())", "x != y").coded(),
        ] };
    }

    pub(super) const ROWS: &[Row] = rows!("gt" ">", "ge" ">=", "lt" "<", "le" "<=", "eq" "==");
}
