//! A dialect's syntax tree to one of our vocabulary: rules of the table, matched from the root down.

use std::collections::HashMap;

use super::rule::{Hole, Literals, Relation, Row, Rule, Series, Sort, Window, hole, hole_of, is_arithmetic};
use super::table::Table;
use crate::error::{ParseError, nearest};
use crate::graph::MAX_NODES;
use crate::operator::{MIN_PERIODS, Parameter};
use crate::registry::Operator;
use crate::schema::Schema;
use crate::text::parser::{Ast, AstKind, CallOption};
use crate::types::Type;

/// The rule that says what a node means, and what its holes stand for.
pub(super) struct Chosen<'a> {
    pub(super) rule: &'static Rule,
    series: Series<&'a Ast>,
    literals: Literals,
}

impl Chosen<'_> {
    /// Where a fault is shown: what is wrong with a literal, at the literal.
    pub(super) fn place(&self, ast: &Ast) -> usize {
        let literals = b"dkcab".iter().filter_map(|&letter| self.literals.place(letter));
        literals.take(usize::from(!self.rule.row.when.is_empty())).next().unwrap_or(ast.offset)
    }
}

/// Reads the trees of one text.
pub(super) struct Reader<'a> {
    pub(super) table: &'static Table,
    pub(super) text: &'a str,
    pub(super) schema: &'a Schema,
    /// Named parts of the text so far.
    pub(super) parts: HashMap<String, Sort>,
    /// Read what differs as the nearest of ours, and say so here; `None` refuses it.
    pub(super) differences: Option<Vec<String>>,
    /// Nodes of the text that were put in our words so far: one that a rule names twice counts twice.
    pub(super) translated: usize,
}

/// What the nodes of one tree mean, by their addresses.
pub(super) struct Meanings<'a> {
    pub(super) chosen: HashMap<*const Ast, Chosen<'a>>,
}

