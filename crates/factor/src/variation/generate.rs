//! Random typed factors, valid and of consistent units by construction.
//!
//! A factor is grown for a type within a budget of nodes: a recipe that gives the type is drawn, its ports are bound
//! to types, and its inputs are grown for those. Whatever is put down is typed again by the same rules that compile
//! keeps to, so a recipe that does not work out is dropped, never forced.

use std::borrow::Cow;

use rand::Rng;

use super::draw::{Draw, below, between, one_of, percent, rounded, uniform};
use super::palette::{Palette, Recipe};
use super::positions::{draw_exits, draw_positions};
use super::sketch::{Place, Sketch};
use super::thresholds::usual_range;
use crate::graph::{FactorGraph, Kind, Role};
use crate::library::LibraryFactor;
use crate::operator::{MAX_INPUTS, Output, Parameter, ParameterKind, Parameters, Port};
use crate::registry::Operator;
use crate::strategy::{Rule, Strategy};
use crate::types::{Type, Unit};

const TERMINAL: &str = "a terminal node without inputs has nothing that could be of the wrong type";

/// A random strategy of one of the palette's rules: a score, an entry and an exit as the rule needs, positions and
/// exits.
pub fn random_strategy(palette: &Palette, rng: &mut impl Rng) -> Strategy {
    let rng: Draw = rng;
    let rule = one_of(rng, &palette.settings().rules).unwrap_or(Rule::Top);
    let most = palette.settings().max_nodes;
    // Small ones: large strategies have to earn their size.
    let mut budget = between(rng, 6, (most - 1).min(18));
    let blank = FactorGraph::new(Kind::Positions);
    loop {
        let mut sketch = Sketch::read(&blank).expect(TERMINAL);
        let mut grower = Grower { palette, sketch: &mut sketch, rng: &mut *rng };
        grower.roles(rule, budget);
        let scored = grower.sketch.role(Role::Score).is_some();
        let graph = sketch.build();
        if graph.len() > most {
            // The smallest factor for every role fits within the least limit that settings allow.
            budget /= 2;
            continue;
        }
        let positions = draw_positions(rule, scored, palette, rng);
        let exits = draw_exits(palette, rng);
        return Strategy { name: "random".to_owned(), description: None, graph, positions, exits };
    }
}

/// A random expression of a type, in about `nodes` nodes at most; `None` where the palette has nothing to build the
/// type from, such as a group without group columns.
pub fn random_expression(palette: &Palette, output: Type, nodes: usize, rng: &mut impl Rng) -> Option<FactorGraph> {
    let blank = FactorGraph::new(Kind::Positions);
    let mut sketch = Sketch::read(&blank).expect(TERMINAL);
    let root = Grower { palette, sketch: &mut sketch, rng }.grow(output, nodes)?;
    Some(sketch.build_at(root))
}

/// What a recipe should use of the factor it replaces or stands on.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Reuse<'a> {
    /// Inputs, used where their type fits.
    pub(super) inputs: &'a [Place],
    /// A window, in rows, used where it is usual.
    pub(super) rows: Option<f64>,
}

/// Grows factors into a sketch.
pub(super) struct Grower<'a, 'nodes> {
    pub(super) palette: &'nodes Palette,
    pub(super) sketch: &'a mut Sketch<'nodes>,
    pub(super) rng: Draw<'a>,
}

impl Grower<'_, '_> {
    /// Grows what a rule needs, and sometimes more.
    fn roles(&mut self, rule: Rule, budget: usize) {
        let signal = rule == Rule::Signal;
        let wanted = [
            (Role::Score, if signal { 20 } else { 100 }),
            (Role::Entry, if signal { 100 } else { 30 }),
            (Role::Exit, if signal { 60 } else { 15 }),
        ];
        let wanted = wanted.map(|(role, chance)| (role, percent(self.rng, chance)));
        let parts = wanted.iter().filter(|(_, wanted)| *wanted).count().max(1);
        for (role, wanted) in wanted {
            if wanted {
                let input = self.role(role, rule, budget / parts);
                self.sketch.set_role(role, input);
            }
        }
    }

