//! The text of chosen rules: parts and their names, brackets where the grammar needs them, methods, options.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::flat::FlatKind;
use super::rule::{Hole, Sort, hole, hole_of, is_arithmetic};
use super::table::Table;
use super::write::{Chosen, MAX_LENGTH, Wanted, Writer};
use super::{Dialect, DialectError};
use crate::text::grammar::{Point, Statements};
use crate::text::parser::{Ast, AstKind, CONDITIONAL};
use crate::text::print_number;

/// Levels of one expression; what is deeper becomes parts, where the dialect knows parts.
const MAX_HEIGHT: usize = 60;
/// Binds tighter than anything.
const ATOM: u8 = u8::MAX;

impl Writer<'_> {
    /// Names what is written more than once, lies deep, or has a name of its own, where the dialect knows parts.
    pub(super) fn name_parts(&mut self, order: &[Wanted], root: Wanted) -> Result<(), DialectError> {
        let parts = self.table.grammar.statements != Statements::One;
        let mut heights = vec![[0_usize; 2]; self.flat.nodes.len()];
        let mut taken: BTreeSet<String> = BTreeSet::new();
        let mut number = 0;
        for node in &self.flat.nodes {
            if let FlatKind::Field(name) = &node.kind {
                taken.insert(name.to_string());
            }
        }
        for &wanted in order {
            let (place, condition) = (wanted.0 as usize, usize::from(wanted.1));
            let Ok(chosen) = &self.chosen[place][condition] else { continue };
            let highest = |(letter, inner): (u8, u16)| {
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
            let named = self.node(wanted.0).name.is_some();
            if wanted != root && parts && (self.uses[place][condition] > 1 || height > MAX_HEIGHT - 10 || named) {
                heights[place][condition] = 0;
                let name = self.free_name(wanted.0, &taken, &mut number);
                taken.insert(name.clone());
                self.parts[place][condition] = Some(name);
            }
        }
        Ok(())
    }

    /// A name for a part: the one that a person gave it, or the next number.
    fn free_name(&self, place: u16, taken: &BTreeSet<String>, number: &mut u32) -> String {
        let free = |name: &str| {
            !taken.contains(name)
                && hole(name).is_none()
                && !self.table.names().any(|known| known.trim_start_matches('.') == name)
                && !is_keyword(self.table, name)
        };
        let valid = |name: &str| {
            name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
                && name.as_bytes().first().is_some_and(u8::is_ascii_alphabetic)
        };
        let given = self.node(place).name.as_deref().filter(|name| valid(name) && free(name));
        given.map_or_else(
            || loop {
                *number += 1;
                let name = format!("part_{number}");
                if free(&name) {
                    break name;
                }
            },
            str::to_owned,
        )
    }

    pub(super) fn write(&self, wanted: Wanted, floor: u8, out: &mut String) {
        if out.len() > MAX_LENGTH {
            return;
        }
        match self.part(wanted) {
            Some(name) => out.push_str(name),
            None => self.write_chosen(wanted, floor, out),
        }
    }

    pub(super) fn write_chosen(&self, wanted: Wanted, floor: u8, out: &mut String) {
        match &self.node(wanted.0).kind {
            FlatKind::Field(name) => {
                if let Some(Ast { kind: AstKind::Name(theirs), .. }) = self.column_of(name) {
                    return out.push_str(theirs);
                }
                if self.table.grammar.dollar {
                    out.push('$');
                }
                out.push_str(name);
            }
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
        let _ = if brackets { write!(out, "({digits})") } else { write!(out, "{digits}") };
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
                    Some((chosen.series.get(letter)?, kind == Hole::Series(Sort::Condition)))
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
}

/// Words that cannot be names of parts or columns.
pub(super) fn is_keyword(table: &Table, name: &str) -> bool {
    const PYTHON: [&str; 20] = [
        "and", "or", "not", "if", "else", "for", "in", "is", "lambda", "def", "class", "import", "return", "True",
        "False", "None", "np", "pd", "finite", "value",
    ];
    table.grammar.infix(name).is_some()
        || table.grammar.prefix(name).is_some()
        || (table.dialect == Dialect::Pandas && PYTHON.contains(&name))
}
