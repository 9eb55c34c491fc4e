//! Parts laid out over one grid of bars and symbols, and where each cell came from.

use std::collections::HashMap;

use super::ImportOptions;
use super::dates;
use super::ledger::{Mention, Repairs, Rule};
use super::part::{Bars, NONE, Part, Rows, WideColumn};
use super::raw::MISSING;
use super::session::Clock;
use super::values::Column;
use crate::error::{Error, excerpt};

/// Every column over the grid, before the rules.
pub(super) struct Dense {
    /// The file, or the folder of files.
    pub(super) origin: String,
    pub(super) bars: Vec<i64>,
    pub(super) zone: Option<String>,
    /// Sorted names of the symbols that have a row.
    pub(super) symbols: Vec<String>,
    /// `[bars x symbols]` each, in the order in which the files bring them.
    pub(super) columns: Vec<Column>,
    pub(super) rows_read: usize,
    pub(super) rows_kept: usize,
    pub(super) ignored: Vec<String>,
    places: Places,
}

/// Where the cells came from.
enum Places {
    /// `[bars x symbols]` row that fills the cell, counted over all files, or [`NONE`].
    Long { winners: Vec<u32>, files: Vec<Rows>, starts: Vec<usize> },
    /// Per file the row of every bar, or [`NONE`]; the file of closes first.
    Wide { files: Vec<(Rows, Vec<u32>)> },
}

impl Dense {
    /// Whether some file has a row for the cell.
    pub(super) fn has_row(&self, cell: usize) -> bool {
        match &self.places {
            Places::Long { winners, .. } => winners[cell] != NONE,
            Places::Wide { .. } => self.columns.iter().any(|column| !column.values[cell].is_nan()),
        }
    }

    /// How the cell is called in the ledger.
    pub(super) fn mention(&self, cell: usize, detail: String) -> Mention {
        let (bar, symbol) = (cell / self.symbols.len(), cell % self.symbols.len());
        let place = match &self.places {
            Places::Long { winners, files, starts } => Some(winners[cell]).filter(|&row| row != NONE).map(|row| {
                let file = starts.partition_point(|&start| start <= row as usize) - 1;
                (&files[file], row as usize - starts[file])
            }),
            Places::Wide { files } => {
                files.iter().find(|(_, rows)| rows[bar] != NONE).map(|(file, rows)| (file, rows[bar] as usize))
            }
        };
        let several = match &self.places {
            Places::Long { files, .. } => files.len() > 1,
            Places::Wide { files } => files.len() > 1,
        };
        Mention {
            file: place.filter(|_| several).map(|(file, _)| file.origin.clone()),
            row: place.map_or(0, |(file, row)| file.number(row)),
            time: Some(self.bars[bar]),
            symbol: Some(self.symbols[symbol].clone()),
            detail,
        }
    }
}

/// Lays the parts out, in their order.
pub(super) fn place(
    origin: &str,
    parts: Vec<Part>,
    options: &ImportOptions,
    repairs: &mut Repairs,
) -> Result<Dense, Error> {
    let zone = common_zone(&parts)?;
    let clock = Clock::new(origin, options.session.as_ref(), zone.as_deref(), &parts)?;
    repairs.zone = Some(clock.zone().clone());
    let bars = common_bars(&parts, &clock);
    let rows_read = parts.iter().map(|part| part.rows.count).sum();
    if rows_read >= NONE as usize {
        return Err(Error::unusable(origin, "has more than 4,294,967,294 rows; split it"));
    }
    let mut ignored: Vec<String> = Vec::new();
    for name in parts.iter().flat_map(|part| &part.ignored) {
        if !ignored.contains(name) {
            ignored.push(name.clone());
        }
    }
    let frame = Dense {
        origin: origin.to_owned(),
        bars,
        zone,
        symbols: Vec::new(),
        columns: Vec::new(),
        rows_read,
        rows_kept: 0,
        ignored,
        places: Places::Wide { files: Vec::new() },
    };
    let is_long = |part: &&Part| matches!(part.bars, Bars::Long { .. });
    match (parts.iter().find(is_long), parts.iter().find(|part| !is_long(part))) {
        (Some(long), Some(wide)) => {
            let (long, wide) = (&long.rows.origin, &wide.rows.origin);
            let problem = format!(
                "has one row a date and symbol, but {wide} has symbols across; import the two kinds one by one"
            );
            Err(Error::unusable(long, problem))
        }
        (Some(_), None) => place_long(frame, parts, &clock, options, repairs),
        _ => place_wide(frame, parts, &clock, options, repairs),
    }
}

