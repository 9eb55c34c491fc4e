//! The real panels of the development folder: what their notes say about them is what the importer finds.
//!
//! The folder is named by `EVOQUANT_MARKETS`; by default it is looked for beside the repository.

mod markets;

use market::{Error, Import, ImportOptions, read_panel, write_panel};

use markets::markets;

/// Imports one file and checks its shape; rules and counts as `"rule part" = rows`.
fn check(name: &str, shape: (usize, usize, usize), span: (&str, &str), fields: &str, repaired: &[(&str, usize)]) {
    let Some(folder) = markets() else { return };
    let path = folder.join(name);
    let Import { panel, ledger } = read_panel(&path, &ImportOptions::default()).unwrap();
    let (rows, symbols, bars) = shape;
    assert_eq!((ledger.rows_read, ledger.rows_kept, ledger.rows_dropped), (rows, rows, 0), "{ledger}");
    assert_eq!((panel.symbols().len(), panel.bars()), (symbols, bars), "{name}");
    let calendar = panel.calendar();
    assert_eq!((calendar.label(0).as_str(), calendar.label(bars - 1).as_str()), span, "{name}");
    assert_eq!(panel.field_names().collect::<Vec<_>>().join(" "), fields, "{name}");
    assert_eq!(ledger.repaired.len(), repaired.len(), "{ledger}");
    for (entry, (rule, rows)) in ledger.repaired.iter().zip(repaired) {
        assert!(entry.rule.contains(rule) && entry.rows == *rows, "{name}: {entry:?}, expected {rule} {rows}");
    }
    let strict = read_panel(&path, &ImportOptions { strict: true, ..ImportOptions::default() });
    match (strict, repaired) {
        (Ok(_), []) | (Err(Error::Strict { .. }), [_, ..]) => {}
        (found, _) => panic!("{name}: strict import gave {found:?}"),
    }
}

const OHLCV: &str = "open high low close volume";
const ADJUSTED: &str = "open high low close adj_close volume";

#[test]
fn equities() {
    let span = ("2013-02-08", "2018-02-07");
    check("us_equities_daily_2013_2018.parquet", (615_886, 505, 1_253), span, OHLCV, &[]);
}

#[test]
fn equities_as_published() {
    let span = ("2013-02-08", "2018-02-07");
    check("us_equities_daily_2013_2018_raw.parquet", (619_040, 505, 1_259), span, OHLCV, &[("outside of them", 12)]);
}

#[test]
fn us88() {
    let span = ("2012-09-04", "2017-09-01");
    check("us88_daily_2012_2017.parquet", (108_592, 88, 1_258), span, ADJUSTED, &[("no close", 3)]);
}

#[test]
fn indices() {
    let span = ("1999-01-04", "2018-12-31");
    check("us_index_daily_1999_2018.parquet", (10_062, 2, 5_031), span, ADJUSTED, &[]);
}

/// Out and in again: the same panel, whatever the format.
#[test]
fn real_panels_read_back_as_they_were() {
    let Some(markets) = markets() else { return };
    let folder = tempfile::tempdir().unwrap();
    for (name, exports) in [
        ("us_equities_daily_2013_2018.parquet", &["a.parquet"][..]),
        ("us_equities_daily_2013_2018_raw.parquet", &["a.csv.zst"]),
        ("us88_daily_2012_2017.parquet", &["a.parquet", "a.feather", "a.csv", "a.csv.gz"]),
        ("us_index_daily_1999_2018.parquet", &["a.parquet", "a.ipc", "a.csv"]),
    ] {
        let sectors = name.starts_with("us88").then(|| markets.join("us88_sectors.csv"));
        let options = ImportOptions { sectors, ..ImportOptions::default() };
        let panel = read_panel(&markets.join(name), &options).unwrap().panel;
        if let Some(sector) = panel.group("sector") {
            // Nine sectors over 88 symbols, on the rows that there are.
            assert_eq!((sector.labels.len(), sector.codes.iter().filter(|code| !code.is_nan()).count()), (9, 108_592));
        }
        for export in exports {
            let path = folder.path().join(export);
            write_panel(&panel, &path).unwrap();
            let again = read_panel(&path, &ImportOptions::default()).unwrap().panel;
            assert_eq!(
                (again.fingerprint(), again.calendar()),
                (panel.fingerprint(), panel.calendar()),
                "{name} {export}"
            );
        }
    }
}

/// The twelve broken bars are gone, and no other cell changed.
#[test]
fn broken_bars_are_masked_and_nothing_else() {
    let Some(folder) = markets() else { return };
    let import =
        read_panel(&folder.join("us_equities_daily_2013_2018_raw.parquet"), &ImportOptions::default()).unwrap();
    let panel = import.panel;
    let close = panel.field("close").unwrap();
    let symbol = |name: &str| panel.symbols().binary_search_by(|s| s.as_str().cmp(name)).unwrap();
    let bar = |date: &str| (0..panel.bars()).find(|&row| panel.calendar().label(row) == date).unwrap();
    for (name, date) in [("AOS", "2014-05-19"), ("CHK", "2014-06-30"), ("LNT", "2016-05-19"), ("UA", "2016-06-10")] {
        assert!(close[[bar(date), symbol(name)]].is_nan(), "{name} {date}");
    }
    assert_eq!(close.iter().filter(|value| value.is_finite()).count(), 619_040 - 12);
}
