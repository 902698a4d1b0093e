//! `watch`: rebuild and rerun when the code of a strategy changes.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use clap::Args;
use serde_json::{Value, json};

use super::runs::change;
use crate::app::Session;
use crate::failure::Failure;
use crate::output::table::table;
use crate::output::{Ink, number};
use crate::place::{DATA_DIR_VARIABLE, DataDir};
use crate::runs::METRICS;

/// Rebuild and rerun when the code of your strategy changes, and show what changed in the result.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    quanttrade watch --path my_strategy\n  \
    quanttrade watch -- --data prices.csv --strategy my_strategy --param window=30")]
pub struct WatchArgs {
    /// The folder of the strategy's crate
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub path: PathBuf,
    /// Build and run once, without waiting for a change
    #[arg(long)]
    pub once: bool,
    /// What `backtest` is given; without it quanttrade.toml decides
    #[arg(last = true, value_name = "BACKTEST ARGUMENTS")]
    pub arguments: Vec<String>,
}

/// How often files are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Runs the command.
///
/// # Errors
/// When there is no crate, or with `--once` when it does not build or run.
pub fn run(args: &WatchArgs, session: &Session) -> Result<(), Failure> {
    let program = find_program(&args.path)?;
    let mut before: Option<Value> = None;
    let mut seen = stamps(&args.path);
    loop {
        let clock = Instant::now();
        let result = build(&args.path, session).and_then(|()| backtest(&program, args, session));
        match result {
            Ok(result) => {
                show(before.as_ref(), &result, clock.elapsed(), session)?;
                before = Some(result);
            }
            Err(failure) if args.once => return Err(failure),
            Err(failure) => session.out.failure(&failure),
        }
        if args.once {
            return Ok(());
        }
        session.out.note("waiting for a change (Ctrl-C ends)");
        seen = wait(&args.path, &seen);
        session.out.note("");
    }
}

/// What `cargo run` tells the program about its crate. Build scripts look at it (that of `ring` at
/// `OUT_DIR`): they would run again, and all that is built on them be built again.
const TOLD_BY_CARGO: [&str; 6] =
    ["CARGO_MANIFEST_", "CARGO_PKG_", "CARGO_CRATE_", "CARGO_BIN_", "CARGO_PRIMARY_", "OUT_DIR"];

fn cargo() -> Command {
    let mut command = Command::new("cargo");
    for (name, _) in std::env::vars_os() {
        let is_told = |name: &str| TOLD_BY_CARGO.into_iter().any(|start| name.starts_with(start));
        if name.to_str().is_some_and(is_told) {
            command.env_remove(name);
        }
    }
    command
}

/// The program that the crate builds into.
fn find_program(folder: &Path) -> Result<PathBuf, Failure> {
    if !folder.join("Cargo.toml").is_file() {
        return Err(Failure::usage(format!("{}: no Cargo.toml is there", folder.display()))
            .hint("go into the folder of your strategy, or begin one: quanttrade strategies new"));
    }
    let output = cargo()
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .current_dir(folder)
        .output()
        .map_err(|error| no_cargo(&error))?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(Failure::usage(format!("cargo does not understand the crate: {text}")));
    }
    let metadata: Value = serde_json::from_slice(&output.stdout)
        .map_err(|error| Failure::failed(format!("cargo metadata: {error}")))?;
    let target = metadata["target_directory"].as_str().unwrap_or("target");
    let targets = metadata["packages"][0]["targets"].as_array().into_iter().flatten();
    let is_program = |target: &&Value| {
        target["kind"].as_array().is_some_and(|kinds| kinds.iter().any(|kind| kind == "bin"))
    };
    let name = targets.filter(is_program).find_map(|target| target["name"].as_str());
    let name = name.ok_or_else(|| {
        Failure::usage(format!("{}: the crate has no program", folder.display()))
            .hint("give it a src/main.rs that calls quanttrade::main_with")
    })?;
    Ok(Path::new(target).join("release").join(name))
}

fn no_cargo(error: &std::io::Error) -> Failure {
    Failure::failed(format!("cargo cannot be started: {error}"))
        .hint("install Rust from https://rustup.rs, or put cargo on the PATH")
}

fn build(folder: &Path, session: &Session) -> Result<(), Failure> {
    let mut command = cargo();
    command.args(["build", "--release", "--message-format", "short"]).current_dir(folder);
    if session.out.quiet || session.out.json {
        command.arg("--quiet");
    }
    // What the compiler says goes to standard error, as all progress does.
    let status = command.stdout(Stdio::null()).status().map_err(|error| no_cargo(&error))?;
    if status.success() {
        return Ok(());
    }
    Err(Failure::failed("the strategy does not build").hint("repair what the compiler names"))
}

fn backtest(program: &Path, args: &WatchArgs, session: &Session) -> Result<Value, Failure> {
    let mut command = Command::new(program);
    command.args(words(args, session)).current_dir(&args.path);
    let data_dir = DataDir::find();
    if data_dir.origin == DATA_DIR_VARIABLE {
        // It is run in another folder, where a relative path would name another place.
        command.env(DATA_DIR_VARIABLE, absolute(&data_dir.path));
    }
    let output = command.output().map_err(|error| {
        Failure::failed(format!("{}: cannot be started: {error}", program.display()))
    })?;
    let told = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    let result: Option<Value> = serde_json::from_slice(&output.stdout).ok();
    match result {
        Some(result) if result.get("schema").is_some() => {
            if !told.is_empty() {
                session.out.detail(&told);
            }
            Ok(result)
        }
        _ => Err(Failure::failed(format!("the backtest failed: {told}"))),
    }
}