/// The zone that all parts agree on.
fn common_zone(parts: &[Part]) -> Result<Option<String>, Error> {
    let Some((first, rest)) = parts.split_first() else { return Ok(None) };
    let zone = &first.rows.times.zone;
    let name = |zone: &Option<String>| zone.clone().unwrap_or_else(|| "UTC".to_owned());
    match rest.iter().find(|part| part.rows.times.zone != *zone) {
        None => Ok(zone.clone()),
        Some(other) => {
            let (here, there) = (name(&other.rows.times.zone), name(zone));
            let problem = format!("has times in {here}, but {} in {there}; name one zone for all", first.rows.origin);
            Err(Error::unusable(&other.rows.origin, problem))
        }
    }
}

/// All times within the session, rising.
fn common_bars(parts: &[Part], clock: &Clock) -> Vec<i64> {
    let mut bars: Vec<i64> = Vec::new();
    for part in parts {
        let start = bars.len();
        for row in 0..part.rows.count {
            let time = part.rows.times.micros[row];
            if time != MISSING && has_symbol(part, row) && bars.last() != Some(&time) && clock.is_open(time) {
                bars.push(time);
            }
        }
        // Files of one market share their times: without this, thousands of files would pile them up.
        if start > 0 && bars.len() > 1 << 16 {
            bars.sort_unstable();
            bars.dedup();
        }
    }
    bars.sort_unstable();
    bars.dedup();
    bars
}

fn has_symbol(part: &Part, row: usize) -> bool {
    match &part.bars {
        Bars::Long { symbols, .. } => symbols.codes[row] != NONE,
        Bars::Wide(_) => true,
    }
}

/// Finds bars by their times; times that follow each other are found at once.
struct Finder<'a> {
    bars: &'a [i64],
    last: usize,
}

impl Finder<'_> {
    fn find(&mut self, time: i64) -> usize {
        let near = [self.last, self.last + 1].into_iter().find(|&bar| self.bars.get(bar) == Some(&time));
        self.last = near.unwrap_or_else(|| {
            self.bars.binary_search(&time).expect("the times of all rows that count were collected before")
        });
        self.last
    }
}

/// Why a row is no bar; `None` for one that is.
fn refused(part: &Part, row: usize, clock: &Clock) -> Option<Rule> {
    let time = part.rows.times.micros[row];
    if time == MISSING || !has_symbol(part, row) {
        Some(Rule::NoKey)
    } else {
        (!clock.is_open(time)).then_some(Rule::OutsideSession)
    }
}

