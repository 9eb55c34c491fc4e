//! How strong a planted effect has to be: measured on a trial market.

use super::generator::Generator;
use super::model::{BLOCK, Synthetic};
use super::plant::{Quantiles, STRONGEST, normal_scores};
use super::random::{Purpose, Stream, Tables, key};
use super::spec::{PlantReturn, Regime};
use super::symbol::{Band, CLOSE, OPEN, Trace};
use crate::error::Error;

/// Cells of the trial market that the strength is found on.
const CELLS: usize = 400_000;
/// Steps in which the strength is found: rank IC is nearly in proportion to it, so that each step adds a digit or two.
const STEPS: usize = 8;

/// A trial market like the one to be made, on which any strength of a random score can be tried.
///
/// Rank IC depends on how the returns of a bar are spread over symbols: on tails, on volatilities that differ, on what
/// symbols have in common. No formula covers all of that, so it is measured.
pub(super) struct Pilot {
    symbols: usize,
    /// Each `[bars x symbols]`: what symbols share, what they do by themselves, and how far an effect of one goes.
    common: Vec<f64>,
    own: Vec<f64>,
    reach: Vec<f64>,
    scores: Vec<f64>,
    /// Ranks of the scores, about a mean of 0.
    ranks: Vec<f64>,
}

impl Pilot {
    pub(super) fn new(synthetic: &Synthetic) -> Self {
        let symbols = synthetic.spec.symbols;
        let bars = (CELLS / symbols).clamp(24, BLOCK);
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
            ranks: Vec::with_capacity(bars * symbols),
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
                pilot.ranks.resize(first + symbols, 0.0);
                rank(&pilot.scores[first..], &mut order, &mut pilot.ranks[first..]);
            }
        }
        pilot
    }

    /// The share of the own deviation that gives a rank IC.
    pub(super) fn strength(&self, rank_ic: f64) -> Result<f64, Error> {
        let nothing = self.rank_ic(0.0);
        let most = self.rank_ic(STRONGEST) - nothing;
        if rank_ic.abs() > most {
            let problem = format!(
                "`rank_ic` = {rank_ic} is more than the {most:.2} that symbols' own moves can carry here; lower \
                 `market_volatility`, `sector_volatility` or `volatility_spread`, or ask for less"
            );
            return Err(Error::unusable("synth", problem));
        }
        let mut strength = rank_ic.abs();
        for _ in 0..STEPS {
            let found = self.rank_ic(strength) - nothing;
            if found <= 0.0 {
                break;
            }
            strength = (strength * rank_ic.abs() / found).min(STRONGEST);
        }
        Ok(strength.copysign(rank_ic))
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
            total += spearman(&self.ranks[cells], &returns, &mut order);
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

/// Rank correlation of ranks about 0 with values, neither with ties worth speaking of.
fn spearman(ranks: &[f64], values: &[f64], order: &mut Vec<u32>) -> f64 {
    let mut others = vec![0.0; values.len()];
    rank(values, order, &mut others);
    let product: f64 = ranks.iter().zip(&others).map(|(a, b)| a * b).sum();
    let square: f64 = ranks.iter().map(|a| a * a).sum();
    if square > 0.0 { product / square } else { 0.0 }
}

/// Ranks about a mean of 0.
fn rank(values: &[f64], order: &mut Vec<u32>, into: &mut [f64]) {
    order.clear();
    order.extend(0..values.len() as u32);
    order.sort_unstable_by(|&a, &b| values[a as usize].total_cmp(&values[b as usize]).then(a.cmp(&b)));
    let middle = (values.len() as f64 - 1.0) / 2.0;
    for (rank, &symbol) in order.iter().enumerate() {
        into[symbol as usize] = rank as f64 - middle;
    }
}
