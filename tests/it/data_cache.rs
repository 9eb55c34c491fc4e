//! Imported panels on disk, as a person meets them.

use std::path::Path;
use std::process::Output;

use super::{evoquant, stderr, stdout};

const BUNDLED: &str = "data/us_large_caps_daily_2013_2023.parquet";

fn run_with(cache: &Path, arguments: &[&str]) -> Output {
    evoquant().env("EVOQUANT_CACHE", cache).args(arguments).output().expect("the program starts")
}

#[test]
fn panels_are_warmed_listed_verified_and_cleared() {
    let folder = tempfile::tempdir().unwrap();
    let (cache, market) = (folder.path().join("panels"), folder.path().join("bars.parquet"));
    std::fs::copy(BUNDLED, &market).unwrap();
    let market = market.to_str().unwrap();
    let expect = |arguments: &[&str], code: i32, parts: &[&str]| {
        let output = run_with(&cache, arguments);
        let text = stdout(&output) + &stderr(&output);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {text}");
        for part in parts {
            assert!(text.contains(part), "{arguments:?}: no `{part}` in {text}");
        }
    };
    expect(&["data", "cache", "list"], 0, &["0 panels", "hits 0, misses 0"]);
    expect(&["data", "cache", "warm", market], 0, &["imported and kept"]);
    expect(&["data", "cache", "warm", market], 0, &["was there already"]);
    expect(&["data", "cache", "list"], 0, &["bars.parquet", "fresh", "1 panels", "hits 1, misses 1"]);
    expect(&["data", "cache", "verify"], 0, &["sound"]);

    // What commands print does not depend on where the panel came from.
    let eval = ["eval", "cs_rank(returns(close, 20))", "--data", market];
    let without = evoquant().args(eval).output().unwrap();
    assert_eq!(stdout(&run_with(&cache, &eval)), stdout(&without));
    expect(&["data", "cache", "list"], 0, &["hits 2, misses 1"]);

    // A changed source is imported again.
    std::fs::copy("data/us_large_caps_daily_2013_2023.parquet", market).unwrap();
    expect(&["data", "cache", "warm", market], 0, &["imported again"]);

    // Damage in the middle of the values is found by whoever looks, and never used.
    let mut kept = std::fs::read_dir(&cache).unwrap().flatten().map(|entry| entry.path());
    let kept = kept.find(|path| path.extension().is_some_and(|extension| extension == "panel")).unwrap();
    let mut bytes = std::fs::read(&kept).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x40;
    std::fs::write(&kept, bytes).unwrap();
    expect(&["data", "cache", "verify"], 1, &["its values are damaged", "1 that would be imported again"]);
    assert_eq!(stdout(&run_with(&cache, &eval)), stdout(&without));

    expect(&["data", "cache", "warm", market], 0, &["bars x"]);
    expect(&["data", "cache", "clear", "--unused", "3"], 0, &["0 panels removed"]);
    expect(&["data", "cache", "clear", "no-such-file.csv"], 2, &["nothing of it is kept"]);
    expect(&["data", "cache", "clear", market], 0, &["1 panels removed"]);
    expect(&["data", "cache", "list"], 0, &["0 panels"]);
}

#[test]
fn a_cache_that_is_off_or_cannot_be_written_stops_nobody() {
    let off = evoquant().args(["data", "cache", "list"]).output().unwrap();
    assert_eq!(off.status.code(), Some(2));
    assert!(stderr(&off).contains("EVOQUANT_CACHE"), "{}", stderr(&off));

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a file");
    std::fs::write(&file, "").unwrap();
    let output = run_with(&file.join("panels"), &["data", "cache", "warm", BUNDLED]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stdout(&output).contains("cannot be kept"));
}

/// A strategy over a file that does not fit in the memory allowed gives what it gives over one that does.
#[test]
fn files_larger_than_memory_are_backtested_from_the_cache() {
    let folder = tempfile::tempdir().unwrap();
    let market = folder.path().join("bars.csv");
    let convert = ["data", "import", BUNDLED, "--out", market.to_str().unwrap()];
    assert_eq!(evoquant().args(convert).output().unwrap().status.code(), Some(0));
    let arguments = ["backtest", "strategies/momentum-12-1.toml", "--data", market.to_str().unwrap()];
    let whole = evoquant().args(arguments).output().unwrap();
    let cache = folder.path().join("panels");
    for _ in 0..2 {
        let mut little = evoquant();
        little.env("EVOQUANT_CACHE", &cache).env("EVOQUANT_IMPORT_MEMORY", "200kB").args(arguments);
        let little = little.output().unwrap();
        assert_eq!(stderr(&little), stderr(&whole));
        assert_eq!(stdout(&little), stdout(&whole));
    }
    assert_eq!(std::fs::read_dir(&cache).unwrap().flatten().filter(|entry| entry.path().is_file()).count(), 2);
    let count = stdout(&evoquant().args(["data", "count", market.to_str().unwrap()]).output().unwrap());
    assert!(count.ends_with(": 16194 rows\n"), "{count}");
    let refused = evoquant().env("EVOQUANT_IMPORT_MEMORY", "much").args(arguments).output().unwrap();
    assert_eq!(refused.status.code(), Some(2));
    assert!(stderr(&refused).contains("EVOQUANT_IMPORT_MEMORY: an amount of memory"), "{}", stderr(&refused));
}
