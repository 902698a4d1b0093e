//! The thread that brings the memory to the disk: segments, group commit, the end of a disk.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use crate::format::frame;
use crate::format::header::{HEADER_BYTES, SegmentHeader};
use crate::map::RingReader;
use crate::record::Lsn;
use crate::shared::{NO_LIMIT, Shared};
use crate::storage::{Storage, StoredFile};

/// The file that has its room and no place among the segments yet.
pub const SPARE: &str = "spare";
/// How much is written at once.
const BATCH_BYTES_MAX: usize = 1 << 20;
/// How long the thread sleeps when there is nothing to do and nobody wakes it.
const PAUSE: Duration = Duration::from_millis(1);
/// How long it waits until it tries a full disk again.
const RETRY: Duration = Duration::from_millis(50);

/// The name of segment `number`.
pub fn segment_name(number: u32) -> String {
    format!("segment-{number:08}.log")
}

/// What the thread works with.
pub struct Drain {
    ring: RingReader,
    shared: Arc<Shared>,
    storage: Box<dyn Storage>,
    settings: Settings,
    file: Box<dyn StoredFile>,
    spare: Option<Box<dyn StoredFile>>,
    /// When it was tried in vain to make one.
    tried: Option<Instant>,
    /// Whether the last write found no room.
    is_stuck: bool,
    header: SegmentHeader,
    /// Where in the segment the next frame goes.
    at: u64,
    /// The last frame that was written.
    last: (Lsn, u32),
    /// Since when something is written and not confirmed.
    unsynced_since: Option<Instant>,
    /// The position that the disk has confirmed.
    synced: u64,
    batch: Box<[u8]>,
}

/// What does not change.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// How large a segment is.
    pub segment_bytes: u64,
    /// How much of the last one is kept for what must be written.
    pub reserve_bytes: u64,
    /// See [`crate::Options::sync_every`].
    pub sync_every: Duration,
}

/// Why a turn did not get as far as it would.
enum Stop {
    /// There is no room on the disk; nothing is lost, it is tried again.
    Full,
    /// The disk failed.
    Failed { doing: &'static str, source: io::Error },
}

impl Stop {
    fn of(doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full,
            _ => Self::Failed { doing, source },
        }
    }

    /// For calls after which nobody knows what is on the disk.
    fn failed(doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Failed { doing, source }
    }
}

impl Drain {
    /// The thread's work on the segment of `header`, whose `file` ends at `at` with frame `last`.
    pub fn new(
        ring: RingReader,
        shared: Arc<Shared>,
        storage: Box<dyn Storage>,
        settings: Settings,
        (header, file, at): (SegmentHeader, Box<dyn StoredFile>, u64),
        last: (Lsn, u32),
    ) -> Self {
        let batch = vec![0; ring.capacity().min(BATCH_BYTES_MAX)].into_boxed_slice();
        let unsynced_since = None;
        let (spare, synced) = (None, 0);
        Self {
            ring,
            shared,
            storage,
            settings,
            file,
            spare,
            tried: None,
            is_stuck: false,
            header,
            at,
            last,
            unsynced_since,
            synced,
            batch,
        }
    }

