//! Real threads, real rings, the machine's clock: the driver on one, the gateway on another, a feed
//! on a third.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use qt_ring::{Bell, Wait};
use qt_runtime::live::{
    Clock, Course, Driver, FeedWriter, LiveError, LiveShown, Parts, Settings, SystemClock, attend,
    feed, rings, run,
};
use qt_types::{InstrumentId, Lacks, Nanos, VenueId};

use crate::exchange::{Exchange, MILLI, SECOND};
use crate::memory::Memory;
use crate::plan::Plan;
use crate::trader::Trader;
use crate::world::{config, gate, trade};

/// A trade every two milliseconds.
fn print_for(feed: &mut FeedWriter, time: Duration) {
    let (begun, mut row) = (Instant::now(), 0);
    while begun.elapsed() < time {
        row += 1;
        feed.push(&trade(row, Nanos::MIN));
        thread::sleep(Duration::from_millis(2));
    }
}

/// Times of a link on the same machine, so that a test does not take long.
fn brisk() -> Settings {
    Settings {
        answer_ns: 50 * MILLI,
        late_ns: 200 * MILLI,
        absence_ns: 300 * MILLI,
        silence_ns: 3 * SECOND,
        question_ns: 100 * MILLI,
        retry_ns: 20 * MILLI,
        compare_ns: 300 * MILLI,
        attempt_ns: 50 * MILLI,
        ..Settings::default()
    }
}

#[test]
fn threads_trade_lose_the_link_and_stop_in_time() {
    let mut clock = SystemClock::start();
    let plan = Plan {
        lose_request: 20,
        lose_report: 20,
        double_report: 100,
        cut_every_ns: 400 * MILLI,
        cut_ns: (MILLI, 100 * MILLI),
        fill_every_ns: 5 * MILLI,
        window_ns: 250 * MILLI,
        ..Plan::calm()
    };
    let mut exchange = Exchange::new(7, plan, clock.read().wall_ns.get());
    let bell = Arc::new(Bell::new(Wait::Park));
    let (port, mut end) = rings(256, &bell, Wait::Park, brisk().late_ns).unwrap();
    let (mut feed, reader) = feed(256, 2, VenueId(0), &bell).unwrap();
    let memory = Memory::default();
    let mut driver = Driver::new(Parts {
        pipeline: config(),
        lacks: Lacks::NOTHING,
        strategy: Trader::new(7, 8, u32::MAX),
        gate: gate(1_000_000),
        witness: memory.writer(),
        port,
        feeds: vec![reader],
        settings: brisk(),
    });
    let (stop, shown) = (AtomicBool::new(false), LiveShown::default());
    let (took, figures) = thread::scope(|scope| {
        let gateway = scope.spawn(|| {
            attend(&mut end, &mut exchange, &mut clock);
        });
        let running = scope.spawn(|| {
            let mut clock = SystemClock::start();
            let course = &mut Course {
                clock: &mut clock,
                bell: &bell,
                stop: &stop,
                shown: &shown,
                start_ns: 10_000_000_000,
            };
            let ran = run(&mut driver, course);
            let ended = Instant::now();
            (ran.map(|_| ended), driver)
        });
        print_for(&mut feed, Duration::from_millis(2_500));
        let stopped = Instant::now();
        stop.store(true, Ordering::Release);
        let (ended, driver) = running.join().unwrap();
        let (figures, is_settled) = (driver.figures(), driver.is_settled());
        let exposure = driver.exposure();
        let position = exposure.position(InstrumentId(0)).lots();
        // The gateway's thread ends with the driver.
        drop(driver);
        gateway.join().unwrap();
        assert!(is_settled, "{figures:?}");
        ((ended.unwrap() - stopped, position), figures)
    });
    let (took, position) = took;
    assert!(took < Duration::from_secs(5), "{took:?}");
    assert!(figures.sent > 20 && figures.links_lost > 0 && figures.breaks == 0, "{figures:?}");
    assert!(exchange.arrived.values().all(|times| *times == 1));
    assert_eq!(exchange.open(), []);
    // What was reported and lost in the very last moment nobody could know of.
    let unheard = (position - exchange.positions[0]).abs();
    assert!(unheard <= 6, "{position} here, {} there", exchange.positions[0]);
    assert!(shown.figures().is_some());
}

/// A venue that is not there: the run does not begin, and says so.
#[test]
fn without_a_venue_nothing_begins() {
    let bell = Arc::new(Bell::new(Wait::Park));
    let (port, _end) = rings(256, &bell, Wait::Park, brisk().late_ns).unwrap();
    let memory = Memory::default();
    let mut driver = Driver::new(Parts {
        pipeline: config(),
        lacks: Lacks::NOTHING,
        strategy: Trader::places(1),
        gate: gate(10),
        witness: memory.writer(),
        port,
        feeds: Vec::new(),
        settings: brisk(),
    });
    let (stop, shown) = (AtomicBool::new(false), LiveShown::default());
    let mut clock = SystemClock::start();
    let course = &mut Course {
        clock: &mut clock,
        bell: &bell,
        stop: &stop,
        shown: &shown,
        start_ns: 50_000_000,
    };
    assert!(matches!(run(&mut driver, course), Err(LiveError::NoLink)));
    assert!(memory.events().is_empty());
}
