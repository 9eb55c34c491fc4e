//! An expression that cannot be read gives one message, its column, and a caret under the place.

use factor::{ParseError, Schema, parse};

fn error_of(text: &str) -> ParseError {
    let columns = ["open", "high", "low", "close", "volume"];
    let schema = Schema::new(columns.into_iter(), ["sector"].into_iter());
    match parse(text, &schema) {
        Ok(_) => panic!("`{text}` should not be read"),
        Err(error) => error,
    }
}

/// `marked` is an expression with `§` where the caret must stand; of several lines only that one is shown.
fn check(marked: &str, message: &str) {
    let text = marked.replacen('§', "", 1);
    let (line, shown) = marked.split('\n').enumerate().find(|(_, line)| line.contains('§')).expect("a mark");
    let column = shown.chars().position(|c| c == '§').expect("a mark") + 1;
    let shown: String = shown.chars().filter(|&c| c != '§').map(|c| if c.is_control() { ' ' } else { c }).collect();
    let several = text.contains('\n');
    let place = if several { format!("line {}, column {column}", line + 1) } else { format!("column {column}") };
    let caret = " ".repeat(column - 1) + "^";
    assert_eq!(error_of(&text).to_string(), format!("{message} ({place})\n  {shown}\n  {caret}"));
}

const DEEP: &str = "the expression is nested more than 200 levels deep; name parts of it";

#[test]
fn unknown_words_come_with_the_nearest_one() {
    check("1 + §ts_maen(close, 20)", "no operator or library factor is called `ts_maen`; did you mean `ts_mean`?");
    check("§momentun(20)", "no operator or library factor is called `momentun`; did you mean `momentum`?");
    check(
        "§frobnicate(close)",
        "no operator or library factor is called `frobnicate`; `evoquant ops` lists all there are",
    );
    check("open / §clsoe", "no column or factor is called `clsoe`; did you mean `close`?");
    check("§z", "no column or factor is called `z`; there are close, high, low, open, sector, volume");
    check("§ts_mean", "`ts_mean` is a function: write `ts_mean(...)`; `evoquant ops ts_mean` explains it");
    check("open - §vwap", "no column is called `vwap`; the function of that name is written `vwap(...)`");
    check("§momentum > 0", "`momentum` is a function: write `momentum(...)`; `evoquant ops momentum` explains it");
    check(
        "§revenue_catalyst(10, 200)",
        "no column or factor is called `revenue`; there are close, high, low, open, sector, volume",
    );
}

#[test]
fn arguments_are_counted_and_literals_kept_in_range() {
    check("§ts_mean(close)", "`ts_mean` takes 2 arguments, not 1: ts_mean(x: u, d, min_periods=0) -> u");
    check("§ts_mean(close, 1, 2)", "`ts_mean` takes 2 arguments, not 3: ts_mean(x: u, d, min_periods=0) -> u");
    check("§cs_rank()", "`cs_rank` takes 1 argument, not 0: cs_rank(x: u, scale=unit) -> ratio");
    check(
        "§cs_scale(close, 1, 2)",
        "`cs_scale` takes 1 to 2 arguments, not 3: cs_scale(x: u, a=1, long=0, short=0) -> ratio",
    );
    check("§if_else(close > open, 1)", "`if_else` takes 3 arguments, not 2: if_else(f: flag, y: u, z: u) -> u");
    check("§max(close)", "`max` takes 2 arguments, not 1: max(x: u, y: u) -> u");
    check("§momentum(20, 30)", "`momentum` takes at most 1 parameter, not 2: momentum(x=close, period=20)");
    check("§true_range(3)", "`true_range` takes no parameter, not 1: true_range(x=close)");
    for bad in ["0", "2.5", "-3", "2521", "1e300"] {
        let value: f64 = bad.parse().unwrap();
        check(&format!("ts_mean(close, §{bad})"), &format!("`d` must be a whole number from 1 to 2520, not {value}"));
    }
    check("ts_mean(close, §open)", "`d` of `ts_mean` must be a literal number");
    check("ts_mean(close, 10 §+ 10)", "`d` of `ts_mean` must be a literal number");
    check("2^§close", "`c` of `pow` must be a literal number");
    check("close^§11", "`c` must be a number from -10 to 10, not 11");
    check("momentum(§0)", "`period` must be a whole number from 2 to 2520, not 0");
    check("§ma_cross(60, 20)", "`short` must be below `long`, not 60 and 20");
    check("§momentum_skip(252, 21)", "`skip` must be below `period`, not 252 and 21");
}

