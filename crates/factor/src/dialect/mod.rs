//! The spelling and the meaning of others: pandas, `WorldQuant` BRAIN, the 101 Formulaic Alphas, qlib.
//!
//! A dialect is a table of rows, each saying the same twice: as the dialect writes it, and as we do. The parser matches
//! the dialect's side of the rows against a text, the printer our side against a graph, and the listing shows them. What
//! cannot be said exactly is refused with the reason that stands in its row: meaning never changes silently.

mod advice;
mod alpha101;
mod brain;
mod flat;
mod pandas;
mod qlib;
mod read;
mod rule;
mod spell;
mod table;
mod write;

use std::collections::HashMap;

use self::flat::Flat;
use self::read::Reader;
use self::rule::{Relation, Window};
use self::table::{Table, head};
use self::write::Writer;
use crate::compile::compile;
use crate::error::ParseError;
use crate::graph::{FactorGraph, Kind};
use crate::registry::Operator;
use crate::schema::Schema;
use crate::text::parser::{AstKind, parse_statements};
use crate::text::{NamedFactors, tree_into};

/// A vocabulary other than ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dialect {
    /// Method chains on frames, a row a date and a column a symbol.
    Pandas,
    /// `WorldQuant` BRAIN, as public copies of its documentation describe it.
    Brain,
    /// The paper "101 Formulaic Alphas" (arXiv 1601.00991).
    Alpha101,
    /// Expressions of microsoft/qlib.
    Qlib,
}

impl Dialect {
    /// All dialects.
    pub const ALL: [Dialect; 4] = [Dialect::Pandas, Dialect::Brain, Dialect::Alpha101, Dialect::Qlib];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Dialect::Pandas => "pandas",
            Dialect::Brain => "brain",
            Dialect::Alpha101 => "alpha101",
            Dialect::Qlib => "qlib",
        }
    }

    /// The dialect of this name.
    pub fn by_name(name: &str) -> Option<Dialect> {
        Dialect::ALL.into_iter().find(|dialect| dialect.name() == name)
    }

    /// What is to be known of everything in this dialect.
    pub fn remarks(self) -> &'static [&'static str] {
        match self {
            Dialect::Pandas => pandas::REMARKS,
            Dialect::Brain => brain::REMARKS,
            Dialect::Alpha101 => alpha101::REMARKS,
            Dialect::Qlib => qlib::REMARKS,
        }
    }

    /// The whole table, for listing.
    pub fn entries(self) -> Vec<DialectEntry> {
        let rules = Table::of(self).rules.iter();
        rules
            .map(|rule| DialectEntry {
                theirs: rule.row.theirs,
                ours: &rule.shown,
                standing: match rule.row.relation {
                    Relation::Same | Relation::Reads if rule.row.window == Window::EqualWhenFull => Standing::Partial,
                    Relation::Same => Standing::Same,
                    Relation::Reads => Standing::Reads,
                    Relation::Differs => Standing::Differs,
                    Relation::Refused => Standing::Refused,
                    Relation::Absent => Standing::Absent,
                },
                when: rule.row.when,
                note: rule.row.note,
            })
            .collect()
    }
}

impl std::fmt::Display for Dialect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// What an entry of a dialect's table says of its two sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Equal values: read and printed.
    Same,
    /// Equal values: read, while another spelling is printed.
    Reads,
    /// Equal values once windows are full; theirs count from their first value on.
    Partial,
    /// Values differ: refused, unless the nearest is asked for.
    Differs,
    /// The dialect's side has no place here.
    Refused,
    /// Our side, a list of operators, cannot be said in the dialect.
    Absent,
}

