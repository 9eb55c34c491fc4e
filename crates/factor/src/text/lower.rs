//! Syntax tree to typed nodes: names are resolved, arguments counted, types and parameters checked, each error at
//! its column.

use std::collections::HashMap;
use std::sync::Arc;

use super::NamedFactors;
use super::grammar::Grammar;
use super::parser::{Ast, AstKind, CallOption, parse};
use crate::dialect::meaning;
use crate::error::{ParseError, nearest};
use crate::graph::NodeIndex;
use crate::library::LibraryFactor;
use crate::operator::{
    Inferred, MAX_INPUTS, MAX_PARAMETERS, Output, Parameter, ParameterKind, Parameters, Port, infer,
};
use crate::registry::{Operator, why_absent};
use crate::schema::Schema;
use crate::types::Type;

/// A checked node; inputs are earlier entries of the same list.
#[derive(Debug, Clone)]
pub(crate) struct Lowered {
    pub(crate) kind: LoweredKind,
    pub(crate) output: Type,
    inputs: [u16; MAX_INPUTS],
    count: u8,
}

impl Lowered {
    pub(crate) fn inputs(&self) -> &[u16] {
        &self.inputs[..self.count as usize]
    }
}

/// Which template parameter stands in a literal's place; `None` where the literal does.
pub(crate) type Bound = [Option<u8>; MAX_PARAMETERS];

#[derive(Debug, Clone)]
pub(crate) enum LoweredKind {
    /// `x` of a library factor's definition.
    Input,
    /// A parameter of a library factor's definition, used as a number.
    Parameter(u8),
    /// A factor defined elsewhere in the same graph.
    Named(NodeIndex),
    Field(Arc<str>, Type),
    Constant(f64),
    Operator(Operator, Parameters, Bound),
    Library(LibraryFactor, Parameters),
}

/// Reads an expression over columns and named factors. `text` is what it was read from: errors show it.
pub(crate) fn lower(tree: &Ast, text: &str, schema: &Schema, named: &NamedFactors) -> Result<Vec<Lowered>, ParseError> {
    Lowering { text, schema, named, template: None, nodes: Vec::new(), leaves: HashMap::new() }.run(tree)
}

/// Reads the definition of a library factor over `x`, columns and its parameters.
pub(crate) fn lower_template(text: &str, parameters: &'static [Parameter]) -> Result<Vec<Lowered>, ParseError> {
    let (schema, named) = (Schema::open(), NamedFactors::new());
    Lowering {
        text,
        schema: &schema,
        named: &named,
        template: Some(parameters),
        nodes: Vec::new(),
        leaves: HashMap::new(),
    }
    .run(&parse(text, Grammar::own())?)
}

struct Lowering<'a> {
    text: &'a str,
    schema: &'a Schema,
    named: &'a NamedFactors,
    template: Option<&'static [Parameter]>,
    nodes: Vec<Lowered>,
    /// Columns and names already lowered, so that `close / ts_delay(close, 1)` reads one column.
    leaves: HashMap<String, u16>,
}

