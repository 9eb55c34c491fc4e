//! Planted truth: a score whose values foretell the returns that follow, as strongly as is asked for.

use std::collections::VecDeque;

use super::model::Synthetic;
use super::pilot::Pilot;
use super::random::normal_quantile;
use super::spec::{Decay, PlantReturn};
use super::symbol::Band;
use crate::error::Error;

/// Most of a symbol's own deviation that an effect may be.
pub(super) const STRONGEST: f64 = 0.95;

/// Gives a score to every symbol of a finished bar.
pub trait Truth: Send {
    /// Scores of the bar, one a symbol, NaN for none, from what is known at its close. Bars come one by one from the first.
    fn score(&mut self, bar: &Bar<'_>, scores: &mut [f64]);
}

/// A finished bar.
#[derive(Debug)]
pub struct Bar<'a> {
    /// Its number, from 0.
    pub bar: usize,
    /// Microseconds since 1970-01-01T00:00 UTC.
    pub time: i64,
    /// Its fields in the order of [`Synthetic::fields`], each a value a symbol; NaN where a symbol has no bar.
    pub fields: &'a [Vec<f64>],
}

/// What a plant does to the next bar, as shares of each symbol's own deviation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Effect<'a> {
    pub(super) gap: &'a [f64],
    pub(super) body: &'a [f64],
    pub(super) noise: f64,
}

/// A truth and its effect on the bars to come.
///
/// Of the scores of a bar, ranks are taken, and of those, normal quantiles. They are summed over past bars with falling
/// weights, brought to unit variance, and move each symbol's return by a share of its own deviation. The share is such
/// that the rank IC of the *last* score with the *next* return is the one that was asked for: what a trial of the same
/// market says it takes for a score that knows nothing of volatility, over how far that sum agrees with the last score.
pub(super) struct Plant<'a> {
    truth: Box<dyn Truth + 'a>,
    /// The share that gives the rank IC to a score without past.
    strength: f64,
    decay: Fading,
    which: PlantReturn,
    fields: Vec<Vec<f64>>,
    scores: Vec<f64>,
    order: Vec<u32>,
    quantiles: Quantiles,
    /// How much each symbol's effect counts for the rank IC.
    weights: Vec<f64>,
    /// Variance of returns across symbols, a year, beside what each does by itself.
    common: f64,
    effect: Vec<f64>,
    /// The effect of the bar before.
    earlier: Vec<f64>,
    noise: f64,
}

impl<'a> Plant<'a> {
    /// # Errors
    /// When the rank IC cannot be had.
    pub(super) fn new(synthetic: &Synthetic, truth: Box<dyn Truth + 'a>) -> Result<Self, Error> {
        let spec = &synthetic.spec;
        let symbols = spec.symbols;
        Ok(Self {
            truth,
            strength: Pilot::new(synthetic).strength(spec.rank_ic)?,
            decay: Fading::new(spec.decay, spec.half_life, symbols),
            which: spec.plant_return,
            fields: vec![vec![f64::NAN; symbols]; synthetic.fields().len()],
            scores: vec![f64::NAN; symbols],
            order: Vec::new(),
            quantiles: Quantiles::default(),
            weights: vec![0.0; symbols],
            common: {
                let betas = spec.beta_spread * spec.market_volatility;
                betas * betas + spec.sector_volatility * spec.sector_volatility
            },
            effect: vec![0.0; symbols],
            earlier: vec![0.0; symbols],
            noise: 1.0,
        })
    }

