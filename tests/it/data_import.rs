//! `evoquant data import`, `data check` and `data info` of folders and wide files: what they print, write and refuse.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use crate::{markets, run, stderr, stdout};

fn write(folder: &Path, name: &str, contents: &str) -> String {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().expect("a folder")).expect("made");
    fs::write(&path, contents).expect("written");
    path.to_str().expect("a path").to_owned()
}

/// Thirty days of a price that doubles for one day, and of one that does not.
fn spiky() -> String {
    let mut text = "date,symbol,open,high,low,close,volume\n".to_owned();
    for day in 0..60 {
        for symbol in ["A", "B"] {
            let price = 100.0 + f64::from((day * 7 + symbol.len() as u32) % 5);
            let price = if day == 40 && symbol == "B" { 2.0 * price } else { price };
            let date = format!("2020-{:02}-{:02}", 1 + day / 28, 1 + day % 28);
            let _ = writeln!(text, "{date},{symbol},{price},{},{},{price},{}", price + 1.0, price - 1.0, 1000 + day);
        }
    }
    text
}

/// Imports, writes, and reads again; then masks, and reads that again.
#[test]
fn a_folder_becomes_a_panel_and_a_clean_one() {
    let folder = tempfile::tempdir().expect("a folder");
    write(folder.path(), "bars/a.csv", &spiky());
    write(folder.path(), "bars/more/C.csv", "Date,Close,Adj Close\n2020-01-01,10,5\n2020-01-02,0,5\n2020-01-03,,\n");
    let source = folder.path().join("bars");
    let source = source.to_str().expect("a path");
    let path = |name: &str| folder.path().join(name).to_str().expect("a path").to_owned();

    let (out, ledger) = (path("panel.parquet"), path("ledger.csv"));
    let output = run(&["data", "import", source, "--out", &out, "--ledger", &ledger]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    for part in ["rows read            123", "not positive: 1 rows", "2 rows listed in", "symbols     3"] {
        assert!(stdout(&output).contains(part), "no `{part}` in\n{}", stdout(&output));
    }
    let ledger = fs::read_to_string(ledger).expect("the ledger");
    assert!(
        ledger.lines().count() == 3 && ledger.contains("C.csv,3,2020-01-02,C,a price that is not positive"),
        "{ledger}"
    );
    assert!(stdout(&run(&["data", "info", &out])).contains("symbols     3"));

    let (clean, findings) = (path("clean.csv.gz"), path("findings.csv"));
    let output = run(&["data", "check", source, "--mask", &clean, "--out", &findings]);
    let text = stdout(&output);
    assert_eq!(output.status.code(), Some(1), "{text}{}", stderr(&output));
    for part in
        ["problems found: 2 problems", "broken_bar", "spike", "2020-02-13 B: +94.2 % and then -49.0 %", "2 bars masked"]
    {
        assert!(text.contains(part), "no `{part}` in\n{text}");
    }
    let listed = fs::read_to_string(path("clean.csv.gz.masked.csv")).expect("the list");
    assert!(listed.lines().count() == 3 && listed.contains("spike,problem,2020-02-13,B,"), "{listed}");
    assert!(fs::read_to_string(findings).expect("the findings").contains("mended_row,warning,2020-01-03,C"));
    let again = run(&["data", "check", &clean]);
    assert_eq!(again.status.code(), Some(0), "{}", stdout(&again));
    assert_eq!(run(&["data", "check", &clean, "--fail-on", "warning"]).status.code(), Some(1));
    let skipped = run(&["data", "check", source, "--skip", "spike,broken_bar"]);
    assert_eq!(skipped.status.code(), Some(0), "{}", stdout(&skipped));

    let json = stdout(&run(&["data", "check", source, "--json"]));
    let report: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(report["rules"][1]["rule"], "spike");
}

/// Every command takes folders and wide files.
#[test]
fn folders_and_wide_files_are_markets_everywhere() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut closes = "date,A,B\n".to_owned();
    for day in 1..28 {
        let _ = writeln!(closes, "2020-01-{day:02},{},{}", 10 + day, 50 - day);
    }
    write(folder.path(), "wide/close.csv", &closes);
    let source = folder.path().join("wide");
    let output = run(&["eval", "close", "--data", source.to_str().expect("a path")]);
    assert!(output.status.success(), "{}", stderr(&output));
    let info = stdout(&run(&["data", "info", source.to_str().expect("a path")]));
    assert!(info.contains("symbols     2, 2 with every bar"), "{info}");
}

