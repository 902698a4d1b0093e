//! A folder for the files of a measurement, gone when it is over.

use std::path::{Path, PathBuf};

use crate::failure::Failure;
use crate::place::make_folder;

/// A folder that removes itself.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
}

impl Scratch {
    /// A new folder among the temporary files.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn new(name: &str) -> Result<Self, Failure> {
        let path = std::env::temp_dir().join(format!("quanttrade-{name}-{}", std::process::id()));
        make_folder(&path)?;
        Ok(Self { path })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed now goes with the other temporary files.
        let _ = std::fs::remove_dir_all(&self.path);
    }
}
