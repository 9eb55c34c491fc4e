//! What all symbols of a synthetic market have in common on a bar: factors, regime, scenarios.

use super::model::{BLOCK, Synthetic};
use super::random::{Purpose, Stream, Tables, Tails};
use super::spec::ScenarioKind;

/// Volatility of a bear market, and of a crash or a rally.
const NERVOUS: f64 = 1.5;
const WILD: f64 = 3.0;

/// A bar, as far as it is the same for all symbols. Moves are logarithms; those of a factor are before beta.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct SharedBar {
    /// The market's factor: its move before the open and from open to close.
    pub(super) market: Move,
    /// Drift and scenarios, before the open and from open to close.
    pub(super) drift: [f64; 2],
    /// The root of this bar's share of a year's variance.
    pub(super) root: f64,
    /// The share of the bar's variance that falls before the open, and the root of that share times the other.
    pub(super) gap_share: f64,
    pub(super) gap_cross: f64,
    /// By what own volatilities are multiplied.
    pub(super) multiple: f64,
    /// Added to the logarithm of the volume.
    pub(super) volume: f64,
    /// By what ranges are widened.
    pub(super) widening: f64,
    /// No symbol has a bar.
    pub(super) dark: bool,
}

/// A factor's bar.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Move {
    pub(super) gap: f64,
    pub(super) body: f64,
    /// Variance of the whole bar as could be known before it.
    pub(super) variance: f64,
    /// Variance from open to close, the bar's own tails included.
    pub(super) body_variance: f64,
}

/// Factors, regime and scenarios on their way through the bars.
#[derive(Debug, Clone)]
pub(super) struct Shared {
    market: Factor,
    sectors: Vec<Factor>,
    regime: usize,
    regimes: Stream,
}

/// GARCH, memory and random numbers of a factor.
#[derive(Debug, Clone)]
struct Factor {
    purpose: Purpose,
    number: u64,
    stream: Stream,
    variance: f64,
    last: f64,
}

/// How innovations become moves, for factors and symbols alike.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dynamics {
    pub(super) tails: Tails,
    pub(super) alpha: f64,
    pub(super) beta: f64,
    /// What keeps the mean variance one.
    pub(super) keep: f64,
    pub(super) memory: f64,
    /// What keeps the variance with memory one.
    pub(super) fresh: f64,
}

impl Dynamics {
    pub(super) fn new(synthetic: &Synthetic) -> Self {
        let spec = &synthetic.spec;
        let memory = spec.autocorrelation;
        Self {
            tails: synthetic.tails,
            alpha: spec.garch_alpha,
            beta: spec.garch_beta,
            keep: 1.0 - spec.garch_alpha - spec.garch_beta,
            memory,
            fresh: libm::sqrt(1.0 - memory * memory),
        }
    }
}

impl Shared {
    pub(super) fn new(synthetic: &Synthetic) -> Self {
        let seed = synthetic.spec.seed;
        let factor = |purpose, number| Factor {
            purpose,
            number,
            stream: Stream::new(seed, purpose, number, 0),
            variance: 1.0,
            last: 0.0,
        };
        Self {
            market: factor(Purpose::Market, 0),
            sectors: (0..synthetic.spec.sectors as u64).map(|number| factor(Purpose::Sector, number)).collect(),
            regime: 0,
            regimes: Stream::new(seed, Purpose::Regime, 0, 0),
        }
    }

    /// Fills the bars from `first` on, and the sectors' moves on them, `[bars x sectors]`.
    pub(super) fn advance(
        &mut self,
        synthetic: &Synthetic,
        first: usize,
        bars: &mut [SharedBar],
        sectors: &mut [Move],
    ) {
        let spec = &synthetic.spec;
        let dynamics = Dynamics::new(synthetic);
        let count = spec.sectors;
        for (row, bar) in bars.iter_mut().enumerate() {
            let at = first + row;
            let (drift, multiple) = self.regime(synthetic, at);
            let mut frame = frame(synthetic, at, drift, multiple);
            let shock = frame.shock;
            self.market
                .step(spec.seed, at, &dynamics, spec.market_volatility * shock, &mut frame.bar, |bar| &mut bar.market);
            for (factor, into) in self.sectors.iter_mut().zip(&mut sectors[row * count..][..count]) {
                factor.step(spec.seed, at, &dynamics, spec.sector_volatility * shock, &mut frame.bar, |_| into);
            }
            *bar = frame.bar;
        }
    }

    /// The regime's drift a year and its multiple of volatility on a bar.
    fn regime(&mut self, synthetic: &Synthetic, bar: usize) -> (f64, f64) {
        let regimes = &synthetic.spec.regimes;
        if regimes.is_empty() {
            return (0.0, 1.0);
        }
        if bar.is_multiple_of(BLOCK) {
            self.regimes = Stream::new(synthetic.spec.seed, Purpose::Regime, 0, (bar / BLOCK) as u64);
        }
        let (leaves, which) = (self.regimes.uniform(), self.regimes.uniform());
        if bar > 0 && regimes.len() > 1 && leaves * regimes[self.regime].length < 1.0 {
            // One of the others, each as likely.
            let other = ((which * (regimes.len() - 1) as f64) as usize).min(regimes.len() - 2);
            self.regime = if other >= self.regime { other + 1 } else { other };
        }
        (regimes[self.regime].drift, regimes[self.regime].volatility)
    }
}

