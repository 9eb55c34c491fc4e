//! Ranks of few values: for each, how many lie below it.
//!
//! Counted among values rounded to half their bits first, of which vectors take twice as many. Rounding never puts two
//! values the wrong way round. If all are still distinct, as many pairs were counted as there are; only else are those
//! counted too that equal each other, as they were if rounding changed any.

use std::ops::Add;

use super::Rank;

/// Most values.
pub(super) const MOST: usize = 64;
/// Values that are compared with another together.
const LANES: usize = 32;

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
    count::<f32, false>(&rough, n, &mut below);
    // Integers may be added in any order, several at a time.
    let pairs: u32 = below.iter().sum();
    if pairs < known * known.saturating_sub(1) {
        if changed + known > MOST as u32 {
            count::<f64, true>(&exact, n, &mut below);
        } else {
            count::<f32, true>(&rough, n, &mut below);
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
fn count<T: Number, const TIES: bool>(values: &[T; MOST], n: usize, counts: &mut [u32; MOST]) {
    let chunks = values.as_chunks::<LANES>().0.iter().zip(counts.as_chunks_mut::<LANES>().0);
    for (chunk, counts) in chunks.take(n.div_ceil(LANES)) {
        // Counted as numbers, whose sums the compiler may not reorder, so that it takes values together.
        let (mut below, mut equal) = ([T::from(0); LANES], [T::from(0); LANES]);
        for &other in &values[..n] {
            for lane in 0..LANES {
                below[lane] = if other < chunk[lane] { below[lane] + T::from(1) } else { below[lane] };
                if TIES {
                    equal[lane] = if other == chunk[lane] { equal[lane] + T::from(1) } else { equal[lane] };
                }
            }
        }
        for lane in 0..LANES {
            let others = if TIES { equal[lane].whole().wrapping_sub(1) } else { 0 };
            counts[lane] = (2 * below[lane].whole()).wrapping_add(others);
        }
    }
}
