//! One symbol's past. Every window includes the current row and must be full of values, unless `min_periods` is given.

use super::{BASE, DDOF, PARTIAL, SCALE_OF_RANK, window};
use crate::elementary;
use crate::operator::{Definition, Family, Lookback, Output, Parameters, Port, Reference::Series};
use crate::reference::{
    Known, Line, average_rank, centered, covariance, known, least, line, mean, median, most, scaled_rank, variance,
};

const WINDOW_RULE: &str = "NaN unless the window holds d values.";
pub(super) const TODAY_RULE: &str = "NaN unless the window holds d values, today's among them.";
pub(super) const FLAT_RULE: &str = "NaN unless the window holds d values; a flat window gives NaN.";

pub(super) const TIME_SERIES: Definition =
    Definition { family: Family::TimeSeries, lookback: Lookback::Window(0), missing: WINDOW_RULE, ..BASE };
pub(super) const PAIR: Definition = Definition { inputs: &[Port::U, Port::V], cost: 35, ..TIME_SERIES };

/// The rows of the window that ends now, if enough of them are known. The last parameter is `min_periods`.
pub(super) fn rows_of<const SERIES: usize>(x: &[&[f64]], p: &Parameters) -> Option<Known<SERIES>> {
    known(x, p.rows(0), p.last_rows())
}

/// The same for what is said of today's value, which must then be known.
pub(super) fn rows_to_today<const SERIES: usize>(x: &[&[f64]], p: &Parameters) -> Option<Known<SERIES>> {
    rows_of(x, p).filter(|known| known.holds_now)
}

/// Applies `f` to the window's values, NaN where too few are known.
pub(super) fn over(x: &[&[f64]], p: &Parameters, f: impl Fn(&[f64]) -> f64) -> f64 {
    rows_of::<1>(x, p).map_or(f64::NAN, |known| f(&known.values[0]))
}

/// The same for what is said of the last of them, which must be today's.
pub(super) fn over_to_today(x: &[&[f64]], p: &Parameters, f: impl Fn(&[f64]) -> f64) -> f64 {
    rows_to_today::<1>(x, p).map_or(f64::NAN, |known| f(&known.values[0]))
}

/// Rows since the last time that the window's values were what `pick` picks of them.
fn rows_since(x: &[&[f64]], p: &Parameters, pick: impl Fn(&[f64]) -> f64) -> f64 {
    let Some(Known { values: [w], places, .. }) = rows_of(x, p) else { return f64::NAN };
    let picked = pick(&w);
    let at = w.iter().zip(&places).rev().find(|(value, _)| **value == picked);
    at.map_or(f64::NAN, |(_, place)| (p.rows(0) - 1) as f64 - place)
}

/// Applies `f` to the least-squares line of the window on the numbers of its rows, and to both.
fn trend(known: Option<Known<1>>, f: impl Fn(Line, &[f64], &[f64]) -> f64) -> f64 {
    known.map_or(f64::NAN, |Known { values: [w], places, .. }| f(line(&w, &places), &w, &places))
}

/// Applies `f` to the least-squares line of the first window on the second, and to both.
pub(super) fn regression(known: Option<Known<2>>, f: impl Fn(Line, &[f64], &[f64]) -> f64) -> f64 {
    known.map_or(f64::NAN, |Known { values: [y, x], .. }| f(line(&y, &x), &y, &x))
}

/// Share of the variance of y that its line on x explains; a flat side gives NaN.
fn explained(y: &[f64], x: &[f64]) -> f64 {
    let spread = variance(x, 1.0) * variance(y, 1.0);
    if spread == 0.0 {
        return f64::NAN;
    }
    let share = covariance(x, y).powi(2) / spread;
    // Not `min`, which would make 1 of NaN.
    if share > 1.0 { 1.0 } else { share }
}

/// Today's part of the first window that lies along the second; 0 where all of that is.
fn along(x: &[&[f64]], p: &Parameters) -> f64 {
    rows_to_today(x, p).map_or(f64::NAN, |Known { values: [x, y], .. }| {
        let product: f64 = x.iter().zip(&y).map(|(x, y)| x * y).sum();
        let length: f64 = y.iter().map(|y| y * y).sum();
        if length == 0.0 { 0.0 } else { last(&y) * (product / length) }
    })
}

/// The value `d` rows ago.
fn ago(x: &[f64], d: usize) -> f64 {
    if d < x.len() { x[x.len() - 1 - d] } else { f64::NAN }
}

pub(super) fn last(x: &[f64]) -> f64 {
    x[x.len() - 1]
}

