//! `evoquant data import`: files and folders of bars into one panel, with an account of every row.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ::market::{
    Adjustment, ImportOptions, ListedImport, Session, describe, mended_table, read_panel_listed, table, write_panel,
};
use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};

use crate::cli::print;

#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(in crate::cli) struct ImportArguments {
    /// A file of bars, or a folder of them.
    #[arg(value_name = "SRC")]
    source: PathBuf,
    /// Where to write the panel, as a long table: .parquet, .csv (also .csv.gz, .csv.zst), .ipc, .arrow or .feather.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Where to list every row that was dropped or mended: file, row, date, symbol, rule, action, value.
    #[arg(long, value_name = "FILE")]
    ledger: Option<PathBuf>,
    #[command(flatten)]
    reading: ReadingArguments,
}

const AFTER: &str = "\
What can be read:
  long       one row a date and symbol: date, symbol, open, high, low, close, volume, and any other columns; numbers
             become fields, texts groups. Headers of Yahoo, Stooq, Kaggle, Alpha Vantage, Binance and others are known
  wide       one row a date, one column a symbol; the file's name says the field (close.csv, sp500_volume.parquet)
  folders    of either kind, folders in them included; a file without a symbol column is one symbol, named after it
as CSV (comma, semicolon, tab; plain, .gz, .zst), Parquet, and Arrow IPC or Feather, mixed as they come.

Examples:
  evoquant data import bars.csv.gz --out panel.parquet
  evoquant data import stooq/daily --out panel.parquet --ledger ledger.csv
  evoquant data import yahoo --adjust --sectors sectors.csv --out panel.parquet
  evoquant data import minutes.csv --time-zone America/New_York --session 09:30-16:00 --out panel.parquet
  evoquant data import bars.parquet --universe members.csv --strict --out panel.parquet

Exit codes: 0 written, 2 an error, or with --strict anything that would have to be mended.";

/// How bars are read.
#[derive(Debug, Args)]
pub(in crate::cli) struct ReadingArguments {
    /// Refuse data that would have to be mended, instead of mending it.
    #[arg(long)]
    strict: bool,
    /// Put `adj_close` in the place of close, and scale open, high and low alike. `prices` leaves volume as it is, right
    /// where vendors state it in today's shares; `all` divides it too, so that price times volume stays.
    #[arg(long, value_name = "WHAT", num_args = 0..=1, require_equals = true, default_missing_value = "prices")]
    adjust: Option<Adjust>,
    /// Where clocks without a UTC offset are, and days begin: `America/New_York`. Default: what the file says, or UTC.
    #[arg(long, value_name = "ZONE")]
    time_zone: Option<String>,
    /// Hours of trading in that zone, the last minute not included: 09:30-16:00, 'mon-fri 09:30-16:00', or over midnight
    /// 18:00-17:00. Bars outside of them are dropped and counted.
    #[arg(long, value_name = "HOURS")]
    session: Option<Session>,
    /// A table with a symbol column and columns of labels (symbol, sector): each becomes a group.
    #[arg(long, value_name = "FILE")]
    sectors: Option<PathBuf>,
    /// A table symbol, from, to of first and last days in the universe, an empty cell for an open end: becomes the field
    /// `universe`, which says who may be held when.
    #[arg(long, value_name = "FILE")]
    universe: Option<PathBuf>,
    /// Name of the symbol of a file without a symbol column. Default: the file's name.
    #[arg(long)]
    symbol: Option<String>,
    /// How to read 02/08/2013 where no row of the file settles it.
    #[arg(long, value_name = "WHICH")]
    dates: Option<Dates>,
    /// Most memory for the panel and for each table on the way to it, in MiB.
    #[arg(long, value_name = "MIB", default_value_t = 4096)]
    max_memory: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Adjust {
    /// Prices; volume stays.
    Prices,
    /// Prices and volume.
    All,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Dates {
    /// 2 August.
    DayFirst,
    /// 8 February.
    MonthFirst,
}

impl ReadingArguments {
    fn options(&self) -> ImportOptions {
        ImportOptions {
            strict: self.strict,
            symbol: self.symbol.clone(),
            day_first: self.dates.map(|dates| dates == Dates::DayFirst),
            max_bytes: self.max_memory.saturating_mul(1 << 20),
            adjust: match self.adjust {
                None => Adjustment::None,
                Some(Adjust::Prices) => Adjustment::Prices,
                Some(Adjust::All) => Adjustment::PricesAndVolume,
            },
            time_zone: self.time_zone.clone(),
            session: self.session,
            sectors: self.sectors.clone(),
            universe: self.universe.clone(),
        }
    }

    /// Reads a file or folder, with a progress bar over its files.
    pub(super) fn read(&self, path: &Path) -> Result<ListedImport> {
        // Hidden where standard error is no terminal.
        let style = ProgressStyle::with_template("{bar:40} {pos} of {len} files").expect("the template is sound");
        let bar = ProgressBar::no_length().with_style(style);
        let listed = read_panel_listed(path, &self.options(), &mut |read, files| {
            bar.set_length(files as u64);
            bar.set_position(read as u64);
        });
        bar.finish_and_clear();
        let listed = listed?;
        let panel = &listed.import.panel;
        if panel.bars() == 0 || panel.symbols().is_empty() {
            bail!("{}: no bar is left after import:\n{}", path.display(), listed.import.ledger);
        }
        Ok(listed)
    }
}

pub(super) fn run(arguments: &ImportArguments) -> Result<ExitCode> {
    let ImportArguments { source, out, ledger, reading } = arguments;
    ::market::check_panel_extension(out)?;
    if let Some(ledger) = ledger {
        table::check_extension(ledger)?;
    }
    for path in [Some(out), ledger.as_ref()].into_iter().flatten() {
        refuse_inside(source, path)?;
    }
    let listed = reading.read(source)?;
    write_panel(&listed.import.panel, out)?;
    if let Some(path) = ledger {
        mended_table(&listed.mended).write(path)?;
    }
    let ListedImport { import, mended } = &listed;
    let hint = match ledger {
        Some(path) => format!("{} rows listed in {}\n", mended.len(), path.display()),
        None if mended.is_empty() => String::new(),
        None => "every row mended: --ledger FILE\n".to_owned(),
    };
    print(&format!("{}\n{hint}\n{}\n{}\n", import.ledger, out.display(), describe(&import.panel)))?;
    Ok(ExitCode::SUCCESS)
}

/// What is written must neither replace what is read, nor be read with it the next time.
pub(super) fn refuse_inside(source: &Path, out: &Path) -> Result<()> {
    let Ok(source) = source.canonicalize() else { return Ok(()) };
    let folder = out.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let Ok(folder) = folder.canonicalize() else { return Ok(()) };
    let target = folder.join(out.file_name().unwrap_or_default());
    if target == source {
        bail!("{} would be replaced by what is made of it; name another file", out.display());
    }
    if source.is_dir() && target.starts_with(&source) {
        bail!("{} lies in the folder that is read; the next import would read it too; write elsewhere", out.display());
    }
    Ok(())
}
