//! Bar times and what follows from them: frequency, annualisation, first bars of weeks and months.

use std::ops::Range;

use jiff::Timestamp;
use jiff::civil::{DateTime, Weekday};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;

/// How often bars come, read off the spacing of the times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Frequency {
    /// Several bars a day, this many seconds apart (the median spacing).
    Intraday {
        /// Median seconds between bars of one day.
        seconds: u32,
        /// Median bars a trading day.
        bars_per_day: u32,
        /// Bars on Saturdays or Sundays exist.
        weekends: bool,
    },
    /// One bar a day.
    Daily {
        /// Bars on Saturdays or Sundays exist.
        weekends: bool,
    },
    /// One bar a week.
    Weekly,
    /// One bar a month.
    Monthly,
    /// One bar a quarter.
    Quarterly,
    /// One bar a year.
    Yearly,
}

impl Frequency {
    /// Bars a year, the `A` of every annualised figure: 252 trading days (365 where weekends trade), 52 weeks,
    /// 12 months, 4 quarters; intraday bars a day times days a year.
    pub fn periods_per_year(self) -> f64 {
        let days = |weekends: bool| if weekends { 365.0 } else { 252.0 };
        match self {
            Frequency::Intraday { bars_per_day, weekends, .. } => f64::from(bars_per_day) * days(weekends),
            Frequency::Daily { weekends } => days(weekends),
            Frequency::Weekly => 52.0,
            Frequency::Monthly => 12.0,
            Frequency::Quarterly => 4.0,
            Frequency::Yearly => 1.0,
        }
    }
}

impl std::fmt::Display for Frequency {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Frequency::Intraday { seconds, bars_per_day, .. } => {
                write!(f, "intraday, {seconds} s bars, {bars_per_day} a day")
            }
            Frequency::Daily { weekends: false } => f.write_str("daily"),
            Frequency::Daily { weekends: true } => f.write_str("daily, weekends included"),
            Frequency::Weekly => f.write_str("weekly"),
            Frequency::Monthly => f.write_str("monthly"),
            Frequency::Quarterly => f.write_str("quarterly"),
            Frequency::Yearly => f.write_str("yearly"),
        }
    }
}

/// Why times do not make a calendar.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CalendarError {
    /// Times must rise from bar to bar.
    #[error("bar times must rise strictly, but bar {row} ({time}) does not come after the one before it")]
    NotRising {
        /// 0-based row of the offending bar.
        row: usize,
        /// Its time, as [`Calendar::label`] would print it.
        time: String,
    },
    /// A time lies outside the years that civil dates can express.
    #[error("bar {row} has a time that is no date: {microseconds} microseconds since 1970")]
    OutOfRange {
        /// 0-based row of the offending bar.
        row: usize,
        /// The raw time.
        microseconds: i64,
    },
    /// A text that is to be a date is none.
    #[error("`{0}` is no date: write 2016, 2016-03, 2016-03-04 or 2016-03-04T10:30")]
    NoDate(String),
    /// No bar lies between two dates.
    #[error("no bar lies {asked}: there are bars {there}")]
    NoBars {
        /// From when to when bars were asked for.
        asked: String,
        /// From when to when there are bars.
        there: String,
    },
    /// The named time zone is not known.
    #[error("unknown time zone `{0}`")]
    UnknownTimeZone(String),
}

/// The bar times of a panel, strictly rising, in microseconds since 1970-01-01T00:00 UTC.
///
/// Dates without a time of day stand for midnight UTC. Weeks, months and labels are read in the calendar's time
/// zone, UTC unless one was given.
#[derive(Debug, Clone, PartialEq)]
pub struct Calendar {
    times: Vec<i64>,
    civil: Vec<DateTime>,
    time_zone: Option<String>,
    frequency: Frequency,
}

impl Calendar {
    /// Builds a calendar from rising times.
    ///
    /// # Errors
    /// When times do not rise strictly, are no dates, or the time zone is unknown.
    pub fn new(times: Vec<i64>, time_zone: Option<&str>) -> Result<Self, CalendarError> {
        let zone = match time_zone {
            None => TimeZone::UTC,
            Some(name) => TimeZone::get(name).map_err(|_| CalendarError::UnknownTimeZone(name.to_owned()))?,
        };
        let mut civil = Vec::with_capacity(times.len());
        for (row, &microseconds) in times.iter().enumerate() {
            let stamp = Timestamp::from_microsecond(microseconds)
                .map_err(|_| CalendarError::OutOfRange { row, microseconds })?;
            civil.push(zone.to_datetime(stamp));
            if row > 0 && times[row - 1] >= microseconds {
                return Err(CalendarError::NotRising { row, time: civil[row].to_string() });
            }
        }
        let frequency = detect(&times, &civil);
        Ok(Self { times, civil, time_zone: time_zone.map(str::to_owned), frequency })
    }

