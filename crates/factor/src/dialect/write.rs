//! Nodes to a dialect's text: for every node the rule whose side of ours fits it, then the dialect's side, written out.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::DialectError;
use super::flat::{Flat, FlatKind, FlatNode};
use super::read::min_periods;
use super::rule::{Hole, Literals, Relation, Rule, Series, Sort, Window, hole, hole_of, is_arithmetic, operator_of};
use super::spell::is_keyword;
use super::table::Table;
use crate::operator::MIN_PERIODS;
use crate::registry::Operator;
use crate::text::grammar::Statements;
use crate::text::parser::{Ast, AstKind, CallOption};
use crate::text::print_number;

/// Longest text that is printed: longer would not be read.
pub(super) const MAX_LENGTH: usize = 60_000;

/// The rule that prints a node, and what its holes stand for.
pub(super) struct Chosen {
    pub(super) rule: &'static Rule,
    pub(super) series: Series<u16>,
    pub(super) literals: Literals,
    /// A window that must be full is printed as one that counts from its first value on.
    fills: bool,
}

/// A node, and whether it is wanted as a condition: a flag can be written in two ways.
pub(super) type Wanted = (u16, bool);

/// Prints one graph.
pub(super) struct Writer<'a> {
    pub(super) table: &'static Table,
    pub(super) flat: &'a Flat,
    nearest: bool,
    /// By node and whether it is wanted as a condition.
    pub(super) chosen: Vec<[Result<Chosen, DialectError>; 2]>,
    /// How often each is written.
    pub(super) uses: Vec<[u32; 2]>,
    pub(super) parts: Vec<[Option<String>; 2]>,
}

impl<'a> Writer<'a> {
    pub(super) fn new(table: &'static Table, flat: &'a Flat, nearest: bool) -> Self {
        let count = flat.nodes.len();
        Self {
            table,
            flat,
            nearest,
            chosen: Vec::with_capacity(count),
            uses: vec![[0; 2]; count],
            parts: (0..count).map(|_| [None, None]).collect(),
        }
    }

    /// The text, and what is to be known of it.
    pub(super) fn print(mut self, root: u16) -> Result<(String, Vec<String>), DialectError> {
        for place in 0..self.flat.nodes.len() {
            let condition = self.choose(place as u16, true);
            self.chosen.push([Err(self.refusal(place as u16, "is not looked at yet")), condition]);
            self.chosen[place][0] = self.choose(place as u16, false);
        }
        if self.table.needs_series && matches!(self.node(root).kind, FlatKind::Constant(_)) {
            return Err(self.refusal(root, "a literal alone has no rows there"));
        }
        let is_flag = self.flat.nodes[root as usize].is_flag;
        let root = (root, is_flag && self.chosen[root as usize][1].is_ok());
        let order = self.reached(root)?;
        self.name_parts(&order, root)?;
        let mut text = String::new();
        for &wanted in &order {
            if wanted == root || self.part(wanted).is_none() {
                continue;
            }
            let mut line = String::new();
            self.write_chosen(wanted, 0, &mut line);
            let name = self.part(wanted).unwrap_or_default();
            let end = if self.table.grammar.statements == Statements::Lines { "" } else { ";" };
            let _ = writeln!(text, "{name} = {line}{end}");
        }
        self.write_chosen(root, 0, &mut text);
        if text.len() > MAX_LENGTH {
            return Err(self.refusal(root.0, &format!("its text would be longer than {MAX_LENGTH} bytes")));
        }
        Ok((text, self.notes(&order)))
    }

    pub(super) fn node(&self, place: u16) -> &FlatNode {
        &self.flat.nodes[place as usize]
    }

    pub(super) fn part(&self, (place, condition): Wanted) -> Option<&str> {
        self.parts[place as usize][usize::from(condition)].as_deref()
    }

    pub(super) fn refusal(&self, place: u16, reason: &str) -> DialectError {
        DialectError { node: self.describe(place), dialect: self.table.dialect, reason: reason.to_owned() }
    }

    fn describe(&self, place: u16) -> String {
        match &self.node(place).kind {
            FlatKind::Operator(operator, _) => operator.definition().name.to_owned(),
            FlatKind::Field(name) => name.to_string(),
            FlatKind::Constant(value) => print_number(*value),
        }
    }

