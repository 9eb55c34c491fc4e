//! Planted truth: a score whose values foretell the returns that follow, as strongly as is asked for.

use std::collections::VecDeque;

use super::generator::Generator;
use super::model::{BLOCK, Synthetic};
use super::random::{Purpose, Stream, Tables, key, normal_quantile};
use super::spec::{Decay, PlantReturn, Regime};
use super::symbol::{Band, CLOSE, OPEN, Trace};
use crate::error::Error;

/// Most of a symbol's own deviation that an effect may be.
const STRONGEST: f64 = 0.95;
/// Cells of the trial market that the strength is found on.
const PILOT_CELLS: usize = 120_000;
/// Halvings of the range in which the strength is looked for.
const STEPS: usize = 24;

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
            common: (spec.beta_spread * spec.market_volatility).powi(2) + spec.sector_volatility.powi(2),
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
        normal_scores(&mut self.scores, &mut self.order, &mut self.quantiles);

        std::mem::swap(&mut self.effect, &mut self.earlier);
        self.decay.sum(&self.scores, &mut self.effect);
        self.weigh(bands);
        let agreement = standardise(&mut self.effect, &self.scores, &self.weights);
        // A sum that the last score is hardly part of cannot be made to follow it.
        let share = if agreement > 0.0 { self.strength / agreement } else { 0.0 };
        let share = share.clamp(-STRONGEST, STRONGEST);
        self.effect.iter_mut().for_each(|effect| *effect *= share);
        self.noise = libm::sqrt(1.0 - share * share);
    }
}

impl Plant<'_> {
    /// A symbol's effect is in proportion to its own deviation, and shifts its rank in proportion to how many others
    /// return about as much, which are few where it is itself far out. For normal returns that is
    /// `own / sqrt(own^2 + pooled)`: without it, scores that know who is volatile would have more than their rank IC.
    fn weigh(&mut self, bands: &[Band]) {
        for (weight, own) in self.weights.iter_mut().zip(bands.iter().flat_map(Band::deviations)) {
            *weight = own * own;
        }
        let pooled = self.weights.iter().sum::<f64>() / self.weights.len() as f64 + self.common;
        for weight in &mut self.weights {
            *weight = libm::sqrt(*weight / (*weight + pooled + f64::MIN_POSITIVE));
        }
    }
}

