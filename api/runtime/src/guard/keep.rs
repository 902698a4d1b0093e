//! What a guard has done, for the one that is started after it.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::heart::Beat;

/// The name of the file in the folder of a run.
const FILE: &str = "guard.json";

/// Why it cannot be read or kept.
#[derive(Debug, thiserror::Error)]
pub enum DoneError {
    /// The system.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// What is in it.
    #[error("{path}: it is not what a guard writes: {why}; remove it")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
}

/// After which beat nothing was left open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Done {
    count: u64,
    pid: u32,
}

impl Done {
    /// What the last guard of the run in `folder` has done.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub fn read(folder: &Path) -> Result<Option<Beat>, DoneError> {
        let path = folder.join(FILE);
        let text = match fs::read_to_string(&path) {
            Err(source) if source.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(DoneError::Io { path, source }),
            Ok(text) => text,
        };
        let Self { count, pid } = serde_json::from_str(&text)
            .map_err(|why| DoneError::Unreadable { path, why: why.to_string() })?;
        Ok(Some(Beat { count, pid, is_over: false }))
    }

    /// Keeps on the disk that nothing was left open after `beat`.
    ///
    /// # Errors
    /// When the system does not let it.
    pub fn keep(folder: &Path, beat: Beat) -> Result<(), DoneError> {
        let (path, aside) = (folder.join(FILE), folder.join("guard.json.new"));
        let done = Self { count: beat.count, pid: beat.pid };
        let put = || -> io::Result<()> {
            let mut file = File::create(&aside)?;
            serde_json::to_writer(&mut file, &done)?;
            file.write_all(b"\n")?;
            file.sync_all()?;
            fs::rename(&aside, &path)
        };
        put().map_err(|source| DoneError::Io { path: path.clone(), source })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_done_is_known_to_the_next_one() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Done::read(folder.path()).unwrap(), None);
        let beat = Beat { count: 7, pid: 3, is_over: false };
        Done::keep(folder.path(), beat).unwrap();
        assert_eq!(Done::read(folder.path()).unwrap(), Some(beat));
        fs::write(folder.path().join(FILE), "{\"count\":1}").unwrap();
        assert!(Done::read(folder.path()).unwrap_err().to_string().contains("guard.json"));
    }
}
