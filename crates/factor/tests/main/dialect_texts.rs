//! Texts of dialects and what they are here, and what they cannot be.

use factor::{
    Dialect, FactorGraph, Schema, compile, parse, parse_dialect, parse_dialect_nearest, print, print_dialect,
};

use crate::slow::{Matrix, values};

use Dialect::{Alpha101, Brain, Pandas, Qlib};

fn own(graph: &FactorGraph) -> String {
    print(graph, graph.root(), &|_| None)
}

fn check(dialect: Dialect, text: &str, wanted: &str) {
    let graph = parse_dialect(text, dialect, &Schema::open()).unwrap_or_else(|error| panic!("{dialect}: {error}"));
    assert_eq!(own(&graph), wanted, "{dialect}: {text}");
}

/// `marked` is a text with `§` where the caret must stand.
fn check_refused(dialect: Dialect, marked: &str, message: &str) {
    let text = marked.replacen('§', "", 1);
    let offset = marked.find('§').expect("a mark");
    let columns = ["open", "high", "low", "close", "volume"];
    let schema = Schema::new(columns.into_iter(), ["sector"].into_iter());
    match parse_dialect(&text, dialect, &schema) {
        Ok(graph) => panic!("{dialect}: `{text}` is read as `{}`", own(&graph)),
        Err(error) => assert_eq!((error.message.as_str(), error.offset), (message, offset), "{dialect}: {text}"),
    }
}

#[test]
fn formulas_of_the_paper_are_read() {
    for (text, ours) in [
        // Alphas 1, 2, 6, 12, 21, 41, 53, 54, 58, 66, 101 as they stand.
        (
            "(rank(Ts_ArgMax(SignedPower(((returns < 0) ? stddev(returns, 20) : close), 2.), 5)) - 0.5)",
            "cs_rank(ts_argmax(if_else(returns(close, 1) < 0, ts_std(returns(close, 1), 20), close)^2, 5)) - 0.5",
        ),
        (
            "(-1 * correlation(rank(delta(log(volume), 2)), rank(((close - open) / open)), 6))",
            "-1 * ts_corr(cs_rank(ts_delta(log(volume), 2)), cs_rank((close - open) / open), 6)",
        ),
        ("(-1 * correlation(open, volume, 10))", "-1 * ts_corr(open, volume, 10)"),
        ("(sign(delta(volume, 1)) * (-1 * delta(close, 1)))", "sign(ts_delta(volume, 1)) * (-1 * ts_delta(close, 1))"),
        (
            "((((sum(close, 8) / 8) + stddev(close, 8)) < (sum(close, 2) / 2)) ? (-1 * 1) : (((sum(close, 2) / 2) < ((sum(close, 8) / 8) - stddev(close, 8))) ? 1 : (((1 < (volume / adv20)) || ((volume / adv20) == 1)) ? 1 : (-1 * 1))))",
            "if_else(ts_mean(close, 8) + ts_std(close, 8) < ts_mean(close, 2), -1 * 1, if_else(ts_mean(close, 2) < ts_mean(close, 8) - ts_std(close, 8), 1, if_else(1 < volume / ts_mean(close * volume, 20) or volume / ts_mean(close * volume, 20) == 1, 1, -1 * 1)))",
        ),
        ("(((high * low)^0.5) - vwap)", "(high * low)^0.5 - vwap"),
        (
            "(-1 * delta((((close - low) - (high - close)) / (close - low)), 9))",
            "-1 * ts_delta((close - low - (high - close)) / (close - low), 9)",
        ),
        (
            "((-1 * ((low - close) * (open^5))) / ((low - high) * (close^5)))",
            "-1 * ((low - close) * open^5) / ((low - high) * close^5)",
        ),
        (
            "(-1 * Ts_Rank(decay_linear(correlation(IndNeutralize(vwap, IndClass.sector), volume, 3.92795), 7.89291), 5.50322))",
            "-1 * ts_rank(ts_decay_linear(ts_corr(group_neutralize(vwap, sector), volume, 3), 7), 5)",
        ),
        (
            "((rank(decay_linear(delta(vwap, 3.51013), 7.23052)) + Ts_Rank(low, 6.7)) * -1)",
            "(cs_rank(ts_decay_linear(ts_delta(vwap, 3), 7)) + ts_rank(low, 6)) * -1",
        ),
        ("((close - open) / ((high - low) + .001))", "(close - open) / (high - low + 0.001)"),
        // Capitals, windows of min and max, comparisons as numbers, groups, cap.
        ("RANK(Correlation(CLOSE, Volume, 9.9))", "cs_rank(ts_corr(close, volume, 9))"),
        ("min(close, 5.9) - max(open, close)", "ts_min(close, 5) - max(open, close)"),
        ("max(min(low, 3), 2)", "ts_max(ts_min(low, 3), 2)"),
        ("(close > 1 ? close : 1) + (close < 2 ? close : 2)", "max(close, 1) + min(close, 2)"),
        ("(rank(open) < rank(close)) * -1", "num(cs_rank(open) < cs_rank(close)) * -1"),
        ("scale((close < open) == (low > 3)) && volume > 2", ""),
        ("indneutralize(scale(cap, 2), IndClass.subindustry)", "group_neutralize(cs_scale(cap, 2), subindustry)"),
        ("adv5 / ADV60", "ts_mean(close * volume, 5) / ts_mean(close * volume, 60)"),
        ("delay(close, 0.7) + product(close, 2.5)", "ts_delay(close, 0) + ts_product(close, 2)"),
        ("-close ^ 2", "-close^2"),
    ] {
        if ours.is_empty() {
            // `&&` binds what `==` gives: a number is no condition.
            assert!(parse_dialect(text, Alpha101, &Schema::open()).is_err(), "{text}");
        } else {
            check(Alpha101, text, ours);
        }
    }
}

