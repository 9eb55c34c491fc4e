//! Files in every format, good and bad, through the public door.

use std::path::{Path, PathBuf};

use market::polars::prelude::{Column, DataType, IntoColumn, NamedFrom, Series, TimeUnit};
use market::synthetic::RandomWalk;
use market::table::{self, Table, long_values};
use market::{DataFrame, Error, Import, ImportOptions, Panel, import_frame, read_panel};

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    fn read(&self, name: &str, content: impl AsRef<[u8]>) -> Result<Import, Error> {
        read_panel(&self.file(name, content), &ImportOptions::default())
    }
}

fn strict() -> ImportOptions {
    ImportOptions { strict: true, ..ImportOptions::default() }
}

/// Every panel field as a table, gaps and all; rows in an order of the caller's making.
fn long_table(panel: &Panel, order: impl Fn(&mut Vec<(usize, usize)>)) -> Table {
    let mut cells: Vec<(usize, usize)> =
        (0..panel.bars()).flat_map(|bar| (0..panel.symbols().len()).map(move |symbol| (bar, symbol))).collect();
    cells.retain(|&(bar, symbol)| panel.field("close").unwrap()[[bar, symbol]].is_finite());
    order(&mut cells);
    let times = cells.iter().map(|&(bar, _)| panel.calendar().times()[bar]).collect();
    let names = cells.iter().map(|&(_, symbol)| panel.symbols()[symbol].clone()).collect();
    let start = Table::new().with("date", table::Column::Time(times)).with("symbol", table::Column::Text(names));
    panel.field_names().fold(start, |table, name| {
        let field = panel.field(name).unwrap();
        table.with(name, table::Column::Number(cells.iter().map(|&(bar, symbol)| field[[bar, symbol]]).collect()))
    })
}

fn gappy() -> Panel {
    RandomWalk { bars: 120, symbols: 9, seed: 7, gap_rate: 0.15, late_listing_rate: 0.3 }.panel()
}

#[test]
fn every_format_gives_the_same_panel_to_the_bit() {
    let (folder, panel) = (Folder::new(), gappy());
    let table = long_table(&panel, |_| {});
    for name in ["a.csv", "a.parquet", "a.ipc", "a.arrow", "a.feather"] {
        let path = folder.0.path().join(name);
        table.write(&path).unwrap();
        let import = read_panel(&path, &strict()).unwrap();
        assert_eq!(import.panel.fingerprint(), panel.fingerprint(), "{name}");
        assert_eq!(import.ledger.rows_kept, table.rows(), "{name}");
    }
    let frame = table.to_frame().unwrap();
    assert_eq!(Panel::from_frame(&frame).unwrap().fingerprint(), panel.fingerprint());
}

#[test]
fn the_order_of_rows_does_not_matter() {
    let panel = gappy();
    let by_symbol = long_table(&panel, |cells| cells.sort_by_key(|&(bar, symbol)| (symbol, bar)));
    let import = import_frame(&by_symbol.to_frame().unwrap(), &strict()).unwrap();
    assert_eq!(import.panel.fingerprint(), panel.fingerprint());

    let newest_first = long_table(&panel, |cells| cells.reverse());
    let import = import_frame(&newest_first.to_frame().unwrap(), &ImportOptions::default()).unwrap();
    assert_eq!(import.panel.fingerprint(), panel.fingerprint());
    let entry = &import.ledger.repaired[0];
    assert_eq!(
        (entry.rule.as_str(), entry.rows),
        ("dated before the row above it of the same symbol", newest_first.rows() - 9)
    );
    let refused = import_frame(&newest_first.to_frame().unwrap(), &strict()).unwrap_err().to_string();
    assert!(refused.contains("comes after") && refused.contains("without strict"), "{refused}");
}

