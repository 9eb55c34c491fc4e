//! What given expressions cost on a given market: each alone, and all of them merged.
//!
//! Made for comparisons with other tools (`benches/peers`): the market is in memory before the clock starts, and text,
//! plan and execution are timed apart. Values can be kept, for tools that hand whole arrays back: what is kept is
//! written to memory on the clock.

use std::fmt;
use std::hint::black_box;
use std::io::Write;
use std::sync::{Mutex, PoisonError};

use engine::{Columns, Executor, Gathering, Memory, Outputs, Plan, PlanCounts};
use factor::{Program, Purpose};
use market::Panel;
use serde::{Deserialize, Serialize};

use super::report::time;
use super::{Error, clock, resident};

/// Expressions that the table names: those that take longest.
const SLOWEST: usize = 10;
/// Most bytes that kept values may take.
pub const MOST_KEPT_BYTES: usize = 8 << 30;

/// An expression, and where it stood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expression {
    /// Line in its file, from 1.
    pub line: usize,
    /// The expression in evoquant's own text.
    pub text: String,
}

/// One expression a line. From `#` to the end of a line is a comment; lines without an expression are passed over.
pub fn read_expressions(text: &str) -> Vec<Expression> {
    text.lines()
        .enumerate()
        .map(|(index, line)| (index + 1, line.split('#').next().unwrap_or_default().trim()))
        .filter(|(_, text)| !text.is_empty())
        .map(|(line, text)| Expression { line, text: text.to_owned() })
        .collect()
}

/// How expressions are to be measured.
#[derive(Debug, Clone)]
pub struct ExpressionOptions<'a> {
    /// The market. It needs the columns that the expressions name.
    pub panel: &'a Panel,
    /// What to measure.
    pub expressions: &'a [Expression],
    /// Threads that share the merged plans among them; an expression alone runs on one.
    pub threads: usize,
    /// Runs that are timed of each, after one that is not.
    pub repeat: usize,
    /// Expressions that are merged into one plan; by default all, or an equal share for each thread.
    pub group: Option<usize>,
    /// Whether every value is written to memory, rather than looked at and dropped.
    pub keep: bool,
    /// Whether expressions are measured together alone, and none by itself.
    pub merged_only: bool,
}

/// Time of a run, in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Times {
    /// Median of the runs.
    pub median_ns: f64,
    /// The shortest run.
    pub minimum_ns: f64,
}

/// One expression by itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AloneRecord {
    /// Line in its file, from 1.
    pub line: usize,
    /// Operator nodes that run, equal ones and those of literals alone left out.
    pub operators: usize,
    /// From text to program.
    pub compile: Times,
    /// From program to plan.
    pub plan: Times,
    /// Over the whole market, on one thread.
    pub run: Times,
}

/// All expressions together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MergedRecord {
    /// Plans that they were merged into.
    pub plans: usize,
    /// Operator nodes that the expressions hold together.
    pub operators_asked: usize,
    /// Operator nodes that run.
    pub operators_run: usize,
    /// From texts to programs, one after the other.
    pub compile: Times,
    /// From programs to plans, one after the other.
    pub plan: Times,
    /// Over the whole market, on all threads.
    pub run: Times,
}

/// All that was measured, with a table as its text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExpressionReport {
    /// Bars of the market.
    pub bars: usize,
    /// Symbols of the market.
    pub symbols: usize,
    /// Values of one expression: bars times symbols.
    pub cells: usize,
    /// Threads that shared the merged plans.
    pub threads: usize,
    /// Runs that were timed.
    pub repeat: usize,
    /// Whether every value was written to memory.
    pub keep: bool,
    /// Each expression by itself, in their order; none where only the merged plans are measured.
    pub alone: Vec<AloneRecord>,
    /// All of them together.
    pub merged: MergedRecord,
    /// The most memory the process ever held, in bytes; `None` where the system does not say.
    pub peak_memory_bytes: Option<u64>,
}