    /// Takes the room for the segment after this one.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn prepare(&mut self) -> io::Result<()> {
        self.spare = Some(self.storage.create(SPARE, self.settings.segment_bytes)?);
        Ok(())
    }

    /// Works until the journal is closed and all is on the disk, or until the disk fails.
    pub fn run(mut self) {
        loop {
            let is_stopping = self.shared.is_stopping.load(Ordering::Acquire);
            match self.turn(is_stopping) {
                Ok(true) => {}
                Ok(false) if is_stopping => return self.finish(),
                Ok(false) => thread::park_timeout(PAUSE),
                // Whoever closes a journal on a full disk does not wait until there is room: the
                // memory keeps what the disk did not take.
                Err(Stop::Full) if is_stopping => {
                    return self.shared.poison("the disk was full to the end".to_owned());
                }
                Err(Stop::Full) => thread::park_timeout(RETRY),
                Err(Stop::Failed { doing, source }) => {
                    return self.shared.poison(format!("cannot {doing}: {source}"));
                }
            }
        }
    }

    /// One look at the memory and what it asks for; whether there was something to do.
    fn turn(&mut self, is_stopping: bool) -> Result<bool, Stop> {
        if self.spare.is_none() && self.tried.is_none_or(|at| at.elapsed() >= RETRY) {
            self.refill()?;
        }
        let written = self.write_some();
        let is_stuck = matches!(written, Err(Stop::Full));
        if is_stuck != self.is_stuck {
            self.is_stuck = is_stuck;
            self.tell_limits();
        }
        let did_write = written?;
        if !self.is_sync_due(is_stopping) {
            return Ok(did_write);
        }
        self.sync()?;
        Ok(true)
    }

    fn is_sync_due(&self, is_stopping: bool) -> bool {
        let Some(since) = self.unsynced_since else { return false };
        let unsynced = self.ring.taken() - self.synced;
        is_stopping
            || self.shared.wanted() > self.shared.durable()
            || unsynced >= self.ring.capacity() as u64 / 4
            || since.elapsed() >= self.settings.sync_every
    }

    /// Writes frames that are in memory; whether there were any.
    fn write_some(&mut self) -> Result<bool, Stop> {
        let count = self.ring.copy(&mut self.batch);
        let room = self.settings.segment_bytes.saturating_sub(self.at);
        let (bytes, last) = whole_frames(&self.batch[..count], room);
        let Some(last) = last else {
            if count == 0 {
                return Ok(false);
            }
            // Not one frame fits what is left of the segment.
            self.rotate()?;
            return Ok(true);
        };
        write_all(&mut *self.file, &self.batch[..bytes], self.at)
            .map_err(Stop::of("write to the journal"))?;
        self.ring.advance(bytes);
        self.at += bytes as u64;
        self.last = last;
        self.unsynced_since.get_or_insert_with(Instant::now);
        Ok(true)
    }

    /// Once a sync has failed it is not tried again: the kernel may have dropped what it could
    /// not write, and would then confirm the rest.
    fn sync(&mut self) -> Result<(), Stop> {
        if self.unsynced_since.is_none() {
            return Ok(());
        }
        self.file.sync().map_err(Stop::failed("confirm the journal on the disk"))?;
        self.unsynced_since = None;
        self.synced = self.ring.taken();
        self.ring.release(self.synced, self.last.0);
        self.shared.confirm(self.last.0);
        Ok(())
    }

    /// Goes on in the next segment. The one before is confirmed first, so that a segment with a
    /// successor has no end that could be torn.
    fn rotate(&mut self) -> Result<(), Stop> {
        self.sync()?;
        let Some(mut next) = self.spare.take() else { return Err(Stop::Full) };
        let (lsn, crc) = self.last;
        let number = self.header.number + 1;
        let header = SegmentHeader { number, first: lsn.next(), chain: crc, ..self.header };
        let doing = Stop::failed;
        write_all(&mut *next, &header.write(), 0).map_err(doing("begin a segment"))?;
        next.sync().map_err(doing("confirm a segment"))?;
        let name = segment_name(number);
        self.storage.rename(SPARE, &name).map_err(doing("name a segment"))?;
        self.storage.sync_names().map_err(doing("confirm a segment's name"))?;
        (self.header, self.file, self.at) = (header, next, HEADER_BYTES as u64);
        self.refill()
    }

    /// Takes the room of the next segment. A full disk is no error yet: this segment has room for
    /// all that is in memory.
    fn refill(&mut self) -> Result<(), Stop> {
        let made = self.prepare().map_err(Stop::of("make room for a segment"));
        let is_full = matches!(made, Err(Stop::Full));
        self.tried = is_full.then(Instant::now);
        self.tell_limits();
        if is_full { Ok(()) } else { made }
    }

    /// Says how far records may still go.
    fn tell_limits(&self) {
        // Frames do not lie across segments, and without a spare one this is the last.
        let end = self.ring.taken() + self.settings.segment_bytes.saturating_sub(self.at);
        let (limit, reserved) = match self.spare {
            _ if self.is_stuck => (0, NO_LIMIT),
            Some(_) => (NO_LIMIT, NO_LIMIT),
            None => (end.saturating_sub(self.settings.reserve_bytes), end),
        };
        self.shared.set_limits(limit, reserved);
    }

    /// The last segment keeps only the room that it uses.
    fn finish(mut self) {
        let cut = self.file.cut(self.at);
        let removed = self.storage.remove(SPARE).and_then(|()| self.storage.sync_names());
        if let Err(source) = cut.and(removed) {
            return self.shared.poison(format!("cannot close the last segment: {source}"));
        }
        // All is on the disk.
        drop(self.ring.remove());
    }
}

/// How many of `bytes` are whole frames that fit `room`, and the last of them.
fn whole_frames(bytes: &[u8], room: u64) -> (usize, Option<(Lsn, u32)>) {
    let (mut at, mut last) = (0, None);
    while let Some(length) = frame::length(&bytes[at..]) {
        let end = at + length;
        if end as u64 > room || end > bytes.len() {
            break;
        }
        let crc = bytes[at..end].last_chunk::<4>().map_or(0, |crc| u32::from_le_bytes(*crc));
        last = frame::last_lsn(&bytes[at..]).map(|lsn| (lsn, crc));
        at = end;
    }
    (at, last)
}

/// Writes all of `bytes`, however little a call takes.
pub fn write_all(file: &mut dyn StoredFile, mut bytes: &[u8], mut at: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        match file.write_at(bytes, at) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => {
                bytes = bytes.get(count..).unwrap_or_default();
                at += count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
