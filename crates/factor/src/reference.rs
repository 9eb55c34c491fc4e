//! The slow, obvious arithmetic behind every operator's reference: what a value *means*, written for reading.
//!
//! Kernels are tested against it. Two-pass moments throughout; the rule for flat windows is applied in
//! [`variance`], so that whatever divides by a deviation agrees on when there is none.

/// Relative threshold below which a deviation counts as none.
pub const FLAT: f64 = 1e-12;

/// Arithmetic mean.
pub fn mean(values: &[f64]) -> f64 {
    // Summing distances from the first value keeps digits where the level is large beside the spread.
    let anchor = values[0];
    anchor + values.iter().map(|x| x - anchor).sum::<f64>() / values.len() as f64
}

/// Distances from the mean. They are taken from distances to the first value, not from the values themselves, so
/// that no digits are lost where the level is large beside the spread.
pub fn centered(values: &[f64]) -> Vec<f64> {
    let distances: Vec<f64> = values.iter().map(|x| x - values[0]).collect();
    let center = distances.iter().sum::<f64>() / values.len() as f64;
    distances.iter().map(|distance| distance - center).collect()
}

/// Variance with divisor `n - ddof`; exactly 0 where the standard deviation is at most [`FLAT`] of the absolute
/// mean; NaN for fewer than `ddof + 1` values.
pub fn variance(values: &[f64], ddof: f64) -> f64 {
    let divisor = values.len() as f64 - ddof;
    if divisor <= 0.0 {
        return f64::NAN;
    }
    let variance = centered(values).iter().map(|c| c * c).sum::<f64>() / divisor;
    if variance.sqrt() <= FLAT * mean(values).abs() { 0.0 } else { variance }
}

/// Covariance with divisor `n - 1`.
pub fn covariance(x: &[f64], y: &[f64]) -> f64 {
    let total: f64 = centered(x).iter().zip(centered(y)).map(|(x, y)| x * y).sum();
    total / (x.len() as f64 - 1.0)
}

/// A least-squares line.
#[derive(Debug, Clone, Copy)]
pub struct Line {
    /// Change of y for a change of x by 1; NaN where x is flat.
    pub slope: f64,
    /// Value at x = 0.
    pub level: f64,
    x: (f64, f64),
    y: (f64, f64),
}

impl Line {
    /// How far y lies above the line at x. Taken from distances to the means, so that no digits are lost where levels
    /// are large beside the spread.
    pub fn residual(&self, y: f64, x: f64) -> f64 {
        let distance = |value: f64, (first, center): (f64, f64)| (value - first) - center;
        distance(y, self.y) - self.slope * distance(x, self.x)
    }
}

/// The least-squares line of y on x.
pub fn line(y: &[f64], x: &[f64]) -> Line {
    let spread = variance(x, 1.0);
    let slope = if spread > 0.0 { covariance(x, y) / spread } else { f64::NAN };
    let middle = |values: &[f64]| {
        let first = values[0];
        (first, values.iter().map(|value| value - first).sum::<f64>() / values.len() as f64)
    };
    Line { slope, level: mean(y) - slope * mean(x), x: middle(x), y: middle(y) }
}

/// Median; the mean of the two middle values where there is no single one.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[middle] } else { f64::midpoint(sorted[middle - 1], sorted[middle]) }
}

/// The smallest value.
pub fn least(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::INFINITY, f64::min)
}

/// The largest value.
pub fn most(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::NEG_INFINITY, f64::max)
}

/// The quantile `share` (0 to 1) of some values, interpolated linearly between the two beside it, as numpy and pandas do.
pub fn percentile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = share * (sorted.len() - 1) as f64;
    let below = place.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    // Not across equal values: of two infinities there is no difference.
    if sorted[below] == sorted[above] {
        return sorted[below];
    }
    sorted[below] + (place - below as f64) * (sorted[above] - sorted[below])
}

/// The quantile of the standard normal distribution, by halving an interval until nothing is left of it.
pub fn normal_quantile(share: f64) -> f64 {
    let (mut low, mut high) = (-40.0, 40.0);
    for _ in 0..100 {
        let middle = f64::midpoint(low, high);
        // From the nearer tail, so that digits are not lost in a difference from 1.
        let below = if share < 0.5 {
            0.5 * libm::erfc(-middle / std::f64::consts::SQRT_2) < share
        } else {
            0.5 * libm::erfc(middle / std::f64::consts::SQRT_2) > 1.0 - share
        };
        if below { low = middle } else { high = middle }
    }
    f64::midpoint(low, high)
}

