//! Programs that are left out on the way change no bit of those that go on, and their nodes stop.

use engine::{Columns, Executor, NodeCache, NodeRows, Outputs, Plan, Wanted};
use factor::{Program, Purpose, Schema, Type, VariationSettings, compile, parse, random_expression};
use market::{Panel, RandomWalk};
use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

/// More rows than one block has for so many symbols, and not a whole number of blocks.
fn panel() -> Panel {
    RandomWalk { bars: 300, symbols: 140, seed: 5, gap_rate: 0.02, late_listing_rate: 0.2 }.panel()
}

fn program(text: &str) -> Program {
    compile(&parse(text, &Schema::bars()).expect("an expression"), &[]).expect("a program")
}

/// The values of each program as far as it ran, bit by bit, and how often nodes ran. Before row `row` of each drop, the
/// programs whose bits are 0 in `mask` are left out.
fn run(plan: &Plan, programs: usize, panel: &Panel, drops: &[(usize, u32)]) -> (Vec<Vec<u64>>, NodeRows) {
    let members = panel.members();
    let columns = Columns::new(plan, panel, &members).expect("all columns exist");
    let mut values = vec![Vec::new(); programs];
    let mut take = |outputs: &Outputs<'_>| {
        let score = outputs.block(Purpose::Score).expect("a score");
        values[outputs.program].extend(score.iter().map(|value| value.to_bits()));
    };
    let mut executor = Executor::new(plan, panel.symbols().len());
    for &(row, mask) in drops {
        executor.advance(&columns, row, &mut take);
        executor.retain(|program| mask >> program & 1 == 1);
    }
    executor.advance(&columns, panel.bars(), &mut take);
    assert_eq!(executor.next_row(), panel.bars());
    let rows = executor.node_rows();
    (values, rows)
}

/// How many rows of each program are handed out under some drops.
fn rows_of(program: usize, drops: &[(usize, u32)], bars: usize) -> usize {
    drops.iter().find(|(_, mask)| mask >> program & 1 == 0).map_or(bars, |&(row, _)| row)
}

fn check(programs: &[Program], cache: Option<&NodeCache>, panel: &Panel, drops: &[(usize, u32)]) -> NodeRows {
    let plan = cache.map_or_else(|| Plan::new(programs), |cache| Plan::with_cache(programs, cache));
    let (whole, all) = run(&plan, programs.len(), panel, &[]);
    let (values, rows) = run(&plan, programs.len(), panel, drops);
    let symbols = panel.symbols().len();
    for (program, (values, whole)) in values.iter().zip(&whole).enumerate() {
        let handed_out = rows_of(program, drops, panel.bars());
        assert!(*values == whole[..handed_out * symbols], "program {program} under {drops:?}");
    }
    assert_eq!(all.spared, 0);
    assert_eq!(rows.run + rows.spared, all.run, "{drops:?}");
    rows
}

#[test]
fn programs_that_go_on_keep_every_bit() {
    let panel = panel();
    let settings = VariationSettings { max_window: 30, ..VariationSettings::new(Schema::bars()) };
    let palette = factor::Palette::new(settings).expect("bars are enough for any factor");
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(7);
    let mut spared = 0;
    for _ in 0..40 {
        let mut texts: Vec<String> = Vec::new();
        while texts.len() < 6 {
            if let Some(graph) = random_expression(&palette, Type::RATIO, 8, &mut rng) {
                texts.push(factor::print(&graph, graph.root(), &|_| None));
            }
        }
        // Siblings: most of what a dropped program is made of is needed by another.
        texts.push(format!("cs_rank({}) - ({})", texts[0], texts[1]));
        texts.push(format!("ts_mean({}, 7)", texts[2]));
        let programs: Vec<Program> = texts.iter().map(|text| program(text)).collect();
        let mut rows: Vec<usize> = (0..3).map(|_| 1 + (rng.next_u64() % 298) as usize).collect();
        rows.sort_unstable();
        // Whoever is out stays out.
        let mut mask = 0xff;
        let drops: Vec<(usize, u32)> = rows
            .into_iter()
            .map(|row| {
                mask &= rng.next_u64() as u32;
                (row, mask)
            })
            .collect();
        spared += check(&programs, None, &panel, &drops).spared;
    }
    assert!(spared > 0);
}

/// Nodes, and of them those that only the dropped program needs, by hand.
#[test]
fn nodes_of_a_dropped_program_stop_unless_another_needs_them() {
    let panel = panel();
    let bars = panel.bars() as u64;
    let shared = "ts_std(returns(close, 3), 20)";
    let programs = [shared.to_owned(), format!("cs_rank({shared})"), "ts_max(high - low, 9)".to_owned()];
    let programs: Vec<Program> = programs.iter().map(|text| program(text)).collect();
    let (row, rest) = (100, bars - 100);
    // Returns and their deviation, its rank; difference and maximum. No column is read so that a stage copies it.
    let nodes = check(&programs, None, &panel, &[]).run / bars;
    assert_eq!(nodes, 5);
    for (mask, stopped) in [(0b111, 0), (0b110, 0), (0b101, 1), (0b011, 2), (0b100, 3), (0b001, 3), (0b000, 5)] {
        let rows = check(&programs, None, &panel, &[(row, mask)]);
        assert_eq!(rows.spared, stopped * rest, "mask {mask:b}");
    }
}

/// What is kept needs none of the nodes below it; a program that reads it can be dropped as any other.
#[test]
fn kept_nodes_can_be_read_by_programs_that_are_dropped() {
    let panel = panel();
    let symbols = panel.symbols().len();
    let rank = "cs_rank(ts_std(returns(close, 1), 20))";
    let programs = [format!("{rank} * 2"), format!("ts_mean({rank}, 5)"), "ts_std(returns(close, 1), 20)".to_owned()];
    let programs: Vec<Program> = programs.iter().map(|text| program(text)).collect();
    let mut cache = NodeCache::new(panel.bars(), symbols, usize::MAX);
    let groups: Vec<Vec<&Program>> = programs.iter().map(|program| vec![program]).collect();
    let wanted = cache.wanted(&groups);
    let (values, _) = Wanted::values(&wanted, &cache, &panel, &panel.members()).expect("all columns exist");
    wanted.into_iter().zip(values).for_each(|(wanted, values)| cache.keep(wanted, values));
    assert!(cache.counts().kept > 0);
    for mask in 0..8 {
        check(&programs, Some(&cache), &panel, &[(77, mask)]);
    }
}
