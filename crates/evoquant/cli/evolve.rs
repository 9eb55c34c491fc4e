//! `evoquant evolve`: from a market to a leaderboard and a verdict.

use std::fmt::Write;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ::backtest::{Kind, Report, display};
use ::engine::Shelf;
use ::evolve::{
    Algorithm, Error, GenerationRecord, Next, Observer, Resources, RowCounts, RunConfig, RunResult, RunSpec, Search,
    StopReason, Trial, run as run_search,
};
use ::factor::Rule;
use ::market::Panel;
use ::store::RunFolder;
use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use serde::{Deserialize, Serialize};

use super::chart::Chart;
use super::node_cache::{self, NodeCacheArguments};
use super::{MarketArguments, describe, leaderboard, print, read_market, remark};

#[derive(Debug, Args)]
pub(super) struct EvolveArguments {
    #[command(flatten)]
    market: MarketArguments,
    /// A run specification; TOML. Flags override it.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Strategies a generation [default: 200].
    #[arg(long)]
    population: Option<usize>,
    /// Generations [default: 10].
    #[arg(long)]
    generations: Option<usize>,
    /// Seed of every random stream: the same seed gives the same trials [default: 1].
    #[arg(long)]
    seed: Option<u64>,
    /// Worker threads; results do not depend on it [default: all processors].
    #[arg(long)]
    threads: Option<usize>,
    #[command(flatten)]
    cache: NodeCacheArguments,
    /// How strategies are found [default: genetic].
    #[arg(long)]
    algorithm: Option<AlgorithmArgument>,
    /// Drop strategies that lag behind those of earlier generations after a quarter, a half or three quarters of train's
    /// rows. They count as tried; results differ from those of a run without.
    #[arg(long)]
    race: bool,
    /// Skip the comparison with random search at as many distinct trials.
    #[arg(long)]
    no_control: bool,
    /// Run folder; must be new or empty [default: runs/1, runs/2, ...].
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Go on with an interrupted run from its last whole generation.
    #[arg(long, value_name = "FOLDER", conflicts_with_all = ["out", "data", "config", "population", "generations", "seed", "algorithm", "race", "no_control"])]
    resume: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum AlgorithmArgument {
    /// Genetic programming.
    Genetic,
    /// Random search: the control.
    Random,
}

/// What `run.json` says of a run: what was asked, and in the end what came of it.
#[derive(Debug, Serialize, Deserialize)]
struct RunRecord {
    evoquant: String,
    status: String,
    data: DataRecord,
    spec: RunSpec,
    notes: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    result: Option<serde_json::Value>,
    /// Clock figures: the only ones in the whole folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    clock: Option<serde_json::Value>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct DataRecord {
    path: PathBuf,
    strict: bool,
    fingerprint: String,
    bars: usize,
    symbols: usize,
    from: String,
    to: String,
}

const RUNNING: &str = "running";
const FINISHED: &str = "finished";

/// Reads a run specification.
pub(super) fn read_spec(path: &Path) -> Result<RunSpec> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    toml::from_str(&text).map_err(|error| anyhow::anyhow!("{}: {}", path.display(), error.to_string().trim_end()))
}