impl fmt::Display for ExpressionReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bars, symbols, alone, merged, .. } = self;
        let sum = |of: fn(&AloneRecord) -> Times| -> f64 { alone.iter().map(|record| of(record).median_ns).sum() };
        let sums = [sum(|record| record.compile), sum(|record| record.plan), sum(|record| record.run)];
        let operators: usize = alone.iter().map(|record| record.operators).sum();
        let medians = [merged.compile, merged.plan, merged.run].map(|times| times.median_ns);
        writeln!(f, "{bars} bars x {symbols} symbols")?;
        writeln!(f, "{:<22}{:>10}{:>8}{:>12}{:>12}{:>12}", "median", "operators", "plans", "compile", "plan", "run")?;
        let mut line = |name: &str, operators: usize, plans: usize, times: [f64; 3]| {
            let [compile, plan, run] = times.map(time);
            writeln!(f, "{name:<22}{operators:>10}{plans:>8}{compile:>12}{plan:>12}{run:>12}")
        };
        if !alone.is_empty() {
            line("each alone, in all", operators, alone.len(), sums)?;
        }
        line(&format!("merged, threads: {}", self.threads), merged.operators_run, merged.plans, medians)?;
        let mut slowest: Vec<&AloneRecord> = alone.iter().collect();
        slowest.sort_by(|x, y| y.run.median_ns.total_cmp(&x.run.median_ns));
        for record in slowest.into_iter().take(SLOWEST) {
            let times = [record.compile, record.plan, record.run].map(|times| times.median_ns);
            line(&format!("alone, line {}", record.line), record.operators, 1, times)?;
        }
        Ok(())
    }
}

/// Measures expressions over a market.
///
/// # Errors
/// When there is no expression, one cannot be read over the market's columns, or values to be kept are too many.
pub fn time_expressions(options: &ExpressionOptions<'_>) -> Result<ExpressionReport, Error> {
    let ExpressionOptions { panel, expressions, repeat, keep, .. } = *options;
    let programs = compile_all(expressions, panel)?;
    let cells = panel.bars() * panel.symbols().len();
    let mut kept = if keep { room(cells, programs.len())? } else { Vec::new() };
    let members = panel.members();
    let mut memory = Memory::default();
    let mut alone = Vec::with_capacity(programs.len());
    let by_themselves = if options.merged_only { 0 } else { programs.len() };
    for (expression, program) in expressions.iter().zip(&programs).take(by_themselves) {
        let query = Query::new([program], keep);
        let columns = Columns::new(query.plan(), panel, &members)?;
        let into = kept.get_mut(..1).unwrap_or_default();
        alone.push(AloneRecord {
            line: expression.line,
            operators: query.plan().counts().run,
            compile: clock::repeat(repeat, || compile_one(expression, panel)),
            plan: clock::repeat(repeat, || Query::new([program], keep)),
            run: clock::repeat(repeat, || query.run(&columns, panel, &mut memory, into)),
        });
    }
    let threads = options.threads.clamp(1, programs.len());
    let size = options.group.unwrap_or(programs.len().div_ceil(threads)).max(1);
    let merged = Merged::new(&programs, size, keep, panel, &members)?;
    let counts = merged.counts();
    let mut memories = vec![Memory::default(); threads];
    let merged = MergedRecord {
        plans: merged.queries.len(),
        operators_asked: counts.asked,
        operators_run: counts.run,
        compile: clock::repeat(repeat, || compile_all(expressions, panel)),
        plan: clock::repeat(repeat, || programs.chunks(size).map(|some| Query::new(some, keep)).collect::<Vec<_>>()),
        run: clock::repeat(repeat, || merged.run(&mut memories, &mut kept)),
    };
    Ok(ExpressionReport {
        bars: panel.bars(),
        symbols: panel.symbols().len(),
        cells,
        threads,
        repeat,
        keep,
        alone,
        merged,
        peak_memory_bytes: resident::peak_bytes(),
    })
}

/// Writes the values of every expression, one after the other, each `[bars x symbols]` row after row: 64-bit floats,
/// the least significant byte first, NaN where undefined. They come from the merged plan of groups of so many.
///
/// # Errors
/// When an expression cannot be read over the market's columns, the values are too many, or `out` takes no more.
pub fn write_values(options: &ExpressionOptions<'_>, out: &mut impl Write) -> Result<(), Error> {
    let panel = options.panel;
    let programs = compile_all(options.expressions, panel)?;
    let size = options.group.unwrap_or(programs.len()).max(1);
    let members = panel.members();
    let cells = panel.bars() * panel.symbols().len();
    let mut kept = room(cells, size.min(programs.len()))?;
    for group in programs.chunks(size) {
        let merged = Merged::new(group, size, true, panel, &members)?;
        let kept = &mut kept[..group.len()];
        merged.run(&mut [Memory::default()], kept);
        for row in kept.iter().flat_map(|values| values.chunks(panel.symbols().len().max(1))) {
            let bytes: Vec<u8> = row.iter().flat_map(|value| value.to_le_bytes()).collect();
            out.write_all(&bytes)?;
        }
    }
    Ok(())
}

