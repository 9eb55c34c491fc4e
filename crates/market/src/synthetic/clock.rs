//! When the bars of a synthetic market are: any bar's time without the ones before it.

use jiff::civil::{Date, DateTime, Weekday, date};

use super::spec::{Session, Spacing, SynthSpec};

const MINUTE: i64 = 60_000_000;
const DAY: i64 = 86_400_000_000;
/// Days from 1970 to the end of the year 9999.
const LAST_DAY: i64 = 2_932_896;

/// Bar times: sessions of equal length on every day or on every business day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Clock {
    /// The first day, in days since 1970.
    first_day: i64,
    /// Bars of the first day that lie before the start.
    skipped: usize,
    business: bool,
    pub(super) bars_per_day: usize,
    /// Time of day of a day's first bar.
    open: i64,
    step: i64,
}

impl Clock {
    /// # Errors
    /// Which key cannot be, and why.
    pub(super) fn new(spec: &SynthSpec) -> Result<Self, String> {
        let start = moment(&spec.start).ok_or_else(|| {
            format!("`start` must be a date such as 2015-01-01 or 2015-01-01T09:30, not `{}`", spec.start)
        })?;
        let business = spec.session != Session::Always;
        let (open, close) = match spec.session {
            Session::Always => (0, 24 * 60),
            Session::Hours { open, close } => (open, close),
        };
        let (bars_per_day, open, step) = match spec.frequency {
            Spacing::Daily => (1, 0, DAY),
            Spacing::Minutes(minutes) => {
                // The last bar of a session may be a short one.
                let bars = (close - open).div_ceil(minutes) as usize;
                (bars, i64::from(open) * MINUTE, i64::from(minutes) * MINUTE)
            }
        };
        let mut clock = Self { first_day: start.div_euclid(DAY), skipped: 0, business, bars_per_day, open, step };
        while business && weekday(clock.first_day) > 4 {
            clock.first_day += 1;
        }
        clock.skipped = (0..bars_per_day).find(|&bar| clock.time(bar) >= start).unwrap_or(bars_per_day);
        if clock.day((clock.skipped + spec.bars) / bars_per_day) > LAST_DAY {
            return Err(format!(
                "`bars` = {} reaches beyond the year 9999; take fewer, or an earlier start",
                spec.bars
            ));
        }
        Ok(clock)
    }

    /// Microseconds since 1970 of a bar.
    pub(super) fn time(&self, bar: usize) -> i64 {
        let bar = bar + self.skipped;
        self.day(bar / self.bars_per_day) * DAY + self.open + (bar % self.bars_per_day) as i64 * self.step
    }

    /// Whether a bar is the first of its day.
    pub(super) fn opens(&self, bar: usize) -> bool {
        (bar + self.skipped).is_multiple_of(self.bars_per_day)
    }

    pub(super) fn days_per_year(&self) -> f64 {
        if self.business { 252.0 } else { 365.0 }
    }

    pub(super) fn bars_per_year(&self) -> f64 {
        self.days_per_year() * self.bars_per_day as f64
    }

    /// Whether all bars are midnights, so that times are dates.
    pub(super) fn is_dates(&self) -> bool {
        self.bars_per_day == 1 && self.open == 0
    }

    /// The first bar on or after a moment: a number of bars, or a date.
    pub(super) fn bar_at(&self, text: &str) -> Option<usize> {
        if let Ok(bar) = text.parse::<usize>() {
            return Some(bar);
        }
        let moment = moment(text)?;
        let (mut low, mut high) = (0, LAST_DAY as usize * self.bars_per_day);
        while low < high {
            let middle = usize::midpoint(low, high);
            if self.time(middle) < moment { low = middle + 1 } else { high = middle }
        }
        Some(low)
    }

    /// The day with so many days of trading before it.
    fn day(&self, trading_days: usize) -> i64 {
        if !self.business {
            return self.first_day + trading_days as i64;
        }
        let monday = weekday(self.first_day);
        let along = monday + trading_days as i64;
        self.first_day - monday + along / 5 * 7 + along % 5
    }
}

/// Days after Monday.
fn weekday(day: i64) -> i64 {
    // 1970 began on a Thursday.
    (day + 3).rem_euclid(7)
}

/// Microseconds since 1970 of `2015-01-01` or `2015-01-01T09:30`, from 1900 on.
fn moment(text: &str) -> Option<i64> {
    let text = text.trim();
    let civil = match text.parse::<Date>() {
        Ok(day) if text.len() == 10 => day.to_datetime(jiff::civil::Time::midnight()),
        _ => text.parse::<DateTime>().ok()?,
    };
    if civil.year() < 1900 {
        return None;
    }
    debug_assert_eq!(date(1970, 1, 1).weekday(), Weekday::Thursday);
    let since = civil.duration_since(date(1970, 1, 1).to_datetime(jiff::civil::Time::midnight()));
    i64::try_from(since.as_micros()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::Calendar;

    fn check(text: &str, first: &[&str], per_year: f64) {
        let spec = SynthSpec::parse(text).unwrap();
        let clock = Clock::new(&spec).unwrap();
        let calendar = Calendar::new((0..spec.bars).map(|bar| clock.time(bar)).collect(), None).unwrap();
        let labels: Vec<String> = (0..first.len()).map(|bar| calendar.label(bar)).collect();
        assert_eq!(labels, first, "{text}");
        assert_eq!((calendar.frequency().periods_per_year(), clock.bars_per_year()), (per_year, per_year), "{text}");
        for bar in 0..spec.bars {
            let label = calendar.label(bar);
            assert_eq!(clock.bar_at(&label), Some(bar), "{label}");
            let opens = bar == 0 || calendar.label(bar - 1)[..10] != label[..10];
            assert!(bar == 0 || clock.opens(bar) == opens, "{text}: {label}");
        }
    }

    #[test]
    fn bars_stand_where_calendars_expect_them() {
        check("bars=600", &["2015-01-01", "2015-01-02", "2015-01-05"], 252.0);
        check("bars=600,start=2015-01-03", &["2015-01-05", "2015-01-06"], 252.0);
        check("bars=600,session=always,start=1969-12-30", &["1969-12-30", "1969-12-31", "1970-01-01"], 365.0);
        check(
            "bars=600,frequency=1h,start=2015-01-02T14:00",
            &["2015-01-02T14:30:00", "2015-01-02T15:30:00", "2015-01-05T09:30:00"],
            7.0 * 252.0,
        );
        check("bars=900,frequency=8h,session=always", &["2015-01-01T00:00:00", "2015-01-01T08:00:00"], 3.0 * 365.0);
    }

    #[test]
    fn times_that_cannot_be_are_refused() {
        for (text, word) in [("start=tomorrow", "tomorrow"), ("start=1800-01-01", "1800"), ("bars=3000000", "9999")] {
            let spec = SynthSpec::parse(text).unwrap();
            let problem = Clock::new(&spec).unwrap_err();
            assert!(problem.contains(word), "{problem}");
        }
    }
}
