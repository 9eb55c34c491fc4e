//! The market that a command works on.

use std::path::{Path, PathBuf};

use ::market::{Import, ImportOptions, Panel, read_panel};
use anyhow::{Context, Result, bail};
use clap::Args;

/// The market that a command works on.
#[derive(Debug, Args)]
pub(super) struct MarketArguments {
    /// Bars: long CSV, Parquet or Arrow IPC, one row a symbol and date. Default: the bundled six US large caps.
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

/// Reads a market, and says what was mended.
pub(super) fn read_market(path: &Path, strict: bool) -> Result<Import> {
    let import = read_panel(path, &ImportOptions { strict, ..ImportOptions::default() })?;
    tracing::info!(path = %path.display(), bars = import.panel.bars(), symbols = import.panel.symbols().len(), "market read");
    if import.panel.bars() == 0 || import.panel.symbols().is_empty() {
        bail!("{}: no bar is left after import:\n{}", path.display(), import.ledger);
    }
    Ok(import)
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