/// Rank of `x` among `values`, from 1; ties share the average rank.
pub fn average_rank(values: &[f64], x: f64) -> f64 {
    let below = values.iter().filter(|&&value| value < x).count() as f64;
    let equal = values.iter().filter(|&&value| value == x).count() as f64;
    below + f64::midpoint(equal, 1.0)
}

/// An average rank from 1 among `count`, on a scale: 0 to 1 with 0.5 for a single value, `rank / count`, the rank
/// itself, or -1 to 1.
pub fn scaled_rank(rank: f64, count: f64, scale: usize) -> f64 {
    let unit = if count == 1.0 { 0.5 } else { (rank - 1.0) / (count - 1.0) };
    match scale {
        0 => unit,
        1 => rank / count,
        2 => rank,
        _ => 2.0 * unit - 1.0,
    }
}

/// The known rows of the window of `d` that ends now: of each series its values, oldest first.
#[derive(Debug, Clone)]
pub struct Known<const SERIES: usize> {
    /// The values, of rows where every series has one.
    pub values: [Vec<f64>; SERIES],
    /// Their places in the window, 0 for its oldest row and `d - 1` for the current one.
    pub places: Vec<f64>,
    /// Whether the current row is among them.
    pub holds_now: bool,
}

/// The rows of the window where every series has a value, if they are at least `least`; 0 asks for all `d`. Rows before
/// the first are missing.
pub fn known<const SERIES: usize>(x: &[&[f64]], d: usize, least: usize) -> Option<Known<SERIES>> {
    let rows = x[0].len();
    let known: Vec<usize> =
        (rows.saturating_sub(d)..rows).filter(|&row| (0..SERIES).all(|series| !x[series][row].is_nan())).collect();
    let enough = if least == 0 { d } else { least };
    (known.len() >= enough).then(|| Known {
        values: std::array::from_fn(|series| known.iter().map(|&row| x[series][row]).collect()),
        places: known.iter().map(|&row| (row + d - rows) as f64).collect(),
        holds_now: known.last() == Some(&(rows - 1)),
    })
}

/// Applies `f` to the values that are not NaN and puts its results back in their places.
pub fn on_members(row: &[f64], f: impl Fn(&[f64]) -> Vec<f64>) -> Vec<f64> {
    let places: Vec<usize> = (0..row.len()).filter(|&i| !row[i].is_nan()).collect();
    let mut result = vec![f64::NAN; row.len()];
    if !places.is_empty() {
        let values: Vec<f64> = places.iter().map(|&i| row[i]).collect();
        for (&place, value) in places.iter().zip(f(&values)) {
            result[place] = value;
        }
    }
    result
}

/// Applies `f` to two rows where both have a value and puts its results back in their places.
pub fn on_pairs(rows: &[&[f64]], f: impl Fn(&[f64], &[f64]) -> Vec<f64>) -> Vec<f64> {
    let known = |i: usize| !rows[0][i].is_nan() && !rows[1][i].is_nan();
    let places: Vec<usize> = (0..rows[0].len()).filter(|&i| known(i)).collect();
    let [x, y]: [Vec<f64>; 2] = [0, 1].map(|row| places.iter().map(|&i| rows[row][i]).collect());
    let mut result = vec![f64::NAN; rows[0].len()];
    if !places.is_empty() {
        for (place, value) in places.into_iter().zip(f(&x, &y)) {
            result[place] = value;
        }
    }
    result
}

/// Applies `f` to the values of each group that are not NaN and puts its results back in their places.
pub fn by_group(row: &[f64], codes: &[f64], f: impl Fn(&[f64]) -> Vec<f64>) -> Vec<f64> {
    let mut result = vec![f64::NAN; row.len()];
    let mut distinct: Vec<f64> = codes.iter().copied().filter(|code| !code.is_nan()).collect();
    distinct.sort_by(f64::total_cmp);
    distinct.dedup();
    for group in distinct {
        let inside: Vec<f64> =
            row.iter().zip(codes).map(|(&x, &code)| if code == group { x } else { f64::NAN }).collect();
        for (place, value) in on_members(&inside, &f).into_iter().enumerate() {
            if !inside[place].is_nan() {
                result[place] = value;
            }
        }
    }
    result
}
