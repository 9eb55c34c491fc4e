//! Random numbers of which the bits depend on a key alone, whatever the platform or the order in which streams are used.

use std::sync::LazyLock;

use rand::Rng;
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::SeedableRng;

/// Layers of a ziggurat.
const LAYERS: usize = 256;
/// Where the tail of the normal ziggurat begins.
const NORMAL_TAIL: f64 = 3.654_152_885_361_009;
/// Where the tail of the exponential ziggurat begins.
const EXPONENTIAL_TAIL: f64 = 7.697_117_470_131_05;

/// What a stream is for; streams of different purposes have nothing to do with each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// A symbol's constants: its volatility, beta, price, listing.
    Symbol,
    /// A symbol's bars.
    Bars,
    /// A symbol's splits.
    Splits,
    /// The factor that all symbols share.
    Market,
    /// The factor that a sector shares.
    Sector,
    /// Which regime comes next.
    Regime,
    /// Whom a scenario hits, and on which bars.
    Scenario,
    /// The trial market on which the strength of a planted effect is found.
    Pilot,
}

/// A uniform number in [0, 1) that belongs to a key, without a stream.
pub(super) fn uniform_of(seed: u64, purpose: Purpose, number: u64, block: u64) -> f64 {
    unit(key(seed, purpose, number, block))
}

/// A number of 64 bits that belongs to a key.
pub(super) fn key(seed: u64, purpose: Purpose, number: u64, block: u64) -> u64 {
    let mut bytes = [0; 32];
    for (place, part) in [seed, purpose as u64, number, block].into_iter().enumerate() {
        bytes[place * 8..][..8].copy_from_slice(&part.to_le_bytes());
    }
    twox_hash::XxHash3_64::oneshot(&bytes)
}

/// The upper 53 bits as a number in [0, 1).
fn unit(bits: u64) -> f64 {
    (bits >> 11) as f64 * (1.0 / 9_007_199_254_740_992.0)
}

/// A stream of random numbers.
#[derive(Debug, Clone)]
pub(super) struct Stream {
    generator: Xoshiro256PlusPlus,
}

impl Stream {
    pub(super) fn new(seed: u64, purpose: Purpose, number: u64, block: u64) -> Self {
        Self { generator: Xoshiro256PlusPlus::seed_from_u64(key(seed, purpose, number, block)) }
    }

    /// Uniform in [0, 1) on a grid of 2^-53.
    #[inline]
    pub(super) fn uniform(&mut self) -> f64 {
        unit(self.generator.next_u64())
    }

    /// Uniform in (0, 1], so that its logarithm is finite.
    fn positive(&mut self) -> f64 {
        1.0 - self.uniform()
    }

    /// Standard normal, by a ziggurat (Marsaglia and Tsang, 2000; fraction and layer from separate bits, as Doornik,
    /// 2005, asks).
    #[inline]
    pub(super) fn normal(&mut self, tables: &Tables) -> f64 {
        loop {
            let bits = self.generator.next_u64();
            let layer = (bits & 0xff) as usize;
            // 52 bits as a number in [2, 4), moved to [-1, 1).
            let fraction = f64::from_bits((bits >> 12) | 0x4000_0000_0000_0000) - 3.0;
            let value = fraction * tables.normal.edge[layer];
            if value.abs() < tables.normal.edge[layer + 1] {
                return value;
            }
            if let Some(value) = self.normal_edge(layer, fraction, value, tables) {
                return value;
            }
        }
    }

    /// One draw in a hundred: below the curve of a layer's edge, or in the tail.
    #[cold]
    fn normal_edge(&mut self, layer: usize, fraction: f64, value: f64, tables: &Tables) -> Option<f64> {
        if layer == 0 {
            loop {
                let beyond = -libm::log(self.positive()) / NORMAL_TAIL;
                let height = -libm::log(self.positive());
                if 2.0 * height >= beyond * beyond {
                    return Some((NORMAL_TAIL + beyond).copysign(fraction));
                }
            }
        }
        let [low, high] = tables.normal.heights(layer);
        (high + (low - high) * self.uniform() < libm::exp(-value * value / 2.0)).then_some(value)
    }

