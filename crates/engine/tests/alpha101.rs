//! The 101 Formulaic Alphas of `strategies/alpha101`: every file reads, runs, and sees nothing but its past; values agree
//! with those of another package, which `golden/alpha101.py` wrote.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use engine::evaluate;
use factor::{Program, Schema, compile, parse};
use indexmap::IndexMap;
use market::{Calendar, Group, Panel};
use ndarray::Array2;
use serde_json::Value;

const DAY: i64 = 86_400_000_000;
const BARS: usize = 320;
const SYMBOLS: usize = 40;
const FIELDS: [&str; 7] = ["open", "high", "low", "close", "volume", "vwap", "cap"];
const GROUPS: [(&str, usize); 3] = [("sector", 3), ("industry", 6), ("subindustry", 12)];

/// The linear congruential generator of the script.
struct Uniform(u64);

impl Uniform {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// The market of the script, to the bit: nothing in it depends on a library.
fn bars() -> Vec<Array2<f64>> {
    let cents = |price: f64| (price * 100.0 + 0.5).floor() / 100.0;
    let mut fields = vec![Array2::zeros((BARS, SYMBOLS)); FIELDS.len()];
    let mut last: Vec<f64> = (0..SYMBOLS).map(|symbol| 30.0 + 3.0 * symbol as f64).collect();
    let mut random = Uniform(7);
    for bar in 0..BARS {
        let market = 0.02 * (random.next() - 0.5);
        for (symbol, last) in last.iter_mut().enumerate() {
            let open = cents(*last * (1.0 + 0.01 * (random.next() - 0.5)));
            let close = cents(*last * (1.0 + market + 0.05 * (random.next() - 0.5)));
            let high = cents(open.max(close) * (1.0 + 0.01 * random.next()));
            let low = cents(open.min(close) * (1.0 - 0.01 * random.next()));
            let volume = (1000.0 * (1.0 + symbol as f64) * (0.2 + 3.0 * random.next() * random.next())).floor();
            let vwap = low + (high - low) * (0.2 + 0.6 * random.next());
            let cap = close * (1e6 * (1.0 + ((7 * symbol) % 11) as f64));
            *last = close;
            for (field, value) in fields.iter_mut().zip([open, high, low, close, volume, vwap, cap]) {
                field[[bar, symbol]] = value;
            }
        }
    }
    fields
}

/// The market, with every price, volume and label of the bars that `changed` picks replaced by another.
fn panel(changed: impl Fn(usize) -> bool) -> Panel {
    let mut random = Uniform(11);
    let fields = FIELDS.iter().zip(bars()).map(|(name, mut values)| {
        for (bar, mut row) in values.rows_mut().into_iter().enumerate() {
            for cell in row.iter_mut().filter(|_| changed(bar)) {
                *cell *= 0.1 + 2.0 * random.next();
            }
        }
        ((*name).to_owned(), values)
    });
    let fields = fields.collect();
    let groups = GROUPS.iter().map(|&(name, count)| {
        let code = |bar, symbol| ((symbol + usize::from(changed(bar))) % count) as f64;
        let labels = (0..count).map(|label| format!("{name}{label}")).collect();
        (
            name.to_owned(),
            Group { labels, codes: Array2::from_shape_fn((BARS, SYMBOLS), |(bar, symbol)| code(bar, symbol)) },
        )
    });
    let groups: IndexMap<String, Group> = groups.collect();
    let calendar = Calendar::new((0..BARS as i64).map(|row| row * DAY).collect(), None).expect("rising days");
    let symbols = (0..SYMBOLS).map(|symbol| format!("S{symbol:02}")).collect();
    Panel::new(calendar, symbols, fields, groups).expect("a valid panel")
}

/// Every alpha by its number, from its file.
fn alphas() -> BTreeMap<u32, Program> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../strategies/alpha101");
    let groups = GROUPS.iter().map(|(name, _)| *name);
    let schema = Schema::new(FIELDS.into_iter(), groups);
    let files = fs::read_dir(&folder).expect("the folder of expressions");
    let paths = files.map(|file| file.expect("a file").path());
    let read = |path: &Path| {
        let name = path.file_stem().and_then(|stem| stem.to_str()).expect("a name");
        let number: u32 = name.strip_prefix("alpha").and_then(|digits| digits.parse().ok()).expect("alphaNNN.expr");
        let text = fs::read_to_string(path).expect("a text");
        let head: Vec<&str> = text.lines().take(2).collect();
        let title = format!("# Alpha {number} of \"101 Formulaic Alphas\" (Kakushadze, arXiv:1601.00991).");
        assert_eq!(head[0], title, "{name}");
        let paper =
            head[1].strip_prefix("# paper: ").unwrap_or_else(|| panic!("{name}: the paper's formula is missing"));
        assert_eq!(paper.matches('(').count(), paper.matches(')').count(), "{name}: {paper}");
        let graph = parse(&text, &schema).unwrap_or_else(|error| panic!("{name}: {error}"));
        (number, compile(&graph, &[]).unwrap_or_else(|error| panic!("{name}: {error}")))
    };
    paths.filter(|path| path.extension().is_some_and(|end| end == "expr")).map(|path| read(&path)).collect()
}

