//! B03: numbers that no order has. B04: a reference price that is missing, old or crossed.

use proptest::prelude::*;
use qt_engine::{Deal, OrderRequest, Settlement};
use qt_risk::{Key, Profile, ProfileName, Target};
use qt_types::{
    Cash, DenyReason, Distance, InstrumentId, OrderId, OrderKind, Price, Qty, TickFlags, TickKind,
};

use crate::support::*;

const EDGES: [i64; 12] = [
    i64::MIN,
    i64::MIN + 1,
    -(1 << 40),
    -1,
    0,
    1,
    1 << 40,
    1 << 60,
    (1 << 61) + 1,
    1 << 62,
    i64::MAX - 1,
    i64::MAX,
];

fn kinds(price: i64, other: i64) -> Vec<OrderKind> {
    let (one, two) = (Price::from_ticks(price), Price::from_ticks(other));
    vec![
        OrderKind::Market,
        OrderKind::Limit { price: one },
        OrderKind::Stop { trigger: one },
        OrderKind::StopLimit { trigger: one, limit: two },
        OrderKind::LimitIfTouched { trigger: one, limit: two },
        OrderKind::TakeProfit { trigger: one },
        OrderKind::TrailingStop { distance: Distance::Ticks(price) },
        OrderKind::TrailingStop { distance: Distance::Bps(price as u32) },
    ]
}

