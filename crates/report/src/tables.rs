//! Tables of a page.

use backtest::analysis::{HorizonAnalysis, Stability};
use backtest::metrics::{
    CalendarReturn, best_trades, drawdown_series, exit_reasons, monthly_returns, trade_return, worst_drawdowns,
    worst_trades, yearly_returns,
};
use backtest::{FactorAnalysis, Kind, PeriodReport, Report, Row, Trade, display};
use market::{Calendar, Panel};

/// A table that the template prints.
#[derive(Debug, Default)]
pub(crate) struct Table {
    pub(crate) caption: String,
    pub(crate) head: Vec<String>,
    pub(crate) rows: Vec<Vec<Cell>>,
}

impl Table {
    /// Headings, and whether the column below holds words, which stand on the left.
    pub(crate) fn heads(&self) -> impl Iterator<Item = (&str, bool)> {
        let is_text = |column: usize| {
            let first = self.rows.first().and_then(|row| row.get(column));
            first.is_some_and(|cell| cell.class == "text")
        };
        self.head.iter().enumerate().map(move |(column, name)| (name.as_str(), is_text(column)))
    }
}

/// One cell; the first of a row is its heading.
#[derive(Debug, Default)]
pub(crate) struct Cell {
    pub(crate) text: String,
    /// Style: a shade of the heat map, or `text` for words, which stand on the left.
    pub(crate) class: String,
    /// Bars in place of text.
    pub(crate) bars: Vec<Bar>,
}

/// A bar of a table, in percent of the cell's width.
#[derive(Debug)]
pub(crate) struct Bar {
    pub(crate) class: &'static str,
    pub(crate) left: String,
    pub(crate) width: String,
}

fn cell(text: impl Into<String>) -> Cell {
    Cell { text: text.into(), ..Cell::default() }
}

fn words(text: impl Into<String>) -> Cell {
    Cell { class: "text".to_owned(), ..cell(text) }
}

fn percent(value: Option<f64>) -> String {
    display(value, Kind::Percent)
}

