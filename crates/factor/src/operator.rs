//! What an operator declares: signature, parameters, look-back, meaning. The table itself is in [`crate::registry`].

use serde::{Deserialize, Serialize};

use crate::types::{Type, Unit};

/// Most inputs an operator can have.
pub const MAX_INPUTS: usize = 4;
/// Most literal parameters an operator or library factor can have.
pub const MAX_PARAMETERS: usize = 3;
/// Longest window a literal may ask for, in rows.
pub const MAX_WINDOW: u32 = 2520;
/// The option of windows that need not be full. Where an operator has it, it is the last parameter.
pub(crate) const MIN_PERIODS: &str = "min_periods";

/// The literal parameters of one node, in the order of its definition.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Parameters {
    values: [f64; MAX_PARAMETERS],
    count: usize,
}

impl Parameters {
    /// No parameters.
    pub const NONE: Parameters = Parameters { values: [0.0; MAX_PARAMETERS], count: 0 };

    /// Parameters from a slice of at most [`MAX_PARAMETERS`] values.
    pub fn new(values: &[f64]) -> Self {
        let mut parameters = Self::NONE;
        for &value in values {
            parameters.push(value);
        }
        parameters
    }

    /// Appends a value; -0.0 becomes 0.0, so that equal parameters have equal bits.
    pub fn push(&mut self, value: f64) {
        self.values[self.count] = value + 0.0;
        self.count += 1;
    }

    /// The values.
    pub fn as_slice(&self) -> &[f64] {
        &self.values[..self.count]
    }

    /// The values, to be changed in place.
    pub fn as_mut_slice(&mut self) -> &mut [f64] {
        &mut self.values[..self.count]
    }

    /// Parameter `index` as a count of rows.
    pub fn rows(&self, index: usize) -> usize {
        self.values[index] as usize
    }

    /// Parameter `index`.
    pub fn real(&self, index: usize) -> f64 {
        self.values[index]
    }

    /// The last parameter as a count of rows; 0 where there is none.
    pub(crate) fn last_rows(&self) -> usize {
        self.as_slice().last().map_or(0, |&value| value as usize)
    }
}

/// What an input accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Port {
    /// A number of any unit, which other ports and the output may refer to as `u`.
    U,
    /// A second number of any unit, `v`.
    V,
    /// A number without a unit.
    Ratio,
    /// True, false or unknown.
    Flag,
    /// A label.
    Group,
}

impl std::fmt::Display for Port {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Port::U | Port::V => "number",
            Port::Ratio => "number without a unit",
            Port::Flag => "flag",
            Port::Group => "group",
        })
    }
}

/// What an output is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// A number of unit `u^(u/2) * v^(v/2)`.
    Number {
        /// Twice the exponent of `u`.
        u: i8,
        /// Twice the exponent of `v`.
        v: i8,
    },
    /// A number of this unit, whatever the inputs.
    Fixed(Unit),
    /// True, false or unknown.
    Flag,
    /// A label.
    Group,
}

impl Output {
    /// The unit of the first input.
    pub const SAME: Output = Output::Number { u: 2, v: 0 };
    /// No unit.
    pub const RATIO: Output = Output::Number { u: 0, v: 0 };

    /// The type, given the units that `u` and `v` stand for. A product with a plain number keeps the other's unit.
    pub fn resolve(self, u: Option<Unit>, v: Option<Unit>) -> Type {
        match self {
            Output::Flag => Type::Flag,
            Output::Group => Type::Group,
            Output::Fixed(unit) => Type::Number(unit),
            Output::Number { u: 0, v: 0 } => Type::RATIO,
            Output::Number { u: of_u, v: of_v } => {
                let part =
                    |unit: Option<Unit>, halves: i8| if halves == 0 { None } else { unit.map(|x| x.power(halves)) };
                match (part(u, of_u), part(v, of_v)) {
                    (None, None) => Type::Plain,
                    (Some(unit), None) | (None, Some(unit)) => Type::Number(unit),
                    (Some(left), Some(right)) => Type::Number(left.times(right)),
                }
            }
        }
    }
}

/// A literal parameter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Parameter {
    /// Name: the word in documentation, and the keyword where it is an option.
    pub name: &'static str,
    /// What it counts.
    pub kind: ParameterKind,
    /// Value where the text gives none; `None` when it must be given.
    pub default: Option<f64>,
    /// Given by name only (`ddof=0`), and never touched by variation.
    pub option: bool,
    /// Range that variation keeps to.
    pub usual: (f64, f64),
}

