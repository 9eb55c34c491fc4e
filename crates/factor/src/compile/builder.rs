//! The instructions of a program, each once and in canonical form.

use std::sync::Arc;

use super::MAX_INSTRUCTIONS;
use super::hash::{CONSTANT, FIELD, FLAG_CONSTANT, HashIndex, PROGRAM, Words, hash_text};
use crate::error::GraphError;
use crate::operator::{MAX_INPUTS, Parameters, Reference};
use crate::program::{Instruction, NodeId, Operation, Program, Purpose, SlotAllocator};
use crate::registry::Operator;
use crate::text::{Lowered, LoweredKind};
use crate::types::Type;

pub(super) struct Builder {
    instructions: Vec<Instruction>,
    index: HashIndex,
    /// What the nodes of the library factor at hand became.
    expansion: Vec<NodeId>,
}

impl Builder {
    /// A builder for at most so many instructions.
    pub(super) fn with_capacity(most: usize) -> Self {
        Self {
            instructions: Vec::with_capacity(most.min(MAX_INSTRUCTIONS)),
            // A library factor may go beyond the limit before anybody looks.
            index: HashIndex::with_capacity(most.min(2 * MAX_INSTRUCTIONS)),
            expansion: Vec::with_capacity(16),
        }
    }

    /// # Errors
    /// When there are more instructions than a program may have.
    pub(super) fn check_size(&self) -> Result<(), GraphError> {
        let found = self.instructions.len();
        if found > MAX_INSTRUCTIONS { Err(GraphError::TooLarge { found, most: MAX_INSTRUCTIONS }) } else { Ok(()) }
    }

    pub(super) fn field(&mut self, name: &Arc<str>, output: Type) -> NodeId {
        self.add(hash_text(FIELD, name), output, &[], || Operation::Field(Arc::clone(name)))
    }

    pub(super) fn constant(&mut self, value: f64, output: Type) -> NodeId {
        // One NaN and one zero, so that equal constants have equal bits.
        let value = if value.is_nan() { f64::NAN } else { value + 0.0 };
        let mut words = Words::new(if output == Type::Flag { FLAG_CONSTANT } else { CONSTANT });
        words.push(value.to_bits());
        self.add(words.hash(), output, &[], || Operation::Constant(value))
    }

    /// The nodes of a library factor's definition, whose types are given; the last one is what it gives.
    pub(super) fn expand(
        &mut self,
        template: &[Lowered],
        types: &[Type],
        parameters: &Parameters,
        input: NodeId,
    ) -> NodeId {
        let mut expansion = std::mem::take(&mut self.expansion);
        expansion.clear();
        for (node, &output) in template.iter().zip(types) {
            let id = match &node.kind {
                LoweredKind::Input => input,
                LoweredKind::Parameter(index) => self.constant(parameters.real(*index as usize), output),
                LoweredKind::Field(name, _) => self.field(name, output),
                LoweredKind::Constant(value) => self.constant(*value, output),
                LoweredKind::Operator(operator, literals, bound) => {
                    let mut own = *literals;
                    for (value, source) in own.as_mut_slice().iter_mut().zip(bound) {
                        if let Some(source) = source {
                            *value = parameters.real(*source as usize);
                        }
                    }
                    let mut inputs = [input; MAX_INPUTS];
                    for (input, &place) in inputs.iter_mut().zip(node.inputs()) {
                        *input = expansion[place as usize];
                    }
                    self.operator(*operator, &own, &inputs[..node.inputs().len()], output)
                }
                LoweredKind::Named(_) | LoweredKind::Library(..) => unreachable!("templates hold operators alone"),
            };
            expansion.push(id);
        }
        let root = expansion[expansion.len() - 1];
        self.expansion = expansion;
        root
    }

    /// An operator in canonical form: simplified away, folded, or added with its inputs in order.
    pub(super) fn operator(
        &mut self,
        operator: Operator,
        parameters: &Parameters,
        inputs: &[NodeId],
        output: Type,
    ) -> NodeId {
        if let Some(id) = self.simplify(operator, parameters, inputs, output) {
            return id;
        }
        let parameters = &operator.definition().canonical(parameters);
        let swapped;
        let inputs = match *inputs {
            [left, right] if operator.definition().commutative && self.hash(left) > self.hash(right) => {
                swapped = [right, left];
                &swapped
            }
            _ => inputs,
        };
        let mut words = Words::new(operator.code());
        // An option that stands at its default is as if it was not there, so that a new option changes no hash.
        for ((place, parameter), &value) in (0..).zip(operator.definition().parameters).zip(parameters.as_slice()) {
            if !parameter.option {
                words.push(value.to_bits());
            } else if parameter.default != Some(value) {
                words.push(place);
                words.push(value.to_bits());
            }
        }
        for &input in inputs {
            words.push_hash(self.hash(input));
        }
        self.add(words.hash(), output, inputs, || Operation::Operator(operator, *parameters))
    }

