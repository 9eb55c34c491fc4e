//! One symbol's past, beyond sums: moments, order, co-movement of three series, flags over a window.

use super::time_series::{
    FLAT_RULE, PAIR, TIME_SERIES, TODAY_RULE, last, over, over_to_today, regression, rows_of, rows_to_today,
};
use super::{PARTIAL, choice, real, real_or, whole_or, window};
use crate::elementary;
use crate::operator::{Definition, Lookback, Output, Parameters, Port, Reference::Series};
use crate::reference::{
    Known, Line, average_rank, centered, least, line, mean, median, most, normal_quantile, percentile, variance,
};

const PAIR_FLAT_RULE: &str = "NaN unless all windows hold d values; NaN where one of them is flat.";

/// Not drawn by variation: what it can say of a symbol's past, other operators say too.
const WINDOW: Definition = Definition { generated: false, ..TIME_SERIES };
const PAIR_OF_WINDOWS: Definition = Definition { generated: false, cost: 45, ..PAIR };
const TRIPLE: Definition = Definition {
    inputs: &[Port::U, Port::V, Port::Ratio],
    parameters: &[window(4), PARTIAL],
    output: Output::RATIO,
    missing: PAIR_FLAT_RULE,
    cost: 60,
    ..WINDOW
};
const FLAGS: Definition = Definition {
    inputs: &[Port::Flag],
    parameters: &[window(1)],
    output: Output::Flag,
    cost: 5,
    missing: "Unknown before row d-1. Kleene: an unknown row leaves the result unknown unless another settles it.",
    ..WINDOW
};

/// Sum of the powers `k` of distances from the mean.
fn power_sum(w: &[f64], k: i32) -> f64 {
    centered(w).iter().map(|c| c.powi(k)).sum()
}

/// Mean product of powers of distances from the means, in standard deviations (ddof 0); NaN where a side is flat.
fn joint_moment(sides: &[(&[f64], i32)]) -> f64 {
    if sides.iter().any(|(w, _)| variance(w, 0.0) == 0.0) {
        return f64::NAN;
    }
    let mut products = vec![1.0; sides[0].0.len()];
    for &(w, k) in sides {
        let deviation = variance(w, 0.0).sqrt();
        for (product, distance) in products.iter_mut().zip(centered(w)) {
            *product *= (distance / deviation).powi(k);
        }
    }
    mean(&products)
}

/// Sum of squared residuals of a line.
fn squares_left(line: Line, y: &[f64], x: &[f64]) -> f64 {
    y.iter().zip(x).map(|(&y, &x)| line.residual(y, x).powi(2)).sum()
}

/// Variance of residuals, with two degrees of freedom taken by the line.
fn error_variance(line: Line, y: &[f64], x: &[f64]) -> f64 {
    squares_left(line, y, x) / (y.len() as f64 - 2.0)
}

pub(super) const SKEW: Definition = Definition {
    name: "ts_skew",
    aliases: &["ts_skewness"],
    parameters: &[window(3), PARTIAL],
    output: Output::RATIO,
    cost: 20,
    summary: "Skewness of the window, corrected for bias.",
    formula: "d / ((d-1)(d-2)) * sum(((x - mean) / std)^3)",
    missing: FLAT_RULE,
    example: "ts_skew(returns(close, 1), 60)",
    reference: Series(|x, p| {
        over(x, p, |w| {
            let n = w.len() as f64;
            let spread = variance(w, 1.0);
            if spread == 0.0 { f64::NAN } else { n / ((n - 1.0) * (n - 2.0)) * power_sum(w, 3) / spread.powf(1.5) }
        })
    }),
    ..WINDOW
};

