//! Graph to [`Program`]: topological sort, expansion of library factors, type check, canonical form, structural
//! hashes, look-back and slots, in one pass over the nodes.
//!
//! Canonical form uses only identities that hold for NaN too: commutative operands ordered by hash, constants
//! folded, `x*1`, `x+0`, `x-0`, `x/1`, `--x` and `not not x` dropped, equal nodes merged, dead nodes removed.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::error::GraphError;
use crate::graph::{FactorGraph, Inputs, Kind, NodeIndex, Role};
use crate::library::LibraryFactor;
use crate::operator::{Definition, Inferred, MAX_INPUTS, Parameters, Port, Reference, infer};
use crate::program::{Instruction, NodeId, Operation, Program, Purpose, SlotAllocator};
use crate::registry::Operator;
use crate::text::LoweredKind;
use crate::types::{Type, Unit};

/// Most operator nodes of one program.
pub const MAX_INSTRUCTIONS: usize = 8192;

/// A factor that the graph does not hold but the run needs, such as the volatility behind a stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extra {
    /// What it is for.
    pub purpose: Purpose,
    /// Its window, in rows.
    pub window: u32,
}

/// Compiles a graph.
///
/// # Errors
/// When the graph has a cycle, or an input of the wrong type or number.
pub fn compile(graph: &FactorGraph, extras: &[Extra]) -> Result<Program, GraphError> {
    let order = graph.topological_order()?;
    let mut builder = Builder::with_capacity(graph.len() * 4);
    let inputs = graph.all_inputs();
    let mut compiled: Vec<Option<Value>> = vec![None; inputs.len()];
    let live = live_nodes(graph, &order, &inputs);
    let mut outputs = Vec::with_capacity(3 + extras.len());
    for index in order {
        if !live[index.index()] {
            continue;
        }
        let mut values = [Value { id: NodeId(0), output: Type::Plain }; MAX_INPUTS];
        let count = collect_inputs(graph, index, &inputs[index.index()], &compiled, &mut values)?;
        let inputs = &values[..count];
        compiled[index.index()] = Some(match graph.kind(index) {
            Kind::Field(name, output) => builder.field(name, *output),
            Kind::Constant(value) => builder.constant(*value, Type::Plain),
            Kind::Operator(operator, parameters) => {
                let describe = || describe(graph, index);
                builder.checked(*operator, *parameters, inputs, describe)?
            }
            Kind::Library(factor, parameters) => {
                let describe = || describe(graph, index);
                builder.library(*factor, parameters, inputs, describe)?
            }
            Kind::Positions => {
                for (role, purpose) in
                    [(Role::Score, Purpose::Score), (Role::Entry, Purpose::Entry), (Role::Exit, Purpose::Exit)]
                {
                    if let Some(input) = graph.input(index, role as u8) {
                        let value = check_role(graph, role, input, compiled[input.index()])?;
                        outputs.push((purpose, value.id));
                    }
                }
                continue;
            }
        });
        if builder.instructions.len() > MAX_INSTRUCTIONS {
            return Err(GraphError::TooLarge { found: builder.instructions.len(), most: MAX_INSTRUCTIONS });
        }
    }
    if let Some(root) = compiled[graph.root().index()] {
        outputs.push((Purpose::Score, root.id));
    }
    for extra in extras {
        outputs.push((extra.purpose, builder.extra(*extra)?));
    }
    builder.finish(outputs)
}

/// Nodes that reach the root.
fn live_nodes(graph: &FactorGraph, order: &[NodeIndex], inputs: &[Inputs]) -> Vec<bool> {
    let mut live = vec![false; inputs.len()];
    live[graph.root().index()] = true;
    for &index in order.iter().rev() {
        if live[index.index()] {
            // All slots: a terminal node may lack a score and still have an entry. Empty ones lie outside the table.
            for input in inputs[index.index()].0 {
                if let Some(mark) = live.get_mut(input.index()) {
                    *mark = true;
                }
            }
        }
    }
    live
}

