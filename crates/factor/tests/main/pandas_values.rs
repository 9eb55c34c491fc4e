//! Printed pandas programs give our values: run by pandas itself, on demand.
//!
//! `cargo test --release --test main pandas_values -- --ignored --nocapture` makes a virtual environment, installs
//! pandas and numpy in it, and compares the program of every operator's example, and of random expressions, with the
//! slow reference over a market with gaps, ties, quiet windows and zeros. It needs Python 3.11 and a network.

use std::path::{Path, PathBuf};
use std::process::Command;

use factor::{
    Dialect, FactorGraph, Kind, Node, Operator, Parameters, Port, Schema, compile, parse, print, print_dialect,
};
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

use crate::dialects::Grower;
use crate::slow::{Matrix, values};

const ROWS: usize = 320;
const SYMBOLS: usize = 7;
const COLUMNS: [&str; 5] = ["open", "high", "low", "close", "volume"];

/// A market that is hard on windows: prices in ticks, so that they tie, a symbol that stands still for a while, one
/// that starts late, gaps, and days without volume.
fn market() -> Vec<(&'static str, Matrix)> {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(8);
    let mut uniform = move || (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
    let mut columns: Vec<(&str, Matrix)> = COLUMNS.iter().map(|name| (*name, vec![vec![0.0; ROWS]; SYMBOLS])).collect();
    for symbol in 0..SYMBOLS {
        let mut price = 20.0 + 10.0 * symbol as f64;
        for row in 0..ROWS {
            let still = symbol == 2 && (100..160).contains(&row);
            let tick = |x: f64| (x * 4.0).round() / 4.0;
            let open = if still { price } else { tick(price * (0.99 + 0.02 * uniform())) };
            let close = if still { price } else { tick(price * (0.97 + 0.0605 * uniform())).max(1.0) };
            let high = if still { price } else { open.max(close) + tick(uniform()) };
            let low = if still { price } else { open.min(close) - tick(uniform()).min(0.5) };
            let volume = if uniform() < 0.02 { 0.0 } else { (uniform() * 1e5).round() };
            let missing = uniform() < 0.01 || (symbol == 4 && row < 70);
            for ((_, column), value) in columns.iter_mut().zip([open, high, low, close, volume]) {
                column[symbol][row] = if missing { f64::NAN } else { value };
            }
            price = close;
        }
    }
    columns
}

/// The expressions to compare: every example that pandas can say, and random ones.
fn expressions() -> (Vec<FactorGraph>, usize) {
    let schema = Schema::open();
    let mut graphs = Vec::new();
    let mut operators = Vec::new();
    for &operator in Operator::ALL {
        let graph = parse(operator.definition().example, &schema).unwrap();
        if print_dialect(&graph, Dialect::Pandas).is_ok() {
            operators.push(operator);
            graphs.push(graph.clone());
        }
        // The same with windows that need not be full.
        if let Kind::Operator(_, parameters) = graph.kind(graph.root())
            && operator.definition().parameters.iter().any(|parameter| parameter.name == "min_periods")
        {
            let mut values = parameters.as_slice().to_vec();
            *values.last_mut().expect("the option is the last parameter") = 5.0;
            let mut partial = graph.clone();
            partial.replace(graph.root(), Node::new(Kind::Operator(operator, Parameters::new(&values))));
            if print_dialect(&partial, Dialect::Pandas).is_ok() {
                graphs.push(partial);
            }
        }
    }
    let examples = graphs.len();
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(9);
    while graphs.len() < examples + 300 {
        let mut graph = FactorGraph::new(Kind::Positions);
        let port = if graphs.len() % 5 == 0 { Port::Flag } else { Port::U };
        let root = Grower { operators: operators.clone(), rng: &mut rng }.grow(&mut graph, port, 2);
        graph.set_root(root);
        graph.prune();
        let bare = matches!(graph.kind(root), Kind::Constant(_) | Kind::Field(..));
        if !bare && compile(&graph, &[]).is_ok() && print_dialect(&graph, Dialect::Pandas).is_ok() {
            graphs.push(graph);
        }
    }
    (graphs, examples)
}

fn python() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pandas");
    let python = folder.join("bin/python");
    if !python.is_file() {
        run(Command::new("python3").args(["-m", "venv"]).arg(&folder));
        run(Command::new(&python).args(["-m", "pip", "install", "--quiet", "pandas>=3", "numpy"]));
    }
    python
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}\n{text}");
    text
}

/// A matrix as a list of rows, in JSON as Python reads it.
fn json(matrix: &Matrix) -> String {
    let cell = |value: f64| if value.is_nan() { "NaN".to_owned() } else { format!("{value:?}") };
    let row = |row: usize| {
        let cells: Vec<String> = matrix.iter().map(|symbol| cell(symbol[row])).collect();
        format!("[{}]", cells.join(","))
    };
    format!("[{}]", (0..ROWS).map(row).collect::<Vec<_>>().join(","))
}

#[test]
#[ignore = "installs pandas: run on demand"]
#[expect(clippy::print_stdout, reason = "the comparison is to be read")]
fn printed_pandas_programs_give_our_values() {
    let market = market();
    let columns: Vec<String> = market.iter().map(|(name, matrix)| format!("{name:?}: {}", json(matrix))).collect();
    let (graphs, examples) = expressions();
    let cases: Vec<String> = graphs
        .iter()
        .enumerate()
        .map(|(place, graph)| {
            let random = place >= examples;
            let program = print_dialect(graph, Dialect::Pandas).unwrap().text;
            let ours = values(&compile(graph, &[]).unwrap(), &market);
            let text = print(graph, graph.root(), &|_| None);
            format!(
                "{{\"random\": {random}, \"text\": {text:?}, \"program\": {program:?}, \"values\": {}}}",
                json(&ours)
            )
        })
        .collect();
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pandas_cases.json");
    let all = format!("{{\"columns\": {{{}}},\n\"cases\": [{}]}}", columns.join(",\n"), cases.join(",\n"));
    std::fs::write(&file, all).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/main/pandas_values.py");
    println!("{}", run(Command::new(python()).arg(script).arg(file)));
}
