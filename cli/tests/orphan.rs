//! A run that another program wanted ends with that program.

#![cfg(unix)]

mod common;

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::Sandbox;

const NAME: &str = "QUANTTRADE_ENDS_WITH";

#[test]
fn a_run_whose_program_is_gone_already_does_not_begin() {
    let sandbox = Sandbox::new();
    // Nobody's parent has this number.
    let output = sandbox.command(&["strategies", "list"]).env(NAME, "4194305").output().unwrap();
    let words = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{words}");
    assert!(words.contains("is gone (QUANTTRADE_ENDS_WITH=4194305)"), "{words}");
    assert!(output.stdout.is_empty());
    let own = std::process::id().to_string();
    let output = sandbox.command(&["strategies", "list"]).env(NAME, own).output().unwrap();
    assert!(output.status.success());
}

/// As the service starts a backtest, and is killed in the middle of it.
#[test]
fn a_run_ends_when_the_program_that_started_it_is_killed() {
    let sandbox = Sandbox::new();
    let words = ["data", "generate", "bars", "--rows", "100000000", "--calendar", "24x7"];
    let words = [&words[..], &["--start", "1970-01-01", "--out", "m.csv"]].concat();
    let run = sandbox.command(&words);
    // The shell stays as the parent: what it does last is to wait.
    let script = format!("{NAME}=$$ \"$@\" & echo $! >child; wait; exit 0");
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", &script, "sh"]).arg(run.get_program()).args(run.get_args());
    shell.envs(run.get_envs().filter_map(|(name, value)| Some((name, value?))));
    shell.current_dir(sandbox.path()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut shell = shell.spawn().expect("a shell");
    let until = |what: &str, is_so: &dyn Fn() -> bool| {
        let began = Instant::now();
        while !is_so() {
            assert!(began.elapsed() < Duration::from_secs(60), "not in time: {what}");
            std::thread::sleep(Duration::from_millis(5));
        }
    };
    let child = || std::fs::read_to_string(sandbox.path().join("child")).unwrap_or_default();
    until("its number", &|| child().ends_with('\n'));
    let status = format!("/proc/{}/stat", child().trim());
    // One that has ended and that nobody has asked about is none any more.
    let runs = || std::fs::read_to_string(&status).is_ok_and(|text| !text.contains(") Z "));
    let has_begun = || std::fs::read_dir(sandbox.path()).unwrap().flatten().count() > 1;
    until("it writes", &has_begun);
    assert!(runs());
    shell.kill().unwrap();
    shell.wait().unwrap();
    until("it ends", &|| !runs());
}
