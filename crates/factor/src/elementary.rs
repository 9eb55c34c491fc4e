//! Logarithms, exponentials and the hyperbolic tangent: the one code that operators, folding and references share.
//!
//! Without a branch and without a table, so that a loop over a row becomes vector instructions; with `+`, `-`, `*` and
//! `/` alone, each rounded once, so that every processor gives the same bits. The last place of a result is not always the nearest: tests hold `log`
//! and `exp` to one unit of it beside libm's, `log1p` to two, `tanh` to four. The method is the usual one (Muller, *Elementary Functions*, 3rd edition,
//! chapters 3 and 11): take a power of two out of the argument, then a polynomial on what is left. The coefficients are
//! near-minimax for the ranges named here, fitted with sixty digits.

/// ln 2 to 40 bits, so that its product with an exponent is exact.
const LN2_HIGH: f64 = 0.693_147_180_559_208_2;
/// What is left of ln 2.
const LN2_LOW: f64 = 7.371_002_565_167_799e-13;
/// Added and taken away again, it rounds to the nearest integer, which meanwhile stands in the lowest bits.
const TO_INTEGER: f64 = 6_755_399_441_055_744.0;
/// 2^52: a number just above it holds an integer in its lowest bits.
const TWO_52: f64 = 4_503_599_627_370_496.0;
/// Bits of the fraction of a number.
const FRACTION_BITS: u32 = 52;
/// What stands in the exponent's place of 1.
const BIAS: f64 = 1_023.0;

/// (e^r - 1 - r) / r^2 for |r| up to ln 2 / 2, lowest power first; the relative error of e^r is 2^-61.
const EXPONENTIAL: [f64; 11] = [
    0.5,
    0.166_666_666_666_666_7,
    0.041_666_666_666_666_67,
    0.008_333_333_333_326_112,
    0.001_388_888_888_888_373,
    0.000_198_412_698_749_012_6,
    2.480_158_732_560_532_4e-5,
    2.755_725_529_796_964_3e-6,
    2.755_727_357_010_214e-7,
    2.510_525_953_844_849_4e-8,
    2.091_471_734_171_637_8e-9,
];

/// (ln((1 + s) / (1 - s)) / s - 2) / z by powers of z = s^2, for numbers within the square roots of 1/2 and 2; the
/// relative error of the logarithm is 2^-60.
const LOGARITHM: [f64; 8] = [
    0.666_666_666_666_666_6,
    0.400_000_000_000_008_85,
    0.285_714_285_707_997_84,
    0.222_222_223_925_810_45,
    0.181_817_955_475_211_37,
    0.153_862_447_376_216_65,
    0.132_686_383_692_668_25,
    0.130_880_348_509_275_55,
];

/// The natural logarithm; NaN for what is not a positive number, infinity included.
#[inline(always)]
pub fn log(x: f64) -> f64 {
    logarithm(x, 0.0)
}

/// ln(1 + x), exact to the last places for small x too; NaN from -1 down and for what is not a number.
#[inline(always)]
pub fn log1p(x: f64) -> f64 {
    let sum = x + 1.0;
    // What rounding took off the sum, exactly (Knuth, volume 2, 4.2.2, theorem B).
    let one = sum - x;
    let lost = (x - (sum - one)) + (1.0 - one);
    logarithm(sum, lost / sum)
}

/// ln(x) + `correction`, where that is small beside x.
#[inline(always)]
#[expect(clippy::eq_op, reason = "0 for numbers alone")]
fn logarithm(x: f64, correction: f64) -> f64 {
    const TWO_54: f64 = 18_014_398_509_481_984.0;
    // Below the smallest normal number the exponent's place tells nothing.
    let (x, exponent_taken) = if x < f64::MIN_POSITIVE { (x * TWO_54, BIAS + 54.0) } else { (x, BIAS) };
    let root_of_half = std::f64::consts::FRAC_1_SQRT_2.to_bits();
    // Shifted so that exponents change at the root of 1/2 and not at 1: the rest then lies around 1.
    let shifted = x.to_bits().wrapping_add(1.0_f64.to_bits() - root_of_half);
    let exponent = f64::from_bits(TWO_52.to_bits() | shifted >> FRACTION_BITS) - (TWO_52 + exponent_taken);
    let rest = f64::from_bits((shifted & ((1 << FRACTION_BITS) - 1)) + root_of_half);
    let f = rest - 1.0;
    let s = f / (2.0 + f);
    let half_square = 0.5 * f * f;
    let z = s * s;
    // ln(1 + f) = f - f^2 / 2 + s (f^2 / 2 + z polynomial): what is rounded is small beside f.
    let tail = s * (half_square + z * polynomial(z, &LOGARITHM));
    let value = exponent * LN2_HIGH - ((half_square - (tail + (exponent * LN2_LOW + correction))) - f);
    // Infinity and NaN leave NaN here.
    let known = value + (x - x);
    if x > 0.0 { known } else { f64::NAN }
}

/// e to the power of x; infinite above 709.78, NaN for NaN.
#[inline(always)]
pub fn exp(x: f64) -> f64 {
    // Beyond these the result is infinite or 0 already; NaN passes.
    let x = if x > 711.0 { 711.0 } else { x };
    let x = if x < -750.0 { -750.0 } else { x };
    let (exponent, less_one) = split_exponential(x);
    // In two steps, as the power alone may be beyond what a number can hold.
    let half = (exponent * 0.5 + TO_INTEGER) - TO_INTEGER;
    (1.0 + less_one) * power_of_two(half) * power_of_two(exponent - half)
}