    /// The first rule that fits a node and whose holes can be written.
    fn choose(&self, place: u16, condition: bool) -> Result<Chosen, DialectError> {
        let node = self.node(place);
        let operator = match &node.kind {
            FlatKind::Operator(operator, _) => Some(*operator),
            FlatKind::Constant(value) if !value.is_finite() => {
                return Err(self.refusal(place, "a constant that is always missing has no spelling"));
            }
            _ => None,
        };
        if condition && !node.is_flag {
            return Err(self.refusal(place, "a number stands where a condition is needed"));
        }
        let mut reason = None;
        for &at in &self.table.to_print {
            let rule = &self.table.rules[at];
            let Some(ours) = &rule.ours else { continue };
            let wanted = match rule.sort {
                Sort::Condition => condition,
                Sort::Coded => node.is_flag && !condition,
                Sort::Number | Sort::Group => !node.is_flag,
            };
            // A hole alone on our side makes one spelling of a flag of the other.
            let bare = matches!(ours.kind, AstKind::Name(_)) && rule.sort == Sort::Coded;
            if !wanted || (!bare && operator_of(ours) != operator) || (operator.is_none() && bare) {
                continue;
            }
            let mut chosen = Chosen { rule, series: Series::new(), literals: Literals::default(), fills: false };
            if !self.matches(ours, place, &mut chosen) || !rule.applies(&chosen.literals) {
                continue;
            }
            if rule.row.relation == Relation::Differs && !self.nearest {
                reason.get_or_insert_with(|| {
                    self.refusal(
                        place,
                        &format!("`{}` is not exactly `{}`: {}", rule.row.theirs, rule.row.ours, rule.row.note),
                    )
                });
                continue;
            }
            match self.holes_can_be_written(&chosen) {
                Ok(()) => return Ok(chosen),
                // A smaller pattern may do without the part that cannot be said.
                Err(error) => reason = Some(error),
            }
        }
        if let Some(reason) = reason {
            return Err(reason);
        }
        Err(match operator {
            None => self.refusal(place, "it stands for itself"),
            Some(operator) => {
                let least = match &node.kind {
                    FlatKind::Operator(_, values) => operator.definition().min_periods(values),
                    _ => 0,
                };
                let without = match least {
                    0 => format!("{} has nothing that gives exactly this", self.table.dialect),
                    least => format!(
                        "{} has nothing that gives exactly this with `{MIN_PERIODS}={least}`",
                        self.table.dialect
                    ),
                };
                self.refusal(place, self.table.absence(operator).unwrap_or(&without))
            }
        })
    }

    fn holes_can_be_written(&self, chosen: &Chosen) -> Result<(), DialectError> {
        let mut constants = 0;
        for (letter, inner) in chosen.series.iter() {
            let condition = matches!(hole_of(letter), Some(Hole::Series(Sort::Condition)));
            match &self.node(inner).kind {
                FlatKind::Constant(value) if value.is_finite() => constants += 1,
                FlatKind::Constant(_) => {
                    return Err(self.refusal(inner, "a constant that is always missing has no spelling"));
                }
                FlatKind::Field(name) => self.column_can_be_written(inner, name)?,
                // A rule for a bare hole looks at the node's other spelling, which is known already.
                FlatKind::Operator(..) => {
                    if let Err(error) = &self.chosen[inner as usize][usize::from(condition)] {
                        return Err(error.clone());
                    }
                }
            }
        }
        if self.table.needs_series && constants > 0 {
            let theirs = chosen.rule.theirs.as_ref();
            if constants == chosen.series.iter().count()
                || theirs.is_some_and(|theirs| self.calls_a_constant(theirs, chosen))
            {
                let reason = "it works on a literal, which has no rows there";
                return Err(DialectError {
                    node: chosen.rule.operator().map_or_else(String::new, |found| found.definition().name.to_owned()),
                    dialect: self.table.dialect,
                    reason: reason.to_owned(),
                });
            }
        }
        Ok(())
    }

