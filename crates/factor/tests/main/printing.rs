//! Graphs in other forms: JSON both ways, Graphviz, LaTeX and polars programs.

use std::collections::HashMap;

use factor::{
    FactorGraph, Genome, Kind, NodeIndex, Operator, Parameters, Schema, Strategy, Type, Unit, compile, parse,
    parse_json, print, print_dot, print_factors, print_json, print_latex, print_polars, random_expression,
    random_strategy,
};
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::SeedableRng;

use crate::variation::{rich, written};

fn expression(text: &str) -> FactorGraph {
    parse(text, &Schema::open()).unwrap_or_else(|error| panic!("{error}"))
}

fn hash(graph: &FactorGraph) -> u128 {
    compile(graph, &[]).unwrap().hash
}

/// The graph as an expression, in which equal parts are one: inputs before consumers, and the value last.
fn merged(graph: &FactorGraph) -> Vec<(Kind, Vec<usize>)> {
    let mut nodes: Vec<(Kind, Vec<usize>)> = Vec::new();
    let mut known: HashMap<String, usize> = HashMap::new();
    let mut places: HashMap<NodeIndex, usize> = HashMap::new();
    let mut open = vec![(graph.root(), false)];
    while let Some((index, inputs_done)) = open.pop() {
        let (inputs, count) = graph.inputs(index);
        let inputs = &inputs[..count];
        if !inputs_done {
            open.push((index, true));
            open.extend(inputs.iter().rev().map(|&input| (input, false)));
            continue;
        }
        let node = (graph.kind(index).clone(), inputs.iter().map(|input| places[input]).collect());
        let place = *known.entry(format!("{node:?}")).or_insert_with(|| {
            nodes.push(node);
            nodes.len() - 1
        });
        places.insert(index, place);
    }
    nodes
}

/// Graphs for the round trip: `EVOQUANT_GRAPHS`, or so many that a run takes some seconds.
fn graphs() -> usize {
    std::env::var("EVOQUANT_GRAPHS").ok().and_then(|text| text.parse().ok()).unwrap_or(100_000)
}

#[test]
fn random_graphs_read_back_from_text_and_json() {
    let palette = rich();
    let schema = &palette.settings().schema;
    let types = [Type::RATIO, Type::Flag, Type::Plain, Type::Number(Unit::PRICE), Type::RATIO];
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(31);
    for round in 0..graphs() {
        let graph = random_expression(&palette, types[round % types.len()], 1 + round % 25, &mut rng).unwrap();
        let text = print(&graph, graph.root(), &|_| None);
        let again = parse(&text, schema).unwrap_or_else(|error| panic!("{error}"));
        // Text writes out what is shared; JSON keeps it.
        assert_eq!(merged(&again), merged(&graph), "{text}");
        assert_eq!(hash(&again), hash(&graph), "{text}");
        let json = print_json(&graph).unwrap();
        let again = parse_json(&json).unwrap_or_else(|error| panic!("{error}\n{json}"));
        assert_eq!(again, graph, "{json}");
        assert_eq!(hash(&again), hash(&graph), "{json}");
    }
}

#[test]
fn strategies_read_back_from_json() {
    let palette = rich();
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(32);
    let random = (0..2_000).map(|_| random_strategy(&palette, &mut rng)).collect::<Vec<_>>();
    for strategy in written().into_iter().chain(random) {
        let json = print_json(&strategy.graph).unwrap();
        let graph = parse_json(&json).unwrap_or_else(|error| panic!("{error}\n{json}"));
        assert_eq!(graph, strategy.graph, "{json}");
        let again = Strategy { graph, ..strategy.clone() };
        assert_eq!(Genome::from(&again), Genome::from(&strategy));
    }
}

#[test]
fn graphs_that_differ_are_not_equal() {
    let graphs =
        ["close", "open", "close + open", "open + close", "close + close", "ts_mean(close, 5)", "ts_mean(close, 6)"];
    for (place, left) in graphs.iter().enumerate() {
        for (other, right) in graphs.iter().enumerate() {
            assert_eq!(expression(left) == expression(right), place == other, "{left} and {right}");
        }
    }
    // The same expression, with and without sharing.
    let apart = expression("abs(close) + abs(close)");
    let mut shared = expression("abs(close)");
    let part = shared.root();
    let root = shared.add_with_inputs(Kind::Operator(Operator::Add, Parameters::NONE), &[part, part]);
    shared.set_root(root);
    assert_ne!(shared, apart);
    assert_eq!(merged(&shared), merged(&apart));
    let mut named = apart.clone();
    named.set_name(named.root(), "sum");
    assert_ne!(named, apart);
}

