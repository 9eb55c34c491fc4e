//! Bars on their way from answers to a file.

use std::fmt::Write;

use serde::{Deserialize, Serialize};

use super::span::{Interval, read_label};

/// The header of every file of bars.
const HEADER: &str = "date,open,high,low,close,adj_close,volume";
const FIELDS: usize = 6;

/// One bar; NaN where a value is missing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bar {
    /// When it opens, in microseconds since 1970 UTC; midnight for bars of days.
    pub(super) time: i64,
    /// Open, high, low, close, adjusted close, volume.
    pub(super) values: [f64; FIELDS],
}

impl PartialEq for Bar {
    /// Bit by bit: what is missing in both is equal.
    fn eq(&self, other: &Self) -> bool {
        self.time == other.time && self.values.map(f64::to_bits) == other.values.map(f64::to_bits)
    }
}

/// What answers had to be cleared of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Mended {
    /// Bars that stood behind a later one.
    pub unordered: usize,
    /// Bars that came twice with the same values.
    pub repeated: usize,
    /// Bars that came again with other values: the later one is kept.
    pub replaced: usize,
    /// Bars without a close.
    pub empty: usize,
}

impl Mended {
    pub(super) fn add(&mut self, other: Mended) {
        self.unordered += other.unordered;
        self.repeated += other.repeated;
        self.replaced += other.replaced;
        self.empty += other.empty;
    }
}

/// Bars in the order of time, each time once.
pub(super) fn put_in_order(mut bars: Vec<Bar>) -> (Vec<Bar>, Mended) {
    let mut mended = Mended::default();
    let came = bars.len();
    bars.retain(|bar| !bar.values[3].is_nan());
    mended.empty = came - bars.len();
    mended.unordered = bars.windows(2).filter(|pair| pair[0].time > pair[1].time).count();
    // Stable, so that of equal times the one that came last stays last.
    bars.sort_by_key(|bar| bar.time);
    let mut kept: Vec<Bar> = Vec::with_capacity(bars.len());
    for bar in bars {
        match kept.last_mut() {
            Some(last) if *last == bar => mended.repeated += 1,
            Some(last) if last.time == bar.time => {
                mended.replaced += 1;
                *last = bar;
            }
            _ => kept.push(bar),
        }
    }
    (kept, mended)
}

/// A file of bars. Numbers are written so that they read back to the same bits.
pub(super) fn to_csv(bars: &[Bar], interval: Interval) -> Vec<u8> {
    let mut text = String::with_capacity(64 * (bars.len() + 1));
    text.push_str(HEADER);
    text.push('\n');
    for bar in bars {
        text.push_str(&interval.label(bar.time));
        for value in bar.values {
            text.push(',');
            if !value.is_nan() {
                write!(text, "{value}").expect("a string takes all text");
            }
        }
        text.push('\n');
    }
    text.into_bytes()
}

/// Reads what [`to_csv`] wrote; `None` for anything else.
pub(super) fn from_csv(text: &[u8]) -> Option<Vec<Bar>> {
    let mut lines = std::str::from_utf8(text).ok()?.strip_suffix('\n')?.split('\n');
    if lines.next()? != HEADER {
        return None;
    }
    let read = |line: &str| {
        let mut cells = line.split(',');
        let time = read_label(cells.next()?)?;
        let mut values = [f64::NAN; FIELDS];
        for value in &mut values {
            *value = number(cells.next()?)?;
        }
        cells.next().is_none().then_some(Bar { time, values })
    };
    lines.map(read).collect()
}

/// A finite number, or NaN of an empty text.
pub(super) fn number(text: &str) -> Option<f64> {
    if text.is_empty() { Some(f64::NAN) } else { text.parse().ok().filter(|value: &f64| value.is_finite()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(time: i64, close: f64) -> Bar {
        Bar { time: time * 86_400_000_000, values: [f64::NAN, 0.1 + 0.2, 1e-9, close, close, 1e15] }
    }

    #[test]
    fn every_time_stands_once_and_in_order() {
        let came = vec![bar(3, 3.0), bar(1, 1.0), bar(3, 3.0), bar(2, 2.0), bar(1, 1.5), bar(4, f64::NAN)];
        let (bars, mended) = put_in_order(came);
        assert_eq!(bars, [bar(1, 1.5), bar(2, 2.0), bar(3, 3.0)]);
        assert_eq!(mended, Mended { unordered: 3, repeated: 1, replaced: 1, empty: 1 });
        assert_eq!(put_in_order(bars.clone()), (bars, Mended::default()));
    }

    #[test]
    fn a_file_reads_back_to_the_same_bits() {
        for (interval, times) in [("1d", [-3, 18_262]), ("15m", [0, 18_262])] {
            let interval: Interval = interval.parse().unwrap();
            let bars: Vec<Bar> = times.map(|time| bar(time, 1.0 / 3.0)).to_vec();
            let text = to_csv(&bars, interval);
            assert_eq!(from_csv(&text).unwrap(), bars);
            for cut in [0, 10, text.len() - 3] {
                assert!(from_csv(&text[..cut]).is_none(), "{cut}");
            }
        }
        assert_eq!(to_csv(&[bar(0, 2.5)], Interval::DAILY), b"date,open,high,low,close,adj_close,volume\n1970-01-01,,0.30000000000000004,0.000000001,2.5,2.5,1000000000000000\n");
    }
}
