//! The first bytes of a segment.

use super::bytes::{In, Malformed, Out};
use crate::options::{Durable, Fingerprint};
use crate::record::Lsn;

/// How many bytes it has, in every version.
pub const HEADER_BYTES: usize = 128;
/// The version of the format that this program writes, and the newest that it reads.
pub const FORMAT_VERSION: u32 = 4;

const MAGIC: [u8; 8] = *b"QTJRNL\r\n";
const CRC_AT: usize = HEADER_BYTES - 4;

/// What a segment says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentHeader {
    /// The version of the format in which its records are written.
    pub version: u32,
    /// Which journal it is of: the same number in all of its segments, and in no other journal.
    pub journal: u64,
    /// Which run wrote it: 1 for the first that opened the journal.
    pub epoch: u16,
    /// What that run meant by durable.
    pub durable: Durable,
    /// Its place among the segments, from 1.
    pub number: u32,
    /// The first record that it has or would have.
    pub first: Lsn,
    /// The checksum of the frame before that, zero for the first of all.
    pub chain: u32,
    /// The configuration of the run.
    pub fingerprint: Fingerprint,
}

/// Why bytes are no header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderFault {
    /// They begin otherwise.
    Foreign,
    /// Of a version that came after this program.
    Newer(u32),
    /// They were one.
    Damaged(&'static str),
}

impl SegmentHeader {
    /// The header as bytes.
    pub fn write(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        let mut out = Out::new(&mut bytes);
        out.put(MAGIC);
        out.u32(self.version);
        out.u16(self.epoch);
        out.u16(match self.durable {
            Durable::Disk => 0,
            Durable::Memory => 1,
        });
        out.u64(self.journal);
        out.u32(self.number);
        out.u32(self.chain);
        out.u64(self.first.get());
        out.put(self.fingerprint.0);
        let crc = crc32fast::hash(&bytes[..CRC_AT]);
        bytes[CRC_AT..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// Reads the header at the start of `bytes`.
    ///
    /// # Errors
    /// When there is none that this program can read.
    pub fn read(bytes: &[u8]) -> Result<Self, HeaderFault> {
        if !bytes.starts_with(&MAGIC) {
            return Err(HeaderFault::Foreign);
        }
        let all = bytes.first_chunk::<HEADER_BYTES>();
        let all = all.ok_or(HeaderFault::Damaged("it is cut short"))?;
        // Length and checksum stand at the same place in every version, so a damaged version
        // number is not taken for a newer one.
        if crc32fast::hash(&all[..CRC_AT]).to_le_bytes() != all[CRC_AT..] {
            return Err(HeaderFault::Damaged("its checksum is another one"));
        }
        let malformed = |Malformed(what)| HeaderFault::Damaged(what);
        let mut from = In::new(&all[MAGIC.len()..CRC_AT]);
        let version = from.u32().map_err(malformed)?;
        if version > FORMAT_VERSION {
            return Err(HeaderFault::Newer(version));
        }
        let header = Self::fields(version, &mut from).map_err(malformed)?;
        let is_exact = version > 0 && header.write() == *all;
        if is_exact { Ok(header) } else { Err(HeaderFault::Damaged("it has bytes of no meaning")) }
    }

    fn fields(version: u32, from: &mut In<'_>) -> Result<Self, Malformed> {
        let epoch = from.u16()?;
        let durable = match from.u16()? {
            0 => Durable::Disk,
            1 => Durable::Memory,
            _ => return Err(Malformed("it is durable in no known way")),
        };
        let (journal, number, chain) = (from.u64()?, from.u32()?, from.u32()?);
        let (first, fingerprint) = (Lsn::new(from.u64()?), Fingerprint(from.take()?));
        Ok(Self { version, journal, epoch, durable, number, first, chain, fingerprint })
    }
}
