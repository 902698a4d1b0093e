//! Drills after disasters (B05 to B10): each is the order flow that ruined somebody, and what
//! must be left of it.

use std::collections::BTreeMap;

use qt_engine::OrderRequest;
use qt_risk::{
    Build, Change, Key, KillState, Level, Limit, LimitSet, Profile, ProfileName, Session, Target,
    change, is_approved, may_go_live, toothless,
};
use qt_types::{DenyReason, InstrumentId, Qty};

use crate::support::*;

/// B05, Knight: children of a parent that nobody counts, on a node with another program.
#[test]
fn knight_children_stop_at_their_parent() {
    let approved = Build { program: [7; 32], settings: [7; 32] };
    let old = Build { program: [6; 32], ..approved };
    let mut nodes = vec![Some(approved); 7];
    assert!(may_go_live(&approved, &nodes));
    nodes.push(Some(old));
    assert!(!may_go_live(&approved, &nodes));
    let mut world = World::with(&wide(&[]), |setup| {
        setup.is_build_approved = may_go_live(&approved, &nodes);
    });
    assert_eq!(world.ask(&market(BUY, 1)), Err(DenyReason::BuildNotApproved));

    let mut world = World::new(&wide(&[]));
    let parent = world.gate.add_parent(0, Qty::from_lots(1_000)).unwrap();
    world.gate.ask_for(0, Some(parent));
    let mut sent = 0;
    for _ in 0..4_000 {
        let child = limit(BUY, 100, 100);
        if let Ok(id) = world.place(&child) {
            world.fill(id, &child, 100, 100, 0);
            sent += 100;
        }
    }
    assert_eq!(sent, 1_000, "exactly the parent, and not one child more");
    let target = Target::new(Level::Strategy, 0);
    assert_eq!(world.gate.kill().state(target), KillState::Halted, "after the first excess");
    assert_eq!(world.gate.take_trips().len(), 1);
    // Another strategy has no part in the parent.
    let mut world = World::with(&wide(&[]), |setup| {
        let first = setup.strategies[0];
        setup.strategies.push(first);
    });
    let parent = world.gate.add_parent(0, Qty::from_lots(10)).unwrap();
    world.gate.ask_for(1, Some(parent));
    assert_eq!(world.ask(&market(BUY, 1)), Err(DenyReason::ParentQty));
    world.gate.ask_for(0, Some(parent));
    world.gate.end_parent(parent);
    assert_eq!(world.ask(&market(BUY, 1)), Err(DenyReason::ParentQty), "it is over");
}

/// B06, Citi: 58,000,000 in the field for the quantity, in a basket of 349 legs.
#[test]
fn citi_no_leg_of_the_basket_leaves() {
    let limits = [(Key::OrderNotional, 20_000_000 * UNIT), (Key::Exposure, 100_000_000 * UNIT)];
    let mut world = World::new(&wide(&limits));
    let leg = |lots| limit(BUY, lots, 100);
    let mut basket = vec![leg(100); 349];
    assert_eq!(world.basket(&basket), Ok(()));
    assert_eq!(world.gate.open_orders(Target::GLOBAL), 349);
    world.gate.withdraw_pending();
    basket[348] = leg(58_000_000);
    assert_eq!(world.basket(&basket), Err((348, DenyReason::MaxOrderNotional)));
    assert_eq!(world.gate.open_orders(Target::GLOBAL), 0, "none of them, not all but one");
    assert_eq!(world.gate.unexecuted(Target::GLOBAL), qt_types::Cash::ZERO);
    assert_eq!(world.gate.exposure(Target::GLOBAL), qt_types::Cash::ZERO);
    // Each leg small enough, all of them together not.
    let basket = vec![leg(10_000); 349];
    assert_eq!(world.basket(&basket), Err((100, DenyReason::MaxExposure)));
    assert_eq!(world.gate.open_orders(Target::GLOBAL), 0);
    // No way around it for one person: loosening takes two.
    let mut wider = LimitSet::default();
    wider.set(Key::OrderNotional, Limit::hard(1));
    let before = wider.clone();
    wider.set(Key::OrderNotional, Limit::hard(2));
    let loosens = change(qt_risk::Holder::Instrument, &before, &wider);
    assert_eq!(loosens, Change::Loosens);
    assert!(!is_approved(loosens, &[5]) && !is_approved(loosens, &[5, 5]));
    assert!(!is_approved(loosens, &[5, 0]) && is_approved(loosens, &[5, 6]));
    let tightens = change(qt_risk::Holder::Instrument, &wider, &before);
    assert_eq!(tightens, Change::Tightens);
    assert!(is_approved(tightens, &[5]) && !is_approved(tightens, &[]));
}

/// B07, Goldman: orders at 1 before the open, where the band was wider. Here it never is.
#[test]
fn goldman_the_collar_is_as_tight_in_every_phase() {
    for auction_bps in [200, 500, 100_000] {
        let limits = [(Key::CollarBps, 500), (Key::AuctionCollarBps, auction_bps)];
        let mut world = World::new(&wide(&limits));
        let phases = [Session::PreOpen, Session::Auction, Session::Open, Session::Closing];
        for phase in phases {
            world.gate.set_session(InstrumentId(0), phase);
            assert_eq!(world.ask(&limit(SELL, 1, 1)), Err(DenyReason::PriceCollar), "{phase:?}");
            assert_eq!(world.ask(&limit(BUY, 1, 106)), Err(DenyReason::PriceCollar), "{phase:?}");
            let edge = if phase == Session::Open { 105 } else { 100 + auction_bps.min(500) / 100 };
            assert_eq!(world.ask(&limit(BUY, 1, edge as i64)), Ok(()), "{phase:?}");
        }
    }
}

