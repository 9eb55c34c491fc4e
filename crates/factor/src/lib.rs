//! Factor graphs: what a strategy sees in a market, as a typed graph that can be written, compiled and varied.
//!
//! ```
//! use factor::{Schema, compile, parse};
//!
//! let graph = parse("cs_rank(ts_mean(returns(close, 1), 20))", &Schema::bars())?;
//! let program = compile(&graph, &[])?;
//! assert_eq!(program.instructions.len(), 4);
//! assert_eq!(program.lookback(), 20);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`Operator`] is the vocabulary, defined once; [`LibraryFactor`] names common sub-graphs; [`FactorGraph`] holds
//! both on petgraph; [`compile`] turns a graph into a flat [`Program`] with structural hashes.
//!
//! This room does not know panels, files, clocks or threads, and computes no values of a market: that is the
//! engine's. All it can do is pure.

mod compile;
mod dialect;
mod documentation;
pub mod elementary;
mod error;
mod genome;
mod graph;
mod library;
pub mod normal;
mod operator;
mod program;
pub mod reference;
mod registry;
mod schema;
mod strategy;
mod text;
mod types;
mod variation;

pub use compile::{Extra, MAX_INSTRUCTIONS, compile};
pub use dialect::{
    Dialect, DialectEntry, DialectError, DialectText, Standing, parse_dialect, parse_dialect_nearest, print_dialect,
    print_dialect_nearest,
};
pub use documentation::{Fact, factor_facts, operator_facts, operator_reference};
pub use error::{GraphError, JsonError, ParseError, PolarsError, RegisterError, StrategyError};
pub use genome::{Gene, Genome, GenomeNode};
pub use graph::{FactorGraph, Inputs, Kind, MAX_NODES, Node, NodeIndex, Role, Slot};
pub use library::{LibraryDefinition, LibraryFactor};
pub use operator::{
    Definition, Family, Inferred, Lookback, MAX_INPUTS, MAX_PARAMETERS, MAX_WINDOW, Memory, Output, PanelRows,
    Parameter, ParameterKind, Parameters, Port, Reference, Syntax, infer,
};
pub use program::{Instruction, NodeId, Operation, Program, Purpose, SlotAllocator};
pub use registry::{
    ABSENT, CarryFunction, CellFunction, CustomId, CustomOperator, Kernel, Operator, RowFunction, WindowFunction,
    register, why_absent,
};
pub use schema::Schema;
pub use strategy::{
    Count, Exits, Positions, Rebalance, Rule, ScaledStop, Sizing, Strategy, TrailingStop, Trigger, Weighting,
};
pub use text::{
    NamedFactors, parse, parse_into, parse_json, print, print_dot, print_factors, print_json, print_latex,
    print_number, print_polars,
};
pub use types::{Type, Unit};
pub use variation::{Mutation, Palette, VariationSettings, crossover, random_expression, random_strategy};
