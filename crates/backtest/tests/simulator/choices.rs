//! Target weights, slowly: everything sorted, every bound by its definition.

use factor::{Count, Positions, Rule, Sizing, Weighting};
use ndarray::Array2;

use crate::reference::Cell;
use crate::world::{Signals, World};

pub(crate) fn count_of(count: Count, close: &Array2<f64>, row: usize) -> usize {
    let members = close.row(row).iter().filter(|price| !price.is_nan()).count();
    match count {
        Count::Number(number) => number as usize,
        Count::Fraction(fraction) => ((fraction * members as f64).round() as usize).max(1),
    }
}

pub(crate) fn target_weights(cells: &[Cell], row: usize, stuck: usize, world: &World) -> Vec<f64> {
    let World { close, signals, positions, .. } = world;
    let Signals { score, entry, exit, weight_volatility, .. } = signals;
    let Positions { rule, count, keep, weight, sizing, .. } = *positions;
    let count = count_of(count, close, row);
    let score_of = |symbol: usize| score.as_ref().map_or(0.0, |score| score[[row, symbol]]);
    let mut able: Vec<usize> = (0..cells.len())
        .filter(|&symbol| {
            let held = cells[symbol].shares != 0.0;
            let enters = entry.as_ref().is_none_or(|entry| entry[[row, symbol]] == 1.0);
            let exits = exit.as_ref().is_some_and(|exit| exit[[row, symbol]] == 1.0);
            let sized = weight != Weighting::InverseVolatility
                || weight_volatility.as_ref().is_some_and(|volatility| volatility[[row, symbol]] > 0.0);
            let may = if rule == Rule::Signal {
                !held && enters
            } else {
                (held && !cells[symbol].leaving) || (!held && enters)
            };
            may && !exits && sized && !close[[row, symbol]].is_nan() && !score_of(symbol).is_nan()
        })
        .collect();
    // A stable sort keeps ties in symbol order.
    able.sort_by(|&a, &b| score_of(b).total_cmp(&score_of(a)));
    // The first so many of a sorted list, what is held on a side and stands among the first to be kept before the others.
    let first = |sorted: &[usize], number: usize, side: f64| -> Vec<usize> {
        let line = keep.map_or(0, |keep| count_of(keep, close, row).max(number));
        let stays = |at: usize| at < line && side * cells[sorted[at]].shares > 0.0;
        let (kept, others): (Vec<usize>, Vec<usize>) = (0..sorted.len()).partition(|&at| stays(at));
        kept.into_iter().chain(others).take(number).map(|at| sorted[at]).collect()
    };

    let mut weights = vec![0.0; cells.len()];
    let mut share = |chosen: &[usize], part: f64| {
        let sign = part.signum();
        let worst = chosen.iter().map(|&symbol| sign * score_of(symbol)).fold(f64::INFINITY, f64::min);
        let rank = |symbol: usize| {
            let below = chosen.iter().filter(|&&other| sign * score_of(other) < sign * score_of(symbol)).count();
            let equal = chosen.iter().filter(|&&other| score_of(other) == score_of(symbol)).count();
            below as f64 + 0.5 * (equal + 1) as f64
        };
        let mut raw: Vec<f64> = chosen
            .iter()
            .map(|&symbol| match weight {
                Weighting::Equal => 1.0,
                Weighting::Score => sign * score_of(symbol) - worst,
                Weighting::InverseVolatility => 1.0 / weight_volatility.as_ref().expect("sized")[[row, symbol]],
                Weighting::Rank => rank(symbol),
            })
            .collect();
        if raw.iter().all(|&raw| raw == 0.0) {
            raw.fill(1.0);
        }
        let total: f64 = raw.iter().sum();
        for (&symbol, raw) in chosen.iter().zip(raw) {
            weights[symbol] = part * raw / total;
        }
    };
    match rule {
        Rule::Top => share(&first(&able, count, 1.0), sizing.gross),
        Rule::LongShort => {
            let side = count.min(able.len() / 2);
            let best = first(&able, side, 1.0);
            share(&best, 0.5 * sizing.gross);
            let mut rest: Vec<usize> = able.iter().copied().filter(|symbol| !best.contains(symbol)).collect();
            rest.sort_by(|&a, &b| score_of(a).total_cmp(&score_of(b)).then(a.cmp(&b)));
            share(&first(&rest, side, -1.0), -0.5 * sizing.gross);
        }
        Rule::Signal => {
            let staying = cells.iter().filter(|cell| cell.shares != 0.0 && !cell.leaving).count();
            let free = count.saturating_sub(staying + stuck);
            let chosen = &able[..free.min(able.len())];
            share(chosen, sizing.gross * chosen.len() as f64 / count as f64);
        }
        Rule::Weights => {
            let total: f64 = able.iter().map(|&symbol| score_of(symbol).abs()).sum();
            for &symbol in &able {
                weights[symbol] = score_of(symbol) / (total / sizing.gross).max(1.0);
            }
        }
    }
    bound(&mut weights, row, world);
    weights
}

fn scale(weights: &mut [f64], factor: f64) {
    for weight in weights {
        *weight *= factor;
    }
}

fn bound(weights: &mut [f64], row: usize, world: &World) {
    let World { close, signals, positions, .. } = world;
    let Sizing { gross, risk_target, max_position, max_group, max_net, .. } = positions.sizing;
    let total = |weights: &[f64]| weights.iter().map(|weight| weight.abs()).sum::<f64>();
    if let Some(target) = risk_target {
        let returns: Vec<f64> = (1..=row)
            .rev()
            .take(60)
            .map(|row| {
                let earned = |symbol: usize| close[[row, symbol]] / close[[row - 1, symbol]] - 1.0;
                let known = (0..weights.len()).filter(|&symbol| earned(symbol).is_finite());
                known.map(|symbol| weights[symbol] * earned(symbol)).sum()
            })
            .collect();
        if returns.len() > 1 {
            let mean = returns.iter().sum::<f64>() / returns.len() as f64;
            let squares: f64 = returns.iter().map(|r| (r - mean) * (r - mean)).sum();
            let volatility = (squares / (returns.len() - 1) as f64 * world.periods_per_year()).sqrt();
            if volatility > 1e-7 {
                let factor = (target / volatility).min(gross / total(weights));
                scale(weights, factor);
            }
        }
    }
    if let Some(most) = max_position {
        for weight in weights.iter_mut() {
            *weight = weight.min(most).max(-most);
        }
    }
    if let (Some(most), Some(groups)) = (max_group, &signals.group) {
        let before = weights.to_vec();
        for symbol in 0..weights.len() {
            let group = groups[[row, symbol]];
            let members = (0..before.len()).filter(|&other| groups[[row, other]] == group);
            let held: f64 = members.map(|other| before[other].abs()).sum();
            if held > most {
                weights[symbol] *= most / held;
            }
        }
    }
    if let Some(most) = max_net {
        let (long, short): (f64, f64) =
            (weights.iter().map(|w| w.max(0.0)).sum(), weights.iter().map(|w| (-w).max(0.0)).sum());
        for weight in weights.iter_mut() {
            if long - short > most && *weight > 0.0 {
                *weight *= (short + most) / long;
            } else if short - long > most && *weight < 0.0 {
                *weight *= (long + most) / short;
            }
        }
    }
    let held = total(weights);
    if held > gross {
        scale(weights, gross / held);
    }
}
