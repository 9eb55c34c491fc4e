//! Expressions over the bundled market.

use std::fs;

use evoquant::engine::vectors::Vectors;

use crate::{evoquant, run, stderr, stdout};

#[test]
fn a_file_gives_the_values_of_the_expression_in_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let values = |name: &str, arguments: &[&str]| {
        let path = folder.path().join(name);
        let out = ["--out", path.to_str().expect("a path")];
        let output = run(&[&["eval"], arguments, &out].concat());
        assert!(output.status.success(), "{}", stderr(&output));
        assert!(stdout(&output).contains("lookback 1 bars"), "{}", stdout(&output));
        fs::read(path).expect("written")
    };
    let file = values("file.csv", &["--file", "strategies/alpha101/alpha012.expr"]);
    let typed = values("typed.csv", &["sign(ts_delta(volume, 1)) * -ts_delta(close, 1)"]);
    assert!(file.len() > 100_000 && file == typed);
}

#[test]
fn vectors_of_every_width_give_the_same_values() {
    let values = |vectors: &str| {
        let mut command = evoquant();
        command.args(["backtest", "strategies/momentum-12-1.toml"]).env("EVOQUANT_VECTORS", vectors);
        command.output().expect("the program starts")
    };
    let expected = stdout(&values(""));
    assert!(expected.contains("momentum-12-1"), "{expected}");
    for vectors in Vectors::all().map(Vectors::name) {
        assert_eq!(stdout(&values(vectors)), expected, "{vectors}");
    }
    let output = values("avx1024");
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("`avx1024`; this processor has baseline"), "{}", stderr(&output));
}
