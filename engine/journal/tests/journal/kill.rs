//! Processes that die at any moment: what they said was durable is there, and what is there is
//! what they wrote.

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use qt_journal::{Durable, Journal, verify};

use crate::support::{Place, append_frame, entries, event, numbers};

const FOLDER: &str = "QT_JOURNAL_FOLDER";
const MODE: &str = "QT_JOURNAL_MODE";

/// How many are killed in each mode: some in every run of the tests, many in a long one.
fn kills() -> u64 {
    env::var("QT_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(50)
}

/// The process that is killed: this test binary once more. Otherwise it does nothing.
#[test]
fn child() {
    let Ok(folder) = env::var(FOLDER) else { return };
    let is_disk = env::var(MODE).as_deref() == Ok("disk");
    let durable = if is_disk { Durable::Disk } else { Durable::Memory };
    let place = Place::at(&folder);
    let options = place.options(durable);
    let mut next = 1_u64;
    let opened = Journal::open_with(&place.path(), &options, |_| next += 1);
    let mut journal = opened.unwrap().0;
    let mut out = std::io::stdout().lock();
    loop {
        let lsn;
        (lsn, next) = if next.is_multiple_of(2) {
            append_frame(&mut journal, next)
        } else {
            (journal.append_event(&event(next)).unwrap(), next + 1)
        };
        if is_disk && !next.is_multiple_of(3) {
            continue;
        }
        journal.wait_durable(lsn).unwrap();
        writeln!(out, "ack {}", next - 1).unwrap();
        out.flush().unwrap();
    }
}

fn kill_again_and_again(mode: &str) {
    let (mut place, mut acknowledged) = (Place::new(), 0);
    let mut from_memory = 0;
    let mut state = 7_u64;
    for round in 0..kills() {
        if round % 10 == 0 {
            (place, acknowledged) = (Place::new(), 0);
        }
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["kill::child", "--exact", "--nocapture"])
            .env(FOLDER, place.folder.path())
            .env(MODE, mode)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let wait = Duration::from_micros((state >> 33) % 30_000);
        let reader = thread::spawn(move || {
            let mut last = 0;
            for line in out.lines().map_while(Result::ok) {
                // The test harness says something of its own before the first.
                let number = line.rsplit_once("ack ").and_then(|(_, number)| number.parse().ok());
                last = number.unwrap_or(last);
            }
            last
        });
        thread::sleep(Duration::from_millis(15) + wait);
        child.kill().unwrap();
        child.wait().unwrap();
        acknowledged = reader.join().unwrap().max(acknowledged);
        let found = numbers(&entries(&place.path()));
        let count = found.len() as u64;
        assert_eq!(found, (1..=count).collect::<Vec<_>>());
        assert!(count >= acknowledged, "{mode}: {acknowledged} acknowledged, {count} there");
        let report = verify(&place.path()).unwrap();
        assert!(report.is_whole() && !report.is_live && !report.is_ended, "{report}");
        from_memory += report.from_memory;
    }
    eprintln!("{mode}: {acknowledged} in the last journal, {from_memory} came from memory");
    assert!(acknowledged > 0 && (from_memory > 0 || mode == "disk"));
}

#[test]
fn a_killed_process_loses_nothing_that_was_on_the_disk() {
    kill_again_and_again("disk");
}

#[test]
fn a_killed_process_loses_nothing_that_was_in_memory() {
    kill_again_and_again("memory");
}
