//! The house rules that a machine can check: length of files, functions and lines, headers of
//! crates, what must not stand in a source file.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const FILE_LINES_MAX: usize = 500;
const FUNCTION_LINES_MAX: usize = 70;
const LINE_COLUMNS_MAX: usize = 100;
const HEADER_LINES_MAX: usize = 40;

/// All files that git tracks or would track, relative to the workspace.
fn files() -> Vec<PathBuf> {
    let root = qt_tests::workspace();
    let output = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(&root)
        .output()
        .expect("git runs");
    let list = String::from_utf8(output.stdout).expect("names are text");
    list.lines().map(PathBuf::from).filter(|file| root.join(file).is_file()).collect()
}

fn rust_files() -> Vec<(PathBuf, String)> {
    let root = qt_tests::workspace();
    let is_rust = |file: &PathBuf| file.extension().is_some_and(|e| e == "rs");
    let read = |file: PathBuf| {
        let text = fs::read_to_string(root.join(&file)).expect("a source file is text");
        (file, text)
    };
    files().into_iter().filter(is_rust).map(read).collect()
}

fn assert_none(found: &[String], rule: &str) {
    assert!(found.is_empty(), "{rule}:\n  {}", found.join("\n  "));
}

#[test]
fn files_functions_and_lines_are_short() {
    let mut found = Vec::new();
    for (file, text) in rust_files() {
        let lines: Vec<&str> = text.lines().collect();
        if lines.len() > FILE_LINES_MAX {
            found.push(format!("{}: {} lines", file.display(), lines.len()));
        }
        for (at, line) in lines.iter().enumerate() {
            if line.chars().count() > LINE_COLUMNS_MAX {
                found.push(format!("{}:{}: a long line", file.display(), at + 1));
            }
        }
        for (at, length) in functions(&lines) {
            if length > FUNCTION_LINES_MAX {
                found.push(format!("{}:{}: a function of {length}", file.display(), at + 1));
            }
        }
    }
    assert_none(&found, "files have at most 500 lines, functions 70, lines 100 columns");
}

/// Where functions begin and how many lines they have. rustfmt puts the closing brace at the
/// indentation of the line that begins the function.
fn functions(lines: &[&str]) -> Vec<(usize, usize)> {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let begins = |line: &str| {
        let text = line.trim_start();
        let words = ["fn ", "pub fn ", "pub(crate) fn ", "pub(super) fn ", "const fn "];
        words.iter().any(|word| text.starts_with(word))
            || text.starts_with("pub const fn ")
            || text.starts_with("async fn ")
            || text.starts_with("pub async fn ")
    };
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate().filter(|(_, line)| begins(line)) {
        let closing = format!("{}}}", " ".repeat(indent(line)));
        // A method of a trait may have no body, and several lines of arguments.
        let bodiless = format!("{})", " ".repeat(indent(line)));
        let is_end = |candidate: &&str| {
            **candidate == closing || candidate.starts_with(&bodiless) && candidate.ends_with(';')
        };
        let end = lines[at..].iter().position(is_end);
        let one_line = line.trim_end().ends_with(';') || line.trim_end().ends_with('}');
        if let (Some(end), false) = (end, one_line) {
            found.push((at, end + 1));
        }
    }
    found
}

#[test]
fn crates_begin_with_a_header() {
    let mut found = Vec::new();
    for (file, text) in rust_files() {
        if !file.ends_with("src/lib.rs") {
            continue;
        }
        let header: Vec<&str> = text.lines().take_while(|line| line.starts_with("//!")).collect();
        let all = header.join(" ");
        for part in ["May import", "Must not contain"] {
            if !all.contains(part) {
                found.push(format!("{}: the header lacks \"{part}\"", file.display()));
            }
        }
        if header.len() > HEADER_LINES_MAX {
            found.push(format!("{}: the header is too long", file.display()));
        }
    }
    assert_none(&found, "lib.rs says what a crate is for and what it must not contain");
}

#[test]
fn nothing_unfinished_and_no_place_of_one_machine() {
    // Put together here so that this file does not find itself.
    let marks = [
        concat!("todo", "!("),
        concat!("dbg", "!("),
        concat!("unimplemented", "!("),
        concat!("FIX", "ME"),
        concat!("XX", "X"),
    ];
    let places = [
        concat!("/ho", "me/"),
        concat!("/ro", "ot/"),
        concat!("/wo", "rk/"),
        concat!("crates", ".io/api"),
        concat!("registry.", "npmjs"),
    ];
    let mut found = Vec::new();
    let root = qt_tests::workspace();
    for file in files() {
        let Ok(text) = fs::read_to_string(root.join(&file)) else { continue };
        let is_rust = file.extension().is_some_and(|e| e == "rs");
        for (at, line) in text.lines().enumerate() {
            let marked = is_rust && marks.iter().any(|mark| line.contains(mark));
            let placed = !is_lock(&file) && places.iter().any(|place| line.contains(place));
            if marked || placed {
                found.push(format!("{}:{}: {}", file.display(), at + 1, line.trim()));
            }
        }
    }
    assert_none(&found, "unfinished marks and absolute paths have no place in the repository");
}

fn is_lock(file: &Path) -> bool {
    file.extension().is_some_and(|e| e == "lock")
}

#[test]
fn unsafe_code_stays_where_it_is_allowed() {
    let word = concat!("unsa", "fe ");
    let mut found = Vec::new();
    for (file, text) in rust_files() {
        // The counting allocator of some tests, the two files that map others, and the rings, where
        // the compiler asks for a reason and clippy for the proof of each block.
        let allowed =
            ["tests/counting.rs", "tidy.rs", "data/src/ticks/map.rs", "engine/journal/src/map.rs"];
        let is_ring = file.starts_with("engine/ring/src");
        if is_ring || allowed.iter().any(|name| file.ends_with(name)) {
            continue;
        }
        for (at, line) in text.lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            if code.contains(word) {
                found.push(format!("{}:{}: {}", file.display(), at + 1, line.trim()));
            }
        }
    }
    assert_none(&found, "no unsafe code outside the places that ARCHITECTURE names");
}

#[test]
fn core_signatures_use_domain_types() {
    let core = ["engine/src", "engine/types/src", "risk/src"];
    // The records of the tick store are words as they lie in the file; their methods are typed.
    let words = "engine/types/src/tick.rs";
    let names = ["price: i64", "qty: i64", "cash: i128", "price: f64", "qty: f64", "cash: f64"];
    let mut found = Vec::new();
    for (file, text) in rust_files() {
        if !core.iter().any(|folder| file.starts_with(folder)) || file.ends_with(words) {
            continue;
        }
        for (at, line) in text.lines().enumerate() {
            let public = line.trim_start().starts_with("pub ");
            if public && names.iter().any(|name| line.contains(name)) {
                found.push(format!("{}:{}: {}", file.display(), at + 1, line.trim()));
            }
        }
    }
    assert_none(&found, "prices, quantities and money have types of their own");
}
