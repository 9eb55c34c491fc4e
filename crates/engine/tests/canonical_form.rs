//! Canonical form changes no value: whatever compiling folds, drops or puts in another order, a graph's values are
//! those of its operators as they were written, NaN and infinities included.

use engine::conformance::{Shape, panel, slow};
use engine::evaluate;
use factor::{
    FactorGraph, Kind, NodeIndex, Palette, Schema, Type, VariationSettings, compile, parse, print, random_expression,
};
use market::Panel;
use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;

/// What is dropped, folded or reordered around a number `x` and a flag `f`, and around literals alone.
const RULES: [&str; 22] = [
    "(x) * 1",
    "1 * (x)",
    "(x) / 1",
    "(x) + 0",
    "0 + (x)",
    "(x) - 0",
    "--(x)",
    "-(-(-(x)))",
    "(x) * (3 - 2) + (1 - 1)",
    "(x) * (2 + 3)",
    "(x) + log(-1)",
    "(x) * (1 / 0)",
    "max(x, y) - min(y, x)",
    "y * (x) + (x) * y",
    "ts_corr(x, y, 5) - ts_corr(y, x, 5)",
    "if_else(x == y, x, y)",
    "(x) - (x)",
    "(x) * 0",
    "(x) / (x)",
    "not not (f)",
    "(f) and g or (g and f)",
    "xor(f, 1 > 2)",
];

/// The values of the graph that ends in a node.
fn values(graph: &FactorGraph, node: NodeIndex, panel: &Panel) -> Vec<f64> {
    match graph.kind(node) {
        Kind::Field(name, _) => panel.values(name).expect("a column").to_vec(),
        Kind::Constant(value) => vec![*value; panel.bars() * panel.symbols().len()],
        _ => {
            let mut part = graph.clone();
            part.set_root(node);
            part.prune();
            evaluate(&compile(&part, &[]).expect("a part of a typed graph"), panel).expect("all columns exist")
        }
    }
}

/// Compares each operator of a graph, compiled with all that stands before it, with its slow definition over the values
/// of its inputs.
fn check(graph: &FactorGraph, panel: &Panel) -> usize {
    let mut checked = 0;
    for node in graph.nodes() {
        let Kind::Operator(operator, parameters) = graph.kind(node) else { continue };
        let (inputs, count) = graph.inputs(node);
        let inputs: Vec<Vec<f64>> = inputs[..count].iter().map(|&input| values(graph, input, panel)).collect();
        let columns: Vec<&[f64]> = inputs.iter().map(Vec::as_slice).collect();
        let expected = slow(*operator, parameters, &columns, panel);
        let found = values(graph, node, panel);
        // What is left of large numbers is known to a few parts in 1e16 of those.
        let size = columns
            .iter()
            .flat_map(|column| column.iter())
            .filter(|x| x.is_finite())
            .fold(1.0, |m: f64, x| m.max(x.abs()));
        for (cell, (&found, &expected)) in found.iter().zip(&expected).enumerate() {
            let close = (found - expected).abs() <= 1e-9 * (expected.abs() + size);
            assert!(
                close || (found.is_nan() && expected.is_nan()),
                "{} in {}, cell {cell}: {found}, not {expected}",
                operator.definition().name,
                print(graph, graph.root(), &|_| None)
            );
        }
        checked += 1;
    }
    checked
}

fn schema() -> Schema {
    Schema::new(["x", "y", "z", "close"].into_iter(), ["sector", "industry"].into_iter())
}

#[test]
fn rules_of_canonical_form_change_no_value() {
    for (seed, shape) in (0..).zip([Shape::Gaps, Shape::Infinities, Shape::Ties, Shape::Storm]) {
        let panel = panel(shape, 60, 7, seed);
        for rule in RULES {
            for (x, f) in
                [("x", "x > y"), ("cs_rank(x)", "x > 0 and y > 0"), ("0 / 0", "0 / 0 > 1"), ("ts_mean(y, 3)", "z < x")]
            {
                let text: String = rule
                    .split_inclusive(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_')
                    .map(|word| {
                        let name =
                            word.trim_end_matches(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
                        let rest = &word[name.len()..];
                        match name {
                            "x" => format!("({x}){rest}"),
                            "f" => format!("({f}){rest}"),
                            "g" => format!("(z > 0){rest}"),
                            _ => word.to_owned(),
                        }
                    })
                    .collect();
                let graph = parse(&text, &schema()).unwrap_or_else(|error| panic!("{error}"));
                assert!(check(&graph, &panel) > 0);
            }
        }
    }
}

#[test]
fn graphs_have_the_values_of_their_operators() {
    let settings = VariationSettings { max_window: 12, whole_vocabulary: true, ..VariationSettings::new(schema()) };
    let palette = Palette::new(settings).expect("columns to build from");
    let panels = [Shape::Gaps, Shape::Infinities, Shape::Ties].map(|shape| panel(shape, 40, 6, 3));
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(31);
    let (mut graphs, mut checked) = (0, 0);
    while graphs < 1_500 {
        let output = if graphs % 3 == 0 { Type::Flag } else { Type::RATIO };
        if let Some(graph) = random_expression(&palette, output, 3 + graphs % 10, &mut rng) {
            checked += check(&graph, &panels[graphs % panels.len()]);
            graphs += 1;
        }
    }
    assert!(2 * checked > 3 * graphs, "{checked} operators in {graphs} graphs");
}
