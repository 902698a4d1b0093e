//! An account that is not empty when a run begins, and orders of others in it: neither is the
//! run's, and only what they do not explain is a break.

use qt_runtime::live::{Break, Opening, Phase, Settings};
use qt_types::{InstrumentId, Qty};

use crate::exchange::{Exchange, SECOND};
use crate::plan::Plan;
use crate::trader::Trader;
use crate::world::{START, World};

fn world(orders: usize, opening: Opening) -> World {
    let mut exchange = Exchange::new(3, Plan::calm(), START);
    exchange.positions = vec![500, 20];
    let settings = Settings { opening, accepts_foreign: true, ..Settings::default() };
    World::new(exchange, Trader::places(orders), settings)
}

fn notes(world: &World) -> usize {
    world.memory.notes.lock().unwrap().len()
}

/// What the account held is not the run's, over any number of restarts.
#[test]
fn what_was_there_before_is_not_the_runs() {
    let mut world = world(2, Opening::AsFound);
    world.until_ready();
    assert_eq!((world.position(), notes(&world)), (0, 1));
    world.run(SECOND);
    world.exchange.fill(0, 3);
    world.run(20 * SECOND);
    assert_eq!((world.position(), world.exchange.positions[0]), (3, 503));
    for _ in 0..3 {
        world.restart();
        world.until_ready();
        assert_eq!((world.position(), notes(&world)), (3, 1));
        let beside = world.driver.beside().unwrap();
        assert_eq!(beside.position(InstrumentId(0)), Qty::from_lots(500));
        assert_eq!(beside.position(InstrumentId(1)), Qty::from_lots(20));
    }
    assert_eq!(world.driver.figures().breaks, 0);
}

/// Without leave it is a break, as before.
#[test]
fn an_account_that_must_be_flat_and_is_not_does_not_begin() {
    let mut world = world(1, Opening::Flat);
    world.run_until(60 * SECOND, |world| world.driver.is_broken());
    assert!(!world.driver.has_begun());
    assert!(matches!(world.driver.breaks(), [Break::Position { .. }, Break::Position { .. }]));
}

/// What nobody traded, a deposit for one, is a break also where the account was not flat.
#[test]
fn a_position_that_nothing_explains_is_a_break() {
    let mut world = world(1, Opening::AsFound);
    world.until_ready();
    world.exchange.positions[1] += 1;
    world.run_until(60 * SECOND, |world| world.driver.is_broken());
    let specs = crate::world::specs();
    let text = world.driver.breaks()[0].text(&specs);
    assert!(text.contains("TWO is 21 at the venue"), "{text}");
    assert_eq!(world.driver.phase(), Phase::Comparing);
}

/// Orders of others are counted, and what they execute, no more than that.
#[test]
fn orders_of_others_explain_what_they_may_have_executed() {
    let mut world = world(1, Opening::AsFound);
    let at = world.exchange.place_by_hand(7);
    world.until_ready();
    assert_eq!(world.driver.figures().foreign_open, 1);
    assert_eq!(world.driver.beside().unwrap().orders().len(), 1);
    world.exchange.fill(at, 4);
    world.run(30 * SECOND);
    let figures = world.driver.figures();
    assert_eq!((figures.breaks, figures.foreign_moves, figures.foreign_open), (0, 1, 1));
    assert_eq!((world.position(), world.driver.phase()), (0, Phase::Ready));
    // The rest of it is executed while no process looks.
    world.exchange.fill(at, 3);
    world.restart();
    world.until_ready();
    let figures = world.driver.figures();
    assert_eq!((figures.breaks, figures.foreign_moves, figures.foreign_open), (0, 1, 0));
    // Nothing is left that could explain another one.
    world.exchange.positions[0] += 1;
    world.run_until(60 * SECOND, |world| world.driver.is_broken());
}

/// An order to buy does not explain a position that is smaller.
#[test]
fn orders_of_others_explain_nothing_of_the_other_side() {
    let mut world = world(1, Opening::AsFound);
    world.exchange.place_by_hand(7);
    world.until_ready();
    world.exchange.positions[0] -= 1;
    world.run_until(60 * SECOND, |world| world.driver.is_broken());
}
