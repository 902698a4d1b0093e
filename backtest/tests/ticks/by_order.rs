//! Books by order: the exact place in the queue.

use qt_types::{OrderTick, OrderTickKind, Side};

use crate::harness::{Case, order_tick};
use crate::script::{BUY, SELL, limit, market};

type Books = Case<OrderTick>;

trait Told {
    fn told(self, ns: i64, kind: OrderTickKind, side: Side, about: (u64, i64, i64)) -> Self;
    fn add(self, ns: i64, side: Side, about: (u64, i64, i64)) -> Self;
    fn execute(self, ns: i64, order: u64, lots: i64) -> Self;
}

impl Told for Books {
    fn told(self, ns: i64, kind: OrderTickKind, side: Side, about: (u64, i64, i64)) -> Self {
        self.tick(order_tick(ns, kind, side, about))
    }

    fn add(self, ns: i64, side: Side, about: (u64, i64, i64)) -> Self {
        self.told(ns, OrderTickKind::Add, side, about)
    }

    /// An execution of a bid at 99.
    fn execute(self, ns: i64, order: u64, lots: i64) -> Self {
        self.told(ns, OrderTickKind::Execute, BUY, (order, 99, lots))
    }
}

/// Bids 1 and 2 of 4 lots each at 99, then our 5, then bid 3 of 4 lots. An ask of 9 at 105.
fn queue() -> Books {
    let before = Books::new().add(0, BUY, (1, 99, 4)).add(0, BUY, (2, 99, 4));
    let ours = before.add(0, SELL, (9, 105, 9)).place(10, limit(BUY, 5, 99));
    ours.add(20, BUY, (3, 99, 4))
}

#[test]
fn executions_ahead_of_us_fill_nothing_and_those_behind_us_fill_us_first() {
    let ahead = queue().execute(30, 1, 4).execute(31, 2, 4);
    assert_eq!(ahead.run().fills(), []);
    // Whoever hit 3 of the order behind us would have hit us.
    let behind = ahead.execute(32, 3, 3);
    assert_eq!(behind.run().fills(), [(1, 99, 3, true)]);
    // Another one comes behind; 6 of it are executed: the 2 that are left of ours.
    let more = behind.add(40, BUY, (4, 99, 8)).execute(41, 4, 6);
    assert_eq!(more.run().fills(), [(1, 99, 3, true), (1, 99, 2, true)]);
}

#[test]
fn cancels_ahead_and_lost_places_move_us_up() {
    // Order 1 leaves, order 2 grows and goes behind us: an execution of it is ours.
    let moved = queue().told(30, OrderTickKind::Delete, BUY, (1, 99, 4)).told(
        31,
        OrderTickKind::Modify,
        BUY,
        (2, 99, 6),
    );
    assert_eq!(moved.execute(40, 2, 2).run().fills(), [(1, 99, 2, true)]);
    // Had it shrunk, it would have kept its place.
    let kept = queue().told(31, OrderTickKind::Modify, BUY, (2, 99, 3));
    assert_eq!(kept.execute(40, 2, 2).run().fills(), []);
    let reduced = queue().told(31, OrderTickKind::Reduce, BUY, (2, 99, 1));
    assert_eq!(reduced.execute(40, 2, 2).run().fills(), []);
}

#[test]
fn an_order_at_a_worse_price_is_executed_after_us() {
    let below = queue().add(25, BUY, (5, 98, 7));
    let done = below.told(30, OrderTickKind::Execute, BUY, (5, 98, 7)).run();
    assert_eq!(done.fills(), [(1, 99, 5, true)]);
}

#[test]
fn an_ask_that_reaches_us_fills_us() {
    let done = queue().add(30, SELL, (7, 99, 2)).run();
    assert_eq!(done.fills(), [(1, 99, 2, true)]);
}

#[test]
fn a_trade_without_a_resting_order_fills_only_what_it_prints_through() {
    let at_price = queue().told(30, OrderTickKind::Trade, SELL, (0, 99, 50));
    assert_eq!(at_price.run().fills(), []);
    let through = queue().told(30, OrderTickKind::Trade, SELL, (0, 98, 2));
    assert_eq!(through.run().fills(), [(1, 99, 2, true)]);
}

#[test]
fn two_orders_of_ours_are_filled_in_their_order() {
    let two = queue().place(22, limit(BUY, 5, 99)).add(25, BUY, (4, 99, 9));
    // Order 3 stands between ours: an execution of it fills only the first of them.
    assert_eq!(two.clone().execute(30, 3, 4).run().fills(), [(1, 99, 4, true)]);
    // 7 of order 4, behind both: 5 and 2.
    assert_eq!(two.execute(30, 4, 7).run().fills(), [(1, 99, 5, true), (2, 99, 2, true)]);
}

#[test]
fn what_we_took_is_gone_until_the_price_is_told_again() {
    let asks = || Books::new().add(0, BUY, (1, 99, 4)).add(0, SELL, (2, 101, 5));
    let done = asks().place(10, market(BUY, 5)).place(20, market(BUY, 1)).run();
    assert_eq!(done.fills(), [(1, 101, 5, false)]);
    let told = asks().place(10, market(BUY, 5)).add(15, SELL, (3, 101, 2));
    let done = told.place(20, market(BUY, 7)).run();
    assert_eq!(done.fills(), [(1, 101, 5, false), (2, 101, 7, false)]);
}
