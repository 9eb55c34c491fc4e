//! Nodes to a dialect's text: for every node the rule whose side of ours fits it, then the dialect's side, written out.

use std::collections::BTreeSet;

use super::flat::{Flat, FlatKind, FlatNode};
use super::read::min_periods;
use super::rule::{Hole, Literals, Relation, Rule, Sort, Window, hole, is_arithmetic, operator_of};
use super::table::Table;
use super::{Dialect, DialectError};
use crate::graph::MAX_NODES;
use crate::registry::Operator;
use crate::text::grammar::{Point, Statements};
use crate::text::parser::{Ast, AstKind, CONDITIONAL};
use crate::text::print_number;

/// Longest text that is printed: longer would not be read.
const MAX_LENGTH: usize = 60_000;
/// Levels of one expression; what is deeper becomes parts, where the dialect knows parts.
const MAX_HEIGHT: usize = 60;
/// Binds tighter than anything.
const ATOM: u8 = u8::MAX;

/// The rule that prints a node, and what its holes stand for.
struct Chosen {
    rule: &'static Rule,
    series: Vec<(u8, u16)>,
    literals: Literals,
    /// A window that must be full is printed as one that counts from its first value on.
    fills: bool,
}

/// A node, and whether it is wanted as a condition: a flag can be written in two ways.
type Wanted = (u16, bool);

