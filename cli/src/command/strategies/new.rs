//! `strategies new`: a crate with a strategy of your own.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use qt_frames::FramesError;
use qt_frames::atomic::AtomicFolder;
use serde_json::json;

use super::template;
use crate::app::Session;
use crate::failure::Failure;
use crate::output::Ink;
use crate::output::file::failure;
use crate::version;

/// Write a crate with a strategy of your own, a test and a configuration.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  quanttrade strategies new my_strategy\n\n\
    The crate shares the target directory of this clone: its first build compiles this project's\n\
    own crates once, and from then on only yours.")]
pub struct NewArgs {
    /// The name of the crate and of its program: letters, digits, _ and -
    pub name: String,
    /// The folder in which its folder is made
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub dir: PathBuf,
    /// The clone of this project; the one that this program was built from without it
    #[arg(long, value_name = "PATH")]
    pub core: Option<PathBuf>,
}

/// Runs the command.
///
/// # Errors
/// When the name is no name of a crate, the folder exists, or the clone cannot be found.
pub fn run(args: &NewArgs, session: &Session) -> Result<(), Failure> {
    let core = core(args.core.as_deref())?;
    check_name(&args.name, &core)?;
    let folder = args.dir.join(&args.name);
    if folder.exists() {
        return Err(Failure::usage(format!("{}: is there already", folder.display()))
            .hint("choose another name, or another folder with --dir"));
    }
    let files = template::files(&args.name, &core, &target(&core))?;
    write(&folder, &args.dir, &files)?;
    let place = folder.display();
    if session.out.json {
        let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
        return session.out.document(&json!({"path": folder, "core": core, "files": names}));
    }
    let command = |text: &str| session.out.paint(Ink::Accent, text);
    let binary = &args.name;
    session.out.line(&format!(
        "{place}: a strategy, its test, and a configuration\n\n  \
         {}\n  {}    run it on bundled data\n  {}          test it\n  \
         {}   rerun when you save a change",
        command(&format!("cd {place}")),
        command("cargo run --release -- backtest"),
        command("cargo test --release"),
        command(&format!("cargo run --release -- watch  # or {binary} watch")),
    ))
}

/// The root of the clone.
fn core(given: Option<&Path>) -> Result<PathBuf, Failure> {
    let built = || Path::new(version::SOURCE).parent().unwrap_or(Path::new("/")).to_path_buf();
    let root = given.map_or_else(built, Path::to_path_buf);
    let hint = "name the folder of the clone: --core PATH";
    if !root.join("cli").join("Cargo.toml").is_file() {
        return Err(Failure::usage(format!(
            "{}: no clone of this project is there",
            root.display()
        ))
        .hint(hint));
    }
    root.canonicalize().map_err(|error| {
        Failure::usage(format!("{}: cannot be opened: {error}", root.display())).hint(hint)
    })
}

/// The target directory that the clone is built into: the one this program lies in, if it is one.
fn target(core: &Path) -> PathBuf {
    let program = std::env::current_exe().ok().and_then(|path| path.canonicalize().ok());
    let found = program.as_deref().and_then(|path| {
        path.ancestors().skip(2).find(|folder| folder.join("CACHEDIR.TAG").is_file())
    });
    found.map_or_else(|| core.join("target"), Path::to_path_buf)
}

/// Words that Rust keeps for itself, and names that its own crates have.
#[rustfmt::skip]
const RESERVED: &[&str] = &[
    "abstract", "alloc", "as", "async", "await", "become", "box", "break", "build", "const",
    "continue", "core", "crate", "deps", "do", "dyn", "else", "enum", "examples", "extern",
    "false", "final", "fn", "for", "if", "impl", "in", "incremental", "let", "loop", "macro",
    "match", "mod", "move", "mut", "override", "priv", "proc_macro", "pub", "ref", "return",
    "self", "static", "std", "struct", "super", "test", "trait", "true", "try", "type", "typeof",
    "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
];

fn check_name(name: &str, core: &Path) -> Result<(), Failure> {
    let wrong = |what: &str| {
        Err(Failure::usage(format!("'{name}' cannot be the name of a crate: {what}"))
            .hint("use lower-case letters, digits and _, such as my_strategy"))
    };
    if !name.starts_with(|c: char| c.is_ascii_lowercase()) {
        return wrong("it must begin with a lower-case letter");
    }
    let is_part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
    if !name.chars().all(is_part) {
        return wrong("only lower-case letters, digits, _ and - are allowed");
    }
    if name.len() > 64 {
        return wrong("it has more than 64 letters");
    }
    if RESERVED.contains(&name.replace('-', "_").as_str()) {
        return wrong("the word has a meaning in Rust or cargo");
    }
    let lock = fs::read_to_string(core.join("Cargo.lock")).unwrap_or_default();
    let same = |line: &str| {
        line.strip_prefix("name = \"")
            .and_then(|rest| rest.strip_suffix('"'))
            .is_some_and(|known| known.replace('-', "_") == name.replace('-', "_"))
    };
    if name == "quanttrade" || lock.lines().any(same) {
        return wrong("a crate of that name is in use here");
    }
    Ok(())
}

/// Writes all files into a folder beside, which takes its name at the end.
fn write(folder: &Path, parent: &Path, files: &[(String, String)]) -> Result<(), Failure> {
    crate::place::make_folder(parent)?;
    let told = |error: FramesError| match error {
        FramesError::Write { source, .. } => failure(folder, &source),
        other => other.into(),
    };
    let unfinished = AtomicFolder::create(folder).map_err(told)?;
    let written = files.iter().try_for_each(|(name, text)| {
        let path = unfinished.scratch().join(name);
        fs::create_dir_all(path.parent().unwrap_or(unfinished.scratch()))?;
        fs::write(path, text)
    });
    written.map_err(|error| failure(folder, &error))?;
    unfinished.commit_new().map_err(told)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked() {
        let core = core(None).unwrap();
        for good in ["my_strategy", "a", "mean-reversion2"] {
            assert!(check_name(good, &core).is_ok(), "{good}");
        }
        for bad in
            ["", "2fast", "Mine", "a b", "../x", "fn", "std", "quanttrade", "serde", "qt-cli"]
        {
            assert_eq!(check_name(bad, &core).unwrap_err().reason.code(), 2, "{bad}");
        }
    }
}
