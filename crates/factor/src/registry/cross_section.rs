//! One row at a time: all members of the universe, or the members of each group.

use super::{BASE, real, real_or};
use crate::operator::{Definition, Family, Output, Parameter, ParameterKind, Port, Reference::Row};
use crate::reference::{
    average_rank, by_group, centered, covariance, mean, median, on_members, on_pairs, percentile, variance,
};

const CROSS_SECTION: Definition = Definition {
    family: Family::CrossSection,
    missing: "NaN for symbols without a value or outside the universe, which do not count.",
    cost: 8,
    ..BASE
};
const GROUPED: Definition =
    Definition { family: Family::Group, inputs: &[Port::U, Port::Group], cost: 20, ..CROSS_SECTION };

fn unit_ranks(values: &[f64]) -> Vec<f64> {
    let spread = values.len() as f64 - 1.0;
    values.iter().map(|&x| if spread == 0.0 { 0.5 } else { (average_rank(values, x) - 1.0) / spread }).collect()
}

/// Z-scores with ddof 1; NaN for a flat row and for a single member.
fn zscores(values: &[f64]) -> Vec<f64> {
    let spread = variance(values, 1.0).sqrt();
    centered(values).iter().map(|c| if spread > 0.0 { c / spread } else { f64::NAN }).collect()
}

/// One number for every member.
fn for_all(values: &[f64], f: impl Fn(&[f64]) -> f64) -> Vec<f64> {
    vec![f(values); values.len()]
}

fn least(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::INFINITY, f64::min)
}

fn most(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::NEG_INFINITY, f64::max)
}

fn total(values: &[f64]) -> f64 {
    mean(values) * values.len() as f64
}

fn deviation(values: &[f64]) -> f64 {
    variance(values, 1.0).sqrt()
}

fn count(values: &[f64]) -> f64 {
    values.len() as f64
}

/// Places between the smallest value and the largest, from 0 to 1.
fn places(values: &[f64]) -> Vec<f64> {
    let (low, high) = (least(values), most(values));
    values.iter().map(|x| if high > low { (x - low) / (high - low) } else { f64::NAN }).collect()
}

/// Scaled so that absolute values sum to `sum`; zeros stay.
fn scaled(values: &[f64], sum: f64) -> Vec<f64> {
    let total: f64 = values.iter().map(|x| x.abs()).sum();
    values.iter().map(|x| if total == 0.0 { 0.0 } else { sum * x / total }).collect()
}

/// How far the least-squares line of y on x lies from the mean of y; nowhere where x is flat.
fn tilted(y: &[f64], x: &[f64]) -> Vec<f64> {
    let slope = if variance(x, 1.0) > 0.0 { covariance(x, y) / variance(x, 1.0) } else { 0.0 };
    centered(x).iter().map(|distance| slope * distance).collect()
}

/// A value, kept between two others; as it is where either is unknown.
fn clipped(x: f64, low: f64, high: f64) -> f64 {
    let raised = if x < low { low } else { x };
    if raised > high { high } else { raised }
}

/// The part of x that lies along y; 0 where y is.
fn projected(x: &[f64], y: &[f64]) -> Vec<f64> {
    let along: f64 = x.iter().zip(y).map(|(x, y)| x * y).sum();
    let length: f64 = y.iter().map(|y| y * y).sum();
    y.iter().map(|y| if length == 0.0 { 0.0 } else { y * (along / length) }).collect()
}

/// A row's number for every member; not drawn by variation, which compares symbols by ranks and scores.
const ROW_NUMBER: Definition = Definition { generated: false, ..CROSS_SECTION };
const GROUP_NUMBER: Definition = Definition { generated: false, missing: "NaN without a value or a label.", ..GROUPED };
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
    output: Output::RATIO,
    cost: 80,
    summary: "Rank among the members of the row, from 0 (lowest) to 1; ties share the average rank.",
    formula: "(r - 1) / (n - 1); 0.5 for n = 1",
    example: "cs_rank(volume)",
    reference: Row(|x, _| on_members(x[0], unit_ranks)),
    ..CROSS_SECTION
};

