//! Where values and state live while a plan runs.

use std::ops::Range;

use crate::layout::Layout;
use crate::plan::Place;

/// The buffers of an executor. They keep what was last written, and are never read before they are written anew, so
/// they can serve one plan after another: [`Executor::finish`](crate::Executor::finish) gives them back.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    /// Values inside a tile or strip, `[rows x symbols]` each.
    slots: Buffer,
    /// Values of whole rows, `[rows x symbols]` each.
    blocks: Buffer,
    /// What nodes remember, tile after tile.
    states: Buffer,
    /// All values of scores that are wanted whole, by program, `[bars x symbols]` each.
    pub(crate) wholes: Vec<Vec<f64>>,
}

impl Memory {
    /// Makes room for a plan.
    pub(crate) fn fit(&mut self, layout: &Layout) {
        self.slots.fit(layout.slot_cells());
        self.blocks.fit(layout.block_cells());
        self.states.fit(layout.state_cells());
    }

    /// Some cells of a place to write, everything else to read, and what nodes remember.
    #[inline(always)]
    pub(crate) fn split(&mut self, place: Place, output: Range<usize>) -> (&mut [f64], Values<'_>, &mut [f64]) {
        let Self { slots, blocks, states, wholes } = self;
        let (slots, blocks, states) = (slots.cells(), blocks.cells(), states.cells());
        let (out, slots, blocks, wholes) = match place {
            Place::Slot(_) => {
                let (out, slots) = Gap::around(slots, output);
                (out, slots, Gap::none(blocks), Gap::none(wholes))
            }
            Place::Block(_) => {
                let (out, blocks) = Gap::around(blocks, output);
                (out, Gap::none(slots), blocks, Gap::none(wholes))
            }
            Place::Whole(program) => {
                let program = program as usize;
                let (whole, wholes) = Gap::around(wholes, program..program + 1);
                (&mut whole[0][output], Gap::none(slots), Gap::none(blocks), wholes)
            }
            Place::Column(_) | Place::Scalar(_) => unreachable!("nodes write to what is theirs"),
        };
        (out, Values { slots, blocks, wholes }, states)
    }

    /// Everything, to read.
    #[inline(always)]
    pub(crate) fn values(&self) -> Values<'_> {
        let Self { slots, blocks, wholes, .. } = self;
        Values { slots: Gap::none(slots.values()), blocks: Gap::none(blocks.values()), wholes: Gap::none(wholes) }
    }
}

/// Cells that start with a cache line, so that vectors of rows of whole lines do not straddle two.
#[derive(Debug, Clone, Default)]
struct Buffer {
    cells: Vec<f64>,
    /// Where the first line starts.
    start: usize,
}

/// Bytes of a cache line.
pub(crate) const LINE_BYTES: usize = 64;

impl Buffer {
    /// Bytes of a buffer that is no small one.
    const LARGE: usize = 1 << 20;
    /// What a large one asks for at least.
    const MAPPED: usize = 1 << 25;

    fn fit(&mut self, cells: usize) {
        let mut room = cells + LINE_BYTES / size_of::<f64>();
        if self.cells.len() < room {
            // A system gives pages when they are written, so that more room costs nothing. So much comes from the system
            // itself and goes back to it; buffers that grew little by little would leave gaps in the allocator's heap
            // that nobody else fits in: half as much again as all that is in use.
            if room * size_of::<f64>() >= Self::LARGE {
                room = room.max(Self::MAPPED / size_of::<f64>());
            }
            // Let go first, and take zeroed pages instead of copying: nothing old is read again.
            self.cells = Vec::new();
            self.cells = vec![0.0; room];
        }
        self.start = self.cells.as_ptr().align_offset(LINE_BYTES).min(room - cells);
    }

    fn cells(&mut self) -> &mut [f64] {
        &mut self.cells[self.start..]
    }

    fn values(&self) -> &[f64] {
        &self.cells[self.start..]
    }
}

/// Values to read while one of them is written.
#[derive(Debug)]
pub(crate) struct Values<'a> {
    pub(crate) slots: Gap<'a, f64>,
    pub(crate) blocks: Gap<'a, f64>,
    /// Scores that are kept whole, by program.
    pub(crate) wholes: Gap<'a, Vec<f64>>,
}

/// A buffer without the part that is being written.
#[derive(Debug)]
pub(crate) struct Gap<'a, T> {
    before: &'a [T],
    after: &'a [T],
    /// Where `after` starts in the buffer.
    end: usize,
}

impl<'a, T> Gap<'a, T> {
    #[inline(always)]
    fn none(values: &'a [T]) -> Self {
        Self { before: values, after: &[], end: values.len() }
    }

    /// The part, and what is around it.
    #[inline(always)]
    fn around(values: &'a mut [T], part: Range<usize>) -> (&'a mut [T], Self) {
        let (before, rest) = values.split_at_mut(part.start);
        let (out, after) = rest.split_at_mut(part.end - part.start);
        (out, Self { before, after, end: part.end })
    }

    /// A range of the buffer outside the part.
    #[inline(always)]
    pub(crate) fn get(&self, range: Range<usize>) -> &'a [T] {
        if range.start < self.end {
            &self.before[range]
        } else {
            &self.after[range.start - self.end..range.end - self.end]
        }
    }
}
