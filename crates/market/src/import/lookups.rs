//! Tables beside the bars: labels of symbols, and who belonged to the universe when.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::ImportOptions;
use super::columns;
use super::dates::read_times;
use super::dense::Dense;
use super::part::{NONE, read_symbols, with_table};
use super::raw::{MISSING, RawTable};
use super::values::{Column, number, read_labels};
use crate::error::{Error, excerpt};

/// Adds every column of a table of symbols as a group, on the cells for which there is a row.
pub(super) fn add_sectors(dense: &mut Dense, path: &Path, options: &ImportOptions) -> Result<(), Error> {
    let groups = with_table(path, options.max_bytes, |table| read_sectors(&table, dense))?;
    for group in &groups {
        if dense.columns.iter().any(|column| column.name == group.name) {
            let problem =
                format!("brings `{}`, which the bars have already; rename or remove one", excerpt(&group.name));
            return Err(Error::unusable(path.display().to_string(), problem));
        }
    }
    for Column { name, values, labels } in groups {
        let width = dense.symbols.len();
        let cells = dense.bars.len() * width;
        let code = |cell: usize| if dense.has_row(cell) { values[cell % width] } else { f64::NAN };
        let values = (0..cells).map(code).collect();
        dense.columns.push(Column { name, values, labels });
    }
    Ok(())
}

/// Per label column the code of every symbol of the panel, and the labels that are used.
fn read_sectors(table: &RawTable<'_>, dense: &Dense) -> Result<Vec<Column>, Error> {
    let (symbol, others) = columns::lookup(table)?;
    if others.is_empty() {
        return Err(table.unusable("has symbols, but no column of labels beside them"));
    }
    let rows = rows_of_symbols(table, symbol, dense)?;
    let read = |(index, name): (usize, String)| {
        if name.is_empty() {
            let problem =
                format!("column `{}` has no letter a-z in its name; rename it", excerpt(&table.columns[index].name));
            return Err(table.unusable(problem));
        }
        let (codes, names) = read_labels(table, index);
        let known = |row: &Option<usize>| row.map(|row| codes[row]).filter(|code| !code.is_nan());
        let mut used: BTreeMap<usize, f64> = rows.iter().filter_map(known).map(|code| (code as usize, 0.0)).collect();
        for (place, code) in used.values_mut().enumerate() {
            *code = place as f64;
        }
        let values = rows.iter().map(|row| known(row).map_or(f64::NAN, |code| used[&(code as usize)])).collect();
        // Labels that look like numbers would read back as numbers once the panel is written.
        let numbers = used.keys().any(|&code| number(names[code].as_bytes()).is_some());
        let label = |&code: &usize| if numbers { format!("{name} {}", names[code]) } else { names[code].clone() };
        let labels = used.keys().map(label).collect();
        Ok(Column { name, values, labels: Some(labels) })
    };
    others.into_iter().map(read).collect()
}

/// For every symbol of the panel its row in a table that may have one at most.
fn rows_of_symbols(table: &RawTable<'_>, column: usize, dense: &Dense) -> Result<Vec<Option<usize>>, Error> {
    let symbols = read_symbols(table, Some(column), "")?;
    let mut rows = vec![None; dense.symbols.len()];
    let mut strangers = 0;
    for (row, &code) in symbols.codes.iter().enumerate().filter(|(_, code)| **code != NONE) {
        let name = &symbols.names[code as usize];
        let Ok(place) = dense.symbols.binary_search(name) else {
            strangers += 1;
            continue;
        };
        if let Some(first) = rows[place].replace(row) {
            let problem = format!("stands in row {} already; give each symbol one row", table.row_number(first));
            return Err(table.cell_error(row, &table.columns[column].name, name, &problem));
        }
    }
    nobody_known(table, &rows)?;
    let without = rows.iter().filter(|row| row.is_none()).count();
    if strangers + without > 0 {
        tracing::warn!(file = %table.origin, "{without} symbols of the bars have no row; {strangers} rows name other symbols");
    }
    Ok(rows)
}