#[test]
fn options_have_names_of_their_own() {
    check("ts_std(close, 20, §dof=0)", "`ts_std` has no option `dof`; it has d, ddof, min_periods");
    check("ts_std(close, 20, §min_periods=21)", "`min_periods` must be at most `d`, not 21 of 20");
    check("ts_std(close, 20, §min_periods=-1)", "`min_periods` must be a whole number from 0 to 2520, not -1");
    check("ts_std(close, 20, §min_periods=1.5)", "`min_periods` must be a whole number from 0 to 2520, not 1.5");
    check("ts_delay(close, 20, §min_periods=1)", "`ts_delay` has no option `min_periods`; it has d");
    check("cs_demean(close, §ties=1)", "`cs_demean` has no option `ties`; it has none");
    check("cs_rank(close, §ties=1)", "`cs_rank` has no option `ties`; it has scale");
    check("cs_rank(close, scale=§dense)", "`scale` must be one of unit, pct, raw, signed, not `dense`");
    check("cs_rank(close, scale=§1)", "`scale` must be one of unit, pct, raw, signed");
    check("cs_rank(close, scale=§pct + 1)", "option `scale` takes a literal number or a word");
    check("ts_std(close, 20, §ddof=2)", "`ddof` must be a whole number from 0 to 1, not 2");
    check("ts_std(close, 20, ddof=§close)", "option `ddof` takes a literal number");
    check("ts_std(close, ddof=0, §20)", "options such as `ddof=0` come after all other arguments");
    check("ts_std(close, 20, ddof=0, §ddof=1)", "`ddof` is given twice");
    check("ts_mean(close, 20, §d=20)", "`d` is given twice");
}

#[test]
fn types_are_strict() {
    check(
        "ts_mean(close §> open, 20)",
        "`ts_mean` needs a number as argument 1, not a flag; num(...) makes a number of a flag",
    );
    check(
        "momentum(close §> open, 20)",
        "`momentum` needs a number as argument 1, not a flag; num(...) makes a number of a flag",
    );
    check("close §> open > low", "`gt` needs a number as argument 1, not a flag; num(...) makes a number of a flag");
    check(
        "§close and open",
        "`and` needs a flag as argument 1, not a number (price); compare it with something, as in `x > 0`",
    );
    check(
        "not §volume",
        "`not` needs a flag as argument 1, not a number (volume); compare it with something, as in `x > 0`",
    );
    check("close > 1 or §2", "`or` needs a flag as argument 2, not a number; compare it with something, as in `x > 0`");
    check("§sector + 1", "`add` needs a number as argument 1, not a group");
    check("max(close, open, low, §sector)", "`max` needs a number as argument 4, not a group");
    check("group_rank(close, §volume)", "`group_rank` needs a group as argument 2, not a number (volume)");
}

