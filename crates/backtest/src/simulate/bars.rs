//! What simulations need of a panel, prepared once.

use factor::Rebalance;
use market::Panel;

use super::columns::row_in_lanes;
use super::costs::{Costs, Depth};
use super::settings::Fill;
use super::symbols::{mask, words};

/// What every simulation of a run needs of a panel, prepared once and shared by all of them.
///
/// A price that is missing or not above zero does not exist: the symbol cannot be traded at it. Who may be chosen at a
/// bar is a member of the universe ([`Panel::members`]) with a close.
#[derive(Debug, Clone)]
pub struct Market<'a> {
    symbols: usize,
    bars: usize,
    periods_per_year: f64,
    open: Option<&'a [f64]>,
    high: Option<&'a [f64]>,
    low: Option<&'a [f64]>,
    close: &'a [f64],
    volume: Option<&'a [f64]>,
    limit_up: Option<&'a [f64]>,
    limit_down: Option<&'a [f64]>,
    members: Vec<bool>,
    /// Who has an open, and who a close: for each bar the words of a set of symbols.
    with_open: Vec<u64>,
    with_close: Vec<u64>,
    /// Who may be chosen, likewise.
    choosable: Vec<u64>,
    /// How many those are, bar by bar.
    counts: Vec<u32>,
    starts: Vec<Start>,
}

/// What the prices of one bar moved between, `[symbols]` each, in lanes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ranges<'a> {
    open: Option<&'a [f64]>,
    high: Option<&'a [f64]>,
    low: Option<&'a [f64]>,
    pub(super) close: &'a [f64],
}

/// Prices of one symbol on one bar; what is not above 0 is not known.
#[derive(Debug, Clone, Copy)]
pub(super) struct Prices {
    pub(super) open: f64,
    high: f64,
    low: f64,
    close: f64,
}

impl Ranges<'_> {
    /// Prices of a symbol.
    #[inline]
    pub(super) fn prices(&self, symbol: usize) -> Prices {
        let of = |row: Option<&[f64]>| row.map_or(f64::NAN, |row| row[symbol]);
        Prices { open: of(self.open), high: of(self.high), low: of(self.low), close: self.close[symbol] }
    }
}

impl Prices {
    /// Lowest and highest price: those of the bar, the close included whatever they say. NaN where the bar has neither.
    #[inline]
    pub(super) fn extent(&self) -> (f64, f64) {
        let known = |price: f64| if price > 0.0 { price } else { f64::NAN };
        (known(self.low).min(known(self.close)), known(self.high).max(known(self.close)))
    }
}

/// What begins with a bar.
#[derive(Debug, Clone, Copy)]
struct Start {
    week: bool,
    month: bool,
}

impl<'a> Market<'a> {
    /// Looks up prices and counts members, bar by bar.
    ///
    /// # Panics
    /// Never: a panel without `close` cannot be built.
    pub fn new(panel: &'a Panel) -> Self {
        let close = panel.values("close").expect("a panel without `close` cannot be built");
        let calendar = panel.calendar();
        let (bars, symbols) = (panel.bars(), panel.symbols().len());
        let mut market = Self {
            symbols,
            bars,
            periods_per_year: calendar.frequency().periods_per_year(),
            open: panel.values("open"),
            high: panel.values("high"),
            low: panel.values("low"),
            close,
            volume: panel.values("volume"),
            limit_up: panel.values("limit_up"),
            limit_down: panel.values("limit_down"),
            members: panel.members(),
            with_open: Vec::new(),
            with_close: Vec::new(),
            choosable: Vec::new(),
            counts: Vec::new(),
            starts: (0..bars)
                .map(|row| Start { week: calendar.starts_week(row), month: calendar.starts_month(row) })
                .collect(),
        };
        let priced = |prices| sets_of(prices, symbols, |price| price > 0.0);
        market.with_open = market.open.map_or_else(Vec::new, priced);
        market.with_close = priced(close);
        let members = sets_of(&market.members, symbols, |is_member| is_member);
        market.choosable = members.iter().zip(&market.with_close).map(|(members, closes)| members & closes).collect();
        let of_bar = |row| market.choosable_words(row).iter().map(|word| word.count_ones()).sum();
        market.counts = (0..bars).map(of_bar).collect();
        market
    }

    /// Number of bars.
    pub fn bars(&self) -> usize {
        self.bars
    }

    /// Number of symbols.
    pub fn symbols(&self) -> usize {
        self.symbols
    }

    /// Members of the universe, `[bars x symbols]`, as [`Panel::members`] gives them.
    pub fn members(&self) -> &[bool] {
        &self.members
    }

    /// Whether there are opens; without them, fills at the next open are made at the next close.
    pub fn has_open(&self) -> bool {
        self.open.is_some()
    }

    /// Whether orders are filled at the open, before a bar's highs and lows.
    pub(super) fn fills_at_open(&self, fill: Fill) -> bool {
        fill == Fill::NextOpen && self.has_open()
    }

    /// Whether there are highs and lows, which exits that are touched within the bar need.
    pub fn has_ranges(&self) -> bool {
        self.high.is_some() && self.low.is_some()
    }

    /// Whether there is a volume.
    pub fn has_volume(&self) -> bool {
        self.volume.is_some()
    }

    /// Whether columns say where the market was locked at a price limit.
    pub fn has_limits(&self) -> bool {
        self.limit_up.is_some() || self.limit_down.is_some()
    }

    /// Bars a year.
    pub fn periods_per_year(&self) -> f64 {
        self.periods_per_year
    }

    /// Number of symbols that may be chosen at a bar: what a count that is a fraction is a fraction of.
    pub fn choosable(&self, row: usize) -> usize {
        self.counts[row] as usize
    }

