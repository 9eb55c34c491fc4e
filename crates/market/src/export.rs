//! Panels out, as long tables that read back as the same panel.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use polars::prelude::{
    Column, CompatLevel, CsvWriter, DataFrame, DataType, Float64Chunked, IntoColumn, IntoSeries, IpcWriter, NamedFrom,
    NewChunkedArray, ParquetWriter, PlSmallStr, PolarsResult, SerWriter, Series, StringChunked, TimeUnit, TimeZone,
};

use crate::error::{Error, excerpt};
use crate::import::reads_as_missing_symbol;
use crate::panel::Panel;
use crate::staged::write_atomically;

const DAY: i64 = 86_400_000_000;

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Csv(Packing),
    Parquet,
    Ipc,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Packing {
    Plain,
    Gzip,
    Zstd,
}

/// Whether [`write_panel`] knows the format that the path's extension names; to be asked before long work.
///
/// # Errors
/// When it does not.
pub fn check_panel_extension(path: &Path) -> Result<(), Error> {
    format(path).map(drop)
}

/// Writes a panel as a long table with columns `date`, `symbol`, then fields and groups, whole or not at all, in the
/// format that the extension names: `.csv`, `.csv.gz`, `.csv.zst`, `.parquet`, `.ipc`, `.arrow` or `.feather`.
/// [`read_panel`](crate::read_panel) makes the same panel of it: times, zone, symbols, fields, groups and the bits of
/// every value. Cells without any value have no row; a bar or symbol without any has one empty row.
///
/// Times of a panel with a time zone carry it: as the column's type, and in text as
/// `2020-01-06T09:30:00-05:00[America/New_York]` (RFC 9557).
///
/// # Errors
/// When the extension is another one, a symbol would read back as missing, or the file cannot be written.
pub fn write_panel(panel: &Panel, path: &Path) -> Result<(), Error> {
    let format = format(path)?;
    let origin = path.display().to_string();
    if let Some(symbol) = panel.symbols().iter().find(|symbol| reads_as_missing_symbol(symbol)) {
        let problem = format!("symbol `{}` would read back as a missing one; rename it", excerpt(symbol));
        return Err(Error::unusable(origin, problem));
    }
    let mut frame = frame(panel, format).map_err(|error| Error::unusable(origin, error.to_string()))?;
    write_atomically(path, |file| match format {
        Format::Csv(Packing::Plain) => csv(&mut frame, &mut *file),
        Format::Csv(Packing::Gzip) => {
            let mut packed = flate2::write::GzEncoder::new(file, flate2::Compression::default());
            csv(&mut frame, &mut packed)?;
            packed.finish().map(drop)
        }
        Format::Csv(Packing::Zstd) => {
            let mut packed = zstd::Encoder::new(file, 0)?;
            csv(&mut frame, &mut packed)?;
            packed.finish().map(drop)
        }
        Format::Parquet => ParquetWriter::new(file).finish(&mut frame).map(drop).map_err(std::io::Error::other),
        Format::Ipc => ipc(&mut frame, file),
    })
}

fn format(path: &Path) -> Result<Format, Error> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    let known = [
        (".csv", Format::Csv(Packing::Plain)),
        (".csv.gz", Format::Csv(Packing::Gzip)),
        (".csv.zst", Format::Csv(Packing::Zstd)),
        (".parquet", Format::Parquet),
        (".ipc", Format::Ipc),
        (".arrow", Format::Ipc),
        (".feather", Format::Ipc),
    ];
    known.into_iter().find(|(extension, _)| name.ends_with(extension)).map(|(_, format)| format).ok_or_else(|| {
        let problem = "has no extension that tells the format of a panel; use .csv, .csv.gz, .csv.zst, .parquet, .ipc, \
                       .arrow or .feather";
        Error::unusable(path.display().to_string(), problem)
    })
}

fn csv(frame: &mut DataFrame, out: impl Write) -> std::io::Result<()> {
    let mut writer = CsvWriter::new(out).with_datetime_format(Some("%Y-%m-%dT%H:%M:%S%.f".into()));
    writer.finish(frame).map_err(std::io::Error::other)
}

