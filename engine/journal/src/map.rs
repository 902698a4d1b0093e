//! Memory that outlives the process: a ring of bytes in a mapped file of a memory file system.
//! The only place of this crate with unsafe code.
//!
//! One side writes behind `tail`, the other reads between `head` and `tail` and then moves `head`.
//! Both numbers stand in the map, so that after a crash the next process finds what was taken and
//! not yet confirmed by the disk.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use memmap2::MmapMut;

use crate::format::bytes::{In, Malformed, Out};
use crate::owner;
use crate::record::Lsn;

/// What stands before the ring.
const HEAD_BYTES: usize = 4096;
/// No memory is larger, so no file can make a reader take more.
pub const MEMORY_BYTES_MAX: usize = 1 << 30;
const MAGIC: [u8; 8] = *b"QTJMEM\r\n";
const VERSION: u32 = 1;
/// What is written once.
const FIXED_BYTES: usize = 32;
/// Each number that changes has lines of memory to itself.
const TAIL_AT: usize = 512;
const HEAD_AT: usize = 1024;
const DURABLE_AT: usize = 1536;

const _: () = assert!(HEAD_BYTES.is_multiple_of(64) && DURABLE_AT + 8 <= HEAD_BYTES);

#[derive(Debug)]
struct Map {
    /// Keeps the memory mapped; all access goes through `base`.
    _memory: MmapMut,
    /// Locked for as long as the memory is in use: see `owner`.
    _file: File,
    base: *mut u8,
    /// A power of two.
    capacity: usize,
    path: PathBuf,
}

// SAFETY: the memory belongs to this value alone until it is dropped. The header's numbers are
// atomic, and each byte of the ring is written by one thread at most and read by others only after
// the number that covers it was seen (see `RingWriter::push` and `RingReader::copy`).
#[allow(unsafe_code, reason = "a raw pointer is not Send by itself")]
unsafe impl Send for Map {}
// SAFETY: as above.
#[allow(unsafe_code, reason = "a raw pointer is not Sync by itself")]
unsafe impl Sync for Map {}

impl Map {
    fn number(&self, at: usize) -> &AtomicU64 {
        debug_assert!(at.is_multiple_of(8) && at + 8 <= HEAD_BYTES);
        // SAFETY: a map begins at a page, so the place is aligned; it lies within the header, is
        // used through this function only, and lives as long as `self`.
        #[allow(unsafe_code, reason = "a number in mapped memory")]
        unsafe {
            AtomicU64::from_ptr(self.base.add(at).cast::<u64>())
        }
    }

    /// The ring's bytes from position `at` on, `count` of them, as one or two pieces.
    fn pieces(&self, at: u64, count: usize) -> [(usize, usize); 2] {
        let start = (at & (self.capacity as u64 - 1)) as usize;
        let first = count.min(self.capacity - start);
        [(HEAD_BYTES + start, first), (HEAD_BYTES, count - first)]
    }
}

/// Makes the ring in a new file at `path`, all of it in memory from the start.
///
/// # Errors
/// What the operating system says; there may be no room.
pub fn create(path: &Path, capacity: usize, journal: u64) -> io::Result<(RingWriter, RingReader)> {
    if !capacity.is_power_of_two() {
        return Err(io::Error::other("the memory's size is no power of two"));
    }
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let file = OpenOptions::new().read(true).write(true).create_new(true).open(path)?;
    // Where the system has no locks the note says enough.
    drop(file.try_lock());
    let bytes = HEAD_BYTES + capacity;
    // Without this, a full memory file system would end the process at the first touch.
    super::storage::take_room(&file, bytes as u64)?;
    let mut memory = map(&file)?;
    if memory.len() != bytes {
        return Err(io::Error::other("the map is not as large as its file"));
    }
    memory.fill(0);
    let mut fixed = Out::new(&mut memory[..FIXED_BYTES]);
    fixed.put(MAGIC);
    fixed.u32(VERSION);
    fixed.u64(capacity as u64);
    fixed.u64(journal);
    let crc = crc32fast::hash(&memory[..FIXED_BYTES - 4]);
    memory[FIXED_BYTES - 4..FIXED_BYTES].copy_from_slice(&crc.to_le_bytes());
    let base = memory.as_mut_ptr();
    let map = Arc::new(Map { _memory: memory, _file: file, base, capacity, path: path.to_owned() });
    let writer = RingWriter { map: Arc::clone(&map), tail: 0, head_seen: 0 };
    Ok((writer, RingReader { map, taken: 0 }))
}