pub(super) const DELAY: Definition = Definition {
    name: "ts_delay",
    aliases: &["delay", "lag"],
    parameters: &[window(0)],
    lookback: Lookback::Lag(0),
    cost: 2,
    summary: "The value d rows ago. A negative lag cannot be written.",
    formula: "x[t-d]",
    missing: "NaN before row d and where that value is missing.",
    example: "ts_delay(close, 1)",
    reference: Series(|x, p| ago(x[0], p.rows(0))),
    ..TIME_SERIES
};

pub(super) const DELTA: Definition = Definition {
    name: "ts_delta",
    aliases: &["delta"],
    parameters: &[window(1)],
    lookback: Lookback::Lag(0),
    summary: "Change over d rows.",
    formula: "x[t] - x[t-d]",
    missing: "NaN where either value is missing.",
    example: "ts_delta(close, 5)",
    reference: Series(|x, p| last(x[0]) - ago(x[0], p.rows(0))),
    ..TIME_SERIES
};

pub(super) const RETURNS: Definition = Definition {
    name: "returns",
    aliases: &["ts_returns"],
    parameters: &[window(1)],
    lookback: Lookback::Lag(0),
    output: Output::RATIO,
    cost: 6,
    summary: "Relative change over d rows, not annualised.",
    formula: "x[t] / x[t-d] - 1",
    missing: "NaN where either value is missing or the base is not positive.",
    example: "returns(close, 1)",
    reference: Series(|x, p| {
        let base = ago(x[0], p.rows(0));
        if base > 0.0 { last(x[0]) / base - 1.0 } else { f64::NAN }
    }),
    ..TIME_SERIES
};

pub(super) const LOG_RETURNS: Definition = Definition {
    name: "log_returns",
    parameters: &[window(1)],
    lookback: Lookback::Lag(0),
    output: Output::RATIO,
    cost: 70,
    summary: "Logarithmic change over d rows.",
    formula: "ln(x[t] / x[t-d])",
    missing: "NaN where either value is missing or not positive.",
    example: "log_returns(close, 1)",
    reference: Series(|x, p| {
        let (now, base) = (last(x[0]), ago(x[0], p.rows(0)));
        if now > 0.0 && base > 0.0 { elementary::log(now / base) } else { f64::NAN }
    }),
    ..TIME_SERIES
};

pub(super) const SUM: Definition = Definition {
    name: "ts_sum",
    parameters: &[window(1), PARTIAL],
    cost: 5,
    summary: "Sum over the window.",
    formula: "x[t-d+1] + ... + x[t]",
    example: "ts_sum(volume, 20)",
    reference: Series(|x, p| over(x, p, |w| mean(w) * w.len() as f64)),
    ..TIME_SERIES
};

pub(super) const MEAN: Definition = Definition {
    name: "ts_mean",
    parameters: &[window(1), PARTIAL],
    cost: 5,
    summary: "Mean over the window: a simple moving average.",
    formula: "ts_sum(x, d) / d",
    example: "ts_mean(close, 60)",
    reference: Series(|x, p| over(x, p, mean)),
    ..TIME_SERIES
};

pub(super) const WMEAN: Definition = Definition {
    name: "ts_wmean",
    inputs: &[Port::U, Port::V],
    parameters: &[window(1), PARTIAL],
    cost: 15,
    summary: "Mean over the window, weighted by a second series.",
    formula: "sum(x*w) / sum(w)",
    missing: "NaN unless both windows hold d values; weights that sum to 0 give NaN.",
    example: "ts_wmean(close, volume, 20)",
    reference: Series(|x, p| {
        let Some(Known { values: [x, w], .. }) = rows_of(x, p) else { return f64::NAN };
        x.iter().zip(&w).map(|(x, w)| x * w).sum::<f64>() / w.iter().sum::<f64>()
    }),
    ..TIME_SERIES
};

pub(super) const PRODUCT: Definition = Definition {
    name: "ts_product",
    inputs: &[Port::Ratio],
    parameters: &[window(1), PARTIAL],
    output: Output::RATIO,
    generated: false,
    cost: 5,
    summary: "Product over the window, multiplied out, so that zeros and signs are exact.",
    formula: "x[t-d+1] * ... * x[t]",
    example: "ts_product(1 + returns(close, 1), 20)",
    reference: Series(|x, p| over(x, p, |w| w.iter().product())),
    ..TIME_SERIES
};

