//! All faults at once that a run outlives, for a long time: in the end both sides agree.

use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::check;
use crate::run::{Trial, end, seconds};
use crate::scenarios::{End, Mode, plan_of_all};

/// How long it goes on; `QT_FAULT_SECONDS` says otherwise.
const SECONDS: u64 = 60;
/// How often each fault comes at least.
const TIMES: u64 = 4;

fn together(mode: Mode) {
    let time = seconds(SECONDS);
    let every_ms = u64::try_from(time.as_millis()).expect("some hours at most") / TIMES;
    let (plan, count) = plan_of_all(mode, every_ms);
    let mut trial = Trial::start(mode, &plan, &["--symbols", "BTCUSDT"], false);
    let begun = Instant::now();
    while begun.elapsed() < time {
        sleep(Duration::from_millis(500));
        let log = || trial.sandbox.read("run.log");
        assert!(!trial.run.has_ended(), "it ended after {:?}: {}", begun.elapsed(), log());
    }
    let struck = trial.struck();
    assert_eq!(struck.len(), count);
    let failed = |why: String, log: String| panic!("{}: {why}\n{log}", mode.text());
    if let Err(why) = trial.settle() {
        failed(why, trial.sandbox.read("run.log"));
    }
    let Trial { sandbox, sim, run, .. } = trial;
    let ended = end(run).unwrap_or_else(|why| failed(why, sandbox.read("run.log")));
    if let Err(why) = check::all(&sandbox, sim, mode, End::True, &ended) {
        failed(format!("{why}: {}", ended.document), sandbox.read("run.log"));
    }
    let idle: Vec<_> =
        plan.split("[[fault]]").skip(1).zip(&struck).filter(|(_, n)| **n == 0).collect();
    assert!(idle.is_empty(), "never struck: {idle:?}");
    println!(
        "{}: {count} faults struck {} times in {} s, {} MB: {}",
        mode.text(),
        struck.iter().sum::<u64>(),
        begun.elapsed().as_secs(),
        ended.memory_mb,
        ended.document
    );
}

#[test]
#[ignore = "a minute, or as long as QT_FAULT_SECONDS says"]
fn all_at_once_on_paper() {
    together(Mode::Paper);
}

#[test]
#[ignore = "a minute, or as long as QT_FAULT_SECONDS says"]
fn all_at_once_with_real_orders() {
    together(Mode::Live);
}
