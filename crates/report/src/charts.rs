//! Series as the script of the page draws them: thinned where there are very many bars, rounded to what can be seen.

use std::ops::Range;

use backtest::metrics::{drawdown_series, rolling_figures, rolling_window};
use backtest::{Outcome, Report};
use market::Calendar;
use serde::Serialize;

use crate::PageInput;

/// Up to so many bars every one is drawn.
const MOST_BARS: usize = 5_000;
/// Beyond that, bars are drawn by so many groups: of each its first, and its highest and lowest equity.
const GROUPS: usize = 1_500;

/// What the script of the page reads.
#[derive(Debug, Serialize)]
pub(crate) struct Data<'a> {
    /// Bars in all.
    bars: usize,
    /// Seconds that one step of `time` is.
    unit: i64,
    /// Of the bars that are drawn.
    time: Vec<i64>,
    /// Of the first bar of each month.
    months: Vec<i64>,
    /// Names of periods and where they begin.
    periods: Vec<(&'a str, i64)>,
    charts: Vec<Chart>,
    /// Every figure by its name, as `backtest --json` prints them; null where undefined.
    reports: Vec<&'a Report>,
}

/// One chart.
#[derive(Debug, Serialize)]
pub(crate) struct Chart {
    /// Of its place in the page.
    pub(crate) id: String,
    /// What it shows, for those who cannot see it.
    pub(crate) title: String,
    form: Form,
    /// Bars by month instead of lines by bar.
    monthly: bool,
    /// Whether it can be shown on a logarithmic scale.
    log: bool,
    /// Room that it takes: 2 for the one that matters most.
    weight: u8,
    series: Vec<Series>,
}

/// How values are labelled and rounded.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Form {
    /// A multiple of the capital.
    Growth,
    /// A fraction, in percent.
    Percent,
    /// A pure number.
    Ratio,
}

/// One line or row of bars.
#[derive(Debug, Serialize)]
pub(crate) struct Series {
    name: String,
    /// 0 is the benchmark's; strategies count from 1.
    color: usize,
    dash: usize,
    fill: bool,
    values: Vec<Option<f64>>,
}

impl Form {
    /// The value as it is drawn; none where there is nothing to draw.
    fn rounded(self, value: f64) -> Option<f64> {
        let digits = match self {
            // Five digits, whatever the size.
            Form::Growth if value == 0.0 => 0,
            Form::Growth => (4 - value.abs().log10().floor() as i32).clamp(0, 12),
            Form::Percent => 4,
            Form::Ratio => 3,
        };
        let scale = 10_f64.powi(digits);
        let rounded = (value * scale).round() / scale;
        // Adding 0 turns a negative zero into zero.
        if rounded.is_finite() { Some(rounded + 0.0) } else { None }
    }

    fn all(self, values: impl IntoIterator<Item = f64>) -> Vec<Option<f64>> {
        values.into_iter().map(|value| self.rounded(value)).collect()
    }
}

impl<'a> Data<'a> {
    /// All charts of a page, in order: those of all strategies together, then those of each.
    pub(crate) fn new(input: &PageInput<'a>) -> Self {
        let calendar = input.panel.calendar();
        let outcomes: Vec<&Outcome> = input.entries.iter().map(|entry| &entry.report.outcome).collect();
        let rows = drawn_rows(&outcomes, input.bars.clone());
        let unit = if calendar.is_dates() { 86_400 } else { 1 };
        let at = |row: usize| calendar.civil_seconds(row).div_euclid(unit);
        let months = month_starts(calendar, &input.bars);
        let mut charts = together(input, &rows);
        for (number, entry) in input.entries.iter().enumerate() {
            charts.extend(alone(input, number, &entry.report.outcome, &rows, &months));
        }
        charts.retain(Chart::has_values);
        let periods = input.entries.first().into_iter().flat_map(|entry| &entry.report.periods).filter_map(|period| {
            let row = input.bars.clone().find(|&row| period.name != "whole" && calendar.label(row) == period.from)?;
            (row > input.bars.start).then(|| (period.name.as_str(), at(row)))
        });
        Self {
            bars: input.bars.len(),
            unit,
            time: rows.iter().map(|&row| at(row)).collect(),
            months: months.iter().map(|&row| at(row)).collect(),
            periods: periods.collect(),
            charts,
            reports: input.entries.iter().map(|entry| entry.report).collect(),
        }
    }

    /// The chart of an id, if there was anything to draw.
    pub(crate) fn chart(&self, id: &str) -> Option<&Chart> {
        self.charts.iter().find(|chart| chart.id == id)
    }

    /// How many bars are drawn, and how many there are.
    pub(crate) fn drawn(&self) -> (usize, usize) {
        (self.time.len(), self.bars)
    }

