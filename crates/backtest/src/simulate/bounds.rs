//! Bounds of a book: risk target, caps on positions, groups, net and gross.

use factor::{Positions, Sizing};

use super::Rows;
use super::bars::Market;
use super::targets::Targets;

/// Sums this near to their bound, as a fraction, keep it.
const ROUNDING: f64 = 1e-12;

/// A book that would have moved less than this a year has no risk to scale by.
const STILL: f64 = 1e-7;

/// Scales target weights until they keep all bounds: first the risk target, then the most weight of a position, of a
/// group, net, and gross. Each step only ever takes weight away from what the one before left, except the risk target,
/// which may also add; what is taken away stays in cash.
pub(super) fn keep(sizing: &Sizing, targets: &mut Targets, rows: &Rows<'_>, market: &Market<'_>, row: usize) {
    let Sizing { gross, risk_target, max_position, max_group, max_net, .. } = *sizing;
    if let Some(target) = risk_target {
        aim_at_risk(target, gross, targets, market, row);
    }
    if let Some(most) = max_position {
        change(targets, |_, weight| weight.clamp(-most, most));
    }
    if let (Some(most), Some(groups)) = (max_group, rows.group) {
        limit_groups(most, groups, targets);
    }
    if let Some(most) = max_net {
        limit_net(most, targets);
    }
    if risk_target.is_some() || gross != 1.0 {
        let total = sum(targets, f64::abs);
        if total > gross * (1.0 + ROUNDING) {
            change(targets, |_, weight| weight * (gross / total));
        }
    }
}

/// Makes the volatility per year that the weights would have had a target, as far as gross allows.
fn aim_at_risk(target: f64, gross: f64, targets: &mut Targets, market: &Market<'_>, row: usize) {
    let weights: Vec<(usize, f64)> = targets.chosen.iter().map(|symbol| (symbol, targets.weights[symbol])).collect();
    let window = Positions::VOLATILITY_WINDOW as usize;
    let volatility = market.deviation_of(&weights, row, window) * market.periods_per_year().sqrt();
    let total = sum(targets, f64::abs);
    // Without a history there is no risk to aim at, and the weights stay.
    if volatility > STILL && total > 0.0 {
        let factor = (target / volatility).min(gross / total);
        change(targets, |_, weight| weight * factor);
    }
}

fn limit_groups(most: f64, groups: &[f64], targets: &mut Targets) {
    let mut members: Vec<(u64, f64)> = targets
        .chosen
        .iter()
        .filter(|&symbol| !groups[symbol].is_nan())
        .map(|symbol| (groups[symbol].to_bits(), targets.weights[symbol].abs()))
        .collect();
    // A stable sort: sums run over symbols in order.
    members.sort_by_key(|&(group, _)| group);
    let totals: Vec<(u64, f64)> = members
        .chunk_by(|a, b| a.0 == b.0)
        .map(|group| (group[0].0, group.iter().map(|&(_, weight)| weight).sum()))
        .collect();
    change(targets, |symbol, weight| {
        let total = totals.binary_search_by_key(&groups[symbol].to_bits(), |&(group, _)| group);
        match total.map(|at| totals[at].1) {
            Ok(total) if total > most * (1.0 + ROUNDING) => weight * (most / total),
            _ => weight,
        }
    });
}

fn limit_net(most: f64, targets: &mut Targets) {
    let net = sum(targets, |weight| weight);
    if net.abs() <= most * (1.0 + ROUNDING) {
        return;
    }
    let side = net.signum();
    let larger = sum(targets, |weight| (side * weight).max(0.0));
    let factor = (larger - (net.abs() - most)) / larger;
    change(targets, |_, weight| if side * weight > 0.0 { weight * factor } else { weight });
}

fn sum(targets: &Targets, of: impl Fn(f64) -> f64) -> f64 {
    targets.chosen.iter().map(|symbol| of(targets.weights[symbol])).sum()
}

fn change(targets: &mut Targets, change: impl Fn(usize, f64) -> f64) {
    for symbol in targets.chosen.iter() {
        targets.weights[symbol] = change(symbol, targets.weights[symbol]);
    }
}
