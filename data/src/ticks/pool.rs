//! At most so many files are open at once; the one that was not used for longest is closed.

use std::path::Path;

use super::reader::{TickFile, Verify};
use crate::error::DataError;

/// Open files by the number of their source.
#[derive(Debug)]
pub(super) struct FilePool {
    open: Vec<Slot>,
    open_max: usize,
    verify: Verify,
    // Counts the uses.
    now: u64,
}

#[derive(Debug)]
struct Slot {
    source: usize,
    used: u64,
    file: TickFile,
}

impl FilePool {
    /// No file is open.
    pub(super) fn new(open_max: usize, verify: Verify) -> Self {
        Self { open: Vec::new(), open_max: open_max.max(1), verify, now: 0 }
    }

    /// The file of `source`, which is opened if it is not.
    ///
    /// # Errors
    /// When it cannot be opened, or its hash is no longer `hash`.
    pub(super) fn get(
        &mut self,
        source: usize,
        path: &Path,
        hash: u64,
    ) -> Result<&TickFile, DataError> {
        self.now += 1;
        let at = match self.open.iter().position(|slot| slot.source == source) {
            Some(at) => at,
            None => self.open_file(source, path, hash)?,
        };
        let slot = &mut self.open[at];
        slot.used = self.now;
        Ok(&slot.file)
    }

    fn open_file(&mut self, source: usize, path: &Path, hash: u64) -> Result<usize, DataError> {
        if self.open.len() >= self.open_max {
            let oldest = self.open.iter().enumerate().min_by_key(|(_, slot)| slot.used);
            if let Some((at, _)) = oldest {
                self.open.swap_remove(at);
            }
        }
        let file = TickFile::open(path, self.verify)?;
        if file.hash() != hash {
            let what = "was replaced by another one while it was being read".to_owned();
            return Err(super::format::store_error(file.path(), what, "Start again"));
        }
        self.open.push(Slot { source, used: 0, file });
        Ok(self.open.len() - 1)
    }

    /// Closes the file of `source`.
    pub(super) fn close(&mut self, source: usize) {
        self.open.retain(|slot| slot.source != source);
    }
}
