//! A process that ends, and the next one: what was at the venue is known again before anything is
//! sent.

use qt_runtime::live::{Break, OnLoss, Phase, Settings};
use qt_types::ReportKind;

use crate::exchange::{Exchange, MILLI, SECOND};
use crate::plan::Plan;
use crate::trader::Trader;
use crate::world::{START, World};

fn world(orders: usize) -> World {
    let settings = Settings { on_loss: OnLoss::Keep, ..Settings::default() };
    let mut world =
        World::new(Exchange::new(2, Plan::calm(), START), Trader::places(orders), settings);
    world.until_ready();
    world
}

fn texts(world: &World) -> String {
    let specs = crate::world::specs();
    world.driver.breaks().iter().map(|it| it.text(&specs)).collect::<Vec<_>>().join("\n")
}

/// The venue is not in step with us: trading does not begin.
fn refused(world: &mut World) -> String {
    world.run_until(60 * SECOND, |world| world.driver.is_broken());
    world.run(5 * SECOND);
    assert!(!world.driver.has_begun() && world.driver.phase() == Phase::Comparing);
    texts(world)
}

/// B23: fills that nobody heard of are booked in one pass, the second one does nothing, and ids
/// stay as they were over ten restarts.
#[test]
fn unseen_fills_are_booked_once_over_ten_restarts() {
    let mut world = world(4);
    world.run(SECOND);
    // Nothing more reaches the process, which then dies.
    world.exchange.plan.lose_report = 1_000;
    world.exchange.fill(0, 10);
    world.exchange.fill(2, 4);
    world.exchange.fill(2, 1);
    world.exchange.plan.lose_report = 0;
    let before = world.driver.events();
    let ids = world.open();
    world.print_every_ns = 3_600 * SECOND;
    world.restart();
    assert_eq!((world.driver.events(), world.position()), (before, 0));
    world.until_ready();
    assert_eq!(world.position(), 15);
    world.assert_same("first");
    let (events, found) = (world.driver.events(), world.driver.figures().found);
    assert_eq!((events - before, found), (3, 3));
    assert_eq!(world.open(), ids[1..]);
    let state = world.driver.state_hash();
    for round in 0..10 {
        world.restart();
        world.until_ready();
        let figures = world.driver.figures();
        assert_eq!((world.driver.events(), figures.found), (events, 0), "round {round}");
        assert_eq!((world.driver.state_hash(), world.open()), (state, ids[1..].to_vec()));
        world.assert_same("again");
    }
    // And it goes on with ids that were never used.
    world.print();
    world.run(SECOND);
    let newest = *world.open().last().unwrap();
    assert!(!ids.contains(&newest) && newest > *ids.last().unwrap());
}

/// B23: orders in the account that are not ours.
#[test]
fn orders_of_others_are_listed_and_trading_does_not_begin() {
    let mut world = world(1);
    world.run(SECOND);
    let at = world.exchange.place_by_hand(7);
    world.restart();
    let text = refused(&mut world);
    assert!(text.contains("order 2 at the venue (buy 7 ONE) is not ours"), "{text}");
    // Allowed, they are left alone; what they cannot have done to the position is still a break.
    world.rig.settings.accepts_foreign = true;
    world.restart();
    world.until_ready();
    world.run(SECOND);
    assert_eq!(world.exchange.cancels, 0);
    world.exchange.fill(at, 3);
    world.run(10 * SECOND);
    assert!(!world.driver.is_broken(), "{}", texts(&world));
    world.exchange.positions[0] += 5;
    world.run_until(10 * SECOND, |world| world.driver.is_broken());
    assert!(texts(&world).contains("the position in ONE is 8 at the venue"), "{}", texts(&world));
}

/// B23: the venue's list of executions does not reach back far enough.
#[test]
fn missing_history_is_a_refusal_that_says_what_is_missing() {
    let mut world = world(2);
    world.run(SECOND);
    world.exchange.plan.lose_report = 1_000;
    world.exchange.fill(0, 4);
    world.exchange.plan.lose_report = 0;
    world.now_ns += 3_600 * SECOND;
    world.exchange.plan.history_ns = 60 * SECOND;
    world.restart();
    let text = refused(&mut world);
    assert!(text.contains("has executed 4 of order 1 in ONE, we know of 0"), "{text}");
    assert!(text.contains("the position in ONE is 4 at the venue"), "{text}");
    // As soon as the venue tells it, all is well.
    world.exchange.plan.history_ns = Plan::calm().history_ns;
    world.until_ready();
    world.assert_same("told");
}

/// B23: a position that somebody else has changed.
#[test]
fn a_changed_position_is_a_refusal() {
    let mut world = world(1);
    world.run(SECOND);
    world.exchange.fill(0, 10);
    world.run(SECOND);
    world.exchange.positions[0] -= 2;
    world.exchange.positions[1] = 5;
    world.restart();
    let text = refused(&mut world);
    assert!(
        text.contains("the position in ONE is 8 at the venue, and our fills come to 10"),
        "{text}"
    );
    assert!(text.contains("the position in TWO is 5 at the venue"), "{text}");
}

