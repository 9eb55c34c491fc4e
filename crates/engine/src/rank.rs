//! Exact average ranks of a row: by sorting ([`sorter`]), of few values by comparing all with all ([`small`]).

use crate::compiled_for;
use crate::vectors::Vectors;

mod small;
mod sorter;

use sorter::{Key, Sorter};

/// Ranks rows; holds the scratch space that takes.
#[derive(Debug, Default)]
pub struct Ranker {
    narrow: Sorter<u32>,
    wide: Sorter<u64>,
}

/// Rows of no more values are not sorted: each is compared with each.
const SMALL: usize = small::MOST;

impl Ranker {
    /// Ranks a row, as a part of something that is compiled for vectors; says how many values are known. -0.0 equals 0.0.
    ///
    /// # Panics
    /// When there are not as many ranks as values, or more than 2^30.
    #[inline(always)]
    pub(crate) fn rank<R: Rank>(&mut self, values: &[f64], ranks: &mut [R]) -> usize {
        assert_eq!(values.len(), ranks.len(), "one rank for each value");
        assert!(values.len() <= 1 << 30, "twice a place fits in 31 bits");
        if values.len() <= SMALL {
            return small::rank(values, ranks);
        }
        if values.len() <= 1 << <u32 as Key>::PLACE_BITS {
            self.narrow.rank(values, ranks)
        } else {
            self.wide.rank(values, ranks)
        }
    }

    /// Ranks a row by itself: from 0 for the smallest value to 1 for the largest; ties get the average of the ranks they
    /// span, and a single value 0.5. NaN has no rank. -0.0 equals 0.0.
    ///
    /// # Panics
    /// When there are not as many ranks as values, or more than 2^30.
    pub fn rank_row(&mut self, values: &[f64], ranks: &mut [f64]) {
        self.rank_with(Vectors::detect(), values, ranks);
    }

    /// Ranks a row in whole numbers: twice the average rank of each value, counted from 1, and 0 for NaN. Gives how many
    /// values are not NaN. -0.0 equals 0.0.
    ///
    /// # Panics
    /// When there are not as many ranks as values, or more than 2^30.
    pub fn rank_twice(&mut self, values: &[f64], doubled: &mut [u32]) -> usize {
        self.rank_with(Vectors::detect(), values, doubled)
    }

    fn rank_with<R: Rank>(&mut self, vectors: Vectors, values: &[f64], ranks: &mut [R]) -> usize {
        let ranker = self;
        let mut known = 0;
        let found = &mut known;
        compiled_for!(vectors, rank_row[R: Rank](
            ranker: &mut Ranker, values: &[f64], ranks: &mut [R], found: &mut usize));
        known
    }
}

#[inline(always)]
fn rank_row<R: Rank>(ranker: &mut Ranker, values: &[f64], ranks: &mut [R], known: &mut usize) {
    *known = ranker.rank(values, ranks);
}

/// What a rank is written as.
pub(crate) trait Rank: Copy {
    /// For what is missing.
    const MISSING: Self;

    /// From twice the place among the sorted, counted from 0; `halves` is twice the last place.
    fn of(twice: u32, halves: f64) -> Self;
}

/// From 0 to 1, and 0.5 for a single value.
impl Rank for f64 {
    const MISSING: Self = f64::NAN;

    #[inline(always)]
    fn of(twice: u32, halves: f64) -> Self {
        // Signed, as vectors of those become numbers in one step.
        let part = f64::from(twice as i32) / halves;
        if halves > 0.0 { part } else { 0.5 }
    }
}

/// Twice the rank, counted from 1.
impl Rank for u32 {
    const MISSING: Self = 0;

    #[inline(always)]
    fn of(twice: u32, _: f64) -> Self {
        twice + 2
    }
}

/// Bits that rise with the value, as unsigned integers; equal for 0 and -0. NaN may come anywhere.
#[inline(always)]
pub fn rising_bits(value: f64) -> u64 {
    let bits = (value + 0.0).to_bits();
    let negative = ((bits as i64) >> 63) as u64;
    bits ^ (negative | 1 << 63)
}

#[cfg(test)]
mod tests {
    use super::*;
    use factor::reference::average_rank;

    fn check(values: &[f64]) {
        let known: Vec<f64> = values.iter().copied().filter(|value| !value.is_nan()).collect();
        let expected: Vec<f64> = values
            .iter()
            .map(|&value| match known.len() {
                _ if value.is_nan() => f64::NAN,
                1 => 0.5,
                n => (average_rank(&known, value) - 1.0) / (n as f64 - 1.0),
            })
            .collect();
        for vectors in Vectors::all() {
            let (mut ranks, mut doubled) = (vec![7.0; values.len()], vec![7; values.len()]);
            assert_eq!(Ranker::default().rank_with(vectors, values, &mut ranks), known.len());
            assert_eq!(Ranker::default().rank_with(vectors, values, &mut doubled), known.len());
            for (place, (rank, expected)) in ranks.iter().zip(&expected).enumerate() {
                assert_eq!(rank.to_bits(), expected.to_bits(), "place {place} of {values:?} with {vectors:?}");
            }
            for (place, (&doubled, &value)) in doubled.iter().zip(values).enumerate() {
                let expected = if value.is_nan() { 0.0 } else { 2.0 * average_rank(&known, value) };
                assert_eq!(f64::from(doubled), expected, "place {place} of {values:?} with {vectors:?}");
            }
        }
    }

    #[test]
    fn ranks_are_exact() {
        check(&[]);
        check(&[f64::NAN, f64::NAN]);
        check(&[1.0]);
        check(&[f64::NAN, 1.0, f64::NAN]);
        check(&[2.0, 1.0, 2.0, -0.0, 0.0, -5.0]);
        check(&[f64::INFINITY, 1.0, f64::NEG_INFINITY, 1.0, f64::NAN]);
        check(&[f64::MAX, f64::MIN, 0.0, f64::MIN_POSITIVE, -f64::MIN_POSITIVE, 5e-324]);
        let mut state = 1_u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 11) as f64 / (1_u64 << 53) as f64
        };
        for n in [2, 15, 32, 33, 63, 64, 65, 500, 1023, 1024, 2656, 4096, 4097] {
            check(&(0..n).map(|_| next() - 0.5).collect::<Vec<_>>());
            check(&(0..n).map(|_| 10.0 * next() * next()).collect::<Vec<_>>());
            check(&(0..n).map(|_| if next() < 0.2 { f64::NAN } else { next() - 0.5 }).collect::<Vec<_>>());
            check(&(0..n).map(|_| (next() * 10.0).floor()).collect::<Vec<_>>());
            check(&(0..n).map(|_| (next() * 10.0).floor() - 4.0).collect::<Vec<_>>());
            // Neighbouring doubles at one level: equal in their leading bits.
            check(&(0..n).map(|_| 5e6 + (next() * 8.0).floor() * f64::EPSILON * 4e6).collect::<Vec<_>>());
            let mut wide = |i: usize| if i.is_multiple_of(7) { 1e300 * next() } else { 1e-300 * (next() - 0.5) };
            check(&(0..n).map(&mut wide).collect::<Vec<_>>());
            check(&(0..n).map(|i| wide(i) * 1e8 * f64::from(i32::from(i % 14 == 0) * 2 - 1)).collect::<Vec<_>>());
            check(&vec![3.25; n]);
        }
    }
}
