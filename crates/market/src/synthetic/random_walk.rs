//! Random walks without an edge, for tests, benches and placebos.

use indexmap::IndexMap;
use jiff::ToSpan;
use jiff::civil::{Date, Weekday, date};
use ndarray::Array2;
use rand::Rng;
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::SeedableRng;

use crate::calendar::Calendar;
use crate::panel::Panel;

const DAY: i64 = 86_400_000_000;
const FIRST_DAY: Date = date(2015, 1, 1);
/// Daily volatility of the factor that all symbols share.
const MARKET_VOLATILITY: f64 = 0.008;
/// The stream of the shared factor; symbols count up from 0.
const MARKET: u64 = u64::MAX;

/// A random walk over all symbols without gaps: [`RandomWalk`] with no gaps and no late listings.
///
/// # Panics
/// As [`RandomWalk::panel`].
pub fn random_walk(bars: usize, symbols: usize, seed: u64) -> Panel {
    RandomWalk { bars, symbols, seed, ..RandomWalk::default() }.panel()
}

/// A daily market of symbols `S0001`, `S0002`, ... on business days from 2015-01-01 with fields open, high, low, close
/// and volume.
///
/// Closes are martingales: a shared factor and own noise, log-normal steps of mean one, so that no rule earns
/// anything but by luck. In every bar low <= open, close <= high and volume > 0; volume is log-normal and grows with the
/// size of the day's move. A symbol's bars depend on the seed and its number alone, not on how many symbols or bars
/// there are, and are the same to the bit on every platform.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RandomWalk {
    /// Business days.
    pub bars: usize,
    /// Symbols.
    pub symbols: usize,
    /// Same seed, same market.
    pub seed: u64,
    /// Share of a listed symbol's bars that are missing, in runs of three on average; 0 to 0.9.
    pub gap_rate: f64,
    /// Share of symbols that are listed on a random later bar instead of the first; 0 to 1.
    pub late_listing_rate: f64,
}

impl Default for RandomWalk {
    fn default() -> Self {
        Self { bars: 1_000, symbols: 20, seed: 0, gap_rate: 0.0, late_listing_rate: 0.0 }
    }
}

impl RandomWalk {
    /// Most bars: a few more business days would lie beyond the year 9999.
    pub const MAX_BARS: usize = 2_000_000;
    /// Most bars times symbols: half a GiB a field.
    pub const MAX_CELLS: usize = 1 << 26;

    /// Whether the size is one that can be made.
    pub fn fits(&self) -> bool {
        self.bars <= Self::MAX_BARS && self.bars.checked_mul(self.symbols).is_some_and(|cells| cells <= Self::MAX_CELLS)
    }

    /// Makes the market.
    ///
    /// # Panics
    /// When the bars reach beyond the year 9999, which takes more than two million.
    pub fn panel(&self) -> Panel {
        let shape = (self.bars, self.symbols);
        let mut market = Stream::new(self.seed, MARKET);
        let shared: Vec<f64> = (0..self.bars).map(|_| MARKET_VOLATILITY * market.normal()).collect();
        let mut arrays = [(); 5].map(|()| Array2::from_elem(shape, f64::NAN));
        for symbol in 0..self.symbols {
            self.walk(symbol, &shared, &mut arrays);
        }
        let width = self.symbols.to_string().len().max(4);
        let names = (1..=self.symbols).map(|number| format!("S{number:0width$}")).collect();
        let fields: IndexMap<String, Array2<f64>> =
            ["open", "high", "low", "close", "volume"].map(str::to_owned).into_iter().zip(arrays).collect();
        let calendar = Calendar::new(business_days(self.bars), None).expect("business days rise and are dates");
        Panel::new(calendar, names, fields, IndexMap::new()).expect("all fields have the shape made above")
    }

