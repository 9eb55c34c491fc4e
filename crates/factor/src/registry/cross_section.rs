//! One row at a time: all members of the universe.

use super::windows::{DRIVER, driven};
use super::{BASE, DDOF, SCALE_OF_RANK, option_or, real, real_or, whole_or};
use crate::operator::{Definition, Family, Output, Parameter, ParameterKind, Port, Reference::Row};
use crate::reference::{
    average_rank, centered, covariance, least, mean, median, most, on_members, on_pairs, percentile, scaled_rank,
    variance,
};

pub(super) const CROSS_SECTION: Definition = Definition {
    family: Family::CrossSection,
    missing: "NaN for symbols without a value or outside the universe, which do not count.",
    cost: 8,
    ..BASE
};
/// Ranks on one of the scales of [`SCALE_OF_RANK`].
pub(super) fn ranks(values: &[f64], scale: usize) -> Vec<f64> {
    values.iter().map(|&x| scaled_rank(average_rank(values, x), values.len() as f64, scale)).collect()
}

/// Z-scores; NaN for a flat row.
pub(super) fn zscores(values: &[f64], ddof: f64) -> Vec<f64> {
    let spread = variance(values, ddof).sqrt();
    centered(values).iter().map(|c| if spread > 0.0 { c / spread } else { f64::NAN }).collect()
}

/// One number for every member.
pub(super) fn for_all(values: &[f64], f: impl Fn(&[f64]) -> f64) -> Vec<f64> {
    vec![f(values); values.len()]
}

pub(super) fn total(values: &[f64]) -> f64 {
    mean(values) * values.len() as f64
}

pub(super) fn deviation(values: &[f64], ddof: f64) -> f64 {
    variance(values, ddof).sqrt()
}

pub(super) fn count(values: &[f64]) -> f64 {
    values.len() as f64
}

/// Places between the smallest value and the largest, from 0 to 1.
pub(super) fn places(values: &[f64]) -> Vec<f64> {
    let (low, high) = (least(values), most(values));
    values.iter().map(|x| if high > low { (x - low) / (high - low) } else { f64::NAN }).collect()
}

/// Scaled so that absolute values sum to `sum`; zeros stay.
pub(super) fn scaled(values: &[f64], sum: f64) -> Vec<f64> {
    let total: f64 = values.iter().map(|x| x.abs()).sum();
    values.iter().map(|x| if total == 0.0 { 0.0 } else { sum * x / total }).collect()
}

/// How far the least-squares line of y on x lies from the mean of y; nowhere where x is flat.
pub(super) fn tilted(y: &[f64], x: &[f64]) -> Vec<f64> {
    let slope = if variance(x, 1.0) > 0.0 { covariance(x, y) / variance(x, 1.0) } else { 0.0 };
    centered(x).iter().map(|distance| slope * distance).collect()
}

/// A value, kept between two others; as it is where either is unknown.
fn clipped(x: f64, low: f64, high: f64) -> f64 {
    let raised = if x < low { low } else { x };
    if raised > high { high } else { raised }
}

/// The part of x that lies along y; 0 where y is.
pub(super) fn projected(x: &[f64], y: &[f64]) -> Vec<f64> {
    let along: f64 = x.iter().zip(y).map(|(x, y)| x * y).sum();
    let length: f64 = y.iter().map(|y| y * y).sum();
    y.iter().map(|y| if length == 0.0 { 0.0 } else { y * (along / length) }).collect()
}

/// What the sides of [`SCALE`] sum to; 0 for both leaves that to `a`.
const SIDE_LONG: Parameter = option_or("long", 0.0, 1e9, 0.0);
const SIDE_SHORT: Parameter = option_or("short", 0.0, 1e9, 0.0);

/// A row's number for every member; not drawn by variation, which compares symbols by ranks and scores.
const ROW_NUMBER: Definition = Definition { generated: false, ..CROSS_SECTION };
/// Two numbers of every member.
const ROW_PAIR: Definition = Definition {
    inputs: &[Port::U, Port::V],
    generated: false,
    missing: "NaN for symbols without both values or outside the universe, which do not count.",
    cost: 12,
    ..CROSS_SECTION
};

pub(super) const RANK: Definition = Definition {
    name: "cs_rank",
    aliases: &["rank"],
    parameters: &[SCALE_OF_RANK],
    output: Output::RATIO,
    cost: 80,
    summary: "Rank among the members of the row, from 0 (lowest) to 1; ties share the average rank.",
    formula: "(r - 1) / (n - 1); 0.5 for n = 1; scale pct: r / n, raw: r, signed: 2 * unit - 1",
    example: "cs_rank(volume)",
    reference: Row(|x, p| on_members(x[0], |values| ranks(values, p.rows(0)))),
    ..CROSS_SECTION
};

