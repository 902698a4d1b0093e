//! Tells the program what it was built from: commit, compiler, profile.

use std::path::Path;
use std::process::Command;

/// What the program is made of, as seen from this crate.
const SOURCES: &[&str] = &[
    "Cargo.toml",
    "build.rs",
    "migrations",
    "src",
    "../Cargo.lock",
    "../Cargo.toml",
    "../backtest/Cargo.toml",
    "../backtest/src",
    "../data/Cargo.toml",
    "../data/frames/Cargo.toml",
    "../data/frames/src",
    "../data/samples",
    "../data/src",
    "../engine/Cargo.toml",
    "../engine/src",
    "../engine/types/Cargo.toml",
    "../engine/types/src",
    "../risk/Cargo.toml",
    "../risk/src",
    "../strategies/Cargo.toml",
    "../strategies/src",
];

fn main() {
    watch();
    let commit = commit().unwrap_or_else(|| "unknown".to_owned());
    println!("cargo:rustc-env=QT_BUILD_COMMIT={commit}");
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let version = output(&rustc, &["-V"]).filter(|version| !version.is_empty());
    let version = version.unwrap_or_else(|| "rustc (unknown)".to_owned());
    println!("cargo:rustc-env=QT_BUILD_RUSTC={version}");
    for (name, from) in [("QT_BUILD_PROFILE", "PROFILE"), ("QT_BUILD_TARGET", "TARGET")] {
        let value = std::env::var(from).unwrap_or_default();
        println!("cargo:rustc-env={name}={value}");
    }
}

/// The commit, with `-dirty` behind it when the sources are not those of the commit. None without
/// git, and where this file is not under version control: in an unpacked archive, git would tell
/// of whatever repository lies around it.
fn commit() -> Option<String> {
    output("git", &["ls-files", "--error-unmatch", "build.rs"])?;
    let commit = output("git", &["rev-parse", "--short=12", "HEAD"])?;
    let mut status = vec!["--no-optional-locks", "status", "--porcelain", "--"];
    status.extend(SOURCES);
    let dirty = if output("git", &status)?.is_empty() { "" } else { "-dirty" };
    Some(format!("{commit}{dirty}"))
}

/// Asks again after a commit and when a source changes; then this crate is compiled anyway. A
/// file that does not exist must not be named: cargo would take the crate for changed every time.
fn watch() {
    let git = output("git", &["rev-parse", "--git-dir"]).filter(|folder| !folder.is_empty());
    let log = git.map(|folder| Path::new(&folder).join("logs").join("HEAD"));
    let sources = SOURCES.iter().map(|source| Path::new(source).to_path_buf());
    for path in sources.chain(log).filter(|path| path.exists()) {
        println!("cargo:rerun-if-changed={}", path.display());
    }
}

fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}