    /// Fills one symbol's column. The walk goes on behind gaps and before a late listing, so that rates do not change
    /// the bars that are there.
    fn walk(&self, symbol: usize, shared: &[f64], [opens, highs, lows, closes, volumes]: &mut [Array2<f64>; 5]) {
        let mut steps = Stream::new(self.seed, symbol as u64);
        let mut holes = Stream::new(!self.seed, symbol as u64);
        let volatility = 0.008 + 0.022 * steps.uniform();
        let beta = 0.5 + steps.uniform();
        let mut close = 10.0 * libm::exp(2.5 * steps.uniform());
        let usual_volume = 1e5 * libm::exp(1.5 * steps.normal());
        let listed =
            if holes.uniform() < self.late_listing_rate { (holes.uniform() * self.bars as f64) as usize } else { 0 };
        // A two-state chain with mean gap length 3 whose long-run share of missing bars is the gap rate.
        let rate = self.gap_rate.clamp(0.0, 0.9);
        let (leave, enter) = (1.0 / 3.0, (rate / (1.0 - rate) / 3.0).min(1.0));
        let mut missing = holes.uniform() < rate;

        let step = |move_: f64, sigma: f64| libm::exp(move_ - sigma * sigma / 2.0);
        let (overnight, range) = (0.4 * volatility, 0.5 * volatility);
        for (bar, shared) in shared.iter().enumerate() {
            let open = close * step(overnight * steps.normal(), overnight);
            let shared_move = beta * shared;
            let own_move = volatility * steps.normal();
            let variance = beta * beta * MARKET_VOLATILITY * MARKET_VOLATILITY + volatility * volatility;
            close = open * libm::exp(shared_move + own_move - variance / 2.0);
            let high = open.max(close) * libm::exp(range * steps.normal().abs());
            let low = open.min(close) * libm::exp(-range * steps.normal().abs());
            let surprise = (shared_move + own_move).abs() / libm::sqrt(variance);
            let volume = usual_volume * libm::exp(0.35 * steps.normal() + 0.3 * surprise);
            if bar > 0 {
                missing = if missing { holes.uniform() >= leave } else { holes.uniform() < enter };
            }
            if bar >= listed && !missing {
                let cell = [bar, symbol];
                opens[cell] = open;
                highs[cell] = high;
                lows[cell] = low;
                closes[cell] = close;
                volumes[cell] = volume.round().max(1.0);
            }
        }
    }
}

/// Random numbers whose bits depend on seed and stream number alone.
struct Stream {
    generator: Xoshiro256PlusPlus,
    spare: Option<f64>,
}

impl Stream {
    fn new(seed: u64, number: u64) -> Self {
        let mut key = [0; 16];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8..].copy_from_slice(&number.to_le_bytes());
        Self { generator: Xoshiro256PlusPlus::seed_from_u64(twox_hash::XxHash3_64::oneshot(&key)), spare: None }
    }

    /// Uniform in [0, 1) on a grid of 2^-53.
    fn uniform(&mut self) -> f64 {
        (self.generator.next_u64() >> 11) as f64 * (1.0 / 9_007_199_254_740_992.0)
    }

    /// Standard normal, by the polar method (Marsaglia and Bray, 1964).
    fn normal(&mut self) -> f64 {
        if let Some(spare) = self.spare.take() {
            return spare;
        }
        loop {
            let (x, y) = (2.0 * self.uniform() - 1.0, 2.0 * self.uniform() - 1.0);
            let square = x * x + y * y;
            if square > 0.0 && square < 1.0 {
                let scale = libm::sqrt(-2.0 * libm::log(square) / square);
                self.spare = Some(y * scale);
                return x * scale;
            }
        }
    }
}

