//! A strategy file that cannot be used gives one message that names the key and says what to do.

use factor::{Count, Exits, Positions, Rebalance, Role, Rule, Schema, Sizing, Strategy, Trigger, Weighting};

fn read(text: &str) -> Result<Strategy, String> {
    Strategy::from_toml(text, &Schema::bars()).map_err(|error| error.to_string())
}

/// A good file with one section replaced.
fn file(factors: &str, positions: &str, exits: &str) -> String {
    format!("name = \"test\"\n[factors]\n{factors}\n[positions]\n{positions}\n[exits]\n{exits}\n")
}

const TOP: &str = "rule = \"top\"\nscore = \"momentum(20)\"";

fn check(text: &str, expected: &str) {
    let told = read(text).expect_err(text);
    assert!(told.contains(expected), "{told}\nshould contain: {expected}");
}

#[test]
fn keys_and_types_are_checked_by_name() {
    check("", "missing field `name`");
    check("name = \"x\"", "missing field `positions`");
    check("name = 3\n[positions]\nrule = \"top\"", "invalid type: integer `3`, expected a string");
    check(
        &file("", "rule = \"best\"\nscore = \"close\"", ""),
        "unknown variant `best`, expected one of `top`, `long_short`, `signal`, `weights`",
    );
    check(
        &file("", &format!("{TOP}\nrebalance = \"yearly\""), ""),
        "positions.rebalance takes \"daily\", \"weekly\", \"monthly\" or { every = 5 }, in bars",
    );
    check(
        &file("", &format!("{TOP}\nsize = 3"), ""),
        "unknown field `size`, expected one of `rule`, `score`, `entry`, `exit`, `count`",
    );
    check(
        &file("", TOP, "stoploss = 0.1"),
        "unknown field `stoploss`, expected one of `trigger`, `stop_loss`, `trailing_stop`",
    );
    check("name = \"x\"\nnmae = 1\n[positions]\nrule = \"top\"", "unknown field `nmae`");
    check(&file("", "rule = \"top\"\nscore = 3", ""), "expected a string");
    check(&file("trend = true", TOP, ""), "expected a string");
    check(&file("", TOP, "stop_loss = \"a lot\""), "expected f64");
    check(&file("", TOP, "max_holding = 2.5"), "expected u32");
    check(&file("", TOP, "max_holding = -5"), "expected u32");
    check(&file("", TOP, "atr_stop = { multiplier = 2.0 }"), "missing field `window`");
    check(
        &file("", TOP, "trailing_stop = { trial = 0.1 }"),
        "exits.trailing_stop takes a fraction such as 0.1, or { trail = 0.1, activation = 0.05 }",
    );
    check(
        &file("", &format!("{TOP}\ncount = \"all\""), ""),
        "positions.count and positions.keep take a whole number of symbols or a fraction such as 0.1",
    );
    check(&file("a = \"close\"\na = \"open\"", TOP, ""), "duplicate key");
    check("name = \"x\n", "invalid basic string");
}

#[test]
fn the_line_of_a_wrong_key_is_shown() {
    let told = read(&file("", &format!("{TOP}\nsize = 3"), "")).unwrap_err();
    assert!(told.starts_with("TOML parse error at line 7, column 1"), "{told}");
    assert!(told.contains("7 | size = 3"), "{told}");
}

#[test]
fn factors_use_the_ones_above_them_and_no_circle() {
    check(&file("a = \"b + 1\"\nb = \"close\"", TOP, ""), "factor `a` uses `b`, which stands below it: move `b` up");
    check(&file("a = \"a + 1\"", TOP, ""), "factors use each other in a circle: a -> a; break it somewhere");
    check(
        &file("a = \"c + 1\"\nb = \"a * 2\"\nc = \"close - b\"", TOP, ""),
        "factors use each other in a circle: a -> c -> b -> a; break it somewhere",
    );
    check(&file("a = \"close +\"", TOP, ""), "in factor `a`: the expression ends where a value is needed (column 8)");
    check(
        &file("", "rule = \"top\"\nscore = \"strenght\"", ""),
        "in factor `positions.score`: no column or factor is called `strenght`; there are",
    );
    check(&file("strength = \"close\"", "rule = \"top\"\nscore = \"strenght\"", ""), "did you mean `strength`?");
    for name in ["close", "ts_mean", "momentum", "rank"] {
        check(
            &file(&format!("{name} = \"open\""), TOP, ""),
            &format!("`{name}` already means something in expressions: choose another name for this factor"),
        );
    }
    for name in ["\"two words\"", "\"\"", "1st", "and", "\"é\"", "not", "a-b"] {
        let shown = name.trim_matches('"');
        check(
            &file(&format!("{name} = \"open\""), TOP, ""),
            &format!("`{shown}` cannot name a factor: use letters, digits and `_`, starting with a letter"),
        );
    }
    let many: String = (0..5_000).fold(String::new(), |text, i| text + &format!("f{i} = \"close\"\n"));
    check(&file(&many, TOP, ""), "there would be more than 4096 nodes");
}

