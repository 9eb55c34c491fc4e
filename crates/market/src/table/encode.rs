//! One segment of a table as bytes, and what holds segments together: head and end of a file.

use std::io::Write;
use std::num::NonZeroUsize;

use polars::prelude::{
    Column as FrameColumn, CompatLevel, CsvWriter, DataFrame, DataType, IntoColumn, IpcCompression, IpcWriter,
    JsonFormat, JsonWriter, NamedFrom, ParquetCompression, ParquetWriter, PolarsResult, SerWriter, Series,
    StatisticsOptions, TimeUnit,
};
use polars_arrow_format::ipc::planus::{Builder, ReadAsRoot};
use polars_arrow_format::ipc::{Block, Footer, FooterRef};
use polars_parquet_format::thrift::protocol::{TCompactInputProtocol, TCompactOutputProtocol};
use polars_parquet_format::{FileMetaData, RowGroup};

use super::journal::Entry;
use super::segments::{Cells, Compression, Format, Kind};
use crate::error::Error;

const DAY: i64 = 86_400_000_000;
/// Of Zstandard and gzip: a little faster than usual, as generated numbers hardly shrink.
const TEXT_LEVEL: u32 = 4;
const ZSTD_LEVEL: i32 = 3;
/// Bytes before the first row group, and behind the footer of a Parquet file.
const PARQUET_MAGIC: &[u8; 4] = b"PAR1";
/// Behind the footer of an Arrow file.
const ARROW_MAGIC: &[u8; 6] = b"ARROW1";
/// Ends the messages of an Arrow file.
const ARROW_END: [u8; 8] = [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0];

/// Turns rows into bytes of a format.
#[derive(Debug, Clone)]
pub struct Encoder {
    columns: Vec<(String, Kind)>,
    format: Format,
    compression: Compression,
    head: Vec<u8>,
    /// The footer of a file without rows.
    template: Vec<u8>,
}

/// A segment as bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoded {
    pub(super) rows: u64,
    pub(super) body: Vec<u8>,
    pub(super) footer: Vec<u8>,
}

impl Encoded {
    /// Number of bytes.
    pub fn bytes(&self) -> usize {
        self.body.len()
    }
}

impl Encoder {
    /// For a table of these columns.
    ///
    /// # Errors
    /// When two columns have one name.
    pub fn new(columns: Vec<(String, Kind)>, format: Format, compression: Compression) -> Result<Self, Error> {
        let mut encoder = Self { columns, format, compression, head: Vec::new(), template: Vec::new() };
        let nothing: Vec<Cells> = encoder.columns.iter().map(|(_, kind)| kind.nothing()).collect();
        let mut frame = encoder.frame(&nothing).map_err(failed)?;
        match format {
            Format::Csv => {
                let mut head = Vec::new();
                CsvWriter::new(&mut head).finish(&mut frame).map_err(failed)?;
                encoder.head = encoder.pack(head)?;
            }
            Format::Ndjson => {}
            Format::Parquet => {
                let file = encoder.parquet(&mut frame).map_err(failed)?;
                encoder.head = PARQUET_MAGIC.to_vec();
                encoder.template = parquet_footer(&file)?.to_vec();
            }
            Format::Ipc => {
                let file = encoder.ipc(&mut frame).map_err(failed)?;
                let footer = arrow_footer(&file)?;
                let messages = file.len() - footer.len() - ARROW_END.len() - 4 - ARROW_MAGIC.len();
                let blocks = read_footer(footer)?.record_batches.unwrap_or_default();
                let schema = blocks.first().map_or(messages, |block| block.offset as usize);
                encoder.head = file[..schema].to_vec();
                encoder.template = footer.to_vec();
            }
        }
        Ok(encoder)
    }

