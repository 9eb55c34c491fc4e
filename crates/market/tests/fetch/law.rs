//! Whatever a server does, files are whole or not there, and asking often enough gives what a good server gives.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;

use market::fetch::Provider;
use proptest::prelude::*;
use rand::Rng;
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::SeedableRng;

use crate::server::{Answer, Server};
use crate::{files, options, providers, request, run};

const SHORT: (&str, &str) = ("2019-12-01", "2021-03-01");
const LONG: (&str, &str) = ("2019-01-01", "2024-02-01");
const SYMBOLS: [&str; 4] = ["AAA", "BBB", "CCC", "DDD"];

fn provider(name: &str, base: &str) -> Provider {
    Provider::parse(name, Some(&format!("{base}/files/{{symbol}}.csv"))).unwrap()
}

/// Fetches until all is there; between the runs every file is one that a good server gives.
fn fetch_all(name: &str, base: &str, span: (&str, &str), out: &Path, allowed: &[&BTreeMap<String, Vec<u8>>]) -> u32 {
    let mut options = options(base);
    options.fetch.attempts = 2;
    options.fetch.timeout = std::time::Duration::from_millis(300);
    if name == "url" {
        options.base_url = None;
    }
    for round in 1..200 {
        let report = run(&request(provider(name, base), &SYMBOLS, span.0, span.1, out), &options);
        for (file, bytes) in files(out) {
            let whole = allowed.is_empty() || allowed.iter().any(|files| files.get(&file) == Some(&bytes));
            assert!(whole, "{file} of {name} is none that a good server gives");
        }
        if report.failed().next().is_none() {
            return round;
        }
    }
    panic!("200 runs were not enough for {name}");
}

/// One of the ways in which a server can be bad.
fn misbehave(choice: u64, good: &Answer) -> Answer {
    let Answer::Full(_, _, body) = good else { unreachable!("a good server answers in full") };
    let half = body[..body.len() / 2].to_vec();
    match choice % 15 {
        0 => Answer::full("429 Too Many Requests", "Retry-After: 0\r\n", b""),
        1 => Answer::full("500 Internal Server Error", "", b"{\"code\":-1001,\"msg\":\"later\"}"),
        2 => Answer::full("503 Service Unavailable", "Retry-After: 100000\r\n", b""),
        3 => Answer::CutOff(half, body.len()),
        4 => Answer::Chunked(half, false),
        5 => Answer::HangUp,
        6 => Answer::full("200 OK", "Content-Type: text/html\r\n", b"<!DOCTYPE html><title>Sorry</title>"),
        7 => Answer::ok(b""),
        8 => Answer::ok(b"garbage"),
        9 => Answer::full("302 Found", "Location: /sorry\r\n", b""),
        10 => Answer::ok(b"{}"),
        11 => Answer::full("404 Not Found", "", b"{\"chart\":{\"result\":null,\"error\":null}}"),
        12 => Answer::full("206 Partial Content", "Content-Range: bytes 1-2/3\r\n", &half),
        13 => Answer::CutOffWith("ETag: \"AAA-1\"\r\nAccept-Ranges: bytes\r\n".to_owned(), half, body.len()),
        _ => Answer::Silence,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn prop_a_bad_server_gives_the_same_files_in_the_end(seed in any::<u64>(), name in 0_usize..4) {
        let name = Provider::NAMES[name];
        let folder = tempfile::tempdir().unwrap();
        let good = Server::start(|_, asked| providers::behave(asked));
        let (short, long) = (folder.path().join("short"), folder.path().join("long"));
        fetch_all(name, &good.base, SHORT, &short, &[]);
        fetch_all(name, &good.base, LONG, &long, &[]);
        let (short, long) = (files(&short), files(&long));
        prop_assert_eq!(long.len(), SYMBOLS.len());

        let random = Mutex::new(Xoshiro256PlusPlus::seed_from_u64(seed));
        let bad = Server::start(move |_, asked| {
            let draw = random.lock().unwrap().next_u64();
            let good = providers::behave(asked);
            // One in three, and silence, which takes its time, more rarely.
            if draw % 3 == 0 { misbehave(draw / 3, &good) } else { good }
        });
        let out = folder.path().join("bad");
        fetch_all(name, &bad.base, SHORT, &out, &[&short]);
        prop_assert_eq!(&files(&out), &short);
        fetch_all(name, &bad.base, LONG, &out, &[&short, &long]);
        prop_assert_eq!(&files(&out), &long);
    }
}
