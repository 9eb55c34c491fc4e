//! From scores and flags to target weights: who may be held, who is chosen, how much of each.

use engine::vectors::Vectors;
use engine::{Ranker, compiled_for};
use factor::{Positions, Rule, Weighting};

use super::Rows;
use super::columns::{CHUNK, Chunk, Column, Lanes, chunk_of_row, is_member, lanes_of};
use super::holdings::Book;
use super::selection::{Scores, Selection, ranked};
use super::sweep;
use super::symbols::{SymbolSet, chunk_of};

/// Deviations up to this are rounding: nothing is weighted by their inverse.
const NEGLIGIBLE: f64 = 1e-12;

/// Targets by symbol.
#[derive(Debug)]
pub(super) struct Targets {
    /// Symbols with a target.
    pub(super) chosen: SymbolSet,
    /// What each should be worth, as a fraction of equity, negative for a short; 0 where there is no target.
    pub(super) weights: Column,
}

/// Chooses targets; keeps its lists from one rebalance to the next.
#[derive(Debug)]
pub(super) struct Chooser {
    candidates: SymbolSet,
    selection: Selection,
    /// The chosen of one side.
    side: SymbolSet,
    /// Whether these are all that have ranks, made beforehand, on their side of some line.
    is_unbroken: bool,
    kept: SymbolSet,
    ranker: Ranker,
    /// Scores of one side, one behind the other, and twice their ranks.
    scores: Vec<f64>,
    doubled_ranks: Vec<u32>,
    /// All alike, where there are no scores.
    alike: Vec<f64>,
    targets: Targets,
    vectors: Vectors,
}

impl Chooser {
    pub(super) fn new(symbols: usize) -> Self {
        Self {
            candidates: SymbolSet::new(symbols),
            selection: Selection::new(symbols),
            side: SymbolSet::new(symbols),
            is_unbroken: false,
            kept: SymbolSet::new(symbols),
            ranker: Ranker::default(),
            scores: Vec::new(),
            doubled_ranks: Vec::new(),
            alike: vec![0.0; lanes_of(symbols)],
            targets: Targets { chosen: SymbolSet::new(symbols), weights: Column::new(0.0, symbols) },
            vectors: Vectors::detect(),
        }
    }

    /// Targets of rules that reset are the whole book: what is held and not among them is to be sold. Those of rule
    /// `signal` are to be bought, into `free` of as many slots as the count of `members` gives. `choosable` are the
    /// words of the set of those members.
    pub(super) fn choose(
        &mut self,
        positions: &Positions,
        choosable: &[u64],
        members: usize,
        rows: &Rows<'_>,
        book: &Book,
        free: usize,
    ) -> &mut Targets {
        let Targets { chosen, weights } = &mut self.targets;
        for (chunk, _) in chosen.chunks() {
            *weights.chunk_mut(chunk) = [0.0; CHUNK];
        }
        chosen.clear();
        self.find_candidates(positions, choosable, rows, book);
        let (count, known) = (positions.count.of(members), self.candidates.len());
        let (weighting, gross) = (positions.weight, positions.sizing.gross);
        let keep = positions.keep.map(|keep| keep.of(members));
        match positions.rule {
            Rule::Top => {
                self.take(count, 1.0, rows, keep, book);
                self.weigh(weighting, rows, gross);
            }
            Rule::LongShort => {
                let side = count.min(known / 2);
                self.take(side, 1.0, rows, keep, book);
                self.weigh(weighting, rows, 0.5 * gross);
                self.take(side, -1.0, rows, keep, book);
                self.weigh(weighting, rows, -0.5 * gross);
            }
            Rule::Signal => {
                self.take(free, 1.0, rows, None, book);
                let part = gross * (self.side.len() as f64 / count as f64);
                self.weigh(weighting, rows, part);
            }
            Rule::Weights => {
                self.take(known, 1.0, rows, None, book);
                self.take_scores_as_weights(rows, gross);
            }
        }
        &mut self.targets
    }

