//! Markets made by chance: seeded random walks, for benches, tests and placebo runs.
//!
//! Nothing in them can be predicted, so a search that finds an edge here has found an error of its own.

use indexmap::IndexMap;
use ndarray::Array2;
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};
use twox_hash::XxHash3_64;

use crate::calendar::Calendar;
use crate::panel::Panel;

/// Volatility of the common factor, a day.
const MARKET_VOLATILITY: f64 = 0.008;
/// Share of a day's variance that falls between the close and the next open.
const OVERNIGHT_VARIANCE: f64 = 0.3;
/// Prices are held between one cent and a million dollars, so that no length of walk ends in zero or infinity.
const LOG_PRICE_RANGE: (f64, f64) = (-4.605, 13.815);
/// The longest gap, in bars.
const LONGEST_GAP: f64 = 5.0;
const MICROSECONDS_A_DAY: i64 = 86_400_000_000;
/// Days from 1970-01-01 to the Monday of the week that holds 2015-01-01, a Thursday.
const FIRST_MONDAY: i64 = 16_433;

/// A seeded panel of daily bars `open, high, low, close, volume` on the business days from 2015-01-01.
///
/// Each symbol follows a geometric random walk without drift: a common factor times its own beta, and noise of its own
/// volatility. Every bar has `low <= open, close <= high` and a whole, positive volume, lognormal and larger on days
/// of large moves. The same values give the same bits on every platform.
///
/// Each symbol draws from streams of its own, and gaps from others than prices. Hence more bars or more symbols leave
/// the prices of those there were unchanged, and a panel with gaps equals the one without wherever it has a bar.
///
/// ```
/// use market::RandomWalk;
///
/// let panel = RandomWalk { bars: 250, symbols: 20, seed: 1, gap_rate: 0.01, late_listing_rate: 0.2 }.panel();
/// assert_eq!((panel.bars(), panel.symbols().len()), (250, 20));
/// assert_eq!(panel.calendar().label(0), "2015-01-01");
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RandomWalk {
    /// Number of bars, at most [`RandomWalk::MAX_BARS`].
    pub bars: usize,
    /// Number of symbols, named `S0001` and on.
    pub symbols: usize,
    /// Seed of all streams.
    pub seed: u64,
    /// Chance, on each bar, that the symbol stops trading for one to five bars.
    pub gap_rate: f64,
    /// Chance that a symbol is listed late, on a day anywhere in the span.
    pub late_listing_rate: f64,
}

/// A random walk in which every symbol trades on every bar; see [`RandomWalk`].
///
/// # Panics
/// As [`RandomWalk::panel`].
pub fn random_walk(bars: usize, symbols: usize, seed: u64) -> Panel {
    RandomWalk { bars, symbols, seed, gap_rate: 0.0, late_listing_rate: 0.0 }.panel()
}

impl RandomWalk {
    /// The most bars, which end before the year 9999.
    pub const MAX_BARS: usize = 2_000_000;
    /// The most cells, `bars * symbols`: 512 MiB a field.
    pub const MAX_CELLS: usize = 1 << 26;

    /// Whether bars and cells are within [`RandomWalk::MAX_BARS`] and [`RandomWalk::MAX_CELLS`].
    pub fn fits(&self) -> bool {
        let cells = self.bars.checked_mul(self.symbols);
        self.bars <= Self::MAX_BARS && self.symbols <= Self::MAX_CELLS && cells.is_some_and(|n| n <= Self::MAX_CELLS)
    }

