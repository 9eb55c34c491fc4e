//! Many programs as one: every distinct node once, in one order, with the places where values live.

use std::ops::Range;
use std::sync::Arc;

use factor::{Kernel, MAX_INPUTS, NodeId, Operation, Operator, Parameters, Program, Purpose, SlotAllocator, Type};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::cache::NodeCache;
use crate::kernels;

/// Where a kernel finds an input or leaves its values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Place {
    /// A whole column, by index into [`Plan::columns`].
    Column(u16),
    /// The rows of one tile or strip: everything that reads them runs before the next.
    Slot(u16),
    /// The rows of all symbols, until the last reader ran.
    Block(u16),
    /// All rows of the market: the score of the program of this index, which the caller wants whole.
    Whole(u16),
    /// The same number everywhere.
    Scalar(f64),
}

/// A node that runs.
#[derive(Debug, Clone)]
pub(crate) struct PlanNode {
    /// What it does; `None` writes a constant, its only input.
    pub(crate) operator: Option<(Operator, Parameters)>,
    /// What computes it, if it is of the user's own program.
    pub(crate) custom: Option<Arc<Kernel>>,
    pub(crate) inputs: [Place; MAX_INPUTS],
    pub(crate) count: u8,
    pub(crate) output: Place,
    /// Where the mean over the same window goes, if that is a node too: right behind the output.
    pub(crate) mean: Option<Place>,
}

/// What happens to a block of rows, in turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Nodes that look at one symbol at a time and remember long: all of them run over all rows of a few symbols, a
    /// tile, then over the next.
    Tiles(Range<usize>),
    /// Nodes that compare symbols or remember little: all of them run over all symbols of a few rows, a strip, then
    /// over the next.
    Strips(Range<usize>),
    /// A program's results are complete: hand them out.
    Emit(usize),
}

/// A step over merged nodes, before places are known.
#[derive(Debug, Clone, Copy)]
enum Step {
    Run(u32),
    Emit(u32),
}

/// For how long scores that an operator gives are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scores {
    /// Until their rows were handed out.
    Block,
    /// All of them.
    Whole,
}

/// The results of one program.
pub(crate) type Results = Vec<(Purpose, Place)>;

/// What a plan saves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PlanCounts {
    /// Operator nodes that the programs hold together.
    pub asked: usize,
    /// Different ones among them.
    pub distinct: usize,
    /// Operator nodes that run: the others are kept in a [`NodeCache`], or needed for what is kept alone.
    pub run: usize,
}

impl std::iter::Sum for PlanCounts {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(Self::default(), |sum, one| Self {
            asked: sum.asked + one.asked,
            distinct: sum.distinct + one.distinct,
            run: sum.run + one.run,
        })
    }
}

/// A column that a plan reads.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    /// Of the panel.
    Field(Arc<str>),
    /// What an operator gave in an earlier plan.
    Kept(Arc<Vec<f64>>),
}

/// Programs merged into one query over a market. Nodes of equal structure run once, whichever programs hold them;
/// results do not depend on what else is in the plan.
#[derive(Debug, Clone)]
pub struct Plan {
    pub(crate) nodes: Vec<PlanNode>,
    pub(crate) stages: Vec<Stage>,
    pub(crate) results: Vec<Results>,
    pub(crate) columns: Vec<Source>,
    /// Values that live in a tile or strip at the same time, at most.
    pub(crate) slots: u16,
    /// Blocks that live at the same time, at most.
    pub(crate) blocks: u16,
    counts: PlanCounts,
    lookback: u32,
}

impl Plan {
    /// Merges programs. Results are handed out by index into this list.
    pub fn new<'a>(programs: impl IntoIterator<Item = &'a Program>) -> Self {
        Merge::of(programs, None).place(Scores::Block)
    }

    /// As [`Plan::new`], with what a cache keeps in place of the nodes that it was computed by. Results are the same,
    /// to the bit, over the panel and the rows that the cache was filled with.
    pub fn with_cache<'a>(programs: impl IntoIterator<Item = &'a Program>, cache: &NodeCache) -> Self {
        Merge::of(programs, Some(cache)).place(Scores::Block)
    }

    /// As [`Plan::new`] or [`Plan::with_cache`], with all rows of scores kept where that is how they are made soonest.
    pub(crate) fn gathering<'a>(programs: impl IntoIterator<Item = &'a Program>, cache: Option<&NodeCache>) -> Self {
        Merge::of(programs, cache).place(Scores::Whole)
    }

    /// Columns of the panel that the plan reads.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().filter_map(|column| match column {
            Source::Field(name) => Some(&**name),
            Source::Kept(_) => None,
        })
    }

    /// What merging saved.
    pub fn counts(&self) -> PlanCounts {
        self.counts
    }

    /// Earlier rows needed before every result can have a value.
    pub fn lookback(&self) -> u32 {
        self.lookback
    }
}

