//! How time grows with factors, symbols, bars and population: each varied alone, on one thread.

use std::fmt;
use std::hint::black_box;

use engine::{Columns, Executor, Memory, Outputs, Plan};
use evolve::{Resources, RunConfig, RunSpec};
use factor::{Palette, Purpose, Rule, Schema, Strategy, VariationSettings};
use market::Panel;
use serde::{Deserialize, Serialize};

use super::evolution::{Nobody, search};
use super::report::time;
use super::work::{Compilation, MOST, MOST_STRATEGIES, draw_strategies, later_chain, within};
use super::{Error, Record, Slope, clock, generated_panel};

/// Up to where each dimension goes, and how often it is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScalingOptions {
    /// Most factors of a strategy; the fewest are 2.
    pub factors: usize,
    /// Most symbols; the fewest are 50.
    pub symbols: usize,
    /// Most bars; the fewest are 100.
    pub bars: usize,
    /// Most strategies of a generation; the fewest are 10.
    pub population: usize,
    /// Sizes in each dimension, at equal ratios.
    pub points: usize,
    /// Times that each size is measured, in turn with the others of its dimension.
    pub rounds: usize,
}

impl Default for ScalingOptions {
    fn default() -> Self {
        Self { factors: MOST, symbols: 2_656, bars: 10_000, population: MOST_STRATEGIES, points: 7, rounds: 5 }
    }
}

/// One dimension: what varies, and what does not.
struct Dimension<'a> {
    name: &'static str,
    held: String,
    points: Vec<Point<'a>>,
}

/// One size of what varies.
struct Point<'a> {
    size: usize,
    /// Does the work once, and says how many seconds it took.
    work: Work<'a>,
}

type Work<'a> = Box<dyn FnMut() -> Result<f64, Error> + 'a>;

/// What names of records begin with.
const SERIES: &str = "scaling/";
/// Factors are measured over this market, which is also what is held where symbols or bars vary.
const HELD: (usize, usize) = (500, 200);
/// Strategies that are scored where symbols or bars vary.
const SCORED: usize = 40;
/// Bars and symbols of the market on which populations of all sizes are bred.
const SMALL: (usize, usize) = (250, 50);
/// Fewest factors, symbols, bars and strategies.
const FEWEST: [usize; 4] = [2, 50, 100, 10];
/// Longest window of strategies that are scored on markets of many lengths: short enough for the shortest.
const WINDOW: u32 = 12;
/// Strategies that a measurement of a small population is made of: which ones were drawn shall not matter.
const BRED: usize = 1_000;
/// Families of factors in a chain.
const FAMILIES: usize = 5;
/// A sample lasts at least so many seconds: work that is shorter is done again.
const SAMPLE_SECONDS: f64 = 0.02;

/// Times growing strategies, markets and populations, and tells `progress` of each record as it is made.
///
/// # Errors
/// When a dimension cannot go as far as asked.
pub fn time_scaling(options: &ScalingOptions, progress: &mut dyn FnMut(&Record)) -> Result<ScalingReport, Error> {
    let mut report =
        ScalingReport { rounds: options.rounds, dimensions: Vec::new(), slopes: Vec::new(), records: Vec::new() };
    let panel = generated_panel(HELD.0, HELD.1)?;
    // One after the other: a dimension's markets are gone before the next are made.
    report.add(factors(options, &panel)?, progress)?;
    report.add(symbols(options)?, progress)?;
    report.add(bars(options)?, progress)?;
    report.add(population(options)?, progress)?;
    Ok(report)
}

/// Sizes at equal ratios, both ends included.
fn grid(least: usize, most: usize, points: usize) -> Vec<usize> {
    let steps = points.max(2) - 1;
    let ratio = (most as f64 / least as f64).max(1.0);
    let mut sizes: Vec<usize> =
        (0..=steps).map(|step| (least as f64 * ratio.powf(step as f64 / steps as f64)).round() as usize).collect();
    sizes.dedup();
    sizes
}