    /// Number of bars.
    pub fn len(&self) -> usize {
        self.times.len()
    }

    /// Whether there is no bar.
    pub fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    /// Microseconds since 1970-01-01T00:00 UTC, one a bar.
    pub fn times(&self) -> &[i64] {
        &self.times
    }

    /// IANA name of the zone that dates are read in; `None` is UTC.
    pub fn time_zone(&self) -> Option<&str> {
        self.time_zone.as_deref()
    }

    /// How often bars come.
    pub fn frequency(&self) -> Frequency {
        self.frequency
    }

    /// Whether every bar stands at midnight, so that times are dates.
    pub fn is_dates(&self) -> bool {
        !matches!(self.frequency, Frequency::Intraday { .. })
            && self.civil.iter().all(|c| c.time() == jiff::civil::Time::midnight())
    }

    /// The bar's date, or date and time where a day has several bars: `2013-02-08`, `2013-02-08T09:30:00`.
    pub fn label(&self, row: usize) -> String {
        if matches!(self.frequency, Frequency::Intraday { .. }) {
            self.civil[row].to_string()
        } else {
            self.civil[row].date().to_string()
        }
    }

    /// The bars between two dates, both included: `2016`, `2016-03`, `2016-03-04` or `2016-03-04T10:30`, where a shorter
    /// one stands for all that begin with it.
    ///
    /// # Errors
    /// When a date is none, or no bar lies between them; the message says from when to when there are bars.
    pub fn between(&self, from: Option<&str>, to: Option<&str>) -> Result<Range<usize>, CalendarError> {
        for date in [from, to].into_iter().flatten() {
            let digits = date.bytes().all(|byte| byte.is_ascii_digit() || b"-:T".contains(&byte));
            let year = date.len() >= 4 && date.as_bytes()[..4].iter().all(u8::is_ascii_digit);
            let in_whole_parts = [4, 7, 10, 13, 16, 19].contains(&date.len());
            if !digits || !year || !in_whole_parts {
                return Err(CalendarError::NoDate(date.to_owned()));
            }
        }
        // Dates of the form that labels have sort as text.
        let label = |row: usize| self.civil[row].to_string();
        let start = |from: &str| (0..self.len()).find(|&row| *label(row) >= *from).unwrap_or(self.len());
        let end = |to: &str| {
            let is_later = |row: &usize| {
                let label = label(*row);
                label[..label.len().min(to.len())] > *to
            };
            (0..self.len()).find(is_later).unwrap_or(self.len())
        };
        let rows = from.map_or(0, start)..to.map_or(self.len(), end);
        if rows.is_empty() {
            let span = |from: &str, to: &str| format!("from {from} to {to}");
            let asked = span(from.unwrap_or("the first bar"), to.unwrap_or("the last bar"));
            let label = |row: Option<usize>| row.map_or_else(|| "--".to_owned(), |row| self.label(row));
            let there = span(&label((!self.is_empty()).then_some(0)), &label(self.len().checked_sub(1)));
            return Err(CalendarError::NoBars { asked, there });
        }
        Ok(rows)
    }

    /// Year and month (1 to 12) of the bar, in the calendar's time zone.
    pub fn year_month(&self, row: usize) -> (i16, i8) {
        (self.civil[row].year(), self.civil[row].month())
    }

    /// What clock and calendar of the time zone show at the bar, in seconds since 1970 as if they showed UTC: what an
    /// axis of time is labelled by.
    pub fn civil_seconds(&self, row: usize) -> i64 {
        let shown = TimeZone::UTC.to_timestamp(self.civil[row]);
        // Only the first and last hours that civil time can express lie beyond what a timestamp can.
        shown.map_or(self.times[row] / SECOND, Timestamp::as_second)
    }

    /// Whether the bar is the first of a new ISO week, as can be known from this bar and the one before it.
    /// Row 0 starts one.
    pub fn starts_week(&self, row: usize) -> bool {
        row == 0 || {
            let (now, before) = (self.civil[row].date().iso_week_date(), self.civil[row - 1].date().iso_week_date());
            (now.year(), now.week()) != (before.year(), before.week())
        }
    }

