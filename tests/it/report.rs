//! `evoquant backtest --report`: one page, written whole, the same every time.

use std::fs;

use crate::{run, stderr, stdout};

/// The page that a backtest of some strategies writes.
fn page(strategies: &[&str]) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("page.html");
    let mut arguments = vec!["backtest"];
    arguments.extend(strategies);
    arguments.extend(["--report", file.to_str().expect("a path")]);
    let output = run(&arguments);
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1, "nothing but the page is left");
    fs::read_to_string(file).expect("a page")
}

#[test]
fn a_page_says_what_the_terminal_says() {
    let strategy = "strategies/trend-and-strength.toml";
    let page = page(&[strategy]);
    let json = run(&["backtest", strategy, "--json"]);
    let reports: serde_json::Value = serde_json::from_str(&stdout(&json)).expect("JSON");
    let start = page.find("id=\"data\">").expect("figures") + "id=\"data\">".len();
    let end = start + page[start..].find("</script>").expect("an end");
    let data: serde_json::Value = serde_json::from_str(&page[start..end]).expect("JSON");
    assert_eq!(data["reports"], reports);
    assert!(page.contains("us_large_caps_daily_2013_2023.parquet"));
    assert!(page.contains("Rank IC of the score"), "the score's foresight is measured");
}

#[test]
fn several_strategies_make_one_page_the_same_every_time() {
    let strategies = ["strategies/macd.toml", "strategies/momentum-12-1.toml"];
    let first = page(&strategies);
    assert!(first.contains("2 strategies compared") && first.contains("1. macd") && first.contains("2. momentum-12-1"));
    assert!(first.contains("Left out: there is no score to analyse"), "macd has flags alone");
    assert_eq!(first, page(&strategies));
}

#[test]
fn a_page_that_cannot_be_written_is_an_error() {
    let output = run(&["backtest", "strategies/macd.toml", "--report", "no/such/folder/page.html"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("no/such/folder/page.html"), "{}", stderr(&output));
}
