//! The factor graph of a strategy as a picture: columns on top, positions at the bottom.

mod layout;
mod svg;

use factor::{FactorGraph, GraphError, Kind, Node, NodeIndex, Parameter, Parameters, Role, Syntax, print_number};
use layout::{Size, place};

/// Graphs with more nodes than this are not drawn: nobody could read them.
pub const MOST_DRAWN: usize = 200;

/// Width of a letter of the picture's font, and height of a line.
const LETTER: f64 = 7.0;
const LINE: f64 = 15.0;
const PADDING: f64 = 8.0;

/// A graph with a place for everything, in pixels; y grows downwards.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Drawing {
    /// Boxes; inputs before consumers.
    pub nodes: Vec<DrawnNode>,
    /// Curves between them.
    pub edges: Vec<DrawnEdge>,
    /// Width of the picture.
    pub width: f64,
    /// Height of the picture.
    pub height: f64,
}

/// One box.
#[derive(Debug, Clone, PartialEq)]
pub struct DrawnNode {
    /// The name that a person gave the node.
    pub name: Option<String>,
    /// What it computes, line by line.
    pub lines: Vec<String>,
    /// `column`, `number`, `operator` or `positions`.
    pub kind: &'static str,
    /// Row, counted from the top.
    pub layer: usize,
    /// Left edge.
    pub x: f64,
    /// Upper edge.
    pub y: f64,
    /// Width.
    pub width: f64,
    /// Height.
    pub height: f64,
}

/// One curve from the lower edge of a box to the upper edge of another.
#[derive(Debug, Clone, PartialEq)]
pub struct DrawnEdge {
    /// Index of the box it leaves.
    pub from: usize,
    /// Index of the box it enters.
    pub to: usize,
    /// What the input is for, where that matters.
    pub label: Option<String>,
    /// Where it goes through: the start, then upper and lower end of the part in each row that it reaches, the last of
    /// which is where it ends.
    pub points: Vec<(f64, f64)>,
}

