//! Factor analyses as people read them.

use std::fmt::Write;

use ::backtest::analysis::leak::{Evidence, InputCheck, Start, View};
use ::backtest::analysis::{HorizonAnalysis, Stability};
use ::backtest::{FactorAnalysis, IcSummary};

use super::analyze::Source;
use super::chart::bars;

/// Widths of names and figures.
const NAME: usize = 22;
const FIGURE: usize = 10;
/// Characters of a bar.
const BAR: usize = 28;
/// Years or months shown, the last ones.
const MOST_PERIODS: usize = 24;

pub(super) fn text(market: &str, sources: &[Source], found: &[FactorAnalysis], inputs: &[InputCheck]) -> String {
    let mut text = format!("{market}\n");
    for (source, analysis) in sources.iter().zip(found) {
        text.push_str(&factor(source, analysis));
    }
    text.push_str(&checks(sources, found, inputs));
    text
}

fn factor(source: &Source, analysis: &FactorAnalysis) -> String {
    let mut text = format!("\n{}\n", source.name);
    if source.text != source.name {
        let _ = writeln!(text, "{}", source.text);
    }
    let _ = writeln!(
        text,
        "returns from the {} to a later {}; bars with {} names or more count\n",
        analysis.fill, analysis.price, analysis.min_names
    );
    text.push_str(&coverage(analysis));
    text.push_str(&information(&analysis.horizons));
    text.push_str(&quantiles(&analysis.horizons));
    text.push_str(&decay(&analysis.horizons));
    text.push_str(&stability(&analysis.stability));
    text.push_str(&parts(analysis));
    text
}

fn coverage(analysis: &FactorAnalysis) -> String {
    let coverage = analysis.coverage;
    let (share, mean) = (percent(coverage.share), number(coverage.mean, 1));
    match coverage.least {
        None => "coverage  no member ever has a value\n".to_owned(),
        Some(least) => format!(
            "coverage  {share} of members, {mean} names a bar, {least} at least; {} bars before the first value\n",
            coverage.bars_before
        ),
    }
}

/// IC and spread, one column a horizon.
fn information(horizons: &[HorizonAnalysis]) -> String {
    let mut text = format!("\n{:<NAME$}", "horizon, bars");
    for of in horizons {
        let _ = write!(text, "{:>FIGURE$}", of.horizon);
    }
    let _ = writeln!(text, "\n{}", "─".repeat(NAME + FIGURE * horizons.len()));
    let mut line = |name: &str, figure: &dyn Fn(&HorizonAnalysis) -> String| {
        let _ = write!(text, "{name:<NAME$}");
        for of in horizons {
            let _ = write!(text, "{:>FIGURE$}", figure(of));
        }
        text.push('\n');
    };
    line("rank IC, mean", &|of| signed(of.rank_ic.mean, 4));
    line("  deviation", &|of| number(of.rank_ic.std, 4));
    line("  ICIR", &|of| signed(of.rank_ic.icir, 3));
    line("  t, Newey-West", &|of| signed(of.rank_ic.t_newey_west, 2));
    line("  t, plain", &|of| signed(of.rank_ic.t_plain, 2));
    line("  bars above 0", &|of| percent(of.rank_ic.share_positive));
    line("  bars", &|of| of.rank_ic.n_dates.to_string());
    line("IC (Pearson), mean", &|of| signed(of.ic.mean, 4));
    line("  ICIR", &|of| signed(of.ic.icir, 3));
    line("  t, Newey-West", &|of| signed(of.ic.t_newey_west, 2));
    line("spread, bps", &|of| points(of.spread.mean));
    line("  t, Newey-West", &|of| signed(of.spread.t_newey_west, 2));
    line("  t, plain", &|of| signed(of.spread.t_plain, 2));
    line("monotonicity", &|of| signed(of.monotonicity, 2));
    if horizons.iter().any(|of| of.rank_ic.few_dates) {
        text.push_str("Fewer than 20 bars: the t-statistics say little.\n");
    }
    text
}

fn quantiles(horizons: &[HorizonAnalysis]) -> String {
    let mut text = format!("\n{:<NAME$}", "quantile, bps over all");
    for of in horizons {
        let _ = write!(text, "{:>FIGURE$}", of.horizon);
    }
    let first = &horizons[0];
    let scale: Vec<Option<f64>> = first.quantiles.iter().map(|quantile| quantile.excess).collect();
    let over = format!("{:^width$}", format!("over {}", bars_of(first.horizon)), width = 2 * BAR + 1);
    let _ = writeln!(text, "   {}", over.trim_end());
    for (place, bar) in bars(&scale, BAR).into_iter().enumerate() {
        let name = match place {
            0 => "1 lowest".to_owned(),
            place if place + 1 == first.quantiles.len() => format!("{} highest", place + 1),
            place => (place + 1).to_string(),
        };
        let _ = write!(text, "{name:<NAME$}");
        for of in horizons {
            let _ = write!(text, "{:>FIGURE$}", points(of.quantiles[place].excess));
        }
        let _ = writeln!(text, "   {bar}");
    }
    text
}

fn decay(horizons: &[HorizonAnalysis]) -> String {
    let mut text = "\ndecay of the rank IC\n".to_owned();
    let means: Vec<Option<f64>> = horizons.iter().map(|of| of.rank_ic.mean).collect();
    for (of, bar) in horizons.iter().zip(bars(&means, BAR)) {
        let _ = writeln!(text, "{:<NAME$}{:>FIGURE$}   {bar}", bars_of(of.horizon), signed(of.rank_ic.mean, 4));
    }
    text
}

