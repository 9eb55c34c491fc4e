//! Equity lines, for the terminal and as SVG, on a logarithmic scale: equal steps are equal growth. And bars.

use std::fmt::Write;

/// Two lines over the same bars, and where periods begin.
pub(super) struct Chart<'a> {
    pub(super) title: String,
    /// Name and values, one a bar; the first is drawn on top.
    pub(super) lines: [(&'a str, &'a [f64]); 2],
    /// First and last date.
    pub(super) span: (String, String),
    /// Names and first rows of periods.
    pub(super) periods: Vec<(&'a str, usize)>,
}

impl Chart<'_> {
    /// Logarithms of the least and the largest value.
    fn range(&self) -> (f64, f64) {
        let values = self.lines.iter().flat_map(|(_, values)| values.iter().filter_map(|&value| height(value)));
        let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)));
        if low < high { (low, high) } else { (low - 1.0, low + 1.0) }
    }

    /// Characters: a line a step of equity, a column a stretch of bars.
    pub(super) fn terminal(&self, width: usize, lines: usize) -> String {
        let (low, high) = self.range();
        let bars = self.lines[0].1.len().max(2);
        let mut cells = vec![vec![' '; width]; lines];
        for (mark, (_, values)) in ['·', '█'].into_iter().zip(self.lines.iter().rev()) {
            for (column, row) in (0..width).filter_map(|column| {
                let value = values.get(column * (bars - 1) / (width - 1)).copied().and_then(height)?;
                Some((column, ((high - value) / (high - low) * (lines - 1) as f64).round() as usize))
            }) {
                cells[row.min(lines - 1)][column] = mark;
            }
        }
        let mut text = format!("{}   █ {}   · {}\n", self.title, self.lines[0].0, self.lines[1].0);
        for (row, line) in cells.iter().enumerate() {
            let value = (high - (high - low) * row as f64 / (lines - 1) as f64).exp();
            let label = if row % 4 == 0 || row + 1 == lines { format!("{value:>9.2}") } else { " ".repeat(9) };
            let _ = writeln!(text, "{label} │{}", line.iter().collect::<String>().trim_end());
        }
        let mut axis: Vec<char> = std::iter::repeat_n('─', width).collect();
        for (_, first) in self.periods.iter().skip(1) {
            axis[(first * (width - 1) / (bars - 1)).min(width - 1)] = '┴';
        }
        let _ = writeln!(text, "{:>9} └{}", "", axis.iter().collect::<String>());
        let mut names = vec![' '; width];
        for (name, first) in &self.periods {
            let at = first * (width - 1) / (bars - 1);
            for (offset, letter) in name.chars().enumerate().filter(|(offset, _)| at + offset < width) {
                names[at + offset] = letter;
            }
        }
        let _ = writeln!(text, "{:>9}  {}", "", names.iter().collect::<String>().trim_end());
        let _ = writeln!(
            text,
            "{:>9}  {}{:>rest$}",
            "",
            self.span.0,
            self.span.1,
            rest = width.saturating_sub(self.span.0.len())
        );
        text
    }

    /// A picture without scripts or fonts of its own, readable on light and dark.
    pub(super) fn svg(&self) -> String {
        const WIDTH: f64 = 960.0;
        const HEIGHT: f64 = 420.0;
        const LEFT: f64 = 70.0;
        const TOP: f64 = 50.0;
        const RIGHT: f64 = 940.0;
        const BOTTOM: f64 = 370.0;
        let (low, high) = self.range();
        let bars = self.lines[0].1.len().max(2) as f64;
        let x = |row: f64| LEFT + (RIGHT - LEFT) * row / (bars - 1.0);
        let y = |level: f64| BOTTOM - (BOTTOM - TOP) * (level - low) / (high - low);
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" font-size=\"13\">\n\
             <style>text{{fill:#333}}.grid{{stroke:#bbb;stroke-width:.5}}@media(prefers-color-scheme:dark){{text{{fill:#ddd}}.grid{{stroke:#555}}svg{{background:#111}}}}</style>\n\
             <title>{0}</title>\n<text x=\"{LEFT}\" y=\"22\" font-size=\"16\">{0}</text>\n",
            escape(&self.title)
        );
        for step in 0..=4 {
            let level = low + (high - low) * f64::from(step) / 4.0;
            let value = level.exp();
            let _ = writeln!(
                svg,
                "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{RIGHT}\" y1=\"{0:.1}\" y2=\"{0:.1}\"/><text x=\"{1:.1}\" y=\"{2:.1}\" text-anchor=\"end\">{value:.2}</text>",
                y(level),
                LEFT - 8.0,
                y(level) + 4.0
            );
        }
        for (name, first) in &self.periods {
            let at = x(*first as f64);
            let _ = writeln!(
                svg,
                "<line class=\"grid\" stroke-dasharray=\"4 4\" x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"{TOP}\" y2=\"{BOTTOM}\"/><text x=\"{:.1}\" y=\"{:.1}\">{name}</text>",
                at + 4.0,
                BOTTOM - 6.0
            );
        }
        for ((name, values), (color, place)) in self.lines.iter().zip([("#d9480f", 0.0), ("#1c7ed6", 150.0)]).rev() {
            let points: Vec<String> = values
                .iter()
                .enumerate()
                .filter_map(|(row, &value)| Some(format!("{:.1},{:.1}", x(row as f64), y(height(value)?))))
                .collect();
            let _ = writeln!(
                svg,
                "<polyline fill=\"none\" stroke=\"{color}\" stroke-width=\"1.6\" points=\"{}\"/>\n<rect x=\"{1:.1}\" y=\"30\" width=\"18\" height=\"4\" fill=\"{color}\"/><text x=\"{2:.1}\" y=\"37\">{3}</text>",
                points.join(" "),
                LEFT + place,
                LEFT + place + 24.0,
                escape(name)
            );
        }
        let _ = writeln!(
            svg,
            "<text x=\"{LEFT}\" y=\"395\">{}</text><text x=\"{RIGHT}\" y=\"395\" text-anchor=\"end\">{}</text>\n</svg>",
            self.span.0, self.span.1
        );
        svg
    }
}

/// Bars to the left and right of an axis, the longest of `width` characters; none for a value that is not there.
pub(super) fn bars(values: &[Option<f64>], width: usize) -> Vec<String> {
    let longest = values.iter().flatten().fold(0.0, |longest: f64, value| longest.max(value.abs()));
    let bar = |&value: &Option<f64>| {
        let share = value.filter(|_| longest > 0.0).map_or(0.0, |value| value / longest);
        let length = (share.abs() * width as f64).round() as usize;
        let drawn = "█".repeat(length);
        if share < 0.0 { format!("{drawn:>width$}│") } else { format!("{:width$}│{drawn}", "") }
    };
    values.iter().map(bar).collect()
}

/// Where a value stands on the scale; nothing at or below zero does.
fn height(value: f64) -> Option<f64> {
    (value > 0.0 && value.is_finite()).then(|| value.ln())
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
