//! Scores strategies on train and validation, a generation at a time; the exam's rows are never fed.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use backtest::metrics::{Headline, ReturnSettings};
use backtest::{Detail, IcSeries, IcSummary, LabelRanks, Market, Outcome, Periods, RankScratch, Rows, Simulator};
use engine::{CacheCounts, Columns, Contents, Executor, Memory, NodeCache, NodeRows, Outputs, Plan, PlanCounts, Shelf};
use factor::{Program, Strategy};
use market::Panel;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::config::{Objectives, RunConfig};
use crate::counts::{NodeCounts, RowCounts, ShelfCounts, Work};
use crate::filling::{Shelved, fill};
use crate::race::{Bars, decision_rows};

/// How a strategy did over one period. Undefined figures are `None` and count as the worst there is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    /// Annual Sharpe ratio, net of costs.
    pub sharpe: Option<f64>,
    /// Total return, a fraction, net of costs.
    pub total_return: Option<f64>,
    /// Largest drawdown, a fraction, 0 or negative.
    pub max_drawdown: Option<f64>,
    /// One-way turnover a year, as a multiple of equity.
    pub turnover: f64,
    /// Mean rank IC of the score with the return from fill to fill over the horizon.
    pub rank_ic: Option<f64>,
}

/// Why a strategy has no score.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rejection {
    /// It needs more history than half of train.
    NotEnoughHistory,
    /// It never held anything on train.
    NeverTrades,
    /// It lost everything.
    Ruin,
    /// Its Sharpe ratio on train is undefined.
    UndefinedSharpe,
    /// It lagged behind in a race, and was not evaluated to the end.
    RacedOut,
}

impl std::fmt::Display for Rejection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Rejection::NotEnoughHistory => "needs more history than half of train",
            Rejection::NeverTrades => "never trades",
            Rejection::Ruin => "loses everything",
            Rejection::UndefinedSharpe => "undefined Sharpe ratio",
            Rejection::RacedOut => "raced out",
        })
    }
}

/// What became of a strategy that was evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Evaluation {
    /// It has scores.
    Scored {
        /// Weighted sum of objectives on train.
        fitness: f64,
        /// On train.
        train: Scores,
        /// On validation.
        validation: Scores,
    },
    /// It cannot be scored.
    Rejected(Rejection),
}

impl Evaluation {
    /// Fitness on train; nothing that was rejected can win.
    pub fn fitness(&self) -> f64 {
        match self {
            Evaluation::Scored { fitness, .. } => *fitness,
            Evaluation::Rejected(_) => f64::NEG_INFINITY,
        }
    }
}

/// An evaluation, and the way to it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Evaluated {
    pub(crate) evaluation: Evaluation,
    /// Fitness so far at each decision of a race that the strategy came to; none without a race.
    pub(crate) partial: Vec<Option<f64>>,
}

/// Strategies evaluated together: small enough that states stay in cache, large enough to share nodes.
pub const GROUP: usize = 8;

/// Everything that evaluations share.
#[derive(Debug)]
pub(crate) struct Evaluator<'a> {
    panel: &'a Panel,
    market: &'a Market<'a>,
    labels: Option<LabelRanks>,
    config: &'a RunConfig,
    returns: ReturnSettings,
    /// What executors that are done leave to the next.
    memories: Mutex<Vec<Memory>>,
    cache: Mutex<NodeCache>,
    shelved: Option<Shelved<'a>>,
}

impl<'a> Evaluator<'a> {
    pub(crate) fn new(panel: &'a Panel, market: &'a Market<'a>, config: &'a RunConfig, cache_bytes: usize) -> Self {
        let labels = (config.objectives.rank_ic != 0.0).then(|| {
            let prices = panel.values("open").or_else(|| panel.values("close")).unwrap_or_default();
            let symbols = panel.symbols().len();
            // Labels that end after validation would let the exam's prices into selection.
            let visible = &prices[..config.periods.exam.start * symbols];
            let mut forward = backtest::forward_returns(visible, symbols, 1, config.spec.horizon);
            for (row, labels) in forward.chunks_exact_mut(symbols).enumerate() {
                let Periods { train, validation, .. } = &config.periods;
                if ![train, validation].iter().any(|period| counts_in_ic(period, row, config.spec.horizon)) {
                    labels.fill(f64::NAN);
                }
            }
            LabelRanks::new(&forward, symbols).expect("labels are whole rows")
        });
        let returns = ReturnSettings::new(config.periods_per_year);
        let cache = NodeCache::new(config.periods.exam.start, panel.symbols().len(), cache_bytes);
        let (memories, cache) = (Mutex::default(), Mutex::new(cache));
        Self { panel, market, labels, config, returns, memories, cache, shelved: None }
    }

