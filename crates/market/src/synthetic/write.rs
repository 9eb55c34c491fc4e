//! A synthetic market on disk: streamed, in parallel, in bounded memory.

use std::path::Path;
use std::sync::Arc;

use rayon::prelude::*;

use super::generator::{Chunk, Generator};
use super::model::Synthetic;
use super::panel::pool;
use super::plant::Truth;
use super::symbol::CLOSE;
use crate::error::Error;
use crate::table::{Cells, Compression, Encoded, Encoder, Format, Kind, SegmentWriter, Written};

/// Version of the generator: with the same version, the same spec gives the same bytes.
pub const GENERATOR: u32 = 1;
/// Rows of a segment: a row group of Parquet, a record batch of Arrow IPC.
pub const SEGMENT_ROWS: usize = 1 << 17;

/// How to write a synthetic market.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WriteOptions {
    /// `None`: as the file's name says, and else LZ4 in Parquet and Arrow IPC.
    pub compression: Option<Compression>,
    /// Threads that make and encode bars.
    pub threads: usize,
    /// Rows that are made at a time: a bar of all symbols at least, and [`WriteOptions::MOST_CHUNK_ROWS`] at most.
    pub chunk_rows: usize,
    /// Go on with what an earlier attempt left.
    pub resume: bool,
}

impl WriteOptions {
    /// More rows at a time only take memory.
    pub const MOST_CHUNK_ROWS: usize = 1 << 22;

    fn chunk_bars(&self, synthetic: &Synthetic) -> usize {
        (self.chunk_rows.min(Self::MOST_CHUNK_ROWS) / synthetic.spec.symbols).clamp(1, synthetic.spec.bars)
    }
}

impl Default for WriteOptions {
    fn default() -> Self {
        Self { compression: None, threads: 1, chunk_rows: SEGMENT_ROWS, resume: false }
    }
}

/// How far writing has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Bars that were made, of all.
    pub bars: usize,
    /// Rows that an earlier attempt left.
    pub resumed: u64,
}

