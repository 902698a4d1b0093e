//! Orders that wait for a price, and those that follow it.

use qt_venue_sim::exchange::{
    Event, Exchange, ExecutionKind, NewOrder, OrderKind, OrderStatus, Refusal, Side, TimeInForce,
};

use crate::setup::{ONE, SYMBOL, exchange};

/// A trade of the market with itself at `price` (in hundredths).
fn trade(exchange: &mut Exchange, cents: i64) {
    exchange.market_print(SYMBOL, Side::Buy, cents * ONE / 100, ONE);
}

fn conditional(kind: OrderKind, side: Side, stop: Option<i64>, trail: Option<u32>) -> NewOrder {
    let mut order = NewOrder::limit(SYMBOL, side, 1, ONE / 100);
    order.kind = kind;
    order.stop_price = stop.map(|stop| stop * ONE);
    order.trailing_delta = trail;
    if kind.has_price() {
        // A limit that never trades here: the order rests once it works.
        order.price = Some(if side == Side::Buy { 10 * ONE } else { 90_000 * ONE });
    } else {
        order.price = None;
        order.time_in_force = None;
    }
    order
}

#[test]
fn the_price_that_is_waited_for() {
    use OrderKind::{StopLossLimit, TakeProfitLimit};
    for (kind, side, stop, not_yet, then) in [
        (StopLossLimit, Side::Buy, 105, 10_499, 10_500),
        (StopLossLimit, Side::Sell, 95, 9_501, 9_500),
        (TakeProfitLimit, Side::Buy, 95, 9_501, 9_500),
        (TakeProfitLimit, Side::Sell, 105, 10_499, 10_501),
    ] {
        let (mut exchange, ann, _) = exchange();
        trade(&mut exchange, 10_000);
        let order = conditional(kind, side, Some(stop), None);
        let id = exchange.place(ann, &order).unwrap().order.id;
        trade(&mut exchange, not_yet);
        assert!(!exchange.order_by_id(id).unwrap().is_working(), "{kind:?} {side:?}");
        trade(&mut exchange, then);
        let now = exchange.order_by_id(id).unwrap();
        assert!(now.is_working() && now.status == OrderStatus::New, "{kind:?} {side:?}");
        let best = exchange.best(SYMBOL);
        assert!(best.bid.or(best.ask).is_some(), "it rests: {kind:?} {side:?}");
        assert_eq!(exchange.place(ann, &order), Err(Refusal::WouldTrigger), "{kind:?} {side:?}");
    }
}

#[test]
fn a_stop_takes_what_is_there_and_may_bring_the_next() {
    let (mut exchange, ann, ben) = exchange();
    trade(&mut exchange, 10_000);
    for (price, qty) in [(99, 1), (98, 1), (97, 5)] {
        exchange.market_level(SYMBOL, Side::Buy, price * ONE, qty * ONE);
    }
    let stop = |stop| {
        let mut order = conditional(OrderKind::StopLoss, Side::Sell, Some(stop), None);
        order.qty = Some(ONE);
        order
    };
    let first = exchange.place(ann, &stop(99)).unwrap().order.id;
    let second = exchange.place(ben, &stop(98)).unwrap().order.id;
    exchange.drain();
    exchange.market_take(SYMBOL, Side::Sell, 99 * ONE, ONE);
    let fills = |id| exchange.order_by_id(id).unwrap();
    assert_eq!(
        (fills(first).status, fills(first).filled_quote),
        (OrderStatus::Filled, 98 * 100_000_000)
    );
    assert_eq!(
        (fills(second).status, fills(second).filled_quote),
        (OrderStatus::Filled, 97 * 100_000_000)
    );
    let told: Vec<_> = exchange
        .drain()
        .into_iter()
        .filter_map(|event| match event {
            Event::Report(report) => Some((report.order.id, report.kind)),
            _ => None,
        })
        .collect();
    let (new, trade) = (ExecutionKind::New, ExecutionKind::Trade);
    assert_eq!(told, [(first, new), (first, trade), (second, new), (second, trade)]);
}

#[test]
fn a_stop_that_cannot_be_paid_expires() {
    let (mut exchange, ann, _) = exchange();
    trade(&mut exchange, 10_000);
    exchange.market_level(SYMBOL, Side::Sell, 90_000 * ONE, 1_000_000 * ONE);
    let mut order = conditional(OrderKind::StopLoss, Side::Buy, Some(101), None);
    order.qty = Some(9_000 * ONE);
    let id = exchange.place(ann, &order).unwrap().order.id;
    assert_eq!(exchange.balances(ann)[1].locked, 909_000 * i128::from(ONE), "as if at its price");
    trade(&mut exchange, 10_200);
    assert_eq!(exchange.order_by_id(id).unwrap().status, OrderStatus::Expired);
    assert_eq!(exchange.balances(ann)[1].locked, 0);
}

