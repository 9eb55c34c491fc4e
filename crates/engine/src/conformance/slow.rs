//! Values by the slow definitions of operators.

use factor::{Operator, Parameters, Reference};
use market::Panel;

/// A column row by row, NaN for symbols outside the universe.
fn masked(column: &[f64], members: &[bool], symbols: usize) -> Vec<Vec<f64>> {
    let cells = column.chunks(symbols).zip(members.chunks(symbols));
    cells.map(|(row, members)| row.iter().zip(members).map(|(&x, &m)| if m { x } else { f64::NAN }).collect()).collect()
}

/// Values by the operator's own slow definition, from those of its inputs, all `[bars x symbols]`.
pub fn slow(operator: Operator, parameters: &Parameters, columns: &[&[f64]], panel: &Panel) -> Vec<f64> {
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
