//! Structural hashes, and finding instructions by them.

use crate::program::{Instruction, NodeId, Purpose};

/// What a hash is of, where it is not of an operator.
pub(super) const FIELD: u64 = 1;
pub(super) const CONSTANT: u64 = 2;
pub(super) const FLAG_CONSTANT: u64 = 3;
pub(super) const PROGRAM: u64 = 4;

/// Words on their way into a hash, as little-endian bytes.
pub(super) struct Words {
    bytes: [u8; 8 * Words::MOST],
    used: usize,
}

impl Words {
    /// A tag, and three words for every output of a program, or all that tells strategies apart.
    const MOST: usize = 32;
    const FITS: () = assert!(3 * Purpose::COUNT < Self::MOST);

    /// Nothing but a tag, which says what the other words are.
    pub(super) fn new(tag: u64) -> Self {
        const { Self::FITS };
        let mut words = Self { bytes: [0; 8 * Self::MOST], used: 0 };
        words.push(tag);
        words
    }

    pub(super) fn push(&mut self, word: u64) {
        self.bytes[self.used..self.used + 8].copy_from_slice(&word.to_le_bytes());
        self.used += 8;
    }

    /// Appends both halves of a hash.
    pub(super) fn push_hash(&mut self, hash: u128) {
        self.push(hash as u64);
        self.push((hash >> 64) as u64);
    }

    /// xxh3, 128 bits.
    pub(super) fn hash(&self) -> u128 {
        twox_hash::XxHash3_128::oneshot(&self.bytes[..self.used])
    }
}

/// Hash of words under a tag.
pub(crate) fn mix_words(tag: u64, words: &[u64]) -> u128 {
    let mut all = Words::new(tag);
    for &word in words {
        all.push(word);
    }
    all.hash()
}

pub(super) fn hash_text(tag: u64, text: &str) -> u128 {
    twox_hash::XxHash3_128::oneshot_with_seed(tag, text.as_bytes())
}

/// Finds instructions by their hash. Open addressing by the low bits, which are as good as random.
pub(super) struct HashIndex {
    /// At least twice as many as there are instructions.
    places: Vec<u16>,
}

impl HashIndex {
    const FREE: u16 = u16::MAX;

    /// An index for so many instructions.
    pub(super) fn with_capacity(instructions: usize) -> Self {
        Self { places: vec![Self::FREE; (2 * instructions).next_power_of_two()] }
    }

    /// The instruction with this hash, or the free place where it belongs.
    pub(super) fn find(&self, hash: u128, instructions: &[Instruction]) -> Result<NodeId, usize> {
        let mask = self.places.len() - 1;
        let mut place = hash as usize & mask;
        loop {
            match self.places[place] {
                Self::FREE => return Err(place),
                id if instructions[id as usize].hash == hash => return Ok(NodeId(id)),
                _ => place = (place + 1) & mask,
            }
        }
    }

    /// Takes a free place.
    pub(super) fn take(&mut self, place: usize, id: NodeId) {
        self.places[place] = id.0;
    }
}