#[test]
fn expressions_of_qlib_are_read() {
    for (text, ours) in [
        ("$close", "close"),
        ("($close-$open)/$open", "(close - open) / open"),
        ("Ref($close, 5)/$close", "ts_delay(close, 5) / close"),
        ("Delta($close, 5) / Ref($close, 5)", "ts_delta(close, 5) / ts_delay(close, 5)"),
        ("Log($volume+1)", "log(volume + 1)"),
        ("Greater($open, $close) - Less($open, $close)", "max(open, close) - min(open, close)"),
        ("Abs($high-$low) ** 2", "abs(high - low)^2"),
        ("Sign(-$close)", "sign(-close)"),
        ("Mean($close, 1)", "ts_mean(close, 1)"),
        ("Mean($close, 5)", "ts_mean(close, 5, min_periods=1)"),
        ("Std($close, 5) / $close", "ts_std(close, 5, min_periods=1) / close"),
        ("Std($close, 5) * 0.5", "ts_std(close, 5, min_periods=1) * 0.5"),
        ("Rank(Mean($close, 5), 10)", "ts_rank(ts_mean(close, 5, min_periods=1), 10, scale=pct, min_periods=1)"),
        ("Cov($close, $open, 5)", "ts_cov(close, open, 5, min_periods=1)"),
        (
            "Cov($close, $open, 5) / Var($open, 5)",
            "ts_cov(close, open, 5, min_periods=1) / ts_var(open, 5, min_periods=1)",
        ),
        ("Resi($close, 5)", "ts_trend_resid(close, 5, min_periods=1)"),
        ("Quantile($close, 5, 0.8)", "ts_percentile(close, 5, 0.8, min_periods=1)"),
        ("Div(Sub($close, Mean($close, 5)), Std($close, 5))", "ts_zscore(close, 5, min_periods=1)"),
        (
            "Mean($close > $open, 5)",
            "ts_mean(num(close > open and not (is_nan(close) or is_nan(open))), 5, min_periods=1)",
        ),
        ("If($close > $open, 1, -1)", "if_else(close > open and not (is_nan(close) or is_nan(open)), 1, -1)"),
        ("If(Gt($close, 3), $close, 3)", "if_else(close > 3 and not is_nan(close), close, 3)"),
        (
            "If(And(Le(2, $close), Not($open != $close)), $high, $low)",
            "if_else(2 <= close and not is_nan(close) and not (open != close or (is_nan(open) or is_nan(close))), high, low)",
        ),
        (
            "If(($close == $open) | ($low < 1), 0, $volume)",
            "if_else(close == open and not (is_nan(close) or is_nan(open)) or low < 1 and not is_nan(low), 0, volume)",
        ),
        ("If($close > $open, $volume, 0) + 0 * $close + 0 * $open", "if_else(close > open, volume, 0)"),
        ("($close > $open) * $volume", "num(close > open and not (is_nan(close) or is_nan(open))) * volume"),
    ] {
        check(Qlib, text, ours);
    }
}

