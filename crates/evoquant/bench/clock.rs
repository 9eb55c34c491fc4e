//! The clock: repetitions, and what they took.

use std::hint::black_box;
use std::time::{Duration, Instant};

use super::expressions::Times;
use super::report::Record;
use super::resident::Watch;

/// Short work is timed many times in one go, so that reading the clock does not count.
const SAMPLE: Duration = Duration::from_micros(50);
/// Fewest samples behind a median.
const LEAST_SAMPLES: usize = 7;
/// Most samples: a median does not get better for ever.
const MOST_SAMPLES: usize = 100_000;

/// Repeats `work` for about so many seconds, after a tenth of that to warm caches and branch predictors up.
#[expect(clippy::disallowed_methods, reason = "measuring is what this module is for")]
pub(super) fn measure<T>(name: String, seconds: f64, mut work: impl FnMut() -> T) -> Record {
    let watch = Watch::new();
    let budget = Duration::try_from_secs_f64(seconds).unwrap_or_default();
    let start = Instant::now();
    let mut warm_ups = 0_u32;
    while warm_ups == 0 || start.elapsed() < budget / 10 {
        black_box(work());
        warm_ups += 1;
    }
    let once = start.elapsed() / warm_ups;
    let repeats = (SAMPLE.as_nanos() / once.as_nanos().max(1)).max(1) as usize;
    let mut samples = Vec::new();
    let start = Instant::now();
    while samples.len() < LEAST_SAMPLES || (start.elapsed() < budget && samples.len() < MOST_SAMPLES) {
        let sample = Instant::now();
        for _ in 0..repeats {
            black_box(work());
        }
        samples.push(sample.elapsed().as_nanos() as f64 / repeats as f64);
    }
    samples.sort_unstable_by(f64::total_cmp);
    let record = Record::timed(name, median(&samples), samples[0], samples.len() * repeats);
    Record { memory_bytes: watch.and_then(Watch::added), ..record }
}

/// Times so many runs, after one that warms caches up.
#[expect(clippy::disallowed_methods, reason = "measuring is what this module is for")]
pub(super) fn repeat<T>(runs: usize, mut work: impl FnMut() -> T) -> Times {
    black_box(work());
    let mut samples: Vec<f64> = (0..runs.max(1))
        .map(|_| {
            let sample = Instant::now();
            black_box(work());
            sample.elapsed().as_nanos() as f64
        })
        .collect();
    samples.sort_unstable_by(f64::total_cmp);
    Times { median_ns: median(&samples), minimum_ns: samples[0] }
}

/// The median of values in rising order.
pub(super) fn median(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    if sorted.len().is_multiple_of(2) { f64::midpoint(sorted[middle - 1], sorted[middle]) } else { sorted[middle] }
}

/// Seconds that some work took, and what it gave.
#[expect(clippy::disallowed_methods, reason = "measuring is what this module is for")]
pub(super) fn seconds<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let start = Instant::now();
    let result = black_box(work());
    (start.elapsed().as_secs_f64(), result)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_every_repetition_but_the_warm_up() {
        let mut calls = 0_usize;
        let record = measure("count".to_owned(), 0.0, || calls += 1);
        assert!(record.runs >= LEAST_SAMPLES && record.runs < calls, "{} runs of {calls} calls", record.runs);
        assert!(record.minimum_ns <= record.median_ns && record.minimum_ns >= 0.0);
    }

    #[test]
    fn median_of_even_and_odd_counts() {
        assert_eq!(median(&[1.0, 2.0, 10.0]), 2.0);
        assert_eq!(median(&[1.0, 2.0, 4.0, 10.0]), 3.0);
    }
}
