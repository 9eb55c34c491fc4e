//! The page put together: what the template prints.

use askama::Template;
use backtest::{FactorAnalysis, Kind, PeriodReport, Report, display};

use crate::charts::Data;
use crate::facts::{self, Fact, FactGroup};
use crate::tables::{self, Table};
use crate::{Entry, Error, PageInput, graph};

/// Rows of the lists of drawdowns and trades.
const LISTED: usize = 10;

#[derive(Template)]
#[template(path = "page.html")]
struct Page<'a> {
    title: String,
    style: &'static str,
    chart_style: &'static str,
    script: &'static str,
    chart_script: &'static str,
    version: &'a str,
    /// Of the headings of a strategy's sections.
    level: u8,
    /// Name of the benchmark.
    held: String,
    overview: Option<Table>,
    assumptions: Vec<FactGroup>,
    equity: Vec<Place<'a>>,
    compared: Option<Table>,
    thinned: Option<String>,
    strategies: Vec<Section<'a>>,
    data: String,
}

/// Where the script draws a chart.
struct Place<'a> {
    id: &'a str,
    title: &'a str,
}

/// A headline figure, with the benchmark's beneath.
struct Card {
    name: &'static str,
    value: String,
    beside: String,
}

/// What a strategy's score says of the returns that follow.
struct ScoreTables {
    basis: String,
    tables: [Table; 3],
}

/// All about one strategy.
struct Section<'a> {
    number: usize,
    name: &'a str,
    description: Option<&'a str>,
    verdict: String,
    warnings: Vec<&'static str>,
    cards: Vec<Card>,
    rules: Vec<Fact>,
    text: String,
    months: Table,
    years: Table,
    rolling: Vec<Place<'a>>,
    exposure: Vec<Place<'a>>,
    trading: Vec<Place<'a>>,
    scores: Result<ScoreTables, &'a str>,
    drawdowns: Table,
    best: Table,
    worst: Table,
    reasons: Table,
    graph: Result<String, String>,
    figures: Table,
}

/// One offline HTML page about one strategy or several.
///
/// # Errors
/// When there is no strategy, or a strategy's graph is not valid.
pub fn page(input: &PageInput<'_>) -> Result<String, Error> {
    let Some(first) = input.entries.first() else { return Err(Error::NoStrategy) };
    let data = Data::new(input);
    let reports: Vec<&Report> = input.entries.iter().map(|entry| entry.report).collect();
    let several = reports.len() > 1;
    let sections = (0..input.entries.len()).map(|number| section(input, number, &data));
    let (drawn, bars) = data.drawn();
    let page = Page {
        title: if several { format!("{} strategies compared", reports.len()) } else { first.strategy.name.clone() },
        style: include_str!("../assets/page.css"),
        chart_style: include_str!("../assets/uplot/uPlot.min.css"),
        script: include_str!("../assets/page.js"),
        chart_script: include_str!("../assets/uplot/uPlot.iife.min.js"),
        version: input.version,
        level: if several { 4 } else { 2 },
        held: facts::benchmark(input.benchmark),
        overview: several.then(|| tables::overview(&reports, input.benchmark)),
        assumptions: facts::shared(input)?,
        equity: places(&data, &["equity".to_owned(), "drawdown".to_owned()]),
        compared: several.then(|| tables::compared(&reports, input.benchmark)),
        thinned: (drawn < bars).then(|| format!("{drawn} of {bars} bars are drawn, the turns of equity among them.")),
        strategies: sections.collect::<Result<_, _>>()?,
        data: data.json()?,
    };
    Ok(page.render()?)
}

fn places<'a>(data: &'a Data<'_>, ids: &[String]) -> Vec<Place<'a>> {
    ids.iter().filter_map(|id| data.chart(id)).map(|chart| Place { id: &chart.id, title: &chart.title }).collect()
}

fn section<'a>(input: &PageInput<'a>, number: usize, data: &'a Data<'_>) -> Result<Section<'a>, Error> {
    let Entry { strategy, report, scores } = input.entries[number];
    let (panel, calendar, start) = (input.panel, input.panel.calendar(), input.bars.start);
    let named = |names: &[&str]| places(data, &names.iter().map(|name| format!("{name}-{number}")).collect::<Vec<_>>());
    Ok(Section {
        number: number + 1,
        name: &strategy.name,
        description: strategy.description.as_deref(),
        verdict: verdict(report, input.benchmark),
        warnings: warnings(&input.entries[number]),
        cards: cards(report, input.benchmark),
        rules: facts::own(&input.entries[number])?,
        text: strategy.to_toml(""),
        months: tables::months(report, calendar, start),
        years: tables::years(report, input.benchmark, calendar, start),
        rolling: named(&["sharpe", "volatility"]),
        exposure: named(&["exposure"]),
        trading: named(&["turnover", "costs"]),
        scores: scores.map(score_tables),
        drawdowns: tables::drawdowns(report, calendar, start, LISTED),
        best: tables::trades(report, panel, true, LISTED),
        worst: tables::trades(report, panel, false, LISTED),
        reasons: tables::reasons(report),
        graph: graph::picture(&strategy.graph, &format!("Factor graph of {}", strategy.name))?,
        figures: tables::figures(report, input.benchmark),
    })
}

