//! Each misbehaviour of a server: what must be in the folder afterwards, and in the report.

use market::fetch::{How, Provider};

use crate::providers::{self, kline};
use crate::server::{Answer, Server};
use crate::{files, options, request, run};

const SPAN: (&str, &str) = ("2020-01-06", "2020-01-10");
const DAY: i64 = 86_400;
/// 2020-01-06, a Monday.
const MONDAY: i64 = 18_267 * DAY;

/// What the good server gives for the same question.
fn golden(name: &str) -> Vec<u8> {
    let server = Server::start(|_, asked| providers::behave(asked));
    let folder = tempfile::tempdir().unwrap();
    let report =
        run(&request(provider(name, &server.base), &["AAA"], SPAN.0, SPAN.1, folder.path()), &base(name, &server));
    assert_eq!(report.failed().collect::<Vec<_>>(), []);
    files(folder.path()).remove("AAA.csv").unwrap()
}

fn provider(name: &str, base: &str) -> Provider {
    Provider::parse(name, Some(&format!("{base}/files/{{symbol}}.csv"))).unwrap()
}

fn base(name: &str, server: &Server) -> market::fetch::BarOptions {
    let mut options = options(&server.base);
    if name == "url" {
        options.base_url = None;
    }
    options
}

/// The first requests get these answers, all others what is right; the file has to be as if nothing had been, after so
/// many requests, or not to be there, with this reason.
fn check(name: &str, bad: &[Answer], expected: Result<usize, (&str, usize)>) {
    let shown: String = format!("{name} {:?}", bad.first()).chars().take(200).collect();
    let mood = bad.to_vec();
    let server = Server::start(move |number, asked| match mood.get(number) {
        Some(bad) => bad.clone(),
        None => providers::behave(asked),
    });
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("bars");
    let report = run(&request(provider(name, &server.base), &["AAA"], SPAN.0, SPAN.1, &out), &base(name, &server));
    let failed: Vec<_> = report.failed().collect();
    match expected {
        Ok(requests) => {
            assert_eq!(failed, [], "{shown}");
            assert_eq!(server.count(), requests, "{shown}");
            assert_eq!(files(&out), [("AAA.csv".to_owned(), golden(name))].into(), "{shown}");
        }
        Err((reason, requests)) => {
            assert_eq!((failed.len(), failed[0].0), (1, "AAA"));
            assert!(failed[0].1.contains(reason) && !failed[0].1.contains('\n'), "{shown}: {}", failed[0].1);
            assert_eq!(server.count(), requests, "{shown}: {}", failed[0].1);
            assert_eq!(files(&out), [].into(), "{shown}");
        }
    }
}

fn page(name: &str) -> Vec<u8> {
    // The good body, got by asking for it.
    let bodies = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let kept = std::sync::Arc::clone(&bodies);
    let server = Server::start(move |_, asked| {
        let answer = providers::behave(asked);
        if let Answer::Full(_, _, body) = &answer {
            kept.lock().unwrap().clone_from(body);
        }
        answer
    });
    let folder = tempfile::tempdir().unwrap();
    run(&request(provider(name, &server.base), &["AAA"], SPAN.0, SPAN.1, folder.path()), &base(name, &server));
    bodies.lock().unwrap().clone()
}

const HTML: &str = "<!DOCTYPE html>\n<title>Sorry, a moment</title>";
const TEXT: &str = "Content-Type: text/html\r\n";