    /// Exponential of mean one, by a ziggurat.
    #[inline]
    pub(super) fn exponential(&mut self, tables: &Tables) -> f64 {
        loop {
            let bits = self.generator.next_u64();
            let layer = (bits & 0xff) as usize;
            let value = unit(bits) * tables.exponential.edge[layer];
            if value < tables.exponential.edge[layer + 1] {
                return value;
            }
            if let Some(value) = self.exponential_edge(layer, value, tables) {
                return value;
            }
        }
    }

    #[cold]
    fn exponential_edge(&mut self, layer: usize, value: f64, tables: &Tables) -> Option<f64> {
        if layer == 0 {
            return Some(EXPONENTIAL_TAIL - libm::log(self.positive()));
        }
        let [low, high] = tables.exponential.heights(layer);
        (high + (low - high) * self.uniform() < libm::exp(-value)).then_some(value)
    }
}

/// The scale by which a standard normal becomes a Student t of unit variance: the root of an inverse gamma variable.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Tails {
    /// The scale is 1: nothing but normal.
    Normal,
    /// Of so many degrees of freedom, more than 2.
    Student {
        /// Marsaglia and Tsang's `d` and `c` for a gamma variable of half the degrees of freedom.
        d: f64,
        c: f64,
        /// (degrees - 2) / 2, which makes the variance one.
        unit: f64,
    },
}

impl Tails {
    /// Of so many degrees of freedom; 0 is normal.
    pub(super) fn new(degrees: f64) -> Self {
        if degrees == 0.0 {
            return Self::Normal;
        }
        let d = degrees / 2.0 - 1.0 / 3.0;
        Self::Student { d, c: 1.0 / libm::sqrt(9.0 * d), unit: (degrees - 2.0) / 2.0 }
    }

    /// Draws a scale.
    #[inline]
    pub(super) fn scale(self, stream: &mut Stream, tables: &Tables) -> f64 {
        let Self::Student { d, c, unit } = self else { return 1.0 };
        loop {
            let x = stream.normal(tables);
            let root = 1.0 + c * x;
            if root <= 0.0 {
                continue;
            }
            let v = root * root * root;
            let u = stream.uniform();
            let square = x * x;
            let squeezed = u < 1.0 - 0.0331 * square * square;
            if squeezed || libm::log(1.0 - u) < 0.5 * square + d * (1.0 - v + libm::log(v)) {
                return libm::sqrt(unit / (d * v));
            }
        }
    }
}

/// The layers of both ziggurats, and the grids of prices.
#[derive(Debug)]
pub(super) struct Tables {
    normal: Ziggurat,
    exponential: Ziggurat,
    /// By the exponent bits of a price.
    grids: Vec<Grid>,
}

/// Decimals that prices of about one size are rounded to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Grid {
    /// Steps in 1, a power of ten; 0 leaves prices as they are.
    steps: f64,
}

impl Grid {
    /// Digits of a price that count: no fewer, and at most one more.
    const DIGITS: i32 = 6;

    /// For prices of which these are the exponent bits.
    fn new(exponent: i32) -> Self {
        let magnitude = f64::from(exponent - 1023) * std::f64::consts::LOG10_2;
        let decimals = Self::DIGITS - 1 - magnitude.floor() as i32;
        // Powers of ten beyond 22 are no exact numbers any more; prices in millions need no decimals.
        match decimals.max(0) {
            decimals @ 0..=22 => Self { steps: (0..decimals).fold(1.0, |steps, _| steps * 10.0) },
            _ => Self { steps: 0.0 },
        }
    }

    /// The nearest price on the grid. Keeps order.
    #[inline]
    pub(super) fn round(self, price: f64) -> f64 {
        const EXACT: f64 = 2_251_799_813_685_248.0;
        let steps = price * self.steps;
        if self.steps == 0.0 || steps >= EXACT { price } else { super::symbol::whole(steps) / self.steps }
    }
}

impl Tables {
    /// The tables, made once a process.
    pub(super) fn get() -> &'static Self {
        static TABLES: LazyLock<Tables> = LazyLock::new(|| {
            let below_normal = libm::sqrt(std::f64::consts::PI / 2.0) * libm::erfc(NORMAL_TAIL / libm::sqrt(2.0));
            let below_exponential = libm::exp(-EXPONENTIAL_TAIL);
            Tables {
                normal: Ziggurat::new(
                    NORMAL_TAIL,
                    below_normal,
                    |x| libm::exp(-x * x / 2.0),
                    |y| libm::sqrt(-2.0 * libm::log(y)),
                ),
                exponential: Ziggurat::new(EXPONENTIAL_TAIL, below_exponential, |x| libm::exp(-x), |y| -libm::log(y)),
                grids: (0..2_048).map(Grid::new).collect(),
            }
        });
        &TABLES
    }

    /// The grid of prices as large as this one. A bar has one grid, or rounding could put its low above its close.
    #[inline]
    pub(super) fn grid(&self, price: f64) -> Grid {
        self.grids[(price.to_bits() >> 52) as usize & 0x7ff]
    }
}