    /// Members with a known score that may be held.
    fn find_candidates(&mut self, positions: &Positions, choosable: &[u64], rows: &Rows<'_>, book: &Book) {
        if rows.score.is_none() && positions.rule != Rule::Signal {
            self.candidates.clear();
            return;
        }
        let candidates = &mut self.candidates;
        compiled_for!(self.vectors, candidates_sweep[](
            positions: &Positions, choosable: &[u64], rows: &Rows<'_>, book: &Book, candidates: &mut SymbolSet));
    }

    /// Moves the highest scores (`side` 1) or the lowest (`side` -1) from the candidates to the chosen, ties in symbol
    /// order; what is held on that side comes first as long as it is among the best `keep`.
    fn take(&mut self, count: usize, side: f64, rows: &Rows<'_>, keep: Option<usize>, book: &Book) {
        let Self { candidates, selection, side: taken, is_unbroken, kept, alike, targets, .. } = self;
        let doubled_ranks = rows.doubled_ranks.filter(|_| rows.score.is_some());
        let scores = Scores { values: rows.score.unwrap_or(alike), doubled_ranks };
        kept.clear();
        if let Some(keep) = keep {
            selection.take(scores, side, candidates, keep.max(count), taken);
            for (kept, (&held, &among)) in
                kept.words_mut().iter_mut().zip(book.held().words().iter().zip(taken.words()))
            {
                *kept = held & among;
            }
            let others: Vec<usize> = kept.iter().filter(|&symbol| side * book.shares(symbol) < 0.0).collect();
            for symbol in others {
                kept.remove(symbol);
            }
        }
        let staying = kept.len();
        if staying > count {
            *is_unbroken = selection.take(scores, side, kept, count, taken);
        } else {
            candidates.leave_out(kept);
            *is_unbroken = selection.take(scores, side, candidates, count - staying, taken) && staying == 0;
            taken.join(kept);
        }
        candidates.leave_out(taken);
        targets.chosen.join(taken);
    }

    fn take_scores_as_weights(&mut self, rows: &Rows<'_>, most: f64) {
        let Self { side, alike, targets, .. } = self;
        let scores = rows.score.unwrap_or(alike);
        // Scores near the largest number would overflow their sum; below 1 they are left as they are.
        let scale = side.iter().fold(1.0, |most: f64, symbol| most.max(scores[symbol].abs()));
        let mut sums = Chunk::default();
        for symbol in side.iter() {
            sums.0[symbol % CHUNK] += (scores[symbol] / scale).abs();
        }
        let gross = sums.sum();
        let divisor = if gross * scale > most { gross / most } else { 1.0 / scale };
        for symbol in side.iter() {
            targets.weights[symbol] = scores[symbol] / scale / divisor;
        }
    }

    /// Divides `part` of the book, negative for shorts, among the chosen of a side.
    fn weigh(&mut self, weighting: Weighting, rows: &Rows<'_>, part: f64) {
        let Self { side, is_unbroken, ranker, scores: listed, doubled_ranks, alike, targets, .. } = self;
        let scores = rows.score.unwrap_or(alike);
        let weights = &mut targets.weights;
        let total = match weighting {
            Weighting::Equal => {
                let each = part / side.len() as f64;
                make(self.vectors, side, &[], weights, Made::Same(each));
                return;
            }
            Weighting::InverseVolatility => {
                make(self.vectors, side, rows.weight_volatility.unwrap_or_default(), weights, Made::Inverse)
            }
            Weighting::Score => {
                // Halves, because the distance between two scores may exceed the largest number.
                let half = part.signum() * 0.5;
                let (worst, best) = extent(self.vectors, side, scores, half);
                let made =
                    if best > worst { Made::Distance { half, worst, range: best - worst } } else { Made::Same(1.0) };
                make(self.vectors, side, scores, weights, made)
            }
            Weighting::Rank => {
                let sign = part.signum();
                if let (true, Some(ranks)) = (*is_unbroken, rows.doubled_ranks) {
                    // The worst counts 1: ranks of a side are those of all, counted from where it begins.
                    let count = side.len() as f64;
                    let before = if sign > 0.0 { count - ranked(ranks) as f64 } else { count + 1.0 };
                    rank(self.vectors, side, ranks, weights, Counted { by: 0.5 * sign, from: before })
                } else {
                    listed.clear();
                    listed.extend(side.iter().map(|symbol| sign * scores[symbol]));
                    doubled_ranks.resize(listed.len(), 0);
                    ranker.rank_twice(listed, doubled_ranks);
                    let mut sums = Chunk::default();
                    for (symbol, &rank) in side.iter().zip(&*doubled_ranks) {
                        let weight = 0.5 * f64::from(rank);
                        weights[symbol] = weight;
                        sums.0[symbol % CHUNK] += weight;
                    }
                    sums.sum()
                }
            }
        };
        make(self.vectors, side, &[], weights, Made::Scaled(part / total));
    }
}

#[inline(always)]
fn candidates_sweep(
    positions: &Positions,
    choosable: &[u64],
    rows: &Rows<'_>,
    book: &Book,
    candidates: &mut SymbolSet,
) {
    let signal = positions.rule == Rule::Signal;
    let inverse = positions.weight == Weighting::InverseVolatility;
    for at in 0..book.columns.shares.chunks().len() {
        let (held, leaving) = (book.held().chunk(at), book.leaving.chunk(at));
        let wanted = match (rows.entry, signal) {
            (Some(entry), true) => sweep::greater(entry, at, 0.0) & !held,
            (None, true) => 0,
            (Some(entry), false) => (sweep::greater(entry, at, 0.0) | held) & !leaving,
            (None, false) => !leaving,
        };
        // Without scores all are alike, and symbol order decides.
        let known = if let Some(score) = rows.score { sweep::finite(score, at) } else { u64::MAX };
        let told_to_exit = if let Some(exit) = rows.exit { sweep::greater(exit, at, 0.0) } else { 0 };
        let sizable = match rows.weight_volatility {
            _ if !inverse => u64::MAX,
            Some(volatility) => sweep::greater(volatility, at, NEGLIGIBLE),
            None => 0,
        };
        candidates.put_chunk(at, chunk_of(choosable, at) & wanted & known & !told_to_exit & sizable);
    }
}

/// What weights are made of.
#[derive(Debug, Clone, Copy)]
enum Made {
    /// One number.
    Same(f64),
    /// One over what stands in a row.
    Inverse,
    /// How far `half` of what stands in a row is from the worst, as a part of the range.
    Distance { half: f64, worst: f64, range: f64 },
    /// What they are, times this.
    Scaled(f64),
}

/// The least and the most of a row, each times a factor, among some symbols.
fn extent(vectors: Vectors, side: &SymbolSet, row: &[f64], factor: f64) -> (f64, f64) {
    let mut found = (Chunk::all(f64::INFINITY), Chunk::all(f64::NEG_INFINITY));
    let (least, most) = (&mut found.0.0, &mut found.1.0);
    compiled_for!(vectors, extent_sweep[](
        side: &SymbolSet, row: &[f64], factor: f64, least: &mut Lanes, most: &mut Lanes));
    (least.iter().copied().fold(f64::INFINITY, f64::min), most.iter().copied().fold(f64::NEG_INFINITY, f64::max))
}

#[inline(always)]
fn extent_sweep(side: &SymbolSet, row: &[f64], factor: f64, least: &mut Lanes, most: &mut Lanes) {
    let mut room = Chunk::default();
    for (at, bits) in side.chunks() {
        let row = room.of(row, at);
        for lane in 0..CHUNK {
            // NaN is neither less nor more.
            let value = if is_member(bits, lane) { factor * row[lane] } else { f64::NAN };
            least[lane] = if value < least[lane] { value } else { least[lane] };
            most[lane] = if value > most[lane] { value } else { most[lane] };
        }
    }
}

/// How weights follow from doubled ranks: so much for each, from some number on.
#[derive(Debug, Clone, Copy)]
struct Counted {
    by: f64,
    from: f64,
}

/// Makes weights of some symbols from their ranks; gives their sum.
fn rank(vectors: Vectors, side: &SymbolSet, doubled_ranks: &[u32], weights: &mut Column, counted: Counted) -> f64 {
    let mut total = 0.0;
    let found = &mut total;
    compiled_for!(vectors, rank_sweep[](
        side: &SymbolSet, doubled_ranks: &[u32], weights: &mut Column, counted: Counted, found: &mut f64));
    total
}

#[inline(always)]
fn rank_sweep(side: &SymbolSet, doubled_ranks: &[u32], weights: &mut Column, counted: Counted, found: &mut f64) {
    let (mut room, mut total) = ([0; CHUNK], Chunk::default());
    for (at, bits) in side.chunks() {
        let ranks = chunk_of_row(doubled_ranks, at, &mut room);
        let weight = |lane: usize, _| counted.by * f64::from(ranks[lane] as i32) + counted.from;
        put(bits, weight, weights.chunk_mut(at), &mut total.0);
    }
    *found = total.sum();
}

/// Makes weights of some symbols by a row, `[symbols]`; gives their sum.
fn make(vectors: Vectors, side: &SymbolSet, row: &[f64], weights: &mut Column, made: Made) -> f64 {
    let mut total = 0.0;
    let found = &mut total;
    compiled_for!(vectors, make_sweep[](
        side: &SymbolSet, row: &[f64], weights: &mut Column, made: Made, found: &mut f64));
    total
}

#[inline(always)]
fn make_sweep(side: &SymbolSet, row: &[f64], weights: &mut Column, made: Made, found: &mut f64) {
    let (mut room, mut total) = (Chunk::default(), Chunk::default());
    for (at, bits) in side.chunks() {
        let (weights, sums) = (weights.chunk_mut(at), &mut total.0);
        match made {
            Made::Same(each) => put(bits, |_, _| each, weights, sums),
            Made::Scaled(factor) => put(bits, |_, weight| weight * factor, weights, sums),
            Made::Inverse => {
                let row = room.of(row, at);
                put(bits, |lane, _| 1.0 / row[lane], weights, sums);
            }
            Made::Distance { half, worst, range } => {
                let row = room.of(row, at);
                put(bits, |lane, _| (half * row[lane] - worst) / range, weights, sums);
            }
        }
    }
    *found = total.sum();
}

/// Puts what was made where somebody is chosen. Lanes are read from a copy for the same reason as in `sweep`.
#[inline(always)]
fn put(bits: u64, made: impl Fn(usize, f64) -> f64, weights: &mut Lanes, sums: &mut Lanes) {
    let before = *weights;
    for lane in 0..CHUNK {
        let made = made(lane, before[lane]);
        let is_chosen = is_member(bits, lane);
        weights[lane] = if is_chosen { made } else { before[lane] };
        sums[lane] += if is_chosen { made } else { 0.0 };
    }
}
