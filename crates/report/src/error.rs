//! What can go wrong in this room.

/// Why a page could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A page needs a strategy.
    #[error("a page needs at least one strategy")]
    NoStrategy,
    /// A strategy's graph is not valid.
    #[error(transparent)]
    Graph(#[from] factor::GraphError),
    /// The figures could not be written as JSON.
    #[error("cannot write the figures as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// The template could not be filled.
    #[error("cannot fill the page: {0}")]
    Template(#[from] askama::Error),
}
