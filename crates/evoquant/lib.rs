//! evoquant: strategies as factor graphs, evolved, backtested with costs, and judged by statistics that count every
//! trial.
//!
//! Every room is a module here: [`market`] holds bars, [`factor`] graphs, [`engine`] runs them, [`backtest`] turns
//! them into money, [`evolve`] breeds them. [`bench`] measures how cost grows with the number of factors.

pub mod bench;

pub use market::DataFrame;
pub use {backtest, engine, evolve, factor, market};
