//! Opening a journal for writing: its lock, what the last run left, the next segment.

use std::fs::{self, File, OpenOptions};
use std::hash::{BuildHasher, RandomState};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crate::drain::{Drain, SPARE, Settings, segment_name, write_all};
use crate::error::JournalError;
use crate::format::frame::FRAME_BYTES_MAX;
use crate::format::header::{FORMAT_VERSION, HEADER_BYTES, SegmentHeader};
use crate::journal::{Journal, Parts};
use crate::map::{self, MEMORY_BYTES_MAX};
use crate::options::Options;
use crate::owner;
use crate::reader::{Entry, JournalReader, Recovery, Resume};
use crate::record::Lsn;
use crate::segments::{self, LOCK, MEMORY, SEGMENT_BYTES_MAX};
use crate::shared::Shared;
use crate::storage::{Folder, Storage, StoredFile};

/// The name of the thread that writes.
pub const THREAD: &str = "journal";
/// How often a lock is tried: a reader holds it for a moment to see whether it is free.
const LOCK_TRIES: u32 = 10;
/// The least memory that does anything.
const MEMORY_BYTES_MIN: usize = 4096;

impl Journal {
    /// Opens the journal in `folder`, which is made if it is not there, and goes on behind the
    /// last proven record. What was found of earlier runs comes with it.
    ///
    /// # Errors
    /// When another process has it open, when it is damaged, of a newer version or of another
    /// configuration, when there is no room, or an option cannot be.
    pub fn open(folder: &Path, options: &Options) -> Result<(Self, Recovery), JournalError> {
        Self::open_with(folder, options, |_| {})
    }

    /// [`Self::open`], which hands every record that is there to `take` first: what was recovered
    /// and what is written to are the same, under one lock.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_with(
        folder: &Path,
        options: &Options,
        take: impl FnMut(Entry),
    ) -> Result<(Self, Recovery), JournalError> {
        Self::open_on(folder, options, Box::new(Folder::new(folder)), take)
    }

    /// [`Self::open_with`] with a disk of one's own for what is written from now on: for tests.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_on(
        folder: &Path,
        options: &Options,
        storage: Box<dyn Storage>,
        take: impl FnMut(Entry),
    ) -> Result<(Self, Recovery), JournalError> {
        check(options)?;
        fs::create_dir_all(folder).map_err(JournalError::io(folder, "make the folder"))?;
        let lock = lock(folder)?;
        let (recovery, resume) = recover(folder, options, take)?;
        Opening { folder, options, storage, lock }.start(recovery, resume)
    }
}

/// What was asked for, while it is made.
struct Opening<'a> {
    folder: &'a Path,
    options: &'a Options,
    storage: Box<dyn Storage>,
    lock: File,
}