impl Synthetic {
    /// Writes the market as a long table with columns date, symbol, open, high, low, close, volume, then split and sector
    /// where there are such, ordered by date and then symbol; the extension says which format ([`Format::of`]). A symbol
    /// without a bar has no row. The bytes are the same at any number of threads and size of chunks. Beside the file,
    /// `FILE.manifest.toml` says how to make it again.
    ///
    /// # Errors
    /// When the file cannot be written, its name tells no format, or as [`Generator::new`]. What is unfinished then stays
    /// beside the file under a name that begins with a dot, to be gone on with.
    pub fn write(
        &self,
        truth: Option<Box<dyn Truth + '_>>,
        path: &Path,
        options: &WriteOptions,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Written, Error> {
        let (format, compression) = Format::of(path, options.compression)?;
        let columns = self.columns();
        let encoder = Encoder::new(columns.clone(), format, compression)?;
        let mut generator = Generator::new(self, truth)?;
        let identity = self.identity(format, compression);
        let mut writer = SegmentWriter::open(path, encoder, identity, options.resume)?;
        let resumed = writer.rows();
        let pool = pool(options.threads);
        let bars = options.chunk_bars(self);
        let mut rows = Rows::new(self, columns, resumed);
        let in_flight = in_flight(options.threads);
        loop {
            let chunk = pool.install(|| generator.advance(bars));
            let done = chunk.bars() == 0;
            rows.take(&chunk);
            progress(Progress { bars: chunk.first_bar() + chunk.bars(), resumed });
            while rows.full() >= in_flight || (done && rows.any()) {
                let segments = rows.next(in_flight, done);
                let encode = |cells: &Vec<Cells>| writer.encoder().encode(cells);
                let encoded: Vec<Result<Encoded, Error>> = pool.install(|| segments.par_iter().map(encode).collect());
                rows.reuse(segments);
                for segment in encoded {
                    writer.append(segment?)?;
                }
            }
            if done {
                break;
            }
        }
        let written = writer.finish()?;
        let mut manifest = path.as_os_str().to_owned();
        manifest.push(".manifest.toml");
        let text = self.manifest(path, format, compression, written);
        crate::write_atomically(Path::new(&manifest), |file| std::io::Write::write_all(file, text.as_bytes()))?;
        Ok(written)
    }

    /// About what [`Synthetic::write`] takes of memory, in bytes.
    pub fn write_memory(&self, format: Format, options: &WriteOptions) -> u64 {
        let bars = options.chunk_bars(self);
        let a_row = (8 + 8 + 8 * self.fields().len()) as u64;
        let rows = self.cells().min(SEGMENT_ROWS as u64);
        // Buffers of text grow by doubling.
        let a_written_row = match format {
            Format::Csv => 3 * a_row,
            Format::Ndjson => 6 * a_row,
            Format::Parquet | Format::Ipc => a_row,
        };
        let segments = (self.cells() / SEGMENT_ROWS as u64 + 1).min(in_flight(options.threads) as u64);
        // Cells that wait, what became of them, and on each thread a frame of polars and its pages.
        let waiting = (segments + 2) * rows * a_row;
        let encoded = segments * rows * a_written_row;
        let encoding = (options.threads as u64).min(segments) * rows * a_row * 3;
        (24 << 20) + Generator::memory(self, bars) + waiting + encoded + encoding
    }

    fn columns(&self) -> Vec<(String, Kind)> {
        let date = if self.clock.is_dates() { Kind::Date } else { Kind::Time };
        let mut columns =
            vec![("date".to_owned(), date), ("symbol".to_owned(), Kind::Label(Arc::from(self.symbols())))];
        columns.extend(self.fields().iter().map(|&name| (name.to_owned(), Kind::Number)));
        if self.spec.sectors > 0 {
            columns.push(("sector".to_owned(), Kind::Label(Arc::from(self.sectors()))));
        }
        columns
    }

    /// A hash of all that the bytes of a file follow from.
    fn identity(&self, format: Format, compression: Compression) -> u64 {
        let text = format!("{GENERATOR} {SEGMENT_ROWS} {format:?} {compression:?}\n{}", self.spec.to_toml());
        twox_hash::XxHash3_64::oneshot(text.as_bytes())
    }

    fn manifest(&self, path: &Path, format: Format, compression: Compression, written: Written) -> String {
        let name = toml::Value::from(path.file_name().unwrap_or_default().to_string_lossy().as_ref());
        let Written { rows, bytes, xxh3 } = written;
        let spec: toml::Table = toml::from_str(&self.spec.to_toml()).expect("a spec is written as TOML");
        let spec = toml::Table::from_iter([("spec".to_owned(), toml::Value::Table(spec))]);
        format!(
            "# A synthetic market of evoquant. To make it again: evoquant data synth --spec THIS_FILE --out {name}\n\
             generator = {GENERATOR}\nversion = \"{}\"\nfile = {name}\nformat = \"{}\"\ncompression = \"{}\"\n\
             segment_rows = {SEGMENT_ROWS}\nrows = {rows}\nbytes = {bytes}\nxxh3 = \"{xxh3:016x}\"\n\
             first_bar = {}\nlast_bar = {}\n\n{}",
            env!("CARGO_PKG_VERSION"),
            format!("{format:?}").to_lowercase(),
            format!("{compression:?}").to_lowercase(),
            toml::Value::from(self.label(0)),
            toml::Value::from(self.label(self.spec.bars - 1)),
            toml::to_string(&spec).expect("a table of plain values"),
        )
    }

    fn label(&self, bar: usize) -> String {
        let stamp = jiff::Timestamp::from_microsecond(self.time(bar)).expect("the clock's times are dates");
        jiff::tz::TimeZone::UTC.to_datetime(stamp).to_string()
    }
}

/// Segments that are encoded in one go: two a thread, so that none waits long for the others.
fn in_flight(threads: usize) -> usize {
    2 * threads.max(1)
}

/// Rows of the long table, cut into segments.
struct Rows<'a> {
    synthetic: &'a Synthetic,
    columns: Vec<(String, Kind)>,
    /// Whole segments, and the one that is being filled.
    segments: Vec<Vec<Cells>>,
    spare: Vec<Vec<Cells>>,
    /// Rows that are in the file already.
    skip: u64,
}

