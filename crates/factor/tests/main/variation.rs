//! Children are valid whatever their parents are, and parents stay as they were.

use std::collections::BTreeSet;

use factor::{
    FactorGraph, Family, Genome, Kind, Mutation, Operator, Palette, Purpose, Rule, Schema, Strategy, Type, Unit,
    VariationSettings, compile, crossover, random_expression, random_strategy,
};
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

const RULES: [Rule; 4] = [Rule::Top, Rule::LongShort, Rule::Signal, Rule::Weights];

fn rng(seed: u64) -> Xoshiro256PlusPlus {
    Xoshiro256PlusPlus::seed_from_u64(seed)
}

fn pick(rng: &mut Xoshiro256PlusPlus, bound: usize) -> usize {
    (rng.next_u64() % bound as u64) as usize
}

fn bars() -> VariationSettings {
    VariationSettings { rules: RULES.to_vec(), ..VariationSettings::new(Schema::bars()) }
}

/// Bars, fundamentals and groups.
pub(crate) fn rich() -> Palette {
    let numbers = ["open", "high", "low", "close", "volume", "revenue", "roe", "market_cap"];
    let schema = Schema::new(numbers.into_iter(), ["sector"].into_iter());
    Palette::new(VariationSettings { schema, max_window: 600, ..bars() }).unwrap()
}

