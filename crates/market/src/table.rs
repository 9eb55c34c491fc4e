//! Tables out: named columns to CSV, Parquet, Arrow IPC and JSON, in one go or [segment by segment](SegmentWriter).

mod encode;
mod journal;
mod segments;

use std::fs::File;
use std::path::Path;

use polars::prelude::{
    Column as FrameColumn, CompatLevel, CsvWriter, DataFrame, DataType, IntoColumn, IpcWriter, JsonFormat, JsonWriter,
    NamedFrom, ParquetWriter, PolarsResult, SerWriter, Series, TimeUnit,
};

pub use self::encode::{Encoded, Encoder};
pub use self::segments::{Cells, Compression, Format, Kind, SegmentWriter, Written};
use crate::error::Error;
use crate::panel::Panel;
use crate::staged::write_atomically;

const DAY: i64 = 86_400_000_000;

/// The values of one column.
#[derive(Debug, Clone, PartialEq)]
pub enum Column {
    /// Text.
    Text(Vec<String>),
    /// Numbers; NaN is written as null.
    Number(Vec<f64>),
    /// Whole numbers.
    Integer(Vec<i64>),
    /// Microseconds since 1970-01-01T00:00 UTC; written as dates when all of them are midnights.
    Time(Vec<i64>),
}

impl Column {
    /// Number of rows.
    pub fn len(&self) -> usize {
        match self {
            Column::Text(values) => values.len(),
            Column::Number(values) => values.len(),
            Column::Integer(values) | Column::Time(values) => values.len(),
        }
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Named columns of equal length, in order.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Table {
    columns: Vec<(String, Column)>,
}

impl Table {
    /// A table without columns.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a column at the right.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, column: Column) -> Self {
        self.columns.push((name.into(), column));
        self
    }

    /// The columns in order.
    pub fn columns(&self) -> &[(String, Column)] {
        &self.columns
    }

    /// Number of rows, 0 without columns.
    pub fn rows(&self) -> usize {
        self.columns.first().map_or(0, |(_, column)| column.len())
    }

    /// The table as a data frame.
    ///
    /// # Errors
    /// When columns differ in length or two have one name.
    pub fn to_frame(&self) -> Result<DataFrame, Error> {
        let columns = self.columns.iter().map(|(name, column)| frame_column(name, column));
        columns
            .collect::<PolarsResult<Vec<_>>>()
            .and_then(|columns| DataFrame::new(self.rows(), columns))
            .map_err(|error| Error::unusable("table", error.to_string()))
    }

    /// Writes the table, whole or not at all, in the format that the extension names: `csv`, `parquet`, `json` (one array
    /// of objects), `ndjson` (an object a line), or `ipc`, `arrow` or `feather`.
    ///
    /// # Errors
    /// When the extension is another one, the columns make no table, or the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), Error> {
        check_extension(path)?;
        let mut frame = self.to_frame()?;
        write_atomically(path, |file| write_frame(&mut frame, file, &extension(path)).map_err(std::io::Error::other))
    }
}

/// Whether [`Table::write`] knows the format that the path's extension names; to be asked before long work.
///
/// # Errors
/// When it does not.
pub fn check_extension(path: &Path) -> Result<(), Error> {
    if ["csv", "parquet", "json", "ndjson", "ipc", "arrow", "feather"].contains(&extension(path).as_str()) {
        return Ok(());
    }
    let problem =
        "has no extension that tells the format; use .csv, .parquet, .json, .ndjson, .ipc, .arrow or .feather";
    Err(Error::unusable(path.display().to_string(), problem))
}

/// Values over a panel as a long table with columns `date`, `symbol`, `value`, bar by bar; null where undefined.
/// `values` is `[bars x symbols]`, flat, and may hold fewer bars than the panel.
pub fn long_values(panel: &Panel, values: &[f64]) -> Table {
    let times = panel.calendar().times();
    let symbols = panel.symbols();
    let rows = || times.iter().flat_map(|time| symbols.iter().map(move |symbol| (*time, symbol))).take(values.len());
    Table::new()
        .with("date", Column::Time(rows().map(|(time, _)| time).collect()))
        .with("symbol", Column::Text(rows().map(|(_, symbol)| symbol.clone()).collect()))
        .with("value", Column::Number(values.to_vec()))
}

fn extension(path: &Path) -> String {
    path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase()
}

fn frame_column(name: &str, column: &Column) -> PolarsResult<FrameColumn> {
    let name = name.into();
    Ok(match column {
        Column::Text(values) => Series::new(name, values).into_column(),
        Column::Number(values) => {
            let known: Vec<Option<f64>> = values.iter().map(|&v| if v.is_nan() { None } else { Some(v) }).collect();
            Series::new(name, known).into_column()
        }
        Column::Integer(values) => Series::new(name, values).into_column(),
        Column::Time(values) if values.iter().all(|time| time % DAY == 0) => {
            let days: Vec<i32> = values.iter().map(|time| (time / DAY) as i32).collect();
            Series::new(name, days).cast(&DataType::Date)?.into_column()
        }
        Column::Time(values) => {
            Series::new(name, values).cast(&DataType::Datetime(TimeUnit::Microseconds, None))?.into_column()
        }
    })
}

fn write_frame(frame: &mut DataFrame, file: &mut File, extension: &str) -> PolarsResult<()> {
    match extension {
        "csv" => CsvWriter::new(file).with_datetime_format(Some("%Y-%m-%dT%H:%M:%S%.f".into())).finish(frame),
        "parquet" => ParquetWriter::new(file).finish(frame).map(drop),
        "json" => JsonWriter::new(file).with_json_format(JsonFormat::Json).finish(frame),
        "ndjson" => JsonWriter::new(file).with_json_format(JsonFormat::JsonLines).finish(frame),
        // The oldest layout of texts, so that every Arrow library can read them.
        _ => IpcWriter::new(file).with_compat_level(CompatLevel::oldest()).finish(frame),
    }
}
