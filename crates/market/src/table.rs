//! Tables on their way to files: named columns, written as CSV, Parquet or Arrow IPC, whole or not at all.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use polars::io::SerWriter;
use polars::prelude::{
    ChunkedArray, CompatLevel, CsvWriter, DataFrame, Float64Type, Int32Type, Int64Type, IntoColumn, IntoSeries,
    IpcWriter, NewChunkedArray, ParquetWriter, PolarsResult, StringChunked, TimeUnit,
};

use crate::error::Error;
use crate::panel::Panel;

const DAY: i64 = 86_400_000_000;
const KINDS: &str = ".csv, .parquet, .ipc, .arrow, .feather";

/// The values of one column.
#[derive(Debug, Clone, PartialEq)]
pub enum Column {
    /// Text.
    Text(Vec<String>),
    /// Numbers; NaN is written as null.
    Number(Vec<f64>),
    /// Whole numbers.
    Integer(Vec<i64>),
    /// Microseconds since 1970-01-01T00:00 UTC; written as dates when all stand at midnight.
    Time(Vec<i64>),
}

impl Column {
    /// Number of values.
    pub fn len(&self) -> usize {
        match self {
            Column::Text(values) => values.len(),
            Column::Number(values) => values.len(),
            Column::Integer(values) | Column::Time(values) => values.len(),
        }
    }

    /// Whether there is no value.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn to_polars(&self, name: &str) -> polars::prelude::Column {
        let name = name.into();
        let series = match self {
            Column::Text(values) => StringChunked::from_slice(name, values).into_series(),
            Column::Number(values) => {
                let present = values.iter().map(|&value| (!value.is_nan()).then_some(value));
                ChunkedArray::<Float64Type>::from_iter_options(name, present).into_series()
            }
            Column::Integer(values) => ChunkedArray::<Int64Type>::from_slice(name, values).into_series(),
            Column::Time(values) => match whole_days(values) {
                Some(days) => ChunkedArray::<Int32Type>::from_vec(name, days).into_date().into_series(),
                None => ChunkedArray::<Int64Type>::from_slice(name, values)
                    .into_datetime(TimeUnit::Microseconds, None)
                    .into_series(),
            },
        };
        series.into_column()
    }
}

/// Named columns of equal length.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Table {
    columns: Vec<(String, Column)>,
}

impl Table {
    /// A table without columns.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a column to the right.
    ///
    /// # Panics
    /// When the name is taken or the length is not that of the columns before it.
    #[must_use]
    pub fn with(mut self, name: &str, column: Column) -> Self {
        assert!(self.column(name).is_none(), "a table has one column `{name}`");
        if let Some((other, first)) = self.columns.first() {
            assert_eq!(first.len(), column.len(), "column `{name}` must be as long as `{other}`");
        }
        self.columns.push((name.to_owned(), column));
        self
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.columns.first().map_or(0, |(_, column)| column.len())
    }

    /// Names and values, left to right.
    pub fn columns(&self) -> impl Iterator<Item = (&str, &Column)> {
        self.columns.iter().map(|(name, column)| (name.as_str(), column))
    }

    /// The column of that name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns().find(|(other, _)| *other == name).map(|(_, column)| column)
    }

    /// The table as a polars frame; NaN becomes null.
    ///
    /// # Panics
    /// Never: names differ and lengths agree by construction.
    pub fn to_frame(&self) -> DataFrame {
        let columns = self.columns().map(|(name, column)| column.to_polars(name)).collect();
        DataFrame::new(self.rows(), columns).expect("names differ and lengths agree by construction")
    }

    /// Writes the table as CSV, Parquet (zstd) or Arrow IPC, as the extension says. What stood under the name before
    /// is replaced at once when all is written, and left as it was on any error.
    ///
    /// # Errors
    /// When the extension is another, or the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), Error> {
        let kind = Kind::of(path)?;
        let mut frame = self.to_frame();
        write_atomically(path, |file| kind.write(file, &mut frame).map_err(io::Error::other))
    }

    /// Whether [`Table::write`] knows the extension of a path, for a check before the work and not after it.
    ///
    /// # Errors
    /// When the extension is none that it knows; the message lists these.
    pub fn check_path(path: &Path) -> Result<(), Error> {
        Kind::of(path).map(|_| ())
    }
}

/// One value a bar and symbol as a long table: columns `date`, `symbol` and `value`, by bar and then symbol; null
/// where the value is undefined.
///
/// # Panics
/// When `values` is not `[bars x symbols]`, row after row.
pub fn long_values(panel: &Panel, values: &[f64]) -> Table {
    let (bars, symbols) = (panel.bars(), panel.symbols());
    assert_eq!(values.len(), bars * symbols.len(), "values are [bars x symbols]");
    let times = panel.calendar().times().iter().flat_map(|&time| std::iter::repeat_n(time, symbols.len()));
    let names = (0..bars).flat_map(|_| symbols.iter().cloned());
    Table::new()
        .with("date", Column::Time(times.collect()))
        .with("symbol", Column::Text(names.collect()))
        .with("value", Column::Number(values.to_vec()))
}

