//! What this program was built from.

use serde::Serialize;

/// The version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
/// The commit, with `-dirty` behind it where the sources had changed since; [`UNKNOWN`] when it
/// was built without git.
pub const COMMIT: &str = env!("QT_BUILD_COMMIT");
/// The compiler.
pub const RUSTC: &str = env!("QT_BUILD_RUSTC");
/// The machine it was built for.
pub const TARGET: &str = env!("QT_BUILD_TARGET");
/// `release` or `debug`.
pub const PROFILE: &str = env!("QT_BUILD_PROFILE");
/// The folder of this crate's source at build time: what `strategies new` points to.
pub const SOURCE: &str = env!("CARGO_MANIFEST_DIR");

/// What stands in the place of a commit that is not known.
pub const UNKNOWN: &str = "unknown";
/// Ends a commit whose sources had changed.
pub const DIRTY: &str = "-dirty";

/// A crate of the user's own, which is a `quanttrade` of its own: the run ledger keeps with every
/// run which code made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Code {
    /// The crate's name: `env!("CARGO_PKG_NAME")`.
    pub name: &'static str,
    /// Its version: `env!("CARGO_PKG_VERSION")`.
    pub version: &'static str,
    /// A hash of its sources, in hex: two runs of one version with different hashes were made by
    /// different code. The `build.rs` that `strategies new` writes makes one.
    pub sources: &'static str,
}

/// Version and commit in one: `0.1.0 (3f9ab2c41d07)`.
pub fn full() -> String {
    if COMMIT == UNKNOWN {
        return format!("{VERSION} (commit unknown)");
    }
    format!("{VERSION} ({COMMIT})")
}

/// The same with the crate of the user's own before it.
pub fn full_with(code: Option<Code>) -> String {
    code.map_or_else(full, |Code { name, version, sources }| {
        format!("{name} {version} (sources {sources}) on {}", full())
    })
}

/// The name under which the program was called: `quanttrade`, or that of a user's crate.
pub fn program() -> String {
    let called = std::env::args_os().next().unwrap_or_default();
    let stem = std::path::Path::new(&called).file_stem();
    stem.map_or_else(|| "quanttrade".to_owned(), |stem| stem.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_of_a_user_is_named_first() {
        let code = Code { name: "mine", version: "0.2.0", sources: "00ff" };
        let text = full_with(Some(code));
        assert_eq!(text, format!("mine 0.2.0 (sources 00ff) on {}", full()));
        assert_eq!(full_with(None), full());
        let commit = COMMIT.trim_end_matches(DIRTY);
        let is_hash = commit.len() == 12 && commit.chars().all(|c| c.is_ascii_hexdigit());
        assert!(commit == UNKNOWN || is_hash, "{COMMIT}");
    }
}
