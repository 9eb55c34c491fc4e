//! `backtest` and `signal` on the command line: what they write agrees with itself.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::{run, stderr, stdout};

/// A CSV file as rows of cells by column name.
fn table(path: &Path) -> Vec<BTreeMap<String, String>> {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next().expect("a header").split(',').collect();
    let row =
        |line: &str| names.iter().map(|name| (*name).to_owned()).zip(line.split(',').map(str::to_owned)).collect();
    lines.map(row).collect()
}

fn number(row: &BTreeMap<String, String>, name: &str) -> f64 {
    row[name].parse().unwrap_or_else(|_| panic!("{name} of {row:?}"))
}

fn succeed(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert!(output.status.success(), "{arguments:?}\n{}", stderr(&output));
    stdout(&output)
}

const STRATEGY: &str = "strategies/atr-breakout.toml";

#[test]
fn ledgers_agree_with_each_other() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("results");
    let settings = ["--set", "liquidity.volume_share=0.001", "--set", "shares.lot=1", "--set", "rates.cash=0.02"];
    let base = ["backtest", STRATEGY, "--out", out.to_str().expect("a path")];
    let told = succeed(&[&base[..], &settings[..]].concat());
    assert!(told.contains("at most 0.1 % of a bar's volume") && told.contains("not filled as wanted: "), "{told}");
    let folder = out.join("atr-breakout");
    let read = |name: &str| table(&folder.join(name).with_extension("csv"));
    let (equity, executions, orders) = (read("equity"), read("executions"), read("orders"));
    let (costs, trades, rejections) = (read("costs"), read("trades"), read("rejections"));
    let sum = |rows: &[BTreeMap<String, String>], name: &str| rows.iter().map(|row| number(row, name)).sum::<f64>();
    let near = |a: f64, b: f64| (a - b).abs() <= 1e-6 * a.abs().max(1.0);

    let types = ["commission", "half_spread", "slippage", "impact", "sell_tax"];
    for name in types {
        assert!(near(sum(&executions, name), sum(&costs, name)), "{name}");
    }
    assert!(near(sum(&costs, "total"), sum(&equity, "costs")));
    assert!(near(sum(&orders, "costs"), sum(&costs, "total")), "no holding costs here");
    // Cash at the end: what was there, less what executions took, and what cash earned.
    let paid: f64 = executions.iter().map(|row| number(row, "shares") * number(row, "price")).sum();
    let cash = 1e6 - paid - sum(&costs, "total") + sum(&costs, "interest_earned");
    assert!(near(cash, number(equity.last().expect("bars"), "cash")));
    assert!(sum(&costs, "interest_earned") > 1000.0);
    // Whole shares, and never more than a thousandth of a bar.
    assert!(executions.iter().all(|row| number(row, "shares").fract() == 0.0));
    assert_eq!(rejections.len(), orders.iter().filter(|row| row["fate"] != "filled").count());
    assert!(trades.len() > 50 && trades.iter().all(|row| number(row, "favourable") >= 0.0));
    let gained = number(equity.last().expect("bars"), "equity") - 1e6;
    assert!(near(sum(&trades, "net_pnl") + sum(&costs, "interest_earned"), gained));

    let report: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(folder.join("report.json")).expect("a report")).expect("JSON");
    let total = report["periods"][0]["total_return"].as_f64().expect("a return");
    assert!(near(1e6 * total, gained), "{total}");
    let left: Vec<_> = fs::read_dir(&folder).expect("a folder").map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 9, "{left:?}");
}

#[test]
fn tables_come_in_every_format() {
    let folder = tempfile::tempdir().expect("a folder");
    for format in ["csv", "parquet", "json", "ipc"] {
        let out = folder.path().join(format);
        succeed(&["backtest", STRATEGY, "--out", out.to_str().expect("a path"), "--format", format]);
        let equity = out.join("atr-breakout").join("equity").with_extension(format);
        assert!(fs::metadata(&equity).expect("written").len() > 10_000, "{}", equity.display());
    }
    let json = fs::read_to_string(folder.path().join("json/atr-breakout/trades.json")).expect("written");
    let trades: Vec<serde_json::Value> = serde_json::from_str(&json).expect("an array of objects");
    assert!(trades.len() > 50 && trades[0]["symbol"].is_string() && trades[0]["net_pnl"].is_number());
}

