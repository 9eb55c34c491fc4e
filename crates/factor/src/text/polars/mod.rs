//! A graph as a Python program that computes the same values with polars.
//!
//! `python/program.py` is the frame of such a program, and the other files beside it hold everything an operator may call;
//! a program gets those helpers that its expression needs. Values are columns of a grid that holds all symbols of a date, then those of the
//! next, so that a lag is one shift for all symbols. Missing values are nulls, which polars passes on as our rules ask;
//! what is infinite or not a number becomes null where it arises. Sums run over the window anew at each row.

mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use self::table::{Form, form};
use super::json::quoted;
use super::{print_factors, print_number, said};
use crate::compile::compile;
use crate::error::{GraphError, PolarsError};
use crate::graph::{FactorGraph, Kind};
use crate::operator::{Definition, MAX_INPUTS, Parameters};
use crate::program::{Instruction, NodeId, Operation, Program, Purpose};
use crate::registry::Operator;
use crate::types::Type;

const PROGRAM: &str = include_str!("python/program.py");
/// Functions of one cell, of one symbol's past, carried from row to row, and of one row.
const HELPERS: [&str; 4] = [
    include_str!("python/cells.py"),
    include_str!("python/windows.py"),
    include_str!("python/states.py"),
    include_str!("python/rows.py"),
];

/// Prints a graph as a Python program that needs polars 1.36 or later and nothing else. It reads a long frame with columns
/// date, symbol, close and whatever the graph reads, as CSV, Parquet or Arrow IPC, and gives date, symbol and value, null
/// where undefined: the values of `evoquant eval` within 1e-9, relative. Where several rows have one date and symbol it
/// stops; other repairs of the importer are not made.
///
/// The graph of a strategy gives columns score, entry and exit in place of value.
///
/// # Errors
/// When the graph cannot be compiled, or an operator has no form in polars; the message names it and says why.
pub fn print_polars(graph: &FactorGraph) -> Result<String, PolarsError> {
    let program = compile(graph, &[])?;
    let names = variables(&program.instructions);
    let mut statements = Vec::new();
    for (place, (instruction, name)) in program.instructions.iter().zip(&names).enumerate() {
        if !stands_in_place(&program, place) {
            statements.push(format!("{name} = {}", value(instruction, &names, &program)?));
        }
    }
    let bare = *graph.kind(graph.root()) != Kind::Positions;
    let outputs: Vec<String> = program
        .outputs
        .iter()
        .map(|&(purpose, id)| {
            let name = match purpose {
                Purpose::Score if bare => "value",
                Purpose::Entry => "entry",
                Purpose::Exit => "exit",
                Purpose::Group => "group",
                _ => "score",
            };
            format!("{name}={}.cast(pl.Float64)", names[id.0 as usize])
        })
        .collect();
    let statements = statements.join("\n    ");
    let helpers = helpers_for(&format!("{PROGRAM}\n{statements}"));
    let mut text = PROGRAM.replace("HELPERS", &helpers).replace("OUTPUTS", &outputs.join(", "));
    for module in ["math", "statistics"] {
        if !helpers.contains(&format!("{module}.")) {
            text = text.replace(&format!("import {module}\n"), "");
        }
    }
    // Last, as columns may have any name.
    let text = text.replace("STATEMENTS", &statements);
    Ok(heading(graph)? + &text)
}

/// Why an operator has no form in polars; `None` where it has.
pub(crate) fn polars_refusal(operator: Operator) -> Option<&'static str> {
    match form(operator) {
        Form::Refused(reason) => Some(reason),
        _ => None,
    }
}

/// What the program computes, in our own text, as comments.
fn heading(graph: &FactorGraph) -> Result<String, GraphError> {
    let mut out = String::new();
    for line in print_factors(graph)?.lines() {
        let line: String = line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let _ = writeln!(out, "# {line}");
    }
    out.push_str("#\n# Printed by evoquant, whose values it computes. Needs polars 1.36 or later.\n");
    Ok(out)
}

/// A variable for each instruction: the name of a column where Python allows it, else a number.
fn variables(instructions: &[Instruction]) -> Vec<String> {
    let defined: BTreeSet<&str> = helpers().into_keys().collect();
    let free = |name: &str| {
        let word = name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
        word && !defined.contains(name) && !RESERVED.contains(&name)
    };
    let name = |(place, instruction): (usize, &Instruction)| match &instruction.operation {
        Operation::Field(name) if free(name) => name.to_string(),
        _ => format!("v{place}"),
    };
    instructions.iter().enumerate().map(name).collect()
}

