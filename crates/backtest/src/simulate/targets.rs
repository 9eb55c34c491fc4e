//! From scores and flags to target weights: who may be held, who is chosen, how much of each.

use factor::{Positions, Rule, Weighting};

use super::Rows;
use super::holdings::Book;
use super::selection::Selection;
use super::symbols::{SymbolSet, mask, symbols_of};

/// Deviations up to this are rounding: nothing is weighted by their inverse.
const NEGLIGIBLE: f64 = 1e-12;

/// What a symbol should be worth, as a fraction of equity, negative for a short.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Target {
    pub(super) weight: f64,
    /// The score it was chosen by.
    pub(super) score: f64,
}

#[derive(Debug, Clone, Copy)]
struct Candidate {
    symbol: u32,
    score: f64,
}

/// Targets by symbol.
#[derive(Debug)]
pub(super) struct Targets {
    /// Symbols with a target.
    pub(super) chosen: SymbolSet,
    /// One a symbol; nothing where there is none.
    pub(super) by_symbol: Vec<Target>,
}

/// Chooses targets; keeps its lists from one rebalance to the next.
#[derive(Debug)]
pub(super) struct Chooser {
    candidates: SymbolSet,
    selection: Selection,
    side: SymbolSet,
    kept: SymbolSet,
    chosen: Vec<Candidate>,
    weights: Vec<f64>,
    /// All alike, where there are no scores.
    alike: Vec<f64>,
    targets: Targets,
}