/// Room for the values of so many expressions.
fn room(cells: usize, expressions: usize) -> Result<Vec<Vec<f64>>, Error> {
    let size = cells.checked_mul(expressions).filter(|size| *size <= MOST_KEPT_BYTES / size_of::<f64>());
    // Not zero pages: those would be taken from the system on the clock, the first time that they are written.
    size.map(|_| vec![vec![f64::NAN; cells]; expressions]).ok_or(Error::Kept { expressions, cells })
}

fn compile_one(expression: &Expression, panel: &Panel) -> Result<Program, Error> {
    let graph = factor::parse(&expression.text, &crate::schema(panel))
        .map_err(|error| Error::Expression { line: expression.line, error })?;
    Ok(factor::compile(&graph, &[])?)
}

fn compile_all(expressions: &[Expression], panel: &Panel) -> Result<Vec<Program>, Error> {
    if expressions.is_empty() {
        return Err(Error::NoExpression);
    }
    expressions.iter().map(|expression| compile_one(expression, panel)).collect()
}

/// Programs in one plan.
enum Query {
    /// Every value is looked at and dropped.
    Dropping(Plan),
    /// Every value is written to memory.
    Keeping(Gathering),
}

impl Query {
    fn new<'a>(programs: impl IntoIterator<Item = &'a Program>, keep: bool) -> Self {
        if keep { Self::Keeping(Gathering::new(programs)) } else { Self::Dropping(Plan::new(programs)) }
    }

    fn plan(&self) -> &Plan {
        match self {
            Self::Dropping(plan) => plan,
            Self::Keeping(gathering) => gathering.plan(),
        }
    }

    /// Streams the whole market through the plan, in the memory of the run before; what is kept goes to `kept`, which has
    /// room for as many programs.
    fn run(&self, columns: &Columns<'_>, panel: &Panel, memory: &mut Memory, kept: &mut [Vec<f64>]) {
        let room = std::mem::take(memory);
        *memory = match self {
            Self::Dropping(plan) => {
                let executor = Executor::with_memory(plan, panel.symbols().len(), room);
                executor.finish(columns, panel.bars(), &mut |outputs: &Outputs<'_>| {
                    black_box(outputs.block(Purpose::Score));
                })
            }
            Self::Keeping(gathering) => {
                let rooms = kept.iter_mut().map(std::mem::take).collect();
                let (values, memory) = gathering.run(columns, panel.bars(), rooms, room);
                for (kept, values) in kept.iter_mut().zip(values) {
                    *kept = values;
                }
                memory
            }
        };
    }
}

/// Programs in plans, bound to a market.
struct Merged<'a> {
    queries: Vec<Query>,
    panel: &'a Panel,
    members: &'a [bool],
    /// Programs of each plan but the last.
    size: usize,
}

impl<'a> Merged<'a> {
    fn new(
        programs: &[Program],
        size: usize,
        keep: bool,
        panel: &'a Panel,
        members: &'a [bool],
    ) -> Result<Self, Error> {
        let queries: Vec<Query> = programs.chunks(size).map(|some| Query::new(some, keep)).collect();
        for query in &queries {
            Columns::new(query.plan(), panel, members)?;
        }
        Ok(Self { queries, panel, members, size })
    }

    fn counts(&self) -> PlanCounts {
        self.queries.iter().map(|query| query.plan().counts()).sum()
    }

