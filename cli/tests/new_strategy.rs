//! A strategy crate of one's own: it builds, its test passes, it runs, and `watch` reruns it.
//! Slow, since it compiles; set QT_TEST_NEW=1 to have it.

mod common;

use std::process::Command;
use std::time::Instant;

use common::Sandbox;

#[test]
fn a_new_strategy_builds_and_runs_at_once() {
    if std::env::var_os("QT_TEST_NEW").is_none() {
        eprintln!("skipped: set QT_TEST_NEW=1 to build a strategy crate");
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.json(&["strategies", "new", "qtnew_probe"]);
    let folder = sandbox.path().join("qtnew_probe");
    let cargo = |words: &[&str]| {
        let clock = Instant::now();
        let data = sandbox.path().join("data");
        let output = Command::new("cargo")
            .args(words)
            .current_dir(&folder)
            .env("QUANTTRADE_DATA_DIR", data)
            .env_remove("CARGO_TARGET_DIR")
            .output()
            .expect("cargo starts");
        let err = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{words:?}: {err}");
        (String::from_utf8_lossy(&output.stdout).into_owned(), clock.elapsed().as_secs_f64())
    };
    let (out, first) = cargo(&["run", "--release", "--offline", "--", "backtest"]);
    assert!(out.contains("qtnew_probe window=20") || out.contains("qtnew_probe dip=3"), "{out}");
    let source = folder.join("src/lib.rs");
    let text = std::fs::read_to_string(&source).unwrap();
    std::fs::write(&source, text.replace("close >= mean)", "close >= mean * 1.01)")).unwrap();
    let (out, edit) = cargo(&["run", "--release", "--offline", "--", "watch", "--once"]);
    assert!(out.contains("first result"), "{out}");
    eprintln!("first build and run {first:.1} s, an edit and a result {edit:.1} s");
    cargo(&["test", "--release", "--offline"]);
}
