//! Returns that cannot be, or that want a reason.

use std::collections::BTreeSet;

use super::{CheckRule, Findings};

/// Ratios of splits, of which the inverse are consolidations.
const SPLITS: [(f64, &str); 17] = [
    (1.5, "3:2"),
    (2.0, "2:1"),
    (3.0, "3:1"),
    (4.0, "4:1"),
    (5.0, "5:1"),
    (6.0, "6:1"),
    (7.0, "7:1"),
    (8.0, "8:1"),
    (10.0, "10:1"),
    (12.0, "12:1"),
    (15.0, "15:1"),
    (20.0, "20:1"),
    (25.0, "25:1"),
    (30.0, "30:1"),
    (40.0, "40:1"),
    (50.0, "50:1"),
    (100.0, "100:1"),
];
/// The market moves overnight too: the ratio may be off by one and a half usual returns, within these bounds.
const SPLIT_SLACK: (f64, f64) = (0.01, 0.03);
/// Bars before and after whose median volumes are compared, and the fewest of them.
const VOLUME_BARS: usize = 20;
const FEWEST_VOLUMES: usize = 5;
/// Fewest returns from which a usual one can be told.
const FEWEST: usize = 30;
/// Wicks come in crashes of minutes; beyond these they are worth a look.
const WICK_DEVIATIONS: f64 = 20.0;
const WICK: f64 = 0.2;

pub(super) fn check(findings: &mut Findings<'_>) {
    // A bar that is another day's would make moves there and back, on itself and on the bars beside it.
    let copied: BTreeSet<(usize, usize)> = findings
        .found
        .iter()
        .filter(|found| found.rule == CheckRule::CopiedBar)
        .filter_map(|found| found.symbol.zip(found.bar))
        .collect();
    for symbol in 0..findings.panel.symbols().len() {
        let [open, high, low, mut close, volume] =
            ["open", "high", "low", "close", "volume"].map(|name| findings.series(name, symbol));
        for &(_, bar) in copied.range((symbol, 0)..(symbol + 1, 0)) {
            close[bar] = f64::NAN;
        }
        let bars: Vec<usize> = (0..close.len()).filter(|&bar| close[bar].is_finite()).collect();
        let returns: Vec<f64> = bars.windows(2).map(|pair| libm::log(close[pair[1]] / close[pair[0]])).collect();
        let Some(usual) = usual_return(&returns) else { continue };
        let adjusted = findings.series("adj_close", symbol);
        let series = Series { open, high, low, close, adjusted, volume, bars, returns, usual };
        series.check(symbol, findings);
    }
}

/// One symbol on the bars on which it has a close.
struct Series {
    open: Vec<f64>,
    high: Vec<f64>,
    low: Vec<f64>,
    close: Vec<f64>,
    /// NaN where there is none.
    adjusted: Vec<f64>,
    volume: Vec<f64>,
    bars: Vec<usize>,
    /// `returns[i]` leads from `bars[i]` to `bars[i + 1]`.
    returns: Vec<f64>,
    usual: f64,
}

