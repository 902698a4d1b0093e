//! What a journal needs of a disk. A trait, so that tests can have a disk that fails.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use rustix::fs::FallocateFlags;
use rustix::io::Errno;

/// A folder on a disk.
pub trait Storage: Send {
    /// A new file with room for `bytes` bytes, all zero. One of that name is replaced.
    ///
    /// # Errors
    /// What the operating system says.
    fn create(&mut self, name: &str, bytes: u64) -> io::Result<Box<dyn StoredFile>>;

    /// Gives a file another name.
    ///
    /// # Errors
    /// What the operating system says.
    fn rename(&mut self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file. There need not be one.
    ///
    /// # Errors
    /// What the operating system says.
    fn remove(&mut self, name: &str) -> io::Result<()>;

    /// Returns once the names of the files are on the disk.
    ///
    /// # Errors
    /// What the operating system says.
    fn sync_names(&mut self) -> io::Result<()>;
}

/// A file that is written.
pub trait StoredFile: Send {
    /// Writes a part of `bytes` at `offset`, and says how much.
    ///
    /// # Errors
    /// What the operating system says.
    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<usize>;

    /// Returns once the disk has confirmed all that was written.
    ///
    /// # Errors
    /// What the operating system says. Nothing that was written since the last success may be
    /// taken to be on the disk then, whatever a later call says.
    fn sync(&mut self) -> io::Result<()>;

    /// Gives back the room behind `bytes` bytes.
    ///
    /// # Errors
    /// What the operating system says.
    fn cut(&mut self, bytes: u64) -> io::Result<()>;
}

/// A folder of the machine's file system.
#[derive(Clone, Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// The folder at `path`.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        Self(path.to_owned())
    }
}

impl Storage for Folder {
    fn create(&mut self, name: &str, bytes: u64) -> io::Result<Box<dyn StoredFile>> {
        let path = self.0.join(name);
        let file = OpenOptions::new().write(true).create(true).truncate(true).open(&path)?;
        if let Err(error) = take_room(&file, bytes) {
            // What little it took is not left lying about.
            drop(fs::remove_file(&path));
            return Err(error);
        }
        Ok(Box::new(file))
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.0.join(from), self.0.join(to))
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        match fs::remove_file(self.0.join(name)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }

    fn sync_names(&mut self) -> io::Result<()> {
        File::open(&self.0)?.sync_all()
    }
}

impl StoredFile for File {
    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        FileExt::write_at(self, bytes, offset)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }

    fn cut(&mut self, bytes: u64) -> io::Result<()> {
        self.set_len(bytes)?;
        self.sync_all()
    }
}

/// Takes `bytes` bytes of the disk for `file`, so that a later write finds its room.
///
/// # Errors
/// What the operating system says, a full disk first of all.
pub fn take_room(file: &File, bytes: u64) -> io::Result<()> {
    loop {
        match rustix::fs::fallocate(file, FallocateFlags::empty(), 0, bytes) {
            Ok(()) => return Ok(()),
            Err(Errno::INTR) => {}
            // A file system that cannot: then a full disk shows at the write.
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => return file.set_len(bytes),
            Err(error) => return Err(error.into()),
        }
    }
}
