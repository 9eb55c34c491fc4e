//! The market that a command works on.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use ::market::{Import, ImportOptions, Ledger, Panel, PanelCache, SynthSpec, Synthetic, read_panel};
use anyhow::{Context, Result, anyhow, bail};
use clap::Args;

use super::memory;

/// The market that a command works on.
#[derive(Debug, Args)]
pub(super) struct MarketArguments {
    /// Bars: a CSV, Parquet or Arrow file or a folder of them, long or wide (`evoquant data import --help`); or a market
    /// to order, synth:KEY=VALUE,... or synth:FILE.toml (`evoquant data synth --help`). Default: the bundled six US large
    /// caps.
    #[arg(long, value_name = "FILE")]
    pub(super) data: Option<PathBuf>,
    /// Refuse data that would have to be mended, instead of mending it.
    #[arg(long)]
    pub(super) strict: bool,
}

impl MarketArguments {
    pub(super) fn path(&self) -> Result<PathBuf> {
        match &self.data {
            Some(path) => Ok(path.clone()),
            None => bundled(),
        }
    }

    pub(super) fn read(&self) -> Result<Import> {
        read_market(&self.path()?, self.strict)
    }
}

/// Reads a market, from the panel cache where that has it, and says what was mended; or makes one, where the path is `synth:`
/// and a specification.
pub(super) fn read_market(path: &Path, strict: bool) -> Result<Import> {
    let options = import_options(strict)?;
    let import = if let Some(spec) = path.to_str().and_then(|text| text.strip_prefix("synth:")) {
        synthetic(path, &SynthSpec::named(spec)?, options.max_bytes)?
    } else if let Some(cache) = panel_cache()? {
        let (import, found) = cache.read(path, &options)?;
        tracing::debug!(path = %path.display(), ?found, "panel cache");
        import
    } else {
        read_panel(path, &options)?
    };
    tracing::info!(path = %path.display(), bars = import.panel.bars(), symbols = import.panel.symbols().len(), "market read");
    if import.panel.bars() == 0 || import.panel.symbols().is_empty() {
        bail!("{}: no bar is left after import:\n{}", path.display(), import.ledger);
    }
    Ok(import)
}

/// How markets are imported: within 4 GiB, or half of what is free, or what `EVOQUANT_IMPORT_MEMORY` says. What is larger goes
/// through the panel cache, piece by piece.
pub(super) fn import_options(strict: bool) -> Result<ImportOptions> {
    let options = ImportOptions { strict, ..ImportOptions::default() };
    let max_bytes = match variable("EVOQUANT_IMPORT_MEMORY") {
        None => options.max_bytes.min(2 * memory::share_of_free() as u64),
        Some(size) => {
            let size = memory::bytes(&size.to_string_lossy());
            size.map_err(|problem| anyhow!("EVOQUANT_IMPORT_MEMORY: {problem}"))? as u64
        }
    };
    Ok(ImportOptions { max_bytes, ..options })
}

/// A variable of the environment that is set and not empty.
pub(super) fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

/// The folder of imported panels: what `EVOQUANT_CACHE` names, else `evoquant/panels` in the user's folder of caches.
/// `None` where it says `off`, or nobody knows such a folder.
pub(super) fn panel_cache() -> Result<Option<PanelCache>> {
    let folder = match variable("EVOQUANT_CACHE") {
        Some(value) if value == "off" => return Ok(None),
        Some(folder) => Some(PathBuf::from(folder)),
        None => variable("XDG_CACHE_HOME")
            .map(PathBuf::from)
            .or_else(|| variable("LOCALAPPDATA").map(PathBuf::from))
            .or_else(|| variable("HOME").map(|home| PathBuf::from(home).join(".cache")))
            .map(|folder| folder.join("evoquant").join("panels")),
    };
    let mut cache = folder.map(PanelCache::new);
    if let (Some(cache), Some(size)) = (&mut cache, variable("EVOQUANT_CACHE_SIZE")) {
        let size = memory::bytes(&size.to_string_lossy());
        cache.max_bytes = size.map_err(|problem| anyhow!("EVOQUANT_CACHE_SIZE: {problem}"))? as u64;
    }
    Ok(cache)
}

fn synthetic(path: &Path, spec: &SynthSpec, max_bytes: u64) -> Result<Import> {
    let panel = crate::synthetic_panel(&Synthetic::new(spec.clone())?, threads(None)?, max_bytes)?;
    let rows = panel.values("close").unwrap_or_default().iter().filter(|close| close.is_finite()).count();
    let ledger = Ledger {
        source: path.display().to_string(),
        rows_read: rows,
        rows_kept: rows,
        rows_dropped: 0,
        repaired: Vec::new(),
        ignored_columns: Vec::new(),
    };
    Ok(Import { panel, ledger })
}

/// Threads that were asked for, or one for each processor.
pub(super) fn threads(asked: Option<usize>) -> Result<usize> {
    match asked {
        Some(0) => bail!("--threads must be at least 1"),
        Some(threads) => Ok(threads),
        None => Ok(std::thread::available_parallelism().map_or(1, std::num::NonZero::get)),
    }
}

/// The bundled market: beside the working directory, else where the program was built.
pub(super) fn bundled() -> Result<PathBuf> {
    let name = Path::new("data").join("us_large_caps_daily_2013_2023.parquet");
    [PathBuf::from("."), PathBuf::from(env!("CARGO_MANIFEST_DIR"))]
        .iter()
        .map(|folder| folder.join(&name))
        .find(|path| path.is_file())
        .with_context(|| format!("the bundled market {} is not here: name a file with --data", name.display()))
}

/// A one-line description of a market.
pub(super) fn describe(path: &Path, panel: &Panel) -> String {
    let calendar = panel.calendar();
    format!(
        "{}: {} symbols x {} bars, {} to {}, {}",
        path.display(),
        panel.symbols().len(),
        panel.bars(),
        calendar.label(0),
        calendar.label(panel.bars() - 1),
        calendar.frequency()
    )
}
