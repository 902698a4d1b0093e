//! What this program was built from.

/// The version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
/// The commit, or nothing when it was built without git.
pub const COMMIT: &str = env!("QT_BUILD_COMMIT");
/// The compiler.
pub const RUSTC: &str = env!("QT_BUILD_RUSTC");
/// The machine it was built for.
pub const TARGET: &str = env!("QT_BUILD_TARGET");
/// `release` or `debug`.
pub const PROFILE: &str = env!("QT_BUILD_PROFILE");
/// The folder of this crate's source at build time: what `strategies new` points to.
pub const SOURCE: &str = env!("CARGO_MANIFEST_DIR");

/// Version and commit in one: `0.1.0 (3f9ab2c41d07)`.
pub fn full() -> String {
    if COMMIT.is_empty() { VERSION.to_owned() } else { format!("{VERSION} ({COMMIT})") }
}

/// The name under which the program was called: `quanttrade`, or that of a user's crate.
pub fn program() -> String {
    let called = std::env::args_os().next().unwrap_or_default();
    let stem = std::path::Path::new(&called).file_stem();
    stem.map_or_else(|| "quanttrade".to_owned(), |stem| stem.to_string_lossy().into_owned())
}
