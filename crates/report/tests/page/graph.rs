//! The drawing of a factor graph: nothing on top of anything, every edge downwards.

use std::fmt::Write;
use std::path::Path;

use factor::{FactorGraph, Schema, Strategy};
use report::{Drawing, MOST_DRAWN, draw};

use crate::world::World;

fn check(graph: &FactorGraph, what: &str) -> Drawing {
    let drawing = draw(graph).expect("no cycle");
    let Drawing { nodes, edges, width, height } = &drawing;
    for (place, node) in nodes.iter().enumerate() {
        let inside = node.x >= -1e-9
            && node.y >= -1e-9
            && node.x + node.width <= width + 1e-9
            && node.y + node.height <= height + 1e-9;
        assert!(inside, "{what}: {node:?} outside {width} x {height}");
        for other in &nodes[place + 1..] {
            let apart = node.x + node.width <= other.x
                || other.x + other.width <= node.x
                || node.y + node.height <= other.y
                || other.y + other.height <= node.y;
            assert!(apart, "{what}: {node:?} on {other:?}");
        }
    }
    for edge in edges {
        let (from, to) = (&nodes[edge.from], &nodes[edge.to]);
        assert!(from.layer < to.layer, "{what}: {from:?} to {to:?}");
        assert!(edge.points.is_sorted_by(|a, b| a.1 <= b.1), "{what}: {edge:?} goes up");
        let (start, end) = (edge.points[0], edge.points[edge.points.len() - 1]);
        assert_eq!(start, (from.x + from.width / 2.0, from.y + from.height), "{what}");
        assert!(end.1 == to.y && end.0 > to.x && end.0 < to.x + to.width, "{what}: {edge:?}");
        // Where an edge passes a row, no box stands.
        for passed in edge.points[1..].chunks_exact(2).take((edge.points.len() - 1) / 2 - 1) {
            let ((x, top), (_, bottom)) = (passed[0], passed[1]);
            let hit = nodes
                .iter()
                .find(|node| node.x < x && x < node.x + node.width && node.y < bottom && top < node.y + node.height);
            assert_eq!(hit, None, "{what}: {edge:?} runs through a box");
        }
    }
    let ends =
        |to: usize| edges.iter().filter(move |edge| edge.to == to).map(|edge| edge.points[edge.points.len() - 1].0);
    for to in 0..nodes.len() {
        let mut entries: Vec<f64> = ends(to).collect();
        entries.sort_by(f64::total_cmp);
        assert!(entries.windows(2).all(|pair| pair[1] - pair[0] > 5.0), "{what}: edges enter at {entries:?}");
    }
    drawing
}

/// Factors that use the ones above them, near and far.
fn tangle(factors: usize, seed: usize) -> Strategy {
    let mut text = "name = \"tangle\"\n[factors]\nf0 = \"returns(close, 1)\"\nf1 = \"volume / open\"\n".to_owned();
    let mut state = seed * 2 + 1;
    let mut below = |limit: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % limit
    };
    for factor in 2..factors {
        let (a, b, window) = (below(factor), below(factor), 2 + below(50));
        let expression = match below(4) {
            0 => format!("f{a} - ts_mean(f{b}, {window})"),
            1 => format!("cs_rank(f{a})"),
            2 => format!("ts_corr(f{a}, f{b}, {window})"),
            _ => format!("f{a} * f{b} + {window}"),
        };
        let _ = writeln!(text, "f{factor} = \"{expression}\"");
    }
    let sum: Vec<String> = (0..factors).map(|factor| format!("f{factor}")).collect();
    let _ = writeln!(
        text,
        "[positions]\nrule = \"top\"\nscore = \"{}\"\ncount = 2\nrebalance = \"weekly\"",
        sum.join(" + ")
    );
    Strategy::from_toml(&text, &Schema::bars()).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

#[test]
fn the_classics_are_drawn_tidily() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../strategies");
    let mut drawn = 0;
    for entry in std::fs::read_dir(folder).expect("strategies/") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            let text = std::fs::read_to_string(&path).expect("text");
            let strategy = Strategy::from_toml(&text, &Schema::bars()).expect("a strategy");
            let drawing = check(&strategy.graph, &strategy.name);
            assert_eq!(drawing.nodes.last().map(|node| node.kind), Some("positions"));
            drawn += 1;
        }
    }
    assert!(drawn >= 12);
}

#[test]
fn tangles_are_drawn_tidily() {
    for (factors, seed) in [(2, 0), (5, 1), (8, 2), (10, 3), (12, 4), (15, 5), (20, 6), (20, 7), (30, 8)] {
        check(&tangle(factors, seed).graph, &format!("{factors} factors, seed {seed}"));
    }
}

#[test]
fn trees_have_no_crossings() {
    let text = "name = \"tree\"\n[positions]\nrule = \"top\"\nscore = \"(ts_mean(open, 3) - ts_std(high, 4)) / (ts_max(low, 5) * ts_min(volume, 6))\"\ncount = 1\nrebalance = \"daily\"";
    let drawing = check(&Strategy::from_toml(text, &Schema::bars()).expect("a strategy").graph, "tree");
    for (place, a) in drawing.edges.iter().enumerate() {
        for b in &drawing.edges[place + 1..] {
            let layer = |edge: &report::DrawnEdge| (drawing.nodes[edge.from].layer, drawing.nodes[edge.to].layer);
            if layer(a) == layer(b) {
                let (start, end) =
                    (a.points[0].0 - b.points[0].0, a.points[a.points.len() - 1].0 - b.points[b.points.len() - 1].0);
                assert!(start * end >= 0.0, "{a:?} crosses {b:?}");
            }
        }
    }
}

#[test]
fn graphs_nobody_could_read_are_left_out() {
    let strategy = tangle(120, 9);
    assert!(strategy.graph.len() > MOST_DRAWN);
    let text = strategy.to_toml("");
    let page = World::waves(30, &[&text.replace("volume", "close")]).page();
    assert!(page.contains("nodes are too many to draw") && !page.contains("<svg"));
}
