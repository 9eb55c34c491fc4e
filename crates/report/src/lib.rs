//! Backtests as one page: figures, charts and tables in a single HTML file that asks the network for nothing.
//!
//! [`page`] is all there is: it takes what a backtest left behind and formats it. Figures are computed in `backtest`;
//! here they are only rounded to what is drawn, escaped, and laid out. The same input gives the same bytes.
//!
//! The page is an askama template (`templates/`) with style and script of its own (`assets/`) and
//! [uPlot](https://github.com/leeoniya/uPlot) for the charts, all inlined. The graph of a strategy is drawn as SVG by
//! a layered layout of our own. Every name, description and file name that a user can choose is escaped, in HTML and in the
//! JSON that the script reads.

mod charts;
mod error;
mod facts;
mod graph;
mod tables;
mod view;

pub use error::Error;
pub use graph::{Drawing, DrawnEdge, DrawnNode, MOST_DRAWN, draw};
pub use view::page;

use std::ops::Range;

use backtest::{FactorAnalysis, Report, ReturnSettings};
use factor::Strategy;
use market::{Ledger, Panel};

/// What a page is made of.
#[derive(Debug, Clone)]
pub struct PageInput<'a> {
    /// Version of the program that ran the backtests.
    pub version: &'a str,
    /// Where the bars came from, as the user named it.
    pub source: &'a str,
    /// The bars.
    pub panel: &'a Panel,
    /// Rows over which money was held: charts and lists begin and end with them.
    pub bars: Range<usize>,
    /// What the import did with its rows.
    pub ledger: &'a Ledger,
    /// What figures per year rest on.
    pub returns: ReturnSettings,
    /// What every strategy stands beside.
    pub benchmark: &'a Report,
    /// The strategies, at least one; all over the same bars.
    pub entries: &'a [Entry<'a>],
}

/// One strategy of a page.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// The strategy.
    pub strategy: &'a Strategy,
    /// Its backtest, with [`Detail::Trades`](backtest::Detail::Trades) or more.
    pub report: &'a Report,
    /// What its score says of the returns that follow, or why that is left out.
    pub scores: Result<&'a FactorAnalysis, &'a str>,
}
