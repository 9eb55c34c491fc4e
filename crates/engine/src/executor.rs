//! Walks down the rows of a market and runs a plan, block by block.

use factor::{MAX_INPUTS, Purpose};
use market::Panel;

use crate::kernels::{self, Block, Operand, Past, RowScratch, Rows, RowsMut};
use crate::layout::{Layout, Span};
use crate::live::Live;
use crate::memory::{Memory, Values};
use crate::plan::{Place, Plan, Source, Stage};
use crate::vectors::Vectors;

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
    pub fn new(plan: &'a Plan, panel: &'a Panel, members: &'a [bool]) -> Result<Self, Error> {
        let symbols = panel.symbols().len();
        let mut bars = panel.bars();
        let values = plan
            .columns
            .iter()
            .map(|column| match column {
                Source::Field(name) => panel.values(name).ok_or_else(|| {
                    let known: Vec<&str> = panel.field_names().chain(panel.group_names()).collect();
                    Error::MissingColumn { name: name.to_string(), known: known.join(", ") }
                }),
                Source::Kept(values) => {
                    // Of what is kept there are as many rows as the cache was filled with.
                    bars = bars.min(values.len() / symbols.max(1));
                    Ok(&values[..])
                }
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { values, members, symbols, bars })
    }

    /// Number of symbols.
    pub(crate) fn symbols(&self) -> usize {
        self.symbols
    }

    /// Rows that every column has.
    pub(crate) fn bars(&self) -> usize {
        self.bars
    }

    /// All rows of a column, `[bars x symbols]`.
    #[inline(always)]
    pub(crate) fn column(&self, column: u16) -> &'a [f64] {
        self.values[column as usize]
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
    /// Number of symbols of a row.
    #[inline]
    pub fn symbols(&self) -> usize {
        self.symbols
    }

    /// The rows of a result, `[rows x symbols]`, if the program has it.
    #[inline]
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

/// How often nodes ran: once a node and row. Copies of a node, and constants that are written out, count by themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NodeRows {
    /// Node and row that ran.
    pub run: u64,
    /// Those that did not, because no program that goes on needs the node.
    pub spared: u64,
}

/// A plan on its way through a market. Feeding rows one by one gives the same bits as feeding them all at once.
#[derive(Debug)]
pub struct Executor<'p> {
    plan: &'p Plan,
    layout: Layout,
    memory: Memory,
    scratch: RowScratch,
    vectors: Vectors,
    live: Live,
    node_rows: NodeRows,
    next_row: usize,
}

impl<'p> Executor<'p> {
    /// Prepares to run a plan over panels of so many symbols, from row 0.
    pub fn new(plan: &'p Plan, symbols: usize) -> Self {
        Self::with_memory(plan, symbols, Memory::default())
    }

    /// As [`Executor::new`], in the memory of an executor that is done. Results are the same.
    pub fn with_memory(plan: &'p Plan, symbols: usize, mut memory: Memory) -> Self {
        let layout = Layout::new(plan, symbols);
        memory.fit(&layout);
        Self {
            plan,
            layout,
            memory,
            scratch: RowScratch::default(),
            vectors: Vectors::detect(),
            live: Live::all(plan),
            node_rows: NodeRows::default(),
            next_row: 0,
        }
    }

    /// The same with kernels compiled for other vectors, so that tests see that the bits are the same.
    pub(crate) fn compiled_for(self, vectors: Vectors) -> Self {
        Self { vectors, ..self }
    }

    /// The first row that was not fed yet.
    pub fn next_row(&self) -> usize {
        self.next_row
    }

    /// How often nodes ran so far.
    pub fn node_rows(&self) -> NodeRows {
        self.node_rows
    }

    /// From the next row on, programs for which `goes_on` says no give no results, and nodes that only they need do not
    /// run: for good. The results of the others stay what they are, to the bit. Programs that were left out before are
    /// not asked about again.
    pub fn retain(&mut self, goes_on: impl FnMut(usize) -> bool) {
        self.live.retain(self.plan, goes_on);
    }

    /// Feeds the rows up to `end` (of at most the columns' bars) and hands out results.
    ///
    /// # Panics
    /// When the columns are of another number of symbols than the executor.
    pub fn advance(&mut self, columns: &Columns<'_>, end: usize, sink: &mut impl Sink) {
        self.walk(columns, end, false, sink);
    }

    /// As [`Executor::advance`], for the last time: what only later rows would need is not kept. Gives the memory to
    /// the next executor.
    ///
    /// # Panics
    /// When the columns are of another number of symbols than the executor.
    pub fn finish(mut self, columns: &Columns<'_>, end: usize, sink: &mut impl Sink) -> Memory {
        self.walk(columns, end, true, sink);
        self.memory
    }

