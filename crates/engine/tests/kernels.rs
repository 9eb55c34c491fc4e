//! Every kernel against the slow reference of its operator, on panels made to hurt, and its promises about time.

use engine::conformance::{self, Shape, Violation};
use factor::Operator;

/// Largest difference allowed beside 1e-9 relative.
///
/// Near zero, a correlation, covariance or distance from a mean is a difference of larger numbers and known only in
/// parts of those: of 1 for correlations, of the inputs' spread for the others.
fn rounding(shape: Shape, operator: Operator) -> f64 {
    use Operator as O;
    match operator {
        // A third moment, and a covariance, near 0: what is left of cubes of 1e3, and of squares.
        O::TsMoment | O::TsCov if shape == Shape::Storm => 1e-6,
        // The level of a line at 0, seen from values around 5e6.
        O::TsSeAlpha if shape == Shape::Storm => 1e-8,
        // What is left of values around 5e6, known to a few parts in 1e16 of those.
        O::TsVectorNeut | O::CsVectorNeut | O::GroupVectorNeut if matches!(shape, Shape::Level | Shape::Storm) => 1e-8,
        O::TsPartialCorr
        | O::TsCorr
        | O::TsCov
        | O::TsZscore
        | O::CsDemean
        | O::GroupNeutralize
        | O::CsZscore
        | O::GroupZscore => 1e-9,
        _ => 1e-12,
    }
}

/// Fails with the first of what was found for all operators.
fn check(law: impl Fn(Operator) -> Vec<Violation>) {
    let found: Vec<String> =
        Operator::ALL.iter().flat_map(|&operator| law(operator)).map(|violation| violation.to_string()).collect();
    assert!(found.is_empty(), "{} disagreements:\n{}", found.len(), found[..found.len().min(25)].join("\n"));
}

#[test]
fn kernels_agree_with_their_references() {
    check(|operator| conformance::values(operator, |shape| rounding(shape, operator)));
}

#[test]
fn one_more_bar_gives_the_same_bits_as_the_whole_panel() {
    check(conformance::bar_by_bar);
}

#[test]
fn no_value_depends_on_a_later_row_nor_on_one_beyond_the_look_back() {
    check(conformance::causality);
}

#[test]
fn vectors_of_every_width_give_the_same_bits() {
    check(conformance::vectors);
}
