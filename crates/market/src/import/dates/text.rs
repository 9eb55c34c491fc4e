//! One date or time in text: what it says.

use jiff::civil::Date;

use super::{DAY, SECOND, days};

/// Which of the first two parts of 02/08/2013 is the day.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Order {
    DayFirst,
    MonthFirst,
    Unknown,
}

/// The first two parts of 02/08/2013, 2.8.2013 or 02-08-2013.
pub(super) fn leading_pair(cell: &[u8]) -> Option<(i64, i64)> {
    let mut parts = cell.splitn(3, |b| matches!(b, b'/' | b'.' | b'-'));
    let (a, b, rest) = (parts.next()?, parts.next()?, parts.next()?);
    let year = rest.get(..4)?;
    let fits = (1..=2).contains(&a.len()) && (1..=2).contains(&b.len()) && digits(year).is_some();
    if fits { Some((digits(a)?, digits(b)?)) } else { None }
}

/// A local time, and its offset from UTC in microseconds where one was given.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Stamp {
    pub(super) micros: i64,
    pub(super) offset: Option<i64>,
}

pub(super) fn parse(cell: &[u8], order: Order) -> Result<Stamp, &'static str> {
    const NO_DATE: &str = "is no date";
    let (year, month, day, rest) = if let Some((a, b)) = leading_pair(cell) {
        let (month, day) = if order == Order::DayFirst { (b, a) } else { (a, b) };
        let parts = cell.iter().enumerate().filter(|(_, b)| matches!(b, b'/' | b'.' | b'-'));
        let year_at = parts.map(|(index, _)| index + 1).nth(1).ok_or(NO_DATE)?;
        (digits(&cell[year_at..year_at + 4]).ok_or(NO_DATE)?, month, day, &cell[year_at + 4..])
    } else if cell.len() >= 8 && cell[..8].iter().all(u8::is_ascii_digit) {
        let number = digits(&cell[..8]).ok_or(NO_DATE)?;
        (number / 10_000, number / 100 % 100, number % 100, &cell[8..])
    } else {
        let year = cell.get(..4).and_then(digits).ok_or(NO_DATE)?;
        let separator = *cell.get(4).filter(|b| matches!(b, b'-' | b'/' | b'.')).ok_or(NO_DATE)?;
        let mut rest = &cell[5..];
        let month = leading_number(&mut rest).ok_or(NO_DATE)?;
        rest = rest.strip_prefix(&[separator]).ok_or(NO_DATE)?;
        let day = leading_number(&mut rest).ok_or(NO_DATE)?;
        (year, month, day, rest)
    };
    let date = Date::new(year as i16, month as i8, day as i8).map_err(|_| "is an impossible date")?;
    let start = days(date) * DAY;
    if rest.is_empty() {
        return Ok(Stamp { micros: start, offset: None });
    }
    let rest = rest.strip_prefix(b"T").or_else(|| rest.strip_prefix(b" ")).ok_or(NO_DATE)?;
    let (clock, offset) = split_offset(rest.trim_ascii())?;
    Ok(Stamp { micros: start + time_of_day(clock)?, offset })
}

/// Takes the zone off the end: `2020-01-06T09:30:00-05:00[America/New_York]`.
pub(super) fn split_zone(cell: &[u8]) -> (&[u8], Option<&[u8]>) {
    let inner = cell.strip_suffix(b"]").and_then(|cell| {
        let at = cell.iter().rposition(|&b| b == b'[')?;
        Some((&cell[..at], &cell[at + 1..]))
    });
    // Without an offset the time would not be an instant.
    match inner {
        Some((clock, zone)) if matches!(split_offset(clock), Ok((_, Some(_)))) => (clock, Some(zone)),
        _ => (cell, None),
    }
}

