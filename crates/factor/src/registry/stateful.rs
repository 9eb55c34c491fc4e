//! Operators that carry something from row to row: exponential averages, totals, and outputs held until something
//! happens. A missing input gives NaN and leaves what is carried as it was, unless an operator says otherwise.

use super::time_series::{TIME_SERIES, last};
use super::{choice, real_or, whole_or, window};
use crate::operator::{
    Definition, Family, Lookback, Memory, Output, Port,
    Reference::{Panel, Series},
};

const KEPT: &str = "NaN on a NaN input, which changes nothing.";

const RECURSIVE: Definition = Definition { lookback: Lookback::Window(0), cost: 6, ..TIME_SERIES };
/// Depends on where the panel starts, so variation never draws it.
const STATEFUL: Definition = Definition {
    lookback: Lookback::None,
    memory: Memory::Unbounded,
    generated: false,
    missing: KEPT,
    cost: 8,
    ..TIME_SERIES
};

/// The values of a series that are not missing.
fn known(x: &[f64]) -> Vec<f64> {
    x.iter().copied().filter(|value| !value.is_nan()).collect()
}

pub(super) const EMA: Definition = Definition {
    name: "ts_ema",
    parameters: &[window(1), choice("seed", &["first", "sma", "adjusted"])],
    memory: Memory::Span,
    summary: "Exponential moving average with alpha = 2/(d+1), started at the first value, shown from the d-th. \
              Seed sma starts at the mean of the first d values; adjusted weighs all values so far to a sum of 1.",
    formula: "e = alpha*x + (1 - alpha)*e[t-1]",
    missing: "NaN on a NaN input, which changes nothing; NaN until d values were seen.",
    example: "ts_ema(close, 12)",
    reference: Series(|x, p| {
        let d = p.rows(0);
        let alpha = 2.0 / (d as f64 + 1.0);
        let values = known(x[0]);
        if last(x[0]).is_nan() || values.len() < d {
            return f64::NAN;
        }
        let average = |start: f64, values: &[f64]| {
            values.iter().fold(start, |average, value| alpha * value + (1.0 - alpha) * average)
        };
        match p.rows(1) {
            0 => average(values[0], &values[1..]),
            1 => average(values[..d].iter().sum::<f64>() / d as f64, &values[d..]),
            _ => {
                let weights = (0..values.len()).rev().map(|age| libm::pow(1.0 - alpha, age as f64));
                let total: f64 = weights.clone().sum();
                values.iter().zip(weights).map(|(value, weight)| value * weight).sum::<f64>() / total
            }
        }
    }),
    ..RECURSIVE
};

pub(super) const RMA: Definition = Definition {
    name: "ts_rma",
    parameters: &[window(1)],
    memory: Memory::Wilder,
    summary: "Wilder's average: starts as the mean of the first d values, then moves by 1/d.",
    formula: "r = (r[t-1]*(d-1) + x) / d",
    missing: "NaN on a NaN input, which changes nothing; NaN until d values were seen.",
    example: "ts_rma(max(ts_delta(close, 1), 0), 14)",
    reference: Series(|x, p| {
        let d = p.rows(0);
        let values = known(x[0]);
        if last(x[0]).is_nan() || values.len() < d {
            return f64::NAN;
        }
        let start = values[..d].iter().sum::<f64>() / d as f64;
        values[d..].iter().fold(start, |average, value| (average * (d as f64 - 1.0) + value) / d as f64)
    }),
    ..RECURSIVE
};

pub(super) const SMA_CN: Definition = Definition {
    name: "ts_sma_cn",
    parameters: &[window(1), whole_or("k", 1, 2520, 1)],
    lookback: Lookback::None,
    memory: Memory::Share,
    generated: false,
    summary: "Exponential moving average with alpha = k/d, from the first value on: SMA of Chinese terminals.",
    formula: "s = (k*x + (d-k)*s[t-1]) / d; k of d or more gives x",
    missing: KEPT,
    example: "ts_sma_cn(close, 12, 2)",
    reference: Series(|x, p| {
        let alpha = (p.real(1) / p.real(0)).min(1.0);
        if last(x[0]).is_nan() {
            return f64::NAN;
        }
        let values = known(x[0]);
        values[1..].iter().fold(values[0], |average, value| alpha * value + (1.0 - alpha) * average)
    }),
    ..RECURSIVE
};