/// Fills in the compiled inputs of a node, checked for number, every slot taken exactly once, and says how many they
/// are.
fn collect_inputs(
    graph: &FactorGraph,
    index: NodeIndex,
    (inputs, count): &Inputs,
    compiled: &[Option<Value>],
    values: &mut [Value; MAX_INPUTS],
) -> Result<usize, GraphError> {
    let expected = match graph.kind(index) {
        Kind::Field(..) | Kind::Constant(_) => 0,
        Kind::Operator(operator, _) => operator.definition().inputs.len(),
        Kind::Library(..) => 1,
        Kind::Positions => return Ok(0),
    };
    let count = *count;
    let filled = inputs.iter().take(expected).filter(|input| **input != NodeIndex::end()).count();
    if count != expected || filled != expected {
        return Err(GraphError::WrongArity { consumer: graph.describe(index), expected, found: count });
    }
    for (value, input) in values.iter_mut().zip(&inputs[..count]) {
        *value = compiled[input.index()].ok_or_else(|| GraphError::WrongType {
            consumer: graph.describe(index),
            argument: 1,
            expected: "number".to_owned(),
            input: graph.describe(*input),
            found: Type::Positions.to_string(),
        })?;
    }
    Ok(count)
}

/// Names of a node and of its inputs, for messages.
fn describe(graph: &FactorGraph, index: NodeIndex) -> (String, Vec<String>) {
    let (inputs, count) = graph.inputs(index);
    (graph.describe(index), inputs[..count].iter().map(|&input| graph.describe(input)).collect())
}

/// What a node of the graph became: an instruction, and the type of the node as it was written. Nodes of different
/// types can meet in one instruction (`log(2)` and the literal of its value), and units follow what was written.
#[derive(Clone, Copy)]
struct Value {
    id: NodeId,
    output: Type,
}

/// Collects instructions, each once.
struct Builder {
    instructions: Vec<Instruction>,
    by_hash: FxHashMap<u128, NodeId>,
    mixed_units: Vec<String>,
    scratch: Vec<Value>,
}

impl Builder {
    fn with_capacity(capacity: usize) -> Self {
        Self {
            instructions: Vec::with_capacity(capacity),
            by_hash: FxHashMap::with_capacity_and_hasher(capacity, rustc_hash::FxBuildHasher),
            mixed_units: Vec::new(),
            scratch: Vec::new(),
        }
    }

    fn field(&mut self, name: &Arc<str>, output: Type) -> Value {
        let hash = mix_bytes(FIELD, name.as_bytes());
        Value { id: self.add(Operation::Field(Arc::clone(name)), hash, output, &[]), output }
    }

    fn constant(&mut self, value: f64, output: Type) -> Value {
        let value = if value.is_nan() { f64::NAN } else { value + 0.0 };
        let tag = if output == Type::Flag { FLAG_CONSTANT } else { CONSTANT };
        Value { id: self.add(Operation::Constant(value), mix_words(tag, &[value.to_bits()]), output, &[]), output }
    }

    /// An operator whose parameters and input types are checked.
    fn checked(
        &mut self,
        operator: Operator,
        parameters: Parameters,
        inputs: &[Value],
        describe: impl Fn() -> (String, Vec<String>),
    ) -> Result<Value, GraphError> {
        let definition = operator.definition();
        if parameters.as_slice().len() != definition.parameters.len() {
            let message = format!("needs {} parameters", definition.parameters.len());
            return Err(GraphError::BadParameter { consumer: describe().0, message });
        }
        for (parameter, &value) in definition.parameters.iter().zip(parameters.as_slice()) {
            if let Err(message) = parameter.check(value) {
                return Err(GraphError::BadParameter { consumer: describe().0, message });
            }
        }
        let inferred = check_types(definition, inputs, &describe)?;
        if inferred.mixes_units {
            self.mixed_units.push(describe().0);
        }
        Ok(self.operator(operator, parameters, inputs, inferred.output))
    }

