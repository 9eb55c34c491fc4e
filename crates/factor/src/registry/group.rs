//! One row at a time: the members of each group. Labels are dated: one for each symbol and row.

use super::cross_section::{
    CROSS_SECTION, count, deviation, for_all, places, projected, ranks, scaled, tilted, total, zscores,
};
use super::{DDOF, real, real_or, window};
use crate::operator::{
    Definition, Family, Lookback, Output, Port,
    Reference::{Panel, Row},
};
use crate::reference::{by_group, centered, least, mean, median, most, on_pairs, percentile, variance};

const GROUPED: Definition =
    Definition { family: Family::Group, inputs: &[Port::U, Port::Group], cost: 20, ..CROSS_SECTION };
/// A group's number for every member.
const NUMBER: Definition = Definition { generated: false, missing: "NaN without a value or a label.", ..GROUPED };
/// Two numbers of every member of a group.
const PAIR: Definition = Definition {
    inputs: &[Port::U, Port::V, Port::Group],
    missing: "NaN without both values or a label.",
    cost: 30,
    ..NUMBER
};

/// Applies `f` to two rows within each group, where both have a value.
fn by_group_of_pairs(rows: &[&[f64]], codes: &[f64], f: impl Fn(&[f64], &[f64]) -> Vec<f64>) -> Vec<f64> {
    let mut result = vec![f64::NAN; codes.len()];
    let mut distinct: Vec<f64> = codes.iter().copied().filter(|code| !code.is_nan()).collect();
    distinct.sort_by(f64::total_cmp);
    distinct.dedup();
    for group in distinct {
        let [x, y]: [Vec<f64>; 2] = [0, 1].map(|row: usize| {
            rows[row].iter().zip(codes).map(|(&x, &code)| if code == group { x } else { f64::NAN }).collect()
        });
        for (place, value) in on_pairs(&[&x, &y], &f).into_iter().enumerate() {
            if !value.is_nan() {
                result[place] = value;
            }
        }
    }
    result
}

pub(super) const NEUTRALIZE: Definition = Definition {
    name: "group_neutralize",
    aliases: &["group_demean", "indneutralize"],
    summary: "Distance from the mean of the symbol's group.",
    formula: "x - group mean",
    missing: "NaN without a value or a label; a group of one gives 0.",
    example: "group_neutralize(returns(close, 20), sector)",
    reference: Row(|x, _| by_group(x[0], x[1], centered)),
    ..GROUPED
};

pub(super) const RANK: Definition = Definition {
    name: "group_rank",
    output: Output::RATIO,
    cost: 100,
    summary: "Rank within the symbol's group, from 0 to 1; ties share the average rank.",
    formula: "(r - 1) / (n - 1) within the group",
    missing: "NaN without a value or a label; a group of one gives 0.5.",
    example: "group_rank(returns(close, 20), sector)",
    reference: Row(|x, _| by_group(x[0], x[1], |values| ranks(values, 0))),
    ..GROUPED
};

pub(super) const ZSCORE: Definition = Definition {
    name: "group_zscore",
    parameters: &[DDOF],
    output: Output::RATIO,
    summary: "Distance from the group's mean in standard deviations.",
    formula: "(x - group mean) / group std",
    missing: "NaN without a value or a label; a flat group or a group of one gives NaN.",
    example: "group_zscore(returns(close, 20), sector)",
    reference: Row(|x, p| by_group(x[0], x[1], |values| zscores(values, p.real(0)))),
    ..GROUPED
};

pub(super) const MEAN: Definition = Definition {
    name: "group_mean",
    summary: "Mean of the symbol's group.",
    formula: "group mean of x, for every member with a value",
    missing: "NaN without a value or a label.",
    example: "group_mean(returns(close, 1), sector)",
    reference: Row(|x, _| by_group(x[0], x[1], |values| vec![mean(values); values.len()])),
    ..GROUPED
};

pub(super) const SUM: Definition = Definition {
    name: "group_sum",
    summary: "Sum of the symbol's group.",
    formula: "group sum of x, for every member with a value",
    example: "close * volume / group_sum(close * volume, sector)",
    reference: Row(|x, _| by_group(x[0], x[1], |values| for_all(values, total))),
    ..NUMBER
};

pub(super) const STD: Definition = Definition {
    name: "group_std",
    parameters: &[DDOF],
    summary: "Standard deviation of the symbol's group.",
    formula: "group std of x, for every member with a value",
    missing: "NaN without a value or a label; a group of one gives NaN, a flat group 0.",
    example: "group_std(returns(close, 1), sector)",
    reference: Row(|x, p| by_group(x[0], x[1], |values| for_all(values, |values| deviation(values, p.real(0))))),
    ..NUMBER
};