fn map(file: &File) -> io::Result<MmapMut> {
    // SAFETY: the file was made by this process under a lock that keeps other processes from
    // opening the journal, and nobody cuts it short. Whoever does so by hand ends this process
    // with a bus error.
    #[allow(unsafe_code, reason = "a map cannot be made safely: see the comment")]
    unsafe {
        MmapMut::map_mut(file)
    }
}

/// The side that puts in. There is one.
#[derive(Debug)]
pub struct RingWriter {
    map: Arc<Map>,
    tail: u64,
    head_seen: u64,
}

impl RingWriter {
    /// How many bytes there are in all.
    pub fn capacity(&self) -> usize {
        self.map.capacity
    }

    /// How many bytes were put in since the start.
    #[inline]
    pub const fn tail(&self) -> u64 {
        self.tail
    }

    /// Whether `bytes` more find room with `reserve` bytes left.
    #[inline]
    pub fn has_room(&mut self, bytes: usize, reserve: usize) -> bool {
        let end = self.tail + (bytes + reserve) as u64;
        if end <= self.head_seen + self.map.capacity as u64 {
            return true;
        }
        // Acquire: what the reader did with the bytes below is over.
        self.head_seen = self.map.number(HEAD_AT).load(Ordering::Acquire);
        end <= self.head_seen + self.map.capacity as u64
    }

    /// How many bytes are in the ring.
    pub fn used(&self) -> usize {
        (self.tail - self.map.number(HEAD_AT).load(Ordering::Acquire)) as usize
    }

    /// Puts `frame` in, for which there must be room; says whether there was.
    #[inline]
    pub fn push(&mut self, frame: &[u8]) -> bool {
        if !self.has_room(frame.len(), 0) {
            return false;
        }
        let [(first, count), (second, rest)] = self.map.pieces(self.tail, frame.len());
        // SAFETY: both pieces lie within the map (`pieces`), which outlives this call. They lie
        // between `tail` and `head + capacity`: the reader looks at nothing behind `tail`, and
        // this is the only writer (`&mut self` of a value that cannot be cloned).
        #[allow(unsafe_code, reason = "copies into mapped memory")]
        unsafe {
            let base = self.map.base;
            std::ptr::copy_nonoverlapping(frame.as_ptr(), base.add(first), count);
            std::ptr::copy_nonoverlapping(frame.as_ptr().add(count), base.add(second), rest);
        }
        self.tail += frame.len() as u64;
        // Release: whoever sees the number sees the bytes, also the process after this one.
        self.map.number(TAIL_AT).store(self.tail, Ordering::Release);
        true
    }
}

/// The side that takes out. There is one.
#[derive(Debug)]
pub struct RingReader {
    map: Arc<Map>,
    taken: u64,
}

impl RingReader {
    /// How many bytes were copied out since the start.
    pub const fn taken(&self) -> u64 {
        self.taken
    }

    /// How many bytes there are in all.
    pub fn capacity(&self) -> usize {
        self.map.capacity
    }

    /// How many bytes wait to be copied.
    pub fn available(&self) -> usize {
        (self.map.number(TAIL_AT).load(Ordering::Acquire) - self.taken) as usize
    }