    /// Makes the panel.
    ///
    /// # Panics
    /// When it does not fit; numbers that a person typed are to be checked with [`RandomWalk::fits`] first.
    pub fn panel(&self) -> Panel {
        assert!(self.fits(), "{} bars x {} symbols are beyond the stated limits", self.bars, self.symbols);
        let market = self.market();
        let names = ["open", "high", "low", "close", "volume"];
        let mut fields = names.map(|_| Array2::from_elem((self.bars, self.symbols), f64::NAN));
        for symbol in 0..self.symbols {
            let trades = self.trading_bars(symbol);
            let mut walk = Walk::new(self.stream("prices", symbol));
            for (bar, &common) in market.iter().enumerate() {
                let values = walk.bar(common);
                if trades[bar] {
                    for (field, value) in fields.iter_mut().zip(values) {
                        field[[bar, symbol]] = value;
                    }
                }
            }
        }
        let times = (0..self.bars as i64).map(|bar| business_day(bar) * MICROSECONDS_A_DAY).collect();
        let calendar = Calendar::new(times, None).expect("business days up to MAX_BARS rise and are dates");
        let fields: IndexMap<String, Array2<f64>> = names.map(str::to_owned).into_iter().zip(fields).collect();
        Panel::new(calendar, self.names(), fields, IndexMap::new()).expect("fields have one shape and names differ")
    }

    /// Padded, so that the order by number is the order by name.
    fn names(&self) -> Vec<String> {
        let width = self.symbols.to_string().len().max(4);
        (1..=self.symbols).map(|number| format!("S{number:0width$}")).collect()
    }

    /// The common factor's log return over night and over the day, one pair a bar.
    fn market(&self) -> Vec<[f64; 2]> {
        let mut normals = Normals::new(self.stream("market", 0));
        (0..self.bars).map(|_| split(MARKET_VOLATILITY).map(|deviation| deviation * normals.next())).collect()
    }

    /// Whether the symbol trades, bar by bar.
    fn trading_bars(&self, symbol: usize) -> Vec<bool> {
        let mut random = self.stream("gaps", symbol);
        let late = uniform(&mut random) < self.late_listing_rate;
        let listing = uniform(&mut random);
        let first = if late { (listing * self.bars as f64) as usize } else { 0 };
        let mut missing = 0;
        (0..self.bars)
            .map(|bar| {
                let (begins, length) = (uniform(&mut random), uniform(&mut random));
                if missing == 0 && begins < self.gap_rate {
                    missing = 1 + (length * LONGEST_GAP) as usize;
                }
                let trades = missing == 0 && bar >= first;
                missing = missing.saturating_sub(1);
                trades
            })
            .collect()
    }

    fn stream(&self, purpose: &str, symbol: usize) -> Xoshiro256PlusPlus {
        let mut key = purpose.as_bytes().to_vec();
        key.extend((symbol as u64).to_le_bytes());
        Xoshiro256PlusPlus::seed_from_u64(XxHash3_64::oneshot_with_seed(self.seed, &key))
    }
}

/// One symbol on its way.
struct Walk {
    normals: Normals,
    log_price: f64,
    log_volume: f64,
    beta: f64,
    volatility: f64,
}

impl Walk {
    fn new(random: Xoshiro256PlusPlus) -> Self {
        let mut normals = Normals::new(random);
        Self {
            log_price: 3.7 + 0.7 * normals.next(),
            log_volume: 14.0 + 1.2 * normals.next(),
            beta: 1.0 + 0.3 * normals.next(),
            volatility: 0.014 * libm::exp(0.35 * normals.next()),
            normals,
        }
    }

    /// Open, high, low, close and volume of the next bar.
    fn bar(&mut self, common: [f64; 2]) -> [f64; 5] {
        let deviation = split(self.volatility);
        let before = self.log_price;
        let open = self.step(before, common[0], deviation[0]);
        let close = self.step(open, common[1], deviation[1]);
        let high = open.max(close) + 0.5 * deviation[1] * self.normals.next().abs();
        let low = open.min(close) - 0.5 * deviation[1] * self.normals.next().abs();
        self.log_price = close;
        // Bounded, because a quiet symbol can be tossed about by the market: volumes stay far below 2^53.
        let surprise = ((close - before).abs() / self.volatility).min(6.0);
        let volume = libm::exp(self.log_volume + 0.25 * surprise + 0.3 * self.normals.next());
        let [open, high, low, close] = [open, high, low, close].map(libm::exp);
        [open, high, low, close, libm::floor(volume) + 1.0]
    }

