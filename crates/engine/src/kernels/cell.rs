//! Operators of one cell: flat loops that the compiler turns into vector instructions.

use super::Operand;

/// Applies `f` to every cell.
#[inline(always)]
pub(super) fn unary(x: &[f64], out: &mut [f64], f: impl Fn(f64) -> f64) {
    for (out, &x) in out.iter_mut().zip(x) {
        *out = f(x);
    }
}

/// Applies `f` to every pair of cells; either side may be one number.
#[inline(always)]
pub(super) fn binary(x: Operand<'_>, y: Operand<'_>, out: &mut [f64], f: impl Fn(f64, f64) -> f64) {
    match (x, y) {
        (Operand::Block(x), Operand::Block(y)) => {
            for ((out, &x), &y) in out.iter_mut().zip(x).zip(y) {
                *out = f(x, y);
            }
        }
        (Operand::Block(x), Operand::Scalar(y)) => {
            for (out, &x) in out.iter_mut().zip(x) {
                *out = f(x, y);
            }
        }
        (Operand::Scalar(x), Operand::Block(y)) => {
            for (out, &y) in out.iter_mut().zip(y) {
                *out = f(x, y);
            }
        }
        (Operand::Scalar(x), Operand::Scalar(y)) => out.fill(f(x, y)),
    }
}

/// Applies `f` to every triple of cells.
#[inline(always)]
pub(super) fn ternary(x: &[f64], y: &[f64], z: &[f64], out: &mut [f64], f: impl Fn(f64, f64, f64) -> f64) {
    for (((out, &x), &y), &z) in out.iter_mut().zip(x).zip(y).zip(z) {
        *out = f(x, y, z);
    }
}

/// What is not finite cannot be computed.
#[inline(always)]
pub(super) fn clean(value: f64) -> f64 {
    if value.abs() < f64::INFINITY { value } else { f64::NAN }
}

/// A flag, unknown where `known` is NaN.
#[inline(always)]
pub(super) fn flag(truth: bool, known: f64) -> f64 {
    let value = if truth { 1.0 } else { 0.0 };
    if known.is_nan() { f64::NAN } else { value }
}

/// The smaller value, NaN where either is.
#[inline(always)]
pub(super) fn least(x: f64, y: f64) -> f64 {
    let value = if x < y { x } else { y };
    if x.is_nan() { x } else { value }
}

/// The larger value, NaN where either is.
#[inline(always)]
pub(super) fn most(x: f64, y: f64) -> f64 {
    let value = if x > y { x } else { y };
    if x.is_nan() { x } else { value }
}

/// Kleene's `and`.
#[inline(always)]
pub(super) fn and(x: f64, y: f64) -> f64 {
    let both = flag(true, x + y);
    if x == 0.0 || y == 0.0 { 0.0 } else { both }
}

/// Kleene's `or`.
#[inline(always)]
pub(super) fn or(x: f64, y: f64) -> f64 {
    let neither = flag(false, x + y);
    if x == 1.0 || y == 1.0 { 1.0 } else { neither }
}
