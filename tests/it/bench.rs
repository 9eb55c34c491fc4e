//! Benches on the smallest sizes: what they print and keep, and what they hold beside it. Times are never asserted.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::{run, stderr, stdout};

const SCALING: [&str; 14] = [
    "bench",
    "scaling",
    "--factors",
    "6",
    "--symbols",
    "60",
    "--bars",
    "120",
    "--population",
    "12",
    "--points",
    "3",
    "--rounds",
    "1",
];
const PLAN: [&str; 6] = ["bench", "plan", "--bars", "120", "--symbols", "24"];
const MEMORY: [&str; 10] =
    ["bench", "memory", "--bars", "120", "--symbols", "24", "--strategies", "8", "--cache-memory", "1MB"];
const BACKTEST: [&str; 9] = [
    "bench",
    "backtest",
    "strategies/momentum-12-1.toml",
    "--data",
    "synth:bars=400,symbols=20",
    "--profile",
    "vectorbt",
    "--seconds",
    "0",
];

fn figures(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).expect("figures")).expect("JSON")
}

/// Runs a bench that keeps its figures, then again beside figures that nothing stays below.
fn check(arguments: &[&str], names: &[&str], words: &[&str]) -> Value {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("figures.json");
    let file = path.to_str().expect("a path");
    let output = run(&[arguments, &["--save-baseline", file]].concat());
    let text = stdout(&output);
    let beyond = text.contains("  NO  ");
    assert_eq!(output.status.code(), Some(i32::from(beyond)), "{text}\n{}", stderr(&output));
    for word in words {
        assert!(text.contains(word), "no `{word}` in\n{text}");
    }
    for name in names {
        assert!(stderr(&output).contains(&format!("measured {name}\n")), "no {name} in\n{}", stderr(&output));
    }
    let kept = figures(&path);
    let records = kept["records"].as_array().expect("records");
    let found: Vec<&str> = records.iter().filter_map(|record| record["name"].as_str()).collect();
    assert_eq!(found, names);
    let mut faster = kept.clone();
    for record in faster["records"].as_array_mut().expect("records") {
        record["minimum_ns"] = 1e-3.into();
    }
    fs::write(&path, faster.to_string()).expect("written");
    let output = run(&[arguments, &["--compare", file]].concat());
    let text = stdout(&output);
    assert_eq!(output.status.code(), Some(1), "{text}\n{}", stderr(&output));
    assert_eq!(text.matches("  slower\n").count(), names.len(), "{text}");
    kept
}

#[test]
fn growth_is_measured_in_every_dimension() {
    let names = [
        "scaling/factors/2",
        "scaling/factors/3",
        "scaling/factors/6",
        "scaling/symbols/50",
        "scaling/symbols/55",
        "scaling/symbols/60",
        "scaling/bars/100",
        "scaling/bars/110",
        "scaling/bars/120",
        "scaling/population/10",
        "scaling/population/11",
        "scaling/population/12",
    ];
    let kept = check(&SCALING, &names, &["one thread", "2 to 6", "50 to 60", "100 to 120", "10 to 12", "slopes are"]);
    let slopes = kept["slopes"].as_array().expect("slopes");
    for slope in slopes {
        let number = |key: &str| slope[key].as_f64().expect("a number");
        let (low, high) = (slope["interval"][0].as_f64().expect("low"), slope["interval"][1].as_f64().expect("high"));
        assert!(low <= number("slope") && number("slope") <= high, "{slope}");
    }
    let found: Vec<&str> = slopes.iter().filter_map(|slope| slope["name"].as_str()).collect();
    assert_eq!(found, ["scaling/factors", "scaling/symbols", "scaling/bars", "scaling/population"]);
}

#[test]
fn plans_of_a_run_are_counted() {
    let names = [
        "plan/120x24/generation-1",
        "plan/120x24/generation-5",
        "plan/120x24/generation-10",
        "plan/120x24/generation-20",
    ];
    let kept = check(&PLAN, &names, &["operator nodes", "asked", "shared", "cached", "saved"]);
    for record in kept["records"].as_array().expect("records") {
        let count = |key: &str| record["nodes"][key].as_u64().expect("a count");
        assert!(count("run") > 0 && count("shared") > 0, "{record}");
        assert_eq!(count("asked"), count("shared") + count("cached") + count("run"), "{record}");
    }
}

#[test]
fn memory_is_measured_beside_the_panel() {
    let names = ["memory/preparation", "memory/threads-1", "memory/threads-2", "memory/threads-2-cache"];
    let kept = check(&MEMORY, &names, &["120 bars x 24 symbols: the panel takes 0.1 MiB", "of the panel"]);
    assert_eq!(kept["panel_bytes"].as_u64(), Some(5 * 120 * 24 * 8));
}

#[test]
fn backtests_of_saved_strategies_are_measured() {
    let names = ["backtest/market", "backtest/momentum-12-1/strategy"];
    let kept = check(&BACKTEST, &names, &["400 bars x 20 symbols", "one thread"]);
    assert!(kept["records"].as_array().expect("records").iter().all(|record| record["runs"].as_u64() >= Some(7)));
}

#[test]
fn what_cannot_be_measured_or_compared_is_said() {
    let folder = tempfile::tempdir().expect("a folder");
    let broken = folder.path().join("broken.json");
    fs::write(&broken, "[1, 2]").expect("written");
    let broken = broken.to_str().expect("a path");
    let refused = |arguments: &[&str], more: &[&str], word: &str| {
        let output = run(&[arguments, more].concat());
        assert_eq!(output.status.code(), Some(2), "{}", stdout(&output));
        assert!(stderr(&output).contains(word), "no `{word}` in\n{}", stderr(&output));
    };
    for arguments in [&SCALING[..], &PLAN, &MEMORY, &BACKTEST] {
        refused(arguments, &["--compare", broken], "holds no figures");
        refused(arguments, &["--compare", "no-such.json"], "no-such.json");
        refused(arguments, &["--tolerance=-1"], "--tolerance");
    }
    refused(&["bench", "scaling"], &["--population", "9"], "--population");
    refused(&["bench", "scaling"], &["--factors", "201"], "--factors");
    refused(&["bench", "memory"], &["--bars", "0"], "at least 1");
    refused(
        &["bench", "memory"],
        &["--bars", "120", "--symbols", "24", "--strategies", "0"],
        "0 factors or strategies",
    );
    refused(&["bench", "memory"], &["--bars", "30", "--symbols", "24"], "at least 100");
    refused(&BACKTEST[..3], &["--seconds", "nan"], "--seconds must be");
    refused(&BACKTEST, &["--set", "capital=-1"], "capital");
    refused(&["bench", "backtest"], &["no-such.toml"], "no-such.toml");
}