impl Chooser {
    pub(super) fn new(symbols: usize) -> Self {
        Self {
            candidates: SymbolSet::new(symbols),
            selection: Selection::default(),
            side: SymbolSet::new(symbols),
            kept: SymbolSet::new(symbols),
            chosen: Vec::new(),
            weights: Vec::new(),
            alike: vec![0.0; symbols],
            targets: Targets { chosen: SymbolSet::new(symbols), by_symbol: vec![Target::default(); symbols] },
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
        let Targets { chosen, by_symbol } = &mut self.targets;
        chosen.iter().for_each(|symbol| by_symbol[symbol] = Target::default());
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
                let part = gross * (self.chosen.len() as f64 / count as f64);
                self.weigh(weighting, rows, part);
            }
            Rule::Weights => {
                self.take(known, 1.0, rows, None, book);
                self.take_scores_as_weights(gross);
            }
        }
        &mut self.targets
    }

    /// Members with a known score that may be held.
    fn find_candidates(&mut self, positions: &Positions, choosable: &[u64], rows: &Rows<'_>, book: &Book) {
        let signal = positions.rule == Rule::Signal;
        if rows.score.is_none() && !signal {
            self.candidates.clear();
            return;
        }
        let inverse = positions.weight == Weighting::InverseVolatility;
        let (held, leaving) = (book.held().words(), book.leaving.words());
        for (word, candidates) in self.candidates.words_mut().iter_mut().enumerate() {
            let wanted = match (rows.entry.map(|entry| mask(entry, word, is_true)), signal) {
                (Some(entry), true) => entry & !held[word],
                (None, true) => 0,
                (Some(entry), false) => (entry | held[word]) & !leaving[word],
                (None, false) => !leaving[word],
            };
            // Without scores all are alike, and symbol order decides.
            let known = rows.score.map_or(u64::MAX, |score| mask(score, word, is_known));
            let told_to_exit = rows.exit.map_or(0, |exit| mask(exit, word, is_true));
            let sizable = match rows.weight_volatility {
                _ if !inverse => u64::MAX,
                Some(volatility) => mask(volatility, word, |volatility| volatility > NEGLIGIBLE),
                None => 0,
            };
            *candidates = choosable[word] & wanted & known & !told_to_exit & sizable;
        }
    }

    /// Moves the highest scores (`side` 1) or the lowest (`side` -1) from the candidates to the chosen, ties in symbol
    /// order; what is held on that side comes first as long as it is among the best `keep`. The chosen stand in symbol
    /// order, so that sums over them do not depend on how they were found.
    fn take(&mut self, count: usize, side: f64, rows: &Rows<'_>, keep: Option<usize>, book: &Book) {
        let Self { candidates, selection, side: taken, kept, chosen, alike, targets, .. } = self;
        let scores = rows.score.unwrap_or(alike);
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
            selection.take(scores, side, kept, count, taken);
        } else {
            if staying > 0 {
                candidates.words_mut().iter_mut().zip(kept.words()).for_each(|(word, kept)| *word &= !kept);
            }
            selection.take(scores, side, candidates, count - staying, taken);
            taken.words_mut().iter_mut().zip(kept.words()).for_each(|(word, kept)| *word |= kept);
        }
        chosen.clear();
        let words = candidates.words_mut().iter_mut().zip(targets.chosen.words_mut()).zip(taken.words());
        for (word, ((candidates, targets), &taken)) in words.enumerate() {
            *candidates &= !taken;
            *targets |= taken;
            chosen.extend(
                symbols_of(word, taken).map(|symbol| Candidate { symbol: symbol as u32, score: scores[symbol] }),
            );
        }
    }

    fn take_scores_as_weights(&mut self, most: f64) {
        // Scores near the largest number would overflow their sum; below 1 they are left as they are.
        let scale = self.chosen.iter().fold(1.0, |most: f64, candidate| most.max(candidate.score.abs()));
        let gross: f64 = self.chosen.iter().map(|candidate| (candidate.score / scale).abs()).sum();
        let divisor = if gross * scale > most { gross / most } else { 1.0 / scale };
        for &Candidate { symbol, score } in &self.chosen {
            self.targets.by_symbol[symbol as usize] = Target { weight: score / scale / divisor, score };
        }
    }

    /// Divides `part` of the book, negative for shorts, among the chosen.
    fn weigh(&mut self, weighting: Weighting, rows: &Rows<'_>, part: f64) {
        let Self { chosen, weights, targets, .. } = self;
        weights.clear();
        match weighting {
            Weighting::Equal => weights.resize(chosen.len(), 1.0),
            Weighting::InverseVolatility => {
                let volatility = rows.weight_volatility.unwrap_or_default();
                weights.extend(chosen.iter().map(|candidate| 1.0 / volatility[candidate.symbol as usize]));
            }
            Weighting::Score => {
                // Halves, because the distance between two scores may exceed the largest number.
                let side = part.signum() * 0.5;
                let worst = chosen.iter().map(|candidate| side * candidate.score).fold(f64::INFINITY, f64::min);
                let best = chosen.iter().map(|candidate| side * candidate.score).fold(f64::NEG_INFINITY, f64::max);
                let weight = |score: f64| if best > worst { (side * score - worst) / (best - worst) } else { 1.0 };
                weights.extend(chosen.iter().map(|candidate| weight(candidate.score)));
            }
            Weighting::Rank => {
                let sign = part.signum();
                let mut sorted: Vec<f64> = chosen.iter().map(|candidate| sign * candidate.score).collect();
                sorted.sort_by(f64::total_cmp);
                let rank = |candidate: &Candidate| {
                    let score = sign * candidate.score;
                    let below = sorted.partition_point(|&other| other < score);
                    let up_to = sorted.partition_point(|&other| other <= score);
                    0.5 * (below + up_to + 1) as f64
                };
                weights.extend(chosen.iter().map(rank));
            }
        }
        let total: f64 = weights.iter().sum();
        for (&Candidate { symbol, score }, weight) in chosen.iter().zip(weights.iter()) {
            targets.by_symbol[symbol as usize] = Target { weight: weight * (part / total), score };
        }
    }
}

/// Whether a score is finite: nothing times what is not is NaN. Several are asked at once, as `is_finite` cannot be.
fn is_known(score: f64) -> bool {
    0.0 * score == 0.0
}

/// Whether a flag is known and true.
pub(super) fn is_true(flag: f64) -> bool {
    flag > 0.0
}
