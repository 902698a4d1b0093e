//! The bytes of a tick file around its records: header, index, and the checks of both.
//!
//! `header | blocks | description | index`, each part at a multiple of 64 bytes, the gaps filled
//! with zeros. All numbers are little-endian. Every byte of the file is under a checksum: those
//! of the header in the header, those of description and index in the header, those of a block
//! (with the zeros behind it) in the index.

use rkyv::{Archive, Deserialize, Serialize};

use super::record::RecordKind;
use crate::error::DataError;

/// Extension of the file's name.
pub const EXTENSION: &str = "qtt";
/// The first bytes of a tick file. They show a transfer that changed line ends or dropped a bit.
pub const MAGIC: [u8; 8] = *b"\x89QTT\r\n\x1a\n";
/// The version that this code writes, and the newest that it reads.
pub const VERSION: u32 = 1;
/// Records that a block has at most.
pub const BLOCK_RECORDS_MAX: usize = 4096;
/// Every part of the file begins at a multiple of this.
pub const ALIGN: usize = 64;
/// Bytes of the header.
pub const HEADER_BYTES: usize = 192;

const ENDIAN_MARK: u32 = 0x0102_0304;
const CRC_AT: usize = HEADER_BYTES - 4;

/// A part of the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// Where it begins, in bytes from the start of the file.
    pub offset: u64,
    /// Its bytes, without the zeros behind it.
    pub bytes: u64,
}

impl Span {
    /// The place of the part with the zeros behind it in a file of `length` bytes; `None` when
    /// the file has no such place.
    #[must_use]
    pub fn padded(self, length: usize) -> Option<std::ops::Range<usize>> {
        let begin = usize::try_from(self.offset).ok()?;
        let bytes = usize::try_from(self.bytes).ok()?.checked_next_multiple_of(ALIGN)?;
        let end = begin.checked_add(bytes)?;
        (begin % ALIGN == 0 && begin >= HEADER_BYTES && end <= length).then_some(begin..end)
    }
}

/// First and last times of some records (UTC ns).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TimeRange {
    /// The venue's time of the first record.
    pub venue_first: i64,
    /// The venue's time of the last record.
    pub venue_last: i64,
    /// When we could know the first record.
    pub recv_first: i64,
    /// When we could know the last record.
    pub recv_last: i64,
}

/// What the first bytes of a tick file say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// What the records are.
    pub kind: RecordKind,
    /// How many records there are.
    pub records: u64,
    /// How many blocks they are in.
    pub blocks: u64,
    /// How many instruments the description has.
    pub instruments: u32,
    /// Where the description is.
    pub description: Span,
    /// Where the index is.
    pub index: Span,
    /// Length of the whole file.
    pub file_bytes: u64,
    /// Times of the first and the last record; zeros without records.
    pub times: TimeRange,
    /// The running hash over all records.
    pub hash: u64,
    /// Checksum of the description.
    pub description_crc: u32,
    /// Checksum of the index.
    pub index_crc: u32,
}

impl Header {
    /// The header's bytes.
    #[must_use]
    pub fn bytes(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        let mut at = 0;
        let mut put = |value: &[u8]| {
            bytes[at..at + value.len()].copy_from_slice(value);
            at += value.len();
        };
        put(&MAGIC);
        for word in [VERSION, ENDIAN_MARK, self.kind as u32, self.instruments] {
            put(&word.to_le_bytes());
        }
        let Self { description, index, times, .. } = self;
        for word in [
            self.kind.schema_hash(),
            self.records,
            self.blocks,
            description.offset,
            description.bytes,
            index.offset,
            index.bytes,
            self.file_bytes,
            self.hash,
        ] {
            put(&word.to_le_bytes());
        }
        let TimeRange { venue_first, venue_last, recv_first, recv_last } = times;
        for time in [venue_first, venue_last, recv_first, recv_last] {
            put(&time.to_le_bytes());
        }
        put(&self.description_crc.to_le_bytes());
        put(&self.index_crc.to_le_bytes());
        let crc = crc32fast::hash(&bytes[..CRC_AT]);
        bytes[CRC_AT..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// Reads the header at the start of `head`, the first bytes of a file of `length` bytes.
    ///
    /// # Errors
    /// When it is no tick file, of another version or layout, damaged, or of another length.
    pub fn read(path: &str, head: &[u8], length: u64) -> Result<Self, DataError> {
        let wrong = |what: String, fix: &str| Err(store_error(path, what, fix));
        if !head.starts_with(&MAGIC) {
            let what = "is no tick file: it does not begin as one".to_owned();
            return wrong(what, "Import the source with `quanttrade data import`");
        }
        let Some(head) = head.first_chunk::<HEADER_BYTES>() else {
            return wrong(format!("is cut off after {length} bytes, within its header"), AGAIN);
        };
        let (version, mark) = (word(head, 8), word(head, 12));
        if version != VERSION {
            let what = format!("has version {version} of the format; this program reads {VERSION}");
            return wrong(what, "Use the program that wrote it, or import the source again");
        }
        if mark != ENDIAN_MARK {
            let what = format!("has the byte order {mark:08x}, not {ENDIAN_MARK:08x}");
            return wrong(what, "Import the source again on this machine");
        }
        if crc32fast::hash(&head[..CRC_AT]) != word(head, CRC_AT) {
            return wrong("has a damaged header: its checksum differs".to_owned(), AGAIN);
        }
        let number = word(head, 16);
        let Some(kind) = RecordKind::from_number(number) else {
            return wrong(format!("holds records of the unknown kind {number}"), AGAIN);
        };
        let hash = wide(head, 24);
        if hash != kind.schema_hash() {
            let ours = kind.schema_hash();
            let what = format!("has records of the layout {hash:016x}, not {ours:016x}");
            return wrong(what, "Use the program that wrote it, or import the source again");
        }
        let header = Self::of_checked(kind, head);
        if header.file_bytes != length {
            let what = format!("has {length} bytes, not the {} it was written", header.file_bytes);
            return wrong(what, AGAIN);
        }
        Ok(header)
    }

    fn of_checked(kind: RecordKind, head: &[u8; HEADER_BYTES]) -> Self {
        let time = |at| wide(head, at) as i64;
        Self {
            kind,
            instruments: word(head, 20),
            records: wide(head, 32),
            blocks: wide(head, 40),
            description: Span { offset: wide(head, 48), bytes: wide(head, 56) },
            index: Span { offset: wide(head, 64), bytes: wide(head, 72) },
            file_bytes: wide(head, 80),
            hash: wide(head, 88),
            times: TimeRange {
                venue_first: time(96),
                venue_last: time(104),
                recv_first: time(112),
                recv_last: time(120),
            },
            description_crc: word(head, 128),
            index_crc: word(head, 132),
        }
    }
}

const AGAIN: &str = "Import the source again";

// The bytes at `at`, which all callers keep inside the header.
fn word(head: &[u8; HEADER_BYTES], at: usize) -> u32 {
    head[at..].first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes))
}

