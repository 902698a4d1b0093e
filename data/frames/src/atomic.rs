//! Files and folders that appear whole or not at all.
//!
//! What is not finished has a name that begins with [`UNFINISHED`]. A process that ends early
//! calls [`abandon_all`]; what one has left that could not, [`sweep`] removes.

use std::fs::{self, File, TryLockError};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use crate::error::FramesError;

/// Begins the names of things that are not finished.
pub const UNFINISHED: &str = ".unfinished-";
/// Begins the names of folders whose name another one is about to take.
const REPLACED: &str = ".replaced-";
/// What has not changed for so long was forgotten, whoever has begun it.
const FORGOTTEN: Duration = Duration::from_secs(24 * 3_600);
/// How often a folder is emptied into which somebody still writes.
const TRIES_MAX: u32 = 100;

/// What this process has begun and not finished. Whoever begins something or gives it its name
/// holds the list meanwhile, so that [`abandon_all`] never comes in between.
static BEGUN: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

fn begun() -> MutexGuard<'static, Vec<PathBuf>> {
    BEGUN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Removes everything that this process has begun and not finished. From then on nothing can be
/// begun or finished any more: whoever tries waits for the end of the process, which must follow.
pub fn abandon_all() {
    let begun = begun();
    begun.iter().for_each(|scratch| remove(scratch));
    std::mem::forget(begun);
}

/// Removes what processes that are no longer there have left unfinished in the folder `dir`. What
/// cannot be removed stays; it is hidden by its name and does no harm.
pub fn sweep(dir: &Path) {
    sweep_if(dir, |_| true);
}

/// The same with what was to become `path`.
fn sweep_beside(path: &Path) {
    let (Some(dir), Some(name)) = (path.parent(), path.file_name()) else { return };
    let dir = if dir == Path::new("") { Path::new(".") } else { dir };
    let name = name.to_string_lossy();
    sweep_if(dir, |known| known == name);
}

fn sweep_if(dir: &Path, is_meant: impl Fn(&str) -> bool) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let (file_name, path) = (entry.file_name(), entry.path());
        let text = file_name.to_string_lossy();
        let replaced = text.strip_prefix(REPLACED);
        let rest = replaced.or_else(|| text.strip_prefix(UNFINISHED));
        let Some((name, owner)) = rest.and_then(split) else { continue };
        if !is_meant(name) || !is_left_over(&path, owner) {
            continue;
        }
        // Its process ended between two renames: the older one is the only one there is.
        let is_only = replaced.is_some() && !dir.join(name).exists();
        if !is_only || fs::rename(&path, dir.join(name)).is_err() {
            remove(&path);
        }
    }
}

/// `NAME-PID-COUNT` as name and process.
fn split(rest: &str) -> Option<(&str, u32)> {
    let (rest, count) = rest.rsplit_once('-')?;
    let (name, owner) = rest.rsplit_once('-')?;
    count.parse::<u64>().ok()?;
    Some((name, owner.parse().ok()?))
}

/// Whether nobody works on `path` any more: its process is gone or has long been idle, and no
/// process that is not seen from here, such as one in another container, has it locked.
fn is_left_over(path: &Path, owner: u32) -> bool {
    (!is_alive(owner) || is_forgotten(path)) && !is_locked(path)
}

/// Whether there may be a process `id`. Where that cannot be told, time decides.
fn is_alive(id: u32) -> bool {
    let processes = Path::new("/proc");
    id == process::id()
        || !processes.join("self").exists()
        || processes.join(id.to_string()).exists()
}

fn is_forgotten(path: &Path) -> bool {
    let changed = fs::symlink_metadata(path).and_then(|facts| facts.modified());
    let age = changed.ok().and_then(|time| SystemTime::now().duration_since(time).ok());
    age.is_some_and(|age| age > FORGOTTEN)
}

fn is_locked(path: &Path) -> bool {
    let lock = File::open(path).map(|file| file.try_lock());
    matches!(lock, Ok(Err(TryLockError::WouldBlock)))
}

