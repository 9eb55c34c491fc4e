//! `evoquant data check`: what looks wrong in a market, and a panel without it.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ::market::{CheckOptions, CheckRule, Severity, check, mask, table, write_panel};
use anyhow::{Result, bail};
use clap::{Args, ValueEnum};

use super::import::{ReadingArguments, refuse_inside};
use crate::cli::print;

#[derive(Debug, Args)]
#[command(after_help = after_help())]
pub(in crate::cli) struct CheckArguments {
    /// A file of bars, or a folder of them, as `data import` reads it.
    #[arg(value_name = "SRC")]
    source: PathBuf,
    /// Print everything found as JSON.
    #[arg(long)]
    json: bool,
    /// Write everything found as a table (.csv, .parquet, .json, .ndjson, .ipc): rule, severity, date, symbol, value,
    /// detail.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Write the panel with open, high, low, close and volume (and `adj_close`) missing on the bars that `broken_bar`,
    /// `copied_bar` and `spike` name, and a list of them in FILE.masked.csv.
    #[arg(long, value_name = "FILE")]
    mask: Option<PathBuf>,
    /// Rules to leave out, with commas between.
    #[arg(long, value_name = "RULES", value_delimiter = ',')]
    skip: Vec<CheckRule>,
    /// What makes the exit code 1.
    #[arg(long, value_name = "SEVERITY", default_value = "problem")]
    fail_on: FailOn,
    /// A copied bar: most pairs of bars as alike that chance would make in the symbol's whole history. At 0.0005, 500
    /// symbols give a quarter of a false alarm.
    #[arg(long, value_name = "NUMBER", default_value_t = CheckOptions::default().copy_chance)]
    copy_chance: f64,
    /// A spike, and the return that takes it back: at least so many usual returns (1.4826 x the median distance from the
    /// median) ...
    #[arg(long, value_name = "NUMBER", default_value_t = CheckOptions::default().spike_deviations)]
    spike_deviations: f64,
    /// ... and at least this logarithmic return.
    #[arg(long, value_name = "RETURN", default_value_t = CheckOptions::default().spike_return)]
    spike_return: f64,
    /// A large move that stays: at least so many usual returns ...
    #[arg(long, value_name = "NUMBER", default_value_t = CheckOptions::default().move_deviations)]
    move_deviations: f64,
    /// ... and at least this logarithmic return.
    #[arg(long, value_name = "RETURN", default_value_t = CheckOptions::default().move_return)]
    move_return: f64,
    /// A stale price: so many bars with one close and with volume. Default: 5, within days a day's bars.
    #[arg(long, value_name = "BARS")]
    stale_bars: Option<usize>,
    /// A gap: at least so many missing bars in a row.
    #[arg(long, value_name = "BARS", default_value_t = CheckOptions::default().gap_bars)]
    gap_bars: usize,
    #[command(flatten)]
    reading: ReadingArguments,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FailOn {
    /// A problem.
    Problem,
    /// A problem or a warning.
    Warning,
    /// Nothing.
    Never,
}

fn after_help() -> String {
    let mut text = String::from("Rules:\n");
    for rule in CheckRule::ALL {
        let mark = if rule.masks() { ", masked" } else { "" };
        let severity = format!("{}{mark}", rule.severity());
        let _ = writeln!(text, "  {:<17} {severity:<15} {}", rule.name(), rule.describe());
    }
    text += "
Examples:
  evoquant data check bars.parquet
  evoquant data check bars.parquet --out findings.csv --mask clean.parquet
  evoquant data check stooq/daily --skip large_move,gap --fail-on warning

Exit codes: 0 passed, 1 problems found, 2 an error.";
    text
}

pub(super) fn run(arguments: &CheckArguments) -> Result<ExitCode> {
    let CheckArguments { source, out, mask: masked, .. } = arguments;
    let options = arguments.options()?;
    if let Some(out) = out {
        table::check_extension(out)?;
        refuse_inside(source, out)?;
    }
    if let Some(masked) = masked {
        ::market::check_panel_extension(masked)?;
        refuse_inside(source, masked)?;
    }
    let listed = arguments.reading.read(source)?;
    let report = check(&listed, &options);
    if let Some(out) = out {
        report.table().write(out)?;
    }
    let mut remarks = String::new();
    if let Some(masked) = masked {
        let panel = mask(&listed.import.panel, &report);
        if panel.values("close").unwrap_or_default().iter().all(|close| close.is_nan()) {
            bail!("{}: no bar would be left with the mask; nothing is written", source.display());
        }
        let list = list_beside(masked);
        report.masked_table().write(&list)?;
        write_panel(&panel, masked)?;
        let bars = report.masked().count();
        remarks = format!("{bars} bars masked: {}, listed in {}\n", masked.display(), list.display());
    }
    if arguments.json {
        print(&format!("{}\n", serde_json::to_string_pretty(&report)?))?;
    } else {
        print(&format!("{}\n{report}\n{remarks}", source.display()))?;
    }
    let failed = match arguments.fail_on {
        FailOn::Problem => report.problems() > 0,
        FailOn::Warning => report.rules.iter().any(|summary| summary.severity <= Severity::Warning),
        FailOn::Never => false,
    };
    Ok(if failed { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

/// `clean.parquet` is listed in `clean.parquet.masked.csv`.
fn list_beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".masked.csv");
    PathBuf::from(name)
}

impl CheckArguments {
    fn options(&self) -> Result<CheckOptions> {
        let above_zero = [
            ("--copy-chance", self.copy_chance),
            ("--spike-deviations", self.spike_deviations),
            ("--spike-return", self.spike_return),
            ("--move-deviations", self.move_deviations),
            ("--move-return", self.move_return),
        ];
        if let Some((name, value)) = above_zero.into_iter().find(|(_, value)| !(*value > 0.0 && value.is_finite())) {
            bail!("{name} {value}: write a number above 0");
        }
        let at_least = [("--gap-bars", Some(self.gap_bars), 1), ("--stale-bars", self.stale_bars, 2)];
        for (name, value, least) in at_least {
            if let Some(value) = value.filter(|&value| value < least) {
                bail!("{name} {value}: write {least} or more");
            }
        }
        Ok(CheckOptions {
            copy_chance: self.copy_chance,
            spike_deviations: self.spike_deviations,
            spike_return: self.spike_return,
            move_deviations: self.move_deviations,
            move_return: self.move_return,
            stale_bars: self.stale_bars,
            gap_bars: self.gap_bars,
            skip: self.skip.clone(),
        })
    }
}
