//! Folders, wide files, and what is asked of an import: every way in gives the panel that was written.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use market::synthetic::RandomWalk;
use market::table::{Column, Table};
use market::{Adjustment, ImportOptions, Panel, mended_table, read_panel, read_panel_listed, write_panel};

const EXPORTS: [&str; 7] = ["a.csv", "a.csv.gz", "a.csv.zst", "a.parquet", "a.ipc", "a.arrow", "a.feather"];

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// Files by name, in folders where the name says so.
    fn of(files: &[(&str, &str)]) -> Self {
        let folder = Self::new();
        for (name, content) in files {
            let path = folder.path(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}

fn plain() -> ImportOptions {
    ImportOptions::default()
}

fn strict() -> ImportOptions {
    ImportOptions { strict: true, ..plain() }
}

fn assert_same(found: &Panel, expected: &Panel, what: &str) {
    assert_eq!(found.symbols(), expected.symbols(), "{what}");
    assert_eq!(found.calendar(), expected.calendar(), "{what}");
    assert_eq!(found.field_names().collect::<Vec<_>>(), expected.field_names().collect::<Vec<_>>(), "{what}");
    let labels = |panel: &Panel| -> Vec<(String, Vec<String>)> {
        panel.group_names().map(|name| (name.to_owned(), panel.group(name).unwrap().labels.to_vec())).collect()
    };
    assert_eq!(labels(found), labels(expected), "{what}");
    assert_eq!(found.fingerprint(), expected.fingerprint(), "{what}");
}

/// Out in every format and back.
fn assert_exports(panel: &Panel, what: &str) {
    let folder = Folder::new();
    for name in EXPORTS {
        write_panel(panel, &folder.path(name)).unwrap();
        assert_same(&read_panel(&folder.path(name), &plain()).unwrap().panel, panel, &format!("{what} as {name}"));
    }
}

fn gappy() -> Panel {
    RandomWalk { bars: 90, symbols: 7, seed: 11, gap_rate: 0.2, late_listing_rate: 0.4 }.panel()
}

fn long_table(panel: &Panel, symbol: usize) -> Table {
    let close = panel.field("close").unwrap();
    let bars: Vec<usize> = (0..panel.bars()).filter(|&bar| close[[bar, symbol]].is_finite()).collect();
    let dates =
        Table::new().with("Date", Column::Time(bars.iter().map(|&bar| panel.calendar().times()[bar]).collect()));
    panel.field_names().fold(dates, |table, name| {
        let field = panel.field(name).unwrap();
        table.with(name, Column::Number(bars.iter().map(|&bar| field[[bar, symbol]]).collect()))
    })
}

fn wide_table(panel: &Panel, field: &str) -> Table {
    let values = panel.field(field).unwrap();
    let dates = Table::new().with("Date", Column::Time(panel.calendar().times().to_vec()));
    panel
        .symbols()
        .iter()
        .enumerate()
        .fold(dates, |table, (symbol, name)| table.with(name.as_str(), Column::Number(values.column(symbol).to_vec())))
}

#[test]
fn a_file_a_symbol_in_mixed_formats_is_the_panel() {
    let (panel, folder) = (gappy(), Folder::new());
    for (symbol, name) in panel.symbols().iter().enumerate() {
        let extension = ["csv", "parquet", "ipc", "feather"][symbol % 4];
        let below = if symbol % 3 == 0 { "a/b" } else { "." };
        std::fs::create_dir_all(folder.path(below)).unwrap();
        long_table(&panel, symbol).write(&folder.path(&format!("{below}/{name}.{extension}"))).unwrap();
    }
    // Neither hidden files nor those of other kinds are looked at.
    std::fs::write(folder.path("README.md"), "bars").unwrap();
    std::fs::write(folder.path(".hidden.csv"), "bars").unwrap();
    let import = read_panel(folder.0.path(), &strict()).unwrap();
    assert_same(&import.panel, &panel, "a folder");
    assert_exports(&import.panel, "a folder");
    assert_eq!(import.ledger.rows_read, import.ledger.rows_kept);
}

#[test]
fn a_file_a_field_is_the_panel() {
    let (panel, folder) = (gappy(), Folder::new());
    for (index, field) in panel.field_names().enumerate() {
        let extension = ["csv", "parquet", "ipc"][index % 3];
        wide_table(&panel, field).write(&folder.path(&format!("market_{field}.{extension}"))).unwrap();
    }
    let import = read_panel(folder.0.path(), &strict()).unwrap();
    assert_same(&import.panel, &panel, "wide files");
    assert_exports(&import.panel, "wide files");
    assert_eq!((import.ledger.rows_read, import.ledger.rows_dropped), (5 * 90, 0));
}

#[test]
fn closes_alone_are_a_panel() {
    let (panel, folder) = (gappy(), Folder::new());
    wide_table(&panel, "close").write(&folder.path("prices.csv")).unwrap();
    for path in [folder.path("prices.csv"), folder.0.path().to_owned()] {
        let alone = read_panel(&path, &strict()).unwrap().panel;
        assert_eq!(alone.field_names().collect::<Vec<_>>(), ["close"]);
        assert_eq!(format!("{:?}", alone.values("close")), format!("{:?}", panel.values("close")));
        assert_exports(&alone, "closes alone");
    }
}

/// Groups, a universe, fields of odd names, minutes in a zone: all of it comes back.
#[test]
fn whatever_was_imported_is_exported() {
    let mut minutes = String::from("time,symbol,close,volume,P/E,sector,52w\n");
    for day in [6, 7] {
        for minute in 25..45 {
            for (symbol, sector) in [("A", "Energy"), ("NA", "\"Tech, \"\"AI\"\"\""), ("C", "")] {
                let volume = if symbol == "C" { String::new() } else { format!("{}", minute * day) };
                writeln!(minutes, "2020-01-{day:02} 09:{minute},{symbol},1.{minute},{volume},0.1,{sector},-0").unwrap();
            }
        }
    }
    let folder = Folder::of(&[
        ("minutes.csv", &minutes),
        ("sectors.csv", "Ticker,Industry,GICS\nA,Oil,10\nNA,Chips,45\nXYZ,Oil,10\n"),
        ("members.csv", "symbol,from,to\nA,2020-01-01,2020-01-06\nC,2020-01-07,\nC,,2019-01-01\n"),
    ]);
    let options = ImportOptions {
        time_zone: Some("America/New_York".to_owned()),
        session: Some("mon-fri 09:30-09:40".parse().unwrap()),
        sectors: Some(folder.path("sectors.csv")),
        universe: Some(folder.path("members.csv")),
        ..strict()
    };
    let import = read_panel(&folder.path("minutes.csv"), &options).unwrap();
    let panel = &import.panel;
    assert_eq!((panel.bars(), panel.calendar().time_zone()), (20, Some("America/New_York")));
    assert_eq!(
        (panel.calendar().label(0), panel.calendar().label(19)),
        ("2020-01-06T09:30:00".into(), "2020-01-07T09:39:00".into())
    );
    assert_eq!(panel.calendar().times()[0], 1_578_321_000_000_000);
    assert_eq!((import.ledger.rows_dropped, import.ledger.repaired[0].rows), (60, 60));
    assert!(import.ledger.repaired[0].rule.contains("outside the session"), "{}", import.ledger);
    assert_eq!(panel.group("industry").unwrap().labels, ["Chips", "Oil"]);
    assert_eq!(panel.group("gics").unwrap().labels, ["gics 10", "gics 45"]);
    // A, C, NA: A belongs on the first day, C on the second.
    assert_eq!((&panel.members()[..3], &panel.members()[57..]), (&[true, false, false][..], &[false, true, false][..]));
    assert_exports(panel, "minutes");
}

/// A bar or a symbol without any value still has its place.
#[test]
fn empty_bars_and_symbols_come_back() {
    let rows = "date,symbol,open,close\n2020-01-02,A,1,1\n2020-01-03,A,0,0\n2020-01-06,B,0,0\n2020-01-07,C,2,\n";
    let folder = Folder::of(&[("a.csv", rows)]);
    let panel = read_panel(&folder.path("a.csv"), &plain()).unwrap().panel;
    assert_eq!((panel.bars(), panel.symbols().len()), (4, 3));
    assert_exports(&panel, "with empty bars");
}

#[test]
fn clocks_are_read_where_they_stand() {
    let check = |text: &str, zone: Option<&str>, labels: &[&str], shown: Option<&str>| {
        let rows: String = text.split(' ').fold("date,close\n".to_owned(), |rows, time| rows + time + ",1\n");
        let folder = Folder::of(&[("a.csv", &rows)]);
        let options = ImportOptions { time_zone: zone.map(str::to_owned), ..plain() };
        let panel = read_panel(&folder.path("a.csv"), &options).unwrap().panel;
        let found: Vec<String> = (0..panel.bars()).map(|bar| panel.calendar().label(bar)).collect();
        assert_eq!(
            (found.iter().map(String::as_str).collect::<Vec<_>>(), panel.calendar().time_zone()),
            (labels.to_vec(), shown),
            "{text} {zone:?}"
        );
        assert_exports(&panel, text);
    };
    let (new_york, tokyo) = (Some("America/New_York"), Some("Asia/Tokyo"));
    let local = "2020-01-06T09:30 2020-01-06T15:30";
    let shown = ["2020-01-06T09:30:00", "2020-01-06T15:30:00"];
    check(local, None, &shown, None);
    check(local, new_york, &shown, new_york);
    check("2020-01-06T14:30Z 2020-01-06T20:30Z", new_york, &shown, new_york);
    check("1578321000 1578342600", new_york, &shown, new_york);
    check("2020-01-06T09:30-05:00[America/New_York] 2020-01-06T15:30-05:00[America/New_York]", None, &shown, new_york);
    check("2020-01-06T14:30Z 2020-01-06T20:30Z", tokyo, &["2020-01-06T23:30:00", "2020-01-07T05:30:00"], tokyo);
    // Clocks go back at 02:00 on 2020-11-01 and forward on 2020-03-08.
    check(
        "2020-11-01T00:30 2020-11-01T01:30 2020-11-01T02:30",
        new_york,
        &["2020-11-01T00:30:00", "2020-11-01T01:30:00", "2020-11-01T02:30:00"],
        new_york,
    );
    // Dates are dates everywhere, and so are midnights of the zone.
    check("2020-01-06 2020-01-07", new_york, &["2020-01-06", "2020-01-07"], None);
    check("2020-01-06T05:00Z 2020-01-07T05:00Z", new_york, &["2020-01-06", "2020-01-07"], None);
}

#[test]
fn adjustment_puts_prices_on_one_footing() {
    let rows = "date,open,high,low,close,volume,Adj Close\n2020-01-02,10,12,8,10,100,5\n2020-01-03,6,6,5,5,200,5\n\
                2020-01-06,6,6,5,5,200,\n";
    let folder = Folder::of(&[("A.csv", rows), ("none.csv", "date,close\n2020-01-02,1\n")]);
    let check = |adjust: Adjustment, expected: &str| {
        let import = read_panel(&folder.path("A.csv"), &ImportOptions { adjust, ..plain() }).unwrap();
        let panel = &import.panel;
        let bar = |bar: usize| {
            panel
                .field_names()
                .map(|name| format!("{name} {}", panel.values(name).unwrap()[bar]))
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert_eq!([bar(0), bar(1), bar(2)].join(" / "), expected);
        import.ledger.repaired.len()
    };
    let kept = "open 10 high 12 low 8 close 10 volume 100 adj_close 5 / open 6 high 6 low 5 close 5 volume 200 adj_close 5 / \
                open 6 high 6 low 5 close 5 volume 200 adj_close NaN";
    assert_eq!(check(Adjustment::None, kept), 0);
    let none = "open NaN high NaN low NaN close NaN volume NaN";
    let prices = format!("open 5 high 6 low 4 close 5 volume 100 / open 6 high 6 low 5 close 5 volume 200 / {none}");
    assert_eq!(check(Adjustment::Prices, &prices), 1);
    assert_eq!(check(Adjustment::PricesAndVolume, &prices.replace("volume 100", "volume 200")), 1);
    let refused =
        |name: &str, options: ImportOptions| read_panel(&folder.path(name), &options).unwrap_err().to_string();
    let text = refused("A.csv", ImportOptions { adjust: Adjustment::Prices, ..strict() });
    assert!(text.contains("row 4: 2020-01-06 A, close 5: a close without an adj_close"), "{text}");
    let text = refused("none.csv", ImportOptions { adjust: Adjustment::Prices, ..plain() });
    assert!(text.contains("none.csv") && text.contains("no column adj_close"), "{text}");
}

/// What was mended is listed row by row, with the file.
#[test]
fn every_row_mended_is_listed() {
    let folder = Folder::of(&[
        ("a.csv", "date,symbol,close\n2020-01-02,A,1\n2020-01-03,A,-1\n,A,1\n"),
        ("b.csv", "date,symbol,close\n2020-01-02,A,2\n2020-01-02,B,0\n"),
        ("c.csv", "date,symbol,close\n"),
    ]);
    let mut heard = Vec::new();
    let listed = read_panel_listed(folder.0.path(), &plain(), &mut |read, files| heard.push((read, files))).unwrap();
    assert_eq!(heard, [(1, 3), (2, 3), (3, 3)]);
    let path = folder.path("ledger.csv");
    mended_table(&listed.mended).write(&path).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(listed.mended.len(), 5, "{text}");
    for part in [
        "c.csv,0,\"\",\"\",a file without rows,the file is left out,",
        "a.csv,4,\"\",A,no date or no symbol,the row is dropped,",
        "b.csv,2,2020-01-02,A,same date and symbol as a later row,the last such row is kept,",
        "a.csv,3,2020-01-03,A,a price that is not positive,",
        "b.csv,3,2020-01-02,B,a price that is not positive,",
    ] {
        assert!(text.contains(part), "no `{part}` in\n{text}");
    }
    let ledger = &listed.import.ledger;
    assert_eq!((ledger.rows_read, ledger.rows_kept, ledger.rows_dropped), (5, 3, 2));
}

#[test]
fn mistakes_in_folders_and_wide_files_are_named() {
    let check = |files: &[(&str, &str)], parts: &[&str]| {
        let folder = Folder::of(files);
        let text = read_panel(folder.0.path(), &plain()).unwrap_err().to_string();
        let named = text.contains(&*folder.0.path().to_string_lossy());
        assert!(named && !text.contains('\n') && parts.iter().all(|part| text.contains(part)), "{parts:?}: {text}");
    };
    let long = "date,symbol,close\n2020-01-02,A,1\n";
    let wide = "date,A,B\n2020-01-02,1,2\n";
    check(&[], &["folder without a file of bars"]);
    check(&[("notes.md", "x")], &["folder without a file of bars"]);
    check(&[("a.csv", "date,symbol,close\n"), ("b.csv", "")], &["no file with a row"]);
    check(&[("a.csv", long), ("b.parquet", "PAR1")], &["b.parquet", "cut off"]);
    check(&[("a.csv", long), ("sectors.csv", "symbol,sector\nA,Energy\n")], &["sectors.csv", "no date column"]);
    check(&[("a.csv", long), ("close.csv", wide)], &["a.csv", "close.csv", "symbols across"]);
    check(
        &[("a.csv", "date,symbol,close,x\n2020-01-02,A,1,2\n"), ("b.csv", "date,symbol,close,x\n2020-01-02,B,1,y\n")],
        &["a.csv", "b.csv", "`x`", "numbers", "texts"],
    );
    check(&[("open.csv", wide), ("high.csv", wide)], &["no closes, only open, high"]);
    check(&[("close.csv", wide), ("x_close.csv", wide)], &["x_close.csv", "holds close of A", "remove one"]);
    check(&[("close.csv", "date,A,A\n2020-01-02,1,2\n")], &["close.csv", "two columns `A`"]);
    check(&[("close.csv", "date,A,B\n2020-01-02,1,2\n2020-01-03,1,x\n")], &["close.csv", "row 3", "`B`", "`x`"]);
    check(
        &[
            ("a.csv", "date,close\n2020-01-02T10:00Z,1\n"),
            ("b.csv", "date,close\n2020-01-02T10:00+01:00[Europe/Paris],1\n"),
        ],
        &["a.csv", "b.csv", "Europe/Paris", "UTC"],
    );
    check(&[("1/2/3/4/5/6/7/a.csv", long)], &["more than 6 folders deep"]);
}

#[test]
fn mistakes_in_what_is_asked_are_named() {
    let folder = Folder::of(&[
        ("a.csv", "date,symbol,close,sector\n2020-01-02,A,1,x\n2020-01-03,A,1,x\n"),
        ("other.csv", "symbol,industry\nB,y\n"),
        ("same.csv", "symbol,sector\nA,y\n"),
        ("twice.csv", "symbol,industry\nA,y\nA,z\n"),
        ("bare.csv", "symbol\nA\n"),
        ("nameless.csv", "company,industry\nA,y\n"),
        ("ends.csv", "symbol,from,to\nA,2020-01-03,2020-01-02\n"),
        ("open.csv", "symbol,until\nA,2020-01-03\n"),
    ]);
    let check = |options: ImportOptions, parts: &[&str]| {
        let text = read_panel(&folder.path("a.csv"), &options).unwrap_err().to_string();
        assert!(!text.contains('\n') && parts.iter().all(|part| text.contains(part)), "{parts:?}: {text}");
    };
    let sectors = |name: &str| ImportOptions { sectors: Some(folder.path(name)), ..plain() };
    let universe = |name: &str| ImportOptions { universe: Some(folder.path(name)), ..plain() };
    check(sectors("none.csv"), &["cannot read", "none.csv"]);
    check(sectors("other.csv"), &["other.csv", "none of the symbols"]);
    check(sectors("same.csv"), &["same.csv", "`sector`", "already"]);
    check(sectors("twice.csv"), &["twice.csv", "row 3", "row 2 already"]);
    check(sectors("bare.csv"), &["bare.csv", "no column of labels"]);
    check(sectors("nameless.csv"), &["nameless.csv", "no column of symbols"]);
    check(universe("ends.csv"), &["ends.csv", "row 2", "2020-01-02", "before 2020-01-03"]);
    check(universe("open.csv"), &["open.csv", "no column `from`"]);
    check(ImportOptions { time_zone: Some("Mars/Olympus".to_owned()), ..plain() }, &["a.csv", "Mars/Olympus"]);
    check(
        ImportOptions { session: Some("09:30-16:00".parse().unwrap()), ..plain() },
        &["a.csv", "dates without times"],
    );
    let text = read_panel(folder.0.path(), &ImportOptions { symbol: Some("A".to_owned()), ..plain() });
    assert!(text.unwrap_err().to_string().contains("one symbol can name one file"));
}

#[test]
fn a_folder_too_large_is_refused_on_the_way() {
    let panel = RandomWalk { bars: 400, symbols: 6, ..RandomWalk::default() }.panel();
    let folder = Folder::new();
    for (symbol, name) in panel.symbols().iter().enumerate() {
        long_table(&panel, symbol).write(&folder.path(&format!("{name}.csv"))).unwrap();
    }
    let text = read_panel(folder.0.path(), &ImportOptions { max_bytes: 60_000, ..plain() }).unwrap_err().to_string();
    assert!(text.contains("more than 60000 bytes after 3 of 6 files"), "{text}");
}

#[test]
fn panels_that_cannot_be_written_are_refused() {
    let folder = Folder::of(&[("null.csv", "date,close\n2020-01-02,1\n")]);
    let panel = read_panel(&folder.path("null.csv"), &plain()).unwrap().panel;
    let check = |name: &str, part: &str| {
        let text = write_panel(&panel, &folder.path(name)).unwrap_err().to_string();
        assert!(text.contains(part) && !Path::new(&folder.path(name)).exists(), "{text}");
    };
    check("a.parquet", "symbol `null` would read back as a missing one");
    check("a.json", "no extension that tells the format of a panel");
}

/// Tickers that are called like fields do not make a wide table a long one.
#[test]
fn a_wide_file_of_tickers_named_like_fields() {
    let names = ["A", "AAPL", "BA", "C", "H", "IBM", "KO", "L", "LOW", "O", "OPEN", "V"];
    let mut text = format!("Date,{}\n", names.join(","));
    for day in 2..9 {
        writeln!(text, "2020-01-{day:02}{}", ",1.5".repeat(names.len())).unwrap();
    }
    let folder = Folder::of(&[("close.csv", &text), ("volume.csv", &text)]);
    let panel = read_panel(folder.0.path(), &strict()).unwrap().panel;
    assert_eq!(panel.symbols(), names);
    assert_eq!(panel.field_names().collect::<Vec<_>>(), ["close", "volume"]);
    assert_exports(&panel, "wide");
}