pub(super) const KURT: Definition = Definition {
    name: "ts_kurt",
    aliases: &["ts_kurtosis"],
    parameters: &[window(4), PARTIAL],
    output: Output::RATIO,
    cost: 25,
    summary: "Excess kurtosis of the window, corrected for bias: 0 for the normal distribution.",
    formula: "d(d+1) / ((d-1)(d-2)(d-3)) * sum(((x - mean) / std)^4) - 3(d-1)^2 / ((d-2)(d-3))",
    missing: FLAT_RULE,
    example: "ts_kurt(returns(close, 1), 60)",
    reference: Series(|x, p| {
        over(x, p, |w| {
            let n = w.len() as f64;
            let spread = variance(w, 1.0);
            if spread == 0.0 {
                return f64::NAN;
            }
            let fourth = n * (n + 1.0) / ((n - 1.0) * (n - 2.0) * (n - 3.0)) * power_sum(w, 4) / spread.powi(2);
            fourth - 3.0 * (n - 1.0).powi(2) / ((n - 2.0) * (n - 3.0))
        })
    }),
    ..WINDOW
};

pub(super) const MOMENT: Definition = Definition {
    name: "ts_moment",
    inputs: &[Port::Ratio],
    parameters: &[window(1), whole_or("k", 2, 4, 2), PARTIAL],
    output: Output::RATIO,
    cost: 20,
    summary: "Central moment k of the window: the mean k-th power of the distance from the mean.",
    formula: "mean((x - mean)^k)",
    missing: "NaN unless the window holds d values; a flat window gives 0.",
    example: "ts_moment(returns(close, 1), 60, 3)",
    reference: Series(|x, p| {
        over(x, p, |w| if variance(w, 0.0) == 0.0 { 0.0 } else { power_sum(w, p.rows(1) as i32) / w.len() as f64 })
    }),
    ..WINDOW
};

pub(super) const MAD: Definition = Definition {
    name: "ts_mad",
    parameters: &[window(1), PARTIAL],
    cost: 60,
    summary: "Mean absolute deviation of the window from its mean.",
    formula: "mean(|x - mean(x)|)",
    example: "ts_mad(close, 20)",
    reference: Series(|x, p| over(x, p, |w| mean(&centered(w).iter().map(|c| c.abs()).collect::<Vec<_>>()))),
    ..WINDOW
};

pub(super) const MEDAD: Definition = Definition {
    name: "ts_medad",
    parameters: &[window(1), PARTIAL],
    cost: 250,
    summary: "Median absolute deviation of the window from its median, unscaled.",
    formula: "median(|x - median(x)|)",
    example: "ts_medad(close, 21)",
    reference: Series(|x, p| {
        over(x, p, |w| {
            let center = median(w);
            median(&w.iter().map(|x| (x - center).abs()).collect::<Vec<_>>())
        })
    }),
    ..WINDOW
};

pub(super) const PERCENTILE: Definition = Definition {
    name: "ts_percentile",
    aliases: &["ts_percentage"],
    parameters: &[window(1), real("c", 0.0, 1.0, (0.0, 1.0)), PARTIAL],
    cost: 200,
    summary: "A quantile of the window, with linear interpolation.",
    formula: "quantile c of x[t-d+1..t]",
    example: "ts_percentile(close, 60, 0.9)",
    reference: Series(|x, p| over(x, p, |w| percentile(w, p.real(1)))),
    ..WINDOW
};

/// The distribution whose quantiles ranks are turned into.
pub(super) const DRIVER: crate::operator::Parameter = choice("driver", &["gaussian", "uniform", "cauchy"]);

/// The quantile of a distribution of [`DRIVER`].
pub(super) fn driven(share: f64, driver: usize) -> f64 {
    match driver {
        0 => normal_quantile(share),
        1 => share,
        _ => libm::tan(std::f64::consts::PI * (share - 0.5)),
    }
}

pub(super) const QUANTILE: Definition = Definition {
    name: "ts_quantile",
    parameters: &[window(1), DRIVER, PARTIAL],
    output: Output::RATIO,
    cost: 120,
    summary: "Today's rank in the window as a quantile of a distribution: gaussian, uniform (0 to 1) or cauchy.",
    formula: "F^-1((r - 1/2) / d), r the rank from 1, ties averaged",
    missing: TODAY_RULE,
    example: "ts_quantile(volume, 20)",
    reference: Series(|x, p| {
        over_to_today(x, p, |w| driven((average_rank(w, last(w)) - 0.5) / w.len() as f64, p.rows(1)))
    }),
    ..WINDOW
};