    /// The bytes of a segment.
    ///
    /// # Errors
    /// When columns differ in length or in kind from those of the table.
    pub fn encode(&self, cells: &[Cells]) -> Result<Encoded, Error> {
        let mut frame = self.frame(cells).map_err(failed)?;
        let rows = frame.height() as u64;
        let mut bytes = Vec::new();
        match self.format {
            Format::Csv => {
                let writer = CsvWriter::new(&mut bytes).include_header(false).n_threads(1);
                let writer = writer.with_batch_size(NonZeroUsize::new(8_192).expect("not 0"));
                let format = Some("%Y-%m-%dT%H:%M:%S".into());
                writer.with_datetime_format(format).finish(&mut frame).map_err(failed)?;
                Ok(Encoded { rows, body: self.pack(bytes)?, footer: Vec::new() })
            }
            Format::Ndjson => {
                JsonWriter::new(&mut bytes)
                    .with_json_format(JsonFormat::JsonLines)
                    .finish(&mut frame)
                    .map_err(failed)?;
                Ok(Encoded { rows, body: self.pack(bytes)?, footer: Vec::new() })
            }
            Format::Parquet => parquet_segment(rows, self.parquet(&mut frame).map_err(failed)?),
            Format::Ipc => arrow_segment(rows, self.ipc(&mut frame).map_err(failed)?, self.head.len()),
        }
    }

    /// The bytes before the first segment.
    pub(super) fn head(&self) -> &[u8] {
        &self.head
    }

    /// The bytes behind the last segment.
    pub(super) fn end(&self, entries: &[Entry]) -> Result<Vec<u8>, Error> {
        match self.format {
            Format::Csv | Format::Ndjson => Ok(Vec::new()),
            Format::Parquet => self.parquet_end(entries),
            Format::Ipc => self.arrow_end(entries),
        }
    }

    fn frame(&self, cells: &[Cells]) -> PolarsResult<DataFrame> {
        let columns = self.columns.iter().zip(cells).map(|((name, kind), cells)| frame_column(name, kind, cells));
        let columns = columns.collect::<PolarsResult<Vec<_>>>()?;
        DataFrame::new(cells.first().map_or(0, Cells::len), columns)
    }

    fn parquet(&self, frame: &mut DataFrame) -> PolarsResult<Vec<u8>> {
        let mut bytes = Vec::new();
        let compression = match self.compression {
            Compression::None => ParquetCompression::Uncompressed,
            Compression::Lz4 | Compression::Gzip => ParquetCompression::Lz4Raw,
            Compression::Zstd => ParquetCompression::Zstd(None),
        };
        let writer = ParquetWriter::new(&mut bytes).with_compression(compression).set_parallel(false);
        let writer =
            writer.with_statistics(StatisticsOptions::default()).with_row_group_size(Some(frame.height().max(1)));
        writer.finish(frame)?;
        Ok(bytes)
    }

    fn ipc(&self, frame: &mut DataFrame) -> PolarsResult<Vec<u8>> {
        let mut bytes = Vec::new();
        let compression = match self.compression {
            Compression::None => None,
            Compression::Lz4 | Compression::Gzip => Some(IpcCompression::LZ4),
            Compression::Zstd => Some(IpcCompression::default()),
        };
        // The oldest layout of texts, so that every Arrow library can read them.
        let mut writer = IpcWriter::new(&mut bytes).with_compat_level(CompatLevel::oldest());
        writer = writer.with_compression(compression).with_parallel(false);
        writer.finish(frame)?;
        Ok(bytes)
    }

    /// Text as the file's name asks for: members of gzip and frames of Zstandard can follow one another.
    fn pack(&self, text: Vec<u8>) -> Result<Vec<u8>, Error> {
        let packed = match self.compression {
            Compression::None | Compression::Lz4 => Ok(text),
            Compression::Zstd => zstd::encode_all(text.as_slice(), ZSTD_LEVEL),
            Compression::Gzip => {
                let level = flate2::Compression::new(TEXT_LEVEL);
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
                encoder.write_all(&text).and_then(|()| encoder.finish())
            }
        };
        packed.map_err(|error| Error::unusable("table", error.to_string()))
    }

