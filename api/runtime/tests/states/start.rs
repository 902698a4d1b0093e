//! What a start costs with a state and without, in time and memory.

use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use crate::world::{Dice, MILLI, Run, START, rows};

const FOLDER: &str = "QT_START_FOLDER";
const STATES: &str = "QT_START_STATES";
const NAME: &str = "top_of_book_quoter";

/// The process that starts: it says how long that took, and how much memory it ever had.
#[test]
fn child() {
    let Some(folder) = env::var_os(FOLDER) else { return };
    let takes = env::var_os(STATES).is_some();
    let begun = Instant::now();
    let run = Run::open(Path::new(&folder), NAME, |_| takes);
    let (took, repeated) = (begun.elapsed().as_secs_f64(), run.repeated);
    assert_eq!(run.has_state, takes);
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let memory = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let (hash, memory) = (run.session.driver().state_hash(), memory.trim());
    println!("told: {took:.3} s, {memory} at most, {repeated} events made again; {hash:016x}");
}

#[test]
#[ignore = "a measurement"]
fn a_start_after_a_million_events() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = Run::open(folder.path(), NAME, |_| false);
    run.begin(START - 1_000 * MILLI);
    let (mut dice, all) = (Dice(1), rows(1_000_000));
    let mut next = 100_000;
    for (at, (instrument, row)) in all.iter().enumerate() {
        run.run_before(row.venue_ns);
        run.play(*instrument, row);
        if at % 1_000 == 0 {
            run.ask(&mut dice, all[0].1.price);
        }
        if run.session.driver().events() >= next && run.keep(true) {
            next += 100_000;
        }
    }
    let begun = Instant::now();
    let bytes = run.state().bytes().len();
    let took = begun.elapsed().as_micros();
    println!("a state: {bytes} bytes, made in {took} us");
    println!("{} events, killed", run.session.driver().events());
    drop(run);
    for states in [false, true] {
        let mut program = Command::new(env::current_exe().unwrap());
        program.args(["start::child", "--exact", "--nocapture"]).env(FOLDER, folder.path());
        if states {
            program.env(STATES, "1");
        }
        let output = program.output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let told = text.lines().find_map(|line| line.split_once("told: "));
        let (_, told) = told.unwrap_or_else(|| panic!("{text}"));
        println!("{}: {told}", if states { "from the last state" } else { "from the first event" });
    }
}
