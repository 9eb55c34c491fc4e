//! From scores and flags to money: positions, fills, costs, equity.
//!
//! A [`Simulator`] is fed the rows of a strategy's scores and flags one bar after the other, as the engine's row blocks
//! run ahead of it. It never sees a row before its time, and so cannot look ahead.
//!
//! # A bar
//! 1. Cash earns or costs interest, and shares sold short cost what borrowing them does ([`Rates`]), by what was held and
//!    owed at the close before.
//! 2. Orders decided at the close before are filled, at the open by default ([`Fill`]): first all that bring cash or
//!    close a short, then all buys, scaled by one factor where cash is short ([`CashShort`]).
//! 3. Exits that are touched within the bar close what its prices take to a level ([`factor::Trigger`]). Fills at a close
//!    come after them.
//! 4. Holdings are valued at the close. One without a close keeps its last one; after some bars it is settled
//!    ([`Delisting`]). Holdings still open where the bars end stay open.
//! 5. Exits are judged on the close, and on the first bar of a new day, week or month targets are set. Both give orders
//!    for the next fill: shares are weight times equity over the close.
//!
//! # Rules
//! A symbol may be chosen when it is a member of the universe, its score is known, its exit flag is not true, and it is
//! held already or its entry flag is true (where there is one). An unknown flag is not true. With weight
//! `inverse_volatility` the volatility must be known and above zero, too. A symbol that an exit or the exit flag closes
//! at this bar is not chosen at this bar.
//!
//! - `top`: the highest scores, ties in symbol order, get weights that sum to 1; all else is sold.
//! - `long_short`: the highest scores are bought and as many of the lowest sold short, half of equity a side. Where less
//!   than twice the count may be chosen, each side gets half of those there are.
//! - `signal`: what has a true entry flag and is not held is bought into free slots, highest score first (symbol order
//!   without a score; with one, it must be known). One bar's buys together get one slot's part of equity each, divided
//!   among them by the weighting. Nothing is traded again before its exit: the exit flag, or the end of the entry where
//!   the strategy has no exit flag, or one of [`Exits`].
//! - `weights`: the score is the weight, scaled down to a gross of 1 when above. The weighting has no say.
//!
//! Weights of a side: `equal`; `score`, in proportion to the distance from the worst score chosen, which itself thereby
//! gets nothing (all the same where all scores are); `rank`, the worst counting 1, ties sharing their mean;
//! `inverse_volatility`. With `keep`, what is held stays while its score is among so many best of its side. Weights then
//! keep to the bounds of [`factor::Sizing`], each of which only takes away from the one before; what is taken is cash.
//! A gross above 1 may be borrowed, and no more.
//!
//! Buys that open or increase a position never spend more cash than there is and may be borrowed. Shorts bring cash, and cover at any price:
//! only they can make cash negative. Where equity is gone, everything is closed at its last close, returns are missing
//! from then on, and nothing more is done.
//!
//! # What waits for a price
//! A symbol without a price at the fill trades nothing, nor does one that is locked at its limit on the side of the order,
//! or, where volume is limited, one without volume. Where the volume does not fill an order, it comes as far as there is.
//! An order that opens or increases a position is dropped, as is
//! the opening half of one that goes through zero; one that reduces or closes a position waits for the next price. What
//! waits keeps its slot and its part of the book: openings beyond the count of a side are dropped, lowest score first,
//! and as far as what waits would lift gross exposure above 1, the rest of the bar's openings are scaled down, on its
//! own side first. So no side holds more symbols than its count, and only the market itself levers a book.

mod account;
mod bars;
mod bounds;
mod columns;
mod costs;
mod course;
mod desk;
mod entries;
mod exits;
mod fills;
mod holdings;
mod orders;
mod outcome;
mod pending;
mod periods;
mod profile;
mod record;
mod screen;
mod selection;
mod settings;
mod sweep;
mod symbols;
mod targets;

use std::ops::Range;

use engine::Outputs;
use factor::{Count, Exits, Positions, Purpose, Rebalance, Rule, Trigger};

pub use account::{Account, Holding, Intention};
pub use bars::Market;
pub use costs::{Charge, Costs, Rates};
pub(crate) use exits::Measures;
pub use outcome::{CostSeries, Counts, Execution, Fate, Order, Outcome, Position, Reason, Side, Trade};
pub use periods::Periods;
pub use profile::Profile;
pub use record::Detail;
pub use settings::{CashShort, Delisting, Fill, Liquidity, Settings, Shares, SizeAt, Unfilled};