/// `09:30`, `09:30:00.123456` or `093000` as microseconds since midnight.
pub(super) fn time_of_day(clock: &[u8]) -> Result<i64, &'static str> {
    const NO_TIME: &str = "has a time of day that is none";
    let (whole, fraction) = match clock.iter().position(|&b| b == b'.') {
        Some(dot) => (&clock[..dot], &clock[dot + 1..]),
        None => (clock, &b""[..]),
    };
    let parts: Vec<&[u8]> =
        if whole.contains(&b':') { whole.split(|&b| b == b':').collect() } else { whole.chunks(2).collect() };
    if !(2..=3).contains(&parts.len()) || parts.iter().any(|part| !(1..=2).contains(&part.len())) {
        return Err(NO_TIME);
    }
    let mut fields = [0; 3];
    for (field, part) in fields.iter_mut().zip(&parts) {
        *field = digits(part).ok_or(NO_TIME)?;
    }
    let [hour, minute, second] = fields;
    if hour > 23 || minute > 59 || second > 59 || fraction.len() > 9 || (parts.len() == 2 && !fraction.is_empty()) {
        return Err(NO_TIME);
    }
    let kept = &fraction[..fraction.len().min(6)];
    let micros = if kept.is_empty() { 0 } else { digits(kept).ok_or(NO_TIME)? * 10_i64.pow(6 - kept.len() as u32) };
    Ok(((hour * 60 + minute) * 60 + second) * SECOND + micros)
}

/// Takes `Z`, `+05:30`, `-0500` or `+05` off the end.
fn split_offset(clock: &[u8]) -> Result<(&[u8], Option<i64>), &'static str> {
    const NO_OFFSET: &str = "has a UTC offset that is none";
    if let Some(clock) = clock.strip_suffix(b"Z") {
        return Ok((clock, Some(0)));
    }
    let Some(at) = clock.iter().rposition(|b| matches!(b, b'+' | b'-')) else {
        return Ok((clock, None));
    };
    let text: Vec<u8> = clock[at + 1..].iter().copied().filter(|&b| b != b':').collect();
    let number = digits(&text).ok_or(NO_OFFSET)?;
    let (hours, minutes) = match text.len() {
        2 => (number, 0),
        4 => (number / 100, number % 100),
        _ => return Err(NO_OFFSET),
    };
    if hours > 14 || minutes > 59 {
        return Err(NO_OFFSET);
    }
    let sign = if clock[at] == b'-' { -1 } else { 1 };
    Ok((clock[..at].trim_ascii(), Some(sign * (hours * 60 + minutes) * 60 * SECOND)))
}

pub(super) fn digits(text: &[u8]) -> Option<i64> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    text.iter().try_fold(0_i64, |number, &digit| number.checked_mul(10)?.checked_add(i64::from(digit - b'0')))
}

/// Takes one or two digits off the front.
fn leading_number(text: &mut &[u8]) -> Option<i64> {
    let length = text.iter().take(2).take_while(|b| b.is_ascii_digit()).count();
    let number = digits(&text[..length])?;
    *text = &text[length..];
    Some(number)
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::super::label;
    use super::*;

    proptest::proptest! {
        /// One date and time in every spelling is one instant.
        #[test]
        fn spellings_agree(day in -98_615..84_371_i64, second in 0..86_400_i64) {
            let micros = day * DAY + second * SECOND;
            let civil = TimeZone::UTC.to_datetime(jiff::Timestamp::from_microsecond(micros).unwrap());
            for format in [
                "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S.000", "%Y/%m/%d %H:%M:%SZ", "%Y%m%d %H%M%S", "%d.%m.%Y %H:%M:%S",
            ] {
                let text = civil.strftime(format).to_string();
                let stamp = parse(text.as_bytes(), Order::DayFirst).unwrap();
                assert_eq!(stamp.micros, micros, "{text}");
            }
            let text = civil.strftime("%m/%d/%Y").to_string();
            assert_eq!(parse(text.as_bytes(), Order::MonthFirst).unwrap().micros, day * DAY, "{text}");
        }

        /// Whatever bytes come, there is an answer, and a date that comes out is spelt by what went in.
        #[test]
        fn no_text_breaks_the_reader(text in "[0-9TZ :./+-]{0,30}") {
            for order in [Order::DayFirst, Order::MonthFirst, Order::Unknown] {
                if let Ok(stamp) = parse(text.as_bytes(), order) {
                    let year = label(stamp.micros, None)[..4].to_owned();
                    assert!(text.contains(&year), "{text} gave {}", label(stamp.micros, None));
                }
            }
        }
    }
}
