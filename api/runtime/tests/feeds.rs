//! What the thread of the feed does to a session: it may fail, be far ahead, or begin long before
//! anything may be traded.

mod common;
#[path = "common/hall.rs"]
mod hall;

use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use qt_backtest::simulator::Ended;
use qt_journal::JournalReader;
use qt_runtime::keeper::Shown;
use qt_runtime::pace::Speed;
use qt_runtime::session::{Ran, SessionError};
use qt_types::{Cash, E9};

use common::INTERVAL_NS;
use hall::{Hall, quoter};

/// A session without anybody who interferes.
fn hold(hall: &Hall, speed: Speed) -> (Result<Ran, SessionError>, Arc<Shown>) {
    hall.hold(quoter(0), speed, &mut |_, _, _| {})
}

/// It is no end of the data: the damage is named, the journal stays open, and once the file is
/// whole again the session goes on to where it would have come to.
#[test]
fn a_damaged_file_is_not_the_end_of_the_data() {
    let hall = Hall::new(20_000);
    let (undisturbed, _) = hold(&hall, Speed::Max);
    fs::remove_dir_all(hall.path("live.qtj")).unwrap();
    let undisturbed = undisturbed.unwrap().run.outcome;
    let whole = fs::read(hall.path("market.qtt")).unwrap();
    let mut damaged = whole.clone();
    damaged[whole.len() / 2] ^= 1;
    fs::write(hall.path("market.qtt"), &damaged).unwrap();
    let (ran, shown) = hold(&hall, Speed::Max);
    let error = ran.expect_err("it cannot be read to its end");
    assert!(matches!(error, SessionError::Data(_)), "{error}");
    assert!(error.to_string().contains("market.qtt"), "{error}");
    assert!(!shown.is_closed.load(std::sync::atomic::Ordering::Relaxed));
    let mut reader = JournalReader::open(&hall.path("live.qtj"), None).unwrap();
    while reader.next_entry().unwrap().is_some() {}
    assert!(!reader.recovery().is_ended);
    fs::write(hall.path("market.qtt"), &whole).unwrap();
    let (ran, _) = hold(&hall, Speed::Max);
    let ran = ran.unwrap();
    assert!(ran.session.repeated > 1_000, "{}", ran.session.repeated);
    let outcome = ran.run.outcome;
    assert_eq!(outcome.fills, undisturbed.fills);
    assert!(outcome.fills.len() > 10);
}

/// Our side then stands still while the venue's is played on, by more records than our ring holds.
#[test]
fn a_bankruptcy_far_behind_the_venue_ends_the_session() {
    let mut hall = Hall::new(60_000);
    hall.config.order_latency_ns = 18_000 * INTERVAL_NS;
    // The first fill leaves little, and the one that closes it costs more than that.
    hall.config.fees.maker_e9 = 2 * E9;
    hall.config.fees.taker_e9 = 2 * E9;
    hall.config.capital = Cash::from_nano(500 * i128::from(E9));
    let (ran, _) = hold(&hall, Speed::Max);
    assert_eq!(ran.unwrap().run.outcome.ended, Ended::Bankrupt);
}

#[test]
fn a_warm_up_is_played_at_once() {
    let mut hall = Hall::new(20_000);
    let last_ns = hall.files()[0].times().venue_last;
    // Of a thousand seconds the last ten are traded, at five times their speed.
    hall.config.from_ns = Some(last_ns - 10 * E9);
    let begun = Instant::now();
    let (ran, _) = hold(&hall, Speed::Times(5.0));
    assert!(!ran.unwrap().run.outcome.fills.is_empty());
    assert!(begun.elapsed() < Duration::from_secs(100), "{:?}", begun.elapsed());
}