#[test]
fn grammar_is_explained_where_it_breaks() {
    check("§", "the expression ends where a value is needed");
    check("  §", "the expression ends where a value is needed");
    check("close + §", "the expression ends where a value is needed");
    check("close and§", "the expression ends where a value is needed");
    check("§(close", "this bracket is never closed");
    check("2 * ts_mean§(close, 20", "this bracket is never closed");
    check("close§)", "this bracket closes nothing");
    check("(§)", "expected a value here, not `)`");
    check("§+ close", "expected a value here, not `+`");
    check("close * §/ open", "expected a value here, not `/`");
    check("ts_mean(§, 20)", "expected a value here, not `,`");
    check("ts_mean(close, 20,§)", "expected a value here, not `)`");
    check("ts_mean(close §20)", "expected `,` or `)` here, not `20`");
    check("(close §20)", "expected `)` or an operator here, not `20`");
    check("§and close", "`and` needs something on its left");
    check("close or §or open", "`or` needs something on its left");
    check("close §open", "expected an operator or the end here, not `open`");
    check("close §3", "expected an operator or the end here, not `3`");
    check("close §= open", "write `==` to compare two numbers");
    check("3§x", "a name cannot start with a digit; is an operator missing?");
    check("2 * §1e999", "`1e999` is no number that fits 64 bits");
    check("close §× 2", "`×` has no meaning in an expression");
    check("prix_§élevé + 1", "`é` has no meaning in an expression");
    check("close + §“open”", "`“` has no meaning in an expression");
    check("close §$ 2", "`$` has no meaning in an expression");
    check("close\n\t+ §opne", "no column or factor is called `opne`; did you mean `open`?");
    check("close §\u{0}", "`\\0` has no meaning in an expression");
}

/// Text that is large on purpose: the message is right, and neither stack nor memory is exhausted.
#[test]
fn hostile_text_is_refused_in_a_small_stack() {
    let refused = |text: String, message: &str| {
        let told = std::thread::Builder::new()
            .stack_size(1 << 20)
            .spawn(move || error_of(&text).to_string())
            .expect("a thread")
            .join()
            .expect("no overflow");
        assert!(told.starts_with(message), "{}", &told[..told.len().min(300)]);
        assert!(told.len() < 400, "only the place is shown");
    };
    refused("(".repeat(20_000), DEEP);
    refused("-".repeat(20_000), DEEP);
    refused("not ".repeat(20_000), DEEP);
    refused("abs(".repeat(20_000), DEEP);
    refused("1+".repeat(20_000) + "1", DEEP);
    refused("1^2".to_owned() + &"^2".repeat(20_000), DEEP);
    refused("(".repeat(1 << 20), "the expression has 1048576 bytes; at most 100000 are read");
    refused("é".repeat(40_000), "`é` has no meaning in an expression (column 1)");
    refused(
        format!("max({}close)", "close,".repeat(9_000)),
        "with this expression there would be more than 4096 nodes",
    );
    refused(format!("max({}1)", "1,".repeat(9_000)), "the expression has more than 4096 nodes");
    refused("9".repeat(90_000), "a number of 90000 digits; at most 200 are read (column 1)");
    refused("x".repeat(90_000), "a name of 90000 letters; at most 200 are read (column 1)");
}

#[test]
fn a_long_text_is_cut_around_the_place() {
    let text = format!("{} + clsoe + {}", vec!["close"; 40].join(" + "), vec!["open"; 40].join(" + "));
    let told = error_of(&text).to_string();
    let lines: Vec<&str> = told.lines().collect();
    assert_eq!(lines.len(), 3);
    assert!(lines[1].starts_with("  ...") && lines[1].ends_with("..."), "{told}");
    let caret = lines[2].find('^').unwrap();
    assert!(lines[1][caret..].starts_with("clsoe"), "{told}");
}

#[test]
fn of_several_lines_the_one_at_fault_is_named() {
    check("# The close.\nclose # as it stands\n+ §opne", "no column or factor is called `opne`; did you mean `open`?");
    check("ts_mean(\r\n    close,\r\n    §0\r\n)\r\n", "`d` must be a whole number from 1 to 2520, not 0");
    check("close + # open\n§", "the expression ends where a value is needed");
    check("close (# a comment closes no bracket )\n§+ open", "expected a value here, not `+`");
    check("# nothing else§", "the expression ends where a value is needed");
    check("close # é\n- §$", "`$` has no meaning in an expression");
    let told =
        error_of(&format!("# {}\n{} + clsoe\n+ open", "x".repeat(200), vec!["close"; 40].join(" + "))).to_string();
    assert_eq!(told.lines().count(), 3, "the other lines are not shown: {told}");
    assert!(told.contains("(line 2, column 321)"), "{told}");
}
