//! Values of nodes that outlive the run that computed them, and what they follow from, in full.

use std::fmt::{Debug, Write};
use std::sync::OnceLock;

use factor::{NodeId, Operation, Operator, Program};
use market::Panel;
use twox_hash::XxHash3_128;

use crate::Wanted;

/// A place outside this program's memory for values of nodes. No result may depend on what it holds: of two nodes it never
/// gives one for the other, and what it is not certain of it does not give.
pub trait Shelf: Debug + Sync {
    /// The values of a node, `[rows x symbols]`, as they were kept, to the bit; `None` where they are not there.
    fn find(&self, recipe: &Recipe) -> Option<Vec<f64>>;

    /// Keeps the values of a node, and says whether it did. That there is no room is no error.
    fn keep(&self, recipe: &Recipe, values: &[f64]) -> bool;
}

/// What a value on a shelf costs instead of computing it, in the tenths of a nanosecond that
/// [`factor::Definition::cost`] counts: to be copied and hashed once in each direction. Measured on a folder in the page
/// cache: 1.3 ns a cell to read and 3.6 ns to write, fresh pages aside, which computing needs as well. So a node pays for
/// itself the first time that it is found.
const COST_OF_SHELF: u32 = 50;

/// All that the values of a node follow from: rows, members, every column that is read, bit for bit, and every operation
/// down to them. Nodes of equal recipes have equal values, to the bit, in every run of the same program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipe {
    text: String,
    cells: usize,
    saves: u64,
}

impl Recipe {
    /// The recipe of a node. `None` where reading its values would cost as much as computing them, and where an operator of
    /// the user's own program has a part in it: nobody knows what such code depends on.
    pub fn of(wanted: &Wanted, contents: &Contents<'_>) -> Option<Self> {
        let (program, cost) = wanted.made_by();
        let saves = cost.saturating_sub(u64::from(COST_OF_SHELF));
        if saves == 0 {
            return None;
        }
        let (rows, symbols) = (contents.rows, contents.panel.symbols().len());
        let mut text = format!("{rows} rows, {symbols} symbols, members {:032x}\n", contents.of_members());
        let mut numbers = vec![None; program.instructions.len()];
        for (line, id) in inputs_first(program).into_iter().enumerate() {
            let number = |NodeId(id): &NodeId| numbers[*id as usize].expect("inputs come first");
            let what = match &program.instruction(id).operation {
                Operation::Operator(Operator::Custom(_), _) => return None,
                Operation::Operator(operator, parameters) => {
                    // As bits: no two numbers may read alike.
                    let parameters = parameters.as_slice().iter().map(|value| format!(" {:016x}", value.to_bits()));
                    let inputs = program.instruction(id).inputs().iter().map(|id| format!(" %{}", number(id)));
                    parameters.chain(inputs).fold(operator.definition().name.to_owned(), |line, word| line + &word)
                }
                Operation::Field(name) => format!("column {name:?} {:032x}", contents.of_column(name)?),
                Operation::Constant(value) => format!("number {:016x}", value.to_bits()),
            };
            let _ = writeln!(text, "%{line} {what}");
            numbers[id.0 as usize] = Some(line);
        }
        Some(Self { text, cells: rows * symbols, saves })
    }

    /// The recipe, a line a node; equal for equal recipes alone.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Values of the node: rows times symbols.
    pub fn cells(&self) -> usize {
        self.cells
    }

    /// Nanoseconds of one processor that finding the values saves, by the costs that operators state: an estimate.
    pub fn saved_nanoseconds(&self) -> u64 {
        self.saves * self.cells as u64 / 10
    }
}

/// What stands in the first rows of a panel: a hash of each column, computed when it is first asked for.
#[derive(Debug)]
pub struct Contents<'a> {
    panel: &'a Panel,
    members: &'a [bool],
    rows: usize,
    of_members: OnceLock<u128>,
    columns: Vec<(&'a str, OnceLock<u128>)>,
}

impl<'a> Contents<'a> {
    /// The first `rows` rows of a panel; nothing is read of the others. `members`, `[bars x symbols]`, says who belongs to
    /// the universe ([`Panel::members`]).
    pub fn new(panel: &'a Panel, members: &'a [bool], rows: usize) -> Self {
        let names = panel.field_names().chain(panel.group_names());
        let columns = names.map(|name| (name, OnceLock::new())).collect();
        Self { panel, members, rows, of_members: OnceLock::new(), columns }
    }

    fn of_members(&self) -> u128 {
        *self.of_members.get_or_init(|| {
            let members = &self.members[..self.rows * self.panel.symbols().len()];
            hash(members, |&member, bytes| bytes.push(u8::from(member)))
        })
    }

    /// `None` for a column that the panel lacks.
    fn of_column(&self, name: &str) -> Option<u128> {
        let values = &self.panel.values(name)?[..self.rows * self.panel.symbols().len()];
        let (_, known) = self.columns.iter().find(|(known, _)| *known == name)?;
        Some(*known.get_or_init(|| hash(values, |value, bytes| bytes.extend_from_slice(&value.to_le_bytes()))))
    }
}

/// xxh3, 128 bits, of what `write` makes of the values.
fn hash<T>(values: &[T], write: impl Fn(&T, &mut Vec<u8>)) -> u128 {
    const VALUES: usize = 1 << 13;
    let mut hasher = XxHash3_128::new();
    let mut bytes = Vec::new();
    for piece in values.chunks(VALUES) {
        bytes.clear();
        for value in piece {
            write(value, &mut bytes);
        }
        hasher.write(&bytes);
    }
    hasher.finish_128()
}

/// What a program's results need, inputs before their readers, in an order that follows from structure alone: what else
/// the program holds has no say.
fn inputs_first(program: &Program) -> Vec<NodeId> {
    let mut met = vec![false; program.instructions.len()];
    let mut order = Vec::new();
    // A node is entered twice: first to put its inputs above it, then to be met.
    let mut stack: Vec<(NodeId, bool)> = program.outputs.iter().rev().map(|&(_, id)| (id, false)).collect();
    while let Some((id, inputs_done)) = stack.pop() {
        if met[id.0 as usize] {
            continue;
        }
        if inputs_done {
            met[id.0 as usize] = true;
            order.push(id);
        } else {
            stack.push((id, true));
            stack.extend(program.instruction(id).inputs().iter().rev().map(|&input| (input, false)));
        }
    }
    order
}
