//! Many symbols, one folder, and asking again.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use market::fetch::{BarOptions, BarRequest, How, Interval, Provider, fetch_bars};
use market::{ImportOptions, read_panel};

use crate::providers;
use crate::server::{Answer, Asked, Server};
use crate::{files, options, request, run};

fn good() -> Server {
    Server::start(|_, asked| providers::behave(asked))
}

/// How each symbol came about, in order.
fn how(request: &BarRequest, options: &BarOptions) -> Vec<How> {
    let report = run(request, options);
    report.outcomes.iter().map(|outcome| outcome.result.as_ref().unwrap().how).collect()
}

#[test]
fn files_have_one_shape_and_are_read_by_the_importer() {
    let server = good();
    let check = |provider: Provider, symbol: &str, expected: &str| {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("deep/bars");
        run(&request(provider, &[symbol], "2020-01-03", "2020-01-07", &out), &options(&server.base));
        let path = out.join(format!("{symbol}.csv"));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), expected);
        let import = read_panel(&path, &ImportOptions { strict: true, ..ImportOptions::default() }).unwrap();
        let rows = expected.lines().count() - 1;
        assert_eq!((import.panel.symbols(), import.panel.bars()), ([symbol.to_owned()].as_slice(), rows));
        assert!(import.panel.calendar().is_dates());
    };
    let header = "date,open,high,low,close,adj_close,volume\n";
    // A weekend lies between, on which coins are traded all the same.
    let aapl = "2020-01-03,39.475,41.975,38.225,39.975,39.975,734\n\
                2020-01-06,48.475,50.975,47.225,48.975,48.975,806\n\
                2020-01-07,39.35,41.85,38.1,39.85,39.85,830\n";
    let spy = "2020-01-03,83.85,86.35,82.6,84.35,84.35,720\n\
                2020-01-06,80.725,83.225,79.475,81.225,81.225,792\n\
                2020-01-07,83.725,86.225,82.475,84.225,84.225,816\n";
    let coin = "2020-01-03,74.95,77.45,73.7,75.45,75.45,720\n\
                2020-01-04,65.825,68.325,64.575,66.325,66.325,744\n\
                2020-01-05,68.825,71.325,67.575,69.325,69.325,768\n\
                2020-01-06,71.825,74.325,70.575,72.325,72.325,792\n\
                2020-01-07,74.825,77.325,73.575,75.325,75.325,816\n";
    check(Provider::Yahoo, "AAPL", &format!("{header}{aapl}"));
    check(Provider::Stooq, "spy.us", &format!("{header}{spy}"));
    check(Provider::Binance, "BTCUSDT", &format!("{header}{coin}"));
    let folder = tempfile::tempdir().unwrap();
    let hourly = BarRequest {
        interval: "1h".parse().unwrap(),
        ..request(Provider::Binance, &["BTCUSDT"], "2020-01-04", "2020-01-05", folder.path())
    };
    run(&hourly, &options(&server.base));
    let text = String::from_utf8(files(folder.path()).remove("BTCUSDT.csv").unwrap()).unwrap();
    assert_eq!(text.lines().count(), 1 + 48);
    assert!(text.lines().nth(1).unwrap().starts_with("2020-01-04T00:00:00Z,"), "{text}");
    assert!(text.ends_with('\n') && text.contains("\n2020-01-05T23:00:00Z,"), "{text}");
    let import = read_panel(&folder.path().join("BTCUSDT.csv"), &ImportOptions::default()).unwrap();
    assert_eq!(import.panel.calendar().frequency().to_string(), "intraday, 3600 s bars, 24 a day");
}