pub(super) const SCALE: Definition = Definition {
    name: "ts_scale",
    parameters: &[window(2), PARTIAL],
    output: Output::RATIO,
    cost: 12,
    summary: "Place of today's value between the window's smallest and largest, 0 to 1.",
    formula: "(x - ts_min(x, d)) / (ts_max(x, d) - ts_min(x, d))",
    missing: "NaN unless the window holds d values, today's among them; a window of equal values gives NaN.",
    example: "ts_scale(close, 60)",
    reference: Series(|x, p| {
        over_to_today(x, p, |w| {
            let (low, high) = (least(w), most(w));
            if high > low { (last(w) - low) / (high - low) } else { f64::NAN }
        })
    }),
    ..WINDOW
};

pub(super) const DECAY_EXP: Definition = Definition {
    name: "ts_decay_exp",
    aliases: &["ts_decay_exp_window"],
    parameters: &[window(1), real_or("c", 1e-6, 1.0, 0.5), PARTIAL],
    cost: 40,
    summary: "Weighted mean over the window with weights c^age, the newest heaviest.",
    formula: "(x[t] + c*x[t-1] + ... + c^(d-1)*x[t-d+1]) / (1 + c + ... + c^(d-1))",
    example: "ts_decay_exp(returns(close, 1), 20, 0.9)",
    reference: Series(|x, p| {
        let Some(Known { values: [w], places, .. }) = rows_of(x, p) else { return f64::NAN };
        let weights: Vec<f64> = places.iter().map(|place| libm::pow(p.real(1), last(&places) - place)).collect();
        let anchor = last(&w);
        let distance: f64 = w.iter().zip(&weights).map(|(x, weight)| (x - anchor) * weight).sum();
        anchor + distance / weights.iter().sum::<f64>()
    }),
    ..WINDOW
};

pub(super) const KTH: Definition = Definition {
    name: "ts_kth_element",
    aliases: &["kth_element"],
    parameters: &[window(1), whole_or("k", 1, 2520, 1)],
    cost: 20,
    summary: "The k-th most recent value of the window that is not missing.",
    formula: "k-th of the values of x[t], x[t-1], ..., x[t-d+1] that are not NaN",
    missing: "NaN where the window has fewer than k values; needs no full window.",
    example: "ts_kth_element(volume, 10, 2)",
    reference: Series(|x, p| {
        let mut known = x[0].iter().rev().take(p.rows(0)).filter(|value| !value.is_nan());
        known.nth(p.rows(1) - 1).copied().unwrap_or(f64::NAN)
    }),
    ..WINDOW
};

pub(super) const LAST_DIFF: Definition = Definition {
    name: "ts_last_diff_value",
    aliases: &["last_diff_value"],
    parameters: &[window(2)],
    cost: 20,
    summary: "The most recent value of the window that differs from today's.",
    formula: "first of x[t-1], ..., x[t-d+1] that is not NaN and not x[t]",
    missing: "NaN where today's value is missing or no other differs; needs no full window.",
    example: "ts_last_diff_value(close, 20)",
    reference: Series(|x, p| {
        let now = last(x[0]);
        let mut window = x[0].iter().rev().take(p.rows(0));
        window.find(|then| !then.is_nan() && !now.is_nan() && **then != now).copied().unwrap_or(f64::NAN)
    }),
    ..WINDOW
};

pub(super) const ENTROPY: Definition = Definition {
    name: "ts_entropy",
    parameters: &[window(10), whole_or("k", 2, 100, 10), PARTIAL],
    output: Output::RATIO,
    cost: 200,
    summary: "Shannon entropy of the window's values in k equal bins between its smallest and largest, in nats.",
    formula: "-sum(p * ln p), p the share of values in a bin; the last bin holds the largest value",
    missing: "NaN unless the window holds d values; a window of equal values gives 0.",
    example: "ts_entropy(returns(close, 1), 60)",
    reference: Series(|x, p| {
        over(x, p, |w| {
            let (low, high) = (least(w), most(w));
            if low == high {
                return 0.0;
            }
            let bins = p.rows(1);
            let mut counts = vec![0.0; bins];
            for x in w {
                let place = (x - low) / (high - low) * bins as f64;
                if !place.is_finite() {
                    return f64::NAN;
                }
                counts[(place as usize).min(bins - 1)] += 1.0;
            }
            let share = |count: &f64| count / w.len() as f64;
            -counts
                .iter()
                .filter(|&&count| count > 0.0)
                .map(|count| share(count) * elementary::log(share(count)))
                .sum::<f64>()
        })
    }),
    ..WINDOW
};