impl Lowering<'_> {
    fn run(mut self, tree: &Ast) -> Result<Vec<Lowered>, ParseError> {
        let root = self.lower(tree)?;
        debug_assert_eq!(root as usize + 1, self.nodes.len(), "the value comes last");
        Ok(self.nodes)
    }

    fn error<T>(&self, offset: usize, message: impl Into<String>) -> Result<T, ParseError> {
        Err(ParseError { message: message.into(), offset, text: self.text.to_owned() })
    }

    fn push(&mut self, kind: LoweredKind, output: Type, inputs: &[u16]) -> u16 {
        let mut slots = [0; MAX_INPUTS];
        slots[..inputs.len()].copy_from_slice(inputs);
        self.nodes.push(Lowered { kind, output, inputs: slots, count: inputs.len() as u8 });
        (self.nodes.len() - 1) as u16
    }

    fn lower(&mut self, tree: &Ast) -> Result<u16, ParseError> {
        if self.nodes.len() >= crate::graph::MAX_NODES {
            return self.error(tree.offset, format!("the expression has more than {} nodes", crate::graph::MAX_NODES));
        }
        match &tree.kind {
            AstKind::Number(value) => Ok(self.push(LoweredKind::Constant(*value + 0.0), Type::Plain, &[])),
            AstKind::Name(name) => self.leaf(name, tree.offset),
            AstKind::Text(quoted) => self.error(tree.offset, format!("{quoted} is no value")),
            AstKind::Operation { operator, operands } => self.operator(*operator, operands, &[], tree.offset),
            AstKind::Call { name, arguments, options } => {
                if let Some(operator) = Operator::by_name(name) {
                    self.operator(operator, arguments, options, tree.offset)
                } else if let Some(factor) = LibraryFactor::by_name(name) {
                    self.library(factor, arguments, options, tree.offset)
                } else {
                    self.unknown_function(name, tree.offset)
                }
            }
        }
    }

    fn leaf(&mut self, name: &str, offset: usize) -> Result<u16, ParseError> {
        if let Some(&known) = self.leaves.get(name) {
            return Ok(known);
        }
        let parameter = self.template.and_then(|parameters| parameters.iter().position(|p| p.name == name));
        let index = if let Some(index) = parameter {
            self.push(LoweredKind::Parameter(index as u8), Type::Plain, &[])
        } else if self.template.is_some() && name == "x" {
            self.push(LoweredKind::Input, Type::Plain, &[])
        } else if let Some(&(index, kind)) = self.named.get(name) {
            self.push(LoweredKind::Named(index), kind, &[])
        } else if let Some((field, kind)) = self.schema.get(name) {
            self.push(LoweredKind::Field(field, kind), kind, &[])
        } else {
            return self.unknown_name(name, offset);
        };
        self.leaves.insert(name.to_owned(), index);
        Ok(index)
    }

    fn unknown_name<T>(&self, name: &str, offset: usize) -> Result<T, ParseError> {
        let factor = LibraryFactor::by_name(name).is_some();
        if factor && Schema::guess(name) != Type::Plain {
            return self.error(
                offset,
                format!("no column is called `{name}`; the function of that name is written `{name}(...)`"),
            );
        }
        if factor || Operator::by_name(name).is_some() {
            return self.error(
                offset,
                format!("`{name}` is a function: write `{name}(...)`; `evoquant ops {name}` explains it"),
            );
        }
        let known = self.schema.fields().map(|(field, _)| &**field).chain(self.named.keys().map(String::as_str));
        let mut names: Vec<&str> = known.collect();
        names.sort_unstable();
        let hint = match nearest(name, names.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("there are {}", names.join(", ")),
        };
        self.error(offset, format!("no column or factor is called `{name}`; {hint}"))
    }

    fn unknown_function<T>(&self, name: &str, offset: usize) -> Result<T, ParseError> {
        if let Some(reason) = why_absent(name) {
            return self.error(offset, format!("`{name}` is left out: {reason}"));
        }
        if let Some((dialect, ours)) = meaning(name, None) {
            return self.error(offset, format!("`{name}` of {dialect} is `{ours}` here; or use --dialect {dialect}"));
        }
        let names = Operator::all()
            .flat_map(|operator| {
                std::iter::once(operator.definition().name).chain(operator.definition().aliases.iter().copied())
            })
            .chain(LibraryFactor::all().map(|factor| factor.definition().name));
        let hint = match nearest(name, names) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "`evoquant ops` lists all there are".to_owned(),
        };
        self.error(offset, format!("no operator or library factor is called `{name}`; {hint}"))
    }

    fn operator(
        &mut self,
        operator: Operator,
        arguments: &[Ast],
        options: &[CallOption],
        offset: usize,
    ) -> Result<u16, ParseError> {
        let definition = operator.definition();
        let ports = definition.inputs;
        let positional = definition.parameters.iter().filter(|p| !p.option).count();
        let given = |name: &str| options.iter().any(|option| option.name == name);
        let required = definition.parameters.iter().filter(|p| p.default.is_none() && !given(p.name)).count();
        // min and max take any number of arguments and nest: max(a, b, c) is max(max(a, b), c).
        let nests = matches!(operator, Operator::Min | Operator::Max);
        if arguments.len() < ports.len() + required || (!nests && arguments.len() > ports.len() + positional) {
            return self.error(
                offset,
                format!(
                    "`{}` takes {}, not {}: {}",
                    definition.name,
                    count_words(ports.len() + required, ports.len() + positional),
                    arguments.len(),
                    definition.signature()
                ),
            );
        }
        let (inputs, literals) = if nests { (arguments, &[][..]) } else { arguments.split_at(ports.len()) };
        let mut indices = Vec::with_capacity(inputs.len());
        for argument in inputs {
            indices.push(self.lower(argument)?);
        }
        let (parameters, bound) = self.parameters(definition.name, definition.parameters, literals, options, offset)?;
        // Parameters that a template binds are checked once they are known, when it is compiled.
        if bound.iter().all(Option::is_none)
            && let Err(message) = definition.check(&parameters)
        {
            return self.error(options.last().map_or(offset, |option| option.offset), message);
        }
        let offsets: Vec<usize> = inputs.iter().map(|argument| argument.offset).collect();
        let mut result = self.apply(operator, parameters, bound, &indices[..ports.len()], &offsets)?;
        for last in ports.len()..indices.len() {
            result = self.apply(operator, parameters, bound, &[result, indices[last]], &offsets[..=last])?;
        }
        Ok(result)
    }

    fn apply(
        &mut self,
        operator: Operator,
        parameters: Parameters,
        bound: Bound,
        inputs: &[u16],
        offsets: &[usize],
    ) -> Result<u16, ParseError> {
        let definition = operator.definition();
        let inferred = self.infer(definition.name, definition.inputs, definition.output, inputs, offsets)?;
        Ok(self.push(LoweredKind::Operator(operator, parameters, bound), inferred.output, inputs))
    }

    /// `offsets` says where the arguments stand. An operator that nests has more of them than inputs: its last input is
    /// the last argument.
    fn infer(
        &self,
        name: &str,
        ports: &[Port],
        output: Output,
        inputs: &[u16],
        offsets: &[usize],
    ) -> Result<Inferred, ParseError> {
        let types: Vec<Type> = inputs.iter().map(|&index| self.nodes[index as usize].output).collect();
        infer(ports, output, &types).or_else(|index| {
            let hint = match (ports[index], types[index]) {
                (Port::U | Port::V | Port::Ratio, Type::Flag) => "; num(...) makes a number of a flag",
                (Port::Flag, Type::Number(_) | Type::Plain) => "; compare it with something, as in `x > 0`",
                _ => "",
            };
            let argument = if index + 1 == inputs.len() { offsets.len() } else { index + 1 };
            self.error(
                offsets[argument - 1],
                format!("`{name}` needs a {} as argument {argument}, not a {}{hint}", ports[index], types[index]),
            )
        })
    }

    fn library(
        &mut self,
        factor: LibraryFactor,
        arguments: &[Ast],
        options: &[CallOption],
        offset: usize,
    ) -> Result<u16, ParseError> {
        let definition = factor.definition();
        if self.template.is_some() {
            return self.error(offset, "library definitions are written in operators");
        }
        let series = arguments.first().filter(|argument| !matches!(argument.kind, AstKind::Number(_)));
        let literals = if series.is_some() { &arguments[1..] } else { arguments };
        if literals.len() > definition.parameters.len() {
            return self.error(
                offset,
                format!(
                    "`{}` takes {}, not {}: {}",
                    definition.name,
                    match definition.parameters.len() {
                        0 => "no parameter".to_owned(),
                        1 => "at most 1 parameter".to_owned(),
                        most => format!("at most {most} parameters"),
                    },
                    literals.len(),
                    definition.signature()
                ),
            );
        }
        if let Some(column) = factor.missing_column(self.schema) {
            return self
                .error(offset, format!("`{}` reads the column `{column}`, which this panel lacks", definition.name));
        }
        let input = match series {
            Some(argument) => self.lower(argument)?,
            None => self.leaf(definition.input, offset)?,
        };
        let (parameters, _) = self.parameters(definition.name, definition.parameters, literals, options, offset)?;
        if let Err(message) = definition.check(&parameters) {
            return self.error(offset, message);
        }
        let at = series.map_or(offset, |argument| argument.offset);
        self.infer(definition.name, &[Port::U], definition.output, &[input], &[at])?;
        let found = factor.infer(self.nodes[input as usize].output);
        let output = found.map_or(definition.output.resolve(None, None), |inferred| inferred.output);
        Ok(self.push(LoweredKind::Library(factor, parameters), output, &[input]))
    }

    /// Literal arguments and options to parameters, in the order of the definition.
    fn parameters(
        &self,
        name: &str,
        definitions: &[Parameter],
        literals: &[Ast],
        options: &[CallOption],
        offset: usize,
    ) -> Result<(Parameters, Bound), ParseError> {
        for (place, CallOption { name: option, offset, .. }) in options.iter().enumerate() {
            if options[..place].iter().any(|earlier| earlier.name == *option) {
                return self.error(*offset, format!("`{option}` is given twice"));
            }
            if !definitions.iter().any(|parameter| parameter.name == option) {
                let names: Vec<&str> = definitions.iter().map(|p| p.name).collect();
                let known = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
                return self.error(*offset, format!("`{name}` has no option `{option}`; it has {known}"));
            }
        }
        let mut parameters = Parameters::NONE;
        let mut bound: Bound = [None; MAX_PARAMETERS];
        let mut literals = literals.iter();
        for (index, parameter) in definitions.iter().enumerate() {
            let literal = if parameter.option { None } else { literals.next() };
            let option = options.iter().find(|option| option.name == parameter.name);
            if let (Some(_), Some(option)) = (literal, option) {
                return self.error(option.offset, format!("`{}` is given twice", parameter.name));
            }
            let (value, at) = match (literal, option) {
                (Some(Ast { kind: AstKind::Number(value), offset, .. }), _) => (*value, *offset),
                (Some(Ast { kind: AstKind::Name(word), offset, .. }), _) if self.template_parameter(word).is_some() => {
                    bound[index] = self.template_parameter(word);
                    (parameter.usual.0, *offset)
                }
                (Some(other), _) => {
                    return self
                        .error(other.offset, format!("`{}` of `{name}` must be a literal number", parameter.name));
                }
                (None, Some(option)) => (self.option_value(parameter, option)?, option.offset),
                (None, None) => match parameter.default {
                    Some(default) => (default, offset),
                    None => return self.error(offset, format!("`{name}` needs `{}`", parameter.name)),
                },
            };
            if let Err(message) = parameter.check(value) {
                return self.error(at, message);
            }
            parameters.push(value);
        }
        Ok((parameters, bound))
    }

    fn option_value(&self, parameter: &Parameter, option: &CallOption) -> Result<f64, ParseError> {
        let at = option.value_offset;
        match (&option.value.kind, parameter.kind) {
            (AstKind::Name(word), ParameterKind::Choice { words }) => {
                let Some(value) = parameter.value_of(word) else {
                    let message = format!("`{}` must be one of {}, not `{word}`", option.name, words.join(", "));
                    return self.error(at, message);
                };
                Ok(value)
            }
            (AstKind::Number(_), ParameterKind::Choice { words }) => {
                self.error(at, format!("`{}` must be one of {}", option.name, words.join(", ")))
            }
            (AstKind::Number(value), _) => Ok(*value),
            (AstKind::Name(_), _) => self.error(at, format!("option `{}` takes a literal number", option.name)),
            _ => self.error(at, format!("option `{}` takes a literal number or a word", option.name)),
        }
    }

    fn template_parameter(&self, word: &str) -> Option<u8> {
        self.template?.iter().position(|parameter| parameter.name == word).map(|index| index as u8)
    }
}

fn count_words(least: usize, most: usize) -> String {
    match (least, most) {
        (1, 1) => "1 argument".to_owned(),
        _ if least == most => format!("{least} arguments"),
        _ => format!("{least} to {most} arguments"),
    }
}
