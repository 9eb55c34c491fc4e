//! The work that is timed, prepared so that a run does nothing else.

use std::fmt::Write;
use std::hint::black_box;

use backtest::metrics::{Headline, ReturnSettings};
use backtest::{Detail, Market, Rows, Settings, Simulator};
use engine::{Columns, Executor, Memory, Outputs, Plan};
use factor::{
    GraphError, Mutation, Palette, Program, Purpose, Rule, Schema, Strategy, VariationSettings, random_strategy,
};
use market::Panel;
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::SeedableRng;

use super::Error;

/// Most factors that are measured together.
pub(super) const MOST: usize = 200;
/// Most strategies that are measured together.
pub(super) const MOST_STRATEGIES: usize = 10_000;
/// Draws after which a mutation, or the search for one more distinct strategy, is given up.
pub(super) const ATTEMPTS: usize = 1_000;

/// So many factors joined by one positions node: momentum, `ma_filter`, `cs_rank(volume)`, volatility and breakout,
/// and then the same again with every window one bar longer. Numbers are all ratios and sum into the score; the
/// flags of `ma_filter` must all hold for an entry.
///
/// `cs_rank(volume)` has no window to be longer, and a plan runs equal nodes once. To keep the work honest, its
/// repetitions rank `ts_mean(volume, window)` instead.
///
/// # Errors
/// When there are no factors, or more than two hundred.
pub fn chain(count: usize) -> Result<Strategy, Error> {
    build(count, 0, "{sum}", false)
}

/// [`chain`] with `cs_rank(volume)` unchanged in every repetition: what merging equal factors saves.
///
/// # Errors
/// As [`chain`].
pub fn merging_chain(count: usize) -> Result<Strategy, Error> {
    build(count, 0, "{sum}", true)
}

/// [`chain`] that leaves so many of its first factors out: one that begins with another family.
pub(super) fn later_chain(count: usize, first: usize) -> Result<Strategy, Error> {
    build(count, first, "{sum}", false)
}

/// [`chain`] with half its score: a graph with a constant, so that every mutation finds something to change.
///
/// # Errors
/// As [`chain`].
pub fn variable_chain(count: usize) -> Result<Strategy, Error> {
    build(count, 0, "0.5 * ({sum})", false)
}

fn build(count: usize, first: usize, score: &str, same_ranks: bool) -> Result<Strategy, Error> {
    within(count, MOST)?;
    let mut text = format!("name = \"chain-{count}\"\n\n[factors]\n");
    let (mut numbers, mut flags) = (Vec::new(), Vec::new());
    for index in first..first + count {
        let longer = index / 5;
        let (name, expression) = match index % 5 {
            0 => ("strength", format!("momentum(close, {})", 20 + longer)),
            1 => ("trend", format!("ma_filter(close, {})", 60 + longer)),
            2 if longer == 0 || same_ranks => ("liquidity", "cs_rank(volume)".to_owned()),
            2 => ("liquidity", format!("cs_rank(ts_mean(volume, {}))", 1 + longer)),
            3 => ("risk", format!("volatility(close, {})", 20 + longer)),
            _ => ("channel", format!("breakout(close, {})", 20 + longer)),
        };
        let name = format!("{name}_{}", longer + 1);
        let _ = writeln!(text, "{name} = \"{expression}\"");
        if index % 5 == 1 { &mut flags } else { &mut numbers }.push(name);
    }
    let score = score.replace("{sum}", &numbers.join(" + "));
    let _ = write!(text, "\n[positions]\nrule = \"top\"\nscore = \"{score}\"\n");
    if !flags.is_empty() {
        let _ = writeln!(text, "entry = \"{}\"", flags.join(" and "));
    }
    Ok(Strategy::from_toml(&text, &Schema::bars())?)
}

/// The symbol with the most closes, as a panel of its own; of equals, the first. Groups are left out.
pub fn one_symbol(panel: &Panel) -> Panel {
    let close = panel.field("close").expect("every panel has a close");
    let closes = |column: usize| close.column(column).iter().filter(|value| !value.is_nan()).count();
    let Some(best) = (0..panel.symbols().len()).rev().max_by_key(|&column| closes(column)) else {
        return panel.clone();
    };
    let fields = panel.field_names().filter_map(|name| {
        let column = panel.field(name)?.column(best).to_owned();
        Some((name.to_owned(), column.into_shape_with_order((panel.bars(), 1)).ok()?))
    });
    let symbols = vec![panel.symbols()[best].clone()];
    Panel::new(panel.calendar().clone(), symbols, fields.collect(), std::iter::empty().collect())
        .expect("one column of a panel makes a panel")
}

/// A [`chain`] to be compiled.
#[derive(Debug)]
pub struct Compilation {
    strategy: Strategy,
}

impl Compilation {
    /// Prepares to compile so many factors.
    ///
    /// # Errors
    /// When there are too few or too many.
    pub fn new(factors: usize) -> Result<Self, Error> {
        Ok(Self::of(chain(factors)?))
    }

    /// Prepares to compile a strategy.
    pub(super) fn of(strategy: Strategy) -> Self {
        Self { strategy }
    }

