//! Wide parts onto the grid: one row a date, symbols across.

use std::collections::HashMap;

use super::{Dense, Finder, Places, check_size, nothing_left, refused};
use crate::error::{Error, excerpt};
use crate::import::ImportOptions;
use crate::import::dates;
use crate::import::ledger::{Mention, Repairs, Rule};
use crate::import::part::{Bars, NONE, Part, WideColumn};
use crate::import::raw::MISSING;
use crate::import::session::Clock;
use crate::import::values::Column;

/// Fields of wide files stand in this order, whatever the order of their files.
const COMMON: [&str; 6] = ["open", "high", "low", "close", "volume", "adj_close"];

pub(super) fn place(
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