/// Every type that a column can have, and values at the edge of what JSON can write.
#[test]
fn columns_and_constants_of_every_kind_read_back() {
    let unit = |money, share| Type::Number(Unit { money, share });
    let types = [
        Type::RATIO,
        Type::Plain,
        Type::Number(Unit::PRICE),
        unit(2, 0),
        unit(-2, 0),
        unit(1, 0),
        unit(3, -5),
        unit(0, 127),
    ];
    for kind in types {
        let graph = FactorGraph::new(Kind::Field("a \"strange\" \\ name\n".into(), kind));
        assert_eq!(parse_json(&print_json(&graph).unwrap()).unwrap(), graph, "{kind}");
    }
    for kind in [Type::Flag, Type::Group] {
        let graph = FactorGraph::new(Kind::Field("n0".into(), kind));
        assert_eq!(parse_json(&print_json(&graph).unwrap()).unwrap(), graph, "{kind}");
    }
    for value in [0.0, -7.5, 1e-300, f64::MAX, f64::MIN_POSITIVE, 0.1 + 0.2, 123_456_789.0, 1e21] {
        let graph = FactorGraph::new(Kind::Constant(value));
        assert_eq!(parse_json(&print_json(&graph).unwrap()).unwrap(), graph, "{value}");
    }
}

const HEAD: &str = "{\"format\": \"evoquant graph\", \"version\": 1, \"nodes\": ";
const CLOSE: &str = "{\"id\": \"c\", \"column\": \"close\", \"type\": \"price\"}";

#[test]
fn json_that_is_no_graph_gets_one_message() {
    let document = |nodes: &str, rest: &str| format!("{HEAD}[{nodes}], {rest}}}");
    let node = |text: &str| document(&format!("{CLOSE}, {{\"id\": \"n\", {text}}}"), "\"value\": \"n\"");
    let many: Vec<String> = (0..5_000).map(|id| format!("{{\"id\": \"{id}\", \"constant\": 1}}")).collect();
    let cases: Vec<(String, &[&str])> = vec![
        (String::new(), &["EOF"]),
        ("close".to_owned(), &["expected value"]),
        ("[".repeat(100_000), &["not a graph"]),
        ("{\"a\":".repeat(100_000), &["not a graph"]),
        (document("", "\"value\": \"n\"").replace("graph\"", "tree\""), &["format", "evoquant tree"]),
        (document("", "\"value\": \"n\"").replace(": 1,", ": 2,"), &["version", "2"]),
        (document("", "\"value\": \"n\""), &["`n`", "no node"]),
        (document(CLOSE, "\"positions\": {}, \"value\": \"c\""), &["value", "positions"]),
        (document(CLOSE, "\"positions\": {\"stop\": \"c\"}"), &["stop"]),
        (document(CLOSE, "\"positions\": {\"entry\": \"c\"}"), &["entry", "flag", "close"]),
        (document(&format!("{CLOSE}, {CLOSE}"), "\"value\": \"c\""), &["`c`", "same id"]),
        (document(&many.join(", "), "\"value\": \"1\""), &["5000", "4096"]),
        (node("\"operator\": \"abs\", \"inputs\": [\"n\"]"), &["`n`", "no node above it"]),
        (node("\"operator\": \"abs\", \"inputs\": []"), &["abs", "1 inputs", "has 0"]),
        (node("\"operator\": \"abs\", \"inputs\": [\"c\", \"c\"]"), &["abs", "has 2"]),
        (node("\"operator\": \"abs\", \"inputs\": [\"c\", \"c\", \"c\", \"c\", \"c\"]"), &["5 inputs"]),
        (node("\"operator\": \"abz\", \"inputs\": [\"c\"]"), &["abz"]),
        (node("\"library\": \"rsj\", \"inputs\": [\"c\"]"), &["rsj"]),
        (
            node("\"library\": \"ma_gap\", \"inputs\": [\"c\"], \"parameters\": {\"short\": 60, \"long\": 20}"),
            &["short", "long"],
        ),
        (node("\"operator\": \"ts_mean\", \"inputs\": [\"c\"]"), &["`d`"]),
        (
            node("\"operator\": \"ts_mean\", \"inputs\": [\"c\"], \"parameters\": {\"d\": 0}"),
            &["`d`", "1 to 2520", "0"],
        ),
        (
            node("\"operator\": \"ts_mean\", \"inputs\": [\"c\"], \"parameters\": {\"d\": 2.5}"),
            &["whole number", "2.5"],
        ),
        (node("\"operator\": \"ts_mean\", \"inputs\": [\"c\"], \"parameters\": {\"d\": [5]}"), &["`d`", "number"]),
        (node("\"operator\": \"ts_mean\", \"inputs\": [\"c\"], \"parameters\": {\"e\": 5}"), &["`e`", "d"]),
        (node("\"operator\": \"not\", \"inputs\": [\"c\"]"), &["not", "flag", "close"]),
        (
            node("\"operator\": \"cs_rank\", \"inputs\": [\"c\"], \"parameters\": {\"scale\": 1}"),
            &["`scale`", "pct", "1"],
        ),
        (
            node("\"operator\": \"cs_rank\", \"inputs\": [\"c\"], \"parameters\": {\"scale\": \"part\"}"),
            &["pct", "part"],
        ),
        (node("\"constant\": 1e400"), &["number out of range"]),
        (node("\"constant\": null"), &["exactly one of"]),
        (node("\"constant\": 1, \"inputs\": [\"c\"]"), &["no inputs"]),
        (node("\"column\": \"open\""), &["type"]),
        (node("\"column\": \"open\", \"type\": \"cost\""), &["cost", "price"]),
        (node("\"column\": \"open\", \"constant\": 1"), &["exactly one of"]),
        (node("\"colour\": \"red\""), &["colour"]),
    ];
    for (text, words) in cases {
        let shown = &text[..text.len().min(300)];
        let message = parse_json(&text).map(|_| ()).expect_err(shown).to_string();
        for word in words {
            assert!(message.contains(word), "no `{word}` in the message: {message}\n{shown}");
        }
        assert!(message.len() < 400 && !message.contains('\n'), "{message}");
    }
}

