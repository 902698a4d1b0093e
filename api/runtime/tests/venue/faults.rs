//! One fault at a time, and what is done about it.

use qt_runtime::live::{OnLoss, Phase, Settings, Stand};
use qt_types::{
    Control, ControlKind, KillState, Level, Nanos, Payload, RejectReason, ReportKind, Target,
};

use crate::exchange::{Exchange, MILLI, SECOND};
use crate::plan::Plan;
use crate::trader::Trader;
use crate::world::{START, World};

/// A world in step, with a strategy that places `orders` orders and leaves them.
fn world(orders: usize, settings: Settings) -> World {
    let exchange = Exchange::new(1, Plan::calm(), START);
    let mut world = World::new(exchange, Trader::places(orders), settings);
    world.until_ready();
    world
}

fn keep() -> Settings {
    Settings { on_loss: OnLoss::Keep, ..Settings::default() }
}

fn stands(world: &World) -> Vec<Stand> {
    let mut lines: Vec<_> = world.driver.blotter().open().copied().collect();
    lines.sort_by_key(|line| line.order);
    lines.iter().map(|line| line.stand).collect()
}

/// Of the events that were kept, those of reports.
fn reports(world: &World) -> Vec<(ReportKind, RejectReason)> {
    let events = world.memory.events().into_iter();
    events
        .filter_map(|event| match event.payload {
            Payload::Report(report) => Some((report.kind, report.reason)),
            _ => None,
        })
        .collect()
}

/// The acknowledgement is lost: the order is unknown, bears its whole exposure, is not sent again,
/// and is found by asking.
#[test]
fn a_lost_answer_makes_the_order_unknown_until_it_is_found() {
    let mut world = world(1, Settings::default());
    world.exchange.plan.lose_report = 1_000;
    world.run_until(3 * SECOND, |world| world.driver.figures().unknown_now == 1);
    assert_eq!(stands(&world), [Stand::Unknown]);
    let order = *world.driver.exposure().orders.iter().next().unwrap();
    assert_eq!((order.leaves().lots(), order.status()), (10, qt_engine::OrderStatus::Unknown));
    let took_ns = world.run_until(SECOND, |world| world.driver.figures().unknown_now == 0);
    assert!(took_ns < 100 * MILLI, "{took_ns}");
    assert_eq!(stands(&world), [Stand::Live]);
    world.assert_same("found");
    assert_eq!(world.driver.phase(), Phase::Ready, "a single answer stops nobody");
    assert_eq!(world.exchange.arrived.len(), 1);
}

/// The order itself is lost: nobody says that it failed before the venue can prove it.
#[test]
fn an_order_that_never_arrived_is_over_once_that_is_proven() {
    let settings = Settings::default();
    let mut world = world(1, settings);
    world.exchange.plan.lose_request = 1_000;
    world.run_until(SECOND, |world| world.driver.figures().sent == 1);
    let sent_ns = world.now_ns;
    world.exchange.plan.lose_request = 0;
    world.run_until(2 * SECOND, |world| world.driver.figures().unknown_now == 1);
    world.run_until(20 * SECOND, |world| {
        reports(world).contains(&(ReportKind::Rejected, RejectReason::LinkLost))
    });
    assert!(world.now_ns - sent_ns >= settings.absence_ns, "not before it is proven");
    // The strategy has placed another one instead, under an id of its own.
    world.run(SECOND);
    world.assert_same("proven");
    assert_eq!((world.exchange.orders.len(), world.exchange.arrived.len()), (1, 1));
}

/// Reports that come twice and in any order lead to the same position.
#[test]
fn doubled_and_reordered_reports_are_booked_once() {
    let mut world = world(4, Settings::default());
    world.run(SECOND);
    let plan = Plan { double_report: 1_000, late: 700, late_ns: SECOND / 2, ..Plan::calm() };
    world.exchange.replan(plan);
    for (at, lots) in [(0, 3), (1, 10), (0, 2), (2, 4), (0, 5), (2, 6), (3, 1)] {
        world.exchange.fill(at, lots);
        world.run(20 * MILLI);
    }
    world.exchange.replan(Plan::calm());
    world.run(10 * SECOND);
    assert_eq!(world.position(), world.exchange.positions[0]);
    assert_eq!(world.exchange.positions[0], 31);
    world.assert_same("doubled");
}