/// Turns scores into normal quantiles of their ranks, ties sharing the mean of their ranks; NaN, which has none, into 0.
fn normal_scores(scores: &mut [f64], order: &mut Vec<u32>, quantiles: &mut Quantiles) {
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
struct Quantiles {
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

/// Brings values to mean 0 and variance 1, and says how far they agree with others: their correlation, where weights have
/// nothing to do with either. All 0 where they do not differ.
fn standardise(values: &mut [f64], others: &[f64], weights: &[f64]) -> f64 {
    let count = values.len() as f64;
    let mean = |values: &[f64]| values.iter().sum::<f64>() / count;
    let (own, other, weight) = (mean(values), mean(others), mean(weights));
    let (mut variance, mut other_variance, mut product) = (0.0, 0.0, 0.0);
    for ((value, of), weight) in values.iter_mut().zip(others).zip(weights) {
        *value -= own;
        variance += *value * *value;
        other_variance += (of - other) * (of - other);
        product += weight * *value * (of - other);
    }
    if variance <= 1e-12 * count {
        values.fill(0.0);
        return 0.0;
    }
    let deviation = libm::sqrt(variance / count);
    values.iter_mut().for_each(|value| *value /= deviation);
    let whole = weight * libm::sqrt(variance * other_variance);
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

/// A trial market like the one to be made, on which any strength of a random score can be tried.
///
/// Rank IC depends on how the returns of a bar are spread over symbols: on tails, on volatilities that differ, on what
/// symbols have in common. No formula covers all of that, so it is measured.
struct Pilot {
    symbols: usize,
    /// Each `[bars x symbols]`: what symbols share, what they do by themselves, and how far an effect of one goes.
    common: Vec<f64>,
    own: Vec<f64>,
    reach: Vec<f64>,
    scores: Vec<f64>,
}

impl Pilot {
    fn new(synthetic: &Synthetic) -> Self {
        let symbols = synthetic.spec.symbols;
        let bars = (PILOT_CELLS / symbols).clamp(24, BLOCK);
        let seed = key(synthetic.spec.seed, Purpose::Pilot, 0, 0);
        // Everybody listed, nothing extraordinary, and regimes as they are on the whole.
        let mut trial = synthetic.with(|spec| {
            spec.bars = bars + 1;
            spec.seed = seed;
            spec.plant = None;
            (spec.late_listings, spec.delisting_rate, spec.split_rate) = (0.0, 0.0, 0.0);
            spec.regimes
                .iter_mut()
                .for_each(|regime: &mut Regime| regime.length = regime.length.min(bars as f64 / 8.0));
        });
        trial.windows.clear();
        let mut pilot = Self {
            symbols,
            common: Vec::with_capacity(bars * symbols),
            own: Vec::with_capacity(bars * symbols),
            reach: Vec::with_capacity(bars * symbols),
            scores: Vec::with_capacity(bars * symbols),
        };
        let mut draw = Stream::new(seed, Purpose::Pilot, 1, 0);
        let (mut order, mut quantiles) = (Vec::new(), Quantiles::default());
        let mut generator = Generator::traced(&trial);
        let mut last: Option<Row> = None;
        while generator.advance(1).bars() == 1 {
            let row = Row::of(&generator, symbols);
            if let Some(before) = last.replace(row.clone()) {
                // From open to open the body of one bar and the gap of the next; from close to close, all of the next.
                let body = match synthetic.spec.plant_return {
                    PlantReturn::NextOpen => &before,
                    PlantReturn::SameClose => &row,
                };
                let first = pilot.scores.len();
                for symbol in 0..symbols {
                    let whole = match synthetic.spec.plant_return {
                        PlantReturn::NextOpen => row.open[symbol] - before.open[symbol],
                        PlantReturn::SameClose => row.close[symbol] - before.close[symbol],
                    };
                    let own = body.own_body[symbol] + row.own_gap[symbol];
                    pilot.own.push(own);
                    pilot.common.push(whole - own);
                    pilot.reach.push(body.reach_body[symbol] + row.reach_gap[symbol]);
                    pilot.scores.push(draw.normal(Tables::get()));
                }
                normal_scores(&mut pilot.scores[first..], &mut order, &mut quantiles);
            }
        }
        pilot
    }

    /// The share of the own deviation that gives a rank IC.
    fn strength(&self, rank_ic: f64) -> Result<f64, Error> {
        let nothing = self.rank_ic(0.0);
        let most = self.rank_ic(STRONGEST) - nothing;
        if rank_ic.abs() > most {
            let problem = format!(
                "`rank_ic` = {rank_ic} is more than the {most:.2} that symbols' own moves can carry here; lower \
                 `market_volatility`, `sector_volatility` or `volatility_spread`, or ask for less"
            );
            return Err(Error::unusable("synth", problem));
        }
        let (mut low, mut high) = (0.0, STRONGEST);
        for _ in 0..STEPS {
            let middle = f64::midpoint(low, high);
            if self.rank_ic(middle) - nothing < rank_ic.abs() { low = middle } else { high = middle }
        }
        Ok(f64::midpoint(low, high).copysign(rank_ic))
    }

    /// Mean rank IC of the scores at a strength. The same noise at every strength makes differences exact.
    fn rank_ic(&self, strength: f64) -> f64 {
        let noise = libm::sqrt(1.0 - strength * strength);
        let (mut total, mut rows) = (0.0, 0);
        let (mut returns, mut order) = (Vec::new(), Vec::new());
        for start in (0..self.scores.len()).step_by(self.symbols) {
            let cells = start..start + self.symbols;
            returns.clear();
            returns.extend(cells.clone().map(|cell| {
                self.common[cell] + noise * self.own[cell] + strength * self.reach[cell] * self.scores[cell]
            }));
            total += spearman(&self.scores[cells], &returns, &mut order);
            rows += 1;
        }
        total / f64::from(rows.max(1))
    }
}

/// What a trial's bar says of every symbol, in logarithms.
#[derive(Clone)]
struct Row {
    open: Vec<f64>,
    close: Vec<f64>,
    own_gap: Vec<f64>,
    own_body: Vec<f64>,
    reach_gap: Vec<f64>,
    reach_body: Vec<f64>,
}

impl Row {
    fn of(generator: &Generator<'_>, symbols: usize) -> Self {
        let gap_share = generator.shared_bars()[0].gap_share;
        let of = |value: &dyn Fn(&Band, usize) -> f64| {
            let lanes = generator.bands().iter().flat_map(|band| (0..band.width()).map(move |lane| (band, lane)));
            let values: Vec<f64> = lanes.map(|(band, lane)| value(band, lane)).collect();
            debug_assert_eq!(values.len(), symbols);
            values
        };
        let trace = |band: &Band, which: fn(&Trace) -> &Vec<f64>, lane: usize| {
            which(band.traced.as_ref().expect("a trial is traced"))[lane]
        };
        Self {
            open: of(&|band, lane| libm::log(band.fields[OPEN][lane])),
            close: of(&|band, lane| libm::log(band.fields[CLOSE][lane])),
            own_gap: of(&|band, lane| trace(band, |of| &of.gap, lane)),
            own_body: of(&|band, lane| trace(band, |of| &of.body, lane)),
            reach_gap: of(&|band, lane| trace(band, |of| &of.scale, lane) * gap_share),
            reach_body: of(&|band, lane| trace(band, |of| &of.scale, lane) * (1.0 - gap_share)),
        }
    }
}

/// Rank correlation of scores, which rise with their ranks, with values that have no ties worth speaking of.
fn spearman(scores: &[f64], values: &[f64], order: &mut Vec<u32>) -> f64 {
    let mut ranks = |values: &[f64]| {
        order.clear();
        order.extend(0..values.len() as u32);
        order.sort_unstable_by(|&a, &b| values[a as usize].total_cmp(&values[b as usize]).then(a.cmp(&b)));
        let mut ranks = vec![0.0; values.len()];
        for (rank, &symbol) in order.iter().enumerate() {
            ranks[symbol as usize] = rank as f64;
        }
        ranks
    };
    let (scores, values) = (ranks(scores), ranks(values));
    let middle = (scores.len() as f64 - 1.0) / 2.0;
    let product: f64 = scores.iter().zip(&values).map(|(a, b)| (a - middle) * (b - middle)).sum();
    let square: f64 = scores.iter().map(|a| (a - middle) * (a - middle)).sum();
    if square > 0.0 { product / square } else { 0.0 }
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
