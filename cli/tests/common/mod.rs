//! What the tests of the program share: a folder of its own, and the program run in it.

// Every test file compiles this module for itself and uses a part of it.
#![allow(dead_code, reason = "each test file uses a part of this module")]

pub mod sim;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// A folder for one test, which is also the program's data directory.
pub struct Sandbox {
    folder: TempDir,
}

/// How the program ended.
pub struct Ended {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Sandbox {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder can be made") }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file and returns its name.
    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) -> String {
        fs::write(self.path().join(name), text).expect("a file can be written");
        name.to_owned()
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path().join(name)).expect("the file is there")
    }

    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_quanttrade"));
        command
            .args(words)
            .current_dir(self.path())
            .env_clear()
            .envs(std::env::vars().filter(|(name, _)| !name.starts_with("QUANTTRADE_")))
            .env("QUANTTRADE_DATA_DIR", self.path().join("data"))
            .stdin(Stdio::null());
        command
    }

    pub fn run(&self, words: &[&str]) -> Ended {
        Ended::of(self.command(words).output().expect("the program starts"))
    }

    /// Runs with `--json` and expects success and one document.
    pub fn json(&self, words: &[&str]) -> Value {
        let mut words = words.to_vec();
        words.push("--json");
        let ended = self.run(&words);
        assert_eq!(ended.code, 0, "{words:?}: {}", ended.err);
        ended.document()
    }

    /// Names of everything in the sandbox but the data directory.
    pub fn files(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.path())
            .expect("the folder is there")
            .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
            .filter(|name| name != "data")
            .collect();
        names.sort();
        names
    }
}

impl Ended {
    pub fn of(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).expect("standard output is text"),
            err: String::from_utf8(output.stderr).expect("standard error is text"),
        }
    }

    /// The one document on standard output.
    pub fn document(&self) -> Value {
        serde_json::from_str(&self.out)
            .unwrap_or_else(|error| panic!("not one JSON document ({error}): {}", self.out))
    }

    /// Expects the exit code, and every one of `parts` in what was said.
    pub fn expect(&self, code: i32, parts: &[&str]) {
        assert_eq!(self.code, code, "{}{}", self.out, self.err);
        for part in parts {
            assert!(self.err.contains(part), "'{part}' is not in: {}", self.err);
        }
    }
}

/// A quoting strategy that trades a lot on the synthetic market, as words of a command.
pub const QUOTER: &[&str] = &[
    "--strategy",
    "top_of_book_quoter",
    "--param",
    "interval_ms=2000",
    "--param",
    "max_position=20",
    "--qty",
    "2",
    "--account",
    "margin",
    "--leverage",
    "10",
    "--order-latency",
    "20ms",
    "--response-latency",
    "20ms",
];

/// The folder with reference data and results; `None`, with a message, where there is none.
pub fn shared() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a workspace");
    let folder =
        std::env::var_os("QT_SHARED").map_or_else(|| root.join("../shared"), PathBuf::from);
    if folder.join("oracles").is_dir() {
        return Some(folder);
    }
    eprintln!("skipped: no reference data at {} (set QT_SHARED)", folder.display());
    None
}

/// A backtest that follows the signals of [`with_signals`], as words of a command.
pub const FOLLOW: &[&str] = &[
    "backtest",
    "--data",
    "X=x.csv",
    "--strategy",
    "ai_signal_follow",
    "--signals",
    "signals.jsonl",
    "--qty",
    "10",
    "--lot",
    "1",
    "--allow-no-trades",
];

/// A folder with these prices, and these lines as a file of signals.
pub fn with_signals(prices: String, lines: &[Value]) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("x.csv", prices);
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    sandbox.write("signals.jsonl", text);
    sandbox
}

/// A header and twelve quiet days.
pub fn quiet_days() -> String {
    let days = (1..=12).map(|day| format!("2024-01-{day:02},10,11,9,10,100\n"));
    let header = "timestamp,open,high,low,close,volume\n".to_owned();
    header + &days.collect::<String>()
}