pub(super) const STD: Definition = Definition {
    name: "ts_std",
    aliases: &["ts_std_dev"],
    parameters: &[window(2), DDOF, PARTIAL],
    cost: 12,
    summary: "Standard deviation over the window.",
    formula: "sqrt(sum((x - mean)^2) / (d - ddof))",
    missing: "NaN unless the window holds d values; a flat window gives 0.",
    example: "ts_std(returns(close, 1), 20)",
    reference: Series(|x, p| over(x, p, |w| variance(w, p.real(1)).sqrt())),
    ..TIME_SERIES
};

pub(super) const VAR: Definition = Definition {
    name: "ts_var",
    parameters: &[window(2), DDOF, PARTIAL],
    output: Output::Number { u: 4, v: 0 },
    cost: 12,
    summary: "Variance over the window.",
    formula: "sum((x - mean)^2) / (d - ddof)",
    missing: "NaN unless the window holds d values; a flat window gives 0.",
    example: "ts_var(returns(close, 1), 20)",
    reference: Series(|x, p| over(x, p, |w| variance(w, p.real(1)))),
    ..TIME_SERIES
};

pub(super) const ZSCORE: Definition = Definition {
    name: "ts_zscore",
    parameters: &[window(2), DDOF, PARTIAL],
    output: Output::RATIO,
    cost: 15,
    summary: "Distance from the window's mean in standard deviations.",
    formula: "(x - ts_mean(x, d)) / ts_std(x, d)",
    missing: "NaN unless the window holds d values, today's among them; a flat window gives NaN.",
    example: "ts_zscore(close, 20)",
    reference: Series(|x, p| over_to_today(x, p, |w| last(&centered(w)) / variance(w, p.real(1)).sqrt())),
    ..TIME_SERIES
};

pub(super) const MIN: Definition = Definition {
    name: "ts_min",
    parameters: &[window(1), PARTIAL],
    cost: 6,
    summary: "Smallest value of the window.",
    formula: "min(x[t-d+1], ..., x[t])",
    example: "ts_min(low, 20)",
    reference: Series(|x, p| over(x, p, least)),
    ..TIME_SERIES
};

pub(super) const MAX: Definition = Definition {
    name: "ts_max",
    parameters: &[window(1), PARTIAL],
    cost: 6,
    summary: "Largest value of the window.",
    formula: "max(x[t-d+1], ..., x[t])",
    example: "ts_max(high, 20)",
    reference: Series(|x, p| over(x, p, most)),
    ..TIME_SERIES
};

pub(super) const ARGMIN: Definition = Definition {
    name: "ts_argmin",
    aliases: &["ts_arg_min"],
    parameters: &[window(1), PARTIAL],
    output: Output::RATIO,
    cost: 12,
    summary: "Rows since the smallest value of the window; today is 0, of equals the most recent.",
    formula: "t - argmin(x[t-d+1..t])",
    example: "ts_argmin(low, 20)",
    reference: Series(|x, p| rows_since(x, p, least)),
    ..TIME_SERIES
};

pub(super) const ARGMAX: Definition = Definition {
    name: "ts_argmax",
    aliases: &["ts_arg_max"],
    parameters: &[window(1), PARTIAL],
    output: Output::RATIO,
    cost: 12,
    summary: "Rows since the largest value of the window; today is 0, of equals the most recent.",
    formula: "t - argmax(x[t-d+1..t])",
    example: "ts_argmax(high, 20)",
    reference: Series(|x, p| rows_since(x, p, most)),
    ..TIME_SERIES
};

pub(super) const RANK: Definition = Definition {
    name: "ts_rank",
    parameters: &[window(1), SCALE_OF_RANK, PARTIAL],
    output: Output::RATIO,
    cost: 60,
    summary: "Rank of today's value in the window, from 0 (lowest) to 1; ties share the average rank.",
    formula: "(r - 1) / (d - 1); 0.5 for d = 1; scale pct: r / d, raw: r, signed: 2 * unit - 1",
    missing: TODAY_RULE,
    example: "ts_rank(volume, 20)",
    reference: Series(|x, p| over_to_today(x, p, |w| scaled_rank(average_rank(w, last(w)), w.len() as f64, p.rows(1)))),
    ..TIME_SERIES
};

pub(super) const MEDIAN: Definition = Definition {
    name: "ts_median",
    parameters: &[window(1), PARTIAL],
    cost: 200,
    summary: "Median of the window; the mean of the two middle values for even d.",
    formula: "median(x[t-d+1..t])",
    example: "ts_median(close, 21)",
    reference: Series(|x, p| over(x, p, median)),
    ..TIME_SERIES
};

