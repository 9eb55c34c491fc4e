//! The strategy file: TOML that a person can read and edit.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::{Count, Exits, Positions, Rebalance, Rule, ScaledStop, Sizing, Strategy, TrailingStop, Trigger, Weighting};
use crate::error::StrategyError;
use crate::graph::{FactorGraph, Kind, NodeIndex, Role};
use crate::library::LibraryFactor;
use crate::registry::Operator;
use crate::schema::Schema;
use crate::text::{NamedFactors, READABLE_LEVELS, factor_names, parse_into, print, written_order};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: String,
    description: Option<String>,
    #[serde(default)]
    factors: IndexMap<String, String>,
    positions: FilePositions,
    #[serde(default)]
    exits: FileExits,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FilePositions {
    rule: Rule,
    score: Option<String>,
    entry: Option<String>,
    exit: Option<String>,
    count: Option<Number>,
    keep: Option<Number>,
    #[serde(default = "equal")]
    weight: Weighting,
    #[serde(default = "weekly")]
    rebalance: FileRebalance,
    gross: Option<f64>,
    risk_target: Option<f64>,
    max_position: Option<f64>,
    group: Option<String>,
    max_group: Option<f64>,
    max_net: Option<f64>,
    band: Option<f64>,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "positions.rebalance takes \"daily\", \"weekly\", \"monthly\" or { every = 5 }, in bars")]
enum FileRebalance {
    Named(NamedRebalance),
    Every(Every),
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum NamedRebalance {
    Daily,
    Weekly,
    Monthly,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Every {
    every: u32,
}

impl From<FileRebalance> for Rebalance {
    fn from(rebalance: FileRebalance) -> Self {
        match rebalance {
            FileRebalance::Named(NamedRebalance::Daily) => Rebalance::Daily,
            FileRebalance::Named(NamedRebalance::Weekly) => Rebalance::Weekly,
            FileRebalance::Named(NamedRebalance::Monthly) => Rebalance::Monthly,
            FileRebalance::Every(Every { every }) => Rebalance::Every(every),
        }
    }
}

#[derive(Deserialize, Serialize, Default)]
#[serde(deny_unknown_fields)]
struct FileExits {
    #[serde(default)]
    trigger: Trigger,
    stop_loss: Option<f64>,
    trailing_stop: Option<FileTrailing>,
    take_profit: Option<f64>,
    max_holding: Option<u32>,
    volatility_stop: Option<ScaledStop>,
    atr_stop: Option<ScaledStop>,
}

#[derive(Deserialize, Serialize)]
#[serde(
    untagged,
    expecting = "exits.trailing_stop takes a fraction such as 0.1, or { trail = 0.1, activation = 0.05 }"
)]
enum FileTrailing {
    Trail(f64),
    Full(TrailingStop),
}

/// A whole number counts symbols; a number with a point is a fraction of them.
#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "positions.count and positions.keep take a whole number of symbols or a fraction such as 0.1"
)]
enum Number {
    Whole(i64),
    Real(f64),
}

impl Number {
    fn count(self, key: &str) -> Result<Count, StrategyError> {
        match self {
            Number::Real(fraction) => Ok(Count::Fraction(fraction)),
            Number::Whole(number) => u32::try_from(number).map(Count::Number).map_err(|_| {
                StrategyError::Value(format!(
                    "positions.{key} must be a whole number of symbols or a fraction such as 0.1, not {number}"
                ))
            }),
        }
    }
}

fn equal() -> Weighting {
    Weighting::Equal
}

fn weekly() -> FileRebalance {
    FileRebalance::Named(NamedRebalance::Weekly)
}

