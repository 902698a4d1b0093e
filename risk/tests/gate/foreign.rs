//! Open orders of others in the account count, at every level but that of a strategy.

use qt_risk::{ForeignOrder, Key, Level, Target};
use qt_types::{ControlKind, DenyReason, InstrumentId, Price, Qty, Side};

use crate::support::{BUY, SELL, UNIT, World, limit, specs, wide, wide_at};

fn foreign(slot: u8, side: Side, price: i64, lots: i64) -> ControlKind {
    let (price, open) = (Price::from_ticks(price), Qty::from_lots(lots));
    ForeignOrder { slot, instrument: InstrumentId(0), side, price, open }.control()
}

#[test]
fn they_take_of_each_limit_and_give_it_back() {
    for (key, hard) in [
        (Key::OpenOrders, 2),
        (Key::LineOrders, 2),
        (Key::Long, 12 * UNIT),
        (Key::Exposure, 1_200 * UNIT),
        (Key::Unexecuted, 1_200 * UNIT),
        (Key::PositionShareBps, 12),
    ] {
        let mut world = World::new(&wide(&[(key, hard)]));
        world.control(foreign(0, BUY, 100, 5));
        world.control(foreign(1, BUY, 100, 5));
        let order = limit(BUY, 3, 100);
        assert!(world.place(&order).is_err(), "{key:?}");
        // One of them is over.
        world.control(foreign(1, BUY, 100, 0));
        assert!(world.place(&order).is_ok(), "{key:?}");
    }
}

#[test]
fn what_is_told_later_of_a_place_is_what_counts() {
    let mut world = World::new(&wide(&[(Key::Short, 10 * UNIT)]));
    world.control(foreign(3, SELL, 100, 10));
    assert_eq!(world.place(&limit(SELL, 1, 100)), Err(DenyReason::MaxPosition));
    world.control(foreign(3, SELL, 100, 9));
    assert!(world.place(&limit(SELL, 1, 100)).is_ok());
    assert_eq!(world.gate.open_orders(Target::GLOBAL), 2);
    // One without a limit, and one of an instrument that nobody knows, do no harm.
    world.control(foreign(4, BUY, 0, 1));
    assert_eq!(world.gate.open_orders(Target::GLOBAL), 3);
    let nowhere = InstrumentId(9);
    let (price, open) = (Price::from_ticks(1), Qty::from_lots(1));
    let order = ForeignOrder { slot: 5, instrument: nowhere, side: BUY, price, open };
    world.control(order.control());
    for slot in 3..=5 {
        world.control(foreign(slot, BUY, 100, 0));
    }
    assert_eq!(world.gate.open_orders(Target::GLOBAL), 1);
}

#[test]
fn they_are_the_accounts_and_no_strategys() {
    let of = |level| {
        let profile = wide_at(level, &[(Key::OpenOrders, 1)]);
        let mut world = World::of(&profile, specs(2), |setup| {
            *setup = setup.clone().with_strategies(2);
        });
        world.control(foreign(0, BUY, 90, 1));
        world.place(&limit(BUY, 1, 90)).is_ok()
    };
    assert!(of(Level::Strategy));
    assert!(!of(Level::Account) && !of(Level::Tenant) && !of(Level::Global));
}
