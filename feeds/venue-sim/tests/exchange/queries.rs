//! What is told and what can be asked: numbers without holes, histories, figures.

use qt_venue_sim::exchange::{
    Balances, Cancel, DepthBatch, Event, Interval, NewOrder, OrderRef, OrderStatus, Side,
};

use crate::setup::{ONE, SYMBOL, exchange, exchange_with, id};

const SECOND: i64 = 1_000_000_000;

fn limit(side: Side, price: i64, qty: i64) -> NewOrder {
    NewOrder::limit(SYMBOL, side, price * ONE, qty * ONE)
}

#[test]
fn changes_of_the_book_are_numbered_and_make_the_book() {
    let (mut exchange, ann, _) = exchange();
    exchange.market_level(SYMBOL, Side::Buy, 99 * ONE, ONE);
    let snapshot = exchange.depth(SYMBOL, 10);
    exchange.drain();
    let mut batch = DepthBatch::default();
    let (mut bids, mut next) = (snapshot.bids.clone(), snapshot.last_update_id + 1);
    exchange.place(ann, &limit(Side::Buy, 100, 2)).unwrap();
    exchange.market_take(SYMBOL, Side::Sell, 99 * ONE, 3 * ONE);
    exchange.market_level(SYMBOL, Side::Sell, 101 * ONE, ONE);
    for event in exchange.drain() {
        if let Event::Book(change) = event {
            assert_eq!(change.update_id, next);
            next += 1;
            batch.add(&change);
        }
    }
    assert_eq!((batch.first, batch.last + 1), (snapshot.last_update_id + 1, next));
    assert_eq!(batch.last, exchange.depth(SYMBOL, 1).last_update_id);
    for (price, qty) in &batch.bids {
        bids.retain(|level| level.0 != *price);
        if *qty > 0 {
            bids.push((*price, *qty));
        }
    }
    assert_eq!(bids, exchange.depth(SYMBOL, 10).bids);
    assert_eq!(batch.take().unwrap().asks.len(), 1);
    assert_eq!(batch.take(), None);
}

#[test]
fn an_account_is_told_everything_in_order() {
    let (mut exchange, ann, ben) = exchange();
    let mut order = limit(Side::Buy, 100, 2);
    order.client_id = id("first");
    let order = exchange.place(ann, &order).unwrap().order.id;
    exchange.place(ben, &limit(Side::Sell, 100, 1)).unwrap();
    let cancel = Cancel { order: OrderRef::id(order), ..Cancel::default() };
    exchange.cancel(ann, SYMBOL, &cancel).unwrap();
    let (mut numbers, mut executions, mut last) = (Vec::new(), Vec::new(), None);
    for event in exchange.drain() {
        match event {
            Event::Report(report) => {
                executions.push(report.execution_id);
                if report.order.account == ann {
                    numbers.push(report.number);
                }
            }
            Event::Balances { account, balances } if account == ann => {
                numbers.push(balances.number);
                last = Some(balances);
            }
            _ => {}
        }
    }
    assert_eq!(numbers, [1, 2, 3, 4, 5, 6], "new, held, filled, changed, cancelled, given back");
    assert!(executions.is_sorted_by(|a, b| a < b));
    let Balances { changed, .. } = last.unwrap();
    assert_eq!((changed.len(), changed[0].locked), (1, 0));
    let again: Vec<u64> = exchange.reports(ann, 3).map(|report| report.number).collect();
    assert_eq!(again, [3, 5]);
}

#[test]
fn an_order_can_be_seen_as_it_was() {
    let (mut exchange, ann, _) = exchange();
    let order = exchange.place(ann, &limit(Side::Buy, 100, 2)).unwrap().order;
    exchange.set_time(10);
    exchange.market_take(SYMBOL, Side::Sell, 100 * ONE, ONE);
    exchange.set_time(20);
    exchange.market_take(SYMBOL, Side::Sell, 100 * ONE, ONE);
    let then = |at| exchange.order_as_of(ann, SYMBOL, &OrderRef::id(order.id), at);
    assert_eq!(then(-1), None);
    for (at, status) in [
        (0, OrderStatus::New),
        (9, OrderStatus::New),
        (10, OrderStatus::PartiallyFilled),
        (20, OrderStatus::Filled),
    ] {
        assert_eq!(then(at).map(|order| order.status), Some(status), "{at}");
    }
}

