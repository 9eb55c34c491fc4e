//! Cash and what is held. Every symbol has its place, so that nothing is searched for, moved or sorted; a set says which
//! are held. What a bar does costs by what is held.

use engine::vectors::Vectors;
use factor::Exits;

use super::bars::{Market, Prices, Ranges};
use super::columns::{CHUNK, Chunk, Column, Lanes};
use super::costs::Rates;
use super::course::Course;
use super::entries::{Entries, Entry, average_entry};
use super::exits::{MeasureColumns, Measures};
use super::outcome::{Fate, Order, Reason, Side, Trade};
use super::record::{Carry, Recorder};
use super::settings::Delisting;
use super::sweep;
use super::symbols::{SymbolList, SymbolSet, is_in, symbols_of};

/// Among which prices the best since entry is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Follows {
    /// No exit asks.
    Nothing,
    Closes,
    /// Highs, or lows for a short.
    Extremes,
}

/// What is kept and looked at of positions, beside what they are worth.
#[derive(Debug, Clone, Copy)]
pub(super) struct Watch {
    pub(super) follows: Follows,
    /// Trades are written down.
    pub(super) trades: bool,
    /// Fills are made at the close, after the bar's highs and lows.
    pub(super) enters_at_close: bool,
}

/// Cash and holdings.
#[derive(Debug)]
pub(super) struct Book {
    pub(super) cash: f64,
    pub(super) columns: Columns,
    watch: Watch,
    pub(super) vectors: Vectors,
    /// What had no close at the last bar.
    stale: SymbolSet,
    /// One a symbol where trades are written down, else none.
    courses: Vec<Course>,
    /// What was settled last.
    settled: Vec<usize>,
    held: SymbolSet,
    /// The same, as a list.
    list: SymbolList,
    /// Held, but an order that closes it is out: no other decision concerns it.
    pub(super) leaving: SymbolSet,
}

/// Symbols of a chunk whose positions were opened or increased, a bit each.
#[derive(Debug, Clone, Copy)]
pub(super) struct Executed {
    pub(super) opened: u64,
    pub(super) increased: u64,
}

/// What is held, by symbol.
#[derive(Debug)]
pub(super) struct Columns {
    /// Shares, negative for a short; 0 where nothing is held.
    pub(super) shares: Column,
    /// Last closes of what is held or ordered, or the fill price before the first one.
    pub(super) marks: Column,
    /// Bars that a holding has had no close for, in a row, up to now.
    pub(super) missing: Column,
    pub(super) entries: Entries,
}

impl Columns {
    /// Notes the prices of some symbols of a chunk, a bit each.
    #[inline(always)]
    pub(super) fn note(&mut self, chunk: usize, symbols: u64, prices: &Lanes) {
        for lane in symbols_of(0, symbols) {
            self.marks.chunk_mut(chunk)[lane] = prices[lane];
            self.missing.chunk_mut(chunk)[lane] = 0.0;
        }
    }

    /// Notes at which prices symbols of a chunk were opened or increased.
    #[inline(always)]
    pub(super) fn note_executed(
        &mut self,
        chunk: usize,
        executed: Executed,
        row: usize,
        prices: &Lanes,
        before: &Lanes,
        ordered: &MeasureColumns,
    ) {
        let Executed { opened, increased } = executed;
        self.note(chunk, opened, prices);
        let Entries { row: since, price, best, measures } = &mut self.entries;
        if since.is_empty() {
            return;
        }
        if increased != 0 {
            sweep::average(prices, before, self.shares.chunk(chunk), increased, price.chunk_mut(chunk));
        }
        for lane in symbols_of(0, opened) {
            price.chunk_mut(chunk)[lane] = prices[lane];
            best.chunk_mut(chunk)[lane] = prices[lane];
            since.chunk_mut(chunk)[lane] = row as f64;
            let symbol = chunk * CHUNK + lane;
            measures.set(symbol, ordered.of(symbol));
        }
    }
}

