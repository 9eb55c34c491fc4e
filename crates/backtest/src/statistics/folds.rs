//! Splits of history into parts that share no bar.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// One fold: rows to test on, and the rows before and after that may be trained on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fold {
    /// Rows tested.
    pub test: Range<usize>,
    /// Training rows before the test.
    pub before: Range<usize>,
    /// Training rows after the test.
    pub after: Range<usize>,
}

impl Fold {
    /// All training rows, in order.
    pub fn train(&self) -> impl Iterator<Item = usize> + use<> {
        self.before.clone().chain(self.after.clone())
    }
}

/// Purged k-fold with embargo (Lopez de Prado 2018, chapter 7): consecutive test folds, each with the training rows
/// whose labels share no bar with a test label and which do not follow it within `embargo` rows.
///
/// Row `i` uses bars `i..=i + horizon`; the embargo counts from the last bar of the test labels. Where the rows do not
/// divide, the first folds are one longer.
///
/// # Errors
/// Below two folds, for more folds than rows, and where horizon and embargo together reach the length of a fold.
pub fn purged_kfold(rows: usize, folds: usize, horizon: usize, embargo: usize) -> Result<Vec<Fold>, Error> {
    if folds < 2 || folds > rows {
        return Err(Error::Folds { rows, folds });
    }
    let (length, longer) = (rows / folds, rows % folds);
    if horizon.saturating_add(embargo) >= length {
        return Err(Error::Purge { horizon, embargo, length });
    }
    let mut start = 0;
    let fold = |index: usize| {
        let end = start + length + usize::from(index < longer);
        let test = start..end;
        start = end;
        let after = (test.end + horizon + embargo).min(rows);
        Fold { before: 0..test.start.saturating_sub(horizon), after: after..rows, test }
    };
    Ok((0..folds).map(fold).collect())
}

/// How many splits and paths combinatorial purged cross-validation makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CpcvCounts {
    /// Choices of test groups, `C(groups, test_groups)`.
    pub splits: u64,
    /// Complete test histories that can be put together from them, `splits x test_groups / groups`.
    pub paths: u64,
}

/// Counts of combinatorial purged cross-validation (Lopez de Prado 2018, chapter 12). `None` where there is no group,
/// more test groups than groups, or too many splits to count.
pub fn cpcv_counts(groups: u64, test_groups: u64) -> Option<CpcvCounts> {
    if groups == 0 {
        return None;
    }
    let splits = binomial(groups, test_groups)?;
    // k C(n, k) / n = C(n - 1, k - 1).
    let paths = if test_groups == 0 { 0 } else { binomial(groups - 1, test_groups - 1)? };
    Some(CpcvCounts { splits, paths })
}

/// Ways to choose `k` of `n`; `None` where `k > n` or the number is too large.
pub(super) fn binomial(n: u64, k: u64) -> Option<u64> {
    let fewer = k.min(n.checked_sub(k)?);
    let mut ways = 1_u128;
    for i in 0..u128::from(fewer) {
        ways = ways * (u128::from(n) - i) / (i + 1);
        if ways > u128::from(u64::MAX) {
            return None;
        }
    }
    u64::try_from(ways).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn splits_that_cannot_be_made_are_refused() {
        assert_eq!(purged_kfold(10, 1, 0, 0), Err(Error::Folds { rows: 10, folds: 1 }));
        assert_eq!(purged_kfold(3, 4, 0, 0), Err(Error::Folds { rows: 3, folds: 4 }));
        assert_eq!(purged_kfold(0, 0, 0, 0), Err(Error::Folds { rows: 0, folds: 0 }));
        assert_eq!(purged_kfold(20, 5, 3, 1), Err(Error::Purge { horizon: 3, embargo: 1, length: 4 }));
        assert!(purged_kfold(20, 5, usize::MAX, 1).is_err());
        assert_eq!(cpcv_counts(0, 0), None);
        assert_eq!(cpcv_counts(3, 4), None);
        assert_eq!(cpcv_counts(1_000, 500), None);
        assert_eq!(cpcv_counts(u64::MAX, 1), Some(CpcvCounts { splits: u64::MAX, paths: 1 }));
    }

    proptest! {
        #[test]
        fn no_bar_is_shared(folds in 2..6_usize, length in 4..12_usize, extra in 0..5_usize, horizon in 0..3_usize) {
            let rows = folds * length + extra;
            let embargo = 1;
            let made = purged_kfold(rows, folds, horizon, embargo).unwrap();
            let tested: Vec<usize> = made.iter().flat_map(|fold| fold.test.clone()).collect();
            prop_assert_eq!(tested, (0..rows).collect::<Vec<_>>());
            for fold in &made {
                let safe = |row: usize| {
                    let apart = fold.test.clone().all(|test| row + horizon < test || row > test + horizon);
                    let last_bar = fold.test.end - 1 + horizon;
                    apart && !(last_bar + 1..=last_bar + embargo).contains(&row)
                };
                let expected: Vec<usize> = (0..rows).filter(|row| safe(*row)).collect();
                prop_assert_eq!(fold.train().collect::<Vec<_>>(), expected);
            }
        }
    }
}
