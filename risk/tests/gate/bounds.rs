//! B01: of each control one order just inside and one just outside of its limit. Equal is inside.

use qt_engine::OrderRequest;
use qt_risk::{
    Control, ControlAction, ControlEvent, Identity, Key, KillState, Level, Person, Profile,
    ProfileName, Session, Target,
};
use qt_types::{
    DenyReason, Distance, InstrumentId, Nanos, OrderId, OrderKind, Price, TickFlags, TickKind,
};

use crate::support::*;

#[test]
fn c01_shape() {
    let mut world = World::new(&wide(&[]));
    let good = limit(BUY, 1, 100);
    assert_eq!(world.ask(&good), Ok(()));
    let kind = |kind| OrderRequest { kind, ..good };
    let at = Price::from_ticks;
    let bad = [
        limit(BUY, 0, 100),
        limit(BUY, -1, 100),
        limit(BUY, i64::MAX, 100),
        limit(BUY, 1, 0),
        limit(BUY, 1, -5),
        limit(BUY, 1, i64::MAX),
        OrderRequest { instrument: InstrumentId(2), ..good },
        kind(OrderKind::Stop { trigger: at(0) }),
        kind(OrderKind::StopLimit { trigger: at(1), limit: at(-1) }),
        kind(OrderKind::TrailingStop { distance: Distance::Ticks(0) }),
        kind(OrderKind::TrailingStop { distance: Distance::Bps(10_000) }),
        OrderRequest { replaces: OrderId::new(1, 77), ..good },
    ];
    for request in bad {
        fails(&mut world, &request, DenyReason::InvalidOrder, (Control::Shape, 0, 1));
    }
}

#[test]
fn c02_identity() {
    for (field, complete) in [(0, true), (1, false), (2, false), (3, false)] {
        let mut world = World::with(&wide(&[]), |setup| {
            let of = |at| if field == at { 0 } else { 9 };
            setup.strategies[0].identity =
                Identity { user: of(1), version: of(2), config_hash: of(3) };
        });
        if complete {
            assert_eq!(world.ask(&market(BUY, 1)), Ok(()));
        } else {
            let reason = DenyReason::IdentityMissing;
            fails(&mut world, &market(BUY, 1), reason, (Control::Identity, 0, 1));
        }
    }
}

#[test]
fn c03_kill_states() {
    let targets = [
        Target::new(Level::Strategy, 0),
        Target::new(Level::Account, 0),
        Target::new(Level::Tenant, 0),
        Target::new(Level::Venue, 0),
        Target::GLOBAL,
    ];
    for target in targets {
        let mut world = World::new(&wide(&[]));
        world.trade(0, BUY, 5, 100);
        let trip = |state| ControlEvent {
            number: 1,
            at_ns: Nanos::new(START),
            target,
            action: ControlAction::Trip { state },
            person: Person { id: 1, session: 1, tenant: None },
            reason: String::new(),
            ticket: String::new(),
        };
        assert!(world.gate.apply(&trip(KillState::ReduceOnly)));
        let reason = DenyReason::KillReduceOnly;
        fails(&mut world, &market(BUY, 1), reason, (Control::Kill, 0, 1));
        fails(&mut world, &market(SELL, 6), reason, (Control::Kill, 0, 1));
        assert_eq!(world.ask(&market(SELL, 5)), Ok(()), "it can only make the position smaller");
        world.gate.withdraw_pending();
        assert!(world.gate.apply(&trip(KillState::Halted)));
        assert!(world.gate.apply(&trip(KillState::ReduceOnly)), "a trip never loosens");
        fails(&mut world, &market(SELL, 5), DenyReason::KillHalted, (Control::Kill, 1, 2));
    }
}

#[test]
fn c04_session() {
    use Session::*;
    let mut world = World::new(&wide(&[]));
    let request = on_book(limit(BUY, 1, 100));
    for session in [Open, PreOpen, Auction, Closing] {
        world.gate.set_session(InstrumentId(1), session);
        assert_eq!(world.ask(&request), Ok(()));
    }
    for session in [WarmUp, Halted, Closed, Expired, Reconciling] {
        world.gate.set_session(InstrumentId(1), session);
        fails(&mut world, &request, DenyReason::SessionNotOpen, (Control::Session, 0, 1));
    }
    world.gate.set_session(InstrumentId(1), Open);
    world.tick(1, TickKind::Status, 0, 0, TickFlags::LAST);
    fails(&mut world, &request, DenyReason::SessionNotOpen, (Control::Session, 0, 1));
    world.tick(1, TickKind::Status, 0, 1, TickFlags::LAST);
    assert_eq!(world.ask(&request), Ok(()));
}

