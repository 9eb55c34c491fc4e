//! What a check finds, on real panels with known defects and on made ones.
//!
//! Real panels are in the folder that `EVOQUANT_MARKETS` names; by default it is looked for beside the repository.

mod markets;

use std::collections::BTreeSet;
use std::path::Path;

use indexmap::IndexMap;
use market::synthetic::random_walk;
use market::{
    CheckOptions, CheckReport, CheckRule, ImportOptions, Panel, Severity, check, check_panel, mask, read_panel_listed,
};

use markets::markets;

fn report(path: &Path) -> (Panel, CheckReport) {
    let listed = read_panel_listed(path, &ImportOptions::default(), &mut |_, _| {}).unwrap();
    let report = check(&listed, &CheckOptions::default());
    (listed.import.panel, report)
}

fn rows(report: &CheckReport) -> BTreeSet<(String, String)> {
    let masked = report.findings.iter().filter(|finding| finding.rule.masks());
    masked.map(|finding| (finding.date.clone(), finding.symbol.clone())).collect()
}

/// `SOURCE.md` lists 1,080 rows: 12 broken bars and 1,068 copies. The copy that is not found is a bar of AMD at 2.66, of
/// the 80 pairs of whose bars that share high and low a third shares the open by chance.
#[test]
fn the_rows_that_are_known_to_be_wrong_are_found_and_no_others() {
    let Some(folder) = markets() else { return };
    let (panel, found) = report(&folder.join("us_equities_daily_2013_2018_raw.parquet"));
    let list = std::fs::read_to_string(folder.join("us_equities_suspect_rows.csv")).unwrap();
    let cells = |line: &str| line.split(',').map(str::to_owned).collect::<Vec<_>>();
    let known: BTreeSet<(String, String)> =
        list.lines().skip(1).map(|line| (cells(line)[0].clone(), cells(line)[1].clone())).collect();
    let rows = rows(&found);
    assert_eq!((known.len(), rows.intersection(&known).count()), (1_080, 1_079));
    assert_eq!(rows.difference(&known).collect::<Vec<_>>(), Vec::<&(String, String)>::new());
    let missed: Vec<&(String, String)> = known.difference(&rows).collect();
    assert_eq!(missed, [&("2015-03-31".to_owned(), "AMD".to_owned())]);

    // Once masked, nothing is left to mask.
    let masked = mask(&panel, &found);
    assert_eq!(check_panel(&masked, &CheckOptions::default()).masked().count(), 0);
    let closes = |panel: &Panel| panel.values("close").unwrap().iter().filter(|close| close.is_finite()).count();
    assert_eq!(closes(&panel) - closes(&masked), 1_067);
}

/// Of the problems on panels that are clean, one: shares of DISCK that were given out and not adjusted for, on which
/// `SOURCE.md` and the rule agree.
#[test]
fn clean_panels_give_few_false_alarms() {
    let Some(folder) = markets() else { return };
    let check = |name: &str, problems: &[(&str, &str)], warned: &[CheckRule]| {
        let (_, report) = report(&folder.join(name));
        let found = report.findings.iter().filter(|finding| finding.severity == Severity::Problem);
        let found: Vec<(&str, &str)> = found.map(|finding| (finding.date.as_str(), finding.symbol.as_str())).collect();
        assert_eq!(found, problems, "{name}\n{report}");
        for rule in warned {
            assert!(report.rules.iter().any(|summary| summary.rule == *rule), "{name}: no {rule:?}\n{report}");
        }
    };
    let survivors = [CheckRule::Survivorship, CheckRule::ZeroVolume, CheckRule::Gap];
    check("us_equities_daily_2013_2018.parquet", &[("2014-08-07", "DISCK")], &survivors);
    check("us88_daily_2012_2017.parquet", &[], &survivors);
    check("us_index_daily_1999_2018.parquet", &[], &[CheckRule::CopiedOpen, CheckRule::CalendarHole]);
}