    /// Expands a library factor into its definition.
    fn library(
        &mut self,
        factor: LibraryFactor,
        parameters: &Parameters,
        inputs: &[Value],
        describe: impl Fn() -> (String, Vec<String>),
    ) -> Result<Value, GraphError> {
        let definition = factor.definition();
        if let Err(message) = definition.check(parameters) {
            return Err(GraphError::BadParameter { consumer: describe().0, message });
        }
        let input = inputs[0].output;
        if infer(&[Port::U], definition.output, &[input]).is_err() {
            let (consumer, mut names) = describe();
            return Err(GraphError::WrongType {
                consumer,
                argument: 1,
                expected: "number".to_owned(),
                input: names.swap_remove(0),
                found: input.to_string(),
            });
        }
        let mut mixes_units = false;
        let mut values = std::mem::take(&mut self.scratch);
        values.clear();
        for node in factor.template() {
            let value = match &node.kind {
                LoweredKind::Input => inputs[0],
                LoweredKind::Parameter(index) => self.constant(parameters.real(*index as usize), Type::Plain),
                LoweredKind::Field(name, output) => self.field(name, *output),
                LoweredKind::Constant(value) => self.constant(*value, Type::Plain),
                LoweredKind::Operator(operator, literals, bound) => {
                    let mut own = *literals;
                    for (value, source) in own.as_mut_slice().iter_mut().zip(bound) {
                        if let Some(source) = source {
                            *value = parameters.real(*source as usize);
                        }
                    }
                    let mut arguments = [inputs[0]; MAX_INPUTS];
                    for (argument, &place) in arguments.iter_mut().zip(node.inputs()) {
                        *argument = values[place as usize];
                    }
                    let arguments = &arguments[..node.inputs().len()];
                    let inferred = check_types(operator.definition(), arguments, &describe)?;
                    mixes_units |= inferred.mixes_units;
                    self.operator(*operator, own, arguments, inferred.output)
                }
                LoweredKind::Named(_) | LoweredKind::Library(..) => unreachable!("templates hold operators alone"),
            };
            values.push(value);
        }
        let root = values[values.len() - 1];
        let root = Value { output: factor.output(root.output), ..root };
        self.scratch = values;
        if mixes_units {
            self.mixed_units.push(describe().0);
        }
        Ok(root)
    }

    /// The instructions behind an [`Extra`].
    fn extra(&mut self, extra: Extra) -> Result<NodeId, GraphError> {
        static CLOSE: std::sync::LazyLock<Arc<str>> = std::sync::LazyLock::new(|| Arc::from("close"));
        let name = match extra.purpose {
            Purpose::AverageTrueRange => "atr",
            _ => "volatility",
        };
        let factor = LibraryFactor::by_name(name).expect("the library holds atr and volatility");
        let close = self.field(&CLOSE, Type::Number(Unit::PRICE));
        let window = Parameters::new(&[f64::from(extra.window)]);
        let value = self.library(factor, &window, &[close], || (name.to_owned(), vec!["close".to_owned()]))?;
        Ok(value.id)
    }

    /// An operator in canonical form: simplified away, folded, or added with its inputs in order.
    fn operator(&mut self, operator: Operator, parameters: Parameters, inputs: &[Value], output: Type) -> Value {
        let definition = operator.definition();
        let mut ordered = [NodeId(0); MAX_INPUTS];
        for (id, input) in ordered.iter_mut().zip(inputs) {
            *id = input.id;
        }
        if let Some(id) = self.simplify(operator, parameters, &ordered[..inputs.len()], output) {
            return Value { id, output };
        }
        if definition.commutative && self.hash(ordered[0]) > self.hash(ordered[1]) {
            ordered.swap(0, 1);
        }
        let ordered = &ordered[..inputs.len()];
        // Words of the hash: operator, parameters, then both halves of every input's hash.
        let mut words = [0_u64; 3 + 2 * MAX_INPUTS];
        let mut used = 0;
        for value in parameters.as_slice() {
            words[used] = value.to_bits();
            used += 1;
        }
        for &input in ordered {
            let hash = self.hash(input);
            words[used] = hash as u64;
            words[used + 1] = (hash >> 64) as u64;
            used += 2;
        }
        let hash = mix_words(operator.code(), &words[..used]);
        Value { id: self.add(Operation::Operator(operator, parameters), hash, output, ordered), output }
    }

