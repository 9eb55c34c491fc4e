//! A cache changes no value: whatever it keeps, with room for everything, for little, or for nothing.

use engine::{CacheCounts, Columns, Executor, NodeCache, Outputs, Plan, PlanCounts, Wanted, evaluate};
use factor::{Program, Purpose, Schema, Type, VariationSettings, compile, parse, random_expression};
use market::{Panel, RandomWalk};
use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;

/// Fewer rows are kept than the panel has.
const ROWS: usize = 130;

fn panel() -> Panel {
    RandomWalk { bars: 160, symbols: 140, seed: 5, gap_rate: 0.02, late_listing_rate: 0.2 }.panel()
}

fn program(text: &str) -> Program {
    compile(&parse(text, &Schema::bars()).expect("an expression"), &[]).expect("a program")
}

fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|value| value.to_bits()).collect()
}

/// Generations of groups, of which each holds many programs of the one before, alone or as a part of something.
fn generations() -> Vec<Vec<Vec<Program>>> {
    let settings = VariationSettings { max_window: 30, ..VariationSettings::new(Schema::bars()) };
    let palette = factor::Palette::new(settings).expect("bars are enough for any factor");
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(4);
    let mut texts: Vec<String> = Vec::new();
    (0..6)
        .map(|generation: usize| {
            let mut next: Vec<String> = texts.iter().step_by(2).cloned().collect();
            next.extend(texts.windows(2).step_by(3).map(|pair| format!("cs_rank({}) - ({})", pair[0], pair[1])));
            while next.len() < 24 + generation {
                if let Some(graph) = random_expression(&palette, Type::RATIO, 8, &mut rng) {
                    next.push(factor::print(&graph, graph.root(), &|_| None));
                }
            }
            next.truncate(30);
            texts.clone_from(&next);
            next.chunks(5).map(|group| group.iter().map(|text| program(text)).collect()).collect()
        })
        .collect()
}

/// Runs a generation with a cache, and compares each program with itself alone.
fn check(groups: &[Vec<Program>], cache: &mut NodeCache, panel: &Panel) -> (PlanCounts, PlanCounts) {
    let members = panel.members();
    let symbols = panel.symbols().len();
    let borrowed: Vec<Vec<&Program>> = groups.iter().map(|group| group.iter().collect()).collect();
    let wanted = cache.wanted(&borrowed);
    let (values, filled) = Wanted::values(&wanted, cache, panel, &members).expect("all columns exist");
    for (wanted, values) in wanted.into_iter().zip(values) {
        assert_eq!(values.len(), ROWS * symbols);
        cache.keep(wanted, values);
    }
    let mut counts = Vec::new();
    for group in groups {
        let plan = Plan::with_cache(group, cache);
        counts.push(plan.counts());
        let columns = Columns::new(&plan, panel, &members).expect("all columns exist");
        let mut merged = vec![Vec::new(); group.len()];
        Executor::new(&plan, symbols).finish(&columns, ROWS, &mut |outputs: &Outputs<'_>| {
            merged[outputs.program].extend(bits(outputs.block(Purpose::Score).expect("a score")));
        });
        for (program, merged) in group.iter().zip(merged) {
            let alone = evaluate(program, panel).expect("all columns exist");
            assert!(merged == bits(&alone[..ROWS * symbols]));
        }
    }
    (counts.into_iter().sum(), filled)
}

#[test]
fn what_is_kept_changes_no_bit() {
    let panel = panel();
    let column = ROWS * panel.symbols().len() * size_of::<f64>();
    let generations = generations();
    let mut runs = Vec::new();
    for (columns, evicts) in [(1_000, false), (12, true), (1, true), (0, false)] {
        let mut cache = NodeCache::new(ROWS, panel.symbols().len(), columns * column + column / 2);
        let mut run = 0;
        for groups in &generations {
            let (counts, filled) = check(groups, &mut cache, &panel);
            assert!(counts.run <= counts.distinct && counts.distinct <= counts.asked);
            let CacheCounts { kept, bytes, .. } = cache.counts();
            assert!(kept <= columns && bytes == kept * column);
            run += counts.run + filled.run;
        }
        assert_eq!(cache.counts().evicted > 0, evicts, "{columns} columns");
        assert_eq!(cache.counts().hits > 0, columns > 0);
        runs.push(run);
    }
    assert!(
        runs[0] < runs[3] && runs[1] <= runs[3],
        "nodes that ran with room for 1000, 12, 1 and 0 columns: {runs:?}"
    );
}

/// A node below one that is kept is needed again as soon as somebody asks for itself, in the same plan or another.
#[test]
fn what_lies_below_a_kept_node_can_still_be_asked_for() {
    let panel = panel();
    let mut cache = NodeCache::new(ROWS, panel.symbols().len(), usize::MAX);
    let rank = "cs_rank(ts_std(returns(close, 1), 20))";
    let below = "ts_std(returns(close, 1), 20) * 2";
    let first = vec![vec![program(rank)], vec![program(&format!("{rank} + 1"))]];
    check(&first, &mut cache, &panel);
    assert_eq!(cache.counts().kept, 1);
    for group in [[rank, below], [below, rank]] {
        let groups = vec![group.map(program).to_vec()];
        let (counts, _) = check(&groups, &mut cache, &panel);
        // The rank is there; what lies below it runs for the other.
        assert_eq!((counts.asked, counts.distinct), (6, 4));
    }
}

/// The order of groups, and nothing else, decides what is kept.
#[test]
fn what_is_kept_follows_from_what_was_asked_for() {
    let panel = panel();
    let column = ROWS * panel.symbols().len() * size_of::<f64>();
    let generations = generations();
    let run = || {
        let mut cache = NodeCache::new(ROWS, panel.symbols().len(), 9 * column);
        let counts: Vec<_> = generations.iter().map(|groups| check(groups, &mut cache, &panel)).collect();
        (counts, cache.counts())
    };
    assert_eq!(run(), run());
}