fn place_long(
    mut dense: Dense,
    parts: Vec<Part>,
    clock: &Clock,
    options: &ImportOptions,
    repairs: &mut Repairs,
) -> Result<Dense, Error> {
    let several = parts.len() > 1;
    let mut starts = Vec::with_capacity(parts.len());
    let mut used: HashMap<&str, usize> = HashMap::new();
    for part in &parts {
        starts
            .push(starts.last().copied().unwrap_or(0) + starts.len().checked_sub(1).map_or(0, |i| parts[i].rows.count));
        let Bars::Long { symbols, .. } = &part.bars else { continue };
        let mut seen = vec![false; symbols.names.len()];
        for row in 0..part.rows.count {
            match refused(part, row, clock) {
                None => seen[symbols.codes[row] as usize] = true,
                Some(rule) => repairs.count(rule, || Mention {
                    file: several.then(|| part.rows.origin.clone()),
                    row: part.rows.number(row),
                    time: Some(part.rows.times.micros[row]).filter(|&time| time != MISSING),
                    symbol: symbols.names.get(symbols.codes[row] as usize).cloned(),
                    detail: String::new(),
                }),
            }
        }
        used.extend(symbols.names.iter().zip(seen).filter(|(_, seen)| *seen).map(|(name, _)| (name.as_str(), 0)));
    }
    if used.is_empty() {
        return Err(nothing_left(&dense.origin, clock));
    }
    let mut names: Vec<String> = used.keys().map(|&name| name.to_owned()).collect();
    names.sort_unstable();
    for (rank, name) in names.iter().enumerate() {
        used.insert(name, rank);
    }
    let ranks: Vec<Vec<usize>> = parts.iter().map(|part| ranks_of(part, &used)).collect();
    drop(used);
    dense.symbols = names;
    let mut columns = Merged::of(&parts)?;
    check_size(&dense, columns.0.len(), options)?;

    let width = dense.symbols.len();
    let cells = dense.bars.len() * width;
    let mut winners = vec![NONE; cells];
    let mut finder = Finder { bars: &dense.bars, last: 0 };
    for ((part, ranks), &start) in parts.iter().zip(&ranks).zip(&starts) {
        let Bars::Long { symbols, .. } = &part.bars else { continue };
        let mut latest = vec![MISSING; symbols.names.len()];
        for row in (0..part.rows.count).filter(|&row| refused(part, row, clock).is_none()) {
            let (time, code) = (part.rows.times.micros[row], symbols.codes[row] as usize);
            let mention = |detail: String| Mention {
                file: several.then(|| part.rows.origin.clone()),
                row: part.rows.number(row),
                time: Some(time),
                symbol: Some(symbols.names[code].clone()),
                detail,
            };
            if time < latest[code] {
                let before = latest[code];
                repairs.count(Rule::Unsorted, || {
                    mention(format!(" comes after {}", dates::label(before, Some(clock.zone()))))
                });
            }
            latest[code] = time;
            let winner = &mut winners[finder.find(time) * width + ranks[code]];
            if *winner != NONE {
                let first = *winner as usize;
                repairs.count(Rule::Duplicate, || {
                    let file = starts.partition_point(|&start| start <= first) - 1;
                    let rows = &parts[file].rows;
                    let place = if several { format!("{}, row", rows.origin) } else { "row".to_owned() };
                    mention(format!(" stands in {place} {} already", rows.number(first - starts[file])))
                });
            }
            *winner = (start + row) as u32;
        }
    }

    dense.rows_kept = winners.iter().filter(|&&row| row != NONE).count();
    let mut files = Vec::with_capacity(parts.len());
    let mut owned = Vec::with_capacity(parts.len());
    for part in parts {
        let Part { rows, bars: Bars::Long { columns, .. }, .. } = part else { continue };
        files.push(rows);
        owned.push(columns);
    }
    let file_of: Vec<u32> =
        files.iter().enumerate().flat_map(|(file, rows)| std::iter::repeat_n(file as u32, rows.count)).collect();
    // Column by column, so that what was read goes as what is dense comes.
    for column in &mut columns.0 {
        let sources: Vec<Option<Source>> = owned.iter_mut().map(|own| Source::take(own, column)).collect();
        let value = |&row: &u32| {
            let file = *file_of.get(row as usize)? as usize;
            sources[file].as_ref().map(|source| source.value(row as usize - starts[file]))
        };
        column.values = winners.iter().map(|row| value(row).unwrap_or(f64::NAN)).collect();
        drop_unused_labels(column);
    }
    dense.columns = columns.0;
    dense.places = Places::Long { winners, files, starts };
    Ok(dense)
}

/// For every name of the part its place among all.
fn ranks_of(part: &Part, used: &HashMap<&str, usize>) -> Vec<usize> {
    match &part.bars {
        Bars::Long { symbols, .. } => {
            symbols.names.iter().map(|name| used.get(name.as_str()).copied().unwrap_or(usize::MAX)).collect()
        }
        Bars::Wide(_) => Vec::new(),
    }
}

