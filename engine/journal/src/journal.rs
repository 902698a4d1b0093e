//! The writing end of a journal.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;

use qt_engine::Command;
use qt_ring::Pinning;
use qt_types::{Event, Head, Seq, Tick};

use crate::error::{AppendError, JournalError};
use crate::format::frame::{self, Body, Place};
use crate::format::ticks;
use crate::map::RingWriter;
use crate::options::Durable;
use crate::record::{Lsn, Record, Stamp};
use crate::shared::Shared;

/// A journal that records are put into. It belongs to the thread of the pipeline; a thread of its
/// own brings what is put in to the disk.
///
/// A record that was taken ([`Self::append`]) outlives the process. When it outlives a loss of
/// power is told by [`Self::wait_durable`] in disk mode.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    ring: RingWriter,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    /// The last record that was taken, and its checksum.
    last: (Lsn, u32),
    epoch: u16,
    frame: Box<[u8]>,
    reserve_bytes: usize,
    waits: u64,
    /// Held until the journal is closed.
    _lock: File,
}

/// Tells other threads what the disk has confirmed. Can be cloned and sent.
#[derive(Clone, Debug)]
pub struct Durability(Arc<Shared>);

/// How a journal is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// The last record that was taken.
    pub written: Lsn,
    /// The last one that the disk has confirmed.
    pub synced: Lsn,
    /// Bytes in memory that the disk has not confirmed.
    pub memory_used: usize,
    /// Bytes that the memory holds.
    pub memory_bytes: usize,
    /// How often a record had to wait for room in memory.
    pub waits: u64,
    /// How often the disk confirmed.
    pub syncs: u64,
    /// How often the disk was found full.
    pub disk_full: u64,
    /// Whether it is full now.
    pub is_full: bool,
    /// Whether the disk failed.
    pub is_poisoned: bool,
}

/// How badly a record must be written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Urgency {
    Ordinary,
    /// As ordinary, but nobody waits for room.
    Try,
    Reserved,
}

/// What [`crate::open`] found and made.
pub(crate) struct Parts {
    pub path: PathBuf,
    pub ring: RingWriter,
    pub shared: Arc<Shared>,
    pub thread: JoinHandle<()>,
    pub last: (Lsn, u32),
    pub epoch: u16,
    pub reserve_bytes: usize,
    pub lock: File,
}

impl Journal {
    pub(crate) fn of(parts: Parts) -> Self {
        let Parts { path, ring, shared, thread, last, epoch, reserve_bytes, lock } = parts;
        // A record of a quarter of the memory never waits for more than the disk can give.
        let frame_bytes = frame::FRAME_BYTES_MAX.min(ring.capacity() / 4);
        Self {
            path,
            ring,
            shared,
            thread: Some(thread),
            last,
            epoch,
            frame: vec![0; frame_bytes].into_boxed_slice(),
            reserve_bytes,
            waits: 0,
            _lock: lock,
        }
    }

    /// Puts a record in; its number. Waits while the memory is full: the journal is the truth,
    /// and nothing may happen that it does not hold.
    ///
    /// # Errors
    /// When the disk failed or is full, or the record is too large. Nothing is taken then.
    pub fn append(&mut self, record: &Record) -> Result<Lsn, AppendError> {
        self.put(Body::Record(record), Urgency::Ordinary)
    }

    /// [`Self::append`] of an event, without a copy of it.
    ///
    /// # Errors
    /// As [`Self::append`].
    #[inline]
    pub fn append_event(&mut self, event: &Event) -> Result<Lsn, AppendError> {
        self.put(Body::Event(event), Urgency::Ordinary)
    }

