//! What compiling, varying and running factors costs, by criterion; fails when compile or a mutation takes a
//! millisecond.
//!
//! The work is that of `evoquant bench`, on 100 bars x 2,656 symbols. After a run of measurements, criterion's own
//! estimates are read back: where the upper confidence bound of a mean reaches the limit, the process ends with
//! exit code 1 and names the offender. `cargo bench --bench engine -- --test` runs everything once and asserts
//! nothing.

#![expect(clippy::print_stdout, reason = "the verdict is for whoever runs the bench")]

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, SamplingMode};
use evoquant::bench::{Brood, Compilation, Generation, Query, chain, one_symbol};
use evoquant::factor::Mutation;
use evoquant::market::{Panel, random_walk};

/// Numbers of factors.
const FACTORS: [usize; 6] = [2, 5, 10, 15, 50, 200];
/// Factors of the parent that is varied.
const PARENT: usize = 15;
/// Strategies in a generation.
const GENERATION: usize = 20;
/// What compile and each mutation must stay below, in nanoseconds: a millisecond.
const LIMIT_NS: f64 = 1e6;

fn main() -> ExitCode {
    // Cargo sets this for benches alone: a folder within the target directory, wherever that is.
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("criterion");
    let criterion = Criterion::default().configure_from_args().output_directory(&directory);
    let mut bench = Bench { criterion, directory, limited: RefCell::default() };
    let panel = random_walk(100, 2_656, 1);
    bench.compile();
    bench.mutate();
    bench.execute("symbol", &one_symbol(&panel));
    bench.execute("panel", &panel);
    bench.generation(&panel);
    bench.criterion.final_summary();
    bench.verdict()
}

struct Bench {
    criterion: Criterion,
    directory: PathBuf,
    /// What ran and must stay below the limit; criterion enters a benchmark many times.
    limited: RefCell<BTreeSet<String>>,
}

impl Bench {
    fn compile(&mut self) {
        let mut group = self.criterion.benchmark_group("compile");
        group.warm_up_time(Duration::from_millis(200)).measurement_time(Duration::from_millis(800));
        for count in FACTORS {
            let mut compilation = Compilation::new(count).expect("the chain can be written");
            group.bench_function(BenchmarkId::from_parameter(count), |bencher| {
                self.limited.borrow_mut().insert(format!("compile/{count}"));
                bencher.iter(|| compilation.run());
            });
        }
    }

    fn mutate(&mut self) {
        let mut group = self.criterion.benchmark_group("mutate");
        group.warm_up_time(Duration::from_millis(200)).measurement_time(Duration::from_millis(800));
        for mutation in Mutation::ALL {
            let mut brood = Brood::new(mutation, PARENT).expect("the chain can be varied");
            group.bench_function(BenchmarkId::new(mutation.name(), PARENT), |bencher| {
                self.limited.borrow_mut().insert(format!("mutate/{}/{PARENT}", mutation.name()));
                bencher.iter(|| brood.child().expect("every mutation finds something to change in the chain"));
            });
        }
    }

    fn execute(&mut self, place: &str, panel: &Panel) {
        let mut group = self.criterion.benchmark_group(format!("execute/{place}"));
        group.warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
        group.sample_size(10).sampling_mode(SamplingMode::Flat);
        for count in FACTORS {
            let mut query = Query::new(&chain(count).expect("a chain of so many"), panel)
                .expect("generated markets have every column");
            group.bench_function(BenchmarkId::from_parameter(count), |bencher| bencher.iter(|| query.run()));
        }
    }

    fn generation(&mut self, panel: &Panel) {
        let mut group = self.criterion.benchmark_group("generation");
        group.warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(3));
        group.sample_size(10).sampling_mode(SamplingMode::Flat);
        let generation = Generation::new(GENERATION, panel).expect("there are that many strategies");
        group.bench_function(BenchmarkId::from_parameter(GENERATION), |bencher| bencher.iter(|| generation.run()));
    }

    /// Reads criterion's estimates of what ran, and holds them against the limit.
    fn verdict(self) -> ExitCode {
        let argument = |name: &str| std::env::args().any(|argument| argument == name);
        // Criterion estimates nothing without cargo's `--bench`, nor where it is asked for something else.
        if !argument("--bench") || argument("--test") || argument("--list") || argument("--profile-time") {
            return ExitCode::SUCCESS;
        }
        let mut slow = 0;
        println!("\nupper confidence bound of the mean, which must stay below {} us", LIMIT_NS / 1e3);
        for name in self.limited.take() {
            // A bound that cannot be read is no bound: it fails too.
            match upper_bound_ns(&self.directory.join(&name).join("new").join("estimates.json")) {
                Ok(bound) if bound < LIMIT_NS => println!("{name:32} {:>10.3} us", bound / 1e3),
                Ok(bound) => {
                    slow += 1;
                    println!("{name:32} {:>10.3} us  TOO SLOW", bound / 1e3);
                }
                Err(message) => {
                    slow += 1;
                    println!("{name:32} {message}");
                }
            }
        }
        if slow == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

fn upper_bound_ns(file: &Path) -> Result<f64, String> {
    let unreadable = |error: &dyn std::fmt::Display| format!("no estimate in {}: {error}", file.display());
    let text = std::fs::read_to_string(file).map_err(|error| unreadable(&error))?;
    let estimates: serde_json::Value = serde_json::from_str(&text).map_err(|error| unreadable(&error))?;
    let bound = &estimates["mean"]["confidence_interval"]["upper_bound"];
    bound.as_f64().ok_or_else(|| unreadable(&"it has no mean.confidence_interval.upper_bound"))
}
