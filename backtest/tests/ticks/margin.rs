//! Funding and liquidation on books.

use qt_backtest::venue::{Happening, LatencyModel, Planned};
use qt_types::{InstrumentId, RejectReason, Tick};

use crate::harness::Case;
use crate::script::{BUY, SELL, limit, market};

/// 10 bought at 101 at time 10.
fn long() -> Case<Tick> {
    Case::book(&[(99, 10)], &[(101, 10)]).perpetual().place(10, market(BUY, 10))
}

/// The book falls to `bid` over `bid + 2`, the asks first.
fn falls(case: Case<Tick>, ns: i64, bid: i64) -> Case<Tick> {
    let case = case.level(ns, SELL, bid + 2, 10);
    case.level(ns, BUY, 99, 0).level(ns, BUY, bid, 10)
}

#[test]
fn the_middle_of_the_book_is_held_against_the_margin() {
    // 101 of margin: 101 + 10 (p - 101) against 0.5 p. From 909 / 9.5 = 95.7 on, and nothing is
    // left at 90.9: closed at 90. No order of ours is in the book.
    assert_eq!(falls(long(), 50, 95).run().closed, []);
    let done = falls(long(), 50, 94).run();
    assert_eq!((done.closed, done.position), (vec![(50, 90, -10)], 0));
}

#[test]
fn resting_orders_end_with_the_position() {
    let done = falls(long().place(20, limit(BUY, 1, 50)), 50, 94).run();
    assert_eq!((done.closed.len(), done.ends()), (1, vec![(2, RejectReason::Liquidated)]));
    // Afterwards everything goes on as before.
    let done = falls(long(), 50, 94).place(60, market(BUY, 1)).run();
    assert_eq!((done.position, done.fills().last()), (1, Some(&(2, 96, 1, false))));
}

#[test]
fn without_a_book_the_trades_tell() {
    let case = Case::new().perpetual().trade(1, BUY, 100, 10).place(10, limit(BUY, 10, 100));
    // Hit at 20 and at 21: 100 + 10 (p - 100) against 0.5 p: 94.7.
    let case = case.trade(20, SELL, 99, 10).trade(40, SELL, 95, 10);
    assert_eq!(case.clone().run().closed, []);
    assert_eq!(case.trade(50, SELL, 94, 10).run().closed, [(50, 90, -10)]);
}

#[test]
fn funding_is_paid_on_the_middle_of_the_book() {
    let funding = |time_ns: i64, rate_e9: i64, mark_e9: Option<i64>| Planned {
        time_ns,
        instrument: InstrumentId(0),
        what: Happening::Funding { rate_e9, mark_e9 },
    };
    let agenda = vec![
        funding(5, 1_000_000, None),
        funding(30, 1_000_000, None),
        funding(40, -2_000_000, Some(100_250_000_000)),
    ];
    let case = |latency_ns: i64| {
        let case = long().with(|config| config.scene.agenda = agenda.clone());
        case.with(|config| {
            config.order_latency = LatencyModel::constant(latency_ns);
            config.response_latency = LatencyModel::constant(latency_ns);
        })
    };
    // 10 x 100 x 0.001 = 1, and 10 x 100.25 x 0.002 = 2.005 come back.
    for latency_ns in [0, 7, 15] {
        assert_eq!(case(latency_ns).run().funding, "-1.005".parse().unwrap());
    }
    // An order that is there at 30 comes after what happens then; at 41 it is too late for both.
    assert_eq!(case(20).run().funding, "-2.005".parse().unwrap());
    assert_eq!(case(31).run().funding, "0".parse().unwrap());
}