#[test]
fn expressions_of_brain_are_read() {
    for (text, ours) in [
        ("-rank(ts_delta(close, 5))", "-cs_rank(ts_delta(close, 5))"),
        ("group_neutralize(-returns, sector)", "group_neutralize(-returns(close, 1), sector)"),
        ("volume / adv20", "volume / ts_mean(volume, 20)"),
        ("ts_std_dev(close, 20)", "ts_std(close, 20, ddof=0)"),
        ("ts_std_dev(close, 5) * 1.118033988749895", "ts_std(close, 5)"),
        ("ts_covariance(close, volume, 5)", "ts_cov(volume, close, 5) * 0.8"),
        ("zscore(close)", "cs_zscore(close, ddof=0)"),
        ("normalize(close, useStd=true)", "cs_zscore(close)"),
        ("normalize(close)", "cs_demean(close)"),
        ("winsorize(close, std=3)", "cs_winsorize(close, 3, ddof=0)"),
        ("group_zscore(close, sector)", "group_zscore(close, sector, ddof=0)"),
        (
            "group_rank(close, group_cartesian_product(sector, industry))",
            "group_rank(close, group_cross(sector, industry))",
        ),
        (
            "kth_element(close, 5, k=2) + days_from_last_change(close)",
            "ts_kth_element(close, 5, 2) + rows_since_change(close)",
        ),
        ("trade_when(volume > adv20, close, -1)", "trade_when(volume > ts_mean(volume, 20), close, 0 > 1)"),
        ("ts_decay_linear(close, 10)", "ts_decay_linear(fill(close, 0), 10)"),
        ("ts_decay_linear(close, 10, dense=true)", "ts_decay_linear(close, 10)"),
        ("ts_regression(close, volume, 20, rettype=2)", "ts_beta(close, volume, 20)"),
        ("ts_regression(close, volume, 20, lag=1, rettype=2)", "ts_beta(close, ts_delay(volume, 1), 20)"),
        ("add(close, open, filter=true)", "fill(close, 0) + fill(open, 0)"),
        ("multiply(close, inverse(open))", "close * inverse(open)"),
        ("signed_power(close, 2) + power(close, 2) + close ^ 2", "signed_pow(close, 2) + close^2 + close^2"),
        (
            "close > open && !(volume < adv20) ? 1 : -1",
            "if_else(close > open and not volume < ts_mean(volume, 20), 1, -1)",
        ),
        (
            "if_else(or(close > 1, is_nan(open)), rank(close, rate=2), 0)",
            "if_else(close > 1 or is_nan(open), cs_rank(close), 0)",
        ),
        ("nan_mask(close, open - low)", "nan_where(close, open - low < 0)"),
        ("to_nan(volume) + to_nan(close, value=1, reverse=true)", "to_nan(volume, 0) + fill(close, 1)"),
        ("min(open, close, high)", "min(min(open, close), high)"),
        (
            "a = ts_mean(close, 20); b = close / a - 1;\nrank(b) * a",
            "cs_rank(close / ts_mean(close, 20) - 1) * ts_mean(close, 20)",
        ),
        ("alpha = rank(close);", "cs_rank(close)"),
        ("log_diff(close) + s_log_1p(close)", "log_returns(close, 1) + s_log_1p(close)"),
        ("vector_neut(close, densify(sector) == sector ? open : low)", ""),
    ] {
        if ours.is_empty() {
            assert!(parse_dialect(text, Brain, &Schema::open()).is_err(), "{text}: labels are not compared");
        } else {
            check(Brain, text, ours);
        }
    }
}

#[test]
fn parts_of_a_text_keep_their_names() {
    let graph =
        parse_dialect("trend = ts_mean(close, 20);\nrank(close / trend) + trend", Brain, &Schema::bars()).unwrap();
    let name = |index| graph.node(index).name.as_deref().map(str::to_owned);
    let named: Vec<String> = graph.nodes().filter_map(name).collect();
    assert_eq!(named, ["trend"]);
    let text = print_dialect(&graph, Brain).unwrap().text;
    assert_eq!(text, "trend = ts_mean(close, 20);\nrank(close / trend) + trend");
    let once = parse_dialect("trend = ts_mean(close, 20);\nrank(trend)", Brain, &Schema::bars()).unwrap();
    assert_eq!(print_dialect(&once, Pandas).unwrap().text.lines().next(), Some("trend = close.rolling(20).mean()"));
    let text = print_dialect(&parse("abs(ts_sum(close, 5)) - ts_sum(close, 5)", &Schema::bars()).unwrap(), Pandas);
    assert_eq!(text.unwrap().text, "part_1 = close.rolling(5).sum()\nvalue = part_1.abs() - part_1");
}