/// A market with one change at will: `change(field, bar, symbol, value)`.
fn changed(bars: usize, symbols: usize, change: impl Fn(&str, usize, usize, f64) -> f64) -> Panel {
    let panel = random_walk(bars, symbols, 21);
    let cents = |value: f64| (100.0 * value).round() / 100.0;
    let mut fields = IndexMap::new();
    for name in panel.field_names() {
        let mut array = panel.field(name).unwrap().to_owned();
        for ((bar, symbol), value) in array.indexed_iter_mut() {
            *value = change(name, bar, symbol, if name == "volume" { *value } else { cents(*value) });
        }
        fields.insert(name.to_owned(), array);
    }
    Panel::new(panel.calendar().clone(), panel.symbols().to_vec(), fields, IndexMap::new()).unwrap()
}

/// What the rule finds, as `bar symbol`, in a market of 300 bars and 4 symbols.
fn found(rule: CheckRule, change: impl Fn(&str, usize, usize, f64) -> f64) -> String {
    let report = check_panel(&changed(300, 4, change), &CheckOptions::default());
    let calendar = random_walk(300, 4, 21).calendar().clone();
    let bar = |date: &str| (0..300).find(|&bar| calendar.label(bar) == date).unwrap();
    let same = report.findings.iter().filter(|finding| finding.rule == rule);
    same.map(|finding| format!("{} {}", bar(&finding.date), finding.symbol)).collect::<Vec<_>>().join(", ")
}

fn is_price(name: &str) -> bool {
    name != "volume"
}

#[test]
fn each_rule_finds_what_it_is_for_and_nothing_in_a_random_walk() {
    let sound = check_panel(&changed(600, 12, |_, _, _, value| value), &CheckOptions::default());
    let rules: Vec<CheckRule> = sound.rules.iter().map(|summary| summary.rule).collect();
    assert_eq!(rules, [CheckRule::Survivorship], "{sound}");

    let whole = changed(300, 4, |_, _, _, value| value);
    let later = |name: &str, bar: usize, symbol: usize| whole.field(name).unwrap()[[bar, symbol]];
    let copy = |name: &str, bar: usize, symbol: usize, value: f64| {
        if (bar, symbol) == (100, 2) { later(name, 150, 2) } else { value }
    };
    assert_eq!(found(CheckRule::CopiedBar, copy), "100 S0003");
    // Without its close and volume it is still told by another symbol on the same two dates.
    let two = |name: &str, bar: usize, symbol: usize, value: f64| {
        if bar == 100 && symbol >= 2 && ["open", "high", "low"].contains(&name) {
            later(name, 150, symbol)
        } else {
            value
        }
    };
    assert_eq!(found(CheckRule::CopiedBar, two), "100 S0003, 100 S0004");

    let spike = |name: &str, bar: usize, symbol: usize, value: f64| {
        if (bar, symbol) == (100, 1) && is_price(name) { 2.0 * value } else { value }
    };
    assert_eq!(found(CheckRule::Spike, spike), "100 S0002");
    assert_eq!(found(CheckRule::LargeMove, spike), "");

    let split = |factor: f64, shares: f64| {
        move |name: &str, bar: usize, symbol: usize, value: f64| {
            let factor = if is_price(name) { factor } else { shares };
            if bar >= 100 && symbol == 0 { value * factor } else { value }
        }
    };
    for (factor, shares) in [(0.5, 2.0), (1.0 / 1.5, 1.5), (0.1, 10.0), (10.0, 0.1), (4.0, 0.25)] {
        assert_eq!(found(CheckRule::UnadjustedSplit, split(factor, shares)), "100 S0001", "{factor}");
        assert_eq!(found(CheckRule::LargeMove, split(factor, shares)), "", "{factor}");
    }
    // A price that halves while volume stays is a crash, and one that falls by 40 % no split.
    for (factor, shares) in [(0.5, 1.0), (0.6, 1.7)] {
        assert_eq!(found(CheckRule::UnadjustedSplit, split(factor, shares)), "", "{factor}");
        assert_eq!(found(CheckRule::LargeMove, split(factor, shares)), "100 S0001", "{factor}");
    }

    let wick = |name: &str, bar: usize, symbol: usize, value: f64| {
        if (bar, symbol, name) == (100, 3, "low") { 0.5 * value } else { value }
    };
    assert_eq!(found(CheckRule::LongWick, wick), "100 S0004");
    let stale = |name: &str, bar: usize, symbol: usize, value: f64| {
        if (100..106).contains(&bar) && symbol == 3 && is_price(name) { 50.0 } else { value }
    };
    assert_eq!(found(CheckRule::StalePrice, stale), "100 S0004");
    let quiet = |name: &str, bar: usize, symbol: usize, value: f64| {
        if (bar, symbol, name) == (100, 3, "volume") { 0.0 } else { value }
    };
    assert_eq!(found(CheckRule::ZeroVolume, quiet), "100 S0004");
    let open = |name: &str, bar: usize, symbol: usize, value: f64| {
        if bar > 0 && bar.is_multiple_of(3) && symbol == 3 && name == "open" {
            later("close", bar - 1, symbol)
        } else {
            value
        }
    };
    assert_eq!(found(CheckRule::CopiedOpen, open), "0 S0004");
    let gap = |_: &str, bar: usize, symbol: usize, value: f64| {
        if (bar == 100 || bar < 5) && symbol == 3 { f64::NAN } else { value }
    };
    assert_eq!(found(CheckRule::Gap, gap), "100 S0004");
    let thin = |_: &str, bar: usize, symbol: usize, value: f64| {
        if bar == 100 && symbol > 0 { f64::NAN } else { value }
    };
    assert_eq!(found(CheckRule::ThinBar, thin), "100 ");
    let missing = |name: &str, bar: usize, symbol: usize, value: f64| {
        if (bar, symbol, name) == (100, 3, "high") { f64::NAN } else { value }
    };
    assert_eq!(found(CheckRule::MissingPrice, missing), "100 S0004");
}

