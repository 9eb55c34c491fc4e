//! What merging and the cache save a run, and what building its plans costs.

use std::collections::BTreeMap;
use std::hint::black_box;

use engine::Plan;
use evolve::{GROUP, GenerationRecord, Next, NodeCounts, Observer, Resources, RunSpec, Search, Trial};
use factor::Program;
use market::Panel;

use super::Error;
use super::evolution::search;

/// The strategies that were new in one generation of a run.
#[derive(Debug)]
pub(super) struct Newcomers {
    /// The generation, from 1.
    pub(super) generation: usize,
    /// What became of their operator nodes.
    pub(super) nodes: NodeCounts,
    /// They, compiled, in the order in which they were evaluated.
    programs: Vec<Program>,
}

impl Newcomers {
    /// Those of some generations of a run by default, without the control, with so many bytes of cache.
    pub(super) fn of_a_run(
        population: usize,
        generations: &[usize],
        cache_bytes: usize,
        panel: &Panel,
    ) -> Result<Vec<Self>, Error> {
        let last = generations.iter().copied().max().unwrap_or(1);
        let spec = RunSpec { population, generations: last, ..RunSpec::default() };
        let mut watcher = Watcher { generations, found: Vec::new() };
        // Counts do not depend on threads, and nothing is timed here.
        search(spec, Resources { threads: 2, cache_bytes, shelf: None }, panel, &mut watcher)?;
        Ok(watcher.found)
    }

    /// Merges them as a run does that keeps nothing: group by group.
    pub(super) fn plan(&self) {
        for group in self.programs.chunks(GROUP) {
            black_box(Plan::new(group));
        }
    }
}

/// Takes strategies down as they come.
struct Watcher<'a> {
    generations: &'a [usize],
    found: Vec<Newcomers>,
}

impl Observer for Watcher<'_> {
    fn generation(
        &mut self,
        record: &GenerationRecord,
        trials: &[Trial],
        search: &Search<'_>,
    ) -> Result<Next, evolve::Error> {
        if !self.generations.contains(&record.generation) {
            return Ok(Next::Continue);
        }
        let state = search.state();
        let mut population: BTreeMap<u128, Program> = BTreeMap::new();
        for remembered in &state.population {
            let unreadable = |error: &dyn std::fmt::Display| evolve::Error::Checkpoint(error.to_string());
            let strategy = remembered.genome.strategy().map_err(|error| unreadable(&error))?;
            let program = strategy.compile().map_err(|error| unreadable(&error))?;
            population.insert(strategy.identity(&program), program);
        }
        // The population stands in order of fitness, trials in the order of evaluation.
        let programs = trials.iter().filter_map(|trial| population.remove(&trial.hash)).collect();
        self.found.push(Newcomers { generation: record.generation, nodes: record.nodes, programs });
        Ok(Next::Continue)
    }
}

#[cfg(test)]
mod tests {
    use market::random_walk;

    use super::*;

    #[test]
    fn newcomers_are_those_that_the_run_counted() {
        let panel = random_walk(120, 24, 1);
        let found = |cache_bytes: usize| Newcomers::of_a_run(20, &[1, 3], cache_bytes, &panel).unwrap();
        for (without, with) in found(0).iter().zip(&found(1 << 24)) {
            let asked: usize = without.programs.chunks(GROUP).map(|group| Plan::new(group).counts().asked).sum();
            let shared: usize = without
                .programs
                .chunks(GROUP)
                .map(|group| Plan::new(group).counts())
                .map(|counts| counts.asked - counts.distinct)
                .sum();
            // Strategies that look back too far are counted by nobody: what is planned here may be more.
            assert!(without.nodes.asked <= asked && without.nodes.shared <= shared, "{asked} {shared} {without:?}");
            assert!(without.nodes.run > 0 && without.nodes.cached == 0, "{without:?}");
            assert_eq!((without.generation, without.nodes.asked), (with.generation, with.nodes.asked));
            assert!(with.nodes.run <= without.nodes.run, "{with:?}");
            without.plan();
        }
        let counts: Vec<usize> = found(0).iter().map(|one| one.programs.len()).collect();
        assert_eq!(counts, [20, 15], "five elites are not new");
    }
}