#[test]
fn chains_of_pandas_are_read() {
    for (text, ours) in [
        ("close", "close"),
        ("close.shift(1)", "ts_delay(close, 1)"),
        ("close.shift()", "ts_delay(close, 1)"),
        ("close.diff(5) / close.shift(5)", "ts_delta(close, 5) / ts_delay(close, 5)"),
        ("close.pct_change()", "close / ts_delay(close, 1) - 1"),
        ("close.pct_change(20, fill_method=None)", "close / ts_delay(close, 20) - 1"),
        ("close.pct_change(20, fill_method=None).where(close.shift(20) > 0)", "returns(close, 20)"),
        ("close.rolling(20).mean()", "ts_mean(close, 20)"),
        ("close.rolling(window=20).std()", "ts_std(close, 20)"),
        ("close.rolling(20, min_periods=5).mean()", "ts_mean(close, 20, min_periods=5)"),
        ("close.rolling(window=20, min_periods=1).std()", "ts_std(close, 20, min_periods=1)"),
        ("close.rolling(20, min_periods=1).corr(volume)", "ts_corr(close, volume, 20, min_periods=1)"),
        ("close.rolling(20, min_periods=3).rank(pct=True)", "ts_rank(close, 20, scale=pct, min_periods=3)"),
        ("close.rolling(20, min_periods=3).quantile(0.2)", "ts_percentile(close, 20, 0.2, min_periods=3)"),
        ("close.rolling(20).std(ddof=0)", "ts_std(close, 20, ddof=0)"),
        ("close.rolling(20).corr(volume)", "ts_corr(close, volume, 20)"),
        ("close.rolling(20).apply(lambda w: w[::-1].argmax(), raw=True)", "ts_argmax(close, 20)"),
        ("close.rolling(20).apply(lambda   w:w[::-1].argmax(), raw=True)", "ts_argmax(close, 20)"),
        ("close.rolling(20).apply(lambda w: w[::-1].max(), raw=True)", ""),
        ("np.log(close / close.shift(1))", "log(close / ts_delay(close, 1))"),
        ("np.sign(close - open) * np.sqrt(volume)", "sign(close - open) * sqrt(volume)"),
        ("close.clip(lower=5)", "max(close, 5)"),
        ("close.clip(1, 2.5)", "clip(close, 1, 2.5)"),
        ("-close ** 2", "-close^2"),
        ("close.sub(close.mean(axis=1), axis=0)", "cs_demean(close)"),
        ("close.rank(axis=1, pct=True)", "cs_rank(close, scale=pct)"),
        ("close.rolling(20).rank(pct=True)", "ts_rank(close, 20, scale=pct)"),
        ("(close.rolling(20).rank() - 1) / 19", "ts_rank(close, 20)"),
        (
            "close.ewm(span=9, ignore_na=True, adjust=True, min_periods=9).mean().where(close.notna())",
            "ts_ema(close, 9, seed=adjusted)",
        ),
        ("(close > open).astype(float)", "close > open and not (is_nan(close) or is_nan(open))"),
        ("(close > 3).rolling(5).mean()", "ts_mean(num(close > 3 and not is_nan(close)), 5)"),
        (
            "close.where((close > open) & ~(volume == 0), open)",
            "if_else(close > open and not (is_nan(close) or is_nan(open)) and not (volume == 0 and not is_nan(volume)), close, open)",
        ),
        ("np.where(close.isna(), 0, 1)", "if_else(is_nan(close), 0, 1)"),
        ("close.ffill(limit=4)", "ts_backfill(close, 5)"),
        ("close.fillna(0) + close.abs()", "fill(close, 0) + abs(close)"),
        (
            "import numpy as np\nimport pandas as pd  # as ever\n\nm = close.rolling(20).mean()\nr = np.log(\n    m / m.shift(1)\n)\nr - r.shift(1)",
            "log(ts_mean(close, 20) / ts_delay(ts_mean(close, 20), 1)) - ts_delay(log(ts_mean(close, 20) / ts_delay(ts_mean(close, 20), 1)), 1)",
        ),
    ] {
        if ours.is_empty() {
            assert!(parse_dialect(text, Pandas, &Schema::open()).is_err(), "a lambda is compared word by word");
        } else {
            check(Pandas, text, ours);
        }
    }
}

