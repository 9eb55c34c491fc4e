//! Children are valid whatever their parents are, and parents stay as they were.

use factor::{Kind, Mutation, Palette, Rule, Schema, Settings, Strategy, crossover, random_strategy};
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

const RULES: [Rule; 4] = [Rule::Top, Rule::LongShort, Rule::Signal, Rule::Weights];

fn rng(seed: u64) -> Xoshiro256PlusPlus {
    Xoshiro256PlusPlus::seed_from_u64(seed)
}

/// Palettes from rich to bare.
fn palettes() -> Vec<Palette> {
    let bars = ["open", "high", "low", "close", "volume"];
    let rich = Schema::new(bars.into_iter().chain(["revenue", "roe", "market_cap"]), ["sector"].into_iter());
    let settings = |schema| Settings { rules: RULES.to_vec(), ..Settings::new(schema) };
    [
        settings(rich),
        settings(Schema::bars()),
        Settings { cross_section: false, max_window: 60, max_nodes: 20, ..settings(Schema::bars()) },
        Settings { max_nodes: 0, max_window: 0, ..settings(Schema::bars()) },
        Settings { max_nodes: 120, ..settings(Schema::new(["price", "sentiment"].into_iter(), std::iter::empty())) },
        Settings { rules: vec![Rule::Signal], ..settings(Schema::new(["close"].into_iter(), std::iter::empty())) },
    ]
    .map(|settings| Palette::new(settings).unwrap())
    .into()
}

/// Strategies as a person may write them: names, sharing, mixed units, options, operators that are never generated.
fn written() -> Vec<Strategy> {
    let texts = [
        r#"
name = "mixed"
[factors]
odd = "close + volume * fill(returns(close, 1), 0) ^ 2"
flat = "2"
trend = "close > ts_mean(close, 300) and not is_nan(volume)"
[positions]
rule = "top"
score = "odd * ts_std(close, 20, ddof=0) + momentum(flat, 20) + odd"
entry = "trend"
count = 20
[exits]
trailing_stop = { trail = 0.2, activation = 0.1 }
"#,
        r#"
name = "plain"
[positions]
rule = "signal"
entry = "rsi(14) < 30 or xor(close > open, volume == ts_max(volume, 5))"
exit = "rsi(14) > 70"
[exits]
max_holding = 30
"#,
        r#"
name = "constant"
[positions]
rule = "weights"
score = "0.5"
"#,
    ];
    texts.iter().map(|text| Strategy::from_toml(text, &Schema::bars()).unwrap()).collect()
}

fn mixes_units(strategy: &Strategy) -> bool {
    !strategy.compile().unwrap().mixed_units.is_empty()
}

/// Everything a child promises, against the parents it came from.
fn assert_valid(child: &Strategy, parents: &[&Strategy], palette: &Palette, what: &str) {
    child.check().unwrap_or_else(|error| panic!("{what}: {error}"));
    let program = child.compile().unwrap_or_else(|error| panic!("{what}: {error}\n{}", child.to_toml("")));
    assert!(child.graph.len() <= palette.settings().max_nodes, "{what}: {} nodes", child.graph.len());
    if !program.mixed_units.is_empty() {
        assert!(
            parents.iter().any(|parent| mixes_units(parent)),
            "{what}: {:?}\n{}",
            program.mixed_units,
            child.to_toml("")
        );
    }
    let bad_constant = child.graph.nodes().any(|index| {
        matches!(child.graph.kind(index), Kind::Constant(value) if !value.is_finite() || (*value == 0.0 && value.is_sign_negative()))
    });
    assert!(!bad_constant, "{what}: a constant that has no text");
}

#[test]
fn a_hundred_thousand_children_are_valid_and_their_parents_untouched() {
    let palettes = palettes();
    let mut children = 0;
    let mut chain = 0;
    while children < 100_000 {
        let palette = &palettes[chain % palettes.len()];
        let mut rng = rng(chain as u64);
        let mut population: Vec<Strategy> = (0..3).map(|_| random_strategy(palette, &mut rng)).collect();
        for strategy in &population {
            assert_valid(strategy, &[], palette, "random strategy");
        }
        if chain % palettes.len() < 2 {
            population.extend(written());
        }
        for _ in 0..120 {
            let pick = |rng: &mut Xoshiro256PlusPlus, bound: usize| (rng.next_u64() % bound as u64) as usize;
            let (first, second) = (pick(&mut rng, population.len()), pick(&mut rng, population.len()));
            let (parent, mate) = (population[first].clone(), population[second].clone());
            let before = (parent.to_toml(""), mate.to_toml(""));
            let choice = pick(&mut rng, Mutation::ALL.len() + 3);
            let (child, what) = match Mutation::ALL.get(choice) {
                Some(mutation) => (mutation.mutate(&parent, palette, &mut rng), mutation.name()),
                None => (crossover(&parent, &mate, palette, &mut rng), "crossover"),
            };
            assert_eq!(before, (parent.to_toml(""), mate.to_toml("")), "{what} touched a parent");
            let Some(child) = child else { continue };
            assert_valid(&child, &[&parent, &mate], palette, what);
            children += 1;
            population[first] = child;
        }
        chain += 1;
    }
}