/// The oldest layout of texts, so that every Arrow library can read them.
fn ipc(frame: &mut DataFrame, file: &mut File) -> std::io::Result<()> {
    IpcWriter::new(file).with_compat_level(CompatLevel::oldest()).finish(frame).map_err(std::io::Error::other)
}

fn frame(panel: &Panel, format: Format) -> PolarsResult<DataFrame> {
    let width = panel.symbols().len();
    let cells = rows(panel);
    let mut columns = vec![times(panel, &cells, format)?];
    let symbols = cells.iter().map(|&cell| panel.symbols()[cell % width].as_str());
    columns.push(StringChunked::from_iter_values("symbol".into(), symbols).into_series().into_column());
    for name in panel.field_names() {
        let values = panel.values(name).unwrap_or_default();
        let values = cells.iter().map(|&cell| Some(values[cell]).filter(|value| !value.is_nan()));
        columns.push(Float64Chunked::from_iter_options(name.into(), values).into_series().into_column());
    }
    for name in panel.group_names() {
        let Some(group) = panel.group(name) else { continue };
        let codes = group.codes.as_slice().unwrap_or_default();
        let label =
            |&cell: &usize| Some(codes[cell]).filter(|code| !code.is_nan()).map(|code| &group.labels[code as usize]);
        let labels = cells.iter().map(|cell| label(cell).map(String::as_str));
        columns.push(StringChunked::from_iter_options(name.into(), labels).into_series().into_column());
    }
    DataFrame::new(cells.len(), columns)
}

/// The cells that get a row, in order.
fn rows(panel: &Panel) -> Vec<usize> {
    let (bars, width) = (panel.bars(), panel.symbols().len());
    let mut used = vec![false; bars * width];
    for name in panel.field_names().chain(panel.group_names()) {
        for (used, value) in used.iter_mut().zip(panel.values(name).unwrap_or_default()) {
            *used |= !value.is_nan();
        }
    }
    for bar in 0..bars {
        let row = &mut used[bar * width..(bar + 1) * width];
        if let [first, ..] = row
            && !*first
            && row.iter().all(|used| !used)
        {
            row[0] = true;
        }
    }
    for symbol in (0..width).filter(|_| bars > 0) {
        if (0..bars).all(|bar| !used[bar * width + symbol]) {
            used[symbol] = true;
        }
    }
    (0..used.len()).filter(|&cell| used[cell]).collect()
}

fn times(panel: &Panel, cells: &[usize], format: Format) -> PolarsResult<Column> {
    let (calendar, width) = (panel.calendar(), panel.symbols().len());
    let name: PlSmallStr = "date".into();
    let bars = || cells.iter().map(|&cell| cell / width);
    let micros = || bars().map(|bar| calendar.times()[bar]);
    match calendar.time_zone() {
        None if calendar.times().iter().all(|time| time % DAY == 0) => {
            let days: Vec<i32> = micros().map(|time| (time / DAY) as i32).collect();
            Ok(Series::new(name, days).cast(&DataType::Date)?.into_column())
        }
        Some(zone) if matches!(format, Format::Csv(_)) => {
            let spelt: Vec<String> = calendar.times().iter().map(|&time| spell(time, zone)).collect();
            let texts = bars().map(|bar| spelt[bar].as_str());
            Ok(StringChunked::from_iter_values(name, texts).into_series().into_column())
        }
        zone => {
            let zone = TimeZone::opt_try_new(zone)?;
            let times = Series::new(name, micros().collect::<Vec<i64>>());
            Ok(times.cast(&DataType::Datetime(TimeUnit::Microseconds, zone))?.into_column())
        }
    }
}

fn spell(time: i64, zone: &str) -> String {
    let stamp = jiff::Timestamp::from_microsecond(time).expect("a calendar holds dates only");
    let zone = jiff::tz::TimeZone::get(zone).expect("a calendar holds a known zone");
    stamp.to_zoned(zone).to_string()
}