pub(super) const MEDIAN: Definition = Definition {
    name: "group_median",
    cost: 80,
    summary: "Median of the symbol's group.",
    formula: "group median of x, for every member with a value",
    example: "group_median(returns(close, 1), sector)",
    reference: Row(|x, _| by_group(x[0], x[1], |values| for_all(values, median))),
    ..NUMBER
};

pub(super) const MIN: Definition = Definition {
    name: "group_min",
    summary: "Smallest value of the symbol's group.",
    formula: "group min of x, for every member with a value",
    example: "group_min(returns(close, 5), sector)",
    reference: Row(|x, _| by_group(x[0], x[1], |values| for_all(values, least))),
    ..NUMBER
};

pub(super) const MAX: Definition = Definition {
    name: "group_max",
    summary: "Largest value of the symbol's group.",
    formula: "group max of x, for every member with a value",
    example: "group_max(returns(close, 5), sector)",
    reference: Row(|x, _| by_group(x[0], x[1], |values| for_all(values, most))),
    ..NUMBER
};

pub(super) const COUNT: Definition = Definition {
    name: "group_count",
    output: Output::RATIO,
    summary: "Members of the symbol's group with a value.",
    formula: "group n, for every member with a value",
    example: "group_count(close, sector)",
    reference: Row(|x, _| by_group(x[0], x[1], |values| for_all(values, count))),
    ..NUMBER
};

pub(super) const MINMAX: Definition = Definition {
    name: "group_minmax",
    aliases: &["group_scale"],
    output: Output::RATIO,
    summary: "Place between the group's smallest value and its largest, from 0 to 1.",
    formula: "(x - group min) / (group max - group min)",
    missing: "NaN without a value or a label; a group of equal values gives NaN.",
    example: "group_minmax(returns(close, 20), sector)",
    reference: Row(|x, _| by_group(x[0], x[1], places)),
    ..NUMBER
};

pub(super) const NORMALIZE: Definition = Definition {
    name: "group_normalize",
    parameters: &[real_or("a", 1e-9, 1e9, 1.0)],
    output: Output::RATIO,
    summary: "The group scaled so that its absolute values sum to a.",
    formula: "a * x / group sum of |x|",
    missing: "NaN without a value or a label; a group of zeros stays 0.",
    example: "group_normalize(returns(close, 5), sector)",
    reference: Row(|x, p| by_group(x[0], x[1], |values| scaled(values, p.real(0)))),
    ..NUMBER
};

pub(super) const PERCENTILE: Definition = Definition {
    name: "group_percentile",
    parameters: &[real("c", 0.0, 1.0, (0.0, 1.0))],
    cost: 80,
    summary: "A quantile of the symbol's group, with linear interpolation.",
    formula: "group quantile c of x, for every member with a value",
    example: "group_percentile(returns(close, 5), sector, 0.9)",
    reference: Row(|x, p| by_group(x[0], x[1], |values| for_all(values, |values| percentile(values, p.real(0))))),
    ..NUMBER
};

pub(super) const WMEAN: Definition = Definition {
    name: "group_wmean",
    summary: "Mean of the symbol's group, weighted by a second series.",
    formula: "group sum of x*y / group sum of y, over members with both values and a positive weight",
    missing: "NaN without both values, a positive weight or a label.",
    example: "group_wmean(returns(close, 1), close * volume, sector)",
    reference: Row(|x, _| {
        let weights: Vec<f64> = x[1].iter().map(|&w| if w > 0.0 { w } else { f64::NAN }).collect();
        by_group_of_pairs(&[x[0], &weights], x[2], |x, w| {
            let total: f64 = w.iter().sum();
            let anchor = x[0];
            let distance: f64 = x.iter().zip(w).map(|(x, w)| (x - anchor) * w).sum();
            vec![anchor + distance / total; x.len()]
        })
    }),
    ..PAIR
};

pub(super) const FILL: Definition = Definition {
    name: "group_fill",
    aliases: &["group_extra"],
    summary: "The value, or the mean of the symbol's group where it is missing.",
    formula: "x if x is not NaN, else group mean of x",
    missing: "NaN without a value and a label, or where no member of the group has a value; outside the universe NaN.",
    example: "group_fill(returns(close, 5), sector)",
    reference: Row(|x, _| {
        let means = by_group(x[0], x[1], |values| vec![mean(values); values.len()]);
        let mean_of = |code: f64| (0..x[0].len()).find(|&i| x[1][i] == code && !means[i].is_nan()).map(|i| means[i]);
        let filled = |i: usize| match x[0][i] {
            value if value.is_nan() => mean_of(x[1][i]).unwrap_or(f64::NAN),
            value => value,
        };
        (0..x[0].len()).map(filled).collect()
    }),
    ..NUMBER
};

