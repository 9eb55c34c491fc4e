//! Operators and library factors against values that pandas, numpy, scipy, bottleneck and TA-Lib computed:
//! `golden/operators.py` and `golden/library.py` wrote them.

use std::collections::BTreeSet;

use engine::evaluate;
use factor::{Kind, LibraryFactor, Operator, Schema, compile, parse};
use indexmap::IndexMap;
use market::{Calendar, Group, Panel};
use ndarray::Array2;
use serde_json::Value;

const DAY: i64 = 86_400_000_000;

fn golden(text: &str) -> Value {
    serde_json::from_str(text).expect("the file as the script wrote it")
}

/// A table of rows, null for NaN.
fn table(value: &Value) -> Array2<f64> {
    let rows = value.as_array().expect("rows");
    let cells: Vec<f64> = rows
        .iter()
        .flat_map(|row| row.as_array().expect("cells").iter().map(|cell| cell.as_f64().unwrap_or(f64::NAN)))
        .collect();
    Array2::from_shape_vec((rows.len(), cells.len() / rows.len()), cells).expect("rows of equal length")
}

fn panel(golden: &Value) -> Panel {
    let fields: IndexMap<String, Array2<f64>> = golden["fields"]
        .as_object()
        .expect("fields by name")
        .iter()
        .map(|(name, values)| (name.clone(), table(values)))
        .collect();
    let (bars, symbols) = fields["close"].dim();
    let sector = golden["sector"].as_array().map(|labels| {
        let code = |symbol: usize| f64::from(u8::from(labels[symbol] == "b"));
        let codes = Array2::from_shape_fn((bars, symbols), |(_, symbol)| code(symbol));
        ("sector".to_owned(), Group { labels: ["a", "b"].map(str::to_owned).to_vec(), codes })
    });
    let calendar = Calendar::new((0..bars as i64).map(|row| row * DAY).collect(), None).expect("rising days");
    let symbols = (0..symbols).map(|symbol| format!("S{symbol}")).collect();
    Panel::new(calendar, symbols, fields, sector.into_iter().collect()).expect("a valid panel")
}

/// Where values are not those expected to 1e-9.
fn disagreements(text: &str, values: &[f64], expected: &Array2<f64>) -> Vec<String> {
    assert_eq!(values.len(), expected.len(), "{text}");
    let agree = |value: f64, expected: f64| {
        let near = || (value - expected).abs() <= 1e-12 + 1e-9 * expected.abs();
        if expected.is_nan() { value.is_nan() } else { near() }
    };
    let pairs = values.iter().zip(expected).enumerate().filter(|&(_, (&value, &expected))| !agree(value, expected));
    pairs.map(|(cell, (value, expected))| format!("{text}, cell {cell}: {value}, not {expected}")).collect()
}

#[test]
fn operators_agree_with_other_tools() {
    let golden = golden(include_str!("golden/operators.json"));
    let panel = panel(&golden);
    let schema = Schema::new(panel.field_names(), panel.group_names());
    let mut covered = BTreeSet::new();
    let mut failures = Vec::new();
    for (text, expected) in golden["cases"].as_object().expect("cases by expression") {
        let graph = parse(text, &schema).unwrap_or_else(|error| panic!("{text}: {error}"));
        covered.extend(graph.nodes().filter_map(|node| match &graph.node(node).kind {
            Kind::Operator(operator, _) => Some(operator.definition().name),
            _ => None,
        }));
        let values = evaluate(&compile(&graph, &[]).expect("a typed expression"), &panel).expect("all columns exist");
        failures.extend(disagreements(text, &values, &table(expected)));
    }
    assert!(failures.is_empty(), "{} disagreements:\n{}", failures.len(), failures.join("\n"));
    let names = Operator::ALL.iter().map(|operator| operator.definition().name);
    let missing: Vec<&str> = names.filter(|name| !covered.contains(name)).collect();
    assert!(missing.is_empty(), "without a golden: {missing:?}");
}

#[test]
fn library_factors_agree_with_other_tools() {
    let golden = golden(include_str!("golden/library.json"));
    let panel = panel(&golden);
    let schema = Schema::new(panel.field_names(), panel.group_names());
    let shown: Vec<usize> =
        golden["shown"].as_array().expect("rows").iter().map(|row| row.as_u64().expect("a row") as usize).collect();
    let mut covered = BTreeSet::new();
    let mut failures = Vec::new();
    for (text, case) in golden["cases"].as_object().expect("cases by expression") {
        let graph = parse(text, &schema).unwrap_or_else(|error| panic!("{text}: {error}"));
        let Kind::Library(factor, _) = &graph.node(graph.root()).kind else { panic!("{text} is no library factor") };
        covered.insert(*factor);
        let values = evaluate(&compile(&graph, &[]).expect("a typed expression"), &panel).expect("all columns exist");
        let first = case["first"].as_u64().expect("a row") as usize;
        let rows = shown.iter().filter(|&&row| row >= first);
        let values: Vec<f64> =
            rows.flat_map(|row| values.chunks(panel.symbols().len()).nth(*row).expect("a row")).copied().collect();
        assert!(values.iter().any(|value| value.is_finite()), "{text} has no value to compare");
        failures.extend(disagreements(text, &values, &table(&case["values"])));
    }
    assert!(failures.is_empty(), "{} disagreements:\n{}", failures.len(), failures.join("\n"));
    let missing = LibraryFactor::all().filter(|factor| !covered.contains(factor));
    let missing: Vec<&str> = missing.map(|factor| factor.definition().name).collect();
    assert!(missing.is_empty(), "without a golden: {missing:?}");
}