pub(super) fn read(text: &str, schema: &Schema) -> Result<Strategy, StrategyError> {
    let file: File =
        toml::from_str(text).map_err(|error| StrategyError::Toml(error.to_string().trim_end().to_owned()))?;
    check_names(&file.factors, schema)?;
    check_order(&file.factors)?;
    let mut graph = FactorGraph::new(Kind::Positions);
    let terminal = graph.root();
    let mut named = NamedFactors::new();
    let expression = |graph: &mut FactorGraph, named: &NamedFactors, name: &str, text: &str| {
        parse_into(graph, text, schema, named)
            .map_err(|error| StrategyError::Expression { name: name.to_owned(), error })
    };
    for (name, text) in &file.factors {
        let (index, kind) = expression(&mut graph, &named, name, text)?;
        if graph.node(index).name.is_none() {
            graph.set_name(index, name);
        }
        named.insert(name.clone(), (index, kind));
    }
    let FilePositions { score, entry, exit, group, .. } = &file.positions;
    let roles = [score, entry, exit, group];
    for (role, text) in Role::ALL.into_iter().zip(roles) {
        if let Some(text) = text {
            let (index, _) = expression(&mut graph, &named, &format!("positions.{}", role.name()), text)?;
            graph.connect(index, terminal, role as u8);
        }
    }
    graph.prune();
    let count = match file.positions.count {
        None if file.positions.rule == Rule::Signal => Count::Fraction(1.0),
        None => Count::Fraction(0.1),
        Some(number) => number.count("count")?,
    };
    let keep = file.positions.keep.map(|number| number.count("keep")).transpose()?;
    let exits = Exits {
        trigger: file.exits.trigger,
        stop_loss: file.exits.stop_loss,
        trailing_stop: file.exits.trailing_stop.map(|stop| match stop {
            FileTrailing::Trail(trail) => TrailingStop { trail, activation: 0.0 },
            FileTrailing::Full(stop) => stop,
        }),
        take_profit: file.exits.take_profit,
        max_holding: file.exits.max_holding,
        volatility_stop: file.exits.volatility_stop,
        atr_stop: file.exits.atr_stop,
    };
    let usual = Sizing::default();
    let FilePositions { rule, weight, rebalance, .. } = file.positions;
    let FilePositions { gross, risk_target, max_position, max_group, max_net, band, .. } = file.positions;
    let (gross, band) = (gross.unwrap_or(usual.gross), band.unwrap_or(usual.band));
    let sizing = Sizing { gross, risk_target, max_position, max_group, max_net, band };
    let positions = Positions { rule, count, keep, weight, rebalance: rebalance.into(), sizing };
    let strategy = Strategy { name: file.name, description: file.description, graph, positions, exits };
    strategy.check()?;
    strategy.compile()?;
    Ok(strategy)
}

/// A factor's name must be a word that means nothing else.
fn check_names(factors: &IndexMap<String, String>, schema: &Schema) -> Result<(), StrategyError> {
    for name in factors.keys() {
        let word = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !word || matches!(name.as_str(), "and" | "or" | "not") {
            return Err(StrategyError::Value(format!(
                "`{name}` cannot name a factor: use letters, digits and `_`, starting with a letter"
            )));
        }
        let column = schema.fields().any(|(field, _)| **field == **name);
        if column || Operator::by_name(name).is_some() || LibraryFactor::by_name(name).is_some() {
            return Err(StrategyError::Value(format!(
                "`{name}` already means something in expressions: choose another name for this factor"
            )));
        }
    }
    Ok(())
}

/// A factor may use the ones above it, so that no circle can be written; say so when one tries.
fn check_order(factors: &IndexMap<String, String>) -> Result<(), StrategyError> {
    let uses: Vec<Vec<usize>> =
        factors.values().map(|text| words(text).filter_map(|word| factors.get_index_of(word)).collect()).collect();
    let name = |index: usize| factors.get_index(index).map_or("", |(name, _)| name.as_str());
    for (index, used) in uses.iter().enumerate() {
        if let Some(&other) = used.iter().find(|&&other| other >= index) {
            if let Some(path) = path(&uses, other, index) {
                let circle: Vec<&str> = std::iter::once(index).chain(path).map(name).collect();
                return Err(StrategyError::Value(format!(
                    "factors use each other in a circle: {}; break it somewhere",
                    circle.join(" -> ")
                )));
            }
            return Err(StrategyError::Value(format!(
                "factor `{}` uses `{}`, which stands below it: move `{}` up",
                name(index),
                name(other),
                name(other)
            )));
        }
    }
    Ok(())
}

