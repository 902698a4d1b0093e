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
        let mut command = Command::new("cargo");
        command.args(words).current_dir(&folder).env("QUANTTRADE_DATA_DIR", data);
        // What the test's own cargo says of this package: build scripts that look at it would run
        // again, here and in the next build of the workspace.
        let told =
            ["CARGO_MANIFEST_", "CARGO_PKG_", "CARGO_CRATE_", "CARGO_BIN_", "CARGO_PRIMARY_"];
        let is_of_test = |name: &str| {
            ["CARGO_TARGET_DIR", "OUT_DIR"].contains(&name)
                || told.iter().any(|start| name.starts_with(start))
        };
        for (name, _) in std::env::vars_os() {
            if name.to_str().is_some_and(is_of_test) {
                command.env_remove(name);
            }
        }
        let output = command.output().expect("cargo starts");
        let err = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{words:?}: {err}");
        (String::from_utf8_lossy(&output.stdout).into_owned(), clock.elapsed().as_secs_f64())
    };
    let (out, first) = cargo(&["run", "--release", "--offline", "--", "backtest"]);
    assert!(out.contains("qtnew_probe window=20") || out.contains("qtnew_probe dip=3"), "{out}");
    let source = folder.join("src/lib.rs");
    let text = std::fs::read_to_string(&source).unwrap();
    let edited = text.replace("close >= mean {", "close >= mean * 1.01 {");
    assert_ne!(edited, text);
    std::fs::write(&source, edited).unwrap();
    let (out, edit) = cargo(&["run", "--release", "--offline", "--", "watch", "--once"]);
    assert!(out.contains("first result"), "{out}");
    let (out, _) = cargo(&["run", "--release", "--offline", "--", "runs", "list", "--json"]);
    let list: serde_json::Value = serde_json::from_str(&out).unwrap();
    let [new, old] = [0, 1].map(|at| list["runs"][at].clone());
    assert_eq!(new["program"]["name"], "qtnew_probe");
    assert_ne!(new["program"]["sources"], old["program"]["sources"]);
    let ids = [&old, &new].map(|run| run["id"].as_str().unwrap());
    let (out, _) =
        cargo(&["run", "--release", "--offline", "--", "runs", "compare", ids[0], ids[1]]);
    assert!(out.contains("different code"), "{out}");
    eprintln!("first build and run {first:.1} s, an edit and a result {edit:.1} s");
    cargo(&["test", "--release", "--offline"]);
}

#[test]
fn the_hash_of_a_crate_follows_its_sources() {
    let sandbox = Sandbox::new();
    sandbox.json(&["strategies", "new", "qthash_probe"]);
    let folder = sandbox.path().join("qthash_probe");
    let script = folder.join("hash");
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let built = Command::new(rustc)
        .args(["--edition", "2024", "build.rs", "-o"])
        .arg(&script)
        .current_dir(&folder)
        .status()
        .expect("rustc starts");
    assert!(built.success());
    let hash = || {
        let output = Command::new(&script).current_dir(&folder).output().expect("it runs");
        let text = String::from_utf8(output.stdout).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix("cargo:rustc-env=SOURCES_HASH="));
        line.expect("it says the hash").to_owned()
    };
    let first = hash();
    assert_eq!((first.len(), hash()), (16, first.clone()));
    let source = folder.join("src/lib.rs");
    let text = std::fs::read_to_string(&source).unwrap();
    std::fs::write(&source, text.replace("dip", "dent")).unwrap();
    assert_ne!(hash(), first);
    std::fs::write(&source, text).unwrap();
    std::fs::write(folder.join("src/more.rs"), "").unwrap();
    assert_ne!(hash(), first, "a new file counts too");
    std::fs::remove_file(folder.join("src/more.rs")).unwrap();
    assert_eq!(hash(), first);
}