fn remove(path: &Path) {
    for _ in 0..TRIES_MAX {
        let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
        if removed.is_ok() || fs::symlink_metadata(path).is_err() {
            return;
        }
    }
}

/// Removes the folder `path` as a whole: nobody ever sees half of it.
///
/// # Errors
/// When it is not there or cannot be removed.
pub fn remove_folder(path: &Path) -> io::Result<()> {
    let aside = Scratch::beside(path, |aside| fs::rename(path, aside))?;
    fs::remove_dir_all(&aside.path)
}

/// A place that is removed when it is dropped, unless it has got another name by then.
struct Scratch {
    path: PathBuf,
}

impl Scratch {
    /// Has `make` make it beside `path`.
    fn beside(path: &Path, make: impl FnOnce(&Path) -> io::Result<()>) -> io::Result<Self> {
        let mut begun = begun();
        let scratch = name_beside(path, UNFINISHED);
        make(&scratch)?;
        begun.push(scratch.clone());
        Ok(Self { path: scratch })
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let mut begun = begun();
        // After a commit there is nothing to remove.
        remove(&self.path);
        begun.retain(|path| *path != self.path);
    }
}

/// A file that takes its name when it is complete; without [`AtomicFile::commit`] nothing is left
/// of it.
pub struct AtomicFile {
    path: PathBuf,
    writer: Option<BufWriter<File>>,
    // Dropped behind the writer: some systems do not remove what is open.
    scratch: Scratch,
}

