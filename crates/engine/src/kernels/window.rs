//! Sliding windows at a cost that does not grow with the window: block suffixes plus a running prefix.
//!
//! Rows are cut into blocks of `d`, aligned to panel row 0. A window that ends at position `p` of a block is the
//! suffix of the block before, from position `p + 1` on, and the prefix of this one. Suffixes are computed when a
//! block is complete, one pass back over its rows; the prefix runs along. Nothing is ever subtracted, so NaN needs
//! no counters, rows older than the window change nothing, bit for bit, and no digits are lost to values long gone.
//!
//! Sums are taken of distances from an anchor, the last row of the block before, which every window across the
//! border contains: if it is NaN, so is every such window.

use super::cell::{clean, least, most};

/// State of one windowed node.
#[derive(Debug)]
pub(crate) struct Window {
    d: usize,
    symbols: usize,
    /// For each accumulator, `d` rows: raw inputs of the current block up to the current position, suffixes of the
    /// block before from there on.
    rows: Vec<Vec<f64>>,
    /// For each accumulator, the sum over the current block so far.
    prefix: Vec<Vec<f64>>,
    /// For each input, the last row of the block before.
    anchor: Vec<Vec<f64>>,
}

impl Window {
    /// State for `accumulators` sums over `inputs` series.
    pub(crate) fn new(d: usize, symbols: usize, inputs: usize, accumulators: usize) -> Self {
        debug_assert!(accumulators >= inputs, "raw rows are kept where suffixes are written");
        let cells = d * symbols;
        Self {
            d,
            symbols,
            // NaN: there is no block before the first, so no window across its border is full.
            rows: vec![vec![f64::NAN; cells]; accumulators],
            prefix: vec![vec![0.0; symbols]; accumulators],
            anchor: vec![vec![0.0; symbols]; inputs],
        }
    }
}

impl Window {
    /// Rows of a window.
    pub(super) fn rows_per_block(&self) -> usize {
        self.d
    }
}

/// What is known when a window's result is made.
#[derive(Clone, Copy)]
pub(crate) struct End<const INPUTS: usize> {
    /// The values that sums were taken from.
    pub(crate) anchor: [f64; INPUTS],
    /// The current row.
    pub(crate) now: [f64; INPUTS],
    /// Rows from the anchor to the current row.
    pub(crate) rows_past_anchor: f64,
}

/// One row of sums over a window. `terms` makes the summands of a row from its distances to the anchor and its
/// place relative to the anchor; `result` makes the value from the sums.
#[inline(always)]
pub(super) fn sums<const INPUTS: usize, const SUMS: usize>(
    state: &mut Window,
    row: usize,
    inputs: [&[f64]; INPUTS],
    out: &mut [f64],
    terms: impl Fn([f64; INPUTS], f64) -> [f64; SUMS],
    result: impl Fn([f64; SUMS], End<INPUTS>) -> f64,
) {
    let (d, n) = (state.d, state.symbols);
    let p = row % d;
    let mut inputs = inputs;
    for input in &mut inputs {
        *input = &input[..n];
    }
    let out = &mut out[..n];
    if p + 1 < d {
        let mut rest = state.rows.iter_mut();
        let rows: [&mut [f64]; SUMS] =
            std::array::from_fn(|_| &mut rest.next().expect("one per sum")[p * n..(p + 2) * n]);
        let mut rest = state.prefix.iter_mut();
        let prefix: [&mut [f64]; SUMS] = std::array::from_fn(|_| &mut rest.next().expect("one per sum")[..n]);
        let anchors: [&[f64]; INPUTS] = std::array::from_fn(|i| &state.anchor[i][..n]);
        let mut part = Part { n, place: (p + 1) as f64, first: p == 0, inputs, anchors, rows, prefix, out };
        let (many, few) = (n - n % MANY, n - n % FEW);
        // Loops, not closures: those would be functions of their own, compiled without wide vectors.
        for s in (0..many).step_by(MANY) {
            part.cells::<MANY>(s, &terms, &result);
        }
        for s in (many..few).step_by(FEW) {
            part.cells::<FEW>(s, &terms, &result);
        }
        // A few symbols, or one: building arrays would cost more than it saves.
        for s in few..n {
            part.cell(s, &terms, &result);
        }
        return;
    }
    // The block is complete: its last row becomes the anchor, and its suffixes replace its raw rows.
    for (anchor, input) in state.anchor.iter_mut().zip(inputs) {
        anchor.copy_from_slice(input);
    }
    for (rows, input) in state.rows.iter_mut().zip(inputs) {
        rows[p * n..(p + 1) * n].copy_from_slice(input);
    }
    let anchors: [&[f64]; INPUTS] = std::array::from_fn(|i| &state.anchor[i][..n]);
    let mut rest = state.prefix.iter_mut();
    let suffix: [&mut [f64]; SUMS] = std::array::from_fn(|_| &mut rest.next().expect("one per sum")[..n]);
    for r in (0..d).rev() {
        let place = r as f64 - (d as f64 - 1.0);
        let first = r + 1 == d;
        let mut rest = state.rows.iter_mut();
        let rows: [&mut [f64]; SUMS] =
            std::array::from_fn(|_| &mut rest.next().expect("one per sum")[r * n..(r + 1) * n]);
        for s in 0..n {
            let distance = std::array::from_fn(|i| rows[i][s] - anchors[i][s]);
            let term = terms(distance, place);
            for k in 0..SUMS {
                let sum = if first { term[k] } else { suffix[k][s] + term[k] };
                suffix[k][s] = sum;
                rows[k][s] = sum;
            }
        }
    }
    for s in 0..n {
        let total = std::array::from_fn(|k| suffix[k][s]);
        let anchor = std::array::from_fn(|i| anchors[i][s]);
        let now = std::array::from_fn(|i| inputs[i][s]);
        out[s] = clean(result(total, End { anchor, now, rows_past_anchor: 0.0 }));
    }
}

