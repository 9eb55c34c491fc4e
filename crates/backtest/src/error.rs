//! What can go wrong in this room.

/// Why a backtest or a statistic could not be computed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting is out of range.
    #[error("{0}")]
    Setting(String),
    /// A strategy does not compile.
    #[error(transparent)]
    Graph(#[from] factor::GraphError),
    /// The panel lacks a column that a strategy reads.
    #[error(transparent)]
    Engine(#[from] engine::Error),
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
    /// A flat matrix does not divide into rows.
    #[error("{values} values do not divide into rows of {columns} columns")]
    Matrix {
        /// Length of the flat matrix.
        values: usize,
        /// Columns a row.
        columns: usize,
    },
    /// A matrix holds NaN or an infinity where a return is needed.
    #[error("row {row}, column {column} of the returns is not a finite number")]
    NotANumber {
        /// 0-based row.
        row: usize,
        /// 0-based column.
        column: usize,
    },
    /// Too few or too many periods for a sum over all sign vectors.
    #[error("all sign vectors need between 1 and {most} periods, not {periods}")]
    Periods {
        /// Periods given.
        periods: usize,
        /// Most periods possible.
        most: usize,
    },
    /// A comparison of trials needs at least two.
    #[error("{0} trials cannot be compared, at least 2 are needed")]
    Trials(usize),
    /// History cannot be cut into halves of blocks.
    #[error(
        "{periods} periods cannot be cut into {blocks} blocks: an even number from 2 to 20 that leaves 2 rows a half is needed"
    )]
    Blocks {
        /// Blocks asked for.
        blocks: usize,
        /// Periods there are.
        periods: usize,
    },
    /// Rows cannot be cut into folds.
    #[error("{rows} rows cannot be cut into {folds} folds, at least 2 folds of 1 row are needed")]
    Folds {
        /// Rows there are.
        rows: usize,
        /// Folds asked for.
        folds: usize,
    },
    /// Purging would leave nothing of a fold.
    #[error("a horizon of {horizon} and an embargo of {embargo} rows must together be shorter than a fold of {length}")]
    Purge {
        /// Bars a label looks ahead.
        horizon: usize,
        /// Rows left out after a test.
        embargo: usize,
        /// Rows of the shortest fold.
        length: usize,
    },
}
