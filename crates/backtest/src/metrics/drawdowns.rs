//! Drawdowns one by one.

/// One stretch below the equity's high. Rows are those of the returns; `E_0`, before the first return, has none.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Drawdown {
    /// Row of the high before it, the last of equal ones; `None` for the capital at the start.
    pub peak: Option<usize>,
    /// First row below the high.
    pub start: usize,
    /// Row of the lowest equity, the first of equal ones.
    pub trough: usize,
    /// First row back at the high or above; `None` where the bars end, or equity was gone, first.
    pub recovery: Option<usize>,
    /// Fall from high to trough, a negative fraction.
    pub depth: f64,
    /// Observed returns below the high.
    pub bars: usize,
}

/// The drawdown `D_t = E_t / max(E_0..E_t) - 1` after each return, `[bars]`: at most 0. A missing return leaves it as it
/// was; after a ruinous one, itself -1, it is NaN.
pub fn drawdown_series(returns: &[f64]) -> Vec<f64> {
    let mut series = Vec::with_capacity(returns.len());
    walk(returns, |_, drawdown, _| series.push(drawdown));
    series.resize(returns.len(), f64::NAN);
    series
}

/// All drawdowns, in order of time. The deepest is `max_drawdown` of [`Metrics`](super::Metrics), and the most bars are
/// its `underwater_max`.
pub fn drawdowns(returns: &[f64]) -> Vec<Drawdown> {
    let mut all: Vec<Drawdown> = Vec::new();
    let (mut peak, mut open) = (None, false);
    walk(returns, |row, depth, observed| {
        if depth < 0.0 {
            if !open {
                all.push(Drawdown { peak, start: row, trough: row, recovery: None, depth, bars: 0 });
            }
            let current = all.last_mut().expect("one was pushed when equity fell below its high");
            current.bars += usize::from(observed);
            if depth < current.depth {
                (current.depth, current.trough) = (depth, row);
            }
        } else if observed {
            if open {
                all.last_mut().expect("one is open").recovery = Some(row);
            }
            peak = Some(row);
        }
        open = depth < 0.0;
    });
    all
}

/// The deepest drawdowns, deepest first, earlier before later where equally deep.
pub fn worst_drawdowns(returns: &[f64], count: usize) -> Vec<Drawdown> {
    let mut worst = drawdowns(returns);
    worst.sort_by(|a, b| a.depth.total_cmp(&b.depth));
    worst.truncate(count);
    worst
}

/// Shows row, drawdown and whether a return was observed, up to ruin.
fn walk(returns: &[f64], mut visit: impl FnMut(usize, f64, bool)) {
    let (mut equity, mut high, mut drawdown) = (1.0_f64, 1.0_f64, 0.0);
    for (row, &r) in returns.iter().enumerate() {
        let ruined = r <= -1.0;
        if !r.is_nan() {
            equity = if ruined { 0.0 } else { equity * (1.0 + r) };
            high = high.max(equity);
            drawdown = equity / high - 1.0;
        }
        visit(row, drawdown, !r.is_nan());
        if ruined {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::metrics::{Metrics, ReturnSettings};

    #[test]
    fn drawdowns_by_hand() {
        let returns = [-0.5, 1.0, 0.5, -0.1, f64::NAN, -0.1, 1.0, -0.25];
        let found = drawdowns(&returns);
        let rows: Vec<_> = found.iter().map(|d| (d.peak, d.start, d.trough, d.recovery, d.bars)).collect();
        assert_eq!(rows, [(None, 0, 0, Some(1), 1), (Some(2), 3, 5, Some(6), 2), (Some(6), 7, 7, None, 1)]);
        assert!((found[1].depth + 0.19).abs() < 1e-12);
        let order: Vec<_> = worst_drawdowns(&returns, 2).iter().map(|d| d.start).collect();
        assert_eq!(order, [0, 7]);
        let series = drawdown_series(&[0.1, -0.5, f64::NAN, -2.0, 0.3]);
        assert_eq!(series[..4], [0.0, -0.5, -0.5, -1.0]);
        assert!(series[4].is_nan());
        assert_eq!(drawdowns(&[0.01, 0.0, 0.02]), []);
    }

    proptest! {
        #[test]
        fn the_list_agrees_with_series_and_metrics(
            returns in prop::collection::vec(
                prop_oneof![40 => -0.1..0.1_f64, 4 => Just(f64::NAN), 4 => Just(0.0), 1 => Just(-1.2)], 0..80),
        ) {
            let (list, series) = (drawdowns(&returns), drawdown_series(&returns));
            let metrics = Metrics::from_returns(&returns, &ReturnSettings::new(252.0));
            let deepest = list.iter().map(|d| d.depth).fold(0.0, f64::min);
            prop_assert_eq!(deepest, metrics.max_drawdown.unwrap_or(0.0));
            prop_assert_eq!(list.iter().map(|d| d.bars).max().unwrap_or(0), metrics.underwater_max.unwrap_or(0));
            for d in &list {
                let end = d.recovery.unwrap_or(returns.len());
                prop_assert_eq!(series[d.trough], d.depth);
                prop_assert!(series[d.start..end].iter().all(|x| x.is_nan() || (*x < 0.0 && *x >= d.depth)));
                prop_assert!(d.recovery.is_none_or(|row| series[row] == 0.0));
                prop_assert!(d.peak.is_none_or(|row| row < d.start && series[row] == 0.0));
            }
            let below = series.iter().zip(&returns).filter(|(d, r)| **d < 0.0 && !r.is_nan()).count();
            prop_assert_eq!(list.iter().map(|d| d.bars).sum::<usize>(), below);
        }
    }
}
