//! Operators of your own: declared and registered when a program starts, and from then on as good as any other.

use std::sync::{Mutex, OnceLock, PoisonError};

use super::{Operator, fnv, why_absent};
use crate::error::RegisterError;
use crate::library::LibraryFactor;
use crate::operator::{
    Definition, Family, Lookback, MAX_INPUTS, MAX_PARAMETERS, MIN_PERIODS, Memory, ParameterKind, Parameters,
    Reference, Syntax,
};
use crate::schema::is_name;

/// Most operators that a program can register.
const MOST: usize = 256;

/// An operator of your own.
///
/// It states what every operator states, its [`Definition`], with a slow reference that says in the plainest way what
/// its values are; and a kernel that computes them bar by bar. `engine::conformance::check` holds one against the
/// other on data made to hurt, and shows that nothing looks ahead or further back than declared. The example
/// `custom_operator` walks through one.
///
/// After [`register`] it can be written in expressions and strategy files, is compiled, shared, printed and
/// documented, and drawn by variation where its definition says `generated`.
pub trait CustomOperator: Send + Sync + 'static {
    /// What it declares.
    fn definition(&self) -> Definition;

    /// What computes it, for these parameters. Of the same kind, [`Kernel::Row`] or not, for all of them.
    fn kernel(&self, parameters: &Parameters) -> Kernel;
}

/// A kernel that sees the inputs of one symbol at one bar.
pub type CellFunction = dyn Fn(&[f64]) -> f64 + Send + Sync;
/// A kernel that sees the last rows of each input, oldest first.
pub type WindowFunction = dyn Fn(&[&[f64]]) -> f64 + Send + Sync;
/// A kernel that sees what was kept of one symbol, which it may change, and the inputs of a bar.
pub type CarryFunction = dyn Fn(&mut [f64], &[f64]) -> f64 + Send + Sync;
/// A kernel that sees each input's row, `[symbols]`, and writes one.
pub type RowFunction = dyn Fn(&[&[f64]], &mut [f64]) + Send + Sync;

/// How a custom operator computes. What it gives that is not finite becomes NaN.
pub enum Kernel {
    /// From the inputs at the bar.
    Cell(Box<CellFunction>),
    /// From the last rows of one symbol, as many as the look-back says and the current one, NaN where a value is
    /// missing. Not called, and NaN, while the panel has fewer.
    Window(Box<WindowFunction>),
    /// From what is kept from bar to bar of one symbol.
    Carry {
        /// What is kept before the first bar.
        start: Vec<f64>,
        /// The value of a bar, and what is kept after it.
        next: Box<CarryFunction>,
    },
    /// From the rows of all symbols. Inputs are NaN for symbols outside the universe, and stay so whatever is
    /// written for them; what is not written is NaN.
    Row(Box<RowFunction>),
}

impl std::fmt::Debug for Kernel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Kernel::Cell(_) => "Cell",
            Kernel::Window(_) => "Window",
            Kernel::Carry { .. } => "Carry",
            Kernel::Row(_) => "Row",
        })
    }
}

/// The place of a registered operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CustomId(u16);

struct Registered {
    definition: Definition,
    code: u64,
    operator: Box<dyn CustomOperator>,
}

/// Filled from the front, and never emptied: definitions are borrowed for ever.
static REGISTERED: [OnceLock<Registered>; MOST] = [const { OnceLock::new() }; MOST];

impl CustomId {
    fn registered(self) -> &'static Registered {
        REGISTERED[self.0 as usize].get().expect("an identifier is made when its place is filled")
    }

    pub(super) fn definition(self) -> &'static Definition {
        &self.registered().definition
    }

    pub(super) fn code(self) -> u64 {
        self.registered().code
    }

    /// What computes the operator, for these parameters.
    ///
    /// # Panics
    /// When the kernel compares symbols and the reference does not, or the other way round.
    pub fn kernel(self, parameters: &Parameters) -> Kernel {
        let Registered { definition, operator, .. } = self.registered();
        let kernel = operator.kernel(parameters);
        let agrees = matches!(kernel, Kernel::Row(_)) == definition.reference.compares_symbols();
        assert!(agrees, "`{}` has a kernel of another kind for {:?}", definition.name, parameters.as_slice());
        kernel
    }
}

/// The registered operators, in the order of their names: the order of registration may reach no result.
pub(super) fn in_order() -> Vec<Operator> {
    let mut operators: Vec<Operator> = all().collect();
    operators.sort_unstable_by_key(|operator| operator.definition().name);
    operators
}

fn all() -> impl Iterator<Item = Operator> {
    let places = REGISTERED.iter().zip(0..);
    places.take_while(|(place, _)| place.get().is_some()).map(|(_, index)| Operator::Custom(CustomId(index)))
}

pub(super) fn by_name(name: &str) -> Option<Operator> {
    all().find(|operator| {
        let definition = operator.definition();
        definition.name == name || definition.aliases.contains(&name)
    })
}