/// What a parameter counts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ParameterKind {
    /// Whole rows, from `least` to [`MAX_WINDOW`].
    Rows {
        /// Smallest value that has a meaning.
        least: u32,
    },
    /// A whole number between two bounds.
    Whole {
        /// Smallest value.
        least: i32,
        /// Largest value.
        most: i32,
    },
    /// A real number between two bounds.
    Real {
        /// Smallest value.
        least: f64,
        /// Largest value.
        most: f64,
    },
    /// One of some words; the value is its place among them, from 0.
    Choice {
        /// The words.
        words: &'static [&'static str],
    },
}

impl Parameter {
    /// Whether `value` may stand here.
    ///
    /// # Errors
    /// The words that say what may.
    pub fn check(&self, value: f64) -> Result<(), String> {
        let (least, most, whole) = match self.kind {
            ParameterKind::Rows { least } => (f64::from(least), f64::from(MAX_WINDOW), true),
            ParameterKind::Whole { least, most } => (f64::from(least), f64::from(most), true),
            ParameterKind::Real { least, most } => (least, most, false),
            ParameterKind::Choice { words } => (0.0, words.len() as f64 - 1.0, true),
        };
        let in_range = value >= least && value <= most;
        if !in_range || (whole && f64::from(value as i32) != value) {
            if let ParameterKind::Choice { words } = self.kind {
                return Err(format!("`{}` must be one of {}", self.name, words.join(", ")));
            }
            let noun = if whole { "a whole number" } else { "a number" };
            return Err(format!("`{}` must be {noun} from {least} to {most}, not {value}", self.name));
        }
        Ok(())
    }

    /// The value that a word stands for.
    pub fn value_of(&self, word: &str) -> Option<f64> {
        match self.kind {
            ParameterKind::Choice { words } => words.iter().position(|known| *known == word).map(|place| place as f64),
            _ => None,
        }
    }

    /// The word that a value stands for.
    pub fn word_of(&self, value: f64) -> Option<&'static str> {
        match self.kind {
            ParameterKind::Choice { words } => words.get(value as usize).copied(),
            _ => None,
        }
    }

    /// A value as text writes it.
    pub fn text_of(&self, value: f64) -> String {
        self.word_of(value).map_or_else(|| crate::text::print_number(value), str::to_owned)
    }

    /// Whether values are whole numbers.
    pub fn is_whole(&self) -> bool {
        !matches!(self.kind, ParameterKind::Real { .. })
    }
}

/// Earlier rows an operator itself needs, before those its inputs need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lookback {
    /// Only the current row.
    None,
    /// A fixed number of rows.
    Fixed(u32),
    /// Parameter `index` rows: a lag.
    Lag(usize),
    /// Parameter `index` less one: a window that includes the current row.
    Window(usize),
}

impl Lookback {
    /// The number of earlier rows, given the parameters.
    pub fn rows(self, parameters: &Parameters) -> u32 {
        match self {
            Lookback::None => 0,
            Lookback::Fixed(rows) => rows,
            Lookback::Lag(index) => parameters.rows(index) as u32,
            Lookback::Window(index) => (parameters.rows(index) as u32).saturating_sub(1),
        }
    }
}

/// How long a value is remembered beyond the look-back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Memory {
    /// Not at all: rows older than the look-back change nothing, bit for bit.
    Finite,
    /// An exponential average: after these rows an old value weighs less than 1e-12. `alpha` is 2/(d+1).
    Span,
    /// Wilder's average, `alpha` 1/d.
    Wilder,
    /// An exponential average, `alpha` k/d.
    Share,
    /// Kaufman's average at its slowest, `alpha` (2/(slow+1))^2.
    Kaufman,
    /// For ever: what comes out depends on where the panel starts.
    Unbounded,
}

impl Memory {
    /// Rows after which an old value weighs less than 1e-12.
    pub fn rows(self, parameters: &Parameters) -> u32 {
        let alpha = match self {
            Memory::Finite => return 0,
            Memory::Unbounded => return u32::MAX,
            Memory::Span => 2.0 / (parameters.real(0) + 1.0),
            Memory::Wilder => 1.0 / parameters.real(0),
            Memory::Share => parameters.real(1) / parameters.real(0),
            Memory::Kaufman => (2.0 / (parameters.real(2) + 1.0)).powi(2),
        };
        if alpha >= 1.0 { 0 } else { (libm::log(1e-12) / libm::log1p(-alpha)).ceil() as u32 }
    }
}

