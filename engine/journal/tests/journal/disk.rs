//! A disk that fails as it is told to, and that remembers what was done to it.

use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use qt_journal::{Folder, Lsn, Storage, StoredFile};

/// What was done, in the order in which it was over.
#[derive(Clone, Debug)]
pub enum Done {
    Create {
        file: usize,
        name: String,
    },
    Write {
        file: usize,
        offset: u64,
        bytes: Vec<u8>,
    },
    Sync {
        file: usize,
    },
    Cut {
        file: usize,
        bytes: u64,
    },
    Rename {
        from: String,
        to: String,
    },
    Remove {
        name: String,
    },
    SyncNames,
    /// The journal said that this record is durable.
    Acknowledged(Lsn),
}

#[derive(Debug, Default)]
pub struct State {
    /// How many more times each of these fails.
    pub bad_syncs: u32,
    pub bad_writes: u32,
    pub bad_renames: u32,
    /// Whether there is room for another segment, and for what is written.
    pub is_full: bool,
    pub is_full_for_writes: bool,
    /// How much a write takes at most.
    pub write_bytes_max: Option<usize>,
    /// How long the next sync takes.
    pub stall: Duration,
    pub panics: bool,
    pub syncs: u32,
    pub log: Vec<Done>,
    pub is_logging: bool,
    files: usize,
}

impl State {
    fn log(&mut self, done: Done) {
        if self.is_logging {
            self.log.push(done);
        }
    }
}

/// A folder with faults.
#[derive(Clone)]
pub struct Disk {
    folder: Folder,
    state: Arc<Mutex<State>>,
}

struct DiskFile {
    inner: Box<dyn StoredFile>,
    number: usize,
    state: Arc<Mutex<State>>,
}

impl Disk {
    pub fn new(path: &Path) -> Self {
        Self { folder: Folder::new(path), state: Arc::default() }
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub fn acknowledge(&self, lsn: Lsn) {
        self.state().log(Done::Acknowledged(lsn));
    }
}

fn eio() -> io::Error {
    io::Error::from_raw_os_error(5)
}

/// Fails while there are faults left.
fn take(left: &mut u32) -> io::Result<()> {
    if *left == 0 {
        return Ok(());
    }
    *left -= 1;
    Err(eio())
}

impl Storage for Disk {
    fn create(&mut self, name: &str, bytes: u64) -> io::Result<Box<dyn StoredFile>> {
        let mut state = self.state.lock().unwrap();
        if state.is_full {
            return Err(ErrorKind::StorageFull.into());
        }
        let inner = self.folder.create(name, bytes)?;
        let number = state.files;
        state.files += 1;
        state.log(Done::Create { file: number, name: name.to_owned() });
        Ok(Box::new(DiskFile { inner, number, state: Arc::clone(&self.state) }))
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.state.lock().unwrap();
        take(&mut state.bad_renames)?;
        self.folder.rename(from, to)?;
        state.log(Done::Rename { from: from.to_owned(), to: to.to_owned() });
        Ok(())
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        self.folder.remove(name)?;
        self.state().log(Done::Remove { name: name.to_owned() });
        Ok(())
    }

    fn sync_names(&mut self) -> io::Result<()> {
        self.folder.sync_names()?;
        self.state().log(Done::SyncNames);
        Ok(())
    }
}

impl StoredFile for DiskFile {
    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let mut state = self.state.lock().unwrap();
        take(&mut state.bad_writes)?;
        if state.panics {
            drop(state);
            panic!("a disk that panics");
        }
        if state.is_full_for_writes {
            return Err(ErrorKind::StorageFull.into());
        }
        let most = state.write_bytes_max.unwrap_or(usize::MAX);
        let bytes = &bytes[..bytes.len().min(most)];
        let count = self.inner.write_at(bytes, offset)?;
        let file = self.number;
        state.log(Done::Write { file, offset, bytes: bytes[..count].to_vec() });
        Ok(count)
    }

    fn sync(&mut self) -> io::Result<()> {
        let stall = std::mem::take(&mut self.state.lock().unwrap().stall);
        thread::sleep(stall);
        let mut state = self.state.lock().unwrap();
        state.syncs += 1;
        take(&mut state.bad_syncs)?;
        self.inner.sync()?;
        let file = self.number;
        state.log(Done::Sync { file });
        Ok(())
    }

    fn cut(&mut self, bytes: u64) -> io::Result<()> {
        self.inner.cut(bytes)?;
        let file = self.number;
        self.state.lock().unwrap().log(Done::Cut { file, bytes });
        Ok(())
    }
}
