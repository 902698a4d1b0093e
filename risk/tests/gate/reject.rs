//! What a rejection and an explanation say.

use qt_engine::Exposure;
use qt_risk::{
    CONTROLS, Control, Key, Level, Limit, Reject, RejectContext, Retry, Target, commented,
};
use qt_types::{Nanos, OrderId, StrategyId};

use crate::support::*;

#[test]
fn a_rejection_carries_its_fifteen_fields() {
    let mut world = World::new(&wide(&[(Key::Long, 10 * UNIT)]));
    world.now_ns += 5 * MILLI;
    world.quote(1, 99, 102);
    world.now_ns += 2 * MILLI;
    world.price(0, 100);
    assert!(world.ask(&on_book(limit(BUY, 11, 100))).is_err());
    let denial = world.gate.denial().unwrap();
    assert_eq!((denial.number, world.gate.denials()), (1, 1));
    let context = RejectContext {
        config_version: 7,
        client_order: "abc".to_owned(),
        order: OrderId::NONE,
        audit: 42,
        tripped_by: String::new(),
    };
    let reject = Reject::new(denial, &world.specs[1], context);
    let want = [
        ("code", "MAX_POSITION"),
        ("text", "MAX_POSITION: 11 units against a limit of 10 (strategy)"),
        ("control", "C14"),
        ("level", "strategy"),
        ("limit", "10"),
        ("observed", "11"),
        ("unit", "units"),
        ("reference", "100.5 mid age_ns=2000000"),
        ("config_version", "7"),
        ("client_order", "abc"),
        ("order", ""),
        ("at_ns", "1700006400007000000"),
        ("retry", "when_changed"),
        ("tripped_by", ""),
        ("audit", "42"),
    ];
    let fields = reject.fields();
    let got: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, &**value)).collect();
    assert_eq!(got, want);
    assert!(reject.to_string().starts_with("code=\"MAX_POSITION\" text=\"MAX_POSITION: 11"));
}

#[test]
fn a_throttled_order_says_when_and_a_kill_says_who() {
    let mut world = World::new(&wide(&[(Key::OrdersPerSecond, 1), (Key::OrdersBurst, 1)]));
    world.place(&market(BUY, 1)).unwrap();
    assert!(world.ask(&market(BUY, 1)).is_err());
    let reject = Reject::new(world.gate.denial().unwrap(), &world.specs[0], Default::default());
    assert_eq!(reject.retry, Retry::At(Nanos::new(START + SECOND)));
    world.gate.ask_for(0, Some(9));
    assert!(world.ask(&market(BUY, 1)).is_err());
    world.wait(SECOND);
    assert!(world.ask(&market(BUY, 1)).is_err(), "the parent that is not there halted it");
    world.gate.ask_for(0, None);
    assert!(world.ask(&market(BUY, 1)).is_err());
    let context = RejectContext { tripped_by: "C21".to_owned(), ..Default::default() };
    let reject = Reject::new(world.gate.denial().unwrap(), &world.specs[0], context);
    assert_eq!((&*reject.limit, &*reject.observed, reject.unit), ("ACTIVE", "HALTED", "state"));
    assert_eq!(reject.fields()[13].1, "C21");
}

/// Whoever asked last: what is told is that of the strategy that is named.
#[test]
fn an_explanation_is_that_of_the_strategy_that_is_named() {
    let profile = wide(&[(Key::OpenOrders, 9)]);
    let mut world = World::with(&profile, |setup| {
        let other = setup.strategies[0];
        setup.strategies.push(other);
    });
    world.place(&limit(BUY, 1, 100)).unwrap();
    let observed = |world: &World, strategy: u16| {
        let exposure = Exposure {
            specs: &world.specs,
            market: &world.market,
            ledger: &world.ledger,
            orders: &world.orders,
        };
        let all = world.gate.explain(StrategyId(strategy), &limit(BUY, 1, 100), &exposure);
        let is_it = |it: &&qt_risk::Headroom| {
            it.control == Control::OpenOrders && it.level == Level::Strategy
        };
        all.iter().find(is_it).map(|it| it.observed)
    };
    let (first, second) = (observed(&world, 0), observed(&world, 1));
    assert_eq!((first, second), (Some(2), Some(1)));
    world.gate.ask_for(1, None);
    assert_eq!((observed(&world, 0), observed(&world, 1)), (first, second));
}

#[test]
fn an_explanation_shows_every_control_and_takes_nothing() {
    let mut world = World::new(&wide(&[(Key::Exposure, 1_000 * UNIT), (Key::Long, 5 * UNIT)]));
    let before = format!("{:?}", world.gate);
    let headrooms = world.explain(&limit(BUY, 6, 100));
    assert_eq!(format!("{:?}", world.gate), before);
    let exposure: Vec<_> = headrooms
        .iter()
        .filter(|h| h.control == Control::Exposure && h.limit == 1_000 * UNIT)
        .map(|h| (h.level, h.observed, h.headroom, h.fails()))
        .collect();
    let of = |level| (level, 600 * UNIT, 400 * UNIT, false);
    let levels = [Level::Strategy, Level::Account, Level::Tenant, Level::Global];
    assert_eq!(exposure, levels.map(of));
    let failing: Vec<Control> = headrooms.iter().filter(|h| h.fails()).map(|h| h.control).collect();
    assert_eq!(failing, [Control::Position; 4]);
    // In the order of the table, and nearly all of them: some only speak when there is cause.
    let order: Vec<Control> = headrooms.iter().map(|h| h.control).collect();
    assert!(order.is_sorted(), "{order:?}");
    let mut seen = order;
    seen.dedup();
    let silent = [
        Control::UnitSanity,
        Control::Duplicate,
        Control::Account,
        Control::Ratio,
        Control::Parent,
        Control::Reconciled,
    ];
    for row in &CONTROLS {
        let expected = !silent.contains(&row.control);
        assert_eq!(seen.contains(&row.control), expected, "{} {}", row.id, row.name);
    }
    world.price(0, 100);
    assert_eq!(world.ask(&limit(BUY, 5, 100)), Ok(()));
}

#[test]
fn soft_limits_warn_and_pass() {
    let mut profile = wide(&[]);
    let limit_of = Limit::hard(10 * UNIT).with_soft(5 * UNIT);
    profile.instruments_mut().set(Key::OrderQty, limit_of);
    let mut world = World::new(&profile);
    for (lots, passes, warnings) in [(5, true, 0), (6, true, 1), (10, true, 2), (11, false, 2)] {
        assert_eq!(world.ask(&market(BUY, lots)).is_ok(), passes);
        assert_eq!(world.gate.warnings(Control::OrderQty), warnings);
    }
}

#[test]
fn limits_can_be_changed_while_it_runs() {
    let mut world = World::new(&wide(&[]));
    let tight = wide(&[(Key::OpenOrders, 1)]);
    world.place(&limit(BUY, 1, 99)).unwrap();
    assert!(world.gate.set_limits(Target::GLOBAL, tight.level(Level::Global)));
    assert!(world.ask(&limit(BUY, 1, 99)).is_err());
    assert!(commented(qt_risk::ProfileName::Live).contains("# exposure = "));
}
