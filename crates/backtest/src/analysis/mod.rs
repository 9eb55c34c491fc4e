//! Factor analysis: does a factor order the returns that follow it, how fast does that fade, and how much would have
//! to be traded? The questions of alphalens, answered in one pass over the market.
//!
//! A factor's values `[bars x symbols]` come from the engine a few rows at a time, and are let go again: nothing the
//! size of the panel is kept; of several factors together, the ranks of the returns after one block of rows. What counts is the value of a member of the universe ([`Panel::members`]); NaN is none.
//! Returns start where an order decided on the factor's bar would be filled, at the next open by default. Prices that
//! are missing or not above zero give no return.
//!
//! # Where this differs from alphalens
//! - Quantiles are made of all names that have a value, before anybody looks at who has a return. alphalens first drops
//!   names without a return over every horizon, so that its quantiles know who will still be listed.
//! - Rank `r` of `n` falls into quantile `floor((r - 1/2) quantiles / n)`: sizes differ by at most one where no values
//!   are equal, and equal values stay together. `pandas.qcut` interpolates edges, and refuses many ties. Both agree
//!   where quantiles divide names evenly.
//! - The spread is top less bottom, not half of it.
//! - Rank autocorrelation ranks the names that both bars have.
//! - Beside the plain t-statistic, which takes overlapping returns for independent ones, stands one that does not.
//!
//! [`leak`] asks whether an input knows the future.

mod gather;
pub mod leak;
mod result;
mod settings;

use engine::{Columns, Executor, Outputs, Plan};
use factor::{Program, Purpose, Type};
use market::Panel;

use crate::error::Error;
use crate::rank_ic::LabelRanks;
use gather::{Gatherer, World};
use leak::{Hindsight, Suspicion};

pub use result::{
    Coverage, FactorAnalysis, GroupIc, HorizonAnalysis, HorizonSeries, PeriodIc, Quantile, Spread, Stability,
};
pub use settings::AnalysisSettings;

/// Analyses the scores of programs over a whole panel, in one pass: nodes they share run once, and returns are ranked
/// once. One result a program, in order.
///
/// # Errors
/// When the panel lacks a column or what the settings ask for, has more than 1,048,576 symbols, or when a program has no
/// score (a strategy of entry and exit flags alone has none) or one that is no number.
pub fn analyze<'p>(
    programs: impl IntoIterator<Item = &'p Program>,
    panel: &Panel,
    settings: &AnalysisSettings,
) -> Result<Vec<FactorAnalysis>, Error> {
    let programs: Vec<&Program> = programs.into_iter().collect();
    programs.iter().try_for_each(|program| check_score(program))?;
    let members = panel.members();
    let plan = Plan::new(programs.iter().copied());
    let columns = Columns::new(&plan, panel, &members)?;
    let mut analysis = Analysis::new(panel, &members, settings, programs.len())?;
    Executor::new(&plan, panel.symbols().len()).finish(&columns, panel.bars(), &mut |outputs: &Outputs<'_>| {
        let scores = outputs.block(Purpose::Score).expect("every program has a score");
        analysis.take(outputs.program, outputs.first_row, scores);
    });
    Ok(analysis.finish())
}

/// Whether a program gives numbers that order symbols.
///
/// # Errors
/// When it has no score, or one that is a flag or a group.
pub fn check_score(program: &Program) -> Result<(), Error> {
    let refuse = |message: &str| Err(Error::Setting(message.to_owned()));
    match program.output(Purpose::Score).map(|id| program.instruction(id).output) {
        None => refuse("there is no score to analyse, only entry and exit flags"),
        Some(Type::Flag) => refuse("a flag cannot be analysed: num(...) makes a number of it"),
        Some(Type::Group) => refuse("a group cannot be analysed: its codes are names, not numbers"),
        Some(_) => Ok(()),
    }
}

/// Analyses values from anywhere, `[bars x symbols]`, row after row, NaN where there is none.
///
/// # Errors
/// When the values are not of the panel's shape, or it lacks what the settings ask for.
pub fn analyze_values(values: &[f64], panel: &Panel, settings: &AnalysisSettings) -> Result<FactorAnalysis, Error> {
    let symbols = panel.symbols().len();
    if values.len() != panel.bars() * symbols {
        return Err(Error::Shape { values: values.len(), symbols });
    }
    let members = panel.members();
    let mut analysis = Analysis::new(panel, &members, settings, 1)?;
    analysis.take(0, 0, values);
    Ok(analysis.finish().pop().expect("one result for one factor"))
}

/// An analysis of several factors on its way through a market.
struct Analysis<'a> {
    world: World<'a>,
    factors: Vec<Gatherer>,
    hindsight: Hindsight<'a>,
    suspicions: Vec<Suspicion>,
    /// The ranks of returns after a bar, one a horizon, kept while other factors may still ask for them.
    ranked: Vec<Option<Vec<LabelRanks>>>,
    /// The bar of the first of them.
    first_row: usize,
}

impl<'a> Analysis<'a> {
    fn new(
        panel: &'a Panel,
        members: &'a [bool],
        settings: &'a AnalysisSettings,
        factors: usize,
    ) -> Result<Self, Error> {
        settings.check(panel)?;
        let world = World::new(panel, members, settings);
        let hindsight = Hindsight::new(panel, members, settings.fill)?;
        let suspicions = (0..factors).map(|_| Suspicion::new(&hindsight)).collect();
        let factors = (0..factors).map(|_| Gatherer::new(&world)).collect();
        Ok(Self { world, factors, hindsight, suspicions, ranked: Vec::new(), first_row: 0 })
    }

    /// Takes whole rows of one factor. All factors are given the same rows before any is given later ones.
    fn take(&mut self, factor: usize, first_row: usize, values: &[f64]) {
        let symbols = self.world.symbols();
        if first_row != self.first_row {
            self.first_row = first_row;
            self.ranked.clear();
        }
        self.ranked.resize_with(values.len() / symbols.max(1), || None);
        let is_last = factor + 1 == self.factors.len();
        for (offset, values) in values.chunks_exact(symbols.max(1)).enumerate() {
            let row = first_row + offset;
            let ranked = self.ranked[offset].take().unwrap_or_else(|| self.world.rank_returns(row));
            self.factors[factor].push(&self.world, row, values, &ranked);
            self.suspicions[factor].push(&self.hindsight, row, values);
            if !is_last {
                self.ranked[offset] = Some(ranked);
            }
        }
    }

    fn finish(self) -> Vec<FactorAnalysis> {
        let finish = |(factor, suspicion): (Gatherer, Suspicion)| {
            factor.finish(&self.world, suspicion.finish(&self.hindsight, "expression"))
        };
        self.factors.into_iter().zip(self.suspicions).map(finish).collect()
    }
}
