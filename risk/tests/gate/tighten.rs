//! A limit that became tighter while a run went on holds as one that was as tight from the start.

use qt_engine::{OrderRequest, Settlement};
use qt_risk::{
    Control, EITHER_WAY, Failure, Holder, KEYS, Key, Level, Limit, MONEY_OFF, NotAdjusted, Session,
    Target,
};
use qt_types::{ControlKind, InstrumentId, Qty};

use crate::support::{BUY, MILLI, SECOND, SELL, UNIT, World, limit, market, plain, wide};

/// One limit and an order that it denies.
struct Row {
    key: Key,
    /// Other limits that it needs.
    beside: &'static [(Key, i128)],
    hard: i128,
    /// What comes before it becomes so tight, and after.
    before: fn(&mut World),
    after: fn(&mut World),
    order: OrderRequest,
    control: Control,
}

/// A limit on losses that is never met: losses are followed.
const FOLLOWED: (Key, i128) = (Key::Drawdown, MONEY_OFF / 2);
const FOLLOWED_TOO: (Key, i128) = (Key::DailyLoss, MONEY_OFF / 2);

fn nothing(_: &mut World) {}

/// Ten lots lose 150.
fn loses(world: &mut World) {
    world.trade(0, BUY, 10, 100);
    world.price(0, 85);
}

/// Orders that rest, as many as pass.
fn rest(world: &mut World) {
    for _ in 0..2 {
        let _ = world.place(&limit(BUY, 1, 90));
    }
}

/// The same, one after the other.
fn rest_slowly(world: &mut World) {
    for _ in 0..2 {
        let _ = world.place(&limit(BUY, 1, 90));
        world.wait(MILLI);
    }
}

fn row(key: Key, hard: i128, order: OrderRequest, control: Control) -> Row {
    Row { key, beside: &[], hard, before: nothing, after: nothing, order, control }
}

fn sizes() -> Vec<Row> {
    use Control as C;
    let (ten, eleven) = (10 * UNIT, limit(BUY, 11, 100));
    let dear = limit(BUY, 1, 103);
    vec![
        row(Key::OrderQty, ten, eleven, C::OrderQty),
        row(Key::OrderNotional, 1_000 * UNIT, eleven, C::OrderNotional),
        Row {
            beside: &[(Key::OrderAdvBps, 1_000)],
            ..row(Key::DayVolume, 100 * UNIT, eleven, C::OrderQty)
        },
        Row {
            beside: &[(Key::DayVolume, 100 * UNIT)],
            ..row(Key::OrderAdvBps, 1_000, eleven, C::OrderQty)
        },
        row(Key::CollarBps, 200, dear, C::Collar),
        Row {
            before: |world| world.gate.set_session(InstrumentId(0), Session::Auction),
            ..row(Key::AuctionCollarBps, 200, dear, C::Collar)
        },
        Row {
            beside: &[(Key::DriftWindow, 60_000)],
            before: |world| {
                world.wait(MILLI);
                world.price(0, 105);
            },
            ..row(Key::DriftBps, 300, limit(BUY, 1, 105), C::Collar)
        },
        Row {
            before: |world| {
                world.now_ns += 6 * SECOND;
                world.quote(1, 99, 101);
            },
            ..row(Key::ReferenceAge, 5_000, limit(BUY, 1, 100), C::Reference)
        },
        row(Key::Long, ten, eleven, C::Position),
        row(Key::Short, ten, limit(SELL, 11, 100), C::Position),
        Row { after: rest, ..row(Key::LineOrders, 2, limit(BUY, 1, 91), C::OpenOrders) },
        Row {
            after: |world| world.trade(0, BUY, 1, 120),
            ..row(Key::FillBandBps, 1_000, limit(BUY, 1, 100), C::PostTrade)
        },
        row(Key::PositionShareBps, 10, eleven, C::Position),
        row(Key::Exposure, 1_000 * UNIT, eleven, C::Exposure),
        row(Key::LeverageBps, 10, eleven, C::Exposure),
        row(Key::PortfolioRiskBps, 1, limit(BUY, 21, 100), C::Exposure),
        Row { after: rest, ..row(Key::OpenOrders, 2, limit(BUY, 1, 91), C::OpenOrders) },
        row(Key::Unexecuted, 1_000 * UNIT, eleven, C::Unexecuted),
    ]
}

