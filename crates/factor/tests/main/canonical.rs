//! Canonical form, look-back and slots: what compiling promises about programs.

use factor::{
    Extra, FactorGraph, GraphError, Kind, LibraryFactor, Operation, Operator, Palette, ParameterKind, Parameters,
    Program, Purpose, Schema, Type, Unit, VariationSettings, compile, parse, print, random_expression, random_strategy,
};
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::SeedableRng;

use crate::variation::rich;

fn program(text: &str) -> Program {
    let graph = parse(text, &Schema::open()).unwrap_or_else(|error| panic!("{error}"));
    compile(&graph, &[]).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn equal_meaning_has_one_hash() {
    for (left, right) in [
        // Commutative operands, at any depth.
        ("close + open", "open + close"),
        ("cs_rank(close * volume) + low", "low + cs_rank(volume * close)"),
        ("max(close, open) - min(open, high)", "max(open, close) - min(high, open)"),
        ("close > 1 and open > 1", "open > 1 and close > 1"),
        ("ts_corr(close, volume, 9)", "ts_corr(volume, close, 9)"),
        ("close == open", "open == close"),
        // Constants fold, NaN and all.
        ("close * (2 + 3)", "close * 5"),
        ("close + 0.1 * 3", "close + 0.30000000000000004"),
        ("close * (1 / 0)", "close * (0 / 0)"),
        ("close * log(-1)", "close * sqrt(-4)"),
        ("if_else(3 > 2, close, open)", "if_else(1 < 2, close, open)"),
        ("close * -(-2)", "close * 2"),
        ("close * num(0 / 0 > 1)", "close * (0 / 0)"),
        // Identities that hold for NaN too.
        ("close * 1", "close"),
        ("1 * close", "close"),
        ("close / 1", "close"),
        ("close + 0", "close"),
        ("0 + close", "close"),
        ("close - 0", "close"),
        ("--close", "close"),
        ("-(-(-close))", "-close"),
        ("not not close > open", "close > open"),
        ("close * (3 - 2) + (1 - 1)", "close"),
        // Spelling.
        ("rank(delta(close, 3))", "cs_rank(ts_delta(close, 3))"),
        ("ts_std(close, 20, ddof=1)", "ts_std(close, 20)"),
        ("ts_mean(close, 20, min_periods=0)", "ts_mean(close, 20)"),
        ("ts_std(close, 20, ddof=0, min_periods=20)", "ts_std(close, 20, ddof=0)"),
        ("cs_rank(close, scale=unit)", "cs_rank(close)"),
        ("ts_ema(close, 12, seed=first)", "ts_ema(close, 12)"),
        ("ts_mean(close, d=20)", "ts_mean(close, 20)"),
        ("max(close, open, high)", "max(max(close, open), high)"),
        ("close + -0", "close"),
    ] {
        assert_eq!(program(left).hash, program(right).hash, "`{left}` and `{right}`");
    }
}

#[test]
fn different_meaning_has_another_hash() {
    for (left, right) in [
        ("cs_rank(close, scale=pct)", "cs_rank(close)"),
        ("cs_rank(close, scale=pct)", "cs_rank(close, scale=raw)"),
        ("cs_scale(close, long=1)", "cs_scale(close, short=1)"),
        ("close - open", "open - close"),
        ("close / open", "open / close"),
        ("close > open", "open > close"),
        ("ts_mean(close, 20)", "ts_mean(close, 21)"),
        ("ts_std(close, 20)", "ts_std(close, 20, ddof=0)"),
        ("ts_std(close, 20)", "ts_std(close, 20, min_periods=1)"),
        ("ts_std(close, 20, ddof=0)", "ts_std(close, 20, ddof=0, min_periods=1)"),
        ("ts_mean(close, 20)", "ts_sum(close, 20)"),
        ("close", "open"),
        ("close > 1", "close > 2"),
        ("1 > 2", "num(1 > 2)"),
        ("ts_cov(close, volume, 5) * ts_mean(close, 5)", "ts_cov(close, volume, 5) * ts_mean(volume, 5)"),
        ("(close + open) + high", "close + (open + high)"),
        // Not identities where x is NaN, infinite or 0.
        ("close - close", "0"),
        ("close / close", "1"),
        ("close * 0", "0"),
        ("close > close", "1 > 2"),
        ("0 - close", "-close"),
        ("close ^ 1", "close"),
        ("ts_mean(close, 1)", "close"),
        ("ts_delay(close, 0)", "close"),
    ] {
        assert_ne!(program(left).hash, program(right).hash, "`{left}` and `{right}`");
    }
    let operations = program("close - close").instructions;
    assert_eq!(operations.len(), 2, "x - x stays, with one x: {operations:?}");
}

#[test]
fn dead_and_doubled_factors_leave_no_trace() {
    let mut graph = parse("ts_mean(close, 20) / ts_mean(close, 20) + ts_mean(close, 20)", &Schema::bars()).unwrap();
    let before = compile(&graph, &[]).unwrap();
    assert_eq!(before.instructions.len(), 4, "close, one mean, quotient, sum");
    let orphan = graph.add_with_inputs(Kind::Constant(3.0), &[]);
    graph.add_with_inputs(Kind::Operator(Operator::TsMean, Parameters::new(&[0.5, 0.0])), &[orphan]);
    let after = compile(&graph, &[]).unwrap();
    assert_eq!(before, after, "what does not reach the root is not even checked");
    graph.prune();
    assert_eq!(compile(&graph, &[]).unwrap(), before);
}

/// A library factor's definition with its parameters put in by hand.
fn written_out(factor: LibraryFactor, input: &str, parameters: &Parameters) -> String {
    let definition = factor.definition();
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    for character in definition.definition.chars().chain([' ']) {
        if character.is_ascii_alphanumeric() || character == '_' {
            word.push(character);
            continue;
        }
        let known = definition.parameters.iter().position(|parameter| parameter.name == word);
        words.push(match known {
            Some(index) => format!("{}", parameters.real(index)),
            None if word == "x" => input.to_owned(),
            None => std::mem::take(&mut word),
        });
        word.clear();
        words.push(character.to_string());
    }
    words.concat()
}

#[test]
fn a_library_factor_is_its_definition() {
    let schema = Schema::open();
    for factor in LibraryFactor::all() {
        let definition = factor.definition();
        let defaults = definition.defaults();
        let call = format!("{}()", definition.name);
        let out = written_out(factor, definition.input, &defaults);
        assert_eq!(program(&call).hash, program(&out).hash, "{call} and {out}");
        // With other values, over another series.
        let mut other = defaults;
        let list = other.as_mut_slice().iter_mut().map(|value| {
            *value += 1.0;
            format!(", {value}")
        });
        let call = format!("{}(open{})", definition.name, list.collect::<String>());
        let out = written_out(factor, "open", &other);
        assert_eq!(program(&call).hash, program(&out).hash, "{call} and {out}");
        assert_eq!(print(&parse(&call, &schema).unwrap(), parse(&call, &schema).unwrap().root(), &|_| None), call);
    }
}

/// The operators of a definition take every window that the factor itself takes.
#[test]
fn the_least_windows_of_a_library_factor_can_be_used() {
    let mut names = std::collections::BTreeSet::new();
    for factor in LibraryFactor::all() {
        let definition = factor.definition();
        assert!(names.insert(definition.name) && Operator::by_name(definition.name).is_none(), "{}", definition.name);
        let mut least = definition.defaults();
        for (value, parameter) in least.as_mut_slice().iter_mut().zip(definition.parameters) {
            if let ParameterKind::Rows { least } = parameter.kind {
                *value = f64::from(least);
            }
        }
        if definition.rising {
            least.as_mut_slice()[1] = least.real(0) + 1.0;
        }
        assert_eq!(definition.check(&least), Ok(()), "{}", definition.name);
        program(&written_out(factor, definition.input, &least));
    }
}

#[test]
fn a_library_factor_gives_what_it_declares() {
    const PRICE: Type = Type::Number(Unit::PRICE);
    for factor in LibraryFactor::all() {
        let definition = factor.definition();
        // Fundamental columns have no unit that is known; prices and volumes do.
        let (input, unit) = match definition.input {
            "close" | "high" | "low" => (PRICE, Unit::PRICE),
            "volume" => (Type::Number(Unit::VOLUME), Unit::VOLUME),
            _ => (Type::Plain, Unit::RATIO),
        };
        let inferred = factor.infer(input).unwrap();
        assert_eq!(inferred.output, definition.output.resolve(Some(unit), None), "{}", definition.name);
        assert!(!inferred.mixes_units, "{} mixes units", definition.name);
        let compiled = program(&format!("{}()", definition.name));
        assert!(compiled.mixed_units.is_empty());
        assert_eq!(factor.infer(Type::Flag), Err(0), "{}", definition.name);
    }
    // A fundamental that is put in the place of a price is told apart.
    assert_eq!(program("atr(volume, 20)").mixed_units, ["atr"]);
    assert!(program("atr(open, 20) + close").mixed_units.is_empty());
}

#[test]
fn units_follow_what_was_written() {
    for (text, mixed) in [
        ("close + volume", &["add"][..]),
        ("close + 1", &[]),
        ("close + log(2)", &["add"]),
        // The same, where the literal of the same value was there first.
        ("0.6931471805599453 * open + close + log(2)", &["add"]),
        ("close * volume + dollar_volume(20)", &[]),
        ("sqrt(close * open) > low", &[]),
        ("close / open + returns(volume, 3)", &[]),
        ("tanh(close)", &["tanh"]),
        ("breakout(20) + close", &["add"]),
        ("bollinger_b(some_column, 20, 2) + close", &["add"]),
        ("some_column + close > volume * some_column", &["gt"]),
        ("if_else(close > open, volume, close)", &["if_else"]),
        ("max(close, volume) > 3 and close > volume", &["gt", "max"]),
    ] {
        let mut told = program(text).mixed_units;
        told.sort();
        assert_eq!(told, mixed, "{text}");
    }
}

#[test]
fn look_back_adds_up_along_the_longest_path() {
    for (text, lookback, memory) in [
        ("close", 0, false),
        ("close + open * 3", 0, false),
        ("ts_delay(close, 5)", 5, false),
        ("ts_delta(close, 5)", 5, false),
        ("returns(close, 1)", 1, false),
        ("ts_mean(close, 20)", 19, false),
        ("ts_mean(close, 20, min_periods=1)", 19, false),
        ("ts_mean(returns(close, 1), 20)", 20, false),
        ("ts_mean(close, 20) - ts_mean(close, 60)", 59, false),
        ("ts_delay(ts_delay(ts_mean(close, 10), 3), 4)", 16, false),
        ("cs_rank(ts_max(high, 252))", 251, false),
        ("ts_corr(ts_delay(close, 2), volume, 10)", 11, false),
        ("ts_ema(close, 12)", 11, true),
        ("ts_rma(returns(close, 1), 14)", 14, true),
        ("momentum(20)", 20, false),
        ("momentum_skip(21, 252)", 252, false),
        ("breakout(20)", 20, false),
        ("rsi(14)", 14, true),
        ("atr_simple(20)", 20, false),
    ] {
        let program = program(text);
        assert_eq!(program.lookback(), lookback, "{text}");
        assert_eq!(program.warm_up() > lookback, memory, "{text}");
    }
    // alpha = 2/13: (1 - alpha)^rows < 1e-12 from 166 rows on.
    assert_eq!(program("ts_ema(close, 12)").warm_up(), 11 + 166);
    assert_eq!(program("ts_ema(ts_ema(close, 12), 12)").warm_up(), 22 + 2 * 166);
    assert_eq!(program("ts_ema(close, 1)").warm_up(), 0);
}

#[test]
fn every_operator_is_covered_by_its_own_example() {
    let schema = Schema::open();
    for &operator in Operator::ALL {
        let definition = operator.definition();
        let graph = parse(definition.example, &schema).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(print(&graph, graph.root(), &|_| None), definition.example);
        let program = compile(&graph, &[]).unwrap();
        assert!(program.mixed_units.is_empty(), "{}", definition.example);
        let found = program.instructions.iter().find_map(|instruction| match instruction.operation {
            Operation::Operator(found, parameters) if found == operator => Some((instruction, parameters)),
            _ => None,
        });
        let (instruction, parameters) =
            found.unwrap_or_else(|| panic!("the example of {} uses it nowhere", definition.name));
        let inputs = instruction.inputs().iter().map(|&id| program.instruction(id));
        let (own, inner) = (definition.lookback.rows(&parameters), inputs.clone().map(|i| i.lookback).max());
        assert_eq!(instruction.lookback, own + inner.unwrap(), "{}", definition.example);
        // As many values as it declares, of the types that its ports take.
        let types: Vec<Type> = inputs.map(|input| input.output).collect();
        assert_eq!(definition.infer(&types).unwrap().output, instruction.output, "{}", definition.name);
        assert!(definition.signature().starts_with(definition.name));
    }
}

#[test]
fn graphs_that_cannot_run_say_why() {
    let operator = |operator, parameters: &[f64]| Kind::Operator(operator, Parameters::new(parameters));
    let check = |graph: &FactorGraph, message: &str| assert_eq!(compile(graph, &[]).unwrap_err().to_string(), message);
    let close = Kind::Field("close".into(), Type::Number(Unit::PRICE));

    let mut graph = FactorGraph::new(operator(Operator::Add, &[]));
    check(&graph, "`add` takes 2 inputs, but has 0");
    let column = graph.add_with_inputs(close.clone(), &[]);
    graph.connect(column, graph.root(), 1);
    check(&graph, "`add` takes 2 inputs, but has 1");
    graph.connect(column, graph.root(), 0);
    assert!(compile(&graph, &[]).is_ok());
    graph.connect(column, graph.root(), 2);
    check(&graph, "`add` takes 2 inputs, but has 3");
    graph.connect(column, graph.root(), 200);
    check(&graph, "`add` takes 2 inputs, but has 4");

    let mut graph = FactorGraph::new(operator(Operator::Not, &[]));
    let column = graph.add_with_inputs(close.clone(), &[]);
    graph.connect(column, graph.root(), 0);
    check(&graph, "`not` needs a flag as argument 1, but `close` is a number (price)");
    graph.connect(graph.root(), graph.root(), 0);
    check(&graph, "`not` is part of a cycle: a factor cannot use itself, directly or through others");

    let mut graph = FactorGraph::new(operator(Operator::TsMean, &[2.5, 0.0]));
    let column = graph.add_with_inputs(close, &[]);
    graph.connect(column, graph.root(), 0);
    check(&graph, "`ts_mean`: `d` must be a whole number from 1 to 2520, not 2.5");
    graph.replace(graph.root(), factor::Node::new(operator(Operator::TsMean, &[])));
    check(&graph, "`ts_mean`: needs 2 parameters");
    graph.replace(graph.root(), factor::Node::new(operator(Operator::TsMean, &[5.0, 6.0])));
    check(&graph, "`ts_mean`: `min_periods` must be at most `d`, not 6 of 5");

    let mut graph = FactorGraph::new(Kind::Positions);
    let other = graph.add_with_inputs(Kind::Positions, &[]);
    graph.connect(other, graph.root(), 0);
    check(&graph, "`score` needs a number as argument 1, but `positions` is a positions");

    let mut graph = FactorGraph::new(Kind::Positions);
    let flag = graph.add_with_inputs(Kind::Constant(1.0), &[]);
    graph.connect(flag, graph.root(), 4);
    check(&graph, "`positions` takes 4 inputs, but has 1");

    let rsi = LibraryFactor::by_name("rsi").unwrap();
    let mut graph = FactorGraph::new(Kind::Library(rsi, Parameters::NONE));
    let column = graph.add_with_inputs(Kind::Constant(1.0), &[]);
    graph.connect(column, graph.root(), 0);
    check(&graph, "`rsi`: needs 1 parameters");

    // 1,200 different library factors, some fifteen instructions each.
    let mut graph = FactorGraph::new(Kind::Field("close".into(), Type::Number(Unit::PRICE)));
    for window in 0..1_200 {
        let root =
            graph.add_with_inputs(Kind::Library(rsi, Parameters::new(&[f64::from(window + 2)])), &[graph.root()]);
        graph.set_root(root);
    }
    assert!(matches!(compile(&graph, &[]), Err(GraphError::TooLarge { most: 8192, .. })));
}

/// A graph remembers its order once it was compiled: every change must make it forget, and no clone may notice.
#[test]
fn a_graph_that_is_changed_compiles_to_what_it_is_now() {
    let column = |name: &str| Kind::Field(name.into(), Type::Number(Unit::PRICE));
    let operator = |operator| Kind::Operator(operator, Parameters::NONE);
    let assert_is = |graph: &FactorGraph, text: &str| {
        assert_eq!(compile(graph, &[]).unwrap(), program(text));
    };
    let mut graph = parse("close - open", &Schema::bars()).unwrap();
    assert_is(&graph, "close - open");
    let before = graph.clone();
    let sum = graph.root();
    graph.replace(sum, factor::Node::new(operator(Operator::Add)));
    assert_is(&graph, "close + open");
    let high = graph.add_with_inputs(column("high"), &[]);
    graph.connect(high, sum, 1);
    assert_is(&graph, "close + high");
    let root = graph.add_with_inputs(operator(Operator::Abs), &[sum]);
    assert_is(&graph, "close + high");
    graph.set_root(root);
    assert_is(&graph, "abs(close + high)");
    let other = parse("low * 2", &Schema::bars()).unwrap();
    let grafted = graph.graft(&other, other.root());
    graph.connect(grafted, sum, 0);
    assert_is(&graph, "abs(low * 2 + high)");
    graph.prune();
    assert_is(&graph, "abs(low * 2 + high)");
    graph.disconnect(sum, 1);
    assert_eq!(compile(&graph, &[]).unwrap_err().to_string(), "`add` takes 2 inputs, but has 1");
    assert_is(&before, "close - open");
}

/// Runs a program over slots as an engine would, writing at each instruction which one it is, and checks that every
/// input still holds what it must.
fn assert_slots_hold(program: &Program) {
    let mut slots: Vec<Option<usize>> = vec![None; program.slots as usize];
    for (place, instruction) in program.instructions.iter().enumerate() {
        for input in instruction.inputs() {
            let slot = program.instruction(*input).slot;
            assert_eq!(slots[slot as usize], Some(input.0 as usize), "an input was overwritten: {program:?}");
            assert_ne!(slot, instruction.slot, "a kernel would write where it reads");
            assert!((input.0 as usize) < place);
        }
        slots[instruction.slot as usize] = Some(place);
    }
    for (_, output) in &program.outputs {
        assert_eq!(
            slots[program.instruction(*output).slot as usize],
            Some(output.0 as usize),
            "a result was overwritten"
        );
    }
}

#[test]
fn no_slot_is_overwritten_while_it_is_needed() {
    let palette = rich();
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(31);
    for round in 0..3_000 {
        let program = random_strategy(&palette, &mut rng).compile().unwrap();
        assert_slots_hold(&program);
        let graph = random_expression(&palette, Type::RATIO, 4 + round % 60, &mut rng).unwrap();
        let extras = [Extra { purpose: Purpose::AverageTrueRange, window: 14 }];
        assert_slots_hold(&compile(&graph, &extras).unwrap());
    }
    let chain = program("abs(abs(abs(abs(abs(abs(close + 1))))))");
    assert_eq!(chain.slots, 3, "a chain needs no more than what is read and what is written");
    assert_slots_hold(&program("close * close + close"));
}

#[test]
fn programs_keep_their_invariants() {
    let palette = rich();
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(32);
    for _ in 0..2_000 {
        let program = random_strategy(&palette, &mut rng).compile().unwrap();
        let mut used = vec![false; program.instructions.len()];
        let mut hashes = std::collections::BTreeSet::new();
        for instruction in &program.instructions {
            assert!(hashes.insert(instruction.hash), "two instructions share a hash");
            instruction.inputs().iter().for_each(|input| used[input.0 as usize] = true);
        }
        program.outputs.iter().for_each(|(_, output)| used[output.0 as usize] = true);
        assert!(used.iter().all(|&used| used), "an instruction feeds no output");
        assert!(program.outputs.is_sorted());
    }
}

/// The largest graph that variation may make must compile, whatever its factors are.
#[test]
fn the_largest_size_that_settings_allow_always_compiles() {
    let longest = LibraryFactor::all()
        .map(|factor| program(&format!("{}()", factor.definition().name)).instructions.len())
        .max()
        .unwrap();
    // Each factor brings its constants and columns along, and merging only makes programs shorter.
    assert!(VariationSettings::MOST_NODES * (longest + 2) < factor::MAX_INSTRUCTIONS, "{longest}");
    let palette = Palette::new(VariationSettings { max_nodes: 256, ..VariationSettings::new(Schema::bars()) }).unwrap();
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(33);
    for _ in 0..300 {
        let graph = random_expression(&palette, Type::RATIO, 250, &mut rng).unwrap();
        compile(&graph, &[]).unwrap();
    }
}
