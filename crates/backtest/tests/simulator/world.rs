//! Small random markets and strategies.

use backtest::{Costs, Delisting, Detail, Fill, Market, Outcome, Rows, Settings, Simulator};
use factor::{Count, Exits, Positions, Rebalance, Rule, ScaledStop, TrailingStop, Weighting};
use indexmap::IndexMap;
use market::{Calendar, Panel};
use ndarray::Array2;
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

const DAY: i64 = 86_400_000_000;
const NAN: f64 = f64::NAN;

/// Daily bars from Monday, 2024-01-01, without weekends.
pub(crate) fn panel(open: &Array2<f64>, close: &Array2<f64>) -> Panel {
    let (bars, symbols) = close.dim();
    let first = 19_723;
    let times = (0_i64..).map(|day| first + day / 5 * 7 + day % 5).map(|day| day * DAY).take(bars).collect();
    let calendar = Calendar::new(times, None).expect("rising times");
    let fields = [("open", open), ("close", close)].map(|(name, values)| (name.to_owned(), values.clone()));
    let names = (0..symbols).map(|symbol| format!("S{symbol:03}")).collect();
    Panel::new(calendar, names, IndexMap::from(fields), IndexMap::new()).expect("shapes that agree")
}

/// What a program would give, `[bars x symbols]` each, where the strategy has it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Signals {
    pub(crate) score: Option<Array2<f64>>,
    pub(crate) entry: Option<Array2<f64>>,
    pub(crate) exit: Option<Array2<f64>>,
    pub(crate) weight_volatility: Option<Array2<f64>>,
    pub(crate) stop_volatility: Option<Array2<f64>>,
    pub(crate) average_true_range: Option<Array2<f64>>,
}

impl Signals {
    pub(crate) fn row(&self, row: usize) -> Rows<'_> {
        fn cut(array: Option<&Array2<f64>>, row: usize) -> Option<&[f64]> {
            array.map(|array| array.row(row).to_slice().expect("standard layout"))
        }
        Rows {
            score: cut(self.score.as_ref(), row),
            entry: cut(self.entry.as_ref(), row),
            exit: cut(self.exit.as_ref(), row),
            weight_volatility: cut(self.weight_volatility.as_ref(), row),
            stop_volatility: cut(self.stop_volatility.as_ref(), row),
            average_true_range: cut(self.average_true_range.as_ref(), row),
        }
    }

    /// Every array, changed.
    #[must_use]
    pub(crate) fn map(&self, change: impl Fn(&Array2<f64>) -> Array2<f64>) -> Self {
        Self {
            score: self.score.as_ref().map(&change),
            entry: self.entry.as_ref().map(&change),
            exit: self.exit.as_ref().map(&change),
            weight_volatility: self.weight_volatility.as_ref().map(&change),
            stop_volatility: self.stop_volatility.as_ref().map(&change),
            average_true_range: self.average_true_range.as_ref().map(&change),
        }
    }
}

/// A market, a strategy and what is assumed.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) open: Array2<f64>,
    pub(crate) close: Array2<f64>,
    pub(crate) signals: Signals,
    pub(crate) positions: Positions,
    pub(crate) exits: Exits,
    pub(crate) settings: Settings,
}

impl World {
    pub(crate) fn run(&self, detail: Detail) -> Outcome {
        let panel = panel(&self.open, &self.close);
        let market = Market::new(&panel);
        let mut simulator = Simulator::new(&market, self.positions, self.exits, &self.settings, detail);
        for row in 0..market.bars() {
            simulator.step(row, &self.signals.row(row));
        }
        simulator.finish()
    }

    /// Everything about this world, for a failing test.
    pub(crate) fn label(&self) -> String {
        format!("{:?} {:?} {:?}", self.positions, self.exits, self.settings)
    }
}

/// Rows of numbers, `[bars x symbols]`.
pub(crate) fn table<const SYMBOLS: usize>(rows: &[[f64; SYMBOLS]]) -> Array2<f64> {
    Array2::from(rows.to_vec())
}

/// A world in which nothing happens by itself: opens are closes, trading is free, there are no exits, the capital is
/// 1000, and the one highest score is held, with fills at the next open.
pub(crate) fn plain<const SYMBOLS: usize>(close: &[[f64; SYMBOLS]], score: &[[f64; SYMBOLS]]) -> World {
    World {
        open: table(close),
        close: table(close),
        signals: Signals { score: Some(table(score)), ..Signals::default() },
        positions: Positions {
            rule: Rule::Top,
            count: Count::Number(1),
            weight: Weighting::Equal,
            rebalance: Rebalance::Daily,
        },
        exits: Exits::default(),
        settings: Settings { capital: 1000.0, costs: Costs::FREE, ..Settings::default() },
    }
}

/// Chance from one seed.
pub(crate) struct Dice(Xoshiro256PlusPlus);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Xoshiro256PlusPlus::seed_from_u64(seed))
    }

    /// From 0 up to 1, 1 excluded.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub(crate) fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// From 0 up to `end`, `end` excluded.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.unit() * end as f64) as usize
    }

    fn array(&mut self, shape: (usize, usize), mut value: impl FnMut(&mut Self) -> f64) -> Array2<f64> {
        Array2::from_shape_simple_fn(shape, || value(self))
    }
}

