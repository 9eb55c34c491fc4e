//! One file, read into times, symbols and numbers; its text is gone by then.

use std::collections::HashMap;
use std::path::Path;

use super::columns::{self, Layout, Shape};
use super::dates::{Times, read_times};
use super::raw::{Cells, MISSING, RawTable, TextCells, is_missing_symbol};
use super::source::{self, Format};
use super::values::{Column, read_columns, read_numbers};
use super::{ImportOptions, csv, frame};
use crate::error::Error;

/// No symbol.
pub(super) const NONE: u32 = u32::MAX;

/// What one file or frame holds.
pub(super) struct Part {
    pub(super) rows: Rows,
    /// Names of columns that were left out.
    pub(super) ignored: Vec<String>,
    pub(super) bars: Bars,
}

/// The rows of a file: what they are called and when they are.
pub(super) struct Rows {
    /// The file, or the name given to a frame.
    pub(super) origin: String,
    pub(super) count: usize,
    /// Row numbers where they are not simply "2, 3, 4, ...".
    lines: Option<Vec<u32>>,
    pub(super) times: Times,
}

/// The two ways in which bars are laid out.
pub(super) enum Bars {
    /// One row a date and symbol.
    Long { symbols: Symbols, columns: Vec<Column> },
    /// One row a date, symbols across.
    Wide(Vec<WideColumn>),
}

/// The symbol of every row as an index into `names`, [`NONE`] where it has none.
pub(super) struct Symbols {
    pub(super) codes: Vec<u32>,
    pub(super) names: Vec<String>,
}

/// One field of one symbol.
pub(super) struct WideColumn {
    /// Name of the field in the panel.
    pub(super) field: String,
    pub(super) symbol: String,
    /// One value a row, NaN where missing.
    pub(super) values: Vec<f64>,
}

impl Rows {
    /// The number a person would give the row: the header is row 1.
    pub(super) fn number(&self, row: usize) -> usize {
        self.lines.as_ref().map_or(row + 2, |lines| lines[row] as usize)
    }
}

impl Part {
    /// Leaves the rows before `row`, and gives those from there on.
    pub(super) fn split_off(&mut self, row: usize) -> Self {
        let rows = Rows {
            origin: self.rows.origin.clone(),
            count: self.rows.count - row,
            lines: self.rows.lines.as_mut().map(|lines| lines.split_off(row)),
            times: Times { micros: self.rows.times.micros.split_off(row), zone: self.rows.times.zone.clone() },
        };
        self.rows.count = row;
        let bars = match &mut self.bars {
            Bars::Long { symbols, columns } => Bars::Long {
                symbols: Symbols { codes: symbols.codes.split_off(row), names: symbols.names.clone() },
                columns: columns.iter_mut().map(|column| column.split_off(row)).collect(),
            },
            Bars::Wide(columns) => {
                let split = |column: &mut WideColumn| WideColumn {
                    field: column.field.clone(),
                    symbol: column.symbol.clone(),
                    values: column.values.split_off(row),
                };
                Bars::Wide(columns.iter_mut().map(split).collect())
            }
        };
        Self { rows, ignored: self.ignored.clone(), bars }
    }

    /// Puts the rows that follow in the same file behind these.
    ///
    /// # Errors
    /// When they differ in zone, or a column holds numbers here and texts there.
    pub(super) fn append(&mut self, next: Self) -> Result<(), Error> {
        if self.rows.times.zone != next.rows.times.zone {
            let problem = "has times of several zones; name one zone for all";
            return Err(Error::unusable(&self.rows.origin, problem));
        }
        if let (Some(lines), Some(more)) = (&mut self.rows.lines, next.rows.lines) {
            lines.extend(more);
        }
        self.rows.count += next.rows.count;
        self.rows.times.micros.extend(next.rows.times.micros);
        let (Bars::Long { symbols, columns }, Bars::Long { symbols: more, columns: others }) =
            (&mut self.bars, next.bars)
        else {
            unreachable!("only long bars come in pieces");
        };
        let places: HashMap<&str, u32> = symbols.names.iter().map(String::as_str).zip(0..).collect();
        let mut added = Vec::new();
        let renamed: Vec<u32> = more
            .names
            .iter()
            .map(|name| {
                places.get(name.as_str()).copied().unwrap_or_else(|| {
                    added.push(name.clone());
                    (symbols.names.len() + added.len() - 1) as u32
                })
            })
            .collect();
        symbols.codes.extend(more.codes.iter().map(|&code| renamed.get(code as usize).copied().unwrap_or(NONE)));
        symbols.names.extend(added);
        for (column, other) in columns.iter_mut().zip(others) {
            let row = self.rows.count - other.values.len();
            column.append(other).map_err(|name| {
                let line = self.rows.lines.as_ref().map_or(row + 2, |lines| lines[row] as usize);
                let problem =
                    format!("column `{name}` changes between numbers and texts at row {line}; make them one kind");
                Error::unusable(&self.rows.origin, problem)
            })?;
        }
        Ok(())
    }

    /// Bytes held, to keep many files within the limit of one panel.
    pub(super) fn bytes(&self) -> u64 {
        let columns = match &self.bars {
            Bars::Long { columns, .. } => columns.len(),
            Bars::Wide(columns) => columns.len(),
        };
        (self.rows.count * (8 * columns + 16)) as u64
    }
}