    /// JSON that may stand in a script element: nothing in it can end the element or begin a comment.
    pub(crate) fn json(&self) -> Result<String, serde_json::Error> {
        let text = serde_json::to_string(self)?;
        let mut safe = String::with_capacity(text.len() + 64);
        for letter in text.chars() {
            match letter {
                '<' => safe.push_str("\\u003c"),
                '>' => safe.push_str("\\u003e"),
                '&' => safe.push_str("\\u0026"),
                '\u{2028}' => safe.push_str("\\u2028"),
                '\u{2029}' => safe.push_str("\\u2029"),
                other => safe.push(other),
            }
        }
        Ok(safe)
    }
}

impl Chart {
    fn has_values(&self) -> bool {
        self.series.iter().any(|series| series.values.iter().any(Option::is_some))
    }
}

/// Every row; of very many bars those at which a line would be seen to turn.
fn drawn_rows(outcomes: &[&Outcome], bars: Range<usize>) -> Vec<usize> {
    if bars.len() <= MOST_BARS {
        return bars.collect();
    }
    let mut rows = vec![bars.end - 1];
    let size = bars.len().div_ceil(GROUPS);
    for first in bars.clone().step_by(size) {
        rows.push(first);
        for outcome in outcomes.iter().take(4) {
            let end = (first + size).min(bars.end).min(outcome.equity.len());
            let group = || (first..end).filter(|&row| outcome.equity[row].is_finite());
            let equity = |row: &usize| outcome.equity[*row];
            rows.extend(group().min_by(|a, b| equity(a).total_cmp(&equity(b))));
            rows.extend(group().max_by(|a, b| equity(a).total_cmp(&equity(b))));
        }
    }
    rows.sort_unstable();
    rows.dedup();
    rows
}

fn month_starts(calendar: &Calendar, bars: &Range<usize>) -> Vec<usize> {
    bars.clone().filter(|&row| row == bars.start || calendar.starts_month(row)).collect()
}

/// The value of a series at some rows; NaN beyond its end.
fn picked<'s>(series: &'s [f64], rows: &'s [usize]) -> impl Iterator<Item = f64> + 's {
    rows.iter().map(|&row| series.get(row).copied().unwrap_or(f64::NAN))
}

/// Equity and drawdown of all strategies, and of the benchmark below them.
fn together(input: &PageInput<'_>, rows: &[usize]) -> Vec<Chart> {
    let growth = |report: &Report| {
        let capital = report.assumptions.settings.capital;
        Form::Growth.all(picked(&report.outcome.equity, rows).map(|equity| equity / capital))
    };
    let below = |report: &Report| Form::Percent.all(picked(&drawdown_series(&report.outcome.returns), rows));
    let several = input.entries.len() > 1;
    let lines = |values: &dyn Fn(&Report) -> Vec<Option<f64>>, fill: bool| {
        let mut lines: Vec<Series> = vec![series(&input.benchmark.strategy, 0, 1, false, values(input.benchmark))];
        for (number, entry) in input.entries.iter().enumerate() {
            let dash = if several { dash_of(number) } else { 0 };
            lines.push(series(&entry.report.strategy, number + 1, dash, fill && !several, values(entry.report)));
        }
        lines
    };
    vec![
        Chart {
            id: "equity".to_owned(),
            title: "Growth of 1, costs paid".to_owned(),
            form: Form::Growth,
            monthly: false,
            log: true,
            weight: 2,
            series: lines(&growth, false),
        },
        Chart {
            id: "drawdown".to_owned(),
            title: "Drawdown from the highest equity so far".to_owned(),
            form: Form::Percent,
            monthly: false,
            log: false,
            weight: 1,
            series: lines(&below, true),
        },
    ]
}

/// The dash of a strategy, so that no two lines of one colour look alike.
fn dash_of(number: usize) -> usize {
    [0, 2, 3, 4][number % 4]
}

fn series(name: &str, color: usize, dash: usize, fill: bool, values: Vec<Option<f64>>) -> Series {
    Series { name: name.to_owned(), color, dash, fill, values }
}

