//! What compiling, varying and running factors costs, and how cost grows with their number.
//!
//! One name, one measurement: `compile/N`, `mutate/OPERATION/N`, `execute/symbol/N`, `execute/panel/N`,
//! `execute/merging/N`, `generation/N`, `evolution/WHAT/SHAPE/N`, where `N` counts factors or strategies,
//! `plan/SHAPE/generation-G`, and `operator/NAME(WINDOW)`. The factors are those of [`chain`]; those of [`merging_chain`], also
//! over the panel, show what merging saves. Everything but `evolution/run` runs on one thread, one repetition after the
//! other, and values are looked at before time is taken: a kernel that gives nothing is fast.
//!
//! By themselves, since they take long or a process of their own: [`time_scaling`] says how time grows with each size of
//! a search, [`measure_memory`] what a generation adds to memory, [`measure_markets`] what making, writing, importing and
//! opening markets costs, [`measure_backtests`] what backtests of given strategies cost.

mod backtests;
mod clock;
mod compare;
mod evolution;
mod expressions;
mod footprint;
mod line;
mod markets;
mod operators;
mod plan;
mod report;
mod resident;
mod scaling;
mod simulation;
mod slope;
mod work;

use factor::{Mutation, Operator, Strategy};
use market::{Panel, RandomWalk};

pub use backtests::{BacktestOptions, measure_backtests};
pub use compare::{Change, Comparison, Figures, Unit};
pub use evolution::{Pace, Scoring, run_search};
pub use expressions::{
    AloneRecord, Expression, ExpressionOptions, ExpressionReport, MOST_KEPT_BYTES, MergedRecord, Times,
    read_expressions, time_expressions, write_values,
};
pub use footprint::{MemoryOptions, MemoryReport, measure_memory};
pub use markets::{MarketOptions, MarketReport, measure_markets};
use plan::Newcomers;
pub use report::{BenchReport, Fit, Record};
pub(crate) use resident::peak_bytes;
pub use scaling::{ScalingOptions, ScalingReport, Varied, time_scaling};
use simulation::{Holding, Simulation};
pub use slope::Slope;
pub use work::{Brood, Compilation, Generation, Query, chain, merging_chain, one_symbol, variable_chain};

/// What can be measured by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Suite {
    /// Graph to typed program, with hash, look-back and slots.
    Compile,
    /// Every mutation, until there is a child.
    Mutate,
    /// Execution on one symbol and on the whole panel, there once more with factors that merge.
    Factors,
    /// A generation of random strategies: merged, run and backtested.
    Generation,
    /// The simulation alone: twenty positions with stops and costs.
    Simulation,
    /// Evolution end to end: strategies scored as a run scores them, and a small run as a whole.
    Evolution,
    /// What merging and the cache save the generations of a run, and what building their plans costs.
    Plan,
    /// Every operator by itself, over noise.
    Operators,
}

impl Suite {
    /// All suites, in the order in which they run.
    pub const ALL: [Suite; 8] = [
        Suite::Compile,
        Suite::Mutate,
        Suite::Factors,
        Suite::Generation,
        Suite::Simulation,
        Suite::Evolution,
        Suite::Plan,
        Suite::Operators,
    ];

    /// The word on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Suite::Compile => "compile",
            Suite::Mutate => "mutate",
            Suite::Factors => "factors",
            Suite::Generation => "generation",
            Suite::Simulation => "simulation",
            Suite::Evolution => "evolution",
            Suite::Plan => "plan",
            Suite::Operators => "operators",
        }
    }

    /// The suite with this name.
    pub fn by_name(name: &str) -> Option<Suite> {
        Self::ALL.into_iter().find(|suite| suite.name() == name)
    }
}

