//! Walks down the rows of a market and runs a plan, block by block.

use factor::{MAX_INPUTS, Program, Purpose};
use market::Panel;

use crate::kernels::{self, Block, Operand, Past, RowScratch, State};
use crate::plan::{Place, Plan, PlanNode, Results, Step};

/// Why a plan cannot run over a panel.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The plan reads a column that the panel lacks.
    #[error("no column is called `{name}` in this panel; it has {known}")]
    MissingColumn {
        /// The column.
        name: String,
        /// What there is.
        known: String,
    },
}

/// The columns that a plan reads, bound to a panel.
#[derive(Debug, Clone)]
pub struct Columns<'a> {
    values: Vec<&'a [f64]>,
    members: &'a [bool],
    symbols: usize,
    bars: usize,
}

impl<'a> Columns<'a> {
    /// Finds the plan's columns in a panel. `members`, `[bars x symbols]`, says who belongs to the universe
    /// ([`Panel::members`]).
    ///
    /// # Errors
    /// When the panel lacks a column.
    pub fn new(plan: &Plan, panel: &'a Panel, members: &'a [bool]) -> Result<Self, Error> {
        let values = plan
            .fields()
            .map(|name| {
                panel.values(name).ok_or_else(|| {
                    let known: Vec<&str> = panel.field_names().chain(panel.group_names()).collect();
                    Error::MissingColumn { name: name.to_owned(), known: known.join(", ") }
                })
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { values, members, symbols: panel.symbols().len(), bars: panel.bars() })
    }
}

/// The results of one program over one block of rows.
#[derive(Debug)]
pub struct Outputs<'a> {
    /// Index of the program in its plan.
    pub program: usize,
    /// Panel row of the first row.
    pub first_row: usize,
    /// Number of rows.
    pub rows: usize,
    symbols: usize,
    blocks: [Option<&'a [f64]>; Purpose::COUNT],
}

impl<'a> Outputs<'a> {
    /// The rows of a result, `[rows x symbols]`, if the program has it.
    pub fn block(&self, purpose: Purpose) -> Option<&'a [f64]> {
        self.blocks[purpose as usize]
    }

    /// One row of a result, counted from the block's first.
    pub fn row(&self, purpose: Purpose, row: usize) -> Option<&'a [f64]> {
        self.block(purpose).map(|block| &block[row * self.symbols..(row + 1) * self.symbols])
    }
}

/// Takes results as they become ready.
pub trait Sink {
    /// Takes one program's results over one block of rows. Blocks of a program come in row order.
    fn take(&mut self, outputs: &Outputs<'_>);
}

impl<F: FnMut(&Outputs<'_>)> Sink for F {
    fn take(&mut self, outputs: &Outputs<'_>) {
        self(outputs);
    }
}

/// Cells of a block: enough to amortise dispatch, few enough that a block stays in the first-level cache.
const BLOCK_CELLS: usize = 1_500;
/// Most rows of a block.
const BLOCK_ROWS: usize = 64;

/// A plan on its way through a market. Feeding rows one by one gives the same bits as feeding them all at once.
#[derive(Debug)]
pub struct Executor<'p> {
    plan: &'p Plan,
    block_rows: usize,
    values: Values,
    states: Vec<State>,
    scratch: RowScratch,
}

/// Where values live between nodes.
#[derive(Debug)]
struct Values {
    symbols: usize,
    next_row: usize,
    slots: Vec<Vec<f64>>,
    rings: Vec<Vec<f64>>,
    /// Rows in each ring, a multiple of the block's, so that no block wraps.
    capacities: Vec<usize>,
}