/// Layers of equal area below a falling curve that starts at height 1.
#[derive(Debug)]
struct Ziggurat {
    /// Right edges, widest first; layer 0 is as wide as if its tail were part of its rectangle.
    edge: [f64; LAYERS + 1],
    /// Heights of the curve above the edges.
    height: [f64; LAYERS + 1],
}

impl Ziggurat {
    fn new(tail: f64, area_beyond: f64, curve: impl Fn(f64) -> f64, inverse: impl Fn(f64) -> f64) -> Self {
        let area = tail * curve(tail) + area_beyond;
        let mut edge = [0.0; LAYERS + 1];
        edge[0] = area / curve(tail);
        edge[1] = tail;
        for layer in 2..LAYERS {
            edge[layer] = inverse(area / edge[layer - 1] + curve(edge[layer - 1]));
        }
        Self { edge, height: edge.map(curve) }
    }

    /// Heights of the curve at a layer's outer and inner edge.
    fn heights(&self, layer: usize) -> [f64; 2] {
        [self.height[layer], self.height[layer + 1]]
    }
}

/// The normal quantile of a probability in (0, 1), to about 1e-15 (Wichura, 1988, algorithm AS 241).
pub(super) fn normal_quantile(probability: f64) -> f64 {
    let ratio = |x: f64, top: &[f64; 8], bottom: &[f64; 8]| {
        let along = |parts: &[f64; 8]| parts.iter().rev().fold(0.0, |sum, part| sum * x + part);
        along(top) / along(bottom)
    };
    let centre = probability - 0.5;
    if centre.abs() <= 0.425 {
        return centre * ratio(0.180_625 - centre * centre, &CENTRE[0], &CENTRE[1]);
    }
    let far = libm::sqrt(-libm::log(probability.min(1.0 - probability)));
    let size = if far <= 5.0 { ratio(far - 1.6, &MIDDLE[0], &MIDDLE[1]) } else { ratio(far - 5.0, &FAR[0], &FAR[1]) };
    size.copysign(centre)
}

const CENTRE: [[f64; 8]; 2] = [
    [
        3.387_132_872_796_366_5,
        133.141_667_891_784_38,
        1_971.590_950_306_551_3,
        13_731.693_765_509_46,
        45_921.953_931_549_87,
        67_265.770_927_008_7,
        33_430.575_583_588_13,
        2_509.080_928_730_122_7,
    ],
    [
        1.0,
        42.313_330_701_600_91,
        687.187_007_492_057_9,
        5_394.196_021_424_751,
        21_213.794_301_586_597,
        39_307.895_800_092_71,
        28_729.085_735_721_943,
        5_226.495_278_852_854,
    ],
];
const MIDDLE: [[f64; 8]; 2] = [
    [
        1.423_437_110_749_683_5,
        4.630_337_846_156_546,
        5.769_497_221_460_691,
        3.647_848_324_763_204_5,
        1.270_458_252_452_368_4,
        0.241_780_725_177_450_6,
        0.022_723_844_989_269_184,
        7.745_450_142_783_414e-4,
    ],
    [
        1.0,
        2.053_191_626_637_759,
        1.676_384_830_183_803_8,
        0.689_767_334_985_1,
        0.148_103_976_427_480_08,
        0.015_198_666_563_616_457,
        5.475_938_084_995_345e-4,
        1.050_750_071_644_416_9e-9,
    ],
];
const FAR: [[f64; 8]; 2] = [
    [
        6.657_904_643_501_103,
        5.463_784_911_164_114,
        1.784_826_539_917_291_3,
        0.296_560_571_828_504_87,
        0.026_532_189_526_576_124,
        0.001_242_660_947_388_078_4,
        2.711_555_568_743_487_6e-5,
        2.010_334_399_292_288_1e-7,
    ],
    [
        1.0,
        0.599_832_206_555_888,
        0.136_929_880_922_735_8,
        0.014_875_361_290_850_615,
        7.868_691_311_456_133e-4,
        1.846_318_317_510_054_7e-5,
        1.421_511_758_316_446e-7,
        2.044_263_103_389_939_8e-15,
    ],
];

