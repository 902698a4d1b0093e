//! What the cross-crate tests share: where the workspace and the reference material are.
//!
//! May import: everything. Must not contain: tests (they are the files beside this folder).

pub mod browser;

use std::path::{Path, PathBuf};

/// The root of the workspace.
///
/// # Panics
/// When this crate is not inside the workspace.
#[must_use]
pub fn workspace() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().expect("the tests crate is a folder of the workspace").to_path_buf()
}

/// The folder with real market data and reference results: `QT_SHARED`, else `../shared` beside
/// the workspace. `None`, with a line on standard error, when it is not there.
#[must_use]
pub fn shared() -> Option<PathBuf> {
    let folder =
        std::env::var_os("QT_SHARED").map_or_else(|| workspace().join("../shared"), PathBuf::from);
    if folder.join("oracles").is_dir() {
        return Some(folder);
    }
    eprintln!("skipped: no reference material at {} (set QT_SHARED)", folder.display());
    None
}

/// The `quanttrade` binary beside the running test: the one that the same build made.
///
/// # Panics
/// When it was not built (`cargo build --release --workspace` does).
#[must_use]
pub fn binary() -> PathBuf {
    let test = std::env::current_exe().expect("a test knows where it is");
    let folder = test.parent().and_then(Path::parent).expect("tests lie in target/*/deps");
    let binary = folder.join("quanttrade");
    assert!(binary.is_file(), "{} is missing: cargo build --workspace", binary.display());
    binary
}
