//! A look at the page headers of a Parquet file before polars decodes it.
//!
//! The decoder of polars allocates what a header announces. A count below zero, as damage makes it, becomes an
//! allocation of 2^61 bytes, and a failed allocation ends the process instead of unwinding; so the counts are read here
//! first. Format: parquet-format, `PageHeader` in `parquet.thrift`, in Thrift's compact protocol.

use polars::prelude::FileMetadataRef;

/// Whether every page of every column chunk lies inside its chunk and announces sizes and counts that can be true.
pub(super) fn pages_are_sound(file: &[u8], metadata: &FileMetadataRef) -> bool {
    metadata.row_groups.iter().flat_map(|group| group.parquet_columns().iter()).all(|chunk| {
        let start = chunk.dictionary_page_offset().unwrap_or(chunk.data_page_offset());
        let (Ok(start), Ok(length)) = (usize::try_from(start), usize::try_from(chunk.compressed_size())) else {
            return false;
        };
        let bytes = start.checked_add(length).and_then(|end| file.get(start..end));
        bytes.and_then(|bytes| walk(bytes, chunk.num_values(), chunk.uncompressed_size())).is_some()
    })
}

/// Steps from page to page; `None` as soon as something cannot be.
fn walk(mut chunk: &[u8], values: i64, unpacked: i64) -> Option<()> {
    let mut seen = 0;
    while seen < values && !chunk.is_empty() {
        let header = page_header(&mut chunk)?;
        let size = usize::try_from(header.packed).ok()?;
        if header.unpacked < 0 || header.unpacked > unpacked {
            return None;
        }
        match header.kind {
            DICTIONARY if header.values > header.unpacked => return None,
            DATA | DATA_2 => seen += header.values,
            _ => {}
        }
        chunk = chunk.get(size..)?;
    }
    (seen == values).then_some(())
}

/// Values of `PageType`.
const DATA: i64 = 0;
const DICTIONARY: i64 = 2;
const DATA_2: i64 = 3;

#[derive(Debug, Default, PartialEq)]
struct PageHeader {
    kind: i64,
    unpacked: i64,
    packed: i64,
    /// From the header that belongs to the kind; never negative.
    values: i64,
}

fn page_header(bytes: &mut &[u8]) -> Option<PageHeader> {
    let mut header = PageHeader { kind: -1, ..PageHeader::default() };
    let mut id = 0;
    while let wire @ 1.. = field(bytes, &mut id)? {
        match (id, wire) {
            (1, INTEGER) => header.kind = integer(bytes)?,
            (2, INTEGER) => header.unpacked = integer(bytes)?,
            (3, INTEGER) => header.packed = integer(bytes)?,
            (5 | 7 | 8, STRUCT) => header.values = counts(bytes)?,
            _ => skip(bytes, wire, 0)?,
        }
    }
    Some(header)
}

/// `num_values`, the first field of all three kinds of headers; no integer in them may be negative.
fn counts(bytes: &mut &[u8]) -> Option<i64> {
    let (mut id, mut values) = (0, 0);
    while let wire @ 1.. = field(bytes, &mut id)? {
        if wire != INTEGER {
            skip(bytes, wire, 0)?;
            continue;
        }
        let number = integer(bytes).filter(|&number| number >= 0)?;
        if id == 1 {
            values = number;
        }
    }
    Some(values)
}

/// Wire types of the compact protocol.
const TRUE: u8 = 1;
const FALSE: u8 = 2;
const BYTE: u8 = 3;
const SHORT: u8 = 4;
const INTEGER: u8 = 5;
const LONG: u8 = 6;
const DOUBLE: u8 = 7;
const BINARY: u8 = 8;
const LIST: u8 = 9;
const SET: u8 = 10;
const STRUCT: u8 = 12;

/// The wire type of the next field and its id; 0 at the end of the struct.
fn field(bytes: &mut &[u8], id: &mut i64) -> Option<u8> {
    let head = byte(bytes)?;
    if head == 0 {
        return Some(0);
    }
    *id = match head >> 4 {
        0 => integer(bytes)?,
        step => id.checked_add(i64::from(step))?,
    };
    // No wire type is 0, so that a field of it ends the struct in the wrong place and the file is refused there.
    Some(head & 0x0f)
}