pub(super) const CORR: Definition = Definition {
    name: "ts_corr",
    aliases: &["correlation"],
    parameters: &[window(2), PARTIAL],
    output: Output::RATIO,
    commutative: true,
    summary: "Pearson correlation of two series over the window, kept within -1..1.",
    formula: "cov(x, y) / (std(x) * std(y))",
    missing: "NaN unless both windows hold d values; NaN where either is flat.",
    example: "ts_corr(close, volume, 20)",
    reference: Series(|x, p| {
        let Some(Known { values: [x, y], .. }) = rows_of(x, p) else { return f64::NAN };
        let spread = (variance(&x, 1.0) * variance(&y, 1.0)).sqrt();
        if spread == 0.0 { f64::NAN } else { (covariance(&x, &y) / spread).clamp(-1.0, 1.0) }
    }),
    ..PAIR
};

pub(super) const COV: Definition = Definition {
    name: "ts_cov",
    aliases: &["covariance", "ts_covariance"],
    parameters: &[window(2), PARTIAL],
    output: Output::Number { u: 2, v: 2 },
    commutative: true,
    summary: "Covariance of two series over the window, ddof 1.",
    formula: "sum((x - mean x) * (y - mean y)) / (d - 1)",
    missing: "NaN unless both windows hold d values.",
    example: "ts_cov(returns(close, 1), returns(volume, 1), 60)",
    reference: Series(|x, p| {
        let Some(Known { values: [x, y], .. }) = rows_of(x, p) else { return f64::NAN };
        covariance(&x, &y)
    }),
    ..PAIR
};

pub(super) const DECAY_LINEAR: Definition = Definition {
    name: "ts_decay_linear",
    aliases: &["decay_linear"],
    parameters: &[window(1), PARTIAL],
    cost: 8,
    summary: "Weighted mean with weights d, d-1, ..., 1, the newest heaviest.",
    formula: "(d*x[t] + ... + 1*x[t-d+1]) / (d*(d+1)/2)",
    example: "ts_decay_linear(returns(close, 1), 10)",
    reference: Series(|x, p| {
        let Some(Known { values: [w], places, .. }) = rows_of(x, p) else { return f64::NAN };
        let total: f64 = w.iter().zip(&places).map(|(value, place)| value * (place + 1.0)).sum();
        total / places.iter().map(|place| place + 1.0).sum::<f64>()
    }),
    ..TIME_SERIES
};

pub(super) const BACKFILL: Definition = Definition {
    name: "ts_backfill",
    parameters: &[window(1)],
    generated: false,
    cost: 5,
    summary: "The most recent value that is not missing, at most d-1 rows old.",
    formula: "last value of x[t-d+1..t] that is not NaN",
    missing: "NaN where the whole window is missing; needs no full window.",
    example: "ts_backfill(volume, 5)",
    reference: Series(|x, p| x[0].iter().rev().take(p.rows(0)).copied().find(|v| !v.is_nan()).unwrap_or(f64::NAN)),
    ..TIME_SERIES
};

pub(super) const COUNT: Definition = Definition {
    name: "ts_count",
    inputs: &[Port::Flag],
    parameters: &[window(1), PARTIAL],
    output: Output::RATIO,
    cost: 5,
    summary: "True rows in the window.",
    formula: "sum of the flag over d rows",
    example: "ts_count(close > open, 20)",
    reference: Series(|x, p| over(x, p, |w| w.iter().sum())),
    ..TIME_SERIES
};

pub(super) const IR: Definition = Definition {
    name: "ts_ir",
    parameters: &[window(2), DDOF, PARTIAL],
    output: Output::RATIO,
    generated: false,
    cost: 15,
    summary: "Mean of the window over its standard deviation: an information ratio, not annualised.",
    formula: "ts_mean(x, d) / ts_std(x, d)",
    missing: FLAT_RULE,
    example: "ts_ir(returns(close, 1), 60)",
    reference: Series(|x, p| over(x, p, |w| mean(w) / variance(w, p.real(1)).sqrt())),
    ..TIME_SERIES
};

pub(super) const SLOPE: Definition = Definition {
    name: "ts_slope",
    parameters: &[window(3), PARTIAL],
    generated: false,
    cost: 12,
    summary: "Slope of the window's least-squares line, per row.",
    formula: "sum((i - mean i) * (x - mean x)) / sum((i - mean i)^2), i the row",
    example: "ts_slope(log(close), 60)",
    reference: Series(|x, p| trend(rows_of(x, p), |line, _, _| line.slope)),
    ..TIME_SERIES
};

