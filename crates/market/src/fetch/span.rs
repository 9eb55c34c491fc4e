//! Which bars are asked for: from which day to which, and of what length.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::{Date, date};
use jiff::tz::TimeZone;

use crate::error::{Error, excerpt};

pub(super) const SECOND: i64 = 1_000_000;
pub(super) const DAY: i64 = 86_400 * SECOND;
/// Years that a bar can come from, as for the importer.
const YEARS: std::ops::RangeInclusive<i16> = 1700..=2200;

/// Days from the first to the last, both included, as UTC counts them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    from: Date,
    to: Date,
}

impl Span {
    /// Reads two dates, both included: `2016`, `2016-03` or `2016-03-04`, where a shorter one stands for all days that
    /// begin with it.
    ///
    /// # Errors
    /// When one is no date of the years 1700 to 2200, or the first lies behind the second.
    pub fn parse(from: &str, to: &str) -> Result<Self, Error> {
        let span = Self { from: bounds(from)?.0, to: bounds(to)?.1 };
        if span.from > span.to {
            let problem = format!("the first day lies behind the last; no bar lies from {from} to {to}");
            return Err(Error::unusable(span.to_string(), problem));
        }
        Ok(span)
    }

    /// The last day that is over everywhere: yesterday, in UTC. Bars of a later day may still change, so whoever asks
    /// for all there is asks up to here.
    pub fn last_whole_day() -> String {
        let today = TimeZone::UTC.to_datetime(Timestamp::now()).date();
        today.yesterday().unwrap_or(today).to_string()
    }

    /// The first day, as `2016-03-04`.
    pub fn from(&self) -> String {
        self.from.to_string()
    }

    /// The last day, as `2016-03-04`.
    pub fn to(&self) -> String {
        self.to.to_string()
    }

    /// The instants that belong to it, in microseconds since 1970 UTC.
    pub(super) fn window(self) -> Window {
        Window { start: days(self.from) * DAY, end: (days(self.to) + 1) * DAY }
    }

    pub(super) fn covers(self, other: Span) -> bool {
        self.from <= other.from && self.to >= other.to
    }

    /// The shortest span with both in it, and the days between.
    pub(super) fn hull(self, other: Span) -> Span {
        Span { from: self.from.min(other.from), to: self.to.max(other.to) }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {}", self.from, self.to)
    }
}

/// Instants from `start` on and before `end`, in microseconds since 1970 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) start: i64,
    pub(super) end: i64,
}

impl Window {
    pub(super) fn contains(&self, time: i64) -> bool {
        (self.start..self.end).contains(&time)
    }

    /// The days that it touches.
    pub(super) fn days(&self) -> (String, String) {
        (day_label(self.start), day_label(self.end - 1))
    }
}

/// `2016-03-04`.
pub(super) fn day_label(time: i64) -> String {
    stamp(time).date().to_string()
}

/// Reads what [`Interval::label`] wrote, in the years that bars can come from.
pub(super) fn read_label(text: &str) -> Option<i64> {
    let civil: jiff::civil::DateTime = text.strip_suffix('Z').unwrap_or(text).parse().ok()?;
    if !YEARS.contains(&civil.year()) {
        return None;
    }
    Some(TimeZone::UTC.to_timestamp(civil).ok()?.as_microsecond())
}

fn stamp(time: i64) -> jiff::civil::DateTime {
    let stamp = Timestamp::from_microsecond(time).expect("times of bars lie within the years that spans may have");
    TimeZone::UTC.to_datetime(stamp)
}

fn days(day: Date) -> i64 {
    day.duration_since(date(1970, 1, 1)).as_hours() / 24
}

/// First and last day that begin with the text.
fn bounds(text: &str) -> Result<(Date, Date), Error> {
    let parts: Vec<Option<i16>> = text.split('-').map(|part| part.parse().ok()).collect();
    let in_whole_parts = [4, 7, 10].contains(&text.len());
    let read = || match parts.as_slice() {
        _ if !in_whole_parts || !text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-') => None,
        [Some(year)] => Some((Date::new(*year, 1, 1).ok()?, Date::new(*year, 12, 31).ok()?)),
        [Some(year), Some(month)] => {
            let first = Date::new(*year, i8::try_from(*month).ok()?, 1).ok()?;
            Some((first, first.last_of_month()))
        }
        [Some(year), Some(month), Some(day)] => {
            let day = Date::new(*year, i8::try_from(*month).ok()?, i8::try_from(*day).ok()?).ok()?;
            Some((day, day))
        }
        _ => None,
    };
    read().filter(|(first, _)| YEARS.contains(&first.year())).ok_or_else(|| {
        let problem =
            format!("is no date from {} to {}; write 2016-03-04, 2016-03 or 2016", YEARS.start(), YEARS.end());
        Error::unusable(format!("`{}`", excerpt(text)), problem)
    })
}