fn values(program: &Program, panel: &Panel) -> Vec<f64> {
    evaluate(program, panel).expect("all columns exist")
}

fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|value| value.to_bits()).collect()
}

#[test]
fn at_least_95_alphas_have_values() {
    let (panel, alphas) = (panel(|_| false), alphas());
    assert!(alphas.len() >= 95, "{} alphas", alphas.len());
    for (number, program) in &alphas {
        let values = values(program, &panel);
        assert!(!values.iter().any(|value| value.is_infinite()), "alpha {number} is infinite");
        let first = program.lookback() as usize * SYMBOLS;
        let known = values[first..].iter().filter(|value| value.is_finite()).count();
        assert!(known > 100, "alpha {number} has {known} values of {}", values.len() - first);
    }
}

#[test]
fn no_alpha_sees_a_later_bar_or_one_older_than_it_says() {
    let (whole, cut) = (panel(|_| false), 290);
    let later = panel(|bar| bar >= cut);
    for (number, program) in alphas() {
        let before = values(&program, &whole);
        let known = cut * SYMBOLS;
        assert!(bits(&before[..known]) == bits(&values(&program, &later)[..known]), "alpha {number} sees later bars");
        let oldest = BARS - 1 - program.lookback() as usize;
        let (older, last) = (panel(|bar| bar < oldest), (BARS - 1) * SYMBOLS);
        assert!(bits(&before[last..]) == bits(&values(&program, &older)[last..]), "alpha {number} sees older bars");
    }
}

/// Alphas that may differ from the other package, and why.
const APART: [(&str, &[u32]); 4] = [
    ("ranks of values that are equal but for rounding", &[13, 16, 45, 88, 94, 98]),
    ("of equal maxima the other package takes the oldest, we the most recent", &[57]),
    ("0^0 is 0 there, 1 here", &[85, 90]),
    ("min of two series skips what is missing there", &[92]),
];

#[test]
fn values_agree_with_another_package() {
    let golden: Value = serde_json::from_str(include_str!("golden/alpha101.json")).expect("as the script wrote it");
    let panel = panel(|_| false);
    let excused = |number: u32| APART.iter().any(|(_, numbers)| numbers.contains(&number));
    let (mut failures, mut agreed) = (Vec::new(), 0);
    for (number, program) in alphas() {
        let rows = golden["values"][format!("{number:03}")].as_array().expect("rows");
        let expected: Vec<f64> = rows
            .iter()
            .flat_map(|row| row.as_array().expect("cells").iter().map(|cell| cell.as_f64().unwrap_or(f64::NAN)))
            .collect();
        let values = values(&program, &panel);
        let shown = &values[values.len() - expected.len()..];
        let agree = |&(&value, &expected): &(&f64, &f64)| {
            (value.is_nan() && expected.is_nan()) || (value - expected).abs() <= 1e-12 + 1e-9 * expected.abs()
        };
        let apart = shown.iter().zip(&expected).filter(|pair| !agree(pair));
        let apart: Vec<String> = apart.map(|(value, expected)| format!("{value} for {expected}")).collect();
        if apart.is_empty() {
            agreed += 1;
        } else if !excused(number) {
            failures.push(format!("{number}: {} of {}: {apart:?}", apart.len(), expected.len()));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(agreed >= 90, "{agreed} alphas agree");
}
