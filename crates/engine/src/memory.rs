//! Where values and state live while a plan runs.

use std::ops::Range;

use crate::layout::Layout;
use crate::plan::Place;

/// The buffers of an executor. They keep what was last written, and are never read before they are written anew, so
/// they can serve one plan after another: [`Executor::finish`](crate::Executor::finish) gives them back.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    /// Values inside a tile or strip, `[rows x symbols]` each.
    slots: Vec<f64>,
    /// Values of whole rows, `[rows x symbols]` each.
    blocks: Vec<f64>,
    /// Values with their past, `[capacity x symbols]` each.
    rings: Vec<f64>,
    /// What nodes remember, tile after tile.
    states: Vec<f64>,
}

impl Memory {
    /// Makes room for a plan.
    pub(crate) fn fit(&mut self, layout: &Layout) {
        let fit = |buffer: &mut Vec<f64>, cells: usize| {
            if buffer.len() < cells {
                // Let go first, and take zeroed pages instead of copying: nothing old is read again.
                *buffer = Vec::new();
                *buffer = vec![0.0; cells];
            }
        };
        fit(&mut self.slots, layout.slot_cells());
        fit(&mut self.blocks, layout.block_cells());
        fit(&mut self.rings, layout.ring_cells());
        fit(&mut self.states, layout.state_cells());
    }

    /// Some cells of a place to write, everything else to read, and what nodes remember.
    #[inline(always)]
    pub(crate) fn split(&mut self, place: Place, output: Range<usize>) -> (&mut [f64], Values<'_>, &mut [f64]) {
        let Self { slots, blocks, rings, states } = self;
        let (out, slots, blocks, rings) = match place {
            Place::Slot(_) => {
                let (out, slots) = Gap::around(slots, output);
                (out, slots, Gap::none(blocks), Gap::none(rings))
            }
            Place::Block(_) => {
                let (out, blocks) = Gap::around(blocks, output);
                (out, Gap::none(slots), blocks, Gap::none(rings))
            }
            Place::Ring(_) => {
                let (out, rings) = Gap::around(rings, output);
                (out, Gap::none(slots), Gap::none(blocks), rings)
            }
            Place::Column(_) | Place::Scalar(_) => unreachable!("nodes write to slots, blocks and rings alone"),
        };
        (out, Values { slots, blocks, rings }, states)
    }

    /// Everything, to read.
    #[inline(always)]
    pub(crate) fn values(&self) -> Values<'_> {
        Values { slots: Gap::none(&self.slots), blocks: Gap::none(&self.blocks), rings: Gap::none(&self.rings) }
    }
}

/// Values to read while one of them is written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Values<'a> {
    pub(crate) slots: Gap<'a>,
    pub(crate) blocks: Gap<'a>,
    pub(crate) rings: Gap<'a>,
}

/// A buffer without the part that is being written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Gap<'a> {
    before: &'a [f64],
    after: &'a [f64],
    /// Where `after` starts in the buffer.
    end: usize,
}

impl<'a> Gap<'a> {
    #[inline(always)]
    fn none(values: &'a [f64]) -> Self {
        Self { before: values, after: &[], end: values.len() }
    }

    /// The part, and what is around it.
    #[inline(always)]
    fn around(values: &'a mut [f64], part: Range<usize>) -> (&'a mut [f64], Self) {
        let (before, rest) = values.split_at_mut(part.start);
        let (out, after) = rest.split_at_mut(part.end - part.start);
        (out, Self { before, after, end: part.end })
    }

    /// A range of the buffer outside the part.
    #[inline(always)]
    pub(crate) fn get(&self, range: Range<usize>) -> &'a [f64] {
        if range.start < self.end {
            &self.before[range]
        } else {
            &self.after[range.start - self.end..range.end - self.end]
        }
    }
}
