//! Pages of small backtests: what they say, what they escape, and that they ask the network for nothing.

mod figures;
mod graph;
mod odd;
mod offline;
mod world;