#[test]
fn what_passes_is_tried_again() {
    for name in Provider::NAMES {
        let body = page(name);
        let half = || body[..body.len() / 2].to_vec();
        let error = || Answer::full("500 Internal Server Error", "", b"oops");
        check(name, &[], Ok(1));
        check(name, &[Answer::full("429 Too Many Requests", "Retry-After: 0\r\n", b"")], Ok(2));
        check(name, &[Answer::full("429 Too Many Requests", "", b"Too Many Requests\r\n")], Ok(2));
        check(name, &[error(), error()], Ok(3));
        // Three tries, and three more in the second round.
        check(name, &[error(), error(), error(), error(), error()], Ok(6));
        check(
            name,
            &[Answer::full("503 Service Unavailable", "Retry-After: Mon, 01 Jan 2001 00:00:00 GMT\r\n", b"")],
            Ok(2),
        );
        check(name, &[Answer::full("408 Request Timeout", "", b"")], Ok(2));
        check(name, &[Answer::HangUp], Ok(2));
        check(name, &[Answer::CutOff(half(), body.len())], Ok(2));
        check(name, &[Answer::Chunked(half(), false)], Ok(2));
        check(name, &[Answer::full("200 OK", TEXT, HTML.as_bytes())], Ok(2));
        check(name, &[Answer::ok(b"")], Ok(2));
        check(name, &[Answer::ok(b"what?")], Ok(2));
        check(name, &[Answer::ok(b"[[]]")], Ok(2));
        check(name, &[Answer::ok(b"{\"chart\":{\"result\":[],\"error\":null}}")], Ok(2));
        check(name, &[Answer::ok(&[0xff; 100])], Ok(2));
        check(name, &[Answer::ok("[".repeat(100_000).as_bytes())], Ok(2));
    }
    check("binance", &[Answer::Silence], Ok(2));
}

#[test]
fn what_is_only_odd_is_taken() {
    for name in Provider::NAMES {
        let body = page(name);
        check(name, &[Answer::Trickle(body.clone())], Ok(1));
        check(name, &[Answer::Chunked(body.clone(), true)], Ok(1));
        check(name, &[Answer::full("200 OK", TEXT, &body)], Ok(1));
        check(name, &[Answer::full("307 Temporary Redirect", "Location: /moved\r\n", b""), Answer::ok(&body)], Ok(2));
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        std::io::Write::write_all(&mut packer, &body).unwrap();
        let packed = packer.finish().unwrap();
        check(name, &[Answer::full("200 OK", "Content-Encoding: gzip\r\n", &packed)], Ok(1));
        check(name, &[Answer::full("200 OK", "Content-Encoding: gzip\r\n", &packed[..packed.len() / 2])], Ok(2));
    }
}

#[test]
fn what_does_not_pass_is_told() {
    for name in Provider::NAMES {
        let forever = |answer: Answer| vec![answer; 40];
        check(
            name,
            &forever(Answer::full("500 Broken", "", b"")),
            Err(("500 Internal Server Error (tried 3 times)", 6)),
        );
        check(
            name,
            &forever(Answer::full("403 Forbidden", "", b"")),
            Err(("403", if name == "yahoo" { 6 } else { 1 })),
        );
        check(name, &forever(Answer::full("404 Not Found", "", b"gone")), Err(("404 Not Found", 1)));
        check(name, &forever(Answer::full("200 OK", TEXT, HTML.as_bytes())), Err(("web page", 6)));
        check(name, &forever(Answer::ok(b"")), Err(("the answer is empty", 6)));
        check(name, &forever(Answer::full("302 Found", "Location: /again\r\n", b"")), Err(("too many redirects", 11)));
        check(
            name,
            &forever(Answer::full("302 Found", "Location: file:///etc/hosts\r\n", b"")),
            Err(("`file:///etc/hosts`, which is not followed", 1)),
        );
        check(name, &forever(Answer::full("304 Not Modified", "", b"")), Err(("304", 1)));
        check(name, &forever(Answer::Endless), Err(("above the limit of 400000", 1)));
        check(name, &forever(Answer::CutOff(b"x".to_vec(), 1 << 40)), Err(("above the limit of 400000", 1)));
        check(
            name,
            &forever(Answer::full("429 Too Many Requests", "Retry-After: 3600\r\n", b"")),
            Err(("not to be asked again for 3600 s", 1)),
        );
    }
}

