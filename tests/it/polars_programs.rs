//! Printed polars programs give the values of `evoquant eval`.
//!
//! On demand, as it installs polars in a virtual environment (Python 3.10 or later, and a package index):
//!
//! ```sh
//! cargo test --release --test it polars_programs -- --ignored --nocapture
//! ```
//!
//! `EVOQUANT_POLARS` is another version than the one below, `EVOQUANT_GRAPHS` another number of random expressions.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Command;

use factor::{
    Definition, LibraryFactor, Operator, Palette, ParameterKind, Port, Schema, Syntax, Type, Unit, VariationSettings,
    print, print_number, random_expression,
};
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

use crate::{run, stderr};

const POLARS: &str = "2.1.0";
const BARS: usize = 600;
const SYMBOLS: usize = 14;
const NUMBERS: [&str; 9] = ["open", "high", "low", "close", "volume", "revenue", "roe", "market_cap", "market"];

/// Runs every program of a folder over a file of bars and writes what it gives beside it.
const DRIVER: &str = "\
import pathlib, runpy, sys
frame = None
for path in sorted(pathlib.Path(sys.argv[1]).glob('*.py')):
    program = runpy.run_path(str(path))
    frame = program['read'](sys.argv[2]) if frame is None else frame
    program['values'](frame).write_csv(path.with_suffix('.polars.csv'))
";