    /// Looks on a shelf for what the cache is to keep, and puts there what was not.
    pub(crate) fn with_shelf(mut self, shelf: Option<&'a dyn Shelf>) -> Self {
        let contents = || Contents::new(self.panel, self.market.members(), self.config.periods.exam.start);
        self.shelved = shelf.map(|shelf| Shelved::new(shelf, contents()));
        self
    }

    /// Evaluates strategies, in a race if there are bars for one, results in their order. Groups follow from the list
    /// alone, so that nothing depends on the number of threads.
    pub(crate) fn evaluate(&self, strategies: &[(&Strategy, &Program)], bars: Option<Bars>) -> (Vec<Evaluated>, Work) {
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = self.keep(strategies, &mut cache);
        let groups: Vec<_> = strategies.par_chunks(GROUP).map(|group| self.group(group, &cache, bars)).collect();
        let ran = groups.iter().map(|(_, counts, _)| *counts).sum();
        let mut rows = RowCounts::default();
        for (_, _, of_group) in &groups {
            rows += *of_group;
        }
        let evaluated = groups.into_iter().flat_map(|(evaluated, ..)| evaluated).collect();
        (evaluated, Work { nodes: NodeCounts::new(ran, kept), rows })
    }

    /// What the cache did so far.
    pub(crate) fn cache(&self) -> CacheCounts {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner).counts()
    }

    /// What the shelf did so far; `None` without one.
    pub(crate) fn shelf(&self) -> Option<ShelfCounts> {
        self.shelved.as_ref().map(Shelved::counts)
    }

    /// Finds or computes what is worth keeping for these strategies and those to come.
    fn keep(&self, strategies: &[(&Strategy, &Program)], cache: &mut NodeCache) -> PlanCounts {
        let groups: Vec<Vec<&Program>> = strategies
            .chunks(GROUP)
            .map(|group| {
                group.iter().map(|(_, program)| *program).filter(|program| self.has_history(program)).collect()
            })
            .collect();
        fill(cache, &groups, self.panel, self.market.members(), self.shelved.as_ref())
    }

    /// Whether at least half of train is left when a program's values begin.
    fn has_history(&self, program: &Program) -> bool {
        program.lookback() <= self.config.periods.train.len() as u32 / 2
    }

    fn group(
        &self,
        strategies: &[(&Strategy, &Program)],
        cache: &NodeCache,
        bars: Option<Bars>,
    ) -> (Vec<Evaluated>, PlanCounts, RowCounts) {
        let runs: Vec<bool> = strategies.iter().map(|(_, program)| self.has_history(program)).collect();
        let chosen: Vec<&(&Strategy, &Program)> =
            strategies.iter().zip(&runs).filter(|(_, runs)| **runs).map(|(strategy, _)| strategy).collect();
        let plan = Plan::with_cache(chosen.iter().map(|(_, program)| *program), cache);
        let columns =
            Columns::new(&plan, self.panel, self.market.members()).expect("the search only uses the panel's columns");
        let mut tracks: Vec<Track<'_>> = chosen.iter().map(|(strategy, _)| Track::new(self, strategy)).collect();
        let spare = || self.memories.lock().unwrap_or_else(PoisonError::into_inner);
        let memory = spare().pop().unwrap_or_default();
        let mut executor = Executor::with_memory(&plan, self.panel.symbols().len(), memory);
        let end = self.config.periods.exam.start;
        let mut rows = RowCounts::default();
        if let Some(bars) = bars {
            for (decision, row) in decision_rows(&self.config.periods.train).into_iter().enumerate() {
                let take = &mut |outputs: &Outputs<'_>| tracks[outputs.program].take(self, outputs);
                executor.advance(&columns, row, take);
                for (track, (strategy, _)) in tracks.iter_mut().zip(&chosen) {
                    track.decide(self, strategy, row, |partial| bars.pass(decision, partial));
                }
                executor.retain(|program| tracks[program].dropped.is_none());
            }
            executor.advance(&columns, end, &mut |outputs: &Outputs<'_>| tracks[outputs.program].take(self, outputs));
            let of_track = |track: &Track<'_>| track.dropped.map_or(end, |(_, row)| row) as u64;
            rows.run = tracks.iter().map(of_track).sum();
            rows.spared = (end * tracks.len()) as u64 - rows.run;
            let NodeRows { run, spared } = executor.node_rows();
            (rows.nodes_run, rows.nodes_spared) = (run, spared);
        }
        let memory = executor.finish(&columns, end, &mut |outputs: &Outputs<'_>| {
            tracks[outputs.program].take(self, outputs);
        });
        spare().push(memory);
        let mut tracks = tracks.into_iter();
        let evaluated = strategies
            .iter()
            .zip(runs)
            .map(|((strategy, _), runs)| {
                if !runs {
                    let evaluation = Evaluation::Rejected(Rejection::NotEnoughHistory);
                    return Evaluated { evaluation, partial: Vec::new() };
                }
                tracks.next().expect("one per strategy that ran").finish(self, strategy)
            })
            .collect();
        (evaluated, plan.counts(), rows)
    }
}

