//! `evoquant analyze`: what factors say of the returns that follow, and which inputs know the future.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ::backtest::analysis::leak::{InputCheck, check_columns};
use ::backtest::{AnalysisSettings, FactorAnalysis, Fill, analyze};
use ::factor::{FactorGraph, Program, Schema};
use ::market::Panel;
use ::market::table::{Column, Table, check_extension};
use anyhow::{Context, Result, anyhow, bail};
use clap::{Args, ValueEnum};
use serde_json::json;

use super::{MarketArguments, describe, factor_tables, print, remark, strategy};

#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(super) struct AnalyzeArguments {
    /// An expression, or a strategy file (.toml), whose score is analysed.
    #[arg(value_name = "EXPRESSION", allow_hyphen_values = true)]
    source: Option<String>,
    /// More of them. Those that start with a minus stand behind `--`, after all options.
    // An argument of any number of values that may start with a minus would take options for values.
    #[arg(value_name = "EXPRESSIONS")]
    more: Vec<String>,
    /// Read an expression from a file: several lines, with comments from # to the end of a line. May be repeated.
    #[arg(long = "file", value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    market: MarketArguments,
    /// Bars that returns span.
    #[arg(long, value_delimiter = ',', default_value = "1,5,10,20", value_name = "BARS")]
    horizons: Vec<usize>,
    /// Bars back at which the factor is compared with itself.
    #[arg(long, value_delimiter = ',', default_value = "1,5,20", value_name = "BARS")]
    lags: Vec<usize>,
    /// Number of quantiles.
    #[arg(long, default_value_t = 5)]
    quantiles: usize,
    /// Where returns begin; `same_close` is what alphalens does.
    #[arg(long, value_name = "WHEN", default_value = "next_open")]
    fill: FillArgument,
    /// Fewest names that a bar must have to count. Default: 10, or half the symbols of fewer than 20, but at least 3.
    #[arg(long, value_name = "COUNT")]
    min_names: Option<usize>,
    /// A group column, such as sector: rank IC within each group.
    #[arg(long, value_name = "GROUP")]
    by: Option<String>,
    /// Check every column of the market for knowledge of the future, not only those that are read.
    #[arg(long)]
    columns: bool,
    /// Print JSON: every figure by its name, null where undefined.
    #[arg(long)]
    json: bool,
    /// Write IC and rank IC by bar, and quantile returns over the first horizon, of one expression: .csv, .parquet, .json, .ipc.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

const AFTER: &str = "\
Examples:
  evoquant analyze '-returns(close, 5)'                       reversal on the bundled market
  evoquant analyze 'cs_rank(volume)' 'rsi(14)' --data bars.parquet
  evoquant analyze strategies/momentum-12-1.toml --horizons 5,20,60
  evoquant analyze 'ts_zscore(close, 20)' --data bars.csv --by sector --json
  evoquant analyze --columns --data bars.csv                  does any column know the future?

How to read it:
  rank IC    correlation by ranks, bar by bar, of the factor with the returns that follow: 0.02 to
             0.05 is a good daily factor, 0.2 too good to be true
  t          the mean over its error. `plain` takes returns that overlap for independent ones and
             flatters long horizons; Newey-West does not. Of many factors tried, ask more than 2
  quantile   mean return of each fifth of the names, lowest factor values first, over the mean of
             all: it should rise, or fall, from one to the next (monotonicity 1 or -1)
  spread     highest less lowest quantile, before any costs: hold it against the turnover
  turnover   share of a quantile's names that were not in it so many bars before
  LEAK?      an input that orders future returns implausibly well beside past ones, or that holds
             prices or volumes of a later bar: see how it was made. The exit code stays 0

Returns begin at the next open, where an order decided on the factor's bar is filled. A name
counts on bars on which it is a member of the universe and has a value.";

#[derive(Debug, Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
enum FillArgument {
    /// The next bar's open.
    NextOpen,
    /// The next bar's close.
    NextClose,
    /// The bar's own close, at which nobody can trade any more.
    SameClose,
}

impl From<FillArgument> for Fill {
    fn from(fill: FillArgument) -> Self {
        match fill {
            FillArgument::NextOpen => Fill::NextOpen,
            FillArgument::NextClose => Fill::NextClose,
            FillArgument::SameClose => Fill::SameClose,
        }
    }
}

/// Something to analyse.
pub(super) struct Source {
    /// As it is called: an expression itself, a file, a strategy.
    pub(super) name: String,
    /// The factors in our words.
    pub(super) text: String,
    program: Program,
}

impl AnalyzeArguments {
    fn settings(&self) -> AnalysisSettings {
        AnalysisSettings {
            horizons: self.horizons.clone(),
            lags: self.lags.clone(),
            quantiles: self.quantiles,
            fill: self.fill.into(),
            min_names: self.min_names,
            by: self.by.clone(),
        }
    }