impl Factor {
    /// Draws a bar's move, of a volatility a year, into its place.
    fn step<'a>(
        &mut self,
        seed: u64,
        at: usize,
        dynamics: &Dynamics,
        volatility: f64,
        bar: &'a mut SharedBar,
        place: impl FnOnce(&'a mut SharedBar) -> &'a mut Move,
    ) {
        let tables = Tables::get();
        if at.is_multiple_of(BLOCK) {
            self.stream = Stream::new(seed, self.purpose, self.number, (at / BLOCK) as u64);
        }
        let scale = dynamics.tails.scale(&mut self.stream, tables);
        let innovation = scale * self.stream.normal(tables);
        let aside = scale * self.stream.normal(tables);
        let now = dynamics.memory * self.last + dynamics.fresh * innovation;
        let deviation = volatility * bar.multiple * bar.root * libm::sqrt(self.variance);
        let before = bar.gap_share * now + bar.gap_cross * aside;
        let variance = deviation * deviation;
        let body_variance = variance * (1.0 - bar.gap_share) * scale * scale;
        *place(bar) = Move { gap: deviation * before, body: deviation * (now - before), variance, body_variance };
        self.last = now;
        self.variance = dynamics.keep + (dynamics.alpha * innovation * innovation + dynamics.beta) * self.variance;
    }
}

/// A bar without its factors, and by what scenarios multiply the factors' volatility.
struct Frame {
    bar: SharedBar,
    shock: f64,
}

fn frame(synthetic: &Synthetic, at: usize, regime_drift: f64, regime_multiple: f64) -> Frame {
    let (spec, clock) = (&synthetic.spec, &synthetic.clock);
    let overnight = if spec.session == super::spec::Session::Always { 0.0 } else { spec.overnight };
    let gap = if clock.opens(at) { overnight } else { 0.0 };
    let body = (1.0 - overnight) / clock.bars_per_day as f64;
    let gap_share = gap / (gap + body);
    let of_year = (gap + body) / clock.days_per_year();
    let yearly = spec.drift + regime_drift;
    let mut bar = SharedBar {
        drift: [yearly * of_year * gap_share, yearly * of_year * (1.0 - gap_share)],
        root: libm::sqrt(of_year),
        gap_share,
        gap_cross: libm::sqrt(gap_share * (1.0 - gap_share)),
        multiple: regime_multiple,
        widening: 1.0,
        ..SharedBar::default()
    };
    let mut shock = 1.0;
    for window in &synthetic.windows {
        let Some(along) = window.at(at) else { continue };
        let strength = window.strength;
        let evenly = |whole: f64| whole / window.length as f64;
        match window.kind {
            ScenarioKind::Calm => bar.multiple /= 1.0 + strength,
            ScenarioKind::Bull => bar.drift[1] += evenly(libm::log1p(strength)),
            ScenarioKind::Bear => {
                bar.drift[1] += evenly(libm::log1p(-strength));
                bar.multiple *= NERVOUS;
            }
            ScenarioKind::FlashCrash => {
                let depth = |bars: usize| crash(bars, window.length) * libm::log1p(-strength);
                bar.drift[1] += depth(along + 1) - depth(along);
                bar.multiple *= WILD;
                bar.volume += libm::log(WILD);
            }
            ScenarioKind::ExchangeOutage => bar.dark |= window.darkens(at),
            ScenarioKind::LiquidityDrought => {
                bar.volume += libm::log1p(-strength);
                bar.widening *= 1.0 + strength;
            }
            ScenarioKind::RegimeSwitch => shock *= 1.0 + strength,
            ScenarioKind::TradingHalt | ScenarioKind::MemeRally => {}
        }
    }
    Frame { bar, shock }
}

/// How deep a crash of so many bars is after some of them: down within a quarter, back within the rest.
fn crash(bars: usize, length: usize) -> f64 {
    let down = (length / 4).max(1);
    if bars <= down {
        return bars as f64 / down as f64;
    }
    (length - bars) as f64 / (length - down) as f64
}

/// What a scenario does to one symbol on a bar: move of the logarithm of its price, multiple of its volatility, addition
/// to the logarithm of its volume, and whether it has no bar.
#[derive(Debug, Clone, Copy)]
pub(super) struct Own {
    pub(super) drift: f64,
    pub(super) multiple: f64,
    pub(super) volume: f64,
    pub(super) halted: bool,
}

impl Own {
    pub(super) const NOTHING: Self = Self { drift: 0.0, multiple: 1.0, volume: 0.0, halted: false };

    /// Of those windows that hit the symbol.
    pub(super) fn on(synthetic: &Synthetic, windows: &[usize], bar: usize) -> Self {
        let mut own = Self::NOTHING;
        for &window in windows {
            let window = &synthetic.windows[window];
            let Some(along) = window.at(bar) else { continue };
            if window.kind == ScenarioKind::TradingHalt {
                own.halted = true;
                continue;
            }
            let height = |bars: usize| rally(bars, window.length) * libm::log1p(window.strength);
            own.drift += height(along + 1) - height(along);
            own.multiple *= WILD;
            own.volume += libm::log(10.0);
        }
        own
    }
}

/// How high a rally of so many bars is after some of them: up within two thirds, half way back within the rest.
fn rally(bars: usize, length: usize) -> f64 {
    let up = (length * 2 / 3).max(1);
    if bars <= up {
        return bars as f64 / up as f64;
    }
    1.0 - 0.5 * (bars - up) as f64 / (length - up) as f64
}
