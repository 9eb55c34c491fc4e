//! `evoquant print`, and the reference of `evoquant ops`.

use std::fs;

use crate::{run, stderr, stdout};

/// What a command line prints.
fn printed(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert!(output.status.success(), "{arguments:?}\n{}", stderr(&output));
    stdout(&output)
}

#[test]
fn expressions_strategies_and_graphs_are_printed_in_every_form() {
    let folder = tempfile::tempdir().expect("a folder");
    let json = folder.path().join("factor.json");
    let json = json.to_str().expect("a path");
    let text = "cs_rank(-returns(close, 5) / ts_std(returns(close, 1), 20, ddof=0))\n";
    for (source, words) in [
        (
            text.trim_end(),
            ["\"cs_rank\"", "label = \"returns\\nd = 5\"", "\\frac{-\\operatorname{returns}_{5}", "cs_rank(v"],
        ),
        ("-close", ["\"neg\"", "label = \"-\"", "-\\mathit{close}", "-close"]),
        (
            "strategies/trend-and-strength.toml",
            [
                "\"positions\": {\"score\": \"strength\"",
                "label = \"score\"",
                "\\textbf{score} &= \\mathit{strength}",
                "score=",
            ],
        ),
    ] {
        for (form, word) in ["json", "dot", "latex", "polars"].into_iter().zip(words) {
            let text = printed(&["print", source, "--as", form]);
            assert!(text.contains(word), "{source} as {form} lacks {word}:\n{text}");
        }
        fs::write(json, printed(&["print", source, "--as", "json"])).expect("written");
        assert_eq!(printed(&["print", json, "--as", "json"]), fs::read_to_string(json).expect("read"));
    }
    fs::write(json, printed(&["print", text.trim_end(), "--as", "json"])).expect("written");
    assert_eq!(printed(&["print", json]), text);
    assert_eq!(printed(&["print", "close/ts_delay( close,1 )-1"]), "close / ts_delay(close, 1) - 1\n");
    let strategy = printed(&["print", "strategies/trend-and-strength.toml"]);
    assert!(printed(&["strategy", "fmt", "strategies/trend-and-strength.toml", "--check"]).ends_with(&strategy));
    assert_eq!(printed(&["ops", "--markdown"]), fs::read_to_string("docs/operators.md").expect("the reference"));
}