#[test]
fn trailing_stops_follow_the_price() {
    use OrderKind::{StopLossLimit, TakeProfitLimit};
    // The prices come one after the other; the last one brings the order, none before does.
    type Case = (OrderKind, Side, Option<i64>, u32, &'static [i64]);
    let cases: [Case; 5] = [
        (
            StopLossLimit,
            Side::Buy,
            Some(44_000),
            500,
            &[3_700_000, 4_400_000, 4_500_000, 4_600_000, 4_200_000, 4_409_999, 4_410_000],
        ),
        (
            StopLossLimit,
            Side::Sell,
            Some(39_000),
            1_000,
            &[4_150_000, 3_900_000, 3_700_000, 4_100_000, 3_690_001, 3_690_000],
        ),
        (
            TakeProfitLimit,
            Side::Buy,
            Some(38_000),
            850,
            &[4_200_000, 3_800_000, 3_700_000, 3_900_000, 3_800_000, 4_014_499, 4_014_500],
        ),
        (
            TakeProfitLimit,
            Side::Sell,
            Some(42_000),
            750,
            &[4_150_000, 3_900_000, 4_200_000, 4_500_000, 4_400_000, 4_650_000, 4_301_250],
        ),
        (
            StopLossLimit,
            Side::Sell,
            None,
            700,
            &[4_200_000, 3_950_000, 4_550_000, 4_231_501, 4_231_500],
        ),
    ];
    for (kind, side, stop, delta, prices) in cases {
        let (mut exchange, ann, _) = exchange();
        trade(&mut exchange, 4_000_000);
        let order = conditional(kind, side, stop, Some(delta));
        let id = exchange.place(ann, &order).unwrap().order.id;
        for (at, cents) in prices.iter().enumerate() {
            assert!(!exchange.order_by_id(id).unwrap().is_working(), "{kind:?} {side:?} {at}");
            trade(&mut exchange, *cents);
        }
        assert!(exchange.order_by_id(id).unwrap().is_working(), "{kind:?} {side:?}");
        assert!(exchange.order_by_id(id).unwrap().trailing_since_ns.is_some());
    }
}

#[test]
fn shapes_that_no_order_has_are_refused() {
    let (exchange, ann, _) = exchange();
    let limit = || NewOrder::limit(SYMBOL, Side::Buy, ONE, ONE);
    let market = || NewOrder::market(SYMBOL, Side::Buy, ONE);
    let change = |mut order: NewOrder, change: fn(&mut NewOrder)| {
        change(&mut order);
        order
    };
    for (order, refusal) in [
        (change(limit(), |o| o.price = None), Refusal::Missing("price")),
        (change(limit(), |o| o.qty = None), Refusal::Missing("quantity")),
        (change(limit(), |o| o.time_in_force = None), Refusal::Missing("time in force")),
        (change(limit(), |o| o.stop_price = Some(ONE)), Refusal::Surplus("stop price")),
        (change(limit(), |o| o.quote_qty = Some(1)), Refusal::Surplus("quote quantity")),
        (change(limit(), |o| o.price = Some(0)), Refusal::Range("price")),
        (change(limit(), |o| o.price = Some(-1)), Refusal::Range("price")),
        (change(limit(), |o| o.qty = Some(i64::MAX)), Refusal::Range("quantity")),
        (change(limit(), |o| o.iceberg_qty = Some(ONE)), Refusal::IcebergTooLarge),
        (
            change(limit(), |o| {
                o.iceberg_qty = Some(ONE / 10);
                o.time_in_force = Some(TimeInForce::Ioc);
            }),
            Refusal::Combination,
        ),
        (change(market(), |o| o.price = Some(ONE)), Refusal::Surplus("price")),
        (change(market(), |o| o.qty = None), Refusal::Missing("quantity")),
        (change(market(), |o| o.quote_qty = Some(1)), Refusal::Surplus("quote quantity")),
        (change(limit(), |o| o.kind = OrderKind::StopLossLimit), Refusal::Missing("stop price")),
        (change(limit(), |o| o.client_id = Some("".into())), Refusal::Range("client id")),
        (
            change(limit(), |o| o.client_id = Some("x".repeat(65).into())),
            Refusal::Range("client id"),
        ),
    ] {
        assert_eq!(exchange.test(ann, &order), Err(refusal), "{order:?}");
    }
}