/// Every edge in every field: no panic, and what is not positive is never approved.
#[test]
fn edges_of_every_field() {
    let (mut asked, mut approved) = (0, 0);
    let mut world = World::new(&wide(&[]));
    for lots in EDGES {
        for price in EDGES {
            for other in EDGES {
                for kind in kinds(price, other) {
                    for (side, reduce_only) in [(BUY, false), (SELL, false), (SELL, true)] {
                        let qty = Qty::from_lots(lots);
                        let request = OrderRequest { kind, qty, reduce_only, ..market(side, 1) };
                        let result = world.ask(&request);
                        let _ = world.explain(&request);
                        asked += 1;
                        approved += i32::from(result.is_ok());
                        let named = match kind {
                            OrderKind::Market => 1,
                            OrderKind::StopLimit { .. } | OrderKind::LimitIfTouched { .. } => {
                                price.min(other)
                            }
                            OrderKind::TrailingStop { distance: Distance::Bps(bps) } => {
                                i64::from(bps > 0 && bps < 10_000)
                            }
                            _ => price,
                        };
                        if lots <= 0 || named <= 0 || lots > 1 << 61 {
                            assert_eq!(result, Err(DenyReason::InvalidOrder), "{request:?}");
                        }
                        world.gate.withdraw_pending();
                    }
                }
            }
        }
    }
    assert!(approved > 0 && approved < asked / 2, "{approved} of {asked}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// Any numbers in orders, in reports about them and in prices: the gate answers, and when all
    /// orders have ended it holds nothing.
    #[test]
    fn any_numbers(steps in prop::collection::vec(
        (any::<i64>(), any::<i64>(), any::<i64>(), any::<u8>()), 1..60)
    ) {
        let mut world = World::new(&wide(&[]));
        let mut open = Vec::new();
        for (one, two, three, what) in steps {
            let edge = |n: i64| EDGES[(n.unsigned_abs() % 12) as usize];
            let number = |n: i64| match what % 3 { 0 => n, 1 => edge(n), _ => n % 1_000 };
            let all = kinds(number(one), number(two));
            let kind = all[(what / 16) as usize % all.len()];
            let qty = Qty::from_lots(number(three));
            let side = if what & 8 == 0 { BUY } else { SELL };
            let request = OrderRequest { kind, qty, ..market(side, 1) };
            if let Ok(id) = world.place(&request) {
                open.push((id, request));
            }
            match what % 7 {
                0 => world.price(0, number(one)),
                1 => world.now_ns = number(two).max(world.now_ns).min(i64::MAX - 1),
                2 => world.gate.set_clock_offset(one),
                3 => world.reconcile(0, 0, two),
                _ => {}
            }
            if let Some(&(id, request)) = open.last() {
                let lots = number(two);
                let report = Settlement {
                    leaves: Qty::from_lots(number(three)),
                    kind,
                    unknown: what & 1 == 1,
                    change_answered: what & 2 == 2,
                    price: (what & 4 == 4).then_some(Price::from_ticks(number(one))),
                    ..plain(id, &request)
                };
                if (1..1 << 40).contains(&lots) && (1..1 << 40).contains(&number(one)) {
                    let spec = &world.specs[0];
                    let (at, lots) = (Price::from_ticks(number(one)), Qty::from_lots(lots));
                    let deal = Deal::new(InstrumentId(0), request.side, at, lots);
                    let _ = world.ledger.fill(spec, &deal.with_fee(Cash::from_nano(7)));
                }
                world.settle(&report);
            }
        }
        for (id, request) in open {
            world.end(id, &request);
        }
        prop_assert_eq!(world.gate.open_orders(Target::GLOBAL), 0);
        prop_assert_eq!(world.gate.unexecuted(Target::GLOBAL), Cash::ZERO);
    }
}

/// Whoever asks for a strategy or an order that is not there gets an answer.
#[test]
fn unknown_names() {
    let mut world = World::new(&wide(&[]));
    world.gate.ask_for(999, Some(77));
    assert_eq!(world.ask(&market(BUY, 1)), Err(DenyReason::IdentityMissing));
    world.settle(&plain(OrderId::new(5, 5), &market(BUY, 1)));
    let nowhere = OrderRequest { instrument: InstrumentId(u16::MAX), ..market(BUY, 1) };
    world.settle(&plain(OrderId::new(5, 5), &nowhere));
    let _ = world.explain(&nowhere);
    world.gate.ask_for(0, Some(77));
    assert_eq!(world.ask(&market(BUY, 1)), Err(DenyReason::ParentQty));
}

/// B04: new risk is refused, what makes a position smaller passes.
#[test]
fn no_reference_no_new_risk() {
    let fresh = || {
        let mut world = World::new(&wide(&[(Key::ReferenceAge, 1_000)]));
        world.trade(1, BUY, 5, 100);
        world
    };
    let (buy, sell) = (on_book(limit(BUY, 1, 100)), on_book(limit(SELL, 5, 100)));
    let close = OrderRequest { reduce_only: true, ..sell };
    let mut world = fresh();
    assert_eq!(world.place(&buy).map(|_| ()), Ok(()));

    type Break = (fn(&mut World), DenyReason);
    let breaks: [Break; 5] = [
        (|world| world.wait(2 * SECOND), DenyReason::ReferenceStale),
        (|world| world.quote(1, 101, 100), DenyReason::BookUntrusted),
        (|world| world.quote(1, 100, 100), DenyReason::BookUntrusted),
        (|world| world.tick(1, TickKind::Gap, 0, 0, TickFlags::LAST), DenyReason::BookUntrusted),
        (
            |world| {
                world.tick(1, TickKind::Clear, 0, 0, TickFlags::NONE);
                world.tick(1, TickKind::Clear, 0, 0, TickFlags::ASK.with(TickFlags::LAST));
            },
            DenyReason::ReferenceMissing,
        ),
    ];
    for (nth, (damage, reason)) in breaks.into_iter().enumerate() {
        let mut world = fresh();
        let resting = world.place(&buy).unwrap();
        damage(&mut world);
        for new_risk in [buy, on_book(market(BUY, 1)), on_book(limit(SELL, 6, 100))] {
            assert_eq!(world.ask(&new_risk), Err(reason));
        }
        assert_eq!(world.ask(&close), Ok(()), "{reason:?}: closing passes");
        world.gate.withdraw_pending();
        // Without any price the account's gate cannot tell that the margin suffices.
        let unmarked = if nth == 4 { Err(DenyReason::NoPrice) } else { Ok(()) };
        assert_eq!(world.ask(&sell), unmarked);
        // A cancel is asked of nobody; its report gives everything back.
        world.end(resting, &buy);
        world.gate.withdraw_pending();
        assert_eq!(world.gate.open_orders(Target::GLOBAL), 0);
    }
    // Nothing was ever heard of the instrument.
    let profile = Profile::new(ProfileName::Research);
    let specs = specs(2);
    let mut world = World::new(&profile);
    let setup = qt_risk::Setup::single(&profile, &specs, Cash::ZERO, 4);
    world.gate = qt_risk::RiskGate::new(&setup, open_account());
    assert_eq!(world.ask(&market(BUY, 1)), Err(DenyReason::ReferenceStale));
}