#[test]
fn what_is_there_is_not_asked_for_again() {
    let server = good();
    let folder = tempfile::tempdir().unwrap();
    let symbols = ["AAA", "BBB", "CCC"];
    let ask = |from: &str, to: &str, expected: How, requests: usize| {
        let before = server.count();
        let request = request(Provider::Yahoo, &symbols, from, to, folder.path());
        assert_eq!(how(&request, &options(&server.base)), [expected; 3]);
        assert_eq!(server.count() - before, requests);
    };
    ask("2020-02", "2020-03", How::New, 3);
    ask("2020-02", "2020-03", How::Kept, 0);
    ask("2020-02-10", "2020-03-10", How::Kept, 0);
    ask("2020-02", "2020-06", How::Extended, 3);
    ask("2020-01", "2020-06", How::Extended, 3);
    ask("2019-12", "2020-07", How::Extended, 6);
    // A gap between what is there and what is asked for would be bars that nobody knows to be missing.
    ask("2020-09", "2020-10", How::Extended, 3);
    ask("2019-12", "2020-10", How::Kept, 0);
    // What is asked for at the ends is what is missing, and the bar at the seam.
    let asked = server.asked();
    let tail: Vec<&str> = asked.iter().map(|asked| asked.target.as_str()).filter(|t| t.contains("AAA")).collect();
    assert!(tail[1].contains("period1=1585353600&period2=1593820800"), "{}", tail[1]);
    // The same as all at once.
    let whole = tempfile::tempdir().unwrap();
    run(&request(Provider::Yahoo, &symbols, "2019-12", "2020-10", whole.path()), &options(&server.base));
    assert_eq!(files(folder.path()), files(whole.path()));
    let refresh =
        BarRequest { refresh: true, ..request(Provider::Yahoo, &symbols, "2020-02", "2020-03", folder.path()) };
    assert_eq!(how(&refresh, &options(&server.base)), [How::New; 3]);
    assert_ne!(files(folder.path()), files(whole.path()));
}

#[test]
fn a_bar_that_is_not_over_is_left_for_later() {
    let server = good();
    let folder = tempfile::tempdir().unwrap();
    let ask = |to: &str, expected: How, last: &str| {
        let interval = "1w".parse().unwrap();
        let request = BarRequest { interval, ..request(Provider::Binance, &["AAA"], "2020-01-02", to, folder.path()) };
        assert_eq!(how(&request, &options(&server.base)), [expected]);
        let text = String::from_utf8(files(folder.path()).remove("AAA.csv").unwrap()).unwrap();
        let dates: Vec<&str> = text.lines().skip(1).map(|line| line.split(',').next().unwrap()).collect();
        assert_eq!((dates[0], dates[dates.len() - 1]), ("2020-01-02", last));
    };
    ask("2020-01-28", How::New, "2020-01-16");
    ask("2020-01-29", How::Extended, "2020-01-23");
    ask("2020-02-04", How::Extended, "2020-01-23");
    ask("2020-02-19", How::Extended, "2020-02-13");
}

#[test]
fn prices_that_were_adjusted_afterwards_are_fetched_anew() {
    // From the second request on a dividend has been paid, which changes all that is before it.
    let server = Server::start(|number, asked| {
        let number_of = |name: &str| asked.parameter(name).parse().unwrap();
        let adjusted = if number == 0 { 1.0 } else { 0.5 };
        Answer::ok(providers::chart("AAA", number_of("period1"), number_of("period2"), adjusted).as_bytes())
    });
    let folder = tempfile::tempdir().unwrap();
    let ask = |to: &str| how(&request(Provider::Yahoo, &["AAA"], "2020-01", to, folder.path()), &options(&server.base));
    assert_eq!((ask("2020-02"), server.count()), (vec![How::New], 1));
    assert_eq!((ask("2020-03"), server.count()), (vec![How::New], 3));
    let whole = tempfile::tempdir().unwrap();
    run(&request(Provider::Yahoo, &["AAA"], "2020-01", "2020-03", whole.path()), &options(&server.base));
    assert_eq!(files(folder.path()), files(whole.path()));
    assert_eq!((ask("2020-04"), server.count()), (vec![How::Extended], 5));
}

#[test]
fn a_file_of_a_template_is_asked_for_again_only_if_it_changed() {
    let server = good();
    let folder = tempfile::tempdir().unwrap();
    let mut options = options(&server.base);
    options.base_url = None;
    let ask = |template: &str, to: &str, expected: How, requests: usize| {
        let before = server.count();
        let provider = Provider::parse("url", Some(&format!("{}{template}", server.base))).unwrap();
        assert_eq!(how(&request(provider, &["AAA"], "2020-01", to, folder.path()), &options), [expected]);
        assert_eq!(server.count() - before, requests);
    };
    ask("/files/{symbol}.csv", "2020-02", How::New, 1);
    ask("/files/{symbol}.csv", "2020-02", How::Unchanged, 1);
    assert_eq!(server.asked()[1].headers["if-none-match"], "\"AAA-1\"");
    ask("/files/{symbol}.csv", "2020-03", How::Unchanged, 1);
    // One that says from when to when is complete for good.
    ask("/files/{symbol}.csv?{from}-{to}", "2020-03", How::New, 1);
    ask("/files/{symbol}.csv?{from}-{to}", "2020-03", How::Kept, 0);
    ask("/files/{symbol}.csv?{from}-{to}", "2020-04", How::New, 1);
}

