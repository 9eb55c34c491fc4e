//! What a strategy is measured against.

use std::path::Path;

use ::market::{ImportOptions, Panel, read_panel};
use anyhow::{Result, bail};

/// Name and closes of a benchmark, one a bar of the panel, NaN where it has none: a symbol of the panel, or a file with
/// one symbol (`FILE`, or `FILE:SYMBOL` where it has several).
pub(super) fn read(text: &str, panel: &Panel) -> Result<(String, Vec<f64>)> {
    if let Some(column) = column_of(panel, text) {
        return Ok((text.to_owned(), column));
    }
    let (path, symbol) = match text.rsplit_once(':') {
        Some((path, symbol)) if !Path::new(text).is_file() && Path::new(path).is_file() => (path, Some(symbol)),
        _ => (text, None),
    };
    if !Path::new(path).is_file() {
        bail!("--benchmark {text} is neither a symbol of the market nor a file");
    }
    let other = read_panel(Path::new(path), &ImportOptions::default())?.panel;
    let symbol = match (symbol, other.symbols()) {
        (Some(symbol), _) => symbol,
        (None, [only]) => only.as_str(),
        (None, several) => {
            bail!("{path} has {} symbols: say which one with --benchmark {path}:SYMBOL", several.len())
        }
    };
    let Some(closes) = column_of(&other, symbol) else {
        bail!("{path} has no symbol `{symbol}`");
    };
    let times = other.calendar().times();
    let close_at = |time: &i64| times.binary_search(time).map_or(f64::NAN, |row| closes[row]);
    Ok((symbol.to_owned(), panel.calendar().times().iter().map(close_at).collect()))
}

fn column_of(panel: &Panel, symbol: &str) -> Option<Vec<f64>> {
    let column = panel.symbols().iter().position(|found| found == symbol)?;
    let closes = panel.field("close")?;
    Some(closes.column(column).to_vec())
}