    /// Whether the bar is the first of a new month, as can be known from this bar and the one before it.
    /// Row 0 starts one.
    pub fn starts_month(&self, row: usize) -> bool {
        row == 0 || {
            let (now, before) = (self.civil[row], self.civil[row - 1]);
            (now.year(), now.month()) != (before.year(), before.month())
        }
    }

    /// Appends one later bar; the frequency stays what the bars so far have shown.
    ///
    /// # Errors
    /// When the time does not come after the last bar or is no date.
    pub fn push(&mut self, time: i64) -> Result<(), CalendarError> {
        let mut one = Self::new(vec![time], self.time_zone.as_deref())?;
        let row = self.times.len();
        if self.times.last().is_some_and(|&last| last >= time) {
            return Err(CalendarError::NotRising { row, time: one.civil[0].to_string() });
        }
        self.times.push(time);
        self.civil.append(&mut one.civil);
        Ok(())
    }

    /// The first `rows` bars, with the frequency of the whole.
    #[must_use]
    pub fn prefix(&self, rows: usize) -> Self {
        self.part(0..rows)
    }

    /// Some of the bars, with the frequency of the whole.
    pub(crate) fn part(&self, rows: Range<usize>) -> Self {
        Self {
            times: self.times[rows.clone()].to_vec(),
            civil: self.civil[rows].to_vec(),
            time_zone: self.time_zone.clone(),
            frequency: self.frequency,
        }
    }
}

/// Reads the frequency off the median spacing; weekends by their share of bars, so that one stray Saturday session
/// does not make a 365-day market.
fn detect(times: &[i64], civil: &[DateTime]) -> Frequency {
    let on_weekend = civil.iter().filter(|c| matches!(c.weekday(), Weekday::Saturday | Weekday::Sunday)).count();
    let weekends = on_weekend * 10 > civil.len();
    let Some(spacing) = median(times.windows(2).map(|w| w[1] - w[0]).collect()) else {
        return Frequency::Daily { weekends };
    };
    if spacing < 20 * 3600 * SECOND {
        let mut per_day = Vec::new();
        let mut current = 0_i64;
        for row in 0..civil.len() {
            if row > 0 && civil[row].date() != civil[row - 1].date() {
                per_day.push(current);
                current = 0;
            }
            current += 1;
        }
        per_day.push(current);
        let bars_per_day = median(per_day).unwrap_or(1).max(1) as u32;
        return Frequency::Intraday { seconds: (spacing / SECOND) as u32, bars_per_day, weekends };
    }
    match spacing / DAY {
        0..=4 => Frequency::Daily { weekends },
        5..=15 => Frequency::Weekly,
        16..=60 => Frequency::Monthly,
        61..=180 => Frequency::Quarterly,
        _ => Frequency::Yearly,
    }
}