    fn simplify(
        &mut self,
        operator: Operator,
        parameters: Parameters,
        inputs: &[NodeId],
        output: Type,
    ) -> Option<NodeId> {
        let constant = |id: NodeId| match self.instructions[id.0 as usize].operation {
            Operation::Constant(value) => Some(value),
            _ => None,
        };
        let same = |id: NodeId| Some(id);
        match (operator, inputs) {
            (Operator::Add | Operator::Sub, &[x, zero]) if constant(zero) == Some(0.0) => return same(x),
            (Operator::Add, &[zero, x]) if constant(zero) == Some(0.0) => return same(x),
            (Operator::Mul | Operator::Div, &[x, one]) if constant(one) == Some(1.0) => return same(x),
            (Operator::Mul, &[one, x]) if constant(one) == Some(1.0) => return same(x),
            (Operator::Neg | Operator::Not, &[x]) => {
                let inner = &self.instructions[x.0 as usize];
                if matches!(inner.operation, Operation::Operator(found, _) if found == operator) {
                    return same(inner.inputs[0]);
                }
            }
            _ => {}
        }
        let Reference::Cell(value) = operator.definition().reference else { return None };
        let mut values = [0.0; MAX_INPUTS];
        for (value, &input) in values.iter_mut().zip(inputs) {
            *value = constant(input)?;
        }
        let folded = value(&values[..inputs.len()], &parameters);
        Some(self.constant(if folded.is_finite() { folded } else { f64::NAN }, output).id)
    }

    fn hash(&self, id: NodeId) -> u128 {
        self.instructions[id.0 as usize].hash
    }

    fn add(&mut self, operation: Operation, hash: u128, output: Type, inputs: &[NodeId]) -> NodeId {
        if let Some(&known) = self.by_hash.get(&hash) {
            return known;
        }
        let (mut lookback, mut memory) = (0, 0);
        let mut slots = [NodeId(0); MAX_INPUTS];
        for (slot, &input) in slots.iter_mut().zip(inputs) {
            *slot = input;
            let instruction = &self.instructions[input.0 as usize];
            lookback = lookback.max(instruction.lookback);
            memory = memory.max(instruction.memory);
        }
        if let Operation::Operator(operator, parameters) = &operation {
            let definition = operator.definition();
            lookback += definition.lookback.rows(parameters);
            memory += definition.memory.rows(parameters);
        }
        let id = NodeId(self.instructions.len() as u16);
        let count = inputs.len() as u8;
        self.instructions.push(Instruction {
            operation,
            hash,
            output,
            lookback,
            memory,
            slot: 0,
            inputs: slots,
            count,
        });
        self.by_hash.insert(hash, id);
        id
    }