/// Reads a file, `alone` or as one of several.
pub(super) fn read_part(path: &Path, options: &ImportOptions, alone: bool) -> Result<Part, Error> {
    let default = options.symbol.clone();
    with_table(path, options.max_bytes, |table| make_part(table, options, default, &source::stem(path), alone))
}

/// Opens a file as a table, hands it on, and lets go of it.
pub(super) fn with_table<T>(
    path: &Path,
    max_bytes: u64,
    make: impl FnOnce(RawTable<'_>) -> Result<T, Error>,
) -> Result<T, Error> {
    let origin = path.display().to_string();
    let bytes = source::read(path)?;
    let format = source::format(path, &bytes)?;
    tracing::debug!(file = %origin, ?format, "importing");
    let loaded = match format {
        Format::Text => {
            let mut text = csv::unpack(path, bytes, max_bytes)?;
            let split = csv::split(&mut text, &origin, max_bytes)?;
            return make(split.into_table(&text, &origin));
        }
        Format::Parquet => frame::read_parquet(path, &bytes, max_bytes)?,
        Format::Ipc => frame::read_ipc(path, &bytes, max_bytes)?,
    };
    drop(bytes);
    make(frame::from_frame(&loaded.frame, loaded.ignored, &origin)?)
}

/// Makes out what a table holds. `stem` names what the table does not name itself: the symbol of long bars, the field of
/// wide ones, which is the close where there is only one table and its name is no field's.
pub(super) fn make_part(
    mut table: RawTable<'_>,
    options: &ImportOptions,
    symbol: Option<String>,
    stem: &str,
    alone: bool,
) -> Result<Part, Error> {
    let refuse_empty = |table: &RawTable<'_>| {
        if table.rows == 0 { Err(Error::empty(&table.origin, "has no rows")) } else { Ok(()) }
    };
    refuse_empty(&table)?;
    let (bars, times, ignored) = match columns::shape(&mut table)? {
        Shape::Long(layout) => {
            let times = read_times(&table, layout.date, layout.time_of_day, options)?;
            let named = symbol.unwrap_or_else(|| columns::symbol_of_stem(stem.trim()));
            let symbols = read_symbols(&table, layout.symbol, &named)?;
            let columns = read_columns(&table, &layout.others)?;
            (Bars::Long { symbols, columns }, times, ignored_columns(&table, &layout))
        }
        Shape::Wide { date, columns } => {
            refuse_empty(&table)?;
            let times = read_times(&table, date, None, options)?;
            let known = columns::field_of_stem(stem).or(alone.then_some("close"));
            let field = known.map_or_else(|| columns::identifier(stem), str::to_owned);
            if field.is_empty() {
                return Err(table.unusable("has no letter a-z in its name, which is to name its field; rename it"));
            }
            let read = |column: columns::WideName| {
                let field = column.field.unwrap_or_else(|| field.clone());
                let values = read_numbers(&table, column.index)?;
                Ok(WideColumn { field, symbol: column.symbol, values })
            };
            let columns = columns.into_iter().map(read).collect::<Result<_, Error>>()?;
            (Bars::Wide(columns), times, table.ignored.clone())
        }
    };
    let rows = Rows { origin: table.origin, count: table.rows, lines: table.lines, times };
    Ok(Part { rows, ignored, bars })
}

pub(super) fn read_symbols(table: &RawTable<'_>, column: Option<usize>, default: &str) -> Result<Symbols, Error> {
    let Some(column) = column.map(|index| &table.columns[index]) else {
        return Ok(Symbols { codes: vec![0; table.rows], names: vec![default.to_owned()] });
    };
    let spelt_out;
    let cells = match &column.cells {
        Cells::Text(cells) => cells,
        Cells::Integer(cells) => {
            let spell = |cell: &i64| if *cell == MISSING { String::new() } else { cell.to_string() };
            spelt_out = TextCells::Owned(cells.iter().map(spell).collect());
            &spelt_out
        }
        Cells::Number(_) | Cells::Time(_) => {
            let problem = format!("column `{}` holds no text; symbols are names", column.name);
            return Err(table.unusable(problem));
        }
    };
    let mut known: HashMap<&[u8], u32> = HashMap::new();
    let mut symbols = Symbols { codes: Vec::with_capacity(table.rows), names: Vec::new() };
    for row in 0..table.rows {
        let cell = cells.get(row);
        let code = if is_missing_symbol(cell) {
            NONE
        } else {
            *known.entry(cell).or_insert_with(|| {
                symbols.names.push(String::from_utf8_lossy(cell).into_owned());
                symbols.names.len() as u32 - 1
            })
        };
        symbols.codes.push(code);
    }
    Ok(symbols)
}

fn ignored_columns(table: &RawTable<'_>, layout: &Layout) -> Vec<String> {
    let unnamed = layout.ignored.iter().map(|&index| {
        let name = &table.columns[index].name;
        if name.is_empty() { format!("column {} (without a name)", index + 1) } else { name.clone() }
    });
    unnamed.chain(table.ignored.iter().cloned()).collect()
}