use bars::Prices;
use columns::{CHUNK, is_member, row_in_lanes};
use desk::{Desk, Till};
use holdings::{Book, Follows, Watch};
use orders::Orders;
use pending::{DUST, Pending};
use record::Recorder;
use screen::{Screen, Traded};
use sweep::{Decision, Endings, Limits};
use symbols::{SymbolSet, symbols_of};
use targets::Chooser;

/// One bar of what a strategy's program gives, `[symbols]` each, by [`factor::Purpose`]. Flags are 1, 0 or NaN. A row may
/// be longer: nobody looks at what follows the symbols, but whole vectors can be read.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rows<'a> {
    /// Score.
    pub score: Option<&'a [f64]>,
    /// Twice the average ranks of the scores that are known, counted from 1, and 0 for the others and for all that follows
    /// the symbols, where somebody has made them already: the same are chosen with and without them, but sooner.
    pub doubled_ranks: Option<&'a [u32]>,
    /// Entry flag.
    pub entry: Option<&'a [f64]>,
    /// Exit flag.
    pub exit: Option<&'a [f64]>,
    /// Deviation of one-bar returns, for inverse-volatility weights.
    pub weight_volatility: Option<&'a [f64]>,
    /// Deviation of one-bar returns, for the volatility stop.
    pub stop_volatility: Option<&'a [f64]>,
    /// Average true range, for the ATR stop.
    pub average_true_range: Option<&'a [f64]>,
    /// Group that exposure is limited by; NaN where a symbol has none, and then it is not limited.
    pub group: Option<&'a [f64]>,
}

impl<'a> Rows<'a> {
    /// The results of one row of a block.
    pub fn of(outputs: &Outputs<'a>, row: usize) -> Self {
        let result = |purpose| outputs.block(purpose).map(|rows| row_in_lanes(rows, outputs.symbols(), row));
        Self {
            score: result(Purpose::Score),
            doubled_ranks: None,
            entry: result(Purpose::Entry),
            exit: result(Purpose::Exit),
            weight_volatility: result(Purpose::WeightVolatility),
            stop_volatility: result(Purpose::StopVolatility),
            average_true_range: result(Purpose::AverageTrueRange),
            group: result(Purpose::Group),
        }
    }
}

/// Trades one strategy through a market, bar by bar.
#[derive(Debug)]
pub struct Simulator<'a> {
    market: &'a Market<'a>,
    positions: Positions,
    exits: Exits,
    /// Those of them that are judged on the close.
    exits_at_close: Exits,
    settings: Settings,
    /// What holding costs and earns in one bar.
    rates: Rates,
    book: Book,
    traded: Traded,
    orders: Orders,
    chooser: Chooser,
    recorder: Recorder,
    /// Prices of what may be touched within the bar.
    judged: Vec<(usize, Prices)>,
    /// What exits close at a close.
    due: SymbolSet,
    /// Whether a bar without obstacles can be filled as a whole.
    is_plain: bool,
    row: usize,
    equity: f64,
    /// Most positions on a side, as of the last decision.
    slots: usize,
    ruined: bool,
    /// Targets are set at the next decision, due or not.
    rebalances_now: bool,
}

impl<'a> Simulator<'a> {
    /// A simulator that stands before the first bar, with nothing but cash.
    pub fn new(
        market: &'a Market<'a>,
        positions: Positions,
        exits: Exits,
        settings: &Settings,
        detail: Detail,
    ) -> Self {
        let touched = exits.trigger == Trigger::Touched && market.has_ranges();
        let watch = Watch {
            follows: match (exits.is_empty(), touched) {
                (true, _) => Follows::Nothing,
                (false, true) => Follows::Extremes,
                (false, false) => Follows::Closes,
            },
            trades: detail >= Detail::Trades,
            enters_at_close: !market.fills_at_open(settings.fill),
        };
        Self {
            market,
            positions,
            exits,
            exits_at_close: match exits.trigger {
                Trigger::Close => exits,
                Trigger::Touched => Exits { max_holding: exits.max_holding, ..Exits::default() },
            },
            settings: *settings,
            rates: settings.rates.a_bar(market.periods_per_year()),
            book: Book::new(settings.capital, market.symbols(), watch),
            traded: Traded::default(),
            orders: Orders::new(market.symbols(), !exits.is_empty()),
            chooser: Chooser::new(market.symbols()),
            recorder: Recorder::new(market.bars(), market.symbols(), detail),
            judged: Vec::new(),
            due: SymbolSet::new(market.symbols()),
            is_plain: detail == Detail::Scores && settings.is_plain() && !market.has_limits(),
            row: 0,
            equity: settings.capital,
            slots: usize::MAX,
            ruined: false,
            rebalances_now: false,
        }
    }

