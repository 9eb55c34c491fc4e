//! Figures over a moving window.

use super::path::Path;
use super::{ReturnSettings, finite};

/// What the returns of one window say. Undefined figures are `None`.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct RollingFigures {
    /// Standard deviation (ddof 1) per year.
    pub volatility: Option<f64>,
    /// Mean excess return over standard deviation (ddof 1), per year.
    pub sharpe: Option<f64>,
}

/// The window that shows how figures move: a year of bars, half of what there is where that is less than two years;
/// at least 2.
pub fn rolling_window(bars: usize, periods_per_year: f64) -> usize {
    (periods_per_year.round() as usize).min(bars / 2).max(2)
}

/// Figures of the `window` bars that end with each of `rows`, as [`Metrics`](super::Metrics) defines them: a missing
/// return is left out, and a window with fewer than two has none. Undefined before there are `window` bars, and beyond
/// the last bar.
///
/// Each window is summed afresh, so that a value that left it leaves no trace: ask for the rows that are drawn.
pub fn rolling_figures(
    returns: &[f64],
    window: usize,
    settings: &ReturnSettings,
    rows: impl IntoIterator<Item = usize>,
) -> Vec<RollingFigures> {
    let figures = |row: usize| {
        let end = row.saturating_add(1);
        let Some(bars) = end.checked_sub(window).and_then(|start| returns.get(start..end)) else {
            return RollingFigures::default();
        };
        let path = Path::walk(bars, |_| {});
        let volatility = path.deviation(bars).and_then(|deviation| finite(deviation * settings.root()));
        RollingFigures { volatility, sharpe: path.sharpe(bars, settings) }
    };
    rows.into_iter().map(figures).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::metrics::Metrics;

    #[test]
    fn windows_by_hand() {
        let settings = ReturnSettings::new(4.0);
        let figures = rolling_figures(&[0.0, 0.1, -0.1, 0.1], 2, &settings, 0..6);
        let volatility: Vec<_> = figures.iter().map(|figures| figures.volatility).collect();
        // Two values a apart deviate by a / sqrt 2; a year has four bars.
        let expected = [None, Some(0.1), Some(0.2), Some(0.2), None, None];
        for (found, expected) in volatility.iter().zip(expected) {
            assert_eq!(found.is_some(), expected.is_some());
            let difference = found.zip(expected).map_or(0.0, |(found, expected)| found - expected * 2.0_f64.sqrt());
            assert!(difference.abs() < 1e-12, "{found:?} {expected:?}");
        }
        assert_eq!(figures[3].sharpe, Some(0.0));
    }

    #[test]
    fn a_window_is_a_year_or_half_of_what_there_is() {
        let check = |bars, per_year, expected| assert_eq!(rolling_window(bars, per_year), expected, "{bars}");
        check(2500, 252.0, 252);
        check(400, 252.0, 200);
        check(1, 252.0, 2);
        check(100, 1.0, 2);
        check(1000, f64::NAN, 2);
    }

    proptest! {
        #[test]
        fn each_window_has_the_figures_of_its_returns(
            returns in prop::collection::vec(
                prop_oneof![20 => -0.1..0.1_f64, 4 => Just(f64::NAN), 4 => Just(0.0), 1 => Just(-1.0)], 0..60),
            window in 0..20_usize,
        ) {
            let settings = ReturnSettings { risk_free_annual: 0.02, ..ReturnSettings::new(252.0) };
            let figures = rolling_figures(&returns, window, &settings, 0..returns.len());
            for (row, found) in figures.iter().enumerate() {
                let bars = (row + 1).checked_sub(window).map_or(&[][..], |start| &returns[start..=row]);
                let whole = Metrics::from_returns(bars, &settings);
                prop_assert_eq!((found.volatility, found.sharpe), (whole.volatility, whole.sharpe));
            }
        }
    }
}