    /// Grows a factor for a role.
    pub(super) fn role(&mut self, role: Role, rule: Rule, budget: usize) -> Option<Place> {
        if role != Role::Score {
            return self.grow(Type::Flag, budget);
        }
        let unit = if percent(self.rng, 10) { self.palette.draw_number_type(self.rng) } else { None };
        let kind = unit.unwrap_or(Type::RATIO);
        let mut score = self.grow(kind, budget)?;
        if !self.sketch.entry(score).is_factor() {
            // A bare column is a fact, not a factor.
            score = self.small(kind)?;
        }
        if rule == Rule::Weights && self.palette.settings().cross_section && budget > 3 {
            // Weights add up to something only where they are compared with each other.
            let recipe = Recipe::Operator(Operator::CsScale);
            let inputs = [score];
            return self.apply(recipe, Type::RATIO, Reuse { inputs: &inputs, rows: None }, 1).or(Some(score));
        }
        Some(score)
    }

    /// Grows a factor of a type in about `budget` new nodes at most: an input may cost a node or two more than its
    /// share. The smallest budget gives the smallest factor there is: 1 node for a number that some column holds, 2
    /// for a ratio, 3 for a flag.
    pub(super) fn grow(&mut self, output: Type, budget: usize) -> Option<Place> {
        match output {
            Type::Number(_) | Type::Plain => self.number(output, budget),
            Type::Flag => self.flag(budget),
            Type::Group => self.column(Type::Group),
            Type::Positions => None,
        }
    }

    fn number(&mut self, output: Type, budget: usize) -> Option<Place> {
        if budget <= 1 || percent(self.rng, 45) {
            let column = self.column(output);
            if column.is_some() {
                return column;
            }
        }
        if budget <= 2 || percent(self.rng, 35) {
            return self.small(output);
        }
        self.any(output, budget).or_else(|| self.small(output))
    }

    fn flag(&mut self, budget: usize) -> Option<Place> {
        if budget <= 3 || percent(self.rng, 15) {
            return self.small(Type::Flag);
        }
        self.any(Type::Flag, budget).or_else(|| self.small(Type::Flag))
    }

    /// A factor from any recipe that the budget allows.
    fn any(&mut self, output: Type, budget: usize) -> Option<Place> {
        let palette = self.palette;
        let recipes = if output == Type::Flag { &palette.flag } else { palette.number_recipes(output) };
        (0..4).find_map(|_| {
            let recipe = recipes.all.draw(self.rng)?;
            if recipe.least_nodes() > budget { None } else { self.apply(recipe, output, Reuse::default(), budget) }
        })
    }

    /// The smallest real factor of a type: an operator or library factor over a column.
    pub(super) fn small(&mut self, output: Type) -> Option<Place> {
        let palette = self.palette;
        if output == Type::Flag {
            return self.small_flag();
        }
        let ready = palette.with_unit(output).count();
        if ready > 0 && (palette.columns(output).is_empty() || percent(self.rng, 30)) {
            let factor = palette.with_unit(output).nth(below(self.rng, ready))?;
            return self.library(factor, output);
        }
        if output != Type::RATIO && palette.columns(output).is_empty() {
            return None;
        }
        let found = (0..4).find_map(|_| {
            let recipe = palette.number_recipes(output).small.draw(self.rng)?;
            self.apply(recipe, output, Reuse::default(), 2)
        });
        // Whatever the palette lacks, a return over a column gives a ratio, and an average keeps any type.
        let last_resort = if output == Type::RATIO { Operator::Returns } else { Operator::TsMean };
        found.or_else(|| self.apply(Recipe::Operator(last_resort), output, Reuse::default(), 2))
    }

    /// A library factor, or a column compared with what the same column was.
    fn small_flag(&mut self) -> Option<Place> {
        let palette = self.palette;
        if percent(self.rng, 60)
            && let Some(recipe) = palette.flag.small.draw(self.rng)
            && let Some(place) = self.apply(recipe, Type::Flag, Reuse::default(), 2)
        {
            return Some(place);
        }
        let kind = palette.draw_column_type(self.rng)?;
        let column = self.column(kind)?;
        let recipe = one_of(self.rng, &[Operator::TsMean, Operator::TsEma, Operator::TsDelay, Operator::TsMedian])?;
        let inputs = [column];
        let past = self.apply(Recipe::Operator(recipe), kind, Reuse { inputs: &inputs, rows: None }, 1)?;
        let compare = one_of(self.rng, &[Operator::Greater, Operator::Less])?;
        self.sketch.push(Kind::Operator(compare, Parameters::NONE), &[column, past])
    }