/// One line of a dialect's table. A name of one letter stands for any number (`x y z w`), group (`g e`), condition
/// (`f h`), flag written as a number (`t u`), whole literal (`d k`) or literal (`a b c`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DialectEntry {
    /// How the dialect says it; empty where it cannot.
    pub theirs: &'static str,
    /// How we do; empty where we do not.
    pub ours: &'static str,
    /// What the two have to do with each other.
    pub standing: Standing,
    /// A condition on the literals; empty where there is none.
    pub when: &'static str,
    /// Why it is refused or differs, or what is to be known.
    pub note: &'static str,
}

/// Why a graph cannot be said in a dialect.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{node}` cannot be said in {dialect}: {reason}")]
pub struct DialectError {
    /// The node, by its operator or column.
    pub node: String,
    /// The dialect.
    pub dialect: Dialect,
    /// The reason.
    pub reason: String,
}

/// A graph in a dialect's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DialectText {
    /// The text; for pandas a program that leaves the frame `value`.
    pub text: String,
    /// Where its values differ from ours, and when.
    pub notes: Vec<String>,
}

impl std::fmt::Display for DialectText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

/// Reads a text in the words and with the meaning of a dialect.
///
/// ```
/// use factor::{Dialect, Schema, parse_dialect, print, print_dialect};
///
/// let graph = parse_dialect("rank(delta(close, 5)) * -1", Dialect::Alpha101, &Schema::bars())?;
/// assert_eq!(print(&graph, graph.root(), &|_| None), "cs_rank(ts_delta(close, 5)) * -1");
/// assert_eq!(print_dialect(&graph, Dialect::Brain)?.text, "rank(ts_delta(close, 5)) * -1");
///
/// let refused = parse_dialect("Ref($close, -1)", Dialect::Qlib, &Schema::bars()).unwrap_err();
/// assert_eq!(refused.message, "a negative lag reads values that are not known yet");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// A message with the column, for what cannot be read and for what has no exact equal here.
pub fn parse_dialect(text: &str, dialect: Dialect, schema: &Schema) -> Result<FactorGraph, ParseError> {
    read(text, dialect, schema, None).map(|(graph, _)| graph)
}

/// As [`parse_dialect`], but what has no exact equal is read as the nearest; what differs comes with the graph.
///
/// # Errors
/// A message with the column, for what cannot be read.
pub fn parse_dialect_nearest(
    text: &str,
    dialect: Dialect,
    schema: &Schema,
) -> Result<(FactorGraph, Vec<String>), ParseError> {
    read(text, dialect, schema, Some(Vec::new()))
}

fn read(
    text: &str,
    dialect: Dialect,
    schema: &Schema,
    differences: Option<Vec<String>>,
) -> Result<(FactorGraph, Vec<String>), ParseError> {
    let table = Table::of(dialect);
    let error = |offset: usize, message: String| Err(ParseError { message, offset, text: text.to_owned() });
    let mut graph = FactorGraph::new(Kind::Positions);
    let mut named = NamedFactors::new();
    let mut reader = Reader { table, text, schema, parts: HashMap::new(), differences, translated: 0 };
    let mut root = graph.root();
    for statement in parse_statements(text, &table.grammar)? {
        if let (Some((name, _)), AstKind::Text(definition)) = (&statement.name, &statement.tree.kind)
            && pandas::is_prelude(name, definition)
        {
            continue;
        }
        let (tree, sort) = reader.read(&statement.tree)?;
        let (index, kind) = tree_into(&mut graph, &tree, text, schema, &named)?;
        root = index;
        let Some((name, offset)) = statement.name else { continue };
        if schema.fields().any(|(field, _)| **field == *name) {
            return error(offset, format!("`{name}` is a column: give the part another name"));
        }
        if graph.node(index).name.is_none() && !matches!(graph.kind(index), Kind::Field(..) | Kind::Constant(_)) {
            graph.set_name(index, &name);
        }
        named.insert(name.clone(), (index, kind));
        reader.parts.insert(name, sort);
    }
    if matches!(graph.kind(root), Kind::Positions) {
        return error(text.len(), "the expression is empty".to_owned());
    }
    graph.set_root(root);
    graph.prune();
    let mut notes: Vec<String> = Vec::new();
    for note in reader.differences.unwrap_or_default() {
        if !notes.contains(&note) {
            notes.push(note);
        }
    }
    Ok((graph, notes))
}