#[test]
fn what_reads_ahead_is_refused() {
    const LAG: &str = "a negative lag reads values that are not known yet";
    const LAG_IN_DAYS: &str = "a negative number of days reads values that are not known yet";
    const BACK: &str = "fills from later rows, which are not known yet";
    const CENTERED: &str = "a centred window reads rows that are not known yet";
    check_refused(Qlib, "Ref($close, §-1) / $close", LAG);
    check_refused(Qlib, "Delta($close, §-2)", LAG);
    check_refused(Alpha101, "rank(delay(close, §-1))", LAG_IN_DAYS);
    check_refused(Brain, "a = ts_delay(close, §-5); a", LAG_IN_DAYS);
    check_refused(Pandas, "close.shift(§-1)", LAG);
    check_refused(Pandas, "np.log(close.shift(periods=§-1))", LAG);
    check_refused(Pandas, "close.pct_change(§-5)", LAG);
    check_refused(Pandas, "close.diff(§-1).rolling(5).mean()", LAG);
    check_refused(
        Pandas,
        "close.§rolling(5, win_type='triang').mean()",
        "`.rolling` of pandas is not read with (a number, a literal); `evoquant ops --dialect pandas` lists what is",
    );
    check_refused(Pandas, "close.§bfill()", BACK);
    check_refused(Pandas, "close.§bfill(limit=3).shift(1)", BACK);
    check_refused(Pandas, "close.§rolling(5, center=True).mean()", CENTERED);
    check_refused(Pandas, "close.§rolling(window=5, center=True).std()", CENTERED);
    check_refused(Pandas, "close - close.§mean()", "works on all rows, those that are not known yet too");
    check_refused(
        Pandas,
        "close.§rank(pct=True)",
        "ranks each symbol's past and future together: write axis=1 for ranks of a row",
    );
}

#[test]
fn what_is_undefined_or_differs_is_refused() {
    const EXPANDING: &str = "a window of 0 is all rows of the loaded sample so far: that depends on what was loaded";
    const FORCED: &str = "; --approximate takes it for that";
    check_refused(
        Qlib,
        "Ref($close, §0)",
        "Ref(x, 0) is the first value of the loaded sample, whatever its date: that depends on what was loaded",
    );
    check_refused(Qlib, "Mean($close, §0)", EXPANDING);
    check_refused(Qlib, "$open + EMA($close, §0)", EXPANDING);
    check_refused(
        Qlib,
        "§Mask($close, 'SH000300')",
        "reads one named symbol in place of each: a panel has no such column; import it as one",
    );
    check_refused(
        Qlib,
        "$close / §ChangeInstrument('SH000300', $close)",
        "reads one named symbol in place of each: a panel has no such column; import it as one",
    );
    check_refused(
        Qlib,
        "§TResample($close, '1w', 'last')",
        "resamples to another frequency, whose last period is not over yet",
    );
    check_refused(
        Qlib,
        "P(§$$roe)",
        "`$$` names point-in-time data, whose values are restated later; there are none here",
    );
    check_refused(
        Qlib,
        "EMA($close, §0.1)",
        "a number below 1 is the weight alpha itself: no span of ours is exactly that",
    );
    check_refused(
        Qlib,
        "§Corr($close, $volume, 20)",
        &format!(
            "`Corr(x, y, d)` is not exactly `ts_corr(x, y, d, min_periods=1)`: a deviation below 2e-5 makes it missing there, whatever the level; ours compares it with the mean{FORCED}"
        ),
    );
    check_refused(
        Qlib,
        "§IdxMax($close, 20)",
        &format!(
            "`IdxMax(x, d)` is not exactly `d - ts_argmax(x, d)`: it counts from the oldest, from 1, and of equal values takes the oldest{FORCED}"
        ),
    );
    check_refused(Qlib, "$close ** §0", "whatever to the power of 0 is 1 there, missing values too");
    check_refused(
        Alpha101,
        "rank(close) §^ rank(open)",
        &format!(
            "`x ^ y` is not exactly `if_else(x > 0, exp(y * log(x)), nan_where(num(y == 0), x < 0 or y < 0))`: our powers have a literal exponent, and without one there is no value for a negative base{FORCED}"
        ),
    );
    check_refused(
        Brain,
        "§truncate(close, maxPercent=0.5)",
        &format!(
            "`truncate(x, maxPercent=c)` is not exactly `cs_truncate(x, c)`: whether it repeats until nothing is above is uncertain{FORCED}"
        ),
    );
    check_refused(Brain, "§vec_avg(close)", "fields with several values a symbol and day have no place in a panel");
    check_refused(Alpha101, "correlation(close, volume, §1)", "`d` must be a whole number from 2 to 2520, not 1");
    check_refused(Alpha101, "max(close, §0.5)", "`d` must be a whole number from 1 to 2520, not 0");
    check_refused(
        Pandas,
        "close.rolling(§5, min_periods=0).sum()",
        "of a window without any value the sum is 0 there, missing here: write min_periods=1",
    );
    check_refused(Pandas, "close.rolling(5, min_periods=6).§sum()", "`min_periods` must be at most `d`, not 6 of 5");
    check_refused(Pandas, "close.rolling(§0).mean()", "`d` must be a whole number from 1 to 2520, not 0");
    check_refused(Brain, "ts_mean(close, §2.5)", "`d` must be a whole number from 1 to 2520, not 2.5");
}

