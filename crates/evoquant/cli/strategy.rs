//! `evoquant strategy`: show and reformat strategy files.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ::factor::{Schema, Strategy};
use anyhow::{Context, Result, anyhow, bail};
use clap::Subcommand;

use super::print;

#[derive(Debug, Subcommand)]
pub(super) enum StrategyCommand {
    /// Check a strategy file and show what it compiles to.
    Show {
        /// The strategy file.
        file: PathBuf,
    },
    /// Rewrite a strategy file in its standard form; comments inside the file are not kept.
    Fmt {
        /// The strategy file.
        file: PathBuf,
        /// Print instead of rewriting.
        #[arg(long)]
        check: bool,
    },
}

/// Strategy files are pages, not books.
const MOST_BYTES: u64 = 1 << 20;

/// Reads a strategy over the columns of a schema.
pub(super) fn read(path: &Path, schema: &Schema) -> Result<Strategy> {
    let bytes = std::fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?;
    if bytes.len() > MOST_BYTES {
        bail!("{}: {} bytes are too many for a strategy file", path.display(), bytes.len());
    }
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    Strategy::from_toml(&text, schema).map_err(|error| anyhow!("{}: {error}", path.display()))
}

pub(super) fn run(command: &StrategyCommand) -> Result<ExitCode> {
    match command {
        StrategyCommand::Show { file } => {
            let strategy = read(file, &Schema::open())?;
            let program = strategy.compile()?;
            let description = strategy.description.as_deref().map(|text| format!("{text}\n")).unwrap_or_default();
            let fields: Vec<&str> = program.fields().collect();
            print(&format!(
                "{}\n{description}identity  {:032x}\nfactors   {} ({} operator nodes, {} slots)\nreads     {}\nlookback  {} bars\n\n{}",
                strategy.name,
                strategy.identity(&program),
                strategy.factors(),
                program.instructions.len(),
                program.slots,
                fields.join(", "),
                program.lookback(),
                strategy.to_toml("")
            ))?;
        }
        StrategyCommand::Fmt { file, check } => {
            let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
            let strategy = read(file, &Schema::open())?;
            // Comments above the first key are the file's own introduction, and stay.
            let comment: Vec<&str> =
                text.lines().take_while(|line| line.starts_with('#')).map(|line| line[1..].trim_start()).collect();
            let formatted = strategy.to_toml(&comment.join("\n"));
            if *check {
                print(&formatted)?;
            } else if formatted != text {
                ::market::write_atomically(file, |out| std::io::Write::write_all(out, formatted.as_bytes()))
                    .with_context(|| format!("cannot write {}", file.display()))?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}
