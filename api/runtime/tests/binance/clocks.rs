//! Clocks that are off: ours from the beginning on, or the venue's from one moment to the next.

use crate::desk::{Rig, Run, assert_true};
use crate::faults::exchange;
use crate::trader::Trader;
use crate::venue::Truth;

const SECOND: i64 = 1_000_000_000;

/// The venue tells the time, and requests are stamped by it: a clock that is off by three seconds
/// either way, where the window of a request is one, is no reason for anything.
#[test]
fn a_clock_that_is_ahead_or_behind_is_made_up_for() {
    for ahead_ns in [3 * SECOND, -3 * SECOND] {
        let exchange = exchange();
        let truth = Truth::of(exchange.addr, "demo");
        let before = truth.held("BTC");
        let rig = Rig { ahead_ns, ..Rig::new(exchange.addr, Trader::new(21)) };
        let mut run = Run::start(&rig);
        run.until("fills", |_| truth.trades().len() >= 5);
        let offset_ns = run.standing().offset_ns;
        assert!((offset_ns + ahead_ns).abs() < SECOND, "{offset_ns}");
        let ended = run.stop();
        ended.result.as_ref().unwrap();
        assert_eq!((ended.figures.clock_faults, ended.figures.breaks), (0, 0));
        assert_true(&truth, &rig.memory, &ended, before, &format!("ahead by {ahead_ns}"));
    }
}

/// One that is off by an hour is looked at by a person first: nothing that opens a position leaves.
#[test]
fn a_clock_that_is_off_by_an_hour_lets_nothing_be_opened() {
    for ahead_ns in [3_600 * SECOND, -3_600 * SECOND] {
        let exchange = exchange();
        let truth = Truth::of(exchange.addr, "demo");
        let rig = Rig { ahead_ns, ..Rig::new(exchange.addr, Trader::new(22)) };
        let mut run = Run::start(&rig);
        run.until("up", |run| run.standing().is_up);
        // So much happens there that it would have traded by now.
        let answers = run.standing().figures.answered;
        run.until("comparisons", |run| run.standing().figures.answered > answers + 8);
        let ended = run.stop();
        ended.result.as_ref().unwrap();
        assert_eq!(ended.figures.clock_faults, 1, "{:?}", ended.figures);
        assert_eq!(truth.orders().len(), 0);
    }
}

/// The venue's clock jumps in the middle: its refusals (-1021) have it asked for the time, and
/// everything goes on.
#[test]
fn the_venues_clock_jumps() {
    for by_ms in [2_500, -2_500] {
        let exchange = exchange();
        let truth = Truth::of(exchange.addr, "demo");
        let before = truth.held("BTC");
        let rig = Rig::new(exchange.addr, Trader::new(23));
        let mut run = Run::start(&rig);
        run.until("fills", |_| truth.trades().len() >= 3);
        let plan = format!("[[fault]]\nwhat = \"clock-skew\"\nby_ms = {by_ms}\nfor_ms = 3600000\n");
        truth.control("POST", "faults", &plan);
        run.until("the new time", |run| run.standing().offset_ns.abs() > 2 * SECOND);
        let sent = run.standing().figures.sent;
        run.until("more commands", |run| run.standing().figures.sent > sent + 20);
        truth.control("DELETE", "faults", "");
        run.until("the old time", |run| run.standing().offset_ns.abs() < SECOND / 2);
        let count = truth.trades().len();
        run.until("fills afterwards", |_| truth.trades().len() > count);
        let ended = run.stop();
        ended.result.as_ref().unwrap();
        assert_true(&truth, &rig.memory, &ended, before, &format!("a jump of {by_ms} ms"));
        // No event is stamped in the past of the one before it.
        let events = rig.memory.events();
        assert!(events.windows(2).all(|two| two[0].recv_ns <= two[1].recv_ns));
    }
}