pub(super) const KAMA: Definition = Definition {
    name: "ts_kama",
    parameters: &[window(1), whole_or("fast", 1, 2520, 2), whole_or("slow", 1, 2520, 30)],
    lookback: Lookback::Lag(0),
    memory: Memory::Kaufman,
    generated: false,
    cost: 60,
    summary: "Kaufman's adaptive moving average: fast while the series runs one way, slow while it wanders.",
    formula: "k = k[t-1] + (e*(2/(fast+1) - 2/(slow+1)) + 2/(slow+1))^2 * (x - k[t-1]), e = |x - x[t-d]| / path over d rows, 1 where there is none; starts as x[d-1]",
    missing: "NaN on a NaN input, which changes nothing; NaN until d+1 values were seen.",
    example: "close / ts_kama(close, 10) - 1",
    reference: Series(|x, p| {
        let d = p.rows(0);
        let values = known(x[0]);
        if last(x[0]).is_nan() || values.len() <= d {
            return f64::NAN;
        }
        let (fast, slow) = (2.0 / (p.real(1) + 1.0), 2.0 / (p.real(2) + 1.0));
        let mut average = values[d - 1];
        for now in d..values.len() {
            let path: f64 = values[now - d..=now].windows(2).map(|pair| (pair[1] - pair[0]).abs()).sum();
            let efficiency = if path == 0.0 { 1.0 } else { (values[now] - values[now - d]).abs() / path };
            let alpha = (efficiency * (fast - slow) + slow).powi(2);
            average += alpha * (values[now] - average);
        }
        average
    }),
    ..RECURSIVE
};

pub(super) const CUMSUM: Definition = Definition {
    name: "ts_cumsum",
    summary: "Running total since the panel's first row.",
    formula: "x[0] + ... + x[t]",
    missing: "NaN on a NaN input, which adds nothing.",
    example: "ts_cumsum(sign(ts_delta(close, 1)) * volume)",
    reference: Series(|x, _| if last(x[0]).is_nan() { f64::NAN } else { known(x[0]).iter().sum() }),
    ..STATEFUL
};

pub(super) const ROWS_SINCE: Definition = Definition {
    name: "rows_since",
    inputs: &[Port::Flag],
    output: Output::RATIO,
    summary: "Rows since the flag was last true; today is 0.",
    formula: "t - last row where f is true",
    missing: "NaN until the flag was true once; an unknown flag counts as not true.",
    example: "rows_since(cross_above(close, ts_mean(close, 60)))",
    reference: Series(|x, _| x[0].iter().rev().position(|&flag| flag == 1.0).map_or(f64::NAN, |rows| rows as f64)),
    ..STATEFUL
};

pub(super) const ROWS_SINCE_CHANGE: Definition = Definition {
    name: "rows_since_change",
    aliases: &["days_from_last_change"],
    output: Output::RATIO,
    summary: "Rows since the value last changed; 0 on the day of the change.",
    formula: "t - last row whose value differs from the one known before it",
    missing: "NaN on a NaN input, which is no change; NaN until a first change.",
    example: "rows_since_change(close)",
    reference: Series(|x, _| {
        if last(x[0]).is_nan() {
            return f64::NAN;
        }
        let rows: Vec<(usize, f64)> = x[0].iter().copied().enumerate().filter(|(_, value)| !value.is_nan()).collect();
        let change = rows.windows(2).rev().find(|pair| pair[0].1 != pair[1].1);
        change.map_or(f64::NAN, |pair| (x[0].len() - 1 - pair[1].0) as f64)
    }),
    ..STATEFUL
};

