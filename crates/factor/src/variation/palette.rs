//! What variation may draw from, worked out once for a run: columns by type, and recipes by what they give.

use std::sync::Arc;

use super::draw::Draw;
use super::draw::{Weighted, log_uniform, log_uniform_rows, rounded, uniform};
use super::settings::VariationSettings;
use crate::error::StrategyError;
use crate::graph::{Kind, Node};
use crate::library::LibraryFactor;
use crate::operator::{Definition, Family, Output, Parameter, ParameterKind, Parameters, Port};
use crate::registry::Operator;
use crate::types::{Type, Unit};

/// A way to make a factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Recipe {
    /// An operator over whatever its ports need.
    Operator(Operator),
    /// A library factor over its own column.
    Library(LibraryFactor),
    /// A library factor over any series: its definition reads no other column.
    LibraryOver(LibraryFactor),
}

impl Recipe {
    /// Fewest nodes it takes, inputs included.
    pub(super) fn least_nodes(self) -> usize {
        let of_port = |port: &Port| match port {
            Port::U | Port::V | Port::Group => 1,
            Port::Ratio => 2,
            Port::Flag => 3,
        };
        match self {
            Recipe::Operator(operator) => 1 + operator.definition().inputs.iter().map(of_port).sum::<usize>(),
            Recipe::Library(_) | Recipe::LibraryOver(_) => 2,
        }
    }

    /// Whether it stands on so many inputs.
    pub(super) fn takes(self, inputs: usize) -> bool {
        match self {
            Recipe::Operator(operator) => operator.definition().inputs.len() == inputs,
            Recipe::Library(_) | Recipe::LibraryOver(_) => inputs == 1,
        }
    }

    fn output(self) -> Output {
        match self {
            Recipe::Operator(operator) => operator.definition().output,
            Recipe::Library(factor) | Recipe::LibraryOver(factor) => factor.definition().output,
        }
    }

    fn ports(self) -> &'static [Port] {
        match self {
            Recipe::Operator(operator) => operator.definition().inputs,
            Recipe::Library(_) => &[],
            Recipe::LibraryOver(_) => &[Port::U],
        }
    }
}

/// Recipes for one kind of output.
#[derive(Debug, Clone)]
pub(super) struct Recipes {
    /// All of them.
    pub(super) all: Weighted<Recipe>,
    /// Those that need no more than a column: one operator or library factor over it.
    pub(super) small: Weighted<Recipe>,
    /// Those that fit on an edge: unary and windowed operators.
    pub(super) after: Weighted<Recipe>,
}

impl Recipes {
    /// `output` is what a recipe must declare to be small: an average of a ratio gives a ratio too, but needs one.
    fn new(entries: &[(Recipe, u32)], output: Output) -> Self {
        let some =
            |keep: &dyn Fn(Recipe) -> bool| Weighted::new(entries.iter().copied().filter(|&(recipe, _)| keep(recipe)));
        let after = |recipe: Recipe| match recipe {
            Recipe::Operator(operator) => {
                let definition = operator.definition();
                definition.inputs.len() == 1
                    || matches!(definition.family, Family::TimeSeries | Family::CrossSection | Family::Group)
            }
            Recipe::Library(_) => false,
            Recipe::LibraryOver(_) => true,
        };
        Self {
            all: some(&|_| true),
            small: some(&|recipe| {
                recipe.ports().is_empty() || (recipe.ports() == [Port::U] && recipe.output() == output)
            }),
            after: some(&after),
        }
    }
}

/// What variation may draw from: the [`VariationSettings`] of a run, and tables that follow from them.
#[derive(Debug, Clone)]
pub struct Palette {
    settings: VariationSettings,
    /// Columns by type, in the order of the panel.
    columns: Vec<(Type, Vec<Arc<Node>>)>,
    /// Types of number that some column has.
    column_types: Weighted<Type>,
    /// The same, ratios, and what library factors give.
    number_types: Weighted<Type>,
    /// For each library factor, its own column, where it can be used here.
    own_column: Vec<Option<Arc<Node>>>,
    /// Library factors over their own column whose output is a number with a unit.
    with_unit: Vec<(Type, LibraryFactor)>,
    /// What gives a ratio.
    pub(super) ratio: Recipes,
    /// What gives a number of the type that it takes.
    pub(super) same: Recipes,
    /// What gives a flag.
    pub(super) flag: Recipes,
}

