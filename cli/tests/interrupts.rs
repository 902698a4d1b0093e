//! Ctrl-C: data commands leave nothing half-written, and what a killed one has left goes away.

#![cfg(unix)]

mod common;

use std::fs;
use std::io::Read;
use std::process::{Child, Command, Output, Stdio};

use common::Sandbox;

/// How often something is tried that may end before it is interrupted.
const TRIES_MAX: usize = 50;

fn start(sandbox: &Sandbox, words: &[&str]) -> Child {
    let mut command = sandbox.command(words);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts")
}

fn send(signal: &str, child: &Child) {
    let id = child.id().to_string();
    assert!(Command::new("kill").args([signal, &id]).status().expect("kill runs").success());
}

/// Hidden names in the folder `name` of the sandbox.
fn hidden(sandbox: &Sandbox, name: &str) -> Vec<String> {
    let entries = fs::read_dir(sandbox.path().join(name)).into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.filter(|name| name.starts_with('.')).collect()
}

/// Waits until something unfinished is in `folder`; false when the program has ended before.
fn wait_for_unfinished(sandbox: &Sandbox, folder: &str, child: &mut Child) -> bool {
    loop {
        if !hidden(sandbox, folder).is_empty() {
            return true;
        }
        if child.try_wait().expect("it can be waited for").is_some() {
            return false;
        }
        std::thread::yield_now();
    }
}

fn expect_interrupted(output: &Output) {
    let err = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(130), "{err}");
    assert_eq!(err.trim(), "error: interrupted");
}

#[test]
fn an_interrupted_generator_leaves_no_file() {
    let sandbox = Sandbox::new();
    let words = ["data", "generate", "bars", "--rows", "100000000", "--calendar", "24x7"];
    let words = [&words[..], &["--start", "1970-01-01", "--out", "m.csv"]].concat();
    for (signal, json) in [("-INT", true), ("-TERM", false)] {
        let more: &[&str] = if json { &["--json"] } else { &[] };
        let mut child = start(&sandbox, &[&words[..], more].concat());
        assert!(wait_for_unfinished(&sandbox, ".", &mut child));
        send(signal, &child);
        let output = child.wait_with_output().unwrap();
        expect_interrupted(&output);
        assert!(sandbox.files().is_empty(), "{:?}", sandbox.files());
        let document = serde_json::from_slice::<serde_json::Value>(&output.stdout).ok();
        let code = document.map(|document| document["error"]["code"].clone());
        assert_eq!(code, json.then(|| 130.into()));
    }
}

#[test]
fn an_interrupted_import_leaves_the_catalog_as_it_was() {
    let sandbox = Sandbox::new();
    let make = ["data", "generate", "bars", "--rows", "300000", "--calendar", "24x7"];
    sandbox.json(&[&make[..], &["--out", "m.csv"]].concat());
    sandbox.json(&["data", "import", "sample:SP500", "--id", "m"]);
    let import = ["data", "import", "m.csv", "--id", "m", "--replace"];
    for _ in 0..TRIES_MAX {
        let mut child = start(&sandbox, &import);
        let is_caught = wait_for_unfinished(&sandbox, "data/catalog", &mut child);
        if is_caught && child.try_wait().unwrap().is_none() {
            send("-INT", &child);
        }
        let output = child.wait_with_output().unwrap();
        assert_eq!(hidden(&sandbox, "data/catalog"), Vec::<String>::new());
        let rows = sandbox.json(&["data", "info", "m"])["rows"].clone();
        if output.status.code() != Some(0) {
            expect_interrupted(&output);
            assert_eq!(rows, 5_031, "the older entry is still there");
            return;
        }
        // It was faster: it is there as a whole.
        assert_eq!(rows, 300_000);
        sandbox.json(&["data", "import", "sample:SP500", "--id", "m", "--replace"]);
    }
    panic!("the import ended {TRIES_MAX} times before it could be interrupted");
}

#[test]
fn what_a_killed_import_has_left_goes_with_the_next_one() {
    let sandbox = Sandbox::new();
    let make = ["data", "generate", "bars", "--rows", "300000", "--calendar", "24x7"];
    sandbox.json(&[&make[..], &["--out", "m.csv"]].concat());
    for _ in 0..TRIES_MAX {
        let mut child = start(&sandbox, &["data", "import", "m.csv", "--id", "m", "--replace"]);
        if wait_for_unfinished(&sandbox, "data/catalog", &mut child) {
            child.kill().unwrap();
        }
        child.wait().unwrap();
        if !hidden(&sandbox, "data/catalog").is_empty() {
            sandbox.json(&["data", "import", "sample:SP500", "--id", "s"]);
            assert_eq!(hidden(&sandbox, "data/catalog"), Vec::<String>::new());
            return;
        }
    }
    panic!("the import ended {TRIES_MAX} times before it could be killed");
}

#[test]
fn a_second_one_ends_the_program_at_once() {
    let sandbox = Sandbox::new();
    let words = ["backtest", "--data", "sample:SP500", "--strategy", "sma_cross", "--full-curve"];
    let mut child = start(&sandbox, &[&words[..], &["--json"]].concat());
    // The run is over: it waits for somebody who reads the rest of its long document.
    let mut out = child.stdout.take().unwrap();
    out.read_exact(&mut [0]).unwrap();
    assert!(child.try_wait().unwrap().is_none());
    while child.try_wait().unwrap().is_none() {
        send("-INT", &child);
        std::thread::yield_now();
    }
    let output = child.wait_with_output().unwrap();
    expect_interrupted(&output);
}
