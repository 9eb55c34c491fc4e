//! Ranks of many values, by radix sort of keys.
//!
//! Each value becomes a key: in front its lead, a short number that never orders two values the wrong way round, behind
//! it its place in the row. Keys are sorted by lead in two counting passes; the few values that share a lead are then
//! put right by what they are.

use super::{Rank, rising_bits};
use crate::kernels::{greater, lesser};

/// Rows of fewer values are sorted by short digits: fewer counts to add up, and a few more ties to settle.
const MEDIUM: usize = 1_024;
/// Bits of the longest leads.
const LEAD_BITS: u32 = 20;

/// A lead in front of a place.
pub(super) trait Key: Copy + Default + Ord {
    const PLACE_BITS: u32;

    /// Where a key is among the sorted, as short as rows allow: more of a row stays close to the processor.
    type Position: Copy + Default + Into<u32>;

    fn position(at: u32) -> Self::Position;

    /// Length of buffers for rows of `n` values. Where it is a constant that no index exceeds, the compiler sees that
    /// none needs to be checked.
    fn room(n: usize) -> usize;

    /// A number below [`Key::room`] as an index.
    fn index(at: u32) -> usize;

    fn new(lead: u32, place: u32) -> Self;

    fn lead(self) -> u32;

    fn place(self) -> usize;

    #[inline(always)]
    fn has_lead_of(self, other: Self) -> bool {
        self.lead() == other.lead()
    }
}

/// For leads of up to 20 bits and rows of up to 4,096 values.
impl Key for u32 {
    const PLACE_BITS: u32 = 32 - LEAD_BITS;

    type Position = u16;

    #[inline(always)]
    fn position(at: u32) -> u16 {
        at as u16
    }

    #[inline(always)]
    fn room(_: usize) -> usize {
        1 << Self::PLACE_BITS
    }

    #[inline(always)]
    fn index(at: u32) -> usize {
        (at & ((1 << Self::PLACE_BITS) - 1)) as usize
    }

    #[inline(always)]
    fn new(lead: u32, place: u32) -> Self {
        lead << Self::PLACE_BITS | place
    }

    #[inline(always)]
    fn lead(self) -> u32 {
        self >> Self::PLACE_BITS
    }

    #[inline(always)]
    fn place(self) -> usize {
        (self & ((1 << Self::PLACE_BITS) - 1)) as usize
    }
}

/// For rows of any length.
impl Key for u64 {
    const PLACE_BITS: u32 = 32;

    type Position = u32;

    #[inline(always)]
    fn position(at: u32) -> u32 {
        at
    }

    #[inline(always)]
    fn room(n: usize) -> usize {
        n
    }

    #[inline(always)]
    fn index(at: u32) -> usize {
        at as usize
    }

    #[inline(always)]
    fn new(lead: u32, place: u32) -> Self {
        Self::from(lead) << Self::PLACE_BITS | Self::from(place)
    }

    #[inline(always)]
    fn lead(self) -> u32 {
        (self >> Self::PLACE_BITS) as u32
    }

    #[inline(always)]
    fn place(self) -> usize {
        (self & ((1 << Self::PLACE_BITS) - 1)) as usize
    }
}

/// Ranks rows by keys of one width.
#[derive(Debug, Default)]
pub(super) struct Sorter<K: Key> {
    /// In the order of places, then sorted.
    keys: Vec<K>,
    half_sorted: Vec<K>,
    /// Of each place, where its key is among the sorted. Ranks, which may lie far from the processor, are made from it in their
    /// own order.
    positions: Vec<K::Position>,
    /// Where among the sorted leads may be shared.
    suspects: Vec<usize>,
}