fn rates_and_losses() -> Vec<Row> {
    use Control as C;
    let next = limit(BUY, 1, 91);
    let lost = |key, hard, control| Row { before: loses, ..row(key, hard, next, control) };
    vec![
        Row {
            beside: &[(Key::OrdersBurst, 1)],
            after: rest_slowly,
            ..row(Key::OrdersPerSecond, 1, next, C::Rate)
        },
        Row {
            beside: &[(Key::OrdersPerSecond, 1)],
            after: rest,
            ..row(Key::OrdersBurst, 1, next, C::Rate)
        },
        Row {
            beside: &[(Key::MessagesBurst, 1)],
            after: rest_slowly,
            ..row(Key::MessagesPerSecond, 1, next, C::Rate)
        },
        Row {
            beside: &[(Key::MessagesPerSecond, 1)],
            after: rest,
            ..row(Key::MessagesBurst, 1, next, C::Rate)
        },
        Row {
            beside: &[(Key::RatioWindow, 3_600_000)],
            after: |world| (0..8).for_each(|_| rest(world)),
            ..row(Key::OrdersPerFill, 2, next, C::Ratio)
        },
        Row { beside: &[FOLLOWED], ..lost(Key::DailyLoss, 100 * UNIT, C::DailyLoss) },
        Row { beside: &[FOLLOWED], ..lost(Key::DailyLossBps, 1, C::DailyLoss) },
        Row { beside: &[FOLLOWED_TOO], ..lost(Key::Drawdown, 100 * UNIT, C::Drawdown) },
        Row { beside: &[FOLLOWED_TOO], ..lost(Key::DrawdownBps, 1, C::Drawdown) },
        Row {
            beside: &[FOLLOWED, (Key::LossWindow, 60_000)],
            ..lost(Key::WindowLoss, 100 * UNIT, C::Velocity)
        },
        Row {
            after: |world| {
                let order = limit(BUY, 1, 90);
                if let Ok(id) = world.place(&order) {
                    world.settle(&Settlement { unknown: true, ..plain(id, &order) });
                }
            },
            ..row(Key::UnknownOrders, 0, next, C::Unknown)
        },
        Row {
            before: |world| world.gate.set_clock_offset(600 * MILLI),
            ..row(Key::ClockOffset, 500, next, C::Clock)
        },
        Row {
            before: |world| {
                world.reconcile(0, 0, 5);
                world.wait(6 * SECOND);
            },
            ..row(Key::ReconcileTime, 5_000, next, C::Reconciled)
        },
    ]
}

fn rows() -> Vec<Row> {
    let mut rows = sizes();
    rows.extend(rates_and_losses());
    rows
}

fn target(key: Key) -> Target {
    match key.row().holder {
        Holder::Instrument => Target::new(Level::Instrument, 0),
        // The clock is everybody's.
        Holder::Node if key == Key::ClockOffset => Target::GLOBAL,
        Holder::Node => Target::new(Level::Account, 0),
    }
}

/// What became of the order: denied by what, and as what it was seen.
fn asked(world: &mut World, row: &Row) -> Option<Failure> {
    (row.after)(world);
    let is_denied = world.ask(&row.order).is_err();
    is_denied.then(|| world.gate.denial().unwrap().failure)
}

