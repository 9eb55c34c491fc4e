//! Dates and times, from text, integers and typed columns, to microseconds since 1970-01-01T00:00 UTC.

mod text;

use jiff::civil::Date;
use jiff::tz::TimeZone;

use self::text::{Order, Stamp, digits, leading_pair, parse, split_zone, time_of_day};
use super::ImportOptions;
use super::raw::{Cells, MISSING, RawTable, TextCells, TimeCells, is_missing};
use crate::error::{Error, excerpt};

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;
/// Years that a bar can come from; outside them, a date is a mistake.
const YEARS: std::ops::RangeInclusive<i16> = 1700..=2200;
const HOW: &str = "write dates as 2013-02-08 and times as 2013-02-08T09:30:00";

/// The times of all rows.
#[derive(Debug, PartialEq)]
pub(super) struct Times {
    /// [`MISSING`] where the row has none.
    pub(super) micros: Vec<i64>,
    /// Zone in which days begin; `None` is UTC.
    pub(super) zone: Option<String>,
}

/// What the times of a column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Read off a clock in a place that nobody named, or dates.
    Local,
    /// Instants, the same everywhere.
    Instant,
}

/// Reads the date column, and the time-of-day column where there is one.
pub(super) fn read_times(
    table: &RawTable<'_>,
    date: usize,
    time_of_day: Option<usize>,
    options: &ImportOptions,
) -> Result<Times, Error> {
    let column = &table.columns[date];
    let name = column.name.as_str();
    let (mut times, mut kind) = match &column.cells {
        Cells::Time(cells) => from_typed(table, name, cells)?,
        Cells::Integer(cells) => from_integers(table, name, cells)?,
        Cells::Text(cells) => match integers(cells, table.rows) {
            Some(integers) => from_integers(table, name, &integers)?,
            None => from_text(table, name, cells, options)?,
        },
        Cells::Number(_) => {
            return Err(table.unusable(format!("column `{name}` holds decimal numbers, no dates; {HOW}")));
        }
    };
    if let Some(index) = time_of_day {
        add_time_of_day(table, index, &mut times)?;
        kind = Kind::Local;
    }
    let (earliest, latest) = (year_start(*YEARS.start()), year_start(*YEARS.end() + 1));
    if let Some(row) = times.micros.iter().position(|&t| t != MISSING && !(earliest..latest).contains(&t)) {
        let problem = format!("lies outside the years {} to {}; {HOW}", YEARS.start(), YEARS.end());
        return Err(table.cell_error(row, name, &show(table, date, row), &problem));
    }
    match &options.time_zone {
        Some(zone) => into_zone(table, times, kind, zone),
        None => Ok(times),
    }
}

/// Times in the zone asked for: a clock's are read in it, instants are shown in it. Dates have no zone, nor have instants
/// that are all midnights, there or in UTC, as daily bars are.
fn into_zone(table: &RawTable<'_>, times: Times, kind: Kind, name: &str) -> Result<Times, Error> {
    let zone = TimeZone::get(name).map_err(|_| {
        table.unusable(format!("cannot be read in the unknown time zone `{name}`; write it as America/New_York"))
    })?;
    if times.zone.is_none() && times.micros.iter().all(|&time| time == MISSING || time % DAY == 0) {
        return Ok(times);
    }
    let Times { mut micros, zone: labelled } = times;
    if kind == Kind::Local && labelled.is_none() {
        for time in micros.iter_mut().filter(|time| **time != MISSING) {
            let stamp = jiff::Timestamp::from_microsecond(*time).ok();
            let civil = stamp.map(|stamp| TimeZone::UTC.to_datetime(stamp));
            // Where clocks are set back, the first of two equal hours is meant, and where they skip one, the one after.
            let instant = civil.and_then(|civil| zone.to_ambiguous_timestamp(civil).compatible().ok());
            *time = instant.map_or(MISSING, jiff::Timestamp::as_microsecond);
        }
    }
    Ok(dates_or_times(micros, &zone, name))
}

/// Instants whose every one is midnight in the zone are dates; else they keep the zone.
fn dates_or_times(micros: Vec<i64>, zone: &TimeZone, name: &str) -> Times {
    let mut dates = Vec::with_capacity(micros.len());
    let mut previous = (MISSING, MISSING);
    for &time in &micros {
        if time == MISSING {
            dates.push(MISSING);
            continue;
        }
        if time != previous.0 {
            let Ok(stamp) = jiff::Timestamp::from_microsecond(time) else { return Times { micros, zone: None } };
            let civil = zone.to_datetime(stamp);
            if civil.time() != jiff::civil::Time::midnight() {
                return Times { micros, zone: Some(name.to_owned()) };
            }
            previous = (time, days(civil.date()) * DAY);
        }
        dates.push(previous.1);
    }
    Times { micros: dates, zone: None }
}

