//! The structures inside a Parquet file, looked over before the decoder trusts them.
//!
//! Footer and page headers are Thrift structures in the compact protocol. The decoder reserves
//! memory for whatever they promise; a damaged count would end the process. What passes here
//! promises no more than the file can hold.

/// Structures inside structures, at most.
const DEPTH_MAX: u32 = 32;

/// What the header of a page says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct PageHeader {
    kind: i64,
    unpacked: i64,
    packed: i64,
    values: i64,
    // Something below zero that only makes sense above.
    negative: bool,
}

const DATA_PAGE: i64 = 0;
const INDEX_PAGE: i64 = 1;
const DICTIONARY_PAGE: i64 = 2;
const DATA_PAGE_V2: i64 = 3;

/// Walks over the pages in `chunk`, the bytes of a plain column with `rows` rows whose pages have
/// `unpacked` bytes when decompressed.
///
/// # Errors
/// What is wrong with them.
pub fn check_pages(chunk: &[u8], rows: usize, unpacked: i64) -> Result<(), &'static str> {
    let (mut at, mut seen, mut size) = (0, 0_u64, 0_i64);
    while seen < rows as u64 {
        let rest = chunk.get(at..).filter(|rest| !rest.is_empty()).ok_or("pages are missing")?;
        let (header, length) = page_header(rest).ok_or("a page header is broken")?;
        let body = rest.len() - length;
        if header.negative || header.packed < 0 || header.packed as u64 > body as u64 {
            return Err("a page header has sizes that cannot be");
        }
        size = size.saturating_add(header.unpacked);
        if header.unpacked < 0 || size > unpacked {
            return Err("the pages are larger than the footer says");
        }
        match header.kind {
            DATA_PAGE | DATA_PAGE_V2 => seen += header.values as u64,
            // A value of a dictionary takes a byte at least.
            DICTIONARY_PAGE if header.values <= header.unpacked => {}
            INDEX_PAGE => {}
            _ => return Err("a page header has counts that cannot be"),
        }
        at += length + header.packed as usize;
    }
    if seen == rows as u64 { Ok(()) } else { Err("the pages have too many values") }
}

// The header at the start of `bytes`, and its length.
fn page_header(bytes: &[u8]) -> Option<(PageHeader, usize)> {
    let mut scanner = Scanner { bytes, at: 0 };
    let mut header = PageHeader { kind: -1, ..PageHeader::default() };
    let mut last = 0;
    while let Some((field, kind)) = scanner.field(&mut last)? {
        match (field, kind) {
            (1, I32) => header.kind = scanner.integer()?,
            (2, I32) => header.unpacked = scanner.integer()?,
            (3, I32) => header.packed = scanner.integer()?,
            // Headers of data pages of version 1, dictionaries, data pages of version 2: each
            // begins with the number of values.
            (5 | 7 | 8, STRUCT) => {
                let mut last = 0;
                while let Some((field, kind)) = scanner.field(&mut last)? {
                    if kind == I32 {
                        let value = scanner.integer()?;
                        header.negative |= value < 0;
                        if field == 1 {
                            header.values = value;
                        }
                    } else {
                        scanner.skip(kind, 2)?;
                    }
                }
            }
            _ => scanner.skip(kind, 1)?,
        }
    }
    Some((header, scanner.at))
}

const TRUE: u8 = 1;
const FALSE: u8 = 2;
const I8: u8 = 3;
pub(crate) const I16: u8 = 4;
pub(crate) const I32: u8 = 5;
pub(crate) const I64: u8 = 6;
const DOUBLE: u8 = 7;
pub(crate) const BINARY: u8 = 8;
pub(crate) const LIST: u8 = 9;
const SET: u8 = 10;
const MAP: u8 = 11;
pub(crate) const STRUCT: u8 = 12;

