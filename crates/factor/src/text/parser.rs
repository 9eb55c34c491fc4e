//! Expression text to syntax tree: a Pratt parser. Knows grammar, not meaning.

use super::grammar::{Grammar, Point, Statements};
use super::lexer::{Token, tokenize};
use crate::error::ParseError;
use crate::registry::Operator;

/// Brackets, prefixes and chains of operators may nest this deep; deeper text is no expression a person reads.
pub(crate) const MAX_DEPTH: usize = 200;
/// Names before a point that are modules and not values.
pub(crate) const MODULES: [&str; 5] = ["np", "pd", "numpy", "pandas", "math"];
/// The name of `x ? y : z` as a call.
pub(crate) const CONDITIONAL: &str = "?:";

/// A node of the syntax tree and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Ast {
    pub(crate) kind: AstKind,
    pub(crate) offset: usize,
    /// Levels below: a long chain such as `1 + 1 + ...` is a deep tree although it needs no brackets.
    pub(crate) height: usize,
}

/// An argument given by name.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct CallOption {
    pub(crate) name: String,
    pub(crate) offset: usize,
    pub(crate) value: Ast,
    /// Where the value starts: an operation stands at its operator.
    pub(crate) value_offset: usize,
}

impl Ast {
    pub(crate) fn new(kind: AstKind, offset: usize) -> Self {
        let highest = |inner: &[Ast]| inner.iter().map(|ast| ast.height).max();
        let height = match &kind {
            AstKind::Number(_) | AstKind::Name(_) | AstKind::Text(_) => 0,
            AstKind::Operation { operands, .. } => 1 + highest(operands).unwrap_or(0),
            AstKind::Call { arguments, options, .. } => {
                let options = options.iter().map(|option| option.value.height).max();
                1 + highest(arguments).max(options).unwrap_or(0)
            }
        };
        Self { kind, offset, height }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum AstKind {
    Number(f64),
    Name(String),
    /// Quoted text or a `lambda`, which are compared and never understood.
    Text(String),
    /// A method's name starts with a point, and its receiver is its first argument.
    Call {
        name: String,
        arguments: Vec<Ast>,
        options: Vec<CallOption>,
    },
    Operation {
        operator: Operator,
        operands: Vec<Ast>,
    },
}

/// One part of a text: an expression, and the name it is given.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Statement {
    pub(crate) name: Option<(String, usize)>,
    pub(crate) tree: Ast,
}

/// Reads a whole text as one expression.
pub(crate) fn parse(text: &str, grammar: &Grammar) -> Result<Ast, ParseError> {
    let tokens = tokenize(text, grammar)?;
    let mut parser = Parser { tokens: &tokens, next: 0, depth: 0, text, grammar };
    let tree = parser.expression(0)?;
    match parser.peek() {
        (Token::End, _) => Ok(tree),
        (token, offset) => parser.left_over(&token, offset),
    }
}

/// Reads a text of one or more statements; the last one is the value.
pub(crate) fn parse_statements(text: &str, grammar: &Grammar) -> Result<Vec<Statement>, ParseError> {
    if grammar.statements == Statements::One {
        return Ok(vec![Statement { name: None, tree: parse(text, grammar)? }]);
    }
    let tokens = tokenize(text, grammar)?;
    let mut parser = Parser { tokens: &tokens, next: 0, depth: 0, text, grammar };
    let mut statements = Vec::new();
    loop {
        while parser.peek().0 == Token::Break {
            parser.advance();
        }
        if grammar.python && matches!(parser.peek().0, Token::Name(word) if word == "import") {
            while !matches!(parser.peek().0, Token::Break | Token::End) {
                parser.advance();
            }
            continue;
        }
        if parser.peek().0 == Token::End && !statements.is_empty() {
            return Ok(statements);
        }
        let name = match (parser.peek(), parser.tokens.get(parser.next + 1)) {
            ((Token::Name(name), offset), Some((Token::Equals, _))) => {
                parser.next += 2;
                Some((name, offset))
            }
            _ => None,
        };
        let tree = parser.expression(0)?;
        parser.depth = 0;
        statements.push(Statement { name, tree });
        match parser.peek() {
            (Token::End | Token::Break, _) => {}
            (token, offset) => return parser.left_over(&token, offset),
        }
    }
}

struct Parser<'a> {
    tokens: &'a [(Token, usize)],
    next: usize,
    depth: usize,
    text: &'a str,
    grammar: &'a Grammar,
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

    /// What stands after a whole expression and cannot.
    fn left_over<T>(&self, token: &Token, offset: usize) -> Result<T, ParseError> {
        match token {
            Token::Close => self.error(offset, "this bracket closes nothing"),
            Token::Equals => self.error(offset, "write `==` to compare two numbers"),
            token => self.error(offset, format!("expected an operator or the end here, not {token}")),
        }
    }

