//! Files of synthetic markets: the same bytes however they are made, the same market when they are read, and the same
//! file after an interruption.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use market::synthetic::{Progress, SynthSpec, Synthetic, WriteOptions};
use market::table::{Compression, Written};
use market::{Error, ImportOptions, read_panel};

/// Several segments, several blocks of random numbers, and cells without bars.
const SPEC: &str = "bars=4300,symbols=110,seed=5,late_listings=0.3,delisting_rate=0.05,split_rate=0.3,\
    scenario=exchange_outage:200:10:0.6,scenario=trading_halt:900:30:0.4";
const FORMATS: [&str; 8] = ["parquet", "arrow", "csv", "csv.gz", "csv.zst", "ndjson", "ndjson.gz", "ndjson.zst"];

fn market(spec: &str) -> Synthetic {
    Synthetic::new(SynthSpec::parse(spec).unwrap()).unwrap()
}

fn write(spec: &str, path: &Path, options: &WriteOptions) -> Result<Written, Error> {
    market(spec).write(None, path, options, &mut |_| ())
}

fn options(threads: usize, chunk_rows: usize) -> WriteOptions {
    WriteOptions { threads, chunk_rows, ..WriteOptions::default() }
}

#[test]
fn bytes_depend_on_neither_threads_nor_chunks() {
    let folder = tempfile::tempdir().unwrap();
    for format in FORMATS {
        let path = folder.path().join(format!("market.{format}"));
        let written = write(SPEC, &path, &options(1, 100_000)).unwrap();
        let bytes = fs::read(&path).unwrap();
        assert_eq!((written.bytes, written.xxh3), (bytes.len() as u64, twox_hash::XxHash3_64::oneshot(&bytes)));
        let others: &[(usize, usize)] = if format == "parquet" || format == "arrow" {
            &[(1, 1), (2, 1_000), (3, 100_000), (3, 1)]
        } else {
            &[(2, 1_000)]
        };
        for &(threads, chunk) in others {
            assert_eq!(write(SPEC, &path, &options(threads, chunk)).unwrap(), written, "{format} {threads} {chunk}");
            assert!(fs::read(&path).unwrap() == bytes, "{format} {threads} {chunk}");
        }
    }
}

#[test]
fn files_are_read_as_the_market_that_was_made() {
    let folder = tempfile::tempdir().unwrap();
    // Dates and times of day; with and without a group.
    for spec in [SPEC.to_owned(), "bars=2000,symbols=80,frequency=5min,sectors=0".to_owned()] {
        let expected = market(&spec).panel(None, 1, 1 << 30).unwrap();
        for format in ["parquet", "arrow", "csv", "csv.gz", "csv.zst"] {
            let path = folder.path().join(format!("market.{format}"));
            let written = write(&spec, &path, &options(2, 100_000)).unwrap();
            let import = read_panel(&path, &ImportOptions { strict: true, ..ImportOptions::default() }).unwrap();
            assert_eq!(import.ledger.rows_kept as u64, written.rows);
            let panel = import.panel;
            // Bars of an outage have no rows, so files lack them.
            let rows: Vec<usize> = (0..expected.bars())
                .filter(|&bar| expected.field("close").unwrap().row(bar).iter().any(|close| close.is_finite()))
                .collect();
            let times: Vec<i64> = rows.iter().map(|&row| expected.calendar().times()[row]).collect();
            assert_eq!(panel.calendar().times(), times);
            for name in expected.field_names() {
                let (found, made) = (panel.field(name).unwrap(), expected.field(name).unwrap());
                for (place, &row) in rows.iter().enumerate() {
                    let same = |(a, b): (&f64, &f64)| a == b || (a.is_nan() && b.is_nan());
                    assert!(found.row(place).iter().zip(made.row(row)).all(same), "{format} {name} bar {row}");
                }
            }
            assert_eq!(
                panel.group("sector").map(|group| group.labels),
                expected.group("sector").map(|group| group.labels)
            );
        }
    }
}

#[test]
fn compressions_hold_the_same_rows() {
    let folder = tempfile::tempdir().unwrap();
    for format in ["parquet", "arrow"] {
        let mut prints = Vec::new();
        for compression in [Compression::None, Compression::Lz4, Compression::Zstd] {
            let path = folder.path().join(format!("market.{format}"));
            let options = WriteOptions { compression: Some(compression), ..WriteOptions::default() };
            let written = write("bars=2000,symbols=100", &path, &options).unwrap();
            let panel = read_panel(&path, &ImportOptions::default()).unwrap().panel;
            prints.push((written.bytes, panel.fingerprint()));
        }
        assert!(prints[0].0 > prints[1].0 && prints[1].0 > prints[2].0, "{format}: {prints:?}");
        assert!(prints.iter().all(|print| print.1 == prints[0].1));
    }
}

/// Begins to write and stops when so many bars were made, as a kill would.
fn interrupt(path: &Path, at: usize) {
    let stop = |progress: Progress| assert!(progress.bars < at, "interrupted");
    let run = || market(SPEC).write(None, path, &options(1, 1_000), &mut { stop });
    assert!(catch_unwind(AssertUnwindSafe(run)).is_err());
}

