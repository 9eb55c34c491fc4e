//! Symbols: lists of them, and the names of their files.

use std::fmt::Write;
use std::path::Path;

use crate::error::{Error, excerpt};
use crate::import::EXTENSIONS;

/// A longer one is a mistake, and would not fit a file name once its characters are spelt out.
const LONGEST: usize = 64;
/// Lists are read whole; this is a hundred thousand symbols.
const LONGEST_LIST: u64 = 4 << 20;

/// The name of a symbol's file without its extension: the symbol, in which letters, digits and `. _ - ^ = + @ $ & ~ !`
/// stand for themselves and every other byte is `%` and two hexadecimal digits, as in addresses. A leading dot (a
/// hidden file) and the dot of `A.GZ` (which would read as an extension) are spelt out too. [`symbol_of_stem`] reads it
/// back.
///
/// # Examples
/// ```
/// use market::fetch::{file_stem, symbol_of_stem};
/// assert_eq!(file_stem("BRK-B"), "BRK-B");
/// assert_eq!(file_stem("BTC/USDT"), "BTC%2FUSDT");
/// assert_eq!(symbol_of_stem("BTC%2FUSDT"), "BTC/USDT");
/// ```
pub fn file_stem(symbol: &str) -> String {
    let extension = symbol.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
    let misread = extension.filter(|extension| EXTENSIONS.contains(&extension.as_str()));
    let spelt = misread.map(|extension| symbol.len() - extension.len() - 1);
    let mut stem = String::new();
    for (at, character) in symbol.char_indices() {
        let plain = character.is_alphanumeric() || "._-^=+@$&~!".contains(character);
        if plain && !(character == '.' && (at == 0 || Some(at) == spelt)) {
            stem.push(character);
        } else {
            for byte in character.encode_utf8(&mut [0; 4]).bytes() {
                write!(stem, "%{byte:02X}").expect("a string takes all text");
            }
        }
    }
    stem
}

/// The symbol of a file's name: what [`file_stem`] encoded, and any other text as it stands.
pub fn symbol_of_stem(stem: &str) -> String {
    let mut bytes = Vec::with_capacity(stem.len());
    let mut rest = stem.as_bytes();
    while let Some((&first, behind)) = rest.split_first() {
        let digits = behind.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let byte = digits.filter(|_| first == b'%').and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(byte.unwrap_or(first));
        rest = if byte.is_some() { &behind[2..] } else { behind };
    }
    let symbol = String::from_utf8(bytes).unwrap_or_else(|_| stem.to_owned());
    if file_stem(&symbol) == stem { symbol } else { stem.to_owned() }
}

/// Reads a list of symbols, one a line; what stands behind `#` is a comment.
///
/// # Errors
/// When the file cannot be read, is no text, or a line holds more than one symbol (with its line).
pub fn read_symbols(path: &Path) -> Result<Vec<String>, Error> {
    let unreadable = |cause| Error::Read { path: path.to_owned(), cause };
    let refuse = |problem: String| Error::unusable(path.display().to_string(), problem);
    let bytes = std::fs::metadata(path).map_err(unreadable)?.len();
    if bytes > LONGEST_LIST {
        return Err(refuse(format!("{bytes} bytes are too many for a list of symbols, one a line")));
    }
    let text = std::fs::read(path).map_err(unreadable)?;
    let text = String::from_utf8(text).map_err(|_| refuse("is no UTF-8 text; write one symbol a line".to_owned()))?;
    let mut symbols = Vec::new();
    for (line, text) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        let symbol = text.split('#').next().unwrap_or_default().trim();
        if symbol.is_empty() {
            continue;
        }
        check(symbol).map_err(|problem| refuse(format!("row {}: {problem}; write one symbol a line", line + 1)))?;
        symbols.push(symbol.to_owned());
    }
    Ok(symbols)
}

