//! Bars that are missing, or are there and should not be.

use jiff::Timestamp;
use jiff::civil::Weekday;
use jiff::tz::TimeZone;

use super::{CheckRule, Findings};
use crate::calendar::Frequency;

const DAY: i64 = 86_400_000_000;
/// A panel of this many symbols and years, none of which ends early, was chosen at its end.
const SYMBOLS: usize = 10;
const YEARS: i64 = 2;
/// A symbol that has no close on this many last bars has ended.
const ENDED: usize = 10;

pub(super) fn check(findings: &mut Findings<'_>) {
    gaps(findings);
    calendar(findings);
    thin_bars(findings);
    survivorship(findings);
}

/// Runs of bars without a close between a symbol's first and last.
fn gaps(findings: &mut Findings<'_>) {
    let calendar = findings.panel.calendar();
    for symbol in 0..findings.panel.symbols().len() {
        let close = findings.series("close", symbol);
        let bars: Vec<usize> = (0..close.len()).filter(|&bar| close[bar].is_finite()).collect();
        for pair in bars.windows(2) {
            let missing = pair[1] - pair[0] - 1;
            if missing >= findings.options.gap_bars.max(1) {
                let detail = match missing {
                    1 => "1 bar missing".to_owned(),
                    _ => format!("{missing} bars missing, until {}", calendar.label(pair[1] - 1)),
                };
                findings.add(CheckRule::Gap, pair[0] + 1, Some(symbol), missing as f64, detail);
            }
        }
    }
}

/// Times of no symbol, and days on which a market is closed.
fn calendar(findings: &mut Findings<'_>) {
    let calendar = findings.panel.calendar();
    let longest = match calendar.frequency() {
        // Weekends and holidays take up to five days; a market without weekends has none.
        Frequency::Daily { weekends: true } | Frequency::Intraday { weekends: true, .. } => 2 * DAY,
        Frequency::Daily { .. } | Frequency::Intraday { .. } => 6 * DAY,
        Frequency::Weekly => 15 * DAY,
        Frequency::Monthly => 45 * DAY,
        Frequency::Quarterly => 130 * DAY,
        Frequency::Yearly => 550 * DAY,
    };
    for (bar, pair) in calendar.times().windows(2).enumerate() {
        let days = (pair[1] - pair[0]) / DAY;
        if pair[1] - pair[0] > longest {
            let detail = format!("no bar for {days} days after {}", calendar.label(bar));
            findings.add(CheckRule::CalendarHole, bar + 1, None, days as f64, detail);
        }
    }
    let weekdays_only = match calendar.frequency() {
        Frequency::Daily { weekends } | Frequency::Intraday { weekends, .. } => !weekends,
        _ => false,
    };
    let zone = calendar.time_zone().and_then(|name| TimeZone::get(name).ok()).unwrap_or(TimeZone::UTC);
    for (bar, &time) in calendar.times().iter().enumerate().filter(|_| weekdays_only) {
        let Ok(stamp) = Timestamp::from_microsecond(time) else { continue };
        let day = zone.to_datetime(stamp).weekday();
        if matches!(day, Weekday::Saturday | Weekday::Sunday) {
            findings.add(CheckRule::WeekendBar, bar, None, f64::NAN, format!("a {day:?}"));
        }
    }
}

fn thin_bars(findings: &mut Findings<'_>) {
    let symbols = findings.panel.symbols().len();
    let close = findings.panel.values("close").unwrap_or_default();
    let count = |row: &[f64]| row.iter().filter(|value| value.is_finite()).count();
    let counts: Vec<usize> = close.chunks(symbols.max(1)).map(count).collect();
    for (before, three) in counts.windows(3).enumerate() {
        let beside = three[0].min(three[2]);
        if beside >= 4 && 2 * three[1] < beside {
            let detail = format!("{} symbols trade, {} and {} on the bars beside", three[1], three[0], three[2]);
            findings.add(CheckRule::ThinBar, before + 1, None, three[1] as f64, detail);
        }
    }
}

fn survivorship(findings: &mut Findings<'_>) {
    let panel = findings.panel;
    let (bars, symbols, times) = (panel.bars(), panel.symbols().len(), panel.calendar().times());
    let Some(span) = times.last().zip(times.first()).map(|(last, first)| last - first) else { return };
    if symbols < SYMBOLS || span < YEARS * 365 * DAY || bars <= ENDED {
        return;
    }
    let close = panel.values("close").unwrap_or_default();
    let alive = |symbol: &usize| (bars - ENDED..bars).any(|bar| close[bar * symbols + symbol].is_finite());
    if (0..symbols).all(|symbol| alive(&symbol)) {
        let years = span as f64 / (365.25 * DAY as f64);
        let detail = format!(
            "all {symbols} symbols trade to the end of {years:.1} years: those that failed or were bought are missing, \
             and long-only results look better than they were"
        );
        findings.add(CheckRule::Survivorship, bars - 1, None, 0.0, detail);
    }
}