    /// Takes one bar.
    ///
    /// # Panics
    /// When rows do not come one after the other from 0, or do not have one value a symbol.
    pub fn step(&mut self, row: usize, rows: &Rows<'_>) {
        self.advance(row, |simulator| simulator.decide(row, rows));
    }

    /// Sets targets at the next decision, whether or not a rebalance is due.
    pub fn rebalance_on_next(&mut self) {
        self.rebalances_now = true;
    }

    /// Lets one bar pass without a decision.
    ///
    /// # Panics
    /// When rows do not come one after the other from 0.
    pub fn wait(&mut self, row: usize) {
        self.advance(row, |_| ());
    }

    /// What has happened so far, without trades that are still open and orders that wait.
    pub fn so_far(&self) -> &Outcome {
        self.recorder.outcome()
    }

    /// Ends the simulation after the bars it was fed. What is held stays open.
    pub fn finish(mut self) -> Outcome {
        self.orders.finish(&self.book, &mut self.recorder);
        self.recorder.finish(&self.book)
    }

    fn advance(&mut self, row: usize, mut decide: impl FnMut(&mut Self)) {
        assert_eq!(row, self.row, "rows come one after the other");
        self.row += 1;
        if self.ruined {
            self.recorder.nothing(self.equity);
            return;
        }
        let Settings { fill, delisting, .. } = self.settings;
        let (before, same) = (self.equity, fill == Fill::SameClose);
        if row > 0 && !self.rates.is_zero() {
            self.book.carry(self.rates, &mut self.recorder);
        }
        let at_open = self.market.fills_at_open(fill);
        if at_open {
            self.fill(row);
        }
        if self.exits.trigger == Trigger::Touched && self.market.has_ranges() {
            self.close_what_is_touched(row);
        }
        if !same && !at_open {
            self.fill(row);
        }
        let (equity, settled) = self.book.value_at(row, self.market, delisting, &mut self.recorder);
        self.equity = equity;
        self.orders.note_closes(self.market.close(row), &mut self.book);
        if settled {
            self.orders.forget_settled(row, &self.book, &mut self.recorder);
        }
        let sizing = if same { self.equity } else { before };
        if same && self.solvent() {
            decide(self);
            self.fill(row);
            self.equity = self.book.equity();
        }
        if !self.solvent() {
            self.ruined = true;
            self.book.ruin(row, &mut self.recorder);
            self.orders.forget_all(row, &mut self.recorder);
        }
        // What settling everything leaves may differ in the last digit.
        let after = if self.ruined { self.book.equity() } else { self.equity };
        self.recorder.bar(row, &self.book, [before, sizing, after], self.ruined);
        if !same && !self.ruined {
            decide(self);
        }
    }

    /// Whether there is equity left; what rounding leaves of none is none.
    fn solvent(&self) -> bool {
        self.equity > DUST * self.settings.capital
    }

    fn fill(&mut self, row: usize) {
        if self.orders.is_empty() {
            return;
        }
        let (prices, priced) =
            (self.market.fill_prices(row, self.settings.fill), self.market.priced_words(row, self.settings.fill));
        self.trade(row, |orders, book, desk| orders.fill(prices, priced, book, desk));
    }

