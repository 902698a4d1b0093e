//! A frame: one record in a segment, so that its loss, its change and its absence are seen.
//!
//! | bytes | what |
//! |---|---|
//! | 4 | length of the whole frame |
//! | 4 | checksum of the frame before it |
//! | 8 | log sequence number |
//! | 4 | how many of the records before it were not on the disk when it was made |
//! | 1 | kind of record |
//! | any | payload |
//! | 4 | CRC-32 of all before |
//!
//! A frame of several ticks has as many numbers, of which it says the first.
//!
//! A frame says by itself that it is whole, and by its second field that it follows the one before
//! it. The fourth field proves, for each earlier record, whether the disk had confirmed it: a bad
//! place in front of a frame that vouches for it is damage, not a write that a loss of power cut.

use qt_engine::Command;
use qt_types::{Event, Head, Tick};

use super::bytes::Out;
use super::ticks;
use crate::record::{Lsn, Record, RecordKind, Stamp};

/// All of a frame but its payload.
pub const OVERHEAD_BYTES: usize = HEAD_BYTES + CRC_BYTES;
/// The longest frame.
pub const FRAME_BYTES_MAX: usize = 1 << 20;

const HEAD_BYTES: usize = 21;
const CRC_BYTES: usize = 4;

/// What goes into a frame; events and commands without a copy of them.
#[derive(Clone, Copy, Debug)]
pub enum Body<'a> {
    /// Any record.
    Record(&'a Record),
    /// An event.
    Event(&'a Event),
    /// A command that follows from the event of a stamp.
    Command(Stamp, &'a Command),
    /// Ticks of one frame of a venue, and the head of the first one's event.
    Ticks(&'a Head, &'a [Tick]),
}

impl Body<'_> {
    /// How many log sequence numbers it takes.
    #[inline(always)]
    pub const fn count(&self) -> u64 {
        match self {
            Self::Ticks(_, ticks) => ticks.len() as u64,
            Self::Record(_) | Self::Event(_) | Self::Command(..) => 1,
        }
    }
}

/// What a frame says beside its record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its number.
    pub lsn: Lsn,
    /// The checksum of the frame before it.
    pub chain: u32,
    /// How many records before it were not on the disk yet.
    pub unsynced: u32,
}

/// Writes a frame into `memory`; its length and its checksum. `None` when it does not fit.
#[inline]
pub fn write(memory: &mut [u8], place: Place, body: Body<'_>) -> Option<(usize, u32)> {
    let mut out = Out::new(memory);
    out.u32(0);
    out.u32(place.chain);
    out.u64(place.lsn.get());
    out.u32(place.unsynced);
    match body {
        Body::Event(event) => {
            out.u8(RecordKind::Event as u8);
            super::event::write(&mut out, event);
        }
        Body::Command(stamp, command) => {
            out.u8(RecordKind::Command as u8);
            super::record::write_sent(&mut out, stamp, command);
        }
        Body::Ticks(head, all) => {
            out.u8(ticks::KIND);
            ticks::write(&mut out, head, all);
        }
        Body::Record(record) => {
            out.u8(record.kind() as u8);
            super::record::write(&mut out, record);
        }
    }
    let checked = out.finish()?;
    let length = checked + CRC_BYTES;
    let frame = memory.get_mut(..length)?;
    frame.first_chunk_mut::<4>()?.copy_from_slice(&(length as u32).to_le_bytes());
    let crc = crc32fast::hash(&frame[..checked]);
    frame[checked..].copy_from_slice(&crc.to_le_bytes());
    Some((length, crc))
}

/// A frame that is whole.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// What it says beside its record.
    pub place: Place,
    /// The number of its kind.
    pub kind: u8,
    /// Its record.
    pub payload: &'a [u8],
    /// How many log sequence numbers it has.
    pub count: u64,
    /// Its checksum.
    pub crc: u32,
    /// Its length.
    pub bytes: usize,
}

impl Frame<'_> {
    /// Whether the disk had confirmed record `lsn` when this frame was made.
    pub const fn vouches_for(&self, lsn: Lsn) -> bool {
        self.place.lsn.get().saturating_sub(self.place.unsynced as u64) > lsn.get()
    }
}

/// The frame that begins with the first of `bytes`.
///
/// # Errors
/// What keeps it from being one.
#[inline]
pub fn read(bytes: &[u8]) -> Result<Frame<'_>, &'static str> {
    let length = length(bytes).ok_or("its length is none that a frame has")?;
    let frame = bytes.get(..length).ok_or("it is longer than what is there")?;
    let (checked, crc) = frame.split_at(length - CRC_BYTES);
    let crc = number(crc);
    if crc32fast::hash(checked) != crc {
        return Err("its checksum is another one");
    }
    let mut from = super::bytes::In::new(&checked[4..]);
    let mut head = || {
        let (chain, lsn) = (from.u32()?, Lsn::new(from.u64()?));
        Ok::<_, super::bytes::Malformed>((Place { lsn, chain, unsynced: from.u32()? }, from.u8()?))
    };
    let (place, kind) = head().map_err(|_| "it is too short")?;
    let payload = from.rest();
    Ok(Frame { place, kind, payload, count: count(kind, payload), crc, bytes: length })
}

/// How many numbers a record of `kind` has.
#[inline]
fn count(kind: u8, payload: &[u8]) -> u64 {
    let ticks = if kind == ticks::KIND { ticks::count(payload) } else { None };
    ticks.unwrap_or(1).max(1)
}

/// The length that a frame at the start of `bytes` would have.
#[inline]
pub fn length(bytes: &[u8]) -> Option<usize> {
    let length = number(bytes.get(..4)?) as usize;
    (OVERHEAD_BYTES..=FRAME_BYTES_MAX).contains(&length).then_some(length)
}

/// The last number that a whole frame at the start of `bytes` has.
#[inline]
pub fn last_lsn(bytes: &[u8]) -> Option<Lsn> {
    let kind = *bytes.get(HEAD_BYTES - 1)?;
    let before = count(kind, bytes.get(HEAD_BYTES..)?) - 1;
    Some(Lsn::new(lsn(bytes)?.get().saturating_add(before)))
}

/// The first number that a whole frame at the start of `bytes` has.
#[inline]
pub fn lsn(bytes: &[u8]) -> Option<Lsn> {
    let number = bytes.get(8..16)?.first_chunk::<8>()?;
    Some(Lsn::new(u64::from_le_bytes(*number)))
}

fn number(bytes: &[u8]) -> u32 {
    bytes.first_chunk::<4>().map_or(0, |bytes| u32::from_le_bytes(*bytes))
}