fn skip(bytes: &mut &[u8], wire: u8, depth: usize) -> Option<()> {
    const DEEPEST: usize = 16;
    match wire {
        TRUE | FALSE => Some(()),
        BYTE => byte(bytes).map(drop),
        SHORT | INTEGER | LONG => variable(bytes).map(drop),
        DOUBLE => take(bytes, 8),
        BINARY => {
            let length = variable(bytes)?;
            take(bytes, usize::try_from(length).ok()?)
        }
        LIST | SET if depth < DEEPEST => {
            let head = byte(bytes)?;
            let length = if head >> 4 == 15 { variable(bytes)? } else { u64::from(head >> 4) };
            // Booleans take a byte each in lists, though none in structs.
            let wire = if matches!(head & 0x0f, TRUE | FALSE) { BYTE } else { head & 0x0f };
            (0..length).try_for_each(|_| skip(bytes, wire, depth + 1))
        }
        STRUCT if depth < DEEPEST => {
            let mut id = 0;
            while let wire @ 1.. = field(bytes, &mut id)? {
                skip(bytes, wire, depth + 1)?;
            }
            Some(())
        }
        _ => None,
    }
}

fn byte(bytes: &mut &[u8]) -> Option<u8> {
    let (&first, rest) = bytes.split_first()?;
    *bytes = rest;
    Some(first)
}

fn take(bytes: &mut &[u8], length: usize) -> Option<()> {
    *bytes = bytes.get(length..)?;
    Some(())
}

/// Seven bits a byte, lowest first.
fn variable(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let next = byte(bytes)?;
        number |= u64::from(next & 0x7f) << shift;
        if next < 0x80 {
            return Some(number);
        }
    }
    None
}

/// Zigzag: 0, -1, 1, -2, ...
fn integer(bytes: &mut &[u8]) -> Option<i64> {
    let number = variable(bytes)?;
    Some((number >> 1) as i64 ^ -((number & 1) as i64))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A data page of 3 values: kind 0, 24 bytes unpacked, `packed` bytes, crc -1, {values, encoding 0, {a long}, true}.
    fn page(values: u8, packed: u8) -> Vec<u8> {
        let mut page =
            vec![0x15, 0, 0x15, 48, 0x15, packed * 2, 0x15, 1, 0x1c, 0x15, values, 0x15, 0, 0x1c, 0x16, 9, 0, 0x11];
        page.extend([0, 0]);
        page.extend(std::iter::repeat_n(7, packed.into()));
        page
    }

    #[test]
    fn reads_the_header_and_stops_behind_it() {
        let bytes = page(6, 2);
        let mut rest = bytes.as_slice();
        assert_eq!(page_header(&mut rest), Some(PageHeader { kind: DATA, unpacked: 24, packed: 2, values: 3 }));
        assert_eq!(rest, [7, 7]);
    }

    #[test]
    fn walks_sound_pages_and_no_others() {
        let two = [page(6, 2), page(8, 5)].concat();
        assert_eq!(walk(&two, 7, 100), Some(()));
        assert_eq!(walk(&two, 8, 100), None, "a value is missing");
        assert_eq!(walk(&two, 5, 100), None, "values beyond the announced ones");
        assert_eq!(walk(&two, 7, 23), None, "a page larger than its chunk");
        assert_eq!(walk(&two[..two.len() - 1], 7, 100), None, "cut off");
        assert_eq!(walk(&page(7, 2), -4, 100), None, "a negative count");
        let dictionary = [0x15, 4, 0x15, 2, 0x15, 0, 0x4c, 0x15, 8, 0, 0];
        assert_eq!(walk(&[&dictionary[..], &two].concat(), 7, 100), None, "more entries than bytes");
        assert_eq!(walk(&[0x1c; 100], 7, 100), None, "nested without end");
        assert_eq!(walk(&[0x19, 0xf5, 0xff, 0xff, 0xff, 0xff, 0x0f], 7, 100), None, "a list without end");
    }
}