impl Reader<'_> {
    /// The same in our vocabulary, and what it gives.
    ///
    /// # Errors
    /// At the place of what cannot be said here exactly, or is not known.
    pub(super) fn read(&mut self, tree: &Ast) -> Result<(Ast, Sort), ParseError> {
        let mut meanings = Meanings { chosen: HashMap::new() };
        // Inputs first, so that what a hole stands for is known before anybody asks.
        let mut open = vec![(tree, false)];
        while let Some((ast, inner_done)) = open.pop() {
            if inner_done {
                if let Some(chosen) = self.choose(ast, &meanings) {
                    meanings.chosen.insert(std::ptr::from_ref(ast), chosen);
                }
                continue;
            }
            open.push((ast, true));
            match &ast.kind {
                AstKind::Call { arguments, options, .. } => {
                    open.extend(arguments.iter().map(|inner| (inner, false)));
                    open.extend(options.iter().map(|option| (&option.value, false)));
                }
                AstKind::Operation { operands, .. } => open.extend(operands.iter().map(|inner| (inner, false))),
                _ => {}
            }
        }
        let sort = self.sort(tree, &meanings);
        Ok((self.translate(tree, &meanings)?, sort))
    }

    pub(super) fn error<T>(&self, offset: usize, message: impl Into<String>) -> Result<T, ParseError> {
        Err(ParseError { message: message.into(), offset, text: self.text.to_owned() })
    }

    fn choose<'b>(&self, ast: &'b Ast, meanings: &Meanings<'b>) -> Option<Chosen<'b>> {
        if matches!(&ast.kind, AstKind::Name(name) if self.parts.contains_key(name)) {
            return None;
        }
        let mut when_full = None;
        for &place in &self.table.to_read {
            let rule = &self.table.rules[place];
            let mut chosen = Chosen { rule, series: Series::new(), literals: Literals::default() };
            let fits = self.matches(rule.theirs.as_ref()?, ast, &mut chosen)
                && rule.applies(&chosen.literals)
                && chosen.series.iter().all(|(letter, inner)| self.fits(letter, inner, meanings));
            if !fits {
                continue;
            }
            // What is equal only for full windows may be read exactly part by part.
            let full = rule.row.window != Window::EqualWhenFull || chosen.literals.get(b'd') == Some(1.0);
            if !full && self.differences.is_none() {
                when_full.get_or_insert(chosen);
                continue;
            }
            let refused = rule.row.relation == Relation::Refused;
            return if refused { when_full.or(Some(chosen)) } else { Some(chosen) };
        }
        when_full
    }

    /// Whether a hole may stand for `inner`. Numbers are made of flags where needed.
    fn fits<'b>(&self, letter: u8, inner: &'b Ast, meanings: &Meanings<'b>) -> bool {
        let chosen = meanings.chosen.get(&std::ptr::from_ref(inner));
        let read = chosen.is_some_and(|chosen| chosen.rule.row.relation != Relation::Refused);
        if !read && matches!(inner.kind, AstKind::Call { .. } | AstKind::Operation { .. }) {
            return false;
        }
        let sort = self.sort(inner, meanings);
        match hole_of(letter) {
            // Python adds and compares truths in its own way: there, only rows that say so take a condition.
            Some(Hole::Series(Sort::Number)) => match sort {
                Sort::Group => false,
                Sort::Condition => !self.table.needs_series,
                Sort::Number | Sort::Coded => true,
            },
            Some(Hole::Series(wanted)) => sort == wanted,
            _ => false,
        }
    }

    pub(super) fn sort<'b>(&self, ast: &'b Ast, meanings: &Meanings<'b>) -> Sort {
        if let Some(chosen) = meanings.chosen.get(&std::ptr::from_ref(ast)) {
            return chosen.rule.sort;
        }
        match &ast.kind {
            AstKind::Name(name) => match (self.parts.get(name), self.column(name)) {
                (Some(sort), _) => *sort,
                (None, Some((_, Type::Group))) => Sort::Group,
                _ => Sort::Number,
            },
            _ => Sort::Number,
        }
    }

    fn matches<'b>(&self, pattern: &Ast, ast: &'b Ast, chosen: &mut Chosen<'b>) -> bool {
        let grammar = &self.table.grammar;
        if is_arithmetic(pattern) {
            let AstKind::Number(value) = ast.kind else { return false };
            let whole = matches!(&pattern.kind, AstKind::Name(name) if matches!(hole(name), Some((_, Hole::Whole))));
            // The paper: "non-integer number of days d is converted to floor(d)".
            let value = if whole && self.table.floors_windows { value.floor() } else { value };
            return chosen.literals.solve(pattern, value, ast.offset);
        }
        match (&pattern.kind, &ast.kind) {
            (AstKind::Name(name), kind) => match (hole(name), kind) {
                (Some(_), AstKind::Text(_)) => false,
                (Some((letter, _)), _) => chosen.series.bind(letter, ast, same_tree),
                (None, AstKind::Name(found)) => grammar.same_name(name, found),
                _ => false,
            },
            (AstKind::Number(wanted), AstKind::Number(found)) => wanted == found,
            (AstKind::Text(wanted), AstKind::Text(found)) => {
                wanted.split_whitespace().flat_map(str::chars).eq(found.split_whitespace().flat_map(str::chars))
            }
            (
                AstKind::Operation { operator: wanted, operands: patterns },
                AstKind::Operation { operator: found, operands },
            ) => {
                wanted == found
                    && patterns.len() == operands.len()
                    && patterns.iter().zip(operands).all(|(pattern, operand)| self.matches(pattern, operand, chosen))
            }
            (
                AstKind::Call { name: wanted, arguments: patterns, options: choices },
                AstKind::Call { name: found, arguments, options },
            ) => {
                grammar.same_name(wanted, found)
                    && patterns.len() == arguments.len()
                    && choices.len() == options.len()
                    && patterns.iter().zip(arguments).all(|(pattern, inner)| self.matches(pattern, inner, chosen))
                    && choices.iter().all(|choice| {
                        let found = options.iter().find(|option| grammar.same_name(&option.name, &choice.name));
                        found.is_some_and(|option| self.matches(&choice.value, &option.value, chosen))
                    })
            }
            _ => false,
        }
    }

    fn translate<'b>(&mut self, ast: &'b Ast, meanings: &Meanings<'b>) -> Result<Ast, ParseError> {
        self.translated += 1;
        if self.translated > MAX_NODES {
            // Rules that name an input twice, each inside the next, double what is written at every level.
            return self.error(ast.offset, format!("in our words the expression has more than {MAX_NODES} nodes"));
        }
        let Some(chosen) = meanings.chosen.get(&std::ptr::from_ref(ast)) else {
            return match &ast.kind {
                AstKind::Number(value) => Ok(Ast::new(AstKind::Number(*value), ast.offset)),
                AstKind::Text(quoted) => self.error(ast.offset, format!("{quoted} is no value")),
                AstKind::Name(name) => self.leaf(name, ast.offset),
                AstKind::Call { .. } | AstKind::Operation { .. } => self.unknown(ast, meanings),
            };
        };
        let row = &chosen.rule.row;
        let place = chosen.place(ast);
        let (Row { theirs, note, .. }, ours) = (row, &chosen.rule.shown);
        match (row.relation, &mut self.differences) {
            (Relation::Refused, _) => return self.error(place, row.note),
            (Relation::Differs, None) => {
                return self.error(place, format!("`{theirs}` is not exactly `{ours}`: {note}; {APPROXIMATE}"));
            }
            (Relation::Differs, Some(notes)) => {
                notes.push(format!("`{theirs}` is read as `{ours}`: {note}"));
            }
            _ => {}
        }
        let Some(ours) = &chosen.rule.ours else {
            return self.error(ast.offset, row.note);
        };
        let tree = self.instantiate(ours, chosen, ast.offset, meanings)?;
        if row.window != Window::Full && chosen.literals.get(b'd') != Some(1.0) && !fills(ours, row) {
            let (dialect, ours) = (self.table.dialect, row.ours);
            let difference = format!(
                "windows of {dialect} count from their first value on, and over gaps; those of `{ours}` must be full"
            );
            match &mut self.differences {
                Some(notes) => notes.push(difference),
                None => return self.error(ast.offset, format!("{difference}; {APPROXIMATE}")),
            }
        }
        Ok(tree)
    }

    /// Our side of a rule, with the holes filled.
    fn instantiate<'b>(
        &mut self,
        ours: &Ast,
        chosen: &Chosen<'b>,
        offset: usize,
        meanings: &Meanings<'b>,
    ) -> Result<Ast, ParseError> {
        if let Some(value) = is_arithmetic(ours).then(|| chosen.literals.value(ours)).flatten() {
            let at = match &ours.kind {
                AstKind::Name(name) => hole(name).and_then(|(letter, _)| chosen.literals.place(letter)),
                _ => None,
            };
            return Ok(Ast::new(AstKind::Number(value), at.unwrap_or(offset)));
        }
        let kind = match &ours.kind {
            AstKind::Name(name) => {
                let found = hole(name).and_then(|(letter, kind)| Some((kind, chosen.series.get(letter)?)));
                let Some((kind, inner)) = found else { return Ok(Ast { offset, ..ours.clone() }) };
                let tree = self.translate(inner, meanings)?;
                let is_flag = matches!(self.sort(inner, meanings), Sort::Condition | Sort::Coded);
                if !is_flag || kind != Hole::Series(Sort::Number) {
                    return Ok(tree);
                }
                let at = tree.offset;
                return Ok(Ast::new(
                    AstKind::Call { name: "num".to_owned(), arguments: vec![tree], options: Vec::new() },
                    at,
                ));
            }
            AstKind::Call { name, arguments, options } => AstKind::Call {
                name: name.clone(),
                arguments: arguments
                    .iter()
                    .map(|inner| self.instantiate(inner, chosen, offset, meanings))
                    .collect::<Result<_, _>>()?,
                options: self.options(name, options, chosen, offset, meanings)?,
            },
            AstKind::Operation { operator, operands } => AstKind::Operation {
                operator: *operator,
                operands: operands
                    .iter()
                    .map(|inner| self.instantiate(inner, chosen, offset, meanings))
                    .collect::<Result<_, _>>()?,
            },
            AstKind::Number(_) | AstKind::Text(_) => ours.kind.clone(),
        };
        Ok(Ast::new(kind, offset))
    }

    /// The options of one call on our side.
    fn options<'b>(
        &mut self,
        name: &str,
        options: &[CallOption],
        chosen: &Chosen<'b>,
        offset: usize,
        meanings: &Meanings<'b>,
    ) -> Result<Vec<CallOption>, ParseError> {
        let mut filled: Vec<CallOption> = Vec::with_capacity(options.len() + 1);
        for option in options {
            let value = match option.value.kind {
                // A word such as `pct` is no column.
                AstKind::Name(ref word) if hole(word).is_none() => Ast { offset, ..option.value.clone() },
                _ => self.instantiate(&option.value, chosen, offset, meanings)?,
            };
            filled.push(CallOption { name: option.name.clone(), offset, value, value_offset: offset });
        }
        let row = &chosen.rule.row;
        let window = Operator::by_name(name).and_then(|operator| min_periods(operator.definition().parameters));
        if row.window == Window::Partial && window.is_some() && chosen.literals.get(b'd') != Some(1.0) {
            let value = Ast::new(AstKind::Number(1.0), offset);
            filled.push(CallOption { name: MIN_PERIODS.to_owned(), offset, value, value_offset: offset });
        }
        Ok(filled)
    }

    /// A column by its name in the dialect.
    fn column(&self, name: &str) -> Option<(String, Type)> {
        let name = if self.table.grammar.dollar { name.strip_prefix('$')? } else { name };
        if let Some((field, kind)) = self.schema.get(name).filter(|_| !self.table.grammar.case_blind) {
            return Some((field.to_string(), kind));
        }
        let same = |field: &str| self.table.grammar.same_name(field, name);
        let known = self.schema.fields().find(|(field, _)| same(field)).map(|(field, kind)| (field.to_string(), kind));
        known.or_else(|| {
            let lower = if self.table.grammar.case_blind { name.to_lowercase() } else { name.to_owned() };
            self.schema.get(&lower).map(|(field, kind)| (field.to_string(), kind))
        })
    }

    pub(super) fn leaf(&self, name: &str, offset: usize) -> Result<Ast, ParseError> {
        if self.parts.contains_key(name) {
            return Ok(Ast::new(AstKind::Name(name.to_owned()), offset));
        }
        if let Some((field, _)) = self.column(name) {
            return Ok(Ast::new(AstKind::Name(field), offset));
        }
        let dialect = self.table.dialect;
        if self.table.grammar.dollar && !name.starts_with('$') {
            let hint = match self.schema.get(name) {
                Some(_) => format!("write `${name}`"),
                None => "columns are written `$close`".to_owned(),
            };
            return self.error(offset, format!("no value is called `{name}` in {dialect}; {hint}"));
        }
        if self.table.names().any(|known| self.table.grammar.same_name(known, name)) {
            return self.error(offset, format!("`{name}` is a function of {dialect}: write `{name}(...)`"));
        }
        let mut names: Vec<&str> = self.schema.fields().map(|(field, _)| &**field).collect();
        names.extend(self.parts.keys().map(String::as_str));
        names.sort_unstable();
        let bare = name.strip_prefix('$').unwrap_or(name);
        let hint = match nearest(bare, names.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("there are {}", names.join(", ")),
        };
        self.error(offset, format!("no column or part is called `{bare}`; {hint}"))
    }
}

