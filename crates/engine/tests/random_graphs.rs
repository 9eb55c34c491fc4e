//! Random graphs: merged as separate, to the bit, and blind to the future.

use engine::{Columns, Executor, Memory, Outputs, Plan, evaluate};
use factor::{Palette, Program, Purpose, Schema, Type, VariationSettings, compile, random_expression};
use market::{Panel, RandomWalk};
use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;

const GRAPHS: usize = 1_000;

fn panel() -> Panel {
    // More symbols than a tile takes, and not a whole number of tiles.
    RandomWalk { bars: 160, symbols: 150, seed: 5, gap_rate: 0.02, late_listing_rate: 0.2 }.panel()
}

fn programs() -> Vec<Program> {
    let settings = VariationSettings { max_window: 30, ..VariationSettings::new(Schema::bars()) };
    let palette = Palette::new(settings).expect("bars are enough for any factor");
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(17);
    let mut programs = Vec::new();
    while programs.len() < GRAPHS {
        let output = if programs.len() % 3 == 0 { Type::Flag } else { Type::RATIO };
        if let Some(graph) = random_expression(&palette, output, 4 + programs.len() % 20, &mut rng) {
            programs.push(compile(&graph, &[]).expect("generated graphs compile"));
        }
    }
    programs
}

fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|value| value.to_bits()).collect()
}

#[test]
fn merging_changes_no_bit() {
    let (panel, programs) = (panel(), programs());
    // Every plan finds what the one before left in memory.
    let mut memory = Memory::default();
    for group in programs.chunks(50) {
        let plan = Plan::new(group);
        assert!(plan.counts().run < plan.counts().asked, "fifty random graphs share something");
        let members = panel.members();
        let columns = Columns::new(&plan, &panel, &members).expect("all columns exist");
        let mut merged = vec![Vec::new(); group.len()];
        let executor = Executor::with_memory(&plan, panel.symbols().len(), memory);
        memory = executor.finish(&columns, panel.bars(), &mut |outputs: &Outputs<'_>| {
            merged[outputs.program].extend(bits(outputs.block(Purpose::Score).expect("a score")));
        });
        for (program, merged) in group.iter().zip(merged) {
            assert!(bits(&evaluate(program, &panel).expect("all columns exist")) == merged);
        }
    }
}

#[test]
fn a_history_cut_short_gives_the_same_values() {
    let (panel, cut) = (panel(), 101);
    let (short, symbols) = (panel.prefix(cut), panel.symbols().len());
    let mut known = 0;
    for program in programs() {
        let whole = bits(&evaluate(&program, &panel).expect("all columns exist"));
        let values = evaluate(&program, &short).expect("all columns exist");
        known += usize::from(values.iter().any(|value| !value.is_nan()));
        assert!(whole[..cut * symbols] == bits(&values)[..]);
    }
    assert!(known > GRAPHS * 9 / 10, "only {known} graphs have values at all");
}