impl<'p> Executor<'p> {
    /// Prepares to run a plan over panels of so many symbols, from row 0.
    pub fn new(plan: &'p Plan, symbols: usize) -> Self {
        let block_rows = (BLOCK_CELLS / symbols.max(1)).clamp(1, BLOCK_ROWS);
        let cells = block_rows * symbols;
        let capacities: Vec<usize> =
            plan.rings.iter().map(|&rows| (rows as usize + block_rows).next_multiple_of(block_rows)).collect();
        let states = plan
            .nodes
            .iter()
            .map(|node| node.operator.map_or(State::Stateless, |(op, p)| State::new(op, &p, symbols)))
            .collect();
        let values = Values {
            symbols,
            next_row: 0,
            slots: vec![vec![0.0; cells]; plan.slots as usize],
            rings: capacities.iter().map(|&rows| vec![f64::NAN; rows * symbols]).collect(),
            capacities,
        };
        Self { plan, block_rows, values, states, scratch: RowScratch::default() }
    }

    /// The first row that was not fed yet.
    pub fn next_row(&self) -> usize {
        self.values.next_row
    }

    /// Feeds the rows up to `end` (of at most the columns' bars) and hands out results.
    ///
    /// # Panics
    /// When the columns are of another number of symbols than the executor.
    pub fn advance(&mut self, columns: &Columns<'_>, end: usize, sink: &mut impl Sink) {
        self.walk(columns, end, sink);
    }

    /// Not generic, so that the kernels are compiled once, in this crate.
    fn walk(&mut self, columns: &Columns<'_>, end: usize, sink: &mut dyn Sink) {
        assert_eq!(columns.symbols, self.values.symbols, "an executor stays with its symbols");
        if self.values.symbols == 0 {
            return;
        }
        let wide = wide_vectors();
        while self.values.next_row < end.min(columns.bars) {
            // Blocks end at multiples of their rows, so that rings never wrap inside one.
            let rows = (self.block_rows - self.values.next_row % self.block_rows)
                .min(end.min(columns.bars) - self.values.next_row);
            if wide {
                self.block_with_wide_vectors(columns, rows, sink);
            } else {
                self.block(columns, rows, sink);
            }
            self.values.next_row += rows;
        }
    }

    /// Runs every step over one block.
    #[inline(always)]
    fn block(&mut self, columns: &Columns<'_>, rows: usize, sink: &mut dyn Sink) {
        let plan = self.plan;
        for step in &plan.steps {
            match *step {
                Step::Run(index) => self.node(&plan.nodes[index as usize], index as usize, columns, rows),
                Step::Emit(program) => {
                    self.emit(program as usize, &plan.results[program as usize], columns, rows, sink);
                }
            }
        }
    }

    /// The same code, compiled for processors with 256-bit vectors. Operations and their order are the same, and
    /// none is fused, so the bits are too.
    #[cfg(target_arch = "x86_64")]
    fn block_with_wide_vectors(&mut self, columns: &Columns<'_>, rows: usize, sink: &mut dyn Sink) {
        #[target_feature(enable = "avx2")]
        fn run(executor: &mut Executor<'_>, columns: &Columns<'_>, rows: usize, sink: &mut dyn Sink) {
            executor.block(columns, rows, sink);
        }
        #[expect(unsafe_code, reason = "the one dispatch by processor feature")]
        // SAFETY: `wide_vectors` has seen that this processor has AVX2; the function needs nothing else.
        unsafe {
            run(self, columns, rows, sink);
        }
    }

    #[cfg(not(target_arch = "x86_64"))]
    fn block_with_wide_vectors(&mut self, columns: &Columns<'_>, rows: usize, sink: &mut dyn Sink) {
        self.block(columns, rows, sink);
    }