/// Strategies of so many factors, from text to values: compiled, planned and run.
fn factors<'a>(options: &ScalingOptions, panel: &'a Panel) -> Result<Dimension<'a>, Error> {
    within(options.factors, MOST)?;
    let point = |size: usize| -> Result<Point<'a>, Error> {
        // A chain of two holds two families of factors. Chains that begin with each in turn hold all of them equally
        // often, and so cost the same mix at every size.
        let chains = (0..FAMILIES).map(|first| Ok(Compilation::of(later_chain(size, first)?)));
        let mut chains = chains.collect::<Result<Vec<_>, Error>>()?;
        let members = panel.members();
        let mut memory = Memory::default();
        let work = move || {
            let (seconds, result) = clock::seconds(|| {
                chains.iter_mut().try_for_each(|chain| {
                    let plan = Plan::new([&chain.run()?]);
                    let columns = Columns::new(&plan, panel, &members)?;
                    let executor = Executor::with_memory(&plan, panel.symbols().len(), std::mem::take(&mut memory));
                    memory = executor.finish(&columns, panel.bars(), &mut |outputs: &Outputs<'_>| {
                        black_box((outputs.block(Purpose::Score), outputs.block(Purpose::Entry)));
                    });
                    Ok::<(), Error>(())
                })
            });
            result.map(|()| seconds / FAMILIES as f64)
        };
        Ok(Point { size, work: Box::new(work) })
    };
    Ok(Dimension {
        name: "factors",
        held: format!("one strategy, {} bars x {} symbols", HELD.0, HELD.1),
        points: grid(FEWEST[0], options.factors, options.points).into_iter().map(point).collect::<Result<_, _>>()?,
    })
}

fn symbols(options: &ScalingOptions) -> Result<Dimension<'static>, Error> {
    let point = |symbols: usize| Ok(Point { size: symbols, work: scored(HELD.0, symbols)? });
    Ok(Dimension {
        name: "symbols",
        held: format!("{SCORED} strategies, {} bars", HELD.0),
        points: grid(FEWEST[1], options.symbols, options.points)
            .into_iter()
            .map(point)
            .collect::<Result<_, Error>>()?,
    })
}

fn bars(options: &ScalingOptions) -> Result<Dimension<'static>, Error> {
    let point = |bars: usize| Ok(Point { size: bars, work: scored(bars, HELD.1)? });
    Ok(Dimension {
        name: "bars",
        held: format!("{SCORED} strategies, {} symbols", HELD.1),
        points: grid(FEWEST[2], options.bars, options.points).into_iter().map(point).collect::<Result<_, Error>>()?,
    })
}

/// The same strategies, whatever the market: compiled, merged, run, simulated and scored, the preparation of the market
/// included.
fn scored(bars: usize, symbols: usize) -> Result<Work<'static>, Error> {
    let panel = generated_panel(bars, symbols)?;
    let spec = RunSpec { max_window: Some(WINDOW), rules: Some(vec![Rule::Top]), ..RunSpec::default() };
    let config = RunConfig::new(spec, &panel)?;
    let strategies = short_strategies(&panel, config.rules.clone())?;
    Ok(Box::new(move || {
        let (seconds, result) = clock::seconds(|| -> Result<(), Error> {
            let programs: Vec<_> = strategies.iter().map(Strategy::compile).collect::<Result<_, _>>()?;
            let pairs: Vec<_> = strategies.iter().zip(&programs).collect();
            let resources = Resources { threads: 1, cache_bytes: 0, shelf: None };
            black_box(evolve::evaluate(&config, &panel, resources, &pairs)?);
            Ok(())
        });
        result.map(|()| seconds)
    }))
}

/// Strategies that look back so little that none is turned away on the shortest market.
fn short_strategies(panel: &Panel, rules: Vec<Rule>) -> Result<Vec<Strategy>, Error> {
    let schema = Schema::new(panel.field_names(), panel.group_names());
    let palette = Palette::new(VariationSettings { max_window: WINDOW, rules, ..VariationSettings::new(schema) })?;
    let shortest = RunConfig::new(RunSpec::default(), &generated_panel(FEWEST[2], 1)?)?;
    let drawn = draw_strategies(4 * SCORED, &palette, |_| {})?;
    let most = shortest.periods.train.len() as u32 / 2;
    let short = drawn.into_iter().filter(|(_, program)| program.lookback() <= most);
    Ok(short.map(|(strategy, _)| strategy).take(SCORED).collect())
}

