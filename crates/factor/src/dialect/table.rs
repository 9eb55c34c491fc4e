//! The tables of all dialects, read once.

use std::sync::LazyLock;

use super::rule::{Relation, Row, Rule};
use super::{Dialect, alpha101, brain, pandas, qlib};
use crate::registry::Operator;
use crate::text::grammar::Grammar;
use crate::text::parser::{Ast, AstKind};

/// All that is known of a dialect.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) dialect: Dialect,
    pub(super) grammar: Grammar,
    /// In the order in which they are listed.
    pub(super) rules: Vec<Rule>,
    /// Places in `rules`, the larger of their patterns first.
    pub(super) to_read: Vec<usize>,
    /// Places in `rules`, the larger of our patterns first.
    pub(super) to_print: Vec<usize>,
    /// Operators need a series: a literal alone has no windows and no methods.
    pub(super) needs_series: bool,
    /// A window that is no whole number is rounded down.
    pub(super) floors_windows: bool,
}

/// What a dialect's own file says.
pub(super) struct Source {
    pub(super) grammar: Grammar,
    pub(super) rows: Vec<&'static [Row]>,
    pub(super) needs_series: bool,
    pub(super) floors_windows: bool,
}

impl Table {
    /// The table of a dialect.
    pub(super) fn of(dialect: Dialect) -> &'static Table {
        static TABLES: LazyLock<[Table; 4]> = LazyLock::new(|| Dialect::ALL.map(Table::read));
        &TABLES[dialect as usize]
    }

    fn read(dialect: Dialect) -> Table {
        let source = match dialect {
            Dialect::Pandas => pandas::source(),
            Dialect::Brain => brain::source(),
            Dialect::Alpha101 => alpha101::source(),
            Dialect::Qlib => qlib::source(),
        };
        let rules: Vec<Rule> = source
            .rows
            .iter()
            .flat_map(|rows| rows.iter())
            .map(|row| {
                Rule::new(*row, &source.grammar)
                    .unwrap_or_else(|error| panic!("{dialect}: `{}`, `{}`: {error}", row.theirs, row.ours))
            })
            .collect();
        let mut to_read: Vec<usize> = (0..rules.len()).filter(|&place| rules[place].theirs.is_some()).collect();
        // What is refused for its literals is looked at first.
        to_read.sort_by_key(|&place| {
            let row = &rules[place].row;
            let refused = row.relation == Relation::Refused && !row.when.is_empty();
            (!refused, std::cmp::Reverse(rules[place].sizes.0))
        });
        let printed = |rule: &Rule| matches!(rule.row.relation, Relation::Same | Relation::Differs);
        let mut to_print: Vec<usize> = (0..rules.len()).filter(|&place| printed(&rules[place])).collect();
        to_print.sort_by_key(|&place| {
            (rules[place].row.relation == Relation::Differs, std::cmp::Reverse(rules[place].sizes.1))
        });
        Table {
            dialect,
            grammar: source.grammar,
            rules,
            to_read,
            to_print,
            needs_series: source.needs_series,
            floors_windows: source.floors_windows,
        }
    }

    /// Why the dialect has no words for an operator.
    pub(super) fn absence(&self, operator: Operator) -> Option<&'static str> {
        let name = operator.definition().name;
        let absent = self.rules.iter().filter(|rule| rule.row.relation == Relation::Absent);
        let covers = |word: &str| match word.strip_suffix('*') {
            Some(start) => name.starts_with(start),
            None => word == name,
        };
        absent.map(|rule| rule.row).find(|row| row.ours.split(' ').any(covers)).map(|row| row.note)
    }

    /// Names that the dialect gives functions, methods and columns, as they are written there.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.rules.iter().filter_map(|rule| head(rule.theirs.as_ref()?))
    }
}

/// The name at the root of an expression.
pub(super) fn head(ast: &Ast) -> Option<&str> {
    match &ast.kind {
        AstKind::Call { name, .. } => Some(name),
        AstKind::Name(name) if super::rule::hole(name).is_none() => Some(name),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::rule::{Literals, unknown_words};
    use crate::graph::{FactorGraph, Kind};
    use crate::schema::Schema;
    use crate::text::parser::{CallOption, parse};
    use crate::text::{NamedFactors, tree_into};

    #[test]
    fn every_row_names_operators_that_there_are() {
        for dialect in Dialect::ALL {
            for rule in &Table::of(dialect).rules {
                let unknown = match (&rule.ours, rule.row.relation) {
                    (Some(ours), _) => unknown_words(ours),
                    (None, Relation::Absent) => {
                        let names = rule.row.ours.split(' ').filter(|name| !name.ends_with('*'));
                        names.filter(|name| Operator::by_name(name).is_none()).map(str::to_owned).collect()
                    }
                    _ => Vec::new(),
                };
                assert_eq!(unknown, Vec::<String>::new(), "{dialect}: `{}`", rule.row.ours);
            }
        }
    }

    /// One of our patterns with columns and literals in its holes.
    fn filled(pattern: &Ast) -> Ast {
        let kind = match &pattern.kind {
            AstKind::Name(name) => match name.as_str() {
                "f" | "t" => return sample("close > open"),
                "h" | "u" => return sample("is_nan(volume)"),
                "x" => AstKind::Name("close".to_owned()),
                "y" => AstKind::Name("open".to_owned()),
                "z" => AstKind::Name("high".to_owned()),
                "w" => AstKind::Name("low".to_owned()),
                "g" => AstKind::Name("sector".to_owned()),
                "e" => AstKind::Name("industry".to_owned()),
                "d" => AstKind::Number(20.0),
                "k" => AstKind::Number(2.0),
                "a" | "c" => AstKind::Number(0.25),
                "b" => AstKind::Number(0.75),
                _ => pattern.kind.clone(),
            },
            AstKind::Call { name, arguments, options } => AstKind::Call {
                name: name.clone(),
                arguments: arguments.iter().map(filled).collect(),
                options: options
                    .iter()
                    .map(|option| CallOption { value: filled(&option.value), ..option.clone() })
                    .collect(),
            },
            AstKind::Operation { operator, operands } => {
                AstKind::Operation { operator: *operator, operands: operands.iter().map(filled).collect() }
            }
            other => other.clone(),
        };
        let filled = Ast::new(kind, 0);
        match Literals::default().value(&filled) {
            Some(value) => Ast::new(AstKind::Number(value), 0),
            None => filled,
        }
    }

    fn sample(text: &str) -> Ast {
        parse(text, Grammar::own()).unwrap()
    }

    #[test]
    fn our_side_of_every_row_is_an_expression() {
        for dialect in Dialect::ALL {
            for rule in &Table::of(dialect).rules {
                let Some(ours) = &rule.ours else { continue };
                let mut graph = FactorGraph::new(Kind::Positions);
                let read = tree_into(&mut graph, &filled(ours), rule.row.ours, &Schema::open(), &NamedFactors::new());
                assert!(read.is_ok(), "{dialect}: {}\n{}", rule.row.theirs, read.unwrap_err());
            }
        }
    }
}
