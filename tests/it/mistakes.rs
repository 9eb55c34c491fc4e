//! Input that cannot be used: one clear message, exit code 2, nothing written.

use std::fs;
use std::path::Path;

use crate::{run, stderr, stdout};

const HEADER: &str = "date,symbol,open,high,low,close,volume\n";

/// Runs a command line that must fail with all of these words in one message.
fn check(arguments: &[&str], words: &[&str]) {
    let output = run(arguments);
    let message = stderr(&output);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}\n{message}");
    assert!(stdout(&output).is_empty(), "{arguments:?} printed results");
    for word in words {
        assert!(message.contains(word), "no `{word}` in the message of {arguments:?}:\n{message}");
    }
    assert!(!message.contains("panicked"), "{message}");
    let mut parts: Vec<&str> = message.split(": ").map(str::trim).filter(|part| part.len() > 20).collect();
    let said = parts.len();
    parts.sort_unstable();
    parts.dedup();
    assert_eq!(parts.len(), said, "something is said twice: {message}");
}

fn file(folder: &Path, name: &str, contents: &[u8]) -> String {
    let path = folder.join(name);
    fs::write(&path, contents).expect("written");
    path.to_str().expect("a path").to_owned()
}

#[test]
fn data_that_cannot_be_used() {
    let folder = tempfile::tempdir().expect("a folder");
    let cases: [(&str, &[u8], &[&str]); 6] = [
        ("empty.csv", b"", &["empty.csv"]),
        ("columns.csv", b"date,symbol,open\n2020-01-02,A,1\n", &["columns.csv", "close"]),
        ("text.csv", b"date,symbol,close\n2020-01-02,A,10\n2020-01-03,A,ten\n", &["text.csv", "ten", "close"]),
        ("date.csv", b"date,symbol,close\n2013-02-31,A,10\n", &["date.csv", "2013-02-31"]),
        ("garbage.parquet", b"PAR1 this is no parquet file PAR1", &["garbage.parquet"]),
        ("garbage.ipc", &[7; 400], &["garbage.ipc"]),
    ];
    for (name, contents, words) in cases {
        let path = file(folder.path(), name, contents);
        check(&["data", "info", &path], words);
        let out = folder.path().join("out");
        check(&["evolve", "--data", &path, "--out", out.to_str().expect("a path")], words);
        assert!(!out.exists(), "{name} left a run folder");
    }
    check(&["data", "info", folder.path().to_str().expect("a path")], &[]);
    check(&["data", "info", "no-such-file.csv"], &["no-such-file.csv"]);
}

#[test]
fn expressions_that_cannot_be_used() {
    let brackets = "(".repeat(20_000);
    let cases: [(&str, &[&str]); 9] = [
        ("cs_rnk(close)", &["cs_rnk", "cs_rank", "^"]),
        ("ts_mean(close)", &["ts_mean", "2 arguments"]),
        ("ts_mean(close, 0)", &["d", "0"]),
        ("ts_mean(close, 2.5)", &["whole number", "2.5"]),
        ("ts_delay(close, -1)", &["-1"]),
        ("clse + 1", &["clse", "close"]),
        ("close + (open > close)", &["flag", "num(...)"]),
        ("(close", &["never closed"]),
        (&brackets, &["nested"]),
    ];
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("values.csv");
    for (expression, words) in cases {
        check(&["eval", expression, "--out", out.to_str().expect("a path")], words);
        assert!(!out.exists(), "`{expression}` left a file");
    }
    check(&["eval", "close", "--out", folder.path().join("values.xls").to_str().expect("a path")], &[".parquet"]);
    let lines = file(folder.path(), "lines.expr", b"# The close.\nclose\n  + clsoe\n");
    check(&["eval", "--file", &lines], &["lines.expr", "line 3, column 5", "did you mean `close`?"]);
    check(&["eval", "--file", "no-such-file.expr"], &["no-such-file.expr"]);
    check(&["eval", "--file", &file(folder.path(), "bytes.expr", &[0xff, 0xfe])], &["bytes.expr"]);
    check(&["eval", "close", "--file", &lines], &["--file"]);
    check(&["eval"], &["EXPRESSION"]);
    check(&["ops", "nonsense"], &["nonsense"]);
    check(&["eval", "stddev(close, 5)"], &["alpha101", "ts_std", "--dialect", "^"]);
    check(&["eval", "--dialect", "qlib", "Ref($close, -1)"], &["not known yet", "column 13"]);
    check(&["eval", "--dialect", "qlib", "Corr($close, $volume, 20)"], &["2e-5", "--approximate"]);
    check(&["eval", "--dialect", "R", "close"], &["pandas", "brain", "alpha101", "qlib"]);
    check(&["eval", "--approximate", "close"], &["--dialect"]);
    check(&["ops", "--dialect", "qlib", "nonsense"], &["nonsense", "qlib"]);
}