/// Where an operator belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// Sums, products, functions of one cell.
    Arithmetic,
    /// Comparisons and three-valued logic.
    Logic,
    /// One symbol's past.
    TimeSeries,
    /// One row, all members of the universe.
    CrossSection,
    /// One row, within groups.
    Group,
}

impl std::fmt::Display for Family {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Family::Arithmetic => "arithmetic",
            Family::Logic => "comparison and logic",
            Family::TimeSeries => "time series",
            Family::CrossSection => "cross-section",
            Family::Group => "group",
        })
    }
}

/// How the operator is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Syntax {
    /// `name(x, y)`.
    Function,
    /// `x symbol y`; a higher precedence binds tighter.
    Infix(&'static str, u8),
    /// `symbol x`.
    Prefix(&'static str, u8),
}

/// Rows of a panel up to the current one.
pub type PanelRows<'a> = &'a [Vec<f64>];

/// The slow, obvious definition of the values, against which kernels are tested.
///
/// Results that are not finite count as NaN, as everywhere.
#[derive(Debug, Clone, Copy)]
pub enum Reference {
    /// One cell from its inputs.
    Cell(fn(&[f64], &Parameters) -> f64),
    /// The last value of one symbol's series, given every input from row 0 to that row.
    Series(fn(&[&[f64]], &Parameters) -> f64),
    /// One row; inputs are NaN for symbols outside the universe.
    Row(fn(&[&[f64]], &Parameters) -> Vec<f64>),
    /// The last row, given every input's rows from row 0 to that one; inputs are NaN for symbols outside the universe.
    Panel(fn(&[PanelRows<'_>], &Parameters) -> Vec<f64>),
}

impl Reference {
    /// Whether values of one symbol depend on those of others.
    pub fn compares_symbols(&self) -> bool {
        matches!(self, Reference::Row(_) | Reference::Panel(_))
    }
}

/// The type that follows from the types of the inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inferred {
    /// Type of the output.
    pub output: Type,
    /// Units were mixed: allowed where a person wrote it, never generated.
    pub mixes_units: bool,
}

/// Checks input types against ports and derives the type of the output.
///
/// # Errors
/// The index of the first input whose type does not fit its port.
pub fn infer(ports: &[Port], output: Output, inputs: &[Type]) -> Result<Inferred, usize> {
    let (mut u, mut v) = (None, None);
    let mut mixes_units = false;
    for (index, (port, &found)) in ports.iter().zip(inputs).enumerate() {
        let fits = match port {
            Port::Flag => found == Type::Flag,
            Port::Group => found == Type::Group,
            Port::U | Port::V | Port::Ratio => found.is_number(),
        };
        if !fits {
            return Err(index);
        }
        let Type::Number(unit) = found else { continue };
        let bound = match port {
            Port::U => *u.get_or_insert(unit),
            Port::V => *v.get_or_insert(unit),
            Port::Ratio | Port::Flag | Port::Group => Unit::RATIO,
        };
        mixes_units |= bound != unit;
    }
    Ok(Inferred { output: output.resolve(u, v), mixes_units })
}

/// Everything the rest of the system knows of an operator.
#[derive(Debug, Clone, Copy)]
pub struct Definition {
    /// Name in expression text.
    pub name: &'static str,
    /// Other spellings that the parser takes.
    pub aliases: &'static [&'static str],
    /// How it is written.
    pub syntax: Syntax,
    /// Where it belongs.
    pub family: Family,
    /// What its inputs accept.
    pub inputs: &'static [Port],
    /// Its literal parameters.
    pub parameters: &'static [Parameter],
    /// What it gives.
    pub output: Output,
    /// Earlier rows needed.
    pub lookback: Lookback,
    /// How long it remembers beyond that.
    pub memory: Memory,
    /// Whether the first two inputs may change places.
    pub commutative: bool,
    /// Whether the random generator may use it.
    pub generated: bool,
    /// Rough cost, in tenths of a nanosecond a cell: for balancing work, never for results.
    pub cost: u32,
    /// One sentence.
    pub summary: &'static str,
    /// The exact definition.
    pub formula: &'static str,
    /// What happens to NaN and in degenerate cases.
    pub missing: &'static str,
    /// An expression that uses it.
    pub example: &'static str,
    /// The slow definition.
    pub reference: Reference,
}

impl Definition {
    /// What most operators share. A definition names what differs: `Definition { name: "..", ..Definition::BASE }`.
    pub const BASE: Definition = Definition {
        name: "",
        aliases: &[],
        syntax: Syntax::Function,
        family: Family::Arithmetic,
        inputs: &[Port::U],
        parameters: &[],
        output: Output::SAME,
        lookback: Lookback::None,
        memory: Memory::Finite,
        commutative: false,
        generated: true,
        cost: 3,
        summary: "",
        formula: "",
        missing: "NaN in, NaN out.",
        example: "",
        reference: Reference::Cell(|_, _| f64::NAN),
    };

    /// The type of the output for inputs of these types.
    ///
    /// # Errors
    /// The index of the first input whose type does not fit its port.
    pub fn infer(&self, inputs: &[Type]) -> Result<Inferred, usize> {
        infer(self.inputs, self.output, inputs)
    }

    /// Known rows with which the window is content, the others being left out; 0 where all of it must be known.
    pub fn min_periods(&self, parameters: &Parameters) -> usize {
        // Nearly always 0, which is the cheaper question.
        let least = parameters.last_rows();
        if least > 0 && self.parameters.last().is_some_and(|last| last.name == MIN_PERIODS) { least } else { 0 }
    }

    /// The parameters, without the option of a window that is content with all its rows: it must be full.
    pub(crate) fn canonical(&self, parameters: &Parameters) -> Parameters {
        let mut canonical = *parameters;
        let least = self.min_periods(parameters);
        if least > 0
            && least == parameters.rows(0)
            && let Some(least) = canonical.as_mut_slice().last_mut()
        {
            *least = 0.0;
        }
        canonical
    }

    /// Whether these parameters may stand; if not, the words that say what may.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn check(&self, parameters: &Parameters) -> Result<(), String> {
        if parameters.as_slice().len() != self.parameters.len() {
            return Err(format!("needs {} parameters", self.parameters.len()));
        }
        for (parameter, &value) in self.parameters.iter().zip(parameters.as_slice()) {
            parameter.check(value)?;
        }
        let least = self.min_periods(parameters);
        if least > 0 && least > parameters.rows(0) {
            let window = self.parameters[0].name;
            return Err(format!("`{MIN_PERIODS}` must be at most `{window}`, not {least} of {}", parameters.rows(0)));
        }
        Ok(())
    }

    /// The signature as documentation prints it: `ts_std(x: u, d; ddof=1) -> u`.
    pub fn signature(&self) -> String {
        const NAMES: [&str; MAX_INPUTS] = ["x", "y", "z", "w"];
        let mut words: Vec<String> = Vec::new();
        for (index, port) in self.inputs.iter().enumerate() {
            let (name, kind) = match port {
                Port::U => (NAMES[index], "u"),
                Port::V => (NAMES[index], "v"),
                Port::Ratio => (NAMES[index], "ratio"),
                Port::Flag => (["f", "g", "h", "i"][index], "flag"),
                Port::Group => (if self.inputs[..index].contains(&Port::Group) { "h" } else { "g" }, "group"),
            };
            words.push(format!("{name}: {kind}"));
        }
        for parameter in self.parameters {
            words.push(match parameter.default {
                None => parameter.name.to_owned(),
                Some(default) => format!("{}={}", parameter.name, parameter.text_of(default)),
            });
        }
        let output = match self.output {
            Output::Flag => "flag".to_owned(),
            Output::Group => "group".to_owned(),
            Output::Fixed(unit) => unit.to_string(),
            Output::Number { u: 0, v: 0 } => "ratio".to_owned(),
            Output::Number { u, v } => {
                let part = |name: &str, halves: i8| match halves {
                    0 => None,
                    2 => Some(name.to_owned()),
                    1 => Some(format!("{name}^0.5")),
                    _ => Some(format!("{name}^{}", halves / 2)),
                };
                [part("u", u), part("v", v)].into_iter().flatten().collect::<Vec<_>>().join("*")
            }
        };
        format!("{}({}) -> {output}", self.name, words.join(", "))
    }
}
