//! When a market is open.

use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::Weekday;
use jiff::tz::TimeZone;

use super::part::Part;
use super::raw::MISSING;
use crate::error::Error;

const MINUTE: i64 = 60_000_000;
const MINUTES: u16 = 24 * 60;
const WEEK: [(&str, Weekday); 7] = [
    ("mon", Weekday::Monday),
    ("tue", Weekday::Tuesday),
    ("wed", Weekday::Wednesday),
    ("thu", Weekday::Thursday),
    ("fri", Weekday::Friday),
    ("sat", Weekday::Saturday),
    ("sun", Weekday::Sunday),
];

/// Hours of trading: `09:30-16:00`, or with days `mon-fri 09:30-16:00`; `18:00-17:00` goes over midnight. A bar belongs
/// to it when its time is not before the first and is before the second, so that bars named by their start count whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Session {
    /// First minute of the day.
    from: u16,
    /// The minute after the last one.
    to: u16,
    /// Open days, Monday first, by the day of the bar itself.
    days: [bool; 7],
}

impl FromStr for Session {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let problem = || format!("`{text}` is no session: write 09:30-16:00, or mon-fri 09:30-16:00");
        let (days, hours) = match text.trim().split_once(' ') {
            Some((days, hours)) => (Some(days), hours.trim()),
            None => (None, text.trim()),
        };
        let (from, to) = hours.split_once('-').ok_or_else(problem)?;
        let minute = |text: &str| {
            let (hour, minute) = text.split_once(':')?;
            let digits = |text: &str| text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
            let (hour, minute) = (digits(hour).then_some(hour)?, digits(minute).then_some(minute)?);
            let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
            (minute < 60 && hour * 60 + minute <= MINUTES).then_some(hour * 60 + minute)
        };
        let (from, to) = (minute(from).ok_or_else(problem)?, minute(to).ok_or_else(problem)?);
        if from == to || from == MINUTES {
            return Err(problem());
        }
        let place = |name: &str| WEEK.iter().position(|(day, _)| day.eq_ignore_ascii_case(name)).ok_or_else(problem);
        let mut open = [days.is_none(); 7];
        if let Some(days) = days {
            let (first, last) = days.split_once('-').unwrap_or((days, days));
            let (first, last) = (place(first)?, place(last)?);
            for step in 0..=(last + 7 - first) % 7 {
                open[(first + step) % 7] = true;
            }
        }
        Ok(Self { from, to, days: open })
    }
}

impl std::fmt::Display for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.days != [true; 7] {
            let open = WEEK.iter().zip(self.days).filter(|(_, open)| *open).map(|((name, _), _)| *name);
            write!(f, "{} ", open.collect::<Vec<_>>().join(","))?;
        }
        let clock = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
        write!(f, "{}-{}", clock(self.from), clock(self.to))
    }
}

/// A session in the zone of the bars.
pub(super) struct Clock {
    session: Option<Session>,
    zone: TimeZone,
}

impl Clock {
    pub(super) fn new(
        origin: &str,
        session: Option<&Session>,
        zone: Option<&str>,
        parts: &[Part],
    ) -> Result<Self, Error> {
        const DAY: i64 = 24 * 60 * MINUTE;
        let times = || parts.iter().flat_map(|part| &part.rows.times.micros).filter(|time| **time != MISSING);
        if session.is_some() && zone.is_none() && times().all(|time| time % DAY == 0) {
            let problem = "holds dates without times of day, which no session can divide; leave the session out";
            return Err(Error::unusable(origin, problem));
        }
        let zone = match zone {
            None => TimeZone::UTC,
            Some(name) => TimeZone::get(name)
                .map_err(|_| Error::unusable(origin, format!("has times in the unknown time zone `{name}`")))?,
        };
        Ok(Self { session: session.copied(), zone })
    }

    /// The zone of the bars.
    pub(super) fn zone(&self) -> &TimeZone {
        &self.zone
    }

    pub(super) fn is_limited(&self) -> bool {
        self.session.is_some()
    }

    /// Whether a bar of this time counts.
    pub(super) fn is_open(&self, time: i64) -> bool {
        let Some(session) = self.session else { return true };
        let Ok(stamp) = Timestamp::from_microsecond(time) else { return false };
        let civil = self.zone.to_datetime(stamp);
        let minute = civil.hour() as u16 * 60 + civil.minute() as u16;
        let within = if session.from < session.to {
            (session.from..session.to).contains(&minute)
        } else {
            minute >= session.from || minute < session.to
        };
        within && session.days[civil.weekday().to_monday_zero_offset() as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_are_read_and_printed() {
        let check = |text: &str, expected: Option<&str>| {
            let found: Option<String> = text.parse().ok().map(|session: Session| session.to_string());
            assert_eq!(found.as_deref(), expected, "{text}");
        };
        check("09:30-16:00", Some("09:30-16:00"));
        check(" 18:00-17:00 ", Some("18:00-17:00"));
        check("00:00-24:00", Some("00:00-24:00"));
        check("Mon-Fri 09:30-16:00", Some("mon,tue,wed,thu,fri 09:30-16:00"));
        check("sun-thu 10:00-17:00", Some("mon,tue,wed,thu,sun 10:00-17:00"));
        check("sat 10:00-17:00", Some("sat 10:00-17:00"));
        for text in
            ["", "09:30", "9:30-16:00", "09:30-16:60", "09:30-24:01", "09:30-09:30", "24:00-09:30", "x 09:30-16:00"]
        {
            check(text, None);
        }
    }

    #[test]
    fn bars_belong_to_the_session_of_their_zone() {
        let check = |session: &str, zone: &str, time: &str, open: bool| {
            let clock = Clock { session: Some(session.parse().unwrap()), zone: TimeZone::get(zone).unwrap() };
            let stamp: Timestamp = time.parse().unwrap();
            assert_eq!(clock.is_open(stamp.as_microsecond()), open, "{session} {zone} {time}");
        };
        let new_york = |time: &str, open: bool| check("09:30-16:00", "America/New_York", time, open);
        new_york("2020-01-06T14:29:00Z", false);
        new_york("2020-01-06T14:30:00Z", true);
        new_york("2020-01-06T20:59:00Z", true);
        new_york("2020-01-06T21:00:00Z", false);
        // In summer the same hours are an hour earlier.
        new_york("2020-07-06T13:30:00Z", true);
        new_york("2020-07-06T20:00:00Z", false);
        check("18:00-17:00", "UTC", "2020-01-06T17:30:00Z", false);
        check("18:00-17:00", "UTC", "2020-01-06T03:00:00Z", true);
        check("mon-fri 00:00-24:00", "UTC", "2020-01-04T03:00:00Z", false);
        check("mon-fri 00:00-24:00", "UTC", "2020-01-06T03:00:00Z", true);
    }
}
