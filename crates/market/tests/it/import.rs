//! Files in every format, good and bad, through the public door.

use std::path::PathBuf;

use market::polars::prelude::{Column, DataType, IntoColumn, NamedFrom, Series, TimeUnit};
use market::table::{self, Table, long_values};
use market::{DataFrame, Error, Import, ImportOptions, Panel, RandomWalk, import_frame, random_walk, read_panel};

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
    RandomWalk { bars: 120, symbols: 9, seed: 7, gap_rate: 0.02, late_listing_rate: 0.3 }.panel()
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
    let frame = table.to_frame();
    assert_eq!(Panel::from_frame(&frame).unwrap().fingerprint(), panel.fingerprint());
}

#[test]
fn the_order_of_rows_does_not_matter() {
    let panel = gappy();
    let by_symbol = long_table(&panel, |cells| cells.sort_by_key(|&(bar, symbol)| (symbol, bar)));
    let import = import_frame(&by_symbol.to_frame(), &strict()).unwrap();
    assert_eq!(import.panel.fingerprint(), panel.fingerprint());

    let newest_first = long_table(&panel, |cells| cells.reverse());
    let import = import_frame(&newest_first.to_frame(), &ImportOptions::default()).unwrap();
    assert_eq!(import.panel.fingerprint(), panel.fingerprint());
    let entry = &import.ledger.repaired[0];
    assert_eq!(
        (entry.rule.as_str(), entry.rows),
        ("the dates of a symbol rise from row to row", newest_first.rows() - 9)
    );
    let refused = import_frame(&newest_first.to_frame(), &strict()).unwrap_err().to_string();
    assert!(refused.contains("below a row of 20") && refused.contains("without strict"), "{refused}");
}

