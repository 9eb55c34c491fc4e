//! Tells from its first bytes whether a download is what its name says.

use std::path::Path;

/// How many first bytes a judgement needs.
pub(super) const HEAD: usize = 512;

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Empty,
    Html,
    Json,
    Parquet,
    Arrow,
    Gzip,
    Zstandard,
    Zip,
    Binary,
    Text,
}

impl Kind {
    /// What the name promises, or nothing.
    pub(super) fn named(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "csv" => Some(Self::Text),
            "parquet" => Some(Self::Parquet),
            "ipc" | "arrow" | "feather" => Some(Self::Arrow),
            "gz" => Some(Self::Gzip),
            "zst" => Some(Self::Zstandard),
            _ => None,
        }
    }

    fn of(head: &[u8]) -> Self {
        const MAGIC: [(&[u8], Kind); 5] = [
            (b"PAR1", Kind::Parquet),
            (b"ARROW1", Kind::Arrow),
            (b"\x1f\x8b", Kind::Gzip),
            (b"\x28\xb5\x2f\xfd", Kind::Zstandard),
            (b"PK\x03\x04", Kind::Zip),
        ];
        // A vendor's header may begin with <DATE> or <TICKER>, so that a bracket alone proves nothing.
        const HTML: [&[u8]; 8] =
            [b"<!doctype", b"<!--", b"<?xml", b"<html", b"<head", b"<body", b"<title", b"<script"];
        if let Some((_, kind)) = MAGIC.iter().find(|(magic, _)| head.starts_with(magic)) {
            return *kind;
        }
        let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
        let starts_with = |tag: &&[u8]| text.get(..tag.len()).is_some_and(|start| start.eq_ignore_ascii_case(tag));
        match text.first() {
            None => Self::Empty,
            Some(b'{' | b'[') => Self::Json,
            Some(b'<') if HTML.iter().any(starts_with) => Self::Html,
            Some(_) if text.contains(&0) => Self::Binary,
            Some(_) => Self::Text,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Empty => "nothing",
            Self::Html => "a web page",
            Self::Json => "a JSON document",
            Self::Parquet => "Parquet",
            Self::Arrow => "Arrow IPC",
            Self::Gzip => "a gzip file",
            Self::Zstandard => "a Zstandard file",
            Self::Zip => "a zip archive",
            Self::Binary => "binary data",
            Self::Text => "text",
        }
    }
}

/// Whether the first bytes fit the name; says what came where they do not.
pub(super) fn check(head: &[u8], out: &Path) -> Result<(), String> {
    let Some(wanted) = Kind::named(out) else { return Ok(()) };
    let found = Kind::of(head);
    if found == wanted {
        return Ok(());
    }
    let (found, wanted, name) = (found.words(), wanted.words(), out.display());
    Err(format!("the server sent {found}, but {name} should hold {wanted}; open the address in a browser, or rename"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_first_bytes() {
        let check = |name: &str, head: &[u8], fits: bool| {
            let outcome = check(head, Path::new(name));
            assert_eq!(outcome.is_ok(), fits, "{name} {:?}: {outcome:?}", String::from_utf8_lossy(head));
        };
        for (name, head, fits) in [
            ("a.csv", b"date,close\n2013-02-08,1\n".as_slice(), true),
            ("a.csv", b"\xef\xbb\xbfdate,close\n", true),
            ("a.CSV", b"<DATE>,<TICKER>,<CLOSE>\n", true),
            ("a.csv", b" \n<!DOCTYPE html><html>", false),
            ("a.csv", b"\xef\xbb\xbf<Html lang='en'>", false),
            ("a.csv", b"{\"error\": \"limit reached\"}", false),
            ("a.csv", b"\x1f\x8b\x08\x00", false),
            ("a.csv", b"ab\0c", false),
            ("a.csv", b"", false),
            ("a.csv", b" \r\n ", false),
            ("a.csv.gz", b"\x1f\x8b\x08\x00", true),
            ("a.csv.gz", b"date,close\n", false),
            ("a.csv.zst", b"\x28\xb5\x2f\xfd\x00", true),
            ("a.parquet", b"PAR1\x15\x04", true),
            ("a.parquet", b"PAR", false),
            ("a.parquet", b"<html>", false),
            ("a.feather", b"ARROW1\0\0", true),
            ("a.ipc", b"PAR1", false),
            ("a.arrow", b"PK\x03\x04", false),
            ("a.dat", b"<html>", true),
            ("noextension", b"", true),
        ] {
            check(name, head, fits);
        }
    }
}
