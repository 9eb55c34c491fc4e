//! Which symbols a rule wants, and how much of each.

use factor::{Positions, Rule, Weighting};

use super::market::Rows;

/// A wanted weight, signed, as a fraction of equity.
pub(super) type Target = (u32, f64);

/// What the choice of targets reads of one row.
pub(super) struct View<'a> {
    pub(super) rows: Rows<'a>,
    pub(super) members: &'a [bool],
    pub(super) close: &'a [f64],
    /// Symbols held and not about to be sold, rising.
    pub(super) kept: &'a [u32],
    /// Symbols about to be sold, or told to, rising: not bought on this row.
    pub(super) barred: &'a [u32],
}

/// Scratch space for choices, reused from row to row.
#[derive(Debug, Default)]
pub(super) struct Chooser {
    /// Candidates with their scores.
    candidates: Vec<(u32, f64)>,
    raw: Vec<f64>,
}

impl Chooser {
    /// Targets of the rules that reset the whole book. Symbols that are not listed are to be sold.
    pub(super) fn book(&mut self, positions: &Positions, view: &View<'_>, targets: &mut Vec<Target>) {
        targets.clear();
        self.candidates.clear();
        let members = view.members.iter().filter(|&&member| member).count();
        let mut kept = view.kept.iter().peekable();
        for symbol in 0..view.close.len() as u32 {
            let held = kept.next_if_eq(&&symbol).is_some();
            if let Some(score) = view.eligible(positions, symbol, held) {
                self.candidates.push((symbol, score));
            }
        }
        let count = positions.count.of(members);
        match positions.rule {
            Rule::Top => {
                self.keep_best(count, |score| score);
                self.weigh(positions, view, 1.0, |score| score, targets);
            }
            Rule::LongShort => {
                let count = count.min(self.candidates.len() / 2);
                let all = self.candidates.clone();
                self.keep_best(count, |score| score);
                self.weigh(positions, view, 0.5, |score| score, targets);
                self.candidates = all;
                self.keep_best(count, |score| -score);
                self.weigh(positions, view, -0.5, |score| -score, targets);
            }
            Rule::Weights => {
                let gross: f64 = self.candidates.iter().map(|(_, score)| score.abs()).sum();
                let scale = if gross > 1.0 { 1.0 / gross } else { 1.0 };
                targets.extend(self.candidates.iter().map(|&(symbol, score)| (symbol, score * scale)));
            }
            Rule::Signal => unreachable!("signals are sized one by one"),
        }
        targets.retain(|&(_, weight)| weight != 0.0 && weight.is_finite());
        targets.sort_unstable_by_key(|&(symbol, _)| symbol);
    }

    /// New holdings of rule `signal`, for as many slots as are free.
    pub(super) fn signals(&mut self, positions: &Positions, view: &View<'_>, targets: &mut Vec<Target>) {
        targets.clear();
        self.candidates.clear();
        let members = view.members.iter().filter(|&&member| member).count();
        let slots = positions.count.of(members);
        let mut kept = view.kept.iter().peekable();
        for symbol in 0..view.close.len() as u32 {
            let held = kept.next_if_eq(&&symbol).is_some();
            let wanted = view.rows.entry.is_some_and(|entry| entry[symbol as usize] == 1.0);
            if !held && wanted && view.tradable(positions, symbol) {
                // Without a score, or with an unknown one, symbols come in their order, after those with a score.
                let score = view.rows.score.map_or(f64::NAN, |score| score[symbol as usize]);
                self.candidates.push((symbol, if score.is_nan() { f64::NEG_INFINITY } else { score }));
            }
        }
        let free = slots.saturating_sub(view.kept.len() + view.barred.len());
        self.keep_best(free, |score| score);
        let share = self.candidates.len() as f64 / slots as f64;
        self.weigh(positions, view, share, |score| score, targets);
        targets.retain(|&(_, weight)| weight != 0.0 && weight.is_finite());
        targets.sort_unstable_by_key(|&(symbol, _)| symbol);
    }

    /// Keeps the candidates that rank highest by `key`, in symbol order; of equals, the first in symbol order.
    fn keep_best(&mut self, count: usize, key: impl Fn(f64) -> f64) {
        if count < self.candidates.len() {
            let order =
                |left: &(u32, f64), right: &(u32, f64)| key(right.1).total_cmp(&key(left.1)).then(left.0.cmp(&right.0));
            if count > 0 {
                self.candidates.select_nth_unstable_by(count - 1, order);
            }
            self.candidates.truncate(count);
        }
        self.candidates.sort_unstable_by_key(|&(symbol, _)| symbol);
    }

    /// Divides `total` (negative for shorts) among the candidates.
    fn weigh(
        &mut self,
        positions: &Positions,
        view: &View<'_>,
        total: f64,
        key: impl Fn(f64) -> f64,
        targets: &mut Vec<Target>,
    ) {
        self.raw.clear();
        match positions.weight {
            Weighting::Equal => self.raw.resize(self.candidates.len(), 1.0),
            Weighting::Score => {
                let least = self.candidates.iter().map(|&(_, score)| key(score)).fold(f64::INFINITY, f64::min);
                self.raw.extend(self.candidates.iter().map(|&(_, score)| key(score) - least));
            }
            Weighting::InverseVolatility => {
                let volatility = view.rows.weight_volatility;
                let inverse = |symbol: u32| volatility.map_or(1.0, |row| 1.0 / row[symbol as usize]);
                self.raw.extend(self.candidates.iter().map(|&(symbol, _)| inverse(symbol)));
            }
        }
        let mut sum: f64 = self.raw.iter().sum();
        if sum <= 0.0 || !sum.is_finite() {
            // All scores equal (or unknown): nothing to weigh by.
            self.raw.fill(1.0);
            sum = self.raw.len() as f64;
        }
        targets.extend(self.candidates.iter().zip(&self.raw).map(|(&(symbol, _), raw)| (symbol, total * raw / sum)));
    }
}

impl View<'_> {
    /// Whether an order for a symbol can be sized on this row.
    fn tradable(&self, positions: &Positions, symbol: u32) -> bool {
        let at = symbol as usize;
        let priced = self.members[at] && self.close[at] > 0.0 && self.barred.binary_search(&symbol).is_err();
        let known_volatility = positions.weight != Weighting::InverseVolatility
            || self.rows.weight_volatility.is_some_and(|row| row[at] > 0.0);
        priced && known_volatility
    }

    /// The score of a symbol that may be part of the book. A holding needs no entry flag to stay.
    fn eligible(&self, positions: &Positions, symbol: u32, held: bool) -> Option<f64> {
        let score = self.rows.score?[symbol as usize];
        let enters = self.rows.entry.is_none_or(|entry| entry[symbol as usize] == 1.0);
        let leaves = self.rows.exit.is_some_and(|exit| exit[symbol as usize] == 1.0);
        (!score.is_nan() && (held || enters) && !leaves && self.tradable(positions, symbol)).then_some(score)
    }
}