/// Most rows of the past with which a node can run over strips: it meets them anew in each.
const ROWS_OF_PAST: usize = 8;

/// How a step's stage runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Tiles,
    Strips,
    Emit,
}

/// The readers of a node.
#[derive(Debug, Clone, Copy)]
struct Uses {
    /// The last step that reads it; `usize::MAX` for none.
    last: usize,
    /// The stage of its readers, where that is one.
    only_stage: Option<usize>,
}

impl Default for Uses {
    fn default() -> Self {
        Self { last: usize::MAX, only_stage: None }
    }
}

/// What a merged node is.
#[derive(Debug, Clone)]
enum Work {
    Column(Source),
    Constant(f64),
    Operator(Operator, Parameters),
}

impl Work {
    fn of(operation: &Operation) -> Self {
        match operation {
            Operation::Field(name) => Work::Column(Source::Field(Arc::clone(name))),
            Operation::Constant(value) => Work::Constant(*value),
            Operation::Operator(operator, parameters) => Work::Operator(*operator, *parameters),
        }
    }

    fn is(&self, operation: &Operation) -> bool {
        match (self, operation) {
            (Work::Constant(left), Operation::Constant(right)) => left.to_bits() == right.to_bits(),
            (Work::Column(Source::Field(left)), Operation::Field(right)) => left == right,
            (Work::Operator(left, of_left), Operation::Operator(right, of_right)) => {
                left == right && of_left == of_right
            }
            // The cache compared it when it gave the values.
            (Work::Column(Source::Kept(_)), Operation::Operator(..)) => true,
            _ => false,
        }
    }
}

/// A node while plans are merged: inputs are merged nodes.
#[derive(Clone)]
struct Merged {
    work: Work,
    output: Type,
    inputs: [u32; MAX_INPUTS],
    count: u8,
}

#[derive(Default)]
struct Merge {
    nodes: Vec<Merged>,
    by_hash: FxHashMap<u128, u32>,
    /// Which nodes some program needs: those below what is kept may be needed by none.
    done: Vec<bool>,
    /// Steps over merged nodes; constants and columns do not run.
    steps: Vec<Step>,
    results: Vec<Vec<(Purpose, u32)>>,
    asked: usize,
    distinct: usize,
    lookback: u32,
}

