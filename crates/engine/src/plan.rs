//! Many programs as one: every distinct node once, in one order, with the places where values live.

use std::sync::Arc;

use factor::{MAX_INPUTS, NodeId, Operation, Operator, Parameters, Program, Purpose, SlotAllocator, Type};
use rustc_hash::FxHashMap;

/// Where a kernel finds an input or leaves its values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Place {
    /// A column of the panel, by index into [`Plan::fields`].
    Column(u16),
    /// A block that lives until its last reader ran.
    Slot(u16),
    /// A block with a past: a ring of rows.
    Ring(u32),
    /// The same number everywhere.
    Scalar(f64),
}

/// A node that runs.
#[derive(Debug, Clone)]
pub(crate) struct PlanNode {
    /// What it does; `None` writes a constant, its only input.
    pub(crate) operator: Option<(Operator, Parameters)>,
    pub(crate) inputs: [Place; MAX_INPUTS],
    pub(crate) count: u8,
    pub(crate) output: Place,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Step {
    /// Run a node.
    Run(u32),
    /// A program's results are complete: hand them out.
    Emit(u32),
}

/// The results of one program.
pub(crate) type Results = Vec<(Purpose, Place)>;

/// What a plan saves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PlanCounts {
    /// Operator nodes that the programs hold together.
    pub asked: usize,
    /// Operator nodes that run.
    pub run: usize,
}

/// Programs merged into one query over a market. Nodes of equal structure run once, whichever programs hold them;
/// results do not depend on what else is in the plan.
#[derive(Debug, Clone)]
pub struct Plan {
    pub(crate) nodes: Vec<PlanNode>,
    pub(crate) steps: Vec<Step>,
    pub(crate) results: Vec<Results>,
    pub(crate) fields: Vec<Arc<str>>,
    pub(crate) slots: u16,
    /// Rows of past that each ring must hold besides the current block.
    pub(crate) rings: Vec<u32>,
    counts: PlanCounts,
    lookback: u32,
}

impl Plan {
    /// Merges programs. Results are handed out by index into this list.
    pub fn new<'a>(programs: impl IntoIterator<Item = &'a Program>) -> Self {
        let mut merge = Merge::default();
        for program in programs {
            merge.program(program);
        }
        merge.place()
    }

    /// Columns that the plan reads.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().map(|name| &**name)
    }

    /// What merging saved.
    pub fn counts(&self) -> PlanCounts {
        self.counts
    }

    /// Earlier rows needed before every result can have a value.
    pub fn lookback(&self) -> u32 {
        self.lookback
    }

    /// Bytes of state for a panel of so many symbols: rings, windows and running values, without the blocks.
    pub fn state_bytes(&self, symbols: usize) -> usize {
        let ring_rows: usize = self.rings.iter().map(|&rows| rows as usize + 1).sum();
        let own_rows: usize = self
            .nodes
            .iter()
            .filter_map(|node| node.operator)
            .map(|(operator, parameters)| crate::kernels::state_rows(operator, &parameters))
            .sum();
        (ring_rows + own_rows) * symbols * size_of::<f64>()
    }
}

/// A node while plans are merged: inputs are merged nodes.
struct Merged {
    operation: Operation,
    output: Type,
    inputs: [u32; MAX_INPUTS],
    count: u8,
}

#[derive(Default)]
struct Merge {
    nodes: Vec<Merged>,
    by_hash: FxHashMap<u128, u32>,
    /// Steps over merged nodes; constants and columns do not run.
    steps: Vec<Step>,
    results: Vec<Vec<(Purpose, u32)>>,
    asked: usize,
    lookback: u32,
}