/// The columns of all parts, by name, in the order in which they come up.
struct Merged(Vec<Column>);

impl Merged {
    /// Names and labels, without values yet.
    fn of(parts: &[Part]) -> Result<Self, Error> {
        // With the file that settled whether a column holds numbers or labels; one without a value does not.
        let mut merged: Vec<(Column, Option<&str>)> = Vec::new();
        for part in parts {
            let Bars::Long { columns, .. } = &part.bars else { continue };
            for column in columns {
                let settled = column.values.iter().any(|value| !value.is_nan()).then_some(part.rows.origin.as_str());
                let Some((known, first)) = merged.iter_mut().find(|(known, _)| known.name == column.name) else {
                    let (name, labels) = (column.name.clone(), column.labels.clone());
                    merged.push((Column { name, values: Vec::new(), labels }, settled));
                    continue;
                };
                match (&mut known.labels, &column.labels, *first, settled) {
                    (_, _, _, None) => {}
                    (labels, _, None, Some(_)) => (*labels, *first) = (column.labels.clone(), settled),
                    (None, None, ..) => {}
                    (Some(known), Some(labels), ..) => {
                        known.extend(labels.iter().cloned());
                        known.sort_unstable();
                        known.dedup();
                    }
                    (labels, _, Some(first), _) => {
                        let kinds = ["numbers", "texts"];
                        let texts = labels.is_some();
                        let (here, there) = (kinds[usize::from(!texts)], kinds[usize::from(texts)]);
                        let name = excerpt(&column.name);
                        let problem =
                            format!("column `{name}` holds {here}, but {there} in {first}; make them one kind");
                        return Err(Error::unusable(&part.rows.origin, problem));
                    }
                }
            }
        }
        Ok(Self(merged.into_iter().map(|(column, _)| column).collect()))
    }
}

/// What a part has for a column of all.
struct Source {
    values: Vec<f64>,
    /// For labels: codes of the part to codes of all.
    codes: Option<Vec<f64>>,
}

impl Source {
    fn take(own: &mut [Column], all: &Column) -> Option<Self> {
        let column = own.iter_mut().find(|column| column.name == all.name)?;
        let known = all.labels.as_deref().unwrap_or_default();
        let code = |label: &String| known.binary_search(label).map_or(f64::NAN, |code| code as f64);
        let codes = column.labels.take().map(|labels| labels.iter().map(code).collect());
        Some(Self { values: std::mem::take(&mut column.values), codes })
    }

    fn value(&self, row: usize) -> f64 {
        let value = self.values[row];
        match &self.codes {
            Some(codes) if !value.is_nan() => codes[value as usize],
            _ => value,
        }
    }
}

/// Labels of rows that were dropped are none of the panel's.
fn drop_unused_labels(column: &mut Column) {
    let Some(labels) = &mut column.labels else { return };
    let mut used = vec![false; labels.len()];
    for &code in column.values.iter().filter(|code| !code.is_nan()) {
        used[code as usize] = true;
    }
    if used.iter().all(|&used| used) {
        return;
    }
    let mut next = 0.0;
    let codes: Vec<f64> = used
        .iter()
        .map(|&used| {
            let code = next;
            next += f64::from(u8::from(used));
            code
        })
        .collect();
    for code in column.values.iter_mut().filter(|code| !code.is_nan()) {
        *code = codes[*code as usize];
    }
    let mut keep = used.into_iter();
    labels.retain(|_| keep.next().unwrap_or(false));
}