impl Merge {
    fn of<'a>(programs: impl IntoIterator<Item = &'a Program>, cache: Option<&NodeCache>) -> Self {
        let mut merge = Self::default();
        for program in programs {
            merge.program(program, cache);
        }
        merge
    }

    fn program(&mut self, program: &Program, cache: Option<&NodeCache>) {
        let mut ids: Vec<u32> = Vec::with_capacity(program.instructions.len());
        for instruction in &program.instructions {
            let mut inputs = [0; MAX_INPUTS];
            for (input, NodeId(id)) in inputs.iter_mut().zip(instruction.inputs()) {
                *input = ids[*id as usize];
            }
            let count = instruction.inputs().len() as u8;
            let computed = matches!(instruction.operation, Operation::Operator(..));
            self.asked += usize::from(computed);
            let known = self.by_hash.get(&instruction.hash).copied().filter(|&known| {
                // A 128-bit hash will not collide by chance; that it did not is still cheap to see.
                let node = &self.nodes[known as usize];
                node.work.is(&instruction.operation) && node.inputs == inputs && node.output == instruction.output
            });
            let id = known.unwrap_or_else(|| {
                let id = self.nodes.len() as u32;
                let kept = cache.and_then(|cache| cache.get(program, instruction));
                // What is kept needs none of its inputs; they stay written down, to tell it from others.
                let count = if kept.is_some() { 0 } else { count };
                self.distinct += usize::from(computed);
                let work = kept.map_or_else(
                    || Work::of(&instruction.operation),
                    |values| Work::Column(Source::Kept(Arc::clone(values))),
                );
                self.nodes.push(Merged { work, output: instruction.output, inputs, count });
                self.by_hash.insert(instruction.hash, id);
                id
            });
            ids.push(id);
        }
        let outputs: Vec<(Purpose, u32)> =
            program.outputs.iter().map(|&(purpose, NodeId(id))| (purpose, ids[id as usize])).collect();
        self.schedule(&outputs);
        self.lookback = self.lookback.max(program.lookback());
        self.steps.push(Step::Emit(self.results.len() as u32));
        self.results.push(outputs);
    }

    /// Orders the nodes that a program needs and none before it did: nodes that need whole rows as early as their
    /// inputs allow, and of the others before them only what they read. The rest runs last, in one stage, so that
    /// most values never leave their tile.
    fn schedule(&mut self, outputs: &[(Purpose, u32)]) {
        let mut done = std::mem::take(&mut self.done);
        done.resize(self.nodes.len(), false);
        let results = || outputs.iter().map(|&(_, id)| id as usize);
        let mut needed = Vec::new();
        self.visit(results(), &mut done.clone(), |id| needed.push(id));
        // After how many comparisons of symbols a node can run, counting those of this program.
        let mut level = vec![0; self.nodes.len()];
        for &id in &needed {
            let ready = |input: usize| level[input] + usize::from(!done[input] && self.compares_symbols(input as u32));
            level[id] = self.inputs(id).map(ready).max().unwrap_or(0);
        }
        // Before each comparison, and at last for the results: depth first, so that few values wait for others.
        let mut comparisons: Vec<usize> = needed.into_iter().filter(|&id| self.compares_symbols(id as u32)).collect();
        comparisons.sort_by_key(|&id| (level[id], id));
        let mut steps = Vec::new();
        let mut run = |id: usize| {
            if matches!(self.nodes[id].work, Work::Operator(..)) {
                steps.push(Step::Run(id as u32));
            }
        };
        for group in comparisons.chunk_by(|&left, &right| level[left] == level[right]) {
            for &id in group {
                self.visit(self.inputs(id), &mut done, &mut run);
            }
            for &id in group {
                self.visit(std::iter::once(id), &mut done, &mut run);
            }
        }
        self.visit(results(), &mut done, &mut run);
        self.steps.append(&mut steps);
        self.done = done;
    }

    /// Meets the nodes that are needed for some and were not met yet, inputs before their readers.
    fn visit(&self, roots: impl DoubleEndedIterator<Item = usize>, done: &mut [bool], mut meet: impl FnMut(usize)) {
        // A node is entered twice: first to put its inputs above it, then to be met.
        let mut stack: Vec<(usize, bool)> = roots.rev().map(|id| (id, false)).collect();
        while let Some((id, inputs_done)) = stack.pop() {
            if done[id] {
                continue;
            }
            if inputs_done {
                done[id] = true;
                meet(id);
            } else {
                stack.push((id, true));
                stack.extend(self.inputs(id).rev().map(|input| (input, false)));
            }
        }
    }

    fn inputs(&self, id: usize) -> impl DoubleEndedIterator<Item = usize> {
        let node = &self.nodes[id];
        node.inputs[..node.count as usize].iter().map(|&input| input as usize)
    }

    /// Decides in which stages nodes run and where their values live.
    fn place(mut self, scores: Scores) -> Plan {
        let run = self.steps.iter().filter(|step| matches!(step, Step::Run(_))).count();
        self.make_stages_local();
        let mut written_out = vec![false; self.nodes.len()];
        // Copies for stages are all needed.
        self.done.resize(self.nodes.len(), true);
        for (node, _) in self.nodes.iter().zip(&self.done).filter(|(_, needed)| **needed) {
            let Work::Operator(operator, _) = &node.work else { continue };
            for (slot, &input) in node.inputs[..node.count as usize].iter().enumerate() {
                written_out[input as usize] |= !kernels::takes_scalar(*operator, slot);
            }
        }
        for (_, result) in self.results.iter().flatten() {
            written_out[*result as usize] = true;
        }
        // Constants that somebody needs in every cell run first: they are few, and never change.
        let constants = (0..self.nodes.len() as u32)
            .filter(|&id| matches!(self.nodes[id as usize].work, Work::Constant(_)) && written_out[id as usize]);
        let steps: Vec<Step> = constants.map(Step::Run).chain(self.steps.iter().copied()).collect();
        let shapes = self.shapes(&steps);
        let stage_of = stages(&shapes);
        let uses = self.uses(&steps, &stage_of);
        let mut pairs = FxHashMap::default();
        for (giver, mean) in self.means_to_share(&steps, &stage_of, &uses) {
            pairs.insert(giver, (giver, mean));
            pairs.insert(mean, (giver, mean));
        }

        let mut places: Vec<Option<Place>> = vec![None; self.nodes.len()];
        let mut columns: Vec<Source> = Vec::new();
        for (place, node) in places.iter_mut().zip(&self.nodes) {
            if let Work::Column(source) = &node.work {
                *place = Some(Place::Column(columns.len() as u16));
                columns.push(source.clone());
            }
        }
        let wholes = self.wholes(scores);
        let (mut slots, mut blocks) = (SlotAllocator::default(), SlotAllocator::default());
        let mut nodes = Vec::new();
        let mut stages: Vec<Stage> = Vec::new();
        for (at, step) in steps.iter().enumerate() {
            match *step {
                Step::Emit(program) => stages.push(Stage::Emit(program as usize)),
                // Made together with a partner before.
                Step::Run(id) if places[id as usize].is_some() => {}
                Step::Run(id) => {
                    let pair = pairs.get(&id);
                    let id = pair.map_or(id, |&(giver, _)| giver);
                    let output = if let Some(&(_, mean)) = pair {
                        let slot = slots.take_two();
                        places[mean as usize] = Some(Place::Slot(slot + 1));
                        Place::Slot(slot)
                    } else if let Some(&program) = wholes.get(&id).filter(|_| self.writes_by_rows(id, shapes[at])) {
                        Place::Whole(program)
                    } else if uses[id as usize].only_stage == Some(stage_of[at]) {
                        Place::Slot(slots.take())
                    } else if let Some(slot) = self.block_to_write_over(id, at, &uses, &places) {
                        Place::Block(slot)
                    } else {
                        Place::Block(blocks.take())
                    };
                    places[id as usize] = Some(output);
                    let index = nodes.len();
                    let mean = pair.and_then(|&(_, mean)| places[mean as usize]);
                    nodes.push(PlanNode { mean, ..self.placed(&self.nodes[id as usize], &places, output) });
                    match (shapes[at], stages.last_mut()) {
                        (Shape::Tiles, Some(Stage::Tiles(run))) | (Shape::Strips, Some(Stage::Strips(run))) => {
                            run.end += 1;
                        }
                        (Shape::Tiles, _) => stages.push(Stage::Tiles(index..index + 1)),
                        _ => stages.push(Stage::Strips(index..index + 1)),
                    }
                }
            }
            let used = self.used(*step);
            let output = match *step {
                Step::Run(id) => places[id as usize],
                Step::Emit(_) => None,
            };
            for (position, &id) in used.iter().enumerate() {
                let read_on = uses[id as usize].last != at || places[id as usize] == output;
                if !read_on && !used[..position].contains(&id) {
                    match places[id as usize] {
                        Some(Place::Slot(slot)) => slots.give_back(slot),
                        Some(Place::Block(slot)) => blocks.give_back(slot),
                        _ => {}
                    }
                }
            }
        }
        let place = |id: u32| places[id as usize].expect("every result is a column or ran");
        let results = self
            .results
            .iter()
            .map(|outputs| outputs.iter().map(|&(purpose, id)| (purpose, place(id))).collect())
            .collect();
        let counts = PlanCounts { asked: self.asked, distinct: self.distinct, run };
        let (slots, blocks, lookback) = (slots.count(), blocks.count(), self.lookback);
        Plan { nodes, stages, results, columns, slots, blocks, counts, lookback }
    }

    /// Scores whose rows may all be kept, with the first program whose each is.
    fn wholes(&self, scores: Scores) -> FxHashMap<u32, u16> {
        let mut wholes = FxHashMap::default();
        let results = if scores == Scores::Whole { &self.results[..] } else { &[] };
        for (program, outputs) in results.iter().enumerate() {
            for (_, id) in outputs.iter().filter(|(purpose, _)| *purpose == Purpose::Score) {
                wholes.entry(*id).or_insert(program as u16);
            }
        }
        wholes
    }

    /// Whether a node writes row after row. Where many rows of a few symbols are written, far apart, a block that is
    /// copied is done sooner.
    fn writes_by_rows(&self, id: u32, shape: Shape) -> bool {
        shape == Shape::Strips || self.streams_column(id) && self.is_column(self.nodes[id as usize].inputs[0])
    }

    /// Nodes that sum over a window whose mean is a node of the same stage, and that mean: one pass gives both.
    fn means_to_share(&self, steps: &[Step], stage_of: &[usize], uses: &[Uses]) -> Vec<(u32, u32)> {
        let mut givers: FxHashMap<(usize, u32, usize), u32> = FxHashMap::default();
        let mut means = Vec::new();
        for (step, &stage) in steps.iter().zip(stage_of) {
            let Step::Run(id) = *step else { continue };
            let Work::Operator(operator, parameters) = &self.nodes[id as usize].work else { continue };
            let stays = uses[id as usize].only_stage == Some(stage);
            let takes = kernels::takes_mean(*operator, parameters);
            if stays && (takes || kernels::gives_mean(*operator, parameters)) {
                let window = (stage, self.nodes[id as usize].inputs[0], parameters.rows(0));
                if takes {
                    means.push((window, id));
                } else {
                    givers.entry(window).or_insert(id);
                }
            }
        }
        means.into_iter().filter_map(|(window, mean)| Some((*givers.get(&window)?, mean))).collect()
    }

    /// The block of a first input that nobody reads after this step: a node that compares symbols takes a row in before
    /// it writes it, so the rows of both can be the same, and fewer cells pass through the processor.
    fn block_to_write_over(&self, id: u32, at: usize, uses: &[Uses], places: &[Option<Place>]) -> Option<u16> {
        let node = &self.nodes[id as usize];
        let first = node.inputs[0];
        // A constant has no input at all.
        if !self.compares_symbols(id) || node.inputs[1..node.count as usize].contains(&first) {
            return None;
        }
        match places[first as usize] {
            Some(Place::Block(slot)) if uses[first as usize].last == at => Some(slot),
            _ => None,
        }
    }

    /// Whether a node is made from columns alone and remembers nothing: making it again in every stage that reads it
    /// costs less than keeping whole rows of it from one stage to another.
    fn is_light(&self, id: u32) -> bool {
        let node = &self.nodes[id as usize];
        let column = |&input: &u32| !matches!(self.nodes[input as usize].work, Work::Operator(..));
        matches!(node.work, Work::Operator(operator, parameters)
            if kernels::state_rows(operator, &parameters, true) == 0)
            && !self.compares_symbols(id)
            && node.inputs[..node.count as usize].iter().all(column)
    }

    /// Gives every stage its own copy of the light nodes it reads, and stages over tiles of columns that they read
    /// often.
    fn make_stages_local(&mut self) {
        let shapes = self.shapes(&self.steps);
        let stage_of = stages(&shapes);
        let often = self.columns_read_often(&shapes, &stage_of);
        let light: Vec<bool> = (0..self.nodes.len() as u32).map(|id| self.is_light(id)).collect();
        let steps = std::mem::take(&mut self.steps);
        let mut copies: FxHashMap<u32, u32> = FxHashMap::default();
        let mut ran = vec![false; self.nodes.len()];
        for (at, &step) in steps.iter().enumerate() {
            if at == 0 || stage_of[at] != stage_of[at - 1] {
                copies.clear();
            }
            match step {
                Step::Run(id) if light[id as usize] => continue,
                Step::Run(id) => {
                    for slot in self.slots_read_now(id) {
                        let input = self.nodes[id as usize].inputs[slot];
                        if light[input as usize] || often.contains(&(stage_of[at], input)) {
                            self.nodes[id as usize].inputs[slot] =
                                self.local_copy(input, stage_of[at], &often, &mut copies);
                        }
                    }
                }
                // Whole blocks are needed: once is enough.
                Step::Emit(_) => {
                    for id in self.used(step) {
                        if light[id as usize] {
                            self.run_once(id, &mut ran);
                        }
                    }
                }
            }
            self.steps.push(step);
        }
    }

    fn run_once(&mut self, id: u32, ran: &mut [bool]) {
        if !std::mem::replace(&mut ran[id as usize], true) {
            self.steps.push(Step::Run(id));
        }
    }

    /// The copy of a light node or column in a stage.
    fn local_copy(
        &mut self,
        original: u32,
        stage: usize,
        often: &FxHashSet<(usize, u32)>,
        copies: &mut FxHashMap<u32, u32>,
    ) -> u32 {
        if let Some(&copy) = copies.get(&original) {
            return copy;
        }
        let mut node = self.nodes[original as usize].clone();
        if self.is_column(original) {
            node.work = Work::Operator(Operator::Num, Parameters::NONE);
            (node.inputs[0], node.count) = (original, 1);
        } else {
            for slot in self.slots_read_now(original) {
                if often.contains(&(stage, node.inputs[slot])) {
                    node.inputs[slot] = self.local_copy(node.inputs[slot], stage, often, copies);
                }
            }
        }
        let copy = self.nodes.len() as u32;
        self.nodes.push(node);
        self.steps.push(Step::Run(copy));
        copies.insert(original, copy);
        copy
    }

    /// Columns that a stage over tiles reads at least twice, or many rows of a few symbols at a time: their rows lie far
    /// apart, those of a copy do not.
    fn columns_read_often(&self, shapes: &[Shape], stage_of: &[usize]) -> FxHashSet<(usize, u32)> {
        let mut reads: FxHashMap<(usize, u32), usize> = FxHashMap::default();
        for (at, step) in self.steps.iter().enumerate() {
            let (Step::Run(id), Shape::Tiles) = (*step, shapes[at]) else { continue };
            let reads_of_node = if self.rows_of_past(id) > 0 && !self.streams_column(id) { 2 } else { 1 };
            for slot in self.slots_read_now(id) {
                let input = self.nodes[id as usize].inputs[slot];
                if self.is_column(input) {
                    *reads.entry((stage_of[at], input)).or_default() += reads_of_node;
                }
            }
        }
        reads.into_iter().filter(|&(_, reads)| reads > 1).map(|(key, _)| key).collect()
    }

    /// The inputs of which a node reads the rows at hand only; of a first input that is a column it may read the past as
    /// well.
    fn slots_read_now(&self, id: u32) -> Range<usize> {
        let node = &self.nodes[id as usize];
        let from_column = self.is_column(node.inputs[0])
            && matches!(node.work, Work::Operator(operator, _) if kernels::reads_column(operator));
        usize::from(from_column)..node.count as usize
    }

    /// Rows of the past that a node keeps: what a call costs besides its cells.
    fn rows_of_past(&self, id: u32) -> usize {
        let node = &self.nodes[id as usize];
        match node.work {
            Work::Operator(operator, parameters) => {
                kernels::state_rows(operator, &parameters, self.is_column(node.inputs[0]))
            }
            _ => 0,
        }
    }

    fn streams_column(&self, id: u32) -> bool {
        matches!(self.nodes[id as usize].work, Work::Operator(operator, parameters)
            if kernels::streams_column(operator, &parameters))
    }

    fn is_column(&self, id: u32) -> bool {
        matches!(self.nodes[id as usize].work, Work::Column(_))
    }

    /// Whether a node needs whole rows.
    fn compares_symbols(&self, id: u32) -> bool {
        matches!(self.nodes[id as usize].work, Work::Operator(operator, _)
            if operator.definition().reference.compares_symbols())
    }

    /// For each step, how its stage runs. Neighbours that look at one symbol at a time run over tiles if one of them
    /// remembers long.
    fn shapes(&self, steps: &[Step]) -> Vec<Shape> {
        let by_symbol = |step: &Step| matches!(*step, Step::Run(id) if !self.compares_symbols(id));
        let remembers_long = |step: &Step| matches!(*step, Step::Run(id) if self.rows_of_past(id) > ROWS_OF_PAST);
        let mut shapes = Vec::with_capacity(steps.len());
        for run in steps.chunk_by(|left, right| by_symbol(left) && by_symbol(right)) {
            let shape = match run[0] {
                Step::Emit(_) => Shape::Emit,
                Step::Run(_) if by_symbol(&run[0]) && run.iter().any(remembers_long) => Shape::Tiles,
                Step::Run(_) => Shape::Strips,
            };
            shapes.extend(std::iter::repeat_n(shape, run.len()));
        }
        shapes
    }

    /// Merged nodes that a step reads.
    fn used(&self, step: Step) -> Vec<u32> {
        match step {
            Step::Emit(program) => self.results[program as usize].iter().map(|&(_, id)| id).collect(),
            Step::Run(id) => {
                let node = &self.nodes[id as usize];
                node.inputs[..node.count as usize].to_vec()
            }
        }
    }

    /// Who reads each node, and when.
    fn uses(&self, steps: &[Step], stage_of: &[usize]) -> Vec<Uses> {
        let mut uses = vec![Uses::default(); self.nodes.len()];
        for (at, step) in steps.iter().enumerate() {
            for id in self.used(*step) {
                let uses = &mut uses[id as usize];
                let same = uses.last == usize::MAX || uses.only_stage == Some(stage_of[at]);
                uses.only_stage = same.then_some(stage_of[at]);
                uses.last = at;
            }
        }
        uses
    }

    fn placed(&self, node: &Merged, places: &[Option<Place>], output: Place) -> PlanNode {
        let mut inputs = [Place::Scalar(0.0); MAX_INPUTS];
        let (operator, count) = match &node.work {
            Work::Constant(value) => {
                inputs[0] = Place::Scalar(*value);
                (None, 1)
            }
            Work::Operator(operator, parameters) => {
                for (slot, &input) in node.inputs[..node.count as usize].iter().enumerate() {
                    inputs[slot] = match &self.nodes[input as usize].work {
                        Work::Constant(value) if kernels::takes_scalar(*operator, slot) => Place::Scalar(*value),
                        _ => places[input as usize].expect("inputs run before their consumers"),
                    };
                }
                (Some((*operator, *parameters)), node.count)
            }
            Work::Column(_) => unreachable!("columns do not run"),
        };
        let custom = match operator {
            Some((Operator::Custom(id), parameters)) => Some(Arc::new(id.kernel(&parameters))),
            _ => None,
        };
        PlanNode { operator, custom, inputs, count, output, mean: None }
    }
}