/// How long a bar is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interval {
    count: u16,
    unit: Unit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
}

impl Interval {
    /// One bar a day.
    pub const DAILY: Self = Self { count: 1, unit: Unit::Day };

    /// Whether bars have a time of day.
    pub(super) fn is_intraday(self) -> bool {
        matches!(self.unit, Unit::Second | Unit::Minute | Unit::Hour)
    }

    /// Microseconds that no bar is shorter than.
    pub(super) fn shortest(self) -> i64 {
        let unit = match self.unit {
            Unit::Second => SECOND,
            Unit::Minute => 60 * SECOND,
            Unit::Hour => 3600 * SECOND,
            Unit::Day => DAY,
            Unit::Week => 7 * DAY,
            Unit::Month => 28 * DAY,
        };
        i64::from(self.count) * unit
    }

    /// When a bar that opens at `time` is over.
    pub(super) fn end(self, time: i64) -> i64 {
        if self.unit != Unit::Month {
            return time + self.shortest();
        }
        let open = stamp(time).date();
        let months = i32::from(open.year()) * 12 + i32::from(open.month()) - 1 + i32::from(self.count);
        let next = Date::new((months / 12) as i16, (months % 12 + 1) as i8, 1).expect("years of bars are small");
        days(next) * DAY
    }

    /// How a time stands in a file: a date for bars of days, else with the time of day in UTC.
    pub(super) fn label(self, time: i64) -> String {
        if self.is_intraday() { format!("{}Z", stamp(time)) } else { day_label(time) }
    }
}

impl FromStr for Interval {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let unit = match &text[digits..] {
            "s" => Some(Unit::Second),
            "m" => Some(Unit::Minute),
            "h" => Some(Unit::Hour),
            "d" => Some(Unit::Day),
            "w" | "wk" => Some(Unit::Week),
            "mo" => Some(Unit::Month),
            _ => None,
        };
        let count = text[..digits].parse().ok().filter(|count| (1..=90).contains(count));
        if let (Some(count), Some(unit)) = (count, unit) {
            return Ok(Self { count, unit });
        }
        let problem = "is no interval; write 1m, 15m, 1h, 1d, 1w or 1mo (m are minutes, mo months)";
        Err(Error::unusable(format!("`{}`", excerpt(text)), problem))
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.unit {
            Unit::Second => "s",
            Unit::Minute => "m",
            Unit::Hour => "h",
            Unit::Day => "d",
            Unit::Week => "w",
            Unit::Month => "mo",
        };
        write!(f, "{}{unit}", self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(from: &str, to: &str, expected: &str) {
        let found = Span::parse(from, to).map_or_else(|error| error.to_string(), |span| span.to_string());
        assert!(found.contains(expected), "{from} {to}: {found}");
    }

    #[test]
    fn spans_are_read_like_those_of_a_backtest() {
        check("2016", "2016", "2016-01-01 to 2016-12-31");
        check("2016-02", "2016-02", "2016-02-01 to 2016-02-29");
        check("2016-03-04", "2016-03-04", "2016-03-04 to 2016-03-04");
        check("2017", "2016-12", "the first day lies behind the last");
        for text in ["", "20", "2016-3-4", "2016-13", "2016-02-30", "yesterday", "0016", "2016-03-0é", "+016", "1600"]
        {
            check(text, "2020", "is no date from 1700 to 2200");
        }
    }

    #[test]
    fn bars_end_where_the_next_one_opens() {
        let check = |interval: &str, open: &str, expected: &str| {
            let interval: Interval = interval.parse().unwrap();
            let open = read_label(open).unwrap();
            assert_eq!(interval.label(interval.end(open)), expected);
            assert!(interval.end(open) - open >= interval.shortest());
        };
        check("1mo", "2019-12-01", "2020-01-01");
        check("3mo", "2019-11-01", "2020-02-01");
        check("1w", "2020-02-24", "2020-03-02");
        check("15m", "2020-02-28T23:45:00Z", "2020-02-29T00:00:00Z");
    }

    #[test]
    fn intervals_are_spelt_in_one_way() {
        for text in ["1s", "1m", "90m", "1h", "1d", "1w", "1mo"] {
            assert_eq!(text.parse::<Interval>().unwrap().to_string(), text);
        }
        for text in ["", "d", "1", "1M", "0d", "1 d", "-1d", "1day", "1000m", "1é"] {
            assert!(text.parse::<Interval>().unwrap_err().to_string().contains("is no interval"), "{text}");
        }
    }
}