/// How a time stands in messages, in UTC or the zone named: `2013-02-08`, or with the time of day where it is not midnight.
pub(super) fn label(micros: i64, zone: Option<&TimeZone>) -> String {
    match jiff::Timestamp::from_microsecond(micros) {
        Ok(stamp) => {
            let civil = zone.unwrap_or(&TimeZone::UTC).to_datetime(stamp);
            if civil.time() == jiff::civil::Time::midnight() { civil.date().to_string() } else { civil.to_string() }
        }
        Err(_) => format!("{micros} microseconds"),
    }
}

fn show(table: &RawTable<'_>, column: usize, row: usize) -> String {
    match &table.columns[column].cells {
        Cells::Text(cells) => cells.text(row),
        Cells::Integer(cells) => cells[row].to_string(),
        Cells::Number(cells) => cells[row].to_string(),
        Cells::Time(cells) => label(cells.micros[row], None),
    }
}

/// Typed times. A zoned column whose every time is local midnight holds dates.
fn from_typed(table: &RawTable<'_>, name: &str, cells: &TimeCells) -> Result<(Times, Kind), Error> {
    let utc = |kind| Ok((Times { micros: cells.micros.clone(), zone: None }, kind));
    match cells.zone.as_deref() {
        None => utc(Kind::Local),
        Some("UTC") => utc(Kind::Instant),
        Some(zone_name) => {
            let zone = TimeZone::get(zone_name).map_err(|_| {
                table.unusable(format!("column `{name}` has the unknown time zone `{zone_name}`; convert it to UTC"))
            })?;
            Ok((dates_or_times(cells.micros.clone(), &zone, zone_name), Kind::Instant))
        }
    }
}

/// The cells as integers when the first that is not missing is all digits.
fn integers(cells: &TextCells<'_>, rows: usize) -> Option<Vec<i64>> {
    let first = (0..rows).map(|row| cells.get(row)).find(|cell| !is_missing(cell))?;
    if !first.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let parse = |cell: &[u8]| if is_missing(cell) { Some(MISSING) } else { digits(cell) };
    (0..rows).map(|row| parse(cells.get(row))).collect()
}

/// Integers are dates (20130208) when every one reads as such, and epoch times when every one lies between 1980 and
/// 2100 in one and the same unit; the ranges of seconds, milli-, micro- and nanoseconds do not overlap.
fn from_integers(table: &RawTable<'_>, name: &str, cells: &[i64]) -> Result<(Times, Kind), Error> {
    const UNITS: [(i64, i64); 4] = [(SECOND, 1), (1_000, 1), (1, 1), (1, 1_000)];
    let times = |micros: Vec<i64>, kind| (Times { micros, zone: None }, kind);
    let Some(&first) = cells.iter().find(|&&cell| cell != MISSING) else {
        return Ok(times(cells.to_vec(), Kind::Local));
    };
    if (10_000_000..100_000_000).contains(&first) {
        let read = |(row, &cell): (usize, &i64)| {
            if cell == MISSING {
                return Ok(MISSING);
            }
            compact(cell).map(|date| days(date) * DAY).ok_or_else(|| {
                table.cell_error(row, name, &cell.to_string(), &format!("is no date of the form 20130208; {HOW}"))
            })
        };
        return Ok(times(cells.iter().enumerate().map(read).collect::<Result<_, _>>()?, Kind::Local));
    }
    let range = year_start(1980)..year_start(2100);
    let convert = |cell: i64, (times, over): (i64, i64)| {
        cell.checked_mul(times).map(|micros| micros.div_euclid(over)).filter(|micros| range.contains(micros))
    };
    let ambiguous = "is a number that is no date: 20130208, or seconds, milli-, micro- or nanoseconds since 1970 in one \
                     unit throughout";
    let refuse = |row: usize| table.cell_error(row, name, &cells[row].to_string(), &format!("{ambiguous}; {HOW}"));
    let start = cells.iter().position(|&cell| cell != MISSING).unwrap_or(0);
    let unit = UNITS.into_iter().find(|&unit| convert(first, unit).is_some()).ok_or_else(|| refuse(start))?;
    let read = |(row, &cell): (usize, &i64)| {
        if cell == MISSING { Ok(MISSING) } else { convert(cell, unit).ok_or_else(|| refuse(row)) }
    };
    Ok(times(cells.iter().enumerate().map(read).collect::<Result<_, _>>()?, Kind::Instant))
}

