//! Inputs that were once wrong.

use std::path::{Path, PathBuf};

/// The inputs kept for the target called `name`, in the order of their names.
#[must_use]
pub fn of(name: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("regressions").join(name);
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    files.sort();
    files
}
