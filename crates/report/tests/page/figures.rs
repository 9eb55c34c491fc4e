//! Every figure of a page is that of the backtest.

use backtest::metrics::{
    drawdown_series, exit_reasons, monthly_returns, rolling_figures, rolling_window, yearly_returns,
};
use backtest::{AnalysisSettings, Kind, Row, analyze, display};

use crate::world::{SPREAD, TREND, World, chart, data, table, values};

/// Half of the last digit that is drawn.
const SEEN: f64 = 0.500_001e-4;

fn same(found: &[f64], expected: &[f64], tolerance: impl Fn(f64) -> f64, what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (row, (found, expected)) in found.iter().zip(expected).enumerate() {
        let close = (found - expected).abs() <= tolerance(*expected) || (found.is_nan() && expected.is_nan());
        assert!(close, "{what}, row {row}: {found} for {expected}");
    }
}

#[test]
fn every_section_is_there_in_order() {
    let page = World::waves(300, &[TREND]).page();
    let headings = [
        "<h1>trend</h1>",
        "<h2>Assumptions</h2>",
        "<h2>Equity and drawdown</h2>",
        "<h2>Rules</h2>",
        "<h2>Returns by month and year</h2>",
        "<h2>Rolling Sharpe ratio and volatility</h2>",
        "<h2>Exposure</h2>",
        "<h2>Turnover and costs</h2>",
        "<h2>What the score foretells</h2>",
        "<h2>Drawdowns</h2>",
        "<h2>Best and worst trades</h2>",
        "<h2>What ended trades</h2>",
        "<h2>Factor graph</h2>",
        "<h2>All figures</h2>",
    ];
    let places: Vec<_> =
        headings.iter().map(|heading| page.find(heading).unwrap_or_else(|| panic!("{heading}"))).collect();
    assert!(places.is_sorted(), "{places:?}");
    for id in ["equity", "drawdown", "sharpe-0", "volatility-0", "exposure-0", "turnover-0", "costs-0"] {
        assert_eq!(page.matches(&format!("data-chart=\"{id}\"")).count(), 1, "{id}");
    }
    for fact in
        ["bars.csv", "2020-01-01 to 2020-10-26", "next open", "costs commission bps", "survivorship", "0.0.0-test"]
    {
        assert!(page.contains(fact), "{fact}");
    }
}

#[test]
fn embedded_figures_are_those_of_the_backtest() {
    let world = World::waves(300, &[TREND, SPREAD]);
    let data = data(&world.page());
    for (number, report) in world.reports.iter().enumerate() {
        assert_eq!(data["reports"][number], serde_json::to_value(report).expect("JSON"));
    }
}

#[test]
fn lines_are_those_of_the_backtest_rounded_to_what_is_seen() {
    let world = World::waves(300, &[TREND]);
    let (data, outcome, held) = (data(&world.page()), &world.reports[0].outcome, &world.benchmark.outcome);
    for (series, of) in [held, outcome].into_iter().enumerate() {
        let growth: Vec<f64> = of.equity.iter().map(|equity| equity / 1e6).collect();
        same(&values(&data, "equity", series), &growth, |value| value.abs() * SEEN, "equity");
        same(&values(&data, "drawdown", series), &drawdown_series(&of.returns), |_| SEEN, "drawdown");
        let window = rolling_window(300, world.returns.periods_per_year);
        assert_eq!(window, 150);
        let rolling = rolling_figures(&of.returns, window, &world.returns, 0..300);
        let sharpe: Vec<f64> = rolling.iter().map(|figures| figures.sharpe.unwrap_or(f64::NAN)).collect();
        same(&values(&data, "sharpe-0", series), &sharpe, |_| 10.0 * SEEN, "sharpe");
        let volatility: Vec<f64> = rolling.iter().map(|figures| figures.volatility.unwrap_or(f64::NAN)).collect();
        same(&values(&data, "volatility-0", series), &volatility, |_| SEEN, "volatility");
    }
    same(&values(&data, "exposure-0", 0), &outcome.exposure_gross, |_| SEEN, "gross exposure");
    let traded: f64 = outcome.turnover.iter().filter(|turnover| !turnover.is_nan()).sum();
    let by_month = values(&data, "turnover-0", 0);
    assert!((by_month.iter().sum::<f64>() - traded).abs() < 10.0 * SEEN, "{by_month:?} for {traded}");
    let costs = chart(&data, "costs-0").expect("costs");
    let names: Vec<_> = costs["series"].as_array().expect("lines").iter().map(|line| line["name"].clone()).collect();
    assert_eq!(names, ["all costs", "commission", "half spread"]);
    let last = |series: usize| values(&data, "costs-0", series).last().copied().expect("a bar");
    assert!((last(0) - last(1) - last(2)).abs() < 4.0 * SEEN && last(0) > 0.0);
    assert_eq!(data["time"][299].as_i64(), Some(18_262 + 299));
}

