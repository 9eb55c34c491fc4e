//! Graph to [`Program`]: nodes in order, library factors expanded, types and parameters checked, canonical form,
//! structural hashes, look-back and slots.
//!
//! Canonical form uses only identities that hold for NaN too: commutative operands ordered by hash, constants
//! folded, `x*1`, `x+0`, `x-0`, `x/1`, `--x` and `not not x` dropped, equal nodes merged, dead nodes removed.

mod builder;
mod hash;

use std::sync::{Arc, LazyLock};

use self::builder::Builder;
pub(crate) use self::hash::mix_words;
use crate::error::GraphError;
use crate::graph::{FactorGraph, Kind, Role, Step};
use crate::library::LibraryFactor;
use crate::operator::{Inferred, MAX_INPUTS, Parameters};
use crate::program::{NodeId, Program, Purpose};
use crate::registry::Operator;
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

impl Extra {
    /// The library factor that computes it.
    fn factor(self) -> LibraryFactor {
        static FACTORS: LazyLock<[LibraryFactor; 2]> = LazyLock::new(|| {
            ["atr", "volatility"]
                .map(|name| LibraryFactor::by_name(name).expect("the library holds atr and volatility"))
        });
        match self.purpose {
            Purpose::AverageTrueRange => FACTORS[0],
            _ => FACTORS[1],
        }
    }
}

/// Compiles a graph.
///
/// # Errors
/// When the graph has a cycle, or an input of the wrong type or number.
pub fn compile(graph: &FactorGraph, extras: &[Extra]) -> Result<Program, GraphError> {
    let steps = graph.walk()?;
    let mut compiler = Compiler {
        graph,
        steps,
        values: Vec::with_capacity(steps.len()),
        builder: Builder::with_capacity(most_instructions(graph, steps, extras)),
        outputs: Vec::with_capacity(Purpose::COUNT),
        mixed_units: Vec::new(),
    };
    for step in steps {
        compiler.node(step)?;
        compiler.builder.check_size()?;
    }
    if let Some(root) = compiler.values.last().filter(|root| root.output != Type::Positions) {
        compiler.outputs.push((Purpose::Score, root.id));
    }
    for &extra in extras {
        compiler.extra(extra)?;
        compiler.builder.check_size()?;
    }
    compiler.builder.finish(compiler.outputs, compiler.mixed_units)
}

/// How many instructions a graph becomes where none can be merged.
fn most_instructions(graph: &FactorGraph, steps: &[Step], extras: &[Extra]) -> usize {
    let of_node = |step: &Step| match graph.kind(step.index) {
        Kind::Library(factor, _) => factor.template().len(),
        _ => 1,
    };
    let of_extra = |extra: &Extra| 1 + extra.factor().template().len();
    steps.iter().map(of_node).sum::<usize>() + extras.iter().map(of_extra).sum::<usize>()
}

/// What a node of the graph became: an instruction, and the type of the node as it was written. Nodes of different
/// types can meet in one instruction (`log(2)` and the literal of its value), and units follow what was written.
#[derive(Debug, Clone, Copy)]
struct Value {
    id: NodeId,
    output: Type,
}

/// Checks the nodes of a graph, inputs first, and has their instructions built.
struct Compiler<'a> {
    graph: &'a FactorGraph,
    steps: &'a [Step],
    /// What the steps became, by place; then what extras did.
    values: Vec<Value>,
    builder: Builder,
    outputs: Vec<(Purpose, NodeId)>,
    mixed_units: Vec<String>,
}