pub(super) const RSQUARE: Definition = Definition {
    name: "ts_rsquare",
    parameters: &[window(3), PARTIAL],
    output: Output::RATIO,
    generated: false,
    cost: 18,
    summary: "Share of the window's variance that its least-squares line explains, 0 to 1.",
    formula: "corr(x, i)^2, i the row",
    missing: FLAT_RULE,
    example: "ts_rsquare(log(close), 60)",
    reference: Series(|x, p| trend(rows_of(x, p), |_, w, rows| explained(w, rows))),
    ..TIME_SERIES
};

pub(super) const TREND_RESID: Definition = Definition {
    name: "ts_trend_resid",
    parameters: &[window(3), PARTIAL],
    generated: false,
    cost: 15,
    summary: "Distance of today's value from the window's least-squares line.",
    formula: "x - alpha - beta*i, i the row",
    missing: TODAY_RULE,
    example: "ts_trend_resid(log(close), 60)",
    reference: Series(|x, p| trend(rows_to_today(x, p), |line, w, rows| line.residual(last(w), last(rows)))),
    ..TIME_SERIES
};

pub(super) const BETA: Definition = Definition {
    name: "ts_beta",
    parameters: &[window(3), PARTIAL],
    output: Output::Number { u: 2, v: -2 },
    generated: false,
    summary: "Slope of the least-squares line of x on y over the window.",
    formula: "cov(x, y) / var(y)",
    missing: "NaN unless both windows hold d values; a flat y gives NaN.",
    example: "ts_beta(returns(close, 1), returns(volume, 1), 60)",
    reference: Series(|x, p| regression(rows_of(x, p), |line, _, _| line.slope)),
    ..PAIR
};

pub(super) const ALPHA: Definition = Definition {
    name: "ts_alpha",
    parameters: &[window(3), PARTIAL],
    generated: false,
    summary: "Level of the least-squares line of x on y over the window, at y = 0.",
    formula: "mean(x) - beta*mean(y)",
    missing: "NaN unless both windows hold d values; a flat y gives NaN.",
    example: "ts_alpha(returns(close, 1), returns(volume, 1), 60)",
    reference: Series(|x, p| regression(rows_of(x, p), |line, _, _| line.level)),
    ..PAIR
};

pub(super) const RESID: Definition = Definition {
    name: "ts_resid",
    parameters: &[window(3), PARTIAL],
    generated: false,
    summary: "What the least-squares line of x on y over the window leaves of today's x.",
    formula: "x - alpha - beta*y",
    missing: "NaN unless both windows hold d values, today's among them; a flat y gives NaN.",
    example: "ts_resid(returns(close, 1), returns(volume, 1), 60)",
    reference: Series(|x, p| regression(rows_to_today(x, p), |line, y, x| line.residual(last(y), last(x)))),
    ..PAIR
};

pub(super) const R2: Definition = Definition {
    name: "ts_r2",
    parameters: &[window(3), PARTIAL],
    output: Output::RATIO,
    generated: false,
    summary: "Share of the variance of x that its least-squares line on y explains over the window, 0 to 1.",
    formula: "corr(x, y)^2",
    missing: "NaN unless both windows hold d values; a flat side gives NaN.",
    example: "ts_r2(returns(close, 1), returns(volume, 1), 60)",
    reference: Series(|x, p| regression(rows_of(x, p), |_, y, x| explained(y, x))),
    ..PAIR
};

pub(super) const VECTOR_PROJ: Definition = Definition {
    name: "ts_vector_proj",
    parameters: &[window(1), PARTIAL],
    generated: false,
    summary: "Today's part of x that lies along y over the window.",
    formula: "y * sum(x*y) / sum(y*y)",
    missing: "NaN unless both windows hold d values, today's among them; a y of zeros gives 0.",
    example: "ts_vector_proj(returns(close, 1), returns(volume, 1), 60)",
    reference: Series(along),
    ..PAIR
};

pub(super) const VECTOR_NEUT: Definition = Definition {
    name: "ts_vector_neut",
    parameters: &[window(1), PARTIAL],
    generated: false,
    summary: "Today's part of x that is orthogonal to y over the window.",
    formula: "x - y * sum(x*y) / sum(y*y)",
    missing: "NaN unless both windows hold d values, today's among them; a y of zeros leaves x.",
    example: "ts_vector_neut(returns(close, 1), returns(volume, 1), 60)",
    reference: Series(|x, p| last(x[0]) - along(x, p)),
    ..PAIR
};
