//! Data frames into raw tables, and Parquet and Arrow files into data frames.

use std::io::Cursor;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use polars::prelude::{
    ArrowDataType, ArrowSchema, Column, DataFrame, DataType, FileMetadataRef, IpcReader, ParquetReader, PlSmallStr,
    PolarsResult, SerReader, Series, TimeUnit,
};

use super::blocks::announced_bytes;
use super::pages::pages_are_sound;
use super::raw::{Cells, MISSING, RawColumn, RawTable, TextCells, TimeCells};
use crate::error::{Error, excerpt};

const DAY: i64 = 86_400_000_000;

/// What a binary file held.
pub(super) struct Loaded {
    pub(super) frame: DataFrame,
    /// Names of the columns that were left alone because of their types.
    pub(super) ignored: Vec<String>,
}

/// Reads a Parquet file after checking that what it says about its own size can be true.
pub(super) fn read_parquet(path: &Path, bytes: &[u8], max_bytes: u64) -> Result<Loaded, Error> {
    let reader = || ParquetReader::new(Cursor::new(bytes));
    let metadata = guarded(path, "Parquet", || Ok(reader().get_metadata()?.clone()))?;
    if let Some(problem) = doubt(bytes, &metadata, max_bytes) {
        return Err(Error::unusable(path.display().to_string(), problem));
    }
    guarded(path, "Parquet", || {
        let (columns, ignored) = readable(&*reader().schema()?);
        Ok(Loaded { frame: reader().with_columns(Some(columns)).finish()?, ignored })
    })
}

/// Rows and columns of a Parquet file whose parts can be true.
pub(super) fn parquet_shape(path: &Path, bytes: &[u8]) -> Result<(usize, usize), Error> {
    let metadata = guarded(path, "Parquet", || Ok(ParquetReader::new(Cursor::new(bytes)).get_metadata()?.clone()))?;
    match doubt(bytes, &metadata, u64::MAX) {
        Some(problem) => Err(Error::unusable(path.display().to_string(), problem)),
        None => Ok((metadata.num_rows, metadata.schema_descr.columns().len())),
    }
}

/// Reads some rows of a Parquet file that [`parquet_shape`] found sound.
pub(super) fn read_parquet_rows(path: &Path, bytes: &[u8], rows: Range<usize>) -> Result<Loaded, Error> {
    let reader = || ParquetReader::new(Cursor::new(bytes));
    guarded(path, "Parquet", || {
        let (columns, ignored) = readable(&*reader().schema()?);
        let slice = Some((rows.start, rows.len()));
        Ok(Loaded { frame: reader().with_columns(Some(columns)).with_slice(slice).finish()?, ignored })
    })
}

/// Reads an Arrow IPC file (Feather version 2) after checking that what it says about its own size can be true.
pub(super) fn read_ipc(path: &Path, bytes: &[u8], max_bytes: u64) -> Result<Loaded, Error> {
    let doubt = match announced_bytes(bytes) {
        None => Some("is damaged or cut off: its parts do not lie inside it; write or download it again".to_owned()),
        Some(announced) if announced > u128::from(max_bytes) => Some(format!(
            "takes {announced} bytes unpacked, above the limit of {max_bytes}; split it, leave out columns, or raise \
             the limit"
        )),
        Some(_) => None,
    };
    if let Some(problem) = doubt {
        return Err(Error::unusable(path.display().to_string(), problem));
    }
    let reader = || IpcReader::new(Cursor::new(bytes));
    guarded(path, "Arrow IPC", || {
        let (columns, ignored) = readable(&*reader().schema()?);
        Ok(Loaded { frame: reader().with_columns(Some(columns)).finish()?, ignored })
    })
}

/// Names of the columns that can be read, and of those whose types polars, as it is built here, refuses with a panic
/// or no panel can hold.
fn readable(schema: &ArrowSchema) -> (Vec<String>, Vec<String>) {
    let (readable, ignored): (Vec<_>, Vec<_>) = schema.iter().partition(|(_, field)| is_readable(field.dtype()));
    let names = |fields: Vec<(&PlSmallStr, _)>| fields.into_iter().map(|(name, _)| name.to_string()).collect();
    (names(readable), names(ignored))
}

fn is_readable(dtype: &ArrowDataType) -> bool {
    use ArrowDataType as Type;
    let plain = matches!(dtype, Type::Null | Type::Boolean | Type::Float16 | Type::Float32 | Type::Float64);
    let signed = matches!(dtype, Type::Int8 | Type::Int16 | Type::Int32 | Type::Int64);
    let unsigned = matches!(dtype, Type::UInt8 | Type::UInt16 | Type::UInt32 | Type::UInt64);
    let date = matches!(dtype, Type::Date32 | Type::Date64 | Type::Timestamp(..));
    let clock = matches!(dtype, Type::Time32(_) | Type::Time64(_));
    let text = |dtype: &Type| matches!(dtype, Type::Utf8 | Type::LargeUtf8 | Type::Utf8View);
    let bytes = matches!(dtype, Type::Binary | Type::LargeBinary | Type::BinaryView);
    let category = matches!(dtype, Type::Dictionary(_, values, _) if text(values));
    plain || signed || unsigned || date || clock || text(dtype) || bytes || category
}

