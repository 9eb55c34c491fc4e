//! `evoquant ops`: the vocabulary, from the registry itself.

use std::fmt::Write;
use std::process::ExitCode;

use ::factor::{
    Dialect, DialectEntry, Fact, LibraryFactor, Operator, Standing, Syntax, factor_facts, operator_facts,
    operator_reference, why_absent,
};
use anyhow::{Result, bail};
use clap::Args;

use super::print;

#[derive(Debug, Args)]
pub(super) struct OpsArguments {
    /// An operator or library factor to explain.
    name: Option<String>,
    /// List what a dialect says and how that is said here: pandas, brain, alpha101 or qlib.
    #[arg(long, value_name = "DIALECT", value_parser = dialect)]
    dialect: Option<Dialect>,
    /// Print the whole reference as Markdown: docs/operators.md.
    #[arg(long, conflicts_with_all = ["name", "dialect"])]
    markdown: bool,
}

/// The dialect of a name on the command line.
pub(super) fn dialect(name: &str) -> Result<Dialect, String> {
    Dialect::by_name(name).ok_or_else(|| {
        let names: Vec<&str> = Dialect::ALL.into_iter().map(Dialect::name).collect();
        format!("there are {}", names.join(", "))
    })
}

pub(super) fn run(arguments: &OpsArguments) -> Result<ExitCode> {
    let text = match (&arguments.name, arguments.dialect) {
        (name, Some(dialect)) => list_dialect(dialect, name.as_deref())?,
        (None, None) if arguments.markdown => operator_reference(),
        (None, None) => list(),
        (Some(name), None) => {
            if let Some(operator) = Operator::by_name(name).or_else(|| by_symbol(name)) {
                explain(operator)
            } else if let Some(factor) = LibraryFactor::by_name(name) {
                explain_factor(factor)
            } else if let Some(reason) = why_absent(name) {
                bail!("`{name}` is left out: {reason}");
            } else {
                bail!("no operator or library factor is called `{name}`; `evoquant ops` lists all there are");
            }
        }
    };
    print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn by_symbol(symbol: &str) -> Option<Operator> {
    Operator::all().find(|operator| {
        matches!(operator.definition().syntax, Syntax::Infix(found, _) | Syntax::Prefix(found, _) if found == symbol)
    })
}

fn list() -> String {
    let mut text = String::new();
    let mut family = None;
    for operator in Operator::all() {
        let definition = operator.definition();
        if family != Some(definition.family) {
            family = Some(definition.family);
            let _ = writeln!(text, "\n{}", definition.family);
        }
        let _ = writeln!(text, "  {:<42} {}", definition.signature(), definition.summary);
    }
    let _ = writeln!(text, "\nlibrary factors");
    for factor in LibraryFactor::all() {
        let definition = factor.definition();
        let _ = writeln!(text, "  {:<42} {}", definition.signature(), definition.summary);
    }
    let count = Operator::all().count();
    let _ = writeln!(
        text,
        "\n{count} operators, {} library factors. `evoquant ops NAME` explains one.",
        LibraryFactor::all().count()
    );
    text.trim_start().to_owned()
}

/// The mapping of a dialect, all of it or what names one function on either side.
fn list_dialect(dialect: Dialect, name: Option<&str>) -> Result<String> {
    const PARTS: [(&str, Standing); 6] = [
        ("printed and read", Standing::Same),
        ("read; another spelling is printed", Standing::Reads),
        ("equal once windows are full: theirs count from their first value on", Standing::Partial),
        ("differ: refused, unless --approximate takes the nearest", Standing::Differs),
        ("refused when read", Standing::Refused),
        ("cannot be said there", Standing::Absent),
    ];
    let entries: Vec<DialectEntry> =
        dialect.entries().into_iter().filter(|entry| name.is_none_or(|name| names(entry, name))).collect();
    if entries.is_empty() {
        bail!("`{}` stands nowhere in the table of {dialect}", name.unwrap_or_default());
    }
    let mut text = format!("{dialect}\n");
    for remark in dialect.remarks() {
        let _ = writeln!(text, "  {remark}");
    }
    for (title, standing) in PARTS {
        let of_part: Vec<&DialectEntry> = entries.iter().filter(|entry| entry.standing == standing).collect();
        if !of_part.is_empty() {
            let _ = writeln!(text, "\n{title}");
        }
        for entry in of_part {
            let sides = match (entry.theirs, entry.ours) {
                ("", "*") => "all other operators".to_owned(),
                (one, "") | ("", one) => one.to_owned(),
                (theirs, ours) => format!("{theirs:<42} {ours}"),
            };
            let when = if entry.when.is_empty() { String::new() } else { format!(", when {}", entry.when) };
            let note = if entry.note.is_empty() { String::new() } else { format!("\n      {}", entry.note) };
            let _ = writeln!(text, "  {sides}{when}{note}");
        }
    }
    text.push_str(
        "\nOne letter stands for a number (x y z w), a group (g e), a condition (f h), a flag written as 1, 0 or missing \
         (t u),\na whole literal (d k) or any literal (a b c).\n",
    );
    Ok(text)
}

/// Whether an entry names a function on either side.
fn names(entry: &DialectEntry, name: &str) -> bool {
    let words = |side: &str| side.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == name);
    words(entry.theirs) || words(entry.ours)
}

fn explain(operator: Operator) -> String {
    let definition = operator.definition();
    entry(&definition.signature(), definition.summary, &operator_facts(operator))
}

fn explain_factor(factor: LibraryFactor) -> String {
    let definition = factor.definition();
    entry(&definition.signature(), definition.summary, &factor_facts(factor))
}

fn entry(signature: &str, summary: &str, facts: &[Fact]) -> String {
    let mut text = format!("{signature}\n\n{summary}\n");
    for Fact { label, text: fact, .. } in facts {
        let _ = writeln!(text, "  {label:<10} {fact}");
    }
    text
}