    /// What happens to the next bar.
    pub(super) fn effect(&self) -> Effect<'_> {
        let gap = match self.which {
            PlantReturn::NextOpen => &self.earlier,
            PlantReturn::SameClose => &self.effect,
        };
        Effect { gap, body: &self.effect, noise: self.noise }
    }

    /// Takes a bar that is finished, and works out the next one's effect.
    pub(super) fn take(&mut self, synthetic: &Synthetic, bar: usize, bands: &[Band]) {
        for band in bands {
            for (whole, part) in self.fields.iter_mut().zip(&band.fields) {
                whole[band.first..][..part.len()].copy_from_slice(part);
            }
        }
        self.scores.fill(f64::NAN);
        self.truth.score(&Bar { bar, time: synthetic.time(bar), fields: &self.fields }, &mut self.scores);
        self.weigh(bands);
        normal_scores(&mut self.scores, &mut self.order, &mut self.quantiles);

        std::mem::swap(&mut self.effect, &mut self.earlier);
        self.decay.sum(&self.scores, &mut self.effect);
        let agreement = standardise(&mut self.effect, &self.scores, &self.weights);
        // A sum that the last score is hardly part of cannot be made to follow it.
        let share = if agreement > 0.0 { self.strength / agreement } else { 0.0 };
        let share = share.clamp(-STRONGEST, STRONGEST);
        for effect in &mut self.effect {
            *effect *= share;
        }
        self.noise = libm::sqrt(1.0 - share * share);
    }
}

impl Plant<'_> {
    /// A symbol's effect is in proportion to its own deviation, and shifts its rank in proportion to how many others
    /// return about as much, which are few where it is itself far out. For normal returns that is
    /// `own / sqrt(own^2 + pooled)`: without it, scores that know who is volatile would have more than their rank IC.
    /// Who has no score counts for nothing.
    fn weigh(&mut self, bands: &[Band]) {
        let deviations = bands.iter().flat_map(Band::deviations);
        let (mut sum, mut count) = (0.0, 0.0_f64);
        for ((weight, own), score) in self.weights.iter_mut().zip(deviations).zip(&self.scores) {
            *weight = if score.is_finite() { own * own + f64::MIN_POSITIVE } else { 0.0 };
            sum += *weight;
            count += if score.is_finite() { 1.0 } else { 0.0 };
        }
        let pooled = sum / count.max(1.0) + self.common;
        for weight in &mut self.weights {
            *weight = libm::sqrt(*weight / (*weight + pooled + f64::MIN_POSITIVE));
        }
    }
}

/// Turns scores into normal quantiles of their ranks, ties sharing the mean of their ranks; NaN, which has none, into 0.
pub(super) fn normal_scores(scores: &mut [f64], order: &mut Vec<u32>, quantiles: &mut Quantiles) {
    order.clear();
    order.extend((0..scores.len() as u32).filter(|&symbol| scores[symbol as usize].is_finite()));
    order.sort_unstable_by(|&a, &b| scores[a as usize].total_cmp(&scores[b as usize]).then(a.cmp(&b)));
    let table = quantiles.of(order.len());
    let mut start = 0;
    for end in 1..=order.len() {
        let value = |place: usize| scores[order[place] as usize];
        if end < order.len() && value(end) == value(start) {
            continue;
        }
        let mean = table[start..end].iter().sum::<f64>() / (end - start) as f64;
        order[start..end].iter().for_each(|&symbol| scores[symbol as usize] = mean);
        start = end;
    }
    scores.iter_mut().filter(|score| !score.is_finite()).for_each(|score| *score = 0.0);
}

/// Normal quantiles of the ranks of so many.
#[derive(Debug, Default)]
pub(super) struct Quantiles {
    values: Vec<f64>,
}

impl Quantiles {
    fn of(&mut self, count: usize) -> &[f64] {
        if self.values.len() != count {
            self.values.clear();
            self.values.extend((0..count).map(|rank| normal_quantile((rank as f64 + 0.5) / count as f64)));
        }
        &self.values
    }
}