/// A random world: gaps of one bar and of many, symbols that list late or stop trading, unknown scores and flags.
pub(crate) fn world(seed: u64) -> World {
    let mut dice = Dice::new(seed);
    let shape = (20 + dice.below(60), 1 + dice.below(12));
    let (open, close) = prices(&mut dice, shape);
    let rule = [Rule::Top, Rule::LongShort, Rule::Signal, Rule::Weights][dice.below(4)];
    let positions = Positions {
        rule,
        count: if dice.chance(0.5) {
            Count::Number(1 + dice.below(shape.1 + 3) as u32)
        } else {
            Count::Fraction(0.05 + 0.95 * dice.unit())
        },
        weight: [Weighting::Equal, Weighting::Score, Weighting::InverseVolatility][dice.below(3)],
        rebalance: [Rebalance::Daily, Rebalance::Weekly, Rebalance::Monthly][dice.below(3)],
    };
    let exits = exits(&mut dice);
    let needs_score = rule != Rule::Signal || positions.weight == Weighting::Score;
    let signals = signals(&mut dice, shape, needs_score, rule == Rule::Signal);
    let rate = |dice: &mut Dice| if dice.chance(0.3) { 0.0 } else { 40.0 * dice.unit() };
    let settings = Settings {
        capital: 1000.0,
        costs: Costs {
            commission_bps: rate(&mut dice),
            half_spread_bps: rate(&mut dice),
            sell_tax_bps: rate(&mut dice),
        },
        fill: [Fill::NextOpen, Fill::NextOpen, Fill::NextClose, Fill::SameClose][dice.below(4)],
        delisting: Delisting {
            after_missing_bars: 1 + dice.below(6) as u32,
            return_fraction: [0.0, -0.3, -1.0, 0.1][dice.below(4)],
        },
    };
    World { open, close, signals, positions, exits, settings }
}

fn prices(dice: &mut Dice, shape: (usize, usize)) -> (Array2<f64>, Array2<f64>) {
    let (mut open, mut close) = (Array2::from_elem(shape, NAN), Array2::from_elem(shape, NAN));
    // Now and then moves are so large that shorts lose everything.
    let size = if dice.chance(0.15) { 0.8 } else { 0.06 };
    for symbol in 0..shape.1 {
        let (first, last) = match dice.below(4) {
            0 => (dice.below(shape.0), shape.0),
            1 => (0, 1 + dice.below(shape.0)),
            _ => (0, shape.0),
        };
        let (mut price, mut gap) = (10.0 + 90.0 * dice.unit(), 0);
        for row in first..last {
            let overnight = 1.0 + 0.5 * size * (dice.unit() - 0.5);
            let day = 1.0 + size * (dice.unit() - 0.5) * if dice.chance(0.05) { 3.0 } else { 1.0 };
            let opened = price * overnight;
            price = (opened * day).max(0.01);
            if gap == 0 && dice.chance(0.03) {
                let longest = if dice.chance(0.7) { 2 } else { 9 };
                gap = 1 + dice.below(longest);
            }
            if gap > 0 {
                gap -= 1;
                continue;
            }
            // One of the two may be missing alone.
            open[[row, symbol]] = if dice.chance(0.01) { NAN } else { opened };
            close[[row, symbol]] = if dice.chance(0.01) { NAN } else { price };
        }
    }
    (open, close)
}

fn exits(dice: &mut Dice) -> Exits {
    let mut some = |most: f64| dice.chance(0.3).then(|| most * (0.1 + 0.9 * dice.unit()));
    let (stop_loss, take_profit, trail) = (some(0.1), some(0.2), some(0.1));
    let (holding, volatility, range) = (some(30.0), some(3.0), some(3.0));
    let activation = some(0.1).unwrap_or(0.0);
    Exits {
        stop_loss,
        take_profit,
        trailing_stop: trail.map(|trail| TrailingStop { trail, activation }),
        max_holding: holding.map(|bars| bars as u32),
        volatility_stop: volatility.map(|multiplier| ScaledStop { multiplier, window: 20 }),
        atr_stop: range.map(|multiplier| ScaledStop { multiplier, window: 14 }),
    }
}

fn signals(dice: &mut Dice, shape: (usize, usize), needs_score: bool, needs_entry: bool) -> Signals {
    let flag = |dice: &mut Dice, likely: f64| {
        dice.array(shape, |dice| match dice.below(12) {
            0 => NAN,
            _ => f64::from(u8::from(dice.chance(likely))),
        })
    };
    // Some worlds have scores with many ties.
    let coarse = dice.chance(0.3);
    let score = |dice: &mut Dice| {
        dice.array(shape, |dice| match (dice.below(15), coarse) {
            (0, _) => NAN,
            (_, true) => dice.below(4) as f64 - 1.0,
            (_, false) => 2.0 * dice.unit() - 0.8,
        })
    };
    let measure = |dice: &mut Dice, most: f64| {
        dice.array(shape, |dice| match dice.below(20) {
            0 => NAN,
            1 => 0.0,
            _ => most * (0.1 + dice.unit()),
        })
    };
    Signals {
        score: (needs_score || dice.chance(0.5)).then(|| score(dice)),
        entry: (needs_entry || dice.chance(0.3)).then(|| flag(dice, 0.4)),
        exit: dice.chance(0.4).then(|| flag(dice, 0.15)),
        weight_volatility: Some(measure(dice, 0.03)),
        stop_volatility: Some(measure(dice, 0.03)),
        average_true_range: Some(measure(dice, 2.0)),
    }
}
