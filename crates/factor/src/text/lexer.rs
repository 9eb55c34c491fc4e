//! Expression text to tokens. A comment runs from `#` to the end of its line.

use super::grammar::{Grammar, Statements};
use crate::error::ParseError;

/// Longest text, in bytes.
pub(super) const MAX_LENGTH: usize = 100_000;
/// Longest name or number, in bytes: messages repeat them.
const MAX_WORD: usize = 200;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    Number(f64),
    Name(String),
    /// Quoted text with its quotes, or a `lambda`.
    Text(String),
    Symbol(&'static str),
    Open,
    Close,
    Comma,
    Equals,
    /// The end of a statement.
    Break,
    End,
}

impl std::fmt::Display for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Token::Number(value) => write!(f, "`{value}`"),
            Token::Name(name) => write!(f, "`{name}`"),
            Token::Text(text) => f.write_str(text),
            Token::Symbol(symbol) => write!(f, "`{symbol}`"),
            Token::Open => f.write_str("`(`"),
            Token::Close => f.write_str("`)`"),
            Token::Comma => f.write_str("`,`"),
            Token::Equals => f.write_str("`=`"),
            Token::Break => f.write_str("the end of a statement"),
            Token::End => f.write_str("the end"),
        }
    }
}

/// The tokens of a text, each with the byte where it starts.
pub(super) fn tokenize(text: &str, grammar: &Grammar) -> Result<Vec<(Token, usize)>, ParseError> {
    let error = |offset: usize, message: String| Err(ParseError { message, offset, text: text.to_owned() });
    if text.len() > MAX_LENGTH {
        return error(0, format!("the expression has {} bytes; at most {MAX_LENGTH} are read", text.len()));
    }
    let symbols = grammar.symbols();
    let bytes = text.as_bytes();
    let mut tokens: Vec<(Token, usize)> = Vec::new();
    // Brackets that are open: a line may end inside them.
    let mut open = 0_usize;
    let mut at = 0;
    while at < bytes.len() {
        let start = at;
        let byte = bytes[at];
        if byte.is_ascii_whitespace() {
            at += 1;
            if byte == b'\n' && grammar.statements == Statements::Lines && open == 0 {
                tokens.push((Token::Break, start));
            }
        } else if byte == b'#' {
            at += text[at..].find('\n').unwrap_or(text.len() - at);
        } else if byte.is_ascii_digit() || (byte == b'.' && bytes.get(at + 1).is_some_and(u8::is_ascii_digit)) {
            at = number_end(bytes, at);
            if at - start > MAX_WORD {
                return error(start, format!("a number of {} digits; at most {MAX_WORD} are read", at - start));
            }
            match text[start..at].parse::<f64>() {
                Ok(value) if value.is_finite() => tokens.push((Token::Number(value), start)),
                _ => return error(start, format!("`{}` is no number that fits 64 bits", &text[start..at])),
            }
            if bytes.get(at).is_some_and(|b| b.is_ascii_alphabetic() || *b == b'_') {
                return error(at, "a name cannot start with a digit; is an operator missing?".to_owned());
            }
        } else if is_letter(byte) || (grammar.dollar && byte == b'$') {
            at += usize::from(byte == b'$');
            if byte == b'$' && !bytes.get(at).is_some_and(|b| is_letter(*b)) {
                let reason = match bytes.get(at) {
                    Some(b'$') => "`$$` names point-in-time data, whose values are restated later; there are none here",
                    _ => "a column's name is missing after `$`",
                };
                return error(start, reason.to_owned());
            }
            while bytes.get(at).is_some_and(|b| is_letter(*b) || b.is_ascii_digit()) {
                at += 1;
            }
            if at - start > MAX_WORD {
                return error(start, format!("a name of {} letters; at most {MAX_WORD} are read", at - start));
            }
            if grammar.python && &text[start..at] == "lambda" {
                at = lambda_end(bytes, at);
                tokens.push((Token::Text(text[start..at].trim_end().to_owned()), start));
            } else {
                tokens.push((Token::Name(text[start..at].to_owned()), start));
            }
        } else if let Some(symbol) = symbols.iter().find(|symbol| text[at..].starts_with(**symbol)) {
            at += symbol.len();
            let token = match *symbol {
                "=" => Token::Equals,
                ";" => Token::Break,
                _ => Token::Symbol(symbol),
            };
            tokens.push((token, start));
        } else if grammar.python && (byte == b'\'' || byte == b'"') {
            let Some(length) = text[at + 1..].find(byte as char) else {
                return error(start, "this quote is never closed".to_owned());
            };
            at += length + 2;
            tokens.push((Token::Text(format!("'{}'", &text[start + 1..at - 1])), start));
        } else {
            tokens.push(match byte {
                b'(' => (Token::Open, start),
                b')' => (Token::Close, start),
                b',' => (Token::Comma, start),
                _ => {
                    let character = text[at..].chars().next().unwrap_or(' ').escape_debug();
                    return error(start, format!("`{character}` has no meaning in an expression"));
                }
            });
            match byte {
                b'(' => open += 1,
                b')' => open = open.saturating_sub(1),
                _ => {}
            }
            at += 1;
        }
    }
    tokens.push((Token::End, text.len()));
    Ok(tokens)
}

fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_'
}

/// Where a number that starts at `at` ends: digits, a point, digits, an exponent.
fn number_end(bytes: &[u8], mut at: usize) -> usize {
    let digits = |mut at: usize| {
        while bytes.get(at).is_some_and(u8::is_ascii_digit) {
            at += 1;
        }
        at
    };
    at = digits(at);
    if bytes.get(at) == Some(&b'.') {
        at = digits(at + 1);
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
        if bytes.get(at + 1 + sign).is_some_and(u8::is_ascii_digit) {
            at = digits(at + 1 + sign);
        }
    }
    at
}

/// Where a `lambda` ends: at a comma or bracket that is not its own. It is never understood, only compared.
fn lambda_end(bytes: &[u8], mut at: usize) -> usize {
    let mut open = 0_usize;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'(' | b'[' => open += 1,
            b')' | b']' | b',' | b'\n' if open == 0 => break,
            b')' | b']' => open -= 1,
            _ => {}
        }
        at += 1;
    }
    at
}
