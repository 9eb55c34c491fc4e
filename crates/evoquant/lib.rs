//! evoquant evolves trading strategies: typed factor graphs over OHLCV panels, compiled, streamed over whole
//! markets, backtested with costs, bred in parallel, and judged by statistics that count every strategy tried.
//!
//! This package is the facade: each room of the engine under its own name, and a few functions that join them.
//!
//! ```
//! use evoquant::factor::{Schema, compile, parse};
//! use evoquant::market::random_walk;
//!
//! let panel = random_walk(300, 30, 1);
//! let schema = evoquant::schema(&panel);
//! let program = compile(&parse("cs_rank(ts_mean(returns(close, 1), 20))", &schema)?, &[])?;
//! let values = evoquant::engine::evaluate(&program, &panel)?;
//! assert!(values.iter().filter(|value| value.is_finite()).count() > 8_000);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod bench;
pub mod cli;
mod synth;

pub use backtest;
pub use engine;
pub use evolve;
pub use factor;
pub use market;
pub use market::DataFrame;
pub use report;
pub use store;
pub use synth::{synthetic_panel, write_synthetic};

use factor::Schema;
use market::Panel;

/// Why a frame cannot be evaluated, or a market cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The frame is no market.
    #[error(transparent)]
    Market(#[from] market::Error),
    /// The expression cannot be read.
    #[error(transparent)]
    Expression(#[from] factor::ParseError),
    /// The expression does not compile.
    #[error(transparent)]
    Graph(#[from] factor::GraphError),
    /// The panel lacks a column.
    #[error(transparent)]
    Engine(#[from] engine::Error),
    /// The planted expression cannot be read, or gives no numbers.
    #[error("`plant`: {0}")]
    Plant(String),
    /// The planted expression looks back too far.
    #[error(
        "`plant` depends on {warm_up} bars, which would take {bytes} bytes at {symbols} symbols, above the limit of \
         {limit}; shorten its windows, or take fewer symbols"
    )]
    PlantMemory {
        /// Bars before the one at hand.
        warm_up: usize,
        /// Symbols.
        symbols: usize,
        /// What that takes.
        bytes: u64,
        /// What it may take.
        limit: u64,
    },
}

/// The columns of a panel, for reading expressions and strategies over it.
pub fn schema(panel: &Panel) -> Schema {
    Schema::new(panel.field_names(), panel.group_names())
}

/// Evaluates an expression over a long frame (a date, a symbol, `close` and more) and returns a long frame with
/// columns date, symbol and value, null where the value is undefined.
///
/// # Errors
/// When the frame is no market, or the expression cannot be read over its columns.
pub fn evaluate_frame(frame: &DataFrame, expression: &str) -> Result<DataFrame, Error> {
    let panel = Panel::from_frame(frame)?;
    let values = evaluate(&panel, expression)?;
    Ok(market::table::long_values(&panel, &values).to_frame()?)
}

/// Evaluates an expression over a panel: `[bars x symbols]`, row after row, NaN where undefined.
///
/// # Errors
/// When the expression cannot be read over the panel's columns.
pub fn evaluate(panel: &Panel, expression: &str) -> Result<Vec<f64>, Error> {
    let graph = factor::parse(expression, &schema(panel))?;
    let program = factor::compile(&graph, &[])?;
    Ok(engine::evaluate(&program, panel)?)
}