#[test]
fn c05_allow_lists_deny_by_default() {
    let mut world = World::new(&wide(&[]));
    for target in [Target::new(Level::Tenant, 0), Target::new(Level::Account, 0)] {
        world.gate.allow(target, InstrumentId(0), false);
        let reason = DenyReason::InstrumentNotAllowed;
        fails(&mut world, &market(BUY, 1), reason, (Control::Allowed, 0, 1));
        world.gate.allow(target, InstrumentId(0), true);
        assert_eq!(world.ask(&market(BUY, 1)), Ok(()));
    }
    let mut paper = World::new(&Profile::new(ProfileName::Paper));
    assert_eq!(paper.ask(&market(BUY, 1)), Err(DenyReason::InstrumentNotAllowed));
}

#[test]
fn c06_quantity() {
    let mut world = World::new(&wide(&[(Key::OrderQty, 10 * UNIT)]));
    assert_eq!(world.ask(&market(BUY, 10)), Ok(()));
    let outside = (Control::OrderQty, 10 * UNIT, 11 * UNIT);
    fails(&mut world, &market(BUY, 11), DenyReason::MaxOrderQty, outside);
    // A tenth of a day's 50 units.
    let day = [(Key::DayVolume, 50 * UNIT), (Key::OrderAdvBps, 1_000)];
    let mut world = World::new(&wide(&day));
    assert_eq!(world.ask(&market(BUY, 5)), Ok(()));
    let outside = (Control::OrderQty, 1_000, 1_200);
    fails(&mut world, &market(BUY, 6), DenyReason::MaxAdvShare, outside);
}

#[test]
fn c07_notional() {
    let mut world = World::new(&wide(&[(Key::OrderNotional, 1_000 * UNIT), (Key::CollarBps, 500)]));
    assert_eq!(world.ask(&limit(BUY, 10, 100)), Ok(()));
    let outside = (Control::OrderNotional, 1_000 * UNIT, 1_010 * UNIT);
    fails(&mut world, &limit(BUY, 10, 101), DenyReason::MaxOrderNotional, outside);
    // A market order counts at the collar's edge: 105.
    assert_eq!(world.ask(&market(BUY, 9)), Ok(()));
    let outside = (Control::OrderNotional, 1_000 * UNIT, 1_050 * UNIT);
    fails(&mut world, &market(BUY, 10), DenyReason::MaxOrderNotional, outside);
    // A sell limit far below the market counts at the market.
    fails(
        &mut world,
        &limit(SELL, 11, 96),
        DenyReason::MaxOrderNotional,
        (Control::OrderNotional, 1_000 * UNIT, 1_100 * UNIT),
    );
}

#[test]
fn c08_unit_sanity() {
    let mut world = World::new(&wide(&[(Key::UnitMultiple, 10)]));
    assert_eq!(world.ask(&limit(BUY, 1_000_000, 100)), Ok(()), "nothing is usual yet");
    for _ in 0..5 {
        assert_eq!(world.ask(&limit(BUY, 2, 100)), Ok(()));
    }
    assert_eq!(world.ask(&limit(BUY, 20, 100)), Ok(()));
    let outside = (Control::UnitSanity, 2_000 * UNIT, 2_100 * UNIT);
    fails(&mut world, &limit(BUY, 21, 100), DenyReason::UnitSuspect, outside);
}

#[test]
fn c09_collar() {
    let mut world = World::new(&wide(&[(Key::CollarBps, 500), (Key::AuctionCollarBps, 200)]));
    assert_eq!(world.ask(&limit(BUY, 1, 105)), Ok(()));
    assert_eq!(world.ask(&limit(SELL, 1, 95)), Ok(()));
    assert_eq!(world.ask(&limit(BUY, 1, 1)), Ok(()), "far on the winning side");
    let outside = (Control::Collar, 500, 600);
    fails(&mut world, &limit(BUY, 1, 106), DenyReason::PriceCollar, outside);
    fails(&mut world, &limit(SELL, 1, 94), DenyReason::PriceCollar, outside);
    world.gate.set_session(InstrumentId(0), Session::Auction);
    assert_eq!(world.ask(&limit(BUY, 1, 102)), Ok(()));
    fails(&mut world, &limit(BUY, 1, 103), DenyReason::PriceCollar, (Control::Collar, 200, 300));
}