#[test]
fn unknown_words_come_with_help() {
    check_refused(Qlib, "§ts_mean($close, 5)", "`ts_mean` is our name; in qlib it is `Mean(x, d)`");
    check_refused(Qlib, "§cs_rank($close)", "`cs_rank` is our name: leave out --dialect qlib to use it");
    check_refused(Qlib, "§Maen($close, 5)", "qlib has no function `Maen` that is known here; did you mean `Mean`?");
    check_refused(
        Qlib,
        "1 + §stddev($close, 5)",
        "qlib has no function `stddev` that is known here; `stddev` of alpha101 is `ts_std` in our text",
    );
    check_refused(Qlib, "Mean(§close, 5)", "no value is called `close` in qlib; write `$close`");
    check_refused(
        Qlib,
        "Mean($§clsoe, 5)".replace("$§", "§$").as_str(),
        "no column or part is called `clsoe`; did you mean `close`?",
    );
    check_refused(
        Alpha101,
        "rank(§vwop)",
        "no column or part is called `vwop`; there are close, high, low, open, sector, volume",
    );
    check_refused(
        Alpha101,
        "§correlate(close, open, 5)",
        "alpha101 has no function `correlate` that is known here; did you mean `correlation`?",
    );
    check_refused(Alpha101, "§zscore(close)", "`zscore` is our name: leave out --dialect alpha101 to use it");
    check_refused(
        Pandas,
        "close.§correlation(open)",
        "`correlation` is our name; in pandas it is `x.rolling(d).corr(y).where((x.rolling(d).max() > x.rolling(d).min()) & (y.rolling(d).max() > y.rolling(d).min()))`",
    );
    check_refused(
        Pandas,
        "close.§foo()",
        "pandas has no function `foo` that is known here; `evoquant ops --dialect pandas` lists all there are",
    );
    check_refused(Brain, "§rank", "`rank` is a function of brain: write `rank(...)`");
    check_refused(
        Alpha101,
        "§rank(close, open)",
        "`rank` of alpha101 is not read with (a number, a number); it is read as `rank(x)`",
    );
    check_refused(
        Pandas,
        "(close > open) §+ (open > low)",
        "`+` of pandas is not read with (a condition, a condition); it is read as `t + 0` or `x + y`",
    );
    check_refused(
        Brain,
        "§group_rank(close, volume)",
        "`group_rank` of brain is not read with (a number, a number); it is read as `group_rank(x, g)`",
    );
    check_refused(Brain, "§close = open; close", "`close` is a column: give the part another name");
}

#[test]
fn grammar_is_explained_where_it_breaks() {
    check_refused(Alpha101, "close > open ? 1§", "expected `:` here, not the end: `x ? y : z`");
    check_refused(Alpha101, "IndNeutralize(close, IndClass.§(3))", "expected a name after the point, not `(`");
    check_refused(Pandas, "close.§T", "`.T` is read as a method only: write `.T(...)`");
    check_refused(Pandas, "close.shift§(1", "this bracket is never closed");
    check_refused(Pandas, "x = close\n§)", "expected a value here, not `)`");
    check_refused(Brain, "a = §; 3", "the expression ends where a value is needed");
    check_refused(Brain, ";;§", "the expression ends where a value is needed");
    check_refused(Qlib, "close & §", "the expression ends where a value is needed");
}

