//! One symbol on its way through the bars.

use super::model::{BLOCK, Synthetic, WIDEST, Window};
use super::random::{Purpose, Stream, Tables};
use super::shared::{Dynamics, Move, Own, SharedBar};

/// Most a price moves by chance before the open, and from open to close, as a logarithm: tails are cut there.
const LONGEST_MOVE: f64 = 2.0;
/// What a split turns one share into, each as likely, in a market of ordinary prices; cheap shares are put together.
const SPLITS: [f64; 4] = [2.0, 2.0, 3.0, 10.0];
const CHEAP: f64 = 5.0;
const MERGE: f64 = 0.1;
/// Most volume that is a whole number beyond doubt.
const MOST_VOLUME: f64 = 1e15;
/// Fields of a bar: open, high, low, close, volume, and split.
pub(super) const OPEN: usize = 0;
pub(super) const CLOSE: usize = 3;

/// A symbol: its constants and its state.
#[derive(Debug, Clone)]
pub(super) struct Symbol {
    number: usize,
    volatility: f64,
    beta: f64,
    sector: Option<usize>,
    /// Volatility in all, over which a move counts as large.
    whole: f64,
    volume: f64,
    /// First bar, and the first without one.
    listed: usize,
    delisted: usize,
    stream: Stream,
    splits: Stream,
    /// The bar of the next split.
    next_split: usize,
    /// Shares that one share has become since the last bar that was seen.
    unseen_split: f64,
    /// Logarithm of the price.
    price: f64,
    variance: f64,
    last: f64,
    volume_surprise: f64,
}

/// A few symbols and their bars of the chunk at hand.
#[derive(Debug, Clone)]
pub(super) struct Band {
    pub(super) first: usize,
    symbols: Vec<Symbol>,
    /// Each `[bars x symbols]`, in the order of [`Synthetic::fields`].
    pub(super) fields: Vec<Vec<f64>>,
    /// What a pilot looks at, if it is one.
    pub(super) traced: Option<Trace>,
}

/// Own moves and their scale, each `[bars x symbols]`.
#[derive(Debug, Clone, Default)]
pub(super) struct Trace {
    pub(super) gap: Vec<f64>,
    pub(super) body: Vec<f64>,
    pub(super) scale: Vec<f64>,
}

/// Effects of a planted truth on one bar, one a symbol, in deviations of the symbol's own move.
#[derive(Debug, Clone, Copy)]
pub(super) struct Planted<'a> {
    pub(super) gap: &'a [f64],
    pub(super) body: &'a [f64],
    /// What is left of the noise.
    pub(super) noise: f64,
}

impl Band {
    pub(super) fn new(synthetic: &Synthetic, first: usize, count: usize, trace: bool) -> Self {
        Self {
            first,
            symbols: (first..first + count).map(|number| Symbol::new(synthetic, number)).collect(),
            fields: vec![Vec::new(); synthetic.fields().len()],
            traced: trace.then(Trace::default),
        }
    }

    pub(super) fn width(&self) -> usize {
        self.symbols.len()
    }

    /// Each symbol's own volatility a year as it is on the next bar, before regimes and scenarios.
    pub(super) fn deviations(&self) -> impl Iterator<Item = f64> {
        self.symbols.iter().map(|symbol| symbol.volatility * libm::sqrt(symbol.variance))
    }

    /// Makes the bars from `first` on.
    pub(super) fn advance(
        &mut self,
        synthetic: &Synthetic,
        first: usize,
        shared: &[SharedBar],
        sectors: &[Move],
        planted: Option<Planted<'_>>,
    ) {
        let width = self.width();
        let cells = shared.len() * width;
        for field in &mut self.fields {
            field.resize(cells, 0.0);
        }
        if let Some(trace) = &mut self.traced {
            for values in [&mut trace.gap, &mut trace.body, &mut trace.scale] {
                values.resize(cells, 0.0);
            }
        }
        for (lane, symbol) in self.symbols.iter_mut().enumerate() {
            let place = Place { lane, width, number: self.first + lane };
            symbol.advance(synthetic, first, shared, sectors, planted, place, &mut self.fields, self.traced.as_mut());
        }
    }
}

/// Where a symbol's values stand.
#[derive(Debug, Clone, Copy)]
struct Place {
    lane: usize,
    width: usize,
    number: usize,
}