pub(super) const ZSCORE: Definition = Definition {
    name: "cs_zscore",
    aliases: &["zscore"],
    parameters: &[DDOF],
    output: Output::RATIO,
    summary: "Distance from the row's mean in standard deviations.",
    formula: "(x - mean) / std",
    missing: "NaN for symbols without a value or outside the universe; a flat row or a single member gives NaN.",
    example: "cs_zscore(returns(close, 20))",
    reference: Row(|x, p| on_members(x[0], |values| zscores(values, p.real(0)))),
    ..CROSS_SECTION
};

pub(super) const DEMEAN: Definition = Definition {
    name: "cs_demean",
    summary: "Distance from the row's mean.",
    formula: "x - mean",
    example: "cs_demean(returns(close, 5))",
    reference: Row(|x, _| on_members(x[0], centered)),
    ..CROSS_SECTION
};

pub(super) const SCALE: Definition = Definition {
    name: "cs_scale",
    aliases: &["scale"],
    parameters: &[
        Parameter {
            name: "a",
            kind: ParameterKind::Real { least: 1e-9, most: 1e9 },
            default: Some(1.0),
            option: false,
            usual: (1.0, 1.0),
        },
        SIDE_LONG,
        SIDE_SHORT,
    ],
    output: Output::RATIO,
    summary: "The row scaled so that its absolute values sum to a; with option long or short, each side to its own sum.",
    formula: "a * x / sum(|x|); long * x / sum(x > 0) and short * x / sum(|x < 0|)",
    missing: "NaN for symbols without a value or outside the universe; a row or side of zeros stays 0.",
    example: "cs_scale(cs_demean(returns(close, 5)))",
    reference: Row(|x, p| {
        on_members(x[0], |values| match (p.real(1), p.real(2)) {
            (0.0, 0.0) => scaled(values, p.real(0)),
            (long, short) => {
                let side = |sign: f64, sum: f64| {
                    scaled(&values.iter().map(|x| (x * sign).max(0.0) * sign).collect::<Vec<_>>(), sum)
                };
                side(1.0, long).iter().zip(side(-1.0, short)).map(|(long, short)| long + short).collect()
            }
        })
    }),
    ..CROSS_SECTION
};

pub(super) const WINSORIZE: Definition = Definition {
    name: "cs_winsorize",
    aliases: &["winsorize"],
    parameters: &[real_or("c", 0.0, 1e6, 4.0), DDOF],
    summary: "The row clipped to its mean plus and minus c standard deviations.",
    formula: "clip(x, mean - c*std, mean + c*std)",
    missing: "NaN for symbols without a value or outside the universe; a single member stays as it is.",
    example: "cs_winsorize(returns(close, 1), 3)",
    reference: Row(|x, p| {
        on_members(x[0], |values| {
            if values.len() == 1 {
                return values.to_vec();
            }
            let (center, spread) = (mean(values), variance(values, p.real(1)).sqrt() * p.real(0));
            values.iter().map(|x| x.clamp(center - spread, center + spread)).collect()
        })
    }),
    ..CROSS_SECTION
};

pub(super) const MEAN: Definition = Definition {
    name: "cs_mean",
    summary: "Mean of the row, for every member.",
    formula: "sum(x) / n",
    example: "returns(close, 1) - cs_mean(returns(close, 1))",
    reference: Row(|x, _| on_members(x[0], |values| for_all(values, mean))),
    ..ROW_NUMBER
};

pub(super) const SUM: Definition = Definition {
    name: "cs_sum",
    summary: "Sum of the row, for every member.",
    formula: "sum(x)",
    example: "close * volume / cs_sum(close * volume)",
    reference: Row(|x, _| on_members(x[0], |values| for_all(values, total))),
    ..ROW_NUMBER
};

pub(super) const STD: Definition = Definition {
    name: "cs_std",
    parameters: &[DDOF],
    summary: "Standard deviation of the row, for every member.",
    formula: "std(x)",
    missing: "NaN for symbols without a value or outside the universe; a single member gives NaN, a flat row 0.",
    example: "cs_std(returns(close, 1))",
    reference: Row(|x, p| on_members(x[0], |values| for_all(values, |values| deviation(values, p.real(0))))),
    ..ROW_NUMBER
};

pub(super) const MEDIAN: Definition = Definition {
    name: "cs_median",
    cost: 60,
    summary: "Median of the row, for every member; the mean of the two middle values of an even count.",
    formula: "median(x)",
    example: "returns(close, 1) - cs_median(returns(close, 1))",
    reference: Row(|x, _| on_members(x[0], |values| for_all(values, median))),
    ..ROW_NUMBER
};