fn uniform(rng: &mut Xoshiro256PlusPlus) -> f64 {
    (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
}

/// Long bars with missing rows and empty cells in two symbols of three, late and early symbols, equal volumes
/// and ranges, a stretch without any movement, and a symbol without a sector. With `universe`, a column of members besides.
///
/// Volumes are whole numbers, whose sums are exact. Of prices none repeat but in that stretch: sums that are equal but for
/// their last digits are ranked and compared by those, which no two programs share.
fn bars(universe: bool) -> String {
    let rng = &mut Xoshiro256PlusPlus::seed_from_u64(3);
    let mut text = format!("date,symbol,{},sector{}\n", NUMBERS.join(","), if universe { ",universe" } else { "" });
    let mut prices: Vec<f64> = (0..SYMBOLS).map(|symbol| 50.0 + 3.0 * symbol as f64).collect();
    for bar in 0..BARS {
        let market = 1000.0 + 20.0 * (bar as f64 / 9.0).sin() + 10.0 * uniform(rng);
        for (symbol, price) in prices.iter_mut().enumerate() {
            *price *= 1.0 + 0.06 * (uniform(rng) - 0.5);
            let listed = !(symbol == 13 && bar < 60 || symbol == 12 && bar > 150);
            let gaps = if symbol % 3 == 0 { 0.0 } else { 1.0 };
            if uniform(rng) < 0.03 * gaps || !listed {
                continue;
            }
            let still = symbol == 3 && (100..130).contains(&bar);
            let close = if still { 40.0 } else { *price };
            let same = still || uniform(rng) < 0.1;
            let open = if same { close } else { close * (1.0 + 0.01 * (uniform(rng) - 0.5)) };
            let step = |rng: &mut Xoshiro256PlusPlus| f64::from([0_u8, 1, 3][(rng.next_u64() % 3) as usize]) / 8.0;
            let (high, low) = (open.max(close) + step(rng), open.min(close) - step(rng));
            let volume = 100.0 * ((rng.next_u64() % 9) as f64 + 1.0 - gaps);
            let (revenue, roe) = (100.0 + 30.0 * (uniform(rng) - 0.5), uniform(rng) - 0.4);
            let date = format!("{}-{:02}-{:02}", 2018 + bar / 336, 1 + bar / 28 % 12, 1 + bar % 28);
            let _ = write!(text, "{date},S{symbol:02}");
            for value in [open, high, low, close] {
                let _ = if uniform(rng) < 0.01 * gaps { write!(text, ",") } else { write!(text, ",{value:.4}") };
            }
            for value in [volume, revenue, roe] {
                let _ = if uniform(rng) < 0.02 * gaps { write!(text, ",") } else { write!(text, ",{value:.3}") };
            }
            let sector = ["a", "b", "c"][symbol % 3];
            let _ = write!(text, ",{:.0},{market:.3},{}", *price * 1e6, if symbol == 11 { "" } else { sector });
            let _ = if universe { writeln!(text, ",{}", u8::from(uniform(rng) < 0.8)) } else { writeln!(text) };
        }
    }
    text
}

/// The operator over columns, with its parameters at their least and somewhat above.
fn applications(definition: &Definition) -> Vec<String> {
    if definition.syntax != Syntax::Function {
        return Vec::new();
    }
    let choose = |port: Port, earlier: usize| match port {
        Port::U => ["close", "open", "high"][earlier],
        Port::V => "volume",
        Port::Ratio => "roe",
        Port::Flag => ["close > open", "volume > 400", "high > ts_delay(high, 1)"][earlier],
        Port::Group => ["sector", "cs_qcut(volume, 3)"][earlier],
    };
    let ports = definition.inputs;
    let earlier = |place: usize| ports[..place].iter().filter(|&&port| port == ports[place]).count();
    let inputs: Vec<&str> = (0..ports.len()).map(|place| choose(ports[place], earlier(place))).collect();
    let positional = || definition.parameters.iter().filter(|parameter| !parameter.option);
    let least = positional().map(|parameter| match parameter.kind {
        ParameterKind::Rows { least } => f64::from(least),
        ParameterKind::Whole { least, .. } => f64::from(least),
        ParameterKind::Real { .. } | ParameterKind::Choice { .. } => parameter.usual.0,
    });
    let above = positional().map(|parameter| match parameter.kind {
        ParameterKind::Rows { least } => f64::from(least + 6),
        ParameterKind::Whole { most, .. } => f64::from(most.min(3)),
        ParameterKind::Real { .. } | ParameterKind::Choice { .. } => parameter.usual.1,
    });
    [least.collect::<Vec<_>>(), above.collect()]
        .map(|values| {
            let arguments = inputs.iter().map(|&input| input.to_owned()).chain(values.into_iter().map(print_number));
            format!("{}({})", definition.name, arguments.collect::<Vec<_>>().join(", "))
        })
        .into()
}

/// An example of every operator, with each of its options, and of every library factor.
fn examples() -> Vec<String> {
    let mut examples = Vec::new();
    for definition in Operator::ALL.iter().map(|operator| operator.definition()) {
        examples.push(definition.example.to_owned());
        examples.extend(applications(definition));
        for parameter in definition.parameters.iter().filter(|parameter| parameter.option) {
            let values = match parameter.kind {
                // One known row is enough, and more than moments need.
                _ if parameter.name == "min_periods" => vec![1.0, 5.0],
                ParameterKind::Rows { least } => vec![f64::from(least)],
                ParameterKind::Whole { least, most } => (least..=most).map(f64::from).collect(),
                ParameterKind::Real { least, most } => vec![least, f64::midpoint(least, most.min(2.0)), most],
                ParameterKind::Choice { words } => (0..words.len()).map(|place| place as f64).collect(),
            };
            let call = format!("{}(", definition.name);
            let Some(start) = definition.example.find(&call) else { continue };
            let end = closing(definition.example, start + call.len());
            for value in values.into_iter().filter(|&value| parameter.default != Some(value)) {
                let (before, after) = definition.example.split_at(end);
                examples.push(format!("{before}, {}={}{after}", parameter.name, parameter.text_of(value)));
            }
        }
    }
    let known = LibraryFactor::all().map(LibraryFactor::definition);
    examples.extend(
        known.map(|factor| format!("{}({})", factor.name, if NUMBERS.contains(&factor.input) { "" } else { "close" })),
    );
    examples
}

/// Where the bracket closes that opened just before `start`.
fn closing(text: &str, start: usize) -> usize {
    let mut depth = 1;
    for (at, character) in text[start..].char_indices() {
        depth += match character {
            '(' => 1,
            ')' => -1,
            _ => 0,
        };
        if depth == 0 {
            return start + at;
        }
    }
    panic!("`{text}` has brackets that never close")
}

fn random(count: usize) -> Vec<String> {
    let schema = Schema::new(NUMBERS.into_iter(), ["sector"].into_iter());
    let settings = VariationSettings { max_window: 60, ..VariationSettings::new(schema) };
    let palette = Palette::new(settings).expect("enough columns for any factor");
    let types = [Type::RATIO, Type::Flag, Type::Plain, Type::Number(Unit::PRICE), Type::RATIO];
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(50);
    let graphs = (0..count).map(|round| random_expression(&palette, types[round % 5], 2 + round % 20, &mut rng));
    graphs
        .map(|graph| graph.expect("these types can be made"))
        .map(|graph| print(&graph, graph.root(), &|_| None))
        .collect()
}

/// Values by date and symbol, of a file with these three columns.
fn read(path: &Path) -> BTreeMap<(String, String), Option<f64>> {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let row = |line: &str| {
        let [date, symbol, value] = line.split(',').collect::<Vec<_>>()[..] else { panic!("three cells, not {line}") };
        let value = (!value.is_empty()).then(|| value.parse().expect("a number"));
        ((date.to_owned(), symbol.to_owned()), value)
    };
    text.lines().skip(1).map(row).collect()
}

fn command(program: &Path, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).output();
    let output = output.unwrap_or_else(|error| panic!("{}: {error}", program.display()));
    assert!(output.status.success(), "{arguments:?}\n{}", stderr(&output));
}

