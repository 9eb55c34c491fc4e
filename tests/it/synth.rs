//! Markets to order: in memory, on disk, interrupted, with a truth in them, and ordered wrongly.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;

use crate::{evoquant, run, stderr, stdout};

fn succeed(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", stderr(&output));
    stdout(&output)
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path")
}

#[test]
fn analyze_finds_what_was_planted() {
    for (keys, expression, fill, expected) in [
        ("rank_ic=0.05", "-returns(close, 5)", "next_open", 0.05),
        ("rank_ic=-0.04,half_life=5", "ts_zscore(close, 20)", "next_open", -0.04),
        ("rank_ic=0.06,plant_return=same_close", "group_rank(volume, sector)", "same_close", 0.06),
        ("rank_ic=0.03,regime=calm:0.1:0.6:100,regime=wild:-0.2:2:20", "ts_ema(close, 10) / close", "next_open", 0.03),
    ] {
        let market = format!("synth:bars=2000,symbols=250,seed=12,{keys},plant={expression}");
        let asked = ["analyze", "--json", "--horizons", "1", "--fill", fill, "--data", &market, "--", expression];
        let found: Value = serde_json::from_str(&succeed(&asked)).expect("JSON");
        let analysis = &found["factors"][0]["analysis"];
        let of = |name: &str| analysis["horizons"][0]["rank_ic"][name].as_f64().expect(name);
        let (mean, error) = (of("mean"), of("mean") / of("t_newey_west"));
        assert!((mean - expected).abs() < 4.0 * error.abs() + 0.03 * f64::abs(expected), "{keys}: {mean} +- {error}");
        assert!(error.abs() < 0.003, "{error}");
        assert_eq!(analysis["leak"]["suspect"], false, "{keys}");
    }
}

#[test]
fn files_and_memory_hold_the_same_market() {
    let folder = tempfile::tempdir().expect("a folder");
    let keys = "bars=800,symbols=40,seed=3,plant=cs_rank(volume),rank_ic=0.1,delisting_rate=0.1";
    let values = |data: &str, name: &str| {
        let out = folder.path().join(name);
        succeed(&["eval", "open + high + low + close + volume", "--data", data, "--out", text(&out)]);
        fs::read_to_string(out).expect("written")
    };
    let memory = values(&format!("synth:{keys}"), "memory.csv");
    for (name, threads, chunk) in [("a.parquet", "1", "1000"), ("b.csv.gz", "2", "1"), ("c.arrow", "3", "100000")] {
        let path = folder.path().join(name);
        let made = succeed(&["data", "synth", keys, "--out", text(&path), "--threads", threads, "--chunk", chunk]);
        for word in ["rows/s", "peak memory", "xxh3", ".manifest.toml"] {
            assert!(made.contains(word) || !Path::new("/proc/self/status").exists(), "no `{word}` in {made}");
        }
        assert!(values(text(&path), "file.csv") == memory, "{name}");
        let manifest = format!("synth:{}.manifest.toml", text(&path));
        assert!(values(&manifest, "again.csv") == memory, "{name}");
    }
    // What is printed without a file is a file of the same market; keys behind a file's name are on top of it.
    let printed = folder.path().join("market.toml");
    fs::write(&printed, succeed(&["data", "synth", keys])).expect("written");
    assert!(values(&format!("synth:{}", text(&printed)), "printed.csv") == memory);
    assert!(values(&format!("synth:{},seed=4", text(&printed)), "other.csv") != memory);
}

#[test]
fn a_killed_market_becomes_the_same_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    let (whole, cut) = (path("whole.csv"), path("cut.csv"));
    let ask = |out: &Path, more: &[&str]| -> Vec<String> {
        let fixed = ["data", "synth", "bars=10000,symbols=110,seed=4", "--threads", "1", "--out", text(out)];
        fixed.iter().chain(more).map(|&part| part.to_owned()).collect()
    };
    assert!(evoquant().args(ask(&whole, &[])).output().expect("it runs").status.success());
    let mut child =
        evoquant().args(ask(&cut, &[])).stderr(Stdio::null()).stdout(Stdio::null()).spawn().expect("it starts");
    // Some segments are in the journal, and some are not.
    let journal = path(".cut.csv.journal");
    while fs::metadata(&journal).map_or(0, |of| of.len()) < 100 && child.try_wait().expect("a child").is_none() {
        std::thread::sleep(Duration::from_millis(2));
    }
    child.kill().expect("it can be ended");
    child.wait().expect("it ended");
    assert!(!cut.exists(), "it was killed before its end");
    let output = evoquant().args(ask(&cut, &["--resume"])).output().expect("it runs");
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(stderr(&output).contains("rows are there already"), "{}", stderr(&output));
    assert!(fs::read(&whole).expect("written") == fs::read(&cut).expect("written"));
    assert!(!journal.exists() && !path(".cut.csv.unfinished").exists());
}