pub(super) const MIN: Definition = Definition {
    name: "cs_min",
    summary: "Smallest value of the row, for every member.",
    formula: "min(x)",
    example: "cs_min(returns(close, 5))",
    reference: Row(|x, _| on_members(x[0], |values| for_all(values, least))),
    ..ROW_NUMBER
};

pub(super) const MAX: Definition = Definition {
    name: "cs_max",
    summary: "Largest value of the row, for every member.",
    formula: "max(x)",
    example: "cs_max(returns(close, 5))",
    reference: Row(|x, _| on_members(x[0], |values| for_all(values, most))),
    ..ROW_NUMBER
};

pub(super) const COUNT: Definition = Definition {
    name: "cs_count",
    output: Output::RATIO,
    summary: "Members of the row with a value.",
    formula: "n",
    example: "cs_count(returns(close, 250))",
    reference: Row(|x, _| on_members(x[0], |values| for_all(values, count))),
    ..ROW_NUMBER
};

pub(super) const MINMAX: Definition = Definition {
    name: "cs_minmax",
    aliases: &["scale_down"],
    parameters: &[real_or("c", -1e6, 1e6, 0.0)],
    output: Output::RATIO,
    summary: "Place between the row's smallest value and its largest, from 0 to 1, less c.",
    formula: "(x - min) / (max - min) - c",
    missing: "NaN for symbols without a value or outside the universe; a row of equal values gives NaN.",
    example: "cs_minmax(returns(close, 20))",
    reference: Row(|x, p| on_members(x[0], |values| places(values).iter().map(|place| place - p.real(0)).collect())),
    ..ROW_NUMBER
};

pub(super) const TRUNCATE: Definition = Definition {
    name: "cs_truncate",
    aliases: &["truncate"],
    parameters: &[real_or("c", 0.0, 1.0, 0.01)],
    summary: "The row, with no value above its share c of the sum of absolute values; one pass.",
    formula: "clip(x, -c * sum(|x|), c * sum(|x|))",
    example: "cs_truncate(cs_scale(cs_demean(returns(close, 5))), 0.05)",
    reference: Row(|x, p| {
        on_members(x[0], |values| {
            let most = p.real(0) * values.iter().map(|x| x.abs()).sum::<f64>();
            values.iter().map(|&x| clipped(x, -most, most)).collect()
        })
    }),
    ..ROW_NUMBER
};

pub(super) const TOP_BOTTOM: Definition = Definition {
    name: "cs_top_bottom",
    parameters: &[Parameter {
        name: "k",
        kind: ParameterKind::Whole { least: 1, most: 10_000 },
        default: None,
        option: false,
        usual: (1.0, 50.0),
    }],
    output: Output::RATIO,
    cost: 100,
    summary: "1 for the k highest members, -1 for the k lowest, 0 for the rest; of equals the later symbol stands higher.",
    formula: "1 if place > n - k, -1 if place <= k, else 0",
    missing: "NaN for symbols without a value or outside the universe; a row of fewer than 2k members is split in half.",
    example: "cs_top_bottom(returns(close, 20), 2)",
    reference: Row(|x, p| {
        on_members(x[0], |values| {
            let most = p.rows(0).min(values.len() / 2);
            let below = |at: usize| {
                let before = |(other, x): (usize, &f64)| *x < values[at] || (*x == values[at] && other < at);
                values.iter().enumerate().filter(|&other| before(other)).count()
            };
            let side = |at: usize| match below(at) {
                place if place < most => -1.0,
                place if place >= values.len() - most => 1.0,
                _ => 0.0,
            };
            (0..values.len()).map(side).collect()
        })
    }),
    ..ROW_NUMBER
};

pub(super) const CLIP_QUANTILE: Definition = Definition {
    name: "cs_clip_quantile",
    parameters: &[real_or("low", 0.0, 1.0, 0.025), real_or("high", 0.0, 1.0, 0.975)],
    cost: 100,
    summary: "The row clipped to two of its quantiles, with linear interpolation.",
    formula: "clip(x, quantile(x, low), quantile(x, high))",
    missing: "NaN for symbols without a value or outside the universe; low above high gives NaN.",
    example: "cs_clip_quantile(returns(close, 1), 0.05, 0.95)",
    reference: Row(|x, p| {
        on_members(x[0], |values| {
            let (low, high) = (percentile(values, p.real(0)), percentile(values, p.real(1)));
            values.iter().map(|&x| if low > high { f64::NAN } else { clipped(x, low, high) }).collect()
        })
    }),
    ..ROW_NUMBER
};