/// One strategy on its way through the market.
struct Track<'a> {
    simulator: Simulator<'a>,
    train_ic: IcSeries,
    validation_ic: IcSeries,
    scratch: RankScratch,
    partial: Vec<Option<f64>>,
    /// Why the strategy was left out of a race, and from which row on.
    dropped: Option<(Rejection, usize)>,
}

impl<'a> Track<'a> {
    fn new(evaluator: &Evaluator<'a>, strategy: &Strategy) -> Self {
        let settings = &evaluator.config.spec.backtest;
        Self {
            simulator: Simulator::new(evaluator.market, strategy.positions, strategy.exits, settings, Detail::Scores),
            train_ic: IcSeries::new(IcSeries::MIN_NAMES),
            validation_ic: IcSeries::new(IcSeries::MIN_NAMES),
            scratch: RankScratch::default(),
            partial: Vec::new(),
            dropped: None,
        }
    }

    fn take(&mut self, evaluator: &Evaluator<'_>, outputs: &Outputs<'_>) {
        let periods = &evaluator.config.periods;
        let horizon = evaluator.config.spec.horizon;
        for offset in 0..outputs.rows {
            let row = outputs.first_row + offset;
            let mut rows = Rows::of(outputs, offset);
            let fits = |period: &Range<usize>| counts_in_ic(period, row, horizon);
            let in_train = fits(&periods.train);
            if let (Some(labels), Some(score)) = (&evaluator.labels, rows.score)
                && (in_train || fits(&periods.validation))
            {
                let series = if in_train { &mut self.train_ic } else { &mut self.validation_ic };
                series.push(labels.ic(row, score, &mut self.scratch));
                // Ranks are those of the row's scores, whatever its labels are: these only say whether they were made.
                rows.doubled_ranks = self.scratch.doubled_ranks();
            }
            self.simulator.step(row, &rows);
        }
    }

    /// Holds the fitness that the strategy would have if train ended before `row` against a race's bar.
    fn decide(
        &mut self,
        evaluator: &Evaluator<'_>,
        strategy: &Strategy,
        row: usize,
        passes: impl Fn(Option<f64>) -> bool,
    ) {
        if self.dropped.is_some() {
            return;
        }
        let config = evaluator.config;
        let so_far = config.periods.train.start..row;
        let (of_returns, ruin) = scores(evaluator, self.simulator.so_far(), &so_far, &self.train_ic);
        if ruin {
            // No race is needed to tell.
            self.dropped = Some((Rejection::Ruin, row));
            return;
        }
        // Rows whose labels end before `row`, as in `take`.
        let horizon = config.spec.horizon;
        let known = so_far.len().saturating_sub(horizon + 1).div_ceil(horizon);
        let correlations = &self.train_ic.values()[..known.min(self.train_ic.values().len())];
        let rank_ic = IcSummary::from_values(correlations, horizon, config.periods_per_year).mean;
        let partial = fitness(&config.objectives, &Scores { rank_ic, ..of_returns }, strategy.factors());
        self.partial.push(partial);
        if !passes(partial) {
            self.dropped = Some((Rejection::RacedOut, row));
        }
    }

    fn finish(mut self, evaluator: &Evaluator<'_>, strategy: &Strategy) -> Evaluated {
        let partial = std::mem::take(&mut self.partial);
        let evaluation = match self.dropped {
            Some((reason, _)) => Evaluation::Rejected(reason),
            None => self.evaluation(evaluator, strategy),
        };
        Evaluated { evaluation, partial }
    }

    fn evaluation(self, evaluator: &Evaluator<'_>, strategy: &Strategy) -> Evaluation {
        let config = evaluator.config;
        let outcome = self.simulator.finish();
        let score = |period: &Range<usize>, ic: &IcSeries| scores(evaluator, &outcome, period, ic);
        let (train, ruin) = score(&config.periods.train, &self.train_ic);
        let (validation, _) = score(&config.periods.validation, &self.validation_ic);
        if ruin {
            return Evaluation::Rejected(Rejection::Ruin);
        }
        if outcome.first_held_row.is_none_or(|row| row >= config.periods.train.end) {
            return Evaluation::Rejected(Rejection::NeverTrades);
        }
        let Some(fitness) = fitness(&config.objectives, &train, strategy.factors()) else {
            return Evaluation::Rejected(Rejection::UndefinedSharpe);
        };
        Evaluation::Scored { fitness, train, validation }
    }
}

