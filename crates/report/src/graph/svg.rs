//! A drawing as SVG for a page: colours and fonts come from the page's style.

use std::fmt::Write;

use super::{Drawing, LINE, PADDING};

const MARGIN: f64 = 6.0;

/// An `svg` element. Everything that a user could have written is escaped.
pub(super) fn write(drawing: &Drawing, title: &str) -> String {
    let (width, height) = (drawing.width + 2.0 * MARGIN, drawing.height + 2.0 * MARGIN);
    let mut svg = format!(
        "<svg class=\"graph\" role=\"img\" width=\"{width:.0}\" height=\"{height:.0}\" \
         viewBox=\"{0:.0} {0:.0} {width:.0} {height:.0}\"><title>{1}</title>\n",
        -MARGIN,
        escaped(title)
    );
    for edge in &drawing.edges {
        let mut points = edge.points.iter();
        let Some(&(mut x, mut y)) = points.next() else { continue };
        let _ = write!(svg, "<path d=\"M{x:.1} {y:.1}");
        for (step, &(to_x, to_y)) in points.enumerate() {
            if step % 2 == 1 {
                let _ = write!(svg, "V{to_y:.1}");
            } else {
                let middle = f64::midpoint(y, to_y);
                let _ = write!(svg, "C{x:.1} {middle:.1} {to_x:.1} {middle:.1} {to_x:.1} {to_y:.1}");
            }
            (x, y) = (to_x, to_y);
        }
        svg.push_str("\"/>\n");
        let _ = writeln!(svg, "<path class=\"tip\" d=\"M{x:.1} {y:.1}l-3.5 -7h7z\"/>");
    }
    for node in &drawing.nodes {
        let (middle, round) = (node.x + node.width / 2.0, if node.kind == "column" { 2.0 } else { 8.0 });
        let _ = writeln!(
            svg,
            "<g class=\"{}\"><rect x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" rx=\"{round}\"/>",
            node.kind, node.x, node.y, node.width, node.height
        );
        let mut y = node.y + PADDING / 2.0 + LINE * 0.75;
        for (class, line) in node.name.iter().map(|name| ("name", name)).chain(node.lines.iter().map(|line| ("", line)))
        {
            let class = if class.is_empty() { String::new() } else { format!(" class=\"{class}\"") };
            let _ = writeln!(svg, "<text x=\"{middle:.1}\" y=\"{y:.1}\"{class}>{}</text>", escaped(line));
            y += LINE;
        }
        svg.push_str("</g>\n");
    }
    for edge in &drawing.edges {
        let (Some(label), Some(&(x, y))) = (&edge.label, edge.points.last()) else { continue };
        let _ =
            writeln!(svg, "<text class=\"role\" x=\"{:.1}\" y=\"{:.1}\">{}</text>", x + 5.0, y - 4.0, escaped(label));
    }
    svg.push_str("</svg>");
    svg
}

fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}
