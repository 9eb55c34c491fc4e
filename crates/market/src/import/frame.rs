//! Frames into raw columns.

use polars::prelude::{Column, DataFrame, DataType, PolarsResult, TimeUnit};

use super::raw::{Cells, MISSING, RawColumn, RawTable, TextCells, TimeCells};
use crate::error::{Error, excerpt};

const DAY: i64 = 86_400_000_000;

/// Borrows the texts of a frame and copies its numbers.
pub(super) fn raw_table<'a>(frame: &'a DataFrame, origin: &str) -> Result<RawTable<'a>, Error> {
    let mut columns = Vec::new();
    let mut ignored = Vec::new();
    for column in frame.columns() {
        let name = column.name().to_string();
        let cells = raw_cells(column).map_err(|error| {
            Error::unusable(
                origin,
                format!("column `{}` cannot be read: {}", excerpt(&name), excerpt(&error.to_string())),
            )
        })?;
        match cells {
            // A damaged file can make polars build a frame of uneven columns.
            Some(cells) if cells.len() != frame.height() => {
                let (found, rows) = (cells.len(), frame.height());
                let problem =
                    format!("column `{}` has {found} cells for {rows} rows; the table is damaged", excerpt(&name));
                return Err(Error::unusable(origin, problem));
            }
            Some(cells) => columns.push(RawColumn { name, cells }),
            None => ignored.push(format!("`{}` ({})", excerpt(&name), column.dtype())),
        }
    }
    Ok(RawTable { origin: origin.to_owned(), rows: frame.height(), lines: None, columns, ignored })
}

/// `None` for types that no panel can hold.
fn raw_cells(column: &Column) -> PolarsResult<Option<Cells<'_>>> {
    let series = column.as_materialized_series();
    Ok(Some(match column.dtype() {
        DataType::String => {
            Cells::Text(TextCells::Borrowed(series.str()?.iter().map(Option::unwrap_or_default).collect()))
        }
        DataType::Null => Cells::Text(TextCells::Borrowed(vec![""; column.len()])),
        DataType::Date => {
            let days = series.date()?.physical().iter();
            let micros = days.map(|day| day.map_or(MISSING, |day| i64::from(day) * DAY)).collect();
            Cells::Time(TimeCells { micros, zone: None })
        }
        DataType::Datetime(unit, zone) => {
            let convert = |time: i64| match unit {
                TimeUnit::Nanoseconds => time.div_euclid(1_000),
                TimeUnit::Microseconds => time,
                TimeUnit::Milliseconds => time.saturating_mul(1_000),
            };
            let times = series.datetime()?.physical().iter();
            Cells::Time(TimeCells {
                micros: times.map(|time| time.map_or(MISSING, convert)).collect(),
                zone: zone.as_ref().map(ToString::to_string),
            })
        }
        dtype if dtype.is_integer() && *dtype != DataType::UInt64 => {
            let wide = series.cast(&DataType::Int64)?;
            Cells::Integer(wide.i64()?.iter().map(|number| number.unwrap_or(MISSING)).collect())
        }
        dtype if dtype.is_primitive_numeric() || dtype.is_bool() => {
            let wide = series.cast(&DataType::Float64)?;
            Cells::Number(wide.f64()?.iter().map(|number| number.unwrap_or(f64::NAN)).collect())
        }
        _ => return Ok(None),
    }))
}