fn from_text(
    table: &RawTable<'_>,
    name: &str,
    cells: &TextCells<'_>,
    options: &ImportOptions,
) -> Result<(Times, Kind), Error> {
    let order = order(table, name, cells, options)?;
    let mut local = Vec::with_capacity(table.rows);
    let mut offsets = Vec::with_capacity(table.rows);
    let mut first: Option<bool> = None;
    let mut zone: Option<&[u8]> = None;
    // Rows of one day follow each other in most files, so the last text read is remembered.
    let mut previous: (&[u8], Stamp) = (b"", Stamp { micros: MISSING, offset: None });
    for row in 0..table.rows {
        let cell = cells.get(row);
        if is_missing(cell) {
            local.push(MISSING);
            offsets.push(0);
            continue;
        }
        if cell != previous.0 {
            let (clock, place) = split_zone(cell);
            if first.is_some() && place != zone {
                let problem = "names another time zone than the rows before it; give all times one zone";
                return Err(table.cell_error(row, name, &cells.text(row), problem));
            }
            zone = place;
            let stamp = parse(clock, order)
                .map_err(|problem| table.cell_error(row, name, &cells.text(row), &format!("{problem}; {HOW}")))?;
            previous = (cell, stamp);
        }
        let stamp = previous.1;
        let zoned = stamp.offset.is_some();
        if *first.get_or_insert(zoned) != zoned {
            let problem = if zoned { "has a UTC offset, but rows before it have none" } else { "has no UTC offset" };
            let problem = format!("{problem}; give all times one or none");
            return Err(table.cell_error(row, name, &cells.text(row), &problem));
        }
        local.push(stamp.micros);
        offsets.push(stamp.offset.unwrap_or(0));
    }
    // Daily bars are often written as local midnights (00:00:00-05:00): those are dates, whatever the offset.
    let dates = local.iter().all(|&micros| micros == MISSING || micros % DAY == 0);
    let kind = if first == Some(true) && !dates { Kind::Instant } else { Kind::Local };
    if !dates {
        for (micros, offset) in local.iter_mut().zip(offsets) {
            if *micros != MISSING {
                *micros -= offset;
            }
        }
    }
    let Some(zone) = zone.filter(|_| !dates) else {
        return Ok((Times { micros: local, zone: None }, kind));
    };
    let zone = String::from_utf8_lossy(zone);
    let known = TimeZone::get(&zone).map_err(|_| {
        table.unusable(format!("column `{name}` has the unknown time zone `{}`; convert it to UTC", excerpt(&zone)))
    })?;
    Ok((dates_or_times(local, &known, &zone), kind))
}

/// Day and month order is what the option says, or what some row proves with a part above 12, else refused.
fn order(table: &RawTable<'_>, name: &str, cells: &TextCells<'_>, options: &ImportOptions) -> Result<Order, Error> {
    if let Some(day_first) = options.day_first {
        return Ok(if day_first { Order::DayFirst } else { Order::MonthFirst });
    }
    let mut shaped = None;
    let (mut day_first, mut month_first) = (None, None);
    for row in 0..table.rows {
        let Some((a, b)) = leading_pair(cells.get(row)) else { continue };
        shaped = shaped.or(Some(row));
        if a > 12 {
            day_first = day_first.or(Some(row));
        }
        if b > 12 {
            month_first = month_first.or(Some(row));
        }
    }
    let refuse = |row: usize, problem: &str| Err(table.cell_error(row, name, &cells.text(row), problem));
    match (shaped, day_first, month_first) {
        (None, ..) => Ok(Order::Unknown),
        (_, Some(_), None) => Ok(Order::DayFirst),
        (_, None, Some(_)) => Ok(Order::MonthFirst),
        (_, Some(day), Some(month)) => {
            let problem = format!(
                "puts the {} first, but row {} does the opposite; {HOW}",
                if day > month { "day" } else { "month" },
                table.row_number(day.min(month)),
            );
            refuse(day.max(month), &problem)
        }
        (Some(row), None, None) => {
            refuse(row, &format!("may put the day or the month first, and no row of the file settles it; {HOW}"))
        }
    }
}

/// Adds a time-of-day column: `093000`, `09:30`, or an integer such as 93000.
fn add_time_of_day(table: &RawTable<'_>, index: usize, times: &mut Times) -> Result<(), Error> {
    let column = &table.columns[index];
    let refuse = |row: usize, value: &str, problem: &str| {
        table.cell_error(row, &column.name, value, &format!("{problem}; write it as 09:30:00"))
    };
    for row in 0..table.rows {
        if times.micros[row] == MISSING {
            continue;
        }
        let text = match &column.cells {
            Cells::Text(cells) => cells.text(row),
            Cells::Integer(cells) if (0..=235_959).contains(&cells[row]) => format!("{:06}", cells[row]),
            _ => return Err(refuse(row, &show(table, index, row), "is no time of day")),
        };
        if is_missing(text.as_bytes()) {
            times.micros[row] = MISSING;
            continue;
        }
        let text = if text.len() == 5 && !text.contains(':') { format!("0{text}") } else { text };
        let micros = time_of_day(text.as_bytes()).map_err(|problem| refuse(row, &text, problem))?;
        times.micros[row] += micros;
    }
    Ok(())
}