pub(super) const CLIP_MAD: Definition = Definition {
    name: "cs_clip_mad",
    parameters: &[real_or("c", 0.0, 1e6, 3.0)],
    cost: 120,
    summary: "The row clipped to its median plus and minus c median absolute deviations, unscaled.",
    formula: "clip(x, median - c*mad, median + c*mad)",
    example: "cs_clip_mad(returns(close, 1), 5)",
    reference: Row(|x, p| {
        on_members(x[0], |values| {
            let center = median(values);
            let distances: Vec<f64> = values.iter().map(|x| (x - center).abs()).collect();
            let most = p.real(0) * median(&distances);
            values.iter().map(|&x| clipped(x, center - most, center + most)).collect()
        })
    }),
    ..ROW_NUMBER
};

pub(super) const ONE_SIDE: Definition = Definition {
    name: "cs_one_side",
    aliases: &["one_side"],
    summary: "The row, shifted so that its smallest value is 0 where any is negative.",
    formula: "x - min(min(x), 0)",
    example: "cs_one_side(returns(close, 20))",
    reference: Row(|x, _| on_members(x[0], |values| values.iter().map(|x| x - least(values).min(0.0)).collect())),
    ..ROW_NUMBER
};

pub(super) const REG_RESID: Definition = Definition {
    name: "cs_reg_resid",
    aliases: &["regression_neut"],
    summary: "What the row's least-squares line of x on y leaves of x.",
    formula: "x - alpha - beta*y",
    missing: "NaN for symbols without both values or outside the universe; a flat y leaves x less its mean.",
    example: "cs_reg_resid(returns(close, 20), log(close * volume))",
    reference: Row(|x, _| on_pairs(x, |y, x| centered(y).iter().zip(tilted(y, x)).map(|(y, tilt)| y - tilt).collect())),
    ..ROW_PAIR
};

pub(super) const REG_FIT: Definition = Definition {
    name: "cs_reg_fit",
    aliases: &["regression_proj"],
    summary: "The row's least-squares line of x on y.",
    formula: "alpha + beta*y",
    missing: "NaN for symbols without both values or outside the universe; a flat y gives the mean of x.",
    example: "cs_reg_fit(returns(close, 20), log(close * volume))",
    reference: Row(|x, _| on_pairs(x, |y, x| tilted(y, x).iter().map(|tilt| mean(y) + tilt).collect())),
    ..ROW_PAIR
};

pub(super) const VECTOR_NEUT: Definition = Definition {
    name: "cs_vector_neut",
    aliases: &["vector_neut"],
    summary: "The part of x that is orthogonal to y over the row.",
    formula: "x - y * sum(x*y) / sum(y*y)",
    missing: "NaN for symbols without both values or outside the universe; a y of zeros leaves x.",
    example: "cs_vector_neut(returns(close, 20), returns(close, 250))",
    reference: Row(|x, _| on_pairs(x, |x, y| x.iter().zip(projected(x, y)).map(|(x, along)| x - along).collect())),
    ..ROW_PAIR
};

pub(super) const VECTOR_PROJ: Definition = Definition {
    name: "cs_vector_proj",
    aliases: &["vector_proj"],
    summary: "The part of x that lies along y over the row.",
    formula: "y * sum(x*y) / sum(y*y)",
    missing: "NaN for symbols without both values or outside the universe; a y of zeros gives 0.",
    example: "cs_vector_proj(returns(close, 20), returns(close, 250))",
    reference: Row(|x, _| on_pairs(x, projected)),
    ..ROW_PAIR
};

pub(super) const NORMALIZE: Definition = Definition {
    name: "cs_normalize",
    parameters: &[real_or("limit", 0.0, 1e6, 0.0), DDOF],
    output: Output::RATIO,
    summary: "Distance from the row's mean in standard deviations, kept within +-limit where that is not 0.",
    formula: "clip((x - mean) / std, -limit, limit)",
    missing: "NaN for symbols without a value or outside the universe; a flat row or a single member gives NaN.",
    example: "cs_normalize(returns(close, 20), 3)",
    reference: Row(|x, p| {
        on_members(x[0], |values| {
            let limit = p.real(0);
            let kept = |z: f64| if limit > 0.0 { clipped(z, -limit, limit) } else { z };
            zscores(values, p.real(1)).into_iter().map(kept).collect()
        })
    }),
    ..ROW_NUMBER
};