impl Palette {
    /// Works out the tables. Values of `settings` that are out of range are moved into it.
    ///
    /// # Errors
    /// When there is no numeric column to build factors from.
    pub fn new(settings: VariationSettings) -> Result<Self, StrategyError> {
        let settings = settings.in_range();
        let mut columns: Vec<(Type, Vec<Arc<Node>>)> = Vec::new();
        for (name, output) in settings.schema.fields() {
            let node = Arc::new(Node::new(Kind::Field(Arc::clone(name), output)));
            match columns.iter_mut().find(|(known, _)| *known == output) {
                Some((_, nodes)) => nodes.push(node),
                None => columns.push((output, vec![node])),
            }
        }
        let column_types = Weighted::new(
            columns.iter().filter(|(kind, _)| kind.is_number()).map(|&(kind, _)| (kind, type_weight(kind))),
        );
        if column_types.is_empty() {
            return Err(StrategyError::Value("the panel has no numeric column to build factors from".to_owned()));
        }
        let own_column: Vec<_> = LibraryFactor::all().map(|factor| own_column(factor, &settings, &columns)).collect();
        let own = |factor: LibraryFactor| {
            let node = own_column[factor.index()].as_ref()?;
            let Kind::Field(_, input) = node.kind else { return None };
            factor.infer(input).ok().filter(|inferred| !inferred.mixes_units).map(|inferred| inferred.output)
        };
        let grouped = columns.iter().any(|&(kind, _)| kind == Type::Group);
        let mut ratio = Vec::new();
        let mut same = Vec::new();
        let mut flag = Vec::new();
        for operator in Operator::all() {
            let definition = operator.definition();
            let compares_symbols = matches!(definition.family, Family::CrossSection | Family::Group);
            let usable = (definition.generated || settings.whole_vocabulary)
                && (!compares_symbols || settings.cross_section)
                && (definition.family != Family::Group || grouped);
            if usable {
                let recipe = Recipe::Operator(operator);
                match definition.output {
                    Output::Flag => flag.push((recipe, operator_weight(definition))),
                    // Groups are columns, or what a person wrote.
                    Output::Group => {}
                    _ => ratio.push((recipe, operator_weight(definition))),
                }
                if matches!(definition.output, Output::Number { u: 2, v: 0 | -2 | 2 }) {
                    // Prices of different symbols cannot be compared, and rarely mean much when multiplied.
                    let weight = if compares_symbols { 2 } else { operator_weight(definition) };
                    same.push((recipe, weight));
                }
            }
        }
        let mut with_unit = Vec::new();
        let generated =
            LibraryFactor::all().filter(|factor| factor.definition().generated || settings.whole_vocabulary);
        for factor in generated.filter(|&factor| fits_windows(factor, &settings)) {
            match own(factor) {
                Some(Type::Flag) => flag.push((Recipe::Library(factor), 6)),
                Some(Type::RATIO) => ratio.push((Recipe::Library(factor), 3)),
                Some(output) => with_unit.push((output, factor)),
                None => {}
            }
            if takes_any_series(factor) {
                match factor.definition().output {
                    Output::Flag => flag.push((Recipe::LibraryOver(factor), 2)),
                    Output::RATIO => ratio.push((Recipe::LibraryOver(factor), 1)),
                    _ => same.push((Recipe::LibraryOver(factor), 1)),
                }
            }
        }
        let mut numbers = vec![Type::RATIO];
        for kind in columns.iter().map(|&(kind, _)| kind).chain(with_unit.iter().map(|&(kind, _)| kind)) {
            if kind.is_number() && !numbers.contains(&kind) {
                numbers.push(kind);
            }
        }
        let number_types = Weighted::new(numbers.into_iter().map(|kind| (kind, type_weight(kind))));
        Ok(Self {
            ratio: Recipes::new(&ratio, Output::RATIO),
            same: Recipes::new(&same, Output::SAME),
            flag: Recipes::new(&flag, Output::Flag),
            settings,
            columns,
            column_types,
            number_types,
            own_column,
            with_unit,
        })
    }

    /// What it was made from, with every value in its range.
    pub fn settings(&self) -> &VariationSettings {
        &self.settings
    }

    /// Columns of exactly this type.
    pub(super) fn columns(&self, kind: Type) -> &[Arc<Node>] {
        self.columns.iter().find(|(known, _)| *known == kind).map_or(&[], |(_, nodes)| nodes)
    }

    /// Whether the panel has all of these columns.
    pub(super) fn has_columns(&self, names: &[&str]) -> bool {
        names.iter().all(|name| self.settings.schema.get(name).is_some())
    }

    /// A type of number that some column has.
    pub(super) fn draw_column_type(&self, rng: Draw) -> Option<Type> {
        self.column_types.draw(rng)
    }

    /// A type of number, ratios included.
    pub(super) fn draw_number_type(&self, rng: Draw) -> Option<Type> {
        self.number_types.draw(rng)
    }

    /// The column a library factor reads unless told otherwise.
    pub(super) fn own_column(&self, factor: LibraryFactor) -> Option<&Arc<Node>> {
        self.own_column[factor.index()].as_ref()
    }

