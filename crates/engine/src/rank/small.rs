//! Ranks of few values: for each, how many lie below it.
//!
//! Counted among values rounded to half their bits first, of which vectors take twice as many. Rounding never puts two
//! values the wrong way round. If all are still distinct, as many pairs were counted as there are; only else are those
//! counted too that equal each other, as they were if rounding changed any.

use std::ops::Add;

use super::Rank;

/// Most values.
pub(super) const MOST: usize = 64;

/// Ranks values, and says how many are known.
#[inline(always)]
pub(super) fn rank<R: Rank>(values: &[f64], ranks: &mut [R]) -> usize {
    let n = values.len();
    let mut exact = [f64::NAN; MOST];
    exact[..n].copy_from_slice(values);
    let mut rough = [f32::NAN; MOST];
    // What is missing counts as changed.
    let (mut known, mut changed) = (0, 0);
    for (rough, &value) in rough.iter_mut().zip(&exact) {
        *rough = value as f32;
        known += u32::from(!value.is_nan());
        changed += u32::from(f64::from(*rough) != value);
    }
    // How many values lie below each, in halves, as those do that equal it.
    let mut below = [0; MOST];
    count_all::<f32, false>(&rough, n, &mut below);
    // Integers may be added in any order, several at a time.
    let pairs: u32 = below.iter().sum();
    if pairs < known * known.saturating_sub(1) {
        if changed + known > MOST as u32 {
            count_all::<f64, true>(&exact, n, &mut below);
        } else {
            count_all::<f32, true>(&rough, n, &mut below);
        }
    }
    // All of them, and then those there are: so long a loop becomes vectors, whatever `n` is.
    let halves = 2.0 * (f64::from(known) - 1.0);
    let mut all = [R::MISSING; MOST];
    for ((rank, &rough), &below) in all.iter_mut().zip(&rough).zip(&below) {
        *rank = if rough.is_nan() { R::MISSING } else { R::of(below, halves) };
    }
    ranks.copy_from_slice(&all[..n]);
    known as usize
}

/// Numbers that values are rounded to and counted with.
trait Number: Copy + PartialOrd + Add<Output = Self> + From<u8> {
    /// A whole number that is not negative and small.
    fn whole(self) -> u32;
}

impl Number for f32 {
    #[inline(always)]
    fn whole(self) -> u32 {
        /// Adding it leaves a whole number in the low bits.
        const WHOLE: f32 = (1_u32 << 23) as f32;
        (self + WHOLE).to_bits() ^ WHOLE.to_bits()
    }
}

impl Number for f64 {
    #[inline(always)]
    fn whole(self) -> u32 {
        /// Adding it leaves a whole number in the low bits.
        const WHOLE: f64 = (1_u64 << 52) as f64;
        (self + WHOLE).to_bits() as u32
    }
}

/// Counts for each value those of the first `n` that lie below it twice, and with `TIES` the others that equal it once.
/// What follows the first `n` is NaN; counts of NaN say nothing with `TIES`, and are 0 without.
#[inline(always)]
fn count_all<T: Number, const TIES: bool>(values: &[T; MOST], n: usize, counts: &mut [u32; MOST]) {
    const HALF: usize = MOST / 2;
    if n > HALF {
        count::<T, MOST, TIES>(values, &values[..n], counts);
    } else if let (Some(values), Some(counts)) = (values.first_chunk::<HALF>(), counts.first_chunk_mut::<HALF>()) {
        count::<T, HALF, TIES>(values, &values[..n], counts);
    }
}

/// The same of as many values as vectors take together: a sum has to wait for the one before, so that all of them wait
/// while only some are counted.
#[inline(always)]
fn count<T: Number, const LANES: usize, const TIES: bool>(
    values: &[T; LANES],
    others: &[T],
    counts: &mut [u32; LANES],
) {
    // Counted as numbers, whose sums the compiler may not reorder, so that it takes values together.
    let (mut below, mut equal) = ([T::from(0); LANES], [T::from(0); LANES]);
    for &other in others {
        for lane in 0..LANES {
            below[lane] = if other < values[lane] { below[lane] + T::from(1) } else { below[lane] };
            if TIES {
                equal[lane] = if other == values[lane] { equal[lane] + T::from(1) } else { equal[lane] };
            }
        }
    }
    for lane in 0..LANES {
        let others = if TIES { equal[lane].whole().wrapping_sub(1) } else { 0 };
        counts[lane] = (2 * below[lane].whole()).wrapping_add(others);
    }
}