/// Brings values to mean 0 and variance 1 over those of a positive weight, and says how far they agree with others:
/// their correlation, where weights have nothing to do with either. Others become 0, and all do where they do not differ.
fn standardise(values: &mut [f64], others: &[f64], weights: &[f64]) -> f64 {
    let (mut count, mut own, mut other, mut weighed) = (0.0, 0.0, 0.0, 0.0);
    for ((value, of), weight) in values.iter().zip(others).zip(weights).filter(|(_, weight)| **weight > 0.0) {
        count += 1.0;
        own += value;
        other += of;
        weighed += weight;
    }
    let (mut variance, mut other_variance, mut product) = (0.0, 0.0, 0.0);
    for ((value, of), &weight) in values.iter_mut().zip(others).zip(weights) {
        if weight == 0.0 {
            *value = 0.0;
            continue;
        }
        *value -= own / count;
        let of = of - other / count;
        variance += *value * *value;
        other_variance += of * of;
        product += weight * *value * of;
    }
    if variance <= 1e-12 * count {
        values.fill(0.0);
        return 0.0;
    }
    let deviation = libm::sqrt(variance / count);
    for value in values.iter_mut() {
        *value /= deviation;
    }
    let whole = weighed / count * libm::sqrt(variance * other_variance);
    if whole > 0.0 { product / whole } else { 0.0 }
}

/// Past scores, and what is left of each.
#[derive(Debug)]
enum Fading {
    /// By a share a bar: nothing but a sum is kept.
    Share { left: f64, sum: Vec<f64> },
    /// By a weight for each bar back.
    Weights { weights: Vec<f64>, past: VecDeque<Vec<f64>> },
}

impl Fading {
    fn new(decay: Decay, half_life: f64, symbols: usize) -> Self {
        match decay {
            Decay::Exponential => {
                let left = if half_life > 0.0 { libm::exp2(-1.0 / half_life) } else { 0.0 };
                Self::Share { left, sum: vec![0.0; symbols] }
            }
            Decay::Linear => {
                let length = (2.0 * half_life).max(1.0);
                let weights = (0..length.ceil() as usize).map(|back| 1.0 - back as f64 / length).collect();
                Self::Weights { weights, past: VecDeque::new() }
            }
            Decay::Step => {
                Self::Weights { weights: vec![1.0; half_life.ceil().max(1.0) as usize], past: VecDeque::new() }
            }
        }
    }

    /// Takes the scores of a bar, and gives the sum.
    fn sum(&mut self, scores: &[f64], into: &mut [f64]) {
        match self {
            Fading::Share { left, sum } => {
                for ((sum, score), into) in sum.iter_mut().zip(scores).zip(into) {
                    *sum = *left * *sum + score;
                    *into = *sum;
                }
            }
            Fading::Weights { weights, past } => {
                let mut newest = if past.len() == weights.len() { past.pop_back() } else { None }.unwrap_or_default();
                newest.clear();
                newest.extend_from_slice(scores);
                past.push_front(newest);
                into.fill(0.0);
                for (weight, scores) in weights.iter().zip(past.iter()) {
                    for (into, score) in into.iter_mut().zip(scores) {
                        *into += weight * score;
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_become_normal_quantiles_of_their_ranks() {
        let mut scores = [3.0, f64::NAN, -1.0, 7.0, -1.0];
        normal_scores(&mut scores, &mut Vec::new(), &mut Quantiles::default());
        let quantile = |p: f64| normal_quantile(p);
        let tie = f64::midpoint(quantile(0.125), quantile(0.375));
        assert_eq!(scores, [quantile(0.625), 0.0, tie, quantile(0.875), tie]);
    }

    /// What is left of one score, bar by bar.
    fn check(decay: Decay, half_life: f64, expected: &[f64]) {
        let mut fading = Fading::new(decay, half_life, 1);
        let mut found = vec![0.0; expected.len()];
        for (bar, into) in found.iter_mut().enumerate() {
            fading.sum(&[if bar == 0 { 1.0 } else { 0.0 }], std::slice::from_mut(into));
        }
        assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12), "{found:?}");
    }

    #[test]
    fn effects_halve_after_their_half_life() {
        check(Decay::Exponential, 0.0, &[1.0, 0.0, 0.0]);
        check(Decay::Exponential, 2.0, &[1.0, 0.5_f64.sqrt(), 0.5, 0.5 * 0.5_f64.sqrt(), 0.25]);
        check(Decay::Linear, 2.0, &[1.0, 0.75, 0.5, 0.25, 0.0, 0.0]);
        check(Decay::Linear, 0.0, &[1.0, 0.0]);
        check(Decay::Step, 3.0, &[1.0, 1.0, 1.0, 0.0]);
    }
}
