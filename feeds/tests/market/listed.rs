//! What the venue lists changes while the feed goes on.

use qt_feeds::market::{Status, Want};
use qt_types::Nanos;

use crate::simulated::{Faults, SECOND, World};

const MINUTE: i64 = 60 * SECOND;

fn world() -> World {
    let mut world = World::new(5, 2, Want::default(), Faults::default(), |_| ());
    world.run(MINUTE);
    world
}

/// The status of the first instrument, and whether its feed was stopped.
fn first(world: &mut World) -> (Status, bool) {
    let figures = world.machine.figures(Nanos::new(world.now));
    assert!(figures.instruments[1].is_in_step, "the other one goes on: {figures:?}");
    (figures.instruments[0].status, figures.instruments[0].is_stopped.is_some())
}

/// A halt that was seen is over as soon as the venue says so, and not at the next usual look.
#[test]
fn trading_that_goes_on_is_seen_soon() {
    let mut world = world();
    world.listed[0].status = Some("HALT");
    world.run(11 * MINUTE);
    assert_eq!(first(&mut world), (Status::Halted, false));
    world.listed[0].status = Some("TRADING");
    world.run(MINUTE);
    assert_eq!(first(&mut world), (Status::Trading, false));
}

/// An instrument that the venue does not know any more is silent: that is not a quiet market.
#[test]
fn what_is_listed_no_more_is_stopped() {
    let mut world = world();
    world.listed[0].status = None;
    world.run(3 * MINUTE);
    assert_eq!(first(&mut world), (Status::Gone, true));
}
