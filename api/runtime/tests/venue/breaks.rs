//! Breaks while the strategy trades, after an outage, and with a venue that says too little or too
//! much.

use qt_runtime::live::{Break, OnLoss, Phase, Settings};
use qt_types::{ControlKind, KillState, Payload, Target};

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

/// How often the machine has halted the venue.
fn halts(world: &World) -> usize {
    let target = Target::new(qt_types::Level::Venue, 0);
    let halt = ControlKind::Trip { target, state: KillState::Halted };
    let is_halt = |event: &qt_types::Event| match event.payload {
        Payload::Control(control) => control.kind == halt,
        _ => false,
    };
    world.memory.events().iter().filter(|event| is_halt(event)).count()
}

/// A position that is off by the same amount all the time is a break, however it moves: our own
/// fills come in between every two comparisons.
#[test]
fn a_break_is_noticed_while_fills_move_the_position() {
    let settings = Settings { compare_ns: 2 * SECOND, ..Settings::default() };
    let mut world = world(2, settings);
    world.run(SECOND);
    world.exchange.positions[0] += 1;
    let until_ns = world.now_ns + 8 * SECOND;
    while world.driver.figures().breaks == 0 {
        assert!(world.now_ns < until_ns, "{:?}", world.driver.breaks());
        let mut open = world.exchange.orders.iter();
        let open = open.rposition(|it| it.state == qt_engine::VenueState::Open);
        open.into_iter().for_each(|at| world.exchange.fill(at, 1));
        world.run(100 * MILLI);
    }
    assert_eq!((world.driver.phase(), halts(&world)), (Phase::Comparing, 1));
    let is_it = |it: &Break| matches!(it, Break::Position { .. });
    assert!(world.driver.breaks().iter().any(is_it), "{:?}", world.driver.breaks());
}

/// What is wrong in another way each time is a break as well before long.
#[test]
fn what_differs_every_time_is_a_break_in_the_end() {
    let mut world = world(2, Settings::default());
    world.run(SECOND);
    let until_ns = world.now_ns + 30 * SECOND;
    while world.driver.figures().breaks == 0 {
        assert!(world.now_ns < until_ns, "{:?}", world.driver.breaks());
        world.exchange.positions[0] += 1;
        world.run(100 * MILLI);
    }
    assert_eq!((world.driver.phase(), halts(&world)), (Phase::Comparing, 1));
}

/// The cancels that a break makes are repeated until the venue answers, although nothing else
/// leaves until somebody has explained it.
#[test]
fn a_cancel_that_a_break_made_is_repeated() {
    let mut world = world(3, Settings { compare_ns: SECOND, ..Settings::default() });
    world.run(SECOND);
    world.exchange.positions[0] += 1;
    world.exchange.lose_cancels = 2;
    world.run_until(5 * SECOND, |world| world.driver.figures().breaks == 1);
    world.run(5 * SECOND);
    assert_eq!((world.driver.phase(), world.exchange.lose_cancels), (Phase::Comparing, 0));
    assert!(world.exchange.open().is_empty(), "{:?}", world.exchange.orders);
    assert!(world.driver.figures().cancels_repeated >= 2);
}

/// Somebody else traded during an outage in which our orders stay: the venue is halted once both
/// sides were compared, and armed again when it is explained.
#[test]
fn a_break_after_an_outage_halts_the_venue() {
    let mut world = world(2, Settings { on_loss: OnLoss::Keep, ..Settings::default() });
    world.run(SECOND);
    world.exchange.cut(2 * SECOND, true);
    world.run(SECOND);
    world.exchange.positions[0] += 3;
    world.run_until(20 * SECOND, |world| world.driver.figures().breaks == 1);
    world.run(SECOND);
    assert_eq!((world.driver.phase(), halts(&world)), (Phase::Comparing, 1));
    assert!(world.exchange.open().is_empty(), "what could open a position is cancelled");
    world.exchange.positions[0] -= 3;
    world.until_ready();
    world.run(SECOND);
    assert_eq!(world.open().len(), 2, "it goes on");
    world.assert_same("explained");
}

/// A venue that refuses every question is not asked again and again: the pauses grow, and end as
/// soon as it answers.
#[test]
fn refused_questions_are_asked_again_after_pauses() {
    let settings = Settings { compare_ns: SECOND, ..Settings::default() };
    let mut world = world(1, settings);
    world.run(SECOND / 2);
    world.exchange.plan.fail_answer = 1_000;
    let before = world.driver.figures();
    world.run(60 * SECOND);
    let repeated = world.driver.figures().questions_repeated - before.questions_repeated;
    assert!((5..40).contains(&repeated), "{repeated} in a minute");
    world.exchange.plan.fail_answer = 0;
    let comparisons = world.driver.figures().comparisons;
    world.run_until(2 * settings.retry_max_ns, |world| {
        world.driver.figures().comparisons > comparisons
    });
    world.run(SECOND);
    world.assert_same("answered");
}

/// A venue that tells more than we take is not asked for ever: it is a break.
#[test]
fn a_venue_that_tells_too_much_is_a_break() {
    let mut world = world(1, Settings { accepts_foreign: true, ..Settings::default() });
    world.run(SECOND / 2);
    for _ in 0..(1 << 16) + 1 {
        world.exchange.place_by_hand(1);
    }
    world.run_until(60 * SECOND, |world| world.driver.is_broken());
    assert_eq!((world.driver.phase(), halts(&world)), (Phase::Comparing, 1));
}
