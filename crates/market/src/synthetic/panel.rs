//! A synthetic market in memory.

use indexmap::IndexMap;
use ndarray::{Array2, ArrayViewMut2, Axis};
use rayon::prelude::*;

use super::generator::{Chunk, Generator};
use super::model::Synthetic;
use super::plant::Truth;
use crate::calendar::Calendar;
use crate::error::Error;
use crate::panel::{Group, Panel};

/// Cells that are made before they are put in their place: few enough to stay in a cache.
const CHUNK_CELLS: usize = 1 << 17;

impl Synthetic {
    /// Bytes of the market in memory.
    pub fn panel_bytes(&self) -> u64 {
        let columns = self.fields().len() as u64 + u64::from(self.spec.sectors > 0);
        self.cells().saturating_mul(8 * columns)
    }

    /// The market in memory: fields as in [`Synthetic::fields`], and a group `sector` where there are sectors. Bars on
    /// which nobody trades, during an outage, are there and NaN. The same at any number of threads.
    ///
    /// # Errors
    /// When it would take more than `max_bytes`, or as [`Generator::new`].
    pub fn panel(&self, truth: Option<Box<dyn Truth + '_>>, threads: usize, max_bytes: u64) -> Result<Panel, Error> {
        let bytes = self.panel_bytes();
        if bytes > max_bytes {
            let problem = format!(
                "{} bars x {} symbols would take {bytes} bytes in memory, above the limit of {max_bytes}; take fewer, or \
                 write them to a file with `data synth`",
                self.spec.bars, self.spec.symbols
            );
            return Err(Error::unusable("synth", problem));
        }
        let mut generator = Generator::new(self, truth)?;
        let arrays = pool(threads).install(|| self.fill(&mut generator));
        let names = self.fields().iter().map(|&name| name.to_owned());
        let mut groups = IndexMap::new();
        if self.spec.sectors > 0 {
            let code = |(_, symbol)| self.sector(symbol).map_or(f64::NAN, |sector| sector as f64);
            let codes = Array2::from_shape_fn((self.spec.bars, self.spec.symbols), code);
            groups.insert("sector".to_owned(), Group { labels: self.sectors().to_vec(), codes });
        }
        let times = (0..self.spec.bars).map(|bar| self.time(bar)).collect();
        let calendar = Calendar::new(times, None).expect("the clock's times rise and are dates");
        let panel = Panel::new(calendar, self.symbols().to_vec(), names.zip(arrays).collect(), groups);
        Ok(panel.expect("all fields have the shape made above, and names differ"))
    }

    /// A panel of the market's symbols and columns without a bar, for [`Panel::push_bar`].
    pub fn empty_panel(&self) -> Panel {
        let array = || Array2::zeros((0, self.spec.symbols));
        let fields = self.fields().iter().map(|&name| (name.to_owned(), array())).collect();
        let mut groups = IndexMap::new();
        if self.spec.sectors > 0 {
            groups.insert("sector".to_owned(), Group { labels: self.sectors().to_vec(), codes: array() });
        }
        let calendar = Calendar::new(Vec::new(), None).expect("no time is out of order");
        Panel::new(calendar, self.symbols().to_vec(), fields, groups).expect("all fields have no bar, and names differ")
    }

    fn fill(&self, generator: &mut Generator<'_>) -> Vec<Array2<f64>> {
        let shape = (self.spec.bars, self.spec.symbols);
        let mut arrays: Vec<Array2<f64>> = self.fields().iter().map(|_| Array2::zeros(shape)).collect();
        let mut rests: Vec<ArrayViewMut2<'_, f64>> = arrays.iter_mut().map(|array| array.view_mut()).collect();
        let bars = (CHUNK_CELLS / self.spec.symbols).max(1);
        loop {
            let chunk = generator.advance(bars);
            if chunk.bars() == 0 {
                break;
            }
            let parts = rests.iter_mut().map(|rest| {
                let whole = std::mem::replace(rest, ArrayViewMut2::from_shape((0, 0), &mut []).expect("no cell"));
                let (part, remaining) = whole.split_at(Axis(0), chunk.bars());
                *rest = remaining;
                part
            });
            let parts: Vec<_> = parts.enumerate().collect();
            parts.into_par_iter().for_each(|(field, part)| place(&chunk, field, part));
        }
        arrays
    }
}

fn place(chunk: &Chunk<'_>, field: usize, mut part: ArrayViewMut2<'_, f64>) {
    for (row, mut values) in part.rows_mut().into_iter().enumerate() {
        let values = values.as_slice_mut().expect("rows of a panel are contiguous");
        for (first, piece) in chunk.row(field, row) {
            values[first..first + piece.len()].copy_from_slice(piece);
        }
    }
}

/// Threads of our own: the global ones belong to whoever uses this library.
pub(super) fn pool(threads: usize) -> rayon::ThreadPool {
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads.max(1))
        .build()
        .expect("a machine that runs this program can start threads")
}
