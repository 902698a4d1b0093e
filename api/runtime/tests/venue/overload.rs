//! Rings that are full: the kill switch for commands and reports, a stale book for market data.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use qt_engine::book::StaleReason;
use qt_engine::{
    Answer, BookState, Bounded, Command, Delivery, Gateway, GatewayEvent, Question, Sink,
};
use qt_ring::{Bell, Wait};
use qt_runtime::live::{Offered, Phase, Settings, SystemClock, attend, rings};
use qt_types::{
    Event, InstrumentId, Nanos, OrderTick, OrderTickKind, Payload, RejectReason, Report,
    ReportKind, Seq, Tick, TickFlags, TickKind, VenueId,
};

use crate::exchange::{Exchange, SECOND};
use crate::plan::Plan;
use crate::trader::Trader;
use crate::world::{Rig, START, World};

/// The gateway's thread hangs: commands find no room. The kill switch is pulled, the orders that
/// did not leave are refused and never sent, and the cancels that it makes have room of their own.
#[test]
fn a_full_command_ring_pulls_the_kill_switch() {
    let exchange = Exchange::new(3, Plan::calm(), START);
    let rig = Rig { capacity: 16, ..Rig::new(Trader::places(40), Settings::default()) };
    let mut world = World::of(exchange, rig);
    world.until_ready();
    // Only the driver goes on.
    for _ in 0..200 {
        world.now_ns += 1_000;
        world.print();
        world.driver.turn(world.reading()).unwrap();
    }
    let figures = world.driver.figures();
    assert!(figures.commands_full >= 1 && figures.trips == 1, "{figures:?}");
    assert_eq!(figures.sent, 16, "12 orders, and 4 cancels in the room that is kept for them");
    let held_back = figures.held_back;
    assert!(held_back >= 1);
    // The gateway wakes up: all that was in the ring leaves, then the cancels of it.
    world.run(20 * SECOND);
    assert_eq!(world.exchange.arrived.len(), 12);
    assert!(world.exchange.open().is_empty() && world.open().is_empty());
    world.assert_same("woken");
    assert_eq!(world.driver.figures().trips, 1, "it stays pulled, and is pulled once");
}

/// A gateway that has more to tell than there is room for.
struct Talker {
    left: u64,
    told: u64,
}

impl Gateway for Talker {
    fn connect(&mut self, _: Nanos) {}
    fn disconnect(&mut self, _: Nanos) {}
    fn submit(&mut self, _: &Command, _: Nanos, _: Nanos) {}
    fn ask(&mut self, _: u32, _: Question, _: Nanos) {}

    fn poll(&mut self, now_ns: Nanos, out: &mut Bounded<GatewayEvent>) {
        while self.left > 0 {
            let kind = ReportKind::Filled;
            let mut report = Report::plain(qt_types::OrderId::new(9, 1), kind, RejectReason::None);
            report.exec = qt_types::ExecId(self.told + 1);
            let (instrument, venue_ns) = (InstrumentId(0), now_ns);
            let delivery = Delivery { instrument, venue_ns, recv_ns: now_ns, report };
            if !out.push(GatewayEvent::Report(delivery)) {
                return;
            }
            self.left -= 1;
            self.told += 1;
        }
        let _ = out.push(GatewayEvent::Answer(0, Answer::Failed));
    }

    fn next_ns(&self) -> Option<Nanos> {
        None
    }
}

/// Reports find no room: the kill switch, and not one of them is lost.
#[test]
fn a_full_report_ring_pulls_the_kill_switch_and_loses_nothing() {
    let exchange = Exchange::new(3, Plan::calm(), START);
    let rig = Rig { capacity: 16, ..Rig::new(Trader::places(0), Settings::default()) };
    let mut world = World::of(exchange, rig);
    world.until_ready();
    let mut talker = Talker { left: 100, told: 0 };
    for _ in 0..3 {
        world.end.turn(&mut talker, Nanos::new(world.now_ns));
    }
    world.driver.turn(world.reading()).unwrap();
    let figures = world.driver.figures();
    assert_eq!((figures.reports_full, figures.trips), (1, 1), "{figures:?}");
    for _ in 0..100 {
        world.end.turn(&mut talker, Nanos::new(world.now_ns));
        world.driver.turn(world.reading()).unwrap();
    }
    assert_eq!((world.driver.figures().reports, talker.told), (100, 100));
    assert_eq!(world.driver.figures().trips, 1);
}

/// What stands back for want of room goes on as soon as there is some, although nobody asks for
/// anything.
#[test]
fn what_waits_for_room_is_not_forgotten() {
    let bell = Arc::new(Bell::new(Wait::Park));
    let (mut port, mut end) = rings(16, &bell, Wait::Park, SECOND).unwrap();
    let told = thread::scope(|scope| {
        scope.spawn(move || {
            let (mut talker, mut clock) = (Talker { left: 100, told: 0 }, SystemClock::start());
            attend(&mut end, &mut talker, &mut clock);
        });
        let begun = Instant::now();
        let mut told = 0;
        while told < 100 && begun.elapsed() < Duration::from_secs(10) {
            let is_report = |event| matches!(event, GatewayEvent::Report(_));
            told += usize::from(port.next_event().is_some_and(is_report));
            thread::sleep(Duration::from_micros(100));
        }
        // The gateway's thread ends with its driver.
        drop(port);
        told
    });
    assert_eq!(told, 100);
}

