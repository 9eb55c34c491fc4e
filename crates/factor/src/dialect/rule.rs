//! One line of a dialect's table: how it says something, how we say it, and what the two differ in.
//!
//! Both sides are patterns, each in its own spelling. A name of one letter is a hole:
//! `x y z w` a number, `g e` a group, `f h` a condition, `t u` a flag written as a number (1, 0 or missing),
//! `d k` a whole literal, `a b c` any literal. Arithmetic on literals stands for its value: `(d - 1)` in a pattern is
//! the 19 of a window of 20.

use crate::operator::{Definition, MIN_PERIODS, Output};
use crate::registry::Operator;
use crate::text::grammar::Grammar;
#[cfg(test)]
use crate::text::parser::CallOption;
use crate::text::parser::{Ast, AstKind, parse};

/// What the two sides of a row have to do with each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Relation {
    /// Equal values: read and printed.
    Same,
    /// Equal values, but another row is what is printed.
    Reads,
    /// Values differ as the note says: refused, unless the nearest is asked for.
    Differs,
    /// Refused when read, for the reason in the note.
    Refused,
    /// Our operators, by name, that the dialect has no words for, for the reason in the note.
    Absent,
}

/// How full the windows of a dialect are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Window {
    /// As full as ours.
    Full,
    /// They count from their first value on, which is ours with `min_periods=1`.
    Partial,
    /// They count from their first value on, and only for a full one the two sides are equal.
    EqualWhenFull,
}

/// A line of a table, as it is written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    pub(super) theirs: &'static str,
    pub(super) ours: &'static str,
    pub(super) relation: Relation,
    /// What is to be known of it.
    pub(super) note: &'static str,
    /// A condition on the literals.
    pub(super) when: &'static str,
    /// How full their windows are, where ours must be.
    pub(super) window: Window,
    /// A flag that they write as a number.
    pub(super) coded: bool,
    /// Both sides can be told with how many known rows a window is content.
    pub(super) any_window: bool,
}

impl Row {
    const fn new(theirs: &'static str, ours: &'static str, relation: Relation, note: &'static str) -> Row {
        Row { theirs, ours, relation, note, when: "", window: Window::Full, coded: false, any_window: false }
    }

    pub(super) const fn note(self, note: &'static str) -> Row {
        Row { note, ..self }
    }

    pub(super) const fn when(self, when: &'static str) -> Row {
        Row { when, ..self }
    }

    pub(super) const fn partial(self) -> Row {
        Row { window: Window::Partial, ..self }
    }

    pub(super) const fn when_full(self) -> Row {
        Row { window: Window::EqualWhenFull, ..self }
    }

    pub(super) const fn coded(self) -> Row {
        Row { coded: true, ..self }
    }

    pub(super) const fn any_window(self) -> Row {
        Row { any_window: true, ..self }
    }
}

/// A call of ours, its window content with so many known rows.
pub(super) fn with_min_periods(ours: &str, least: &str) -> String {
    format!("{}, {MIN_PERIODS}={least})", ours.strip_suffix(')').unwrap_or(ours))
}

/// Both sides give equal values.
pub(super) const fn same(theirs: &'static str, ours: &'static str) -> Row {
    Row::new(theirs, ours, Relation::Same, "")
}

/// Theirs is read as ours, and never printed.
pub(super) const fn reads(theirs: &'static str, ours: &'static str) -> Row {
    Row::new(theirs, ours, Relation::Reads, "")
}

/// Ours is the nearest, and differs.
pub(super) const fn differs(theirs: &'static str, ours: &'static str, note: &'static str) -> Row {
    Row::new(theirs, ours, Relation::Differs, note)
}

/// Theirs has no place here.
pub(super) const fn refused(theirs: &'static str, note: &'static str) -> Row {
    Row::new(theirs, "", Relation::Refused, note)
}

/// Ours, several names, that the dialect cannot say.
pub(super) const fn absent(ours: &'static str, note: &'static str) -> Row {
    Row::new("", ours, Relation::Absent, note)
}

/// What an expression of a dialect gives there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    Number,
    Group,
    /// True or false, and unknown where the dialect knows that.
    Condition,
    /// A flag written as 1, 0 or missing.
    Coded,
}

/// What a name of one letter stands for in a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hole {
    Series(Sort),
    Whole,
    Literal,
}

/// The hole that a name is.
pub(super) fn hole(name: &str) -> Option<(u8, Hole)> {
    let &[letter] = name.as_bytes() else { return None };
    let hole = match letter {
        b'x' | b'y' | b'z' | b'w' => Hole::Series(Sort::Number),
        b'g' | b'e' => Hole::Series(Sort::Group),
        b'f' | b'h' => Hole::Series(Sort::Condition),
        b't' | b'u' => Hole::Series(Sort::Coded),
        b'd' | b'k' => Hole::Whole,
        b'a' | b'b' | b'c' => Hole::Literal,
        _ => return None,
    };
    Some((letter, hole))
}

/// What holes for series stand for: nodes of a tree, or of a graph.
#[derive(Debug, Clone)]
pub(super) struct Series<T>(Vec<(u8, T)>);

