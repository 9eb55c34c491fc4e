//! Evolves strategies on the bundled market, and watches every generation.
//!
//! Run it with `cargo run --release --example evolve_with_observer`.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::collections::BTreeMap;
use std::path::Path;

use evoquant::backtest::Report;
use evoquant::evolve::{
    Error, Evaluation, GenerationRecord, Next, Observer, Resources, RunConfig, RunSpec, Search, Trial, run,
};
use evoquant::market::{ImportOptions, read_panel};

/// An observer sees a run while it happens: this one prints each generation, and keeps count of what made the
/// strategies that were evaluated. The command line's progress bar, trial list and checkpoints hang on the same hook.
#[derive(Default)]
struct Printer {
    operations: BTreeMap<String, usize>,
}

impl Observer for Printer {
    fn generation(&mut self, record: &GenerationRecord, trials: &[Trial], search: &Search<'_>) -> Result<Next, Error> {
        for trial in trials {
            *self.operations.entry(trial.operation.clone()).or_default() += 1;
        }
        let rejected = trials.iter().filter(|trial| matches!(trial.evaluation, Evaluation::Rejected(_))).count();
        println!(
            "{:>3}  best {:>6.3}  mean {:>6.3}  {:>3} evaluated, {rejected} of them rejected, {} distinct so far",
            record.generation,
            record.best.unwrap_or(f64::NAN),
            record.mean.unwrap_or(f64::NAN),
            record.evaluated,
            search.distinct(),
        );
        // `Next::Stop` would end the run here, with what there is.
        Ok(Next::Continue)
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/us_large_caps_daily_2013_2023.parquet");
    let panel = read_panel(&file, &ImportOptions::default())?.panel;

    // What a person asks for. Every key has a default, and the same keys can stand in a TOML file.
    let spec = RunSpec { population: 40, generations: 5, seed: 7, champions: 3, ..RunSpec::default() };

    // The same, checked and resolved for this market. Notes tell what was decided by default: six symbols are too few
    // for ranks among them, so strategies watch each symbol by itself.
    let config = RunConfig::new(spec, &panel)?;
    for note in &config.notes {
        println!("note: {note}");
    }

    // Two threads. One or twenty would give the same strategies, to the last bit: random streams belong to
    // individuals, and work is divided by the population alone.
    let mut printer = Printer::default();
    let result =
        run(&config, &panel, Resources { threads: 2, cache_bytes: 100_000_000, shelf: None }, None, &mut printer)?;

    println!("\nwhat made the strategies:");
    for (operation, count) in &printer.operations {
        println!("  {operation:18} {count:>3}");
    }
    // Every strategy that was evaluated counts, and every count went through the observer.
    assert_eq!(printer.operations.values().sum::<usize>(), result.distinct);

    // Selection read train, champions were picked on validation, and the exam was opened once, for this table alone.
    let sharpe = |report: &Report, name: &str| -> String {
        let figure = report.periods.iter().find(|period| period.name == name).and_then(|period| period.metrics.sharpe);
        figure.map_or_else(|| "--".to_owned(), |sharpe| format!("{sharpe:.2}"))
    };
    println!("\nSharpe ratio        train  validation    exam");
    let rows = result.champions.iter().map(|champion| (champion.strategy.name.as_str(), &champion.report));
    for (name, report) in rows.chain([("buy-and-hold", &result.benchmark)]) {
        let [train, validation, exam] = ["train", "validation", "exam"].map(|name| sharpe(report, name));
        println!("{name:16} {train:>8} {validation:>11} {exam:>7}");
    }

    // The best of many tries looks good by luck alone; how good is known. Even above that bar the exam has the last word.
    if let Some(bar) = result.luck_bar {
        println!("\nluck alone would show {bar:.2} on validation in {} tries", result.distinct);
    }
    println!("{}", if result.found() { "a champion stands above it" } else { "nothing found" });
    Ok(())
}