    /// A column of a type.
    fn column(&mut self, output: Type) -> Option<Place> {
        let columns = self.palette.columns(output);
        let node = columns.get(below(self.rng, columns.len()))?;
        self.sketch.column(Cow::Borrowed(node))
    }

    /// Follows a recipe for an output type; `None` where it does not work out. Nodes already added are left behind,
    /// unconnected.
    pub(super) fn apply(&mut self, recipe: Recipe, output: Type, reuse: Reuse, budget: usize) -> Option<Place> {
        match recipe {
            Recipe::Library(factor) => self.library(factor, output),
            Recipe::LibraryOver(factor) => {
                let fits = |&&place: &&Place| {
                    let entry = self.sketch.entry(place);
                    entry.output.is_number() && !entry.is_constant()
                };
                let known = reuse.inputs.iter().find(fits).copied();
                let input = if let Some(input) = known {
                    input
                } else {
                    let kind = if factor.definition().output == Output::SAME {
                        output
                    } else {
                        self.free_type(budget.saturating_sub(1))?
                    };
                    self.grow(kind, budget.saturating_sub(1))?
                };
                let definition = factor.definition();
                let parameters = self.parameters(definition.parameters, definition.rising, reuse.rows);
                self.push(Kind::Library(factor, parameters), &[input], output)
            }
            Recipe::Operator(operator) => self.operator(operator, output, reuse, budget),
        }
    }

    fn library(&mut self, factor: LibraryFactor, output: Type) -> Option<Place> {
        let column = self.palette.own_column(factor)?;
        let input = self.sketch.column(Cow::Borrowed(column))?;
        let definition = factor.definition();
        let parameters = self.palette.draw_parameters(definition.parameters, definition.rising, self.rng);
        self.push(Kind::Library(factor, parameters), &[input], output)
    }

    fn operator(&mut self, operator: Operator, output: Type, reuse: Reuse, budget: usize) -> Option<Place> {
        let definition = operator.definition();
        let ports = definition.inputs;
        let (u, v) = self.bind(operator, output, reuse, budget.saturating_sub(ports.len()))?;
        let needed = |port: Port| match port {
            Port::U => u,
            Port::V => v,
            Port::Ratio => Type::RATIO,
            Port::Flag => Type::Flag,
            Port::Group => Type::Group,
        };
        let mut inputs = [0; MAX_INPUTS];
        let mut used = [false; MAX_INPUTS];
        let mut left = budget.saturating_sub(1);
        for (slot, &port) in ports.iter().enumerate() {
            let needed = needed(port);
            let fits = |place: Place| {
                let entry = self.sketch.entry(place);
                entry.output == needed || (slot > 0 && needed == Type::RATIO && entry.is_constant())
            };
            let known = reuse.inputs.iter().take(MAX_INPUTS).zip(&used).position(|(&place, used)| !used && fits(place));
            inputs[slot] = if let Some(known) = known {
                used[known] = true;
                reuse.inputs[known]
            } else if let Some(literal) = self.literal(operator, slot, needed, &inputs) {
                literal
            } else {
                let later: usize = ports.len() - slot - 1;
                let share = if later == 0 { left } else { between(self.rng, 1, left.saturating_sub(later).max(1)) };
                let before = self.sketch.len();
                let grown = self.distinct(needed, share, &inputs[..slot])?;
                left = left.saturating_sub(self.sketch.len() - before);
                grown
            };
        }
        let parameters = self.parameters(definition.parameters, false, reuse.rows);
        self.push(Kind::Operator(operator, parameters), &inputs[..ports.len()], output)
    }

