//! Bars of a synthetic market, chunk by chunk.

use rayon::prelude::*;

use super::model::Synthetic;
use super::plant::{Effect, Plant, Truth};
use super::shared::{Move, Shared, SharedBar};
use super::symbol::{Band, Planted};
use crate::error::Error;

/// Symbols that are made together: few enough that their bars stay in a cache, and that threads find work.
const BAND: usize = 16;
/// Symbols from which on a single bar is worth several threads.
const WIDE: usize = 4_096;

/// A synthetic market on its way through its bars.
///
/// Chunks of any size, and any number of threads, give the same bars to the bit: the random numbers of a symbol come from
/// a stream of its own for each block of 4,096 bars.
pub struct Generator<'a> {
    synthetic: &'a Synthetic,
    shared: Shared,
    bars: Vec<SharedBar>,
    sectors: Vec<Move>,
    bands: Vec<Band>,
    plant: Option<Plant<'a>>,
    next: usize,
    /// First bar and number of bars of the chunk at hand.
    first: usize,
    rows: usize,
}

impl std::fmt::Debug for Generator<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Generator").field("next", &self.next).finish_non_exhaustive()
    }
}

impl<'a> Generator<'a> {
    /// At bar 0. A market with a plant needs the values of its expression, a [`Truth`]; others need none.
    ///
    /// # Errors
    /// When the plant's rank IC cannot be had in such a market, or there is a plant and no truth.
    pub fn new(synthetic: &'a Synthetic, truth: Option<Box<dyn Truth + 'a>>) -> Result<Self, Error> {
        let plant = match (&synthetic.spec.plant, truth) {
            (None, _) => None,
            (Some(_), Some(truth)) => Some(Plant::new(synthetic, truth)?),
            (Some(expression), None) => {
                let problem = format!("nobody can say what `plant` = {expression} is worth on a bar");
                return Err(Error::unusable("synth", problem));
            }
        };
        let mut generator = Self::with_bands(synthetic, false);
        generator.plant = plant;
        Ok(generator)
    }

    /// Without a plant, for a trial.
    pub(super) fn traced(synthetic: &'a Synthetic) -> Self {
        Self::with_bands(synthetic, true)
    }

    fn with_bands(synthetic: &'a Synthetic, trace: bool) -> Self {
        let symbols = synthetic.spec.symbols;
        let bands =
            (0..symbols).step_by(BAND).map(|first| Band::new(synthetic, first, BAND.min(symbols - first), trace));
        Self {
            synthetic,
            shared: Shared::new(synthetic),
            bars: Vec::new(),
            sectors: Vec::new(),
            bands: bands.collect(),
            plant: None,
            next: 0,
            first: 0,
            rows: 0,
        }
    }

    /// The first bar that was not made yet.
    pub fn next_bar(&self) -> usize {
        self.next
    }

    /// Makes up to so many bars more, on the threads of the pool that it is called in; none when there are no more.
    /// A market with a plant is made bar by bar, as each decides on the next.
    pub fn advance(&mut self, bars: usize) -> Chunk<'_> {
        let synthetic = self.synthetic;
        let most = if self.plant.is_some() { 1 } else { bars.max(1) };
        self.rows = most.min(synthetic.spec.bars - self.next);
        self.first = self.next;
        self.bars.resize(self.rows, SharedBar::default());
        self.sectors.resize(self.rows * synthetic.spec.sectors, Move::default());
        self.shared.advance(synthetic, self.first, &mut self.bars, &mut self.sectors);

        let effect = self.plant.as_ref().map(Plant::effect);
        let planted = effect.map(|Effect { gap, body, noise }| Planted { gap, body, noise });
        let (first, shared, sectors) = (self.first, &self.bars, &self.sectors);
        let make = |band: &mut Band| band.advance(synthetic, first, shared, sectors, planted);
        if self.rows > 1 || synthetic.spec.symbols >= WIDE {
            self.bands.par_iter_mut().for_each(make);
        } else {
            self.bands.iter_mut().for_each(make);
        }
        self.next += self.rows;
        if self.rows == 1
            && let Some(plant) = &mut self.plant
        {
            plant.take(synthetic, first, &self.bands);
        }
        self.chunk()
    }

    fn chunk(&self) -> Chunk<'_> {
        Chunk { bands: &self.bands, first: self.first, rows: self.rows }
    }

    /// What the generator of a market keeps, in bytes, at chunks of so many bars.
    pub fn memory(synthetic: &Synthetic, bars: usize) -> u64 {
        let symbols = synthetic.spec.symbols as u64;
        let bars = if synthetic.spec.plant.is_some() { 1 } else { bars as u64 };
        let a_cell = 8 * synthetic.fields().len() as u64;
        let a_bar = (size_of::<SharedBar>() + synthetic.spec.sectors * size_of::<Move>()) as u64;
        // A name is a text of its own.
        symbols * (512 + bars * a_cell) + bars * a_bar
    }

    pub(super) fn bands(&self) -> &[Band] {
        &self.bands
    }

    pub(super) fn shared_bars(&self) -> &[SharedBar] {
        &self.bars
    }
}

/// Bars that were made in one go.
#[derive(Debug, Clone, Copy)]
pub struct Chunk<'a> {
    bands: &'a [Band],
    first: usize,
    rows: usize,
}

impl<'a> Chunk<'a> {
    /// The first bar.
    pub fn first_bar(&self) -> usize {
        self.first
    }

    /// Number of bars; 0 at the end of the market.
    pub fn bars(&self) -> usize {
        self.rows
    }

    /// A field on a bar, counted from the chunk's first, in pieces: each with its first symbol. Fields are counted as in
    /// [`Synthetic::fields`]; NaN where a symbol has no bar.
    pub fn row(&self, field: usize, row: usize) -> impl Iterator<Item = (usize, &'a [f64])> + use<'a> {
        self.bands.iter().map(move |band| {
            let width = band.width();
            (band.first, &band.fields[field][row * width..][..width])
        })
    }

    /// The piece of a row that begins with a symbol.
    pub(super) fn piece(&self, field: usize, row: usize, first: usize) -> &'a [f64] {
        let band = &self.bands[first / BAND];
        let width = band.width();
        &band.fields[field][row * width..][..width]
    }
}