/// What the program is called with: `backtest`, the arguments, and the options of every command as
/// they were given here, where the arguments do not have them.
fn words(args: &WatchArgs, session: &Session) -> Vec<OsString> {
    let mut words: Vec<OsString> = vec!["backtest".into()];
    words.extend(args.arguments.iter().map(OsString::from));
    let mut add = |name: &str, value: Option<OsString>| {
        let is_it = |word: &OsString| {
            let word = word.to_string_lossy();
            word.split('=').next() == Some(name)
        };
        if !words.iter().any(is_it) {
            words.push(name.into());
            words.extend(value);
        }
    };
    // The document is read here, whatever is printed of it.
    add("--json", None);
    add("--threads", Some(session.threads.to_string().into()));
    let named = std::env::var_os("QUANTTRADE_CONFIG").map(PathBuf::from);
    if let Some(config) = session.config.clone().or(named) {
        add("--config", Some(absolute(&config).into_os_string()));
    }
    match session.out.verbose {
        0 => add("--quiet", None),
        // A short option may stand several times, and together with those of the arguments.
        times => words.push(format!("-{}", "v".repeat(usize::from(times))).into()),
    }
    words
}

/// `path` as it is meant in this folder.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf())
}

fn show(
    before: Option<&Value>,
    now: &Value,
    took: Duration,
    session: &Session,
) -> Result<(), Failure> {
    let seconds = took.as_secs_f64();
    let picked = |of: &Value| -> Value {
        METRICS.iter().map(|name| ((*name).to_owned(), of[*name].clone())).collect()
    };
    if session.out.json {
        return session.out.document(&json!({
            "seconds": seconds,
            "run_id": now["run_id"],
            "determinism_hash": now["determinism_hash"],
            "before": before.map(picked),
            "now": picked(now),
        }));
    }
    let same = before.is_some_and(|old| old["determinism_hash"] == now["determinism_hash"]);
    let rows = METRICS.iter().map(|name| {
        let text = |of: &Value| match &of[*name] {
            Value::String(text) => text.clone(),
            Value::Null => number::NONE.to_owned(),
            Value::Number(value) if value.is_f64() => {
                format!("{:.4}", value.as_f64().unwrap_or_default())
            }
            other => other.to_string(),
        };
        let old = before.map_or_else(String::new, text);
        let change = before
            .map_or_else(String::new, |old| change(name, Some(&old[*name]), Some(&now[*name])));
        vec![(*name).to_owned(), old, text(now), change]
    });
    session.out.line(&table(&["", ">before", ">now", ">change"], rows))?;
    let verdict = match (before, same) {
        (None, _) => "first result".to_owned(),
        (Some(_), true) => session.out.paint(Ink::Good, "nothing changed, to the last bit"),
        (Some(_), false) => session.out.paint(Ink::Warn, "the result changed"),
    };
    session.out.line(&format!("{verdict}; built and run in {}", number::seconds(seconds)))
}

/// When each file that matters was changed.
type Stamps = BTreeMap<PathBuf, SystemTime>;

fn stamps(folder: &Path) -> Stamps {
    let mut stamps = Stamps::new();
    for name in ["Cargo.toml", "quanttrade.toml", "build.rs"] {
        add_stamp(folder.join(name), &mut stamps);
    }
    add_folder(&folder.join("src"), &mut stamps);
    stamps
}

fn add_stamp(path: PathBuf, stamps: &mut Stamps) {
    if let Ok(changed) = path.metadata().and_then(|meta| meta.modified()) {
        stamps.insert(path, changed);
    }
}

fn add_folder(folder: &Path, stamps: &mut Stamps) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            add_folder(&path, stamps);
        } else {
            add_stamp(path, stamps);
        }
    }
}

/// Waits until a file changes and then stays for a moment: editors write in several steps.
fn wait(folder: &Path, seen: &Stamps) -> Stamps {
    let mut last = seen.clone();
    loop {
        thread::sleep(LOOK_EVERY);
        let now = stamps(folder);
        if now != *seen && now == last {
            return now;
        }
        last = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::Output;

    #[test]
    fn every_option_is_handed_on() {
        let arguments = vec!["--data".to_owned(), "a b.csv".to_owned()];
        let args = WatchArgs { path: PathBuf::from("mine"), once: true, arguments };
        let text = |session: &Session| {
            let words = words(&args, session);
            words.iter().map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>()
        };
        let mut session = Session::for_tests();
        session.config = Some(PathBuf::from("/etc/q.toml"));
        let start = ["backtest", "--data", "a b.csv", "--json", "--threads", "2", "--config"];
        assert_eq!(text(&session), [&start[..], &["/etc/q.toml", "--quiet"]].concat());
        session.out = Output::new(true, false, 2);
        session.config = Some(PathBuf::from("q.toml"));
        let here = std::env::current_dir().unwrap().join("q.toml");
        assert_eq!(text(&session)[7..], [here.to_string_lossy(), "-vv".into()]);
        let own = ["--threads=1", "--quiet"].map(str::to_owned).to_vec();
        let args = WatchArgs { arguments: own, ..args };
        session = Session::for_tests();
        let words = words(&args, &session);
        assert_eq!(words, ["backtest", "--threads=1", "--quiet", "--json"]);
    }
}