    /// Copies what waits, as much as `into` holds; how much that is. It stays in the ring.
    pub fn copy(&self, into: &mut [u8]) -> usize {
        let count = self.available().min(into.len());
        let [(first, one), (second, two)] = self.map.pieces(self.taken, count);
        // SAFETY: both pieces lie within the map (`pieces`). They lie between `head` and a `tail`
        // that was loaded with acquire: their bytes are written, and the writer touches them
        // again only after `head` was moved over them (`release`).
        #[allow(unsafe_code, reason = "copies out of mapped memory")]
        unsafe {
            let base = self.map.base;
            std::ptr::copy_nonoverlapping(base.add(first), into.as_mut_ptr(), one);
            std::ptr::copy_nonoverlapping(base.add(second), into.as_mut_ptr().add(one), two);
        }
        count
    }

    /// The first `bytes` of what was copied need not be copied again.
    pub fn advance(&mut self, bytes: usize) {
        self.taken += bytes.min(self.available()) as u64;
    }

    /// The disk has confirmed all up to `position`, the last record of which is `lsn`: its room
    /// is free.
    pub fn release(&self, position: u64, lsn: Lsn) {
        // This first: a process that dies in between leaves bytes that are known to be on disk.
        self.map.number(DURABLE_AT).store(lsn.get(), Ordering::Release);
        self.map.number(HEAD_AT).store(position.min(self.taken), Ordering::Release);
    }

    /// Removes the file. The memory stays until both sides are gone.
    pub fn remove(&self) -> io::Result<()> {
        fs::remove_file(&self.map.path)?;
        owner::remove(&self.map.path);
        Ok(())
    }
}

/// What a ring held when its process ended.
#[derive(Clone, Debug)]
pub struct RingImage {
    /// The file.
    pub path: PathBuf,
    /// The journal that it belongs to.
    pub journal: u64,
    /// The last record that the disk had confirmed.
    pub durable: Lsn,
    /// The frames after that, and perhaps some before.
    pub frames: Vec<u8>,
}

/// Reads the ring at `path`; `None` where there is none.
///
/// # Errors
/// When there is one that cannot be read, or that none ever looked like.
pub fn load(path: &Path) -> io::Result<Option<RingImage>> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    let mut bytes = Vec::new();
    file.take((HEAD_BYTES + MEMORY_BYTES_MAX + 1) as u64).read_to_end(&mut bytes)?;
    let (capacity, journal) = fixed(&bytes).map_err(|Malformed(what)| io::Error::other(what))?;
    let number = |at: usize| {
        let field = bytes.get(at..).and_then(|bytes| bytes.first_chunk::<8>());
        field.map_or(0, |field| u64::from_le_bytes(*field))
    };
    let (tail, head) = (number(TAIL_AT), number(HEAD_AT));
    let ring = &bytes[HEAD_BYTES..];
    let used = tail.checked_sub(head).filter(|used| *used <= capacity);
    let used = used.ok_or_else(|| io::Error::other("its numbers do not fit each other"))? as usize;
    let start = (head & (capacity - 1)) as usize;
    let (wrapped, first) = ring.split_at(start);
    let frames = first.iter().chain(wrapped).take(used).copied().collect();
    let durable = Lsn::new(number(DURABLE_AT));
    Ok(Some(RingImage { path: path.to_owned(), journal, durable, frames }))
}

fn fixed(bytes: &[u8]) -> Result<(u64, u64), Malformed> {
    let mut from = In::new(bytes);
    let (magic, version) = (from.take::<8>()?, from.u32()?);
    let (capacity, journal, crc) = (from.u64()?, from.u64()?, from.u32()?);
    if magic != MAGIC || version != VERSION {
        return Err(Malformed("it is no memory of a journal of this version"));
    }
    let is_whole = capacity.is_power_of_two()
        && (bytes.len() as u64).checked_sub(HEAD_BYTES as u64) == Some(capacity)
        && crc32fast::hash(&bytes[..FIXED_BYTES - 4]) == crc;
    if is_whole { Ok((capacity, journal)) } else { Err(Malformed("its header is damaged")) }
}