/// How `from` leads to `to`, both included.
fn path(uses: &[Vec<usize>], from: usize, to: usize) -> Option<Vec<usize>> {
    let mut came_from: BTreeMap<usize, usize> = BTreeMap::new();
    let mut open = vec![from];
    let mut seen = BTreeSet::from([from]);
    while let Some(index) = open.pop() {
        if index == to {
            let mut steps = vec![to];
            while let Some(&previous) = came_from.get(&steps[steps.len() - 1]) {
                steps.push(previous);
            }
            steps.reverse();
            return Some(steps);
        }
        for &next in &uses[index] {
            if seen.insert(next) {
                came_from.insert(next, index);
                open.push(next);
            }
        }
    }
    None
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).filter(|word| !word.is_empty())
}

pub(super) fn write(strategy: &Strategy, comment: &str) -> String {
    let mut out = String::new();
    for line in comment.lines() {
        let _ = writeln!(out, "# {line}");
    }
    let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
    let _ = writeln!(out, "name = {}", quoted(&strategy.name));
    if let Some(description) = &strategy.description {
        let _ = writeln!(out, "description = {}", quoted(description));
    }
    let graph = &strategy.graph;
    let names = factor_names(graph, READABLE_LEVELS);
    let name = |index: NodeIndex| names.get(&index).cloned();
    let _ = writeln!(out, "\n[factors]");
    // Inputs before consumers; the order of insertion decides between the rest, so that files read as written.
    for index in written_order(graph, &names) {
        let _ = writeln!(out, "{} = {}", names[&index], quoted(&print(graph, index, &name)));
    }
    let Positions { rule, count, keep, weight, rebalance, sizing } = strategy.positions;
    let _ = writeln!(out, "\n[positions]\nrule = {}", variant(rule));
    for role in Role::ALL {
        if let Some(index) = graph.role(role) {
            let text = name(index).unwrap_or_else(|| print(graph, index, &name));
            let _ = writeln!(out, "{} = {}", role.name(), quoted(&text));
        }
    }
    let symbols = |count: Count| match count {
        Count::Number(number) => number.to_string(),
        Count::Fraction(fraction) => format!("{fraction:?}"),
    };
    let rebalance = match rebalance {
        Rebalance::Every(bars) => format!("{{ every = {bars} }}"),
        named => variant(named),
    };
    let _ = writeln!(out, "count = {}", symbols(count));
    if let Some(keep) = keep {
        let _ = writeln!(out, "keep = {}", symbols(keep));
    }
    let _ = writeln!(out, "weight = {}\nrebalance = {rebalance}", variant(weight));
    let usual = Sizing::default();
    let Sizing { gross, risk_target, max_position, max_group, max_net, band } = sizing;
    for (key, value) in [
        ("gross", (gross != usual.gross).then_some(gross)),
        ("risk_target", risk_target),
        ("max_position", max_position),
        ("max_group", max_group),
        ("max_net", max_net),
        ("band", (band != usual.band).then_some(band)),
    ] {
        if let Some(value) = value {
            let _ = writeln!(out, "{key} = {value:?}");
        }
    }
    write_exits(&strategy.exits, &mut out);
    out
}

fn write_exits(exits: &Exits, out: &mut String) {
    if *exits == Exits::default() {
        return;
    }
    let _ = writeln!(out, "\n[exits]");
    let mut line = |key: &str, value: Option<String>| {
        if let Some(value) = value {
            let _ = writeln!(out, "{key} = {value}");
        }
    };
    let scaled = |stop: ScaledStop| format!("{{ multiplier = {:?}, window = {} }}", stop.multiplier, stop.window);
    line("trigger", (exits.trigger != Trigger::default()).then(|| variant(exits.trigger)));
    line("stop_loss", exits.stop_loss.map(|x| format!("{x:?}")));
    line(
        "trailing_stop",
        exits.trailing_stop.map(|stop| match stop.activation {
            0.0 => format!("{:?}", stop.trail),
            _ => format!("{{ trail = {:?}, activation = {:?} }}", stop.trail, stop.activation),
        }),
    );
    line("take_profit", exits.take_profit.map(|x| format!("{x:?}")));
    line("max_holding", exits.max_holding.map(|bars| bars.to_string()));
    line("volatility_stop", exits.volatility_stop.map(scaled));
    line("atr_stop", exits.atr_stop.map(scaled));
}

/// The word that a unit variant is written as, in quotes.
fn variant<T: Serialize>(value: T) -> String {
    toml::Value::try_from(value).map_or_else(|_| "\"\"".to_owned(), |value| value.to_string())
}
