//! Prices that nobody traded at: stale, without volume, incomplete, or opens that repeat the close before.

use super::{CheckRule, Findings};
use crate::calendar::Frequency;

/// Share of opens equal to the close before that is beyond what happens, and the fewest bars to tell.
const COPIED_OPENS: f64 = 0.2;
const FEWEST: usize = 100;

pub(super) fn check(findings: &mut Findings<'_>) {
    let panel = findings.panel;
    let stale = findings.options.stale_bars.unwrap_or(match panel.calendar().frequency() {
        Frequency::Intraday { bars_per_day, .. } => (bars_per_day as usize).max(5),
        _ => 5,
    });
    let has = |name: &str| panel.field(name).is_some();
    let (has_open, has_volume) = (has("open"), has("volume"));
    if !has_volume {
        findings.skipped.push((CheckRule::ZeroVolume, "there is no volume"));
    }
    for symbol in 0..panel.symbols().len() {
        let [open, high, low, close, volume] =
            ["open", "high", "low", "close", "volume"].map(|name| findings.series(name, symbol));
        let bars: Vec<usize> = (0..close.len()).filter(|&bar| close[bar].is_finite()).collect();

        for run in bars.chunk_by(|&a, &b| close[a] == close[b]) {
            let traded = !has_volume || run.iter().all(|&bar| volume[bar] > 0.0);
            if run.len() >= stale.max(2) && traded {
                let last = panel.calendar().label(run[run.len() - 1]);
                let detail = format!("{} bars close at {}, until {last}", run.len(), close[run[0]]);
                findings.add(CheckRule::StalePrice, run[0], Some(symbol), run.len() as f64, detail);
            }
        }

        let repeats = bars.windows(2).filter(|pair| open[pair[1]] == close[pair[0]]).count();
        if has_open && bars.len() >= FEWEST && repeats as f64 > COPIED_OPENS * bars.len() as f64 {
            let share = 100.0 * repeats as f64 / bars.len() as f64;
            let detail = format!("{repeats} of {} opens are the close before ({share:.0} %)", bars.len());
            findings.add(CheckRule::CopiedOpen, bars[0], Some(symbol), repeats as f64, detail);
        }

        // A field that the symbol never has is not missing on single bars.
        let ever = |prices: &[f64]| bars.iter().any(|&bar| prices[bar].is_finite());
        let usual: Vec<(&str, &Vec<f64>)> =
            [("open", &open), ("high", &high), ("low", &low)].into_iter().filter(|(_, prices)| ever(prices)).collect();
        for &bar in &bars {
            if volume[bar] == 0.0 {
                let detail = format!("close {} without volume", close[bar]);
                findings.add(CheckRule::ZeroVolume, bar, Some(symbol), 0.0, detail);
            }
            let missing: Vec<&str> =
                usual.iter().filter(|(_, prices)| prices[bar].is_nan()).map(|(name, _)| *name).collect();
            if !missing.is_empty() {
                let detail = format!("no {}", missing.join(", no "));
                findings.add(CheckRule::MissingPrice, bar, Some(symbol), f64::NAN, detail);
            }
        }
    }
}
