//! The cells of one field: in memory, or in a panel kept on disk.

use ndarray::{Array2, ArrayView2};

use crate::cache::KeptCells;

/// `[bars x symbols]`, row after row.
#[derive(Debug, Clone)]
pub(crate) enum Cells {
    Owned(Array2<f64>),
    Kept(KeptCells),
}

impl Cells {
    pub(crate) fn dim(&self) -> (usize, usize) {
        match self {
            Cells::Owned(array) => array.dim(),
            Cells::Kept(cells) => cells.dim(),
        }
    }

    pub(crate) fn as_slice(&self) -> &[f64] {
        match self {
            Cells::Owned(array) => array.as_slice().expect("a panel keeps its arrays in standard layout"),
            Cells::Kept(cells) => cells.as_slice(),
        }
    }

    pub(crate) fn view(&self) -> ArrayView2<'_, f64> {
        ArrayView2::from_shape(self.dim(), self.as_slice()).expect("a slice has one value a cell")
    }

    /// The cells in memory, read from disk first where they are kept there.
    pub(crate) fn to_mut(&mut self) -> &mut Array2<f64> {
        if let Cells::Kept(cells) = self {
            let values = cells.as_slice().to_vec();
            *self = Cells::Owned(Array2::from_shape_vec(cells.dim(), values).expect("a slice has one value a cell"));
        }
        match self {
            Cells::Owned(array) => array,
            Cells::Kept(_) => unreachable!("kept cells were read above"),
        }
    }
}
