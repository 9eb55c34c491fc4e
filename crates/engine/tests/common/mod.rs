//! Panels made to hurt, and values by the slow definitions of operators.

use factor::{Operator, Parameters, Reference};
use indexmap::IndexMap;
use market::{Calendar, Group, Panel};
use ndarray::Array2;
use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

const DAY: i64 = 86_400_000_000;

/// A number in 0..1.
fn uniform(rng: &mut Xoshiro256PlusPlus) -> f64 {
    (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
}

/// A value of a shape of data that breaks kernels, after the one before.
fn value(shape: &str, row: usize, before: f64, rng: &mut Xoshiro256PlusPlus) -> f64 {
    let noise = uniform(rng) - 0.5;
    match shape {
        "gaps" if uniform(rng) < 0.15 => f64::NAN,
        "ties" if uniform(rng) < 0.05 => f64::NAN,
        "ties" => (noise * 6.0).round(),
        "constant" => 3.7,
        "infinities" if uniform(rng) < 0.05 => f64::INFINITY * noise.signum(),
        "level" => 5e6 + noise,
        "storm" => 5e6 + noise * if row % 40 < 8 { 1e3 } else { 1e-3 },
        "walk" => {
            if before.is_nan() {
                100.0
            } else {
                before * (1.0 + noise * 0.04)
            }
        }
        _ => noise * 4.0,
    }
}

/// A panel with numbers x, y, z, flags f, g, h and a group.
pub(crate) fn panel(shape: &str, bars: usize, symbols: usize, seed: u64) -> Panel {
    let rng = &mut Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut fields = IndexMap::new();
    for name in ["x", "y", "z"] {
        let mut field = Array2::zeros((bars, symbols));
        for symbol in 0..symbols {
            let mut before = f64::NAN;
            for row in 0..bars {
                before = value(shape, row, before, rng);
                field[[row, symbol]] = before;
            }
        }
        fields.insert(name.to_owned(), field);
    }
    for name in ["f", "g", "h"] {
        let flag = Array2::from_shape_fn((bars, symbols), |_| match rng.next_u64() % 5 {
            0 => f64::NAN,
            odd => (odd % 2) as f64,
        });
        fields.insert(name.to_owned(), flag);
    }
    let close = Array2::from_shape_fn((bars, symbols), |_| if rng.next_u64() % 9 == 0 { f64::NAN } else { 10.0 });
    fields.insert("close".to_owned(), close);
    let codes = Array2::from_shape_fn((bars, symbols), |(_, symbol)| match symbol % 4 {
        3 => f64::NAN,
        code => code as f64,
    });
    let sector = Group { labels: ["a", "b", "c"].map(str::to_owned).to_vec(), codes };
    let codes = Array2::from_shape_fn((bars, symbols), |(row, symbol)| ((row / 30 + symbol) % 2) as f64);
    let industry = Group { labels: ["d", "e"].map(str::to_owned).to_vec(), codes };
    let calendar = Calendar::new((0..bars as i64).map(|row| row * DAY).collect(), None).expect("rising days");
    let symbols = (0..symbols).map(|i| format!("S{i:03}")).collect();
    Panel::new(
        calendar,
        symbols,
        fields,
        IndexMap::from([("sector".to_owned(), sector), ("industry".to_owned(), industry)]),
    )
    .expect("a valid panel")
}

/// A column row by row, NaN for symbols outside the universe.
fn masked(column: &[f64], members: &[bool], symbols: usize) -> Vec<Vec<f64>> {
    let cells = column.chunks(symbols).zip(members.chunks(symbols));
    cells.map(|(row, members)| row.iter().zip(members).map(|(&x, &m)| if m { x } else { f64::NAN }).collect()).collect()
}

/// Values by the operator's own slow definition, from those of its inputs, `[bars x symbols]`.
pub(crate) fn slow(operator: Operator, parameters: &Parameters, columns: &[&[f64]], panel: &Panel) -> Vec<f64> {
    let (bars, symbols) = (panel.bars(), panel.symbols().len());
    let members = panel.members();
    let mut out = vec![f64::NAN; bars * symbols];
    let clean = |value: f64| if value.is_finite() { value } else { f64::NAN };
    match operator.definition().reference {
        Reference::Cell(f) => {
            for cell in 0..out.len() {
                let inputs: Vec<f64> = columns.iter().map(|column| column[cell]).collect();
                out[cell] = clean(f(&inputs, parameters));
            }
        }
        Reference::Series(f) => {
            for symbol in 0..symbols {
                let series: Vec<Vec<f64>> = columns
                    .iter()
                    .map(|column| (0..bars).map(|row| column[row * symbols + symbol]).collect())
                    .collect();
                for row in 0..bars {
                    let history: Vec<&[f64]> = series.iter().map(|series| &series[..=row]).collect();
                    out[row * symbols + symbol] = clean(f(&history, parameters));
                }
            }
        }
        Reference::Row(f) => {
            let rows: Vec<Vec<Vec<f64>>> = columns.iter().map(|column| masked(column, &members, symbols)).collect();
            for row in 0..bars {
                let inputs: Vec<&[f64]> = rows.iter().map(|rows| rows[row].as_slice()).collect();
                for (symbol, value) in f(&inputs, parameters).into_iter().enumerate() {
                    out[row * symbols + symbol] = clean(value);
                }
            }
        }
        Reference::Panel(f) => {
            let rows: Vec<Vec<Vec<f64>>> = columns.iter().map(|column| masked(column, &members, symbols)).collect();
            for row in 0..bars {
                let inputs: Vec<&[Vec<f64>]> = rows.iter().map(|rows| &rows[..=row]).collect();
                for (symbol, value) in f(&inputs, parameters).into_iter().enumerate() {
                    out[row * symbols + symbol] = clean(value);
                }
            }
        }
    }
    out
}
