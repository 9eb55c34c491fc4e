//! A server of our own on this machine that does as it is told, however bad that is.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What the server does with one connection.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// Status, further headers (each with its line end), body with its true length.
    Full(String, String, Vec<u8>),
    /// A body shorter than the announced length.
    CutOff(Vec<u8>, usize),
    /// The same with further headers.
    CutOffWith(String, Vec<u8>, usize),
    /// A body of unknown length in chunks, without the final one when cut off.
    Chunked(Vec<u8>, bool),
    /// The body in small pieces with pauses between.
    Trickle(Vec<u8>),
    /// Closes the connection at once.
    HangUp,
    /// Says nothing until the client gives up.
    Silence,
    /// A body without end.
    Endless,
}

impl Answer {
    /// A status, further headers and a body.
    pub(crate) fn full(status: &str, headers: &str, body: &[u8]) -> Self {
        Answer::Full(status.to_owned(), headers.to_owned(), body.to_vec())
    }

    /// A body that is all right.
    pub(crate) fn ok(body: &[u8]) -> Self {
        Self::full("200 OK", "", body)
    }
}

/// What a client asked.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// Path and query, as they came.
    pub target: String,
    /// Headers, names in lower case.
    pub headers: BTreeMap<String, String>,
}

impl Asked {
    /// The path, decoded.
    pub(crate) fn path(&self) -> String {
        decoded(self.target.split('?').next().unwrap_or_default())
    }

    /// A parameter of the query, decoded.
    pub(crate) fn parameter(&self, name: &str) -> String {
        let query = self.target.split_once('?').map(|(_, query)| query).unwrap_or_default();
        let value = query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
        decoded(value.unwrap_or_default())
    }
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&first, behind)) = rest.split_first() {
        if first == b'%' {
            bytes.push(u8::from_str_radix(std::str::from_utf8(&behind[..2]).unwrap(), 16).unwrap());
            rest = &behind[2..];
        } else {
            bytes.push(if first == b'+' { b' ' } else { first });
            rest = behind;
        }
    }
    String::from_utf8(bytes).unwrap()
}

/// A server with a memory of what it was asked.
pub(crate) struct Server {
    /// `http://127.0.0.1:PORT`.
    pub(crate) base: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Server {
    /// Every request goes to `answer`, with its number, which counts from 0.
    pub(crate) fn start(answer: impl Fn(usize, &Asked) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (memory, answer) = (Arc::clone(&asked), Arc::new(answer));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (memory, answer) = (Arc::clone(&memory), Arc::clone(&answer));
                // A client that gives up breaks the pipe; that is what the test is about.
                std::thread::spawn(move || {
                    let _ = reply(stream, |asked| {
                        let number = {
                            let mut memory = memory.lock().unwrap();
                            memory.push(asked.clone());
                            memory.len() - 1
                        };
                        answer(number, asked)
                    });
                });
            }
        });
        Self { base, asked }
    }

    /// All requests so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// How many requests came so far.
    pub(crate) fn count(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

fn reply(mut stream: TcpStream, answer: impl FnOnce(&Asked) -> Answer) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let target = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut headers = BTreeMap::new();
    loop {
        line.clear();
        if reader.read_line(&mut line)? <= 2 {
            break;
        }
        if let Some((name, value)) = line.split_once(':') {
            headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
        }
    }
    let head = |stream: &mut TcpStream, headers: &str, length: usize| {
        write!(stream, "HTTP/1.1 200 OK\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n")
    };
    match answer(&Asked { target, headers }) {
        Answer::Full(status, headers, body) => {
            let length = body.len();
            write!(stream, "HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n")?;
            stream.write_all(&body)
        }
        Answer::CutOff(body, announced) => {
            head(&mut stream, "", announced)?;
            stream.write_all(&body)
        }
        Answer::CutOffWith(headers, body, announced) => {
            head(&mut stream, &headers, announced)?;
            stream.write_all(&body)
        }
        Answer::Chunked(body, whole) => {
            write!(stream, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n", body.len())?;
            stream.write_all(&body)?;
            stream.write_all(if whole { b"\r\n0\r\n\r\n" } else { b"\r\n" })
        }
        Answer::Trickle(body) => {
            head(&mut stream, "", body.len())?;
            for piece in body.chunks(body.len() / 5 + 1) {
                stream.write_all(piece)?;
                stream.flush()?;
                std::thread::sleep(Duration::from_millis(20));
            }
            Ok(())
        }
        Answer::Endless => {
            write!(stream, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")?;
            loop {
                stream.write_all(&[b'x'; 4096])?;
            }
        }
        Answer::Silence => {
            std::thread::sleep(Duration::from_secs(30));
            Ok(())
        }
        Answer::HangUp => Ok(()),
    }
}
