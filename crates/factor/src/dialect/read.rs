//! A dialect's syntax tree to one of our vocabulary: rules of the table, matched from the root down.

use std::collections::HashMap;

use super::rule::{Hole, Literals, Relation, Row, Rule, Sort, Window, hole, is_arithmetic};
use super::table::Table;
use crate::error::{ParseError, nearest};
use crate::operator::Parameter;
use crate::registry::Operator;
use crate::schema::Schema;
use crate::text::grammar::Point;
use crate::text::parser::{Ast, AstKind, CallOption, MODULES};
use crate::types::Type;

/// The rule that says what a node means, and what its holes stand for.
struct Chosen<'a> {
    rule: &'static Rule,
    series: Vec<(u8, &'a Ast)>,
    literals: Literals,
}

impl Chosen<'_> {
    /// Where a fault is shown: what is wrong with a literal, at the literal.
    fn place(&self, ast: &Ast) -> usize {
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
}

/// What the nodes of one tree mean, by their addresses.
struct Meanings<'a> {
    chosen: HashMap<*const Ast, Chosen<'a>>,
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

    fn error<T>(&self, offset: usize, message: impl Into<String>) -> Result<T, ParseError> {
        Err(ParseError { message: message.into(), offset, text: self.text.to_owned() })
    }

    fn choose<'b>(&self, ast: &'b Ast, meanings: &Meanings<'b>) -> Option<Chosen<'b>> {
        if matches!(&ast.kind, AstKind::Name(name) if self.parts.contains_key(name)) {
            return None;
        }
        self.table.to_read.iter().find_map(|&place| {
            let rule = &self.table.rules[place];
            let mut chosen = Chosen { rule, series: Vec::new(), literals: Literals::default() };
            let fits = self.matches(rule.theirs.as_ref()?, ast, &mut chosen)
                && rule.applies(&chosen.literals)
                && chosen.series.iter().all(|&(letter, inner)| self.fits(letter, inner, meanings));
            fits.then_some(chosen)
        })
    }

    /// Whether a hole may stand for `inner`. Numbers are made of flags where needed.
    fn fits<'b>(&self, letter: u8, inner: &'b Ast, meanings: &Meanings<'b>) -> bool {
        let chosen = meanings.chosen.get(&std::ptr::from_ref(inner));
        let read = chosen.is_some_and(|chosen| chosen.rule.row.relation != Relation::Refused);
        if !read && matches!(inner.kind, AstKind::Call { .. } | AstKind::Operation { .. }) {
            return false;
        }
        let sort = self.sort(inner, meanings);
        match hole(std::str::from_utf8(&[letter]).unwrap_or_default()) {
            // Python adds and compares truths in its own way: there, only rows that say so take a condition.
            Some((_, Hole::Series(Sort::Number))) => match sort {
                Sort::Group => false,
                Sort::Condition => !self.table.needs_series,
                Sort::Number | Sort::Coded => true,
            },
            Some((_, Hole::Series(wanted))) => sort == wanted,
            _ => false,
        }
    }

    fn sort<'b>(&self, ast: &'b Ast, meanings: &Meanings<'b>) -> Sort {
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
            let value = if whole && grammar.case_blind { value.floor() } else { value };
            return chosen.literals.solve(pattern, value, ast.offset);
        }
        match (&pattern.kind, &ast.kind) {
            (AstKind::Name(name), kind) => match (hole(name), kind) {
                (Some(_), AstKind::Text(_)) => false,
                (Some((letter, _)), _) => match chosen.series.iter().find(|known| known.0 == letter) {
                    Some((_, known)) => same_tree(known, ast),
                    None => {
                        chosen.series.push((letter, ast));
                        true
                    }
                },
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
        let spelled = self.table.spelled(row.theirs);
        match (row.relation, &mut self.differences) {
            (Relation::Refused, _) => return self.error(place, row.note),
            (Relation::Differs, None) => {
                return self
                    .error(place, format!("{spelled} is not exactly `{}`: {}; {APPROXIMATE}", row.ours, row.note));
            }
            (Relation::Differs, Some(notes)) => {
                notes.push(format!("{spelled} is read as `{}`: {}", row.ours, row.note))
            }
            _ => {}
        }
        let Some(ours) = &chosen.rule.ours else {
            return self.error(ast.offset, row.note);
        };
        let tree = self.instantiate(ours, chosen, ast.offset, meanings)?;
        if row.window == Window::Full || chosen.literals.get(b'd') == Some(1.0) {
            return Ok(tree);
        }
        self.partial(tree, row)
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
                let found = hole(name).and_then(|(letter, kind)| {
                    let inner = chosen.series.iter().find(|known| known.0 == letter)?.1;
                    Some((kind, inner))
                });
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
                options: options
                    .iter()
                    .map(|option| {
                        // A word such as `pct` is no column.
                        let value = match option.value.kind {
                            AstKind::Name(ref word) if hole(word).is_none() => Ast { offset, ..option.value.clone() },
                            _ => self.instantiate(&option.value, chosen, offset, meanings)?,
                        };
                        Ok(CallOption { name: option.name.clone(), offset, value })
                    })
                    .collect::<Result<_, ParseError>>()?,
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

    /// Has the window at the root count from its first value on.
    fn partial(&mut self, mut tree: Ast, row: &Row) -> Result<Ast, ParseError> {
        let offset = tree.offset;
        if let Some((operator, options)) = windowed(&mut tree)
            && row.window == Window::Partial
            && min_periods(operator.definition().parameters).is_some()
        {
            let value = Ast::new(AstKind::Number(1.0), offset);
            options.push(CallOption { name: MIN_PERIODS.to_owned(), offset, value });
            return Ok(tree);
        }
        let (dialect, ours) = (self.table.dialect, row.ours);
        let difference = format!(
            "windows of {dialect} count from their first value on, and over gaps; those of `{ours}` must be full"
        );
        match &mut self.differences {
            Some(notes) => {
                notes.push(difference);
                Ok(tree)
            }
            None => self.error(offset, format!("{difference}; {APPROXIMATE}")),
        }
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

    fn leaf(&self, name: &str, offset: usize) -> Result<Ast, ParseError> {
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

    /// Says why no rule fits.
    fn unknown<'b, T>(&self, ast: &'b Ast, meanings: &Meanings<'b>) -> Result<T, ParseError> {
        let dialect = self.table.dialect;
        // Inputs that cannot be read are the better answer.
        let inner = match &ast.kind {
            AstKind::Call { arguments, .. } => arguments,
            AstKind::Operation { operands, .. } => operands,
            _ => return self.error(ast.offset, "this is no value"),
        };
        let forms: Vec<&Rule> = self.table.to_read.iter().map(|&place| &self.table.rules[place]).collect();
        let (what, forms): (String, Vec<&Rule>) = match &ast.kind {
            AstKind::Call { name, .. } => {
                let same = |rule: &&Rule| {
                    matches!(&rule.theirs, Some(Ast { kind: AstKind::Call { name: known, .. }, .. })
                        if self.table.grammar.same_name(known, name))
                };
                (name.clone(), forms.into_iter().filter(same).collect())
            }
            AstKind::Operation { operator, .. } => {
                let same = |rule: &&Rule| {
                    matches!(&rule.theirs, Some(Ast { kind: AstKind::Operation { operator: known, .. }, .. })
                        if known == operator)
                };
                (self.table.symbol(*operator), forms.into_iter().filter(same).collect())
            }
            _ => (String::new(), Vec::new()),
        };
        if forms.is_empty() {
            return self.error(ast.offset, self.table.unknown_name(&what));
        }
        for argument in inner {
            let chosen = meanings.chosen.get(&std::ptr::from_ref(argument));
            if let Some(chosen) = chosen.filter(|chosen| chosen.rule.row.relation == Relation::Refused) {
                return self.error(chosen.place(argument), chosen.rule.row.note);
            }
            if chosen.is_none() {
                match &argument.kind {
                    AstKind::Call { .. } | AstKind::Operation { .. } => return self.unknown(argument, meanings),
                    AstKind::Name(name) => {
                        self.leaf(name, argument.offset)?;
                    }
                    _ => {}
                }
            }
        }
        let given: Vec<&str> = match &ast.kind {
            AstKind::Call { options, .. } => options.iter().map(|option| option.name.as_str()).collect(),
            _ => Vec::new(),
        };
        let never = |rule: &&Rule| {
            let options = match rule.theirs.as_ref().map(|theirs| &theirs.kind) {
                Some(AstKind::Call { options, .. }) => options.as_slice(),
                _ => &[],
            };
            rule.row.relation == Relation::Refused && options.iter().all(|option| given.contains(&option.name.as_str()))
        };
        if forms.iter().all(|rule| never(rule)) {
            return self.error(ast.offset, forms[0].row.note);
        }
        let mut shown: Vec<String> = Vec::new();
        for rule in forms.iter().filter(|rule| rule.row.relation != Relation::Refused) {
            let form = self.table.spelled(rule.row.theirs);
            if rule.sizes.0 <= forms.iter().map(|rule| rule.sizes.0).min().unwrap_or(0) + 2 && !shown.contains(&form) {
                shown.push(form);
            }
        }
        shown.truncate(6);
        let sorts: Vec<&str> = inner.iter().map(|inner| describe(self.sort(inner, meanings), inner)).collect();
        let given = if sorts.is_empty() { "nothing".to_owned() } else { sorts.join(", ") };
        let known = if shown.is_empty() {
            format!("`evoquant ops --dialect {dialect}` lists what is")
        } else {
            format!("it is read as {}", shown.join(" or "))
        };
        self.error(ast.offset, format!("`{what}` of {dialect} is not read with ({given}); {known}"))
    }
}

const APPROXIMATE: &str = "--approximate takes it for that";

/// The name of the option for windows that need not be full.
pub(super) const MIN_PERIODS: &str = "min_periods";

/// Where an operator's parameters have the option for windows that need not be full.
pub(super) fn min_periods(parameters: &[Parameter]) -> Option<usize> {
    parameters.iter().position(|parameter| parameter.name == MIN_PERIODS)
}

/// The first operator from the root down that has a window, and its options.
fn windowed(tree: &mut Ast) -> Option<(Operator, &mut Vec<CallOption>)> {
    match &mut tree.kind {
        AstKind::Call { name, options, .. } => Some((Operator::by_name(name)?, options)),
        AstKind::Operation { operands, .. } => operands.iter_mut().find_map(windowed),
        _ => None,
    }
}

fn describe(sort: Sort, ast: &Ast) -> &'static str {
    match (sort, &ast.kind) {
        (_, AstKind::Number(_)) => "a literal",
        (_, AstKind::Text(_)) => "a text",
        (Sort::Number, _) => "a number",
        (Sort::Group, _) => "a group",
        (Sort::Condition, _) => "a condition",
        (Sort::Coded, _) => "a flag as a number",
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

impl Table {
    /// How the dialect writes an operator between operands.
    fn symbol(&self, operator: Operator) -> String {
        let infix = self.grammar.infix.iter().find(|infix| infix.operator == operator).map(|infix| infix.symbol);
        let prefix = || self.grammar.prefix.iter().find(|prefix| prefix.operator == operator).map(|x| x.symbol);
        infix.or_else(prefix).unwrap_or(operator.definition().name).to_owned()
    }

    /// A pattern as it is shown to people.
    pub(super) fn spelled(&self, theirs: &str) -> String {
        format!("`{theirs}`")
    }

    /// The message for a function that the dialect does not have.
    fn unknown_name(&self, name: &str) -> String {
        let dialect = self.dialect;
        let bare = name.trim_start_matches('.');
        let known: Vec<&str> = self.names().collect();
        let found = format!("{dialect} has no function `{bare}` that is known here");
        if let Some(operator) = Operator::by_name(bare) {
            let theirs = self
                .to_print
                .iter()
                .map(|&place| &self.rules[place])
                .find(|rule| rule.operator() == Some(operator) && rule.row.relation == Relation::Same);
            return match theirs {
                Some(rule) => format!("`{bare}` is our name; in {dialect} it is {}", self.spelled(rule.row.theirs)),
                None => format!("`{bare}` is our name: leave out --dialect {dialect} to use it"),
            };
        }
        if let Some((other, ours)) = super::meaning(bare, Some(dialect)) {
            return format!("{found}; `{bare}` of {other} is `{ours}` in our text");
        }
        let module = |name: &str| MODULES.iter().any(|module| name.starts_with(&format!("{module}.")));
        let comparable = known.iter().filter(|known| {
            self.grammar.point != Point::Methods || (known.starts_with('.') == name.starts_with('.')) || module(known)
        });
        match nearest(bare, comparable.map(|known| known.trim_start_matches('.'))) {
            Some(near) => format!("{found}; did you mean `{near}`?"),
            None => format!("{found}; `evoquant ops --dialect {dialect}` lists all there are"),
        }
    }
}
