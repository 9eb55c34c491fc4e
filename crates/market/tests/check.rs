//! What a check finds, on real panels with known defects and on made ones.
//!
//! Real panels are in the folder that `EVOQUANT_MARKETS` names; by default it is looked for beside the repository.

#![expect(clippy::print_stderr, reason = "a skipped test says so")]

use std::collections::BTreeSet;
use std::path::PathBuf;

use market::{CheckOptions, CheckReport, CheckRule, ImportOptions, check, read_panel_listed};

fn markets() -> Option<PathBuf> {
    let folder = std::env::var_os("EVOQUANT_MARKETS")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"), PathBuf::from);
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("skipped: no folder {}; set EVOQUANT_MARKETS to the folder of real panels", folder.display());
    None
}

fn report(folder: &std::path::Path, name: &str) -> CheckReport {
    let listed = read_panel_listed(&folder.join(name), &ImportOptions::default(), &mut |_, _| {}).unwrap();
    check(&listed, &CheckOptions::default())
}

#[test]
fn finds_the_rows_that_are_known_to_be_wrong() {
    let Some(folder) = markets() else { return };
    let started = std::time::Instant::now();
    let raw = report(&folder, "us_equities_daily_2013_2018_raw.parquet");
    eprintln!("{:?}\n{raw}", started.elapsed());
    let text = std::fs::read_to_string(folder.join("us_equities_suspect_rows.csv")).unwrap();
    let known: BTreeSet<(String, String)> = text
        .lines()
        .skip(1)
        .map(|line| {
            let mut cells = line.split(',');
            (cells.next().unwrap().to_owned(), cells.next().unwrap().to_owned())
        })
        .collect();
    for rules in [
        &[CheckRule::CopiedBar, CheckRule::BrokenBar][..],
        &[CheckRule::CopiedBar, CheckRule::BrokenBar, CheckRule::Spike],
    ] {
        let found: BTreeSet<(String, String)> = raw
            .findings
            .iter()
            .filter(|f| rules.contains(&f.rule))
            .map(|f| (f.date.clone(), f.symbol.clone()))
            .collect();
        eprintln!(
            "{rules:?} found {} of {}, false {:?}",
            found.intersection(&known).count(),
            known.len(),
            found.difference(&known).collect::<Vec<_>>()
        );
    }
    eprintln!("{}", report(&folder, "us_equities_daily_2013_2018.parquet"));
    eprintln!("{}", report(&folder, "us88_daily_2012_2017.parquet"));
    eprintln!("{}", report(&folder, "us_index_daily_1999_2018.parquet"));
}