    fn parquet_end(&self, entries: &[Entry]) -> Result<Vec<u8>, Error> {
        let mut metadata = read_metadata(&self.template)?;
        metadata.row_groups.clear();
        let mut start = self.head.len() as i64;
        for entry in entries {
            for mut group in read_groups(&entry.footer)? {
                shift(&mut group, start);
                group.ordinal = i16::try_from(metadata.row_groups.len()).ok();
                metadata.num_rows += group.num_rows;
                metadata.row_groups.push(group);
            }
            start += entry.bytes as i64;
        }
        let mut bytes = Vec::new();
        metadata.write_to_out_protocol(&mut TCompactOutputProtocol::new(&mut bytes)).map_err(broken)?;
        let length = u32::try_from(bytes.len()).map_err(|_| Error::unusable("table", "has too many row groups"))?;
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes.extend_from_slice(PARQUET_MAGIC);
        Ok(bytes)
    }

    fn arrow_end(&self, entries: &[Entry]) -> Result<Vec<u8>, Error> {
        let mut footer = read_footer(&self.template)?;
        let mut start = self.head.len() as i64;
        let mut blocks = Vec::new();
        for entry in entries {
            blocks.extend(read_blocks(&entry.footer).map(|block| Block { offset: block.offset + start, ..block }));
            start += entry.bytes as i64;
        }
        footer.record_batches = Some(blocks);
        let mut builder = Builder::new();
        let footer = builder.finish(&footer, None);
        let length =
            i32::try_from(footer.len()).map_err(|_| Error::unusable("table", "has too many record batches"))?;
        Ok([&ARROW_END, footer, &length.to_le_bytes(), ARROW_MAGIC.as_slice()].concat())
    }
}

impl Kind {
    fn nothing(&self) -> Cells {
        match self {
            Kind::Date | Kind::Time => Cells::Times(Vec::new()),
            Kind::Label(_) => Cells::Labels(Vec::new()),
            Kind::Number => Cells::Numbers(Vec::new()),
        }
    }
}

