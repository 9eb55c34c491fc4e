//! Exact average ranks of a row, by radix sort.

/// Ranks rows; holds the scratch space that takes.
#[derive(Debug, Default)]
pub(crate) struct Ranker {
    leads: Vec<u32>,
    pairs: Vec<u64>,
    swap: Vec<u64>,
    positions: Vec<u32>,
}

/// Rows of fewer values are sorted by comparison.
const SMALL: usize = 64;
/// Rows of fewer values are sorted by short digits: fewer counts to add up, and a few more ties to settle.
const MEDIUM: usize = 1_024;

impl Ranker {
    /// Ranks from 0 for the smallest value to 1 for the largest; ties get the average of the ranks they span, and a
    /// single value 0.5. NaN has no rank. -0.0 equals 0.0.
    ///
    /// # Panics
    /// When there are not as many ranks as values, or more than `i32::MAX`.
    #[inline(always)]
    pub(crate) fn rank(&mut self, values: &[f64], ranks: &mut [f64]) {
        assert_eq!(values.len(), ranks.len(), "one rank for each value");
        assert!(i32::try_from(values.len()).is_ok(), "places fit in 31 bits");
        let n = values.len();
        self.pairs.resize(n, 0);
        let Extent { least, most, known } = Extent::of(values);
        if known < 2 {
            for (rank, value) in ranks.iter_mut().zip(values) {
                *rank = if value.is_nan() { f64::NAN } else { 0.5 };
            }
            return;
        }
        self.leads.resize(n, 0);
        self.positions.resize(n, 0);
        let leads = &mut self.leads[..];
        match n {
            0..SMALL => {
                lead(values, least, most, 20, leads);
                self.compare();
            }
            SMALL..MEDIUM => {
                lead(values, least, most, 16, leads);
                self.radix::<8>();
            }
            _ => {
                lead(values, least, most, 20, leads);
                self.radix::<10>();
            }
        }
        let steps = known as f64 - 1.0;
        for (rank, &position) in ranks.iter_mut().zip(&self.positions) {
            *rank = f64::from(position as i32) / steps;
        }
        for &pair in &self.pairs[known..n] {
            ranks[place(pair)] = f64::NAN;
        }
        settle(&mut self.pairs[..known], values, ranks, steps);
    }

    /// Sorts pairs of lead and place, and writes the position of each place.
    #[inline(always)]
    fn compare(&mut self) {
        for (at, (pair, &lead)) in self.pairs.iter_mut().zip(&self.leads).enumerate() {
            *pair = u64::from(lead) << 32 | at as u64;
        }
        self.pairs.sort_unstable();
        for (at, &pair) in self.pairs.iter().enumerate() {
            self.positions[place(pair)] = at as u32;
        }
    }

    /// The same for leads of two digits, in two stable counting passes.
    #[inline(always)]
    fn radix<const DIGIT: u32>(&mut self) {
        let n = self.leads.len();
        let low = |lead: u32| lead as usize & ((1 << DIGIT) - 1);
        let high = |lead: u32| (lead >> DIGIT) as usize & ((1 << DIGIT) - 1);
        // As long as the longest digit needs: an array's length cannot be computed from a parameter.
        let mut counts = [[0_u32; 1 << 10]; 2];
        self.swap.resize(n, 0);
        let (leads, pairs, swap) = (&self.leads[..n], &mut self.pairs[..n], &mut self.swap[..n]);
        // Written in the order of values; ranks, which may lie far from the processor, are made from it in their own.
        let positions = &mut self.positions[..n];
        for &lead in leads {
            counts[0][low(lead)] += 1;
            counts[1][high(lead)] += 1;
        }
        for counts in &mut counts {
            let mut next = 0;
            for count in &mut counts[..1 << DIGIT] {
                next += std::mem::replace(count, next);
            }
        }
        for (at, &lead) in leads.iter().enumerate() {
            let next = &mut counts[0][low(lead)];
            swap[*next as usize] = u64::from(lead) << 32 | at as u64;
            *next += 1;
        }
        for &pair in &*swap {
            let next = &mut counts[1][high((pair >> 32) as u32)];
            pairs[*next as usize] = pair;
            positions[place(pair)] = *next;
            *next += 1;
        }
    }
}

/// Range of the values that are not NaN, and their number.
struct Extent {
    least: f64,
    most: f64,
    known: usize,
}