#[cfg(test)]
mod tests {
    use super::*;

    const DRAWS: usize = 400_000;

    /// Mean, variance and kurtosis of draws, and their share at or below each of some points.
    fn moments(mut draw: impl FnMut(&mut Stream) -> f64, points: &[f64]) -> ([f64; 3], Vec<f64>) {
        let mut stream = Stream::new(5, Purpose::Bars, 0, 0);
        let values: Vec<f64> = (0..DRAWS).map(|_| draw(&mut stream)).collect();
        let mean = values.iter().sum::<f64>() / DRAWS as f64;
        let power = |power: i32| values.iter().map(|v| (v - mean).powi(power)).sum::<f64>() / DRAWS as f64;
        let below = |point: &f64| values.iter().filter(|value| *value <= point).count() as f64 / DRAWS as f64;
        ([mean, power(2), power(4) / power(2).powi(2)], points.iter().map(below).collect())
    }

    fn check(draw: impl FnMut(&mut Stream) -> f64, expected: [f64; 3], tolerance: [f64; 3], law: &[(f64, f64)]) {
        let points: Vec<f64> = law.iter().map(|(point, _)| *point).collect();
        let (found, below) = moments(draw, &points);
        for ((found, expected), tolerance) in found.iter().zip(expected).zip(tolerance) {
            assert!((found - expected).abs() < tolerance, "{found} is not {expected}");
        }
        for (found, (point, expected)) in below.iter().zip(law) {
            let error = 4.0 * (expected * (1.0 - expected) / DRAWS as f64).sqrt();
            assert!((found - expected).abs() < error, "{found} of draws are below {point}, not {expected}");
        }
    }

    #[test]
    fn draws_follow_their_laws() {
        let tables = Tables::get();
        let normal =
            [(-3.7, 1.077_997e-4), (-2.0, 0.022_750_1), (-0.5, 0.308_537_5), (1.0, 0.841_344_7), (3.0, 0.998_650_1)];
        check(|stream| stream.normal(tables), [0.0, 1.0, 3.0], [0.007, 0.01, 0.05], &normal);
        let exponential = [(0.01, 0.009_950_2), (0.5, 0.393_469_3), (2.0, 0.864_664_7), (7.8, 0.999_590_3)];
        check(|stream| stream.exponential(tables), [1.0, 1.0, 9.0], [0.007, 0.02, 0.4], &exponential);
        // A t of 9 degrees, scaled to unit variance: kurtosis 3 + 6 / 5. Its quantile at 97.5 % is 2.262157 * sqrt(7/9).
        let tails = Tails::new(9.0);
        let student = |stream: &mut Stream| {
            let scale = tails.scale(stream, tables);
            stream.normal(tables) * scale
        };
        check(student, [0.0, 1.0, 4.2], [0.007, 0.015, 0.3], &[(1.995_052, 0.975), (-2.866_081, 0.005)]);
    }

    #[test]
    fn quantiles_of_the_normal() {
        for (probability, expected) in [
            (0.5, 0.0),
            (0.975, 1.959_963_984_540_054),
            (0.01, -2.326_347_874_040_841),
            (0.9, 1.281_551_565_544_6),
            (1e-10, -6.361_340_902_404_056),
            (1e-16, -8.222_082_216_130_435),
        ] {
            let found = normal_quantile(probability);
            assert!((found - expected).abs() < 1e-12, "{probability}: {found}");
        }
    }

    #[test]
    fn streams_differ_by_every_part_of_their_key() {
        let first = |seed, purpose, number, block| Stream::new(seed, purpose, number, block).uniform();
        let base = first(1, Purpose::Bars, 2, 3);
        assert_eq!(base, first(1, Purpose::Bars, 2, 3));
        for other in [
            first(2, Purpose::Bars, 2, 3),
            first(1, Purpose::Symbol, 2, 3),
            first(1, Purpose::Bars, 3, 3),
            first(1, Purpose::Bars, 2, 4),
        ] {
            assert_ne!(base, other);
        }
    }
}
