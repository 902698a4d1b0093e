//! A disk that keeps what it confirmed through a loss of power, and its bugs.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};

use qt_journal::{Folder, Storage, StoredFile};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiskBug {
    /// Confirms and does nothing.
    SkipsTheSync,
    /// Says that it wrote.
    LosesAWrite,
    /// Writes beside the place.
    WritesElsewhere,
    /// Changes a bit on the way.
    FlipsABit,
    /// Writes the half and says all.
    WritesHalf,
}

impl DiskBug {
    pub const ALL: [Self; 5] = [
        Self::SkipsTheSync,
        Self::LosesAWrite,
        Self::WritesElsewhere,
        Self::FlipsABit,
        Self::WritesHalf,
    ];
}

/// What the files are called, and what each had when it was confirmed last.
#[derive(Debug, Default)]
pub struct Platter {
    names: BTreeMap<String, usize>,
    confirmed: Vec<Vec<u8>>,
}

pub struct Disk {
    folder: Folder,
    platter: Arc<Mutex<Platter>>,
    bug: Option<DiskBug>,
}

struct DiskFile {
    inner: Box<dyn StoredFile>,
    number: usize,
    /// What was written, as it was.
    bytes: Vec<u8>,
    platter: Arc<Mutex<Platter>>,
    bug: Option<DiskBug>,
    writes: u64,
}

impl Disk {
    pub fn new(path: &Path, platter: &Arc<Mutex<Platter>>, bug: Option<DiskBug>) -> Self {
        Self { folder: Folder::new(path), platter: Arc::clone(platter), bug }
    }
}

/// Puts the files at `path` to what the disk has after a loss of power; memory is gone.
pub fn lose_power(path: &Path, memory: &Path, platter: &Platter) {
    for (name, number) in &platter.names {
        std::fs::write(path.join(name), &platter.confirmed[*number]).unwrap();
    }
    let _ = std::fs::remove_file(path.join("memory"));
    let _ = std::fs::remove_dir_all(memory);
}

impl Storage for Disk {
    fn create(&mut self, name: &str, bytes: u64) -> io::Result<Box<dyn StoredFile>> {
        let inner = self.folder.create(name, bytes)?;
        let mut platter = self.platter.lock().unwrap();
        let number = platter.confirmed.len();
        platter.confirmed.push(Vec::new());
        platter.names.insert(name.to_owned(), number);
        let (platter, bug) = (Arc::clone(&self.platter), self.bug);
        Ok(Box::new(DiskFile { inner, number, bytes: Vec::new(), platter, bug, writes: 0 }))
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        self.folder.rename(from, to)?;
        let mut platter = self.platter.lock().unwrap();
        if let Some(number) = platter.names.remove(from) {
            platter.names.insert(to.to_owned(), number);
        }
        Ok(())
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        self.platter.lock().unwrap().names.remove(name);
        self.folder.remove(name)
    }

    fn sync_names(&mut self) -> io::Result<()> {
        self.folder.sync_names()
    }
}

impl DiskFile {
    fn put(&mut self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let (from, end) = (offset as usize, offset as usize + bytes.len());
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
        }
        self.bytes[from..end].copy_from_slice(bytes);
        self.inner.write_at(bytes, offset)
    }
}

/// The write that a bug is about: not the first ones, which are headers.
const STRUCK: u64 = 40;

impl StoredFile for DiskFile {
    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.writes += 1;
        let bug = self.bug.filter(|_| self.writes == STRUCK);
        match bug {
            Some(DiskBug::LosesAWrite) => Ok(bytes.len()),
            Some(DiskBug::WritesElsewhere) => self.put(bytes, offset + 8),
            Some(DiskBug::FlipsABit) => {
                let mut bytes = bytes.to_vec();
                let middle = bytes.len() / 2;
                bytes[middle] ^= 4;
                self.put(&bytes, offset)
            }
            Some(DiskBug::WritesHalf) => {
                self.put(&bytes[..bytes.len() / 2], offset)?;
                Ok(bytes.len())
            }
            Some(DiskBug::SkipsTheSync) | None => self.put(bytes, offset),
        }
    }

    fn sync(&mut self) -> io::Result<()> {
        if self.bug == Some(DiskBug::SkipsTheSync) {
            return Ok(());
        }
        let mut platter = self.platter.lock().unwrap();
        platter.confirmed[self.number].clone_from(&self.bytes);
        self.inner.sync()
    }

    fn cut(&mut self, bytes: u64) -> io::Result<()> {
        self.bytes.truncate(bytes as usize);
        self.inner.cut(bytes)
    }
}