const APPROXIMATE: &str = "--approximate takes it for that";

/// Where an operator's parameters have the option for windows that need not be full.
pub(super) fn min_periods(parameters: &[Parameter]) -> Option<usize> {
    parameters.iter().position(|parameter| parameter.name == MIN_PERIODS)
}

/// Whether our side can say that windows count from their first value on: its operator has the option.
fn fills(ours: &Ast, row: &Row) -> bool {
    let has_option = |name: &str| {
        Operator::by_name(name).is_some_and(|operator| min_periods(operator.definition().parameters).is_some())
    };
    row.window == Window::Partial
        && match &ours.kind {
            AstKind::Call { name, arguments, .. } => {
                has_option(name) || arguments.iter().any(|inner| fills(inner, row))
            }
            AstKind::Operation { operands, .. } => operands.iter().any(|inner| fills(inner, row)),
            _ => false,
        }
}

/// Whether two trees are one but for where they stand.
fn same_tree(left: &Ast, right: &Ast) -> bool {
    let all = |left: &[Ast], right: &[Ast]| {
        left.len() == right.len() && left.iter().zip(right).all(|(left, right)| same_tree(left, right))
    };
    match (&left.kind, &right.kind) {
        (
            AstKind::Call { name: left, arguments: left_inner, options: left_options },
            AstKind::Call { name: right, arguments: right_inner, options: right_options },
        ) => {
            left == right
                && all(left_inner, right_inner)
                && left_options.len() == right_options.len()
                && left_options
                    .iter()
                    .zip(right_options)
                    .all(|(left, right)| left.name == right.name && same_tree(&left.value, &right.value))
        }
        (
            AstKind::Operation { operator: left, operands: left_inner },
            AstKind::Operation { operator: right, operands: right_inner },
        ) => left == right && all(left_inner, right_inner),
        (left, right) => left == right,
    }
}
