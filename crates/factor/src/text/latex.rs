//! A graph as mathematics in LaTeX.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::names::{READABLE_LEVELS, formula_names, written_order};
use super::{print_number, said};
use crate::error::GraphError;
use crate::graph::{FactorGraph, Kind, NodeIndex, Role};
use crate::operator::{Parameter, Parameters, Syntax};
use crate::registry::Operator;

/// Binds tighter than anything.
const ATOM: u8 = u8::MAX;
/// A name with subscripts or a bracketed form: what stands beside it is never read as part of it, but a power is.
const TIGHT: u8 = u8::MAX - 1;
/// A product, as the registry has it.
const PRODUCT: u8 = 6;
/// A prefix minus, as the registry has it.
const MINUS: u8 = 7;
/// A power, as the registry has it.
const POWER: u8 = 8;
/// A choice between cases, which extends to the end of the line.
const CHOICE: u8 = 0;

/// Prints a graph as LaTeX for math mode, with amsmath. Factors that a person named, that are used more than once, or that
/// lie deep get a line of their own in an `aligned` environment.
///
/// # Errors
/// When the graph has a cycle.
pub fn print_latex(graph: &FactorGraph) -> Result<String, GraphError> {
    graph.walk()?;
    let names = formula_names(graph, READABLE_LEVELS);
    let writer = Writer { graph, names: &names };
    let mut lines: Vec<(String, String)> = written_order(graph, &names)
        .into_iter()
        .map(|index| (format!("\\mathit{{{}}}", escaped(&names[&index])), writer.definition(index)))
        .collect();
    match graph.kind(graph.root()) {
        Kind::Positions => {
            for role in Role::ALL {
                if let Some(index) = graph.role(role) {
                    lines.push((format!("\\textbf{{{}}}", role.name()), writer.input(index, 0)));
                }
            }
        }
        _ if lines.is_empty() => return Ok(writer.definition(graph.root()) + "\n"),
        _ => lines.push(("\\textbf{value}".to_owned(), writer.definition(graph.root()))),
    }
    let lines: Vec<String> = lines.into_iter().map(|(name, text)| format!("{name} &= {text}")).collect();
    Ok(format!("\\begin{{aligned}}\n{}\n\\end{{aligned}}\n", lines.join(" \\\\\n")))
}

/// Writes expressions no deeper than names allow.
struct Writer<'a> {
    graph: &'a FactorGraph,
    names: &'a BTreeMap<NodeIndex, String>,
}

