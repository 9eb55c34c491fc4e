//! Scores as a whole: every value of a market, where the caller wants it.

use factor::{Program, Purpose};
use market::Panel;

use crate::cache::NodeCache;
use crate::executor::{Columns, Error, Executor, Outputs};
use crate::memory::Memory;
use crate::plan::{Place, Plan};

/// Programs whose scores are wanted as a whole, merged into one plan.
#[derive(Debug, Clone)]
pub struct Gathering {
    plan: Plan,
}

impl Gathering {
    /// Merges programs. Scores are handed out in their order.
    pub fn new<'a>(programs: impl IntoIterator<Item = &'a Program>) -> Self {
        Self { plan: Plan::gathering(programs, None) }
    }

    /// As [`Gathering::new`], with what a cache keeps, by the rules of [`Plan::with_cache`].
    pub fn with_cache<'a>(programs: impl IntoIterator<Item = &'a Program>, cache: &NodeCache) -> Self {
        Self { plan: Plan::gathering(programs, Some(cache)) }
    }

    /// The plan, to bind [`Columns`] to and to look at.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The scores of the programs over the first `rows` rows, `[rows x symbols]` each; NaN where undefined. `rooms`
    /// has a vector of so many values for each program: whatever stands there is written over, and handed back. So is
    /// the memory that the plan runs in.
    ///
    /// # Panics
    /// When the columns have fewer rows, or there is not a room of that size for each program.
    pub fn run(
        &self,
        columns: &Columns<'_>,
        rows: usize,
        mut rooms: Vec<Vec<f64>>,
        mut memory: Memory,
    ) -> (Vec<Vec<f64>>, Memory) {
        let cells = rows * columns.symbols();
        assert!(rows <= columns.bars(), "rows that the columns have");
        assert_eq!(rooms.len(), self.plan.results.len(), "a room for each score");
        assert!(rooms.iter().all(|room| room.len() == cells), "room for every value");
        // What nodes write themselves is theirs until the end.
        let mut lent: Vec<Vec<f64>> = rooms.iter().map(|_| Vec::new()).collect();
        let exchange = |rooms: &mut [Vec<f64>], lent: &mut [Vec<f64>]| {
            for program in (0..rooms.len()).filter(|&program| self.is_written_whole(program)) {
                std::mem::swap(&mut rooms[program], &mut lent[program]);
            }
        };
        exchange(&mut rooms, &mut lent);
        memory.wholes = lent;
        let executor = Executor::with_memory(&self.plan, columns.symbols(), memory);
        let mut memory = executor.finish(columns, rows, &mut |outputs: &Outputs<'_>| {
            if !self.is_written_whole(outputs.program) {
                let score = outputs.block(Purpose::Score).expect("a program has a score");
                let start = outputs.first_row * outputs.symbols();
                rooms[outputs.program][start..start + score.len()].copy_from_slice(score);
            }
        });
        exchange(&mut rooms, &mut std::mem::take(&mut memory.wholes));
        (rooms, memory)
    }

    /// Whether a program's score is written where it stays. One that is another's as well is written for the first.
    fn is_written_whole(&self, program: usize) -> bool {
        self.plan.results[program].contains(&(Purpose::Score, Place::Whole(program as u16)))
    }
}

/// Runs one program over a whole panel and returns its score, `[bars x symbols]`; NaN where undefined.
///
/// # Errors
/// When the panel lacks a column.
pub fn evaluate(program: &Program, panel: &Panel) -> Result<Vec<f64>, Error> {
    let mut values = scores(&Gathering::new([program]), panel, &panel.members(), panel.bars())?;
    Ok(values.pop().expect("one for each program"))
}

/// The scores of programs over the first `rows` rows of a panel, `[rows x symbols]` each.
///
/// # Errors
/// When the panel lacks a column.
pub(crate) fn scores(
    gathering: &Gathering,
    panel: &Panel,
    members: &[bool],
    rows: usize,
) -> Result<Vec<Vec<f64>>, Error> {
    let columns = Columns::new(&gathering.plan, panel, members)?;
    let room = || vec![0.0; rows * columns.symbols()];
    let rooms = gathering.plan.results.iter().map(|_| room()).collect();
    Ok(gathering.run(&columns, rows, rooms, Memory::default()).0)
}

#[cfg(test)]
mod tests {
    use factor::{Schema, compile, parse};
    use market::RandomWalk;

    use super::*;

    #[test]
    fn what_is_gathered_is_what_is_handed_out() {
        // Blocks and tiles that are not whole; a column, one score twice, and one that another is made from.
        let panel = RandomWalk { bars: 70, symbols: 530, seed: 9, gap_rate: 0.02, late_listing_rate: 0.2 }.panel();
        let texts = [
            "close",
            "ts_mean(close, 5)",
            "cs_rank(ts_mean(close, 5)) - ts_std(volume, 20)",
            "ts_mean(close, 5)",
            "cs_rank(ts_mean(close, 5))",
            "0 * close + 2",
        ];
        let programs = texts.map(|text| compile(&parse(text, &Schema::bars()).expect("text"), &[]).expect("typed"));
        let (symbols, members) = (panel.symbols().len(), panel.members());
        let plan = Plan::new(&programs);
        let columns = Columns::new(&plan, &panel, &members).expect("all columns exist");
        let mut handed_out = vec![Vec::new(); texts.len()];
        Executor::new(&plan, symbols).finish(&columns, panel.bars(), &mut |outputs: &Outputs<'_>| {
            handed_out[outputs.program].extend_from_slice(outputs.block(Purpose::Score).expect("a score"));
        });
        let gathering = Gathering::new(&programs);
        let columns = Columns::new(gathering.plan(), &panel, &members).expect("all columns exist");
        for rows in [panel.bars(), 33] {
            // What stood in a room before is gone.
            let rooms = vec![vec![7.0; rows * symbols]; texts.len()];
            let (gathered, _) = gathering.run(&columns, rows, rooms, Memory::default());
            for ((text, gathered), handed_out) in texts.iter().zip(gathered).zip(&handed_out) {
                let same = gathered.iter().zip(handed_out).all(|(left, right)| left.to_bits() == right.to_bits());
                assert!(same && gathered.len() == rows * symbols, "{text}");
            }
        }
    }
}