#[test]
fn a_vendors_csv_with_everything_in_it() {
    let text = "\u{feff}Ticker;Name;Date;Open;High;Low;Close;Adj Close;Vol;Market Cap;Sector\r\n\
                B;Beta Inc;2020-01-02;10;11;9;10.5;10.1;1000;5e9;Energy\r\n\
                A;\"Alpha; Co\";2020-01-02;20;21;19;20;;2000;-;NA\r\n\
                A;\"Alpha; Co\";2020-01-03;20;21;19;20.5;20.4;NaN;7e9;\"Tech \"\"AI\"\"\"\r\n";
    let import = Folder::new().read("vendor.csv", text).unwrap();
    let panel = &import.panel;
    assert!(import.ledger.is_clean(), "{}", import.ledger);
    assert_eq!(panel.symbols(), ["A", "B"]);
    let names: Vec<&str> = panel.field_names().collect();
    assert_eq!(names, ["open", "high", "low", "close", "adj_close", "volume", "market_cap"]);
    assert_eq!(panel.group_names().collect::<Vec<_>>(), ["name", "sector"]);
    assert_eq!(panel.values("market_cap").map(|v| format!("{v:?}")).unwrap(), "[NaN, 5000000000.0, 7000000000.0, NaN]");
    assert_eq!(panel.values("adj_close").map(|v| format!("{v:?}")).unwrap(), "[NaN, 10.1, 20.4, NaN]");
    let sector = panel.group("sector").unwrap();
    assert_eq!(sector.labels, ["Energy", "Tech \"AI\""]);
    assert_eq!(format!("{:?}", panel.values("sector").unwrap()), "[NaN, 0.0, 1.0, NaN]");
}

#[test]
fn a_file_without_symbols_is_one_symbol_named_after_it() {
    let import = Folder::new().read("BRK.B.csv", "Date,Close\n2020-01-02,1\n2020-01-03,2\n").unwrap();
    assert_eq!(import.panel.symbols(), ["BRK.B"]);
    assert_eq!(import.panel.values("close").unwrap(), [1.0, 2.0]);
}

#[test]
fn na_is_a_ticker() {
    let import = Folder::new().read("a.csv", "date,symbol,close\n2020-01-02,NA,1\n2020-01-02,NaN,2\n").unwrap();
    assert_eq!(import.panel.symbols(), ["NA"]);
    assert_eq!(import.ledger.rows_dropped, 1);
}

/// One defect a file; the cells of symbol A on 2020-01-02 after the repair, and the ledger's line.
#[test]
fn repairs_follow_their_rules() {
    let check = |rows: &str, bar: &str, ledger: &[&str]| {
        let folder = Folder::new();
        let path = folder.file("a.csv", format!("date,symbol,open,high,low,close,volume,adj_close,pe\n{rows}"));
        let Import { panel, ledger: found } = read_panel(&path, &ImportOptions::default()).unwrap();
        let cell = |name: &str| panel.values(name).unwrap()[0].to_string().replace("NaN", "-");
        assert_eq!(panel.field_names().map(cell).collect::<Vec<_>>().join(" "), bar, "{rows}");
        let lines: Vec<String> = found
            .repaired
            .iter()
            .map(|entry| format!("{} | {} | {}", entry.rows, entry.rule, entry.first_example))
            .collect();
        assert_eq!(lines, ledger, "{rows}");
        assert_eq!(found.rows_read, found.rows_kept + found.rows_dropped);
        let json = serde_json::to_string(&found).unwrap();
        assert_eq!(serde_json::from_str::<market::Ledger>(&json).unwrap(), found);
        let refused = read_panel(&path, &strict());
        match (refused, ledger.first()) {
            (Ok(_), None) => {}
            (Err(error @ Error::Strict { .. }), Some(line)) => {
                let example = line.rsplit(" | ").next().unwrap();
                assert!(error.to_string().contains(&format!("a.csv, {example}: ")), "{error}");
            }
            (found, _) => panic!("{rows}: {found:?}"),
        }
    };
    let good = "2020-01-02,A,10,12,9,11,100,10.9,7\n";
    let whole = "10 12 9 11 100 10.9 7";
    let no_bar = "- - - - - - 7";
    check(good, whole, &[]);
    check(
        "2020-01-02,A,10,12,9,0,100,10.9,7\n",
        no_bar,
        &["1 | a price that is not positive | row 2: 2020-01-02 A, close 0"],
    );
    check(
        "2020-01-02,A,-1,12,9,11,100,10.9,7\n",
        no_bar,
        &["1 | a price that is not positive | row 2: 2020-01-02 A, open -1"],
    );
    let outside = "1 | high below low, or open or close outside of them | row 2: 2020-01-02 A, ";
    check("2020-01-02,A,10,9,12,11,100,10.9,7\n", no_bar, &[&format!("{outside}high 9 below low 12")]);
    check("2020-01-02,A,10,12,9,12.1,100,10.9,7\n", no_bar, &[&format!("{outside}high 12 below close 12.1")]);
    check("2020-01-02,A,8,12,9,11,100,10.9,7\n", no_bar, &[&format!("{outside}open 8 below low 9")]);
    check("2020-01-02,A,,,9,8,100,10.9,7\n", no_bar, &[&format!("{outside}close 8 below low 9")]);
    check("2020-01-02,A,10,12,9,12.0000001,100,10.9,7\n", "10 12 9 12.0000001 100 10.9 7", &[]);
    check(
        "2020-01-02,A,10,12,9,11,-5,10.9,7\n",
        "10 12 9 11 - 10.9 7",
        &["1 | a negative volume | row 2: 2020-01-02 A, volume -5"],
    );
    check(
        "2020-01-02,A,10,12,9,11,0,-1,7\n",
        "10 12 9 11 0 - 7",
        &["1 | an adj_close that is not positive | row 2: 2020-01-02 A, adj_close -1"],
    );
    check(
        "2020-01-02,A,10,12,9,11,100,10.9,inf\n",
        "10 12 9 11 100 10.9 -",
        &["1 | an infinite value | row 2: 2020-01-02 A, pe inf"],
    );
    check("2020-01-02,A,10,12,9,,100,10.9,7\n", "10 12 9 - 100 10.9 7", &["1 | no close | row 2: 2020-01-02 A"]);
    check(
        &format!("{good}2020-01-03,,1,1,1,1,1,1,1\n,A,1,1,1,1,1,1,1\n"),
        whole,
        &["2 | no date or no symbol | row 3: 2020-01-03"],
    );
    let other = "2020-01-02,A,1,1,1,1,1,1,1\n";
    let twice = "2 | same date and symbol as a later row | row 3: 2020-01-02 A stands in row 2 already";
    check(&format!("{other}{other}{good}"), whole, &[twice]);
    let unsorted = "1 | dated before the row above it of the same symbol | row 3: 2020-01-02 A comes after 2020-01-03";
    check(&format!("2020-01-03,A,1,1,1,1,1,1,1\n{good}"), whole, &[unsorted]);
    let mixed = format!("{other}2020-01-03,A,0,1,1,1,-1,1,1\n{good}");
    check(
        &mixed,
        whole,
        &[
            "1 | same date and symbol as a later row | row 4: 2020-01-02 A stands in row 2 already",
            "1 | dated before the row above it of the same symbol | row 4: 2020-01-02 A comes after 2020-01-03",
            "1 | a price that is not positive | row 3: 2020-01-03 A, open 0",
        ],
    );
}