/// Words that mean something in `program.py`, and Python's own, among those that a column may be called.
#[rustfmt::skip]
const RESERVED: &[&str] = &[
    "and", "as", "assert", "async", "await", "break", "class", "column", "continue", "def", "del", "elif", "else", "except",
    "finally", "float", "for", "frame", "from", "global", "grid", "if", "import", "in", "is", "lambda", "lay_out", "math",
    "member", "nonlocal", "not", "or", "pass", "pl", "raise", "read", "return", "statistics", "symbols", "sys", "try", "values", "while", "with",
    "yield",
];

/// The literals of an instruction that stand beside its symbol. Not below a fraction: polars would multiply by the
/// reciprocal there, which is not the same to the last digit.
fn literals_in_place(instruction: &Instruction, program: &Program) -> [Option<f64>; MAX_INPUTS] {
    let mut literals = [None; MAX_INPUTS];
    let Operation::Operator(operator, _) = &instruction.operation else { return literals };
    let places = match form(*operator) {
        Form::Arithmetic("/") => 1,
        Form::Symbol(_) | Form::Arithmetic(_) => 2,
        _ => 0,
    };
    for (literal, &id) in literals.iter_mut().zip(instruction.inputs()).take(places) {
        let input = program.instruction(id);
        *literal = match input.operation {
            Operation::Constant(value) if value.is_finite() && input.output != Type::Flag => Some(value),
            _ => None,
        };
    }
    literals
}

/// Whether an instruction is a literal that only ever stands beside symbols, and so needs no variable.
fn stands_in_place(program: &Program, place: usize) -> bool {
    let id = NodeId(place as u16);
    let beside_symbol = |consumer: &Instruction| {
        let literals = literals_in_place(consumer, program);
        consumer.inputs().iter().zip(literals).all(|(&input, literal)| input != id || literal.is_some())
    };
    program.outputs.iter().all(|&(_, output)| output != id) && program.instructions.iter().all(beside_symbol)
}

/// The Python that computes an instruction from earlier variables.
fn value(instruction: &Instruction, names: &[String], program: &Program) -> Result<String, PolarsError> {
    let (operator, parameters) = match &instruction.operation {
        Operation::Field(name) => {
            return Ok(match instruction.output {
                Type::Flag => format!("column({}) != 0", quoted(name)),
                Type::Group => format!("labels({})", quoted(name)),
                _ => format!("column({})", quoted(name)),
            });
        }
        Operation::Constant(value) if instruction.output == Type::Flag => {
            let word = if value.is_nan() {
                "None"
            } else if *value == 0.0 {
                "False"
            } else {
                "True"
            };
            return Ok(format!("constant({word}, pl.Boolean)"));
        }
        Operation::Constant(value) => return Ok(format!("constant({})", literal(*value))),
        Operation::Operator(operator, parameters) => (*operator, parameters),
    };
    let definition = operator.definition();
    let inputs: Vec<&str> = instruction.inputs().iter().map(|id| names[id.0 as usize].as_str()).collect();
    let operands = || {
        let inputs = inputs.iter().zip(literals_in_place(instruction, program));
        inputs.map(|(&name, number)| number.map_or(name.to_owned(), literal)).collect::<Vec<_>>()
    };
    let refuse = |reason: String| PolarsError::Refused { operator: definition.name, reason };
    Ok(match form(operator) {
        Form::Own => call(definition.name, definition, &inputs, parameters),
        Form::Helper(name) => call(name, definition, &inputs, parameters),
        Form::Symbol(symbol) => infix(symbol, &operands()),
        Form::Arithmetic(symbol) => format!("cells(X, x={})", infix(symbol, &operands())),
        Form::Template(text) => filled(&text.replace("{x}", inputs[0]), parameters),
        Form::Cell(text) => format!("cells({}, x={})", filled(text, parameters), inputs[0]),
        Form::Refused(reason) => return Err(refuse(reason.to_owned())),
    })
}

fn infix(symbol: &str, operands: &[String]) -> String {
    match operands {
        [operand] => format!("{symbol}{operand}"),
        _ => operands.join(&format!(" {symbol} ")),
    }
}

fn filled(text: &str, parameters: &Parameters) -> String {
    text.replace("{0}", &parameters.as_slice().first().map_or(String::new(), |&value| literal(value)))
}

