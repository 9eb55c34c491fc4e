//! Synthetic markets whose planted truth is an expression: the generator asks what it is worth on each bar, and the
//! streaming engine says.

use std::path::Path;

use engine::{Columns, Executor, Outputs, Plan};
use factor::{Purpose, Schema};
use market::synthetic::{Bar, Progress, Truth, WriteOptions};
use market::table::Written;
use market::{Panel, Synthetic};

use crate::Error;

/// Cells of history that are kept, at most, beside what the expression looks back on.
const KEPT_CELLS: usize = 1 << 21;
/// The place of the close among a market's fields.
const CLOSE: usize = 3;
/// Most bytes of history.
const MOST_BYTES: u64 = 2 << 30;

/// A synthetic market in memory, its plant included.
///
/// # Errors
/// When it would take more than `max_bytes`, or the planted expression cannot be read over its columns or the effect
/// cannot be had.
pub fn synthetic_panel(synthetic: &Synthetic, threads: usize, max_bytes: u64) -> Result<Panel, Error> {
    let planted = Planted::new(synthetic)?;
    let truth = planted.as_ref().map(|planted| planted.truth(synthetic)).transpose()?;
    Ok(synthetic.panel(truth, threads, max_bytes)?)
}

/// Streams a synthetic market to a file, its plant included; see [`Synthetic::write`].
///
/// # Errors
/// As [`synthetic_panel`], and when the file cannot be written.
pub fn write_synthetic(
    synthetic: &Synthetic,
    path: &Path,
    options: &WriteOptions,
    progress: &mut dyn FnMut(Progress),
) -> Result<Written, Error> {
    let planted = Planted::new(synthetic)?;
    let truth = planted.as_ref().map(|planted| planted.truth(synthetic)).transpose()?;
    Ok(synthetic.write(truth, path, options, progress)?)
}

/// A planted expression, compiled.
struct Planted {
    plan: Plan,
    /// Bars before the one at hand that values depend on.
    warm_up: usize,
}

impl Planted {
    fn new(synthetic: &Synthetic) -> Result<Option<Self>, Error> {
        let Some(text) = &synthetic.spec().plant else { return Ok(None) };
        let groups = if synthetic.sectors().is_empty() { None } else { Some("sector") };
        let schema = Schema::new(synthetic.fields().iter().copied(), groups.into_iter());
        let graph = factor::parse(text, &schema).map_err(|error| Error::Plant(error.to_string()))?;
        let program = factor::compile(&graph, &[])?;
        backtest::analysis::check_score(&program).map_err(|error| Error::Plant(error.to_string()))?;
        Ok(Some(Self { plan: Plan::new([&program]), warm_up: program.warm_up() as usize }))
    }

    fn truth<'a>(&'a self, synthetic: &'a Synthetic) -> Result<Box<dyn Truth + 'a>, Error> {
        let symbols = synthetic.symbols().len();
        // Long enough that what is fed again after a restart is the smaller part.
        let most_bars = self.warm_up + (KEPT_CELLS / symbols).max(self.warm_up).max(64);
        let columns = synthetic.fields().len() as u64 + 1;
        let bytes = 8 * columns * most_bars.min(synthetic.bars()) as u64 * symbols as u64;
        if bytes > MOST_BYTES {
            return Err(Error::PlantMemory { warm_up: self.warm_up, symbols, bytes, limit: MOST_BYTES });
        }
        let codes: Vec<f64> =
            (0..symbols).map(|symbol| synthetic.sector(symbol).map_or(f64::NAN, |sector| sector as f64)).collect();
        Ok(Box::new(Values {
            synthetic,
            plan: &self.plan,
            warm_up: self.warm_up,
            most_bars,
            panel: synthetic.empty_panel(),
            members: Vec::new(),
            codes,
            executor: Executor::new(&self.plan, symbols),
        }))
    }
}

/// Values of an expression, bar by bar.
///
/// History is cut, and the executor begun anew, every so many bars: at bars that follow from the expression and the
/// number of symbols alone, so that the market stays the same however it is made. What it looks back on is fed again.
struct Values<'a> {
    synthetic: &'a Synthetic,
    plan: &'a Plan,
    warm_up: usize,
    most_bars: usize,
    panel: Panel,
    members: Vec<bool>,
    codes: Vec<f64>,
    executor: Executor<'a>,
}

impl Truth for Values<'_> {
    fn score(&mut self, bar: &Bar<'_>, scores: &mut [f64]) {
        let close = &bar.fields[CLOSE];
        if self.panel.bars() == self.most_bars {
            self.panel = self.panel.suffix(self.warm_up);
            self.members.drain(..self.members.len() - self.warm_up * scores.len());
            self.executor = Executor::new(self.plan, scores.len());
        }
        let mut rows: Vec<&[f64]> = bar.fields.iter().map(Vec::as_slice).collect();
        if !self.synthetic.sectors().is_empty() {
            rows.push(&self.codes);
        }
        self.panel.push_bar(bar.time, &rows).expect("times rise, and a row has all symbols");
        self.members.extend(close.iter().map(|close| close.is_finite()));
        let columns = Columns::new(self.plan, &self.panel, &self.members).expect("the expression was read over them");
        let end = self.panel.bars();
        self.executor.advance(&columns, end, &mut |outputs: &Outputs<'_>| {
            if outputs.first_row + outputs.rows == end {
                scores.copy_from_slice(outputs.row(Purpose::Score, outputs.rows - 1).expect("a program has a score"));
            }
        });
    }
}