/// Prints the expressions as programs into a folder and has `evoquant eval` write their values beside them.
fn prepare(expressions: &[String], bars: &str, folder: &Path) -> usize {
    let mut refused = 0;
    for (number, expression) in expressions.iter().enumerate() {
        let printed = run(&["print", expression, "--as", "polars", "--data", bars]);
        if !printed.status.success() {
            assert!(stderr(&printed).contains("cannot be printed as polars"), "{expression}: {}", stderr(&printed));
            refused += 1;
            continue;
        }
        let path = |extension: &str| folder.join(format!("{number:04}.{extension}"));
        fs::write(path("py"), printed.stdout).expect("written");
        let values = path("csv");
        let output = run(&["eval", expression, "--data", bars, "--out", values.to_str().expect("a path")]);
        assert!(output.status.success(), "{expression}\n{}", stderr(&output));
    }
    refused
}

/// Cells in which the two disagree, in words.
fn disagreements(expression: &str, folder: &Path, number: usize) -> Option<String> {
    let own = read(&folder.join(format!("{number:04}.csv")));
    let other = read(&folder.join(format!("{number:04}.polars.csv")));
    assert_eq!(own.len(), other.len(), "{expression}");
    assert_eq!(own.values().all(Option::is_none), other.values().all(Option::is_none), "{expression}");
    let agree = |own: Option<f64>, other: Option<f64>| match (own, other) {
        (Some(own), Some(other)) => (own - other).abs() <= 1e-12 + 1e-9 * own.abs(),
        (None, None) => true,
        _ => false,
    };
    let wrong: Vec<_> = own.iter().filter(|&(cell, &value)| !agree(value, other[cell])).collect();
    let (cell, value) = wrong.first()?;
    Some(format!(
        "{expression}: {} of {} cells, first {cell:?}: {value:?}, polars {:?}",
        wrong.len(),
        own.len(),
        other[cell]
    ))
}

#[test]
#[ignore = "installs polars: cargo test --release --test it polars_programs -- --ignored --nocapture"]
#[expect(clippy::print_stderr, reason = "says what was compared")]
fn polars_programs_give_the_same_values() {
    let folder = tempfile::tempdir().expect("a folder");
    let environment = folder.path().join("environment");
    command(Path::new("python3"), &["-m", "venv", environment.to_str().expect("a path")]);
    let python = environment.join("bin").join("python");
    let version = std::env::var("EVOQUANT_POLARS").unwrap_or_else(|_| POLARS.to_owned());
    command(&python, &["-m", "pip", "install", "--quiet", &format!("polars=={version}")]);
    let count = std::env::var("EVOQUANT_GRAPHS").ok().and_then(|text| text.parse().ok()).unwrap_or(50);
    let expressions: Vec<String> = examples().into_iter().chain(random(count)).collect();
    let mut failures = Vec::new();
    for universe in [false, true] {
        let programs = folder.path().join(if universe { "universe" } else { "all" });
        fs::create_dir(&programs).expect("a folder");
        let file = folder.path().join(format!("bars-{universe}.csv"));
        fs::write(&file, bars(universe)).expect("written");
        let file = file.to_str().expect("a path");
        let refused = prepare(&expressions, file, &programs);
        command(&python, &["-c", DRIVER, programs.to_str().expect("a path"), file]);
        let numbers = (0..expressions.len()).filter(|number| programs.join(format!("{number:04}.py")).is_file());
        failures.extend(numbers.filter_map(|number| disagreements(&expressions[number], &programs, number)));
        let empty = |number: &usize| {
            let path = programs.join(format!("{number:04}.csv"));
            path.is_file() && read(&path).values().all(Option::is_none)
        };
        let empty: Vec<&str> =
            (0..expressions.len()).filter(empty).map(|number| expressions[number].as_str()).collect();
        assert!(empty.len() * 20 < expressions.len(), "too many without any value to compare:\n{}", empty.join("\n"));
        eprintln!(
            "polars {version}: {} expressions compared, {} of them without any value, {refused} refused",
            expressions.len() - refused,
            empty.len()
        );
    }
    assert!(failures.is_empty(), "{} disagree:\n{}", failures.len(), failures.join("\n"));

    // The program by itself: a file of bars in, a file of values out.
    let path = |name: &str| folder.path().join(name).to_str().expect("a path").to_owned();
    let expression = "cs_rank(ts_corr(close, volume, 20))";
    fs::write(path("program.py"), run(&["print", expression, "--as", "polars"]).stdout).expect("written");
    let market = "data/us_large_caps_daily_2013_2023.parquet";
    command(&python, &[&path("program.py"), market, &path("0000.polars.csv")]);
    assert!(run(&["eval", expression, "--out", &path("0000.csv")]).status.success());
    assert_eq!(disagreements(expression, folder.path(), 0), None);
}