impl AtomicFile {
    /// Begins the file that will be at `path`.
    ///
    /// # Errors
    /// When the folder cannot be written to, or `path` is one itself.
    pub fn create(path: &Path) -> Result<Self, FramesError> {
        let failed = |source| FramesError::write(path, source);
        if path.is_dir() {
            return Err(failed(io::Error::new(io::ErrorKind::IsADirectory, "it is a folder")));
        }
        sweep_beside(path);
        let mut made = None;
        let scratch = Scratch::beside(path, |scratch| {
            let file = File::create(scratch)?;
            // Says that somebody works on it. Not every file system knows locks.
            let _ = file.try_lock();
            made = Some(file);
            Ok(())
        });
        let scratch = scratch.map_err(failed)?;
        let writer = made.map(|file| BufWriter::with_capacity(1 << 18, file));
        Ok(Self { path: path.to_owned(), writer, scratch })
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
            let _held = begun();
            fs::rename(&self.scratch.path, &self.path)
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

/// A folder that takes its name when it is complete, as [`AtomicFile`].
pub struct AtomicFolder {
    path: PathBuf,
    scratch: Scratch,
    // Says that somebody works on it; not everywhere can a folder be locked.
    _lock: Option<File>,
}

impl AtomicFolder {
    /// Begins the folder that will be at `path`.
    ///
    /// # Errors
    /// When the folder above cannot be written to.
    pub fn create(path: &Path) -> Result<Self, FramesError> {
        let mut lock = None;
        let scratch = Scratch::beside(path, |scratch| {
            fs::create_dir_all(scratch)?;
            lock = File::open(scratch).ok().filter(|folder| folder.try_lock().is_ok());
            Ok(())
        });
        let scratch = scratch.map_err(|source| FramesError::write(path, source))?;
        Ok(Self { path: path.to_owned(), scratch, _lock: lock })
    }

    /// Where its files are to be written.
    #[must_use]
    pub fn scratch(&self) -> &Path {
        &self.scratch.path
    }

    /// Gives the folder its name; one that has the name already is removed.
    ///
    /// # Errors
    /// When the names cannot be changed; the older folder is still there then.
    pub fn commit(self) -> Result<(), FramesError> {
        let failed = |source| FramesError::write(&self.path, source);
        let mut begun = begun();
        if !self.path.exists() {
            return fs::rename(&self.scratch.path, &self.path).map_err(failed);
        }
        let aside = name_beside(&self.path, REPLACED);
        fs::rename(&self.path, &aside).map_err(failed)?;
        if let Err(source) = fs::rename(&self.scratch.path, &self.path) {
            let _ = fs::rename(&aside, &self.path);
            return Err(failed(source));
        }
        begun.push(aside.clone());
        drop(begun);
        drop(Scratch { path: aside });
        Ok(())
    }

    /// Gives the folder its name, if nothing has it.
    ///
    /// # Errors
    /// When something has it, or the name cannot be changed.
    pub fn commit_new(self) -> Result<(), FramesError> {
        let _held = begun();
        let taken = || Err(io::Error::from(io::ErrorKind::AlreadyExists));
        // A rename would silently take the place of an empty folder.
        let named = if fs::symlink_metadata(&self.path).is_ok() {
            taken()
        } else {
            fs::rename(&self.scratch.path, &self.path)
        };
        named.map_err(|source| FramesError::write(&self.path, source))
    }
}

/// A name beside `path` that nobody else has.
fn name_beside(path: &Path, prefix: &str) -> PathBuf {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!("{prefix}{name}-{}-{count}", process::id()))
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

    /// No process has this number.
    const GONE: u32 = u32::MAX;

    #[test]
    fn what_dead_processes_have_left_is_removed() {
        let root = tempfile::tempdir().unwrap();
        let place = |name: String| root.path().join(name);
        let (old, mine) = (format!("{UNFINISHED}spy.1d-{GONE}-0"), process::id());
        for folder in [&old, &format!("{REPLACED}kept-{GONE}-1"), &"qqq".to_owned()] {
            fs::create_dir(place(folder.clone())).unwrap();
            fs::write(place(folder.clone()).join("x"), "x").unwrap();
        }
        fs::create_dir(place(format!("{REPLACED}qqq-{GONE}-2"))).unwrap();
        for file in [format!("{UNFINISHED}a.csv-{GONE}-3"), format!("{UNFINISHED}notes")] {
            fs::write(place(file), "x").unwrap();
        }
        let busy = AtomicFile::create(&place("b.csv".to_owned())).unwrap();
        let elsewhere = place(format!("{UNFINISHED}c.csv-{GONE}-4"));
        let lock = File::create(&elsewhere).unwrap();
        lock.try_lock().unwrap();
        sweep(root.path());
        let mut left = names(root.path());
        left.sort();
        let wanted = [
            format!("{UNFINISHED}b.csv-{mine}"),
            format!("{UNFINISHED}c.csv-{GONE}-4"),
            format!("{UNFINISHED}notes"),
            "kept".to_owned(),
            "qqq".to_owned(),
        ];
        assert!(left.iter().zip(&wanted).all(|(name, start)| name.starts_with(start)), "{left:?}");
        assert_eq!((left.len(), place("kept/x".to_owned()).is_file()), (5, true));
        drop(busy);
        drop(lock);
        AtomicFile::create(&place("c.csv".to_owned())).unwrap().commit().unwrap();
        assert!(!elsewhere.exists(), "writing a file again removes what was left of it");
    }

    #[test]
    fn what_is_long_forgotten_is_removed() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join(format!("{UNFINISHED}a.csv-1-0"));
        let file = File::create(&path).unwrap();
        sweep(root.path());
        assert!(path.exists(), "process 1 is alive");
        file.set_modified(SystemTime::now() - FORGOTTEN - Duration::from_secs(60)).unwrap();
        sweep(root.path());
        assert!(!path.exists());
    }

    #[test]
    fn a_name_that_is_taken_stays() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("spy");
        let folder = AtomicFolder::create(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert_eq!(folder.commit_new().unwrap_err().code(), 1);
        assert_eq!(names(root.path()), ["spy"]);
        remove_folder(&path).unwrap();
        assert!(names(root.path()).is_empty());
        AtomicFolder::create(&path).unwrap().commit_new().unwrap();
        assert_eq!(names(root.path()), ["spy"]);
        assert!(remove_folder(&root.path().join("gone")).is_err());
    }
}
