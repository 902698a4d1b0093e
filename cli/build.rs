//! Tells the program what it was built from: commit, compiler, profile.

use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=migrations");
    let commit = output("git", &["rev-parse", "--short=12", "HEAD"]).unwrap_or_default();
    println!("cargo:rustc-env=QT_BUILD_COMMIT={commit}");
    watch_commit();
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let version = output(&rustc, &["-V"]).unwrap_or_else(|| "rustc (unknown)".to_owned());
    println!("cargo:rustc-env=QT_BUILD_RUSTC={version}");
    for (name, from) in [("QT_BUILD_PROFILE", "PROFILE"), ("QT_BUILD_TARGET", "TARGET")] {
        let value = std::env::var(from).unwrap_or_default();
        println!("cargo:rustc-env={name}={value}");
    }
}

/// Builds again after a commit. A file that does not exist must not be named: cargo would take
/// the crate for changed every time.
fn watch_commit() {
    let Some(folder) = output("git", &["rev-parse", "--git-dir"]) else { return };
    let log = Path::new(&folder).join("logs").join("HEAD");
    if log.is_file() {
        println!("cargo:rerun-if-changed={}", log.display());
    }
}

fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    (output.status.success() && !text.trim().is_empty()).then(|| text.trim().to_owned())
}