fn place_wide(
    mut dense: Dense,
    parts: Vec<Part>,
    clock: &Clock,
    options: &ImportOptions,
    repairs: &mut Repairs,
) -> Result<Dense, Error> {
    let several = parts.len() > 1;
    let columns = || {
        parts.iter().flat_map(|part| match &part.bars {
            Bars::Wide(columns) => columns.as_slice(),
            Bars::Long { .. } => &[],
        })
    };
    if dense.bars.is_empty() {
        return Err(nothing_left(&dense.origin, clock));
    }
    let mut names: Vec<&str> = columns().map(|column| column.symbol.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    dense.symbols = names.into_iter().map(str::to_owned).collect();
    let mut fields: Vec<&str> = Vec::new();
    for column in columns() {
        if !fields.contains(&column.field.as_str()) {
            fields.push(&column.field);
        }
    }
    fields.sort_by_key(|field| COMMON.iter().position(|common| common == field).unwrap_or(COMMON.len()));
    if !fields.contains(&"close") {
        let problem = format!("has no closes, only {}; name the file of closes close", excerpt(&fields.join(", ")));
        return Err(Error::unusable(dense.origin, problem));
    }
    check_size(&dense, fields.len(), options)?;
    let width = dense.symbols.len();
    let cells = dense.bars.len() * width;
    let mut merged: Vec<Column> = fields
        .iter()
        .map(|&name| Column { name: name.to_owned(), values: vec![f64::NAN; cells], labels: None })
        .collect();

    let mut files = Vec::with_capacity(parts.len());
    let mut owners: HashMap<(usize, usize), String> = HashMap::new();
    for part in parts {
        let mut rows_of_bars = vec![NONE; dense.bars.len()];
        let mut finder = Finder { bars: &dense.bars, last: 0 };
        let mut latest = MISSING;
        for row in 0..part.rows.count {
            let time = part.rows.times.micros[row];
            let mention = |detail: String| Mention {
                file: several.then(|| part.rows.origin.clone()),
                row: part.rows.number(row),
                time: Some(time).filter(|&time| time != MISSING),
                symbol: None,
                detail,
            };
            if let Some(rule) = refused(&part, row, clock) {
                repairs.count(rule, || mention(String::new()));
                continue;
            }
            if time < latest {
                repairs.count(Rule::Unsorted, || {
                    mention(format!(" comes after {}", dates::label(latest, Some(clock.zone()))))
                });
            }
            latest = time;
            let place = &mut rows_of_bars[finder.find(time)];
            if *place == NONE {
                dense.rows_kept += 1;
            } else {
                let first = part.rows.number(*place as usize);
                repairs.count(Rule::Duplicate, || mention(format!(" stands in row {first} already")));
            }
            *place = row as u32;
        }
        let Part { rows, bars: Bars::Wide(own), .. } = part else { continue };
        for WideColumn { field, symbol, values } in own {
            let field_index = merged.iter().position(|known| known.name == field).unwrap_or(0);
            let symbol_index = dense.symbols.binary_search(&symbol).unwrap_or(0);
            if let Some(first) = owners.insert((field_index, symbol_index), rows.origin.clone()) {
                let problem = format!("holds {field} of {}, as {first} does; remove one", excerpt(&symbol));
                return Err(Error::unusable(&rows.origin, problem));
            }
            for (bar, &row) in rows_of_bars.iter().enumerate().filter(|(_, row)| **row != NONE) {
                merged[field_index].values[bar * width + symbol_index] = values[row as usize];
            }
        }
        files.push((rows, rows_of_bars));
    }
    dense.columns = merged;
    dense.places = Places::Wide { files };
    Ok(dense)
}

/// Fields of wide files stand in this order, whatever the order of their files.
const COMMON: [&str; 6] = ["open", "high", "low", "close", "volume", "adj_close"];

fn nothing_left(origin: &str, clock: &Clock) -> Error {
    let session = if clock.is_limited() { " within the session" } else { "" };
    Error::unusable(origin, format!("has no row with both a date and a symbol{session}"))
}

fn check_size(dense: &Dense, columns: usize, options: &ImportOptions) -> Result<(), Error> {
    let (bars, symbols) = (dense.bars.len(), dense.symbols.len());
    // The grid of winners takes 4 bytes a cell beside 8 for every column.
    let bytes = bars as u128 * symbols as u128 * (columns as u128 * 8 + 4);
    if bytes <= u128::from(options.max_bytes) {
        return Ok(());
    }
    let (origin, limit) = (dense.origin.clone(), options.max_bytes);
    Err(Error::TooLarge { origin, bars, symbols, columns, bytes, limit })
}