/// Market data that nobody takes, before it begins and while it ends, is no reason to go round.
#[test]
fn what_is_not_taken_does_not_wake_the_driver() {
    let exchange = Exchange::new(3, Plan::calm(), START);
    let mut world = World::new(exchange, Trader::places(1), Settings::default());
    world.print();
    world.driver.turn(world.reading()).unwrap();
    assert!(!world.driver.has_input() && !world.driver.has_begun());
    world.until_ready();
    world.driver.begin_stop().unwrap();
    world.run(SECOND);
    world.print();
    world.driver.turn(world.reading()).unwrap();
    assert!(!world.driver.has_input());
    assert!(world.driver.next_ns() > world.driver.time_ns());
}

fn event(payload: Payload) -> Event {
    let (recv_ns, venue_ns) = (Nanos::new(START), Nanos::new(START));
    let instrument = InstrumentId(1);
    Event { seq: Seq::default(), recv_ns, venue_ns, instrument, venue: VenueId(0), payload }
}

fn level() -> Payload {
    let kind = TickKind::Level as u8;
    Payload::Tick(Tick {
        venue_ns: 0,
        price: 5,
        qty: 5,
        latency_ns: 0,
        instrument: 0,
        kind,
        flags: 0,
    })
}

fn add() -> Payload {
    let (kind, order) = (OrderTickKind::Add as u8, 4);
    Payload::Order(OrderTick {
        venue_ns: 0,
        order,
        price: 5,
        qty: 5,
        latency_ns: 0,
        instrument: 0,
        kind,
        flags: 0,
    })
}

/// Market data finds no room: it is dropped and counted, and the first that comes through again is
/// the news that something is missing, so that the book is stale until it was told anew.
#[test]
fn a_full_feed_ring_makes_the_instrument_stale() {
    for (payload, kind) in [(level(), "gap"), (add(), "clear")] {
        let bell = Arc::new(Bell::new(Wait::Yield));
        let (mut feed, mut reader) = qt_runtime::live::feed(4, 2, VenueId(0), &bell).unwrap();
        let told: Vec<Offered> = (0..6).map(|_| feed.push(&event(payload))).collect();
        assert_eq!(told[..4], [Offered::Taken; 4]);
        assert_eq!(told[4..], [Offered::Dropped; 2]);
        assert_eq!((feed.dropped(), reader.dropped()), (2, 2));
        // No room for the news yet, nor for what comes behind it.
        reader.pop();
        assert_eq!(feed.push(&event(payload)), Offered::Dropped);
        while reader.pop().is_some() {}
        assert!(feed.tell_lost(), "also when nothing else comes");
        assert_eq!(feed.push(&event(payload)), Offered::Taken);
        assert_eq!(reader.dropped(), 3, "the news are none of it");
        let seen: Vec<_> = std::iter::from_fn(|| reader.pop()).map(|it| it.payload).collect();
        let is_news = match (kind, &seen[0]) {
            ("gap", Payload::Tick(tick)) => tick.kind() == Some(TickKind::Gap),
            ("clear", Payload::Order(tick)) => tick.kind() == Some(OrderTickKind::Clear),
            _ => false,
        };
        assert!(is_news, "{seen:?}");
        assert_eq!(seen.last(), Some(&payload));
    }
}

fn tick(kind: TickKind, price: i64, flags: TickFlags) -> Event {
    let (kind, flags) = (kind as u8, flags.bits());
    event(Payload::Tick(Tick {
        venue_ns: 0,
        price,
        qty: i64::from(price > 0) * 5,
        latency_ns: 0,
        instrument: 1,
        kind,
        flags,
    }))
}

/// The same through the driver: the book is stale until the feed has told it anew.
#[test]
fn a_book_that_lost_something_is_stale_until_it_is_told_anew() {
    let exchange = Exchange::new(3, Plan::calm(), START);
    let mut world = World::new(exchange, Trader::places(0), Settings::default());
    world.until_ready();
    let ask_last = TickFlags::ASK.with(TickFlags::LAST);
    let anew = [
        tick(TickKind::Clear, 0, TickFlags::NONE),
        tick(TickKind::Clear, 0, TickFlags::ASK),
        tick(TickKind::Level, 99, TickFlags::NONE),
        tick(TickKind::Level, 101, ask_last),
    ];
    let state = |world: &World| world.driver.exposure().book(InstrumentId(1)).unwrap().state();
    for _ in 0..2 {
        anew.iter().for_each(|event| assert_eq!(world.feed.push(event), Offered::Taken));
        world.run(SECOND);
        assert_eq!(state(&world), BookState::Live);
        // More than the ring holds, while the driver does not look.
        let told: Vec<Offered> =
            (0..1_100).map(|_| world.feed.push(&tick(TickKind::Level, 102, ask_last))).collect();
        assert!(told.contains(&Offered::Dropped));
        world.driver.turn(world.reading()).unwrap();
        while world.driver.has_input() {
            world.driver.turn(world.reading()).unwrap();
        }
        assert!(world.feed.tell_lost());
        world.run(SECOND);
        assert_eq!(state(&world), BookState::Stale(StaleReason::Gap));
    }
    assert!(world.driver.figures().feed_dropped > 0);
    assert_eq!(world.driver.phase(), Phase::Ready);
}