    /// Library factors over their own column that give a number of this type, which is no ratio.
    pub(super) fn with_unit(&self, kind: Type) -> impl Iterator<Item = LibraryFactor> + '_ {
        self.with_unit.iter().filter(move |(output, _)| *output == kind).map(|&(_, factor)| factor)
    }

    /// Recipes for a number of this type.
    pub(super) fn number_recipes(&self, kind: Type) -> &Recipes {
        if kind == Type::RATIO { &self.ratio } else { &self.same }
    }

    /// The range that variation keeps to: the usual one, and no window longer than the run allows.
    pub(super) fn range(&self, parameter: &Parameter) -> (f64, f64) {
        let (least, most) = parameter.usual;
        match parameter.kind {
            ParameterKind::Rows { .. } => {
                let cap = f64::from(self.settings.max_window);
                (least.min(cap), most.min(cap))
            }
            _ => (least, most),
        }
    }

    /// Parameters drawn from their ranges, the first below the second where they must rise.
    pub(super) fn draw_parameters(&self, definitions: &[Parameter], rising: bool, rng: Draw) -> Parameters {
        let mut parameters = Parameters::NONE;
        for parameter in definitions {
            parameters.push(draw_parameter(parameter, self.range(parameter), rng));
        }
        if rising && parameters.real(0) >= parameters.real(1) {
            // The long one was drawn too short for the short one: draw the short one below it.
            let (low, high) = (self.range(&definitions[0]), self.range(&definitions[1]));
            let long = parameters.real(1).max(high.0.max(low.0 + 1.0));
            let short = draw_parameter(&definitions[0], (low.0, low.1.min(long - 1.0)), rng);
            parameters.as_mut_slice()[..2].copy_from_slice(&[short, long]);
        }
        parameters
    }
}

fn draw_parameter(parameter: &Parameter, (least, most): (f64, f64), rng: Draw) -> f64 {
    match (parameter.option, parameter.default, parameter.kind) {
        (true, Some(default), _) => default,
        (_, _, ParameterKind::Rows { .. }) => f64::from(log_uniform_rows(rng, least as u32, most as u32)),
        _ if least >= most => least,
        (_, _, ParameterKind::Whole { .. } | ParameterKind::Choice { .. }) => {
            uniform(rng, least, most).round().clamp(least, most)
        }
        (_, _, ParameterKind::Real { .. }) if least > 0.0 => rounded(log_uniform(rng, least, most)).clamp(least, most),
        (_, _, ParameterKind::Real { .. }) => rounded(uniform(rng, least, most)).clamp(least, most),
    }
}

/// How often a free input has this type.
fn type_weight(kind: Type) -> u32 {
    match kind {
        Type::Number(Unit::PRICE) => 5,
        Type::Number(Unit::RATIO) => 4,
        Type::Number(Unit::VOLUME) | Type::Plain => 2,
        _ => 1,
    }
}

/// How often an operator is drawn. Structure that means something to a trader (the past, the cross-section) comes
/// before arithmetic.
fn operator_weight(definition: &Definition) -> u32 {
    match (definition.family, definition.inputs.len()) {
        (Family::CrossSection, _) => 10,
        (Family::Group, _) => 6,
        (Family::TimeSeries, 1) | (Family::Arithmetic, 2) => 4,
        (Family::TimeSeries, _) => 2,
        (Family::Arithmetic, _) => 1,
        (Family::Logic, 3) => 3,
        (Family::Logic, 2) => 6,
        (Family::Logic, _) => 2,
    }
}

/// The column a library factor reads unless told otherwise, if all that it reads is there.
fn own_column(
    factor: LibraryFactor,
    settings: &VariationSettings,
    columns: &[(Type, Vec<Arc<Node>>)],
) -> Option<Arc<Node>> {
    let input = factor.definition().input;
    let named = |node: &&Arc<Node>| matches!(&node.kind, Kind::Field(name, _) if **name == *input);
    let node = columns.iter().flat_map(|(_, nodes)| nodes).find(named)?;
    factor.missing_column(&settings.schema).is_none().then(|| Arc::clone(node))
}

/// Whether every window of a library factor has a value that the run allows.
fn fits_windows(factor: LibraryFactor, settings: &VariationSettings) -> bool {
    factor.definition().parameters.iter().all(|parameter| match parameter.kind {
        ParameterKind::Rows { .. } => parameter.usual.0 <= f64::from(settings.max_window),
        _ => true,
    })
}

/// Whether a library factor makes sense of a series of any unit: those named after what they read do not.
fn takes_any_series(factor: LibraryFactor) -> bool {
    const ODD: Unit = Unit { money: 6, share: -2 };
    factor.definition().input == "close"
        && factor.reads_input_alone()
        && factor.infer(Type::Number(ODD)).is_ok_and(|inferred| !inferred.mixes_units)
}
