//! `evoquant print`: an expression, a strategy or a graph in another form.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ::factor::{
    Dialect, FactorGraph, Schema, parse, parse_json, print_dialect, print_dialect_nearest, print_dot, print_factors,
    print_json, print_latex, print_polars,
};
use anyhow::{Context, Result, anyhow, bail};
use clap::{Args, ValueEnum};

use super::{print, read_market, remark, strategy};

/// What a graph can be printed as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// Expression text in its standard form; of a strategy, its file.
    Text,
    /// A list of nodes with inputs before consumers, which `print` reads back from a .json file.
    Json,
    /// Graphviz: pipe it into `dot -Tsvg`.
    Dot,
    /// Mathematics for math mode, with amsmath.
    Latex,
    /// A Python program that needs only polars and computes the same values.
    Polars,
    /// A Python program that needs only pandas, over frames of dates by symbols.
    Pandas,
    /// The words of `WorldQuant` BRAIN.
    Brain,
    /// The words of the paper "101 Formulaic Alphas".
    Alpha101,
    /// The words of microsoft/qlib.
    Qlib,
}

#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(super) struct PrintArguments {
    /// An expression, a strategy file (.toml), or a graph as printed with --as json (.json).
    #[arg(value_name = "EXPRESSION", allow_hyphen_values = true)]
    source: String,
    /// What to print it as.
    #[arg(long = "as", value_name = "FORM", default_value = "text")]
    form: Form,
    /// Print what a dialect means a little differently as its nearest, and say what differs.
    #[arg(long)]
    approximate: bool,
    /// Bars that say which columns there are, as other commands read them. Without it any name is a column, and
    /// `sector`, `industry` and the like are groups.
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,
}

const AFTER: &str = "\
Examples:
  evoquant print 'close/ts_delay(close,1)-1'                            standard spelling
  evoquant print 'cs_rank(returns(close, 20))' --as json > factor.json  for other programs
  evoquant print factor.json                                            and back
  evoquant print strategies/macd.toml --as dot | dot -Tsvg > macd.svg   a picture
  evoquant print 'ts_ema(close, 12) / close' --as latex                 for a paper
  evoquant print 'rsi(14)' --as polars > rsi.py
  python rsi.py bars.parquet values.csv                                 the same values by polars
  evoquant print '-ts_rank(close, 9)' --as alpha101                     in the paper's words

JSON holds `format`, `version`, `nodes` and `value`, the id of the node that gives the values (for a strategy
`positions`, the ids of its score, entry and exit). A node has an `id`, and one of
  `column` with its `type`: price, volume, money, ratio, number, flag, group, or a unit such as money^-1
  `constant`
  `operator` or `library` with `inputs`, ids of nodes above it, and `parameters` by name.

What a dialect cannot say exactly is refused with the reason; --approximate prints the nearest and says what differs.
`evoquant ops --dialect NAME` lists what each can say.

A polars program reads the bars as they are: `evoquant data info --strict` says whether the importer would mend them.";

/// JSON of the largest graph is a fraction of this.
const MOST_BYTES: u64 = 16 << 20;

pub(super) fn run(arguments: &PrintArguments) -> Result<ExitCode> {
    let schema = match &arguments.data {
        Some(path) => crate::schema(&read_market(path, false)?.panel),
        None => Schema::open(),
    };
    let path = Path::new(&arguments.source);
    let extension = path.extension().and_then(|extension| extension.to_str());
    let graph = match extension {
        Some("toml") => {
            let strategy = strategy::read(path, &schema)?;
            if arguments.form == Form::Text {
                print(&strategy.to_toml(""))?;
                return Ok(ExitCode::SUCCESS);
            }
            strategy.graph
        }
        Some("json") => read_json(path)?,
        _ => parse(&arguments.source, &schema).map_err(|error| anyhow!("{error}"))?,
    };
    let text = match arguments.form {
        Form::Text => print_factors(&graph)?,
        Form::Json => print_json(&graph)?,
        Form::Dot => print_dot(&graph)?,
        Form::Latex => print_latex(&graph)?,
        Form::Polars => print_polars(&graph)?,
        Form::Pandas => in_dialect(&graph, Dialect::Pandas, arguments.approximate)?,
        Form::Brain => in_dialect(&graph, Dialect::Brain, arguments.approximate)?,
        Form::Alpha101 => in_dialect(&graph, Dialect::Alpha101, arguments.approximate)?,
        Form::Qlib => in_dialect(&graph, Dialect::Qlib, arguments.approximate)?,
    };
    print(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// The graph in the words of a dialect; what differs goes to the standard error.
fn in_dialect(graph: &FactorGraph, dialect: Dialect, approximate: bool) -> Result<String> {
    let said = if approximate { print_dialect_nearest(graph, dialect) } else { print_dialect(graph, dialect) }?;
    for note in &said.notes {
        remark(&format!("note: {note}"));
    }
    Ok(said.text.trim_end().to_owned() + "\n")
}

fn read_json(path: &Path) -> Result<FactorGraph> {
    let bytes = std::fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?;
    if bytes.len() > MOST_BYTES {
        bail!("{}: {} bytes are too many for a graph", path.display(), bytes.len());
    }
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    parse_json(&text).map_err(|error| anyhow!("{}: {error}", path.display()))
}