fn scores(evaluator: &Evaluator<'_>, outcome: &Outcome, period: &Range<usize>, ic: &IcSeries) -> (Scores, bool) {
    let headline = Headline::from_returns(&outcome.returns[period.clone()], &evaluator.returns);
    let turnover: f64 = outcome.turnover[period.clone()].iter().filter(|x| !x.is_nan()).sum();
    let years = period.len() as f64 / evaluator.config.periods_per_year;
    let rank_ic = ic.summary(evaluator.config.spec.horizon, evaluator.config.periods_per_year).mean;
    let scores = Scores {
        // What ruin left of a ratio is no merit: ruin on validation, which is no ground for rejection, ranks last there.
        sharpe: headline.sharpe.filter(|_| !headline.ruin),
        total_return: headline.total_return,
        max_drawdown: headline.max_drawdown,
        turnover: turnover / years,
        rank_ic,
    };
    (scores, headline.ruin)
}

/// Whether the rank IC of a period counts a row. One date in `horizon`: labels that do not overlap. Those that reach into
/// the next period are left out.
fn counts_in_ic(period: &Range<usize>, row: usize, horizon: usize) -> bool {
    period.contains(&row) && row + 1 + horizon < period.end && (row - period.start).is_multiple_of(horizon)
}

/// Weighted sum of the objectives; `None` where the Sharpe ratio is undefined. An undefined rank IC adds nothing.
fn fitness(weights: &Objectives, scores: &Scores, size: usize) -> Option<f64> {
    let total = weights.sharpe * scores.sharpe?
        + weights.rank_ic * scores.rank_ic.unwrap_or(0.0)
        + weights.max_drawdown * scores.max_drawdown?
        + weights.turnover * scores.turnover
        + weights.size * size as f64;
    total.is_finite().then_some(total)
}

/// Counts of rejections, by reason.
pub type Rejections = BTreeMap<Rejection, usize>;

#[cfg(test)]
mod tests {
    use factor::Schema;
    use market::RandomWalk;

    use super::*;
    use crate::config::RunSpec;

    /// A short of everything, on a market that rises to the fivefold over the night before a row.
    fn short_into_a_jump(jump: usize) -> Evaluation {
        let walk = RandomWalk { bars: 200, symbols: 2, seed: 5, gap_rate: 0.0, late_listing_rate: 0.0 }.panel();
        let jumps = |name: &str| {
            let mut values = walk.field(name).expect("a field of every random walk").to_owned();
            values.indexed_iter_mut().filter(|((row, _), _)| *row >= jump).for_each(|(_, value)| *value *= 5.0);
            (name.to_owned(), values)
        };
        let fields = ["open", "close"].map(jumps).into_iter().collect();
        let panel = Panel::new(walk.calendar().clone(), walk.symbols().to_vec(), fields, [].into_iter().collect())
            .expect("shapes that agree");
        let config = RunConfig::new(RunSpec::default(), &panel).expect("enough bars");
        assert_eq!((config.periods.train.end, config.periods.validation.end), (120, 160));
        let text = "name = \"short\"\n[factors]\nall = \"0 - close / close\"\n[positions]\nrule = \"weights\"\nscore = \"all\"";
        let strategy = Strategy::from_toml(text, &Schema::bars()).expect("a strategy");
        let market = Market::new(&panel);
        let program = strategy.compile().expect("a program");
        Evaluator::new(&panel, &market, &config, 0).evaluate(&[(&strategy, &program)], None).0[0].evaluation
    }

    #[test]
    fn ruin_is_rejected_on_train_and_ranks_last_on_validation() {
        assert_eq!(short_into_a_jump(60), Evaluation::Rejected(Rejection::Ruin));
        assert_eq!(short_into_a_jump(60).fitness(), f64::NEG_INFINITY);
        // Selection reads train alone, so that ruin on validation rejects nothing; but nothing can be picked for it.
        let Evaluation::Scored { train, validation, .. } = short_into_a_jump(150) else { panic!("scored on train") };
        assert!(train.sharpe.is_some());
        assert_eq!((validation.sharpe, validation.total_return), (None, Some(-1.0)));
        // Beyond validation nothing is fed: there is nothing to see of an exam's ruin.
        let Evaluation::Scored { validation, .. } = short_into_a_jump(170) else { panic!("scored on train") };
        assert!(validation.sharpe.is_some());
    }
}
