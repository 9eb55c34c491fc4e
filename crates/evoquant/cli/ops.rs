//! `evoquant ops`: the vocabulary, from the registry itself.

use std::fmt::Write;
use std::process::ExitCode;

use ::factor::{Fact, LibraryFactor, Operator, Syntax, factor_facts, operator_facts, operator_reference, why_absent};
use anyhow::{Result, bail};
use clap::Args;

use super::print;

#[derive(Debug, Args)]
pub(super) struct OpsArguments {
    /// An operator or library factor to explain.
    name: Option<String>,
    /// Print the whole reference as Markdown: docs/operators.md.
    #[arg(long, conflicts_with = "name")]
    markdown: bool,
}

pub(super) fn run(arguments: &OpsArguments) -> Result<ExitCode> {
    let text = match &arguments.name {
        None if arguments.markdown => operator_reference(),
        None => list(),
        Some(name) => {
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
    Operator::ALL.iter().copied().find(|operator| {
        matches!(operator.definition().syntax, Syntax::Infix(found, _) | Syntax::Prefix(found, _) if found == symbol)
    })
}

fn list() -> String {
    let mut text = String::new();
    let mut family = None;
    for &operator in Operator::ALL {
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
    let count = Operator::ALL.len();
    let _ = writeln!(
        text,
        "\n{count} operators, {} library factors. `evoquant ops NAME` explains one.",
        LibraryFactor::all().count()
    );
    text.trim_start().to_owned()
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
