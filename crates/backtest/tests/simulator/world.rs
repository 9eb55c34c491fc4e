//! Small random markets and strategies.

use backtest::{
    CashShort, Costs, Delisting, Detail, Fill, Liquidity, Market, Outcome, Rates, Rows, Settings, Shares, Simulator,
    Unfilled,
};
use engine::Ranker;
use factor::{Count, Exits, Positions, Rebalance, Rule, ScaledStop, Sizing, TrailingStop, Trigger, Weighting};
use indexmap::IndexMap;
use market::{Calendar, Panel};
use ndarray::Array2;
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

const DAY: i64 = 86_400_000_000;
const NAN: f64 = f64::NAN;

/// Daily bars from Monday, 2024-01-01, without weekends.
fn calendar(bars: usize) -> Calendar {
    let first = 19_723;
    let times = (0_i64..).map(|day| first + day / 5 * 7 + day % 5).map(|day| day * DAY).take(bars).collect();
    Calendar::new(times, None).expect("rising times")
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
    pub(crate) group: Option<Array2<f64>>,
}

impl Signals {
    pub(crate) fn row(&self, row: usize) -> Rows<'_> {
        fn cut(array: Option<&Array2<f64>>, row: usize) -> Option<&[f64]> {
            array.map(|array| array.row(row).to_slice().expect("standard layout"))
        }
        Rows {
            score: cut(self.score.as_ref(), row),
            doubled_ranks: None,
            entry: cut(self.entry.as_ref(), row),
            exit: cut(self.exit.as_ref(), row),
            weight_volatility: cut(self.weight_volatility.as_ref(), row),
            stop_volatility: cut(self.stop_volatility.as_ref(), row),
            average_true_range: cut(self.average_true_range.as_ref(), row),
            group: cut(self.group.as_ref(), row),
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
            group: self.group.as_ref().map(&change),
        }
    }
}

/// A market, a strategy and what is assumed.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) open: Array2<f64>,
    pub(crate) high: Array2<f64>,
    pub(crate) low: Array2<f64>,
    pub(crate) close: Array2<f64>,
    pub(crate) volume: Array2<f64>,
    pub(crate) limit_up: Option<Array2<f64>>,
    pub(crate) limit_down: Option<Array2<f64>>,
    pub(crate) signals: Signals,
    pub(crate) positions: Positions,
    pub(crate) exits: Exits,
    pub(crate) settings: Settings,
}

impl World {
    pub(crate) fn panel(&self) -> Panel {
        let symbols = self.close.ncols();
        let mut fields = IndexMap::new();
        for (name, values) in [
            ("open", Some(&self.open)),
            ("high", Some(&self.high)),
            ("low", Some(&self.low)),
            ("close", Some(&self.close)),
            ("volume", Some(&self.volume)),
            ("limit_up", self.limit_up.as_ref()),
            ("limit_down", self.limit_down.as_ref()),
        ] {
            fields.extend(values.map(|values| (name.to_owned(), values.clone())));
        }
        let names = (0..symbols).map(|symbol| format!("S{symbol:03}")).collect();
        Panel::new(self.calendar(), names, fields, IndexMap::new()).expect("shapes that agree")
    }

    pub(crate) fn calendar(&self) -> Calendar {
        calendar(self.close.nrows())
    }

    pub(crate) fn periods_per_year(&self) -> f64 {
        self.calendar().frequency().periods_per_year()
    }

    /// The world with every array changed.
    #[must_use]
    pub(crate) fn map(&self, change: impl Fn(&Array2<f64>) -> Array2<f64>) -> Self {
        Self {
            open: change(&self.open),
            high: change(&self.high),
            low: change(&self.low),
            close: change(&self.close),
            volume: change(&self.volume),
            limit_up: self.limit_up.as_ref().map(&change),
            limit_down: self.limit_down.as_ref().map(&change),
            signals: self.signals.map(&change),
            ..self.clone()
        }
    }

    pub(crate) fn run(&self, detail: Detail) -> Outcome {
        let panel = self.panel();
        let market = Market::new(&panel);
        let mut simulator = Simulator::new(&market, self.positions, self.exits, &self.settings, detail);
        for row in 0..market.bars() {
            simulator.step(row, &self.signals.row(row));
        }
        simulator.finish()
    }

    /// The same with ranks of the scores made beforehand.
    pub(crate) fn run_ranked(&self, detail: Detail) -> Outcome {
        let panel = self.panel();
        let market = Market::new(&panel);
        let mut simulator = Simulator::new(&market, self.positions, self.exits, &self.settings, detail);
        let (mut ranker, mut ranks) = (Ranker::default(), vec![0; market.symbols()]);
        for row in 0..market.bars() {
            let rows = self.signals.row(row);
            if let Some(score) = rows.score {
                ranker.rank_twice(score, &mut ranks);
            }
            simulator.step(row, &Rows { doubled_ranks: rows.score.map(|_| &ranks[..]), ..rows });
        }
        simulator.finish()
    }