#[test]
fn evolution_runs_on_a_market_to_order() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("run");
    let market = "synth:noise=garch,bars=600,symbols=20,seed=5";
    let asked = ["evolve", "--data", market, "--population", "20", "--generations", "2", "--out", text(&out)];
    let output = run(&asked);
    assert!(matches!(output.status.code(), Some(0 | 1)), "{}", stderr(&output));
    let record = fs::read_to_string(out.join("run.json")).expect("a record");
    assert!(record.contains(market), "{record}");
}

#[test]
fn orders_that_cannot_be_filled() {
    let folder = tempfile::tempdir().expect("a folder");
    let broken = folder.path().join("broken.toml");
    fs::write(&broken, "bars = 10\nsimbols = 4\n").expect("written");
    let out = folder.path().join("market.parquet");
    let cases: [(&[&str], &[&str]); 16] = [
        (&["simbols=4"], &["simbols", "did you mean `symbols`"]),
        (&["bars"], &["`bars`", "key=value"]),
        (&["bars=0"], &["`bars`", "from 1 to 1000000000", "`0`"]),
        (&["bars=4", "--bars", "5"], &["`bars`", "twice"]),
        (&["--seed", "minus one"], &["`seed`", "minus one"]),
        (&["--noise", "whit"], &["`noise`", "did you mean `white`"]),
        (&["--scenario", "crash:1:2:3"], &["`scenario`", "flash_crash"]),
        (&["--scenario", "bear:9999:2:0.3"], &["bear", "9999", "2520"]),
        (&["--plant", "cs_rnk(close)"], &["`plant`", "cs_rank", "^"]),
        (&["--plant", "close > open"], &["`plant`", "flag"]),
        (&["--plant", "close", "--rank-ic", "2"], &["`rank_ic`", "-0.9 to 0.9"]),
        (&["--plant", "volume", "--rank-ic", "0.9", "market_volatility=2"], &["`rank_ic`", "0.9", "market_volatility"]),
        (&["--spec", "no-such-file.toml"], &["no-such-file.toml"]),
        (&["--spec", text(&broken)], &["broken.toml", "did you mean `symbols`"]),
        (&["--threads", "0"], &["--threads"]),
        (&["--chunk", "0"], &["--chunk"]),
    ];
    let check = |arguments: &[&str], words: &[&str]| {
        let output = run(arguments);
        let message = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}\n{message}");
        assert!(!message.contains("panicked"), "{message}");
        for word in words {
            assert!(message.contains(word), "no `{word}` in the message of {arguments:?}:\n{message}");
        }
    };
    for (arguments, words) in cases {
        check(&[&["data", "synth", "--out", text(&out)], arguments].concat(), words);
    }
    check(&["data", "synth", "--out", "market.xls"], &["market.xls", ".parquet"]);
    check(&["data", "synth", "--out", text(&out.with_extension("csv")), "--compression", "zstd"], &[".csv.zst"]);
    check(&["data", "synth", "--resume"], &["--out"]);
    check(&["eval", "close", "--data", "synth:simbols=4"], &["did you mean `symbols`"]);
    check(&["eval", "close", "--data", "synth:bars=100000,symbols=100000"], &["bytes", "data synth"]);
    check(&["eval", "close", "--data", "synth:no-such-file.toml"], &["no-such-file.toml"]);
    let names: Vec<_> =
        fs::read_dir(folder.path()).expect("a folder").map(|entry| entry.expect("a name").file_name()).collect();
    assert_eq!(names, ["broken.toml"], "something half-written");
}
