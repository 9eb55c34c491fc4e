//! `evoquant data synth`: markets to order.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use ::market::synthetic::WriteOptions;
use ::market::table::{Compression, Format};
use ::market::{SynthSpec, Synthetic};
use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};

use crate::bench::peak_bytes;
use crate::cli::market::threads;
use crate::cli::{memory, print, remark};

#[derive(Debug, Args)]
#[command(after_help = AFTER.as_str())]
pub(in crate::cli) struct SynthArguments {
    /// Keys and values, such as bars=2500 or volatility=0.4; several may stand in one, between commas.
    #[arg(value_name = "KEY=VALUE")]
    keys: Vec<String>,
    /// A TOML file of the same keys, or a manifest of an earlier market; keys on the command line are on top of it.
    #[arg(long, value_name = "FILE")]
    spec: Option<PathBuf>,
    /// Where to write it: .parquet, .ipc, .arrow, .feather, .csv or .ndjson, text also with .gz or .zst. Without it, the
    /// whole specification is printed, and what the market would take.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Bars a symbol; the same as bars=COUNT.
    #[arg(long, value_name = "COUNT")]
    bars: Option<String>,
    /// Symbols; the same as symbols=COUNT.
    #[arg(long, value_name = "COUNT")]
    symbols: Option<String>,
    /// Same seed and keys, same market; the same as seed=NUMBER.
    #[arg(long, value_name = "NUMBER")]
    seed: Option<String>,
    /// A market without an edge to start from; the same as noise=KIND.
    #[arg(long, value_name = "KIND")]
    noise: Option<String>,
    /// Something that happens; the same as scenario=KIND:START:LENGTH:STRENGTH. May be repeated.
    #[arg(long, value_name = "KIND:START:LENGTH:STRENGTH")]
    scenario: Vec<String>,
    /// An expression whose values foretell returns; the same as plant=EXPRESSION.
    #[arg(long, value_name = "EXPRESSION", allow_hyphen_values = true)]
    plant: Option<String>,
    /// The rank IC of the plant; the same as `rank_ic=NUMBER`.
    #[arg(long, value_name = "NUMBER", allow_hyphen_values = true)]
    rank_ic: Option<String>,
    /// How a Parquet or Arrow file is compressed. Default: lz4.
    #[arg(long, value_name = "HOW")]
    compression: Option<CompressionArgument>,
    /// Threads. Default: one for each processor.
    #[arg(long, value_name = "COUNT")]
    threads: Option<usize>,
    /// Rows that are made at a time; changes memory and speed, and no byte of the file.
    #[arg(long, value_name = "ROWS", default_value_t = WriteOptions::default().chunk_rows)]
    chunk: usize,
    /// Go on with what an earlier attempt left unfinished; the file becomes the same to the byte.
    #[arg(long, requires = "out")]
    resume: bool,
}

/// Each thread takes memory of its own.
const MOST_THREADS: usize = 256;

#[derive(Debug, Clone, Copy, ValueEnum)]
enum CompressionArgument {
    /// Not at all.
    None,
    /// The fastest.
    Lz4,
    /// The smallest.
    Zstd,
}

impl From<CompressionArgument> for Compression {
    fn from(argument: CompressionArgument) -> Self {
        match argument {
            CompressionArgument::None => Compression::None,
            CompressionArgument::Lz4 => Compression::Lz4,
            CompressionArgument::Zstd => Compression::Zstd,
        }
    }
}

static AFTER: std::sync::LazyLock<String> = std::sync::LazyLock::new(|| {
    let kinds: Vec<String> = SynthSpec::scenario_kinds().map(|(name, about)| format!("  {name:<19} {about}")).collect();
    format!(
        "\
Examples:
  evoquant data synth bars=2500,symbols=500,seed=7 --out market.parquet
  evoquant data synth --noise garch --seed 3 --out noise.csv.zst
  evoquant data synth --plant '-returns(close, 5)' --rank-ic 0.03 half_life=5 --out planted.parquet
  evoquant data synth frequency=5min --scenario flash_crash:2015-01-20T10:30:40:0.2 --out a.arrow
  evoquant data synth --spec market.parquet.manifest.toml --out same.parquet
  evoquant evolve --data synth:noise=garch,symbols=50       the same keys, anywhere a file is read
  evoquant data synth                                       what the usual market is

Keys, with what they are where nothing is said:
{}
  regime=NAME:DRIFT:VOLATILITY:LENGTH
                      a state of the market: drift a year, multiple of volatility, mean bars;
                      the market changes between those given; the first is where it starts
  scenario=KIND:START:LENGTH:STRENGTH
                      START is a bar counted from 0, or a date; LENGTH is in bars

Scenarios, and what STRENGTH means:
{}

Planted truth: on every bar, the expression's values are ranked over symbols, and the next return leans
on them so that their mean rank IC is `rank_ic`. The return is that from the next open to the open after
it (plant_return=next_open), which `evoquant analyze` shows at horizon 1; with same_close, from close to
close. A manifest FILE.manifest.toml beside the file says how to make it again.",
        SynthSpec::keys().trim_end(),
        kinds.join("\n"),
    )
});

