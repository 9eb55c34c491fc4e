//! Dialects: what is printed reads back, what cannot be said is refused, and nothing changes its meaning on the way.

use std::collections::BTreeSet;
use std::fmt::Write;

use factor::{
    Dialect, DialectText, FactorGraph, Kind, NodeIndex, Operator, Output, Parameter, ParameterKind, Parameters, Port,
    Schema, Type, Unit, compile, parse, parse_dialect, parse_dialect_nearest, print, print_dialect, random_expression,
};
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

use crate::variation::rich;

fn hash(graph: &FactorGraph) -> u128 {
    compile(graph, &[]).unwrap_or_else(|error| panic!("{error}")).hash
}

fn own(graph: &FactorGraph) -> String {
    print(graph, graph.root(), &|_| None)
}

/// Where the examples of all operators stand in all dialects.
const EXAMPLES: &str = "dialect_examples.txt";

/// What a dialect makes of an expression: a text, or the reason why there is none.
fn told(graph: &FactorGraph, dialect: Dialect) -> String {
    match print_dialect(graph, dialect) {
        Ok(said) => {
            let remark = if said.notes.is_empty() { "" } else { " (once windows are full)" };
            format!("{}{remark}", said.text.replace('\n', "\\n"))
        }
        Err(error) => format!("refused: {error}"),
    }
}

/// A golden line for every operator and dialect. `EVOQUANT_BLESS=1` writes them anew; then they are to be read.
#[test]
fn every_operator_has_its_line_in_every_dialect() {
    let schema = Schema::open();
    let mut text = String::new();
    for &operator in Operator::ALL {
        let example = operator.definition().example;
        let graph = parse(example, &schema).unwrap();
        let _ = writeln!(text, "{example}");
        for dialect in Dialect::ALL {
            let _ = writeln!(text, "  {:<9} {}", dialect.name(), told(&graph, dialect));
        }
    }
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/main").join(EXAMPLES);
    if std::env::var_os("EVOQUANT_BLESS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap();
    for (line, (found, wanted)) in text.lines().zip(golden.lines()).enumerate() {
        assert_eq!(found, wanted, "line {} of {EXAMPLES}", line + 1);
    }
    assert_eq!(text.lines().count(), golden.lines().count());
}

/// Random graphs of the operators that a dialect can say, whatever the generator of strategies thinks of them.
pub(crate) struct Grower<'a> {
    pub(crate) operators: Vec<Operator>,
    pub(crate) rng: &'a mut Xoshiro256PlusPlus,
}

impl Grower<'_> {
    fn draw(&mut self, below: usize) -> usize {
        (self.rng.next_u64() % below as u64) as usize
    }

    fn parameter(&mut self, parameter: &Parameter) -> f64 {
        if let Some(default) = parameter.default.filter(|_| self.draw(3) > 0) {
            return default;
        }
        let value = match parameter.kind {
            ParameterKind::Rows { least } => f64::from(least) + self.draw(30) as f64,
            ParameterKind::Whole { least, most } => {
                f64::from(least) + self.draw((most - least).clamp(0, 9) as usize + 1) as f64
            }
            ParameterKind::Choice { words } => self.draw(words.len()) as f64,
            ParameterKind::Real { .. } => {
                let (low, high) = parameter.usual;
                let drawn = low + (high - low) * self.draw(9) as f64 / 8.0;
                if self.draw(2) == 0 { drawn } else { drawn + self.draw(4) as f64 / 3.0 }
            }
        };
        if parameter.check(value).is_ok() { value } else { parameter.usual.0 }
    }

    pub(crate) fn grow(&mut self, graph: &mut FactorGraph, port: Port, depth: usize) -> NodeIndex {
        const COLUMNS: [&str; 5] = ["open", "high", "low", "close", "volume"];
        let schema = Schema::open();
        let field = |graph: &mut FactorGraph, name: &str| {
            let (name, kind) = schema.get(name).unwrap();
            graph.add_with_inputs(Kind::Field(name, kind), &[])
        };
        match port {
            Port::Group => return field(graph, "sector"),
            Port::Flag => {}
            _ if depth == 0 || self.draw(6) == 0 => {
                let name = COLUMNS[self.draw(5)];
                return match self.draw(9) {
                    0 => graph.add_with_inputs(Kind::Constant(self.draw(9) as f64 / 2.0 - 1.0), &[]),
                    _ => field(graph, name),
                };
            }
            _ => {}
        }
        let fits = |operator: &&Operator| {
            let output = operator.definition().output;
            (output == Output::Flag) == (port == Port::Flag)
                && output != Output::Group
                // Flags of flags end where depth does.
                && (depth > 0 || !operator.definition().inputs.contains(&Port::Flag))
        };
        let choices: Vec<Operator> = self.operators.iter().filter(fits).copied().collect();
        let operator = choices[self.draw(choices.len())];
        let definition = operator.definition();
        let inputs: Vec<NodeIndex> =
            definition.inputs.iter().map(|&port| self.grow(graph, port, depth.saturating_sub(1))).collect();
        let parameters: Vec<f64> = definition.parameters.iter().map(|parameter| self.parameter(parameter)).collect();
        graph.add_with_inputs(Kind::Operator(operator, Parameters::new(&parameters)), &inputs)
    }
}