#[test]
fn rules_get_what_they_need() {
    for rule in ["top", "long_short", "weights"] {
        check(
            &file("", &format!("rule = \"{rule}\"\nentry = \"close > open\""), ""),
            "positions.score is missing: the rule needs a number that says which symbols to prefer",
        );
    }
    check(
        &file("", "rule = \"signal\"\nscore = \"close\"", ""),
        "rule `signal` needs positions.entry, a flag that buys",
    );
    check(
        &file("", "rule = \"signal\"\nentry = \"close > open\"\nweight = \"score\"", ""),
        "weight `score` needs positions.score",
    );
    check(
        &file("", "rule = \"top\"\nscore = \"close > open\"", ""),
        "`score` needs a number as argument 1, but `gt` is a flag",
    );
    check(
        &file("", &format!("{TOP}\nentry = \"volume\""), ""),
        "`entry` needs a flag as argument 1, but `volume` is a number (volume)",
    );
}

#[test]
fn numbers_are_kept_in_range() {
    let count = |count: &str| file("", &format!("{TOP}\ncount = {count}"), "");
    check(&count("0"), "positions.count must be at least 1");
    check(&count("1.5"), "positions.count as a fraction must lie above 0 and up to 1.0, not 1.5");
    check(&count("0.0"), "positions.count as a fraction must lie above 0 and up to 1.0, not 0");
    check(&count("nan"), "positions.count as a fraction must lie above 0 and up to 1.0, not NaN");
    check(&count("-1"), "positions.count must be a whole number of symbols or a fraction such as 0.1, not -1");
    check(
        &count("99999999999"),
        "positions.count must be a whole number of symbols or a fraction such as 0.1, not 99999999999",
    );
    for (exit, message) in [
        ("stop_loss = 0", "exits.stop_loss must lie above 0 and below 1, not 0"),
        ("stop_loss = 1.0", "exits.stop_loss must lie above 0 and below 1, not 1"),
        ("stop_loss = -0.1", "exits.stop_loss must lie above 0 and below 1, not -0.1"),
        ("stop_loss = nan", "exits.stop_loss must lie above 0 and below 1, not NaN"),
        ("take_profit = -1.0", "exits.take_profit must lie above 0 and below 1000000, not -1"),
        ("take_profit = inf", "exits.take_profit must lie above 0 and below 1000000, not inf"),
        ("trailing_stop = 1.0", "exits.trailing_stop must lie above 0 and below 1, not 1"),
        (
            "trailing_stop = { trail = 0.1, activation = -0.5 }",
            "exits.trailing_stop.activation must be 0 or more, not -0.5",
        ),
        ("max_holding = 0", "exits.max_holding must be at least 1 bar"),
        (
            "take_profit = 0.1\ntrailing_stop = { trail = 0.05, activation = 0.1 }",
            "exits contradict each other: the trailing stop is armed by a gain of 0.1, but take_profit sells at 0.1",
        ),
        ("trigger = \"touched\"\nmax_holding = 5", "exits.trigger = \"touched\" needs an exit that a price can touch"),
        (
            "volatility_stop = { multiplier = 0.0, window = 20 }",
            "exits.volatility_stop.multiplier must lie above 0 and below 1000, not 0",
        ),
        ("atr_stop = { multiplier = 2.0, window = 1 }", "exits.atr_stop.window must be from 2 to 2520 bars, not 1"),
        (
            "atr_stop = { multiplier = 2.0, window = 9999 }",
            "exits.atr_stop.window must be from 2 to 2520 bars, not 9999",
        ),
    ] {
        check(&file("", TOP, exit), message);
    }
}

#[test]
fn bounds_of_a_book_make_sense_together() {
    for (positions, message) in [
        ("keep = 0", "positions.keep must be at least 1"),
        ("count = 20\nkeep = 10", "positions.keep must not be below positions.count"),
        ("count = 0.2\nkeep = 0.1", "positions.keep must not be below positions.count"),
        ("rebalance = { every = 0 }", "positions.rebalance.every must be from 1 to 100000 bars, not 0"),
        ("gross = 0.0", "positions.gross must lie above 0 and up to 10, not 0"),
        ("gross = nan", "positions.gross must lie above 0 and up to 10, not NaN"),
        ("risk_target = -0.1", "positions.risk_target must lie above 0 and up to 10, not -0.1"),
        ("max_position = 0.0", "positions.max_position must lie above 0 and up to 10, not 0"),
        ("max_net = inf", "positions.max_net must lie above 0 and up to 10, not inf"),
        ("band = 1.0", "positions.band must be from 0 to below 1 (a fraction of equity), not 1"),
        ("max_group = 0.2", "positions.max_group needs positions.group, which says what the groups are"),
        (
            "group = \"cs_bucket(cs_rank(volume), 0, 1, 5)\"",
            "positions.group does nothing without positions.max_group, the most gross weight of one group",
        ),
        ("max_group = 0.2\ngroup = \"close\"", "`group` needs a group as argument 1, but `close` is a number (price)"),
    ] {
        check(&file("", &format!("{TOP}\n{positions}"), ""), message);
    }
    let signal = "rule = \"signal\"\nentry = \"close > open\"";
    check(&file("", &format!("{signal}\nkeep = 3"), ""), "positions.keep is for rules `top` and `long_short`");
    check(&file("", &format!("{signal}\nband = 0.1"), ""), "positions.band is for rules that reset the whole book");
    check(&file("", &format!("{signal}\nweight = \"rank\""), ""), "weight `rank` needs positions.score");
}