pub(super) const MAX_DRAWDOWN: Definition = Definition {
    name: "ts_max_drawdown",
    parameters: &[window(2), PARTIAL],
    output: Output::RATIO,
    cost: 40,
    summary: "Deepest fall from a running high inside the window: a fraction, 0 or below.",
    formula: "min over the window of x / running max - 1",
    missing: "NaN unless the window holds d values, or where one of them is not positive.",
    example: "ts_max_drawdown(close, 60)",
    reference: Series(|x, p| {
        over(x, p, |w| {
            if w.iter().any(|&x| x <= 0.0) {
                return f64::NAN;
            }
            let mut high = 0.0_f64;
            let mut deepest = 0.0_f64;
            for &x in w {
                high = high.max(x);
                let fall = x / high - 1.0;
                deepest = if fall.is_nan() { f64::NAN } else { deepest.min(fall) };
                if deepest.is_nan() {
                    return deepest;
                }
            }
            deepest
        })
    }),
    ..WINDOW
};

pub(super) const PARTIAL_CORR: Definition = Definition {
    name: "ts_partial_corr",
    summary: "Correlation of x and y over the window with the influence of z taken out.",
    formula: "corr of what lines on z leave of x and y = (r_xy - r_xz*r_yz) / sqrt((1 - r_xz^2) * (1 - r_yz^2))",
    missing: "NaN unless all windows hold d values; NaN where one of them is flat, or z leaves less than 1e-12 of the variance of x or y.",
    example: "ts_partial_corr(returns(close, 1), returns(volume, 1), range_pct(), 60)",
    reference: Series(|x, p| {
        let Some(Known { values: [x, y, z], .. }) = rows_of(x, p) else { return f64::NAN };
        let (of_x, of_y) = (line(&x, &z), line(&y, &z));
        let left = |of: Line, values: &[f64]| -> Vec<f64> {
            values.iter().zip(&z).map(|(&value, &z)| of.residual(value, z)).collect()
        };
        let (left_x, left_y) = (left(of_x, &x), left(of_y, &y));
        let little = |left: &[f64], of: &[f64]| power_sum(left, 2) <= 1e-12 * power_sum(of, 2);
        if variance(&x, 1.0) == 0.0 || variance(&y, 1.0) == 0.0 || little(&left_x, &x) || little(&left_y, &y) {
            return f64::NAN;
        }
        let product: f64 = left_x.iter().zip(&left_y).map(|(x, y)| x * y).sum();
        (product / (power_sum(&left_x, 2) * power_sum(&left_y, 2)).sqrt()).clamp(-1.0, 1.0)
    }),
    ..TRIPLE
};

pub(super) const TRIPLE_CORR: Definition = Definition {
    name: "ts_triple_corr",
    summary: "Mean product of three series' distances from their means over the window, in standard deviations (ddof 0).",
    formula: "mean((x - mean x) * (y - mean y) * (z - mean z)) / (std x * std y * std z)",
    example: "ts_triple_corr(returns(close, 1), returns(volume, 1), range_pct(), 60)",
    reference: Series(|x, p| {
        let Some(Known { values: [x, y, z], .. }) = rows_of(x, p) else { return f64::NAN };
        joint_moment(&[(&x, 1), (&y, 1), (&z, 1)])
    }),
    ..TRIPLE
};

pub(super) const CO_SKEW: Definition = Definition {
    name: "ts_co_skew",
    parameters: &[window(4), PARTIAL],
    output: Output::RATIO,
    summary: "Co-skewness of x with y over the window, of population moments.",
    formula: "mean((x - mean x) * (y - mean y)^2) / (std x * std(y)^2), ddof 0",
    missing: PAIR_FLAT_RULE,
    example: "ts_co_skew(returns(close, 1), returns(volume, 1), 60)",
    reference: Series(|x, p| {
        let Some(Known { values: [x, y], .. }) = rows_of(x, p) else { return f64::NAN };
        joint_moment(&[(&x, 1), (&y, 2)])
    }),
    ..PAIR_OF_WINDOWS
};