    /// [`Self::append`] of the ticks of one frame of a venue, each of them an event: `head` is that
    /// of the first one, the others have the numbers behind it. Those that have their times in
    /// common are one record with one checksum, which costs a fraction of one for each; they are
    /// read back as the single events that they are. The number of the last one.
    ///
    /// # Errors
    /// As [`Self::append`]; where there are several such groups, those before the one that was
    /// refused are taken.
    pub fn append_ticks(&mut self, head: Head, ticks: &[Tick]) -> Result<Lsn, AppendError> {
        let (mut head, mut rest) = (head, ticks);
        while !rest.is_empty() {
            let count = ticks::fit(rest, self.frame.len() - frame::OVERHEAD_BYTES);
            let (run, more) = rest.split_at(count);
            if run.is_empty() {
                return Err(AppendError::TooLong);
            }
            self.put(Body::Ticks(&head, run), Urgency::Ordinary)?;
            head.seq = Seq::new(head.seq.get() + count as u64);
            rest = more;
        }
        Ok(self.last.0)
    }

    /// [`Self::append`] of a command that follows from the event of `stamp`: to be durable before
    /// the order leaves.
    ///
    /// # Errors
    /// As [`Self::append`].
    #[inline]
    pub fn append_command(&mut self, stamp: Stamp, command: &Command) -> Result<Lsn, AppendError> {
        self.put(Body::Command(stamp, command), Urgency::Ordinary)
    }

    /// As [`Self::append`], but says [`AppendError::Busy`] in place of waiting: for what may be
    /// refused, like a new order.
    ///
    /// # Errors
    /// As [`Self::append`], and when the memory is full.
    pub fn try_append(&mut self, record: &Record) -> Result<Lsn, AppendError> {
        self.put(Body::Record(record), Urgency::Try)
    }

    /// As [`Self::append`], into room that is kept for it: for what must be written also when the
    /// disk is full or slow. [`Self::close`] writes the end of a run so.
    ///
    /// # Errors
    /// When the disk failed, or that room is used up, too.
    pub fn append_reserved(&mut self, record: &Record) -> Result<Lsn, AppendError> {
        self.put(Body::Record(record), Urgency::Reserved)
    }

    fn put(&mut self, body: Body<'_>, urgency: Urgency) -> Result<Lsn, AppendError> {
        let (last, chain) = self.last;
        let unsynced = last.get().saturating_sub(self.shared.durable().get());
        let unsynced = u32::try_from(unsynced).unwrap_or(u32::MAX);
        let place = Place { lsn: last.next(), chain, unsynced };
        let written = frame::write(&mut self.frame, place, body);
        let (bytes, crc) = written.ok_or(AppendError::TooLong)?;
        self.find_room(bytes, urgency)?;
        let is_in = self.frame.get(..bytes).is_some_and(|frame| self.ring.push(frame));
        if !is_in {
            return Err(AppendError::Busy);
        }
        let last = Lsn::new(last.get() + body.count());
        self.last = (last, crc);
        Ok(last)
    }

    #[inline]
    fn find_room(&mut self, bytes: usize, urgency: Urgency) -> Result<(), AppendError> {
        if self.shared.is_poisoned() {
            return Err(AppendError::Poisoned);
        }
        let is_reserved = urgency == Urgency::Reserved;
        let limit = if is_reserved { &self.shared.reserved_limit } else { &self.shared.limit };
        if self.ring.tail() + bytes as u64 > limit.load(Ordering::Acquire) {
            return Err(AppendError::DiskFull);
        }
        let reserve = if is_reserved { 0 } else { self.reserve_bytes };
        if self.ring.has_room(bytes, reserve) {
            return Ok(());
        }
        self.wait_for_room(bytes, reserve, urgency)
    }

    #[cold]
    fn wait_for_room(
        &mut self,
        bytes: usize,
        reserve: usize,
        urgency: Urgency,
    ) -> Result<(), AppendError> {
        self.shared.wake_writer();
        if urgency == Urgency::Try {
            return Err(AppendError::Busy);
        }
        self.waits += 1;
        let Self { ring, shared, .. } = self;
        let mut has_room = false;
        shared.bell.wait_until(|| {
            has_room = ring.has_room(bytes, reserve);
            has_room || shared.is_poisoned() || shared.is_stuck()
        });
        match (has_room, shared.is_poisoned()) {
            (_, true) => Err(AppendError::Poisoned),
            (true, false) => Ok(()),
            (false, false) => Err(AppendError::DiskFull),
        }
    }