    /// The types that `u` and `v` of an operator stand for.
    fn bind(&mut self, operator: Operator, output: Type, reuse: Reuse, budget: usize) -> Option<(Type, Type)> {
        const PRICE: Type = Type::Number(Unit::PRICE);
        const VOLUME: Type = Type::Number(Unit::VOLUME);
        let definition = operator.definition();
        let mut known = reuse
            .inputs
            .iter()
            .map(|&place| self.sketch.entry(place))
            .filter_map(|entry| (entry.output.is_number() && !entry.is_constant()).then_some(entry.output));
        let (first, second) = (known.next(), known.next());
        // Ratios cross zero: their relative change or logarithm means nothing.
        let positive = matches!(operator, Operator::Returns | Operator::LogReturns | Operator::Log);
        let free = |grower: &mut Self| {
            if positive { grower.palette.draw_column_type(grower.rng) } else { grower.free_type(budget) }
        };
        let second = |grower: &mut Self| match second {
            Some(second) => Some(second),
            None => free(grower),
        };
        Some(match definition.output {
            // A threshold on a ratio is what most people mean by a signal.
            Output::Flag if first.is_none() && budget >= 2 && percent(self.rng, 60) => (Type::RATIO, Type::RATIO),
            Output::Flag | Output::Number { u: 0, v: 0 } => {
                let u = match first {
                    Some(first) => first,
                    None => free(self)?,
                };
                (u, if definition.inputs.contains(&Port::V) { second(self)? } else { u })
            }
            // Averages are weighted by volume, if by anything.
            Output::Number { u: 2, v: 0 }
                if operator == Operator::TsWmean && !self.palette.columns(VOLUME).is_empty() =>
            {
                (output, VOLUME)
            }
            Output::Number { u: 2, v: 0 } => {
                (output, if definition.inputs.contains(&Port::V) { second(self)? } else { output })
            }
            Output::Number { u: 2, v: -2 } if output == Type::RATIO => {
                let u = match first {
                    Some(first) => first,
                    None => free(self)?,
                };
                (u, u)
            }
            Output::Number { u: 2, v: 2 } if output == Type::Number(Unit::MONEY) => (PRICE, VOLUME),
            Output::Number { u: 2, v: 2 } if first == Some(Type::RATIO) => (Type::RATIO, output),
            Output::Number { u: 2, v: -2 | 2 } => (output, Type::RATIO),
            Output::Number { .. } if output == Type::RATIO => (Type::RATIO, Type::RATIO),
            Output::Fixed(_) | Output::Number { .. } | Output::Group => return None,
        })
    }

    /// A type of number for an input that may have any; one that a column has, where there is little to spend.
    fn free_type(&mut self, budget: usize) -> Option<Type> {
        if budget < 2 { self.palette.draw_column_type(self.rng) } else { self.palette.draw_number_type(self.rng) }
    }

    /// A factor that is none of the operator's other inputs: `x - x` says nothing.
    fn distinct(&mut self, output: Type, budget: usize, others: &[Place]) -> Option<Place> {
        let first = self.grow(output, budget)?;
        if !others.contains(&first) {
            return Some(first);
        }
        self.small(output).filter(|place| !others.contains(place))
    }

    /// A constant for an input after the first, where a constant makes sense: a threshold, a floor, a weight.
    fn literal(&mut self, operator: Operator, slot: usize, needed: Type, inputs: &[Place]) -> Option<Place> {
        if slot == 0 || needed != Type::RATIO {
            return None;
        }
        let other = inputs[slot - 1];
        let (chance, value) = match operator {
            Operator::Less | Operator::LessEqual | Operator::Greater | Operator::GreaterEqual => {
                let (least, most) = usual_range(self.sketch, other);
                (85, rounded(uniform(self.rng, least, most)))
            }
            Operator::Min | Operator::Max => (50, 0.0),
            Operator::Mul => (25, one_of(self.rng, &[0.25, 0.5, 2.0, 3.0])?),
            Operator::IfElse if slot == 2 && !self.sketch.entry(other).is_constant() => (30, 0.0),
            _ => return None,
        };
        if percent(self.rng, chance) { self.sketch.push(Kind::Constant(value), &[]) } else { None }
    }

    fn parameters(&mut self, definitions: &[Parameter], rising: bool, rows: Option<f64>) -> Parameters {
        let mut parameters = self.palette.draw_parameters(definitions, rising, self.rng);
        if let (Some(rows), Some(first)) = (rows, definitions.first())
            && matches!(first.kind, ParameterKind::Rows { .. })
        {
            let (least, most) = self.palette.range(first);
            let limit = if rising { parameters.real(1) - 1.0 } else { most };
            if (least..=most.min(limit)).contains(&rows) && first.check(rows).is_ok() {
                parameters.as_mut_slice()[0] = rows;
            }
        }
        parameters
    }

    fn push(&mut self, kind: Kind, inputs: &[Place], output: Type) -> Option<Place> {
        self.sketch.push(kind, inputs).filter(|&place| self.sketch.entry(place).output == output)
    }
}