/// A place in bytes that only moves forward. `None` from any of its functions: the bytes end
/// before what they promise.
pub(crate) struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Scanner<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    fn byte(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    fn advance(&mut self, count: u64) -> Option<()> {
        let left = (self.bytes.len() - self.at) as u64;
        if count > left {
            return None;
        }
        self.at += count as usize;
        Some(())
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    fn integer(&mut self) -> Option<i64> {
        let coded = self.varint()?;
        Some((coded >> 1) as i64 ^ -((coded & 1) as i64))
    }

    // Number and type of the next field of a structure; the inner `None` is its end.
    pub(crate) fn field(&mut self, last: &mut i64) -> Option<Option<(i64, u8)>> {
        let byte = self.byte()?;
        if byte == 0 {
            return Some(None);
        }
        *last = match byte >> 4 {
            0 => self.integer()?,
            step => last.checked_add(i64::from(step))?,
        };
        Some(Some((*last, byte & 0x0f)))
    }

    // Passes over a value; `None` where it does not fit the bytes.
    pub(crate) fn skip(&mut self, kind: u8, depth: u32) -> Option<()> {
        if depth > DEPTH_MAX {
            return None;
        }
        match kind {
            // As a field, a truth value is in its type.
            TRUE | FALSE => Some(()),
            I8 => self.advance(1),
            I16 | I32 | I64 => self.varint().map(drop),
            DOUBLE => self.advance(8),
            BINARY => {
                let length = self.varint()?;
                self.advance(length)
            }
            LIST | SET => {
                let (count, kind) = self.list()?;
                self.skip_many(count, &[kind], depth)
            }
            MAP => {
                let count = self.varint()?;
                if count == 0 {
                    return Some(());
                }
                let kinds = self.byte()?;
                self.skip_many(count, &[kinds >> 4, kinds & 0x0f], depth)
            }
            STRUCT => {
                let mut last = 0;
                while let Some((_, kind)) = self.field(&mut last)? {
                    self.skip(kind, depth + 1)?;
                }
                Some(())
            }
            _ => None,
        }
    }

    // The length of a list, which fits the bytes, and the type of its values.
    pub(crate) fn list(&mut self) -> Option<(u64, u8)> {
        let head = self.byte()?;
        let count = match head >> 4 {
            15 => self.varint()?,
            count => u64::from(count),
        };
        // Every value takes a byte at least.
        (count <= (self.bytes.len() - self.at) as u64).then_some((count, head & 0x0f))
    }

    fn skip_many(&mut self, count: u64, kinds: &[u8], depth: u32) -> Option<()> {
        // Every value takes a byte at least.
        if count > (self.bytes.len() - self.at) as u64 {
            return None;
        }
        for _ in 0..count {
            for kind in kinds {
                match *kind {
                    TRUE | FALSE => self.advance(1)?,
                    kind => self.skip(kind, depth + 1)?,
                }
            }
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // A data page header: 5 values in 8 bytes, 6 of them packed.
    const HEADER: [u8; 11] = [0x15, 0, 0x15, 16, 0x15, 12, 0x2c, 0x15, 10, 0, 0];

    fn chunk(headers: &[[u8; 11]]) -> Vec<u8> {
        headers.iter().flat_map(|header| [&header[..], &[9; 6]].concat()).collect()
    }

    #[test]
    fn pages_are_walked() {
        let (header, length) = page_header(&HEADER).unwrap();
        assert_eq!((header.kind, header.unpacked, header.packed), (DATA_PAGE, 8, 6));
        assert_eq!((header.values, header.negative, length), (5, false, 11));
        let two = chunk(&[HEADER, HEADER]);
        assert_eq!(check_pages(&two, 10, 16), Ok(()));
        assert_eq!(check_pages(&two, 5, 8), Ok(()), "the rest is not looked at");
        assert_eq!(check_pages(&two, 9, 16), Err("the pages have too many values"));
        assert_eq!(check_pages(&two, 11, 16), Err("pages are missing"));
        assert_eq!(check_pages(&two, 10, 15), Err("the pages are larger than the footer says"));
        assert!(check_pages(&two[..20], 10, 16).is_err());
        let mut negative = HEADER;
        negative[8] = 11;
        let sizes = Err("a page header has sizes that cannot be");
        assert_eq!(check_pages(&chunk(&[negative]), 10, 16), sizes);
        let mut long = HEADER;
        long[5] = 60;
        assert_eq!(check_pages(&chunk(&[long]), 10, 16), sizes);
    }

    fn is_sound(bytes: &[u8]) -> bool {
        Scanner::new(bytes).skip(STRUCT, 0).is_some()
    }

    #[test]
    fn promises_must_fit() {
        assert!(is_sound(&[0]));
        assert!(is_sound(&[0x19, 0x35, 2, 4, 6, 0]), "a list of three numbers");
        assert!(!is_sound(&[0x19, 0xf5, 0xff, 0xff, 0xff, 0x7f, 2, 0]), "a list of too many");
        assert!(is_sound(&[0x18, 2, 7, 7, 0]));
        assert!(!is_sound(&[0x18, 9, 7, 7, 0]), "text longer than the bytes");
        assert!(!is_sound(&[0x1c; 100]), "too deep");
        assert!(!is_sound(&[0x1d, 0]), "no such type");
        assert!(!is_sound(&[]));
    }
}
