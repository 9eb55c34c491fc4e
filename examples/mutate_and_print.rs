//! Mutates a strategy and crosses two, and prints what comes of it.
//!
//! Run it with `cargo run --release --example mutate_and_print`.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use evoquant::factor::{Mutation, Palette, Schema, Strategy, VariationSettings, crossover};
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::SeedableRng;

const MOTHER: &str = r#"
name = "mother"

[factors]
strength = "ts_mean(returns(close, 1), 60) / ts_std(returns(close, 1), 60)"
trend = "close > ts_mean(close, 120)"

[positions]
rule = "top"
score = "cs_rank(strength)"
entry = "trend"
count = 20

[exits]
stop_loss = 0.1
"#;

const FATHER: &str = r#"
name = "father"

[factors]
busy = "relative_volume(volume, 20)"

[positions]
rule = "top"
score = "cs_zscore(reversal(close, 5)) - 0.5 * cs_zscore(volatility(close, 20))"
entry = "busy > 1.5"
count = 0.1
rebalance = "daily"
"#;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // What there is to write with: the columns of the market, windows and sizes that the run allows.
    let schema = Schema::bars();
    let palette = Palette::new(VariationSettings { max_window: 120, ..VariationSettings::new(schema.clone()) })?;
    let (mother, father) = (Strategy::from_toml(MOTHER, &schema)?, Strategy::from_toml(FATHER, &schema)?);
    let before = (mother.to_toml(""), father.to_toml(""));
    println!("{}\n{}", before.0, before.1);

    // Variation draws from a stream that it is given, never from the clock: the same seed makes the same children.
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(2);

    for mutation in Mutation::ALL {
        // A mutation that finds nothing to change gives no child: another draw may, or this strategy has nothing.
        let Some(child) = (0..10).find_map(|_| mutation.mutate(&mother, &palette, &mut rng)) else {
            println!("--- {}: nothing to change\n", mutation.name());
            continue;
        };
        // Whatever comes out compiles: types and units are kept to while a child is made, not checked afterwards.
        let program = child.compile()?;
        println!("--- {}, {} instructions", mutation.name(), program.instructions.len());
        print_changes(&before.0, &child.to_toml(""));
    }

    // A crossover puts a part of one parent in a fitting place of the other.
    let child = (0..10).find_map(|_| crossover(&mother, &father, &palette, &mut rng)).ok_or("nothing fits")?;
    println!("--- crossover");
    print_changes(&before.0, &child.to_toml(""));

    // Children share nodes with their parents, and parents are never touched: a change copies what it changes.
    assert_eq!((mother.to_toml(""), father.to_toml("")), before);
    println!("both parents are what they were");
    Ok(())
}

/// Lines that left and lines that came.
fn print_changes(before: &str, after: &str) {
    let lines = |text: &str, other: &str, mark: char| {
        let gone: Vec<&str> = text.lines().filter(|line| other.lines().all(|kept| kept != *line)).collect();
        gone.iter().map(|line| format!("{mark} {line}\n")).collect::<Vec<_>>().concat()
    };
    println!("{}{}", lines(before, after, '-'), lines(after, before, '+'));
}
