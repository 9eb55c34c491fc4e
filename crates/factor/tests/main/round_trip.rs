//! What is printed reads back as the same thing.

use std::sync::Arc;

use factor::{
    FactorGraph, Gene, Genome, Kind, Mutation, Node, Operator, Parameters, Role, Schema, Strategy, Type, Unit, compile,
    crossover, parse, print, random_expression, random_strategy,
};
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::SeedableRng;

use crate::variation::{rich, written};

fn printed(graph: &FactorGraph) -> String {
    print(graph, graph.root(), &|_| None)
}

fn assert_reads_back(graph: &FactorGraph, schema: &Schema) {
    let text = printed(graph);
    let again = parse(&text, schema).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(printed(&again), text);
    assert_eq!(compile(&again, &[]).unwrap().hash, compile(graph, &[]).unwrap().hash, "{text}");
}

#[test]
fn twenty_thousand_random_expressions_read_back() {
    let palette = rich();
    let schema = &palette.settings().schema;
    let types = [Type::RATIO, Type::Flag, Type::Plain, Type::Number(Unit::PRICE), Type::RATIO];
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(21);
    for round in 0..20_000 {
        let graph = random_expression(&palette, types[round % types.len()], 1 + round % 25, &mut rng).unwrap();
        assert_reads_back(&graph, schema);
    }
}

#[test]
fn comments_and_line_breaks_mean_nothing() {
    let schema = Schema::bars();
    let plain = parse("-ts_mean(close, 20) / open", &schema).unwrap();
    for text in [
        "# Short-term reversal.\n# paper: (-1 * sum(close, 20)) ? :\n-ts_mean(close, 20) / open\n",
        "-ts_mean(# the mean\r\n  close, # of closes (adjusted)\n\t20)\n/ open # over the open",
        "#\n\n##\n-ts_mean(close,20)/open#",
    ] {
        let graph = parse(text, &schema).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(printed(&graph), printed(&plain));
        assert_eq!(compile(&graph, &[]).unwrap().hash, compile(&plain, &[]).unwrap().hash);
    }
}

/// Forms that no generator makes but a person may, each in its shortest spelling.
#[test]
fn texts_print_as_they_were_written() {
    let schema = Schema::open();
    for text in [
        "-close",
        "--close",
        "-close^2",
        "(-close)^2",
        "(close^-2)^2",
        "(close^0.5)^-1.5",
        "close - -3",
        "close - (open - low)",
        "close - open - low",
        "close / (open * low) / high",
        "-3 * close",
        "neg(3) + close",
        "neg(-3) * close",
        "2^3",
        "(-2)^3",
        "not close > open",
        "not (close > open and low > open)",
        "not not close > open",
        "(close > open or low > open) and high > open",
        "close > open or low > open and high > open",
        "num(close > open) > num(low > open)",
        "if_else(close > open, 1, -1) * 1e-7",
        "max(max(close, open), max(high, low))",
        "ts_std(close, 20, min_periods=3) + ts_percentile(close, 20, 0.5, min_periods=1)",
        "ts_std(close, 20, ddof=0) + cs_scale(close) + cs_scale(close, 2)",
        "momentum(20) + momentum(open, 20) + rsi(momentum(5), 3)",
        "momentum(neg(-2), 20)",
        "group_rank(roe, sector) * 123456789012",
        "true_range() + true_range(vwap)",
        "xor(is_nan(close), close == open) or close != open",
    ] {
        let graph = parse(text, &schema).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(printed(&graph), text);
        assert_reads_back(&graph, &schema);
    }
    // A library factor over a bare constant has no spelling of its own.
    let mut graph = FactorGraph::new(Kind::Constant(-7.5));
    let (constant, factor) = (graph.root(), factor::LibraryFactor::by_name("momentum").unwrap());
    let root = graph.add_with_inputs(Kind::Library(factor, Parameters::new(&[20.0])), &[constant]);
    graph.set_root(root);
    assert_eq!(printed(&graph), "momentum(neg(7.5), 20)");
    assert_reads_back(&graph, &schema);
}

fn assert_file_reads_back(strategy: &Strategy, schema: &Schema) {
    let text = strategy.to_toml("seen by nobody");
    let again = Strategy::from_toml(&text, schema).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let identity = |strategy: &Strategy| strategy.identity(&strategy.compile().unwrap());
    assert_eq!(identity(&again), identity(strategy), "{text}");
    assert_eq!((&again.name, &again.description), (&strategy.name, &strategy.description));
    assert_eq!((again.positions, again.exits), (strategy.positions, strategy.exits));
    // Columns that were one node for several factors may come back as one for each, but the text settles at once.
    let settled = again.to_toml("seen by nobody");
    let third = Strategy::from_toml(&settled, schema).unwrap();
    assert_eq!(third.to_toml("seen by nobody"), settled);
}