impl Opening<'_> {
    fn start(
        mut self,
        mut recovery: Recovery,
        resume: Option<Resume>,
    ) -> Result<(Journal, Recovery), JournalError> {
        recovery.epoch = recovery.epoch.checked_add(1).ok_or_else(|| JournalError::Options {
            option: "folder",
            value: recovery.epoch.into(),
            why: "as many runs wrote to it as its format can count; begin a new one".to_owned(),
        })?;
        let last = (recovery.last, resume.as_ref().map_or(0, |resume| resume.chain));
        let resume = resume.map(|resume| self.settle(resume, last)).transpose()?;
        let before = resume.as_ref().map(|resume| resume.header);
        let (on_disk, unsaved) =
            resume.as_ref().map_or((Default::default(), &[][..]), |r| (r.on_disk, &r.unsaved));
        let io = |doing| JournalError::io(self.folder, doing);
        let header = SegmentHeader {
            version: FORMAT_VERSION,
            journal: before.map_or_else(random, |before| before.journal),
            epoch: recovery.epoch,
            durable: self.options.durable,
            number: before.map_or(1, |before| before.number + 1),
            first: on_disk.0.next(),
            chain: on_disk.1,
            fingerprint: self.options.fingerprint,
        };
        let bytes = self.options.segment_bytes.max((HEADER_BYTES + unsaved.len()) as u64);
        let mut file = self.storage.create(SPARE, bytes).map_err(io("make room for a segment"))?;
        let begun = self.begin(&mut *file, &header, unsaved);
        begun.map_err(io("begin a segment"))?;
        let at = (HEADER_BYTES + unsaved.len()) as u64;

        // From here on the disk has all that the old memory had.
        let (ring, reader) = self.new_memory(&header)?;
        let shared = Arc::new(Shared::new(self.options.durable, last.0));
        reader.release(0, last.0);
        let settings = Settings {
            segment_bytes: self.options.segment_bytes,
            reserve_bytes: self.options.reserve_bytes as u64,
            sync_every: self.options.sync_every,
        };
        let part = (header, file, at);
        let Self { folder, options, storage, lock } = self;
        let mut drain = Drain::new(reader, Arc::clone(&shared), storage, settings, part, last);
        drain.prepare().map_err(JournalError::io(folder, "make room for a second segment"))?;
        let thread = spawn(drain, &shared, options)
            .map_err(JournalError::io(folder, "start the thread that writes"))?;
        let (path, epoch) = (folder.to_owned(), recovery.epoch);
        let reserve_bytes = options.reserve_bytes.min(options.memory_bytes / 4);
        let parts = Parts { path, ring, shared, thread, last, epoch, reserve_bytes, lock };
        Ok((Journal::of(parts), recovery))
    }

    /// Cuts the torn end off. What only the memory held of an older version of the format, the last
    /// record of which is `last`, gets a segment of that version: a segment has one.
    fn settle(&mut self, resume: Resume, last: (Lsn, u32)) -> Result<Resume, JournalError> {
        cut_off(&resume).map_err(JournalError::io(&resume.file, "cut the torn end off"))?;
        if resume.unsaved.is_empty() || resume.header.version == FORMAT_VERSION {
            return Ok(resume);
        }
        let Resume { header, on_disk, unsaved, .. } = resume;
        let (number, first, chain) = (header.number + 1, on_disk.0.next(), on_disk.1);
        let header = SegmentHeader { number, first, chain, ..header };
        let bytes = (HEADER_BYTES + unsaved.len()) as u64;
        let io = |doing| JournalError::io(self.folder, doing);
        let mut file = self.storage.create(SPARE, bytes).map_err(io("make room for a segment"))?;
        self.begin(&mut *file, &header, &unsaved)
            .map_err(JournalError::io(self.folder, "write what only the memory held"))?;
        let file = self.folder.join(segment_name(number));
        Ok(Resume { header, on_disk: last, unsaved: Vec::new(), file, proven: bytes, ..resume })
    }

    /// Header and old frames are on the disk before the segment has its name.
    fn begin(
        &mut self,
        file: &mut dyn StoredFile,
        header: &SegmentHeader,
        frames: &[u8],
    ) -> std::io::Result<()> {
        write_all(file, &header.write(), 0)?;
        write_all(file, frames, HEADER_BYTES as u64)?;
        file.sync()?;
        self.storage.rename(SPARE, &segment_name(header.number))?;
        self.storage.sync_names()
    }

    /// Makes the memory of this run and lets go of that of the last one.
    fn new_memory(
        &self,
        header: &SegmentHeader,
    ) -> Result<(map::RingWriter, map::RingReader), JournalError> {
        let name = format!("quanttrade-{:016x}-{}.ring", header.journal, header.epoch);
        let path = self.options.memory_folder.join(name);
        let old = segments::memory_path(self.folder)?;
        owner::sweep(&self.options.memory_folder);
        owner::note(&path, self.folder)
            .map_err(JournalError::io(&path, "say whose the memory of the journal is"))?;
        let ring = map::create(&path, self.options.memory_bytes, header.journal);
        let ring = ring.map_err(JournalError::io(&path, "take the memory for the journal"))?;
        let pointer = self.folder.join(MEMORY);
        let named = point_to(&pointer, &path);
        named.map_err(JournalError::io(&pointer, "say where the memory lies"))?;
        // After a restart of the machine there is none; and a process that was killed before it
        // could say where its memory lies has left one more behind.
        let own = format!("quanttrade-{:016x}-", header.journal);
        let is_own = |path: &PathBuf| {
            path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&own))
        };
        let all = fs::read_dir(&self.options.memory_folder).into_iter().flatten().flatten();
        let left = all.map(|entry| entry.path().with_extension(owner::MEMORY)).filter(is_own);
        for old in old.into_iter().chain(left).filter(|old| *old != path) {
            owner::remove(&old);
        }
        Ok(ring)
    }
}

fn spawn(
    drain: Drain,
    shared: &Arc<Shared>,
    options: &Options,
) -> std::io::Result<thread::JoinHandle<()>> {
    let (for_thread, pin) = (Arc::clone(shared), options.pin.clone());
    let work = move || {
        let _told = Told(Arc::clone(&for_thread));
        if let Some((cores, core)) = pin {
            drop(for_thread.pinning.set(cores.pin(core)));
        }
        drain.run();
    };
    let thread = thread::Builder::new().name(THREAD.to_owned()).spawn(work)?;
    drop(shared.writer.set(thread.thread().clone()));
    Ok(thread)
}

