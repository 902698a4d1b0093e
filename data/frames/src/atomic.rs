//! Files and folders that appear whole or not at all.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::FramesError;

/// Begins the names of things that are not finished.
pub const UNFINISHED: &str = ".unfinished-";

/// A file that takes its name when it is complete; without [`AtomicFile::commit`] nothing is left
/// of it.
pub struct AtomicFile {
    path: PathBuf,
    scratch: PathBuf,
    writer: Option<BufWriter<File>>,
}

impl AtomicFile {
    /// Begins the file that will be at `path`.
    ///
    /// # Errors
    /// When the folder cannot be written to, or `path` is one itself.
    pub fn create(path: &Path) -> Result<Self, FramesError> {
        if path.is_dir() {
            let source = io::Error::new(io::ErrorKind::IsADirectory, "it is a folder");
            return Err(FramesError::write(path, source));
        }
        let scratch = scratch_beside(path);
        let file = File::create(&scratch).map_err(|source| FramesError::write(path, source))?;
        let writer = Some(BufWriter::with_capacity(1 << 18, file));
        Ok(Self { path: path.to_owned(), scratch, writer })
    }

    /// Puts everything on the disk and gives the file its name.
    ///
    /// # Errors
    /// When the disk is full or fails; an older file of that name is still there then.
    pub fn commit(mut self) -> Result<(), FramesError> {
        let Some(writer) = self.writer.take() else { return Ok(()) };
        let finish = || {
            let file = writer.into_inner().map_err(io::IntoInnerError::into_error)?;
            file.sync_all()?;
            fs::rename(&self.scratch, &self.path)
        };
        finish().map_err(|source| FramesError::write(&self.path, source))
    }
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer.as_mut().map_or(Ok(0), |writer| writer.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.as_mut().map_or(Ok(()), Write::flush)
    }
}

impl Drop for AtomicFile {
    fn drop(&mut self) {
        self.writer = None;
        // After a commit there is nothing to remove.
        let _ = fs::remove_file(&self.scratch);
    }
}

/// A folder that takes its name when it is complete, as [`AtomicFile`].
pub struct AtomicFolder {
    path: PathBuf,
    scratch: PathBuf,
}

impl AtomicFolder {
    /// Begins the folder that will be at `path`.
    ///
    /// # Errors
    /// When the folder above cannot be written to.
    pub fn create(path: &Path) -> Result<Self, FramesError> {
        let scratch = scratch_beside(path);
        fs::create_dir_all(&scratch).map_err(|source| FramesError::write(path, source))?;
        Ok(Self { path: path.to_owned(), scratch })
    }

    /// Where its files are to be written.
    #[must_use]
    pub fn scratch(&self) -> &Path {
        &self.scratch
    }

    /// Gives the folder its name; one that has the name already is removed.
    ///
    /// # Errors
    /// When the names cannot be changed; the older folder is still there then.
    pub fn commit(self) -> Result<(), FramesError> {
        let failed = |source| FramesError::write(&self.path, source);
        if !self.path.exists() {
            return fs::rename(&self.scratch, &self.path).map_err(failed);
        }
        let aside = scratch_beside(&self.path);
        fs::rename(&self.path, &aside).map_err(failed)?;
        if let Err(source) = fs::rename(&self.scratch, &self.path) {
            let _ = fs::rename(&aside, &self.path);
            return Err(failed(source));
        }
        // What cannot be removed is hidden by its name and does no harm.
        let _ = fs::remove_dir_all(&aside);
        Ok(())
    }
}

impl Drop for AtomicFolder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.scratch);
    }
}

/// A name beside `path` that nobody else has.
#[must_use]
pub fn scratch_beside(path: &Path) -> PathBuf {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!("{UNFINISHED}{name}-{}-{count}", process::id()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn files_are_whole_or_absent() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        let mut file = AtomicFile::create(&path).unwrap();
        file.write_all(b"one").unwrap();
        drop(file);
        assert!(names(folder.path()).is_empty());
        for text in ["two", "three"] {
            let mut file = AtomicFile::create(&path).unwrap();
            file.write_all(text.as_bytes()).unwrap();
            file.commit().unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
            assert_eq!(names(folder.path()), ["a.csv"]);
        }
        let error = AtomicFile::create(folder.path()).err().unwrap().to_string();
        assert!(error.contains("it is a folder"), "{error}");
        let missing = folder.path().join("no/such/a.csv");
        assert_eq!(AtomicFile::create(&missing).err().unwrap().code(), 1);
    }

    #[test]
    fn folders_are_swapped() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("spy");
        for text in ["one", "two"] {
            let folder = AtomicFolder::create(&path).unwrap();
            fs::write(folder.scratch().join("x"), text).unwrap();
            folder.commit().unwrap();
            assert_eq!(fs::read_to_string(path.join("x")).unwrap(), text);
            assert_eq!(names(root.path()), ["spy"]);
        }
        drop(AtomicFolder::create(&path).unwrap());
        assert_eq!(names(root.path()), ["spy"]);
    }
}
