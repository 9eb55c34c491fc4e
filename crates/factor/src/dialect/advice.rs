//! What is said of a text that no rule of the table fits.

use super::read::{Meanings, Reader};
use super::rule::{Relation, Rule, Sort};
use super::table::Table;
use crate::error::{ParseError, nearest};
use crate::registry::Operator;
use crate::text::grammar::Point;
use crate::text::parser::{Ast, AstKind, MODULES};

impl Reader<'_> {
    /// Says why no rule fits.
    pub(super) fn unknown<'b, T>(&self, ast: &'b Ast, meanings: &Meanings<'b>) -> Result<T, ParseError> {
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
        if forms.iter().all(never) {
            return self.error(ast.offset, forms[0].row.note);
        }
        let mut shown: Vec<String> = Vec::new();
        for rule in forms.iter().filter(|rule| rule.row.relation != Relation::Refused) {
            let form = format!("`{}`", rule.row.theirs);
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

impl Table {
    /// How the dialect writes an operator between operands.
    fn symbol(&self, operator: Operator) -> String {
        let infix = self.grammar.infix.iter().find(|infix| infix.operator == operator).map(|infix| infix.symbol);
        let prefix = || self.grammar.prefix.iter().find(|prefix| prefix.operator == operator).map(|x| x.symbol);
        infix.or_else(prefix).unwrap_or(operator.definition().name).to_owned()
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
                .filter(|rule| rule.operator() == Some(operator) && rule.row.relation == Relation::Same)
                .min_by_key(|rule| rule.sizes.1);
            return match theirs {
                Some(rule) => format!("`{bare}` is our name; in {dialect} it is `{}`", rule.row.theirs),
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