/// The law: what is printed reads back as the same, by its canonical hash.
#[test]
fn thousands_of_random_expressions_read_back() {
    let schema = Schema::open();
    for dialect in Dialect::ALL {
        let sayable = |operator: &Operator| {
            print_dialect(&parse(operator.definition().example, &schema).unwrap(), dialect).is_ok()
        };
        let operators: Vec<Operator> = Operator::ALL.iter().copied().filter(sayable).collect();
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(31);
        let (mut said, mut seen) = (0, BTreeSet::new());
        for round in 0..20_000 {
            let mut graph = FactorGraph::new(Kind::Positions);
            let port = if round % 4 == 0 && operators.contains(&Operator::Less) { Port::Flag } else { Port::U };
            let root = Grower { operators: operators.clone(), rng: &mut rng }.grow(&mut graph, port, 1 + round % 4);
            graph.set_root(root);
            graph.prune();
            if compile(&graph, &[]).is_err() {
                continue;
            }
            let Ok(text) = print_dialect(&graph, dialect) else { continue };
            said += 1;
            seen.extend(graph.nodes().filter_map(|index| match graph.kind(index) {
                Kind::Operator(operator, _) => Some(operator.definition().name),
                _ => None,
            }));
            assert_reads_back(&graph, &text, dialect);
        }
        assert!(said > 5_000, "{dialect}: only {said} expressions could be said");
        assert_eq!(seen.len(), operators.len(), "{dialect}: every operator that it can say was tried");
    }
}

/// The graph without `min_periods`.
fn with_full_windows(graph: &FactorGraph) -> FactorGraph {
    let mut graph = graph.clone();
    for index in graph.nodes().collect::<Vec<_>>() {
        let Kind::Operator(operator, parameters) = graph.kind(index) else { continue };
        if operator.definition().min_periods(parameters) > 0 {
            let (last, others) = parameters.as_slice().split_last().expect("the option is a parameter");
            assert!(*last > 0.0);
            let full = Parameters::new(&[others, &[0.0]].concat());
            graph.replace(index, factor::Node::new(Kind::Operator(*operator, full)));
        }
    }
    graph
}

fn assert_reads_back(graph: &FactorGraph, text: &DialectText, dialect: Dialect) {
    let schema = Schema::open();
    let again = if text.notes.is_empty() {
        parse_dialect(&text.text, dialect, &schema).map_err(|error| format!("{error}"))
    } else {
        parse_dialect_nearest(&text.text, dialect, &schema).map(|(graph, _)| graph).map_err(|error| format!("{error}"))
    };
    let again = again.unwrap_or_else(|error| panic!("{}\n{error}", own(graph)));
    // Of full windows qlib can only say those that need not be.
    let full = !text.notes.is_empty() && dialect == Dialect::Qlib;
    let [wanted, found] =
        [graph, &again].map(|graph| hash(&if full { with_full_windows(graph) } else { graph.clone() }));
    assert_eq!(found, wanted, "{dialect}: {}\n{}\n{}", own(graph), text.text, own(&again));
}

/// The same over what evolution makes, library factors and shared parts among it.
#[test]
fn what_evolution_makes_reads_back() {
    let palette = rich();
    let types = [Type::RATIO, Type::Flag, Type::Plain, Type::Number(Unit::PRICE)];
    for dialect in Dialect::ALL {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(32);
        let mut said = 0;
        for round in 0..10_000 {
            let graph = random_expression(&palette, types[round % types.len()], 1 + round % 25, &mut rng).unwrap();
            if let Ok(text) = print_dialect(&graph, dialect) {
                said += 1;
                assert_reads_back(&graph, &text, dialect);
            }
        }
        assert!(said > 500, "{dialect}: only {said} expressions could be said");
    }
}