#[test]
fn long_and_short_exposures_are_drawn_apart() {
    let world = World::waves(200, &[SPREAD]);
    let data = data(&world.page());
    same(&values(&data, "exposure-0", 1), &world.reports[0].outcome.exposure_net, |_| SEEN, "net exposure");
}

#[test]
fn the_table_of_figures_has_every_figure_of_every_period() {
    let world = World::waves(300, &[TREND]);
    let found = table(&world.page(), "All figures by period");
    let periods = &world.reports[0].periods;
    assert_eq!(periods.len(), 4);
    let rows = |number: usize| -> Vec<Row> {
        let period = &periods[number];
        let mut rows = period.metrics.rows();
        rows.extend(period.activity.rows());
        rows.extend(period.trades.rows());
        rows.extend(period.benchmark.expect("a strategy stands beside the benchmark").rows());
        rows
    };
    assert_eq!(found.len(), rows(0).len());
    for (line, found) in found.iter().enumerate() {
        assert_eq!(found[0], rows(0)[line].name.replace('_', " "));
        for number in 0..4 {
            assert_eq!(found[number + 1], rows(number)[line].text(), "{}", found[0]);
        }
    }
}

#[test]
fn months_years_drawdowns_and_reasons_are_listed() {
    let world = World::waves(400, &[TREND]);
    let (page, report) = (world.page(), &world.reports[0]);
    let percent = |text: &str| text.parse::<f64>().expect("a number") / 100.0;
    let months = table(&page, "Returns by month");
    let calendar = world.panel.calendar();
    let mut expected = monthly_returns(&report.outcome.returns, calendar).into_iter();
    for row in &months {
        for cell in row[1..13].iter().filter(|cell| !cell.is_empty()) {
            let month = expected.next().and_then(|month| month.value).expect("a month");
            assert!((percent(cell) - month).abs() <= 0.000_500_1, "{cell} for {month}");
        }
    }
    assert_eq!(expected.next(), None);
    let years = table(&page, "Returns by year");
    let expected = yearly_returns(&report.outcome.returns, calendar);
    assert_eq!(years.len(), expected.len());
    for (row, year) in years.iter().zip(&expected) {
        let value = year.value.expect("a year");
        assert!((percent(row[1].trim_end_matches('%')) - value).abs() <= 0.000_050_1, "{row:?} for {value}");
    }
    let drawdowns = table(&page, "The deepest drawdowns");
    let worst = report.periods[0].metrics.max_drawdown.expect("a drawdown");
    assert!((percent(drawdowns[0][1].trim_end_matches('%')) - worst).abs() <= 0.000_050_1);
    assert!(drawdowns.len() <= 10);
    let reasons = table(&page, "Closed trades by what ended them");
    let expected = exit_reasons(&report.outcome.trades);
    assert_eq!(reasons.len(), expected.len());
    let counted: usize = reasons.iter().map(|row| row[1].parse::<usize>().expect("a count")).sum();
    assert_eq!(counted, report.outcome.counts.closed_trades);
    for caption in ["Closed trades with the highest returns", "Closed trades with the lowest returns"] {
        let returns: Vec<f64> = table(&page, caption).iter().map(|row| percent(row[1].trim_end_matches('%'))).collect();
        assert!(!returns.is_empty() && returns.len() <= 10, "{caption}");
        let ordered = if returns[0] > 0.0 { returns.iter().rev().is_sorted() } else { returns.is_sorted() };
        assert!(ordered, "{caption}: {returns:?}");
    }
}