#[test]
fn c09_drift() {
    let mut world = World::new(&wide(&[(Key::DriftBps, 1_000), (Key::DriftWindow, 1_000)]));
    world.now_ns += 999 * MILLI;
    world.price(0, 110);
    assert_eq!(world.ask(&market(BUY, 1)), Ok(()));
    world.price(0, 111);
    let outside = (Control::Collar, 1_000, 1_100);
    fails(&mut world, &market(BUY, 1), DenyReason::PriceDrift, outside);
    world.now_ns += MILLI;
    world.price(0, 111);
    assert_eq!(world.ask(&market(BUY, 1)), Ok(()), "another window begins at the new price");
}

#[test]
fn c10_age_of_the_reference() {
    let mut world = World::new(&wide(&[(Key::ReferenceAge, 1_000)]));
    let on_other = on_book(limit(BUY, 1, 100));
    world.now_ns += SECOND;
    world.price(0, 100);
    assert_eq!(world.ask(&on_other), Ok(()), "exactly as old as it may be");
    world.now_ns += 1;
    world.price(0, 100);
    let outside = (Control::Reference, 1_000, 1_001);
    fails(&mut world, &on_other, DenyReason::ReferenceStale, outside);
    world.quote(1, 99, 101);
    assert_eq!(world.ask(&on_other), Ok(()));
}

#[test]
fn c11_clock() {
    let mut world = World::new(&wide(&[(Key::ClockOffset, 500)]));
    world.trade(0, BUY, 5, 100);
    for sign in [1, -1] {
        world.gate.set_clock_offset(sign * 500 * MILLI);
        assert_eq!(world.ask(&market(BUY, 1)), Ok(()));
        world.gate.set_clock_offset(sign * (500 * MILLI + 1));
        let outside = (Control::Clock, 500, 501);
        fails(&mut world, &market(BUY, 1), DenyReason::ClockUnsynced, outside);
        assert_eq!(world.ask(&market(SELL, 1)), Ok(()), "reducing passes");
        world.gate.withdraw_pending();
    }
}

#[test]
fn c12_duplicates() {
    let mut world = World::new(&wide(&[(Key::Duplicates, 2), (Key::DuplicateWindow, 1_000)]));
    assert_eq!(world.ask(&limit(BUY, 1, 100)), Ok(()));
    assert_eq!(world.ask(&limit(BUY, 1, 100)), Ok(()));
    let outside = (Control::Duplicate, 2, 3);
    fails(&mut world, &limit(BUY, 1, 100), DenyReason::DuplicateOrder, outside);
    for other in [limit(BUY, 2, 100), limit(BUY, 1, 99), limit(SELL, 1, 100)] {
        assert_eq!(world.ask(&other), Ok(()));
    }
    world.wait(SECOND - 1);
    fails(&mut world, &limit(BUY, 1, 100), DenyReason::DuplicateOrder, outside);
    world.wait(1);
    assert_eq!(world.ask(&limit(BUY, 1, 100)), Ok(()));
}

#[test]
fn c13_self_trade() {
    let mut world = World::new(&wide(&[(Key::SelfTrade, 0)]));
    let resting = limit(SELL, 1, 105);
    let far = world.place(&limit(SELL, 1, 110)).unwrap();
    let near = world.place(&resting).unwrap();
    let outside = (Control::SelfTrade, 0, 1);
    assert_eq!(world.ask(&limit(BUY, 1, 104)), Ok(()));
    world.gate.withdraw_pending();
    fails(&mut world, &limit(BUY, 1, 105), DenyReason::SelfTrade, outside);
    fails(&mut world, &market(BUY, 1), DenyReason::SelfTrade, outside);
    world.end(near, &resting);
    assert_eq!(world.ask(&limit(BUY, 1, 109)), Ok(()), "the next best one counts now");
    world.gate.withdraw_pending();
    fails(&mut world, &limit(BUY, 1, 110), DenyReason::SelfTrade, outside);
    world.end(far, &limit(SELL, 1, 110));
    assert_eq!(world.ask(&market(BUY, 1)), Ok(()));
}