#[test]
fn every_key_of_a_book_is_read_and_written() {
    let text = r#"name = "bounded"

[factors]
size = "cs_bucket(cs_rank(volume), 0, 1, 5)"

[positions]
rule = "long_short"
score = "momentum(20)"
group = "size"
count = 10
keep = 15
weight = "rank"
rebalance = { every = 5 }
gross = 1.6
risk_target = 0.1
max_position = 0.05
max_group = 0.4
max_net = 0.2
band = 0.01

[exits]
trigger = "touched"
stop_loss = 0.08
"#;
    let strategy = read(text).unwrap();
    assert_eq!(strategy.to_toml(""), text);
    let Positions { keep, weight, rebalance, sizing, .. } = strategy.positions;
    assert_eq!((keep, weight, rebalance), (Some(Count::Number(15)), Weighting::Rank, Rebalance::Every(5)));
    let expected = Sizing {
        gross: 1.6,
        risk_target: Some(0.1),
        max_position: Some(0.05),
        max_group: Some(0.4),
        max_net: Some(0.2),
        band: 0.01,
    };
    assert_eq!(sizing, expected);
    assert_eq!(strategy.exits, Exits { trigger: Trigger::Touched, stop_loss: Some(0.08), ..Exits::default() });
    // Each of them tells strategies apart.
    let identity = |strategy: &Strategy| strategy.identity(&strategy.compile().unwrap());
    let mut seen = vec![identity(&strategy)];
    for (key, other) in [
        ("keep = 15", "keep = 16"),
        ("keep = 15\n", ""),
        ("{ every = 5 }", "{ every = 6 }"),
        ("gross = 1.6\n", ""),
        ("risk_target = 0.1\n", ""),
        ("max_position = 0.05", "max_position = 0.06"),
        ("max_group = 0.4", "max_group = 0.5"),
        ("max_net = 0.2\n", ""),
        ("band = 0.01\n", ""),
        ("trigger = \"touched\"\n", ""),
    ] {
        let changed = read(&text.replace(key, other)).unwrap();
        let found = identity(&changed);
        assert!(!seen.contains(&found), "{key}");
        seen.push(found);
    }
}

#[test]
fn a_full_file_is_read_as_it_is_meant() {
    let text = r#"
name = "trend-and-strength"
description = "Strength among what rises."
[factors]
strength = "ts_mean(returns(close, 1), 60) / ts_std(returns(close, 1), 60)"
trend    = "close > ts_mean(close, 120)"
[positions]
rule     = "top"
score    = "strength"
entry    = "trend"
exit     = "not trend"
count    = 20
weight   = "inverse_volatility"
rebalance = "monthly"
[exits]
stop_loss = 0.08
trailing_stop = 0.12
take_profit = 0.40
max_holding = 60
volatility_stop = { multiplier = 3.0, window = 20 }
"#;
    let strategy = read(text).unwrap();
    assert_eq!(strategy.positions.rule, Rule::Top);
    assert_eq!(
        (strategy.positions.count, strategy.positions.weight),
        (Count::Number(20), Weighting::InverseVolatility)
    );
    assert_eq!(strategy.positions.rebalance, Rebalance::Monthly);
    assert_eq!(
        (strategy.exits.trailing_stop.unwrap().trail, strategy.exits.trailing_stop.unwrap().activation),
        (0.12, 0.0)
    );
    assert_eq!(strategy.exits.max_holding, Some(60));
    assert_eq!(strategy.factors(), 8, "the trend is one factor, used twice");
    let given = Role::ALL.map(|role| strategy.graph.role(role).is_some());
    assert_eq!(given, [true, true, true, false], "score, entry and exit, but no group");
    assert_eq!(strategy.compile().unwrap().outputs.len(), 5, "score, entry, exit, and what weights and stops measure");
    // Defaults.
    let bare = read("name = \"bare\"\n[positions]\nrule = \"signal\"\nentry = \"close > open\"").unwrap();
    assert_eq!(bare.positions.count, Count::Fraction(1.0));
    assert_eq!((bare.positions.weight, bare.positions.rebalance), (Weighting::Equal, Rebalance::Weekly));
    assert_eq!(bare.exits, Exits::default());
    assert_eq!(read(&file("", TOP, "")).unwrap().positions.count, Count::Fraction(0.1));
}