impl Symbol {
    fn new(synthetic: &Synthetic, number: usize) -> Self {
        let (spec, clock) = (&synthetic.spec, &synthetic.clock);
        let tables = Tables::get();
        let mut draw = Stream::new(spec.seed, Purpose::Symbol, number as u64, 0);
        let volatility = spec.volatility * libm::exp(spec.volatility_spread * draw.normal(tables));
        let beta = 1.0 + spec.beta_spread * draw.normal(tables);
        let price = libm::log(spec.price) + spec.price_spread * draw.normal(tables);
        let volume = libm::log(spec.volume / clock.bars_per_day as f64) + spec.volume_spread * draw.normal(tables);
        let (is_late, when) = (draw.uniform() < spec.late_listings, draw.uniform());
        let listed = if is_late { 1 + (when * spec.bars as f64) as usize } else { 0 };
        let life = bars_until(synthetic, spec.delisting_rate, &mut draw);
        let market = beta * spec.market_volatility;
        let whole = volatility * volatility + market * market + spec.sector_volatility * spec.sector_volatility;
        let mut splits = Stream::new(spec.seed, Purpose::Splits, number as u64, 0);
        Self {
            number,
            volatility,
            beta,
            sector: synthetic.sector(number),
            whole: libm::sqrt(whole),
            volume,
            listed,
            delisted: listed.saturating_add(life),
            stream: Stream::new(spec.seed, Purpose::Bars, number as u64, 0),
            next_split: bars_until(synthetic, spec.split_rate, &mut splits),
            splits,
            unseen_split: 1.0,
            price,
            variance: 1.0,
            last: 0.0,
            volume_surprise: 0.0,
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the one call, kept flat for speed")]
    fn advance(
        &mut self,
        synthetic: &Synthetic,
        first: usize,
        shared: &[SharedBar],
        sectors: &[Move],
        planted: Option<Planted<'_>>,
        place: Place,
        fields: &mut [Vec<f64>],
        mut trace: Option<&mut Trace>,
    ) {
        let spec = &synthetic.spec;
        let tables = Tables::get();
        let dynamics = Dynamics::new(synthetic);
        let windows = self.windows(synthetic, first, shared.len());
        let volume_fresh = spec.volume_noise * libm::sqrt(1.0 - spec.volume_persistence * spec.volume_persistence);
        let (gap_effect, body_effect, noise) = planted
            .map_or((0.0, 0.0, 1.0), |planted| (planted.gap[place.number], planted.body[place.number], planted.noise));
        let [opens, highs, lows, closes, volumes, rest @ ..] = fields else { unreachable!("five fields at least") };
        // All of one length, so that one check of bounds a bar is enough.
        let cells = shared.len() * place.width;
        let (opens, highs, lows) = (&mut opens[..cells], &mut highs[..cells], &mut lows[..cells]);
        let (closes, volumes) = (&mut closes[..cells], &mut volumes[..cells]);
        for (row, bar) in shared.iter().enumerate() {
            let at = first + row;
            let cell = row * place.width + place.lane;
            if at.is_multiple_of(BLOCK) {
                self.stream = Stream::new(spec.seed, Purpose::Bars, self.number as u64, (at / BLOCK) as u64);
            }
            let own = if windows.is_empty() { Own::NOTHING } else { Own::on(synthetic, &windows, at) };
            let sector = self.sector.map_or(Move::default(), |sector| sectors[row * spec.sectors + sector]);

            let stream = &mut self.stream;
            let scale = dynamics.tails.scale(stream, tables);
            let innovation = scale * stream.normal(tables);
            let aside = scale * stream.normal(tables);
            let (up, down) = (stream.exponential(tables), stream.exponential(tables));
            let volume_news = stream.normal(tables);

            let now = dynamics.memory * self.last + dynamics.fresh * noise * innovation;
            let deviation = self.volatility * bar.multiple * own.multiple * bar.root * libm::sqrt(self.variance);
            let before = bar.gap_share * now + bar.gap_cross * noise * aside;
            let own_gap = deviation * before;
            let own_body = deviation * (now - before);
            let beta_square = self.beta * self.beta;
            let variance = deviation * deviation;
            let toll = 0.5 * (variance + beta_square * bar.market.variance + sector.variance);
            let chance = own_gap + self.beta * bar.market.gap + sector.gap;
            let gap = chance.clamp(-LONGEST_MOVE, LONGEST_MOVE)
                + bar.drift[0]
                + bar.gap_share * (deviation * gap_effect - toll);
            let chance = own_body + self.beta * bar.market.body + sector.body;
            let body = chance.clamp(-LONGEST_MOVE, LONGEST_MOVE)
                + bar.drift[1]
                + own.drift
                + (1.0 - bar.gap_share) * (deviation * body_effect - toll);
            let body_variance = variance * (1.0 - bar.gap_share) * scale * scale
                + beta_square * bar.market.body_variance
                + sector.body_variance;
            let spread = 2.0 * body_variance * bar.widening * bar.widening;

            if at >= self.next_split {
                self.split(synthetic, at);
            }
            if at < self.listed {
                self.unseen_split = 1.0;
            }
            let open = self.price + gap;
            let close = open + body;
            // Only a plant that feeds on its own effect comes here.
            let (open, close) = (open.clamp(-WIDEST, WIDEST), close.clamp(-WIDEST, WIDEST));
            let high = open + 0.5 * (body + libm::sqrt(body * body + spread * up));
            let low = open + 0.5 * (body - libm::sqrt(body * body + spread * down));
            self.price = close;

            self.volume_surprise = spec.volume_persistence * self.volume_surprise + volume_fresh * volume_news;
            let stir = bar.multiple * own.multiple;
            let surprise = (gap + body).abs() / (self.whole * bar.root + 1e-300);
            let volume = self.volume
                + self.volume_surprise
                + bar.volume
                + own.volume
                + spec.volume_elasticity * (0.5 * libm::log(self.variance * stir * stir) + 0.25 * surprise.min(20.0));
            self.last = now;
            self.variance = dynamics.keep + (dynamics.alpha * innovation * innovation + dynamics.beta) * self.variance;

            if let Some(trace) = trace.as_deref_mut() {
                (trace.gap[cell], trace.body[cell], trace.scale[cell]) = (own_gap, own_body, deviation);
            }
            if bar.dark || own.halted || at < self.listed || at >= self.delisted {
                for field in [&mut *opens, &mut *highs, &mut *lows, &mut *closes, &mut *volumes] {
                    field[cell] = f64::NAN;
                }
                if let [splits] = rest {
                    splits[cell] = f64::NAN;
                }
                continue;
            }
            let (open, close) = (libm::exp(open), libm::exp(close));
            let grid = tables.grid(open);
            let high = libm::exp(high).max(open).max(close);
            let low = libm::exp(low).min(open).min(close);
            opens[cell] = grid.round(open);
            highs[cell] = grid.round(high);
            lows[cell] = grid.round(low);
            closes[cell] = grid.round(close);
            volumes[cell] = whole(libm::exp(volume).min(MOST_VOLUME));
            if let [splits] = rest {
                splits[cell] = std::mem::replace(&mut self.unseen_split, 1.0);
            }
        }
    }

    /// Scenarios that hit this symbol and not all, on some bars.
    fn windows(&self, synthetic: &Synthetic, first: usize, bars: usize) -> Vec<usize> {
        let touches = |window: &Window| {
            window.is_personal()
                && window.start < first + bars
                && first < window.start.saturating_add(window.length)
                && window.hits(self.number)
        };
        (0..synthetic.windows.len()).filter(|&place| touches(&synthetic.windows[place])).collect()
    }

    /// One share becomes several, or several one.
    #[cold]
    fn split(&mut self, synthetic: &Synthetic, at: usize) {
        let drawn = SPLITS[((self.splits.uniform() * 4.0) as usize).min(3)];
        let ratio = if self.price < libm::log(CHEAP) { MERGE } else { drawn };
        self.price -= libm::log(ratio);
        self.volume += libm::log(ratio);
        self.unseen_split *= ratio;
        self.next_split = at.saturating_add(bars_until(synthetic, synthetic.spec.split_rate, &mut self.splits));
    }
}

/// Bars until something happens that happens so often a year: at least one.
fn bars_until(synthetic: &Synthetic, rate: f64, stream: &mut Stream) -> usize {
    if rate == 0.0 {
        return usize::MAX;
    }
    let years = stream.exponential(Tables::get()) / rate;
    ((years * synthetic.clock.bars_per_year()) as usize).saturating_add(1)
}

/// The nearest whole number of one below 2^51, ties to even.
#[inline]
pub(super) fn whole(value: f64) -> f64 {
    const SHIFT: f64 = 4_503_599_627_370_496.0;
    (value + SHIFT) - SHIFT
}