#[test]
fn trades_of_one_taker_at_one_price_are_one_aggregated_trade() {
    let (mut exchange, ann, ben) = exchange();
    for qty in [1, 2] {
        exchange.place(ann, &limit(Side::Sell, 100, qty)).unwrap();
    }
    exchange.place(ann, &limit(Side::Sell, 101, 3)).unwrap();
    exchange.place(ben, &limit(Side::Buy, 101, 5)).unwrap();
    exchange.place(ben, &limit(Side::Buy, 101, 1)).unwrap();
    let all: Vec<_> =
        exchange.agg_trades(SYMBOL).map(|t| (t.id, t.qty / ONE, t.first, t.last)).collect();
    assert_eq!(all, [(1, 3, 1, 2), (2, 2, 3, 3), (3, 1, 4, 4)]);
    let told = exchange.drain().into_iter().filter(|e| matches!(e, Event::AggTrade(_))).count();
    assert_eq!(told, 3);
    let fills: Vec<u64> = exchange.fills(ben, SYMBOL, 3).map(|fill| fill.trade_id).collect();
    assert_eq!(fills, [3, 4]);
    assert_eq!(exchange.orders(ann, SYMBOL, 2).count(), 2);
}

#[test]
fn figures_of_a_day_and_averages() {
    let (mut exchange, _, _) = exchange_with(|settings| settings.start_ns = 86_400 * SECOND * 100);
    let start = exchange.now_ns();
    for (minute, price, qty) in [(0, 100, 1), (1, 110, 1), (700, 90, 2), (1_439, 95, 1)] {
        exchange.set_time(start + minute * 60 * SECOND);
        exchange.market_print(SYMBOL, Side::Buy, price * ONE, qty * ONE);
    }
    let ticker = exchange.ticker(SYMBOL);
    let prices = (ticker.open, ticker.high, ticker.low, ticker.last, ticker.trades);
    assert_eq!(prices, (100 * ONE, 110 * ONE, 90 * ONE, 95 * ONE, 4));
    assert_eq!((ticker.volume, ticker.average), (5 * i128::from(ONE), 97 * ONE));
    assert_eq!(exchange.average_price(SYMBOL, 5), Some(95 * ONE));
    assert_eq!(exchange.average_price(SYMBOL, 800), Some(9_166_666_666));
    exchange.set_time(start + 1_441 * 60 * SECOND);
    let ticker = exchange.ticker(SYMBOL);
    assert_eq!((ticker.open, ticker.previous_close, ticker.trades), (110 * ONE, 100 * ONE, 3));
    let hours = exchange.candles(SYMBOL, Interval::Seconds(3_600), (None, None), 100);
    assert_eq!((hours.len(), hours[0].trades, hours[1].trades), (25, 2, 0));
    assert_eq!(hours[11].close, 90 * ONE);
}

#[test]
fn histories_lose_their_oldest_entries() {
    let (mut exchange, ann, _) = exchange_with(|settings| {
        settings.limits.trades_kept = 3;
        settings.limits.reports_kept = 2;
        settings.limits.levels_max = 2;
    });
    for _ in 0..5 {
        exchange.market_print(SYMBOL, Side::Buy, ONE, ONE);
        exchange.place(ann, &limit(Side::Buy, 1, 1)).unwrap();
    }
    let ids: Vec<u64> = exchange.trades(SYMBOL).map(|trade| trade.id).collect();
    assert_eq!(ids, [3, 4, 5]);
    assert_eq!(exchange.reports(ann, 0).count(), 2);
    assert!(exchange.market_level(SYMBOL, Side::Sell, 10 * ONE, ONE));
    assert!(exchange.market_level(SYMBOL, Side::Sell, 11 * ONE, ONE));
    assert!(!exchange.market_level(SYMBOL, Side::Sell, 12 * ONE, ONE), "one price too many");
    assert!(!exchange.market_level(SYMBOL, Side::Sell, 11 * ONE, 1), "finer than a step");
}
