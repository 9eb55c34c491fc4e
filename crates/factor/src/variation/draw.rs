//! Random choices on top of raw 64-bit words.
//!
//! A run must draw the same choices with next year's `rand`, whose sampling may change between minor versions, so
//! everything here is spelt out from [`Rng::next_u64`]: an index is the high half of a 128-bit product (its bias, at
//! most n / 2^64, is beyond anything a run can see), a fraction is the top 53 bits.

use rand::Rng;

/// A stream of random words. A trait object, so that variation is compiled once, in this crate.
pub(super) type Draw<'a> = &'a mut dyn Rng;

/// A whole number below `bound`; 0 where `bound` is 0.
pub(super) fn below(rng: Draw, bound: usize) -> usize {
    ((u128::from(rng.next_u64()) * bound as u128) >> 64) as usize
}

/// A whole number from `least` to `most`, both included; `least` where they are out of order.
pub(super) fn between(rng: Draw, least: usize, most: usize) -> usize {
    least + below(rng, (most + 1).saturating_sub(least))
}

/// A number in [0, 1).
pub(super) fn fraction(rng: Draw) -> f64 {
    (rng.next_u64() >> 11) as f64 * (1.0 / (1_u64 << 53) as f64)
}

/// True `percent` times in a hundred.
pub(super) fn percent(rng: Draw, percent: usize) -> bool {
    below(rng, 100) < percent
}

/// One of several values, each as likely.
pub(super) fn one_of<T: Copy>(rng: Draw, values: &[T]) -> Option<T> {
    values.get(below(rng, values.len())).copied()
}

/// One of the items that an iterator gives, each as likely. It runs twice, which costs less than keeping the items.
pub(super) fn one_among<T>(rng: Draw, mut items: impl Iterator<Item = T> + Clone) -> Option<T> {
    let count = items.clone().count();
    items.nth(below(rng, count))
}

/// A number from `least` to `most`, uniform.
pub(super) fn uniform(rng: Draw, least: f64, most: f64) -> f64 {
    least + fraction(rng) * (most - least)
}

/// A positive number from `least` to `most`, uniform in its logarithm, so that 5 to 10 is as likely as 50 to 100.
pub(super) fn log_uniform(rng: Draw, least: f64, most: f64) -> f64 {
    libm::exp(uniform(rng, libm::log(least), libm::log(most))).clamp(least, most)
}

/// A whole number of at least 1, uniform in its logarithm.
pub(super) fn log_uniform_rows(rng: Draw, least: u32, most: u32) -> u32 {
    // Half a row on each side, so that the ends are as likely as the rest.
    let drawn = log_uniform(rng, f64::from(least.max(1)) - 0.5, f64::from(most) + 0.5);
    (drawn.round() as u32).clamp(least, most.max(least))
}

/// The number with two significant digits: no person, and no data, can tell more apart.
pub(super) fn rounded(value: f64) -> f64 {
    const POWERS: [f64; 16] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];
    let magnitude = value.abs();
    if !(1e-12..1e12).contains(&magnitude) {
        return if magnitude < 1e-12 { 0.0 } else { value };
    }
    // Decimal digits before the point; dividing by an exact power of ten gives the double nearest to the decimal.
    let digits = libm::floor(libm::log10(magnitude)) as i32;
    let places = 1 - digits;
    let power = POWERS[places.unsigned_abs() as usize];
    if places >= 0 { (value * power).round() / power + 0.0 } else { (value / power).round() * power + 0.0 }
}

/// Things with weights.
#[derive(Debug, Clone)]
pub(super) struct Weighted<T> {
    /// Each with the sum of the weights up to it.
    entries: Vec<(T, u32)>,
}

impl<T: Copy> Weighted<T> {
    pub(super) fn new(entries: impl Iterator<Item = (T, u32)>) -> Self {
        let mut total = 0;
        let entries = entries
            .filter(|&(_, weight)| weight > 0)
            .map(|(entry, weight)| {
                total += weight;
                (entry, total)
            })
            .collect();
        Self { entries }
    }

    /// One of them, as often as its weight says.
    pub(super) fn draw(&self, rng: Draw) -> Option<T> {
        let &(_, total) = self.entries.last()?;
        let mark = below(rng, total as usize) as u32;
        let place = self.entries.partition_point(|&(_, sum)| sum <= mark);
        Some(self.entries[place].0)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_xoshiro::Xoshiro256PlusPlus;
    use rand_xoshiro::rand_core::SeedableRng;

    #[test]
    fn choices_are_spread_as_their_weights_say_and_stay_in_range() {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
        let table = Weighted::new([('a', 1), ('b', 0), ('c', 3)].into_iter());
        let mut counts = [0_usize; 3];
        let mut faces = [0_usize; 6];
        for _ in 0..60_000 {
            counts[table.draw(&mut rng).unwrap() as usize - 'a' as usize] += 1;
            faces[between(&mut rng, 1, 6) - 1] += 1;
            let window = log_uniform_rows(&mut rng, 2, 250);
            assert!((2..=250).contains(&window));
        }
        assert_eq!(counts[1], 0);
        assert!((14_400..15_600).contains(&counts[0]), "{counts:?}");
        assert!(faces.iter().all(|&count| (9_500..10_500).contains(&count)), "{faces:?}");
        assert_eq!((below(&mut rng, 0), between(&mut rng, 3, 2)), (0, 3));
        assert_eq!(one_of::<u8>(&mut rng, &[]), None);
    }

    #[test]
    fn rounding_keeps_two_digits_that_print_short() {
        for (value, expected) in [
            (0.123_456, "0.12"),
            (-0.098_7, "-0.099"),
            (99.6, "100"),
            (1234.5, "1200"),
            (0.000_034_56, "0.000035"),
            (0.0, "0"),
            (-1e-20, "0"),
            (0.994, "0.99"),
        ] {
            assert_eq!(rounded(value).to_string(), expected, "{value}");
        }
    }
}
