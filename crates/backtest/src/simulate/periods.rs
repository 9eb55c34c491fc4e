//! How bars are cut into periods.

use std::ops::Range;

use serde::{Deserialize, Serialize};

/// Bars of training, validation and exam, in this order and without gaps.
///
/// A simulation runs once over all bars; a period's returns are `outcome.returns[period]`. Its first return is that
/// from the close before the period to its first close, earned with what was held by then: nothing is restarted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Periods {
    /// What selection reads.
    pub train: Range<usize>,
    /// What champions are picked on.
    pub validation: Range<usize>,
    /// What nobody reads before the end.
    pub exam: Range<usize>,
}

impl Periods {
    /// Cuts so many bars by shares of training and validation, each cut rounded to the nearest bar; the exam takes the
    /// rest.
    pub fn split(bars: usize, train: f64, validation: f64) -> Self {
        // Shares outside 0 to 1, and NaN, saturate: no cut lies outside the bars, or before the one before it.
        let cut = |share: f64| ((share * bars as f64).round() as usize).min(bars);
        let first = cut(train);
        let second = cut(train + validation).max(first);
        Self { train: 0..first, validation: first..second, exam: second..bars }
    }

    /// Names and rows, in order.
    pub fn named(&self) -> [(&'static str, Range<usize>); 3] {
        [("train", self.train.clone()), ("validation", self.validation.clone()), ("exam", self.exam.clone())]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_cover_every_bar_once() {
        let check = |bars, train, validation, expected: [Range<usize>; 3]| {
            let found = Periods::split(bars, train, validation).named().map(|(_, rows)| rows);
            assert_eq!(found, expected, "{bars} {train} {validation}");
        };
        check(1253, 0.6, 0.2, [0..752, 752..1002, 1002..1253]);
        check(10, 0.6, 0.2, [0..6, 6..8, 8..10]);
        check(1, 0.6, 0.2, [0..1, 1..1, 1..1]);
        check(0, 0.6, 0.2, [0..0, 0..0, 0..0]);
        check(7, 1.0, 0.0, [0..7, 7..7, 7..7]);
        check(7, 2.0, -1.5, [0..7, 7..7, 7..7]);
        check(7, f64::NAN, 0.5, [0..0, 0..0, 0..7]);
    }
}