impl Writer<'_> {
    /// What a node is, even if it has a name.
    fn definition(&self, index: NodeIndex) -> String {
        self.node(index).0
    }

    /// An input, in brackets unless it binds tighter than `floor`.
    fn input(&self, index: NodeIndex, floor: u8) -> String {
        let (text, tight) = match self.names.get(&index) {
            Some(name) => (format!("\\mathit{{{}}}", escaped(name)), ATOM),
            None => self.node(index),
        };
        if tight > floor { text } else { bracketed(&text) }
    }

    /// An input on the right of a symbol, where a minus of its own needs brackets.
    fn right(&self, index: NodeIndex, floor: u8) -> String {
        let text = self.input(index, floor);
        if text.starts_with('-') { bracketed(&text) } else { text }
    }

    /// A node and how tight it binds.
    fn node(&self, index: NodeIndex) -> (String, u8) {
        let (inputs, count) = self.graph.inputs(index);
        let inputs = &inputs[..count];
        match self.graph.kind(index) {
            Kind::Field(name, _) => (format!("\\mathit{{{}}}", escaped(name)), ATOM),
            Kind::Constant(value) => (number(*value), number_tightness(*value)),
            Kind::Positions => ("\\textbf{positions}".to_owned(), ATOM),
            Kind::Library(factor, parameters) => {
                let definition = factor.definition();
                (self.function(definition.name, definition.parameters, parameters, inputs), TIGHT)
            }
            Kind::Operator(operator, parameters) => self.operator(*operator, parameters, inputs),
        }
    }

    fn operator(&self, operator: Operator, parameters: &Parameters, inputs: &[NodeIndex]) -> (String, u8) {
        let definition = operator.definition();
        let infix = |symbol: &str, tight: u8| {
            (format!("{} {symbol} {}", self.input(inputs[0], tight - 1), self.right(inputs[1], tight)), tight)
        };
        let inside = |before: &str, after: &str| (format!("{before}{}{after}", self.input(inputs[0], 0)), TIGHT);
        let power = |exponent: &str| (format!("{}^{{{exponent}}}", self.input(inputs[0], TIGHT)), POWER);
        match (operator, definition.syntax) {
            (Operator::Div, _) => {
                (format!("\\frac{{{}}}{{{}}}", self.input(inputs[0], 0), self.input(inputs[1], 0)), TIGHT)
            }
            (Operator::Inverse, _) => inside("\\frac{1}{", "}"),
            (Operator::Mul, Syntax::Infix(_, tight)) => infix("\\cdot", tight),
            (Operator::LessEqual, Syntax::Infix(_, tight)) => infix("\\le", tight),
            (Operator::GreaterEqual, Syntax::Infix(_, tight)) => infix("\\ge", tight),
            (Operator::Equal, Syntax::Infix(_, tight)) => infix("=", tight),
            (Operator::NotEqual, Syntax::Infix(_, tight)) => infix("\\ne", tight),
            (Operator::And, Syntax::Infix(_, tight)) => infix("\\land", tight),
            (Operator::Or, Syntax::Infix(_, tight)) => infix("\\lor", tight),
            (Operator::Not, Syntax::Prefix(_, tight)) => (format!("\\lnot {}", self.input(inputs[0], MINUS)), tight),
            (Operator::Neg, _) => (format!("-{}", self.input(inputs[0], MINUS)), MINUS),
            (Operator::Pow, _) => power(&number(parameters.real(0))),
            (Operator::Square, _) => power("2"),
            (Operator::Exp, _) => (format!("e^{{{}}}", self.input(inputs[0], 0)), POWER),
            (Operator::Sqrt, _) => inside("\\sqrt{", "}"),
            (Operator::Cbrt, _) => inside("\\sqrt[3]{", "}"),
            (Operator::Abs, _) => inside("\\left|", "\\right|"),
            (Operator::Floor, _) => inside("\\left\\lfloor ", "\\right\\rfloor"),
            (Operator::Ceil, _) => inside("\\left\\lceil ", "\\right\\rceil"),
            (Operator::Log, _) => inside("\\ln\\left(", "\\right)"),
            (Operator::Log1p, _) => (format!("\\ln\\left(1 + {}\\right)", self.input(inputs[0], 5)), TIGHT),
            (Operator::Tanh, _) => inside("\\tanh\\left(", "\\right)"),
            (Operator::Arcsin, _) => inside("\\arcsin\\left(", "\\right)"),
            (Operator::Arctan, _) => inside("\\arctan\\left(", "\\right)"),
            (Operator::Min | Operator::Max, _) => {
                (format!("\\{}\\left({}\\right)", definition.name, self.list(inputs)), TIGHT)
            }
            (Operator::IfElse, _) => {
                let [flag, yes, no] = [0, 1, 2].map(|slot| self.input(inputs[slot], 0));
                let text = format!(
                    "\\begin{{cases}}{yes} & \\text{{if }} {flag} \\\\ {no} & \\text{{otherwise}}\\end{{cases}}"
                );
                (text, CHOICE)
            }
            (_, Syntax::Infix(symbol, tight)) if inputs.len() == 2 => infix(symbol, tight),
            _ => (self.function(definition.name, definition.parameters, parameters, inputs), TIGHT),
        }
    }

    /// `\operatorname{name}_{parameters}(inputs)`.
    fn function(
        &self,
        name: &str,
        definitions: &'static [Parameter],
        parameters: &Parameters,
        inputs: &[NodeIndex],
    ) -> String {
        let mut text = format!("\\operatorname{{{}}}", escaped(name));
        let words: Vec<String> = said(definitions, parameters)
            .map(|(parameter, value)| {
                let word = parameter.word_of(value).map(|word| format!("\\mathit{{{}}}", escaped(word)));
                let value = word.unwrap_or_else(|| number(value));
                if parameter.option { format!("\\mathit{{{}}}={value}", escaped(parameter.name)) } else { value }
            })
            .collect();
        if !words.is_empty() {
            let _ = write!(text, "_{{{}}}", words.join(",\\,"));
        }
        let _ = write!(text, "\\left({}\\right)", self.list(inputs));
        text
    }

    fn list(&self, inputs: &[NodeIndex]) -> String {
        let inputs: Vec<String> = inputs.iter().map(|&input| self.input(input, 0)).collect();
        inputs.join(",\\, ")
    }
}

fn bracketed(text: &str) -> String {
    format!("\\left({text}\\right)")
}

/// A number; powers of ten are written out.
fn number(value: f64) -> String {
    let text = print_number(value);
    match text.split_once('e') {
        Some(("1", exponent)) => format!("10^{{{exponent}}}"),
        Some(("-1", exponent)) => format!("-10^{{{exponent}}}"),
        Some((mantissa, exponent)) => format!("{mantissa} \\cdot 10^{{{exponent}}}"),
        None => text,
    }
}

/// How tight a number binds as [`number`] writes it.
fn number_tightness(value: f64) -> u8 {
    match print_number(value) {
        text if text.starts_with('-') => MINUS,
        text if text.starts_with("1e") => POWER,
        text if text.contains('e') => PRODUCT,
        _ => ATOM,
    }
}

/// Text inside `\mathit{...}` or `\operatorname{...}`.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '_' | '{' | '}' | '$' | '%' | '#' | '&' => out.extend(['\\', character]),
            '\\' => out.push_str("\\backslash "),
            '^' => out.push_str("\\hat{}"),
            '~' => out.push_str("\\sim "),
            ' ' => out.push_str("\\ "),
            character if character.is_control() => out.push_str("\\ "),
            character => out.push(character),
        }
    }
    out
}