#[test]
fn pages_that_came_survive_what_follows() {
    let broken = Arc::new(AtomicUsize::new(1));
    let mood = Arc::clone(&broken);
    let server = Server::start(move |number, asked| match mood.load(Ordering::SeqCst) {
        1 if number >= 1 => Answer::full("404 Not Found", "", b""),
        _ => providers::behave(asked),
    });
    let folder = tempfile::tempdir().unwrap();
    let request_to = |to: &str| request(Provider::Binance, &["AAA"], "2019-11-04", to, folder.path());
    let request = request_to("2023-12-31");
    // What was asked for the day before ended a day earlier: its pages are good all the same.
    let earlier = request_to("2023-12-30");
    assert!(run(&earlier, &options(&server.base)).failed().next().is_some());
    assert_eq!((server.count(), files(folder.path()).len()), (2, 0));
    // Whatever a crash made of the last line is left out.
    let pages = folder.path().join(".fetch/pages/AAA.whole");
    let mut text = std::fs::read(&pages).unwrap();
    text.extend_from_slice(b"{\"next\":17,\"times\":[1");
    std::fs::write(&pages, text).unwrap();
    broken.store(0, Ordering::SeqCst);
    assert_eq!(how(&request, &options(&server.base)), [How::New]);
    assert_eq!(server.count(), 3);
    assert!(!pages.exists());
    let whole = tempfile::tempdir().unwrap();
    let direct = BarRequest { out: whole.path().to_owned(), ..request.clone() };
    run(&direct, &options(&server.base));
    assert_eq!(files(folder.path()), files(whole.path()));
}

#[test]
fn failures_are_listed_and_tried_again_behind_all_others() {
    let server = Server::start(|_, asked| match asked.path().rsplit('/').next().unwrap() {
        "BAD" => Answer::full("404 Not Found", "", b""),
        "TIRED" => Answer::full("500 Broken", "", b""),
        _ => providers::behave(asked),
    });
    let folder = tempfile::tempdir().unwrap();
    let symbols = ["AAA", "TIRED", "BBB", "BAD", "CCC", "AAA"];
    let request = request(Provider::Yahoo, &symbols, "2020-01", "2020-02", folder.path());
    let report = run(&request, &BarOptions { parallel: 1, ..options(&server.base) });
    let failed: Vec<&str> = report.failed().map(|(symbol, _)| symbol).collect();
    assert_eq!(failed, ["TIRED", "BAD"]);
    assert!(!report.unreachable);
    assert_eq!(report.outcomes.len(), 5);
    assert_eq!(files(folder.path()).keys().collect::<Vec<_>>(), ["AAA.csv", "BBB.csv", "CCC.csv"]);
    let list = report.failed_list.as_deref().unwrap();
    assert_eq!(market::fetch::read_symbols(list).unwrap(), failed);
    let asked: Vec<String> =
        server.asked().iter().map(|asked| asked.path().rsplit('/').next().unwrap().to_owned()).collect();
    assert_eq!(asked.join(" "), "AAA TIRED TIRED TIRED BBB BAD CCC TIRED TIRED TIRED");
}

#[test]
fn a_server_that_shuts_us_out_is_left_alone_by_all() {
    let server = Server::start(|number, asked| match number {
        0..=1 => providers::behave(asked),
        _ => Answer::ok(b"Exceeded the daily hits limit"),
    });
    let folder = tempfile::tempdir().unwrap();
    let symbols: Vec<String> = (0..50).map(|number| format!("s{number}.us")).collect();
    let symbols: Vec<&str> = symbols.iter().map(String::as_str).collect();
    let request = request(Provider::Stooq, &symbols, "2020-01", "2020-02", folder.path());
    let report = run(&request, &BarOptions { parallel: 1, ..options(&server.base) });
    assert_eq!((report.failed().count(), server.count(), files(folder.path()).len()), (48, 3, 2));
    assert!(report.failed().all(|(_, problem)| problem.contains("run again tomorrow")) && !report.unreachable);
}