pub(super) const CO_KURT: Definition = Definition {
    name: "ts_co_kurt",
    parameters: &[window(4), PARTIAL],
    output: Output::RATIO,
    summary: "Co-kurtosis of x with y over the window, of population moments.",
    formula: "mean((x - mean x) * (y - mean y)^3) / (std x * std(y)^3), ddof 0",
    missing: PAIR_FLAT_RULE,
    example: "ts_co_kurt(returns(close, 1), returns(volume, 1), 60)",
    reference: Series(|x, p| {
        let Some(Known { values: [x, y], .. }) = rows_of(x, p) else { return f64::NAN };
        joint_moment(&[(&x, 1), (&y, 3)])
    }),
    ..PAIR_OF_WINDOWS
};

/// A figure of the least-squares line of x on y.
const LINE: Definition = Definition {
    parameters: &[window(3), PARTIAL],
    missing: "NaN unless both windows hold d values; a flat y gives NaN.",
    ..PAIR_OF_WINDOWS
};
const SQUARED: Output = Output::Number { u: 4, v: 0 };

pub(super) const FIT: Definition = Definition {
    name: "ts_fit",
    summary: "Today's point on the least-squares line of x on y over the window.",
    formula: "alpha + beta*y",
    missing: "NaN unless both windows hold d values, today's among them; a flat y gives NaN.",
    example: "ts_fit(returns(close, 1), returns(volume, 1), 60)",
    reference: Series(|x, p| regression(rows_to_today(x, p), |line, y, x| last(y) - line.residual(last(y), last(x)))),
    ..LINE
};

pub(super) const SSE: Definition = Definition {
    name: "ts_sse",
    output: SQUARED,
    summary: "Sum of squared residuals of the least-squares line of x on y over the window.",
    formula: "sum((x - alpha - beta*y)^2)",
    example: "ts_sse(returns(close, 1), returns(volume, 1), 60)",
    reference: Series(|x, p| regression(rows_of(x, p), squares_left)),
    ..LINE
};

pub(super) const SST: Definition = Definition {
    name: "ts_sst",
    inputs: &[Port::U],
    output: SQUARED,
    cost: 12,
    summary: "Sum of squared distances from the window's mean: what a line has to explain.",
    formula: "sum((x - mean)^2)",
    missing: "NaN unless the window holds d values; a flat window gives 0.",
    example: "ts_sst(returns(close, 1), 60)",
    reference: Series(|x, p| over(x, p, |w| variance(w, 0.0) * w.len() as f64)),
    ..LINE
};

pub(super) const MSE: Definition = Definition {
    name: "ts_mse",
    output: SQUARED,
    summary: "Variance of the residuals of the least-squares line of x on y over the window.",
    formula: "ts_sse(x, y, d) / (d - 2)",
    example: "ts_mse(returns(close, 1), returns(volume, 1), 60)",
    reference: Series(|x, p| regression(rows_of(x, p), error_variance)),
    ..LINE
};

pub(super) const SE_BETA: Definition = Definition {
    name: "ts_se_beta",
    output: Output::Number { u: 2, v: -2 },
    summary: "Standard error of the slope of the least-squares line of x on y over the window.",
    formula: "sqrt(ts_mse(x, y, d) / sum((y - mean y)^2))",
    example: "ts_se_beta(returns(close, 1), returns(volume, 1), 60)",
    reference: Series(|x, p| {
        regression(rows_of(x, p), |line, y, x| (error_variance(line, y, x) / power_sum(x, 2)).sqrt())
    }),
    ..LINE
};

