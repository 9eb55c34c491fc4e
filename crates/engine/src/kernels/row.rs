//! Operators of one row: members of the universe, or of each group.

use crate::rank::Ranker;

/// Scratch space for one row, reused by every cross-sectional node of an executor.
#[derive(Debug, Default)]
pub(crate) struct RowScratch {
    /// A row that is written over.
    pub(super) input: Vec<f64>,
    /// Places of the symbols that count.
    places: Vec<u32>,
    values: Vec<f64>,
    results: Vec<f64>,
    ranker: Ranker,
    /// For each group code, where its members start in `order`.
    starts: Vec<u32>,
    order: Vec<u32>,
}

/// Ranks of the members that have a value, from 0 to 1; everyone else gets NaN.
#[inline(always)]
pub(super) fn rank_members(x: &[f64], members: &[bool], out: &mut [f64], scratch: &mut RowScratch) {
    if members.iter().fold(true, |all, &member| all & member) {
        return scratch.ranker.rank(x, out);
    }
    scratch.values.clear();
    scratch.values.extend(x.iter().zip(members).map(|(&x, &member)| if member { x } else { f64::NAN }));
    scratch.ranker.rank(&scratch.values, out);
}

/// Applies `f` to the values of the members that have one, and puts its results back in their places; everyone
/// else gets NaN. `f` reads the values and writes as many results.
#[inline(always)]
pub(super) fn on_members(
    x: &[f64],
    members: &[bool],
    out: &mut [f64],
    scratch: &mut RowScratch,
    f: impl Fn(&[f64], &mut [f64]),
) {
    let known = x.iter().zip(members).filter(|&(x, &member)| member && !x.is_nan()).count();
    if known == x.len() {
        return f(x, out);
    }
    scratch.places.resize(x.len(), 0);
    scratch.values.resize(x.len(), 0.0);
    let mut count = 0;
    for (place, (&value, &member)) in x.iter().zip(members).enumerate() {
        // Written always and kept where it counts: no branch to guess.
        scratch.places[count] = place as u32;
        scratch.values[count] = value;
        count += usize::from(member && !value.is_nan());
    }
    out.fill(f64::NAN);
    if count == 0 {
        return;
    }
    scratch.results.resize(x.len(), 0.0);
    f(&scratch.values[..count], &mut scratch.results[..count]);
    for (&place, &result) in scratch.places[..count].iter().zip(&scratch.results) {
        out[place as usize] = result;
    }
}

/// As [`on_members`], for the members of each group in turn. Codes count from 0.
#[inline(always)]
pub(super) fn by_group(
    x: &[f64],
    codes: &[f64],
    members: &[bool],
    out: &mut [f64],
    scratch: &mut RowScratch,
    f: impl Fn(&[f64], &mut [f64], &mut Ranker),
) {
    let counts = |place: usize| members[place] && !x[place].is_nan() && codes[place] >= 0.0;
    let groups = codes.iter().fold(0, |most, &code| if code >= 0.0 { most.max(code as usize + 1) } else { most });
    // A counting sort by group keeps symbols in order within each, so that sums have a fixed order.
    scratch.starts.clear();
    scratch.starts.resize(groups + 1, 0);
    for place in 0..x.len() {
        if counts(place) {
            scratch.starts[codes[place] as usize + 1] += 1;
        }
    }
    for group in 0..groups {
        scratch.starts[group + 1] += scratch.starts[group];
    }
    scratch.order.clear();
    scratch.order.resize(scratch.starts[groups] as usize, 0);
    let mut next = std::mem::take(&mut scratch.places);
    next.clear();
    next.extend_from_slice(&scratch.starts[..groups]);
    for place in 0..x.len() {
        if counts(place) {
            let slot = &mut next[codes[place] as usize];
            scratch.order[*slot as usize] = place as u32;
            *slot += 1;
        }
    }
    scratch.places = next;
    out.fill(f64::NAN);
    for group in 0..groups {
        let places = &scratch.order[scratch.starts[group] as usize..scratch.starts[group + 1] as usize];
        if places.is_empty() {
            continue;
        }
        scratch.values.clear();
        scratch.values.extend(places.iter().map(|&place| x[place as usize]));
        scratch.results.resize(places.len(), 0.0);
        f(&scratch.values, &mut scratch.results, &mut scratch.ranker);
        for (&place, &result) in places.iter().zip(&scratch.results) {
            out[place as usize] = result;
        }
    }
}

