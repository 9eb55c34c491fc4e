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
    let root = Place { bytes: footer, at: 0 }.follow()?;
    let mut total = 0;
    for list in [DICTIONARIES, RECORD_BATCHES] {
        for block in root.structs(list, 24)? {
            let start = usize::try_from(i64_at(footer, block)?).ok()?;
            let header = usize::try_from(i32_at(footer, block + 8)?).ok()?;
            let body = usize::try_from(i64_at(footer, block + 16)?).ok()?;
            let body_start = start.checked_add(header)?;
            let message = file.get(start..body_start)?;
            let body = file.get(body_start..body_start.checked_add(body)?)?;
            total += batch_bytes(message, body, list == DICTIONARIES)?;
        }
    }
    Some(total)
}

/// Fields of `Footer`.
const DICTIONARIES: usize = 2;
const RECORD_BATCHES: usize = 3;

fn batch_bytes(message: &[u8], body: &[u8], dictionary: bool) -> Option<u128> {
    // Since version 0.15 of the format a marker stands before the length.
    let prefix = if i32_at(message, 0)? == -1 { 8 } else { 4 };
    let header = Place { bytes: message.get(prefix..)?, at: 0 }.follow()?.table(2)?;
    let batch = if dictionary { header.table(1)? } else { header };
    let rows = batch.long(0)?;
    let mut total = 8 * u128::try_from(rows).ok()?;
    for node in batch.structs(1, 16)? {
        let (length, nulls) = (i64_at(batch.bytes, node)?, i64_at(batch.bytes, node + 8)?);
        if !(0..=length).contains(&nulls) {
            return None;
        }
    }
    let packed = batch.step(3)? > 0;
    for buffer in batch.structs(2, 16)? {
        let start = usize::try_from(i64_at(batch.bytes, buffer)?).ok()?;
        let length = usize::try_from(i64_at(batch.bytes, buffer + 8)?).ok()?;
        let bytes = body.get(start..start.checked_add(length)?)?;
        // A packed buffer begins with its unpacked length, or -1 when it was left as it is.
        let unpacked = if packed && length > 0 { i64_at(bytes, 0)? } else { -1 };
        total += if unpacked == -1 { length as u128 } else { u128::try_from(unpacked).ok()? };
    }
    Some(total)
}

/// A table in a flatbuffer, or the offset to one.
#[derive(Clone, Copy)]
struct Place<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Place<'a> {
    /// What the offset here points to.
    fn follow(self) -> Option<Self> {
        let step = usize::try_from(i32_at(self.bytes, self.at)?).ok()?;
        Some(Place { at: self.at.checked_add(step)?, ..self })
    }

    /// How far behind the start of the table here a field stands; 0 where the field was left out.
    fn step(self, field: usize) -> Option<usize> {
        let back = i64::from(i32_at(self.bytes, self.at)?);
        let list = usize::try_from(i64::try_from(self.at).ok()? - back).ok()?;
        let size = u16_at(self.bytes, list)?;
        let entry = 4 + 2 * field;
        if entry + 2 > usize::from(size) {
            return Some(0);
        }
        u16_at(self.bytes, list.checked_add(entry)?).map(usize::from)
    }

    /// The table that a field holds, without which nothing goes on.
    fn table(self, field: usize) -> Option<Place<'a>> {
        let step = self.step(field).filter(|&step| step > 0)?;
        Place { at: self.at + step, ..self }.follow()
    }

    /// A whole number, 0 where the field was left out.
    fn long(self, field: usize) -> Option<i64> {
        match self.step(field)? {
            0 => Some(0),
            step => i64_at(self.bytes, self.at + step),
        }
    }

    /// Where the members of a vector of structs begin; none where the field was left out.
    fn structs(self, field: usize, size: usize) -> Option<Vec<usize>> {
        let step = self.step(field)?;
        if step == 0 {
            return Some(Vec::new());
        }
        let vector = Place { at: self.at + step, ..self }.follow()?;
        let length = usize::try_from(i32_at(vector.bytes, vector.at)?).ok()?;
        let first = vector.at + 4;
        vector.bytes.get(first..first.checked_add(length.checked_mul(size)?)?)?;
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
        IpcWriter::new(&mut bytes).with_compression(compression).finish(&mut table.to_frame().unwrap()).unwrap();
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
