//! What the registry and the library say, as documentation: for `evoquant ops` and `docs/operators.md`.

use std::fmt::Write;

use crate::dialect::{Dialect, spelling};
use crate::library::LibraryFactor;
use crate::operator::{
    Definition, Family, Lookback, MIN_PERIODS, Memory, Parameter, ParameterKind, Parameters, Port, Syntax,
};
use crate::registry::{ABSENT, Operator};
use crate::text::polars_refusal;

/// One line of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// What it is about.
    pub label: &'static str,
    /// What it says.
    pub text: String,
    /// Whether the text is expression text or a formula, rather than words.
    pub code: bool,
}

impl Fact {
    fn words(label: &'static str, text: impl Into<String>) -> Self {
        Self { label, text: text.into(), code: false }
    }

    fn code(label: &'static str, text: impl Into<String>) -> Self {
        Self { label, text: text.into(), code: true }
    }
}

/// What there is to know of an operator, besides its signature and summary.
pub fn operator_facts(operator: Operator) -> Vec<Fact> {
    let definition = operator.definition();
    let mut facts = Vec::new();
    facts.extend(written(definition).map(|text| Fact::code("written", text)));
    facts.push(Fact::code("formula", definition.formula));
    facts.push(Fact::words("missing", definition.missing));
    facts.push(Fact::words("look-back", lookback(definition)));
    facts.extend(definition.parameters.iter().map(|parameter| Fact::words("parameter", describe(parameter))));
    if !definition.aliases.is_empty() {
        facts.push(Fact::code("aliases", definition.aliases.join(", ")));
    }
    facts.push(Fact::code("example", definition.example));
    facts.extend(notes(operator));
    facts
}

/// How other spellings differ, and what cannot be printed. Notes on each dialect belong here too.
fn notes(operator: Operator) -> Vec<Fact> {
    let polars = polars_refusal(operator).map(|reason| Fact::words("polars", format!("not printed: {reason}")));
    let dialects = Dialect::ALL.map(|dialect| Fact::words(dialect.name(), spelling(operator, dialect)));
    polars.into_iter().chain(dialects).collect()
}

/// What there is to know of a library factor, besides its signature and summary.
pub fn factor_facts(factor: LibraryFactor) -> Vec<Fact> {
    let definition = factor.definition();
    let mut facts = vec![Fact::code("definition", definition.definition)];
    facts.extend(definition.parameters.iter().map(|parameter| Fact::words("parameter", describe(parameter))));
    if definition.rising {
        let [low, high] = [0, 1].map(|place| definition.parameters[place].name);
        facts.push(Fact::words("rule", format!("`{low}` must be below `{high}`")));
    }
    facts
}

/// The infix or prefix form of an operator that has one.
fn written(definition: &Definition) -> Option<String> {
    match definition.syntax {
        Syntax::Function => None,
        Syntax::Infix(symbol, _) if definition.inputs.len() == 1 => {
            Some(format!("x{symbol}{}", definition.parameters.first()?.name))
        }
        Syntax::Infix(symbol, _) if definition.inputs[0] == Port::Flag => Some(format!("f {symbol} g")),
        Syntax::Infix(symbol, _) => Some(format!("x {symbol} y")),
        Syntax::Prefix("not", _) => Some("not f".to_owned()),
        Syntax::Prefix(symbol, _) => Some(format!("{symbol}x")),
    }
}

/// Earlier rows needed, in words.
fn lookback(definition: &Definition) -> String {
    let name = |index: usize| definition.parameters[index].name;
    let rows = match definition.lookback {
        Lookback::None => "none".to_owned(),
        Lookback::Fixed(1) => "1 row".to_owned(),
        Lookback::Fixed(rows) => format!("{rows} rows"),
        Lookback::Lag(index) => format!("`{}` rows", name(index)),
        Lookback::Window(index) => format!("`{}` - 1 rows", name(index)),
    };
    let example = |window: f64| {
        let values: Vec<f64> = definition.parameters.iter().map(|p| p.default.unwrap_or(p.usual.1)).collect();
        let mut parameters = Parameters::new(&values);
        parameters.as_mut_slice()[0] = window;
        definition.memory.rows(&parameters)
    };
    match definition.memory {
        Memory::Finite => rows,
        Memory::Unbounded => format!("{rows}; remembers for ever: values depend on where the panel starts"),
        Memory::Span | Memory::Wilder | Memory::Share | Memory::Kaufman => format!(
            "{rows}; recursive: what is older weighs less than 1e-12 after {} rows more for `{}` = 20",
            example(20.0),
            name(0)
        ),
    }
}

