//! A look at the record batches of an Arrow IPC file before polars decodes it.
//!
//! Format: `File.fbs`, `Message.fbs` and `Schema.fbs` of Apache Arrow, in flatbuffers: a table begins with the
//! distance back to its list of field offsets; a vector with its length.

/// Bytes of all buffers once unpacked; `None` when one of them does not lie inside the file, or the file cannot be
/// followed that far.
pub(super) fn announced_bytes(file: &[u8]) -> Option<u128> {
    const TAIL: usize = 10;
    let end = file.len().checked_sub(TAIL)?;
    let length = usize::try_from(i32_at(file, end)?).ok()?;
    let footer = file.get(end.checked_sub(length)?..end)?;
    let root = Spot { bytes: footer, at: 0 }.follow()?;
    let mut total = 0;
    for field in [DICTIONARIES, RECORD_BATCHES] {
        let Some(blocks) = root.field(field)? else { continue };
        for block in blocks.follow()?.structs(24)? {
            let start = usize::try_from(i64_at(footer, block)?).ok()?;
            let header = usize::try_from(i32_at(footer, block + 8)?).ok()?;
            let body = usize::try_from(i64_at(footer, block + 16)?).ok()?;
            let body_start = start.checked_add(header)?;
            let message = file.get(start..body_start)?;
            let body = file.get(body_start..body_start.checked_add(body)?)?;
            total += batch_bytes(message, body, field == DICTIONARIES)?;
        }
    }
    Some(total)
}

/// Fields of `Footer`.
const DICTIONARIES: usize = 2;
const RECORD_BATCHES: usize = 3;

fn batch_bytes(message: &[u8], body: &[u8], dictionary: bool) -> Option<u128> {
    // Since version 0.15 a marker stands before the length.
    let prefix = if i32_at(message, 0)? == -1 { 8 } else { 4 };
    let root = Spot { bytes: message.get(prefix..)?, at: 0 }.follow()?;
    let header = root.field(2)??.follow()?;
    let batch = if dictionary { header.field(1)??.follow()? } else { header };
    let rows = batch.field(0)?.map_or(Some(0), |spot| i64_at(spot.bytes, spot.at))?;
    if rows < 0 {
        return None;
    }
    for node in batch.field(1)?.map_or(Some(Vec::new()), |nodes| nodes.follow()?.structs(16))? {
        let (length, nulls) = (i64_at(batch.bytes, node)?, i64_at(batch.bytes, node + 8)?);
        if !(0..=length).contains(&nulls) {
            return None;
        }
    }
    let packed = batch.field(3)?.is_some();
    let mut total = 8 * rows as u128;
    for buffer in batch.field(2)?.map_or(Some(Vec::new()), |buffers| buffers.follow()?.structs(16))? {
        let start = usize::try_from(i64_at(batch.bytes, buffer)?).ok()?;
        let length = usize::try_from(i64_at(batch.bytes, buffer + 8)?).ok()?;
        let bytes = body.get(start..start.checked_add(length)?)?;
        // A packed buffer begins with its unpacked length, or -1 when it was left as it is.
        let unpacked = if packed && length > 0 { i64_at(bytes, 0)? } else { -1 };
        total += match unpacked {
            -1 => length as u128,
            other => u128::try_from(other).ok()?,
        };
    }
    Some(total)
}

/// A place in a flatbuffer.
#[derive(Clone, Copy)]
struct Spot<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Spot<'a> {
    /// What the offset here points to.
    fn follow(self) -> Option<Self> {
        let step = usize::try_from(i32_at(self.bytes, self.at)?).ok()?;
        Some(Spot { at: self.at.checked_add(step)?, ..self })
    }

    /// A field of the table here, `Some(None)` where it has its default.
    fn field(self, index: usize) -> Option<Option<Spot<'a>>> {
        let list = usize::try_from(i64::try_from(self.at).ok()? - i64::from(i32_at(self.bytes, self.at)?)).ok()?;
        let size = u16_at(self.bytes, list)?;
        let entry = 4 + 2 * index;
        if entry + 2 > usize::from(size) {
            return Some(None);
        }
        let step = u16_at(self.bytes, list.checked_add(entry)?)?;
        Some((step > 0).then_some(Spot { at: self.at + usize::from(step), ..self }))
    }

    /// Where the members of the vector of structs here begin.
    fn structs(self, size: usize) -> Option<Vec<usize>> {
        let length = usize::try_from(i32_at(self.bytes, self.at)?).ok()?;
        let first = self.at + 4;
        self.bytes.get(first..first.checked_add(length.checked_mul(size)?)?)?;
        Some((0..length).map(|index| first + index * size).collect())
    }
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    array(bytes, at).map(u16::from_le_bytes)
}

fn i32_at(bytes: &[u8], at: usize) -> Option<i32> {
    array(bytes, at).map(i32::from_le_bytes)
}

fn i64_at(bytes: &[u8], at: usize) -> Option<i64> {
    array(bytes, at).map(i64::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use polars::io::SerWriter;
    use polars::prelude::{IpcCompression, IpcWriter};

    use super::*;
    use crate::table::{Column, Table};

    fn file(compression: Option<IpcCompression>) -> Vec<u8> {
        let table = Table::new()
            .with("symbol", Column::Text((0..1000).map(|row| format!("S{row:04}")).collect()))
            .with("close", Column::Number(vec![7.0; 1000]));
        let mut bytes = Vec::new();
        IpcWriter::new(&mut bytes).with_compression(compression).finish(&mut table.to_frame()).unwrap();
        bytes
    }

    /// 8,000 bytes of numbers and at least 5,000 of text, packed or not.
    #[test]
    fn adds_up_what_the_buffers_take_unpacked() {
        for compression in [None, Some(IpcCompression::LZ4), Some(IpcCompression::default())] {
            let bytes = file(compression);
            let announced = announced_bytes(&bytes).unwrap();
            assert!((21_000..60_000).contains(&announced), "{compression:?}: {announced}");
        }
    }

    #[test]
    fn a_buffer_beyond_the_file_is_seen() {
        let bytes = file(None);
        let length = 8000_i64.to_le_bytes();
        let at = bytes.windows(8).position(|window| window == length).expect("the length of the numbers stands there");
        let mut grown = bytes.clone();
        grown[at + 5] = 0x10;
        assert!(announced_bytes(&bytes).is_some());
        assert_eq!(announced_bytes(&grown), None);
        for cut in 0..bytes.len() {
            let _ = announced_bytes(&bytes[..cut]);
        }
    }
}