#[test]
fn what_cannot_be_mended_is_one_clear_message() {
    let folder = Folder::new();
    let check = |name: &str, content: &[u8], part: &str| {
        let text = folder.read(name, content).unwrap_err().to_string();
        assert!(text.contains(part) && text.contains(name) && !text.contains('\n'), "{name}: {text}");
    };
    check("empty.csv", b"", "is empty");
    check("header.csv", b"date,close\n", "has a header (date, close) but no rows");
    check("nodate.csv", b"when,close\n1,2\n", "has no date column (its columns: when, close)");
    check("noclose.csv", b"date,symbol\n2020-01-02,A\n", "has no close column");
    check("word.csv", b"date,close\n2020-01-02,1\n2020-01-03,abc\n", "row 3, column `close`: `abc` is no number");
    check(
        "comma.csv",
        b"date;close\n2020-01-02;1,5\n",
        "row 2, column `close`: `1,5` is no number; write it with a decimal point",
    );
    check("dollar.csv", b"date,close\n2020-01-02,$1.5\n", "without currency");
    check("slip.csv", b"date,close,pe\n2020-01-02,1,5\n2020-01-03,1,6\n2020-01-06,1,7x\n", "row 4, column `pe`: `7x`");
    check("day.csv", b"date,close\n2013-02-31,1\n", "row 2, column `date`: `2013-02-31` is an impossible date");
    check("keyless.csv", b"date,symbol,close\n,A,1\n", "no row with both a date and a symbol");
    check("page.csv", b"<html><body>Sign in</body></html>", "web page");
    check("garbage.parquet", b"this is not Parquet at all", "is named as Parquet, but holds something else");
    check("short.parquet", b"PAR1", "cut off");
    check("hollow.parquet", b"PAR1\0\0\0\0\0\0\0\0PAR1", "cannot be read as Parquet");
    check("hollow.ipc", b"ARROW1\0\0\xff\xff\xff\xff\0\0\0\0", "its parts do not lie inside it");
    check("wrong.csv", b"PAR1....PAR1", "is named as CSV, but holds Parquet");
    check("old.feather", b"FEA1....", "Feather version 1");
    check("book.xlsx", b"PK\x03\x04", "is of no known kind");
    check("wide.csv", b"\xff\xfed\0a\0t\0e\0", "UTF-16");
    check("broken.csv.gz", b"\x1f\x8b\x08\x00\x00\x00", "cannot read");

    let text = read_panel(folder.0.path(), &ImportOptions::default()).unwrap_err().to_string();
    assert!(text.starts_with("cannot read ") && text.contains("broken.csv.gz"), "the first in order: {text}");
    let text = read_panel(&folder.0.path().join("none.csv"), &ImportOptions::default()).unwrap_err().to_string();
    assert!(text.starts_with("cannot read ") && text.contains("none.csv"), "{text}");
}