/// Adds an operator to the vocabulary of this program, for as long as it runs. Do so first of all, before anything is
/// parsed or drawn. Hashes follow from names, so that programs that register the same operators agree.
///
/// # Errors
/// When its name is taken, or the definition contradicts itself: the message says what to change.
pub fn register(operator: impl CustomOperator) -> Result<Operator, RegisterError> {
    static REGISTERING: Mutex<()> = Mutex::new(());
    // What a panic elsewhere left half done is the place it would have filled, which is still free.
    let _one_at_a_time = REGISTERING.lock().unwrap_or_else(PoisonError::into_inner);
    let definition = operator.definition();
    for name in std::iter::once(&definition.name).chain(definition.aliases) {
        check_name(name)?;
    }
    check(&definition, &operator)
        .map_err(|reason| RegisterError::Definition { operator: definition.name.to_owned(), reason })?;
    let code = fnv(definition.name.as_bytes());
    let index = all().count();
    let place = REGISTERED.get(index).ok_or(RegisterError::Full { most: MOST })?;
    let _ = place.set(Registered { definition, code, operator: Box::new(operator) });
    Ok(Operator::Custom(CustomId(index as u16)))
}

fn check_name(name: &str) -> Result<(), RegisterError> {
    if !is_name(name) {
        return Err(RegisterError::Name(name.to_owned()));
    }
    let taken = Operator::by_name(name).is_some() || LibraryFactor::by_name(name).is_some();
    if taken || why_absent(name).is_some() { Err(RegisterError::Taken(name.to_owned())) } else { Ok(()) }
}

/// # Errors
/// What contradicts what, or is missing.
fn check(definition: &Definition, operator: &dyn CustomOperator) -> Result<(), String> {
    let Definition { inputs, parameters, aliases, .. } = *definition;
    let refuse = |reason: &str| Err(reason.to_owned());
    for (what, text) in [
        ("summary", definition.summary),
        ("formula", definition.formula),
        ("missing", definition.missing),
        ("example", definition.example),
    ] {
        if text.is_empty() {
            return Err(format!("it says nothing under `{what}`"));
        }
    }
    if definition.syntax != Syntax::Function {
        return refuse("its `syntax` must be `Function`");
    }
    if aliases.iter().enumerate().any(|(at, alias)| *alias == definition.name || aliases[..at].contains(alias)) {
        return refuse("one of its names stands twice");
    }
    if inputs.is_empty() || inputs.len() > MAX_INPUTS {
        return Err(format!("it has {} inputs; 1 to {MAX_INPUTS} can be", inputs.len()));
    }
    if definition.commutative && (inputs.len() < 2 || inputs[0] != inputs[1]) {
        return refuse("`commutative` needs two first inputs of one kind");
    }
    check_parameters(definition)?;
    let of_row = matches!(definition.family, Family::CrossSection | Family::Group);
    if of_row != definition.reference.compares_symbols() {
        return refuse("a `family` that compares symbols needs a `Reference::Row`, any other a `Cell` or `Series`");
    }
    if matches!(definition.reference, Reference::Panel(_)) {
        return refuse("a `Reference::Panel` has no kernel to go with it: compare symbols with a `Reference::Row`");
    }
    let usual: Vec<f64> = parameters.iter().map(|parameter| parameter.usual.0).collect();
    let finite = definition.memory == Memory::Finite;
    match (operator.kernel(&Parameters::new(&usual)), definition.reference) {
        (Kernel::Row(_), Reference::Row(_)) | (Kernel::Cell(_), Reference::Cell(_)) => {
            if definition.lookback != Lookback::None || !finite {
                return refuse("what sees one bar has `Lookback::None` and `Memory::Finite`");
            }
        }
        (Kernel::Window(_), Reference::Series(_)) if !finite => {
            return refuse("what sees a window has `Memory::Finite`");
        }
        (Kernel::Window(_) | Kernel::Carry { .. }, Reference::Series(_)) => {}
        (kernel, _) => {
            return Err(format!(
                "a `Kernel::{kernel:?}` goes with another reference: `Row` with `Row`, `Cell` with `Cell`, `Window` and \
                 `Carry` with `Series`"
            ));
        }
    }
    Ok(())
}

fn check_parameters(definition: &Definition) -> Result<(), String> {
    let parameters = definition.parameters;
    if parameters.len() > MAX_PARAMETERS {
        return Err(format!("it has {} parameters; at most {MAX_PARAMETERS} can be", parameters.len()));
    }
    for (at, parameter) in parameters.iter().enumerate() {
        let name = parameter.name;
        if !is_name(name) || parameters[..at].iter().any(|earlier| earlier.name == name) {
            return Err(format!("parameter `{name}` needs a name of its own, of letters, digits and _"));
        }
        if name == MIN_PERIODS {
            return Err(format!("parameter `{name}` has a meaning for windows of ours: give it another name"));
        }
        if parameter.default.is_none() && (parameter.option || at > 0 && parameters[at - 1].default.is_some()) {
            return Err(format!("parameter `{name}` needs a default: it is an option, or stands after one that has"));
        }
        if at > 0 && parameters[at - 1].option && !parameter.option {
            return Err(format!("parameter `{name}` must stand before the options"));
        }
        for value in [parameter.usual.0, parameter.usual.1].into_iter().chain(parameter.default) {
            parameter.check(value)?;
        }
    }
    let is_rows =
        |index: usize| parameters.get(index).is_some_and(|one| matches!(one.kind, ParameterKind::Rows { .. }));
    if let Lookback::Lag(index) | Lookback::Window(index) = definition.lookback
        && !is_rows(index)
    {
        return Err(format!("its look-back is parameter {index}, which must be there and count `Rows`"));
    }
    let remembers_by = match definition.memory {
        Memory::Finite | Memory::Unbounded => 0,
        Memory::Span | Memory::Wilder => 1,
        Memory::Share => 2,
        Memory::Kaufman => 3,
    };
    if parameters.len() < remembers_by {
        return Err(format!("its memory follows from {remembers_by} parameters, but it has {}", parameters.len()));
    }
    Ok(())
}