/// A fill that crosses its cancel on the way is in the position, on either side of it.
#[test]
fn a_fill_that_crosses_a_cancel_counts() {
    let mut world = world(2, Settings::default());
    world.run(SECOND);
    world.driver.begin_stop().unwrap();
    // Both cancels are under way when one order is filled and a part of the other one.
    world.exchange.fill(0, 10);
    world.exchange.fill(1, 4);
    world.run(SECOND);
    assert_eq!(world.position(), 14);
    assert_eq!(world.exchange.cancels, 1);
    assert!(world.driver.is_settled() && world.open().is_empty());
    world.assert_same("crossed");
}

/// B14: the link goes; at once nothing new is approved, all that could open a position is
/// cancelled, and the cancels are the first to leave when there is a link again.
#[test]
fn a_lost_link_cancels_at_once() {
    let mut world = world(3, Settings::default());
    world.run(SECOND);
    assert_eq!(stands(&world), [Stand::Live; 3]);
    let cut_ns = world.now_ns;
    world.exchange.cut(10 * SECOND, true);
    world.run_until(SECOND, |world| world.driver.figures().trips == 1);
    assert!(world.now_ns - cut_ns < SECOND, "{}", world.now_ns - cut_ns);
    let asked = world.driver.blotter().open().filter(|line| line.cancel.is_some()).count();
    assert_eq!(asked, 3);
    world.run(9 * SECOND);
    assert_eq!((world.exchange.cancels, world.exchange.open().len()), (0, 3));
    world.exchange.left.clear();
    world.until_ready();
    assert!(world.now_ns - cut_ns < 60 * SECOND);
    assert_eq!(world.exchange.left[..4], ["cancel", "cancel", "cancel", "ask"]);
    assert_eq!(world.exchange.cancels, 3);
    assert!(world.driver.figures().cancels_repeated >= 3);
    // It is armed again, and the strategy goes on.
    world.run(2 * SECOND);
    assert_eq!(world.open().len(), 3);
    world.assert_same("armed");
}

/// B14: a link that is silent without having been closed is noticed within two signs of life.
#[test]
fn a_silent_link_is_noticed() {
    let settings = Settings::default();
    let mut world = world(3, settings);
    world.run(SECOND);
    let cut_ns = world.now_ns;
    world.exchange.cut(SECOND, false);
    world.run_until(3 * SECOND, |world| world.driver.figures().silences == 1);
    assert!(world.now_ns - cut_ns <= settings.silence_ns, "{}", world.now_ns - cut_ns);
    assert_eq!(world.driver.figures().trips, 1);
    world.until_ready();
    world.run(SECOND);
    world.assert_same("heard again");
}

/// While the link is down the strategy is told of each order that it did not leave, and none leaves
/// later.
#[test]
fn orders_that_cannot_leave_are_refused_and_never_sent() {
    // A person lets everything pass the gate, so that only the driver is in the way.
    let target = Target::new(Level::Venue, 0);
    let arm = Control { kind: ControlKind::Arm { target }, person: 1 };
    let mut world = World::new(Exchange::new(1, Plan::calm(), START), Trader::places(1), keep());
    world.until_ready();
    world.exchange.cut(3 * SECOND, true);
    world.memory.decisions.lock().unwrap().push_back(arm);
    world.run_until(4 * SECOND, |world| world.driver.phase() != Phase::Ready);
    world.memory.decisions.lock().unwrap().push_back(arm);
    world.run(SECOND);
    let held = world.driver.figures().held_back;
    assert!(held > 5, "{held}: it tries with every trade");
    assert!(reports(&world).contains(&(ReportKind::Rejected, RejectReason::LinkLost)));
    world.until_ready();
    world.run(SECOND);
    world.assert_same("held back");
    assert_eq!(world.open().len(), 1);
}