    /// What the command line names, in its order, files of expressions last.
    fn sources(&self, schema: &Schema) -> Result<Vec<Source>> {
        let typed = self.source.iter().chain(&self.more).map(|text| {
            let path = Path::new(text);
            if path.extension().is_some_and(|extension| extension == "toml") {
                let strategy = strategy::read(path, schema)?;
                let program = strategy.compile().with_context(|| path.display().to_string())?;
                return source(strategy.name.clone(), &strategy.graph, program);
            }
            let graph = ::factor::parse(text, schema).map_err(|error| anyhow!("{error}"))?;
            let program = ::factor::compile(&graph, &[])?;
            source(text.clone(), &graph, program)
        });
        let files = self.files.iter().map(|path| {
            let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
            let graph = ::factor::parse(&text, schema).map_err(|error| anyhow!("{}: {error}", path.display()))?;
            let program = ::factor::compile(&graph, &[]).with_context(|| path.display().to_string())?;
            source(path.display().to_string(), &graph, program)
        });
        typed.chain(files).collect()
    }
}

fn source(name: String, graph: &FactorGraph, program: Program) -> Result<Source> {
    for mixed in &program.mixed_units {
        remark(&format!("note: `{mixed}` mixes units, such as a price with a volume; is that meant?"));
    }
    Ok(Source { name, text: ::factor::print_factors(graph)?.trim_end().to_owned(), program })
}

pub(super) fn run(arguments: &AnalyzeArguments) -> Result<ExitCode> {
    let asked = arguments.source.iter().len() + arguments.more.len() + arguments.files.len();
    if asked == 0 && !arguments.columns {
        bail!("give an EXPRESSION or a strategy file, a file of an expression with --file, or --columns");
    }
    if let Some(path) = &arguments.out {
        check_extension(path)?;
        if asked != 1 {
            bail!("--out writes the series of one expression: name one");
        }
    }
    let import = arguments.market.read()?;
    let panel = &import.panel;
    let settings = arguments.settings();
    let sources = arguments.sources(&crate::schema(panel))?;
    let found = if sources.is_empty() { Vec::new() } else { analyse(&sources, panel, &settings)? };
    let inputs = check_columns(panel, &columns(arguments.columns, &sources, panel), settings.fill)?;
    if let (Some(path), [analysis]) = (&arguments.out, &found[..]) {
        series(panel, analysis).write(path).with_context(|| format!("cannot write {}", path.display()))?;
    }
    let market = describe(&arguments.market.path()?, panel);
    let text = if arguments.json {
        to_json(&market, &sources, &found, &inputs)? + "\n"
    } else {
        factor_tables::text(&market, &sources, &found, &inputs)
    };
    print(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// Analyses all in one pass; where that fails, says which of several cannot be analysed.
fn analyse(sources: &[Source], panel: &Panel, settings: &AnalysisSettings) -> Result<Vec<FactorAnalysis>> {
    for source in sources {
        ::backtest::analysis::check_score(&source.program).with_context(|| format!("`{}`", source.name))?;
    }
    Ok(analyze(sources.iter().map(|source| &source.program), panel, settings)?)
}

/// Columns to check: those that are read, in order of first use, or all; the close, which says what returns are, aside.
fn columns<'a>(all: bool, sources: &'a [Source], panel: &'a Panel) -> Vec<&'a str> {
    let mut names: Vec<&str> = Vec::new();
    let read = sources.iter().flat_map(|source| source.program.fields());
    let others = panel.field_names().filter(|_| all);
    for name in read.chain(others).filter(|name| *name != "close" && panel.field(name).is_some()) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

fn to_json(market: &str, sources: &[Source], found: &[FactorAnalysis], inputs: &[InputCheck]) -> Result<String> {
    let factors: Vec<_> = sources
        .iter()
        .zip(found)
        .map(|(source, analysis)| json!({ "name": source.name, "factors": source.text, "analysis": analysis }))
        .collect();
    Ok(serde_json::to_string_pretty(&json!({ "market": market, "factors": factors, "inputs": inputs }))?)
}

/// What there is bar by bar.
fn series(panel: &Panel, analysis: &FactorAnalysis) -> Table {
    let mut table = Table::new().with("date", Column::Time(panel.calendar().times().to_vec()));
    for of in &analysis.horizons {
        table = table
            .with(format!("ic_{}", of.horizon), Column::Number(of.series.ic.clone()))
            .with(format!("rank_ic_{}", of.horizon), Column::Number(of.series.rank_ic.clone()));
    }
    let first = &analysis.horizons[0];
    table = table.with(format!("mean_return_{}", first.horizon), Column::Number(first.series.mean_returns.clone()));
    for (place, quantile) in first.quantiles.iter().enumerate() {
        let returns = first.series.quantile_returns.chunks_exact(first.quantiles.len()).map(|row| row[place]);
        let name = format!("quantile_{}_return_{}", quantile.quantile, first.horizon);
        table = table.with(name, Column::Number(returns.collect()));
    }
    table
}