fn wide(head: &[u8; HEADER_BYTES], at: usize) -> u64 {
    head[at..].first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

/// An error about the tick file at `path`.
pub fn store_error(path: &str, what: String, fix: &str) -> DataError {
    DataError::Store { path: path.to_owned(), what, fix: fix.to_owned() }
}

/// The error for bytes that are not those that were written.
pub fn damaged(path: &str, what: &str) -> DataError {
    store_error(path, format!("is damaged: {what}"), AGAIN)
}

/// A block's entry in the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Archive, Serialize, Deserialize)]
#[rkyv(attr(doc = "A block's entry as it lies in the file.", repr(C)))]
#[repr(C)]
pub struct Entry {
    /// Where the block begins, in bytes from the start of the file.
    pub offset: u64,
    /// The venue's time of the first record (UTC ns).
    pub venue_first: i64,
    /// The venue's time of the last record (UTC ns).
    pub venue_last: i64,
    /// When we could know the first record (UTC ns).
    pub recv_first: i64,
    /// When we could know the last record (UTC ns).
    pub recv_last: i64,
    /// What is added to the latencies of the block's records (ns).
    pub base_ns: i64,
    /// How many records the block has.
    pub records: u32,
    /// Checksum of the block and the zeros behind it.
    pub crc: u32,
}

impl ArchivedEntry {
    /// The entry in the machine's own numbers.
    #[must_use]
    #[inline]
    pub fn native(&self) -> Entry {
        Entry {
            offset: self.offset.to_native(),
            venue_first: self.venue_first.to_native(),
            venue_last: self.venue_last.to_native(),
            recv_first: self.recv_first.to_native(),
            recv_last: self.recv_last.to_native(),
            base_ns: self.base_ns.to_native(),
            records: self.records.to_native(),
            crc: self.crc.to_native(),
        }
    }
}

/// Bytes that rkyv puts behind the elements of a vector: where they are and how many.
pub const ROOT_BYTES: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> Header {
        Header {
            kind: RecordKind::Orders,
            records: 5,
            blocks: 1,
            instruments: 2,
            description: Span { offset: 512, bytes: 100 },
            index: Span { offset: 640, bytes: 64 },
            file_bytes: 704,
            times: TimeRange { venue_first: -1, venue_last: 2, recv_first: 3, recv_last: 4 },
            hash: 6,
            description_crc: 7,
            index_crc: 8,
        }
    }

    fn why(bytes: &[u8], length: u64) -> String {
        Header::read("x.qtt", bytes, length).unwrap_err().to_string()
    }

    #[test]
    fn a_header_comes_back() {
        assert_eq!(Header::read("x", &header().bytes(), 704).unwrap(), header());
    }

    #[test]
    fn what_is_wrong_with_a_header_is_said() {
        let good = header().bytes();
        let with = |at: usize, byte: u8| {
            let mut bytes = good;
            bytes[at] = byte;
            bytes
        };
        assert!(why(b"date,open", 9).contains("no tick file"));
        assert!(why(&good[..100], 100).contains("cut off after 100 bytes"));
        assert!(why(&with(8, 2), 704).contains("version 2"));
        assert!(why(&with(12, 1), 704).contains("byte order"));
        assert!(why(&with(40, 9), 704).contains("damaged header"));
        assert!(why(&good, 700).contains("has 700 bytes, not the 704"));
        let mut other = with(24, good[24] ^ 1);
        let crc = crc32fast::hash(&other[..CRC_AT]);
        other[CRC_AT..].copy_from_slice(&crc.to_le_bytes());
        assert!(why(&other, 704).contains("layout"));
        for (at, byte) in good.iter().enumerate() {
            assert!(Header::read("x", &with(at, byte ^ 0x40), 704).is_err(), "byte {at}");
        }
    }

    #[test]
    fn places_outside_the_file_are_no_places() {
        let place = |offset, bytes| Span { offset, bytes }.padded(1024);
        assert_eq!(place(192, 100), Some(192..320));
        for (offset, bytes) in [(0, 64), (200, 8), (960, 65), (u64::MAX, 1), (192, u64::MAX)] {
            assert_eq!(place(offset, bytes), None, "{offset} {bytes}");
        }
    }
}
