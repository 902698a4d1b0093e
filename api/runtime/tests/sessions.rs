//! What a session says of itself: stages, waits, the last events when something was wrong, and
//! states that a replay begins with.

mod common;
#[path = "common/hall.rs"]
mod hall;

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::Ordering;

use qt_backtest::replay::Pace;
use qt_backtest::run_ticks::TickStage;
use qt_engine::{BookInterest, BookView, Context, Strategy};
use qt_journal::{JournalReader, Record};
use qt_runtime::pace::Speed;
use qt_runtime::rehearsal::{self, Origin};
use qt_types::{Control, ControlKind, E9, KillState, Seq, Target, Timer};

use hall::{Hall, quoter};

/// A thousand seconds of a market.
const ROWS: u64 = 20_000;

/// The files of the flight recorder, oldest first.
fn flights(hall: &Hall) -> Vec<String> {
    let entries = fs::read_dir(hall.path("")).unwrap().map(|entry| entry.unwrap().path());
    let is_flight =
        |path: &PathBuf| path.file_name().unwrap().to_string_lossy().starts_with("flight-");
    let mut paths: Vec<PathBuf> = entries.filter(is_flight).collect();
    paths.sort();
    paths.iter().map(|path| fs::read_to_string(path).unwrap()).collect()
}

/// The one file of the flight recorder: its first line, and the event of its last one.
fn flight(hall: &Hall) -> (String, u64) {
    let flights = flights(hall);
    assert_eq!(flights.len(), 1, "{flights:?}");
    let last = flights[0].lines().last().unwrap();
    let event = last.split(' ').nth(1).unwrap().parse();
    (flights[0].lines().next().unwrap().to_owned(), event.expect(last))
}

/// Fast enough for a second or so, slow enough to be stopped on the way.
const BRISK: Speed = Speed::Times(1_500.0);

#[test]
fn a_session_tells_how_long_its_stages_took() {
    let hall = Hall::new(ROWS);
    for (speed, every) in [(Speed::Max, 256), (BRISK, 1)] {
        let _ = fs::remove_dir_all(hall.path("live.qtj"));
        let (ran, shown) = hall.hold(quoter(0), speed, &mut |_, _, _| {});
        let session = ran.unwrap().session;
        let names: Vec<&str> = session.stages.iter().map(|stage| stage.stage).collect();
        assert_eq!(names, ["ring", "append", "step", "keep", "durable", "whole"]);
        for stage in &session.stages {
            let order = [stage.p50_ns, stage.p99_ns, stage.p999_ns];
            assert!(stage.count > 0 && order.is_sorted() && order[2] <= stage.max_ns, "{stage:?}");
        }
        let timed = session.stages[0].count;
        assert!((20_000 / every..=20_000 / every + 1).contains(&timed), "{timed}");
        assert_eq!(session.stages[5].count, timed, "each way ends");
        assert_eq!(u64::from(session.timed_every), every);
        let events = shown.events.load(Ordering::Relaxed);
        assert_eq!(session.snapshot.map(|kept| kept.event), Some(events));
        assert!(session.journal.records > events && session.journal.syncs > 0);
        assert!(session.is_closed && session.flights.is_empty());
    }
}

#[test]
fn a_journal_that_takes_no_more_leaves_the_last_events() {
    let hall = Hall::new(ROWS);
    let (ran, shown) = hall.hold(quoter(0), BRISK, &mut |events, _, _| {
        if events > 2_000 {
            // No further file of it can be made.
            let _ = fs::remove_dir_all(hall.path("live.qtj"));
        }
    });
    let error = ran.expect_err("nothing is done that is not kept").to_string();
    let (why, event) = flight(&hall);
    assert_eq!(event, shown.events.load(Ordering::Relaxed));
    assert_eq!(why, format!("# {error}"));
}

#[test]
fn a_script_that_does_not_fit_leaves_the_event_in_question() {
    let hall = Hall::new(ROWS);
    let (ran, _) = hall.hold(quoter(0), BRISK, &mut |events, _, interrupt| {
        interrupt.store(events > 2_000, Ordering::Relaxed);
    });
    ran.unwrap();
    let (ran, _) = hall.hold(quoter(1), BRISK, &mut |_, _, _| {});
    let error = ran.expect_err("it does other things").to_string();
    let (why, event) = flight(&hall);
    assert!(error.contains(&format!("at event {event} it has")), "{event}: {error}");
    assert!(why.contains("does not fit"), "{why}");
}