impl Book {
    /// Nothing but cash. Entries and trades cost time to keep.
    pub(super) fn new(cash: f64, symbols: usize, watch: Watch) -> Self {
        let column = || Column::new(0.0, symbols);
        Self {
            cash,
            columns: Columns {
                shares: column(),
                marks: column(),
                missing: column(),
                entries: if watch.follows == Follows::Nothing { Entries::default() } else { Entries::new(symbols) },
            },
            watch,
            vectors: Vectors::detect(),
            stale: SymbolSet::new(symbols),
            courses: vec![Course::default(); if watch.trades { symbols } else { 0 }],
            settled: Vec::new(),
            held: SymbolSet::new(symbols),
            list: SymbolList::default(),
            leaving: SymbolSet::new(symbols),
        }
    }

    /// Cash and holdings at their marks. Sums run over the symbols of each lane, so that none waits for the one before.
    pub(super) fn equity(&self) -> f64 {
        let mut worth = Chunk::default();
        for (shares, marks) in self.columns.shares.chunks().iter().zip(self.columns.marks.chunks()) {
            for (worth, (&shares, mark)) in worth.0.iter_mut().zip(shares.0.iter().zip(marks.0)) {
                *worth += if shares == 0.0 { 0.0 } else { shares * mark };
            }
        }
        self.cash + worth.sum()
    }

    /// Symbols that are held.
    pub(super) fn held(&self) -> &SymbolSet {
        &self.held
    }

    /// Whether positions are kept as exits see them.
    pub(super) fn has_entries(&self) -> bool {
        self.columns.entries.is_kept()
    }

    /// Says which symbols of a chunk are held, a bit each: what is not leaves no more.
    #[inline(always)]
    pub(super) fn hold(&mut self, chunk: usize, symbols: u64) {
        self.held.put_chunk(chunk, symbols);
        self.leaving.put_chunk(chunk, self.leaving.chunk(chunk) & symbols);
    }

    /// Prices of what is held, in symbol order. They lie far apart in memory: asked for all in a row, before anything is
    /// done with one, they come at the same time.
    pub(super) fn look(&mut self, ranges: Ranges<'_>, prices: &mut Vec<(usize, Prices)>) {
        let symbols = self.list.of(&self.held).iter().map(|&symbol| symbol as usize);
        prices.clear();
        prices.extend(symbols.map(|symbol| (symbol, ranges.prices(symbol))));
    }

    /// What is held, both sides added up, at a bar's prices or what it was last valued at.
    pub(super) fn gross(&self, prices: &[f64]) -> f64 {
        let mut gross = Chunk::default();
        for symbol in self.held.iter() {
            gross.0[symbol % CHUNK] += self.shares(symbol).abs() * self.price_among(prices, symbol);
        }
        gross.sum()
    }

    /// Symbols whose holdings were settled last.
    pub(super) fn settled(&self) -> &[usize] {
        &self.settled
    }

    /// Shares of a symbol; 0 where it is not held.
    #[inline]
    pub(super) fn shares(&self, symbol: usize) -> f64 {
        self.columns.shares[symbol]
    }

    /// What a holding was last valued at.
    #[inline]
    pub(super) fn mark(&self, symbol: usize) -> f64 {
        self.columns.marks[symbol]
    }

    /// A symbol's price among those of a bar, or what it was last valued at where it has none.
    pub(super) fn price_among(&self, prices: &[f64], symbol: usize) -> f64 {
        if prices[symbol] > 0.0 { prices[symbol] } else { self.mark(symbol) }
    }

    /// Money at the mark, negative for a short.
    #[inline]
    pub(super) fn value(&self, symbol: usize) -> f64 {
        self.shares(symbol) * self.mark(symbol)
    }

    /// Whether a holding had no close at the last bar.
    pub(super) fn is_stale(&self, symbol: usize) -> bool {
        self.columns.missing[symbol] > 0.0
    }

    /// A position as its exits see it; nothing where there are none.
    pub(super) fn entry(&self, symbol: usize) -> Option<Entry> {
        let entries = &self.columns.entries;
        self.has_entries().then(|| Entry {
            side: self.shares(symbol).signum(),
            row: entries.row[symbol],
            price: entries.price[symbol],
            best: entries.best[symbol],
            measures: entries.measures.of(symbol),
        })
    }