#[test]
fn a_server_that_is_not_there_is_found_out_once() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", closed.local_addr().unwrap());
    drop(closed);
    let folder = tempfile::tempdir().unwrap();
    let symbols: Vec<String> = (0..200).map(|number| format!("S{number}")).collect();
    let symbols: Vec<&str> = symbols.iter().map(String::as_str).collect();
    let report = run(&request(Provider::Yahoo, &symbols, "2020", "2020", folder.path()), &options(&base));
    assert!(report.unreachable);
    assert_eq!(report.failed().count(), 200);
    assert!(report.failed().filter(|(_, problem)| problem.contains("no connection to 127.0.0.1:")).count() > 190);
}

#[test]
fn what_was_not_fetched_here_is_left_alone() {
    let server = good();
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().join("AAA.csv");
    let ask = |refresh: bool| {
        let request =
            BarRequest { refresh, ..request(Provider::Yahoo, &["AAA", "BBB"], "2020-01", "2020-02", folder.path()) };
        let report = run(&request, &options(&server.base));
        report.failed().map(|(_, problem)| problem.to_owned()).collect::<String>()
    };
    std::fs::write(&own, "mine").unwrap();
    assert!(ask(true).contains("AAA.csv is there and was not fetched"));
    assert_eq!(std::fs::read(&own).unwrap(), b"mine");
    std::fs::remove_file(&own).unwrap();
    assert_eq!(ask(false), "");
    // Changed by hand since: said, and kept unless asked otherwise.
    std::fs::write(&own, "mine").unwrap();
    assert!(ask(false).contains("was changed since it was fetched"));
    assert_eq!((std::fs::read(&own).unwrap(), ask(true).as_str()), (b"mine".to_vec(), ""));
    // Removed by hand: fetched again.
    std::fs::remove_file(&own).unwrap();
    assert_eq!((ask(false).as_str(), files(folder.path()).len()), ("", 2));
    // Cut off between the sidecar and its file: what is there is the file before.
    let old = std::fs::read(&own).unwrap();
    let sidecar = folder.path().join(".fetch/symbols/AAA.json");
    let text = std::fs::read_to_string(&sidecar).unwrap();
    let hash = text.split("\"hash\": \"").nth(1).unwrap().split('"').next().unwrap();
    let zeros = "0".repeat(32);
    std::fs::write(&sidecar, text.replace(hash, &format!("{zeros}\",\n  \"replaces\": \"{hash}"))).unwrap();
    assert_eq!((ask(false).as_str(), std::fs::read(&own).unwrap()), ("", old));
}

#[test]
fn signs_that_no_file_name_bears_are_spelt_out() {
    let server = good();
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("bars");
    let symbols = ["^GSPC", "../A", "A/B", "A&B=C?#", "万科"];
    let report = run(&request(Provider::Yahoo, &symbols, "2020-01", "2020-02", &out), &options(&server.base));
    assert_eq!(report.failed().collect::<Vec<_>>(), []);
    let names: Vec<String> = files(&out).into_keys().collect();
    assert_eq!(names, ["%2E.%2FA.csv", "A%2FB.csv", "A&B=C%3F%23.csv", "^GSPC.csv", "万科.csv"]);
    assert_eq!(files(folder.path().join("bars").parent().unwrap().join("none").as_path()).len(), 0);
    let mut asked: Vec<String> = server.asked().iter().map(Asked::path).collect();
    asked.sort();
    assert_eq!(asked[1], "/v8/finance/chart/A&B=C?#");
}

#[test]
fn keys_stand_in_no_file_and_no_message() {
    const KEY: &str = "s3cr&t";
    let server = Server::start(|_, asked| match asked.parameter("apikey").as_str() {
        KEY if asked.parameter("s") == "good" => providers::behave(asked),
        KEY => Answer::ok(format!("no {KEY}").as_bytes()),
        _ => Answer::ok(b"Get your apikey:"),
    });
    let folder = tempfile::tempdir().unwrap();
    let request = request(Provider::Stooq, &["good", "bad"], "2020-01", "2020-02", folder.path());
    let report = run(&request, &BarOptions { key: Some(KEY.to_owned()), ..options(&server.base) });
    let failed: Vec<_> = report.failed().collect();
    assert!(failed.len() == 1 && failed[0].0 == "bad" && failed[0].1.contains("`no KEY`"), "{failed:?}");
    let mut folders = vec![folder.path().to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
                assert!(!text.contains("s3cr"), "{}: {text}", path.display());
            }
        }
    }
    let report = run(&request, &options(&server.base));
    assert!(report.failed().any(|(_, problem)| problem.contains("--key-from")));
}