/// Whole generations, by a run's own clock: two, the first drawn and the second bred, every strategy distinct and
/// without a cache.
fn population(options: &ScalingOptions) -> Result<Dimension<'static>, Error> {
    within(options.population, MOST_STRATEGIES)?;
    let point = |population: usize| -> Result<Point<'static>, Error> {
        let panel = generated_panel(SMALL.0, SMALL.1)?;
        let seeds = (BRED / population).max(1);
        let work = move || {
            let mut seconds = 0.0;
            for seed in 1..=seeds {
                let seed = seed as u64;
                let spec = RunSpec { population, generations: 2, elites: 0, seed, champions: 1, ..RunSpec::default() };
                let resources = Resources { threads: 1, cache_bytes: 0, shelf: None };
                seconds += search(spec, resources, &panel, &mut Nobody)?.seconds;
            }
            Ok(seconds / seeds as f64)
        };
        Ok(Point { size: population, work: Box::new(work) })
    };
    Ok(Dimension {
        name: "population",
        held: format!("2 generations, {} bars x {} symbols", SMALL.0, SMALL.1),
        points: grid(FEWEST[3], options.population, options.points).into_iter().map(point).collect::<Result<_, _>>()?,
    })
}

/// How time grew in each dimension, with a table as its text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScalingReport {
    /// Times that each size was measured.
    pub rounds: usize,
    /// What varied.
    pub dimensions: Vec<Varied>,
    /// How shortest times grew; fewer than three sizes have no slope.
    pub slopes: Vec<Slope>,
    /// The measurements, in the order in which they were made.
    pub records: Vec<Record>,
}

/// What varied, and what did not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Varied {
    /// The dimension.
    pub name: String,
    /// What was held.
    pub held: String,
}

impl ScalingReport {
    /// Measures all sizes of a dimension in turn, round after round, so that what else runs on the machine meets them
    /// alike.
    fn add(&mut self, dimension: Dimension<'_>, progress: &mut dyn FnMut(&Record)) -> Result<(), Error> {
        let Dimension { name, held, mut points } = dimension;
        let mut repeats = Vec::with_capacity(points.len());
        for point in &mut points {
            let once = (point.work)()?;
            repeats.push((SAMPLE_SECONDS / once.max(1e-9)).ceil().clamp(1.0, 1e6) as usize);
        }
        let mut samples = vec![Vec::new(); points.len()];
        for _ in 0..self.rounds.max(1) {
            for ((point, &repeats), samples) in points.iter_mut().zip(&repeats).zip(&mut samples) {
                let mut seconds = 0.0;
                for _ in 0..repeats {
                    seconds += (point.work)()?;
                }
                samples.push(1e9 * seconds / repeats as f64);
            }
        }
        let mut line = Vec::new();
        for ((point, repeats), mut samples) in points.iter().zip(repeats).zip(samples) {
            samples.sort_unstable_by(f64::total_cmp);
            let runs = samples.len() * repeats;
            let record =
                Record::timed(format!("{SERIES}{name}/{}", point.size), clock::median(&samples), samples[0], runs);
            line.push((point.size as f64, record.minimum_ns / 1e9));
            progress(&record);
            self.records.push(record);
        }
        self.slopes.extend(Slope::new(&format!("{SERIES}{name}"), &line));
        self.dimensions.push(Varied { name: name.to_owned(), held });
        Ok(())
    }

    /// Dimensions in which time grows faster than [`Slope::LIMIT`] allows.
    pub fn beyond_limit(&self) -> impl Iterator<Item = &Slope> {
        self.slopes.iter().filter(|slope| !slope.within_limit())
    }
}