/// Writes a file under a temporary name in the same folder, flushes it to the disk, and only then gives it its name:
/// after an error or a crash the name holds what it held before.
///
/// # Errors
/// When the file cannot be created, written or renamed, or `write` says so.
pub fn write_atomically(path: &Path, write: impl FnOnce(&mut File) -> io::Result<()>) -> Result<(), Error> {
    let failed = |source| Error::Write { path: path.to_owned(), source };
    if path.is_dir() {
        return Err(failed(io::Error::from(io::ErrorKind::IsADirectory)));
    }
    let (mut file, temporary) = create_beside(path).map_err(failed)?;
    let written = write(&mut file).and_then(|()| file.sync_all());
    drop(file);
    written.and_then(|()| std::fs::rename(&temporary, path)).map_err(|source| {
        // The first error is the one worth telling; a temporary file left behind harms nobody.
        let _ = std::fs::remove_file(&temporary);
        failed(source)
    })
}

/// Process and counter make the name ours alone among the runs and threads that write to a folder.
fn create_beside(path: &Path) -> io::Result<(File, PathBuf)> {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    loop {
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let temporary = path.with_file_name(format!(".evoquant-{}-{number}.partial", std::process::id()));
        match File::create_new(&temporary) {
            Ok(file) => return Ok((file, temporary)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Csv,
    Parquet,
    Ipc,
}

impl Kind {
    fn of(path: &Path) -> Result<Self, Error> {
        let extension = path.extension().and_then(OsStr::to_str).map(str::to_ascii_lowercase);
        match extension.as_deref() {
            Some("csv") => Ok(Kind::Csv),
            Some("parquet") => Ok(Kind::Parquet),
            Some("ipc" | "arrow" | "feather") => Ok(Kind::Ipc),
            _ => {
                let problem = format!("has no extension that tells how to write it; known are {KINDS}");
                Err(Error::unusable(path.display().to_string(), problem))
            }
        }
    }

    fn write(self, file: &mut File, frame: &mut DataFrame) -> PolarsResult<()> {
        match self {
            Kind::Csv => {
                // A fraction of a second is printed only where there is one.
                let times = Some("%Y-%m-%dT%H:%M:%S%.f".into());
                CsvWriter::new(file).with_datetime_format(times).finish(frame)
            }
            Kind::Parquet => ParquetWriter::new(file).finish(frame).map(|_| ()),
            // The oldest layout of texts, so that every Arrow library can read them.
            Kind::Ipc => IpcWriter::new(file).with_compat_level(CompatLevel::oldest()).finish(frame),
        }
    }
}

fn whole_days(times: &[i64]) -> Option<Vec<i32>> {
    let day = |&time: &i64| if time % DAY == 0 { i32::try_from(time / DAY).ok() } else { None };
    times.iter().map(day).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ImportOptions, import_frame, read_panel};

    fn sample() -> Table {
        Table::new()
            .with("date", Column::Time(vec![0, DAY, DAY]))
            .with("symbol", Column::Text(vec!["A".to_owned(), "A".to_owned(), "B, \"b\"".to_owned()]))
            .with("close", Column::Number(vec![0.1 + 0.2, f64::NAN, 1e-300]))
            .with("volume", Column::Integer(vec![1, 2, i64::from(u32::MAX)]))
    }

    #[test]
    fn csv_is_plain_and_loses_no_digit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.csv");
        sample().write(&path).unwrap();
        assert_eq!(
            std::fs::read_to_string(&path).unwrap(),
            "date,symbol,close,volume\n1970-01-01,A,0.30000000000000004,1\n1970-01-02,A,,2\n\
             1970-01-02,\"B, \"\"b\"\"\",1e-300,4294967295\n"
        );
        let times = Table::new().with("date", Column::Time(vec![1_000_000, DAY + 500_000]));
        times.write(&path).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "date\n1970-01-01T00:00:01\n1970-01-02T00:00:00.500\n");
        Table::new().with("x", Column::Number(vec![])).write(&path).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "x\n");
    }

    #[test]
    fn every_kind_gives_the_same_panel_as_the_frame() {
        let folder = tempfile::tempdir().unwrap();
        let options = ImportOptions::default();
        let expected = import_frame(&sample().to_frame(), &options).unwrap().panel;
        assert_eq!(expected.symbols(), ["A", "B, \"b\""]);
        for extension in ["csv", "parquet", "ipc", "arrow", "feather"] {
            let path = folder.path().join(format!("t.{extension}"));
            sample().write(&path).unwrap();
            let panel = read_panel(&path, &options).unwrap().panel;
            assert_eq!(panel.fingerprint(), expected.fingerprint(), "{extension}");
        }
    }

    #[test]
    fn an_unknown_extension_writes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["t.xlsx", "t", "t.csv.gz"] {
            let error = sample().write(&folder.path().join(name)).unwrap_err().to_string();
            assert!(error.contains(name) && error.contains(KINDS), "{error}");
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_stood_there_stays_when_writing_fails() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.csv");
        std::fs::write(&path, "before").unwrap();
        let error = write_atomically(&path, |file| {
            io::Write::write_all(file, b"half")?;
            Err(io::Error::other("disk on fire"))
        });
        assert!(error.unwrap_err().to_string().contains("t.csv: disk on fire"));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "before");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        assert!(write_atomically(folder.path(), |_| Ok(())).is_err());
        assert!(write_atomically(&folder.path().join("no/t.csv"), |_| Ok(())).is_err());
    }

    #[test]
    fn long_values_name_bar_and_symbol() {
        let panel = import_frame(&sample().to_frame(), &ImportOptions::default()).unwrap().panel;
        let table = long_values(&panel, &[1.0, f64::NAN, 3.0, 4.0]);
        assert_eq!(table.rows(), 4);
        assert_eq!(table.column("date"), Some(&Column::Time(vec![0, 0, DAY, DAY])));
        assert_eq!(table.to_frame().column("value").unwrap().null_count(), 1);
    }
}
