//! `evoquant data cache`: the imported panels that are kept on disk.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use ::market::{Found, KeptPanel, PanelCache};
use anyhow::{Result, bail};
use clap::{Args, Subcommand};

use crate::cli::market::{import_options, panel_cache};
use crate::cli::{memory, print};

#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(in crate::cli) struct CacheArguments {
    #[command(subcommand)]
    command: CacheCommand,
}

const AFTER: &str = "\
A market of 1 MiB or more is parsed once: the panel is kept in a folder, and mapped into memory the next time. It is used only
while the file it came from has the same size and time of change, and after its values were checked against hashes; otherwise
it is imported again.

  EVOQUANT_CACHE=FOLDER     where panels are kept; `off` keeps none (default: evoquant/panels in your folder of caches)
  EVOQUANT_CACHE_SIZE=4GB   how much is kept (default 16GiB); the longest unused go first, and all that nobody used for 90 days
  EVOQUANT_IMPORT_MEMORY=2GB    how much memory an import may take (default: 4 GiB, or half of what is free); larger CSV and
                                Parquet files, sorted by date or by symbol, go to the cache piece by piece";

#[derive(Debug, Subcommand)]
enum CacheCommand {
    /// List what is kept, with size, hits and age.
    List,
    /// Import files now, so that the next command starts at once.
    Warm {
        /// Markets.
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// As the commands that will read it: refuse data that would have to be mended.
        #[arg(long)]
        strict: bool,
    },
    /// Read everything that is kept, and its sources, and compare; exit code 1 where something is damaged or stale.
    Verify,
    /// Remove what is kept: everything, or what came from the files named.
    Clear {
        /// Only panels of these markets.
        #[arg(value_name = "FILE")]
        files: Vec<PathBuf>,
        /// Only panels that nobody used for so many days.
        #[arg(long, value_name = "DAYS")]
        unused: Option<u32>,
    },
}

pub(super) fn run(arguments: &CacheArguments) -> Result<ExitCode> {
    let Some(cache) = panel_cache()? else {
        bail!(
            "there is no cache: EVOQUANT_CACHE is `off`, or no folder of caches is known; name one in EVOQUANT_CACHE"
        );
    };
    match &arguments.command {
        CacheCommand::List => print(&list(&cache)?)?,
        CacheCommand::Warm { files, strict } => warm(cache, files, *strict)?,
        CacheCommand::Verify => return verify(&cache),
        CacheCommand::Clear { files, unused } => clear(&cache, files, *unused)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn list(cache: &PanelCache) -> Result<String> {
    let panels = cache.panels()?;
    let mut text =
        format!("{:>9}  {:>13}  {:>6}  {:>8}  {:<8}  market\n", "size", "bars x symb.", "hits", "unused", "state");
    for panel in &panels {
        let shape = format!("{} x {}", panel.shape.0, panel.shape.1);
        let state = match (&panel.source, panel.is_fresh) {
            (None, _) => "damaged",
            (_, false) => "stale",
            _ => "fresh",
        };
        let size = memory::display(panel.bytes as usize);
        writeln!(
            text,
            "{size:>9}  {shape:>13}  {:>6}  {:>8}  {state:<8}  {}",
            panel.hits,
            age(panel.unused),
            name(panel)
        )?;
    }
    let total: u64 = panels.iter().map(|panel| panel.bytes).sum();
    let used = cache.statistics();
    let (total, limit) = (memory::display(total as usize), memory::display(cache.max_bytes as usize));
    writeln!(text, "\n{} panels, {total} of {limit}, in {}", panels.len(), cache.folder.display())?;
    writeln!(
        text,
        "hits {}, misses {}, stale {}, damaged {}, evicted {}",
        used.hits, used.misses, used.stale, used.damaged, used.evicted
    )?;
    Ok(text)
}

fn warm(mut cache: PanelCache, files: &[PathBuf], strict: bool) -> Result<()> {
    // Asked for by name, small ones are kept too.
    cache.smallest_source = 0;
    let options = import_options(strict)?;
    for file in files {
        let (import, found) = cache.read(file, &options)?;
        let what = match found {
            Found::Kept => "was there already",
            Found::New => "imported and kept",
            Found::Stale => "had changed: imported again",
            Found::Damaged => "was damaged: imported again",
            Found::NotKept => {
                "cannot be kept: it is larger than the cache may be, or the folder cannot be written (-v says more)"
            }
        };
        let (bars, symbols) = (import.panel.bars(), import.panel.symbols().len());
        print(&format!("{}: {bars} bars x {symbols} symbols, {what}\n", file.display()))?;
    }
    Ok(())
}

fn verify(cache: &PanelCache) -> Result<ExitCode> {
    let mut problems = 0;
    let panels = cache.panels()?;
    for panel in &panels {
        let problem = cache.verify(panel);
        problems += usize::from(problem.is_some());
        print(&format!("{}: {}\n", name(panel), problem.as_deref().unwrap_or("sound, and as its source is now")))?;
    }
    print(&format!("{} panels, {problems} that would be imported again\n", panels.len()))?;
    Ok(if problems == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn clear(cache: &PanelCache, files: &[PathBuf], unused: Option<u32>) -> Result<()> {
    let full = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let files: Vec<PathBuf> = files.iter().map(|file| full(file)).collect();
    let panels = cache.panels()?;
    let is_meant = |panel: &KeptPanel| {
        (files.is_empty() || panel.source.as_ref().is_some_and(|source| files.contains(source)))
            && unused.is_none_or(|days| panel.unused >= Duration::from_hours(24) * days)
    };
    if let Some(file) = files.iter().find(|file| !panels.iter().any(|panel| panel.source.as_ref() == Some(*file))) {
        bail!("{}: nothing of it is kept; `evoquant data cache list` shows what is", file.display());
    }
    let (mut count, mut bytes) = (0, 0);
    for panel in panels.iter().filter(|panel| is_meant(panel)) {
        cache.remove(panel)?;
        count += 1;
        bytes += panel.bytes;
    }
    print(&format!("{count} panels removed, {} freed\n", memory::display(bytes as usize)))
}

fn name(panel: &KeptPanel) -> String {
    panel.source.as_ref().unwrap_or(&panel.path).display().to_string()
}

/// Whole units, as one speaks of age.
fn age(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..86_400 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}