/// Text that is large on purpose: neither stack nor memory is exhausted.
#[test]
fn hostile_text_is_refused_in_a_small_stack() {
    for dialect in Dialect::ALL {
        for text in [
            "(".repeat(20_000),
            "-".repeat(20_000),
            "abs(".repeat(20_000),
            "close.shift(".repeat(5_000),
            "close".to_owned() + &".abs()".repeat(10_000),
            "1 ? ".repeat(20_000),
            "close > 1 ? 1 : ".repeat(5_000) + "1",
            "1+".repeat(20_000) + "1",
            "max(".repeat(190) + "close" + &", 3)".repeat(190),
            "rank(".repeat(190) + "close" + &")".repeat(190),
            "a=1;".repeat(20_000),
            "(".repeat(1 << 20),
        ] {
            std::thread::Builder::new()
                .stack_size(1 << 20)
                .spawn(move || {
                    if let Err(error) = parse_dialect(&text, dialect, &Schema::bars()) {
                        let told = error.to_string();
                        assert!(told.len() < 700, "{told}");
                    }
                })
                .expect("a thread")
                .join()
                .expect("no overflow");
        }
    }
}

#[test]
fn the_nearest_is_taken_where_it_is_asked_for() {
    let schema = Schema::open();
    for (dialect, text, ours, notes) in [
        (Qlib, "Corr($close, $volume, 20)", "ts_corr(close, volume, 20, min_periods=1)", 1),
        (Qlib, "5 - IdxMax($close, 5)", "ts_argmax(close, 5)", 1),
        (
            Alpha101,
            "rank(close) ^ rank(open)",
            "if_else(cs_rank(close) > 0, exp(cs_rank(open) * log(cs_rank(close))), nan_where(num(cs_rank(open) == 0), cs_rank(close) < 0 or cs_rank(open) < 0))",
            1,
        ),
        (Brain, "hump(close, hump=0.5) + hump(open, hump=0.5)", "hump(close, 0.5) + hump(open, 0.5)", 1),
        (Pandas, "close.ewm(span=9, adjust=False).mean()", "ts_ema(close, 9)", 1),
        (Pandas, "close.rolling(9).mean()", "ts_mean(close, 9)", 0),
    ] {
        let (graph, differences) =
            parse_dialect_nearest(text, dialect, &schema).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!((own(&graph).as_str(), differences.len()), (ours, notes), "{dialect}: {text}: {differences:?}");
    }
}

/// Rows of symbols from the oldest on, for `values`.
fn series(x: &[f64], y: &[f64]) -> Vec<(&'static str, Matrix)> {
    vec![("x_", vec![x.to_vec()]), ("y_", vec![y.to_vec()])]
}