/// Graphs that would not fit in a text, or are deeper than the parser reads.
#[test]
fn towers_and_doublings_become_parts_or_are_refused() {
    let stacked = |operator: Operator, inputs: usize, times: usize| {
        let mut graph = parse("close", &Schema::bars()).unwrap();
        for _ in 0..times {
            let top = graph.root();
            let root = graph.add_with_inputs(Kind::Operator(operator, Parameters::NONE), &vec![top; inputs]);
            graph.set_root(root);
        }
        graph
    };
    for (graph, parts) in [
        (stacked(Operator::Abs, 1, 3), false),
        (stacked(Operator::Abs, 1, 1_000), true),
        (stacked(Operator::Add, 2, 60), true),
    ] {
        for dialect in Dialect::ALL {
            let knows_parts = matches!(dialect, Dialect::Pandas | Dialect::Brain);
            match print_dialect(&graph, dialect) {
                Ok(text) => assert_reads_back(&graph, &text, dialect),
                Err(error) => assert!(parts && !knows_parts, "{error}"),
            }
        }
    }
}

#[test]
fn what_is_no_expression_is_refused() {
    let schema = Schema::new(["close", "returns", "Vwap", "adv20", "np"].into_iter(), std::iter::empty());
    let column = |name: &str| parse(name, &schema).unwrap();
    let strategy = FactorGraph::new(Kind::Positions);
    for (graph, dialect, message) in [
        (
            &strategy,
            Dialect::Qlib,
            "`positions` cannot be said in qlib: a strategy is more than an expression: print one of its factors",
        ),
        (&column("3"), Dialect::Qlib, "`3` cannot be said in qlib: a literal alone has no rows there"),
        (
            &column("1 / 0"),
            Dialect::Brain,
            "`NaN` cannot be said in brain: a constant that is always missing has no spelling",
        ),
        (
            &column("returns"),
            Dialect::Brain,
            "`returns` cannot be said in brain: a column of this name means something else in brain",
        ),
        (
            &column("abs(adv20)"),
            Dialect::Alpha101,
            "`adv20` cannot be said in alpha101: a column of this name means something else in alpha101",
        ),
        (
            &column("Vwap"),
            Dialect::Alpha101,
            "`Vwap` cannot be said in alpha101: names are the same in capitals there, and this one has capitals",
        ),
        (
            &column("np - 1"),
            Dialect::Pandas,
            "`np` cannot be said in pandas: a column of this name means something else in pandas",
        ),
    ] {
        assert_eq!(print_dialect(graph, dialect).unwrap_err().to_string(), message);
    }
    assert_eq!(print_dialect(&column("3"), Dialect::Brain).unwrap().text, "3");
    assert_eq!(print_dialect(&column("returns"), Dialect::Qlib).unwrap().text, "$returns");
}

/// Words of the grammars in any order: an answer or one message, never more.
#[test]
fn any_order_of_words_is_answered() {
    const WORDS: [&str; 44] = [
        "close",
        "volume",
        "$close",
        "sector",
        "IndClass.sector",
        "rank",
        "Mean",
        "Ref",
        "If",
        "Corr",
        "correlation",
        "max",
        "ts_mean",
        "trade_when",
        "scale",
        "adv20",
        "returns",
        ".shift",
        ".rolling",
        ".mean",
        ".where",
        ".rank",
        "np.log",
        "axis=1",
        "pct=True",
        "lambda w: w",
        "'a'",
        "(",
        "(",
        "(",
        ")",
        ")",
        ")",
        ",",
        "?",
        ":",
        "+",
        "-",
        "**",
        "^",
        ">",
        "==",
        "\n",
        ";",
    ];
    let schema = Schema::open();
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(33);
    let mut read = 0;
    for round in 0..60_000_u64 {
        let count = 1 + round % 9;
        let mut text = String::new();
        for _ in 0..count {
            let word = rng.next_u64();
            text.push_str(WORDS[(word % WORDS.len() as u64) as usize]);
            if word.is_multiple_of(5) {
                let _ = write!(text, "{}", word / 64 % 7);
            }
            text.push(' ');
        }
        for dialect in Dialect::ALL {
            match parse_dialect_nearest(&text, dialect, &schema) {
                Ok((graph, _)) => {
                    read += 1;
                    let _ = print_dialect(&graph, dialect);
                }
                Err(error) => assert!(error.offset <= text.len() && !error.message.is_empty()),
            }
        }
    }
    assert!(read > 1_000, "only {read} texts were read");
}
