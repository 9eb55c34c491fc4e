//! Random graphs: merged as separate, to the bit, and blind to the future.

use std::collections::BTreeSet;

use engine::{Columns, Executor, Memory, Outputs, Plan, evaluate};
use factor::{
    Operation, Operator, Output, Palette, Program, Purpose, Schema, Type, VariationSettings, compile, print,
    random_expression,
};
use indexmap::IndexMap;
use market::{Group, Panel, RandomWalk};
use ndarray::Array2;
use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;

const GRAPHS: usize = 1_000;

fn panel() -> Panel {
    // More symbols than any tile takes, and not a whole number of tiles: of many graphs together they are narrower than of
    // most alone.
    RandomWalk { bars: 160, symbols: 530, seed: 5, gap_rate: 0.02, late_listing_rate: 0.2 }.panel()
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

/// A small panel with a group, and the same with other bars in some rows.
fn small(changed: std::ops::Range<usize>) -> Panel {
    let plain = RandomWalk { bars: 110, symbols: 9, seed: 8, gap_rate: 0.03, late_listing_rate: 0.2 }.panel();
    let fields = plain.field_names().map(|name| {
        let mut field = plain.field(name).expect("a field").to_owned();
        for row in changed.clone() {
            // Still bars: every price of a row is scaled alike.
            let factor = 1.5 + 0.1 * (row % 7) as f64;
            field.row_mut(row).mapv_inplace(|value| value * factor);
        }
        (name.to_owned(), field)
    });
    let codes = Array2::from_shape_fn((110, 9), |(_, symbol)| (symbol % 3) as f64);
    let sector = Group { labels: ["a", "b", "c"].map(str::to_owned).to_vec(), codes };
    let groups = IndexMap::from([("sector".to_owned(), sector)]);
    let fields = fields.collect();
    Panel::new(plain.calendar().clone(), plain.symbols().to_vec(), fields, groups).expect("the same shape")
}

/// Ten thousand graphs of all operators there are: bars after a row change nothing up to it, and bars older than the
/// look-back change nothing at it, bit for bit, unless the graph remembers longer and says so.
#[test]
fn no_graph_sees_the_future_nor_more_of_the_past_than_it_declares() {
    const AT: usize = 80;
    let (panel, later) = (small(0..0), small(AT + 1..110));
    let schema = Schema::new(panel.field_names(), panel.group_names());
    let settings = VariationSettings { max_window: 20, whole_vocabulary: true, ..VariationSettings::new(schema) };
    let palette = Palette::new(settings).expect("bars are enough for any factor");
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(23);
    let symbols = panel.symbols().len();
    let (mut graphs, mut bounded, mut used) = (0, 0, BTreeSet::new());
    while graphs < 10_000 {
        let output = if graphs % 3 == 0 { Type::Flag } else { Type::RATIO };
        let Some(graph) = random_expression(&palette, output, 3 + graphs % 12, &mut rng) else { continue };
        graphs += 1;
        let program = compile(&graph, &[]).expect("generated graphs compile");
        used.extend(program.instructions.iter().filter_map(|instruction| match instruction.operation {
            Operation::Operator(operator, _) => Some(operator),
            _ => None,
        }));
        let values = bits(&evaluate(&program, &panel).expect("all columns exist"));
        let future = bits(&evaluate(&program, &later).expect("all columns exist"));
        let text = || print(&graph, graph.root(), &|_| None);
        assert!(values[..(AT + 1) * symbols] == future[..(AT + 1) * symbols], "{} looks ahead", text());
        let lookback = program.lookback() as usize;
        if program.warm_up() as usize == lookback && lookback < AT {
            bounded += 1;
            let past = bits(&evaluate(&program, &small(0..AT - lookback)).expect("all columns exist"));
            let row = AT * symbols..(AT + 1) * symbols;
            assert!(values[row.clone()] == past[row], "{} remembers more than {lookback} rows", text());
        }
    }
    assert!(bounded > 5_000, "only {bounded} graphs have a bounded memory");
    let groups = |operator: &Operator| operator.definition().output == Output::Group;
    let unused: Vec<&str> =
        Operator::ALL.iter().filter(|o| !used.contains(*o) && !groups(o)).map(|o| o.definition().name).collect();
    assert!(unused.is_empty(), "no graph has {unused:?}");
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