/// An order that the venue had and does not know any more.
#[test]
fn an_order_that_the_venue_forgot_is_a_refusal() {
    let mut world = world(2);
    world.run(SECOND);
    world.exchange.orders.remove(0);
    world.restart();
    refused(&mut world);
    let is_it = |it: &Break| matches!(it, Break::Forgotten { .. });
    assert!(world.driver.breaks().iter().any(is_it), "{:?}", world.driver.breaks());
}

/// B20: the process dies a hundred times while nobody knows what became of an order: it is at the
/// venue once, or never.
#[test]
fn an_order_in_doubt_is_never_sent_again_whatever_dies() {
    for lost in ["request", "answer"] {
        let mut world = world(1);
        world.exchange.plan.lose_request = if lost == "request" { 1_000 } else { 0 };
        world.exchange.plan.lose_report = if lost == "answer" { 1_000 } else { 0 };
        world.run_until(SECOND, |world| world.driver.figures().sent == 1);
        world.run(10 * MILLI);
        world.print_every_ns = 3_600 * SECOND;
        world.exchange.plan.lose_request = 0;
        for round in 0..100 {
            world.restart();
            assert!(round > 0 || world.driver.figures().unknown_now == 1);
            world.run(round % 7 * 2 * MILLI);
        }
        world.exchange.plan.lose_report = 0;
        world.restart();
        world.until_ready();
        world.assert_same(lost);
        let at_venue = usize::from(lost == "answer");
        assert_eq!((world.exchange.orders.len(), world.open().len()), (at_venue, at_venue));
        assert!(world.driver.blotter().open().count() == at_venue);
    }
}

/// The process dies at every single record of its journal: what it was about to do is in doubt or
/// never happened, and both sides agree afterwards.
#[test]
fn it_can_die_at_every_record() {
    let mut died = 0;
    for room in 0..60 {
        let settings = Settings::default();
        let plan = Plan { fill_every_ns: 40 * MILLI, ..Plan::calm() };
        let trader = Trader::new(5, 6, 40);
        let mut world = World::new(Exchange::new(5, plan, START), trader, settings);
        *world.memory.room.lock().unwrap() = Some(room);
        let until_ns = world.now_ns + 3 * SECOND;
        while world.now_ns < until_ns {
            if world.step(until_ns).is_err() {
                died += 1;
                *world.memory.room.lock().unwrap() = None;
                world.restart();
            }
        }
        world.exchange.replan(Plan::calm());
        world.run_until(60 * SECOND, |world| {
            world.driver.phase() == Phase::Ready && world.driver.exposure().orders.is_empty()
        });
        world.run(SECOND);
        world.assert_same(&format!("after {room} records"));
        let kinds = world.memory.events().len();
        assert!(kinds > 20);
    }
    assert_eq!(died, 60);
}

/// What is stopped in order leaves nothing behind that could open a position.
#[test]
fn a_stop_cancels_and_ends_within_its_time() {
    let mut world = world(5);
    world.run(SECOND);
    let from_ns = world.now_ns;
    world.driver.begin_stop().unwrap();
    world.run_until(5 * SECOND, |world| world.driver.is_settled());
    assert!(world.now_ns - from_ns < SECOND);
    assert!(world.open().is_empty() && world.exchange.open().is_empty());
    let events = world.memory.events();
    let is_cancelled = |event: &&qt_types::Event| match event.payload {
        qt_types::Payload::Report(report) => report.kind == ReportKind::Cancelled,
        _ => false,
    };
    assert_eq!(events.iter().filter(is_cancelled).count(), 5);
    // The next process trades again.
    world.restart();
    world.until_ready();
    world.run(SECOND);
    assert_eq!(world.open().len(), 5);
    world.assert_same("next");
}

/// What was taken back long before the end of a process, or before the link was lost, is found:
/// nothing was compared since.
#[test]
fn what_was_lost_since_the_last_comparison_is_found_however_long_ago() {
    for way in ["restart", "cut"] {
        let mut world = world(2);
        world.run(SECOND);
        world.exchange.fill(0, 10);
        world.run(SECOND);
        assert_eq!(world.position(), 10);
        // The venue answers no question any more.
        world.exchange.plan.lose_answer = 1_000;
        world.run(10 * SECOND);
        world.exchange.plan.lose_report = 1_000;
        world.exchange.bust(0);
        world.exchange.plan.lose_report = 0;
        world.print_every_ns = SECOND;
        world.run(300 * SECOND);
        assert_eq!(world.position(), 10);
        if way == "restart" {
            world.restart();
        } else {
            world.exchange.cut(SECOND, true);
            world.run(SECOND);
        }
        world.exchange.plan.lose_answer = 0;
        world.until_ready();
        assert_eq!(world.position(), 0);
        world.assert_same(way);
    }
}
