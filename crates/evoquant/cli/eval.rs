//! `evoquant eval`: any expression over a market.

use std::fmt::Write;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use ::factor::{Dialect, FactorGraph, ParseError, Schema};
use anyhow::{Context, Result, anyhow, bail};
use clap::Args;

use super::ops::dialect;
use super::{MarketArguments, describe, print, remark};

#[derive(Debug, Args)]
pub(super) struct EvalArguments {
    /// The expression, such as '`cs_rank(ts_mean(returns(close`, 1), 20))'.
    #[arg(required_unless_present = "file", allow_hyphen_values = true)]
    expression: Option<String>,
    /// Read the expression from a file: several lines, with comments from # to the end of a line.
    #[arg(long, value_name = "FILE", conflicts_with = "expression")]
    file: Option<PathBuf>,
    /// The vocabulary and meaning of the expression, where it is not ours: pandas, brain, alpha101 or qlib.
    #[arg(long, value_name = "DIALECT", value_parser = dialect)]
    dialect: Option<Dialect>,
    /// Read what a dialect means a little differently as the nearest of ours, and say what differs.
    #[arg(long, requires = "dialect")]
    approximate: bool,
    #[command(flatten)]
    market: MarketArguments,
    /// Where to write columns date, symbol, value: .csv, .parquet, .json, .ndjson, .ipc, .arrow or .feather.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

impl EvalArguments {
    /// A text as a graph, with a remark on whatever differs from what was written.
    fn parse_text(&self, text: &str, schema: &Schema) -> Result<FactorGraph, ParseError> {
        let Some(dialect) = self.dialect else { return ::factor::parse(text, schema) };
        if !self.approximate {
            return ::factor::parse_dialect(text, dialect, schema);
        }
        let (graph, differences) = ::factor::parse_dialect_nearest(text, dialect, schema)?;
        for difference in differences {
            remark(&format!("note: {difference}"));
        }
        Ok(graph)
    }

    fn parse(&self, schema: &Schema) -> Result<FactorGraph> {
        let parse = |text: &str| self.parse_text(text, schema);
        match (&self.file, &self.expression) {
            (Some(path), _) => {
                let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
                parse(&text).map_err(|error| anyhow!("{}: {error}", path.display()))
            }
            (None, Some(text)) => parse(text).map_err(|error| anyhow!("{error}")),
            (None, None) => bail!("give an expression, or a file of one with --file"),
        }
    }
}

pub(super) fn run(arguments: &EvalArguments) -> Result<ExitCode> {
    let import = arguments.market.read()?;
    let panel = &import.panel;
    let graph = arguments.parse(&crate::schema(panel))?;
    let program = ::factor::compile(&graph, &[])?;
    for name in &program.mixed_units {
        remark(&format!("note: `{name}` mixes units, such as a price with a volume; is that meant?"));
    }
    let values = ::engine::evaluate(&program, panel)?;
    let known = values.iter().filter(|value| !value.is_nan()).count();
    if let Some(path) = &arguments.out {
        ::market::table::long_values(panel, &values)
            .write(path)
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    let (least, most) = values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), &value| {
        if value.is_nan() { (least, most) } else { (least.min(value), most.max(value)) }
    });
    let range = if known == 0 { "no value is defined".to_owned() } else { format!("{least:.6} to {most:.6}") };
    let mut text = format!(
        "{}\n{}\nvalues   {known} of {} cells, {range}\nlookback {} bars",
        describe(&arguments.market.path()?, panel),
        ::factor::print_factors(&graph)?.trim_end(),
        values.len(),
        program.lookback(),
    );
    if program.warm_up() > program.lookback() {
        let _ = write!(text, "; {} until the start is forgotten", program.warm_up());
    }
    if let Some(path) = &arguments.out {
        let _ = write!(text, "\nwritten  {}", path.display());
    }
    print(&(text + "\n"))?;
    Ok(ExitCode::SUCCESS)
}
