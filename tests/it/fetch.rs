//! Downloads as a person meets them: kills, failures and mistakes, with a server of our own.

#[path = "../../crates/market/tests/fetch/providers.rs"]
mod providers;
#[path = "../../crates/market/tests/fetch/server.rs"]
#[expect(dead_code, reason = "the tests of the library use more of it")]
mod server;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use self::server::{Answer, Server};
use crate::{evoquant, stderr, stdout};

/// A command that fetches, and asks nobody but the server on this machine.
fn fetch(arguments: &[&str]) -> Command {
    let mut command = evoquant();
    command.args(["data", "fetch"]).args(arguments).env("NO_PROXY", "*").stdin(Stdio::null());
    command
}

fn run(arguments: &[&str]) -> Output {
    fetch(arguments).output().expect("the program starts")
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path")
}

/// Files that a person sees, by name.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let Ok(entries) = fs::read_dir(folder) else { return BTreeMap::new() };
    let entries = entries.map(|entry| entry.expect("an entry")).filter(|entry| entry.file_name() != ".fetch");
    entries
        .map(|entry| (entry.file_name().into_string().expect("a name"), fs::read(entry.path()).expect("a file")))
        .collect()
}

/// Killed behind any answer, and run again, it gets what an undisturbed run gets, and asks for no page twice.
#[test]
fn a_kill_at_any_moment_loses_and_doubles_nothing() {
    let arguments = |base: &str, out: &Path| -> Vec<String> {
        let span = ["--from", "2019", "--to", "2024-06", "--rate", "500", "--parallel", "2"];
        let symbols = ["binance", "AAA", "BBB", "CCC", "DDD", "EEE"];
        let place = ["--base-url", base, "--out", text(out)];
        symbols.iter().chain(&span).chain(&place).map(|&word| word.to_owned()).collect()
    };
    let call = |base: &str, out: &Path| {
        let arguments = arguments(base, out);
        fetch(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let folder = tempfile::tempdir().expect("a folder");
    let good = Server::start(|_, asked| providers::behave(asked));
    let whole = folder.path().join("whole");
    let output = call(&good.base, &whole).output().expect("the program starts");
    assert_eq!((output.status.code(), good.count()), (Some(0), 10), "{}", stderr(&output));
    let whole = files(&whole);
    assert_eq!(whole.len(), 5);
    for answered in [0, 1, 3, 6, 9] {
        let gate = Arc::new(AtomicUsize::new(answered));
        let opened = Arc::clone(&gate);
        let server = Server::start(move |number, asked| {
            if number < opened.load(Ordering::SeqCst) { providers::behave(asked) } else { Answer::Silence }
        });
        let out = folder.path().join(format!("killed-{answered}"));
        let mut child = call(&server.base, &out).spawn().expect("the program starts");
        // Whoever asks next gets no answer: the program stands still, with all that came on its way to the disk.
        while server.count() <= answered {
            assert!(child.try_wait().expect("a child").is_none(), "the program ended by itself");
            std::thread::sleep(Duration::from_millis(5));
        }
        child.kill().expect("killed");
        child.wait().expect("ended");
        for (name, bytes) in files(&out) {
            assert!(whole.get(&name) == Some(&bytes), "{name} is not whole after {answered} answers");
        }
        let unanswered = server.count() - answered;
        gate.store(usize::MAX, Ordering::SeqCst);
        let output = call(&server.base, &out).output().expect("the program starts");
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        assert_eq!(files(&out), whole);
        // A page may be on its way to the disk when the kill comes: at most one of each worker is asked for again.
        assert!(server.count() - unanswered <= 10 + 2, "{} requests", server.count());
        let left = fs::read_dir(out.join(".fetch/new")).expect("a folder").count();
        assert_eq!(left, 0, "something is left of the killed download");
    }
}

#[test]
fn failures_are_listed_with_the_command_that_tries_them_again() {
    let server = Server::start(|_, asked| match asked.path().rsplit('/').next() {
        Some("B'AD" | "WORSE") => Answer::full("404 Not Found", "", b""),
        _ => providers::behave(asked),
    });
    let folder = tempfile::tempdir().expect("a folder");
    let list = folder.path().join("list.txt");
    fs::write(&list, "MSFT # one\nWORSE\n").expect("written");
    let out = folder.path().join("my bars");
    let span = ["--from", "2020-01", "--to", "2020-02", "--rate", "500", "--base-url", &server.base];
    let arguments = [&["yahoo", "AAPL", "B'AD", "--symbols", text(&list), "--out", text(&out)], &span[..]].concat();
    let output = run(&arguments);
    let told = stdout(&output);
    assert_eq!(output.status.code(), Some(1), "{told}{}", stderr(&output));
    assert!(told.contains("4 symbols, 2 new, 2 failed"), "{told}");
    assert!(told.contains("B'AD   the server answered 404 Not Found"), "{told}");
    let again = told.lines().last().expect("a command").trim();
    let expected = format!(
        "evoquant data fetch yahoo 'B'\\''AD' WORSE --from 2020-01-01 --to 2020-02-29 --interval 1d --rate 500 \
         --base-url {} --out '{}'",
        server.base,
        out.display()
    );
    assert_eq!(again, expected);
    assert_eq!(files(&out).keys().collect::<Vec<_>>(), ["AAPL.csv", "MSFT.csv"]);
    let output = run(&[&["yahoo", "AAPL", "MSFT", "--out", text(&out)], &span[..]].concat());
    let told = stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{told}{}", stderr(&output));
    assert!(told.contains("2 symbols, 2 kept; 86 bars") && !told.contains("failed"), "{told}");
}

#[test]
fn one_file_and_templates() {
    let server = Server::start(|_, asked| providers::behave(asked));
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("one.csv");
    let output = run(&[&format!("{}/files/AAA.csv", server.base), "--out", text(&file)]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stdout(&output).ends_with("bytes in 1 attempts\n"), "{}", stdout(&output));
    let bars = folder.path().join("bars");
    let template = format!("{}/files/{{symbol}}.csv", server.base);
    let output = run(&["url", &template, "AAA", "--rate", "500", "--out", text(&bars)]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(fs::read(&file).expect("a file"), fs::read(bars.join("AAA.csv")).expect("a file"));
    let info = evoquant().args(["data", "info", text(&bars.join("AAA.csv"))]).output().expect("the program starts");
    assert!(info.status.success(), "{}", stderr(&info));
}

#[test]
fn downloads_that_cannot_be_made() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("bars");
    let file = folder.path().join("a file");
    fs::write(&file, "AAPL MSFT\n").expect("written");
    let closed = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let base = format!("http://{}", closed.local_addr().expect("an address"));
    drop(closed);
    let (out, file) = (text(&out), text(&file));
    let cases: &[(&[&str], &[&str])] = &[
        (&[], &["PROVIDER"]),
        (&["yaho", "AAPL"], &["`yaho`: is no provider", "did you mean `yahoo`?"]),
        (&["bloomberg", "AAPL"], &["there are yahoo, stooq, binance, url"]),
        (&["yahoo"], &["no symbol to fetch"]),
        (&["yahoo", "--symbols", "no-such-list.txt"], &["no-such-list.txt"]),
        (&["yahoo", "--symbols", file], &["a file", "row 1", "one symbol a line"]),
        (&["yahoo", "AAPL", "--from", "2020-02-30"], &["`2020-02-30`: is no date", "2016-03-04"]),
        (&["yahoo", "AAPL", "--from", "yesterday"], &["`yesterday`: is no date"]),
        (&["yahoo", "AAPL", "--from", "2021", "--to", "2020"], &["first day lies behind the last", "2021"]),
        (&["yahoo", "AAPL", "--from", "2100"], &["first day lies behind the last"]),
        (&["yahoo", "AAPL", "--interval", "1M"], &["`1M`: is no interval", "1mo"]),
        (&["stooq", "aapl.us", "--interval", "1h"], &["stooq", "no bars of 1h; there are 1d"]),
        (&["yahoo", "AAPL", "--rate", "0"], &["a rate of 0"]),
        (&["yahoo", "AAPL", "--parallel", "0"], &["at a time"]),
        (&["yahoo", "AAPL", "--attempts", "0"], &["--attempts"]),
        (&["yahoo", "AAPL", "--timeout", "0"], &["--timeout"]),
        (&["yahoo", "aapl", "AAPL"], &["differ in case alone"]),
        (&["yahoo", "A B"], &["`A B` is no symbol"]),
        (&["binance", "BTC/USDT"], &["`BTC/USDT`", "BTCUSDT"]),
        (&["yahoo", "AAPL", "--base-url", "query1"], &["give a full http or https address"]),
        (&["yahoo", "AAPL", "--key-from", "NO_SUCH_VARIABLE_HERE"], &["NO_SUCH_VARIABLE_HERE"]),
        (&["url", "AAPL"], &["no {symbol} in it"]),
        (&["url", "http://h/{symbol}/{day}.csv", "AAPL"], &["unknown {day}", "{from:compact}"]),
        (&["http://h/{symbol}.csv", "AAPL"], &["data fetch url 'http://h/{symbol}.csv'"]),
        (&["http://h/AAPL.csv", "AAPL"], &["a symbol goes with a provider"]),
        (&["http://h/AAPL.csv", "--from", "2020"], &["--from goes with a provider"]),
        (&["ftp://h/AAPL.csv"], &["`ftp` is not supported"]),
        (&["yahoo", "AAPL", "--attempts", "1", "--base-url", &base], &["yahoo", "connect"]),
    ];
    for (arguments, words) in cases {
        let output = run(&[*arguments, &["--out", out]].concat());
        let message = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}\n{message}");
        assert!(stdout(&output).is_empty(), "{arguments:?} printed results");
        for word in *words {
            assert!(message.contains(word), "no `{word}` in the message of {arguments:?}:\n{message}");
        }
        assert!(!message.contains("panicked"), "{message}");
        assert_eq!(files(Path::new(out)), BTreeMap::new(), "{arguments:?} left a file");
    }
    let message =
        stderr(&run(&["yahoo", "AAPL", "--from", "2020", "--to", "2020", "--base-url", &base, "--out", file]));
    assert!(message.contains("is a file; name a folder"), "{message}");
}
