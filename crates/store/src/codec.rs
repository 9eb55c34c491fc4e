//! The one place where values become bytes and back: bincode in a frame of our own.
//!
//! The frame, little-endian: magic `EVOQUANT`, format version (u16), kind (u8), codec (u8: 1 is bincode 2 with its
//! standard configuration), compression (u8: 0 is none, 1 is kept for zstd), three zero bytes, payload length (u64),
//! xxh3-64 of the payload (u64), payload. Everything is checked before a byte of the payload is decoded.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// What a frame holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum FrameKind {
    /// The state of a search after a generation.
    Checkpoint = 1,
}

/// Why bytes are no frame that can be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CodecError {
    /// Too short, or other magic bytes.
    #[error("these bytes are not evoquant's")]
    NotAFrame,
    /// Another format version, kind, codec or compression.
    #[error("{what} {found} is not known to this version, which reads {known}; was it written by a newer one?")]
    Unknown {
        /// What is not known.
        what: &'static str,
        /// What was found.
        found: u64,
        /// What is known.
        known: u64,
    },
    /// Length or checksum differ: cut off or damaged.
    #[error("the bytes are cut off or damaged")]
    Damaged,
    /// The payload is whole but does not decode.
    #[error("the contents do not decode: {0}")]
    Contents(String),
}

const MAGIC: &[u8; 8] = b"EVOQUANT";
const FORMAT: u16 = 2;
const BINCODE: u8 = 1;
const UNCOMPRESSED: u8 = 0;
const HEADER: usize = 32;
/// Most bytes that decoding may ask for: a damaged length must not exhaust memory.
const LIMIT: usize = 1 << 31;

/// Encodes a value into a frame.
///
/// # Errors
/// When the value cannot be encoded.
pub fn encode<T: Serialize>(kind: FrameKind, value: &T) -> Result<Vec<u8>, CodecError> {
    #[expect(clippy::disallowed_methods, reason = "this is the one codec")]
    let payload = bincode::serde::encode_to_vec(value, bincode::config::standard())
        .map_err(|error| CodecError::Contents(error.to_string()))?;
    let mut bytes = Vec::with_capacity(HEADER + payload.len());
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&FORMAT.to_le_bytes());
    bytes.extend_from_slice(&[kind as u8, BINCODE, UNCOMPRESSED, 0, 0, 0]);
    bytes.extend_from_slice(&(payload.len() as u64).to_le_bytes());
    bytes.extend_from_slice(&twox_hash::XxHash3_64::oneshot(&payload).to_le_bytes());
    bytes.extend_from_slice(&payload);
    Ok(bytes)
}

/// Decodes a value from a whole frame.
///
/// # Errors
/// When the bytes are not a frame of this kind, damaged, or hold something else.
pub fn decode<T: DeserializeOwned>(kind: FrameKind, bytes: &[u8]) -> Result<T, CodecError> {
    let word = |at: usize| bytes[at..at + 8].try_into().map(u64::from_le_bytes).map_err(|_| CodecError::NotAFrame);
    if bytes.len() < HEADER || &bytes[..8] != MAGIC {
        return Err(CodecError::NotAFrame);
    }
    let format = u16::from_le_bytes([bytes[8], bytes[9]]);
    for (what, found, known) in [
        ("format version", u64::from(format), u64::from(FORMAT)),
        ("kind", u64::from(bytes[10]), kind as u64),
        ("codec", u64::from(bytes[11]), u64::from(BINCODE)),
        ("compression", u64::from(bytes[12]), u64::from(UNCOMPRESSED)),
    ] {
        if found != known {
            return Err(CodecError::Unknown { what, found, known });
        }
    }
    let payload = &bytes[HEADER..];
    if word(16)? != payload.len() as u64 || word(24)? != twox_hash::XxHash3_64::oneshot(payload) {
        return Err(CodecError::Damaged);
    }
    let config = bincode::config::standard().with_limit::<LIMIT>();
    #[expect(clippy::disallowed_methods, reason = "this is the one codec")]
    let (value, read) =
        bincode::serde::decode_from_slice(payload, config).map_err(|error| CodecError::Contents(error.to_string()))?;
    if read != payload.len() {
        return Err(CodecError::Contents(format!("{} bytes are left over", payload.len() - read)));
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Value = (Vec<String>, Option<f64>, u128);

    fn value() -> Value {
        (vec!["cs_rank(volume)".to_owned(), String::new()], Some(-0.25), u128::MAX - 7)
    }

    #[test]
    fn what_is_encoded_decodes() {
        let bytes = encode(FrameKind::Checkpoint, &value()).expect("encodes");
        assert_eq!(decode::<Value>(FrameKind::Checkpoint, &bytes).expect("decodes"), value());
    }

    #[test]
    fn any_damage_is_seen() {
        let bytes = encode(FrameKind::Checkpoint, &value()).expect("encodes");
        for at in (0..bytes.len()).filter(|at| !(13..16).contains(at)) {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x40;
            assert!(decode::<Value>(FrameKind::Checkpoint, &damaged).is_err(), "byte {at}");
        }
        for length in 0..bytes.len() {
            assert!(decode::<Value>(FrameKind::Checkpoint, &bytes[..length]).is_err(), "length {length}");
        }
        let mut longer = bytes;
        longer.push(0);
        assert_eq!(decode::<Value>(FrameKind::Checkpoint, &longer), Err(CodecError::Damaged));
    }

    #[test]
    fn a_hostile_length_asks_for_no_memory() {
        // A vector of 2^60 elements, with a correct checksum.
        let payload = [0xfd_u8, 0, 0, 0, 0, 0, 0, 0, 0x10, 1, 2, 3];
        let mut bytes = Vec::from(*MAGIC);
        bytes.extend_from_slice(&FORMAT.to_le_bytes());
        bytes.extend_from_slice(&[1, BINCODE, UNCOMPRESSED, 0, 0, 0]);
        bytes.extend_from_slice(&(payload.len() as u64).to_le_bytes());
        bytes.extend_from_slice(&twox_hash::XxHash3_64::oneshot(&payload).to_le_bytes());
        bytes.extend_from_slice(&payload);
        assert!(matches!(decode::<Vec<String>>(FrameKind::Checkpoint, &bytes), Err(CodecError::Contents(_))));
    }
}