/// Every symbol on its own day: 2,000 rows would be 4 million cells.
#[test]
fn a_panel_too_large_is_refused_before_it_is_made() {
    let day = |row: usize| format!("{}-{:02}-{:02}", 1900 + row / 336, 1 + row / 28 % 12, 1 + row % 28);
    let rows = (0..2_000).map(|row| format!("{},S{row},1", day(row))).collect::<Vec<_>>().join("\n");
    let path = Folder::new();
    let path = path.file("sparse.csv", format!("date,symbol,close\n{rows}"));
    let limit = ImportOptions { max_bytes: 1 << 20, ..ImportOptions::default() };
    let text = read_panel(&path, &limit).unwrap_err().to_string();
    assert!(text.contains("2000 bars x 2000 symbols x 1 columns would take 48000000 bytes"), "{text}");
}

/// A small file may unpack to a large text, and a text of separators to eight times as much in cells.
#[test]
fn texts_above_the_limit_are_refused() {
    let check = |name: &str, content: &[u8], max_bytes: u64, part: &str| {
        let folder = Folder::new();
        let options = ImportOptions { max_bytes, ..ImportOptions::default() };
        let text = read_panel(&folder.file(name, content), &options).unwrap_err().to_string();
        assert!(text.contains(name) && text.contains(part), "{text}");
    };
    check("tiny.csv.gz", include_bytes!("fixtures/tiny.csv.gz"), 20, "more than 20 bytes of text");
    check("tiny.csv.zst", include_bytes!("fixtures/tiny.csv.zst"), 20, "more than 20 bytes of text");
    let commas = format!("date,close{}\n{}", ",x".repeat(98), format!("{}\n", ",".repeat(99)).repeat(100));
    check("commas.csv", commas.as_bytes(), 20_000, "more cells than 20000 bytes hold");
}

#[test]
fn packed_text_is_unpacked() {
    // `date,close\n2020-01-02,1.5\n`, packed by gzip and by zstd.
    let gzip: &[u8] = include_bytes!("fixtures/tiny.csv.gz");
    let zstd: &[u8] = include_bytes!("fixtures/tiny.csv.zst");
    for (name, bytes) in [("tiny.csv.gz", gzip), ("tiny.csv.zst", zstd)] {
        let panel = Folder::new().read(name, bytes).unwrap().panel;
        assert_eq!((panel.symbols()[0].as_str(), panel.values("close").unwrap()), ("tiny", &[1.5][..]));
    }
}

fn frame(columns: Vec<Column>) -> DataFrame {
    DataFrame::new_infer_height(columns).unwrap()
}