#[test]
fn a_limit_that_became_tighter_holds_like_one_from_the_start() {
    for row in rows() {
        let (name, target) = (row.key.row().name, target(row.key));
        let mut made = wide(row.beside);
        match target.level {
            Level::Instrument => made.instrument_mut("I0").set(row.key, Limit::hard(row.hard)),
            level => made.level_mut(level).set(row.key, Limit::hard(row.hard)),
        }
        let mut worlds = [wide(row.beside), wide(row.beside), made].map(|it| World::new(&it));
        for world in &mut worlds {
            (row.before)(world);
        }
        let [free, tightened, _] = &mut worlds;
        assert_eq!(free.gate.may_tighten(target, row.key, row.hard), Ok(()), "{name}");
        tightened.control(ControlKind::Limit { target, key: row.key as u16, hard: row.hard });
        let [free, tightened, made] = worlds.map(|mut world| asked(&mut world, &row));
        assert_eq!(free, None, "{name}: without it the order passes");
        assert_eq!(tightened.map(|failure| failure.control), Some(row.control), "{name}");
        assert_eq!(tightened, made, "{name}");
    }
}

#[test]
fn a_limit_that_two_people_loosened_holds_as_it_did_before() {
    for row in rows() {
        let (name, target) = (row.key.row().name, target(row.key));
        let mut worlds = [World::new(&wide(row.beside)), World::new(&wide(row.beside))];
        for world in &mut worlds {
            (row.before)(world);
            let wide = world.gate.limit(target, row.key).unwrap().hard;
            let limit = |key: u16, hard: i128| ControlKind::Limit { target, key, hard };
            world.control(limit(row.key as u16, row.hard));
            // Who may only tighten changes nothing.
            world.control(limit(row.key as u16, wide));
            assert_eq!(world.gate.limit(target, row.key), Some(Limit::hard(row.hard)), "{name}");
        }
        let [mut loose, tight] = worlds;
        let free = World::new(&wide(row.beside)).gate.limit(target, row.key).unwrap();
        let key = row.key as u16 | EITHER_WAY;
        loose.control(ControlKind::Limit { target, key, hard: free.hard });
        assert_eq!(loose.gate.limit(target, row.key), Some(free), "{name}");
        let [loose, tight] = [loose, tight].map(|mut world| asked(&mut world, &row));
        assert_eq!((loose, tight.is_some()), (None, true), "{name}");
    }
}

#[test]
fn every_limit_that_may_become_tighter_is_tried() {
    let tried: Vec<&str> = rows().iter().map(|row| row.key.row().name).collect();
    for row in KEYS.iter().filter(|row| row.key.is_adjustable()) {
        assert!(tried.contains(&row.name), "{}", row.name);
    }
}

/// What is held already may be beyond it: nothing that adds to it passes, what closes does.
#[test]
fn a_limit_below_what_is_held_lets_only_closing_orders_pass() {
    for (key, hard) in [(Key::Long, 4 * UNIT), (Key::Exposure, 400 * UNIT)] {
        let mut world = World::new(&wide(&[]));
        world.trade(0, BUY, 5, 100);
        world.control(ControlKind::Limit { target: target(key), key: key as u16, hard });
        assert!(world.ask(&limit(BUY, 1, 100)).is_err(), "{}", key.row().name);
        let close = OrderRequest { qty: Qty::from_lots(5), ..market(SELL, 5) };
        assert_eq!(world.ask(&close), Ok(()));
    }
}

#[test]
fn a_limit_whose_window_is_off_is_not_made_tighter() {
    let off = [Key::WindowLoss, Key::OrdersPerFill, Key::DriftBps];
    for key in off {
        let world = World::new(&wide(&[]));
        let answer = world.gate.may_tighten(target(key), key, 1);
        assert_eq!(answer, Err(NotAdjusted::WindowOff), "{}", key.row().name);
        let window = key.window().unwrap();
        let world = World::new(&wide(&[(window, 1_000)]));
        assert_eq!(world.gate.may_tighten(target(key), key, 1), Ok(()));
    }
}