    /// Whether targets are set at a bar.
    pub fn rebalances(&self, row: usize, rebalance: Rebalance) -> bool {
        match rebalance {
            Rebalance::Daily => true,
            Rebalance::Weekly => self.starts[row].week,
            Rebalance::Monthly => self.starts[row].month,
            Rebalance::Every(bars) => row.is_multiple_of(bars.max(1) as usize),
        }
    }

    /// Closes of one bar, `[symbols]` in lanes.
    pub(super) fn close(&self, row: usize) -> &'a [f64] {
        row_in_lanes(self.close, self.symbols, row)
    }

    /// The last close of a symbol up to a bar, and for how many bars it has had none since; 0 where it never had one.
    pub(super) fn last_close(&self, row: usize, symbol: usize) -> (f64, u32) {
        let closes = (0..=row).rev().map(|row| self.close(row)[symbol]);
        let known = closes.enumerate().find(|(_, close)| *close > 0.0);
        known.map_or((0.0, row as u32 + 1), |(missing, close)| (close, missing as u32))
    }

    /// What a bar's prices moved between, where it is known.
    pub(super) fn ranges(&self, row: usize) -> Ranges<'a> {
        let of = |values: Option<&'a [f64]>| values.map(|values| row_in_lanes(values, self.symbols, row));
        Ranges { open: of(self.open), high: of(self.high), low: of(self.low), close: self.close(row) }
    }

    /// Volume of a symbol on a bar; 0 where it is unknown.
    pub(super) fn volume(&self, row: usize, symbol: usize) -> f64 {
        self.volume.map_or(0.0, |volume| volume[row * self.symbols + symbol]).max(0.0)
    }

    /// Whether the market was locked, so that nobody could buy, or sell.
    pub(super) fn is_locked(&self, row: usize, symbol: usize, buys: bool) -> bool {
        let limit = if buys { self.limit_up } else { self.limit_down };
        limit.is_some_and(|limit| {
            let flag = limit[row * self.symbols + symbol];
            flag != 0.0 && !flag.is_nan()
        })
    }

    /// Volatility and volume of a symbol over the bars before this one.
    pub(super) fn depth(&self, row: usize, symbol: usize) -> Depth {
        let first = row.saturating_sub(Costs::IMPACT_WINDOW);
        let (mut last, mut returns, mut sum, mut squares) = (f64::NAN, 0.0, 0.0, 0.0);
        let (mut volume, mut bars) = (0.0, 0.0);
        for row in first..row {
            let price = self.close[row * self.symbols + symbol];
            let earned = price / last - 1.0;
            if earned.is_finite() {
                (returns, sum, squares) = (returns + 1.0, sum + earned, squares + earned * earned);
            }
            last = if price > 0.0 { price } else { last };
            let traded = self.volume.map_or(f64::NAN, |volume| volume[row * self.symbols + symbol]);
            if traded >= 0.0 {
                (volume, bars) = (volume + traded, bars + 1.0);
            }
        }
        let variance = (squares - sum * sum / returns) / (returns - 1.0);
        Depth { volatility: variance.max(0.0).sqrt(), volume: volume / bars }
    }

    /// Deviation per bar of what fixed weights, as `(symbol, weight)`, would have earned over so many bars up to this
    /// one; a missing return counts as none. NaN where there are fewer than two bars.
    pub(super) fn deviation_of(&self, weights: &[(usize, f64)], row: usize, window: usize) -> f64 {
        let first = (row + 1).saturating_sub(window);
        let (mut returns, mut sum, mut squares) = (0.0, 0.0, 0.0);
        for row in first.max(1)..=row {
            let (now, before) = (self.close(row), self.close(row - 1));
            let earned: f64 = weights
                .iter()
                .map(|&(symbol, weight)| {
                    let earned = now[symbol] / before[symbol] - 1.0;
                    if earned.is_finite() { weight * earned } else { 0.0 }
                })
                .sum();
            (returns, sum, squares) = (returns + 1.0, sum + earned, squares + earned * earned);
        }
        let variance: f64 = (squares - sum * sum / returns) / (returns - 1.0);
        if returns < 2.0 { f64::NAN } else { variance.max(0.0).sqrt() }
    }

    /// Prices at which orders are filled on one bar, `[symbols]` in lanes.
    pub(super) fn fill_prices(&self, row: usize, fill: Fill) -> &'a [f64] {
        match (fill, self.open) {
            (Fill::NextOpen, Some(open)) => row_in_lanes(open, self.symbols, row),
            _ => self.close(row),
        }
    }

    /// Who has such a price: the words of a set of symbols.
    pub(super) fn priced_words(&self, row: usize, fill: Fill) -> &[u64] {
        self.words_of(row, if fill == Fill::NextOpen && self.has_open() { &self.with_open } else { &self.with_close })
    }

    /// Who has a close: the words of a set of symbols.
    pub(super) fn words_with_close(&self, row: usize) -> &[u64] {
        self.words_of(row, &self.with_close)
    }

    /// Who may be chosen at one bar: the words of a set of symbols.
    pub(super) fn choosable_words(&self, row: usize) -> &[u64] {
        self.words_of(row, &self.choosable)
    }

    fn words_of<'b>(&self, row: usize, sets: &'b [u64]) -> &'b [u64] {
        let words = words(self.symbols);
        &sets[row * words..][..words]
    }
}

/// For each row of so many symbols the words of the set of those whose value `holds`.
fn sets_of<T: Copy>(values: &[T], symbols: usize, holds: impl Fn(T) -> bool + Copy) -> Vec<u64> {
    let words = words(symbols);
    let rows = values.chunks_exact(symbols.max(1));
    rows.flat_map(|row| (0..words).map(move |word| mask(row, word, holds))).collect()
}