    /// What stands for an operator that can be done without.
    fn simplify(
        &mut self,
        operator: Operator,
        parameters: &Parameters,
        inputs: &[NodeId],
        output: Type,
    ) -> Option<NodeId> {
        let constant = |id: NodeId| match self.instructions[id.0 as usize].operation {
            Operation::Constant(value) => Some(value),
            _ => None,
        };
        match (operator, inputs) {
            (Operator::Add | Operator::Sub, &[x, zero]) if constant(zero) == Some(0.0) => return Some(x),
            (Operator::Add, &[zero, x]) if constant(zero) == Some(0.0) => return Some(x),
            (Operator::Mul | Operator::Div, &[x, one]) if constant(one) == Some(1.0) => return Some(x),
            (Operator::Mul, &[one, x]) if constant(one) == Some(1.0) => return Some(x),
            (Operator::Neg | Operator::Not, &[x]) => {
                let inner = &self.instructions[x.0 as usize];
                if matches!(inner.operation, Operation::Operator(found, _) if found == operator) {
                    return Some(inner.inputs[0]);
                }
            }
            _ => {}
        }
        let Reference::Cell(value) = operator.definition().reference else { return None };
        let mut values = [0.0; MAX_INPUTS];
        for (value, &input) in values.iter_mut().zip(inputs) {
            *value = constant(input)?;
        }
        let folded = value(&values[..inputs.len()], parameters);
        Some(self.constant(if folded.is_finite() { folded } else { f64::NAN }, output))
    }

    fn hash(&self, id: NodeId) -> u128 {
        self.instructions[id.0 as usize].hash
    }

    /// The instruction with this hash: the one that is there already, or a new one.
    fn add(&mut self, hash: u128, output: Type, inputs: &[NodeId], operation: impl FnOnce() -> Operation) -> NodeId {
        let place = match self.index.find(hash, &self.instructions) {
            Ok(known) => return known,
            Err(place) => place,
        };
        let id = NodeId(self.instructions.len() as u16);
        // Made where it stays: an instruction is long, and moving it would cost more than making it.
        self.instructions.extend(std::iter::once_with(|| Instruction {
            operation: operation(),
            hash,
            output,
            lookback: 0,
            memory: 0,
            slot: 0,
            inputs: [NodeId(0); MAX_INPUTS],
            count: inputs.len() as u8,
        }));
        let (earlier, added) = self.instructions.split_at_mut(id.0 as usize);
        let added = &mut added[0];
        for (slot, &input) in added.inputs.iter_mut().zip(inputs) {
            *slot = input;
            let earlier = &earlier[input.0 as usize];
            added.lookback = added.lookback.max(earlier.lookback);
            added.memory = added.memory.max(earlier.memory);
        }
        if let Operation::Operator(operator, parameters) = &added.operation {
            let definition = operator.definition();
            added.lookback += definition.lookback.rows(parameters);
            added.memory = added.memory.saturating_add(definition.memory.rows(parameters));
        }
        self.index.take(place, id);
        id
    }

    /// Drops what simplification left unused and assigns slots.
    pub(super) fn finish(
        mut self,
        mut outputs: Vec<(Purpose, NodeId)>,
        mixed_units: Vec<String>,
    ) -> Result<Program, GraphError> {
        self.check_size()?;
        outputs.sort_unstable();
        let last_uses = last_uses(&self.instructions, &outputs);
        // Where each instruction goes, and the slot it writes.
        let mut places = vec![(NodeId(0), 0); self.instructions.len()];
        let mut kept = 0;
        let mut slots = SlotAllocator::default();
        for index in 0..self.instructions.len() {
            if last_uses[index] == UNUSED {
                continue;
            }
            // Those kept move down over those dropped, in their order.
            if kept != index {
                self.instructions.swap(kept, index);
            }
            let instruction = &mut self.instructions[kept];
            // The result's slot is taken before inputs are given back: no kernel writes where it still reads.
            instruction.slot = slots.take();
            places[index] = (NodeId(kept as u16), instruction.slot);
            for slot in 0..instruction.count as usize {
                let input = instruction.inputs[slot].0 as usize;
                let (place, input_slot) = places[input];
                let repeated = instruction.inputs[..slot].contains(&place);
                instruction.inputs[slot] = place;
                if last_uses[input] == index as u16 && !repeated {
                    slots.give_back(input_slot);
                }
            }
            kept += 1;
        }
        self.instructions.truncate(kept);
        let mut words = Words::new(PROGRAM);
        for (purpose, id) in &mut outputs {
            *id = places[id.0 as usize].0;
            words.push(*purpose as u64);
            words.push_hash(self.instructions[id.0 as usize].hash);
        }
        Ok(Program { instructions: self.instructions, outputs, hash: words.hash(), slots: slots.count(), mixed_units })
    }
}

/// The last use of what feeds no output.
const UNUSED: u16 = u16::MAX;
/// The last use of an output.
const RESULT: u16 = u16::MAX - 1;

/// For each instruction the last one that reads it.
fn last_uses(instructions: &[Instruction], outputs: &[(Purpose, NodeId)]) -> Vec<u16> {
    let mut last_uses = vec![UNUSED; instructions.len()];
    for &(_, id) in outputs {
        last_uses[id.0 as usize] = RESULT;
    }
    for (index, instruction) in instructions.iter().enumerate().rev() {
        if last_uses[index] != UNUSED {
            for input in instruction.inputs() {
                let last = &mut last_uses[input.0 as usize];
                if *last == UNUSED {
                    *last = index as u16;
                }
            }
        }
    }
    last_uses
}
