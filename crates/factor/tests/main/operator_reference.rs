//! The operator reference in the documentation is what the registry says today.

use std::path::Path;

use factor::{LibraryFactor, Operator, operator_reference};

#[test]
fn the_reference_in_docs_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/operators.md");
    let written = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        written == operator_reference(),
        "docs/operators.md is out of date; renew it with `cargo run --release -- ops --markdown > docs/operators.md`"
    );
}

#[test]
fn every_operator_and_factor_has_an_entry() {
    let text = operator_reference();
    let entry = |name: &str| {
        let start = text.find(&format!("\n### {name}\n")).unwrap_or_else(|| panic!("no entry for {name}"));
        text[start + 1..].split("\n#").next().unwrap()
    };
    for &operator in Operator::ALL {
        let definition = operator.definition();
        let entry = entry(definition.name);
        for part in [definition.summary, definition.formula, definition.missing, definition.example] {
            assert!(entry.contains(part), "{part}\n{entry}");
        }
        assert!(entry.contains(&definition.signature()) && entry.contains("- look-back: "), "{entry}");
        for name in definition.aliases.iter().copied().chain(definition.parameters.iter().map(|p| p.name)) {
            assert!(entry.contains(name), "{name}\n{entry}");
        }
    }
    for factor in LibraryFactor::all() {
        let definition = factor.definition();
        let entry = entry(definition.name);
        assert!(entry.contains(definition.definition) && entry.contains(&definition.signature()), "{entry}");
    }
}
