//! Expressions of others on the command line.

use crate::{run, stderr, stdout};

/// What `eval` says an expression is here, and how many values it has.
fn evaluated(arguments: &[&str]) -> (String, String) {
    let output = run(&[&["eval"], arguments].concat());
    assert!(output.status.success(), "{arguments:?}\n{}", stderr(&output));
    let text = stdout(&output);
    let mut lines = text.lines().skip(1);
    let expression = lines.next().expect("the expression").to_owned();
    (expression, lines.next().expect("the values").to_owned())
}

#[test]
fn an_expression_gives_the_same_values_in_every_dialect() {
    let ours = evaluated(&["ts_corr(open, volume, 10)"]);
    assert_eq!(evaluated(&["--dialect", "alpha101", "correlation(open, volume, 10.7)"]), ours);
    assert_eq!(evaluated(&["--dialect", "brain", "a = open; ts_corr(a, volume, 10);"]), ours);
    assert_eq!(evaluated(&["--dialect", "pandas", "open.rolling(10).corr(volume)"]), ours);
    assert_eq!(evaluated(&["--dialect", "qlib", "--approximate", "Corr($open, $volume, 10)"]), ours);
    let output = run(&["eval", "--dialect", "qlib", "--approximate", "Corr($open, $volume, 10)"]);
    assert!(stderr(&output).contains("note: `Corr(x, y, d)` is read as `ts_corr(x, y, d)`"), "{}", stderr(&output));
}

#[test]
fn a_dialect_is_listed_whole_or_by_name() {
    for dialect in ["pandas", "brain", "alpha101", "qlib"] {
        let text = stdout(&run(&["ops", "--dialect", dialect]));
        assert!(text.starts_with(dialect) && text.contains("printed and read"), "{text}");
        assert!(text.contains("cannot be said there"), "{dialect}");
    }
    let text = stdout(&run(&["ops", "--dialect", "qlib", "IdxMax"]));
    assert!(text.contains("IdxMax(x, d)") && text.contains("oldest") && !text.contains("Mean(x, d)"), "{text}");
    let text = stdout(&run(&["ops", "ts_rank"]));
    assert!(text.contains("alpha101   `Ts_Rank(x, d)`") && text.contains("brain      `ts_rank(x, d)`"), "{text}");
}
