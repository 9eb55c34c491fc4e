//! Which cells of an executor's memory hold what.

use std::ops::Range;

use crate::kernels;
use crate::plan::{Place, Plan, PlanNode};

/// Symbols that nodes which look at one symbol at a time take together: so many that a column, whose rows lie far apart,
/// is fetched by long pieces.
const TILE_SYMBOLS: usize = 512;
/// The same where a node goes through its window for every row: with fewer symbols a tile has more rows, and the window
/// that is at hand serves for more of them.
const NARROW_TILE_SYMBOLS: usize = 128;
/// Cells of a tile.
const TILE_CELLS: usize = 8_192;
/// Cells of a strip, unless one row holds more.
const STRIP_CELLS: usize = 8_192;
/// Most rows of a block.
const BLOCK_ROWS: usize = 1_024;

/// How a plan's values and state are laid out for so many symbols.
#[derive(Debug)]
pub(crate) struct Layout {
    symbols: usize,
    /// Rows that run together.
    block_rows: usize,
    /// Symbols of a tile; the last may hold fewer.
    tile_symbols: usize,
    /// Rows of a strip; a block's last may hold fewer.
    strip_rows: usize,
    slots: usize,
    blocks: usize,
    /// For each node, what it remembers.
    states: Vec<Range<usize>>,
}

/// Some symbols of some consecutive rows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    pub(crate) first_row: usize,
    pub(crate) rows: usize,
    pub(crate) first_symbol: usize,
    /// Number of symbols.
    pub(crate) width: usize,
}

/// Rows in a buffer.
#[derive(Debug, Clone)]
pub(crate) struct Lines {
    /// Their cells.
    pub(crate) cells: Range<usize>,
    /// Cells of a row.
    pub(crate) stride: usize,
    /// Where in a row the symbols start.
    pub(crate) first: usize,
    /// Whether they are far from the processor: columns and whole results are, blocks and slots are used again and again.
    pub(crate) is_far: bool,
}

impl Layout {
    pub(crate) fn new(plan: &Plan, symbols: usize) -> Self {
        let walks_window = |node: &PlanNode| {
            node.operator.as_ref().is_some_and(|(operator, parameters)| kernels::walks_window(*operator, parameters))
        };
        let narrow = plan.nodes.iter().any(walks_window);
        let tile_symbols = symbols.clamp(1, if narrow { NARROW_TILE_SYMBOLS } else { TILE_SYMBOLS });
        let block_rows = (TILE_CELLS / tile_symbols).min(BLOCK_ROWS);
        let state_rows = |node: &PlanNode| match &node.operator {
            Some((operator, parameters)) => {
                kernels::state_rows(*operator, parameters, matches!(node.inputs[0], Place::Column(_)))
            }
            None => 0,
        };
        Self {
            symbols,
            block_rows,
            tile_symbols,
            strip_rows: (STRIP_CELLS / symbols.max(1)).clamp(1, block_rows),
            slots: plan.slots as usize,
            blocks: plan.blocks as usize,
            states: consecutive(plan.nodes.iter().map(|node| state_rows(node) * symbols)),
        }
    }

    pub(crate) fn symbols(&self) -> usize {
        self.symbols
    }

    /// All symbols of the rows from `row` on that can run together: up to the end of the block, or to `end`.
    pub(crate) fn block(&self, row: usize, end: usize) -> Span {
        // Blocks end at multiples of their rows, so that a row has one place in its block, however rows are fed.
        let rows = (self.block_rows - row % self.block_rows).min(end - row);
        Span { first_row: row, rows, first_symbol: 0, width: self.symbols }
    }

    /// A block's tiles.
    pub(crate) fn tiles(&self, block: Span) -> impl Iterator<Item = Span> + use<> {
        let (symbols, width) = (self.symbols, self.tile_symbols);
        (0..symbols).step_by(width).map(move |first_symbol| Span {
            first_symbol,
            width: width.min(symbols - first_symbol),
            ..block
        })
    }

    /// A block's strips.
    pub(crate) fn strips(&self, block: Span) -> impl Iterator<Item = Span> + use<> {
        let Span { first_row, rows, .. } = block;
        (0..rows).step_by(self.strip_rows).map({
            let most = self.strip_rows;
            move |row| Span { first_row: first_row + row, rows: most.min(rows - row), ..block }
        })
    }

    /// Where a place keeps the rows of a span: whole rows, of which the span's symbols are a part.
    #[inline(always)]
    pub(crate) fn rows(&self, place: Place, span: Span) -> Lines {
        let whole = |start: usize, is_far| Lines {
            cells: start..start + span.rows * self.symbols,
            stride: self.symbols,
            first: span.first_symbol,
            is_far,
        };
        match place {
            Place::Column(_) | Place::Whole(_) => whole(span.first_row * self.symbols, true),
            Place::Slot(slot) => {
                let start = slot as usize * self.slot_room();
                Lines { cells: start..start + span.rows * span.width, stride: span.width, first: 0, is_far: false }
            }
            Place::Block(slot) => {
                whole((slot as usize * self.block_rows + span.first_row % self.block_rows) * self.symbols, false)
            }
            Place::Scalar(_) => unreachable!("one number has no cells"),
        }
    }

    /// What a node remembers of a tile's symbols.
    #[inline(always)]
    pub(crate) fn state(&self, node: usize, span: Span) -> Range<usize> {
        let state = &self.states[node];
        let rows = (state.end - state.start) / self.symbols;
        let start = state.start + rows * span.first_symbol;
        start..start + rows * span.width
    }

    pub(crate) fn slot_cells(&self) -> usize {
        self.slots * self.slot_room()
    }

    /// Cells of the largest tile or strip.
    #[inline(always)]
    fn slot_room(&self) -> usize {
        (self.block_rows * self.tile_symbols).max(self.strip_rows * self.symbols)
    }

    pub(crate) fn block_cells(&self) -> usize {
        self.blocks * self.block_rows * self.symbols
    }

    pub(crate) fn state_cells(&self) -> usize {
        self.states.last().map_or(0, |state| state.end)
    }
}

/// Ranges of the given lengths, one after the other.
fn consecutive(lengths: impl Iterator<Item = usize>) -> Vec<Range<usize>> {
    lengths
        .scan(0, |next, length| {
            let start = *next;
            *next += length;
            Some(start..*next)
        })
        .collect()
}