/// What to measure, and on what.
#[derive(Debug, Clone)]
pub struct BenchOptions {
    /// One suite; all of them where there is none.
    pub what: Option<Suite>,
    /// The market. It needs open, high, low, close and volume.
    pub panel: Panel,
    /// Numbers of factors to compile and to run.
    pub factors: Vec<usize>,
    /// Numbers of factors to vary.
    pub mutate: Vec<usize>,
    /// Numbers of strategies in a generation.
    pub generations: Vec<usize>,
    /// Numbers of strategies to score.
    pub scored: Vec<usize>,
    /// Populations and generations of whole runs.
    pub runs: Vec<(usize, usize)>,
    /// Bars and symbols of the generated markets that are simulated; none means the market above.
    pub simulated: Vec<(usize, usize)>,
    /// Bars and symbols of the generated markets on which strategies are scored; none means the market above.
    pub shapes: Vec<(usize, usize)>,
    /// Strategies of each generation of the run whose plans are built.
    pub planned: usize,
    /// The generations of that run to look at.
    pub planned_generations: Vec<usize>,
    /// Bytes of that run's cache.
    pub cache_bytes: usize,
    /// Bars and symbols of the generated market of that run; none means the market above.
    pub planned_shape: Option<(usize, usize)>,
    /// Bars and symbols of the noise that operators run over.
    pub noise: (usize, usize),
    /// Seconds to repeat each measurement for; the slowest are repeated a few times all the same.
    pub seconds: f64,
}

impl BenchOptions {
    /// The usual sizes on a given market.
    pub fn new(what: Option<Suite>, panel: Panel) -> Self {
        Self {
            what,
            panel,
            factors: vec![2, 5, 10, 15, 50, 200],
            mutate: vec![15],
            generations: vec![20, 100],
            scored: vec![200],
            runs: vec![(20, 20)],
            simulated: Vec::new(),
            shapes: Vec::new(),
            planned: 200,
            planned_generations: vec![1, 5, 10, 20],
            cache_bytes: 1 << 30,
            planned_shape: None,
            noise: (2_000, 500),
            seconds: 0.5,
        }
    }

    /// The usual sizes on the usual generated markets, the same ones every time.
    ///
    /// # Errors
    /// Never so: they can be generated.
    pub fn usual(what: Option<Suite>) -> Result<Self, Error> {
        let [bars, symbols] = Self::USUAL;
        let panel = generated_panel(bars, symbols)?;
        let (shapes, planned_shape) = (Self::SHAPES.to_vec(), Some(Self::PLANNED));
        let simulated = Self::SIMULATED.to_vec();
        Ok(Self { simulated, shapes, planned_shape, ..Self::new(what, panel) })
    }

    /// Bars and symbols of the usual market.
    pub const USUAL: [usize; 2] = [100, 2_656];
    /// Bars and symbols that are usually simulated.
    pub const SIMULATED: [(usize, usize); 2] = [(1_253, 505), (2_500, 2_656)];
    /// Bars and symbols on which evolution is usually measured.
    pub const SHAPES: [(usize, usize); 3] = [(2_500, 60), (1_253, 505), (100, 2_656)];
    /// Bars and symbols on which plans are usually counted.
    pub const PLANNED: (usize, usize) = (1_253, 60);

    /// The usual sizes on a generated market of so many bars and symbols, the same one every time.
    ///
    /// # Errors
    /// When there is no bar or symbol, or more than [`RandomWalk`] makes.
    pub fn generated(what: Option<Suite>, bars: usize, symbols: usize) -> Result<Self, Error> {
        Ok(Self { noise: (bars, symbols), ..Self::new(what, generated_panel(bars, symbols)?) })
    }
}

/// The generated market of so many bars and symbols, the same one every time.
///
/// # Errors
/// When there is no bar or symbol, or more than [`RandomWalk`] makes.
pub fn generated_panel(bars: usize, symbols: usize) -> Result<Panel, Error> {
    let walk = RandomWalk { bars, symbols, seed: 1, gap_rate: 0.001, late_listing_rate: 0.0 };
    if bars == 0 || symbols == 0 || !walk.fits() {
        return Err(Error::Size { bars, symbols });
    }
    Ok(walk.panel())
}

