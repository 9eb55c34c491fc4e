//! Tables of figures: the same formatting for leaderboards and backtests.

use std::fmt::Write;

use ::backtest::{Kind, PeriodReport, Report, display};

/// The figures of one period that a leaderboard shows, as printed.
fn figures(period: Option<&PeriodReport>) -> String {
    let (sharpe, total, drawdown) = period.map_or((None, None, None), |period| {
        (period.metrics.sharpe, period.metrics.total_return, period.metrics.max_drawdown)
    });
    format!(
        "{:>7} {:>9} {:>8}",
        display(sharpe, Kind::Ratio),
        display(total, Kind::Percent),
        display(drawdown, Kind::Percent)
    )
}

/// The figures of a period by its name.
pub(super) fn period<'r>(report: &'r Report, name: &str) -> Option<&'r PeriodReport> {
    report.periods.iter().find(|period| period.name == name)
}

/// One line a strategy: train, validation and exam side by side, or the whole span where there are no periods.
pub(super) fn table<'r>(rows: impl IntoIterator<Item = (String, &'r Report)>) -> String {
    let rows: Vec<(String, &Report)> = rows.into_iter().collect();
    let has_periods = rows.iter().any(|(_, report)| period(report, "train").is_some());
    let periods = if has_periods { &["train", "validation", "exam"][..] } else { &["whole"] };
    let mut text = format!("{:<22}", "");
    for name in periods {
        let _ = write!(text, " │ {name:^26}");
    }
    let _ = write!(text, "\n{:<22}", "strategy");
    for _ in periods {
        let _ = write!(text, " │ {:>7} {:>9} {:>8}", "Sharpe", "return", "drawdown");
    }
    let _ = writeln!(text, "\n{}", "─".repeat(22 + 29 * periods.len()));
    for (name, report) in rows {
        let _ = write!(text, "{name:<22}");
        for name in periods {
            let _ = write!(text, " │ {}", figures(period(report, name)));
        }
        text.push('\n');
    }
    text
}

/// Every figure of a backtest, one line a metric, one column a period.
pub(super) fn full(report: &Report) -> String {
    let columns: Vec<Vec<(&str, String)>> = report
        .periods
        .iter()
        .map(|period| period.rows().into_iter().map(|row| (row.name, row.text())).collect())
        .collect();
    let mut text = format!("{:<22}", report.strategy);
    for period in &report.periods {
        let _ = write!(text, " {:>13}", period.name);
    }
    let _ = write!(text, "\n{:<22}", "");
    for period in &report.periods {
        let _ = write!(text, " {:>13}", period.from);
    }
    let _ = write!(text, "\n{:<22}", "");
    for period in &report.periods {
        let _ = write!(text, " {:>13}", period.to);
    }
    text.push('\n');
    for line in 0..columns.first().map_or(0, Vec::len) {
        let _ = write!(text, "{:<22}", columns[0][line].0);
        for column in &columns {
            let _ = write!(text, " {:>13}", column[line].1);
        }
        text.push('\n');
    }
    text
}