pub(super) fn run(arguments: &EvolveArguments) -> Result<ExitCode> {
    let threads = match arguments.threads {
        Some(0) => bail!("--threads must be at least 1"),
        Some(threads) => threads,
        None => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
    };
    let asked = match &arguments.resume {
        Some(folder) => Some(RunFolder::read_run::<RunRecord>(folder)?),
        None => None,
    };
    if let (Some(record), Some(folder)) = (&asked, &arguments.resume)
        && record.status == FINISHED
    {
        bail!("{} is finished: there is nothing to go on with", folder.display());
    }
    let (path, strict) = match &asked {
        Some(record) => (record.data.path.clone(), record.data.strict),
        None => (arguments.market.path()?, arguments.market.strict),
    };
    let import = read_market(&path, strict)?;
    let panel = &import.panel;
    let data = data_record(&path, strict, panel);
    if let Some(record) = &asked
        && record.data.fingerprint != data.fingerprint
    {
        bail!("{} has changed since the run was started: its bars are not those the run was made on", path.display());
    }
    let spec = match &asked {
        Some(record) => record.spec.clone(),
        None => specification(arguments)?,
    };
    let config = RunConfig::new(spec, panel)?;
    remark(&describe(&path, panel));
    if import.ledger.rows_dropped > 0 || !import.ledger.repaired.is_empty() {
        remark("the data were mended on import: `evoquant data info` shows how");
    }
    for note in &config.notes {
        remark(&format!("note: {note}"));
    }
    let mut record = RunRecord {
        evoquant: env!("CARGO_PKG_VERSION").to_owned(),
        status: RUNNING.to_owned(),
        data,
        spec: config.spec.clone(),
        notes: config.notes.clone(),
        result: None,
        clock: None,
    };
    let columns = arguments.cache.folder()?;
    let (folder, state) = match &arguments.resume {
        Some(folder) => RunFolder::resume(folder)?,
        None => (RunFolder::create(&arguments.out.clone().unwrap_or_else(next_folder), &record)?, None),
    };
    let mut progress = Progress::new(folder, &config, state.as_ref().map_or(0, |state| state.generation));
    let cache_bytes = arguments.cache.memory();
    let shelf = columns.as_ref().map(|columns| columns as &dyn Shelf);
    let resources = Resources { threads, cache_bytes, shelf };
    let result = run_search(&config, panel, resources, state.as_ref(), &mut progress)?;
    progress.bar.finish_and_clear();
    let folder = progress.folder;
    write_champions(&folder, &result, &config)?;
    let verdict = verdict(&result, panel, &config);
    FINISHED.clone_into(&mut record.status);
    record.result = Some(summary(&result, &verdict));
    let mut clock = serde_json::json!({
        "seconds": result.seconds,
        "threads": threads,
        "evaluations_per_second": progress.evaluated as f64 / result.seconds.max(1e-9),
        "nodes": result.nodes,
        "nodes_saved": result.nodes.saved(),
        "cache": node_cache::record(cache_bytes, result.cache, result.shelf),
    });
    if config.spec.racing.is_some() {
        clock["rows"] = serde_json::json!(result.rows);
    }
    record.clock = Some(clock);
    let text = screen(&result, &config, panel, &folder, &verdict)?;
    folder.write_run(&record)?;
    print(&text)?;
    Ok(if result.found() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn specification(arguments: &EvolveArguments) -> Result<RunSpec> {
    let mut spec = match &arguments.config {
        Some(path) => read_spec(path)?,
        None => RunSpec::default(),
    };
    if let Some(population) = arguments.population {
        spec.population = population;
        // A small population cannot hold as many elites or competitors as the default one.
        spec.elites = spec.elites.min(population.saturating_sub(1) / 2);
        spec.tournament = spec.tournament.min(population.max(1));
    }
    spec.generations = arguments.generations.unwrap_or(spec.generations);
    spec.seed = arguments.seed.unwrap_or(spec.seed);
    if arguments.race {
        spec.racing.get_or_insert_default();
    }
    spec.control &= !arguments.no_control;
    match arguments.algorithm {
        Some(AlgorithmArgument::Genetic) => spec.algorithm = Algorithm::Genetic,
        Some(AlgorithmArgument::Random) => spec.algorithm = Algorithm::Random,
        None => {}
    }
    Ok(spec)
}

fn data_record(path: &Path, strict: bool, panel: &Panel) -> DataRecord {
    DataRecord {
        path: path.to_owned(),
        strict,
        fingerprint: format!("{:016x}", panel.fingerprint()),
        bars: panel.bars(),
        symbols: panel.symbols().len(),
        from: panel.calendar().label(0),
        to: panel.calendar().label(panel.bars() - 1),
    }
}

/// The first of runs/1, runs/2, ... that is not there.
fn next_folder() -> PathBuf {
    let mut number = 1;
    loop {
        let path = PathBuf::from(format!("runs/{number}"));
        if !path.exists() {
            return path;
        }
        number += 1;
    }
}

/// Writes generations to the run folder, and shows how far the run is.
struct Progress {
    folder: RunFolder,
    bar: ProgressBar,
    lines: bool,
    evaluated: usize,
}

impl Progress {
    fn new(folder: RunFolder, config: &RunConfig, done: usize) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let bar = if terminal { ProgressBar::new(config.spec.generations as u64) } else { ProgressBar::hidden() };
        let style = ProgressStyle::with_template("generation {pos}/{len} {bar:24} {msg} ({eta} left)");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.set_position(done as u64);
        Self { folder, bar, lines: !terminal, evaluated: 0 }
    }
}

impl Observer for Progress {
    fn generation(&mut self, record: &GenerationRecord, trials: &[Trial], search: &Search<'_>) -> Result<Next, Error> {
        self.folder.generation(trials, search.state()).map_err(|error| Error::Observer(Box::new(error)))?;
        self.evaluated += record.evaluated;
        let rate = self.evaluated as f64 / search.seconds().max(1e-9);
        let mut message = format!(
            "best {}  mean {}  {rate:.0} evaluations/s  {} distinct  {} with other positions or exits  {:.0} % of nodes saved, {}",
            display(record.best, Kind::Ratio),
            display(record.mean, Kind::Ratio),
            record.distinct,
            record.changed_positions,
            100.0 * record.nodes.saved(),
            node_cache::display(search.cache(), search.shelf())
        );
        if record.rows != RowCounts::default() {
            let _ =
                write!(message, "  {} raced out, {:.0} % of rows saved", record.raced_out, 100.0 * record.rows.saved());
        }
        tracing::info!(
            generation = record.generation,
            distinct = record.distinct,
            duplicates = record.duplicates,
            nodes = record.nodes.asked,
            shared = record.nodes.shared,
            cached = record.nodes.cached,
            from_disk = search.shelf().map(|shelf| shelf.found),
            from_disk_bytes = search.shelf().map(|shelf| shelf.found_bytes),
            "{message}"
        );
        if self.lines {
            remark(&format!("generation {:>3}  {message}", record.generation));
        }
        self.bar.set_message(message);
        self.bar.inc(1);
        Ok(Next::Continue)
    }
}

fn write_champions(folder: &RunFolder, result: &RunResult, config: &RunConfig) -> Result<()> {
    for (place, champion) in result.champions.iter().enumerate() {
        let bar = display(result.luck_bar, Kind::Ratio);
        let standing = if champion.above_luck {
            format!("Its Sharpe ratio on validation lies above the {bar} that luck alone would give.")
        } else {
            format!(
                "NOTHING FOUND: its Sharpe ratio on validation does not exceed the {bar} that luck alone would give. Kept as a candidate only."
            )
        };
        let comment = format!(
            "Champion {} of {} distinct strategies tried, seed {}.\n{standing}\nSharpe on train {}, on validation {}.",
            place + 1,
            result.distinct,
            config.spec.seed,
            display(champion.train.sharpe, Kind::Ratio),
            display(champion.validation.sharpe, Kind::Ratio)
        );
        folder.write_file(&format!("champions/{}.toml", place + 1), &champion.strategy.to_toml(&comment))?;
    }
    Ok(())
}

/// One sentence on the sealed exam, and the verdict.
fn verdict(result: &RunResult, panel: &Panel, config: &RunConfig) -> String {
    let exam = &config.periods.exam;
    let span = format!("{} to {}", panel.calendar().label(exam.start), panel.calendar().label(exam.end - 1));
    let Some(champion) = result.champions.first() else {
        return "Nothing found: no strategy could be scored.".to_owned();
    };
    let figures = |report: &Report| {
        let metrics = leaderboard::period(report, "exam").map(|period| &period.metrics);
        (
            display(metrics.and_then(|metrics| metrics.sharpe), Kind::Ratio),
            display(metrics.and_then(|metrics| metrics.total_return), Kind::Percent),
        )
    };
    let ((sharpe, total), (held_sharpe, held_total)) = (figures(&champion.report), figures(&result.benchmark));
    let bar = display(result.luck_bar, Kind::Ratio);
    let found = if result.found() {
        format!("Found: on validation a champion's Sharpe lies above the {bar} that luck alone would give.")
    } else {
        format!(
            "Nothing found: on validation no champion's Sharpe exceeds the {bar} that luck alone would give in {} distinct trials; treat these as luck.",
            result.distinct
        )
    };
    format!(
        "The sealed exam ({span}) gave champion-1 a Sharpe of {sharpe} and {total}; buy-and-hold had {held_sharpe} and {held_total}.\n{found}"
    )
}

fn summary(result: &RunResult, verdict: &str) -> serde_json::Value {
    let champions: Vec<serde_json::Value> = result
        .champions
        .iter()
        .map(|champion| {
            serde_json::json!({
                "name": champion.strategy.name,
                "hash": format!("{:032x}", champion.hash),
                "fitness": champion.fitness,
                "train": champion.train,
                "validation": champion.validation,
                "above_luck": champion.above_luck,
                "periods": champion.report.periods,
            })
        })
        .collect();
    serde_json::json!({
        "found": result.found(),
        "verdict": verdict,
        "distinct_trials": result.distinct,
        "generations": result.generations,
        "stop_reason": result.stop,
        "luck_bar_sharpe": result.luck_bar,
        "best_fitness": result.best_fitness,
        "mean_fitness_of_best_ten": result.mean_fitness_of_best_ten,
        "control": result.control,
        "rejections": result.rejections,
        "buy_and_hold": result.benchmark.periods,
        "champions": champions,
    })
}

fn screen(result: &RunResult, config: &RunConfig, panel: &Panel, folder: &RunFolder, verdict: &str) -> Result<String> {
    let mut text = String::from("\n");
    let rows = result.champions.iter().map(|champion| {
        let mark = if champion.above_luck { " *" } else { "" };
        (format!("{}{mark}", champion.strategy.name), &champion.report)
    });
    text.push_str(&leaderboard::table(rows.chain(std::iter::once(("buy-and-hold".to_owned(), &result.benchmark)))));
    let _ = write!(
        text,
        "luck alone would give a validation Sharpe of {} in {} distinct trials{}\n\n",
        display(result.luck_bar, Kind::Ratio),
        result.distinct,
        if result.found() { " (* above it)" } else { "" }
    );
    if let Some(champion) = result.champions.first() {
        let chart = Chart {
            title: "equity, start = 1".to_owned(),
            lines: [
                ("champion-1", &scaled(&champion.report, config)),
                ("equal-weight buy-and-hold", &scaled(&result.benchmark, config)),
            ],
            span: (panel.calendar().label(0), panel.calendar().label(panel.bars() - 1)),
            periods: config.periods.named().iter().map(|(name, rows)| (*name, rows.start)).collect(),
        };
        text.push_str(&chart.terminal(84, 14));
        folder.write_file("equity.svg", &chart.svg())?;
        text.push('\n');
    }
    let _ = write!(text, "tried      {} distinct strategies in {} generations", result.distinct, result.generations);
    if result.stop == StopReason::Stagnation {
        let _ = write!(text, " (stopped: no better best for {})", config.spec.patience);
    }
    text.push('\n');
    if !result.rejections.is_empty() {
        let reasons: Vec<String> =
            result.rejections.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
        let _ = writeln!(text, "rejected   {}", reasons.join(", "));
    }
    if let Some(control) = &result.control {
        let _ = writeln!(
            text,
            "control    genetic programming against random search at {} distinct trials: best fitness {} against {}, mean of the best ten {} against {}",
            control.distinct,
            display(result.best_fitness, Kind::Ratio),
            display(control.best_fitness, Kind::Ratio),
            display(result.mean_fitness_of_best_ten, Kind::Ratio),
            display(control.mean_fitness_of_best_ten, Kind::Ratio),
        );
    }
    let only_signal = config.rules == [Rule::Signal];
    let _ = writeln!(text, "assumed    {}", config.spec.backtest);
    if only_signal && panel.symbols().len() < ::evolve::CROSS_SECTION {
        text.push_str("           few symbols, chosen with hindsight, flatter whatever is long: hold champions beside buy-and-hold\n");
    }
    let _ = write!(text, "folder     {}\n\n{verdict}\n", folder.path().display());
    Ok(text)
}

/// Equity of a report as a multiple of the capital.
fn scaled(report: &Report, config: &RunConfig) -> Vec<f64> {
    report.outcome.equity.iter().map(|equity| equity / config.spec.backtest.capital).collect()
}