impl<K: Key> Sorter<K> {
    #[inline(always)]
    pub(super) fn rank<R: Rank>(&mut self, values: &[f64], ranks: &mut [R]) -> usize {
        let n = values.len();
        // One after the other: together, the compiler pairs the least of a lane with its most.
        let least = extreme(values, f64::INFINITY, lesser);
        let most = extreme(values, f64::NEG_INFINITY, greater);
        if least >= most {
            // One value, or many equal ones.
            let known = values.iter().filter(|value| !value.is_nan()).count();
            let last = known.saturating_sub(1);
            let rank = R::of(last as u32, 2.0 * last as f64);
            for (each, value) in ranks.iter_mut().zip(values) {
                *each = if value.is_nan() { R::MISSING } else { rank };
            }
            return known;
        }
        self.keys.resize(K::room(n), K::default());
        self.half_sorted.resize(K::room(n), K::default());
        self.positions.resize(K::room(n), K::Position::default());
        let bits = if n < MEDIUM { 16 } else { LEAD_BITS };
        write_keys(values, least, most, bits, &mut self.keys[..n]);
        if n < MEDIUM {
            self.radix::<8, { 1 << 8 }>(n);
        } else {
            self.radix::<10, { 1 << 10 }>(n);
        }
        // What is missing has the last lead, and no place among the known.
        let known = self.keys[..n].partition_point(|key| key.lead() != missing_lead(bits));
        let halves = 2.0 * (known as f64 - 1.0);
        self.spread(known, halves, ranks);
        self.settle(known, halves, values, ranks);
        for key in &self.keys[known..n] {
            ranks[key.place()] = R::MISSING;
        }
        known
    }

    /// Sorts keys of leads of two digits in two stable counting passes, and writes the position of each place.
    #[inline(always)]
    fn radix<const DIGIT: u32, const DIGITS: usize>(&mut self, n: usize) {
        // There are 2^`DIGIT` of them: an array's length cannot be computed from a parameter.
        let low = |key: K| key.lead() as usize & (DIGITS - 1);
        let high = |key: K| (key.lead() >> DIGIT) as usize & (DIGITS - 1);
        let mut counts = [[0_u32; DIGITS]; 2];
        let room = K::room(n);
        let (keys, half_sorted) = (&mut self.keys[..room], &mut self.half_sorted[..room]);
        let positions = &mut self.positions[..room];
        for &key in &keys[..n] {
            counts[0][low(key)] += 1;
            counts[1][high(key)] += 1;
        }
        for counts in &mut counts {
            let mut next = 0;
            for count in counts {
                next += std::mem::replace(count, next);
            }
        }
        for &key in &keys[..n] {
            let next = &mut counts[0][low(key)];
            half_sorted[K::index(*next)] = key;
            *next += 1;
        }
        for &key in &half_sorted[..n] {
            let next = &mut counts[1][high(key)];
            keys[K::index(*next)] = key;
            positions[key.place()] = K::position(*next);
            *next += 1;
        }
    }

    /// Writes ranks as if no lead were shared, and notes where some are.
    #[inline(always)]
    fn spread<R: Rank>(&mut self, known: usize, halves: f64, ranks: &mut [R]) {
        self.suspects.clear();
        let rank = |position: K::Position| R::of(2 * position.into(), halves);
        let n = ranks.len();
        let (ranks, last_ranks) = ranks.as_chunks_mut::<CHUNK>();
        let (positions, last_positions) = self.positions[..n].as_chunks::<CHUNK>();
        let sorted = &self.keys[..known];
        for (chunk, (ranks, positions)) in ranks.iter_mut().zip(positions).enumerate() {
            *ranks = positions.map(rank);
            let start = chunk * CHUNK;
            let Some(keys) = sorted.get(start..=start + CHUNK) else { continue };
            let mut shared = [false; CHUNK];
            for at in 0..CHUNK {
                shared[at] = keys[at].has_lead_of(keys[at + 1]);
            }
            if shared.contains(&true) {
                self.suspects.push(start);
            }
        }
        for (last, &position) in last_ranks.iter_mut().zip(last_positions) {
            *last = rank(position);
        }
        // The last keys have no whole chunk of neighbours.
        self.suspects.push((known - 1) / CHUNK * CHUNK);
    }

    /// Orders keys of equal leads by value, and gives equal values their average rank.
    #[inline(always)]
    fn settle<R: Rank>(&mut self, known: usize, halves: f64, values: &[f64], ranks: &mut [R]) {
        let sorted = &mut self.keys[..known];
        let mut settled = 0;
        for &suspect in &self.suspects {
            let mut start = settled.max(suspect);
            while start < known.min(suspect + CHUNK) {
                let first = sorted[start];
                let end = start + 1 + sorted[start + 1..].iter().take_while(|key| key.has_lead_of(first)).count();
                if end > start + 1 {
                    settle_run(&mut sorted[start..end], start, halves, values, ranks);
                }
                start = end;
            }
            settled = start;
        }
    }
}

/// Keys that are compared with their neighbours together.
const CHUNK: usize = 8;