/// The same words, each with the meaning of its dialect: values that are known from elsewhere.
#[test]
fn known_values_of_every_dialect() {
    let (x, y) = ([3.0, 1.0, 4.0, 1.0, 4.0], [2.0, 7.0, 1.0, 8.0, 2.0]);
    let market = series(&x, &y);
    for (dialect, text, wanted) in [
        (Alpha101, "Ts_Rank(x_, 5)", 0.875),
        (Brain, "ts_rank(x_, 5)", 0.875),
        (Alpha101, "Ts_ArgMax(x_, 5)", 0.0),
        (Brain, "ts_arg_min(x_, 5)", 1.0),
        (Alpha101, "stddev(x_, 5)", 1.516_575),
        (Brain, "ts_std_dev(x_, 5)", 1.356_466),
        (Pandas, "x_.rolling(5).std()", 1.516_575),
        (Pandas, "x_.rolling(5).std(ddof=0)", 1.356_466),
        (Brain, "ts_zscore(x_, 5)", 0.923_133),
        (Alpha101, "decay_linear(x_, 5)", 2.733_333),
        (Qlib, "WMA($x_, 5)", 0.546_667),
        (Qlib, "WMA($x_, 5) * 5", 2.733_333),
        (Brain, "ts_decay_linear(x_, 5)", 2.733_333),
        (Alpha101, "correlation(x_, y_, 5)", -0.966_574),
        (Pandas, "x_.rolling(5).corr(y_)", -0.966_574),
        (Alpha101, "covariance(x_, y_, 5)", -4.75),
        (Brain, "ts_covariance(x_, y_, 5)", -3.8),
        (Qlib, "Cov($x_, $y_, 5)", -4.75),
        (Brain, "ts_regression(x_, y_, 5, rettype=2)", -0.452_381),
        (Brain, "ts_regression(x_, y_, 5)", 0.495_238),
        (Qlib, "Slope($x_, 5)", 0.2),
        (Qlib, "Rank($x_, 5)", 0.9),
        (Pandas, "x_.rolling(5).rank(pct=True)", 0.9),
        (Pandas, "x_.rolling(5).rank()", 4.5),
        (Qlib, "Skew($x_, 5)", -0.315_356),
        (Pandas, "x_.rolling(5).kurt()", -3.081_285),
        (Qlib, "Mad($x_, 5)", 1.28),
        (Qlib, "Quantile($x_, 5, 0.3)", 1.4),
        (Qlib, "EMA($x_, 3)", 3.0),
    ] {
        let (graph, _) =
            parse_dialect_nearest(text, dialect, &Schema::open()).unwrap_or_else(|error| panic!("{error}"));
        let found = values(&compile(&graph, &[]).unwrap(), &market)[0][4];
        assert!((found - wanted).abs() < 1e-6, "{dialect} {text}: {found}, not {wanted}");
    }
    let nan = f64::NAN;
    let row: Vec<(&str, Matrix)> = vec![("x_", [4.0, 1.0, nan, 1.0, 9.0].map(|x| vec![x]).to_vec())];
    for (dialect, text, wanted) in [
        (Alpha101, "rank(x_)", [0.666_667, 0.166_667, nan, 0.166_667, 1.0]),
        (Brain, "rank(x_)", [0.666_667, 0.166_667, nan, 0.166_667, 1.0]),
        (Brain, "normalize(x_, useStd=true)", [0.066_227, -0.728_493, nan, -0.728_493, 1.390_759]),
        (Pandas, "x_.rank(axis=1, pct=True)", [0.75, 0.375, nan, 0.375, 1.0]),
        (Brain, "zscore(x_)", [0.076_472, -0.841_191, nan, -0.841_191, 1.605_910]),
    ] {
        let graph = parse_dialect(text, dialect, &Schema::open()).unwrap_or_else(|error| panic!("{error}"));
        let found = values(&compile(&graph, &[]).unwrap(), &row);
        for (found, wanted) in found.iter().map(|symbol| symbol[0]).zip(wanted) {
            assert!(
                (found - wanted).abs() < 1e-6 || (found.is_nan() && wanted.is_nan()),
                "{text}: {found}, not {wanted}"
            );
        }
    }
}

/// A row's pattern with words in place of its letters.
fn filled(pattern: &str, dialect: Dialect, x: &str) -> String {
    let column = if dialect == Dialect::Qlib { "$close" } else { "close" };
    let condition = format!("({column} > {})", column.replace("close", "open"));
    let x = format!("({x})");
    let is_word = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '$');
    let mut text = String::new();
    let mut rest = pattern;
    while let Some(first) = rest.chars().next() {
        let length = rest.find(|letter| is_word(letter) != is_word(first)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(length);
        match word {
            "x" => text += &x,
            "y" | "z" | "w" => text += column,
            "d" => text.push('5'),
            "k" => text.push('2'),
            "a" | "b" | "c" => text += "0.5",
            "f" | "h" | "t" | "u" => text += &condition,
            "g" | "e" => text += "sector",
            other => text += other,
        }
        rest = after;
    }
    text
}

/// A rule that names an input twice doubles what is written at every level: deep nests get a message, in no time.
#[test]
fn rules_that_double_are_no_way_to_hang() {
    let schema = Schema::new(["open", "close"].into_iter(), ["sector"].into_iter());
    let mut refused = 0;
    for dialect in Dialect::ALL {
        for entry in dialect.entries() {
            let mut text = if dialect == Dialect::Qlib { "$close" } else { "close" }.to_owned();
            for _ in 0..40 {
                let outer = filled(entry.theirs, dialect, &text);
                if outer.len() < 20_000 && outer.contains(&text) {
                    text = outer;
                }
            }
            if let Err(error) = parse_dialect_nearest(&text, dialect, &schema) {
                refused += usize::from(error.message == "in our words the expression has more than 4096 nodes");
            }
        }
    }
    assert!(refused > 10, "{refused} rules double");
}

/// An open schema takes any name for a column, but for those that our own text could not repeat.
#[test]
fn columns_have_names_that_our_text_can_say() {
    for (dialect, text) in [(Qlib, "$not"), (Alpha101, "and"), (Pandas, "close._close"), (Brain, "or")] {
        assert!(parse_dialect(text, dialect, &Schema::open()).is_err(), "{dialect}: {text}");
    }
}
