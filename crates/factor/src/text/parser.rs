//! Expression text to syntax tree: a lexer and a Pratt parser. Knows grammar, not meaning. A comment runs from `#` to
//! the end of its line.

use crate::error::ParseError;
use crate::operator::Syntax;
use crate::registry::Operator;

/// Brackets, prefixes and chains of operators may nest this deep; deeper text is no expression a person reads.
const MAX_DEPTH: usize = 200;
/// Longest text, in bytes.
const MAX_LENGTH: usize = 100_000;
/// Longest name or number, in bytes: messages repeat them.
const MAX_WORD: usize = 200;

/// A node of the syntax tree and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Ast {
    pub(super) kind: AstKind,
    pub(super) offset: usize,
    /// Levels below: a long chain such as `1 + 1 + ...` is a deep tree although it needs no brackets.
    height: usize,
}

impl Ast {
    pub(super) fn new(kind: AstKind, offset: usize) -> Self {
        let height = match &kind {
            AstKind::Number(_) | AstKind::Name(_) => 0,
            AstKind::Call { arguments: inner, .. } | AstKind::Operation { operands: inner, .. } => {
                1 + inner.iter().map(|ast| ast.height).max().unwrap_or(0)
            }
        };
        Self { kind, offset, height }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum AstKind {
    Number(f64),
    Name(String),
    Call { name: String, arguments: Vec<Ast>, options: Vec<CallOption> },
    Operation { operator: Operator, operands: Vec<Ast> },
}

/// An option such as `ddof=0`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct CallOption {
    pub(super) name: String,
    pub(super) offset: usize,
    pub(super) value: OptionValue,
    pub(super) value_offset: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum OptionValue {
    Number(f64),
    Word(String),
}

/// Reads a whole text as one expression.
pub(super) fn parse(text: &str) -> Result<Ast, ParseError> {
    let error = |offset: usize, message: String| ParseError { message, offset, text: text.to_owned() };
    if text.len() > MAX_LENGTH {
        return Err(error(0, format!("the expression has {} bytes; at most {MAX_LENGTH} are read", text.len())));
    }
    let tokens = tokenize(text)?;
    let mut parser = Parser { tokens: &tokens, next: 0, depth: 0, text };
    let tree = parser.expression(0)?;
    match parser.peek() {
        (Token::End, _) => Ok(tree),
        (Token::Close, offset) => Err(error(offset, "this bracket closes nothing".to_owned())),
        (Token::Equals, offset) => Err(error(offset, "write `==` to compare two numbers".to_owned())),
        (token, offset) => Err(error(offset, format!("expected an operator or the end here, not {token}"))),
    }
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Number(f64),
    Name(String),
    Symbol(&'static str),
    Open,
    Close,
    Comma,
    Equals,
    End,
}

impl std::fmt::Display for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Token::Number(value) => write!(f, "`{value}`"),
            Token::Name(name) => write!(f, "`{name}`"),
            Token::Symbol(symbol) => write!(f, "`{symbol}`"),
            Token::Open => f.write_str("`(`"),
            Token::Close => f.write_str("`)`"),
            Token::Comma => f.write_str("`,`"),
            Token::Equals => f.write_str("`=`"),
            Token::End => f.write_str("the end"),
        }
    }
}

fn tokenize(text: &str) -> Result<Vec<(Token, usize)>, ParseError> {
    // Longer symbols first, so that `<=` is not read as `<`.
    const SYMBOLS: [&str; 12] = ["<=", ">=", "==", "!=", "<", ">", "+", "-", "*", "/", "^", "="];
    let error = |offset: usize, message: String| Err(ParseError { message, offset, text: text.to_owned() });
    let bytes = text.as_bytes();
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let start = at;
        let byte = bytes[at];
        if byte.is_ascii_whitespace() {
            at += 1;
        } else if byte == b'#' {
            at = text[at..].find('\n').map_or(text.len(), |line| at + line);
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
        } else if byte.is_ascii_alphabetic() || byte == b'_' {
            while bytes.get(at).is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_') {
                at += 1;
            }
            if at - start > MAX_WORD {
                return error(start, format!("a name of {} letters; at most {MAX_WORD} are read", at - start));
            }
            tokens.push((Token::Name(text[start..at].to_owned()), start));
        } else if let Some(symbol) = SYMBOLS.iter().find(|symbol| text[at..].starts_with(**symbol)) {
            at += symbol.len();
            tokens.push((if *symbol == "=" { Token::Equals } else { Token::Symbol(symbol) }, start));
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
            at += 1;
        }
    }
    tokens.push((Token::End, text.len()));
    Ok(tokens)
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

struct Parser<'a> {
    tokens: &'a [(Token, usize)],
    next: usize,
    depth: usize,
    text: &'a str,
}