    /// Compiles them as if for the first time: a graph remembers its order, and forgets it when it is changed.
    ///
    /// # Errors
    /// Never so for a chain.
    pub fn run(&mut self) -> Result<Program, GraphError> {
        let root = self.strategy.graph.root();
        self.strategy.graph.set_root(root);
        self.strategy.compile()
    }
}

/// The factors of a strategy, such as a [`chain`], compiled and planned over a panel.
#[derive(Debug)]
pub struct Query<'a> {
    plan: Plan,
    panel: &'a Panel,
    members: Vec<bool>,
    memory: Memory,
}

impl<'a> Query<'a> {
    /// Plans a strategy's factors.
    ///
    /// # Errors
    /// When it does not compile, or the panel lacks a column.
    pub fn new(strategy: &Strategy, panel: &'a Panel) -> Result<Self, Error> {
        Self::of(Plan::new([&strategy.compile()?]), panel)
    }

    /// A plan over a panel.
    ///
    /// # Errors
    /// When the panel lacks a column.
    pub fn of(plan: Plan, panel: &'a Panel) -> Result<Self, Error> {
        let members = panel.members();
        Columns::new(&plan, panel, &members)?;
        Ok(Self { plan, panel, members, memory: Memory::default() })
    }

    /// Streams the whole panel through a fresh executor, in the memory of the one before as evolution does, and reads
    /// every result.
    pub fn run(&mut self) {
        self.stream(&mut |outputs: &Outputs<'_>| {
            black_box((outputs.block(Purpose::Score), outputs.block(Purpose::Entry)));
        });
    }

    /// Sees whether there is a value to compute at all.
    pub(super) fn check(&mut self, name: &str) -> Result<(), Error> {
        let mut finite = 0;
        self.stream(&mut |outputs: &Outputs<'_>| {
            let score = outputs.block(Purpose::Score).or(outputs.block(Purpose::Entry)).unwrap_or_default();
            finite += score.iter().filter(|value| value.is_finite()).count();
        });
        if finite > 0 {
            return Ok(());
        }
        Err(Error::NoValues { name: name.to_owned(), lookback: self.plan.lookback(), bars: self.panel.bars() })
    }

    fn stream(&mut self, sink: &mut impl engine::Sink) {
        let columns = Columns::new(&self.plan, self.panel, &self.members).expect("the columns were seen when planning");
        let memory = std::mem::take(&mut self.memory);
        let executor = Executor::with_memory(&self.plan, self.panel.symbols().len(), memory);
        self.memory = executor.finish(&columns, self.panel.bars(), sink);
    }
}

/// Children of one parent by one mutation. As in a run, the parent's graph knows its order: there it was compiled
/// before, here the first child finds it out.
#[derive(Debug)]
pub struct Brood {
    mutation: Mutation,
    parent: Strategy,
    palette: Palette,
    rng: Xoshiro256PlusPlus,
}

impl Brood {
    /// Prepares to vary a [`variable_chain`] of so many factors.
    ///
    /// # Errors
    /// When there are too few or too many.
    pub fn new(mutation: Mutation, factors: usize) -> Result<Self, Error> {
        let parent = variable_chain(factors)?;
        let settings =
            VariationSettings { max_nodes: VariationSettings::MOST_NODES, ..VariationSettings::new(Schema::bars()) };
        let rng = Xoshiro256PlusPlus::seed_from_u64(factors as u64);
        Ok(Self { mutation, parent, palette: Palette::new(settings)?, rng })
    }

    /// Draws until there is a child; `None` after very many draws.
    pub fn child(&mut self) -> Option<Strategy> {
        (0..ATTEMPTS).find_map(|_| self.mutation.mutate(&self.parent, &self.palette, &mut self.rng))
    }
}

/// Distinct random strategies, compiled.
#[derive(Debug)]
pub struct Generation<'a> {
    strategies: Vec<(Strategy, Program)>,
    panel: &'a Panel,
    market: Market<'a>,
}

impl<'a> Generation<'a> {
    /// Draws so many strategies over the panel's columns, the same ones every time.
    ///
    /// # Errors
    /// When there are none or too many, or the panel has no numeric column.
    pub fn new(count: usize, panel: &'a Panel) -> Result<Self, Error> {
        let cross_section = panel.symbols().len() >= evolve::CROSS_SECTION;
        let rules = if cross_section { vec![Rule::Top, Rule::LongShort] } else { vec![Rule::Signal] };
        let schema = Schema::new(panel.field_names().filter(|name| *name != "universe"), panel.group_names());
        // Windows as a run on this market would draw them: an eighth of the bars is a fifth of train.
        let max_window = (panel.bars() as u32 / 8).clamp(VariationSettings::LEAST_WINDOW, 250);
        let palette =
            Palette::new(VariationSettings { max_window, cross_section, rules, ..VariationSettings::new(schema) })?;
        let strategies = draw_strategies(count, &palette, |_| {})?;
        Ok(Self { strategies, panel, market: Market::new(panel) })
    }