/// One run of equal leads, whose first key is at `start`.
#[inline(always)]
fn settle_run<K: Key, R: Rank>(run: &mut [K], start: usize, halves: f64, values: &[f64], ranks: &mut [R]) {
    let first = values[run[0].place()];
    if run.iter().any(|key| values[key.place()] != first) {
        run.sort_unstable_by(|left, right| values[left.place()].total_cmp(&values[right.place()]));
    }
    let mut from = 0;
    while from < run.len() {
        let value = values[run[from].place()];
        let mut to = from + 1;
        while to < run.len() && values[run[to].place()] == value {
            to += 1;
        }
        // Positions from start + from to start + to - 1, averaged.
        let rank = R::of((2 * start + from + to - 1) as u32, halves);
        for key in &run[from..to] {
            ranks[key.place()] = rank;
        }
        from = to;
    }
}

/// The most extreme value that is not NaN; `none` if there is no such value. `choose` takes the second where the first
/// is NaN.
#[inline(always)]
fn extreme(values: &[f64], none: f64, choose: impl Fn(f64, f64) -> f64) -> f64 {
    const LANES: usize = 16;
    let mut found = [none; LANES];
    let (chunks, rest) = values.as_chunks::<LANES>();
    for chunk in chunks {
        for lane in 0..LANES {
            found[lane] = choose(chunk[lane], found[lane]);
        }
    }
    for &value in rest {
        found[0] = choose(value, found[0]);
    }
    found.into_iter().fold(none, |found, value| choose(value, found))
}

/// The last lead of so many bits, which no value has.
const fn missing_lead(bits: u32) -> u32 {
    (1 << bits) - 1
}

/// Writes the keys of values, with leads of so many bits: by their distance from the least where signs differ, else by
/// their bits, which tell the more apart the smaller values are, as prices and volumes want.
#[inline(always)]
fn write_keys<K: Key>(values: &[f64], least: f64, most: f64, bits: u32, keys: &mut [K]) {
    let missing = missing_lead(bits);
    let last = f64::from(missing - 1);
    let range = most - least;
    let scale = last / range;
    if least >= 0.0 {
        let leads = BitLeads::new(least, most, bits);
        fill_keys(values, keys, |value| leads.of(value + 0.0));
    } else if most <= 0.0 {
        // Magnitudes fall as values rise: counted down from the largest.
        let leads = BitLeads::new(0.0 - most, 0.0 - least, bits);
        let top = missing - 1;
        fill_keys(values, keys, |value| {
            let lead = leads.of(0.0 - value);
            if lead == missing { missing } else { top - lead }
        });
    } else if range.is_finite() && scale.is_finite() {
        /// Adding it leaves the nearest whole number in the low bits.
        const WHOLE: f64 = (1_u64 << 52) as f64;
        fill_keys(values, keys, |value| {
            let scaled = (value - least) * scale;
            let capped = if scaled > last { last } else { scaled };
            let known = if value.is_nan() { f64::from(missing) } else { capped };
            (known + WHOLE).to_bits() as u32
        });
    } else {
        let shift = 64 - bits;
        fill_keys(values, keys, |value| {
            let lead = (rising_bits(value) >> shift) as u32;
            let capped = if lead == missing { missing - 1 } else { lead };
            if value.is_nan() { missing } else { capped }
        });
    }
}

#[inline(always)]
fn fill_keys<K: Key>(values: &[f64], keys: &mut [K], lead: impl Fn(f64) -> u32) {
    for (place, (key, &value)) in keys.iter_mut().zip(values).enumerate() {
        *key = K::new(lead(value), place as u32);
    }
}

/// Leads of values that are not negative, from their bits, which rise with them.
struct BitLeads {
    first: u64,
    shift: u32,
    /// Bits that give the lead of what is missing.
    missing: u64,
}

impl BitLeads {
    #[inline(always)]
    fn new(least: f64, most: f64, bits: u32) -> Self {
        let first = (least + 0.0).to_bits();
        let span = (most + 0.0).to_bits() - first;
        let shift = (u64::BITS - span.leading_zeros()).saturating_sub(bits);
        // The largest value must not get the lead of what is missing.
        let missing = u64::from(missing_lead(bits));
        let shift = shift + u32::from(span >> shift == missing);
        Self { first, shift, missing: first.wrapping_add(missing << shift) }
    }

    #[inline(always)]
    fn of(&self, value: f64) -> u32 {
        let bits = if value.is_nan() { self.missing } else { value.to_bits() };
        (bits.wrapping_sub(self.first) >> self.shift) as u32
    }
}
