//! From scores and flags to target weights: who may be held, who is chosen, how much of each.

use factor::{Positions, Rule, Weighting};

use super::Rows;
use super::bars::MemberRow;
use super::holdings::Holding;

/// Deviations up to this are rounding: nothing is weighted by their inverse.
const NEGLIGIBLE: f64 = 1e-12;

/// What a symbol should be worth, as a fraction of equity, negative for a short.
#[derive(Debug, Clone, Copy)]
pub(super) struct Target {
    pub(super) symbol: u32,
    pub(super) weight: f64,
    /// The score it was chosen by.
    pub(super) score: f64,
}

#[derive(Debug, Clone, Copy)]
struct Candidate {
    symbol: u32,
    score: f64,
}

/// Chooses targets; keeps its lists from one rebalance to the next.
#[derive(Debug, Default)]
pub(super) struct Chooser {
    candidates: Vec<Candidate>,
    chosen: Vec<Candidate>,
    ranked: Vec<f64>,
    targets: Vec<Target>,
}

impl Chooser {
    /// Targets in symbol order. Of rules that reset, the whole book: what is held and not among them is to be sold. Of
    /// rule `signal`, what is to be bought, into `free` of as many slots as the count of `members` gives.
    pub(super) fn choose(
        &mut self,
        positions: &Positions,
        universe: MemberRow<'_>,
        members: usize,
        rows: &Rows<'_>,
        holdings: &[Holding],
        free: usize,
    ) -> &[Target] {
        self.targets.clear();
        self.find_candidates(positions, universe, rows, holdings);
        let (count, known) = (positions.count.of(members), self.candidates.len());
        let weighting = positions.weight;
        match positions.rule {
            Rule::Top => {
                self.take(count, 1.0);
                weigh(&self.chosen, weighting, rows, 1.0, &mut self.targets);
            }
            Rule::LongShort => {
                let side = count.min(known / 2);
                self.take(side, 1.0);
                weigh(&self.chosen, weighting, rows, 0.5, &mut self.targets);
                self.take(side, -1.0);
                weigh(&self.chosen, weighting, rows, -0.5, &mut self.targets);
                self.targets.sort_unstable_by_key(|target| target.symbol);
            }
            Rule::Signal => {
                self.take(free, 1.0);
                let part = self.chosen.len() as f64 / count as f64;
                weigh(&self.chosen, weighting, rows, part, &mut self.targets);
            }
            Rule::Weights => self.take_scores_as_weights(),
        }
        &self.targets
    }

    /// Members with a known score that may be held, in symbol order.
    fn find_candidates(
        &mut self,
        positions: &Positions,
        universe: MemberRow<'_>,
        rows: &Rows<'_>,
        holdings: &[Holding],
    ) {
        self.candidates.clear();
        let signal = positions.rule == Rule::Signal;
        if rows.score.is_none() && !signal {
            return;
        }
        let inverse = positions.weight == Weighting::InverseVolatility;
        let mut held = holdings.iter().peekable();
        for symbol in 0..universe.symbols() {
            let holding = held.next_if(|holding| holding.symbol as usize == symbol);
            // Without scores all are alike, and symbol order decides.
            let score = rows.score.map_or(0.0, |score| score[symbol]);
            let wanted = || match holding {
                Some(holding) => !signal && !holding.leaving,
                None => rows.entry.map_or(!signal, |entry| is_true(entry, symbol)),
            };
            let told_to_exit = || rows.exit.is_some_and(|exit| is_true(exit, symbol));
            let sizable = || !inverse || volatility(rows, symbol) > NEGLIGIBLE;
            if score.is_finite() && universe.contains(symbol) && wanted() && !told_to_exit() && sizable() {
                self.candidates.push(Candidate { symbol: symbol as u32, score });
            }
        }
    }

    /// Moves the highest scores (`side` 1) or the lowest (`side` -1) from the candidates to the chosen, ties in symbol
    /// order. Both stay in symbol order, so that sums over them do not depend on how they were found.
    fn take(&mut self, count: usize, side: f64) {
        self.chosen.clear();
        let count = count.min(self.candidates.len());
        if count == 0 {
            return;
        }
        // Adding 0 makes one zero of two.
        let rank = |candidate: &Candidate| side * candidate.score + 0.0;
        self.ranked.clear();
        self.ranked.extend(self.candidates.iter().map(rank));
        let at = self.ranked.len() - count;
        let (_, &mut last, above) = self.ranked.select_nth_unstable_by(at, f64::total_cmp);
        let mut ties = count - above.iter().filter(|&&rank| rank > last).count();
        let chosen = &mut self.chosen;
        self.candidates.retain(|candidate| {
            let rank = rank(candidate);
            let taken = rank > last || (rank == last && ties > 0);
            if taken {
                ties -= usize::from(rank == last);
                chosen.push(*candidate);
            }
            !taken
        });
    }

    fn take_scores_as_weights(&mut self) {
        // Scores near the largest number would overflow their sum; below 1 they are left as they are.
        let scale = self.candidates.iter().fold(1.0, |most: f64, candidate| most.max(candidate.score.abs()));
        let gross: f64 = self.candidates.iter().map(|candidate| (candidate.score / scale).abs()).sum();
        let divisor = if gross * scale > 1.0 { gross } else { 1.0 };
        self.targets.extend(self.candidates.iter().map(|&Candidate { symbol, score }| Target {
            symbol,
            weight: score / scale / divisor,
            score,
        }));
    }
}

/// Whether a flag is known and true.
pub(super) fn is_true(flags: &[f64], symbol: usize) -> bool {
    flags[symbol] > 0.0
}

fn volatility(rows: &Rows<'_>, symbol: usize) -> f64 {
    rows.weight_volatility.map_or(f64::NAN, |volatility| volatility[symbol])
}

/// Divides `part` of the book, negative for shorts, among the chosen.
fn weigh(chosen: &[Candidate], weighting: Weighting, rows: &Rows<'_>, part: f64, targets: &mut Vec<Target>) {
    let start = targets.len();
    match weighting {
        Weighting::Equal => {
            targets.extend(chosen.iter().map(|&Candidate { symbol, score }| Target { symbol, weight: 1.0, score }));
        }
        Weighting::InverseVolatility => targets.extend(chosen.iter().map(|&Candidate { symbol, score }| Target {
            symbol,
            weight: 1.0 / volatility(rows, symbol as usize),
            score,
        })),
        Weighting::Score => {
            // Halves, because the distance between two scores may exceed the largest number.
            let side = part.signum() * 0.5;
            let worst = chosen.iter().map(|candidate| side * candidate.score).fold(f64::INFINITY, f64::min);
            let best = chosen.iter().map(|candidate| side * candidate.score).fold(f64::NEG_INFINITY, f64::max);
            targets.extend(chosen.iter().map(|&Candidate { symbol, score }| {
                let weight = if best > worst { (side * score - worst) / (best - worst) } else { 1.0 };
                Target { symbol, weight, score }
            }));
        }
    }
    let targets = &mut targets[start..];
    let total: f64 = targets.iter().map(|target| target.weight).sum();
    for target in targets {
        target.weight *= part / total;
    }
}