fn compact(number: i64) -> Option<Date> {
    Date::new((number / 10_000) as i16, (number / 100 % 100) as i8, (number % 100) as i8).ok()
}

fn days(date: Date) -> i64 {
    const EPOCH: Date = jiff::civil::date(1970, 1, 1);
    date.duration_since(EPOCH).as_hours() / 24
}

fn year_start(year: i16) -> i64 {
    days(jiff::civil::date(year, 1, 1)) * DAY
}

#[cfg(test)]
mod tests {
    use super::super::raw::RawColumn;
    use super::*;

    fn check(cells: &[&str], expected: Result<&[&str], &str>) {
        let table = RawTable {
            origin: "f".to_owned(),
            rows: cells.len(),
            lines: None,
            columns: vec![RawColumn {
                name: "date".to_owned(),
                cells: Cells::Text(TextCells::Borrowed(cells.to_vec())),
            }],
            ignored: Vec::new(),
        };
        let found = read_times(&table, 0, None, &ImportOptions::default());
        match (found, expected) {
            (Ok(times), Ok(labels)) => {
                let show = |t: &i64| if *t == MISSING { String::new() } else { label(*t, None) };
                assert_eq!(times.micros.iter().map(show).collect::<Vec<_>>(), labels, "{cells:?}");
            }
            (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{cells:?}: {error}"),
            (found, expected) => panic!("{cells:?}: {found:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn reads_dates_of_every_accepted_spelling() {
        check(&["2013-02-08", "", "2013/2/9", "2016.02.29"], Ok(&["2013-02-08", "", "2013-02-09", "2016-02-29"]));
        check(&["20130208", "20130211"], Ok(&["2013-02-08", "2013-02-11"]));
        check(&["13/02/2013", "02/03/2013"], Ok(&["2013-02-13", "2013-03-02"]));
        check(&["02/03/2013", "02/13/2013"], Ok(&["2013-02-03", "2013-02-13"]));
        check(&["1.2.2013", "31.1.2013"], Ok(&["2013-02-01", "2013-01-31"]));
        check(&["2013-02-08T09:30", "2013-02-08 09:30:00.25"], Ok(&["2013-02-08T09:30:00", "2013-02-08T09:30:00.25"]));
        check(&["20130208 093000"], Ok(&["2013-02-08T09:30:00"]));
        check(
            &["2013-02-08T09:30:00-05:00", "2013-07-08T09:30:00-0400"],
            Ok(&["2013-02-08T14:30:00", "2013-07-08T13:30:00"]),
        );
        check(&["2013-02-08 00:00:00+08:00", "2013-02-09T00:00:00Z"], Ok(&["2013-02-08", "2013-02-09"]));
        check(&["1360281600", "1360368000"], Ok(&["2013-02-08", "2013-02-09"]));
        check(&["1360315800000"], Ok(&["2013-02-08T09:30:00"]));
        check(&["1360315800000000"], Ok(&["2013-02-08T09:30:00"]));
        check(&["1360315800000000000"], Ok(&["2013-02-08T09:30:00"]));
        check(&["13603158000000000000"], Err("is an impossible date"));
    }

    #[test]
    fn refuses_dates_that_are_none_or_may_be_two() {
        check(&["2013-02-08", "2013-02-31"], Err("f, row 3, column `date`: `2013-02-31` is an impossible date"));
        check(&["20130231"], Err("is no date of the form 20130208"));
        check(&["2013-13-01"], Err("impossible date"));
        check(&["02/08/2013", "03/08/2013"], Err("may put the day or the month first"));
        check(&["13/08/2013", "03/18/2013"], Err("row 3, column `date`: `03/18/2013` puts the month first, but row 2"));
        check(&["2013-02-08", "2013-02-08T10:00:00Z"], Err("has a UTC offset, but rows before it have none"));
        check(&["2013-02-08T25:00:00"], Err("time of day"));
        check(&["2013-02-08T10:00:00+99:00"], Err("UTC offset"));
        check(&["12345"], Err("is a number that is no date"));
        check(&["1360281600", "1360368000000"], Err("row 3"));
        check(&["yesterday"], Err("is no date"));
        check(&["1013-02-08"], Err("outside the years"));
        check(&["08-Feb-2013"], Err("is no date"));
        check(&["13-02-08"], Err("is no date"));
    }
}