impl<'a> Rows<'a> {
    fn new(synthetic: &'a Synthetic, columns: Vec<(String, Kind)>, skip: u64) -> Self {
        Self { synthetic, columns, segments: Vec::new(), spare: Vec::new(), skip }
    }

    /// Whole segments.
    fn full(&self) -> usize {
        let is_full = |segment: &&Vec<Cells>| segment[0].len() == SEGMENT_ROWS;
        self.segments.iter().filter(is_full).count()
    }

    fn any(&self) -> bool {
        !self.segments.is_empty()
    }

    /// The next segments, up to so many: whole ones, unless it is the end.
    fn next(&mut self, most: usize, end: bool) -> Vec<Vec<Cells>> {
        let there = if end { self.segments.len() } else { self.full() };
        self.segments.drain(..there.min(most)).collect()
    }

    fn reuse(&mut self, segments: Vec<Vec<Cells>>) {
        self.spare.extend(segments);
    }

    fn take(&mut self, chunk: &Chunk<'_>) {
        for row in 0..chunk.bars() {
            let time = self.synthetic.time(chunk.first_bar() + row);
            for (first, closes) in chunk.row(CLOSE, row) {
                // Pieces without holes, which nearly all are, go in whole.
                if closes.iter().all(|close| !close.is_nan()) {
                    self.put(chunk, row, time, first, 0..closes.len());
                    continue;
                }
                for lane in (0..closes.len()).filter(|&lane| !closes[lane].is_nan()) {
                    self.put(chunk, row, time, first, lane..lane + 1);
                }
            }
        }
    }

    /// Takes neighbouring symbols of a bar.
    fn put(&mut self, chunk: &Chunk<'_>, row: usize, time: i64, first: usize, mut lanes: std::ops::Range<usize>) {
        let skipped = self.skip.min(lanes.len() as u64);
        self.skip -= skipped;
        lanes.start += skipped as usize;
        while !lanes.is_empty() {
            if self.segments.last().is_none_or(|segment| segment[0].len() == SEGMENT_ROWS) {
                let segment = self.segment();
                self.segments.push(segment);
            }
            let segment = self.segments.last_mut().expect("one was pushed");
            let count = lanes.len().min(SEGMENT_ROWS - segment[0].len());
            let part = lanes.start..lanes.start + count;
            let symbols = first + part.start..first + part.end;
            let mut fields = 0;
            for (place, cells) in segment.iter_mut().enumerate() {
                match cells {
                    Cells::Times(times) => times.resize(times.len() + count, time),
                    Cells::Labels(codes) if place == 1 => codes.extend(symbols.clone().map(|symbol| symbol as u32)),
                    Cells::Labels(codes) => {
                        let sector = |symbol| self.synthetic.sector(symbol).expect("there are sectors") as u32;
                        codes.extend(symbols.clone().map(sector));
                    }
                    Cells::Numbers(values) => {
                        values.extend_from_slice(&chunk.piece(fields, row, first)[part.clone()]);
                        fields += 1;
                    }
                }
            }
            lanes.start += count;
        }
    }

    /// An empty segment.
    fn segment(&mut self) -> Vec<Cells> {
        if let Some(mut segment) = self.spare.pop() {
            for cells in &mut segment {
                match cells {
                    Cells::Times(values) => values.clear(),
                    Cells::Labels(codes) => codes.clear(),
                    Cells::Numbers(values) => values.clear(),
                }
            }
            return segment;
        }
        let cells = |(_, kind): &(String, Kind)| match kind {
            Kind::Date | Kind::Time => Cells::Times(Vec::with_capacity(SEGMENT_ROWS)),
            Kind::Label(_) => Cells::Labels(Vec::with_capacity(SEGMENT_ROWS)),
            Kind::Number => Cells::Numbers(Vec::with_capacity(SEGMENT_ROWS)),
        };
        self.columns.iter().map(cells).collect()
    }
}
