//! What factors say of returns, and which inputs know the future.

use std::fmt::Write;
use std::fs;

use serde_json::Value;

use crate::{run, stderr, stdout};

fn json(arguments: &[&str]) -> Value {
    let output = run(&[&["analyze", "--json"], arguments].concat());
    assert!(output.status.success(), "{}", stderr(&output));
    serde_json::from_str(&stdout(&output)).expect("JSON")
}

/// Sixty bars of twelve symbols in two sectors, whose `hint` is the return to come, and `news` what only one of the
/// sectors is moved by.
fn market() -> String {
    let mut text = "date,symbol,open,high,low,close,volume,hint,news,sector\n".to_owned();
    let step =
        |day: usize, symbol: usize| ((day * 7919 + symbol * 104_729 + day * symbol * 31) % 401) as f64 / 1e4 - 0.02;
    let mut close = [50.0; 12];
    for day in 0..60 {
        for (symbol, close) in close.iter_mut().enumerate() {
            let open = *close;
            *close *= 1.0 + step(day, symbol);
            let (high, low) = (open.max(*close), open.min(*close));
            let (hint, odd) = (step(day + 1, symbol), symbol % 2 == 1);
            let news = if odd { hint } else { -hint };
            let date = format!("2024-{:02}-{:02}", 1 + day / 28, 1 + day % 28);
            let sector = if odd { "Odd" } else { "Even" };
            let _ = writeln!(text, "{date},S{symbol:02},{open},{high},{low},{close},1000,{hint},{news},{sector}");
        }
    }
    text
}

#[test]
fn the_terminal_shows_every_part() {
    let output = run(&["analyze", "-returns(close, 5)", "strategies/momentum-12-1.toml"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let text = stdout(&output);
    for part in [
        "6 symbols x 2699 bars",
        "next open",
        "100.0% of members",
        "rank IC, mean",
        "t, Newey-West",
        "spread, bps",
        "monotonicity",
        "5 highest",
        "decay of the rank IC",
        "rank autocorrelation",
        "turnover, highest",
        "2022",
        "momentum-12-1",
        "momentum_skip(21, 252)",
        "│██",
    ] {
        assert!(text.contains(part), "no `{part}` in\n{text}");
    }
    assert!(!text.contains("LEAK") && !text.contains("NaN"), "{text}");
}

#[test]
fn json_has_every_figure_and_null_for_what_is_undefined() {
    let found = json(&["close", "--quantiles", "2", "--horizons", "3", "--lags", "1,2", "--fill", "same_close"]);
    let analysis = &found["factors"][0]["analysis"];
    assert_eq!(analysis["fill"], "same_close");
    assert_eq!(analysis["horizons"][0]["horizon"], 3);
    assert!(analysis["horizons"][0]["rank_ic"]["mean"].is_f64());
    assert_eq!(analysis["horizons"][0]["quantiles"].as_array().map(Vec::len), Some(2));
    // Two quantiles have no trend.
    assert!(analysis["horizons"][0]["monotonicity"].is_null());
    assert_eq!(analysis["stability"].as_array().map(Vec::len), Some(2));
    assert_eq!(analysis["leak"]["suspect"], false);
    assert_eq!(found["inputs"].as_array().map(Vec::len), Some(0));
    let constant = json(&["num(close > 0)"]);
    let horizon = &constant["factors"][0]["analysis"]["horizons"][0];
    assert!(horizon["rank_ic"]["mean"].is_null() && horizon["spread"]["mean"].is_null());
}

#[test]
fn columns_that_know_the_future_are_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("market.csv");
    fs::write(&path, market()).expect("written");
    let data = path.to_str().expect("a path");
    let found = json(&["hint", "--data", data, "--by", "sector", "--horizons", "1,5", "--fill", "same_close"]);
    let analysis = &found["factors"][0]["analysis"];
    assert!(analysis["horizons"][0]["rank_ic"]["mean"].as_f64().expect("a number") > 0.999);
    assert_eq!(analysis["leak"]["suspect"], true);
    assert_eq!((&found["inputs"][0]["input"], &found["inputs"][0]["suspect"]), (&"hint".into(), &true.into()));
    // Across sectors news cancels out; within each it says everything.
    let news = json(&["news", "--data", data, "--by", "sector", "--horizons", "1", "--fill", "same_close"]);
    let groups = news["factors"][0]["analysis"]["groups"].as_array().expect("groups");
    let means: Vec<(&str, f64)> = groups
        .iter()
        .map(|of| (of["group"].as_str().expect("a label"), of["mean"].as_f64().expect("a mean")))
        .collect();
    assert!(
        means.iter().all(|&(name, mean)| (mean - if name == "Odd" { 1.0 } else { -1.0 }).abs() < 1e-3),
        "{means:?}"
    );
    assert_eq!(means.len(), 2);

    let output = run(&["analyze", "--columns", "--data", data]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let text = stdout(&output);
    assert!(text.contains("LEAK? `hint`"), "{text}");
    for column in ["open", "high", "low", "volume"] {
        assert!(text.contains(column) && !text.contains(&format!("LEAK? `{column}`")), "{text}");
    }
}

#[test]
fn series_are_written_bar_by_bar() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("series.csv");
    let out = path.to_str().expect("a path");
    let output = run(&["analyze", "-returns(close, 5)", "--out", out, "--quantiles", "3", "--horizons", "2,1"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let text = fs::read_to_string(&path).expect("written");
    let mut lines = text.lines();
    let head = "date,ic_2,rank_ic_2,ic_1,rank_ic_1,mean_return_2,\
                quantile_1_return_2,quantile_2_return_2,quantile_3_return_2";
    assert_eq!(lines.next(), Some(head));
    assert_eq!(lines.clone().count(), 2699);
    // The first five bars have no past, the last three no future.
    let values: Vec<bool> = lines.map(|line| line.split(',').nth(2).is_some_and(|value| !value.is_empty())).collect();
    assert!(values[..5].iter().all(|value| !value) && values[5..2696].iter().all(|value| *value));
    assert!(values[2696..].iter().all(|value| !value));
}

#[test]
fn expressions_of_a_file_and_several_with_a_minus() {
    let found = json(&["--file", "strategies/alpha101/alpha012.expr", "--", "-close", "-open"]);
    let names: Vec<&str> =
        found["factors"].as_array().expect("factors").iter().filter_map(|factor| factor["name"].as_str()).collect();
    assert_eq!(names, ["-close", "-open", "strategies/alpha101/alpha012.expr"]);
}