/// Why the sizes in a Parquet file cannot be believed or borne. The decoder allocates what they say, so this comes
/// first.
fn doubt(bytes: &[u8], metadata: &FileMetadataRef, max_bytes: u64) -> Option<String> {
    let (rows, columns) = (metadata.num_rows, metadata.schema_descr.columns().len());
    let chunks = || metadata.row_groups.iter().flat_map(|group| group.parquet_columns().iter());
    let groups = metadata.row_groups.iter().try_fold(0_usize, |sum, group| sum.checked_add(group.num_rows()));
    let sizes = chunks().all(|chunk| chunk.num_values() >= 0 && chunk.uncompressed_size() >= 0);
    if groups != Some(rows) || !sizes || !pages_are_sound(bytes, metadata) {
        return Some("contradicts itself about its own size; it is damaged, write or download it again".to_owned());
    }
    let values: u128 = chunks().map(|chunk| chunk.num_values() as u128).sum();
    let stored: u128 = chunks().map(|chunk| chunk.uncompressed_size() as u128).sum();
    let bytes = stored.max(8 * values).max(8 * rows as u128 * columns as u128);
    if rows < u32::MAX as usize && bytes <= u128::from(max_bytes) {
        return None;
    }
    Some(format!(
        "holds {rows} rows x {columns} columns, {bytes} bytes unpacked, above the limit of {max_bytes}; split it, leave \
         out columns, or raise the limit"
    ))
}

/// Runs a reader of polars on a file that may be garbage. Its decoders trust offsets and lengths in places and then
/// panic; the closure owns all that it touches, so nothing half-made outlives the panic.
fn guarded<T>(path: &Path, kind: &str, read: impl FnOnce() -> PolarsResult<T>) -> Result<T, Error> {
    let reason = match catch_unwind(AssertUnwindSafe(read)) {
        Ok(Ok(value)) => return Ok(value),
        Ok(Err(error)) => error.to_string(),
        Err(_) => "its parts contradict each other".to_owned(),
    };
    let reason = excerpt(reason.lines().next().unwrap_or_default());
    let problem = format!("cannot be read as {kind} ({reason}); it is damaged or cut off, write or download it again");
    Err(Error::unusable(path.display().to_string(), problem))
}

/// Views a frame as a raw table.
pub(super) fn from_frame<'a>(
    frame: &'a DataFrame,
    mut ignored: Vec<String>,
    origin: &str,
) -> Result<RawTable<'a>, Error> {
    let mut columns = Vec::new();
    if frame.height() >= u32::MAX as usize {
        return Err(Error::unusable(origin, "has more than 4,294,967,294 rows; split it"));
    }
    for column in frame.columns() {
        match cells(column).map_err(|error| Error::unusable(origin, error.to_string()))? {
            // A damaged file can make polars build a frame of uneven columns.
            Some(cells) if cells.len() != frame.height() => {
                let (name, cells, rows) = (column.name(), cells.len(), frame.height());
                let problem = format!("column `{name}` has {cells} cells for {rows} rows; the table is damaged");
                return Err(Error::unusable(origin, problem));
            }
            Some(cells) => columns.push(RawColumn { name: column.name().to_string(), cells }),
            None => ignored.push(column.name().to_string()),
        }
    }
    Ok(RawTable { origin: origin.to_owned(), rows: frame.height(), lines: None, columns, ignored })
}

/// The cells of a column, or `None` for types that no panel can hold.
fn cells(column: &Column) -> PolarsResult<Option<Cells<'_>>> {
    let series = column.as_materialized_series();
    Ok(Some(match series.dtype() {
        DataType::String => {
            Cells::Text(TextCells::Borrowed(series.str()?.iter().map(Option::unwrap_or_default).collect()))
        }
        DataType::Boolean | DataType::UInt64 | DataType::Float32 | DataType::Float64 => Cells::Number(numbers(series)?),
        DataType::Null => Cells::Number(vec![f64::NAN; series.len()]),
        dtype if dtype.is_integer() => Cells::Integer(integers(series)?),
        DataType::Date => {
            let scale = |days: i64| if days == MISSING { MISSING } else { days.saturating_mul(DAY) };
            Cells::Time(TimeCells { micros: integers(series)?.into_iter().map(scale).collect(), zone: None })
        }
        DataType::Datetime(unit, zone) => {
            let scale = |time: i64| match (time, unit) {
                (MISSING, _) => MISSING,
                (time, TimeUnit::Nanoseconds) => time.div_euclid(1_000),
                (time, TimeUnit::Microseconds) => time,
                (time, TimeUnit::Milliseconds) => time.saturating_mul(1_000).max(MISSING + 1),
            };
            let zone = zone.as_ref().map(|zone| zone.as_str().to_owned());
            Cells::Time(TimeCells { micros: integers(series)?.into_iter().map(scale).collect(), zone })
        }
        dtype if dtype.is_nested() => return Ok(None),
        // Categories, times of day, and text that an old writer did not mark as such.
        _ => {
            let Ok(series) = series.cast(&DataType::String) else { return Ok(None) };
            let spell = |cell: Option<&str>| cell.unwrap_or_default().to_owned();
            Cells::Text(TextCells::Owned(series.str()?.iter().map(spell).collect()))
        }
    }))
}

fn numbers(series: &Series) -> PolarsResult<Vec<f64>> {
    let series = series.cast(&DataType::Float64)?;
    Ok(series.f64()?.iter().map(|value| value.unwrap_or(f64::NAN)).collect())
}

fn integers(series: &Series) -> PolarsResult<Vec<i64>> {
    let series = series.to_physical_repr().cast(&DataType::Int64)?;
    Ok(series.i64()?.iter().map(|value| value.unwrap_or(MISSING)).collect())
}
