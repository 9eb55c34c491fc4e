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
fn factors_that_cannot_be_analysed() {
    let cases: [(&[&str], &[&str]); 16] = [
        (&[], &["EXPRESSION", "--columns"]),
        (&["cs_rnk(close)"], &["cs_rnk", "cs_rank", "^"]),
        (&["close > open"], &["flag", "num(...)"]),
        (&["strategies/macd.toml"], &["macd", "no score"]),
        (&["no-such-strategy.toml"], &["no-such-strategy.toml"]),
        (&["--file", "no-such-file.expr"], &["no-such-file.expr"]),
        (&["close", "--horizons", "5000"], &["5000", "2699", "at most 2697"]),
        (&["close", "--horizons", "0"], &["horizon", "at least 1"]),
        (&["close", "--horizons", "5,5"], &["horizon 5", "twice"]),
        (&["close", "--lags", "2699"], &["lag", "2699"]),
        (&["close", "--quantiles", "7"], &["7 quantiles", "6 symbols"]),
        (&["close", "--quantiles", "1"], &["quantiles", "from 2"]),
        (&["close", "--by", "sectr"], &["sectr", "not a group"]),
        (&["close", "--fill", "yesterday"], &["yesterday", "next_open"]),
        (&["close", "--out", "series.xls"], &["series.xls", ".parquet"]),
        (&["close", "open", "--out", "series.csv"], &["--out", "one"]),
    ];
    for (arguments, words) in cases {
        check(&[&["analyze"], arguments].concat(), words);
    }
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
fn backtests_that_cannot_be_made() {
    let folder = tempfile::tempdir().expect("a folder");
    let strategy = |name: &str, rest: &str| file(folder.path(), name, format!("name = \"x\"\n{rest}").as_bytes());
    let top = "[positions]\nrule = \"top\"\nscore = \"close\"\n";
    let good = strategy("good.toml", &format!("{top}count = 2\n"));
    let none = strategy("none.toml", "[exits]\nstop_loss = 0.1\n");
    let many = strategy("many.toml", &format!("{top}count = 7\n"));
    let sides = strategy("sides.toml", &format!("{}count = 4\n", top.replace("top", "long_short")));
    let exits = "[exits]\ntake_profit = 0.1\ntrailing_stop = { trail = 0.05, activation = 0.2 }\n";
    let exits = strategy("exits.toml", &format!("{top}{exits}"));
    let closes =
        file(folder.path(), "closes.csv", b"date,symbol,close\n2013-01-02,A,10\n2013-01-03,A,11\n2013-01-04,A,12\n");
    let touched =
        strategy("touched.toml", &format!("{top}count = 1\n[exits]\ntrigger = \"touched\"\nstop_loss = 0.1\n"));
    let two = file(folder.path(), "two.csv", b"date,symbol,close\n2013-01-02,A,10\n2013-01-02,B,11\n2013-01-03,A,10\n");
    let cases: &[(&[&str], &[&str])] = &[
        (&[&none], &["none.toml", "missing field `positions`"]),
        (&[&many], &["many.toml", "asks for 7 symbols", "the market has 6"]),
        (&[&sides], &["sides.toml", "4 symbols a side", "the market has 6"]),
        (&[&exits], &["exits.toml", "contradict", "0.2", "0.1"]),
        (&[&touched, "--data", &closes], &["touched.toml", "`high` and `low`"]),
        (&[&good, "--set", "costs.commission_bps=-1"], &["costs.commission_bps", "not negative"]),
        (&[&good, "--set", "costs.comission=1"], &["comission", "commission_bps"]),
        (&[&good, "--set", "capital"], &["--set capital", "KEY", "costs.commission_bps=10"]),
        (&[&good, "--set", "liquidity.volume_share=2"], &["volume_share", "above 0 and up to 1"]),
        (&[&good, "--data", &closes, "--set", "costs.impact=1"], &["costs.impact", "column `volume`"]),
        (&[&good, "--profile", "quantopian"], &["quantopian", "vectorbt", "zipline"]),
        (&[&good, "--profile", "zipline", "--config", "run.toml"], &["--profile", "--config"]),
        (&[&good, "--from", "2030"], &["2030", "2013-01-02", "2023-09-21"]),
        (&[&good, "--from", "2020", "--to", "2019"], &["from 2020 to 2019"]),
        (&[&good, "--from", "yesterday"], &["yesterday", "2016-03-04"]),
        (&[&good, "--benchmark", &closes], &["`A`", "2013-01-07", "--from and --to"]),
        (&[&good, "--benchmark", &two], &["2 symbols", ":SYMBOL"]),
        (&[&good, "--benchmark", "SPY"], &["SPY", "neither a symbol of the market nor a file"]),
        (&[&good, &good, "--trades", "trades.csv"], &["one strategy", "--out"]),
        (&[&good, "--orders", "orders.xls"], &["orders.xls", ".parquet"]),
        (&[&good, "--format", "csv"], &["--out"]),
    ];
    for (arguments, words) in cases {
        let words: Vec<&str> = words.iter().copied().filter(|&word| word != "KEY").collect();
        check(&[&["backtest"], *arguments].concat(), &words);
    }
    for (account, words) in [
        ("cash = 1\n[holdings]\nXYZ = 1\n", ["account.toml", "no symbol `XYZ`, only AAPL, AMZN, "]),
        ("[holdings]\nAAPL = 1\n", ["account.toml", "cash"]),
        ("cash = 1\n[holdings]\nAAPL = \"many\"\n", ["account.toml", "a number of shares"]),
        ("cash = 1\n[holdings]\nAAPL = { shares = 1, entry_date = \"2030\" }\n", ["account.toml", "2030"]),
        ("cash = 1\n[holdings]\nAAPL = 0\n", ["0 shares", "AAPL"]),
    ] {
        let path = file(folder.path(), "account.toml", account.as_bytes());
        check(&["signal", &good, "--holdings", &path], &words);
    }
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