/// Writes the factor at the root of a graph in the words of a dialect. Its values there equal ours, but for what
/// [`DialectText::notes`] and [`Dialect::remarks`] say.
///
/// # Errors
/// The node that the dialect cannot say, and why.
pub fn print_dialect(graph: &FactorGraph, dialect: Dialect) -> Result<DialectText, DialectError> {
    write(graph, dialect, false)
}

/// As [`print_dialect`], but what has no exact equal is printed as the nearest, with a note of what differs.
///
/// # Errors
/// The node for which the dialect has nothing near, and why.
pub fn print_dialect_nearest(graph: &FactorGraph, dialect: Dialect) -> Result<DialectText, DialectError> {
    write(graph, dialect, true)
}

fn write(graph: &FactorGraph, dialect: Dialect, nearest: bool) -> Result<DialectText, DialectError> {
    let node = || graph.describe(graph.root());
    let refused = |reason: String| DialectError { node: node(), dialect, reason };
    if matches!(graph.kind(graph.root()), Kind::Positions) {
        return Err(refused("a strategy is more than an expression: print one of its factors".to_owned()));
    }
    compile(graph, &[]).map_err(|error| refused(error.to_string()))?;
    let (flat, root) = Flat::of(graph).map_err(|error| refused(error.to_string()))?;
    let (text, notes) = Writer::new(Table::of(dialect), &flat, nearest).print(root)?;
    let text = if dialect == Dialect::Pandas { pandas::program(&text) } else { text };
    Ok(DialectText { text, notes })
}

/// How a dialect says an operator and what the two differ in, or why it cannot.
pub(crate) fn spelling(operator: Operator, dialect: Dialect) -> String {
    let table = Table::of(dialect);
    // The plainest row: what it says of the operator alone.
    let said = |rule: &&rule::Rule| {
        matches!(rule.row.relation, Relation::Same | Relation::Differs) && rule.operator() == Some(operator)
    };
    let Some(rule) = table.rules.iter().filter(said).min_by_key(|rule| rule.sizes.1) else {
        return format!("not there: {}", table.absence(operator).unwrap_or("nothing gives exactly this"));
    };
    let row = &rule.row;
    let mut text = format!("`{}` for `{}`", row.theirs, rule.shown);
    if row.relation == Relation::Differs {
        text.push_str(", which differs");
    } else if row.window == Window::EqualWhenFull {
        text.push_str(", once windows are full");
    }
    if !row.note.is_empty() {
        text.push_str(": ");
        text.push_str(row.note);
    }
    text
}

/// What a function of a dialect is in our words, and whose it is; `except` is not looked at. A name in other capitals
/// counts where no dialect has it as it is.
pub(crate) fn meaning(name: &str, except: Option<Dialect>) -> Option<(Dialect, &'static str)> {
    let find = |same: fn(&Table, &str, &str) -> bool| {
        let order = [Dialect::Alpha101, Dialect::Qlib, Dialect::Brain, Dialect::Pandas];
        order.into_iter().filter(|dialect| Some(*dialect) != except).find_map(|dialect| {
            let table = Table::of(dialect);
            table.rules.iter().find_map(|rule| {
                let theirs = rule.theirs.as_ref().filter(|theirs| matches!(theirs.kind, AstKind::Call { .. }))?;
                let known = head(theirs)?.trim_start_matches('.');
                let ours = rule.operator().filter(|_| same(table, known, name))?;
                Some((dialect, ours.definition().name))
            })
        })
    };
    find(|_, known, name| known == name).or_else(|| find(|table, known, name| table.grammar.same_name(known, name)))
}