/// Nobody waits for a thread that a fault of ours has ended.
struct Told(Arc<Shared>);

impl Drop for Told {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.poison("the writing thread ended unexpectedly".to_owned());
        }
    }
}

fn check(options: &Options) -> Result<(), JournalError> {
    let wrong = |option, value, why: &str| {
        Err(JournalError::Options { option, value, why: why.to_owned() })
    };
    let memory = options.memory_bytes;
    if !memory.is_power_of_two() || !(MEMORY_BYTES_MIN..=MEMORY_BYTES_MAX).contains(&memory) {
        let why = "it must be a power of two from 4096 to 1 GiB";
        return wrong("memory_bytes", memory as u64, why);
    }
    if options.reserve_bytes > memory / 4 {
        return wrong("reserve_bytes", options.reserve_bytes as u64, "at most a quarter of memory");
    }
    // When the disk is found full, all that is in memory must fit the last segment.
    let least = HEADER_BYTES + memory + options.reserve_bytes + FRAME_BYTES_MAX.min(memory / 4);
    if options.segment_bytes < least as u64 || options.segment_bytes > SEGMENT_BYTES_MAX {
        let why = format!("it must be {least} or more with this memory, and at most 1 GiB");
        return wrong("segment_bytes", options.segment_bytes, &why);
    }
    Ok(())
}

fn lock(folder: &Path) -> Result<File, JournalError> {
    let path = folder.join(LOCK);
    let io = |doing| JournalError::io(&path, doing);
    let mut wanted = OpenOptions::new();
    let wanted = wanted.read(true).write(true).create(true).truncate(false);
    let mut file = wanted.open(&path).map_err(io("open the lock"))?;
    for attempt in 1.. {
        match file.try_lock() {
            Ok(()) => break,
            Err(fs::TryLockError::WouldBlock) if attempt < LOCK_TRIES => {
                thread::sleep(Duration::from_millis(2));
            }
            Err(fs::TryLockError::WouldBlock) => {
                let mut owner = String::new();
                drop(file.read_to_string(&mut owner));
                let owner = owner.trim().to_owned();
                let owner = if owner.is_empty() { "somebody".to_owned() } else { owner };
                return Err(JournalError::InUse { path: folder.to_owned(), owner });
            }
            Err(fs::TryLockError::Error(source)) => return Err(io("lock the journal")(source)),
        }
    }
    let owner = format!("process {}\n", std::process::id());
    let told = file.set_len(0).and_then(|()| file.write_all(owner.as_bytes()));
    told.map_err(io("say who has the journal"))?;
    Ok(file)
}

/// Reads all that is there. `None`: this is a new journal.
fn recover(
    folder: &Path,
    options: &Options,
    mut take: impl FnMut(Entry),
) -> Result<(Recovery, Option<Resume>), JournalError> {
    let locked = JournalReader::locked(folder, options.fingerprint, options.read_behind);
    let mut reader = match locked {
        Err(JournalError::NotFound { .. }) => {
            let nothing = Recovery {
                last: Lsn::NONE,
                epoch: 0,
                stamp: None,
                snapshot: None,
                is_ended: false,
                bytes: 0,
                from_memory: 0,
                cut: None,
                pruned: None,
            };
            return Ok((nothing, None));
        }
        reader => reader?,
    };
    while let Some(entry) = reader.next_entry()? {
        take(entry);
    }
    Ok((reader.recovery().clone(), Some(reader.resume())))
}

/// A segment that has a successor ends with its last whole record.
fn cut_off(resume: &Resume) -> std::io::Result<()> {
    let file = OpenOptions::new().write(true).open(&resume.file)?;
    file.set_len(resume.proven)?;
    file.sync_all()
}

/// Another place for the memory, whole or not at all.
fn point_to(pointer: &Path, path: &Path) -> std::io::Result<()> {
    let new: PathBuf = pointer.with_extension("new");
    let mut file = File::create(&new)?;
    writeln!(file, "{}", path.display())?;
    file.sync_all()?;
    fs::rename(&new, pointer)
}

/// A number that no other journal has. There is no need for it to be hard to guess.
fn random() -> u64 {
    RandomState::new().hash_one(std::process::id())
}