/// A call with the inputs, then parameters by place, then options that are not at their default by name.
fn call(helper: &str, definition: &Definition, inputs: &[&str], parameters: &Parameters) -> String {
    let mut arguments: Vec<String> = inputs.iter().map(|&input| input.to_owned()).collect();
    arguments.extend(said(definition.parameters, parameters).map(|(parameter, value)| {
        let text = parameter.word_of(value).map_or_else(|| literal(value), |word| format!("\"{word}\""));
        if parameter.option { format!("{}={text}", parameter.name) } else { text }
    }));
    format!("{helper}({})", arguments.join(", "))
}

fn literal(value: f64) -> String {
    if value.is_nan() { "None".to_owned() } else { print_number(value) }
}

/// Every helper by name, with its text.
fn helpers() -> BTreeMap<&'static str, &'static str> {
    blocks().filter_map(|block| Some((name_of(block)?, block))).collect()
}

/// The helpers one by one: two blank lines stand between them.
fn blocks() -> impl Iterator<Item = &'static str> {
    HELPERS.iter().flat_map(|text| text.split("\n\n\n")).map(str::trim)
}

fn name_of(block: &str) -> Option<&str> {
    block.strip_prefix("def ")?.split('(').next()
}

/// The helpers that a text calls, directly or through others, in the order of their files.
fn helpers_for(text: &str) -> String {
    let known = helpers();
    let mut wanted: BTreeSet<&str> = BTreeSet::new();
    let mut open: Vec<&str> = vec![text];
    while let Some(text) = open.pop() {
        for (&name, &block) in &known {
            if calls(text, name) && wanted.insert(name) {
                open.push(block);
            }
        }
    }
    let called = blocks().filter(|block| name_of(block).is_some_and(|name| wanted.contains(name)));
    called.collect::<Vec<_>>().join("\n\n\n")
}

/// Whether a text calls a function of this name.
fn calls(text: &str, name: &str) -> bool {
    text.match_indices(name).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let apart = before.is_none_or(|c| !(c.is_ascii_alphanumeric() || c == '_' || c == '.'));
        apart && text[at + name.len()..].starts_with('(') && !text[..at].ends_with("def ")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names that a helper's definition takes, those with a default marked.
    fn arguments(block: &str) -> Vec<(&str, bool)> {
        let line = block.lines().next().unwrap_or_default();
        let inside = line.split_once('(').unwrap().1.rsplit_once(')').unwrap().0;
        let words = inside.split(", ").filter(|word| !word.is_empty());
        words.map(|word| word.split_once('=').map_or((word, false), |(name, _)| (name, true))).collect()
    }

    #[test]
    fn every_operator_calls_a_helper_that_takes_what_it_has() {
        let helpers = helpers();
        for &operator in Operator::ALL {
            let definition = operator.definition();
            let name = match form(operator) {
                Form::Own => definition.name,
                Form::Helper(name) => name,
                Form::Symbol(_) | Form::Arithmetic(_) | Form::Template(_) | Form::Cell(_) | Form::Refused(_) => {
                    continue;
                }
            };
            let block = helpers.get(name).unwrap_or_else(|| panic!("no helper is called {name}"));
            let arguments = arguments(block);
            let known: Vec<&str> = arguments.iter().map(|&(name, _)| name).collect();
            let (inputs, parameters) = (definition.inputs.len(), definition.parameters);
            assert!(known.len() >= inputs + parameters.len(), "{name} takes {known:?}");
            assert!(arguments[..inputs].iter().all(|&(_, default)| !default), "{name} takes {known:?}");
            for (place, parameter) in parameters.iter().enumerate() {
                // Positional ones by place and, to be read, under their own name; options by name.
                let there = if parameter.option {
                    known.contains(&parameter.name)
                } else {
                    known[inputs + place] == parameter.name
                };
                assert!(there, "{name} takes {known:?}, not {}", parameter.name);
            }
            assert!(
                arguments[inputs + parameters.len()..].iter().all(|&(_, default)| default),
                "{name} takes {known:?}"
            );
        }
    }

    #[test]
    fn helpers_are_functions_each_defined_once() {
        assert_eq!(blocks().count(), helpers().len());
        for block in blocks() {
            assert!(name_of(block).is_some(), "not one function: {block}");
        }
    }

    #[test]
    fn every_helper_serves_an_operator() {
        let schema = crate::schema::Schema::open();
        let examples = Operator::ALL.iter().map(|operator| operator.definition().example);
        let programs = examples.map(|text| print_polars(&crate::parse(text, &schema).unwrap()).unwrap());
        let programs: Vec<String> = programs.collect();
        for name in helpers().into_keys() {
            let defined = format!("def {name}(");
            assert!(programs.iter().any(|program| program.contains(&defined)), "nobody needs {name}");
        }
    }
}