/// B08, Everbright: 26,082 orders in two minutes.
#[test]
fn everbright_the_flood_is_cut() {
    let limits = [
        (Key::OrdersPerSecond, 10),
        (Key::OrdersBurst, 20),
        (Key::Unexecuted, 50_000 * UNIT),
        (Key::Entries, 400),
        (Key::EntriesWindow, 60_000),
    ];
    let mut world = World::new(&wide(&limits));
    let (mut sent, mut codes) = (Vec::new(), BTreeMap::new());
    for nth in 0..26_082_i64 {
        world.now_ns = START + nth * 120 * SECOND / 26_082;
        world.price(0, 100);
        let request = limit(BUY, 10, 100);
        match world.place(&request) {
            Ok(id) => sent.push((id, request)),
            Err(reason) => *codes.entry(reason.text()).or_insert(0) += 1,
        }
        let unexecuted = world.gate.unexecuted(Target::GLOBAL).nano();
        assert!(unexecuted <= 50_000 * UNIT, "never above the limit");
        // The book takes some of them.
        if sent.len() > 40 {
            let (id, request) = sent.remove(0);
            world.end(id, &request);
        }
    }
    assert!(codes["RATE_ORDERS"] > 5_000, "{codes:?}");
    assert_eq!(codes["STRATEGY_DISABLED"], 1, "and then it is out: {codes:?}");
    assert!(codes["KILL_HALTED"] > 5_000, "{codes:?}");
    // Whatever is still open can be ended: no control looks at a cancel, only at its report.
    for (id, request) in sent {
        world.end(id, &request);
    }
    assert_eq!(world.gate.open_orders(Target::GLOBAL), 0);
}

/// B09, Merrill: 5,000,000 shares as the largest order in a share of which 79,000 trade a day.
#[test]
fn merrill_limits_that_can_never_fire_are_found() {
    let specs = specs(4);
    let mut profile = Profile::new(ProfileName::Paper);
    let set = |profile: &mut Profile, symbol: &str, qty: i128| {
        let limits = profile.instrument_mut(symbol);
        limits.set(Key::OrderQty, Limit::hard(qty * UNIT));
        limits.set(Key::DayVolume, Limit::hard(1 << 90));
    };
    set(&mut profile, "I0", 5_000_000);
    set(&mut profile, "I1", 7_900);
    set(&mut profile, "I2", 7_901);
    set(&mut profile, "I3", 1);
    let volumes: BTreeMap<String, i128> =
        ["I0", "I1", "I2"].map(|symbol| (symbol.to_owned(), 79_000 * UNIT)).into();
    let found = toothless(&profile, &specs, &volumes, 1_000);
    let names: Vec<&str> = found.iter().map(|found| found.symbol.as_str()).collect();
    assert_eq!(names, ["I0", "I2", "I3"], "too large, too large by one, and of unknown volume");
    assert_eq!(found[0].order_e9, 5_000_000 * UNIT);
    assert_eq!(found[2].volume_e9, None);
}

/// B10: many orders race for the last unit of exposure. The gate sees them one after another, in
/// every order of arrival.
#[test]
fn approved_orders_together_never_pass_the_limit() {
    let limits = [(Key::Exposure, 10_000 * UNIT), (Key::Long, 80 * UNIT), (Key::Short, 80 * UNIT)];
    let mut state = 88_172_645_463_325_252_u64;
    let mut random = move |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below) as i64
    };
    for _ in 0..200 {
        let mut world = World::new(&wide(&limits));
        let mut open: Vec<(qt_types::OrderId, OrderRequest, i64)> = Vec::new();
        for _ in 0..300 {
            let side = if random(2) == 0 { BUY } else { SELL };
            let request = limit(side, 1 + random(30), 100);
            if let Ok(id) = world.place(&request) {
                open.push((id, request, request.qty.lots()));
            }
            if random(3) == 0 && !open.is_empty() {
                let at = random(open.len() as u64) as usize;
                let (id, request, leaves) = open[at];
                let lots = 1 + random(leaves as u64);
                world.fill(id, &request, lots, 100, leaves - lots);
                open[at].2 -= lots;
                if open[at].2 == 0 {
                    open.swap_remove(at);
                }
            }
            let exposure = world.gate.exposure(Target::GLOBAL).nano();
            assert!(exposure <= 10_000 * UNIT);
            let held = world.gate.position(Target::GLOBAL, InstrumentId(0)).lots();
            let side = |side| {
                let of = open.iter().filter(|(_, request, _)| request.side == side);
                of.map(|(.., leaves)| leaves).sum::<i64>()
            };
            assert!(held + side(BUY) <= 80 && held - side(SELL) >= -80, "whatever is filled");
        }
        assert!(!open.is_empty());
    }
}