/// Prints one graph.
pub(super) struct Writer<'a> {
    table: &'static Table,
    flat: &'a Flat,
    nearest: bool,
    /// By node and whether it is wanted as a condition.
    chosen: Vec<[Result<Chosen, DialectError>; 2]>,
    /// How often each is written.
    uses: Vec<[u32; 2]>,
    parts: Vec<[Option<String>; 2]>,
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
            text.push_str(&match self.table.grammar.statements {
                Statements::Lines => format!("{name} = {line}\n"),
                _ => format!("{name} = {line};\n"),
            });
        }
        self.write_chosen(root, 0, &mut text);
        if text.len() > MAX_LENGTH {
            return Err(self.refusal(root.0, &format!("its text would be longer than {MAX_LENGTH} bytes")));
        }
        Ok((text, self.notes(&order)))
    }

    fn node(&self, place: u16) -> &FlatNode {
        &self.flat.nodes[place as usize]
    }

    fn part(&self, (place, condition): Wanted) -> Option<&str> {
        self.parts[place as usize][usize::from(condition)].as_deref()
    }

    fn refusal(&self, place: u16, reason: &str) -> DialectError {
        DialectError { node: self.describe(place), dialect: self.table.dialect, reason: reason.to_owned() }
    }

    fn describe(&self, place: u16) -> String {
        match (&self.node(place).name, &self.node(place).kind) {
            (_, FlatKind::Operator(operator, _)) => operator.definition().name.to_owned(),
            (_, FlatKind::Field(name)) => name.to_string(),
            (_, FlatKind::Constant(value)) => print_number(*value),
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
            let mut chosen = Chosen { rule, series: Vec::new(), literals: Literals::default(), fills: false };
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
                let without = format!("{} has nothing that gives exactly this", self.table.dialect);
                self.refusal(place, self.table.absence(operator).unwrap_or(&without))
            }
        })
    }

    fn holes_can_be_written(&self, chosen: &Chosen) -> Result<(), DialectError> {
        let mut constants = 0;
        for &(letter, inner) in &chosen.series {
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
            if constants == chosen.series.len() || theirs.is_some_and(|theirs| self.calls_a_constant(theirs, chosen)) {
                let reason = "it works on a literal, which has no rows there";
                return Err(DialectError {
                    node: chosen.rule.operator().map_or("?", |operator| operator.definition().name).to_owned(),
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
                let found = chosen.series.iter().find(|known| known.0 == letter);
                found.is_some_and(|&(_, place)| matches!(self.node(place).kind, FlatKind::Constant(_)))
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
    fn column_of(&self, name: &str) -> Option<&'static Ast> {
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
                Some((letter, _)) => match chosen.series.iter().find(|known| known.0 == letter) {
                    Some(&(_, known)) => known == place,
                    None => {
                        chosen.series.push((letter, place));
                        true
                    }
                },
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
        options: &[crate::text::parser::CallOption],
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
                    word_value(parameter, word) == Some(value)
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
                    .map(|&(letter, inner)| {
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

    /// Names what is written more than once, or lies deep, where the dialect knows parts.
    fn name_parts(&mut self, order: &[Wanted], root: Wanted) -> Result<(), DialectError> {
        let parts = self.table.grammar.statements != Statements::One;
        let mut heights = vec![[0_usize; 2]; self.flat.nodes.len()];
        let mut taken: BTreeSet<String> = BTreeSet::new();
        for node in &self.flat.nodes {
            if let FlatKind::Field(name) = &node.kind {
                taken.insert(name.to_string());
            }
        }
        for &wanted in order {
            let (place, condition) = (wanted.0 as usize, usize::from(wanted.1));
            let Ok(chosen) = &self.chosen[place][condition] else { continue };
            let highest = |&(letter, inner): &(u8, u16)| {
                heights[inner as usize][usize::from(matches!(hole_of(letter), Some(Hole::Series(Sort::Condition))))]
            };
            let own = chosen.rule.theirs.as_ref().map_or(0, |theirs| theirs.height);
            let height = own + chosen.series.iter().map(highest).max().unwrap_or(0);
            heights[place][condition] = height;
            if height > MAX_HEIGHT && !parts {
                return Err(
                    self.refusal(wanted.0, &format!("its text would be nested more than {MAX_HEIGHT} levels deep"))
                );
            }
            if wanted != root && parts && (self.uses[place][condition] > 1 || height > MAX_HEIGHT - 10) {
                heights[place][condition] = 0;
                let name = self.free_name(wanted.0, &taken);
                taken.insert(name.clone());
                self.parts[place][condition] = Some(name);
            }
        }
        Ok(())
    }

    /// A name for a part: the one that a person gave it, or a number.
    fn free_name(&self, place: u16, taken: &BTreeSet<String>) -> String {
        let free = |name: &String| {
            !taken.contains(name)
                && hole(name).is_none()
                && !self.table.names().any(|known| known.trim_start_matches('.') == name)
                && !is_keyword(self.table, name)
        };
        let valid = |name: &String| {
            name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
                && name.as_bytes().first().is_some_and(u8::is_ascii_alphabetic)
        };
        let given = self.node(place).name.as_ref().map(ToString::to_string).filter(|name| valid(name) && free(name));
        given.unwrap_or_else(|| {
            let numbers = (1..=2 * MAX_NODES).map(|number| format!("part_{number}"));
            numbers.into_iter().find(free).unwrap_or_default()
        })
    }

    fn write(&self, wanted: Wanted, floor: u8, out: &mut String) {
        if out.len() > MAX_LENGTH {
            return;
        }
        match self.part(wanted) {
            Some(name) => out.push_str(name),
            None => self.write_chosen(wanted, floor, out),
        }
    }

    fn write_chosen(&self, wanted: Wanted, floor: u8, out: &mut String) {
        match &self.node(wanted.0).kind {
            FlatKind::Field(name) => match self.column_of(name) {
                Some(Ast { kind: AstKind::Name(theirs), .. }) => out.push_str(theirs),
                _ => {
                    if self.table.grammar.dollar {
                        out.push('$');
                    }
                    out.push_str(name);
                }
            },
            FlatKind::Constant(value) => self.write_number(*value, floor, out),
            FlatKind::Operator(..) => {
                if let Ok(chosen) = &self.chosen[wanted.0 as usize][usize::from(wanted.1)]
                    && let Some(theirs) = &chosen.rule.theirs
                {
                    self.write_pattern(theirs, chosen, floor, out);
                }
            }
        }
    }

    fn write_number(&self, value: f64, floor: u8, out: &mut String) {
        let minus = self.table.grammar.prefix("-").map_or(ATOM, |prefix| prefix.precedence);
        let brackets = value.is_sign_negative() && minus <= floor;
        let digits = print_number(value);
        out.push_str(&if brackets { format!("({digits})") } else { digits });
    }

    /// The dialect's side of a rule, with brackets where its grammar needs them.
    fn write_pattern(&self, pattern: &Ast, chosen: &Chosen, floor: u8, out: &mut String) {
        if let Some(value) = is_arithmetic(pattern).then(|| chosen.literals.value(pattern)).flatten() {
            return self.write_number(value, floor, out);
        }
        let grammar = &self.table.grammar;
        match &pattern.kind {
            AstKind::Number(value) => self.write_number(*value, floor, out),
            AstKind::Text(text) => out.push_str(text),
            AstKind::Name(name) => {
                let found = hole(name).and_then(|(letter, kind)| {
                    let inner = chosen.series.iter().find(|known| known.0 == letter)?.1;
                    Some((inner, kind == Hole::Series(Sort::Condition)))
                });
                match found {
                    Some(wanted) => self.write(wanted, floor, out),
                    None => out.push_str(name),
                }
            }
            AstKind::Operation { operator, operands } => {
                let infix = grammar.infix.iter().find(|infix| infix.operator == *operator && operands.len() == 2);
                let prefix = grammar.prefix.iter().find(|prefix| prefix.operator == *operator);
                let precedence = infix.map(|x| x.precedence).or(prefix.map(|x| x.precedence)).unwrap_or(ATOM);
                if precedence <= floor {
                    out.push('(');
                }
                match (infix, prefix, operands.as_slice()) {
                    (Some(infix), _, [left, right]) => {
                        let (left_floor, right_floor) =
                            if infix.from_right { (precedence, precedence - 1) } else { (precedence - 1, precedence) };
                        self.write_pattern(left, chosen, left_floor, out);
                        out.push(' ');
                        out.push_str(infix.symbol);
                        out.push(' ');
                        self.write_pattern(right, chosen, right_floor, out);
                    }
                    (_, Some(prefix), [operand]) => {
                        out.push_str(prefix.symbol);
                        self.write_pattern(operand, chosen, precedence - 1, out);
                    }
                    _ => {}
                }
                if precedence <= floor {
                    out.push(')');
                }
            }
            AstKind::Call { name, arguments, .. } if name == CONDITIONAL => {
                if floor > 0 {
                    out.push('(');
                }
                // Brackets round the condition, as everybody writes it.
                for (argument, (symbol, floor)) in arguments.iter().zip([("", ATOM - 1), (" ? ", 1), (" : ", 1)]) {
                    out.push_str(symbol);
                    self.write_pattern(argument, chosen, floor, out);
                }
                if floor > 0 {
                    out.push(')');
                }
            }
            AstKind::Call { name, arguments, options } => {
                if let ([Ast { kind: AstKind::Name(_), .. }], true) =
                    (arguments.as_slice(), grammar.numbered.contains(&name.as_str()))
                {
                    let number = chosen.literals.value(&arguments[0]).unwrap_or_default();
                    out.push_str(name);
                    return out.push_str(&print_number(number));
                }
                let method = grammar.point == Point::Methods && name.starts_with('.');
                let (receiver, arguments) = arguments.split_at(usize::from(method));
                if let Some(receiver) = receiver.first() {
                    self.write_pattern(receiver, chosen, ATOM - 1, out);
                }
                out.push_str(name);
                out.push('(');
                for (position, argument) in arguments.iter().enumerate() {
                    out.push_str(if position > 0 { ", " } else { "" });
                    self.write_pattern(argument, chosen, 0, out);
                }
                for (position, option) in options.iter().enumerate() {
                    out.push_str(if position + arguments.len() > 0 { ", " } else { "" });
                    out.push_str(&option.name);
                    out.push('=');
                    self.write_pattern(&option.value, chosen, 0, out);
                }
                out.push(')');
            }
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

fn hole_of(letter: u8) -> Option<Hole> {
    hole(std::str::from_utf8(&[letter]).ok()?).map(|(_, hole)| hole)
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

/// Words that cannot be names of parts or columns.
fn is_keyword(table: &Table, name: &str) -> bool {
    const PYTHON: [&str; 20] = [
        "and", "or", "not", "if", "else", "for", "in", "is", "lambda", "def", "class", "import", "return", "True",
        "False", "None", "np", "pd", "finite", "value",
    ];
    table.grammar.infix(name).is_some()
        || table.grammar.prefix(name).is_some()
        || (table.dialect == Dialect::Pandas && PYTHON.contains(&name))
}

/// The value that a word stands for.
fn word_value(_parameter: &crate::operator::Parameter, _word: &str) -> Option<f64> {
    None
}