    /// Merges, streams and backtests every strategy, and scores its returns.
    pub fn run(&self) {
        let assumptions = Settings::default();
        let returns = ReturnSettings::new(self.panel.calendar().frequency().periods_per_year());
        let mut memory = Memory::default();
        for group in self.strategies.chunks(evolve::GROUP) {
            let plan = Plan::new(group.iter().map(|(_, program)| program));
            let columns =
                Columns::new(&plan, self.panel, self.market.members()).expect("the palette holds the panel's columns");
            let mut simulators: Vec<Simulator<'_>> = group
                .iter()
                .map(|(one, _)| Simulator::new(&self.market, one.positions, one.exits, &assumptions, Detail::Scores))
                .collect();
            let executor = Executor::with_memory(&plan, self.panel.symbols().len(), memory);
            memory = executor.finish(&columns, self.panel.bars(), &mut |outputs: &Outputs<'_>| {
                for row in 0..outputs.rows {
                    simulators[outputs.program].step(outputs.first_row + row, &Rows::of(outputs, row));
                }
            });
            for simulator in simulators {
                black_box(Headline::from_returns(&simulator.finish().returns, &returns));
            }
        }
    }
}

/// Sees that a number of factors or strategies is one that can be measured.
pub(super) fn within(count: usize, most: usize) -> Result<(), Error> {
    if (1..=most).contains(&count) { Ok(()) } else { Err(Error::Count { count, most }) }
}

/// So many distinct random strategies, compiled, the same ones every time; `change` is made to each before it counts.
///
/// # Errors
/// When there are none or too many.
pub(super) fn draw_strategies(
    count: usize,
    palette: &Palette,
    change: impl Fn(&mut Strategy),
) -> Result<Vec<(Strategy, Program)>, Error> {
    within(count, MOST_STRATEGIES)?;
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
    let mut seen = std::collections::BTreeSet::new();
    let mut draw = || {
        let mut strategy = random_strategy(palette, &mut rng);
        change(&mut strategy);
        let program = strategy.compile().ok()?;
        seen.insert(strategy.identity(&program)).then_some((strategy, program))
    };
    let distinct = (0..count).map(|_| (0..ATTEMPTS).find_map(|_| draw()));
    distinct.map(|drawn| drawn.ok_or_else(|| Error::NoChild(format!("generation/{count}")))).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use factor::{Kind, Operation};
    use market::RandomWalk;

    use super::*;

    #[test]
    fn a_chain_holds_as_many_different_factors_as_it_says() {
        for count in [1, 2, 5, 10, 15, 50, MOST] {
            let strategy = chain(count).unwrap();
            let graph = &strategy.graph;
            let factors: BTreeSet<String> = graph
                .nodes()
                .filter(|&index| graph.node(index).name.is_some())
                .map(|index| factor::print(graph, index, &|_| None))
                .collect();
            assert_eq!(factors.len(), count);
            // What joins them: one node fewer than there are numbers, and one fewer than there are flags.
            let joins = |name: &str| {
                let is_join =
                    |kind: &Kind| matches!(kind, Kind::Operator(operator, _) if operator.definition().name == name);
                graph.nodes().filter(|&index| is_join(graph.kind(index))).count()
            };
            let flags = (count + 3) / 5;
            assert_eq!((joins("add"), joins("and")), ((count - flags).saturating_sub(1), flags.saturating_sub(1)));
        }
        for count in [0, MOST + 1] {
            assert!(matches!(chain(count), Err(Error::Count { count: found, most: MOST }) if found == count));
        }
    }

    #[test]
    fn more_factors_are_more_work_that_no_merging_takes_away_unless_they_are_equal() {
        let ranks = |strategy: Strategy| {
            let program = strategy.compile().unwrap();
            let is_rank = |operation: &Operation| matches!(operation, Operation::Operator(op, _) if op.definition().name == "cs_rank");
            program.instructions.iter().filter(|instruction| is_rank(&instruction.operation)).count()
        };
        assert_eq!([5, 15, 200].map(|count| ranks(chain(count).unwrap())), [1, 3, 40]);
        assert_eq!([5, 15, 200].map(|count| ranks(merging_chain(count).unwrap())), [1, 1, 1]);
    }

    #[test]
    fn the_symbol_with_the_most_closes_stands_for_all() {
        let panel = RandomWalk { bars: 60, symbols: 8, seed: 3, gap_rate: 0.02, late_listing_rate: 0.5 }.panel();
        let alone = one_symbol(&panel);
        let closes = |panel: &Panel, column: usize| {
            panel.field("close").unwrap().column(column).iter().filter(|x| !x.is_nan()).count()
        };
        assert_eq!(alone.symbols().len(), 1);
        assert_eq!(closes(&alone, 0), (0..8).map(|column| closes(&panel, column)).max().unwrap());
        let place = panel.symbols().iter().position(|name| *name == alone.symbols()[0]).unwrap();
        let bits = |panel: &Panel, column: usize| -> Vec<u64> {
            panel.field("high").unwrap().column(column).iter().map(|value| value.to_bits()).collect()
        };
        assert_eq!(bits(&alone, 0), bits(&panel, place));
    }
}