pub(super) const ZSCORE: Definition = Definition {
    name: "cs_zscore",
    aliases: &["zscore"],
    output: Output::RATIO,
    summary: "Distance from the row's mean in standard deviations (ddof 1).",
    formula: "(x - mean) / std",
    missing: "NaN for symbols without a value or outside the universe; a flat row or a single member gives NaN.",
    example: "cs_zscore(returns(close, 20))",
    reference: Row(|x, _| on_members(x[0], zscores)),
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
    parameters: &[Parameter {
        name: "a",
        kind: ParameterKind::Real { least: 1e-9, most: 1e9 },
        default: Some(1.0),
        option: false,
        usual: (1.0, 1.0),
    }],
    output: Output::RATIO,
    summary: "The row scaled so that its absolute values sum to a.",
    formula: "a * x / sum(|x|)",
    missing: "NaN for symbols without a value or outside the universe; a row of zeros stays 0.",
    example: "cs_scale(cs_demean(returns(close, 5)))",
    reference: Row(|x, p| on_members(x[0], |values| scaled(values, p.real(0)))),
    ..CROSS_SECTION
};

pub(super) const WINSORIZE: Definition = Definition {
    name: "cs_winsorize",
    aliases: &["winsorize"],
    parameters: &[real_or("c", 0.0, 1e6, 4.0)],
    summary: "The row clipped to its mean plus and minus c standard deviations (ddof 1).",
    formula: "clip(x, mean - c*std, mean + c*std)",
    missing: "NaN for symbols without a value or outside the universe; a single member stays as it is.",
    example: "cs_winsorize(returns(close, 1), 3)",
    reference: Row(|x, p| {
        on_members(x[0], |values| {
            if values.len() == 1 {
                return values.to_vec();
            }
            let (center, spread) = (mean(values), variance(values, 1.0).sqrt() * p.real(0));
            values.iter().map(|x| x.clamp(center - spread, center + spread)).collect()
        })
    }),
    ..CROSS_SECTION
};

pub(super) const GROUP_NEUTRALIZE: Definition = Definition {
    name: "group_neutralize",
    aliases: &["group_demean", "indneutralize"],
    summary: "Distance from the mean of the symbol's group.",
    formula: "x - group mean",
    missing: "NaN without a value or a label; a group of one gives 0.",
    example: "group_neutralize(returns(close, 20), sector)",
    reference: Row(|x, _| by_group(x[0], x[1], centered)),
    ..GROUPED
};

pub(super) const GROUP_RANK: Definition = Definition {
    name: "group_rank",
    output: Output::RATIO,
    cost: 100,
    summary: "Rank within the symbol's group, from 0 to 1; ties share the average rank.",
    formula: "(r - 1) / (n - 1) within the group",
    missing: "NaN without a value or a label; a group of one gives 0.5.",
    example: "group_rank(returns(close, 20), sector)",
    reference: Row(|x, _| by_group(x[0], x[1], unit_ranks)),
    ..GROUPED
};

pub(super) const GROUP_ZSCORE: Definition = Definition {
    name: "group_zscore",
    output: Output::RATIO,
    summary: "Distance from the group's mean in standard deviations (ddof 1).",
    formula: "(x - group mean) / group std",
    missing: "NaN without a value or a label; a flat group or a group of one gives NaN.",
    example: "group_zscore(returns(close, 20), sector)",
    reference: Row(|x, _| by_group(x[0], x[1], zscores)),
    ..GROUPED
};