/// A share of a few cents meets its own bars again by chance, hundreds of times.
#[test]
fn low_prices_are_no_copies() {
    let cheap =
        changed(2_000, 6, |name, _, _, value| if is_price(name) { (value / 10.0).round() / 10.0 } else { value });
    let report = check_panel(&cheap, &CheckOptions::default());
    assert_eq!(report.findings.iter().filter(|finding| finding.rule == CheckRule::CopiedBar).count(), 0, "{report}");
}

#[test]
fn days_on_which_the_market_is_closed_are_seen() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.csv");
    // Wednesday the first; Saturday the 11th is one bar too many, and the 20th to the 27th are missing.
    let days = [1, 2, 3, 6, 7, 8, 9, 10, 11, 13, 14, 15, 16, 17, 28, 29, 30, 31];
    let days: Vec<String> = days.iter().map(|day| format!("2020-01-{day:02},10\n")).collect();
    std::fs::write(&path, format!("date,close\n{}2020-02-03,0\n", days.concat())).unwrap();
    let (_, report) = report(&path);
    let lines: Vec<String> =
        report.findings.iter().map(|found| format!("{} {} {}", found.rule.name(), found.date, found.detail)).collect();
    let expected = [
        "broken_bar 2020-02-03 row 20, a price that is not positive: close 0",
        "stale_price 2020-01-01 18 bars close at 10, until 2020-01-31",
        "calendar_hole 2020-01-28 no bar for 11 days after 2020-01-17",
        "weekend_bar 2020-01-11 a Saturday",
    ];
    assert_eq!(lines, expected, "{report}");
    assert_eq!(report.not_checked.len(), 2, "{report}");
}

#[test]
fn rules_can_be_left_out_and_reports_pass_through_json() {
    let spiky = changed(
        300,
        4,
        |name, bar, symbol, value| {
            if (bar, symbol) == (100, 1) && is_price(name) { 2.0 * value } else { value }
        },
    );
    let report = check_panel(&spiky, &CheckOptions::default());
    assert_eq!((report.problems(), report.masked().collect::<Vec<_>>()), (1, vec![(100, 1)]));
    let without = CheckOptions { skip: vec!["spike".parse().unwrap()], ..CheckOptions::default() };
    assert_eq!(check_panel(&spiky, &without).problems(), 0);
    assert!("spkie".parse::<CheckRule>().unwrap_err().contains("there are broken_bar, copied_bar"));
    let json = serde_json::to_string(&report).unwrap();
    assert_eq!(serde_json::from_str::<CheckReport>(&json).unwrap().findings, report.findings);
    let table = report.table();
    assert_eq!((table.rows(), table.columns().len()), (report.findings.len(), 6));
    for rule in CheckRule::ALL {
        assert_eq!(rule.name().parse(), Ok(*rule));
        assert!(rule.describe().ends_with('.'), "{rule:?}");
    }
}