    fn step(&mut self, from: f64, common: f64, deviation: f64) -> f64 {
        let (least, most) = LOG_PRICE_RANGE;
        (from + self.beta * common + deviation * self.normals.next()).clamp(least, most)
    }
}

/// A day's standard deviation as those of the night and of the session.
fn split(deviation: f64) -> [f64; 2] {
    [OVERNIGHT_VARIANCE.sqrt() * deviation, (1.0 - OVERNIGHT_VARIANCE).sqrt() * deviation]
}

/// Standard normals by Marsaglia's polar method (SIAM Review 6, 1964), which needs no more than a logarithm and a
/// square root.
struct Normals {
    random: Xoshiro256PlusPlus,
    spare: Option<f64>,
}

impl Normals {
    fn new(random: Xoshiro256PlusPlus) -> Self {
        Self { random, spare: None }
    }

    fn next(&mut self) -> f64 {
        if let Some(spare) = self.spare.take() {
            return spare;
        }
        loop {
            let x = 2.0 * uniform(&mut self.random) - 1.0;
            let y = 2.0 * uniform(&mut self.random) - 1.0;
            let square = x * x + y * y;
            if square > 0.0 && square < 1.0 {
                let scale = (-2.0 * libm::log(square) / square).sqrt();
                self.spare = Some(y * scale);
                return x * scale;
            }
        }
    }
}