impl Series {
    fn check(&self, symbol: usize, findings: &mut Findings<'_>) {
        let options = findings.options;
        for (place, &bar) in self.bars.iter().enumerate() {
            let spread = |top: f64, bottom: f64| libm::log(top / bottom);
            let body = [self.open[bar], self.close[bar]].into_iter().filter(|price| price.is_finite());
            let (bottom, top) =
                body.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), price| (a.min(price), b.max(price)));
            for (name, wick, sign) in
                [("high", spread(self.high[bar], top), 1.0), ("low", spread(bottom, self.low[bar]), -1.0)]
            {
                if wick > WICK && wick > WICK_DEVIATIONS * self.usual {
                    let detail = format!("the {name} lies {} from open and close", percent(sign * wick));
                    findings.add(CheckRule::LongWick, bar, Some(symbol), wick, detail);
                }
            }
            let Some(before) = place.checked_sub(1) else { continue };
            let change = self.returns[before];
            let size = change.abs();
            if let Some(&back) = self.returns.get(place) {
                let least = (options.spike_deviations * self.usual).max(options.spike_return);
                let reverts = change * back < 0.0 && (change + back).abs() < 0.5 * size.min(back.abs());
                if size.min(back.abs()) > least && reverts {
                    let detail = format!("{} and then {}", percent(change), percent(back));
                    findings.add(CheckRule::Spike, bar, Some(symbol), change, detail);
                    continue;
                }
            }
            if let Some((ratio, name)) = self.split(place) {
                let known = libm::log(self.adjusted[bar] / self.adjusted[self.bars[before]]).abs();
                let hint = if known < 0.5 * size { "; adj_close has it, so adjust by that" } else { "" };
                let detail = format!(
                    "the price went to {ratio:.3} of what it was, as in a split of {name}, and volume moved the other \
                     way{hint}"
                );
                findings.add(CheckRule::UnadjustedSplit, bar, Some(symbol), ratio, detail);
                continue;
            }
            // The way back from a spike is no move of its own.
            let back = findings.has(CheckRule::Spike, self.bars[before], symbol);
            if size > (options.move_deviations * self.usual).max(options.move_return) && !back {
                let detail = format!("{}, {:.0} usual returns", percent(change), size / self.usual);
                findings.add(CheckRule::LargeMove, bar, Some(symbol), change, detail);
            }
        }
    }

    /// The overnight ratio, and the split that it looks like.
    fn split(&self, place: usize) -> Option<(f64, String)> {
        let (bar, before) = (self.bars[place], self.bars[place - 1]);
        let reached = if self.open[bar].is_finite() { self.open[bar] } else { self.close[bar] };
        let ratio = reached / self.close[before];
        let size = libm::log(ratio).abs();
        let slack = (1.5 * self.usual).clamp(SPLIT_SLACK.0, SPLIT_SLACK.1);
        let &(factor, name) = SPLITS.iter().find(|(factor, _)| (size - libm::log(*factor)).abs() <= slack)?;
        let down = ratio < 1.0;
        let expected = if down { 1.0 / factor } else { factor };

        let near = |from: usize, to: usize| &self.bars[from..to.min(self.bars.len())];
        let level = |bars: &[usize]| median(bars.iter().map(|&bar| self.close[bar]).collect());
        let (earlier, later) = (level(near(place.saturating_sub(5), place))?, level(near(place, place + 5))?);
        let stays = (libm::log(later / earlier) - libm::log(expected)).abs() < 0.1;

        let volumes = |bars: &[usize]| -> Vec<f64> {
            bars.iter().map(|&bar| self.volume[bar]).filter(|&volume| volume > 0.0).collect()
        };
        let earlier = volumes(near(place.saturating_sub(VOLUME_BARS), place));
        let later = volumes(near((place + 1).min(self.bars.len()), place + 1 + VOLUME_BARS));
        if !stays || earlier.len().min(later.len()) < FEWEST_VOLUMES {
            return None;
        }
        let grown = libm::log(median(later)? / median(earlier)?);
        // At least half of what the split asks for, on the scale of ratios.
        let inverse = if down { grown } else { -grown } > 0.5 * libm::log(factor);
        let name = if down { name.to_owned() } else { name.split(':').rev().collect::<Vec<_>>().join(":") };
        inverse.then_some((ratio, name))
    }
}

/// 1.4826 times the median distance from the median, which is the standard deviation of normal returns; `None` where there
/// are too few, or most are 0.
fn usual_return(returns: &[f64]) -> Option<f64> {
    if returns.len() < FEWEST {
        return None;
    }
    let middle = median(returns.to_vec())?;
    let usual = 1.4826 * median(returns.iter().map(|value| (value - middle).abs()).collect())?;
    (usual > 0.0).then_some(usual)
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    if values.is_empty() {
        return None;
    }
    let middle = values.len() / 2;
    Some(*values.select_nth_unstable_by(middle, f64::total_cmp).1)
}

/// A logarithmic return as people say it.
fn percent(value: f64) -> String {
    format!("{:+.1} %", 100.0 * libm::expm1(value))
}