    /// The same with rows that something follows which is none of theirs.
    pub(crate) fn run_followed_by(&self, behind: f64, detail: Detail) -> Outcome {
        let signals = self.signals.map(|rows| {
            let [bars, symbols] = [rows.nrows(), rows.ncols()];
            Array2::from_shape_fn((bars, symbols + 40), |(row, at)| if at < symbols { rows[[row, at]] } else { behind })
        });
        Self { signals, ..self.clone() }.run(detail)
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
        high: table(close),
        low: table(close),
        close: table(close),
        volume: Array2::from_elem((close.len(), SYMBOLS), 1e6),
        limit_up: None,
        limit_down: None,
        signals: Signals { score: Some(table(score)), ..Signals::default() },
        positions: Positions {
            rule: Rule::Top,
            count: Count::Number(1),
            rebalance: Rebalance::Daily,
            ..Positions::default()
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
    world_of(shape, 0.6, dice)
}

/// A random world of many symbols, mostly without what gets in the way of trading.
pub(crate) fn wide_world(seed: u64) -> World {
    let mut dice = Dice::new(seed);
    let shape = (20 + dice.below(30), 28 + dice.below(110));
    world_of(shape, 0.3, dice)
}

fn world_of(shape: (usize, usize), complicated: f64, mut dice: Dice) -> World {
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
        ..Positions::default()
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
            ..Costs::FREE
        },
        fill: [Fill::NextOpen, Fill::NextOpen, Fill::NextClose, Fill::SameClose][dice.below(4)],
        delisting: Delisting {
            after_missing_bars: 1 + dice.below(6) as u32,
            return_fraction: [0.0, -0.3, -1.0, 0.1][dice.below(4)],
        },
        ..Settings::default()
    };
    let (high, low) = ranges(&mut dice, &open, &close);
    let volume = dice.array(shape, |dice| match dice.below(30) {
        0 => NAN,
        1 => 0.0,
        _ => 5.0 + 60.0 * dice.unit(),
    });
    let (limit_up, limit_down) = (None, None);
    let mut world = World { open, high, low, close, volume, limit_up, limit_down, signals, positions, exits, settings };
    if dice.chance(complicated) {
        complicate(&mut world, &mut dice);
    }
    world
}

/// Adds what a careful quant would ask for.
fn complicate(world: &mut World, dice: &mut Dice) {
    let shape = world.close.dim();
    let World { positions, exits, settings, signals, .. } = world;
    let costs = &mut settings.costs;
    let some = |dice: &mut Dice, likely: f64, most: f64| if dice.chance(likely) { most * dice.unit() } else { 0.0 };
    costs.per_share = some(dice, 0.3, 0.05);
    costs.minimum_fee = some(dice, 0.3, 2.0);
    costs.slippage_bps = some(dice, 0.3, 20.0);
    costs.impact = some(dice, 0.3, 1.0);
    settings.rates =
        Rates { cash: some(dice, 0.3, 0.1), financing: some(dice, 0.3, 0.2), borrow: some(dice, 0.3, 0.5) };
    settings.liquidity.volume_share = dice.chance(0.4).then(|| 0.05 + 0.9 * dice.unit());
    settings.liquidity = Liquidity { unfilled: [Unfilled::Carry, Unfilled::Drop][dice.below(2)], ..settings.liquidity };
    settings.shares = Shares { lot: [0.0, 0.0, 1.0, 0.5, 10.0][dice.below(5)], minimum_trade: some(dice, 0.3, 50.0) };
    settings.cash_short = [CashShort::Scale, CashShort::Scale, CashShort::Borrow][dice.below(3)];
    settings.price_limit = dice.chance(0.2).then(|| 0.01 + 0.05 * dice.unit());
    let lock =
        |dice: &mut Dice| dice.chance(0.3).then(|| dice.array(shape, |dice| f64::from(u8::from(dice.chance(0.1)))));
    world.limit_up = lock(dice);
    world.limit_down = lock(dice);
    let bound = |dice: &mut Dice, most: f64| dice.chance(0.25).then(|| most * (0.1 + 0.9 * dice.unit()));
    positions.sizing =
        Sizing { gross: [1.0, 1.0, 0.7, 1.8][dice.below(4)], max_position: bound(dice, 0.6), ..Sizing::default() };
    if positions.rule != Rule::Signal {
        positions.sizing = Sizing {
            risk_target: bound(dice, 0.4),
            max_group: bound(dice, 0.8),
            max_net: bound(dice, 0.8),
            band: some(dice, 0.3, 0.1),
            ..positions.sizing
        };
    }
    if positions.sizing.max_group.is_some() {
        signals.group = Some(dice.array(shape, |dice| if dice.chance(0.05) { NAN } else { dice.below(3) as f64 }));
    }
    if matches!(positions.rule, Rule::Top | Rule::LongShort) && dice.chance(0.4) {
        positions.keep = Some(match positions.count {
            Count::Number(count) => Count::Number(count + dice.below(4) as u32),
            Count::Fraction(fraction) => Count::Fraction((fraction + 0.5 * dice.unit()).min(1.0)),
        });
    }
    if dice.chance(0.25) && signals.score.is_some() {
        positions.weight = Weighting::Rank;
    }
    if dice.chance(0.25) {
        positions.rebalance = Rebalance::Every(1 + dice.below(7) as u32);
    }
    if dice.chance(0.5) && exits.has_levels() {
        exits.trigger = Trigger::Touched;
    }
    settings.costs.commission_on_moved_price = dice.chance(0.3);
    if dice.chance(0.2) {
        settings.cash_short = CashShort::InTurn;
    }
}

/// Highs and lows around opens and closes; now and then one is missing, or does not reach the close.
fn ranges(dice: &mut Dice, open: &Array2<f64>, close: &Array2<f64>) -> (Array2<f64>, Array2<f64>) {
    let (mut high, mut low) = (close.clone(), close.clone());
    for (at, &close) in close.indexed_iter() {
        let open = open[at];
        let (top, bottom) = (open.max(close), open.min(close));
        high[at] = if dice.chance(0.02) { NAN } else { top * (1.0 + 0.02 * dice.unit()) };
        low[at] = if dice.chance(0.02) { NAN } else { bottom * (1.0 - 0.02 * dice.unit()) };
        if dice.chance(0.01) {
            high[at] = bottom;
        }
    }
    (high, low)
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
        trigger: Trigger::Close,
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
        group: None,
    }
}