pub(super) const TRADE_WHEN: Definition = Definition {
    name: "trade_when",
    inputs: &[Port::Flag, Port::U, Port::Flag],
    summary: "Takes a new value when the first flag is true, holds it, and lets go when the last flag is true.",
    formula: "NaN if h, else y if f, else the previous output",
    missing: "A last flag that is true gives NaN and forgets; otherwise an unknown flag, or a missing y where it is wanted, gives NaN and changes nothing. NaN until the first flag was true.",
    example: "trade_when(volume > ts_mean(volume, 20), -returns(close, 5), close < ts_mean(close, 60))",
    reference: Series(|x, _| {
        let mut held = f64::NAN;
        let mut output = f64::NAN;
        for row in 0..x[0].len() {
            let (enter, value, leave) = (x[0][row], x[1][row], x[2][row]);
            let known = !enter.is_nan() && !leave.is_nan() && (enter == 0.0 || !value.is_nan());
            if leave == 1.0 {
                held = f64::NAN;
            } else if known && enter == 1.0 {
                held = value;
            }
            output = if known { held } else { f64::NAN };
        }
        output
    }),
    ..STATEFUL
};

pub(super) const HUMP_DECAY: Definition = Definition {
    name: "hump_decay",
    parameters: &[real_or("c", 0.0, 1e6, 0.01)],
    summary: "Holds the previous output until the value moved away from it by more than a share of itself.",
    formula: "x if |x - previous| > c*|x|, else the previous output",
    example: "hump_decay(cs_rank(returns(close, 20)), 0.1)",
    reference: Series(|x, p| {
        let values = known(x[0]);
        if last(x[0]).is_nan() {
            return f64::NAN;
        }
        values[1..].iter().fold(values[0], |held, &x| if (x - held).abs() > p.real(0) * x.abs() { x } else { held })
    }),
    ..STATEFUL
};

pub(super) const DELTA_LIMIT: Definition = Definition {
    name: "ts_delta_limit",
    inputs: &[Port::U, Port::V],
    parameters: &[real_or("c", 0.0, 1e6, 0.1)],
    summary: "Follows x by steps of at most a share of the second series' size.",
    formula: "previous + clip(x - previous, -c*|y|, c*|y|); starts as x",
    missing: "NaN where an input is NaN, which changes nothing.",
    example: "ts_delta_limit(returns(close, 20), ts_std(returns(close, 1), 20), 0.5)",
    reference: Series(|x, p| {
        let (mut held, mut output) = (f64::NAN, f64::NAN);
        for (&x, &y) in x[0].iter().zip(x[1]) {
            output = f64::NAN;
            if !x.is_nan() && !y.is_nan() {
                let most = p.real(0) * y.abs();
                held = if held.is_nan() { x } else { held + (x - held).clamp(-most, most) };
                output = held;
            }
        }
        output
    }),
    ..STATEFUL
};

pub(super) const HUMP: Definition = Definition {
    name: "hump",
    family: Family::CrossSection,
    parameters: &[real_or("c", 0.0, 1.0, 0.01)],
    cost: 15,
    summary: "Holds the previous output, and follows the value by a fixed share of the row's total size once it is further away.",
    formula: "previous if |x - previous| <= h, else previous + h*sign(x - previous), h = c * sum(|x|) of the row; starts as x",
    missing: "NaN for symbols without a value or outside the universe, which changes nothing for them.",
    example: "hump(cs_scale(cs_demean(returns(close, 20))), 0.005)",
    reference: Panel(|x, p| {
        let rows = x[0];
        let symbols = rows[0].len();
        let (mut held, mut output) = (vec![f64::NAN; symbols], vec![f64::NAN; symbols]);
        for row in rows {
            let most = p.real(0) * row.iter().filter(|x| !x.is_nan()).map(|x| x.abs()).sum::<f64>();
            for symbol in 0..symbols {
                let x = row[symbol];
                output[symbol] = f64::NAN;
                if !x.is_nan() {
                    let before = held[symbol];
                    held[symbol] = match x - before {
                        _ if before.is_nan() => x,
                        step if step.abs() <= most => before,
                        step => before + most * step.signum(),
                    };
                    output[symbol] = held[symbol];
                }
            }
        }
        output
    }),
    ..STATEFUL
};
