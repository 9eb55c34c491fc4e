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
    let partial = evaluated(&["ts_corr(open, volume, 10, min_periods=1)"]);
    assert_eq!(evaluated(&["--dialect", "pandas", "open.rolling(10, min_periods=1).corr(volume)"]), partial);
    assert_eq!(evaluated(&["--dialect", "qlib", "--approximate", "Corr($open, $volume, 10)"]), partial);
    let output = run(&["eval", "--dialect", "qlib", "--approximate", "Corr($open, $volume, 10)"]);
    assert!(
        stderr(&output).contains("note: `Corr(x, y, d)` is read as `ts_corr(x, y, d, min_periods=1)`"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn an_expression_is_printed_in_the_words_of_others() {
    let text = "-ts_delta(close, 5) / ts_mean(close, 20)";
    for (form, expected) in [
        ("brain", "-ts_delta(close, 5) / ts_mean(close, 20)\n"),
        ("alpha101", "-delta(close, 5) / (sum(close, 20) / 20)\n"),
        ("qlib", "Mul(Delta($close, 5), -1) / Mean($close, 20)\n"),
    ] {
        let output = run(&["print", text, "--as", form]);
        assert_eq!(stdout(&output), expected, "{form}: {}", stderr(&output));
    }
    let output = run(&["print", "trade_when(close > open, close, close < open)", "--as", "qlib"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("cannot be said in qlib"), "{}", stderr(&output));
}

#[test]
fn parts_that_double_are_not_written_out() {
    let parts: Vec<String> = (1..60).map(|part| format!("a{part} = a{0} + a{0};", part - 1)).collect();
    let (expression, _) = evaluated(&["--dialect", "brain", &format!("a0 = close; {} a59", parts.join(" "))]);
    assert!(expression.len() < 1_000, "{} bytes", expression.len());
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
