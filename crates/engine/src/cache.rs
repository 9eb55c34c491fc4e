//! Values of nodes, kept from one generation to the next.

use std::sync::Arc;

use factor::{Instruction, NodeId, Operation, Operator, Parameters, Program, Purpose};
use market::Panel;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::gathering::scores;
use crate::{Error, Gathering, PlanCounts};

/// What reading a kept value costs instead of computing it, in the tenths of a nanosecond that
/// [`factor::Definition::cost`] counts: eight bytes from memory that no processor has at hand, and a share of writing
/// them once.
const COST_OF_READING: u32 = 10;
/// Generations after which a node that nobody asks for counts as never seen.
const REMEMBERED: u64 = 8;

/// What a [`NodeCache`] did so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CacheCounts {
    /// Nodes that programs asked for and found.
    pub hits: usize,
    /// Nodes dear enough to be kept that programs asked for and did not find.
    pub misses: usize,
    /// Nodes that are kept.
    pub kept: usize,
    /// Bytes that they take.
    pub bytes: usize,
    /// Nodes that had to go.
    pub evicted: usize,
    /// Nanoseconds of one processor that hits saved, by the costs that operators state: an estimate.
    pub saved_nanoseconds: u64,
}

/// Values of nodes that more than one group of a generation, or more than one generation, asked for and that are dearer
/// to compute than to read: whole columns over the rows of one panel up to some row. A [plan](crate::Plan::with_cache) reads
/// them as it reads the panel.
///
/// Which nodes are kept follows from what was asked for, in order, and never from clocks; that it changes no value is
/// the promise of [`Plan::with_cache`](crate::Plan::with_cache).
#[derive(Debug)]
pub struct NodeCache {
    rows: usize,
    /// Columns that fit the budget.
    room: usize,
    column_bytes: usize,
    kept: FxHashMap<u128, Kept>,
    /// The generation in which a node was last asked for.
    seen: FxHashMap<u128, u64>,
    generation: u64,
    /// Rises with every column that goes: what was of use before weighs less than what is now.
    age: u64,
    counts: CacheCounts,
}

#[derive(Debug)]
struct Kept {
    values: Arc<Vec<f64>>,
    /// What the node is, so that two of equal hash cannot be taken for each other.
    meaning: Meaning,
    /// What a reader saves, a cell.
    saves: u64,
    /// Columns of the smallest go first; of equals those of the smaller hash.
    priority: u64,
}

/// What a node does to which nodes.
type Meaning = (Operator, Parameters, Vec<u128>);

/// A node that may be worth keeping.
struct Candidate<'a> {
    program: &'a Program,
    id: NodeId,
    saves: u64,
    groups: u64,
}

impl NodeCache {
    /// A cache for the first `rows` rows of a panel of so many symbols that takes at most `budget` bytes; of none, it
    /// keeps nothing.
    pub fn new(rows: usize, symbols: usize, budget: usize) -> Self {
        let column_bytes = rows * symbols * size_of::<f64>();
        Self {
            rows,
            room: budget.checked_div(column_bytes).unwrap_or(0),
            column_bytes,
            kept: FxHashMap::default(),
            seen: FxHashMap::default(),
            generation: 0,
            age: 0,
            counts: CacheCounts::default(),
        }
    }

    /// What it did so far.
    pub fn counts(&self) -> CacheCounts {
        let kept = self.kept.len();
        CacheCounts { kept, bytes: kept * self.column_bytes, ..self.counts }
    }

    /// The values of an instruction, if they are kept.
    pub(crate) fn get(&self, program: &Program, instruction: &Instruction) -> Option<&Arc<Vec<f64>>> {
        let kept = self.kept.get(&instruction.hash)?;
        (meaning(program, instruction).as_ref() == Some(&kept.meaning)).then_some(&kept.values)
    }

    /// Takes note of the groups of programs that are to run next, each of which becomes a plan, and says which nodes are
    /// worth keeping, dearest first: compute their [values](Wanted::values) and [keep](NodeCache::keep) those. Makes
    /// room for them.
    pub fn wanted(&mut self, groups: &[Vec<&Program>]) -> Vec<Wanted> {
        if self.room == 0 {
            return Vec::new();
        }
        self.generation += 1;
        let candidates = self.candidates(groups);
        let wanted = self.choose(groups, candidates).into_iter().map(|(_, candidate)| candidate.wanted()).collect();
        let generation = self.generation;
        self.seen.retain(|_, last| *last + REMEMBERED > generation);
        wanted
    }

    /// Keeps values, `[rows x symbols]`.
    pub fn keep(&mut self, wanted: Wanted, values: Vec<f64>) {
        let Wanted { program, meaning, saves, worth } = wanted;
        let priority = self.age + worth;
        self.kept.insert(program.hash, Kept { values: Arc::new(values), meaning, saves, priority });
    }