    /// Lets orders be executed on a bar.
    fn trade(&mut self, row: usize, execute: impl FnOnce(&mut Orders, &mut Book, &mut Desk<'_>)) {
        let mut desk = Desk {
            row,
            settings: &self.settings,
            screen: &mut Screen::new(self.market, &self.settings, row, &mut self.traded),
            equity: self.equity,
            leverage: (self.positions.sizing.gross - 1.0).max(0.0),
            slots: self.slots,
            recorder: &mut self.recorder,
            till: Till::default(),
            is_plain: self.is_plain,
        };
        execute(&mut self.orders, &mut self.book, &mut desk);
    }

    /// Closes within the bar what its prices take to an exit.
    fn close_what_is_touched(&mut self, row: usize) {
        let mut judged = std::mem::take(&mut self.judged);
        self.book.look(self.market.ranges(row), &mut judged);
        for &(symbol, ref prices) in &judged {
            if self.book.leaving.contains(symbol) {
                continue;
            }
            let due = self.book.entry(symbol).and_then(|entry| exits::touched(&self.exits, &entry, prices));
            let Some((reason, price)) = due else { continue };
            self.orders.replace(symbol, row, &self.book, &mut self.recorder);
            let order = Pending::to(0.0, symbol, self.book.shares(symbol), row, reason);
            self.trade(row, |orders, book, desk| orders.close_within(order, price, book, desk));
        }
        self.judged = judged;
    }

    /// Gives the orders that follow from what is known at a close.
    fn decide(&mut self, row: usize, rows: &Rows<'_>) {
        let due = self.market.rebalances(row, self.positions.rebalance);
        let rebalances = std::mem::take(&mut self.rebalances_now) || due;
        let is_signal = self.positions.rule == Rule::Signal;
        self.orders.begin(row, if is_signal { Reason::Entry } else { Reason::Rebalance });
        // Orders from before that still wait for a price keep their slots; what leaves now gives its slot up.
        let kept = if rebalances { self.book.held().len() } else { 0 };
        let leaving = self.judge_exits(row, rows);
        if !rebalances {
            return;
        }
        let members = self.market.choosable(row);
        let slots = self.positions.count.of(members);
        let free = slots.saturating_sub(kept - leaving);
        self.slots = if self.positions.rule == Rule::Weights { usize::MAX } else { slots };
        let choosable = self.market.choosable_words(row);
        let targets = self.chooser.choose(&self.positions, choosable, members, rows, &self.book, free);
        bounds::keep(&self.positions.sizing, targets, rows, self.market, row);
        if !is_signal {
            self.orders.replace_targets(row, &mut self.recorder);
            // What is held and not chosen is sold.
            targets.chosen.join(self.book.held());
            targets.chosen.leave_out(&self.book.leaving);
        }
        let decision = Decision {
            close: self.market.close(row),
            score: rows.score,
            stop_volatility: rows.stop_volatility,
            average_true_range: rows.average_true_range,
            limits: Limits {
                equity: self.equity,
                band: self.positions.sizing.band * self.equity,
                least: self.settings.shares.minimum_trade,
            },
        };
        sweep::order(&decision, targets, &mut self.book, &mut self.orders.fresh);
    }

    /// Orders to close what an exit or a flag closes at this bar; says how many.
    fn judge_exits(&mut self, row: usize, rows: &Rows<'_>) -> usize {
        let entry_must_last = self.positions.rule == Rule::Signal && rows.exit.is_none();
        let has_exits = !self.exits_at_close.is_empty();
        let has_flags = entry_must_last || rows.exit.is_some();
        if !has_exits && !has_flags {
            return 0;
        }
        if has_exits {
            self.book.due(&self.exits_at_close, row, &mut self.due);
        } else {
            self.due.clear();
        }
        let endings = Endings { exit: rows.exit, entry: rows.entry, entry_must_last };
        let mut count = 0;
        for at in 0..self.market.symbols().div_ceil(CHUNK) {
            let judged = self.book.held().chunk(at) & !self.book.leaving.chunk(at);
            if judged == 0 {
                continue;
            }
            let ended = if has_flags { sweep::told(self.book.vectors, endings, at) } else { 0 };
            for lane in symbols_of(0, judged & (ended | self.due.chunk(at))) {
                let symbol = at * CHUNK + lane;
                let is_told = is_member(ended, lane);
                let due = |entry| exits::due(&self.exits_at_close, &entry, self.book.mark(symbol), row);
                let reason = if is_told { Some(Reason::Exit) } else { self.book.entry(symbol).and_then(due) };
                if let Some(reason) = reason {
                    self.orders.close(symbol, row, reason, &mut self.recorder);
                    self.book.leaving.insert(symbol);
                    count += 1;
                }
            }
        }
        count
    }
}

/// What holding everything would have earned over some bars: all members of the first that has any, bought in equal parts
/// at the next fill, with the same costs, and never traded again. Series begin with the market's first bar.
pub fn buy_and_hold(market: &Market<'_>, settings: &Settings, detail: Detail, bars: Range<usize>) -> Outcome {
    let positions =
        Positions { rule: Rule::Top, count: Count::Fraction(1.0), rebalance: Rebalance::Daily, ..Positions::default() };
    let alike = vec![1.0; market.symbols()];
    let rows = Rows { score: Some(&alike), ..Rows::default() };
    let first = bars.clone().find(|&row| market.choosable(row) > 0);
    let mut simulator = Simulator::new(market, positions, Exits::default(), settings, detail);
    for row in 0..bars.end {
        simulator.advance(row, |simulator| {
            if Some(row) == first {
                simulator.decide(row, &rows);
            }
        });
    }
    simulator.finish()
}