#[test]
fn graphs_that_cannot_be_printed() {
    let folder = tempfile::tempdir().expect("a folder");
    check(&["print", "cs_rnk(close)"], &["cs_rnk", "cs_rank", "^"]);
    check(&["print", "close + roee", "--data", "data/us_large_caps_daily_2013_2023.parquet"], &["roee", "volume"]);
    check(&["print", "close", "--as", "pictures"], &["pictures", "polars", "latex"]);
    check(&["print", "close", "--data", "no-such-file.csv"], &["no-such-file.csv"]);
    check(&["print", "no-such-strategy.toml", "--as", "dot"], &["no-such-strategy.toml"]);
    check(&["print", "no-such-graph.json"], &["no-such-graph.json"]);
    let broken = file(folder.path(), "broken.json", b"{\"format\": ");
    check(&["print", &broken, "--as", "latex"], &["broken.json", "line 1"]);
    let empty = file(folder.path(), "empty.json", b"{\"format\": \"evoquant graph\", \"version\": 1, \"nodes\": []}");
    check(&["print", &empty], &["empty.json", "value", "positions"]);
    check(&["print"], &["EXPRESSION"]);
    check(&["ops", "ts_mean", "--markdown"], &["--markdown"]);
}

#[test]
fn files_that_cannot_be_used() {
    let folder = tempfile::tempdir().expect("a folder");
    let strategy = |factors: &str| {
        format!("name = \"x\"\n[factors]\n{factors}\n[positions]\nrule = \"signal\"\nentry = \"a\"\n").into_bytes()
    };
    let circle = file(folder.path(), "circle.toml", &strategy("a = \"b\"\nb = \"a\""));
    check(&["backtest", &circle], &["circle.toml", "circle", "a -> b"]);
    let below = file(folder.path(), "below.toml", &strategy("a = \"close > b\"\nb = \"open\""));
    check(&["backtest", &below], &["below.toml", "move `b` up"]);
    let unknown = file(folder.path(), "run.toml", b"populaton = 10\n");
    check(&["evolve", "--config", &unknown], &["run.toml", "populaton", "population"]);
    for (racing, parts) in [
        ("best = 0", ["`racing.best`", "above 0"]),
        ("best = nan", ["`racing.best`", "NaN"]),
        ("best = 1.01", ["`racing.best`", "1.01"]),
        ("after = 0", ["`racing.after`", "at least 1"]),
        ("after = -1", ["after", "-1"]),
        ("share = 0.5", ["share", "`best`"]),
    ] {
        let run = file(folder.path(), "racing.toml", format!("[racing]\n{racing}\n").as_bytes());
        check(&["evolve", "--config", &run], &parts);
    }
    check(&["evolve", "--race", "--resume", "runs/1"], &["--race", "--resume"]);
    let broken = file(folder.path(), "broken.toml", b"population = \n");
    check(&["evolve", "--config", &broken], &["broken.toml"]);
    check(&["evolve", "--threads", "0"], &["--threads"]);
    check(&["evolve", "--generations", "0"], &["generations"]);
    check(&["evolve", "--out", folder.path().to_str().expect("a path")], &["not empty"]);
    check(&["evolve", "--resume", folder.path().to_str().expect("a path")], &["run.json"]);
    check(&["backtest", "no-such-strategy.toml"], &["no-such-strategy.toml"]);
}

#[test]
fn data_that_can_be_mended_are_and_strict_refuses() {
    let folder = tempfile::tempdir().expect("a folder");
    let rows = "2020-01-03,A,10,11,9,10,100\n2020-01-02,A,10,11,9,10,100\n2020-01-02,A,10,11,9,10.5,100\n\
                2020-01-06,A,0,11,9,10,100\n2020-01-07,A,10,8,9,10,100\n2020-01-08,A,10,11,9,10,100\n";
    let path = file(folder.path(), "mend.csv", format!("{HEADER}{rows}").as_bytes());
    let output = run(&["data", "info", &path]);
    assert!(output.status.success(), "{}", stderr(&output));
    let text = stdout(&output);
    for word in ["same date and symbol", "sorted by date", "high below low", "not positive"] {
        assert!(text.to_lowercase().contains(word), "no `{word}` in\n{text}");
    }
    check(&["data", "info", &path, "--strict"], &["mend.csv"]);
}

#[test]
fn expressions_that_cannot_be_timed() {
    let folder = tempfile::tempdir().expect("a folder");
    let cases: [(&str, &[u8], &[&str]); 4] = [
        ("none.txt", b"# nothing\n\n", &["none.txt", "no expression"]),
        ("name.txt", b"close\ncs_rnk(close)\n", &["name.txt", "line 2", "cs_rank"]),
        ("column.txt", b"ts_mean(turnover, 5)\n", &["column.txt", "line 1", "turnover"]),
        ("bytes.txt", &[0xff, 0xfe, 0x00], &["bytes.txt"]),
    ];
    for (name, contents, words) in cases {
        let path = file(folder.path(), name, contents);
        check(&["bench", "expressions", &path], words);
        let out = folder.path().join("values.bin");
        check(&["bench", "expressions", &path, "--values", out.to_str().expect("a path")], words);
        assert!(!out.exists(), "{name} left a file");
    }
}
