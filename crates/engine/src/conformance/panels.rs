//! Panels made to hurt.

use factor::MAX_INPUTS;
use indexmap::IndexMap;
use market::{Calendar, Group, Panel};
use ndarray::Array2;
use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

/// A shape of data that breaks kernels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Independent numbers from -2 to 2.
    Noise,
    /// Noise of which one in seven is missing.
    Gaps,
    /// Few distinct values, some missing.
    Ties,
    /// One number.
    Constant,
    /// Noise of which some is infinite.
    Infinities,
    /// 5e6 and noise around 1.
    Level,
    /// 5e6 and noise around 1e3 for eight bars of forty, then around 1e-3.
    Storm,
    /// Prices.
    Walk,
}

impl Shape {
    /// All there are.
    pub const ALL: [Shape; 8] = [
        Shape::Noise,
        Shape::Gaps,
        Shape::Ties,
        Shape::Constant,
        Shape::Infinities,
        Shape::Level,
        Shape::Storm,
        Shape::Walk,
    ];
}

/// Columns of numbers of a [`panel`], one for each input that an operator can have.
pub(super) const NUMBERS: [&str; MAX_INPUTS] = ["x", "y", "z", "w"];
/// Columns of flags.
pub(super) const FLAGS: [&str; MAX_INPUTS] = ["f", "g", "h", "i"];
/// Columns of labels.
pub(super) const GROUPS: [&str; MAX_INPUTS] = ["sector", "industry", "sector", "industry"];

const DAY: i64 = 86_400_000_000;

/// A number in 0..1.
fn uniform(rng: &mut Xoshiro256PlusPlus) -> f64 {
    (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
}

/// A value of a shape, after the one before.
fn value(shape: Shape, row: usize, before: f64, rng: &mut Xoshiro256PlusPlus) -> f64 {
    let noise = uniform(rng) - 0.5;
    match shape {
        Shape::Gaps if uniform(rng) < 0.15 => f64::NAN,
        Shape::Ties if uniform(rng) < 0.05 => f64::NAN,
        Shape::Ties => (noise * 6.0).round(),
        Shape::Constant => 3.7,
        Shape::Infinities if uniform(rng) < 0.05 => f64::INFINITY * noise.signum(),
        Shape::Level => 5e6 + noise,
        Shape::Storm => 5e6 + noise * if row % 40 < 8 { 1e3 } else { 1e-3 },
        Shape::Walk if before.is_nan() => 100.0,
        Shape::Walk => before * (1.0 + noise * 0.04),
        Shape::Noise | Shape::Gaps | Shape::Infinities => noise * 4.0,
    }
}

/// A panel made to hurt: numbers x, y, z, w of a shape, flags f, g, h, i, groups sector and industry. Some closes are
/// missing, so that not everybody is a member.
pub fn panel(shape: Shape, bars: usize, symbols: usize, seed: u64) -> Panel {
    let rng = &mut Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut fields = IndexMap::new();
    for name in NUMBERS {
        let mut field = Array2::zeros((bars, symbols));
        for symbol in 0..symbols {
            let mut before = f64::NAN;
            for row in 0..bars {
                before = value(shape, row, before, rng);
                field[[row, symbol]] = before;
            }
        }
        fields.insert(name.to_owned(), field);
    }
    for name in FLAGS {
        let flag = Array2::from_shape_fn((bars, symbols), |_| match rng.next_u64() % 5 {
            0 => f64::NAN,
            odd => (odd % 2) as f64,
        });
        fields.insert(name.to_owned(), flag);
    }
    let close = Array2::from_shape_fn((bars, symbols), |_| if rng.next_u64() % 9 == 0 { f64::NAN } else { 10.0 });
    fields.insert("close".to_owned(), close);
    let codes = Array2::from_shape_fn((bars, symbols), |(_, symbol)| match symbol % 4 {
        3 => f64::NAN,
        code => code as f64,
    });
    let sector = Group { labels: ["a", "b", "c"].map(str::to_owned).to_vec(), codes };
    let codes = Array2::from_shape_fn((bars, symbols), |(row, symbol)| ((row / 30 + symbol) % 2) as f64);
    let industry = Group { labels: ["d", "e"].map(str::to_owned).to_vec(), codes };
    let calendar = Calendar::new((0..bars as i64).map(|row| row * DAY).collect(), None).expect("rising days");
    let symbols = (0..symbols).map(|i| format!("S{i:03}")).collect();
    Panel::new(
        calendar,
        symbols,
        fields,
        IndexMap::from([("sector".to_owned(), sector), ("industry".to_owned(), industry)]),
    )
    .expect("a valid panel")
}