fn nobody_known<T>(table: &RawTable<'_>, found: &[Option<T>]) -> Result<(), Error> {
    if found.iter().any(Option::is_some) {
        return Ok(());
    }
    Err(table.unusable("names none of the symbols of the bars; spell them alike in both"))
}

/// Adds the field `universe`: 1 where the symbol belonged to it, else 0, on the cells for which there is a row.
pub(super) fn add_universe(dense: &mut Dense, path: &Path, options: &ImportOptions) -> Result<(), Error> {
    const NAME: &str = "universe";
    let origin = path.display().to_string();
    if dense.columns.iter().any(|column| column.name == NAME) {
        return Err(Error::unusable(origin, "names a universe, but the bars have a column `universe` already"));
    }
    let spans = with_table(path, options.max_bytes, |table| read_spans(&table, dense, options))?;
    let zone = match &dense.zone {
        None => TimeZone::UTC,
        Some(name) => TimeZone::get(name)
            .map_err(|_| Error::unusable(&dense.origin, format!("has times in the unknown time zone `{name}`")))?,
    };
    let width = dense.symbols.len();
    let mut values = vec![f64::NAN; dense.bars.len() * width];
    for (bar, &time) in dense.bars.iter().enumerate() {
        let day = Timestamp::from_microsecond(time).map_or(Date::MIN, |stamp| zone.to_datetime(stamp).date());
        for (symbol, spans) in spans.iter().enumerate() {
            let cell = bar * width + symbol;
            if dense.has_row(cell) {
                let member = spans.iter().flatten().any(|(from, to)| (*from..=*to).contains(&day));
                values[cell] = f64::from(u8::from(member));
            }
        }
    }
    dense.columns.push(Column { name: NAME.to_owned(), values, labels: None });
    Ok(())
}

type Spans = Vec<(Date, Date)>;

/// Per symbol of the panel the spans of days, both included, in which it belongs to the universe.
fn read_spans(table: &RawTable<'_>, dense: &Dense, options: &ImportOptions) -> Result<Vec<Option<Spans>>, Error> {
    let (symbol, others) = columns::lookup(table)?;
    let find = |names: &[&str]| others.iter().find(|(_, name)| names.contains(&name.as_str())).map(|(index, _)| *index);
    let from = find(&["from", "start", "start_date", "added", "date_added", "entry", "from_date"]);
    let to = find(&["to", "end", "end_date", "removed", "date_removed", "exit", "to_date", "thru"]);
    let Some(from) = from else {
        return Err(
            table.unusable("has no column `from`; it needs symbol, from and to, the first and last day of each")
        );
    };
    let days = |index: usize| read_times(table, index, None, &ImportOptions { time_zone: None, ..options.clone() });
    let first = days(from)?.micros;
    let last = to.map(days).transpose()?.map(|times| times.micros);
    let day = |micros: i64, default: Date| {
        if micros == MISSING {
            return default;
        }
        Timestamp::from_microsecond(micros).map_or(default, |stamp| TimeZone::UTC.to_datetime(stamp).date())
    };
    let symbols = read_symbols(table, Some(symbol), "")?;
    let mut spans: Vec<Option<Spans>> = vec![None; dense.symbols.len()];
    for (row, &code) in symbols.codes.iter().enumerate().filter(|(_, code)| **code != NONE) {
        let name = &symbols.names[code as usize];
        let start = day(first[row], Date::MIN);
        let end = last.as_ref().map_or(Date::MAX, |last| day(last[row], Date::MAX));
        if start > end {
            let column = &table.columns[to.unwrap_or(from)].name;
            return Err(table.cell_error(
                row,
                column,
                &end.to_string(),
                &format!("lies before {start}, when it begins"),
            ));
        }
        if let Ok(place) = dense.symbols.binary_search(name) {
            spans[place].get_or_insert_default().push((start, end));
        }
    }
    nobody_known(table, &spans)?;
    Ok(spans)
}