/// Palettes from rich to bare.
fn palettes() -> Vec<Palette> {
    let schema = |numbers: &[&'static str]| Schema::new(numbers.iter().copied(), std::iter::empty());
    let others = [
        bars(),
        VariationSettings { cross_section: false, max_window: 60, max_nodes: 20, ..bars() },
        VariationSettings { max_nodes: 0, max_window: 0, ..bars() },
        VariationSettings { max_nodes: 120, schema: schema(&["price", "sentiment"]), ..bars() },
        VariationSettings { rules: vec![Rule::Signal], schema: schema(&["close"]), ..bars() },
    ];
    std::iter::once(rich()).chain(others.map(|settings| Palette::new(settings).unwrap())).collect()
}

/// Strategies as a person may write them: names, sharing, mixed units, options, operators that are never generated.
pub(crate) fn written() -> Vec<Strategy> {
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
entry = "rsi(14) < 30 or xor(close > open, volume == ts_max(volume, 5, min_periods=5))"
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

fn identity(strategy: &Strategy) -> u128 {
    strategy.identity(&strategy.compile().unwrap())
}

/// Everything a child promises, against the parents it came from.
fn assert_valid(child: &Strategy, parents: &[&Strategy], palette: &Palette, what: &str) {
    child.check().unwrap_or_else(|error| panic!("{what}: {error}"));
    let program = child.compile().unwrap_or_else(|error| panic!("{what}: {error}\n{}", child.to_toml("")));
    assert!(child.graph.len() <= palette.settings().max_nodes, "{what}: {} nodes", child.graph.len());
    let mixed = |strategy: &&Strategy| !strategy.compile().unwrap().mixed_units.is_empty();
    if !program.mixed_units.is_empty() {
        assert!(parents.iter().any(mixed), "{what}: {:?}\n{}", program.mixed_units, child.to_toml(""));
    }
    let mut live = child.graph.clone();
    live.prune();
    assert_eq!(live.len(), child.graph.len(), "{what} left nodes that feed nothing");
    for index in child.graph.nodes() {
        if let Kind::Constant(value) = child.graph.kind(index) {
            let negative_zero = *value == 0.0 && value.is_sign_negative();
            assert!(value.is_finite() && !negative_zero, "{what}: a constant without a text");
        }
    }
}

#[test]
fn a_hundred_thousand_chains_of_variations_stay_valid_and_touch_no_parent() {
    const POOL: usize = 16;
    let palettes = palettes();
    let mut pools: Vec<Vec<Strategy>> = palettes.iter().map(|_| Vec::new()).collect();
    for chain in 0..100_000 {
        let (palette, pool) = (&palettes[chain % palettes.len()], &mut pools[chain % palettes.len()]);
        let mut rng = rng(chain as u64);
        if pool.len() < POOL {
            let strategy = random_strategy(palette, &mut rng);
            assert_valid(&strategy, &[], palette, "random strategy");
            // What a person wrote enters where its columns are known.
            let writes = palette.settings().schema.get("volume").is_some() && pool.len() == POOL / 2;
            pool.extend(if writes { written() } else { vec![strategy] });
        }
        let place = pick(&mut rng, pool.len());
        let mut parent = pool[place].clone();
        for _ in 0..=(chain % 3) {
            let mate = pool[pick(&mut rng, pool.len())].clone();
            let before = (parent.to_toml(""), mate.to_toml(""));
            let choice = pick(&mut rng, Mutation::ALL.len() + 3);
            let (child, what) = match Mutation::ALL.get(choice) {
                Some(mutation) => (mutation.mutate(&parent, palette, &mut rng), mutation.name()),
                None => (crossover(&parent, &mate, palette, &mut rng), "crossover"),
            };
            assert_eq!(before, (parent.to_toml(""), mate.to_toml("")), "{what} touched a parent");
            if let Some(child) = child {
                assert_valid(&child, &[&parent, &mate], palette, what);
                parent = child;
            }
        }
        // Fresh blood, so that a pool does not end up as one family.
        pool[place] = if chain % 50 == 0 { random_strategy(palette, &mut rng) } else { parent };
    }
}

#[test]
fn every_mutation_applies_often_and_makes_something_new() {
    let palette = rich();
    let mut rng = rng(7);
    let parents: Vec<Strategy> = (0..600).map(|_| random_strategy(&palette, &mut rng)).collect();
    for mutation in Mutation::ALL {
        let (mut made, mut new) = (0, 0);
        for parent in &parents {
            if let Some(child) = mutation.mutate(parent, &palette, &mut rng) {
                made += 1;
                new += usize::from(identity(&child) != identity(parent));
            }
        }
        assert!(made >= 60, "{mutation} applied to {made} of 600");
        assert!(new * 10 >= made * 7, "{mutation} made {new} new strategies of {made}");
        assert_eq!(Mutation::by_name(mutation.name()), Some(mutation));
    }
    assert_eq!(Mutation::by_name("improve"), None);
}

#[test]
fn mutations_do_what_their_names_say() {
    let palette = rich();
    let mut rng = rng(8);
    for _ in 0..500 {
        let parent = random_strategy(&palette, &mut rng);
        let mut child = |mutation: Mutation| mutation.mutate(&parent, &palette, &mut rng);
        for mutation in [Mutation::AddFactorRoot, Mutation::AddFactorSmart, Mutation::AddFactorAfter] {
            if let Some(child) = child(mutation) {
                assert!(
                    child.factors() > parent.factors(),
                    "{mutation}\n{}\n{}",
                    parent.to_toml(""),
                    child.to_toml("")
                );
            }
        }
        for mutation in [Mutation::RemoveFactor, Mutation::Hoist] {
            if let Some(child) = child(mutation) {
                assert!(
                    child.factors() < parent.factors(),
                    "{mutation}\n{}\n{}",
                    parent.to_toml(""),
                    child.to_toml("")
                );
            }
        }
        for mutation in [Mutation::StepParameter, Mutation::StepConstant] {
            if let Some(child) = child(mutation) {
                assert_eq!(child.graph.len(), parent.graph.len());
                assert_eq!((child.positions, child.exits), (parent.positions, parent.exits));
            }
        }
        for mutation in [Mutation::ChangeWeights, Mutation::ChangeExits] {
            if let Some(child) = child(mutation) {
                let (before, after) = (parent.compile().unwrap(), child.compile().unwrap());
                for purpose in [Purpose::Score, Purpose::Entry, Purpose::Exit] {
                    let hash =
                        |program: &factor::Program| program.output(purpose).map(|id| program.instruction(id).hash);
                    assert_eq!(hash(&before), hash(&after), "{mutation} changed the factors");
                }
            }
        }
    }
}

/// A graph of the same structure whose nodes came to be in another order.
fn rearranged(graph: &FactorGraph) -> FactorGraph {
    let mut other = FactorGraph::new(Kind::Constant(0.0));
    let root = other.graft(graph, graph.root());
    other.set_root(root);
    other.prune();
    other
}

#[test]
fn variation_depends_on_structure_and_seed_alone() {
    let palette = rich();
    let mut draws = rng(9);
    for seed in 0..400 {
        let parent = Mutation::AddFactorRoot
            .mutate(&random_strategy(&palette, &mut draws), &palette, &mut draws)
            .unwrap_or_else(|| random_strategy(&palette, &mut draws));
        let mate = random_strategy(&palette, &mut draws);
        let twin = Strategy { graph: rearranged(&parent.graph), ..parent.clone() };
        assert_eq!(parent.compile(), twin.compile(), "compile saw the order of nodes");
        for mutation in Mutation::ALL {
            let child = |of: &Strategy| mutation.mutate(of, &palette, &mut rng(seed)).map(|child| identity(&child));
            assert_eq!(child(&parent), child(&parent), "{mutation}");
            assert_eq!(child(&parent), child(&twin), "{mutation} saw the order of nodes");
        }
        let child = |of: &Strategy, with: &Strategy| {
            crossover(of, with, &palette, &mut rng(seed)).map(|child| identity(&child))
        };
        let other = Strategy { graph: rearranged(&mate.graph), ..mate.clone() };
        // Neither do nodes that two parents share: a checkpoint brings each back with nodes of its own.
        let cousin = Mutation::AddFactorRoot.mutate(&parent, &palette, &mut draws).unwrap_or_else(|| parent.clone());
        let restored = |strategy: &Strategy| Genome::from(strategy).strategy().unwrap();
        assert_eq!(
            crossover(&parent, &cousin, &palette, &mut rng(seed)).map(|child| Genome::from(&child)),
            crossover(&restored(&parent), &restored(&cousin), &palette, &mut rng(seed))
                .map(|child| Genome::from(&child)),
            "crossover saw that nodes are shared"
        );
        assert_eq!(child(&parent, &mate), child(&twin, &other), "crossover saw the order of nodes");
    }
}

/// A child starts as a copy of its parent's graph, of which only the live part is looked at.
#[test]
fn what_is_dead_in_a_parent_is_not_inherited() {
    let palette = rich();
    let mut rng = rng(13);
    for _ in 0..200 {
        let mut parent = random_strategy(&palette, &mut rng);
        let live = parent.graph.len();
        let close = Kind::Field("close".into(), Type::Number(Unit::PRICE));
        let column = parent.graph.add_with_inputs(close, &[]);
        parent.graph.add_with_inputs(Kind::Operator(Operator::Abs, factor::Parameters::NONE), &[column]);
        for mutation in [Mutation::StepParameter, Mutation::StepConstant] {
            if let Some(child) = mutation.mutate(&parent, &palette, &mut rng) {
                assert_eq!(child.graph.len(), live, "{mutation}");
            }
        }
        assert_eq!(parent.graph.len(), live + 2, "a parent was touched");
    }
}

/// Equal nodes over equal inputs are one node, whoever they come from.
#[test]
fn crossover_merges_what_both_parents_have() {
    let palette = rich();
    let mut rng = rng(14);
    let text = |window: u32| {
        format!("name = \"x\"\n[positions]\nrule = \"top\"\nscore = \"cs_rank(ts_mean(returns(close, 1), {window}))\"")
    };
    let strategy = |window: u32| Strategy::from_toml(&text(window), &Schema::bars()).unwrap();
    let (mother, father) = (strategy(20), strategy(60));
    for _ in 0..200 {
        if let Some(child) = crossover(&mother, &father, &palette, &mut rng) {
            let columns = child.graph.nodes().filter(|&index| matches!(child.graph.kind(index), Kind::Field(..)));
            let returns = child.graph.nodes().filter(
                |&index| matches!(child.graph.kind(index), Kind::Operator(operator, _) if *operator == Operator::Returns),
            );
            assert_eq!((columns.count(), returns.count()), (1, 1), "{}", child.to_toml(""));
        }
    }
}

#[test]
fn crossover_takes_from_both_parents() {
    let palette = rich();
    let mut rng = rng(10);
    let (mut made, mut mixed) = (0, 0);
    for _ in 0..1000 {
        let (mother, father) = (random_strategy(&palette, &mut rng), random_strategy(&palette, &mut rng));
        let Some(child) = crossover(&mother, &father, &palette, &mut rng) else { continue };
        made += 1;
        mixed += usize::from(identity(&child) != identity(&mother) && identity(&child) != identity(&father));
        let hashes = |strategy: &Strategy| -> BTreeSet<u128> {
            strategy.compile().unwrap().instructions.iter().map(|instruction| instruction.hash).collect()
        };
        let leaf = |strategy: &Strategy| -> BTreeSet<String> {
            strategy.compile().unwrap().fields().map(str::to_owned).collect()
        };
        // Whatever the child reads, one of its parents read.
        let known: BTreeSet<String> = leaf(&mother).union(&leaf(&father)).cloned().collect();
        assert!(leaf(&child).is_subset(&known) || child.exits != mother.exits, "{}", child.to_toml(""));
        assert!(hashes(&child).iter().any(|hash| hashes(&mother).contains(hash) || hashes(&father).contains(hash)));
    }
    assert!(made > 800 && mixed * 10 > made * 8, "{mixed} of {made}");
}

#[test]
fn generation_uses_the_whole_vocabulary_it_may_and_nothing_else() {
    let palettes = palettes();
    for (place, palette) in palettes.iter().enumerate() {
        let settings = palette.settings();
        let mut rng = rng(11 + place as u64);
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        for _ in 0..6_000 {
            let strategy = random_strategy(palette, &mut rng);
            assert!(settings.rules.contains(&strategy.positions.rule));
            for index in strategy.graph.nodes() {
                match strategy.graph.kind(index) {
                    Kind::Operator(operator, parameters) => {
                        let definition = operator.definition();
                        assert!(definition.generated, "{} is not for generation", definition.name);
                        let compares = matches!(definition.family, Family::CrossSection | Family::Group);
                        assert!(settings.cross_section || !compares, "{} compares symbols", definition.name);
                        for (parameter, &value) in definition.parameters.iter().zip(parameters.as_slice()) {
                            let window = matches!(parameter.kind, factor::ParameterKind::Rows { .. });
                            assert!(!window || value <= f64::from(settings.max_window), "{}: {value}", definition.name);
                        }
                        seen.insert(definition.name);
                    }
                    Kind::Library(factor, _) => {
                        let definition = factor.definition();
                        assert!(definition.generated, "{} is not for generation", definition.name);
                        seen.insert(definition.name);
                    }
                    Kind::Field(name, _) => assert!(settings.schema.get(name).is_some(), "{name} is no column"),
                    Kind::Constant(_) | Kind::Positions => {}
                }
            }
        }
        if place == 0 {
            let operators = Operator::ALL.iter().map(|operator| operator.definition());
            let missing: Vec<&str> =
                operators.filter(|o| o.generated && !seen.contains(o.name)).map(|o| o.name).collect();
            assert!(missing.is_empty(), "never drawn: {missing:?}");
            let factors = factor::LibraryFactor::all().map(factor::LibraryFactor::definition);
            let missing: Vec<&str> =
                factors.filter(|f| f.generated && !seen.contains(f.name)).map(|f| f.name).collect();
            assert!(missing.is_empty(), "never drawn: {missing:?}");
        }
    }
}

#[test]
fn an_expression_is_of_the_type_that_was_asked_for() {
    let palette = rich();
    let mut rng = rng(12);
    let types = [Type::RATIO, Type::Flag, Type::Plain, Type::Group]
        .into_iter()
        .chain([Unit::PRICE, Unit::VOLUME, Unit::MONEY].map(Type::Number));
    for output in types {
        for nodes in [0, 1, 3, 8, 30] {
            for _ in 0..200 {
                let graph = random_expression(&palette, output, nodes, &mut rng).unwrap();
                let program = compile(&graph, &[]).unwrap();
                assert!(program.mixed_units.is_empty());
                assert!(graph.len() <= 3 + nodes * 3 / 2, "{} nodes for {nodes}", graph.len());
                let root = program.instruction(program.output(Purpose::Score).unwrap());
                // Instructions know no declarations: a literal, or a library factor over unknown units, is plain.
                assert!(root.output == output || root.output == Type::Plain, "{output}: {root:?}");
            }
        }
    }
    assert!(random_expression(&palette, Type::Positions, 5, &mut rng).is_none());
    let bare = Palette::new(bars()).unwrap();
    assert!(random_expression(&bare, Type::Group, 5, &mut rng).is_none(), "there are no groups");
    assert!(random_expression(&bare, Type::Number(Unit { money: 7, share: 0 }), 5, &mut rng).is_none());
}

#[test]
fn a_palette_needs_a_number_and_moves_settings_into_range() {
    let schema = Schema::new(std::iter::empty(), ["sector"].into_iter());
    let error = Palette::new(VariationSettings::new(schema)).unwrap_err();
    assert_eq!(error.to_string(), "the panel has no numeric column to build factors from");
    let wild = VariationSettings {
        max_window: u32::MAX,
        max_nodes: usize::MAX,
        cross_section: false,
        ..VariationSettings::new(Schema::bars())
    };
    let palette = Palette::new(wild).unwrap();
    assert_eq!((palette.settings().max_window, palette.settings().max_nodes), (2520, VariationSettings::MOST_NODES));
    assert_eq!(palette.settings().rules, [Rule::Signal]);
}
