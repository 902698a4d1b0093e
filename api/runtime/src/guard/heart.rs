//! The heartbeat of a live run, as a file of 64 bytes that is written over in place.
//!
//! A file and no socket: it says that the driver's thread goes on, which a socket that the system
//! keeps open does not; whoever watches it may come later, and may be started again.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// The name of the file in the folder of a run.
pub const HEART_FILE: &str = "heartbeat";

/// Its length in bytes.
const BYTES: usize = 64;
/// What it begins with: what it is, and the version of its form.
const HEAD: &str = "quanttrade heartbeat 1";

/// What the file says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beat {
    /// Grows as long as the run is alive, also from one process to the next.
    pub count: u64,
    /// The process.
    pub pid: u32,
    /// Whether the run has ended in order: nothing is to be done for it any more.
    pub is_over: bool,
}

impl Beat {
    /// The beat in the file at `path`; `None` where there is none, or it is just being written.
    #[must_use]
    pub fn read_in(path: &Path) -> Option<Self> {
        let mut bytes = [0_u8; BYTES];
        File::open(path).ok()?.read_exact_at(&mut bytes, 0).ok()?;
        Self::read(&bytes)
    }

    /// The beat in `bytes`.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let mut words = text.strip_prefix(HEAD)?.split_whitespace();
        let count = words.next()?.parse().ok()?;
        let pid = words.next()?.parse().ok()?;
        let is_over = match words.next()? {
            "running" => false,
            "stopped" => true,
            _ => return None,
        };
        words.next().is_none().then_some(Self { count, pid, is_over })
    }

    fn bytes(&self) -> [u8; BYTES] {
        let state = if self.is_over { "stopped" } else { "running" };
        let text = format!("{HEAD} {:020} {:010} {state}\n", self.count, self.pid);
        let mut bytes = [b' '; BYTES];
        let length = text.len().min(BYTES);
        bytes[..length].copy_from_slice(&text.as_bytes()[..length]);
        bytes
    }
}

/// The side that beats.
#[derive(Debug)]
pub struct Heart {
    file: File,
    beat: Beat,
}

impl Heart {
    /// Begins to beat in `folder`, from where the last process stopped.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn start(folder: &Path) -> io::Result<Self> {
        let path = folder.join(HEART_FILE);
        let before = Beat::read_in(&path).map_or(0, |beat| beat.count);
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path)?;
        let beat = Beat { count: before, pid: std::process::id(), is_over: false };
        let mut heart = Self { file, beat };
        heart.beat()?;
        Ok(heart)
    }

    /// One beat.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn beat(&mut self) -> io::Result<()> {
        self.beat.count = self.beat.count.wrapping_add(1);
        self.file.write_all_at(&self.beat.bytes(), 0)
    }

    /// The last one: the run has ended in order.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn end(mut self) -> io::Result<()> {
        self.beat.is_over = true;
        self.beat()?;
        self.file.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beat_is_read_as_it_was_written_and_goes_on_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(HEART_FILE);
        assert_eq!(Beat::read_in(&path), None);
        let mut heart = Heart::start(folder.path()).unwrap();
        heart.beat().unwrap();
        let pid = std::process::id();
        assert_eq!(Beat::read_in(&path), Some(Beat { count: 2, pid, is_over: false }));
        drop(heart);
        let heart = Heart::start(folder.path()).unwrap();
        assert_eq!(Beat::read_in(&path), Some(Beat { count: 3, pid, is_over: false }));
        heart.end().unwrap();
        assert_eq!(Beat::read_in(&path), Some(Beat { count: 4, pid, is_over: true }));
        assert_eq!(std::fs::metadata(&path).unwrap().len(), BYTES as u64);
    }

    #[test]
    fn what_is_no_beat_is_none() {
        let beat = Beat { count: u64::MAX, pid: u32::MAX, is_over: true };
        let whole = beat.bytes();
        assert_eq!(Beat::read(&whole), Some(beat));
        for cut in 0..30 {
            assert_eq!(Beat::read(&whole[..cut]), None, "{cut}");
        }
        for bytes in [&b""[..], &[0xff; 64], b"quanttrade heartbeat 1 x 1 running", &[b' '; 64]] {
            assert_eq!(Beat::read(bytes), None);
        }
    }
}