/// What can be told before anyone is asked is an error of one line, and leaves no folder.
#[test]
fn wrong_use_is_told_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("bars");
    let check = |change: &dyn Fn(&mut BarRequest, &mut BarOptions), expected: &str| {
        let mut request = request(Provider::Yahoo, &["AAA"], "2020-01", "2020-02", &out);
        let mut options = options("http://127.0.0.1:9");
        change(&mut request, &mut options);
        let text = fetch_bars(&request, &options, &|_| {}).unwrap_err().to_string();
        assert!(text.contains(expected) && !text.contains('\n'), "{text}, expected {expected}");
    };
    let template = |text: &str| Provider::parse("url", Some(text)).unwrap();
    let symbols = |symbols: &[&str]| symbols.iter().map(|&symbol| symbol.to_owned()).collect::<Vec<_>>();
    check(&|request, _| request.symbols.clear(), "no symbol to fetch");
    check(&|request, _| request.symbols = symbols(&["a", "A"]), "differ in case alone");
    check(&|request, _| request.interval = "6h".parse().unwrap(), "has no bars of 6h; there are 1m, 2m, 5m");
    check(&|_, options| options.rate = Some(0.0), "a rate of 0 requests a second");
    check(&|_, options| options.rate = Some(f64::NAN), "a rate of NaN");
    check(&|_, options| options.parallel = 0, "0 symbols at a time");
    check(&|_, options| options.parallel = 65, "give 1 to 64");
    check(&|_, options| options.fetch.attempts = 0, "at least one");
    check(&|_, options| options.base_url = Some("file:///tmp".to_owned()), "`file` is not supported");
    check(&|_, options| options.key = Some("k".to_owned()), "takes no key");
    check(&|request, _| request.provider = template("http://h/{symbol}"), "a base goes with the others");
    check(&|request, _| request.provider = template("http://h/{symbol}?{key}"), "no key is given");
    check(
        &|request, options| {
            request.provider = template("http://h/{symbol}");
            options.key = Some("k".to_owned());
        },
        "has no {key} for it",
    );
    check(
        &|request, _| {
            request.provider = Provider::Binance;
            request.symbols = symbols(&["BTC/USDT"]);
        },
        "`BTC/USDT` is no pair of binance",
    );
    check(
        &|request, _| {
            request.provider = Provider::Binance;
            request.interval = "1s".parse().unwrap();
            request.span = market::fetch::Span::parse("2020", "2022").unwrap();
        },
        "above the 10000000 that are held at once",
    );
    assert!(!out.exists());
    std::fs::write(&out, "a file").unwrap();
    check(&|_, _| {}, "is a file; name a folder");
    assert_eq!(std::fs::read(&out).unwrap(), b"a file");
}

#[test]
fn a_folder_is_of_one_kind_and_one_download_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let refused =
        |request: &BarRequest, base: &str| fetch_bars(request, &options(base), &|_| {}).unwrap_err().to_string();
    let yahoo = request(Provider::Yahoo, &["AAA"], "2020-01", "2020-02", folder.path());
    let second = yahoo.clone();
    // The second download starts while the first one is under way: from within an answer.
    let server = Server::start(move |_, asked| {
        let text = fetch_bars(&second, &options("http://127.0.0.1:9"), &|_| {}).unwrap_err().to_string();
        if text.contains("another download is at work") { providers::behave(asked) } else { Answer::HangUp }
    });
    assert_eq!(how(&yahoo, &options(&server.base)), [How::New]);
    let weekly = BarRequest { interval: "1w".parse::<Interval>().unwrap(), ..yahoo.clone() };
    assert!(refused(&weekly, &server.base).contains("holds 1d bars of yahoo (.csv), not 1w bars of yahoo"));
    let stooq = BarRequest { provider: Provider::Stooq, ..yahoo };
    assert!(refused(&stooq, &server.base).contains("name another folder"));
    assert!(Path::new(&folder.path().join("AAA.csv")).is_file());
}