/// Midnights of the first Mondays to Fridays from [`FIRST_DAY`].
fn business_days(count: usize) -> Vec<i64> {
    let epoch = date(1970, 1, 1);
    let open = |day: &Date| !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday);
    let days = FIRST_DAY.series(1.day()).filter(open).take(count);
    let days: Vec<i64> = days.map(|day| day.duration_since(epoch).as_hours() / 24 * DAY).collect();
    assert!(days.len() == count, "a random walk of {count} bars reaches beyond the year 9999");
    days
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_consistent_and_without_holes() {
        let panel = random_walk(300, 7, 1);
        let field = |name: &str| panel.values(name).unwrap();
        let (open, high, low, close) = (field("open"), field("high"), field("low"), field("close"));
        for cell in 0..300 * 7 {
            assert!(low[cell] > 0.0 && low[cell] <= open[cell].min(close[cell]), "cell {cell}");
            assert!(high[cell] >= open[cell].max(close[cell]), "cell {cell}");
            assert!(field("volume")[cell] >= 1.0, "cell {cell}");
        }
        assert_eq!(
            (panel.calendar().label(0), panel.calendar().label(299)),
            ("2015-01-01".into(), "2016-02-24".into())
        );
        assert_eq!((panel.symbols()[0].as_str(), panel.symbols()[6].as_str()), ("S0001", "S0007"));
    }

    #[test]
    fn a_symbol_depends_on_seed_and_number_alone() {
        let (small, large) = (random_walk(50, 3, 9), random_walk(80, 5, 9));
        for name in ["open", "close", "volume"] {
            for bar in 0..50 {
                for symbol in 0..3 {
                    let (a, b) =
                        (small.values(name).unwrap()[bar * 3 + symbol], large.values(name).unwrap()[bar * 5 + symbol]);
                    assert_eq!(a.to_bits(), b.to_bits(), "{name} {bar} {symbol}");
                }
            }
        }
        assert_ne!(small.fingerprint(), random_walk(50, 3, 10).fingerprint());
    }

    #[test]
    fn steps_have_mean_one_and_the_stated_spread() {
        let panel = random_walk(2_000, 40, 3);
        let close = panel.values("close").unwrap();
        let ratios: Vec<f64> = (40..close.len()).map(|cell| close[cell] / close[cell - 40] - 1.0).collect();
        let mean = ratios.iter().sum::<f64>() / ratios.len() as f64;
        let deviation = (ratios.iter().map(|r| (r - mean).powi(2)).sum::<f64>() / ratios.len() as f64).sqrt();
        // Shared moves of 0.8 % a day over 2,000 days leave the mean uncertain by 0.018 % or so.
        assert!(mean.abs() < 6e-4, "{mean}");
        assert!((0.015..0.035).contains(&deviation), "{deviation}");
    }

    #[test]
    fn gaps_and_late_listings_follow_their_rates_and_change_nothing_else() {
        let gappy = RandomWalk { bars: 2_000, symbols: 50, seed: 4, gap_rate: 0.2, late_listing_rate: 0.5 };
        let (panel, whole) = (gappy.panel(), random_walk(2_000, 50, 4));
        let (close, reference) = (panel.field("close").unwrap(), whole.field("close").unwrap());
        let mut late = 0;
        let (mut missing, mut alive) = (0, 0);
        for symbol in 0..50 {
            let column = close.column(symbol);
            let first = column.iter().position(|value| value.is_finite()).unwrap();
            late += usize::from(first > 30);
            missing += column.iter().skip(first).filter(|value| value.is_nan()).count();
            alive += 2_000 - first;
        }
        assert!((15..35).contains(&late), "{late}");
        let share = f64::from(missing as u32) / alive as f64;
        assert!((share - 0.2).abs() < 0.02, "{share}");
        assert!(close.iter().zip(reference).all(|(a, b)| a.is_nan() || a == b));
    }

    /// Fixed bits: a change of generator, normal or rounding shows here.
    #[test]
    fn the_market_of_a_seed_is_fixed() {
        assert_eq!(random_walk(100, 10, 42).fingerprint(), 11_784_428_710_852_981_326);
    }
}
