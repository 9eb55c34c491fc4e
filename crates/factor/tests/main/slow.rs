//! Programs by the slow definitions of their operators, in memory as large as it comes.

use factor::{Instruction, Operation, Program, Reference};

/// Values by symbol, then row.
pub(crate) type Matrix = Vec<Vec<f64>>;

/// The value of a program by the slow definitions.
pub(crate) fn values(program: &Program, market: &[(&str, Matrix)]) -> Matrix {
    let mut known: Vec<Matrix> = Vec::new();
    for instruction in &program.instructions {
        let inputs: Vec<&Matrix> = instruction.inputs().iter().map(|id| &known[id.0 as usize]).collect();
        known.push(one(instruction, &inputs, market));
    }
    let (_, root) = program.outputs[0];
    known.swap_remove(root.0 as usize)
}

fn one(instruction: &Instruction, inputs: &[&Matrix], market: &[(&str, Matrix)]) -> Matrix {
    let (symbols, rows) = (market[0].1.len(), market[0].1[0].len());
    let (operator, parameters) = match &instruction.operation {
        Operation::Constant(value) => return vec![vec![*value; rows]; symbols],
        Operation::Field(name) => {
            return market.iter().find(|(column, _)| *column == &**name).expect("a column").1.clone();
        }
        Operation::Operator(operator, parameters) => (operator, parameters),
    };
    let mut result = vec![vec![f64::NAN; rows]; symbols];
    for row in 0..rows {
        let given: Vec<f64> = match operator.definition().reference {
            Reference::Cell(f) => (0..symbols)
                .map(|symbol| f(&inputs.iter().map(|input| input[symbol][row]).collect::<Vec<_>>(), parameters))
                .collect(),
            Reference::Series(f) => (0..symbols)
                .map(|symbol| f(&inputs.iter().map(|input| &input[symbol][..=row]).collect::<Vec<_>>(), parameters))
                .collect(),
            Reference::Panel(f) => {
                let rows: Vec<Vec<Vec<f64>>> = inputs
                    .iter()
                    .map(|input| (0..=row).map(|row| (0..symbols).map(|symbol| input[symbol][row]).collect()).collect())
                    .collect();
                f(&rows.iter().map(Vec::as_slice).collect::<Vec<_>>(), parameters)
            }
            Reference::Row(f) => {
                let across: Vec<Vec<f64>> =
                    inputs.iter().map(|input| (0..symbols).map(|symbol| input[symbol][row]).collect()).collect();
                f(&across.iter().map(Vec::as_slice).collect::<Vec<_>>(), parameters)
            }
        };
        for (symbol, value) in given.into_iter().enumerate() {
            result[symbol][row] = if value.is_finite() { value } else { f64::NAN };
        }
    }
    result
}