    /// Whether a pattern calls a method of a literal, or a function with nothing but one.
    fn calls_a_constant(&self, pattern: &Ast, chosen: &Chosen) -> bool {
        let constant = |ast: &Ast| match &ast.kind {
            AstKind::Name(name) => hole(name).is_some_and(|(letter, _)| {
                let found = chosen.series.get(letter);
                found.is_some_and(|place| matches!(self.node(place).kind, FlatKind::Constant(_)))
            }),
            _ => false,
        };
        match &pattern.kind {
            AstKind::Call { name, arguments, options } => {
                let method = name.starts_with('.') && arguments.iter().any(constant);
                method
                    || (!name.starts_with('.') && arguments.len() == 1 && constant(&arguments[0]))
                    || arguments.iter().any(|inner| self.calls_a_constant(inner, chosen))
                    || options.iter().any(|option| self.calls_a_constant(&option.value, chosen))
            }
            AstKind::Operation { operands, .. } => {
                operands.iter().all(constant) || operands.iter().any(|inner| self.calls_a_constant(inner, chosen))
            }
            _ => false,
        }
    }

    /// Whether a column's name would be read as something else.
    fn column_can_be_written(&self, place: u16, name: &str) -> Result<(), DialectError> {
        let grammar = &self.table.grammar;
        if self.column_of(name).is_some() || grammar.dollar {
            return Ok(());
        }
        let taken = self.table.names().any(|known| grammar.same_name(known, name))
            || grammar.numbered.iter().any(|word| {
                name.len() > word.len()
                    && name.get(..word.len()).is_some_and(|start| grammar.same_name(start, word))
                    && name[word.len()..].bytes().all(|byte| byte.is_ascii_digit())
            })
            || is_keyword(self.table, name);
        if taken {
            let dialect = self.table.dialect;
            return Err(self.refusal(place, &format!("a column of this name means something else in {dialect}")));
        }
        if grammar.case_blind && name.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(self.refusal(place, "names are the same in capitals there, and this one has capitals"));
        }
        Ok(())
    }

    /// How the dialect calls one of our columns, where it has a name of its own.
    pub(super) fn column_of(&self, name: &str) -> Option<&'static Ast> {
        self.table.rules.iter().find_map(|rule| match &rule.ours {
            Some(Ast { kind: AstKind::Name(known), .. }) if known == name && rule.row.relation == Relation::Same => {
                rule.theirs.as_ref()
            }
            _ => None,
        })
    }

    fn matches(&self, pattern: &Ast, place: u16, chosen: &mut Chosen) -> bool {
        let node = self.node(place);
        if is_arithmetic(pattern) {
            return matches!(node.kind, FlatKind::Constant(value) if value.is_finite() && chosen.literals.solve(pattern, value, 0));
        }
        match &pattern.kind {
            AstKind::Number(wanted) => matches!(node.kind, FlatKind::Constant(value) if value == *wanted),
            AstKind::Name(name) => match hole(name) {
                Some((letter, _)) => chosen.series.bind(letter, place, |known, found| known == found),
                None => matches!(&node.kind, FlatKind::Field(field) if **field == **name),
            },
            AstKind::Operation { operator, operands } => {
                let literal = operands.len() > node.inputs.len();
                let (inner, literals) = operands.split_at(if literal { node.inputs.len() } else { operands.len() });
                self.matches_operator(*operator, inner, literals, &[], place, chosen)
            }
            AstKind::Call { name, arguments, options } => {
                let Some(operator) = Operator::by_name(name) else { return false };
                let ports = operator.definition().inputs.len();
                if arguments.len() < ports {
                    return false;
                }
                let (inner, literals) = arguments.split_at(ports);
                self.matches_operator(operator, inner, literals, options, place, chosen)
            }
            AstKind::Text(_) => false,
        }
    }

    fn matches_operator(
        &self,
        wanted: Operator,
        inner: &[Ast],
        literals: &[Ast],
        options: &[CallOption],
        place: u16,
        chosen: &mut Chosen,
    ) -> bool {
        let node = self.node(place);
        let FlatKind::Operator(found, values) = &node.kind else { return false };
        if *found != wanted || inner.len() != node.inputs.len() {
            return false;
        }
        let definition = wanted.definition();
        let mut literals = literals.iter();
        for (index, (parameter, &value)) in definition.parameters.iter().zip(values.as_slice()).enumerate() {
            let option = options.iter().find(|option| option.name == parameter.name).map(|option| &option.value);
            let pattern = if parameter.option { option } else { option.or_else(|| literals.next()) };
            let fits = match pattern {
                Some(Ast { kind: AstKind::Name(word), .. }) if hole(word).is_none() => {
                    parameter.value_of(word) == Some(value)
                }
                Some(pattern) => chosen.literals.solve(pattern, value, 0),
                None if chosen.rule.row.window == Window::Partial
                    && Some(index) == min_periods(definition.parameters) =>
                {
                    chosen.fills = value != 1.0;
                    // Windows that count from some other number of values on are neither.
                    value == 1.0 || Some(value) == parameter.default
                }
                None => parameter.default == Some(value),
            };
            if !fits {
                return false;
            }
        }
        chosen.fills |= match chosen.rule.row.window {
            Window::Full => false,
            Window::Partial => min_periods(definition.parameters).is_none(),
            Window::EqualWhenFull => true,
        };
        let orders: &[[usize; 2]] =
            if definition.commutative && inner.len() == 2 { &[[0, 1], [1, 0]] } else { &[[0, 1]] };
        for order in orders {
            let (series, literals) = (chosen.series.clone(), chosen.literals.clone());
            let fits = inner.iter().enumerate().all(|(slot, pattern)| {
                let input = if inner.len() == 2 { order[slot] } else { slot };
                self.matches(pattern, node.inputs[input], chosen)
            });
            if fits {
                return true;
            }
            chosen.series = series;
            chosen.literals = literals;
        }
        false
    }

    /// Everything that is written, inputs before consumers.
    fn reached(&mut self, root: Wanted) -> Result<Vec<Wanted>, DialectError> {
        let mut reached = BTreeSet::new();
        let mut open = vec![root];
        while let Some(wanted) = open.pop() {
            if !reached.insert(wanted) {
                continue;
            }
            for (inner, times) in self.inner(wanted)? {
                self.uses[inner.0 as usize][usize::from(inner.1)] += times;
                open.push(inner);
            }
        }
        // A flag as a number is made of the condition of the same node: that comes first.
        let mut order: Vec<Wanted> = reached.into_iter().collect();
        order.sort_by_key(|&(place, condition)| (place, !condition));
        Ok(order)
    }

    /// What a node is written with, and how often each stands in its text.
    fn inner(&self, (place, condition): Wanted) -> Result<Vec<(Wanted, u32)>, DialectError> {
        match &self.node(place).kind {
            FlatKind::Field(name) => self.column_can_be_written(place, name).map(|()| Vec::new()),
            FlatKind::Constant(value) if value.is_finite() => Ok(Vec::new()),
            _ => match &self.chosen[place as usize][usize::from(condition)] {
                Err(error) => Err(error.clone()),
                Ok(chosen) => Ok(chosen
                    .series
                    .iter()
                    .map(|(letter, inner)| {
                        let condition = matches!(hole_of(letter), Some(Hole::Series(Sort::Condition)));
                        (
                            (inner, condition),
                            chosen.rule.theirs.as_ref().map_or(0, |theirs| occurrences(theirs, letter)),
                        )
                    })
                    .collect()),
            },
        }
    }

    /// What is to be known of the text, each once.
    fn notes(&self, order: &[Wanted]) -> Vec<String> {
        let mut notes: Vec<String> = Vec::new();
        for &(place, condition) in order {
            let Ok(chosen) = &self.chosen[place as usize][usize::from(condition)] else { continue };
            let row = &chosen.rule.row;
            let mut add = |note: String| {
                if !notes.contains(&note) {
                    notes.push(note);
                }
            };
            if row.relation == Relation::Differs {
                add(format!("`{}` is printed for `{}`: {}", row.theirs, row.ours, row.note));
            }
            if chosen.fills && chosen.literals.get(b'd') != Some(1.0) {
                let dialect = self.table.dialect;
                add(format!(
                    "{dialect} fills windows from their first value on and over gaps: equal only from the first full window on, without gaps"
                ));
            }
        }
        notes
    }
}

/// How often a hole stands in a pattern.
fn occurrences(pattern: &Ast, letter: u8) -> u32 {
    match &pattern.kind {
        AstKind::Name(name) => u32::from(hole(name).is_some_and(|(found, _)| found == letter)),
        AstKind::Call { arguments, options, .. } => {
            arguments.iter().map(|inner| occurrences(inner, letter)).sum::<u32>()
                + options.iter().map(|option| occurrences(&option.value, letter)).sum::<u32>()
        }
        AstKind::Operation { operands, .. } => operands.iter().map(|inner| occurrences(inner, letter)).sum(),
        AstKind::Number(_) | AstKind::Text(_) => 0,
    }
}