/// The hyperbolic tangent; NaN for NaN.
#[inline(always)]
pub fn tanh(x: f64) -> f64 {
    // From 19.07 on it is 1 to the last place.
    let magnitude = if x.abs() > 20.0 { 20.0 } else { x.abs() };
    let (exponent, less_one) = split_exponential(2.0 * magnitude);
    let power = power_of_two(exponent);
    // e^2x - 1, without the loss of taking 1 from e^2x.
    let grown = power * less_one + (power - 1.0);
    (grown / (grown + 2.0)).copysign(x)
}

/// The logistic function 1 / (1 + e^-x), 0 to 1; NaN for NaN.
#[inline(always)]
pub fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + exp(-x))
}

/// n and e^r - 1 such that e^x = 2^n e^r, with |r| up to ln 2 / 2.
#[inline(always)]
fn split_exponential(x: f64) -> (f64, f64) {
    let exponent = (x * std::f64::consts::LOG2_E + TO_INTEGER) - TO_INTEGER;
    let r = (x - exponent * LN2_HIGH) - exponent * LN2_LOW;
    (exponent, r + r * r * polynomial(r, &EXPONENTIAL))
}

/// 2 to the power of an integer from -1022 to 1023.
#[inline(always)]
fn power_of_two(exponent: f64) -> f64 {
    f64::from_bits((exponent + (TO_INTEGER + BIAS)).to_bits() << FRACTION_BITS)
}

/// A polynomial of at most eleven coefficients, lowest power first, by pairs and pairs of pairs (Estrin): few steps wait
/// for each other.
#[inline(always)]
fn polynomial<const N: usize>(x: f64, coefficients: &[f64; N]) -> f64 {
    let at = |i: usize| if i < N { coefficients[i] } else { 0.0 };
    let pair = |i: usize| if i + 1 < N { at(i) + at(i + 1) * x } else { at(i) };
    let two = x * x;
    let four = |i: usize| if i + 2 < N { pair(i) + pair(i + 2) * two } else { pair(i) };
    let low = four(0) + four(4) * (two * two);
    if N > 8 { low + four(8) * ((two * two) * (two * two)) } else { low }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_xoshiro::Xoshiro256PlusPlus;

    /// Distance in units of the last place of what is expected.
    fn distance(value: f64, expected: f64) -> f64 {
        if value.to_bits() == expected.to_bits() || value.is_nan() && expected.is_nan() {
            return 0.0;
        }
        let unit = (f64::from_bits(expected.abs().to_bits() + 1) - expected.abs()).max(f64::from_bits(1));
        (value - expected).abs() / unit
    }

    /// Holds a function to libm's at a million places drawn by `draw`, and at places of their own.
    fn check(name: &str, bound: f64, [ours, theirs]: [fn(f64) -> f64; 2], draw: [f64; 2], places: &[f64]) {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(7);
        let drawn = (0..1_000_000).map(|_| {
            let place = random.random_range(draw[0]..draw[1]);
            // Half of them near 0 in all orders of size.
            if random.random() { place } else { place * libm::exp2(random.random_range(-60.0..0.0)) }
        });
        for x in drawn.chain(places.iter().copied()) {
            let (value, expected) = (ours(x), theirs(x));
            assert!(distance(value, expected) <= bound, "{name}({x:e}) = {value:e}, not {expected:e}");
        }
    }

    const ODD: [f64; 12] = [
        0.0,
        -0.0,
        f64::NAN,
        1.0,
        -1.0,
        f64::MIN_POSITIVE,
        5e-324,
        -5e-324,
        f64::EPSILON,
        f64::MAX,
        f64::MIN,
        std::f64::consts::FRAC_1_SQRT_2,
    ];

    #[test]
    fn agrees_with_libm_to_the_last_places() {
        let log = |x| if x > 0.0 { libm::log(x) } else { f64::NAN };
        let log1p = |x| if x > -1.0 { libm::log1p(x) } else { f64::NAN };
        check("log", 1.0, [super::log, log], [0.0, 2.0], &ODD);
        check("log", 1.0, [super::log, log], [0.0, f64::MAX], &ODD);
        check("log1p", 2.0, [super::log1p, log1p], [-1.0, 3.0], &ODD);
        check("log1p", 2.0, [super::log1p, log1p], [0.0, 1e300], &ODD);
        let ends = [709.78, 709.79, 800.0, -708.0, -708.5, -744.0, -745.1, -746.0, -1e9, f64::MAX, f64::MIN];
        check("exp", 1.0, [super::exp, libm::exp], [-745.0, 709.0], &[&ODD[..], &ends].concat());
        check("exp", 1.0, [super::exp, libm::exp], [-2.0, 2.0], &[]);
        check("tanh", 4.0, [super::tanh, libm::tanh], [-20.0, 20.0], &[&ODD[..], &[19.0, 19.1, -30.0]].concat());
    }

    #[test]
    fn grows_with_its_argument() {
        // From one number to the next nothing may fall by more than rounding explains; where powers of two change is
        // where it would.
        for around in [std::f64::consts::FRAC_1_SQRT_2, std::f64::consts::SQRT_2, 1.0, 0.346_573_59, 4.0] {
            let first = around.to_bits() - 2_000;
            for bits in first..first + 4_000 {
                let [x, next] = [bits, bits + 1].map(f64::from_bits);
                for f in [super::log, super::log1p, super::exp, super::tanh] {
                    assert!(distance(f(next).max(f(x)), f(next)) <= 1.0, "{x}");
                }
            }
        }
    }
}
