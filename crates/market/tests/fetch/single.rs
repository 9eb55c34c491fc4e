//! Downloads of one file from a server that misbehaves on purpose.

use std::time::Duration;

use market::fetch::{FetchOptions, FetchReport, fetch};

use crate::providers;
use crate::server::{Answer, Server};

fn quick() -> FetchOptions {
    FetchOptions {
        attempts: 3,
        first_wait: Duration::from_millis(5),
        longest_wait: Duration::from_millis(40),
        timeout: Duration::from_millis(400),
        deadline: Duration::from_secs(20),
        max_bytes: 100_000,
        system_proxy: false,
        user_agent: None,
    }
}

/// Fetches and checks the file or the message, how often the server was asked, and that nothing else was left behind.
fn check(answers: Vec<Answer>, name: &str, expected: Result<&[u8], &str>, asked: usize) {
    let server = Server::start(move |number, _| answers[number.min(answers.len() - 1)].clone());
    let address = format!("{}/bars", server.base);
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join(name);
    let mut last = (0, None);
    let found = fetch(&address, &out, &quick(), &mut |bytes, total| last = (bytes, total));
    match (found, expected) {
        (Ok(report), Ok(body)) => {
            assert_eq!(std::fs::read(&out).unwrap(), body);
            let url = address;
            assert_eq!(report, FetchReport { bytes: body.len() as u64, attempts: asked as u32, url });
            assert_eq!(last.0, body.len() as u64);
        }
        (Err(error), Err(part)) => {
            let text = error.to_string();
            assert!(text.contains(part) && text.contains(&address) && !text.contains('\n'), "{text}");
            assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "{text}");
        }
        (found, expected) => panic!("{found:?}, expected {expected:?}"),
    }
    assert_eq!(server.count(), asked);
}

const BODY: &[u8] = b"date,close\n2013-02-08,1\n";

fn ok() -> Answer {
    Answer::ok(BODY)
}

fn cut_off(length: usize) -> Answer {
    Answer::CutOff(BODY[..9].to_vec(), length)
}

fn chunked(length: usize, whole: bool) -> Answer {
    Answer::Chunked(BODY[..length].to_vec(), whole)
}

fn status(status: &str) -> Answer {
    Answer::full(status, "", b"")
}

#[test]
fn a_file_comes_as_it_is() {
    check(vec![ok()], "a.csv", Ok(BODY), 1);
    check(vec![chunked(BODY.len(), true)], "a.csv", Ok(BODY), 1);
}

#[test]
fn passing_failures_are_tried_again() {
    check(vec![Answer::HangUp, ok()], "a.csv", Ok(BODY), 2);
    check(vec![Answer::full("503 Busy", "", b"later"), status("429 Slow"), ok()], "a.csv", Ok(BODY), 3);
    check(vec![cut_off(BODY.len()), ok()], "a.csv", Ok(BODY), 2);
    check(vec![chunked(9, false), ok()], "a.csv", Ok(BODY), 2);
    check(vec![Answer::Silence, ok()], "a.csv", Ok(BODY), 2);
    check(vec![status("200 OK"), ok()], "a.csv", Ok(BODY), 2);
}

#[test]
fn patience_ends() {
    check(vec![status("500 Broken")], "a.csv", Err("500 Internal Server Error (tried 3 times)"), 3);
    check(vec![cut_off(BODY.len())], "a.csv", Err("after 9 bytes"), 3);
    check(vec![Answer::HangUp], "a.csv", Err("(tried 3 times)"), 3);
}

#[test]
fn refusals_are_final() {
    check(vec![status("404 Not Found")], "a.csv", Err("404 Not Found; check the address"), 1);
    check(vec![status("403 Forbidden")], "a.csv", Err("login"), 1);
    check(vec![status("304 Not Modified")], "a.csv", Err("304"), 1);
    let page: &[u8] = b"\n <!DOCTYPE html><title>Sign in</title>";
    check(vec![Answer::full("200 OK", "Content-Type: text/html\r\n", page)], "a.parquet", Err("is a web page"), 1);
    check(vec![Answer::full("200 OK", "Content-Type: text/html\r\n", page)], "a.html", Ok(page), 1);
    check(vec![Answer::full("200 OK", "", b"<TICKER>,<CLOSE>\n")], "a.txt", Ok(b"<TICKER>,<CLOSE>\n"), 1);
}

#[test]
fn sizes_are_bounded() {
    check(vec![cut_off(100_001)], "a.csv", Err("it has 100001 bytes, above the limit of 100000"), 1);
    check(vec![Answer::Endless], "a.csv", Err("above the limit of 100000"), 1);
}