impl fmt::Display for ScalingReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "one thread; shortest of {} rounds; slope of log time over log size\n", self.rounds)?;
        let limit = format!("at most {}", Slope::LIMIT);
        writeln!(
            f,
            "{:10}  {:>12}  {:>10}  {:>10}  {:>5}  {:>14}  {:>9}  {limit:>12}  held",
            "dimension", "range", "at least", "at most", "slope", "95 % interval", "last step"
        )?;
        for Varied { name, held } in &self.dimensions {
            let of = format!("{SERIES}{name}");
            let Some(slope) = self.slopes.iter().find(|slope| slope.name == of) else {
                writeln!(f, "{name:10}  too few sizes for a slope  {held}")?;
                continue;
            };
            writeln!(
                f,
                "{name:10}  {:>12}  {:>10}  {:>10}  {:>5.2}  {:>14}  {:>9.2}  {:>12}  {held}",
                format!("{} to {}", slope.least, slope.most),
                time(1e9 * slope.seconds_at_least),
                time(1e9 * slope.seconds_at_most),
                slope.slope,
                format!("{:.2} to {:.2}", slope.interval.0, slope.interval.1),
                slope.last_step,
                if slope.within_limit() { "yes" } else { "NO" }
            )?;
        }
        let beyond: Vec<&str> = self.beyond_limit().map(|slope| slope.name.as_str()).collect();
        match (beyond.as_slice(), self.slopes.len()) {
            (_, 0) => write!(f, "\nno slope: too few sizes"),
            ([], measured) => write!(f, "\nall {measured} slopes are at most {}", Slope::LIMIT),
            (beyond, measured) => {
                write!(f, "\n{} of {measured} slopes are above {}: {}", beyond.len(), Slope::LIMIT, beyond.join(", "))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grids_are_geometric_and_hold_both_ends() {
        let check = |least, most, points, expected: &[usize]| assert_eq!(grid(least, most, points), expected);
        check(10, 10_000, 4, &[10, 100, 1_000, 10_000]);
        check(2, 200, 7, &[2, 4, 9, 20, 43, 93, 200]);
        check(2, 3, 7, &[2, 3]);
        check(50, 50, 7, &[50]);
        check(50, 10, 3, &[50]);
    }

    #[test]
    fn strategies_are_many_enough_short_and_the_same_on_every_market() {
        let rules = vec![Rule::Top];
        let text = |bars: usize, symbols: usize| -> Vec<String> {
            let panel = generated_panel(bars, symbols).unwrap();
            let strategies = short_strategies(&panel, rules.clone()).unwrap();
            assert!(strategies.iter().all(|strategy| strategy.compile().unwrap().lookback() <= 30));
            strategies.iter().map(|strategy| strategy.to_toml("")).collect()
        };
        let shortest = text(FEWEST[2], FEWEST[1]);
        assert_eq!(shortest.len(), SCORED);
        assert_eq!(shortest, text(400, 70));
    }

    #[test]
    fn a_small_measurement_fills_the_table_and_survives_json() {
        let options = ScalingOptions { factors: 6, symbols: 60, bars: 120, population: 12, points: 3, rounds: 1 };
        let mut named = Vec::new();
        let report = time_scaling(&options, &mut |record| named.push(record.name.clone())).unwrap();
        assert_eq!(named, report.records.iter().map(|record| record.name.clone()).collect::<Vec<_>>());
        let expected: Vec<String> = [
            ("factors", [2, 3, 6]),
            ("symbols", [50, 55, 60]),
            ("bars", [100, 110, 120]),
            ("population", [10, 11, 12]),
        ]
        .iter()
        .flat_map(|(name, sizes)| sizes.map(|size| format!("scaling/{name}/{size}")))
        .collect();
        assert_eq!(named, expected);
        let slopes: Vec<&str> = report.slopes.iter().map(|slope| slope.name.as_str()).collect();
        assert_eq!(slopes, ["scaling/factors", "scaling/symbols", "scaling/bars", "scaling/population"]);
        let text = serde_json::to_string(&report).unwrap();
        assert_eq!(serde_json::from_str::<ScalingReport>(&text).unwrap(), report);
        assert_eq!(report.to_string().lines().count(), 9);
    }

    #[test]
    fn a_slope_above_the_limit_is_said_so() {
        let line = |exponent: f64| [1.0_f64, 10.0, 100.0].map(|size| (size, 1e-3 * size.powf(exponent)));
        let varied = |name: &str| Varied { name: name.to_owned(), held: "all else".to_owned() };
        let slopes = [("scaling/bars", 1.0), ("scaling/symbols", 1.5)];
        let report = ScalingReport {
            rounds: 5,
            dimensions: ["bars", "symbols", "factors"].map(varied).to_vec(),
            slopes: slopes.iter().filter_map(|(name, exponent)| Slope::new(name, &line(*exponent))).collect(),
            records: Vec::new(),
        };
        let expected = "\
one thread; shortest of 5 rounds; slope of log time over log size

dimension          range    at least     at most  slope   95 % interval  last step  at most 1.15  held
bars            1 to 100    1.000 ms  100.000 ms   1.00    1.00 to 1.00       1.00           yes  all else
symbols         1 to 100    1.000 ms     1.000 s   1.50    1.50 to 1.50       1.50            NO  all else
factors     too few sizes for a slope  all else

1 of 2 slopes are above 1.15: scaling/symbols";
        assert_eq!(report.to_string(), expected);
    }
}
