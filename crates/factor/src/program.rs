//! What a graph compiles to: a flat list of operator nodes in execution order.

use std::sync::Arc;

use crate::operator::{MAX_INPUTS, Parameters};
use crate::registry::Operator;
use crate::types::Type;

/// Index of an instruction in its program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub u16);

/// What an instruction does.
#[derive(Debug, Clone, PartialEq)]
pub enum Operation {
    /// Gives a column of the panel.
    Field(Arc<str>),
    /// Gives one number everywhere.
    Constant(f64),
    /// Applies an operator to earlier instructions.
    Operator(Operator, Parameters),
}

/// One node of a program.
#[derive(Debug, Clone, PartialEq)]
pub struct Instruction {
    /// What it does.
    pub operation: Operation,
    /// Structural hash: operation, parameters and inputs' hashes, with commutative inputs in order.
    pub hash: u128,
    /// Type of the values, as the first node that became this instruction has it.
    pub output: Type,
    /// Earlier rows needed for the value at a row, inputs included.
    pub lookback: u32,
    /// Rows after which older values weigh less than 1e-12, beyond the look-back; 0 where nothing is remembered.
    pub memory: u32,
    /// Place for the values: instructions with the same slot are never needed at the same time.
    pub slot: u16,
    pub(crate) inputs: [NodeId; MAX_INPUTS],
    pub(crate) count: u8,
}

impl Instruction {
    /// Inputs, in argument order; always earlier instructions.
    pub fn inputs(&self) -> &[NodeId] {
        &self.inputs[..self.count as usize]
    }
}

/// What a program gives to whoever runs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Purpose {
    /// The value of a bare expression, or a strategy's score.
    Score,
    /// A strategy's entry flag.
    Entry,
    /// A strategy's exit flag.
    Exit,
    /// Deviation of one-bar returns, for inverse-volatility weights.
    WeightVolatility,
    /// Deviation of one-bar returns, for the volatility stop.
    StopVolatility,
    /// Average true range, for the ATR stop.
    AverageTrueRange,
    /// Group that exposure is limited by.
    Group,
}

impl Purpose {
    /// Number of purposes.
    pub const COUNT: usize = 7;
}

/// A compiled graph.
///
/// Invariants: inputs stand before their consumers; no two instructions have the same hash; every instruction
/// feeds an output.
#[derive(Debug, Clone, PartialEq)]
pub struct Program {
    /// The instructions, in execution order.
    pub instructions: Vec<Instruction>,
    /// Which instructions are the results, by rising purpose.
    pub outputs: Vec<(Purpose, NodeId)>,
    /// Equal for graphs of equal meaning up to commutativity, constant folding, sharing and dead code.
    pub hash: u128,
    /// Number of slots.
    pub slots: u16,
    /// Factors whose arguments mix units, by name: allowed where a person wrote them.
    pub mixed_units: Vec<String>,
}

impl Program {
    /// The instruction behind an output.
    pub fn output(&self, purpose: Purpose) -> Option<NodeId> {
        self.outputs.iter().find(|(found, _)| *found == purpose).map(|&(_, id)| id)
    }

    /// An instruction.
    pub fn instruction(&self, id: NodeId) -> &Instruction {
        &self.instructions[id.0 as usize]
    }

    /// Earlier rows needed before every output can have a value.
    pub fn lookback(&self) -> u32 {
        self.outputs.iter().map(|&(_, id)| self.instruction(id).lookback).max().unwrap_or(0)
    }

    /// Rows that a warm start must feed for values within 1e-12 of those from the beginning.
    pub fn warm_up(&self) -> u32 {
        let rows = |id: NodeId| self.instruction(id).lookback.saturating_add(self.instruction(id).memory);
        self.outputs.iter().map(|&(_, id)| rows(id)).max().unwrap_or(0)
    }

    /// Columns that the program reads, in order of first use.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        self.instructions.iter().filter_map(|instruction| match &instruction.operation {
            Operation::Field(name) => Some(&**name),
            _ => None,
        })
    }
}

/// Hands out places for values, the last one given back first, so that few are in use and those stay in cache.
#[derive(Debug, Default)]
pub struct SlotAllocator {
    free: Vec<u16>,
    count: u16,
}

impl SlotAllocator {
    /// A place that nobody uses.
    pub fn take(&mut self) -> u16 {
        self.free.pop().unwrap_or_else(|| {
            self.count += 1;
            self.count - 1
        })
    }

    /// Two places side by side that nobody uses; returns the first.
    pub fn take_two(&mut self) -> u16 {
        let pair = self.free.iter().copied().find(|&slot| self.free.contains(&(slot + 1)));
        if let Some(first) = pair {
            self.free.retain(|&slot| slot != first && slot != first + 1);
            return first;
        }
        self.count += 2;
        self.count - 2
    }

    /// Gives a place back.
    pub fn give_back(&mut self, slot: u16) {
        self.free.push(slot);
    }

    /// Places ever used.
    pub fn count(&self) -> u16 {
        self.count
    }
}