pub(super) const GROUP_MEAN: Definition = Definition {
    name: "group_mean",
    summary: "Mean of the symbol's group.",
    formula: "group mean of x, for every member with a value",
    missing: "NaN without a value or a label.",
    example: "group_mean(returns(close, 1), sector)",
    reference: Row(|x, _| by_group(x[0], x[1], |values| vec![mean(values); values.len()])),
    ..GROUPED
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
    summary: "Standard deviation of the row (ddof 1), for every member.",
    formula: "std(x)",
    missing: "NaN for symbols without a value or outside the universe; a single member gives NaN, a flat row 0.",
    example: "cs_std(returns(close, 1))",
    reference: Row(|x, _| on_members(x[0], |values| for_all(values, deviation))),
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

pub(super) const GROUP_SUM: Definition = Definition {
    name: "group_sum",
    summary: "Sum of the symbol's group.",
    formula: "group sum of x, for every member with a value",
    example: "close * volume / group_sum(close * volume, sector)",
    reference: Row(|x, _| by_group(x[0], x[1], |values| for_all(values, total))),
    ..GROUP_NUMBER
};

pub(super) const GROUP_STD: Definition = Definition {
    name: "group_std",
    summary: "Standard deviation of the symbol's group (ddof 1).",
    formula: "group std of x, for every member with a value",
    missing: "NaN without a value or a label; a group of one gives NaN, a flat group 0.",
    example: "group_std(returns(close, 1), sector)",
    reference: Row(|x, _| by_group(x[0], x[1], |values| for_all(values, deviation))),
    ..GROUP_NUMBER
};

pub(super) const GROUP_MEDIAN: Definition = Definition {
    name: "group_median",
    cost: 80,
    summary: "Median of the symbol's group.",
    formula: "group median of x, for every member with a value",
    example: "group_median(returns(close, 1), sector)",
    reference: Row(|x, _| by_group(x[0], x[1], |values| for_all(values, median))),
    ..GROUP_NUMBER
};

pub(super) const GROUP_MIN: Definition = Definition {
    name: "group_min",
    summary: "Smallest value of the symbol's group.",
    formula: "group min of x, for every member with a value",
    example: "group_min(returns(close, 5), sector)",
    reference: Row(|x, _| by_group(x[0], x[1], |values| for_all(values, least))),
    ..GROUP_NUMBER
};

pub(super) const GROUP_MAX: Definition = Definition {
    name: "group_max",
    summary: "Largest value of the symbol's group.",
    formula: "group max of x, for every member with a value",
    example: "group_max(returns(close, 5), sector)",
    reference: Row(|x, _| by_group(x[0], x[1], |values| for_all(values, most))),
    ..GROUP_NUMBER
};

pub(super) const GROUP_COUNT: Definition = Definition {
    name: "group_count",
    output: Output::RATIO,
    summary: "Members of the symbol's group with a value.",
    formula: "group n, for every member with a value",
    example: "group_count(close, sector)",
    reference: Row(|x, _| by_group(x[0], x[1], |values| for_all(values, count))),
    ..GROUP_NUMBER
};

pub(super) const GROUP_MINMAX: Definition = Definition {
    name: "group_minmax",
    aliases: &["group_scale"],
    output: Output::RATIO,
    summary: "Place between the group's smallest value and its largest, from 0 to 1.",
    formula: "(x - group min) / (group max - group min)",
    missing: "NaN without a value or a label; a group of equal values gives NaN.",
    example: "group_minmax(returns(close, 20), sector)",
    reference: Row(|x, _| by_group(x[0], x[1], places)),
    ..GROUP_NUMBER
};

pub(super) const GROUP_NORMALIZE: Definition = Definition {
    name: "group_normalize",
    parameters: &[real_or("a", 1e-9, 1e9, 1.0)],
    output: Output::RATIO,
    summary: "The group scaled so that its absolute values sum to a.",
    formula: "a * x / group sum of |x|",
    missing: "NaN without a value or a label; a group of zeros stays 0.",
    example: "group_normalize(returns(close, 5), sector)",
    reference: Row(|x, p| by_group(x[0], x[1], |values| scaled(values, p.real(0)))),
    ..GROUP_NUMBER
};

pub(super) const GROUP_PERCENTILE: Definition = Definition {
    name: "group_percentile",
    parameters: &[real("c", 0.0, 1.0, (0.0, 1.0))],
    cost: 80,
    summary: "A quantile of the symbol's group, with linear interpolation.",
    formula: "group quantile c of x, for every member with a value",
    example: "group_percentile(returns(close, 5), sector, 0.9)",
    reference: Row(|x, p| by_group(x[0], x[1], |values| for_all(values, |values| percentile(values, p.real(0))))),
    ..GROUP_NUMBER
};
