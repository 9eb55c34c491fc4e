//! The standard normal distribution: its cumulative distribution function and the inverse.

use std::f64::consts::SQRT_2;

/// Probability that a standard normal variable is at most `z`.
pub fn cdf(z: f64) -> f64 {
    0.5 * libm::erfc(-z / SQRT_2)
}

/// Probability that a standard normal variable is, in absolute value, at least `z`: the two-sided p-value.
pub fn two_sided_p(z: f64) -> f64 {
    libm::erfc(z.abs() / SQRT_2)
}

/// The quantile of the standard normal distribution: `cdf(inverse_cdf(p)) = p`.
///
/// Relative error about 1e-16 (Wichura 1988, algorithm AS 241, `PPND16`). Minus infinity at 0, infinity at 1, NaN
/// outside. Near 1, ask for `-inverse_cdf(1 - p)` with `1 - p` computed directly: the subtraction loses the tail.
pub fn inverse_cdf(p: f64) -> f64 {
    if !(0.0..=1.0).contains(&p) {
        return f64::NAN;
    }
    if p == 0.0 {
        return f64::NEG_INFINITY;
    }
    if p == 1.0 {
        return f64::INFINITY;
    }
    let q = p - 0.5;
    if q.abs() <= 0.425 {
        let r = 0.425 * 0.425 - q * q;
        return q * polynomial(r, &CENTRE.0) / polynomial(r, &CENTRE.1);
    }
    let tail = if q < 0.0 { p } else { 1.0 - p };
    let r = (-libm::log(tail)).sqrt();
    let size = if r <= 5.0 {
        polynomial(r - 1.6, &MIDDLE.0) / polynomial(r - 1.6, &MIDDLE.1)
    } else {
        polynomial(r - 5.0, &FAR.0) / polynomial(r - 5.0, &FAR.1)
    };
    size.copysign(q)
}

/// Coefficients of a rational function, constant terms first: numerator and denominator.
type Rational = ([f64; 8], [f64; 8]);

const CENTRE: Rational = (
    [
        3.387_132_872_796_366_5,
        1.331_416_678_917_843_8e2,
        1.971_590_950_306_551_3e3,
        1.373_169_376_550_946e4,
        4.592_195_393_154_987e4,
        6.726_577_092_700_87e4,
        3.343_057_558_358_813e4,
        2.509_080_928_730_122_7e3,
    ],
    [
        1.0,
        4.231_333_070_160_091e1,
        6.871_870_074_920_579e2,
        5.394_196_021_424_751e3,
        2.121_379_430_158_659_7e4,
        3.930_789_580_009_271e4,
        2.872_908_573_572_194_3e4,
        5.226_495_278_852_854e3,
    ],
);

const MIDDLE: Rational = (
    [
        1.423_437_110_749_683_5,
        4.630_337_846_156_546,
        5.769_497_221_460_691,
        3.647_848_324_763_204_5,
        1.270_458_252_452_368_4,
        2.417_807_251_774_506e-1,
        2.272_384_498_926_918_4e-2,
        7.745_450_142_783_414e-4,
    ],
    [
        1.0,
        2.053_191_626_637_759,
        1.676_384_830_183_803_8,
        6.897_673_349_851e-1,
        1.481_039_764_274_800_8e-1,
        1.519_866_656_361_645_7e-2,
        5.475_938_084_995_345e-4,
        1.050_750_071_644_416_9e-9,
    ],
);

const FAR: Rational = (
    [
        6.657_904_643_501_103,
        5.463_784_911_164_114,
        1.784_826_539_917_291_3,
        2.965_605_718_285_048_7e-1,
        2.653_218_952_657_612_4e-2,
        1.242_660_947_388_078_4e-3,
        2.711_555_568_743_487_6e-5,
        2.010_334_399_292_288_1e-7,
    ],
    [
        1.0,
        5.998_322_065_558_88e-1,
        1.369_298_809_227_358e-1,
        1.487_536_129_085_061_5e-2,
        7.868_691_311_456_133e-4,
        1.846_318_317_510_054_7e-5,
        1.421_511_758_316_446e-7,
        2.044_263_103_389_939_8e-15,
    ],
);

fn polynomial(x: f64, coefficients: &[f64; 8]) -> f64 {
    coefficients.iter().rev().fold(0.0, |value, coefficient| value * x + coefficient)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn quantiles_agree_with_tables() {
        // Quantiles to 16 digits, as printed for instance by R's qnorm.
        let cases = [
            (0.5, 0.0),
            (0.975, 1.959_963_984_540_054),
            (0.95, 1.644_853_626_951_472_2),
            (0.001, -3.090_232_306_167_813_5),
            (1e-10, -6.361_340_902_404_056),
            (1e-100, -21.273_453_560_958_74),
        ];
        for (p, expected) in cases {
            let got = inverse_cdf(p);
            assert!((got - expected).abs() <= 1e-12 * expected.abs().max(1.0), "p {p}: {got} against {expected}");
        }
        assert_eq!(inverse_cdf(0.0), f64::NEG_INFINITY);
        assert_eq!(inverse_cdf(1.0), f64::INFINITY);
        assert!(inverse_cdf(-0.1).is_nan() && inverse_cdf(1.1).is_nan() && inverse_cdf(f64::NAN).is_nan());
    }

    #[test]
    fn two_sided_p_is_twice_the_tail() {
        for z in [-4.0, -0.3, 0.0, 1.5, 6.0] {
            assert!((two_sided_p(z) - 2.0 * cdf(-f64::abs(z))).abs() <= 1e-16);
        }
    }

    proptest! {
        #[test]
        fn the_inverse_undoes_the_cdf(exponent in -300.0..-0.302_f64) {
            let p = libm::exp10(exponent);
            let back = cdf(inverse_cdf(p));
            // A relative error e of a quantile z becomes about z^2 e in the tail probability.
            let tolerance = 1e-14 * (1.0 - exponent * 5.0);
            prop_assert!((back / p - 1.0).abs() <= tolerance, "{} {}", p, back);
        }

        #[test]
        fn quantiles_are_odd_and_rise(p in 1e-9..0.5_f64, step in 1e-9..0.1_f64) {
            prop_assert!((inverse_cdf(p) + inverse_cdf(1.0 - p)).abs() <= 1e-7);
            prop_assert!(inverse_cdf(p) < inverse_cdf(p + step));
        }
    }
}