    /// Not generic, so that the kernels are compiled once, in this crate.
    fn walk(&mut self, columns: &Columns<'_>, end: usize, last: bool, sink: &mut dyn Sink) {
        assert_eq!(columns.symbols, self.layout.symbols(), "an executor stays with its symbols");
        if columns.symbols == 0 {
            return;
        }
        let end = end.min(columns.bars);
        while self.next_row < end {
            let block = self.layout.block(self.next_row, end);
            // One block from beginning to end: a node has no past, and nothing to remember when it is through a tile.
            let remember = !(last && block.first_row == 0 && block.rows == end);
            let plan = self.plan;
            for stage in &plan.stages {
                match stage {
                    Stage::Emit(program) if self.live.programs[*program] => self.emit(*program, columns, block, sink),
                    Stage::Emit(_) => {}
                    Stage::Tiles(nodes) => {
                        for tile in self.layout.tiles(block) {
                            for index in nodes.clone() {
                                self.node(index, columns, tile, remember);
                            }
                        }
                    }
                    Stage::Strips(nodes) => {
                        for strip in self.layout.strips(block) {
                            for index in nodes.clone() {
                                self.node(index, columns, strip, true);
                            }
                        }
                    }
                }
            }
            self.node_rows.run += (self.live.count * block.rows) as u64;
            self.node_rows.spared += ((self.plan.nodes.len() - self.live.count) * block.rows) as u64;
            self.next_row += block.rows;
        }
    }

    /// Runs one node over a tile or a strip, if it is still needed. What it is not to remember it writes where the next
    /// tile writes it too.
    fn node(&mut self, index: usize, columns: &Columns<'_>, span: Span, remember: bool) {
        if !self.live.nodes[index] {
            return;
        }
        let node = &self.plan.nodes[index];
        let lines = self.layout.rows(node.output, span);
        let mean_lines = node.mean.map(|mean| self.layout.rows(mean, span));
        let end = mean_lines.as_ref().map_or(lines.cells.end, |mean| mean.cells.end);
        let (out, values, states) = self.memory.split(node.output, lines.cells.start..end);
        let (out, behind) = out.split_at_mut(lines.cells.len());
        let mut out = RowsMut::new(out, &lines, span);
        let mut mean =
            mean_lines.map(|mean| RowsMut::new(&mut behind[mean.cells.start - lines.cells.end..], &mean, span));
        let Some((operator, parameters)) = &node.operator else {
            let Place::Scalar(value) = node.inputs[0] else { unreachable!("a constant is one number") };
            out.fill(value);
            return;
        };
        let mut inputs = [Operand::Scalar(0.0); MAX_INPUTS];
        for (input, &place) in inputs.iter_mut().zip(&node.inputs[..node.count as usize]) {
            *input = match place {
                Place::Scalar(value) => Operand::Scalar(value),
                // The kernel finds it in the rows that it writes.
                place if place == node.output => Operand::Scalar(f64::NAN),
                place => Operand::Rows(rows(&self.layout, &values, columns, place, span)),
            };
        }
        let past = match node.inputs[0] {
            Place::Column(column) => Some(Past::new(columns.column(column), span, self.layout.symbols())),
            Place::Slot(_) | Place::Block(_) | Place::Whole(_) | Place::Scalar(_) => None,
        };
        let writes_over = node.inputs[0] == node.output;
        let block = Block { vectors: self.vectors, span, inputs, writes_over, past, members: columns.members };
        let state = self.layout.state(index, span);
        let state = if remember { state } else { 0..state.len() };
        let state = &mut states[state];
        if let Some(kernel) = &node.custom {
            return kernels::run_custom(*operator, kernel, parameters, &block, state, &mut self.scratch, &mut out);
        }
        kernels::run(*operator, parameters, &block, state, &mut self.scratch, &mut out, mean.as_mut());
    }

    fn emit(&self, program: usize, columns: &Columns<'_>, block: Span, sink: &mut dyn Sink) {
        let values = self.memory.values();
        let mut blocks = [None; Purpose::COUNT];
        for &(purpose, place) in &self.plan.results[program] {
            blocks[purpose as usize] = rows(&self.layout, &values, columns, place, block).dense();
        }
        sink.take(&Outputs { program, first_row: block.first_row, rows: block.rows, symbols: block.width, blocks });
    }
}

/// The rows that a place holds.
#[inline(always)]
fn rows<'a>(layout: &Layout, values: &Values<'a>, columns: &Columns<'a>, place: Place, span: Span) -> Rows<'a> {
    let lines = layout.rows(place, span);
    let cells = lines.cells.clone();
    let values = match place {
        Place::Column(column) => &columns.column(column)[cells],
        Place::Slot(_) => values.slots.get(cells),
        Place::Block(_) => values.blocks.get(cells),
        Place::Whole(program) => {
            let program = program as usize;
            &values.wholes.get(program..program + 1)[0][cells]
        }
        Place::Scalar(_) => unreachable!("constants are passed as numbers, or written out"),
    };
    Rows::new(values, &lines, span.width)
}