impl Merge {
    fn program(&mut self, program: &Program) {
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
                let equal = match (&node.operation, &instruction.operation) {
                    (Operation::Constant(left), Operation::Constant(right)) => left.to_bits() == right.to_bits(),
                    (left, right) => left == right,
                };
                equal && node.inputs == inputs && node.output == instruction.output
            });
            let id = known.unwrap_or_else(|| {
                let id = self.nodes.len() as u32;
                let operation = instruction.operation.clone();
                self.nodes.push(Merged { operation, output: instruction.output, inputs, count });
                self.by_hash.insert(instruction.hash, id);
                if computed {
                    self.steps.push(Step::Run(id));
                }
                id
            });
            ids.push(id);
        }
        self.lookback = self.lookback.max(program.lookback());
        self.steps.push(Step::Emit(self.results.len() as u32));
        self.results.push(program.outputs.iter().map(|&(purpose, NodeId(id))| (purpose, ids[id as usize])).collect());
    }

    /// Decides where values live.
    fn place(self) -> Plan {
        let mut past = vec![0_u32; self.nodes.len()];
        let mut as_block = vec![false; self.nodes.len()];
        for node in &self.nodes {
            let Operation::Operator(operator, parameters) = &node.operation else { continue };
            for &input in &node.inputs[..node.count as usize] {
                let rows = crate::kernels::rows_read_back(*operator, parameters);
                past[input as usize] = past[input as usize].max(rows);
                as_block[input as usize] |= rows > 0 || !crate::kernels::takes_scalar(*operator);
            }
        }
        for (_, result) in self.results.iter().flatten() {
            as_block[*result as usize] = true;
        }
        // Constants that somebody needs as a block run first: they are few, and never change.
        let constants = (0..self.nodes.len() as u32)
            .filter(|&id| matches!(self.nodes[id as usize].operation, Operation::Constant(_)) && as_block[id as usize]);
        let steps: Vec<Step> = constants.map(Step::Run).chain(self.steps.iter().copied()).collect();
        let last_use = self.last_uses(&steps);

        let mut fields: Vec<Arc<str>> = Vec::new();
        let mut rings = Vec::new();
        let mut slots = SlotAllocator::default();
        let mut places: Vec<Option<Place>> = vec![None; self.nodes.len()];
        for (place, node) in places.iter_mut().zip(&self.nodes) {
            if let Operation::Field(name) = &node.operation {
                *place = Some(Place::Column(fields.len() as u16));
                fields.push(Arc::clone(name));
            }
        }
        let mut nodes = Vec::new();
        let mut placed_steps = Vec::with_capacity(steps.len());
        for (at, step) in steps.iter().enumerate() {
            let used: &[u32] = match *step {
                Step::Emit(program) => {
                    placed_steps.push(Step::Emit(program));
                    &self.results[program as usize].iter().map(|&(_, id)| id).collect::<Vec<_>>()
                }
                Step::Run(id) => {
                    let node = &self.nodes[id as usize];
                    let rows = past[id as usize];
                    let output = if rows > 0 {
                        rings.push(rows);
                        Place::Ring(rings.len() as u32 - 1)
                    } else {
                        Place::Slot(slots.take())
                    };
                    places[id as usize] = Some(output);
                    placed_steps.push(Step::Run(nodes.len() as u32));
                    nodes.push(self.placed(node, &places, output));
                    &node.inputs[..node.count as usize]
                }
            };
            for (position, &id) in used.iter().enumerate() {
                if let Some(Place::Slot(slot)) = places[id as usize]
                    && last_use[id as usize] == at
                    && !used[..position].contains(&id)
                {
                    slots.give_back(slot);
                }
            }
        }
        let results = self
            .results
            .iter()
            .map(|outputs| {
                let place = |id: u32| places[id as usize].expect("every result is a column or ran");
                outputs.iter().map(|&(purpose, id)| (purpose, place(id))).collect()
            })
            .collect();
        let run = nodes.iter().filter(|node| node.operator.is_some()).count();
        let counts = PlanCounts { asked: self.asked, run };
        let (slots, lookback) = (slots.count(), self.lookback);
        Plan { nodes, steps: placed_steps, results, fields, slots, rings, counts, lookback }
    }

    fn last_uses(&self, steps: &[Step]) -> Vec<usize> {
        let mut last_use = vec![usize::MAX; self.nodes.len()];
        for (at, step) in steps.iter().enumerate() {
            match *step {
                Step::Run(id) => {
                    let node = &self.nodes[id as usize];
                    for &input in &node.inputs[..node.count as usize] {
                        last_use[input as usize] = at;
                    }
                }
                Step::Emit(program) => {
                    for &(_, id) in &self.results[program as usize] {
                        last_use[id as usize] = at;
                    }
                }
            }
        }
        last_use
    }

    fn placed(&self, node: &Merged, places: &[Option<Place>], output: Place) -> PlanNode {
        let mut inputs = [Place::Scalar(0.0); MAX_INPUTS];
        let (operator, count) = match &node.operation {
            Operation::Constant(value) => {
                inputs[0] = Place::Scalar(*value);
                (None, 1)
            }
            Operation::Operator(operator, parameters) => {
                for (place, &input) in inputs.iter_mut().zip(&node.inputs[..node.count as usize]) {
                    *place = match &self.nodes[input as usize].operation {
                        Operation::Constant(value) if crate::kernels::takes_scalar(*operator) => Place::Scalar(*value),
                        _ => places[input as usize].expect("inputs run before their consumers"),
                    };
                }
                (Some((*operator, *parameters)), node.count)
            }
            Operation::Field(_) => unreachable!("columns do not run"),
        };
        PlanNode { operator, inputs, count, output }
    }
}