#[test]
fn frames_of_many_types() {
    let times = |zone: Option<&str>, hours: [i64; 2]| {
        let zone = zone.map(|zone| market::polars::prelude::TimeZone::opt_try_new(Some(zone)).unwrap().unwrap());
        let micros = hours.map(|hour| hour * 3_600_000_000);
        Series::new("Date".into(), micros)
            .cast(&DataType::Datetime(TimeUnit::Microseconds, zone))
            .unwrap()
            .into_column()
    };
    let close = || Series::new("Close".into(), [1.5_f32, 2.5]).into_column();
    let labels = |panel: &Panel| (0..panel.bars()).map(|bar| panel.calendar().label(bar)).collect::<Vec<_>>();
    let panel = |date: Column| Panel::from_frame(&frame(vec![date, close()])).unwrap();

    // 1970-01-05 is a Monday; 96 h after the epoch.
    assert_eq!(labels(&panel(times(None, [96, 120]))), ["1970-01-05", "1970-01-06"]);
    assert_eq!(labels(&panel(times(Some("UTC"), [96, 97]))), ["1970-01-05T00:00:00", "1970-01-05T01:00:00"]);
    // Midnights in New York are 5 h after those of UTC: dates. Other hours keep the zone.
    assert_eq!(labels(&panel(times(Some("America/New_York"), [101, 125]))), ["1970-01-05", "1970-01-06"]);
    let intraday = panel(times(Some("America/New_York"), [110, 111]));
    assert_eq!(labels(&intraday), ["1970-01-05T09:00:00", "1970-01-05T10:00:00"]);
    assert_eq!(intraday.calendar().time_zone(), Some("America/New_York"));

    let dates = Series::new("date".into(), [20_200_102_i32, 20_200_103]).into_column();
    let codes = Series::new("code".into(), [600_000_i64, 600_000]).into_column();
    let flag = Series::new("universe".into(), [Some(true), None]).into_column();
    let import = import_frame(&frame(vec![dates, codes, close(), flag]), &strict()).unwrap();
    assert_eq!(import.panel.symbols(), ["600000"]);
    assert_eq!(labels(&import.panel), ["2020-01-02", "2020-01-03"]);
    assert_eq!(import.panel.members(), [true, false]);

    let seconds = Series::new("time".into(), [34_200_i64, 34_260]).into_column();
    let clock = (seconds.as_materialized_series() * 1_000_000_000).cast(&DataType::Time).unwrap().into_column();
    let day = Series::new("date".into(), ["2020-01-02", "2020-01-02"]).into_column();
    let minutes = Panel::from_frame(&frame(vec![day, clock, close()])).unwrap();
    assert_eq!(labels(&minutes), ["2020-01-02T09:30:00", "2020-01-02T09:31:00"]);

    let nested = Series::new("close".into(), [close().as_materialized_series().clone()]).into_column();
    let day = Series::new("date".into(), ["2020-01-02"]).into_column();
    let refused = Panel::from_frame(&frame(vec![day, nested])).unwrap_err().to_string();
    assert!(refused.contains("column `close` has a type that cannot be read"), "{refused}");

    let decimals = Series::new("date".into(), [1.5_f64, 2.5]).into_column();
    let refused = Panel::from_frame(&frame(vec![decimals, close()])).unwrap_err().to_string();
    assert!(refused.starts_with("data frame: column `date` holds decimal numbers"), "{refused}");
    let text = Series::new("date".into(), ["2020-01-02", "soon"]).into_column();
    let refused = Panel::from_frame(&frame(vec![text, close()])).unwrap_err().to_string();
    assert!(refused.starts_with("data frame, row 3, column `date`: `soon` is no date"), "{refused}");
}

/// Written by pyarrow: symbols as categories, closes as decimals.
#[test]
fn columns_of_unusual_types() {
    let folder = Folder::new();
    let categories = include_bytes!("fixtures/categories.parquet");
    assert_eq!(folder.read("a.parquet", categories).unwrap().panel.symbols(), ["KO", "PEP"]);
    let decimals = include_bytes!("fixtures/decimals.parquet");
    let refused = folder.read("a.parquet", decimals).unwrap_err().to_string();
    assert!(refused.contains("column `close` has a type that cannot be read"), "{refused}");
}

#[test]
fn values_go_out_long_with_nulls() {
    let panel = RandomWalk { bars: 3, symbols: 2, ..RandomWalk::default() }.panel();
    let folder = Folder::new();
    let path = folder.0.path().join("values.csv");
    long_values(&panel, &[0.1, f64::NAN, -0.0, 1e-300, 2.0, 1.0 / 3.0]).write(&path).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    let expected = "date,symbol,value\n2015-01-01,S0001,0.1\n2015-01-01,S0002,\n2015-01-02,S0001,-0.0\n\
                    2015-01-02,S0002,1e-300\n2015-01-05,S0001,2.0\n2015-01-05,S0002,0.3333333333333333\n";
    assert_eq!(text, expected);

    let refused = Table::new().write(Path::new("values.xlsx")).unwrap_err().to_string();
    assert!(refused.contains(".csv, .parquet, .json, .ndjson, .ipc, .arrow or .feather"), "{refused}");
    let uneven = Table::new().with("a", table::Column::Integer(vec![1, 2])).with("b", table::Column::Integer(vec![1]));
    assert!(uneven.write(&folder.0.path().join("uneven.csv")).is_err());
    assert!(!folder.0.path().join("uneven.csv").exists());
}
