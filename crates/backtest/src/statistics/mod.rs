//! How much of a result is luck.
//!
//! - [`SharpeEstimate`]: what one Sharpe ratio is worth, given its sample.
//! - [`luck_bar`], [`deflated_sharpe`], [`min_backtest_length`]: what it is worth, given how many strategies were
//!   tried; [`effective`] counts trials that resemble each other.
//! - [`multiple`]: p-values of many tests.
//! - [`Pbo`]: how often the best in one half of history is poor in the other.
//! - [`rademacher`]: how well a set of strategies fits random signs, and what that takes off the best of them.
//! - [`folds`]: splits of history whose parts share no bar.
//!
//! Sharpe ratios in this module are *per period* unless a name says `annual`, and kurtosis is *raw* (3 for the normal
//! distribution). Mixing either up moves a deflated Sharpe ratio from .90 to 1 or to .9018, which nobody notices
//! without the published figures in `tests/golden`. Matrices of returns are flat, `[periods x trials]`.

pub mod effective;
pub mod folds;
pub mod multiple;
mod pbo;
pub mod rademacher;
mod sharpe;
mod trials;

pub use pbo::Pbo;
pub use sharpe::{SharpeEstimate, annualisation_factor};
pub use trials::{
    DeflatedSharpe, MinBacktestLength, deflated_sharpe, expected_maximum, luck_bar, min_backtest_length,
    sharpe_variance,
};

use crate::error::Error;

/// Rows of a flat matrix.
fn rows(matrix: &[f64], columns: usize) -> Result<usize, Error> {
    if columns == 0 || !matrix.len().is_multiple_of(columns) {
        return Err(Error::Matrix { values: matrix.len(), columns });
    }
    Ok(matrix.len() / columns)
}