    /// Nodes that are dear and were asked for before, or are by more than one group now, by hash. Raises what is kept
    /// and asked for.
    fn candidates<'a>(&mut self, groups: &[Vec<&'a Program>]) -> FxHashMap<u128, Candidate<'a>> {
        let mut asked: FxHashMap<u128, Candidate<'a>> = FxHashMap::default();
        let cells = (self.column_bytes / size_of::<f64>()) as u64;
        for group in groups {
            let mut of_group = FxHashSet::default();
            for program in group {
                let costs = costs(program);
                for id in needed(program, |hash| self.kept.contains_key(&hash)) {
                    let instruction = program.instruction(id);
                    let saves = costs[id.0 as usize].saturating_sub(u64::from(COST_OF_READING));
                    if saves == 0 || !of_group.insert(instruction.hash) {
                        continue;
                    }
                    if let Some(kept) = self.kept.get_mut(&instruction.hash) {
                        self.counts.hits += 1;
                        self.counts.saved_nanoseconds += kept.saves * cells / 10;
                        kept.priority = kept.priority.max(self.age) + kept.saves;
                        continue;
                    }
                    let candidate = Candidate { program, id, saves, groups: 0 };
                    asked.entry(instruction.hash).or_insert(candidate).groups += 1;
                }
            }
        }
        self.counts.misses += asked.len();
        let generation = self.generation;
        asked.retain(|&hash, candidate| self.seen.insert(hash, generation).is_some() || candidate.groups > 1);
        asked
    }

    /// Which candidates are kept, and makes room for them. One that is only needed for others that are chosen is not.
    fn choose<'a>(
        &mut self,
        groups: &[Vec<&'a Program>],
        mut candidates: FxHashMap<u128, Candidate<'a>>,
    ) -> Vec<(u128, Candidate<'a>)> {
        let mut outermost = FxHashSet::default();
        for program in groups.iter().flatten() {
            let stop = |hash: u128| self.kept.contains_key(&hash) || candidates.contains_key(&hash);
            outermost.extend(needed(program, stop).into_iter().map(|id| program.instruction(id).hash));
        }
        candidates.retain(|hash, _| outermost.contains(hash));
        let mut chosen: Vec<(u128, Candidate<'a>)> = candidates.into_iter().collect();
        chosen.sort_unstable_by_key(|(hash, candidate)| (std::cmp::Reverse(candidate.worth()), *hash));
        let mut oldest: Vec<(u64, u128)> = self.kept.iter().map(|(&hash, kept)| (kept.priority, hash)).collect();
        oldest.sort_unstable();
        let mut oldest = oldest.into_iter();
        let mut free = self.room - self.kept.len();
        let mut taken = 0;
        for (_, candidate) in &chosen {
            if free == 0 {
                let Some((priority, hash)) = oldest.next() else { break };
                if priority >= self.age + candidate.worth() {
                    break;
                }
                self.age = self.age.max(priority);
                self.kept.remove(&hash);
                self.counts.evicted += 1;
                free = 1;
            }
            free -= 1;
            taken += 1;
        }
        chosen.truncate(taken);
        chosen
    }
}

/// A node that is worth keeping.
#[derive(Debug)]
pub struct Wanted {
    /// The program whose score it is.
    program: Program,
    meaning: Meaning,
    saves: u64,
    worth: u64,
}

impl Wanted {
    /// The values of some nodes, `[rows x symbols]` each, and what merging them saved. `members` says who belongs to
    /// the universe ([`Panel::members`]).
    ///
    /// # Errors
    /// When the panel lacks a column.
    pub fn values(
        wanted: &[Wanted],
        cache: &NodeCache,
        panel: &Panel,
        members: &[bool],
    ) -> Result<(Vec<Vec<f64>>, PlanCounts), Error> {
        let gathering = Gathering::with_cache(wanted.iter().map(|wanted| &wanted.program), cache);
        Ok((scores(&gathering, panel, members, cache.rows)?, gathering.plan().counts()))
    }

    /// The program whose score it is, and what computing a cell of it costs.
    pub(crate) fn made_by(&self) -> (&Program, u64) {
        (&self.program, self.saves + u64::from(COST_OF_READING))
    }
}

impl Candidate<'_> {
    fn worth(&self) -> u64 {
        self.saves * self.groups
    }

    fn wanted(self) -> Wanted {
        let instruction = self.program.instruction(self.id);
        Wanted {
            program: part(self.program, self.id),
            meaning: meaning(self.program, instruction).expect("candidates are operators"),
            saves: self.saves,
            worth: self.worth(),
        }
    }
}

/// What an instruction does to which nodes; `None` for what is no operator.
fn meaning(program: &Program, instruction: &Instruction) -> Option<Meaning> {
    let Operation::Operator(operator, parameters) = instruction.operation else { return None };
    let inputs = instruction.inputs().iter().map(|&input| program.instruction(input).hash).collect();
    Some((operator, parameters, inputs))
}

/// The operators that a program's results need, where nothing is needed below those at which `stop` says so.
fn needed(program: &Program, stop: impl Fn(u128) -> bool) -> Vec<NodeId> {
    let mut met = vec![false; program.instructions.len()];
    let mut found = Vec::new();
    let mut stack: Vec<NodeId> = program.outputs.iter().map(|&(_, id)| id).collect();
    while let Some(id) = stack.pop() {
        let instruction = program.instruction(id);
        if std::mem::replace(&mut met[id.0 as usize], true) || !matches!(instruction.operation, Operation::Operator(..))
        {
            continue;
        }
        found.push(id);
        if !stop(instruction.hash) {
            stack.extend(instruction.inputs());
        }
    }
    found
}

/// For each instruction what it costs a cell, with all that it is made from.
fn costs(program: &Program) -> Vec<u64> {
    let mut costs: Vec<u64> = Vec::with_capacity(program.instructions.len());
    for instruction in &program.instructions {
        let own = match instruction.operation {
            Operation::Operator(operator, _) => u64::from(operator.definition().cost),
            Operation::Field(_) | Operation::Constant(_) => 0,
        };
        // What is used twice counts twice: a bound is enough.
        let inputs: u64 = instruction.inputs().iter().map(|&NodeId(id)| costs[id as usize]).sum();
        costs.push((own + inputs).min(u64::from(u32::MAX)));
    }
    costs
}

/// The program that gives one node of another as its score.
fn part(program: &Program, id: NodeId) -> Program {
    Program {
        instructions: program.instructions[..=id.0 as usize].to_vec(),
        outputs: vec![(Purpose::Score, id)],
        hash: program.instruction(id).hash,
        slots: program.slots,
        mixed_units: Vec::new(),
    }
}
