//! Operators within groups: who belongs to which, and what is made of each.

use super::values::{Moments, clipped, mean, weighted_means};
use super::{RowScratch, gather, scatter};
use crate::kernels::cell::clean;
use crate::rank::Ranker;

/// Sorts the places that count by group, in order of places within each, so that sums have a fixed order. Codes count
/// from 0. Afterwards group `g` has `order[starts[g]..starts[g + 1]]`; returns the number of groups.
#[inline(always)]
fn sort_by_group(codes: &[f64], scratch: &mut RowScratch, counts: impl Fn(usize) -> bool) -> usize {
    let groups = codes.iter().fold(0, |most, &code| if code >= 0.0 { most.max(code as usize + 1) } else { most });
    let counts = |place: usize| codes[place] >= 0.0 && counts(place);
    scratch.starts.clear();
    scratch.starts.resize(groups + 1, 0);
    for place in 0..codes.len() {
        if counts(place) {
            scratch.starts[codes[place] as usize + 1] += 1;
        }
    }
    for group in 0..groups {
        scratch.starts[group + 1] += scratch.starts[group];
    }
    scratch.order.clear();
    scratch.order.resize(scratch.starts[groups] as usize, 0);
    let next = &mut scratch.places;
    next.clear();
    next.extend_from_slice(&scratch.starts[..groups]);
    for place in 0..codes.len() {
        if counts(place) {
            let slot = &mut next[codes[place] as usize];
            scratch.order[*slot as usize] = place as u32;
            *slot += 1;
        }
    }
    groups
}

/// As [`on_members`], for the members of each group in turn.
#[inline(always)]
pub(in crate::kernels) fn by_group(
    x: &[f64],
    codes: &[f64],
    members: &[bool],
    out: &mut [f64],
    scratch: &mut RowScratch,
    f: impl Fn(&[f64], &mut [f64], &mut Ranker),
) {
    let groups = sort_by_group(codes, scratch, |place| members[place] && !x[place].is_nan());
    out.fill(f64::NAN);
    for group in 0..groups {
        let places = &scratch.order[scratch.starts[group] as usize..scratch.starts[group + 1] as usize];
        if places.is_empty() {
            continue;
        }
        gather(x, places, &mut scratch.values);
        scratch.results.resize(places.len(), 0.0);
        f(&scratch.values, &mut scratch.results, &mut scratch.ranker);
        scatter(&scratch.results, places, out);
    }
}

/// As [`on_pairs`], for the members of each group in turn.
#[inline(always)]
pub(in crate::kernels) fn by_group_of_pairs(
    [x, y, codes]: [&[f64]; 3],
    members: &[bool],
    out: &mut [f64],
    scratch: &mut RowScratch,
    f: impl Fn(&[f64], &[f64], &mut [f64]),
) {
    let groups = sort_by_group(codes, scratch, |place| members[place] && !x[place].is_nan() && !y[place].is_nan());
    out.fill(f64::NAN);
    for group in 0..groups {
        let places = &scratch.order[scratch.starts[group] as usize..scratch.starts[group + 1] as usize];
        if places.is_empty() {
            continue;
        }
        gather(x, places, &mut scratch.values);
        gather(y, places, &mut scratch.seconds);
        scratch.results.resize(places.len(), 0.0);
        f(&scratch.values, &scratch.seconds, &mut scratch.results);
        scatter(&scratch.results, places, out);
    }
}

/// The values, and where they are missing the mean of the symbol's group.
#[inline(always)]
pub(in crate::kernels) fn filled_by_group(
    x: &[f64],
    codes: &[f64],
    members: &[bool],
    out: &mut [f64],
    scratch: &mut RowScratch,
) {
    let groups = sort_by_group(codes, scratch, |place| members[place] && !x[place].is_nan());
    let RowScratch { starts, order, values, results, .. } = scratch;
    results.clear();
    results.extend((0..groups).map(|group| {
        let places = &order[starts[group] as usize..starts[group + 1] as usize];
        gather(x, places, values);
        if values.is_empty() { f64::NAN } else { mean(values) }
    }));
    for (place, out) in out.iter_mut().enumerate() {
        let code = codes[place];
        let value = match x[place] {
            value if !value.is_nan() => value,
            _ if code >= 0.0 => results[code as usize],
            missing => missing,
        };
        *out = if members[place] { clean(value) } else { f64::NAN };
    }
}

/// The values, and where they are missing the clipped mean of what today's members of the symbol's group had in the
/// last rows, this one among them. `past` holds those rows, of members alone.
#[inline(always)]
pub(in crate::kernels) fn backfilled_by_group(
    [x, codes]: [&[f64]; 2],
    members: &[bool],
    past: &[f64],
    deviations: f64,
    out: &mut [f64],
    scratch: &mut RowScratch,
) {
    let width = x.len();
    let groups = sort_by_group(codes, scratch, |place| members[place]);
    for (place, out) in out.iter_mut().enumerate() {
        *out = if members[place] { clean(x[place]) } else { f64::NAN };
    }
    let RowScratch { starts, order, values, .. } = scratch;
    for group in 0..groups {
        let places = &order[starts[group] as usize..starts[group + 1] as usize];
        if places.iter().all(|&place| !x[place as usize].is_nan()) {
            continue;
        }
        values.clear();
        for row in past.chunks_exact(width) {
            values.extend(places.iter().map(|&place| row[place as usize]).filter(|value| !value.is_nan()));
        }
        let value = match values.len() {
            0 => f64::NAN,
            1 => values[0],
            _ => {
                let Moments { anchor, shift, deviation } = Moments::of(values, 1.0);
                let (center, most) = (anchor + shift, deviations * deviation);
                for value in values.iter_mut() {
                    *value = clipped(*value, center - most, center + most);
                }
                mean(values)
            }
        };
        for &place in places.iter().filter(|&&place| x[place as usize].is_nan()) {
            out[place as usize] = clean(value);
        }
    }
}

/// Means of each group, weighted by the second input, for everyone with a positive weight.
#[inline(always)]
pub(in crate::kernels) fn weighted_by_group(
    [x, weights, codes]: [&[f64]; 3],
    members: &[bool],
    out: &mut [f64],
    scratch: &mut RowScratch,
) {
    let mut positive = std::mem::take(&mut scratch.thirds);
    positive.clear();
    positive.extend(weights.iter().map(|&weight| if weight > 0.0 { weight } else { f64::NAN }));
    by_group_of_pairs([x, &positive, codes], members, out, scratch, weighted_means);
    scratch.thirds = positive;
}

/// Codes for pairs of labels, in their order.
#[inline(always)]
pub(in crate::kernels) fn crossed(g: &[f64], h: &[f64], members: &[bool], out: &mut [f64], scratch: &mut RowScratch) {
    let pair = |place: usize| (g[place] as u64) << 32 | h[place] as u64;
    let known = |place: usize| members[place] && g[place] >= 0.0 && h[place] >= 0.0;
    scratch.pairs.clear();
    scratch.pairs.extend((0..g.len()).filter(|&place| known(place)).map(pair));
    scratch.pairs.sort_unstable();
    scratch.pairs.dedup();
    for (place, out) in out.iter_mut().enumerate() {
        let code = if known(place) { scratch.pairs.binary_search(&pair(place)).ok() } else { None };
        *out = code.map_or(f64::NAN, |code| code as f64);
    }
}