#[test]
fn a_server_cannot_ask_for_an_endless_wait() {
    // Honoured to the letter, these would take a day and two centuries.
    check(vec![Answer::full("429 Slow", "Retry-After: 86400\r\n", b""), ok()], "a.csv", Ok(BODY), 2);
    let date = "Retry-After: Fri, 31 Dec 2199 23:59:59 GMT\r\n";
    check(vec![Answer::full("503 Busy", date, b""), ok()], "a.csv", Ok(BODY), 2);
}

#[test]
fn packed_files_stay_packed_where_they_are_named_so() {
    // gzip of "hi\n"
    let packed: &[u8] =
        &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0xcb, 0xc8, 0xe4, 2, 0, 0x7a, 0x7a, 0x6f, 0xed, 3, 0, 0, 0];
    let answer = || vec![Answer::full("200 OK", "Content-Encoding: gzip\r\n", packed)];
    check(answer(), "a.csv", Ok(b"hi\n"), 1);
    check(answer(), "a.csv.gz", Ok(packed), 1);
}

#[test]
fn addresses_are_checked_before_anything_is_done() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("a.csv");
    for (url, part) in [
        ("file:///etc/hosts", "`file` is not supported"),
        ("ftp://example.com/a", "`ftp` is not supported"),
        ("no address", "give a full http or https address"),
        ("http://", "give a full http or https address"),
    ] {
        let text = fetch(url, &out, &quick(), &mut |_, _| {}).unwrap_err().to_string();
        assert!(text.contains(part), "{text}");
    }
    let nowhere = folder.path().join("no/such/a.csv");
    let text = fetch("http://127.0.0.1:9/", &nowhere, &quick(), &mut |_, _| {}).unwrap_err().to_string();
    assert!(text.starts_with("cannot write"), "{text}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_body_that_was_cut_off_goes_on_where_it_ended() {
    fn half(headers: &str, body: &[u8]) -> Answer {
        Answer::CutOffWith(headers.to_owned(), body[..body.len() / 2].to_vec(), body.len())
    }
    let whole = providers::behave;
    let check = |first: fn(Vec<u8>) -> Answer, resumed: bool| {
        let server = Server::start(move |number, asked| match (number, whole(asked)) {
            (0, Answer::Full(_, _, body)) => first(body),
            (_, answer) => answer,
        });
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("a.csv");
        let report = fetch(&format!("{}/files/A.csv", server.base), &out, &quick(), &mut |_, _| {}).unwrap();
        let direct = folder.path().join("b.csv");
        fetch(&format!("{}/files/A.csv", server.base), &direct, &quick(), &mut |_, _| {}).unwrap();
        assert_eq!((report.attempts, std::fs::read(&out).unwrap()), (2, std::fs::read(&direct).unwrap()));
        let ranges = server.asked().iter().filter(|asked| asked.headers.contains_key("range")).count();
        assert_eq!(ranges, usize::from(resumed));
    };
    check(|body| half("ETag: \"A-1\"\r\nAccept-Ranges: bytes\r\n", &body), true);
    // The file changed in between: the server sends all of it, and the half that was there goes.
    check(|body| half("ETag: \"A-0\"\r\nAccept-Ranges: bytes\r\n", &body), true);
    // A weak tag does not say that bytes are the same, and no offer is no offer.
    check(|body| half("ETag: W/\"A-1\"\r\nAccept-Ranges: bytes\r\n", &body), false);
    check(|body| half("ETag: \"A-1\"\r\n", &body), false);
}

#[test]
fn redirections_lead_to_the_web_only_and_end() {
    let check = |to: &'static str, expected: Result<&str, &str>| {
        let server = Server::start(move |_, asked| match asked.target.as_str() {
            "/good" => ok(),
            _ => Answer::full("302 Found", &format!("Location: {to}\r\n"), b""),
        });
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("a.csv");
        match (fetch(&format!("{}/bars", server.base), &out, &quick(), &mut |_, _| {}), expected) {
            (Ok(report), Ok(path)) => assert_eq!(report.url, format!("{}{path}", server.base)),
            (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{error}"),
            (found, expected) => panic!("{found:?}, expected {expected:?}"),
        }
    };
    check("/good", Ok("/good"));
    check("/bars", Err("too many redirects"));
    check("file:///etc/hosts", Err("sends us to `file:///etc/hosts`, which is not followed"));
    check("ftp://127.0.0.1/a", Err("`ftp://127.0.0.1/a`, which is not followed"));
}