fn median(mut values: Vec<i64>) -> Option<i64> {
    if values.is_empty() {
        return None;
    }
    let middle = values.len() / 2;
    Some(*values.select_nth_unstable(middle).1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> i64 {
        let civil: DateTime = text.parse().unwrap();
        TimeZone::UTC.to_timestamp(civil).unwrap().as_microsecond()
    }

    fn calendar(times: &[&str]) -> Calendar {
        Calendar::new(times.iter().map(|text| at(text)).collect(), None).unwrap()
    }

    /// Every `step` hours from Friday 2020-01-03 on, less the weekends where asked.
    fn spaced(step: i64, count: i64, weekends: bool) -> Calendar {
        let times = (0..).map(|bar| at("2020-01-03") + bar * step * 3600 * SECOND);
        let open = |time: &i64| weekends || (time.div_euclid(DAY) + 4) % 7 % 6 != 0;
        Calendar::new(times.filter(open).take(count as usize).collect(), None).unwrap()
    }

    #[test]
    fn frequency_is_read_off_the_spacing() {
        let check = |calendar: Calendar, text: &str, per_year: f64| {
            assert_eq!(
                (calendar.frequency().to_string().as_str(), calendar.frequency().periods_per_year()),
                (text, per_year)
            );
        };
        check(spaced(24, 30, false), "daily", 252.0);
        check(spaced(24, 30, true), "daily, weekends included", 365.0);
        check(spaced(7 * 24, 30, true), "weekly", 52.0);
        check(spaced(30 * 24, 30, true), "monthly", 12.0);
        check(spaced(91 * 24, 30, true), "quarterly", 4.0);
        check(spaced(365 * 24, 9, true), "yearly", 1.0);
        check(spaced(1, 24 * 20, true), "intraday, 3600 s bars, 24 a day", 24.0 * 365.0);
        check(spaced(4, 6 * 20, false), "intraday, 14400 s bars, 6 a day", 6.0 * 252.0);
        check(calendar(&["2020-01-03"]), "daily", 252.0);
        check(calendar(&[]), "daily", 252.0);
    }

    #[test]
    fn one_saturday_session_makes_no_weekend_market() {
        let mut times: Vec<i64> = spaced(24, 30, false).times().to_vec();
        times.push(at("2020-02-15"));
        times.sort_unstable();
        assert_eq!(Calendar::new(times, None).unwrap().frequency(), Frequency::Daily { weekends: false });
    }

    #[test]
    fn dates_bound_bars_on_both_sides() {
        let calendar = calendar(&["2019-12-27", "2019-12-31", "2020-01-02", "2020-01-07", "2021-01-06"]);
        let check = |from, to, expected| assert_eq!(calendar.between(from, to), Ok(expected), "{from:?} {to:?}");
        check(None, None, 0..5);
        check(Some("2020"), None, 2..5);
        check(Some("2020"), Some("2020"), 2..4);
        check(None, Some("2019"), 0..2);
        check(Some("2019-12-28"), Some("2020-01-02"), 1..3);
        check(Some("2020-01"), Some("2020-01"), 2..4);
        check(Some("2020-01-02T00:00"), Some("2020-01-02T00:00"), 2..3);
        let refused = |from, to, expected: &str| {
            assert_eq!(calendar.between(from, to).expect_err("refused").to_string(), expected);
        };
        refused(
            Some("2022"),
            None,
            "no bar lies from 2022 to the last bar: there are bars from 2019-12-27 to 2021-01-06",
        );
        refused(
            Some("2020-02"),
            Some("2020-01"),
            "no bar lies from 2020-02 to 2020-01: there are bars from 2019-12-27 to 2021-01-06",
        );
        for text in ["", "20", "2016-3", "4.3.2016", "yesterday", "2016-03-0\u{e9}"] {
            assert_eq!(calendar.between(Some(text), None), Err(CalendarError::NoDate(text.to_owned())));
        }
    }

    #[test]
    fn weeks_and_months_start_on_their_first_bar() {
        // A holiday on Monday, a turn of the year within a week, and the same month a year later.
        let calendar = calendar(&["2019-12-27", "2019-12-31", "2020-01-02", "2020-01-07", "2021-01-06"]);
        let starts = |f: fn(&Calendar, usize) -> bool| (0..5).map(|row| f(&calendar, row)).collect::<Vec<_>>();
        assert_eq!(starts(Calendar::starts_week), [true, true, false, true, true]);
        assert_eq!(starts(Calendar::starts_month), [true, false, true, false, true]);
        assert_eq!((calendar.year_month(1), calendar.year_month(4)), ((2019, 12), (2021, 1)));
    }

    #[test]
    fn days_are_those_of_the_time_zone() {
        let times = vec![at("2020-01-06T14:30"), at("2020-01-07T01:00"), at("2020-01-07T14:30")];
        let zoned = Calendar::new(times, Some("America/New_York")).unwrap();
        assert_eq!(zoned.label(1), "2020-01-06T20:00:00");
        assert_eq!(zoned.civil_seconds(1), at("2020-01-06T20:00") / SECOND);
        assert_eq!(
            Calendar::new(vec![], Some("Mars/Olympus")),
            Err(CalendarError::UnknownTimeZone("Mars/Olympus".into()))
        );
    }

    #[test]
    fn times_must_rise_and_be_dates() {
        let error = Calendar::new(vec![at("2020-01-03"), at("2020-01-03")], None).unwrap_err();
        assert_eq!(error, CalendarError::NotRising { row: 1, time: "2020-01-03T00:00:00".into() });
        assert_eq!(
            Calendar::new(vec![i64::MAX], None).unwrap_err(),
            CalendarError::OutOfRange { row: 0, microseconds: i64::MAX }
        );
    }

    #[test]
    fn pushing_bars_gives_the_same_days_as_the_whole() {
        let whole = spaced(24, 30, false);
        let mut grown = whole.prefix(10);
        assert_eq!((grown.len(), grown.frequency()), (10, whole.frequency()));
        for &time in &whole.times()[10..] {
            grown.push(time).unwrap();
        }
        assert_eq!(grown, whole);
        assert!(matches!(grown.push(whole.times()[29]), Err(CalendarError::NotRising { row: 30, .. })));
        assert_eq!(grown, whole);
    }
}