#[test]
fn scores_are_shown_by_horizon_quantile_and_lag() {
    let mut world = World::waves(100, &[TREND]);
    assert!(world.page().contains("Left out: this strategy has no score."));
    let program = world.strategies[0].compile().expect("it compiles");
    let settings = AnalysisSettings { quantiles: 3, ..AnalysisSettings::default() };
    let scores = analyze([&program], &world.panel, &settings).expect("a score").remove(0);
    world.scores = Some(scores.clone());
    let page = world.page();
    let horizons = table(&page, "Rank IC of the score");
    assert_eq!(horizons.len(), 4);
    for (row, horizon) in horizons.iter().zip(&scores.horizons) {
        assert!(row[0].starts_with(&format!("{} bar", horizon.horizon)), "{row:?}");
        assert_eq!(row[1], format!("{:.4}", horizon.rank_ic.mean.expect("an IC")));
        assert_eq!(row[3], display(horizon.rank_ic.t_newey_west, Kind::Ratio));
        assert_eq!(row[6], display(horizon.spread.mean.map(|mean| mean * 1e4), Kind::BasisPoints));
        assert_eq!(row[8], horizon.rank_ic.n_dates.to_string());
    }
    let quantiles = table(&page, "Mean return by quantile");
    assert_eq!(quantiles.len(), 3);
    for (number, row) in quantiles.iter().enumerate() {
        for (place, horizon) in scores.horizons.iter().enumerate() {
            let excess = horizon.quantiles[number].excess.map(|excess| excess * 1e4);
            assert_eq!(row[1 + 2 * place], display(excess, Kind::BasisPoints));
        }
    }
    assert_eq!(table(&page, "How steady the score is").len(), 3);
    world.scores.as_mut().expect("scores").leak.suspect = true;
    assert!(world.page().contains("look for a column that knows the future"));
}

#[test]
fn several_strategies_share_charts_and_have_their_own() {
    let world = World::waves(300, &[TREND, SPREAD, TREND]);
    let page = world.page();
    let data = data(&page);
    let names = |id: &str| -> Vec<String> {
        let lines = chart(&data, id).expect("a chart")["series"].as_array().expect("lines");
        lines.iter().map(|line| line["name"].as_str().expect("a name").to_owned()).collect()
    };
    assert_eq!(names("equity"), ["buy-and-hold", "trend", "spread", "trend"]);
    assert_eq!(page.matches("<details class=\"strategy\">").count(), 3);
    assert!(page.contains("<h1>3 strategies compared</h1>"));
    let compared = table(&page, "All figures of the whole span");
    let sharpe = compared.iter().find(|row| row[0] == "sharpe").expect("a Sharpe ratio");
    let all = world.reports.iter().chain(std::iter::once(&world.benchmark));
    let expected: Vec<String> = all.map(|report| display(report.periods[0].metrics.sharpe, Kind::Ratio)).collect();
    assert_eq!(sharpe[1..], expected);
    for id in ["sharpe-2", "exposure-1", "costs-0"] {
        assert!(chart(&data, id).is_some() && page.contains(&format!("data-chart=\"{id}\"")), "{id}");
    }
}

#[test]
fn the_same_backtest_gives_the_same_bytes() {
    let page = || World::waves(120, &[TREND, SPREAD]).page();
    assert_eq!(page(), page());
}