    /// An expression whose infix operators bind tighter than `floor`.
    fn expression(&mut self, floor: u8) -> Result<Ast, ParseError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return self.too_deep(self.peek().1);
        }
        let mut left = self.operand()?;
        while let Some((operator, precedence, from_right)) = self.infix() {
            if precedence <= floor {
                break;
            }
            let (_, offset) = self.advance();
            let right = self.expression(precedence - u8::from(from_right))?;
            left = Ast::new(AstKind::Operation { operator, operands: vec![left, right] }, offset);
            if left.height > MAX_DEPTH {
                return self.too_deep(offset);
            }
        }
        if floor == 0 && self.grammar.conditional && self.peek().0 == Token::Symbol("?") {
            left = self.conditional(left)?;
        }
        self.depth -= 1;
        Ok(left)
    }

    /// The rest of `x ? y : z`.
    fn conditional(&mut self, condition: Ast) -> Result<Ast, ParseError> {
        let offset = self.advance().1;
        let yes = self.expression(0)?;
        match self.advance() {
            (Token::Symbol(":"), _) => {}
            (token, at) => return self.error(at, format!("expected `:` here, not {token}: `x ? y : z`")),
        }
        let no = self.expression(0)?;
        let arguments = vec![condition, yes, no];
        let tree = Ast::new(AstKind::Call { name: CONDITIONAL.to_owned(), arguments, options: Vec::new() }, offset);
        if tree.height > MAX_DEPTH { self.too_deep(offset) } else { Ok(tree) }
    }

    fn infix(&self) -> Option<(Operator, u8, bool)> {
        let word = match &self.tokens[self.next].0 {
            Token::Symbol(symbol) => symbol,
            Token::Name(name) => name.as_str(),
            _ => return None,
        };
        self.grammar.infix(word).map(|infix| (infix.operator, infix.precedence, infix.from_right))
    }

    fn operand(&mut self) -> Result<Ast, ParseError> {
        let (token, offset) = self.advance();
        let operand = match token {
            Token::Number(value) => Ast::new(AstKind::Number(value), offset),
            Token::Text(text) => Ast::new(AstKind::Text(text), offset),
            Token::Symbol(symbol) if self.grammar.prefix(symbol).is_some() => return self.prefix(symbol, offset),
            Token::Name(name) if self.grammar.prefix(&name).is_some() => return self.prefix(&name, offset),
            Token::Name(name) => self.name(name, offset)?,
            Token::Open => {
                let inner = self.expression(0)?;
                match self.advance() {
                    (Token::Close, _) => inner,
                    (Token::End, _) => return self.error(offset, "this bracket is never closed"),
                    (token, offset) => {
                        return self.error(offset, format!("expected `)` or an operator here, not {token}"));
                    }
                }
            }
            Token::End | Token::Break => return self.error(offset, "the expression ends where a value is needed"),
            token => return self.error(offset, format!("expected a value here, not {token}")),
        };
        if self.grammar.point == Point::Methods { self.methods(operand) } else { Ok(operand) }
    }

    /// A column, a call, or a name with points in it.
    fn name(&mut self, mut name: String, offset: usize) -> Result<Ast, ParseError> {
        let module = self.grammar.point == Point::Methods && MODULES.contains(&name.as_str());
        while (module || self.grammar.point == Point::InNames) && self.peek().0 == Token::Symbol(".") {
            self.advance();
            match self.advance() {
                (Token::Name(part), _) => name = format!("{name}.{part}"),
                (token, at) => return self.error(at, format!("expected a name after the point, not {token}")),
            }
        }
        if self.peek().0 == Token::Open {
            return self.call(name, Vec::new(), offset);
        }
        if self.grammar.infix(&name).is_some() {
            return self.error(offset, format!("`{name}` needs something on its left"));
        }
        for word in self.grammar.numbered {
            let number = name.get(word.len()..).and_then(|digits| digits.parse::<u32>().ok());
            if let Some(number) = number.filter(|_| self.grammar.same_name(&name[..word.len()], word)) {
                let arguments = vec![Ast::new(AstKind::Number(f64::from(number)), offset)];
                let name = (*word).to_owned();
                return Ok(Ast::new(AstKind::Call { name, arguments, options: Vec::new() }, offset));
            }
        }
        Ok(Ast::new(AstKind::Name(name), offset))
    }

    /// Methods called on a value, one after the other.
    fn methods(&mut self, mut receiver: Ast) -> Result<Ast, ParseError> {
        while self.peek().0 == Token::Symbol(".") {
            self.advance();
            let (token, offset) = self.advance();
            let Token::Name(name) = token else {
                return self.error(offset, format!("expected a method after the point, not {token}"));
            };
            if self.peek().0 != Token::Open {
                return self.error(offset, format!("`.{name}` is read as a method only: write `.{name}(...)`"));
            }
            receiver = self.call(format!(".{name}"), vec![receiver], offset)?;
            if receiver.height > MAX_DEPTH {
                return self.too_deep(offset);
            }
        }
        Ok(receiver)
    }

    fn prefix(&mut self, symbol: &str, offset: usize) -> Result<Ast, ParseError> {
        let Some(prefix) = self.grammar.prefix(symbol) else { unreachable!("only prefix operators are passed here") };
        let (operator, precedence) = (prefix.operator, prefix.precedence);
        let operand = self.expression(precedence - 1)?;
        // `-3` is the literal, so that windows, options and constants have one form.
        if let (Operator::Neg, AstKind::Number(value)) = (operator, &operand.kind) {
            return Ok(Ast::new(AstKind::Number(-value), offset));
        }
        Ok(Ast::new(AstKind::Operation { operator, operands: vec![operand] }, offset))
    }

    fn call(&mut self, name: String, mut arguments: Vec<Ast>, offset: usize) -> Result<Ast, ParseError> {
        let open = self.advance().1;
        let mut options: Vec<CallOption> = Vec::new();
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
                options.push(CallOption { name: option, offset: at, value: self.expression(0)?, value_offset });
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
