//! Files read piece by piece give what one import of the whole gives.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use market::{
    Error, Found, ImportOptions, PanelCache, RandomWalk, RowOrder, count_rows, import_frame, read_panel, stream_panel,
};

/// Within so little memory that the files below come in dozens of pieces.
const LITTLE: u64 = 100_000;

/// Rows of a random market, sorted by date, with everything in them that an import mends.
fn rows(by: RowOrder) -> Vec<String> {
    let walk = RandomWalk { bars: 400, symbols: 12, seed: 5, gap_rate: 0.1, late_listing_rate: 0.4 };
    let panel = walk.panel();
    let cell = |name: &str, bar: usize, symbol: usize| panel.values(name).unwrap()[bar * 12 + symbol];
    let mut rows = Vec::new();
    let mut add = |bar: usize, symbol: usize| {
        if cell("close", bar, symbol).is_nan() {
            return;
        }
        let (date, name) = (panel.calendar().label(bar), &panel.symbols()[symbol]);
        let sector = ["energy", "banks", "", "\"food, \"\"and\"\" drink\""][symbol % 4];
        let number = bar * 12 + symbol;
        let [mut open, high, low, mut close] = ["open", "high", "low", "close"].map(|name| cell(name, bar, symbol));
        match number % 97 {
            1 => close = -1.0,
            2 => open = high * 2.0,
            6 => close = f64::NAN,
            _ => {}
        }
        let volume = match number % 97 {
            3 => "-5".to_owned(),
            4 => "inf".to_owned(),
            5 => "null".to_owned(),
            _ => cell("volume", bar, symbol).to_string(),
        };
        let close = if close.is_nan() { String::new() } else { close.to_string() };
        let row = format!("{date},{name},{open},{high},{low},{close},{volume},{sector}");
        if number % 89 == 7 {
            rows.push(row.replace(&format!(",{volume},"), ",77,"));
        }
        if number % 211 == 9 {
            rows.push(format!(",{name},1,1,1,1,1,"));
        }
        rows.push(row);
    };
    match by {
        RowOrder::Dates => (0..400).for_each(|bar| (0..12).for_each(|symbol| add(bar, symbol))),
        RowOrder::Symbols => (0..12).for_each(|symbol| (0..400).for_each(|bar| add(bar, symbol))),
    }
    rows
}

const HEADER: &str = "date,symbol,open,high,low,close,volume,sector";

fn csv(rows: &[String]) -> String {
    let mut text = format!("\n{HEADER}\r\n");
    for (number, row) in rows.iter().enumerate() {
        let blank = if number % 50 == 0 { "\r\n" } else { "" };
        write!(text, "{blank}{row}\r\n").unwrap();
    }
    text
}

fn files(folder: &Path, by: RowOrder) -> Vec<PathBuf> {
    let text = csv(&rows(by));
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(text.as_bytes()).unwrap();
    let zstd = zstd::encode_all(text.as_bytes(), 1).unwrap();
    let plain = write("bars.csv", text.as_bytes());
    let mut files = vec![plain, write("bars.csv.gz", &gzip.finish().unwrap()), write("bars.csv.zst", &zstd)];
    let parquet = folder.join("bars.parquet");
    write_parquet(&text, &parquet);
    files.push(parquet);
    files
}

/// The same rows as texts and numbers in Parquet, in row groups of 1,000.
fn write_parquet(text: &str, path: &Path) {
    use market::polars::prelude::{CsvReadOptions, ParquetWriter, SerReader};
    let options = CsvReadOptions::default().with_has_header(true).with_infer_schema_length(None);
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let text = lines.join("\n");
    let mut frame = options.into_reader_with_file_handle(std::io::Cursor::new(text)).finish().unwrap();
    let file = std::fs::File::create(path).unwrap();
    ParquetWriter::new(file).with_row_group_size(Some(1_000)).finish(&mut frame).unwrap();
}

#[test]
fn a_kept_panel_of_a_file_larger_than_memory_is_the_imported_one() {
    for by in [RowOrder::Dates, RowOrder::Symbols] {
        let folder = tempfile::tempdir().unwrap();
        let cache = PanelCache::new(folder.path().join("panels"));
        for path in files(folder.path(), by) {
            let whole = read_panel(&path, &ImportOptions::default()).unwrap();
            let options = ImportOptions { max_bytes: LITTLE, ..ImportOptions::default() };
            let (import, found) = cache.read(&path, &options).unwrap();
            assert_eq!(found, Found::New, "{}", path.display());
            assert_eq!(import.panel.fingerprint(), whole.panel.fingerprint(), "{}", path.display());
            let bars = whole.panel.bars();
            assert_eq!(import.panel.prefix(bars).fingerprint(), whole.panel.fingerprint(), "{}", path.display());
            assert_eq!(import.panel.group("sector").unwrap().labels, whole.panel.group("sector").unwrap().labels);
            assert!(whole.ledger.repaired.len() >= 5, "{}", whole.ledger);
            let mut ledger = import.ledger;
            if by == RowOrder::Symbols {
                // The first row by date is another than the first in the file.
                for (ours, theirs) in ledger.repaired.iter_mut().zip(&whole.ledger.repaired) {
                    ours.first_example.clone_from(&theirs.first_example);
                }
            }
            assert_eq!(ledger, whole.ledger, "{}", path.display());
            assert_eq!(cache.read(&path, &options).unwrap().1, Found::Kept);
            assert_eq!(cache.read(&path, &ImportOptions::default()).unwrap().1, Found::Kept);
        }
    }
}