pub(super) const SE_ALPHA: Definition = Definition {
    name: "ts_se_alpha",
    summary: "Standard error of the level of the least-squares line of x on y over the window.",
    formula: "sqrt(ts_mse(x, y, d) * (1/d + mean(y)^2 / sum((y - mean y)^2)))",
    example: "ts_se_alpha(returns(close, 1), returns(volume, 1), 60)",
    reference: Series(|x, p| {
        regression(rows_of(x, p), |line, y, x| {
            let spread = 1.0 / x.len() as f64 + mean(x).powi(2) / power_sum(x, 2);
            (error_variance(line, y, x) * spread).sqrt()
        })
    }),
    ..LINE
};

pub(super) const COUNT_NANS: Definition = Definition {
    name: "ts_count_nans",
    parameters: &[window(1)],
    output: Output::RATIO,
    cost: 6,
    summary: "Missing values in the window.",
    formula: "number of NaN in x[t-d+1..t]",
    missing: "NaN before row d-1; never afterwards.",
    example: "ts_count_nans(volume, 20)",
    reference: Series(|x, p| match x[0].len().checked_sub(p.rows(0)) {
        Some(start) => x[0][start..].iter().filter(|value| value.is_nan()).count() as f64,
        None => f64::NAN,
    }),
    ..WINDOW
};

/// The window's result in Kleene's logic: `settled` if any row is that, else unknown if any is, else the opposite.
fn kleene(x: &[&[f64]], p: &Parameters, settled: f64) -> f64 {
    let Some(start) = x[0].len().checked_sub(p.rows(0)) else { return f64::NAN };
    let window = &x[0][start..];
    if window.contains(&settled) {
        settled
    } else if window.iter().any(|flag| flag.is_nan()) {
        f64::NAN
    } else {
        1.0 - settled
    }
}

pub(super) const ANY: Definition = Definition {
    name: "ts_any",
    summary: "Whether the flag was true in any row of the window.",
    formula: "f[t-d+1] or ... or f[t]",
    example: "ts_any(close > ts_max(ts_delay(high, 1), 60), 5)",
    reference: Series(|x, p| kleene(x, p, 1.0)),
    ..FLAGS
};

pub(super) const ALL: Definition = Definition {
    name: "ts_all",
    summary: "Whether the flag was true in every row of the window.",
    formula: "f[t-d+1] and ... and f[t]",
    example: "ts_all(close > ts_mean(close, 60), 5)",
    reference: Series(|x, p| kleene(x, p, 0.0)),
    ..FLAGS
};

/// Comparisons of today and the row before.
const CROSSING: Definition = Definition {
    inputs: &[Port::U, Port::U],
    output: Output::Flag,
    lookback: Lookback::Fixed(1),
    cost: 6,
    missing: "Kleene: a missing value leaves the result unknown unless the other row settles it.",
    ..WINDOW
};

/// Whether `above` holds today and not in the row before, in Kleene's logic.
fn crossing(x: &[&[f64]], above: impl Fn(f64, f64) -> bool) -> f64 {
    let rows = x[0].len();
    let known = |row: usize| !x[0][row].is_nan() && !x[1][row].is_nan();
    let holds = |row: usize| above(x[0][row], x[1][row]);
    let now = known(rows - 1).then(|| holds(rows - 1));
    let before = (rows > 1 && known(rows - 2)).then(|| holds(rows - 2));
    match (now, before) {
        (Some(false), _) | (_, Some(true)) => 0.0,
        (Some(true), Some(false)) => 1.0,
        _ => f64::NAN,
    }
}

pub(super) const CROSS_ABOVE: Definition = Definition {
    name: "cross_above",
    summary: "Whether x lies above y today and did not in the row before.",
    formula: "x > y and x[t-1] <= y[t-1]",
    example: "cross_above(ts_mean(close, 20), ts_mean(close, 60))",
    reference: Series(|x, _| crossing(x, |x, y| x > y)),
    ..CROSSING
};

pub(super) const CROSS_BELOW: Definition = Definition {
    name: "cross_below",
    summary: "Whether x lies below y today and did not in the row before.",
    formula: "x < y and x[t-1] >= y[t-1]",
    example: "cross_below(ts_mean(close, 20), ts_mean(close, 60))",
    reference: Series(|x, _| crossing(x, |x, y| x < y)),
    ..CROSSING
};