/// A graph of so many levels, each made of the one below by an operator that takes it in every place.
fn tower(operator: Operator, levels: usize) -> FactorGraph {
    let mut graph = expression("close");
    for _ in 0..levels {
        let below = graph.root();
        let inputs = vec![below; operator.definition().inputs.len()];
        let root = graph.add_with_inputs(Kind::Operator(operator, Parameters::NONE), &inputs);
        graph.set_root(root);
    }
    graph
}

#[test]
fn towers_and_doublings_print_in_every_form() {
    // A thread of the size that programs start with, as a test's own may be larger.
    let print_all = || {
        for graph in [tower(Operator::Abs, 4_000), tower(Operator::Add, 60), tower(Operator::Div, 1_000)] {
            assert_eq!(parse_json(&print_json(&graph).unwrap()).unwrap(), graph);
            for text in [print_dot(&graph).unwrap(), print_latex(&graph).unwrap(), print_factors(&graph).unwrap()] {
                assert!(text.len() < 500_000, "{} bytes", text.len());
            }
            assert!(print_polars(&graph).unwrap().len() < 500_000);
        }
    };
    std::thread::Builder::new().stack_size(1 << 20).spawn(print_all).unwrap().join().unwrap();
}

#[test]
fn shared_and_named_parts_are_printed_once() {
    let text = "name = \"x\"\n[factors]\ntrend = \"ts_mean(close, 20)\"\ngap = \"close / trend - 1\"\n[positions]\n\
                rule = \"top\"\nscore = \"gap + abs(gap)\"\nentry = \"close > trend\"\n";
    let strategy = Strategy::from_toml(text, &Schema::bars()).unwrap();
    assert_eq!(
        print_factors(&strategy.graph).unwrap(),
        "trend = ts_mean(close, 20)\ngap = close / trend - 1\nscore = gap + abs(gap)\nentry = close > trend\n"
    );
    assert_eq!(
        print_latex(&strategy.graph).unwrap(),
        "\\begin{aligned}\n\
         \\mathit{trend} &= \\operatorname{ts\\_mean}_{20}\\left(\\mathit{close}\\right) \\\\\n\
         \\mathit{gap} &= \\frac{\\mathit{close}}{\\mathit{trend}} - 1 \\\\\n\
         \\textbf{score} &= \\mathit{gap} + \\left|\\mathit{gap}\\right| \\\\\n\
         \\textbf{entry} &= \\mathit{close} > \\mathit{trend}\n\
         \\end{aligned}\n"
    );
    let program = print_polars(&strategy.graph).unwrap();
    assert_eq!(program.matches(" ts_mean(close, 20)").count(), 2, "in the heading and in the program:\n{program}");
    assert!(program.contains("with_columns(score="), "{program}");
}

