//! Expressions over the bundled market.

use std::fs;

use crate::{run, stderr, stdout};

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