    /// Returns once record `lsn` is durable as this journal means it: at once in memory mode, and
    /// in disk mode when the disk has confirmed it.
    ///
    /// # Errors
    /// When the disk failed before that, or is full.
    pub fn wait_durable(&self, lsn: Lsn) -> Result<(), AppendError> {
        match self.shared.mode {
            Durable::Disk => self.shared.wait_on_disk(lsn),
            Durable::Memory if self.shared.is_poisoned() => Err(AppendError::Poisoned),
            Durable::Memory => Ok(()),
        }
    }

    /// Returns once the disk has confirmed record `lsn`, in either mode.
    ///
    /// # Errors
    /// When the disk failed before that, or is full.
    pub fn wait_on_disk(&self, lsn: Lsn) -> Result<(), AppendError> {
        self.shared.wait_on_disk(lsn)
    }

    /// For other threads that want to know what the disk has.
    #[must_use]
    pub fn durability(&self) -> Durability {
        Durability(Arc::clone(&self.shared))
    }

    /// The last record that was taken.
    #[must_use]
    pub const fn last(&self) -> Lsn {
        self.last.0
    }

    /// Which run this is: 1 for the first that opened the journal.
    #[must_use]
    pub const fn epoch(&self) -> u16 {
        self.epoch
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How it is doing.
    #[must_use]
    pub fn status(&self) -> Status {
        Status {
            written: self.last.0,
            synced: self.shared.durable(),
            memory_used: self.ring.used(),
            memory_bytes: self.ring.capacity(),
            waits: self.waits,
            syncs: self.shared.syncs.load(Ordering::Relaxed),
            disk_full: self.shared.full.load(Ordering::Relaxed),
            is_full: self.shared.is_full(),
            is_poisoned: self.shared.is_poisoned(),
        }
    }

    /// What came of pinning the writing thread; `None` when that was not asked for.
    #[must_use]
    pub fn pinning(&self) -> Option<&Pinning> {
        self.shared.pinning.get()
    }

    /// Ends the run in order: everything is brought to the disk, then the record of the end. The
    /// number of that record.
    ///
    /// # Errors
    /// When the disk failed, or is full. What it had confirmed is there.
    pub fn close(mut self, stamp: Stamp) -> Result<Lsn, JournalError> {
        let ended = self.end(stamp);
        self.stop();
        let end = match ended {
            // What came first is the cause.
            Err(fault) => Err(fault),
            Ok(_) if self.shared.is_poisoned() => Err(AppendError::Poisoned),
            Ok(lsn) => Ok(lsn),
        };
        end.map_err(|fault| JournalError::Append { path: self.path.clone(), fault })
    }

    /// The end is written when all before is confirmed: it vouches for that.
    fn end(&mut self, stamp: Stamp) -> Result<Lsn, AppendError> {
        self.wait_on_disk(self.last.0)?;
        let lsn = self.append_reserved(&Record::End(stamp))?;
        self.wait_on_disk(lsn)?;
        Ok(lsn)
    }

    fn stop(&mut self) {
        self.shared.is_stopping.store(true, Ordering::Release);
        self.shared.wake_writer();
        if let Some(thread) = self.thread.take() {
            // Its panic would be a fault of ours, and is told as one.
            if thread.join().is_err() {
                self.shared.poison("the writing thread ended unexpectedly".to_owned());
            }
        }
    }
}

impl Drop for Journal {
    /// Brings what is in memory to the disk. Without [`Journal::close`] there is no record of an
    /// end, so that the next run knows that this one was not stopped in order.
    fn drop(&mut self) {
        self.stop();
    }
}

impl Durability {
    /// The last record that the disk has confirmed.
    #[must_use]
    pub fn synced(&self) -> Lsn {
        self.0.durable()
    }

    /// What the system said when the disk failed.
    #[must_use]
    pub fn fault(&self) -> Option<&str> {
        self.0.fault()
    }
}