fn score_tables(scores: &FactorAnalysis) -> ScoreTables {
    let FactorAnalysis { coverage, fill, price, min_names, .. } = scores;
    let basis = format!(
        "Returns from the {fill} to a later {price}. Bars with {min_names} names or more count. The score covers {} of the \
         universe from its first value on, which comes after {} bars. All bars of the file are read.",
        display(coverage.share, Kind::Percent),
        coverage.bars_before
    );
    ScoreTables { basis, tables: [tables::horizons(scores), tables::quantiles(scores), tables::stability(scores)] }
}

fn whole(report: &Report) -> Option<&PeriodReport> {
    report.periods.first()
}

/// One sentence with the figures that matter most.
fn verdict(report: &Report, benchmark: &Report) -> String {
    let Some(period) = whole(report) else { return format!("{}: there is no bar.", report.strategy) };
    let text = |value: Option<f64>, kind: Kind| display(value, kind);
    let metrics = &period.metrics;
    let error = metrics.sharpe_se.map_or(String::new(), |error| format!(" ± {}", text(Some(error), Kind::Ratio)));
    let held = whole(benchmark).map_or(String::new(), |held| {
        format!(
            "; {} {} a year at {}, {} at worst",
            benchmark.strategy,
            text(held.metrics.cagr, Kind::Percent),
            text(held.metrics.sharpe, Kind::Ratio),
            text(held.metrics.max_drawdown, Kind::Percent)
        )
    });
    format!(
        "{} a year after costs, Sharpe ratio {}{error}, {} at worst, {} closed trades{held}.",
        text(metrics.cagr, Kind::Percent),
        text(metrics.sharpe, Kind::Ratio),
        text(metrics.max_drawdown, Kind::Percent),
        period.trades.trades,
    )
}

/// What must be known before any figure is read.
fn warnings(entry: &Entry<'_>) -> Vec<&'static str> {
    let report = entry.report;
    let Some(period) = whole(report) else { return vec!["There is no bar."] };
    let mut warnings = Vec::new();
    if period.metrics.ruin {
        warnings.push("Ruin: equity was gone. Nothing after that counts.");
    }
    if report.outcome.first_held_row.is_none() {
        warnings.push("Nothing was ever held.");
    }
    if entry.scores.is_ok_and(|scores| scores.leak.suspect) {
        warnings.push(
            "The score orders returns to come implausibly well beside those that were: look for a column that knows the \
             future.",
        );
    }
    if period.metrics.short_sample {
        warnings.push("Short sample: less than a quarter of a year of returns. Annual figures are extrapolations.");
    }
    warnings
}

fn cards(report: &Report, benchmark: &Report) -> Vec<Card> {
    let text = |value: Option<f64>, kind: Kind| match value {
        // Beyond ten-fold, hundredths of a percent say nothing and take room.
        Some(value) if kind == Kind::Percent && value.abs() >= 9.995 => format!("{:.0}%", value * 100.0),
        value => display(value, kind),
    };
    let figure = |name: &'static str, kind: Kind, value: &dyn Fn(&PeriodReport) -> Option<f64>| Card {
        name,
        value: text(whole(report).and_then(value), kind),
        beside: text(whole(benchmark).and_then(value), kind),
    };
    vec![
        figure("Growth a year", Kind::Percent, &|period| period.metrics.cagr),
        figure("Sharpe ratio", Kind::Ratio, &|period| period.metrics.sharpe),
        figure("Worst drawdown", Kind::Percent, &|period| period.metrics.max_drawdown),
        figure("Volatility", Kind::Percent, &|period| period.metrics.volatility),
        figure("Sortino ratio", Kind::Ratio, &|period| period.metrics.sortino),
        figure("Total return", Kind::Percent, &|period| period.metrics.total_return),
        figure("Turnover a year", Kind::Percent, &|period| Some(period.activity.turnover_annual)),
        figure("Costs a year", Kind::Percent, &|period| Some(period.activity.cost_drag)),
    ]
}