    /// Opens a position.
    pub(super) fn open(
        &mut self,
        symbol: usize,
        row: usize,
        shares: f64,
        price: f64,
        costs: f64,
        measures: impl FnOnce() -> Measures,
    ) {
        let Columns { shares: all, marks, missing, entries } = &mut self.columns;
        (all[symbol], marks[symbol], missing[symbol]) = (shares, price, 0.0);
        self.held.insert(symbol);
        if entries.is_kept() {
            (entries.row[symbol], entries.price[symbol], entries.best[symbol]) = (row as f64, price, price);
            entries.measures.set(symbol, measures());
        }
        if let Some(course) = self.courses.get_mut(symbol) {
            *course = Course::open(row, shares, price, costs);
        }
    }

    /// Adds to a position on its own side, so that it holds `shares`.
    pub(super) fn increase_to(&mut self, symbol: usize, shares: f64, price: f64, costs: f64) {
        let Columns { shares: all, entries, .. } = &mut self.columns;
        let held = std::mem::replace(&mut all[symbol], shares);
        if entries.is_kept() {
            entries.price[symbol] = average_entry(entries.price[symbol], held, shares, price);
        }
        if let Some(course) = self.courses.get_mut(symbol) {
            course.increase(held, shares, price, costs);
        }
    }

    /// Takes from a position, so that it holds `shares`; says whether nothing is left.
    pub(super) fn decrease_to(&mut self, symbol: usize, shares: f64, price: f64, costs: f64) -> bool {
        let held = std::mem::replace(&mut self.columns.shares[symbol], shares);
        if let Some(course) = self.courses.get_mut(symbol) {
            course.decrease(held, shares, price, costs);
        }
        let closed = shares == 0.0;
        if closed {
            self.held.remove(symbol);
            self.leaving.remove(symbol);
        }
        closed
    }

    /// A position as a trade: ended, or as it stands; where trades are written down.
    pub(super) fn trade(&self, symbol: usize, end: Option<(usize, Reason)>) -> Option<Trade> {
        let course = self.courses.get(symbol)?;
        let closed_value = course.closed_value + self.value(symbol).abs();
        let entry_price = course.opened_value / course.opened_shares.abs();
        let (favourable, adverse) = course.excursions(entry_price);
        Some(Trade {
            symbol,
            entry_row: course.entry_row as usize,
            exit_row: end.map(|(row, _)| row),
            entry_price,
            exit_price: closed_value / course.opened_shares.abs(),
            shares: course.opened_shares,
            notional: course.opened_value,
            net_pnl: course.side() * (closed_value - course.opened_value) - course.costs,
            costs: course.costs,
            favourable,
            adverse,
            reason: end.map(|(_, reason)| reason),
        })
    }

    /// Values holdings at a bar's closes, and settles those that have had none for too long. Gives the equity, and whether
    /// any was settled.
    pub(super) fn value_at(
        &mut self,
        row: usize,
        market: &Market<'_>,
        delisting: Delisting,
        recorder: &mut Recorder,
    ) -> (f64, bool) {
        let follows = self.watch.follows == Follows::Closes;
        let worth = sweep::value(self.vectors, &mut self.columns, &self.held, market.close(row), follows);
        if self.watch.trades || self.watch.follows == Follows::Extremes {
            let ranges = market.ranges(row);
            let mut list = std::mem::take(&mut self.list);
            for &symbol in list.of(&self.held) {
                self.look_within(symbol as usize, row, ranges);
            }
            self.list = list;
        }
        let limit = f64::from(delisting.after_missing_bars.max(1));
        if self.count_missing(market.words_with_close(row)) < limit {
            return (self.cash + worth, false);
        }
        let gone = |book: &Self, symbol: usize| book.columns.missing[symbol] >= limit;
        self.settle(row, 1.0 + delisting.return_fraction, Reason::Delisted, recorder, gone);
        (self.equity(), true)
    }

    /// Counts for how many bars holdings have had no close; gives the most of them.
    fn count_missing(&mut self, priced: &[u64]) -> f64 {
        let Self { columns: Columns { missing, .. }, held, stale, .. } = self;
        let mut longest = 0.0_f64;
        let words = held.words().iter().zip(priced).zip(stale.words_mut());
        for (word, ((held, with_price), stale)) in words.enumerate() {
            for symbol in symbols_of(word, held & (!with_price | *stale)) {
                missing[symbol] = if is_in(priced, symbol) { 0.0 } else { missing[symbol] + 1.0 };
                longest = longest.max(missing[symbol]);
            }
            *stale = held & !with_price;
        }
        longest
    }

