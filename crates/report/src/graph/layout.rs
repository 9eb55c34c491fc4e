//! A layered layout: boxes in rows, every edge downwards, few crossings, nothing on top of anything.
//!
//! After Sugiyama, Tagawa and Toda (1981): layers by the longest path to the last node, so that an input stands just
//! above its first consumer; a bend for each layer that an edge passes; orders by barycentres, down and up; places by
//! moving every row as close to its neighbours as the boxes allow (least squares, by pooling adjacent violators).

/// Space between boxes of a row.
const GAP: f64 = 18.0;
/// Space between rows.
const ROW_GAP: f64 = 44.0;
/// Width that a passing edge takes.
const BEND: f64 = 12.0;
/// Sweeps down and up that look for fewer crossings.
const SWEEPS: usize = 12;
/// Sweeps that move rows to their neighbours.
const MOVES: usize = 24;

/// A box to place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size {
    pub(super) width: f64,
    pub(super) height: f64,
}

/// Where things are; y grows downwards.
#[derive(Debug, Default)]
pub(super) struct Placed {
    /// Centre and top of each box.
    pub(super) boxes: Vec<(f64, f64)>,
    /// Layer of each box, counted from the top.
    pub(super) layers: Vec<usize>,
    /// Upper edge of each layer.
    pub(super) tops: Vec<f64>,
    /// Of each edge, centre, top and bottom of every layer that it passes between its boxes.
    pub(super) bends: Vec<Vec<(f64, f64, f64)>>,
    pub(super) width: f64,
    pub(super) height: f64,
}

/// A box, or an edge on its way through a layer.
struct Item {
    width: f64,
    height: f64,
    layer: usize,
    x: f64,
    /// Items in the layer above, and in the one below.
    near: [Vec<usize>; 2],
}

/// Places boxes. Edges lead from a lower index to a higher one; the last box is the root that all others reach.
pub(super) fn place(sizes: &[Size], edges: &[(usize, usize)]) -> Placed {
    let layers = layers(sizes.len(), edges);
    let mut items: Vec<Item> = sizes
        .iter()
        .zip(&layers)
        .map(|(size, &layer)| Item { width: size.width, height: size.height, layer, x: 0.0, near: [vec![], vec![]] })
        .collect();
    let chains: Vec<Vec<usize>> = edges.iter().map(|&(from, to)| chain(&mut items, from, to)).collect();
    let mut rows: Vec<Vec<usize>> = vec![Vec::new(); layers.iter().max().map_or(0, |most| most + 1)];
    for (index, item) in items.iter().enumerate() {
        rows[item.layer].push(index);
    }
    order(&items, &mut rows);
    move_together(&mut items, &rows);
    finish(&items, &rows, layers, &chains, sizes.len())
}

/// The longest path to the root decides: the root is the lowest.
fn layers(count: usize, edges: &[(usize, usize)]) -> Vec<usize> {
    let mut above = vec![0; count];
    let mut by_source: Vec<Vec<usize>> = vec![Vec::new(); count];
    for &(from, to) in edges {
        by_source[from].push(to);
    }
    for from in (0..count).rev() {
        above[from] = by_source[from].iter().map(|&to| above[to] + 1).max().unwrap_or(0);
    }
    let most = above.iter().copied().max().unwrap_or(0);
    above.into_iter().map(|height| most - height).collect()
}

/// Adds the bends of an edge, and links them.
fn chain(items: &mut Vec<Item>, from: usize, to: usize) -> Vec<usize> {
    let (first, last) = (items[from].layer, items[to].layer);
    let mut bends = Vec::new();
    let mut before = from;
    for layer in first + 1..last {
        let bend = items.len();
        items.push(Item { width: BEND, height: 0.0, layer, x: 0.0, near: [vec![before], vec![]] });
        items[before].near[1].push(bend);
        bends.push(bend);
        before = bend;
    }
    items[before].near[1].push(to);
    items[to].near[0].push(before);
    bends
}

/// Orders rows by the mean place of what they are linked to, and keeps the order with the fewest crossings.
fn order(items: &[Item], rows: &mut Vec<Vec<usize>>) {
    let mut places = vec![0.0; items.len()];
    let note = |row: &[usize], places: &mut Vec<f64>| {
        for (place, &item) in row.iter().enumerate() {
            places[item] = place as f64;
        }
    };
    for row in rows.iter() {
        note(row, &mut places);
    }
    let mut best = (crossings(items, rows, &places), rows.clone());
    for sweep in 0..SWEEPS {
        let (side, down) = (sweep % 2, sweep % 2 == 0);
        let sequence: Vec<usize> =
            if down { (1..rows.len()).collect() } else { (0..rows.len().max(1) - 1).rev().collect() };
        for layer in sequence {
            let centre = |item: usize| {
                let near = &items[item].near[side];
                let sum: f64 = near.iter().map(|&other| places[other]).sum();
                if near.is_empty() { places[item] } else { sum / near.len() as f64 }
            };
            let mut row: Vec<(f64, usize)> = rows[layer].iter().map(|&item| (centre(item), item)).collect();
            // Stable: equal means keep their order.
            row.sort_by(|a, b| a.0.total_cmp(&b.0));
            rows[layer] = row.into_iter().map(|(_, item)| item).collect();
            note(&rows[layer], &mut places);
        }
        let found = crossings(items, rows, &places);
        if found < best.0 {
            best = (found, rows.clone());
        }
    }
    *rows = best.1;
}