#[test]
fn providers_say_why_not() {
    let refuse = |name: &str, status: &str, body: &str, expected: &str, requests: usize| {
        check(name, &vec![Answer::full(status, "", body.as_bytes()); 40], Err((expected, requests)));
    };
    let yahoo = |code: &str, text: &str| {
        format!("{{\"chart\":{{\"result\":null,\"error\":{{\"code\":\"{code}\",\"description\":\"{text}\"}}}}}}")
    };
    let delisted = yahoo("Not Found", "No data found, symbol may be delisted");
    refuse("yahoo", "404 Not Found", &delisted, "yahoo says: No data found, symbol may be delisted", 1);
    refuse("yahoo", "200 OK", &delisted, "symbol may be delisted", 1);
    let range = yahoo("Unprocessable Entity", "1m data not available for startTime=1 and endTime=2.");
    refuse("yahoo", "422 Unprocessable Entity", &range, "1m data not available", 1);
    let crumb =
        "{\"finance\":{\"result\":null,\"error\":{\"code\":\"Unauthorized\",\"description\":\"Invalid Crumb\"}}}";
    refuse("yahoo", "401 Unauthorized", crumb, "shutting programs out", 6);
    let other = providers::chart("BBB", MONDAY, MONDAY + 5 * DAY, 1.0);
    refuse("yahoo", "200 OK", &other, "the answer is about `BBB`, not `AAA`", 6);
    let coarse = other.replace("BBB", "AAA").replace("\"dataGranularity\":\"1d\"", "\"dataGranularity\":\"1wk\"");
    refuse("yahoo", "200 OK", &coarse, "bars of 1wk came instead of 1d", 1);
    let short = other.replace("BBB", "AAA").replace("\"close\":[", "\"close\":[null,");
    refuse("yahoo", "200 OK", &short, "values of a column", 6);
    let before = yahoo("Bad Request", "Data doesn't exist for startDate = 1, endDate = 2");
    refuse("yahoo", "400 Bad Request", &before, "yahoo has no bars of it from 2020-01-06 to 2020-01-10", 1);
    let none = providers::chart("AAA", 0, DAY, 1.0);
    refuse("yahoo", "200 OK", &none, "yahoo has no bars of it from 2020-01-06 to 2020-01-10", 1);

    refuse("binance", "400 Bad Request", "{\"code\":-1121,\"msg\":\"Invalid symbol.\"}", "Invalid symbol. (-1121)", 1);
    refuse("binance", "200 OK", "{\"code\":-1003,\"msg\":\"Too many requests.\"}", "Too many requests. (-1003)", 6);
    refuse("binance", "418 I'm a teapot", "", "shut this address out", 6);
    refuse("binance", "451 Unavailable", "", "data-api.binance.vision", 1);
    refuse("binance", "200 OK", "[]", "binance has no bars of it", 1);
    let text = kline("AAA", MONDAY, DAY).replacen('"', "\"x", 1);
    refuse("binance", "200 OK", &format!("[{text}]"), "a bar that is none", 6);
    refuse(
        "binance",
        "200 OK",
        &format!("[{}]", kline("AAA", MONDAY, DAY).replace(".00000000\"", "NaN\"")),
        "a bar that is none",
        6,
    );

    refuse("stooq", "200 OK", "No data", "stooq has no data of it", 1);
    refuse("stooq", "200 OK", "Exceeded the daily hits limit", "run again tomorrow", 1);
    refuse("stooq", "200 OK", "Get your apikey:\n\n1. Open https://...?get_apikey\n", "--key-from", 1);
    refuse(
        "stooq",
        "200 OK",
        "Date,Open,High,Low,Close,Volume\r\n2020-01-06,1,2,1,1,5\r\n2020-01-07,1,2",
        "middle of a row",
        6,
    );
    refuse(
        "stooq",
        "200 OK",
        "Date,Open,High,Low,Close,Volume\r\n2020-01-06,1,2\r\n",
        "row 2 of the answer is `2020-01-06,1,2`",
        6,
    );
    refuse("stooq", "200 OK", "Date,Open,High,Low,Close,Volume\r\n", "stooq has no bars of it", 1);
}