/// Symbols in their order, each once.
///
/// # Errors
/// When one cannot be a symbol, or two differ in case alone: some disks would keep them in one file.
pub(super) fn distinct(symbols: &[String]) -> Result<Vec<String>, Error> {
    let mut seen: std::collections::BTreeMap<String, &str> = std::collections::BTreeMap::new();
    let mut distinct = Vec::new();
    for symbol in symbols {
        check(symbol).map_err(|problem| Error::unusable("symbols", problem))?;
        match seen.insert(symbol.to_lowercase(), symbol) {
            None => distinct.push(symbol.clone()),
            Some(other) if other == symbol => {}
            Some(other) => {
                let problem =
                    format!("`{other}` and `{symbol}` differ in case alone, and would share a file; keep one");
                return Err(Error::unusable("symbols", problem));
            }
        }
    }
    Ok(distinct)
}

fn check(symbol: &str) -> Result<(), String> {
    let bad = symbol.chars().find(|c| c.is_control() || c.is_whitespace() || *c == ',' || *c == ';');
    match bad {
        _ if symbol.is_empty() => Err("an empty text is no symbol".to_owned()),
        Some(bad) => Err(format!("`{}` is no symbol: it has a {bad:?} in it", excerpt(symbol))),
        None if symbol.len() > LONGEST => {
            Err(format!("`{}` is no symbol: it is longer than {LONGEST} bytes", excerpt(symbol)))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_read_back_to_their_symbols() {
        for (symbol, stem) in [
            ("AAPL", "AAPL"),
            ("BRK.B", "BRK.B"),
            ("^GSPC", "^GSPC"),
            ("EURUSD=X", "EURUSD=X"),
            ("BTC/USDT", "BTC%2FUSDT"),
            ("..", "%2E."),
            (".hidden", "%2Ehidden"),
            ("../../etc", "%2E.%2F..%2Fetc"),
            ("A.GZ", "A%2EGZ"),
            ("50%", "50%25"),
            ("a%2Fb", "a%252Fb"),
            ("C:\\x", "C%3A%5Cx"),
            ("万科", "万科"),
            ("a\u{202e}b", "a%E2%80%AEb"),
        ] {
            assert_eq!((file_stem(symbol).as_str(), symbol_of_stem(stem).as_str()), (stem, symbol));
        }
        for foreign in ["50%", "a%2", "a%zz", "%ff", "a%41", "x y"] {
            assert_eq!(symbol_of_stem(foreign), foreign);
        }
    }

    #[test]
    fn lists_are_read_line_by_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("symbols.txt");
        let check = |text: &[u8], expected: Result<&[&str], &str>| {
            std::fs::write(&path, text).unwrap();
            match (read_symbols(&path), expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found, expected),
                (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{error}"),
                (found, expected) => panic!("{found:?}, expected {expected:?}"),
            }
        };
        check(b"\xef\xbb\xbfAAPL\r\n\n# tech\n MSFT # big\n", Ok(&["AAPL", "MSFT"]));
        check(b"", Ok(&[]));
        check(b"AAPL\nMSFT KO\n", Err("row 2: `MSFT KO` is no symbol: it has a ' ' in it"));
        check(b"AAPL,MSFT\n", Err("row 1"));
        check(b"\xff\xfe", Err("no UTF-8"));
    }

    #[test]
    fn each_symbol_is_asked_for_once() {
        let list = |symbols: &[&str]| distinct(&symbols.iter().map(|&symbol| symbol.to_owned()).collect::<Vec<_>>());
        assert_eq!(list(&["B", "A", "B"]).unwrap(), ["B", "A"]);
        assert!(list(&["aapl", "AAPL"]).unwrap_err().to_string().contains("differ in case alone"));
        assert!(list(&[""]).unwrap_err().to_string().contains("empty"));
        assert!(list(&["A\nB"]).is_err() && list(&[&"A".repeat(65)]).is_err());
    }
}
