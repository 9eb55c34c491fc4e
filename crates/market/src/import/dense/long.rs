//! Long parts onto the grid: one row a date and symbol.

use std::collections::HashMap;

use super::{Dense, Finder, Places, check_size, nothing_left, refused};
use crate::error::{Error, excerpt};
use crate::import::ImportOptions;
use crate::import::dates;
use crate::import::ledger::{Mention, Repairs, Rule};
use crate::import::part::{Bars, NONE, Part};
use crate::import::raw::MISSING;
use crate::import::session::Clock;
use crate::import::values::Column;

pub(super) fn place(
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
        let Part { mut rows, bars: Bars::Long { columns, .. }, .. } = part else { continue };
        rows.times.micros = Vec::new();
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
                        let is_new = |label: &&String| known.binary_search(label).is_err();
                        let new: Vec<String> = labels.iter().filter(is_new).cloned().collect();
                        known.extend(new);
                        // Not the unstable kind: two sorted runs take one pass.
                        known.sort();
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