/// A parameter with its range.
fn describe(parameter: &Parameter) -> String {
    if parameter.name == MIN_PERIODS {
        let words =
            "so many known rows of the window are enough, 1 to `d`, or 0 for all of them; 0 unless given, by name";
        return format!("`{MIN_PERIODS}`: {words}");
    }
    let range = match parameter.kind {
        ParameterKind::Rows { least } => format!("rows, {least} to {}", crate::operator::MAX_WINDOW),
        ParameterKind::Whole { least, most } => format!("a whole number, {least} to {most}"),
        ParameterKind::Real { least, most } => format!("a number, {least} to {most}"),
        ParameterKind::Choice { words } => format!("one of {}", words.join(", ")),
    };
    let mut text = format!("`{}`: {range}", parameter.name);
    let (low, high) = parameter.usual;
    if low < high {
        let _ = write!(text, "; usually {low} to {high}");
    }
    if let Some(default) = parameter.default {
        let _ = write!(text, "; {} unless given", parameter.text_of(default));
    }
    if parameter.option {
        text.push_str(", by name");
    }
    text
}

const INTRODUCTION: &str = "\
<!-- Written by `evoquant ops --markdown`, from the registry. Change the registry and renew this file. -->

# Operators

Every operator that an expression may use, then the library factors. `evoquant ops NAME` says the same of one of them.

- Time: at a row an operator sees that row and earlier ones. A window of `d` rows includes the current one and must be full.
- Windows with `min_periods=m` are content with `m` known rows: those alone count, in their places, as if the window held no
  others. Of several series a row is known where all have a value; rows before the first are missing.
- Missing: NaN among the values needed gives NaN, and so does whatever cannot be computed or is infinite. Flags are 1, 0 or
  NaN for unknown.
- Universe: `cs_` and `group_` operators use members with a value and give NaN to others. Members are symbols with a close, or
  those whose column `universe` is above 0.
- Ties share the average rank. Standard deviations divide by n - 1 unless `ddof=0` is given. A window or row whose deviation
  is at most 1e-12 of its absolute mean is flat: its deviation is exactly 0.
- Signatures: `u` and `v` are units, such as price or volume; a `ratio` has none; a `flag` is true, false or unknown; a
  `group` is a label. Arguments after the series are literal numbers; those with a default may be left out.
- Look-back counts the earlier rows that an operator itself needs, before those that its inputs need.
";

/// The whole reference as Markdown: families, their operators, and the library.
pub fn operator_reference() -> String {
    let mut out = INTRODUCTION.to_owned();
    let family_of = |operator: Operator| operator.definition().family;
    let mut families: Vec<Family> = Vec::new();
    for family in Operator::all().map(family_of) {
        if !families.contains(&family) {
            families.push(family);
        }
    }
    for family in families {
        write_heading(&family.to_string(), &mut out);
        for operator in Operator::all().filter(|&operator| family_of(operator) == family) {
            let definition = operator.definition();
            let facts = operator_facts(operator);
            write_entry(definition.name, &definition.signature(), definition.summary, &facts, &mut out);
        }
    }
    write_heading("library factors", &mut out);
    out.push_str(
        "\nNamed expressions with parameters. `x` is the first argument where that is a series, else the column named in the\n\
         signature: `rsi(14)`, `rsi(volume, 14)`.\n",
    );
    for factor in LibraryFactor::all() {
        let definition = factor.definition();
        write_entry(definition.name, &definition.signature(), definition.summary, &factor_facts(factor), &mut out);
    }
    write_heading("left out", &mut out);
    out.push_str("\nNames that other tools have, and what to write in their place.\n\n");
    for (name, reason) in ABSENT {
        let _ = writeln!(out, "- `{name}`: {reason}");
    }
    out
}

fn write_heading(text: &str, out: &mut String) {
    let (first, rest) = text.split_at(1);
    let _ = writeln!(out, "\n## {}{rest}", first.to_uppercase());
}

fn write_entry(name: &str, signature: &str, summary: &str, facts: &[Fact], out: &mut String) {
    let _ = writeln!(out, "\n### {name}\n\n`{signature}`\n\n{summary}\n");
    for Fact { label, text, code } in facts {
        let _ = if *code { writeln!(out, "- {label}: `{text}`") } else { writeln!(out, "- {label}: {text}") };
    }
}