/// B22: half an hour without a link, six orders at the venue, of which some are filled meanwhile.
/// None is declared dead, and all are known when it heals.
#[test]
fn an_outage_of_half_an_hour_leaves_all_orders_known() {
    let mut world = world(6, keep());
    world.run(SECOND);
    assert_eq!(world.exchange.open().len(), 6);
    world.print_every_ns = SECOND;
    world.exchange.cut(1_800 * SECOND, true);
    world.run(900 * SECOND);
    let dead = |(kind, _): &(ReportKind, RejectReason)| {
        matches!(kind, ReportKind::Rejected | ReportKind::Cancelled | ReportKind::Expired)
    };
    assert_eq!(stands(&world), [Stand::Live; 6]);
    assert!(!reports(&world).iter().any(dead), "{:?}", reports(&world));
    world.exchange.fill(1, 10);
    world.exchange.fill(4, 6);
    world.run(900 * SECOND);
    assert_eq!((world.open().len(), world.position()), (6, 0));
    world.until_ready();
    assert_eq!((world.open().len(), world.position()), (5, 16));
    assert!(!reports(&world).iter().any(dead), "{:?}", reports(&world));
    world.assert_same("healed");
    assert!(world.driver.figures().links_lost == 1);
}

/// An execution that the venue takes back, with the report of it lost.
#[test]
fn an_execution_taken_back_unheard_is_found() {
    let mut world = world(2, keep());
    world.run(SECOND);
    world.exchange.fill(0, 10);
    world.exchange.fill(1, 3);
    world.run(SECOND);
    assert_eq!(world.position(), 13);
    world.exchange.plan.lose_report = 1_000;
    world.exchange.bust(1);
    world.exchange.bust(0);
    world.exchange.plan.lose_report = 0;
    world.run(6 * SECOND);
    assert_eq!((world.position(), world.exchange.positions[0]), (0, 0));
    world.assert_same("taken back");
}

/// B24: a position that is not the sum of our fills is noticed within five seconds, and nothing
/// that makes it larger is sent from then on.
#[test]
fn a_break_is_noticed_and_stops_trading() {
    let settings = Settings { compare_ns: 2 * SECOND, ..Settings::default() };
    let mut world = world(2, settings);
    world.run(SECOND);
    world.exchange.positions[0] += 1;
    world.run_until(5 * SECOND, |world| world.driver.figures().breaks == 1);
    assert_eq!(world.driver.phase(), Phase::Comparing);
    let texts: Vec<_> =
        world.driver.breaks().iter().map(|it| it.text(&crate::world::specs())).collect();
    assert_eq!(texts.len(), 1);
    assert!(texts[0].starts_with("the position in ONE is 1 at the venue"), "{}", texts[0]);
    world.run(5 * SECOND);
    assert!(world.exchange.open().is_empty(), "what could open a position is cancelled");
    let sent = world.driver.figures().sent;
    world.run(5 * SECOND);
    assert_eq!(world.driver.figures().sent, sent);
    // Explained, it goes on.
    world.exchange.positions[0] -= 1;
    world.until_ready();
    world.run(SECOND);
    world.assert_same("explained");
}

/// B39: whatever happens to the clock, time goes on, and the guard trips within a second.
#[test]
fn a_clock_that_is_set_stops_new_risk_and_not_time() {
    let hour = 3_600 * SECOND;
    for wall_ns in [hour, -hour, -5 * SECOND, 600 * MILLI, 0] {
        let mut world = world(2, Settings::default());
        world.run(SECOND);
        world.wall_ns = wall_ns;
        if wall_ns == 0 {
            world.exchange.plan.clock_ns = 600 * MILLI;
        }
        let is_tripped = |world: &World| world.driver.figures().clock_faults == 1;
        let took_ns = world.run_until(2 * SECOND, is_tripped);
        assert!(took_ns <= SECOND + 10 * MILLI, "{wall_ns}: {took_ns}");
        world.run(SECOND);
        let events = world.memory.events();
        assert!(events.is_sorted_by_key(|event| event.recv_ns), "{wall_ns}");
        let reduce = ControlKind::Trip { target: Target::GLOBAL, state: KillState::ReduceOnly };
        let by_machine = Payload::Control(Control { kind: reduce, person: 0 });
        let is_trip = |event: &qt_types::Event| event.payload == by_machine;
        assert_eq!(events.iter().filter(|event| is_trip(event)).count(), 1, "{wall_ns}");
    }
}