pub(super) const QUANTILE: Definition = Definition {
    name: "cs_quantile",
    parameters: &[real_or("c", 1e-9, 1e9, 1.0), DRIVER],
    output: Output::RATIO,
    cost: 120,
    summary: "The row's ranks as quantiles of a distribution (gaussian, uniform from 0 to 1, or cauchy), times c.",
    formula: "c * F^-1((r - 1/2) / n), r the rank from 1, ties averaged",
    example: "cs_quantile(returns(close, 20))",
    reference: Row(|x, p| {
        on_members(x[0], |values| {
            let share = |&x: &f64| (average_rank(values, x) - 0.5) / values.len() as f64;
            values.iter().map(|x| p.real(0) * driven(share(x), p.rows(1))).collect()
        })
    }),
    ..ROW_NUMBER
};

pub(super) const RESID: Definition = Definition {
    name: "cs_resid",
    inputs: &[Port::U, Port::V, Port::Ratio],
    generated: false,
    cost: 25,
    summary: "What the row's least-squares plane of x on y and z leaves of x. A side that says nothing new is left out.",
    formula: "x - alpha - beta*y - gamma*z",
    missing: "NaN for symbols without all three values or outside the universe, and in rows of fewer than 4 such symbols.",
    example: "cs_resid(returns(close, 20), log(close * volume), returns(close, 250))",
    reference: Row(|rows, _| {
        let places: Vec<usize> = (0..rows[0].len()).filter(|&i| rows.iter().all(|row| !row[i].is_nan())).collect();
        let [x, y, z]: [Vec<f64>; 3] = [0, 1, 2].map(|row: usize| places.iter().map(|&i| rows[row][i]).collect());
        let mut result = vec![f64::NAN; rows[0].len()];
        if places.len() < 4 {
            return result;
        }
        // By Frisch and Waugh: y is taken out of x and of z, then what is left of z out of what is left of x.
        let left = |of: &[f64], by: &[f64]| -> Vec<f64> {
            centered(of).iter().zip(tilted(of, by)).map(|(value, tilt)| value - tilt).collect()
        };
        let (of_x, of_z) = (left(&x, &y), left(&z, &y));
        let says_nothing = variance(&of_z, 1.0) <= 1e-18 * variance(&z, 1.0);
        let residuals = if says_nothing { of_x } else { left(&of_x, &of_z) };
        for (place, value) in places.into_iter().zip(residuals) {
            result[place] = value;
        }
        result
    }),
    ..ROW_NUMBER
};

/// A label for every member: comes out as a code from 0.
const LABEL: Definition = Definition {
    output: Output::Group,
    generated: false,
    missing: "No label for symbols without a value or outside the universe.",
    ..CROSS_SECTION
};

pub(super) const QCUT: Definition = Definition {
    name: "cs_qcut",
    parameters: &[whole_or("k", 1, 1_000, 10)],
    output: Output::Group,
    cost: 100,
    summary: "Which of k groups of equal count a member falls into by rank, the lowest first; ties stay together.",
    formula: "floor((r - 1/2) * k / n), r the rank from 1, ties averaged",
    example: "group_neutralize(returns(close, 5), cs_qcut(close * volume, 5))",
    reference: Row(|x, p| {
        on_members(x[0], |values| {
            let share = |&x: &f64| (average_rank(values, x) - 0.5) / values.len() as f64;
            values.iter().map(|x| (share(x) * p.real(0)).floor().min(p.real(0) - 1.0)).collect()
        })
    }),
    ..LABEL
};

pub(super) const BUCKET: Definition = Definition {
    name: "cs_bucket",
    parameters: &[
        real("low", -1e12, 1e12, (0.0, 0.0)),
        real("high", -1e12, 1e12, (1.0, 1.0)),
        whole_or("k", 1, 1_000, 10),
    ],
    output: Output::Group,
    cost: 10,
    summary: "Which of k right-closed bins of equal width between two numbers a value falls into; two more hold what lies outside.",
    formula: "number of edges low, low + (high-low)/k, ..., high that lie below x",
    missing: "No label for symbols without a value or outside the universe, nor where low is not below high.",
    example: "group_rank(returns(close, 5), cs_bucket(cs_rank(close * volume), 0, 1, 5))",
    reference: Row(|x, p| {
        on_members(x[0], |values| {
            let (low, high, k) = (p.real(0), p.real(1), p.rows(2));
            let edge = |i: usize| low + (high - low) * (i as f64 / k as f64);
            let below = |x: f64| (0..=k).filter(|&i| edge(i) < x).count() as f64;
            values.iter().map(|&x| if low < high { below(x) } else { f64::NAN }).collect()
        })
    }),
    ..LABEL
};