/// For each step, the stage it falls into: neighbours of one shape share one.
fn stages(shapes: &[Shape]) -> Vec<usize> {
    let mut stage = 0;
    let mut last = Shape::Emit;
    shapes
        .iter()
        .map(|&shape| {
            stage += usize::from(shape != last || shape == Shape::Emit);
            last = shape;
            stage
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use factor::{Schema, compile, parse};
    use market::RandomWalk;

    use super::*;
    use crate::evaluate;

    fn program(text: &str) -> Program {
        compile(&parse(text, &Schema::bars()).unwrap(), &[]).unwrap()
    }

    #[test]
    fn a_mean_made_with_a_deviation_is_the_same_to_the_bit() {
        // More rows than a block, more symbols than a tile, and neither a whole number of them.
        let panel = RandomWalk { bars: 100, symbols: 530, seed: 5, gap_rate: 0.02, late_listing_rate: 0.2 }.panel();
        let values = |text: &str| -> Vec<u64> {
            evaluate(&program(text), &panel).unwrap().iter().map(|value| value.to_bits()).collect()
        };
        let mean = "ts_mean(returns(close, 1), 21)";
        for giver in ["ts_std", "ts_var", "ts_zscore"].map(|name| format!("{name}(returns(close, 1), 21)")) {
            // Whichever is met first.
            for [other, wanted] in [[mean, &giver], [&giver, mean]] {
                let both = format!("if_else(is_nan({other}), {wanted}, {wanted})");
                let plan = Plan::new([&program(&both)]);
                assert_eq!(plan.nodes.iter().filter(|node| node.mean.is_some()).count(), 1, "{both}");
                let alone = values(wanted);
                assert!(alone.iter().filter(|&&bits| !f64::from_bits(bits).is_nan()).count() > 10_000);
                assert!(values(&both) == alone, "{both}");
            }
        }
    }
}