    /// Drops what simplification left unused and assigns slots.
    fn finish(mut self, mut outputs: Vec<(Purpose, NodeId)>) -> Result<Program, GraphError> {
        const UNUSED: u16 = u16::MAX;
        const RESULT: u16 = u16::MAX - 1;
        if self.instructions.len() > MAX_INSTRUCTIONS {
            return Err(GraphError::TooLarge { found: self.instructions.len(), most: MAX_INSTRUCTIONS });
        }
        outputs.sort_unstable();
        let mut last_use = vec![UNUSED; self.instructions.len()];
        for &(_, id) in &outputs {
            last_use[id.0 as usize] = RESULT;
        }
        for index in (0..self.instructions.len()).rev() {
            if last_use[index] != UNUSED {
                for input in self.instructions[index].inputs() {
                    let last = &mut last_use[input.0 as usize];
                    if *last == UNUSED {
                        *last = index as u16;
                    }
                }
            }
        }
        let mut places = vec![NodeId(0); self.instructions.len()];
        let mut kept = 0;
        let mut slots = SlotAllocator::default();
        for index in 0..self.instructions.len() {
            if last_use[index] == UNUSED {
                continue;
            }
            // Those kept move down over those dropped, in their order.
            self.instructions.swap(kept as usize, index);
            let (earlier, later) = self.instructions.split_at_mut(kept as usize);
            let instruction = &mut later[0];
            // The result's slot is taken before inputs are given back: no kernel writes where it still reads.
            instruction.slot = slots.take();
            for slot in 0..instruction.count as usize {
                let input = instruction.inputs[slot];
                let place = places[input.0 as usize];
                let repeated = instruction.inputs[..slot].contains(&place);
                instruction.inputs[slot] = place;
                if last_use[input.0 as usize] == index as u16 && !repeated {
                    slots.give_back(earlier[place.0 as usize].slot);
                }
            }
            places[index] = NodeId(kept);
            kept += 1;
        }
        self.instructions.truncate(kept as usize);
        let mut words = Vec::with_capacity(outputs.len() * 3);
        for (purpose, id) in &mut outputs {
            *id = places[id.0 as usize];
            let hash = self.instructions[id.0 as usize].hash;
            words.extend([*purpose as u64, hash as u64, (hash >> 64) as u64]);
        }
        let hash = mix_words(PROGRAM, &words);
        Ok(Program {
            instructions: self.instructions,
            outputs,
            hash,
            slots: slots.count(),
            mixed_units: self.mixed_units,
        })
    }
}

/// The type of an operator's output; an error that names both nodes where an input does not fit.
fn check_types(
    definition: &Definition,
    inputs: &[Value],
    describe: &impl Fn() -> (String, Vec<String>),
) -> Result<Inferred, GraphError> {
    let mut types = [Type::Plain; MAX_INPUTS];
    for (kind, input) in types.iter_mut().zip(inputs) {
        *kind = input.output;
    }
    definition.infer(&types[..inputs.len()]).map_err(|index| {
        let (consumer, mut names) = describe();
        GraphError::WrongType {
            consumer,
            argument: index + 1,
            expected: definition.inputs[index].to_string(),
            input: names.swap_remove(index),
            found: types[index].to_string(),
        }
    })
}

fn check_role(graph: &FactorGraph, role: Role, input: NodeIndex, value: Option<Value>) -> Result<Value, GraphError> {
    let fits = |output: Type| if role == Role::Score { output.is_number() } else { output == Type::Flag };
    if let Some(value) = value.filter(|value| fits(value.output)) {
        return Ok(value);
    }
    Err(GraphError::WrongType {
        consumer: role.name().to_owned(),
        argument: 1,
        expected: if role == Role::Score { "number" } else { "flag" }.to_owned(),
        input: graph.describe(input),
        found: value.map_or(Type::Positions, |value| value.output).to_string(),
    })
}

const FIELD: u64 = 1;
const CONSTANT: u64 = 2;
const FLAG_CONSTANT: u64 = 3;
const PROGRAM: u64 = 4;

/// xxh3 (128 bits) of little-endian words under a tag.
pub(crate) fn mix_words(tag: u64, words: &[u64]) -> u128 {
    let mut bytes = [0_u8; 8 * (4 + 3 * Purpose::COUNT)];
    bytes[..8].copy_from_slice(&tag.to_le_bytes());
    for (place, word) in bytes[8..].chunks_exact_mut(8).zip(words) {
        place.copy_from_slice(&word.to_le_bytes());
    }
    twox_hash::XxHash3_128::oneshot(&bytes[..8 * (words.len() + 1)])
}

fn mix_bytes(tag: u64, text: &[u8]) -> u128 {
    twox_hash::XxHash3_128::oneshot_with_seed(tag, text)
}
