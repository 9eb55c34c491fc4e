//! Operators of one cell: flat loops that the compiler turns into vector instructions.

use super::{Operand, Rows, RowsMut};
use crate::compiled_for;
use crate::vectors::Vectors;

/// Applies `f` to every cell.
pub(super) fn unary<F: Fn(f64) -> f64 + Copy>(v: Vectors, x: Rows<'_>, out: &mut RowsMut<'_>, f: F) {
    compiled_for!(v, unary_kernel[F: Fn(f64) -> f64 + Copy](x: Rows<'_>, out: &mut RowsMut<'_>, f: F));
}

#[inline(always)]
fn unary_kernel(x: Rows<'_>, out: &mut RowsMut<'_>, f: impl Fn(f64) -> f64 + Copy) {
    if let (Some(x), Some(out)) = (x.dense(), out.dense()) {
        return unary_row(x, out, f);
    }
    for row in 0..out.count() {
        unary_row(x.row(row), out.row(row), f);
    }
}

#[inline(always)]
fn unary_row(x: &[f64], out: &mut [f64], f: impl Fn(f64) -> f64) {
    for (out, &x) in out.iter_mut().zip(x) {
        *out = f(x);
    }
}

/// Applies `f` to every pair of cells; either side may be one number.
pub(super) fn binary(
    v: Vectors,
    x: Operand<'_>,
    y: Operand<'_>,
    out: &mut RowsMut<'_>,
    f: impl Fn(f64, f64) -> f64 + Copy,
) {
    match (x, y) {
        (Operand::Rows(x), Operand::Rows(y)) => pairs(v, x, y, out, f),
        (Operand::Rows(x), Operand::Scalar(y)) => unary(v, x, out, move |x| f(x, y)),
        (Operand::Scalar(x), Operand::Rows(y)) => unary(v, y, out, move |y| f(x, y)),
        (Operand::Scalar(x), Operand::Scalar(y)) => out.fill(f(x, y)),
    }
}

fn pairs<F: Fn(f64, f64) -> f64 + Copy>(v: Vectors, x: Rows<'_>, y: Rows<'_>, out: &mut RowsMut<'_>, f: F) {
    compiled_for!(v, pairs_kernel[F: Fn(f64, f64) -> f64 + Copy](
        x: Rows<'_>,
        y: Rows<'_>,
        out: &mut RowsMut<'_>,
        f: F,
    ));
}

#[inline(always)]
fn pairs_kernel(x: Rows<'_>, y: Rows<'_>, out: &mut RowsMut<'_>, f: impl Fn(f64, f64) -> f64 + Copy) {
    if let (Some(x), Some(y), Some(out)) = (x.dense(), y.dense(), out.dense()) {
        return pairs_row(x, y, out, f);
    }
    for row in 0..out.count() {
        pairs_row(x.row(row), y.row(row), out.row(row), f);
    }
}

/// One row of pairs.
#[inline(always)]
pub(super) fn pairs_row(x: &[f64], y: &[f64], out: &mut [f64], f: impl Fn(f64, f64) -> f64) {
    for ((out, &x), &y) in out.iter_mut().zip(x).zip(y) {
        *out = f(x, y);
    }
}

/// Applies `f` to every cell of a flag and a choice of two; either choice may be one number.
pub(super) fn choose(
    v: Vectors,
    flag: Rows<'_>,
    x: Operand<'_>,
    y: Operand<'_>,
    out: &mut RowsMut<'_>,
    f: impl Fn(f64, f64, f64) -> f64 + Copy,
) {
    match (x, y) {
        (Operand::Rows(x), Operand::Rows(y)) => triples(v, flag, x, y, out, f),
        (Operand::Rows(x), Operand::Scalar(y)) => pairs(v, flag, x, out, move |flag, x| f(flag, x, y)),
        (Operand::Scalar(x), Operand::Rows(y)) => pairs(v, flag, y, out, move |flag, y| f(flag, x, y)),
        (Operand::Scalar(x), Operand::Scalar(y)) => unary(v, flag, out, move |flag| f(flag, x, y)),
    }
}

fn triples<F: Fn(f64, f64, f64) -> f64 + Copy>(
    v: Vectors,
    x: Rows<'_>,
    y: Rows<'_>,
    z: Rows<'_>,
    out: &mut RowsMut<'_>,
    f: F,
) {
    compiled_for!(v, triples_kernel[F: Fn(f64, f64, f64) -> f64 + Copy](
        x: Rows<'_>,
        y: Rows<'_>,
        z: Rows<'_>,
        out: &mut RowsMut<'_>,
        f: F,
    ));
}

#[inline(always)]
fn triples_kernel(
    x: Rows<'_>,
    y: Rows<'_>,
    z: Rows<'_>,
    out: &mut RowsMut<'_>,
    f: impl Fn(f64, f64, f64) -> f64 + Copy,
) {
    for row in 0..out.count() {
        for (((out, &x), &y), &z) in out.row(row).iter_mut().zip(x.row(row)).zip(y.row(row)).zip(z.row(row)) {
            *out = f(x, y, z);
        }
    }
}

/// What is not finite cannot be computed.
#[inline(always)]
#[expect(clippy::eq_op, reason = "0 for numbers alone")]
pub(super) fn clean(value: f64) -> f64 {
    // What is infinite leaves NaN, a number itself: two instructions where a choice takes three.
    value - (value - value)
}

/// The value, every NaN as the same bits. What NaN an operation of two of them leaves depends on which comes first, and that
/// is the compiler's choice: operators that are compiled in more than one way say so here.
#[inline(always)]
pub(super) fn one_nan(value: f64) -> f64 {
    if value.is_nan() { f64::NAN } else { value }
}

/// A flag, unknown where either side is NaN.
#[inline(always)]
pub(super) fn flag(truth: bool, x: f64, y: f64) -> f64 {
    let value = if truth { 1.0 } else { 0.0 };
    if x.is_nan() | y.is_nan() { f64::NAN } else { value }
}

/// The smaller of two values; the second where either is NaN.
#[inline(always)]
pub(crate) fn lesser(x: f64, y: f64) -> f64 {
    if x < y { x } else { y }
}

/// The larger of two values; the second where either is NaN.
#[inline(always)]
pub(crate) fn greater(x: f64, y: f64) -> f64 {
    if x > y { x } else { y }
}

/// The smaller value, NaN where either is.
#[inline(always)]
pub(super) fn least(x: f64, y: f64) -> f64 {
    let value = lesser(x, y);
    if x.is_nan() { x } else { value }
}

/// The larger value, NaN where either is.
#[inline(always)]
pub(super) fn most(x: f64, y: f64) -> f64 {
    let value = greater(x, y);
    if x.is_nan() { x } else { value }
}

/// Kleene's `and`.
#[inline(always)]
pub(super) fn and(x: f64, y: f64) -> f64 {
    let both = flag(true, x, y);
    if x == 0.0 || y == 0.0 { 0.0 } else { both }
}

/// Kleene's `or`.
#[inline(always)]
pub(super) fn or(x: f64, y: f64) -> f64 {
    let neither = flag(false, x, y);
    if x == 1.0 || y == 1.0 { 1.0 } else { neither }
}

/// A correlation, kept within -1 to 1; NaN stays.
#[inline(always)]
pub(super) fn within_one(correlation: f64) -> f64 {
    let capped = if correlation > 1.0 { 1.0 } else { correlation };
    if capped < -1.0 { -1.0 } else { capped }
}