/// Distances from the mean in standard deviations; NaN for a flat row or a single value.
#[inline(always)]
pub(super) fn zscores(values: &[f64], out: &mut [f64]) {
    let Moments { anchor, shift, deviation } = Moments::of(values);
    for (out, &x) in out.iter_mut().zip(values) {
        *out = if deviation > 0.0 { ((x - anchor) - shift) / deviation } else { f64::NAN };
    }
}

/// Distances from the mean.
#[inline(always)]
pub(super) fn demeaned(values: &[f64], out: &mut [f64]) {
    let (anchor, shift) = center(values);
    for (out, &x) in out.iter_mut().zip(values) {
        *out = (x - anchor) - shift;
    }
}

/// The mean, for everyone.
#[inline(always)]
pub(super) fn means(values: &[f64], out: &mut [f64]) {
    let (anchor, shift) = center(values);
    out.fill(anchor + shift);
}

/// Scaled so that absolute values sum to `total`; zeros stay.
#[inline(always)]
pub(super) fn scaled(values: &[f64], out: &mut [f64], total: f64) {
    let sum = lanes(values, f64::abs);
    for (out, &x) in out.iter_mut().zip(values) {
        *out = if sum == 0.0 { 0.0 } else { super::cell::clean(total * x / sum) };
    }
}

/// Clipped to the mean plus and minus so many standard deviations; a single value stays.
#[inline(always)]
pub(super) fn winsorized(values: &[f64], out: &mut [f64], deviations: f64) {
    if values.len() == 1 {
        out.copy_from_slice(values);
        return;
    }
    let Moments { anchor, shift, deviation } = Moments::of(values);
    let (low, high) = (anchor + (shift - deviations * deviation), anchor + (shift + deviations * deviation));
    for (out, &x) in out.iter_mut().zip(values) {
        let raised = if x < low { low } else { x };
        *out = if raised > high { high } else { raised };
    }
}

/// Mean and deviation of a row.
struct Moments {
    anchor: f64,
    /// Mean less anchor.
    shift: f64,
    /// Standard deviation with ddof 1: 0 where flat, NaN for a single value.
    deviation: f64,
}

impl Moments {
    #[inline(always)]
    fn of(values: &[f64]) -> Self {
        let (anchor, shift) = center(values);
        let squares = lanes(values, |x| {
            let distance = (x - anchor) - shift;
            distance * distance
        });
        let deviation = (squares / (values.len() as f64 - 1.0)).sqrt();
        let flat = deviation <= factor::reference::FLAT * (anchor + shift).abs();
        Self { anchor, shift, deviation: if flat { 0.0 } else { deviation } }
    }
}

/// The mean as the first value and the mean distance from it: digits stay where the level is large beside the
/// spread.
#[inline(always)]
fn center(values: &[f64]) -> (f64, f64) {
    let anchor = values[0];
    (anchor, lanes(values, |x| x - anchor) / values.len() as f64)
}

/// A sum in eight lanes and a fixed tree: the same order, so the same bits, on every machine.
#[inline(always)]
fn lanes(values: &[f64], f: impl Fn(f64) -> f64) -> f64 {
    let mut sums = [0.0; 8];
    let chunks = values.chunks_exact(8);
    let rest = chunks.remainder();
    for chunk in chunks {
        for (sum, &x) in sums.iter_mut().zip(chunk) {
            *sum += f(x);
        }
    }
    for (sum, &x) in sums.iter_mut().zip(rest) {
        *sum += f(x);
    }
    ((sums[0] + sums[4]) + (sums[1] + sums[5])) + ((sums[2] + sums[6]) + (sums[3] + sums[7]))
}