    #[inline(always)]
    fn node(&mut self, node: &PlanNode, index: usize, columns: &Columns<'_>, rows: usize) {
        let n = self.values.symbols;
        let span = |row: usize| row * n..(row + rows) * n;
        // The output leaves its place while it is written, so that the other places can be read.
        let (mut buffer, at) = match node.output {
            Place::Slot(slot) => (std::mem::take(&mut self.values.slots[slot as usize]), span(0)),
            Place::Ring(ring) => {
                let first = self.values.next_row % self.values.capacities[ring as usize];
                (std::mem::take(&mut self.values.rings[ring as usize]), span(first))
            }
            Place::Column(_) | Place::Scalar(_) => unreachable!("nodes write to slots and rings alone"),
        };
        let out = &mut buffer[at];
        if let Some((operator, parameters)) = &node.operator {
            let mut inputs = [Operand::Scalar(0.0); MAX_INPUTS];
            for (input, &place) in inputs.iter_mut().zip(&node.inputs[..node.count as usize]) {
                *input = match place {
                    Place::Scalar(value) => Operand::Scalar(value),
                    place => Operand::Block(self.values.current(place, columns, rows)),
                };
            }
            let past = match node.inputs[0] {
                Place::Column(column) => {
                    Some(Past { rows: columns.values[column as usize], capacity: usize::MAX, symbols: n })
                }
                Place::Ring(ring) => Some(Past {
                    rows: &self.values.rings[ring as usize],
                    capacity: self.values.capacities[ring as usize],
                    symbols: n,
                }),
                Place::Slot(_) | Place::Scalar(_) => None,
            };
            let members = &columns.members[span(self.values.next_row)];
            let block = Block { first_row: self.values.next_row, symbols: n, inputs, past, members };
            kernels::run(*operator, parameters, &block, &mut self.states[index], &mut self.scratch, out);
        } else if let Place::Scalar(value) = node.inputs[0] {
            out.fill(value);
        }
        match node.output {
            Place::Slot(slot) => self.values.slots[slot as usize] = buffer,
            Place::Ring(ring) => self.values.rings[ring as usize] = buffer,
            Place::Column(_) | Place::Scalar(_) => {}
        }
    }

    #[inline(always)]
    fn emit(&self, program: usize, results: &Results, columns: &Columns<'_>, rows: usize, sink: &mut dyn Sink) {
        let mut blocks = [None; Purpose::COUNT];
        for &(purpose, place) in results {
            blocks[purpose as usize] = Some(self.values.current(place, columns, rows));
        }
        sink.take(&Outputs { program, first_row: self.values.next_row, rows, symbols: self.values.symbols, blocks });
    }
}

impl Values {
    /// The current rows of a place.
    #[inline(always)]
    fn current<'a>(&'a self, place: Place, columns: &Columns<'a>, rows: usize) -> &'a [f64] {
        let n = self.symbols;
        let span = |row: usize| row * n..(row + rows) * n;
        match place {
            Place::Column(column) => &columns.values[column as usize][span(self.next_row)],
            Place::Slot(slot) => &self.slots[slot as usize][span(0)],
            Place::Ring(ring) => {
                let ring = ring as usize;
                &self.rings[ring][span(self.next_row % self.capacities[ring])]
            }
            Place::Scalar(_) => unreachable!("constants that are results are written out"),
        }
    }
}

/// Runs one program over a whole panel and returns its score, `[bars x symbols]`; NaN where undefined.
///
/// # Errors
/// When the panel lacks a column.
pub fn evaluate(program: &Program, panel: &Panel) -> Result<Vec<f64>, Error> {
    let plan = Plan::new([program]);
    let members = panel.members();
    let columns = Columns::new(&plan, panel, &members)?;
    let mut values = Vec::with_capacity(panel.bars() * panel.symbols().len());
    let mut executor = Executor::new(&plan, panel.symbols().len());
    executor.advance(&columns, panel.bars(), &mut |outputs: &Outputs<'_>| {
        values.extend_from_slice(outputs.block(Purpose::Score).expect("a program has a score"));
    });
    Ok(values)
}

#[cfg(target_arch = "x86_64")]
fn wide_vectors() -> bool {
    std::arch::is_x86_feature_detected!("avx2")
}

#[cfg(not(target_arch = "x86_64"))]
fn wide_vectors() -> bool {
    false
}