fn stability(lags: &[Stability]) -> String {
    if lags.is_empty() {
        return String::new();
    }
    let mut text = format!("\n{:<NAME$}", "after so many bars");
    for of in lags {
        let _ = write!(text, "{:>FIGURE$}", of.lag);
    }
    let highest = lags[0].turnover.len() - 1;
    let mut line = |name: &str, figure: &dyn Fn(&Stability) -> String| {
        let _ = write!(text, "\n{name:<NAME$}");
        for of in lags {
            let _ = write!(text, "{:>FIGURE$}", figure(of));
        }
    };
    line("rank autocorrelation", &|of| signed(of.rank_autocorrelation, 3));
    line("turnover, lowest", &|of| percent(of.turnover[0]));
    line("turnover, highest", &|of| percent(of.turnover[highest]));
    text + "\n"
}

/// Rank IC by year or month, and by group.
fn parts(analysis: &FactorAnalysis) -> String {
    let horizon = bars_of(analysis.horizons[0].horizon);
    let mut text = String::new();
    let head = |what: &str| {
        format!("\n{:<NAME$}{:>FIGURE$}{:>FIGURE$}{:>FIGURE$}{:>FIGURE$}\n", what, "mean", "t, N-W", "above 0", "bars")
    };
    let line = |name: &str, summary: &IcSummary| {
        let (mean, t) = (signed(summary.mean, 4), signed(summary.t_newey_west, 2));
        let (above, bars) = (percent(summary.share_positive), summary.n_dates);
        format!("{name:<NAME$}{mean:>FIGURE$}{t:>FIGURE$}{above:>FIGURE$}{bars:>FIGURE$}")
    };
    let skipped = analysis.periods.len().saturating_sub(MOST_PERIODS);
    if !analysis.periods.is_empty() {
        text.push_str(&head(&format!("rank IC, {horizon}")));
    }
    for period in &analysis.periods[skipped..] {
        let _ = writeln!(text, "{}", line(&period.period, &period.rank_ic));
    }
    if skipped > 0 {
        let _ = writeln!(text, "({skipped} before those: --json has them all)");
    }
    if !analysis.groups.is_empty() {
        text.push_str(&head("rank IC within groups"));
    }
    for group in &analysis.groups {
        let name: String = group.group.chars().take(NAME - 1).collect();
        let _ = writeln!(text, "{}   {} names", line(&name, &group.rank_ic), number(group.names, 1));
    }
    text
}

/// What inputs and factors say of the future.
fn checks(sources: &[Source], found: &[FactorAnalysis], inputs: &[InputCheck]) -> String {
    let factors = sources.iter().zip(found).map(|(source, analysis)| (&*source.name, &analysis.leak));
    let all: Vec<(&str, &InputCheck)> = inputs.iter().map(|check| (&*check.input, check)).chain(factors).collect();
    let mut text = "\nfuture and past     mean rank IC where it says most of the future\n".to_owned();
    for (name, check) in &all {
        let short: String = name.chars().take(NAME - 1).collect();
        let says = check.evidence.as_ref().map_or_else(|| "too few bars to say".to_owned(), evidence);
        let _ = writeln!(text, "{short:<NAME$}{says}{}", if check.suspect { "   LEAK?" } else { "" });
    }
    for (name, check) in all.iter().filter(|(_, check)| check.suspect) {
        let _ = writeln!(text, "LEAK? {}", reason(name, check));
    }
    text
}

fn evidence(found: &Evidence) -> String {
    let returns = returns(found);
    let (future, past) = (signed(Some(found.future), 3), signed(Some(found.past), 3));
    format!("{future} (t {:.1}) with {returns}, {past} with the last ones{}", found.t, view(found.view))
}

fn reason(name: &str, check: &InputCheck) -> String {
    if let Some(early) = &check.early {
        return format!("`{name}` is `{}` of {} later", early.column, bars_of(early.bars));
    }
    let Some(found) = &check.evidence else { return format!("`{name}`") };
    let given = found.given_past.map(|given| format!(", {given:+.2} once past ones are taken out")).unwrap_or_default();
    format!(
        "`{name}`{} has a rank IC of {:+.2} with {}{given}; {:+.2} with past ones. Was it known on its bar?",
        view(found.view),
        found.future,
        returns(found),
        found.past
    )
}

fn returns(found: &Evidence) -> String {
    let start = match found.start {
        Start::Close => "",
        Start::Fill => ", from the fill",
    };
    if found.horizon == 1 {
        format!("the next bar's returns{start}")
    } else {
        format!("returns of the next {} bars{start}", found.horizon)
    }
}

fn view(view: View) -> &'static str {
    match view {
        View::Level => "",
        View::ToClose => " (over the close)",
        View::Change => " (its change)",
    }
}

fn bars_of(bars: usize) -> String {
    if bars == 1 { "1 bar".to_owned() } else { format!("{bars} bars") }
}

fn number(value: Option<f64>, decimals: usize) -> String {
    value.map_or_else(|| "--".to_owned(), |value| format!("{value:.decimals$}"))
}

/// With its sign; what rounds to zero has none.
fn signed(value: Option<f64>, decimals: usize) -> String {
    let Some(value) = value else { return "--".to_owned() };
    let text = format!("{value:+.decimals$}");
    if text.bytes().any(|byte| (b'1'..=b'9').contains(&byte)) { text } else { text[1..].to_owned() }
}

fn percent(value: Option<f64>) -> String {
    value.map_or_else(|| "--".to_owned(), |value| format!("{:.1}%", value * 100.0))
}

fn points(value: Option<f64>) -> String {
    signed(value.map(|value| value * 1e4), 1)
}
