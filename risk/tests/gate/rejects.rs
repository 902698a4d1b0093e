//! B16: whatever is denied, the rejection has its fifteen fields, all of them sound, and nothing
//! of another tenant in them.

use std::collections::BTreeSet;

use qt_engine::OrderRequest;
use qt_risk::{AccountSetup, CONTROLS, Key, Level, Limit, Reject, RejectContext};
use qt_types::{Cash, DenyReason, InstrumentId, OrderId, OrderKind, Price, Qty};

use crate::support::*;

const REJECTS: u64 = 10_000;

/// What the other tenant's open orders are worth: no number of ours has these digits.
const FOREIGN: &str = "8675309";

fn world(seed: u64) -> World {
    let tight = [
        (Key::OrderQty, 15 * UNIT),
        (Key::OrderNotional, 1_300 * UNIT),
        (Key::CollarBps, 400),
        (Key::Long, 40 * UNIT),
        (Key::Short, 40 * UNIT),
        (Key::Unexecuted, 3_000 * UNIT),
        (Key::OpenOrders, 12),
        (Key::OrdersBurst, 9),
        (Key::OrdersPerSecond, 5),
        (Key::SelfTrade, 0),
        (Key::Duplicates, 2),
        (Key::DuplicateWindow, 1_000),
    ];
    // Some of them at a time: otherwise the first ones answer always.
    let some = tight.iter().enumerate().filter(|(at, _)| seed >> at & 1 == 1);
    let mut profile = wide(&some.map(|(_, limit)| *limit).collect::<Vec<_>>());
    let exposure = if seed & 3 == 0 { 8_675_400 } else { 100_000_000 };
    profile.level_mut(Level::Global).set(Key::Exposure, Limit::hard(exposure * UNIT));
    let of_all = [Key::Unexecuted, Key::OpenOrders, Key::OrdersBurst];
    for key in of_all {
        profile.level_mut(Level::Global).set(key, Limit::hard(100_000_000 * UNIT));
    }
    let mut world = World::with(&profile, |setup| {
        setup.tenants = 2;
        setup.accounts.push(AccountSetup { tenant: 1, capital: setup.accounts[0].capital });
        let mut other = setup.strategies[0];
        other.account = 1;
        setup.strategies.push(other);
    });
    // The other tenant works with limits of its own.
    let free = wide(&[]);
    for level in [Level::Strategy, Level::Account, Level::Tenant] {
        assert!(world.gate.set_limits(qt_risk::Target::new(level, 1), free.level(level)));
    }
    world
}

#[test]
fn every_rejection_is_whole_and_keeps_to_its_tenant() {
    let (mut rejects, mut codes) = (0, BTreeSet::new());
    let mut dice = 1_u64;
    let mut random = move |below: u64| {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (dice >> 33) % below
    };
    for seed in 0.. {
        if rejects >= REJECTS {
            break;
        }
        let mut world = world(random(1 << 20));
        world.gate.ask_for(1, None);
        let foreign = OrderRequest { instrument: InstrumentId(0), ..limit(BUY, 8_675_309, 1) };
        let is_theirs = world.place(&foreign).is_ok();
        world.gate.ask_for(0, None);
        for nth in 0..200 {
            if nth % 5 == 0 {
                world.wait((random(400) as i64) * MILLI);
            }
            let side = if random(2) == 0 { BUY } else { SELL };
            let price = Price::from_ticks(90 + random(21) as i64);
            let request = OrderRequest {
                kind: if random(4) == 0 { OrderKind::Market } else { OrderKind::Limit { price } },
                qty: Qty::from_lots(random(25) as i64),
                ..market(side, 1)
            };
            if world.place(&request).is_ok() {
                continue;
            }
            let context = RejectContext {
                config_version: 3,
                client_order: format!("mine-{seed}-{nth}"),
                order: OrderId::NONE,
                audit: rejects,
                tripped_by: String::new(),
            };
            let denial = world.gate.denial().expect("it was denied by a control");
            let reject = Reject::new(denial, &world.specs[0], context);
            check(&reject, is_theirs);
            codes.insert(reject.code);
            rejects += 1;
        }
    }
    assert!(codes.len() >= 10, "only {codes:?}");
}

fn check(reject: &Reject, is_theirs: bool) {
    let fields = reject.fields();
    let names = [
        "code",
        "text",
        "control",
        "level",
        "limit",
        "observed",
        "unit",
        "reference",
        "config_version",
        "client_order",
        "order",
        "at_ns",
        "retry",
        "tripped_by",
        "audit",
    ];
    assert_eq!(fields.each_ref().map(|(name, _)| *name), names);
    let value = |name: &str| {
        let found = fields.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| value.as_str()).expect("it is there")
    };
    let known = DenyReason::ALL.into_iter().any(|reason| reason.text() == value("code"));
    assert!(known && value("text").starts_with(value("code")), "{reject}");
    assert!(CONTROLS.iter().any(|row| row.id == value("control")), "{reject}");
    let levels = ["strategy", "account", "tenant", "venue", "global", "instrument"];
    assert!(levels.contains(&value("level")), "{reject}");
    let units = ["units", "currency", "bps", "count", "ms", "ticks", "state"];
    assert!(units.contains(&value("unit")), "{reject}");
    assert!(value("limit").parse::<Cash>().is_ok(), "{reject}");
    let is_shared = value("observed").is_empty();
    assert!(is_shared || value("observed").parse::<Cash>().is_ok(), "{reject}");
    assert_eq!(is_shared, value("level") == "global", "{reject}");
    let retry = value("retry");
    let at = retry.strip_prefix("at ").map(str::parse::<i64>);
    assert!(matches!(retry, "no" | "when_changed") || matches!(at, Some(Ok(_))), "{reject}");
    assert!(value("client_order").starts_with("mine-"), "{reject}");
    assert!(value("at_ns").parse::<i64>().is_ok() && value("audit").parse::<u64>().is_ok());
    // What the other tenant has open is in nothing that we are told.
    assert!(!is_theirs || !reject.to_string().contains(FOREIGN), "{reject}");
}