/// Money in whole units, by thousands.
fn money(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    if !value.is_finite() {
        return "--".to_owned();
    }
    let mut text = if value < 0.0 && digits != "0" { "-".to_owned() } else { String::new() };
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn heads<const N: usize>(names: [&str; N]) -> Vec<String> {
    names.map(str::to_owned).to_vec()
}

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// The spans that a row or a later one is in; returns before it are 0, as nothing was held.
fn since(mut spans: Vec<CalendarReturn>, first_row: usize) -> Vec<CalendarReturn> {
    spans.retain(|span| span.first_row + span.bars > first_row);
    spans
}

/// Returns by month, a row a year.
pub(crate) fn months(report: &Report, calendar: &Calendar, first_row: usize) -> Table {
    let returns = &report.outcome.returns;
    let months = since(monthly_returns(returns, calendar), first_row);
    let years = since(yearly_returns(returns, calendar), first_row);
    let mut sizes: Vec<f64> = months.iter().filter_map(|month| month.value.map(f64::abs)).collect();
    sizes.sort_by(f64::total_cmp);
    // The largest months would leave all others pale.
    let full = sizes.get(sizes.len() * 9 / 10).copied().unwrap_or(0.0);
    let mut head = vec!["Year".to_owned()];
    head.extend(MONTHS.map(str::to_owned));
    head.push("Year".to_owned());
    let row = |year: &CalendarReturn| {
        let mut row = vec![cell(year.year.to_string())];
        row.extend((1..=12).map(|number| {
            match months.iter().find(|month| month.year == year.year && month.month == number) {
                Some(month) => shaded(month.value, full),
                None => cell(""),
            }
        }));
        row.push(Cell { class: "total".to_owned(), ..cell(short_percent(year.value)) });
        row
    };
    Table { caption: "Returns by month, in percent".to_owned(), head, rows: years.iter().map(row).collect() }
}

fn short_percent(value: Option<f64>) -> String {
    // One decimal is enough where there are twelve numbers a line.
    match value.filter(|value| value.is_finite()).map(|value| format!("{:+.1}", value * 100.0)) {
        None => "--".to_owned(),
        Some(zero) if zero == "+0.0" || zero == "-0.0" => "0.0".to_owned(),
        Some(text) => text,
    }
}

fn shaded(value: Option<f64>, full: f64) -> Cell {
    let class = match value {
        Some(value) if full > 0.0 && value != 0.0 => {
            let strength = (value.abs() / full * 5.0).ceil().clamp(1.0, 5.0);
            format!("{}{strength:.0}", if value > 0.0 { "gain" } else { "loss" })
        }
        _ => String::new(),
    };
    Cell { class, ..cell(short_percent(value)) }
}

/// Places values between the lowest and the highest of a column, 0 among them.
struct Scale {
    low: f64,
    high: f64,
}

impl Scale {
    fn of(values: impl Iterator<Item = f64>) -> Self {
        let finite = values.filter(|value| value.is_finite());
        let (low, high) = finite.fold((0.0_f64, 0.0_f64), |(low, high), value| (low.min(value), high.max(value)));
        if low < high { Self { low, high } } else { Self { low: 0.0, high: 1.0 } }
    }

    fn bar(&self, class: &'static str, value: Option<f64>) -> Option<Bar> {
        let value = value.filter(|value| value.is_finite())?;
        let part = |value: f64| value / (self.high - self.low) * 100.0;
        let left = format!("{:.1}", part(value.min(0.0) - self.low));
        Some(Bar { class, left, width: format!("{:.1}", part(value.abs())) })
    }

    fn cell(&self, bars: impl IntoIterator<Item = (&'static str, Option<f64>)>) -> Cell {
        let bars = bars.into_iter().filter_map(|(class, value)| self.bar(class, value)).collect();
        Cell { class: "bars".to_owned(), bars, ..Cell::default() }
    }
}

/// The colour of a bar follows its sign, as does its direction.
fn signed(value: Option<f64>) -> &'static str {
    if value.is_some_and(|value| value < 0.0) { "loss" } else { "gain" }
}

/// Returns by year beside the benchmark's.
pub(crate) fn years(report: &Report, benchmark: &Report, calendar: &Calendar, first_row: usize) -> Table {
    let yearly = |report: &Report| since(yearly_returns(&report.outcome.returns, calendar), first_row);
    let (own, held) = (yearly(report), yearly(benchmark));
    let scale = Scale::of(own.iter().chain(&held).filter_map(|year| year.value));
    let row = |(own, held): (&CalendarReturn, &CalendarReturn)| {
        let difference = own.value.zip(held.value).map(|(own, held)| own - held);
        vec![
            cell(own.year.to_string()),
            cell(percent(own.value)),
            scale.cell([(signed(own.value), own.value), ("held", held.value)]),
            cell(percent(held.value)),
            cell(percent(difference)),
        ]
    };
    Table {
        caption: "Returns by year; the thin bar is the benchmark".to_owned(),
        head: heads(["Year", "Strategy", "", "Benchmark", "Difference"]),
        rows: own.iter().zip(&held).map(row).collect(),
    }
}

/// A number of bars in words.
fn bars(count: usize) -> String {
    if count == 1 { "1 bar".to_owned() } else { format!("{count} bars") }
}

fn basis_points(fraction: Option<f64>) -> String {
    display(fraction.map(|fraction| fraction * 10_000.0), Kind::BasisPoints)
}

fn correlation(value: Option<f64>) -> String {
    value.map_or("--".to_owned(), |value| format!("{value:.4}"))
}

/// How the score orders the returns that follow it, by horizon.
pub(crate) fn horizons(scores: &FactorAnalysis) -> Table {
    let scale = Scale::of(scores.horizons.iter().filter_map(|horizon| horizon.rank_ic.mean));
    let row = |horizon: &HorizonAnalysis| {
        let (ranks, spread) = (&horizon.rank_ic, &horizon.spread);
        vec![
            cell(bars(horizon.horizon)),
            cell(correlation(ranks.mean)),
            scale.cell([(signed(ranks.mean), ranks.mean)]),
            cell(display(ranks.t_newey_west, Kind::Ratio)),
            cell(display(ranks.icir_annual, Kind::Ratio)),
            cell(percent(ranks.share_positive)),
            cell(basis_points(spread.mean)),
            cell(display(spread.t_newey_west, Kind::Ratio)),
            cell(ranks.n_dates.to_string()),
        ]
    };
    Table {
        caption:
            "Rank IC of the score and return of its highest quantile less that of its lowest, by horizon; t after \
                  Newey and West"
                .to_owned(),
        head: heads(["Horizon", "Rank IC", "", "t", "IR a year", "Above 0", "Spread", "t", "Bars"]),
        rows: scores.horizons.iter().map(row).collect(),
    }
}

/// Mean returns by quantile of the score, a row a quantile, a pair of columns a horizon.
pub(crate) fn quantiles(scores: &FactorAnalysis) -> Table {
    let count = scores.horizons.iter().map(|horizon| horizon.quantiles.len()).max().unwrap_or(0);
    let mut head = vec!["Quantile".to_owned()];
    for horizon in &scores.horizons {
        head.extend([bars(horizon.horizon), String::new()]);
    }
    let excess = |horizon: &HorizonAnalysis, number: usize| horizon.quantiles.get(number).and_then(|it| it.excess);
    let scale_of = |horizon| Scale::of((0..count).filter_map(|number| excess(horizon, number)));
    let scales: Vec<Scale> = scores.horizons.iter().map(scale_of).collect();
    let row = |number: usize| {
        let mut row = vec![cell(match number {
            0 => "lowest score".to_owned(),
            last if last + 1 == count => "highest score".to_owned(),
            middle => (middle + 1).to_string(),
        })];
        for (horizon, scale) in scores.horizons.iter().zip(&scales) {
            let value = excess(horizon, number);
            row.extend([cell(basis_points(value)), scale.cell([(signed(value), value)])]);
        }
        row
    };
    Table {
        caption: "Mean return by quantile of the score, less that of all names, over the horizon".to_owned(),
        head,
        rows: (0..count).map(row).collect(),
    }
}

/// How steady the score is, by lag.
pub(crate) fn stability(scores: &FactorAnalysis) -> Table {
    let row = |stability: &Stability| {
        vec![
            cell(bars(stability.lag)),
            cell(correlation(stability.rank_autocorrelation)),
            cell(percent(stability.turnover.first().copied().flatten())),
            cell(percent(stability.turnover.last().copied().flatten())),
        ]
    };
    Table {
        caption:
            "How steady the score is: correlation of its ranks with those so many bars before, and the share of names \
                  that were not in the same quantile then"
                .to_owned(),
        head: heads(["Lag", "Rank autocorrelation", "New among lowest", "New among highest"]),
        rows: scores.stability.iter().map(row).collect(),
    }
}

/// The deepest drawdowns.
pub(crate) fn drawdowns(report: &Report, calendar: &Calendar, first_row: usize, count: usize) -> Table {
    let returns = &report.outcome.returns;
    let scale = Scale::of(drawdown_series(returns).into_iter());
    let row = |(place, drawdown): (usize, &backtest::metrics::Drawdown)| {
        vec![
            cell((place + 1).to_string()),
            cell(percent(Some(drawdown.depth))),
            scale.cell([("loss", Some(drawdown.depth))]),
            cell(calendar.label(drawdown.peak.unwrap_or(0).max(first_row))),
            cell(calendar.label(drawdown.trough)),
            cell(drawdown.recovery.map_or("not yet".to_owned(), |row| calendar.label(row))),
            cell(drawdown.bars.to_string()),
        ]
    };
    Table {
        caption: format!("The deepest drawdowns, at most {count}; bars are those below the high"),
        head: heads(["Place", "Depth", "", "High", "Trough", "Recovery", "Bars"]),
        rows: worst_drawdowns(returns, count).iter().enumerate().map(row).collect(),
    }
}

/// The best or the worst closed trades.
pub(crate) fn trades(report: &Report, panel: &Panel, best: bool, count: usize) -> Table {
    let all = &report.outcome.trades;
    let trades = if best { best_trades(all, count) } else { worst_trades(all, count) };
    let label = |row: usize| panel.calendar().label(row);
    let row = |trade: &&Trade| {
        let bars = trade.exit_row.map_or(0, |exit| exit - trade.entry_row);
        vec![
            words(panel.symbols().get(trade.symbol).cloned().unwrap_or_default()),
            cell(percent(trade_return(trade))),
            cell(percent(Some(trade.favourable))),
            cell(percent(Some(trade.adverse))),
            words(if trade.shares < 0.0 { "short" } else { "long" }),
            cell(label(trade.entry_row)),
            cell(trade.exit_row.map_or("open".to_owned(), label)),
            cell(bars.to_string()),
            cell(money(trade.net_pnl)),
            words(trade.reason.map_or(String::new(), |reason| reason.name().replace('_', " "))),
        ]
    };
    let caption = if best { "Closed trades with the highest returns" } else { "Closed trades with the lowest returns" };
    Table {
        caption: format!(
            "{caption}, after costs, at most {count}; best and worst are the most favourable and adverse prices while held"
        ),
        head: heads(["Symbol", "Return", "Best", "Worst", "Side", "Entry", "Exit", "Bars", "Profit", "Ended by"]),
        rows: trades.iter().map(row).collect(),
    }
}

/// What ended trades.
pub(crate) fn reasons(report: &Report) -> Table {
    let reasons = exit_reasons(&report.outcome.trades);
    let all: usize = reasons.iter().map(|reason| reason.trades.trades).sum();
    let row = |summary: &backtest::metrics::ReasonSummary| {
        let trades = &summary.trades;
        vec![
            words(summary.reason.name().replace('_', " ")),
            cell(trades.trades.to_string()),
            cell(percent(Some(trades.trades as f64 / all as f64))),
            cell(percent(trades.win_rate_trade)),
            cell(display(trades.expectancy_bps, Kind::BasisPoints)),
            cell(display(trades.mean_holding_bars, Kind::Ratio)),
            cell(money(summary.net_pnl)),
        ]
    };
    Table {
        caption: "Closed trades by what ended them; profits after costs".to_owned(),
        head: heads(["Ended by", "Trades", "Share", "Won", "Mean return", "Mean bars", "Profit"]),
        rows: reasons.iter().map(row).collect(),
    }
}

/// Columns of figures side by side. The first says which figures there are; a column that lacks one shows `--`.
fn side_by_side(caption: String, columns: &[(String, Option<&PeriodReport>)]) -> Table {
    let mut head = vec!["Figure".to_owned()];
    head.extend(columns.iter().map(|(name, _)| name.clone()));
    let figures: Vec<Vec<Row>> =
        columns.iter().map(|(_, period)| period.map(PeriodReport::rows).unwrap_or_default()).collect();
    let row = |row: &Row| {
        let mut cells = vec![cell(row.name.replace('_', " "))];
        cells.extend(figures.iter().map(|figures| {
            let found = figures.iter().find(|other| other.name == row.name);
            cell(found.map_or("--".to_owned(), Row::text))
        }));
        cells
    };
    let rows = figures.first().map(|figures| figures.iter().map(row).collect()).unwrap_or_default();
    Table { caption, head, rows }
}

/// All figures of a strategy by period, and the benchmark's of the whole.
pub(crate) fn figures(report: &Report, benchmark: &Report) -> Table {
    let span = |period: &PeriodReport| format!("{}\n{}\nto {}", period.name, period.from, period.to);
    let mut columns: Vec<_> = report.periods.iter().map(|period| (span(period), Some(period))).collect();
    columns.push((benchmark.strategy.clone(), benchmark.periods.first()));
    side_by_side("All figures by period".to_owned(), &columns)
}

/// All figures of the whole span, a column a strategy.
pub(crate) fn compared(reports: &[&Report], benchmark: &Report) -> Table {
    let all = reports.iter().copied().chain(std::iter::once(benchmark));
    let columns: Vec<_> = all.map(|report| (report.strategy.clone(), report.periods.first())).collect();
    side_by_side("All figures of the whole span, side by side".to_owned(), &columns)
}

/// The figures by which strategies are told apart, a row a strategy.
pub(crate) fn overview(reports: &[&Report], benchmark: &Report) -> Table {
    let row = |report: &Report| {
        let period = |name: &str| report.periods.iter().find(|period| period.name == name);
        let sharpe = |name: &str| display(period(name).and_then(|period| period.metrics.sharpe), Kind::Ratio);
        let whole = report.periods.first().map(|period| &period.metrics);
        vec![
            words(report.strategy.clone()),
            cell(percent(whole.and_then(|metrics| metrics.cagr))),
            cell(percent(whole.and_then(|metrics| metrics.volatility))),
            cell(display(whole.and_then(|metrics| metrics.sharpe), Kind::Ratio)),
            cell(percent(whole.and_then(|metrics| metrics.max_drawdown))),
            cell(sharpe("train")),
            cell(sharpe("validation")),
            cell(sharpe("exam")),
        ]
    };
    let head = ["Strategy", "Growth a year", "Volatility", "Sharpe", "Drawdown", "Sharpe, train", "validation", "exam"];
    Table {
        caption: "The whole span, and Sharpe ratios by period".to_owned(),
        head: heads(head),
        rows: reports.iter().copied().chain(std::iter::once(benchmark)).map(row).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_read_by_thousands() {
        let check = |value: f64, expected: &str| assert_eq!(money(value), expected, "{value}");
        check(0.0, "0");
        check(-0.4, "0");
        check(999.5, "1,000");
        check(-1_234_567.4, "-1,234,567");
        check(12.0, "12");
        check(f64::NAN, "--");
        check(f64::INFINITY, "--");
    }

    #[test]
    fn months_read_with_their_sign() {
        let check = |value: Option<f64>, expected: &str| assert_eq!(short_percent(value), expected, "{value:?}");
        check(Some(0.012_34), "+1.2");
        check(Some(-0.5), "-50.0");
        check(Some(-0.000_1), "0.0");
        check(None, "--");
        check(Some(f64::INFINITY), "--");
    }

    #[test]
    fn bars_stand_where_their_values_are() {
        let scale = Scale::of([-0.1, f64::NAN, 0.3].into_iter());
        let bar = |value: f64| scale.bar("gain", Some(value)).map(|bar| (bar.left, bar.width));
        assert_eq!(bar(-0.1), Some(("0.0".to_owned(), "25.0".to_owned())));
        assert_eq!(bar(0.3), Some(("25.0".to_owned(), "75.0".to_owned())));
        assert_eq!(bar(f64::NAN), None);
        assert_eq!(Scale::of(std::iter::empty()).bar("gain", Some(0.0)).map(|bar| bar.width), Some("0.0".to_owned()));
    }
}