/// The statements of a polars program, without what all programs share.
fn statements(graph: &FactorGraph) -> String {
    let program = print_polars(graph).unwrap();
    let body = program.split("    lay_out(frame)\n").nth(1).unwrap();
    let body = body.split("\n\n").next().unwrap();
    body.lines().map(|line| line.trim_start().to_owned() + "\n").collect()
}

#[test]
fn latex_is_mathematics() {
    for (text, expected) in [
        ("close", r"\mathit{close}"),
        ("close / open - 1", r"\frac{\mathit{close}}{\mathit{open}} - 1"),
        ("(close - open) * volume", r"\left(\mathit{close} - \mathit{open}\right) \cdot \mathit{volume}"),
        ("close - (open - low)", r"\mathit{close} - \left(\mathit{open} - \mathit{low}\right)"),
        ("close - -3", r"\mathit{close} - \left(-3\right)"),
        ("-(close + open)", r"-\left(\mathit{close} + \mathit{open}\right)"),
        ("2 * -close", r"2 \cdot \left(-\mathit{close}\right)"),
        ("(close / open)^2", r"\left(\frac{\mathit{close}}{\mathit{open}}\right)^{2}"),
        ("roe^-0.5", r"\mathit{roe}^{-0.5}"),
        ("square(roe^3)", r"\left(\mathit{roe}^{3}\right)^{2}"),
        ("sqrt(abs(roe)) + cbrt(roe)", r"\sqrt{\left|\mathit{roe}\right|} + \sqrt[3]{\mathit{roe}}"),
        ("roe * 1e-7", r"\mathit{roe} \cdot 10^{-7}"),
        ("roe + 2.5e-7", r"\mathit{roe} + 2.5 \cdot 10^{-7}"),
        ("log(close) - exp(-roe)", r"\ln\left(\mathit{close}\right) - e^{-\mathit{roe}}"),
        ("min(open, close) <= high", r"\min\left(\mathit{open},\, \mathit{close}\right) \le \mathit{high}"),
        (
            "close != open or not high >= low",
            r"\mathit{close} \ne \mathit{open} \lor \lnot \left(\mathit{high} \ge \mathit{low}\right)",
        ),
        (
            "if_else(close > open, 1, -1)",
            r"\begin{cases}1 & \text{if } \mathit{close} > \mathit{open} \\ -1 & \text{otherwise}\end{cases}",
        ),
        ("ts_mean(market_cap, 20)", r"\operatorname{ts\_mean}_{20}\left(\mathit{market\_cap}\right)"),
        ("ts_std(close, 20, ddof=0)", r"\operatorname{ts\_std}_{20,\,\mathit{ddof}=0}\left(\mathit{close}\right)"),
        ("group_rank(roe, sector)", r"\operatorname{group\_rank}\left(\mathit{roe},\, \mathit{sector}\right)"),
        ("rsi(14)", r"\operatorname{rsi}_{14}\left(\mathit{close}\right)"),
        (
            "cs_rank(close, scale=pct)",
            r"\operatorname{cs\_rank}_{\mathit{scale}=\mathit{pct}}\left(\mathit{close}\right)",
        ),
    ] {
        assert_eq!(print_latex(&expression(text)).unwrap(), format!("{expected}\n"), "{text}");
    }
}

