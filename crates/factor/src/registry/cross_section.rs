//! One row at a time: all members of the universe, or the members of each group.

use super::{BASE, real_or};
use crate::operator::{Definition, Family, Output, Parameter, ParameterKind, Port, Reference::Row};
use crate::reference::{average_rank, by_group, centered, mean, on_members, variance};

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
    reference: Row(|x, p| {
        on_members(x[0], |values| {
            let total: f64 = values.iter().map(|x| x.abs()).sum();
            values.iter().map(|x| if total == 0.0 { 0.0 } else { p.real(0) * x / total }).collect()
        })
    }),
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
