//! What can go wrong in this room.

/// Why a backtest or a statistic could not be computed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A flat panel does not divide into rows.
    #[error("{values} values do not divide into rows of {symbols} symbols")]
    Shape {
        /// Length of the flat panel.
        values: usize,
        /// Symbols a row.
        symbols: usize,
    },
    /// Sums of squared ranks would no longer be exact.
    #[error("{0} symbols are more than the 1048576 that can be ranked")]
    TooManySymbols(usize),
}