impl Compiler<'_> {
    /// Compiles the next step.
    fn node(&mut self, step: &Step) -> Result<(), GraphError> {
        match self.graph.kind(step.index) {
            Kind::Field(name, output) => {
                self.inputs(step, 0)?;
                let id = self.builder.field(name, *output);
                self.add(id, *output);
            }
            Kind::Constant(value) => {
                self.inputs(step, 0)?;
                let id = self.builder.constant(*value, Type::Plain);
                self.add(id, Type::Plain);
            }
            Kind::Operator(operator, parameters) => self.operator(step, *operator, parameters)?,
            Kind::Library(factor, parameters) => {
                let (graph, input) = (self.graph, self.inputs(step, 1)?[0] as usize);
                let nodes = [step.index, self.steps[input].index];
                self.library(*factor, parameters, input, || nodes.map(|index| graph.describe(index)))?;
            }
            Kind::Positions => self.positions(step)?,
        }
        Ok(())
    }

    fn add(&mut self, id: NodeId, output: Type) {
        self.values.push(Value { id, output });
    }

    fn operator(&mut self, step: &Step, operator: Operator, parameters: &Parameters) -> Result<(), GraphError> {
        let definition = operator.definition();
        let inputs = self.inputs(step, definition.inputs.len())?;
        let bad = |message: String| GraphError::BadParameter { consumer: self.graph.describe(step.index), message };
        definition.check(parameters).map_err(bad)?;
        let (mut ids, mut types) = ([NodeId(0); MAX_INPUTS], [Type::Plain; MAX_INPUTS]);
        for (slot, &input) in inputs.iter().enumerate() {
            let value = &self.values[input as usize];
            (ids[slot], types[slot]) = (value.id, value.output);
        }
        let Inferred { output, mixes_units } = definition.infer(&types[..inputs.len()]).map_err(|slot| {
            let expected = definition.inputs[slot].to_string();
            wrong_type(self.graph.describe(step.index), slot, expected, self.describe(inputs[slot]), types[slot])
        })?;
        if mixes_units {
            self.mixed_units.push(self.graph.describe(step.index));
        }
        let id = self.builder.operator(operator, parameters, &ids[..inputs.len()], output);
        self.add(id, output);
        Ok(())
    }

    /// Expands a library factor over the value at a place. `names` gives the factor's name and that of its input.
    fn library(
        &mut self,
        factor: LibraryFactor,
        parameters: &Parameters,
        input: usize,
        names: impl Fn() -> [String; 2],
    ) -> Result<(), GraphError> {
        let Value { id: input, output: found } = self.values[input];
        if let Err(message) = factor.definition().check(parameters) {
            let [consumer, _] = names();
            return Err(GraphError::BadParameter { consumer, message });
        }
        let Ok(typing) = factor.typing(found) else {
            let [consumer, name] = names();
            return Err(wrong_type(consumer, 0, "number".to_owned(), name, found));
        };
        if typing.inferred.mixes_units {
            let [consumer, _] = names();
            self.mixed_units.push(consumer);
        }
        let id = self.builder.expand(factor.template(), &typing.nodes, parameters, input);
        self.add(id, typing.inferred.output);
        Ok(())
    }

    /// Reads off what the terminal node is given.
    fn positions(&mut self, step: &Step) -> Result<(), GraphError> {
        const PURPOSES: [Purpose; Role::ALL.len()] = [Purpose::Score, Purpose::Entry, Purpose::Exit, Purpose::Group];
        let filled = step.inputs.iter().take(Role::ALL.len()).filter(|&&input| input != Step::EMPTY).count();
        if filled != step.edges as usize {
            let consumer = self.graph.describe(step.index);
            return Err(GraphError::WrongArity { consumer, expected: Role::ALL.len(), found: step.edges as usize });
        }
        for ((role, purpose), &input) in Role::ALL.into_iter().zip(PURPOSES).zip(&step.inputs) {
            if input == Step::EMPTY {
                continue;
            }
            let Value { id, output } = self.values[input as usize];
            let (fits, expected) = match role {
                Role::Score => (output.is_number(), "number"),
                Role::Entry | Role::Exit => (output == Type::Flag, "flag"),
                Role::Group => (output == Type::Group, "group"),
            };
            if !fits {
                return Err(wrong_type(role.name().to_owned(), 0, expected.to_owned(), self.describe(input), output));
            }
            self.outputs.push((purpose, id));
        }
        // Whatever stands on a terminal node is refused, so nobody asks for its instruction.
        self.add(NodeId(0), Type::Positions);
        Ok(())
    }

    /// Adds what the graph does not hold.
    fn extra(&mut self, extra: Extra) -> Result<(), GraphError> {
        static CLOSE: LazyLock<Arc<str>> = LazyLock::new(|| Arc::from("close"));
        let (factor, price) = (extra.factor(), Type::Number(Unit::PRICE));
        let close = self.builder.field(&CLOSE, price);
        self.add(close, price);
        let names = || [factor.definition().name, "close"].map(str::to_owned);
        self.library(factor, &Parameters::new(&[f64::from(extra.window)]), self.values.len() - 1, names)?;
        self.outputs.extend(self.values.last().map(|value| (extra.purpose, value.id)));
        Ok(())
    }

    /// Places of a node's inputs, checked for number: every slot taken exactly once.
    fn inputs<'s>(&self, step: &'s Step, expected: usize) -> Result<&'s [u16], GraphError> {
        let inputs = &step.inputs[..expected];
        if step.edges as usize != expected || inputs.contains(&Step::EMPTY) {
            let consumer = self.graph.describe(step.index);
            return Err(GraphError::WrongArity { consumer, expected, found: step.edges as usize });
        }
        Ok(inputs)
    }

    /// Name of the node at a place.
    fn describe(&self, place: u16) -> String {
        self.graph.describe(self.steps[place as usize].index)
    }
}

fn wrong_type(consumer: String, slot: usize, expected: String, input: String, found: Type) -> GraphError {
    GraphError::WrongType { consumer, argument: slot + 1, expected, input, found: found.to_string() }
}
