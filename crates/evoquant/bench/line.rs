//! The least-squares line through measured points.

/// Fewest places that a line is drawn through: two would always lie on one.
const LEAST_PLACES: usize = 3;

/// A line, with the sums over distances from the means that it is made from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line {
    pub(super) slope: f64,
    pub(super) intercept: f64,
    pub(super) xx: f64,
    pub(super) xy: f64,
    pub(super) yy: f64,
}

impl Line {
    /// The line through points; `None` for fewer than three different places.
    pub(super) fn through(points: &[(f64, f64)]) -> Option<Self> {
        let mut places: Vec<f64> = points.iter().map(|&(x, _)| x).collect();
        places.sort_unstable_by(f64::total_cmp);
        places.dedup();
        if places.len() < LEAST_PLACES {
            return None;
        }
        let size = points.len() as f64;
        let (mean_x, mean_y) = points.iter().fold((0.0, 0.0), |(x, y), point| (x + point.0 / size, y + point.1 / size));
        let sum = |of: fn(f64, f64) -> f64| points.iter().map(|&(x, y)| of(x - mean_x, y - mean_y)).sum::<f64>();
        let (xx, xy, yy) = (sum(|x, _| x * x), sum(|x, y| x * y), sum(|_, y| y * y));
        let slope = xy / xx;
        Some(Self { slope, intercept: mean_y - slope * mean_x, xx, xy, yy })
    }
}