impl<T: Copy> Series<T> {
    pub(super) fn new() -> Self {
        Series(Vec::new())
    }

    pub(super) fn get(&self, letter: u8) -> Option<T> {
        self.0.iter().find(|known| known.0 == letter).map(|known| known.1)
    }

    /// Whether a hole may stand for this; `same` compares it with what the hole stood for before.
    pub(super) fn bind(&mut self, letter: u8, found: T, same: impl Fn(T, T) -> bool) -> bool {
        if let Some(known) = self.get(letter) {
            return same(known, found);
        }
        self.0.push((letter, found));
        true
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (u8, T)> + '_ {
        self.0.iter().copied()
    }
}

/// What a letter stands for in a pattern.
pub(super) fn hole_of(letter: u8) -> Option<Hole> {
    hole(std::str::from_utf8(&[letter]).ok()?).map(|(_, hole)| hole)
}

/// Literals that holes stand for, and where they were read.
#[derive(Debug, Clone, Default)]
pub(super) struct Literals(Vec<(u8, f64, usize)>);

impl Literals {
    pub(super) fn get(&self, letter: u8) -> Option<f64> {
        self.0.iter().find(|known| known.0 == letter).map(|known| known.1)
    }

    /// Where the literal was read.
    pub(super) fn place(&self, letter: u8) -> Option<usize> {
        self.0.iter().find(|known| known.0 == letter).map(|known| known.2)
    }

    /// Whether a hole may stand for this literal.
    pub(super) fn bind(&mut self, letter: u8, value: f64, offset: usize) -> bool {
        if let Some(known) = self.get(letter) {
            return close(known, value);
        }
        self.0.push((letter, value, offset));
        true
    }

    /// The value of arithmetic on literals, where every hole in it is known.
    pub(super) fn value(&self, pattern: &Ast) -> Option<f64> {
        match &pattern.kind {
            AstKind::Number(value) => Some(*value),
            AstKind::Name(name) => self.get(hole(name)?.0),
            AstKind::Call { name, arguments, .. } if name == "sqrt" => Some(self.value(arguments.first()?)?.sqrt()),
            AstKind::Operation { operator, operands } => {
                let left = self.value(operands.first()?)?;
                let right = operands.get(1).map(|operand| self.value(operand));
                Some(match (operator, right) {
                    (Operator::Neg, _) => -left,
                    (Operator::Add, Some(right)) => left + right?,
                    (Operator::Sub, Some(right)) => left - right?,
                    (Operator::Mul, Some(right)) => left * right?,
                    (Operator::Div, Some(right)) => left / right?,
                    _ => return None,
                })
            }
            _ => None,
        }
    }

    /// Whether arithmetic on literals can give `value`; a hole in it that is not known yet becomes known.
    pub(super) fn solve(&mut self, pattern: &Ast, value: f64, offset: usize) -> bool {
        if let Some(known) = self.value(pattern) {
            return close(known, value);
        }
        match &pattern.kind {
            AstKind::Name(name) => hole(name).is_some_and(|(letter, _)| self.bind(letter, value, offset)),
            AstKind::Operation { operator, operands } => {
                let right = operands.get(1).and_then(|operand| self.value(operand));
                let left = match (operator, right) {
                    (Operator::Neg, _) => -value,
                    (Operator::Add, Some(right)) => value - right,
                    (Operator::Sub, Some(right)) => value + right,
                    (Operator::Mul, Some(right)) => value / right,
                    (Operator::Div, Some(right)) => value * right,
                    _ => return false,
                };
                self.solve(&operands[0], left, offset)
            }
            _ => false,
        }
    }

    /// Whether a condition on literals holds.
    fn holds(&self, condition: &Ast) -> bool {
        let AstKind::Operation { operator, operands } = &condition.kind else { return false };
        if *operator == Operator::And {
            return operands.iter().all(|operand| self.holds(operand));
        }
        let (Some(left), Some(right)) = (self.value(&operands[0]), operands.get(1).and_then(|x| self.value(x))) else {
            return false;
        };
        match operator {
            Operator::Less => left < right,
            Operator::LessEqual => left <= right,
            Operator::Greater => left > right,
            Operator::GreaterEqual => left >= right,
            Operator::NotEqual => left != right,
            Operator::Equal => left == right,
            _ => false,
        }
    }
}

/// Equal but for the last digits, which a person leaves out.
fn close(left: f64, right: f64) -> bool {
    left == right || (left - right).abs() <= 1e-12 * left.abs().max(right.abs())
}

/// Whether a pattern is arithmetic on literals with a hole in it: it is never matched part by part.
pub(super) fn is_arithmetic(pattern: &Ast) -> bool {
    fn only_literals(pattern: &Ast, holes: &mut bool) -> bool {
        match &pattern.kind {
            AstKind::Number(_) => true,
            AstKind::Name(name) => {
                let literal = matches!(hole(name), Some((_, Hole::Whole | Hole::Literal)));
                *holes |= literal;
                literal
            }
            AstKind::Call { name, arguments, options } => {
                name == "sqrt" && options.is_empty() && arguments.iter().all(|inner| only_literals(inner, holes))
            }
            AstKind::Operation { operands, .. } => operands.iter().all(|inner| only_literals(inner, holes)),
            AstKind::Text(_) => false,
        }
    }
    let mut holes = false;
    only_literals(pattern, &mut holes) && holes
}