#[test]
fn a_part_of_the_bars_is_a_backtest_of_its_own() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("equity.csv");
    let path = path.to_str().expect("a path");
    let told =
        succeed(&["backtest", STRATEGY, "--from", "2016", "--to", "2017-06", "--equity", path, "--benchmark", "AAPL"]);
    assert!(told.contains("2016-01-04") && told.contains("2017-06-30") && told.contains("AAPL"), "{told}");
    let equity = table(Path::new(path));
    let last = equity.last().expect("bars");
    assert_eq!(last["date"], "2017-06-30");
    let before: Vec<_> = equity.iter().filter(|row| row["date"].as_str() < "2016").collect();
    assert!(before.iter().all(|row| number(row, "equity") == 1e6), "no money is held before");
    assert!(number(last, "benchmark") > 1.2e6 && number(last, "equity") != 1e6);
}

#[test]
fn profiles_change_the_assumptions_and_keys_come_on_top() {
    let told = succeed(&["backtest", STRATEGY, "--profile", "zipline", "--set", "costs.slippage_bps=9"]);
    for words in ["as zipline does", "next close", "0.001 a share", "9 bps slippage", "10 % of a bar's volume"] {
        assert!(told.contains(words), "no `{words}` in\n{told}");
    }
    let sharpe = |told: &str| told.lines().find(|line| line.starts_with("sharpe ")).expect("a line").to_owned();
    let (ours, theirs) = (succeed(&["backtest", STRATEGY]), succeed(&["backtest", STRATEGY, "--profile", "vectorbt"]));
    assert_ne!(sharpe(&ours), sharpe(&theirs));
}

#[test]
fn the_account_of_the_readme_is_one_of_the_bundled_market() {
    let readme = fs::read_to_string("README.md").expect("a README");
    let blocks = readme.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next());
    let account = blocks.into_iter().find(|block| block.contains("[holdings]")).expect("an account");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("account.toml");
    fs::write(&path, account).expect("written");
    let path = path.to_str().expect("a path");
    let told =
        succeed(&["signal", "strategies/momentum-12-1.toml", "--holdings", path, "--set", "shares.lot=1", "--now"]);
    assert!(told.contains("NFLX") && told.contains("AAPL"), "{told}");
}

#[test]
fn a_signal_is_printed_and_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let account = folder.path().join("account.toml");
    fs::write(
        &account,
        "cash = 100000\n[holdings]\nAAPL = { shares = 10, entry_price = 150, entry_date = \"2023-09-01\" }\n",
    )
    .expect("written");
    let out = folder.path().join("orders.csv");
    let (account, path) = (account.to_str().expect("a path"), out.to_str().expect("a path"));
    let arguments = ["signal", "strategies/momentum-12-1.toml", "--holdings", account, "--set", "shares.lot=1"];
    let idle = succeed(&arguments);
    assert!(idle.contains("no rebalance is due") && idle.contains("AAPL"), "{idle}");
    let now = succeed(&[&arguments[..], &["--now", "--out", path]].concat());
    assert!(now.contains("targets are set") && now.contains("sell 10.0000 (rebalance)"), "{now}");
    let lines = table(&out);
    let spent: f64 = lines.iter().map(|row| number(row, "order_shares") * number(row, "price")).sum();
    assert!(lines.len() == 3 && spent > 90_000.0 && spent < 100_000.0, "{spent}: {lines:?}");
    let json: serde_json::Value =
        serde_json::from_str(&succeed(&[&arguments[..], &["--now", "--json"]].concat())).expect("JSON");
    assert_eq!(json["lines"].as_array().expect("lines").len(), 3);
    assert_eq!(json["rebalances"], true);
}