/// Symbols that are taken at once: enough that their loop is not unrolled, which would keep it from becoming vector
/// instructions where results are involved.
const MANY: usize = 32;
/// Symbols that are taken at once of what remains.
const FEW: usize = 4;

/// A row before the last of its block, and all that it touches.
struct Part<'a, const INPUTS: usize, const SUMS: usize> {
    n: usize,
    place: f64,
    first: bool,
    inputs: [&'a [f64]; INPUTS],
    anchors: [&'a [f64]; INPUTS],
    /// This row and the next: raw values, then suffixes.
    rows: [&'a mut [f64]; SUMS],
    prefix: [&'a mut [f64]; SUMS],
    out: &'a mut [f64],
}

impl<const INPUTS: usize, const SUMS: usize> Part<'_, INPUTS, SUMS> {
    /// The symbols from `s` on. They are read, worked on and written as small arrays: that they overlap with nothing
    /// is then plain to the compiler, which would not prove it of so many slices, and it uses vector instructions.
    #[inline(always)]
    fn cells<const L: usize>(
        &mut self,
        s: usize,
        terms: &impl Fn([f64; INPUTS], f64) -> [f64; SUMS],
        result: &impl Fn([f64; SUMS], End<INPUTS>) -> f64,
    ) {
        let now: [[f64; L]; INPUTS] = std::array::from_fn(|i| lanes(self.inputs[i], s));
        let anchor: [[f64; L]; INPUTS] = std::array::from_fn(|i| lanes(self.anchors[i], s));
        let before: [[f64; L]; SUMS] = std::array::from_fn(|k| lanes(self.prefix[k], s));
        let suffix: [[f64; L]; SUMS] = std::array::from_fn(|k| lanes(self.rows[k], self.n + s));
        let mut sums = [[0.0; L]; SUMS];
        for l in 0..L {
            let term = terms(std::array::from_fn(|i| now[i][l] - anchor[i][l]), self.place);
            for k in 0..SUMS {
                sums[k][l] = term[k];
            }
        }
        if !self.first {
            for (sums, before) in sums.iter_mut().zip(&before) {
                for (sum, before) in sums.iter_mut().zip(before) {
                    *sum += before;
                }
            }
        }
        let mut out = [0.0; L];
        for l in 0..L {
            let total = std::array::from_fn(|k| sums[k][l] + suffix[k][l]);
            let end = End {
                anchor: std::array::from_fn(|i| anchor[i][l]),
                now: std::array::from_fn(|i| now[i][l]),
                rows_past_anchor: self.place,
            };
            out[l] = clean(result(total, end));
        }
        for (prefix, sums) in self.prefix.iter_mut().zip(&sums) {
            prefix[s..s + L].copy_from_slice(sums);
        }
        for (rows, now) in self.rows.iter_mut().zip(&now) {
            rows[s..s + L].copy_from_slice(now);
        }
        self.out[s..s + L].copy_from_slice(&out);
    }

    /// One symbol.
    #[inline(always)]
    fn cell(
        &mut self,
        s: usize,
        terms: &impl Fn([f64; INPUTS], f64) -> [f64; SUMS],
        result: &impl Fn([f64; SUMS], End<INPUTS>) -> f64,
    ) {
        let now: [f64; INPUTS] = std::array::from_fn(|i| self.inputs[i][s]);
        let anchor: [f64; INPUTS] = std::array::from_fn(|i| self.anchors[i][s]);
        let term = terms(std::array::from_fn(|i| now[i] - anchor[i]), self.place);
        let mut total = [0.0; SUMS];
        for k in 0..SUMS {
            let sum = if self.first { term[k] } else { self.prefix[k][s] + term[k] };
            self.prefix[k][s] = sum;
            total[k] = sum + self.rows[k][self.n + s];
        }
        for i in 0..INPUTS {
            self.rows[i][s] = now[i];
        }
        self.out[s] = clean(result(total, End { anchor, now, rows_past_anchor: self.place }));
    }
}

/// So many values of a row.
#[inline(always)]
fn lanes<const L: usize>(row: &[f64], s: usize) -> [f64; L] {
    row[s..s + L].try_into().expect("a slice of L values")
}

/// One row of an associative fold over a window, such as a minimum, without an anchor.
#[inline(always)]
pub(super) fn fold(state: &mut Window, row: usize, x: &[f64], out: &mut [f64], combine: impl Fn(f64, f64) -> f64) {
    let (d, n) = (state.d, state.symbols);
    let p = row % d;
    let (x, out) = (&x[..n], &mut out[..n]);
    let rows = &mut state.rows[0];
    let prefix = &mut state.prefix[0][..n];
    if p + 1 < d {
        let (raw, suffix) = rows[p * n..(p + 2) * n].split_at_mut(n);
        for s in 0..n {
            let now = x[s];
            let value = if p == 0 { now } else { combine(prefix[s], now) };
            prefix[s] = value;
            out[s] = clean(combine(suffix[s], value));
            raw[s] = now;
        }
        return;
    }
    rows[p * n..].copy_from_slice(x);
    for r in (0..d - 1).rev() {
        let (earlier, later) = rows[r * n..(r + 2) * n].split_at_mut(n);
        for s in 0..n {
            earlier[s] = combine(earlier[s], later[s]);
        }
    }
    for s in 0..n {
        out[s] = clean(rows[s]);
    }
}

/// Smallest value of the window.
#[inline(always)]
pub(super) fn minimum(state: &mut Window, row: usize, x: &[f64], out: &mut [f64]) {
    fold(state, row, x, out, least);
}

/// Largest value of the window.
#[inline(always)]
pub(super) fn maximum(state: &mut Window, row: usize, x: &[f64], out: &mut [f64]) {
    fold(state, row, x, out, most);
}

/// Rows since the extremum of the window, of equals the most recent. `beats(x, y)` says that x is strictly more
/// extreme than y. Accumulator 0 holds values, 1 their places relative to the end of the block before.
#[inline(always)]
pub(super) fn rows_since_extremum(
    state: &mut Window,
    row: usize,
    x: &[f64],
    out: &mut [f64],
    beats: impl Fn(f64, f64) -> bool,
) {
    let (d, n) = (state.d, state.symbols);
    let p = row % d;
    let (x, out) = (&x[..n], &mut out[..n]);
    let [values, places] = &mut state.rows[..] else { unreachable!("two accumulators") };
    let [best, best_place] = &mut state.prefix[..] else { unreachable!("two accumulators") };
    let (best, best_place) = (&mut best[..n], &mut best_place[..n]);
    if p + 1 < d {
        let here = (p + 1) as f64;
        let (raw, suffix) = values[p * n..(p + 2) * n].split_at_mut(n);
        let suffix_place = &places[(p + 1) * n..(p + 2) * n];
        for s in 0..n {
            let now = x[s];
            // The newer of equals wins; NaN wins over everything and stays.
            let keep = p > 0 && (beats(best[s], now) || best[s].is_nan());
            if !keep {
                best[s] = now;
                best_place[s] = here;
            }
            let unknown = best[s].is_nan() || suffix[s].is_nan();
            let place = if beats(suffix[s], best[s]) { suffix_place[s] } else { best_place[s] };
            out[s] = if unknown { f64::NAN } else { here - place };
            raw[s] = now;
        }
        return;
    }
    values[p * n..].copy_from_slice(x);
    places[p * n..].fill(0.0);
    for r in (0..d - 1).rev() {
        let here = r as f64 - (d as f64 - 1.0);
        let (earlier, later) = values[r * n..(r + 2) * n].split_at_mut(n);
        let (earlier_place, later_place) = places[r * n..(r + 2) * n].split_at_mut(n);
        for s in 0..n {
            let takes = earlier[s].is_nan() || beats(earlier[s], later[s]);
            let unknown = later[s].is_nan();
            earlier_place[s] = if takes && !unknown { here } else { later_place[s] };
            earlier[s] = if takes && !unknown { earlier[s] } else { later[s] };
        }
    }
    for s in 0..n {
        out[s] = if values[s].is_nan() { f64::NAN } else { -places[s] };
    }
}