#[test]
fn random_strategies_and_their_children_read_back_from_files() {
    let palette = rich();
    let schema = &palette.settings().schema;
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(22);
    let mut pool = written();
    for round in 0..2_000 {
        pool.push(random_strategy(&palette, &mut rng));
        let (mother, father) = (&pool[round % pool.len()], &pool[round * 7 % pool.len()]);
        let mutation = Mutation::ALL[round % Mutation::ALL.len()];
        let child = if round % 3 == 0 {
            crossover(mother, father, &palette, &mut rng)
        } else {
            mutation.mutate(mother, &palette, &mut rng)
        };
        let strategy = child.unwrap_or_else(|| pool[pool.len() - 1].clone());
        assert_file_reads_back(&strategy, schema);
        let place = round % pool.len();
        pool[place] = strategy;
    }
}

/// A strategy whose score is made by `grow` from close.
fn strategy_of(grow: impl Fn(&mut FactorGraph)) -> Strategy {
    let text = "name = \"tower\"\n[positions]\nrule = \"top\"\nscore = \"close\"\n";
    let mut strategy = Strategy::from_toml(text, &Schema::bars()).unwrap();
    grow(&mut strategy.graph);
    strategy
}

#[test]
fn towers_and_doublings_fit_in_a_file() {
    let stack = |graph: &mut FactorGraph, operator: Operator, inputs: usize| {
        let (top, terminal) = (graph.role(Role::Score).unwrap(), graph.root());
        let node = graph.add_with_inputs(Kind::Operator(operator, Parameters::NONE), &vec![top; inputs]);
        graph.connect(node, terminal, Role::Score as u8);
    };
    // Deeper than the parser reads in one expression.
    let deep = strategy_of(|graph| (0..1_000).for_each(|_| stack(graph, Operator::Abs, 1)));
    assert_file_reads_back(&deep, &Schema::bars());
    let tallest = strategy_of(|graph| (0..4_000).for_each(|_| stack(graph, Operator::Abs, 1)));
    let score = tallest.graph.role(Role::Score).unwrap();
    assert_eq!(print(&tallest.graph, score, &|_| None).len(), 4_000 * "abs()".len() + "close".len());
    // Written out without names, this would be 2^60 columns long.
    let wide = strategy_of(|graph| (0..60).for_each(|_| stack(graph, Operator::Add, 2)));
    assert_file_reads_back(&wide, &Schema::bars());
}

#[test]
fn equal_names_from_two_parents_are_told_apart() {
    let strategy = strategy_of(|graph| {
        let (close, terminal) = (graph.role(Role::Score).unwrap(), graph.root());
        let mut named = |window: f64, name: &str| {
            let kind = Kind::Operator(Operator::TsMean, Parameters::new(&[window, 0.0]));
            let index = graph.add(Arc::new(Node { kind, name: Some(name.into()) }));
            graph.connect(close, index, 0);
            index
        };
        let inputs = [named(5.0, "trend"), named(9.0, "trend"), named(7.0, "trend_2")];
        let sum = graph.add_with_inputs(Kind::Operator(Operator::Add, Parameters::NONE), &inputs[..2]);
        let sum = graph.add_with_inputs(Kind::Operator(Operator::Add, Parameters::NONE), &[sum, inputs[2]]);
        graph.connect(sum, terminal, Role::Score as u8);
    });
    assert_file_reads_back(&strategy, &Schema::bars());
    let text = strategy.to_toml("");
    assert!(text.contains("score = \"trend + trend_2 + trend_2_2\""), "{text}");
}

/// What was written before an operator had an option has it at its default.
#[test]
fn a_genome_without_options_reads_as_one_with_their_defaults() {
    let text = "name = \"x\"\n[positions]\nrule = \"signal\"\nentry = \"close > ts_std(close, 20)\"\n";
    let strategy = Strategy::from_toml(text, &Schema::bars()).unwrap();
    let mut genome = Genome::from(&strategy);
    for node in &mut genome.nodes {
        if let Gene::Operator(_, parameters) = &mut node.gene {
            parameters.truncate(1);
        }
    }
    assert_eq!(Genome::from(&genome.strategy().unwrap()), Genome::from(&strategy));
}