/// Why something cannot be measured.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No market of this size can be generated.
    #[error(
        "cannot generate {bars} bars x {symbols} symbols: both must be at least 1, bars at most {}, bars x symbols at \
         most {}",
        RandomWalk::MAX_BARS,
        RandomWalk::MAX_CELLS
    )]
    Size {
        /// Bars asked for.
        bars: usize,
        /// Symbols asked for.
        symbols: usize,
    },
    /// A number of factors or strategies is 0, or more than is measured.
    #[error("cannot measure {count} factors or strategies: give a number from 1 to {most}")]
    Count {
        /// The number.
        count: usize,
        /// The most that are measured.
        most: usize,
    },
    /// There is nothing to time: all values are undefined.
    #[error(
        "`{name}` gives no finite value on this market: its look-back is {lookback} bars, the market has {bars}; use \
         more bars, or fewer factors"
    )]
    NoValues {
        /// The measurement.
        name: String,
        /// Earlier rows that its values need.
        lookback: u32,
        /// Rows there are.
        bars: usize,
    },
    /// Rows of a market were lost on the way.
    #[error("{found} of {wanted} bars came back from a file: this is a mistake of evoquant, please report it")]
    Rows {
        /// Bars that were written.
        wanted: usize,
        /// Bars that were read.
        found: usize,
    },
    /// A market cannot be made, written or read.
    #[error(transparent)]
    Market(#[from] market::Error),
    /// A mutation found nothing to change.
    #[error("`{0}` gave no child in {attempts} attempts", attempts = work::ATTEMPTS)]
    NoChild(String),
    /// A file holds no expression.
    #[error("there is no expression: give a file with one a line")]
    NoExpression,
    /// An expression cannot be read over the panel's columns.
    #[error("line {line}: {error}")]
    Expression {
        /// Its line, from 1.
        line: usize,
        /// What is wrong with it.
        error: factor::ParseError,
    },
    /// Values that are to be kept are too many.
    #[error(
        "cannot keep {expressions} x {cells} values: at most {} GiB are kept; take fewer expressions together",
        MOST_KEPT_BYTES >> 30
    )]
    Kept {
        /// Expressions whose values stand side by side.
        expressions: usize,
        /// Values of each.
        cells: usize,
    },
    /// Values cannot be written.
    #[error(transparent)]
    Write(#[from] std::io::Error),
    /// The factors cannot be written or varied over the panel's columns.
    #[error(transparent)]
    Strategy(#[from] factor::StrategyError),
    /// The factors do not compile.
    #[error(transparent)]
    Graph(#[from] factor::GraphError),
    /// The market is too short for a run, or threads cannot be started.
    #[error(transparent)]
    Evolve(#[from] evolve::Error),
    /// A setting of a backtest is out of range, or asks for what the market does not have.
    #[error(transparent)]
    Settings(#[from] backtest::Error),
    /// A strategy cannot be backtested.
    #[error("{name}: {error}")]
    Backtest {
        /// Its name.
        name: String,
        /// Why not.
        error: Box<backtest::Error>,
    },
    /// The panel lacks a column.
    #[error(transparent)]
    Engine(#[from] engine::Error),
}

/// Measures, and tells `progress` of each record as it is made.
///
/// # Errors
/// When the market lacks a column or the bars that the factors need.
pub fn run(options: &BenchOptions, progress: &mut dyn FnMut(&Record)) -> Result<BenchReport, Error> {
    let mut session = Session { options, records: Vec::new(), progress };
    for suite in Suite::ALL.into_iter().filter(|&suite| options.what.is_none_or(|only| only == suite)) {
        match suite {
            Suite::Compile => session.compile()?,
            Suite::Mutate => session.mutate()?,
            Suite::Factors => session.factors()?,
            Suite::Generation => session.generation()?,
            Suite::Simulation => session.simulation()?,
            Suite::Evolution => session.evolution()?,
            Suite::Plan => session.plan()?,
            Suite::Operators => session.operators()?,
        }
    }
    let (bars, symbols) = (options.panel.bars(), options.panel.symbols().len());
    Ok(BenchReport::new(bars, symbols, session.records, resident::peak_bytes()))
}

/// Measurements on their way.
struct Session<'a> {
    options: &'a BenchOptions,
    records: Vec<Record>,
    progress: &'a mut dyn FnMut(&Record),
}

impl Session<'_> {
    fn compile(&mut self) -> Result<(), Error> {
        for &count in &self.options.factors {
            let mut compilation = Compilation::new(count)?;
            compilation.run()?;
            self.time(format!("compile/{count}"), || compilation.run());
        }
        Ok(())
    }

    fn mutate(&mut self) -> Result<(), Error> {
        for &count in &self.options.mutate {
            for mutation in Mutation::ALL {
                let name = format!("mutate/{}/{count}", mutation.name());
                let mut brood = Brood::new(mutation, count)?;
                brood.child().ok_or_else(|| Error::NoChild(name.clone()))?;
                self.time(name, || brood.child());
            }
        }
        Ok(())
    }

    fn factors(&mut self) -> Result<(), Error> {
        let symbol = one_symbol(&self.options.panel);
        let panel = &self.options.panel;
        self.execute("symbol", &symbol, chain)?;
        self.execute("panel", panel, chain)?;
        self.execute("merging", panel, merging_chain)
    }

    fn execute(
        &mut self,
        what: &str,
        panel: &Panel,
        strategy: impl Fn(usize) -> Result<Strategy, Error>,
    ) -> Result<(), Error> {
        for &count in &self.options.factors {
            let name = format!("execute/{what}/{count}");
            let mut query = Query::new(&strategy(count)?, panel)?;
            query.check(&name)?;
            self.time(name, || query.run());
        }
        Ok(())
    }

    fn generation(&mut self) -> Result<(), Error> {
        for &count in &self.options.generations {
            let generation = Generation::new(count, &self.options.panel)?;
            self.time(format!("generation/{count}"), || generation.run());
        }
        Ok(())
    }

    fn simulation(&mut self) -> Result<(), Error> {
        for &(bars, symbols) in &self.options.simulated {
            self.simulation_on(&generated_panel(bars, symbols)?);
        }
        if self.options.simulated.is_empty() {
            self.simulation_on(&self.options.panel);
        }
        Ok(())
    }

    fn simulation_on(&mut self, panel: &Panel) {
        let simulation = Simulation::new(panel);
        for holding in Holding::ALL {
            let name = format!("simulation/{}/{}x{}", holding.name(), panel.bars(), panel.symbols().len());
            self.time(name, || simulation.run(holding));
        }
    }

    fn evolution(&mut self) -> Result<(), Error> {
        for &(bars, symbols) in &self.options.shapes {
            self.evolution_on(&generated_panel(bars, symbols)?)?;
        }
        if self.options.shapes.is_empty() {
            self.evolution_on(&self.options.panel)?;
        }
        Ok(())
    }

    fn evolution_on(&mut self, panel: &Panel) -> Result<(), Error> {
        let shape = format!("{}x{}", panel.bars(), panel.symbols().len());
        for pace in Pace::ALL {
            for &count in &self.options.scored {
                let scoring = Scoring::new(count, pace, panel)?;
                scoring.run()?;
                self.time(format!("evolution/{}/{shape}/{count}", pace.name()), || scoring.run());
            }
        }
        for &(population, generations) in &self.options.runs {
            run_search(population, generations, panel)?;
            let name = format!("evolution/run/{shape}/{}", population * generations);
            self.time(name, || run_search(population, generations, panel));
        }
        Ok(())
    }

    fn plan(&mut self) -> Result<(), Error> {
        let BenchOptions { planned, planned_generations, cache_bytes, planned_shape, .. } = self.options;
        let generated = planned_shape.map(|(bars, symbols)| generated_panel(bars, symbols)).transpose()?;
        let panel = generated.as_ref().unwrap_or(&self.options.panel);
        for newcomers in Newcomers::of_a_run(*planned, planned_generations, *cache_bytes, panel)? {
            let name = format!("plan/{}x{}/generation-{}", panel.bars(), panel.symbols().len(), newcomers.generation);
            let record = clock::measure(name, self.options.seconds, || newcomers.plan());
            self.keep(Record { nodes: Some(newcomers.nodes), ..record });
        }
        Ok(())
    }

    fn operators(&mut self) -> Result<(), Error> {
        let (bars, symbols) = self.options.noise;
        let panel = operators::noise(bars, symbols);
        for operator in Operator::all() {
            for (name, mut query) in operators::queries(operator, &panel)? {
                query.run();
                let record = clock::measure(name, self.options.seconds, || query.run());
                self.keep(Record { cells: Some(bars * symbols), ..record });
            }
        }
        Ok(())
    }

    fn time<T>(&mut self, name: String, work: impl FnMut() -> T) {
        self.keep(clock::measure(name, self.options.seconds, work));
    }

    fn keep(&mut self, record: Record) {
        (self.progress)(&record);
        self.records.push(record);
    }
}