/// Nodes of a pattern that are no holes: of two patterns that fit, the larger says more.
fn size(pattern: &Ast) -> usize {
    match &pattern.kind {
        AstKind::Number(_) | AstKind::Text(_) => 1,
        AstKind::Name(name) => usize::from(hole(name).is_none()),
        AstKind::Call { arguments, options, .. } => {
            1 + arguments.iter().map(size).sum::<usize>() + options.iter().map(|x| 1 + size(&x.value)).sum::<usize>()
        }
        AstKind::Operation { operands, .. } => 1 + operands.iter().map(size).sum::<usize>(),
    }
}

/// A row whose sides were read.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) row: Row,
    pub(super) theirs: Option<Ast>,
    pub(super) ours: Option<Ast>,
    /// Our side with the option that windows of theirs need.
    pub(super) shown: String,
    when: Option<Ast>,
    /// What theirs gives there.
    pub(super) sort: Sort,
    /// Sizes of both sides.
    pub(super) sizes: (usize, usize),
}

impl Rule {
    /// Reads both sides of a row, theirs in their spelling.
    ///
    /// # Errors
    /// What is wrong with the row: a slip in this crate.
    pub(super) fn new(row: Row, grammar: &Grammar) -> Result<Rule, String> {
        let side = |text: &str, grammar: &Grammar| match text {
            "" => Ok(None),
            text => parse(text, grammar).map(Some).map_err(|error| error.to_string()),
        };
        let theirs = side(row.theirs, grammar)?;
        let ours = if row.relation == Relation::Absent { None } else { side(row.ours, Grammar::own())? };
        let when = side(row.when, Grammar::own())?;
        let sort = match &ours {
            None => Sort::Number,
            Some(ours) => match sort_of(ours)? {
                Sort::Condition if row.coded => Sort::Coded,
                sort => sort,
            },
        };
        let shown = match row.window {
            Window::Partial => with_min_periods(row.ours, "1"),
            Window::Full | Window::EqualWhenFull => row.ours.to_owned(),
        };
        let sizes = (theirs.as_ref().map_or(0, size), ours.as_ref().map_or(0, size));
        Ok(Rule { row, theirs, ours, shown, when, sort, sizes })
    }

    /// Whether the literals are such that the row applies.
    pub(super) fn applies(&self, literals: &Literals) -> bool {
        self.when.as_ref().is_none_or(|condition| literals.holds(condition))
    }

    /// The operator at the root of our side.
    pub(super) fn operator(&self) -> Option<Operator> {
        self.ours.as_ref().and_then(operator_of)
    }
}

/// The operator at the root of one of our patterns.
pub(super) fn operator_of(ours: &Ast) -> Option<Operator> {
    match &ours.kind {
        AstKind::Operation { operator, .. } => Some(*operator),
        AstKind::Call { name, .. } => Operator::by_name(name),
        _ => None,
    }
}

/// What one of our patterns gives.
fn sort_of(ours: &Ast) -> Result<Sort, String> {
    let of_definition = |definition: &Definition| match definition.output {
        Output::Flag => Sort::Condition,
        Output::Group => Sort::Group,
        Output::Number { .. } | Output::Fixed(_) => Sort::Number,
    };
    match &ours.kind {
        AstKind::Name(name) => Ok(match hole(name) {
            Some((_, Hole::Series(Sort::Coded))) => Sort::Condition,
            Some((_, Hole::Series(sort))) => sort,
            None if matches!(name.as_str(), "sector" | "industry" | "subindustry") => Sort::Group,
            _ => Sort::Number,
        }),
        AstKind::Number(_) => Ok(Sort::Number),
        _ => match operator_of(ours) {
            Some(operator) => Ok(of_definition(operator.definition())),
            None => Err("no operator of ours stands at the root".to_owned()),
        },
    }
}

/// Names of operators and options in one of our patterns that the registry lacks.
#[cfg(test)]
pub(super) fn unknown_words(ours: &Ast) -> Vec<String> {
    let mut unknown = Vec::new();
    let mut open = vec![ours];
    while let Some(ast) = open.pop() {
        match &ast.kind {
            AstKind::Call { name, arguments, options } => {
                open.extend(arguments);
                match Operator::by_name(name) {
                    None => unknown.push(name.clone()),
                    Some(operator) => {
                        let known = operator.definition().parameters;
                        let knows = |option: &CallOption| {
                            known.iter().any(|parameter| {
                                let word = match &option.value.kind {
                                    AstKind::Name(word) if hole(word).is_none() => parameter.value_of(word).is_some(),
                                    _ => true,
                                };
                                parameter.name == option.name && word
                            })
                        };
                        let lacks = options.iter().filter(|option| !knows(option));
                        unknown.extend(lacks.map(|option| format!("{name}({}=)", option.name)));
                    }
                }
            }
            AstKind::Operation { operands, .. } => open.extend(operands),
            _ => {}
        }
    }
    unknown
}
