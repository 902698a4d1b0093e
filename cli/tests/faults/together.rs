//! All faults at once that a run outlives, for a long time: in the end both sides agree.

use std::time::{Duration, Instant};

use crate::VENUES;
use crate::check;
use crate::run::{Trial, end, seconds};
use crate::scenarios::{End, Mode, PATIENCE_S, plan_of_all};

/// How long it goes on; `QT_FAULT_SECONDS` says otherwise.
const SECONDS: u64 = 600;

fn together(venue: &str, mode: Mode) {
    let time = seconds(SECONDS);
    let length_ms = u64::try_from(time.as_millis()).expect("some hours at most");
    let (plan, count) = plan_of_all(venue, mode, length_ms);
    let mut trial = Trial::start(venue, mode, &plan, &["--symbols", "BTCUSDT"], false);
    trial.patience = 2 * time + Duration::from_secs(PATIENCE_S);
    let begun = Instant::now();
    let mut struck = Vec::new();
    let met = trial.until("each fault has struck", |it| {
        struck = it.struck();
        let is_done = struck.len() == count && !struck.contains(&0) && begun.elapsed() >= time;
        is_done.then_some(()).ok_or_else(|| format!("{struck:?} of {plan}"))
    });
    let settled = met.and_then(|()| trial.settle());
    if let Err(why) = settled {
        failed(mode, &why, &trial.sandbox.read("run.log"));
    }
    let Trial { sandbox, sim, run, .. } = trial;
    let ended = end(run).unwrap_or_else(|why| failed(mode, &why, &sandbox.read("run.log")));
    if let Err(why) = check::all(&sandbox, sim, mode, End::True, &ended) {
        failed(mode, &format!("{why}: {}", ended.document), &sandbox.read("run.log"));
    }
    println!(
        "{}: {count} faults struck {} times in {} s, {} MB: {}",
        mode.text(),
        struck.iter().sum::<u64>(),
        begun.elapsed().as_secs(),
        ended.memory_mb,
        ended.document
    );
}

fn failed(mode: Mode, why: &str, log: &str) -> ! {
    panic!("{}: {why}\n{log}", mode.text())
}

#[test]
#[ignore = "ten minutes, or as long as QT_FAULT_SECONDS says"]
fn all_at_once_on_paper() {
    together(VENUES[0], Mode::Paper);
}

#[test]
#[ignore = "ten minutes, or as long as QT_FAULT_SECONDS says"]
fn all_at_once_with_real_orders() {
    together(VENUES[0], Mode::Live);
}

#[test]
#[ignore = "ten minutes, or as long as QT_FAULT_SECONDS says"]
fn all_at_once_on_paper_with_futures() {
    together(VENUES[1], Mode::Paper);
}

#[test]
#[ignore = "ten minutes, or as long as QT_FAULT_SECONDS says"]
fn all_at_once_with_real_orders_of_futures() {
    together(VENUES[1], Mode::Live);
}