impl SynthArguments {
    fn spec(&self) -> Result<SynthSpec> {
        let mut spec = match &self.spec {
            Some(path) => SynthSpec::read(path)?,
            None => SynthSpec::default(),
        };
        spec.change_all(&self.pairs())?;
        Ok(spec)
    }

    /// What the command line says, as one text of keys and values.
    fn pairs(&self) -> Vec<String> {
        let flags = [
            ("bars", &self.bars),
            ("symbols", &self.symbols),
            ("seed", &self.seed),
            ("noise", &self.noise),
            ("plant", &self.plant),
            ("rank_ic", &self.rank_ic),
        ];
        let flags = flags.into_iter().filter_map(|(key, value)| Some(format!("{key}={}", value.as_ref()?)));
        let scenarios = self.scenario.iter().map(|scenario| format!("scenario={scenario}"));
        self.keys.iter().cloned().chain(flags).chain(scenarios).collect()
    }
}

pub(in crate::cli) fn run(arguments: &SynthArguments) -> Result<ExitCode> {
    let synthetic = Synthetic::new(arguments.spec()?)?;
    let options = WriteOptions {
        compression: arguments.compression.map(Compression::from),
        threads: threads(arguments.threads)?,
        chunk_rows: arguments.chunk,
        resume: arguments.resume,
    };
    if !(1..=WriteOptions::MOST_CHUNK_ROWS).contains(&arguments.chunk) {
        bail!("--chunk must be from 1 to {} rows, not {}", WriteOptions::MOST_CHUNK_ROWS, arguments.chunk);
    }
    if options.threads > MOST_THREADS {
        bail!("--threads must be from 1 to {MOST_THREADS}, not {}", options.threads);
    }
    let format = match &arguments.out {
        Some(path) => Format::of(path, options.compression)?.0,
        None => Format::Parquet,
    };
    let estimate = memory::display(synthetic.write_memory(format, &options) as usize);
    let size = format!(
        "{} symbols x {} bars, at most {} rows; about {estimate} of memory while it is written",
        synthetic.symbols().len(),
        synthetic.bars(),
        synthetic.cells()
    );
    let Some(path) = &arguments.out else {
        let text = synthetic.spec().to_toml();
        let held = memory::display(usize::try_from(synthetic.panel_bytes()).unwrap_or(usize::MAX));
        print(&format!(
            "# {size},\n# {held} as --data synth:... Nothing was written: name a file with --out.\n{text}"
        ))?;
        return Ok(ExitCode::SUCCESS);
    };
    remark(&format!("{}: {size}", path.display()));
    #[expect(clippy::disallowed_methods, reason = "the rate is printed, and part of no result")]
    let start = Instant::now();
    let bar =
        if std::io::stderr().is_terminal() { ProgressBar::new(synthetic.bars() as u64) } else { ProgressBar::hidden() };
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} bars, {eta} left").expect("the template is sound");
    bar.set_style(style);
    let (mut resumed, mut said) = (0, false);
    let written = crate::write_synthetic(&synthetic, path, &options, &mut |progress| {
        bar.set_position(progress.bars as u64);
        resumed = progress.resumed;
        if resumed > 0 && !std::mem::replace(&mut said, true) {
            let note = format!("{resumed} rows are there already; the bars before are made again, not written");
            bar.suspend(|| remark(&note));
        }
    })?;
    bar.finish_and_clear();
    let seconds = start.elapsed().as_secs_f64().max(1e-9);
    let peak = peak_bytes().map_or_else(String::new, |bytes| {
        format!("; peak memory {} ({estimate} estimated)", memory::display(bytes as usize))
    });
    print(&format!(
        "{}: {} rows, {}, xxh3 {:016x}\n{:.2} million rows/s over {seconds:.1} s{peak}\nspecification and seed: {}.manifest.toml\n",
        path.display(),
        written.rows,
        memory::display(written.bytes as usize),
        written.xxh3,
        (written.rows - resumed) as f64 / seconds / 1e6,
        path.display(),
    ))?;
    Ok(ExitCode::SUCCESS)
}