#[test]
fn damage_to_a_panel_larger_than_memory_is_mended_from_its_source() {
    let folder = tempfile::tempdir().unwrap();
    let cache = PanelCache::new(folder.path().join("panels"));
    let path = files(folder.path(), RowOrder::Dates).swap_remove(0);
    let options = ImportOptions { max_bytes: LITTLE, ..ImportOptions::default() };
    let whole = read_panel(&path, &ImportOptions::default()).unwrap().panel.fingerprint();
    cache.read(&path, &options).unwrap();
    let kept = cache.panels().unwrap().swap_remove(0).path;
    let mut bytes = std::fs::read(&kept).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&kept, bytes).unwrap();
    let panel = cache.read(&path, &options).unwrap().0.panel;
    assert_eq!(panel.prefix(panel.bars()).fingerprint(), whole);
    assert!(cache.panels().unwrap().iter().all(|panel| cache.verify(panel).is_none()));
}

#[test]
fn batches_are_whole_bars_in_order_and_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let options = ImportOptions { max_bytes: LITTLE, ..ImportOptions::default() };
    for by in [RowOrder::Dates, RowOrder::Symbols] {
        for path in files(folder.path(), by) {
            let whole = read_panel(&path, &ImportOptions::default()).unwrap();
            assert_eq!(count_rows(&path, &options).unwrap(), whole.ledger.rows_read as u64);
            let batches: Vec<_> = stream_panel(&path, &options, by).unwrap().map(Result::unwrap).collect();
            assert!(batches.len() > 5, "{} batches of {}", batches.len(), path.display());
            let kept: usize = batches.iter().map(|batch| batch.ledger.rows_kept).sum();
            assert_eq!(kept, whole.ledger.rows_kept);
            match by {
                RowOrder::Dates => {
                    let times: Vec<i64> =
                        batches.iter().flat_map(|batch| batch.panel.calendar().times().to_vec()).collect();
                    assert_eq!(times, whole.panel.calendar().times());
                }
                RowOrder::Symbols => {
                    let symbols: Vec<String> =
                        batches.iter().flat_map(|batch| batch.panel.symbols().to_vec()).collect();
                    assert_eq!(symbols, whole.panel.symbols());
                }
            }
        }
    }
}

/// The first error that a stream in order of dates and then one in order of symbols gives.
fn check(text: &str, by: RowOrder, expected: &str) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bars.csv");
    std::fs::write(&path, text).unwrap();
    let options = ImportOptions { max_bytes: LITTLE, ..ImportOptions::default() };
    let error = match stream_panel(&path, &options, by) {
        Err(error) => error,
        Ok(stream) => {
            let errors: Vec<Error> = stream.filter_map(Result::err).collect();
            assert_eq!(errors.len(), 1, "a stream ends with its first error: {expected}");
            errors.into_iter().next().unwrap()
        }
    };
    assert!(error.to_string().contains(expected), "{error}: expected {expected}");
}

#[test]
fn what_cannot_be_read_in_pieces_is_refused_with_its_row() {
    let mut dates = rows(RowOrder::Dates);
    let late = dates.remove(2_000);
    dates.push(late);
    let number = 1 + 1 + dates.len() + dates.len().div_ceil(50);
    check(&csv(&dates), RowOrder::Dates, &format!("row {number}: is dated before a row above it"));
    check(&csv(&rows(RowOrder::Dates)), RowOrder::Symbols, "is of a symbol that other rows parted");
    check(
        &csv(&rows(RowOrder::Symbols)),
        RowOrder::Dates,
        "is dated before a row above it; a file too large for memory",
    );

    let sound = rows(RowOrder::Dates);
    let mixed: Vec<String> = sound
        .iter()
        .enumerate()
        .map(|(number, row)| {
            let cells: Vec<&str> = row.splitn(8, ',').collect();
            format!("{},{}", cells[..7].join(","), if number < sound.len() / 2 { "3" } else { "bank" })
        })
        .collect();
    check(&csv(&mixed), RowOrder::Dates, "changes between numbers and texts at row");
    check("date,A,B\n2020-01-01,1,2\n2020-01-02,1,2\n", RowOrder::Dates, "symbols across");
    check("1502942400000,1,1,1,1,1,1502945999999,1,1,1,1,0\n", RowOrder::Dates, "has no header row");
    check("date,symbol,close\n", RowOrder::Dates, "has a header (date, symbol, close) but no rows");
    check("date,symbol,close\n2020-01-01,A,\"1\n", RowOrder::Dates, "opens a quote that is never closed");
    check(
        "date,symbol,close\n2020-01-01,A,1\n2020-01-02,A,x\n2020-01-03,A,2\n2020-01-04,A,2\n",
        RowOrder::Dates,
        "row 3",
    );
}

#[test]
fn frames_and_streams_follow_the_same_rules() {
    let frame = market::polars::prelude::df!("date" => ["2020-01-02"], "symbol" => ["A"], "close" => [1.0]).unwrap();
    let options = ImportOptions::default();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.csv");
    std::fs::write(&path, "date,symbol,close\n2020-01-02,A,1\n").unwrap();
    let batch = stream_panel(&path, &options, RowOrder::Dates).unwrap().next().unwrap().unwrap();
    assert_eq!(batch.panel.fingerprint(), import_frame(&frame, &options).unwrap().panel.fingerprint());
}