#[test]
fn graphviz_draws_nodes_and_numbers_inputs_whose_order_matters() {
    let head = "digraph factor {\n  rankdir = BT;\n  node [fontname = \"sans-serif\"];\n";
    for (text, expected) in [
        (
            "close * volume + ts_std(close, 20, ddof=0)",
            "  n0 [label = \"close\", shape = box];\n  n1 [label = \"volume\", shape = box];\n  \
             n2 [label = \"*\", shape = ellipse];\n  n0 -> n2;\n  n1 -> n2;\n  \
             n3 [label = \"ts_std\\nd = 20\\nddof = 0\", shape = ellipse];\n  n0 -> n3;\n  \
             n4 [label = \"+\", shape = ellipse];\n  n2 -> n4;\n  n3 -> n4;\n}\n",
        ),
        (
            "rsi(14) > 70",
            "  n0 [label = \"close\", shape = box];\n  n1 [label = \"rsi\\nperiod = 14\", shape = ellipse];\n  n0 -> n1;\n  \
             n2 [label = \"70\", shape = plaintext];\n  n3 [label = \">\", shape = ellipse];\n  \
             n1 -> n3 [label = \"1\"];\n  n2 -> n3 [label = \"2\"];\n}\n",
        ),
    ] {
        assert_eq!(print_dot(&expression(text)).unwrap(), format!("{head}{expected}"), "{text}");
    }
    let strange = FactorGraph::new(Kind::Field("a \"b\" \\ c\nd".into(), Type::Plain));
    assert!(print_dot(&strange).unwrap().contains(r#"label = "a \"b\" \\ c\nd""#));
}

#[test]
fn polars_programs_say_each_node_once() {
    for (text, expected) in [
        (
            "close",
            "close = column(\"close\")\n\
          return grid.select(\"date\", \"symbol\").with_columns(value=close.cast(pl.Float64))\n",
        ),
        (
            "cs_rank(ts_mean(returns(close, 1), 20)) + 1",
            "close = column(\"close\")\n\
          v1 = returns(close, 1)\nv2 = ts_mean(v1, 20)\nv3 = cs_rank(v2)\nv5 = cells(X, x=1 + v3)\n\
          return grid.select(\"date\", \"symbol\").with_columns(value=v5.cast(pl.Float64))\n",
        ),
        (
            "ma_gap(5, 20) > 0 and not close <= open",
            "close = column(\"close\")\n\
          v1 = ts_mean(close, 5)\nv2 = ts_mean(close, 20)\nv3 = cells(X, x=v1 / v2)\nv5 = cells(X, x=v3 - 1)\n\
          v7 = v5 > 0\nopen = column(\"open\")\nv9 = close <= open\nv10 = ~v9\nv11 = v7 & v10\n\
          return grid.select(\"date\", \"symbol\").with_columns(value=v11.cast(pl.Float64))\n",
        ),
        (
            "group_zscore(ts_std(roe, 5, ddof=0) / 3, sector)",
            "roe = column(\"roe\")\n\
          v1 = ts_std(roe, 5, ddof=0)\nv2 = constant(3)\nv3 = cells(X, x=v1 / v2)\nsector = labels(\"sector\")\n\
          v5 = group_zscore(v3, sector)\n\
          return grid.select(\"date\", \"symbol\").with_columns(value=v5.cast(pl.Float64))\n",
        ),
        // Python's own words, and those of the program, are no variables.
        (
            "lambda + window + grid",
            "v0 = column(\"lambda\")\nv1 = column(\"window\")\nv2 = cells(X, x=v0 + v1)\nv3 = column(\"grid\")\n\
             v4 = cells(X, x=v2 + v3)\n\
             return grid.select(\"date\", \"symbol\").with_columns(value=v4.cast(pl.Float64))\n",
        ),
    ] {
        assert_eq!(statements(&expression(text)), expected, "{text}");
    }
}

/// A column may have any name, the words that a program is put together by included.
#[test]
fn polars_programs_quote_columns() {
    for name in ["OUTPUTS", "STATEMENTS", "HELPERS", "a \"b\" \\ c\nd", "value", "math", "é", "import os"] {
        let program = print_polars(&FactorGraph::new(Kind::Field(name.into(), Type::Plain))).unwrap();
        let quoted = name.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        assert_eq!(program.matches(&format!(" = column(\"{quoted}\")\n")).count(), 1, "{program}");
    }
}

/// Helpers that a program defines and those that it calls are the same.
#[test]
fn polars_programs_hold_the_helpers_that_they_need() {
    for &operator in Operator::ALL {
        let program = print_polars(&expression(operator.definition().example)).unwrap();
        let defined: Vec<&str> = program.split("\ndef ").skip(1).map(|rest| rest.split('(').next().unwrap()).collect();
        for name in &defined {
            let uses = program.matches(&format!("{name}(")).count();
            assert!(uses > 1, "{}: nobody calls {name}", operator.definition().name);
        }
    }
    let program = print_polars(&expression("close > open")).unwrap();
    assert!(!program.contains("def window") && !program.contains("def across"), "{program}");
}
