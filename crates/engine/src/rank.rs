//! Exact average ranks, by radix on order-preserving integer keys.

/// Reusable scratch for ranking rows.
#[derive(Debug, Default)]
pub struct Ranker {
    pairs: Vec<u64>,
    swap: Vec<u64>,
    keys: Vec<u64>,
}

/// Bits of a radix digit, and of the part of a key that is sorted by radix: two digits.
const DIGIT: u32 = 11;
/// Below this many values, comparing is faster than counting.
const SMALL: usize = 64;

impl Ranker {
    /// Calls `set(place, rank)` for every value, with ranks from 1 and the average rank for ties. Values must not
    /// be NaN; -0.0 equals 0.0.
    #[inline(always)]
    pub fn rank(&mut self, values: &[f64], mut set: impl FnMut(usize, f64)) {
        self.order(values);
        let n = values.len();
        let mut start = 0;
        while start < n {
            let value = values[place(self.pairs[start])];
            let mut end = start + 1;
            while end < n && values[place(self.pairs[end])] == value {
                end += 1;
            }
            // Ranks start + 1 to end, averaged.
            let rank = (start + 1 + end) as f64 / 2.0;
            for &pair in &self.pairs[start..end] {
                set(place(pair), rank);
            }
            start = end;
        }
    }

    /// Sorts the places by value into `pairs`: the leading bits of the key above, the place in the low 32 bits.
    #[inline(always)]
    fn order(&mut self, values: &[f64]) {
        let n = values.len();
        self.keys.clear();
        self.keys.extend(values.iter().map(|&value| ordered_bits(value)));
        let (least, most) = self.keys.iter().fold((u64::MAX, 0), |(least, most), &key| (least.min(key), most.max(key)));
        // Only the bits in which the values differ matter; the leading 22 of those are sorted by radix.
        let range_bits = 64 - most.saturating_sub(least).leading_zeros();
        let shift = range_bits.saturating_sub(2 * DIGIT);
        self.pairs.clear();
        self.pairs.extend(self.keys.iter().enumerate().map(|(i, &key)| ((key - least) >> shift) << 32 | i as u64));
        if n < SMALL {
            self.pairs.sort_unstable();
        } else {
            self.radix();
        }
        if shift > 0 {
            self.settle();
        }
    }

    /// Two stable counting passes over the 22 leading bits.
    #[inline(always)]
    fn radix(&mut self) {
        const BUCKETS: usize = 1 << DIGIT;
        let mut counts = [[0_u32; BUCKETS]; 2];
        for &pair in &self.pairs {
            counts[0][digit(pair, 0)] += 1;
            counts[1][digit(pair, 1)] += 1;
        }
        self.swap.resize(self.pairs.len(), 0);
        for (pass, counts) in counts.iter_mut().enumerate() {
            let mut next = 0;
            for count in counts.iter_mut() {
                next += std::mem::replace(count, next);
            }
            for &pair in &self.pairs {
                let at = &mut counts[digit(pair, pass as u32)];
                self.swap[*at as usize] = pair;
                *at += 1;
            }
            std::mem::swap(&mut self.pairs, &mut self.swap);
        }
    }

    /// Puts runs with equal leading bits into the order of their full keys.
    #[inline(always)]
    fn settle(&mut self) {
        let n = self.pairs.len();
        let keys = &self.keys;
        let mut start = 0;
        while start < n {
            let lead = self.pairs[start] >> 32;
            let mut end = start + 1;
            while end < n && self.pairs[end] >> 32 == lead {
                end += 1;
            }
            let run = &mut self.pairs[start..end];
            if run.len() > 16 {
                run.sort_unstable_by_key(|&pair| (keys[place(pair)], pair));
            } else {
                for i in 1..run.len() {
                    let mut at = i;
                    while at > 0 && keys[place(run[at - 1])] > keys[place(run[at])] {
                        run.swap(at - 1, at);
                        at -= 1;
                    }
                }
            }
            start = end;
        }
    }
}

/// A rank from 1 to n, brought to 0..1; 0.5 for a single value.
#[inline(always)]
pub fn unit_rank(rank: f64, n: usize) -> f64 {
    if n == 1 { 0.5 } else { (rank - 1.0) / (n as f64 - 1.0) }
}

#[inline(always)]
fn place(pair: u64) -> usize {
    (pair & 0xffff_ffff) as usize
}

#[inline(always)]
fn digit(pair: u64, pass: u32) -> usize {
    (pair >> (32 + pass * DIGIT)) as usize & ((1 << DIGIT) - 1)
}

/// Bits that compare as unsigned integers the way the values compare.
#[inline(always)]
fn ordered_bits(value: f64) -> u64 {
    let bits = (value + 0.0).to_bits();
    bits ^ (((bits as i64) >> 63) as u64 | 1 << 63)
}

#[cfg(test)]
mod tests {
    use super::*;
    use factor::reference::average_rank;

    fn check(values: &[f64]) {
        let mut ranks = vec![f64::NAN; values.len()];
        Ranker::default().rank(values, |place, rank| ranks[place] = rank);
        for (place, &value) in values.iter().enumerate() {
            assert_eq!(ranks[place], average_rank(values, value), "place {place} of {values:?}");
        }
    }

    #[test]
    fn ranks_are_exact() {
        check(&[1.0]);
        check(&[2.0, 1.0, 2.0, -0.0, 0.0, -5.0]);
        let mut state = 1_u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 11) as f64 / (1_u64 << 53) as f64
        };
        for n in [2, 15, 63, 64, 65, 500, 2656] {
            check(&(0..n).map(|_| next() - 0.5).collect::<Vec<_>>());
            check(&(0..n).map(|_| (next() * 10.0).floor()).collect::<Vec<_>>());
            // Neighbouring doubles at one level: equal in their leading bits.
            check(&(0..n).map(|_| 5e6 + (next() * 8.0).floor() * f64::EPSILON * 4e6).collect::<Vec<_>>());
            check(
                &(0..n).map(|i| if i % 7 == 0 { 1e300 * next() } else { 1e-300 * (next() - 0.5) }).collect::<Vec<_>>(),
            );
            check(&vec![3.25; n]);
        }
    }
}