#[test]
fn a_vendors_csv_with_everything_in_it() {
    let text = "\u{feff}Ticker;Name;Date;Open;High;Low;Close;Adj Close;Vol;Market Cap;Sector\r\n\
                B;Beta Inc;2020-01-02;10;11;9;10.5;10.1;1000;5e9;Energy\r\n\
                A;\"Alpha; Co\";2020-01-02;20;21;19;20;;2000;-;NA\r\n\
                A;\"Alpha; Co\";2020-01-03;20;21;19;20.5;20.4;NaN;7e9;\"Tech \"\"AI\"\"\"\r\n";
    let import = Folder::new().read("vendor.csv", text).unwrap();
    let panel = &import.panel;
    assert!(import.ledger.repaired.is_empty(), "{}", import.ledger);
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

/// What MetaStock, pandas and Alpha Vantage write: a time of day of its own, a nameless index, newest bars first.
#[test]
fn dates_and_times_as_vendors_write_them() {
    let check = |text: &str, labels: &[&str], first_close: f64| {
        let panel = Folder::new().read("a.csv", text).unwrap().panel;
        let found: Vec<String> = (0..panel.bars()).map(|bar| panel.calendar().label(bar)).collect();
        assert_eq!(found, labels, "{text}");
        assert_eq!(panel.values("close").unwrap()[0], first_close, "{text}");
    };
    check(
        "<TICKER>,<DATE>,<TIME>,<CLOSE>\nX,20200102,093000,1\nX,20200102,094500,2\n",
        &["2020-01-02T09:30:00", "2020-01-02T09:45:00"],
        1.0,
    );
    check(",close\n2020-01-02,1\n2020-01-03,2\n", &["2020-01-02", "2020-01-03"], 1.0);
    check(",date,close\n0,2020-01-02,1\n1,2020-01-03,2\n", &["2020-01-02", "2020-01-03"], 1.0);
    check("timestamp,close\n2020-01-03,2\n2020-01-02,1\n", &["2020-01-02", "2020-01-03"], 1.0);
    check("date,close\n31/01/2020,2\n03/01/2020,1\n", &["2020-01-03", "2020-01-31"], 1.0);
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
                assert!(error.to_string().contains(&format!("a.csv, {example}, but ")), "{error}");
            }
            (found, _) => panic!("{rows}: {found:?}"),
        }
    };
    let good = "2020-01-02,A,10,12,9,11,100,10.9,7\n";
    let whole = "10 12 9 11 100 10.9 7";
    let no_bar = "- - - - - 10.9 7";
    check(good, whole, &[]);
    let prices = "1 | prices are positive | row 2 (A 2020-01-02), column ";
    check("2020-01-02,A,10,12,9,0,100,10.9,7\n", no_bar, &[&format!("{prices}`close`, value `0`")]);
    check("2020-01-02,A,-1,12,9,11,100,10.9,7\n", no_bar, &[&format!("{prices}`open`, value `-1`")]);
    let crossed =
        "1 | high is not below low | row 2 (A 2020-01-02), column `high`, value `9` with low `12` and high `9`";
    check("2020-01-02,A,10,9,12,11,100,10.9,7\n", no_bar, &[crossed]);
    let outside = "1 | open and close lie between low and high | row 2 (A 2020-01-02), column ";
    let above = format!("{outside}`close`, value `12.1` with low `9` and high `12`");
    check("2020-01-02,A,10,12,9,12.1,100,10.9,7\n", no_bar, &[&above]);
    let below = format!("{outside}`open`, value `8` with low `9` and high `12`");
    check("2020-01-02,A,8,12,9,11,100,10.9,7\n", no_bar, &[&below]);
    let half = format!("{outside}`close`, value `8` with low `9` and high `NaN`");
    check("2020-01-02,A,,,9,8,100,10.9,7\n", no_bar, &[&half]);
    check("2020-01-02,A,10,12,9,12.0000001,100,10.9,7\n", "10 12 9 12.0000001 100 10.9 7", &[]);
    check(
        "2020-01-02,A,10,12,9,11,-5,10.9,7\n",
        "10 12 9 11 - 10.9 7",
        &["1 | volume is not negative | row 2 (A 2020-01-02), column `volume`, value `-5`"],
    );
    check("2020-01-02,A,10,12,9,11,0,-1,7\n", "10 12 9 11 0 -1 7", &[]);
    check(
        "2020-01-02,A,10,12,9,11,100,10.9,inf\n",
        "10 12 9 11 100 10.9 -",
        &["1 | numbers are finite | row 2 (A 2020-01-02), column `pe`, value `inf`"],
    );
    check(
        "2020-01-02,A,10,12,9,,100,10.9,7\n",
        "10 12 9 - 100 10.9 7",
        &["1 | every row has a close | row 2 (A 2020-01-02), column `close`, value ``"],
    );
    check(
        &format!("{good}2020-01-03,,1,1,1,1,1,1,1\n,A,1,1,1,1,1,1,1\n,,1,1,1,1,1,1,1\n"),
        whole,
        &[
            "2 | every row has a date | row 4, column `date`, value ``",
            "1 | every row has a symbol | row 3, column `symbol`, value ``",
        ],
    );
    let other = "2020-01-02,A,1,1,1,1,1,1,1\n";
    let twice = "2 | a date and symbol stand in one row only | row 2 (A 2020-01-02), again in row 3";
    check(&format!("{other}{other}{good}"), whole, &[twice]);
    let falling = "1 | the dates of a symbol rise from row to row | row 3 (A 2020-01-02), below a row of 2020-01-03";
    check(&format!("2020-01-03,A,1,1,1,1,1,1,1\n{good}"), whole, &[falling]);
    check(
        &format!("{other}2020-01-03,A,0,1,1,1,-1,1,1\n{good}"),
        whole,
        &[
            "1 | the dates of a symbol rise from row to row | row 4 (A 2020-01-02), below a row of 2020-01-03",
            "1 | a date and symbol stand in one row only | row 2 (A 2020-01-02), again in row 4",
            "1 | prices are positive | row 3 (A 2020-01-03), column `open`, value `0`",
        ],
    );
    // The fault of a row that is not kept is not mended.
    check(&format!("2020-01-02,A,0,1,1,1,1,1,1\n{good}"), whole, &[&twice.replacen('2', "1", 1)]);
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
    check("nodate.csv", b"when,close\n1,2\n", "has no date column; its columns are `when`, `close`");
    check("noclose.csv", b"date,symbol\n2020-01-02,A\n", "has no `close` column");
    check("word.csv", b"date,close\n2020-01-02,1\n2020-01-03,abc\n", "row 3, column `close`: `abc` is no number");
    check(
        "comma.csv",
        b"date;close\n2020-01-02;1,5\n",
        "row 2, column `close`: `1,5` is no number; write numbers as 1234.5",
    );
    check("dollar.csv", b"date,close\n2020-01-02,$1.5\n", "`$1.5` is no number");
    check("slip.csv", b"date,close,pe\n2020-01-02,1,5\n2020-01-03,1,6\n2020-01-06,1,7x\n", "row 4, column `pe`: `7x`");
    check("day.csv", b"date,close\n2013-02-31,1\n", "row 2, column `date`: `2013-02-31` is an impossible date");
    check("keyless.csv", b"date,symbol,close\n,A,1\n", "no row with both a date and a symbol");
    check("page.csv", b"<html><body>Sign in</body></html>", "web page");
    check("garbage.parquet", b"this is not Parquet at all", "is no Parquet file: it does not begin with PAR1");
    check("short.parquet", b"PAR1", "cut short");
    check("hollow.parquet", b"PAR1\0\0\0\0\0\0\0\0PAR1", "cannot be read (");
    check("hollow.ipc", b"ARROW1\0\0\xff\xff\xff\xff\0\0\0\0", "is cut short");
    check("wrong.csv", b"PAR1....PAR1", "is a Parquet file under another name; rename it to .parquet");
    check("old.feather", b"FEA1....", "Feather file of version 1");
    check("book.xlsx", b"PK\x03\x04", "has no extension that tells its kind");
    check("wide.csv", b"\xff\xfed\0a\0t\0e\0", "UTF-16");
    check("broken.csv.gz", b"\x1f\x8b\x08\x00\x00\x00", "cannot read");

    let text = read_panel(folder.0.path(), &ImportOptions::default()).unwrap_err().to_string();
    assert!(text.contains("is a folder; name one file of the kinds .csv"), "{text}");
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
    assert!(text.contains("2000 bars x 2000 symbols x 1 columns would take 32000000 bytes"), "{text}");
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

    let decimals = Series::new("date".into(), [1.5_f64, 2.5]).into_column();
    let refused = Panel::from_frame(&frame(vec![decimals, close()])).unwrap_err().to_string();
    assert!(refused.starts_with("frame: column `date` holds decimal numbers"), "{refused}");
    let text = Series::new("date".into(), ["2020-01-02", "soon"]).into_column();
    let refused = Panel::from_frame(&frame(vec![text, close()])).unwrap_err().to_string();
    assert!(refused.starts_with("frame, row 3, column `date`: `soon` is no date"), "{refused}");
}

#[test]
fn values_go_out_long_with_nulls() {
    let panel = random_walk(3, 2, 1);
    let folder = Folder::new();
    let path = folder.0.path().join("values.csv");
    long_values(&panel, &[0.1, f64::NAN, -0.0, 1e-300, 2.0, 1.0 / 3.0]).write(&path).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    let expected = "date,symbol,value\n2015-01-01,S0001,0.1\n2015-01-01,S0002,\n2015-01-02,S0001,-0.0\n\
                    2015-01-02,S0002,1e-300\n2015-01-05,S0001,2.0\n2015-01-05,S0002,0.3333333333333333\n";
    assert_eq!(text, expected);
}