/// Pairs of links between neighbouring rows that cross.
fn crossings(items: &[Item], rows: &[Vec<usize>], places: &[f64]) -> usize {
    let mut count = 0;
    for row in rows {
        let links = row.iter().flat_map(|&item| items[item].near[1].iter().map(move |&to| (places[item], places[to])));
        let links: Vec<(f64, f64)> = links.collect();
        for (place, a) in links.iter().enumerate() {
            count += links[place + 1..].iter().filter(|b| (a.0 - b.0) * (a.1 - b.1) < 0.0).count();
        }
    }
    count
}

/// Moves each row as close to the means of its neighbours as widths and order allow.
fn move_together(items: &mut [Item], rows: &[Vec<usize>]) {
    for row in rows {
        let mut x = 0.0;
        for &item in row {
            items[item].x = x + items[item].width / 2.0;
            x += items[item].width + GAP;
        }
    }
    for step in 0..MOVES {
        let side = step % 2;
        let sequence: Vec<usize> = if side == 0 { (0..rows.len()).collect() } else { (0..rows.len()).rev().collect() };
        for layer in sequence {
            let row = &rows[layer];
            let wanted = row.iter().map(|&item| {
                // The last sweeps look both ways, so that what stands between two rows ends up between them.
                let near: Vec<usize> =
                    if step + 4 < MOVES { items[item].near[side].clone() } else { items[item].near.concat() };
                let sum: f64 = near.iter().map(|&other| items[other].x).sum();
                if near.is_empty() { items[item].x } else { sum / near.len() as f64 }
            });
            let wanted: Vec<f64> = wanted.collect();
            let widths: Vec<f64> = row.iter().map(|&item| items[item].width).collect();
            for (&item, x) in row.iter().zip(spread(&wanted, &widths)) {
                items[item].x = x;
            }
        }
    }
}

/// The centres closest to `wanted`, in squares, that keep the order and a gap between widths.
fn spread(wanted: &[f64], widths: &[f64]) -> Vec<f64> {
    let mut offsets = Vec::with_capacity(wanted.len());
    let mut offset = 0.0;
    for (place, width) in widths.iter().enumerate() {
        offset += if place == 0 { 0.0 } else { f64::midpoint(widths[place - 1], *width) + GAP };
        offsets.push(offset);
    }
    // With the offsets taken away centres must only not fall: neighbours that do are pooled at their mean.
    let mut pools: Vec<(f64, usize)> = Vec::new();
    for (x, offset) in wanted.iter().zip(&offsets) {
        pools.push((x - offset, 1));
        while let [.., (before, many), (last, few)] = pools[..]
            && before > last
        {
            let mean = (before * many as f64 + last * few as f64) / (many + few) as f64;
            pools.truncate(pools.len() - 2);
            pools.push((mean, many + few));
        }
    }
    let centres = pools.into_iter().flat_map(|(mean, count)| std::iter::repeat_n(mean, count));
    centres.zip(offsets).map(|(centre, offset)| centre + offset).collect()
}

fn finish(items: &[Item], rows: &[Vec<usize>], layers: Vec<usize>, chains: &[Vec<usize>], boxes: usize) -> Placed {
    let left = items.iter().map(|item| item.x - item.width / 2.0).fold(f64::INFINITY, f64::min);
    let right = items.iter().map(|item| item.x + item.width / 2.0).fold(f64::NEG_INFINITY, f64::max);
    let mut spans = Vec::with_capacity(rows.len());
    let mut y = 0.0;
    for row in rows {
        let height = row.iter().map(|&item| items[item].height).fold(0.0, f64::max);
        spans.push((y, y + height));
        y += height + ROW_GAP;
    }
    let bends = chains.iter().map(|chain| {
        let bend = |&item: &usize| {
            let (top, bottom) = spans[items[item].layer];
            (items[item].x - left, top, bottom)
        };
        chain.iter().map(bend).collect()
    });
    Placed {
        boxes: items[..boxes]
            .iter()
            .map(|item| {
                // Boxes of a row share their bottom line: edges leave there.
                (item.x - left, spans[item.layer].1 - item.height)
            })
            .collect(),
        layers,
        bends: bends.collect(),
        tops: spans.iter().map(|span| span.0).collect(),
        width: (right - left).max(0.0),
        height: (y - ROW_GAP).max(0.0),
    }
}