#[test]
fn a_kill_leaves_what_was_before_it() {
    let hall = Hall::new(ROWS);
    let mut is_killed = false;
    let (ran, _) = hall.hold(quoter(0), BRISK, &mut |events, to, _| {
        if events > 2_000 && !is_killed {
            is_killed = true;
            let (target, state) = (Target::GLOBAL, KillState::Halted);
            to.send(Control { kind: ControlKind::Trip { target, state }, person: 1 }).unwrap();
        }
    });
    assert_eq!(ran.unwrap().session.flights.len(), 1);
    let (why, _) = flight(&hall);
    assert_eq!(why, "# the kill switch was pulled");
    assert!(flights(&hall)[0].contains("nothing but cancels, by person 1"));
}

/// A strategy with a fault.
struct Faulty(Box<dyn Strategy>, u32);

impl Strategy for Faulty {
    fn on_book(&mut self, book: BookView<'_>, ctx: &mut Context<'_>) {
        self.0.on_book(book, ctx);
    }

    fn on_timer(&mut self, timer: Timer, ctx: &mut Context<'_>) {
        assert!(self.1 > 0, "the fault of this test");
        self.1 -= 1;
        self.0.on_timer(timer, ctx);
    }

    fn interest(&self) -> BookInterest {
        self.0.interest()
    }

    fn name(&self) -> &'static str {
        "faulty"
    }
}

#[test]
fn a_panic_of_the_pipeline_leaves_the_event_that_it_had() {
    let hall = Hall::new(ROWS);
    let (ran, shown) = hall.hold(Box::new(Faulty(quoter(0), 50)), Speed::Max, &mut |_, _, _| {});
    let error = ran.expect_err("a thread is gone").to_string();
    assert!(error.contains("thread pipeline ended unexpectedly"), "{error}");
    assert_eq!(flight(&hall).1, shown.events.load(Ordering::Relaxed));
    assert!(flights(&hall)[0].lines().last().unwrap().contains("timer"));
}

#[test]
fn a_strategy_without_a_stored_state_has_no_snapshot() {
    let hall = Hall::new(ROWS);
    let strategy = Box::new(Faulty(quoter(0), u32::MAX));
    let (ran, _) = hall.hold(strategy, Speed::Max, &mut |_, _, _| {});
    let session = ran.unwrap().session;
    assert_eq!((session.snapshot, session.is_closed), (None, true));
}

#[test]
fn a_replay_from_each_kept_state_ends_as_the_whole_one() {
    let hall = Hall::new(ROWS);
    for cut in 1..5 {
        let mut from = None;
        let (ran, _) = hall.hold(quoter(0), BRISK, &mut |events, _, interrupt| {
            let from = *from.get_or_insert(events);
            let is_enough = events > from.max(cut * 4_000);
            interrupt.store(is_enough && cut < 4, Ordering::Relaxed);
        });
        ran.unwrap();
    }
    let mut reader = JournalReader::open(&hall.path("live.qtj"), None).unwrap();
    let mut cuts: Vec<Seq> = Vec::new();
    while let Some(entry) = reader.next_entry().unwrap() {
        if let Record::Snapshot(kept) = entry.record {
            cuts.push(kept.stamp.seq);
        }
    }
    assert_eq!(cuts.len(), 4, "{cuts:?}");
    let files = hall.files();
    let stage = TickStage::new(&hall.config, &files, E9, Pace::Naive).unwrap();
    let replay = |from| rehearsal::replay(&hall.path("live.qtj"), &stage, quoter(0), from).unwrap();
    let whole = replay(Origin::Start);
    assert_eq!((whole.differences, whole.snapshots), (0, 4), "{whole:?}");
    for (at, cut) in cuts.iter().enumerate() {
        let tail = replay(Origin::Snapshot(*cut));
        assert_eq!((tail.differences, tail.snapshots), (0, 4 - at as u64), "{tail:?}");
        assert_eq!((&tail.state, tail.events), (&whole.state, whole.events - cut.get()));
    }
    assert_eq!(replay(Origin::LastSnapshot).from_event, Some(whole.events));
    // A state that is not the one that was kept is found.
    let other =
        rehearsal::replay(&hall.path("live.qtj"), &stage, quoter(1), Origin::Start).unwrap();
    assert!(other.differences > 0 && other.snapshots == 0, "{other:?}");
    let none =
        rehearsal::replay(&hall.path("live.qtj"), &stage, quoter(0), Origin::Snapshot(Seq::new(7)));
    assert!(none.unwrap_err().to_string().contains("no state after event 7 was kept"));
}