/// Whatever is the matter with the rows of an answer, what is told apart by its time stands once and in order.
#[test]
fn rows_are_put_in_order() {
    let days: Vec<String> = (-1..6).map(|day| kline("AAA", MONDAY + day * DAY, DAY)).collect();
    let check = |rows: &[&String], close: &str, mended: [usize; 3]| {
        let rows: Vec<&str> = rows.iter().map(|row| row.as_str()).collect();
        let body = format!("[{}]", rows.join(","));
        let server = Server::start(move |_, _| Answer::ok(body.as_bytes()));
        let folder = tempfile::tempdir().unwrap();
        let report = run(&request(Provider::Binance, &["AAA"], SPAN.0, SPAN.1, folder.path()), &options(&server.base));
        let fetched = report.outcomes[0].result.as_ref().unwrap();
        let found = [fetched.mended.repeated, fetched.mended.replaced, fetched.mended.unordered];
        assert_eq!((fetched.how, fetched.rows, found), (How::New, Some(5), mended));
        let text = String::from_utf8(files(folder.path()).remove("AAA.csv").unwrap()).unwrap();
        let golden = String::from_utf8(golden("binance")).unwrap();
        let monday = golden.lines().nth(1).unwrap();
        let expected = golden.replace(monday, &monday.replace(monday.split(',').nth(4).unwrap(), close));
        assert_eq!(text, expected);
    };
    let close = golden("binance");
    let close = String::from_utf8(close).unwrap().lines().nth(1).unwrap().split(',').nth(4).unwrap().to_owned();
    let [before, mon, tue, wed, thu, fri, after] = std::array::from_fn(|day| &days[day]);
    check(&[mon, tue, wed, thu, fri], &close, [0, 0, 0]);
    check(&[before, mon, tue, wed, thu, fri, after], &close, [0, 0, 0]);
    check(&[mon, tue, tue, wed, thu, fri, fri], &close, [2, 0, 0]);
    check(&[fri, thu, wed, tue, mon], &close, [0, 0, 4]);
    let other = mon.replacen(&format!("\"{:.8}\"", close.parse::<f64>().unwrap()), "\"77.00000000\"", 1);
    check(&[mon, tue, wed, thu, &other, fri], "77", [0, 1, 1]);
}

/// Pages that are shorter than asked, or reach into each other, lose and double nothing.
#[test]
fn pages_are_joined_without_a_seam() {
    let fetch = |server: &Server| {
        let folder = tempfile::tempdir().unwrap();
        let report = run(
            &request(Provider::Binance, &["AAA"], "2019-01-01", "2023-12-31", folder.path()),
            &options(&server.base),
        );
        assert_eq!(report.failed().collect::<Vec<_>>(), []);
        files(folder.path()).remove("AAA.csv").unwrap()
    };
    let good = Server::start(|_, asked| providers::behave(asked));
    let golden = fetch(&good);
    // Listed on 2019-11-04: 1,519 days, in two pages.
    assert_eq!((golden.iter().filter(|&&byte| byte == b'\n').count(), good.count()), (1 + 1519, 2));
    let odd = |shift: i64, limit: &'static str| {
        Server::start(move |_, asked| {
            let start: i64 = asked.parameter("startTime").parse().unwrap();
            let shifted = asked.target.replace(&start.to_string(), &(start - shift * DAY * 1000).to_string());
            let target = shifted.replace("limit=1000", limit);
            providers::behave(&crate::server::Asked { target, headers: asked.headers.clone() })
        })
    };
    for (shift, limit, pages) in [(3, "limit=1000", 2), (0, "limit=400", 4), (5, "limit=100", 16)] {
        let server = odd(shift, limit);
        assert!(fetch(&server) == golden, "{shift} {limit}");
        assert!(server.count() >= pages, "{shift} {limit}");
    }
    // A server that does not move on has no end, and what it gives is not taken for all there is.
    let stuck = Server::start(|_, asked| {
        let target = asked.target.replace(&format!("startTime={}", asked.parameter("startTime")), "startTime=0");
        providers::behave(&crate::server::Asked { target, headers: asked.headers.clone() })
    });
    let folder = tempfile::tempdir().unwrap();
    let report =
        run(&request(Provider::Binance, &["AAA"], "2019-01-01", "2023-12-31", folder.path()), &options(&stuck.base));
    let failed: Vec<_> = report.failed().collect();
    assert!(failed[0].1.contains("bars up to 2022-07-30 came instead of later ones"), "{failed:?}");
    assert_eq!(files(folder.path()), [].into());
}
