//! `watch`: what it starts is told what it was told.

#![cfg(unix)]

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;

use common::Sandbox;

/// A cargo that builds nothing, and a program that writes down what it was called with.
fn stand_ins(sandbox: &Sandbox) {
    let root = sandbox.path();
    let cargo = format!(
        "#!/bin/sh\nif [ \"$1\" = metadata ]; then echo '{{\"target_directory\": \"{}\", \
         \"packages\": [{{\"targets\": [{{\"kind\": [\"bin\"], \"name\": \"mine\"}}]}}]}}'; fi\n",
        root.join("target").display()
    );
    let program = "#!/bin/sh\nprintf '%s\\n' \"$PWD\" \"$QUANTTRADE_DATA_DIR\" \"$@\" > told.txt\n\
                   echo 'something more' >&2\necho '{\"schema\": \"x\"}'\n";
    for (name, text) in [("bin/cargo", cargo.as_str()), ("target/release/mine", program)] {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    fs::create_dir(root.join("mine")).unwrap();
    fs::write(root.join("mine/Cargo.toml"), "").unwrap();
}

#[test]
fn options_reach_the_backtest() {
    let sandbox = Sandbox::new();
    stand_ins(&sandbox);
    let here = fs::canonicalize(sandbox.path()).unwrap();
    let run = |more: &[&str]| {
        let words = [&["watch", "--path", "mine", "--once", "--threads", "3"], more].concat();
        let others = std::env::var("PATH").unwrap_or_default();
        let path = format!("{}:{others}", sandbox.path().join("bin").display());
        let mut command = sandbox.command(&words);
        let command = command.env("PATH", path).env("QUANTTRADE_DATA_DIR", "kept");
        let output = command.output().unwrap();
        let err = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(0), "{err}");
        let told = fs::read_to_string(sandbox.path().join("mine/told.txt")).unwrap();
        (told.lines().map(str::to_owned).collect::<Vec<_>>(), err)
    };
    let path = |name: &str| here.join(name).display().to_string();
    let (told, err) = run(&["-v", "--config", "q.toml", "--", "--data", "a b.csv"]);
    assert_eq!(told[..2], [path("mine"), path("kept")]);
    let config = path("q.toml");
    let wanted = ["backtest", "--data", "a b.csv", "--json", "--threads", "3", "--config"];
    assert_eq!(told[2..], [&wanted[..], &[&config, "-v"]].concat());
    assert!(err.contains("something more"), "{err}");
    let (told, err) = run(&[]);
    assert_eq!(told[2..], ["backtest", "--json", "--threads", "3", "--quiet"]);
    assert!(!err.contains("something more"), "{err}");
}