#[test]
fn mistakes_are_named_and_nothing_is_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let bars = write(folder.path(), "in/bars.csv", &spiky());
    let source = folder.path().join("in").to_str().expect("a path").to_owned();
    let out = folder.path().join("out.parquet").to_str().expect("a path").to_owned();
    let inside = folder.path().join("in/out.csv").to_str().expect("a path").to_owned();
    let broken = write(folder.path(), "broken/b.parquet", "PAR1 this is none");
    let folder_of_broken = folder.path().join("broken").to_str().expect("a path").to_owned();
    let minutes = write(folder.path(), "minutes.csv", "date,close\n2020-01-06T10:00,1\n");
    let sectors = write(folder.path(), "sectors.csv", "symbol,sector\nXYZ,Energy\n");
    let zero = write(folder.path(), "zero.csv", "date,symbol,close\n2020-01-02,A,0\n");
    let import: &[(&[&str], &[&str])] = &[
        (&[&bars], &["--out"]),
        (&["none.csv", "--out", &out], &["none.csv"]),
        (&[&bars, "--out", "panel.xls"], &["panel.xls", ".parquet"]),
        (&[&bars, "--out", &out, "--ledger", "ledger.xls"], &["ledger.xls", ".csv"]),
        (&[&bars, "--out", &bars], &["bars.csv", "would be replaced"]),
        (&[&source, "--out", &inside], &["out.csv", "in the folder that is read"]),
        (&[&broken, "--out", &out], &["b.parquet", "cut off"]),
        (&[&folder_of_broken, "--out", &out], &["b.parquet", "cut off"]),
        (&[&bars, "--out", &out, "--adjust"], &["bars.csv", "adj_close"]),
        (&[&bars, "--out", &out, "--adjust=volume"], &["volume", "prices"]),
        (&[&bars, "--out", &out, "--session", "9-16"], &["9-16", "09:30-16:00"]),
        (&[&bars, "--out", &out, "--session", "09:30-16:00"], &["bars.csv", "dates without times"]),
        (&[&minutes, "--out", &out, "--session", "11:00-16:00"], &["minutes.csv", "within the session"]),
        (&[&bars, "--out", &out, "--time-zone", "New York"], &["New York", "America/New_York"]),
        (&[&bars, "--out", &out, "--sectors", &sectors], &["sectors.csv", "none of the symbols"]),
        (&[&source, "--out", &out, "--symbol", "A"], &["one symbol"]),
        (&[&zero, "--out", &out, "--strict"], &["zero.csv", "row 2", "not positive"]),
        (&[&bars, "--out", &out, "--max-memory", "0"], &["bars.csv", "more than 0 bytes"]),
    ];
    let check: &[(&[&str], &[&str])] = &[
        (&["none.csv"], &["none.csv"]),
        (&[&bars, "--skip", "spikes"], &["spikes", "copied_bar"]),
        (&[&bars, "--copy-chance", "0"], &["--copy-chance 0", "above 0"]),
        (&[&bars, "--stale-bars", "1"], &["--stale-bars 1", "2 or more"]),
        (&[&bars, "--mask", "clean.json"], &["clean.json", ".parquet"]),
        (&[&bars, "--mask", &bars], &["bars.csv", "would be replaced"]),
        (&[&bars, "--out", "findings.xls"], &["findings.xls", ".csv"]),
        (&[&zero, "--mask", &out], &["zero.csv", "no bar would be left"]),
    ];
    for (command, cases) in [("import", import), ("check", check)] {
        for (arguments, words) in cases {
            let output = run(&[&["data", command], *arguments].concat());
            let message = stderr(&output);
            assert_eq!(output.status.code(), Some(2), "{command} {arguments:?}\n{message}");
            assert!(stdout(&output).is_empty() && !message.contains("panicked"), "{message}");
            for word in *words {
                assert!(message.contains(word), "no `{word}` in the message of {command} {arguments:?}:\n{message}");
            }
            assert!(!Path::new(&out).exists() && !Path::new(&inside).exists(), "{arguments:?} left a file");
        }
    }
}

/// The figures of the manual: 1,079 of the 1,080 rows that are known to be wrong are masked.
#[test]
fn the_raw_market_is_cleaned() {
    let Some(markets) = markets() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let clean = folder.path().join("clean.parquet").to_str().expect("a path").to_owned();
    let raw = markets.join("us_equities_daily_2013_2018_raw.parquet");
    let output = run(&["data", "check", raw.to_str().expect("a path"), "--mask", &clean]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(stdout(&output).contains("1079 bars masked"), "{}", stdout(&output));
    let again = run(&["data", "check", &clean, "--skip", "unadjusted_split"]);
    assert_eq!(again.status.code(), Some(0), "{}", stdout(&again));
}