impl Extent {
    #[inline(always)]
    fn of(values: &[f64]) -> Self {
        const LANES: usize = 8;
        let (mut least, mut most) = ([f64::INFINITY; LANES], [f64::NEG_INFINITY; LANES]);
        let mut known = [0_u64; LANES];
        let chunks = values.chunks_exact(LANES);
        let rest = chunks.remainder();
        for chunk in chunks {
            for lane in 0..LANES {
                let value = chunk[lane];
                least[lane] = if value < least[lane] { value } else { least[lane] };
                most[lane] = if value > most[lane] { value } else { most[lane] };
                known[lane] += u64::from(!value.is_nan());
            }
        }
        for &value in rest {
            least[0] = if value < least[0] { value } else { least[0] };
            most[0] = if value > most[0] { value } else { most[0] };
            known[0] += u64::from(!value.is_nan());
        }
        Self {
            least: least.into_iter().fold(f64::INFINITY, |least, value| if value < least { value } else { least }),
            most: most.into_iter().fold(f64::NEG_INFINITY, |most, value| if value > most { value } else { most }),
            known: known.iter().sum::<u64>() as usize,
        }
    }
}

/// Maps values to leads of so many bits that never order two values the wrong way round: by their distance from the
/// least where signs differ, else by their bits, which tell the more apart the smaller values are, as prices and
/// volumes want. NaN gets the last lead, which no value has.
#[inline(always)]
fn lead(values: &[f64], least: f64, most: f64, bits: u32, leads: &mut [u32]) {
    let missing = (1_u32 << bits) - 1;
    let last = f64::from(missing - 1);
    let range = most - least;
    let scale = last / range;
    if least < 0.0 && most > 0.0 && range.is_finite() && scale.is_finite() {
        /// Adding it leaves the nearest whole number in the low bits.
        const WHOLE: f64 = (1_u64 << 52) as f64;
        for (lead, &value) in leads.iter_mut().zip(values) {
            let scaled = (value - least) * scale;
            let capped = if scaled > last { last } else { scaled };
            let known = if capped.is_nan() { f64::from(missing) } else { capped };
            *lead = (known + WHOLE).to_bits() as u32;
        }
        return;
    }
    let first = rising_bits(least);
    let shift = (64 - (rising_bits(most) - first).leading_zeros()).saturating_sub(bits);
    for (lead, &value) in leads.iter_mut().zip(values) {
        let distance = (rising_bits(value).wrapping_sub(first) >> shift) as u32;
        let capped = if distance >= missing { missing - 1 } else { distance };
        *lead = if value.is_nan() { missing } else { capped };
    }
}

/// Orders pairs of equal leads by value, and gives equal values their average rank. `pairs` are sorted by lead.
#[inline(always)]
fn settle(pairs: &mut [u64], values: &[f64], ranks: &mut [f64], steps: f64) {
    const STRIDE: usize = 8;
    let n = pairs.len();
    let mut start = 0;
    while start + 1 < n {
        if let Some(next) = pairs.get(start..=start + STRIDE) {
            let mut equal = false;
            for at in 0..STRIDE {
                equal |= next[at] >> 32 == next[at + 1] >> 32;
            }
            if !equal {
                start += STRIDE;
                continue;
            }
        }
        let lead = pairs[start] >> 32;
        let mut end = start + 1;
        while end < n && pairs[end] >> 32 == lead {
            end += 1;
        }
        if end > start + 1 {
            settle_run(&mut pairs[start..end], start, values, ranks, steps);
        }
        start = end;
    }
}

/// One run of equal leads, whose first pair is at `start`.
#[inline(always)]
fn settle_run(run: &mut [u64], start: usize, values: &[f64], ranks: &mut [f64], steps: f64) {
    let first = values[place(run[0])];
    if run.iter().any(|&pair| values[place(pair)] != first) {
        run.sort_unstable_by(|&left, &right| values[place(left)].total_cmp(&values[place(right)]));
    }
    let mut from = 0;
    while from < run.len() {
        let value = values[place(run[from])];
        let mut to = from + 1;
        while to < run.len() && values[place(run[to])] == value {
            to += 1;
        }
        // Positions from start + from to start + to - 1, averaged.
        let rank = (2 * start + from + to - 1) as f64 / 2.0 / steps;
        for &pair in &run[from..to] {
            ranks[place(pair)] = rank;
        }
        from = to;
    }
}

#[inline(always)]
fn place(pair: u64) -> usize {
    (pair & 0xffff_ffff) as usize
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
        let mut ranks = vec![7.0; values.len()];
        Ranker::default().rank(values, &mut ranks);
        let known: Vec<f64> = values.iter().copied().filter(|value| !value.is_nan()).collect();
        for (place, &value) in values.iter().enumerate() {
            let expected = match known.len() {
                _ if value.is_nan() => f64::NAN,
                1 => 0.5,
                n => (average_rank(&known, value) - 1.0) / (n as f64 - 1.0),
            };
            assert_eq!(ranks[place].to_bits(), expected.to_bits(), "place {place} of {values:?}");
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
        for n in [2, 15, 63, 64, 65, 500, 1023, 1024, 2656] {
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
