//! Random streams that belong to individuals, never to threads or time.

use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;

/// What a stream is for. Evolution and its control draw from different streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u64)]
pub(crate) enum Purpose {
    Breeding = 0,
    Control = 1,
}

/// The stream of one individual: xoshiro256++ seeded by (run seed, purpose, island, generation, individual).
///
/// The words are folded through splitmix64's finaliser, so that neighbouring individuals share no structure;
/// `seed_from_u64` then fills the state as its authors recommend.
pub(crate) fn stream(seed: u64, purpose: Purpose, island: u64, generation: u64, individual: u64) -> Xoshiro256PlusPlus {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for word in [seed, purpose as u64, island, generation, individual] {
        state = mix(state ^ word).wrapping_add(0x9e37_79b9_7f4a_7c15);
    }
    Xoshiro256PlusPlus::seed_from_u64(state)
}

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A whole number below `bound` (which must not be 0), by multiply and shift: one draw, and the same in every
/// version of the library below. The bias is below `bound / 2^64`.
pub(crate) fn below(rng: &mut impl rand::Rng, bound: usize) -> usize {
    ((u128::from(rng.next_u64()) * bound as u128) >> 64) as usize
}

/// A number in [0, 1).
pub(crate) fn unit(rng: &mut impl rand::Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::Rng;

    #[test]
    fn streams_are_fixed_for_ever() {
        let mut rng = stream(1, Purpose::Breeding, 0, 0, 0);
        let draws: Vec<u64> = (0..4).map(|_| rng.next_u64()).collect();
        let again: Vec<u64> = {
            let mut rng = stream(1, Purpose::Breeding, 0, 0, 0);
            (0..4).map(|_| rng.next_u64()).collect()
        };
        assert_eq!(draws, again);
        for other in [(2, 0, 0, 0), (1, 1, 0, 0), (1, 0, 1, 0), (1, 0, 0, 1)] {
            let mut rng = stream(other.0, Purpose::Breeding, other.1, other.2, other.3);
            assert_ne!(rng.next_u64(), draws[0], "{other:?}");
        }
        assert_ne!(stream(1, Purpose::Control, 0, 0, 0).next_u64(), draws[0]);
    }

    #[test]
    fn below_is_even() {
        let mut rng = stream(3, Purpose::Breeding, 0, 0, 0);
        let mut counts = [0_u32; 7];
        for _ in 0..70_000 {
            counts[below(&mut rng, 7)] += 1;
        }
        assert!(counts.iter().all(|&count| (9_500..10_500).contains(&count)), "{counts:?}");
    }
}