    /// Runs all plans, each on the first thread that is free: one for each memory. What is kept goes to `kept`, program
    /// after program.
    fn run(&self, memories: &mut [Memory], kept: &mut [Vec<f64>]) {
        let mut rooms = kept.chunks_mut(self.size);
        let mut queries = self.queries.iter();
        let queue = Mutex::new(|| queries.next().map(|query| (query, rooms.next().unwrap_or_default())));
        let work = |memory: &mut Memory| {
            loop {
                let next = (*queue.lock().unwrap_or_else(PoisonError::into_inner))();
                let Some((query, kept)) = next else { break };
                let columns = Columns::new(query.plan(), self.panel, self.members).expect("columns seen before");
                query.run(&columns, self.panel, memory, kept);
            }
        };
        if let [memory] = memories {
            return work(memory);
        }
        std::thread::scope(|scope| {
            for memory in memories {
                scope.spawn(|| work(memory));
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use market::RandomWalk;

    use super::*;

    const FILE: &str =
        "# two that share\ncs_rank(ts_mean(close, 5)) # a comment\n\nts_mean(close, 5) - close\nvolume\n";

    fn options<'a>(panel: &'a Panel, expressions: &'a [Expression]) -> ExpressionOptions<'a> {
        ExpressionOptions { panel, expressions, threads: 1, repeat: 1, group: None, keep: false, merged_only: false }
    }

    fn panel() -> Panel {
        RandomWalk { bars: 70, symbols: 9, seed: 3, gap_rate: 0.02, late_listing_rate: 0.3 }.panel()
    }

    #[test]
    fn a_file_holds_an_expression_a_line() {
        let lines: Vec<(usize, String)> = read_expressions(FILE).into_iter().map(|one| (one.line, one.text)).collect();
        let expected = [(2, "cs_rank(ts_mean(close, 5))"), (4, "ts_mean(close, 5) - close"), (5, "volume")];
        assert_eq!(lines, expected.map(|(line, text)| (line, text.to_owned())));
        assert!(matches!(time_expressions(&options(&panel(), &[])), Err(Error::NoExpression)));
        let wrong = read_expressions("close\n\nnonsense(close)\n");
        let error = time_expressions(&options(&panel(), &wrong)).unwrap_err();
        assert!(error.to_string().starts_with("line 3: "), "{error}");
    }

    #[test]
    fn merging_runs_equal_nodes_once_within_each_plan() {
        let (panel, expressions) = (panel(), read_expressions(FILE));
        for (group, threads, plans, run) in [(None, 1, 1, 3), (Some(2), 1, 2, 3), (Some(1), 1, 3, 4), (None, 3, 3, 4)] {
            let report = time_expressions(&ExpressionOptions { threads, group, ..options(&panel, &expressions) });
            let report = report.unwrap();
            assert_eq!(report.alone.iter().map(|record| record.operators).collect::<Vec<_>>(), [2, 2, 0]);
            let merged = report.merged;
            assert_eq!((merged.plans, merged.operators_asked, merged.operators_run), (plans, 4, run));
        }
        let only = ExpressionOptions { merged_only: true, ..options(&panel, &expressions) };
        let report = time_expressions(&only).unwrap();
        assert_eq!((report.alone.len(), report.merged.operators_run), (0, 3));
    }

    #[test]
    fn values_are_those_of_each_expression_by_itself() {
        let (panel, expressions) = (panel(), read_expressions(FILE));
        let expected: Vec<u64> =
            expressions.iter().flat_map(|one| crate::evaluate(&panel, &one.text).unwrap()).map(f64::to_bits).collect();
        for group in [None, Some(1), Some(2)] {
            let mut bytes = Vec::new();
            write_values(&ExpressionOptions { group, ..options(&panel, &expressions) }, &mut bytes).unwrap();
            let bits = bytes.chunks(8).map(|chunk| u64::from_le_bytes(chunk.try_into().unwrap()));
            assert!(bits.eq(expected.iter().copied()), "{group:?}");
        }
    }

    #[test]
    fn threads_keep_what_one_keeps() {
        let (panel, expressions) = (panel(), read_expressions(FILE));
        let programs = compile_all(&expressions, &panel).unwrap();
        let members = panel.members();
        let merged = Merged::new(&programs, 1, true, &panel, &members).unwrap();
        let kept = |threads: usize| -> Vec<u64> {
            let mut kept = room(70 * 9, programs.len()).unwrap();
            merged.run(&mut vec![Memory::default(); threads], &mut kept);
            kept.into_iter().flatten().map(f64::to_bits).collect()
        };
        let one = kept(1);
        assert_eq!(one[2 * 70 * 9..].len(), 70 * 9);
        assert!([2, 3, 5].iter().all(|&threads| kept(threads) == one));
    }

    #[test]
    fn too_many_values_are_refused_before_they_are_asked_of_the_system() {
        for (cells, expressions) in [(usize::MAX, 2), (MOST_KEPT_BYTES / 8, 2)] {
            assert!(matches!(room(cells, expressions), Err(Error::Kept { .. })));
        }
    }
}
