//! Bars that are another day's.
//!
//! Two bars of one symbol with the same open, high and low may be a copy or chance: a share of three dollars that
//! moves five cents a day meets its own bars again and again. So the rule asks how many pairs as alike as this one
//! chance would make. Among the pairs of bars of the symbol that share high and low, the open falls on any of the
//! ticks between them, and so does the close: a pair whose range is `w` ticks agrees in its open by chance once in
//! `w + 1`, in its close too once in `(w + 1)^2`; volumes within 1 % of each other come once in fifty. Symbols that
//! share a pair of dates confirm each other: of the chance matches of another symbol, at most one in the number of bars
//! falls on the very same dates, so that one which makes many of them proves little.
//!
//! The earlier bar is taken for the copy. Where a second source tells, as it does for the panel that this rule was
//! made on, it always was; and of the two mistakes only this one puts tomorrow's prices into today.

use std::collections::BTreeMap;

use super::{CheckRule, Findings};

/// Volumes this much alike are evidence, and how often chance makes them so.
const VOLUME_ALIKE: f64 = 0.01;
const VOLUME_CHANCE: f64 = 0.02;
/// Bars alike beyond this number are compared with their next only; their pairs would pile up, and prove nothing.
const MANY: usize = 8;

struct Pair {
    earlier: usize,
    later: usize,
    symbol: usize,
    /// Logarithm of the number of such pairs to be expected by chance.
    chance: f64,
    close: bool,
    volume: bool,
}

pub(super) fn check(findings: &mut Findings<'_>) {
    let panel = findings.panel;
    if !findings.wants(CheckRule::CopiedBar) {
        return;
    }
    if ["open", "high", "low"].iter().any(|name| panel.field(name).is_none()) {
        findings.skipped.push((CheckRule::CopiedBar, "there is no open, high and low"));
        return;
    }
    let mut pairs = Vec::new();
    for symbol in 0..panel.symbols().len() {
        pairs.extend(pairs_of(findings, symbol));
    }
    let bars = libm::log(panel.bars() as f64);
    // Logarithm of the number of such pairs that chance makes on one pair of dates: never more than one.
    let on_one = |pair: &Pair| (pair.chance - bars).min(0.0);
    // Per pair of dates: how many symbols share it, and the sum of the above.
    let mut dates: BTreeMap<(usize, usize), (usize, f64)> = BTreeMap::new();
    for pair in &pairs {
        let (count, chance) = dates.entry((pair.earlier, pair.later)).or_default();
        *count += 1;
        *chance += on_one(pair);
    }
    let limit = libm::log(findings.options.copy_chance);
    let mut copies: BTreeMap<(usize, usize), (f64, String)> = BTreeMap::new();
    for pair in &pairs {
        let (count, together) = dates[&(pair.earlier, pair.later)];
        let chance = pair.chance + (together - on_one(pair));
        if chance >= limit {
            continue;
        }
        let what = match (pair.close, pair.volume) {
            (true, true) => "open, high, low, close and volume",
            (true, false) => "open, high, low and close",
            (false, true) => "open, high, low and volume",
            (false, false) => "open, high and low",
        };
        let others = if count > 1 { format!("; so for {count} symbols") } else { String::new() };
        let detail = format!("{what} are those of {}{others}", panel.calendar().label(pair.later));
        let known = copies.entry((pair.earlier, pair.symbol)).or_insert((f64::INFINITY, String::new()));
        if chance < known.0 {
            *known = (chance, detail);
        }
    }
    for ((bar, symbol), (chance, detail)) in copies {
        findings.add(CheckRule::CopiedBar, bar, Some(symbol), libm::exp(chance), detail);
    }
}

/// Pairs of bars of one symbol with the same open, high and low, high above low.
fn pairs_of(findings: &Findings<'_>, symbol: usize) -> Vec<Pair> {
    let [open, high, low, close, volume] =
        ["open", "high", "low", "close", "volume"].map(|name| findings.series(name, symbol));
    let whole = |bar: &usize| open[*bar].is_finite() && high[*bar] > low[*bar];
    let mut bars: Vec<usize> = (0..high.len()).filter(whole).collect();
    let key = |bar: usize| (high[bar].to_bits(), low[bar].to_bits());
    bars.sort_unstable_by_key(|&bar| (key(bar), open[bar].to_bits(), bar));
    let mut alike = 0.0;
    let mut candidates: Vec<(usize, usize)> = Vec::new();
    for same_range in bars.chunk_by(|&a, &b| key(a) == key(b)) {
        let count = same_range.len() as f64;
        alike += count * (count - 1.0) / 2.0;
        for same in same_range.chunk_by(|&a, &b| open[a].to_bits() == open[b].to_bits()) {
            let reach = if same.len() > MANY { 1 } else { same.len() };
            for (place, &earlier) in same.iter().enumerate() {
                candidates.extend(same[place + 1..].iter().take(reach).map(|&later| (earlier, later)));
            }
        }
    }
    if candidates.is_empty() {
        return Vec::new();
    }
    let tick = tick(&bars, &[&open, &high, &low, &close]);
    let pair = |(earlier, later): (usize, usize)| {
        let place = -libm::log((high[earlier] - low[earlier]) / tick + 1.0);
        let same_close = close[earlier] == close[later];
        let (a, b) = (volume[earlier], volume[later]);
        let same_volume = a.min(b) > 0.0 && (a - b).abs() <= VOLUME_ALIKE * a.max(b);
        let chance = libm::log(alike)
            + place
            + if same_close { place } else { 0.0 }
            + if same_volume { libm::log(VOLUME_CHANCE) } else { 0.0 };
        Pair { earlier, later, symbol, chance, close: same_close, volume: same_volume }
    };
    candidates.into_iter().map(pair).collect()
}

/// The step in which the symbol's prices move: nearly the smallest difference of prices within a bar, as the smallest of all
/// may be a slip.
fn tick(bars: &[usize], prices: &[&Vec<f64>; 4]) -> f64 {
    let [open, high, low, close] = prices;
    // Coins cost millionths: what is too small to be a step depends on the price.
    let differences = |&bar: &usize| {
        let steps = [
            open[bar] - close[bar],
            high[bar] - open[bar],
            high[bar] - close[bar],
            open[bar] - low[bar],
            close[bar] - low[bar],
        ];
        steps.into_iter().map(f64::abs).filter(move |&step| step > 1e-9 * high[bar])
    };
    let mut steps: Vec<f64> = bars.iter().flat_map(differences).collect();
    if steps.is_empty() {
        return f64::INFINITY;
    }
    let rank = steps.len() / 200;
    *steps.select_nth_unstable_by(rank, f64::total_cmp).1
}