#[test]
fn what_was_interrupted_becomes_the_same_file() {
    let folder = tempfile::tempdir().unwrap();
    for format in ["parquet", "arrow", "csv"] {
        let path = folder.path().join(format!("market.{format}"));
        let hidden = |suffix: &str| folder.path().join(format!(".market.{format}.{suffix}"));
        let whole = write(SPEC, &path, &options(2, 100_000)).unwrap();
        let bytes = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        // Before the first segment and after several; then with a torn file, a torn journal, and damage in the file.
        let damages: [(usize, &dyn Fn()); 5] = [
            (5, &|| ()),
            (4_200, &|| ()),
            (4_200, &|| cut(&hidden("unfinished"), 1_000)),
            (4_200, &|| cut(&hidden("journal"), 5)),
            (4_200, &|| {
                let mut bytes = fs::read(hidden("unfinished")).unwrap();
                let place = bytes.len() * 3 / 4;
                bytes[place] ^= 1;
                fs::write(hidden("unfinished"), bytes).unwrap();
            }),
        ];
        for (at, damage) in damages {
            interrupt(&path, at);
            assert!(!path.exists(), "nothing stands under the name of an unfinished file");
            damage();
            let mut resumed = 0;
            let options = WriteOptions { resume: true, ..options(3, 50_000) };
            let again = market(SPEC).write(None, &path, &options, &mut |progress| resumed = progress.resumed).unwrap();
            assert_eq!((again, fs::read(&path).unwrap() == bytes), (whole, true), "{format} {at}");
            assert_eq!(resumed > 0, at > 5, "{format} {at}: {resumed} rows were there");
            let names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
            assert!(names.iter().all(|name| !name.to_string_lossy().starts_with('.')), "{names:?}");
            fs::remove_file(&path).unwrap();
        }
    }
}

fn cut(path: &Path, bytes: u64) {
    let file = fs::OpenOptions::new().write(true).open(path).unwrap();
    file.set_len(file.metadata().unwrap().len() - bytes).unwrap();
}

#[test]
fn only_the_same_file_is_gone_on_with() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("market.parquet");
    interrupt(&path, 4_000);
    let resume = WriteOptions { resume: true, ..WriteOptions::default() };
    for (spec, options) in [
        (SPEC.replace("seed=5", "seed=6"), resume.clone()),
        (SPEC.to_owned(), WriteOptions { compression: Some(Compression::Zstd), ..resume.clone() }),
    ] {
        let message = write(&spec, &path, &options).unwrap_err().to_string();
        assert!(message.contains("--resume") && message.contains("another specification"), "{message}");
    }
    assert_eq!(write(SPEC, &path, &resume).unwrap().rows, write(SPEC, &path, &options(1, 5)).unwrap().rows);
    // Nothing to go on with is a beginning.
    assert!(write(SPEC, &path, &resume).is_ok());
}

#[test]
fn manifests_make_the_market_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("market.csv");
    let spec =
        format!("{SPEC},regime=calm:0.1:0.5:50,regime=wild:0:2:10,start=2001-02-03,noise=garch,seed=77,bars=950")
            .replace("bars=4300,", "")
            .replace("seed=5,", "");
    let written = write(&spec, &path, &WriteOptions::default()).unwrap();
    let manifest = folder.path().join("market.csv.manifest.toml");
    let text = fs::read_to_string(&manifest).unwrap();
    for part in
        ["generator = 1", "rows = ", "first_bar = \"2001-02-05T00:00:00\"", "late_listings = 0.3", "half_life = 0\n"]
    {
        assert!(text.contains(part), "no `{part}` in\n{text}");
    }
    assert!(text.contains(&format!("xxh3 = \"{:016x}\"", written.xxh3)), "{text}");
    let again = Synthetic::new(SynthSpec::read(&manifest).unwrap()).unwrap();
    assert_eq!(again.write(None, &folder.path().join("again.csv"), &options(2, 10), &mut |_| ()).unwrap(), written);
}

#[test]
fn names_and_places_that_cannot_be_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let zstd = WriteOptions { compression: Some(Compression::Zstd), ..WriteOptions::default() };
    for (name, options, words) in [
        ("market.xls", WriteOptions::default(), &["market.xls", ".parquet"][..]),
        ("market.parquet.gz", WriteOptions::default(), &["within"]),
        ("market.csv", zstd, &[".csv.zst"]),
        ("no/such/market.csv", WriteOptions::default(), &["market.csv"]),
    ] {
        let message = write("bars=5,symbols=2", &folder.path().join(name), &options).unwrap_err().to_string();
        assert!(words.iter().all(|word| message.contains(word)), "{name}: {message}");
    }
    let inner = folder.path().join("folder.csv");
    fs::create_dir(&inner).unwrap();
    let message = write("bars=5,symbols=2", &inner, &WriteOptions::default()).unwrap_err().to_string();
    assert!(message.contains("this is a folder"), "{message}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing half-written");
}