impl Cells {
    /// Number of rows.
    pub fn len(&self) -> usize {
        match self {
            Cells::Times(values) => values.len(),
            Cells::Labels(codes) => codes.len(),
            Cells::Numbers(values) => values.len(),
        }
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

fn frame_column(name: &str, kind: &Kind, cells: &Cells) -> PolarsResult<FrameColumn> {
    let series = |name: &str| name.into();
    Ok(match (kind, cells) {
        (Kind::Date, Cells::Times(times)) => {
            let days: Vec<i32> = times.iter().map(|time| time.div_euclid(DAY) as i32).collect();
            Series::new(series(name), days).cast(&DataType::Date)?.into_column()
        }
        (Kind::Time, Cells::Times(times)) => {
            Series::new(series(name), times).cast(&DataType::Datetime(TimeUnit::Microseconds, None))?.into_column()
        }
        (Kind::Label(labels), Cells::Labels(codes)) => {
            let texts: Vec<&str> = codes.iter().map(|&code| labels[code as usize].as_str()).collect();
            Series::new(series(name), texts).into_column()
        }
        (Kind::Number, Cells::Numbers(values)) if values.iter().all(|value| !value.is_nan()) => {
            Series::new(series(name), values).into_column()
        }
        (Kind::Number, Cells::Numbers(values)) => {
            let known: Vec<Option<f64>> = values.iter().map(|&v| (!v.is_nan()).then_some(v)).collect();
            Series::new(series(name), known).into_column()
        }
        _ => {
            let problem = format!("column `{name}` has cells of another kind than the table");
            return Err(polars::error::PolarsError::SchemaMismatch(problem.into()));
        }
    })
}

fn failed(error: impl std::fmt::Display) -> Error {
    Error::unusable("table", error.to_string())
}

/// What was just encoded, or stands in a journal under a hash, can be read unless there is a bug.
fn broken(error: impl std::fmt::Display) -> Error {
    Error::unusable("table", format!("a segment's footer cannot be read: {error}"))
}

fn parquet_footer(file: &[u8]) -> Result<&[u8], Error> {
    let length = file.len().checked_sub(8).map(|end| (end, &file[end..end + 4]));
    let (end, length) = length.ok_or_else(|| broken("too short"))?;
    let length = u32::from_le_bytes(length.try_into().expect("four bytes")) as usize;
    let start = end.checked_sub(length).ok_or_else(|| broken("too long"))?;
    Ok(&file[start..end])
}

fn read_metadata(footer: &[u8]) -> Result<FileMetaData, Error> {
    // What is read takes more memory than what is written, but not a hundred times as much.
    let most = footer.len() * 100 + 4_096;
    FileMetaData::read_from_in_protocol(&mut TCompactInputProtocol::new(footer, most)).map_err(broken)
}

/// Cuts a file of one segment down to its row groups. Page indexes, which name places in the file, are left out.
fn parquet_segment(rows: u64, mut file: Vec<u8>) -> Result<Encoded, Error> {
    let footer = parquet_footer(&file)?;
    let mut end = file.len() - 8 - footer.len();
    let mut metadata = read_metadata(footer)?;
    let start = PARQUET_MAGIC.len();
    for group in &mut metadata.row_groups {
        for column in &mut group.columns {
            for index in [column.column_index_offset.take(), column.offset_index_offset.take()].into_iter().flatten() {
                end = end.min(index as usize);
            }
            (column.column_index_length, column.offset_index_length) = (None, None);
        }
        shift(group, -(start as i64));
    }
    metadata.schema.clear();
    metadata.key_value_metadata = None;
    let mut kept = Vec::new();
    metadata.write_to_out_protocol(&mut TCompactOutputProtocol::new(&mut kept)).map_err(broken)?;
    file.truncate(end);
    file.drain(..start);
    Ok(Encoded { rows, body: file, footer: kept })
}

fn read_groups(footer: &[u8]) -> Result<Vec<RowGroup>, Error> {
    Ok(read_metadata(footer)?.row_groups)
}

/// Moves every place in the file that a row group names.
fn shift(group: &mut RowGroup, by: i64) {
    let add = |place: &mut Option<i64>| *place = place.map(|place| place + by);
    add(&mut group.file_offset);
    for column in &mut group.columns {
        column.file_offset += by;
        if let Some(metadata) = &mut column.meta_data {
            metadata.data_page_offset += by;
            add(&mut metadata.index_page_offset);
            add(&mut metadata.dictionary_page_offset);
            add(&mut metadata.bloom_filter_offset);
        }
    }
}

fn arrow_footer(file: &[u8]) -> Result<&[u8], Error> {
    let end = file.len().checked_sub(4 + ARROW_MAGIC.len()).ok_or_else(|| broken("too short"))?;
    let length = i32::from_le_bytes(file[end..end + 4].try_into().expect("four bytes"));
    let start = end.checked_sub(length as usize).ok_or_else(|| broken("too long"))?;
    Ok(&file[start..end])
}

fn read_footer(footer: &[u8]) -> Result<Footer, Error> {
    FooterRef::read_as_root(footer).and_then(Footer::try_from).map_err(broken)
}

/// Cuts a file of one segment down to its record batches.
fn arrow_segment(rows: u64, mut file: Vec<u8>, head: usize) -> Result<Encoded, Error> {
    let blocks = read_footer(arrow_footer(&file)?)?.record_batches.unwrap_or_default();
    let mut kept = Vec::with_capacity(blocks.len() * 24);
    let mut end = head;
    for block in blocks {
        end = end.max(block.offset as usize + block.meta_data_length as usize + block.body_length as usize);
        for number in [block.offset - head as i64, i64::from(block.meta_data_length), block.body_length] {
            kept.extend_from_slice(&number.to_le_bytes());
        }
    }
    file.truncate(end);
    file.drain(..head);
    Ok(Encoded { rows, body: file, footer: kept })
}

fn read_blocks(footer: &[u8]) -> impl Iterator<Item = Block> {
    footer.chunks_exact(24).map(|bytes| {
        let number = |place: usize| i64::from_le_bytes(bytes[place * 8..][..8].try_into().expect("eight bytes"));
        Block { offset: number(0), meta_data_length: number(1) as i32, body_length: number(2) }
    })
}
