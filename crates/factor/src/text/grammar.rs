//! How an expression is spelled: own text, or the text of a dialect. Lexer and parser are the same for all.

use std::sync::LazyLock;

use crate::operator::Syntax;
use crate::registry::Operator;

/// An operator written between its operands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Infix {
    pub(crate) symbol: &'static str,
    pub(crate) operator: Operator,
    /// A higher precedence binds tighter.
    pub(crate) precedence: u8,
    /// `x ** y ** z` is `x ** (y ** z)`.
    pub(crate) from_right: bool,
}

/// An operator written before its operand.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Prefix {
    pub(crate) symbol: &'static str,
    pub(crate) operator: Operator,
    pub(crate) precedence: u8,
}

/// What a point after a name means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Point {
    /// Nothing.
    Unused,
    /// It is part of a name: `IndClass.sector`.
    InNames,
    /// It calls a method, except after the name of a module: `close.shift(1)`, `np.log(close)`.
    Methods,
}

/// What stands between the parts of a text of several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Statements {
    /// There is one expression and no more.
    One,
    /// `;`.
    Semicolons,
    /// The end of a line outside brackets, and `;`.
    Lines,
}

/// A spelling of expressions.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a habit of its own")]
pub(crate) struct Grammar {
    pub(crate) infix: Vec<Infix>,
    pub(crate) prefix: Vec<Prefix>,
    /// `x ? y : z`.
    pub(crate) conditional: bool,
    pub(crate) point: Point,
    /// Columns are written `$close`.
    pub(crate) dollar: bool,
    /// `adv20` is `adv(20)`.
    pub(crate) numbered: &'static [&'static str],
    /// Quoted text and `lambda` are read.
    pub(crate) python: bool,
    pub(crate) statements: Statements,
    /// `Rank` and `rank` are one name.
    pub(crate) case_blind: bool,
}

impl Grammar {
    /// Our own spelling, as the registry declares it.
    pub(crate) fn own() -> &'static Grammar {
        static OWN: LazyLock<Grammar> = LazyLock::new(|| {
            let mut grammar = Grammar::plain();
            for &operator in Operator::ALL {
                match operator.definition().syntax {
                    Syntax::Infix(symbol, precedence) => {
                        grammar.infix.push(Infix { symbol, operator, precedence, from_right: false });
                    }
                    Syntax::Prefix(symbol, precedence) => grammar.prefix.push(Prefix { symbol, operator, precedence }),
                    Syntax::Function => {}
                }
            }
            grammar
        });
        &OWN
    }

    /// Names, numbers and calls.
    pub(crate) fn plain() -> Grammar {
        Grammar {
            infix: Vec::new(),
            prefix: Vec::new(),
            conditional: false,
            point: Point::Unused,
            dollar: false,
            numbered: &[],
            python: false,
            statements: Statements::One,
            case_blind: false,
        }
    }

    /// The operator between operands that is written so.
    pub(crate) fn infix(&self, symbol: &str) -> Option<&Infix> {
        self.infix.iter().find(|infix| infix.symbol == symbol)
    }

    /// The operator before an operand that is written so.
    pub(crate) fn prefix(&self, symbol: &str) -> Option<&Prefix> {
        self.prefix.iter().find(|prefix| prefix.symbol == symbol)
    }

    /// Symbols other than brackets and commas, longer ones first, so that `<=` is not read as `<`.
    pub(super) fn symbols(&self) -> Vec<&'static str> {
        let words = self.infix.iter().map(|infix| infix.symbol).chain(self.prefix.iter().map(|prefix| prefix.symbol));
        let mut symbols: Vec<&str> = words.filter(|word| !word.starts_with(|c: char| c.is_alphabetic())).collect();
        symbols.push("=");
        if self.conditional {
            symbols.extend(["?", ":"]);
        }
        if self.point != Point::Unused {
            symbols.push(".");
        }
        if self.statements != Statements::One {
            symbols.push(";");
        }
        symbols.sort_unstable_by_key(|symbol| (std::cmp::Reverse(symbol.len()), *symbol));
        symbols.dedup();
        symbols
    }

    /// Whether two names are one.
    pub(crate) fn same_name(&self, left: &str, right: &str) -> bool {
        if self.case_blind { left.eq_ignore_ascii_case(right) } else { left == right }
    }
}