pub(super) const BACKFILL: Definition = Definition {
    name: "group_backfill",
    parameters: &[window(1), real_or("c", 0.0, 1e6, 4.0)],
    lookback: Lookback::Window(0),
    cost: 60,
    summary: "The value, or where it is missing the mean of what today's members of the group had over the window, clipped.",
    formula: "x if x is not NaN, else mean(clip(w, mean - c*std, mean + c*std)), w the group's values over d rows",
    missing: "NaN without a value and a label, or where the group has no value in the window; outside the universe NaN.",
    example: "group_backfill(returns(close, 5), sector, 5)",
    reference: Panel(|x, p| {
        let (values, codes) = (x[0], &x[1][x[1].len() - 1]);
        let window = &values[values.len().saturating_sub(p.rows(0))..];
        let today = &values[values.len() - 1];
        let filled = |symbol: usize| {
            if !today[symbol].is_nan() || codes[symbol].is_nan() {
                return today[symbol];
            }
            let members = (0..today.len()).filter(|&other| codes[other] == codes[symbol]);
            let known: Vec<f64> = members
                .flat_map(|other| window.iter().map(move |row| row[other]))
                .filter(|value| !value.is_nan())
                .collect();
            match known.len() {
                0 => f64::NAN,
                1 => known[0],
                _ => {
                    let (center, most) = (mean(&known), p.real(1) * variance(&known, 1.0).sqrt());
                    mean(&known.iter().map(|x| x.clamp(center - most, center + most)).collect::<Vec<_>>())
                }
            }
        };
        (0..today.len()).map(filled).collect()
    }),
    ..NUMBER
};

pub(super) const VECTOR_NEUT: Definition = Definition {
    name: "group_vector_neut",
    summary: "The part of x that is orthogonal to y within the symbol's group.",
    formula: "x - y * sum(x*y) / sum(y*y), sums over the group",
    missing: "NaN without both values or a label; a y of zeros leaves x.",
    example: "group_vector_neut(returns(close, 20), returns(close, 250), sector)",
    reference: Row(|x, _| {
        by_group_of_pairs(x, x[2], |x, y| x.iter().zip(projected(x, y)).map(|(x, along)| x - along).collect())
    }),
    ..PAIR
};

pub(super) const VECTOR_PROJ: Definition = Definition {
    name: "group_vector_proj",
    summary: "The part of x that lies along y within the symbol's group.",
    formula: "y * sum(x*y) / sum(y*y), sums over the group",
    missing: "NaN without both values or a label; a y of zeros gives 0.",
    example: "group_vector_proj(returns(close, 20), returns(close, 250), sector)",
    reference: Row(|x, _| by_group_of_pairs(x, x[2], projected)),
    ..PAIR
};

pub(super) const RESID: Definition = Definition {
    name: "group_resid",
    summary: "What the least-squares line of x on y within the symbol's group leaves of x.",
    formula: "x - alpha - beta*y, the line of the group",
    missing: "NaN without both values or a label; a y that is flat within the group leaves x less its mean.",
    example: "group_resid(returns(close, 20), log(close * volume), sector)",
    reference: Row(|x, _| {
        by_group_of_pairs(x, x[2], |y, x| centered(y).iter().zip(tilted(y, x)).map(|(y, tilt)| y - tilt).collect())
    }),
    ..PAIR
};

pub(super) const CROSS: Definition = Definition {
    name: "group_cross",
    aliases: &["group_cartesian_product"],
    inputs: &[Port::Group, Port::Group],
    output: Output::Group,
    cost: 60,
    summary: "A label for every pair of labels: sector and size together.",
    formula: "number of the pair (g, h) among the row's pairs in order",
    missing: "No label where either is missing, or outside the universe.",
    example: "group_neutralize(returns(close, 5), group_cross(sector, cs_qcut(close * volume, 3)))",
    reference: Row(|x, _| {
        let pair = |i: usize| (x[0][i], x[1][i]);
        let known: Vec<usize> = (0..x[0].len()).filter(|&i| !x[0][i].is_nan() && !x[1][i].is_nan()).collect();
        let mut pairs: Vec<(f64, f64)> = known.iter().map(|&i| pair(i)).collect();
        pairs.sort_by(|left, right| left.0.total_cmp(&right.0).then(left.1.total_cmp(&right.1)));
        pairs.dedup();
        let mut codes = vec![f64::NAN; x[0].len()];
        for &i in &known {
            codes[i] = pairs.iter().position(|&other| other == pair(i)).map_or(f64::NAN, |code| code as f64);
        }
        codes
    }),
    ..NUMBER
};
