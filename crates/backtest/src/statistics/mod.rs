//! How much of a result is luck.
//!
//! Sharpe ratios in this module are *per period* unless a name says `annual`, and kurtosis is *raw* (3 for the normal
//! distribution). Mixing either up moves a deflated Sharpe ratio from .90 to 1 or to .9018, which nobody notices
//! without the published figures in `tests/golden`.

pub mod normal;
mod sharpe;

pub use sharpe::SharpeEstimate;