/// What belongs to one strategy.
fn alone(input: &PageInput<'_>, number: usize, outcome: &Outcome, rows: &[usize], months: &[usize]) -> Vec<Chart> {
    let chart = |name: &str, title: String, form: Form, monthly: bool, series: Vec<Series>| Chart {
        id: format!("{name}-{number}"),
        title,
        form,
        monthly,
        log: false,
        weight: 1,
        series,
    };
    let (own, held) = (&input.entries[number].report.strategy, &input.benchmark.strategy);
    let color = number + 1;
    let window = rolling_window(input.bars.len(), input.returns.periods_per_year);
    // What was before the first bar on which money is held is no part of any window.
    let start = input.bars.start;
    let rolling = |returns: &[f64]| {
        let returns = returns.get(start..).unwrap_or_default();
        rolling_figures(returns, window, &input.returns, rows.iter().map(|row| row - start))
    };
    let (mine, other) = (rolling(&outcome.returns), rolling(&input.benchmark.outcome.returns));
    let pair = |form: Form, value: &dyn Fn(&backtest::metrics::RollingFigures) -> Option<f64>| {
        let values = |figures: &[backtest::metrics::RollingFigures]| {
            form.all(figures.iter().map(|figures| value(figures).unwrap_or(f64::NAN)))
        };
        vec![series(held, 0, 1, false, values(&other)), series(own, color, 0, false, values(&mine))]
    };
    let exposure = |values: &[f64]| Form::Percent.all(picked(values, rows));
    let (gross, net) = (exposure(&outcome.exposure_gross), exposure(&outcome.exposure_net));
    let exposures = if gross == net {
        vec![series("gross and net, which are equal", color, 0, true, gross)]
    } else {
        vec![series("gross", color, 0, true, gross), series("net", color + 1, 2, false, net)]
    };
    let end_of = |month: usize| months.get(month + 1).copied().unwrap_or(outcome.turnover.len());
    let turnover = months.iter().enumerate().map(|(month, &first)| {
        let traded = outcome.turnover.get(first..end_of(month)).unwrap_or_default();
        traded.iter().filter(|turnover| !turnover.is_nan()).sum::<f64>()
    });
    let turnover = Form::Percent.all(turnover);
    let traded = turnover.iter().any(|turnover| turnover.is_some_and(|turnover| turnover != 0.0));
    let mut charts = vec![
        chart("sharpe", format!("Sharpe ratio of {window} bars"), Form::Ratio, false, pair(Form::Ratio, &|f| f.sharpe)),
        chart(
            "volatility",
            format!("Volatility of {window} bars, per year"),
            Form::Percent,
            false,
            pair(Form::Percent, &|f| f.volatility),
        ),
        chart("exposure", "Exposure at the close, of equity".to_owned(), Form::Percent, false, exposures),
    ];
    if traded {
        charts.push(chart(
            "turnover",
            "One-way turnover by month, of equity".to_owned(),
            Form::Percent,
            true,
            vec![series("turnover", color, 0, true, turnover)],
        ));
    }
    let costs = paid(outcome, rows, color);
    if costs.len() > 1 {
        charts.push(chart("costs", "Costs so far by type, of equity".to_owned(), Form::Percent, false, costs));
    }
    charts
}

/// Costs so far, each bar's over the equity that paid them: all together, then the types that cost anything.
fn paid(outcome: &Outcome, rows: &[usize], color: usize) -> Vec<Series> {
    let so_far = |costs: &[f64]| {
        let mut sum = 0.0;
        let fractions = costs.iter().zip(&outcome.equity).map(|(&cost, &equity)| {
            // What a bar cost is taken from the equity at its close.
            let before = equity + cost;
            sum += if before > 0.0 && cost.is_finite() { cost / before } else { 0.0 };
            sum
        });
        fractions.collect::<Vec<f64>>()
    };
    let mut lines = Vec::new();
    for (name, costs) in outcome.costs_by_type.named() {
        let line = so_far(costs);
        if line.last().is_some_and(|&total| total > 0.0) {
            lines.push((name, line));
        }
    }
    let all = so_far(&outcome.costs);
    let mut drawn = vec![series("all costs", color, 0, true, Form::Percent.all(picked(&all, rows)))];
    drawn.extend(lines.iter().enumerate().map(|(place, (name, line))| {
        series(&name.replace('_', " "), color + 1 + place, 1 + place % 4, false, Form::Percent.all(picked(line, rows)))
    }));
    drawn
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_rounded_to_what_is_seen() {
        let check = |form: Form, value: f64, expected: Option<f64>| {
            assert_eq!(form.rounded(value).map(f64::to_bits), expected.map(f64::to_bits), "{form:?} {value}");
        };
        check(Form::Growth, 1.234_567_8, Some(1.2346));
        check(Form::Growth, 123_456.78, Some(123_457.0));
        check(Form::Growth, 0.000_123_456_78, Some(0.000_123_46));
        check(Form::Growth, 0.0, Some(0.0));
        check(Form::Percent, -0.000_01, Some(0.0));
        check(Form::Ratio, 1.000_6, Some(1.001));
        check(Form::Ratio, f64::NAN, None);
        check(Form::Growth, f64::INFINITY, None);
    }

    #[test]
    fn few_bars_are_all_drawn_and_many_keep_their_turns() {
        assert_eq!(drawn_rows(&[], 7..MOST_BARS + 7).len(), MOST_BARS);
        let bars = 40_000;
        let mut equity = vec![1.0; bars];
        (equity[12_345], equity[23_456]) = (0.1, 9.0);
        let outcome = Outcome { equity, ..Outcome::default() };
        let rows = drawn_rows(&[&outcome], 0..bars);
        assert!(rows.len() <= 3 * GROUPS + 1, "{}", rows.len());
        for row in [0, 12_345, 23_456, bars - 1] {
            assert!(rows.contains(&row), "{row}");
        }
        assert!(rows.is_sorted());
    }
}
