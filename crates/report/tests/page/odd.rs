//! Backtests in which there is little to show.

use backtest::Metrics;
use report::{Error, PageInput, page};

use crate::world::{SPREAD, TREND, World, chart, data, markup, panel, table, values, wave};

/// Never buys anything.
const NEVER: &str = r#"
name = "never"
[positions]
rule = "signal"
entry = "close < 0"
count = 2
rebalance = "daily"
"#;

/// Undefined figures are `--`, in text and in JSON.
fn check(world: &World) -> String {
    let page = world.page();
    let markup = markup(&page);
    for word in ["NaN", "inf%", "-inf", ">inf<", "null"] {
        assert!(!markup.contains(word), "{word}");
    }
    let data = data(&page);
    for place in page.split("data-chart=\"").skip(1).map(|rest| rest.split('"').next().unwrap_or_default()) {
        let chart = chart(&data, place).unwrap_or_else(|| panic!("a place for {place} and nothing to draw"));
        let lines = chart["series"].as_array().expect("lines");
        let drawn =
            lines.iter().any(|line| line["values"].as_array().expect("values").iter().any(|value| !value.is_null()));
        assert!(drawn, "{place} is empty");
    }
    page
}

#[test]
fn a_strategy_that_never_trades_says_so() {
    let page = check(&World::waves(200, &[NEVER]));
    for text in ["Nothing was ever held.", "No trade ended.", "No closed trade made a profit.", "Equity never fell"] {
        assert!(page.contains(text), "{text}");
    }
    assert!(!page.contains("data-chart=\"costs-0\"") && !page.contains("data-chart=\"turnover-0\""));
    assert!(page.contains("Left out: nothing was traded"));
}

#[test]
fn few_bars_are_enough() {
    for bars in [1, 2, 3, 5, 20] {
        let page = check(&World::waves(bars, &[TREND]));
        assert!(page.contains("Short sample"), "{bars}");
        check(&World::waves(bars, &[TREND, SPREAD]));
    }
    assert!(check(&World::waves(1, &[TREND])).contains("<td>--</td>"));
}

#[test]
fn ruin_is_said_first() {
    let mut world = World::waves(100, &[TREND]);
    let report = &mut world.reports[0];
    report.outcome.returns[40] = -1.5;
    report.outcome.returns[41..].fill(f64::NAN);
    report.outcome.equity[40..].fill(-5e5);
    report.periods[0].metrics = Metrics::from_returns(&report.outcome.returns, &world.returns);
    let page = check(&world);
    let warning = page.find("Ruin: equity was gone").expect("a warning");
    assert!(warning < page.find("Assumptions").expect("a heading"));
    assert!(page.contains("-100.00%"));
}

#[test]
fn nothing_but_gaps_leaves_a_page() {
    let world = World::new(panel(50, &["A", "B"], |_, _| f64::NAN), &[TREND]);
    check(&world);
    let mut world = World::waves(50, &[TREND]);
    let outcome = &mut world.reports[0].outcome;
    for series in [
        &mut outcome.returns,
        &mut outcome.equity,
        &mut outcome.turnover,
        &mut outcome.costs,
        &mut outcome.exposure_gross,
        &mut outcome.exposure_net,
    ] {
        series.fill(f64::NAN);
    }
    check(&world);
}

#[test]
fn gaps_within_are_survived() {
    let gappy = |row: usize, symbol: usize| {
        if (row + symbol).is_multiple_of(7) || row > 150 && symbol == 0 { f64::NAN } else { wave(row, symbol) }
    };
    let page = check(&World::new(panel(200, &["A", "B", "C"], gappy), &[TREND, SPREAD]));
    assert!(page.contains("1 of 3 symbols stop trading before the end of the file"));
}

#[test]
fn a_page_needs_a_strategy() {
    let world = World::waves(10, &[TREND]);
    let input = PageInput {
        version: "",
        source: "",
        panel: &world.panel,
        bars: 0..10,
        ledger: &world.ledger,
        returns: world.returns,
        benchmark: &world.benchmark,
        entries: &[],
    };
    assert!(matches!(page(&input), Err(Error::NoStrategy)));
}

#[test]
fn very_many_bars_are_thinned_and_the_page_says_so() {
    let page = check(&World::waves(12_000, &[TREND]));
    let data = data(&page);
    let drawn = data["time"].as_array().expect("times").len();
    assert!((1_500..5_000).contains(&drawn), "{drawn}");
    assert!(page.contains(&format!("{drawn} of 12000 bars are drawn")));
    assert_eq!(data["bars"].as_u64(), Some(12_000));
    let lengths = data["charts"].as_array().expect("charts").iter().filter(|chart| chart["monthly"] == false);
    assert!(lengths.into_iter().all(|chart| chart["series"][0]["values"].as_array().map(Vec::len) == Some(drawn)));
}

#[test]
fn a_part_of_the_bars_is_all_that_is_drawn() {
    let page = check(&World::between(panel(400, &["AAA", "BBB", "CCC", "DDD"], wave), &[TREND], 100..220));
    let data = data(&page);
    let time = data["time"].as_array().expect("times");
    assert_eq!((time.len(), time[0].as_i64()), (120, Some(18_262 + 100)));
    let sharpe = values(&data, "sharpe-0", 1);
    // Half of 120 bars, none of them from before.
    assert!(sharpe[..59].iter().all(|value| value.is_nan()) && sharpe[119].is_finite());
    assert!(page.contains("<dd>2020-04-10 to 2020-08-07</dd>") && page.contains("<dd>2020-01-01 to 2021-02-03</dd>"));
    let months = table(&page, "Returns by month");
    let cells: Vec<bool> = months[0][1..13].iter().map(|cell| !cell.is_empty()).collect();
    assert_eq!(cells.iter().position(|cell| *cell), Some(3));
    assert_eq!((months.len(), cells.iter().filter(|cell| **cell).count()), (1, 5));
}