impl Parser<'_> {
    fn peek(&self) -> (Token, usize) {
        self.tokens[self.next].clone()
    }

    fn advance(&mut self) -> (Token, usize) {
        let token = self.peek();
        self.next = (self.next + 1).min(self.tokens.len() - 1);
        token
    }

    fn error<T>(&self, offset: usize, message: impl Into<String>) -> Result<T, ParseError> {
        Err(ParseError { message: message.into(), offset, text: self.text.to_owned() })
    }

    fn too_deep<T>(&self, offset: usize) -> Result<T, ParseError> {
        self.error(offset, format!("the expression is nested more than {MAX_DEPTH} levels deep; name parts of it"))
    }

    /// An expression whose infix operators bind tighter than `floor`.
    fn expression(&mut self, floor: u8) -> Result<Ast, ParseError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return self.too_deep(self.peek().1);
        }
        let mut left = self.operand()?;
        while let Some((operator, precedence)) = self.infix() {
            if precedence <= floor {
                break;
            }
            let (_, offset) = self.advance();
            let right = self.expression(precedence)?;
            left = Ast::new(AstKind::Operation { operator, operands: vec![left, right] }, offset);
            if left.height > MAX_DEPTH {
                return self.too_deep(offset);
            }
        }
        self.depth -= 1;
        Ok(left)
    }

    fn infix(&self) -> Option<(Operator, u8)> {
        let word = match &self.tokens[self.next].0 {
            Token::Symbol(symbol) => symbol,
            Token::Name(name) => name.as_str(),
            _ => return None,
        };
        Operator::ALL.iter().find_map(|&operator| match operator.definition().syntax {
            Syntax::Infix(symbol, precedence) if symbol == word => Some((operator, precedence)),
            _ => None,
        })
    }

    fn operand(&mut self) -> Result<Ast, ParseError> {
        let (token, offset) = self.advance();
        match token {
            Token::Number(value) => Ok(Ast::new(AstKind::Number(value), offset)),
            Token::Symbol("-") => self.prefix(Operator::Neg, offset),
            Token::Name(name) if name == "not" => self.prefix(Operator::Not, offset),
            Token::Name(name) if self.peek().0 == Token::Open => self.call(name, offset),
            Token::Name(name) if name == "and" || name == "or" => {
                self.error(offset, format!("`{name}` needs something on its left"))
            }
            Token::Name(name) => Ok(Ast::new(AstKind::Name(name), offset)),
            Token::Open => {
                let inner = self.expression(0)?;
                match self.advance() {
                    (Token::Close, _) => Ok(inner),
                    (Token::End, _) => self.error(offset, "this bracket is never closed"),
                    (token, offset) => self.error(offset, format!("expected `)` or an operator here, not {token}")),
                }
            }
            Token::End => self.error(offset, "the expression ends where a value is needed"),
            token => self.error(offset, format!("expected a value here, not {token}")),
        }
    }

    fn prefix(&mut self, operator: Operator, offset: usize) -> Result<Ast, ParseError> {
        let Syntax::Prefix(_, precedence) = operator.definition().syntax else {
            unreachable!("only prefix operators are passed here")
        };
        let operand = self.expression(precedence - 1)?;
        // `-3` is the literal, so that windows, options and constants have one form.
        if let (Operator::Neg, AstKind::Number(value)) = (operator, &operand.kind) {
            return Ok(Ast::new(AstKind::Number(-value), offset));
        }
        Ok(Ast::new(AstKind::Operation { operator, operands: vec![operand] }, offset))
    }

    fn call(&mut self, name: String, offset: usize) -> Result<Ast, ParseError> {
        let open = self.advance().1;
        let mut arguments = Vec::new();
        let mut options = Vec::new();
        if self.peek().0 == Token::Close {
            self.advance();
            return Ok(Ast::new(AstKind::Call { name, arguments, options }, offset));
        }
        loop {
            if let (Token::Name(option), at) = self.peek()
                && self.tokens.get(self.next + 1).is_some_and(|(token, _)| *token == Token::Equals)
            {
                self.next += 2;
                let value_offset = self.peek().1;
                let value = match self.expression(0)?.kind {
                    AstKind::Number(value) => OptionValue::Number(value),
                    AstKind::Name(word) => OptionValue::Word(word),
                    _ => {
                        return self.error(value_offset, format!("option `{option}` takes a literal number or a word"));
                    }
                };
                options.push(CallOption { name: option, offset: at, value, value_offset });
            } else {
                let argument = self.expression(0)?;
                if !options.is_empty() {
                    return self.error(argument.offset, "options such as `ddof=0` come after all other arguments");
                }
                arguments.push(argument);
            }
            match self.advance() {
                (Token::Comma, _) => {}
                (Token::Close, _) => return Ok(Ast::new(AstKind::Call { name, arguments, options }, offset)),
                (Token::End, _) => return self.error(open, "this bracket is never closed"),
                (token, at) => return self.error(at, format!("expected `,` or `)` here, not {token}")),
            }
        }
    }
}