/// In [0, 1), with 53 random bits.
fn uniform(random: &mut Xoshiro256PlusPlus) -> f64 {
    (random.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
}

/// Days since 1970-01-01 of the n-th business day from 2015-01-01, counted from 0.
fn business_day(n: i64) -> i64 {
    let from_monday = n + 3;
    FIRST_MONDAY + from_monday / 5 * 7 + from_monday % 5
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gappy(bars: usize, symbols: usize) -> RandomWalk {
        RandomWalk { bars, symbols, seed: 7, gap_rate: 0.02, late_listing_rate: 0.3 }
    }

    #[test]
    fn every_bar_is_consistent() {
        let panel = random_walk(1000, 40, 3);
        let field = |name| panel.values(name).unwrap();
        for cell in 0..panel.bars() * panel.symbols().len() {
            let [open, high, low, close, volume] = ["open", "high", "low", "close", "volume"].map(|n| field(n)[cell]);
            assert!(0.0 < low && low <= open.min(close) && high >= open.max(close) && high.is_finite(), "cell {cell}");
            assert!(volume >= 1.0 && volume.fract() == 0.0 && volume < 9e15, "cell {cell}: volume {volume}");
        }
    }

    #[test]
    fn the_bits_are_pinned() {
        let check = |panel: Panel, expected: u64| {
            assert_eq!(format!("{:016x}", panel.fingerprint()), format!("{expected:016x}"));
        };
        check(random_walk(100, 50, 1), 0x5a91_df87_d26b_57dd);
        check(random_walk(100, 50, 2), 0xdc96_9438_e493_4e17);
        check(gappy(300, 20).panel(), 0xf047_a3d7_e524_5fdf);
    }

    #[test]
    fn more_bars_and_symbols_leave_the_others_alone() {
        let (small, large) = (random_walk(50, 5, 9), random_walk(80, 8, 9));
        for name in ["open", "high", "low", "close", "volume"] {
            let (small, large) = (small.field(name).unwrap(), large.field(name).unwrap());
            assert_eq!(small, large.slice(ndarray::s![..50, ..5]), "{name}");
        }
    }

    #[test]
    fn gaps_hide_bars_and_change_none() {
        let walk = gappy(400, 60);
        let (panel, full) = (walk.panel(), random_walk(walk.bars, walk.symbols, walk.seed));
        let (close, all) = (panel.values("close").unwrap(), full.values("close").unwrap());
        assert!(close.iter().zip(all).all(|(seen, whole)| seen.is_nan() || seen == whole));
        for name in ["open", "high", "low", "volume"] {
            let other = panel.values(name).unwrap();
            assert!(
                close.iter().zip(other).all(|(a, b)| a.is_nan() == b.is_nan()),
                "{name} misses other bars than close"
            );
        }
        let late = panel
            .field("close")
            .unwrap()
            .columns()
            .into_iter()
            .filter(|c| c.iter().take(6).all(|v| v.is_nan()))
            .count();
        assert!((8..=30).contains(&late), "{late} of 60 symbols are listed late, about 18 expected");
        // Mean gap 3 bars, one on 2 % of the bars outside gaps: 0.06 / 1.06; and 30 % late by half the span.
        let missing = close.iter().filter(|v| v.is_nan()).count() as f64 / close.len() as f64;
        let expected = 1.0 - (1.0 / 1.06) * (1.0 - 0.15);
        assert!((missing - expected).abs() < 0.06, "{missing} of all cells are missing, about {expected} expected");
    }

    #[test]
    fn returns_have_the_moments_of_their_recipe() {
        let mut normals = Normals::new(Xoshiro256PlusPlus::seed_from_u64(5));
        let draws: Vec<f64> = (0..200_000).map(|_| normals.next()).collect();
        let moment = |power: i32| draws.iter().map(|x| x.powi(power)).sum::<f64>() / draws.len() as f64;
        for (power, expected, tolerance) in [(1, 0.0, 0.01), (2, 1.0, 0.015), (3, 0.0, 0.04), (4, 3.0, 0.1)] {
            assert!((moment(power) - expected).abs() < tolerance, "moment {power} is {}", moment(power));
        }
        let panel = random_walk(4000, 30, 11);
        let close = panel.field("close").unwrap();
        let ratios = (0..30).map(|s| (close[[3999, s]] / close[[0, s]]).ln() / 3999.0);
        let drift = ratios.sum::<f64>() / 30.0;
        assert!(drift.abs() < 0.0005, "drift {drift} a day");
    }

    #[test]
    fn days_are_weekdays_and_names_sort() {
        let panel = random_walk(523, 3, 0);
        assert_eq!(panel.calendar().frequency(), crate::Frequency::Daily { weekends: false });
        let labels = [0, 1, 2, 6, 7, 522].map(|row| panel.calendar().label(row));
        let expected = ["2015-01-01", "2015-01-02", "2015-01-05", "2015-01-09", "2015-01-12", "2017-01-02"];
        assert_eq!(labels.as_slice(), expected);
        assert!(random_walk(1, 10_001, 0).symbols().is_sorted());
    }

    #[test]
    fn limits_and_odd_rates() {
        assert!(random_walk(0, 0, 0).calendar().is_empty());
        for (bars, symbols, fits) in [
            (100, 2656, true),
            (RandomWalk::MAX_BARS, 1, true),
            (RandomWalk::MAX_BARS + 1, 1, false),
            (0, usize::MAX, false),
            (usize::MAX, usize::MAX, false),
        ] {
            assert_eq!(RandomWalk { bars, symbols, ..gappy(0, 0) }.fits(), fits, "{bars} x {symbols}");
        }
        let last = business_day(RandomWalk::MAX_BARS as i64 - 1) * MICROSECONDS_A_DAY;
        assert!(Calendar::new(vec![last], None).is_ok());
        for (gap_rate, expected) in [(f64::NAN, 0), (-1.0, 0), (2.0, 50)] {
            let panel = RandomWalk { gap_rate, late_listing_rate: 0.0, ..gappy(10, 5) }.panel();
            let missing = panel.values("close").unwrap().iter().filter(|v| v.is_nan()).count();
            assert_eq!(missing, expected, "gap rate {gap_rate}");
        }
    }
}
