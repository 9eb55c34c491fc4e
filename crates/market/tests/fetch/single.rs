//! Downloads from a server of our own that misbehaves on purpose.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use market::fetch::{FetchOptions, FetchReport, fetch};

/// What the server does with one connection.
#[derive(Clone)]
enum Answer {
    /// Status line, further headers, body with its true length.
    Full(&'static str, &'static str, &'static [u8]),
    /// A body shorter than the announced length.
    CutOff(&'static [u8], usize),
    /// A body of unknown length in chunks, without the final one when cut off.
    Chunked(&'static [u8], bool),
    /// Closes the connection at once.
    HangUp,
    /// Says nothing until the client gives up.
    Silence,
    /// A body without end.
    Endless,
}

struct Server {
    address: String,
    served: Arc<AtomicUsize>,
}

/// Answers the first connection with the first answer and so on; the last one is repeated.
fn serve(answers: Vec<Answer>) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/bars", listener.local_addr().unwrap());
    let served = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&served);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let number = counter.fetch_add(1, Ordering::SeqCst);
            let answer = answers[number.min(answers.len() - 1)].clone();
            let stream = stream.unwrap();
            // The client may hang up in the middle: that is its right.
            std::thread::spawn(move || drop(reply(stream, &answer)));
        }
    });
    Server { address, served }
}

fn reply(mut stream: TcpStream, answer: &Answer) -> std::io::Result<()> {
    if matches!(answer, Answer::HangUp) {
        return Ok(());
    }
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    while reader.read_line(&mut line)? > 2 {
        line.clear();
    }
    match answer {
        Answer::Full(status, headers, body) => {
            write!(
                stream,
                "HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n",
                body.len()
            )?;
            stream.write_all(body)
        }
        Answer::CutOff(body, announced) => {
            write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {announced}\r\nConnection: close\r\n\r\n")?;
            stream.write_all(body)
        }
        Answer::Chunked(body, whole) => {
            write!(stream, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n", body.len())?;
            stream.write_all(body)?;
            stream.write_all(if *whole { b"\r\n0\r\n\r\n" } else { b"\r\n" })
        }
        Answer::Endless => {
            write!(stream, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")?;
            loop {
                stream.write_all(&[b'x'; 4096])?;
            }
        }
        Answer::Silence => {
            std::thread::sleep(Duration::from_secs(5));
            Ok(())
        }
        Answer::HangUp => Ok(()),
    }
}

fn quick() -> FetchOptions {
    FetchOptions {
        attempts: 3,
        first_wait: Duration::from_millis(5),
        longest_wait: Duration::from_millis(40),
        timeout: Duration::from_millis(400),
        deadline: Duration::from_secs(20),
        max_bytes: 100_000,
        system_proxy: false,
    }
}

/// Fetches and checks the file or the message, how often the server was asked, and that nothing else was left behind.
fn check(answers: Vec<Answer>, name: &str, expected: Result<&[u8], &str>, asked: usize) {
    let server = serve(answers);
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join(name);
    let mut last = (0, None);
    let found = fetch(&server.address, &out, &quick(), &mut |bytes, total| last = (bytes, total));
    match (found, expected) {
        (Ok(report), Ok(body)) => {
            assert_eq!(std::fs::read(&out).unwrap(), body);
            let url = server.address.clone();
            assert_eq!(report, FetchReport { bytes: body.len() as u64, attempts: asked as u32, url });
            assert_eq!(last.0, body.len() as u64);
        }
        (Err(error), Err(part)) => {
            let text = error.to_string();
            assert!(text.contains(part) && text.contains(&server.address) && !text.contains('\n'), "{text}");
            assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "{text}");
        }
        (found, expected) => panic!("{found:?}, expected {expected:?}"),
    }
    assert_eq!(server.served.load(Ordering::SeqCst), asked);
}

const BODY: &[u8] = b"date,close\n2013-02-08,1\n";
const OK: Answer = Answer::Full("200 OK", "", BODY);

#[test]
fn a_file_comes_as_it_is() {
    check(vec![OK], "a.csv", Ok(BODY), 1);
    check(vec![Answer::Chunked(BODY, true)], "a.csv", Ok(BODY), 1);
}

#[test]
fn passing_failures_are_tried_again() {
    check(vec![Answer::HangUp, OK], "a.csv", Ok(BODY), 2);
    check(vec![Answer::Full("503 Busy", "", b"later"), Answer::Full("429 Slow", "", b""), OK], "a.csv", Ok(BODY), 3);
    check(vec![Answer::CutOff(&BODY[..9], BODY.len()), OK], "a.csv", Ok(BODY), 2);
    check(vec![Answer::Chunked(&BODY[..9], false), OK], "a.csv", Ok(BODY), 2);
    check(vec![Answer::Silence, OK], "a.csv", Ok(BODY), 2);
    check(vec![Answer::Full("200 OK", "", b""), OK], "a.csv", Ok(BODY), 2);
}

#[test]
fn patience_ends() {
    check(vec![Answer::Full("500 Broken", "", b"")], "a.csv", Err("500 Internal Server Error (tried 3 times)"), 3);
    check(vec![Answer::CutOff(&BODY[..9], BODY.len())], "a.csv", Err("after 9 bytes"), 3);
    check(vec![Answer::HangUp], "a.csv", Err("(tried 3 times)"), 3);
}

#[test]
fn refusals_are_final() {
    check(vec![Answer::Full("404 Not Found", "", b"")], "a.csv", Err("404 Not Found; check the address"), 1);
    check(vec![Answer::Full("403 Forbidden", "", b"")], "a.csv", Err("login"), 1);
    check(vec![Answer::Full("304 Not Modified", "", b"")], "a.csv", Err("304"), 1);
    let page: &[u8] = b"\n <!DOCTYPE html><title>Sign in</title>";
    check(vec![Answer::Full("200 OK", "Content-Type: text/html\r\n", page)], "a.parquet", Err("is a web page"), 1);
    check(vec![Answer::Full("200 OK", "Content-Type: text/html\r\n", page)], "a.html", Ok(page), 1);
    check(vec![Answer::Full("200 OK", "", b"<TICKER>,<CLOSE>\n")], "a.txt", Ok(b"<TICKER>,<CLOSE>\n"), 1);
}

#[test]
fn sizes_are_bounded() {
    check(vec![Answer::CutOff(BODY, 100_001)], "a.csv", Err("it has 100001 bytes, above the limit of 100000"), 1);
    check(vec![Answer::Endless], "a.csv", Err("above the limit of 100000"), 1);
}

#[test]
fn a_server_cannot_ask_for_an_endless_wait() {
    // Honoured to the letter, these would take a day and two centuries.
    check(vec![Answer::Full("429 Slow", "Retry-After: 86400\r\n", b""), OK], "a.csv", Ok(BODY), 2);
    let date = "Retry-After: Fri, 31 Dec 2199 23:59:59 GMT\r\n";
    check(vec![Answer::Full("503 Busy", date, b""), OK], "a.csv", Ok(BODY), 2);
}

#[test]
fn packed_files_stay_packed_where_they_are_named_so() {
    // gzip of "hi\n"
    let packed: &[u8] =
        &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0xcb, 0xc8, 0xe4, 2, 0, 0x7a, 0x7a, 0x6f, 0xed, 3, 0, 0, 0];
    let answer = || vec![Answer::Full("200 OK", "Content-Encoding: gzip\r\n", packed)];
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