/// A clock that stands still is as wrong as one that is set.
#[test]
fn a_frozen_clock_is_noticed() {
    let mut world = world(1, Settings::default());
    world.run(SECOND);
    let from_ns = world.now_ns;
    while world.driver.figures().clock_faults == 0 {
        world.wall_ns = from_ns - world.now_ns;
        world.step(from_ns + 2 * SECOND).unwrap();
        assert!(world.now_ns < from_ns + SECOND);
    }
}

/// The gateway's thread hangs for longer than it takes to prove that an order was never there: it
/// does not send what was handed over so long ago.
#[test]
fn an_order_that_the_gateway_comes_to_late_is_not_sent() {
    let mut world = world(0, Settings { silence_ns: 60 * SECOND, ..keep() });
    world.rig.trader = Trader::places(1);
    world.restart();
    world.until_ready();
    world.exchange.plan.slow_command_ns = 300 * MILLI;
    world.print();
    world.driver.turn(world.reading()).unwrap();
    assert_eq!(world.driver.figures().sent, 1);
    for _ in 0..700 {
        world.now_ns += 10 * MILLI;
        world.driver.turn(world.reading()).unwrap();
    }
    world.run(20 * SECOND);
    world.assert_same("late");
    assert_eq!((world.driver.figures().breaks, world.exchange.orders.len()), (0, 1));
    let refused = (ReportKind::Rejected, RejectReason::LinkLost);
    assert!(reports(&world).contains(&refused));
}

/// A thread of ours that hangs is no wrong clock.
#[test]
fn a_driver_that_hangs_takes_no_clock_to_be_wrong() {
    let mut world = world(1, Settings::default());
    world.run(SECOND);
    while !world.driver.has_input() {
        world.now_ns += MILLI;
        world.end.turn(&mut world.exchange, Nanos::new(world.now_ns));
    }
    world.now_ns += 700 * MILLI;
    world.driver.turn(world.reading()).unwrap();
    assert_eq!(world.driver.figures().clock_faults, 0);
}

/// After a restart with a wall clock that is behind the journal, time goes on from there.
#[test]
fn time_goes_on_after_a_restart_with_a_clock_that_is_behind() {
    let mut world = world(1, Settings::default());
    world.run(SECOND);
    world.wall_ns = -3_600 * SECOND;
    world.restart();
    let took_ns = world.until_ready();
    assert!(took_ns < 2 * SECOND);
    let (from_ns, began_ns) = (world.driver.time_ns().get(), world.now_ns);
    world.run(10 * SECOND);
    assert_eq!(world.driver.time_ns().get() - from_ns, world.now_ns - began_ns);
    assert_eq!(world.driver.figures().links_lost, 0);
}

/// An answer that was on its way for long says nothing of a change that arrived meanwhile.
#[test]
fn a_change_is_not_refused_by_an_old_answer() {
    let settings = Settings { question_ns: 60 * SECOND, ..keep() };
    let exchange = Exchange::new(1, Plan::calm(), START);
    let mut world = World::new(exchange, Trader::changes(), settings);
    world.print_every_ns = SECOND;
    world.until_ready();
    world.run(10 * MILLI);
    world.driver.turn(world.reading()).unwrap();
    world.run_until(SECOND / 2, |world| world.exchange.orders.len() == 1);
    // The change takes four seconds to get there, and nobody hears that it did; the answers take
    // six seconds from before that.
    world.exchange.plan.slow_command_ns = 4 * SECOND;
    world.exchange.plan.lose_report = 1_000;
    world.exchange.plan.late = 1_000;
    world.exchange.plan.late_ns = 6 * SECOND;
    world.run_until(2 * SECOND, |world| world.driver.figures().sent == 2);
    world.run(9 * SECOND);
    assert_eq!(world.exchange.orders[0].qty, 20);
    world.exchange.replan(Plan::calm());
    world.run(20 * SECOND);
    let refused = (ReportKind::RequestRejected, RejectReason::InvalidReplace);
    assert!(!reports(&world).contains(&refused), "{:?}", reports(&world));
    world.assert_same("changed");
}