/// Lays out the part of a graph that feeds its root.
///
/// # Errors
/// When the graph has a cycle.
pub fn draw(graph: &FactorGraph) -> Result<Drawing, GraphError> {
    let order = reached(graph)?;
    let place_of = |index: NodeIndex| order.iter().position(|&other| other == index);
    let mut links = Vec::new();
    for (to, &index) in order.iter().enumerate() {
        for (slot, input) in inputs(graph, index) {
            if let Some(from) = place_of(input) {
                links.push((from, to, slot));
            }
        }
    }
    let entries = |to: usize| links.iter().filter(|link| link.1 == to).count();
    let nodes: Vec<(Option<String>, Vec<String>, &'static str, Size)> = order
        .iter()
        .enumerate()
        .map(|(to, &index)| {
            let node = graph.node(index);
            let (lines, kind) = computes(node);
            let name = node.name.as_ref().map(ToString::to_string);
            let letters = lines.iter().chain(&name).map(|line| line.chars().count()).max().unwrap_or(0);
            // Room for each edge that comes in, and for its label.
            let room = if kind == "positions" { 60.0 } else { 22.0 };
            let width = (letters as f64 * LETTER + 2.0 * PADDING).max(entries(to) as f64 * room);
            let height = (lines.len() + usize::from(name.is_some())) as f64 * LINE + PADDING;
            (name, lines, kind, Size { width, height })
        })
        .collect();
    let sizes: Vec<Size> = nodes.iter().map(|node| node.3).collect();
    let edges: Vec<(usize, usize)> = links.iter().map(|link| (link.0, link.1)).collect();
    let placed = place(&sizes, &edges);
    let boxes = nodes.into_iter().enumerate().map(|(place, (name, lines, kind, size))| {
        let (centre, y) = placed.boxes[place];
        let (layer, x) = (placed.layers[place], centre - size.width / 2.0);
        DrawnNode { name, lines, kind, layer, x, y, width: size.width, height: size.height }
    });
    let nodes: Vec<DrawnNode> = boxes.collect();
    let edges = curves(graph, &order, &nodes, &links, &placed);
    Ok(Drawing { nodes, edges, width: placed.width, height: placed.height })
}

/// The picture, or why there is none.
pub(crate) fn picture(graph: &FactorGraph, title: &str) -> Result<Result<String, String>, GraphError> {
    if graph.len() > MOST_DRAWN {
        let message = format!("{} nodes are too many to draw: `evoquant print` writes them as Graphviz.", graph.len());
        return Ok(Err(message));
    }
    Ok(Ok(svg::write(&draw(graph)?, title)))
}

/// Nodes that the root needs, inputs before consumers, in the order of a walk from it, slot by slot.
fn reached(graph: &FactorGraph) -> Result<Vec<NodeIndex>, GraphError> {
    graph.topological_order()?;
    let mut seen = vec![false; graph.index_bound()];
    let mut order = Vec::with_capacity(graph.len());
    let mut outer = vec![(graph.root(), 0)];
    seen[graph.root().index()] = true;
    while let Some((index, next)) = outer.pop() {
        let Some(&(_, input)) = inputs(graph, index).get(next) else {
            order.push(index);
            continue;
        };
        outer.push((index, next + 1));
        if !std::mem::replace(&mut seen[input.index()], true) {
            outer.push((input, 0));
        }
    }
    Ok(order)
}

/// Inputs with their slots, those that are there.
fn inputs(graph: &FactorGraph, index: NodeIndex) -> Vec<(usize, NodeIndex)> {
    let (inputs, _) = graph.inputs(index);
    let bound = graph.index_bound();
    inputs.into_iter().enumerate().filter(|(_, input)| input.index() < bound).collect()
}

/// What a node computes, and what sort of box it gets.
fn computes(node: &Node) -> (Vec<String>, &'static str) {
    let call = |name: &str, definitions: &'static [Parameter], parameters: &Parameters| {
        let all = definitions.iter().zip(parameters.as_slice());
        let said = all.filter(|(parameter, value)| !parameter.option || parameter.default != Some(**value));
        let words = said.map(|(parameter, &value)| format!("{} = {}", parameter.name, parameter.text_of(value)));
        std::iter::once(name.to_owned()).chain(words).collect::<Vec<String>>()
    };
    match &node.kind {
        Kind::Field(name, _) => (vec![name.to_string()], "column"),
        Kind::Constant(value) => (vec![print_number(*value)], "number"),
        Kind::Positions => (vec!["positions".to_owned()], "positions"),
        Kind::Library(factor, parameters) => {
            let definition = factor.definition();
            (call(definition.name, definition.parameters, parameters), "operator")
        }
        Kind::Operator(operator, parameters) => {
            let definition = operator.definition();
            let lines = match definition.syntax {
                Syntax::Infix(symbol, _) if parameters.as_slice().is_empty() => vec![symbol.to_owned()],
                Syntax::Infix(symbol, _) => vec![format!("{symbol} {}", print_number(parameters.real(0)))],
                Syntax::Prefix(symbol, _) => vec![symbol.to_owned()],
                Syntax::Function => call(definition.name, definition.parameters, parameters),
            };
            (lines, "operator")
        }
    }
}

/// What an input is for: a role, or its number where the order matters.
fn label(node: &Node, slot: usize, entries: usize) -> Option<String> {
    match &node.kind {
        Kind::Positions => Role::ALL.get(slot).map(|role| role.name().to_owned()),
        Kind::Operator(operator, _) if entries > 1 && !operator.definition().commutative => {
            Some((slot + 1).to_string())
        }
        _ => None,
    }
}

/// Edges enter a box side by side, in the order of where they come from, and leave one from its middle.
fn curves(
    graph: &FactorGraph,
    order: &[NodeIndex],
    nodes: &[DrawnNode],
    links: &[(usize, usize, usize)],
    placed: &layout::Placed,
) -> Vec<DrawnEdge> {
    let last_x = |edge: usize| {
        let node = &nodes[links[edge].0];
        placed.bends[edge].last().map_or(node.x + node.width / 2.0, |bend| bend.0)
    };
    let curve = |edge: usize| {
        let (from, to, slot) = links[edge];
        let mut beside: Vec<usize> = (0..links.len()).filter(|&other| links[other].1 == to).collect();
        beside.sort_by(|&a, &b| last_x(a).total_cmp(&last_x(b)).then(links[a].2.cmp(&links[b].2)));
        let place = beside.iter().position(|&other| other == edge).unwrap_or(0);
        let (source, target) = (&nodes[from], &nodes[to]);
        let entry = target.x + target.width * (place as f64 + 1.0) / (beside.len() as f64 + 1.0);
        let mut points = vec![(source.x + source.width / 2.0, source.y + source.height)];
        for &(x, top, bottom) in &placed.bends[edge] {
            points.extend([(x, top), (x, bottom)]);
        }
        points.extend([(entry, placed.tops[target.layer]), (entry, target.y)]);
        DrawnEdge { from, to, label: label(graph.node(order[to]), slot, beside.len()), points }
    };
    (0..links.len()).map(curve).collect()
}