    /// Notes the last close of a symbol, and for how many bars it has had none since: what is not held, but ordered, is
    /// not seen to otherwise.
    pub(super) fn note(&mut self, symbol: usize, close: f64, missing: u32) {
        (self.columns.marks[symbol], self.columns.missing[symbol]) = (close, f64::from(missing));
        if missing > 0 {
            self.stale.insert(symbol);
        }
    }

    /// Follows one position over one bar.
    pub(super) fn watch(&mut self, symbol: usize, row: usize, ranges: Ranges<'_>) {
        if self.watch.follows == Follows::Closes {
            self.follow(symbol, ranges.close[symbol]);
        }
        self.look_within(symbol, row, ranges);
    }

    /// Follows how far prices went within a bar for and against one position, and the best of them where exits may be
    /// touched.
    fn look_within(&mut self, symbol: usize, row: usize, ranges: Ranges<'_>) {
        let entered = match self.courses.get(symbol) {
            Some(course) => course.entry_row as usize,
            None => self.columns.entries.row[symbol] as usize,
        };
        let close = ranges.close[symbol];
        let looks_within = !(self.watch.enters_at_close && entered == row);
        let (low, high) = if looks_within { ranges.prices(symbol).extent() } else { (close, close) };
        if let Some(course) = self.courses.get_mut(symbol) {
            course.see(low, high);
        }
        if self.watch.follows == Follows::Extremes {
            self.follow(symbol, if self.shares(symbol) > 0.0 { high } else { low });
        }
    }

    /// Notes a price that may be the best since entry.
    fn follow(&mut self, symbol: usize, price: f64) {
        let best = self.columns.entries.best[symbol];
        let is_better = if self.shares(symbol) > 0.0 { price > best } else { price < best };
        if price > 0.0 && is_better {
            self.columns.entries.best[symbol] = price;
        }
    }

    /// Positions among which are all that exits close on a bar's close.
    pub(super) fn due(&self, exits: &Exits, row: usize, due: &mut SymbolSet) {
        if self.has_entries() {
            sweep::due(self.vectors, &self.columns, &self.held, &self.leaving, exits, row, due);
        } else {
            due.clear();
        }
    }

    /// Pays for a bar's holding by what was held and owed at the close before.
    pub(super) fn carry(&mut self, rates: Rates, recorder: &mut Recorder) {
        let mut carry = Carry::default();
        if rates.borrow > 0.0 {
            let Self { columns, courses, held, .. } = self;
            for symbol in held.iter().filter(|&symbol| columns.shares[symbol] < 0.0) {
                let cost = -columns.shares[symbol] * columns.marks[symbol] * rates.borrow;
                carry.borrow += cost;
                if let Some(course) = courses.get_mut(symbol) {
                    course.costs += cost;
                }
            }
        }
        carry.interest = self.cash.max(0.0) * rates.cash;
        carry.financing = (-self.cash).max(0.0) * rates.financing;
        self.cash += carry.interest - carry.financing - carry.borrow;
        recorder.carried(carry);
    }

    /// Closes everything at its mark, without costs: there is no equity left.
    pub(super) fn ruin(&mut self, row: usize, recorder: &mut Recorder) {
        self.settle(row, 1.0, Reason::Ruin, recorder, |_, _| true);
    }

    fn settle(
        &mut self,
        row: usize,
        factor: f64,
        reason: Reason,
        recorder: &mut Recorder,
        which: impl Fn(&Self, usize) -> bool,
    ) {
        self.settled = self.held.iter().filter(|&symbol| which(self, symbol)).collect();
        for at in 0..self.settled.len() {
            let symbol = self.settled[at];
            let (shares, price) = (self.shares(symbol), self.mark(symbol) * factor);
            self.cash += shares * price;
            recorder.counts().delisted += usize::from(reason == Reason::Delisted);
            if self.decrease_to(symbol, 0.0, price, 0.0) {
                recorder.closed(self, symbol, row, reason);
            }
            recorder.settled(Order {
                decided: row,
                ended: Some(row),
                symbol,
                side: if shares > 0.0 { Side::Sell } else { Side::Buy },
                wanted: shares.abs(),
                filled: shares.abs(),
                price: Some(price),
                costs: 0.0,
                reason,
                fate: Fate::Filled,
            });
        }
    }
}
