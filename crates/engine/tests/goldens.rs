//! Operators against values that pandas, numpy, scipy and bottleneck computed: `golden/operators.py` wrote them.

use std::collections::BTreeSet;

use engine::evaluate;
use factor::{Kind, Operator, Schema, compile, parse};
use indexmap::IndexMap;
use market::{Calendar, Group, Panel};
use ndarray::Array2;
use serde_json::Value;

const DAY: i64 = 86_400_000_000;

fn golden() -> Value {
    serde_json::from_str(include_str!("golden/operators.json")).expect("the file as the script wrote it")
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
    let labels: Vec<&str> =
        golden["sector"].as_array().expect("labels").iter().filter_map(serde_json::Value::as_str).collect();
    let (bars, symbols) = fields["close"].dim();
    let codes = Array2::from_shape_fn((bars, symbols), |(_, symbol)| f64::from(u8::from(labels[symbol] == "b")));
    let sector = Group { labels: ["a", "b"].map(str::to_owned).to_vec(), codes };
    let calendar = Calendar::new((0..bars as i64).map(|row| row * DAY).collect(), None).expect("rising days");
    let symbols = (0..symbols).map(|symbol| format!("S{symbol}")).collect();
    Panel::new(calendar, symbols, fields, IndexMap::from([("sector".to_owned(), sector)])).expect("a valid panel")
}

#[test]
fn operators_agree_with_other_tools() {
    let golden = golden();
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
        for ((cell, &value), &expected) in values.iter().enumerate().zip(&table(expected)) {
            let agree = if expected.is_nan() {
                value.is_nan()
            } else {
                (value - expected).abs() <= 1e-12 + 1e-9 * expected.abs()
            };
            if !agree {
                failures.push(format!("{text}, cell {cell}: {value}, not {expected}"));
            }
        }
    }
    assert!(failures.is_empty(), "{} disagreements:\n{}", failures.len(), failures.join("\n"));
    let names = Operator::ALL.iter().map(|operator| operator.definition().name);
    let missing: Vec<&str> = names.filter(|name| !covered.contains(name)).collect();
    assert!(missing.is_empty(), "without a golden: {missing:?}");
}
